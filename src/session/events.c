/* events.c: what the connection says becomes the session's state and the application's events; handlers run here alone. */
#include "session_priv.h"

#include <assert.h>
#include <string.h>

#define BIT(n) (1u << (n))

/* NEW ──connect, offer──▶ CONNECTING ──▶ CONNECTED ◀──▶ UNSTABLE ──consent lost──▶ RECONNECTING ──▶ CONNECTED
 * from each: ──permanent cause──▶ FAILED, and ──either side ends it──▶ CLOSED */
static const unsigned reachable[HF_SESSION_STATE_COUNT] = {
    [HF_SESSION_NEW] = BIT(HF_SESSION_CONNECTING) | BIT(HF_SESSION_FAILED) | BIT(HF_SESSION_CLOSED),
    [HF_SESSION_CONNECTING] =
        BIT(HF_SESSION_CONNECTED) | BIT(HF_SESSION_UNSTABLE) | BIT(HF_SESSION_FAILED) | BIT(HF_SESSION_CLOSED),
    [HF_SESSION_CONNECTED] =
        BIT(HF_SESSION_UNSTABLE) | BIT(HF_SESSION_RECONNECTING) | BIT(HF_SESSION_FAILED) | BIT(HF_SESSION_CLOSED),
    [HF_SESSION_UNSTABLE] =
        BIT(HF_SESSION_CONNECTED) | BIT(HF_SESSION_RECONNECTING) | BIT(HF_SESSION_FAILED) | BIT(HF_SESSION_CLOSED),
    [HF_SESSION_RECONNECTING] = BIT(HF_SESSION_CONNECTED) | BIT(HF_SESSION_FAILED) | BIT(HF_SESSION_CLOSED),
    [HF_SESSION_FAILED] = BIT(HF_SESSION_CLOSED),
    [HF_SESSION_CLOSED] = 0,
};

hf_err hf_session_push(hf_session *session, hf_session_event event, const char *text)
{
    own_event own = {.event = event};
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

void hf_session_push_or_log(hf_session *session, hf_session_event event, const char *text)
{
    if (hf_session_push(session, event, text) != HF_OK)
        hf_log(session->env, HF_LOG_ERROR, "session: an event was lost: out of memory, or nobody dispatches");
}

void hf_session_drop_signals(hf_session *session)
{
    own_event own;
    for (size_t n = session->events.len; n > 0 && hf_ring_pop(&session->events, &own); n--) {
        if (own.event.type == HF_SESSION_SIGNAL)
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

/* The time runs from the moment at which it was connected last, or began to connect. */
static void mind_give_up(hf_session *session)
{
    switch (session->state) {
    case HF_SESSION_CONNECTING:
    case HF_SESSION_UNSTABLE:
    case HF_SESSION_RECONNECTING:
        if (session->give_up_at == HF_NEVER && session->config.give_up > 0 && !session->disconnecting)
            session->give_up_at = session->now + session->config.give_up;
        break;
    case HF_SESSION_NEW:
    case HF_SESSION_CONNECTED:
    case HF_SESSION_FAILED:
    case HF_SESSION_CLOSED:
    case HF_SESSION_STATE_COUNT:
        session->give_up_at = HF_NEVER;
        break;
    }
}

void hf_session_enter(hf_session *session, hf_session_state next, hf_err cause)
{
    if (session->state == next)
        return;
    assert(reachable[session->state] & BIT(next));
    bool was_connected = session->state == HF_SESSION_CONNECTED;
    hf_trace_change(session->env, session->now, HF_TRACE_SESSION_STATE_CHANGED, hf_session_state_name(session->state),
                    hf_session_state_name(next), cause);
    session->state = next;
    session->was_connected |= next == HF_SESSION_CONNECTED;
    session->trouble = cause;
    mind_give_up(session);
    if (next == HF_SESSION_FAILED || next == HF_SESSION_CLOSED) {
        session->path = HF_PATH_NONE;
        session->linger_until = HF_NEVER;
    }
    hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED, .cause = cause}, NULL);
    if (was_connected)
        hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_ON_DISCONNECTED, .cause = cause}, NULL);
    if (next == HF_SESSION_CONNECTED)
        hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_ON_CONNECTED}, NULL);
    if (next == HF_SESSION_FAILED) {
        hf_session_event event = {.type = HF_SESSION_ON_ERROR, .cause = cause};
        event.u.error.fatal = true;
        hf_session_push_or_log(session, event, hf_err_text(cause));
    }
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

static void emit(hf_session *session, const hf_session_event *event)
{
    size_t len = session->handlers_len; /* those added by a handler hear of the next event */
    for (size_t i = 0; i < len && !session->free_due; i++) {
        handler h = session->handlers[i];
        if (h.fn && h.type == event->type)
            h.fn(h.context, session, event);
    }
}

/* --- What the connection says ------------------------------------------------------------------------------------------ */

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

static void on_route(hf_session *session, const hf_ice_route *route)
{
    hf_session_event event = {.type = HF_SESSION_ROUTE_CHANGED};
    event.u.route = *route;
    if (!is_over(session) && session->path != path_of(route)) {
        session->path = path_of(route);
        hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED}, NULL);
    }
    emit(session, &event);
}

/* A path can be replaced. What else fails is for good: the identity, DTLS, SCTP. */
static bool may_recover(const hf_session *session, hf_err cause)
{
    return session->config.recovery == HF_RECOVERY_RESTART && session->was_connected && !session->disconnecting &&
           (cause == HF_ECONSENT || cause == HF_ENOPATH);
}

/* What a connection said before its end may be heard after it: then it no longer matters. */
static void on_connection(hf_session *session, hf_connection_state connection, hf_err cause)
{
    hf_session_state before = session->state;
    if (is_over(session))
        return;
    session->connection = connection;
    switch (connection) {
    case HF_CONNECTION_NEW:
    case HF_CONNECTION_CONNECTING:
        break;
    case HF_CONNECTION_CONNECTED:
        hf_session_enter(session, HF_SESSION_CONNECTED, HF_OK);
        break;
    case HF_CONNECTION_DISCONNECTED:
        if (session->state != HF_SESSION_RECONNECTING)
            hf_session_enter(session, HF_SESSION_UNSTABLE, cause);
        break;
    case HF_CONNECTION_FAILED:
        hf_session_enter(session, may_recover(session, cause) ? HF_SESSION_RECONNECTING : HF_SESSION_FAILED, cause);
        break;
    case HF_CONNECTION_CLOSED:
        hf_session_enter(session, HF_SESSION_CLOSED, cause);
        break;
    }
    if (session->state == before) /* the connection's own word has changed all the same */
        hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED, .cause = cause}, NULL);
}

static void on_ice(hf_session *session, hf_ice_state ice, hf_err cause)
{
    if (is_over(session))
        return;
    session->ice = ice;
    hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_STATE_CHANGED, .cause = cause}, NULL);
}

static void on_remote_closed(hf_session *session, hf_err cause)
{
    bool was_over = is_over(session);
    hf_session_close_peer(session, session->now);
    if (!was_over)
        hf_session_enter(session, cause == HF_OK ? HF_SESSION_CLOSED : HF_SESSION_FAILED, cause);
}

static void on_candidate(hf_session *session, const hf_peer_event *e)
{
    bool last = e->u.candidate.text[0] == '\0';
    if (session->config.no_trickle) {
        if (last && session->signal_due != 0 && hf_session_push_description(session) != HF_OK)
            hf_log(session->env, HF_LOG_ERROR, "session: the description was not signalled: out of memory");
        return;
    }
    hf_session_event event = {.type = HF_SESSION_SIGNAL};
    event.u.signal = (hf_signal){.type = last ? HF_SIGNAL_END_OF_CANDIDATES : HF_SIGNAL_CANDIDATE,
                                 .candidate = e->u.candidate.text,
                                 .mid = e->u.candidate.mid,
                                 .ufrag = e->u.candidate.ufrag};
    emit(session, &event);
}

/* The remote opened a data channel: it becomes a channel of that name. */
static hf_channel *adopt(hf_session *session, hf_datachannel carrier)
{
    hf_datachannel_info info;
    hf_channel *channel;
    if (hf_peer_channel_info(session->peer, carrier, &info) != HF_OK)
        return NULL;
    hf_channel_config config = {.name = info.label,
                                .protocol = info.protocol,
                                .unordered = info.unordered,
                                .reliability = info.reliability,
                                .reliability_limit = info.reliability_limit,
                                .priority = hf_priority_of_wire(info.priority)};
    if (hf_channel_new(&channel, session, &config) != HF_OK) {
        hf_session_close_carrier(session, session->now, carrier);
        return NULL;
    }
    channel->carrier = carrier;
    return channel;
}

static void on_channel_event(hf_session *session, const hf_peer_event *e)
{
    hf_channel *channel = hf_channel_of_carrier(session, e->channel);
    if (!channel && e->type == HF_PEER_CHANNEL_OPEN)
        channel = adopt(session, e->channel);
    if (!channel)
        return;
    hf_session_event event = {.cause = e->cause, .channel = channel};
    switch ((int)e->type) {
    case HF_PEER_CHANNEL_OPEN:
        event.type = HF_SESSION_CHANNEL_OPEN;
        break;
    case HF_PEER_CHANNEL_MESSAGE:
        event.type = HF_SESSION_ON_DATA;
        event.u.data.kind = e->u.message.kind;
        event.u.data.data = e->u.message.data;
        event.u.data.len = e->u.message.len;
        event.u.data.first = e->u.message.first;
        event.u.data.last = e->u.message.last;
        event.u.data.discarded = e->u.message.discarded;
        break;
    case HF_PEER_CHANNEL_LOW:
        event.type = HF_SESSION_CHANNEL_LOW;
        break;
    case HF_PEER_CHANNEL_WRITABLE:
        event.type = HF_SESSION_CHANNEL_WRITABLE;
        break;
    case HF_PEER_CHANNEL_CLOSED:
        event.type = HF_SESSION_CHANNEL_CLOSED;
        if (hf_channel_info(channel, &event.u.closed) != HF_OK)
            event.u.closed = (hf_datachannel_info){.label = channel->name, .protocol = channel->protocol};
        channel->carrier = 0;
        hf_channel_detach(channel); /* so that a handler can open another one of that name */
        break;
    default: /* CLOSING: the data channel goes on by itself until CLOSED */
        return;
    }
    emit(session, &event);
    if (event.type == HF_SESSION_CHANNEL_CLOSED)
        hf_channel_destroy(channel);
}

static void on_peer_event(hf_session *session, const hf_peer_event *e)
{
    switch (e->type) {
    case HF_PEER_SIGNALING_CHANGED:
    case HF_PEER_ICE_GATHERING_CHANGED:
        break;
    case HF_PEER_NEGOTIATION_NEEDED:
        hf_session_renegotiate_if_wanted(session);
        break;
    case HF_PEER_ICE_CONNECTION_CHANGED:
        on_ice(session, e->u.ice, e->cause);
        break;
    case HF_PEER_CONNECTION_CHANGED:
        on_connection(session, e->u.connection, e->cause);
        break;
    case HF_PEER_CANDIDATE:
        on_candidate(session, e);
        break;
    case HF_PEER_ROUTE_CHANGED:
        on_route(session, &e->u.route_changed.route);
        break;
    case HF_PEER_SERVER_FAILED: {
        hf_session_event event = {.type = HF_SESSION_ON_ERROR, .cause = e->cause};
        event.u.error.text = e->u.server_uri;
        event.u.error.why = e->why;
        emit(session, &event);
        break;
    }
    case HF_PEER_CREDENTIALS_NEEDED: {
        hf_session_event event = {.type = HF_SESSION_CREDENTIALS_NEEDED};
        event.u.server_uri = e->u.server_uri;
        emit(session, &event);
        break;
    }
    case HF_PEER_SERVER_ANSWERS: {
        hf_session_event event = {.type = HF_SESSION_NETWORK_CHANGED};
        emit(session, &event);
        break;
    }
    case HF_PEER_REMOTE_CLOSED:
        on_remote_closed(session, e->cause);
        break;
    case HF_PEER_CHANNEL_OPEN:
    case HF_PEER_CHANNEL_MESSAGE:
    case HF_PEER_CHANNEL_LOW:
    case HF_PEER_CHANNEL_WRITABLE:
    case HF_PEER_CHANNEL_CLOSING:
    case HF_PEER_CHANNEL_CLOSED:
        on_channel_event(session, e);
        break;
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
    const hf_env *env = session->env;
    emit(session, &own.event);
    hf_dealloc(env, own.text);
    return true;
}

void hf_session_dispatch(hf_session *session, hf_time now)
{
    hf_peer_event event;

    if (!session || session->dispatching)
        return;
    session->now = now;
    session->dispatching = true;
    while (!session->free_due) {
        if (dispatch_own(session))
            continue;
        if (!session->peer || !hf_peer_poll_event(session->peer, &event))
            break;
        on_peer_event(session, &event);
        hf_session_close_peer_if_due(session, now);
    }
    session->dispatching = false;
    compact_handlers(session);
    if (session->free_due)
        hf_session_free(session);
}
