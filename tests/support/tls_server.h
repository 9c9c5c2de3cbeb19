/* tls_server.h: a TLS server in memory, and certificates of every kind for it, by mbedTLS. */
#ifndef TEST_TLS_SERVER_H
#define TEST_TLS_SERVER_H

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>

#define TLS_CARD_NAMES_MAX 4

/* What stands in a certificate. Zeroes: valid from 2000 to 2049, for nobody. */
typedef struct tls_recipe {
    const char *subject;                   /* of the name "CN=…"; NULL: "somebody" */
    const char *names[TLS_CARD_NAMES_MAX]; /* dNSName entries */
    const char *ips[TLS_CARD_NAMES_MAX];   /* iPAddress entries, as text */
    const char *from, *until;              /* "20010101000000" */
    bool is_authority;                     /* may sign others */
    bool is_for_clients;                   /* and for nothing else */
} tls_recipe;

/* A certificate with its key, a P-256 one. */
typedef struct tls_card {
    mbedtls_pk_context key;
    mbedtls_x509_crt certificate;
    char pem[2048];
    char key_pem[512];
} tls_card;

/* `signer` NULL: signed by itself. */
void tls_card_make(tls_card *card, const tls_recipe *recipe, const tls_card *signer);
void tls_card_clear(tls_card *card);

#define TLS_SERVER_BYTES_MAX (1 << 20)

typedef struct tls_server_bytes {
    unsigned char memory[TLS_SERVER_BYTES_MAX];
    size_t len;
} tls_server_bytes;

typedef struct tls_server {
    mbedtls_ssl_config conf; /* may be changed until the first input */
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt shown;
    tls_server_bytes in, out;
    bool is_open, has_failed, is_closed;
    char asked_for[256]; /* the name in the client's hello (RFC 6066 §3) */
} tls_server;

/* Shows the certificates of `chain`, its own first; NULL ends it. */
void tls_server_init(tls_server *server, const tls_card *const *chain);
void tls_server_clear(tls_server *server);

void tls_server_input(tls_server *server, const void *bytes, size_t len);
size_t tls_server_transmit(tls_server *server, void *out, size_t cap);
size_t tls_server_read(tls_server *server, void *out, size_t cap);
bool tls_server_write(tls_server *server, const void *bytes, size_t len);
void tls_server_close(tls_server *server); /* close_notify */

#endif
