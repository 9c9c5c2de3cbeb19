/* digest.h: hashes and HMAC, by mbedTLS. */
#ifndef HF_DIGEST_H
#define HF_DIGEST_H

#include <holdfast/base.h>

void hf_md5(hf_bytes message, uint8_t out[16]);
void hf_sha256(hf_bytes message, uint8_t out[32]);

/* HMAC over the parts one behind the other. False: out of memory; `out` is then zeroed. */
HF_CHECKED bool hf_hmac_sha1(hf_bytes key, const hf_bytes *parts, size_t n, uint8_t out[20]);
HF_CHECKED bool hf_hmac_sha256(hf_bytes key, const hf_bytes *parts, size_t n, uint8_t out[32]);

#endif
