/* relay.c: paths by way of TURN servers. */
#include "net.h"
#include "relay_priv.h"

#include <criterion/criterion.h>

#define BEGIN NET_BEGINNING

#define SERVER(text)                                                                                                        \
    {                                                                                                                       \
        .uri = (text), .username = NET_TURN_USER, .password = NET_TURN_PASSWORD                                             \
    }

static const hf_ice_server by_udp = SERVER("turn:198.51.100.9");
static const hf_ice_server by_tcp = SERVER("turn:198.51.100.9?transport=tcp");
static const hf_ice_server by_tls = SERVER("turns:198.51.100.9:3478");

static void start(net *n, const hf_ice_config *config)
{

    hf_ice_config a = *config, b = *config;
    a.controlling = true;
    net_start(n, &a, &b);
    net_exchange(n);
}

static bool is_of_server(const hf_addr *addr)
{
    return addr->ip[0] == 198 || (addr->family == HF_FAMILY_IPV6 && addr->ip[0] == 0x20);
}

/* A host reaches nothing but servers' own ports. */
static bool drops_direct(net *n, net_flight *flight)
{
    (void)n;
    bool is_between_relays = is_of_server(&flight->path.local) && is_of_server(&flight->path.remote);
    return is_between_relays || flight->path.local.port == 3478 || flight->path.remote.port == 3478;
}

static void init(net *n)
{
    net_init(n, 1);
    net_add_turn(n, "198.51.100.9:3478", NULL, NULL);
}

static hf_ice_route route_of(const net_host *host)
{
    hf_ice_route route = {0};
    cr_expect(hf_ice_get_route(host->ice, &route));
    return route;
}

static void expect_talk(net *n)
{
    size_t a = n->a.data_received, b = n->b.data_received;
    cr_expect(net_says(n, &n->a, "hello"));
    cr_expect(net_says(n, &n->b, "hello"));
    net_run(n, HF_MS(200));
    cr_expect_eq(n->a.data_received, a + 1);
    cr_expect_eq(n->b.data_received, b + 1);
}

static void start_renominating(net *n, const hf_ice_config *config, bool renomination)
{
    hf_ice_config a = *config;
    a.controlling = true;
    net_start(n, &a, config);
    hf_ice_remote_agent of_b = {
        .ufrag = hf_ice_local_ufrag(n->b.ice), .pwd = hf_ice_local_pwd(n->b.ice), .renomination = renomination};
    cr_assert_eq(hf_ice_set_remote(n->a.ice, n->now, &of_b), HF_OK);
    net_set_remote(n, &n->b, &n->a);
}

/* --- Where nothing else does ---------------------------------------------------------------------------------------- */

Test(relay, carries_data_where_nothing_else_does)
{
    static const hf_ice_server servers[] = {SERVER("turn:198.51.100.9"), SERVER("turn:198.51.100.9?transport=tcp"),
                                            SERVER("turns:198.51.100.9:3478")};
    for (size_t i = 0; i < 3; i++) {
        net n;
        init(&n);
        n.hook = drops_direct;
        start(&n, &(hf_ice_config){.servers = &servers[i], .servers_len = 1});
        net_run(&n, HF_MS(600));
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CONNECTED, "%s", servers[i].uri);
        cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_CONNECTED, "%s", servers[i].uri);
        cr_expect_geq(n.a.connected_at - BEGIN, HF_ICE_HEAD_START, "%s", servers[i].uri);
        expect_talk(&n);
        net_run(&n, HF_SECONDS(6));
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED, "%s", servers[i].uri);
        expect_talk(&n);

        hf_ice_route a = route_of(&n.a), b = route_of(&n.b);
        cr_expect_eq(a.local_type, HF_ICE_RELAYED);
        cr_expect(is_of_server(&a.local) && is_of_server(&a.path.remote));
        cr_expect(hf_addr_equal(&a.remote, &b.local) && hf_addr_equal(&b.remote, &a.local));
        cr_expect_eq(a.relay_transport, i == 0 ? HF_UDP : HF_TCP);
        cr_expect_eq(a.path.transport, a.relay_transport);
        cr_expect_eq(a.relay_tls, i == 2);
        cr_expect_eq(a.wrap.before, 4, "data goes by a channel: %s", servers[i].uri);

        static const char *const protocols[] = {"udp", "tcp", "tls"};
        hf_ice_candidate_info info;
        for (size_t k = 0; hf_ice_get_candidate(n.a.ice, false, k, &info); k++) {
            bool is_relayed = info.candidate.type == HF_ICE_RELAYED;
            cr_expect_str_eq(info.relay_protocol, is_relayed ? protocols[i] : "");
            cr_expect_str_eq(info.url, is_relayed ? servers[i].uri : "");
        }
        cr_assert(hf_ice_get_candidate(n.a.ice, true, 0, &info));
        cr_expect_str_eq(info.url, "", "the remote's servers are not known");
        net_clear(&n);
    }
}

/* Without UDP of any kind, and with every other kind of candidate turned off. */
Test(relay, by_a_stream_needs_no_udp)
{
    net n;
    init(&n);
    n.udp_is_blocked = true;
    start(&n, &(hf_ice_config){.servers = &by_tls, .servers_len = 1, .no_udp = true, .relay = HF_ICE_RELAY_AT_ONCE});
    n.udp_is_blocked = false; /* between the server and itself */
    net_run(&n, HF_SECONDS(2));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    expect_talk(&n);
    net_clear(&n);
}

/* --- When it joins -------------------------------------------------------------------------------------------------- */

static bool counts_relayed(net *n, net_flight *flight)
{
    hf_stun_message m;
    bool is_between_hosts = !is_of_server(&flight->path.local) && !is_of_server(&flight->path.remote);
    bool is_request = hf_stun_read(hf_bytes_of(flight->data, flight->len), &m) && m.class_ == HF_STUN_REQUEST;
    if (!is_between_hosts && !is_request)
        ++*(size_t *)n->context;
    return true;
}

Test(relay, stays_out_where_a_direct_path_works)
{
    net n;
    size_t relayed = 0;
    init(&n);
    n.hook = counts_relayed;
    n.context = &relayed;
    start(&n, &(hf_ice_config){.servers = &by_udp, .servers_len = 1});
    net_run(&n, HF_SECONDS(5));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(route_of(&n.a).local_type, HF_ICE_HOST);
    cr_expect_eq(route_of(&n.b).remote_type, HF_ICE_HOST);
    cr_expect_eq(n.a.route_changes, n.b.route_changes);
    hf_turn_server_stats stats;
    hf_turn_server_get_stats(n.turns[0].server, &stats);
    cr_expect_eq(stats.allocations, 2);
    cr_expect_eq(stats.to_peers_packets, 0, "permissions are there, but nothing is sent");
    net_clear(&n);
}

typedef struct joining {
    const char *why;
    hf_ice_relay policy;
    hf_span head_start;
    bool is_symmetric;
    hf_span least, most;
} joining;

Test(relay, joins_when_the_time_has_come)
{
    static const hf_ice_server servers[] = {{.uri = "stun:198.51.100.1"}, SERVER("turn:198.51.100.9")};
    static const joining table[] = {
        {"by default", HF_ICE_RELAY_DEFAULT, 0, false, HF_ICE_HEAD_START, HF_ICE_HEAD_START + HF_MS(100)},
        {"another head start", HF_ICE_RELAY_DEFAULT, HF_SECONDS(1), false, HF_SECONDS(1), HF_MS(1100)},
        {"at once", HF_ICE_RELAY_AT_ONCE, 0, false, 0, HF_MS(250)},
        {"two mappings", HF_ICE_RELAY_DEFAULT, 0, true, 0, HF_MS(250)},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        net n;
        init(&n);
        n.server = net_addr("198.51.100.1:3478");
        n.a.nat = net_addr("203.0.113.1:40000");
        n.b.nat = net_addr("203.0.113.2:40000");
        n.a.nat_is_symmetric = n.b.nat_is_symmetric = table[i].is_symmetric;
        n.hook = drops_direct;
        start(&n, &(hf_ice_config){
                      .servers = servers, .servers_len = 2, .relay = table[i].policy, .head_start = table[i].head_start});
        net_run(&n, HF_SECONDS(3));
        cr_assert(net_has_state(&n.a, HF_ICE_CONNECTED), "%s", table[i].why);
        cr_expect_geq(n.a.connected_at - BEGIN, table[i].least, "%s", table[i].why);
        cr_expect_leq(n.a.connected_at - BEGIN, table[i].most, "%s: %ld", table[i].why, (long)(n.a.connected_at - BEGIN));
        net_clear(&n);
    }
}

/* UDP gets nowhere: what a server says over TCP shows it before the head start is over. */
Test(relay, joins_at_once_where_udp_is_blocked)
{
    static const hf_ice_server servers[] = {
        {.uri = "stun:198.51.100.1"}, SERVER("turn:198.51.100.9"), SERVER("turns:198.51.100.9:3478")};
    net n;
    init(&n);
    n.server = net_addr("198.51.100.1:3478");
    n.hook = drops_direct;
    n.server_is_silent = true;
    n.turns[0].is_deaf_to_udp = true;
    start(&n, &(hf_ice_config){.servers = servers, .servers_len = 3});
    net_run(&n, HF_SECONDS(3));
    cr_assert(net_has_state(&n.a, HF_ICE_CONNECTED));
    cr_expect_leq(n.a.connected_at - BEGIN, HF_MS(290));
    cr_expect_eq(route_of(&n.a).relay_transport, HF_TCP);
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
    net_clear(&n);
}

/* The direct path opens after a second: data moves there, and stays. */
static bool drops_direct_for_a_second(net *n, net_flight *flight)
{
    return n->now > BEGIN + HF_SECONDS(1) || drops_direct(n, flight);
}

Test(relay, gives_way_to_a_direct_path_that_works_later)
{
    for (int renomination = 0; renomination < 2; renomination++) {
        net n;
        init(&n);
        n.hook = drops_direct_for_a_second;
        hf_ice_config config = {.servers = &by_udp, .servers_len = 1};
        start_renominating(&n, &config, renomination > 0);
        net_run(&n, HF_MS(900));
        cr_expect_eq(route_of(&n.a).local_type, HF_ICE_RELAYED);
        expect_talk(&n);
        net_run(&n, HF_SECONDS(8));
        cr_expect_eq(route_of(&n.a).local_type, HF_ICE_HOST);
        cr_expect_eq(route_of(&n.b).local_type, HF_ICE_HOST);
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
        expect_talk(&n);
        net_clear(&n);
    }
}

Test(relay, takes_over_where_the_direct_path_is_lost)
{
    net n;
    init(&n);
    hf_ice_config config = {.servers = &by_udp, .servers_len = 1};
    start_renominating(&n, &config, true);
    net_run(&n, HF_SECONDS(5));
    cr_expect_eq(route_of(&n.a).local_type, HF_ICE_HOST);
    n.hook = drops_direct;
    net_run(&n, HF_SECONDS(20));
    cr_expect_eq(route_of(&n.a).local_type, HF_ICE_RELAYED);
    expect_talk(&n);
    net_clear(&n);
}

/* --- Relay only ----------------------------------------------------------------------------------------------------- */

typedef struct witness {
    hf_addr host;
    size_t strange; /* datagrams of the host that went elsewhere than to the TURN server's port */
    size_t seen;
} witness;

static bool watches(net *n, net_flight *flight)
{
    witness *w = n->context;
    bool is_of_host = hf_addr_equal_ip(&flight->path.local, &w->host);
    w->seen += is_of_host;
    w->strange += is_of_host && !hf_addr_equal(&flight->path.remote, &n->turns[0].listens[0]);
    return true;
}

Test(relay, alone_shows_and_sends_nothing_else)
{
    static const hf_ice_server servers[] = {
        {.uri = "stun:198.51.100.1"}, SERVER("turn:198.51.100.9"), SERVER("turn:198.51.100.9?transport=tcp")};
    net n;
    witness w = {0};
    init(&n);
    n.server = net_addr("198.51.100.1:3478");
    n.has_tcp = n.has_multicast = true;
    n.hook = watches;
    n.context = &w;
    n.a.nat = w.host = net_addr("10.77.0.1:40000"); /* which the server sees */
    hf_ice_config a = {.controlling = true,
                       .servers = servers,
                       .servers_len = 3,
                       .relay = HF_ICE_RELAY_ONLY,
                       .tcp = HF_ICE_TCP_LISTEN,
                       .mdns = HF_ICE_MDNS_HIDE};
    hf_ice_config b = {.tcp = HF_ICE_TCP_OFF};
    net_start(&n, &a, &b);
    net_exchange(&n);
    /* b, which is open to everybody, knows where a is, and checks there, too */
    hf_ice_candidate told = {
        .type = HF_ICE_HOST, .component = 1, .priority = 1, .foundation = "1", .addr = n.a.locals[0].addr};
    cr_assert_eq(hf_ice_add_remote_candidate(n.b.ice, n.now, &told, NULL), HF_OK);
    hf_ice_candidate named = {.component = 1,
                              .priority = 2,
                              .foundation = "2",
                              .addr = {.port = 9000},
                              .name = "0b9a1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3.local"};
    cr_expect_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &named, NULL), HF_ENOTSUP);
    net_run(&n, HF_MS(100));
    size_t of_b = n.b.sent;
    net_run(&n, HF_SECONDS(5));
    cr_expect_gt(n.b.sent, of_b);
    cr_expect(w.seen > 0 && w.strange == 0, "%zu of %zu packets to others than the servers", w.strange, w.seen);
    cr_assert_gt(n.a.candidates_len, 0);
    for (size_t i = 0; i < n.a.candidates_len; i++) {
        const hf_ice_candidate *c = &n.a.candidates[i];
        cr_expect_eq(c->type, HF_ICE_RELAYED);
        cr_expect(is_of_server(&c->addr));
        cr_expect(hf_addr_is_unspecified(&c->related) && c->related.port == 9);
    }
    cr_expect_eq(n.names_len, 0);
    cr_expect_eq(route_of(&n.a).local_type, HF_ICE_RELAYED);
    cr_expect_eq(route_of(&n.b).remote_type, HF_ICE_RELAYED);
    expect_talk(&n);
    net_clear(&n);
}

Test(relay, alone_answers_nobody_who_has_guessed_where_it_is)
{
    static const hf_ice_server servers[] = {SERVER("turn:198.51.100.9")};
    net n;
    witness w = {0};
    init(&n);
    n.hook = watches;
    n.context = &w;
    w.host = n.a.locals[0].addr;
    hf_ice_config a = {.servers = servers, .servers_len = 1, .relay = HF_ICE_RELAY_ONLY}, b = {.controlling = true};
    net_start(&n, &a, &b);
    net_exchange(&n);
    hf_ice_candidate guess = {.component = 1, .priority = 1, .foundation = "1", .addr = n.a.locals[0].addr};
    cr_assert_eq(hf_ice_add_remote_candidate(n.b.ice, n.now, &guess, NULL), HF_OK);
    net_run(&n, HF_SECONDS(10));
    hf_ice_stats stats;
    hf_ice_get_stats(n.a.ice, &stats);
    cr_expect_gt(stats.drops.by_cause[HF_DROP_UNKNOWN_PATH], 0, "asked");
    cr_expect(w.seen > 0 && w.strange == 0, "%zu of %zu packets to others than the servers", w.strange, w.seen);
    cr_expect_eq(route_of(&n.a).local_type, HF_ICE_RELAYED);
    net_clear(&n);
}

/* --- Trouble -------------------------------------------------------------------------------------------------------- */

typedef struct refusal {
    const char *why;
    hf_ice_server server;
    hf_turn_server_config config;
    hf_err cause;
    size_t asked; /* for credentials */
} refusal;

Test(relay, names_what_is_wrong_and_goes_on_without)
{
    static const hf_turn_user user = {.name = NET_TURN_USER, .password = NET_TURN_PASSWORD};
    static const hf_turn_range ten = {.addr = {.family = HF_FAMILY_IPV4, .ip = {10}}, .prefix = 8};
    static const refusal table[] = {
        {"a wrong password", {.uri = "turn:198.51.100.9", .username = NET_TURN_USER, .password = "guess"}, {0}, HF_EAUTH, 1},
        {"no credentials", {.uri = "turn:198.51.100.9"}, {0}, HF_OK, 1},
        {"a quota", SERVER("turn:198.51.100.9"), {.user_allocations_max = 1}, HF_EQUOTA, 0},
        {"nobody there", SERVER("turn:198.51.100.77"), {0}, HF_ETIMEDOUT, 0},
        {"nobody there, TCP", SERVER("turn:198.51.100.77?transport=tcp"), {0}, HF_ETIMEDOUT, 0},
        {"no such name", SERVER("turn:turn.example.org"), {0}, HF_ERESOLVE, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        net n;
        net_init(&n, 1);
        hf_turn_server_config config = table[i].config;
        config.users = &user;
        config.users_len = 1;
        config.allowed = &ten;
        config.allowed_len = 1;
        net_add_turn(&n, "198.51.100.9:3478", NULL, &config);
        start(&n, &(hf_ice_config){.servers = &table[i].server, .servers_len = 1});
        net_run(&n, HF_SECONDS(7));
        const net_host *second = n.b.server_failures > 0 ? &n.b : &n.a; /* the quota is for one of them */
        cr_expect_eq(second->server_failures, table[i].cause != HF_OK, "%s", table[i].why);
        cr_expect_eq(second->server_cause, table[i].cause, "%s: %s", table[i].why, hf_err_text(second->server_cause));
        cr_expect_eq(n.a.credentials_needed, table[i].asked, "%s", table[i].why);
        cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE, "%s", table[i].why);
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED, "%s", table[i].why);
        net_clear(&n);
    }
}

Test(relay, waits_for_credentials_that_come_late)
{
    static const hf_ice_server without = {.uri = "turn:198.51.100.9"};
    net n;
    init(&n);
    n.hook = drops_direct;
    start(&n, &(hf_ice_config){.servers = &without, .servers_len = 1});
    net_run(&n, HF_SECONDS(2));
    cr_expect_eq(n.a.credentials_needed, 1);
    cr_expect_str_eq(n.a.server_uri, without.uri);
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
    cr_expect_eq(hf_ice_set_credentials(n.a.ice, n.now, "turn:example.org", "u", "p"), HF_ENOENT);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(hf_ice_set_credentials(i ? n.a.ice : n.b.ice, n.now, without.uri, NET_TURN_USER, NET_TURN_PASSWORD),
                     HF_OK);
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CONNECTED);
    expect_talk(&n);
    net_clear(&n);
}

/* Two servers, one of which is silent; and two addresses of one name, the first of which is. */
Test(relay, falls_back_on_another_server)
{
    static const hf_ice_server servers[] = {SERVER("turn:198.51.100.77"), SERVER("turn:198.51.100.9")};
    net n;
    init(&n);
    n.hook = drops_direct;
    start(&n, &(hf_ice_config){.servers = servers, .servers_len = 2});
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CONNECTED);
    net_run(&n, HF_SECONDS(6));
    cr_expect_eq(n.a.server_failures, 1);
    cr_expect_str_eq(n.a.server_uri, servers[0].uri);
    net_clear(&n);
}

/* The first address of a name is silent. */
Test(relay, falls_back_on_another_address_of_its_name)
{
    static const hf_ice_server named = SERVER("turn:turn.example.org");
    net n;
    init(&n);
    n.name_resolves_to = net_addr("198.51.100.77");
    n.name_resolves_too = net_addr("198.51.100.9");
    n.hook = drops_direct;
    start(&n, &(hf_ice_config){.servers = &named, .servers_len = 1});
    net_run(&n, HF_SECONDS(7));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CONNECTED);
    cr_expect_eq(n.a.server_failures, 0);
    net_clear(&n);
}

Test(relay, is_asked_for_where_a_server_sends_us)
{
    static const hf_ice_server servers[] = {SERVER("turn:198.51.100.1")};
    net n;
    init(&n);
    n.server = net_addr("198.51.100.1:3478");
    n.server_redirects_to = net_addr("198.51.100.9:3478");
    n.hook = drops_direct;
    start(&n, &(hf_ice_config){.servers = servers, .servers_len = 1});
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CONNECTED);
    net_clear(&n);

    init(&n); /* from one to the next, for ever */
    n.server = n.server_redirects_to = net_addr("198.51.100.1:3478");
    hf_ice_config a = {.controlling = true, .servers = servers, .servers_len = 1};
    net_start(&n, &a, NULL);
    net_run(&n, HF_SECONDS(30));
    cr_expect_eq(n.redirections, 4);
    cr_expect_eq(n.a.server_failures, 1);
    net_clear(&n);
}

/* One that gives away an address of ours would have our own packets go by way of it. */
Test(relay, cannot_take_an_address_of_ours)
{
    const hf_addr ours = {.family = HF_FAMILY_IPV4, .ip = {10, 0, 0, 1}};
    hf_turn_server_config liar = {.relay_addrs = &ours, .relay_addrs_len = 1, .port_first = 5000, .port_last = 5000};
    net n;
    net_init(&n, 1);
    net_add_turn(&n, "198.51.100.9:3478", NULL, &liar);
    hf_ice_config a = {.controlling = true, .servers = &by_udp, .servers_len = 1, .relay = HF_ICE_RELAY_AT_ONCE};
    net_start(&n, &a, NULL);
    net_exchange(&n);
    net_run(&n, HF_MS(100));
    cr_assert_eq(n.turns[0].relays_len, 1, "the lie was told");
    n.turns[0].relays_len = 0; /* and the machine doesn't catch what is for us */
    net_run(&n, HF_SECONDS(3));
    cr_expect_eq(n.a.candidates_len, 1);
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    hf_ice_route route = route_of(&n.a);
    cr_expect(hf_addr_equal(&route.path.remote, &n.b.locals[0].addr));
    net_clear(&n);
}

/* A server that gives and takes at once must not have us try for ever, at full speed. */
Test(relay, that_never_stands_for_long_is_asked_ever_less_often)
{
    net n;
    init(&n);
    start(&n, &(hf_ice_config){.servers = &by_tcp, .servers_len = 1});
    for (int i = 0; i < 600; i++) { /* a minute */
        net_run(&n, HF_MS(100));
        if (n.a.ice->allocations[0]->state == HF_ICE_ALLOCATION_STANDING)
            net_break_streams(&n);
    }
    cr_expect_eq(n.a.connects, 6, "after 0, 1, 3, 7, 15 and 31 s");
    net_clear(&n);
}

Test(relay, that_dies_is_asked_for_again_until_it_is_back)
{
    for (int is_stream = 0; is_stream < 2; is_stream++) {
        net n;
        init(&n);
        n.hook = drops_direct;
        start(&n, &(hf_ice_config){.servers = is_stream ? &by_tcp : &by_udp, .servers_len = 1});
        net_run(&n, HF_SECONDS(8));
        cr_assert_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
        size_t candidates = n.a.candidates_len;
        net_kill_turn(&n, &n.turns[0]);
        net_run(&n, HF_SECONDS(12));
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_DISCONNECTED);
        cr_expect_eq(n.a.server_failures, 1);
        net_start_turn(&n, &n.turns[0]);
        hf_time back_at = n.now;
        while (hf_ice_get_state(n.a.ice) == HF_ICE_DISCONNECTED && n.now < back_at + HF_SECONDS(5))
            net_run(&n, HF_MS(10));
        cr_expect_lt(n.now - back_at, HF_SECONDS(2), "%d: %ld", is_stream, (long)(n.now - back_at));
        cr_expect_gt(n.a.candidates_len, candidates, "the new one is told");
        net_run(&n, HF_SECONDS(1));
        expect_talk(&n);
        net_clear(&n);
    }
}

/* The way to it is cut: what wants to connect hears nothing, and nobody repeats it but we. */
Test(relay, over_a_stream_is_tried_each_second_while_the_way_to_it_is_cut)
{
    net n;
    init(&n);
    n.hook = drops_direct;
    start(&n, &(hf_ice_config){.servers = &by_tcp, .servers_len = 1});
    net_run(&n, HF_SECONDS(8));
    cr_assert_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    n.is_cut = true;
    net_run(&n, HF_SECONDS(5));
    cr_assert_eq(hf_ice_get_state(n.a.ice), HF_ICE_DISCONNECTED);
    n.is_cut = false;
    hf_time back_at = n.now;
    while (hf_ice_get_state(n.a.ice) == HF_ICE_DISCONNECTED && n.now < back_at + HF_SECONDS(5))
        net_run(&n, HF_MS(10));
    cr_expect_lt(n.now - back_at, HF_MS(1300), "%ld", (long)(n.now - back_at));
    net_run(&n, HF_SECONDS(1));
    expect_talk(&n);
    net_clear(&n);
}

Test(relay, is_given_back_at_the_end)
{
    for (int is_stream = 0; is_stream < 2; is_stream++) {
        net n;
        init(&n);
        start(&n, &(hf_ice_config){.servers = is_stream ? &by_tcp : &by_udp, .servers_len = 1});
        net_run(&n, HF_SECONDS(2));
        hf_turn_server_stats stats;
        hf_turn_server_get_stats(n.turns[0].server, &stats);
        cr_expect_eq(stats.allocations, 2);
        hf_ice_close(n.a.ice, n.now);
        hf_ice_close(n.b.ice, n.now);
        net_run(&n, HF_SECONDS(1));
        hf_turn_server_get_stats(n.turns[0].server, &stats);
        cr_expect_eq(stats.allocations, 0);
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CLOSED);
        cr_expect_eq(hf_ice_deadline(n.a.ice), HF_NEVER);
        cr_expect_eq(hf_ice_restart(n.a.ice, n.now), HF_ESTATE);
        size_t sent = n.a.sent + n.b.sent;
        net_run(&n, HF_SECONDS(30));
        cr_expect_eq(n.a.sent + n.b.sent, sent);
        cr_expect_eq(n.a.streams_len, 0);
        net_clear(&n);
    }
}

/* RFC 8445 §9: a restart gathers again, but the allocation is the agent's. */
Test(relay, outlives_a_restart)
{
    net n;
    init(&n);
    n.hook = drops_direct;
    start(&n, &(hf_ice_config){.servers = &by_udp, .servers_len = 1});
    net_run(&n, HF_SECONDS(2));
    hf_ice_route before = route_of(&n.a);
    net_restart(&n, &n.a);
    net_restart(&n, &n.b);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(6));
    hf_ice_route after = route_of(&n.a);
    hf_turn_server_stats stats;
    hf_turn_server_get_stats(n.turns[0].server, &stats);
    cr_expect_eq(stats.allocations_made, 2);
    cr_expect(hf_addr_equal(&before.local, &after.local));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    net_run(&n, HF_SECONDS(20)); /* the old generation is gone, and its permissions were the new one's, too */
    expect_talk(&n);
    net_clear(&n);
}

/* An IPv6 host and an IPv4 host meet at a relay that has both. */
Test(relay, joins_ipv6_with_ipv4)
{
    static const hf_ice_server servers[] = {SERVER("turn:198.51.100.9"), SERVER("turn:[2001:db8::9]")};
    net n;
    net_init(&n, 1);
    net_add_turn(&n, "198.51.100.9:3478", "[2001:db8::9]:3478", NULL);
    net_host_set_local(&n.b, 0, "[fd00::2]:6000");
    start(&n, &(hf_ice_config){.servers = servers, .servers_len = 2});
    net_run(&n, HF_SECONDS(3));
    cr_expect(net_has_state(&n.a, HF_ICE_CONNECTED));
    cr_expect_eq(route_of(&n.b).path.local.family, HF_FAMILY_IPV6);
    expect_talk(&n);
    net_clear(&n);
}

/* --- Memory --------------------------------------------------------------------------------------------------------- */

Test(relay, survives_each_failure_of_an_allocation)
{
    static const hf_ice_server servers[] = {SERVER("turn:198.51.100.9"), SERVER("turn:198.51.100.9?transport=tcp")};
    for (size_t at = 1;; at++) {
        net n;
        init(&n);
        n.hook = drops_direct;
        n.a.env.fail_at = at;
        hf_ice_config a = {.controlling = true, .servers = servers, .servers_len = 2}, b = a;
        b.controlling = false;
        if (hf_ice_new(&n.a.ice, &a, &n.a.env.env) == HF_OK) {
            cr_assert_eq(hf_ice_new(&n.b.ice, &b, &n.b.env.env), HF_OK);
            cr_assert_eq(hf_ice_gather(n.a.ice, n.now), HF_OK);
            cr_assert_eq(hf_ice_gather(n.b.ice, n.now), HF_OK);
            hf_ice_remote_agent of_b = {.ufrag = hf_ice_local_ufrag(n.b.ice), .pwd = hf_ice_local_pwd(n.b.ice)};
            while (hf_ice_set_remote(n.a.ice, n.now, &of_b) == HF_ENOMEM)
                ;
            net_set_remote(&n, &n.b, &n.a);
            n.forgives_lack_of_memory = true;
            net_run(&n, HF_SECONDS(8));
            net_kill_turn(&n, &n.turns[0]);
            net_run(&n, HF_MS(500));
            net_start_turn(&n, &n.turns[0]);
            net_run(&n, HF_SECONDS(5));
        }
        bool has_failed = n.a.env.allocations >= at;
        n.a.env.fail_at = 0;
        net_clear(&n);
        if (!has_failed)
            break;
    }
}

/* --- By turns -------------------------------------------------------------------------------------------------------- */

static void restart_with(net *n, hf_ice_relay relay)
{
    n->a.gatherings_len = n->b.gatherings_len = 0;
    n->a.candidates_len = n->b.candidates_len = n->a.candidates_given = n->b.candidates_given = 0;
    cr_expect_eq(hf_ice_set_relay(n->a.ice, relay), HF_OK);
    cr_expect_eq(hf_ice_set_relay(n->b.ice, relay), HF_OK);
    net_restart(n, &n->a);
    net_restart(n, &n->b);
    net_exchange(n);
    net_run(n, HF_SECONDS(8));
}

static size_t count_type(const net_host *host, hf_ice_candidate_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < host->candidates_len; i++)
        count += host->candidates[i].type == type;
    return count;
}

Test(relay, policy_changes_with_a_restart)
{
    static const struct {
        hf_ice_relay relay;
        bool host, relayed;
        hf_ice_candidate_type route;
    } turns[] = {
        {HF_ICE_RELAY_NEVER, true, false, HF_ICE_HOST},  {HF_ICE_RELAY_ONLY, false, true, HF_ICE_RELAYED},
        {HF_ICE_RELAY_DEFAULT, true, true, HF_ICE_HOST}, {HF_ICE_RELAY_ONLY, false, true, HF_ICE_RELAYED},
        {HF_ICE_RELAY_NEVER, true, false, HF_ICE_HOST},  {HF_ICE_RELAY_AT_ONCE, true, true, HF_ICE_HOST},
    };
    static const hf_ice_server both[] = {SERVER("turn:198.51.100.9"), {.uri = "stun:198.51.100.1"}};
    net n;
    init(&n);
    start(&n, &(hf_ice_config){.servers = both, .servers_len = 2, .relay = HF_ICE_RELAY_NEVER});
    net_run(&n, HF_SECONDS(8));
    cr_expect_eq(count_type(&n.a, HF_ICE_RELAYED), 0);
    cr_expect_eq(n.a.ice->allocations_len, 0, "none is asked for before there is a use for it");
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        restart_with(&n, turns[i].relay);
        cr_expect_eq(count_type(&n.a, HF_ICE_HOST) > 0, turns[i].host, "turn %zu", i);
        cr_expect_eq(count_type(&n.a, HF_ICE_RELAYED) > 0, turns[i].relayed, "turn %zu", i);
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED, "turn %zu", i);
        cr_expect_eq(route_of(&n.a).local_type, turns[i].route, "turn %zu", i);
        expect_talk(&n);
    }
    cr_expect_eq(hf_ice_set_relay(n.a.ice, (hf_ice_relay)4), HF_EINVAL);
    cr_expect_eq(hf_ice_set_relay(NULL, HF_ICE_RELAY_ONLY), HF_EINVAL);
    net_clear(&n);
}
