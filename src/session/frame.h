/* frame.h: what stands in front of each part of a message on a framed channel (docs/protocol.md, "Frames"). Pure. */
#ifndef HF_FRAME_H
#define HF_FRAME_H

#include "bytes.h"

#include <holdfast/datachannel.h>

/* How a channel delivers; it decides what its headers hold. */
typedef enum hf_delivery {
    HF_DELIVERY_ORDERED = 0, /* reliable and in order: a message's number stands in its first part */
    HF_DELIVERY_UNORDERED,   /* reliable: every part bears the message's number and its own place */
    HF_DELIVERY_FRESH        /* not reliable: messages of one part, with a number by which late ones are dropped */
} hf_delivery;

typedef enum hf_part { HF_PART_WHOLE = 0, HF_PART_FIRST, HF_PART_MIDDLE, HF_PART_LAST } hf_part;

/* A field that the header does not have is 0 when it is read, and not looked at when it is written:
 *
 *              ORDERED          UNORDERED                FRESH
 *     WHOLE    number           number                   number
 *     FIRST    number, length   number, length
 *     MIDDLE                    number, offset, length
 *     LAST                      number, offset
 *
 * But where it follows from the others, `length` is there when it is read: of WHOLE, and of LAST with an offset. */
typedef struct hf_frame {
    hf_part part;
    hf_message_kind kind; /* in the header, for all frames travel as binary: a browser would mend the bytes of others */
    uint64_t number;      /* of the message: 1, 2, … */
    uint32_t offset;      /* of the part within it */
    uint32_t length;      /* of the message */
    hf_bytes payload;     /* read: within the frame */
} hf_frame;

#define HF_FRAME_HEADER_MAX 17
#define HF_FRAME_LENGTH_MAX ((1u << 30) - 1) /* of a message: four bytes of varint */

/* Returns the header's length. `payload` is not looked at. */
size_t hf_frame_write_header(uint8_t out[HF_FRAME_HEADER_MAX], hf_delivery delivery, const hf_frame *frame);

/* HF_ESYNTAX: it is none. */
HF_CHECKED hf_err hf_frame_read(hf_bytes bytes, hf_delivery delivery, hf_frame *out);

#endif
