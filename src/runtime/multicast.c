/* multicast.c: the loop's multicast DNS: one hf_mdns, and a socket for each family that all objects share.
 *
 * The sockets are there only while some name is asked or answered for: a program that does neither is not woken by what the
 * machines of its network have to say to each other. */
#include "loop_priv.h"

#include "alloc.h"
#include "sockaddr.h"

#include <holdfast/mdns.h>

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

#define HOPS 255     /* RFC 6762 §11: "All Multicast DNS responses … SHOULD be sent with IP TTL set to 255" */
#define READS_MAX 64 /* of one socket in one turn */

/* One family. */
typedef struct group {
    hf_source source;
    hf_multicast *owner;
    hf_family family;
    int fd;                             /* -1: not open */
    uint32_t joined[HF_INTERFACES_MAX]; /* interfaces */
    size_t joined_len;
} group;

struct hf_multicast {
    hf_loop *loop;
    hf_mdns *mdns;
    group v4, v6;
    hf_timer timer; /* always in the heap, so that moving it never fails */
    bool is_serving;
    uint8_t buffer[HF_MDNS_DATAGRAM_MAX + 1]; /* the byte more shows those that are too long */
};

typedef union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
} control;

static const uint8_t group_v4[4] = {224, 0, 0, 251};
static const uint8_t group_v6[16] = {0xFF, 0x02, [15] = 0xFB};

/* --- Sockets --- */

static bool set_options(const group *g)
{
    int fd = g->fd;

    /* Others on this machine have the port already, with one of these two (RFC 6762 §15.1). */
    if (!hf_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        return false;
    hf_socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (g->family == HF_FAMILY_IPV4) {
        hf_socket_set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0); /* only the groups that it has joined itself */
        hf_socket_set(fd, IPPROTO_IP, IP_TTL, HOPS);
        hf_socket_set(fd, IPPROTO_IP, IP_MULTICAST_TTL, HOPS);
        return hf_socket_set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) && hf_socket_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
    hf_socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    hf_socket_set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOPS);
    hf_socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOPS);
    return hf_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && hf_socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) &&
           hf_socket_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static bool bind_port(const group *g)
{
    hf_sockaddr name;
    hf_addr any = {.family = g->family, .port = HF_MDNS_PORT};
    socklen_t len = hf_sockaddr_of(&any, &name);

    return bind(g->fd, &name.any, len) == 0;
}

static void open_group(group *g)
{
    g->fd = socket(g->family == HF_FAMILY_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (g->fd < 0)
        return;
    if (set_options(g) && bind_port(g) && hf_loop_attach(g->owner->loop, &g->source, g->fd, EPOLLIN) == HF_OK) {
        g->owner->loop->stats.sockets++;
        return;
    }
    close(g->fd);
    g->fd = -1;
}

static void close_group(group *g)
{
    if (g->fd < 0)
        return;
    close(g->fd);
    g->fd = -1;
    g->joined_len = 0;
    g->owner->loop->stats.sockets--;
}

static bool has_joined(const group *g, uint32_t interface)
{
    for (size_t i = 0; i < g->joined_len; i++) {
        if (g->joined[i] == interface)
            return true;
    }
    return false;
}

/* An interface that has come back after it was gone is not joined any more, whatever is noted: that it is in use already
 * is no error. */
static bool join(const group *g, uint32_t interface)
{
    if (g->family == HF_FAMILY_IPV4) {
        struct ip_mreqn request = {.imr_ifindex = (int)interface};

        memcpy(&request.imr_multiaddr, group_v4, sizeof group_v4);
        return setsockopt(g->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0 || errno == EADDRINUSE;
    }
    struct ipv6_mreq request = {.ipv6mr_interface = interface};

    memcpy(&request.ipv6mr_multiaddr, group_v6, sizeof group_v6);
    return setsockopt(g->fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) == 0 || errno == EADDRINUSE;
}

/* --- Where the names live --- */

static group *group_of(hf_multicast *m, hf_family family)
{
    return family == HF_FAMILY_IPV4 ? &m->v4 : &m->v6;
}

/* Joins the groups on each interface, and tells which addresses those have that could be joined. */
static void tell_locals(hf_multicast *m)
{
    const hf_interfaces *interfaces = &m->loop->interfaces;
    hf_local locals[HF_INTERFACES_MAX];
    size_t n = 0;

    m->v4.joined_len = m->v6.joined_len = 0;
    for (size_t i = 0; i < interfaces->len; i++) {
        const hf_interface *item = &interfaces->items[i];
        group *g = group_of(m, item->addr.family);

        if (g->fd < 0)
            continue;
        if (!has_joined(g, item->index)) {
            if (!join(g, item->index))
                continue;
            g->joined[g->joined_len++] = item->index;
        }
        locals[n++] = (hf_local){.addr = item->addr, .interface = item->index, .prefix = item->prefix};
    }
    hf_mdns_reply(m->mdns, m->loop->now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = n});
}

static bool is_open(const hf_multicast *m)
{
    return m->v4.fd >= 0 || m->v6.fd >= 0;
}

static bool open_groups(hf_multicast *m)
{
    if (is_open(m))
        return true;
    if (hf_interfaces_read(m->loop) != HF_OK)
        return false;
    open_group(&m->v4);
    open_group(&m->v6);
    if (is_open(m))
        tell_locals(m);
    return is_open(m);
}

/* --- Sending --- */

static void add_control(struct msghdr *message, int level, int type, const void *data, size_t len)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(message);

    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), data, len);
    message->msg_controllen = CMSG_SPACE(len);
}

/* By the interface that has this address, which is the source. A unicast finds its own way. */
static void choose_source(struct msghdr *message, control *space, const hf_loop *loop, const hf_path *path)
{
    const hf_interface *item = hf_interfaces_find(&loop->interfaces, &path->local);
    uint32_t interface = item && hf_addr_is_multicast(&path->remote) ? item->index : 0;

    message->msg_control = space->bytes;
    message->msg_controllen = sizeof space->bytes;
    if (path->local.family == HF_FAMILY_IPV4) {
        struct in_pktinfo info = {.ipi_ifindex = (int)interface};

        memcpy(&info.ipi_spec_dst, path->local.ip, sizeof info.ipi_spec_dst);
        add_control(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else {
        struct in6_pktinfo info = {.ipi6_ifindex = interface};

        memcpy(&info.ipi6_addr, path->local.ip, sizeof info.ipi6_addr);
        add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
}

static void transmit(hf_multicast *m, const hf_transmit *run)
{
    const group *g = group_of(m, run->path.local.family);
    hf_sockaddr to;
    control space = {0};
    struct iovec part = {.iov_base = run->buffer, .iov_len = run->len};
    struct msghdr message = {.msg_name = &to.any, .msg_iov = &part, .msg_iovlen = 1};
    hf_loop_stats *stats = &m->loop->stats;

    message.msg_namelen = hf_sockaddr_of(&run->path.remote, &to);
    choose_source(&message, &space, m->loop, &run->path);
    stats->send_calls++;
    if (g->fd >= 0 && sendmsg(g->fd, &message, 0) >= 0)
        stats->datagrams_sent++;
    else
        stats->send_errors++; /* what is lost is asked for again */
}

static void tell(const hf_mdns_event *e)
{
    hf_object *d = e->owner;
    hf_reply reply = {.type = HF_REPLY_RESOLVED, .id = e->id, .err = e->err, .addrs = e->addrs, .addrs_len = e->addrs_len};

    hf_group_reply(d, &reply);
}

/* A reply may make an object go, and that comes back here: one serving at a time. */
static void serve(hf_multicast *m)
{
    hf_loop *loop = m->loop;
    uint8_t buffer[HF_MTU_DEFAULT];
    hf_transmit run = {.buffer = buffer, .cap = sizeof buffer};
    hf_mdns_event e;
    bool more = true;

    if (m->is_serving)
        return;
    m->is_serving = true;
    while (more) {
        more = false;
        for (; hf_mdns_poll_transmit(m->mdns, loop->now, &run); more = true)
            transmit(m, &run);
        for (; hf_mdns_poll_event(m->mdns, &e); more = true)
            tell(&e);
    }
    m->is_serving = false;

    hf_timers_move(&loop->timers, &m->timer, hf_mdns_deadline(m->mdns));
    if (hf_mdns_is_idle(m->mdns)) {
        close_group(&m->v4);
        close_group(&m->v6);
    }
}

static void on_timer(void *context)
{
    hf_multicast *m = context;

    /* Back into the heap before anybody else can take the place. */
    hf_err err = hf_timers_set(&m->loop->timers, &m->timer, HF_NEVER);
    assert(err == HF_OK);
    (void)err;
    hf_mdns_tick(m->mdns, m->loop->now);
    serve(m);
}

void hf_multicast_refresh(hf_loop *loop)
{
    hf_multicast *m = loop->multicast;

    if (!m || !is_open(m))
        return;
    tell_locals(m);
    serve(m);
}

/* --- Receiving --- */

/* The address of ours that stands for where a datagram came in: the one that it was sent to, or one of the interface. */
static bool find_local(const hf_multicast *m, const hf_addr *to, uint32_t interface, hf_addr *out)
{
    const hf_interfaces *interfaces = &m->loop->interfaces;

    for (size_t i = 0; i < interfaces->len; i++) {
        const hf_interface *item = &interfaces->items[i];

        if (hf_addr_is_multicast(to) ? item->index == interface && item->addr.family == to->family
                                     : hf_addr_equal_ip(&item->addr, to)) {
            *out = item->addr;
            out->port = HF_MDNS_PORT;
            return true;
        }
    }
    return false;
}

static bool read_local(const hf_multicast *m, struct msghdr *message, hf_addr *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        hf_addr to = {0};

        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            to.family = HF_FAMILY_IPV4;
            memcpy(to.ip, &info.ipi_addr, sizeof info.ipi_addr);
            return find_local(m, &to, (uint32_t)info.ipi_ifindex, out);
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            to.family = HF_FAMILY_IPV6;
            memcpy(to.ip, &info.ipi6_addr, sizeof info.ipi6_addr);
            to.scope = hf_addr_is_link_local(&to) ? info.ipi6_ifindex : 0;
            return find_local(m, &to, info.ipi6_ifindex, out);
        }
    }
    return false;
}

static bool receive(group *g)
{
    hf_multicast *m = g->owner;
    hf_sockaddr from;
    control space;
    struct iovec part = {.iov_base = m->buffer, .iov_len = sizeof m->buffer};
    struct msghdr message = {.msg_name = &from.any,
                             .msg_namelen = sizeof from,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = space.bytes,
                             .msg_controllen = sizeof space.bytes};
    hf_datagram datagram = {.data = m->buffer};

    m->loop->stats.receive_calls++;
    ssize_t n = recvmsg(g->fd, &message, MSG_DONTWAIT);
    if (n < 0)
        return errno == EINTR;
    m->loop->stats.datagrams_received++;
    datagram.len = (size_t)n;
    if (hf_sockaddr_read(&from.any, &datagram.path.remote) && read_local(m, &message, &datagram.path.local))
        hf_mdns_input(m->mdns, m->loop->now, &datagram, 1);
    return true;
}

void hf_multicast_on_readable(hf_source *source)
{
    group *g = (group *)source; /* its first member */

    for (int i = 0; i < READS_MAX && g->fd >= 0 && receive(g); i++)
        ;
    serve(g->owner);
}

/* --- What objects ask for --- */

static hf_multicast *multicast_new(hf_loop *loop)
{
    hf_multicast *m = hf_alloc(loop->env, sizeof *m);

    if (!m)
        return NULL;
    m->loop = loop;
    m->v4 = (group){.source.kind = HF_SOURCE_MULTICAST, .owner = m, .family = HF_FAMILY_IPV4, .fd = -1};
    m->v6 = (group){.source.kind = HF_SOURCE_MULTICAST, .owner = m, .family = HF_FAMILY_IPV6, .fd = -1};
    m->timer = (hf_timer){.fn = on_timer, .context = m};
    if (hf_mdns_new(&m->mdns, loop->env) != HF_OK || hf_timers_set(&loop->timers, &m->timer, HF_NEVER) != HF_OK) {
        hf_multicast_free(m);
        return NULL;
    }
    return m;
}

static hf_multicast *get(hf_loop *loop)
{
    if (!loop->multicast)
        loop->multicast = multicast_new(loop);
    return loop->multicast && open_groups(loop->multicast) ? loop->multicast : NULL;
}

static void answer(hf_object *d, const hf_request *request, hf_reply_type type, hf_err err)
{
    hf_reply reply = {.type = type, .id = request->id, .err = err};

    hf_group_reply(d, &reply);
}

void hf_multicast_resolve(hf_object *d, const hf_request *request)
{
    hf_multicast *m = get(d->loop);
    hf_err err = m ? hf_mdns_resolve(m->mdns, d->loop->now, d, request->id, request->name) : HF_EIO;

    if (err != HF_OK)
        answer(d, request, HF_REPLY_RESOLVED, err == HF_EINVAL ? HF_ERESOLVE : HF_EIO);
    if (m)
        serve(m);
}

void hf_multicast_advertise(hf_object *d, const hf_request *request)
{
    hf_multicast *m = get(d->loop);
    const hf_interface *item = hf_interfaces_find(&d->loop->interfaces, &request->path.local);
    bool can_answer = m && item && has_joined(group_of(m, item->addr.family), item->index);
    hf_err err = can_answer ? hf_mdns_advertise(m->mdns, d->loop->now, d, request->name, &request->path.local) : HF_EIO;

    answer(d, request, HF_REPLY_ADVERTISED, err);
    if (m)
        serve(m);
}

void hf_multicast_forget(hf_object *d)
{
    hf_multicast *m = d->loop->multicast;

    if (!m)
        return;
    hf_mdns_forget(m->mdns, d->loop->now, d);
    serve(m);
}

void hf_multicast_free(hf_multicast *m)
{
    if (!m)
        return;
    hf_timers_cancel(&m->loop->timers, &m->timer);
    close_group(&m->v4);
    close_group(&m->v6);
    hf_mdns_free(m->mdns);
    hf_dealloc(m->loop->env, m);
}
