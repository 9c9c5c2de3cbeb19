/* write.c: our own descriptions, in the order of lines that RFC 9429 §5.2.1 and the browsers use. */
#include "sdp_priv.h"

#include "bytes.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(hf_writer *w, const char *text)
{
    hf_write_bytes(w, hf_bytes_of_text(text));
}

static void put_number(hf_writer *w, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    put(w, text);
}

/* A line "a=<name>:<value>". */
static void put_attribute(hf_writer *w, const char *name, const char *value)
{
    put(w, "a=");
    put(w, name);
    put(w, ":");
    put(w, value);
    put(w, "\r\n");
}

static void put_mid(hf_writer *w, hf_bytes mid)
{
    if (mid.len == 0)
        return;
    put(w, "a=mid:");
    hf_write_bytes(w, mid);
    put(w, "\r\n");
}

static bool is_bundled(const hf_sdp_write_media *media)
{
    return !media->rejected && !media->unbundled && media->mid.len > 0;
}

static void put_session(hf_writer *w, const hf_sdp_write *d)
{
    put(w, "v=0\r\no=- ");
    put_number(w, d->session_id);
    put(w, " ");
    put_number(w, d->session_version);
    put(w, " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");

    size_t bundled = 0;
    for (size_t i = 0; i < d->media_len; i++) {
        if (!is_bundled(&d->media[i]))
            continue;
        put(w, bundled++ == 0 ? "a=group:BUNDLE " : " ");
        hf_write_bytes(w, d->media[i].mid);
    }
    if (bundled > 0)
        put(w, "\r\n");
    if (d->attribute) {
        put(w, "a=");
        put(w, d->attribute);
        put(w, "\r\n");
    }
}

/* m= with this port, and c=. */
static void put_media_line(hf_writer *w, const hf_sdp_write_media *media, uint16_t port, const char *connection)
{
    put(w, "m=");
    hf_write_bytes(w, media->kind);
    put(w, " ");
    put_number(w, port);
    put(w, " ");
    hf_write_bytes(w, media->protocol);
    put(w, " ");
    hf_write_bytes(w, media->formats);
    put(w, "\r\nc=IN ");
    put(w, connection);
    put(w, "\r\n");
}

static void put_transport_line(hf_writer *w, const hf_sdp_write *d, const hf_sdp_write_media *media)
{
    hf_addr addr = d->default_addr;
    if (addr.family == HF_FAMILY_NONE) {
        put_media_line(w, media, 9, "IP4 0.0.0.0"); /* RFC 9429 §5.2.1 */
        return;
    }
    char ip[HF_ADDR_TEXT_SIZE], connection[HF_ADDR_TEXT_SIZE + 4];
    addr.scope = 0; /* a zone means nothing elsewhere */
    snprintf(connection, sizeof connection, "%s %s", addr.family == HF_FAMILY_IPV6 ? "IP6" : "IP4",
             hf_addr_write_ip(&addr, ip));
    put_media_line(w, media, addr.port, connection);
}

static void put_fingerprint(hf_writer *w, const hf_fingerprint *fingerprint)
{
    put(w, "a=fingerprint:");
    put(w, hf_hash_name(fingerprint->hash));
    for (size_t i = 0; i < hf_hash_size(fingerprint->hash); i++) {
        char pair[4];
        snprintf(pair, sizeof pair, "%c%02X", i == 0 ? ' ' : ':', fingerprint->digest[i]);
        put(w, pair);
    }
    put(w, "\r\n");
}

static void put_transport(hf_writer *w, const hf_sdp_write *d)
{
    for (size_t i = 0; i < d->candidates_len; i++) {
        put(w, "a=");
        put(w, d->candidates[i]);
        put(w, "\r\n");
    }
    if (d->end_of_candidates)
        put(w, "a=end-of-candidates\r\n");
    put_attribute(w, "ice-ufrag", d->ufrag);
    put_attribute(w, "ice-pwd", d->pwd);
    put_attribute(w, "ice-options",
                  d->renomination ? "trickle ice2 renomination" : "trickle ice2"); /* RFC 8840 §3, RFC 8445 §10 */
    for (size_t i = 0; i < d->fingerprints_len; i++)
        put_fingerprint(w, &d->fingerprints[i]);
    if (d->setup != HF_SDP_SETUP_NONE)
        put_attribute(w, "setup", hf_sdp_setup_names[d->setup]);
    if (d->tls_id)
        put_attribute(w, "tls-id", d->tls_id);
}

/* RFC 9429 §5.3.1: a rejected section has port 0; Chromium and Firefox want to see its mid again. */
static void put_rejected(hf_writer *w, const hf_sdp_write_media *media)
{
    put_media_line(w, media, 0, "IP4 0.0.0.0");
    put_mid(w, media->mid);
    put(w, "a=inactive\r\n");
}

/* Whoever offers the form before RFC 8841 (media.c) is answered in it: the format is our port, and a=sctpmap tells what is
 * there and how many streams. */
static void put_old_sctp(hf_writer *w, hf_bytes port)
{
    put(w, "a=sctpmap:");
    hf_write_bytes(w, port);
    put(w, " webrtc-datachannel 1024\r\n");
}

static void put_sctp(hf_writer *w, uint16_t port)
{
    put(w, "a=sctp-port:");
    put_number(w, port);
    put(w, "\r\n");
}

static void put_data(hf_writer *w, const hf_sdp_write *d, const hf_sdp_write_media *media)
{
    char port[8];
    uint64_t said = 0;
    hf_sdp_write_media ours = *media;
    bool old = hf_sdp_is_digits(media->formats);
    snprintf(port, sizeof port, "%u", d->sctp_port);
    if (old && !(hf_parse_decimal(media->formats, UINT16_MAX, &said) && said == d->sctp_port))
        ours.formats = hf_bytes_of_text(port);

    put_transport_line(w, d, &ours);
    put_transport(w, d);
    put_mid(w, ours.mid);
    if (old)
        put_old_sctp(w, ours.formats);
    else
        put_sctp(w, d->sctp_port);
    put(w, "a=max-message-size:");
    put_number(w, d->max_message_size);
    put(w, "\r\n");
}

hf_err hf_sdp_write_text(const hf_sdp_write *description, char *out, size_t cap, size_t *len)
{
    assert(description->session_id <= INT64_MAX);
    hf_writer w = hf_writer_of((uint8_t *)out, cap);
    put_session(&w, description);
    for (size_t i = 0; i < description->media_len; i++) {
        const hf_sdp_write_media *media = &description->media[i];
        if (media->rejected)
            put_rejected(&w, media);
        else
            put_data(&w, description, media);
    }
    hf_write_u8(&w, '\0');

    *len = w.ok ? w.len - 1 : 0;
    if (!w.ok && cap > 0)
        out[0] = '\0';
    return w.ok ? HF_OK : HF_EMSGSIZE;
}
