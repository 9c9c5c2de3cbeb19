/* stun_priv.h: what the files of this layer share. */
#ifndef HF_STUN_PRIV_H
#define HF_STUN_PRIV_H

#include "stun.h"

/* Where the transaction id stands in the header (RFC 8489 §5). */
#define STUN_ID_AT 8

/* Type and length (RFC 8489 §14). */
#define STUN_ATTRIBUTE_HEADER_SIZE 4

#define STUN_FINGERPRINT_SIZE 4
#define STUN_INTEGRITY_SIZE 20
#define STUN_INTEGRITY256_SIZE 32

/* An attribute in a message that is read. */
typedef struct stun_attribute {
    size_t at; /* the offset of its type in the message */
    uint16_t type;
    hf_bytes value;
} stun_attribute;

/* Walks over the attributes of a message, the ignored ones too. */
typedef struct stun_walk {
    hf_bytes whole;
    hf_reader r; /* not ok: the last attribute reaches over the end */
} stun_walk;

stun_walk hf_stun_walk_of(hf_bytes whole);

/* Takes the next attribute; false: there is none, or it is broken. */
bool hf_stun_walk_next(stun_walk *walk, stun_attribute *out);

/* The value that FINGERPRINT must have behind the bytes `before` it (RFC 8489 §14.7). */
uint32_t hf_stun_fingerprint(hf_bytes before);

#endif
