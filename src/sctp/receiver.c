/* receiver.c: pulls from usrsctp what arrived: pieces into messages, messages to their channels. */
#include "sctp_priv.h"

#include "alloc.h"
#include "dcep.h"

#include <usrsctp.h>

#include <errno.h>
#include <string.h>

#define FIRST_CAP 4096
#define ROOM_MIN 1024 /* for the next piece, or a notice */

typedef struct piece {
    ssize_t len;
    uint16_t stream;
    hf_ppid ppid;
    bool is_notice, is_last;
} piece;

static size_t limit(const hf_sctp *sctp)
{
    size_t max = sctp->config.message_max;
    return max > HF_DCEP_MESSAGE_MAX ? max : HF_DCEP_MESSAGE_MAX;
}

void hf_receiver_clear(hf_sctp *sctp)
{
    if (sctp->incoming_len > 0 || sctp->notice_len > 0)
        return;
    hf_dealloc(sctp->env, sctp->incoming);
    sctp->incoming = NULL;
    sctp->incoming_cap = 0;
}

/* --- Messages that came before their channel -------------------------------------------------------------------------- */

static void hold(hf_sctp *sctp, uint16_t stream, hf_message_kind kind, hf_bytes message)
{
    bool fits = message.len <= HF_SCTP_HELD_BYTES_MAX - sctp->held_bytes && sctp->held_len < HF_SCTP_HELD_MAX;
    hf_held *held = fits ? hf_alloc(sctp->env, sizeof *held + message.len) : NULL;
    if (!held) {
        hf_sctp_drop(sctp, HF_DROP_UNKNOWN_STREAM, message.len);
        return;
    }
    held->stream = stream;
    held->kind = kind;
    held->len = message.len;
    if (message.len > 0)
        memcpy(held->data, message.data, message.len);
    if (sctp->held_last)
        sctp->held_last->next = held;
    else
        sctp->held_first = held;
    sctp->held_last = held;
    sctp->held_bytes += held->len;
    sctp->held_len++;
}

static void unlink_held(hf_sctp *sctp, hf_held *before, hf_held *held)
{
    if (before)
        before->next = held->next;
    else
        sctp->held_first = held->next;
    if (sctp->held_last == held)
        sctp->held_last = before;
    sctp->held_bytes -= held->len;
    sctp->held_len--;
}

void hf_receiver_forget_held(hf_sctp *sctp, uint16_t stream)
{
    hf_held *before = NULL;
    for (hf_held *held = sctp->held_first, *next; held; held = next) {
        next = held->next;
        if (held->stream == stream || stream == HF_SCTP_ALL_STREAMS) {
            unlink_held(sctp, before, held);
            hf_sctp_drop(sctp, HF_DROP_UNKNOWN_STREAM, held->len);
            hf_dealloc(sctp->env, held);
        } else {
            before = held;
        }
    }
}

/* --- Messages --------------------------------------------------------------------------------------------------------- */

static void deliver(hf_sctp *sctp, hf_sctp_channel *channel, hf_message_kind kind, hf_bytes message, hf_sctp_event *out)
{
    channel->confirmed = true; /* RFC 8832 §6: any message will do */
    channel->messages_received++;
    channel->bytes_received += message.len;
    sctp->stats.messages_received++;
    hf_trace(sctp->env, sctp->now, HF_TRACE_SCTP_MESSAGE_RECEIVED, hf_trace_number("channel", channel->handle),
             hf_trace_text("kind", kind == HF_TEXT ? "text" : "binary"), hf_trace_number("bytes", message.len));
    *out = (hf_sctp_event){.type = HF_SCTP_CHANNEL_MESSAGE, .channel = channel->handle, .kind = kind, .message = message};
}

bool hf_receiver_take_held(hf_sctp *sctp, hf_sctp_event *out)
{
    hf_held *before = NULL;
    for (hf_held *held = sctp->held_first; held; before = held, held = held->next) {
        hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, held->stream);
        if (!channel || channel->silent)
            continue;
        if (held->len > sctp->incoming_cap &&
            hf_grow(sctp->env, &sctp->incoming, &sctp->incoming_cap, held->len, limit(sctp) + ROOM_MIN, 1) != HF_OK)
            return false; /* next time */
        if (held->len > 0)
            memcpy(sctp->incoming, held->data, held->len);
        deliver(sctp, channel, held->kind, hf_bytes_of(sctp->incoming, held->len), out);
        unlink_held(sctp, before, held);
        hf_dealloc(sctp->env, held);
        return true;
    }
    return false;
}

static void on_message(hf_sctp *sctp, uint16_t stream, hf_message_kind kind, hf_bytes message, hf_sctp_event *out)
{
    hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, stream);
    if (!channel)
        hold(sctp, stream, kind, message);
    else if (channel->silent)
        hf_sctp_drop(sctp, HF_DROP_UNKNOWN_STREAM, message.len);
    else
        deliver(sctp, channel, kind, message, out);
}

static void on_whole(hf_sctp *sctp, const piece *p, hf_bytes message, hf_sctp_event *out)
{
    hf_bytes nothing = {0};
    switch (p->ppid) {
    case HF_PPID_DCEP:
        hf_open_on_dcep(sctp, p->stream, message);
        return;
    case HF_PPID_TEXT:
        on_message(sctp, p->stream, HF_TEXT, message, out);
        return;
    case HF_PPID_BINARY:
        on_message(sctp, p->stream, HF_BINARY, message, out);
        return;
    case HF_PPID_TEXT_EMPTY:
        on_message(sctp, p->stream, HF_TEXT, nothing, out);
        return;
    case HF_PPID_BINARY_EMPTY:
        on_message(sctp, p->stream, HF_BINARY, nothing, out);
        return;
    case HF_PPID_TEXT_PARTIAL:
    case HF_PPID_BINARY_PARTIAL:
        break;
    }
    hf_sctp_drop(sctp, HF_DROP_UNKNOWN_STREAM, message.len);
}

/* --- Pieces ----------------------------------------------------------------------------------------------------------- */

static bool make_room(hf_sctp *sctp)
{
    size_t need = sctp->incoming_len + sctp->notice_len + ROOM_MIN;
    size_t max = limit(sctp) + HF_SCTP_NOTICE_MAX + ROOM_MIN;
    if (need < FIRST_CAP)
        need = FIRST_CAP;
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
        .len = n,
        .stream = info.rcv_sid,
        .ppid = (hf_ppid)ntohl(info.rcv_ppid),
        .is_notice = (flags & MSG_NOTIFICATION) != 0,
        .is_last = (flags & MSG_EOR) != 0,
    };
    return true;
}

static void on_notice_piece(hf_sctp *sctp, const piece *p)
{
    size_t len = sctp->notice_len + (size_t)p->len;
    sctp->notice_len = p->is_last || len > HF_SCTP_NOTICE_MAX ? 0 : len;
    if (p->is_last)
        hf_notice_handle(sctp, hf_bytes_of(sctp->incoming + sctp->incoming_len, len));
}

static void on_data_piece(hf_sctp *sctp, const piece *p, hf_sctp_event *out)
{
    size_t len = sctp->incoming_len + (size_t)p->len;
    size_t max = p->ppid == HF_PPID_DCEP ? HF_DCEP_MESSAGE_MAX : sctp->config.message_max;
    if (len > max) {
        hf_sctp_abort_because(sctp, HF_EMSGSIZE);
        return;
    }
    sctp->incoming_len = p->is_last ? 0 : len;
    if (p->is_last)
        on_whole(sctp, p, hf_bytes_of(sctp->incoming, len), out);
}

bool hf_receiver_pull(hf_sctp *sctp, hf_sctp_event *out)
{
    piece p;
    if (!sctp->readable || !make_room(sctp))
        return false;
    if (!read_piece(sctp, &p)) {
        sctp->readable = false;
        return false;
    }
    if (p.is_notice)
        on_notice_piece(sctp, &p);
    else
        on_data_piece(sctp, &p, out);
    return true;
}
