/* channels.c: the data channels' part of the face. */
#include "peer_priv.h"

hf_err hf_peer_open_channel(hf_peer *peer, hf_time now, const hf_datachannel_config *config, hf_datachannel *out)
{
    static const hf_datachannel_config defaults = {0};
    if (!peer || !out)
        return HF_EINVAL;
    if (peer->closed)
        return HF_ECLOSED;
    hf_err err = hf_sctp_channel_open(peer->sctp, now, config ? config : &defaults, out);
    if (err == HF_OK && !peer->channel_opened) {
        peer->channel_opened = true;
        hf_peer_update_negotiation_needed(peer);
    }
    hf_peer_wake(peer);
    return err;
}

hf_err hf_peer_send(hf_peer *peer, hf_time now, hf_datachannel channel, hf_message_kind kind, const void *data, size_t len)
{
    if (!peer || (!data && len > 0) || (kind != HF_BINARY && kind != HF_TEXT))
        return HF_EINVAL;
    if (peer->closed)
        return HF_ECLOSED;
    if (kind == HF_TEXT && !hf_bytes_are_utf8(hf_bytes_of(data, len)))
        return HF_EINVAL;
    hf_err err = hf_sctp_channel_send(peer->sctp, now, channel, kind, hf_bytes_of(data, len));
    hf_peer_wake(peer);
    return err;
}

hf_err hf_peer_close_channel(hf_peer *peer, hf_time now, hf_datachannel channel)
{
    if (!peer)
        return HF_EINVAL;
    if (peer->closed)
        return HF_ECLOSED;
    hf_err err = hf_sctp_channel_close(peer->sctp, now, channel);
    hf_peer_wake(peer);
    return err;
}

hf_err hf_peer_set_buffered_low(hf_peer *peer, hf_datachannel channel, size_t bytes)
{
    return peer ? hf_sctp_channel_set_low(peer->sctp, channel, bytes) : HF_EINVAL;
}

hf_err hf_peer_receive_in_parts(hf_peer *peer, hf_datachannel channel, bool in_parts)
{
    return peer ? hf_sctp_channel_receive_in_parts(peer->sctp, channel, in_parts) : HF_EINVAL;
}

hf_err hf_peer_channel_info(const hf_peer *peer, hf_datachannel channel, hf_datachannel_info *out)
{
    return peer && out ? hf_sctp_channel_info(peer->sctp, channel, out) : HF_EINVAL;
}

void hf_peer_get_flow(const hf_peer *peer, hf_peer_flow *out)
{
    hf_sctp_flow flow;
    if (!out)
        return;
    *out = (hf_peer_flow){0};
    if (!peer)
        return;
    hf_sctp_get_flow(peer->sctp, &flow);
    *out = (hf_peer_flow){
        .bytes_given = flow.bytes_accepted,
        .bytes_sent = flow.bytes_sent,
        .bytes_delivered = flow.bytes_delivered,
        .chunks_lost = flow.chunks_lost,
        .rtt_samples = flow.rtt_samples,
        .rtt_last = flow.rtt_last,
        .message_max = flow.message_max,
        .packet_max = flow.packet_max,
        .is_up = flow.is_up && !peer->closed,
    };
}

bool hf_peer_leaves_at_once(const hf_peer *peer, size_t len)
{
    return peer && !peer->closed && hf_sctp_leaves_at_once(peer->sctp, len);
}

void hf_peer_cork(hf_peer *peer, hf_time now)
{
    if (peer && !peer->closed)
        hf_sctp_cork(peer->sctp, now);
}

void hf_peer_uncork(hf_peer *peer, hf_time now)
{
    if (peer && !peer->closed && hf_sctp_uncork(peer->sctp, now))
        hf_peer_wake(peer);
}

void hf_peer_raise_window(hf_peer *peer, hf_time now, size_t bytes)
{
    if (peer && !peer->closed)
        hf_sctp_raise_window(peer->sctp, now, bytes);
}
