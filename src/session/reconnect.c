/* reconnect.c: the next connection of a session: it is made beside the one that serves, takes its place when it has shown
 * that it can, and is taken back without harm when it can't. What is closed is driven until its last words have left. */
#include "session_priv.h"

#include <stdio.h>
#include <string.h>

static bool is_over(const hf_session *session)
{
    return session->state == HF_SESSION_FAILED || session->state == HF_SESSION_CLOSED;
}

static void tell(hf_session *session, hf_err cause)
{
    hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED, .cause = cause}, NULL);
}

/* Of attempts that follow each other. A generation that is further ahead is one that somebody has made up: it may show what
 * it is worth, but numbers do not run out for it. */
#define GENERATIONS_AHEAD_MAX 4096

uint32_t hf_session_next_generation(const hf_session *session)
{
    uint32_t serving = session->current->generation, made = session->next ? session->next->generation : 0;
    uint32_t newest = made > serving && made - serving <= GENERATIONS_AHEAD_MAX ? made : serving;
    return newest < UINT32_MAX ? newest + 1 : newest;
}

/* --- What is gone ---------------------------------------------------------------------------------------------------- */

static void retire(hf_connection *connection)
{
    hf_session *session = connection->session;
    hf_session_drop_signals(connection);
    connection->older = session->gone;
    session->gone = connection;
}

/* Its sockets are given back with the next request (hf_session_poll_release). */
static void silence(hf_connection *connection)
{
    hf_peer_free(connection->peer);
    connection->peer = NULL;
}

void hf_session_reap(hf_session *session, hf_time now)
{
    size_t n = 0;
    if (session->dispatching) /* what is being told may point into it */
        return;
    for (hf_connection *c = session->gone; c; c = c->older) {
        if (c->close_at <= now)
            hf_connection_close(c, now);
        if (c->peer && (c->silent_at <= now || ++n > HF_CONNECTIONS_GONE_MAX))
            silence(c);
    }
}

bool hf_session_poll_release(hf_session *session, hf_request *out)
{
    for (hf_connection **at = &session->gone; *at; at = &(*at)->older) {
        hf_connection *c = *at;
        if (c->peer)
            continue;
        *out = (hf_request){.type = HF_REQUEST_RELEASE, .group = c->group};
        *at = c->older;
        hf_connection_free(c);
        return true;
    }
    return false;
}

/* --- What is being made ---------------------------------------------------------------------------------------------- */

void hf_session_drop_next(hf_session *session, hf_time now)
{
    hf_connection *next = session->next;
    session->next = NULL;
    if (!next)
        return;
    hf_connection_close(next, now);
    retire(next);
}

/* Whatever was being made before gives way. */
void hf_session_install_next(hf_session *session, hf_connection *connection, hf_time now)
{
    hf_session_drop_next(session, now);
    session->next = connection;
    hf_connection_trace(connection);
}

static hf_err offer(hf_session *session, hf_time now)
{
    hf_connection *connection;
    hf_err err = hf_connection_new(&connection, session);
    if (err != HF_OK)
        return err;
    connection->generation = hf_session_next_generation(session);
    err = hf_connection_offer(connection, now);
    if (err == HF_OK)
        err = hf_connection_push_description(connection);
    if (err != HF_OK) {
        hf_connection_discard(connection);
        return err;
    }
    hf_session_install_next(session, connection, now);
    return HF_OK;
}

/* An offer of a restart that nobody has answered is no longer of interest. */
void hf_session_withdraw_restart(hf_session *session, hf_time now)
{
    hf_connection *current = session->current;
    if (current->silent_at != HF_NEVER || !hf_connection_has_open_offer(current))
        return;
    (void)!hf_connection_take_back_offer(current, now);
    current->offer_refused = true; /* nor is another one, before somebody asks for it */
}

hf_err hf_session_offer_next(hf_session *session, hf_time now)
{
    hf_err err = offer(session, now);
    if (err == HF_OK) {
        hf_session_withdraw_restart(session, now);
        tell(session, HF_OK);
    }
    return err;
}

hf_err hf_session_reconnect(hf_session *session, hf_time now)
{
    if (!session)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err != HF_OK)
        return err;
    if (!hf_link_resumes(session->current))
        return HF_ENOTSUP;
    if (session->state == HF_SESSION_FAILED)
        return hf_session_refuse(session, "it has failed");
    err = hf_session_offer_next(session, now);
    hf_session_wake(session);
    return err;
}

/* --- What takes over ------------------------------------------------------------------------------------------------- */

/* The same session of the same remote. Where nothing was ever connected there is nothing to be lost. */
static bool continues(const hf_connection *connection, const hf_connection *before)
{
    hf_identity was, is;
    const hf_session *session = connection->session;
    bool is_same = memcmp(connection->remote_id, session->remote_id, sizeof session->remote_id) == 0 &&
                   hf_peer_get_identity(before->peer, &was) && hf_peer_get_identity(connection->peer, &is) &&
                   hf_identity_fits(&was, &is);
    return is_same || !session->was_connected;
}

static void tell_route(const hf_connection *connection)
{
    hf_peer_stats stats;
    hf_peer_get_stats(connection->peer, &stats);
    hf_session_event event = {.type = HF_SESSION_ROUTE_CHANGED};
    event.u.route = stats.route;
    if (stats.has_route)
        hf_session_push_or_log(connection->session, event, NULL);
}

void hf_session_take_over_if_ready(hf_session *session)
{
    hf_connection *connection = session->next, *before = session->current;
    if (!connection || connection->silent_at != HF_NEVER || is_over(session) || !hf_link_is_ready(connection))
        return;
    if (!hf_session_is_known(connection)) { /* its handshake was over before the one that stands told who the remote is */
        hf_link_fail(connection, HF_EIDENTITY, "another identity than that of the connection that stands");
        return;
    }
    bool goes_on = continues(connection, before);
    session->next = NULL;
    session->current = connection;
    if (before->silent_at == HF_NEVER)
        before->close_at = session->now + HF_CONNECTION_PARTING;
    retire(before);
    hf_session_adopt_remote(connection);
    if (session->state == HF_SESSION_CONNECTED)
        tell(session, HF_OK);
    else
        hf_session_enter(session, HF_SESSION_CONNECTED, HF_OK);
    tell_route(connection);
    hf_link_take_over(connection, before, goes_on);
    session->lost_at = HF_NEVER;
}

/* --- What is lost ---------------------------------------------------------------------------------------------------- */

/* An ICE restart can replace a path (RFC 8445 §9), and ICE itself may find one yet. */
static bool is_of_path(hf_err cause)
{
    return cause == HF_ECONSENT || cause == HF_ENOPATH;
}

static bool resumes(const hf_session *session)
{
    return session->config.recovery == HF_RECOVERY_RESUME && hf_link_resumes(session->current);
}

/* What will not be otherwise next time; later it is an attempt that somebody else has spoilt. */
static bool is_permanent(const hf_session *session, hf_err cause)
{
    return !session->was_connected && (cause == HF_EFINGERPRINT || cause == HF_EIDENTITY || cause == HF_ENOTSUP);
}

/* What else fails is for good: the identity, DTLS, SCTP; but where sessions resume it ends no more than a connection. */
static bool may_recover(const hf_session *session, hf_err cause)
{
    hf_recovery recovery = session->config.recovery;
    bool restarts = recovery == HF_RECOVERY_RESTART || recovery == HF_RECOVERY_RESUME;
    return !session->disconnecting && !is_permanent(session, cause) && ((restarts && is_of_path(cause)) || resumes(session));
}

static void lose_current(hf_session *session, hf_err cause)
{
    bool recovers = may_recover(session, cause);
    if (recovers && !is_of_path(cause))
        hf_connection_close(session->current, session->now);
    if (!recovers)
        hf_session_enter(session, HF_SESSION_FAILED, cause);
    else if (!session->was_connected) /* its first path is still looked for */
        session->trouble = cause;
    else if (session->state != HF_SESSION_RECONNECTING) {
        hf_session_enter(session, HF_SESSION_RECONNECTING, cause);
        hf_link_pause(session->current);
    }
}

void hf_connection_lose(hf_connection *connection, hf_err cause)
{
    hf_session *session = connection->session;
    if (is_over(session))
        return;
    if (connection == session->current) {
        lose_current(session, cause);
    } else if (connection == session->next) {
        if (!is_of_path(cause))
            hf_connection_close(connection, session->now);
        tell(session, cause);
    }
}

void hf_connection_fail(hf_connection *connection, hf_time now, hf_err cause)
{
    hf_session *session = connection->session;
    if (connection->silent_at != HF_NEVER)
        return;
    session->now = now;
    hf_session_state before = session->state;
    hf_connection_close(connection, now);
    hf_connection_lose(connection, cause);
    if (connection == session->current && session->state == before)
        tell(session, cause);
}

void hf_connection_on_remote_closed(hf_connection *connection, hf_err cause)
{
    hf_session *session = connection->session;
    if (connection->silent_at != HF_NEVER)
        return;
    hf_connection_close(connection, session->now);
    if (connection != session->current ||
        (resumes(session) && session->was_connected && !connection->link.said_bye && !session->disconnecting))
        hf_connection_lose(connection, cause == HF_OK ? HF_ECLOSED : cause);
    else if (!is_over(session))
        hf_session_enter(session, cause == HF_OK ? HF_SESSION_CLOSED : HF_SESSION_FAILED, cause);
}

void hf_session_end(hf_session *session, hf_time now)
{
    session->now = now;
    hf_connection_close(session->current, now);
    if (!is_over(session))
        hf_session_enter(session, HF_SESSION_CLOSED, HF_OK);
}

void hf_session_fail(hf_session *session, hf_time now, hf_err cause)
{
    session->now = now;
    hf_connection_close(session->current, now);
    if (!is_over(session))
        hf_session_enter(session, HF_SESSION_FAILED, cause);
}
