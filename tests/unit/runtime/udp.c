/* udp.c: runs out, batches in, on the loopback interface. */
#include "toy.h"

#include "loop_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fill(uint8_t *bytes, size_t len)
{
    uint32_t x = 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
}

typedef struct two {
    hf_loop *loop;
    toy *a, *b;
    hf_path path;
} two;

/* False: the machine has no such address. */
static bool two_begin(two *w, const char *address)
{
    *w = (two){.loop = toy_loop(), .a = toy_new(), .b = toy_new()};
    if (!toy_add_bound(w->loop, w->a, address) || !toy_add_bound(w->loop, w->b, address))
        return false;
    w->path = toy_path(w->a, w->b);
    return true;
}

static void two_end(two *w)
{
    hf_loop_remove(w->loop, w->a);
    hf_loop_remove(w->loop, w->b);
    hf_loop_free(w->loop);
    toy_free(w->a);
    toy_free(w->b);
}

static void echo_between(const char *address)
{
    two w;

    if (!two_begin(&w, address)) {
        two_end(&w);
        cr_skip_test("this machine has no %s", address);
    }
    w.b->echo = true;
    toy_send(w.a, &w.path, "hello", 5, 5);
    TURN_UNTIL(w.loop, w.a->datagrams == 1);
    cr_assert_eq(w.a->bytes_len, 5);
    cr_assert_arr_eq(w.a->bytes, "hello", 5);
    cr_assert(hf_addr_equal(&w.b->path.local, &w.b->locals[0].addr), "local is the socket's address");
    cr_assert(hf_addr_equal(&w.b->path.remote, &w.a->locals[0].addr));
    cr_assert(hf_addr_equal(&w.a->path.remote, &w.b->locals[0].addr));
    two_end(&w);
}

Test(udp, goes_there_and_back_over_ipv4)
{
    echo_between("127.0.0.1");
}

Test(udp, goes_there_and_back_over_ipv6)
{
    echo_between("::1");
}

/* --- Runs --- */

typedef struct run_case {
    size_t segment, len;
    const char *why;
} run_case;

static const run_case run_cases[] = {
    {1, 1, "one byte"},
    {1, 63, "as many segments as the kernel cuts, less one"},
    {1, 64, "as many segments as the kernel cuts"},
    {1, 65, "one more"},
    {1, 300, "far more, all tiny"},
    {1200, 1200, "one whole datagram"},
    {1200, 1201, "a last one of a single byte"},
    {1200, 12000, "ten"},
    {1200, 12007, "ten, and a short one"},
    {1187, 65285, "55 odd ones, just below what one packet holds"},
    {1191, 65536, "above what one packet holds: two calls"},
    {1024, 65536, "64 of 1024: above what one packet holds"},
    {333, 33333, "100 of an odd size, and a short one"},
    {2048, 40960, "the largest that input takes"},
    {1200, 65536, "the whole buffer"},
};

static void send_runs(const char *address, bool gso)
{
    static uint8_t bytes[HF_RUN_MAX];

    fill(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof run_cases / sizeof *run_cases; i++) {
        const run_case *c = &run_cases[i];
        size_t expected = (c->len + c->segment - 1) / c->segment;
        two w;

        if (!two_begin(&w, address)) {
            two_end(&w);
            cr_skip_test("this machine has no %s", address);
        }
        if (!gso) {
            for (size_t b = 0; b < w.loop->table_cap; b++)
                for (hf_object *o = w.loop->table[b]; o; o = o->table_next)
                    o->sockets->gso = false;
        }
        toy_send(w.a, &w.path, bytes, c->len, c->segment);
        TURN_UNTIL(w.loop, w.b->datagrams == expected);

        cr_assert_eq(w.b->bytes_len, c->len, "%s", c->why);
        cr_assert_eq(memcmp(w.b->bytes, bytes, c->len), 0, "%s", c->why);
        for (size_t d = 0; d < expected; d++)
            cr_assert_eq(w.b->lens[d], d + 1 < expected ? c->segment : c->len - d * c->segment, "%s: datagram %zu", c->why,
                         d);

        hf_loop_stats stats;
        hf_loop_get_stats(w.loop, &stats);
        cr_assert_eq(stats.datagrams_sent, expected, "%s", c->why);
        cr_assert_eq(stats.datagrams_received, expected, "%s", c->why);
        cr_assert_eq(stats.send_errors, 0, "%s", c->why);
        cr_assert_leq(stats.send_calls, gso ? 2 : (expected + 63) / 64, "%s: in few calls", c->why);
        cr_assert_leq(w.b->inputs_len_max, HF_INPUT_MAX);
        two_end(&w);
    }
}

Test(run, arrives_byte_for_byte_over_ipv4)
{
    send_runs("127.0.0.1", true);
}

Test(run, arrives_byte_for_byte_over_ipv6)
{
    send_runs("::1", true);
}

Test(run, arrives_byte_for_byte_where_the_kernel_cuts_nothing)
{
    send_runs("127.0.0.1", false);
}

/* Without checksums the kernel cuts nothing (EINVAL): the one way to be refused that the loopback interface has. */
Test(run, is_sent_one_by_one_once_the_kernel_has_refused_to_cut)
{
    static uint8_t bytes[10 * 1200 + 7];
    hf_loop_stats stats;
    two w;

    fill(bytes, sizeof bytes);
    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_socket *s = ((hf_object *)w.a->wake_context)->sockets;
    if (!s->gso)
        cr_skip_test("this kernel never cuts");
    cr_assert_eq(setsockopt(s->fd, SOL_SOCKET, SO_NO_CHECK, &(int){1}, sizeof(int)), 0);
    toy_send(w.a, &w.path, bytes, sizeof bytes, 1200);
    TURN_UNTIL(w.loop, w.b->datagrams == 11);
    cr_assert_eq(memcmp(w.b->bytes, bytes, sizeof bytes), 0);
    cr_assert_not(s->gso);
    hf_loop_get_stats(w.loop, &stats);
    cr_assert_eq(stats.send_errors, 0);
    two_end(&w);
}

Test(run, is_handed_over_in_few_calls)
{
    static uint8_t bytes[50 * 1200];
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    toy_send(w.a, &w.path, bytes, sizeof bytes, 1200);
    TURN_UNTIL(w.loop, w.b->datagrams == 50);
    cr_assert_leq(w.b->inputs, 4, "not one call for each datagram");
    two_end(&w);
}

/* --- What is dropped, and counted --- */

Test(udp, drops_and_counts_what_is_too_long)
{
    static uint8_t bytes[HF_DATAGRAM_MAX + 1];
    hf_loop_stats stats;
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    toy_send(w.a, &w.path, bytes, sizeof bytes, sizeof bytes);
    toy_send(w.a, &w.path, bytes, HF_DATAGRAM_MAX, HF_DATAGRAM_MAX);
    TURN_UNTIL(w.loop, w.b->datagrams == 1);
    cr_assert_eq(w.b->lens[0], HF_DATAGRAM_MAX);
    hf_loop_get_stats(w.loop, &stats);
    cr_assert_eq(stats.drop_oversize, 1);
    cr_assert_eq(stats.datagrams_received, 2);
    two_end(&w);
}

Test(udp, counts_what_can_not_be_sent_and_goes_on)
{
    hf_loop_stats stats;
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_path bad = w.path;
    bad.remote = (hf_addr){.family = HF_FAMILY_IPV6, .port = 9, .ip = {[15] = 1}}; /* of another family than the socket */
    toy_send(w.a, &bad, "abc", 3, 2);
    bad = w.path;
    bad.local.port ^= 1; /* no socket of ours */
    toy_send(w.a, &bad, "abc", 3, 1);
    toy_send(w.a, &w.path, "good", 4, 4);
    TURN_UNTIL(w.loop, w.b->datagrams == 1);
    hf_loop_get_stats(w.loop, &stats);
    cr_assert_eq(stats.send_errors, 5);
    cr_assert_eq(stats.datagrams_sent, 1);
    two_end(&w);
}

Test(udp, takes_an_empty_datagram)
{
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(w.b->locals[0].addr.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(sendto(fd, "", 0, 0, (struct sockaddr *)&to, sizeof to), 0);
    TURN_UNTIL(w.loop, w.b->datagrams == 1);
    cr_assert_eq(w.b->lens[0], 0);
    close(fd);
    two_end(&w);
}

Test(udp, is_not_disturbed_by_a_port_that_nobody_has)
{
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_path nobody = w.path;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    cr_assert_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    nobody.remote.port = ntohs(name.sin_port);
    close(fd); /* whoever sends there gets an ICMP error */

    for (size_t i = 0; i < 10; i++) {
        toy_send(w.a, &nobody, "x", 1, 1);
        toy_send(w.a, &w.path, "x", 1, 1);
        TURN_UNTIL(w.loop, w.b->datagrams == i + 1);
    }
    two_end(&w);
}

/* --- A socket that is full --- */

/* The send buffer of a datagram socket on the loopback interface does not fill: what was refused is put in its place
 * here. */
Test(udp, sends_what_was_held_when_there_is_room_and_asks_for_no_more_before)
{
    static uint8_t bytes[5 * 1000 + 10];
    two w;

    fill(bytes, sizeof bytes);
    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_object *owner = w.a->wake_context;
    hf_socket *s = owner->sockets;
    s->held = malloc(sizeof bytes);
    memcpy(s->held, bytes, sizeof bytes);
    s->held_len = sizeof bytes;
    s->held_segment = 1000;
    s->held_remote = w.path.remote;
    owner->sockets_blocked = 1;

    toy_send(w.a, &w.path, "later", 5, 5);
    cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
    cr_assert_eq(w.a->runs_sent, 0, "it keeps what it has");

    hf_loop_reattach(w.loop, &s->source, s->fd, 0x1 | 0x4); /* EPOLLIN, EPOLLOUT */
    TURN_UNTIL(w.loop, w.b->datagrams == 7);
    cr_assert_eq(memcmp(w.b->bytes, bytes, sizeof bytes), 0);
    cr_assert_arr_eq(w.b->bytes + sizeof bytes, "later", 5);
    cr_assert_eq(owner->sockets_blocked, 0);
    cr_assert_null(s->held);
    two_end(&w);
}

Test(udp, counts_what_it_held_when_it_is_closed)
{
    hf_loop_stats stats;
    two w;

    cr_assert(two_begin(&w, "127.0.0.1"));
    hf_object *owner = w.a->wake_context;
    owner->sockets->held = malloc(30);
    owner->sockets->held_len = 30;
    owner->sockets->held_segment = 10;
    owner->sockets_blocked = 1;
    two_end(&w); /* under a sanitizer: nothing leaks */

    cr_assert(two_begin(&w, "127.0.0.1"));
    owner = w.a->wake_context;
    owner->sockets->held = malloc(30);
    owner->sockets->held_len = 30;
    owner->sockets->held_segment = 10;
    owner->sockets_blocked = 1;
    hf_loop_remove(w.loop, w.a);
    hf_loop_get_stats(w.loop, &stats);
    cr_assert_eq(stats.send_errors, 3);
    two_end(&w);
}
