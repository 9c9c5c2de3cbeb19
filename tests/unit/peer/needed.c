/* needed.c: when HF_PEER_NEGOTIATION_NEEDED is told (W3C WebRTC 1.0 §4.7.3). */
#include "duo.h"

#include <criterion/criterion.h>

static bool is_told(duo *d, int which)
{
    hf_peer_event event;
    return duo_next(d, which, HF_PEER_NEGOTIATION_NEEDED, &event);
}

static void open_channel(duo *d, int which)
{
    hf_datachannel channel;
    cr_assert_eq(hf_peer_open_channel(d->peer[which], d->now, NULL, &channel), HF_OK);
}

Test(peer_needed, the_first_channel_asks_for_an_offer_once)
{
    duo d;
    duo_init(&d, 2);
    cr_expect_not(is_told(&d, 0));
    open_channel(&d, 0);
    open_channel(&d, 0);
    cr_expect(is_told(&d, 0));
    open_channel(&d, 0);
    cr_expect_not(is_told(&d, 0), "it is known");
    duo_agree(&d, 0);
    open_channel(&d, 0);
    cr_expect_not(is_told(&d, 0), "there is a section for it");
    open_channel(&d, 1);
    cr_expect_not(is_told(&d, 1));
    duo_clear(&d);
}

Test(peer_needed, is_not_told_when_it_is_no_longer_so)
{
    duo d;
    duo_init(&d, 2);
    open_channel(&d, 0);
    (void)duo_set_local(&d, 0, HF_SDP_OFFER);
    cr_expect_not(is_told(&d, 0), "an offer was made before anybody looked");
    duo_clear(&d);
}

Test(peer_needed, is_told_again_when_the_offer_is_taken_back)
{
    duo d;
    duo_init(&d, 2);
    open_channel(&d, 0);
    cr_expect(is_told(&d, 0));
    (void)duo_set_local(&d, 0, HF_SDP_OFFER);
    cr_assert_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_ROLLBACK, NULL), HF_OK);
    cr_expect(is_told(&d, 0));
    duo_clear(&d);
}

Test(peer_needed, a_channel_opened_under_an_offer_of_the_remote_needs_none)
{
    duo d;
    duo_init(&d, 2);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    open_channel(&d, 1);
    cr_expect_not(is_told(&d, 1), "not stable");
    duo_set_remote(&d, 0, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER));
    cr_expect_not(is_told(&d, 1), "the answer has a section for it");
    duo_clear(&d);
}

Test(peer_needed, nothing_is_told_after_the_end)
{
    duo d;
    duo_init(&d, 1);
    open_channel(&d, 0);
    hf_peer_close(d.peer[0], d.now);
    cr_expect_not(is_told(&d, 0));
    duo_clear(&d);
}
