/* parts.c: messages that are handed over in parts, as the application asked. */
#include "pair.h"

#include <criterion/criterion.h>
#include <sctp_priv.h>

#include <stdlib.h>
#include <string.h>

#define LONG HF_MESSAGE_MAX_LIMIT

/* What the parts of each message of b add up to. */
typedef struct sums {
    size_t messages, parts, discarded;
    size_t len; /* of the message that is being told */
    bool within;
    uint64_t hash;
    size_t lens[64];
    uint64_t hashes[64];
} sums;

static void on_event(pair *p, pair_end *end, const hf_sctp_event *event)
{
    sums *s = p->context;
    (void)end;
    if (event->type != HF_SCTP_CHANNEL_MESSAGE)
        return;
    cr_expect_eq(event->first, !s->within, "a message begins after the one before has ended");
    if (event->discarded) {
        cr_expect(event->last && event->message.len == 0);
        s->within = false;
        s->discarded++;
        return;
    }
    if (event->first) {
        s->len = 0;
        s->hash = 14695981039346656037u;
    }
    for (size_t i = 0; i < event->message.len; i++)
        s->hash = (s->hash ^ event->message.data[i]) * 1099511628211u;
    s->len += event->message.len;
    s->within = !event->last;
    s->parts++;
    if (event->last && s->messages < 64) {
        s->lens[s->messages] = s->len;
        s->hashes[s->messages++] = s->hash;
    }
}

static void on_event_or_discarded(pair *p, pair_end *end, const hf_sctp_event *event)
{
    hf_sctp_event shown = *event;
    sums *s = p->context;
    if (event->discarded && event->type == HF_SCTP_CHANNEL_MESSAGE)
        shown.first = !s->within;
    on_event(p, end, &shown);
}

/* Both have negotiated channel 2, where b receives in parts. */
static hf_datachannel begin(pair *p, sums *s, hf_datachannel_config config)
{
    memset(s, 0, sizeof *s);
    pair_init(p, 1);
    p->config_a.message_max = p->config_b.message_max = LONG;
    p->remote_a.message_max = p->remote_b.message_max = LONG;
    p->context = s;
    p->b.on_event = on_event_or_discarded;
    pair_up(p);
    config.negotiated = true;
    config.id = 2;
    hf_datachannel a = pair_channel(p, &p->a, &config), b = pair_channel(p, &p->b, &config);
    cr_assert_eq(hf_sctp_channel_receive_in_parts(p->b.sctp, b, true), HF_OK);
    pair_run(p, HF_MS(100));
    return a;
}

static const struct {
    bool unordered;
    unsigned lost, late;
    const char *why;
} networks[] = {
    {false, 0, 0, "ordered"},
    {true, 0, 0, "unordered"},
    {false, 3, 20, "ordered, some lost"},
    {true, 3, 20, "unordered, some lost"},
};

Test(sctp_parts, of_the_longest_message_need_no_buffer_for_it)
{
    uint8_t *bytes = malloc(LONG);
    pair_fill(bytes, LONG, 1);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        pair p;
        sums s;
        hf_datachannel a = begin(&p, &s, (hf_datachannel_config){.unordered = networks[i].unordered});
        p.lost = networks[i].lost;
        p.late = networks[i].late;
        cr_assert_eq(pair_send(&p, &p.a, a, bytes, LONG), HF_OK);
        for (int n = 0; n < 3000 && s.messages == 0; n++) {
            pair_run(&p, HF_MS(100));
            cr_expect_leq(p.b.sctp->incoming_cap, 65536 + HF_SCTP_NOTICE_MAX, "%s", networks[i].why);
        }
        cr_assert_eq(s.messages, 1, "%s", networks[i].why);
        cr_expect_eq(s.lens[0], LONG);
        cr_expect_eq(s.hashes[0], pair_hash(bytes, LONG));
        cr_expect_gt(s.parts, 100);
        pair_clear(&p);
    }
    free(bytes);
}

Test(sctp_parts, of_short_messages_are_whole_and_those_of_others_too)
{
    static const size_t sizes[] = {0, 1, 1000, 1500, 60000, 200000, 5};
    static uint8_t bytes[200000];
    enum { N = sizeof sizes / sizeof *sizes };
    for (int unordered = 0; unordered < 2; unordered++) {
        pair p;
        sums s;
        hf_datachannel a = begin(&p, &s, (hf_datachannel_config){.unordered = unordered});
        for (size_t i = 0; i < N; i++) {
            pair_fill(bytes, sizes[i], i);
            cr_assert_eq(pair_send(&p, &p.a, a, bytes, sizes[i]), HF_OK);
            pair_run(&p, HF_SECONDS(1));
        }
        cr_assert_eq(s.messages, N);
        for (size_t i = 0; i < N; i++) {
            pair_fill(bytes, sizes[i], i);
            cr_expect_eq(s.lens[i], sizes[i]);
            cr_expect_eq(s.hashes[i], pair_hash(bytes, sizes[i]));
        }
        hf_datachannel_info info;
        cr_assert_eq(hf_sctp_channel_info(p.b.sctp, 1, &info), HF_OK);
        cr_expect_eq(info.messages_received, N);
        cr_expect_eq(info.bytes_received, 262506);
        pair_clear(&p);
    }
}

/* usrsctp 0.9.5 alone would deliver none of these messages any more behind the first that is given up half way. */
Test(sctp_parts, of_a_message_that_is_given_up_do_not_disturb_the_next)
{
    static uint8_t bytes[300000];
    for (uint64_t seed = 1; seed <= 10; seed++) {
        pair p;
        sums s;
        hf_datachannel a = begin(&p, &s, (hf_datachannel_config){.reliability = HF_MAX_RETRANSMITS});
        p.random = seed;
        p.lost = 20;
        for (int n = 0; n < 10; n++) {
            cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
            pair_run(&p, HF_SECONDS(5));
        }
        p.lost = 0;
        pair_run(&p, HF_SECONDS(10));
        cr_expect_lt(s.messages, 10, "none was given up: this test shows nothing");
        size_t before = s.messages;
        cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
        pair_run(&p, HF_SECONDS(10));
        cr_expect_eq(s.messages, before + 1, "seed %d", (int)seed);
        for (size_t i = 0; i < s.messages; i++)
            cr_expect_eq(s.lens[i], sizeof bytes);
        pair_clear(&p);
    }
}

/* Of a very long one the application has heard the beginning: it hears that the rest will not come. */
Test(sctp_parts, of_a_message_that_is_given_up_half_way_end_with_that_word)
{
    enum { SIZE = 8000000 };
    uint8_t *bytes = calloc(1, SIZE);
    pair p;
    sums s;
    hf_datachannel a = begin(&p, &s, (hf_datachannel_config){.reliability = HF_MAX_RETRANSMITS});
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, SIZE), HF_OK);
    for (int n = 0; n < 600 && s.parts == 0; n++)
        pair_run(&p, HF_MS(50));
    cr_assert_gt(s.parts, 0);
    p.lost = 300;
    pair_run(&p, HF_SECONDS(1));
    p.lost = 0;
    pair_run(&p, HF_SECONDS(10));
    cr_expect_eq(s.discarded, 1);
    cr_expect_eq(s.messages, 0);
    cr_expect_not(s.within);
    free(bytes);
    pair_clear(&p);
}

Test(sctp_parts, above_the_limit_end_the_association)
{
    static uint8_t bytes[400000];
    for (int unordered = 0; unordered < 2; unordered++) {
        pair p;
        sums s;
        memset(&s, 0, sizeof s);
        hf_datachannel a = begin(&p, &s, (hf_datachannel_config){.unordered = unordered});
        p.b.sctp->config.message_max = 300000;
        cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
        cr_assert(pair_wait(&p, &p.b, HF_SCTP_DOWN, 1, HF_SECONDS(10)));
        cr_expect_eq(pair_find(&p.b, HF_SCTP_DOWN, 0)->event.cause, HF_EMSGSIZE);
        cr_expect_eq(s.messages, 0);
        pair_clear(&p);
    }
}

static void close_within(pair *p, pair_end *end, const hf_sctp_event *event)
{
    sums *s = p->context;
    if (event->type == HF_SCTP_CHANNEL_MESSAGE && event->first && !event->last)
        cr_expect_eq(hf_sctp_channel_close(end->sctp, p->now, event->channel), HF_OK);
    on_event_or_discarded(p, end, event);
    (void)s;
}

/* Closing is in order: what the remote had accepted still comes, the rest of this message too. */
Test(sctp_parts, go_on_when_the_channel_is_closed_in_the_middle)
{
    static uint8_t bytes[300000];
    pair p;
    sums s;
    hf_datachannel a = begin(&p, &s, (hf_datachannel_config){0});
    p.b.on_event = close_within;
    cr_expect_eq(pair_send(&p, &p.a, a, bytes, sizeof bytes), HF_OK);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_CLOSED, 1, HF_SECONDS(10)));
    cr_expect_eq(s.messages, 1);
    cr_expect_eq(s.lens[0], sizeof bytes);
    pair_clear(&p);
}

Test(sctp_parts, of_an_unknown_channel_are_none)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    cr_expect_eq(hf_sctp_channel_receive_in_parts(p.a.sctp, 7, true), HF_ENOENT);
    pair_clear(&p);
}
