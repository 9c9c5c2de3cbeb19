/* forward.c: keeps FORWARD-TSN (RFC 3758) from going to and fro.
 *
 * usrsctp says one again with each SACK that does not know of it yet, and answers each with a SACK while anything is
 * missing: after an outage, with a hundred of them on their way, they fill the path, and no DATA is repeated, for a
 * FORWARD-TSN goes before. So the same one leaves once in a while: the timer repeats it where it was lost.
 */
#include "sctp_priv.h"

#include "chunk.h"

#include <string.h>

#define AGAIN_AFTER HF_MS(100)

bool hf_forward_is_repeated(hf_sctp *sctp, hf_bytes packet)
{
    hf_forwarded *last = &sctp->forwarded;
    if (packet.len <= HF_SCTP_HEADER_SIZE || packet.data[HF_SCTP_HEADER_SIZE] != HF_CHUNK_FORWARD_TSN ||
        packet.len - HF_SCTP_HEADER_SIZE > sizeof last->chunk)
        return false;
    hf_bytes chunk = hf_bytes_of(packet.data + HF_SCTP_HEADER_SIZE, packet.len - HF_SCTP_HEADER_SIZE);
    if (last->len == chunk.len && memcmp(last->chunk, chunk.data, chunk.len) == 0 && sctp->now - last->at < AGAIN_AFTER)
        return true;
    memcpy(last->chunk, chunk.data, chunk.len);
    last->len = chunk.len;
    last->at = sctp->now;
    return false;
}
