/* rivals.c: both sides open a channel of the same name at once, and channels that deliver otherwise. */
#include "pair.h"

#include <criterion/criterion.h>
#include <string.h>

/* --- Glare of names -------------------------------------------------------------------------------------------------- */

/* Both send on what they take for their own; whoever has the lower session id is right. */
static void settle(uint64_t seed, const hf_channel_config *first, const hf_channel_config *second, unsigned loss)
{
    pair p;
    pair_init(&p, seed, NULL);
    pair_connect(&p);
    p.loss = loss;
    hf_channel *ours = pair_open(&p, 0, first), *theirs = pair_open(&p, 1, second);
    for (int i = 0; i < 10; i++) {
        pair_say_number(&p, 0, "x");
        pair_say_number(&p, 1, "x");
        pair_run(&p, HF_MS(4), NULL);
    }
    pair_run(&p, HF_SECONDS(15), NULL);
    for (int i = 0; i < 2; i++) {
        const pair_heard *heard = &p.side[i].heard;
        cr_expect_eq(heard->next, 10, "seed %d, side %d: %d", (int)seed, i, (int)heard->next);
        cr_expect_eq(heard->out_of_order, 0, "seed %d, side %d", (int)seed, i);
        cr_expect_str_eq(heard->story, "x:open ", "seed %d, side %d: %s", (int)seed, i, heard->story);
        cr_expect_eq(heard->events[HF_SESSION_ON_ERROR], 0);
        cr_expect_null(hf_session_channel_at(p.side[i].session, 1), "there is one");
    }
    cr_expect_eq(hf_session_channel(p.side[0].session, "x"), ours, "the application's handle lives on");
    cr_expect_eq(hf_session_channel(p.side[1].session, "x"), theirs);
    p.loss = 0;
    cr_assert(pair_reconnect(&p, 0));
    pair_say_number(&p, 0, "x");
    pair_say_number(&p, 1, "x");
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_eq(p.side[0].heard.next, 11);
    cr_expect_eq(p.side[1].heard.next, 11);

    cr_assert_eq(hf_channel_close(ours, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_str_eq(p.side[0].heard.story, "x:open resumed x:again x:closed ");
    cr_expect_str_eq(p.side[1].heard.story, "x:open resumed x:again x:closed ");
    pair_clear(&p);
}

static const hf_channel_config plain_x = {.name = "x"}, unordered_x = {.name = "x", .unordered = true};

/* The seeds give the one and the other side the lower id. */
Test(session_rivals, of_one_name_become_one_channel_1)
{
    settle(1, &plain_x, &plain_x, 0);
}

Test(session_rivals, of_one_name_become_one_channel_2)
{
    settle(2, &plain_x, &plain_x, 0);
}

Test(session_rivals, of_one_name_become_one_channel_3)
{
    settle(3, &plain_x, &plain_x, 0);
}

Test(session_rivals, of_one_name_become_one_channel_where_packets_are_lost_1)
{
    settle(4, &plain_x, &plain_x, 200);
}

Test(session_rivals, of_one_name_become_one_channel_where_packets_are_lost_2)
{
    settle(5, &plain_x, &plain_x, 200);
}

Test(session_rivals, of_one_name_become_one_channel_where_packets_are_lost_3)
{
    settle(6, &plain_x, &plain_x, 200);
}

Test(session_rivals, that_deliver_otherwise_become_one_channel_1)
{
    settle(7, &plain_x, &unordered_x, 0);
}

Test(session_rivals, that_deliver_otherwise_become_one_channel_2)
{
    settle(8, &unordered_x, &plain_x, 0);
}

/* One side has closed what it takes for its channel before it hears of the other's, whose OPEN is lost at first. */
static void settle_and_close(uint64_t seed, int closes)
{
    pair p;
    pair_init(&p, seed, NULL);
    p.delay = HF_MS(20);
    pair_connect(&p);
    for (int i = 0; i < 2; i++) {
        int side = i == 0 ? 1 - closes : closes;
        p.cut = i == 0;
        pair_open(&p, side, &plain_x);
        for (int k = 0; k < 3; k++)
            pair_say_number(&p, side, "x");
        pair_run(&p, HF_MS(2), NULL);
    }
    cr_assert_eq(hf_channel_close(pair_channel(&p, closes, "x"), p.now), HF_OK);
    pair_run(&p, HF_SECONDS(5), NULL);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(p.side[i].heard.next, 3, "seed %d, side %d: %d", (int)seed, i, (int)p.side[i].heard.next);
        /* The lost OPEN may come when all is over: one more channel, in which nothing was said. */
        cr_expect_eq(strncmp(p.side[i].heard.story, "x:open x:closed ", 16), 0, "%s", p.side[i].heard.story);
        cr_expect_str_eq(p.side[i].heard.returned, "");
        cr_expect_null(hf_session_channel_at(p.side[i].session, 0));
    }
    pair_clear(&p);
}

/* The one or the other has the lower id. */
Test(session_rivals, of_which_one_is_closed_lose_nothing_1)
{
    settle_and_close(1, 0);
}

Test(session_rivals, of_which_one_is_closed_lose_nothing_2)
{
    settle_and_close(1, 1);
}

/* The remote is started again, and opens a channel of the same name: what it said before still waits, and what it had begun
 * to say ends before anything else begins. */
static void settle_with_another_session(uint64_t seed)
{
    static uint8_t block[200000];
    pair p;
    pair_init(&p, seed, NULL);
    hf_channel *slow = pair_open(&p, 0, &(hf_channel_config){.name = "slow"});
    pair_open(&p, 0, &(hf_channel_config){.name = "files", .in_parts = true});
    pair_connect(&p);
    cr_assert_eq(hf_channel_pause(slow, p.now, true), HF_OK);
    pair_say(&p, 1, "slow", "early");
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(hf_channel_send(pair_channel(&p, 1, "files"), p.now, HF_BINARY, block, sizeof block), HF_OK);
    while (p.side[0].heard.bytes < 1000)
        pair_run(&p, HF_MS(1), NULL);
    cr_assert_lt(p.side[0].heard.bytes, sizeof block);

    pair_restart(&p, true);
    pair_run(&p, HF_SECONDS(40), NULL);
    pair_open(&p, 1, &(hf_channel_config){.name = "slow"});
    pair_open(&p, 1, &(hf_channel_config){.name = "files"});
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(10), NULL);
    cr_assert(pair_is_connected(&p));
    pair_say(&p, 1, "slow", "late");
    pair_say(&p, 1, "files", "new");
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(hf_channel_pause(slow, p.now, false), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[0].heard.texts, "files:discarded files:new slow:early slow:late ");
    pair_clear(&p);
}

/* The seeds give the one and the other side the lower id. */
Test(session_rivals, keep_what_an_earlier_session_has_said_1)
{
    settle_with_another_session(1);
}

Test(session_rivals, keep_what_an_earlier_session_has_said_2)
{
    settle_with_another_session(2);
}

Test(session_rivals, keep_what_an_earlier_session_has_said_3)
{
    settle_with_another_session(3);
}

/* --- Channels that are not reliable ------------------------------------------------------------------------------------ */

static const hf_channel_config cursor = {.name = "cursor", .unordered = true, .reliability = HF_MAX_RETRANSMITS};

Test(session_fresh, delivers_nothing_that_was_said_in_an_outage)
{
    pair p;
    hf_channel_stats stats;
    pair_init(&p, 11, NULL);
    pair_open(&p, 0, &cursor);
    pair_connect(&p);
    pair_say(&p, 0, "cursor", "before");
    pair_run(&p, HF_SECONDS(1), NULL);
    pair_lose_path(&p);
    for (int i = 0; i < 20; i++)
        pair_say(&p, 0, "cursor", "stale");
    p.cut = false;
    cr_assert(pair_reconnect(&p, 0));
    pair_say(&p, 0, "cursor", "after");
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "cursor:before cursor:after ");
    cr_assert_eq(hf_channel_get_stats(pair_channel(&p, 0, "cursor"), &stats), HF_OK);
    cr_expect_eq(stats.messages_dropped, 20);
    cr_expect_eq(stats.queued, 0);
    pair_clear(&p);
}

Test(session_fresh, delivers_nothing_that_was_said_on_a_channel_that_an_outage_began_with)
{
    pair p;
    pair_init(&p, 14, NULL);
    pair_connect(&p);
    pair_run(&p, HF_SECONDS(1), NULL);
    p.cut = true;
    pair_run(&p, HF_SECONDS(8), NULL);
    cr_assert_eq(hf_session_get_state(p.side[0].session), HF_SESSION_UNSTABLE);
    pair_open(&p, 0, &cursor);
    pair_say(&p, 0, "cursor", "stale");
    p.cut = false;
    cr_assert(pair_run(&p, HF_SECONDS(10), pair_is_connected));
    pair_run(&p, HF_SECONDS(2), NULL);
    pair_say(&p, 0, "cursor", "after");
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "cursor:after ");
    pair_clear(&p);
}

Test(session_fresh, keeps_the_newest_where_more_is_said_than_the_path_takes)
{
    pair p;
    static char text[HF_CHANNEL_PART_MAX + 1];
    hf_channel_stats stats;
    pair_init(&p, 12, NULL);
    hf_channel *channel = pair_open(&p, 0, &cursor);
    pair_connect(&p);
    cr_expect_eq(hf_channel_send(channel, p.now, HF_BINARY, text, sizeof text), HF_EMSGSIZE);
    for (int i = 0; i < 200; i++)
        cr_assert_eq(hf_channel_send(channel, p.now, HF_BINARY, text, HF_CHANNEL_PART_MAX), HF_OK);
    pair_say(&p, 0, "cursor", "last");
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "cursor:last ");
    cr_assert_eq(hf_channel_get_stats(channel, &stats), HF_OK);
    cr_expect_gt(stats.messages_dropped, 100);
    cr_expect_eq(stats.messages_dropped + p.side[1].heard.events[HF_SESSION_ON_DATA], 201);
    pair_clear(&p);
}

/* --- A reader that is slow --------------------------------------------------------------------------------------------- */

Test(session_pause, closes_the_window_of_that_channel_alone)
{
    static uint8_t block[10000];
    pair p;
    unsigned given = 0;
    hf_channel_stats stats;
    pair_init(&p, 13, NULL);
    hf_channel *slow = pair_open(&p, 0, &(hf_channel_config){.name = "slow", .send_buffer_max = 500000});
    pair_open(&p, 0, &(hf_channel_config){.name = "quick"});
    pair_connect(&p);
    cr_assert_eq(hf_channel_pause(pair_channel(&p, 1, "slow"), p.now, true), HF_OK);
    for (int i = 0; i < 1000; i++) {
        given += hf_channel_send(slow, p.now, HF_BINARY, block, sizeof block) == HF_OK;
        pair_run(&p, HF_MS(5), NULL);
    }
    cr_expect_lt(given, 200, "its window of 1 MiB, and the buffer");
    cr_expect_geq(given, 100);
    cr_expect_eq(p.side[1].heard.bytes, 0);
    pair_say(&p, 0, "quick", "goes on");
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "quick:goes on ");
    cr_assert_eq(hf_channel_get_stats(slow, &stats), HF_OK);
    cr_expect_leq(stats.messages_acked * sizeof block, 1048576);
    cr_assert(pair_reconnect(&p, 0), "it is no reason not to resume");

    cr_assert_eq(hf_channel_pause(pair_channel(&p, 1, "slow"), p.now, false), HF_OK);
    pair_run(&p, HF_SECONDS(5), NULL);
    cr_expect_eq(p.side[1].heard.bytes, given * sizeof block + strlen("goes on"));
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_CHANNEL_WRITABLE], 1, "%u",
                 p.side[0].heard.events[HF_SESSION_CHANNEL_WRITABLE]);
    pair_clear(&p);
}
