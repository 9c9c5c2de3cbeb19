/* flow.h: what went out and what was acknowledged, read from the packets that pass under usrsctp (which does not tell).
 *
 * Pure: packets in, numbers out. Payload is counted exactly: an error of 0.05 % would drift away over 100 MB. */
#ifndef HF_FLOW_H
#define HF_FLOW_H

#include <holdfast/base.h>

#define HF_FLOW_CHUNKS_MAX 65536 /* DATA chunks outstanding that are counted one by one */

/* A DATA chunk that has left and is not acknowledged cumulatively. */
typedef struct hf_flow_chunk {
    hf_time sent_at;
    uint16_t size; /* of its payload */
    bool arrived;  /* a gap block said so (RFC 9260 §3.3.4) */
    bool repeated;
} hf_flow_chunk;

typedef struct hf_flow {
    const hf_env *env;
    uint64_t bytes_sent;      /* payload that left for the first time */
    uint64_t bytes_acked;     /* payload acknowledged, cumulatively; abandoned payload counts too (RFC 3758) */
    uint64_t bytes_delivered; /* the same, and what gap blocks have acknowledged beyond it */
    uint64_t retransmissions; /* times that a DATA chunk left again */
    uint64_t chunks_lost;     /* DATA chunks that left more than once */
    hf_span rtt_smoothed;     /* of what was measured by data alone; 0: nothing yet */
    uint64_t rtt_samples;     /* acknowledgements that measured a round trip */
    hf_span rtt_last;         /* the last of them: of the newest chunk that it acknowledged for the first time */
    bool begun;
    uint32_t tsn_next;     /* the first TSN that has not left yet */
    uint32_t tsn_acked;    /* the first TSN that has not been acknowledged yet */
    hf_flow_chunk *chunks; /* each TSN from tsn_acked on, a ring of `cap` (a power of two), by TSN */
    size_t cap;
    bool receiving;
    uint32_t tsn_received; /* all up to it have arrived */
    bool sacking;
    uint32_t tsn_sacked; /* all up to it have arrived or were given up by the remote, and it was told */
} hf_flow;

void hf_flow_init(hf_flow *flow, const hf_env *env);
void hf_flow_clear(hf_flow *flow);

/* Everything that left has been acknowledged. */
bool hf_flow_is_idle(const hf_flow *flow);

/* True: the packet repeats the oldest chunk that was not acknowledged. */
bool hf_flow_on_output(hf_flow *flow, hf_time now, hf_bytes packet);
void hf_flow_on_input(hf_flow *flow, hf_time now, hf_bytes packet);

#endif
