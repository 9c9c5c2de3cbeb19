/* answer.c: checks of the remote, good, early and forged. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

static unsigned error_of(const hf_stun_message *m)
{
    unsigned code = 0;
    hf_bytes reason;
    return m->class_ == HF_STUN_ERROR && hf_stun_get_error(m, &code, &reason) ? code : 0;
}

Test(answer, mirrors_the_address)
{
    solo s;
    hf_stun_message m;
    hf_addr mapped, expected = net_addr("10.0.0.2:6000");
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_check_in(&s, &(solo_check){.is_controlling = true});
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(m.class_, HF_STUN_SUCCESS);
    cr_expect(hf_stun_get_xor_address(&m, HF_STUN_XOR_MAPPED_ADDRESS, &mapped) && hf_addr_equal(&mapped, &expected));
    cr_expect(hf_stun_verify_integrity(&m, hf_bytes_of_text(hf_ice_local_pwd(s.ice))));
    cr_expect_neq(m.fingerprint_at, 0);
    solo_clear(&s);
}

/* The triggered check leaves at once, behind the answer. */
Test(answer, is_followed_by_a_check_at_once)
{
    solo s;
    hf_stun_message m;
    hf_addr to = net_addr("10.0.0.2:6000");
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_check_in(&s, &(solo_check){.is_controlling = true});
    cr_assert(solo_take(&s, &m));
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(m.class_, HF_STUN_REQUEST);
    cr_expect(hf_addr_equal(&s.sent.path.remote, &to));
    cr_expect_not(solo_take(&s, &m));
    hf_ice_pair_info pair;
    cr_assert(hf_ice_get_pair(s.ice, 0, &pair));
    cr_expect_eq(pair.remote.type, HF_ICE_PEER_REFLEXIVE);
    cr_expect_eq(pair.remote.priority, 1845501695u);
    solo_clear(&s);
}

Test(answer, of_a_bad_check_says_why)
{
    static const struct {
        solo_check check;
        unsigned code; /* 0: silence */
        bool is_signed;
        const char *why;
    } checks[] = {
        {{.is_controlling = true, .user = ""}, 400, false, "no user name"},
        {{.is_controlling = true, .pwd = ""}, 400, false, "no integrity"},
        {{.is_controlling = true, .pwd = "guessedguessedguessedguessed"}, 401, false, "wrong password"},
        {{.is_controlling = true, .user = "some:remo"}, 401, false, "somebody else's ufrag"},
        {{.is_controlling = true, .user = "nocolon"}, 401, false, "half a user name"},
        {{.is_controlling = true, .no_fingerprint = true}, 0, false, "no fingerprint"},
        {{.is_controlling = true, .unknown = 0x7F01}, 420, true, "an attribute that must be understood"},
        {{.is_controlling = true, .no_priority = true}, 400, true, "no priority"},
        {{.is_controlling = false, .tie_breaker = UINT64_MAX}, 487, true, "both controlled; its tie-breaker is greater"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        solo s;
        hf_stun_message m;
        solo_init(&s, NULL);
        solo_set_remote(&s);
        solo_check_in(&s, &checks[i].check);
        bool has_answer = solo_take_class(&s, HF_STUN_ERROR, &m);
        cr_expect_eq(has_answer, checks[i].code != 0, "%s", checks[i].why);
        if (has_answer) {
            cr_expect_eq(error_of(&m), checks[i].code, "%s", checks[i].why);
            cr_expect_eq(hf_stun_verify_integrity(&m, hf_bytes_of_text(hf_ice_local_pwd(s.ice))), checks[i].is_signed, "%s",
                         checks[i].why);
        }
        hf_ice_pair_info pair;
        cr_expect_not(hf_ice_get_pair(s.ice, 0, &pair), "%s", checks[i].why);
        solo_clear(&s);
    }
}

Test(answer, names_unknown_attributes)
{
    solo s;
    hf_stun_message m;
    hf_bytes unknown;
    solo_init(&s, NULL);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .unknown = 0x7F01});
    cr_assert(solo_take(&s, &m));
    cr_assert(hf_stun_find(&m, HF_STUN_UNKNOWN_ATTRIBUTES, &unknown));
    cr_assert_geq(unknown.len, 2);
    cr_expect_eq(unknown.data[0], 0x7F);
    cr_expect_eq(unknown.data[1], 0x01);
    solo_clear(&s);
}

/* Of a stranger's flood, one in 50 ms is refused in words, the rest in silence. */
Test(answer, to_strangers_is_rare)
{
    solo s;
    hf_stun_message m;
    size_t answers = 0;
    solo_init(&s, NULL);
    for (size_t i = 0; i < 1000; i++) {
        solo_check_in(&s, &(solo_check){.pwd = "guessedguessedguessedguessed"});
        while (solo_take(&s, &m))
            answers++;
        solo_wait(&s, HF_MS(1));
    }
    cr_expect_eq(answers, 20);
    hf_ice_stats stats;
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_RATE], 980);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_STUN_INTEGRITY], 1000);
    solo_clear(&s);
}

Test(answer, owed_is_bounded)
{
    solo s;
    hf_stun_message m;
    size_t answers = 0;
    solo_init(&s, NULL);
    for (size_t i = 0; i < 200; i++)
        solo_check_in(&s, &(solo_check){.is_controlling = true});
    while (solo_take(&s, &m))
        answers++;
    cr_expect_eq(answers, HF_ICE_OWED_MAX);
    solo_clear(&s);
}

/* RFC 8445 §7.3: before its credentials are known, the remote is answered; the pair is made when they come. */
Test(answer, comes_before_the_credentials)
{
    solo s;
    hf_stun_message m;
    uint8_t dtls[] = {22, 254, 253};
    solo_init(&s, NULL);
    cr_expect_eq(solo_give(&s, NULL, dtls, sizeof dtls), 0);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true});
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(m.class_, HF_STUN_SUCCESS);
    cr_expect_not(solo_take(&s, &m));
    cr_expect_eq(solo_give(&s, NULL, dtls, sizeof dtls), 1); /* the path is proven, so a ClientHello comes through */
    solo_set_remote(&s);
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(m.class_, HF_STUN_REQUEST);
    solo_answer(&s, &m, NULL);
    hf_ice_route route;
    cr_assert(hf_ice_get_route(s.ice, &route));
    cr_expect(route.nominated); /* RFC 8445 §7.3.1.5, remembered too */
    solo_clear(&s);
}

Test(answer, early_paths_are_bounded_and_of_this_remote)
{
    solo s;
    hf_ice_pair_info pair;
    char from[32];
    solo_init(&s, NULL);
    for (int i = 0; i < 40; i++) {
        snprintf(from, sizeof from, "10.0.1.%d:6000", i + 1);
        solo_check_in(&s, &(solo_check){.is_controlling = true, .from = from});
    }
    cr_expect_eq(s.ice->current->early_len, HF_ICE_EARLY_MAX);
    cr_assert_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = "another", .pwd = SOLO_PWD}), HF_OK);
    cr_expect_not(hf_ice_get_pair(s.ice, 0, &pair));
    solo_clear(&s);
}

/* RFC 8445 §7.3.1.1: the greater tie-breaker is controlling. */
Test(answer, settles_a_role_conflict)
{
    static const struct {
        bool we_control;
        uint64_t theirs;
        unsigned code;
        bool we_control_then;
    } cases[] = {
        {true, 0, 487, true},
        {true, UINT64_MAX, 0, false},
        {false, 0, 0, true},
        {false, UINT64_MAX, 487, false},
    };
    for (size_t i = 0; i < 4; i++) {
        solo s;
        hf_stun_message m;
        solo_init(&s, &(hf_ice_config){.controlling = cases[i].we_control});
        solo_set_remote(&s);
        solo_check_in(&s, &(solo_check){.is_controlling = cases[i].we_control, .tie_breaker = cases[i].theirs});
        cr_assert(solo_take(&s, &m));
        cr_expect_eq(error_of(&m), cases[i].code, "case %zu", i);
        cr_expect_eq(s.ice->current->is_controlling, cases[i].we_control_then, "case %zu", i);
        hf_ice_stats stats;
        hf_ice_get_stats(s.ice, &stats);
        cr_expect_eq(stats.role_conflicts, 1);
        solo_clear(&s);
    }
}

Test(answer, is_only_given_to_the_remote_of_this_generation)
{
    solo s;
    hf_stun_message m;
    char user[64];
    solo_init(&s, NULL);
    solo_set_remote(&s);
    snprintf(user, sizeof user, "%s:other", hf_ice_local_ufrag(s.ice));
    solo_check_in(&s, &(solo_check){.is_controlling = true, .user = user});
    cr_expect_not(solo_take(&s, &m));
    solo_clear(&s);
}
