/* description.c: what the manager asks of our descriptions: is an offer open, and what do we repeat. */
#include "session_priv.h"

#include <string.h>

static bool is_open(const hf_connection *connection)
{
    return connection && connection->silent_at == HF_NEVER && hf_connection_has_open_offer(connection);
}

/* NULL: there is none. */
static const hf_connection *offering(const hf_session *session)
{
    const hf_connection *newest = is_open(session->next) ? session->next : session->current;
    return is_open(newest) ? newest : NULL;
}

uint32_t hf_session_open_offer(const hf_session *session)
{
    const hf_connection *connection = offering(session);
    return connection ? connection->generation : 0;
}

bool hf_session_may_answer(const hf_session *session, const char *remote_id)
{
    const hf_connection *connection = offering(session);
    char known[HF_SESSION_ID_SIZE];
    if (!connection || !connection->recognised || connection->link.protocol != HF_PROTOCOL_HOLDFAST)
        return true;
    hf_session_id_write(connection->remote_id, known);
    return strcmp(known, remote_id) == 0;
}

bool hf_session_description(const hf_session *session, size_t index, hf_signal *out, bool *waits)
{
    const hf_connection *both[] = {session->next, session->current};
    const hf_connection *connection = index < 2 ? both[index] : NULL;
    hf_sdp_type type;
    if (!connection || connection->silent_at != HF_NEVER)
        return false;
    *out = (hf_signal){.generation = connection->generation};
    if (hf_peer_local_description(connection->peer, &type, &out->sdp) != HF_OK)
        return false;
    if (type == HF_SDP_OFFER && !is_open(connection))
        return false;
    out->type = type == HF_SDP_OFFER ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER;
    *waits = session->config.no_trickle && hf_peer_ice_gathering_state(connection->peer) != HF_ICE_GATHERING_COMPLETE;
    return true;
}
