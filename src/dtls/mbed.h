/* mbed.h: what differs between mbedTLS 2.28 and 3.6, and nothing else. The rest of the layer uses calls that both have. */
#ifndef HF_DTLS_MBED_H
#define HF_DTLS_MBED_H

#include <holdfast/base.h>

#include <mbedtls/ssl.h>

/* The randomness that mbedTLS asks for; `context` is a const hf_env. */
int hf_mbed_random(void *context, unsigned char *out, size_t len);

/* The same function with the environment as mbedTLS wants it: it takes a plain pointer, and only reads through it. */
void *hf_mbed_random_context(const hf_env *env);

/* `pem` is `len` bytes that end with a NUL. */
int hf_mbed_parse_key(mbedtls_pk_context *key, const uint8_t *pem, size_t len, const hf_env *env);

bool hf_mbed_is_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *private_key, const hf_env *env);

/* TLS or DTLS 1.2 and no other version, curves in order of preference, signatures with SHA-256 or better. */
void hf_mbed_conf_protocol(mbedtls_ssl_config *conf);

/* How far the handshake is, a mbedtls_ssl_states. */
int hf_mbed_state(const mbedtls_ssl_context *ssl);

/* HF_OK for 0, HF_ENOMEM, or HF_EDTLS. */
hf_err hf_mbed_err(int err);

#endif
