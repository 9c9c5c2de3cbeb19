/* open.c: how channels come to be: by our application, or by an OPEN of the remote (RFC 8832 §6). */
#include "sctp_priv.h"

#include "alloc.h"
#include "dcep.h"

#include <string.h>

/* RFC 8831 §6.4. */
#define PRIORITY_NORMAL 256

/* --- Ours ----------------------------------------------------------------------------------------------------------- */

static bool is_name(hf_bytes name)
{
    return name.len <= HF_LABEL_MAX && hf_bytes_are_utf8(name);
}

static bool is_reliability(const hf_datachannel_config *config)
{
    switch (config->reliability) {
    case HF_RELIABLE:
    case HF_MAX_RETRANSMITS:
    case HF_MAX_LIFETIME:
        return true;
    }
    return false;
}

/* Which stream the new channel has; `known` stays false before the DTLS role is. */
static hf_err choose_stream(hf_sctp *sctp, const hf_datachannel_config *config, bool *known, uint16_t *stream)
{
    hf_err err = HF_OK;
    *known = config->negotiated || sctp->state != HF_SCTP_NEW;
    if (!*known)
        return HF_OK;
    if (!config->negotiated)
        err = hf_sctp_channel_choose_stream(sctp, stream);
    else if (config->id >= sctp->config.streams_max)
        err = HF_ELIMIT;
    else if (hf_sctp_channel_of_stream(sctp, config->id))
        err = HF_EEXIST;
    else
        *stream = config->id;
    return err != HF_OK ? err : hf_sctp_channel_reserve_stream(sctp, *stream);
}

hf_err hf_sctp_channel_open(hf_sctp *sctp, hf_time now, const hf_datachannel_config *config, hf_datachannel *out)
{
    hf_sctp_enter(sctp, now);
    hf_bytes label = hf_bytes_of_text(config->label), protocol = hf_bytes_of_text(config->protocol);
    if (!is_name(label) || !is_name(protocol) || !is_reliability(config))
        return HF_EINVAL;
    if (sctp->state == HF_SCTP_OVER)
        return HF_ECLOSED;
    bool known = false;
    uint16_t stream = 0;
    hf_err err = choose_stream(sctp, config, &known, &stream);
    if (err != HF_OK)
        return err;

    hf_sctp_channel *channel;
    hf_sctp_channel what = {
        .unordered = config->unordered,
        .negotiated = config->negotiated,
        .confirmed = config->negotiated,
        .reliability = config->reliability,
        .reliability_limit = config->reliability == HF_RELIABLE ? 0 : config->reliability_limit,
        .priority = config->priority ? config->priority : PRIORITY_NORMAL,
        .buffered_max = config->send_buffer_max,
    };
    err = hf_sctp_channel_add(sctp, &what, label, protocol, &channel);
    if (err != HF_OK)
        return err;
    if (!channel->negotiated && (err = hf_sender_queue_open(sctp, channel)) != HF_OK) {
        hf_sctp_channel_remove_newest(sctp);
        return err;
    }
    if (known)
        hf_sctp_channel_bind(sctp, channel, stream);
    if (sctp->state == HF_SCTP_ESTABLISHED)
        hf_sctp_channel_opened(sctp, channel);
    *out = channel->handle;
    hf_sender_feed(sctp);
    return HF_OK;
}

/* --- The remote's --------------------------------------------------------------------------------------------------- */

/* RFC 8832 §6, §7: what can't be accepted is answered by a reset of the stream. */
static void refuse(hf_sctp *sctp, uint16_t stream)
{
    hf_sctp_channel *channel = hf_sctp_channel_add_silent(sctp, stream);
    hf_sctp_drop(sctp, HF_DROP_DCEP, 0);
    if (channel)
        hf_sctp_channel_begin_close(sctp, channel, HF_EPROTO);
}

static hf_err accept(hf_sctp *sctp, uint16_t stream, const hf_dcep_open *open, hf_sctp_channel **out)
{
    uint32_t limit = open->reliability_limit;
    hf_sctp_channel what = {
        .names_len = open->label.len + open->protocol.len,
        .remote = true,
        .confirmed = true,
        .unordered = open->unordered,
        .reliability = open->reliability,
        .reliability_limit = limit < UINT16_MAX ? (uint16_t)limit : UINT16_MAX,
        .priority = open->priority,
    };
    uint8_t bytes[HF_DCEP_ACK_SIZE];
    hf_writer ack = hf_writer_of(bytes, sizeof bytes);
    hf_dcep_write_ack(&ack);

    hf_err err = hf_sctp_channel_reserve_stream(sctp, stream);
    if (err == HF_OK)
        err = hf_sctp_channel_add(sctp, &what, open->label, open->protocol, out);
    if (err == HF_OK && (err = hf_sender_queue(sctp, *out, HF_PPID_DCEP, hf_bytes_of(bytes, ack.len))) != HF_OK)
        hf_sctp_channel_remove_newest(sctp);
    return err;
}

static void on_open(hf_sctp *sctp, uint16_t stream, const hf_dcep_open *open)
{
    bool ours = (stream % 2 == 0) == sctp->remote.dtls_client;
    hf_sctp_channel *old = hf_sctp_channel_of_stream(sctp, stream), *channel;
    if (old && old->incoming_done && old->reset_asked) {
        hf_sctp_channel_closed(sctp, old, HF_OK); /* the remote saw our reset; its answer is still on the way */
    } else if (old) {
        hf_sctp_drop(sctp, HF_DROP_DCEP, 0);
        hf_sctp_channel_begin_close(sctp, old, HF_EPROTO);
        return;
    }
    if (ours || stream >= sctp->config.streams_max ||
        sctp->names_len + open->label.len + open->protocol.len > HF_SCTP_NAMES_BYTES_MAX ||
        accept(sctp, stream, open, &channel) != HF_OK) {
        refuse(sctp, stream);
        return;
    }
    hf_sctp_channel_bind(sctp, channel, stream);
    hf_sctp_channel_opened(sctp, channel);
    hf_sender_feed(sctp);
}

void hf_open_on_dcep(hf_sctp *sctp, uint16_t stream, hf_bytes message)
{
    hf_dcep_type type;
    hf_dcep_open open = {0};
    hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, stream);
    if (!hf_dcep_read(message, &type, &open)) {
        if (channel)
            hf_sctp_drop(sctp, HF_DROP_DCEP, message.len);
        else
            refuse(sctp, stream);
        return;
    }
    switch (type) {
    case HF_DCEP_OPEN:
        on_open(sctp, stream, &open);
        break;
    case HF_DCEP_ACK:
        if (!channel || channel->remote || channel->negotiated)
            hf_sctp_drop(sctp, HF_DROP_DCEP, message.len);
        else
            channel->confirmed = true;
        break;
    }
}
