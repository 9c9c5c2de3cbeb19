/* receiver.c: what the remote may make us keep. */
#include "pair.h"

#include <criterion/criterion.h>
#include <sctp_priv.h>

#include <stdlib.h>
#include <string.h>

Test(sctp_receiver, ends_the_association_on_a_message_longer_than_announced)
{
    static uint8_t bytes[100001];
    pair p;
    pair_init(&p, 1);
    p.config_b.message_max = 100000; /* less than a DCEP message may have: the limit is the data's own */
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, 100000), HF_OK);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.b.messages, 1);
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, 100001), HF_OK);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_DOWN, 1, HF_SECONDS(5)));
    cr_expect_eq(pair_find(&p.b, HF_SCTP_DOWN, 0)->event.cause, HF_EMSGSIZE);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_DOWN, 1, HF_SECONDS(5)), "it hears of it by an ABORT");
    cr_expect_eq(p.b.messages, 1);
    pair_clear(&p);
}

Test(sctp_receiver, takes_a_message_larger_than_the_window)
{
    enum { SIZE = 9000000 };
    uint8_t *bytes = malloc(SIZE);
    pair_fill(bytes, SIZE, 1);
    pair p;
    pair_init(&p, 1);
    p.config_b.message_max = HF_MESSAGE_MAX_LIMIT;
    p.remote_a.message_max = HF_MESSAGE_MAX_LIMIT;
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.send_buffer_max = HF_MESSAGE_MAX_LIMIT});
    hf_datachannel other = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, SIZE), HF_OK);
    cr_expect_eq(pair_send_text(&p, &p.a, other, "beside"), HF_OK);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 2, HF_SECONDS(60)));
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        const pair_event *e = pair_find(&p.b, HF_SCTP_CHANNEL_MESSAGE, i);
        found = found || (e->len == SIZE && e->hash == pair_hash(bytes, SIZE));
    }
    cr_expect(found);
    free(bytes);
    pair_clear(&p);
}

Test(sctp_receiver, lets_the_window_close_when_the_application_takes_nothing)
{
    static uint8_t bytes[65536];
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.send_buffer_max = 32 << 20});
    pair_run(&p, HF_MS(100));
    p.b.deaf = true;
    for (size_t i = 0; i < 256; i++)
        cr_assert_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
    pair_run(&p, HF_SECONDS(30));
    hf_sctp_facts facts;
    hf_sctp_get_facts(p.a.sctp, &facts);
    cr_expect_leq(facts.bytes_acked, HF_SCTP_EVENTS_BYTES_MAX + 65536, "%d bytes", (int)facts.bytes_acked);
    cr_expect_gt(facts.bytes_acked, HF_SCTP_EVENTS_BYTES_MAX / 2, "%d bytes", (int)facts.bytes_acked);
    cr_expect_lt(facts.bytes_given, HF_SCTP_EVENTS_BYTES_MAX * 3 / 2, "%d bytes", (int)facts.bytes_given);
    p.b.deaf = false;
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 256, HF_SECONDS(120)), "%zu came", p.b.messages);
    pair_clear(&p);
}

Test(sctp_receiver, keeps_small_messages_too_when_the_application_takes_nothing)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_MS(100));
    p.b.deaf = true;
    for (size_t i = 0; i < 20000; i++)
        cr_assert_eq(pair_send_text(&p, &p.a, a, "small"), HF_OK);
    pair_run(&p, HF_SECONDS(20));
    p.b.deaf = false;
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 20000, HF_SECONDS(120)), "%zu came", p.b.messages);
    pair_clear(&p);
}

Test(sctp_receiver, holds_what_overtakes_the_open_but_not_without_bound)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.negotiated = true, .id = 8, .unordered = true});
    for (size_t i = 0; i < HF_SCTP_HELD_MAX + 36; i++)
        cr_assert_eq(pair_send_text(&p, &p.a, a, "early"), HF_OK);
    pair_run(&p, HF_SECONDS(1));
    hf_sctp_stats stats;
    hf_sctp_get_stats(p.b.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_UNKNOWN_STREAM], 36);
    cr_expect_eq(p.b.messages, 0);

    static const uint8_t open[] = {3, 0x80, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'};
    cr_assert_eq(hf_sender_queue(p.a.sctp, hf_sctp_channel_find(p.a.sctp, a), HF_PPID_DCEP, hf_bytes_of(open, sizeof open)),
                 HF_OK);
    hf_sender_feed(p.a.sctp);
    pair_run(&p, HF_SECONDS(1));
    cr_assert_eq(pair_count(&p.b, HF_SCTP_CHANNEL_OPEN), 1);
    cr_expect_eq(p.b.messages, HF_SCTP_HELD_MAX);
    cr_expect_lt(pair_find(&p.b, HF_SCTP_CHANNEL_OPEN, 0), pair_find(&p.b, HF_SCTP_CHANNEL_MESSAGE, 0));
    pair_clear(&p);
}

Test(sctp_receiver, drops_what_is_corrupt_malformed_or_early)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    uint8_t noise[64];
    hf_sctp_stats stats;
    pair_fill(noise, sizeof noise, 1);
    hf_sctp_input(p.a.sctp, p.now, &(hf_bytes){noise, sizeof noise}, 1);
    hf_sctp_get_stats(p.a.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_SCTP_EARLY], 1);
    pair_start(&p);
    pair_run(&p, HF_SECONDS(1));
    hf_sctp_get_stats(p.a.sctp, &stats);
    uint64_t before = stats.packets_received;
    hf_sctp_input(p.a.sctp, p.now, &(hf_bytes){noise, sizeof noise}, 1);
    hf_sctp_input(p.a.sctp, p.now, &(hf_bytes){noise, 3}, 1);
    hf_sctp_input(p.a.sctp, p.now, &(hf_bytes){NULL, 0}, 1);
    hf_sctp_get_stats(p.a.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_SCTP_CHECKSUM], 3);
    cr_expect_eq(stats.packets_received, before + 3);
    pair_clear(&p);
}
