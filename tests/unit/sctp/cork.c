/* cork.c: small messages that share packets, and none that is left behind. */
#include "pair.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define MESSAGES 60
#define SIZE 20
#define EACH_WITH_HEADER 36 /* RFC 9260 §3.3.1: 16, and the payload */

static uint64_t packets_sent(const pair_end *end)
{
    hf_sctp_stats stats;
    hf_sctp_get_stats(end->sctp, &stats);
    return stats.packets_sent;
}

static hf_datachannel begin(pair *p, uint64_t seed)
{
    pair_init(p, seed);
    pair_up(p);
    hf_datachannel channel = pair_channel(p, &p->a, &(hf_datachannel_config){0});
    cr_assert(pair_wait(p, &p->b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(1)));
    pair_run(p, HF_SECONDS(2));
    return channel;
}

static void say(pair *p, hf_datachannel channel, int n)
{
    for (int i = 0; i < n; i++) {
        uint8_t bytes[SIZE];
        pair_fill(bytes, sizeof bytes, (uint64_t)i);
        cr_assert_eq(pair_send(p, &p->a, channel, bytes, sizeof bytes), HF_OK);
    }
}

/* Packets that messages took which were all sent in one moment; nothing is on its way before. */
static uint64_t packets_for(bool corked, int messages)
{
    pair p;
    hf_datachannel channel = begin(&p, 90);
    uint64_t before = packets_sent(&p.a);
    if (corked)
        hf_sctp_cork(p.a.sctp, p.now);
    say(&p, channel, messages);
    if (corked)
        hf_sctp_uncork(p.a.sctp, p.now);
    pair_step(&p);
    uint64_t packets = packets_sent(&p.a) - before;
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, (size_t)messages, PAIR_DELAY), "all of them left at once");
    for (size_t i = 0; i < p.b.messages; i++) {
        uint8_t bytes[SIZE];
        pair_fill(bytes, sizeof bytes, i);
        cr_expect_eq(pair_find(&p.b, HF_SCTP_CHANNEL_MESSAGE, i)->hash, pair_hash(bytes, sizeof bytes), "message %zu", i);
    }
    pair_clear(&p);
    return packets;
}

Test(sctp_cork, lets_messages_share_packets)
{
    uint64_t each = packets_for(false, MESSAGES), shared = packets_for(true, MESSAGES);
    uint64_t full = (MESSAGES * EACH_WITH_HEADER) / PAIR_MTU + 1;
    printf("%d messages of %d bytes: %llu packets, %llu corked\n", MESSAGES, SIZE, (unsigned long long)each,
           (unsigned long long)shared);
    cr_expect_eq(each, MESSAGES);
    cr_expect_leq(shared, full + 2, "the first alone, and a last one that is not full");
}

Test(sctp_cork, keeps_none_back_when_it_is_drawn)
{
    for (int messages = 1; messages < 8; messages++)
        cr_expect_leq(packets_for(true, messages), 2, "%d", messages);
}

Test(sctp_cork, holds_what_fills_no_packet_until_then)
{
    pair p;
    hf_datachannel channel = begin(&p, 91);
    hf_sctp_cork(p.a.sctp, p.now);
    say(&p, channel, 3);
    pair_run(&p, PAIR_DELAY);
    cr_expect_eq(p.b.messages, 1, "nothing was on its way before the first");
    pair_run(&p, 2 * PAIR_DELAY);
    hf_sctp_uncork(p.a.sctp, p.now);
    pair_run(&p, PAIR_DELAY);
    cr_expect_eq(p.b.messages, 3);
    pair_clear(&p);
}

Test(sctp_cork, waits_for_no_second_call_once_an_answer_comes)
{
    pair p;
    hf_datachannel channel = begin(&p, 92);
    hf_sctp_cork(p.a.sctp, p.now);
    say(&p, channel, 3);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.b.messages, 3);
    pair_clear(&p);
}

Test(sctp_cork, is_nothing_where_there_is_nothing)
{
    pair p;
    pair_init(&p, 93);
    pair_open(&p);
    hf_sctp_cork(p.a.sctp, p.now);
    hf_sctp_uncork(p.a.sctp, p.now); /* not begun */
    pair_start(&p);
    hf_sctp_cork(p.a.sctp, p.now);
    hf_sctp_uncork(p.a.sctp, p.now); /* connecting */
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_UP, 1, HF_SECONDS(5)));
    pair_run(&p, HF_SECONDS(2));
    uint64_t before = packets_sent(&p.a);
    hf_sctp_uncork(p.a.sctp, p.now);
    hf_sctp_cork(p.a.sctp, p.now);
    hf_sctp_cork(p.a.sctp, p.now);
    hf_sctp_uncork(p.a.sctp, p.now);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(packets_sent(&p.a), before);
    hf_sctp_abort(p.a.sctp, p.now);
    hf_sctp_cork(p.a.sctp, p.now);
    hf_sctp_uncork(p.a.sctp, p.now);
    pair_clear(&p);
}

Test(sctp_cork, drawn_behind_the_end_leaves_messages_to_their_fate)
{
    pair p;
    hf_datachannel channel = begin(&p, 94);
    hf_sctp_cork(p.a.sctp, p.now);
    say(&p, channel, 3);
    hf_sctp_abort(p.a.sctp, p.now);
    hf_sctp_uncork(p.a.sctp, p.now);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(pair_count(&p.b, HF_SCTP_DOWN), 1);
    pair_clear(&p);
}
