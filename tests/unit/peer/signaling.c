/* signaling.c: the table of W3C WebRTC 1.0 §4.3.1: each state, each description of either side, and the outcome. */
#include "duo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What there is to be set: a peer in some state, and texts that fit to it. */
typedef struct scene {
    duo d;
    hf_peer *stranger;
    char *offer, *answer; /* of the remote */
} scene;

static char *copy_offer(scene *s)
{
    const char *sdp;
    cr_assert_eq(hf_peer_create_offer(s->stranger, s->d.now, &sdp), HF_OK);
    return strdup(sdp);
}

/* A peer 0 in this state, by the shortest way. */
static void enter(scene *s, hf_signaling_state state)
{
    duo *d = &s->d;
    duo_init(d, 2);
    hf_peer_config config = {.engine = d->engine, .certificate = d->certificate};
    cr_assert_eq(hf_peer_new(&s->stranger, &config, &d->env.env), HF_OK);
    s->offer = copy_offer(s);
    s->answer = NULL;
    switch (state) {
    case HF_SIGNALING_STABLE:
        break;
    case HF_SIGNALING_HAVE_LOCAL_OFFER:
    case HF_SIGNALING_HAVE_REMOTE_PRANSWER:
        duo_set_remote(d, 1, HF_SDP_OFFER, duo_set_local(d, 0, HF_SDP_OFFER));
        s->answer = strdup(duo_set_local(d, 1, HF_SDP_ANSWER));
        if (state == HF_SIGNALING_HAVE_REMOTE_PRANSWER)
            duo_set_remote(d, 0, HF_SDP_PRANSWER, s->answer);
        break;
    case HF_SIGNALING_HAVE_REMOTE_OFFER:
    case HF_SIGNALING_HAVE_LOCAL_PRANSWER:
        duo_set_remote(d, 0, HF_SDP_OFFER, duo_set_local(d, 1, HF_SDP_OFFER));
        if (state == HF_SIGNALING_HAVE_LOCAL_PRANSWER)
            (void)duo_set_local(d, 0, HF_SDP_PRANSWER);
        break;
    case HF_SIGNALING_CLOSED:
        hf_peer_close(d->peer[0], d->now);
        break;
    case HF_SIGNALING_STATE_COUNT:
        break;
    }
    cr_assert_eq(hf_peer_signaling_state(d->peer[0]), state);
}

static void leave(scene *s)
{
    hf_peer_free(s->stranger);
    free(s->offer);
    free(s->answer);
    duo_clear(&s->d);
}

#define NO HF_SIGNALING_STATE_COUNT /* HF_ESTATE, or HF_ECLOSED when closed; and nothing has changed */
#define STABLE HF_SIGNALING_STABLE
#define LOCAL_OFFER HF_SIGNALING_HAVE_LOCAL_OFFER
#define REMOTE_OFFER HF_SIGNALING_HAVE_REMOTE_OFFER
#define LOCAL_PRANSWER HF_SIGNALING_HAVE_LOCAL_PRANSWER
#define REMOTE_PRANSWER HF_SIGNALING_HAVE_REMOTE_PRANSWER

static const struct row {
    hf_signaling_state from;
    hf_signaling_state local[4], remote[4]; /* to, by offer, pranswer, answer, rollback */
} rows[] = {
    {STABLE, {LOCAL_OFFER, NO, NO, NO}, {REMOTE_OFFER, NO, NO, NO}},
    {LOCAL_OFFER, {LOCAL_OFFER, NO, NO, STABLE}, {REMOTE_OFFER, REMOTE_PRANSWER, STABLE, STABLE}},
    {REMOTE_OFFER, {NO, LOCAL_PRANSWER, STABLE, STABLE}, {REMOTE_OFFER, NO, NO, STABLE}},
    {LOCAL_PRANSWER, {NO, LOCAL_PRANSWER, STABLE, NO}, {NO, NO, NO, NO}},
    {REMOTE_PRANSWER, {NO, NO, NO, NO}, {NO, REMOTE_PRANSWER, STABLE, NO}},
    {HF_SIGNALING_CLOSED, {NO, NO, NO, NO}, {NO, NO, NO, NO}},
};

static void check(const struct row *row, bool local, hf_sdp_type type)
{
    scene s;
    hf_peer_event event;
    hf_signaling_state to = (local ? row->local : row->remote)[type - 1];
    enter(&s, row->from);
    hf_peer *peer = s.d.peer[0];
    while (hf_peer_poll_event(peer, &event)) {
    }
    const char *text = type == HF_SDP_OFFER || !s.answer ? s.offer : s.answer;
    hf_err err = local ? hf_peer_set_local_description(peer, s.d.now, type, NULL)
                       : hf_peer_set_remote_description(peer, s.d.now, type, type == HF_SDP_ROLLBACK ? NULL : text);
    const char *state = hf_signaling_state_name(row->from), *what = hf_sdp_type_name(type),
               *side = local ? "local" : "remote";
    if (to == NO) {
        cr_expect_eq(err, row->from == HF_SIGNALING_CLOSED ? HF_ECLOSED : HF_ESTATE, "%s, %s %s: %s", state, side, what,
                     hf_err_name(err));
        to = row->from;
    } else {
        cr_expect_eq(err, HF_OK, "%s, %s %s: %s: %s", state, side, what, hf_err_name(err), hf_peer_error_text(peer));
    }
    cr_expect_eq(hf_peer_signaling_state(peer), to, "%s, %s %s", state, side, what);
    bool told = duo_next(&s.d, 0, HF_PEER_SIGNALING_CHANGED, &event);
    cr_expect_eq(told, to != row->from, "%s, %s %s", state, side, what);
    cr_expect(!told || event.u.signaling == to);
    leave(&s);
}

Test(peer_signaling, each_state_takes_what_the_w3c_lets_it, .timeout = 60)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int type = HF_SDP_OFFER; type <= HF_SDP_ROLLBACK; type++) {
            check(&rows[i], true, (hf_sdp_type)type);
            check(&rows[i], false, (hf_sdp_type)type);
        }
    }
}

Test(peer_signaling, offers_and_answers_can_be_made_only_where_they_can_be_set, .timeout = 60)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        scene s;
        const char *sdp;
        hf_err none = rows[i].from == HF_SIGNALING_CLOSED ? HF_ECLOSED : HF_ESTATE;
        enter(&s, rows[i].from);
        hf_err offer = hf_peer_create_offer(s.d.peer[0], s.d.now, &sdp);
        hf_err answer = hf_peer_create_answer(s.d.peer[0], s.d.now, &sdp);
        cr_expect_eq(offer, rows[i].local[0] != NO ? HF_OK : none, "%s", hf_signaling_state_name(rows[i].from));
        cr_expect_eq(answer, rows[i].local[2] != NO ? HF_OK : none, "%s", hf_signaling_state_name(rows[i].from));
        leave(&s);
    }
}

Test(peer_signaling, types_that_are_none_are_refused)
{
    duo d;
    duo_init(&d, 1);
    cr_expect_eq(hf_peer_set_local_description(d.peer[0], d.now, (hf_sdp_type)0, NULL), HF_EINVAL);
    cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, (hf_sdp_type)5, "v=0"), HF_EINVAL);
    cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_OFFER, NULL), HF_EINVAL);
    duo_clear(&d);
}

/* Which of the four descriptions there are: current and pending, local and remote; by their types. */
static void expect_descriptions(hf_peer *peer, int line, hf_sdp_type current_local, hf_sdp_type pending_local,
                                hf_sdp_type current_remote, hf_sdp_type pending_remote)
{
    const hf_sdp_type expected[] = {current_local, pending_local, current_remote, pending_remote};
    for (int which = 0; which < 4; which++) {
        hf_sdp_type type = (hf_sdp_type)0;
        const char *sdp = NULL;
        hf_err err = hf_peer_get_description(peer, (hf_peer_description)which, &type, &sdp);
        cr_expect_eq(err, expected[which] ? HF_OK : HF_ESTATE, "line %d: %d: %s", line, which, hf_err_name(err));
        cr_expect_eq(type, expected[which], "line %d: %d: %s", line, which, hf_sdp_type_name(type));
        cr_expect(err != HF_OK || strncmp(sdp, "v=0\r\n", 5) == 0);
    }
}

#define NONE ((hf_sdp_type)0)

Test(peer_signaling, descriptions_are_pending_until_the_answer)
{
    duo d;
    duo_init(&d, 2);
    hf_peer *a = d.peer[0], *b = d.peer[1];
    expect_descriptions(a, __LINE__, NONE, NONE, NONE, NONE);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    expect_descriptions(a, __LINE__, NONE, HF_SDP_OFFER, NONE, NONE);
    expect_descriptions(b, __LINE__, NONE, NONE, NONE, HF_SDP_OFFER);
    duo_set_remote(&d, 0, HF_SDP_PRANSWER, duo_set_local(&d, 1, HF_SDP_PRANSWER));
    expect_descriptions(a, __LINE__, NONE, HF_SDP_OFFER, NONE, HF_SDP_PRANSWER);
    expect_descriptions(b, __LINE__, NONE, HF_SDP_PRANSWER, NONE, HF_SDP_OFFER);
    duo_set_remote(&d, 0, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER));
    expect_descriptions(a, __LINE__, HF_SDP_OFFER, NONE, HF_SDP_ANSWER, NONE);
    expect_descriptions(b, __LINE__, HF_SDP_ANSWER, NONE, HF_SDP_OFFER, NONE);

    duo_set_remote(&d, 0, HF_SDP_OFFER, duo_set_local(&d, 1, HF_SDP_OFFER));
    expect_descriptions(a, __LINE__, HF_SDP_OFFER, NONE, HF_SDP_ANSWER, HF_SDP_OFFER);
    expect_descriptions(b, __LINE__, HF_SDP_ANSWER, HF_SDP_OFFER, HF_SDP_OFFER, NONE);
    cr_assert_eq(hf_peer_set_remote_description(a, d.now, HF_SDP_ROLLBACK, NULL), HF_OK);
    cr_assert_eq(hf_peer_set_local_description(b, d.now, HF_SDP_ROLLBACK, NULL), HF_OK);
    expect_descriptions(a, __LINE__, HF_SDP_OFFER, NONE, HF_SDP_ANSWER, NONE);
    expect_descriptions(b, __LINE__, HF_SDP_ANSWER, NONE, HF_SDP_OFFER, NONE);
    duo_clear(&d);
}

/* RFC 9429 §4.1.8: with a provisional answer everything begins, and the answer can only confirm it. */
Test(peer_signaling, an_answer_fits_to_the_provisional_one)
{
    static const struct {
        const char *why, *from, *to;
        hf_err err;
    } changes[] = {
        {"other credentials", "a=ice-ufrag:", "a=ice-ufrag:x", HF_EPROTO},
        {"another fingerprint", "a=fingerprint:sha-256 ",
         "a=fingerprint:sha-512 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
         "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:",
         HF_ENOTSUP},
        {"another role", "a=setup:active", "a=setup:passive", HF_ENOTSUP},
    };
    duo d;
    duo_init(&d, 2);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    char *answer = strdup(duo_set_local(&d, 1, HF_SDP_PRANSWER));
    duo_set_remote(&d, 0, HF_SDP_PRANSWER, answer);
    cr_expect_eq(hf_peer_ice_connection_state(d.peer[0]), HF_ICE_CHECKING, "it begins");
    cr_expect_eq(hf_peer_ice_connection_state(d.peer[1]), HF_ICE_CHECKING);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char *bad = duo_replace(answer, changes[i].from, changes[i].to);
        cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, bad), changes[i].err, "%s: %s",
                     changes[i].why, hf_peer_error_text(d.peer[0]));
        cr_expect_eq(hf_peer_signaling_state(d.peer[0]), REMOTE_PRANSWER);
        free(bad);
    }
    duo_set_remote(&d, 0, HF_SDP_ANSWER, answer);
    free(answer);
    duo_clear(&d);
}
