/* probe.c: probes against servers of RFC 5780 behind NATs of each kind of RFC 4787. */
#include "probe_priv.h"

#include "env.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Two addresses, two ports each. */
#define SERVER_A "192.0.2.1"
#define SERVER_B "192.0.2.2"
#define MAPPINGS_MAX 64
#define MAIL_MAX 64

typedef struct mail {
    hf_time at;
    hf_path path;
    uint8_t data[256];
    size_t len;
} mail;

typedef struct mapping {
    hf_addr inside, outside, to[32];
    size_t to_len;
} mapping;

typedef struct world {
    test_env env;
    hf_probe *probe;
    hf_time now;
    hf_nat_behavior maps, filters;
    bool has_two, is_silent, lies, refuses_change;
    unsigned lose; /* so many of the first requests */
    mapping mappings[MAPPINGS_MAX];
    size_t mappings_len;
    mail mails[MAIL_MAX];
    size_t mails_len;
    hf_local locals[2];
    size_t locals_len;
    unsigned sent;
} world;

static hf_addr addr_of(const char *text)
{
    hf_addr addr;
    cr_assert(hf_addr_parse(text, strlen(text), &addr), "%s", text);
    return addr;
}

static bool is_same(hf_nat_behavior behavior, const hf_addr *a, const hf_addr *b)
{
    switch (behavior) {
    case HF_NAT_ENDPOINT_INDEPENDENT:
        return true;
    case HF_NAT_ADDRESS_DEPENDENT:
        return hf_addr_equal_ip(a, b);
    case HF_NAT_ADDRESS_AND_PORT_DEPENDENT:
        return hf_addr_equal(a, b);
    case HF_NAT_NONE:
    case HF_NAT_UNKNOWN:
    case HF_NAT_DEPENDENT:
        break;
    }
    return true;
}

/* The way out: the mapping that this destination gets. */
static mapping *map(world *w, const hf_path *path)
{
    for (size_t i = 0; i < w->mappings_len; i++) {
        mapping *m = &w->mappings[i];
        if (hf_addr_equal(&m->inside, &path->local) && is_same(w->maps, &m->to[0], &path->remote)) {
            cr_assert(m->to_len < 32);
            m->to[m->to_len++] = path->remote;
            return m;
        }
    }
    cr_assert(w->mappings_len < MAPPINGS_MAX);
    mapping *m = &w->mappings[w->mappings_len++];
    *m = (mapping){.inside = path->local, .outside = path->local, .to = {path->remote}, .to_len = 1};
    if (w->maps != HF_NAT_NONE) {
        m->outside = addr_of("203.0.113.1:1");
        m->outside.port = (uint16_t)(40000 + w->mappings_len);
    }
    return m;
}

static bool passes(const world *w, const mapping *m, const hf_addr *from)
{
    for (size_t i = 0; i < m->to_len; i++) {
        if (is_same(w->filters, &m->to[i], from))
            return true;
    }
    return false;
}

static hf_addr other_of(const hf_addr *addr)
{
    hf_addr other =
        addr_of(hf_addr_equal_ip(addr, &(hf_addr){.family = HF_FAMILY_IPV4, .ip = {192, 0, 2, 1}}) ? SERVER_B : SERVER_A);
    other.port = addr->port == 3478 ? 3479 : 3478;
    return other;
}

static void serve(world *w, const hf_transmit *t)
{
    hf_stun_message request;
    uint32_t change = 0;
    cr_assert(hf_stun_read(hf_bytes_of(t->buffer, t->len), &request));
    w->sent++;
    if (w->is_silent || w->lose > 0) {
        w->lose -= w->lose > 0;
        return;
    }
    const mapping *m = map(w, &t->path);
    hf_addr from = t->path.remote, other = other_of(&from);
    bool changes = hf_stun_get_u32(&request, HF_STUN_CHANGE_REQUEST, &change);
    if (changes && !w->has_two && !w->refuses_change)
        change = 0;
    if (change & 4)
        memcpy(from.ip, other.ip, sizeof from.ip);
    if (change & 2)
        from.port = other.port;
    if (w->lies)
        from.port++;
    mail *letter = &w->mails[w->mails_len];
    bool is_refused = changes && w->refuses_change;
    hf_stun_writer s = hf_stun_begin(letter->data, sizeof letter->data, is_refused ? HF_STUN_ERROR : HF_STUN_SUCCESS,
                                     HF_STUN_BINDING, request.id);
    if (is_refused) {
        from = t->path.remote;
        hf_stun_add_error(&s, 420, "Unknown Attribute");
    } else {
        hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &m->outside);
    }
    if (w->has_two)
        hf_stun_add_address(&s, HF_STUN_OTHER_ADDRESS, &other);
    letter->len = hf_stun_end(&s);
    letter->path = (hf_path){.local = m->inside, .remote = from};
    letter->at = w->now + HF_MS(20);
    if (passes(w, m, &from))
        w->mails_len++;
}

static void drain(world *w)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_request request;
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    while (hf_probe_poll_request(w->probe, &request)) {
        hf_addr addrs[] = {addr_of(SERVER_A)};
        hf_reply reply = {.id = request.id, .type = HF_REPLY_LOCALS, .locals = w->locals, .locals_len = w->locals_len};
        if (request.type == HF_REQUEST_RESOLVE) {
            bool is_known = strcmp(request.name, "stun.example.org") == 0;
            reply = (hf_reply){.type = HF_REPLY_RESOLVED,
                               .id = request.id,
                               .err = is_known ? HF_OK : HF_ERESOLVE,
                               .addrs = addrs,
                               .addrs_len = is_known};
        }
        hf_probe_reply(w->probe, w->now, &reply);
    }
    while (hf_probe_poll_transmit(w->probe, w->now, &out))
        serve(w, &out);
}

static void deliver(world *w)
{
    for (size_t i = 0; i < w->mails_len;) {
        if (w->mails[i].at > w->now) {
            i++;
            continue;
        }
        mail letter = w->mails[i];
        w->mails[i] = w->mails[--w->mails_len];
        hf_datagram datagram = {.path = letter.path, .data = letter.data, .len = letter.len};
        hf_probe_input(w->probe, w->now, &datagram, 1);
    }
}

static void run(world *w, const char *const *uris, size_t uris_len)
{
    w->now = HF_SECONDS(1);
    const hf_env *env = test_env_init(&w->env, 1);
    if (w->locals_len == 0)
        w->locals[w->locals_len++] = (hf_local){.addr = addr_of("10.0.0.2:5000")};
    cr_assert_eq(hf_probe_new(&w->probe, &(hf_probe_config){.uris = uris, .uris_len = uris_len}, env), HF_OK);
    drain(w);
    while (!hf_probe_is_done(w->probe)) {
        hf_time next = hf_probe_deadline(w->probe);
        for (size_t i = 0; i < w->mails_len; i++)
            next = w->mails[i].at < next ? w->mails[i].at : next;
        cr_assert_neq(next, HF_NEVER);
        w->now = next > w->now ? next : w->now;
        cr_assert_lt(w->now, HF_SECONDS(30), "it does not end");
        deliver(w);
        hf_probe_tick(w->probe, w->now);
        drain(w);
    }
    cr_expect_eq(hf_probe_deadline(w->probe), HF_NEVER);
}

static void stop(world *w)
{
    hf_probe_free(w->probe);
    cr_expect_eq(w->env.blocks, 0);
}

static hf_probe_local local_of(const world *w, size_t index)
{
    hf_probe_local local = {0};
    cr_assert(hf_probe_get_local(w->probe, index, &local));
    return local;
}

static const char *const one[] = {"stun:" SERVER_A};

Test(probe, tells_each_kind_of_nat_from_each_other)
{
    static const hf_nat_behavior kinds[] = {HF_NAT_ENDPOINT_INDEPENDENT, HF_NAT_ADDRESS_DEPENDENT,
                                            HF_NAT_ADDRESS_AND_PORT_DEPENDENT};
    for (size_t m = 0; m < 3; m++) {
        for (size_t f = 0; f < 3; f++) {
            for (unsigned lose = 0; lose < 3; lose++) {
                world w = {.maps = kinds[m], .filters = kinds[f], .has_two = true, .lose = lose};
                run(&w, one, 1);
                hf_probe_local local = local_of(&w, 0);
                cr_expect_eq(local.mapping, kinds[m], "mapping %zu, filter %zu: %s", m, f,
                             hf_nat_behavior_name(local.mapping));
                cr_expect_eq(local.filtering, kinds[f], "mapping %zu, filter %zu: %s", m, f,
                             hf_nat_behavior_name(local.filtering));
                stop(&w);
            }
        }
    }
}

Test(probe, without_a_nat_sees_the_firewall)
{
    world w = {.maps = HF_NAT_NONE, .filters = HF_NAT_ADDRESS_AND_PORT_DEPENDENT, .has_two = true};
    run(&w, one, 1);
    cr_expect_eq(local_of(&w, 0).mapping, HF_NAT_NONE);
    cr_expect_eq(local_of(&w, 0).filtering, HF_NAT_ADDRESS_AND_PORT_DEPENDENT);
    stop(&w);
}

Test(probe, compares_two_servers_where_none_has_two_addresses)
{
    static const char *const uris[] = {"stun:" SERVER_A, "turn:" SERVER_B "?transport=udp"};
    static const struct {
        hf_nat_behavior maps, told;
    } table[] = {
        {HF_NAT_ENDPOINT_INDEPENDENT, HF_NAT_ENDPOINT_INDEPENDENT},
        {HF_NAT_ADDRESS_DEPENDENT, HF_NAT_DEPENDENT},
        {HF_NAT_ADDRESS_AND_PORT_DEPENDENT, HF_NAT_DEPENDENT},
        {HF_NAT_NONE, HF_NAT_NONE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        world w = {.maps = table[i].maps, .filters = HF_NAT_ENDPOINT_INDEPENDENT};
        run(&w, uris, 2);
        cr_expect_eq(local_of(&w, 0).mapping, table[i].told, "%zu", i);
        cr_expect_eq(local_of(&w, 0).filtering, HF_NAT_UNKNOWN, "%zu", i);
        stop(&w);
    }
}

/* Whoever asked at both addresses has opened the filter. */
Test(probe, does_not_judge_a_filter_that_it_has_opened)
{
    static const char *const uris[] = {"stun:" SERVER_A, "stun:" SERVER_B};
    world w = {.maps = HF_NAT_ADDRESS_DEPENDENT, .filters = HF_NAT_ADDRESS_DEPENDENT, .has_two = true};
    run(&w, uris, 2);
    cr_expect_eq(local_of(&w, 0).filtering, HF_NAT_UNKNOWN);
    cr_expect_eq(local_of(&w, 0).mapping, HF_NAT_DEPENDENT);
    stop(&w);
}

Test(probe, names_what_is_wrong_with_a_server)
{
    static const char *const unknown[] = {"stun:nowhere.example.org"}, *const ipv6[] = {"stun:[2001:db8::1]"};
    hf_probe_server server;
    const struct {
        const char *const *uris;
        world w;
        hf_err err;
        const char *why;
    } table[] = {
        {one, {.is_silent = true}, HF_ETIMEDOUT, "silent"}, {one, {.lies = true}, HF_ETIMEDOUT, "answers from elsewhere"},
        {unknown, {.lose = 0}, HF_ERESOLVE, "no address"},  {ipv6, {.lose = 0}, HF_EUNREACHABLE, "another family"},
        {one, {.lose = 3}, HF_OK, "comes through at last"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        world w = table[i].w;
        w.maps = w.filters = HF_NAT_ENDPOINT_INDEPENDENT;
        run(&w, table[i].uris, 1);
        cr_assert(hf_probe_get_server(w.probe, 0, &server));
        cr_expect_eq(server.err, table[i].err, "%s: %s", table[i].why, hf_err_name(server.err));
        cr_expect(!hf_probe_get_server(w.probe, 1, &server));
        stop(&w);
    }
}

Test(probe, tells_round_trip_and_mapping_of_each_answer)
{
    static const char *const uris[] = {"stun:stun.example.org", "stun:" SERVER_B};
    hf_probe_answer answer;
    world w = {.maps = HF_NAT_ENDPOINT_INDEPENDENT, .filters = HF_NAT_ENDPOINT_INDEPENDENT, .locals_len = 2};
    w.locals[0].addr = addr_of("10.0.0.2:5000");
    w.locals[1].addr = addr_of("[2001:db8::2]:5000");
    run(&w, uris, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_assert(hf_probe_get_answer(w.probe, i, &answer));
        cr_expect_eq(answer.local, 0);
        cr_expect_eq(answer.err, HF_OK);
        cr_expect_eq(answer.rtt, HF_MS(20));
        cr_expect_eq(answer.mapped.port, 40001);
    }
    cr_expect(!hf_probe_get_answer(w.probe, 2, &answer));
    cr_expect_eq(local_of(&w, 1).mapping, HF_NAT_UNKNOWN, "there is no server of its family");
    stop(&w);
}

Test(probe, takes_a_refusal_for_not_known)
{
    world w = {.maps = HF_NAT_ENDPOINT_INDEPENDENT,
               .filters = HF_NAT_ENDPOINT_INDEPENDENT,
               .has_two = true,
               .refuses_change = true};
    run(&w, one, 1);
    cr_expect_eq(local_of(&w, 0).filtering, HF_NAT_UNKNOWN);
    cr_expect_eq(local_of(&w, 0).mapping, HF_NAT_ENDPOINT_INDEPENDENT);
    stop(&w);
}

Test(probe, refuses_configurations_that_make_no_sense)
{
    test_env t;
    hf_probe *probe;
    static const struct {
        const char *uri;
        hf_err err;
    } table[] = {{"stun:", HF_EINVAL},
                 {"http://x", HF_EINVAL},
                 {"turns:example.org", HF_ENOTSUP},
                 {"turn:example.org?transport=tcp", HF_ENOTSUP}};
    const hf_env *env = test_env_init(&t, 1);
    cr_expect_eq(hf_probe_new(&probe, NULL, env), HF_EINVAL);
    cr_expect_eq(hf_probe_new(&probe, &(hf_probe_config){.uris_len = 1}, env), HF_EINVAL);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        hf_probe_config config = {.uris = &table[i].uri, .uris_len = 1};
        cr_expect_eq(hf_probe_new(&probe, &config, env), table[i].err, "%s", table[i].uri);
        cr_expect_null(probe);
    }
    cr_expect_eq(t.blocks, 0);
}

Test(probe, survives_each_allocation_that_fails)
{
    test_env t = {0};
    for (size_t n = 1; test_env_next_failure(&t, n, 1); n++) {
        hf_probe *probe;
        hf_request request;
        hf_local local = {.addr = addr_of("10.0.0.2:5000")};
        if (hf_probe_new(&probe, &(hf_probe_config){.uris = one, .uris_len = 1}, &t.env) == HF_OK) {
            cr_expect(hf_probe_poll_request(probe, &request));
            hf_probe_reply(probe, 0, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = &local, .locals_len = 1});
            hf_probe_tick(probe, HF_SECONDS(9));
            cr_expect(hf_probe_is_done(probe), "allocation %zu", n);
        }
        hf_probe_free(probe);
        cr_expect_eq(t.blocks, 0, "allocation %zu", n);
    }
}
