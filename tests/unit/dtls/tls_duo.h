/* tls_duo.h: a client of ours, and a server that shows a chain of certificates, with nothing between them. */
#ifndef TEST_TLS_DUO_H
#define TEST_TLS_DUO_H

#include <dtls_tls.h>
#include <env.h>
#include <tls_server.h>

typedef struct tls_duo {
    test_env env;
    tls_card authority, card; /* who is trusted, and what the server shows */
    hf_trust *trust;
    hf_tls *client;
    tls_server server;
    size_t piece; /* bytes that are handed over at once; 0: all that there are */
} tls_duo;

/* Makes an authority, which is trusted, and a server with a certificate of it; `recipe` NULL: for "turn.example.org". The
 * client looks for `host`. */
void duo_init(tls_duo *duo, const char *host, const tls_recipe *recipe);
void duo_clear(tls_duo *duo); /* expects that nothing leaks */

/* The same in parts. */
void duo_make_authority(tls_duo *duo);
void duo_open(tls_duo *duo, const char *host, const tls_card *const *chain);

/* Carries what both have to say until both are silent. The server reads nothing. */
void duo_run(tls_duo *duo);

/* Expects that the client failed with this. */
void duo_expect_failure(const tls_duo *duo, hf_err cause, const char *text, const char *why);

/* Expects that a text passes in each direction. */
void duo_expect_conversation(tls_duo *duo);

#endif
