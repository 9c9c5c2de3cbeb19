/* pair.c: two associations, a network of virtual time, and a note of every event. */
#include "pair.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

uint64_t pair_hash(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

void pair_fill(uint8_t *out, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(seed >> 56);
    }
}

static unsigned chance(pair *p)
{
    p->random = p->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((p->random >> 33) % 1000);
}

void pair_init(pair *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    p->random = seed;
    p->delay = PAIR_DELAY;
    p->now = HF_SECONDS(1);
    p->config_a = p->config_b = (hf_sctp_config){.mtu = PAIR_MTU};
    p->remote_a = (hf_sctp_remote){.message_max = HF_MESSAGE_MAX_DEFAULT, .dtls_client = true, .rtt = 2 * PAIR_DELAY};
    p->remote_b = (hf_sctp_remote){.message_max = HF_MESSAGE_MAX_DEFAULT, .rtt = 2 * PAIR_DELAY};
    p->a.events = calloc(PAIR_EVENTS_MAX, sizeof *p->a.events);
    p->b.events = calloc(PAIR_EVENTS_MAX, sizeof *p->b.events);
    p->a.due = p->b.due = HF_NEVER;
    cr_assert(p->a.events && p->b.events);
    clock_set(p->now);
    clock_seed(seed);
    cr_assert_eq(hf_engine_new(&p->engine, test_env_init(&p->env, seed)), HF_OK);
}

void pair_open(pair *p)
{
    cr_assert_eq(hf_sctp_new(&p->a.sctp, &p->config_a, p->engine, &p->env.env), HF_OK);
    cr_assert_eq(hf_sctp_new(&p->b.sctp, &p->config_b, p->engine, &p->env.env), HF_OK);
}

void pair_start(pair *p)
{
    hf_err err = hf_sctp_start(p->a.sctp, p->now, &p->remote_a);
    cr_assert_eq(err, HF_OK, "%s; %s", hf_err_name(err), p->env.log_last);
    cr_assert_eq(hf_sctp_start(p->b.sctp, p->now, &p->remote_b), HF_OK);
    pair_drain(p, &p->a);
    pair_drain(p, &p->b);
}

void pair_up(pair *p)
{
    pair_open(p);
    pair_start(p);
    cr_assert(pair_wait(p, &p->a, HF_SCTP_UP, 1, HF_SECONDS(10)));
    cr_assert(pair_wait(p, &p->b, HF_SCTP_UP, 1, HF_SECONDS(10)));
}

void pair_clear(pair *p)
{
    while (p->flying) {
        pair_flying *next = p->flying->next;
        free(p->flying);
        p->flying = next;
    }
    hf_sctp_free(p->a.sctp);
    hf_sctp_free(p->b.sctp);
    hf_engine_free(p->engine);
    free(p->a.events);
    free(p->b.events);
    cr_expect_eq(p->env.blocks, 0, "%zu blocks leaked", p->env.blocks);
}

/* --- Network ----------------------------------------------------------------------------------------------------- */

static void put(pair *p, pair_end *to, hf_bytes packet, hf_span delay)
{
    pair_flying *flying = malloc(sizeof *flying + packet.len);
    cr_assert(flying);
    *flying = (pair_flying){.due = p->now + delay, .order = p->order++, .to = to, .len = packet.len};
    memcpy(flying->data, packet.data, packet.len);
    pair_flying **at = &p->flying;
    while (*at && (*at)->due <= flying->due)
        at = &(*at)->next;
    flying->next = *at;
    *at = flying;
}

static void transmit(pair *p, pair_end *to, hf_bytes packet)
{
    p->packets++;
    p->trace = (p->trace ^ pair_hash(packet.data, packet.len)) * 1099511628211u + (uint64_t)p->now;
    bool dropped = p->drop && p->drop(p, to, packet);
    if (chance(p) < p->lost || p->cut || dropped)
        return;
    put(p, to, packet, p->delay + (chance(p) < p->late ? p->delay * 3 / 2 : 0));
    if (chance(p) < p->twice)
        put(p, to, packet, p->delay + HF_MS(1));
}

static void note(pair_end *end, const hf_sctp_event *event, hf_time now)
{
    cr_assert_lt(end->events_len, PAIR_EVENTS_MAX);
    pair_event *e = &end->events[end->events_len++];
    *e = (pair_event){.event = *event, .len = event->message.len, .at = now};
    if (event->type == HF_SCTP_CHANNEL_MESSAGE) {
        e->hash = pair_hash(event->message.data, event->message.len);
        size_t len = event->message.len < sizeof end->last ? event->message.len : sizeof end->last;
        if (len > 0)
            memcpy(end->last, event->message.data, len);
        end->messages++;
        end->bytes += event->message.len;
    }
    e->event.message.data = NULL;
}

void pair_drain(pair *p, pair_end *end)
{
    hf_sctp_event event;
    hf_bytes packets[16];
    pair_end *to = end == &p->a ? &p->b : &p->a;
    size_t n;
    if (!end->sctp)
        return;
    while (!end->deaf && hf_sctp_poll_event(end->sctp, &event)) {
        note(end, &event, p->now);
        if (end->on_event)
            end->on_event(p, end, &event);
    }
    while ((n = hf_sctp_packets(end->sctp, p->now, packets, 16)) > 0) {
        for (size_t i = 0; i < n; i++)
            transmit(p, to, packets[i]);
        hf_sctp_sent(end->sctp, n);
    }
    end->due = hf_sctp_deadline(end->sctp);
}

void pair_step(pair *p)
{
    while (p->flying && p->flying->due <= p->now) {
        pair_flying *flying = p->flying;
        p->flying = flying->next;
        if (flying->to->sctp)
            hf_sctp_input(flying->to->sctp, p->now, &(hf_bytes){flying->data, flying->len}, 1);
        pair_drain(p, flying->to);
        free(flying);
    }
    pair_end *ends[] = {&p->a, &p->b};
    for (size_t i = 0; i < 2; i++) {
        if (ends[i]->sctp && hf_sctp_deadline(ends[i]->sctp) <= p->now) {
            hf_sctp_tick(ends[i]->sctp, p->now);
            pair_drain(p, ends[i]);
        }
    }
}

static hf_time next_moment(const pair *p, hf_time end)
{
    hf_time next = end;
    if (p->flying && p->flying->due < next)
        next = p->flying->due;
    if (p->a.sctp && hf_sctp_deadline(p->a.sctp) < next)
        next = hf_sctp_deadline(p->a.sctp);
    if (p->b.sctp && hf_sctp_deadline(p->b.sctp) < next)
        next = hf_sctp_deadline(p->b.sctp);
    return next > p->now ? next : p->now;
}

void pair_run(pair *p, hf_span length)
{
    hf_time end = p->now + length;
    pair_drain(p, &p->a);
    pair_drain(p, &p->b);
    while (p->now < end) {
        p->now = next_moment(p, end);
        clock_set(p->now);
        pair_step(p);
    }
}

size_t pair_count(const pair_end *end, hf_sctp_event_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < end->events_len; i++)
        n += end->events[i].event.type == type;
    return n;
}

const pair_event *pair_find(const pair_end *end, hf_sctp_event_type type, size_t nth)
{
    for (size_t i = 0; i < end->events_len; i++)
        if (end->events[i].event.type == type && nth-- == 0)
            return &end->events[i];
    return NULL;
}

bool pair_wait(pair *p, pair_end *end, hf_sctp_event_type type, size_t n, hf_span limit)
{
    hf_time until = p->now + limit;
    pair_drain(p, &p->a);
    pair_drain(p, &p->b);
    while (pair_count(end, type) < n) {
        if (p->now >= until)
            return false;
        p->now = next_moment(p, until);
        clock_set(p->now);
        pair_step(p);
    }
    return true;
}

/* --- Channels ---------------------------------------------------------------------------------------------------- */

hf_datachannel pair_channel(pair *p, pair_end *end, const hf_datachannel_config *config)
{
    hf_datachannel channel = 0;
    cr_assert_eq(hf_sctp_channel_open(end->sctp, p->now, config, &channel), HF_OK);
    pair_drain(p, end);
    return channel;
}

hf_err pair_send(pair *p, pair_end *end, hf_datachannel channel, const void *data, size_t len)
{
    hf_err err = hf_sctp_channel_send(end->sctp, p->now, channel, HF_BINARY, (hf_bytes){data, len});
    pair_drain(p, end);
    return err;
}

hf_err pair_send_text(pair *p, pair_end *end, hf_datachannel channel, const char *text)
{
    hf_bytes bytes = {(const uint8_t *)text, strlen(text)};
    hf_err err = hf_sctp_channel_send(end->sctp, p->now, channel, HF_TEXT, bytes);
    pair_drain(p, end);
    return err;
}
