/* connection.c: one connection of a session: a peer's birth and end, and the descriptions that it makes. */
#include "session_priv.h"

#include <stdio.h>
#include <string.h>

static void wake_from_peer(void *context)
{
    hf_session_wake(context);
}

hf_err hf_connection_new(hf_connection **out, hf_session *session)
{
    *out = NULL;
    hf_connection *connection = hf_alloc(session->env, sizeof *connection);
    if (!connection)
        return HF_ENOMEM;
    connection->session = session;
    connection->group = session->groups;
    connection->close_at = connection->silent_at = HF_NEVER;
    hf_link_init(&connection->link, session->env);
    hf_peer_config config = session->config.peer;
    char line[HF_RECOGNITION_SIZE];
    hf_recognition_write(session->id, line);
    if (!session->config.plain)
        config.attribute = line;
    hf_err err = hf_peer_new(&connection->peer, &config, session->env);
    if (err != HF_OK) {
        hf_connection_free(connection);
        return err;
    }
    session->groups++;
    hf_connection_expect(connection, &session->pin);
    hf_peer_set_wake(connection->peer, wake_from_peer, session);
    if (session->watches_servers)
        hf_peer_watch_servers(connection->peer, session->now, true);
    *out = connection;
    return HF_OK;
}

void hf_connection_free(hf_connection *connection)
{
    if (!connection)
        return;
    const hf_env *env = connection->session->env;
    hf_link_clear(&connection->link, env);
    hf_peer_free(connection->peer);
    hf_dealloc(env, connection);
}

void hf_connection_expect(hf_connection *connection, const hf_identity *identity)
{
    connection->expects = *identity;
    hf_peer_expect(connection->peer, identity);
}

void hf_connection_discard(hf_connection *connection)
{
    hf_session *session = connection->session;
    if (connection->group + 1 == session->groups)
        session->groups--;
    hf_connection_free(connection);
}

void hf_connection_trace(hf_connection *connection)
{
    hf_session *session = connection->session;
    uint64_t id = hf_peer_id(connection->peer);
    if (id == connection->traced)
        return;
    connection->traced = id;
    if (session->own_env.trace_group == 0)
        session->own_env.trace_group = id;
    hf_trace(session->env, session->now, HF_TRACE_SESSION_CONNECTION_MADE, hf_trace_id("connection", id));
}

void hf_connection_close(hf_connection *connection, hf_time now)
{
    if (connection->silent_at != HF_NEVER)
        return;
    hf_peer_close(connection->peer, now);
    connection->close_at = HF_NEVER;
    connection->silent_at = now + HF_CONNECTION_LAST_WORDS;
    connection->state = HF_CONNECTION_CLOSED;
    connection->ice = HF_ICE_CLOSED;
    connection->path = HF_PATH_NONE;
}

/* session.md, "Recognition": a line that bears our own id is an echo. */
static hf_session_protocol read_protocol(hf_connection *connection, const char *sdp)
{
    const hf_session *session = connection->session;
    uint8_t id[HF_SESSION_ID_BYTES];
    if (session->config.plain || !hf_recognition_read(sdp, id) || memcmp(id, session->id, sizeof id) == 0)
        return HF_PROTOCOL_PLAIN;
    memcpy(connection->remote_id, id, sizeof id);
    return HF_PROTOCOL_HOLDFAST;
}

void hf_connection_recognise(hf_connection *connection, const char *sdp)
{
    hf_session *session = connection->session;
    if (connection->recognised)
        return;
    connection->recognised = true;
    hf_link_recognise(connection, read_protocol(connection, sdp));
    if (connection != session->current || connection->link.protocol != HF_PROTOCOL_HOLDFAST)
        return;
    memcpy(session->remote_id, connection->remote_id, sizeof session->remote_id);
    hf_session_id_write(session->remote_id, session->remote_id_text);
}

bool hf_connection_has_agreed(const hf_connection *connection)
{
    const char *sdp;
    return hf_peer_get_description(connection->peer, HF_CURRENT_REMOTE_DESCRIPTION, NULL, &sdp) == HF_OK;
}

bool hf_connection_has_open_offer(const hf_connection *connection)
{
    return hf_peer_signaling_state(connection->peer) == HF_SIGNALING_HAVE_LOCAL_OFFER;
}

bool hf_connection_is_begun(const hf_connection *connection)
{
    return hf_peer_signaling_state(connection->peer) != HF_SIGNALING_STABLE || hf_connection_has_agreed(connection);
}

hf_err hf_connection_explained(const hf_connection *connection, hf_err err)
{
    hf_session *session = connection->session;
    if (err != HF_OK)
        snprintf(session->error_text, sizeof session->error_text, "%s", hf_peer_error_text(connection->peer));
    return err;
}

hf_err hf_connection_offer(hf_connection *connection, hf_time now)
{
    return hf_connection_explained(connection, hf_peer_set_local_description(connection->peer, now, HF_SDP_OFFER, NULL));
}

void hf_connection_forget_offer(hf_connection *connection)
{
    connection->signal_due = 0;
    hf_session_drop_signals(connection);
}

hf_err hf_connection_take_back_offer(hf_connection *connection, hf_time now)
{
    hf_err err = hf_peer_set_local_description(connection->peer, now, HF_SDP_ROLLBACK, NULL);
    if (err == HF_OK)
        hf_connection_forget_offer(connection);
    return err;
}

hf_err hf_connection_push_description(hf_connection *connection)
{
    hf_sdp_type type;
    const char *sdp;
    hf_err err = hf_peer_local_description(connection->peer, &type, &sdp);
    if (err != HF_OK)
        return err;
    bool whole = hf_peer_ice_gathering_state(connection->peer) == HF_ICE_GATHERING_COMPLETE;
    if (connection->session->config.no_trickle && !whole) {
        connection->signal_due = type;
        return HF_OK;
    }
    connection->signal_due = 0;
    hf_session_event event = {.type = HF_SESSION_SIGNAL};
    event.u.signal.type = type == HF_SDP_OFFER ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER;
    event.u.signal.generation = connection->generation;
    return hf_connection_push_signal(connection, event, sdp);
}
