/* policy.c: what the manager decides for a session's connections, those that there are and those that follow. */
#include "session_priv.h"

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

hf_peer *hf_session_newest_peer(const hf_session *session)
{
    return (session->next ? session->next : session->current)->peer;
}
