/* fragments.h: long unordered messages, put together from the fragments that usrsctp passes through one by one.
 *
 * usrsctp 0.9.5 mixes the fragments of unordered messages of one stream up once some were given up by their sender
 * (RFC 3758): it takes the next message for a violation ("missing end for MID") and aborts. So it is never shown one:
 * 1. hf_fragments_mark makes each unordered fragment of a packet look like a message of its own, before usrsctp;
 * 2. hf_fragments_add takes what came out again, and says when a message is whole;
 * 3. hf_fragments_take hands out its fragments in order;
 * 4. hf_fragments_forget drops what will never be whole, when all up to a TSN has come or was given up. */
#ifndef HF_FRAGMENTS_H
#define HF_FRAGMENTS_H

#include "bytes.h"

#define HF_FRAGMENTS_SPAN_MAX 65536 /* TSNs between the lowest and the highest that are kept */

typedef struct hf_fragment {
    uint32_t tsn;
    uint16_t stream;
    uint32_t ppid; /* with the marks */
    uint32_t run;  /* of the first of a run: the last TSN of it; of the last: the first */
    size_t len;
    uint8_t data[];
} hf_fragment;

/* Adjoining fragments of one message are a run; only its two ends know where it reaches. */
typedef struct hf_fragments {
    const hf_env *env;
    hf_fragment **by_tsn; /* a ring of `cap`, a power of two */
    size_t cap;
    uint32_t low, high; /* TSNs that may be there, when len is above 0 */
    size_t len;
    size_t bytes; /* memory of the fragments */
} hf_fragments;

void hf_fragments_init(hf_fragments *fragments, const hf_env *env);
void hf_fragments_clear(hf_fragments *fragments);
void hf_fragments_clear_if_empty(hf_fragments *fragments);

/* Marks the unordered fragments of a packet in `copy`, as large as the packet. False: there are none, nor a payload
 * protocol identifier that could be taken for a mark; `copy` was not written. */
bool hf_fragments_mark(hf_bytes packet, uint8_t *copy);

bool hf_fragments_is_marked(uint32_t ppid);
uint32_t hf_fragments_ppid(uint32_t ppid); /* without marks */

/* Copies a fragment. *whole: its message is complete, and begins at *first. HF_ELIMIT: the span; HF_ENOMEM. */
HF_CHECKED hf_err hf_fragments_add(hf_fragments *fragments, hf_bytes data, uint32_t tsn, uint16_t stream, uint32_t ppid,
                                   bool *whole, uint32_t *first);

/* NULL: it is not there. */
const hf_fragment *hf_fragments_at(const hf_fragments *fragments, uint32_t tsn);

/* How long the message that begins at `first` is, as far as it is here. */
size_t hf_fragments_message_len(const hf_fragments *fragments, uint32_t first);

/* Takes the fragment off; NULL: it is not there. It is the caller's, to be freed with hf_dealloc. */
hf_fragment *hf_fragments_take(hf_fragments *fragments, uint32_t tsn);

/* True for the last fragment of a message. */
bool hf_fragment_is_last(const hf_fragment *fragment);

/* All up to `tsn` has come or was given up: drops runs that can't become whole any more. Returns how many fragments. */
size_t hf_fragments_forget(hf_fragments *fragments, uint32_t tsn);

#endif
