/* reset.c: closing a channel is resetting its stream, each side its own direction (RFC 8831 §6.7, RFC 6525). */
#include "sctp_priv.h"

#include <usrsctp.h>

#include <errno.h>
#include <string.h>

/* Both directions are done, or nothing was ever said on the stream. */
static void settle(hf_sctp *sctp, hf_sctp_channel *channel)
{
    if (channel->outgoing_done && channel->incoming_done)
        hf_sctp_channel_closed(sctp, channel, HF_OK);
}

/* Our outgoing stream. Refused for the moment: hf_reset_pending asks again. */
static bool ask_usrsctp(hf_sctp *sctp, uint16_t stream)
{
    union {
        struct sctp_reset_streams head;
        uint8_t room[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
    } request = {.head = {.srs_flags = SCTP_STREAM_RESET_OUTGOING, .srs_number_streams = 1}};
    request.head.srs_stream_list[0] = stream;
    return usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, &request, sizeof request.room) == 0;
}

void hf_reset_ask(hf_sctp *sctp, hf_sctp_channel *channel)
{
    if (channel->state == HF_DATACHANNEL_CLOSING && sctp->state == HF_SCTP_NEW && hf_sender_has_only_open(channel)) {
        hf_sctp_channel_closed(sctp, channel, HF_OK); /* the remote never hears of it */
        return;
    }
    if (channel->state != HF_DATACHANNEL_CLOSING || channel->first || channel->reset_asked)
        return;
    if (sctp->state != HF_SCTP_ESTABLISHED)
        return;
    if (channel->reset_since == 0)
        channel->reset_since = sctp->now;
    channel->reset_asked = ask_usrsctp(sctp, channel->id);
    if (!channel->reset_asked && (errno == EOPNOTSUPP || errno == EINVAL))
        hf_sctp_channel_closed(sctp, channel,
                               HF_OK); /* the remote can't reset streams, or has no such: nothing is left to do */
}

void hf_reset_pending(hf_sctp *sctp)
{
    for (size_t i = 0; sctp->resets > 0 && i < sctp->channels_len; i++)
        hf_reset_ask(sctp, sctp->channels[i]);
}

/* A remote that is silent for so long while its stream is reset. */
void hf_reset_expire(hf_sctp *sctp)
{
    size_t n = sctp->closing > 0 ? sctp->channels_len : 0;
    for (size_t i = 0; i < n; i++) {
        hf_sctp_channel *channel = sctp->channels[i];
        bool waits = channel->state == HF_DATACHANNEL_CLOSING && !channel->silent && channel->reset_since != 0;
        if (waits && !channel->first && sctp->now - channel->reset_since >= HF_SCTP_RESET_PATIENCE)
            hf_sctp_channel_expire(sctp, channel);
    }
}

/* RFC 8831 §6.7: a reset is answered by one of the other direction, also where we have no channel (a negotiated one
 * that only the remote opened): it could not close otherwise. */
static void on_incoming(hf_sctp *sctp, uint16_t stream)
{
    hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, stream);
    hf_held_forget(sctp, stream);
    if (!channel && !(channel = hf_sctp_channel_add_silent(sctp, stream)))
        return;
    channel->incoming_done = true;
    if (channel->state == HF_DATACHANNEL_OPEN || channel->state == HF_DATACHANNEL_CONNECTING) {
        hf_sctp_channel_tell(sctp, channel, HF_SCTP_CHANNEL_CLOSING);
        hf_sctp_channel_begin_close(sctp, channel, HF_OK);
    }
    settle(sctp, channel);
}

static void on_outgoing(hf_sctp *sctp, uint16_t stream, bool failed)
{
    hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, stream);
    if (!channel || !channel->reset_asked)
        return;
    if (failed) {
        channel->reset_asked = channel->silent; /* nobody waits for that one */
        return;
    }
    if (channel->outgoing_done)
        return;
    channel->outgoing_done = true;
    channel->reset_since = sctp->now;
    sctp->resets--;
    settle(sctp, channel);
}

static void on_stream(hf_sctp *sctp, uint16_t stream, bool incoming, bool outgoing, bool failed)
{
    if (incoming && !failed)
        on_incoming(sctp, stream);
    if (outgoing)
        on_outgoing(sctp, stream, failed);
}

void hf_reset_on_event(hf_sctp *sctp, bool incoming, bool outgoing, bool failed, hf_bytes streams)
{
    if (streams.len == 0) { /* RFC 6525 §4.1: no numbers are all of them */
        for (size_t stream = 0; stream < sctp->by_stream_cap; stream++)
            if (sctp->by_stream[stream])
                on_stream(sctp, (uint16_t)stream, incoming, outgoing, failed);
        return;
    }
    for (size_t at = 0; at + sizeof(uint16_t) <= streams.len; at += sizeof(uint16_t)) {
        uint16_t stream; /* in host order: it comes from usrsctp, not from the wire */
        memcpy(&stream, streams.data + at, sizeof stream);
        on_stream(sctp, stream, incoming, outgoing, failed);
    }
}

hf_err hf_sctp_channel_close(hf_sctp *sctp, hf_time now, hf_datachannel handle)
{
    hf_sctp_enter(sctp, now);
    hf_sctp_channel *channel = hf_sctp_channel_find(sctp, handle);
    if (!channel)
        return HF_ENOENT;
    hf_sctp_channel_begin_close(sctp, channel, HF_OK);
    return HF_OK;
}
