/* control.c: what does not fit. What messages mean is in tests/corpus/protocol (vectors.c). */
#include "control.h"

#include "env.h"

#include <criterion/criterion.h>

static const hf_control_received largest = {.channel = {.incarnation = HF_VARINT_MAX >> 1, .of_writer = true},
                                            .received = 1,
                                            .window = HF_VARINT_MAX,
                                            .message_max = HF_VARINT_MAX};

Test(control, an_item_without_room_is_not_written)
{
    uint8_t bytes[HF_CONTROL_ITEM_MAX];
    hf_ranges none = {0};
    hf_writer w = hf_writer_of(bytes, HF_CONTROL_ITEM_MAX - 1);
    cr_expect_not(hf_control_write_received(&w, &largest, &none));
    cr_expect(w.ok && w.len == 0, "what was written before is good");
    w = hf_writer_of(bytes, HF_CONTROL_ITEM_MAX);
    cr_expect(hf_control_write_received(&w, &largest, &none));
}

/* Ten ranges of sixteen bytes each. */
Test(control, ranges_without_room_are_left_out)
{
    test_env t;
    hf_env *env = test_env_init(&t, 1);
    uint8_t bytes[1 + HF_CONTROL_ITEM_MAX + 160];
    hf_ranges ranges = {0};
    for (uint64_t i = 1; i <= 10; i++) {
        hf_range range = {.first = i << 36, .last = (i << 36) + (1ull << 35)};
        cr_assert_eq(hf_ranges_add(&ranges, env, range, 10), HF_OK);
    }
    for (size_t room = 0; room <= 160; room++) {
        hf_control message;
        hf_control_received item;
        hf_range range;
        hf_writer w = hf_writer_of(bytes, 1 + HF_CONTROL_ITEM_MAX + room);
        hf_control_write_ack(&w);
        cr_assert(hf_control_write_received(&w, &largest, &ranges));
        cr_assert_eq(hf_control_read(hf_bytes_of(bytes, w.len), &message), HF_OK);
        cr_assert(hf_control_next_received(&message.u.ack.received, &item));
        size_t n = 0;
        for (; hf_control_next_range(&item.ranges, &range); n++)
            cr_assert(range.first == ranges.items[n].first && range.last == ranges.items[n].last);
        cr_expect_eq(n, (room + 7) / 16, "the item has seven bytes less than the longest");
    }
    hf_ranges_clear(&ranges, env);
}

Test(control, ranges_beyond_a_number_are_left_out)
{
    test_env t;
    hf_env *env = test_env_init(&t, 1);
    static uint8_t bytes[HF_CONTROL_MESSAGE_MAX];
    hf_ranges ranges = {0};
    for (uint64_t i = 0; i < HF_CONTROL_RANGES_MAX + 1; i++)
        cr_assert_eq(hf_ranges_add(&ranges, env, (hf_range){3 + 2 * i, 3 + 2 * i}, 100), HF_OK);
    hf_writer w = hf_writer_of(bytes, sizeof bytes);
    hf_control message;
    hf_control_received item;
    hf_range range;
    hf_control_write_ack(&w);
    cr_assert(hf_control_write_received(&w, &largest, &ranges));
    cr_assert_eq(hf_control_read(hf_bytes_of(bytes, w.len), &message), HF_OK);
    cr_assert(hf_control_next_received(&message.u.ack.received, &item));
    size_t n = 0;
    while (hf_control_next_range(&item.ranges, &range))
        n++;
    cr_expect_eq(n, HF_CONTROL_RANGES_MAX);
    hf_ranges_clear(&ranges, env);
}

Test(control, a_message_of_the_greatest_length_is_read_and_a_longer_one_is_not)
{
    static uint8_t bytes[HF_CONTROL_MESSAGE_MAX + 1] = {200};
    hf_control message;
    cr_expect_eq(hf_control_read(hf_bytes_of(bytes, HF_CONTROL_MESSAGE_MAX), &message), HF_OK);
    cr_expect_eq(hf_control_read(hf_bytes_of(bytes, HF_CONTROL_MESSAGE_MAX + 1), &message), HF_ESYNTAX);
}
