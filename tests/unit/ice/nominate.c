/* nominate.c: the route, and how it is settled. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>

#define BEST "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host"
#define LESS "candidate:2 1 udp 1694498815 10.0.0.3 6000 typ srflx"

static bool route_port(const solo *s, const char *remote, bool nominated)
{
    hf_ice_route route;
    hf_addr addr = net_addr(remote);
    return hf_ice_get_route(s->ice, &route) && hf_addr_equal(&route.path.remote, &addr) && route.nominated == nominated;
}

Test(nominate, the_best_pair_is_nominated_as_soon_as_it_answers)
{
    solo s;
    hf_stun_message m;
    hf_bytes nothing;
    solo_init(&s, &(hf_ice_config){.controlling = true});
    solo_set_remote(&s);
    solo_add(&s, BEST);
    solo_add(&s, LESS);
    cr_assert(solo_take(&s, &m));
    solo_wait(&s, HF_MS(20));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.2:6000", false)); /* used from the first answer on */
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_CONNECTED);
    cr_assert(solo_take(&s, &m));
    cr_expect(hf_stun_find(&m, HF_STUN_USE_CANDIDATE, &nothing));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.2:6000", true));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
    cr_expect_not(solo_take(&s, &m)); /* RFC 8445 §8.1.2: the other pair is checked no more */
    solo_wait(&s, HF_SECONDS(2));
    cr_expect_not(solo_take(&s, &m));
    solo_clear(&s);
}

Test(nominate, a_better_pair_gets_some_round_trips)
{
    solo s;
    hf_stun_message m;
    hf_bytes nothing;
    solo_init(&s, &(hf_ice_config){.controlling = true});
    solo_set_remote(&s);
    solo_add(&s, BEST);
    solo_add(&s, LESS);
    cr_assert(solo_take(&s, &m));
    solo_wait(&s, HF_MS(50));
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(s.sent.path.remote.ip[3], 3);
    hf_stun_message lesser = m;
    uint8_t copy[HF_STUN_ID_SIZE];
    memcpy(copy, m.id, sizeof copy);
    hf_path path = s.sent.path;
    solo_wait(&s, HF_MS(40));
    memcpy(lesser.id, copy, sizeof copy);
    s.sent.path = path;
    solo_answer(&s, &lesser, NULL);
    cr_expect(route_port(&s, "10.0.0.3:6000", false));
    hf_time valid_at = s.now;
    for (;;) {
        bool has_use_candidate = false;
        while (solo_take(&s, &m))
            has_use_candidate |= hf_stun_find(&m, HF_STUN_USE_CANDIDATE, &nothing);
        if (has_use_candidate)
            break;
        solo_wait(&s, hf_ice_deadline(s.ice) - s.now);
    }
    cr_expect_eq(s.now - valid_at, HF_MS(160)); /* four round trips */
    solo_clear(&s);
}

Test(nominate, the_route_moves_to_a_better_pair_before_it_is_settled)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL); /* controlled */
    solo_set_remote(&s);
    solo_add(&s, LESS);
    cr_assert(solo_take(&s, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.3:6000", false));
    solo_count_events(&s, HF_ICE_ROUTE_CHANGED);
    solo_add(&s, BEST);
    solo_wait(&s, HF_MS(50));
    cr_assert(solo_take(&s, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.2:6000", false));
    cr_expect_eq(solo_count_events(&s, HF_ICE_ROUTE_CHANGED), 1);
    solo_clear(&s);
}

/* RFC 8445 §7.3.1.5: USE-CANDIDATE counts when our own check has succeeded, before or after. */
Test(nominate, a_controlled_agent_is_told_before_its_own_check_succeeds)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true});
    hf_ice_route route;
    cr_expect_not(hf_ice_get_route(s.ice, &route));
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.2:6000", true));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
    solo_clear(&s);
}

Test(nominate, a_controlled_agent_is_told_after_its_own_check_succeeded)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, BEST);
    cr_assert(solo_take(&s, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.2:6000", false));
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true});
    cr_expect(route_port(&s, "10.0.0.2:6000", true));
    solo_clear(&s);
}

/* RFC 5245 §8.1.1.2, Chromium 156: USE-CANDIDATE on every check. The best nominated pair counts. */
Test(nominate, of_an_aggressive_remote_the_best_pair_counts)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, LESS);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true, .from = "10.0.0.3:6000"});
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.3:6000", true));
    solo_wait(&s, HF_MS(60));
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true, .priority = 2130706431});
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(route_port(&s, "10.0.0.2:6000", true));
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true, .from = "10.0.0.3:6000"});
    cr_expect(route_port(&s, "10.0.0.2:6000", true)); /* the lesser one again: nothing moves */
    solo_clear(&s);
}

Test(nominate, one_that_fails_gives_way_to_the_next)
{
    solo s;
    hf_stun_message m;
    hf_bytes nothing;
    solo_init(&s, &(hf_ice_config){.controlling = true});
    solo_set_remote(&s);
    solo_add(&s, BEST);
    cr_assert(solo_take(&s, &m));
    solo_answer(&s, &m, NULL);
    cr_assert(solo_take(&s, &m));
    cr_expect(hf_stun_find(&m, HF_STUN_USE_CANDIDATE, &nothing)); /* never answered */
    solo_add(&s, LESS);
    bool second = false;
    for (int i = 0; i < 60 && !second; i++) {
        solo_wait(&s, HF_MS(50));
        while (solo_take(&s, &m)) {
            if (s.sent.path.remote.ip[3] == 3) {
                solo_answer(&s, &m, NULL);
                second |= hf_stun_find(&m, HF_STUN_USE_CANDIDATE, &nothing);
            }
        }
    }
    for (int i = 0; i < 300 && !route_port(&s, "10.0.0.3:6000", true); i++) {
        solo_wait(&s, HF_MS(50));
        while (solo_take(&s, &m)) {
            if (s.sent.path.remote.ip[3] == 3)
                solo_answer(&s, &m, NULL);
        }
    }
    cr_expect(route_port(&s, "10.0.0.3:6000", true));
    solo_clear(&s);
}
