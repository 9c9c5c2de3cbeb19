/* sdp.c: any text is parsed or refused with a reason; what was parsed is all readable, and the answer that we would write
 * to it parses again. */
#include "sdp.h"

#include "bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(hf_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sink = (uint8_t)(sink ^ bytes.data[i]);
}

static void read_all(const hf_sdp *sdp)
{
    touch(sdp->session_id);
    touch(sdp->session_version);
    assert(sdp->media_len <= HF_SDP_MEDIA_MAX);
    for (size_t i = 0; i < sdp->media_len; i++) {
        const hf_sdp_media *m = &sdp->media[i];
        const hf_bytes views[] = {m->kind, m->protocol, m->formats, m->mid, m->ufrag, m->pwd, m->tls_id};
        for (size_t v = 0; v < sizeof views / sizeof views[0]; v++)
            touch(views[v]);
        assert(m->candidates_len <= HF_SDP_CANDIDATES_MAX);
        for (size_t c = 0; c < m->candidates_len; c++)
            touch(m->candidates[c]);
        assert(m->fingerprints_len + m->fingerprints_unknown <= HF_SDP_FINGERPRINTS_MAX);
        for (size_t f = 0; f < m->fingerprints_len; f++)
            assert(hf_hash_size(m->fingerprints[f].hash) > 0);
        assert((m->ufrag.len == 0) == (m->pwd.len == 0));
    }
}

/* Answers with data where data was offered and rejects all else, as a peer does. */
static void answer(const hf_sdp *sdp)
{
    static char text[2 * HF_SDP_TEXT_MAX + 4096];
    static const char *const candidates[] = {"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"};
    hf_sdp_write_media media[HF_SDP_MEDIA_MAX];
    hf_fingerprint fingerprint = {.hash = HF_SHA256};
    for (size_t i = 0; i < sdp->media_len; i++) {
        const hf_sdp_media *m = &sdp->media[i];
        media[i] = (hf_sdp_write_media){.rejected = !m->is_data,
                                        .unbundled = !m->bundled,
                                        .kind = m->kind,
                                        .protocol = m->protocol,
                                        .formats = m->formats,
                                        .mid = m->mid};
    }
    hf_sdp_write description = {.session_id = 1,
                                .session_version = 2,
                                .media = media,
                                .media_len = sdp->media_len,
                                .ufrag = "abcd",
                                .pwd = "0123456789012345678901",
                                .setup = HF_SDP_ACTIVE,
                                .fingerprints = &fingerprint,
                                .fingerprints_len = 1,
                                .sctp_port = 5000,
                                .max_message_size = 262144,
                                .candidates = candidates,
                                .candidates_len = 1};
    size_t len = 0;
    hf_err written = hf_sdp_write_text(&description, text, sizeof text, &len);
    assert(written == HF_OK);
    (void)written;

    hf_env env = {0};
    hf_sdp again;
    hf_err err = hf_sdp_parse(&again, text, len, NULL, &env);
    assert(err == HF_OK || err == HF_ELIMIT); /* a line or the whole may have grown past a limit */
    for (size_t i = 0; err == HF_OK && i < sdp->media_len; i++) {
        assert(hf_bytes_equal(again.media[i].mid, sdp->media[i].mid));
        assert(hf_bytes_equal(again.media[i].formats, sdp->media[i].formats));
        assert(!sdp->media[i].is_data || again.media[i].bundled == sdp->media[i].bundled);
        assert(again.media[i].port == (sdp->media[i].is_data ? 9 : 0));
    }
    hf_sdp_clear(&again, &env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_env env = {0};
    hf_sdp sdp;
    hf_sdp_error why;
    hf_err err = hf_sdp_parse(&sdp, (const char *)data, size, &why, &env);
    if (err) {
        assert(why.reason && strlen(why.reason) > 0);
        return 0;
    }
    read_all(&sdp);
    answer(&sdp);
    hf_sdp_clear(&sdp, &env);
    return 0;
}
