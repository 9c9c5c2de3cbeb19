/* net_turn.c: TURN servers in the network of net.c: ours, at an address of their own, over UDP and TCP. */
#include "net.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const hf_turn_user user = {.name = NET_TURN_USER, .password = NET_TURN_PASSWORD};

net_turn *net_add_turn(net *n, const char *addr, const char *addr_too, const hf_turn_server_config *config)
{
    cr_assert_lt(n->turns_len, NET_TURNS_MAX);
    net_turn *turn = &n->turns[n->turns_len++];
    memset(turn, 0, sizeof *turn);
    turn->config = config ? *config : (hf_turn_server_config){0};
    if (turn->config.users_len == 0) {
        turn->config.users = &user;
        turn->config.users_len = 1;
    }
    turn->everywhere[0] = (hf_turn_range){.addr = net_addr("10.0.0.0"), .prefix = 8};
    turn->everywhere[1] = (hf_turn_range){.addr = net_addr("fd00::"), .prefix = 8};
    if (turn->config.allowed_len == 0) {
        turn->config.allowed = turn->everywhere;
        turn->config.allowed_len = 2;
    }
    turn->listens[turn->listens_len++] = net_addr(addr);
    if (addr_too)
        turn->listens[turn->listens_len++] = net_addr(addr_too);
    test_env_init(&turn->env, 4000 + n->turns_len);
    net_start_turn(n, turn);
    return turn;
}

void net_start_turn(net *n, net_turn *turn)
{
    hf_local locals[2];
    for (size_t i = 0; i < turn->listens_len; i++)
        locals[i] = (hf_local){.addr = turn->listens[i]};
    cr_assert_eq(hf_turn_server_new(&turn->server, n->now, &turn->config, &turn->env.env), HF_OK);
    hf_reply reply = {.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = turn->listens_len};
    hf_turn_server_reply(turn->server, n->now, &reply);
}

void net_kill_turn(net *n, net_turn *turn)
{
    for (size_t i = 0; i < turn->streams_len; i++)
        net_put(n, NET_END, &turn->streams[i], NULL, 0);
    hf_turn_server_free(turn->server);
    turn->server = NULL;
    turn->relays_len = turn->streams_len = 0;
}

/* --- What it asks for, and sends ------------------------------------------------------------------------------------- */

static void bind_relay(net *n, net_turn *turn, const hf_request *request)
{
    cr_assert_lt(turn->relays_len, NET_RELAYS_MAX);
    turn->relays[turn->relays_len++] = request->path.local;
    hf_reply reply = {.type = HF_REPLY_BOUND, .id = request->id, .path = request->path};
    hf_turn_server_reply(turn->server, n->now, &reply);
}

static void unbind_relay(net_turn *turn, const hf_request *request)
{
    for (size_t i = 0; i < turn->relays_len; i++) {
        if (hf_addr_equal(&turn->relays[i], &request->path.local))
            turn->relays[i--] = turn->relays[--turn->relays_len];
    }
}

static hf_path *find_stream(net_turn *turn, const hf_path *path)
{
    for (size_t i = 0; i < turn->streams_len; i++) {
        if (hf_ice_path_equal(&turn->streams[i], path))
            return &turn->streams[i];
    }
    return NULL;
}

static void answer(net *n, net_turn *turn, const hf_request *request)
{
    hf_path *stream;
    switch (request->type) {
    case HF_REQUEST_BIND:
        bind_relay(n, turn, request);
        break;
    case HF_REQUEST_UNBIND:
        unbind_relay(turn, request);
        break;
    case HF_REQUEST_DISCONNECT:
        stream = find_stream(turn, &request->path);
        if (stream) {
            net_put(n, NET_END, stream, NULL, 0);
            *stream = turn->streams[--turn->streams_len];
        }
        break;
    case HF_REQUEST_RELEASE:
    case HF_REQUEST_LOCALS:
    case HF_REQUEST_RESOLVE:
    case HF_REQUEST_ADVERTISE:
    case HF_REQUEST_CONNECT:
        cr_assert_fail("a server asks for nothing of that kind");
    }
}

bool net_drain_turn(net *n, net_turn *turn)
{
    uint8_t buffer[HF_DATAGRAM_MAX + 64];
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    hf_request request;
    bool has_done = false;
    while (turn->server && hf_turn_server_poll_request(turn->server, &request)) {
        answer(n, turn, &request);
        has_done = true;
    }
    while (turn->server && hf_turn_server_poll_transmit(turn->server, n->now, &t)) {
        for (size_t at = 0; at < t.len; at += t.segment) {
            size_t len = t.len - at < t.segment ? t.len - at : t.segment;
            if (t.path.transport == HF_TCP)
                net_put(n, NET_BYTES, &t.path, buffer + at, len);
            else
                net_send(n, &t.path, buffer + at, len);
        }
        has_done = true;
    }
    return has_done;
}

/* --- What comes ----------------------------------------------------------------------------------------------------- */

static bool has(const hf_addr *addrs, size_t len, const hf_addr *addr)
{
    for (size_t i = 0; i < len; i++) {
        if (hf_addr_equal(&addrs[i], addr))
            return true;
    }
    return false;
}

static void give(net *n, net_turn *turn, const hf_path *path, const net_flight *flight)
{
    uint8_t *data = malloc(flight->len > 0 ? flight->len : 1);
    memcpy(data, flight->data, flight->len);
    hf_turn_server_input(turn->server, n->now, &(hf_datagram){.path = *path, .data = data, .len = flight->len}, 1);
    free(data);
}

static void on_stream(net *n, net_turn *turn, const hf_path *path, const net_flight *flight)
{
    hf_path *stream = find_stream(turn, path);
    hf_reply reply = {.path = *path};
    if (flight->kind == NET_SYN) {
        cr_assert_lt(turn->streams_len, NET_RELAYS_MAX);
        turn->streams[turn->streams_len++] = *path;
        net_put(n, NET_ACCEPTED, path, NULL, 0);
        reply.type = HF_REPLY_CONNECTED;
        hf_turn_server_reply(turn->server, n->now, &reply);
    } else if (stream && flight->kind == NET_BYTES) {
        give(n, turn, path, flight);
    } else if (stream && flight->kind == NET_END) {
        *stream = turn->streams[--turn->streams_len];
        reply.type = HF_REPLY_DISCONNECTED;
        hf_turn_server_reply(turn->server, n->now, &reply);
    }
}

bool net_deliver_turn(net *n, net_turn *turn, const net_flight *flight)
{
    hf_path path = {.transport = flight->path.transport, .local = flight->path.remote, .remote = flight->path.local};
    bool is_client = has(turn->listens, turn->listens_len, &path.local);
    if (!is_client && !has(turn->relays, turn->relays_len, &path.local))
        return false;
    bool is_dead = !turn->server;
    if (flight->kind == NET_DATAGRAM && !is_dead && !(is_client && turn->is_deaf_to_udp))
        give(n, turn, &path, flight);
    else if (flight->kind == NET_SYN && is_dead && !n->tcp_is_silent)
        net_put(n, NET_REFUSED, &path, NULL, 0);
    else if (flight->kind != NET_DATAGRAM && !is_dead && !n->tcp_is_silent)
        on_stream(n, turn, &path, flight);
    return true;
}
