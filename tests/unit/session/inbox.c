/* inbox.c: its bounds, its windows, parts for the application, and memory that runs out. What frames mean is in
 * tests/corpus/protocol (vectors.c); that nothing is lost or doubled, in resume.c. */
#include "inbox.h"
#include "outbox.h"

#include "env.h"

#include <holdfast/channel.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FIRST HF_CHANNEL_WINDOW_FIRST

static test_env t;

static void box_init(hf_inbox *box, hf_delivery delivery, size_t window_max, size_t message_max)
{
    hf_inbox_init(box, test_env_init(&t, 1), delivery, window_max, message_max);
}

static void box_clear(hf_inbox *box)
{
    hf_inbox_clear(box);
    cr_expect_eq(t.blocks, 0);
}

/* Takes a frame with `len` bytes of payload, 'a', 'b', and so on. */
static hf_err take(hf_inbox *box, hf_frame frame, size_t len, hf_inbox_piece *pass, bool *passed)
{
    static uint8_t bytes[HF_FRAME_HEADER_MAX + FIRST + 1];
    size_t head = hf_frame_write_header(bytes, box->delivery, &frame);
    for (size_t i = 0; i < len; i++)
        bytes[head + i] = (uint8_t)('a' + (frame.offset + i) % 26);
    return hf_inbox_take(box, hf_bytes_of(bytes, head + len), pass, passed);
}

static hf_err whole(hf_inbox *box, uint64_t number, size_t len)
{
    return take(box, (hf_frame){.number = number}, len, NULL, NULL);
}

/* A part of message `number`, from `offset` on, of `length` bytes together. */
static hf_err part(hf_inbox *box, uint64_t number, size_t offset, size_t len, size_t length)
{
    hf_frame frame = {.number = number, .offset = (uint32_t)offset, .length = (uint32_t)length};
    frame.part = offset == 0 ? HF_PART_FIRST : offset + len < length ? HF_PART_MIDDLE : HF_PART_LAST;
    return take(box, frame, len, NULL, NULL);
}

/* What the application gets now: "<ab|cd>|<x>|!": first and last as brackets, a discard as '!'. */
static const char *drain(hf_inbox *box)
{
    static char all[2048];
    size_t len = 0;
    hf_inbox_piece piece;
    all[0] = 0;
    while (hf_inbox_next(box, &piece)) {
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s%.*s%s", len ? "|" : "", piece.first ? "<" : "",
                                (int)piece.bytes.len, piece.discarded ? "" : (const char *)piece.bytes.data,
                                piece.discarded ? "!"
                                : piece.last    ? ">"
                                                : "");
        hf_inbox_release(box);
    }
    return all;
}

Test(inbox, passes_on_what_need_not_wait_without_a_copy)
{
    hf_inbox box;
    hf_inbox_piece piece;
    bool passed;
    box_init(&box, HF_DELIVERY_ORDERED, 1000, 500);
    box.in_parts = true;
    cr_assert_eq(take(&box, (hf_frame){.number = 1}, 3, &piece, &passed), HF_OK);
    cr_expect(passed && piece.first && piece.last && piece.bytes.len == 3);
    cr_assert_eq(take(&box, (hf_frame){.part = HF_PART_FIRST, .number = 2, .length = 5}, 3, &piece, &passed), HF_OK);
    cr_expect(passed && piece.first && !piece.last);
    cr_assert_eq(take(&box, (hf_frame){.part = HF_PART_LAST}, 2, &piece, &passed), HF_OK);
    cr_expect(passed && !piece.first && piece.last);
    cr_expect_eq(t.allocations, 0);
    cr_expect_eq(box.received, 2);

    cr_assert_eq(whole(&box, 3, 1), HF_OK);
    cr_assert_eq(take(&box, (hf_frame){.number = 4}, 1, &piece, &passed), HF_OK);
    cr_expect_not(passed, "another waits before it");
    cr_expect_str_eq(drain(&box), "<a>|<a>");
    box_clear(&box);
}

Test(inbox, allocates_once_for_a_message_of_many_parts)
{
    hf_inbox box;
    for (int in_parts = 0; in_parts < 2; in_parts++) {
        box_init(&box, HF_DELIVERY_ORDERED, 1000, 500);
        box.in_parts = in_parts;
        for (size_t i = 0; i < 10; i++)
            cr_assert_eq(part(&box, 1, i, 1, 10), HF_OK);
        cr_expect_eq(t.allocations, 1);
        cr_expect_str_eq(drain(&box), "<abcdefghij>");
        box_clear(&box);
    }
}

Test(inbox, hands_parts_on_as_they_come)
{
    hf_inbox box;
    hf_inbox_piece piece;
    bool passed;
    box_init(&box, HF_DELIVERY_ORDERED, 1000, 500);
    box.in_parts = true;
    cr_assert_eq(part(&box, 1, 0, 2, 9), HF_OK);
    cr_expect_str_eq(drain(&box), "<ab");
    cr_expect_str_eq(drain(&box), "", "nothing is left, and the message is not whole");
    cr_assert_eq(part(&box, 1, 2, 2, 9), HF_OK);
    cr_assert_eq(part(&box, 1, 4, 2, 9), HF_OK);
    cr_expect_str_eq(drain(&box), "cdef");
    cr_assert_eq(take(&box, (hf_frame){.part = HF_PART_LAST, .offset = 6}, 3, &piece, &passed), HF_OK);
    cr_expect_str_eq(drain(&box), "ghi>");
    cr_expect_eq(box.waiting, 0);

    cr_assert_eq(take(&box, (hf_frame){.part = HF_PART_FIRST, .number = 2, .length = 4}, 1, &piece, &passed), HF_OK);
    cr_assert(passed && piece.first);
    cr_assert_eq(part(&box, 2, 1, 2, 4), HF_OK);
    cr_expect_str_eq(drain(&box), "bc", "the first part was passed on");
    cr_assert_eq(part(&box, 2, 3, 1, 4), HF_OK);
    cr_expect_str_eq(drain(&box), "d>");

    box.in_parts = false;
    cr_assert_eq(part(&box, 3, 0, 2, 4), HF_OK);
    box.in_parts = true; /* from the next message on */
    cr_expect_str_eq(drain(&box), "");
    cr_assert_eq(part(&box, 3, 2, 2, 4), HF_OK);
    cr_expect_str_eq(drain(&box), "<abcd>");
    box_clear(&box);
}

Test(inbox, says_discarded_only_to_those_who_have_had_a_part)
{
    hf_inbox box;
    hf_inbox_piece piece;
    bool passed;
    box_init(&box, HF_DELIVERY_ORDERED, 1000, 500);
    box.in_parts = true;
    cr_assert_eq(part(&box, 1, 0, 2, 9), HF_OK);
    hf_inbox_forget_partials(&box);
    cr_expect_str_eq(drain(&box), "", "it was not seen");

    cr_assert_eq(part(&box, 1, 0, 2, 9), HF_OK);
    cr_expect_str_eq(drain(&box), "<ab");
    cr_assert_eq(part(&box, 1, 2, 2, 9), HF_OK);
    hf_inbox_forget_partials(&box);
    cr_assert_eq(part(&box, 1, 0, 1, 9), HF_OK);
    cr_expect_str_eq(drain(&box), "!|<a", "what waited of it went, too");

    hf_inbox_forget_partials(&box);
    hf_inbox_forget_partials(&box);
    cr_expect_not(hf_inbox_is_empty(&box));
    cr_expect_str_eq(drain(&box), "!", "once");

    cr_assert_eq(take(&box, (hf_frame){.part = HF_PART_FIRST, .number = 1, .length = 5}, 3, &piece, &passed), HF_OK);
    cr_assert(passed);
    cr_assert_eq(part(&box, 1, 3, 1, 5), HF_OK);
    hf_inbox_forget_partials(&box);
    cr_expect_str_eq(drain(&box), "!", "the first part was passed on");
    cr_expect(hf_inbox_is_empty(&box));
    box_clear(&box);
}

Test(inbox, what_is_shown_stays_when_the_connection_goes)
{
    hf_inbox box;
    hf_inbox_piece piece;
    box_init(&box, HF_DELIVERY_ORDERED, 1000, 500);
    box.in_parts = true;
    cr_assert_eq(part(&box, 1, 0, 2, 9), HF_OK);
    cr_assert(hf_inbox_next(&box, &piece));
    hf_inbox_forget_partials(&box);
    cr_expect(hf_bytes_equal_text(piece.bytes, "ab"), "AddressSanitizer looks, too");
    hf_inbox_release(&box);
    cr_expect_str_eq(drain(&box), "!");
    box_clear(&box);
}

Test(inbox, a_remote_that_ignores_the_window_is_stopped_at_twice_its_size)
{
    for (int delivery = HF_DELIVERY_ORDERED; delivery <= HF_DELIVERY_UNORDERED; delivery++) {
        hf_inbox box;
        uint64_t number = 0;
        box_init(&box, (hf_delivery)delivery, 1000, 500); /* before it has heard so, the remote has a larger one */
        while (box.waiting + 500 <= 2 * FIRST)
            cr_assert_eq(whole(&box, ++number, 500), HF_OK);
        cr_expect_eq(whole(&box, number + 1, 500), HF_ELIMIT);
        cr_expect_eq(part(&box, number + 1, 0, 1, 500), HF_ELIMIT);
        cr_expect_eq(whole(&box, number + 1, 2 * FIRST - box.waiting), HF_OK, "to the last byte");
        cr_expect_eq(whole(&box, number + 2, 0), HF_ELIMIT, "an empty one counts, too");
        box_clear(&box);
    }
}

Test(inbox, what_is_being_put_together_counts_as_if_it_were_whole)
{
    hf_inbox box;
    box_init(&box, HF_DELIVERY_UNORDERED, 1000, FIRST);
    cr_assert_eq(box.window_max, FIRST, "a message always fits in the end");
    cr_assert_eq(part(&box, 1, 0, 1, FIRST), HF_OK);
    cr_assert_eq(part(&box, 2, 0, 1, FIRST - 65), HF_OK);
    cr_expect_eq(whole(&box, 3, 66), HF_ELIMIT);
    cr_expect_eq(whole(&box, 3, 65), HF_OK);
    cr_expect_eq(whole(&box, 4, 0), HF_ELIMIT);
    box_clear(&box);
}

Test(inbox, gaps_are_bounded)
{
    hf_inbox box;
    uint64_t number = 0;
    box_init(&box, HF_DELIVERY_UNORDERED, FIRST, 500);
    hf_err err;
    do {
        err = whole(&box, number += 2, 0);
        drain(&box);
    } while (err == HF_OK);
    cr_expect_eq(err, HF_ELIMIT);
    cr_expect_eq(box.ranges.len, 2 * FIRST / HF_MESSAGE_COST_MIN);
    cr_expect_eq(whole(&box, 3, 0), HF_OK, "it fills a gap");
    cr_expect_eq(box.waiting, HF_MESSAGE_COST_MIN);
    box_clear(&box);
}

Test(inbox, gaps_within_messages_are_bounded_with_them)
{
    hf_inbox box;
    box_init(&box, HF_DELIVERY_UNORDERED, FIRST, FIRST);
    hf_err err = HF_OK;
    size_t n = 0;
    for (size_t offset = 1; err == HF_OK && offset < FIRST - 2; offset += 2, n++)
        err = part(&box, 1, offset, 1, FIRST);
    cr_expect_eq(err, HF_ELIMIT);
    cr_expect_eq(n, 2 * FIRST / HF_MESSAGE_COST_MIN + 1);
    hf_inbox_forget_partials(&box);
    cr_expect_eq(box.gaps + box.partial + box.partials_len, 0);
    box_clear(&box);
}

Test(inbox, messages_that_are_put_together_are_bounded)
{
    hf_inbox box;
    uint64_t number = 0;
    box_init(&box, HF_DELIVERY_UNORDERED, FIRST, 500);
    hf_err err;
    do
        err = part(&box, ++number, 0, 1, 2);
    while (err == HF_OK);
    cr_expect_eq(err, HF_ELIMIT);
    cr_expect_eq(number, HF_INBOX_PARTIALS_MAX + 1);
    box_clear(&box);
}

Test(inbox, a_fresh_channel_drops_what_waits_longest)
{
    hf_inbox box;
    hf_inbox_piece piece;
    box_init(&box, HF_DELIVERY_FRESH, 256, 100);
    for (uint64_t i = 1; i <= 3; i++)
        cr_assert_eq(whole(&box, i, i), HF_OK);
    cr_assert(hf_inbox_next(&box, &piece));
    for (uint64_t i = 4; i <= 6; i++)
        cr_assert_eq(whole(&box, i, i), HF_OK);
    cr_expect_eq(box.late, 2);
    cr_expect_eq(piece.bytes.data[0], 'a', "what is shown stays");
    cr_expect_str_eq(drain(&box), "<a>|<abcd>|<abcde>|<abcdef>");
    box_clear(&box);
}

Test(inbox, owes_an_acknowledgement_for_what_is_new)
{
    hf_inbox box;
    bool soon;
    hf_control_received said;
    box_init(&box, HF_DELIVERY_ORDERED, 4000, 2000);
    cr_expect(hf_inbox_owes_ack(&box, &soon), "the remote does not know the window");
    hf_inbox_report(&box, &said);
    cr_expect(said.received == 0 && said.window == 4000 && said.message_max == 2000);
    cr_expect_not(hf_inbox_owes_ack(&box, &soon));
    cr_assert_eq(whole(&box, 1, 10), HF_OK);
    cr_expect(hf_inbox_owes_ack(&box, &soon) && !soon);
    cr_assert_eq(whole(&box, 2, 4000 / 4 - 65), HF_OK);
    cr_expect(hf_inbox_owes_ack(&box, &soon) && !soon);
    cr_assert_eq(whole(&box, 3, 0), HF_OK);
    cr_expect(hf_inbox_owes_ack(&box, &soon) && soon, "a quarter of the window");
    hf_inbox_report(&box, &said);
    cr_expect(said.received == 3 && said.window == 4000 - 64 - 935 - 64);
    cr_expect_not(hf_inbox_owes_ack(&box, &soon));
    drain(&box);
    cr_expect(hf_inbox_owes_ack(&box, &soon) && soon, "the window has opened by a quarter");
    hf_inbox_report(&box, &said);
    cr_expect_eq(said.window, 4000);
    cr_assert_eq(whole(&box, 4, 10), HF_OK);
    hf_inbox_report(&box, &said);
    drain(&box);
    cr_expect(hf_inbox_owes_ack(&box, &soon) && !soon, "it has opened a little: nobody may wait for ever");
    box_clear(&box);
}

Test(inbox, what_is_described_elsewhere_is_owed_still)
{
    hf_inbox box;
    bool soon;
    hf_control_received said, described;
    box_init(&box, HF_DELIVERY_ORDERED, 4000, 2000);
    cr_assert_eq(whole(&box, 1, 10), HF_OK);
    hf_inbox_describe(&box, &described);
    cr_expect(hf_inbox_owes_ack(&box, &soon), "the HELLO of a connection that comes to nothing acknowledges nothing");
    hf_inbox_report(&box, &said);
    cr_expect(said.received == described.received && said.window == described.window &&
              said.message_max == described.message_max);
    cr_expect_not(hf_inbox_owes_ack(&box, &soon));
    box_clear(&box);
}

Test(inbox, a_fresh_channel_owes_nothing)
{
    hf_inbox box;
    bool soon;
    box_init(&box, HF_DELIVERY_FRESH, 4000, 2000);
    cr_assert_eq(whole(&box, 1, 10), HF_OK);
    cr_expect_not(hf_inbox_owes_ack(&box, &soon));
    cr_expect(hf_inbox_has_all(&box, 9));
    box_clear(&box);
}

Test(inbox, knows_when_it_has_all)
{
    hf_inbox box;
    box_init(&box, HF_DELIVERY_UNORDERED, 4000, 2000);
    cr_expect(hf_inbox_has_all(&box, 0));
    cr_expect_not(hf_inbox_has_all(&box, 1));
    cr_assert_eq(whole(&box, 2, 1), HF_OK);
    cr_expect_not(hf_inbox_has_all(&box, 2));
    cr_assert_eq(whole(&box, 1, 1), HF_OK);
    cr_expect(hf_inbox_has_all(&box, 2));
    box_clear(&box);
}

Test(inbox, begins_anew_with_what_waits)
{
    hf_inbox box;
    box_init(&box, HF_DELIVERY_UNORDERED, 4000, 2000);
    cr_assert_eq(whole(&box, 1, 1), HF_OK);
    cr_assert_eq(whole(&box, 3, 2), HF_OK);
    cr_assert_eq(part(&box, 4, 0, 1, 3), HF_OK);
    hf_inbox_report(&box, &(hf_control_received){0});
    hf_inbox_begin_anew(&box, HF_DELIVERY_UNORDERED);
    cr_expect(hf_inbox_owes_ack(&box, &(bool){false}), "whoever is new does not know the window");
    cr_assert_eq(whole(&box, 1, 3), HF_OK);
    cr_expect_str_eq(drain(&box), "<a>|<ab>|<abc>");
    cr_expect_eq(box.received, 1);
    box_clear(&box);
}

Test(inbox, begins_anew_with_another_delivery)
{
    hf_inbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 4000, 2000);
    box.in_parts = true;
    cr_assert_eq(part(&box, 1, 0, 2, 9), HF_OK);
    cr_expect_str_eq(drain(&box), "<ab");
    hf_inbox_begin_anew(&box, HF_DELIVERY_UNORDERED);
    cr_assert_eq(whole(&box, 2, 1), HF_OK);
    cr_expect_str_eq(drain(&box), "!|<a>", "the end of what was begun comes first");
    box_clear(&box);
}

/* After an HF_ENOMEM the connection goes, and the remote sends all again that is not here. */
static void run_short_of_memory(hf_delivery delivery, bool in_parts)
{
    for (size_t n = 1; test_env_next_failure(&t, n, 1); n++) {
        hf_inbox box;
        char all[64] = "";
        hf_inbox_init(&box, &t.env, delivery, 4000, 2000);
        box.in_parts = in_parts;
        for (int attempt = 0; attempt < 3; attempt++) {
            hf_err err = whole(&box, 1, 1);
            err = err == HF_OK ? part(&box, 2, 0, 1, 3) : err;
            err = err == HF_OK ? part(&box, 2, 1, 1, 3) : err;
            err = err == HF_OK ? part(&box, 2, 2, 1, 3) : err;
            err = err == HF_OK ? whole(&box, 3, 2) : err;
            cr_assert(err == HF_OK || err == HF_ENOMEM);
            strcat(strcat(all, all[0] ? " " : ""), drain(&box));
            hf_inbox_forget_partials(&box);
        }
        cr_expect_eq(box.received, 3);
        cr_expect_eq(box.messages, 3);
        box_clear(&box);
    }
}

Test(inbox, survives_that_there_is_no_memory)
{
    run_short_of_memory(HF_DELIVERY_ORDERED, false);
    run_short_of_memory(HF_DELIVERY_ORDERED, true);
    run_short_of_memory(HF_DELIVERY_UNORDERED, false);
}

Test(inbox, survives_that_there_is_no_memory_for_ranges)
{
    for (size_t n = 1; test_env_next_failure(&t, n, 1); n++) {
        hf_inbox box;
        hf_inbox_init(&box, &t.env, HF_DELIVERY_UNORDERED, 4000, 2000);
        for (int attempt = 0; attempt < 2; attempt++) {
            hf_err err = HF_OK;
            for (uint64_t i = 6; err == HF_OK && i > 1; i--)
                err = i % 2 == 0 ? part(&box, i, 0, 1, 2) : whole(&box, i, 1);
            for (uint64_t i = 6; err == HF_OK && i > 1; i -= 2)
                err = part(&box, i, 1, 1, 2);
            cr_assert(err == HF_OK || err == HF_ENOMEM);
            hf_inbox_forget_partials(&box);
        }
        hf_err err = whole(&box, 1, 0);
        cr_expect_eq(err == HF_OK ? HF_OK : whole(&box, 1, 0), HF_OK);
        cr_expect_eq(box.received, 6);
        box_clear(&box);
    }
}

Test(inbox, a_fresh_message_without_memory_is_late)
{
    hf_inbox box;
    box_init(&box, HF_DELIVERY_FRESH, 4000, 2000);
    t.fail_at = 1;
    cr_expect_eq(whole(&box, 1, 1), HF_OK);
    cr_expect_eq(box.late, 1);
    cr_expect_eq(whole(&box, 2, 1), HF_OK);
    cr_expect_str_eq(drain(&box), "<a>");
    box_clear(&box);
}
