/* incoming.c: sorts what arrives. mbedTLS gets one record at a time, and only such as make sense in the present state, so
 * that junk in a datagram harms neither its neighbours nor the connection. */
#include "dtls_priv.h"

#include "header.h"

#include <string.h>

/* Application data can overtake the Finished before it; a window of packets is kept. */
#define EARLY_BYTES_MAX (32 * 1024)

/* How long a fatal alert of the handshake, which anybody can forge, must go uncontradicted by progress. */
#define ALERT_GRACE HF_SECONDS(1)

enum { ALERT_SIZE = 2, ALERT_WARNING = 1, ALERT_FATAL = 2, ALERT_CLOSE_NOTIFY = 0 };

static void handshake(hf_dtls *dtls, hf_bytes record, hf_packet_sink *sink)
{
    hf_bio_offer(&dtls->bio, record.data, record.len);
    hf_dtls_advance(dtls, sink);
    hf_bio_offer(&dtls->bio, NULL, 0);
}

/* Nothing protects a plaintext alert. Obeying at once would let one forged datagram end a handshake; never obeying
 * would hide a remote that refuses us until the timer gives up. So it is believed when the handshake has not moved for
 * a while. */
static void on_plain_alert(hf_dtls *dtls, const hf_record *record)
{
    const uint8_t *body = record->body.data;
    bool ends = record->body.len == ALERT_SIZE && (body[0] == ALERT_FATAL || body[1] == ALERT_CLOSE_NOTIFY);
    if (ends && dtls->alert_due == HF_NEVER)
        dtls->alert_due = dtls->now + ALERT_GRACE;
}

static void on_hello_fragment(hf_dtls *dtls, const hf_record *record, const hf_fragment *fragment, hf_packet_sink *sink)
{
    hf_bytes whole;
    switch (hf_reassembly_take(&dtls->reassembly, record, fragment, &whole)) {
    case HF_REASSEMBLY_MORE:
        break;
    case HF_REASSEMBLY_WHOLE:
        handshake(dtls, whole, sink);
        break;
    case HF_REASSEMBLY_RESTARTED:
    case HF_REASSEMBLY_REFUSED:
        hf_dtls_drop(dtls, HF_DROP_DTLS_REASSEMBLY, record->whole.len);
        break;
    }
}

/* A server's epoch 0: a record may hold one message, or several fragments of a ClientHello. */
static void on_server_handshake(hf_dtls *dtls, const hf_record *record, hf_packet_sink *sink)
{
    hf_reader r = hf_reader_of(record->body);
    hf_fragment fragment;
    if (!hf_fragment_read(&r, &fragment)) {
        hf_dtls_drop(dtls, HF_DROP_DTLS_MALFORMED, record->whole.len);
        return;
    }
    if (fragment.type != HF_HANDSHAKE_CLIENT_HELLO) {
        if (hf_handshake_awaits_hello(dtls))
            hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        else
            handshake(dtls, record->whole, sink);
        return;
    }
    /* Once one was answered only the same is of use: it asks for the answer again. */
    if (hf_handshake_awaits_hello(dtls))
        dtls->hello_seq = fragment.message_seq;
    if (fragment.message_seq != dtls->hello_seq) {
        hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        return;
    }
    if (fragment.body.len == fragment.length && r.rest.len == 0) {
        handshake(dtls, record->whole, sink);
        return;
    }
    do {
        if (fragment.type == HF_HANDSHAKE_CLIENT_HELLO)
            on_hello_fragment(dtls, record, &fragment, sink);
    } while (dtls->state == DTLS_HANDSHAKING && r.rest.len > 0 && hf_fragment_read(&r, &fragment));
    if (!r.ok)
        hf_dtls_drop(dtls, HF_DROP_DTLS_MALFORMED, record->whole.len);
}

static void keep_early(hf_dtls *dtls, const hf_record *record)
{
    hf_packet packet;
    if (dtls->early.bytes_max == 0)
        hf_packet_queue_init(&dtls->early, dtls->env, 0, 0, EARLY_BYTES_MAX);
    if (hf_packet_push(&dtls->early, record->whole.len, &packet) == HF_OK)
        memcpy(packet.data, record->whole.data, record->whole.len);
    else
        hf_dtls_drop(dtls, HF_DROP_DTLS_EARLY, record->whole.len);
}

static void while_handshaking(hf_dtls *dtls, const hf_record *record, hf_packet_sink *sink)
{
    bool plain = record->epoch == 0;
    switch (record->type) {
    case HF_RECORD_HANDSHAKE:
        if (plain && dtls->role == HF_DTLS_SERVER)
            on_server_handshake(dtls, record, sink);
        else if (hf_handshake_awaits_hello(dtls))
            hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        else
            handshake(dtls, record->whole, sink);
        break;
    case HF_RECORD_CHANGE_CIPHER_SPEC:
        if (plain && !hf_handshake_awaits_hello(dtls))
            handshake(dtls, record->whole, sink);
        else
            hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        break;
    case HF_RECORD_ALERT:
        if (plain)
            on_plain_alert(dtls, record);
        else
            keep_early(dtls, record);
        break;
    case HF_RECORD_APPLICATION_DATA:
        if (plain)
            hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        else
            keep_early(dtls, record);
        break;
    default:
        hf_dtls_drop(dtls, HF_DROP_DTLS_MALFORMED, record->whole.len);
    }
}

static void while_connected(hf_dtls *dtls, const hf_record *record, uint8_t *memory, hf_packet_sink *sink)
{
    /* Epoch 0 ended with the handshake: a plaintext alert is forged, a plaintext flight is an old one. The remote asks for
     * our last flight again with its Finished, which is of epoch 1. */
    if (record->epoch != 1 || record->type == HF_RECORD_CHANGE_CIPHER_SPEC) {
        hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        return;
    }
    if (sink->len == sink->cap) {
        hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        return;
    }
    hf_bytes packet;
    switch (hf_record_layer_open(&dtls->records, memory, record->whole.len, &packet)) {
    case HF_OPEN_PACKET:
        dtls->stats.records_received++;
        sink->packets[sink->len++] = packet;
        break;
    case HF_OPEN_NOTHING:
        break;
    case HF_OPEN_REFUSED:
        hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, record->whole.len);
        break;
    case HF_OPEN_CLOSED:
        hf_dtls_end(dtls, HF_OK);
        break;
    case HF_OPEN_FATAL:
        hf_dtls_end(dtls, HF_EDTLS);
        break;
    }
}

void hf_incoming_take(hf_dtls *dtls, uint8_t *datagram, size_t len, hf_packet_sink *sink)
{
    if (len == 0 || len > HF_DATAGRAM_MAX) {
        hf_dtls_drop(dtls, HF_DROP_DTLS_MALFORMED, len);
        return;
    }
    if (dtls->state == DTLS_HANDSHAKING)
        dtls->stats.handshake_datagrams_received++;

    hf_reader r = hf_reader_of((hf_bytes){.data = datagram, .len = len});
    while (r.rest.len > 0) {
        size_t at = len - r.rest.len;
        hf_record record;
        if (!hf_record_read(&r, &record)) {
            hf_dtls_drop(dtls, HF_DROP_DTLS_MALFORMED, len);
            return;
        }
        if (dtls->state == DTLS_HANDSHAKING)
            while_handshaking(dtls, &record, sink);
        else if (dtls->state == DTLS_CONNECTED)
            while_connected(dtls, &record, datagram + at, sink);
    }
}
