/* unordered.c: long messages on unordered channels, over networks that lose, delay and repeat; what their sender gives up
 * harms nothing else. */
#include "pair.h"

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
