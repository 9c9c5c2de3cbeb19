/* udp.c: one UDP socket: whole runs out, whole batches in.
 *
 * A system call for each datagram would cost more than everything else that we do with it. Out: a run goes as one large
 * datagram that the kernel, or the card, cuts (UDP_SEGMENT, Linux 4.18), or as one sendmmsg. In: recvmmsg takes many, and
 * the kernel joins datagrams of one sender (UDP_GRO, Linux 5.0), which are handed on as views, without a copy. */
#include "loop_priv.h"

#include "alloc.h"
#include "random.h"
#include "sockaddr.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define RECEIVE_BUFFER (4 << 20) /* asked for; the system gives what it allows (net.core.rmem_max) */
#define SEND_BUFFER (1 << 20)
#define SEGMENTS_MAX 64          /* UDP_MAX_SEGMENTS before Linux 6.9 */
#define PAYLOAD_MAX 65507        /* what an IPv4 packet holds: the kernel refuses larger ones before it cuts them */
#define MESSAGES_MAX 64          /* of one call of sendmmsg or recvmmsg */
#define BATCHES_MAX 8            /* calls of recvmmsg for one socket in one turn */
#define ENOUGH_BYTES (128 << 10) /* for one turn: opening them takes some milliseconds */
#define JOINED_SIZE 65536        /* room for a datagram that the kernel has joined */
#define JOINED_MESSAGES 8
#define ARENA_SIZE (JOINED_MESSAGES * JOINED_SIZE)

/* Room for a datagram that the kernel has not joined: the byte more shows those that are too long. */
#define SINGLE_SIZE (HF_DATAGRAM_MAX + 1)

typedef union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t))];
} control;

/* Where the datagrams of all sockets of a loop arrive: they are handed on before the next call. */
struct hf_receiver {
    struct mmsghdr messages[MESSAGES_MAX];
    struct iovec parts[MESSAGES_MAX];
    hf_sockaddr from[MESSAGES_MAX];
    control controls[MESSAGES_MAX];
    hf_datagram datagrams[HF_INPUT_MAX];
    size_t datagrams_len;
    uint8_t arena[ARENA_SIZE];
};

static_assert(MESSAGES_MAX * SINGLE_SIZE <= ARENA_SIZE, "the arena holds a batch of single datagrams");
static_assert(HF_INPUT_MAX * HF_DATAGRAM_MAX <= ARENA_SIZE, "the arena holds what one call of input takes");
static_assert(JOINED_MESSAGES <= MESSAGES_MAX, "the arena is cut in at most as many pieces as there are headers");

hf_err hf_receiver_new(hf_receiver **out, const hf_env *env)
{
    *out = hf_alloc(env, sizeof **out);
    return *out ? HF_OK : HF_ENOMEM;
}

void hf_receiver_free(hf_receiver *receiver, const hf_env *env)
{
    hf_dealloc(env, receiver);
}

uint8_t *hf_receiver_memory(hf_receiver *receiver)
{
    return receiver->arena;
}

/* --- Opening and closing --- */

bool hf_socket_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* 0: any. HF_EEXIST: it is taken, or not for us. */
static hf_err bind_to_port(int fd, const hf_addr *addr, uint16_t port)
{
    hf_sockaddr name;
    hf_addr wanted = *addr;

    wanted.port = port;
    if (bind(fd, &name.any, hf_sockaddr_of(&wanted, &name)) == 0)
        return HF_OK;
    return errno == EADDRINUSE || errno == EACCES ? HF_EEXIST : HF_EIO;
}

static hf_err bind_in_range(int fd, const hf_addr *addr, uint16_t first, uint16_t last, const hf_env *env)
{
    uint32_t n = last - first + 1u, start = hf_random_u32(env) % n;
    hf_err err = HF_EEXIST;

    for (uint32_t i = 0; i < n && err == HF_EEXIST; i++)
        err = bind_to_port(fd, addr, (uint16_t)(first + (start + i) % n));
    return err == HF_EEXIST ? HF_ELIMIT : err;
}

hf_err hf_socket_bind(int fd, hf_addr *addr, const hf_object *owner)
{
    hf_sockaddr name;
    socklen_t len = sizeof name;
    hf_addr got;
    bool is_free = addr->port != 0 || !owner || owner->bind.port_last == 0;
    hf_err err = is_free ? bind_to_port(fd, addr, addr->port)
                         : bind_in_range(fd, addr, owner->bind.port_first, owner->bind.port_last, owner->loop->env);

    if (err != HF_OK)
        return err;
    if (getsockname(fd, &name.any, &len) != 0 || !hf_sockaddr_read(&name.any, &got))
        return HF_EIO;
    addr->port = got.port;
    return HF_OK;
}

hf_err hf_socket_open(hf_object *owner, const hf_local *local, hf_socket **out)
{
    hf_loop *loop = owner->loop;
    bool v6 = local->addr.family == HF_FAMILY_IPV6;
    hf_err err = HF_EIO;

    hf_socket *s = hf_alloc(loop->env, sizeof *s);
    if (!s)
        return HF_ENOMEM;
    *s = (hf_socket){.source.kind = HF_SOURCE_SOCKET, .owner = owner, .local = *local};

    s->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        goto free_memory;
    if (v6 && !hf_socket_set(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
        goto close_fd;
    err = hf_socket_bind(s->fd, &s->local.addr, owner);
    if (err != HF_OK)
        goto close_fd;

    hf_socket_set(s->fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    hf_socket_set(s->fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
    s->gro = hf_socket_set(s->fd, IPPROTO_UDP, UDP_GRO, 1);
    s->gso = hf_socket_set(s->fd, IPPROTO_UDP, UDP_SEGMENT, 0); /* 0: nothing is cut unless a message asks for it */

    err = hf_loop_attach(loop, &s->source, s->fd, EPOLLIN);
    if (err != HF_OK)
        goto close_fd;
    loop->stats.sockets++;
    *out = s;
    return HF_OK;

close_fd:
    close(s->fd);
free_memory:
    hf_dealloc(loop->env, s);
    return err;
}

static size_t count_datagrams(size_t len, size_t segment)
{
    return (len + segment - 1) / segment;
}

static void release_held(hf_socket *s)
{
    hf_dealloc(s->owner->loop->env, s->held);
    s->held = NULL;
    s->held_len = 0;
    s->owner->root->sockets_blocked--;
}

void hf_socket_close(hf_socket *s)
{
    hf_loop *loop = s->owner->loop;

    if (s->held) {
        loop->stats.send_errors += count_datagrams(s->held_len, s->held_segment);
        release_held(s);
    }
    hf_listener_close(s->listener);
    close(s->fd);
    s->fd = -1;
    loop->stats.sockets--;
    hf_loop_bury(loop, &s->source);
}

/* --- Sending --- */

/* What one sendmmsg takes: messages of as many segments each as the kernel will cut, or of one. */
typedef struct send_batch {
    struct mmsghdr messages[MESSAGES_MAX];
    struct iovec parts[MESSAGES_MAX];
    control controls[MESSAGES_MAX];
    unsigned len;
} send_batch;

static void ask_for_segments(struct msghdr *message, control *space, size_t segment)
{
    uint16_t size = (uint16_t)segment;

    message->msg_control = space->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof size);
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(c), &size, sizeof size);
}

static void fill_batch(send_batch *batch, bool gso, hf_sockaddr *to, socklen_t to_len, struct iovec run, size_t segment)
{
    size_t piece = segment;

    if (gso && segment <= PAYLOAD_MAX / 2) {
        size_t n = PAYLOAD_MAX / segment;
        piece = segment * (n < SEGMENTS_MAX ? n : SEGMENTS_MAX);
    }
    for (batch->len = 0; batch->len < MESSAGES_MAX && run.iov_len > 0; batch->len++) {
        struct mmsghdr *m = &batch->messages[batch->len];
        size_t len = run.iov_len < piece ? run.iov_len : piece;

        batch->parts[batch->len] = (struct iovec){.iov_base = run.iov_base, .iov_len = len};
        *m = (struct mmsghdr){
            .msg_hdr = {.msg_name = &to->any, .msg_namelen = to_len, .msg_iov = &batch->parts[batch->len], .msg_iovlen = 1}};
        if (len > segment)
            ask_for_segments(&m->msg_hdr, &batch->controls[batch->len], segment);
        run.iov_base = (uint8_t *)run.iov_base + len;
        run.iov_len -= len;
    }
}

/* Keeps what the system had no room for, until it has. Out of memory: it is lost, as on a network. */
static void hold(hf_socket *s, const hf_addr *remote, const uint8_t *data, size_t len, size_t segment)
{
    hf_loop *loop = s->owner->loop;
    uint8_t *copy = hf_alloc_unfilled(loop->env, len);

    if (!copy) {
        loop->stats.send_errors += count_datagrams(len, segment);
        return;
    }
    memcpy(copy, data, len);
    s->held = copy;
    s->held_len = len;
    s->held_segment = segment;
    s->held_remote = *remote;
    s->owner->root->sockets_blocked++;
    hf_loop_reattach(loop, &s->source, s->fd, EPOLLIN | EPOLLOUT);
}

/* Whether the message would have gone but for its segments: no checksum offload on the way (EIO), a path narrower than a
 * segment (EINVAL, EMSGSIZE since Linux 6.13), or more segments than this kernel cuts (EINVAL). */
static bool is_about_segments(int error, size_t len, size_t segment)
{
    return len > segment && (error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP);
}

void hf_socket_send(hf_socket *s, const hf_addr *remote, const uint8_t *data, size_t len, size_t segment)
{
    hf_loop_stats *stats = &s->owner->loop->stats;
    send_batch batch;
    hf_sockaddr to;
    socklen_t to_len = hf_sockaddr_of(remote, &to);
    size_t done = 0;

    while (done < len) {
        /* sendmmsg only reads it */
        struct iovec rest = {.iov_base = (void *)(uintptr_t)(data + done), .iov_len = len - done};

        fill_batch(&batch, s->gso, &to, to_len, rest, segment);
        int n = sendmmsg(s->fd, batch.messages, batch.len, 0);
        int error = errno;
        stats->send_calls++;

        for (int i = 0; i < n; i++) {
            stats->datagrams_sent += count_datagrams(batch.parts[i].iov_len, segment);
            done += batch.parts[i].iov_len;
        }
        if (n > 0 || error == EINTR)
            continue;
        if (error == EAGAIN || error == EWOULDBLOCK) {
            hold(s, remote, data + done, len - done, segment);
            return;
        }
        size_t refused = batch.parts[0].iov_len;
        if (is_about_segments(error, refused, segment)) {
            s->gso = false;
            continue;
        }
        stats->send_errors += count_datagrams(refused, segment);
        done += refused;
    }
}

void hf_socket_on_writable(hf_socket *s)
{
    if (!s->held)
        return;

    uint8_t *data = s->held;
    size_t len = s->held_len;
    hf_addr remote = s->held_remote;
    s->held = NULL;
    s->owner->root->sockets_blocked--;
    hf_socket_send(s, &remote, data, len, s->held_segment);
    hf_dealloc(s->owner->loop->env, data);
    if (!s->held)
        hf_loop_reattach(s->owner->loop, &s->source, s->fd, EPOLLIN);
    hf_object_make_ready(s->owner->root);
}

/* --- Receiving --- */

static int receive(hf_socket *s, hf_receiver *r)
{
    size_t n = s->gro ? JOINED_MESSAGES : MESSAGES_MAX;
    size_t size = s->gro ? JOINED_SIZE : SINGLE_SIZE;

    for (size_t i = 0; i < n; i++) {
        r->parts[i] = (struct iovec){.iov_base = r->arena + i * size, .iov_len = size};
        r->messages[i].msg_hdr = (struct msghdr){.msg_name = &r->from[i],
                                                 .msg_namelen = sizeof r->from[i],
                                                 .msg_iov = &r->parts[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = r->controls[i].bytes,
                                                 .msg_controllen = sizeof r->controls[i].bytes};
    }
    s->owner->loop->stats.receive_calls++;
    return recvmmsg(s->fd, r->messages, (unsigned)n, MSG_DONTWAIT, NULL);
}

/* How long the datagrams are that the kernel has joined; `len` when it has not. */
static size_t joined_segment(struct msghdr *message, size_t len)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;

            memcpy(&size, CMSG_DATA(c), sizeof size);
            if (size > 0 && (size_t)size < len)
                return (size_t)size;
        }
    }
    return len;
}

static void hand_on(hf_object *owner, hf_receiver *r)
{
    if (r->datagrams_len == 0)
        return;
    owner->endpoint->input(owner->object, owner->loop->now, r->datagrams, r->datagrams_len);
    r->datagrams_len = 0;
}

static void take_message(hf_socket *s, hf_receiver *r, struct mmsghdr *message)
{
    hf_loop_stats *stats = &s->owner->loop->stats;
    uint8_t *data = message->msg_hdr.msg_iov->iov_base;
    size_t rest = message->msg_len;
    size_t segment = joined_segment(&message->msg_hdr, rest);
    hf_path path = {.transport = HF_UDP, .local = s->local.addr};

    if (!hf_sockaddr_read(message->msg_hdr.msg_name, &path.remote))
        return;
    do { /* an empty datagram is one, too */
        size_t len = rest < segment ? rest : segment;

        stats->datagrams_received++;
        if (len > HF_DATAGRAM_MAX || (message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            stats->drop_oversize++;
        } else {
            if (r->datagrams_len == HF_INPUT_MAX)
                hand_on(s->owner, r);
            r->datagrams[r->datagrams_len++] =
                (hf_datagram){.path = path, .data = data, .len = len, .group = s->owner->group};
        }
        data += len;
        rest -= len;
    } while (rest > 0);
}

void hf_socket_on_readable(hf_socket *s)
{
    hf_receiver *r = s->owner->loop->receiver;
    int asked = s->gro ? JOINED_MESSAGES : MESSAGES_MAX;
    size_t bytes = 0;

    for (int batch = 0; batch < BATCHES_MAX && bytes < ENOUGH_BYTES; batch++) {
        int n = receive(s, r);

        if (n < 0) {
            /* An ICMP error of a datagram sent before says nothing that the layers above do not find out themselves. */
            s->owner->loop->stats.receive_errors += errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
            return;
        }
        for (int i = 0; i < n; i++) {
            bytes += r->messages[i].msg_len;
            take_message(s, r, &r->messages[i]);
        }
        hand_on(s->owner, r);
        hf_object_make_ready(s->owner->root);
        if (n < asked || s->source.dead)
            return; /* that was all; or a session went, whose going was only now noticed */
    }
}
