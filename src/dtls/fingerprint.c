/* fingerprint.c: fingerprints of certificates, computed and compared (RFC 8122 §5). */
#include "fingerprint.h"

#include "bytes.h"

#include <mbedtls/md.h>

static mbedtls_md_type_t md_of(hf_hash hash)
{
    switch (hash) {
    case HF_HASH_NONE:
        break;
    case HF_SHA256:
        return MBEDTLS_MD_SHA256;
    case HF_SHA384:
        return MBEDTLS_MD_SHA384;
    case HF_SHA512:
        return MBEDTLS_MD_SHA512;
    }
    return MBEDTLS_MD_NONE;
}

hf_err hf_fingerprint_compute(hf_hash hash, hf_bytes der, hf_fingerprint *out)
{
    mbedtls_md_type_t md = md_of(hash);
    if (md == MBEDTLS_MD_NONE)
        return HF_EINVAL;
    hf_fingerprint computed = {.hash = hash};
    if (mbedtls_md(mbedtls_md_info_from_type(md), der.data, der.len, computed.digest) != 0)
        return HF_ENOMEM;
    *out = computed;
    return HF_OK;
}

/* RFC 8122 §5.1: an endpoint must select the fingerprints that use its most preferred hash function, out of those offered,
 * and the certificate must match one of that set. We prefer the longest: whoever can forge a weaker one gains nothing. */
static hf_hash preferred(const hf_fingerprint *fingerprints, size_t n)
{
    hf_hash best = HF_HASH_NONE;
    for (size_t i = 0; i < n; i++)
        best = hf_hash_size(fingerprints[i].hash) > hf_hash_size(best) ? fingerprints[i].hash : best;
    return best;
}

bool hf_fingerprint_matches(const hf_fingerprint *fingerprints, size_t n, hf_bytes der)
{
    hf_fingerprint actual;
    if (hf_fingerprint_compute(preferred(fingerprints, n), der, &actual) != HF_OK)
        return false;
    size_t size = hf_hash_size(actual.hash);
    for (size_t i = 0; i < n; i++) {
        if (fingerprints[i].hash == actual.hash &&
            hf_bytes_equal_secret(hf_bytes_of(actual.digest, size), hf_bytes_of(fingerprints[i].digest, size)))
            return true;
    }
    return false;
}
