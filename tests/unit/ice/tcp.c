/* tcp.c: two agents, with streams between them (RFC 6544). */
#include "net.h"

#include <criterion/criterion.h>

static const hf_ice_config controlling = {.controlling = true}, listening = {.tcp = HF_ICE_TCP_LISTEN};

static void start_tcp(net *n, const hf_ice_config *a, const hf_ice_config *b)
{
    n->has_tcp = true;
    net_host_listen(&n->b, "10.0.0.2:7000");
    net_start(n, a, b ? b : &listening);
    net_exchange(n);
}

static void expect_route(net *n, hf_transport transport)
{
    hf_ice_route a, b;
    cr_assert(hf_ice_get_route(n->a.ice, &a));
    cr_assert(hf_ice_get_route(n->b.ice, &b));
    cr_expect_eq(a.path.transport, transport);
    cr_expect_eq(b.path.transport, transport);
    cr_expect(hf_addr_equal(&a.path.local, &b.path.remote));
    cr_expect(hf_addr_equal(&a.path.remote, &b.path.local));
    size_t before = n->a.data_received + n->b.data_received;
    cr_expect(net_says(n, &n->a, "there"));
    cr_expect(net_says(n, &n->b, "and back"));
    net_run(n, HF_MS(100));
    cr_expect_eq(n->a.data_received + n->b.data_received, before + 2);
}

Test(tcp, connects_where_udp_is_blocked)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_TCP);
    cr_expect_leq(n.a.connected_at - NET_BEGINNING, HF_MS(150), "one slot of the pacer and two round trips");
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    net_run(&n, HF_SECONDS(120));
    expect_route(&n, HF_TCP);
    cr_expect_eq(n.a.route_changes, 2, "it came, and was nominated");
    net_clear(&n);
}

Test(tcp, connects_to_the_controlling_side_too)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    start_tcp(&n, &(hf_ice_config){0}, &(hf_ice_config){.controlling = true, .tcp = HF_ICE_TCP_LISTEN});
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_TCP);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    net_clear(&n);
}

Test(tcp, connects_when_both_sides_listen)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    net_host_listen(&n.a, "10.0.0.1:7000");
    start_tcp(&n, &(hf_ice_config){.controlling = true, .tcp = HF_ICE_TCP_LISTEN}, NULL);
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_TCP);
    net_run(&n, HF_SECONDS(60));
    expect_route(&n, HF_TCP);
    cr_expect_eq(n.a.streams_len, 1, "the one that was not selected is closed (RFC 6544 §8)");
    net_clear(&n);
}

Test(tcp, is_not_opened_by_an_agent_that_is_told_not_to)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    n.has_tcp = true;
    net_host_listen(&n.b, "10.0.0.2:7000");
    net_start(&n, &(hf_ice_config){.controlling = true, .tcp = HF_ICE_TCP_OFF}, &listening);
    net_exchange(&n);
    n.signal = HF_NEVER;
    hf_ice_candidate c;
    for (size_t i = 0; i < n.b.candidates_len; i++) {
        c = n.b.candidates[i];
        hf_err expected = c.tcp_type == HF_ICE_TCP_NONE ? HF_OK : HF_ENOTSUP;
        cr_expect_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &c, NULL), expected);
    }
    net_run(&n, HF_SECONDS(20));
    cr_expect_eq(n.a.connects, 0);
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_FAILED);
    net_clear(&n);
}

Test(tcp, is_left_for_udp_where_that_works)
{
    net n;
    net_init(&n, 1);
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_SECONDS(60));
    expect_route(&n, HF_UDP);
    cr_expect_eq(n.a.streams_len, 0);
    cr_expect_eq(n.b.streams_len, 0);
    net_clear(&n);
}

/* Checks over UDP come through at their third repetition, long after the stream has worked. */
static bool lose_early_datagrams(net *n, net_flight *flight)
{
    (void)flight;
    return n->now > NET_BEGINNING + HF_MS(700);
}

Test(tcp, waits_a_while_for_udp_before_it_is_nominated)
{
    net n;
    net_init(&n, 1);
    n.hook = lose_early_datagrams;
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_MS(400));
    expect_route(&n, HF_TCP);
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_UDP);
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    net_clear(&n);
}

Test(tcp, no_udp_means_none)
{
    net n;
    net_init(&n, 1);
    start_tcp(&n, &(hf_ice_config){.controlling = true, .no_udp = true}, NULL);
    n.signal = HF_NEVER;
    for (size_t i = 0; i < n.b.candidates_len; i++) {
        hf_err expected = n.b.candidates[i].tcp_type == HF_ICE_TCP_NONE ? HF_ENOTSUP : HF_OK;
        cr_expect_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &n.b.candidates[i], NULL), expected);
    }
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_TCP);
    net_clear(&n);
}

Test(tcp, that_is_refused_or_swallowed_lets_the_agent_fail)
{
    static const struct {
        bool is_silent;
        hf_span least, most;
        const char *why;
    } table[] = {
        {false, HF_SECONDS(0), HF_MS(200), "refused: at once"},
        {true, HF_SECONDS(10), HF_MS(10200), "no answer: after ten seconds"},
    };
    for (size_t t = 0; t < 2; t++) {
        net n;
        net_init(&n, 1);
        n.tcp_is_silent = table[t].is_silent;
        n.has_tcp = true;
        net_start(&n, &(hf_ice_config){.controlling = true, .no_udp = true}, &listening);
        net_exchange(&n);
        n.signal = HF_NEVER;
        hf_ice_candidate c;
        const char *text = "candidate:1 1 tcp 5 10.0.0.2 7001 typ host tcptype passive";
        cr_assert_eq(hf_ice_candidate_parse(text, strlen(text), &c), HF_OK);
        cr_assert_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &c, NULL), HF_OK);
        hf_ice_end_of_remote_candidates(n.a.ice, n.now);
        hf_time start = n.now;
        while (hf_ice_get_state(n.a.ice) != HF_ICE_FAILED && n.now < start + HF_SECONDS(20))
            net_run(&n, HF_MS(10));
        cr_expect_geq(n.now - start, table[t].least, "%s", table[t].why);
        cr_expect_leq(n.now - start, table[t].most, "%s", table[t].why);
        cr_expect_eq(n.a.streams_len, 0);
        net_clear(&n);
    }
}

/* RFC 6544 §10.1: the active side opens it again. */
Test(tcp, that_breaks_is_opened_again)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_TCP);
    for (int i = 0; i < 5; i++) {
        hf_ice_route route;
        net_break_streams(&n);
        cr_expect_not(hf_ice_get_route(n.a.ice, &route));
        cr_expect_not(hf_ice_get_route(n.b.ice, &route));
        net_run(&n, HF_SECONDS(1));
        expect_route(&n, HF_TCP);
        net_run(&n, HF_SECONDS(10));
    }
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    net_clear(&n);
}

Test(tcp, that_breaks_gives_way_to_udp_where_that_works_now)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_SECONDS(5));
    n.udp_is_blocked = false;
    net_break_streams(&n);
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_UDP);
    net_clear(&n);
}

Test(tcp, that_falls_silent_loses_consent_and_is_closed)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_TCP);
    n.is_cut = true;
    net_run(&n, HF_SECONDS(10));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_DISCONNECTED);
    net_run(&n, HF_SECONDS(30));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_FAILED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_FAILED);
    cr_expect_eq(n.a.streams_len, 0);
    cr_expect_eq(n.b.streams_len, 0);
    net_clear(&n);
}

Test(tcp, goes_with_its_address)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_SECONDS(5));
    net_host_set_local(&n.a, 0, "10.0.0.77:5001");
    net_locals_changed(&n, &n.a);
    net_run(&n, HF_SECONDS(5));
    cr_expect_eq(n.a.streams_len, 1);
    cr_expect(hf_addr_equal_ip(&n.a.streams[0].path.local, &n.a.locals[0].addr));
    expect_route(&n, HF_TCP);
    net_clear(&n);
}

Test(tcp, of_a_new_generation_is_another_one)
{
    net n;
    net_init(&n, 1);
    n.udp_is_blocked = true;
    start_tcp(&n, &controlling, NULL);
    net_run(&n, HF_SECONDS(5));
    hf_path before = n.a.streams[0].path;
    cr_assert_eq(hf_ice_restart(n.a.ice, n.now), HF_OK);
    cr_assert_eq(hf_ice_restart(n.b.ice, n.now), HF_OK);
    cr_assert_eq(hf_ice_gather(n.a.ice, n.now), HF_OK);
    cr_assert_eq(hf_ice_gather(n.b.ice, n.now), HF_OK);
    expect_route(&n, HF_TCP);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(5));
    expect_route(&n, HF_TCP);
    hf_ice_route route;
    cr_assert(hf_ice_get_route(n.a.ice, &route));
    cr_expect_not(hf_ice_path_equal(&route.path, &before));
    net_run(&n, HF_SECONDS(15));
    cr_expect_eq(n.a.streams_len, 1, "the old one goes with its generation");
    cr_expect_eq(n.b.streams_len, 1);
    net_clear(&n);
}

static void expect_ok_soon(hf_ice *ice, hf_time now, const hf_ice_remote_agent *remote)
{
    hf_err err;
    do
        err = hf_ice_set_remote(ice, now, remote);
    while (err == HF_ENOMEM);
    cr_expect_eq(err, HF_OK);
}

/* True: they have connected, and once more after the stream broke. */
static bool connects_twice(net *n)
{
    hf_ice_route route;
    hf_ice_remote_agent a = {.ufrag = hf_ice_local_ufrag(n->a.ice), .pwd = hf_ice_local_pwd(n->a.ice)};
    hf_ice_remote_agent b = {.ufrag = hf_ice_local_ufrag(n->b.ice), .pwd = hf_ice_local_pwd(n->b.ice)};
    hf_ice_candidate c = {
        .component = 1, .foundation = "1", .tcp_type = HF_ICE_TCP_PASSIVE, .addr = net_addr("10.0.0.2:7000")};
    cr_assert_eq(hf_ice_gather(n->a.ice, n->now), HF_OK);
    cr_assert_eq(hf_ice_gather(n->b.ice, n->now), HF_OK);
    expect_ok_soon(n->a.ice, n->now, &b);
    expect_ok_soon(n->b.ice, n->now, &a);
    hf_err err = hf_ice_add_remote_candidate(n->a.ice, n->now, &c, NULL);
    cr_expect(err == HF_OK || err == HF_ENOMEM);
    net_run(n, HF_SECONDS(3));
    net_break_streams(n);
    net_run(n, HF_SECONDS(3));
    return hf_ice_get_route(n->a.ice, &route) && hf_ice_get_route(n->b.ice, &route);
}

/* Each allocation that may fail does so once, on either side: the agents go on with less. */
Test(tcp, survives_a_failure_of_each_allocation)
{
    for (int side = 0; side < 2; side++) {
        test_env t = {0};
        size_t connected = 0, runs = 0;
        for (size_t k = 1; test_env_next_failure(&t, k, 7); k++, runs++) {
            net n;
            net_init(&n, 1);
            n.udp_is_blocked = n.has_tcp = true;
            n.signal = HF_NEVER;
            net_host_listen(&n.b, "10.0.0.2:7000");
            (side == 0 ? &n.a : &n.b)->env.fail_at = k;
            if (hf_ice_new(&n.a.ice, &controlling, &n.a.env.env) == HF_OK &&
                hf_ice_new(&n.b.ice, &listening, &n.b.env.env) == HF_OK)
                connected += connects_twice(&n);
            t.allocations = (side == 0 ? &n.a : &n.b)->env.allocations;
            net_clear(&n);
        }
        cr_expect_gt(runs, 10);
        cr_expect_gt(connected, runs / 3, "many hurt only for a moment: %zu of %zu", connected, runs);
    }
}
