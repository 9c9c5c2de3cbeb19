/* A TURN server driven by a loop: real sockets, on the loopback interface. */
#include "toy.h"
#include "turn_client.h"
#include "turn_stream.h"

#include "../../../src/runtime/loop_priv.h"

#include <holdfast/turn.h>

#include <stdlib.h>
#include <string.h>

typedef struct room {
    hf_env env;
    hf_loop *loop;
    hf_turn_server *server;
    hf_addr listen;
    toy *client, *peer;
    hf_turn_client *turn;
    hf_turn_client_event event; /* the newest */
    hf_turn_deframer deframer;
    size_t taken_bytes, taken_datagrams;
    hf_turn_data data;
    uint8_t kept[HF_DATAGRAM_MAX];
} room;

static hf_addr addr_of(const char *text)
{
    hf_addr addr = {0};
    cr_assert(hf_addr_parse(text, strlen(text), &addr));
    return addr;
}

static void open_room(room *r)
{
    static const hf_turn_user user = {"alice", "rabbit"};
    hf_addr listen = addr_of("127.0.0.1:0");
    hf_turn_range allowed = {.addr = addr_of("127.0.0.0"), .prefix = 8};
    hf_turn_server_config config = {.users = &user, .users_len = 1, .allowed = &allowed, .allowed_len = 1};

    memset(r, 0, sizeof *r);
    hf_env_system(&r->env);
    r->loop = toy_loop();
    cr_assert_eq(hf_turn_server_new(&r->server, hf_clock_now(), &config, &r->env), HF_OK);
    cr_assert_eq(hf_loop_add_turn_server(r->loop, r->server, &listen, 1), HF_OK);
    cr_assert_eq(hf_loop_add_turn_server(r->loop, r->server, &listen, 1), HF_EEXIST);
    cr_assert_eq(hf_loop_listens(r->loop, r->server, &r->listen, 1), 1);
    r->client = toy_new();
    r->peer = toy_new();
    cr_assert(toy_add_bound(r->loop, r->client, "127.0.0.1"));
    cr_assert(toy_add_bound(r->loop, r->peer, "127.0.0.1"));
}

static void close_room(room *r)
{
    hf_turn_client_free(r->turn);
    hf_loop_remove(r->loop, r->client);
    hf_loop_remove(r->loop, r->peer);
    hf_loop_remove(r->loop, r->server);
    toy_free(r->client);
    toy_free(r->peer);
    hf_turn_server_free(r->server);
    hf_loop_free(r->loop);
}

static void take_message(room *r, uint8_t *message, size_t len)
{
    hf_turn_data data;

    if (!hf_turn_client_input(r->turn, hf_clock_now(), message, len, &data))
        return;
    cr_assert_leq(data.len, sizeof r->kept);
    memcpy(r->kept, data.data, data.len);
    r->data = data;
    r->data.data = r->kept;
}

static void take_stream(room *r)
{
    toy *t = r->client;
    uint8_t *rest = t->bytes + r->taken_bytes, *message;
    size_t rest_len = t->bytes_len - r->taken_bytes, len;

    r->taken_bytes = t->bytes_len;
    while (hf_turn_deframe(&r->deframer, &rest, &rest_len, &message, &len) == HF_TURN_DEFRAMED_MESSAGE)
        take_message(r, message, len);
}

static void take_datagrams(room *r)
{
    toy *t = r->client;

    for (; r->taken_datagrams < t->datagrams; r->taken_datagrams++) {
        take_message(r, t->bytes + r->taken_bytes, t->lens[r->taken_datagrams]);
        r->taken_bytes += t->lens[r->taken_datagrams];
    }
}

/* One turn, in which the client sends what it has to and takes what came. */
static void turn(room *r, hf_transport transport)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};

    hf_turn_client_tick(r->turn, hf_clock_now());
    if (hf_turn_client_poll_transmit(r->turn, hf_clock_now(), &out))
        toy_send(r->client, &out.path, buffer, out.len, out.segment);
    cr_assert_eq(hf_loop_step(r->loop, HF_MS(20)), HF_OK);
    if (transport == HF_TCP)
        take_stream(r);
    else
        take_datagrams(r);
}

static void turn_until(room *r, hf_transport transport, hf_turn_client_event_type type)
{
    hf_time end = hf_clock_now() + TOY_PATIENCE;

    do {
        cr_assert_lt(hf_clock_now(), end, "waited too long for event %d", type);
        turn(r, transport);
    } while (!hf_turn_client_poll_event(r->turn, &r->event));
    cr_assert_eq(r->event.type, type, "event %d, code %u", r->event.type, r->event.code);
}

static void send_by_relay(room *r, const hf_path *path, const hf_addr *peer, const char *text)
{
    uint8_t buffer[256];
    hf_wrap wrap;

    cr_assert_eq(hf_turn_client_wrap(r->turn, peer, &wrap), HF_OK);
    memcpy(buffer + wrap.before, text, strlen(text));
    size_t len = hf_wrap_write(&wrap, buffer + wrap.before, strlen(text));
    toy_send(r->client, path, buffer, len, len);
}

static void exchange(room *r, const hf_path *path)
{
    hf_turn_client_config config = {.path = *path, .username = "alice", .password = "rabbit"};
    hf_addr peer = r->peer->locals[0].addr;
    hf_loop_stats stats;

    cr_assert_eq(hf_turn_client_new(&r->turn, hf_clock_now(), &config, &r->env), HF_OK);
    turn_until(r, path->transport, HF_TURN_ALLOCATED);
    hf_addr relayed = r->event.relayed[0];
    cr_expect(hf_addr_equal(&r->event.mapped, &path->local));
    cr_assert_eq(hf_turn_client_permit(r->turn, hf_clock_now(), &peer), HF_OK);
    turn_until(r, path->transport, HF_TURN_PERMITTED);

    send_by_relay(r, path, &peer, "there");
    TURN_UNTIL(r->loop, r->peer->datagrams == 1);
    cr_expect(memcmp(r->peer->bytes, "there", 5) == 0);
    cr_expect(hf_addr_equal(&r->peer->path.remote, &relayed));
    toy_send(r->peer, &r->peer->path, "and back", 8, 8);
    for (hf_time end = hf_clock_now() + TOY_PATIENCE; r->data.len == 0; turn(r, path->transport))
        cr_assert_lt(hf_clock_now(), end);
    cr_expect(memcmp(r->data.data, "and back", 8) == 0);

    hf_loop_get_stats(r->loop, &stats);
    size_t sockets = stats.sockets;
    hf_turn_client_close(r->turn, hf_clock_now());
    turn_until(r, path->transport, HF_TURN_CLOSED);
    TURN_UNTIL(r->loop, (hf_loop_get_stats(r->loop, &stats), stats.sockets == sockets - 1)); /* the relayed one */
}

Test(runtime_turn, relays_for_a_client_that_comes_by_udp)
{
    room r;
    open_room(&r);
    exchange(&r, &(hf_path){.local = r.client->locals[0].addr, .remote = r.listen});
    close_room(&r);
}

Test(runtime_turn, relays_for_a_client_that_comes_by_tcp)
{
    room r;
    open_room(&r);
    toy_ask(r.client, &(hf_request){.type = HF_REQUEST_CONNECT,
                                    .id = 5,
                                    .path = {.transport = HF_TCP, .local = r.client->locals[0].addr, .remote = r.listen}});
    TURN_UNTIL(r.loop, r.client->connected == 1);
    exchange(&r, &r.client->streams[0]);
    close_room(&r);
}

Test(runtime_turn, says_that_a_port_is_taken)
{
    room r;
    hf_turn_server *other;
    open_room(&r);
    cr_assert_eq(hf_turn_server_new(&other, hf_clock_now(), &(hf_turn_server_config){0}, &r.env), HF_OK);
    cr_expect_eq(hf_loop_add_turn_server(r.loop, other, &r.listen, 1), HF_EBUSY);
    cr_expect_eq(hf_loop_add_turn_server(r.loop, other, NULL, 0), HF_EINVAL);
    cr_expect_eq(hf_loop_listens(r.loop, other, NULL, 0), 0);
    hf_turn_server_free(other);
    close_room(&r);
}

Test(runtime_turn, listens_on_each_address_of_the_machine)
{
    hf_env env;
    hf_turn_server *server;
    hf_addr listen = addr_of("0.0.0.0:0"), got[8];
    hf_env_system(&env);
    hf_loop *loop = toy_loop();
    cr_assert_eq(hf_turn_server_new(&server, hf_clock_now(), &(hf_turn_server_config){0}, &env), HF_OK);
    cr_assert_eq(hf_loop_add_turn_server(loop, server, &listen, 1), HF_OK);
    size_t n = hf_loop_listens(loop, server, got, 8);
    bool has_loopback = false;
    for (size_t i = 0; i < n && i < 8; i++) {
        cr_expect_eq(got[i].family, HF_FAMILY_IPV4);
        cr_expect_not(hf_addr_is_unspecified(&got[i]), "an answer must leave from where the request came to");
        has_loopback |= hf_addr_is_loopback(&got[i]);
    }
    cr_expect(has_loopback);
    hf_loop_remove(loop, server);
    hf_turn_server_free(server);
    hf_loop_free(loop);
}

/* A client that does not read must not hold up the others. */
Test(runtime_turn, never_waits_for_room_on_a_stream)
{
    room r;
    open_room(&r);
    cr_expect(hf_object_find(r.loop, r.server)->never_waits);
    close_room(&r);
}
