/* carry.c: channels and the data channels that carry them: a framed one is named by its protocol field (field.h). */
#include "field.h"
#include "session_priv.h"

#include <string.h>

/* --- Ours ----------------------------------------------------------------------------------------------------------- */

/* One that is gone already is closed. */
void hf_session_close_carrier(hf_session *session, hf_datachannel carrier)
{
    hf_err err = hf_peer_close_channel(session->current->peer, session->now, carrier);
    if (err != HF_OK)
        hf_log(session->env, HF_LOG_DEBUG, "session: closing a data channel: %s", hf_err_name(err));
}

void hf_channel_close_carrier(hf_channel *channel)
{
    if (channel->carrier == 0)
        return;
    hf_session_close_carrier(channel->session, channel->carrier);
    channel->carrier = 0;
}

static void note_id(hf_channel *channel)
{
    hf_datachannel_info info;
    if (hf_peer_channel_info(channel->session->current->peer, channel->carrier, &info) != HF_OK)
        return;
    channel->has_id = info.has_id;
    channel->id = info.id;
}

/* What a plain peer takes is in its description. */
static void mind_message_max(hf_channel *channel)
{
    hf_peer_flow flow;
    if (channel->speaks != HF_PROTOCOL_PLAIN)
        return;
    hf_peer_get_flow(channel->session->current->peer, &flow);
    hf_outbox_limit(&channel->outbox, flow.message_max);
    hf_channel_tell(channel, HF_NEWS_TOO_LONG);
}

void hf_channel_carry_by(hf_channel *channel, hf_datachannel carrier)
{
    channel->carrier = carrier;
    if (channel->speaks == HF_PROTOCOL_UNKNOWN) {
        channel->outbox.framed = channel->session->current->link.protocol == HF_PROTOCOL_HOLDFAST;
        channel->speaks = channel->session->current->link.protocol;
    }
    if (!channel->session->traffic.is_muted || channel->outbox.delivery != HF_DELIVERY_FRESH)
        hf_outbox_open(&channel->outbox);
    note_id(channel);
    mind_message_max(channel);
    hf_channel_feed(channel);
}

static hf_err open_carrier(hf_channel *channel, hf_time now, const char *protocol, hf_datachannel *out)
{
    hf_datachannel_config config = {.label = channel->name,
                                    .protocol = protocol,
                                    .unordered = channel->config.unordered,
                                    .reliability = channel->config.reliability,
                                    .reliability_limit = channel->config.reliability_limit,
                                    .priority = hf_priority_on_wire(channel->config.priority),
                                    .send_buffer_max = channel->outbox.kept_max};
    return hf_peer_open_channel(channel->session->current->peer, now, &config, out);
}

hf_err hf_channel_carry(hf_channel *channel, hf_time now)
{
    hf_session *session = channel->session;
    hf_session_protocol protocol = session->current->link.protocol;
    hf_datachannel carrier;
    if (protocol == HF_PROTOCOL_UNKNOWN || session->current->silent_at != HF_NEVER)
        return HF_OK; /* when it is known, or when another takes over */
    bool framed = (channel->speaks == HF_PROTOCOL_UNKNOWN ? protocol : channel->speaks) == HF_PROTOCOL_HOLDFAST;
    if (framed && channel->incarnation == 0)
        channel->incarnation = ++session->traffic.incarnation_last;
    hf_field what = {.incarnation = channel->incarnation, .protocol = channel->protocol};
    char *field = framed ? hf_field_write(session->env, &what) : NULL;
    if (framed && !field)
        return HF_ENOMEM;
    hf_err err = open_carrier(channel, now, framed ? field : channel->protocol, &carrier);
    hf_dealloc(session->env, field);
    if (err != HF_OK)
        return err;
    hf_channel_carry_by(channel, carrier);
    return framed ? HF_OK : hf_channel_receive_in_parts(channel, channel->config.in_parts);
}

/* Out of memory or of streams: another connection may do better. */
void hf_carry_all(hf_connection *connection)
{
    hf_session *session = connection->session;
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        if (channel->remote || channel->over || channel->carrier != 0)
            continue;
        hf_err err = hf_channel_carry(channel, session->now);
        if (err != HF_OK) {
            hf_link_fail(connection, err, "a channel can't be opened");
            return;
        }
    }
}

/* --- The remote's --------------------------------------------------------------------------------------------------- */

/* The remote opened a data channel: it becomes a channel of that name. `protocol` is the application's. */
static hf_channel *adopt(hf_session *session, const hf_datachannel_info *info, const char *protocol)
{
    hf_channel *channel;
    hf_channel_config config = {.name = info->label,
                                .protocol = protocol,
                                .unordered = info->unordered,
                                .reliability = info->reliability,
                                .reliability_limit = info->reliability_limit,
                                .priority = hf_priority_of_wire(info->priority)};
    if (hf_channel_new(&channel, session, &config) != HF_OK)
        return NULL;
    channel->remote = true;
    return channel;
}

static void adopt_plain(hf_connection *connection, hf_datachannel carrier, const hf_datachannel_info *info)
{
    hf_channel *channel = adopt(connection->session, info, info->protocol);
    if (!channel) {
        hf_session_close_carrier(connection->session, carrier);
        return;
    }
    channel->speaks = HF_PROTOCOL_PLAIN;
    channel->outbox.framed = false;
    hf_channel_carry_by(channel, carrier);
    hf_channel_tell(channel, HF_NEWS_OPEN);
}

/* A channel that we know is carried again. */
static void carry_again(hf_connection *connection, hf_channel *channel, hf_datachannel carrier,
                        const hf_datachannel_info *info)
{
    hf_channel_config theirs = {.unordered = info->unordered, .reliability = info->reliability};
    if (channel->carrier != 0) {
        hf_link_fail(connection, HF_EPROTO, "a channel is opened twice");
        return;
    }
    if (strcmp(channel->name, info->label) != 0 || hf_channel_delivery(&theirs) != hf_channel_delivery(&channel->config)) {
        hf_link_fail(connection, HF_EPROTO, "a channel comes back as another");
        return;
    }
    hf_channel_carry_by(channel, carrier);
    channel->announce = true;
    hf_channel_mind_ack(channel);
    hf_channel_tell(channel, HF_NEWS_OPEN);
}

/* Another channel of that name that is not known to end at the remote. */
static hf_channel *rival(const hf_session *session, const char *name)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        bool framed = channel->speaks == HF_PROTOCOL_HOLDFAST;
        if (framed && !channel->close_heard && !channel->over && strcmp(channel->name, name) == 0)
            return channel;
    }
    return NULL;
}

static hf_err remember(hf_session *session, uint64_t incarnation)
{
    hf_ranges *known = &session->traffic.incarnations;
    if (known->len == HF_INCARNATION_RANGES_MAX) {
        hf_range gap = {known->items[0].last + 1, known->items[1].first - 1};
        (void)!hf_ranges_add(known, session->env, gap, HF_INCARNATION_RANGES_MAX);
    }
    return hf_ranges_add(known, session->env, (hf_range){incarnation, incarnation}, HF_INCARNATION_RANGES_MAX);
}

/* A CLOSE that overtook the OPEN is heard now. */
static void hear_early_close(hf_connection *connection, uint64_t incarnation)
{
    hf_traffic *traffic = &connection->session->traffic;
    for (size_t i = 0; i < traffic->early_len; i++) {
        hf_control_last close = traffic->early[i];
        if (close.channel.incarnation != incarnation)
            continue;
        traffic->early[i] = traffic->early[--traffic->early_len];
        hf_close_hear(connection, &close);
        return;
    }
}

/* Ours survives, and the remote sends its messages on it; or the other way round. */
static void settle_glare(hf_connection *connection, hf_channel *ours, hf_datachannel carrier,
                         const hf_datachannel_info *info, uint64_t incarnation)
{
    hf_session *session = connection->session;
    bool survives = hf_session_is_lower(session);
    hf_err err = survives ? HF_OK : hf_channel_say_dead(ours);
    if (err == HF_OK)
        err = remember(session, incarnation);
    if (err != HF_OK) {
        hf_link_fail(connection, err, "two channels of one name can't be settled");
    } else if (survives) {
        ours->outdone = incarnation;
        hf_session_close_carrier(session, carrier);
    } else {
        hf_channel_give_way(ours, carrier, incarnation, info);
        hear_early_close(connection, incarnation);
    }
}

static void adopt_framed(hf_connection *connection, hf_datachannel carrier, const hf_datachannel_info *info,
                         const hf_field *field)
{
    hf_session *session = connection->session;
    hf_channel *channel = adopt(session, info, field->protocol);
    hf_err err = channel ? remember(session, field->incarnation) : HF_ELIMIT;
    if (err != HF_OK) {
        if (channel) {
            hf_channel_detach(channel);
            hf_channel_destroy(channel);
        }
        hf_link_fail(connection, err, "more channels than we can hold");
        return;
    }
    channel->speaks = HF_PROTOCOL_HOLDFAST;
    channel->incarnation = field->incarnation;
    hf_channel_carry_by(channel, carrier);
    channel->announce = true;
    hf_channel_mind_ack(channel);
    hf_channel_tell(channel, HF_NEWS_OPEN);
    if (session->traffic.bye_wanted)
        hf_channel_begin_close(channel);
    hear_early_close(connection, field->incarnation);
}

static void on_framed_open(hf_connection *connection, hf_datachannel carrier, const hf_datachannel_info *info,
                           const hf_field *field)
{
    hf_session *session = connection->session;
    hf_channel *channel = hf_channel_find(session, true, field->incarnation);
    if (channel) {
        carry_again(connection, channel, carrier, info);
        return;
    }
    if (hf_ranges_have(&session->traffic.incarnations, field->incarnation)) {
        hf_session_close_carrier(session, carrier); /* it has ended, or given way: the remote will hear of it */
        return;
    }
    channel = rival(session, info->label);
    if (channel && channel->remote)
        hf_link_fail(connection, HF_EPROTO, "two channels of one name are open");
    else if (channel)
        settle_glare(connection, channel, carrier, info, field->incarnation);
    else
        adopt_framed(connection, carrier, info, field);
}

/* Of the remote's: the first that is heard of it. A framed one tells, too, that the remote has seen our line. */
static void on_open(hf_connection *connection, hf_datachannel carrier)
{
    hf_datachannel_info info;
    hf_field field;
    if (hf_peer_channel_info(connection->peer, carrier, &info) != HF_OK || !info.remote)
        return; /* one of ours, of a channel that has given way a moment ago */
    hf_err err = connection->session->config.plain ? HF_ENOENT : hf_field_read(info.protocol, &field);
    if (err == HF_ENOENT) {
        adopt_plain(connection, carrier, &info);
        return;
    }
    if (err == HF_OK)
        err = hf_link_open_control(connection);
    if (err != HF_OK) {
        hf_link_fail(connection, err, "a channel's protocol field can't be taken");
        return;
    }
    connection->link.protocol = HF_PROTOCOL_HOLDFAST;
    on_framed_open(connection, carrier, &info, &field);
}

/* --- What comes on them --------------------------------------------------------------------------------------------- */

void hf_channel_deliver(hf_channel *channel, const hf_inbox_piece *piece)
{
    hf_session_event event = {.type = HF_SESSION_ON_DATA, .channel = channel};
    event.u.data.kind = piece->kind;
    event.u.data.data = piece->bytes.data;
    event.u.data.len = piece->bytes.len;
    event.u.data.first = piece->first;
    event.u.data.last = piece->last;
    event.u.data.discarded = piece->discarded;
    channel->messages_received += piece->last && !piece->discarded;
    channel->bytes_received += piece->bytes.len;
    hf_session_emit(channel->session, &event);
}

void hf_channel_mind_ack(hf_channel *channel)
{
    hf_session *session = channel->session;
    hf_traffic *traffic = &session->traffic;
    bool soon = false;
    if (channel->speaks != HF_PROTOCOL_HOLDFAST || channel->over)
        return;
    if (!hf_inbox_owes_ack(&channel->inbox, &soon) && !channel->announce)
        return;
    hf_time due = soon || channel->announce ? session->now : session->now + HF_LINK_ACK_DELAY;
    traffic->ack_due = due < traffic->ack_due ? due : traffic->ack_due;
}

static void on_frame(hf_connection *connection, hf_channel *channel, hf_message_kind kind, hf_bytes bytes)
{
    hf_inbox_piece piece = {0};
    bool passed = false;
    if (channel->over || (channel->close_heard && hf_inbox_has_all(&channel->inbox, channel->last)))
        return;
    hf_err err = kind == HF_BINARY ? HF_OK : HF_ESYNTAX;
    if (err == HF_OK)
        err = hf_inbox_take(&channel->inbox, bytes, channel->paused ? NULL : &piece, &passed);
    if (err != HF_OK) {
        hf_link_fail(connection, err, "a frame that can't be taken");
        return;
    }
    if (passed)
        hf_channel_deliver(channel, &piece);
    else
        hf_channel_tell(channel, HF_NEWS_DATA);
    hf_channel_mind_ack(channel);
    hf_channel_end_if_done(channel);
}

static void on_message(hf_connection *connection, hf_channel *channel, const hf_peer_event *e)
{
    hf_bytes bytes = hf_bytes_of(e->u.message.data, e->u.message.len);
    if (channel->speaks == HF_PROTOCOL_HOLDFAST) {
        on_frame(connection, channel, e->u.message.kind, bytes);
        return;
    }
    hf_channel_deliver(channel, &(hf_inbox_piece){.kind = e->u.message.kind,
                                                  .bytes = bytes,
                                                  .first = e->u.message.first,
                                                  .last = e->u.message.last,
                                                  .discarded = e->u.message.discarded});
}

/* A framed channel ends by CLOSE; its data channel may go a moment earlier, or because the channel has to give way. */
static void on_closed(hf_channel *channel, hf_err cause)
{
    channel->carrier = 0;
    if (channel->speaks == HF_PROTOCOL_PLAIN)
        hf_channel_end(channel, cause);
}

void hf_carry_hear(hf_connection *connection, const hf_peer_event *e)
{
    hf_channel *channel = hf_channel_of_carrier(connection->session, e->channel);
    if (!channel && e->type == HF_PEER_CHANNEL_OPEN) {
        on_open(connection, e->channel);
        return;
    }
    if (!channel)
        return; /* it was closed already */
    switch ((int)e->type) {
    case HF_PEER_CHANNEL_OPEN:
        note_id(channel);
        hf_channel_tell(channel, HF_NEWS_OPEN);
        hf_channel_feed(channel);
        break;
    case HF_PEER_CHANNEL_MESSAGE:
        on_message(connection, channel, e);
        break;
    case HF_PEER_CHANNEL_CLOSING:
        if (channel->speaks == HF_PROTOCOL_PLAIN)
            channel->closing = true; /* nothing more can be given */
        break;
    case HF_PEER_CHANNEL_CLOSED:
        on_closed(channel, e->cause);
        break;
    default: /* LOW, WRITABLE: of its own small queue */
        break;
    }
}
