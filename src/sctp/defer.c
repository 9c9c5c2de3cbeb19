/* defer.c: keeps the remote's request to reset streams back until all the data before it is here.
 *
 * usrsctp 0.9.5 answers an early request "in progress" (RFC 6525 §4.4), but then acts on it only when the next DATA chunk
 * comes: perhaps never, or on a stream that is in use again. So it never gets an early one. */
#include "sctp_priv.h"

#include "chunk.h"

#include <usrsctp.h>

#include <string.h>

#define RESET_OUTGOING 13

/* RFC 6525 §4.1: the last TSN that the sender gave out before it reset its streams. False: the chunk asks for no such
 * thing. */
static bool read_last_tsn(hf_bytes value, uint32_t *out)
{
    hf_reader r = hf_reader_of(value);
    uint16_t type = hf_read_u16(&r);
    hf_read_skip(&r, 2 + 4 + 4);
    *out = hf_read_u32(&r);
    return r.ok && type == RESET_OUTGOING;
}

static bool is_here(const hf_sctp *sctp, uint32_t tsn)
{
    return !sctp->flow.receiving || (int32_t)(tsn - sctp->flow.tsn_received) <= 0;
}

/* Keeps a packet of its own with the request; there is one outstanding at a time (RFC 6525 §5.1.1), so the newest counts. */
static void keep(hf_sctp *sctp, hf_bytes packet, hf_bytes chunk, uint32_t tsn)
{
    if (HF_SCTP_HEADER_SIZE + chunk.len > sizeof sctp->deferred)
        return; /* the remote repeats it */
    memcpy(sctp->deferred, packet.data, HF_SCTP_HEADER_SIZE);
    memcpy(sctp->deferred + HF_SCTP_HEADER_SIZE, chunk.data, chunk.len);
    sctp->deferred_len = HF_SCTP_HEADER_SIZE + chunk.len;
    sctp->deferred_tsn = tsn;
}

bool hf_defer_early_reset(hf_sctp *sctp, hf_bytes packet, uint8_t *copy)
{
    hf_reader chunks;
    hf_chunk chunk;
    bool deferred = false;
    if (!hf_chunks_of(packet, &chunks))
        return false;
    for (const uint8_t *at = chunks.rest.data; hf_chunk_next(&chunks, &chunk); at = chunks.rest.data) {
        uint32_t tsn;
        if (chunk.type != HF_CHUNK_RE_CONFIG || !read_last_tsn(chunk.value, &tsn) || is_here(sctp, tsn))
            continue;
        if (!deferred)
            memcpy(copy, packet.data, packet.len);
        deferred = true;
        copy[at - packet.data] = HF_CHUNK_PAD; /* the rest of the packet goes on: data before the request may be in it */
        keep(sctp, packet, hf_bytes_of(at, (size_t)(chunks.rest.data - at)), tsn);
    }
    return deferred;
}

void hf_defer_release(hf_sctp *sctp)
{
    if (sctp->deferred_len == 0 || !is_here(sctp, sctp->deferred_tsn))
        return;
    size_t len = sctp->deferred_len;
    sctp->deferred_len = 0;
    usrsctp_conninput((void *)sctp->id, sctp->deferred, len, 0);
}
