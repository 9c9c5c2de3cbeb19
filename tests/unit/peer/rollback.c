/* rollback.c: offers are taken back (RFC 9429 §5.7), by wish and by the offer of a remote to which we are polite. */
#include "duo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *current(duo *d, int which)
{
    const char *sdp;
    cr_assert_eq(hf_peer_get_description(d->peer[which], HF_CURRENT_LOCAL_DESCRIPTION, NULL, &sdp), HF_OK);
    return strdup(sdp);
}

Test(peer_rollback, an_offer_taken_back_leaves_no_trace_but_its_version)
{
    duo d;
    duo_init(&d, 2);
    duo_agree(&d, 0);
    char *before = current(&d, 0);
    char *first = duo_value(duo_set_local(&d, 0, HF_SDP_OFFER), "o=");
    cr_expect_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_ROLLBACK, "not looked at"), HF_OK);
    char *after = current(&d, 0);
    cr_expect_str_eq(before, after);
    char *second = duo_value(duo_set_local(&d, 0, HF_SDP_OFFER), "o=");
    cr_expect_str_neq(first, second, "RFC 9429 §5.2.2: each description that is set has a version of its own");
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    duo_set_remote(&d, 0, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER));
    free(before);
    free(after);
    free(first);
    free(second);
    duo_clear(&d);
}

/* The W3C's perfect negotiation (WebRTC 1.0 §10.7): both make an offer; the polite one takes the other's. */
static void glare(duo *d, int polite)
{
    hf_peer_event event;
    hf_peer *gives_way = d->peer[polite];
    (void)duo_set_local(d, polite, HF_SDP_OFFER);
    const char *offer = duo_set_local(d, !polite, HF_SDP_OFFER);
    while (hf_peer_poll_event(gives_way, &event)) {
    }
    duo_set_remote(d, polite, HF_SDP_OFFER, offer);
    cr_assert(duo_next(d, polite, HF_PEER_SIGNALING_CHANGED, &event));
    cr_expect_eq(event.u.signaling, HF_SIGNALING_HAVE_REMOTE_OFFER, "and never stable in between");
    cr_expect_not(duo_next(d, polite, HF_PEER_SIGNALING_CHANGED, &event));
    duo_set_remote(d, !polite, HF_SDP_ANSWER, duo_set_local(d, polite, HF_SDP_ANSWER));
    for (int i = 0; i < 2; i++)
        cr_expect_eq(hf_peer_signaling_state(d->peer[i]), HF_SIGNALING_STABLE);
}

Test(peer_rollback, glare_of_first_offers_settles)
{
    duo d;
    duo_init(&d, 2);
    glare(&d, 0);
    cr_expect_eq(hf_peer_ice_connection_state(d.peer[0]), HF_ICE_CHECKING);
    cr_expect_eq(hf_peer_ice_connection_state(d.peer[1]), HF_ICE_CHECKING);
    duo_clear(&d);
}

Test(peer_rollback, glare_of_later_offers_settles_again_and_again)
{
    duo d;
    duo_init(&d, 2);
    duo_agree(&d, 1);
    for (int i = 0; i < 6; i++)
        glare(&d, i % 2);
    duo_clear(&d);
}

Test(peer_rollback, an_offer_that_can_not_be_taken_leaves_ours_open)
{
    duo d;
    duo_init(&d, 2);
    const char *offer = duo_set_local(&d, 1, HF_SDP_OFFER);
    char *bad = duo_replace(offer, "a=ice-pwd:", "a=x-ice-pwd:");
    duo_set_remote(&d, 1, HF_SDP_ROLLBACK, NULL);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_OFFER, bad), HF_ESYNTAX);
    cr_expect_eq(hf_peer_signaling_state(d.peer[0]), HF_SIGNALING_HAVE_LOCAL_OFFER);
    duo_set_remote(&d, 0, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER));
    free(bad);
    duo_clear(&d);
}

Test(peer_rollback, what_was_made_before_is_no_longer_good_after)
{
    const char *made;
    duo d;
    duo_init(&d, 2);
    (void)duo_set_local(&d, 0, HF_SDP_OFFER);
    cr_assert_eq(hf_peer_create_offer(d.peer[0], d.now, &made), HF_OK);
    char *copy = strdup(made);
    cr_assert_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_ROLLBACK, NULL), HF_OK);
    cr_expect_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_OFFER, copy), HF_EINVAL);
    free(copy);
    duo_clear(&d);
}

Test(peer_rollback, candidates_found_for_our_own_offer_stand_in_the_answer)
{
    const char *answer;
    duo d;
    duo_init(&d, 2);
    (void)duo_set_local(&d, 0, HF_SDP_OFFER);
    duo_reply_local(&d, 0);
    duo_set_remote(&d, 0, HF_SDP_OFFER, duo_set_local(&d, 1, HF_SDP_OFFER));
    cr_assert_eq(hf_peer_create_answer(d.peer[0], d.now, &answer), HF_OK);
    cr_expect_not_null(strstr(answer, " 192.0.2.1 5000 typ host"), "whoever ignored our offer ignored its candidates too");
    duo_clear(&d);
}
