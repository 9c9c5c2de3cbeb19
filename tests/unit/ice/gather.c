/* gather.c: local addresses and servers. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>

static const hf_ice_server server = {.uri = "stun:198.51.100.1:3478"};
static const hf_ice_server named = {.uri = "stun:stun.example.org"};

static void start(net *n, const hf_ice_server *servers, size_t len)
{
    n->server = net_addr("198.51.100.1:3478");
    net_start(n, &(hf_ice_config){.controlling = true, .servers = servers, .servers_len = len}, NULL);
}

Test(gather, finds_what_the_server_sees)
{
    net n;
    net_init(&n, 1);
    n.a.nat = net_addr("203.0.113.1:40000");
    start(&n, &server, 1);
    net_run(&n, HF_SECONDS(1));
    cr_assert_eq(n.a.candidates_len, 2);
    hf_ice_candidate *c = &n.a.candidates[1];
    hf_addr outside = net_addr("203.0.113.1:40000");
    cr_expect_eq(c->type, HF_ICE_SERVER_REFLEXIVE);
    cr_expect(hf_addr_equal(&c->addr, &outside));
    cr_expect(hf_addr_equal(&c->related, &n.a.locals[0].addr));
    cr_expect_str_neq(c->foundation, n.a.candidates[0].foundation);
    cr_assert_eq(n.a.gatherings_len, 2);
    cr_expect_eq(n.a.gatherings[0], HF_ICE_GATHERING);
    cr_expect_eq(n.a.gatherings[1], HF_ICE_GATHERING_COMPLETE);
    net_clear(&n);
}

/* RFC 8445 §5.1.3: without a NAT, the reflexive candidate says nothing new. */
Test(gather, drops_the_redundant)
{
    net n;
    net_init(&n, 1);
    start(&n, &server, 1);
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(n.a.candidates_len, 1);
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
    cr_expect_eq(n.a.server_failures, 0);
    net_clear(&n);
}

Test(gather, resolves_names)
{
    net n;
    net_init(&n, 1);
    n.a.nat = net_addr("203.0.113.1:40000");
    n.name_resolves_to = net_addr("198.51.100.1");
    start(&n, &named, 1);
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(n.a.candidates_len, 2);
    net_clear(&n);
}

/* All servers are asked, from every local address of their family. */
Test(gather, asks_each_server_from_each_address)
{
    static const hf_ice_server servers[] = {
        {.uri = "stun:198.51.100.1"},
        {.uri = "stun:198.51.100.2"},
        {.uri = "stun:[2001:db8::3]"},
        {.uri = "stun:198.51.100.4"},
    };
    net n;
    net_init(&n, 1);
    net_host_set_local(&n.a, 1, "10.0.1.1:5000");
    net_host_set_local(&n.a, 2, "[2001:db8::1]:5000");
    n.server_is_silent = true;
    start(&n, servers, 4);
    net_run(&n, HF_MS(60));
    cr_expect_eq(n.a.sent, 2); /* paced as checks are */
    net_run(&n, HF_SECONDS(1));
    cr_assert_eq(n.a.ice->current->queries_len, 3 * 2 + 1);
    for (size_t i = 0; i < n.a.ice->current->queries_len; i++) {
        const hf_ice_query *q = &n.a.ice->current->queries[i];
        cr_expect_eq(q->addr.family, q->base->addr.family);
        cr_expect_geq(q->transaction.sent, 1);
    }
    net_clear(&n);
}

Test(gather, survives_a_lost_first_flight)
{
    net n;
    net_init(&n, 1);
    n.a.nat = net_addr("203.0.113.1:40000");
    n.is_cut = true;
    start(&n, &server, 1);
    net_run(&n, HF_MS(100));
    n.is_cut = false;
    net_run(&n, HF_MS(400));
    cr_expect_eq(n.a.candidates_len, 2);
    net_clear(&n);
}

/* Not in step with the servers' patience, but with that of who waits for a description. */
Test(gather, is_over_soon_though_a_server_is_silent)
{
    static const hf_ice_server servers[] = {{.uri = "stun:198.51.100.1"}, {.uri = "stun:198.51.100.77"}};
    for (int all_are_silent = 0; all_are_silent < 2; all_are_silent++) {
        net n;
        net_init(&n, 1);
        n.a.nat = net_addr("203.0.113.1:40000");
        start(&n, all_are_silent ? &servers[1] : servers, all_are_silent ? 1 : 2);
        net_run(&n, all_are_silent ? HF_MS(1990) : HF_MS(510));
        cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING);
        net_run(&n, HF_MS(50));
        cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
        cr_expect_eq(n.a.server_failures, 0);
        net_run(&n, HF_SECONDS(5));
        cr_expect_eq(n.a.server_failures, 1);
        cr_expect_eq(n.a.gatherings_len, 2);
        net_clear(&n);
    }
}

typedef struct trouble {
    const char *why;
    bool is_silent, refuses, has_no_name;
    hf_err cause;
} trouble;

Test(gather, tells_which_server_gave_nothing_and_ends)
{
    static const trouble troubles[] = {
        {"no answer", true, false, false, HF_ETIMEDOUT},
        {"an error", false, true, false, HF_EPROTO},
        {"no such name", false, false, true, HF_ERESOLVE},
    };
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        net n;
        net_init(&n, 1);
        n.server_is_silent = troubles[i].is_silent;
        n.server_refuses = troubles[i].refuses;
        start(&n, troubles[i].has_no_name ? &named : &server, 1);
        net_run(&n, HF_SECONDS(6));
        cr_expect_eq(n.a.server_failures, 1, "%s", troubles[i].why);
        cr_expect_eq(n.a.server_cause, troubles[i].cause, "%s", troubles[i].why);
        cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE, "%s", troubles[i].why);
        net_clear(&n);
    }
}

/* RFC 8445 §5.1.1.4: the mapping lives until a path is found, however long the answer takes. */
Test(gather, keeps_the_mapping_awake_until_checks_have_found_a_path)
{
    net n;
    net_init(&n, 1);
    n.a.nat = net_addr("203.0.113.1:40000");
    n.signal = HF_NEVER;
    start(&n, &server, 1);
    net_run(&n, HF_SECONDS(61));
    cr_expect_eq(n.a.sent, 5);
    cr_expect_eq(n.a.candidates_len, 2);
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
    n.signal = 0;
    net_exchange(&n);
    net_run(&n, HF_SECONDS(2));
    cr_assert_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    hf_ice_pair_info pair;
    cr_assert(hf_ice_get_pair(n.a.ice, 0, &pair));
    size_t others = n.a.sent - (size_t)pair.requests_sent - (size_t)pair.responses_sent;
    net_run(&n, HF_SECONDS(60));
    cr_assert(hf_ice_get_pair(n.a.ice, 0, &pair));
    cr_expect_eq(n.a.sent - (size_t)pair.requests_sent - (size_t)pair.responses_sent, others);
    net_clear(&n);
}

Test(gather, begins_once)
{
    net n;
    net_init(&n, 1);
    net_start(&n, NULL, NULL);
    cr_expect_eq(hf_ice_gather(n.a.ice, n.now), HF_ESTATE);
    net_clear(&n);
}

Test(gather, takes_an_answer_only_from_the_server)
{
    net n;
    net_init(&n, 1);
    n.a.nat = net_addr("203.0.113.1:40000");
    n.server_is_silent = true;
    start(&n, &server, 1);
    uint8_t buffer[100];
    hf_stun_writer s =
        hf_stun_begin(buffer, sizeof buffer, HF_STUN_SUCCESS, HF_STUN_BINDING, n.a.ice->current->queries[0].transaction.id);
    hf_addr lie = net_addr("203.0.113.66:666");
    hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &lie);
    hf_datagram d = {.path = {.local = n.a.locals[0].addr, .remote = net_addr("198.51.100.2:3478")},
                     .data = buffer,
                     .len = hf_stun_end(&s)};
    cr_expect_eq(hf_ice_input(n.a.ice, n.now, &d, 1), 0);
    net_run(&n, HF_MS(10));
    cr_expect_eq(n.a.candidates_len, 1);
    hf_ice_stats stats;
    hf_ice_get_stats(n.a.ice, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_STUN_UNMATCHED], 1);
    net_clear(&n);
}

/* --- Interfaces that come and go -------------------------------------------------------------------------------- */

Test(gather, a_new_address_is_told_and_paired)
{
    solo s;
    hf_stun_message m;
    solo_connect(&s);
    solo_count_events(&s, HF_ICE_CANDIDATE_FOUND);
    solo_set_locals(&s, (const char *[]){"10.0.0.1:5000", "10.0.0.44:5044"}, 2);
    cr_expect_eq(solo_count_events(&s, HF_ICE_CANDIDATE_FOUND), 1);
    cr_expect_eq(s.ice->current->pairs_len, 2);
    cr_expect(solo_route_goes_to(&s, "10.0.0.2:6000"));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
    solo_wait(&s, HF_MS(50));
    cr_expect_not(solo_take_class(&s, HF_STUN_REQUEST, &m)); /* a pair is nominated, and this one would be less */
    solo_clear(&s);
}

Test(gather, an_address_that_goes_takes_its_pairs_with_it)
{
    static const struct {
        const char *left;
        const char *route; /* NULL: none */
        hf_ice_state state;
        const char *why;
    } cases[] = {
        {"10.0.0.1:5000", "10.0.0.1:5000", HF_ICE_COMPLETED, "another one goes"},
        {"10.0.0.44:5044", "10.0.0.44:5044", HF_ICE_CONNECTED, "the route goes, and another pair is valid"},
        {"10.0.0.55:5055", NULL, HF_ICE_CONNECTED, "both go, and what is new has a moment to be checked"},
        {NULL, NULL, HF_ICE_DISCONNECTED, "all go"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        solo s;
        hf_stun_message m;
        hf_ice_route route;
        solo_init(&s, NULL);
        solo_set_locals(&s, (const char *[]){"10.0.0.1:5000", "10.0.0.44:5044"}, 2);
        solo_set_remote(&s);
        solo_add(&s, SOLO_OLD_REMOTE);
        for (int n = 0; n < 2; n++) {
            cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
            solo_answer(&s, &m, NULL);
            solo_wait(&s, HF_MS(50));
        }
        solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true});
        cr_assert_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
        solo_set_locals(&s, &cases[i].left, cases[i].left != NULL);
        bool has_route = hf_ice_get_route(s.ice, &route);
        cr_expect_eq(has_route, cases[i].route != NULL, "%s", cases[i].why);
        if (has_route && cases[i].route) {
            hf_addr local = net_addr(cases[i].route);
            cr_expect(hf_addr_equal(&route.path.local, &local), "%s", cases[i].why);
        }
        cr_expect_eq(hf_ice_get_state(s.ice), cases[i].state, "%s", cases[i].why);
        while (solo_take(&s, &m)) /* nothing leaves by a socket that is gone */
            cr_expect(hf_ice_has_socket(s.ice, &s.sent.path.local, HF_ICE_TCP_NONE), "%s", cases[i].why);
        solo_clear(&s);
    }
}

/* A driver that tells nonsense. */
Test(gather, local_addresses_that_nobody_can_have_are_left_out)
{
    hf_local many[HF_ICE_LOCAL_CANDIDATES_MAX + 9] = {0}, odd[6] = {0};
    static const char *const addrs[] = {"0.0.0.0:1", "224.0.0.1:1", "10.0.0.1:0", "10.0.0.7:7", "10.0.0.7:7", "[ff02::1]:1"};
    for (size_t i = 0; i < 6; i++)
        odd[i].addr = net_addr(addrs[i]);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i].addr = net_addr("10.1.0.1:1");
        many[i].addr.port = (uint16_t)(i + 1);
    }
    const struct {
        hf_reply reply;
        size_t candidates;
        const char *why;
    } cases[] = {
        {{.type = HF_REPLY_LOCALS, .locals = odd, .locals_len = 6}, 1, "unspecified, multicast, no port, twice the same"},
        {{.type = HF_REPLY_LOCALS, .locals = many, .locals_len = sizeof many / sizeof many[0]},
         HF_ICE_LOCAL_CANDIDATES_MAX,
         "too many"},
        {{.type = HF_REPLY_LOCALS, .err = HF_EIO, .locals = odd, .locals_len = 6}, 1, "it could not tell: nothing changes"},
        {{.type = HF_REPLY_LOCALS}, 0, "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        solo s;
        solo_init(&s, NULL);
        hf_ice_reply(s.ice, s.now, &cases[i].reply);
        cr_expect_eq(s.ice->current->locals_len, cases[i].candidates, "%s", cases[i].why);
        solo_clear(&s);
    }
}

Test(gather, addresses_come_and_go_during_a_restart)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    net_restart(&n, &n.a);
    net_host_set_local(&n.a, 1, "10.0.0.44:5044");
    net_locals_changed(&n, &n.a);
    cr_expect_eq(n.a.ice->newest->locals_len, 2);
    cr_expect_eq(n.a.ice->current->locals_len, 2, "the old path may have to move before the new one is there");
    net_host_set_local(&n.a, 0, "10.0.0.45:5045");
    net_locals_changed(&n, &n.a);
    cr_expect_eq(n.a.ice->newest->locals_len, 2);
    cr_expect_eq(n.a.ice->current->locals_len, 2, "what is gone is gone for all");
    cr_expect_eq(n.a.ice->current->pairs_len, 2);
    net_restart(&n, &n.b);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(2));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);

    net_restart(&n, &n.a); /* and one that is taken back knows them, too */
    net_host_set_local(&n.a, 2, "10.0.0.46:5046");
    net_locals_changed(&n, &n.a);
    cr_expect_eq(hf_ice_cancel_restart(n.a.ice, n.now), HF_OK);
    cr_expect_eq(n.a.ice->current->locals_len, 3);
    net_clear(&n);
}
