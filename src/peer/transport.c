/* transport.c: the way of a datagram in and out: ICE, then DTLS, then SCTP, told apart by the first byte (RFC 7983). */
#include "peer_priv.h"

#include <string.h>

#define BATCH 32 /* datagrams, and packets, that pass between two layers at once */

void hf_peer_start_dtls_if_due(hf_peer *peer, hf_time now)
{
    hf_ice_route route = {0};

    /* Before there is a route nothing could be sent, and the round trip is not known. */
    if (peer->dtls || peer->dtls_failed || peer->closed || !peer->negotiated.done || !hf_ice_get_route(peer->ice, &route))
        return;
    const hf_identity *expected = &peer->expected;
    hf_dtls_config config = {.role = peer->negotiated.dtls_role,
                             .certificate = peer->certificate,
                             .mtu = peer->mtu,
                             .first_timeout = route.rtt > 0 ? route.rtt + route.rtt / 2 + HF_MS(20) : 0,
                             .fingerprints = peer->negotiated.fingerprints,
                             .fingerprints_len = peer->negotiated.fingerprints_len};
    if (expected->len > 0) {
        config.fingerprints = expected->hashes;
        config.fingerprints_len = expected->len;
    }
    hf_err err = hf_dtls_new(&peer->dtls, &config, peer->env);
    if (err != HF_OK) {
        peer->dtls_failed = true;
        hf_peer_update_states(peer, err);
        return;
    }
    hf_dtls_start(peer->dtls, now);

    hf_packet packet;
    while (hf_packet_peek(&peer->early, &packet, 1) == 1) { /* what came too early comes now; it is handshake, not data */
        hf_datagram datagram = {.data = packet.data, .len = packet.len};
        hf_bytes none[1];
        (void)hf_dtls_input(peer->dtls, now, &datagram, 1, none, 0);
        hf_packet_pop(&peer->early, 1);
    }
    hf_packet_queue_relax(&peer->early);
    hf_peer_update_states(peer, HF_OK);
}

static void keep_early(hf_peer *peer, const hf_datagram *datagram)
{
    hf_packet packet;
    if (hf_packet_push(&peer->early, datagram->len, &packet) == HF_OK)
        memcpy(packet.data, datagram->data, datagram->len);
    else
        hf_peer_drop(peer, HF_DROP_EARLY, datagram->len);
}

/* Moves the DTLS datagrams to the front and returns how many they are. RFC 7983 §7: 20 to 63 is DTLS; SRTP (128 to 191)
 * is not carried yet, ZRTP (16 to 19) never. */
static size_t keep_dtls(hf_peer *peer, hf_datagram *datagrams, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t first = datagrams[i].data[0];
        if (first >= 20 && first <= 63)
            datagrams[kept++] = datagrams[i];
        else
            hf_peer_drop(peer, HF_DROP_NOT_EXPECTED, datagrams[i].len);
    }
    return kept;
}

/* Moves the datagrams of a permitted size to the front. */
static size_t keep_sized(hf_peer *peer, hf_datagram *datagrams, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (datagrams[i].len == 0 || datagrams[i].len > HF_DATAGRAM_MAX) {
            hf_peer_drop(peer, HF_DROP_OVERSIZE, datagrams[i].len);
            continue;
        }
        peer->packets_received += datagrams[i].path.transport == HF_UDP; /* those of streams are counted as frames */
        peer->bytes_received += datagrams[i].len;
        datagrams[kept++] = datagrams[i];
    }
    return kept;
}

/* Takes what ICE left: the packets of this connection. */
static void take(hf_peer *peer, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_bytes packets[BATCH + 8];

    n = keep_dtls(peer, datagrams, n);
    hf_peer_pump(peer, now);
    if (!peer->dtls && n > 0) {
        for (size_t i = 0; i < n; i++)
            keep_early(peer, &datagrams[i]);
        hf_peer_start_dtls_if_due(peer, now);
        n = 0;
    }
    if (peer->dtls) {
        n = hf_dtls_input(peer->dtls, now, datagrams, n, packets, BATCH + 8);
        hf_peer_pump(peer, now); /* DTLS may be up since: SCTP starts before its first packet is looked at */
        hf_sctp_input(peer->sctp, now, packets, n);
    }
}

static void take_from_streams(hf_peer *peer, hf_time now)
{
    hf_datagram datagrams[BATCH];
    size_t n;

    do {
        n = 0;
        while (n < BATCH && hf_ice_poll_datagram(peer->ice, now, &datagrams[n]))
            n++;
        if (n > 0)
            take(peer, now, datagrams, n);
    } while (n == BATCH);
}

static void input_batch(hf_peer *peer, hf_time now, hf_datagram *datagrams, size_t n)
{
    uint64_t packets_before = peer->packets_received, bytes_before = peer->bytes_received;
    n = keep_sized(peer, datagrams, n);
    if (n > 0)
        hf_trace(peer->env, now, HF_TRACE_UDP_PACKETS_RECEIVED,
                 hf_trace_number("count", peer->packets_received - packets_before),
                 hf_trace_number("bytes", peer->bytes_received - bytes_before));
    n = hf_ice_input(peer->ice, now, datagrams, n);
    if (peer->closed)
        return; /* only TURN servers still have something to say */
    take(peer, now, datagrams, n);
    take_from_streams(peer, now);
}

/* How many datagrams stand in front of the next bytes of a stream with TLS in it. */
static size_t count_plain(const hf_peer *peer, const hf_datagram *datagrams, size_t n)
{
    size_t count = 0;

    while (count < n && count < BATCH && !hf_secured_has(&peer->secured, &datagrams[count].path))
        count++;
    return count;
}

static void input_secured(hf_peer *peer, hf_time now, const hf_datagram *bytes)
{
    hf_datagram plain;

    hf_secured_input(&peer->secured, now, bytes);
    while (hf_secured_poll_input(&peer->secured, now, &bytes->path, &plain))
        input_batch(peer, now, &plain, 1);
    hf_peer_pump(peer, now);
}

void hf_peer_input(hf_peer *peer, hf_time now, hf_datagram *datagrams, size_t n)
{
    if (!peer || !datagrams || (peer->closed && hf_ice_get_state(peer->ice) != HF_ICE_CLOSED))
        return;
    peer->now = now;
    while (n > 0) {
        size_t batch = count_plain(peer, datagrams, n);
        if (batch > 0)
            input_batch(peer, now, datagrams, batch);
        else
            input_secured(peer, now, &datagrams[batch++]);
        datagrams += batch;
        n -= batch;
    }
}

/* Seals what SCTP has to send into one run. */
static bool transmit_sctp(hf_peer *peer, hf_time now, const hf_ice_route *route, hf_transmit *out)
{
    hf_bytes packets[2 * BATCH];
    size_t n = hf_sctp_packets(peer->sctp, now, packets, 2 * BATCH);
    size_t taken = n > 0 ? hf_dtls_seal(peer->dtls, packets, n, &route->wrap, out) : 0;
    hf_sctp_sent(peer->sctp, taken);
    return taken > 0;
}

/* Without a route, what SCTP has to say is lost as on a network: it says it again when there is one. */
static void discard_sctp(hf_peer *peer, hf_time now)
{
    hf_bytes packets[2 * BATCH];
    for (size_t n; (n = hf_sctp_packets(peer->sctp, now, packets, 2 * BATCH)) > 0;) {
        for (size_t i = 0; i < n; i++)
            hf_peer_drop(peer, HF_DROP_NO_ROUTE, packets[i].len);
        hf_sctp_sent(peer->sctp, n);
    }
}

/* The last word, behind everything that SCTP had to say. */
static bool transmit_close(hf_peer *peer, hf_time now, const hf_ice_route *route, hf_transmit *out)
{
    if (!peer->closing_alert_due)
        return false;
    peer->closing_alert_due = false;
    hf_dtls_close(peer->dtls, now);
    return hf_dtls_poll_transmit(peer->dtls, now, &route->wrap, out);
}

/* The next run as the layers give it. */
static bool poll_plain(hf_peer *peer, hf_time now, hf_transmit *out)
{
    hf_ice_route route;
    bool sent = hf_ice_poll_transmit(peer->ice, now, out), is_check = sent;

    if (!sent && peer->dtls && !hf_ice_get_route(peer->ice, &route)) {
        discard_sctp(peer, now);
    } else if (!sent && peer->dtls) {
        out->path = route.path;
        sent = hf_dtls_poll_transmit(peer->dtls, now, &route.wrap, out) ||
               (peer->dtls_connected && transmit_sctp(peer, now, &route, out)) || transmit_close(peer, now, &route, out);
    }
    if (sent) {
        size_t count = (out->len + out->segment - 1) / out->segment;
        if (!is_check)
            hf_ice_count_sent(peer->ice, now, count, out->len - count * route.wrap.before);
        peer->packets_sent += count;
        peer->bytes_sent += out->len;
        hf_trace(peer->env, now, HF_TRACE_UDP_PACKETS_SENT, hf_trace_number("count", count),
                 hf_trace_number("bytes", out->len), hf_trace_addr("remote", &out->path.remote));
    }
    return sent;
}

static bool poll_sealed(hf_peer *peer, hf_time now, hf_transmit *out)
{
    while (poll_plain(peer, now, out)) {
        if (hf_secured_seal(&peer->secured, out))
            return true;
    }
    return false;
}

bool hf_peer_poll_transmit(hf_peer *peer, hf_time now, hf_transmit *out)
{
    if (!peer || !out || out->cap < HF_DATAGRAM_MAX)
        return false;
    if (hf_secured_poll_transmit(&peer->secured, out))
        return true;
    if (poll_sealed(peer, now, out))
        return true;
    if (peer->closed) { /* the last word is said */
        hf_ice_close(peer->ice, now);
        if (poll_sealed(peer, now, out))
            return true;
        hf_secured_close(&peer->secured);
    } else if (hf_ice_get_state(peer->ice) != peer->ice_state) { /* the machine slept, and this is the first call since */
        peer->now = now;
        hf_peer_pump(peer, now);
    }
    return hf_secured_poll_transmit(&peer->secured, out);
}
