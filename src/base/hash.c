/* hash.c: names and sizes of the hash functions of fingerprints (RFC 8122 §5). */
#include "bytes.h"

#include <holdfast/certificate.h>

#include <assert.h>

static const struct {
    const char *name;
    size_t size;
} hashes[] = {
    [HF_HASH_NONE] = {"", 0},
    [HF_SHA256] = {"sha-256", 32},
    [HF_SHA384] = {"sha-384", 48},
    [HF_SHA512] = {"sha-512", 64},
};

#define HASH_COUNT (sizeof hashes / sizeof hashes[0])
static_assert(HASH_COUNT == HF_SHA512 + 1, "each hash has its row");

size_t hf_hash_size(hf_hash hash)
{
    return (size_t)hash < HASH_COUNT ? hashes[hash].size : 0;
}

const char *hf_hash_name(hf_hash hash)
{
    return (size_t)hash < HASH_COUNT ? hashes[hash].name : "";
}

hf_hash hf_hash_parse(const char *name, size_t len)
{
    for (size_t i = HF_HASH_NONE + 1; i < HASH_COUNT; i++) {
        if (hf_bytes_equal_text_nocase(hf_bytes_of(name, len), hashes[i].name))
            return (hf_hash)i;
    }
    return HF_HASH_NONE;
}
