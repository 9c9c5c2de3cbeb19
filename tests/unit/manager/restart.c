/* restart.c: ICE restarts of sessions: offers of a connection that is there, with numbers of their own. */
#include "wire.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *ufrag_of(const wire *w, int side)
{
    const char *sdp;
    hf_peer *peer = hf_session_peer(hf_manager_session(w->side[side].manager, side == 0 ? "bob" : "alice"));
    cr_assert_not_null(peer);
    cr_assert_eq(hf_peer_get_description(peer, HF_CURRENT_LOCAL_DESCRIPTION, NULL, &sdp), HF_OK);
    const char *at = strstr(sdp, "a=ice-ufrag:");
    cr_assert_not_null(at);
    return strndup(at + 12, strcspn(at + 12, "\r\n"));
}

static void restart(wire *w, int side)
{
    hf_session *session = hf_manager_session(w->side[side].manager, side == 0 ? "bob" : "alice");
    cr_assert_eq(hf_session_restart_ice(session, w->now), HF_OK, "%s", hf_session_error_text(session));
}

/* Restarts by those of whom the bit is set in `who`, ten times, while messages pass. */
static void restarts(uint64_t seed, int who, bool no_trickle, unsigned duplicate, hf_span jitter)
{
    wire w;
    wire_init(&w, seed, no_trickle);
    w.envelope_delay = HF_MS(30);
    wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    w.envelope_duplicate = duplicate;
    w.envelope_jitter = jitter;
    hf_session *alice = hf_manager_session(w.side[0].manager, "bob"), *bob = hf_manager_session(w.side[1].manager, "alice");
    unsigned sent = 0;
    for (int round = 0; round < 10; round++) {
        char *old[] = {ufrag_of(&w, 0), ufrag_of(&w, 1)};
        for (int i = 0; i < 2; i++) {
            if (who & 1 << i)
                restart(&w, i);
        }
        for (int i = 0; i < 100; i++, sent++) {
            cr_assert_eq(hf_channel_send(hf_session_channel(alice, "code-sync"), w.now, HF_TEXT, "a", 1), HF_OK);
            cr_assert_eq(hf_channel_send(hf_session_channel(bob, "code-sync"), w.now, HF_TEXT, "b", 1), HF_OK);
            wire_run(&w, w.now + HF_MS(20), NULL);
        }
        for (int i = 0; i < 2; i++) {
            char *fresh = ufrag_of(&w, i);
            cr_expect_str_neq(fresh, old[i], "round %d, side %d", round, i);
            free(fresh);
            free(old[i]);
        }
    }
    wire_run(&w, w.now + HF_SECONDS(40), NULL);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(w.side[i].messages, sent, "side %d: %u of %u", i, w.side[i].messages, sent);
        cr_expect_eq(w.side[i].connected, 1, "side %d", i);
        cr_expect_eq(w.side[i].disconnected + w.side[i].errors, 0, "side %d", i);
        cr_expect_eq(w.side[i].receive_err, HF_OK, "side %d: %s", i, hf_err_name(w.side[i].receive_err));
    }
    cr_expect_eq(w.side[1].begun_count, 1, "a later offer is no new session");
    wire_clear(&w);
    cr_expect_eq(w.env.blocks, 0);
}

Test(manager_restart, from_the_offerer)
{
    restarts(21, 1, false, 0, 0);
}

Test(manager_restart, from_the_answerer)
{
    restarts(22, 2, false, 0, 0);
}

Test(manager_restart, from_both_at_once)
{
    restarts(23, 3, false, 0, 0);
}

Test(manager_restart, minds_no_envelope_that_comes_twice_or_late)
{
    restarts(24, 1, false, 500, HF_MS(200));
}

Test(manager_restart, from_both_at_once_minds_no_envelope_that_comes_twice_or_late)
{
    restarts(25, 3, false, 500, HF_MS(100));
}

Test(manager_restart, from_both_at_once_without_trickling)
{
    restarts(26, 3, true, 300, 0);
}
