/* bio.h: what mbedTLS reads from and writes to: memory. And what it takes for a clock: the `now` of the present call. */
#ifndef HF_DTLS_BIO_H
#define HF_DTLS_BIO_H

#include <holdfast/io.h>

#include "packet.h"

#include <mbedtls/ssl.h>

#define HF_BIO_QUEUE_MAX (32 * 1024) /* bytes of handshake datagrams that wait to be sent; a flight has some 3000 */
#define HF_BIO_ALERT_MAX 64

/* RFC 6347 §4.2.4.1 wants the timer to double up to a minute. We stop at three seconds: a flight is some three datagrams to
 * a peer that ICE has met, and its path may come to work only after several of them were lost; then nobody should have to
 * wait longer than it took. After 24 vain flights, about a minute, it is over. */
#define HF_BIO_TIMEOUT_MAX HF_SECONDS(3)
#define HF_BIO_FLIGHTS_MAX 24

typedef struct hf_bio {
    const uint8_t *in; /* the one record that is handed in; in_len 0: none */
    size_t in_len;

    hf_transmit *sealing;  /* sealed application data goes here while this is set; all else into the queue */
    hf_packet_queue queue; /* datagrams to be sent */

    /* An alert that mbedTLS would send. It is kept apart until somebody decided that the trouble was worth one. */
    uint8_t alert[HF_BIO_ALERT_MAX];
    size_t alert_len;

    hf_time now;
    hf_time timer; /* HF_NEVER: cancelled */
    hf_time timer_set_at;
    hf_span first_timeout;
} hf_bio;

void hf_bio_init(hf_bio *bio, hf_span first_timeout, const hf_env *env);
void hf_bio_clear(hf_bio *bio);
void hf_bio_attach(hf_bio *bio, mbedtls_ssl_context *ssl);

/* Lets mbedTLS count flights; how long each waits is decided here. */
void hf_bio_configure(mbedtls_ssl_config *conf);

/* Hands in one record, which must stay until it was read. */
void hf_bio_offer(hf_bio *bio, const uint8_t *record, size_t len);

/* Sends the alert that was kept, or forgets it. */
void hf_bio_send_alert(hf_bio *bio);
void hf_bio_drop_alert(hf_bio *bio);

#endif
