/* identity.c: the remote is who it was; somebody else waits for the application's word. */
#include "session_config.h"

#include "pair.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const hf_channel_config chat[] = {{.name = "chat"}};
static const hf_session_config with_chat = {.channels = chat, .channels_len = 1};

/* What side 0 was told, and what side 1 signalled. */
typedef struct notes {
    char fingerprint[HF_IDENTITY_TEXT_SIZE];
    hf_err cause;
    char *offer;
} notes;

static notes known;

static void on_event(pair_side *side, const hf_session_event *event)
{
    if (event->type == HF_SESSION_IDENTITY_CHANGED && side->index == 0) {
        cr_assert_lt(strlen(event->u.identity.fingerprint), sizeof known.fingerprint);
        strcpy(known.fingerprint, event->u.identity.fingerprint);
        known.cause = event->cause;
    }
    if (event->type == HF_SESSION_SIGNAL && side->index == 1 && event->u.signal.type == HF_SIGNAL_OFFER) {
        free(known.offer);
        known.offer = strdup(event->u.signal.sdp);
    }
}

static void connect(pair *p)
{
    pair_init(p, 1, &with_chat);
    p->side[0].on_event = p->side[1].on_event = on_event;
    pair_connect(p);
}

static void end(pair *p)
{
    free(known.offer);
    pair_clear(p);
}

static unsigned told(const pair *p)
{
    return p->side[0].heard.events[HF_SESSION_IDENTITY_CHANGED];
}

static void expect_fingerprint_of(const hf_certificate *certificate)
{
    hf_identity shown = {.len = 1};
    char text[HF_IDENTITY_TEXT_SIZE];
    cr_assert_eq(hf_certificate_fingerprint(certificate, HF_SHA256, &shown.hashes[0]), HF_OK);
    cr_expect_str_eq(known.fingerprint, hf_identity_write(&shown, text));
    cr_expect_eq(known.cause, HF_EIDENTITY);
}

static bool is_pinned(pair *p, int side, const hf_certificate *certificate)
{
    hf_identity pinned, is = {.len = 1};
    cr_assert_eq(hf_certificate_fingerprint(certificate, HF_SHA256, &is.hashes[0]), HF_OK);
    return hf_session_pinned(p->side[side].session, &pinned) && hf_identity_fits(&pinned, &is);
}

Test(identity, is_pinned_by_the_first_handshake_by_all_hashes)
{
    pair p;
    hf_identity pinned;
    pair_init(&p, 1, &with_chat);
    cr_expect_not(hf_session_pinned(p.side[0].session, &pinned));
    pair_connect(&p);
    for (int i = 0; i < 2; i++) {
        cr_assert(hf_session_pinned(p.side[i].session, &pinned));
        cr_expect_eq(pinned.len, 3);
        for (size_t k = 0; k < pinned.len; k++) {
            hf_fingerprint is;
            cr_assert_eq(hf_certificate_fingerprint(p.certificate[1 - i], pinned.hashes[k].hash, &is), HF_OK);
            cr_expect_arr_eq(is.digest, pinned.hashes[k].digest, hf_hash_size(is.hash));
        }
    }
    end(&p);
}

Test(identity, of_a_remote_that_was_started_again_is_the_same_where_it_kept_its_certificate)
{
    pair p;
    connect(&p);
    char *before = strdup(hf_session_remote_id(p.side[0].session));
    pair_restart(&p, true);
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    cr_expect(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_eq(told(&p), 0);
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_CONTINUITY_LOST], 1);
    cr_expect_str_neq(hf_session_remote_id(p.side[0].session), before);
    cr_expect_str_eq(hf_session_remote_id(p.side[0].session), hf_session_id(p.side[1].session));
    cr_expect_eq(hf_session_generation(p.side[0].session), 1, "the first of the two sessions");
    free(before);
    end(&p);
}

Test(identity, that_is_another_is_told_once_and_nothing_is_said_to_it)
{
    pair p;
    connect(&p);
    pair_restart(&p, false);
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(told(&p), 1);
    expect_fingerprint_of(p.certificate[1]);
    size_t blocks = p.env.blocks;
    for (int i = 0; i < 50; i++) {
        hf_signal again = {.type = HF_SIGNAL_OFFER, .generation = 1, .sdp = known.offer};
        cr_expect_eq(hf_session_signal(p.side[0].session, p.now, &again), HF_EIDENTITY);
    }
    cr_expect_eq(p.env.blocks, blocks, "one is kept, however often it speaks");
    pair_run(&p, HF_SECONDS(40), NULL);
    cr_expect_eq(told(&p), 1);
    cr_expect_neq(hf_session_get_state(p.side[1].session), HF_SESSION_CONNECTED);
    cr_expect_eq(hf_session_get_state(p.side[0].session), HF_SESSION_RECONNECTING, "it waits for whom it knows");
    cr_expect(p.side[0].heard.events[HF_SESSION_CONTINUITY_LOST] == 0 && p.side[1].heard.bytes == 0);
    end(&p);
}

/* The offer of a second connection leaves before the first one has told who the remote is; somebody else answers it. */
static char *second_offer;

static void keep_second_offer(pair_side *side, const hf_session_event *event)
{
    on_event(side, event);
    if (event->type == HF_SESSION_SIGNAL && side->index == 0 && event->u.signal.generation == 2 && event->u.signal.sdp) {
        free(second_offer);
        second_offer = strdup(event->u.signal.sdp);
    }
}

Test(identity, that_is_known_by_then_is_expected_of_an_offer_that_has_left)
{
    pair p;
    pair_init(&p, 1, &with_chat);
    p.side[0].on_event = keep_second_offer;
    p.delay = HF_MS(50);
    cr_assert_eq(hf_session_connect(p.side[0].session, p.now), HF_OK);
    pair_run(&p, HF_MS(250), NULL);
    cr_assert_eq(hf_session_get_state(p.side[0].session), HF_SESSION_CONNECTING);
    p.side[0].silent = true;
    cr_assert_eq(hf_session_reconnect(p.side[0].session, p.now), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    cr_assert_not_null(second_offer);
    p.side[0].silent = false;

    pair_restart(&p, false);
    hf_signal offer = {.type = HF_SIGNAL_OFFER, .generation = 2, .sdp = second_offer};
    cr_assert_eq(hf_session_signal(p.side[1].session, p.now, &offer), HF_OK);
    pair_run(&p, HF_SECONDS(10), NULL);
    cr_expect_eq(told(&p), 1);
    expect_fingerprint_of(p.certificate[1]);
    cr_expect_neq(hf_session_get_state(p.side[1].session), HF_SESSION_CONNECTED);
    cr_expect_not(is_pinned(&p, 0, p.certificate[1]));
    free(second_offer);
    end(&p);
}

Test(identity, that_is_another_leaves_the_connection_that_stands_alone)
{
    pair p, *q = &p;
    connect(q);
    hf_certificate *other;
    hf_session *stranger;
    const char *offer;
    cr_assert_eq(hf_certificate_new(&other, &p.env.env), HF_OK);
    hf_session_config config = {.peer = {.engine = p.engine, .certificate = other}};
    cr_assert_eq(hf_session_new(&stranger, &config, &p.env.env), HF_OK);
    cr_assert_eq(hf_session_create_offer(stranger, p.now, &offer), HF_OK);
    hf_signal signal = {.type = HF_SIGNAL_OFFER, .generation = 2, .sdp = offer};
    cr_expect_eq(hf_session_signal(p.side[0].session, p.now, &signal), HF_EIDENTITY);
    signal.type = HF_SIGNAL_ANSWER;
    signal.generation = 1;
    cr_assert_eq(hf_session_restart_ice(p.side[0].session, p.now), HF_OK);
    hf_err err = hf_session_signal(p.side[0].session, p.now, &signal);
    cr_expect(err == HF_EIDENTITY || err == HF_ECONTINUITY, "%s", hf_err_name(err));
    pair_run(q, HF_SECONDS(2), NULL);
    pair_say(q, 0, "chat", "still");
    pair_run(q, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "chat:still ");
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_ON_DISCONNECTED], 0);
    cr_expect_eq(told(q), 1);
    hf_session_free(stranger);
    hf_certificate_free(other);
    end(q);
}

Test(identity, that_was_accepted_is_answered_and_begins_a_new_session)
{
    pair p;
    connect(&p);
    cr_expect_eq(hf_session_accept_identity(p.side[0].session, p.now, NULL), HF_ESTATE, "there is none");
    pair_restart(&p, false);
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(told(&p), 1);
    cr_assert_eq(hf_session_accept_identity(p.side[0].session, p.now, NULL), HF_OK);
    cr_expect_eq(hf_session_accept_identity(p.side[0].session, p.now, NULL), HF_ESTATE, "once");
    cr_expect(is_pinned(&p, 0, p.certificate[1]));
    cr_assert(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_CONTINUITY_LOST], 1);
    cr_expect(is_pinned(&p, 0, p.certificate[1]));
    pair_run(&p, HF_SECONDS(1), NULL);
    pair_say(&p, 0, "chat", "who are you");
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "chat:who are you ");
    end(&p);
}

static char told_last[256];

static void note_fingerprint(pair_side *side, const hf_session_event *event)
{
    (void)side;
    if (event->type == HF_SESSION_IDENTITY_CHANGED)
        snprintf(told_last, sizeof told_last, "%s", event->u.identity.fingerprint);
}

Test(identity, that_came_after_the_one_that_was_looked_at_is_not_accepted_for_it)
{
    pair p;
    char looked_at[256];
    connect(&p);
    p.side[0].on_event = note_fingerprint;
    pair_restart(&p, false);
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    memcpy(looked_at, told_last, sizeof looked_at);
    pair_restart(&p, false);
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(told(&p), 2);
    cr_assert_str_neq(looked_at, told_last);
    cr_expect_eq(hf_session_accept_identity(p.side[0].session, p.now, looked_at), HF_EIDENTITY);
    cr_expect_eq(hf_session_accept_identity(p.side[0].session, p.now, ""), HF_EIDENTITY);
    cr_expect_not(is_pinned(&p, 0, p.certificate[1]));
    cr_assert_eq(hf_session_accept_identity(p.side[0].session, p.now, told_last), HF_OK);
    cr_expect(is_pinned(&p, 0, p.certificate[1]));
    cr_assert(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    end(&p);
}

Test(identity, that_was_accepted_answers_an_offer_of_ours)
{
    pair p;
    connect(&p);
    pair_restart(&p, false);
    cr_assert_eq(hf_session_reconnect(p.side[0].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(told(&p), 1);
    cr_assert_eq(hf_session_accept_identity(p.side[0].session, p.now, NULL), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_CONTINUITY_LOST], 1);
    cr_expect(is_pinned(&p, 0, p.certificate[1]));
    end(&p);
}

Test(identity, known_from_before_is_demanded_of_the_first_connection)
{
    pair p;
    hf_identity known_before = {.len = 1};
    pair_init(&p, 1, &with_chat);
    p.side[0].on_event = on_event;
    cr_assert_eq(hf_certificate_fingerprint(p.certificate[0], HF_SHA256, &known_before.hashes[0]), HF_OK);
    hf_session_pin(p.side[0].session, &known_before); /* of another than side 1 */
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_eq(told(&p), 1);
    cr_expect_eq(hf_session_get_state(p.side[0].session), HF_SESSION_NEW);
    cr_assert_eq(hf_session_accept_identity(p.side[0].session, p.now, NULL), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_CONTINUITY_LOST], 0, "there was nothing before");
    end(&p);
}

Test(identity, that_answers_our_first_offer_is_held_to_what_is_known)
{
    pair p;
    hf_identity known_before = {.len = 1};
    pair_init(&p, 1, &with_chat);
    p.side[0].on_event = on_event;
    cr_assert_eq(hf_certificate_fingerprint(p.certificate[0], HF_SHA256, &known_before.hashes[0]), HF_OK);
    hf_session_pin(p.side[0].session, &known_before);
    cr_assert_eq(hf_session_connect(p.side[0].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_eq(told(&p), 1);
    cr_expect_eq(hf_session_get_state(p.side[0].session), HF_SESSION_CONNECTING);
    cr_assert_eq(hf_session_accept_identity(p.side[0].session, p.now, NULL), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    end(&p);
}
