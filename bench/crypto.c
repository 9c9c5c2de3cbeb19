/* crypto.c: what mbedTLS gives: the two ciphers of records, and a whole handshake, both ends in memory. */
#include "bench.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/gcm.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <stdlib.h>
#include <string.h>

#define RECORD 1200
#define TAG 16

static uint8_t plain[RECORD], sealed[RECORD], opened[RECORD], tag[TAG], key[32], nonce[12], aad[13];

static size_t count(size_t full)
{
    return bench_quick ? full / 20 : full;
}

static void run_gcm(double values[BENCH_FIGURES_MAX])
{
    mbedtls_gcm_context gcm;
    size_t n = count(100000);

    mbedtls_gcm_init(&gcm);
    BENCH_CHECK(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128) == 0);
    double cpu = bench_cpu(), start = bench_now();
    for (size_t i = 0; i < n; i++) {
        memcpy(nonce, &i, sizeof i);
        BENCH_CHECK(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, RECORD, nonce, sizeof nonce, aad, sizeof aad, plain,
                                              sealed, TAG, tag) == 0);
        BENCH_CHECK(mbedtls_gcm_auth_decrypt(&gcm, RECORD, nonce, sizeof nonce, aad, sizeof aad, tag, TAG, sealed, opened) ==
                    0);
    }
    values[0] = (double)(n * RECORD) / 1e6 / (bench_now() - start);
    values[1] = (bench_cpu() - cpu) / ((double)(n * RECORD) / 1e9);
    mbedtls_gcm_free(&gcm);
}

static void run_chachapoly(double values[BENCH_FIGURES_MAX])
{
    mbedtls_chachapoly_context chachapoly;
    size_t n = count(100000);

    mbedtls_chachapoly_init(&chachapoly);
    BENCH_CHECK(mbedtls_chachapoly_setkey(&chachapoly, key) == 0);
    double cpu = bench_cpu(), start = bench_now();
    for (size_t i = 0; i < n; i++) {
        memcpy(nonce, &i, sizeof i);
        BENCH_CHECK(mbedtls_chachapoly_encrypt_and_tag(&chachapoly, RECORD, nonce, aad, sizeof aad, plain, sealed, tag) ==
                    0);
        BENCH_CHECK(mbedtls_chachapoly_auth_decrypt(&chachapoly, RECORD, nonce, aad, sizeof aad, tag, sealed, opened) == 0);
    }
    values[0] = (double)(n * RECORD) / 1e6 / (bench_now() - start);
    values[1] = (bench_cpu() - cpu) / ((double)(n * RECORD) / 1e9);
    mbedtls_chachapoly_free(&chachapoly);
}

/* --- A handshake --- */

#define FLIGHTS 64

/* Datagrams on their way to one end. */
typedef struct wire {
    uint8_t data[FLIGHTS][1500];
    size_t len[FLIGHTS], head, tail;
} wire;

typedef struct end {
    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    wire in;
    struct end *other;
} end;

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_pk_context private_key;
static mbedtls_x509_crt certificate;

static int send_datagram(void *context, const unsigned char *data, size_t len)
{
    wire *w = &((end *)context)->other->in;

    BENCH_CHECK(w->tail - w->head < FLIGHTS && len <= sizeof *w->data);
    memcpy(w->data[w->tail % FLIGHTS], data, len);
    w->len[w->tail++ % FLIGHTS] = len;
    return (int)len;
}

static int receive_datagram(void *context, unsigned char *data, size_t cap)
{
    wire *w = &((end *)context)->in;

    if (w->head == w->tail)
        return MBEDTLS_ERR_SSL_WANT_READ;
    size_t len = w->len[w->head % FLIGHTS];
    BENCH_CHECK(len <= cap);
    memcpy(data, w->data[w->head++ % FLIGHTS], len);
    return (int)len;
}

/* Nothing is lost in memory: timers never fire. */
static void set_delay(void *context, uint32_t intermediate_ms, uint32_t final_ms)
{
    (void)context, (void)intermediate_ms, (void)final_ms;
}

static int get_delay(void *context)
{
    (void)context;
    return 0;
}

/* The fingerprint would be compared here; it costs one hash. */
static int accept_any(void *context, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    (void)context, (void)crt, (void)depth;
    *flags = 0;
    return 0;
}

static void make_certificate(void)
{
    mbedtls_x509write_cert write;
    mbedtls_mpi serial;
    static uint8_t der[4096];

    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&drbg);
    BENCH_CHECK(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) == 0);
    mbedtls_pk_init(&private_key);
    BENCH_CHECK(mbedtls_pk_setup(&private_key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0);
    BENCH_CHECK(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(private_key), mbedtls_ctr_drbg_random, &drbg) ==
                0);

    mbedtls_x509write_crt_init(&write);
    mbedtls_mpi_init(&serial);
    mbedtls_mpi_lset(&serial, 1);
    mbedtls_x509write_crt_set_md_alg(&write, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&write, &private_key);
    mbedtls_x509write_crt_set_issuer_key(&write, &private_key);
    BENCH_CHECK(mbedtls_x509write_crt_set_subject_name(&write, "CN=bench") == 0);
    BENCH_CHECK(mbedtls_x509write_crt_set_issuer_name(&write, "CN=bench") == 0);
    BENCH_CHECK(mbedtls_x509write_crt_set_serial(&write, &serial) == 0);
    BENCH_CHECK(mbedtls_x509write_crt_set_validity(&write, "20200101000000", "20491231235959") == 0);
    int len = mbedtls_x509write_crt_der(&write, der, sizeof der, mbedtls_ctr_drbg_random, &drbg);
    BENCH_CHECK(len > 0);
    mbedtls_x509_crt_init(&certificate);
    BENCH_CHECK(mbedtls_x509_crt_parse_der(&certificate, der + sizeof der - len, (size_t)len) == 0);
    mbedtls_x509write_crt_free(&write);
    mbedtls_mpi_free(&serial);
}

/* As src/dtls sets it up. */
static void end_init(end *e, end *other, int endpoint)
{
    static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
    static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 0};

    memset(e, 0, sizeof *e);
    e->other = other;
    mbedtls_ssl_config_init(&e->conf);
    mbedtls_ssl_init(&e->ssl);
    BENCH_CHECK(
        mbedtls_ssl_config_defaults(&e->conf, endpoint, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) == 0);
    mbedtls_ssl_conf_rng(&e->conf, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_curves(&e->conf, curves);
    mbedtls_ssl_conf_ciphersuites(&e->conf, suites);
    mbedtls_ssl_conf_authmode(&e->conf, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_verify(&e->conf, accept_any, NULL);
    mbedtls_ssl_conf_dtls_cookies(&e->conf, NULL, NULL, NULL);
    BENCH_CHECK(mbedtls_ssl_conf_own_cert(&e->conf, &certificate, &private_key) == 0);
    BENCH_CHECK(mbedtls_ssl_setup(&e->ssl, &e->conf) == 0);
    mbedtls_ssl_set_mtu(&e->ssl, RECORD);
    mbedtls_ssl_set_bio(&e->ssl, e, send_datagram, receive_datagram, NULL);
    mbedtls_ssl_set_timer_cb(&e->ssl, e, set_delay, get_delay);
}

static void end_clear(end *e)
{
    mbedtls_ssl_free(&e->ssl);
    mbedtls_ssl_config_free(&e->conf);
}

static void handshake(end *client, end *server)
{
    bool client_done = false, server_done = false;

    while (!client_done || !server_done) {
        int c = client_done ? 0 : mbedtls_ssl_handshake(&client->ssl);
        int s = server_done ? 0 : mbedtls_ssl_handshake(&server->ssl);

        BENCH_CHECK((c == 0 || c == MBEDTLS_ERR_SSL_WANT_READ) && (s == 0 || s == MBEDTLS_ERR_SSL_WANT_READ));
        client_done = c == 0;
        server_done = s == 0;
    }
}

static void run_handshake(double values[BENCH_FIGURES_MAX])
{
    static double times[200];
    static end client, server;
    size_t n = count(sizeof times / sizeof *times);

    make_certificate();
    double cpu = bench_cpu();
    for (size_t i = 0; i < n; i++) {
        double start = bench_now();

        end_init(&client, &server, MBEDTLS_SSL_IS_CLIENT);
        end_init(&server, &client, MBEDTLS_SSL_IS_SERVER);
        handshake(&client, &server);
        times[i] = (bench_now() - start) * 1e3;
        end_clear(&client);
        end_clear(&server);
    }
    values[2] = (bench_cpu() - cpu) * 1e3 / (double)n;
    values[0] = bench_quantile(times, n, 0.5);
    values[1] = bench_quantile(times, n, 0.95);
}

const bench bench_crypto[] = {
    {"mbedTLS, a record of 1200 B sealed and opened",
     {{"aes-128-gcm", "MB/s", NULL}, {"aes-128-gcm, processor", "s/GB", NULL}},
     run_gcm,
     NULL},
    {"mbedTLS, a record of 1200 B sealed and opened",
     {{"chacha20-poly1305", "MB/s", NULL}, {"chacha20-poly1305, processor", "s/GB", NULL}},
     run_chachapoly,
     NULL},
    {"mbedTLS, a DTLS 1.2 handshake in memory, P-256, both ends",
     {{"handshake, median", "ms", NULL}, {"handshake, 95 %", "ms", NULL}, {"handshake, processor", "ms", NULL}},
     run_handshake,
     NULL},
};
const size_t bench_crypto_len = sizeof bench_crypto / sizeof *bench_crypto;
