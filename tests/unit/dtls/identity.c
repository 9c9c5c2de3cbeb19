/* identity.c: whose certificate is taken, and that nothing passes before it was looked at. */
#include "pair.h"
#include "pem.h"

#include <dtls_priv.h>
#include <fingerprint.h>

#include <criterion/criterion.h>
#include <string.h>

static pair p;

/* Sends from both ends whatever they would take, and expects that nobody was handed anything. */
static void expect_silence(void)
{
    (void)pair_send(&p, &p.client, "secret");
    (void)pair_send(&p, &p.server, "secret");
    pair_run(&p, HF_SECONDS(5));
    cr_expect_eq(p.client.packets, 0);
    cr_expect_eq(p.server.packets, 0);
    cr_expect_not(p.client.connected);
    cr_expect_not(p.server.connected);
}

static bool is_bad_certificate(const pair_datagram *datagram)
{
    const uint8_t alert[] = {2, 42}; /* fatal, bad_certificate: RFC 5246 §7.2 */
    return datagram->len == 15 && datagram->data[0] == 21 && memcmp(datagram->data + 13, alert, sizeof alert) == 0;
}

static pair_fate count_alerts(pair *self, const pair_datagram *datagram, size_t number)
{
    (void)number;
    *(size_t *)self->context += is_bad_certificate(datagram);
    return PAIR_PASSES;
}

static void connect_in_vain(pair_end *deceived, pair_end *other)
{
    size_t alerts = 0;
    p.fate = count_alerts;
    p.context = &alerts;
    pair_open(&p);
    cr_expect_not(pair_connect(&p, HF_SECONDS(5)));
    cr_expect(deceived->failed);
    cr_expect_eq(deceived->cause, HF_EFINGERPRINT);
    cr_expect(other->failed, "the alert ends it");
    cr_expect_eq(other->cause, HF_EDTLS);
    cr_expect_eq(alerts, 1);
    expect_silence();
}

Test(dtls_identity, a_client_refuses_a_server_with_another_certificate)
{
    pair_init(&p, 1);
    p.client_config.fingerprints = &p.client.fingerprint; /* not the server's */
    connect_in_vain(&p.client, &p.server);
    cr_expect_eq(p.client.sent, 2, "a hello and an alert; no Finished went to a stranger");
    pair_clear(&p);
}

Test(dtls_identity, a_server_refuses_a_client_with_another_certificate)
{
    pair_init(&p, 2);
    p.server_config.fingerprints = &p.server.fingerprint;
    connect_in_vain(&p.server, &p.client);
    cr_expect_eq(p.server.sent, 2, "a flight and an alert");
    pair_clear(&p);
}

Test(dtls_identity, a_server_refuses_a_client_without_a_certificate)
{
    pair_init(&p, 3);
    size_t alerts = 0;
    p.fate = count_alerts;
    p.context = &alerts;
    pair_open(&p);
    mbedtls_ssl_key_cert *kept = p.client.dtls->conf.key_cert;
    p.client.dtls->conf.key_cert = NULL; /* so it sends an empty Certificate message */
    cr_expect_not(pair_connect(&p, HF_SECONDS(5)));
    cr_expect(p.server.failed);
    cr_expect_eq(p.server.cause, HF_EFINGERPRINT);
    cr_expect_eq(alerts, 1);
    expect_silence();
    p.client.dtls->conf.key_cert = kept;
    pair_clear(&p);
}

Test(dtls_identity, one_bit_makes_another_fingerprint)
{
    pair_init(&p, 4);
    hf_fingerprint near = p.server.fingerprint;
    near.digest[31] ^= 1;
    p.client_config.fingerprints = &near;
    pair_open(&p);
    cr_expect_not(pair_connect(&p, HF_SECONDS(5)));
    cr_expect_eq(p.client.cause, HF_EFINGERPRINT);
    pair_clear(&p);
}

Test(dtls_identity, is_shown_by_any_hash)
{
    hf_hash hashes[] = {HF_SHA256, HF_SHA384, HF_SHA512};
    for (size_t i = 0; i < 3; i++) {
        pair_init(&p, 5 + i);
        hf_fingerprint list[HF_DTLS_FINGERPRINTS_MAX] = {{.hash = HF_HASH_NONE}, {.hash = hashes[i]}};
        cr_assert_eq(hf_certificate_fingerprint(p.server.certificate, hashes[i], &list[15]), HF_OK);
        p.client_config.fingerprints = list;
        p.client_config.fingerprints_len = HF_DTLS_FINGERPRINTS_MAX;
        pair_open(&p);
        memset(list, 0, sizeof list); /* the list is copied */
        cr_expect(pair_connect(&p, HF_SECONDS(5)), "hash %zu", i);
        pair_clear(&p);
    }
}

Test(dtls_identity, a_weaker_hash_does_not_help_where_a_stronger_one_differs)
{
    pair_init(&p, 8);
    hf_fingerprint list[2] = {p.server.fingerprint, {.hash = HF_SHA512}};
    p.client_config.fingerprints = list;
    p.client_config.fingerprints_len = 2;
    connect_in_vain(&p.client, &p.server);
    pair_clear(&p);
}

Test(dtls_identity, a_hash_that_nobody_knows_matches_nothing)
{
    pair_init(&p, 9);
    hf_fingerprint list[2] = {p.server.fingerprint, p.server.fingerprint};
    list[0].hash = HF_HASH_NONE;
    list[1].hash = (hf_hash)77;
    p.client_config.fingerprints = list;
    p.client_config.fingerprints_len = 2;
    pair_open(&p);
    cr_expect_not(pair_connect(&p, HF_SECONDS(5)));
    cr_expect_eq(p.client.cause, HF_EFINGERPRINT);
    pair_clear(&p);
}

/* --- Kinds of certificates ----------------------------------------------------------------------------------------- */

static void give_certificate(pair_end *end, const char *pem)
{
    hf_certificate_free(end->certificate);
    cr_assert_eq(hf_certificate_from_pem(&end->certificate, pem, strlen(pem), NULL, &p.env.env), HF_OK);
    cr_assert_eq(hf_certificate_fingerprint(end->certificate, HF_SHA256, &end->fingerprint), HF_OK);
    p.client_config.certificate = p.client.certificate;
    p.server_config.certificate = p.server.certificate;
}

/* P-256 is what all peers show by themselves; older ones show RSA. Nobody looks at dates: see limits-and-departures.md. */
Test(dtls_identity, may_be_of_every_kind_on_either_side)
{
    const struct {
        const char *why;
        const char *pem;
        const char *cipher; /* where the server has it */
    } kinds[] = {
        {"P-256", EC_KEY EC_CERTIFICATE, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
        {"P-384", P384_KEY P384_CERTIFICATE, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
        {"RSA", RSA_KEY RSA_CERTIFICATE, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
        {"expired", EC_KEY EXPIRED_CERTIFICATE, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
        {"not valid yet", EC_KEY FUTURE_CERTIFICATE, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    };
    const size_t n = sizeof kinds / sizeof kinds[0];
    for (size_t i = 0; i < n * n; i++) {
        pair_init(&p, i);
        give_certificate(&p.client, kinds[i / n].pem);
        give_certificate(&p.server, kinds[i % n].pem);
        pair_open(&p);
        cr_expect(pair_connect(&p, HF_MS(60)), "client: %s, server: %s", kinds[i / n].why, kinds[i % n].why);
        cr_expect_str_eq(hf_dtls_cipher(p.client.dtls), kinds[i % n].cipher);
        pair_clear(&p);
    }
}

/* Anybody can put the certificate of another behind his own. */
Test(dtls_identity, is_the_first_certificate_of_a_chain)
{
    const char pem[] = EC_CERTIFICATE RSA_CERTIFICATE;
    for (int claimed = 0; claimed < 2; claimed++) {
        pair_init(&p, 21);
        give_certificate(&p.server, EC_KEY EC_CERTIFICATE);
        mbedtls_x509_crt *chain = &p.server.certificate->shown;
        mbedtls_x509_crt_free(chain);
        cr_assert_eq(mbedtls_x509_crt_parse(chain, (const uint8_t *)pem, sizeof pem), 0);
        hf_bytes der = {.data = claimed ? chain->next->raw.p : chain->raw.p,
                        .len = claimed ? chain->next->raw.len : chain->raw.len};
        cr_assert_eq(hf_fingerprint_compute(HF_SHA256, der, &p.server.fingerprint), HF_OK);
        pair_open(&p);
        cr_expect_eq(pair_connect(&p, HF_SECONDS(5)), claimed == 0);
        cr_expect_eq(p.client.cause, claimed ? HF_EFINGERPRINT : HF_OK);
        pair_clear(&p);
    }
}
