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
    mbedtls_x509_crt *crt = &certificate->shown;
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
    cr_assert_eq(hf_certificate_from_pem(&read, pem, strlen(pem), NULL, &t.env), HF_OK);
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

static const char many_words[80 * 1024] = "x";

Test(certificate, is_read_from_what_others_write)
{
    const char *const no_certificate = "there is no certificate in it";
    const char *const bad_certificate = "a certificate in it can't be read";
    const char *const no_key = "there is no private key in it";
    const char *const encrypted = "the private key is encrypted";
    const char *const bad_key = "the private key can't be read, or is of a kind that is not supported";
    const char *const other_kind = "the private key is neither P-256 nor P-384 nor RSA of 2048 to 4096 bits";
    const char *const other_key = "the private key is not that of the first certificate";
    const struct {
        const char *why;
        const char *first, *second, *third;
        const char *flaw; /* NULL: it is taken */
    } table[] = {
        {"certificate, then key", EC_CERTIFICATE, EC_KEY, "", NULL},
        {"key, then certificate", EC_KEY, EC_CERTIFICATE, "", NULL},
        {"PKCS #8", EC_KEY_PKCS8, EC_CERTIFICATE, "", NULL},
        {"with curve parameters, as openssl writes them", EC_PARAMETERS, EC_KEY, EC_CERTIFICATE, NULL},
        {"with words around", "hello\n", EC_KEY "bye\n", EC_CERTIFICATE, NULL},
        {"P-384, signed with SHA-384", P384_KEY, P384_CERTIFICATE, "", NULL},
        {"RSA, PKCS #8", RSA_KEY, RSA_CERTIFICATE, "", NULL},
        {"RSA, PKCS #1", RSA_KEY_PKCS1, RSA_CERTIFICATE, "", NULL},
        {"expired", EC_KEY, EXPIRED_CERTIFICATE, "", NULL},
        {"not valid yet", EC_KEY, FUTURE_CERTIFICATE, "", NULL},
        {"a chain", EC_KEY, EC_CERTIFICATE, RSA_CERTIFICATE, NULL},
        {"a chain, the key in its middle", EC_CERTIFICATE, EC_KEY, RSA_CERTIFICATE, NULL},
        {"a chain in the wrong order", EC_KEY, RSA_CERTIFICATE, EC_CERTIFICATE, other_key},
        {"a bad one behind it", EC_KEY, EC_CERTIFICATE, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         bad_certificate},
        {"nothing", "", "", "", no_certificate},
        {"words", "hello", "", "", no_certificate},
        {"a key alone", EC_KEY, "", "", no_certificate},
        {"a certificate alone", EC_CERTIFICATE, "", "", no_key},
        {"a key of another", OTHER_KEY, EC_CERTIFICATE, "", other_key},
        {"a key of another kind", RSA_KEY, EC_CERTIFICATE, "", other_key},
        {"an encrypted key, SEC 1", ENCRYPTED_KEY, EC_CERTIFICATE, "", encrypted},
        {"an encrypted key, PKCS #8", ENCRYPTED_KEY_PKCS8, EC_CERTIFICATE, "", encrypted},
        {"half a key", "-----BEGIN PRIVATE KEY-----\nMIGH\n", EC_CERTIFICATE, "", bad_key},
        {"a key that is no DER", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", EC_CERTIFICATE, "",
         bad_key},
        {"a public key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", EC_CERTIFICATE, "", no_key},
        {"Ed25519", ED25519_KEY, ED25519_CERTIFICATE, "", bad_certificate},
        {"an Ed25519 key", ED25519_KEY, EC_CERTIFICATE, "", bad_key},
        {"P-521", P521_KEY, P521_CERTIFICATE, "", other_kind},
        {"RSA of 1024 bits", SHORT_RSA_KEY, SHORT_RSA_CERTIFICATE, "", other_kind},
        {"half a certificate", EC_KEY, "-----BEGIN CERTIFICATE-----\nMIIB\n", "", bad_certificate},
        {"no base64", EC_KEY, "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "", bad_certificate},
        {"no DER", EC_KEY, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", bad_certificate},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        test_env t;
        test_env_init(&t, i);
        char pem[8192];
        int len = snprintf(pem, sizeof pem, "%s%s%s", table[i].first, table[i].second, table[i].third);
        char *exact = malloc((size_t)len + 1); /* no NUL behind it */
        memcpy(exact, pem, (size_t)len);
        hf_certificate *certificate = NULL;
        const char *flaw = "";
        hf_err err = hf_certificate_from_pem(&certificate, exact, (size_t)len, &flaw, &t.env);
        cr_expect_eq(err, table[i].flaw ? HF_ECERTIFICATE : HF_OK, "%s", table[i].why);
        cr_expect_str_eq(flaw ? flaw : "it is taken", table[i].flaw ? table[i].flaw : "it is taken", "%s", table[i].why);
        cr_expect_eq(certificate != NULL, table[i].flaw == NULL, "%s", table[i].why);
        hf_certificate_free(certificate);
        cr_expect_eq(t.blocks, 0, "%s", table[i].why);
        free(exact);
    }
}

Test(certificate, is_refused_where_the_text_is_endless)
{
    test_env t;
    test_env_init(&t, 4);
    hf_certificate *certificate = NULL;
    const char *flaw;
    cr_expect_eq(hf_certificate_from_pem(&certificate, many_words, sizeof many_words, &flaw, &t.env), HF_ECERTIFICATE);
    cr_expect_str_eq(flaw, "it is longer than 64 KiB");
    cr_expect_eq(t.allocations, 0);
}

Test(certificate, shows_the_first_of_a_chain_alone)
{
    test_env t;
    test_env_init(&t, 5);
    hf_certificate *alone = NULL, *chain = NULL;
    const char one[] = EC_KEY EC_CERTIFICATE, two[] = EC_KEY EC_CERTIFICATE RSA_CERTIFICATE;
    cr_assert_eq(hf_certificate_from_pem(&alone, one, strlen(one), NULL, &t.env), HF_OK);
    cr_assert_eq(hf_certificate_from_pem(&chain, two, strlen(two), NULL, &t.env), HF_OK);
    cr_expect(is_same(alone, chain));
    cr_expect_null(chain->shown.next);
    hf_certificate_free(alone);
    hf_certificate_free(chain);
}

Test(certificate, survives_each_failing_allocation)
{
    test_env t = {0};
    size_t n = 1;
    for (; test_env_next_failure(&t, n, 1); n++) {
        hf_certificate *made = NULL, *read = NULL;
        hf_err err = hf_certificate_new(&made, &t.env);
        cr_expect(err == HF_OK || err == HF_ENOMEM);
        const char *flaw = "";
        err = hf_certificate_from_pem(&read, EC_KEY EC_CERTIFICATE, strlen(EC_KEY EC_CERTIFICATE), &flaw, &t.env);
        cr_expect(err == HF_OK || err == HF_ENOMEM);
        cr_expect_null(flaw);
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
    cr_expect_eq(hf_certificate_from_pem(&certificate, EC_KEY, strlen(EC_KEY), NULL, &nothing), HF_EINVAL);
    cr_expect_eq(hf_certificate_from_pem(NULL, EC_KEY, strlen(EC_KEY), NULL, &nothing), HF_EINVAL);
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
    } table[] = {{HF_SHA256, "sha-256", 32}, {HF_SHA384, "sha-384", 48}, {HF_SHA512, "sha-512", 64},
                 {HF_HASH_NONE, "", 0},      {(hf_hash)9, "", 0},        {(hf_hash)-1, "", 0}};
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
    } table[] = {{"sha-256", HF_SHA256}, {"SHA-256", HF_SHA256},   {"Sha-384", HF_SHA384},
                 {"sha-512", HF_SHA512}, {"sha-1", HF_HASH_NONE},  {"md5", HF_HASH_NONE},
                 {"", HF_HASH_NONE},     {"sha-25", HF_HASH_NONE}, {"sha-2566", HF_HASH_NONE}};
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

/* RFC 8122 §5.1: the strongest hash that is offered decides, and no other. */
Test(fingerprint, counts_by_the_strongest_hash_of_the_list)
{
    hf_bytes der = {.data = (const uint8_t *)"a certificate", .len = 13};
    hf_fingerprint good[4], bad[4], unknown = {.hash = (hf_hash)9};
    for (hf_hash hash = HF_SHA256; hash <= HF_SHA512; hash++) {
        cr_assert_eq(hf_fingerprint_compute(hash, der, &good[hash]), HF_OK);
        bad[hash] = good[hash];
        bad[hash].digest[0] ^= 1;
    }
    const struct {
        const char *why;
        hf_fingerprint list[4];
        size_t len;
        bool matches;
    } table[] = {
        {"all three agree", {good[HF_SHA256], good[HF_SHA384], good[HF_SHA512]}, 3, true},
        {"the order does not matter", {good[HF_SHA512], good[HF_SHA256], good[HF_SHA384]}, 3, true},
        {"the weaker ones lie", {bad[HF_SHA256], bad[HF_SHA384], good[HF_SHA512]}, 3, true},
        {"the strongest lies", {good[HF_SHA256], good[HF_SHA384], bad[HF_SHA512]}, 3, false},
        {"the stronger of two lies", {good[HF_SHA256], bad[HF_SHA384]}, 2, false},
        {"the stronger one stands first and lies", {bad[HF_SHA384], good[HF_SHA256]}, 2, false},
        {"two certificates, and this is the second", {bad[HF_SHA256], good[HF_SHA256]}, 2, true},
        {"two certificates by two hashes each", {bad[HF_SHA256], bad[HF_SHA512], good[HF_SHA256], good[HF_SHA512]}, 4, true},
        {"two certificates, neither is this", {bad[HF_SHA512], bad[HF_SHA512]}, 2, false},
        {"a hash that nobody knows is passed over", {unknown, good[HF_SHA256]}, 2, true},
        {"nothing but such", {unknown, unknown}, 2, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(hf_fingerprint_matches(table[i].list, table[i].len, der), table[i].matches, "%s", table[i].why);
}

/* The fingerprint that openssl computes for that certificate. */
Test(fingerprint, is_the_one_that_others_compute)
{
    test_env t;
    test_env_init(&t, 1);
    const char pem[] = EC_KEY EC_CERTIFICATE;
    hf_certificate *certificate = NULL;
    cr_assert_eq(hf_certificate_from_pem(&certificate, pem, strlen(pem), NULL, &t.env), HF_OK);
    const uint8_t expected[32] = {EC_FINGERPRINT};
    cr_expect_arr_eq(fingerprint_of(certificate).digest, expected, 32);
    hf_certificate_free(certificate);
}
