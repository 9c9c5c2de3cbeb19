/* peer_identity.h: who a remote is, for the layers above, which hold it to that across connections. */
#ifndef HF_PEER_IDENTITY_H
#define HF_PEER_IDENTITY_H

#include <holdfast/peer.h>

/* Hashes of a certificate, as far as they are known: at most one of each kind, the strongest first. */
typedef struct hf_identity {
    hf_fingerprint hashes[HF_SHA512];
    size_t len; /* 0: nobody */
} hf_identity;

/* They have a kind of hash in common, and it is the same. */
bool hf_identity_fits(const hf_identity *a, const hf_identity *b);

/* The strongest, as SDP writes it: "sha-256 AB:CD:…". */
#define HF_IDENTITY_TEXT_SIZE (8 + 3 * HF_DIGEST_MAX)
const char *hf_identity_write(const hf_identity *identity, char out[HF_IDENTITY_TEXT_SIZE]);

/* From now on the remote has to be this one: a description that shows fingerprints of others alone is HF_EIDENTITY and
 * changes nothing, and a handshake with another certificate fails, whatever a description says. Nobody: anyone may be. */
void hf_peer_expect(hf_peer *peer, const hf_identity *identity);

/* Who the remote is; false: no handshake has shown it yet. */
bool hf_peer_get_identity(const hf_peer *peer, hf_identity *out);

/* Whom the description showed that was refused last with HF_EIDENTITY. */
void hf_peer_get_refused_identity(const hf_peer *peer, hf_identity *out);

#endif
