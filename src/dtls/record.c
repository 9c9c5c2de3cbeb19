/* record.c: sealing and opening by mbedTLS. It copies a record into its own buffer and works there, so reading the plaintext
 * back into the record's memory is safe, and nothing is allocated. */
#include "record.h"

#include "bytes.h"

void hf_record_layer_init(hf_record_layer *layer, mbedtls_ssl_context *ssl, hf_bio *bio)
{
    int expansion = mbedtls_ssl_get_record_expansion(ssl);
    *layer = (hf_record_layer){.ssl = ssl, .bio = bio, .expansion = expansion > 0 ? (size_t)expansion : 0};
}

size_t hf_record_layer_seal(hf_record_layer *layer, const hf_bytes *packets, size_t n, const hf_wrap *wrap, hf_transmit *out)
{
    out->len = out->segment = 0;
    layer->bio->sealing = out;
    size_t taken = 0;
    while (taken < n && packets[taken].len <= packets[0].len) {
        size_t at = out->len, len = packets[taken].len + layer->expansion;
        if (wrap->before + len + wrap->after > out->cap - at)
            break;
        out->len += wrap->before;
        if (mbedtls_ssl_write(layer->ssl, packets[taken].data, packets[taken].len) < 0) {
            out->len = at;
            break;
        }
        out->len = at + hf_wrap_write(wrap, out->buffer + at + wrap->before, len);
        if (taken == 0)
            out->segment = out->len;
        if (packets[taken++].len < packets[0].len)
            break;
    }
    layer->bio->sealing = NULL;
    return taken;
}

hf_open_result hf_record_layer_open(hf_record_layer *layer, uint8_t *record, size_t len, hf_bytes *out)
{
    hf_bio_offer(layer->bio, record, len);
    int got = mbedtls_ssl_read(layer->ssl, record, len);
    hf_bio_offer(layer->bio, NULL, 0);

    if (got > 0) {
        *out = hf_bytes_of(record, (size_t)got);
        return HF_OPEN_PACKET;
    }
    switch (got) {
    case 0:
        return HF_OPEN_NOTHING;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return HF_OPEN_CLOSED;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return HF_OPEN_FATAL;
    default:
        /* mbedTLS discards what is forged and asks for more (and answers a repeated Finished with our last flight). What it
         * made of a well sealed but senseless message is no reason to end a connection that works: no alert goes out. */
        hf_bio_drop_alert(layer->bio);
        return HF_OPEN_REFUSED;
    }
}
