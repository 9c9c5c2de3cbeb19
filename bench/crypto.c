/* crypto.c: what mbedTLS gives: the two ciphers of records, and a whole handshake, both ends in memory. */
#include "bench.h"

#include "dtls.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>

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

static void run_handshake(double values[BENCH_FIGURES_MAX])
{
    static double times[200];
    static bench_dtls client, server;
    size_t n = count(sizeof times / sizeof *times);

    bench_dtls_prepare();
    double cpu = bench_cpu();
    for (size_t i = 0; i < n; i++) {
        double start = bench_now();

        bench_dtls_connect(&client, &server);
        times[i] = (bench_now() - start) * 1e3;
        bench_dtls_clear(&client);
        bench_dtls_clear(&server);
    }
    values[2] = (bench_cpu() - cpu) * 1e3 / (double)n;
    values[0] = bench_quantile(times, n, 0.5);
    values[1] = bench_quantile(times, n, 0.95);
}

const bench bench_crypto[] = {
    {"mbedTLS, a record of 1200 B sealed and opened",
     {{"aes-128-gcm", "MB/s", NULL}, {"aes-128-gcm, processor", "s/GB", NULL}},
     run_gcm},
    {"mbedTLS, a record of 1200 B sealed and opened",
     {{"chacha20-poly1305", "MB/s", NULL}, {"chacha20-poly1305, processor", "s/GB", NULL}},
     run_chachapoly},
    {"mbedTLS, a DTLS 1.2 handshake in memory, P-256, both ends",
     {{"handshake, median", "ms", NULL}, {"handshake, 95 %", "ms", NULL}, {"handshake, processor", "ms", NULL}},
     run_handshake},
};
const size_t bench_crypto_len = sizeof bench_crypto / sizeof *bench_crypto;
