/* describe.c: our own description, written from the state: sections, credentials, candidates found so far. */
#include "peer_priv.h"

#include <string.h>

const char *hf_peer_data_mid(const hf_peer *peer)
{
    return peer->data_mid ? peer->data_mid : "0";
}

/* RFC 9429 §5.3.1: the answer to what may play either part is active, which saves the remote's role half a round trip. */
static hf_sdp_setup our_setup(const hf_peer *peer, hf_sdp_type type)
{
    if (type == HF_SDP_OFFER)
        return HF_SDP_ACTPASS; /* RFC 8842 §5.2 */
    if (peer->negotiated.done)
        return peer->negotiated.dtls_role == HF_DTLS_CLIENT ? HF_SDP_ACTIVE : HF_SDP_PASSIVE;
    return peer->remote_offer_setup == HF_SDP_ACTIVE ? HF_SDP_PASSIVE : HF_SDP_ACTIVE;
}

/* The sections, in the order that both sides keep to (RFC 9429 §5.2.2). Returns how many. */
static size_t sections(const hf_peer *peer, hf_sdp_write_media *out)
{
    static const char kind[] = "application", protocol[] = "UDP/DTLS/SCTP", format[] = "webrtc-datachannel", mid[] = "0";
    if (peer->remote.media_len == 0) {
        out[0] = (hf_sdp_write_media){.kind = hf_bytes_of_text(kind),
                                      .protocol = hf_bytes_of_text(protocol),
                                      .formats = hf_bytes_of_text(format),
                                      .mid = hf_bytes_of_text(mid)};
        return 1;
    }
    for (size_t i = 0; i < peer->remote.media_len; i++) {
        const hf_sdp_media *media = &peer->remote.media[i];
        out[i] = (hf_sdp_write_media){.rejected = i != peer->data_section,
                                      .unbundled = !media->bundled,
                                      .kind = media->kind,
                                      .protocol = media->protocol,
                                      .formats = media->formats,
                                      .mid = media->mid};
    }
    return peer->remote.media_len;
}

/* RFC 8445 §5.1.4: the default is the candidate that most likely works for one who knows no ICE; IPv4 before IPv6. */
static bool is_better_default(const hf_ice_candidate *a, const hf_ice_candidate *b)
{
    if (a->addr.family != b->addr.family)
        return a->addr.family == HF_FAMILY_IPV4;
    return a->type > b->type;
}

typedef struct candidate_texts {
    char (*text)[HF_ICE_CANDIDATE_TEXT_SIZE];
    const char **pointers;
    size_t len;
    hf_ice_candidate best;
} candidate_texts;

static hf_err write_candidates(const hf_peer *peer, candidate_texts *out)
{
    hf_ice_candidate candidate;
    size_t n = 0;
    while (hf_ice_local_candidate(peer->ice, n, &candidate)) {
        if (n == 0 || is_better_default(&candidate, &out->best))
            out->best = candidate;
        n++;
    }
    out->text = hf_alloc_array(peer->env, n, HF_ICE_CANDIDATE_TEXT_SIZE);
    out->pointers = hf_alloc_array(peer->env, n, sizeof *out->pointers);
    if (!out->text || !out->pointers)
        return HF_ENOMEM;
    for (; out->len < n && hf_ice_local_candidate(peer->ice, out->len, &candidate); out->len++) {
        hf_ice_candidate_write(&candidate, out->text[out->len]);
        out->pointers[out->len] = out->text[out->len];
    }
    return HF_OK;
}

/* Writes into the peer's buffer, which grows until the text fits. */
static hf_err write_grown(hf_peer *peer, const hf_sdp_write *description)
{
    for (;;) {
        size_t len;
        hf_err err = peer->description_cap == 0
                         ? HF_EMSGSIZE
                         : hf_sdp_write_text(description, peer->description_text, peer->description_cap, &len);
        if (err != HF_EMSGSIZE)
            return err;
        size_t wanted = peer->description_cap == 0 ? DESCRIPTION_SIZE_FIRST : 2 * peer->description_cap;
        if (wanted > HF_SDP_TEXT_MAX)
            return HF_ELIMIT;
        char *grown = hf_alloc(peer->env, wanted);
        if (!grown)
            return HF_ENOMEM;
        hf_dealloc(peer->env, peer->description_text);
        peer->description_text = grown;
        peer->description_cap = wanted;
    }
}

hf_err hf_peer_write_description(hf_peer *peer, const hf_description *description)
{
    hf_sdp_write_media media[HF_SDP_MEDIA_MAX];
    hf_fingerprint fingerprint;
    candidate_texts candidates = {0};
    bool applied = description == &peer->local;

    hf_err err = hf_certificate_fingerprint(peer->certificate, HF_SHA256, &fingerprint);
    if (err != HF_OK)
        return err;
    hf_sdp_write out = {
        .session_id = peer->sdp_session_id,
        .session_version = description->version,
        .media = media,
        .media_len = sections(peer, media),
        .ufrag = hf_ice_local_ufrag(peer->ice),
        .pwd = hf_ice_local_pwd(peer->ice),
        .setup = our_setup(peer, description->type),
        .fingerprints = &fingerprint,
        .fingerprints_len = 1,
        .sctp_port = HF_SCTP_PORT,
        .max_message_size = peer->message_max,
    };
    if (applied) { /* RFC 9429 §4.1.7: candidates belong to the description that is set, not to one that was only made */
        err = write_candidates(peer, &candidates);
        out.candidates = candidates.pointers;
        out.candidates_len = candidates.len;
        out.end_of_candidates = peer->gathering == HF_ICE_GATHERING_COMPLETE;
        out.default_addr = candidates.best.addr;
    }
    if (err == HF_OK)
        err = write_grown(peer, &out);
    hf_dealloc(peer->env, candidates.text);
    hf_dealloc(peer->env, candidates.pointers);
    return err;
}

bool hf_peer_is_description(hf_peer *peer, const hf_description *description, const char *sdp)
{
    char *given = hf_alloc_text(peer->env, sdp, strlen(sdp)); /* it may lie in the buffer that is written now */
    bool same = given && hf_peer_write_description(peer, description) == HF_OK && strcmp(given, peer->description_text) == 0;
    hf_dealloc(peer->env, given);
    return same;
}

hf_err hf_peer_local_description(hf_peer *peer, hf_sdp_type *type, const char **sdp)
{
    if (!peer || !sdp)
        return HF_EINVAL;
    if (!peer->local.exists)
        return HF_ESTATE;
    hf_err err = hf_peer_write_description(peer, &peer->local);
    if (err != HF_OK)
        return err;
    if (type)
        *type = peer->local.type;
    *sdp = peer->description_text;
    return HF_OK;
}
