/* stream.c: messages in a stream (RFC 8489 §6.2.2, RFC 8656 §12.5). */
#include "turn_stream.h"

#include <string.h>

/* What tells how long a message is: type or channel, and length. */
#define PREFIX_SIZE 4

/* RFC 8656 §12: "…the first two bits"; 0b00 is STUN, 0b01 ChannelData. Channel numbers end at 0x4FFF by this text, but at
 * 0x7FFF by RFC 5766 §11, which clients still go by. */
static bool is_stun(const uint8_t *prefix)
{
    return (prefix[0] & 0xC0) == 0;
}

static bool is_channel_data(const uint8_t *prefix)
{
    return (prefix[0] & 0xC0) == 0x40;
}

/* The length of the message that begins so, without its padding; 0: none can begin so. */
static size_t length_of(const uint8_t *prefix)
{
    size_t value = (size_t)prefix[2] << 8 | prefix[3];
    size_t len = 0;
    if (is_stun(prefix) && value % 4 == 0)
        len = HF_STUN_HEADER_SIZE + value;
    else if (is_channel_data(prefix))
        len = PREFIX_SIZE + value;
    return len <= HF_DATAGRAM_MAX ? len : 0;
}

static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

static void skip(uint8_t **rest, size_t *rest_len, size_t len)
{
    *rest += len;
    *rest_len -= len;
}

/* Holds bytes until `len` are held; false: they have not all come. */
static bool hold(hf_turn_deframer *d, uint8_t **rest, size_t *rest_len, size_t len)
{
    if (d->held_len<len && * rest_len> 0) {
        size_t missing = len - d->held_len;
        size_t more = missing < *rest_len ? missing : *rest_len;
        memcpy(d->held + d->held_len, *rest, more);
        d->held_len += more;
        skip(rest, rest_len, more);
    }
    return d->held_len >= len;
}

hf_turn_deframed hf_turn_deframe(hf_turn_deframer *d, uint8_t **rest, size_t *rest_len, uint8_t **message,
                                 size_t *message_len)
{
    bool is_cut = d->held_len > 0 || *rest_len < PREFIX_SIZE;
    if (is_cut && !hold(d, rest, rest_len, PREFIX_SIZE))
        return HF_TURN_DEFRAMED_NOTHING;
    size_t len = length_of(is_cut ? d->held : *rest);
    if (len == 0)
        return HF_TURN_DEFRAMED_BROKEN;

    *message_len = len;
    if (!is_cut && *rest_len >= padded(len)) { /* in one piece: looked at where it lies */
        *message = *rest;
        skip(rest, rest_len, padded(len));
        return HF_TURN_DEFRAMED_MESSAGE;
    }
    if (!hold(d, rest, rest_len, padded(len)))
        return HF_TURN_DEFRAMED_NOTHING;
    d->held_len = 0;
    *message = d->held;
    return HF_TURN_DEFRAMED_MESSAGE;
}
