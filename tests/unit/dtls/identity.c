/* identity.c: whose certificate is taken, and that nothing passes before it was looked at. */
#include "pair.h"
#include "pem.h"

#include <dtls_priv.h>

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

Test(dtls_identity, any_fingerprint_of_the_list_will_do)
{
    hf_hash hashes[] = {HF_SHA256, HF_SHA384, HF_SHA512};
    for (size_t i = 0; i < 3; i++) {
        pair_init(&p, 5 + i);
        hf_fingerprint list[HF_DTLS_FINGERPRINTS_MAX] = {{.hash = HF_HASH_NONE}, {.hash = HF_SHA256}, {.hash = HF_SHA512}};
        cr_assert_eq(hf_certificate_fingerprint(p.server.certificate, hashes[i], &list[15]), HF_OK);
        p.client_config.fingerprints = list;
        p.client_config.fingerprints_len = HF_DTLS_FINGERPRINTS_MAX;
        pair_open(&p);
        memset(list, 0, sizeof list); /* the list is copied */
        cr_expect(pair_connect(&p, HF_SECONDS(5)), "hash %zu", i);
        pair_clear(&p);
    }
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

/* Older peers still show RSA. */
static const char rsa_pem[] = RSA_KEY RSA_CERTIFICATE;

Test(dtls_identity, may_be_an_rsa_certificate)
{
    for (int i = 0; i < 2; i++) {
        pair_init(&p, 20);
        pair_end *old = i == 0 ? &p.client : &p.server;
        hf_certificate_free(old->certificate);
        cr_assert_eq(hf_certificate_from_pem(&old->certificate, rsa_pem, strlen(rsa_pem), &p.env.env), HF_OK);
        cr_assert_eq(hf_certificate_fingerprint(old->certificate, HF_SHA256, &old->fingerprint), HF_OK);
        p.client_config.certificate = p.client.certificate;
        p.server_config.certificate = p.server.certificate;
        pair_open(&p);
        cr_expect(pair_connect(&p, HF_SECONDS(5)), "%s", i == 0 ? "client" : "server");
        pair_clear(&p);
    }
}
