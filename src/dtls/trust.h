/* trust.h: the inside of a hf_trust, for the handshake. */
#ifndef HF_TRUST_H
#define HF_TRUST_H

#include <holdfast/certificate.h>

#include <mbedtls/x509_crt.h>

struct hf_trust {
    const hf_env *env;
    mbedtls_x509_crt authorities; /* the first of a list */
};

/* The list for mbedTLS, which takes a plain pointer to what it only reads. */
mbedtls_x509_crt *hf_trust_authorities(const hf_trust *trust);

#endif
