/* record.h: sealing and opening application data once the handshake is done. This is all that a faster record layer has to
 * offer to take the place of mbedTLS's. */
#ifndef HF_DTLS_RECORD_H
#define HF_DTLS_RECORD_H

#include "bio.h"

typedef struct hf_record_layer {
    mbedtls_ssl_context *ssl;
    hf_bio *bio;
    size_t expansion; /* what a record is larger than its packet */
} hf_record_layer;

/* Call it when the keys are there. */
void hf_record_layer_init(hf_record_layer *layer, mbedtls_ssl_context *ssl, hf_bio *bio);

/* Seals packets behind each other into `out`, each in its `wrap`, as far as they make one run; returns how
 * many. */
size_t hf_record_layer_seal(hf_record_layer *layer, const hf_bytes *packets, size_t n, const hf_wrap *wrap,
                            hf_transmit *out);

typedef enum hf_open_result {
    HF_OPEN_PACKET = 1, /* `out` is application data, in the record's own memory */
    HF_OPEN_NOTHING,    /* no application data; whatever there was to do is done */
    HF_OPEN_REFUSED,    /* forged, replayed or senseless */
    HF_OPEN_CLOSED,     /* close_notify */
    HF_OPEN_FATAL       /* the remote gave up, and said so under its key */
} hf_open_result;

/* Opens one record of `len` bytes in place. */
hf_open_result hf_record_layer_open(hf_record_layer *layer, uint8_t *record, size_t len, hf_bytes *out);

#endif
