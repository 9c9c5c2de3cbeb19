/* identity.c: the remote's certificate is held against what is known of it from before. */
#include "peer_priv.h"

#include <stdio.h>
#include <string.h>

static bool is_same(const hf_fingerprint *a, const hf_fingerprint *b)
{
    return a->hash == b->hash && memcmp(a->digest, b->digest, hf_hash_size(a->hash)) == 0;
}

static bool is_among(const hf_fingerprint *one, const hf_fingerprint *all, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_same(one, &all[i]))
            return true;
    }
    return false;
}

bool hf_identity_fits(const hf_identity *a, const hf_identity *b)
{
    for (size_t i = 0; i < a->len; i++) {
        if (is_among(&a->hashes[i], b->hashes, b->len))
            return true;
    }
    return false;
}

const char *hf_identity_write(const hf_identity *identity, char out[HF_IDENTITY_TEXT_SIZE])
{
    out[0] = '\0';
    if (identity->len == 0)
        return out;
    const hf_fingerprint *strongest = &identity->hashes[0];
    int at = snprintf(out, HF_IDENTITY_TEXT_SIZE, "%s", hf_hash_name(strongest->hash));
    for (size_t i = 0; i < hf_hash_size(strongest->hash); i++)
        at += snprintf(out + at, HF_IDENTITY_TEXT_SIZE - (size_t)at, "%c%02X", i == 0 ? ' ' : ':', strongest->digest[i]);
    return out;
}

void hf_peer_expect(hf_peer *peer, const hf_identity *identity)
{
    peer->expected = *identity;
}

bool hf_peer_get_identity(const hf_peer *peer, hf_identity *out)
{
    *out = (hf_identity){0};
    for (unsigned hash = HF_SHA512; peer->dtls && hash >= HF_SHA256; hash--) {
        if (hf_dtls_remote_fingerprint(peer->dtls, (hf_hash)hash, &out->hashes[out->len]) != HF_OK)
            return false;
        out->len++;
    }
    return out->len > 0;
}

void hf_peer_get_refused_identity(const hf_peer *peer, hf_identity *out)
{
    *out = peer->refused;
}

/* Of several with one hash, as for several certificates (RFC 8122 §5.1), the first counts. */
static void note_refused(hf_peer *peer, const hf_negotiated *shown)
{
    hf_identity *out = &peer->refused;
    *out = (hf_identity){0};
    for (unsigned hash = HF_SHA512; hash >= HF_SHA256; hash--) {
        for (size_t i = 0; i < shown->fingerprints_len; i++) {
            if (shown->fingerprints[i].hash == (hf_hash)hash) {
                out->hashes[out->len++] = shown->fingerprints[i];
                break;
            }
        }
    }
}

hf_err hf_peer_check_identity(hf_peer *peer, const hf_negotiated *shown)
{
    for (size_t i = 0; i < peer->expected.len; i++) {
        if (is_among(&peer->expected.hashes[i], shown->fingerprints, shown->fingerprints_len))
            return HF_OK;
    }
    if (peer->expected.len == 0)
        return HF_OK;
    note_refused(peer, shown);
    return hf_peer_refuse(peer, HF_EIDENTITY, 0, "the fingerprint is not of the remote that this was");
}

bool hf_peer_has_same_fingerprints(const hf_negotiated *a, const hf_negotiated *b)
{
    for (size_t i = 0; i < a->fingerprints_len; i++) {
        if (!is_among(&a->fingerprints[i], b->fingerprints, b->fingerprints_len))
            return false;
    }
    for (size_t i = 0; i < b->fingerprints_len; i++) {
        if (!is_among(&b->fingerprints[i], a->fingerprints, a->fingerprints_len))
            return false;
    }
    return true;
}
