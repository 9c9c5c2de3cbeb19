/* window.c: the window alone, over a path that is a few numbers: a rate, a round trip, a queue; and what others do to it. */
#include <window.h>

#include <criterion/criterion.h>

#define PACKET 1124
#define ON_ITS_WAY_MAX 65536

typedef struct path {
    /* What it is. */
    uint64_t rate; /* bytes per second */
    hf_span rtt;
    hf_span queue;   /* how long it can be; 0: any */
    hf_span foreign; /* what others keep in it */
    unsigned lossy;  /* of 1000 packets */
    /* What is on it. */
    hf_time now, free;
    uint64_t chance;
    struct {
        hf_time sent, acked;
        bool lost;
    } way[ON_ITS_WAY_MAX];
    size_t first, next;
    hf_peer_flow flow;
    hf_window window;
    uint64_t window_opened; /* how often the window asked for a larger one below it */
    /* What was seen since `forget`. */
    hf_time since;
    uint64_t delivered;
    hf_span queue_max;
    double queue_sum;
    size_t samples, longest_run, run;
} path;

static path p; /* too large for the stack */

static void begin(uint64_t rate, hf_span rtt)
{
    p = (path){.rate = rate, .rtt = rtt, .now = HF_SECONDS(1), .chance = 1};
    p.flow = (hf_peer_flow){.packet_max = PACKET, .message_max = SIZE_MAX, .is_up = true};
    hf_window_init(&p.window);
}

static void forget(void)
{
    p.since = p.now;
    p.delivered = p.flow.bytes_delivered;
    p.queue_max = 0;
    p.queue_sum = 0;
    p.samples = p.longest_run = p.run = 0;
}

static void send_packet(void)
{
    hf_time start = p.free > p.now ? p.free : p.now;
    p.chance = p.chance * 6364136223846793005u + 1442695040888963407u;
    bool lost = (p.chance >> 33) % 1000 < p.lossy || (p.queue > 0 && start - p.now > p.queue);
    if (!lost)
        p.free = start + (hf_span)(PACKET * 1000000 / p.rate);
    p.way[p.next % ON_ITS_WAY_MAX].sent = p.now;
    p.way[p.next % ON_ITS_WAY_MAX].lost = lost;
    p.way[p.next++ % ON_ITS_WAY_MAX].acked = lost ? start + 2 * p.rtt : p.free + p.rtt + p.foreign;
    cr_assert_lt(p.next - p.first, ON_ITS_WAY_MAX);
    p.flow.bytes_given += PACKET;
    p.flow.bytes_sent += PACKET;
    p.run++;
    p.longest_run = p.run > p.longest_run ? p.run : p.longest_run;
}

static void acknowledge(void)
{
    size_t at = p.first++ % ON_ITS_WAY_MAX;
    p.flow.bytes_delivered += PACKET;
    if (p.way[at].lost) {
        p.flow.chunks_lost++;
        return;
    }
    p.flow.rtt_last = p.now - p.way[at].sent;
    p.flow.rtt_samples++;
    hf_span queue = p.flow.rtt_last - p.rtt;
    p.queue_max = queue > p.queue_max ? queue : p.queue_max;
    p.queue_sum += (double)queue;
    p.samples++;
}

static void give(bool low)
{
    hf_window_update(&p.window, p.now, &p.flow);
    while (hf_window_room(&p.window, p.now, &p.flow, low) > 0)
        send_packet();
    p.window_opened += hf_window_wanted(&p.window) > 0;
}

/* Gives all that there is room for, for so long. */
static void run_as(hf_span length, bool low)
{
    hf_time end = p.now + length;
    while (p.now < end) {
        give(low);
        hf_time next = hf_window_deadline(&p.window);
        cr_assert(next > p.now, "it would be looked at without end");
        if (p.first != p.next && p.way[p.first % ON_ITS_WAY_MAX].acked < next)
            next = p.way[p.first % ON_ITS_WAY_MAX].acked;
        p.run = next > p.now ? 0 : p.run;
        p.now = next < end ? next : end;
        while (p.first != p.next && p.way[p.first % ON_ITS_WAY_MAX].acked <= p.now)
            acknowledge();
    }
}

static void run(hf_span length)
{
    run_as(length, false);
}

static double share(void)
{
    return (double)(p.flow.bytes_delivered - p.delivered) * 1e6 / (double)(p.now - p.since) / (double)p.rate;
}

static double queue_mean(void)
{
    return p.queue_sum / (double)p.samples;
}

static void wait_for_all(void)
{
    while (p.first != p.next) {
        p.now = p.way[p.first % ON_ITS_WAY_MAX].acked > p.now ? p.way[p.first % ON_ITS_WAY_MAX].acked : p.now;
        acknowledge();
        hf_window_update(&p.window, p.now, &p.flow);
    }
}

/* Sends one packet, and waits. */
static void trickle(hf_span length)
{
    wait_for_all();
    for (hf_time end = p.now + length; p.now < end; p.now += HF_MS(100)) {
        hf_window_update(&p.window, p.now, &p.flow);
        cr_assert(hf_window_room(&p.window, p.now, &p.flow, false) > 0);
        send_packet();
        p.now = p.way[p.first % ON_ITS_WAY_MAX].acked;
        acknowledge();
        hf_window_update(&p.window, p.now, &p.flow);
    }
}

Test(window, fills_a_path_and_keeps_its_queue_short)
{
    static const struct {
        uint64_t rate;
        hf_span rtt;
        double share;
        hf_span queue; /* the longest */
    } rows[] = {
        {2500000, HF_MS(50), 0.98, HF_MS(7)},  {2500000, HF_MS(300), 0.97, HF_MS(25)}, {12500000, HF_MS(10), 0.98, HF_MS(5)},
        {125000000, HF_MS(1), 0.95, HF_MS(5)}, {250000, HF_MS(30), 0.97, HF_MS(15)},   {32000, HF_MS(60), 0.97, HF_MS(150)},
        {8000, HF_MS(60), 0.95, HF_MS(500)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].rate, rows[i].rtt);
        run(HF_SECONDS(10));
        forget();
        run(HF_SECONDS(10));
        cr_expect_geq(share(), rows[i].share, "%d B/s, %d us: %.3f of it", (int)rows[i].rate, (int)rows[i].rtt, share());
        cr_expect_leq(p.queue_max, rows[i].queue, "%d B/s, %d us: %d us of queue, %.0f on average", (int)rows[i].rate,
                      (int)rows[i].rtt, (int)p.queue_max, queue_mean());
    }
}

/* The queue of its beginning: growth by half in a round trip, ended as soon as it shows. */
Test(window, begins_fast_and_stops_in_time)
{
    begin(2500000, HF_MS(50));
    run(HF_MS(700));
    forget();
    run(HF_MS(300));
    cr_expect_geq(share(), 0.95, "%.3f", share());
    begin(2500000, HF_MS(50));
    forget();
    run(HF_SECONDS(3));
    cr_expect_leq(p.queue_max, HF_MS(40), "%d us", (int)p.queue_max);
    cr_expect_eq(p.flow.chunks_lost, 0);
}

Test(window, follows_a_rate_that_changes)
{
    static const struct {
        uint64_t rate;
        hf_span within;
        const char *why;
    } rows[] = {
        {1250000, HF_SECONDS(2), "half of it"},
        {5000000, HF_SECONDS(2), "twice as much"},
        {25000000, HF_SECONDS(4), "ten times as much"},
        {250000, HF_SECONDS(6), "a tenth"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(2500000, HF_MS(50));
        run(HF_SECONDS(10));
        p.rate = rows[i].rate;
        run(rows[i].within);
        forget();
        run(HF_SECONDS(5));
        cr_expect_geq(share(), 0.9, "%s: %.3f", rows[i].why, share());
        cr_expect_leq(queue_mean(), HF_MS(12), "%s: %.0f us", rows[i].why, queue_mean());
    }
}

Test(window, learns_nothing_from_little)
{
    begin(2500000, HF_MS(50));
    run(HF_SECONDS(5));
    uint64_t rate = p.window.rate;
    size_t limit = p.window.limit;
    trickle(HF_SECONDS(50));
    cr_expect_eq(p.window.rate, rate);
    cr_expect_geq(p.window.limit, limit * 9 / 10);
    forget();
    run(HF_SECONDS(2));
    cr_expect_geq(share(), 0.95, "%.3f", share());
}

/* The limit of a beginner is not what a trickle delivered. */
Test(window, begins_behind_a_trickle_as_behind_nothing)
{
    begin(2500000, HF_MS(50));
    trickle(HF_SECONDS(5));
    forget();
    run(HF_SECONDS(2));
    cr_expect_geq(share(), 0.75, "%.3f", share());
}

Test(window, lets_no_more_than_a_burst_go_at_once)
{
    begin(2500000, HF_MS(50));
    run(HF_SECONDS(5));
    wait_for_all();
    p.now += HF_SECONDS(3);
    p.run = 0;
    give(false);
    cr_expect_leq(p.run, 20, "%zu packets", p.run);
    cr_expect_geq(p.run, 10);
    cr_expect_lt(hf_window_deadline(&p.window), p.now + HF_MS(2), "the next follow");
    hf_window_update(&p.window, p.now + HF_MS(2), &p.flow);
    cr_expect_eq(hf_window_deadline(&p.window), HF_NEVER, "nothing is refused any more");
}

Test(window, competes_with_who_keeps_the_queue_full_and_returns_when_he_has_gone)
{
    begin(2500000, HF_MS(50));
    run(HF_SECONDS(5));
    p.foreign = HF_MS(30);
    run(HF_MS(500));
    cr_expect_eq(p.window.mode, HF_WINDOW_STEADY, "that may pass");
    run(HF_SECONDS(2));
    cr_expect_eq(p.window.mode, HF_WINDOW_COMPETING);
    size_t limit = p.window.limit;
    run(HF_SECONDS(4));
    cr_expect_gt(p.window.limit, limit, "and takes what it can get");
    p.foreign = 0;
    run(HF_SECONDS(10));
    cr_expect_neq(p.window.mode, HF_WINDOW_COMPETING);
    forget();
    run(HF_SECONDS(5));
    cr_expect_geq(share(), 0.95, "%.3f", share());
    cr_expect_leq(queue_mean(), HF_MS(5), "%.0f us", queue_mean());
}

Test(window, halves_for_a_loss_while_it_competes)
{
    begin(2500000, HF_MS(50));
    run(HF_SECONDS(5));
    p.foreign = HF_MS(30);
    run(HF_SECONDS(3));
    cr_assert_eq(p.window.mode, HF_WINDOW_COMPETING);
    size_t limit = p.window.limit;
    p.lossy = 1000;
    send_packet();
    p.lossy = 0;
    run(HF_MS(250));
    cr_expect_leq(p.window.limit, limit * 6 / 10, "%zu of %zu", p.window.limit, limit);
}

Test(window, makes_the_low_class_give_way)
{
    begin(2500000, HF_MS(50));
    run_as(HF_SECONDS(5), true);
    cr_expect_gt(p.window.low_limit, 100000);
    p.foreign = HF_MS(30);
    run_as(HF_SECONDS(3), true);
    cr_expect_leq(p.window.low_limit, 3 * PACKET, "%zu", p.window.low_limit);
    p.foreign = 0;
    run_as(HF_SECONDS(3), true);
    forget();
    run_as(HF_SECONDS(3), true);
    cr_expect_geq(share(), 0.95, "it comes back: %.3f", share());
}

/* A path that became longer, where nobody told. */
Test(window, takes_a_delay_that_never_changes_for_the_path)
{
    begin(2500000, HF_MS(50));
    run_as(HF_SECONDS(5), true);
    p.rtt = HF_MS(90);
    run_as(HF_SECONDS(15), true);
    forget();
    run_as(HF_SECONDS(5), true);
    cr_expect_geq(share(), 0.95, "%.3f", share());
    cr_expect_leq(queue_mean(), HF_MS(5), "%.0f us", queue_mean());
}

Test(window, takes_no_queue_that_comes_and_goes_for_the_path)
{
    begin(2500000, HF_MS(50));
    run_as(HF_SECONDS(5), true);
    for (int i = 0; i < 40; i++) {
        p.foreign = i % 2 ? HF_MS(20) : HF_MS(30);
        run_as(HF_SECONDS(1), true);
    }
    cr_expect_leq(p.window.low_limit, 3 * PACKET, "%zu", p.window.low_limit);
}

/* RFC 9260 §7.2.3 would halve for each: beside an empty queue it is the weather. */
Test(window, does_not_take_scattered_loss_for_a_full_path)
{
    begin(2500000, HF_MS(50));
    p.lossy = 20;
    run(HF_SECONDS(5));
    forget();
    run(HF_SECONDS(10));
    cr_expect_geq(share(), 0.9, "%.3f", share());
}

Test(window, gets_on_with_a_path_whose_queue_is_too_short_to_show_much)
{
    begin(2500000, HF_MS(50));
    p.queue = HF_MS(5);
    run(HF_SECONDS(5));
    uint64_t lost = p.flow.chunks_lost, given = p.flow.bytes_given;
    forget();
    run(HF_SECONDS(10));
    double loss = (double)(p.flow.chunks_lost - lost) * PACKET / (double)(p.flow.bytes_given - given);
    cr_expect_leq(loss, 0.35, "%.3f lost", loss);
    cr_expect_geq(share(), 0.4, "%.3f", share());
}

Test(window, leaves_it_to_SCTP_when_too_much_is_lost)
{
    begin(2500000, HF_MS(50));
    run(HF_SECONDS(5));
    p.lossy = 300;
    run(HF_SECONDS(3));
    p.flow.bytes_given += 2 * PACKET; /* SCTP holds it back */
    p.window_opened = 0;
    give(false);
    cr_expect_eq(p.window_opened, 0);
}

Test(window, asks_SCTP_for_no_less_than_it_gives)
{
    begin(2500000, HF_MS(50));
    run(HF_SECONDS(5));
    p.window_opened = 0;
    give(false);
    cr_expect_eq(p.window_opened, 0, "it does not hold anything back");
    p.flow.bytes_given += 2 * PACKET;
    p.flow.bytes_delivered = p.flow.bytes_sent;
    cr_expect_eq(hf_window_room(&p.window, p.now, &p.flow, false), 0, "in SCTP nothing can be overtaken");
    cr_expect_geq(hf_window_wanted(&p.window), p.window.limit);
    cr_expect_eq(hf_window_wanted(&p.window), 0, "once");
}

/* Its timer has run out: what it would send at once might be lost as a whole. */
Test(window, waits_for_an_answer_to_what_SCTP_repeats)
{
    begin(2500000, HF_MS(50));
    run(HF_SECONDS(5));
    p.flow.bytes_given = p.flow.bytes_sent + 2 * PACKET;
    p.flow.bytes_delivered = p.flow.bytes_sent - 2 * PACKET;
    give(false);
    p.flow.chunks_lost++;
    p.window_opened = 0;
    give(false);
    cr_expect_eq(p.window_opened, 0);
    p.flow.bytes_delivered += PACKET;
    give(false);
    cr_expect_eq(p.window_opened, 1);
}

Test(window, forgets_another_path)
{
    begin(2500000, HF_MS(20));
    run(HF_SECONDS(5));
    hf_window_change_path(&p.window, &p.flow);
    cr_expect_eq(p.window.rtt_min, 0);
    cr_expect_eq(p.window.rate, 0);
    p.rtt = HF_MS(100);
    run(HF_SECONDS(4));
    cr_expect_eq(p.window.rtt_min / HF_MS(1), 100, "what came over the one before says nothing: %d us",
                 (int)p.window.rtt_min);
    forget();
    run(HF_SECONDS(3));
    cr_expect_geq(share(), 0.95, "%.3f", share());
}

Test(window, owes_a_new_path_nothing_for_what_went_over_another)
{
    begin(2500000, HF_MS(20));
    run(HF_SECONDS(5));
    hf_window_change_path(&p.window, &p.flow);
    p.flow.bytes_given += PACKET;
    p.flow.bytes_delivered = p.flow.bytes_sent = p.flow.bytes_given;
    p.flow.rtt_last = HF_MS(20); /* measured before anybody asks for room again */
    p.flow.rtt_samples++;
    hf_window_update(&p.window, p.now, &p.flow);
    cr_expect_gt(p.window.rtt_min, 0);
    cr_expect_gt(hf_window_room(&p.window, p.now, &p.flow, false), 0);
}

Test(window, cuts_parts_by_the_rate)
{
    static const struct {
        uint64_t rate;
        size_t part;
    } rows[] = {{0, 4096},
                {8000, PACKET},
                {200000, 2000},
                {1000000, 4096},
                {4000000, 4096},
                {10000000, 10000},
                {100000000, HF_WINDOW_PART_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_window w;
        hf_window_init(&w);
        hf_window_update(&w, 1, &(hf_peer_flow){.packet_max = PACKET});
        w.rate = rows[i].rate;
        cr_expect_eq(hf_window_part_max(&w), rows[i].part, "%zu", hf_window_part_max(&w));
    }
}
