/* rewrite.c: from a parsed description to one for the writer. */
#include "rewrite.h"

#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The section that stays; media_len: none does. */
static size_t kept_section(const hf_sdp *sdp)
{
    for (size_t i = 0; i < sdp->media_len; i++) {
        const hf_sdp_media *m = &sdp->media[i];
        if (m->is_data && (m->port != 0 || m->bundle_only) && m->ufrag.len > 0)
            return i;
    }
    return sdp->media_len;
}

/* Texts with a NUL behind them, in a pool as large as any description. */
typedef struct pool {
    char memory[HF_SDP_TEXT_MAX + HF_SDP_CANDIDATES_MAX + 4096];
    size_t len;
} pool;

static const char *keep(pool *p, hf_bytes text)
{
    char *at = p->memory + p->len;
    if (text.len >= sizeof p->memory - p->len)
        abort();
    if (text.len > 0)
        memcpy(at, text.data, text.len);
    at[text.len] = '\0';
    p->len += text.len + 1;
    return at;
}

static uint64_t number_of(hf_bytes text)
{
    uint64_t number = 0;
    return hf_parse_decimal(text, INT64_MAX, &number) ? number : 0;
}

size_t rewrite_sdp(const hf_sdp *sdp, char text[REWRITE_TEXT_MAX])
{
    static pool texts;
    const char *candidates[HF_SDP_CANDIDATES_MAX];
    hf_sdp_write_media media[HF_SDP_MEDIA_MAX];
    size_t at = kept_section(sdp), len;
    hf_sdp_write out = {.session_id = number_of(sdp->session_id),
                        .session_version = number_of(sdp->session_version),
                        .media = media,
                        .media_len = sdp->media_len};
    texts.len = 0;
    for (size_t i = 0; i < sdp->media_len; i++) {
        const hf_sdp_media *m = &sdp->media[i];
        media[i] = (hf_sdp_write_media){.rejected = i != at,
                                        .unbundled = !m->bundled,
                                        .kind = m->kind,
                                        .protocol = m->protocol,
                                        .formats = m->formats,
                                        .mid = m->mid};
    }
    if (at < sdp->media_len) {
        const hf_sdp_media *m = &sdp->media[at];
        out.ufrag = keep(&texts, m->ufrag);
        out.pwd = keep(&texts, m->pwd);
        out.renomination = m->renomination;
        out.setup = m->setup;
        out.fingerprints = m->fingerprints;
        out.fingerprints_len = m->fingerprints_len;
        out.tls_id = m->tls_id.len > 0 ? keep(&texts, m->tls_id) : NULL;
        out.sctp_port = m->sctp_port ? m->sctp_port : 5000;
        out.max_message_size = m->has_max_message_size ? m->max_message_size : 65536;
        out.end_of_candidates = m->end_of_candidates;
        for (size_t c = 0; c < m->candidates_len; c++)
            candidates[out.candidates_len++] = keep(&texts, m->candidates[c]);
        out.candidates = candidates;
    }
    if (hf_sdp_write_text(&out, text, REWRITE_TEXT_MAX, &len) != HF_OK) {
        fprintf(stderr, "rewrite: a description has no room\n");
        abort();
    }
    return len;
}

static const char *difference_of_transport(const hf_sdp_media *a, const hf_sdp_media *b)
{
    if (!hf_bytes_equal(a->ufrag, b->ufrag) || !hf_bytes_equal(a->pwd, b->pwd))
        return "credentials";
    if (a->setup != b->setup || !hf_bytes_equal(a->tls_id, b->tls_id) || a->renomination != b->renomination)
        return "setup, tls-id or renomination";
    if (a->fingerprints_len != b->fingerprints_len)
        return "number of fingerprints";
    for (size_t i = 0; i < a->fingerprints_len; i++) {
        if (a->fingerprints[i].hash != b->fingerprints[i].hash ||
            memcmp(a->fingerprints[i].digest, b->fingerprints[i].digest, hf_hash_size(a->fingerprints[i].hash)) != 0)
            return "a fingerprint";
    }
    if (a->candidates_len != b->candidates_len || a->end_of_candidates != b->end_of_candidates)
        return "number of candidates, or their end";
    for (size_t i = 0; i < a->candidates_len; i++) {
        if (!hf_bytes_equal(a->candidates[i], b->candidates[i]))
            return "a candidate";
    }
    if ((a->sctp_port ? a->sctp_port : 5000) != b->sctp_port)
        return "sctp-port";
    return (a->has_max_message_size ? a->max_message_size : 65536) != b->max_message_size ? "max-message-size" : NULL;
}

const char *rewrite_difference(const hf_sdp *sdp, const hf_sdp *again)
{
    size_t at = kept_section(sdp);
    if (sdp->media_len != again->media_len)
        return "number of sections";
    for (size_t i = 0; i < sdp->media_len; i++) {
        const hf_sdp_media *a = &sdp->media[i], *b = &again->media[i];
        if (!hf_bytes_equal(a->kind, b->kind) || !hf_bytes_equal(a->protocol, b->protocol) ||
            !hf_bytes_equal(a->formats, b->formats) || !hf_bytes_equal(a->mid, b->mid))
            return "m= line or mid";
        if (b->port != (i == at ? 9 : 0) || (i == at && (b->is_data != a->is_data || b->bundled != a->bundled)))
            return "what a section is";
    }
    return at < sdp->media_len ? difference_of_transport(&sdp->media[at], &again->media[at]) : NULL;
}
