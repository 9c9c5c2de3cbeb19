/* certificate.h: the identity that a peer shows in DTLS, and its fingerprint (RFC 8122, RFC 8827 §6.5). */
#ifndef HOLDFAST_CERTIFICATE_H
#define HOLDFAST_CERTIFICATE_H

#include <holdfast/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A certificate with its private key. The maker owns it; it must outlive every peer and manager that was given it, and
 * may be shared by any number of them on one thread. A shared certificate lets remotes see that it is the same user. */
typedef struct hf_certificate hf_certificate;

typedef enum hf_hash { HF_HASH_NONE = 0, HF_SHA256, HF_SHA384, HF_SHA512 } hf_hash;

#define HF_DIGEST_MAX 64

/* A hash of a certificate's DER form (RFC 8122 §5). */
typedef struct hf_fingerprint {
    hf_hash hash;
    uint8_t digest[HF_DIGEST_MAX]; /* 32, 48 or 64 bytes, by `hash` */
} hf_fingerprint;

/* Bytes in a digest of this kind; 0 for HF_HASH_NONE. */
size_t hf_hash_size(hf_hash hash);

/* The name in `a=fingerprint` and back: "sha-256". Parsing ignores case; HF_HASH_NONE for a name that is not known. */
const char *hf_hash_name(hf_hash hash);
hf_hash hf_hash_parse(const char *name, size_t len);

/* Makes an ECDSA P-256 key and a self-signed certificate for it. HF_ENOMEM, HF_EINVAL (no env or no randomness),
 * HF_ECERTIFICATE. Takes some milliseconds of CPU: make one and share it. */
HF_CHECKED hf_err hf_certificate_new(hf_certificate **out, const hf_env *env);

/* Reads a certificate and its private key from PEM text, in any order: P-256, P-384 or RSA of 2048 to 4096 bits; PKCS #8,
 * SEC 1 or PKCS #1, not encrypted. Of several certificates the first one counts, and is the only one that is shown. Its
 * dates do not matter. HF_ECERTIFICATE: one is missing, can't be read, or they do not belong together; *why (unless NULL)
 * then says what, in a static sentence, and is NULL otherwise. HF_EINVAL, HF_ENOMEM. */
HF_CHECKED hf_err hf_certificate_from_pem(hf_certificate **out, const char *pem, size_t len, const char **why,
                                          const hf_env *env);

/* Enough for the PEM text of a certificate that hf_certificate_new made. */
#define HF_CERTIFICATE_PEM_SIZE 4096

/* Writes the private key and the certificate as PEM, NUL-terminated. HF_EMSGSIZE: `cap` is too small. The text is a
 * secret: whoever has it can pass for you. */
HF_CHECKED hf_err hf_certificate_to_pem(const hf_certificate *certificate, char *out, size_t cap);

/* Computes the fingerprint of the certificate. HF_EINVAL for HF_HASH_NONE. */
HF_CHECKED hf_err hf_certificate_fingerprint(const hf_certificate *certificate, hf_hash hash, hf_fingerprint *out);

/* NULL is fine. */
void hf_certificate_free(hf_certificate *certificate);

/* Authorities whose certificates are believed: for servers reached by TLS (`turns:`); peers have
 * fingerprints.
 * The maker owns it; it must outlive whatever was given it. */
typedef struct hf_trust hf_trust;

/* Reads PEM text with any number of certificates; what else stands there is skipped. HF_ECERTIFICATE: none can be read.
 * HF_EINVAL, HF_ENOMEM. */
HF_CHECKED hf_err hf_trust_new(hf_trust **out, const char *pem, size_t len, const hf_env *env);

/* Adds more. As above; what was there stays. */
HF_CHECKED hf_err hf_trust_add(hf_trust *trust, const char *pem, size_t len);

void hf_trust_free(hf_trust *trust); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
