/* stream.c: an ICE agent that is fed with the bytes of TCP streams (RFC 6544), by a driver that opens, accepts and breaks
 * them.
 *
 * The input is a list of steps, as in ice.c. Frames hold raw bytes, checks signed with the right key, true answers to what
 * the agent sent last, or data; they are cut anywhere, and headers may lie. The driver does all that it is told to. */
#include "fuzz.h"
#include "remote.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 400
#define STREAMS_MAX 60 /* the driver takes no more: with those to be refused the agent has a list of 64 */
#define PROVEN_MAX 32  /* paths */
#define LISTEN_PORT 7000
#define OPENED_PORT 40000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A stream as the driver has it. */
typedef struct stream {
    hf_path path;
    uint32_t id; /* of the request; 0: accepted */
    bool is_open;
} stream;

typedef struct world {
    hf_ice *ice;
    remote remote;
    hf_time now;
    stream streams[STREAMS_MAX];
    size_t streams_len;
    hf_path proven[PROVEN_MAX]; /* on which something signed has come */
    size_t proven_len;
    uint16_t opened;
} world;

static bool is_path(const hf_path *a, const hf_path *b)
{
    return hf_addr_equal(&a->local, &b->local) && hf_addr_equal(&a->remote, &b->remote);
}

static stream *find(world *w, const hf_path *path)
{
    for (size_t i = 0; i < w->streams_len; i++) {
        if (is_path(&w->streams[i].path, path))
            return &w->streams[i];
    }
    return NULL;
}

static stream *find_by_id(world *w, uint32_t id)
{
    for (size_t i = 0; i < w->streams_len; i++) {
        if (w->streams[i].id == id)
            return &w->streams[i];
    }
    return NULL;
}

static void drop(world *w, stream *s)
{
    *s = w->streams[--w->streams_len];
}

/* One of those that there are, open or still being opened. */
static stream *a_stream(world *w)
{
    uint8_t which = hf_read_u8(&w->remote.in);
    return w->streams_len > 0 ? &w->streams[which % w->streams_len] : NULL;
}

static hf_addr our_addr(uint16_t port)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {10, 0, 0, 1}, .port = port};
}

static hf_addr a_remote_addr(world *w)
{
    uint8_t byte = hf_read_u8(&w->remote.in);
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {10, 0, 0, 2 + byte / 16 % 4}, .port = (uint16_t)(2000 + byte % 16)};
}

/* --- What goes in ------------------------------------------------------------------------------------------------ */

static void reply(world *w, hf_reply_type type, uint32_t id, hf_err err, const hf_path *path)
{
    hf_ice_reply(w->ice, w->now, &(hf_reply){.type = type, .id = id, .err = err, .path = *path});
}

/* Hands in bytes, each piece in memory exactly as large, so that ASan sees each overrun. */
static void input(world *w, const hf_path *path, hf_bytes bytes)
{
    size_t piece = 1 + (size_t)hf_read_u8(&w->remote.in) * 8;
    for (size_t at = 0; at < bytes.len; at += piece) {
        size_t len = bytes.len - at < piece ? bytes.len - at : piece;
        uint8_t *copy = malloc(len);
        if (!copy)
            return;
        memcpy(copy, bytes.data + at, len);
        hf_datagram d = {.path = *path, .data = copy, .len = len};
        size_t kept = hf_ice_input(w->ice, w->now, &d, 1);
        demand(kept == 0 || path->transport == HF_UDP);
        free(copy);
    }
}

/* `bytes` begin behind the room for a header. */
static void input_frame(world *w, const hf_path *path, uint8_t *bytes, size_t len)
{
    bytes[0] = (uint8_t)(len >> 8);
    bytes[1] = (uint8_t)len;
    if (path->transport == HF_TCP)
        input(w, path, hf_bytes_of(bytes, 2 + len));
    else if (len > 0)
        input(w, path, hf_bytes_of(bytes + 2, len));
}

static void prove(world *w, const hf_path *path)
{
    for (size_t i = 0; i < w->proven_len && i < PROVEN_MAX; i++) {
        if (is_path(&w->proven[i], path))
            return;
    }
    w->proven[w->proven_len++ % PROVEN_MAX] = *path;
}

static void accept_stream(world *w)
{
    hf_path path = {.transport = HF_TCP, .local = our_addr(LISTEN_PORT), .remote = a_remote_addr(w)};
    if (find(w, &path) || w->streams_len == STREAMS_MAX)
        return;
    w->streams[w->streams_len++] = (stream){.path = path, .is_open = true};
    reply(w, HF_REPLY_CONNECTED, 0, HF_OK, &path);
}

static void finish_opening(world *w)
{
    stream *s = a_stream(w);
    bool is_refused = hf_read_u8(&w->remote.in) % 4 == 0;
    if (!s || s->is_open)
        return;
    stream was = *s;
    s->is_open = true;
    if (is_refused)
        drop(w, s);
    reply(w, HF_REPLY_CONNECTED, was.id, is_refused ? HF_EUNREACHABLE : HF_OK, &was.path);
}

static void break_stream(world *w)
{
    stream *s = a_stream(w);
    if (!s || !s->is_open)
        return;
    hf_path path = s->path;
    drop(w, s);
    reply(w, HF_REPLY_DISCONNECTED, 0, HF_EUNREACHABLE, &path);
}

/* What no good driver says. */
static void stray_reply(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    hf_path path = {.transport = how & 1 ? HF_TCP : HF_UDP, .local = our_addr(LISTEN_PORT), .remote = a_remote_addr(w)};
    if (find(w, &path))
        return;
    if (how & 2)
        reply(w, HF_REPLY_DISCONNECTED, 0, HF_OK, &path);
    else
        reply(w, HF_REPLY_CONNECTED, 0x50000000u + how, how & 4 ? HF_EIO : HF_OK, &path);
}

static void raw(world *w)
{
    stream *s = a_stream(w);
    hf_path path = s && s->is_open ? s->path : (hf_path){.transport = HF_TCP, .local = our_addr(1)};
    if (path.remote.family == HF_FAMILY_NONE)
        path.remote = a_remote_addr(w);
    input(w, &path, remote_bytes(&w->remote));
}

static void data(world *w)
{
    static uint8_t buffer[2 + UINT16_MAX];
    stream *s = a_stream(w);
    uint8_t first = hf_read_u8(&w->remote.in);
    size_t len = hf_read_u16(&w->remote.in), times = 1 + hf_read_u8(&w->remote.in) % 16;
    memset(buffer + 2, first, len);
    for (size_t i = 0; i < times && s && s->is_open; i++)
        input_frame(w, &s->path, buffer, len % (2 * HF_DATAGRAM_MAX));
}

static void signed_check(world *w)
{
    uint8_t buffer[2 + REMOTE_STUN_MAX], flags = hf_read_u8(&w->remote.in);
    stream *s = a_stream(w);
    hf_path path = s && s->is_open ? s->path : (hf_path){.local = our_addr(5000), .remote = a_remote_addr(w)};
    size_t len = remote_check(&w->remote, flags, buffer + 2);
    prove(w, &path);
    input_frame(w, &path, buffer, len);
}

static void answer(world *w)
{
    uint8_t buffer[2 + REMOTE_STUN_MAX], flags = hf_read_u8(&w->remote.in);
    hf_path path = w->remote.asked;
    hf_addr mapped = flags & 1 ? a_remote_addr(w) : path.local;
    if (path.transport == HF_TCP && !find(w, &path))
        return;
    size_t len = remote_answer(&w->remote, flags, &mapped, buffer + 2);
    prove(w, &path);
    input_frame(w, &path, buffer, len);
}

static void locals(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    hf_local list[] = {{.addr = our_addr(5000)}, {.addr = our_addr(LISTEN_PORT), .transport = HF_TCP}};
    hf_ice_reply(
        w->ice, w->now,
        &(hf_reply){.type = HF_REPLY_LOCALS, .locals = how & 1 ? list + 1 : list, .locals_len = how & 1 ? 1 : how % 3});
}

static void candidate(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    hf_ice_candidate c = {.component = 1, .foundation = "1", .addr = a_remote_addr(w)};
    c.type = how / 4 % 4u;
    c.tcp_type = how % 4u;
    c.priority = hf_read_u32(&w->remote.in);
    (void)!hf_ice_add_remote_candidate(w->ice, w->now, &c, how & 16 ? remote_identities[w->remote.as_remote].ufrag : NULL);
}

static void restart(world *w)
{
    if (hf_read_u8(&w->remote.in) & 1)
        (void)!hf_ice_cancel_restart(w->ice, w->now);
    else if (hf_ice_restart(w->ice, w->now) == HF_OK)
        (void)!hf_ice_gather(w->ice, w->now);
    remote_note_credentials(&w->remote, w->ice);
}

static void set_remote(world *w)
{
    (void)!hf_ice_set_remote(w->ice, w->now, &remote_identities[w->remote.as_remote]);
}

/* --- What comes out ---------------------------------------------------------------------------------------------- */

static void on_connect(world *w, const hf_request *request)
{
    size_t opening = 0;
    demand(request->path.transport == HF_TCP && request->path.local.port == 0 && request->id != 0);
    demand(hf_addr_equal_ip(&request->path.local, &(hf_addr){.family = HF_FAMILY_IPV4, .ip = {10, 0, 0, 1}}));
    demand(!find_by_id(w, request->id));
    stream s = {.path = request->path, .id = request->id};
    for (size_t i = 0; i < w->streams_len; i++)
        opening += !w->streams[i].is_open && hf_addr_equal_ip(&w->streams[i].path.remote, &s.path.remote);
    demand(opening < 8); /* four, and as many that are about to be given up */
    s.path.local.port = (uint16_t)(OPENED_PORT + w->opened++);
    if (w->streams_len < STREAMS_MAX)
        w->streams[w->streams_len++] = s;
    else
        reply(w, HF_REPLY_CONNECTED, s.id, HF_EIO, &s.path);
}

static void on_request(world *w, const hf_request *request)
{
    stream *s;
    switch (request->type) {
    case HF_REQUEST_CONNECT:
        on_connect(w, request);
        break;
    case HF_REQUEST_DISCONNECT:
        s = request->id != 0 ? find_by_id(w, request->id) : find(w, &request->path);
        if (s) /* otherwise its end has crossed this */
            drop(w, s);
        break;
    case HF_REQUEST_LOCALS:
    case HF_REQUEST_RESOLVE:
    case HF_REQUEST_ADVERTISE:
        break;
    case HF_REQUEST_BIND:
    case HF_REQUEST_UNBIND:
    case HF_REQUEST_RELEASE:
        demand(false); /* servers ask for that */
        break;
    }
}

static void on_sent(world *w, const hf_transmit *t)
{
    hf_bytes bytes = hf_bytes_of(t->buffer, t->len);
    if (t->path.transport == HF_TCP) {
        const stream *s = find(w, &t->path);
        demand(s && s->is_open);
        demand(bytes.len > 2 && (size_t)(bytes.data[0] << 8 | bytes.data[1]) == bytes.len - 2);
        bytes = hf_bytes_of(bytes.data + 2, bytes.len - 2);
    }
    remote_on_sent(&w->remote, w->ice, &t->path, bytes);
}

/* RFC 6544 §7.1: data comes from a stream only when a check has authenticated it. */
static void take_data(world *w)
{
    hf_datagram d;
    while (hf_ice_poll_datagram(w->ice, w->now, &d)) {
        bool is_proven = w->proven_len > PROVEN_MAX; /* more than are remembered */
        for (size_t i = 0; i < w->proven_len && i < PROVEN_MAX; i++)
            is_proven |= is_path(&w->proven[i], &d.path);
        demand(is_proven && d.path.transport == HF_TCP && d.len > 0 && d.len <= HF_DATAGRAM_MAX);
        demand((d.data[0] >= 20 && d.data[0] <= 63) || (d.data[0] >= 128 && d.data[0] <= 191)); /* RFC 7983 §7 */
        memset(d.data, 0, d.len);                                                               /* it may be overwritten */
    }
}

static void drain_once(world *w)
{
    uint8_t buffer[2 + HF_DATAGRAM_MAX];
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    hf_request request;
    hf_ice_event event;
    size_t sent = 0;
    while (hf_ice_poll_request(w->ice, &request))
        on_request(w, &request);
    while (hf_ice_poll_transmit(w->ice, w->now, &t)) {
        on_sent(w, &t);
        demand(++sent <= 400);
    }
    while (hf_ice_poll_event(w->ice, &event))
        ;
}

/* Behind it, the driver has the streams that the agent has. */
static void drain(world *w)
{
    drain_once(w);
    for (int i = 0; i < 4 && hf_ice_deadline(w->ice) <= w->now; i++) {
        hf_ice_tick(w->ice, w->now);
        drain_once(w);
    }
    demand(hf_ice_deadline(w->ice) > w->now);
    drain_once(w);
    demand(w->streams_len <= HF_ICE_STREAMS_MAX);
}

static void check_invariants(const world *w)
{
    hf_ice_route route;
    hf_ice_state state = hf_ice_get_state(w->ice);
    bool has_route = hf_ice_get_route(w->ice, &route);
    demand(state != HF_ICE_COMPLETED || has_route); /* CONNECTED: it may have been lost a moment ago */
    demand((state != HF_ICE_FAILED && state != HF_ICE_NEW) || !has_route);
    demand(!has_route || route.wrap.before == (route.path.transport == HF_TCP ? 2 : 0));
    demand(!has_route || route.path.local.port != 0);
}

static void step(world *w)
{
    switch (hf_read_u8(&w->remote.in) % 18) {
    case 0:
        raw(w);
        break;
    case 1:
        data(w);
        break;
    case 2:
    case 3:
        signed_check(w);
        break;
    case 4:
    case 5:
        answer(w);
        break;
    case 6:
        accept_stream(w);
        break;
    case 7:
        finish_opening(w);
        break;
    case 8:
        break_stream(w);
        break;
    case 9:
        stray_reply(w);
        break;
    case 10:
        locals(w);
        break;
    case 11:
        candidate(w);
        break;
    case 12:
        set_remote(w);
        break;
    case 13:
        hf_ice_end_of_remote_candidates(w->ice, w->now);
        break;
    case 14:
        restart(w);
        break;
    case 15:
        remote_change_roles(&w->remote);
        break;
    case 16:
        take_data(w);
        drain(w);
        break;
    default:
        remote_pass_time(&w->remote, w->ice, &w->now);
        break;
    }
    check_invariants(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world w = {.now = HF_SECONDS(1), .remote.in = hf_reader_of(hf_bytes_of(data, size))};
    fuzz_seed(0);
    uint8_t flags = hf_read_u8(&w.remote.in);
    hf_ice_config config = {.controlling = flags & 1, .no_udp = flags & 2};
    config.tcp = flags & 4 ? HF_ICE_TCP_DEFAULT : HF_ICE_TCP_LISTEN;
    if (hf_ice_new(&w.ice, &config, &fuzz_env) != HF_OK)
        return 0;
    remote_note_credentials(&w.remote, w.ice);
    (void)!hf_ice_gather(w.ice, w.now);
    for (size_t i = 0; i < STEPS_MAX && w.remote.in.rest.len > 0; i++)
        step(&w);
    hf_ice_free(w.ice);
    return 0;
}
