/* frame.c: what stands in front of a part. */
#include "frame.h"
#include "corpus.h"

#include <criterion/criterion.h>
#include <string.h>

Test(frame, the_longest_header_has_room)
{
    hf_frame frame = {
        .part = HF_PART_MIDDLE, .number = HF_VARINT_MAX, .offset = HF_FRAME_LENGTH_MAX - 1, .length = HF_FRAME_LENGTH_MAX};
    uint8_t out[HF_FRAME_HEADER_MAX];
    cr_expect_eq(hf_frame_write_header(out, HF_DELIVERY_UNORDERED, &frame), HF_FRAME_HEADER_MAX);
}

Test(frame, what_is_written_is_read_again)
{
    static const uint8_t payload[] = "part";
    static const uint64_t numbers[] = {1, 63, 64, 16383, 16384, (1u << 30) - 1, 1u << 30, HF_VARINT_MAX};
    for (int delivery = HF_DELIVERY_ORDERED; delivery <= HF_DELIVERY_FRESH; delivery++) {
        for (int part = HF_PART_WHOLE; part <= (delivery == HF_DELIVERY_FRESH ? HF_PART_WHOLE : HF_PART_LAST); part++) {
            for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                uint8_t bytes[HF_FRAME_HEADER_MAX + sizeof payload];
                hf_frame frame = {.part = (hf_part)part, .kind = i % 2 == 0 ? HF_TEXT : HF_BINARY, .number = numbers[i]};
                frame.offset = part == HF_PART_WHOLE || part == HF_PART_FIRST ? 0 : 70000;
                frame.length = part == HF_PART_WHOLE || part == HF_PART_LAST ? frame.offset + 4 : 100000;
                size_t len = hf_frame_write_header(bytes, (hf_delivery)delivery, &frame);
                memcpy(bytes + len, payload, 4);
                hf_frame out;
                cr_assert_eq(hf_frame_read(hf_bytes_of(bytes, len + 4), (hf_delivery)delivery, &out), HF_OK);
                bool numbered = delivery != HF_DELIVERY_ORDERED || part == HF_PART_WHOLE || part == HF_PART_FIRST;
                bool placed = delivery == HF_DELIVERY_UNORDERED;
                cr_expect_eq(out.part, frame.part);
                cr_expect_eq(out.kind, frame.kind);
                cr_expect_eq(out.number, numbered ? frame.number : 0);
                cr_expect_eq(out.offset, placed ? frame.offset : 0);
                cr_expect_eq(out.length, numbered || placed ? frame.length : 0);
                cr_expect(hf_bytes_equal(out.payload, hf_bytes_of(payload, 4)));
            }
        }
    }
}
