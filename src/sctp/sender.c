/* sender.c: the channels' queues, and what usrsctp gets of them.
 *
 * usrsctp's schedulers let a stream with a backlog starve the others, so it gets whole messages in turn, and the next ones
 * only while little of what it has is unsent. */
#include "sctp_priv.h"

#include "alloc.h"
#include "dcep.h"

#include <usrsctp.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Unsent payload inside usrsctp below which it gets another message. A few packets do: we come back with each SACK. What is
 * more would be stale behind an outage, for usrsctp looks at lifetimes only when it retransmits. */
#define UNSENT_MAX 8192

/* Nor does it get more while so much waits for the driver: a run. What the congestion window would allow beyond that
 * stays in the channels' queues, where priority still counts, and packets are made, sealed and sent while they are in
 * the cache. */
#define OUTPUT_ENOUGH 65536

#define FLOOR_EVERY 16 /* turns */

/* RFC 9260 §3.3.1: the header of a DATA chunk, and padding. */
#define CHUNK_OVERHEAD (16 + 3)

/* So long nothing new may leave before we doubt that usrsctp still has what it was given. */
#define STALLED_AFTER HF_MS(100)

/* RFC 8831 §6.6: an empty message travels as one zero byte. */
static const uint8_t empty[1] = {0};

typedef enum result { GIVEN, WAITS, STREAM_WAITS, IMPOSSIBLE } result;

/* --- Turns ---------------------------------------------------------------------------------------------------------- */

/* RFC 8831 §6.4: 1024 is high, 512 above normal, 256 normal; what is below that is low. */
static size_t class_of(const hf_sctp_channel *channel)
{
    return channel->priority >= 1024 ? 0 : channel->priority >= 512 ? 1 : channel->priority >= 256 ? 2 : 3;
}

static void push_turn(hf_sctp *sctp, hf_sctp_channel *channel)
{
    hf_sctp_channel_list *turns = &sctp->turns[class_of(channel)];
    if (channel->queued_for_turn)
        return;
    channel->queued_for_turn = true;
    channel->turn_next = NULL;
    if (turns->last)
        turns->last->turn_next = channel;
    else
        turns->first = channel;
    turns->last = channel;
    sctp->turns_len++;
}

static hf_sctp_channel *pop_first(hf_sctp *sctp, hf_sctp_channel_list *turns)
{
    hf_sctp_channel *channel = turns->first;
    turns->first = channel->turn_next;
    if (!turns->first)
        turns->last = NULL;
    channel->queued_for_turn = false;
    sctp->turns_len--;
    return channel;
}

/* The most urgent; once in so often the least urgent, so that none starves. */
static hf_sctp_channel *pop_turn(hf_sctp *sctp)
{
    bool reversed = ++sctp->turns_taken % FLOOR_EVERY == 0;
    for (size_t i = 0; i < HF_SCTP_CLASSES; i++) {
        hf_sctp_channel_list *turns = &sctp->turns[reversed ? HF_SCTP_CLASSES - 1 - i : i];
        if (turns->first)
            return pop_first(sctp, turns);
    }
    return NULL;
}

static void remove_turn(hf_sctp *sctp, hf_sctp_channel *channel)
{
    hf_sctp_channel_list *turns = &sctp->turns[class_of(channel)];
    const hf_sctp_channel *last = turns->last;
    while (channel->queued_for_turn) { /* once around keeps the others in their order */
        hf_sctp_channel *next = pop_first(sctp, turns);
        if (next != channel)
            push_turn(sctp, next);
        if (next == last)
            break;
    }
}

/* --- Queues --------------------------------------------------------------------------------------------------------- */

static bool is_payload(hf_ppid ppid)
{
    return ppid != HF_PPID_DCEP;
}

/* What counts as buffered: the application's bytes. */
static size_t payload(const hf_outgoing *message)
{
    bool counts = message->ppid == HF_PPID_TEXT || message->ppid == HF_PPID_BINARY;
    return counts ? message->len : 0;
}

static hf_err enqueue(hf_sctp *sctp, hf_sctp_channel *channel, hf_ppid ppid, hf_bytes message, hf_outgoing **out)
{
    hf_outgoing *copy = hf_alloc_unfilled(sctp->env, sizeof *copy + message.len);
    if (!copy)
        return HF_ENOMEM;
    *copy = (hf_outgoing){.since = sctp->now, .ppid = ppid, .len = message.len};
    if (message.data)
        memcpy(copy->data, message.data, message.len);
    if (channel->last)
        channel->last->next = copy;
    else
        channel->first = copy;
    channel->last = copy;
    channel->buffered += payload(copy);
    sctp->bytes_queued += copy->len;
    push_turn(sctp, channel);
    *out = copy;
    return HF_OK;
}

hf_err hf_sender_queue(hf_sctp *sctp, hf_sctp_channel *channel, hf_ppid ppid, hf_bytes message)
{
    hf_outgoing *queued;
    return enqueue(sctp, channel, ppid, message, &queued);
}

hf_err hf_sender_queue_open(hf_sctp *sctp, hf_sctp_channel *channel)
{
    hf_dcep_open open = {
        .unordered = channel->unordered,
        .reliability = channel->reliability,
        .reliability_limit = channel->reliability_limit,
        .priority = channel->priority,
        .label = hf_bytes_of_text(channel->label),
        .protocol = hf_bytes_of_text(channel->protocol),
    };
    hf_outgoing *queued;
    hf_bytes room = {.len = HF_DCEP_OPEN_SIZE + open.label.len + open.protocol.len};
    hf_err err = enqueue(sctp, channel, HF_PPID_DCEP, room, &queued);
    if (err != HF_OK)
        return err;
    hf_writer w = hf_writer_of(queued->data, queued->len);
    hf_dcep_write_open(&w, &open);
    return HF_OK;
}

static void drop_first(hf_sctp *sctp, hf_sctp_channel *channel)
{
    hf_outgoing *message = channel->first;
    size_t before = channel->buffered, after = before - payload(message);
    channel->first = message->next;
    if (!channel->first)
        channel->last = NULL;
    sctp->bytes_queued -= message->len;
    hf_dealloc(sctp->env, message);
    hf_sctp_channel_set_buffered(sctp, channel, before, after);
}

bool hf_sender_has_only_open(const hf_sctp_channel *channel)
{
    return !channel->first || (channel->first == channel->last && !is_payload(channel->first->ppid));
}

void hf_sender_drop_queue(hf_sctp *sctp, hf_sctp_channel *channel)
{
    remove_turn(sctp, channel);
    while (channel->first) {
        hf_outgoing *message = channel->first;
        channel->first = message->next;
        sctp->bytes_queued -= message->len;
        sctp->bytes_given_up += message->len;
        hf_dealloc(sctp->env, message);
    }
    channel->last = NULL;
    channel->buffered = 0;
}

/* --- Giving --------------------------------------------------------------------------------------------------------- */

static bool has_room(const hf_sctp *sctp)
{
    bool running = sctp->state == HF_SCTP_CONNECTING || sctp->state == HF_SCTP_ESTABLISHED;
    return running && sctp->bytes_given - sctp->flow.bytes_sent < UNSENT_MAX &&
           sctp->output.tail - sctp->output.head < OUTPUT_ENOUGH;
}

/* usrsctp counts chunks with header and padding; here those that are given up, or acknowledged in a gap, count as well. What
 * is to be repeated goes before, and waits for more room than new data does. */
bool hf_sctp_leaves_at_once(const hf_sctp *sctp, size_t len)
{
    const hf_flow *flow = &sctp->flow;
    hf_sctp_facts facts;
    if (sctp->state != HF_SCTP_ESTABLISHED || !has_room(sctp) || sctp->turns_len > 0)
        return false;
    hf_sctp_get_facts(sctp, &facts);
    uint64_t in_flight = flow->bytes_sent - flow->bytes_delivered + facts.unacked_chunks * CHUNK_OVERHEAD;
    uint64_t repeated = flow->bytes_delivered != flow->bytes_acked ? 2 * sctp->config.mtu : 0; /* a gap is known */
    bool is_taken = in_flight == 0 || len + CHUNK_OVERHEAD <= facts.receiver_window;
    return sctp->bytes_given == flow->bytes_sent && in_flight + repeated < facts.congestion_window && is_taken;
}

/* usrsctp starts its retransmission timer anew only when nothing is in flight, so the short one of the handshake would hit
 * data whose SACK is delayed: until then SACKs are asked for at once (RFC 7053), by a message that no other follows yet. */
static bool wants_sack(const hf_sctp *sctp, const hf_sctp_channel *channel)
{
    return !sctp->settled && sctp->turns_len == 0 && (!channel->first || !channel->first->next);
}

/* RFC 8832 §6: ordered until the remote knows the channel, so that nothing overtakes the OPEN. DCEP itself is reliable. */
static struct sctp_sendv_spa describe(const hf_sctp *sctp, const hf_sctp_channel *channel, hf_ppid ppid, hf_span waited)
{
    struct sctp_sendv_spa spa = {
        .sendv_flags = SCTP_SEND_SNDINFO_VALID,
        .sendv_sndinfo = {.snd_sid = channel->id, .snd_ppid = htonl(ppid)},
    };
    if (wants_sack(sctp, channel))
        spa.sendv_sndinfo.snd_flags |= SCTP_SACK_IMMEDIATELY;
    if (!is_payload(ppid))
        return spa;
    if (channel->unordered && channel->confirmed)
        spa.sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
    hf_span left = channel->reliability_limit - waited / HF_MS(1);
    switch (channel->reliability) {
    case HF_RELIABLE:
        break;
    case HF_MAX_RETRANSMITS:
        spa.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        spa.sendv_prinfo = (struct sctp_prinfo){.pr_policy = SCTP_PR_SCTP_RTX, .pr_value = channel->reliability_limit};
        break;
    case HF_MAX_LIFETIME:
        spa.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        spa.sendv_prinfo = (struct sctp_prinfo){.pr_policy = SCTP_PR_SCTP_TTL, .pr_value = left > 0 ? (uint32_t)left : 1};
        break;
    }
    return spa;
}

static result give(hf_sctp *sctp, const hf_sctp_channel *channel, hf_ppid ppid, hf_bytes message, hf_span waited)
{
    struct sctp_sendv_spa spa = describe(sctp, channel, ppid, waited);
    sctp->bytes_given += message.len; /* before: the call may send it at once, and sent must not exceed given */
    ssize_t n = usrsctp_sendv(sctp->socket, message.data, message.len, NULL, 0, &spa, sizeof spa, SCTP_SENDV_SPA, 0);
    if (n == (ssize_t)message.len)
        return GIVEN;
    sctp->bytes_given -= message.len;
    switch (n < 0 ? errno : EAGAIN) {
    case EMSGSIZE:
    case EINVAL:
        return IMPOSSIBLE;
    case ENOTCONN:
    case ECONNRESET:
    case EPIPE:
        return WAITS; /* the association is over, and the notice of it is on its way */
    default:
        return channel->reset_asked ? STREAM_WAITS : WAITS;
    }
}

static bool is_expired(const hf_sctp *sctp, const hf_sctp_channel *channel, const hf_outgoing *message)
{
    return channel->reliability == HF_MAX_LIFETIME && is_payload(message->ppid) &&
           sctp->now - message->since > HF_MS((hf_span)channel->reliability_limit);
}

static bool is_too_long(const hf_sctp *sctp, size_t len)
{
    return len > HF_MESSAGE_MAX_LIMIT || (sctp->remote.message_max != 0 && len > sctp->remote.message_max);
}

/* One message, behind as many as have expired. */
static result give_first(hf_sctp *sctp, hf_sctp_channel *channel)
{
    while (channel->first && is_expired(sctp, channel, channel->first)) {
        sctp->bytes_given_up += channel->first->len;
        drop_first(sctp, channel);
    }
    hf_outgoing *message = channel->first;
    if (!message)
        return GIVEN;
    if (is_payload(message->ppid) && is_too_long(sctp, message->len))
        return IMPOSSIBLE;
    result r = give(sctp, channel, message->ppid, hf_bytes_of(message->data, message->len), sctp->now - message->since);
    if (r == GIVEN)
        drop_first(sctp, channel);
    return r;
}

static void after_turn(hf_sctp *sctp, hf_sctp_channel *channel)
{
    if (channel->first)
        push_turn(sctp, channel);
    else if (channel->state == HF_DATACHANNEL_CLOSING)
        hf_reset_ask(sctp, channel);
}

/* Gives while there is room. A stream that is still being reset lets the others pass: it stands aside meanwhile. */
void hf_sender_feed(hf_sctp *sctp)
{
    hf_sctp_channel *aside = NULL;
    result r = GIVEN;
    while (r != WAITS && has_room(sctp) && sctp->turns_len > 0) {
        hf_sctp_channel *channel = pop_turn(sctp);
        r = give_first(sctp, channel);
        if (r == IMPOSSIBLE) {
            hf_sender_drop_queue(sctp, channel);
            hf_sctp_channel_begin_close(sctp, channel, HF_EMSGSIZE);
        } else if (r == STREAM_WAITS) {
            channel->turn_next = aside;
            aside = channel;
        } else {
            after_turn(sctp, channel);
        }
    }
    while (aside) {
        hf_sctp_channel *channel = aside;
        aside = channel->turn_next;
        after_turn(sctp, channel);
    }
}

/* usrsctp does not tell how much of an abandoned message had not left yet (RFC 3758), so the count of what is unsent
 * would grow for ever. When nothing leaves, and something was abandoned or nothing is in flight, it begins again at
 * zero. If it was the remote's window that closed, that does no harm: it gets a little more. */
void hf_sender_resync(hf_sctp *sctp)
{
    if (sctp->state != HF_SCTP_ESTABLISHED || sctp->bytes_given == sctp->flow.bytes_sent ||
        sctp->stalled_at != sctp->flow.bytes_sent) {
        sctp->stalled_at = sctp->flow.bytes_sent;
        sctp->stalled_since = sctp->now;
    } else if (sctp->now - sctp->stalled_since >= STALLED_AFTER && (sctp->abandoned || hf_flow_is_idle(&sctp->flow))) {
        sctp->bytes_given_up += sctp->bytes_given - sctp->flow.bytes_sent;
        sctp->bytes_given = sctp->flow.bytes_sent;
        sctp->abandoned = false;
    }
}

/* RFC 9260 §3.3.10.12. The words are those of the browsers. */
void hf_sender_abort(hf_sctp *sctp)
{
    static const char reason[] = "Close called";
    struct sctp_sndinfo info = {.snd_flags = SCTP_ABORT};
    usrsctp_sendv(sctp->socket, reason, sizeof reason - 1, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0);
}

/* --- Face ----------------------------------------------------------------------------------------------------------- */

static hf_ppid ppid_of(hf_message_kind kind, bool is_empty)
{
    if (kind == HF_TEXT)
        return is_empty ? HF_PPID_TEXT_EMPTY : HF_PPID_TEXT;
    return is_empty ? HF_PPID_BINARY_EMPTY : HF_PPID_BINARY;
}

/* Straight to usrsctp, without a copy of ours, when nothing is before it. */
static bool give_at_once(hf_sctp *sctp, hf_sctp_channel *channel, hf_ppid ppid, hf_bytes wire)
{
    bool may = channel->has_id && !channel->first && sctp->turns_len == 0 && has_room(sctp);
    return may && give(sctp, channel, ppid, wire, 0) == GIVEN;
}

hf_err hf_sctp_channel_send(hf_sctp *sctp, hf_time now, hf_datachannel handle, hf_message_kind kind, hf_bytes message)
{
    hf_sctp_enter(sctp, now);
    hf_sctp_channel *channel = hf_sctp_channel_find(sctp, handle);
    if ((kind != HF_BINARY && kind != HF_TEXT) || (!message.data && message.len > 0))
        return HF_EINVAL;
    if (!channel)
        return HF_ENOENT;
    if (channel->state == HF_DATACHANNEL_CLOSING || channel->state == HF_DATACHANNEL_CLOSED)
        return HF_ESTATE;
    if (is_too_long(sctp, message.len) || message.len > channel->buffered_max)
        return HF_EMSGSIZE;
    if (message.len > channel->buffered_max - channel->buffered) {
        channel->writable_wanted = true;
        return HF_EAGAIN;
    }
    hf_ppid ppid = ppid_of(kind, message.len == 0);
    hf_bytes wire = message.len > 0 ? message : hf_bytes_of(empty, sizeof empty);
    if (give_at_once(sctp, channel, ppid, wire)) {
        hf_sctp_channel_set_buffered(sctp, channel, channel->buffered + message.len, channel->buffered);
    } else {
        hf_err err = hf_sender_queue(sctp, channel, ppid, wire);
        if (err != HF_OK)
            return err;
        hf_sender_feed(sctp);
    }
    channel->messages_sent++;
    channel->bytes_sent += message.len;
    sctp->stats.messages_sent++;
    hf_trace(sctp->env, sctp->now, HF_TRACE_SCTP_MESSAGE_SENT, hf_trace_number("channel", channel->handle),
             hf_trace_text("kind", kind == HF_TEXT ? "text" : "binary"), hf_trace_number("bytes", message.len));
    return HF_OK;
}
