/* both.c: our client and our server, with a network between them that may lose. */
#include "desk.h"
#include "turn_client.h"
#include "turn_stream.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct guest {
    hf_turn_client *client;
    hf_path path; /* as the client sees it */
    hf_turn_deframer deframer;
    hf_addr relayed;
    bool has_failed, has_closed;
    hf_turn_client_event failure;
    char heard[64]; /* the last data, and whom from */
    hf_addr heard_from;
    unsigned heard_count;
} guest;

typedef struct inn {
    desk desk;
    guest guests[2];
    unsigned loss; /* of 100 datagrams */
    uint64_t luck;
} inn;

static bool is_lost(inn *n)
{
    n->luck = n->luck * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return n->loss > 0 && (n->luck >> 33) % 100 < n->loss;
}

static hf_path turned(const hf_path *path)
{
    return (hf_path){.transport = path->transport, .local = path->remote, .remote = path->local};
}

static void open_client(inn *n, guest *g)
{
    hf_turn_client_config config = {
        .path = g->path, .username = DESK_USER, .password = DESK_PASSWORD, .patience = HF_SECONDS(20)};
    cr_assert_eq(hf_turn_client_new(&g->client, n->desk.now, &config, &n->desk.env.env), HF_OK);
}

static void inn_init(inn *n, hf_transport transport)
{
    memset(n, 0, sizeof *n);
    desk_init(&n->desk, NULL);
    for (size_t i = 0; i < 2; i++) {
        guest *g = &n->guests[i];
        g->path = (hf_path){.transport = transport,
                            .local = desk_addr(i ? "10.0.0.2:5000" : "10.0.0.1:5000"),
                            .remote = desk_addr(DESK_SERVER)};
        if (transport == HF_TCP)
            desk_reply(&n->desk, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = turned(&g->path)});
        open_client(n, g);
    }
}

static void take_message(inn *n, guest *g, uint8_t *message, size_t len)
{
    hf_turn_data data;
    if (!hf_turn_client_input(g->client, n->desk.now, message, len, &data))
        return;
    cr_assert_lt(data.len, sizeof g->heard);
    memcpy(g->heard, data.data, data.len);
    g->heard[data.len] = '\0';
    g->heard_from = data.peer;
    g->heard_count++;
}

static void take_bytes(inn *n, guest *g, uint8_t *bytes, size_t len)
{
    uint8_t *message;
    size_t message_len;
    if (g->path.transport == HF_UDP) {
        take_message(n, g, bytes, len);
        return;
    }
    while (hf_turn_deframe(&g->deframer, &bytes, &len, &message, &message_len) == HF_TURN_DEFRAMED_MESSAGE)
        take_message(n, g, message, message_len);
}

/* What the server sent: to a guest, or from one relayed address to another. */
static void deliver(inn *n, const desk_sent *sent)
{
    desk_sent copy = *sent;
    for (size_t i = 0; i < 2; i++) {
        if (hf_addr_equal(&copy.path.remote, &n->guests[i].path.local)) {
            take_bytes(n, &n->guests[i], copy.data, copy.len);
            return;
        }
    }
    hf_path back = turned(&copy.path);
    if (desk_has_socket(&n->desk, &back.local))
        desk_input(&n->desk, &back, copy.data, copy.len);
}

static void take_events(guest *g)
{
    hf_turn_client_event e;
    while (hf_turn_client_poll_event(g->client, &e)) {
        if (e.type == HF_TURN_ALLOCATED)
            g->relayed = e.relayed[0];
        if (e.type == HF_TURN_FAILED) {
            g->failure = e;
            g->has_failed = true;
        }
        g->has_closed |= e.type == HF_TURN_CLOSED;
        cr_expect_neq(e.type, HF_TURN_REFUSED);
    }
}

static void talk(inn *n)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    bool is_busy = true;
    while (is_busy) {
        is_busy = false;
        for (size_t i = 0; i < 2; i++) {
            hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
            hf_path path = turned(&n->guests[i].path);
            while (hf_turn_client_poll_transmit(n->guests[i].client, n->desk.now, &t)) {
                is_busy = true;
                if (!is_lost(n))
                    desk_input(&n->desk, &path, buffer, t.len);
            }
        }
        for (const desk_sent *sent; (sent = desk_take(&n->desk)); is_busy = true) {
            if (!is_lost(n))
                deliver(n, sent);
        }
        take_events(&n->guests[0]);
        take_events(&n->guests[1]);
    }
}

static void run(inn *n, hf_span span)
{
    hf_time end = n->desk.now + span;
    talk(n);
    for (;;) {
        hf_time next = hf_turn_server_deadline(n->desk.server);
        for (size_t i = 0; i < 2; i++) {
            hf_time due = hf_turn_client_deadline(n->guests[i].client);
            next = due < next ? due : next;
        }
        if (next > end)
            break;
        n->desk.now = next > n->desk.now ? next : n->desk.now;
        hf_turn_server_tick(n->desk.server, n->desk.now);
        desk_serve(&n->desk);
        for (size_t i = 0; i < 2; i++)
            hf_turn_client_tick(n->guests[i].client, n->desk.now);
        talk(n);
    }
    n->desk.now = end;
}

static void say(inn *n, guest *from, const guest *to, const char *text)
{
    uint8_t buffer[256];
    hf_wrap wrap;
    cr_assert_eq(hf_turn_client_wrap(from->client, &to->relayed, &wrap), HF_OK);
    memcpy(buffer + wrap.before, text, strlen(text));
    hf_path path = turned(&from->path);
    desk_input(&n->desk, &path, buffer, hf_wrap_write(&wrap, buffer + wrap.before, strlen(text)));
    talk(n);
}

static void expect_heard(const guest *g, const guest *from, const char *text)
{
    cr_expect_str_eq(g->heard, text);
    cr_expect(hf_addr_equal(&g->heard_from, &from->relayed));
}

static void inn_clear(inn *n)
{
    for (size_t i = 0; i < 2; i++)
        hf_turn_client_close(n->guests[i].client, n->desk.now);
    n->loss = 0;
    run(n, HF_SECONDS(1));
    cr_expect_eq(desk_stats(&n->desk).allocations, 0, "all is given back");
    for (size_t i = 0; i < 2; i++) {
        cr_expect(n->guests[i].has_closed);
        hf_turn_client_free(n->guests[i].client);
    }
    desk_clear(&n->desk);
}

static void meet(inn *n)
{
    guest *a = &n->guests[0], *b = &n->guests[1];
    run(n, HF_SECONDS(20));
    cr_assert_neq(a->relayed.port, 0);
    cr_assert_neq(b->relayed.port, 0);
    cr_assert_eq(hf_turn_client_permit(a->client, n->desk.now, &b->relayed), HF_OK);
    cr_assert_eq(hf_turn_client_permit(b->client, n->desk.now, &a->relayed), HF_OK);
    run(n, HF_SECONDS(20));
}

/* Beyond the hour that a nonce lives on our server. */
Test(turn_both, two_clients_talk_for_hours)
{
    for (int transport = HF_UDP; transport <= HF_TCP; transport++) {
        static inn n;
        inn_init(&n, (hf_transport)transport);
        guest *a = &n.guests[0], *b = &n.guests[1];
        meet(&n);
        say(&n, a, b, "by indications");
        expect_heard(b, a, "by indications");
        cr_assert_eq(hf_turn_client_bind(a->client, n.desk.now, &b->relayed), HF_OK);
        run(&n, HF_SECONDS(1));
        for (int i = 0; i < 30; i++) {
            run(&n, HF_SECONDS(600));
            say(&n, a, b, "ping");
            say(&n, b, a, "pong");
        }
        expect_heard(b, a, "ping");
        expect_heard(a, b, "pong");
        cr_expect_eq(a->heard_count, 30);
        cr_expect_eq(b->heard_count, 31);
        cr_expect_not(a->has_failed || b->has_failed);
        hf_turn_client_stats stats;
        hf_turn_client_get_stats(a->client, &stats);
        cr_expect_geq(stats.stale_nonces, 4);
        cr_expect_eq(stats.dropped, 0);
        inn_clear(&n);
    }
}

Test(turn_both, a_fifth_of_all_packets_lost_ends_no_allocation)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        static inn n;
        inn_init(&n, HF_UDP);
        n.luck = seed;
        n.loss = 20;
        meet(&n);
        run(&n, HF_SECONDS(4 * 3600));
        for (size_t i = 0; i < 2; i++)
            cr_expect_not(n.guests[i].has_failed, "seed %d: %s, %u", (int)seed, hf_err_name(n.guests[i].failure.cause),
                          n.guests[i].failure.code);
        inn_clear(&n);
    }
}

Test(turn_both, an_allocation_left_on_the_same_socket_is_replaced)
{
    static inn n;
    inn_init(&n, HF_UDP);
    run(&n, HF_SECONDS(1));
    guest *a = &n.guests[0];
    hf_turn_client_free(a->client);
    open_client(&n, a);
    a->relayed = (hf_addr){0};
    run(&n, HF_SECONDS(1));
    cr_expect_neq(a->relayed.port, 0);
    cr_expect_eq(desk_stats(&n.desk).allocations, 2);
    inn_clear(&n);
}
