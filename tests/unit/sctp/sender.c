/* sender.c: queues that fill and empty, and channels that share the association fairly. */
#include "pair.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static size_t buffered(const pair_end *end, hf_datachannel channel)
{
    hf_datachannel_info i = {0};
    cr_assert_eq(hf_sctp_channel_info(end->sctp, channel, &i), HF_OK);
    return i.buffered_amount;
}

Test(sctp_sender, says_that_a_channel_is_full_and_when_it_is_not)
{
    static uint8_t bytes[10000];
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.send_buffer_max = 100000});
    size_t n = 0;
    p.cut = true;
    while (pair_send(&p, &p.a, a, bytes, sizeof bytes) == HF_OK)
        n++;
    cr_expect(n >= 10 && n < 20, "%zu", n);
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_EAGAIN);
    cr_expect_leq(buffered(&p.a, a), 100000);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_WRITABLE), 0);
    p.cut = false;
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_WRITABLE, 1, HF_SECONDS(10)));
    cr_expect_leq(buffered(&p.a, a), 50000, "at most half is full");
    pair_run(&p, HF_SECONDS(5));
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_WRITABLE), 1, "told once");
    cr_expect_eq(p.b.messages, n);
    pair_clear(&p);
}

Test(sctp_sender, refuses_messages_that_are_too_long)
{
    static uint8_t bytes[HF_MESSAGE_MAX_DEFAULT + 1];
    pair p;
    pair_init(&p, 1);
    p.remote_a.message_max = 100000;
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    hf_datachannel small = pair_channel(&p, &p.a, &(hf_datachannel_config){.send_buffer_max = 1000});
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, 100001), HF_EMSGSIZE);
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, 100000), HF_OK);
    cr_expect_eq(pair_send(&p, &p.a, small, bytes, 1001), HF_EMSGSIZE);
    cr_expect_eq(pair_send(&p, &p.a, small, bytes, 1000), HF_OK);
    cr_expect_eq(hf_sctp_channel_send(p.a.sctp, p.now, a, (hf_message_kind)9, (hf_bytes){bytes, 1}), HF_EINVAL);
    cr_expect_eq(hf_sctp_channel_send(p.a.sctp, p.now, a, HF_TEXT, (hf_bytes){NULL, 1}), HF_EINVAL);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.b.messages, 2);
    pair_clear(&p);
}

Test(sctp_sender, closes_a_channel_whose_early_message_the_remote_turns_out_not_to_take)
{
    static uint8_t bytes[2000];
    pair p;
    pair_init(&p, 1);
    p.remote_a.message_max = 1000;
    pair_open(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(5)));
    cr_expect_eq(pair_find(&p.a, HF_SCTP_CHANNEL_CLOSED, 0)->event.cause, HF_EMSGSIZE);
    pair_clear(&p);
}

Test(sctp_sender, tells_when_the_queue_falls_to_its_threshold)
{
    static uint8_t bytes[10000];
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_expect_eq(hf_sctp_channel_set_low(p.a.sctp, a, 25000), HF_OK);
    for (int i = 0; i < 10; i++)
        cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
    cr_expect_eq(buffered(&p.a, a), 100000);
    p.delay = HF_MS(100); /* so that the queue empties in steps */
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_LOW, 1, HF_SECONDS(10)));
    cr_expect(buffered(&p.a, a) <= 25000);
    pair_run(&p, HF_SECONDS(5));
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_LOW), 1, "only when it passes the threshold");
    cr_expect_eq(buffered(&p.a, a), 0);
    pair_clear(&p);
}

Test(sctp_sender, tells_it_for_a_message_that_never_had_to_wait)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_MS(100));
    cr_expect_eq(pair_send_text(&p, &p.a, a, "x"), HF_OK);
    cr_expect_eq(buffered(&p.a, a), 0);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_LOW), 1, "W3C: from 1 to the threshold, 0");
    pair_clear(&p);
}

Test(sctp_sender, keeps_in_the_queue_what_the_driver_does_not_take)
{
    static uint8_t bytes[16384];
    hf_bytes message = {bytes, sizeof bytes};
    hf_sctp_facts before, after;
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    for (int i = 0; i < 200; i++) { /* opens the congestion window wide */
        cr_assert_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
        pair_run(&p, i % 20 == 19 ? HF_MS(500) : 0);
    }
    hf_sctp_get_facts(p.a.sctp, &before);
    cr_assert_eq(before.bytes_acked, before.bytes_given);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(hf_sctp_channel_send(p.a.sctp, p.now, a, HF_BINARY, message), HF_OK);
    hf_sctp_get_facts(p.a.sctp, &after);
    cr_expect_geq(after.bytes_given - before.bytes_given, 60000, "a run is ready");
    cr_expect_leq(after.bytes_given - before.bytes_given, 65536 + sizeof bytes, "and little more");
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.b.messages, 220);
    pair_clear(&p);
}

/* RFC 9260 §6.2: a SACK may be 200 ms late, which is as long as the handshake's retransmission timer. */
Test(sctp_sender, repeats_nothing_in_the_beginning)
{
    static const hf_span delays[] = {HF_MS(1), HF_MS(10), HF_MS(40), HF_MS(100), HF_MS(300)};
    static const hf_span pauses[] = {HF_MS(30), HF_MS(70), HF_MS(150), HF_MS(230)};
    for (size_t i = 0; i < 5 * 4; i++) {
        hf_sctp_facts a, b;
        pair p;
        pair_init(&p, i);
        p.delay = delays[i / 4];
        p.remote_a.rtt = p.remote_b.rtt = 2 * p.delay;
        pair_open(&p);
        hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
        pair_start(&p);
        for (int n = 0; n < 30; n++) {
            cr_assert_eq(pair_send_text(&p, &p.a, channel, "now and then"), HF_OK);
            pair_run(&p, pauses[i % 4]);
        }
        pair_run(&p, HF_SECONDS(3));
        hf_sctp_get_facts(p.a.sctp, &a);
        hf_sctp_get_facts(p.b.sctp, &b);
        cr_expect_eq(p.b.messages, 30);
        cr_expect_eq(a.retransmissions + b.retransmissions, 0, "delay %d ms, pause %d ms: %d + %d",
                     (int)(p.delay / HF_MS(1)), (int)(pauses[i % 4] / HF_MS(1)), (int)a.retransmissions,
                     (int)b.retransmissions);
        pair_clear(&p);
    }
}

/* Keeps the bulk channel full. */
static void refill(pair *p, pair_end *end, const hf_sctp_event *event)
{
    static uint8_t bytes[65536];
    size_t size = *(const size_t *)p->context;
    if (event->type == HF_SCTP_CHANNEL_OPEN || event->type == HF_SCTP_CHANNEL_WRITABLE)
        while (hf_sctp_channel_send(end->sctp, p->now, 1, HF_BINARY, (hf_bytes){bytes, size}) == HF_OK)
            continue;
}

/* A link of 5 MB/s with 10 ms each way, modelled by what may leave in a millisecond, would need a queue; here it is the
 * window that limits. What counts is that a small message is not behind the backlog. */
Test(sctp_sender, lets_a_small_message_pass_a_backlog)
{
    static const size_t sizes[] = {1024, 16384, 65536};
    for (size_t i = 0; i < 3; i++) {
        pair p;
        pair_init(&p, 1);
        size_t size = sizes[i];
        p.context = &size;
        p.a.on_event = refill;
        pair_open(&p);
        cr_assert_eq(pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "bulk"}), 1);
        hf_datachannel ping = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "ping"});
        pair_start(&p);
        p.lost = 2; /* keeps the window small, so that there always is a backlog */
        pair_run(&p, HF_SECONDS(2));
        hf_span worst = 0;
        for (int n = 0; n < 20; n++) {
            size_t seen = p.b.events_len;
            hf_time sent = p.now;
            cr_assert_eq(pair_send_text(&p, &p.a, ping, "ping"), HF_OK);
            bool came = false;
            while (!came && p.now < sent + HF_SECONDS(5)) {
                pair_run(&p, HF_MS(1));
                for (; seen < p.b.events_len; seen++)
                    came = came || (p.b.events[seen].event.type == HF_SCTP_CHANNEL_MESSAGE && p.b.events[seen].len == 4);
                if (p.b.events_len > PAIR_EVENTS_MAX / 2)
                    p.b.events_len = seen = 0;
            }
            if (p.now - sent > worst)
                worst = p.now - sent;
            pair_run(&p, HF_MS(50));
            p.a.events_len = p.b.events_len = 0;
        }
        cr_expect_leq(worst, HF_MS(300), "bulk of %zu: %d ms", size, (int)(worst / 1000));
        cr_expect_gt(p.b.bytes, 1000000, "the bulk runs beside: %zu", p.b.bytes);
        pair_clear(&p);
    }
}

Test(sctp_sender, shares_among_channels_in_turn)
{
    static uint8_t bytes[16384];
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel channels[4];
    for (size_t i = 0; i < 4; i++)
        channels[i] = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    for (size_t i = 0; i < 4; i++)
        for (int n = 0; n < 20; n++)
            cr_assert_eq(pair_send(&p, &p.a, channels[i], bytes, sizeof bytes), HF_OK);
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 40, HF_SECONDS(10)));
    size_t counts[8] = {0};
    for (size_t n = 0; n < 40; n++)
        counts[pair_find(&p.b, HF_SCTP_CHANNEL_MESSAGE, n)->event.channel % 8]++;
    for (size_t i = 0; i < 8; i++)
        cr_expect(counts[i] == 0 || (counts[i] >= 9 && counts[i] <= 11), "%zu of 40", counts[i]);
    pair_clear(&p);
}
