/* certificate.c: making, reading and writing the identity that a peer shows (RFC 8827 §6.5). */
#include "certificate.h"

#include "alloc.h"
#include "bytes.h"
#include "fingerprint.h"
#include "mbed.h"
#include "random.h"

#include <mbedtls/ecp.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>

#include <string.h>

#define SUBJECT "CN=holdfast"

/* No clock is read here, and nobody looks at validity: trust comes from the fingerprint. All years below 2050 are written as
 * UTCTime (RFC 5280 §4.1.2.5). */
#define NOT_BEFORE "20000101000000"
#define NOT_AFTER "20491231235959"

#define SERIAL_SIZE 16 /* at most 20, RFC 5280 §4.1.2.2 */
#define DER_MAX 1024   /* ours have about 300 bytes */
#define PEM_MAX (64 * 1024)

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define PEM_END "-----END CERTIFICATE-----\n"

static hf_certificate *new_empty(const hf_env *env)
{
    hf_certificate *certificate = hf_alloc(env, sizeof *certificate);
    if (!certificate)
        return NULL;
    certificate->env = env;
    mbedtls_x509_crt_init(&certificate->shown);
    mbedtls_pk_init(&certificate->key);
    return certificate;
}

void hf_certificate_free(hf_certificate *certificate)
{
    if (!certificate)
        return;
    mbedtls_x509_crt_free(&certificate->shown);
    mbedtls_pk_free(&certificate->key);
    hf_dealloc(certificate->env, certificate);
}

static int make_key(mbedtls_pk_context *key, const hf_env *env)
{
    int err = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (err != 0)
        return err;
    return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), hf_mbed_random, hf_mbed_random_context(env));
}

static int set_serial(mbedtls_x509write_cert *writer, const hf_env *env)
{
    uint8_t bytes[SERIAL_SIZE];
    hf_random_bytes(env, bytes, sizeof bytes);
    bytes[0] = (bytes[0] & 0x3F) | 0x40; /* positive, and always of the same length */

    mbedtls_mpi serial;
    mbedtls_mpi_init(&serial);
    int err = mbedtls_mpi_read_binary(&serial, bytes, sizeof bytes);
    if (err == 0)
        err = mbedtls_x509write_crt_set_serial(writer, &serial);
    mbedtls_mpi_free(&serial);
    return err;
}

/* Writes the certificate to the end of `der`, as mbedTLS does; returns its length or an error below zero. */
static int write_der(mbedtls_pk_context *key, uint8_t der[DER_MAX], const hf_env *env)
{
    mbedtls_x509write_cert writer;
    mbedtls_x509write_crt_init(&writer);
    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&writer, key);
    mbedtls_x509write_crt_set_issuer_key(&writer, key);

    int err = set_serial(&writer, env);
    if (err == 0)
        err = mbedtls_x509write_crt_set_subject_name(&writer, SUBJECT);
    if (err == 0)
        err = mbedtls_x509write_crt_set_issuer_name(&writer, SUBJECT);
    if (err == 0)
        err = mbedtls_x509write_crt_set_validity(&writer, NOT_BEFORE, NOT_AFTER);
    if (err == 0)
        err = mbedtls_x509write_crt_der(&writer, der, DER_MAX, hf_mbed_random, hf_mbed_random_context(env));
    mbedtls_x509write_crt_free(&writer);
    return err;
}

hf_err hf_certificate_new(hf_certificate **out, const hf_env *env)
{
    if (!hf_env_is_usable(env))
        return HF_EINVAL;
    hf_certificate *certificate = new_empty(env);
    if (!certificate)
        return HF_ENOMEM;

    uint8_t der[DER_MAX];
    int len = make_key(&certificate->key, env);
    if (len == 0)
        len = write_der(&certificate->key, der, env);
    if (len <= 0 || mbedtls_x509_crt_parse_der(&certificate->shown, der + DER_MAX - len, (size_t)len) != 0) {
        hf_certificate_free(certificate);
        return HF_ECERTIFICATE;
    }
    *out = certificate;
    return HF_OK;
}

/* --- From PEM ------------------------------------------------------------------------------------------------------ */

/* What browsers take: RFC 8827 §6.5 asks for P-256, W3C WebRTC 1.0 §4.9 for RSA of 2048 bits too. A key that takes
 * mbedTLS long to sign with would hold up the whole loop in each handshake. */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

static bool is_usable_key(const mbedtls_pk_context *key)
{
    if (mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA)
        return mbedtls_pk_get_bitlen(key) >= RSA_BITS_MIN && mbedtls_pk_get_bitlen(key) <= RSA_BITS_MAX;
    if (mbedtls_pk_get_type(key) != MBEDTLS_PK_ECKEY)
        return false;
    mbedtls_ecp_group_id curve = mbedtls_pk_ec(*key)->grp.id;
    return curve == MBEDTLS_ECP_DP_SECP256R1 || curve == MBEDTLS_ECP_DP_SECP384R1;
}

/* Of a chain only the first is kept: the fingerprint is its, and nobody looks at the others. `pem` is `len` bytes that end
 * with a NUL. */
static const char *read_certificate(hf_certificate *certificate, const char *pem, size_t len)
{
    mbedtls_x509_crt chain;
    mbedtls_x509_crt_init(&chain);
    const char *why = NULL;
    if (!strstr(pem, "-----BEGIN CERTIFICATE-----"))
        why = "there is no certificate in it";
    else if (mbedtls_x509_crt_parse(&chain, (const uint8_t *)pem, len) != 0 ||
             mbedtls_x509_crt_parse_der(&certificate->shown, chain.raw.p, chain.raw.len) != 0)
        why = "a certificate in it can't be read";
    mbedtls_x509_crt_free(&chain);
    return why;
}

static const char *read_key(hf_certificate *certificate, const char *pem, size_t len)
{
    if (!strstr(pem, "PRIVATE KEY-----"))
        return "there is no private key in it";
    int err = hf_mbed_parse_key(&certificate->key, (const uint8_t *)pem, len, certificate->env);
    if (err == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
        return "the private key is encrypted";
    if (err != 0)
        return "the private key can't be read, or is of a kind that is not supported";
    if (!is_usable_key(&certificate->key))
        return "the private key is neither P-256 nor P-384 nor RSA of 2048 to 4096 bits";
    if (!hf_mbed_is_pair(&certificate->shown.pk, &certificate->key, certificate->env))
        return "the private key is not that of the first certificate";
    return NULL;
}

hf_err hf_certificate_from_pem(hf_certificate **out, const char *pem, size_t len, const char **why, const hf_env *env)
{
    const char *unasked = NULL;
    why = why ? why : &unasked;
    *why = NULL;
    if (!out || !pem || !hf_env_is_usable(env))
        return HF_EINVAL;
    if (len > PEM_MAX) {
        *why = "it is longer than 64 KiB";
        return HF_ECERTIFICATE;
    }

    hf_certificate *certificate = new_empty(env);
    char *text = hf_alloc_text(env, pem, len);
    bool has_memory = certificate && text;
    if (has_memory)
        *why = read_certificate(certificate, text, len + 1);
    if (has_memory && !*why)
        *why = read_key(certificate, text, len + 1);

    if (text)
        mbedtls_platform_zeroize(text, len);
    hf_dealloc(env, text);
    if (!has_memory || *why) {
        hf_certificate_free(certificate);
        return has_memory ? HF_ECERTIFICATE : HF_ENOMEM;
    }
    *out = certificate;
    return HF_OK;
}

hf_certificate *hf_certificate_plain(const hf_certificate *certificate)
{
    union {
        const hf_certificate *certificate;
        hf_certificate *plain;
    } cast = {.certificate = certificate};
    return cast.plain;
}

hf_err hf_certificate_to_pem(const hf_certificate *certificate, char *out, size_t cap)
{
    int err = mbedtls_pk_write_key_pem(&hf_certificate_plain(certificate)->key, (unsigned char *)out, cap);
    if (err == 0) {
        size_t len = strlen(out), written;
        err = mbedtls_pem_write_buffer(PEM_BEGIN, PEM_END, certificate->shown.raw.p, certificate->shown.raw.len,
                                       (unsigned char *)out + len, cap - len, &written);
    }
    if (err != 0) {
        if (cap > 0)
            mbedtls_platform_zeroize(out, cap);
        return HF_EMSGSIZE;
    }
    return HF_OK;
}

hf_err hf_certificate_fingerprint(const hf_certificate *certificate, hf_hash hash, hf_fingerprint *out)
{
    return hf_fingerprint_compute(hash, hf_bytes_of(certificate->shown.raw.p, certificate->shown.raw.len), out);
}
