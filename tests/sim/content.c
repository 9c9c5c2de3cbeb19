/* content.c: content from an id, and its hash. */
#include "content.h"

#include <string.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void fill_bytes(uint8_t *out, size_t len, uint64_t id)
{
    uint64_t word = id;
    for (size_t at = 0; at < len; at += sizeof word) {
        memcpy(out + at, &word, len - at < sizeof word ? len - at : sizeof word);
        word = mix(id + at * 0x9E3779B97F4A7C15u + 1);
    }
}

static void fill_text(uint8_t *out, size_t len, uint64_t id)
{
    for (size_t at = 0; at < len; at++) {
        unsigned digit = at < CONTENT_TEXT_ID_LEN ? id >> (60 - 4 * at) & 15 : (id + at * at) & 15;
        out[at] = (uint8_t) "0123456789abcdef"[digit];
    }
}

void content_fill(uint8_t *out, size_t len, hf_message_kind kind, uint64_t id)
{
    (kind == HF_TEXT ? fill_text : fill_bytes)(out, len, id);
}

static uint64_t read_id(hf_message_kind kind, const uint8_t *data, size_t len)
{
    uint64_t id = 0;
    if (kind == HF_TEXT && len >= CONTENT_TEXT_ID_LEN) {
        for (int i = 0; i < CONTENT_TEXT_ID_LEN; i++)
            id = id << 4 | (uint64_t)(data[i] <= '9' ? data[i] - '0' : data[i] - 'a' + 10);
    } else if (kind == HF_BINARY && len >= CONTENT_ID_LEN)
        memcpy(&id, data, CONTENT_ID_LEN);
    return id;
}

message content_read(hf_message_kind kind, const uint8_t *data, size_t len)
{
    message m = {.id = read_id(kind, data, len), .hash = len + (uint64_t)kind, .len = (uint32_t)len, .kind = kind};
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, data + at, len - at < sizeof word ? len - at : sizeof word);
        m.hash = mix(m.hash ^ word) + 1;
    }
    return m;
}
