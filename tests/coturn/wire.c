/* wire.c: drives a client with a real socket. */
#include "wire.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

hf_time wire_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return HF_SECONDS(t.tv_sec) + t.tv_nsec / 1000;
}

/* --- Sockets --------------------------------------------------------------------------------------------------------- */

static socklen_t to_system(const hf_addr *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (addr->family == HF_FAMILY_IPV4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
        memcpy(&in.sin_addr, addr->ip, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
    memcpy(&in6.sin6_addr, addr->ip, 16);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

static hf_addr from_system(const struct sockaddr_storage *in)
{
    hf_addr addr = {0};
    if (in->ss_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, in, sizeof ipv4);
        addr.family = HF_FAMILY_IPV4;
        addr.port = ntohs(ipv4.sin_port);
        memcpy(addr.ip, &ipv4.sin_addr, 4);
    } else {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, in, sizeof ipv6);
        addr.family = HF_FAMILY_IPV6;
        addr.port = ntohs(ipv6.sin6_port);
        memcpy(addr.ip, &ipv6.sin6_addr, 16);
    }
    return addr;
}

static hf_addr name_of(int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    return from_system(&name);
}

int wire_socket(hf_transport transport, const hf_addr *to)
{
    struct sockaddr_storage addr;
    socklen_t len = to_system(to, &addr);
    int fd = socket(addr.ss_family, transport == HF_TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, len), 0);
    if (transport == HF_TCP)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

int wire_peer(hf_family family, hf_addr *addr)
{
    hf_addr loopback = {.family = family};
    loopback.ip[family == HF_FAMILY_IPV4 ? 0 : 15] = family == HF_FAMILY_IPV4 ? 127 : 1;
    loopback.ip[3] = family == HF_FAMILY_IPV4 ? 1 : 0;
    struct sockaddr_storage bound;
    socklen_t len = to_system(&loopback, &bound);
    int fd = socket(bound.ss_family, SOCK_DGRAM, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&bound, len), 0);
    *addr = name_of(fd);
    return fd;
}

size_t wire_peer_receive(int fd, void *bytes, size_t cap, hf_addr *from)
{
    struct sockaddr_storage addr;
    socklen_t addr_len = sizeof addr;
    cr_assert_eq(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, WIRE_PATIENCE / 1000), 1, "nothing came to the peer");
    ssize_t len = recvfrom(fd, bytes, cap, 0, (struct sockaddr *)&addr, &addr_len);
    cr_assert_geq(len, 0);
    *from = from_system(&addr);
    return (size_t)len;
}

void wire_peer_send(int fd, const hf_addr *to, const void *bytes, size_t len)
{
    struct sockaddr_storage addr;
    socklen_t addr_len = to_system(to, &addr);
    cr_assert_eq(sendto(fd, bytes, len, 0, (struct sockaddr *)&addr, addr_len), (ssize_t)len);
}

/* Free over UDP, and most likely over TCP. */
/* Outside of the range that the system takes ports of clients from: none of those that run beside us gets it meanwhile. */
#define PORT_FIRST 20000
#define PORT_LAST 31999

static bool is_free(int type, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && bind(fd, (const struct sockaddr *)&name, sizeof name) == 0;
    if (fd >= 0)
        close(fd);
    return is_bound;
}

uint16_t wire_free_port(void)
{
    uint16_t port = 0;
    for (unsigned i = 0; port == 0; i++) {
        cr_assert_lt(i, PORT_LAST - PORT_FIRST, "no port is free");
        uint16_t candidate = (uint16_t)(PORT_FIRST + ((unsigned)getpid() * 37 + i) % (PORT_LAST - PORT_FIRST + 1));
        if (is_free(SOCK_DGRAM, candidate) && is_free(SOCK_STREAM, candidate))
            port = candidate;
    }
    return port;
}

/* --- The client ------------------------------------------------------------------------------------------------------ */

void wire_open(wire *l, const hf_addr *server, const hf_turn_client_config *config, int fd)
{
    memset(l, 0, sizeof *l);
    test_env_init(&l->env, (uint64_t)wire_now()); /* transaction ids that the server has not seen */
    hf_turn_client_config c = *config;
    l->transport = c.path.transport;
    l->fd = fd >= 0 ? dup(fd) : wire_socket(l->transport, server);
    c.path.local = name_of(l->fd);
    c.path.remote = *server;
    cr_assert_eq(hf_turn_client_new(&l->client, wire_now(), &c, &l->env.env), HF_OK);
}

void wire_close(wire *l)
{
    hf_turn_client_free(l->client);
    close(l->fd);
    cr_expect_eq(l->env.blocks, 0);
}

static void transmit(wire *l)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    while (hf_turn_client_poll_transmit(l->client, wire_now(), &t))
        (void)!send(l->fd, buffer, t.len, MSG_NOSIGNAL); /* a server that is gone refuses it */
}

static void take_message(wire *l, uint8_t *message, size_t len)
{
    hf_turn_data data;
    if (!hf_turn_client_input(l->client, wire_now(), message, len, &data))
        return;
    l->data.relayed = data.relayed;
    l->data.peer = data.peer;
    l->data.len = data.len;
    memcpy(l->data.bytes, data.data, data.len);
    l->data_count++;
}

static void receive(wire *l)
{
    uint8_t buffer[HF_DATAGRAM_MAX], *rest = buffer, *message;
    ssize_t len = recv(l->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (len <= 0)
        return;
    size_t rest_len = (size_t)len, message_len;
    if (l->transport == HF_UDP) {
        take_message(l, buffer, rest_len);
        return;
    }
    hf_turn_deframed result;
    while ((result = hf_turn_deframe(&l->deframer, &rest, &rest_len, &message, &message_len)) == HF_TURN_DEFRAMED_MESSAGE)
        take_message(l, message, message_len);
    cr_assert_eq(result, HF_TURN_DEFRAMED_NOTHING, "the stream is broken");
}

/* One turn: sends, waits for a datagram or the deadline, takes what came. */
static void turn(wire *l)
{
    transmit(l);
    hf_time due = hf_turn_client_deadline(l->client), now = wire_now();
    hf_span wait = due == HF_NEVER || due - now > HF_MS(50) ? HF_MS(50) : due > now ? due - now : 0;
    if (poll(&(struct pollfd){.fd = l->fd, .events = POLLIN}, 1, (int)(wait / 1000) + 1) > 0)
        receive(l);
    if (hf_turn_client_deadline(l->client) <= wire_now())
        hf_turn_client_tick(l->client, wire_now());
    transmit(l);
}

hf_turn_client_event_type wire_wait_any(wire *l)
{
    hf_time end = wire_now() + WIRE_PATIENCE;
    while (!hf_turn_client_poll_event(l->client, &l->event)) {
        cr_assert_lt(wire_now(), end, "no event came");
        turn(l);
    }
    return l->event.type;
}

void wire_wait(wire *l, hf_turn_client_event_type type)
{
    while (wire_wait_any(l) != type)
        cr_assert_eq(l->event.type, HF_TURN_PERMITTED, "event %d instead of %d: %s, %u", (int)l->event.type, (int)type,
                     hf_err_name(l->event.cause), l->event.code);
}

void wire_wait_data(wire *l)
{
    hf_time end = wire_now() + WIRE_PATIENCE;
    for (size_t before = l->data_count; l->data_count == before;) {
        cr_assert_lt(wire_now(), end, "no data came");
        turn(l);
    }
}

void wire_send(wire *l, const hf_addr *peer, const void *bytes, size_t len)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_wrap wrap;
    cr_assert_eq(hf_turn_client_wrap(l->client, peer, &wrap), HF_OK);
    memcpy(buffer + wrap.before, bytes, len);
    size_t whole = hf_wrap_write(&wrap, buffer + wrap.before, len);
    cr_assert_eq(send(l->fd, buffer, whole, 0), (ssize_t)whole);
}
