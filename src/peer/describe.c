/* describe.c: our own description, written from the state: sections, credentials, candidates found so far. */
#include "peer_priv.h"

#include <string.h>

const hf_description *hf_peer_local(const hf_peer *peer)
{
    if (peer->local_pending.type != 0)
        return &peer->local_pending;
    return peer->local_current.type != 0 ? &peer->local_current : NULL;
}

const hf_remote_description *hf_peer_remote(const hf_peer *peer)
{
    if (peer->remote_pending.type != 0)
        return &peer->remote_pending;
    return peer->remote_current.type != 0 ? &peer->remote_current : NULL;
}

const hf_remote_description *hf_peer_counterpart(const hf_peer *peer, const hf_description *description)
{
    bool current = description->type == HF_SDP_OFFER || description == &peer->local_current;
    return current ? &peer->remote_current : &peer->remote_pending;
}

/* RFC 9429 §5.3.1: the answer to what may play either part is active, which saves the remote's role half a round trip. */
static hf_sdp_setup our_setup(const hf_peer *peer, hf_sdp_type type)
{
    /* Our answer has fixed the roles, and until the handshake is done nothing tells that the remote has it: an offer that
     * left them open again might be answered the other way. */
    bool may_be_alone = peer->negotiated.done && !peer->dtls_connected && peer->local_current.type == HF_SDP_ANSWER;
    if (type == HF_SDP_OFFER && may_be_alone)
        return peer->negotiated.dtls_role == HF_DTLS_CLIENT ? HF_SDP_ACTIVE : HF_SDP_PASSIVE;
    if (type == HF_SDP_OFFER)
        return HF_SDP_ACTPASS; /* RFC 8842 §5.2, and §5.5 for later ones */
    return peer->remote_pending.negotiated.dtls_role == HF_DTLS_CLIENT ? HF_SDP_ACTIVE : HF_SDP_PASSIVE;
}

/* RFC 8445 §5.1.4: the default is the candidate that most likely works for one who knows no ICE; IPv4 before IPv6. One that
 * bears a name says nothing to such. */
static bool is_better_default(const hf_ice_candidate *a, const hf_ice_candidate *b)
{
    if (a->addr.family != b->addr.family)
        return a->addr.family == HF_FAMILY_IPV4 || b->addr.family == HF_FAMILY_NONE;
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

/* RFC 8122 §5: any number, as long as each is of another hash. */
static hf_err write_fingerprints(const hf_peer *peer, hf_fingerprint out[HF_SHA512], size_t *len)
{
    hf_err err = HF_OK;
    *len = 0;
    for (unsigned hash = HF_SHA256; hash <= HF_SHA512 && err == HF_OK; hash++) {
        if (peer->fingerprints & 1u << hash)
            err = hf_certificate_fingerprint(peer->certificate, (hf_hash)hash, &out[(*len)++]);
    }
    return err;
}

/* RFC 8842 §5.3: an answer bears a tls-id only where the offer does. */
static bool shows_tls_id(const hf_peer *peer, const hf_description *description)
{
    if (description->type == HF_SDP_OFFER)
        return true;
    const hf_remote_description *remote = hf_peer_counterpart(peer, description);
    return remote->transport && remote->transport->tls_id.len > 0;
}

/* RFC 9429 §5.2.2: the candidates of the last gathering stand in it, with their end. */
hf_err hf_peer_write_description(hf_peer *peer, const hf_description *description)
{
    hf_sdp_write_media media[HF_SDP_MEDIA_MAX];
    hf_fingerprint fingerprints[HF_SHA512];
    candidate_texts candidates = {0};
    hf_sdp_write out = {
        .session_id = peer->sdp_session_id,
        .session_version = description->version,
        .attribute = peer->attribute,
        .media = media,
        .media_len = hf_peer_lay_out(peer, description, media),
        .ufrag = hf_ice_local_ufrag(peer->ice),
        .pwd = hf_ice_local_pwd(peer->ice),
        .renomination = true,
        .setup = description->setup,
        .fingerprints = fingerprints,
        .tls_id = shows_tls_id(peer, description) ? peer->tls_id : NULL,
        .sctp_port = HF_SCTP_PORT,
        .max_message_size = peer->message_max,
    };
    hf_err err = write_fingerprints(peer, fingerprints, &out.fingerprints_len);
    if (err == HF_OK)
        err = write_candidates(peer, &candidates);
    out.candidates = candidates.pointers;
    out.candidates_len = candidates.len;
    out.end_of_candidates = hf_ice_get_gathering(peer->ice) == HF_ICE_GATHERING_COMPLETE;
    out.default_addr = candidates.best.addr;
    if (err == HF_OK)
        err = write_grown(peer, &out);
    hf_dealloc(peer->env, candidates.text);
    hf_dealloc(peer->env, candidates.pointers);
    return err;
}

hf_err hf_peer_make_description(hf_peer *peer, hf_sdp_type type, hf_description *out)
{
    hf_description made = {.type = type, .version = peer->sdp_version + 1, .setup = our_setup(peer, type)};
    *out = (hf_description){0};
    hf_err err = hf_peer_write_description(peer, &made);
    if (err != HF_OK)
        return err;
    made.text = hf_alloc_text(peer->env, peer->description_text, strlen(peer->description_text));
    if (!made.text)
        return HF_ENOMEM;
    *out = made;
    return HF_OK;
}

void hf_peer_clear_description(hf_peer *peer, hf_description *description)
{
    hf_dealloc(peer->env, description->text);
    *description = (hf_description){0};
}

/* --- Shown to the application --- */

static hf_err show_local(hf_peer *peer, const hf_description *description, hf_sdp_type *type, const char **sdp)
{
    if (!description || description->type == 0)
        return HF_ESTATE;
    hf_err err = description->text ? HF_OK : hf_peer_write_description(peer, description);
    if (err != HF_OK)
        return err;
    if (type)
        *type = description->type;
    *sdp = description->text ? description->text : peer->description_text;
    return HF_OK;
}

static hf_err show_remote(const hf_remote_description *description, hf_sdp_type *type, const char **sdp)
{
    if (description->type == 0)
        return HF_ESTATE;
    if (type)
        *type = description->type;
    *sdp = description->text;
    return HF_OK;
}

hf_err hf_peer_local_description(hf_peer *peer, hf_sdp_type *type, const char **sdp)
{
    return peer && sdp ? show_local(peer, hf_peer_local(peer), type, sdp) : HF_EINVAL;
}

hf_err hf_peer_get_description(hf_peer *peer, hf_peer_description which, hf_sdp_type *type, const char **sdp)
{
    if (!peer || !sdp)
        return HF_EINVAL;
    switch (which) {
    case HF_CURRENT_LOCAL_DESCRIPTION:
        return show_local(peer, &peer->local_current, type, sdp);
    case HF_PENDING_LOCAL_DESCRIPTION:
        return show_local(peer, &peer->local_pending, type, sdp);
    case HF_CURRENT_REMOTE_DESCRIPTION:
        return show_remote(&peer->remote_current, type, sdp);
    case HF_PENDING_REMOTE_DESCRIPTION:
        return show_remote(&peer->remote_pending, type, sdp);
    }
    return HF_EINVAL;
}
