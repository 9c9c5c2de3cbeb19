/* say.c: what we say on the control channel. What is owed follows from the state of channels and connection, so that nothing
 * is lost where it can't be said at once. */
#include "session_priv.h"

#include <string.h>

/* A list that does not fit is cut short: what a HELLO leaves out is sent again, and dropped. */
#define BUFFER_SIZE 16384

/* The control channel, or memory, is full for now. */
#define AGAIN HF_MS(10)

static hf_err say(hf_connection *connection, hf_bytes message)
{
    hf_time now = connection->session->now;
    hf_err err = hf_peer_send(connection->peer, now, connection->link.control, HF_BINARY, message.data, message.len);
    if (err != HF_OK)
        connection->link.again_at = now + AGAIN;
    return err;
}

/* As long as the remote takes. */
static hf_writer writer_for(const hf_connection *connection, uint8_t buffer[BUFFER_SIZE])
{
    hf_peer_flow flow;
    hf_peer_get_flow(connection->peer, &flow);
    return hf_writer_of(buffer, flow.message_max < BUFFER_SIZE ? flow.message_max : BUFFER_SIZE);
}

static hf_err say_written(hf_connection *connection, const hf_writer *w)
{
    return w->ok ? say(connection, hf_bytes_of(w->data, w->len)) : HF_EMSGSIZE;
}

static hf_channel_ref ref_of(const hf_channel *channel)
{
    return (hf_channel_ref){.incarnation = channel->incarnation, .of_writer = !channel->remote};
}

/* --- Channels ------------------------------------------------------------------------------------------------------- */

/* Of a fresh channel the remote waits for nothing: CLOSE goes behind what is queued. So it does where the remote may yet say
 * that it takes no messages as long as those that wait: they would be handed back, and others bear their numbers. */
static bool is_close_due(const hf_connection *connection, const hf_channel *channel)
{
    bool is_fresh = channel->outbox.delivery == HF_DELIVERY_FRESH;
    bool waits = channel->outbox.queued > 0 &&
                 (is_fresh ? channel->carrier != 0 : !connection->link.hello_heard || channel->outbox.too_long);
    return channel->closing && !channel->close_said && !channel->close_confirmed && !waits;
}

static bool is_confirm_due(const hf_channel *channel)
{
    return channel->confirm_owed && channel->close_heard && hf_inbox_has_all(&channel->inbox, channel->last);
}

static hf_err say_ends(hf_connection *connection, hf_channel *channel)
{
    hf_control_last ours = {.channel = ref_of(channel), .last = channel->outbox.number_last};
    hf_control_last theirs = {.channel = ref_of(channel), .last = channel->last};
    if (is_close_due(connection, channel)) {
        hf_err err = hf_link_say_of_channel(connection, HF_CONTROL_CLOSE, &ours);
        if (err != HF_OK)
            return err;
        channel->close_said = true;
    }
    if (is_confirm_due(channel)) {
        hf_err err = hf_link_say_of_channel(connection, HF_CONTROL_CLOSED, &theirs);
        if (err != HF_OK)
            return err;
        channel->confirm_owed = false;
    }
    return HF_OK;
}

static void say_all_ends(hf_connection *connection)
{
    hf_session *session = connection->session;
    session->traffic.owes = false;
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        if (channel->speaks != HF_PROTOCOL_HOLDFAST || channel->over)
            continue;
        if (say_ends(connection, channel) != HF_OK) {
            session->traffic.owes = true;
            return;
        }
        hf_channel_end_if_done(channel);
    }
}

/* --- Acknowledgements ----------------------------------------------------------------------------------------------- */

static bool is_reported(const hf_channel *channel)
{
    return channel->speaks == HF_PROTOCOL_HOLDFAST && !channel->over;
}

/* `counts`: it is said on the connection that serves, so that it need not be said again. There is room. */
static void write_received(hf_writer *w, hf_channel *channel, bool counts)
{
    hf_control_received item;
    if (counts)
        hf_inbox_report(&channel->inbox, &item);
    else
        hf_inbox_describe(&channel->inbox, &item);
    item.channel = ref_of(channel);
    (void)hf_control_write_received(w, &item, &channel->inbox.ranges);
    channel->announce &= !counts;
}

/* What is not said now is owed altogether. */
static void owe_all(hf_session *session)
{
    for (size_t i = 0; i < session->channels_len; i++)
        session->channels[i]->announce = is_reported(session->channels[i]);
    session->traffic.ack_due = session->now + AGAIN;
}

static void say_ack(hf_connection *connection)
{
    hf_session *session = connection->session;
    uint8_t buffer[BUFFER_SIZE];
    hf_writer w = writer_for(connection, buffer);
    bool soon, any = false;
    session->traffic.ack_due = HF_NEVER;
    hf_control_write_ack(&w);
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        if (!is_reported(channel) || !(channel->announce || hf_inbox_owes_ack(&channel->inbox, &soon)))
            continue;
        if (w.cap - w.len < HF_CONTROL_ITEM_MAX) {
            session->traffic.ack_due = session->now; /* another one follows */
            break;
        }
        write_received(&w, channel, true);
        any = true;
    }
    if (any && say_written(connection, &w) != HF_OK)
        owe_all(session);
}

/* --- The connection ------------------------------------------------------------------------------------------------- */

/* A session that is not the one that we know has none of the channels. */
static bool is_known(const hf_connection *connection)
{
    const hf_session *session = connection->session;
    return memcmp(connection->remote_id, session->remote_id, sizeof session->remote_id) == 0;
}

static void say_hello(hf_connection *connection)
{
    hf_session *session = connection->session;
    uint8_t buffer[BUFFER_SIZE];
    hf_writer w = writer_for(connection, buffer);
    hf_control_write_hello(&w, session->id, connection->remote_id, connection->generation);
    for (size_t i = 0; is_known(connection) && i < session->channels_len; i++) {
        if (is_reported(session->channels[i]) && w.cap - w.len >= HF_CONTROL_ITEM_MAX)
            write_received(&w, session->channels[i], connection == session->current);
    }
    connection->link.hello_said = say_written(connection, &w) == HF_OK;
    if (!connection->link.hello_said)
        owe_all(session);
}

hf_err hf_link_say_of_channel(hf_connection *connection, hf_control_type type, const hf_control_last *item)
{
    uint8_t buffer[64];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    if (!connection->link.hello_said)
        say_hello(connection);
    if (!connection->link.hello_said)
        return HF_EAGAIN;
    hf_control_write_close(&w, type, item);
    return say_written(connection, &w);
}

static void say_ping(hf_connection *connection, hf_time now)
{
    hf_link *link = &connection->link;
    uint8_t buffer[64];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    link->ping_token = hf_random_u64(connection->session->env);
    hf_control_write_ping(&w, HF_CONTROL_PING, link->ping_token);
    if (say_written(connection, &w) != HF_OK)
        return;
    link->ping_at = now;
    link->ping_due = HF_NEVER;
}

static void say_pong(hf_connection *connection)
{
    uint8_t buffer[64];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    hf_control_write_ping(&w, HF_CONTROL_PONG, connection->link.pong_token);
    connection->link.pong_owed = say_written(connection, &w) != HF_OK;
}

/* With the CLOSE of as many channels as there is room for; those of others follow. */
static bool say_bye(hf_connection *connection)
{
    uint8_t buffer[BUFFER_SIZE];
    hf_session *session = connection->session;
    hf_writer w = writer_for(connection, buffer);
    size_t end = 0;
    hf_control_write_bye(&w, HF_CONTROL_BYE);
    for (; end < session->channels_len && w.cap - w.len >= HF_CONTROL_ITEM_MAX; end++) {
        const hf_channel *channel = session->channels[end];
        if (is_reported(channel) && is_close_due(connection, channel))
            hf_control_write_last(&w, &(hf_control_last){.channel = ref_of(channel), .last = channel->outbox.number_last});
    }
    if (say_written(connection, &w) != HF_OK)
        return false;
    for (size_t i = 0; i < end; i++) {
        hf_channel *channel = session->channels[i];
        channel->close_said |= is_reported(channel) && is_close_due(connection, channel);
    }
    return true;
}

static bool say_bye_done(hf_connection *connection)
{
    uint8_t buffer[16];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    hf_control_write_bye(&w, HF_CONTROL_BYE_DONE);
    return say_written(connection, &w) == HF_OK;
}

/* Nothing waits for channels any more that the remote has to send. */
static bool is_bye_done_due(const hf_session *session)
{
    return session->traffic.bye_heard && session->channels_len == 0;
}

void hf_link_say(hf_connection *connection, hf_time now)
{
    hf_session *session = connection->session;
    hf_link *link = &connection->link;
    hf_traffic *traffic = &session->traffic;
    if (!hf_link_may_say(connection) || link->again_at != HF_NEVER)
        return;
    if (!link->hello_said && hf_link_is_up(connection))
        say_hello(connection);
    if (!link->hello_said)
        return;
    if (link->pong_owed)
        say_pong(connection);
    if (connection != session->current)
        return;
    if (now >= traffic->ack_due)
        say_ack(connection);
    if (traffic->bye_wanted && !traffic->bye_confirmed && !link->bye_said)
        link->bye_said = say_bye(connection);
    if (traffic->owes)
        say_all_ends(connection);
    if (is_bye_done_due(session) && !link->bye_done_said)
        link->bye_done_said = say_bye_done(connection);
    if (now >= link->ping_due && link->ping_at == HF_NEVER)
        say_ping(connection, now);
}
