/* dtls.c: two ends of mbedTLS, and their handshake in memory. */
#include "dtls.h"

#include "bench.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <string.h>

#define DATAGRAM 1200

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_pk_context private_key;
static mbedtls_x509_crt certificate;

static int send_datagram(void *context, const unsigned char *data, size_t len)
{
    bench_dtls *to = ((bench_dtls *)context)->other;

    BENCH_CHECK(to->tail - to->head < BENCH_FLIGHT_MAX && len <= sizeof *to->flight);
    memcpy(to->flight[to->tail % BENCH_FLIGHT_MAX], data, len);
    to->lens[to->tail++ % BENCH_FLIGHT_MAX] = len;
    return (int)len;
}

static int receive_datagram(void *context, unsigned char *data, size_t cap)
{
    bench_dtls *e = context;

    if (e->head == e->tail)
        return MBEDTLS_ERR_SSL_WANT_READ;
    size_t len = e->lens[e->head % BENCH_FLIGHT_MAX];
    BENCH_CHECK(len <= cap);
    memcpy(data, e->flight[e->head++ % BENCH_FLIGHT_MAX], len);
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

void bench_dtls_prepare(void)
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

static void init(bench_dtls *e, bench_dtls *other, int endpoint)
{
    static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
    static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 0};

    e->other = other;
    e->head = e->tail = 0;
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
    mbedtls_ssl_set_mtu(&e->ssl, DATAGRAM);
    mbedtls_ssl_set_bio(&e->ssl, e, send_datagram, receive_datagram, NULL);
    mbedtls_ssl_set_timer_cb(&e->ssl, e, set_delay, get_delay);
}

void bench_dtls_clear(bench_dtls *e)
{
    mbedtls_ssl_free(&e->ssl);
    mbedtls_ssl_config_free(&e->conf);
}

void bench_dtls_connect(bench_dtls *client, bench_dtls *server)
{
    bool client_done = false, server_done = false;

    init(client, server, MBEDTLS_SSL_IS_CLIENT);
    init(server, client, MBEDTLS_SSL_IS_SERVER);
    while (!client_done || !server_done) {
        int c = client_done ? 0 : mbedtls_ssl_handshake(&client->ssl);
        int s = server_done ? 0 : mbedtls_ssl_handshake(&server->ssl);

        BENCH_CHECK((c == 0 || c == MBEDTLS_ERR_SSL_WANT_READ) && (s == 0 || s == MBEDTLS_ERR_SSL_WANT_READ));
        client_done = c == 0;
        server_done = s == 0;
    }
}
