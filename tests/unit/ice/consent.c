/* consent.c: freshness, silence and recovery (RFC 7675). */
#include "net.h"

#include <criterion/criterion.h>

Test(consent, is_asked_for_every_five_seconds_or_so_and_nothing_else_happens)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    hf_ice_pair_info before, after;
    cr_assert(hf_ice_get_pair(n.a.ice, 0, &before));
    size_t sent = n.a.sent;
    net_run(&n, HF_SECONDS(600));
    cr_assert(hf_ice_get_pair(n.a.ice, 0, &after));
    uint64_t checks = after.consent_requests_sent - before.consent_requests_sent;
    cr_expect_geq(checks, 100);
    cr_expect_leq(checks, 150);
    uint64_t answers = after.responses_sent - before.responses_sent;
    cr_expect_eq(n.a.sent - sent, checks + answers);
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(n.a.states_len, 3);
    net_clear(&n);
}

Test(consent, lost_is_suspected_soon_and_ends_after_thirty_seconds)
{
    net n;
    net_init(&n, 2);
    net_connect(&n);
    n.is_cut = true;
    hf_time cut = n.now;
    while (!net_has_state(&n.a, HF_ICE_DISCONNECTED))
        net_run(&n, HF_MS(100));
    cr_expect_geq(n.now - cut, HF_MS(2500));
    cr_expect_leq(n.now - cut, HF_MS(8700));
    cr_expect_eq(n.a.causes[n.a.states_len - 1], HF_ETIMEDOUT);
    hf_ice_route route;
    cr_expect(hf_ice_get_route(n.a.ice, &route)); /* consent is still there */
    while (!net_has_state(&n.a, HF_ICE_FAILED))
        net_run(&n, HF_MS(100));
    cr_expect_geq(n.now - cut, HF_SECONDS(24));
    cr_expect_leq(n.now - cut, HF_MS(30200));
    cr_expect_eq(n.a.causes[n.a.states_len - 1], HF_ECONSENT);
    cr_expect_not(hf_ice_get_route(n.a.ice, &route));
    net_run(&n, HF_SECONDS(10));
    size_t sent = n.a.sent + n.b.sent;
    n.is_cut = false;
    net_run(&n, HF_SECONDS(600)); /* RFC 7675 §5.1: nothing is sent any more */
    cr_expect_eq(n.a.sent + n.b.sent, sent);
    cr_expect_eq(hf_ice_deadline(n.a.ice), HF_NEVER);
    net_clear(&n);
}

Test(consent, comes_back_by_itself)
{
    net n;
    net_init(&n, 3);
    net_connect(&n);
    n.is_cut = true;
    net_run(&n, HF_SECONDS(15));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_DISCONNECTED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_DISCONNECTED);
    n.is_cut = false;
    net_run(&n, HF_MS(1100)); /* probes go out each second by then */
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    net_run(&n, HF_SECONDS(120));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    net_clear(&n);
}

Test(consent, survives_a_lossy_path)
{
    net n;
    net_init(&n, 4);
    net_connect(&n);
    n.loss = 30;
    net_run(&n, HF_SECONDS(600));
    cr_expect_not(net_has_state(&n.a, HF_ICE_FAILED));
    cr_expect_not(net_has_state(&n.b, HF_ICE_FAILED));
    net_clear(&n);
}

Test(consent, survives_a_round_trip_of_two_seconds)
{
    net n;
    net_init(&n, 5);
    n.delay = HF_SECONDS(1);
    net_start(&n, NULL, NULL);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(120));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_not(net_has_state(&n.a, HF_ICE_DISCONNECTED));
    cr_expect_not(net_has_state(&n.b, HF_ICE_DISCONNECTED));
    net_clear(&n);
}
