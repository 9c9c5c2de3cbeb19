/* handshake.c: the handshake, by mbedTLS: how it is configured, how the remote is checked, and which trouble ends it. */
#include "dtls_priv.h"

#include "fingerprint.h"
#include "log.h"
#include "mbed.h"
#include "suite.h"

/* RFC 5764 §4.1. Nothing here is protected with one, but werift gives a connection up whose handshake agreed on none. */
static const mbedtls_ssl_srtp_profile srtp_profiles[] = {MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80, MBEDTLS_TLS_SRTP_UNSET};

/* Is called for each certificate of the remote's chain, ours being depth 0, before anything is answered to it. Nobody signed
 * it and its dates say nothing (RFC 8827 §6.5): the fingerprint is all there is to check. */
static int on_verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    hf_dtls *dtls = context;
    *flags = 0;
    if (depth > 0)
        return 0;

    hf_bytes der = {.data = certificate->raw.p, .len = certificate->raw.len};
    dtls->peer_verified = hf_fingerprint_matches(dtls->fingerprints, dtls->fingerprints_len, der);
    dtls->peer_mismatched = !dtls->peer_verified;
    if (dtls->peer_verified)
        return 0;
    /* RFC 8122 §6.2 wants a bad_certificate. The first alert counts: mbedTLS's own would be access_denied. */
    (void)mbedtls_ssl_send_alert_message(&dtls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    return MBEDTLS_ERR_X509_FATAL_ERROR;
}

static void configure(hf_dtls *dtls)
{
    mbedtls_ssl_config *conf = &dtls->conf;
    hf_mbed_conf_protocol(conf);
    mbedtls_ssl_conf_rng(conf, hf_mbed_random, hf_mbed_random_context(dtls->env));
    mbedtls_ssl_conf_ciphersuites(conf, hf_suites);
    hf_bio_configure(conf);

    /* OPTIONAL asks a client for its certificate too; that it came is checked while the handshake runs. */
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_verify(conf, on_verify, dtls);
    mbedtls_ssl_conf_cert_req_ca_list(conf, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);

    mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_extended_master_secret(conf, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
    mbedtls_ssl_conf_dtls_anti_replay(conf, MBEDTLS_SSL_ANTI_REPLAY_ENABLED);
    (void)mbedtls_ssl_conf_dtls_srtp_protection_profiles(conf, srtp_profiles); /* fails on an unknown one alone */
    mbedtls_ssl_conf_dtls_cookies(conf, NULL, NULL, NULL); /* no HelloVerifyRequest: ICE has proved the path */
}

hf_err hf_handshake_init(hf_dtls *dtls)
{
    mbedtls_ssl_config_init(&dtls->conf);
    mbedtls_ssl_init(&dtls->ssl);

    int endpoint = dtls->role == HF_DTLS_CLIENT ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER;
    int err = mbedtls_ssl_config_defaults(&dtls->conf, endpoint, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (err != 0)
        return hf_mbed_err(err);
    configure(dtls);

    hf_certificate *own = hf_certificate_plain(dtls->certificate);
    err = mbedtls_ssl_conf_own_cert(&dtls->conf, &own->shown, &own->key);
    if (err == 0)
        err = mbedtls_ssl_setup(&dtls->ssl, &dtls->conf);
    if (err != 0)
        return hf_mbed_err(err);
    mbedtls_ssl_set_mtu(&dtls->ssl, (uint16_t)dtls->mtu);
    hf_bio_attach(&dtls->bio, &dtls->ssl);
    return HF_OK;
}

void hf_handshake_clear(hf_dtls *dtls)
{
    mbedtls_ssl_free(&dtls->ssl);
    mbedtls_ssl_config_free(&dtls->conf);
}

bool hf_handshake_awaits_hello(const hf_dtls *dtls)
{
    return dtls->role == HF_DTLS_SERVER && hf_mbed_state(&dtls->ssl) <= MBEDTLS_SSL_CLIENT_HELLO;
}

/* RFC 6347 §4.1.2.7: invalid records are discarded and the association goes on. mbedTLS makes an exception while it waits
 * for Finished, so that one forged record could end a handshake; its state is untouched then, and the true Finished still
 * fits. */
static bool is_harmless(int err)
{
    return err == MBEDTLS_ERR_SSL_INVALID_MAC || err == MBEDTLS_ERR_SSL_INVALID_RECORD ||
           err == MBEDTLS_ERR_SSL_UNEXPECTED_RECORD;
}

/* A ClientHello that makes sense, from a client with which we have nothing in common. */
static bool is_no_common_ground(int err)
{
    return err == MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN || err == MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE ||
           err == MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION;
}

static hf_handshake_result judge(hf_dtls *dtls, int err, bool awaited_hello, hf_err *cause)
{
    if (is_harmless(err)) {
        hf_dtls_drop(dtls, HF_DROP_DTLS_RECORD, 0);
        hf_bio_drop_alert(&dtls->bio);
        return HF_HANDSHAKE_WAITS;
    }
    /* Nothing was answered yet, so junk in place of a ClientHello costs nothing: begin anew. */
    if (awaited_hello && !is_no_common_ground(err)) {
        hf_dtls_drop(dtls, HF_DROP_DTLS_MALFORMED, 0);
        hf_bio_drop_alert(&dtls->bio);
        err = mbedtls_ssl_session_reset(&dtls->ssl);
        if (err == 0)
            return HF_HANDSHAKE_WAITS;
    }
    hf_log(dtls->env, HF_LOG_INFO, "dtls: handshake failed in state %d with -0x%04x", hf_mbed_state(&dtls->ssl),
           (unsigned)-err);
    *cause = dtls->peer_mismatched ? HF_EFINGERPRINT : err == MBEDTLS_ERR_SSL_TIMEOUT ? HF_ETIMEDOUT : hf_mbed_err(err);
    return HF_HANDSHAKE_FAILED;
}

/* An empty Certificate message passes mbedTLS's OPTIONAL; it does not pass here. */
static bool is_client_without_certificate(const hf_dtls *dtls)
{
    return dtls->role == HF_DTLS_SERVER && hf_mbed_state(&dtls->ssl) > MBEDTLS_SSL_CLIENT_CERTIFICATE &&
           hf_mbed_state(&dtls->ssl) <= MBEDTLS_SSL_HANDSHAKE_OVER && !dtls->peer_verified;
}

hf_handshake_result hf_handshake_run(hf_dtls *dtls, hf_err *cause)
{
    /* When its timer has run out mbedTLS sends again before it reads, and asks for input that is already there. */
    for (int again = 1; hf_mbed_state(&dtls->ssl) != MBEDTLS_SSL_HANDSHAKE_OVER;) {
        bool awaited_hello = hf_handshake_awaits_hello(dtls);
        int err = mbedtls_ssl_handshake_step(&dtls->ssl);
        if (is_client_without_certificate(dtls)) {
            dtls->peer_mismatched = true;
            (void)mbedtls_ssl_send_alert_message(&dtls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
            err = MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE;
        }
        if (err == 0 || (err == MBEDTLS_ERR_SSL_WANT_READ && dtls->bio.in_len > 0 && again-- > 0))
            continue;
        if (err == MBEDTLS_ERR_SSL_WANT_READ)
            return HF_HANDSHAKE_WAITS;
        return judge(dtls, err, awaited_hello, cause);
    }
    return HF_HANDSHAKE_DONE;
}
