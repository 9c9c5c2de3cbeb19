/* peer.c: what Holdfast makes of it: connections between two peers in one process, in memory or over the loop's sockets. */
#include "bench.h"
#include "relay.h"

#include <holdfast/loop.h>
#include <holdfast/peer.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 30.0 /* seconds for anything to happen */

/* --- Two peers ------------------------------------------------------------------------------------------------------- */

typedef struct side side;

struct side {
    hf_peer *peer;
    side *other;
    hf_driven driven;
    hf_addr addr;                 /* in memory */
    hf_datachannel channel, bulk; /* bulk: 0 where there is none */
    size_t bulk_received;
    bool open;
    void (*on_message)(side *s, const uint8_t *data, size_t len);
    void (*on_room)(side *s);
    void *context;
};

typedef struct couple {
    side a, b;
} couple;

static hf_env env;
static hf_engine *engine;
static hf_loop *loop; /* NULL: in memory */
static hf_certificate *certificate;
static hf_ice_server server; /* the first of two peers connects by this relay alone; uri NULL: directly */

static void on_open(side *s, hf_datachannel channel)
{
    hf_datachannel_info info;

    BENCH_CHECK(hf_peer_channel_info(s->peer, channel, &info) == HF_OK);
    if (strcmp(info.label, "bulk") == 0) {
        s->bulk = channel;
    } else {
        s->channel = channel;
        s->open = true;
    }
}

/* One over TCP is of no use to a peer that connects by a relay alone. */
static void carry_candidate(side *to, const hf_peer_event *e)
{
    hf_err err =
        hf_peer_add_ice_candidate(to->peer, hf_clock_now(), e->u.candidate.text, e->u.candidate.mid, e->u.candidate.ufrag);

    BENCH_CHECK(err == HF_OK || (err == HF_ENOTSUP && server.uri));
}

static void on_event(side *s, const hf_peer_event *e)
{
    switch (e->type) {
    case HF_PEER_CANDIDATE:
        carry_candidate(s->other, e);
        break;
    case HF_PEER_CHANNEL_OPEN:
        on_open(s, e->channel);
        break;
    case HF_PEER_CHANNEL_MESSAGE:
        if (e->channel == s->bulk)
            s->bulk_received += e->u.message.len;
        else if (s->on_message)
            s->on_message(s, e->u.message.data, e->u.message.len);
        break;
    case HF_PEER_CHANNEL_WRITABLE:
        if (s->on_room)
            s->on_room(s);
        break;
    case HF_PEER_NEGOTIATION_NEEDED:
    case HF_PEER_SIGNALING_CHANGED:
    case HF_PEER_ICE_CONNECTION_CHANGED:
    case HF_PEER_ICE_GATHERING_CHANGED:
    case HF_PEER_CONNECTION_CHANGED:
    case HF_PEER_ROUTE_CHANGED:
    case HF_PEER_SERVER_FAILED:
    case HF_PEER_SERVER_ANSWERS:
    case HF_PEER_CREDENTIALS_NEEDED:
    case HF_PEER_CHANNEL_LOW:
    case HF_PEER_CHANNEL_CLOSING:
    case HF_PEER_CHANNEL_CLOSED:
    case HF_PEER_REMOTE_CLOSED:
        break;
    }
}

static void take_events(void *context)
{
    side *s = context;
    hf_peer_event e;

    while (hf_peer_poll_event(s->peer, &e))
        on_event(s, &e);
}

static void begin_side(side *s, side *other, uint8_t number)
{
    hf_peer_config config = {.engine = engine, .certificate = certificate};

    if (server.uri && number == 1) {
        config.servers = &server;
        config.servers_len = 1;
        config.relay = HF_ICE_RELAY_ONLY;
    }

    s->other = other;
    s->addr = (hf_addr){.family = HF_FAMILY_IPV4, .port = 1000, .ip = {10, 0, 0, number}};
    BENCH_CHECK(hf_peer_new(&s->peer, &config, &env) == HF_OK);
    if (loop) {
        hf_addr loopback = {.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}};

        s->driven = (hf_driven){.handler = take_events, .context = s};
        BENCH_CHECK(hf_loop_add_peer(loop, s->peer, &(hf_bind){.addrs = &loopback, .addrs_len = 1}, &s->driven) == HF_OK);
    }
}

static void describe(side *from, hf_sdp_type type)
{
    const char *sdp;

    BENCH_CHECK(hf_peer_set_local_description(from->peer, hf_clock_now(), type, NULL) == HF_OK);
    BENCH_CHECK(hf_peer_local_description(from->peer, &type, &sdp) == HF_OK);
    BENCH_CHECK(hf_peer_set_remote_description(from->other->peer, hf_clock_now(), type, sdp) == HF_OK);
}

static void begin(couple *c)
{
    hf_datachannel_config config = {.label = "bench"};

    begin_side(&c->a, &c->b, 1);
    begin_side(&c->b, &c->a, 2);
    BENCH_CHECK(hf_peer_open_channel(c->a.peer, hf_clock_now(), &config, &c->a.channel) == HF_OK);
    describe(&c->a, HF_SDP_OFFER);
    describe(&c->b, HF_SDP_ANSWER);
}

static void end_side(side *s)
{
    hf_peer_close(s->peer, hf_clock_now());
    if (loop)
        hf_loop_remove(loop, &s->driven);
    hf_peer_free(s->peer);
}

static void end(couple *c)
{
    end_side(&c->a);
    end_side(&c->b);
}

/* --- In memory: what one sends, the other takes in at once ------------------------------------------------------------ */

static void answer_requests(side *s)
{
    hf_request request;

    while (hf_peer_poll_request(s->peer, &request)) {
        hf_local local = {.addr = s->addr, .interface = 1};
        hf_reply reply = {.type = HF_REPLY_LOCALS, .id = request.id, .locals = &local, .locals_len = 1};

        BENCH_CHECK(request.type == HF_REQUEST_LOCALS);
        hf_peer_reply(s->peer, hf_clock_now(), &reply);
    }
}

static void carry_run(side *to, const hf_transmit *run)
{
    hf_datagram datagrams[64];
    size_t n = 0;

    for (size_t at = 0; at < run->len; at += run->segment) {
        size_t rest = run->len - at;

        BENCH_CHECK(n < 64);
        datagrams[n++] = (hf_datagram){.path = {.local = run->path.remote, .remote = run->path.local},
                                       .data = run->buffer + at,
                                       .len = rest < run->segment ? rest : run->segment};
    }
    hf_peer_input(to->peer, hf_clock_now(), datagrams, n);
}

static void pump(side *s)
{
    static uint8_t buffer[65536];
    hf_transmit run = {.buffer = buffer, .cap = sizeof buffer};

    if (hf_peer_deadline(s->peer) <= hf_clock_now())
        hf_peer_tick(s->peer, hf_clock_now());
    answer_requests(s);
    take_events(s);
    while (hf_peer_poll_transmit(s->peer, hf_clock_now(), &run)) {
        carry_run(s->other, &run);
        take_events(s->other);
        run.cap = sizeof buffer;
    }
}

static void turn(couple *c)
{
    if (loop) {
        BENCH_CHECK(hf_loop_step(loop, HF_MS(100)) == HF_OK);
        return;
    }
    pump(&c->a);
    pump(&c->b);
}

static void until_open(couple *c)
{
    double limit = bench_now() + PATIENCE;

    while (!c->a.open || !c->b.open) {
        if (bench_now() > limit)
            bench_fail("no connection after %g s", PATIENCE);
        turn(c);
    }
}

static void prepare(bool over_loop)
{
    hf_env_system(&env);
    if (over_loop) {
        BENCH_CHECK(hf_loop_new(&loop, &env) == HF_OK);
        engine = hf_loop_engine(loop);
    } else {
        BENCH_CHECK(hf_engine_new(&engine, &env) == HF_OK);
    }
    BENCH_CHECK(hf_certificate_new(&certificate, &env) == HF_OK);
}

/* --- Setup: from nothing to a channel that is open at both ends, one after the other ---------------------------------- */

static void run_setups(double values[BENCH_FIGURES_MAX])
{
    static double times[100];
    size_t n = bench_quick ? 5 : sizeof times / sizeof *times;

    double cpu = bench_cpu();
    for (size_t i = 0; i < n; i++) {
        couple c = {0};
        double start = bench_now();

        begin(&c);
        until_open(&c);
        times[i] = (bench_now() - start) * 1e3;
        end(&c);
    }
    values[2] = (bench_cpu() - cpu) * 1e3 / (double)n;
    values[0] = bench_quantile(times, n, 0.5);
    values[1] = bench_quantile(times, n, 0.95);
}

static void run_setup_in_memory(double values[BENCH_FIGURES_MAX])
{
    prepare(false);
    run_setups(values);
}

static void run_setup_over_loop(double values[BENCH_FIGURES_MAX])
{
    prepare(true);
    run_setups(values);
}

/* As where nobody gives one: each peer makes a certificate for itself, and the remote sees two users. */
static void run_setup_with_certificates(double values[BENCH_FIGURES_MAX])
{
    prepare(true);
    hf_certificate_free(certificate);
    certificate = NULL;
    run_setups(values);
}

/* --- Round trips ------------------------------------------------------------------------------------------------------- */

#define PING 64

typedef struct pings {
    double times[20000], sent_at;
    size_t n, wanted;
} pings;

static void send_ping(side *s)
{
    static const uint8_t bytes[PING];

    BENCH_CHECK(hf_peer_send(s->peer, hf_loop_now(loop), s->channel, HF_BINARY, bytes, sizeof bytes) == HF_OK);
}

static void on_ping(side *s, const uint8_t *data, size_t len)
{
    (void)data, (void)len;
    send_ping(s);
}

static void on_pong(side *s, const uint8_t *data, size_t len)
{
    pings *p = s->context;
    double now = bench_now();

    (void)data, (void)len;
    p->times[p->n++] = (now - p->sent_at) * 1e6;
    if (p->n == p->wanted)
        return;
    p->sent_at = now;
    send_ping(s);
}

static void run_ping(double values[BENCH_FIGURES_MAX])
{
    static pings p;
    couple c = {.a = {.on_message = on_pong, .context = &p}, .b = {.on_message = on_ping}};

    p.wanted = bench_quick ? 500 : sizeof p.times / sizeof *p.times;
    prepare(true);
    begin(&c);
    until_open(&c);
    p.sent_at = bench_now();
    send_ping(&c.a);
    for (double limit = bench_now() + PATIENCE; p.n < p.wanted; turn(&c))
        BENCH_CHECK(bench_now() < limit);
    values[0] = bench_quantile(p.times, p.n, 0.5);
    values[1] = bench_quantile(p.times, p.n, 0.99);
}

static void run_for(double seconds)
{
    for (double end_at = bench_now() + seconds; bench_now() < end_at;)
        BENCH_CHECK(hf_loop_step(loop, (hf_span)((end_at - bench_now()) * 1e6) + 1) == HF_OK);
}

/* --- Round trips beside bulk ------------------------------------------------------------------------------------------- */

#define BULK_BUFFER (1 << 20)

static void fill_bulk(side *s)
{
    static const uint8_t bytes[65536];
    hf_err err;

    while ((err = hf_peer_send(s->peer, hf_loop_now(loop), s->bulk, HF_BINARY, bytes, sizeof bytes)) == HF_OK)
        continue;
    BENCH_CHECK(err == HF_EAGAIN);
}

static void run_ping_beside_bulk(double values[BENCH_FIGURES_MAX])
{
    static pings p;
    hf_datachannel_config bulk = {.label = "bulk", .send_buffer_max = BULK_BUFFER};
    couple c = {.a = {.on_message = on_pong, .on_room = fill_bulk, .context = &p}, .b = {.on_message = on_ping}};

    p.wanted = sizeof p.times / sizeof *p.times;
    prepare(true);
    begin(&c);
    BENCH_CHECK(hf_peer_open_channel(c.a.peer, hf_clock_now(), &bulk, &c.a.bulk) == HF_OK);
    until_open(&c);
    while (c.b.bulk == 0)
        turn(&c);
    fill_bulk(&c.a);
    run_for(0.5); /* until it is in full swing */
    double start = p.sent_at = bench_now();
    c.b.bulk_received = 0;
    send_ping(&c.a);
    for (double limit = start + (bench_quick ? 0.5 : 3); p.n < p.wanted && bench_now() < limit;)
        turn(&c);
    values[0] = bench_quantile(p.times, p.n, 0.5) / 1e3;
    values[1] = bench_quantile(p.times, p.n, 0.99) / 1e3;
    values[2] = (double)c.b.bulk_received / 1e6 / (bench_now() - start);
}

/* --- Throughput -------------------------------------------------------------------------------------------------------- */

typedef struct flood {
    size_t size, volume, sent, received;
    uint8_t *message;
} flood;

static void send_all(side *s)
{
    flood *f = s->context;

    while (f->sent < f->volume) {
        hf_err err = hf_peer_send(s->peer, hf_clock_now(), s->channel, HF_BINARY, f->message, f->size);

        if (err == HF_EAGAIN)
            return;
        BENCH_CHECK(err == HF_OK);
        f->sent += f->size;
    }
}

static void count(side *s, const uint8_t *data, size_t len)
{
    flood *f = s->context;

    (void)data;
    f->received += len;
}

static void run_throughput(bool over_loop, size_t size, double values[BENCH_FIGURES_MAX])
{
    flood f = {.size = size, .volume = bench_volume(size), .message = calloc(1, size)};
    couple c = {.a = {.on_room = send_all, .context = &f}, .b = {.on_message = count, .context = &f}};

    BENCH_CHECK(f.message);
    prepare(over_loop);
    begin(&c);
    until_open(&c);
    double cpu = bench_cpu(), start = bench_now();
    send_all(&c.a);
    for (double limit = start + 2 * PATIENCE; f.received < f.volume; turn(&c))
        BENCH_CHECK(bench_now() < limit);
    values[0] = (double)f.received / 1e6 / (bench_now() - start);
    values[1] = (bench_cpu() - cpu) / ((double)f.received / 1e9);
}

static void run_64k(double values[BENCH_FIGURES_MAX])
{
    run_throughput(true, 65536, values);
}

static void run_16k(double values[BENCH_FIGURES_MAX])
{
    run_throughput(true, 16384, values);
}

static void run_1k(double values[BENCH_FIGURES_MAX])
{
    run_throughput(true, 1024, values);
}

/* --- By a relay --------------------------------------------------------------------------------------------------- */

static void run_relayed(bool is_coturn, double values[BENCH_FIGURES_MAX])
{
    bench_relay relay;
    char uri[64];

    values[0] = values[1] = values[2] = NAN;
    if (!bench_relay_start(&relay, is_coturn))
        return;
    snprintf(uri, sizeof uri, "turn:127.0.0.1:%u", relay.port);
    server = (hf_ice_server){.uri = uri, .username = BENCH_RELAY_USER, .password = BENCH_RELAY_PASSWORD};
    double cpu = bench_relay_cpu(&relay);
    run_throughput(true, 65536, values);
    values[2] = (bench_relay_cpu(&relay) - cpu) / ((double)bench_volume(65536) / 1e9);
    bench_relay_stop(&relay);
}

static void run_relayed_by_us(double values[BENCH_FIGURES_MAX])
{
    run_relayed(false, values);
}

static void run_relayed_by_coturn(double values[BENCH_FIGURES_MAX])
{
    run_relayed(true, values);
}

static void run_64k_in_memory(double values[BENCH_FIGURES_MAX])
{
    run_throughput(false, 65536, values);
}

static void run_16k_in_memory(double values[BENCH_FIGURES_MAX])
{
    run_throughput(false, 16384, values);
}

static void run_1k_in_memory(double values[BENCH_FIGURES_MAX])
{
    run_throughput(false, 1024, values);
}

/* --- Idle peers -------------------------------------------------------------------------------------------------------- */

static double resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long total, resident;

    BENCH_CHECK(file && fscanf(file, "%ld %ld", &total, &resident) == 2);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void run_idle(double values[BENCH_FIGURES_MAX])
{
    static couple couples[101];
    size_t n = bench_quick ? 10 : 100;

    prepare(true);
    begin(&couples[n]); /* what all share is there before */
    until_open(&couples[n]);
    double before = resident_kib();
    for (size_t i = 0; i < n; i++) {
        begin(&couples[i]);
        until_open(&couples[i]);
    }
    values[0] = (resident_kib() - before) / (double)(2 * n);

    /* And what they take of the processor, once the last handshake has settled. */
    run_for(bench_quick ? 0.2 : 1);
    double cpu = bench_cpu(), start = bench_now();
    run_for(bench_quick ? 0.5 : 5);
    values[1] = (bench_cpu() - cpu) / (bench_now() - start) * 1e6 / (double)(2 * n);
}

#define IN_MEMORY "one reliable channel, in memory, both ends in one thread"
#define OVER_LOOP "one reliable channel, over the loop, both ends in one thread"

const bench bench_peer[] = {
    {"a connection in memory: from two new peers to a channel open at both ends",
     {{"setup in memory, median", "ms", "handshake, median"},
      {"setup in memory, 95 %", "ms", "handshake, 95 %"},
      {"setup in memory, processor", "ms", "handshake, processor"}},
     run_setup_in_memory},
    {"a connection over the loop and sockets: the same",
     {{"setup over sockets, median", "ms", "handshake, median"},
      {"setup over sockets, 95 %", "ms", "handshake, 95 %"},
      {"setup over sockets, processor", "ms", "handshake, processor"}},
     run_setup_over_loop},
    {"a connection over the loop and sockets, with two new certificates",
     {{"setup with certificates, median", "ms", NULL},
      {"setup with certificates, 95 %", "ms", NULL},
      {"setup with certificates, processor", "ms", NULL}},
     run_setup_with_certificates},
    {"a message of 64 B there and back, over the loop",
     {{"round trip, median", "us", "pipe round trip, median"}, {"round trip, 99 %", "us", "pipe round trip, 99 %"}},
     run_ping},
    {"the same beside a channel that is always full",
     {{"round trip beside bulk, median", "ms", NULL},
      {"round trip beside bulk, 99 %", "ms", NULL},
      {"bulk beside round trips", "MB/s", NULL}},
     run_ping_beside_bulk},
    {IN_MEMORY,
     {{"messages in memory, 64 KiB", "MB/s", "pipe in memory 64 KiB"},
      {"messages in memory, 64 KiB, processor", "s/GB", "pipe in memory 64 KiB, processor"}},
     run_64k_in_memory},
    {IN_MEMORY,
     {{"messages in memory, 16 KiB", "MB/s", "pipe in memory 16 KiB"},
      {"messages in memory, 16 KiB, processor", "s/GB", "pipe in memory 16 KiB, processor"}},
     run_16k_in_memory},
    {IN_MEMORY,
     {{"messages in memory, 1 KiB", "MB/s", "pipe in memory 1 KiB"},
      {"messages in memory, 1 KiB, processor", "s/GB", "pipe in memory 1 KiB, processor"}},
     run_1k_in_memory},
    {OVER_LOOP,
     {{"messages, 64 KiB", "MB/s", "pipe 64 KiB"}, {"messages, 64 KiB, processor", "s/GB", "pipe 64 KiB, processor"}},
     run_64k},
    {OVER_LOOP,
     {{"messages, 16 KiB", "MB/s", "pipe 16 KiB"}, {"messages, 16 KiB, processor", "s/GB", "pipe 16 KiB, processor"}},
     run_16k},
    {OVER_LOOP,
     {{"messages, 1 KiB", "MB/s", "pipe 1 KiB"}, {"messages, 1 KiB, processor", "s/GB", "pipe 1 KiB, processor"}},
     run_1k},
    {"the same by a relay: hf_turn_server in a process of its own",
     {{"relayed, 64 KiB", "MB/s", "messages, 64 KiB"},
      {"relayed, 64 KiB, processor", "s/GB", "messages, 64 KiB, processor"},
      {"relay, processor", "s/GB", "coturn, processor"}},
     run_relayed_by_us},
    {"the same by coturn",
     {{"relayed by coturn, 64 KiB", "MB/s", "messages, 64 KiB"},
      {"relayed by coturn, 64 KiB, processor", "s/GB", "messages, 64 KiB, processor"},
      {"coturn, processor", "s/GB", NULL}},
     run_relayed_by_coturn},
    {"a connected peer that does nothing",
     {{"idle peer, memory", "KiB", NULL}, {"idle peer, processor", "us/s", NULL}},
     run_idle},
};
const size_t bench_peer_len = sizeof bench_peer / sizeof *bench_peer;
