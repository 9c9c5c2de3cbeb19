/* fingerprint.h: hashes of certificates (RFC 8122 §5). Names and sizes: src/base/hash.c. */
#ifndef HF_FINGERPRINT_H
#define HF_FINGERPRINT_H

#include <holdfast/certificate.h>

/* HF_EINVAL: an unknown hash. HF_ENOMEM: mbedTLS had no memory. */
HF_CHECKED hf_err hf_fingerprint_compute(hf_hash hash, hf_bytes der, hf_fingerprint *out);

/* The certificate matches at least one of the fingerprints with the strongest hash among them (RFC 8122 §5.1): a match by a
 * weaker one does not count. Comparing takes the same time wherever digests differ. */
bool hf_fingerprint_matches(const hf_fingerprint *fingerprints, size_t n, hf_bytes der);

#endif
