/* dtls.h: two ends of mbedTLS, set up as src/dtls does it. */
#ifndef HF_BENCH_DTLS_H
#define HF_BENCH_DTLS_H

#include <mbedtls/ssl.h>

#include <stddef.h>
#include <stdint.h>

#define BENCH_FLIGHT_MAX 64 /* datagrams on their way to one end */

typedef struct bench_dtls {
    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    struct bench_dtls *other;
    uint8_t flight[BENCH_FLIGHT_MAX][1500];
    size_t lens[BENCH_FLIGHT_MAX], head, tail;
} bench_dtls;

/* Makes the certificate that all ends have. */
void bench_dtls_prepare(void);

/* Sets up both ends and connects them in memory. */
void bench_dtls_connect(bench_dtls *client, bench_dtls *server);

void bench_dtls_clear(bench_dtls *end);

#endif
