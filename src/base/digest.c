/* digest.c: hashes and HMAC. Beside src/dtls, the only file that sees mbedTLS. */
#include "digest.h"

#include <mbedtls/md.h>
#include <string.h>

static void hash(mbedtls_md_type_t type, hf_bytes message, uint8_t *out)
{
    /* Fails only where the hash is not compiled in, which the unit tests' vectors would show. */
    (void)mbedtls_md(mbedtls_md_info_from_type(type), message.data, message.len, out);
}

void hf_md5(hf_bytes message, uint8_t out[16])
{
    hash(MBEDTLS_MD_MD5, message, out);
}

void hf_sha256(hf_bytes message, uint8_t out[32])
{
    hash(MBEDTLS_MD_SHA256, message, out);
}

static bool hmac(mbedtls_md_type_t type, hf_bytes key, const hf_bytes *parts, size_t n, uint8_t *out, size_t out_len)
{
    mbedtls_md_context_t context;
    mbedtls_md_init(&context);
    bool ok = mbedtls_md_setup(&context, mbedtls_md_info_from_type(type), 1) == 0 &&
              mbedtls_md_hmac_starts(&context, key.data, key.len) == 0;
    for (size_t i = 0; ok && i < n; i++)
        ok = mbedtls_md_hmac_update(&context, parts[i].data, parts[i].len) == 0;
    ok = ok && mbedtls_md_hmac_finish(&context, out) == 0;
    mbedtls_md_free(&context);
    if (!ok)
        memset(out, 0, out_len);
    return ok;
}

bool hf_hmac_sha1(hf_bytes key, const hf_bytes *parts, size_t n, uint8_t out[20])
{
    return hmac(MBEDTLS_MD_SHA1, key, parts, n, out, 20);
}

bool hf_hmac_sha256(hf_bytes key, const hf_bytes *parts, size_t n, uint8_t out[32])
{
    return hmac(MBEDTLS_MD_SHA256, key, parts, n, out, 32);
}
