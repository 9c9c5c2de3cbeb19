/* refusal.c: remotes that want what we do not do. Each is one of ours, changed: what it ends with has a name. */
#include "pair.h"

#include <bytes.h>
#include <dtls_priv.h>

#include <criterion/criterion.h>

static pair p;

/* --- Nothing in common ---------------------------------------------------------------------------------------------- */

static const int cbc_suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, 0};
static const int rsa_suites[] = {MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0}; /* our certificate is ECDSA */
static const mbedtls_ecp_group_id other_curves[] = {MBEDTLS_ECP_DP_BP256R1, MBEDTLS_ECP_DP_NONE};
static const int sha1_alone[] = {MBEDTLS_MD_SHA1, MBEDTLS_MD_NONE};

static void with_cbc(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_ciphersuites(conf, cbc_suites);
}

static void with_rsa(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_ciphersuites(conf, rsa_suites);
}

static void with_brainpool(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_curves(conf, other_curves);
}

static void with_sha1(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_sig_hashes(conf, sha1_alone);
}

static void with_dtls_10(mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_2);
    mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_2);
}

static const struct {
    const char *why;
    void (*change)(mbedtls_ssl_config *conf);
} strangers[] = {
    {"CBC suites alone", with_cbc},
    {"suites for another kind of certificate", with_rsa},
    {"curves that we do not have", with_brainpool},
    {"SHA-1 signatures alone", with_sha1},
    {"DTLS 1.0", with_dtls_10},
};

/* Who sees it says so in an alert; the other, to whom anybody could have sent that, believes it after a second. */
static void expect_both_failed(hf_time start, const char *why)
{
    cr_expect_not(pair_connect(&p, HF_SECONDS(5)), "%s", why);
    cr_expect(p.client.failed && p.server.failed, "%s", why);
    cr_expect_eq(p.client.cause, HF_EDTLS, "%s", why);
    cr_expect_eq(p.server.cause, HF_EDTLS, "%s", why);
    cr_expect_leq(p.now - start, HF_SECONDS(1) + 4 * PAIR_DELAY, "%s", why);
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), HF_NEVER, "%s", why);
    cr_expect_eq(hf_dtls_deadline(p.server.dtls), HF_NEVER, "%s", why);
}

Test(dtls_refusal, of_a_client_that_has_nothing_in_common_with_us)
{
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        pair_init(&p, i);
        pair_open(&p);
        strangers[i].change(&p.client.dtls->conf);
        expect_both_failed(p.now, strangers[i].why);
        pair_clear(&p);
    }
}

/* A server that takes what was not offered: the client asks for it, and then does not want to know. */
Test(dtls_refusal, of_a_server_that_chooses_what_was_not_offered)
{
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        pair_init(&p, i);
        pair_open(&p);
        mbedtls_ssl_config offered = p.client.dtls->conf;
        strangers[i].change(&p.client.dtls->conf);
        strangers[i].change(&p.server.dtls->conf);
        hf_dtls_start(p.server.dtls, p.now);
        hf_dtls_start(p.client.dtls, p.now); /* the hello is written */
        p.client.dtls->conf = offered;
        expect_both_failed(p.now, strangers[i].why);
        pair_clear(&p);
    }
}

/* RFC 8827 §6.5 has both sides show a certificate; a server that does not ask for ours has checked nothing, which is its own
 * loss: ours is checked. */
Test(dtls_refusal, is_not_for_a_server_that_does_not_ask_for_our_certificate)
{
    pair_init(&p, 1);
    pair_open(&p);
    mbedtls_ssl_conf_authmode(&p.server.dtls->conf, MBEDTLS_SSL_VERIFY_NONE);
    p.server.dtls->peer_verified = true; /* or it would not have us */
    cr_expect(pair_connect(&p, HF_SECONDS(5)));
    pair_clear(&p);
}

/* --- A handshake on top of the first one ------------------------------------------------------------------------------- */

Test(dtls_refusal, of_a_renegotiation_leaves_the_connection_alone)
{
    for (int by_client = 0; by_client < 2; by_client++) {
        pair_init(&p, 2);
        pair_end *asking = by_client ? &p.client : &p.server, *asked = by_client ? &p.server : &p.client;
        pair_open(&p);
        mbedtls_ssl_conf_renegotiation(&asking->dtls->conf, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
        cr_assert(pair_connect(&p, HF_SECONDS(5)));
        uint8_t buffer[HF_DATAGRAM_MAX];
        hf_transmit late = {.buffer = buffer, .cap = sizeof buffer};
        hf_bytes packet = hf_bytes_of_text("sealed before");
        cr_assert_eq(hf_dtls_seal(asking->dtls, &packet, 1, NULL, &late), 1);
        hf_dtls_stats before, after;
        hf_dtls_get_stats(asked->dtls, &before);
        size_t sent = asked->sent;

        cr_assert_eq(mbedtls_ssl_renegotiate(&asking->dtls->ssl), by_client ? MBEDTLS_ERR_SSL_WANT_READ : 0);
        pair_drain(&p, asking);
        cr_assert_geq(p.flying_len, 1, "a ClientHello or a HelloRequest, sealed");
        pair_run(&p, HF_SECONDS(1));

        hf_dtls_get_stats(asked->dtls, &after);
        cr_expect_eq(after.drops.by_cause[HF_DROP_DTLS_RECORD], before.drops.by_cause[HF_DROP_DTLS_RECORD] + 1);
        cr_expect_eq(asked->sent, sent, "RFC 5246 §7.4.1.1 lets it be ignored");
        cr_expect_not(asked->failed || asked->closed);
        cr_expect_eq(hf_dtls_deadline(asked->dtls), HF_NEVER);
        cr_expect(pair_send(&p, asked, "still here"));
        cr_expect_eq(pair_give(&p, asked, late.buffer, late.len), 1, "what came late is taken");
        pair_clear(&p);
    }
}

/* --- Alerts under the key ------------------------------------------------------------------------------------------- */

Test(dtls_refusal, by_an_alert_that_is_sealed_has_a_name)
{
    const struct {
        const char *why;
        unsigned char level, description;
        bool failed, closed;
        hf_err cause;
    } table[] = {
        {"internal_error", 2, 80, true, false, HF_EDTLS},
        {"bad_record_mac", 2, 20, true, false, HF_EDTLS},
        {"close_notify", 1, 0, false, true, HF_OK},
        {"close_notify, fatal", 2, 0, true, false, HF_EDTLS},
        {"user_canceled", 1, 90, false, false, HF_OK},
        {"no_renegotiation", 1, 100, false, false, HF_OK},
        {"a warning that nobody knows", 1, 255, false, false, HF_OK},
        {"a level that nobody knows", 7, 80, false, false, HF_OK},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int by_client = 0; by_client < 2; by_client++) {
            pair_init(&p, i);
            pair_end *from = by_client ? &p.client : &p.server, *to = by_client ? &p.server : &p.client;
            pair_open(&p);
            cr_assert(pair_connect(&p, HF_SECONDS(5)));
            cr_assert_eq(mbedtls_ssl_send_alert_message(&from->dtls->ssl, table[i].level, table[i].description), 0);
            hf_bio_send_alert(&from->dtls->bio);
            pair_run(&p, HF_SECONDS(1));
            cr_expect_eq(to->failed, table[i].failed, "%s", table[i].why);
            cr_expect_eq(to->closed, table[i].closed, "%s", table[i].why);
            cr_expect_eq(to->cause, table[i].cause, "%s", table[i].why);
            cr_expect_eq(pair_send(&p, to, "still here"), !table[i].failed && !table[i].closed, "%s", table[i].why);
            pair_clear(&p);
        }
    }
}
