/* turn_server.c: a TURN server with hostile clients and peers, by UDP and over streams, and a driver that may fail it.
 *
 * The input is a list of steps: a byte that says which, and what it takes. Requests are made of any attributes, signed with
 * the right key, with a wrong one, or not at all, and may be damaged afterwards; raw bytes come, too, cut anywhere. */
#include "fuzz.h"

#include "bytes.h"
#include "stun.h"

#include <holdfast/turn.h>

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 300
#define CLIENTS 6 /* the last two come by TCP */
#define SOCKETS_MAX 64
#define ALLOCATIONS_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct client {
    hf_path path;
    bool is_open;         /* by TCP: there is a stream */
    uint64_t heard, said; /* bytes */
    uint8_t nonce[128];
    size_t nonce_len;
    uint32_t serial;
} client;

typedef struct world {
    hf_reader in;
    hf_turn_server *server;
    hf_time now;
    client clients[CLIENTS];
    hf_addr sockets[SOCKETS_MAX]; /* bound */
    uint32_t ids[SOCKETS_MAX];
    size_t sockets_len;
    hf_request waiting; /* a BIND that is not answered yet; type 0: none */
    bool holds_back;    /* the driver takes its time */
    hf_err bind_err;
} world;

/* --- Addresses --------------------------------------------------------------------------------------------------------- */

static hf_addr ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {a, b, c, d}, .port = port};
}

/* Of peers: good ones, forbidden ones, the server itself, relayed addresses. */
static hf_addr a_peer(world *w)
{
    uint8_t byte = hf_read_u8(&w->in);
    uint16_t port = (uint16_t)(byte / 16 * 100);
    switch (byte % 8) {
    case 0:
        return ipv4(203, 0, 113, (uint8_t)(byte / 64), port);
    case 1:
        return ipv4(10, 0, 0, 1, port);
    case 2:
        return ipv4(127, 0, 0, 1, port);
    case 3:
        return ipv4(198, 51, 100, 1, port);
    case 4:
        return (hf_addr){.family = HF_FAMILY_IPV6, .ip = {0x26, 6, [15] = byte}, .port = port};
    case 5:
        return (hf_addr){.family = HF_FAMILY_IPV6, .ip = {[10] = 0xFF, 0xFF, 127, 0, 0, 1}, .port = port};
    default:
        return w->sockets_len > 0 ? w->sockets[byte / 8 % w->sockets_len] : ipv4(203, 0, 113, 77, 7);
    }
}

static bool is_bound(const world *w, const hf_addr *addr)
{
    for (size_t i = 0; i < w->sockets_len; i++) {
        if (hf_addr_equal(&w->sockets[i], addr))
            return true;
    }
    return false;
}

/* The server relays to nobody else. */
static bool may_be_reached(const world *w, const hf_addr *addr)
{
    bool is_good4 = addr->family == HF_FAMILY_IPV4 && addr->ip[0] == 203;
    bool is_good6 = addr->family == HF_FAMILY_IPV6 && addr->ip[0] == 0x26;
    return addr->port != 0 && (is_good4 || is_good6 || is_bound(w, addr));
}

/* --- The driver -------------------------------------------------------------------------------------------------------- */

static void answer_bind(world *w, const hf_request *request, hf_err err)
{
    hf_reply reply = {.type = HF_REPLY_BOUND, .id = request->id, .err = err, .path = request->path};
    if (is_bound(w, &request->path.local) || w->sockets_len == SOCKETS_MAX)
        reply.err = HF_EEXIST;
    if (reply.err == HF_OK) {
        w->sockets[w->sockets_len] = request->path.local;
        w->ids[w->sockets_len++] = request->id;
    }
    hf_turn_server_reply(w->server, w->now, &reply);
}

static void unbind(world *w, uint32_t id)
{
    if (w->waiting.type == HF_REQUEST_BIND && w->waiting.id == id)
        w->waiting.type = 0;
    for (size_t i = 0; i < w->sockets_len; i++) {
        if (w->ids[i] == id) {
            w->sockets[i] = w->sockets[--w->sockets_len];
            w->ids[i] = w->ids[w->sockets_len];
            return;
        }
    }
}

static client *client_at(world *w, const hf_path *path)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        if (hf_addr_equal(&w->clients[i].path.remote, &path->remote) && w->clients[i].path.transport == path->transport)
            return &w->clients[i];
    }
    return NULL;
}

static bool do_request(world *w)
{
    hf_request request;
    if (!hf_turn_server_poll_request(w->server, &request))
        return false;
    if (request.type == HF_REQUEST_BIND && w->holds_back && w->waiting.type == 0) {
        w->waiting = request;
    } else if (request.type == HF_REQUEST_BIND) {
        answer_bind(w, &request, w->bind_err);
    } else if (request.type == HF_REQUEST_UNBIND) {
        unbind(w, request.id);
    } else {
        demand(request.type == HF_REQUEST_DISCONNECT && request.path.transport == HF_TCP);
        client *c = client_at(w, &request.path);
        if (c)
            c->is_open = false;
    }
    return true;
}

static void hear(client *c, hf_bytes bytes)
{
    hf_stun_message m;
    hf_bytes nonce;
    c->heard += bytes.len;
    if (hf_stun_read(bytes, &m) && hf_stun_find(&m, HF_STUN_NONCE, &nonce) && nonce.len <= sizeof c->nonce) {
        memcpy(c->nonce, nonce.data, nonce.len);
        c->nonce_len = nonce.len;
    }
}

static bool take_run(world *w)
{
    static uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    if (!hf_turn_server_poll_transmit(w->server, w->now, &out))
        return false;
    demand(out.len > 0 && out.len <= sizeof buffer && out.segment > 0);
    client *c = client_at(w, &out.path);
    if (c && hf_addr_equal(&c->path.local, &out.path.local)) {
        hear(c, hf_bytes_of(buffer, out.len < out.segment ? out.len : out.segment));
    } else if (is_bound(w, &out.path.local)) {
        demand(out.path.transport == HF_UDP && may_be_reached(w, &out.path.remote));
    }
    return true;
}

static void serve(world *w)
{
    hf_turn_server_stats stats;
    while (do_request(w) || take_run(w))
        ;
    hf_turn_server_get_stats(w->server, &stats);
    demand(stats.allocations <= ALLOCATIONS_MAX);
    demand(w->sockets_len <= 2 * ALLOCATIONS_MAX);
}

/* In memory exactly as large, so that ASan sees each overrun. */
static void input(world *w, const hf_path *path, hf_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (!copy)
        return;
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    hf_turn_server_input(w->server, w->now, &(hf_datagram){.path = *path, .data = copy, .len = bytes.len}, 1);
    free(copy);
    serve(w);
}

static void say(world *w, client *c, hf_bytes bytes)
{
    c->said += bytes.len;
    if (c->path.transport == HF_UDP) {
        input(w, &c->path, bytes);
        return;
    }
    size_t piece = 1 + (size_t)hf_read_u8(&w->in) * 4;
    for (size_t at = 0; at < bytes.len && c->is_open; at += piece)
        input(w, &c->path, hf_bytes_of(bytes.data + at, bytes.len - at < piece ? bytes.len - at : piece));
}

/* --- Steps ------------------------------------------------------------------------------------------------------------- */

static client *a_client(world *w)
{
    return &w->clients[hf_read_u8(&w->in) % CLIENTS];
}

/* One of the attributes that mean something, or any. */
static void add_attribute(world *w, hf_stun_writer *s)
{
    static const uint16_t types[] = {
        HF_STUN_LIFETIME,  HF_STUN_CHANNEL_NUMBER, HF_STUN_REQUESTED_ADDRESS_FAMILY, HF_STUN_ADDITIONAL_ADDRESS_FAMILY,
        HF_STUN_EVEN_PORT, HF_STUN_DONT_FRAGMENT,  HF_STUN_RESERVATION_TOKEN,        HF_STUN_DATA};
    uint8_t which = hf_read_u8(&w->in);
    hf_addr peer;
    if (which < 64) {
        hf_stun_add_u32(s, HF_STUN_REQUESTED_TRANSPORT, which < 60 ? 17u << 24 : 6u << 24);
    } else if (which < 128) {
        peer = a_peer(w);
        hf_stun_add_xor_address(s, HF_STUN_XOR_PEER_ADDRESS, &peer);
    } else if (which < 140) {
        hf_stun_add_u32(s, HF_STUN_CHANNEL_NUMBER, 0x40000000u + ((uint32_t)(which % 4) << 16));
    } else if (which < 145) {
        hf_stun_add_u32(s, HF_STUN_LIFETIME, which % 2 == 0 ? 0 : 700);
    } else if (which < 150) {
        hf_stun_add(s, which % 2 == 0 ? HF_STUN_ADDITIONAL_ADDRESS_FAMILY : HF_STUN_REQUESTED_ADDRESS_FAMILY,
                    hf_bytes_of("\2\0\0\0", 4));
    } else {
        uint16_t type = which < 250 ? types[which % 8] : hf_read_u16(&w->in);
        hf_stun_add(s, type, hf_read_bytes(&w->in, hf_read_u8(&w->in) % 12));
    }
}

static void sign(const client *c, hf_stun_writer *s, bool is_right)
{
    uint8_t key[16];
    hf_bytes user = hf_bytes_of_text("alice"), realm = hf_bytes_of_text("holdfast");
    if (!hf_stun_long_term_key_md5(user, realm, hf_bytes_of_text(is_right ? "rabbit" : "hare"), key))
        return;
    hf_stun_add(s, HF_STUN_USERNAME, user);
    hf_stun_add(s, HF_STUN_REALM, realm);
    hf_stun_add(s, HF_STUN_NONCE, hf_bytes_of(c->nonce, c->nonce_len));
    hf_stun_add_integrity(s, hf_bytes_of(key, sizeof key));
}

static void send_request(world *w)
{
    static const uint16_t methods[] = {HF_STUN_BINDING,      HF_STUN_ALLOCATE, HF_STUN_REFRESH,  HF_STUN_CREATE_PERMISSION,
                                       HF_STUN_CHANNEL_BIND, HF_STUN_ALLOCATE, HF_STUN_ALLOCATE, 0x00A};
    uint8_t buffer[1024], id[HF_STUN_ID_SIZE] = {0};
    client *c = a_client(w);
    uint8_t how = hf_read_u8(&w->in);
    if (how < 200)
        c->serial++; /* otherwise a copy, or nearly */
    memcpy(id, &c->serial, sizeof c->serial);
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, methods[how % 8], id);
    for (unsigned n = how / 8 % 4; n > 0; n--)
        add_attribute(w, &s);
    uint8_t protection = hf_read_u8(&w->in);
    if (protection < 220)
        sign(c, &s, protection < 200);
    if (protection % 4 == 0)
        hf_stun_add_fingerprint(&s);
    size_t len = hf_stun_end(&s);
    if (len > 0 && protection >= 240)
        buffer[hf_read_u16(&w->in) % len] ^= hf_read_u8(&w->in);
    say(w, c, hf_bytes_of(buffer, len));
}

static void send_data(world *w)
{
    uint8_t buffer[512];
    client *c = a_client(w);
    uint8_t how = hf_read_u8(&w->in);
    if (how % 2 == 0) {
        hf_writer out = hf_writer_of(buffer, sizeof buffer);
        size_t len = hf_read_u8(&w->in) % 32;
        hf_write_u16(&out, (uint16_t)(0x4000 + how / 2 % 4));
        hf_write_u16(&out, (uint16_t)(how < 240 ? len : len + 1));
        hf_write_bytes(&out, hf_read_bytes(&w->in, len));
        if (c->path.transport == HF_TCP)
            hf_write_zeroes(&out, (4 - len % 4) % 4);
        if (out.ok)
            say(w, c, hf_bytes_of(buffer, out.len));
        return;
    }
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_INDICATION, HF_STUN_SEND_INDICATION,
                                     (const uint8_t[HF_STUN_ID_SIZE]){how});
    hf_addr peer = a_peer(w);
    hf_stun_add_xor_address(&s, HF_STUN_XOR_PEER_ADDRESS, &peer);
    if (how < 240)
        hf_stun_add(&s, HF_STUN_DATA, hf_read_bytes(&w->in, hf_read_u8(&w->in) % 32));
    else
        add_attribute(w, &s);
    say(w, c, hf_bytes_of(buffer, hf_stun_end(&s)));
}

static void send_from_peer(world *w)
{
    hf_path path = {.remote = a_peer(w)};
    if (w->sockets_len == 0)
        return;
    path.local = w->sockets[hf_read_u8(&w->in) % w->sockets_len];
    input(w, &path, hf_read_bytes(&w->in, hf_read_u8(&w->in)));
}

static void send_raw(world *w)
{
    client *c = a_client(w);
    hf_bytes bytes = hf_read_bytes(&w->in, hf_read_u8(&w->in));
    if (c->path.transport == HF_UDP || c->is_open)
        say(w, c, bytes);
}

static void toggle_stream(world *w)
{
    client *c = &w->clients[CLIENTS - 1 - hf_read_u8(&w->in) % 2];
    hf_reply reply = {.type = c->is_open ? HF_REPLY_DISCONNECTED : HF_REPLY_CONNECTED, .path = c->path};
    c->is_open = !c->is_open;
    hf_turn_server_reply(w->server, w->now, &reply);
    serve(w);
}

static void bend_driver(world *w)
{
    static const hf_err errors[] = {HF_OK, HF_EEXIST, HF_EIO, HF_OK};
    uint8_t how = hf_read_u8(&w->in);
    w->holds_back = how % 4 == 1;
    w->bind_err = errors[how / 4 % 4];
    if (w->waiting.type == HF_REQUEST_BIND && how % 4 == 2) {
        hf_request request = w->waiting;
        w->waiting.type = 0;
        answer_bind(w, &request, w->bind_err);
    }
    serve(w);
}

static void pass_time(world *w, hf_span span)
{
    hf_time until = w->now + span;
    for (hf_time next; (next = hf_turn_server_deadline(w->server)) <= until;) {
        w->now = next > w->now ? next : w->now;
        hf_turn_server_tick(w->server, w->now);
        demand(hf_turn_server_deadline(w->server) > w->now); /* or it would be called for ever */
        serve(w);
    }
    w->now = until;
    serve(w);
}

static void step(world *w)
{
    static const hf_span spans[] = {
        1, HF_MS(10), HF_SECONDS(1), HF_SECONDS(20), HF_SECONDS(290), HF_SECONDS(601), HF_SECONDS(3700)};
    uint8_t what = hf_read_u8(&w->in);
    if (what < 110)
        send_request(w);
    else if (what < 150)
        send_data(w);
    else if (what < 180)
        send_from_peer(w);
    else if (what < 200)
        send_raw(w);
    else if (what < 215)
        toggle_stream(w);
    else if (what < 230)
        bend_driver(w);
    else
        pass_time(w, spans[what % 7]);
}

static hf_err make_server(world *w)
{
    static const hf_turn_user user = {"alice", "rabbit"};
    const hf_addr relays[2] = {ipv4(198, 51, 100, 1, 0), {.family = HF_FAMILY_IPV6, .ip = {0x20, 1, 0xD, 0xB8, [15] = 1}}};
    const hf_turn_server_config config = {.users = &user,
                                          .users_len = 1,
                                          .relay_addrs = relays,
                                          .relay_addrs_len = 2,
                                          .port_first = 50000,
                                          .port_last = 50009,
                                          .allocations_max = ALLOCATIONS_MAX,
                                          .rate_max = 2000};
    return hf_turn_server_new(&w->server, w->now, &config, &fuzz_env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static world w;
    fuzz_seed(1);
    w = (world){.in = hf_reader_of(hf_bytes_of(data, size)), .now = HF_SECONDS(5)};
    for (uint8_t i = 0; i < CLIENTS; i++)
        w.clients[i].path = (hf_path){.transport = i < CLIENTS - 2 ? HF_UDP : HF_TCP,
                                      .local = ipv4(198, 51, 100, 1, 3478),
                                      .remote = ipv4(192, 0, 2, i, 5000)};
    if (make_server(&w) != HF_OK)
        return 0;
    for (int n = 0; n < STEPS_MAX && w.in.ok && w.in.rest.len > 0; n++)
        step(&w);

    uint64_t unproven = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        unproven += w.clients[i].nonce_len == 0 ? w.clients[i].heard : 0;
    demand(unproven <= UINT64_C(1) << 20);
    pass_time(&w, HF_SECONDS(2 * 3600));
    demand(w.sockets_len == 0); /* nothing is kept for those who have gone */
    demand(hf_turn_server_deadline(w.server) == HF_NEVER);
    hf_turn_server_free(w.server);
    return 0;
}
