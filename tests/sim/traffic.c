/* traffic.c: the messages, the transfer, and their figures. */
#include "traffic.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URGENT_EVERY HF_MS(20)
#define URGENT_SIZE 100
#define URGENT_WAITING_MAX 65536
#define BULK_SIZE 65536
#define PRIORITY_HIGH 1024 /* RFC 8831 §6.4 */
#define PRIORITY_LOW 128

static traffic *the_traffic; /* sim's callbacks have no context; one process runs one world */

/* --- Samples ------------------------------------------------------------------------------------------------------- */

static void note(traffic_samples *samples, hf_span span)
{
    if (samples->len == samples->cap) {
        samples->cap = samples->cap ? 2 * samples->cap : 1024;
        samples->all = realloc(samples->all, samples->cap * sizeof *samples->all);
        assert(samples->all);
    }
    samples->all[samples->len++] = span;
}

static int compare(const void *a, const void *b)
{
    hf_span x = *(const hf_span *)a, y = *(const hf_span *)b;
    return (x > y) - (x < y);
}

static hf_span quantile(const traffic_samples *samples, size_t percent)
{
    return samples->len > 0 ? samples->all[(samples->len - 1) * percent / 100] : 0;
}

/* --- The remote ---------------------------------------------------------------------------------------------------- */

static hf_time moment_in(const hf_peer_event *event)
{
    char text[URGENT_SIZE + 1] = "";
    assert(event->u.message.len == URGENT_SIZE);
    memcpy(text, event->u.message.data, URGENT_SIZE);
    return strtoll(text, NULL, 10);
}

static void on_arrival(sim_side *side, sim_channel *channel, const hf_peer_event *event)
{
    traffic *t = the_traffic;
    if (strcmp(channel->label, "urgent") != 0) {
        t->bulk_bytes += event->u.message.len;
        return;
    }
    if (moment_in(event) >= t->since)
        note(&t->one_way, side->sim->now - moment_in(event));
    hf_err err = hf_peer_send(side->peer, side->sim->now, event->channel, HF_TEXT, event->u.message.data, URGENT_SIZE);
    assert(err == HF_OK);
    (void)err;
}

static void on_return(sim_side *side, sim_channel *channel, const hf_peer_event *event)
{
    (void)channel;
    if (moment_in(event) >= the_traffic->since)
        note(&the_traffic->round, side->sim->now - moment_in(event));
}

/* --- The sender ---------------------------------------------------------------------------------------------------- */

static hf_err give(traffic *t, const sim_channel *channel, const void *data, size_t len)
{
    return hf_peer_send(t->s.side[0].peer, t->s.now, channel->handle, HF_TEXT, data, len);
}

static bool give_urgent(traffic *t)
{
    char message[URGENT_SIZE + 1];
    if (t->urgent_len == 0)
        return false;
    snprintf(message, sizeof message, "%-100lld", (long long)t->urgent_waiting[0]);
    if (give(t, t->urgent, message, URGENT_SIZE) != HF_OK)
        return false;
    t->urgent_len--;
    memmove(t->urgent_waiting, t->urgent_waiting + 1, t->urgent_len * sizeof *t->urgent_waiting);
    return true;
}

static bool give_bulk(traffic *t, size_t size)
{
    static char text[HF_MESSAGE_MAX_DEFAULT];
    memset(text, 'x', size < sizeof text ? size : sizeof text); /* the simulation would look for a number in binary ones */
    return !t->config.no_bulk && give(t, t->bulk, text, size) == HF_OK;
}

static void pump_window(traffic *t)
{
    hf_peer *peer = t->s.side[0].peer;
    hf_peer_flow flow;
    bool gave;
    hf_peer_get_flow(peer, &flow);
    hf_window_update(&t->window, t->s.now, &flow);
    do {
        gave = false;
        if (t->urgent_len > 0 && hf_window_room(&t->window, t->s.now, &flow, false) > 0)
            gave = give_urgent(t);
        else if (t->urgent_len == 0 && !t->config.no_bulk &&
                 hf_window_room(&t->window, t->s.now, &flow, !t->config.same_class) > 0)
            gave = give_bulk(t, hf_window_part_max(&t->window));
        hf_peer_get_flow(peer, &flow);
    } while (gave);
    size_t wanted = hf_window_wanted(&t->window);
    if (wanted > 0)
        hf_peer_raise_window(peer, t->s.now, wanted);
}

static void pump_plain(traffic *t)
{
    while (give_urgent(t)) {
    }
    while (give_bulk(t, t->config.bulk_size ? t->config.bulk_size : BULK_SIZE)) {
    }
}

/* After each step of the world. */
static bool pump(sim *s)
{
    traffic *t = the_traffic;
    if (s->now >= t->urgent_due) {
        assert(t->urgent_len < URGENT_WAITING_MAX);
        t->urgent_waiting[t->urgent_len++] = s->now;
        t->urgent_due += t->config.urgent_every ? t->config.urgent_every : URGENT_EVERY;
    }
    if (t->config.kind == TRAFFIC_WINDOW)
        pump_window(t);
    else
        pump_plain(t);
    return false;
}

/* --- Face ---------------------------------------------------------------------------------------------------------- */

void traffic_begin(traffic *t, const traffic_config *config)
{
    *t = (traffic){.config = *config};
    the_traffic = t;
    sim_init(&t->s, &(sim_config){.seed = config->seed, .link = {.delay = config->link.delay}, .signalling = HF_MS(20)});
    t->urgent = sim_open(&t->s.side[0], &(hf_datachannel_config){.label = "urgent", .priority = PRIORITY_HIGH});
    t->bulk = sim_open(&t->s.side[0], &(hf_datachannel_config){
                                          .label = "bulk",
                                          .priority = config->same_class ? PRIORITY_HIGH : PRIORITY_LOW,
                                      });
    sim_connect(&t->s);
    bool open = sim_run(&t->s, HF_SECONDS(20), sim_both_open) && sim_run(&t->s, t->s.now + HF_SECONDS(2), NULL);
    (void)open;
    t->s.link = config->link;
    t->s.side[0].on_message = on_return;
    t->s.side[1].on_message = on_arrival;
    t->urgent_waiting = malloc(URGENT_WAITING_MAX * sizeof *t->urgent_waiting);
    assert(t->urgent_waiting);
    t->urgent_due = t->s.now;
    hf_window_init(&t->window);
    rival_init(&t->rival, &t->s);
    traffic_forget(t);
}

void traffic_set_rival(traffic *t, bool on)
{
    rival_set(&t->rival, on);
}

static hf_time next_due(const traffic *t)
{
    hf_time window = t->config.kind == TRAFFIC_WINDOW ? hf_window_deadline(&t->window) : HF_NEVER;
    return window < t->urgent_due ? window : t->urgent_due;
}

void traffic_run(traffic *t, hf_span length)
{
    hf_time end = t->s.now + length;
    while (t->s.now < end) {
        hf_time next = next_due(t);
        next = next > t->s.now ? next : t->s.now + 1;
        sim_run(&t->s, next < end ? next : end, pump);
        pump(&t->s);
    }
}

void traffic_forget(traffic *t)
{
    t->since = t->s.now;
    t->one_way.len = t->round.len = 0;
    t->bulk_bytes = 0;
    t->rival_before = t->rival.delivered;
    t->overflowed_before = t->s.overflowed;
}

traffic_figures traffic_tell(traffic *t)
{
    double seconds = (double)(t->s.now - t->since) / 1e6;
    qsort(t->one_way.all, t->one_way.len, sizeof(hf_span), compare);
    qsort(t->round.all, t->round.len, sizeof(hf_span), compare);
    return (traffic_figures){
        .one_way_p50 = quantile(&t->one_way, 50),
        .one_way_p99 = quantile(&t->one_way, 99),
        .one_way_max = quantile(&t->one_way, 100),
        .round_p50 = quantile(&t->round, 50),
        .round_p99 = quantile(&t->round, 99),
        .round_max = quantile(&t->round, 100),
        .messages = t->round.len,
        .rate = (double)t->bulk_bytes / seconds,
        .rival_rate = (double)(t->rival.delivered - t->rival_before) / seconds,
        .overflowed = t->s.overflowed - t->overflowed_before,
    };
}

void traffic_end(traffic *t)
{
    sim_clear(&t->s);
    free(t->one_way.all);
    free(t->round.all);
    free(t->urgent_waiting);
}
