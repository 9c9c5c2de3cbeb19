/* desk.c: a TURN server under virtual time, its driver and its clients. */
#include "desk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

hf_addr desk_addr(const char *text)
{
    hf_addr addr = {0};
    cr_assert(hf_addr_parse(text, strlen(text), &addr), "%s", text);
    return addr;
}

hf_path desk_path(const char *client)
{
    return (hf_path){.local = desk_addr(DESK_SERVER), .remote = desk_addr(client)};
}

void desk_init(desk *d, const hf_turn_server_config *config)
{
    desk_init_seeded(d, config, 7);
}

void desk_init_seeded(desk *d, const hf_turn_server_config *config, uint64_t seed)
{
    static const hf_turn_user user = {DESK_USER, DESK_PASSWORD};
    hf_turn_server_config c = config ? *config : (hf_turn_server_config){0};
    memset(d, 0, sizeof *d);
    d->now = HF_SECONDS(100);
    test_env_init(&d->env, seed);
    if (c.users_len == 0 && !c.secret) {
        c.users = &user;
        c.users_len = 1;
    }
    cr_assert_eq(hf_turn_server_new(&d->server, d->now, &c, &d->env.env), HF_OK);
}

void desk_clear(desk *d)
{
    hf_turn_server_free(d->server);
    d->server = NULL;
    cr_expect_eq(d->env.blocks, 0);
}

/* --- The driver ------------------------------------------------------------------------------------------------------- */

bool desk_has_socket(const desk *d, const hf_addr *addr)
{
    for (size_t i = 0; i < d->sockets_len; i++) {
        if (hf_addr_equal(&d->sockets[i], addr))
            return true;
    }
    return false;
}

void desk_reply(desk *d, const hf_reply *reply)
{
    hf_turn_server_reply(d->server, d->now, reply);
}

static void on_bind(desk *d, const hf_request *request)
{
    hf_reply reply = {.type = HF_REPLY_BOUND, .id = request->id, .err = d->bind_err, .path = request->path};
    d->binds++;
    d->slow_id = request->id;
    d->slow_addr = request->path.local;
    if (d->is_slow)
        return;
    if (reply.err == HF_OK && (d->is_taken || desk_has_socket(d, &request->path.local)))
        reply.err = HF_EEXIST;
    if (reply.err == HF_OK) {
        cr_assert_lt(d->sockets_len, DESK_SOCKETS_MAX);
        d->sockets[d->sockets_len] = request->path.local;
        d->ids[d->sockets_len++] = request->id;
    }
    desk_reply(d, &reply);
}

static void on_unbind(desk *d, const hf_request *request)
{
    for (size_t i = 0; i < d->sockets_len; i++) {
        if (d->ids[i] == request->id) {
            d->sockets[i] = d->sockets[--d->sockets_len];
            d->ids[i] = d->ids[d->sockets_len];
            return;
        }
    }
}

static bool answer_request(desk *d)
{
    hf_request request;
    if (!hf_turn_server_poll_request(d->server, &request))
        return false;
    if (request.type == HF_REQUEST_BIND) {
        on_bind(d, &request);
    } else if (request.type == HF_REQUEST_UNBIND) {
        on_unbind(d, &request);
    } else {
        cr_assert_eq(request.type, HF_REQUEST_DISCONNECT);
        d->disconnects++;
        d->disconnected = request.path;
    }
    return true;
}

static void keep(desk *d, const hf_path *path, const uint8_t *data, size_t len)
{
    d->sent_datagrams++;
    d->sent_bytes += len;
    if (d->sent_len - d->sent_at == DESK_SENT_MAX)
        d->sent_at++; /* the oldest is forgotten */
    desk_sent *sent = &d->sent[d->sent_len++ % DESK_SENT_MAX];
    sent->path = *path;
    sent->len = len;
    memcpy(sent->data, data, len);
}

static bool take_run(desk *d)
{
    static uint8_t buffer[65536];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    if (!hf_turn_server_poll_transmit(d->server, d->now, &out))
        return false;
    cr_assert_gt(out.len, 0);
    for (size_t at = 0; at < out.len; at += out.segment)
        keep(d, &out.path, buffer + at, out.len - at < out.segment ? out.len - at : out.segment);
    return true;
}

void desk_serve(desk *d)
{
    while (answer_request(d) || take_run(d))
        ;
}

void desk_input(desk *d, const hf_path *path, const void *data, size_t len)
{
    uint8_t copy[2 * HF_DATAGRAM_MAX];
    cr_assert_leq(len, sizeof copy);
    if (len > 0)
        memcpy(copy, data, len);
    hf_datagram datagram = {.path = *path, .data = copy, .len = len};
    hf_turn_server_input(d->server, d->now, &datagram, 1);
    desk_serve(d);
}

void desk_run(desk *d, hf_span span)
{
    hf_time until = d->now + span;
    for (hf_time next; (next = hf_turn_server_deadline(d->server)) <= until;) {
        d->now = next > d->now ? next : d->now;
        hf_turn_server_tick(d->server, d->now);
        desk_serve(d);
    }
    d->now = until;
    hf_turn_server_tick(d->server, d->now);
    desk_serve(d);
}

const desk_sent *desk_take(desk *d)
{
    return d->sent_at < d->sent_len ? &d->sent[d->sent_at++ % DESK_SENT_MAX] : NULL;
}

void desk_expect_silence(desk *d)
{
    cr_expect_eq(d->sent_at, d->sent_len, "%zu datagrams were sent", d->sent_len - d->sent_at);
    d->sent_at = d->sent_len;
}

hf_turn_server_stats desk_stats(const desk *d)
{
    hf_turn_server_stats stats;
    hf_turn_server_get_stats(d->server, &stats);
    return stats;
}

/* --- Clients ---------------------------------------------------------------------------------------------------------- */

desk_client desk_client_of(desk *d, const char *addr)
{
    return (desk_client){.desk = d, .path = desk_path(addr), .user = DESK_USER, .password = DESK_PASSWORD};
}

void desk_begin(desk_client *c, hf_stun_class class_, uint16_t method)
{
    uint8_t id[HF_STUN_ID_SIZE] = {0};
    c->serial++;
    memcpy(id, &c->serial, sizeof c->serial);
    memcpy(id + 4, &c->path.remote.port, 2);
    c->s = hf_stun_begin(c->buffer, sizeof c->buffer, class_, method, id);
}

static void derive(desk_client *c)
{
    hf_bytes user = hf_bytes_of_text(c->user), realm = hf_bytes_of_text(c->realm), password = hf_bytes_of_text(c->password);
    c->key_len = c->sha256 ? 32 : 16;
    cr_assert(c->sha256 ? hf_stun_long_term_key_sha256(user, realm, password, c->key)
                        : hf_stun_long_term_key_md5(user, realm, password, c->key));
}

static void sign(desk_client *c)
{
    if (c->nonce[0] == '\0')
        return;
    derive(c);
    hf_stun_add(&c->s, HF_STUN_USERNAME, hf_bytes_of_text(c->user));
    hf_stun_add(&c->s, HF_STUN_REALM, hf_bytes_of_text(c->realm));
    hf_stun_add(&c->s, HF_STUN_NONCE, hf_bytes_of_text(c->nonce));
    if (c->sha256) {
        hf_stun_add(&c->s, HF_STUN_PASSWORD_ALGORITHMS, hf_bytes_of("\0\2\0\0\0\1\0\0", 8));
        hf_stun_add(&c->s, HF_STUN_PASSWORD_ALGORITHM, hf_bytes_of("\0\2\0\0", 4));
        hf_stun_add_integrity256(&c->s, hf_bytes_of(c->key, c->key_len));
    } else {
        hf_stun_add_integrity(&c->s, hf_bytes_of(c->key, c->key_len));
    }
}

size_t desk_finish(desk_client *c)
{
    sign(c);
    size_t len = hf_stun_end(&c->s);
    cr_assert_gt(len, 0);
    return len;
}

static void copy_text(const hf_stun_message *m, uint16_t type, char *out, size_t cap)
{
    hf_bytes value;
    if (hf_stun_find(m, type, &value)) {
        cr_assert_lt(value.len, cap);
        memcpy(out, value.data, value.len);
        out[value.len] = '\0';
    }
}

static bool is_signed(const desk_client *c)
{
    hf_bytes key = hf_bytes_of(c->key, c->key_len);
    return c->sha256 ? hf_stun_verify_integrity256(&c->answer, key) : hf_stun_verify_integrity(&c->answer, key);
}

unsigned desk_ask(desk_client *c)
{
    unsigned code = 0;
    hf_bytes reason;
    bool had_key = c->nonce[0] != '\0';
    size_t len = desk_finish(c);
    desk_input(c->desk, &c->path, c->buffer, len);
    const desk_sent *sent = desk_take(c->desk);
    if (!sent)
        return 1;
    memcpy(c->heard, sent->data, sent->len);
    cr_assert(hf_stun_read(hf_bytes_of(c->heard, sent->len), &c->answer));
    cr_assert(memcmp(c->answer.id, c->buffer + 8, HF_STUN_ID_SIZE) == 0, "it answers another request");
    cr_assert(hf_addr_equal(&sent->path.remote, &c->path.remote));
    cr_assert(hf_addr_equal(&sent->path.local, &c->path.local));
    if (c->answer.class_ == HF_STUN_ERROR)
        cr_assert(hf_stun_get_error(&c->answer, &code, &reason));
    copy_text(&c->answer, HF_STUN_REALM, c->realm, sizeof c->realm);
    copy_text(&c->answer, HF_STUN_NONCE, c->nonce, sizeof c->nonce);
    if (had_key && code != 401 && code != 438 && c->answer.method != HF_STUN_BINDING &&
        (c->answer.integrity_at != 0 || c->answer.integrity256_at != 0))
        cr_expect(is_signed(c), "the answer of code %u is not the server's", code);
    return code;
}

static unsigned ask_allocate(desk_client *c)
{
    desk_begin(c, HF_STUN_REQUEST, HF_STUN_ALLOCATE);
    hf_stun_add_u32(&c->s, HF_STUN_REQUESTED_TRANSPORT, 17u << 24);
    return desk_ask(c);
}

void desk_challenge(desk_client *c)
{
    c->nonce[0] = '\0';
    cr_assert_eq(ask_allocate(c), 401);
}

unsigned desk_allocate(desk_client *c)
{
    if (c->nonce[0] == '\0')
        desk_challenge(c);
    return ask_allocate(c);
}

unsigned desk_refresh(desk_client *c, uint32_t lifetime)
{
    desk_begin(c, HF_STUN_REQUEST, HF_STUN_REFRESH);
    hf_stun_add_u32(&c->s, HF_STUN_LIFETIME, lifetime);
    return desk_ask(c);
}

unsigned desk_permit(desk_client *c, const char *peer)
{
    hf_addr addr = desk_addr(peer);
    desk_begin(c, HF_STUN_REQUEST, HF_STUN_CREATE_PERMISSION);
    hf_stun_add_xor_address(&c->s, HF_STUN_XOR_PEER_ADDRESS, &addr);
    return desk_ask(c);
}

unsigned desk_bind(desk_client *c, const char *peer, uint16_t number)
{
    hf_addr addr = desk_addr(peer);
    desk_begin(c, HF_STUN_REQUEST, HF_STUN_CHANNEL_BIND);
    hf_stun_add_u32(&c->s, HF_STUN_CHANNEL_NUMBER, (uint32_t)number << 16);
    hf_stun_add_xor_address(&c->s, HF_STUN_XOR_PEER_ADDRESS, &addr);
    return desk_ask(c);
}

hf_addr desk_relayed(const desk_client *c)
{
    hf_addr addr = {0};
    cr_assert(hf_stun_get_xor_address(&c->answer, HF_STUN_XOR_RELAYED_ADDRESS, &addr));
    return addr;
}

/* --- Data ------------------------------------------------------------------------------------------------------------- */

void desk_send(desk_client *c, const char *peer, const char *text)
{
    hf_addr addr = desk_addr(peer);
    desk_begin(c, HF_STUN_INDICATION, HF_STUN_SEND_INDICATION);
    hf_stun_add_xor_address(&c->s, HF_STUN_XOR_PEER_ADDRESS, &addr);
    hf_stun_add(&c->s, HF_STUN_DATA, hf_bytes_of_text(text));
    desk_input(c->desk, &c->path, c->buffer, hf_stun_end(&c->s));
}

static size_t write_channel_data(const desk_client *c, uint8_t *out, uint16_t number, const char *text)
{
    size_t len = strlen(text), padding = c->path.transport == HF_TCP ? (4 - len % 4) % 4 : 0;
    hf_writer w = hf_writer_of(out, HF_DATAGRAM_MAX);
    hf_write_u16(&w, number);
    hf_write_u16(&w, (uint16_t)len);
    hf_write_bytes(&w, hf_bytes_of_text(text));
    hf_write_zeroes(&w, padding);
    cr_assert(w.ok);
    return w.len;
}

void desk_send_channel(desk_client *c, uint16_t number, const char *text)
{
    size_t len = write_channel_data(c, c->buffer, number, text);
    desk_input(c->desk, &c->path, c->buffer, len);
}

void desk_peer_sends(desk *d, const hf_addr *relayed, const char *peer, const char *text)
{
    hf_path path = {.local = *relayed, .remote = desk_addr(peer)};
    desk_input(d, &path, text, strlen(text));
}

void desk_expect_to_peer(desk *d, const hf_addr *relayed, const char *peer, const char *text)
{
    const desk_sent *sent = desk_take(d);
    hf_addr addr = desk_addr(peer);
    cr_assert(sent, "\"%s\" was not sent", text);
    cr_expect(hf_addr_equal(&sent->path.local, relayed));
    cr_expect(hf_addr_equal(&sent->path.remote, &addr));
    cr_expect(hf_bytes_equal_text(hf_bytes_of(sent->data, sent->len), text));
}

void desk_expect_indication(desk_client *c, const char *peer, const char *text)
{
    const desk_sent *sent = desk_take(c->desk);
    hf_addr addr = desk_addr(peer), from;
    hf_stun_message m;
    hf_bytes data;
    cr_assert(sent, "\"%s\" was not sent", text);
    cr_expect(hf_addr_equal(&sent->path.remote, &c->path.remote));
    cr_assert(hf_stun_read(hf_bytes_of(sent->data, sent->len), &m));
    cr_expect_eq(m.class_, HF_STUN_INDICATION);
    cr_expect_eq(m.method, HF_STUN_DATA_INDICATION);
    cr_assert(hf_stun_get_xor_address(&m, HF_STUN_XOR_PEER_ADDRESS, &from));
    cr_expect(hf_addr_equal(&from, &addr));
    cr_assert(hf_stun_find(&m, HF_STUN_DATA, &data));
    cr_expect(hf_bytes_equal_text(data, text));
}

void desk_expect_channel_data(desk_client *c, uint16_t number, const char *text)
{
    const desk_sent *sent = desk_take(c->desk);
    uint8_t expected[HF_DATAGRAM_MAX];
    size_t len = write_channel_data(c, expected, number, text);
    cr_assert(sent, "\"%s\" was not sent", text);
    cr_expect(hf_addr_equal(&sent->path.remote, &c->path.remote));
    cr_expect(hf_bytes_equal(hf_bytes_of(sent->data, sent->len), hf_bytes_of(expected, len)));
}
