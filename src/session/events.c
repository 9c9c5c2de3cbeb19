/* events.c: the application's events, and its handlers, which run here alone. */
#include "session_priv.h"

#include <string.h>

static hf_err push(hf_session *session, own_event own, const char *text)
{
    if (text) {
        own.text = hf_alloc_text(session->env, text, strlen(text));
        if (!own.text)
            return HF_ENOMEM;
    }
    hf_err err = hf_ring_push(&session->events, &own);
    if (err != HF_OK)
        hf_dealloc(session->env, own.text);
    return err;
}

hf_err hf_session_push(hf_session *session, hf_session_event event, const char *text)
{
    return push(session, (own_event){.event = event}, text);
}

hf_err hf_connection_push_signal(const hf_connection *connection, hf_session_event event, const char *text)
{
    return push(connection->session, (own_event){.event = event, .group = connection->group}, text);
}

void hf_session_push_or_log(hf_session *session, hf_session_event event, const char *text)
{
    if (hf_session_push(session, event, text) != HF_OK)
        hf_log(session->env, HF_LOG_ERROR, "session: an event was lost: out of memory, or nobody dispatches");
}

void hf_session_drop_signals(const hf_connection *connection)
{
    hf_session *session = connection->session;
    own_event own;
    for (size_t n = session->events.len; n > 0 && hf_ring_pop(&session->events, &own); n--) {
        bool is_theirs = own.event.type == HF_SESSION_SIGNAL && own.group == connection->group;
        if (is_theirs)
            hf_dealloc(session->env, own.text);
        else if (hf_ring_push(&session->events, &own) != HF_OK) /* cannot be: there was room a moment ago */
            hf_dealloc(session->env, own.text);
    }
}

void hf_session_clear_events(hf_session *session)
{
    own_event own;
    while (hf_ring_pop(&session->events, &own))
        hf_dealloc(session->env, own.text);
    hf_ring_clear(&session->events);
}

/* --- Handlers -------------------------------------------------------------------------------------------------------- */

hf_err hf_session_on(hf_session *session, hf_session_event_type type, hf_session_handler fn, void *context)
{
    if (!session || !fn || (unsigned)type >= HF_SESSION_EVENT_COUNT)
        return HF_EINVAL;
    hf_err err = hf_grow(session->env, &session->handlers, &session->handlers_cap, session->handlers_len + 1,
                         HF_SESSION_HANDLERS_MAX, sizeof(handler));
    if (err == HF_OK)
        session->handlers[session->handlers_len++] = (handler){.type = type, .fn = fn, .context = context};
    return err;
}

/* Closes the gaps that removed handlers left. */
static void compact_handlers(hf_session *session)
{
    size_t kept = 0;
    for (size_t i = 0; i < session->handlers_len; i++) {
        if (session->handlers[i].fn)
            session->handlers[kept++] = session->handlers[i];
    }
    session->handlers_len = kept;
}

void hf_session_off(hf_session *session, hf_session_event_type type, hf_session_handler fn, void *context)
{
    for (size_t i = 0; session && i < session->handlers_len; i++) {
        handler *h = &session->handlers[i];
        if (h->type == type && h->fn == fn && h->context == context)
            h->fn = NULL;
    }
    if (session && !session->dispatching)
        compact_handlers(session);
}

void hf_session_emit(hf_session *session, const hf_session_event *event)
{
    size_t len = session->handlers_len; /* those added by a handler hear of the next event */
    for (size_t i = 0; i < len && !session->free_due; i++) {
        handler h = session->handlers[i];
        if (h.fn && h.type == event->type)
            h.fn(h.context, session, event);
    }
}

static bool dispatch_own(hf_session *session)
{
    own_event own;
    if (!hf_ring_pop(&session->events, &own))
        return false;
    if (own.event.type == HF_SESSION_SIGNAL)
        own.event.u.signal.sdp = own.text;
    else if (own.event.type == HF_SESSION_ON_ERROR)
        own.event.u.error.text = own.text;
    else if (own.event.type == HF_SESSION_IDENTITY_CHANGED)
        own.event.u.identity.fingerprint = own.text;
    const hf_env *env = session->env;
    hf_session_emit(session, &own.event);
    hf_dealloc(env, own.text);
    return true;
}

/* The next thing that a connection says. The one that is being made goes first: with its HELLO it may take over before the
 * end of the one that serves is heard. */
static bool dispatch_connections(hf_session *session)
{
    hf_peer_event event;
    hf_connection *connections[] = {session->next, session->current};
    for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++) {
        if (connections[i] && hf_peer_poll_event(connections[i]->peer, &event)) {
            hf_connection_hear(connections[i], &event);
            hf_session_take_over_if_ready(session);
            return true;
        }
    }
    return false;
}

/* The next thing that is known already; what is handed back comes before the news that it belongs to. */
static bool dispatch_news(hf_session *session)
{
    return hf_link_dispatch_returned(session) || dispatch_own(session) || hf_link_dispatch(session);
}

void hf_session_dispatch(hf_session *session, hf_time now)
{
    if (!session || session->dispatching)
        return;
    session->now = now;
    session->dispatching = true;
    while (!session->free_due) {
        if (dispatch_news(session))
            continue;
        if (!dispatch_connections(session)) {
            hf_link_drive(session, now);
            hf_session_close_if_due(session, now);
            if (!dispatch_news(session))
                break;
        }
        hf_session_close_if_due(session, now);
    }
    session->dispatching = false;
    compact_handlers(session);
    if (session->free_due)
        hf_session_free(session);
    else
        hf_session_reap(session, now);
}
