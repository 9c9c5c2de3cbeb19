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

/* The remote is gone, and with it both pairs that it nominated: each is tried, and then it is told. */
Test(nominate, of_two_silent_pairs_the_one_that_answers_first_is_taken)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true, .priority = 2130706431});
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    solo_wait(&s, HF_MS(60));
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true, .from = "10.0.0.3:6000"});
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_assert(route_port(&s, "10.0.0.2:6000", true));

    hf_time gone = s.now;
    while (hf_ice_get_state(s.ice) != HF_ICE_DISCONNECTED && s.now - gone < HF_SECONDS(30))
        solo_answer_from(&s, "10.0.0.9:6000", HF_MS(100)); /* nobody */
    cr_expect_leq(s.now - gone, HF_SECONDS(8));
    solo_answer_from(&s, "10.0.0.9:6000", HF_SECONDS(5));
    cr_expect(route_port(&s, "10.0.0.2:6000", true), "to change places would help nobody");

    solo_answer_from(&s, "10.0.0.3:6000", HF_SECONDS(1));
    cr_expect(route_port(&s, "10.0.0.3:6000", true));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
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

/* --- Renomination (draft-thatcher-ice-renomination-01) ---------------------------------------------------------- */

/* Its checks come one after the other, each nominating as it says; ours have succeeded before. */
Test(nominate, the_greatest_nomination_counts)
{
    static const char best[] = "10.0.0.2:6000", less[] = "10.0.0.3:6000";
    static const struct {
        bool to_best[4];
        solo_check checks[4];
        const char *route;
        const char *why;
    } cases[] = {
        {{true, false}, {{.nomination = 1}, {.nomination = 2}}, less, "a later one outdoes, also with a lesser pair"},
        {{true, false, true}, {{.nomination = 1}, {.nomination = 2}, {.nomination = 3}}, best, "and back again"},
        {{true, false, true},
         {{.nomination = 1}, {.nomination = 3}, {.nomination = 2}},
         less,
         "one that comes late is outdone"},
        {{true, false}, {{.nomination = 7}, {.nomination = 7}}, best, "of equal ones the better pair, as of RFC 5245"},
        {{false, true}, {{.nomination = 2}, {.use_candidate = true}}, less, "USE-CANDIDATE alone counts as 1"},
        {{false, true}, {{.nomination = UINT32_MAX}, {.nomination = 5}}, less, "the greatest there is can't be outdone"},
        {{false, true}, {{.use_candidate = true}, {.nomination = 0, .raw_nomination = "four"}}, less, "a zero is none"},
        {{false, true}, {{.use_candidate = true}, {.raw_nomination = "abc"}}, less, "nor is one of three bytes"},
        {{false, true}, {{.use_candidate = true}, {.raw_nomination = "seven.."}}, less, "nor is one of seven"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        solo s;
        solo_init(&s, NULL);
        solo_set_remote(&s);
        solo_add(&s, BEST);
        solo_add(&s, LESS);
        for (int n = 0; n < 2; n++) {
            hf_stun_message m;
            solo_wait(&s, HF_MS(50));
            cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
            solo_answer(&s, &m, NULL);
        }
        for (size_t n = 0; n < 4; n++) {
            solo_check check = cases[i].checks[n];
            if (!check.nomination && !check.use_candidate && !check.raw_nomination)
                break;
            check.is_controlling = true;
            check.from = cases[i].to_best[n] ? best : less;
            solo_check_in(&s, &check);
        }
        cr_expect(route_port(&s, cases[i].route, true), "%s", cases[i].why);
        solo_clear(&s);
    }
}

static void set_renominating_remote(solo *s, bool renomination)
{
    cr_assert_eq(
        hf_ice_set_remote(s->ice, s->now,
                          &(hf_ice_remote_agent){.ufrag = SOLO_UFRAG, .pwd = SOLO_PWD, .renomination = renomination}),
        HF_OK);
}

/* Answers for `span` what goes to 10.0.0.`a` or 10.0.0.`b`, and returns the greatest NOMINATION seen. */
static uint32_t answer_two(solo *s, uint8_t a, uint8_t b, hf_span span)
{
    hf_time end = s->now + span;
    uint32_t greatest = 0;
    while (s->now < end) {
        hf_stun_message m;
        uint32_t value;
        while (solo_take(s, &m)) {
            if (hf_stun_get_u32(&m, HF_STUN_NOMINATION, &value) && value > greatest)
                greatest = value;
            uint8_t last = s->sent.path.remote.ip[3];
            if (m.class_ == HF_STUN_REQUEST && (last == a || last == b))
                solo_answer(s, &m, NULL);
        }
        hf_time next = hf_ice_deadline(s->ice);
        solo_wait(s, (next < end ? next : end) - s->now);
    }
    return greatest;
}

Test(nominate, a_better_pair_that_comes_later_is_nominated_anew_where_the_remote_knows_that)
{
    for (int renomination = 0; renomination < 2; renomination++) {
        solo s;
        solo_init(&s, &(hf_ice_config){.controlling = true});
        set_renominating_remote(&s, renomination);
        solo_add(&s, LESS);
        cr_expect_eq(answer_two(&s, 2, 3, HF_SECONDS(1)), renomination ? 1 : 0);
        cr_expect(route_port(&s, "10.0.0.3:6000", true));
        solo_add(&s, BEST);
        cr_expect_eq(answer_two(&s, 2, 3, HF_SECONDS(1)), renomination ? 2 : 0);
        cr_expect(route_port(&s, renomination ? "10.0.0.2:6000" : "10.0.0.3:6000", true));
        cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
        solo_clear(&s);
    }
}

/* RFC 8445 §8.1.1 asks for a restart where nothing can be nominated anew; but data does not wait for that. */
Test(nominate, a_silent_pair_is_left_for_another)
{
    for (int renomination = 0; renomination < 2; renomination++) {
        solo s;
        solo_init(&s, &(hf_ice_config){.controlling = true});
        set_renominating_remote(&s, renomination);
        solo_add(&s, BEST);
        solo_add(&s, LESS);
        answer_two(&s, 2, 3, HF_SECONDS(40)); /* the other has not been asked for longer than consent lasts */
        cr_expect(route_port(&s, "10.0.0.2:6000", true));
        answer_two(&s, 0, 3, HF_SECONDS(15));
        cr_expect(route_port(&s, "10.0.0.3:6000", true));
        cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
        solo_clear(&s);
    }
}

/* RFC 8445 §7.3.1.5: a nomination is for the controlled one to obey. */
Test(nominate, a_controlling_agent_is_not_told)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, &(hf_ice_config){.controlling = true});
    solo_set_remote(&s);
    solo_add(&s, LESS);
    cr_assert(solo_take(&s, &m));
    solo_answer(&s, &m, NULL);
    solo_check_in(&s, &(solo_check){.use_candidate = true, .nomination = 9, .from = "10.0.0.3:6000"});
    cr_expect(route_port(&s, "10.0.0.3:6000", false));
    solo_clear(&s);
}
