/* key.c: the keys of long-term credentials (RFC 8489 §9.2.2, §18.5.1). */
#include "stun_priv.h"

#include "digest.h"

#include <string.h>

/* user ":" realm ":" password; a writer that is not ok says that they are longer than HF_STUN_CREDENTIALS_MAX. */
static hf_writer join(hf_bytes user, hf_bytes realm, hf_bytes password, uint8_t out[HF_STUN_CREDENTIALS_MAX])
{
    hf_writer w = hf_writer_of(out, HF_STUN_CREDENTIALS_MAX);
    hf_write_bytes(&w, user);
    hf_write_u8(&w, ':');
    hf_write_bytes(&w, realm);
    hf_write_u8(&w, ':');
    hf_write_bytes(&w, password);
    return w;
}

bool hf_stun_long_term_key_md5(hf_bytes user, hf_bytes realm, hf_bytes password, uint8_t out[16])
{
    uint8_t joined[HF_STUN_CREDENTIALS_MAX];
    hf_writer w = join(user, realm, password, joined);
    if (w.ok)
        hf_md5(hf_bytes_of(joined, w.len), out);
    explicit_bzero(joined, sizeof joined);
    return w.ok;
}

bool hf_stun_long_term_key_sha256(hf_bytes user, hf_bytes realm, hf_bytes password, uint8_t out[32])
{
    uint8_t joined[HF_STUN_CREDENTIALS_MAX];
    hf_writer w = join(user, realm, password, joined);
    if (w.ok)
        hf_sha256(hf_bytes_of(joined, w.len), out);
    explicit_bzero(joined, sizeof joined);
    return w.ok;
}
