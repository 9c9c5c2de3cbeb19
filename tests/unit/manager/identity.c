/* identity.c: who a remote is, when its program begins anew, or somebody else uses its name. */
#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool both_connected(wire *w)
{
    for (int i = 0; i < 2; i++) {
        hf_session *session = wire_session(w, i);
        if (!session || hf_session_get_state(session) != HF_SESSION_CONNECTED)
            return false;
    }
    return true;
}

static bool know_each_other(wire *w)
{
    return both_connected(w) && strcmp(hf_session_remote_id(wire_session(w, 0)), hf_session_id(wire_session(w, 1))) == 0 &&
           strcmp(hf_session_remote_id(wire_session(w, 1)), hf_session_id(wire_session(w, 0))) == 0;
}

/* Alice calls bob; her session, connected. */
static hf_session *meet(wire *w, uint64_t seed)
{
    wire_init(w, seed, false);
    w->envelope_delay = HF_MS(20);
    hf_session *alice = wire_connect(w, 0);
    cr_assert(wire_run(w, HF_SECONDS(10), wire_both_have_five));
    return alice;
}

/* Alice's session with bob ends, and she calls whoever has his name now: another one. */
static hf_session *call_a_stranger(wire *w, uint64_t seed)
{
    hf_session *alice = meet(w, seed);
    cr_assert_eq(hf_session_disconnect(alice, w->now), HF_OK);
    wire_run(w, w->now + HF_SECONDS(10), NULL);
    hf_manager_forget(w->side[0].manager, alice);
    wire_restart(w, 1, false);
    return wire_connect(w, 0);
}

static bool alice_is_told(wire *w)
{
    return w->side[0].identity_changed > 0;
}

Test(manager_identity, of_a_program_that_begins_anew_is_known_by_its_certificate)
{
    wire w;
    hf_session *alice = meet(&w, 1);
    wire_restart(&w, 1, true);
    wire_connect(&w, 1);
    cr_expect(wire_run(&w, w.now + HF_SECONDS(20), know_each_other), "the next connection has taken its place");
    cr_expect_eq(wire_session(&w, 0), alice, "the application's session is still this one");
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_expect_eq(w.side[0].identity_changed, 0);
    cr_expect_eq(w.side[0].continuity_lost, 1);
    cr_expect_eq(w.side[0].begun_count, 0);
    wire_clear(&w);
}

/* It does not call: it gets the other side's attempts to recover, of a session that it knows nothing of. */
Test(manager_identity, of_a_program_that_begins_anew_and_waits_is_known_as_well)
{
    wire w;
    hf_session *alice = meet(&w, 9);
    wire_restart(&w, 1, true);
    wire_send(&w, 0); /* which is possibly delivered */
    hf_time began = w.now;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(30), know_each_other));
    printf("begun anew: known again after %lld ms\n", (long long)(w.now - began) / 1000);
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_expect_eq(wire_session(&w, 0), alice);
    cr_expect_eq(w.side[0].continuity_lost, 1);
    cr_expect_eq(w.side[1].continuity_lost, 0);
    cr_expect_eq(w.side[1].begun_count, 2);
    cr_expect_eq(w.side[0].identity_changed, 0);
    wire_clear(&w);
}

Test(manager_identity, that_is_another_is_told_and_nothing_is_said_to_it)
{
    wire w;
    hf_session *alice = meet(&w, 2);
    wire_restart(&w, 1, false);
    hf_session *stranger = wire_connect(&w, 1);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), alice_is_told));
    cr_expect_eq(w.side[0].receive_err, HF_EIDENTITY);
    wire_run(&w, w.now + HF_SECONDS(60), NULL);
    cr_expect_eq(w.side[0].identity_changed, 1, "once, though the offer has come again and again");
    cr_expect_neq(hf_session_get_state(alice), HF_SESSION_CONNECTED);
    cr_expect_neq(hf_session_get_state(alice), HF_SESSION_FAILED);
    cr_expect_neq(hf_session_get_state(stranger), HF_SESSION_CONNECTED);
    cr_expect_eq(w.side[0].answers, 0);

    cr_expect_eq(hf_session_accept_identity(alice, w.now, NULL), HF_OK);
    cr_expect_eq(hf_session_accept_identity(alice, w.now, NULL), HF_ESTATE, "once");
    cr_expect(wire_run(&w, w.now + HF_SECONDS(40), know_each_other));
    cr_expect_eq(w.side[0].identity_changed, 1);
    wire_clear(&w);
}

/* What alice accepts takes the place of what she offers, or answers it; and where that comes to nothing, she tries again. */
static void accept_and_lose_the_path(wire *w, hf_session *alice)
{
    cr_assert(wire_run(w, w->now + HF_SECONDS(10), alice_is_told));
    wire_run(w, w->now + HF_MS(200), NULL);
    w->cut = true;
    cr_expect_eq(hf_session_accept_identity(alice, w->now, NULL), HF_OK);
    wire_run(w, w->now + HF_MS(100), NULL);
    uint32_t last = w->side[0].offer_last;
    w->side[1].asleep = true;
    wire_run(w, w->now + HF_SECONDS(60), NULL);
    w->side[1].asleep = false;
    cr_expect_gt(w->side[0].offer_last, last, "a new one, for nothing is open: %s", w->side[0].attempts);
    w->cut = false;
    hf_time back_at = w->now;
    cr_expect(wire_run(w, w->now + HF_SECONDS(40), know_each_other));
    printf("accepted, and the path was lost: known again after %lld ms\n", (long long)(w->now - back_at) / 1000);
}

Test(manager_identity, that_is_accepted_while_we_offer_is_looked_for_like_any)
{
    wire w;
    hf_session *alice = meet(&w, 10);
    wire_restart(&w, 1, false);
    w.cut = true;
    w.envelope_loss = 1000;
    wire_run(&w, w.now + HF_SECONDS(60), NULL);
    w.envelope_loss = 0;
    wire_connect(&w, 1); /* who is called by alice at the same time */
    accept_and_lose_the_path(&w, alice);
    wire_clear(&w);
}

Test(manager_identity, that_is_accepted_by_its_answer_is_looked_for_like_any)
{
    wire w;
    accept_and_lose_the_path(&w, call_a_stranger(&w, 11));
    wire_clear(&w);
}

Test(manager_identity, is_remembered_when_the_session_has_ended)
{
    wire w;
    hf_session *alice = meet(&w, 3);
    cr_assert_eq(hf_session_disconnect(alice, w.now), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(10), NULL);
    hf_manager_forget(w.side[0].manager, alice);
    wire_restart(&w, 1, false);
    wire_connect(&w, 1); /* alice has no session with bob now: whoever calls is a stranger with his name */
    w.side[0].receive_err = HF_OK;
    wire_run(&w, w.now + HF_SECONDS(20), NULL);
    cr_expect_eq(w.side[0].receive_err, HF_EIDENTITY);
    cr_expect_eq(w.side[0].begun_count, 0, "no session begins with it");
    cr_expect_eq(w.side[0].answers, 0);

    hf_manager_forget_identity(w.side[0].manager, "bob");
    cr_expect(wire_run(&w, w.now + HF_SECONDS(40), know_each_other), "now it is believed");
    cr_expect_eq(w.side[0].begun_count, 1);
    wire_clear(&w);
}

Test(manager_identity, that_answers_our_call_is_held_to_what_is_known)
{
    wire w;
    hf_session *alice = call_a_stranger(&w, 4);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), alice_is_told));
    wire_run(&w, w.now + HF_SECONDS(20), NULL);
    cr_expect_neq(hf_session_get_state(alice), HF_SESSION_CONNECTED);
    cr_expect_eq(hf_session_accept_identity(alice, w.now, NULL), HF_OK);
    cr_expect(wire_run(&w, w.now + HF_SECONDS(60), know_each_other));
    wire_clear(&w);
}

/* The carrier puts a fingerprint of its own into what it carries: nobody with that certificate is there to be met, and who
 * is there has another. */
static unsigned swapped;

static void swap_fingerprint(wire *w, int to, hf_envelope *e)
{
    static char text[16384];
    char *at;
    (void)w;
    (void)to;
    if (!e->signal.sdp)
        return;
    snprintf(text, sizeof text, "%s", e->signal.sdp);
    if ((at = strstr(text, "a=fingerprint:sha-256 "))) {
        at += strlen("a=fingerprint:sha-256 ");
        at[0] = at[0] == '0' ? '1' : '0';
        swapped++;
    }
    e->signal.sdp = text;
}

Test(manager_identity, that_the_carrier_swaps_is_told_and_the_session_goes_on)
{
    wire w;
    hf_session *alice = meet(&w, 5);
    w.forge = swap_fingerprint;
    cr_assert_eq(hf_session_restart_ice(alice, w.now), HF_OK);
    wire_send(&w, 0);
    wire_send(&w, 1);
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_expect_gt(swapped, 0);
    cr_expect_eq(w.side[0].messages + w.side[1].messages, 2);
    cr_expect_eq(hf_session_get_state(alice), HF_SESSION_CONNECTED);
    cr_expect_eq(hf_session_get_state(wire_session(&w, 1)), HF_SESSION_CONNECTED);
    w.forge = NULL;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(20), both_connected));
    wire_send(&w, 0);
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_expect_eq(w.side[1].messages, 2);
    wire_clear(&w);
}

static bool bob_closed(wire *w)
{
    return w->side[1].closed;
}

Test(manager_bye, ends_a_session_whose_path_does_not_answer)
{
    wire w;
    wire_init(&w, 6, false);
    hf_session *alice = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    w.cut = true;
    wire_run(&w, w.now + HF_SECONDS(1), NULL); /* nobody has noticed */
    cr_assert_eq(hf_session_disconnect(alice, w.now), HF_OK);
    cr_expect(wire_run(&w, w.now + HF_SECONDS(12), bob_closed), "not after 30 s, with a failure");
    cr_expect_eq(w.side[1].cause, HF_OK);
    wire_clear(&w);
}

Test(manager_bye, ends_a_session_that_is_looked_for)
{
    wire w;
    wire_init(&w, 7, false);
    hf_session *alice = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    w.cut = true;
    wire_run(&w, w.now + HF_SECONDS(50), NULL);
    cr_assert_eq(hf_session_get_state(wire_session(&w, 1)), HF_SESSION_RECONNECTING);
    cr_assert_eq(hf_session_disconnect(alice, w.now), HF_OK);
    cr_expect(wire_run(&w, w.now + HF_SECONDS(4), bob_closed));
    wire_clear(&w);
}

static bool alice_closed(wire *w)
{
    return w->side[0].closed;
}

/* Neither the path nor the envelope has told it. */
Test(manager_bye, is_said_again_to_whoever_would_recover_what_has_ended)
{
    wire w;
    wire_init(&w, 8, false);
    wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    w.cut = true;
    w.envelope_loss = 1000;
    cr_assert_eq(hf_session_disconnect(wire_session(&w, 1), w.now), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(50), NULL);
    cr_assert_eq(hf_session_get_state(wire_session(&w, 1)), HF_SESSION_CLOSED);
    cr_assert_eq(hf_session_get_state(wire_session(&w, 0)), HF_SESSION_RECONNECTING);
    w.cut = false;
    w.envelope_loss = 0;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(40), alice_closed));
    cr_expect_eq(w.side[0].cause, HF_OK);
    cr_expect_eq(w.side[1].begun_count, 1, "and begins no other session");
    wire_clear(&w);
}
