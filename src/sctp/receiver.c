/* receiver.c: pulls from usrsctp what arrived: pieces into messages, or into parts of them, for their channels. */
#include "sctp_priv.h"

#include "alloc.h"
#include "dcep.h"

#include <usrsctp.h>

#include <errno.h>
#include <string.h>

#define FIRST_CAP 4096
#define ROOM_MIN 1024 /* for the next piece, or a notice */
#define PART_CAP 65536

/* The window follows what the fragments take, in steps. */
#define WINDOW_STEP 65536

typedef struct piece {
    size_t len;
    uint32_t tsn;
    uint16_t stream;
    uint32_t ppid;
    bool is_notice, is_last;
} piece;

static size_t limit(const hf_sctp *sctp)
{
    size_t max = sctp->config.message_max;
    return max > HF_DCEP_MESSAGE_MAX ? max : HF_DCEP_MESSAGE_MAX;
}

/* A message, or part of one, is being put together in `incoming`. */
static bool is_within(const hf_sctp *sctp)
{
    return sctp->incoming_len > 0 || sctp->parts.channel != 0;
}

void hf_receiver_lend(hf_sctp *sctp, void *memory)
{
    hf_dealloc(sctp->env, sctp->lent);
    sctp->lent = memory;
}

/* --- Messages --------------------------------------------------------------------------------------------------------- */

static void deliver_part(hf_sctp *sctp, hf_sctp_channel *channel, const hf_sctp_event *event, hf_sctp_event *out)
{
    channel->confirmed = true; /* RFC 8832 §6: any message will do */
    channel->bytes_received += event->message.len;
    if (channel->reset_since != 0)
        channel->reset_since = sctp->now;
    if (event->last && !event->discarded) {
        channel->messages_received++;
        sctp->stats.messages_received++;
    }
    hf_trace(sctp->env, sctp->now, HF_TRACE_SCTP_MESSAGE_RECEIVED, hf_trace_number("channel", channel->handle),
             hf_trace_text("kind", event->kind == HF_TEXT ? "text" : "binary"),
             hf_trace_number("bytes", event->message.len));
    *out = *event;
    out->type = HF_SCTP_CHANNEL_MESSAGE;
    out->channel = channel->handle;
}

void hf_receiver_deliver(hf_sctp *sctp, hf_sctp_channel *channel, hf_message_kind kind, hf_bytes message, hf_sctp_event *out)
{
    deliver_part(sctp, channel, &(hf_sctp_event){.kind = kind, .message = message, .first = true, .last = true}, out);
}

static void on_message(hf_sctp *sctp, uint16_t stream, hf_message_kind kind, hf_bytes message, hf_sctp_event *out)
{
    hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, stream);
    if (!channel)
        hf_held_add(sctp, stream, kind, message);
    else if (channel->silent)
        hf_sctp_drop(sctp, HF_DROP_UNKNOWN_STREAM, message.len);
    else
        hf_receiver_deliver(sctp, channel, kind, message, out);
}

static void on_whole(hf_sctp *sctp, uint16_t stream, uint32_t ppid, hf_bytes message, hf_sctp_event *out)
{
    hf_bytes nothing = {0};
    switch ((hf_ppid)ppid) {
    case HF_PPID_DCEP:
        hf_open_on_dcep(sctp, stream, message);
        return;
    case HF_PPID_TEXT:
        on_message(sctp, stream, HF_TEXT, message, out);
        return;
    case HF_PPID_BINARY:
        on_message(sctp, stream, HF_BINARY, message, out);
        return;
    case HF_PPID_TEXT_EMPTY:
        on_message(sctp, stream, HF_TEXT, nothing, out);
        return;
    case HF_PPID_BINARY_EMPTY:
        on_message(sctp, stream, HF_BINARY, nothing, out);
        return;
    case HF_PPID_TEXT_PARTIAL:
    case HF_PPID_BINARY_PARTIAL:
        break;
    }
    hf_sctp_drop(sctp, HF_DROP_UNKNOWN_STREAM, message.len);
}

/* True: no message of that kind may be so long, and the association ends. */
static bool is_too_long(hf_sctp *sctp, uint32_t ppid, size_t len)
{
    if (len <= (ppid == HF_PPID_DCEP ? HF_DCEP_MESSAGE_MAX : sctp->config.message_max))
        return false;
    hf_sctp_abort_because(sctp, HF_EMSGSIZE);
    return true;
}

static hf_sctp_channel *channel_in_parts(const hf_sctp *sctp, uint16_t stream, uint32_t ppid)
{
    hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, stream);
    bool is_message = ppid == HF_PPID_TEXT || ppid == HF_PPID_BINARY;
    return channel && channel->in_parts && !channel->silent && is_message ? channel : NULL;
}

/* --- Parts ------------------------------------------------------------------------------------------------------------ */

static hf_message_kind kind_of(uint32_t ppid)
{
    return ppid == HF_PPID_TEXT ? HF_TEXT : HF_BINARY;
}

/* Hands on what has come of a message. Its channel may have closed meanwhile. */
static void hand_on(hf_sctp *sctp, hf_bytes part, bool is_last, hf_sctp_event *out)
{
    hf_parts parts = sctp->parts;
    hf_sctp_channel *channel = hf_sctp_channel_find(sctp, parts.channel);
    sctp->parts.len += part.len;
    if (is_last)
        sctp->parts = (hf_parts){0};
    if (!channel || channel->state == HF_DATACHANNEL_CLOSED) {
        hf_sctp_drop(sctp, HF_DROP_UNKNOWN_STREAM, part.len);
        return;
    }
    hf_sctp_event event = {.kind = parts.kind, .message = part, .first = parts.len == 0, .last = is_last};
    deliver_part(sctp, channel, &event, out);
}

static void on_part(hf_sctp *sctp, const piece *p, hf_sctp_event *out)
{
    if (!is_too_long(sctp, p->ppid, sctp->parts.len + p->len))
        hand_on(sctp, hf_bytes_of(sctp->incoming, p->len), p->is_last, out);
}

void hf_receiver_give_up_partial(hf_sctp *sctp)
{
    sctp->incoming_len = 0;
    sctp->parts.given_up = sctp->parts.channel != 0;
}

static bool take_given_up(hf_sctp *sctp, hf_sctp_event *out)
{
    hf_parts parts = sctp->parts;
    if (!parts.given_up)
        return false;
    sctp->parts = (hf_parts){0};
    hf_sctp_channel *channel = hf_sctp_channel_find(sctp, parts.channel);
    if (!channel || channel->state == HF_DATACHANNEL_CLOSED)
        return false;
    deliver_part(sctp, channel, &(hf_sctp_event){.kind = parts.kind, .last = true, .discarded = true}, out);
    return true;
}

/* --- Fragments (fragments.h) ------------------------------------------------------------------------------------------ */

/* What is kept counts against the window that the remote sees. */
static void update_window(hf_sctp *sctp)
{
    size_t kept = sctp->fragments.bytes / WINDOW_STEP * WINDOW_STEP;
    size_t room = HF_SCTP_EVENTS_BYTES_MAX + sctp->config.message_max;
    size_t window = kept + HF_SCTP_WINDOW_MIN < room ? room - kept : HF_SCTP_WINDOW_MIN;
    hf_settings_set_window(sctp, window < HF_SCTP_EVENTS_BYTES_MAX ? window : HF_SCTP_EVENTS_BYTES_MAX);
}

/* The piece stands in `incoming` until there is memory for it. */
static bool keep_fragment(hf_sctp *sctp)
{
    hf_unkept *unkept = &sctp->unkept;
    hf_bytes data = hf_bytes_of(sctp->incoming + sctp->incoming_len, unkept->len);
    bool whole;
    uint32_t first;
    hf_err err = hf_fragments_add(&sctp->fragments, data, unkept->tsn, unkept->stream, unkept->ppid, &whole, &first);
    if (err == HF_ENOMEM)
        return false;
    unkept->len = 0;
    if (err != HF_OK || sctp->fragments.bytes > HF_SCTP_FRAGMENTS_BYTES_MAX + sctp->config.message_max) {
        hf_sctp_abort_because(sctp, HF_ELIMIT);
        return true;
    }
    sctp->assembled = whole;
    sctp->assembled_next = first;
    update_window(sctp);
    return true;
}

static void on_fragment(hf_sctp *sctp, const piece *p)
{
    sctp->unkept = (hf_unkept){.tsn = p->tsn, .stream = p->stream, .ppid = p->ppid, .len = p->len};
    (void)keep_fragment(sctp);
}

/* All that had arrived has been pulled, so what lacks a fragment that was acknowledged or given up lacks it for ever. */
static void forget_fragments(hf_sctp *sctp)
{
    if (sctp->fragments.len == 0 || !sctp->flow.sacking || is_within(sctp))
        return;
    hf_fragments_forget(&sctp->fragments, sctp->flow.tsn_sacked);
    update_window(sctp);
}

static hf_fragment *take_fragment(hf_sctp *sctp)
{
    hf_fragment *fragment = hf_fragments_take(&sctp->fragments, sctp->assembled_next++);
    if (hf_fragment_is_last(fragment))
        sctp->assembled = false;
    return fragment;
}

/* In parts as the fragments came. */
static void take_part(hf_sctp *sctp, hf_sctp_event *out)
{
    hf_fragment *fragment = take_fragment(sctp);
    hf_receiver_lend(sctp, fragment);
    hand_on(sctp, hf_bytes_of(fragment->data, fragment->len), hf_fragment_is_last(fragment), out);
}

static bool take_whole(hf_sctp *sctp, size_t len, uint16_t stream, uint32_t ppid, hf_sctp_event *out)
{
    uint8_t *message = hf_alloc_unfilled(sctp->env, len);
    if (!message)
        return false; /* next time */
    for (size_t at = 0; sctp->assembled;) {
        hf_fragment *fragment = take_fragment(sctp);
        memcpy(message + at, fragment->data, fragment->len);
        at += fragment->len;
        hf_dealloc(sctp->env, fragment);
    }
    hf_receiver_lend(sctp, message);
    on_whole(sctp, stream, ppid, hf_bytes_of(message, len), out);
    return true;
}

/* False: not now. */
static bool take_assembled(hf_sctp *sctp, hf_sctp_event *out)
{
    const hf_fragment *head = hf_fragments_at(&sctp->fragments, sctp->assembled_next);
    uint32_t ppid = hf_fragments_ppid(head->ppid);
    hf_sctp_channel *channel = channel_in_parts(sctp, head->stream, ppid);
    if (sctp->parts.channel != 0) {
        take_part(sctp, out);
        return true;
    }
    size_t len = hf_fragments_message_len(&sctp->fragments, sctp->assembled_next);
    if (is_too_long(sctp, ppid, len))
        return true;
    if (!channel)
        return take_whole(sctp, len, head->stream, ppid, out);
    sctp->parts = (hf_parts){.channel = channel->handle, .kind = kind_of(ppid)};
    take_part(sctp, out);
    return true;
}

/* --- Pieces ----------------------------------------------------------------------------------------------------------- */

static bool make_room(hf_sctp *sctp)
{
    size_t need = sctp->incoming_len + sctp->notice_len + ROOM_MIN;
    size_t max = limit(sctp) + HF_SCTP_NOTICE_MAX + ROOM_MIN;
    size_t least = sctp->parts.channel != 0 ? PART_CAP : FIRST_CAP;
    if (need < least)
        need = least;
    return hf_grow(sctp->env, &sctp->incoming, &sctp->incoming_cap, need, max, 1) == HF_OK;
}

static bool read_piece(hf_sctp *sctp, piece *out)
{
    struct sctp_rcvinfo info = {0};
    socklen_t info_size = sizeof info, from_size = 0;
    unsigned info_type = 0;
    int flags = 0;
    size_t at = sctp->incoming_len + sctp->notice_len;
    ssize_t n = usrsctp_recvv(sctp->socket, sctp->incoming + at, sctp->incoming_cap - at, NULL, &from_size, &info,
                              &info_size, &info_type, &flags);
    if (n <= 0)
        return false;
    *out = (piece){
        .len = (size_t)n,
        .tsn = info.rcv_tsn,
        .stream = info.rcv_sid,
        .ppid = ntohl(info.rcv_ppid),
        .is_notice = (flags & MSG_NOTIFICATION) != 0,
        .is_last = (flags & MSG_EOR) != 0,
    };
    return true;
}

static void on_notice_piece(hf_sctp *sctp, const piece *p)
{
    size_t len = sctp->notice_len + p->len;
    sctp->notice_len = p->is_last || len > HF_SCTP_NOTICE_MAX ? 0 : len;
    if (p->is_last)
        hf_notice_handle(sctp, hf_bytes_of(sctp->incoming + sctp->incoming_len, len));
}

static void on_data_piece(hf_sctp *sctp, const piece *p, hf_sctp_event *out)
{
    size_t len = sctp->incoming_len + p->len;
    if (is_too_long(sctp, p->ppid, len))
        return;
    sctp->incoming_len = p->is_last ? 0 : len;
    if (p->is_last)
        on_whole(sctp, p->stream, p->ppid, hf_bytes_of(sctp->incoming, len), out);
}

static void on_piece(hf_sctp *sctp, const piece *p, hf_sctp_event *out)
{
    const hf_sctp_channel *channel;
    if (hf_fragments_is_marked(p->ppid)) {
        on_fragment(sctp, p);
        return;
    }
    if (!is_within(sctp) && !p->is_last && (channel = channel_in_parts(sctp, p->stream, p->ppid)) != NULL)
        sctp->parts = (hf_parts){.channel = channel->handle, .kind = kind_of(p->ppid)};
    if (sctp->parts.channel != 0)
        on_part(sctp, p, out);
    else
        on_data_piece(sctp, p, out);
}

bool hf_receiver_pull(hf_sctp *sctp, hf_sctp_event *out)
{
    piece p;
    if (take_given_up(sctp, out))
        return true;
    if (sctp->unkept.len > 0)
        return keep_fragment(sctp);
    if (sctp->assembled)
        return take_assembled(sctp, out);
    if (!sctp->readable || !make_room(sctp))
        return false;
    if (!read_piece(sctp, &p)) {
        sctp->readable = false;
        forget_fragments(sctp);
        return false;
    }
    if (p.is_notice)
        on_notice_piece(sctp, &p);
    else
        on_piece(sctp, &p, out);
    return true;
}

/* --- Memory ----------------------------------------------------------------------------------------------------------- */

void hf_receiver_clear(hf_sctp *sctp)
{
    if (!sctp->readable)
        forget_fragments(sctp);
    hf_fragments_clear_if_empty(&sctp->fragments);
    if (is_within(sctp) || sctp->notice_len > 0 || sctp->unkept.len > 0)
        return;
    hf_dealloc(sctp->env, sctp->incoming);
    sctp->incoming = NULL;
    sctp->incoming_cap = 0;
}

void hf_receiver_drop_all(hf_sctp *sctp)
{
    sctp->incoming_len = sctp->notice_len = 0;
    sctp->parts = (hf_parts){0};
    sctp->unkept = (hf_unkept){0};
    hf_held_forget(sctp, HF_SCTP_ALL_STREAMS);
    hf_receiver_lend(sctp, NULL);
    hf_fragments_clear(&sctp->fragments);
    hf_receiver_clear(sctp);
}
