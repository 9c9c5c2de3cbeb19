/* sdp.c: any text is parsed or refused with a reason; what was parsed is all readable, and stays the same when it is written
 * and parsed again. */
#include "fuzz.h"

#include "rewrite.h"

#include "bytes.h"
#include "recognition.h"

#include <assert.h>
#include <stdio.h>
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

/* Parse → write → parse is stable: nothing that the writer has words for is lost, and the second text is the first. */
static void write_again(const hf_sdp *sdp)
{
    static char first[REWRITE_TEXT_MAX], second[REWRITE_TEXT_MAX];
    hf_env env = {0};
    hf_sdp again;
    size_t len = rewrite_sdp(sdp, first);
    hf_err err = hf_sdp_parse(&again, first, len, NULL, &env);
    if (err == HF_ELIMIT) /* a line, or the whole, has grown past a limit */
        return;
    demand(err == HF_OK);
    demand(rewrite_difference(sdp, &again) == NULL);
    demand(rewrite_sdp(&again, second) == len);
    demand(memcmp(first, second, len) == 0);
    hf_sdp_clear(&again, &env);
}

/* The line by which two sessions know each other: it is read from the text alone, whatever else that says, and what was read
 * is read again from what is written with it. */
static void recognise(const uint8_t *data, size_t size)
{
    static char text[HF_SDP_TEXT_MAX + 1];
    uint8_t id[HF_SESSION_ID_BYTES], again[HF_SESSION_ID_BYTES];
    if (size >= sizeof text || size == 0)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!hf_recognition_read(text, id))
        return;
    char line[HF_RECOGNITION_SIZE];
    hf_recognition_write(id, line);
    demand(hf_sdp_is_attribute(hf_bytes_of_text(line)));
    snprintf(text, sizeof text, "a=%s\n", line);
    demand(hf_recognition_read(text, again) && memcmp(id, again, sizeof id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recognise(data, size);
    hf_env env = {0};
    hf_sdp sdp;
    hf_sdp_error why;
    hf_err err = hf_sdp_parse(&sdp, (const char *)data, size, &why, &env);
    if (err) {
        assert(why.reason && strlen(why.reason) > 0);
        return 0;
    }
    read_all(&sdp);
    write_again(&sdp);
    hf_sdp_clear(&sdp, &env);
    return 0;
}
