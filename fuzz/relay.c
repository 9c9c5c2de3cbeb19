/* relay.c: an ICE agent with a TURN server that is ours, and may lose its memory, and a network between them that loses,
 * repeats and changes what it brings to the agent.
 *
 * The input is a list of steps, as in ice.c. What the agent sends arrives as it is or not at all, so that it comes out of
 * the relay as the agent meant it; what comes to it may be anything. Peers reach the relayed addresses with checks that are
 * signed with the right key. */
#include "fuzz.h"
#include "remote.h"

#include <holdfast/turn.h>

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 300
#define PACKETS_MAX 48
#define STREAMS_MAX 64
#define RELAYS_MAX 64
#define OPENED_PORT 40000
#define SERVER_PORT 3478

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On its way. `path` is as its receiver will see it. */
typedef struct packet {
    bool is_for_agent;
    hf_path path;
    size_t len;
    uint8_t data[HF_DATAGRAM_MAX];
} packet;

/* A stream of the agent's to the server. */
typedef struct stream {
    hf_path path; /* as the agent sees it */
    uint32_t id;
    bool is_open;
} stream;

typedef struct world {
    hf_ice *ice;
    hf_ice_relay policy;
    hf_turn_server *server; /* NULL: it is dead */
    remote remote;
    hf_time now;
    packet packets[PACKETS_MAX];
    size_t packets_len;
    stream streams[STREAMS_MAX];
    size_t streams_len;
    hf_addr relays[RELAYS_MAX];
    size_t relays_len;
    uint16_t opened;
} world;

static const char *const uris[] = {"turn:198.51.100.9", "turn:198.51.100.9?transport=tcp", "turn:192.0.2.77",
                                   "stun:192.0.2.1"};

static hf_addr server_addr(void)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {198, 51, 100, 9}, .port = SERVER_PORT};
}

static hf_addr our_addr(uint16_t port)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {10, 0, 0, 1}, .port = port};
}

static hf_addr a_peer(world *w)
{
    uint8_t byte = hf_read_u8(&w->remote.in);
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {10, 0, 0, 2 + byte / 16 % 4}, .port = (uint16_t)(2000 + byte % 16)};
}

static bool is_path(const hf_path *a, const hf_path *b)
{
    return hf_addr_equal(&a->local, &b->local) && hf_addr_equal(&a->remote, &b->remote);
}

static hf_path reversed(const hf_path *path)
{
    return (hf_path){.transport = path->transport, .local = path->remote, .remote = path->local};
}

/* --- The network ---------------------------------------------------------------------------------------------------- */

static void put(world *w, bool is_for_agent, const hf_path *path, const uint8_t *data, size_t len)
{
    if (w->packets_len == PACKETS_MAX || len > HF_DATAGRAM_MAX)
        return;
    packet *p = &w->packets[w->packets_len++];
    *p = (packet){.is_for_agent = is_for_agent, .path = *path, .len = len};
    memcpy(p->data, data, len);
}

static stream *find_stream(world *w, const hf_path *path)
{
    for (size_t i = 0; i < w->streams_len; i++) {
        if (is_path(&w->streams[i].path, path))
            return &w->streams[i];
    }
    return NULL;
}

static bool is_relay(const world *w, const hf_addr *addr)
{
    for (size_t i = 0; i < w->relays_len; i++) {
        if (hf_addr_equal(&w->relays[i], addr))
            return true;
    }
    return false;
}

/* In memory exactly as large, so that ASan sees each overrun. */
static void give(world *w, bool to_agent, const hf_path *path, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (!copy)
        return;
    memcpy(copy, data, len);
    hf_datagram d = {.path = *path, .data = copy, .len = len};
    if (to_agent)
        (void)hf_ice_input(w->ice, w->now, &d, 1);
    else if (w->server)
        hf_turn_server_input(w->server, w->now, &d, 1);
    free(copy);
}

static void arrive(world *w, const packet *p)
{
    hf_path of_agent = p->is_for_agent ? p->path : reversed(&p->path);
    if (p->path.transport == HF_TCP && (!find_stream(w, &of_agent) || !find_stream(w, &of_agent)->is_open))
        return;
    give(w, p->is_for_agent, &p->path, p->data, p->len);
}

static void send_from_relay(world *w, const hf_path *path, const uint8_t *data, size_t len)
{
    hf_path back = reversed(path);
    if (is_relay(w, &path->remote))
        put(w, false, &back, data, len); /* from relay to relay */
    else if (hf_ice_get_state(w->ice) != HF_ICE_FAILED && hf_ice_get_state(w->ice) != HF_ICE_CLOSED)
        remote_on_sent(&w->remote, w->ice, path, hf_bytes_of(data, len));
}

static void on_server_sent(world *w, const hf_transmit *t)
{
    for (size_t at = 0; at < t->len; at += t->segment) {
        size_t len = t->len - at < t->segment ? t->len - at : t->segment;
        hf_path back = reversed(&t->path);
        if (is_relay(w, &t->path.local))
            send_from_relay(w, &t->path, t->buffer + at, len);
        else
            put(w, true, &back, t->buffer + at, len);
    }
}

static void on_server_request(world *w, const hf_request *request)
{
    hf_path path = reversed(&request->path);
    stream *s = request->type == HF_REQUEST_DISCONNECT ? find_stream(w, &path) : NULL;
    hf_reply reply = {.type = HF_REPLY_BOUND, .id = request->id, .path = request->path};
    if (request->type == HF_REQUEST_BIND) {
        if (w->relays_len < RELAYS_MAX)
            w->relays[w->relays_len++] = request->path.local;
        else
            reply.err = HF_EIO;
        hf_turn_server_reply(w->server, w->now, &reply);
    } else if (s) {
        *s = w->streams[--w->streams_len];
        hf_ice_reply(w->ice, w->now, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = path});
    }
    for (size_t i = 0; i < w->relays_len && request->type == HF_REQUEST_UNBIND; i++) {
        if (hf_addr_equal(&w->relays[i], &request->path.local))
            w->relays[i--] = w->relays[--w->relays_len];
    }
}

static void start_server(world *w)
{
    static const hf_turn_user user = {.name = "user", .password = "password"};
    static const hf_turn_range ten = {.addr = {.family = HF_FAMILY_IPV4, .ip = {10}}, .prefix = 8};
    hf_turn_server_config config = {
        .users = &user, .users_len = 1, .allowed = &ten, .allowed_len = 1, .user_allocations_max = 3};
    w->relays_len = 0;
    (void)!hf_turn_server_new(&w->server, w->now, &config, &fuzz_env);
}

static void kill_or_start_server(world *w)
{
    if (!w->server) {
        start_server(w);
        return;
    }
    hf_turn_server_free(w->server);
    w->server = NULL;
    w->relays_len = 0;
}

/* --- What the agent does -------------------------------------------------------------------------------------------- */

static void on_connect(world *w, const hf_request *request)
{
    demand(!request->tls && request->id != 0);
    demand(request->path.transport == HF_TCP && request->path.local.port == 0);
    hf_path path = request->path;
    path.local.port = (uint16_t)(OPENED_PORT + w->opened++);
    if (w->streams_len < STREAMS_MAX)
        w->streams[w->streams_len++] = (stream){.path = path, .id = request->id};
    else
        hf_ice_reply(w->ice, w->now,
                     &(hf_reply){.type = HF_REPLY_CONNECTED, .id = request->id, .err = HF_EIO, .path = path});
}

static void on_disconnect(world *w, const hf_request *request)
{
    for (size_t i = 0; i < w->streams_len; i++) {
        stream *s = &w->streams[i];
        if (request->id != 0 ? s->id != request->id : !is_path(&s->path, &request->path))
            continue;
        hf_path path = reversed(&s->path);
        if (s->is_open && w->server)
            hf_turn_server_reply(w->server, w->now, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = path});
        *s = w->streams[--w->streams_len];
        return;
    }
}

static void on_agent_request(world *w, const hf_request *request)
{
    switch (request->type) {
    case HF_REQUEST_CONNECT:
        on_connect(w, request);
        break;
    case HF_REQUEST_DISCONNECT:
        on_disconnect(w, request);
        break;
    case HF_REQUEST_LOCALS:
        demand(w->policy != HF_ICE_RELAY_ONLY || !request->listen);
        break;
    case HF_REQUEST_RESOLVE:
    case HF_REQUEST_ADVERTISE:
        demand(w->policy != HF_ICE_RELAY_ONLY);
        break;
    case HF_REQUEST_RELEASE:
    case HF_REQUEST_BIND:
    case HF_REQUEST_UNBIND:
        demand(false);
        break;
    }
}

/* The wire sees our own addresses alone; with the policy for it, no other than the servers sees even those. */
static void on_agent_sent(world *w, const hf_transmit *t)
{
    hf_addr server = server_addr(), other = {.family = HF_FAMILY_IPV4, .ip = {192, 0, 2, 77}, .port = SERVER_PORT};
    hf_path back = reversed(&t->path);
    bool is_for_server = hf_addr_equal(&t->path.remote, &server);
    demand(t->path.local.ip[0] == 10 && t->len > 0 && t->len <= HF_DATAGRAM_MAX);
    demand(t->path.transport == HF_UDP || (find_stream(w, &t->path) && find_stream(w, &t->path)->is_open));
    demand(w->policy != HF_ICE_RELAY_ONLY || is_for_server || hf_addr_equal(&t->path.remote, &other));
    if (is_for_server)
        put(w, false, &back, t->buffer, t->len);
    else if (hf_ice_get_state(w->ice) != HF_ICE_FAILED && t->path.transport == HF_UDP && t->path.remote.ip[0] != 192)
        remote_on_sent(&w->remote, w->ice, &t->path, hf_bytes_of(t->buffer, t->len));
}

static void on_event(const world *w, const hf_ice_event *event)
{
    if (event->type != HF_ICE_CANDIDATE_FOUND || w->policy != HF_ICE_RELAY_ONLY)
        return;
    const hf_ice_candidate *c = &event->u.candidate_found.candidate;
    demand(c->type == HF_ICE_RELAYED && hf_addr_is_unspecified(&c->related));
}

static void drain_once(world *w)
{
    uint8_t buffer[HF_DATAGRAM_MAX + HF_WRAP_MAX];
    hf_transmit t = {.buffer = buffer, .cap = HF_DATAGRAM_MAX};
    hf_request request;
    hf_ice_event event;
    size_t sent = 0;
    while (hf_ice_poll_request(w->ice, &request))
        on_agent_request(w, &request);
    while (hf_ice_poll_transmit(w->ice, w->now, &t)) {
        on_agent_sent(w, &t);
        demand(++sent <= 600);
    }
    while (hf_ice_poll_event(w->ice, &event))
        on_event(w, &event);
    while (w->server && hf_turn_server_poll_request(w->server, &request))
        on_server_request(w, &request);
    while (w->server && hf_turn_server_poll_transmit(w->server, w->now, &t))
        on_server_sent(w, &t);
}

static void drain(world *w)
{
    drain_once(w);
    for (int i = 0; i < 8 && hf_ice_deadline(w->ice) <= w->now; i++) {
        hf_ice_tick(w->ice, w->now);
        drain_once(w);
    }
    demand(hf_ice_deadline(w->ice) > w->now);
}

/* --- Steps ---------------------------------------------------------------------------------------------------------- */

static bool take_first(world *w, packet *out)
{
    if (w->packets_len == 0)
        return false;
    *out = w->packets[0];
    w->packets_len--;
    memmove(&w->packets[0], &w->packets[1], w->packets_len * sizeof w->packets[0]);
    return true;
}

static void deliver(world *w, size_t times)
{
    packet p;
    for (size_t i = 0; i < times && take_first(w, &p); i++) {
        arrive(w, &p);
        drain(w);
    }
}

static void change_and_deliver(world *w)
{
    packet p;
    uint8_t where = hf_read_u8(&w->remote.in), what = hf_read_u8(&w->remote.in);
    if (!take_first(w, &p))
        return;
    if (p.is_for_agent && p.len > 0)
        p.data[where % p.len] ^= what;
    arrive(w, &p);
    if (where & 1)
        arrive(w, &p);
}

/* From the server's address to one of ours, or by a stream; or from where somebody else is. */
static void forge(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    uint8_t bytes[4 + UINT8_MAX] = {0x40, how};
    hf_bytes rest = remote_bytes(&w->remote);
    size_t before = how & 1 ? 4 : 0;
    bytes[3] = (uint8_t)rest.len;
    if (rest.len > 0)
        memcpy(bytes + before, rest.data, rest.len);
    hf_path path = {.local = our_addr(5000), .remote = how & 2 ? a_peer(w) : server_addr()};
    if (how & 4 && w->streams_len > 0 && w->streams[0].is_open)
        path = w->streams[0].path;
    path.transport = how & 4 && w->streams_len > 0 && w->streams[0].is_open ? HF_TCP : HF_UDP;
    if (before + rest.len > 0)
        give(w, true, &path, bytes, before + rest.len);
}

static void signed_check(world *w)
{
    uint8_t buffer[REMOTE_STUN_MAX], flags = hf_read_u8(&w->remote.in), which = hf_read_u8(&w->remote.in);
    hf_path path = {.local = our_addr(5000), .remote = a_peer(w)};
    size_t len = remote_check(&w->remote, flags, buffer);
    bool by_relay = w->relays_len > 0 && which % 4 != 0;
    if (by_relay)
        path.local = w->relays[which / 4 % w->relays_len];
    if (len > 0)
        give(w, !by_relay, &path, buffer, len);
}

static void answer(world *w)
{
    uint8_t buffer[REMOTE_STUN_MAX], flags = hf_read_u8(&w->remote.in);
    hf_path path = w->remote.asked;
    hf_addr mapped = flags & 1 ? a_peer(w) : path.local;
    size_t len = remote_answer(&w->remote, flags, &mapped, buffer);
    if (len > 0 && path.local.family != HF_FAMILY_NONE)
        give(w, !is_relay(w, &path.local), &path, buffer, len);
}

static void finish_opening(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    stream *s = w->streams_len > 0 ? &w->streams[how / 4 % w->streams_len] : NULL;
    if (!s || s->is_open)
        return;
    stream was = *s;
    hf_addr server = server_addr();
    bool is_refused = how % 4 == 0 || !w->server || !hf_addr_equal(&was.path.remote, &server);
    hf_path accepted = reversed(&was.path);
    s->is_open = true;
    if (is_refused)
        *s = w->streams[--w->streams_len];
    else
        hf_turn_server_reply(w->server, w->now, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = accepted});
    hf_err err = is_refused ? HF_EUNREACHABLE : HF_OK;
    hf_ice_reply(w->ice, w->now, &(hf_reply){.type = HF_REPLY_CONNECTED, .id = was.id, .err = err, .path = was.path});
}

static void break_stream(world *w)
{
    if (w->streams_len == 0 || !w->streams[0].is_open)
        return;
    hf_path path = w->streams[0].path, accepted = reversed(&path);
    w->streams[0] = w->streams[--w->streams_len];
    if (w->server)
        hf_turn_server_reply(w->server, w->now, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = accepted});
    hf_ice_reply(w->ice, w->now, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .err = HF_EUNREACHABLE, .path = path});
}

static void locals(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    hf_local list[] = {{.addr = our_addr(5000)}, {.addr = our_addr(5001), .preference = 3}};
    hf_ice_reply(
        w->ice, w->now,
        &(hf_reply){.type = HF_REPLY_LOCALS, .locals = how & 1 ? list + 1 : list, .locals_len = how & 1 ? 1 : how % 3});
}

static void candidate(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    hf_ice_candidate c = {.component = 1, .foundation = "1", .addr = a_peer(w)};
    c.type = how % 4u;
    if (how & 8 && w->relays_len > 0)
        c.addr = w->relays[how / 16 % w->relays_len];
    c.priority = hf_read_u32(&w->remote.in);
    (void)!hf_ice_add_remote_candidate(w->ice, w->now, &c, NULL);
}

static void restart(world *w)
{
    if (hf_read_u8(&w->remote.in) & 1)
        (void)!hf_ice_cancel_restart(w->ice, w->now);
    else if (hf_ice_restart(w->ice, w->now) == HF_OK)
        (void)!hf_ice_gather(w->ice, w->now);
    remote_note_credentials(&w->remote, w->ice);
}

static void credentials(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    (void)!hf_ice_set_credentials(w->ice, w->now, uris[how % 4], "user", how & 4 ? "guess" : "password");
}

static void pass_time(world *w)
{
    remote_pass_time(&w->remote, w->ice, &w->now);
    if (w->server)
        hf_turn_server_tick(w->server, w->now);
}

static void check_invariants(world *w)
{
    hf_ice_route route;
    hf_datagram d;
    bool has_route = hf_ice_get_route(w->ice, &route);
    hf_ice_state state = hf_ice_get_state(w->ice);
    demand((state != HF_ICE_FAILED && state != HF_ICE_NEW && state != HF_ICE_CLOSED) || !has_route);
    demand(!has_route || w->policy != HF_ICE_RELAY_ONLY || route.local_type == HF_ICE_RELAYED);
    demand(!has_route || (route.path.local.ip[0] == 10 && route.wrap.before + route.wrap.after <= HF_WRAP_MAX));
    demand(!has_route || (route.local_type == HF_ICE_RELAYED) == (route.path.remote.port == SERVER_PORT));
    while (hf_ice_poll_datagram(w->ice, w->now, &d))
        memset(d.data, 0, d.len); /* it may be overwritten */
}

static void step(world *w)
{
    static void (*const steps[])(world *) = {change_and_deliver,   forge,     signed_check, answer,  finish_opening,
                                             break_stream,         locals,    candidate,    restart, credentials,
                                             kill_or_start_server, pass_time, pass_time,    drain};
    uint8_t which = hf_read_u8(&w->remote.in);
    packet lost;
    switch (which % 24) {
    case 14:
        deliver(w, 1);
        break;
    case 15:
        deliver(w, PACKETS_MAX);
        break;
    case 16:
        deliver(w, 4);
        break;
    case 17:
        (void)take_first(w, &lost);
        break;
    case 18:
        (void)!hf_ice_set_remote(w->ice, w->now, &remote_identities[w->remote.as_remote]);
        break;
    case 19:
        hf_ice_end_of_remote_candidates(w->ice, w->now);
        break;
    case 20:
        remote_change_roles(&w->remote);
        break;
    case 21:
        if (which / 24 == 7)
            hf_ice_close(w->ice, w->now);
        break;
    default:
        steps[which % 24 % (sizeof steps / sizeof *steps)](w);
        break;
    }
    check_invariants(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static world w; /* large */
    memset(&w, 0, sizeof w);
    w.now = HF_SECONDS(1);
    w.remote.in = hf_reader_of(hf_bytes_of(data, size));
    fuzz_seed(0);
    uint8_t flags = hf_read_u8(&w.remote.in);
    hf_ice_server servers[4];
    for (size_t i = 0; i < 4; i++)
        servers[i] = (hf_ice_server){
            .uri = uris[i], .username = flags & 1 ? NULL : "user", .password = flags & 2 ? "guess" : "password"};
    w.policy = flags / 4 % 4u;
    hf_ice_config config = {.controlling = flags & 16,
                            .no_udp = flags & 32,
                            .relay = w.policy,
                            .tcp = HF_ICE_TCP_OFF,
                            .servers = servers,
                            .servers_len = 1 + flags / 64};
    if (hf_ice_new(&w.ice, &config, &fuzz_env) != HF_OK)
        return 0;
    start_server(&w);
    remote_note_credentials(&w.remote, w.ice);
    (void)!hf_ice_gather(w.ice, w.now);
    for (size_t i = 0; i < STEPS_MAX && w.remote.in.rest.len > 0; i++)
        step(&w);
    hf_ice_free(w.ice);
    hf_turn_server_free(w.server);
    return 0;
}
