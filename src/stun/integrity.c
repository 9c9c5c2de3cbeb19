/* integrity.c: MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.5, §14.6). */
#include "stun_priv.h"

#include "digest.h"

/* RFC 8489 §14.6: the value "MUST be at least 16 bytes, and MUST be a multiple of 4 bytes", at most 32. */
#define INTEGRITY256_SIZE_MIN 16

typedef bool hmac_function(hf_bytes key, const hf_bytes *parts, size_t n, uint8_t *out);

static bool hmac_sha1(hf_bytes key, const hf_bytes *parts, size_t n, uint8_t *out)
{
    return hf_hmac_sha1(key, parts, n, out);
}

static bool hmac_sha256(hf_bytes key, const hf_bytes *parts, size_t n, uint8_t *out)
{
    return hf_hmac_sha256(key, parts, n, out);
}

/* RFC 8489 §14.5: the HMAC covers the message up to the attribute at `at`, with a length in the header that ends with
 * the attribute, whose value has `value_len` bytes. */
static bool compute(hmac_function *hmac, hf_bytes key, hf_bytes whole, size_t at, size_t value_len, uint8_t *out)
{
    uint8_t length[2];
    hf_writer w = hf_writer_of(length, sizeof length);
    hf_write_u16(&w, (uint16_t)(at - HF_STUN_HEADER_SIZE + STUN_ATTRIBUTE_HEADER_SIZE + value_len));

    const hf_bytes parts[] = {
        hf_bytes_of(whole.data, 2),
        hf_bytes_of(length, sizeof length),
        hf_bytes_of(whole.data + 4, at - 4),
    };
    return hmac(key, parts, sizeof parts / sizeof *parts, out);
}

/* An empty key authenticates nobody: whoever calls with one does not know the password yet. */
static bool verify(hmac_function *hmac, const hf_stun_message *message, size_t at, hf_bytes key, hf_bytes value)
{
    uint8_t expected[STUN_INTEGRITY256_SIZE];
    return key.len > 0 && compute(hmac, key, message->whole, at, value.len, expected) &&
           hf_bytes_equal_secret(value, hf_bytes_of(expected, value.len));
}

bool hf_stun_verify_integrity(const hf_stun_message *message, hf_bytes key)
{
    hf_bytes value;
    if (message->integrity_at == 0 || !hf_stun_find(message, HF_STUN_MESSAGE_INTEGRITY, &value))
        return false;
    return value.len == STUN_INTEGRITY_SIZE && verify(hmac_sha1, message, message->integrity_at, key, value);
}

bool hf_stun_verify_integrity256(const hf_stun_message *message, hf_bytes key)
{
    hf_bytes value;
    if (message->integrity256_at == 0 || !hf_stun_find(message, HF_STUN_MESSAGE_INTEGRITY_SHA256, &value))
        return false;
    if (value.len < INTEGRITY256_SIZE_MIN || value.len > STUN_INTEGRITY256_SIZE || value.len % 4 != 0)
        return false;
    return verify(hmac_sha256, message, message->integrity256_at, key, value);
}

static void add(hf_stun_writer *s, uint16_t type, hmac_function *hmac, hf_bytes key, size_t value_len)
{
    uint8_t value[STUN_INTEGRITY256_SIZE];
    if (!s->w.ok)
        return; /* there may be no header to cover */
    if (key.len == 0 || !compute(hmac, key, hf_bytes_of(s->w.data, s->w.len), s->w.len, value_len, value)) {
        s->w.ok = false;
        return;
    }
    hf_stun_add(s, type, hf_bytes_of(value, value_len));
}

void hf_stun_add_integrity(hf_stun_writer *s, hf_bytes key)
{
    add(s, HF_STUN_MESSAGE_INTEGRITY, hmac_sha1, key, STUN_INTEGRITY_SIZE);
}

void hf_stun_add_integrity256(hf_stun_writer *s, hf_bytes key)
{
    add(s, HF_STUN_MESSAGE_INTEGRITY_SHA256, hmac_sha256, key, STUN_INTEGRITY256_SIZE);
}
