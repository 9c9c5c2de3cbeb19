/* channel.c: the table of channels, their ids, states and untold events. */
#include "sctp_priv.h"

#include "alloc.h"

#include <assert.h>
#include <string.h>

#define BIT(n) (1u << (n))
#define CHANNELS_MAX (2 * HF_DATACHANNELS_MAX) /* the open ones, and closed ones that nobody was told of yet */

/* --- The table ------------------------------------------------------------------------------------------------------ */

static size_t position(const hf_sctp *sctp, hf_datachannel handle)
{
    size_t low = 0, high = sctp->channels_len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sctp->channels[middle]->handle < handle)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

hf_sctp_channel *hf_sctp_channel_find(const hf_sctp *sctp, hf_datachannel handle)
{
    size_t at = position(sctp, handle);
    hf_sctp_channel *channel = at < sctp->channels_len ? sctp->channels[at] : NULL;
    return channel && channel->handle == handle && !channel->silent && !channel->forgettable ? channel : NULL;
}

hf_sctp_channel *hf_sctp_channel_of_stream(const hf_sctp *sctp, uint16_t stream)
{
    return stream < sctp->by_stream_cap ? sctp->by_stream[stream] : NULL;
}

hf_err hf_sctp_channel_reserve_stream(hf_sctp *sctp, uint16_t stream)
{
    return hf_grow(sctp->env, &sctp->by_stream, &sctp->by_stream_cap, (size_t)stream + 1, HF_STREAMS_MAX,
                   sizeof(hf_sctp_channel *));
}

void hf_sctp_channel_bind(hf_sctp *sctp, hf_sctp_channel *channel, uint16_t stream)
{
    assert(stream < sctp->by_stream_cap && !sctp->by_stream[stream]);
    channel->has_id = true;
    channel->id = stream;
    sctp->by_stream[stream] = channel;
}

/* RFC 8832 §6: even for the DTLS client, odd for the server. The lowest that is free. */
hf_err hf_sctp_channel_choose_stream(const hf_sctp *sctp, uint16_t *out)
{
    for (uint16_t stream = sctp->remote.dtls_client ? 0 : 1; stream < sctp->config.streams_max;
         stream = (uint16_t)(stream + 2)) {
        if (!hf_sctp_channel_of_stream(sctp, stream)) {
            *out = stream;
            return HF_OK;
        }
    }
    return HF_ELIMIT;
}

static void free_channel(hf_sctp *sctp, hf_sctp_channel *channel)
{
    hf_sender_drop_queue(sctp, channel);
    hf_dealloc(sctp->env, channel->label);
    hf_dealloc(sctp->env, channel->protocol);
    hf_dealloc(sctp->env, channel);
}

hf_err hf_sctp_channel_add(hf_sctp *sctp, const hf_sctp_channel *what, hf_bytes label, hf_bytes protocol,
                           hf_sctp_channel **out)
{
    hf_err err = hf_grow(sctp->env, &sctp->channels, &sctp->channels_cap, sctp->channels_len + 1, CHANNELS_MAX, sizeof *out);
    if (err != HF_OK)
        return err;
    if (sctp->handle_last == UINT32_MAX)
        return HF_ELIMIT;
    hf_sctp_channel *channel = hf_alloc(sctp->env, sizeof *channel);
    if (!channel)
        return HF_ENOMEM;
    *channel = *what;
    channel->label = hf_alloc_text(sctp->env, (const char *)label.data, label.len);
    channel->protocol = hf_alloc_text(sctp->env, (const char *)protocol.data, protocol.len);
    if (!channel->label || !channel->protocol) {
        free_channel(sctp, channel);
        return HF_ENOMEM;
    }
    channel->handle = ++sctp->handle_last;
    if (channel->buffered_max == 0)
        channel->buffered_max =
            sctp->config.message_max > HF_SEND_BUFFER_DEFAULT ? sctp->config.message_max : HF_SEND_BUFFER_DEFAULT;
    sctp->channels[sctp->channels_len++] = channel;
    sctp->names_len += channel->names_len;
    *out = channel;
    return HF_OK;
}

/* Keeps the stream's number out of use while the stream is reset. */
hf_sctp_channel *hf_sctp_channel_add_silent(hf_sctp *sctp, uint16_t stream)
{
    hf_sctp_channel *channel;
    hf_bytes none = {0};
    if (stream >= sctp->config.streams_max || hf_sctp_channel_reserve_stream(sctp, stream) != HF_OK ||
        hf_sctp_channel_add(sctp, &(hf_sctp_channel){.silent = true, .negotiated = true}, none, none, &channel) != HF_OK)
        return NULL;
    hf_sctp_channel_bind(sctp, channel, stream);
    return channel;
}

void hf_sctp_channel_remove_newest(hf_sctp *sctp)
{
    hf_sctp_channel *channel = sctp->channels[--sctp->channels_len];
    sctp->names_len -= channel->names_len;
    free_channel(sctp, channel);
}

void hf_sctp_channel_free_all(hf_sctp *sctp)
{
    for (size_t i = 0; i < sctp->channels_len; i++)
        free_channel(sctp, sctp->channels[i]);
    hf_dealloc(sctp->env, sctp->channels);
    hf_dealloc(sctp->env, sctp->by_stream);
    sctp->channels = NULL;
    sctp->by_stream = NULL;
    sctp->channels_len = sctp->channels_cap = sctp->by_stream_cap = 0;
}

void hf_sctp_channel_sweep(hf_sctp *sctp)
{
    size_t kept = 0;
    for (size_t i = 0; i < sctp->channels_len; i++) {
        hf_sctp_channel *channel = sctp->channels[i];
        if (channel->forgettable)
            free_channel(sctp, channel);
        else
            sctp->channels[kept++] = channel;
    }
    sctp->channels_len = kept;
    sctp->forgettable = 0;
}

/* --- Events --------------------------------------------------------------------------------------------------------- */

/* An event of one kind is told once, however often it happened meanwhile: so they need no memory of their own. */
void hf_sctp_channel_tell(hf_sctp *sctp, hf_sctp_channel *channel, hf_sctp_event_type type)
{
    if (channel->silent)
        return;
    if (channel->events == 0) {
        channel->event_next = NULL;
        if (sctp->events.last)
            sctp->events.last->event_next = channel;
        else
            sctp->events.first = channel;
        sctp->events.last = channel;
    }
    channel->events |= BIT(type);
}

static void forget(hf_sctp *sctp, hf_sctp_channel *channel)
{
    channel->forgettable = true;
    sctp->forgettable++;
    sctp->names_len -= channel->names_len;
}

bool hf_sctp_channel_take_event(hf_sctp *sctp, hf_sctp_event *out)
{
    hf_sctp_channel *channel = sctp->events.first;
    if (!channel)
        return false;
    hf_sctp_event_type type = (hf_sctp_event_type)__builtin_ctz(channel->events);
    *out = (hf_sctp_event){.type = type, .channel = channel->handle};
    channel->events &= ~BIT(type);
    if (channel->events == 0) {
        sctp->events.first = channel->event_next;
        if (!sctp->events.first)
            sctp->events.last = NULL;
    }
    if (type == HF_SCTP_CHANNEL_CLOSED) {
        out->cause = channel->cause;
        forget(sctp, channel);
    }
    return true;
}

/* W3C: "if [[BufferedAmount]] falls from above the threshold to it or below, fire bufferedamountlow". */
void hf_sctp_channel_set_buffered(hf_sctp *sctp, hf_sctp_channel *channel, size_t before, size_t after)
{
    channel->buffered = after;
    if (channel->state == HF_DATACHANNEL_CLOSED)
        return;
    if (before > channel->buffered_low && after <= channel->buffered_low)
        hf_sctp_channel_tell(sctp, channel, HF_SCTP_CHANNEL_LOW);
    if (channel->writable_wanted && after <= channel->buffered_max / 2) {
        channel->writable_wanted = false;
        hf_sctp_channel_tell(sctp, channel, HF_SCTP_CHANNEL_WRITABLE);
    }
}

/* --- States --------------------------------------------------------------------------------------------------------- */

static const char *const state_names[] = {
    [HF_DATACHANNEL_CONNECTING] = "connecting",
    [HF_DATACHANNEL_OPEN] = "open",
    [HF_DATACHANNEL_CLOSING] = "closing",
    [HF_DATACHANNEL_CLOSED] = "closed",
};

const char *hf_datachannel_state_name(hf_datachannel_state state)
{
    return (unsigned)state < sizeof state_names / sizeof *state_names ? state_names[state] : "";
}

static void enter(hf_sctp *sctp, hf_sctp_channel *channel, hf_datachannel_state next)
{
    hf_trace(sctp->env, sctp->now, HF_TRACE_SCTP_CHANNEL_STATE_CHANGED, hf_trace_number("channel", channel->handle),
             hf_trace_text("label", channel->label), hf_trace_text("old", state_names[channel->state]),
             hf_trace_text("new", state_names[next]), hf_trace_cause(channel->cause),
             hf_trace_bool("silent", channel->silent));
    channel->state = next; /* nowhere else is it assigned */
}

void hf_sctp_channel_opened(hf_sctp *sctp, hf_sctp_channel *channel)
{
    enter(sctp, channel, HF_DATACHANNEL_OPEN);
    sctp->stats.channels_opened++;
    hf_sctp_channel_tell(sctp, channel, HF_SCTP_CHANNEL_OPEN);
}

void hf_sctp_channel_begin_close(hf_sctp *sctp, hf_sctp_channel *channel, hf_err cause)
{
    if (channel->state == HF_DATACHANNEL_CLOSING || channel->state == HF_DATACHANNEL_CLOSED)
        return;
    channel->cause = cause;
    enter(sctp, channel, HF_DATACHANNEL_CLOSING);
    sctp->resets++;
    sctp->closing += !channel->silent;
    hf_reset_ask(sctp, channel);
}

void hf_sctp_channel_closed(hf_sctp *sctp, hf_sctp_channel *channel, hf_err cause)
{
    if (channel->state == HF_DATACHANNEL_CLOSED)
        return;
    if (channel->state == HF_DATACHANNEL_CLOSING && !channel->outgoing_done)
        sctp->resets--;
    if (channel->state == HF_DATACHANNEL_CLOSING && !channel->silent)
        sctp->closing--;
    if (channel->cause == HF_OK)
        channel->cause = cause;
    enter(sctp, channel, HF_DATACHANNEL_CLOSED);
    hf_sender_drop_queue(sctp, channel);
    if (channel->has_id && hf_sctp_channel_of_stream(sctp, channel->id) == channel)
        sctp->by_stream[channel->id] = NULL;
    if (channel->silent) {
        forget(sctp, channel);
        return;
    }
    sctp->stats.channels_closed++;
    hf_sctp_channel_tell(sctp, channel, HF_SCTP_CHANNEL_CLOSED);
    channel->events &= ~(BIT(HF_SCTP_CHANNEL_LOW) | BIT(HF_SCTP_CHANNEL_WRITABLE));
}

/* The application need not wait for it any more; but the number stays out of use, for usrsctp does. */
void hf_sctp_channel_expire(hf_sctp *sctp, hf_sctp_channel *channel)
{
    hf_sctp_channel was = *channel;
    hf_sctp_channel_closed(sctp, channel, HF_ETIMEDOUT);
    hf_sctp_channel *silent = hf_sctp_channel_add_silent(sctp, was.id);
    if (!silent)
        return;
    enter(sctp, silent, HF_DATACHANNEL_CLOSING);
    silent->reset_asked = true;
    silent->outgoing_done = was.outgoing_done;
    silent->incoming_done = was.incoming_done;
    sctp->resets += !was.outgoing_done;
}

/* --- Face ----------------------------------------------------------------------------------------------------------- */

hf_err hf_sctp_channel_set_low(hf_sctp *sctp, hf_datachannel handle, size_t bytes)
{
    hf_sctp_channel *channel = hf_sctp_channel_find(sctp, handle);
    if (!channel)
        return HF_ENOENT;
    channel->buffered_low = bytes;
    return HF_OK;
}

hf_err hf_sctp_channel_receive_in_parts(hf_sctp *sctp, hf_datachannel handle, bool in_parts)
{
    hf_sctp_channel *channel = hf_sctp_channel_find(sctp, handle);
    if (!channel)
        return HF_ENOENT;
    channel->in_parts = in_parts;
    return HF_OK;
}

hf_datachannel hf_sctp_channel_at(const hf_sctp *sctp, size_t index)
{
    for (size_t i = 0; i < sctp->channels_len; i++) {
        if (!sctp->channels[i]->silent && index-- == 0)
            return sctp->channels[i]->handle;
    }
    return 0;
}

hf_err hf_sctp_channel_info(const hf_sctp *sctp, hf_datachannel handle, hf_datachannel_info *out)
{
    size_t at = position(sctp, handle);
    const hf_sctp_channel *channel = at < sctp->channels_len ? sctp->channels[at] : NULL;
    if (!channel || channel->handle != handle || channel->silent)
        return HF_ENOENT;
    *out = (hf_datachannel_info){
        .state = channel->state,
        .label = channel->label,
        .protocol = channel->protocol,
        .has_id = channel->has_id,
        .id = channel->id,
        .unordered = channel->unordered,
        .negotiated = channel->negotiated,
        .remote = channel->remote,
        .reliability = channel->reliability,
        .reliability_limit = channel->reliability_limit,
        .priority = channel->priority,
        .buffered_amount = channel->buffered,
        .messages_sent = channel->messages_sent,
        .bytes_sent = channel->bytes_sent,
        .messages_received = channel->messages_received,
        .bytes_received = channel->bytes_received,
    };
    return HF_OK;
}
