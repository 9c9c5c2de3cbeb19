/* header.h: the plaintext headers of DTLS: of a record (RFC 6347 §4.1) and of a handshake message (§4.2.2). */
#ifndef HF_DTLS_HEADER_H
#define HF_DTLS_HEADER_H

#include "bytes.h"

#define HF_RECORD_HEADER_SIZE 13
#define HF_HANDSHAKE_HEADER_SIZE 12

enum { HF_RECORD_CHANGE_CIPHER_SPEC = 20, HF_RECORD_ALERT = 21, HF_RECORD_HANDSHAKE = 22, HF_RECORD_APPLICATION_DATA = 23 };
enum { HF_HANDSHAKE_CLIENT_HELLO = 1 };

typedef struct hf_record {
    uint8_t type;
    uint16_t epoch;
    hf_bytes whole; /* with its header */
    hf_bytes body;
} hf_record;

/* Takes the next record of a datagram. False, and the reader is no longer ok: the rest is not DTLS 1.0 or 1.2, or overruns
 * the datagram. */
bool hf_record_read(hf_reader *datagram, hf_record *out);

typedef struct hf_fragment {
    uint8_t type;
    uint32_t length; /* of the whole message */
    uint16_t message_seq;
    uint32_t offset;
    hf_bytes body;
} hf_fragment;

/* Takes the next fragment of a handshake record. False: it overruns the record or its own message. */
bool hf_fragment_read(hf_reader *record, hf_fragment *out);

#endif
