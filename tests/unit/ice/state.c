/* state.c: giving up, and calls that make no sense. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void expect_failed_after(net *n, hf_span at_least, hf_span at_most)
{
    hf_time start = n->now;
    while (!net_has_state(&n->a, HF_ICE_FAILED) && n->now < start + at_most + HF_SECONDS(1))
        net_run(n, HF_MS(50));
    cr_expect_geq(n->now - start, at_least);
    cr_expect_leq(n->now - start, at_most);
    cr_assert_eq(hf_ice_get_state(n->a.ice), HF_ICE_FAILED);
    cr_expect_eq(n->a.causes[n->a.states_len - 1], HF_ENOPATH);
    cr_expect_eq(hf_ice_deadline(n->a.ice), HF_NEVER);
}

Test(state, fails_when_patience_is_over)
{
    net n;
    net_init(&n, 1);
    n.is_cut = true;
    net_start(&n, NULL, NULL);
    net_exchange(&n);
    expect_failed_after(&n, HF_SECONDS(15), HF_MS(15050));
    net_clear(&n);
}

Test(state, patience_can_be_chosen)
{
    net n;
    net_init(&n, 1);
    n.is_cut = true;
    net_start(&n, &(hf_ice_config){.controlling = true, .patience = HF_SECONDS(40)}, NULL);
    net_exchange(&n);
    expect_failed_after(&n, HF_SECONDS(40), HF_MS(40050));
    net_clear(&n);
}

Test(state, fails_early_when_nothing_more_can_come)
{
    net n;
    net_init(&n, 1);
    n.is_cut = true;
    net_start(&n, NULL, NULL);
    net_exchange(&n);
    net_give_candidates(&n);
    hf_ice_end_of_remote_candidates(n.a.ice, n.now);
    expect_failed_after(&n, HF_SECONDS(9), HF_SECONDS(10));
    net_clear(&n);
}

/* A browser that hides its addresses comes with a check of its own: there is no reason to give up before patience ends. */
Test(state, waits_for_a_remote_that_hides_its_addresses)
{
    net n;
    net_init(&n, 1);
    n.signal = HF_NEVER;
    net_start(&n, NULL, NULL);
    net_exchange(&n);
    hf_ice_candidate hidden;
    static const char text[] = "candidate:1 1 udp 2113937151 eabbcea5-95da-4f55-9123-b41885e62f2d.local 53447 typ host";
    cr_assert_eq(hf_ice_candidate_parse(text, strlen(text), &hidden), HF_OK);
    cr_expect_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &hidden, NULL), HF_OK);
    hf_ice_end_of_remote_candidates(n.a.ice, n.now);
    net_run(&n, HF_SECONDS(12));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_CHECKING);
    cr_assert_eq(hf_ice_add_remote_candidate(n.b.ice, n.now, &n.a.candidates[0], NULL), HF_OK);
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    net_clear(&n);
}

Test(state, an_idle_agent_asks_for_no_time)
{
    solo s;
    solo_init(&s, NULL);
    cr_expect_eq(hf_ice_deadline(s.ice), HF_NEVER);
    solo_clear(&s);
}

Test(state, calls_that_make_no_sense_change_nothing)
{
    solo s;
    solo_init(&s, NULL);
    cr_expect_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = "abc", .pwd = SOLO_PWD}), HF_EINVAL);
    cr_expect_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = "ab:d", .pwd = SOLO_PWD}), HF_EINVAL);
    cr_expect_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = "abcd", .pwd = "012345678901234567890"}),
                 HF_EINVAL);
    cr_expect_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = NULL, .pwd = NULL}), HF_EINVAL);
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_NEW);
    cr_expect_eq(hf_ice_set_controlling(s.ice, true), HF_OK);
    solo_set_remote(&s);
    cr_expect_eq(hf_ice_set_controlling(s.ice, false), HF_ESTATE);
    cr_expect_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = SOLO_UFRAG, .pwd = SOLO_PWD}), HF_OK);
    cr_expect_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = "other", .pwd = SOLO_PWD}), HF_ESTATE);
    hf_ice_tick(s.ice, 0);
    hf_ice_reply(s.ice, 0, &(hf_reply){.type = HF_REPLY_RESOLVED, .id = 99});
    hf_ice_free(NULL);
    hf_ice_end_of_remote_candidates(NULL, 0);
    cr_expect_eq(hf_ice_deadline(NULL), HF_NEVER);
    solo_clear(&s);
}

Test(state, data_passes_only_where_a_check_has_come_through)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    cr_assert(net_says(&n, &n.a, "hello"));
    net_run(&n, HF_MS(20));
    cr_expect_eq(n.b.data_received, 1);

    uint8_t dtls[] = {23, 1}, stun[] = {0, 1, 0, 0}, junk[] = {100}, more[] = {22, 2};
    hf_path good = {.local = n.b.locals[0].addr, .remote = n.a.locals[0].addr};
    hf_path bad = {.local = n.b.locals[0].addr, .remote = net_addr("10.0.0.66:1")};
    hf_datagram d[] = {{bad, dtls, 2, 0},  {good, stun, 4, 0}, {good, dtls, 2, 0},
                       {good, junk, 1, 0}, {good, more, 2, 0}, {good, more, 0, 0}};
    hf_ice_stats before, after;
    hf_ice_get_stats(n.b.ice, &before);
    cr_expect_eq(hf_ice_input(n.b.ice, n.now, d, 6), 2);
    cr_expect_eq(d[0].data, dtls);
    cr_expect_eq(d[1].data, more);
    hf_ice_get_stats(n.b.ice, &after);
    cr_expect_eq(after.drops.by_cause[HF_DROP_UNKNOWN_PATH] - before.drops.by_cause[HF_DROP_UNKNOWN_PATH], 1);
    cr_expect_eq(after.drops.by_cause[HF_DROP_STUN_MALFORMED] - before.drops.by_cause[HF_DROP_STUN_MALFORMED], 3);
    net_clear(&n);
}

static void count(void *context)
{
    ++*(int *)context;
}

Test(state, wakes_its_driver_when_the_application_leaves_work)
{
    solo s;
    int woken = 0;
    solo_init(&s, NULL);
    hf_ice_set_wake(s.ice, count, &woken);
    solo_set_remote(&s);
    cr_expect_eq(woken, 1);
    solo_add(&s, "candidate:1 1 udp 1 10.0.0.2 9 typ host");
    cr_expect_eq(woken, 2);
    solo_check_in(&s, &(solo_check){.is_controlling = true});
    solo_wait(&s, HF_SECONDS(1));
    cr_expect_eq(woken, 2);
    hf_ice_set_wake(s.ice, NULL, NULL);
    solo_add(&s, "candidate:1 1 udp 1 10.0.0.3 9 typ host");
    cr_expect_eq(woken, 2);
    solo_clear(&s);
}
