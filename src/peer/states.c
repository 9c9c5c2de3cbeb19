/* states.c: the state machines of W3C WebRTC 1.0 §4.3 (signaling §4.3.1, connection §4.3.3). */
#include "peer_priv.h"

/* W3C WebRTC 1.0 §4.3.1, RFC 9429 §3.2: from each state, which descriptions may be set, by which side, and where that leads.
 * The remote's offer in HAVE_LOCAL_OFFER takes ours back first (§4.4.1.5); a provisional answer can't be taken back.
 * Zero: it may not be set; otherwise the next state, plus one. */
#define TO(state) ((state) + 1)
#define LOCAL 0
#define REMOTE 1
static const unsigned char transitions[HF_SIGNALING_STATE_COUNT][2][HF_SDP_ROLLBACK + 1] = {
    [HF_SIGNALING_STABLE] = {[LOCAL] = {[HF_SDP_OFFER] = TO(HF_SIGNALING_HAVE_LOCAL_OFFER)},
                             [REMOTE] = {[HF_SDP_OFFER] = TO(HF_SIGNALING_HAVE_REMOTE_OFFER)}},
    [HF_SIGNALING_HAVE_LOCAL_OFFER] =
        {[LOCAL] = {[HF_SDP_OFFER] = TO(HF_SIGNALING_HAVE_LOCAL_OFFER), [HF_SDP_ROLLBACK] = TO(HF_SIGNALING_STABLE)},
         [REMOTE] = {[HF_SDP_OFFER] = TO(HF_SIGNALING_HAVE_REMOTE_OFFER),
                     [HF_SDP_PRANSWER] = TO(HF_SIGNALING_HAVE_REMOTE_PRANSWER),
                     [HF_SDP_ANSWER] = TO(HF_SIGNALING_STABLE),
                     [HF_SDP_ROLLBACK] = TO(HF_SIGNALING_STABLE)}},
    [HF_SIGNALING_HAVE_REMOTE_OFFER] =
        {[LOCAL] = {[HF_SDP_PRANSWER] = TO(HF_SIGNALING_HAVE_LOCAL_PRANSWER),
                    [HF_SDP_ANSWER] = TO(HF_SIGNALING_STABLE),
                    [HF_SDP_ROLLBACK] = TO(HF_SIGNALING_STABLE)},
         [REMOTE] = {[HF_SDP_OFFER] = TO(HF_SIGNALING_HAVE_REMOTE_OFFER), [HF_SDP_ROLLBACK] = TO(HF_SIGNALING_STABLE)}},
    [HF_SIGNALING_HAVE_LOCAL_PRANSWER] =
        {[LOCAL] = {[HF_SDP_PRANSWER] = TO(HF_SIGNALING_HAVE_LOCAL_PRANSWER), [HF_SDP_ANSWER] = TO(HF_SIGNALING_STABLE)}},
    [HF_SIGNALING_HAVE_REMOTE_PRANSWER] =
        {[REMOTE] = {[HF_SDP_PRANSWER] = TO(HF_SIGNALING_HAVE_REMOTE_PRANSWER), [HF_SDP_ANSWER] = TO(HF_SIGNALING_STABLE)}},
};

bool hf_peer_next_signaling(const hf_peer *peer, bool local, hf_sdp_type type, hf_signaling_state *next)
{
    unsigned to = transitions[peer->signaling][local ? LOCAL : REMOTE][type];
    if (to != 0)
        *next = (hf_signaling_state)(to - 1);
    return to != 0;
}

void hf_peer_enter_signaling(hf_peer *peer, hf_signaling_state next)
{
    if (peer->signaling == next)
        return;
    hf_trace_change(peer->env, peer->now, HF_TRACE_PEER_SIGNALING_STATE_CHANGED, hf_signaling_state_name(peer->signaling),
                    hf_signaling_state_name(next), HF_OK);
    peer->signaling = next;
    hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_SIGNALING_CHANGED, .u.signaling = next});
}

/* W3C WebRTC 1.0 §4.7.3: new credentials are asked for, or channels have no section yet. */
bool hf_peer_is_negotiation_needed(const hf_peer *peer)
{
    const hf_remote_description *current = &peer->remote_current;
    bool has_section = current->type != 0 && current->data_section != NO_SECTION;
    return peer->signaling == HF_SIGNALING_STABLE &&
           (peer->restart_wanted || (peer->channel_opened && !has_section && !peer->data_over));
}

void hf_peer_update_negotiation_needed(hf_peer *peer)
{
    if (peer->signaling != HF_SIGNALING_STABLE)
        return; /* looked at again there */
    bool needed = hf_peer_is_negotiation_needed(peer);
    if (needed && !peer->negotiation_needed)
        hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_NEGOTIATION_NEEDED});
    peer->negotiation_needed = needed;
}

/* W3C WebRTC 1.0 §4.3.3, RTCPeerConnectionState: the first line that holds. */
static hf_connection_state connection_state(const hf_peer *peer)
{
    bool dtls_new = !peer->dtls && !peer->dtls_failed;
    if (peer->closed)
        return HF_CONNECTION_CLOSED;
    if (peer->ice_state == HF_ICE_FAILED || peer->dtls_failed)
        return HF_CONNECTION_FAILED;
    if (peer->ice_state == HF_ICE_DISCONNECTED)
        return HF_CONNECTION_DISCONNECTED;
    if (peer->ice_state == HF_ICE_NEW && dtls_new)
        return HF_CONNECTION_NEW;
    if ((peer->ice_state == HF_ICE_CONNECTED || peer->ice_state == HF_ICE_COMPLETED) &&
        (peer->dtls_connected || peer->dtls_closed))
        return HF_CONNECTION_CONNECTED;
    return HF_CONNECTION_CONNECTING;
}

void hf_peer_update_states(hf_peer *peer, hf_err cause)
{
    hf_connection_state next = connection_state(peer);
    if (next == peer->connection)
        return;
    hf_trace_change(peer->env, peer->now, HF_TRACE_PEER_CONNECTION_STATE_CHANGED, hf_connection_state_name(peer->connection),
                    hf_connection_state_name(next), cause);
    peer->connection = next;
    hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_CONNECTION_CHANGED, .cause = cause, .u.connection = next});
}

hf_signaling_state hf_peer_signaling_state(const hf_peer *peer)
{
    return peer->signaling;
}

hf_connection_state hf_peer_connection_state(const hf_peer *peer)
{
    return peer->connection;
}

hf_ice_state hf_peer_ice_connection_state(const hf_peer *peer)
{
    return peer->ice_state;
}

hf_ice_gathering hf_peer_ice_gathering_state(const hf_peer *peer)
{
    return peer->gathering;
}
