/* tcp.c: streams of an object, on the loopback interface. */
#include "toy.h"

#include "loop_priv.h"
#include "sockaddr.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_ID 91

/* One that connects, and one that listens. */
typedef struct two {
    hf_loop *loop;
    toy *a, *b;
} two;

/* False: the machine has no such address. */
static bool two_begin(two *w, const char *address)
{
    *w = (two){.loop = toy_loop(), .a = toy_new(), .b = toy_new()};
    w->b->listens = true;
    return toy_add_bound(w->loop, w->a, address) && toy_add_bound(w->loop, w->b, address);
}

static void two_end(two *w)
{
    hf_loop_remove(w->loop, w->a);
    hf_loop_remove(w->loop, w->b);
    hf_loop_free(w->loop);
    toy_free(w->a);
    toy_free(w->b);
}

static hf_request to_listener(const two *w)
{
    return (hf_request){
        .type = HF_REQUEST_CONNECT,
        .id = STREAM_ID,
        .path = {.transport = HF_TCP, .local = w->a->locals[0].addr, .remote = w->b->locals[1].addr},
    };
}

static void two_connect(two *w)
{
    hf_request request = to_listener(w);

    toy_ask(w->a, &request);
    TURN_UNTIL(w->loop, w->a->connected == 1 && w->b->accepted == 1);
}

static int raw_socket(const hf_addr *to)
{
    hf_sockaddr name;
    socklen_t len = hf_sockaddr_of(to, &name);
    int fd = socket(to->family == HF_FAMILY_IPV4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, &name.any, len), 0);
    return fd;
}

/* --- Opening and closing --- */

Test(tcp, listens_only_where_it_was_asked_to)
{
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    cr_assert_eq(w.a->locals_len, 1);
    cr_assert_eq(w.a->locals[0].transport, HF_UDP);
    cr_assert_eq(w.b->locals_len, 2);
    cr_assert_eq(w.b->locals[0].transport, HF_UDP);
    cr_assert_eq(w.b->locals[1].transport, HF_TCP);
    cr_assert(hf_addr_equal_ip(&w.b->locals[0].addr, &w.b->locals[1].addr));
    cr_assert_neq(w.b->locals[1].addr.port, 0);
    two_end(&w);
}

static void connect_on(const char *address)
{
    two w;

    if (!two_begin(&w, address)) {
        two_end(&w);
        cr_skip_test("this machine has no %s", address);
    }
    two_connect(&w);
    hf_path there = w.a->streams[0], here = w.b->streams[0];
    cr_assert_eq(w.a->stream_id, STREAM_ID);
    cr_assert_eq(there.transport, HF_TCP);
    cr_assert_eq(here.transport, HF_TCP);
    cr_assert(hf_addr_equal(&there.local, &here.remote), "the port that the stream got");
    cr_assert(hf_addr_equal(&there.remote, &here.local));
    cr_assert(hf_addr_equal(&here.local, &w.b->locals[1].addr));
    two_end(&w);
}

Test(tcp, connects_over_ipv4)
{
    connect_on("127.0.0.1");
}

Test(tcp, connects_over_ipv6)
{
    connect_on("::1");
}

Test(tcp, tells_why_it_could_not_connect)
{
    two w;
    static const struct {
        const char *local, *remote; /* NULL: the right one */
        hf_err err;
        const char *why;
    } table[] = {
        {NULL, "127.0.0.1:9", HF_EUNREACHABLE, "nobody listens there"},
        {"127.0.0.2", NULL, HF_EUNREACHABLE, "an address that is not the object's"},
        {NULL, "[::1]:9", HF_EUNREACHABLE, "another family"},
    };

    cr_assert(two_begin(&w, "127.0.0.1"));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        hf_request request = to_listener(&w);
        if (table[i].local)
            cr_assert(hf_addr_parse(table[i].local, strlen(table[i].local), &request.path.local));
        if (table[i].remote)
            cr_assert(hf_addr_parse(table[i].remote, strlen(table[i].remote), &request.path.remote));
        toy_ask(w.a, &request);
        TURN_UNTIL(w.loop, w.a->refused == i + 1);
        cr_expect_eq(w.a->stream_err, table[i].err, "%s", table[i].why);
        cr_expect_eq(w.a->stream_id, STREAM_ID, "%s", table[i].why);
    }
    hf_loop_stats stats;
    hf_loop_get_stats(w.loop, &stats);
    cr_expect_eq(stats.streams, 0);
    two_end(&w);
}

Test(tcp, that_is_closed_is_told_to_the_other_side_behind_its_last_bytes)
{
    static uint8_t bytes[60000];
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    two_connect(&w);
    toy_send(w.b, &w.b->streams[0], "unread", 6, 6); /* closing must not reset what is on the way */
    TURN_UNTIL(w.loop, w.a->bytes_len == 6);
    toy_send(w.a, &w.a->streams[0], bytes, sizeof bytes, 1200);
    cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
    toy_ask(w.a, &(hf_request){.type = HF_REQUEST_DISCONNECT, .path = w.a->streams[0]});
    TURN_UNTIL(w.loop, w.b->disconnected == 1);
    cr_assert_eq(w.b->stream_err, HF_OK);
    cr_assert_eq(w.b->bytes_at_disconnect, sizeof bytes);
    cr_assert_eq(w.a->disconnected, 0, "who closes is not told");

    hf_loop_stats stats;
    hf_loop_get_stats(w.loop, &stats);
    cr_assert_eq(stats.streams, 0);
    two_end(&w);
}

Test(tcp, that_is_not_open_yet_can_be_given_up)
{
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_request request = to_listener(&w);
    toy_ask(w.a, &request);
    toy_ask(w.a, &(hf_request){.type = HF_REQUEST_DISCONNECT, .id = STREAM_ID});
    toy_ask(w.a, &(hf_request){.type = HF_REQUEST_DISCONNECT, .id = STREAM_ID}); /* twice is fine */
    TURN_UNTIL(w.loop, w.b->disconnected == 1 || w.a->requests_len == 0);
    cr_assert_eq(w.a->connected, 0);
    cr_assert_eq(((hf_object *)w.a->wake_context)->streams_len, 0);
    two_end(&w);
}

Test(tcp, of_an_object_that_is_removed_is_closed)
{
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    two_connect(&w);
    hf_loop_remove(w.loop, w.a);
    TURN_UNTIL(w.loop, w.b->disconnected == 1);
    two_end(&w);
}

Test(tcp, streams_of_one_object_are_bounded)
{
    int fds[HF_CONNECTIONS_MAX + 3];
    size_t n = sizeof fds / sizeof fds[0];
    hf_loop_stats stats;
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    for (size_t i = 0; i < n; i++) { /* in step, for the backlog is short */
        fds[i] = raw_socket(&w.b->locals[1].addr);
        cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
    }
    do {
        hf_loop_get_stats(w.loop, &stats);
        cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
    } while (stats.streams + stats.streams_refused < n);
    cr_assert_eq(w.b->accepted, HF_CONNECTIONS_MAX);
    cr_assert_eq(stats.streams_refused, 3);

    close(fds[0]); /* one goes, and another may come */
    TURN_UNTIL(w.loop, w.b->disconnected == 1);
    fds[0] = raw_socket(&w.b->locals[1].addr);
    TURN_UNTIL(w.loop, w.b->accepted == HF_CONNECTIONS_MAX + 1);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    two_end(&w);
}

Test(tcp, does_not_turn_in_vain_while_the_system_has_no_descriptor)
{
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_listener *l = ((hf_object *)w.b->wake_context)->sockets->listener;
    int fd = raw_socket(&w.b->locals[1].addr);
    int spare = dup(fd); /* the lowest number that is free */
    struct rlimit before, none_left;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none_left = (struct rlimit){.rlim_cur = (rlim_t)spare, .rlim_max = before.rlim_max};
    close(spare);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none_left), 0);
    TURN_UNTIL(w.loop, l->rest.slot != 0);
    cr_assert_eq(w.b->accepted, 0);

    struct epoll_event event;
    cr_assert_eq(epoll_wait(hf_loop_fd(w.loop), &event, 1, 0), 0, "epoll has nothing to report");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert_eq(hf_loop_timer_set(w.loop, &l->rest, hf_clock_now(), l->rest.fn, l->rest.context), HF_OK);
    TURN_UNTIL(w.loop, w.b->accepted == 1);
    close(fd);
    two_end(&w);
}

/* --- Bytes --- */

static void fill(uint8_t *bytes, size_t len, uint32_t x)
{
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
}

Test(tcp, brings_every_byte_in_order_both_ways)
{
    static uint8_t up[500000], down[500000];
    two w;

    fill(up, sizeof up, 1);
    fill(down, sizeof down, 2);
    cr_assert(two_begin(&w, "127.0.0.1"));
    two_connect(&w);
    for (size_t at = 0; at < sizeof up; at += 50000) {
        toy_send(w.a, &w.a->streams[0], up + at, 50000, 1002);
        toy_send(w.b, &w.b->streams[0], down + at, 50000, 50000);
    }
    TURN_UNTIL(w.loop, w.a->bytes_len == sizeof down && w.b->bytes_len == sizeof up);
    cr_assert_eq(memcmp(w.b->bytes, up, sizeof up), 0);
    cr_assert_eq(memcmp(w.a->bytes, down, sizeof down), 0);
    cr_assert_leq(w.b->inputs_len_max, HF_INPUT_MAX);
    for (size_t i = 0; i < w.b->datagrams; i++)
        cr_assert_leq(w.b->lens[i], HF_DATAGRAM_MAX);
    cr_assert(hf_addr_equal(&w.b->path.remote, &w.b->streams[0].remote));
    cr_assert_eq(w.b->path.transport, HF_TCP);
    two_end(&w);
}

/* Frames of 1000 bytes that all hold their number. */
static void send_frames(toy *t, uint8_t first)
{
    static uint8_t run[60 * 1000];
    for (size_t i = 0; i < 60; i++)
        memset(run + i * 1000, first + (int)i, 1000);
    toy_send(t, &t->streams[0], run, sizeof run, 1000);
}

Test(tcp, whose_reader_stands_still_loses_whole_frames_and_holds_up_nobody_for_long)
{
    static uint8_t got[64 << 20];
    size_t len = 0, lost_somewhere = 0;
    hf_loop_stats stats;
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    int fd = raw_socket(&w.b->locals[1].addr);
    TURN_UNTIL(w.loop, w.b->accepted == 1);
    hf_object *owner = w.b->wake_context;
    uint64_t sent = 0;
    do { /* until the system takes no more, and the owner has stopped to wait for it */
        send_frames(w.b, 0);
        sent += 60;
        TURN_UNTIL(w.loop, w.b->runs_len == w.b->runs_sent);
        hf_loop_get_stats(w.loop, &stats);
    } while (stats.send_errors == 0);
    cr_assert(owner->streams->is_stalled);
    cr_assert_eq(owner->sockets_blocked, 0);
    cr_assert_eq(w.b->full, 1, "the owner knows before anything is left out");
    cr_assert_eq(w.b->has_room, 0);
    cr_assert_leq(owner->streams->held_len, HF_RUN_MAX, "what waits is bounded");

    toy_send(w.b, &(hf_path){.local = w.b->locals[0].addr, .remote = w.a->locals[0].addr}, "udp", 3, 3);
    TURN_UNTIL(w.loop, w.a->datagrams == 1);

    while (owner->streams->held || len < (sent - stats.send_errors) * 1000) { /* the reader goes on */
        ssize_t n = recv(fd, got + len, sizeof got - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
        cr_assert_leq(len, sizeof got);
    }
    cr_assert_eq(len, (sent - stats.send_errors) * 1000);
    for (size_t at = 0; at < len; at += 1000) {
        for (size_t i = 1; i < 1000; i++)
            cr_assert_eq(got[at + i], got[at], "a frame was cut");
        lost_somewhere += at > 0 && got[at] != (got[at - 1] + 1) % 60;
    }
    cr_assert_leq(lost_somewhere, 1);
    cr_assert_not(owner->streams->is_stalled, "and it takes frames again");
    cr_assert_eq(w.b->full, 1);
    cr_assert_eq(w.b->has_room, 1);
    close(fd);
    two_end(&w);
}

Test(tcp, counts_frames_for_a_stream_that_is_none)
{
    hf_loop_stats stats;
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_path nowhere = {.transport = HF_TCP, .local = w.a->locals[0].addr, .remote = w.b->locals[0].addr};
    toy_send(w.a, &nowhere, "abc", 3, 1);
    TURN_UNTIL(w.loop, w.a->runs_len == w.a->runs_sent);
    hf_loop_get_stats(w.loop, &stats);
    cr_assert_eq(stats.send_errors, 3);
    cr_assert_eq(stats.datagrams_sent, 0, "it has a UDP socket there, but that is another path");
    two_end(&w);
}

/* --- Shortage --- */

Test(tcp, survives_every_shortage_of_memory)
{
    for (int all_behind = 0; all_behind < 2; all_behind++) {
        test_env short_of_memory = {0};

        for (size_t n = 1; test_env_next_failure(&short_of_memory, n, 7); n++) {
            hf_addr addr = {.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
            hf_loop *loop = NULL;
            toy *t = toy_new();

            t->listens = true;
            short_of_memory.fail_on = all_behind;
            if (hf_loop_new(&loop, &short_of_memory.env) == HF_OK &&
                hf_loop_add(loop, &toy_endpoint, t, &(hf_bind){.addrs = &addr, .addrs_len = 1}) == HF_OK) {
                toy_ask_locals(t);
                cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
                if (t->locals_len == 2) {
                    toy_ask(t, &(hf_request){.type = HF_REQUEST_CONNECT,
                                             .id = STREAM_ID,
                                             .path = {.local = t->locals[0].addr, .remote = t->locals[1].addr}});
                    TURN_UNTIL(loop, t->connected + t->refused == 1);
                }
            }
            hf_loop_free(loop);
            cr_assert_eq(short_of_memory.blocks, 0);
            toy_free(t);
        }
    }
}
