/* world.c: the simulated network, and the drive loop under virtual time. */
#include "world.h"

#include "clock.h"
#include "names.h"
#include "streams.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_BUFFER 65536

typedef enum kind { DATAGRAM, PART, SIGNAL } kind;

/* Something on its way. */
typedef struct flight {
    hf_time at;
    uint64_t order; /* of two that arrive at once, the first sent */
    kind kind;
    int to;
    sim_part part;
    hf_path path;
    uint8_t *data;
    size_t len;
    hf_signal_type signal;
    char mid[16], ufrag[HF_ICE_UFRAG_MAX + 1];
} flight;

static uint64_t next_chance(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) >> 32;
}

uint32_t sim_random(sim *s, uint32_t below)
{
    return (uint32_t)(next_chance(&s->chance) % below);
}

/* --- Flights: a binary heap by arrival --------------------------------------------------------------------------- */

static bool is_earlier(const flight *a, const flight *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void add_flight(sim *s, flight f)
{
    if (s->flights_len == s->flights_cap) {
        s->flights_cap = s->flights_cap ? 2 * s->flights_cap : 64;
        s->flights = realloc(s->flights, s->flights_cap * sizeof *s->flights);
        assert(s->flights);
    }
    f.order = s->order++;
    size_t i = s->flights_len++;
    while (i > 0 && is_earlier(&f, &s->flights[(i - 1) / 2])) {
        s->flights[i] = s->flights[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->flights[i] = f;
}

static flight take_flight(sim *s)
{
    flight first = s->flights[0], last = s->flights[--s->flights_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->flights_len)
            break;
        if (child + 1 < s->flights_len && is_earlier(&s->flights[child + 1], &s->flights[child]))
            child++;
        if (!is_earlier(&s->flights[child], &last))
            break;
        s->flights[i] = s->flights[child];
        i = child;
    }
    s->flights[i] = last;
    return first;
}

static uint8_t *copy(const void *data, size_t len)
{
    uint8_t *memory = malloc(len + 1);
    assert(memory);
    if (len > 0)
        memcpy(memory, data, len);
    memory[len] = 0;
    return memory;
}

/* --- The network ------------------------------------------------------------------------------------------------- */

static void note_in_trace(sim *s, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        s->trace = (s->trace ^ bytes[i]) * 1099511628211u; /* FNV-1a */
}

static hf_path reversed(const hf_path *path)
{
    return (hf_path){.transport = path->transport, .local = path->remote, .remote = path->local};
}

static hf_time arrival(sim *s)
{
    return s->now + s->link.delay + (s->link.jitter > 0 ? (hf_span)sim_random(s, (uint32_t)s->link.jitter) : 0);
}

static void fly(sim *s, int to, const hf_path *path, const uint8_t *data, size_t len)
{
    flight f = {.at = arrival(s), .kind = DATAGRAM, .to = to, .len = len, .path = reversed(path)};
    f.data = copy(data, len);
    if (len > 0 && sim_random(s, 1000) < s->link.corrupt)
        f.data[sim_random(s, (uint32_t)len)] ^= (uint8_t)(1u << sim_random(s, 8));
    add_flight(s, f);
}

void sim_fly(sim *s, int to, const hf_path *path, const uint8_t *data, size_t len)
{
    if (s->link.cut || sim_random(s, 1000) < s->link.loss)
        return;
    fly(s, to, path, data, len);
    if (sim_random(s, 1000) < s->link.duplicate)
        fly(s, to, path, data, len);
}

hf_time sim_fly_part(sim *s, int to, sim_part part, const hf_path *path, const uint8_t *data, size_t len, hf_time behind)
{
    flight f = {.at = arrival(s), .kind = PART, .part = part, .to = to, .len = len, .path = reversed(path)};
    f.at = f.at > behind ? f.at : behind;
    f.data = copy(data, len);
    add_flight(s, f);
    return f.at;
}

static int side_of(const sim *s, const hf_addr *addr)
{
    for (int i = 0; i < 2; i++) {
        if (hf_addr_equal(addr, &s->side[i].addrs[0]) || hf_addr_equal(addr, &s->side[i].addrs[1]))
            return i;
    }
    return -1;
}

static void send_datagram(sim *s, int from, const hf_path *path, uint8_t *data, size_t len)
{
    s->datagrams++;
    note_in_trace(s, &s->now, sizeof s->now);
    note_in_trace(s, path->remote.ip, sizeof path->remote.ip);
    note_in_trace(s, data, len);
    hf_datagram tapped = {.path = *path, .data = data, .len = len};
    if (s->on_datagram)
        s->on_datagram(s, from, &tapped);
    if (path->transport == HF_TCP) {
        sim_streams_send(&s->side[from], path, data, len);
        return;
    }
    int to = side_of(s, &path->remote);
    if (to >= 0 && !(s->loses && s->loses(s, from, &tapped)))
        sim_fly(s, to, path, data, len);
}

void sim_inject(sim *s, int to, const hf_path *path, const uint8_t *data, size_t len)
{
    flight f = {.at = s->now, .kind = DATAGRAM, .to = to, .len = len, .path = *path, .data = copy(data, len)};
    add_flight(s, f);
}

/* --- Signalling -------------------------------------------------------------------------------------------------- */

/* None of the others is longer than "actpass"; the rest of the text moves up. */
static void replace_setup(flight *f, const char *setup)
{
    char *value = strstr((char *)f->data, "a=setup:actpass");
    assert(value && strlen(setup) <= strlen("actpass"));
    value += strlen("a=setup:");
    memmove(value + strlen(setup), value + strlen("actpass"), strlen(value + strlen("actpass")) + 1);
    memcpy(value, setup, strlen(setup));
    f->len = strlen((char *)f->data);
}

static void send_signal(sim_side *side, hf_signal_type type, const char *text, const char *mid, const char *ufrag)
{
    sim *s = side->sim;
    flight f = {.at = s->now + s->config.signalling, .kind = SIGNAL, .to = 1 - side->index, .signal = type};
    f.len = strlen(text);
    f.data = copy(text, f.len);
    snprintf(f.mid, sizeof f.mid, "%s", mid ? mid : "");
    snprintf(f.ufrag, sizeof f.ufrag, "%s", ufrag ? ufrag : "");
    char *line =
        type == HF_SIGNAL_ANSWER && s->config.swap_fingerprint ? strstr((char *)f.data, "a=fingerprint:sha-256 ") : NULL;
    char *max = type == HF_SIGNAL_ANSWER && s->config.swap_message_max ? strstr((char *)f.data, "max-message-size:") : NULL;
    if (max)
        memcpy(max + 17, s->config.swap_message_max, 6);
    if (line)
        memcpy(line + 22, s->config.swap_fingerprint, 95);
    if (type == HF_SIGNAL_OFFER && s->config.offer_setup)
        replace_setup(&f, s->config.offer_setup);
    add_flight(s, f);
}

static void signal_description(sim_side *side)
{
    hf_sdp_type type;
    const char *sdp;
    hf_err err = hf_peer_local_description(side->peer, &type, &sdp);
    assert(err == HF_OK);
    (void)err;
    send_signal(side, type == HF_SDP_OFFER ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER, sdp, NULL, NULL);
}

void sim_offer(sim_side *side)
{
    hf_err err = hf_peer_set_local_description(side->peer, side->sim->now, HF_SDP_OFFER, NULL);
    assert(err == HF_OK);
    (void)err;
    side->offers++;
    if (!side->sim->config.no_trickle)
        signal_description(side);
}

/* In a glare the polite one, 0, gives way: its offer is taken back by the other's, and no answer comes for it. */
static bool is_ignored(const sim_side *side, const flight *f)
{
    return f->signal == HF_SIGNAL_OFFER && side->sim->config.negotiate && side->index == 1 &&
           hf_peer_signaling_state(side->peer) != HF_SIGNALING_STABLE;
}

static void receive_signal(sim_side *side, const flight *f)
{
    hf_time now = side->sim->now;
    const char *text = (const char *)f->data;
    hf_err err = HF_OK;
    if (is_ignored(side, f))
        return;
    switch (f->signal) {
    case HF_SIGNAL_OFFER:
        err = hf_peer_set_remote_description(side->peer, now, HF_SDP_OFFER, text);
        if (err == HF_OK)
            err = hf_peer_set_local_description(side->peer, now, HF_SDP_ANSWER, NULL);
        if (err == HF_OK && !side->sim->config.no_trickle)
            signal_description(side);
        break;
    case HF_SIGNAL_ANSWER:
        err = hf_peer_set_remote_description(side->peer, now, HF_SDP_ANSWER, text);
        break;
    case HF_SIGNAL_CANDIDATE:
    case HF_SIGNAL_END_OF_CANDIDATES:
        err = hf_peer_add_ice_candidate(side->peer, now, text, f->mid, f->ufrag);
        if (err == HF_ENOTSUP && side->sim->config.may_refuse_candidates)
            err = HF_OK;
        break;
    }
    if (err != HF_OK) {
        fprintf(stderr, "sim: a signal was refused: %s: %s\n", hf_err_name(err), hf_peer_error_text(side->peer));
        abort();
    }
}

/* --- The application of each side -------------------------------------------------------------------------------- */

static sim_channel *channel_of(sim_side *side, hf_datachannel handle)
{
    for (size_t i = 0; i < side->channels_len; i++) {
        if (side->channels[i].handle == handle)
            return &side->channels[i];
    }
    assert(side->channels_len < SIM_CHANNELS_MAX);
    sim_channel *channel = &side->channels[side->channels_len++];
    hf_datachannel_info info;
    channel->handle = handle;
    if (hf_peer_channel_info(side->peer, handle, &info) == HF_OK)
        snprintf(channel->label, sizeof channel->label, "%.60s", info.label);
    return channel;
}

sim_channel *sim_find(sim_side *side, const char *label)
{
    for (size_t i = 0; i < side->channels_len; i++) {
        if (strcmp(side->channels[i].label, label) == 0)
            return &side->channels[i];
    }
    return NULL;
}

sim_channel *sim_open(sim_side *side, const hf_datachannel_config *config)
{
    hf_datachannel handle;
    hf_err err = hf_peer_open_channel(side->peer, side->sim->now, config, &handle);
    if (err != HF_OK) {
        fprintf(stderr, "sim: a channel was refused: %s\n", hf_err_name(err));
        abort();
    }
    return channel_of(side, handle);
}

static void fill_content(uint8_t *out, uint64_t number, size_t size)
{
    uint64_t state = number * 2654435761u + 1;
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(number >> (8 * i));
    for (size_t i = 8; i < size; i++)
        out[i] = (uint8_t)next_chance(&state);
}

hf_err sim_send_numbered(sim_side *side, sim_channel *channel, uint64_t number, size_t size)
{
    uint8_t *content = malloc(size);
    assert(content);
    fill_content(content, number, size);
    hf_err err = hf_peer_send(side->peer, side->sim->now, channel->handle, HF_BINARY, content, size);
    free(content);
    return err;
}

/* A message with a number is checked to the last byte; anything else ends the run. */
static void note_numbered(sim_channel *channel, const uint8_t *data, size_t len)
{
    uint64_t number = 0;
    if (len < 8)
        return;
    for (int i = 0; i < 8; i++)
        number |= (uint64_t)data[i] << (8 * i);
    uint8_t *expected = malloc(len);
    assert(expected);
    fill_content(expected, number, len);
    bool intact = memcmp(expected, data, len) == 0;
    free(expected);
    if (!intact) {
        fprintf(stderr, "sim: a message arrived damaged\n");
        abort();
    }
    channel->out_of_order += number != channel->next;
    channel->next = number + 1;
    if (number < 1024) {
        uint64_t bit = (uint64_t)1 << (number % 64);
        channel->doubled += (channel->seen[number / 64] & bit) != 0;
        channel->seen[number / 64] |= bit;
    }
}

static void on_message(sim_side *side, const hf_peer_event *event)
{
    sim_channel *channel = channel_of(side, event->channel);
    channel->messages++;
    channel->bytes += event->u.message.len;
    if (event->u.message.kind == HF_BINARY)
        note_numbered(channel, event->u.message.data, event->u.message.len);
    if (side->on_message)
        side->on_message(side, channel, event);
    if (side->echo) {
        hf_err err = hf_peer_send(side->peer, side->sim->now, event->channel, event->u.message.kind, event->u.message.data,
                                  event->u.message.len);
        assert(err == HF_OK);
        (void)err;
    }
}

static void on_candidate(sim_side *side, const hf_peer_event *event)
{
    const char *text = event->u.candidate.text;
    bool last = text[0] == '\0';
    if (!side->sim->config.no_trickle)
        send_signal(side, last ? HF_SIGNAL_END_OF_CANDIDATES : HF_SIGNAL_CANDIDATE, text, event->u.candidate.mid,
                    event->u.candidate.ufrag);
    else if (last)
        signal_description(side);
}

/* The first ones, as far as there is room: a world of many cuts has many. */
static void note_connection(sim_side *side, const char *name)
{
    size_t len = strlen(side->connections);
    if (len + strlen(name) + 2 <= sizeof side->connections)
        snprintf(side->connections + len, sizeof side->connections - len, "%s ", name);
}

static void on_event(sim_side *side, const hf_peer_event *event)
{
    switch (event->type) {
    case HF_PEER_NEGOTIATION_NEEDED:
        if (side->sim->config.negotiate)
            sim_offer(side);
        break;
    case HF_PEER_CONNECTION_CHANGED:
        note_connection(side, hf_connection_state_name(event->u.connection));
        side->unsteady |= side->connected_at != HF_NEVER && event->u.connection != HF_CONNECTION_CONNECTED;
        if (event->u.connection == HF_CONNECTION_CONNECTED && side->connected_at == HF_NEVER)
            side->connected_at = side->sim->now;
        if (event->u.connection == HF_CONNECTION_FAILED)
            side->failed_cause = event->cause;
        break;
    case HF_PEER_CANDIDATE:
        on_candidate(side, event);
        break;
    case HF_PEER_REMOTE_CLOSED:
        side->remote_closed = true;
        side->remote_closed_cause = event->cause;
        break;
    case HF_PEER_CHANNEL_OPEN:
        channel_of(side, event->channel)->open = true;
        if (side->open_at == HF_NEVER)
            side->open_at = side->sim->now;
        break;
    case HF_PEER_CHANNEL_CLOSED:
        channel_of(side, event->channel)->closed = true;
        break;
    case HF_PEER_CHANNEL_MESSAGE:
        on_message(side, event);
        break;
    case HF_PEER_ROUTE_CHANGED:
        if (side->routed_at == HF_NEVER)
            side->routed_at = side->sim->now;
        break;
    case HF_PEER_SIGNALING_CHANGED:
    case HF_PEER_ICE_CONNECTION_CHANGED:
    case HF_PEER_ICE_GATHERING_CHANGED:
    case HF_PEER_SERVER_FAILED:
    case HF_PEER_CREDENTIALS_NEEDED:
    case HF_PEER_CHANNEL_LOW:
    case HF_PEER_CHANNEL_WRITABLE:
    case HF_PEER_CHANNEL_CLOSING:
        break;
    }
}

static void answer_request(sim_side *side, const hf_request *request)
{
    hf_local locals[3] = {{.addr = side->addrs[0], .interface = 1}, {.addr = side->addrs[1], .interface = 1}};
    hf_reply reply = {.id = request->id};
    switch (request->type) {
    case HF_REQUEST_LOCALS:
        reply.type = HF_REPLY_LOCALS;
        reply.locals = locals;
        reply.locals_len = side->sim->config.ipv6 ? 2 : 1;
        if (request->listen)
            locals[reply.locals_len++] = sim_streams_listen(side);
        break;
    case HF_REQUEST_RESOLVE:
    case HF_REQUEST_ADVERTISE:
        sim_names_request(side, request);
        return;
    case HF_REQUEST_CONNECT:
    case HF_REQUEST_DISCONNECT:
        sim_streams_request(side, request);
        return;
    case HF_REQUEST_BIND:
    case HF_REQUEST_UNBIND:
        return;
    }
    hf_peer_reply(side->peer, side->sim->now, &reply);
}

/* The drive loop: everything that the peer has to say, until it has nothing more. */
static void drain(sim_side *side)
{
    static uint8_t buffer[RUN_BUFFER];
    sim *s = side->sim;
    hf_request request;
    hf_peer_event event;
    bool more = true;

    while (more) {
        hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
        more = sim_names_drain(side);
        while (hf_peer_poll_request(side->peer, &request)) {
            answer_request(side, &request);
            more = true;
        }
        while (hf_peer_poll_transmit(side->peer, s->now, &out)) {
            for (size_t at = 0; at < out.len; at += out.segment)
                send_datagram(s, side->index, &out.path, buffer + at,
                              out.len - at < out.segment ? out.len - at : out.segment);
            out.cap = sizeof buffer;
            more = true;
        }
        while (hf_peer_poll_event(side->peer, &event)) {
            on_event(side, &event);
            more = true;
        }
    }
}

static void deliver(sim *s, flight *f)
{
    sim_side *side = &s->side[f->to];
    if (f->kind == SIGNAL) {
        receive_signal(side, f);
    } else if (f->kind == PART) {
        sim_streams_deliver(side, f->part, &f->path, f->data, f->len);
    } else {
        hf_datagram datagram = {.path = f->path, .data = f->data, .len = f->len};
        if (!sim_names_input(side, &datagram))
            hf_peer_input(side->peer, s->now, &datagram, 1);
    }
    free(f->data);
}

static hf_time next_moment(const sim *s)
{
    hf_time next = s->flights_len > 0 ? s->flights[0].at : HF_NEVER;
    for (int i = 0; i < 2; i++) {
        hf_time due = hf_peer_deadline(s->side[i].peer);
        if (due < next)
            next = due;
        due = sim_names_deadline(&s->side[i]);
        if (due < next)
            next = due;
    }
    return next;
}

bool sim_run(sim *s, hf_time until, bool (*done)(sim *s))
{
    for (;;) {
        drain(&s->side[0]);
        drain(&s->side[1]);
        if (done && done(s))
            return true;
        hf_time next = next_moment(s);
        if (next > until)
            break;
        if (next > s->now)
            s->now = next;
        clock_set(s->now);
        while (s->flights_len > 0 && s->flights[0].at <= s->now) {
            flight f = take_flight(s);
            deliver(s, &f);
        }
        for (int i = 0; i < 2; i++) {
            if (hf_peer_deadline(s->side[i].peer) <= s->now)
                hf_peer_tick(s->side[i].peer, s->now);
            sim_names_tick(&s->side[i]);
        }
    }
    s->now = until;
    clock_set(s->now);
    return false;
}

static void give_address(sim_side *side)
{
    char text[32];
    snprintf(text, sizeof text, "192.0.2.%d:5000", side->index + 1);
    bool ok = hf_addr_parse(text, strlen(text), &side->addrs[0]);
    snprintf(text, sizeof text, "[2001:db8::%d]:5000", side->index + 1);
    ok = ok && hf_addr_parse(text, strlen(text), &side->addrs[1]);
    assert(ok);
    (void)ok;
}

void sim_init(sim *s, const sim_config *config)
{
    memset(s, 0, sizeof *s);
    s->config = *config;
    s->link = config->link;
    s->chance = config->seed * 7919 + 17;
    s->trace = 14695981039346656037u;
    s->now = HF_SECONDS(1);
    clock_set(s->now);
    clock_seed(config->seed + 1);
    for (int i = 0; i < 2; i++)
        test_env_init(&s->env[i], config->seed * 2 + (uint64_t)i)->trace = config->trace;
    hf_err err = hf_engine_new(&s->engine, &s->env[0].env);
    for (int i = 0; i < 2 && err == HF_OK; i++) {
        sim_side *side = &s->side[i];
        side->sim = s;
        side->index = i;
        side->routed_at = side->connected_at = side->open_at = HF_NEVER;
        give_address(side);
        sim_names_init(side);
        hf_peer_config peer = {.engine = s->engine,
                               .certificate = config->certificate,
                               .message_max = config->message_max,
                               .mtu = config->mtu,
                               .tcp = config->tcp[i],
                               .no_udp = config->no_udp[i],
                               .mdns = config->mdns[i]};
        err = hf_peer_new(&side->peer, &peer, &s->env[i].env);
    }
    if (err != HF_OK) {
        fprintf(stderr, "sim: no world: %s\n", hf_err_name(err));
        abort();
    }
}

void sim_clear(sim *s)
{
    for (int i = 0; i < 2; i++) {
        hf_peer_free(s->side[i].peer);
        sim_names_clear(&s->side[i]);
    }
    hf_engine_free(s->engine);
    while (s->flights_len > 0)
        free(take_flight(s).data);
    free(s->flights);
}

void sim_connect(sim *s)
{
    sim_offer(&s->side[0]);
}

bool sim_both_open(sim *s)
{
    return s->side[0].open_at != HF_NEVER && s->side[1].open_at != HF_NEVER;
}

bool sim_someone_failed(sim *s)
{
    return s->side[0].failed_cause != HF_OK || s->side[1].failed_cause != HF_OK;
}
