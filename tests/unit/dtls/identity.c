/* identity.c: whose certificate is taken, and that nothing passes before it was looked at. */
#include "pair.h"

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
static const char rsa_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDMmL4diPECPCI4\n"
    "VU0x8aB+SbVEppsb86FbyH0vYc8vAfr3+om2yPMpE0ilj9oVvnFgzle+Lbyy5bic\n"
    "DvYWIK9m0zVBFLu2V/mq9myu+a/80aZtuDBU7YYYLJio0+CUn8mPls5nF6vIQZdJ\n"
    "jboBHVDB2+nHr64ZT8XHw+WQxJFdtZ97Q0NZ8Rdjftfn4QAv1XlIgdDzSx7EmexN\n"
    "JQPwPIMiyZC8yiZ7hotnU9ZLOgIHierzk0Is+n0FwRJ3xXOP1yo/+9eIIcxEc8JZ\n"
    "K4/IgadXvkD7PLI2yb52f757rwIsom2BtZJ9oakh/fWvs7Xf1fGvAGdrJzTg0KZZ\n"
    "+LFn6PUZAgMBAAECggEAIdHc2VJ97l3k1TWKh2c23bFO8LxuluIAqgSb5uVu40kb\n"
    "RHsKYSfaBA/vOgjrppz+rl8lg2cZkmPlToytko5QGDnxC2NDPTrRJzjJUeottGeu\n"
    "cGQaPyutNxlGGeA+NysrnRvzXfi8eWOYP70ZAl6nbwgsXokUiRQV8DXaYIIRunDD\n"
    "7YftCHWcS8L4Ks3QBdERHrYK5s+mBFmLOlGQw3YIEK9wI81EI5rLgztqp3RWicTo\n"
    "FRXJBrulNT2VAMt1w+6GLWJLyAzbi0dsUqSBkvpGV/vcOkdch0JrbiHDAZuFdD4g\n"
    "VFVw1FJ/HwKEuLkddbHxkoGbguY0GVyuD0mSKQprBQKBgQDrO+1nkoGeokjKEnfo\n"
    "DnlTDORuPvfkqps9GA8amzfL7UTXoZNZ0L93IpImo0rWRaWoH8ncitc7mDrIKlIZ\n"
    "w2tlsXt7abFcumeEY3+ICfNBIAlfnccxLwCtzP4Bkw5BefTKVmSo+wUAFNeuHmnC\n"
    "rli6yiz+I/0g8xT6TvbwXDTLLQKBgQDeqG//rVr0OTt9p509c8zh3iyWInxKMDfk\n"
    "omCyEIjsnyeV96JMTowwJYSk6bGHnsP6kGT0+Oyav+av3AXcevDFo9K0MfF553Mu\n"
    "lIwC12DTR7e2B03qOIH8D4Xhw6aYEfNRQ+jU6Nx9KB73WjuMajw3kw1102u5g9we\n"
    "gxikU1hVHQKBgAKS1EUW0D45DkzPqOosBl3HPVSLcdDZoPspITksS476mI83YFJS\n"
    "O1YFVc4AaVgwyOAvANld1376amI4PE+12J3zNCOkg2E9VNaY9BM78KJcxF18b2p1\n"
    "Vi+Ql5LS1gwXVntEOLO0k1ht4fIwuP19RNE+VwGsyR8sKaWXaZI1oAo9AoGABBA2\n"
    "2wei3UoeF9DzQafXWVfgoGzIr+HpYzbDZPyAQzE0W7xFLfdQ/5/vp8LMBpmTIgN4\n"
    "lC/mwXw3DYaKZNephTHUKo2uxna+117Gn1am4bQxWhUQCvI1DRCLdO9JHwVU12rR\n"
    "2PDW9UHCLulqpMlbh/gbCsds89nALp5d2MHcntECgYAiV4bh13ojtbKWNrIDAg39\n"
    "IkYhGwHeAoGAW0b5vikNQt/Q3G3eKcqYZiNioFWftUKckokWGeV3fTCTIJiiowsK\n"
    "Xx/DLpQQwr0s1p443IF3Vt+pNreo0peyVIgrUAjj4rSNLnjBt5dJ1cKOOQwSMSvd\n"
    "Zlm9cKUiOGsZoZo+w2LRLw==\n"
    "-----END PRIVATE KEY-----\n"
    "-----BEGIN CERTIFICATE-----\n"
    "MIIC/zCCAeegAwIBAgIUCjiLMgmrHAu8Ss9YEQa+hZV5HT8wDQYJKoZIhvcNAQEL\n"
    "BQAwDjEMMAoGA1UEAwwDb2xkMCAXDTI2MTEyMjIzNDI1MVoYDzIwODEwODI1MjM0\n"
    "MjUxWjAOMQwwCgYDVQQDDANvbGQwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK\n"
    "AoIBAQDMmL4diPECPCI4VU0x8aB+SbVEppsb86FbyH0vYc8vAfr3+om2yPMpE0il\n"
    "j9oVvnFgzle+Lbyy5bicDvYWIK9m0zVBFLu2V/mq9myu+a/80aZtuDBU7YYYLJio\n"
    "0+CUn8mPls5nF6vIQZdJjboBHVDB2+nHr64ZT8XHw+WQxJFdtZ97Q0NZ8Rdjftfn\n"
    "4QAv1XlIgdDzSx7EmexNJQPwPIMiyZC8yiZ7hotnU9ZLOgIHierzk0Is+n0FwRJ3\n"
    "xXOP1yo/+9eIIcxEc8JZK4/IgadXvkD7PLI2yb52f757rwIsom2BtZJ9oakh/fWv\n"
    "s7Xf1fGvAGdrJzTg0KZZ+LFn6PUZAgMBAAGjUzBRMB0GA1UdDgQWBBS/S+dzy46L\n"
    "U+s1XqkbEcgWFMml7DAfBgNVHSMEGDAWgBS/S+dzy46LU+s1XqkbEcgWFMml7DAP\n"
    "BgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQChwThFXh7ww+L2Zczg\n"
    "PUJH4wTkmF4c2KP7oC3VGaBihNteJ+MG6fVwzhmUjzOp2+k1RSNyCGkFyQqQlDDF\n"
    "hcQ2UCZvQ7pcBTCNIP/8DcxF0mB93OAjGJ5+WzZnWZA6b/x+/JIRayfUR5h+ZtrT\n"
    "465DFS177Vh+PP/Ol9mMt5Nh1IJB0aZwUmWEE3E+Ynd6lhYupCh7cFFD8bVr18iC\n"
    "0i3sdmt95oTXqM9xVfiBqte4rCL0VOieRdyEjQG4S15/TQB2+hSeL9dK0o6wHQ+k\n"
    "mycfOezBtisROCbToTHofdJTHVwD2fFc+uK2q1ZK81pxv0wukXl/3HVDP5TqnVvy\n"
    "Qxrr\n"
    "-----END CERTIFICATE-----\n";

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
