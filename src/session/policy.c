/* policy.c: what the manager decides for a session's connections, those that there are and those that follow. */
#include "session_priv.h"

#include <string.h>

hf_err hf_session_set_relay(hf_session *session, hf_time now, hf_ice_relay relay)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK)
        err = hf_peer_set_relay(session->current->peer, relay);
    if (err == HF_OK && session->next)
        err = hf_peer_set_relay(session->next->peer, relay);
    if (err == HF_OK)
        session->config.peer.relay = relay;
    return err;
}

void hf_session_watch_servers(hf_session *session, hf_time now, bool on)
{
    session->watches_servers = on;
    hf_peer_watch_servers(session->current->peer, now, on);
    if (session->next)
        hf_peer_watch_servers(session->next->peer, now, on);
    hf_session_wake(session);
}

bool hf_session_is_being_replaced(const hf_session *session)
{
    const hf_connection *next = session->next;
    return next && next->silent_at == HF_NEVER && next->recognised && next->link.protocol == HF_PROTOCOL_HOLDFAST &&
           memcmp(next->remote_id, session->remote_id, sizeof session->remote_id) != 0;
}

bool hf_session_is_disconnecting(const hf_session *session)
{
    return session->disconnecting;
}

hf_peer *hf_session_newest_peer(const hf_session *session)
{
    return (session->next ? session->next : session->current)->peer;
}
