/* lite.c: a remote that only answers (RFC 8445 §2.5): a media server, say. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>

#define BEST "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host"
#define LESS "candidate:2 1 udp 2130705919 10.0.0.3 6000 typ host"

static void set_lite(solo *s, const char *ufrag, const char *pwd)
{
    cr_assert_eq(hf_ice_set_remote(s->ice, s->now, &(hf_ice_remote_agent){.ufrag = ufrag, .pwd = pwd, .lite = true}), HF_OK);
}

static bool nominates(const hf_stun_message *m)
{
    hf_bytes nothing;
    return hf_stun_find(m, HF_STUN_USE_CANDIDATE, &nothing);
}

/* RFC 8445 §6.1.1: "the full agent MUST take the controlling role", whatever signalling had in mind; and nomination is
 * regular: the first check bears no USE-CANDIDATE. */
Test(lite, is_controlled_and_nominated_by_us)
{
    for (int controlling = 0; controlling < 2; controlling++) {
        solo s;
        hf_stun_message m;
        uint64_t tie_breaker;
        solo_init(&s, &(hf_ice_config){.controlling = controlling});
        set_lite(&s, SOLO_UFRAG, SOLO_PWD);
        solo_add(&s, BEST);
        cr_assert(solo_take(&s, &m));
        cr_expect(hf_stun_get_u64(&m, HF_STUN_ICE_CONTROLLING, &tie_breaker));
        cr_expect_not(nominates(&m));
        solo_answer(&s, &m, NULL);
        cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_CONNECTED);
        cr_assert(solo_take(&s, &m));
        cr_expect(nominates(&m));
        solo_answer(&s, &m, NULL);
        cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
        solo_clear(&s);
    }
}

Test(lite, never_checks_and_the_path_is_kept_all_the_same)
{
    solo s;
    hf_ice_route route;
    uint8_t dtls[] = {22, 254, 253};
    solo_init(&s, NULL);
    set_lite(&s, SOLO_UFRAG, SOLO_PWD);
    solo_add(&s, BEST);
    solo_add(&s, LESS);
    cr_expect_eq(solo_give(&s, NULL, dtls, sizeof dtls), 0); /* nothing is taken before an answer */
    solo_answer_from(&s, "10.0.0.3:6000", HF_SECONDS(120));
    cr_assert(hf_ice_get_route(s.ice, &route));
    cr_expect(route.nominated && route.path.remote.ip[3] == 3, "the one that answers");
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
    cr_expect_eq(solo_give(&s, "10.0.0.3:6000", dtls, sizeof dtls), 1);
    solo_answer_from(&s, "192.0.2.9:1", HF_SECONDS(40));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_FAILED);
    solo_clear(&s);
}

/* It has one role only, so what it says of another is not believed. */
Test(lite, that_claims_control_is_refused)
{
    solo s;
    hf_stun_message m;
    unsigned code = 0;
    hf_bytes reason;
    solo_init(&s, NULL);
    set_lite(&s, SOLO_UFRAG, SOLO_PWD);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .tie_breaker = UINT64_MAX});
    cr_assert(solo_take(&s, &m));
    cr_expect(m.class_ == HF_STUN_ERROR && hf_stun_get_error(&m, &code, &reason));
    cr_expect_eq(code, 487);
    cr_expect(s.ice->current->is_controlling);

    solo_add(&s, BEST);
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer_error(&s, &m, 487);
    cr_expect(s.ice->current->is_controlling);
    hf_ice_pair_info pair;
    cr_assert(hf_ice_get_pair(s.ice, 0, &pair));
    cr_expect_eq(pair.state, HF_ICE_PAIR_FAILED);
    solo_clear(&s);
}

/* RFC 8445 §6.1.1: the roles may change with a restart when a full remote becomes a lite one, or the other way round: a call
 * that a server takes over. */
Test(lite, may_follow_a_full_remote_in_a_restart_and_be_followed_by_one)
{
    solo s;
    hf_stun_message m;
    solo_connect(&s); /* controlled by a full one */
    solo_restart(&s);
    solo_speak_as(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
    set_lite(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
    cr_expect(s.ice->newest->is_controlling);
    cr_expect_not(s.ice->current->is_controlling);
    solo_add(&s, SOLO_NEW_REMOTE);
    solo_answer_from(&s, "10.0.0.9:9000", HF_SECONDS(2));
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);

    solo_restart(&s);
    cr_expect_eq(hf_ice_set_controlling(s.ice, false), HF_OK);
    solo_speak_as(&s, SOLO_UFRAG, SOLO_PWD);
    solo_set_remote(&s);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true});
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(solo_route_goes_to(&s, "10.0.0.2:6000"));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
    solo_clear(&s);
}
