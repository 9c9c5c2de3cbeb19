/* turn_stream.h: where messages begin and end in a stream between TURN client and server: STUN tells its length, ChannelData
 * too, and is padded to a multiple of four (RFC 8489 §6.2.2, RFC 8656 §12.5). Pure. */
#ifndef HF_TURN_STREAM_H
#define HF_TURN_STREAM_H

#include "stun.h"

#include <holdfast/io.h>

/* What one direction of a stream has brought so far. Zeroes are its beginning. */
typedef struct hf_turn_deframer {
    uint8_t held[HF_DATAGRAM_MAX + 4]; /* a message that was cut: as much as there is */
    size_t held_len;
} hf_turn_deframer;

typedef enum hf_turn_deframed {
    HF_TURN_DEFRAMED_NOTHING = 0, /* more bytes are needed */
    HF_TURN_DEFRAMED_MESSAGE,
    HF_TURN_DEFRAMED_BROKEN /* neither STUN nor ChannelData, or longer than HF_DATAGRAM_MAX: close the stream */
} hf_turn_deframed;

/* Takes bytes off the front of `*rest` (moving both on) up to the end of the next message, given without padding. It stays
 * valid until the next call and as long as those bytes; it may be overwritten. */
hf_turn_deframed hf_turn_deframe(hf_turn_deframer *deframer, uint8_t **rest, size_t *rest_len, uint8_t **message,
                                 size_t *message_len);

#endif
