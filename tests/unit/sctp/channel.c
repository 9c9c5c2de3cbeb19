/* channel.c: how channels open, what ids they have, and what they say of themselves. */
#include "pair.h"

#include <dcep.h>
#include <sctp_priv.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static hf_datachannel_info info(const pair_end *end, hf_datachannel channel)
{
    hf_datachannel_info i = {0};
    cr_assert_eq(hf_sctp_channel_info(end->sctp, channel, &i), HF_OK);
    return i;
}

static hf_datachannel opened(const pair_end *end, size_t nth)
{
    const pair_event *e = pair_find(end, HF_SCTP_CHANNEL_OPEN, nth);
    cr_assert(e);
    return e->event.channel;
}

/* Sends a DCEP message of our making on a stream of b, which has a negotiated channel there. */
static void send_dcep(pair *p, hf_datachannel from, const void *bytes, size_t len)
{
    cr_assert_eq(hf_sender_queue(p->b.sctp, hf_sctp_channel_find(p->b.sctp, from), HF_PPID_DCEP, hf_bytes_of(bytes, len)),
                 HF_OK);
    hf_sender_feed(p->b.sctp);
    pair_run(p, HF_MS(100));
}

Test(sctp_channel, of_each_kind_is_the_same_at_the_other_end)
{
    static const hf_datachannel_config kinds[] = {
        {.label = "reliable"},
        {.label = "unordered", .unordered = true},
        {.label = "rtx", .reliability = HF_MAX_RETRANSMITS, .reliability_limit = 3},
        {.label = "rtx0", .reliability = HF_MAX_RETRANSMITS, .unordered = true},
        {.label = "ttl", .reliability = HF_MAX_LIFETIME, .reliability_limit = 500},
        {.label = "both",
         .protocol = "json",
         .reliability = HF_MAX_LIFETIME,
         .reliability_limit = 65535,
         .unordered = true,
         .priority = 1024},
        {.label = "Gr\xC3\xBC\xC3\x9F"
                  "e \xE2\x82\xAC",
         .protocol = "\xF0\x9F\x98\x80"},
        {0},
    };
    enum { N = sizeof kinds / sizeof *kinds };
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel ours[N];
    for (size_t i = 0; i < N; i++) {
        ours[i] = pair_channel(&p, &p.a, &kinds[i]);
        cr_expect_eq(pair_send_text(&p, &p.a, ours[i], "hello"), HF_OK);
    }
    pair_run(&p, HF_SECONDS(1));
    cr_assert_eq(pair_count(&p.b, HF_SCTP_CHANNEL_OPEN), N);
    cr_expect_eq(pair_count(&p.b, HF_SCTP_CHANNEL_MESSAGE), N);
    for (size_t i = 0; i < N; i++) {
        hf_datachannel_info a = info(&p.a, ours[i]), b = info(&p.b, opened(&p.b, i));
        cr_expect_str_eq(b.label, kinds[i].label ? kinds[i].label : "");
        cr_expect_str_eq(b.protocol, kinds[i].protocol ? kinds[i].protocol : "");
        cr_expect_eq(b.unordered, kinds[i].unordered);
        cr_expect_eq(b.reliability, kinds[i].reliability);
        cr_expect_eq(b.reliability_limit, kinds[i].reliability_limit);
        cr_expect_eq(b.priority, kinds[i].priority ? kinds[i].priority : 256);
        cr_expect(b.remote && !a.remote && b.has_id && a.has_id);
        cr_expect_eq(a.id, b.id);
        cr_expect_eq(a.id, 2 * i);
        cr_expect_eq(a.state, HF_DATACHANNEL_OPEN);
        cr_expect_eq(a.messages_sent, 1);
        cr_expect_eq(a.bytes_sent, 5);
        cr_expect_eq(b.messages_received, 1);
        cr_expect_eq(b.bytes_received, 5);
    }
    pair_clear(&p);
}

Test(sctp_channel, sends_before_the_association_is_up_and_behind_its_open)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "early"});
    cr_expect_not(info(&p.a, a).has_id, "the id depends on the DTLS role");
    cr_expect_eq(info(&p.a, a).state, HF_DATACHANNEL_CONNECTING);
    cr_expect_eq(pair_send_text(&p, &p.a, a, "early"), HF_OK);
    cr_expect_eq(info(&p.a, a).buffered_amount, 5);
    hf_time begin = p.now;
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(1)));
    cr_expect_leq(p.now - begin, 3 * PAIR_DELAY, "the data comes with COOKIE ECHO");
    cr_expect_eq(info(&p.a, a).buffered_amount, 0);
    pair_run(&p, HF_MS(100));
    cr_expect_lt(pair_find(&p.a, HF_SCTP_UP, 0), pair_find(&p.a, HF_SCTP_CHANNEL_OPEN, 0), "UP is told before");
    pair_clear(&p);
}

Test(sctp_channel, has_an_even_id_at_the_dtls_client_and_an_odd_one_at_the_server)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel a[2], b[2];
    for (size_t i = 0; i < 2; i++) {
        a[i] = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
        b[i] = pair_channel(&p, &p.b, &(hf_datachannel_config){0});
    }
    pair_start(&p);
    pair_run(&p, HF_SECONDS(1));
    for (uint16_t i = 0; i < 2; i++) {
        cr_expect_eq(info(&p.a, a[i]).id, 2 * i);
        cr_expect_eq(info(&p.b, b[i]).id, 2 * i + 1);
    }
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_OPEN), 4);
    cr_expect_eq(pair_count(&p.b, HF_SCTP_CHANNEL_OPEN), 4);
    pair_clear(&p);
}

Test(sctp_channel, that_is_negotiated_needs_no_message)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel_config config = {.label = "n", .negotiated = true, .id = 1023};
    hf_datachannel a = pair_channel(&p, &p.a, &config), b = pair_channel(&p, &p.b, &config), other;
    cr_expect(info(&p.a, a).has_id);
    cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &config, &other), HF_EEXIST);
    config.id = 1024;
    cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &config, &other), HF_ELIMIT);
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(1)));
    cr_expect_eq(pair_send_text(&p, &p.a, a, "one"), HF_OK);
    cr_expect_eq(pair_send_text(&p, &p.b, b, "two"), HF_OK);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.a.messages, 1);
    cr_expect_eq(p.b.messages, 1);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_OPEN), 1);
    pair_clear(&p);
}

Test(sctp_channel, that_is_negotiated_late_gets_what_came_before)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel_config config = {.negotiated = true, .id = 7};
    hf_datachannel a = pair_channel(&p, &p.a, &config);
    cr_expect_eq(pair_send_text(&p, &p.a, a, "one"), HF_OK);
    cr_expect_eq(pair_send_text(&p, &p.a, a, "two"), HF_OK);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.b.messages, 0);
    pair_channel(&p, &p.b, &config);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.b.messages, 2);
    cr_expect_eq(memcmp(p.b.last, "two", 3), 0);
    pair_clear(&p);
}

Test(sctp_channel, is_refused_when_its_description_is_wrong)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    static char long_name[HF_LABEL_MAX + 2];
    memset(long_name, 'x', HF_LABEL_MAX + 1);
    const struct {
        hf_datachannel_config config;
        const char *why;
    } rows[] = {
        {{.label = "\xFF"}, "a label that is not UTF-8"},
        {{.protocol = "\xC3"}, "a protocol cut in a character"},
        {{.label = long_name}, "a label too long"},
        {{.reliability = (hf_reliability)7}, "a reliability that is none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_datachannel channel;
        cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &rows[i].config, &channel), HF_EINVAL, "%s", rows[i].why);
    }
    pair_clear(&p);
}

Test(sctp_channel, may_have_names_of_65535_bytes)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    static char name[HF_LABEL_MAX + 1];
    memset(name, 'x', HF_LABEL_MAX);
    pair_channel(&p, &p.a, &(hf_datachannel_config){.label = name, .protocol = name});
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(5)));
    hf_datachannel_info i = info(&p.b, opened(&p.b, 0));
    cr_expect_eq(strlen(i.label), HF_LABEL_MAX);
    cr_expect_eq(strlen(i.protocol), HF_LABEL_MAX);
    pair_clear(&p);
}

Test(sctp_channel, names_of_the_remote_take_bounded_memory)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    static char name[HF_LABEL_MAX + 1];
    memset(name, 'x', HF_LABEL_MAX);
    for (int i = 0; i < 12; i++)
        pair_channel(&p, &p.a, &(hf_datachannel_config){.label = name, .protocol = name});
    pair_run(&p, HF_SECONDS(20));
    size_t fit = HF_SCTP_NAMES_BYTES_MAX / (2 * HF_LABEL_MAX);
    cr_expect_eq(pair_count(&p.b, HF_SCTP_CHANNEL_OPEN), fit);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 12 - fit, "the others are reset");
    hf_sctp_stats stats;
    hf_sctp_get_stats(p.b.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_DCEP], 12 - fit);
    pair_clear(&p);
}

Test(sctp_channel, ids_run_out_and_come_back)
{
    pair p;
    pair_init(&p, 1);
    p.config_a.streams_max = p.config_b.streams_max = 8;
    pair_up(&p);
    hf_datachannel a[4], other;
    for (size_t i = 0; i < 4; i++)
        a[i] = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &(hf_datachannel_config){0}, &other), HF_ELIMIT);
    pair_run(&p, HF_MS(100));
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a[2]), HF_OK);
    cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &(hf_datachannel_config){0}, &other), HF_ELIMIT, "not reset yet");
    pair_drain(&p, &p.a);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(5)));
    hf_datachannel again = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "again"});
    cr_expect_eq(info(&p.a, again).id, 4);
    cr_expect_neq(again, a[2], "handles are never used again");
    cr_expect_eq(pair_send_text(&p, &p.a, again, "hi"), HF_OK);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(5)));
    pair_clear(&p);
}

Test(sctp_channel, is_closed_when_the_start_finds_no_id_for_it)
{
    pair p;
    pair_init(&p, 1);
    p.config_a.streams_max = 4;
    pair_open(&p);
    for (size_t i = 0; i < 3; i++)
        pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_start(&p);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_OPEN), 2);
    cr_assert_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 1);
    cr_expect_eq(pair_find(&p.a, HF_SCTP_CHANNEL_CLOSED, 0)->event.cause, HF_ELIMIT);
    pair_clear(&p);
}

Test(sctp_channel, is_closed_when_the_remote_has_fewer_streams)
{
    pair p;
    pair_init(&p, 1);
    p.config_b.streams_max = 4;
    pair_open(&p);
    for (size_t i = 0; i < 3; i++)
        pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_start(&p);
    pair_run(&p, HF_SECONDS(3));
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_OPEN), 2);
    cr_expect_eq(pair_count(&p.b, HF_SCTP_CHANNEL_OPEN), 2);
    cr_assert_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 1);
    cr_expect_eq(pair_find(&p.a, HF_SCTP_CHANNEL_CLOSED, 0)->event.cause, HF_ELIMIT);
    hf_datachannel other;
    cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &(hf_datachannel_config){0}, &other), HF_ELIMIT);
    cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
    pair_clear(&p);
}

Test(sctp_channel, is_unknown_once_its_close_was_told)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_MS(100));
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_OK, "closing twice is fine");
    cr_expect_eq(pair_send_text(&p, &p.a, a, "late"), HF_ESTATE);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(5)));
    hf_datachannel_info i;
    cr_expect_eq(hf_sctp_channel_info(p.a.sctp, a, &i), HF_ENOENT);
    cr_expect_eq(hf_sctp_channel_close(p.a.sctp, p.now, a), HF_ENOENT);
    cr_expect_eq(hf_sctp_channel_set_low(p.a.sctp, a, 1), HF_ENOENT);
    cr_expect_eq(pair_send_text(&p, &p.a, a, "late"), HF_ENOENT);
    cr_expect_eq(pair_send_text(&p, &p.a, 4711, "nobody"), HF_ENOENT);
    cr_expect_eq(p.env.log_lines, 0, "%s", p.env.log_last);
    pair_clear(&p);
}

static const uint8_t open_message[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'};

Test(sctp_channel, opened_by_the_remote_with_an_id_of_ours_is_reset)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel even = pair_channel(&p, &p.b, &(hf_datachannel_config){.negotiated = true, .id = 10});
    send_dcep(&p, even, open_message, sizeof open_message);
    hf_sctp_stats stats;
    hf_sctp_get_stats(p.a.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_DCEP], 1);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_OPEN), 0);
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(5)), "its stream is reset");
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
    hf_datachannel ours = pair_channel(&p, &p.a, &(hf_datachannel_config){.negotiated = true, .id = 10});
    cr_expect_neq(ours, 0, "the id is free again");
    pair_clear(&p);
}

Test(sctp_channel, opened_twice_by_the_remote_is_closed)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel b = pair_channel(&p, &p.b, &(hf_datachannel_config){.label = "first"});
    pair_run(&p, HF_MS(100));
    send_dcep(&p, b, open_message, sizeof open_message);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_OPEN), 1);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(5)));
    cr_expect_eq(pair_find(&p.a, HF_SCTP_CHANNEL_CLOSED, 0)->event.cause, HF_EPROTO);
    pair_clear(&p);
}

Test(sctp_channel, opened_with_a_malformed_message_is_reset)
{
    static const struct {
        uint8_t bytes[16];
        size_t len;
        const char *why;
    } rows[] = {
        {{3, 0, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 'x'}, 13, "a label that overruns"},
        {{3, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12, "an unknown channel type"},
        {{3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xFF}, 13, "a label that is not UTF-8"},
        {{7}, 1, "an unknown message"},
    };
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_datachannel_config config = {.negotiated = true, .id = (uint16_t)(2 * i + 1)};
        send_dcep(&p, pair_channel(&p, &p.b, &config), rows[i].bytes, rows[i].len);
        cr_expect(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, i + 1, HF_SECONDS(5)), "%s", rows[i].why);
    }
    hf_sctp_stats stats;
    hf_sctp_get_stats(p.a.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_DCEP], sizeof rows / sizeof *rows);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_OPEN), 0);
    pair_clear(&p);
}

Test(sctp_channel, is_not_hurt_by_a_senseless_ack_or_by_malformed_dcep)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel b = pair_channel(&p, &p.b, &(hf_datachannel_config){.label = "first"});
    pair_run(&p, HF_MS(100));
    send_dcep(&p, b, "\2", 1);
    send_dcep(&p, b, "\2\2", 2);
    hf_sctp_stats stats;
    hf_sctp_get_stats(p.a.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_DCEP], 2);
    cr_expect_eq(pair_send_text(&p, &p.b, b, "still here"), HF_OK);
    cr_expect(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(1)));
    pair_clear(&p);
}

Test(sctp_channel, messages_of_unknown_kinds_are_counted)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel b = pair_channel(&p, &p.b, &(hf_datachannel_config){0});
    pair_run(&p, HF_MS(100));
    static const uint32_t kinds[] = {0, 49, 52, 54, 55, 58, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        hf_sctp_channel *channel = hf_sctp_channel_find(p.b.sctp, b);
        cr_assert_eq(hf_sender_queue(p.b.sctp, channel, (hf_ppid)kinds[i], hf_bytes_of("x", 1)), HF_OK);
    }
    hf_sender_feed(p.b.sctp);
    pair_run(&p, HF_SECONDS(1));
    hf_sctp_stats stats;
    hf_sctp_get_stats(p.a.sctp, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_UNKNOWN_STREAM], sizeof kinds / sizeof *kinds);
    cr_expect_eq(p.a.messages, 0);
    pair_clear(&p);
}
