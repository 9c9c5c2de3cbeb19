/* connect.c: two managers find each other by envelopes that may be lost, repeated, late and out of order. */
#include "wire.h"

#include <criterion/criterion.h>
#include <string.h>

static bool has_opened(const wire_side *side, const char *name)
{
    for (size_t i = 0; i < side->opened_len; i++) {
        if (strcmp(side->opened[i], name) == 0)
            return true;
    }
    return false;
}

Test(manager, opens_the_five_channels_on_both_sides_with_their_properties)
{
    wire w;
    wire_init(&w, 1, false);
    wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    hf_session *session = hf_manager_session(w.side[1].manager, "alice");
    cr_assert_not_null(session);
    cr_expect_eq(session, w.side[1].begun);
    cr_expect_eq(w.side[1].begun_count, 1);
    cr_expect_str_eq(hf_manager_remote_id(w.side[1].manager, session), "alice");
    for (size_t i = 0; i < HF_COLLAB_CHANNELS_LEN; i++) {
        const hf_channel_config *wanted = &hf_collab_channels[i];
        hf_datachannel_info info;
        cr_expect(has_opened(&w.side[0], wanted->name), "%s", wanted->name);
        hf_channel *channel = hf_session_channel(session, wanted->name);
        cr_assert_not_null(channel, "%s", wanted->name);
        cr_assert_eq(hf_channel_info(channel, &info), HF_OK);
        cr_expect_eq(info.state, HF_DATACHANNEL_OPEN);
        cr_expect_eq(info.unordered, wanted->unordered, "%s", wanted->name);
        cr_expect_eq(info.reliability, wanted->reliability, "%s", wanted->name);
        cr_expect_eq(info.reliability_limit, 0);
        cr_expect(info.remote);
    }
    cr_expect_eq(hf_session_get_state(session), HF_SESSION_CONNECTED);
    cr_expect_eq(hf_session_get_path(session), HF_PATH_DIRECT);
    wire_clear(&w);
    cr_expect_eq(w.env.blocks, 0);
}

static void connects(uint64_t seed, bool no_trickle, unsigned duplicate, hf_span jitter)
{
    wire w;
    wire_init(&w, seed, no_trickle);
    w.envelope_duplicate = duplicate;
    w.envelope_jitter = jitter;
    w.envelope_delay = HF_MS(5);
    hf_session *session = wire_connect(&w, 0);
    cr_expect(wire_run(&w, HF_SECONDS(30), wire_both_have_five), "seed %d", (int)seed);
    wire_run(&w, w.now + HF_SECONDS(3), NULL);
    cr_expect_eq(hf_session_get_state(session), HF_SESSION_CONNECTED);
    cr_expect_eq(w.side[1].begun_count, 1, "one session, whatever came twice");
    cr_expect_eq(w.side[0].receive_err, HF_OK, "%s", hf_err_name(w.side[0].receive_err));
    cr_expect(w.side[1].receive_err == HF_OK || w.side[1].receive_err == HF_ENOENT);
    wire_clear(&w);
}

Test(manager, connects_without_trickling)
{
    connects(2, true, 0, 0);
}

Test(manager, minds_no_envelope_that_comes_twice)
{
    connects(3, false, 1000, 0);
}

Test(manager, minds_no_envelope_that_comes_twice_without_trickling)
{
    connects(4, true, 1000, HF_MS(50));
}

Test(manager, minds_no_envelope_out_of_order)
{
    connects(5, false, 300, HF_MS(400));
}

static void settles_glare(uint64_t seed, unsigned duplicate, hf_span delay, hf_span jitter)
{
    wire w;
    wire_init(&w, seed, false);
    w.envelope_duplicate = duplicate;
    w.envelope_delay = delay;
    w.envelope_jitter = jitter;
    hf_session *alice = wire_connect(&w, 0), *bob = wire_connect(&w, 1);
    cr_expect(wire_run(&w, HF_SECONDS(30), wire_both_have_five), "seed %d", (int)seed);
    wire_run(&w, w.now + HF_SECONDS(20), NULL);
    cr_expect_eq(hf_session_get_state(alice), HF_SESSION_CONNECTED, "seed %d", (int)seed);
    cr_expect_eq(hf_session_get_state(bob), HF_SESSION_CONNECTED, "seed %d", (int)seed);
    cr_expect_eq(w.side[0].begun_count + w.side[1].begun_count, 0);
    cr_expect_eq(w.side[0].errors + w.side[1].errors, 0);
    cr_expect_eq(w.side[0].receive_err, HF_OK, "seed %d: %s", (int)seed, hf_err_name(w.side[0].receive_err));
    cr_expect_eq(w.side[1].receive_err, HF_OK, "seed %d: %s", (int)seed, hf_err_name(w.side[1].receive_err));
    wire_clear(&w);
}

Test(manager, settles_when_both_connect_at_once)
{
    settles_glare(6, 0, HF_MS(50), 0);
}

Test(manager, settles_glare_before_anything_was_dispatched)
{
    settles_glare(7, 0, 0, 0);
}

Test(manager, settles_glare_when_envelopes_are_late_and_doubled)
{
    settles_glare(8, 500, HF_MS(20), HF_MS(300));
}

static bool both_closed(wire *w)
{
    return w->side[0].closed && w->side[1].closed;
}

Test(manager, delivers_what_was_accepted_before_it_disconnects)
{
    wire w;
    static char text[2000];
    wire_init(&w, 9, false);
    memset(text, 'x', sizeof text);
    hf_session *session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    w.loss = 50;
    hf_channel *channel = hf_session_channel(session, "code-sync");
    for (int i = 0; i < 50; i++)
        cr_assert_eq(hf_channel_send(channel, w.now, HF_TEXT, text, sizeof text), HF_OK);
    cr_assert_eq(hf_session_disconnect(session, w.now), HF_OK);
    cr_expect_eq(hf_channel_send(channel, w.now, HF_TEXT, text, 1), HF_ECLOSED);
    cr_expect_eq(hf_session_disconnect(session, w.now), HF_OK, "twice is fine");
    wire_run(&w, w.now + HF_SECONDS(10), both_closed);
    cr_expect(w.side[0].closed);
    cr_expect_eq(w.side[1].messages, 50);
    wire_run(&w, w.now + HF_SECONDS(40), NULL);
    cr_expect_eq(hf_session_deadline(session), HF_NEVER, "nothing is left to do");
    wire_clear(&w);
}

Test(manager, hears_the_remotes_close_and_sleeps_after_its_own_disconnect)
{
    wire w;
    wire_init(&w, 10, false);
    hf_session *alice = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    hf_session *bob = w.side[1].begun;
    cr_assert_eq(hf_session_disconnect(alice, w.now), HF_OK);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), both_closed));
    cr_expect_eq(hf_session_get_state(bob), HF_SESSION_CLOSED);
    cr_expect_eq(hf_session_get_path(bob), HF_PATH_NONE);
    cr_expect_eq(w.side[1].disconnected, 1);
    cr_expect_eq(w.side[1].errors, 0);
    cr_expect_eq(hf_session_disconnect(bob, w.now), HF_OK);
    cr_expect_eq(hf_session_deadline(bob), HF_NEVER);
    wire_run(&w, w.now + HF_SECONDS(10), NULL);
    cr_expect_eq(hf_session_get_state(bob), HF_SESSION_CLOSED);
    wire_clear(&w);
}

Test(manager, a_new_offer_takes_the_place_of_a_session_that_is_over)
{
    wire w;
    wire_init(&w, 11, false);
    hf_session *session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    cr_assert_eq(hf_session_disconnect(session, w.now), HF_OK);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), both_closed));
    hf_manager_forget(w.side[0].manager, session);
    w.side[0].closed = w.side[1].closed = false;
    w.side[0].opened_len = w.side[1].opened_len = 0;
    wire_connect(&w, 0);
    cr_expect(wire_run(&w, w.now + HF_SECONDS(10), wire_both_have_five));
    cr_expect_eq(w.side[1].begun_count, 2);
    wire_clear(&w);
}

Test(manager, a_session_can_be_forgotten_in_the_handler_that_tells_of_it)
{
    wire w;
    wire_init(&w, 12, false);
    w.side[1].forget_on_session = true;
    wire_connect(&w, 0);
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    cr_expect_eq(w.side[1].begun_count, 1);
    cr_expect_null(hf_manager_session(w.side[1].manager, "alice"));
    wire_clear(&w);
    cr_expect_eq(w.env.blocks, 0);
}
