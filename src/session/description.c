/* description.c: what the manager asks of our descriptions: is an offer open, and what do we repeat. */
#include "session_priv.h"

static hf_connection *newest(const hf_session *session)
{
    return session->next ? session->next : session->current;
}

bool hf_session_has_open_offer(const hf_session *session)
{
    return hf_connection_has_open_offer(session->current) || (session->next && hf_connection_has_open_offer(session->next));
}

bool hf_session_description(const hf_session *session, hf_signal *out, bool *waits)
{
    const hf_connection *connection = newest(session);
    hf_sdp_type type;
    *out = (hf_signal){.generation = connection->generation};
    if (hf_peer_local_description(connection->peer, &type, &out->sdp) != HF_OK)
        return false;
    out->type = type == HF_SDP_OFFER ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER;
    *waits = session->config.no_trickle && hf_peer_ice_gathering_state(connection->peer) != HF_ICE_GATHERING_COMPLETE;
    return true;
}
