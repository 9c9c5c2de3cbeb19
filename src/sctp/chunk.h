/* chunk.h: the chunks of an SCTP packet (RFC 9260 §3): names, a walk, and the check that comes before usrsctp. */
#ifndef HF_CHUNK_H
#define HF_CHUNK_H

#include "bytes.h"

#define HF_SCTP_HEADER_SIZE 12
#define HF_CHUNK_HEADER_SIZE 4 /* RFC 9260 §3.2 */

typedef enum hf_chunk_type {
    HF_CHUNK_DATA = 0,
    HF_CHUNK_INIT = 1,
    HF_CHUNK_INIT_ACK = 2,
    HF_CHUNK_SACK = 3,
    HF_CHUNK_HEARTBEAT = 4,
    HF_CHUNK_HEARTBEAT_ACK = 5,
    HF_CHUNK_ABORT = 6,
    HF_CHUNK_SHUTDOWN = 7,
    HF_CHUNK_SHUTDOWN_ACK = 8,
    HF_CHUNK_ERROR = 9,
    HF_CHUNK_COOKIE_ECHO = 10,
    HF_CHUNK_COOKIE_ACK = 11,
    HF_CHUNK_ECNE = 12,
    HF_CHUNK_CWR = 13,
    HF_CHUNK_SHUTDOWN_COMPLETE = 14,
    HF_CHUNK_AUTH = 15, /* RFC 4895 */
    HF_CHUNK_NR_SACK = 16,
    HF_CHUNK_I_DATA = 64,      /* RFC 8260 */
    HF_CHUNK_ASCONF_ACK = 128, /* RFC 5061 */
    HF_CHUNK_PACKET_DROPPED = 129,
    HF_CHUNK_RE_CONFIG = 130,   /* RFC 6525 */
    HF_CHUNK_PAD = 132,         /* RFC 4820 */
    HF_CHUNK_FORWARD_TSN = 192, /* RFC 3758 */
    HF_CHUNK_ASCONF = 193,
    HF_CHUNK_I_FORWARD_TSN = 194
} hf_chunk_type;

typedef struct hf_chunk {
    uint8_t type;
    uint8_t flags;
    hf_bytes value; /* what follows the chunk header, without padding */
} hf_chunk;

/* What is behind the common header; false: there is none. */
bool hf_chunks_of(hf_bytes packet, hf_reader *out);

/* Takes the next chunk. False: the packet ends; in order when chunks->ok is still true. */
bool hf_chunk_next(hf_reader *chunks, hf_chunk *out);

/* The packet's chunks and the parameters and causes in them lie inside what carries them, are as long as they must be,
 * and are of no kind that we switched off. usrsctp 0.9.5 is never shown another. */
bool hf_packet_is_well_formed(hf_bytes packet);

#endif
