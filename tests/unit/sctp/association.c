/* association.c: an association from its first packet to its end. */
#include "pair.h"

#include <chunk.h>
#include <crc32c.h>

#include <criterion/criterion.h>

#include <string.h>

Test(sctp_association, brings_messages_both_ways)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "chat"});
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(5)));
    hf_datachannel other = pair_find(&p.b, HF_SCTP_CHANNEL_OPEN, 0)->event.channel;
    cr_expect_eq(pair_send_text(&p, &p.a, channel, "hello"), HF_OK);
    cr_expect_eq(pair_send_text(&p, &p.b, other, "hello yourself"), HF_OK);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(1)));
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(1)));
    cr_expect_eq(memcmp(p.a.last, "hello yourself", 14), 0);
    cr_expect_eq(memcmp(p.b.last, "hello", 5), 0);
    pair_clear(&p);
}

/* Somebody has written another port into a description; the path works. */
Test(sctp_association, is_given_up_where_the_remote_is_heard_and_nothing_comes_of_it)
{
    pair p;
    pair_init(&p, 1);
    p.remote_a.port = 5001;
    pair_open(&p);
    pair_start(&p);
    pair_run(&p, HF_SECONDS(9));
    cr_expect_eq(pair_count(&p.a, HF_SCTP_DOWN) + pair_count(&p.b, HF_SCTP_DOWN), 0);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_DOWN, 1, HF_SECONDS(6)));
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_DOWN, 1, HF_SECONDS(6)));
    cr_expect_eq(pair_find(&p.a, HF_SCTP_DOWN, 0)->event.cause, HF_ETIMEDOUT);
    pair_clear(&p);
}

/* Where nothing is heard, the path decides. */
Test(sctp_association, is_waited_for_where_nothing_is_heard)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    p.cut = true;
    pair_start(&p);
    pair_run(&p, HF_SECONDS(120));
    p.cut = false;
    cr_expect(pair_wait(&p, &p.a, HF_SCTP_UP, 1, HF_SECONDS(3)));
    cr_expect(pair_wait(&p, &p.b, HF_SCTP_UP, 1, HF_SECONDS(3)));
    pair_clear(&p);
}

Test(sctp_association, is_told_up_once_and_idle_then)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_UP), 1);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
    cr_expect_eq(hf_sctp_deadline(p.b.sctp), HF_NEVER);
    uint64_t packets = p.packets;
    pair_run(&p, HF_SECONDS(3600));
    cr_expect_eq(p.packets, packets, "no heartbeats");
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    cr_expect_eq(pair_send_text(&p, &p.a, a, "an hour later"), HF_OK);
    hf_time sent = p.now;
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(1)));
    cr_expect_leq(p.now - sent, 2 * PAIR_DELAY);
    pair_clear(&p);
}

static bool drop_the_first(pair *p, pair_end *to, hf_bytes packet)
{
    unsigned *left = p->context;
    (void)to;
    (void)packet;
    if (*left == 0)
        return false;
    --*left;
    return true;
}

Test(sctp_association, does_not_lose_a_second_with_its_first_flight)
{
    pair p;
    pair_init(&p, 1);
    unsigned lost = 2; /* both INITs */
    p.context = &lost;
    p.drop = drop_the_first;
    pair_open(&p);
    hf_time begin = p.now;
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_UP, 1, HF_SECONDS(5)));
    cr_expect_leq(p.now - begin, HF_MS(300), "%d ms", (int)((p.now - begin) / 1000));
    pair_clear(&p);
}

/* COOKIE ECHO, once for each end. */
static bool drop_the_first_cookies(pair *p, pair_end *to, hf_bytes packet)
{
    unsigned *left = p->context;
    (void)to;
    if (packet.len < 13 || packet.data[12] != 10 || *left == 0)
        return false;
    --*left;
    return true;
}

Test(sctp_association, does_not_lose_a_second_with_its_cookie)
{
    pair p;
    pair_init(&p, 1);
    unsigned lost = 2;
    p.context = &lost;
    p.drop = drop_the_first_cookies;
    pair_open(&p);
    hf_time begin = p.now;
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_UP, 1, HF_SECONDS(5)));
    cr_expect_eq(lost, 0);
    cr_expect_leq(p.now - begin, HF_MS(350), "%d ms", (int)((p.now - begin) / 1000));
    pair_clear(&p);
}

Test(sctp_association, that_starts_late_finds_the_other)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    cr_assert_eq(hf_sctp_start(p.a.sctp, p.now, &p.remote_a), HF_OK);
    pair_run(&p, HF_SECONDS(3));
    cr_assert_eq(hf_sctp_start(p.b.sctp, p.now, &p.remote_b), HF_OK);
    cr_expect_eq(hf_sctp_start(p.b.sctp, p.now, &p.remote_b), HF_ESTATE);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_UP, 1, HF_MS(500)));
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_UP, 1, HF_MS(500)));
    pair_clear(&p);
}

Test(sctp_association, goes_down_at_both_ends_with_an_abort)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_send_text(&p, &p.a, a, "last words");
    pair_run(&p, HF_MS(100));
    hf_sctp_abort(p.a.sctp, p.now);
    pair_run(&p, HF_MS(100));
    pair_end *ends[] = {&p.a, &p.b};
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(pair_count(ends[i], HF_SCTP_CHANNEL_CLOSED), 1);
        cr_assert_eq(pair_count(ends[i], HF_SCTP_DOWN), 1);
        cr_expect_eq(pair_find(ends[i], HF_SCTP_DOWN, 0)->event.cause, HF_ECLOSED);
        cr_expect_eq(ends[i]->events[ends[i]->events_len - 1].event.type, HF_SCTP_DOWN, "nothing comes behind");
        cr_expect_eq(hf_sctp_deadline(ends[i]->sctp), HF_NEVER);
    }
    hf_datachannel other;
    cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &(hf_datachannel_config){0}, &other), HF_ECLOSED);
    hf_sctp_abort(p.a.sctp, p.now);
    pair_clear(&p);
}

/* The abort of Chromium and Firefox: cause 12 with the words "Close called". */
static bool looks_like_a_browsers_abort(pair *p, pair_end *to, hf_bytes packet)
{
    static const uint8_t abort_chunk[] = {6,   0,   0,   20,  0,   12,  0,   16,  'C', 'l',
                                          'o', 's', 'e', ' ', 'c', 'a', 'l', 'l', 'e', 'd'};
    (void)to;
    if (packet.len == 12 + sizeof abort_chunk && memcmp(packet.data + 12, abort_chunk, sizeof abort_chunk) == 0)
        *(bool *)p->context = true;
    return false;
}

Test(sctp_association, aborts_in_the_words_of_browsers)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    bool seen = false;
    p.context = &seen;
    p.drop = looks_like_a_browsers_abort;
    hf_sctp_abort(p.a.sctp, p.now);
    pair_drain(&p, &p.a);
    cr_expect(seen);
    pair_clear(&p);
}

/* Keeps the common header, good for one more packet, of an abort that never arrives. */
static bool withhold_abort(pair *p, pair_end *to, hf_bytes packet)
{
    (void)to;
    if (packet.len < 16 || packet.data[12] != HF_CHUNK_ABORT)
        return false;
    memcpy(p->context, packet.data, 12);
    return true;
}

Test(sctp_association, tells_a_remotes_wish_to_close_from_its_complaint)
{
    static const struct {
        uint8_t chunk[12], len;
        hf_err expected;
        const char *why;
    } rows[] = {
        {{6, 0, 0, 4}, 4, HF_ECLOSED, "no cause: close() of aiortc"},
        {{6, 0, 0, 8, 0, 12, 0, 4}, 8, HF_ECLOSED, "User-Initiated"},
        {{6, 0, 0, 8, 0, 13, 0, 4}, 8, HF_EABORTED, "Protocol Violation"},
        {{6, 0, 0, 12, 0, 9, 0, 8, 0, 0, 0, 1}, 12, HF_EABORTED, "No User Data"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pair p;
        pair_init(&p, 1);
        pair_up(&p);
        uint8_t packet[24] = {0};
        p.context = packet;
        p.drop = withhold_abort;
        hf_sctp_abort(p.a.sctp, p.now);
        pair_run(&p, HF_MS(1));
        memcpy(packet + 12, rows[i].chunk, rows[i].len);
        size_t len = 12u + rows[i].len;
        hf_crc32c_seal(packet, len);
        hf_sctp_input(p.b.sctp, p.now, &(hf_bytes){packet, len}, 1);
        pair_drain(&p, &p.b);
        cr_assert_eq(pair_count(&p.b, HF_SCTP_DOWN), 1, "%s", rows[i].why);
        cr_expect_eq(pair_find(&p.b, HF_SCTP_DOWN, 0)->event.cause, rows[i].expected, "%s", rows[i].why);
        pair_clear(&p);
    }
}

Test(sctp_association, may_be_aborted_before_it_is_up)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_channel(&p, &p.b, &(hf_datachannel_config){0});
    cr_assert_eq(hf_sctp_start(p.a.sctp, p.now, &p.remote_a), HF_OK);
    hf_sctp_abort(p.a.sctp, p.now);
    hf_sctp_abort(p.b.sctp, p.now);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(pair_count(&p.a, HF_SCTP_DOWN), 1);
    cr_expect_eq(pair_count(&p.b, HF_SCTP_DOWN), 1);
    cr_expect_eq(hf_sctp_start(p.b.sctp, p.now, &p.remote_b), HF_ECLOSED);
    pair_clear(&p);
}

Test(sctp_association, waits_two_delayed_sacks_before_it_sends_again_and_longer_on_a_long_path)
{
    static const struct {
        hf_span delay, least, most;
    } rows[] = {
        {HF_MS(10), HF_MS(390), HF_MS(600)},
        {HF_MS(1000), HF_MS(3800), HF_MS(7000)},
    };
    for (size_t i = 0; i < 2; i++) {
        pair p;
        pair_init(&p, 1);
        p.delay = rows[i].delay;
        p.remote_a.rtt = p.remote_b.rtt = 2 * rows[i].delay;
        pair_open(&p);
        hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
        pair_start(&p);
        cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(60)));
        for (int n = 0; n < 30; n++) {
            cr_assert_eq(pair_send_text(&p, &p.a, a, "measures the path"), HF_OK);
            pair_run(&p, HF_MS(2500));
        }
        unsigned lost = 1;
        p.context = &lost;
        p.drop = drop_the_first;
        size_t before = p.b.messages;
        hf_time sent = p.now;
        cr_assert_eq(pair_send_text(&p, &p.a, a, "lost"), HF_OK);
        cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, before + 1, HF_SECONDS(60)));
        hf_span waited = p.now - sent - p.delay;
        cr_expect(waited >= rows[i].least && waited <= rows[i].most, "%d ms", (int)(waited / 1000));
        hf_sctp_facts facts;
        hf_sctp_get_facts(p.a.sctp, &facts);
        cr_expect_eq(facts.retransmissions, 1, "%d", (int)facts.retransmissions);
        pair_clear(&p);
    }
}

static void whole_life(pair *p)
{
    hf_datachannel a = 0, b = 0;
    if (hf_sctp_new(&p->a.sctp, &p->config_a, p->engine, &p->env.env) != HF_OK)
        p->a.sctp = NULL;
    if (hf_sctp_new(&p->b.sctp, &p->config_b, p->engine, &p->env.env) != HF_OK)
        p->b.sctp = NULL;
    if (!p->a.sctp || !p->b.sctp)
        return;
    hf_err opened = hf_sctp_channel_open(p->a.sctp, p->now, &(hf_datachannel_config){.label = "x"}, &a);
    if (hf_sctp_start(p->a.sctp, p->now, &p->remote_a) != HF_OK || hf_sctp_start(p->b.sctp, p->now, &p->remote_b) != HF_OK)
        return;
    pair_run(p, HF_MS(500));
    static uint8_t bytes[20000];
    if (opened == HF_OK) {
        for (int i = 0; i < 10; i++)
            (void)!pair_send(p, &p->a, a, bytes, sizeof bytes);
        pair_run(p, HF_MS(500));
        (void)!hf_sctp_channel_close(p->a.sctp, p->now, a);
    }
    if (hf_sctp_channel_open(p->a.sctp, p->now, &(hf_datachannel_config){.unordered = true}, &a) == HF_OK) {
        pair_run(p, HF_MS(500));
        p->late = 300;
        for (int i = 0; i < 5; i++)
            (void)!pair_send(p, &p->a, a, bytes, sizeof bytes);
    }
    (void)!hf_sctp_channel_open(p->b.sctp, p->now, &(hf_datachannel_config){.label = "y"}, &b);
    pair_run(p, HF_SECONDS(5));
}

Test(sctp_association, survives_each_failed_allocation)
{
    for (size_t n = 1;; n++) {
        pair p;
        pair_init(&p, 7);
        size_t before = p.env.allocations;
        p.env.fail_at = before + n;
        whole_life(&p);
        bool done = p.env.allocations < before + n;
        pair_clear(&p);
        if (done)
            break;
        cr_assert_lt(n, 2000);
    }
}
