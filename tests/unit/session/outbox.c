/* outbox.c: what waits, what leaves, what is kept. */
#include "outbox.h"
#include "env.h"

#include <holdfast/channel.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static test_env t;

static void box_init(hf_outbox *box, hf_delivery delivery, size_t kept_max)
{
    hf_outbox_init(box, test_env_init(&t, 1), delivery, kept_max);
    hf_outbox_open(box);
}

static void box_clear(hf_outbox *box)
{
    hf_outbox_clear(box);
    cr_expect_eq(t.blocks, 0);
}

static hf_err push(hf_outbox *box, const char *text)
{
    return hf_outbox_push(box, 0, HF_TEXT, hf_bytes_of_text(text));
}

static hf_err push_long(hf_outbox *box, size_t len)
{
    static const uint8_t zeroes[1 << 20];
    return hf_outbox_push(box, 0, HF_BINARY, hf_bytes_of(zeroes, len));
}

/* Gives all that may go, in parts of `part_max`, and writes it down: "1:hel 1:lo 2:world". */
static const char *give(hf_outbox *box, size_t part_max)
{
    static char all[4096];
    hf_outbox_part part;
    size_t len = 0;
    uint64_t number = 0;
    all[0] = 0;
    while (hf_outbox_peek(box, part_max, &part)) {
        uint8_t bytes[64];
        hf_frame frame;
        memcpy(bytes, part.header, part.header_len);
        memcpy(bytes + part.header_len, part.payload.data, part.payload.len);
        cr_assert_eq(hf_frame_read(hf_bytes_of(bytes, part.header_len + part.payload.len), box->delivery, &frame), HF_OK);
        cr_expect_eq(part.kind, HF_BINARY);
        cr_expect_eq(frame.kind, HF_TEXT);
        number = frame.number ? frame.number : number;
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%d:%.*s", len ? " " : "", (int)number,
                                (int)frame.payload.len, (const char *)frame.payload.data);
        hf_outbox_given(box, part.payload.len);
    }
    return all;
}

static void give_parts(hf_outbox *box, size_t n)
{
    hf_outbox_part part;
    for (size_t i = 0; i < n && hf_outbox_peek(box, 4096, &part); i++)
        hf_outbox_given(box, part.payload.len);
}

/* An item that says so; ranges of three numbers at the most, ended by 0. */
static hf_control_received item(uint64_t received, const uint64_t *numbers, uint64_t window)
{
    static uint8_t bytes[64];
    hf_writer w = hf_writer_of(bytes, sizeof bytes);
    uint64_t after = received;
    for (; numbers && *numbers; numbers++) {
        hf_write_varint(&w, *numbers - after - 2);
        hf_write_varint(&w, 0);
        after = *numbers;
    }
    return (hf_control_received){.received = received,
                                 .ranges = {.rest = hf_bytes_of(bytes, w.len), .after = received},
                                 .window = window,
                                 .message_max = HF_MESSAGE_MAX_DEFAULT};
}

#define WINDOW HF_CHANNEL_WINDOW_DEFAULT

Test(outbox, cuts_messages_into_parts)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    cr_assert_eq(push(&box, "hello"), HF_OK);
    cr_assert_eq(push(&box, ""), HF_OK);
    cr_assert_eq(push(&box, "you"), HF_OK);
    cr_expect_eq(box.queued, 8);
    cr_expect_str_eq(give(&box, 3), "1:hel 1:lo 2: 3:you");
    cr_expect_eq(box.queued, 0);
    cr_expect_eq(box.kept, 8);
    cr_expect_str_eq(give(&box, 3), "");
    box_clear(&box);
}

Test(outbox, gives_again_only_what_the_remote_lacks)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(push(&box, (const char *[]){"one", "two", "three"}[i]), HF_OK);
    give_parts(&box, 2);
    hf_outbox_part part;
    cr_assert(hf_outbox_peek(&box, 2, &part));
    hf_outbox_given(&box, 2);
    cr_assert_eq(push(&box, "four"), HF_OK);

    cr_expect(box.queued == 3 + 4 && box.kept == 3 + 3 + 2);
    hf_outbox_pause(&box);
    cr_expect_not(hf_outbox_peek(&box, 2, &part), "there is no connection");
    cr_expect(box.queued == 15 && box.kept == 0, "all is to be given again");
    cr_assert_eq(push(&box, "five"), HF_OK);
    hf_control_received hello = item(1, NULL, WINDOW);
    cr_assert_eq(hf_outbox_resume(&box, &hello), HF_OK);
    cr_expect_eq(box.replayed, 4);
    cr_expect_eq(box.messages_acked, 1);
    cr_expect_str_eq(give(&box, 100), "2:two 3:three 4:four 5:five");

    hf_outbox_pause(&box);
    cr_assert_eq(hf_outbox_resume(&box, NULL), HF_OK);
    cr_expect_str_eq(give(&box, 100), "2:two 3:three 4:four 5:five", "who says nothing has nothing");
    hello = item(5, NULL, WINDOW);
    cr_assert_eq(hf_outbox_acknowledge(&box, &hello), HF_OK);
    cr_expect_eq(box.len + box.kept + box.queued + box.charged, 0);
    box_clear(&box);
}

Test(outbox, gives_again_what_is_missing_between_ranges)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_UNORDERED, 1000);
    for (int i = 0; i < 7; i++)
        cr_assert_eq(push(&box, (const char *[]){"a", "b", "c", "d", "e", "f", "g"}[i]), HF_OK);
    give_parts(&box, 6);
    hf_control_received hello = item(1, (uint64_t[]){3, 5, 0}, WINDOW);
    hf_outbox_pause(&box);
    cr_assert_eq(hf_outbox_resume(&box, &hello), HF_OK);
    cr_expect_str_eq(give(&box, 100), "2:b 4:d 6:f 7:g");
    hf_control_received ack = item(5, (uint64_t[]){7, 0}, WINDOW);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect_eq(box.len, 1);
    cr_expect_eq(box.oldest, box.newest);
    ack = item(7, NULL, WINDOW);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect_eq(box.len, 0);
    cr_expect_null(box.newest);
    cr_assert_eq(push(&box, "h"), HF_OK);
    cr_expect_str_eq(give(&box, 100), "8:h");
    box_clear(&box);
}

Test(outbox, believes_nothing_beyond_what_was_given)
{
    const struct {
        const char *why;
        hf_delivery delivery;
        uint64_t received, range;
    } rows[] = {
        {"a number that was never given", HF_DELIVERY_ORDERED, 3, 0},
        {"a number far away", HF_DELIVERY_ORDERED, HF_VARINT_MAX, 0},
        {"a message of which a part was given", HF_DELIVERY_UNORDERED, 0, 3},
        {"ranges where there is an order", HF_DELIVERY_ORDERED, 0, 2},
        {"a range beyond", HF_DELIVERY_UNORDERED, 1, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int resume = 0; resume < 2; resume++) {
            hf_outbox box;
            hf_outbox_part part;
            box_init(&box, rows[i].delivery, 1000);
            for (int k = 0; k < 4; k++)
                cr_assert_eq(push(&box, "text"), HF_OK);
            give_parts(&box, 2);
            cr_assert(hf_outbox_peek(&box, 2, &part));
            hf_outbox_given(&box, 2);
            hf_control_received ack = item(rows[i].received, (uint64_t[]){rows[i].range, 0}, 1);
            hf_err err = resume ? hf_outbox_resume(&box, &ack) : hf_outbox_acknowledge(&box, &ack);
            cr_expect_eq(err, HF_EPROTO, "%s", rows[i].why);
            cr_expect(box.len == 4 && box.kept == 10 && box.window == HF_CHANNEL_WINDOW_FIRST && box.next_at == 2, "%s",
                      rows[i].why);
            box_clear(&box);
        }
    }
}

Test(outbox, an_older_word_takes_nothing_back)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(push(&box, "text"), HF_OK);
    give_parts(&box, 3);
    hf_control_received ack = item(2, NULL, 500), older = item(1, NULL, 700);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    hf_outbox_pause(&box);
    cr_assert_eq(hf_outbox_resume(&box, &older), HF_OK);
    cr_expect_eq(box.window, 500);
    cr_expect_str_eq(give(&box, 10), "3:text");
    box_clear(&box);
}

Test(outbox, keeps_to_the_window)
{
    hf_outbox box;
    hf_outbox_part part;
    box_init(&box, HF_DELIVERY_ORDERED, 1 << 20);
    cr_assert_eq(push_long(&box, HF_CHANNEL_WINDOW_FIRST - 64), HF_OK);
    cr_assert_eq(push_long(&box, 0), HF_OK);
    cr_assert_eq(push_long(&box, 1), HF_OK);
    give_parts(&box, 1000);
    cr_expect_eq(box.charged, HF_CHANNEL_WINDOW_FIRST, "an empty one counts, too");
    cr_expect_not(hf_outbox_peek(&box, 10, &part));
    hf_control_received ack = item(1, NULL, 127);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect_not(hf_outbox_peek(&box, 10, &part));
    ack.window = 128;
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect(hf_outbox_peek(&box, 10, &part));
    box_clear(&box);
}

Test(outbox, what_is_begun_is_finished_though_the_window_closes)
{
    hf_outbox box;
    hf_outbox_part part;
    box_init(&box, HF_DELIVERY_ORDERED, 1 << 20);
    cr_assert_eq(push_long(&box, 1), HF_OK);
    cr_assert_eq(push_long(&box, 10000), HF_OK);
    cr_assert_eq(push_long(&box, 1), HF_OK);
    give_parts(&box, 2);
    hf_control_received ack = item(1, NULL, 0);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    give_parts(&box, 100);
    cr_expect_eq(box.queued, 1);
    cr_expect_not(hf_outbox_peek(&box, 10, &part));
    box_clear(&box);
}

Test(outbox, refuses_at_its_limit_and_says_when_there_is_room)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    cr_expect_eq(push_long(&box, 1001), HF_EMSGSIZE);
    cr_expect_eq(push_long(&box, 400), HF_OK);
    cr_expect_eq(push_long(&box, 600), HF_OK);
    cr_expect_eq(push_long(&box, 0), HF_OK, "it has no bytes");
    cr_expect_not(hf_outbox_take_writable(&box), "nothing was refused");
    cr_expect_eq(push_long(&box, 700), HF_EAGAIN);
    give_parts(&box, 100);
    hf_control_received ack = item(1, NULL, WINDOW);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect_not(hf_outbox_take_writable(&box), "above half");
    cr_expect_eq(push_long(&box, 700), HF_EAGAIN);
    ack = item(2, NULL, WINDOW);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect(hf_outbox_take_writable(&box));
    cr_expect_not(hf_outbox_take_writable(&box), "once");
    cr_expect_eq(push_long(&box, 400), HF_OK);
    cr_expect_eq(push_long(&box, 700), HF_EAGAIN);
    cr_expect_not(hf_outbox_take_writable(&box), "it is below half, but there is no room for that one");
    box_clear(&box);
}

Test(outbox, is_writable_at_half)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(push_long(&box, i == 0 ? 1 : i == 3 ? 499 : 250), HF_OK);
    cr_expect_eq(push_long(&box, 1), HF_EAGAIN);
    give_parts(&box, 100);
    for (uint64_t i = 1; i <= 3; i++) {
        hf_control_received ack = item(i, NULL, WINDOW);
        cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
        cr_expect_eq(hf_outbox_take_writable(&box), i == 3, "%zu are left", box.kept);
    }
    box_clear(&box);
}

Test(outbox, empty_messages_are_bounded_too)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 1 << 20);
    uint64_t n = 0;
    while (push_long(&box, 0) == HF_OK)
        n++;
    cr_expect_eq(n, (1 << 20) / HF_MESSAGE_COST_MIN);
    give_parts(&box, n);
    cr_expect_eq(box.sent_last, HF_CHANNEL_WINDOW_FIRST / HF_MESSAGE_COST_MIN);
    hf_control_received ack = item(box.sent_last, NULL, 1 << 20);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect_not(hf_outbox_take_writable(&box), "three quarters are left");
    give_parts(&box, n);
    ack = item(n / 2, NULL, 1 << 20);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_expect(hf_outbox_take_writable(&box));
    box_clear(&box);
}

/* It was received by another connection while this one began to send it again. */
Test(outbox, finishes_an_ordered_message_that_is_acknowledged_half_way)
{
    for (int delivery = HF_DELIVERY_ORDERED; delivery <= HF_DELIVERY_UNORDERED; delivery++) {
        hf_outbox box;
        hf_outbox_part part;
        box_init(&box, (hf_delivery)delivery, 1000);
        cr_assert_eq(push(&box, "one"), HF_OK);
        cr_assert_eq(push(&box, "two"), HF_OK);
        cr_assert_eq(push(&box, "three"), HF_OK);
        give_parts(&box, 3);
        hf_outbox_pause(&box);
        cr_assert_eq(hf_outbox_resume(&box, NULL), HF_OK);
        cr_assert(hf_outbox_peek(&box, 1, &part));
        hf_outbox_given(&box, 1);
        hf_control_received ack = item(2, NULL, WINDOW);
        cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
        cr_expect_str_eq(give(&box, 10), delivery == HF_DELIVERY_ORDERED ? "0:ne 3:three" : "3:three");
        cr_expect_eq(box.messages_acked, 2);
        cr_expect_eq(box.len, 1);
        box_clear(&box);
    }
}

Test(outbox, hands_back_what_is_longer_than_the_remote_takes)
{
    hf_outbox box;
    hf_returned returned;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    hf_outbox_pause(&box);
    cr_assert_eq(push(&box, "short"), HF_OK);
    cr_assert_eq(push(&box, "far too long"), HF_OK);
    cr_assert_eq(push(&box, "brief"), HF_OK);
    cr_assert_eq(push(&box, "much too long"), HF_OK);
    cr_expect_not(hf_outbox_take_too_long(&box, &returned));
    hf_control_received hello = item(0, NULL, WINDOW);
    hello.message_max = 6;
    cr_assert_eq(hf_outbox_resume(&box, &hello), HF_OK);
    cr_expect_eq(push(&box, "longest"), HF_EMSGSIZE);
    cr_assert(hf_outbox_take_too_long(&box, &returned));
    cr_expect(hf_bytes_equal_text(returned.message, "far too long"));
    cr_expect(returned.kind == HF_TEXT && !returned.possibly_delivered);
    hf_dealloc(box.env, returned.memory);
    cr_assert(hf_outbox_take_too_long(&box, &returned));
    hf_dealloc(box.env, returned.memory);
    cr_expect_not(hf_outbox_take_too_long(&box, &returned));
    cr_assert_eq(push(&box, "last"), HF_OK);
    cr_expect_str_eq(give(&box, 10), "1:short 2:brief 3:last", "no number is missing");
    cr_expect_eq(box.number_last, 3);
    box_clear(&box);
}

Test(outbox, a_message_that_is_too_long_is_not_given_before_it_is_taken_back)
{
    hf_outbox box;
    hf_outbox_part part;
    hf_returned returned;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    cr_assert_eq(push(&box, "too long"), HF_OK);
    cr_assert_eq(push(&box, "text"), HF_OK);
    hf_outbox_limit(&box, 4);
    cr_expect_not(hf_outbox_peek(&box, 10, &part));
    cr_assert(hf_outbox_take_too_long(&box, &returned));
    hf_dealloc(box.env, returned.memory);
    cr_expect_str_eq(give(&box, 10), "1:text");
    box_clear(&box);
}

Test(outbox, hands_all_back_and_says_what_was_given)
{
    hf_outbox box;
    hf_returned returned;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    cr_assert_eq(push(&box, "given"), HF_OK);
    cr_assert_eq(push(&box, "half given"), HF_OK);
    cr_assert_eq(push(&box, "not given"), HF_OK);
    hf_outbox_part part;
    for (int i = 0; i < 2; i++) {
        cr_assert(hf_outbox_peek(&box, 5, &part));
        hf_outbox_given(&box, 5);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert(hf_outbox_take_back(&box, &returned));
        cr_expect_eq(returned.possibly_delivered, i < 2);
        hf_dealloc(box.env, returned.memory);
    }
    cr_expect_not(hf_outbox_take_back(&box, &returned));
    cr_expect_eq(box.queued + box.kept + box.charged + box.len, 0);
    hf_outbox_begin_anew(&box);
    cr_assert_eq(push(&box, "new"), HF_OK);
    cr_expect_str_eq(give(&box, 10), "1:new");
    box_clear(&box);
}

Test(outbox, keeps_nothing_on_a_fresh_channel)
{
    hf_outbox box;
    char text[2] = "0";
    box_init(&box, HF_DELIVERY_FRESH, 1 << 20);
    cr_expect_eq(push_long(&box, HF_CHANNEL_PART_MAX + 1), HF_EMSGSIZE);
    for (int i = 0; i < HF_CHANNEL_FRESH_MAX + 2; i++, text[0]++)
        cr_assert_eq(push(&box, text), HF_OK);
    cr_expect_str_eq(give(&box, 1), "3:2 4:3 5:4 6:5 7:6 8:7 9:8 10:9", "the oldest were dropped");
    cr_expect_eq(box.len, 0);
    cr_expect_eq(box.dropped, 2);
    cr_assert_eq(push(&box, "x"), HF_OK);
    hf_outbox_pause(&box);
    cr_assert_eq(push(&box, "said in an outage"), HF_OK);
    cr_expect_eq(box.dropped, 4);
    cr_assert_eq(hf_outbox_resume(&box, NULL), HF_OK);
    cr_assert_eq(push(&box, "y"), HF_OK);
    cr_expect_str_eq(give(&box, 1), "12:y", "late ones are told by their numbers");
    box_clear(&box);
}

Test(outbox, drops_what_has_waited_too_long_on_a_fresh_channel)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_FRESH, 1 << 20);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hf_outbox_push(&box, HF_MS(100 * i), HF_TEXT, hf_bytes_of_text("x")), HF_OK);
    cr_expect_not(hf_outbox_drop_stale(&box, HF_CHANNEL_FRESH_AGE));
    cr_expect(hf_outbox_drop_stale(&box, HF_CHANNEL_FRESH_AGE + HF_MS(100)));
    cr_expect_eq(box.dropped, 1);
    cr_expect_str_eq(give(&box, 1), "2:x 3:x");
    box.lifetime = HF_MS(200);
    cr_assert_eq(hf_outbox_push(&box, HF_SECONDS(5), HF_TEXT, hf_bytes_of_text("y")), HF_OK);
    cr_expect_not(hf_outbox_drop_stale(&box, HF_SECONDS(5) + HF_MS(200)));
    cr_expect(hf_outbox_drop_stale(&box, HF_SECONDS(5) + HF_MS(200) + 1), "a limit of its own");
    cr_expect_eq(box.len + box.queued, 0);
    box_clear(&box);

    box_init(&box, HF_DELIVERY_ORDERED, 1 << 20);
    cr_assert_eq(push(&box, "x"), HF_OK);
    cr_expect_not(hf_outbox_drop_stale(&box, HF_SECONDS(3600)), "what is reliable waits for ever");
    cr_expect_str_eq(give(&box, 1), "1:x");
    box_clear(&box);
}

Test(outbox, gives_a_plain_peer_whole_messages_and_keeps_none)
{
    hf_outbox box;
    hf_outbox_part part;
    box_init(&box, HF_DELIVERY_ORDERED, 1 << 20);
    box.framed = false;
    cr_assert_eq(push(&box, "text"), HF_OK);
    cr_assert_eq(push_long(&box, HF_CHANNEL_WINDOW_FIRST * 2), HF_OK);
    cr_assert(hf_outbox_peek(&box, 1, &part));
    cr_expect(part.header_len == 0 && part.kind == HF_TEXT && hf_bytes_equal_text(part.payload, "text"));
    hf_outbox_given(&box, part.payload.len);
    cr_assert(hf_outbox_peek(&box, 1, &part));
    cr_expect(part.kind == HF_BINARY && part.payload.len == HF_CHANNEL_WINDOW_FIRST * 2);
    hf_outbox_given(&box, part.payload.len);
    cr_expect_eq(t.blocks, 0);
    cr_expect_eq(box.kept + box.charged, 0);
    box_clear(&box);
}

Test(outbox, goes_out_on_another_channel_from_the_first_number_on)
{
    hf_outbox box;
    hf_returned returned;
    box_init(&box, HF_DELIVERY_ORDERED, 1 << 20);
    cr_assert_eq(push(&box, "one"), HF_OK);
    give_parts(&box, 1);
    cr_assert_eq(push_long(&box, HF_CHANNEL_PART_MAX + 1), HF_OK);
    cr_assert_eq(push(&box, "two"), HF_OK);
    hf_outbox_move(&box, HF_DELIVERY_FRESH);
    cr_assert(hf_outbox_take_too_long(&box, &returned));
    hf_dealloc(box.env, returned.memory);
    cr_expect_not(hf_outbox_take_too_long(&box, &returned));
    hf_outbox_open(&box);
    cr_expect_str_eq(give(&box, 1), "1:one 2:two");
    box_clear(&box);
}

Test(outbox, forgets_what_it_was_where_nothing_was_delivered)
{
    hf_outbox box;
    hf_returned returned;
    box_init(&box, HF_DELIVERY_FRESH, 1000);
    cr_assert_eq(push(&box, "gone"), HF_OK);
    give_parts(&box, 1);
    cr_assert_eq(push(&box, "one"), HF_OK);
    hf_outbox_move(&box, HF_DELIVERY_ORDERED);
    hf_outbox_open(&box);
    cr_expect_str_eq(give(&box, 10), "1:one", "numbers have no gap");
    hf_outbox_move(&box, HF_DELIVERY_ORDERED);
    cr_assert(hf_outbox_take_back(&box, &returned));
    cr_expect_not(returned.possibly_delivered);
    hf_dealloc(box.env, returned.memory);
    box_clear(&box);
}

Test(outbox, begins_with_the_first_window_where_the_remote_has_not_heard_of_it)
{
    hf_outbox box;
    box_init(&box, HF_DELIVERY_ORDERED, 1000);
    hf_control_received ack = item(0, NULL, 0);
    cr_assert_eq(hf_outbox_acknowledge(&box, &ack), HF_OK);
    cr_assert_eq(push(&box, "one"), HF_OK);
    cr_expect_str_eq(give(&box, 10), "");
    hf_outbox_pause(&box);
    cr_assert_eq(hf_outbox_resume(&box, NULL), HF_OK);
    cr_expect_str_eq(give(&box, 10), "1:one");
    box_clear(&box);
}

Test(outbox, survives_that_there_is_no_memory)
{
    hf_outbox box;
    for (size_t n = 1; test_env_next_failure(&t, n, 1); n++) {
        hf_outbox_init(&box, &t.env, HF_DELIVERY_ORDERED, 1000);
        hf_outbox_open(&box);
        hf_err one = push(&box, "one"), two = push(&box, "two");
        cr_expect(one == HF_OK || (one == HF_ENOMEM && n == 1));
        cr_expect(two == HF_OK || (two == HF_ENOMEM && n == 2));
        cr_expect_str_eq(give(&box, 10), n == 1 ? "1:two" : n == 2 ? "1:one" : "1:one 2:two");
        box_clear(&box);
    }
}
