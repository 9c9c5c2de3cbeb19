/* reset.c: channels that close from one end, from both, with much still to say, again and again. */
#include "pair.h"

#include <criterion/criterion.h>
#include <sctp_priv.h>

#include <string.h>

static size_t last_of(const pair_end *end, hf_sctp_event_type type)
{
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < end->events_len; i++)
        if (end->events[i].event.type == type)
            last = i;
    return last;
}

Test(sctp_reset, delivers_what_was_accepted_and_then_closes_both_ends)
{
    static uint8_t bytes[20000];
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_MS(100));
    for (int i = 0; i < 50; i++)
        cr_assert_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(20)));
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(20)));
    cr_expect_eq(p.b.messages, 50);
    cr_expect_eq(pair_count(&p.b, HF_SCTP_CHANNEL_CLOSING), 1);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSING), 0);
    cr_expect_lt(last_of(&p.b, HF_SCTP_CHANNEL_MESSAGE), last_of(&p.b, HF_SCTP_CHANNEL_CLOSING));
    cr_expect_lt(last_of(&p.b, HF_SCTP_CHANNEL_CLOSING), last_of(&p.b, HF_SCTP_CHANNEL_CLOSED));
    cr_expect_eq(pair_find(&p.b, HF_SCTP_CHANNEL_CLOSED, 0)->event.cause, HF_OK);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
    cr_expect_eq(hf_sctp_deadline(p.b.sctp), HF_NEVER);
    pair_clear(&p);
}

Test(sctp_reset, delivers_what_the_other_end_still_had_accepted)
{
    static uint8_t bytes[20000];
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel_config config = {.negotiated = true, .id = 3};
    hf_datachannel a = pair_channel(&p, &p.a, &config), b = pair_channel(&p, &p.b, &config);
    pair_run(&p, HF_MS(100));
    for (int i = 0; i < 50; i++)
        cr_assert_eq(pair_send(&p, &p.b, b, bytes, sizeof bytes), HF_OK);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(20)));
    cr_expect_eq(p.a.messages, 50);
    cr_expect_lt(last_of(&p.a, HF_SCTP_CHANNEL_MESSAGE), last_of(&p.a, HF_SCTP_CHANNEL_CLOSED));
    pair_clear(&p);
}

Test(sctp_reset, of_both_ends_at_once_settles)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        pair p;
        pair_init(&p, seed);
        p.lost = seed > 5 ? 200 : 0;
        pair_up(&p);
        hf_datachannel_config config = {.negotiated = true, .id = 3};
        hf_datachannel a = pair_channel(&p, &p.a, &config), b = pair_channel(&p, &p.b, &config);
        pair_run(&p, HF_MS(100));
        cr_expect_eq(pair_send_text(&p, &p.a, a, "bye"), HF_OK);
        cr_expect_eq(pair_send_text(&p, &p.b, b, "bye"), HF_OK);
        cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
        cr_expect_eq(hf_sctp_channel_close(p.b.sctp, p.now, b), HF_OK);
        cr_expect(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(60)), "seed %d", (int)seed);
        cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(60)), "seed %d", (int)seed);
        cr_expect_eq(p.a.messages, 1);
        cr_expect_eq(p.b.messages, 1);
        pair_clear(&p);
    }
}

Test(sctp_reset, of_many_channels_at_once_settles)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        pair p;
        pair_init(&p, seed);
        p.lost = seed > 2 ? 100 : 0;
        pair_up(&p);
        hf_datachannel channels[100];
        for (size_t i = 0; i < 100; i++) {
            channels[i] = pair_channel(&p, i % 2 ? &p.a : &p.b, &(hf_datachannel_config){0});
            cr_expect_eq(pair_send_text(&p, i % 2 ? &p.a : &p.b, channels[i], "x"), HF_OK);
        }
        cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_OPEN, 100, HF_SECONDS(60)));
        cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 100, HF_SECONDS(60)));
        for (size_t i = 0; i < 100; i++)
            cr_expect_eq(hf_sctp_channel_close(i % 2 ? p.a.sctp : p.b.sctp, p.now, channels[i]), HF_OK);
        cr_expect(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 100, HF_SECONDS(120)), "%zu",
                  pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED));
        cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, 100, HF_SECONDS(120)), "%zu",
                  pair_count(&p.b, HF_SCTP_CHANNEL_CLOSED));
        pair_run(&p, HF_SECONDS(2));
        cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
        cr_expect_eq(hf_sctp_deadline(p.b.sctp), HF_NEVER);
        pair_clear(&p);
    }
}

Test(sctp_reset, lets_a_stream_be_used_again_and_again)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        pair p;
        pair_init(&p, seed);
        p.lost = seed > 2 ? 100 : 0;
        p.late = seed > 2 ? 100 : 0;
        pair_up(&p);
        for (size_t i = 0; i < 30; i++) {
            hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "again"});
            hf_datachannel_info info;
            cr_assert_eq(hf_sctp_channel_info(p.a.sctp, a, &info), HF_OK);
            cr_expect_eq(info.id, 0);
            cr_expect_eq(pair_send_text(&p, &p.a, a, "one"), HF_OK);
            cr_expect_eq(pair_send_text(&p, &p.a, a, "two"), HF_OK);
            cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
            cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, i + 1, HF_SECONDS(60)), "seed %d round %zu", (int)seed, i);
        }
        cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, 30, HF_SECONDS(60)));
        cr_expect_eq(p.b.messages, 60);
        cr_expect_eq(pair_count(&p.b, HF_SCTP_CHANNEL_OPEN), 30);
        pair_clear(&p);
    }
}

Test(sctp_reset, of_a_channel_that_was_never_heard_of_is_done_at_once)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    hf_datachannel b = pair_channel(&p, &p.a, &(hf_datachannel_config){.negotiated = true, .id = 5});
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, b), HF_OK);
    pair_drain(&p, &p.a);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 2);
    pair_start(&p);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(pair_count(&p.b, HF_SCTP_CHANNEL_OPEN), 0);
    pair_clear(&p);
}

Test(sctp_reset, of_a_channel_with_early_messages_waits_for_them)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_expect_eq(pair_send_text(&p, &p.a, a, "last words"), HF_OK);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(5)));
    cr_expect_eq(p.b.messages, 1);
    pair_clear(&p);
}

Test(sctp_reset, of_a_negotiated_channel_that_only_one_end_has_settles)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.negotiated = true, .id = 9});
    cr_expect_eq(pair_send_text(&p, &p.a, a, "nobody hears"), HF_OK);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(5)));
    pair_run(&p, HF_SECONDS(2));
    cr_expect_eq(p.b.events_len, 1, "only UP: %zu", p.b.events_len);
    cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
    cr_expect_eq(hf_sctp_deadline(p.b.sctp), HF_NEVER);
    pair_channel(&p, &p.b, &(hf_datachannel_config){.negotiated = true, .id = 9});
    pair_clear(&p);
}

/* What usrsctp says when the remote resets all its streams with one request. */
Test(sctp_reset, of_all_streams_closes_all_channels)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    for (int i = 0; i < 3; i++)
        pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_MS(100));
    hf_reset_on_event(p.b.sctp, true, false, false, (hf_bytes){0});
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSING, 3, HF_SECONDS(1)));
    pair_clear(&p);
}

/* The packet with the message, and not the request behind it. */
static bool drop_one_with_data(pair *p, pair_end *to, hf_bytes packet)
{
    unsigned *left = p->context;
    if (to != &p->b || packet.len < 13 || packet.data[12] != 0 || *left == 0)
        return false;
    --*left;
    return true;
}

Test(sctp_reset, that_overtakes_the_data_waits_for_it)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_SECONDS(1));
    unsigned lost = 1;
    p.context = &lost;
    p.drop = drop_one_with_data;
    cr_expect_eq(pair_send_text(&p, &p.a, a, "lost at first"), HF_OK);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_MS(2200)));
    cr_expect_eq(lost, 0);
    cr_expect_eq(p.b.messages, 1);
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, 1, HF_MS(100)));
    pair_clear(&p);
}

/* What the remote says of resets, RFC 6525 §3.1. */
static bool drop_reconfig_from_b(pair *p, pair_end *to, hf_bytes packet)
{
    (void)p;
    return to == &p->a && packet.len >= 13 && packet.data[12] == 130;
}

Test(sctp_reset, that_the_remote_never_answers_is_over_after_a_while)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "deaf"});
    hf_datachannel other = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "other"});
    pair_run(&p, HF_SECONDS(120));
    p.drop = drop_reconfig_from_b;
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    pair_run(&p, HF_SCTP_RESET_PATIENCE - HF_SECONDS(1));
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 0);
    pair_run(&p, HF_SECONDS(3));
    cr_assert_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 1);
    cr_expect_eq(pair_find(&p.a, HF_SCTP_CHANNEL_CLOSED, 0)->event.cause, HF_ETIMEDOUT);

    hf_datachannel_info info;
    hf_datachannel next = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "next"});
    cr_assert_eq(hf_sctp_channel_info(p.a.sctp, next, &info), HF_OK);
    cr_expect_neq(info.id, 0, "the number is still in use");
    cr_expect_eq(pair_send_text(&p, &p.a, next, "goes on"), HF_OK);
    cr_expect_eq(pair_send_text(&p, &p.a, other, "too"), HF_OK);
    pair_run(&p, HF_SECONDS(5));
    cr_expect_eq(p.b.messages, 2);

    p.drop = NULL; /* it answers after all */
    pair_run(&p, HF_SECONDS(70));
    cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
    next = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "again"});
    cr_assert_eq(hf_sctp_channel_info(p.a.sctp, next, &info), HF_OK);
    cr_expect_eq(info.id, 0);
    pair_clear(&p);
}

/* Its answer has come, its own reset has not: it says nothing more, or still has something to say. */
static bool drop_own_reset_of_b(pair *p, pair_end *to, hf_bytes packet)
{
    (void)p;
    return to == &p->a && packet.len >= 18 && packet.data[12] == 130 && packet.data[17] == 13;
}

Test(sctp_reset, that_the_remote_does_not_return_is_over_when_it_has_fallen_silent)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel_config config = {.negotiated = true, .id = 3};
    hf_datachannel a = pair_channel(&p, &p.a, &config), b = pair_channel(&p, &p.b, &config);
    pair_run(&p, HF_MS(100));
    p.drop = drop_own_reset_of_b;
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    pair_run(&p, HF_SCTP_RESET_PATIENCE / 2);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 0);
    pair_run(&p, HF_SCTP_RESET_PATIENCE / 2 + HF_SECONDS(2));
    cr_assert_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 1);
    cr_expect_eq(pair_find(&p.a, HF_SCTP_CHANNEL_CLOSED, 0)->event.cause, HF_ETIMEDOUT);
    (void)b;
    pair_clear(&p);
}
