/* connect.c: how a session gets its connection: offers, answers and candidates, and how it ends. */
#include "session_priv.h"

#include <stdio.h>
#include <string.h>

#define FIRST_GENERATION 1

static hf_err refuse(hf_session *session, const char *reason)
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
        return refuse(session, "there is a connection already");
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

hf_err hf_session_accept_offer(hf_session *session, hf_time now, const char *offer, const char **answer)
{
    if (!session || !offer || !answer)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK && session->state == HF_SESSION_FAILED)
        err = refuse(session, "it has failed");
    hf_connection *connection = session->current;
    bool gives_way = hf_connection_has_open_offer(connection);
    if (err == HF_OK)
        err =
            hf_connection_explained(connection, hf_peer_set_remote_description(connection->peer, now, HF_SDP_OFFER, offer));
    if (err == HF_OK) {
        if (gives_way)
            hf_connection_forget_offer(connection);
        if (connection->generation == 0)
            connection->generation = FIRST_GENERATION;
        hf_connection_recognise(connection, offer);
        if (session->state == HF_SESSION_NEW) /* ICE has begun, whatever becomes of the answer */
            hf_session_enter(session, HF_SESSION_CONNECTING, HF_OK);
        err = hf_connection_explained(connection, hf_peer_set_local_description(connection->peer, now, HF_SDP_ANSWER, NULL));
    }
    if (err == HF_OK)
        err = hf_peer_local_description(connection->peer, NULL, answer);
    hf_session_wake(session);
    return err;
}

hf_err hf_session_set_remote_description(hf_session *session, hf_time now, const char *answer)
{
    if (!session || !answer)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    hf_connection *connection = session->current;
    if (err == HF_OK)
        err = hf_connection_explained(connection,
                                      hf_peer_set_remote_description(connection->peer, now, HF_SDP_ANSWER, answer));
    if (err == HF_OK)
        hf_connection_recognise(connection, answer);
    bool refused = err != HF_OK && err != HF_ENOMEM;
    if (refused && hf_connection_has_agreed(connection) && hf_connection_has_open_offer(connection)) {
        connection->offer_refused = true; /* the connection goes on as it was */
        (void)!hf_connection_take_back_offer(connection, now);
    }
    hf_session_wake(session);
    return err;
}

hf_err hf_session_add_ice_candidate(hf_session *session, hf_time now, const char *candidate, const char *mid,
                                    const char *ufrag)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    hf_connection *connection = session->current;
    if (err == HF_OK)
        err = hf_connection_explained(connection, hf_peer_add_ice_candidate(connection->peer, now, candidate, mid, ufrag));
    hf_session_wake(session);
    return err;
}

/* Kept for the connections that follow, too. */
hf_err hf_session_set_credentials(hf_session *session, hf_time now, const char *uri, const char *username,
                                  const char *password)
{
    if (!session || !uri || !username || !password)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    hf_connection *connection = session->current;
    if (err == HF_OK)
        err = hf_connection_explained(connection, hf_peer_set_credentials(connection->peer, now, uri, username, password));
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

hf_err hf_session_signal(hf_session *session, hf_time now, const hf_signal *signal)
{
    const char *answer;
    hf_err err;

    if (!session || !signal)
        return HF_EINVAL;
    switch (signal->type) {
    case HF_SIGNAL_OFFER:
        err = hf_session_accept_offer(session, now, signal->sdp, &answer);
        return err == HF_OK ? hf_connection_push_description(session->current) : err;
    case HF_SIGNAL_ANSWER:
        return hf_session_set_remote_description(session, now, signal->sdp);
    case HF_SIGNAL_CANDIDATE:
        return hf_session_add_ice_candidate(session, now, signal->candidate, signal->mid, signal->ufrag);
    case HF_SIGNAL_END_OF_CANDIDATES:
        return hf_session_add_ice_candidate(session, now, NULL, signal->mid, signal->ufrag);
    case HF_SIGNAL_BYE:
        return HF_ENOTSUP;
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
    if (!hf_connection_has_open_offer(session->current))
        return refuse(session, "no offer is open");
    err = hf_connection_take_back_offer(session->current, now);
    hf_session_wake(session);
    return err;
}

hf_err hf_session_reconnect(hf_session *session, hf_time now)
{
    hf_err err = session ? hf_session_begin(session, now) : HF_EINVAL;
    return err == HF_OK ? HF_ENOTSUP : err;
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
    if (!hf_connection_has_agreed(connection) || session->state == HF_SESSION_FAILED)
        return refuse(session, "there is no connection to restart");
    connection->offer_refused = false;
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
    if (over || !hf_connection_has_agreed(connection) || connection->offer_refused)
        return;
    hf_err err = renegotiate(connection);
    if (err != HF_OK)
        hf_log(session->env, HF_LOG_ERROR, "session: an offer could not be made: %s", hf_err_text(err));
}

static bool is_delivered(const hf_session *session)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        if (session->channels[i]->carrier != 0)
            return false;
    }
    return true;
}

/* A path that does not answer yet, or no longer, may do so before the time is over. */
static bool may_deliver(const hf_session *session)
{
    hf_connection_state state = hf_peer_connection_state(session->current->peer);
    return state == HF_CONNECTION_CONNECTING || state == HF_CONNECTION_CONNECTED || state == HF_CONNECTION_DISCONNECTED;
}

void hf_session_close_if_due(hf_session *session, hf_time now)
{
    if (!session->disconnecting || session->state == HF_SESSION_CLOSED)
        return;
    if (may_deliver(session) && !is_delivered(session) && now < session->linger_until)
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
    for (size_t i = 0; i < session->channels_len; i++) {
        session->channels[i]->closing = true;
        if (session->channels[i]->carrier != 0)
            hf_session_close_carrier(session, now, session->channels[i]->carrier);
    }
    hf_session_close_if_due(session, now);
    hf_session_wake(session);
    return HF_OK;
}
