/* trust.c: authorities from PEM text. */
#include "trust.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

/* What distributions ship has some 200 KiB, in 140 certificates. */
#define PEM_MAX ((size_t)8 << 20)

/* One by one: a certificate that mbedTLS can't read must not cost those behind it. How many could be read, or an error below
 * zero. */
static int read_all(mbedtls_x509_crt *list, char *text)
{
    int count = 0;

    for (char *at = strstr(text, BEGIN), *end; at && (end = strstr(at, END)); at = strstr(end, BEGIN)) {
        end += strlen(END);
        char kept = *end;
        *end = '\0';
        int err = mbedtls_x509_crt_parse(list, (const uint8_t *)at, (size_t)(end - at) + 1);
        *end = kept;
        if (err == MBEDTLS_ERR_X509_ALLOC_FAILED)
            return err;
        count += err == 0;
    }
    return count;
}

hf_err hf_trust_add(hf_trust *trust, const char *pem, size_t len)
{
    if (!trust || !pem)
        return HF_EINVAL;
    if (len > PEM_MAX)
        return HF_ECERTIFICATE;
    char *text = hf_alloc_text(trust->env, pem, len);
    if (!text)
        return HF_ENOMEM;
    int count = read_all(&trust->authorities, text);
    hf_dealloc(trust->env, text);
    return count > 0 ? HF_OK : count == 0 ? HF_ECERTIFICATE : HF_ENOMEM;
}

hf_err hf_trust_new(hf_trust **out, const char *pem, size_t len, const hf_env *env)
{
    if (!out || !hf_env_is_usable(env))
        return HF_EINVAL;
    *out = NULL;
    hf_trust *trust = hf_alloc(env, sizeof *trust);
    if (!trust)
        return HF_ENOMEM;
    trust->env = env;
    mbedtls_x509_crt_init(&trust->authorities);
    hf_err err = hf_trust_add(trust, pem, len);
    if (err != HF_OK) {
        hf_trust_free(trust);
        return err;
    }
    *out = trust;
    return HF_OK;
}

void hf_trust_free(hf_trust *trust)
{
    if (!trust)
        return;
    mbedtls_x509_crt_free(&trust->authorities);
    hf_dealloc(trust->env, trust);
}

mbedtls_x509_crt *hf_trust_authorities(const hf_trust *trust)
{
    union {
        const hf_trust *trust;
        hf_trust *plain;
    } cast = {.trust = trust};
    return &cast.plain->authorities;
}
