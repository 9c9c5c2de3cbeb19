/* restart.c: ICE restarts in descriptions: who asks, what the answer must have, and what becomes of candidates. */
#include "duo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static hf_err restart(duo *d, int which)
{
    return hf_peer_restart_ice(d->peer[which], d->now);
}

static char *ufrag_in(const char *sdp)
{
    return duo_value(sdp, "a=ice-ufrag:");
}

/* Two peers that have agreed, each with one address. */
static void init_agreed(duo *d)
{
    duo_init(d, 2);
    duo_agree(d, 0);
    duo_reply_local(d, 0);
    duo_reply_local(d, 1);
}

Test(peer_restart, is_told_as_needed_once_and_done_by_the_next_offer)
{
    hf_peer_event event;
    duo d;
    init_agreed(&d);
    cr_assert_eq(restart(&d, 0), HF_OK);
    cr_assert_eq(restart(&d, 0), HF_OK);
    cr_expect(duo_next(&d, 0, HF_PEER_NEGOTIATION_NEEDED, &event));
    cr_expect_not(duo_next(&d, 0, HF_PEER_NEGOTIATION_NEEDED, &event));
    duo_agree(&d, 0);
    cr_expect_not(duo_next(&d, 0, HF_PEER_NEGOTIATION_NEEDED, &event));
    duo_clear(&d);
}

Test(peer_restart, needs_something_to_restart)
{
    duo d;
    duo_init(&d, 1);
    cr_expect_eq(restart(&d, 0), HF_ESTATE);
    hf_peer_close(d.peer[0], d.now);
    cr_expect_eq(restart(&d, 0), HF_ECLOSED);
    duo_clear(&d);
}

Test(peer_restart, while_an_offer_is_open_asks_for_the_next_one)
{
    hf_peer_event event;
    duo d;
    init_agreed(&d);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    cr_assert_eq(restart(&d, 0), HF_OK);
    cr_expect_not(duo_next(&d, 0, HF_PEER_NEGOTIATION_NEEDED, &event), "not stable");
    duo_set_remote(&d, 0, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER));
    cr_expect(duo_next(&d, 0, HF_PEER_NEGOTIATION_NEEDED, &event));
    duo_clear(&d);
}

/* W3C WebRTC 1.0 §4.4.1.5: whoever answers a restart has restarted. */
Test(peer_restart, of_the_remote_is_ours_too)
{
    hf_peer_event event;
    duo d;
    init_agreed(&d);
    cr_assert_eq(restart(&d, 0), HF_OK);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    cr_assert_eq(restart(&d, 1), HF_OK);
    duo_set_remote(&d, 0, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER));
    cr_expect_not(duo_next(&d, 1, HF_PEER_NEGOTIATION_NEEDED, &event));
    duo_clear(&d);
}

Test(peer_restart, offers_nothing_old)
{
    duo d;
    init_agreed(&d);
    const char *sdp;
    cr_assert_eq(hf_peer_local_description(d.peer[0], NULL, &sdp), HF_OK);
    char *ufrag = ufrag_in(sdp);
    cr_expect_not_null(strstr(sdp, "a=candidate"));
    cr_assert_eq(restart(&d, 0), HF_OK);
    cr_assert_eq(hf_peer_create_offer(d.peer[0], d.now, &sdp), HF_OK);
    cr_expect_null(strstr(sdp, ufrag));
    cr_expect_null(strstr(sdp, "a=candidate"), "those come with the new gathering");
    cr_expect_null(strstr(sdp, "a=end-of-candidates"));
    (void)duo_set_local(&d, 0, HF_SDP_OFFER);
    cr_assert_eq(hf_peer_get_description(d.peer[0], HF_CURRENT_LOCAL_DESCRIPTION, NULL, &sdp), HF_OK);
    cr_expect_not_null(strstr(sdp, ufrag));
    cr_expect_not_null(strstr(sdp, "a=candidate"));
    free(ufrag);
    duo_clear(&d);
}

static const struct {
    const char *why;
    bool restarts; /* the offer */
    bool answers_anew;
    const char *says; /* NULL: fine */
} answers[] = {
    {"a renegotiation", false, false, NULL},
    {"a restart", true, true, NULL},
    {"a restart that is not taken up", true, false, "old ICE credentials"},
    {"a restart that nobody asked for", false, true, "the offer did not"},
};

Test(peer_restart, an_answer_has_new_credentials_exactly_where_the_offer_has)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        duo d;
        init_agreed(&d);
        if (answers[i].restarts)
            cr_assert_eq(restart(&d, 0), HF_OK);
        duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
        const char *last;
        cr_assert_eq(hf_peer_get_description(d.peer[1], HF_CURRENT_LOCAL_DESCRIPTION, NULL, &last), HF_OK);
        char *answer = strdup(last);
        if (answers[i].restarts == answers[i].answers_anew) {
            free(answer);
            answer = strdup(duo_set_local(&d, 1, HF_SDP_ANSWER));
        } else if (answers[i].answers_anew) {
            char *ufrag = duo_replace(answer, "a=ice-ufrag:", "a=ice-ufrag:x"), *pwd;
            pwd = duo_replace(ufrag, "a=ice-pwd:", "a=ice-pwd:x");
            free(ufrag);
            free(answer);
            answer = pwd;
        }
        hf_err err = hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, answer);
        const char *text = hf_peer_error_text(d.peer[0]);
        cr_expect_eq(err, answers[i].says ? HF_EPROTO : HF_OK, "%s: %s", answers[i].why, text);
        cr_expect(!answers[i].says || strstr(text, answers[i].says), "%s: %s", answers[i].why, text);
        cr_expect_eq(hf_peer_signaling_state(d.peer[0]),
                     answers[i].says ? HF_SIGNALING_HAVE_LOCAL_OFFER : HF_SIGNALING_STABLE);
        free(answer);
        duo_clear(&d);
    }
}

Test(peer_restart, of_the_remote_taken_back_gives_our_old_credentials_back)
{
    const char *sdp;
    duo d;
    init_agreed(&d);
    cr_assert_eq(hf_peer_local_description(d.peer[1], NULL, &sdp), HF_OK);
    char *before = strdup(sdp), *ufrag = ufrag_in(before);
    cr_assert_eq(restart(&d, 0), HF_OK);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    cr_assert_eq(hf_peer_create_answer(d.peer[1], d.now, &sdp), HF_OK);
    cr_expect_null(strstr(sdp, ufrag));
    duo_set_remote(&d, 1, HF_SDP_ROLLBACK, NULL);
    cr_assert_eq(hf_peer_local_description(d.peer[1], NULL, &sdp), HF_OK);
    cr_expect_str_eq(sdp, before);
    cr_assert_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_ROLLBACK, NULL), HF_OK);
    duo_set_remote(&d, 0, HF_SDP_OFFER, duo_set_local(&d, 1, HF_SDP_OFFER));
    duo_set_remote(&d, 1, HF_SDP_ANSWER, duo_set_local(&d, 0, HF_SDP_ANSWER));
    free(before);
    free(ufrag);
    duo_clear(&d);
}

static size_t pairs_with(const duo *d, int which, uint16_t port)
{
    hf_ice_pair_info pair;
    size_t found = 0;
    for (size_t i = 0; hf_peer_get_pair(d->peer[which], i, &pair); i++)
        found += pair.remote.addr.port == port;
    return found;
}

static hf_err add(duo *d, int which, const char *text, const char *ufrag)
{
    return hf_peer_add_ice_candidate(d->peer[which], d->now, text, "0", ufrag);
}

/* Those of the new generation may overtake the offer and the answer; those of the old one may come late. */
Test(peer_restart, candidates_go_to_the_generation_that_they_name)
{
    static const char early[] = "candidate:1 1 udp 2122187007 198.51.100.9 1001 typ host";
    static const char late[] = "candidate:2 1 udp 2122187006 198.51.100.9 1002 typ host";
    duo d;
    init_agreed(&d);
    const char *sdp;
    cr_assert_eq(hf_peer_local_description(d.peer[0], NULL, &sdp), HF_OK);
    char *old_ufrag = ufrag_in(sdp);
    cr_assert_eq(restart(&d, 0), HF_OK);
    char *offer = strdup(duo_set_local(&d, 0, HF_SDP_OFFER)), *ufrag = ufrag_in(offer);
    cr_expect_eq(add(&d, 1, early, ufrag), HF_OK);
    cr_expect_eq(add(&d, 1, "", ufrag), HF_OK);
    cr_expect_eq(pairs_with(&d, 1, 1001), 0);
    duo_set_remote(&d, 1, HF_SDP_OFFER, offer);
    cr_expect_eq(add(&d, 1, late, old_ufrag), HF_OK);
    cr_expect_eq(pairs_with(&d, 1, 1002), 1, "the old generation still works");
    (void)duo_set_local(&d, 1, HF_SDP_ANSWER);
    cr_expect_eq(pairs_with(&d, 1, 1001), 1, "found again behind the answer");
    free(old_ufrag);
    free(offer);
    free(ufrag);
    duo_clear(&d);
}

Test(peer_restart, candidates_are_told_with_their_generation)
{
    hf_peer_event event;
    duo d;
    init_agreed(&d);
    while (hf_peer_poll_event(d.peer[0], &event)) {
    }
    cr_assert_eq(restart(&d, 0), HF_OK);
    char *ufrag = ufrag_in(duo_set_local(&d, 0, HF_SDP_OFFER));
    for (int i = 0; i < 3; i++) { /* over UDP, over TCP, and the end */
        cr_assert(duo_next(&d, 0, HF_PEER_CANDIDATE, &event));
        cr_expect_str_eq(event.u.candidate.ufrag, ufrag);
    }
    cr_expect_str_eq(event.u.candidate.text, "");
    free(ufrag);
    duo_clear(&d);
}

/* A connection that restarts, with an offer of ours that is taken back and one of the remote that is answered. */
static hf_err live(duo *d, const hf_env *env, const char *offer, const char *restart_offer)
{
    hf_peer_config config = {.engine = d->engine, .certificate = d->certificate};
    const char *sdp;
    hf_peer *peer;
    hf_err err = hf_peer_new(&peer, &config, env);
    if (err == HF_OK)
        err = hf_peer_set_remote_description(peer, d->now, HF_SDP_OFFER, offer);
    if (err == HF_OK)
        err = hf_peer_set_local_description(peer, d->now, HF_SDP_PRANSWER, NULL);
    if (err == HF_OK)
        err = hf_peer_set_local_description(peer, d->now, HF_SDP_ANSWER, NULL);
    if (err == HF_OK)
        err = hf_peer_restart_ice(peer, d->now);
    if (err == HF_OK)
        err = hf_peer_create_offer(peer, d->now, &sdp);
    if (err == HF_OK)
        err = hf_peer_set_local_description(peer, d->now, HF_SDP_OFFER, sdp);
    if (err == HF_OK)
        err = hf_peer_add_ice_candidate(peer, d->now, "candidate:1 1 udp 1 198.51.100.9 999 typ host", "0", "soon");
    if (err == HF_OK)
        err = hf_peer_set_remote_description(peer, d->now, HF_SDP_OFFER, restart_offer);
    if (err == HF_OK)
        err = hf_peer_set_local_description(peer, d->now, HF_SDP_ANSWER, NULL);
    hf_peer_free(peer);
    return err;
}

Test(peer_restart, survives_each_failed_allocation, .timeout = 120)
{
    test_env t = {0};
    duo d;
    init_agreed(&d);
    const char *sdp;
    cr_assert_eq(hf_peer_local_description(d.peer[0], NULL, &sdp), HF_OK);
    char *offer = strdup(sdp);
    cr_assert_eq(restart(&d, 0), HF_OK);
    char *restart_offer = strdup(duo_set_local(&d, 0, HF_SDP_OFFER));
    for (size_t n = 1; test_env_next_failure(&t, n, 9); n++) {
        hf_err err = live(&d, &t.env, offer, restart_offer);
        cr_expect(err == HF_OK || err == HF_ENOMEM, "%zu: %s", n, hf_err_name(err));
        cr_expect_eq(t.blocks, 0, "%zu", n);
    }
    free(offer);
    free(restart_offer);
    duo_clear(&d);
}
