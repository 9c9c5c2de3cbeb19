/* connect.c: two agents find each other, through whatever lies between. */
#include "net.h"

#include <criterion/criterion.h>

static const hf_ice_server server = {.uri = "stun:198.51.100.1"};
static const hf_ice_config with_server_controlling = {.controlling = true, .servers = &server, .servers_len = 1};
static const hf_ice_config with_server = {.servers = &server, .servers_len = 1};

static void expect_connected(net *n)
{
    hf_ice_route a, b;
    cr_assert(hf_ice_get_route(n->a.ice, &a));
    cr_assert(hf_ice_get_route(n->b.ice, &b));
    cr_expect(a.nominated && b.nominated);
    cr_expect_eq(hf_ice_get_state(n->a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n->b.ice), HF_ICE_COMPLETED);
    size_t got_a = n->a.data_received, got_b = n->b.data_received;
    cr_assert(net_says(n, &n->a, "ping"));
    cr_assert(net_says(n, &n->b, "pong"));
    net_run(n, HF_SECONDS(3));
    cr_expect_eq(n->a.data_received, got_a + 1);
    cr_expect_eq(n->b.data_received, got_b + 1);
}

Test(connect, two_hosts_find_each_other)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    hf_ice_route a, b;
    cr_assert(hf_ice_get_route(n.a.ice, &a));
    cr_assert(hf_ice_get_route(n.b.ice, &b));
    cr_expect(hf_addr_equal(&a.path.remote, &b.path.local));
    cr_expect(hf_addr_equal(&b.path.remote, &a.path.local));
    cr_expect_eq(a.local_type, HF_ICE_HOST);
    cr_expect_eq(a.remote_type, HF_ICE_HOST);
    cr_expect_eq(a.rtt, HF_MS(20));
    const hf_ice_state expected[] = {HF_ICE_CHECKING, HF_ICE_CONNECTED, HF_ICE_COMPLETED};
    cr_assert_eq(n.a.states_len, 3);
    cr_expect_arr_eq(n.a.states, expected, sizeof expected);
    cr_assert_eq(n.b.states_len, 3);
    cr_expect_arr_eq(n.b.states, expected, sizeof expected);
    expect_connected(&n);
    net_clear(&n);
}

/* One round trip to the first valid pair, one more to settle it: no wait stands in the path. */
Test(connect, takes_one_round_trip)
{
    net n;
    net_init(&n, 1);
    net_start(&n, NULL, NULL);
    net_exchange(&n);
    hf_time start = n.now;
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(n.a.connected_at - start, HF_MS(20));
    cr_expect_eq(n.b.connected_at - start, HF_MS(20));
    cr_expect_eq(n.a.completed_at - start, HF_MS(40));
    cr_expect_eq(n.b.completed_at - start, HF_MS(30));
    net_clear(&n);
}

Test(connect, two_nats_are_passed_with_a_server)
{
    net n;
    net_init(&n, 1);
    n.server = net_addr("198.51.100.1:3478");
    n.a.nat = net_addr("203.0.113.1:40000");
    n.b.nat = net_addr("203.0.113.2:50000");
    net_host_set_local(&n.b, 0, "192.168.7.2:6000");
    net_start(&n, &with_server_controlling, &with_server);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(3));
    expect_connected(&n);
    hf_ice_route a;
    cr_assert(hf_ice_get_route(n.a.ice, &a));
    cr_expect_eq(a.local_type, HF_ICE_SERVER_REFLEXIVE);
    cr_expect_eq(a.remote_type, HF_ICE_SERVER_REFLEXIVE);
    net_clear(&n);
}

/* A symmetric NAT gives another port for each remote: peer-reflexive on both sides' books. */
Test(connect, a_symmetric_nat_is_passed_towards_an_open_host)
{
    net n;
    net_init(&n, 1);
    n.server = net_addr("198.51.100.1:3478");
    n.a.nat = net_addr("203.0.113.1:40000");
    n.a.nat_is_symmetric = true;
    net_start(&n, &with_server_controlling, &with_server);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(3));
    expect_connected(&n);
    hf_ice_route a, b;
    cr_assert(hf_ice_get_route(n.a.ice, &a));
    cr_assert(hf_ice_get_route(n.b.ice, &b));
    cr_expect_eq(a.local_type, HF_ICE_PEER_REFLEXIVE);
    cr_expect_eq(b.remote_type, HF_ICE_PEER_REFLEXIVE);
    net_clear(&n);
}

Test(connect, one_side_may_know_nothing_of_the_other_s_candidates)
{
    net n;
    net_init(&n, 1);
    n.signal = HF_NEVER;
    net_start(&n, NULL, NULL);
    net_exchange(&n);
    cr_assert_eq(hf_ice_add_remote_candidate(
                     n.b.ice, n.now,
                     &(hf_ice_candidate){.component = 1, .foundation = "1", .priority = 1, .addr = n.a.locals[0].addr},
                     NULL),
                 HF_OK);
    net_run(&n, HF_SECONDS(1));
    expect_connected(&n);
    net_clear(&n);
}

Test(connect, candidates_may_come_before_the_credentials)
{
    net n;
    net_init(&n, 1);
    net_start(&n, NULL, NULL);
    net_give_candidates(&n);
    cr_expect_eq(n.flights_len, 0);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(1));
    expect_connected(&n);
    net_clear(&n);
}

/* The answerer checks while its answer is on the way: the offerer answers, and goes on from there. */
Test(connect, checks_may_come_before_the_credentials)
{
    net n;
    net_init(&n, 1);
    net_start(&n, NULL, NULL);
    net_give_candidates(&n);
    cr_assert_eq(
        hf_ice_set_remote(n.b.ice, n.now,
                          &(hf_ice_remote_agent){.ufrag = hf_ice_local_ufrag(n.a.ice), .pwd = hf_ice_local_pwd(n.a.ice)}),
        HF_OK);
    net_run(&n, HF_MS(500));
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_CONNECTED);
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_NEW);
    cr_assert_eq(
        hf_ice_set_remote(n.a.ice, n.now,
                          &(hf_ice_remote_agent){.ufrag = hf_ice_local_ufrag(n.b.ice), .pwd = hf_ice_local_pwd(n.b.ice)}),
        HF_OK);
    hf_time start = n.now;
    n.a.connected_at = 0;
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(n.a.connected_at - start, HF_MS(20));
    expect_connected(&n);
    net_clear(&n);
}

Test(connect, both_roles_may_be_the_same_at_first)
{
    for (int both_control = 0; both_control < 2; both_control++) {
        for (uint64_t seed = 1; seed < 20; seed++) {
            net n;
            net_init(&n, seed);
            net_start(&n, &(hf_ice_config){.controlling = both_control}, &(hf_ice_config){.controlling = both_control});
            net_exchange(&n);
            net_run(&n, HF_SECONDS(3));
            cr_expect_neq(n.a.ice->current->is_controlling, n.b.ice->current->is_controlling, "seed %d", (int)seed);
            expect_connected(&n);
            net_clear(&n);
        }
    }
}

Test(connect, a_lossy_path_is_found)
{
    for (uint64_t seed = 1; seed < 100; seed++) {
        net n;
        net_init(&n, seed);
        n.delay = HF_MS(50);
        n.loss = 30;
        net_start(&n, NULL, NULL);
        net_exchange(&n);
        net_run(&n, HF_SECONDS(15));
        cr_expect(net_has_state(&n.a, HF_ICE_COMPLETED) && net_has_state(&n.b, HF_ICE_COMPLETED), "seed %d", (int)seed);
        n.loss = 0; /* a check may be lost just now, and the next, so that one side doubts */
        net_run(&n, HF_SECONDS(2));
        expect_connected(&n);
        net_clear(&n);
    }
}

/* "A lost first flight does not cost a second." */
Test(connect, a_lost_first_flight_costs_a_tenth_of_a_second)
{
    net n;
    net_init(&n, 1);
    net_start(&n, NULL, NULL);
    n.is_cut = true;
    net_exchange(&n);
    hf_time start = n.now;
    net_run(&n, HF_MS(90));
    n.is_cut = false;
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(n.a.connected_at - start, HF_MS(120));
    expect_connected(&n);
    net_clear(&n);
}

Test(connect, the_better_family_is_taken_and_the_other_is_there_when_it_is_broken)
{
    for (int ipv6_is_broken = 0; ipv6_is_broken < 2; ipv6_is_broken++) {
        net n;
        net_init(&n, 1);
        net_host_set_local(&n.a, 1, "[fd00::1]:5000");
        if (!ipv6_is_broken)
            net_host_set_local(&n.b, 1, "[fd00::2]:6000");
        net_start(&n, NULL, NULL);
        if (ipv6_is_broken) {
            hf_ice_candidate dead = {
                .component = 1, .foundation = "9", .priority = UINT32_MAX, .addr = net_addr("[fd00::9]:1")};
            cr_assert_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &dead, NULL), HF_OK);
        }
        net_exchange(&n);
        net_run(&n, HF_SECONDS(2));
        hf_ice_route a;
        cr_assert(hf_ice_get_route(n.a.ice, &a));
        cr_expect_eq(a.path.local.family, ipv6_is_broken ? HF_FAMILY_IPV4 : HF_FAMILY_IPV6);
        expect_connected(&n);
        net_clear(&n);
    }
}

/* A laptop changes its network: what is new is told and checked, and the route moves on. */
Test(connect, the_route_moves_when_its_address_goes)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    net_host_set_local(&n.a, 0, "10.0.0.77:5001");
    net_locals_changed(&n, &n.a);
    hf_ice_route route;
    cr_expect_not(hf_ice_get_route(n.a.ice, &route));
    net_run(&n, HF_MS(20));
    cr_assert(hf_ice_get_route(n.a.ice, &route));
    cr_expect(hf_addr_equal(&route.path.local, &n.a.locals[0].addr));
    net_run(&n, HF_SECONDS(2));
    cr_expect_not(net_has_state(&n.a, HF_ICE_DISCONNECTED), "nobody needs to know");
    cr_expect_eq(n.a.candidates_len, 2);
    expect_connected(&n);
    net_run(&n, HF_SECONDS(120));
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    net_clear(&n);
}

/* The other side sent on the old pair, whose address is gone: it has to notice. */
Test(connect, the_remote_follows_within_half_a_second)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    net_run(&n, HF_SECONDS(1));
    net_host_set_local(&n.a, 0, "10.0.0.77:5001");
    net_locals_changed(&n, &n.a);
    net_run(&n, HF_MS(500));
    hf_ice_route route;
    cr_assert(hf_ice_get_route(n.b.ice, &route));
    cr_expect(hf_addr_equal(&route.path.remote, &n.a.locals[0].addr));
    cr_expect_not(net_has_state(&n.b, HF_ICE_DISCONNECTED));
    net_clear(&n);
}

Test(connect, the_route_stays_when_another_address_comes_and_goes)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    size_t changes = n.a.route_changes;
    net_host_set_local(&n.a, 1, "10.0.0.77:5001");
    net_locals_changed(&n, &n.a);
    net_run(&n, HF_SECONDS(2));
    n.a.locals_len = 1;
    net_locals_changed(&n, &n.a);
    net_run(&n, HF_SECONDS(60));
    cr_expect_eq(n.a.route_changes, changes);
    cr_expect_eq(n.a.states_len, 3);
    expect_connected(&n);
    net_clear(&n);
}

/* Each allocation that may fail does so once. Either an error says so, or the agents go on with less. */
Test(connect, survives_a_failure_of_each_allocation)
{
    test_env t = {0};
    size_t allocations = 0;
    for (size_t k = 1; test_env_next_failure(&t, k, 7); k++) {
        net n;
        net_init(&n, 1);
        hf_ice *ice = NULL;
        hf_err err = hf_ice_new(&ice, &with_server_controlling, &t.env);
        n.a.ice = ice;
        cr_assert_eq(hf_ice_new(&n.b.ice, NULL, &n.b.env.env), HF_OK);
        if (err == HF_OK) {
            cr_assert_eq(hf_ice_gather(n.a.ice, n.now), HF_OK);
            cr_assert_eq(hf_ice_gather(n.b.ice, n.now), HF_OK);
            n.signal = HF_NEVER;
            cr_assert_eq(
                hf_ice_set_remote(n.b.ice, n.now,
                                  &(hf_ice_remote_agent){.ufrag = hf_ice_local_ufrag(ice), .pwd = hf_ice_local_pwd(ice)}),
                HF_OK);
            cr_assert_eq(hf_ice_add_remote_candidate(
                             n.b.ice, n.now,
                             &(hf_ice_candidate){.component = 1, .foundation = "1", .addr = n.a.locals[0].addr}, NULL),
                         HF_OK);
            net_run(&n, HF_MS(300));
            hf_ice_candidate c = {.component = 1, .foundation = "1", .addr = n.b.locals[0].addr};
            err = hf_ice_add_remote_candidate(ice, n.now, &c, hf_ice_local_ufrag(n.b.ice));
            cr_expect(err == HF_OK || err == HF_ENOMEM);
            do
                err = hf_ice_set_remote(
                    ice, n.now,
                    &(hf_ice_remote_agent){.ufrag = hf_ice_local_ufrag(n.b.ice), .pwd = hf_ice_local_pwd(n.b.ice)});
            while (err == HF_ENOMEM);
            cr_expect_eq(err, HF_OK);
            net_run(&n, HF_SECONDS(20));
        } else {
            cr_expect_eq(err, HF_ENOMEM);
        }
        net_clear(&n);
        cr_expect_eq(t.blocks, 0, "allocation %zu", k);
        allocations = t.allocations;
    }
    cr_expect_gt(allocations, 8);
}
