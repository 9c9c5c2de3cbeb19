/* certificate.c: identities, made, written and read. */
#include "pem.h"

#include <certificate.h>
#include <env.h>
#include <fingerprint.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hf_certificate *make(test_env *t)
{
    hf_certificate *certificate = NULL;
    cr_assert_eq(hf_certificate_new(&certificate, &t->env), HF_OK);
    return certificate;
}

static hf_fingerprint fingerprint_of(const hf_certificate *certificate)
{
    hf_fingerprint fingerprint;
    cr_assert_eq(hf_certificate_fingerprint(certificate, HF_SHA256, &fingerprint), HF_OK);
    return fingerprint;
}

static bool is_same(const hf_certificate *a, const hf_certificate *b)
{
    return memcmp(fingerprint_of(a).digest, fingerprint_of(b).digest, 32) == 0;
}

Test(certificate, is_the_same_for_the_same_randomness_and_another_for_another)
{
    test_env t[3];
    uint64_t seeds[] = {5, 5, 6};
    hf_certificate *made[3];
    for (int i = 0; i < 3; i++) {
        test_env_init(&t[i], seeds[i]);
        made[i] = make(&t[i]);
    }
    cr_expect(is_same(made[0], made[1]));
    cr_expect_not(is_same(made[0], made[2]));
    for (int i = 0; i < 3; i++) {
        hf_certificate_free(made[i]);
        cr_expect_eq(t[i].blocks, 0);
    }
}

Test(certificate, is_self_signed_and_valid_for_ever)
{
    test_env t;
    test_env_init(&t, 1);
    hf_certificate *certificate = make(&t);
    mbedtls_x509_crt *crt = &certificate->chain;
    cr_expect_eq(crt->version, 3);
    cr_expect_eq(crt->valid_from.year, 2000);
    cr_expect_eq(crt->valid_to.year, 2049);
    cr_expect_eq(crt->serial.len, 16);
    cr_expect_eq(mbedtls_pk_get_bitlen(&crt->pk), 256);
    cr_expect_eq(crt->raw.p[0], 0x30);
    uint32_t flags = 0;
    cr_expect_eq(mbedtls_x509_crt_verify(crt, crt, NULL, NULL, &flags, NULL, NULL), 0, "its signature holds: %x", flags);
    hf_certificate_free(certificate);
}

Test(certificate, survives_pem)
{
    test_env t;
    test_env_init(&t, 2);
    hf_certificate *certificate = make(&t), *read = NULL;
    char pem[HF_CERTIFICATE_PEM_SIZE];
    cr_assert_eq(hf_certificate_to_pem(certificate, pem, sizeof pem), HF_OK);
    cr_expect(strstr(pem, "-----BEGIN EC PRIVATE KEY-----\n"));
    cr_expect(strstr(pem, "-----BEGIN CERTIFICATE-----\n"));
    cr_assert_eq(hf_certificate_from_pem(&read, pem, strlen(pem), &t.env), HF_OK);
    cr_expect(is_same(certificate, read));
    hf_certificate_free(certificate);
    hf_certificate_free(read);
    cr_expect_eq(t.blocks, 0);
}

Test(certificate, tells_when_there_is_no_room_and_leaves_no_secret)
{
    test_env t;
    test_env_init(&t, 3);
    hf_certificate *certificate = make(&t);
    char whole[HF_CERTIFICATE_PEM_SIZE];
    cr_assert_eq(hf_certificate_to_pem(certificate, whole, sizeof whole), HF_OK);
    size_t need = strlen(whole) + 1;
    for (size_t cap = 0; cap < need; cap++) {
        char *out = malloc(cap > 0 ? cap : 1);
        memset(out, 'x', cap);
        cr_expect_eq(hf_certificate_to_pem(certificate, out, cap), HF_EMSGSIZE, "%zu bytes", cap);
        for (size_t i = 0; i < cap; i++)
            cr_assert_eq(out[i], 0);
        free(out);
    }
    char *exact = malloc(need);
    cr_expect_eq(hf_certificate_to_pem(certificate, exact, need), HF_OK);
    cr_expect_str_eq(exact, whole);
    free(exact);
    hf_certificate_free(certificate);
}

Test(certificate, is_read_from_what_others_write)
{
    const struct {
        const char *why;
        const char *first, *second, *third;
        hf_err expected;
    } table[] = {
        {"certificate, then key", EC_CERTIFICATE, EC_KEY, "", HF_OK},
        {"key, then certificate", EC_KEY, EC_CERTIFICATE, "", HF_OK},
        {"PKCS#8", EC_KEY_PKCS8, EC_CERTIFICATE, "", HF_OK},
        {"with curve parameters, as openssl writes them", EC_PARAMETERS, EC_KEY, EC_CERTIFICATE, HF_OK},
        {"with words around", "hello\n", EC_KEY "bye\n", EC_CERTIFICATE, HF_OK},
        {"a chain", EC_KEY, EC_CERTIFICATE, RSA_CERTIFICATE, HF_OK},
        {"RSA", RSA_KEY, RSA_CERTIFICATE, "", HF_OK},
        {"nothing", "", "", "", HF_ECERTIFICATE},
        {"words", "hello", "", "", HF_ECERTIFICATE},
        {"a certificate alone", EC_CERTIFICATE, "", "", HF_ECERTIFICATE},
        {"a key alone", EC_KEY, "", "", HF_ECERTIFICATE},
        {"a key of another", OTHER_KEY, EC_CERTIFICATE, "", HF_ECERTIFICATE},
        {"a key of another kind", RSA_KEY, EC_CERTIFICATE, "", HF_ECERTIFICATE},
        {"an encrypted key", ENCRYPTED_KEY, EC_CERTIFICATE, "", HF_ECERTIFICATE},
        {"half a certificate", EC_KEY, "-----BEGIN CERTIFICATE-----\nMIIB\n", "", HF_ECERTIFICATE},
        {"no base64", EC_KEY, "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "", HF_ECERTIFICATE},
        {"no DER", EC_KEY, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", HF_ECERTIFICATE},
        {"a bad one behind it", EC_KEY, EC_CERTIFICATE, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         HF_ECERTIFICATE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        test_env t;
        test_env_init(&t, i);
        char pem[8192];
        int len = snprintf(pem, sizeof pem, "%s%s%s", table[i].first, table[i].second, table[i].third);
        char *exact = malloc((size_t)len + 1); /* no NUL behind it */
        memcpy(exact, pem, (size_t)len);
        hf_certificate *certificate = NULL;
        hf_err err = hf_certificate_from_pem(&certificate, exact, (size_t)len, &t.env);
        cr_expect_eq(err, table[i].expected, "%s", table[i].why);
        cr_expect_eq(certificate != NULL, table[i].expected == HF_OK, "%s", table[i].why);
        hf_certificate_free(certificate);
        cr_expect_eq(t.blocks, 0, "%s", table[i].why);
        free(exact);
    }
}

Test(certificate, survives_each_failing_allocation)
{
    test_env t = {0};
    size_t n = 1;
    for (; test_env_next_failure(&t, n, 1); n++) {
        hf_certificate *made = NULL, *read = NULL;
        hf_err err = hf_certificate_new(&made, &t.env);
        cr_expect(err == HF_OK || err == HF_ENOMEM);
        err = hf_certificate_from_pem(&read, EC_KEY EC_CERTIFICATE, strlen(EC_KEY EC_CERTIFICATE), &t.env);
        cr_expect(err == HF_OK || err == HF_ENOMEM);
        hf_certificate_free(made);
        hf_certificate_free(read);
        cr_expect_eq(t.blocks, 0);
    }
    cr_expect_gt(n, 3);
}

Test(certificate, needs_an_environment)
{
    hf_certificate *certificate = NULL;
    hf_env nothing = {0};
    cr_expect_eq(hf_certificate_new(&certificate, &nothing), HF_EINVAL);
    cr_expect_eq(hf_certificate_new(&certificate, NULL), HF_EINVAL);
    cr_expect_eq(hf_certificate_from_pem(&certificate, EC_KEY, strlen(EC_KEY), &nothing), HF_EINVAL);
    cr_expect_null(certificate);
    hf_certificate_free(NULL);
}

/* --- Fingerprints ---------------------------------------------------------------------------------------------------- */

Test(fingerprint, has_the_names_and_sizes_of_rfc_8122)
{
    const struct {
        hf_hash hash;
        const char *name;
        size_t size;
    } table[] = {{HF_SHA256, "sha-256", 32}, {HF_SHA384, "sha-384", 48}, {HF_SHA512, "sha-512", 64}, {HF_HASH_NONE, "", 0},
                 {(hf_hash)9, "", 0}, {(hf_hash)-1, "", 0}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cr_expect_str_eq(hf_hash_name(table[i].hash), table[i].name);
        cr_expect_eq(hf_hash_size(table[i].hash), table[i].size);
    }
}

Test(fingerprint, names_are_read_without_regard_to_case)
{
    const struct {
        const char *name;
        hf_hash expected;
    } table[] = {{"sha-256", HF_SHA256}, {"SHA-256", HF_SHA256}, {"Sha-384", HF_SHA384}, {"sha-512", HF_SHA512},
                 {"sha-1", HF_HASH_NONE}, {"md5", HF_HASH_NONE}, {"", HF_HASH_NONE}, {"sha-25", HF_HASH_NONE},
                 {"sha-2566", HF_HASH_NONE}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(hf_hash_parse(table[i].name, strlen(table[i].name)), table[i].expected, "%s", table[i].name);
}

/* FIPS 180-4, the message "abc". */
Test(fingerprint, is_the_hash_of_the_bytes)
{
    const struct {
        hf_hash hash;
        uint8_t start[8];
    } table[] = {
        {HF_SHA256, {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea}},
        {HF_SHA384, {0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b}},
        {HF_SHA512, {0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba}},
    };
    hf_bytes abc = {.data = (const uint8_t *)"abc", .len = 3};
    for (size_t i = 0; i < 3; i++) {
        hf_fingerprint out;
        cr_assert_eq(hf_fingerprint_compute(table[i].hash, abc, &out), HF_OK);
        cr_expect_eq(out.hash, table[i].hash);
        cr_expect_arr_eq(out.digest, table[i].start, 8);
        cr_expect(hf_fingerprint_matches(&out, 1, abc));
        out.digest[hf_hash_size(out.hash) - 1] ^= 0x80;
        cr_expect_not(hf_fingerprint_matches(&out, 1, abc));
    }
    hf_fingerprint none = {.hash = HF_HASH_NONE};
    cr_expect_eq(hf_fingerprint_compute(HF_HASH_NONE, abc, &none), HF_EINVAL);
    cr_expect_not(hf_fingerprint_matches(&none, 1, abc));
    cr_expect_not(hf_fingerprint_matches(NULL, 0, abc));
}

/* The fingerprint that openssl computes for that certificate. */
Test(fingerprint, is_the_one_that_others_compute)
{
    test_env t;
    test_env_init(&t, 1);
    const char pem[] = EC_KEY EC_CERTIFICATE;
    hf_certificate *certificate = NULL;
    cr_assert_eq(hf_certificate_from_pem(&certificate, pem, strlen(pem), &t.env), HF_OK);
    const uint8_t expected[32] = {EC_FINGERPRINT};
    cr_expect_arr_eq(fingerprint_of(certificate).digest, expected, 32);
    hf_certificate_free(certificate);
}
