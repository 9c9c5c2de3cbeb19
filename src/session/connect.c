/* connect.c: how a session gets its connection: offers, answers and candidates, and how it ends. */
#include "session_priv.h"

#include <stdio.h>
#include <string.h>

#define FIRST_GENERATION 1

hf_err hf_session_refuse(hf_session *session, const char *reason)
{
    snprintf(session->error_text, sizeof session->error_text, "%s", reason);
    return HF_ESTATE;
}

/* Channels that were configured come with our first offer. */
static hf_err open_configured(hf_session *session, hf_time now)
{
    for (size_t i = 0; i < session->config.channels_len; i++) {
        const hf_channel_config *config = &session->config.channels[i];
        hf_channel *channel = hf_session_channel(session, config->name);
        if (channel)
            continue;
        hf_err err = hf_channel_new(&channel, session, config);
        if (err != HF_OK)
            return err;
        err = hf_channel_carry(channel, now);
        if (err != HF_OK) {
            hf_channel_detach(channel);
            hf_channel_destroy(channel);
            return err;
        }
    }
    return HF_OK;
}

hf_err hf_session_create_offer(hf_session *session, hf_time now, const char **sdp)
{
    if (!session || !sdp)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK && hf_connection_is_begun(session->current))
        return hf_session_refuse(session, "there is a connection already");
    if (err == HF_OK)
        err = open_configured(session, now);
    if (err == HF_OK)
        err = hf_connection_offer(session->current, now);
    if (err == HF_OK)
        session->current->generation = FIRST_GENERATION;
    if (err == HF_OK)
        err = hf_peer_local_description(session->current->peer, NULL, sdp);
    if (err == HF_OK)
        hf_session_enter(session, HF_SESSION_CONNECTING, HF_OK);
    hf_session_wake(session);
    return err;
}

/* The remote's offer, and our answer to it. Whose identity is another's is not answered, and waits for the application. */
static hf_err answer(hf_connection *connection, hf_time now, uint32_t generation, const char *offer)
{
    hf_session *session = connection->session;
    bool gives_way = hf_connection_has_open_offer(connection);
    hf_err err = hf_peer_set_remote_description(connection->peer, now, HF_SDP_OFFER, offer);
    if (err == HF_EIDENTITY)
        hf_session_note_stranger(session, HF_SIGNAL_OFFER, generation, connection->peer, offer);
    if (err != HF_OK)
        return hf_connection_explained(connection, err);
    if (gives_way)
        hf_connection_forget_offer(connection);
    if (!connection->recognised)
        connection->generation = generation;
    hf_connection_recognise(connection, offer);
    return hf_connection_explained(connection, hf_peer_set_local_description(connection->peer, now, HF_SDP_ANSWER, NULL));
}

/* On the connection that it is about. */
static hf_err answer_here(hf_connection *connection, hf_time now, uint32_t generation, const char *offer)
{
    hf_session *session = connection->session;
    if (connection->silent_at != HF_NEVER)
        return hf_session_refuse(session, "its connection is closed");
    uint32_t known = connection->generation ? connection->generation : FIRST_GENERATION;
    hf_err err = answer(connection, now, generation ? generation : known, offer);
    bool has_begun = hf_connection_is_begun(connection); /* ICE has, whatever becomes of the answer */
    if (connection == session->current && session->state == HF_SESSION_NEW && has_begun)
        hf_session_enter(session, HF_SESSION_CONNECTING, HF_OK);
    return err;
}

/* On one of its own: whatever comes of it, the connection that serves goes on until it has shown that it can. */
static hf_err answer_apart(hf_session *session, hf_time now, uint32_t generation, const char *offer, hf_connection **out)
{
    hf_err err = hf_connection_new(out, session);
    if (err != HF_OK)
        return err;
    err = answer(*out, now, generation ? generation : hf_session_next_generation(session), offer);
    if (err != HF_OK) {
        hf_connection_discard(*out);
        return err;
    }
    hf_session_install_next(session, *out, now);
    hf_connection_take_early(*out, now);
    hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED}, NULL);
    return HF_OK;
}

/* It was made with somebody else than the one that the application has accepted since. */
static bool is_of_another_identity(const hf_session *session, const hf_connection *connection)
{
    return session->pin.len > 0 && connection->recognised && !hf_identity_fits(&connection->expects, &session->pin);
}

/* One attempt at a time: ours at a new connection gives way to what is done for the one that serves. */
static void withdraw_next(hf_session *session, hf_time now)
{
    if (session->next && hf_connection_has_open_offer(session->next))
        hf_session_drop_next(session, now);
}

hf_err hf_session_take_offer(hf_session *session, hf_time now, uint32_t generation, const char *offer, hf_connection **out)
{
    hf_offer_place place = hf_session_place_offer(session, generation, offer, out);
    if (session->state == HF_SESSION_FAILED)
        return hf_session_refuse(session, "it has failed");
    if (place == HF_OFFER_LATE)
        return hf_session_refuse(session, "the offer is about a connection that is gone");
    bool is_apart = place == HF_OFFER_APART || is_of_another_identity(session, *out);
    hf_err err = is_apart ? answer_apart(session, now, generation, offer, out) : answer_here(*out, now, generation, offer);
    if (err == HF_OK && *out == session->next) /* one attempt at a time */
        hf_session_withdraw_restart(session, now);
    else if (err == HF_OK)
        withdraw_next(session, now);
    return err;
}

hf_err hf_session_accept_offer(hf_session *session, hf_time now, const char *offer, const char **answer_text)
{
    hf_connection *connection;
    if (!session || !offer || !answer_text)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK)
        err = hf_session_take_offer(session, now, 0, offer, &connection);
    if (err == HF_OK)
        err = hf_peer_local_description(connection->peer, NULL, answer_text);
    hf_session_wake(session);
    return err;
}

/* A remote that was started again answers what was meant for the session that it has forgotten. */
static bool is_of_another_session(const hf_connection *connection, const char *sdp)
{
    uint8_t id[HF_SESSION_ID_BYTES];
    return connection->recognised && connection->link.protocol == HF_PROTOCOL_HOLDFAST && hf_recognition_read(sdp, id) &&
           memcmp(id, connection->remote_id, sizeof id) != 0;
}

static hf_err apply_answer(hf_connection *connection, hf_time now, const char *sdp)
{
    if (!is_of_another_session(connection, sdp))
        return hf_connection_explained(connection,
                                       hf_peer_set_remote_description(connection->peer, now, HF_SDP_ANSWER, sdp));
    (void)hf_session_refuse(connection->session, "the answer is of another session");
    return HF_ECONTINUITY;
}

hf_err hf_connection_take_answer(hf_connection *connection, hf_time now, const char *sdp)
{
    hf_session *session = connection->session;
    hf_err err = apply_answer(connection, now, sdp);
    if (err == HF_OK)
        hf_connection_recognise(connection, sdp);
    if (err == HF_EIDENTITY)
        hf_session_note_stranger(session, HF_SIGNAL_ANSWER, connection->generation, connection->peer, sdp);
    bool refused = err != HF_OK && err != HF_ENOMEM && err != HF_EIDENTITY;
    if (refused && hf_connection_has_agreed(connection) && hf_connection_has_open_offer(connection)) {
        connection->offer_refused = true; /* the connection goes on as it was */
        (void)!hf_connection_take_back_offer(connection, now);
    }
    return err;
}

static hf_err take_answer(hf_session *session, hf_time now, uint32_t generation, const char *sdp)
{
    if (!session || !sdp)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    hf_connection *connection = hf_session_place_answer(session, generation);
    if (err == HF_OK && !connection)
        err = hf_session_refuse(session, "there is no offer that it could answer");
    if (err == HF_OK)
        err = hf_connection_take_answer(connection, now, sdp);
    hf_session_wake(session);
    return err;
}

hf_err hf_session_set_remote_description(hf_session *session, hf_time now, const char *sdp)
{
    return take_answer(session, now, 0, sdp);
}

/* One that is about a connection that is gone is late, which is nobody's fault. */
static hf_err take_candidate(hf_session *session, hf_time now, const hf_signal *signal)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    hf_connection *connection = hf_session_place_candidate(session, signal->generation, signal->ufrag);
    bool is_early = !connection && signal->generation > hf_session_generation(session);
    if (err == HF_OK && is_early)
        err = hf_session_keep_early(session, signal);
    if (err == HF_OK && connection && connection->silent_at == HF_NEVER)
        err = hf_connection_explained(
            connection, hf_peer_add_ice_candidate(connection->peer, now, signal->candidate, signal->mid, signal->ufrag));
    hf_session_wake(session);
    return err;
}

hf_err hf_session_add_ice_candidate(hf_session *session, hf_time now, const char *candidate, const char *mid,
                                    const char *ufrag)
{
    return take_candidate(session, now, &(hf_signal){.candidate = candidate, .mid = mid, .ufrag = ufrag});
}

/* Kept for the connections that follow, too. */
hf_err hf_session_set_credentials(hf_session *session, hf_time now, const char *uri, const char *username,
                                  const char *password)
{
    if (!session || !uri || !username || !password)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    hf_connection *both[] = {session->current, session->next};
    for (size_t i = 0; i < 2 && err == HF_OK; i++) {
        if (both[i] && both[i]->silent_at == HF_NEVER)
            err = hf_connection_explained(both[i], hf_peer_set_credentials(both[i]->peer, now, uri, username, password));
    }
    if (err == HF_OK)
        err = hf_session_config_set_credentials(&session->config, uri, username, password, session->env);
    hf_session_wake(session);
    return err;
}

hf_err hf_session_connect(hf_session *session, hf_time now)
{
    const char *sdp;
    hf_err err = hf_session_create_offer(session, now, &sdp);
    return err == HF_OK ? hf_connection_push_description(session->current) : err;
}

static hf_err take_offer(hf_session *session, hf_time now, const hf_signal *signal)
{
    hf_connection *connection;
    if (!signal->sdp)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK)
        err = hf_session_take_offer(session, now, signal->generation, signal->sdp, &connection);
    if (err == HF_OK)
        err = hf_connection_push_description(connection);
    hf_session_wake(session);
    return err;
}

hf_err hf_session_signal(hf_session *session, hf_time now, const hf_signal *signal)
{
    if (!session || !signal)
        return HF_EINVAL;
    switch (signal->type) {
    case HF_SIGNAL_OFFER:
        return take_offer(session, now, signal);
    case HF_SIGNAL_ANSWER:
        return take_answer(session, now, signal->generation, signal->sdp);
    case HF_SIGNAL_CANDIDATE:
        return take_candidate(session, now, signal);
    case HF_SIGNAL_END_OF_CANDIDATES: {
        hf_signal end = *signal;
        end.candidate = NULL;
        return take_candidate(session, now, &end);
    }
    case HF_SIGNAL_BYE:
        hf_session_end(session, now);
        hf_session_wake(session);
        return HF_OK;
    }
    return HF_EINVAL;
}

hf_err hf_session_withdraw_offer(hf_session *session, hf_time now)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err != HF_OK)
        return err;
    hf_connection *connection = hf_session_place_answer(session, 0);
    if (!connection)
        return hf_session_refuse(session, "no offer is open");
    if (connection == session->next)
        hf_session_drop_next(session, now);
    else
        err = hf_connection_take_back_offer(connection, now);
    hf_session_wake(session);
    return err;
}

static hf_err renegotiate(hf_connection *connection)
{
    hf_err err = hf_connection_offer(connection, connection->session->now);
    return err == HF_OK ? hf_connection_push_description(connection) : err;
}

/* While a negotiation is on, the offer follows behind it: the connection says when. */
hf_err hf_session_restart_ice(hf_session *session, hf_time now)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err != HF_OK)
        return err;
    hf_connection *connection = session->current;
    bool is_closed = connection->silent_at != HF_NEVER || session->state == HF_SESSION_FAILED;
    if (is_closed || !hf_connection_has_agreed(connection))
        return hf_session_refuse(session, "there is no connection to restart");
    connection->offer_refused = false;
    withdraw_next(session, now);
    err = hf_connection_explained(connection, hf_peer_restart_ice(connection->peer, now));
    if (err == HF_OK && hf_peer_signaling_state(connection->peer) == HF_SIGNALING_STABLE)
        err = renegotiate(connection);
    hf_session_wake(session);
    return err;
}

/* A first offer is the application's affair, and so is one that the remote refuses. */
void hf_session_renegotiate_if_wanted(hf_connection *connection)
{
    const hf_session *session = connection->session;
    bool over = session->disconnecting || session->state == HF_SESSION_FAILED || session->state == HF_SESSION_CLOSED;
    over |= connection->silent_at != HF_NEVER;
    if (over || !hf_connection_has_agreed(connection) || connection->offer_refused)
        return;
    hf_err err = renegotiate(connection);
    if (err != HF_OK)
        hf_log(session->env, HF_LOG_ERROR, "session: an offer could not be made: %s", hf_err_text(err));
}

/* A path that does not answer yet, or no longer, may do so before the time is over. */
static bool may_deliver(const hf_session *session)
{
    const hf_connection *next = session->next;
    hf_connection_state state = hf_peer_connection_state(session->current->peer);
    return (next && next->silent_at == HF_NEVER) || state == HF_CONNECTION_CONNECTING || state == HF_CONNECTION_CONNECTED ||
           state == HF_CONNECTION_DISCONNECTED;
}

void hf_session_close_if_due(hf_session *session, hf_time now)
{
    if (!session->disconnecting || session->state == HF_SESSION_CLOSED)
        return;
    if (may_deliver(session) && !hf_link_is_done(session) && now < session->linger_until)
        return;
    hf_connection_close(session->current, now);
    hf_session_enter(session, HF_SESSION_CLOSED, HF_OK);
}

/* The path may come back a moment later: the remote is told, so far as that can be. */
void hf_session_give_up_if_due(hf_session *session, hf_time now)
{
    if (now < session->give_up_at)
        return;
    hf_err cause = session->trouble;
    hf_connection_close(session->current, now);
    hf_session_enter(session, HF_SESSION_FAILED, cause == HF_OK ? HF_ETIMEDOUT : cause);
}

hf_err hf_session_disconnect(hf_session *session, hf_time now)
{
    if (!session)
        return HF_EINVAL;
    if (session->disconnecting)
        return HF_OK;
    session->now = now;
    session->disconnecting = true;
    if (session->state == HF_SESSION_CLOSED)
        return HF_OK;
    session->linger_until = now + session->config.linger;
    session->give_up_at = HF_NEVER;
    hf_link_say_goodbye(session);
    hf_session_close_if_due(session, now);
    hf_session_wake(session);
    return HF_OK;
}
