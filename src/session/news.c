/* news.c: what a connection says becomes the session's state and the application's events. */
#include "session_priv.h"

static bool is_over(const hf_session *session)
{
    return session->state == HF_SESSION_FAILED || session->state == HF_SESSION_CLOSED;
}

static hf_session_path path_of(const hf_ice_route *route)
{
    if (route->path.local.family == HF_FAMILY_NONE)
        return HF_PATH_NONE;
    bool relayed = route->local_type == HF_ICE_RELAYED || route->remote_type == HF_ICE_RELAYED;
    return relayed ? HF_PATH_RELAYED : HF_PATH_DIRECT;
}

static void on_route(hf_connection *connection, const hf_ice_route *route)
{
    hf_session *session = connection->session;
    hf_session_event event = {.type = HF_SESSION_ROUTE_CHANGED};
    event.u.route = *route;
    bool changed = !is_over(session) && connection->path != path_of(route);
    if (changed)
        connection->path = path_of(route);
    if (connection != session->current) /* told when it takes over */
        return;
    hf_link_change_path(session);
    if (changed)
        hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED}, NULL);
    hf_session_emit(session, &event);
}

static void on_connected(hf_connection *connection)
{
    hf_session *session = connection->session;
    bool is_first = !session->was_connected;
    hf_session_adopt_remote(connection);
    hf_session_enter(session, HF_SESSION_CONNECTED, HF_OK);
    session->lost_at = HF_NEVER;
    if (is_first)
        hf_link_take_over(connection, NULL, true);
    else
        hf_link_restore(connection);
}

/* Of the one that serves. */
static void on_serving(hf_connection *connection, hf_connection_state state, hf_err cause)
{
    hf_session *session = connection->session;
    switch (state) {
    case HF_CONNECTION_NEW:
    case HF_CONNECTION_CONNECTING:
        break;
    case HF_CONNECTION_CONNECTED:
        on_connected(connection);
        break;
    case HF_CONNECTION_DISCONNECTED:
        hf_link_doubt(connection);
        if (session->state != HF_SESSION_RECONNECTING)
            hf_session_enter(session, HF_SESSION_UNSTABLE, cause);
        break;
    case HF_CONNECTION_FAILED:
        hf_connection_lose(connection, cause);
        break;
    case HF_CONNECTION_CLOSED:
        hf_session_enter(session, HF_SESSION_CLOSED, cause);
        break;
    }
}

static void on_connection(hf_connection *connection, hf_connection_state state, hf_err cause)
{
    hf_session *session = connection->session;
    hf_session_state before = session->state;
    if (is_over(session))
        return;
    connection->state = state;
    if (connection == session->current)
        on_serving(connection, state, cause);
    else if (state == HF_CONNECTION_FAILED) {
        hf_connection_lose(connection, cause);
        return;
    }
    if (session->state == before) /* the connection's own word has changed all the same */
        hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED, .cause = cause}, NULL);
}

static void on_ice(hf_connection *connection, hf_ice_state ice, hf_err cause)
{
    hf_session *session = connection->session;
    if (is_over(session))
        return;
    connection->ice = ice;
    hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED, .cause = cause}, NULL);
}

static void on_candidate(hf_connection *connection, const hf_peer_event *e)
{
    hf_session *session = connection->session;
    bool last = e->u.candidate.text[0] == '\0';
    if (session->config.no_trickle) {
        if (last && connection->signal_due != 0 && hf_connection_push_description(connection) != HF_OK)
            hf_log(session->env, HF_LOG_ERROR, "session: the description was not signalled: out of memory");
        return;
    }
    hf_session_event event = {.type = HF_SESSION_SIGNAL};
    event.u.signal = (hf_signal){.type = last ? HF_SIGNAL_END_OF_CANDIDATES : HF_SIGNAL_CANDIDATE,
                                 .generation = connection->generation,
                                 .candidate = e->u.candidate.text,
                                 .mid = e->u.candidate.mid,
                                 .ufrag = e->u.candidate.ufrag};
    hf_session_emit(session, &event);
}

void hf_connection_hear(hf_connection *connection, const hf_peer_event *e)
{
    hf_session *session = connection->session;
    if (connection->silent_at != HF_NEVER && !is_over(session)) /* it was heard for the last time */
        return;
    switch (e->type) {
    case HF_PEER_SIGNALING_CHANGED:
    case HF_PEER_ICE_GATHERING_CHANGED:
        break;
    case HF_PEER_NEGOTIATION_NEEDED:
        hf_session_renegotiate_if_wanted(connection);
        break;
    case HF_PEER_ICE_CONNECTION_CHANGED:
        on_ice(connection, e->u.ice, e->cause);
        break;
    case HF_PEER_CONNECTION_CHANGED:
        on_connection(connection, e->u.connection, e->cause);
        break;
    case HF_PEER_CANDIDATE:
        on_candidate(connection, e);
        break;
    case HF_PEER_ROUTE_CHANGED:
        on_route(connection, &e->u.route_changed.route);
        break;
    case HF_PEER_SERVER_FAILED: {
        hf_session_event event = {.type = HF_SESSION_ON_ERROR, .cause = e->cause};
        event.u.error.text = e->u.server_uri;
        event.u.error.why = e->why;
        hf_session_emit(session, &event);
        break;
    }
    case HF_PEER_CREDENTIALS_NEEDED: {
        hf_session_event event = {.type = HF_SESSION_CREDENTIALS_NEEDED};
        event.u.server_uri = e->u.server_uri;
        hf_session_emit(session, &event);
        break;
    }
    case HF_PEER_SERVER_ANSWERS: {
        hf_session_event event = {.type = HF_SESSION_NETWORK_CHANGED};
        hf_session_emit(session, &event);
        break;
    }
    case HF_PEER_REMOTE_CLOSED:
        hf_connection_on_remote_closed(connection, e->cause);
        break;
    case HF_PEER_CHANNEL_OPEN:
    case HF_PEER_CHANNEL_MESSAGE:
    case HF_PEER_CHANNEL_LOW:
    case HF_PEER_CHANNEL_WRITABLE:
    case HF_PEER_CHANNEL_CLOSING:
    case HF_PEER_CHANNEL_CLOSED:
        hf_link_hear(connection, e);
        break;
    }
}
