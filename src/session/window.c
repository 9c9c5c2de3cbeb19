/* window.c: rate-based: as much as the path delivers in its shortest round trip, and a little more (docs/priorities.md).
 *
 * Where its figures come from: a bottleneck of 20 Mbit/s and 25 ms each way, with queues of 50 ms and of 1 s, beside nobody
 * and beside an unlimited sender. */
#include "window.h"

#define PACKET 1100    /* payload, until the connection says */
#define LIMIT_FIRST 10 /* packets: RFC 6928 */
#define LIMIT_LEAST 2  /* packets: the remote acknowledges every second at once */
#define UNLIMITED (SIZE_MAX / 2)
#define UNSENT_MAX 1 /* packets: inside SCTP nothing can be overtaken */

#define QUEUE_WANTED HF_MS(2)  /* what keeps the path full */
#define QUEUE_FULL HF_MS(3)    /* the path is full: no more growth */
#define QUEUE_NONE HF_MS(1)    /* it is not */
#define QUEUE_FOREIGN HF_MS(6) /* not ours alone; or an eighth of the round trip */
#define WATCH_LEAST HF_MS(50)  /* a queue of a shorter time is the machine's */
#define ROUND_LEAST HF_MS(2)   /* shorter ones measure the machine */
#define RTT_MIN_LIFETIME HF_SECONDS(60)

#define GROWTH_FIRST 50 /* per cent in a round trip */
#define GROWTH_AGAIN 5  /* and twice that with each further one, up to the above */
#define EMPTY_ROUNDS 2  /* without a queue, before it grows again */
#define FRUITLESS_ROUNDS 4
#define PATIENCE_ROUNDS 32 /* after growth that was */
#define QUEUED_RUN 8       /* samples with a queue that end growth at once */

#define PROBE_EVERY 8 /* round trips: in the first 5 % more, */
#define PROBE_PERCENT 105
#define DRAIN_PERCENT 97 /* in the second less, so that the queue empties and the shortest round trip is seen */

#define ROUNDS_RECENT 3   /* with a queue through as many the rate is what it was in these alone */
#define ROUNDS_COMPETE 12 /* and through as many somebody else fills it */
#define LISTEN_EVERY HF_SECONDS(8)
#define LISTEN_ROUNDS 4

/* Loss beside a short queue is the weather's, not a full queue's: up to so much of it the window stays. */
#define LOSS_BEARABLE_PERCENT 10
#define LOSSY_PERCENT 70 /* of the window, above it */
#define LOSS_CHUNKS 3
#define LOSS_ROUNDS 8      /* over which it is smoothed */
#define WANTED_PERCENT 125 /* SCTP's window, of ours */

#define PACE_PERCENT 150 /* of the rate */

#define PART_USUAL 4096
#define PART_SPAN HF_MS(10)     /* no longer than that on a slow path, */
#define PART_SPAN_FAST HF_MS(1) /* and on a fast one as much as that: each part has its cost */

#define MICROSECONDS 1000000

static size_t least(const hf_window *window)
{
    return LIMIT_LEAST * window->packet;
}

static void forget(hf_window *window)
{
    *window = (hf_window){.packet = window->packet, .growth = GROWTH_FIRST, .listen_at = HF_NEVER, .low_cap = UNLIMITED};
    window->limit = window->low_limit = LIMIT_FIRST * window->packet;
}

void hf_window_init(hf_window *window)
{
    window->packet = PACKET;
    forget(window);
}

void hf_window_change_path(hf_window *window, const hf_peer_flow *flow)
{
    uint64_t samples = window->rtt_samples;
    forget(window);
    window->forgotten = flow->bytes_sent;
    window->rtt_samples = samples;
    window->pacer.given = flow->bytes_given;
}

static uint64_t in_flight(const hf_peer_flow *flow)
{
    return flow->bytes_given - flow->bytes_delivered;
}

/* --- What the path delivers ---------------------------------------------------------------------------------------- */

static void note_burst(hf_window *window, hf_time now, const hf_peer_flow *flow)
{
    if (window->mode == HF_WINDOW_STEADY)
        hf_burst_note(&window->burst, now, flow->bytes_delivered, window->rate);
    else
        hf_burst_begin(&window->burst, now, flow->bytes_delivered);
}

static size_t burst_allowance(const hf_window *window)
{
    return hf_burst_allowance(&window->burst, window->packet, window->rate);
}

static uint64_t rate_of(const hf_window *window, size_t rounds)
{
    uint64_t most = 0;
    for (size_t i = 1; i <= rounds; i++) {
        uint64_t rate = window->rates[(window->rates_at + HF_WINDOW_RATES - i) % HF_WINDOW_RATES];
        most = rate > most ? rate : most;
    }
    return most;
}

/* What was delivered while there was not enough to send, or while SCTP held it back, says what the path can do at least. */
static void note_rate(hf_window *window, hf_time now, const hf_peer_flow *flow, bool is_full)
{
    hf_span elapsed = now - window->round.began;
    uint64_t bytes = flow->bytes_delivered - window->round.delivered, before = window->rate;
    if (elapsed <= 0)
        return;
    uint64_t rate = bytes * MICROSECONDS / (uint64_t)elapsed;
    if (is_full || rate > window->rate) {
        window->rates[window->rates_at] = rate;
        window->rates_at = (window->rates_at + 1) % HF_WINDOW_RATES;
    }
    window->rate = rate_of(window, window->rounds_queued >= ROUNDS_RECENT ? ROUNDS_RECENT : HF_WINDOW_RATES);
    if (window->rate > before + before / 20)
        hf_burst_forget(&window->burst); /* what seemed a burst was that */
}

/* True: it was more in this round trip than any weather. */
static bool note_loss(hf_window *window, const hf_peer_flow *flow)
{
    uint64_t delivered = (flow->bytes_delivered - window->round.delivered) / window->packet + 1;
    uint64_t chunks = flow->chunks_lost - window->round.lost;
    double lost = 100.0 * (double)chunks / (double)delivered;
    window->loss += ((lost < 100 ? lost : 100) - window->loss) / LOSS_ROUNDS;
    return lost >= LOSS_BEARABLE_PERCENT && chunks >= LOSS_CHUNKS;
}

static size_t bytes_in(const hf_window *window, hf_span span, unsigned percent)
{
    uint64_t bytes = window->rate * (uint64_t)span / MICROSECONDS * percent / 100;
    return bytes > least(window) ? (size_t)bytes : least(window);
}

static size_t full_limit(const hf_window *window)
{
    hf_span rtt = window->rtt_min, full = rtt + QUEUE_WANTED;
    if (window->cycle == 0)
        return bytes_in(window, full, PROBE_PERCENT);
    if (window->cycle == 1)
        return rtt > full / 2 ? bytes_in(window, rtt, DRAIN_PERCENT) : bytes_in(window, full / 2, 100);
    return bytes_in(window, full, 100);
}

/* What is lost beyond all weather did not fit. */
static size_t steady_limit(const hf_window *window)
{
    size_t limit = full_limit(window) + burst_allowance(window);
    size_t lossy = limit * LOSSY_PERCENT / 100 > least(window) ? limit * LOSSY_PERCENT / 100 : least(window);
    return window->loss < LOSS_BEARABLE_PERCENT ? limit : lossy;
}

/* --- Round trips --------------------------------------------------------------------------------------------------- */

static void set_rtt_min(hf_window *window, hf_time measured_at, hf_span rtt)
{
    window->rtt_min = rtt;
    window->rtt_min_at = measured_at;
    window->rtt_next = 0;
}

static void take_rtt(hf_window *window, hf_time now, hf_span rtt)
{
    hf_span age = now - window->rtt_min_at;
    if (age > RTT_MIN_LIFETIME / 2 && (window->rtt_next == 0 || rtt < window->rtt_next))
        window->rtt_next = rtt;
    if (window->rtt_min == 0 || rtt <= window->rtt_min) {
        set_rtt_min(window, now, rtt);
    } else if (age > RTT_MIN_LIFETIME) {
        set_rtt_min(window, now - RTT_MIN_LIFETIME / 2, window->rtt_next);
    }
    if (window->round.rtt == 0 || rtt < window->round.rtt)
        window->round.rtt = rtt;
    if (window->watch.rtt == 0 || rtt < window->watch.rtt)
        window->watch.rtt = rtt;
    window->queued_run = rtt - window->rtt_min >= QUEUE_FULL ? window->queued_run + 1 : 0;
}

/* A queue that is longer than ours can be: on a slow path the least window makes one, and bursts do. */
static hf_span foreign_queue(const hf_window *window)
{
    hf_span most = window->rtt_min / 8 > QUEUE_FOREIGN ? window->rtt_min / 8 : QUEUE_FOREIGN;
    hf_span least_takes = window->rate > 0 ? (hf_span)(least(window) * MICROSECONDS / window->rate) : 0;
    hf_span own = least_takes - window->rtt_min - QUEUE_WANTED;
    hf_span burst = window->rate > 0 ? (hf_span)(burst_allowance(window) * MICROSECONDS / window->rate) : 0;
    return most + (own > 0 ? own : 0) + burst;
}

static void become_steady(hf_window *window)
{
    window->mode = HF_WINDOW_STEADY;
    window->cycle = 1;
    window->empty_run = 0;
    window->limit = steady_limit(window);
}

/* More was on its way, and no more came: the path is full, though its queue is too short to show it. */
static bool is_fruitless(hf_window *window)
{
    if (window->rate > window->grown_rate + window->grown_rate / 10) {
        window->grown_rate = window->rate;
        window->fruitless = 0;
    }
    return ++window->fruitless > FRUITLESS_ROUNDS;
}

static void grow(hf_window *window)
{
    window->limit += window->limit * window->growth / 100;
    window->growth = 2 * window->growth < GROWTH_FIRST ? 2 * window->growth : GROWTH_FIRST;
}

/* `is_full`: the window held something back in this round trip and in the one before, whose data it delivered. Without that
 * the rate says little, and another's queue nothing. */
static void on_growing(hf_window *window, bool is_full, bool loses)
{
    bool has_queue = window->queue >= QUEUE_FULL, fruitless = is_full && is_fruitless(window);
    if (fruitless || loses)
        window->patience = PATIENCE_ROUNDS;
    if (fruitless || loses || (is_full && has_queue))
        become_steady(window);
    else if (window->round.limited && !has_queue)
        grow(window);
}

/* What a round trip's limit does is seen in the next. */
static void on_steady(hf_window *window)
{
    if (!window->round.limited)
        return;
    bool drained = window->cycle == 1 || window->cycle == 2;
    window->empty_run = window->queue < QUEUE_NONE && !drained ? window->empty_run + 1 : 0;
    window->cycle = (window->cycle + 1) % PROBE_EVERY;
    window->limit = steady_limit(window);
    window->patience -= window->patience > 0;
    if (window->empty_run >= EMPTY_ROUNDS && window->patience == 0) {
        window->grown_rate = window->rate;
        window->fruitless = 0;
        window->mode = HF_WINDOW_GROWING;
        window->growth = GROWTH_AGAIN;
        grow(window);
    }
}

/* RFC 9260 §7.2.2 and §7.2.3, by our own count: a packet more with each round trip, half as much after a loss. SCTP's own
 * window would do the same, but for the times that it collapses without a loss. */
static void compete(hf_window *window, hf_time now, size_t limit)
{
    window->mode = HF_WINDOW_COMPETING;
    window->limit = limit > least(window) ? limit : least(window);
    window->listen_at = now + LISTEN_EVERY;
}

static void on_competing(hf_window *window, hf_time now, const hf_peer_flow *flow)
{
    if (flow->chunks_lost != window->round.lost && window->round.delivered >= window->overcome_at) {
        window->limit = window->limit / 2 > least(window) ? window->limit / 2 : least(window);
        window->overcome_at = flow->bytes_sent;
    } else if (window->round.limited) {
        window->limit += window->packet;
    }
    if (now < window->listen_at)
        return;
    window->mode = HF_WINDOW_LISTENING;
    window->rounds_listened = 0;
    window->competed = window->limit;
    window->limit = in_flight(flow) / 2 > least(window) ? (size_t)(in_flight(flow) / 2) : least(window);
}

static void on_listening(hf_window *window, hf_time now)
{
    if (window->queue < foreign_queue(window)) {
        window->rounds_pressed = 0;
        become_steady(window);
    } else if (++window->rounds_listened >= LISTEN_ROUNDS) {
        compete(window, now, window->competed);
    }
}

/* The low class never competes: it gives way to a queue that is not its own, down to almost nothing, and comes back as it
 * empties. */
static void limit_low(hf_window *window, bool watched)
{
    size_t full = bytes_in(window, window->rtt_min + QUEUE_WANTED, 100) + burst_allowance(window);
    size_t steady = window->rate > 0 ? full : window->limit;
    size_t most = window->limit < UNLIMITED ? window->limit : steady;
    if (watched && window->rounds_queued >= ROUNDS_RECENT)
        window->low_cap = (window->low_cap < most ? window->low_cap : most) / 2;
    else if (window->rounds_queued == 0 && window->low_cap < UNLIMITED)
        window->low_cap = window->low_cap < most ? window->low_cap + window->low_cap / 2 : UNLIMITED;
    if (window->low_cap < least(window))
        window->low_cap = least(window);
    window->low_limit = window->low_cap < most ? window->low_cap : most;
}

/* Whether the queue is another's; a short round trip shows only together with others. True: now is known. */
static bool watch(hf_window *window, hf_time now)
{
    window->watch.limited |= window->round.limited;
    if (now - window->watch.began < WATCH_LEAST || window->watch.rtt == 0)
        return false;
    bool is_foreign = window->watch.rtt - window->rtt_min >= foreign_queue(window);
    window->rounds_queued = is_foreign ? window->rounds_queued + 1 : 0;
    window->rounds_pressed = is_foreign ? window->rounds_pressed + window->watch.limited : 0;
    window->watch.began = now;
    window->watch.rtt = 0;
    window->watch.limited = false;
    return true;
}

/* What seems to be another's queue, and never changes, is the path. */
static void mind_plateau(hf_window *window, hf_time now)
{
    hf_span rtt = window->round.rtt > 0 ? hf_plateau_note(&window->plateau, now, window->round.rtt) : 0;
    if (rtt - window->rtt_min < foreign_queue(window))
        return;
    set_rtt_min(window, now, rtt);
    window->queue = window->round.rtt - rtt;
    window->rounds_queued = window->rounds_pressed = 0;
    hf_plateau_leave(&window->plateau);
    if (window->mode == HF_WINDOW_COMPETING || window->mode == HF_WINDOW_LISTENING)
        become_steady(window);
}

static void end_round(hf_window *window, hf_time now, const hf_peer_flow *flow)
{
    bool competes = window->mode == HF_WINDOW_COMPETING || window->mode == HF_WINDOW_LISTENING;
    bool held_back = window->round.limited || (competes && window->round.backlogged);
    if (window->round.rtt > 0)
        window->queue = window->round.rtt - window->rtt_min;
    mind_plateau(window, now);
    bool watched = watch(window, now);
    hf_burst_age(&window->burst);
    bool is_full = held_back && window->round.was_limited;
    bool was_busy = window->round.was_busy && (window->round.limited || window->round.backlogged);
    note_rate(window, now, flow, is_full);
    bool loses = note_loss(window, flow) && was_busy;
    window->round.was_busy = window->round.limited || window->round.backlogged;
    window->round.was_limited = held_back;
    if (!competes && window->rounds_pressed >= ROUNDS_COMPETE)
        compete(window, now, (size_t)in_flight(flow));
    else
        switch (window->mode) {
        case HF_WINDOW_GROWING:
            on_growing(window, is_full, loses);
            break;
        case HF_WINDOW_STEADY:
            on_steady(window);
            break;
        case HF_WINDOW_COMPETING:
            on_competing(window, now, flow);
            break;
        case HF_WINDOW_LISTENING:
            on_listening(window, now);
            break;
        }
    limit_low(window, watched);
}

static void begin_round(hf_window *window, hf_time now, const hf_peer_flow *flow)
{
    bool was_limited = window->round.was_limited, was_busy = window->round.was_busy;
    window->round.running = flow->bytes_sent > flow->bytes_delivered;
    window->round.began = now;
    window->round.delivered = flow->bytes_delivered;
    window->round.sent = flow->bytes_sent;
    window->round.lost = flow->chunks_lost;
    window->round.rtt = 0;
    window->round.limited = window->round.backlogged = false;
    window->round.was_limited = was_limited && window->round.running;
    window->round.was_busy = was_busy && window->round.running;
}

/* Growth overshoots by what a round trip brings: a run of samples is enough to end it. */
static void end_growth_at_once(hf_window *window, hf_time now, const hf_peer_flow *flow)
{
    bool is_full = window->round.limited && window->round.was_limited;
    if (window->mode != HF_WINDOW_GROWING || window->queued_run < QUEUED_RUN || !is_full ||
        now - window->round.began < window->rtt_min / 2)
        return;
    note_rate(window, now, flow, false);
    become_steady(window);
    limit_low(window, false);
}

void hf_window_update(hf_window *window, hf_time now, const hf_peer_flow *flow)
{
    window->pacer.refused = false; /* until somebody asks in vain */
    if (flow->bytes_delivered != window->answered.delivered) {
        window->answered.delivered = flow->bytes_delivered;
        window->answered.lost = flow->chunks_lost;
    }
    if (flow->packet_max > 0)
        window->packet = flow->packet_max;
    if (window->forgotten > 0 &&
        flow->bytes_delivered <= window->forgotten) { /* what is acknowledged now went another way */
        window->rtt_samples = flow->rtt_samples;
        return;
    }
    if (flow->rtt_samples != window->rtt_samples) {
        window->rtt_samples = flow->rtt_samples;
        take_rtt(window, now, flow->rtt_last);
        end_growth_at_once(window, now, flow);
    }
    note_burst(window, now, flow);
    if (!window->round.running) {
        begin_round(window, now, flow);
    } else if (flow->bytes_delivered >= window->round.sent && now - window->round.began >= ROUND_LEAST) {
        end_round(window, now, flow);
        begin_round(window, now, flow);
    }
}

/* --- Giving -------------------------------------------------------------------------------------------------------- */

/* Bytes per second; 0: any. */
static int64_t pace_rate(const hf_window *window)
{
    if (window->rtt_min == 0 || window->limit == UNLIMITED)
        return 0;
    return (int64_t)(window->limit * MICROSECONDS / (uint64_t)window->rtt_min * PACE_PERCENT / 100) + 1;
}

/* What SCTP has repeated, and got no answer to since, may have gone into an outage: a larger window would send all the rest
 * after it, and wait the longer. */
void hf_window_hold_back(hf_window *window, const hf_peer_flow *flow)
{
    window->round.backlogged = true;
    window->blocked = in_flight(flow) < window->limit && flow->chunks_lost == window->answered.lost;
}

size_t hf_window_room(hf_window *window, hf_time now, const hf_peer_flow *flow, bool low)
{
    size_t limit = low ? window->low_limit : window->limit;
    uint64_t unsent = flow->bytes_given - flow->bytes_sent;
    if (unsent >= UNSENT_MAX * window->packet) {
        hf_window_hold_back(window, flow);
        return 0;
    }
    if (in_flight(flow) >= limit) {
        window->round.limited |= limit == window->limit; /* what the low class forgoes says nothing of the path */
        return 0;
    }
    bool may = hf_pacer_lets(&window->pacer, now, pace_rate(window), flow->bytes_given, LIMIT_FIRST * window->packet);
    return may ? limit - (size_t)in_flight(flow) : 0;
}

size_t hf_window_wanted(hf_window *window)
{
    bool wanted = window->blocked && window->loss < LOSS_BEARABLE_PERCENT;
    window->blocked = false;
    return wanted ? window->limit * WANTED_PERCENT / 100 : 0;
}

hf_time hf_window_deadline(const hf_window *window)
{
    return hf_pacer_deadline(&window->pacer, pace_rate(window));
}

size_t hf_window_part_max(const hf_window *window)
{
    uint64_t usual = window->rate > 0 ? window->rate * PART_SPAN / MICROSECONDS : PART_USUAL;
    uint64_t bytes = window->rate * PART_SPAN_FAST / MICROSECONDS;
    usual = usual < PART_USUAL ? usual : PART_USUAL;
    bytes = bytes < usual ? usual : bytes < HF_WINDOW_PART_MAX ? bytes : HF_WINDOW_PART_MAX;
    return bytes > window->packet ? (size_t)bytes : window->packet;
}
