/* cork.c: lets small messages that are sent in one go share packets.
 *
 * Where its congestion window is open usrsctp sends each message in a packet of its own, unless Nagle's algorithm is on:
 * then what fills no packet waits while anything is on its way. So that is on between the two calls. Behind them, the rest
 * leaves when usrsctp next looks at its queues, which it does after each packet that comes: one with nothing in it will do.
 */
#include "sctp_priv.h"

#include "chunk.h"

#include <usrsctp.h>

#include <string.h>

void hf_sctp_cork(hf_sctp *sctp, hf_time now)
{
    hf_sctp_enter(sctp, now);
    if (sctp->state == HF_SCTP_ESTABLISHED && sctp->has_header && !sctp->corked)
        sctp->corked = hf_settings_bundle(sctp, true);
}

bool hf_sctp_uncork(hf_sctp *sctp, hf_time now)
{
    uint8_t nothing[HF_SCTP_HEADER_SIZE + HF_CHUNK_HEADER_SIZE] = {0};
    hf_sctp_enter(sctp, now);
    if (!sctp->corked)
        return false;
    sctp->corked = false;
    if (sctp->state != HF_SCTP_ESTABLISHED || !hf_settings_bundle(sctp, false) || sctp->bytes_given == sctp->flow.bytes_sent)
        return false;
    memcpy(nothing, sctp->header, HF_SCTP_HEADER_SIZE);
    nothing[HF_SCTP_HEADER_SIZE] = HF_CHUNK_PAD; /* RFC 4820 §3: the receiver MUST discard it */
    nothing[sizeof nothing - 1] = HF_CHUNK_HEADER_SIZE;
    usrsctp_conninput((void *)sctp->id, nothing, sizeof nothing, 0);
    return true;
}
