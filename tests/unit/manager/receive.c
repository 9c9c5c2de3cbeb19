/* receive.c: envelopes that are refused, ignored or kept, and the calls that name a remote. */
#include "session_config.h"
#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The offer of another manager, as text. */
static char *offer_of(hf_session *session)
{
    hf_sdp_type type;
    const char *sdp;
    cr_assert_eq(hf_peer_local_description(hf_session_peer(session), &type, &sdp), HF_OK);
    cr_assert_eq(type, HF_SDP_OFFER);
    return strdup(sdp);
}

static hf_envelope alices_offer(const char *session, uint32_t offer, const char *sdp)
{
    return (hf_envelope){.sender = "alice",
                         .receiver = "bob",
                         .session = session,
                         .offer = offer,
                         .signal = {HF_SIGNAL_OFFER, .generation = 1, .sdp = sdp}};
}

static void end_and_forget(wire *w, hf_session *session)
{
    cr_assert_eq(hf_session_disconnect(session, w->now), HF_OK);
    wire_run(w, w->now + HF_SECONDS(5), NULL);
    for (int i = 0; i < 2; i++)
        hf_manager_forget(w->side[i].manager, wire_session(w, i));
}

Test(manager_receive, refuses_by_name)
{
    wire w;
    char too_long[HF_PEER_ID_MAX + 2];
    wire_init(&w, 1, false);
    memset(too_long, 'x', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    const struct {
        const char *why;
        hf_envelope envelope;
        hf_err err;
    } rows[] = {
        {"somebody else's", {.sender = "eve", .receiver = "carol", .signal = {HF_SIGNAL_OFFER, .sdp = ""}}, HF_EINVAL},
        {"our own", {.sender = "bob", .receiver = "bob", .signal = {HF_SIGNAL_OFFER, .sdp = ""}}, HF_EINVAL},
        {"nameless sender", {.sender = "", .receiver = "bob", .signal = {HF_SIGNAL_OFFER, .sdp = ""}}, HF_EINVAL},
        {"long name", {.sender = too_long, .receiver = "bob", .signal = {HF_SIGNAL_OFFER, .sdp = ""}}, HF_EINVAL},
        {"not UTF-8", {.sender = "\xFF", .receiver = "bob", .signal = {HF_SIGNAL_OFFER, .sdp = ""}}, HF_EINVAL},
        {"an offer without text", {.sender = "eve", .receiver = "bob", .signal = {.type = HF_SIGNAL_OFFER}}, HF_EINVAL},
        {"a candidate without text",
         {.sender = "eve", .receiver = "bob", .signal = {.type = HF_SIGNAL_CANDIDATE}},
         HF_EINVAL},
        {"no type", {.sender = "eve", .receiver = "bob"}, HF_EINVAL},
        {"a stranger's answer", {.sender = "eve", .signal = {HF_SIGNAL_ANSWER, .sdp = ""}}, HF_ENOENT},
        {"a stranger's end", {.sender = "eve", .signal = {.type = HF_SIGNAL_END_OF_CANDIDATES}}, HF_ENOENT},
        {"a broken offer", {.sender = "eve", .receiver = "bob", .signal = {HF_SIGNAL_OFFER, .sdp = "v=1"}}, HF_ESYNTAX},
        {"a broken candidate", {.sender = "eve", .signal = {HF_SIGNAL_CANDIDATE, .candidate = "x"}}, HF_ESYNTAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hf_err err = hf_manager_receive(w.side[1].manager, w.now, &rows[i].envelope);
        cr_expect_eq(err, rows[i].err, "%s: %s", rows[i].why, hf_err_name(err));
        cr_expect_null(hf_manager_session(w.side[1].manager, "eve"), "%s", rows[i].why);
    }
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    cr_expect_eq(w.side[1].begun_count, 0);
    wire_clear(&w);
}

Test(manager_receive, a_repeated_offer_gets_the_same_answer)
{
    wire w;
    wire_init(&w, 2, false);
    hf_session *session = wire_connect(&w, 0);
    char *sdp = offer_of(session);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    unsigned before = w.envelopes;
    hf_envelope again = alices_offer(hf_session_id(session), 1, sdp);
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &again), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_expect_eq(w.envelopes, before + 1, "one answer");
    cr_expect_eq(hf_session_get_state(session), HF_SESSION_CONNECTED);
    cr_expect_eq(w.side[1].begun_count, 1);
    free(sdp);
    wire_clear(&w);
}

/* An offer has its number when it goes out. What comes before that answers the one before. */
Test(manager_receive, an_answer_is_not_taken_for_that_to_an_offer_that_has_not_gone_out)
{
    wire w;
    wire_init(&w, 3, false);
    hf_session *session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    const char *sdp;
    hf_peer *peer = hf_session_peer(session);
    cr_assert_eq(hf_peer_get_description(peer, HF_CURRENT_REMOTE_DESCRIPTION, NULL, &sdp), HF_OK);
    char *first = strdup(sdp);
    hf_envelope late = {.sender = "bob", .receiver = "alice", .offer = 1, .signal = {HF_SIGNAL_ANSWER, .sdp = first}};

    cr_assert_eq(hf_session_restart_ice(session, w.now), HF_OK);
    cr_assert_eq(hf_peer_signaling_state(peer), HF_SIGNALING_HAVE_LOCAL_OFFER);
    cr_expect_eq(hf_manager_receive(w.side[0].manager, w.now, &late), HF_OK);
    cr_expect_eq(hf_peer_signaling_state(peer), HF_SIGNALING_HAVE_LOCAL_OFFER, "it was no answer to this one");
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_expect_eq(hf_peer_signaling_state(peer), HF_SIGNALING_STABLE);
    cr_assert_eq(hf_peer_get_description(peer, HF_CURRENT_REMOTE_DESCRIPTION, NULL, &sdp), HF_OK);
    cr_expect_str_neq(sdp, first, "the remote has begun anew, too");
    free(first);
    wire_clear(&w);
}

Test(manager_receive, a_late_offer_does_not_revive_a_session_that_is_over)
{
    wire w;
    wire_init(&w, 3, false);
    hf_session *session = wire_connect(&w, 0);
    char *sdp = offer_of(session), *id = strdup(hf_session_id(session));
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    cr_assert_eq(hf_session_disconnect(session, w.now), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_assert_eq(hf_session_get_state(w.side[1].begun), HF_SESSION_CLOSED);
    hf_envelope late = alices_offer(id, 1, sdp);
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &late), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    cr_expect_eq(w.side[1].begun_count, 1);
    free(sdp);
    free(id);
    wire_clear(&w);
}

static bool both_are_connected(wire *w)
{
    hf_session *ours = wire_session(w, 0), *theirs = wire_session(w, 1);
    return hf_session_get_state(ours) == HF_SESSION_CONNECTED && hf_session_get_state(theirs) == HF_SESSION_CONNECTED;
}

/* It was taken beside the connection that stood, and nothing came of it: whoever says it again still waits. */
Test(manager_receive, a_call_that_overtakes_the_end_of_the_one_before_is_answered)
{
    wire w;
    wire_init(&w, 12, false);
    hf_session *session = wire_connect(&w, 0);
    char *sdp = offer_of(session), *id = strdup(hf_session_id(session));
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    end_and_forget(&w, session);

    session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), both_are_connected));
    hf_envelope call = alices_offer(id, 2, sdp);
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &call), HF_OK);
    cr_assert_eq(hf_session_disconnect(session, w.now), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_assert_eq(hf_session_get_state(w.side[1].begun), HF_SESSION_CLOSED);
    cr_assert_eq(w.side[1].begun_count, 2);
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &call), HF_OK);
    wire_run(&w, w.now + HF_MS(100), NULL);
    cr_expect_eq(w.side[1].begun_count, 3);
    free(sdp);
    free(id);
    wire_clear(&w);
}

/* The last offer of an earlier session, which had `restarts`, comes beside the first one of the next: that has been taken,
 * and its answer is still on its way, or lost. */
static void meet_beside_a_late_offer(int from, int restarts, bool is_answer_lost)
{
    wire w;
    int to = 1 - from;
    wire_init(&w, 6, false);
    w.envelope_delay = HF_MS(20);
    hf_session *session = wire_connect(&w, from);
    char *sdp = offer_of(session), *id = strdup(hf_session_id(session));
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    for (int i = 0; i < restarts; i++) {
        cr_assert_eq(hf_session_restart_ice(session, w.now), HF_OK);
        free(sdp);
        sdp = offer_of(session);
        wire_run(&w, w.now + HF_SECONDS(2), NULL);
    }
    hf_envelope late = {.sender = from == 0 ? "alice" : "bob", .session = id, .offer = w.side[from].offer_last};
    late.signal = (hf_signal){HF_SIGNAL_OFFER, .generation = 1, .sdp = sdp};
    end_and_forget(&w, session);

    wire_connect(&w, from);
    wire_run(&w, w.now + HF_MS(10), NULL);
    w.envelope_loss = is_answer_lost ? 1000 : 0;
    wire_run(&w, w.now + HF_MS(15), NULL);
    cr_assert_eq(w.side[to].begun_count, 2);
    cr_expect_eq(hf_manager_receive(w.side[to].manager, w.now, &late), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    w.envelope_loss = 0;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(30), both_are_connected));
    printf("beside a late offer: connected after %lld ms\n", (long long)w.now / 1000);
    free(sdp);
    free(id);
    wire_clear(&w);
}

Test(manager_receive, a_late_offer_of_another_session_does_not_keep_this_one_from_connecting)
{
    meet_beside_a_late_offer(0, 0, false);
}

Test(manager_receive, a_late_offer_of_another_session_does_not_take_the_answer_away)
{
    meet_beside_a_late_offer(0, 0, true);
}

/* Who makes it holds on to its first offer, and says it again under the number that it has. */
Test(manager_receive, a_late_offer_does_not_bar_those_of_lower_numbers_for_ever)
{
    meet_beside_a_late_offer(1, 2, true);
}

static bool alice_has_agreed(wire *w)
{
    return hf_peer_signaling_state(hf_session_peer(wire_session(w, 0))) == HF_SIGNALING_STABLE;
}

/* Both have been answered, and bear one number: the one that comes again gets its own answer. */
Test(manager_receive, an_answer_goes_to_the_session_that_has_asked)
{
    wire w;
    wire_init(&w, 7, false);
    w.envelope_delay = HF_MS(20);
    hf_session *session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    cr_assert_eq(hf_session_restart_ice(session, w.now), HF_OK);
    char *sdp = offer_of(session), *id = strdup(hf_session_id(session));
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_assert_eq(w.side[0].offer_last, 2);
    end_and_forget(&w, session);

    session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), both_are_connected));
    hf_envelope late = alices_offer(id, 2, sdp);
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &late), HF_OK);
    cr_assert_eq(hf_session_restart_ice(session, w.now), HF_OK);
    wire_run(&w, w.now + HF_MS(10), NULL);
    w.envelope_loss = 1000;
    wire_run(&w, w.now + HF_MS(100), NULL);
    w.envelope_loss = 0;
    cr_expect_not(alice_has_agreed(&w));
    cr_expect(wire_run(&w, w.now + HF_SECONDS(4), alice_has_agreed));
    cr_expect_eq(w.side[0].offer_last, 2);
    free(sdp);
    free(id);
    wire_clear(&w);
}

/* Both have met; now nothing is carried, and bob asks for a restart. Yields what he says; `sdp` is to be freed. */
static hf_envelope begin_with_unheard_restart(wire *w, uint64_t seed, char **sdp)
{
    wire_init(w, seed, false);
    wire_connect(w, 1);
    cr_assert(wire_run(w, HF_SECONDS(10), wire_both_have_five));
    w->envelope_loss = 1000;
    hf_session *bob = wire_session(w, 1);
    cr_assert_eq(hf_session_restart_ice(bob, w->now), HF_OK);
    *sdp = offer_of(bob);
    hf_envelope restart = {.sender = "bob", .session = hf_session_id(bob), .offer = 2};
    restart.signal = (hf_signal){HF_SIGNAL_OFFER, .generation = 1, .sdp = *sdp};
    return restart;
}

static void end_with_restart(wire *w, char *sdp)
{
    w->envelope_loss = 0;
    wire_run(w, w->now + HF_SECONDS(5), NULL);
    cr_expect_eq(hf_peer_signaling_state(hf_session_peer(wire_session(w, 1))), HF_SIGNALING_STABLE);
    cr_expect(both_are_connected(w));
    free(sdp);
    wire_clear(w);
}

/* It does not say which session of ours it is for, so generations say nothing: it is taken, and ours is taken back, which
 * nobody would repeat any more. */
Test(manager_receive, a_restart_that_is_taken_ends_the_attempt_at_a_new_connection)
{
    wire w;
    char *sdp;
    hf_envelope restart = begin_with_unheard_restart(&w, 9, &sdp);
    hf_session *alice = wire_session(&w, 0);
    cr_assert_eq(hf_session_reconnect(alice, w.now), HF_OK);
    wire_run(&w, w.now + HF_MS(100), NULL);
    cr_assert_eq(hf_peer_signaling_state(hf_session_newest_peer(alice)), HF_SIGNALING_HAVE_LOCAL_OFFER);
    cr_expect_eq(hf_manager_receive(w.side[0].manager, w.now, &restart), HF_OK);
    cr_expect_eq(hf_peer_signaling_state(hf_session_newest_peer(alice)), HF_SIGNALING_STABLE);
    end_with_restart(&w, sdp);
}

/* Whoever carries it has said it before, in the name of another session. */
Test(manager_receive, an_open_offer_is_answered_whatever_has_been_offered_since)
{
    wire w;
    char *sdp;
    hf_envelope restart = begin_with_unheard_restart(&w, 10, &sdp), forged = restart;
    restart.remote_session = forged.remote_session = hf_session_id(wire_session(&w, 0));
    forged.session = "00112233445566778899aabbccddeeff";
    cr_expect_eq(hf_manager_receive(w.side[0].manager, w.now, &restart), HF_OK);
    cr_expect_eq(hf_manager_receive(w.side[0].manager, w.now, &forged), HF_OK);
    wire_run(&w, w.now + HF_MS(100), NULL);
    cr_assert_eq(hf_peer_signaling_state(hf_session_peer(wire_session(&w, 1))), HF_SIGNALING_HAVE_LOCAL_OFFER);
    end_with_restart(&w, sdp);
}

/* Nobody vouches for it before the first handshake. */
Test(manager_receive, a_first_offer_may_name_a_generation_that_is_somebody_elses)
{
    wire w;
    wire_init(&w, 11, false);
    hf_session *session = wire_connect(&w, 1);
    char *sdp = offer_of(session);
    hf_envelope forged = {.sender = "bob", .session = hf_session_id(session), .offer = 1};
    forged.signal = (hf_signal){HF_SIGNAL_OFFER, .generation = UINT32_MAX, .sdp = sdp};
    w.envelope_loss = 1000;
    cr_expect_eq(hf_manager_receive(w.side[0].manager, w.now, &forged), HF_EINVAL, "it would leave no numbers");
    forged.signal.generation = 1000000;
    cr_expect_eq(hf_manager_receive(w.side[0].manager, w.now, &forged), HF_OK);
    wire_run(&w, w.now + HF_MS(100), NULL);
    w.envelope_loss = 0;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(60), both_are_connected));
    printf("behind a forged generation: connected after %lld ms\n", (long long)w.now / 1000);
    free(sdp);
    wire_clear(&w);
}

/* All that follow would come late. */
Test(manager_receive, an_offer_whose_number_is_far_ahead_is_refused)
{
    wire w;
    wire_init(&w, 8, false);
    hf_session *session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    cr_assert_eq(hf_session_restart_ice(session, w.now), HF_OK);
    char *sdp = offer_of(session);
    hf_envelope forged = alices_offer(hf_session_id(session), UINT32_MAX, sdp);
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &forged), HF_EINVAL);
    forged.session = "00112233445566778899aabbccddeeff";
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &forged), HF_EINVAL, "nor is it one to begin with");
    cr_expect(wire_run(&w, w.now + HF_SECONDS(2), alice_has_agreed), "and the true one is answered");
    free(sdp);
    wire_clear(&w);
}

Test(manager_receive, candidates_may_overtake_their_offer)
{
    wire w;
    hf_session *session;
    wire_init(&w, 4, false);
    hf_envelope early = {.sender = "alice", .receiver = "bob", .offer = 1};
    early.signal =
        (hf_signal){.type = HF_SIGNAL_CANDIDATE, .candidate = "candidate:1 1 udp 2122187007 198.51.100.9 999 typ host"};
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &early), HF_OK);
    wire_run(&w, w.now + HF_MS(100), NULL);
    cr_expect_eq(w.side[1].begun_count, 0, "it is told with its offer");
    cr_expect_eq(hf_manager_connect(w.side[1].manager, w.now, "alice", &session), HF_OK, "and does not bar the way");
    wire_clear(&w);
}

Test(manager_receive, who_answers_gives_its_name)
{
    wire w;
    hf_session *session, *other;
    wire_init(&w, 5, false);
    cr_assert_eq(hf_manager_connect(w.side[0].manager, w.now, NULL, &session), HF_OK);
    cr_expect_str_eq(hf_manager_remote_id(w.side[0].manager, session), "");
    cr_expect_eq(hf_manager_session(w.side[0].manager, ""), session);
    wire_run(&w, HF_SECONDS(10), NULL);
    cr_expect_str_eq(hf_manager_remote_id(w.side[0].manager, session), "bob");
    cr_expect_eq(hf_session_get_state(session), HF_SESSION_CONNECTED);
    cr_expect_eq(hf_manager_connect(w.side[0].manager, w.now, "bob", &other), HF_EEXIST);
    cr_expect_eq(other, session);
    wire_clear(&w);
}

Test(manager_receive, names_that_nobody_can_have_are_refused)
{
    wire w;
    hf_session *session;
    wire_init(&w, 6, false);
    hf_manager *manager = w.side[0].manager;
    cr_expect_eq(hf_manager_connect(manager, w.now, "alice", &session), HF_EINVAL, "ourselves");
    cr_expect_eq(hf_manager_connect(manager, w.now, "\xFF", &session), HF_EINVAL);
    cr_expect_null(hf_manager_session(manager, "nobody"));
    cr_expect_null(hf_manager_remote_id(manager, NULL));
    wire_clear(&w);
}

Test(manager_receive, strangers_are_limited)
{
    test_env t;
    hf_engine *engine;
    hf_manager *manager;
    hf_session *session;
    cr_assert_eq(hf_engine_new(&engine, test_env_init(&t, 7)), HF_OK);
    hf_manager_config config = {.session.peer.engine = engine, .sessions_max = 2};
    cr_assert_eq(hf_manager_new(&manager, &config, &t.env), HF_OK);
    cr_expect_eq(strlen(hf_manager_peer_id(manager)), 32, "a random one");
    cr_expect_eq(hf_manager_connect(manager, 1, "a", &session), HF_OK);
    cr_expect_eq(hf_manager_connect(manager, 1, "b", &session), HF_OK);
    cr_expect_eq(hf_manager_connect(manager, 1, "c", &session), HF_ELIMIT);
    hf_envelope stranger = {.sender = "d", .signal = {HF_SIGNAL_OFFER, .sdp = "v=0"}};
    cr_expect_eq(hf_manager_receive(manager, 1, &stranger), HF_ELIMIT);
    hf_manager_forget(manager, session);
    cr_expect_eq(hf_manager_connect(manager, 1, "c", &session), HF_OK);
    hf_manager_free(manager);
    hf_engine_free(engine);
    cr_expect_eq(t.blocks, 0);
}

Test(manager_receive, survives_each_failed_allocation)
{
    test_env t = {0}, of_engine;
    hf_engine *engine;
    hf_certificate *certificate;
    cr_assert_eq(hf_engine_new(&engine, test_env_init(&of_engine, 8)), HF_OK);
    cr_assert_eq(hf_certificate_new(&certificate, &of_engine.env), HF_OK);
    for (size_t n = 1; test_env_next_failure(&t, n, 9); n++) {
        hf_manager *manager;
        hf_session *session;
        hf_manager_change change;
        hf_manager_config config = {.peer_id = "a", .session.peer = {.engine = engine, .certificate = certificate}};
        config.session.channels = hf_collab_channels;
        config.session.channels_len = HF_COLLAB_CHANNELS_LEN;
        if (hf_manager_new(&manager, &config, &t.env) == HF_OK) {
            hf_err err = hf_manager_connect(manager, 1, "b", &session);
            cr_expect(err == HF_OK || err == HF_ENOMEM, "%zu: %s", n, hf_err_name(err));
            while (hf_manager_poll_change(manager, &change)) {
            }
            if (err == HF_OK)
                hf_manager_forget(manager, session);
            hf_manager_free(manager);
        }
        cr_expect_eq(t.blocks, 0, "%zu", n);
    }
    hf_certificate_free(certificate);
    hf_engine_free(engine);
}
