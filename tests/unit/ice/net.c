/* net.c: two agents and the network between them, in virtual time. */
#include "net.h"

#include <criterion/criterion.h>
#include <stdlib.h>

hf_addr net_addr(const char *text)
{
    hf_addr addr = {0};
    cr_assert(hf_addr_parse(text, strlen(text), &addr), "%s", text);
    return addr;
}

void net_init(net *n, uint64_t seed)
{
    memset(n, 0, sizeof *n);
    n->now = NET_BEGINNING;
    n->delay = HF_MS(10);
    n->random = seed * 2 + 1;
    n->flights = calloc(NET_FLIGHTS_MAX, sizeof *n->flights);
    cr_assert(n->flights);
    test_env_init(&n->a.env, seed);
    test_env_init(&n->b.env, seed + 1000);
    net_host_set_local(&n->a, 0, "10.0.0.1:5000");
    net_host_set_local(&n->b, 0, "10.0.0.2:6000");
}

void net_clear(net *n)
{
    hf_ice_free(n->a.ice);
    hf_ice_free(n->b.ice);
    for (size_t i = 0; i < n->turns_len; i++) {
        hf_turn_server_free(n->turns[i].server);
        cr_expect_eq(n->turns[i].env.blocks, 0);
    }
    free(n->flights);
    cr_expect_eq(n->a.env.blocks, 0);
    cr_expect_eq(n->b.env.blocks, 0);
}

void net_host_set_local(net_host *host, size_t index, const char *addr)
{
    cr_assert(index < NET_LOCALS_MAX);
    host->locals[index] = (hf_local){.addr = net_addr(addr), .interface = 1};
    if (index >= host->locals_len)
        host->locals_len = index + 1;
}

unsigned net_percent(net *n)
{
    n->random = n->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(n->random >> 33) % 100;
}

/* --- NAT ---------------------------------------------------------------------------------------------------------- */

static bool is_local_of(const net_host *host, const hf_addr *addr)
{
    for (size_t i = 0; i < host->locals_len; i++) {
        if (host->locals[i].transport == HF_UDP && hf_addr_equal(&host->locals[i].addr, addr))
            return true;
    }
    return false;
}

static hf_addr leave_nat(net_host *host, const hf_path *path)
{
    if (host->nat.family != path->local.family)
        return path->local;
    hf_addr outside = host->nat;
    bool is_mapped = false;
    outside.port = (uint16_t)(host->nat.port + host->holes_len);
    for (size_t i = 0; i < host->holes_len; i++) {
        net_hole *hole = &host->holes[i];
        if (!hf_addr_equal(&hole->inside, &path->local))
            continue;
        if (hf_addr_equal(&hole->remote, &path->remote))
            return hole->outside;
        if (!host->nat_is_symmetric && !is_mapped) {
            outside = hole->outside;
            is_mapped = true;
        }
    }
    cr_assert(host->holes_len < NET_HOLES_MAX);
    host->holes[host->holes_len++] = (net_hole){.inside = path->local, .outside = outside, .remote = path->remote};
    return outside;
}

void net_rebind(net_host *host)
{
    host->nat.port = (uint16_t)(host->nat.port + NET_HOLES_MAX);
    host->holes_len = 0;
}

/* Where a datagram for `to` enters the host; false: nowhere. */
static bool enter_host(const net_host *host, const hf_addr *from, const hf_addr *to, hf_addr *inside)
{
    if (host->nat.family != to->family) {
        *inside = *to;
        return is_local_of(host, to);
    }
    for (size_t i = 0; i < host->holes_len; i++) {
        const net_hole *hole = &host->holes[i];
        bool may_enter =
            host->nat_lets_in_any_port ? hf_addr_equal_ip(&hole->remote, from) : hf_addr_equal(&hole->remote, from);
        if (hf_addr_equal(&hole->outside, to) && may_enter) {
            *inside = hole->inside;
            return is_local_of(host, inside);
        }
    }
    return false;
}

/* --- The wire ------------------------------------------------------------------------------------------------------- */

void net_put(net *n, net_kind kind, const hf_path *path, const void *data, size_t len)
{
    cr_assert(n->flights_len < NET_FLIGHTS_MAX && len <= sizeof n->flights[0].data);
    net_flight *flight = &n->flights[n->flights_len++];
    *flight = (net_flight){.arrives = n->now + n->delay, .order = n->order_next++, .kind = kind, .path = *path, .len = len};
    if (len > 0)
        memcpy(flight->data, data, len);
}

void net_send(net *n, const hf_path *path, const void *data, size_t len)
{
    net_put(n, NET_DATAGRAM, path, data, len);
    if (n->is_cut || n->udp_is_blocked || net_percent(n) < n->loss ||
        (n->hook && !n->hook(n, &n->flights[n->flights_len - 1])))
        n->flights_len--;
}

static void advertise(net *n, const hf_request *request)
{
    cr_assert_lt(n->names_len, NET_NAMES_MAX);
    net_name *name = &n->names[n->names_len++];
    name->addr = request->path.local;
    strcpy(name->text, request->name);
}

static void find_name(const net *n, const char *text, hf_addr *out)
{
    for (size_t i = 0; n->has_multicast && i < n->names_len; i++) {
        if (strcmp(n->names[i].text, text) == 0)
            *out = n->names[i].addr;
    }
}

static void answer_request(net *n, net_host *host, const hf_request *request)
{
    hf_addr addrs[2] = {n->name_resolves_to, n->name_resolves_too};
    hf_reply reply = {.id = request->id};
    switch (request->type) {
    case HF_REQUEST_LOCALS:
        reply.type = HF_REPLY_LOCALS;
        reply.locals = host->locals;
        reply.locals_len = host->locals_len;
        break;
    case HF_REQUEST_CONNECT:
        net_connect_stream(n, host, request);
        return;
    case HF_REQUEST_DISCONNECT:
        net_disconnect_stream(n, host, request);
        return;
    case HF_REQUEST_BIND:
    case HF_REQUEST_UNBIND:
        cr_assert_fail("an agent asks for no socket of its own");
    case HF_REQUEST_RELEASE: /* an agent never asks for that */
    case HF_REQUEST_ADVERTISE:
        reply.type = HF_REPLY_ADVERTISED;
        reply.err = n->has_multicast ? HF_OK : HF_EIO;
        advertise(n, request);
        break;
    case HF_REQUEST_RESOLVE:
        reply.type = HF_REPLY_RESOLVED;
        find_name(n, request->name, &addrs[0]);
        reply.addrs = addrs;
        reply.addrs_len = addrs[0].family == HF_FAMILY_NONE ? 0 : addrs[1].family == HF_FAMILY_NONE ? 1 : 2;
        reply.err = reply.addrs_len ? HF_OK : HF_ERESOLVE;
        break;
    }
    hf_ice_reply(host->ice, n->now, &reply);
}

static void send_run(net *n, net_host *host, const hf_transmit *t)
{
    hf_path path = t->path;
    host->sent++;
    if (path.transport == HF_TCP) {
        net_send_bytes(n, host, &path, t->buffer, t->len);
    } else if (is_local_of(host, &path.local)) {
        path.local = leave_nat(host, &t->path);
        net_send(n, &path, t->buffer, t->len);
    }
}

static void drain_host(net *n, net_host *host)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    hf_request request;
    for (bool more = true; more;) {
        more = false;
        while (hf_ice_poll_request(host->ice, &request)) {
            answer_request(n, host, &request);
            more = true;
        }
        while (hf_ice_poll_transmit(host->ice, n->now, &t)) {
            send_run(n, host, &t);
            more = true;
        }
    }
}

static void take_events(net *n, net_host *host)
{
    hf_ice_event e;
    while (hf_ice_poll_event(host->ice, &e)) {
        switch (e.type) {
        case HF_ICE_STATE_CHANGED:
            cr_assert(host->states_len < 32);
            host->causes[host->states_len] = e.u.state_changed.cause;
            host->states[host->states_len++] = e.u.state_changed.state;
            if (e.u.state_changed.state == HF_ICE_CONNECTED && host->connected_at == 0)
                host->connected_at = n->now;
            if (e.u.state_changed.state == HF_ICE_COMPLETED && host->completed_at == 0)
                host->completed_at = n->now;
            break;
        case HF_ICE_GATHERING_CHANGED:
            cr_assert(host->gatherings_len < 8);
            host->gatherings[host->gatherings_len++] = e.u.gathering_changed.gathering;
            break;
        case HF_ICE_CANDIDATE_FOUND:
            cr_assert(host->candidates_len < 64);
            host->candidates[host->candidates_len++] = e.u.candidate_found.candidate;
            break;
        case HF_ICE_ROUTE_CHANGED:
            host->route_changes++;
            break;
        case HF_ICE_SERVER_FAILED:
            host->server_failures++;
            host->server_cause = e.u.server_failed.cause;
            host->server_uri = e.u.server_failed.uri;
            break;
        case HF_ICE_SERVER_ANSWERS:
            host->servers_answering++;
            host->server_uri = e.u.server_answers.uri;
            break;
        case HF_ICE_CREDENTIALS_NEEDED:
            host->credentials_needed++;
            host->server_uri = e.u.credentials_needed.uri;
            break;
        }
    }
}

static void drain(net *n)
{
    for (size_t i = 0; i < 2; i++) {
        net_host *host = i ? &n->b : &n->a;
        if (!host->ice)
            continue;
        drain_host(n, host);
        take_events(n, host);
    }
    for (size_t i = 0; i < n->turns_len; i++) {
        while (net_drain_turn(n, &n->turns[i]))
            ;
    }
}

static void give(net *n, net_host *from, net_host *to)
{
    while (from->candidates_given < from->candidates_len) {
        char text[HF_ICE_CANDIDATE_TEXT_SIZE];
        hf_ice_candidate parsed;
        size_t len = hf_ice_candidate_write(&from->candidates[from->candidates_given++], text);
        cr_assert_eq(hf_ice_candidate_parse(text, len, &parsed), HF_OK, "%s", text);
        hf_err err = to->ice ? hf_ice_add_remote_candidate(to->ice, n->now, &parsed, NULL) : HF_OK;
        cr_expect(err == HF_OK || (err == HF_ENOMEM && n->forgives_lack_of_memory), "%s: %s", text, hf_err_text(err));
    }
}

void net_give_candidates(net *n)
{
    drain(n);
    give(n, &n->a, &n->b);
    give(n, &n->b, &n->a);
    drain(n);
}

/* --- The server ------------------------------------------------------------------------------------------------------ */

/* RFC 8489 §10. It knows no end where it sends to itself: to the next port each time. */
static void redirect(net *n, const net_flight *flight, const hf_stun_message *m)
{
    uint8_t buffer[256];
    if (n->server_redirects_to.family == HF_FAMILY_NONE)
        return;
    n->redirections++;
    if (hf_addr_equal_ip(&n->server_redirects_to, &n->server))
        n->server_redirects_to.port++;
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_ALLOCATE, m->id);
    hf_stun_add_error(&s, 300, "Try Alternate");
    hf_stun_add_address(&s, HF_STUN_ALTERNATE_SERVER, &n->server_redirects_to);
    net_send(n, &(hf_path){.local = flight->path.remote, .remote = flight->path.local}, buffer, hf_stun_end(&s));
}

static void serve(net *n, const net_flight *flight)
{
    hf_stun_message m;
    uint8_t buffer[256];
    if (n->server_is_silent || !hf_stun_read(hf_bytes_of(flight->data, flight->len), &m))
        return;
    if (m.method == HF_STUN_ALLOCATE) {
        redirect(n, flight, &m);
        return;
    }
    hf_stun_writer s =
        hf_stun_begin(buffer, sizeof buffer, n->server_refuses ? HF_STUN_ERROR : HF_STUN_SUCCESS, HF_STUN_BINDING, m.id);
    if (n->server_refuses)
        hf_stun_add_error(&s, 500, "no");
    else
        hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &flight->path.local);
    net_send(n, &(hf_path){.local = n->server, .remote = flight->path.local}, buffer, hf_stun_end(&s));
}

static bool is_of_server(const net *n, const hf_addr *addr)
{
    return n->server_redirects_to.family != HF_FAMILY_NONE ? hf_addr_equal_ip(addr, &n->server)
                                                           : hf_addr_equal(addr, &n->server);
}

static bool is_ip_of(const net_host *host, const hf_addr *addr)
{
    for (size_t i = 0; i < host->locals_len; i++) {
        if (hf_addr_equal_ip(&host->locals[i].addr, addr))
            return true;
    }
    return false;
}

static void deliver(net *n, net_flight *flight)
{
    if (n->server.family != HF_FAMILY_NONE && is_of_server(n, &flight->path.remote)) {
        serve(n, flight);
        return;
    }
    for (size_t i = 0; i < n->turns_len; i++) {
        if (net_deliver_turn(n, &n->turns[i], flight))
            return;
    }
    for (size_t i = 0; i < 2; i++) {
        net_host *host = i ? &n->b : &n->a;
        hf_addr inside;
        if (flight->kind != NET_DATAGRAM) {
            if (host->ice && is_ip_of(host, &flight->path.remote))
                net_deliver_stream(n, host, flight);
            continue;
        }
        if (!host->ice || !enter_host(host, &flight->path.local, &flight->path.remote, &inside))
            continue;
        uint8_t *data = malloc(flight->len > 0 ? flight->len : 1); /* exactly as large, so that ASan sees each overrun */
        memcpy(data, flight->data, flight->len);
        hf_datagram d = {.path = {.local = inside, .remote = flight->path.local}, .data = data, .len = flight->len};
        if (hf_ice_input(host->ice, n->now, &d, 1) > 0) {
            host->data_received++;
            host->data_at = n->now;
        }
        free(data);
        return;
    }
}

static net_flight *first_flight(net *n)
{
    net_flight *first = NULL;
    for (size_t i = 0; i < n->flights_len; i++) {
        if (!first || n->flights[i].arrives < first->arrives ||
            (n->flights[i].arrives == first->arrives && n->flights[i].order < first->order))
            first = &n->flights[i];
    }
    return first;
}

/* --- The clock ------------------------------------------------------------------------------------------------------- */

static hf_time deadline_of(const net_host *host)
{
    return host->ice ? hf_ice_deadline(host->ice) : HF_NEVER;
}

void net_run(net *n, hf_span span)
{
    hf_time end = n->now + span;
    unsigned idle = 0;
    for (;;) {
        drain(n);
        if (n->signal != HF_NEVER)
            net_give_candidates(n);
        net_flight *flight = first_flight(n);
        hf_time next = hf_ice_earlier(deadline_of(&n->a), deadline_of(&n->b));
        for (size_t i = 0; i < n->turns_len; i++)
            next = n->turns[i].server ? hf_ice_earlier(next, hf_turn_server_deadline(n->turns[i].server)) : next;
        if (flight)
            next = hf_ice_earlier(next, flight->arrives);
        if (next > end)
            break;
        idle = next > n->now ? 0 : idle + 1;
        cr_assert_lt(idle, 1000, "the deadline stands still");
        n->now = next > n->now ? next : n->now;
        if (flight && flight->arrives <= n->now) {
            net_flight arrived = *flight;
            *flight = n->flights[--n->flights_len];
            deliver(n, &arrived);
        }
        hf_ice_tick(n->a.ice, n->now);
        hf_ice_tick(n->b.ice, n->now);
        for (size_t i = 0; i < n->turns_len; i++) {
            if (n->turns[i].server)
                hf_turn_server_tick(n->turns[i].server, n->now);
        }
    }
    n->now = end;
}

/* --- The story ------------------------------------------------------------------------------------------------------- */

void net_start(net *n, const hf_ice_config *a, const hf_ice_config *b)
{
    hf_ice_config of_a = a ? *a : (hf_ice_config){.controlling = true}, of_b = b ? *b : (hf_ice_config){0};
    if (!n->has_tcp)
        of_a.tcp = of_b.tcp = HF_ICE_TCP_OFF;
    cr_assert_eq(hf_ice_new(&n->a.ice, &of_a, &n->a.env.env), HF_OK);
    cr_assert_eq(hf_ice_new(&n->b.ice, &of_b, &n->b.env.env), HF_OK);
    cr_assert_eq(hf_ice_gather(n->a.ice, n->now), HF_OK);
    cr_assert_eq(hf_ice_gather(n->b.ice, n->now), HF_OK);
    drain(n);
}

void net_set_remote(net *n, net_host *host, const net_host *remote)
{
    hf_ice_remote_agent agent = {.ufrag = hf_ice_local_ufrag(remote->ice), .pwd = hf_ice_local_pwd(remote->ice)};
    cr_assert_eq(hf_ice_set_remote(host->ice, n->now, &agent), HF_OK);
}

void net_set_renominating_remote(net *n, net_host *host, const net_host *remote)
{
    hf_ice_remote_agent agent = {
        .ufrag = hf_ice_local_ufrag(remote->ice), .pwd = hf_ice_local_pwd(remote->ice), .renomination = true};
    cr_assert_eq(hf_ice_set_remote(host->ice, n->now, &agent), HF_OK);
}

void net_exchange(net *n)
{
    net_set_remote(n, &n->a, &n->b);
    net_set_remote(n, &n->b, &n->a);
}

void net_connect(net *n)
{
    net_start(n, NULL, NULL);
    net_exchange(n);
    net_run(n, HF_SECONDS(2));
}

void net_restart(net *n, net_host *host)
{
    cr_assert_eq(hf_ice_restart(host->ice, n->now), HF_OK);
    cr_assert_eq(hf_ice_gather(host->ice, n->now), HF_OK);
    drain(n);
}

void net_locals_changed(net *n, net_host *host)
{
    hf_reply reply = {.type = HF_REPLY_LOCALS, .locals = host->locals, .locals_len = host->locals_len};
    hf_ice_reply(host->ice, n->now, &reply);
}

bool net_says(net *n, net_host *host, const char *text)
{
    hf_ice_route route;
    if (!hf_ice_get_route(host->ice, &route))
        return false;
    uint8_t data[64] = {0}, *at = data + route.wrap.before;
    size_t len = strlen(text) + 1;
    at[0] = 23; /* DTLS application data */
    memcpy(at + 1, text, len - 1);
    size_t whole = hf_wrap_write(&route.wrap, at, len);
    send_run(n, host, &(hf_transmit){.path = route.path, .buffer = data, .len = whole});
    hf_ice_count_sent(host->ice, n->now, 1, len);
    host->data_sent++;
    return true;
}

void net_talk(net *n, hf_span span)
{
    for (hf_time end = n->now + span; n->now < end;) {
        (void)net_says(n, &n->a, "a");
        (void)net_says(n, &n->b, "b");
        net_run(n, end - n->now < HF_MS(20) ? end - n->now : HF_MS(20));
    }
}

bool net_has_state(const net_host *host, hf_ice_state state)
{
    for (size_t i = 0; i < host->states_len; i++) {
        if (host->states[i] == state)
            return true;
    }
    return false;
}
