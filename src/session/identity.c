/* identity.c: who the remote is: pinned at the first connection, and whoever else comes in its name waits for the
 * application's word. */
#include "session_priv.h"

#include <string.h>

void hf_session_pin(hf_session *session, const hf_identity *identity)
{
    session->pin = identity ? *identity : (hf_identity){0};
    hf_connection_expect(session->current, &session->pin);
}

bool hf_session_pinned(const hf_session *session, hf_identity *out)
{
    if (session->pin.len > 0)
        *out = session->pin;
    return session->pin.len > 0;
}

static bool shows_known(const hf_connection *connection, hf_identity *shown)
{
    const hf_identity *pin = &connection->session->pin;
    return hf_peer_get_identity(connection->peer, shown) && (pin->len == 0 || hf_identity_fits(shown, pin));
}

bool hf_session_is_known(const hf_connection *connection)
{
    hf_identity shown;
    return shows_known(connection, &shown);
}

/* It has shown its certificate: from here on by every hash, whichever a description may use. And of every connection: an
 * offer may have left before anybody was known. One that stands goes on with whom it was made, whoever was accepted
 * since. */
void hf_session_adopt_remote(hf_connection *connection)
{
    hf_session *session = connection->session;
    hf_identity shown;
    if (shows_known(connection, &shown)) {
        session->pin = shown;
        hf_connection_expect(connection, &session->pin);
        if (session->next && session->next != connection)
            hf_connection_expect(session->next, &session->pin);
    }
    memcpy(session->remote_id, connection->remote_id, sizeof session->remote_id);
    session->remote_id_text[0] = '\0';
    if (connection->link.protocol == HF_PROTOCOL_HOLDFAST)
        hf_session_id_write(session->remote_id, session->remote_id_text);
}

/* --- Somebody else --------------------------------------------------------------------------------------------------- */

void hf_session_forget_stranger(hf_session *session)
{
    hf_dealloc(session->env, session->stranger.sdp);
    session->stranger = (hf_stranger){0};
}

/* One is kept: the last. That it speaks again is told once. */
void hf_session_note_stranger(hf_session *session, hf_signal_type type, uint32_t generation, const hf_peer *refused_by,
                              const char *sdp)
{
    hf_stranger shown = {.type = type, .generation = generation};
    hf_peer_get_refused_identity(refused_by, &shown.identity);
    bool is_told = hf_identity_fits(&shown.identity, &session->stranger.identity);
    shown.sdp = hf_alloc_text(session->env, sdp, strlen(sdp));
    if (!shown.sdp)
        return; /* it comes again */
    hf_session_forget_stranger(session);
    session->stranger = shown;
    if (is_told)
        return;
    char text[HF_IDENTITY_TEXT_SIZE];
    hf_session_event event = {.type = HF_SESSION_IDENTITY_CHANGED, .cause = HF_EIDENTITY};
    hf_session_push_or_log(session, event, hf_identity_write(&shown.identity, text));
}

/* The answer to a first offer of ours that is still open; or else we offer anew. */
static hf_err take_answer(hf_session *session, hf_time now, const hf_stranger *stranger)
{
    hf_connection *connection = hf_session_place_answer(session, stranger->generation);
    if (!connection || connection->recognised)
        return hf_session_offer_next(session, now);
    return hf_connection_take_answer(connection, now, stranger->sdp);
}

/* By those that nobody has answered yet: the one that stands goes on with whom it was made. */
static void expect_pinned(hf_session *session)
{
    hf_connection *both[] = {session->current, session->next};
    for (size_t i = 0; i < 2; i++) {
        if (both[i] && !both[i]->recognised)
            hf_connection_expect(both[i], &session->pin);
    }
}

static hf_err take(hf_session *session, hf_time now, const hf_stranger *stranger)
{
    hf_connection *connection;
    if (stranger->type == HF_SIGNAL_ANSWER)
        return take_answer(session, now, stranger);
    hf_err err = hf_session_take_offer(session, now, stranger->generation, stranger->sdp, &connection);
    return err == HF_OK ? hf_connection_push_description(connection) : err;
}

static bool is_stranger(const hf_session *session, const char *fingerprint)
{
    char text[HF_IDENTITY_TEXT_SIZE];
    return !fingerprint || strcmp(hf_identity_write(&session->stranger.identity, text), fingerprint) == 0;
}

/* Where its description can't be used any more it is forgotten all the same: it is believed when it comes again. */
hf_err hf_session_accept_identity(hf_session *session, hf_time now, const char *fingerprint)
{
    hf_err err = session ? hf_session_begin(session, now) : HF_EINVAL;
    if (err != HF_OK)
        return err;
    if (!session->stranger.sdp || session->state == HF_SESSION_FAILED)
        return hf_session_refuse(session, "no other identity was told");
    if (!is_stranger(session, fingerprint)) {
        (void)hf_session_refuse(session, "that is not the identity that was told last");
        return HF_EIDENTITY;
    }
    hf_stranger stranger = session->stranger;
    session->stranger = (hf_stranger){0};
    session->pin = stranger.identity;
    expect_pinned(session);
    err = take(session, now, &stranger);
    hf_dealloc(session->env, stranger.sdp);
    hf_session_wake(session);
    return err;
}
