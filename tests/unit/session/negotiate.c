/* negotiate.c: later offers of a session, toward a remote that is a peer alone. */
#include "solo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What the session had to signal: its last offer and answer. */
typedef struct signals {
    char *offer, *answer;
    unsigned offers;
} signals;

static void on_signal(void *context, hf_session *session, const hf_session_event *event)
{
    signals *known = context;
    (void)session;
    if (event->u.signal.type != HF_SIGNAL_OFFER && event->u.signal.type != HF_SIGNAL_ANSWER)
        return;
    char **text = event->u.signal.type == HF_SIGNAL_OFFER ? &known->offer : &known->answer;
    free(*text);
    *text = strdup(event->u.signal.sdp);
    known->offers += event->u.signal.type == HF_SIGNAL_OFFER;
}

typedef struct scene {
    solo s;
    hf_peer *remote;
    signals heard;
    char *answer; /* of the remote to the first offer */
} scene;

static const char *answer_of(scene *c, const char *offer)
{
    const char *sdp;
    cr_assert_eq(hf_peer_set_remote_description(c->remote, c->s.now, HF_SDP_OFFER, offer), HF_OK);
    cr_assert_eq(hf_peer_set_local_description(c->remote, c->s.now, HF_SDP_ANSWER, NULL), HF_OK);
    cr_assert_eq(hf_peer_local_description(c->remote, NULL, &sdp), HF_OK);
    return sdp;
}

static void begin(scene *c)
{
    const char *offer;
    *c = (scene){0};
    solo_init(&c->s, NULL);
    hf_peer_config config = {.engine = c->s.engine, .certificate = c->s.certificate};
    cr_assert_eq(hf_peer_new(&c->remote, &config, &c->s.env.env), HF_OK);
    cr_assert_eq(hf_session_on(c->s.session, HF_SESSION_SIGNAL, on_signal, &c->heard), HF_OK);
    cr_assert_eq(hf_session_create_offer(c->s.session, c->s.now, &offer), HF_OK);
    c->answer = strdup(answer_of(c, offer));
    cr_assert_eq(hf_session_set_remote_description(c->s.session, c->s.now, c->answer), HF_OK);
    hf_session_dispatch(c->s.session, c->s.now);
    cr_assert_eq(c->heard.offers, 0);
}

static void end(scene *c)
{
    free(c->heard.offer);
    free(c->heard.answer);
    free(c->answer);
    hf_peer_free(c->remote);
    solo_clear(&c->s);
}

static hf_signaling_state state_of(scene *c)
{
    return hf_peer_signaling_state(hf_session_peer(c->s.session));
}

Test(session_negotiate, a_restart_is_signalled_as_an_offer)
{
    scene c;
    begin(&c);
    cr_assert_eq(hf_session_restart_ice(c.s.session, c.s.now), HF_OK);
    hf_session_dispatch(c.s.session, c.s.now);
    cr_assert_eq(c.heard.offers, 1);
    const char *answer = answer_of(&c, c.heard.offer);
    cr_expect_eq(hf_session_set_remote_description(c.s.session, c.s.now, answer), HF_OK);
    hf_session_dispatch(c.s.session, c.s.now);
    cr_expect_eq(c.heard.offers, 1);
    cr_expect_eq(state_of(&c), HF_SIGNALING_STABLE);
    end(&c);
}

/* A remote that can't restart, as aiortc can't, answers with what it had. */
Test(session_negotiate, a_restart_that_the_remote_does_not_do_leaves_the_connection_as_it_was)
{
    scene c;
    begin(&c);
    for (unsigned i = 1; i <= 2; i++) {
        cr_assert_eq(hf_session_restart_ice(c.s.session, c.s.now), HF_OK);
        hf_session_dispatch(c.s.session, c.s.now);
        cr_assert_eq(c.heard.offers, i);
        cr_expect_eq(hf_session_set_remote_description(c.s.session, c.s.now, c.answer), HF_EPROTO);
        cr_expect_not_null(strstr(hf_session_error_text(c.s.session), "old ICE credentials"), "%s",
                           hf_session_error_text(c.s.session));
        hf_session_dispatch(c.s.session, c.s.now);
        cr_expect_eq(c.heard.offers, i, "not offered again before somebody wants it again");
        cr_expect_eq(state_of(&c), HF_SIGNALING_STABLE);
    }
    end(&c);
}

Test(session_negotiate, a_later_offer_of_the_remote_is_answered_and_takes_ours_back)
{
    const char *offer;
    scene c;
    begin(&c);
    cr_assert_eq(hf_session_restart_ice(c.s.session, c.s.now), HF_OK);
    hf_session_dispatch(c.s.session, c.s.now);
    cr_assert_eq(hf_peer_restart_ice(c.remote, c.s.now), HF_OK);
    cr_assert_eq(hf_peer_set_local_description(c.remote, c.s.now, HF_SDP_OFFER, NULL), HF_OK);
    cr_assert_eq(hf_peer_local_description(c.remote, NULL, &offer), HF_OK);
    cr_assert_eq(hf_session_signal(c.s.session, c.s.now, &(hf_signal){.type = HF_SIGNAL_OFFER, .sdp = offer}), HF_OK);
    hf_session_dispatch(c.s.session, c.s.now);
    cr_assert_not_null(c.heard.answer);
    cr_expect_eq(hf_peer_set_remote_description(c.remote, c.s.now, HF_SDP_ANSWER, c.heard.answer), HF_OK);
    hf_session_dispatch(c.s.session, c.s.now);
    cr_expect_eq(c.heard.offers, 1, "the answer had new credentials, so ours is done, too");
    end(&c);
}

Test(session_negotiate, an_offer_that_was_not_signalled_yet_never_is_once_it_is_taken_back)
{
    const char *offer;
    scene c;
    begin(&c);
    cr_assert_eq(hf_peer_set_local_description(c.remote, c.s.now, HF_SDP_OFFER, NULL), HF_OK);
    cr_assert_eq(hf_peer_local_description(c.remote, NULL, &offer), HF_OK);
    cr_assert_eq(hf_session_restart_ice(c.s.session, c.s.now), HF_OK);
    cr_assert_eq(hf_session_signal(c.s.session, c.s.now, &(hf_signal){.type = HF_SIGNAL_OFFER, .sdp = offer}), HF_OK);
    hf_session_dispatch(c.s.session, c.s.now);
    cr_assert_not_null(c.heard.answer);
    cr_expect_eq(c.heard.offers, 1, "behind the answer, as it is still wanted");
    cr_expect_eq(state_of(&c), HF_SIGNALING_HAVE_LOCAL_OFFER);
    end(&c);
}
