/* transfer.c: what is sent arrives: every size, every kind, on bad networks too. */
#include "pair.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Test(sctp_transfer, brings_every_size_byte_for_byte)
{
    static const size_t sizes[] = {0,    1,    2,    3,     4,     1000,  1171,   1172,   1173,
                                   1200, 4095, 4096, 16384, 65535, 65536, 200000, 262143, 262144};
    enum { N = sizeof sizes / sizeof *sizes };
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    uint8_t *bytes = malloc(262144);
    for (size_t i = 0; i < N; i++) {
        pair_fill(bytes, sizes[i], i);
        hf_message_kind kind = i % 2 ? HF_TEXT : HF_BINARY;
        cr_assert_eq(hf_sctp_channel_send(p.a.sctp, p.now, a, kind, (hf_bytes){sizes[i] ? bytes : NULL, sizes[i]}), HF_OK);
    }
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, N, HF_SECONDS(30)));
    for (size_t i = 0; i < N; i++) {
        const pair_event *e = pair_find(&p.b, HF_SCTP_CHANNEL_MESSAGE, i);
        pair_fill(bytes, sizes[i], i);
        cr_expect_eq(e->len, sizes[i]);
        cr_expect_eq(e->hash, pair_hash(bytes, sizes[i]));
        cr_expect_eq(e->event.kind, i % 2 ? HF_TEXT : HF_BINARY);
    }
    free(bytes);
    pair_run(&p, HF_SECONDS(1));
    hf_sctp_facts facts;
    hf_sctp_get_facts(p.a.sctp, &facts);
    cr_expect_eq(facts.bytes_given, facts.bytes_sent);
    cr_expect_eq(facts.bytes_sent, facts.bytes_acked);
    cr_expect_eq(facts.retransmissions, 0);
    cr_expect(facts.srtt >= HF_MS(15) && facts.srtt <= HF_MS(60), "%d us", (int)facts.srtt);
    pair_clear(&p);
}

typedef struct flood {
    uint32_t sent, next;
} flood;

/* Sends what numbers are left until the channel is full. */
static void pump(pair *p, pair_end *end, hf_datachannel channel, flood *f, uint32_t n)
{
    uint8_t bytes[400];
    while (f->sent < n) {
        size_t len = 4 + f->sent * 7 % 390;
        pair_fill(bytes, len, f->sent);
        memcpy(bytes, &f->sent, 4);
        if (pair_send(p, end, channel, bytes, len) != HF_OK)
            return;
        f->sent++;
    }
}

static bool are_in_order(const pair_end *end, uint32_t n)
{
    uint8_t bytes[400];
    uint32_t next = 0;
    for (size_t i = 0; i < end->events_len; i++) {
        const pair_event *e = &end->events[i];
        if (e->event.type != HF_SCTP_CHANNEL_MESSAGE)
            continue;
        size_t len = 4 + next * 7 % 390;
        pair_fill(bytes, len, next);
        memcpy(bytes, &next, 4);
        if (e->len != len || e->hash != pair_hash(bytes, len))
            return false;
        next++;
    }
    return next == n;
}

static void flood_both(pair *p, uint32_t n, hf_span limit)
{
    pair_open(p);
    hf_datachannel_config config = {.negotiated = true, .id = 2};
    hf_datachannel a = pair_channel(p, &p->a, &config), b = pair_channel(p, &p->b, &config);
    pair_start(p);
    flood from_a = {0}, from_b = {0};
    hf_time until = p->now + limit;
    while ((p->a.messages < n || p->b.messages < n) && p->now < until) {
        pump(p, &p->a, a, &from_a, n);
        pump(p, &p->b, b, &from_b, n);
        pair_run(p, HF_MS(50));
    }
    cr_expect(are_in_order(&p->a, n), "%zu came", p->a.messages);
    cr_expect(are_in_order(&p->b, n), "%zu came", p->b.messages);
}

Test(sctp_transfer, brings_ten_thousand_messages_both_ways)
{
    pair p;
    pair_init(&p, 1);
    flood_both(&p, 10000, HF_SECONDS(60));
    pair_clear(&p);
}

Test(sctp_transfer, brings_all_in_order_over_a_network_that_loses_delays_and_repeats)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        pair p;
        pair_init(&p, seed);
        p.lost = 50;
        p.late = 50;
        p.twice = 50;
        flood_both(&p, 2000, HF_SECONDS(600));
        hf_sctp_facts facts;
        hf_sctp_get_facts(p.a.sctp, &facts);
        cr_expect_gt(facts.retransmissions, 0);
        pair_clear(&p);
    }
}

static uint64_t trace_of(uint64_t seed, uint64_t *packets)
{
    pair p;
    pair_init(&p, seed);
    p.lost = 20;
    p.late = 30;
    flood_both(&p, 1000, HF_SECONDS(600));
    uint64_t trace = p.trace;
    *packets = p.packets;
    pair_clear(&p);
    return trace;
}

/* One run a process: usrsctp's globals outlive a run, so the two are made in children. */
static void run_in_child(uint64_t seed, uint64_t out[2])
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        uint64_t result[2];
        result[0] = trace_of(seed, &result[1]);
        _exit(write(ends[1], result, sizeof result) == sizeof result ? 0 : 1);
    }
    close(ends[1]);
    cr_assert_eq(read(ends[0], out, 2 * sizeof *out), (ssize_t)(2 * sizeof *out));
    close(ends[0]);
    cr_assert_eq(waitpid(child, NULL, 0), child);
}

Test(sctp_transfer, is_the_same_packet_for_packet_with_the_same_seed)
{
    uint64_t one[2], two[2], three[2];
    run_in_child(11, one);
    run_in_child(11, two);
    run_in_child(12, three);
    cr_expect_gt(one[1], 100);
    cr_expect_eq(one[1], two[1]);
    cr_expect_eq(one[0], two[0]);
    cr_expect_neq(one[0], three[0]);
}

Test(sctp_transfer, without_retransmission_loses_some_and_gets_stuck_never)
{
    static const hf_datachannel_config kinds[] = {
        {.reliability = HF_MAX_RETRANSMITS, .unordered = true},
        {.reliability = HF_MAX_RETRANSMITS},
        {.reliability = HF_MAX_LIFETIME, .reliability_limit = 50, .unordered = true},
        {.reliability = HF_MAX_LIFETIME, .reliability_limit = 50},
    };
    static uint8_t bytes[5000];
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        pair p;
        pair_init(&p, kind + 1);
        pair_up(&p);
        hf_datachannel a = pair_channel(&p, &p.a, &kinds[kind]);
        hf_datachannel reliable = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
        pair_run(&p, HF_MS(100));
        p.lost = 200;
        for (size_t i = 0; i < 300; i++) {
            cr_expect_eq(pair_send(&p, &p.a, a, bytes, i % 3 == 0 ? sizeof bytes : 100), HF_OK);
            pair_run(&p, HF_MS(20));
        }
        cr_expect_lt(p.b.messages, 300);
        p.lost = 0;
        pair_run(&p, HF_SECONDS(10));
        cr_expect_gt(p.b.messages, 20, "kind %zu: %zu", kind, p.b.messages);
        size_t before = p.b.messages;
        for (size_t i = 0; i < 50; i++) {
            cr_expect_eq(pair_send(&p, &p.a, a, bytes, 100), HF_OK);
            cr_expect_eq(pair_send(&p, &p.a, reliable, bytes, sizeof bytes), HF_OK);
            pair_run(&p, HF_MS(20));
        }
        pair_run(&p, HF_SECONDS(5));
        cr_expect_eq(p.b.messages, before + 100, "kind %zu: %zu of 100", kind, p.b.messages - before);
        cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
        pair_clear(&p);
    }
}

Test(sctp_transfer, what_is_older_than_its_lifetime_is_not_sent_behind_an_outage)
{
    static uint8_t bytes[1000];
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel_config config = {.reliability = HF_MAX_LIFETIME, .reliability_limit = 200, .unordered = true};
    hf_datachannel a = pair_channel(&p, &p.a, &config);
    pair_run(&p, HF_MS(100));
    p.cut = true;
    for (size_t i = 0; i < 1000; i++)
        cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
    pair_run(&p, HF_SECONDS(20));
    p.cut = false;
    pair_run(&p, HF_SECONDS(5));
    cr_expect_lt(p.b.messages, 20, "%zu stale messages came", p.b.messages);
    size_t before = p.b.messages;
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
    pair_run(&p, HF_SECONDS(2));
    cr_expect_eq(p.b.messages, before + 1);
    pair_clear(&p);
}

Test(sctp_transfer, goes_on_behind_an_outage_of_90_seconds)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    pair_run(&p, HF_MS(100));
    p.cut = true;
    cr_expect_eq(pair_send_text(&p, &p.a, a, "patience"), HF_OK);
    pair_run(&p, HF_SECONDS(90));
    p.cut = false;
    hf_time healed = p.now;
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(10)));
    cr_expect_leq(p.now - healed, HF_MS(1100), "a transmission a second: %d ms", (int)((p.now - healed) / 1000));
    pair_clear(&p);
}
