/* link.c: the control channel of a connection: what the remote says on it, and what becomes of one who breaks the rules. */
#include "session_priv.h"

#include <string.h>

/* What came before the remote's HELLO. */
typedef struct held_event {
    hf_peer_event event;
    uint8_t *data; /* what event.u.message points to */
} held_event;

/* --- Birth and end -------------------------------------------------------------------------------------------------- */

void hf_link_init(hf_link *link, const hf_env *env)
{
    *link = (hf_link){.ping_at = HF_NEVER, .ping_due = HF_NEVER, .again_at = HF_NEVER};
    hf_ring_init(&link->held, env, sizeof(held_event), HF_LINK_HELD_MAX);
}

void hf_link_clear(hf_link *link, const hf_env *env)
{
    held_event held;
    while (hf_ring_pop(&link->held, &held))
        hf_dealloc(env, held.data);
    hf_ring_clear(&link->held);
    hf_dealloc(env, link->hello);
    link->hello = NULL;
    link->hello_len = link->held_bytes = 0;
}

/* The violation is told by the log, and by the cause of the connection's end. */
void hf_link_fail(hf_connection *connection, hf_err cause, const char *why)
{
    hf_session *session = connection->session;
    hf_traffic *traffic = &session->traffic;
    if (connection->link.failed)
        return;
    connection->link.failed = true;
    hf_log(session->env, HF_LOG_WARNING, "session: %s: %s", why, hf_err_name(cause));
    if (session->now - traffic->breach_at > HF_LINK_PEACE)
        traffic->breaches = 0;
    traffic->breach_at = session->now;
    traffic->breaches += cause != HF_ENOMEM;
    if (cause == HF_ENOTSUP)
        hf_session_fail(session, session->now, cause);
    else if (traffic->breaches >= HF_LINK_BREACHES_MAX)
        hf_session_fail(session, session->now, HF_EPROTO);
    else
        hf_connection_fail(connection, session->now, cause);
}

hf_err hf_link_open_control(hf_connection *connection)
{
    hf_datachannel_config config = {
        .label = HF_CONTROL_LABEL, .negotiated = true, .id = HF_CONTROL_STREAM, .priority = 1024};
    if (connection->link.control != 0)
        return HF_OK;
    return hf_peer_open_channel(connection->peer, connection->session->now, &config, &connection->link.control);
}

void hf_link_recognise(hf_connection *connection, hf_session_protocol protocol)
{
    hf_link *link = &connection->link;
    if (link->protocol != HF_PROTOCOL_UNKNOWN)
        return;
    link->protocol = protocol;
    hf_err err = protocol == HF_PROTOCOL_HOLDFAST ? hf_link_open_control(connection) : HF_OK;
    if (err != HF_OK)
        hf_link_fail(connection, err, "the control channel can't be opened");
    else if (connection == connection->session->current)
        hf_carry_all(connection);
}

bool hf_link_is_up(const hf_connection *connection)
{
    hf_peer_flow flow;
    hf_peer_get_flow(connection->peer, &flow);
    return flow.is_up;
}

bool hf_link_may_say(const hf_connection *connection)
{
    const hf_link *link = &connection->link;
    return link->control != 0 && link->protocol == HF_PROTOCOL_HOLDFAST && !link->failed && !link->paused &&
           connection->silent_at == HF_NEVER;
}

bool hf_link_resumes(const hf_connection *connection)
{
    return connection->link.protocol == HF_PROTOCOL_HOLDFAST;
}

bool hf_link_is_ready(const hf_connection *connection)
{
    const hf_link *link = &connection->link;
    if (link->failed || !hf_link_is_up(connection))
        return false;
    return link->protocol == HF_PROTOCOL_PLAIN || (link->protocol == HF_PROTOCOL_HOLDFAST && link->hello_heard);
}

/* --- What the remote says ------------------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t id[HF_SESSION_ID_BYTES])
{
    static const uint8_t zero[HF_SESSION_ID_BYTES];
    return memcmp(id, zero, sizeof zero) == 0;
}

static bool is_id(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, HF_SESSION_ID_BYTES) == 0;
}

/* Both sides have known both ids since the descriptions; but a line may have been lost on its way, or changed. So the first
 * HELLO counts more than any line: it has come from whoever has the certificate. */
static bool ids_fit(hf_connection *connection, const hf_control *hello)
{
    hf_session *session = connection->session;
    const uint8_t *theirs = hello->u.hello.session, *ours = hello->u.hello.remote;
    bool is_first = !session->has_heard_hello;
    if (is_zero(theirs) || is_id(theirs, session->id) || (!is_first && !is_id(ours, session->id) && !is_zero(ours)))
        return false;
    if (is_zero(connection->remote_id) || (is_first && !is_id(theirs, connection->remote_id))) {
        memcpy(connection->remote_id, theirs, HF_SESSION_ID_BYTES);
        if (connection == session->current)
            hf_session_adopt_remote(connection);
    }
    session->has_heard_hello = true;
    return is_id(theirs, connection->remote_id);
}

static hf_err keep_hello(hf_link *link, hf_bytes message, const hf_env *env)
{
    link->hello = hf_alloc_unfilled(env, message.len);
    if (!link->hello)
        return HF_ENOMEM;
    memcpy(link->hello, message.data, message.len);
    link->hello_len = message.len;
    return HF_OK;
}

/* Ours, of which the remote says what it has; NULL: one that has ended, or of which we have not heard yet. */
static hf_err find(hf_session *session, const hf_channel_ref *ref, hf_channel **out)
{
    *out = hf_channel_find(session, ref->of_writer, ref->incarnation);
    bool is_known = *out || ref->of_writer || ref->incarnation <= session->traffic.incarnation_last;
    return is_known ? HF_OK : HF_EPROTO;
}

static void hear_received(hf_connection *connection, hf_bytes list)
{
    hf_session *session = connection->session;
    hf_control_received item;
    while (hf_control_next_received(&list, &item)) {
        hf_channel *channel;
        hf_err err = find(session, &item.channel, &channel);
        if (err == HF_OK && channel) {
            uint64_t acked = channel->outbox.messages_acked;
            err = hf_outbox_acknowledge(&channel->outbox, &item);
            if (channel->outbox.messages_acked > acked)
                connection->link.pings_without_ack = 0;
        }
        if (err != HF_OK) {
            hf_link_fail(connection, err, "an acknowledgement of what was not sent");
            return;
        }
        if (channel)
            hf_channel_hear_ack(channel);
    }
}

static void on_hello(hf_connection *connection, const hf_control *hello, hf_bytes message)
{
    hf_session *session = connection->session;
    hf_link *link = &connection->link;
    if (link->hello_heard || !ids_fit(connection, hello)) {
        hf_link_fail(connection, HF_EPROTO, link->hello_heard ? "a second HELLO" : "a HELLO with wrong ids");
        return;
    }
    link->hello_heard = true;
    link->protocol = HF_PROTOCOL_HOLDFAST;
    link->ping_due = session->now;
    if (connection == session->current) {
        session->traffic.owes = true;
        hear_received(connection, hello->u.hello.received);
        return;
    }
    hf_err err = keep_hello(link, message, session->env);
    if (err != HF_OK)
        hf_link_fail(connection, err, "a HELLO can't be kept");
}

static void on_pong(hf_connection *connection, uint64_t token)
{
    hf_link *link = &connection->link;
    if (link->ping_at == HF_NEVER || token != link->ping_token)
        return; /* it may have been asked on behalf of nobody, and harms nobody */
    link->rtt = connection->session->now - link->ping_at;
    link->ping_at = HF_NEVER;
    if (!hf_traffic_is_kept(connection->session))
        return;
    link->ping_due = connection->session->now + HF_LINK_PING_EVERY;
    if (++link->pings_without_ack > HF_LINK_PINGS_WITHOUT_ACK)
        hf_link_fail(connection, HF_ETIMEDOUT, "the remote acknowledges nothing");
}

static void on_control(hf_connection *connection, hf_bytes message)
{
    hf_control control;
    hf_err err = hf_control_read(message, &control);
    if (err != HF_OK) {
        hf_link_fail(connection, err, err == HF_ENOTSUP ? "another version" : "a malformed control message");
        return;
    }
    if (control.type != HF_CONTROL_HELLO && !connection->link.hello_heard) {
        hf_link_fail(connection, HF_EPROTO, "HELLO is missing");
        return;
    }
    switch (control.type) {
    case HF_CONTROL_HELLO:
        on_hello(connection, &control, message);
        break;
    case HF_CONTROL_ACK:
        hear_received(connection, control.u.ack.received);
        break;
    case HF_CONTROL_CLOSE:
        hf_close_hear(connection, &control.u.close);
        break;
    case HF_CONTROL_CLOSED:
        hf_close_hear_confirmed(connection, &control.u.closed);
        break;
    case HF_CONTROL_BYE:
        hf_close_hear_bye(connection, control.u.bye.lasts);
        break;
    case HF_CONTROL_BYE_DONE:
        hf_close_hear_bye_done(connection);
        break;
    case HF_CONTROL_PING:
        connection->link.pong_owed = true;
        connection->link.pong_token = control.u.ping.token;
        break;
    case HF_CONTROL_PONG:
        on_pong(connection, control.u.pong.token);
        break;
    }
}

/* --- Events --------------------------------------------------------------------------------------------------------- */

/* Streams have no order among each other: what the remote sends behind its HELLO may overtake it. */
static void hold(hf_connection *connection, const hf_peer_event *e)
{
    const hf_env *env = connection->session->env;
    hf_link *link = &connection->link;
    held_event held = {.event = *e};
    size_t len = e->type == HF_PEER_CHANNEL_MESSAGE ? e->u.message.len : 0;
    hf_err err = len <= HF_LINK_HELD_BYTES_MAX - link->held_bytes ? HF_OK : HF_ELIMIT;
    if (err == HF_OK && len > 0) {
        held.data = hf_alloc_unfilled(env, len);
        err = held.data ? HF_OK : HF_ENOMEM;
    }
    if (err == HF_OK && len > 0) {
        memcpy(held.data, e->u.message.data, len);
        held.event.u.message.data = held.data;
    }
    if (err == HF_OK)
        err = hf_ring_push(&link->held, &held);
    if (err != HF_OK) {
        hf_dealloc(env, held.data);
        hf_link_fail(connection, err, "too much came before the HELLO");
        return;
    }
    link->held_bytes += len;
}

bool hf_link_hear_held(hf_session *session)
{
    held_event held;
    hf_connection *connection = session->current;
    if (connection->link.failed || !hf_ring_pop(&connection->link.held, &held))
        return false;
    hf_link_hear(connection, &held.event);
    hf_dealloc(session->env, held.data);
    return true;
}

static void hear_control(hf_connection *connection, const hf_peer_event *e)
{
    switch ((int)e->type) {
    case HF_PEER_CHANNEL_MESSAGE:
        if (e->u.message.kind == HF_BINARY)
            on_control(connection, hf_bytes_of(e->u.message.data, e->u.message.len));
        else
            hf_link_fail(connection, HF_EPROTO, "text on the control channel");
        break;
    case HF_PEER_CHANNEL_CLOSING:
        hf_link_fail(connection, HF_EPROTO, "the control channel is closed");
        break;
    default:
        break;
    }
}

void hf_link_hear(hf_connection *connection, const hf_peer_event *e)
{
    hf_session *session = connection->session;
    hf_link *link = &connection->link;
    if (link->failed || (connection != session->current && connection != session->next))
        return;
    bool is_control = link->control != 0 && e->channel == link->control;
    bool is_current = connection == session->current;
    if (is_control && (is_current || !link->hello_heard))
        hear_control(connection, e);
    else if (is_current)
        hf_carry_hear(connection, e);
    else
        hold(connection, e);
}

/* --- Time ----------------------------------------------------------------------------------------------------------- */

/* SCTP answers, and who should read what it delivers says nothing. */
static void mind_silence(hf_connection *connection, hf_time now)
{
    hf_link *link = &connection->link;
    hf_peer_flow flow;
    if (!hf_link_may_say(connection) || link->ping_at == HF_NEVER || now - link->ping_at < HF_LINK_SILENCE)
        return;
    hf_peer_get_flow(connection->peer, &flow);
    if (flow.bytes_delivered == flow.bytes_given)
        hf_link_fail(connection, HF_ETIMEDOUT, "the remote says nothing");
    else
        link->ping_at = now; /* the path is not what it should be; whoever minds that will */
}

static void try_again(hf_connection *connection, hf_time now)
{
    if (connection->link.again_at <= now)
        connection->link.again_at = HF_NEVER;
}

void hf_link_drive(hf_session *session, hf_time now)
{
    if (session->state == HF_SESSION_CLOSED || session->state == HF_SESSION_FAILED)
        return;
    mind_silence(session->current, now);
    try_again(session->current, now);
    if (session->next) {
        try_again(session->next, now);
        hf_link_say(session->next, now);
    }
    hf_link_say(session->current, now);
    hf_pump(session, now);
    if (session->traffic.owes || session->traffic.ack_due <= now)
        hf_link_say(session->current, now);
    if (session->traffic.bye_heard && !session->disconnecting && hf_link_is_done(session))
        hf_session_end(session, now);
}

/* A connection takes no more than a run at once: when that has left, there is room for the next. */
void hf_link_refill(hf_session *session, hf_time now)
{
    if (session->state != HF_SESSION_CLOSED && session->state != HF_SESSION_FAILED &&
        !hf_scheduler_is_empty(&session->traffic.scheduler))
        hf_pump(session, now);
}

static hf_time earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

hf_time hf_link_deadline(const hf_session *session)
{
    const hf_connection *current = session->current;
    const hf_link *link = &current->link;
    hf_time due = HF_NEVER;
    if (session->state == HF_SESSION_CLOSED || session->state == HF_SESSION_FAILED)
        return due;
    if (session->next && hf_link_may_say(session->next))
        due = session->next->link.again_at;
    if (link->protocol == HF_PROTOCOL_UNKNOWN || link->failed || link->paused || current->silent_at != HF_NEVER)
        return due;
    if (link->again_at != HF_NEVER)
        return earlier(due, link->again_at);
    if (hf_link_may_say(current) && link->hello_said) {
        hf_time ping = link->ping_at == HF_NEVER ? link->ping_due : link->ping_at + HF_LINK_SILENCE;
        due = earlier(due, earlier(session->traffic.ack_due, ping));
    }
    return earlier(due, hf_window_deadline(&session->traffic.window));
}
