/* connect.c: how a session gets its connection: offers, answers and candidates, and how it ends. */
#include "session_priv.h"

#include <stdio.h>
#include <string.h>

static void wake_from_peer(void *context)
{
    hf_session_wake(context);
}

hf_err hf_session_need_peer(hf_session *session)
{
    if (session->peer)
        return HF_OK;
    hf_err err = hf_peer_new(&session->peer, &session->config.peer, session->env);
    if (err == HF_OK)
        hf_peer_set_wake(session->peer, wake_from_peer, session);
    return err;
}

/* Keeps the peer's words for what went wrong with its last description or candidate. */
static hf_err explained(hf_session *session, hf_err err)
{
    if (err != HF_OK)
        snprintf(session->error_text, sizeof session->error_text, "%s", hf_peer_error_text(session->peer));
    return err;
}

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

/* Both sides have agreed once. */
static bool has_agreed(const hf_session *session)
{
    const char *sdp;
    return session->peer && hf_peer_get_description(session->peer, HF_CURRENT_REMOTE_DESCRIPTION, NULL, &sdp) == HF_OK;
}

static bool has_open_offer(const hf_session *session)
{
    return session->peer && hf_peer_signaling_state(session->peer) == HF_SIGNALING_HAVE_LOCAL_OFFER;
}

static bool has_connection(const hf_session *session)
{
    return session->peer && (hf_peer_signaling_state(session->peer) != HF_SIGNALING_STABLE || has_agreed(session));
}

hf_err hf_session_create_offer(hf_session *session, hf_time now, const char **sdp)
{
    if (!session || !sdp)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK && has_connection(session))
        return refuse(session, "there is a connection already");
    if (err == HF_OK)
        err = hf_session_need_peer(session);
    if (err == HF_OK)
        err = open_configured(session, now);
    if (err == HF_OK)
        err = explained(session, hf_peer_set_local_description(session->peer, now, HF_SDP_OFFER, NULL));
    if (err == HF_OK)
        err = hf_peer_local_description(session->peer, NULL, sdp);
    if (err == HF_OK)
        hf_session_enter(session, HF_SESSION_CONNECTING, HF_OK);
    hf_session_wake(session);
    return err;
}

/* Our offer is no longer open: where it has not gone out yet, it shall not. */
static void forget_offer(hf_session *session)
{
    session->signal_due = 0;
    hf_session_drop_signals(session);
}

static hf_err take_back_offer(hf_session *session, hf_time now)
{
    hf_err err = hf_peer_set_local_description(session->peer, now, HF_SDP_ROLLBACK, NULL);
    if (err == HF_OK)
        forget_offer(session);
    return err;
}

hf_err hf_session_accept_offer(hf_session *session, hf_time now, const char *offer, const char **answer)
{
    if (!session || !offer || !answer)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK)
        err = session->state == HF_SESSION_FAILED ? refuse(session, "it has failed") : hf_session_need_peer(session);
    bool gives_way = has_open_offer(session);
    if (err == HF_OK)
        err = explained(session, hf_peer_set_remote_description(session->peer, now, HF_SDP_OFFER, offer));
    if (err == HF_OK) {
        if (gives_way)
            forget_offer(session);
        if (session->state == HF_SESSION_NEW) /* ICE has begun, whatever becomes of the answer */
            hf_session_enter(session, HF_SESSION_CONNECTING, HF_OK);
        err = explained(session, hf_peer_set_local_description(session->peer, now, HF_SDP_ANSWER, NULL));
    }
    if (err == HF_OK)
        err = hf_peer_local_description(session->peer, NULL, answer);
    hf_session_wake(session);
    return err;
}

hf_err hf_session_set_remote_description(hf_session *session, hf_time now, const char *answer)
{
    if (!session || !answer)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK && !session->peer)
        err = refuse(session, "there is no offer that it could answer");
    else if (err == HF_OK)
        err = explained(session, hf_peer_set_remote_description(session->peer, now, HF_SDP_ANSWER, answer));
    if (err != HF_OK && err != HF_ENOMEM && has_agreed(session) && has_open_offer(session)) {
        session->offer_refused = true; /* the connection goes on as it was */
        (void)!take_back_offer(session, now);
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
    if (err == HF_OK)
        err = hf_session_need_peer(session);
    if (err == HF_OK)
        err = explained(session, hf_peer_add_ice_candidate(session->peer, now, candidate, mid, ufrag));
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
    if (err == HF_OK && session->peer)
        err = explained(session, hf_peer_set_credentials(session->peer, now, uri, username, password));
    if (err == HF_OK)
        err = hf_session_config_set_credentials(&session->config, uri, username, password, session->env);
    hf_session_wake(session);
    return err;
}

/* Puts our description among the events, or notes that it waits for the last candidate. */
hf_err hf_session_push_description(hf_session *session)
{
    hf_sdp_type type;
    const char *sdp;
    hf_err err = hf_peer_local_description(session->peer, &type, &sdp);
    if (err != HF_OK)
        return err;
    if (session->config.no_trickle && hf_peer_ice_gathering_state(session->peer) != HF_ICE_GATHERING_COMPLETE) {
        session->signal_due = type;
        return HF_OK;
    }
    session->signal_due = 0;
    hf_session_event event = {.type = HF_SESSION_SIGNAL};
    event.u.signal.type = type == HF_SDP_OFFER ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER;
    return hf_session_push(session, event, sdp);
}

hf_err hf_session_connect(hf_session *session, hf_time now)
{
    const char *sdp;
    hf_err err = hf_session_create_offer(session, now, &sdp);
    return err == HF_OK ? hf_session_push_description(session) : err;
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
        return err == HF_OK ? hf_session_push_description(session) : err;
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
    if (!has_open_offer(session))
        return refuse(session, "no offer is open");
    err = take_back_offer(session, now);
    hf_session_wake(session);
    return err;
}

hf_err hf_session_reconnect(hf_session *session, hf_time now)
{
    hf_err err = session ? hf_session_begin(session, now) : HF_EINVAL;
    return err == HF_OK ? HF_ENOTSUP : err;
}

static hf_err renegotiate(hf_session *session)
{
    hf_err err = explained(session, hf_peer_set_local_description(session->peer, session->now, HF_SDP_OFFER, NULL));
    return err == HF_OK ? hf_session_push_description(session) : err;
}

/* While a negotiation is on, the offer follows behind it: the connection says when. */
hf_err hf_session_restart_ice(hf_session *session, hf_time now)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err != HF_OK)
        return err;
    if (!has_agreed(session) || session->state == HF_SESSION_FAILED)
        return refuse(session, "there is no connection to restart");
    session->offer_refused = false;
    err = explained(session, hf_peer_restart_ice(session->peer, now));
    if (err == HF_OK && hf_peer_signaling_state(session->peer) == HF_SIGNALING_STABLE)
        err = renegotiate(session);
    hf_session_wake(session);
    return err;
}

/* A first offer is the application's affair, and so is one that the remote refuses. */
void hf_session_renegotiate_if_wanted(hf_session *session)
{
    bool over = session->disconnecting || session->state == HF_SESSION_FAILED || session->state == HF_SESSION_CLOSED;
    if (over || !has_agreed(session) || session->offer_refused)
        return;
    hf_err err = renegotiate(session);
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
    hf_connection_state connection = session->peer ? hf_peer_connection_state(session->peer) : HF_CONNECTION_NEW;
    return connection == HF_CONNECTION_CONNECTING || connection == HF_CONNECTION_CONNECTED ||
           connection == HF_CONNECTION_DISCONNECTED;
}

/* The end of the connection is told with the session's. */
void hf_session_close_peer(hf_session *session, hf_time now)
{
    if (!session->peer)
        return;
    hf_peer_close(session->peer, now);
    session->connection = HF_CONNECTION_CLOSED;
    session->ice = HF_ICE_CLOSED;
}

void hf_session_close_peer_if_due(hf_session *session, hf_time now)
{
    if (!session->disconnecting || session->state == HF_SESSION_CLOSED)
        return;
    if (may_deliver(session) && !is_delivered(session) && now < session->linger_until)
        return;
    hf_session_close_peer(session, now);
    hf_session_enter(session, HF_SESSION_CLOSED, HF_OK);
}

/* The path may come back a moment later: the remote is told, so far as that can be. */
void hf_session_give_up_if_due(hf_session *session, hf_time now)
{
    if (now < session->give_up_at)
        return;
    hf_err cause = session->trouble;
    hf_session_close_peer(session, now);
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
    for (size_t i = 0; session->peer && i < session->channels_len; i++) {
        session->channels[i]->closing = true;
        if (session->channels[i]->carrier != 0)
            hf_session_close_carrier(session, now, session->channels[i]->carrier);
    }
    hf_session_close_peer_if_due(session, now);
    hf_session_wake(session);
    return HF_OK;
}
