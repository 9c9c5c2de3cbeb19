/* content.h: what is said: bytes that follow from the message's id, which tells who said it, on which channel, as which. */
#ifndef SIM_CONTENT_H
#define SIM_CONTENT_H

#include "history.h"

/* Shorter ones bear none. In a text it is written in digits. */
#define CONTENT_ID_LEN 8
#define CONTENT_TEXT_ID_LEN 16

/* `channel` as the speaker's history numbers it, below 2^20. */
static inline uint64_t content_id(int party, uint32_t channel, uint64_t sequence)
{
    return (uint64_t)(party + 1) << 60 | (uint64_t)channel << 40 | sequence;
}

static inline int content_party(uint64_t id)
{
    return (int)(id >> 60) - 1;
}

static inline uint32_t content_channel(uint64_t id)
{
    return (uint32_t)(id >> 40) & 0xFFFFF;
}

static inline uint64_t content_sequence(uint64_t id)
{
    return id & 0xFFFFFFFFFF;
}

void content_fill(uint8_t *out, size_t len, hf_message_kind kind, uint64_t id);

/* What the bytes say of themselves. */
message content_read(hf_message_kind kind, const uint8_t *data, size_t len);

#endif
