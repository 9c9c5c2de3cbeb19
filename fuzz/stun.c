/* stun.c: reads any datagram as STUN, asks for everything, and writes what was found again: the copy must say the same. */
#include "stun.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = {
#define X(name, number) HF_STUN_##name,
    HF_STUN_ATTRIBUTE_MAP(X)
#undef X
};
#define TYPES_LEN (sizeof types / sizeof *types)

static bool is_digest(uint16_t type)
{
    return type == HF_STUN_MESSAGE_INTEGRITY || type == HF_STUN_MESSAGE_INTEGRITY_SHA256 || type == HF_STUN_FINGERPRINT;
}

static void ask(const hf_stun_message *message)
{
    for (size_t i = 0; i < TYPES_LEN; i++) {
        hf_bytes value = {NULL, 0};
        uint32_t u32;
        uint64_t u64;
        hf_addr addr;
        bool found = hf_stun_find(message, types[i], &value);
        demand(!found || (value.data >= message->whole.data + HF_STUN_HEADER_SIZE &&
                          value.data + value.len <= message->whole.data + message->whole.len));
        demand(hf_stun_get_u32(message, types[i], &u32) == (found && value.len == 4));
        demand(hf_stun_get_u64(message, types[i], &u64) == (found && value.len == 8));
        if (hf_stun_get_xor_address(message, types[i], &addr))
            demand(found && (value.len == 8 || value.len == 20));
    }

    unsigned code;
    hf_bytes reason;
    if (hf_stun_get_error(message, &code, &reason))
        demand(code >= 300 && code <= 699);

    uint16_t unknown[8];
    size_t n = hf_stun_unknown(message, NULL, 0, unknown, 8);
    demand(n <= 8);
    for (size_t i = 0; i < n; i++)
        demand(unknown[i] <= 0x7FFF);
}

/* No input is signed with this key, unless the fuzzer breaks HMAC. */
static void verify(const hf_stun_message *message)
{
    static const uint8_t key[] = "nobody signs with this";
    demand(!hf_stun_verify_integrity(message, hf_bytes_of(key, sizeof key)));
    demand(!hf_stun_verify_integrity256(message, hf_bytes_of(key, sizeof key)));
}

static void copy(const hf_stun_message *message)
{
    static uint8_t buffer[HF_STUN_HEADER_SIZE + UINT16_MAX];
    hf_bytes key = hf_bytes_of(message->id, HF_STUN_ID_SIZE), before, after;
    hf_stun_message again;

    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, message->class_, message->method, message->id);
    for (size_t i = 0; i < TYPES_LEN; i++) {
        if (!is_digest(types[i]) && hf_stun_find(message, types[i], &before))
            hf_stun_add(&s, types[i], before);
    }
    hf_stun_add_integrity(&s, key);
    hf_stun_add_integrity256(&s, key);
    hf_stun_add_fingerprint(&s);
    size_t len = hf_stun_end(&s);
    if (len == 0)
        return; /* it was nearly 64 KiB, and has no room for the digests */

    demand(hf_stun_is_message(hf_bytes_of(buffer, len)) && hf_stun_read(hf_bytes_of(buffer, len), &again));
    demand(hf_stun_verify_integrity(&again, key) && hf_stun_verify_integrity256(&again, key));
    demand(again.class_ == message->class_ && again.method == message->method);
    for (size_t i = 0; i < TYPES_LEN; i++) {
        if (!is_digest(types[i]) && hf_stun_find(message, types[i], &before))
            demand(hf_stun_find(&again, types[i], &after) && hf_bytes_equal(before, after));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_stun_message message;
    if (!hf_stun_read(hf_bytes_of(data, size), &message))
        return 0;
    demand(hf_stun_is_message(message.whole));
    ask(&message);
    verify(&message);
    copy(&message);
    return 0;
}
