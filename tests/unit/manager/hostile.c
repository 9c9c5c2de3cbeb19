/* hostile.c: whoever carries the envelopes lies, and strangers write some: named, bounded, and of no harm to a session that
 * goes on. */
#include "manager_priv.h"
#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODYS "00000000000000000000000000000000"

/* What the carrier saw; texts are not kept. */
static struct {
    unsigned offers, answers, candidates, byes, without_session, without_remote_session;
    uint32_t generation;
} seen;

static void watch(wire *w, int to, hf_envelope *e)
{
    const char *ours = hf_session_id(wire_session(w, 1 - to)),
               *theirs = wire_session(w, to) ? hf_session_id(wire_session(w, to)) : "";
    seen.offers += e->signal.type == HF_SIGNAL_OFFER;
    seen.answers += e->signal.type == HF_SIGNAL_ANSWER;
    seen.candidates += e->signal.type == HF_SIGNAL_CANDIDATE || e->signal.type == HF_SIGNAL_END_OF_CANDIDATES;
    seen.byes += e->signal.type == HF_SIGNAL_BYE;
    seen.without_session += !e->session || strcmp(e->session, ours) != 0;
    seen.without_remote_session += !e->remote_session || strcmp(e->remote_session, theirs) != 0;
    seen.generation = e->signal.generation;
}

Test(manager_envelope, names_both_sessions_as_soon_as_they_are_known)
{
    wire w;
    wire_init(&w, 1, false);
    w.envelope_delay = HF_MS(20);
    w.forge = watch;
    wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    cr_expect(seen.offers == 1 && seen.answers == 1 && seen.candidates > 1);
    cr_expect_eq(seen.without_session, 0);
    cr_expect_eq(seen.generation, 1);
    seen.without_remote_session = 0;
    cr_assert_eq(hf_session_restart_ice(wire_session(&w, 0), w.now), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    cr_expect(seen.offers == 2 && seen.answers == 2);
    cr_expect_eq(seen.without_session + seen.without_remote_session, 0, "both know both");
    cr_assert_eq(hf_session_disconnect(wire_session(&w, 1), w.now), HF_OK);
    wire_run(&w, w.now + HF_SECONDS(4), NULL);
    cr_expect_geq(seen.byes, 1, "the end is told this way, too");
    cr_expect_eq(seen.without_session + seen.without_remote_session, 0);
    wire_clear(&w);
}

/* A session that goes on: what is written to it below changes nothing. */
typedef struct forged {
    const char *why, *sender, *session, *remote_session; /* "theirs", "ours": the right one */
    hf_signal_type type;
    uint32_t offer, generation;
    hf_err err;
} forged;

static const char *id_of(const wire *w, const char *which)
{
    if (!which || strlen(which) > 6)
        return which;
    return hf_session_id(wire_session(w, strcmp(which, "theirs") == 0 ? 0 : 1));
}

Test(manager_envelope, that_is_forged_is_named_and_changes_nothing)
{
    static const forged rows[] = {
        {"half an id", "alice", "0123456789abcdef", NULL, HF_SIGNAL_OFFER, 9, 1, HF_EINVAL},
        {"capitals", "alice", "0123456789ABCDEF0123456789ABCDEF", NULL, HF_SIGNAL_OFFER, 9, 1, HF_EINVAL},
        {"not hexadecimal", "alice", "theirs", "0123456789abcdef0123456789abcdeg", HF_SIGNAL_OFFER, 9, 1, HF_EINVAL},
        {"a bye without ids", "alice", NULL, NULL, HF_SIGNAL_BYE, 0, 0, HF_EINVAL},
        {"a bye with one", "alice", "theirs", NULL, HF_SIGNAL_BYE, 0, 0, HF_EINVAL},
        {"a bye with the other", "alice", NULL, "ours", HF_SIGNAL_BYE, 0, 0, HF_EINVAL},
        {"a bye of nobody's session", "alice", NOBODYS, "ours", HF_SIGNAL_BYE, 0, 0, HF_ENOENT},
        {"a bye to nobody's session", "alice", "theirs", NOBODYS, HF_SIGNAL_BYE, 0, 0, HF_ENOENT},
        {"a bye the wrong way round", "alice", "ours", "theirs", HF_SIGNAL_BYE, 0, 0, HF_ENOENT},
        {"a stranger's bye", "eve", "theirs", "ours", HF_SIGNAL_BYE, 0, 0, HF_ENOENT},
        {"an answer to nobody's session", "alice", "theirs", NOBODYS, HF_SIGNAL_ANSWER, 1, 1, HF_ENOENT},
        {"an answer that nobody wants", "alice", "theirs", "ours", HF_SIGNAL_ANSWER, 1, 1, HF_OK},
        {"a stranger's answer", "eve", "theirs", "ours", HF_SIGNAL_ANSWER, 1, 1, HF_ENOENT},
        {"a candidate for nobody's session", "alice", "theirs", NOBODYS, HF_SIGNAL_CANDIDATE, 1, 1, HF_ENOENT},
        {"a stranger's candidate for a session of ours", "eve", NULL, "ours", HF_SIGNAL_CANDIDATE, 1, 1, HF_ENOENT},
        {"the end of a stranger's candidates", "eve", NULL, NULL, HF_SIGNAL_END_OF_CANDIDATES, 1, 1, HF_ENOENT},
        {"more connections than there can have been", "alice", "theirs", "ours", HF_SIGNAL_OFFER, 9, UINT32_MAX, HF_EINVAL},
        {"an offer that is none", "alice", "theirs", "ours", HF_SIGNAL_OFFER, 9, 1, HF_ESYNTAX},
        {"a stranger's offer that is none", "eve", NOBODYS, NULL, HF_SIGNAL_OFFER, 1, 1, HF_ESYNTAX},
        {"an offer seen before", "alice", "theirs", "ours", HF_SIGNAL_OFFER, 1, 1, HF_OK},
    };
    wire w;
    wire_init(&w, 2, false);
    hf_session *session = wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hf_envelope e = {.sender = rows[i].sender, .receiver = "bob", .offer = rows[i].offer};
        e.session = id_of(&w, rows[i].session);
        e.remote_session = id_of(&w, rows[i].remote_session);
        e.signal = (hf_signal){.type = rows[i].type, .generation = rows[i].generation, .sdp = "rubbish"};
        e.signal.candidate = "candidate:1 1 udp 1 192.0.2.9 9 typ host";
        hf_err err = hf_manager_receive(w.side[1].manager, w.now, &e);
        cr_expect_eq(err, rows[i].err, "%s: %s", rows[i].why, hf_err_name(err));
        cr_expect_eq(err != HF_OK, *hf_manager_error_text(w.side[1].manager) != '\0', "%s: said in words", rows[i].why);
        cr_expect_null(hf_manager_session(w.side[1].manager, "eve"), "%s", rows[i].why);
    }
    wire_send(&w, 0);
    wire_send(&w, 1);
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_expect_eq(hf_session_get_state(session), HF_SESSION_CONNECTED);
    cr_expect_eq(hf_session_get_state(wire_session(&w, 1)), HF_SESSION_CONNECTED);
    cr_expect_eq(w.side[0].messages + w.side[1].messages, 2);
    cr_expect_eq(w.side[0].disconnected + w.side[1].disconnected + w.side[0].errors + w.side[1].errors, 0);
    wire_clear(&w);
}

/* The carrier says both ids: it has seen them. But as long as the path works, the remote says itself that it goes. */
Test(manager_envelope, a_forged_bye_does_not_end_what_works)
{
    wire w;
    wire_init(&w, 3, false);
    wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    hf_envelope bye = {.sender = "alice", .receiver = "bob", .signal.type = HF_SIGNAL_BYE};
    bye.session = hf_session_id(wire_session(&w, 0));
    bye.remote_session = hf_session_id(wire_session(&w, 1));
    cr_expect_eq(hf_manager_receive(w.side[1].manager, w.now, &bye), HF_OK);
    wire_send(&w, 0);
    wire_run(&w, w.now + HF_SECONDS(90), NULL);
    cr_expect_eq(hf_session_get_state(wire_session(&w, 1)), HF_SESSION_CONNECTED);
    cr_expect_eq(w.side[1].messages, 1);
    w.cut = true; /* after so long it no longer counts */
    wire_run(&w, w.now + HF_SECONDS(10), NULL);
    w.cut = false;
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_expect_eq(hf_session_get_state(wire_session(&w, 1)), HF_SESSION_CONNECTED);
    wire_clear(&w);
}

Test(manager_envelope, early_candidates_of_strangers_are_bounded_and_in_nobodys_way)
{
    test_env t;
    hf_engine *engine;
    hf_manager *manager;
    hf_session *session;
    char name[16];
    cr_assert_eq(hf_engine_new(&engine, test_env_init(&t, 4)), HF_OK);
    hf_manager_config config = {.session.peer.engine = engine, .sessions_max = EARLY_MAX + 1};
    cr_assert_eq(hf_manager_new(&manager, &config, &t.env), HF_OK);
    cr_assert_eq(hf_manager_connect(manager, 1, "friend", &session), HF_OK);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "eve %d", i);
        hf_envelope e = {.sender = name, .offer = 1};
        e.signal = (hf_signal){.type = HF_SIGNAL_CANDIDATE, .candidate = "candidate:1 1 udp 1 192.0.2.9 9 typ host"};
        cr_assert_eq(hf_manager_receive(manager, 1, &e), HF_OK, "%d", i);
    }
    cr_expect_not_null(hf_manager_session(manager, "eve 999"), "the last of them are kept");
    cr_expect_not_null(hf_manager_session(manager, "eve 936"));
    cr_expect_null(hf_manager_session(manager, "eve 935"));
    cr_expect_eq(hf_manager_session(manager, "friend"), session);
    hf_envelope offer = {.sender = "late friend", .offer = 1, .signal = {HF_SIGNAL_OFFER, .sdp = "v=1"}};
    cr_expect_eq(hf_manager_receive(manager, 1, &offer), HF_ESYNTAX, "there is room for it: one of them goes");
    cr_expect_null(hf_manager_session(manager, "eve 936"));
    hf_manager_free(manager);
    hf_engine_free(engine);
    cr_expect_eq(t.blocks, 0);
}

Test(manager_envelope, of_a_stranger_gives_no_name_to_who_has_none)
{
    wire w;
    hf_session *session;
    wire_init(&w, 5, false);
    w.envelope_delay = HF_MS(200);
    hf_manager *manager = w.side[0].manager;
    cr_assert_eq(hf_manager_connect(manager, w.now, NULL, &session), HF_OK);
    wire_run(&w, w.now + HF_MS(1), NULL);
    static const struct {
        const char *why;
        hf_envelope envelope;
    } rows[] = {
        {"a candidate",
         {.sender = "eve",
          .offer = 1,
          .signal = {.type = HF_SIGNAL_CANDIDATE, .candidate = "candidate:1 1 udp 1 192.0.2.9 9 typ host"}}},
        {"an answer to another offer", {.sender = "eve", .offer = 7, .signal = {HF_SIGNAL_ANSWER, .sdp = "v=0"}}},
        {"an answer that is none", {.sender = "eve", .offer = 1, .signal = {HF_SIGNAL_ANSWER, .sdp = "v=0"}}},
        {"an offer that is none", {.sender = "eve", .offer = 1, .signal = {HF_SIGNAL_OFFER, .sdp = "v=0"}}},
        {"the end of candidates", {.sender = "eve", .offer = 1, .signal = {.type = HF_SIGNAL_END_OF_CANDIDATES}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)!hf_manager_receive(manager, w.now, &rows[i].envelope);
        cr_expect_str_eq(hf_manager_remote_id(manager, session), "", "%s", rows[i].why);
        cr_expect_eq(hf_manager_session(manager, ""), session, "%s", rows[i].why);
    }
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_expect_str_eq(hf_manager_remote_id(manager, session), "bob", "who answers");
    cr_expect_eq(hf_session_get_state(session), HF_SESSION_CONNECTED);
    wire_clear(&w);
}

/* --- Identity ----------------------------------------------------------------------------------------------------- */

Test(manager_identity, is_known_of_so_many_and_then_of_nobody_new)
{
    test_env t;
    hf_engine *engine;
    hf_manager *manager;
    remote *r;
    char name[16];
    cr_assert_eq(hf_engine_new(&engine, test_env_init(&t, 6)), HF_OK);
    hf_manager_config config = {.session.peer.engine = engine};
    cr_assert_eq(hf_manager_new(&manager, &config, &t.env), HF_OK);
    for (int i = 0; i < HF_MANAGER_IDENTITIES_MAX; i++) {
        snprintf(name, sizeof name, "%d", i);
        cr_assert_eq(hf_manager_add(manager, name, &r), HF_OK, "%d", i);
        r->identity->is_pinned = true; /* as if it had connected */
        hf_manager_forget(manager, r->session);
    }
    cr_expect_eq(hf_manager_add(manager, "one more", &r), HF_ELIMIT);
    cr_assert_eq(hf_manager_add(manager, "17", &r), HF_OK, "whom we know comes in");
    cr_expect(r->identity->is_pinned);
    hf_manager_forget(manager, r->session);
    hf_manager_forget_identity(manager, "4711");
    hf_manager_forget_identity(manager, "nobody");
    cr_expect_eq(hf_manager_add(manager, "one more", &r), HF_OK, "there is room again");
    cr_expect_not(r->identity->is_pinned);
    hf_manager_free(manager);
    hf_engine_free(engine);
    cr_expect_eq(t.blocks, 0);
}

static void fingerprint_shown(hf_manager *manager, const char *peer_id, char out[128])
{
    hf_session *session;
    const char *sdp = NULL;
    cr_assert_eq(hf_manager_connect(manager, 1, peer_id, &session), HF_OK);
    cr_assert_eq(hf_peer_local_description(hf_session_peer(session), NULL, &sdp), HF_OK);
    const char *at = strstr(sdp, "a=fingerprint:");
    cr_assert_not_null(at);
    snprintf(out, 128, "%.*s", (int)strcspn(at, "\r"), at);
    hf_manager_forget(manager, session);
}

Test(manager_identity, of_ours_may_be_another_for_each_remote)
{
    test_env t;
    hf_engine *engine;
    hf_manager *manager = NULL;
    char bob[128], carol[128], again[128];
    cr_assert_eq(hf_engine_new(&engine, test_env_init(&t, 7)), HF_OK);
    hf_manager_config config = {.session.peer.engine = engine, .certificate_each = true};
    cr_assert_eq(hf_manager_new(&manager, &config, &t.env), HF_OK);
    cr_expect_null(hf_manager_certificate(manager));
    remote *r; /* who is known: his session ends, and he sees the same again */
    cr_assert_eq(hf_manager_add(manager, "bob", &r), HF_OK);
    r->identity->is_pinned = true;
    hf_manager_forget(manager, r->session);
    fingerprint_shown(manager, "bob", bob);
    fingerprint_shown(manager, "carol", carol);
    fingerprint_shown(manager, "bob", again);
    cr_expect_str_neq(bob, carol, "they can't see that it is the same user");
    cr_expect_str_eq(bob, again);
    hf_manager_free(manager);
    hf_certificate *certificate;
    cr_assert_eq(hf_certificate_new(&certificate, &t.env), HF_OK);
    config.session.peer.certificate = certificate;
    cr_expect_eq(hf_manager_new(&manager, &config, &t.env), HF_EINVAL, "one for all, and one for each");
    hf_certificate_free(certificate);
    hf_engine_free(engine);
    cr_expect_eq(t.blocks, 0);
}

Test(manager_identity, goes_with_the_name_that_a_remote_gives_itself)
{
    wire w;
    hf_session *session;
    hf_session_config plain = {0};
    wire_init_with(&w, 8, &plain);
    cr_assert_eq(hf_manager_connect(w.side[0].manager, w.now, NULL, &session), HF_OK);
    remote *r = hf_manager_find_session(w.side[0].manager, session);
    cr_expect_null(r->identity, "nobody");
    wire_run(&w, HF_SECONDS(10), NULL);
    cr_assert_not_null(r->identity);
    cr_expect_str_eq(r->identity->id, "bob");
    cr_expect_eq(r->identity->sessions, 1);
    hf_manager_unname(r); /* what named it was of no use */
    cr_expect_eq(hf_manager_find(w.side[0].manager, ""), r);
    cr_expect_null(hf_manager_find(w.side[0].manager, "bob"));
    cr_expect_null(r->identity);
    wire_clear(&w);
    cr_expect_eq(w.env.blocks, 0);
}
