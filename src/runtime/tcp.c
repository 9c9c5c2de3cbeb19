/* tcp.c: listening sockets, and the TCP streams of an object: runs of frames out, bytes in.
 *
 * What waits unsent in the system is kept short (TCP_NOTSENT_LOWAT): a packet behind a long queue is late, and whoever sends
 * has a congestion control of its own, which the queue would deceive. */
#include "loop_priv.h"

#include "alloc.h"
#include "sockaddr.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BACKLOG 16
#define ACCEPTS_MAX 16         /* of one listening socket in one turn */
#define REST HF_SECONDS(1)     /* before it is tried again to accept without descriptors */
#define UNSENT_MAX (64 << 10)  /* bytes that the system keeps beyond what is in flight */
#define STALL_AFTER HF_MS(200) /* how long an owner waits for room on one of its streams */
#define READS_MAX 4            /* of one stream in one turn */
#define LAST_READS_MAX 8

/* --- Birth and death of a stream --- */

static void prepare(int fd)
{
    hf_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    hf_socket_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
}

static hf_stream *add(hf_object *d, int fd, uint32_t id, const hf_path *path, uint32_t events)
{
    hf_stream *s = hf_alloc(d->loop->env, sizeof *s);

    if (!s)
        return NULL;
    *s = (hf_stream){.source.kind = HF_SOURCE_STREAM, .owner = d, .fd = fd, .id = id, .path = *path};
    if (hf_table_put(&d->streams_by_path, &s->by_path, hf_table_hash_path(&d->streams_by_path, path)) != HF_OK)
        goto free_memory;
    if (hf_loop_attach(d->loop, &s->source, fd, events) != HF_OK)
        goto take_out;
    s->next = d->streams;
    if (s->next)
        s->next->prev = s;
    d->streams = s;
    d->streams_len++;
    d->loop->stats.streams++;
    return s;

take_out:
    hf_table_remove(&d->streams_by_path, &s->by_path);
free_memory:
    hf_dealloc(d->loop->env, s);
    return NULL;
}

static void let_owner_go_on(hf_stream *s)
{
    hf_loop_timer_cancel(s->owner->loop, &s->stall);
    if (s->held && !s->is_stalled)
        s->owner->root->sockets_blocked--;
}

static void drop_held(hf_stream *s)
{
    let_owner_go_on(s);
    hf_dealloc(s->owner->loop->env, s->held);
    s->held = NULL;
    s->held_len = s->held_at = 0;
    s->is_stalled = false;
}

/* A socket that is closed with unread bytes resets the connection, and takes what is on the way to the other side with it
 * (RFC 9293 §3.6, RFC 2525 §2.17). */
static void drain(hf_stream *s)
{
    uint8_t *memory = hf_receiver_memory(s->owner->loop->receiver);

    for (int i = 0; i < LAST_READS_MAX && recv(s->fd, memory, HF_INPUT_MAX * HF_DATAGRAM_MAX, MSG_DONTWAIT) > 0; i++)
        ;
}

static void close_stream(hf_stream *s)
{
    hf_object *d = s->owner;

    *(s->prev ? &s->prev->next : &d->streams) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    hf_table_remove(&d->streams_by_path, &s->by_path);
    d->streams_len--;
    d->loop->stats.streams--;
    drop_held(s);
    if (!s->is_connecting)
        drain(s);
    close(s->fd);
    s->fd = -1;
    hf_loop_bury(d->loop, &s->source);
}

static void tell(hf_object *d, hf_reply_type type, uint32_t id, hf_err err, const hf_path *path)
{
    hf_reply reply = {.type = type, .id = id, .err = err, .path = *path};

    hf_group_reply(d, &reply);
}

/* The stream has ended, or could not be opened. */
static void end(hf_stream *s, hf_err err)
{
    hf_object *d = s->owner;
    hf_path path = s->path;
    uint32_t id = s->id;
    bool was_open = !s->is_connecting;

    close_stream(s);
    tell(d, was_open ? HF_REPLY_DISCONNECTED : HF_REPLY_CONNECTED, id, err, &path);
}

void hf_streams_end_at(hf_object *d, const hf_addr *local)
{
    for (hf_stream *s = d->streams, *next; s; s = next) {
        next = s->next;
        if (hf_addr_equal_ip(&s->path.local, local))
            end(s, HF_EUNREACHABLE);
    }
}

void hf_streams_close(hf_object *d)
{
    while (d->streams)
        close_stream(d->streams);
    hf_table_clear(&d->streams_by_path);
}

/* --- Connecting --- */

static hf_err error_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
        return HF_EUNREACHABLE;
    case ETIMEDOUT:
        return HF_ETIMEDOUT;
    default:
        return HF_EIO;
    }
}

/* Opens a TCP socket that is bound as hf_socket_bind does. */
static hf_err open_bound(hf_addr *local, const hf_object *listener, int *out)
{
    bool v6 = local->family == HF_FAMILY_IPV6;
    hf_err err = HF_EIO;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return HF_EIO;
    if (local->port != 0) /* connections of the one before may linger on a port that is known (RFC 9293 §3.6.1) */
        hf_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!v6 || hf_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
        err = hf_socket_bind(fd, local, listener);
    if (err != HF_OK)
        close(fd);
    else
        *out = fd;
    return err;
}

static hf_err connect_to(hf_object *d, uint32_t id, hf_path *path)
{
    hf_sockaddr to;
    hf_err err;

    if (d->streams_len >= d->streams_max)
        return HF_ELIMIT;
    if (!hf_locals_include(d, &path->local) || path->local.family != path->remote.family)
        return HF_EUNREACHABLE; /* only from where the object may be */
    path->local.port = 0;
    int fd;
    err = open_bound(&path->local, NULL, &fd);
    if (err != HF_OK)
        return HF_EIO;
    prepare(fd);
    socklen_t len = hf_sockaddr_of(&path->remote, &to);
    if (connect(fd, &to.any, len) != 0 && errno != EINPROGRESS) {
        err = error_of(errno);
        close(fd);
        return err;
    }
    hf_stream *s = add(d, fd, id, path, EPOLLOUT); /* writable when it is open, also where that was at once */
    if (!s) {
        close(fd);
        return HF_ENOMEM;
    }
    s->is_connecting = true;
    return HF_OK;
}

void hf_stream_connect(hf_object *d, const hf_request *request)
{
    hf_path path = request->path;
    hf_err err = connect_to(d, request->id, &path);

    if (err != HF_OK)
        tell(d, HF_REPLY_CONNECTED, request->id, err, &path);
}

static void on_connected(hf_stream *s)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        end(s, error_of(error));
        return;
    }
    s->is_connecting = false;
    hf_loop_reattach(s->owner->loop, &s->source, s->fd, EPOLLIN);
    tell(s->owner, HF_REPLY_CONNECTED, s->id, HF_OK, &s->path);
}

static hf_stream *find(const hf_object *d, const hf_path *path)
{
    hf_table_entry *e = hf_table_first(&d->streams_by_path, hf_table_hash_path(&d->streams_by_path, path));

    for (; e; e = hf_table_next(e)) {
        hf_stream *s = (hf_stream *)(void *)((char *)e - offsetof(hf_stream, by_path));

        if (hf_addr_equal(&s->path.local, &path->local) && hf_addr_equal(&s->path.remote, &path->remote))
            return s;
    }
    return NULL;
}

void hf_stream_disconnect(hf_object *d, const hf_request *request)
{
    hf_stream *s = request->id == 0 ? find(d, &request->path) : d->streams;

    while (request->id != 0 && s && s->id != request->id)
        s = s->next;
    if (s)
        close_stream(s);
}

/* --- Listening --- */

hf_err hf_listener_open(hf_object *owner, const hf_local *local, hf_listener **out)
{
    hf_loop *loop = owner->loop;
    hf_listener *l = hf_alloc(loop->env, sizeof *l);
    if (!l)
        return HF_ENOMEM;
    *l = (hf_listener){.source.kind = HF_SOURCE_LISTENER, .owner = owner, .local = *local};
    l->local.transport = HF_TCP;
    hf_err err = open_bound(&l->local.addr, owner, &l->fd);
    if (err != HF_OK)
        goto free_memory;
    err = HF_EIO;
    if (listen(l->fd, BACKLOG) != 0)
        goto close_fd;
    err = hf_loop_attach(loop, &l->source, l->fd, EPOLLIN);
    if (err != HF_OK)
        goto close_fd;
    loop->stats.sockets++;
    *out = l;
    return HF_OK;

close_fd:
    close(l->fd);
free_memory:
    hf_dealloc(loop->env, l);
    return err;
}

void hf_listener_close(hf_listener *l)
{
    if (!l)
        return;
    hf_loop *loop = l->owner->loop;

    hf_loop_timer_cancel(loop, &l->rest);
    close(l->fd);
    l->fd = -1;
    loop->stats.sockets--;
    hf_loop_bury(loop, &l->source);
}

static void on_rested(void *context)
{
    hf_listener *l = context;

    hf_loop_reattach(l->owner->loop, &l->source, l->fd, EPOLLIN);
}

/* The connection stays in the backlog and would wake us again and again. */
static void rest(hf_listener *l)
{
    hf_loop *loop = l->owner->loop;

    if (hf_loop_timer_set(loop, &l->rest, loop->now + REST, on_rested, l) == HF_OK)
        hf_loop_reattach(loop, &l->source, l->fd, 0);
}

static void take_in(hf_listener *l, int fd, const struct sockaddr *from)
{
    hf_object *d = l->owner;
    hf_path path = {.transport = HF_TCP, .local = l->local.addr};

    if (d->streams_len >= d->streams_max || !hf_sockaddr_read(from, &path.remote) || !add(d, fd, 0, &path, EPOLLIN)) {
        d->loop->stats.streams_refused++;
        close(fd);
        return;
    }
    prepare(fd);
    tell(d, HF_REPLY_CONNECTED, 0, HF_OK, &path);
}

void hf_listener_on_readable(hf_listener *l)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        hf_sockaddr from;
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            take_in(l, fd, &from.any);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            rest(l);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* --- Sending --- */

static size_t count_frames(size_t len, size_t segment)
{
    return (len + segment - 1) / segment;
}

/* How many bytes the system took; false: the stream is broken, which reading it will tell. */
static bool write_some(hf_stream *s, const uint8_t *data, size_t len, size_t *taken)
{
    *taken = 0;
    while (*taken < len) {
        ssize_t n = send(s->fd, data + *taken, len - *taken, MSG_NOSIGNAL);

        s->owner->loop->stats.send_calls++;
        if (n >= 0)
            *taken += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return true;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

static void on_stalled(void *context)
{
    hf_stream *s = context;

    s->is_stalled = true;
    s->owner->root->sockets_blocked--;
    tell(s->owner, HF_REPLY_ROOM, 0, HF_EAGAIN, &s->path);
}

static void hold(hf_stream *s, const uint8_t *data, size_t len)
{
    hf_loop *loop = s->owner->loop;

    s->held = hf_alloc_unfilled(loop->env, len);
    if (!s->held) {
        shutdown(s->fd,
                 SHUT_RDWR); /* without the rest of a frame nobody finds the next one: reading tells that it is over */
        return;
    }
    memcpy(s->held, data, len);
    s->held_len = len;
    s->held_at = 0;
    s->owner->root->sockets_blocked++;
    hf_loop_reattach(loop, &s->source, s->fd, EPOLLIN | EPOLLOUT);
    if (s->owner->never_waits || hf_loop_timer_set(loop, &s->stall, loop->now + STALL_AFTER, on_stalled, s) != HF_OK)
        on_stalled(s);
}

bool hf_stream_send(hf_object *d, const hf_path *path, const uint8_t *data, size_t len, size_t segment)
{
    hf_stream *s = find(d, path);
    hf_loop_stats *stats = &d->loop->stats;
    size_t taken = 0;

    if (!s || s->is_connecting)
        return false;
    if (s->held || !write_some(s, data, len, &taken)) {
        stats->send_errors += count_frames(len - taken, segment);
        return true;
    }
    stats->datagrams_sent += count_frames(len, segment);
    if (taken < len)
        hold(s, data + taken, len - taken);
    return true;
}

static void on_writable(hf_stream *s)
{
    size_t taken;

    if (!s->held)
        return;
    bool is_whole = write_some(s, s->held + s->held_at, s->held_len - s->held_at, &taken);
    s->held_at += taken;
    if (is_whole && s->held_at < s->held_len)
        return;
    bool was_told = s->is_stalled;
    drop_held(s);
    hf_loop_reattach(s->owner->loop, &s->source, s->fd, EPOLLIN);
    hf_object_make_ready(s->owner->root);
    if (was_told)
        tell(s->owner, HF_REPLY_ROOM, 0, HF_OK, &s->path);
}

/* --- Receiving --- */

/* False: the stream has ended, or has nothing more for now. */
static bool read_once(hf_stream *s)
{
    hf_object *d = s->owner;
    hf_datagram datagrams[HF_INPUT_MAX];
    uint8_t *memory = hf_receiver_memory(d->loop->receiver);
    size_t cap = (size_t)HF_INPUT_MAX * HF_DATAGRAM_MAX, n = 0;
    ssize_t got = recv(s->fd, memory, cap, MSG_DONTWAIT);

    d->loop->stats.receive_calls++;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return false;
    if (got <= 0) {
        end(s, got == 0 ? HF_OK : error_of(errno));
        return false;
    }
    for (size_t at = 0; at < (size_t)got; at += HF_DATAGRAM_MAX) {
        size_t len = (size_t)got - at < HF_DATAGRAM_MAX ? (size_t)got - at : HF_DATAGRAM_MAX;
        datagrams[n++] = (hf_datagram){.path = s->path, .data = memory + at, .len = len, .group = d->group};
    }
    d->endpoint->input(d->object, d->loop->now, datagrams, n);
    hf_object_make_ready(d->root);
    return (size_t)got == cap && !s->source.dead;
}

void hf_stream_on_event(hf_stream *s, uint32_t events)
{
    if (s->is_connecting) {
        on_connected(s);
        return;
    }
    if ((events & EPOLLOUT) != 0)
        on_writable(s);
    if ((events & ~(uint32_t)EPOLLOUT) == 0)
        return;
    for (int i = 0; i < READS_MAX && read_once(s); i++)
        ;
}
