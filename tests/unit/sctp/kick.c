/* kick.c: an association after an outage of its path, and on another one. */
#include "pair.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#define MESSAGES 40

static uint64_t repetitions(const pair_end *end)
{
    hf_sctp_facts facts;
    hf_sctp_get_facts(end->sctp, &facts);
    return facts.retransmissions;
}

/* Cuts the network for some seconds while messages are sent, until a moment right after a repetition in vain: usrsctp waits
 * a second then. */
static void begin_outage(pair *p, hf_span length)
{
    pair_up(p);
    hf_datachannel channel = pair_channel(p, &p->a, &(hf_datachannel_config){0});
    cr_assert(pair_wait(p, &p->b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(1)));
    pair_run(p, HF_SECONDS(1));
    p->cut = true;
    for (int i = 0; i < MESSAGES; i++) {
        uint8_t bytes[200];
        pair_fill(bytes, sizeof bytes, (uint64_t)i);
        cr_assert_eq(pair_send(p, &p->a, channel, bytes, sizeof bytes), HF_OK);
        pair_run(p, length / MESSAGES);
    }
    for (uint64_t before = repetitions(&p->a); repetitions(&p->a) == before;)
        pair_run(p, HF_MS(10));
    pair_run(p, HF_MS(30));
    p->cut = false;
}

static void expect_messages_in_order(const pair *p)
{
    uint8_t bytes[200];
    cr_expect_eq(p->b.messages, MESSAGES);
    for (size_t i = 0; i < p->b.messages; i++) {
        pair_fill(bytes, sizeof bytes, i);
        cr_expect_eq(pair_find(&p->b, HF_SCTP_CHANNEL_MESSAGE, i)->hash, pair_hash(bytes, sizeof bytes), "message %zu", i);
    }
}

Test(sctp_kick, brings_data_at_once_when_the_path_is_back)
{
    static const hf_span outages[] = {HF_SECONDS(2), HF_SECONDS(5), HF_SECONDS(40), HF_SECONDS(700)};
    for (size_t i = 0; i < sizeof outages / sizeof *outages; i++) {
        pair p;
        pair_init(&p, 60 + i);
        begin_outage(&p, outages[i]);
        hf_time back = p.now;
        hf_sctp_kick(p.a.sctp, p.now);
        hf_sctp_kick(p.a.sctp, p.now);
        pair_drain(&p, &p.a);
        cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, PAIR_DELAY), "outage %zu", i);
        cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, MESSAGES, HF_MS(150)), "outage %zu: %zu messages", i,
                  p.b.messages);
        printf("after %lld s without a path: the first message after %lld ms, all %d after %lld ms\n",
               (long long)outages[i] / 1000000, (long long)(pair_find(&p.b, HF_SCTP_CHANNEL_MESSAGE, 0)->at - back) / 1000,
               MESSAGES, (long long)(p.now - back) / 1000);
        pair_run(&p, HF_SECONDS(3));
        expect_messages_in_order(&p);
        pair_clear(&p);
    }
}

Test(sctp_kick, is_what_makes_it_so)
{
    pair p;
    pair_init(&p, 70);
    begin_outage(&p, HF_SECONDS(5));
    cr_expect_not(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_MS(600)), "usrsctp repeats by itself");
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, MESSAGES, HF_SECONDS(2)));
    pair_clear(&p);
}

Test(sctp_kick, is_nothing_where_nothing_was_lost)
{
    pair p;
    pair_init(&p, 71);
    pair_up(&p);
    hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_SECONDS(1));
    uint64_t packets = p.packets;
    hf_sctp_kick(p.a.sctp, p.now);
    pair_drain(&p, &p.a);
    cr_expect_eq(p.packets, packets, "idle");
    cr_assert_eq(pair_send_text(&p, &p.a, channel, "on its way"), HF_OK);
    pair_drain(&p, &p.a);
    packets = p.packets;
    hf_sctp_kick(p.a.sctp, p.now);
    pair_drain(&p, &p.a);
    cr_expect_eq(p.packets, packets, "data in flight");
    pair_clear(&p);
}

Test(sctp_kick, has_nothing_to_say_after_the_answer)
{
    pair p;
    pair_init(&p, 72);
    begin_outage(&p, HF_SECONDS(2));
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, MESSAGES, HF_SECONDS(3)));
    pair_run(&p, HF_MS(300));
    uint64_t packets = p.packets;
    hf_sctp_kick(p.a.sctp, p.now);
    pair_drain(&p, &p.a);
    cr_expect_eq(p.packets, packets);
    pair_clear(&p);
}

Test(sctp_kick, brings_up_an_association_that_began_without_a_path)
{
    pair p;
    pair_init(&p, 73);
    pair_open(&p);
    p.cut = true;
    pair_start(&p);
    uint64_t packets = p.packets;
    pair_run(&p, HF_SECONDS(5));
    for (packets = p.packets; p.packets == packets;)
        pair_run(&p, HF_MS(10));
    pair_run(&p, HF_MS(30));
    p.cut = false;
    for (int i = 0; i < 2; i++) {
        pair_end *end = i == 0 ? &p.a : &p.b;
        hf_sctp_kick(end->sctp, p.now);
        pair_drain(&p, end);
    }
    cr_expect(pair_wait(&p, &p.a, HF_SCTP_UP, 1, HF_MS(100)));
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_UP, 1, HF_MS(100)));
    pair_clear(&p);
}

/* The handshake lasts as long as an outage in its midst, and usrsctp takes that for the path's round trip. */
static void begin_in_an_outage(pair *p)
{
    p->remote_a.rtt = p->remote_b.rtt = 2 * PAIR_DELAY;
    pair_open(p);
    p->cut = true;
    pair_start(p);
    pair_run(p, HF_SECONDS(13));
    p->cut = false;
    for (size_t up = 0; up < 2; up = pair_count(&p->a, HF_SCTP_UP) + pair_count(&p->b, HF_SCTP_UP))
        pair_run(p, HF_MS(1));
}

static void lose_a_message_and_wait(pair *p, hf_datachannel channel, hf_span outage, bool kicks)
{
    p->cut = true;
    cr_assert_eq(pair_send_text(p, &p->a, channel, "into the void"), HF_OK);
    pair_run(p, outage);
    p->cut = false;
    hf_time back = p->now;
    if (kicks) {
        hf_sctp_kick(p->a.sctp, p->now);
        pair_drain(p, &p->a);
    }
    cr_expect(pair_wait(p, &p->b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(60)));
    cr_expect_leq(p->now - back, HF_MS(1300), "%lld ms behind an outage of %lld ms", (long long)(p->now - back) / 1000,
                  (long long)outage / 1000);
}

Test(sctp_kick, is_not_needed_to_forget_how_long_the_handshake_took)
{
    pair p;
    pair_init(&p, 75);
    begin_in_an_outage(&p);
    hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(1)));
    pair_run(&p, HF_MS(100));
    lose_a_message_and_wait(&p, channel, HF_MS(500), false);
    pair_clear(&p);
}

Test(sctp_kick, makes_a_path_forget_how_long_the_handshake_took)
{
    pair p;
    pair_init(&p, 76);
    begin_in_an_outage(&p);
    lose_a_message_and_wait(&p, pair_channel(&p, &p.a, &(hf_datachannel_config){0}), HF_SECONDS(8), true);
    pair_clear(&p);
}

/* It is repeated once, beside what is reliable, and expires in the outage. */
Test(sctp_kick, does_not_repeat_what_has_expired)
{
    pair p;
    pair_init(&p, 77);
    pair_up(&p);
    const hf_datachannel_config fresh = {.reliability = HF_MAX_LIFETIME, .reliability_limit = 1000, .unordered = true};
    hf_datachannel lasting = pair_channel(&p, &p.a, &(hf_datachannel_config){0}), brief = pair_channel(&p, &p.a, &fresh);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 2, HF_SECONDS(1)));
    pair_run(&p, HF_SECONDS(1));
    p.cut = true;
    cr_assert_eq(pair_send_text(&p, &p.a, lasting, "lasting"), HF_OK);
    cr_assert_eq(pair_send_text(&p, &p.a, brief, "brief"), HF_OK);
    for (uint64_t before = repetitions(&p.a); repetitions(&p.a) < before + 2;)
        pair_run(&p, HF_MS(10));
    cr_assert_eq(p.b.messages, 0);
    p.cut = false;
    hf_sctp_kick(p.a.sctp, p.now);
    pair_drain(&p, &p.a);
    pair_run(&p, PAIR_DELAY);
    cr_expect_eq(p.b.messages, 1, "at once, and alone");
    cr_expect_eq(p.b.last[0], 'l');
    pair_clear(&p);
}

Test(sctp_kick, survives_lack_of_memory)
{
    pair p;
    pair_init(&p, 74);
    begin_outage(&p, HF_SECONDS(2));
    p.env.fail_at = p.env.allocations + 1;
    p.env.fail_on = true;
    hf_sctp_kick(p.a.sctp, p.now);
    p.env.fail_at = 0;
    p.env.fail_on = false;
    pair_drain(&p, &p.a);
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, MESSAGES, HF_SECONDS(3)), "usrsctp's timer is still there");
    expect_messages_in_order(&p);
    pair_clear(&p);
}

Test(sctp_change_path, begins_there_with_the_window_of_the_beginning)
{
    pair p;
    hf_sctp_facts facts;
    uint8_t *bytes = calloc(1, 200000);
    pair_init(&p, 75);
    pair_up(&p);
    hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    for (int i = 0; i < 10; i++)
        cr_assert_eq(pair_send(&p, &p.a, channel, bytes, 200000), HF_OK);
    free(bytes);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 5, HF_SECONDS(10)));
    hf_sctp_get_facts(p.a.sctp, &facts);
    uint32_t before = facts.congestion_window;
    cr_assert_gt(before, 20u * PAIR_MTU);
    hf_sctp_change_path(p.a.sctp, p.now);
    hf_sctp_get_facts(p.a.sctp, &facts);
    cr_expect_eq(facts.congestion_window, 10u * PAIR_MTU);
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 10, HF_SECONDS(10)));
    hf_sctp_get_facts(p.a.sctp, &facts);
    cr_expect_gt(facts.congestion_window, 12u * PAIR_MTU, "it grows again");
    pair_clear(&p);
}
