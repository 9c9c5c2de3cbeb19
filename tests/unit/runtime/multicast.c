/* multicast.c: names by multicast DNS, in a network of the test's own. */
#include "network.h"
#include "toy.h"

#include "loop_priv.h"
#include "sockaddr.h"

#include <holdfast/mdns.h>

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"
#define NOBODY "00000000-0000-4000-8000-000000000000.local"

static void drop(hf_loop *loop, toy *t)
{
    hf_loop_remove(loop, t);
    toy_free(t);
}

static toy *add(hf_loop *loop)
{
    toy *t = toy_new();
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, NULL), HF_OK);
    return t;
}

static void advertise(hf_loop *loop, toy *t, const char *address)
{
    hf_request request = {.type = HF_REQUEST_ADVERTISE, .id = 1, .name = NAME};
    size_t before = t->advertised;
    cr_assert(hf_addr_parse(address, strlen(address), &request.path.local));
    toy_ask(t, &request);
    TURN_UNTIL(loop, t->advertised > before);
}

static size_t count_sockets(hf_loop *loop)
{
    hf_loop_stats stats;
    hf_loop_get_stats(loop, &stats);
    return stats.sockets;
}

static void enter(void)
{
    network_enter();
    network_set_up("lo", true);
    network_set_address("lo:1", "10.1.2.3");
}

/* Another program of this machine that has the port, too, as a browser has. */
static int open_neighbour(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct ip_mreqn group = {.imr_multiaddr.s_addr = inet_addr("224.0.0.251"), .imr_ifindex = 1};
    struct timeval patience = {.tv_sec = 10};
    union {
        struct sockaddr any;
        struct sockaddr_in in;
    } name = {.in = any};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert(hf_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && hf_socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    cr_assert_eq(bind(fd, &name.any, sizeof name.in), 0);
    cr_assert_eq(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), 0);
    cr_assert_eq(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

static void say(int fd, const uint8_t *message, size_t len)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
    } to = {.in = {.sin_family = AF_INET, .sin_port = htons(HF_MDNS_PORT), .sin_addr.s_addr = inet_addr("224.0.0.251")}};
    cr_assert_eq(sendto(fd, message, len, 0, &to.any, sizeof to.in), (ssize_t)len);
}

/* Says it, lets the loop answer, and takes what comes to the socket. */
static size_t ask(hf_loop *loop, int fd, const uint8_t *query, size_t len, uint8_t *got, size_t cap)
{
    hf_loop_stats stats;
    hf_loop_get_stats(loop, &stats);
    uint64_t sent = stats.datagrams_sent;
    say(fd, query, len);
    TURN_UNTIL(loop, (hf_loop_get_stats(loop, &stats), stats.datagrams_sent > sent));
    ssize_t n = recv(fd, got, cap, 0);
    cr_assert_gt(n, 0);
    return (size_t)n;
}

/* A query for NAME's A record. */
static size_t write_query(uint8_t out[128])
{
    static const uint8_t head[12] = {0x12, 0x34, [5] = 1}, tail[] = {5, 'l', 'o', 'c', 'a', 'l', 0, 0, 1, 0, 1};
    memcpy(out, head, sizeof head);
    out[12] = 36;
    memcpy(out + 13, NAME, 36);
    memcpy(out + 49, tail, sizeof tail);
    return 49 + sizeof tail;
}

Test(multicast, finds_what_another_object_advertises)
{
    enter();
    hf_loop *loop = toy_loop();
    toy *a = add(loop), *b = add(loop);
    advertise(loop, a, "10.1.2.3");
    cr_assert_eq(a->advertised_err, HF_OK);
    toy_ask_name(b, NAME);
    TURN_UNTIL(loop, b->resolved == 1);
    cr_expect_eq(b->resolved_err, HF_OK);
    cr_assert_eq(b->resolved_len, 1);
    char text[HF_ADDR_TEXT_SIZE];
    cr_expect_str_eq(hf_addr_write_ip(&b->resolved_addrs[0], text), "10.1.2.3");
    drop(loop, a);
    drop(loop, b);
    hf_loop_free(loop);
}

/* One for each family, however many objects there are, and none when nobody needs them. */
Test(multicast, has_its_sockets_only_while_they_are_needed)
{
    enter();
    hf_loop *loop = toy_loop();
    toy *t[50];
    for (size_t i = 0; i < 50; i++) {
        t[i] = add(loop);
        toy_ask_name(t[i], NOBODY);
    }
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    size_t sockets = count_sockets(loop);
    cr_expect(sockets == 1 || sockets == 2, "%zu", sockets);
    for (size_t i = 0; i < 49; i++)
        drop(loop, t[i]);
    cr_expect_eq(count_sockets(loop), sockets);
    drop(loop, t[49]);
    cr_expect_eq(count_sockets(loop), 0);

    toy *last = add(loop);
    advertise(loop, last, "10.1.2.3");
    cr_expect_eq(last->advertised_err, HF_OK, "they are opened again");
    drop(loop, last);
    cr_expect_eq(count_sockets(loop), 0);
    hf_loop_free(loop);
}

/* No other resolver hears of such a name: not even when there is nobody else to ask. */
static size_t never(const char *name, hf_addr *out, size_t cap)
{
    (void)out, (void)cap;
    cr_assert_fail("the system was asked for %s", name);
    return 0;
}

Test(multicast, is_the_only_one_to_hear_of_local_names)
{
    static const char *const names[] = {NAME, "printer.local", "PRINTER.LOCAL."};
    enter();
    hf_loop *loop = toy_loop();
    loop->lookup = never;
    toy *t = add(loop);
    for (size_t i = 0; i < 3; i++) {
        toy_ask_name(t, names[i]);
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    }
    cr_expect_eq(t->resolved, 0);
    cr_expect_null(loop->resolver);
    drop(loop, t);
    hf_loop_free(loop);
}

/* Where the port is taken by one who does not share, names are not to be had; everything else goes on. */
Test(multicast, that_can_not_be_had_is_told_and_hurts_nobody)
{
    enter();
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(HF_MDNS_PORT)};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(HF_MDNS_PORT)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } name = {.in = any}, name6 = {.in6 = any6};
    cr_assert_eq(bind(fd, &name.any, sizeof any), 0);
    if (fd6 >= 0) {
        cr_assert(hf_socket_set(fd6, IPPROTO_IPV6, IPV6_V6ONLY, 1));
        cr_assert_eq(bind(fd6, &name6.any, sizeof any6), 0);
    }
    hf_loop *loop = toy_loop();
    toy *t = add(loop);
    advertise(loop, t, "10.1.2.3");
    cr_expect_eq(t->advertised_err, HF_EIO);
    toy_ask_name(t, NAME);
    TURN_UNTIL(loop, t->resolved == 1);
    cr_expect_eq(t->resolved_err, HF_EIO);
    toy_ask_locals(t);
    TURN_UNTIL(loop, t->locals_replies == 1);
    cr_expect_eq(t->locals_len, 1);
    drop(loop, t);
    hf_loop_free(loop);
    close(fd);
    if (fd6 >= 0)
        close(fd6);
}

Test(multicast, does_not_answer_for_an_address_that_is_not_ours)
{
    enter();
    hf_loop *loop = toy_loop();
    toy *t = add(loop);
    advertise(loop, t, "10.7.7.7");
    cr_expect_eq(t->advertised_err, HF_EIO);
    drop(loop, t);
    hf_loop_free(loop);
}

Test(multicast, answers_a_neighbour_and_says_goodbye)
{
    uint8_t query[128], got[512];
    enter();
    hf_loop *loop = toy_loop();
    toy *t = add(loop);
    int neighbour = open_neighbour(HF_MDNS_PORT), legacy = open_neighbour(40000);
    advertise(loop, t, "10.1.2.3");

    size_t len = write_query(query);
    cr_assert_eq(ask(loop, neighbour, query, len, got, sizeof got), len, "its own question");
    cr_assert_gt(recv(neighbour, got, sizeof got, 0), 0);
    cr_expect_eq(got[0], 0);
    cr_expect_eq(got[2], 0x84);
    cr_assert_gt(ask(loop, legacy, query, len, got, sizeof got), 0);
    cr_expect_eq(got[0], 0x12, "a legacy resolver gets its id back");
    cr_expect_eq(got[2], 0x84);

    drop(loop, t);
    static const uint8_t ttl_0[] = {0, 1, 0x80, 1, 0, 0, 0, 0, 0, 4, 10, 1, 2, 3};
    bool goodbye = false;
    while (!goodbye) {
        ssize_t n = recv(neighbour, got, sizeof got, 0);
        cr_assert_gt(n, 0, "no goodbye came");
        goodbye = memmem(got, (size_t)n, ttl_0, sizeof ttl_0) != NULL;
    }
    close(neighbour);
    close(legacy);
    hf_loop_free(loop);
}

Test(multicast, follows_the_addresses_that_come_and_go)
{
    enter();
    hf_loop *loop = toy_loop();
    toy *a = add(loop), *b = add(loop);
    hf_addr addr;
    cr_assert(hf_addr_parse("10.1.2.3", 8, &addr));
    advertise(loop, a, "10.1.2.3");
    if (loop->interfaces.fd < 0)
        cr_skip_test("no rtnetlink here");
    network_set_up("lo:1", false);
    TURN_UNTIL(loop, !hf_interfaces_find(&loop->interfaces, &addr));
    network_set_address("lo:1", "10.1.2.3");
    TURN_UNTIL(loop, hf_interfaces_find(&loop->interfaces, &addr));
    toy_ask_name(b, NAME);
    TURN_UNTIL(loop, b->resolved == 1);
    cr_expect_eq(b->resolved_err, HF_OK);
    drop(loop, a);
    drop(loop, b);
    hf_loop_free(loop);
}

Test(multicast, takes_what_it_does_not_understand_in_peace)
{
    static uint8_t noise[9001];
    enter();
    hf_loop *loop = toy_loop();
    toy *t = add(loop);
    int neighbour = open_neighbour(HF_MDNS_PORT);
    advertise(loop, t, "10.1.2.3");
    memset(noise, 0xC0, sizeof noise);
    hf_loop_stats stats;
    hf_loop_get_stats(loop, &stats);
    uint64_t before = stats.datagrams_received;
    say(neighbour, noise, sizeof noise);
    say(neighbour, noise, 5);
    say(neighbour, noise, 0);
    TURN_UNTIL(loop, (hf_loop_get_stats(loop, &stats), stats.datagrams_received >= before + 3));
    toy_ask_name(t, NAME);
    TURN_UNTIL(loop, t->resolved == 1);
    cr_expect_eq(t->resolved_err, HF_OK);
    drop(loop, t);
    close(neighbour);
    hf_loop_free(loop);
}
