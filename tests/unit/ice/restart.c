/* restart.c: ICE restarts: from which state, where data goes meanwhile, and taking one back. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>

Test(restart, keeps_data_on_the_old_pair_until_a_new_one_is_selected)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        net n;
        size_t said = 0;
        net_init(&n, seed);
        net_connect(&n);
        n.a.data_received = n.b.data_received = 0;
        net_host *offerer = seed % 2 ? &n.a : &n.b, *answerer = seed % 2 ? &n.b : &n.a;
        char before[64];
        strcpy(before, hf_ice_local_ufrag(offerer->ice));
        net_restart(&n, offerer);
        cr_expect_str_neq(hf_ice_local_ufrag(offerer->ice), before);
        for (int step = 0; step < 100; step++) {
            if (step == 10) { /* the offer arrives, and 50 ms later the answer */
                net_restart(&n, answerer);
                net_set_remote(&n, answerer, offerer);
            }
            if (step == 20)
                net_set_remote(&n, offerer, answerer);
            said++;
            cr_expect(net_says(&n, &n.a, "to b") && net_says(&n, &n.b, "to a"), "step %d", step);
            net_run(&n, HF_MS(5));
        }
        net_run(&n, HF_MS(100));
        cr_expect_eq(n.a.data_received, said);
        cr_expect_eq(n.b.data_received, said);
        for (int i = 0; i < 2; i++) {
            const net_host *host = i ? &n.b : &n.a;
            cr_expect_eq(host->states_len, 5, "checking, connected, completed; connected, completed");
            cr_expect_eq(host->states[3], HF_ICE_CONNECTED);
            cr_expect_eq(host->states[4], HF_ICE_COMPLETED);
            cr_expect_eq(host->ice->current, host->ice->newest);
        }
        net_clear(&n);
    }
}

/* The ports are the same, the candidates are told again, and the server is asked again. */
Test(restart, gathers_from_the_sockets_that_there_are)
{
    net n;
    static const hf_ice_server server = {.uri = "stun:192.0.2.1"};
    hf_ice_candidate first[2], again;
    net_init(&n, 1);
    n.server = net_addr("192.0.2.1:3478");
    n.a.nat = net_addr("203.0.113.5:40000");
    net_start(&n, &(hf_ice_config){.controlling = true, .servers = &server, .servers_len = 1}, NULL);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(2));
    cr_assert(hf_ice_local_candidate(n.a.ice, 0, &first[0]) && hf_ice_local_candidate(n.a.ice, 1, &first[1]));
    cr_expect_eq(hf_ice_restart(n.a.ice, n.now), HF_OK);
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_NEW);
    cr_expect_not(hf_ice_local_candidate(n.a.ice, 0, &again));
    n.a.gatherings_len = n.a.candidates_len = n.a.candidates_given = 0;
    cr_expect_eq(hf_ice_gather(n.a.ice, n.now), HF_OK);
    cr_expect_eq(hf_ice_gather(n.a.ice, n.now), HF_ESTATE);
    net_run(&n, HF_SECONDS(1));
    cr_assert_eq(n.a.candidates_len, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_expect(hf_addr_equal(&n.a.candidates[i].addr, &first[i].addr));
        cr_expect_eq(n.a.candidates[i].priority, first[i].priority);
        cr_expect_str_eq(n.a.candidates[i].ufrag, hf_ice_local_ufrag(n.a.ice));
    }
    cr_expect_eq(n.a.gatherings_len, 2);
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
    net_clear(&n);
}

Test(restart, of_which_nothing_is_heard_leaves_everything_as_it_was)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    net_restart(&n, &n.a);
    net_run(&n, HF_SECONDS(120)); /* consent goes on, both ways, with the old credentials */
    cr_expect_eq(n.a.states_len, 3);
    cr_expect_eq(n.b.states_len, 3);
    cr_expect(net_says(&n, &n.a, "still here"));
    net_run(&n, HF_MS(20));
    cr_expect_eq(n.b.data_received, 1);
    net_clear(&n);
}

/* W3C WebRTC 1.0 §5.6.4. */
Test(restart, moves_the_state_when_its_checks_begin)
{
    static const struct {
        hf_span broken_for;
        hf_ice_state before, checking;
    } cases[] = {
        {0, HF_ICE_COMPLETED, HF_ICE_CONNECTED},
        {HF_SECONDS(15), HF_ICE_DISCONNECTED, HF_ICE_CHECKING},
        {HF_SECONDS(40), HF_ICE_FAILED, HF_ICE_CHECKING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        net n;
        net_init(&n, 1);
        net_connect(&n);
        n.is_cut = true;
        net_run(&n, cases[i].broken_for);
        cr_expect_eq(hf_ice_get_state(n.a.ice), cases[i].before, "case %zu", i);
        net_restart(&n, &n.a);
        net_restart(&n, &n.b);
        cr_expect_eq(hf_ice_get_state(n.a.ice), cases[i].before, "case %zu", i);
        net_exchange(&n);
        cr_expect_eq(hf_ice_get_state(n.a.ice), cases[i].checking, "case %zu", i);
        n.is_cut = false;
        net_run(&n, HF_SECONDS(1));
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED, "case %zu", i);
        cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED, "case %zu", i);
        cr_expect(net_says(&n, &n.a, "healed"), "case %zu", i);
        net_run(&n, HF_MS(20));
        cr_expect_eq(n.b.data_received, 1, "case %zu", i);
        net_clear(&n);
    }
}

/* The old path is dead, so the first new one that answers is taken, nominated or not. */
Test(restart, takes_any_pair_when_the_old_one_is_dead)
{
    solo s;
    hf_stun_message m;
    solo_connect(&s);
    while (hf_ice_get_state(s.ice) != HF_ICE_DISCONNECTED)
        solo_answer_from(&s, "192.0.2.99:1", HF_SECONDS(1));
    solo_restart(&s);
    solo_speak_as(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
    solo_set_next_remote(&s);
    solo_add(&s, SOLO_NEW_REMOTE);
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_CONNECTED);
    solo_clear(&s);
}

Test(restart, can_be_taken_back)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    char ufrag[64];
    strcpy(ufrag, hf_ice_local_ufrag(n.a.ice));
    net_restart(&n, &n.a);
    cr_expect_eq(hf_ice_cancel_restart(n.a.ice, n.now), HF_OK);
    cr_expect_str_eq(hf_ice_local_ufrag(n.a.ice), ufrag);
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
    cr_expect_eq(hf_ice_cancel_restart(n.a.ice, n.now), HF_ESTATE);

    net_restart(&n, &n.a); /* and when its checks have begun already */
    cr_assert_eq(hf_ice_set_remote(n.a.ice, n.now, &(hf_ice_remote_agent){.ufrag = SOLO_NEXT_UFRAG, .pwd = SOLO_NEXT_PWD}),
                 HF_OK);
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CONNECTED);
    cr_expect_eq(hf_ice_cancel_restart(n.a.ice, n.now), HF_OK);
    net_run(&n, HF_SECONDS(60));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    cr_expect_eq(n.b.states_len, 3);
    net_clear(&n);
}

/* "Gathering" was heard of the restart; somebody who waits for the end of it must hear of that, too. */
Test(restart, taken_back_while_it_gathers_ends_gathering)
{
    static const hf_ice_server server = {.uri = "stun:192.0.2.1"};
    net n;
    net_init(&n, 1);
    n.server = net_addr("192.0.2.1:3478");
    net_start(&n, &(hf_ice_config){.controlling = true, .servers = &server, .servers_len = 1}, NULL);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(2));
    n.server_is_silent = true;
    n.a.gatherings_len = 0;
    net_restart(&n, &n.a);
    net_run(&n, HF_MS(100));
    cr_assert_eq(n.a.gatherings_len, 1);
    cr_expect_eq(hf_ice_cancel_restart(n.a.ice, n.now), HF_OK);
    net_run(&n, HF_MS(100));
    cr_assert_eq(n.a.gatherings_len, 2);
    cr_expect_eq(n.a.gatherings[1], HF_ICE_GATHERING_COMPLETE);
    net_clear(&n);
}

Test(restart, taken_back_returns_to_the_state_of_the_old_generation)
{
    static const struct {
        hf_span broken_for;
        bool has_remote;
        hf_ice_state after;
    } cases[] = {
        {0, false, HF_ICE_NEW},
        {0, true, HF_ICE_COMPLETED},
        {HF_SECONDS(15), true, HF_ICE_DISCONNECTED},
        {HF_SECONDS(40), true, HF_ICE_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        net n;
        net_init(&n, 1);
        net_start(&n, NULL, NULL);
        if (cases[i].has_remote)
            net_exchange(&n);
        net_run(&n, HF_SECONDS(2));
        n.is_cut = true;
        net_run(&n, cases[i].broken_for);
        n.signal = HF_NEVER;
        net_restart(&n, &n.a);
        net_restart(&n, &n.b);
        net_exchange(&n);
        cr_expect_eq(hf_ice_cancel_restart(n.a.ice, n.now), HF_OK);
        cr_expect_eq(hf_ice_get_state(n.a.ice), cases[i].after, "case %zu", i);
        net_run(&n, HF_SECONDS(60));
        cr_expect(!cases[i].has_remote || hf_ice_get_state(n.a.ice) == HF_ICE_FAILED, "case %zu", i);
        net_clear(&n);
    }
}

Test(restart, that_finds_nothing_leaves_the_old_path_alone)
{
    solo s;
    solo_connect(&s);
    solo_restart(&s);
    solo_set_next_remote(&s);
    solo_add(&s, SOLO_NEW_REMOTE);
    hf_ice_end_of_remote_candidates(s.ice, s.now);
    solo_answer_from(&s, "10.0.0.2:6000", HF_SECONDS(120));
    cr_expect(solo_route_goes_to(&s, "10.0.0.2:6000"));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_CONNECTED);
    solo_clear(&s);
}

/* A laptop wakes up in another network: its old address is gone, and nothing of it can be used. */
Test(restart, heals_a_change_of_networks_on_both_sides)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    net_host_set_local(&n.a, 0, "10.0.0.77:5001");
    net_host_set_local(&n.b, 0, "10.0.0.78:6001");
    net_locals_changed(&n, &n.a);
    net_locals_changed(&n, &n.b);
    n.signal = HF_NEVER; /* what was told of the old generation is lost */
    net_run(&n, HF_SECONDS(5));
    cr_assert_eq(hf_ice_get_state(n.a.ice), HF_ICE_DISCONNECTED);
    n.a.candidates_given = n.a.candidates_len;
    n.b.candidates_given = n.b.candidates_len;
    n.signal = 0;
    net_restart(&n, &n.a);
    net_restart(&n, &n.b);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    net_clear(&n);
}

Test(restart, again_and_again_holds_no_more_memory)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    size_t blocks = 0;
    for (int i = 0; i < 100; i++) {
        n.a.states_len = n.b.states_len = n.a.gatherings_len = n.b.gatherings_len = 0;
        n.a.candidates_len = n.b.candidates_len = n.a.candidates_given = n.b.candidates_given = 0;
        net_restart(&n, &n.a);
        net_restart(&n, &n.b);
        net_exchange(&n);
        net_run(&n, HF_SECONDS(1));
        cr_assert_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
        blocks = i == 2 ? n.a.env.blocks : blocks;
    }
    cr_expect_eq(n.a.env.blocks, blocks);
    net_clear(&n);
}

/* Each allocation of a restart fails once: it is refused, or goes on with less, and the old path is there all the time. */
Test(restart, survives_a_failure_of_each_allocation)
{
    size_t failures = 0;
    for (size_t k = 1;; k++) {
        net n;
        net_init(&n, 1);
        net_connect(&n);
        size_t before = n.a.env.allocations;
        n.a.env.fail_at = before + k;
        hf_err err = hf_ice_restart(n.a.ice, n.now);
        if (err == HF_OK) {
            cr_assert_eq(hf_ice_gather(n.a.ice, n.now), HF_OK);
            net_restart(&n, &n.b);
            hf_ice_remote_agent b = {.ufrag = hf_ice_local_ufrag(n.b.ice), .pwd = hf_ice_local_pwd(n.b.ice)};
            while ((err = hf_ice_set_remote(n.a.ice, n.now, &b)) == HF_ENOMEM)
                ;
            cr_assert_eq(err, HF_OK);
            net_set_remote(&n, &n.b, &n.a);
            n.signal = HF_NEVER; /* its own checks reveal each side */
            cr_assert_eq(hf_ice_add_remote_candidate(n.b.ice, n.now, &n.a.candidates[0], ""), HF_OK);
            net_run(&n, HF_SECONDS(2));
        } else {
            cr_expect_eq(err, HF_ENOMEM);
        }
        cr_expect(net_says(&n, &n.a, "here"), "allocation %zu", k);
        bool is_done = n.a.env.allocations - before < k;
        net_clear(&n);
        if (is_done)
            break;
        failures++;
    }
    cr_expect_gt(failures, 8, "%zu", failures);
}
