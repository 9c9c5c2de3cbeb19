/* notice.c: what usrsctp tells besides data: the association came up or is over, streams were reset, messages abandoned. */
#include "sctp_priv.h"

#include "chunk.h"

#include <usrsctp.h>

#include <string.h>

/* RFC 9260 §3.3.10.12: "This error cause MAY be included in ABORT chunks that are sent because of an upper-layer request."
   Browsers include it; aiortc, and usrsctp on a lingering close, send an ABORT without any cause. */
#define CAUSE_NONE 0
#define CAUSE_USER_INITIATED 12

/* Copies the fixed part of a notification; false: it is shorter. */
static bool read_notice(hf_bytes notice, void *out, size_t size)
{
    if (notice.len < size)
        return false;
    memcpy(out, notice.data, size);
    return true;
}

/* The first cause of the ABORT chunk that ended it. */
static uint16_t cause_of_abort(hf_bytes info)
{
    hf_reader r = hf_reader_of(info);
    hf_read_skip(&r, 4);
    uint16_t cause = hf_read_u16(&r);
    return r.ok ? cause : CAUSE_NONE;
}

static bool is_a_close(uint16_t cause)
{
    return cause == CAUSE_NONE || cause == CAUSE_USER_INITIATED;
}

static void on_lost(hf_sctp *sctp, const struct sctp_assoc_change *change, hf_bytes info)
{
    bool by_remote = info.len >= 4 && info.data[0] == HF_CHUNK_ABORT;
    if (by_remote)
        hf_sctp_go_down(sctp, is_a_close(cause_of_abort(info)) ? HF_ECLOSED : HF_EABORTED);
    else
        hf_sctp_go_down(sctp, change->sac_error == 0 ? HF_ETIMEDOUT : HF_EPROTO);
}

static void on_association(hf_sctp *sctp, hf_bytes notice)
{
    struct sctp_assoc_change change;
    if (!read_notice(notice, &change, sizeof change))
        return;
    hf_bytes info = hf_bytes_of(notice.data + sizeof change, notice.len - sizeof change);
    switch (change.sac_state) {
    case SCTP_COMM_UP:
        if (sctp->state == HF_SCTP_CONNECTING)
            hf_sctp_came_up(sctp, change.sac_outbound_streams);
        break;
    case SCTP_COMM_LOST:
    case SCTP_CANT_STR_ASSOC:
        on_lost(sctp, &change, info);
        break;
    case SCTP_SHUTDOWN_COMP:
        hf_sctp_go_down(sctp, HF_ECLOSED);
        break;
    case SCTP_RESTART: /* a new association of the same DTLS connection would have forgotten our channels */
        hf_sctp_abort_because(sctp, HF_EPROTO);
        break;
    default:
        break;
    }
}

static void on_reset(hf_sctp *sctp, hf_bytes notice)
{
    struct sctp_stream_reset_event event;
    if (!read_notice(notice, &event, sizeof event))
        return;
    bool incoming = (event.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0;
    bool outgoing = (event.strreset_flags & SCTP_STREAM_RESET_OUTGOING_SSN) != 0;
    bool failed = (event.strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0;
    hf_reset_on_event(sctp, incoming, outgoing, failed, hf_bytes_of(notice.data + sizeof event, notice.len - sizeof event));
}

/* The rest of a message that was partly delivered will never come. */
static void on_partial_delivery(hf_sctp *sctp)
{
    hf_receiver_give_up_partial(sctp);
}

void hf_notice_handle(hf_sctp *sctp, hf_bytes notice)
{
    struct sctp_tlv head;
    if (!read_notice(notice, &head, sizeof head))
        return;
    switch (head.sn_type) {
    case SCTP_ASSOC_CHANGE:
        on_association(sctp, notice);
        break;
    case SCTP_STREAM_RESET_EVENT:
        on_reset(sctp, notice);
        break;
    case SCTP_PARTIAL_DELIVERY_EVENT:
        on_partial_delivery(sctp);
        break;
    case SCTP_SEND_FAILED_EVENT:
        sctp->abandoned = true;
        break;
    default:
        break;
    }
}
