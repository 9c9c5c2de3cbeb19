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

static bool has_connection(const hf_session *session)
{
    hf_sdp_type type;
    const char *sdp;
    return session->peer && (hf_peer_signaling_state(session->peer) != HF_SIGNALING_STABLE ||
                             hf_peer_local_description(session->peer, &type, &sdp) != HF_ESTATE);
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

hf_err hf_session_accept_offer(hf_session *session, hf_time now, const char *offer, const char **answer)
{
    if (!session || !offer || !answer)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK)
        err = hf_session_need_peer(session);
    if (err == HF_OK)
        err = explained(session, hf_peer_set_remote_description(session->peer, now, HF_SDP_OFFER, offer));
    if (err == HF_OK) {
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
    }
    return HF_EINVAL;
}

/* A peer whose events are being handled lives until the handlers have returned. */
static void retire(hf_session *session)
{
    hf_peer_set_wake(session->peer, NULL, NULL);
    if (session->dispatching && !session->retired)
        session->retired = session->peer;
    else
        hf_peer_free(session->peer);
    session->peer = NULL;
}

hf_err hf_session_withdraw_offer(hf_session *session, hf_time now)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err != HF_OK)
        return err;
    if (!session->peer || hf_peer_signaling_state(session->peer) != HF_SIGNALING_HAVE_LOCAL_OFFER ||
        session->state != HF_SESSION_CONNECTING)
        return refuse(session, "no offer is open");

    hf_peer *fresh = NULL;
    err = hf_peer_new(&fresh, &session->config.peer, session->env);
    if (err != HF_OK)
        return err;
    retire(session);
    session->peer = fresh;
    session->signal_due = 0;
    hf_session_drop_signals(session);
    hf_peer_set_wake(fresh, wake_from_peer, session);
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        channel->carrier = 0;
        err = hf_channel_carry(channel, now);
        if (err != HF_OK)
            return err;       /* memory is short: the channel stays without a carrier, and its sends say HF_ESTATE */
        if (channel->closing) /* the end that the old connection owed is told by this one */
            hf_session_close_carrier(session, now, channel->carrier);
    }
    hf_session_wake(session);
    return HF_OK;
}

hf_err hf_session_reconnect(hf_session *session, hf_time now)
{
    hf_err err = session ? hf_session_begin(session, now) : HF_EINVAL;
    return err == HF_OK ? HF_ENOTSUP : err;
}

hf_err hf_session_restart_ice(hf_session *session, hf_time now)
{
    hf_err err = session ? hf_session_begin(session, now) : HF_EINVAL;
    return err == HF_OK ? HF_ENOTSUP : err;
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
    hf_connection_state connection = hf_session_connection_state(session);
    return connection == HF_CONNECTION_CONNECTING || connection == HF_CONNECTION_CONNECTED ||
           connection == HF_CONNECTION_DISCONNECTED;
}

void hf_session_close_peer_if_due(hf_session *session, hf_time now)
{
    if (!session->disconnecting || session->state == HF_SESSION_CLOSED)
        return;
    if (may_deliver(session) && !is_delivered(session) && now < session->linger_until)
        return;
    if (session->peer)
        hf_peer_close(session->peer, now);
    hf_session_enter(session, HF_SESSION_CLOSED, HF_OK);
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
    for (size_t i = 0; session->peer && i < session->channels_len; i++) {
        session->channels[i]->closing = true;
        if (session->channels[i]->carrier != 0)
            hf_session_close_carrier(session, now, session->channels[i]->carrier);
    }
    hf_session_close_peer_if_due(session, now);
    hf_session_wake(session);
    return HF_OK;
}
