/* leaves.c: whether a message leaves at once is known before it is given. */
#include "pair.h"

#include <criterion/criterion.h>
#include <string.h>

#define FRESH_SIZE 80

/* Two channels: one that is never at a loss for words, and one whose messages may be lost but must not wait. */
typedef struct speakers {
    pair p;
    hf_datachannel bulk, fresh;
    unsigned asked, given, late;
} speakers;

static uint32_t draw(speakers *s, uint32_t below)
{
    s->p.random = s->p.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s->p.random >> 33) % below;
}

static void say_bulk(speakers *s)
{
    static const uint8_t block[4000];
    hf_sctp_flow flow;
    hf_sctp_get_flow(s->p.a.sctp, &flow);
    if (flow.bytes_accepted - flow.bytes_sent < 8000)
        cr_assert_eq(pair_send(&s->p, &s->p.a, s->bulk, block, 1 + draw(s, sizeof block)), HF_OK);
}

static void say_fresh(speakers *s)
{
    static const uint8_t message[1024];
    const size_t len = draw(s, 2) == 0 ? FRESH_SIZE : 1 + draw(s, sizeof message);
    hf_sctp_flow flow;
    s->asked++;
    (void)hf_sctp_uncork(s->p.a.sctp, s->p.now); /* as the session does; timers that are due have run then */
    if (!hf_sctp_leaves_at_once(s->p.a.sctp, len))
        return;
    cr_assert_eq(pair_send(&s->p, &s->p.a, s->fresh, message, len), HF_OK);
    hf_sctp_get_flow(s->p.a.sctp, &flow);
    s->given++;
    s->late += flow.bytes_sent != flow.bytes_accepted;
}

static void begin(speakers *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    pair_init(&s->p, seed);
    pair_up(&s->p);
    s->bulk = pair_channel(&s->p, &s->p.a, &(hf_datachannel_config){0});
    s->fresh = pair_channel(&s->p, &s->p.a, &(hf_datachannel_config){.unordered = true, .reliability = HF_MAX_RETRANSMITS});
    cr_assert(pair_wait(&s->p, &s->p.b, HF_SCTP_CHANNEL_OPEN, 2, HF_SECONDS(1)));
    pair_run(&s->p, HF_SECONDS(2));
}

/* What is lost, and an outage now and then; `busy`: how much is said beside. */
static void run(speakers *s, unsigned lost, bool busy)
{
    s->p.lost = lost;
    s->p.late = 2 * lost;
    for (int i = 0; i < 4000; i++) {
        if (draw(s, 400) == 0)
            s->p.cut = true;
        else if (draw(s, 100) == 0)
            s->p.cut = false;
        for (uint32_t n = busy ? draw(s, 8) : 0; n > 0; n--)
            say_bulk(s);
        for (uint32_t n = 1 + draw(s, 8); n > 0; n--)
            say_fresh(s);
        if (draw(s, 50) == 0)
            hf_sctp_raise_window(s->p.a.sctp, s->p.now, 20000 + draw(s, 100000));
        pair_run(&s->p, HF_MS(1 + draw(s, 20)));
    }
}

Test(sctp_leaves, says_yes_where_nothing_is_on_its_way)
{
    static speakers s;
    begin(&s, 1);
    s.p.delay = HF_MS(1);
    for (int i = 0; i < 100; i++) {
        say_fresh(&s);
        pair_run(&s.p, HF_SECONDS(1));
    }
    cr_expect_eq(s.given, 100);
    cr_expect_eq(s.late, 0);
    cr_expect_eq(s.p.b.messages, 100);
    pair_clear(&s.p);
}

Test(sctp_leaves, says_yes_only_of_what_does)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        static speakers s;
        begin(&s, seed);
        run(&s, seed % 3 == 0 ? 0 : 30, seed % 2 == 0);
        cr_expect_gt(s.given, s.asked / 20, "seed %d: %u of %u", (int)seed, s.given, s.asked);
        cr_expect_eq(s.late, 0, "seed %d: %u of %u waited", (int)seed, s.late, s.given);
        pair_clear(&s.p);
    }
}

Test(sctp_leaves, says_no_where_the_congestion_window_is_full)
{
    static speakers s;
    unsigned n = 0;
    begin(&s, 7);
    s.p.cut = true;
    for (; n < 1000 && hf_sctp_leaves_at_once(s.p.a.sctp, FRESH_SIZE); n++)
        say_fresh(&s);
    cr_expect_gt(n, 5);
    cr_expect_lt(n, 1000);
    cr_expect_eq(s.late, 0);
    s.p.cut = false;
    pair_run(&s.p, HF_SECONDS(3));
    cr_expect_eq(s.p.b.messages, 0, "none was kept for later");
    cr_expect(hf_sctp_leaves_at_once(s.p.a.sctp, FRESH_SIZE), "they are given up, and there is room again");
    pair_clear(&s.p);
}

Test(sctp_leaves, says_no_without_an_association)
{
    pair p;
    pair_init(&p, 8);
    pair_open(&p);
    cr_expect_not(hf_sctp_leaves_at_once(p.a.sctp, FRESH_SIZE));
    pair_start(&p);
    cr_expect_not(hf_sctp_leaves_at_once(p.a.sctp, FRESH_SIZE));
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_UP, 1, HF_SECONDS(5)));
    cr_expect(hf_sctp_leaves_at_once(p.a.sctp, FRESH_SIZE));
    hf_sctp_abort(p.a.sctp, p.now);
    pair_run(&p, HF_SECONDS(1));
    cr_expect_not(hf_sctp_leaves_at_once(p.a.sctp, FRESH_SIZE));
    pair_clear(&p);
}
