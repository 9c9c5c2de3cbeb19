/* reassembly.h: puts a fragmented ClientHello together (RFC 6347 §4.2.3). Browsers with post-quantum key shares always send
 * theirs in two datagrams, and mbedTLS 2.28 takes it in one record only.
 *
 * Pure: fragments in, one record out. Holds at most one message of HF_DTLS_HELLO_MAX bytes. */
#ifndef HF_REASSEMBLY_H
#define HF_REASSEMBLY_H

#include "header.h"

typedef struct hf_reassembly {
    const hf_env *env;
    uint8_t *record;  /* both headers and `length` bytes of the message; NULL: nothing is held */
    uint8_t *have;    /* a bit for each byte of the message */
    uint32_t length;  /* of the message */
    uint32_t missing; /* bytes */
    uint16_t message_seq;
} hf_reassembly;

typedef enum hf_reassembly_result {
    HF_REASSEMBLY_MORE = 1,  /* kept; something is missing */
    HF_REASSEMBLY_WHOLE,     /* `out` is a record with the whole message; valid until the next call */
    HF_REASSEMBLY_RESTARTED, /* it contradicts what was held, which is thrown away: the message begins again with this one */
    HF_REASSEMBLY_REFUSED    /* over the limit, or no memory; what is held stays */
} hf_reassembly_result;

void hf_reassembly_init(hf_reassembly *reassembly, const hf_env *env);
void hf_reassembly_clear(hf_reassembly *reassembly); /* frees what is held */

/* `record` is the one that the fragment came in: its header is used again, so that the sequence number is a fresh one. */
hf_reassembly_result hf_reassembly_take(hf_reassembly *reassembly, const hf_record *record, const hf_fragment *fragment,
                                        hf_bytes *out);

#endif
