/* races.c: channels that open, talk and close at both ends in any order, on networks of every kind. */
#include "pair.h"

#include <criterion/criterion.h>
#include <sctp_priv.h>

#include <stdio.h>
#include <string.h>

enum { LIVE_MAX = 6, ALL_MAX = 4096 };

/* What one end knows of a channel by its handle, which is the place in the table. */
typedef struct note {
    bool open, closed, closing_asked;
    size_t sent, received;
    uint64_t sent_sum, received_sum; /* of hashes */
    uint16_t id;
    uint32_t number; /* the same at both ends: the label */
} note;

typedef struct race {
    pair p;
    note notes[2][ALL_MAX];
    size_t live[2];
    uint32_t number_last;
    uint64_t random;
} race;

static race r;

static uint64_t next_random(uint64_t below)
{
    r.random = r.random * 6364136223846793005u + 1442695040888963407u;
    return (r.random >> 33) % below;
}

static size_t side_of(const pair_end *end)
{
    return end == &r.p.a ? 0 : 1;
}

static note *note_of(size_t side, hf_datachannel channel)
{
    cr_assert_lt(channel, ALL_MAX);
    return &r.notes[side][channel];
}

static void on_event(pair *p, pair_end *end, const hf_sctp_event *event)
{
    (void)p;
    if (event->channel == 0)
        return;
    note *n = note_of(side_of(end), event->channel);
    hf_datachannel_info info;
    switch ((int)event->type) {
    case HF_SCTP_CHANNEL_OPEN:
        cr_assert_eq(hf_sctp_channel_info(end->sctp, event->channel, &info), HF_OK);
        cr_expect_eq(sscanf(info.label, "%u", &n->number), 1);
        n->id = info.id;
        n->open = true;
        break;
    case HF_SCTP_CHANNEL_MESSAGE:
        cr_expect(n->open && !n->closed, "a message outside the channel's life");
        n->received++;
        n->received_sum += pair_hash(event->message.data, event->message.len);
        break;
    case HF_SCTP_CHANNEL_CLOSED:
        cr_expect_eq(event->cause, HF_OK, "%s", hf_err_name(event->cause));
        cr_expect_not(n->closed);
        n->closed = true;
        break;
    default:
        break;
    }
}

static pair_end *end_of(size_t side)
{
    return side == 0 ? &r.p.a : &r.p.b;
}

static void open_one(size_t side)
{
    char label[16];
    snprintf(label, sizeof label, "%u", ++r.number_last);
    hf_datachannel_config config = {.label = label, .unordered = next_random(2) == 0};
    hf_datachannel channel = pair_channel(&r.p, end_of(side), &config);
    note_of(side, channel)->number = r.number_last;
}

/* A channel that this end may still use, by chance; 0: none. */
static hf_datachannel choose(size_t side)
{
    hf_datachannel found = 0;
    uint64_t n = 0;
    for (hf_datachannel i = 1; i < ALL_MAX; i++) {
        const note *at = &r.notes[side][i];
        if (at->number != 0 && !at->closed && !at->closing_asked && next_random(++n) == 0)
            found = i;
    }
    r.live[side] = n;
    return found;
}

static void send_some(size_t side, hf_datachannel channel)
{
    static uint8_t bytes[9000];
    for (uint64_t n = next_random(4); n > 0; n--) {
        size_t len = next_random(3) == 0 ? next_random(sizeof bytes) : next_random(200);
        pair_fill(bytes, len, next_random(1u << 30));
        if (pair_send(&r.p, end_of(side), channel, bytes, len) != HF_OK)
            return; /* the remote closes it already */
        note_of(side, channel)->sent++;
        note_of(side, channel)->sent_sum += pair_hash(bytes, len);
    }
}

static void close_one(size_t side, hf_datachannel channel)
{
    note_of(side, channel)->closing_asked = true;
    (void)!hf_sctp_channel_close(end_of(side)->sctp, r.p.now, channel); /* HF_ENOENT: the remote was faster */
    pair_drain(&r.p, end_of(side));
}

static void act(size_t side)
{
    hf_datachannel channel = choose(side);
    switch (next_random(4)) {
    case 0:
        if (r.live[side] < LIVE_MAX)
            open_one(side);
        break;
    case 1:
    case 2:
        if (channel)
            send_some(side, channel);
        break;
    case 3:
        if (channel)
            close_one(side, channel);
        break;
    }
}

static const note *twin_of(size_t side, uint32_t number)
{
    for (hf_datachannel i = 1; i < ALL_MAX; i++)
        if (r.notes[side][i].number == number && r.notes[side][i].open)
            return &r.notes[side][i];
    return NULL;
}

static void close_all(void)
{
    for (size_t side = 0; side < 2; side++)
        for (hf_datachannel channel; (channel = choose(side)) != 0;)
            close_one(side, channel);
}

/* All that one end accepted came to the other; all is closed and idle. */
static void expect_in_order(uint64_t seed)
{
    for (size_t side = 0; side < 2; side++)
        for (hf_datachannel i = 1; i < ALL_MAX; i++) {
            const note *n = &r.notes[side][i];
            if (n->number == 0)
                continue;
            const note *twin = twin_of(1 - side, n->number);
            cr_expect(n->closed, "seed %d: channel %u of end %zu is open", (int)seed, n->number, side);
            cr_expect(twin ? twin->received == n->sent && twin->received_sum == n->sent_sum : n->sent == 0,
                      "seed %d: channel %u, end %zu: %zu of %zu", (int)seed, n->number, side, twin ? twin->received : 0,
                      n->sent);
        }
    hf_sctp_stats stats[2];
    for (size_t side = 0; side < 2; side++) {
        hf_sctp_get_stats(end_of(side)->sctp, &stats[side]);
        cr_expect_eq(stats[side].drops.by_cause[HF_DROP_DCEP], 0, "seed %d", (int)seed);
        cr_expect_eq(stats[side].drops.by_cause[HF_DROP_UNKNOWN_STREAM], 0, "seed %d", (int)seed);
        cr_expect_eq(hf_sctp_deadline(end_of(side)->sctp), HF_NEVER, "seed %d", (int)seed);
        cr_expect_eq(end_of(side)->sctp->resets, 0);
        cr_expect_eq(end_of(side)->sctp->closing, 0);
    }
}

static void run(uint64_t seed, unsigned lost, unsigned late, hf_span pause)
{
    memset(&r, 0, sizeof r);
    pair_init(&r.p, seed);
    r.random = seed;
    r.p.a.on_event = r.p.b.on_event = on_event;
    pair_up(&r.p);
    r.p.lost = lost;
    r.p.late = late;
    r.p.twice = lost;
    for (int i = 0; i < 300; i++) {
        act(next_random(2));
        if (next_random(3) == 0)
            pair_run(&r.p, (hf_span)next_random((uint64_t)pause));
    }
    close_all();
    pair_run(&r.p, HF_SECONDS(300));
    expect_in_order(seed);
    cr_expect_gt(r.number_last, 20);
    pair_clear(&r.p);
}

Test(sctp_races, end_in_order_on_a_good_network)
{
    for (uint64_t seed = 1; seed <= 15; seed++)
        run(seed, 0, 0, HF_MS(60));
}

Test(sctp_races, end_in_order_on_a_bad_network)
{
    for (uint64_t seed = 1; seed <= 15; seed++)
        run(seed, 100, 100, seed % 2 ? HF_MS(60) : HF_MS(400));
}
