/* states.c: the state machines of W3C WebRTC 1.0 §4.3 (signaling §4.3.1, connection §4.3.3). */
#include "peer_priv.h"

#include <assert.h>

#define BIT(n) (1u << (n))

/* RFC 9429 §3.2, without provisional answers and rollback. */
static const unsigned reachable[] = {
    [HF_SIGNALING_STABLE] =
        BIT(HF_SIGNALING_HAVE_LOCAL_OFFER) | BIT(HF_SIGNALING_HAVE_REMOTE_OFFER) | BIT(HF_SIGNALING_CLOSED),
    [HF_SIGNALING_HAVE_LOCAL_OFFER] =
        BIT(HF_SIGNALING_STABLE) | BIT(HF_SIGNALING_HAVE_LOCAL_OFFER) | BIT(HF_SIGNALING_CLOSED),
    [HF_SIGNALING_HAVE_REMOTE_OFFER] =
        BIT(HF_SIGNALING_STABLE) | BIT(HF_SIGNALING_HAVE_REMOTE_OFFER) | BIT(HF_SIGNALING_CLOSED),
    [HF_SIGNALING_CLOSED] = 0,
};

void hf_peer_enter_signaling(hf_peer *peer, hf_signaling_state next)
{
    assert(reachable[peer->signaling] & BIT(next));
    if (peer->signaling == next)
        return;
    hf_trace_change(peer->env, peer->now, HF_TRACE_PEER_SIGNALING_STATE_CHANGED, hf_signaling_state_name(peer->signaling),
                    hf_signaling_state_name(next), HF_OK);
    peer->signaling = next;
    hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_SIGNALING_CHANGED, .u.signaling = next});
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
