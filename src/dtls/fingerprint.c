/* fingerprint.c: names, sizes and computing of fingerprints (RFC 8122 §5). */
#include "fingerprint.h"

#include "bytes.h"

#include <mbedtls/md.h>

#include <assert.h>

static const struct {
    const char *name;
    size_t size;
    mbedtls_md_type_t md;
} hashes[] = {
    [HF_HASH_NONE] = {"", 0, MBEDTLS_MD_NONE},
    [HF_SHA256] = {"sha-256", 32, MBEDTLS_MD_SHA256},
    [HF_SHA384] = {"sha-384", 48, MBEDTLS_MD_SHA384},
    [HF_SHA512] = {"sha-512", 64, MBEDTLS_MD_SHA512},
};

#define HASH_COUNT (sizeof hashes / sizeof hashes[0])
static_assert(HASH_COUNT == HF_SHA512 + 1, "each hash has its row");

static bool is_known(hf_hash hash)
{
    return hash > HF_HASH_NONE && (size_t)hash < HASH_COUNT;
}

size_t hf_hash_size(hf_hash hash)
{
    return is_known(hash) ? hashes[hash].size : 0;
}

const char *hf_hash_name(hf_hash hash)
{
    return is_known(hash) ? hashes[hash].name : "";
}

hf_hash hf_hash_parse(const char *name, size_t len)
{
    for (size_t i = HF_HASH_NONE + 1; i < HASH_COUNT; i++)
        if (hf_bytes_equal_text_nocase(hf_bytes_of(name, len), hashes[i].name))
            return (hf_hash)i;
    return HF_HASH_NONE;
}

hf_err hf_fingerprint_compute(hf_hash hash, hf_bytes der, hf_fingerprint *out)
{
    if (!is_known(hash))
        return HF_EINVAL;
    hf_fingerprint computed = {.hash = hash};
    if (mbedtls_md(mbedtls_md_info_from_type(hashes[hash].md), der.data, der.len, computed.digest) != 0)
        return HF_ENOMEM;
    *out = computed;
    return HF_OK;
}

bool hf_fingerprint_matches(const hf_fingerprint *fingerprints, size_t n, hf_bytes der)
{
    for (size_t i = 0; i < n; i++) {
        hf_fingerprint actual;
        if (hf_fingerprint_compute(fingerprints[i].hash, der, &actual) != HF_OK)
            continue;
        size_t size = hf_hash_size(actual.hash);
        if (hf_bytes_equal_secret(hf_bytes_of(actual.digest, size), hf_bytes_of(fingerprints[i].digest, size)))
            return true;
    }
    return false;
}
