/* bio.c: mbedTLS's callbacks for reading, writing and timers. They note and return. */
#include "bio.h"

#include "header.h"

#include <string.h>

void hf_bio_init(hf_bio *bio, hf_span first_timeout, const hf_env *env)
{
    *bio = (hf_bio){.timer = HF_NEVER, .first_timeout = first_timeout};
    hf_packet_queue_init(&bio->queue, env, 0, 0, HF_BIO_QUEUE_MAX);
}

void hf_bio_clear(hf_bio *bio)
{
    hf_packet_queue_clear(&bio->queue);
}

void hf_bio_offer(hf_bio *bio, const uint8_t *record, size_t len)
{
    bio->in = record;
    bio->in_len = len;
}

/* What a datagram begins with: a message of the handshake by its number, or a record of another type. */
typedef struct opening {
    uint8_t type;
    uint16_t epoch, message_seq;
    uint32_t offset;
} opening;

static opening opening_of(hf_bytes datagram)
{
    hf_reader r = hf_reader_of(datagram);
    hf_record record;
    hf_fragment fragment = {0};
    if (!hf_record_read(&r, &record))
        return (opening){0};
    r = hf_reader_of(record.body);
    if (record.type == HF_RECORD_HANDSHAKE && record.epoch == 0)
        (void)hf_fragment_read(&r, &fragment);
    return (opening){record.type, record.epoch, fragment.message_seq, fragment.offset};
}

/* While nobody takes the queue, each timer and each repeated flight of the remote would add all of ours to it again. */
static bool repeats_what_waits(const hf_bio *bio, hf_bytes datagram)
{
    hf_packet first;
    if (hf_packet_peek(&bio->queue, &first, 1) == 0)
        return false;
    opening was = opening_of(hf_bytes_of(first.data, first.len)), is = opening_of(datagram);
    return was.type == is.type && was.epoch == is.epoch && was.message_seq == is.message_seq && was.offset == is.offset;
}

/* A datagram that finds no room counts as lost on the way: the handshake's timer sends it again. */
static void enqueue(hf_bio *bio, const uint8_t *data, size_t len)
{
    hf_packet packet;
    if (repeats_what_waits(bio, hf_bytes_of(data, len)))
        hf_packet_queue_clear(&bio->queue);
    if (hf_packet_push(&bio->queue, len, &packet) == HF_OK)
        memcpy(packet.data, data, len);
}

void hf_bio_send_alert(hf_bio *bio)
{
    if (bio->alert_len > 0)
        enqueue(bio, bio->alert, bio->alert_len);
    hf_bio_drop_alert(bio);
}

void hf_bio_drop_alert(hf_bio *bio)
{
    bio->alert_len = 0;
}

static int on_send(void *context, const unsigned char *data, size_t len)
{
    hf_bio *bio = context;
    if (bio->sealing) {
        hf_transmit *out = bio->sealing;
        if (len > out->cap - out->len)
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR; /* the sealer looked at the room before */
        memcpy(out->buffer + out->len, data, len);
        out->len += len;
    } else if (data[0] != HF_RECORD_ALERT) {
        enqueue(bio, data, len);
    } else if (bio->alert_len == 0 && len <= sizeof bio->alert) {
        memcpy(bio->alert, data, len);
        bio->alert_len = len;
    }
    return (int)len;
}

static int on_receive(void *context, unsigned char *buffer, size_t cap)
{
    hf_bio *bio = context;
    size_t len = bio->in_len;
    if (len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    bio->in_len = 0;
    if (len > cap)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(buffer, bio->in, len);
    return (int)len;
}

/* mbedTLS begins with 1 and doubles with each vain flight: its "milliseconds" say how often. */
void hf_bio_configure(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_handshake_timeout(conf, 1, 1U << (HF_BIO_FLIGHTS_MAX - 1));
}

static void on_set_timer(void *context, uint32_t half, uint32_t whole)
{
    hf_bio *bio = context;
    (void)half;
    hf_span span = bio->first_timeout;
    for (; whole > 1 && span < HF_BIO_TIMEOUT_MAX; whole /= 2)
        span = span * 2 < HF_BIO_TIMEOUT_MAX ? span * 2 : HF_BIO_TIMEOUT_MAX;
    bio->timer = whole == 0 ? HF_NEVER : bio->now + span;
    bio->timer_set_at = bio->now;
}

/* mbedTLS's numbers: -1 cancelled, 0 not yet, 2 passed. (1 is an intermediate moment, which DTLS does not use.) */
static int on_get_timer(void *context)
{
    const hf_bio *bio = context;
    if (bio->timer == HF_NEVER)
        return -1;
    return bio->now >= bio->timer ? 2 : 0;
}

void hf_bio_attach(hf_bio *bio, mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_set_bio(ssl, bio, on_send, on_receive, NULL);
    mbedtls_ssl_set_timer_cb(ssl, bio, on_set_timer, on_get_timer);
}
