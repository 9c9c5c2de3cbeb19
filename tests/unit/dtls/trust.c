/* trust.c: authorities from PEM text. */
#include "pem.h"

#include <env.h>
#include <trust.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static test_env t;

static size_t count(const hf_trust *trust)
{
    size_t n = 0;
    for (const mbedtls_x509_crt *at = &trust->authorities; at && at->version > 0; at = at->next)
        n++;
    return n;
}

#define BROKEN "-----BEGIN CERTIFICATE-----\nMIIBeDCCAR2gAwIBAgIUANrp\n-----END CERTIFICATE-----\n"
#define NO_BASE64 "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"

Test(trust, reads_what_certificates_there_are)
{
    const struct {
        const char *why, *pem;
        size_t count;
    } table[] = {
        {"one", EC_CERTIFICATE, 1},
        {"two kinds", EC_CERTIFICATE RSA_CERTIFICATE, 2},
        {"words between", "# Root\n" EC_CERTIFICATE "\n\nand another:\r\n" RSA_CERTIFICATE "# end", 2},
        {"expired ones: dates are looked at when they vouch", EXPIRED_CERTIFICATE, 1},
        {"a key beside it", EC_KEY EC_CERTIFICATE, 1},
        {"a broken one between", EC_CERTIFICATE BROKEN RSA_CERTIFICATE, 2},
        {"no base64 between", EC_CERTIFICATE NO_BASE64 RSA_CERTIFICATE, 2},
        {"one without an end behind", EC_CERTIFICATE "-----BEGIN CERTIFICATE-----\nMIIB", 1},
        {"nothing", "", 0},
        {"words alone", "nobody is here", 0},
        {"a key alone", EC_KEY, 0},
        {"broken ones alone", BROKEN NO_BASE64, 0},
        {"an end before the beginning", "-----END CERTIFICATE----------BEGIN CERTIFICATE-----", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        hf_trust *trust = NULL;
        size_t len = strlen(table[i].pem);
        char *exact = malloc(len + 1); /* no NUL behind it */
        memcpy(exact, table[i].pem, len);
        test_env_init(&t, 1);
        cr_expect_eq(hf_trust_new(&trust, exact, len, &t.env), table[i].count > 0 ? HF_OK : HF_ECERTIFICATE, "%s",
                     table[i].why);
        cr_expect_eq(trust ? count(trust) : 0, table[i].count, "%s", table[i].why);
        hf_trust_free(trust);
        cr_expect_eq(t.blocks, 0, "%s", table[i].why);
        free(exact);
    }
}

Test(trust, grows)
{
    hf_trust *trust = NULL;
    test_env_init(&t, 1);
    cr_assert_eq(hf_trust_new(&trust, EC_CERTIFICATE, strlen(EC_CERTIFICATE), &t.env), HF_OK);
    cr_expect_eq(hf_trust_add(trust, "nothing", 7), HF_ECERTIFICATE);
    cr_expect_eq(count(trust), 1, "what was there stays");
    cr_expect_eq(hf_trust_add(trust, RSA_CERTIFICATE P384_CERTIFICATE, strlen(RSA_CERTIFICATE P384_CERTIFICATE)), HF_OK);
    cr_expect_eq(count(trust), 3);
    hf_trust_free(trust);
    cr_expect_eq(t.blocks, 0);
}

Test(trust, refuses_what_makes_no_sense)
{
    hf_trust *trust = NULL;
    hf_env no_randomness = {0};
    test_env_init(&t, 1);
    cr_expect_eq(hf_trust_new(NULL, EC_CERTIFICATE, 1, &t.env), HF_EINVAL);
    cr_expect_eq(hf_trust_new(&trust, NULL, 1, &t.env), HF_EINVAL);
    cr_expect_eq(hf_trust_new(&trust, EC_CERTIFICATE, 1, &no_randomness), HF_EINVAL);
    cr_expect_eq(hf_trust_new(&trust, "", (size_t)9 << 20, &t.env), HF_ECERTIFICATE, "longer than it may be");
    cr_expect_eq(hf_trust_add(NULL, EC_CERTIFICATE, 1), HF_EINVAL);
    cr_expect_null(trust);
    hf_trust_free(NULL);
    cr_expect_eq(t.blocks, 0);
}

Test(trust, survives_each_failing_allocation)
{
    size_t n = 1;
    for (t = (test_env){0}; test_env_next_failure(&t, n, 7); n++) {
        hf_trust *trust = NULL;
        hf_err err = hf_trust_new(&trust, EC_CERTIFICATE, strlen(EC_CERTIFICATE), &t.env);
        if (err == HF_OK)
            err = hf_trust_add(trust, RSA_CERTIFICATE, strlen(RSA_CERTIFICATE));
        cr_expect(err == HF_OK || err == HF_ENOMEM, "allocation %zu", n);
        hf_trust_free(trust);
        cr_expect_eq(t.blocks, 0, "allocation %zu", n);
    }
    cr_expect_gt(n, 3);
}
