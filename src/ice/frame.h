/* frame.h: datagrams in a stream, each behind its length in two bytes (RFC 4571 §2; RFC 6544 §7.1 asks for it on every TCP
 * candidate). Pure. */
#ifndef HF_ICE_FRAME_H
#define HF_ICE_FRAME_H

#include "bytes.h"

#include <holdfast/io.h>

#define HF_FRAME_HEADER_SIZE 2

/* What one direction of a stream has brought so far. Zeroes are its beginning. */
typedef struct hf_deframer {
    uint8_t held[HF_FRAME_HEADER_SIZE + HF_DATAGRAM_MAX]; /* a frame that was cut: as much as there is */
    size_t held_len;
    size_t skip; /* bytes still to come of a frame that is too long */
} hf_deframer;

typedef enum hf_deframed {
    HF_DEFRAMED_NOTHING = 0, /* more bytes are needed */
    HF_DEFRAMED_FRAME,
    HF_DEFRAMED_TOO_LONG /* longer than HF_DATAGRAM_MAX: its bytes will be skipped */
} hf_deframed;

/* Takes bytes off `rest` up to the end of the next frame. `frame` is what stands behind its length, may be empty, and stays
 * valid until the next call and as long as the bytes of `rest`. */
hf_deframed hf_deframe(hf_deframer *deframer, hf_bytes *rest, hf_bytes *frame);

/* How datagrams are wrapped in a stream: the length is written into the HF_FRAME_HEADER_SIZE bytes in front. */
extern const hf_wrap hf_frame_wrap;

#endif
