/* suite.h: the cipher suites that are offered and taken, in DTLS and in TLS. */
#ifndef HF_DTLS_SUITE_H
#define HF_DTLS_SUITE_H

#include <mbedtls/ssl.h>

/* In order of preference; the last is 0. */
extern const int hf_suites[];

/* IANA's name of the one that was agreed; "": none yet. Static. */
const char *hf_suite_name(const mbedtls_ssl_context *ssl);

#endif
