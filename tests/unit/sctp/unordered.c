/* unordered.c: long messages on unordered channels, over networks that lose, delay and repeat; what their sender gives up
 * harms nothing else. */
#include "pair.h"

#include <chunk.h>
#include <crc32c.h>
#include <criterion/criterion.h>
#include <sctp_priv.h>

#include <stdlib.h>
#include <string.h>

enum { KINDS = 6, LEN_MAX = 20000 };

static const hf_datachannel_config kinds[KINDS] = {
    {0},
    {.unordered = true},
    {.reliability = HF_MAX_RETRANSMITS, .unordered = true},
    {.reliability = HF_MAX_RETRANSMITS, .reliability_limit = 1},
    {.reliability = HF_MAX_LIFETIME, .reliability_limit = 50, .unordered = true},
    {.reliability = HF_MAX_LIFETIME, .reliability_limit = 300},
};

typedef struct storm {
    pair p;
    hf_datachannel channels[2][KINDS];
    uint64_t random;
    uint64_t sums[2][KINDS]; /* of the hashes sent; on reliable channels what comes must add up to it */
    size_t sent[2][KINDS];
} storm;

static uint64_t next_random(storm *s)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return s->random >> 33;
}

static void send_one(storm *s, size_t at, size_t kind, size_t len)
{
    static uint8_t bytes[LEN_MAX];
    pair_end *end = at == 0 ? &s->p.a : &s->p.b;
    pair_fill(bytes, len, next_random(s));
    if (pair_send(&s->p, end, s->channels[at][kind], bytes, len) == HF_OK) {
        s->sums[at][kind] += pair_hash(bytes, len);
        s->sent[at][kind]++;
    }
}

/* What came on the channels of `from`, whose twins at the other end have the same numbers. */
static uint64_t sum_of(const storm *s, size_t from, size_t kind, size_t *n)
{
    const pair_end *end = from == 0 ? &s->p.b : &s->p.a;
    uint64_t sum = 0;
    *n = 0;
    for (size_t i = 0; i < end->events_len; i++) {
        if (end->events[i].event.type != HF_SCTP_CHANNEL_MESSAGE ||
            end->events[i].event.channel != s->channels[1 - from][kind])
            continue;
        sum += end->events[i].hash;
        ++*n;
    }
    return sum;
}

static void begin(storm *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->random = seed;
    pair_init(&s->p, seed);
    pair_up(&s->p);
    for (size_t k = 0; k < KINDS; k++) {
        hf_datachannel_config config = kinds[k];
        config.negotiated = true;
        config.id = (uint16_t)k;
        s->channels[0][k] = pair_channel(&s->p, &s->p.a, &config);
        s->channels[1][k] = pair_channel(&s->p, &s->p.b, &config);
    }
    pair_run(&s->p, HF_MS(100));
}

static void rage(storm *s, unsigned kinds_mask, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        for (size_t at = 0; at < 2; at++) {
            size_t kind = next_random(s) % KINDS;
            size_t len = next_random(s) % (next_random(s) % 3 == 0 ? LEN_MAX : 300);
            if (kinds_mask >> kind & 1)
                send_one(s, at, kind, len);
        }
        pair_run(&s->p, HF_MS(20));
    }
}

/* The network is good again: all that is reliable has come, and each channel works. */
static void expect_unharmed(storm *s, uint64_t seed)
{
    size_t before[2][KINDS];
    s->p.lost = s->p.late = s->p.twice = 0;
    pair_run(&s->p, HF_SECONDS(60));
    cr_assert_eq(pair_count(&s->p.a, HF_SCTP_DOWN) + pair_count(&s->p.b, HF_SCTP_DOWN), 0, "seed %d", (int)seed);
    for (size_t at = 0; at < 2; at++)
        for (size_t k = 0; k < KINDS; k++) {
            uint64_t sum = sum_of(s, at, k, &before[at][k]);
            if (kinds[k].reliability == HF_RELIABLE)
                cr_expect(sum == s->sums[at][k] && before[at][k] == s->sent[at][k], "seed %d, end %zu, kind %zu: %zu of %zu",
                          (int)seed, at, k, before[at][k], s->sent[at][k]);
        }
    for (size_t at = 0; at < 2; at++)
        for (size_t k = 0; k < KINDS; k++) {
            size_t n;
            send_one(s, at, k, 3000);
            pair_run(&s->p, HF_SECONDS(1));
            (void)sum_of(s, at, k, &n);
            cr_expect_eq(n, before[at][k] + 1, "seed %d, end %zu, kind %zu", (int)seed, at, k);
        }
    cr_expect_eq(s->p.a.sctp->fragments.len, 0, "seed %d", (int)seed);
    cr_expect_eq(s->p.b.sctp->fragments.len, 0, "seed %d", (int)seed);
}

static void weather(uint64_t seed, unsigned kinds_mask, unsigned lost, unsigned late, unsigned twice)
{
    storm *s = malloc(sizeof *s);
    cr_assert(s);
    begin(s, seed);
    s->p.lost = lost;
    s->p.late = late;
    s->p.twice = twice;
    rage(s, kinds_mask, 300);
    expect_unharmed(s, seed);
    pair_clear(&s->p);
    free(s);
}

/* usrsctp alone aborts most of these ("missing end for MID"). */
Test(sctp_unordered, what_is_given_up_of_long_messages_aborts_nothing)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        weather(seed, 1u << 2, 100, 300, 20);
}

Test(sctp_unordered, all_kinds_at_once_pass_through_loss_and_reordering)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        weather(seed, 63, 50, 50, 20);
        weather(seed, 63, 200, 100, 20);
        weather(seed, 63, 20, 400, 100);
    }
}

/* --- A hostile remote ------------------------------------------------------------------------------------------------- */

typedef struct forger {
    uint32_t tag, tsn;
} forger;

static bool learn(pair *p, pair_end *to, hf_bytes packet)
{
    forger *f = p->context;
    hf_reader r = hf_reader_of(packet);
    hf_read_skip(&r, 4);
    uint32_t tag = hf_read_u32(&r);
    hf_read_skip(&r, 4);
    uint8_t type = hf_read_u8(&r);
    hf_read_skip(&r, 3);
    uint32_t tsn = hf_read_u32(&r);
    if (to == &p->b && r.ok && type == HF_CHUNK_DATA)
        *f = (forger){.tag = tag, .tsn = tsn + 1};
    return false;
}

/* One DATA chunk of `len` bytes to b (RFC 9260 §3.3.1). */
static void forge(pair *p, uint8_t flags, uint16_t stream, size_t len)
{
    static uint8_t packet[PAIR_MTU];
    forger *f = p->context;
    hf_writer w = hf_writer_of(packet, sizeof packet);
    hf_write_u16(&w, HF_SCTP_PORT);
    hf_write_u16(&w, HF_SCTP_PORT);
    hf_write_u32(&w, f->tag);
    hf_write_u32(&w, 0);
    hf_write_u8(&w, HF_CHUNK_DATA);
    hf_write_u8(&w, flags);
    hf_write_u16(&w, (uint16_t)(16 + len));
    hf_write_u32(&w, f->tsn++);
    hf_write_u16(&w, stream);
    hf_write_u16(&w, 0);
    hf_write_u32(&w, HF_PPID_BINARY);
    hf_write_zeroes(&w, len);
    hf_crc32c_seal(packet, w.len);
    hf_sctp_input(p->b.sctp, p->now, &(hf_bytes){packet, w.len}, 1);
    pair_drain(p, &p->b);
}

Test(sctp_unordered, what_never_ends_ends_the_association)
{
    enum { U = 4, B = 2, E = 1 };
    static const struct {
        uint8_t first, others;
        size_t len, most;
        hf_err cause;
        const char *why;
    } rows[] = {
        {U | B, U, 1160, 9000, HF_ELIMIT, "a message without an end"},
        {U | B, U | B, 1160, 9000, HF_OK, "beginnings alone are forgotten: what follows is not theirs"},
        {U, U, 1160, 9000, HF_OK, "middles alone are forgotten: all before them is here"},
        {U | E, U | E, 4, 70000, HF_OK, "ends alone are, too"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pair p;
        forger f = {0};
        pair_init(&p, 1);
        p.context = &f;
        p.drop = learn;
        pair_up(&p);
        hf_datachannel a = pair_channel(&p, &p.a, &(hf_datachannel_config){.negotiated = true, .id = 1});
        cr_assert_eq(pair_send_text(&p, &p.a, a, "x"), HF_OK);
        pair_run(&p, HF_SECONDS(1));
        p.cut = true;
        forge(&p, rows[i].first, 1, rows[i].len);
        for (size_t n = 0; n < rows[i].most && pair_count(&p.b, HF_SCTP_DOWN) == 0; n++) {
            forge(&p, rows[i].others, 1, rows[i].len);
            cr_assert_leq(p.b.sctp->fragments.bytes, HF_SCTP_FRAGMENTS_BYTES_MAX + HF_MESSAGE_MAX_DEFAULT + 2000);
        }
        cr_expect_eq(p.b.messages, 0, "%s", rows[i].why);
        const pair_event *down = pair_find(&p.b, HF_SCTP_DOWN, 0);
        cr_expect_eq(down ? down->event.cause : HF_OK, rows[i].cause, "%s", rows[i].why);
        pair_clear(&p);
    }
}
