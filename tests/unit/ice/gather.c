/* gather.c: local addresses and servers. */
#include "net.h"

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
        {"stun:198.51.100.1"}, {"stun:198.51.100.2"}, {"stun:[2001:db8::3]"}, {"stun:198.51.100.4"}};
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
