/* frame.c: headers of parts, written and read. */
#include "frame.h"

#include <assert.h>

/* The first byte; the other bits are 0. */
#define PART_BITS 0x03
#define TEXT_BIT 0x04

static_assert(HF_MESSAGE_MAX_LIMIT <= HF_FRAME_LENGTH_MAX, "the longest message has a length that can be written");

static bool has_number(hf_delivery delivery, hf_part part)
{
    return delivery != HF_DELIVERY_ORDERED || part == HF_PART_WHOLE || part == HF_PART_FIRST;
}

static bool has_offset(hf_delivery delivery, hf_part part)
{
    return delivery == HF_DELIVERY_UNORDERED && (part == HF_PART_MIDDLE || part == HF_PART_LAST);
}

static bool has_length(hf_delivery delivery, hf_part part)
{
    return part == HF_PART_FIRST || (delivery == HF_DELIVERY_UNORDERED && part == HF_PART_MIDDLE);
}

size_t hf_frame_write_header(uint8_t out[HF_FRAME_HEADER_MAX], hf_delivery delivery, const hf_frame *frame)
{
    hf_writer w = hf_writer_of(out, HF_FRAME_HEADER_MAX);
    hf_write_u8(&w, (uint8_t)((unsigned)frame->part | (frame->kind == HF_TEXT ? TEXT_BIT : 0)));
    if (has_number(delivery, frame->part))
        hf_write_varint(&w, frame->number);
    if (has_offset(delivery, frame->part))
        hf_write_varint(&w, frame->offset);
    if (has_length(delivery, frame->part))
        hf_write_varint(&w, frame->length);
    assert(w.ok);
    return w.len;
}

/* A part of a message that was cut is not empty, is not all of it, and the last one alone reaches its end. */
static bool is_cut_well(const hf_frame *frame, bool has_offset)
{
    uint64_t end = (uint64_t)frame->offset + frame->payload.len;
    switch (frame->part) {
    case HF_PART_WHOLE:
        return true;
    case HF_PART_FIRST:
        return frame->payload.len > 0 && end < frame->length;
    case HF_PART_MIDDLE:
        return frame->payload.len > 0 && (!has_offset || (frame->offset > 0 && end < frame->length));
    case HF_PART_LAST:
        return frame->payload.len > 0 && (!has_offset || frame->offset > 0);
    }
    return false;
}

hf_err hf_frame_read(hf_bytes bytes, hf_delivery delivery, hf_frame *out)
{
    hf_reader r = hf_reader_of(bytes);
    uint8_t flags = hf_read_u8(&r);
    hf_part part = (hf_part)(flags & PART_BITS);
    bool numbered = has_number(delivery, part), placed = has_offset(delivery, part);
    uint64_t number = numbered ? hf_read_varint(&r) : 0;
    uint64_t offset = placed ? hf_read_varint(&r) : 0;
    uint64_t length = has_length(delivery, part) ? hf_read_varint(&r) : 0;
    if (part == HF_PART_WHOLE || (placed && part == HF_PART_LAST))
        length = offset + r.rest.len; /* neither is above 2^62 */

    bool fits = offset <= HF_FRAME_LENGTH_MAX && length <= HF_FRAME_LENGTH_MAX;
    if (!r.ok || (flags & ~(PART_BITS | TEXT_BIT)) != 0 || (numbered && number == 0) || !fits ||
        (delivery == HF_DELIVERY_FRESH && part != HF_PART_WHOLE))
        return HF_ESYNTAX;
    *out = (hf_frame){.part = part,
                      .kind = (flags & TEXT_BIT) != 0 ? HF_TEXT : HF_BINARY,
                      .number = number,
                      .offset = (uint32_t)offset,
                      .length = (uint32_t)length,
                      .payload = r.rest};
    return is_cut_well(out, placed) ? HF_OK : HF_ESYNTAX;
}
