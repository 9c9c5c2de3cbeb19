/* dtls.c: birth, states and face of a DTLS association: it directs, the files beside it do the work. */
#include "dtls_priv.h"
#include "fingerprint.h"

#include "alloc.h"
#include "mbed.h"
#include "random.h"
#include "suite.h"

#include <assert.h>
#include <string.h>

#define FIRST_TIMEOUT_MIN HF_MS(20)
#define FIRST_TIMEOUT_MAX HF_SECONDS(60)

/* The handshake's messages are cut to fit, so they work with little; RFC 8200 §5 and RFC 791 promise far more. */
#define MTU_MIN 256

#define WAITING_BYTES_MAX (16 * 1024) /* two or three first flights */

#define BIT(state) (1U << (state))

/* NEW ──start──▶ HANDSHAKING ──both Finished──▶ CONNECTED ──close_notify──▶ CLOSED
 *  └──close──▶ CLOSED  └──close──▶ CLOSED        │
 *                      └──refused──▶ FAILED ◀────┘                               */
static const unsigned reachable[DTLS_STATE_COUNT] = {
    [DTLS_NEW] = BIT(DTLS_HANDSHAKING) | BIT(DTLS_CLOSED),
    [DTLS_HANDSHAKING] = BIT(DTLS_CONNECTED) | BIT(DTLS_FAILED) | BIT(DTLS_CLOSED),
    [DTLS_CONNECTED] = BIT(DTLS_CLOSED) | BIT(DTLS_FAILED),
};

static const char *const state_names[DTLS_STATE_COUNT] = {
    [DTLS_NEW] = "new",       [DTLS_HANDSHAKING] = "connecting", [DTLS_CONNECTED] = "connected",
    [DTLS_CLOSED] = "closed", [DTLS_FAILED] = "failed",
};

static void push_event(hf_dtls *dtls, hf_dtls_event_type type, hf_err cause)
{
    assert(dtls->events_len < sizeof dtls->events / sizeof dtls->events[0]);
    dtls->events[dtls->events_len++] = (hf_dtls_event){.type = type, .cause = cause};
}

/* What only a handshake needs. The bio's queue stays: the last flight is in it. */
static void release_handshake(hf_dtls *dtls)
{
    dtls->alert_due = HF_NEVER;
    hf_reassembly_clear(&dtls->reassembly);
    hf_packet_queue_clear(&dtls->waiting);
}

static void enter(hf_dtls *dtls, dtls_state next, hf_err cause)
{
    assert(reachable[dtls->state] & BIT(next));
    hf_trace(dtls->env, dtls->now, HF_TRACE_DTLS_STATE_CHANGED, hf_trace_text("old", state_names[dtls->state]),
             hf_trace_text("new", state_names[next]), hf_trace_cause(cause), hf_trace_text("version", hf_dtls_version(dtls)),
             hf_trace_text("cipher", hf_dtls_cipher(dtls)));
    dtls->state = next;
    switch (next) {
    case DTLS_NEW:
    case DTLS_STATE_COUNT:
    case DTLS_HANDSHAKING:
        break;
    case DTLS_CONNECTED:
        release_handshake(dtls);
        mbedtls_ssl_set_mtu(&dtls->ssl, 0); /* it would limit application data too */
        hf_record_layer_init(&dtls->records, &dtls->ssl, &dtls->bio);
        push_event(dtls, HF_DTLS_CONNECTED, HF_OK);
        break;
    case DTLS_CLOSED:
        release_handshake(dtls);
        break;
    case DTLS_FAILED:
        release_handshake(dtls);
        hf_bio_send_alert(&dtls->bio);
        push_event(dtls, HF_DTLS_FAILED, cause);
        break;
    }
}

static void send_close_notify(hf_dtls *dtls)
{
    hf_bio_drop_alert(&dtls->bio);
    if (mbedtls_ssl_close_notify(&dtls->ssl) == 0)
        hf_bio_send_alert(&dtls->bio);
}

void hf_dtls_end(hf_dtls *dtls, hf_err cause)
{
    if (cause != HF_OK) {
        enter(dtls, DTLS_FAILED, cause);
        return;
    }
    send_close_notify(dtls); /* RFC 5246 §7.2.1: the other party must respond with one of its own */
    enter(dtls, DTLS_CLOSED, HF_OK);
    push_event(dtls, HF_DTLS_CLOSED, HF_OK);
}

/* --- Birth --------------------------------------------------------------------------------------------------------- */

static hf_err check_config(const hf_dtls_config *config, const hf_env *env)
{
    if (!hf_env_is_usable(env) || !config || !config->certificate || !config->fingerprints || config->fingerprints_len == 0)
        return HF_EINVAL;
    return config->fingerprints_len > HF_DTLS_FINGERPRINTS_MAX ? HF_ELIMIT : HF_OK;
}

static size_t clamp_mtu(size_t mtu)
{
    if (mtu == 0)
        return HF_MTU_DEFAULT;
    return mtu < MTU_MIN ? MTU_MIN : mtu > HF_DATAGRAM_MAX ? HF_DATAGRAM_MAX : mtu;
}

static hf_span clamp_timeout(hf_span timeout)
{
    if (timeout <= 0)
        return HF_DTLS_FIRST_TIMEOUT;
    return timeout < FIRST_TIMEOUT_MIN ? FIRST_TIMEOUT_MIN : timeout > FIRST_TIMEOUT_MAX ? FIRST_TIMEOUT_MAX : timeout;
}

hf_err hf_dtls_new(hf_dtls **out, const hf_dtls_config *config, const hf_env *env)
{
    hf_err err = check_config(config, env);
    if (err != HF_OK)
        return err;
    hf_dtls *dtls = hf_alloc(env, sizeof *dtls);
    if (!dtls)
        return HF_ENOMEM;

    dtls->env = env;
    dtls->certificate = config->certificate;
    dtls->role = config->role;
    dtls->mtu = clamp_mtu(config->mtu);
    dtls->alert_due = HF_NEVER;
    hf_bio_init(&dtls->bio, clamp_timeout(config->first_timeout), env);
    hf_reassembly_init(&dtls->reassembly, env);
    hf_packet_queue_init(&dtls->waiting, env, 0, 0, WAITING_BYTES_MAX);

    err = hf_handshake_init(dtls);
    dtls->fingerprints = hf_alloc_array(env, config->fingerprints_len, sizeof *dtls->fingerprints);
    if (err == HF_OK && !dtls->fingerprints)
        err = HF_ENOMEM;
    if (err != HF_OK) {
        hf_dtls_free(dtls);
        return err;
    }
    dtls->fingerprints_len = config->fingerprints_len;
    memcpy(dtls->fingerprints, config->fingerprints, config->fingerprints_len * sizeof *dtls->fingerprints);
    *out = dtls;
    return HF_OK;
}

void hf_dtls_free(hf_dtls *dtls)
{
    if (!dtls)
        return;
    hf_handshake_clear(dtls);
    hf_bio_clear(&dtls->bio);
    hf_reassembly_clear(&dtls->reassembly);
    hf_packet_queue_clear(&dtls->waiting);
    hf_packet_queue_clear(&dtls->early);
    hf_dealloc(dtls->env, dtls->fingerprints);
    hf_dealloc(dtls->env, dtls);
}

/* --- Running ------------------------------------------------------------------------------------------------------- */

static void see_time(hf_dtls *dtls, hf_time now)
{
    if (now > dtls->now)
        dtls->now = now;
    dtls->bio.now = dtls->now;
}

/* Data that came before the Finished before it: opened where it lies, and handed up behind what is there. */
static void open_early(hf_dtls *dtls, hf_packet_sink *sink)
{
    hf_packet early[64];
    size_t n = hf_packet_peek(&dtls->early, early, sizeof early / sizeof early[0]);
    for (size_t i = n; i < dtls->early.len; i++)
        hf_dtls_drop(dtls, HF_DROP_DTLS_EARLY, 0);
    dtls->early_opened = true;
    for (size_t i = 0; i < n; i++)
        hf_incoming_take(dtls, early[i].data, early[i].len, sink);
}

void hf_dtls_advance(hf_dtls *dtls, hf_packet_sink *sink)
{
    int before = hf_mbed_state(&dtls->ssl);
    hf_err cause = HF_EDTLS;
    hf_handshake_result result = hf_handshake_run(dtls, &cause);
    if (hf_mbed_state(&dtls->ssl) != before)
        dtls->alert_due = HF_NEVER; /* a remote that goes on did not send it */

    switch (result) {
    case HF_HANDSHAKE_WAITS:
        break;
    case HF_HANDSHAKE_FAILED:
        hf_dtls_end(dtls, cause);
        break;
    case HF_HANDSHAKE_DONE:
        enter(dtls, DTLS_CONNECTED, HF_OK);
        open_early(dtls, sink);
        break;
    }
}

void hf_dtls_start(hf_dtls *dtls, hf_time now)
{
    if (dtls->state != DTLS_NEW)
        return;
    see_time(dtls, now);
    enter(dtls, DTLS_HANDSHAKING, HF_OK);
    hf_packet_sink nowhere = {0};
    hf_dtls_advance(dtls, &nowhere);

    hf_packet packet;
    while (dtls->state == DTLS_HANDSHAKING && hf_packet_peek(&dtls->waiting, &packet, 1) > 0) {
        hf_incoming_take(dtls, packet.data, packet.len, &nowhere);
        hf_packet_pop(&dtls->waiting, 1);
    }
    hf_packet_queue_clear(&dtls->waiting);
}

static void keep_until_start(hf_dtls *dtls, const hf_datagram *datagram)
{
    hf_packet packet;
    if (datagram->len == 0)
        hf_dtls_drop(dtls, HF_DROP_DTLS_MALFORMED, 0);
    else if (datagram->len <= HF_DATAGRAM_MAX && hf_packet_push(&dtls->waiting, datagram->len, &packet) == HF_OK)
        memcpy(packet.data, datagram->data, datagram->len);
    else
        hf_dtls_drop(dtls, HF_DROP_DTLS_EARLY, datagram->len);
}

static size_t total(const hf_datagram *datagrams, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += datagrams[i].len;
    return bytes;
}

size_t hf_dtls_input(hf_dtls *dtls, hf_time now, hf_datagram *datagrams, size_t n, hf_bytes *packets, size_t cap)
{
    see_time(dtls, now);
    if (n > 0)
        hf_trace(dtls->env, dtls->now, HF_TRACE_DTLS_PACKETS_RECEIVED, hf_trace_number("count", n),
                 hf_trace_number("bytes", total(datagrams, n)));
    if (dtls->early_opened) {
        hf_packet_queue_clear(&dtls->early);
        dtls->early_opened = false;
    }
    hf_packet_sink sink = {.packets = packets, .cap = cap};
    for (size_t i = 0; i < n; i++) {
        if (dtls->state == DTLS_NEW)
            keep_until_start(dtls, &datagrams[i]);
        else
            hf_incoming_take(dtls, datagrams[i].data, datagrams[i].len, &sink);
    }
    return sink.len;
}

static void trace_sent(const hf_dtls *dtls, size_t count, size_t bytes)
{
    hf_trace(dtls->env, dtls->now, HF_TRACE_DTLS_PACKETS_SENT, hf_trace_number("count", count),
             hf_trace_number("bytes", bytes));
}

static const hf_wrap bare;

bool hf_dtls_poll_transmit(hf_dtls *dtls, hf_time now, const hf_wrap *wrap, hf_transmit *out)
{
    wrap = wrap ? wrap : &bare;
    see_time(dtls, now);
    hf_packet packet;
    size_t before = dtls->bio.queue.len, first = 0;
    out->len = out->segment = 0;
    while (hf_packet_peek(&dtls->bio.queue, &packet, 1) > 0) {
        if (wrap->before + packet.len + wrap->after > out->cap - out->len || (first > 0 && packet.len > first))
            break;
        uint8_t *at = out->buffer + out->len + wrap->before;
        memcpy(at, packet.data, packet.len);
        out->len += hf_wrap_write(wrap, at, packet.len);
        bool is_last = packet.len < first;
        if (first == 0) {
            first = packet.len;
            out->segment = out->len;
        }
        hf_packet_pop(&dtls->bio.queue, 1);
        dtls->stats.handshake_datagrams_sent++;
        if (is_last)
            break;
    }
    if (out->len > 0)
        trace_sent(dtls, before - dtls->bio.queue.len, out->len);
    hf_packet_queue_relax(&dtls->bio.queue);
    return out->len > 0;
}

size_t hf_dtls_seal(hf_dtls *dtls, const hf_bytes *packets, size_t n, const hf_wrap *wrap, hf_transmit *out)
{
    out->len = out->segment = 0;
    /* Data that overtakes our Finished is lost on most remotes. */
    if (dtls->state != DTLS_CONNECTED || dtls->bio.queue.len > 0)
        return 0;
    size_t taken = hf_record_layer_seal(&dtls->records, packets, n, wrap ? wrap : &bare, out);
    dtls->stats.records_sent += taken;
    if (taken > 0)
        trace_sent(dtls, taken, out->len);
    return taken;
}

void hf_dtls_close(hf_dtls *dtls, hf_time now)
{
    see_time(dtls, now);
    if (dtls->state == DTLS_CLOSED || dtls->state == DTLS_FAILED)
        return;
    if (dtls->state == DTLS_CONNECTED)
        send_close_notify(dtls);
    enter(dtls, DTLS_CLOSED, HF_OK);
}

hf_time hf_dtls_deadline(const hf_dtls *dtls)
{
    if (dtls->state != DTLS_HANDSHAKING)
        return HF_NEVER;
    return dtls->bio.timer < dtls->alert_due ? dtls->bio.timer : dtls->alert_due;
}

/* What left a first timeout ago would have been repeated by now, had the timer not been backed off in vain. */
void hf_dtls_kick(hf_dtls *dtls, hf_time now)
{
    see_time(dtls, now);
    if (dtls->state == DTLS_HANDSHAKING && dtls->bio.timer != HF_NEVER &&
        dtls->now - dtls->bio.timer_set_at >= dtls->bio.first_timeout && dtls->bio.timer > dtls->now)
        dtls->bio.timer = dtls->now;
}

void hf_dtls_tick(hf_dtls *dtls, hf_time now)
{
    see_time(dtls, now);
    if (dtls->state != DTLS_HANDSHAKING)
        return;
    if (dtls->alert_due <= dtls->now) {
        hf_dtls_end(dtls, HF_EDTLS);
        return;
    }
    hf_packet_sink nowhere = {0};
    if (dtls->bio.timer <= dtls->now) {
        hf_trace(dtls->env, dtls->now, HF_TRACE_DTLS_TIMER_FIRED, hf_trace_text("timer", "retransmission"));
        hf_dtls_advance(dtls, &nowhere);
        /* mbedTLS looks at its timer only when it asks for input: with a message in its hands that it does not like, it does
         * neither. A timer that has fired is never due again at once. */
        if (dtls->bio.timer <= dtls->now)
            dtls->bio.timer = dtls->now + HF_BIO_TIMEOUT_MAX;
    }
}

bool hf_dtls_poll_event(hf_dtls *dtls, hf_dtls_event *out)
{
    if (dtls->events_len == 0)
        return false;
    *out = dtls->events[0];
    dtls->events[0] = dtls->events[1];
    dtls->events_len--;
    return true;
}

/* --- What was agreed ------------------------------------------------------------------------------------------------ */

static bool is_agreed(const hf_dtls *dtls)
{
    return hf_mbed_state(&dtls->ssl) == MBEDTLS_SSL_HANDSHAKE_OVER;
}

const char *hf_dtls_state_name(const hf_dtls *dtls)
{
    return state_names[dtls->state];
}

const char *hf_dtls_cipher(const hf_dtls *dtls)
{
    return is_agreed(dtls) ? hf_suite_name(&dtls->ssl) : "";
}

const char *hf_dtls_version(const hf_dtls *dtls)
{
    return is_agreed(dtls) ? "FEFD" : ""; /* W3C RTCTransportStats.tlsVersion: four hexadecimal digits */
}

hf_bytes hf_dtls_remote_certificate(const hf_dtls *dtls)
{
    const mbedtls_x509_crt *certificate = is_agreed(dtls) ? mbedtls_ssl_get_peer_cert(&dtls->ssl) : NULL;
    if (!certificate)
        return (hf_bytes){0};
    return (hf_bytes){.data = certificate->raw.p, .len = certificate->raw.len};
}

hf_err hf_dtls_remote_fingerprint(const hf_dtls *dtls, hf_hash hash, hf_fingerprint *out)
{
    hf_bytes der = hf_dtls_remote_certificate(dtls);
    return der.len > 0 ? hf_fingerprint_compute(hash, der, out) : HF_ESTATE;
}

void hf_dtls_get_stats(const hf_dtls *dtls, hf_dtls_stats *out)
{
    *out = dtls->stats;
}
