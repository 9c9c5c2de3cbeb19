/* resumption.c: channels of two sessions across connections: nothing lost, nothing twice, and what is told of it. */
#include "pair.h"

#include <criterion/criterion.h>
#include <string.h>

static bool all_numbers_are_there(pair *p)
{
    return p->side[0].heard.next == p->side[1].sent && p->side[1].heard.next == p->side[0].sent;
}

static void expect_nothing_lost(pair *p)
{
    cr_expect(pair_run(p, HF_SECONDS(20), all_numbers_are_there), "%llu of %llu, %llu of %llu",
              (unsigned long long)p->side[0].heard.next, (unsigned long long)p->side[1].sent,
              (unsigned long long)p->side[1].heard.next, (unsigned long long)p->side[0].sent);
    pair_run(p, HF_SECONDS(1), NULL);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(p->side[i].heard.out_of_order, 0);
        cr_expect_eq(p->side[i].heard.events[HF_SESSION_MESSAGE_RETURNED], 0);
        cr_expect_eq(p->side[i].heard.events[HF_SESSION_ON_ERROR], 0);
    }
}

Test(session_pair, recognises_the_other_and_carries_framed_channels)
{
    pair p;
    hf_channel_stats stats;
    pair_init(&p, 1, NULL);
    pair_open(&p, 0, &(hf_channel_config){.name = "chat", .protocol = "mine"});
    pair_say(&p, 0, "chat", "early");
    cr_expect_eq(hf_session_get_protocol(p.side[0].session), HF_PROTOCOL_UNKNOWN);
    pair_connect(&p);
    cr_expect_eq(hf_session_get_protocol(p.side[0].session), HF_PROTOCOL_HOLDFAST);
    cr_expect_str_eq(hf_session_remote_id(p.side[0].session), hf_session_id(p.side[1].session));
    pair_say(&p, 1, "chat", "hello");
    pair_say(&p, 0, "chat", "");
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "chat:early chat: ");
    cr_expect_str_eq(p.side[0].heard.texts, "chat:hello ");
    hf_datachannel_info info;
    cr_assert_eq(hf_channel_info(pair_channel(&p, 1, "chat"), &info), HF_OK);
    cr_expect_str_eq(info.protocol, "mine", "what frames it is nobody's affair");
    cr_assert_eq(hf_channel_get_stats(pair_channel(&p, 0, "chat"), &stats), HF_OK);
    cr_expect_eq(stats.messages_acked, 2);
    cr_expect_eq(stats.kept, 0);
    cr_expect_str_eq(p.side[0].heard.story, "chat:open ");
    cr_expect_str_eq(p.side[1].heard.story, "chat:open ");
    pair_clear(&p);
}

Test(session_pair, takes_the_session_up_on_another_connection_while_the_old_one_serves)
{
    pair p;
    pair_init(&p, 2, NULL);
    pair_open(&p, 0, &(hf_channel_config){.name = "chat"});
    pair_connect(&p);
    for (int i = 0; i < 100; i++) {
        pair_say_number(&p, i % 2, "chat");
        pair_run(&p, HF_MS(3), NULL);
        if (i == 50)
            cr_assert_eq(hf_session_reconnect(p.side[0].session, p.now), HF_OK);
    }
    expect_nothing_lost(&p);
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_RESUMED], 1);
    cr_expect_eq(p.side[1].heard.events[HF_SESSION_RESUMED], 1);
    cr_expect_eq(p.side[0].heard.resumed.u.resumed_by.generation, 2);
    cr_expect_eq(p.side[0].heard.resumed.u.resumed_by.outage, 0);
    cr_expect_str_eq(p.side[1].heard.story, "chat:open resumed chat:again ");
    cr_expect_eq(hf_session_generation(p.side[1].session), 2);
    pair_clear(&p);
}

Test(session_pair, delivers_once_and_in_order_what_was_said_around_an_outage)
{
    pair p;
    pair_init(&p, 3, NULL);
    pair_open(&p, 0, &(hf_channel_config){.name = "ours"});
    pair_open(&p, 1, &(hf_channel_config){.name = "theirs"});
    pair_connect(&p);
    for (int i = 0; i < 20; i++)
        pair_say_number(&p, i % 2, i % 2 == 0 ? "ours" : "theirs");
    p.cut = true;
    pair_run(&p, HF_MS(20), NULL);
    for (int i = 0; i < 20; i++)
        pair_say_number(&p, i % 2, i % 2 == 0 ? "ours" : "theirs");
    pair_lose_path(&p);
    for (int i = 0; i < 20; i++)
        pair_say_number(&p, i % 2, i % 2 == 0 ? "ours" : "theirs");
    p.cut = false;
    cr_assert(pair_reconnect(&p, 1));
    expect_nothing_lost(&p);
    cr_expect_geq(p.side[0].heard.resumed.u.resumed_by.messages, 20);
    cr_expect_gt(p.side[0].heard.resumed.u.resumed_by.outage, HF_SECONDS(20));
    pair_clear(&p);
}

/* Each connection dies while much is under way. */
Test(session_pair, loses_nothing_of_a_transfer_over_many_connections)
{
    static uint8_t block[20000];
    pair p;
    pair_init(&p, 4, &(hf_session_config){.peer.message_max = 262144});
    pair_open(&p, 0, &(hf_channel_config){.name = "files", .send_buffer_max = 67108864});
    pair_connect(&p);
    size_t sent = 0;
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 30; k++, sent += sizeof block) {
            memset(block, i * 30 + k, sizeof block);
            hf_err err = hf_channel_send(pair_channel(&p, 0, "files"), p.now, HF_BINARY, block, sizeof block);
            cr_assert_eq(err, HF_OK);
        }
        pair_say_number(&p, 0, "files");
        p.loss = i % 3 == 0 ? 30 : 0;
        pair_run(&p, HF_MS(100), NULL);
        cr_assert(pair_reconnect(&p, i % 2), "round %d", i);
    }
    p.loss = 0;
    expect_nothing_lost(&p);
    cr_expect_eq(p.side[1].heard.bytes, sent + p.side[0].sent * 8);
    pair_clear(&p);
}

/* --- Ends ----------------------------------------------------------------------------------------------------------- */

static bool both_are_closed(pair *p)
{
    return hf_session_get_state(p->side[0].session) == HF_SESSION_CLOSED &&
           hf_session_get_state(p->side[1].session) == HF_SESSION_CLOSED;
}

Test(session_pair, closes_a_channel_behind_what_was_said_on_it)
{
    pair p;
    pair_init(&p, 5, NULL);
    pair_open(&p, 0, &(hf_channel_config){.name = "chat"});
    pair_connect(&p);
    pair_say(&p, 0, "chat", "a");
    pair_say(&p, 1, "chat", "b");
    cr_assert_eq(hf_channel_close(pair_channel(&p, 0, "chat"), p.now), HF_OK);
    pair_say(&p, 1, "chat", "c");
    cr_expect_eq(hf_channel_send(pair_channel(&p, 0, "chat"), p.now, HF_TEXT, "x", 1), HF_ESTATE);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "chat:a ");
    cr_expect_str_eq(p.side[0].heard.texts, "chat:b chat:c ");
    cr_expect_str_eq(p.side[0].heard.story, "chat:open chat:closed ");
    cr_expect_str_eq(p.side[1].heard.story, "chat:open chat:closed ");
    cr_expect_null(hf_session_channel(p.side[0].session, "chat"));

    pair_open(&p, 1, &(hf_channel_config){.name = "chat"});
    pair_say(&p, 1, "chat", "d");
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[0].heard.texts, "chat:b chat:c chat:d ");
    pair_clear(&p);
}

Test(session_pair, delivers_what_a_channel_has_that_was_closed_in_an_outage)
{
    pair p;
    pair_init(&p, 6, NULL);
    pair_open(&p, 0, &(hf_channel_config){.name = "ours"});
    pair_open(&p, 1, &(hf_channel_config){.name = "theirs"});
    pair_connect(&p);
    pair_lose_path(&p);
    pair_say(&p, 0, "ours", "a");
    pair_say(&p, 0, "theirs", "b");
    cr_assert_eq(hf_channel_close(pair_channel(&p, 0, "ours"), p.now), HF_OK);
    cr_assert_eq(hf_channel_close(pair_channel(&p, 0, "theirs"), p.now), HF_OK);
    pair_open(&p, 0, &(hf_channel_config){.name = "brief"});
    pair_say(&p, 0, "brief", "c");
    cr_assert_eq(hf_channel_close(pair_channel(&p, 0, "brief"), p.now), HF_OK);
    pair_open(&p, 0, &(hf_channel_config){.name = "idle"});
    cr_assert_eq(hf_channel_close(pair_channel(&p, 0, "idle"), p.now), HF_OK);
    p.cut = false;
    cr_assert(pair_reconnect(&p, 1));
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_not_null(strstr(p.side[1].heard.texts, "ours:a "));
    cr_expect_not_null(strstr(p.side[1].heard.texts, "theirs:b "));
    cr_expect_not_null(strstr(p.side[1].heard.texts, "brief:c "), "%s", p.side[1].heard.texts);
    for (int i = 0; i < 2; i++) {
        cr_expect_null(hf_session_channel_at(p.side[i].session, 0));
        cr_expect_eq(p.side[i].heard.events[HF_SESSION_MESSAGE_RETURNED], 0);
        cr_expect_null(strstr(p.side[i].heard.story, "="), "%s", p.side[i].heard.story);
    }
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_CHANNEL_CLOSED], 4);
    cr_expect_eq(p.side[1].heard.events[HF_SESSION_CHANNEL_CLOSED], 4, "%s", p.side[1].heard.story);
    pair_clear(&p);
}

Test(session_pair, says_goodbye_when_all_is_delivered)
{
    pair p;
    pair_init(&p, 7, NULL);
    pair_open(&p, 0, &(hf_channel_config){.name = "chat"});
    pair_open(&p, 0, &(hf_channel_config){.name = "news", .reliability = HF_MAX_RETRANSMITS});
    pair_connect(&p);
    for (int i = 0; i < 200; i++)
        pair_say_number(&p, i % 2, "chat");
    cr_assert_eq(hf_session_disconnect(p.side[0].session, p.now), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(1), both_are_closed));
    for (int i = 0; i < 2; i++) {
        const pair_heard *heard = &p.side[i].heard;
        cr_expect_eq(heard->next, 100);
        cr_expect_eq(heard->events[HF_SESSION_MESSAGE_RETURNED], 0);
        cr_expect_eq(heard->events[HF_SESSION_ON_ERROR], 0);
        cr_expect_eq(heard->events[HF_SESSION_CHANNEL_CLOSED], 2);
        cr_expect_str_eq(strrchr(heard->story, 'C') ? strrchr(heard->story, 'C') : "", "CLOSED ", "behind all: %s",
                         heard->story);
    }
    pair_clear(&p);
}

Test(session_pair, hands_back_what_it_could_not_deliver_before_it_ends)
{
    pair p;
    pair_init(&p, 8, &(hf_session_config){.linger = HF_SECONDS(3)});
    pair_open(&p, 0, &(hf_channel_config){.name = "chat"});
    pair_connect(&p);
    pair_say(&p, 0, "chat", "before");
    pair_run(&p, HF_SECONDS(1), NULL);
    p.cut = true;
    pair_say(&p, 0, "chat", "lost");
    pair_lose_path(&p);
    pair_say(&p, 0, "chat", "waits");
    hf_time since = p.now;
    cr_assert_eq(hf_session_disconnect(p.side[0].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(10), NULL);
    cr_expect_str_eq(p.side[0].heard.returned, "chat:lost? chat:waits! ");
    cr_expect_eq(p.side[0].heard.returned_last.cause, HF_ECLOSED);
    cr_expect_not_null(strstr(p.side[0].heard.story, "returned returned CLOSED"), "%s", p.side[0].heard.story);
    cr_expect_leq(p.now - since, HF_SECONDS(10));
    cr_expect_eq(hf_session_get_state(p.side[0].session), HF_SESSION_CLOSED);
    pair_clear(&p);
}

/* --- Another session ------------------------------------------------------------------------------------------------ */

static bool continuity_is_lost(pair *p)
{
    return p->side[0].heard.events[HF_SESSION_CONTINUITY_LOST] > 0 && pair_is_connected(p);
}

Test(session_pair, tells_that_the_remote_was_started_again)
{
    pair p;
    pair_init(&p, 9, NULL);
    pair_open(&p, 0, &(hf_channel_config){.name = "ours"});
    pair_open(&p, 1, &(hf_channel_config){.name = "theirs"});
    pair_connect(&p);
    pair_say(&p, 0, "ours", "a");
    pair_run(&p, HF_SECONDS(1), NULL);
    pair_say(&p, 0, "ours", "b");
    pair_restart(&p, true);
    pair_run(&p, HF_SECONDS(40), NULL);
    cr_assert_eq(hf_session_get_state(p.side[0].session), HF_SESSION_RECONNECTING);
    pair_say(&p, 0, "ours", "c");
    pair_say(&p, 0, "theirs", "d");
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(10), continuity_is_lost));
    pair_say(&p, 0, "ours", "e");
    pair_run(&p, HF_SECONDS(2), NULL);
    const pair_heard *heard = &p.side[0].heard;
    cr_expect_str_eq(heard->returned, "ours:b? ours:c! theirs:d! ");
    cr_expect_eq(heard->lost.u.lost.possibly_delivered, 1);
    cr_expect_eq(heard->lost.u.lost.not_sent, 2);
    cr_expect_not_null(strstr(heard->story, "returned returned returned lost theirs:closed=HF_ECONTINUITY"), "%s",
                       heard->story);
    cr_expect_str_eq(p.side[1].heard.texts, "ours:e ");
    cr_expect_eq(p.side[1].heard.events[HF_SESSION_CONTINUITY_LOST], 0, "it never had any");
    cr_expect_str_eq(hf_session_remote_id(p.side[0].session), hf_session_id(p.side[1].session));
    pair_clear(&p);
}

Test(session_pair, hands_back_to_a_channel_that_was_never_open_what_was_for_the_session_before)
{
    pair p;
    pair_init(&p, 10, NULL);
    pair_connect(&p);
    pair_run(&p, HF_SECONDS(1), NULL);
    hf_peer_close(hf_session_peer(p.side[1].session), p.now);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(hf_session_get_state(p.side[0].session), HF_SESSION_RECONNECTING);
    pair_open(&p, 0, &(hf_channel_config){.name = "late"});
    pair_say(&p, 0, "late", "a");
    pair_restart(&p, true);
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(10), continuity_is_lost));
    pair_say(&p, 0, "late", "b");
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_str_eq(p.side[0].heard.returned, "late:a! ");
    cr_expect_eq(p.side[0].heard.lost.u.lost.not_sent, 1);
    cr_expect_str_eq(p.side[1].heard.texts, "late:b ");
    pair_clear(&p);
}

/* Whoever was refused waits to hear that there is room again. */
static void refuse_and_begin_anew(uint64_t seed)
{
    static uint8_t block[10000];
    pair p;
    pair_init(&p, seed, NULL);
    hf_channel *channel = pair_open(&p, 0, &(hf_channel_config){.name = "ours", .send_buffer_max = 100000});
    pair_connect(&p);
    pair_run(&p, HF_SECONDS(1), NULL);
    pair_restart(&p, true);
    pair_run(&p, HF_SECONDS(40), NULL);
    hf_err err = HF_OK;
    for (int i = 0; i < 20 && err == HF_OK; i++)
        err = hf_channel_send(channel, p.now, HF_BINARY, block, sizeof block);
    cr_assert_eq(err, HF_EAGAIN);
    pair_open(&p, 1, &(hf_channel_config){.name = "ours"});
    cr_assert_eq(hf_session_connect(p.side[1].session, p.now), HF_OK);
    cr_assert(pair_run(&p, HF_SECONDS(10), continuity_is_lost));
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_MESSAGE_RETURNED], 10);
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_CHANNEL_WRITABLE], 1, "seed %d", (int)seed);
    pair_clear(&p);
}

/* The one or the other has the lower id. */
Test(session_pair, tells_that_there_is_room_where_the_remote_was_started_again_1)
{
    refuse_and_begin_anew(1);
}

Test(session_pair, tells_that_there_is_room_where_the_remote_was_started_again_2)
{
    refuse_and_begin_anew(2);
}

Test(session_pair, tells_that_there_is_room_where_the_remote_was_started_again_3)
{
    refuse_and_begin_anew(3);
}

/* --- A line that is lost ---------------------------------------------------------------------------------------------- */

/* It is lost, or somebody has changed the id in it. Whose line is lost takes the other for a Holdfast peer; that one learns
 * it from the first framed channel. */
static void lose_line(int of, bool changed)
{
    pair p;
    pair_init(&p, 20, NULL);
    p.side[of].unknown = !changed;
    p.side[of].misnamed = changed;
    pair_open(&p, 0, &(hf_channel_config){.name = "first"});
    pair_open(&p, 1, &(hf_channel_config){.name = "second"});
    pair_connect(&p);
    pair_run(&p, HF_SECONDS(1), NULL);
    const char *const names[] = {"first", "second"};
    for (int i = 0; i < 4; i++)
        pair_say(&p, i / 2, names[i % 2], "x");
    pair_run(&p, HF_SECONDS(2), NULL);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(p.side[i].heard.events[HF_SESSION_ON_DATA], 2, "side %d: %s", i, p.side[i].heard.texts);
        cr_expect_eq(p.side[i].heard.events[HF_SESSION_ON_ERROR], 0);
        cr_expect_eq(hf_session_get_state(p.side[i].session), HF_SESSION_CONNECTED);
        cr_expect_eq(hf_session_get_protocol(p.side[i].session), HF_PROTOCOL_HOLDFAST, "side %d", i);
        cr_expect_str_eq(hf_session_remote_id(p.side[i].session), hf_session_id(p.side[1 - i].session), "side %d", i);
    }
    p.side[of].unknown = p.side[of].misnamed = false;
    cr_assert(pair_reconnect(&p, of));
    pair_run(&p, HF_SECONDS(1), NULL);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(p.side[i].heard.events[HF_SESSION_CONTINUITY_LOST], 0, "side %d", i);
    pair_clear(&p);
}

Test(session_pair, misreads_nothing_where_the_line_of_the_offer_is_lost)
{
    lose_line(0, false);
}

Test(session_pair, misreads_nothing_where_the_line_of_the_answer_is_lost)
{
    lose_line(1, false);
}

Test(session_pair, misreads_nothing_where_the_line_of_the_offer_is_changed)
{
    lose_line(0, true);
}

Test(session_pair, misreads_nothing_where_the_line_of_the_answer_is_changed)
{
    lose_line(1, true);
}

/* Later a HELLO that is not of whom the descriptions named, or not for us, is none. */
Test(session_pair, takes_no_hello_with_other_ids_when_they_are_known)
{
    for (int of = 0; of < 2; of++) {
        pair p;
        pair_init(&p, 21, NULL);
        pair_open(&p, 0, &(hf_channel_config){.name = "chat"});
        pair_connect(&p);
        pair_run(&p, HF_SECONDS(1), NULL);
        p.side[of].misnamed = true;
        cr_expect_not(pair_reconnect(&p, 0), "the line of %d", of);
        p.side[of].misnamed = false;
        pair_say(&p, 0, "chat", "x");
        pair_run(&p, HF_SECONDS(2), NULL);
        cr_expect_str_eq(p.side[1].heard.texts, "chat:x ", "the line of %d", of);
        cr_expect(pair_reconnect(&p, 0), "the line of %d", of);
        for (int i = 0; i < 2; i++)
            cr_expect_eq(p.side[i].heard.events[HF_SESSION_CONTINUITY_LOST], 0, "the line of %d, side %d", of, i);
        pair_clear(&p);
    }
}
