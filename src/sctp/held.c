/* held.c: messages that came before their channel: their OPEN was overtaken, or the negotiated channel is not there yet. */
#include "sctp_priv.h"

#include "alloc.h"

#include <string.h>

void hf_held_add(hf_sctp *sctp, uint16_t stream, hf_message_kind kind, hf_bytes message)
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

void hf_held_forget(hf_sctp *sctp, uint16_t stream)
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

/* The oldest whose channel is there by now. */
static hf_held *find(const hf_sctp *sctp, hf_held **before)
{
    *before = NULL;
    for (hf_held *held = sctp->held_first; held; *before = held, held = held->next) {
        const hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, held->stream);
        if (channel && !channel->silent)
            return held;
    }
    return NULL;
}

bool hf_held_take(hf_sctp *sctp, hf_sctp_event *out)
{
    hf_held *before, *held = find(sctp, &before);
    if (!held)
        return false;
    unlink_held(sctp, before, held);
    hf_receiver_lend(sctp, held);
    hf_receiver_deliver(sctp, hf_sctp_channel_of_stream(sctp, held->stream), held->kind, hf_bytes_of(held->data, held->len),
                        out);
    return true;
}
