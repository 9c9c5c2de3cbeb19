/* dtls_priv.h: struct hf_dtls, and what its files share. */
#ifndef HF_DTLS_PRIV_H
#define HF_DTLS_PRIV_H

#include "bio.h"
#include "certificate.h"
#include "dtls.h"
#include "reassembly.h"
#include "record.h"
#include "trace.h"

typedef enum dtls_state {
    DTLS_NEW,
    DTLS_HANDSHAKING,
    DTLS_CONNECTED,
    DTLS_CLOSED,
    DTLS_FAILED,
    DTLS_STATE_COUNT
} dtls_state;

struct hf_dtls {
    const hf_env *env;
    const hf_certificate *certificate;
    hf_dtls_role role;
    size_t mtu;
    hf_fingerprint *fingerprints;
    size_t fingerprints_len;

    dtls_state state;
    hf_time now;       /* of the latest call; never goes back */
    hf_time alert_due; /* when an alert that anybody may have forged is believed */

    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    hf_bio bio;
    hf_record_layer records;
    hf_reassembly reassembly;
    uint16_t hello_seq;   /* message_seq of the ClientHello that a server answered */
    bool peer_verified;   /* the remote showed a certificate that matches */
    bool peer_mismatched; /* it showed another, or none */

    hf_packet_queue waiting; /* datagrams that came before start */
    hf_packet_queue early;   /* records of application data that overtook the remote's Finished */
    bool early_opened;       /* packets in `early` were handed up: its memory goes with the next call */

    hf_dtls_event events[2]; /* CONNECTED, and one end */
    size_t events_len;
    hf_dtls_stats stats;
};

/* Counts what is thrown away, and tells it. */
static inline void hf_dtls_drop(hf_dtls *dtls, hf_drop cause, size_t bytes)
{
    hf_drop_count(&dtls->stats.drops, dtls->env, dtls->now, cause, bytes);
}

/* --- handshake.c --- */

/* Sets mbedTLS up; on failure hf_handshake_clear is still owed. */
HF_CHECKED hf_err hf_handshake_init(hf_dtls *dtls);
void hf_handshake_clear(hf_dtls *dtls);

typedef enum hf_handshake_result { HF_HANDSHAKE_WAITS = 1, HF_HANDSHAKE_DONE, HF_HANDSHAKE_FAILED } hf_handshake_result;

/* Goes as far as it can with the record that was offered to the bio and the time of the bio. */
hf_handshake_result hf_handshake_run(hf_dtls *dtls, hf_err *cause);

/* A server that has not read a ClientHello yet. */
bool hf_handshake_awaits_hello(const hf_dtls *dtls);

/* --- incoming.c --- */

/* Where application packets go. */
typedef struct hf_packet_sink {
    hf_bytes *packets;
    size_t cap, len;
} hf_packet_sink;

/* Sorts the records of a datagram: into the handshake, the reassembly, the record layer, or away. */
void hf_incoming_take(hf_dtls *dtls, uint8_t *datagram, size_t len, hf_packet_sink *sink);

/* --- dtls.c, for the two above --- */

/* Lets the handshake go on; when it ends, `sink` gets what had come too early. */
void hf_dtls_advance(hf_dtls *dtls, hf_packet_sink *sink);

/* The one way to an end: DTLS_CLOSED without a cause, or DTLS_FAILED. */
void hf_dtls_end(hf_dtls *dtls, hf_err cause);

#endif
