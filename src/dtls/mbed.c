/* mbed.c: the calls and fields of mbedTLS that changed between the versions. This is 2.28. */
#include "mbed.h"

#include "random.h"

#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR != 2
#error "written for mbedTLS 2.28; for 3.x rewrite this file only"
#endif

int hf_mbed_random(void *context, unsigned char *out, size_t len)
{
    hf_random_bytes(context, out, len);
    return 0;
}

void *hf_mbed_random_context(const hf_env *env)
{
    union {
        const hf_env *env;
        void *context;
    } cast = {.env = env};
    return cast.context;
}

int hf_mbed_parse_key(mbedtls_pk_context *key, const uint8_t *pem, size_t len, const hf_env *env)
{
    (void)env; /* 3.6 blinds with it */
    return mbedtls_pk_parse_key(key, pem, len, NULL, 0);
}

bool hf_mbed_is_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *private_key, const hf_env *env)
{
    (void)env;
    return mbedtls_pk_check_pair(public_key, private_key) == 0;
}

/* 2.28 tries its list from the front, and its default begins with P-521. A handshake, both ends: 15 ms by default, 10.5 with
 * P-256 first, 9 with X25519 first. */
static const mbedtls_ecp_group_id curves[] = {
    MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1,
    MBEDTLS_ECP_DP_SECP521R1,  MBEDTLS_ECP_DP_NONE,
};

static const int signature_hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};

void hf_mbed_conf_protocol(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(conf, curves);
    mbedtls_ssl_conf_sig_hashes(conf, signature_hashes);
}

int hf_mbed_state(const mbedtls_ssl_context *ssl)
{
    return ssl->state;
}

hf_err hf_mbed_err(int err)
{
    if (err == 0)
        return HF_OK;
    bool memory = err == MBEDTLS_ERR_SSL_ALLOC_FAILED || err == MBEDTLS_ERR_X509_ALLOC_FAILED ||
                  err == MBEDTLS_ERR_PK_ALLOC_FAILED || err == MBEDTLS_ERR_MPI_ALLOC_FAILED;
    return memory ? HF_ENOMEM : HF_EDTLS;
}
