/* tls.c: a TLS client over memory, by mbedTLS: what dtls_tls.h promises. */
#include "dtls_tls.h"

#include "alloc.h"
#include "log.h"
#include "mbed.h"
#include "pipe.h"
#include "random.h"
#include "suite.h"
#include "trust.h"

#include <string.h>

struct hf_tls {
    const hf_env *env;
    hf_addr ip; /* what the certificate must be for; family NONE: a name, which mbedTLS compares */
    hf_tls_state state;
    hf_err cause;
    const char *cause_text;

    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    hf_pipe in, out; /* encrypted, both */
};

static void fail(hf_tls *tls, hf_err cause, const char *text)
{
    tls->state = HF_TLS_FAILED;
    tls->cause = cause;
    tls->cause_text = text;
    hf_log(tls->env, HF_LOG_INFO, "tls: %s", text);
}

/* --- The stream, as mbedTLS sees it --- */

static int on_send(void *context, const unsigned char *bytes, size_t len)
{
    hf_tls *tls = context;

    /* What the application sends has room (see hf_tls_write); what may have none is the answers to a server that asks and
     * asks. */
    if (hf_pipe_write(&tls->out, bytes, len) != HF_OK)
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    return (int)len;
}

static int on_receive(void *context, unsigned char *out, size_t cap)
{
    hf_tls *tls = context;
    size_t len = hf_pipe_read(&tls->in, out, cap);

    return len > 0 ? (int)len : MBEDTLS_ERR_SSL_WANT_READ;
}

/* --- Whose certificate it is --- */

/* RFC 9110 §4.3.5, as RFC 2818 §3.1 before: an address is compared with the iPAddress entries, octet by octet, and with
 * nothing else. */
static bool is_for_ip(const mbedtls_x509_crt *certificate, const hf_addr *ip)
{
    size_t len = ip->family == HF_FAMILY_IPV4 ? 4 : 16;

    for (const mbedtls_x509_sequence *at = &certificate->subject_alt_names; at; at = at->next) {
        if ((at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS && at->buf.len == len &&
            memcmp(at->buf.p, ip->ip, len) == 0)
            return true;
    }
    return false;
}

/* Is called for each certificate of the chain, the server's being depth 0, with what mbedTLS found. 2.28 knows no names that
 * are addresses. */
static int on_verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    const hf_tls *tls = context;

    if (depth == 0 && tls->ip.family != HF_FAMILY_NONE && !is_for_ip(certificate, &tls->ip))
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return 0;
}

/* The first that applies is told: what an unknown authority says of dates and names means nothing. */
static const char *describe_flags(uint32_t flags)
{
    static const struct {
        uint32_t flags;
        const char *text;
    } troubles[] = {
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no trusted authority has signed the certificate"},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, "the certificate is for another host"},
        {MBEDTLS_X509_BADCERT_EXPIRED, "the certificate has expired"},
        {MBEDTLS_X509_BADCERT_FUTURE, "the certificate is not valid yet"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
         "the certificate is not one for a server"},
        {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
         "the certificate is signed by weak means"},
    };

    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++)
        if ((flags & troubles[i].flags) != 0)
            return troubles[i].text;
    return "the certificate is not valid";
}

/* --- The handshake --- */

static bool is_x509(int err)
{
    return -err >= 0x2080 && -err < 0x3000; /* x509.h; what it found in the ASN.1 is in the lower bits */
}

/* The first thing that came was no record, or one that is longer than any. */
static bool is_no_tls(const hf_tls *tls, int err)
{
    return hf_mbed_state(&tls->ssl) <= MBEDTLS_SSL_SERVER_HELLO &&
           (err == MBEDTLS_ERR_SSL_INVALID_RECORD || err == MBEDTLS_ERR_SSL_BAD_INPUT_DATA);
}

static void fail_with(hf_tls *tls, int err)
{
    bool was_open = tls->state == HF_TLS_OPEN;

    if (hf_mbed_err(err) == HF_ENOMEM)
        fail(tls, HF_ENOMEM, "there is no memory for it");
    else if (err == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || err == MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE)
        fail(tls, HF_ECERTIFICATE, describe_flags(mbedtls_ssl_get_verify_result(&tls->ssl)));
    else if (is_x509(err))
        fail(tls, HF_ECERTIFICATE, "the certificate can't be read");
    else if (err == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        fail(tls, HF_EDTLS, was_open ? "the server ended it with an alert" : "the server refused the handshake");
    else if (err == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        fail(tls, HF_EDTLS, "the server ended the handshake");
    else if (err == MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION)
        fail(tls, HF_EDTLS, "the server does not speak TLS 1.2");
    else if (is_no_tls(tls, err))
        fail(tls, HF_EDTLS, "the server does not speak TLS");
    else
        fail(tls, HF_EDTLS, was_open ? "what came was not authentic" : "the handshake failed");
}

static void go_on(hf_tls *tls)
{
    int err = mbedtls_ssl_handshake(&tls->ssl);

    if (err == 0)
        tls->state = HF_TLS_OPEN;
    else if (err != MBEDTLS_ERR_SSL_WANT_READ)
        fail_with(tls, err);
}

static void configure(hf_tls *tls, const hf_trust *trust)
{
    mbedtls_ssl_config *conf = &tls->conf;

    hf_mbed_conf_protocol(conf);
    mbedtls_ssl_conf_rng(conf, hf_mbed_random, hf_mbed_random_context(tls->env));
    mbedtls_ssl_conf_ciphersuites(conf, hf_suites);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(conf, hf_trust_authorities(trust), NULL);
    mbedtls_ssl_conf_verify(conf, on_verify, tls);
    mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_extended_master_secret(conf, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
}

/* RFC 6066 §3: a name goes into the hello, without a dot behind it; an address does not. */
static int set_host(hf_tls *tls, const char *host)
{
    char name[MBEDTLS_SSL_MAX_HOST_NAME_LEN + 1];
    size_t len = strlen(host);

    if (hf_addr_parse(host, len, &tls->ip) && tls->ip.port == 0)
        return 0;
    tls->ip = (hf_addr){0};
    memcpy(name, host, len);
    if (name[len - 1] == '.')
        len--;
    name[len] = '\0';
    return mbedtls_ssl_set_hostname(&tls->ssl, name);
}

static int set_up(hf_tls *tls, const char *host, const hf_trust *trust)
{
    int err = mbedtls_ssl_config_defaults(&tls->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT);
    if (err != 0)
        return err;
    configure(tls, trust);
    err = mbedtls_ssl_setup(&tls->ssl, &tls->conf);
    if (err == 0)
        err = set_host(tls, host);
    mbedtls_ssl_set_bio(&tls->ssl, tls, on_send, on_receive, NULL);
    return err;
}

static bool is_host(const char *host)
{
    size_t len = host ? strlen(host) : 0;
    return len > 0 && len <= MBEDTLS_SSL_MAX_HOST_NAME_LEN && strcmp(host, ".") != 0;
}

hf_err hf_tls_new(hf_tls **out, const char *host, const hf_trust *trust, const hf_env *env)
{
    if (!out || !is_host(host) || !hf_env_is_usable(env))
        return HF_EINVAL;
    *out = NULL;
    hf_tls *tls = hf_alloc(env, sizeof *tls);
    if (!tls)
        return HF_ENOMEM;
    tls->env = env;
    hf_pipe_init(&tls->in, HF_TLS_INPUT_MAX, env);
    hf_pipe_init(&tls->out, HF_TLS_PENDING_MAX, env);
    mbedtls_ssl_config_init(&tls->conf);
    mbedtls_ssl_init(&tls->ssl);

    int err = trust ? set_up(tls, host, trust) : 0;
    if (err != 0) {
        hf_tls_free(tls);
        return hf_mbed_err(err);
    }
    if (trust)
        go_on(tls); /* writes the ClientHello */
    else
        fail(tls, HF_ECERTIFICATE, "there are no authorities to trust");
    *out = tls;
    return HF_OK;
}

void hf_tls_free(hf_tls *tls)
{
    if (!tls)
        return;
    mbedtls_ssl_free(&tls->ssl);
    mbedtls_ssl_config_free(&tls->conf);
    hf_pipe_clear(&tls->in);
    hf_pipe_clear(&tls->out);
    hf_dealloc(tls->env, tls);
}

/* --- Bytes --- */

static bool is_over(const hf_tls *tls)
{
    return tls->state == HF_TLS_CLOSED || tls->state == HF_TLS_FAILED;
}

void hf_tls_input(hf_tls *tls, const uint8_t *bytes, size_t len)
{
    if (!tls || is_over(tls))
        return;
    hf_err err = hf_pipe_write(&tls->in, bytes, len);
    if (err != HF_OK)
        fail(tls, err == HF_ENOMEM ? HF_ENOMEM : HF_EDTLS, "more came than could be kept");
    else if (tls->state == HF_TLS_HANDSHAKING)
        go_on(tls);
}

size_t hf_tls_read(hf_tls *tls, uint8_t *out, size_t cap)
{
    if (!tls || tls->state != HF_TLS_OPEN || cap == 0)
        return 0;
    int got = mbedtls_ssl_read(&tls->ssl, out, cap);
    if (got > 0)
        return (size_t)got;
    if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        hf_tls_close(tls); /* RFC 5246 §7.2.1: it is answered in kind */
    else if (got < 0 && got != MBEDTLS_ERR_SSL_WANT_READ)
        fail_with(tls, got);
    return 0;
}

/* Room first: half a record in the stream would be the end of it. */
static hf_err reserve(hf_tls *tls, size_t len)
{
    int record = mbedtls_ssl_get_max_out_record_payload(&tls->ssl);
    int expansion = mbedtls_ssl_get_record_expansion(&tls->ssl);

    if (record <= 0 || expansion < 0)
        return HF_EDTLS;
    if (len > HF_TLS_PENDING_MAX)
        return HF_EAGAIN;
    size_t records = (len + (size_t)record - 1) / (size_t)record;
    hf_err err = hf_pipe_reserve(&tls->out, len + records * (size_t)expansion);
    return err == HF_ELIMIT ? HF_EAGAIN : err;
}

hf_err hf_tls_write(hf_tls *tls, const uint8_t *bytes, size_t len)
{
    if (!tls || tls->state != HF_TLS_OPEN)
        return HF_ESTATE;
    hf_err err = reserve(tls, len);
    while (err == HF_OK && len > 0) {
        int taken = mbedtls_ssl_write(&tls->ssl, bytes, len);
        if (taken <= 0) {
            fail_with(tls, taken);
            return tls->cause;
        }
        bytes += taken;
        len -= (size_t)taken;
    }
    return err;
}

size_t hf_tls_transmit(hf_tls *tls, uint8_t *out, size_t cap)
{
    return tls ? hf_pipe_read(&tls->out, out, cap) : 0;
}

bool hf_tls_has_output(const hf_tls *tls)
{
    return tls && tls->out.len > 0;
}

void hf_tls_close(hf_tls *tls)
{
    if (!tls || is_over(tls))
        return;
    if (tls->state == HF_TLS_OPEN)
        (void)mbedtls_ssl_close_notify(&tls->ssl); /* without room for it the server sees the stream end, and no more */
    tls->state = HF_TLS_CLOSED;
}

hf_tls_state hf_tls_get_state(const hf_tls *tls)
{
    return tls ? tls->state : HF_TLS_CLOSED;
}

hf_err hf_tls_cause(const hf_tls *tls)
{
    return tls ? tls->cause : HF_OK;
}

const char *hf_tls_cause_text(const hf_tls *tls)
{
    return tls && tls->cause_text ? tls->cause_text : "";
}
