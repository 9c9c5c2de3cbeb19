/* generation.c: two generations at once: whose credentials, checks, candidates and consent count. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* RFC 8445 §6.1.1: between full agents a restart doesn't change the roles. Each generation has a tie-breaker of its own. */
Test(generation, keeps_the_roles)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    uint64_t tie_breaker = n.a.ice->current->tie_breaker;
    net_restart(&n, &n.b);
    net_restart(&n, &n.a);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(1));
    hf_ice_stats stats;
    hf_ice_get_stats(n.a.ice, &stats);
    cr_expect(n.a.ice->current->is_controlling);
    cr_expect_not(n.b.ice->current->is_controlling);
    cr_expect_eq(stats.role_conflicts, 0);
    cr_expect_neq(n.a.ice->current->tie_breaker, tie_breaker);
    net_clear(&n);
}

/* The old path works, so a new one must be nominated to outdo it; and what comes on the old one is taken for some more
 * seconds, checks included. */
Test(generation, lingers_on_the_old_path)
{
    solo s;
    hf_stun_message m;
    uint8_t dtls[] = {23, 1};
    solo_connect(&s);
    solo old = s;
    solo_restart(&s);
    solo_set_next_remote(&s);
    solo_add(&s, SOLO_NEW_REMOTE);
    solo_speak_as(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .from = "10.0.0.9:9000"});
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(solo_route_goes_to(&s, "10.0.0.2:6000"));
    cr_expect_eq(solo_give(&s, "10.0.0.9:9000", dtls, sizeof dtls), 1);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true, .from = "10.0.0.9:9000"});
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);

    solo_answer_from(&s, "10.0.0.9:9000", HF_SECONDS(9));
    cr_expect_eq(solo_give(&s, NULL, dtls, sizeof dtls), 1);
    cr_expect_eq(solo_give(&s, "10.0.0.9:9000", dtls, sizeof dtls), 1);
    old.now = s.now;
    solo_check_in(&old, &(solo_check){.is_controlling = true, .use_candidate = true});
    cr_assert(solo_take_class(&s, HF_STUN_SUCCESS, &m));
    cr_expect(hf_stun_verify_integrity(&m, hf_bytes_of_text(old.local_pwd)));
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"), "the old generation nominates nothing any more");

    solo_answer_from(&s, "10.0.0.9:9000", HF_SECONDS(2));
    cr_expect_eq(solo_give(&s, NULL, dtls, sizeof dtls), 0);
    cr_expect_eq(solo_give(&s, "10.0.0.9:9000", dtls, sizeof dtls), 1);
    cr_expect_null(s.ice->current->older);
    solo_clear(&s);
}

/* Nobody calls a closed agent again for the sake of a generation that it only keeps. */
Test(generation, lingers_no_longer_than_its_agent)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    net_restart(&n, &n.b);
    net_restart(&n, &n.a);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(1));
    cr_assert(n.a.ice->current->older);
    hf_ice_close(n.a.ice, n.now);
    cr_expect_eq(hf_ice_deadline(n.a.ice), HF_NEVER);
    net_clear(&n);
}

/* While a restart is open, each check is held to the credentials that its user name speaks of. */
Test(generation, answers_each_generation_with_its_own_credentials)
{
    solo s;
    solo_connect(&s);
    solo old = s;
    solo_restart(&s);
    char mixed[64];
    snprintf(mixed, sizeof mixed, "%s:%s", hf_ice_local_ufrag(s.ice), SOLO_UFRAG);
    const char *new_pwd = hf_ice_local_pwd(s.ice);
    for (int has_remote = 0; has_remote < 2; has_remote++) {
        solo_speak_as(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
        const struct {
            const char *user, *pwd;
            unsigned code;   /* 0: success; 1: silence */
            const char *key; /* of the answer */
            const char *why;
        } checks[] = {
            {old.user, old.local_pwd, 0, old.local_pwd, "the old ones"},
            {s.user, new_pwd, 0, new_pwd, "the new ones"},
            {old.user, new_pwd, 401, NULL, "the old name with the new password"},
            {s.user, old.local_pwd, 401, NULL, "the new name with the old password"},
            {mixed, new_pwd, has_remote ? 1 : 0, new_pwd, "our new half with its old one"},
        };
        for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
            hf_stun_message m = {0};
            unsigned code = 0;
            hf_bytes reason;
            solo_wait(&s, HF_MS(100)); /* refusals are rare */
            solo_check_in(&s, &(solo_check){.is_controlling = true, .user = checks[i].user, .pwd = checks[i].pwd});
            bool has_answer = false;
            while (!has_answer && solo_take(&s, &m))
                has_answer = m.class_ != HF_STUN_REQUEST;
            cr_expect_eq(has_answer, checks[i].code != 1, "%s", checks[i].why);
            if (has_answer && m.class_ == HF_STUN_ERROR)
                cr_expect(hf_stun_get_error(&m, &code, &reason));
            cr_expect(!has_answer || code == checks[i].code, "%s", checks[i].why);
            if (has_answer && code == 0)
                cr_expect(hf_stun_verify_integrity(&m, hf_bytes_of_text(checks[i].key)), "%s", checks[i].why);
        }
        if (!has_remote)
            solo_set_next_remote(&s);
    }
    solo_clear(&s);
}

/* The remote answered the offer, and its checks are here before its description. */
Test(generation, remembers_checks_that_come_before_the_description)
{
    solo s;
    hf_stun_message m;
    uint8_t dtls[] = {23, 1};
    solo_connect(&s);
    solo_restart(&s);
    solo_speak_as(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
    solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true, .from = "10.0.0.9:9000"});
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(m.class_, HF_STUN_SUCCESS);
    cr_expect_not(solo_take(&s, &m));
    cr_expect_eq(solo_give(&s, "10.0.0.9:9000", dtls, sizeof dtls), 1);
    solo_set_next_remote(&s);
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"));
    solo_clear(&s);
}

Test(generation, gives_candidates_to_the_generation_of_their_ufrag)
{
    static const struct {
        const char *ufrag;
        bool before;           /* the remote's new credentials are known */
        size_t in_old, in_new; /* remote candidates in each, at last */
        const char *why;
    } cases[] = {
        {NULL, true, 2, 0, "without a ufrag it belongs to the last description"},
        {NULL, false, 1, 1, "and that may be the new one"},
        {SOLO_UFRAG, true, 2, 0, "the old one"},
        {SOLO_UFRAG, false, 2, 0, "the old one still"},
        {SOLO_NEXT_UFRAG, true, 1, 1, "the new one waits"},
        {SOLO_NEXT_UFRAG, false, 1, 1, "the new one"},
        {"nobody", true, 1, 0, "what waits may turn out to be nobody's"},
        {"nobody", false, 1, 0, "nobody's"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        solo s;
        hf_ice_candidate c;
        solo_connect(&s);
        solo_restart(&s);
        cr_assert_eq(hf_ice_candidate_parse(SOLO_NEW_REMOTE, strlen(SOLO_NEW_REMOTE), &c), HF_OK);
        if (!cases[i].before)
            solo_set_next_remote(&s);
        cr_expect_eq(hf_ice_add_remote_candidate(s.ice, s.now, &c, cases[i].ufrag), HF_OK, "%s", cases[i].why);
        if (cases[i].before)
            solo_set_next_remote(&s);
        cr_expect_eq(s.ice->current->remotes_len, cases[i].in_old, "%s", cases[i].why);
        cr_expect_eq(s.ice->newest->remotes_len, cases[i].in_new, "%s", cases[i].why);
        solo_clear(&s);
    }
}

Test(generation, makes_sense_only_when_it_does)
{
    solo s;
    hf_ice *ice;
    test_env env;
    test_env_init(&env, 1);
    cr_assert_eq(hf_ice_new(&ice, NULL, &env.env), HF_OK);
    cr_expect_eq(hf_ice_restart(ice, 0), HF_ESTATE, "nothing was gathered");
    cr_expect_eq(hf_ice_cancel_restart(ice, 0), HF_ESTATE, "none is open");
    hf_ice_free(ice);
    cr_expect_eq(hf_ice_restart(NULL, 0), HF_EINVAL);
    cr_expect_eq(hf_ice_cancel_restart(NULL, 0), HF_EINVAL);

    solo_connect(&s);
    solo_restart(&s);
    char ufrag[64];
    strcpy(ufrag, hf_ice_local_ufrag(s.ice));
    cr_expect_eq(hf_ice_restart(s.ice, s.now), HF_OK);
    cr_expect_str_eq(hf_ice_local_ufrag(s.ice), ufrag, "it is under way already");
    cr_expect_eq(hf_ice_set_controlling(s.ice, false), HF_OK);
    solo_set_remote(&s);
    cr_expect_not(s.ice->newest->remote_ufrag, "the old ones again are no answer to a restart");
    solo_set_next_remote(&s);
    solo_set_next_remote(&s);
    cr_expect_eq(hf_ice_set_controlling(s.ice, true), HF_ESTATE);
    cr_expect_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = SOLO_UFRAG, .pwd = SOLO_PWD}), HF_ESTATE,
                 "there is no way back but taking it back");
    cr_expect_eq(hf_ice_restart(s.ice, s.now), HF_OK);
    cr_expect_str_neq(hf_ice_local_ufrag(s.ice), ufrag, "its checks had begun: this is the next one");
    solo_clear(&s);
}

/* RFC 7675 §5.1: once consent is lost, its credentials are of no use any more. */
Test(generation, does_not_bring_lost_credentials_back)
{
    solo s;
    hf_stun_message m;
    uint8_t dtls[] = {23, 1};
    solo_connect(&s);
    solo old = s;
    solo_answer_from(&s, "192.0.2.99:1", HF_SECONDS(40));
    cr_assert_eq(hf_ice_get_state(s.ice), HF_ICE_FAILED);
    solo_restart(&s);
    solo_set_next_remote(&s);
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_CHECKING);
    old.now = s.now;
    solo_check_in(&old, &(solo_check){.is_controlling = true, .use_candidate = true});
    while (solo_take(&s, &m))
        cr_expect(m.class_ == HF_STUN_ERROR && m.integrity_at == 0);
    cr_expect_eq(solo_give(&s, NULL, dtls, sizeof dtls), 0);
    solo_clear(&s);
}

/* Its consent ends while the restart's checks are on: they go on alone. */
Test(generation, outlives_the_old_consent)
{
    solo s;
    hf_stun_message m;
    hf_ice_route route;
    solo_init(&s, &(hf_ice_config){.patience = HF_SECONDS(120)});
    solo_set_remote(&s);
    solo_add(&s, SOLO_OLD_REMOTE);
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, NULL);
    solo_restart(&s);
    solo_set_next_remote(&s);
    solo_answer_from(&s, "192.0.2.99:1", HF_SECONDS(40));
    cr_expect_not(hf_ice_get_route(s.ice, &route));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_DISCONNECTED);
    cr_expect(s.ice->current->is_over);
    solo_speak_as(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
    solo_add(&s, SOLO_NEW_REMOTE);
    solo_answer_from(&s, "10.0.0.9:9000", HF_SECONDS(1));
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"));
    solo_clear(&s);
}
