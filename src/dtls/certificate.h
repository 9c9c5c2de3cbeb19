/* certificate.h: the inside of a hf_certificate, for the handshake. */
#ifndef HF_CERTIFICATE_H
#define HF_CERTIFICATE_H

#include <holdfast/certificate.h>

#include <mbedtls/x509_crt.h>

struct hf_certificate {
    const hf_env *env;
    mbedtls_x509_crt shown;
    mbedtls_pk_context key;
};

/* The same for mbedTLS, which takes plain pointers to what it only reads. */
hf_certificate *hf_certificate_plain(const hf_certificate *certificate);

#endif
