/* loop_priv.h: the inside of the loop, shared by the files of this folder.
 *
 * One turn (loop.c) is: wait, take in what the system reports, fire timers, serve the objects on the ready list, bury the
 * dead. Nothing in it walks over all objects: an idle one costs its memory and its place in the timer heap.
 *
 * What can disappear in a handler while the loop still holds its address (an object, a socket, a watch) begins with an
 * hf_source: it is marked dead at once, and its memory goes at the end of the turn. */
#ifndef HF_LOOP_PRIV_H
#define HF_LOOP_PRIV_H

#include "table.h"

#include <holdfast/loop.h>

#include <net/if.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/types.h>

#define HF_INTERFACES_MAX 64      /* addresses of this machine that are looked at */
#define HF_SOCKETS_MAX 32         /* sockets of one object, and as many that listen */
#define HF_CONNECTIONS_MAX 64     /* TCP streams of one object, those not open yet included */
#define HF_GROUPS_MAX 16          /* groups of sockets of one object */
#define HF_GUESTS_MAX 4096        /* the same of a server */
#define HF_BOUND_MAX 16384        /* sockets of one object that it asked for one by one */
#define HF_LOOKUPS_MAX 256        /* names being looked up for one loop */
#define HF_LOOKUP_ADDRS_MAX 16    /* addresses of one name */
#define HF_LOOKUP_NAME_MAX 255    /* RFC 1035 §2.3.4 */
#define HF_RESOLVER_WORKERS_MAX 4 /* threads, started when there is work for them */
#define HF_RUN_MAX 65536          /* bytes of one run that an object may write */
#define HF_INPUT_MAX 64           /* datagrams of one call of input */

typedef struct hf_object hf_object;
typedef struct hf_resolver hf_resolver;
typedef struct hf_receiver hf_receiver;
typedef struct hf_multicast hf_multicast;

typedef enum hf_source_kind {
    HF_SOURCE_OBJECT = 1, /* never in epoll */
    HF_SOURCE_SOCKET,
    HF_SOURCE_LISTENER,
    HF_SOURCE_STREAM,
    HF_SOURCE_WATCH,
    HF_SOURCE_POSTS,
    HF_SOURCE_ALARM,
    HF_SOURCE_RESOLVER,
    HF_SOURCE_INTERFACES,
    HF_SOURCE_MULTICAST
} hf_source_kind;

typedef struct hf_source {
    hf_source_kind kind;
    bool dead;
    struct hf_source *next_dead;
} hf_source;

/* --- timers.c: a binary heap; of equal moments the one that was set first comes first --------------------------------- */

typedef struct hf_timer_entry {
    hf_time at;
    uint64_t serial;
    hf_timer *timer;
} hf_timer_entry;

typedef struct hf_timers {
    const hf_env *env;
    hf_timer_entry *entries;
    size_t len, cap;
    uint64_t serial; /* of the next one to be set */
} hf_timers;

/* Sets timer->at and its place; HF_ENOMEM is possible only for one that is not armed. */
HF_CHECKED hf_err hf_timers_set(hf_timers *timers, hf_timer *timer, hf_time at);
void hf_timers_move(hf_timers *timers, hf_timer *timer, hf_time at); /* an armed one */
void hf_timers_cancel(hf_timers *timers, hf_timer *timer);
hf_time hf_timers_first(const hf_timers *timers); /* HF_NEVER: none */

/* Takes out the first timer that is due and was set before `serial`; NULL: none. */
hf_timer *hf_timers_pop(hf_timers *timers, hf_time now, uint64_t serial);
void hf_timers_clear(hf_timers *timers);

/* --- post.c: functions from other threads ----------------------------------------------------------------------------- */

typedef struct hf_posts hf_posts;

/* HF_ENOMEM, HF_EIO. `source` is what epoll reports. */
HF_CHECKED hf_err hf_posts_new(hf_posts **out);
void hf_posts_free(hf_posts *posts);
int hf_posts_fd(const hf_posts *posts);
void hf_posts_signal(hf_posts *posts); /* any thread */
void hf_posts_run(hf_posts *posts);    /* what had been posted when the call began */

/* --- udp.c: one socket ------------------------------------------------------------------------------------------------ */

typedef struct hf_socket {
    hf_source source;
    hf_object *owner;
    struct hf_socket *next, *prev; /* of the same owner and kind; prev: of those that were asked for */
    hf_table_entry by_addr;        /* of those that were asked for */
    uint32_t id;                   /* of the request */
    int fd;
    hf_local local;
    struct hf_listener *listener; /* on the same address; NULL: none */
    bool gso;                     /* the kernel cuts runs for us (UDP_SEGMENT); turned off where a route will not have it */
    bool gro;                     /* the kernel may join datagrams for us (UDP_GRO) */

    /* The rest of a run that the system had no room for. While there is one, the owner is asked for no more. */
    uint8_t *held;
    size_t held_len, held_segment;
    hf_addr held_remote;
} hf_socket;

/* Makes a socket that is bound as hf_socket_bind does. HF_ENOMEM, and what that says. */
HF_CHECKED hf_err hf_socket_open(hf_object *owner, const hf_local *local, hf_socket **out);
void hf_socket_close(hf_socket *socket);

/* Sends a run of equal-sized datagrams. What the system has no room for now is held. */
void hf_socket_send(hf_socket *socket, const hf_addr *remote, const uint8_t *data, size_t len, size_t segment);
void hf_socket_on_writable(hf_socket *socket);
void hf_socket_on_readable(hf_socket *socket);

/* Binds to that address, with its port; where it has none, to one that the owner may have (NULL: any), which is filled in.
 * HF_EEXIST: the port is taken; HF_ELIMIT: all that it may have are; HF_EIO. */
HF_CHECKED hf_err hf_socket_bind(int fd, hf_addr *addr, const hf_object *owner);
bool hf_socket_set(int fd, int level, int name, int value);

HF_CHECKED hf_err hf_receiver_new(hf_receiver **out, const hf_env *env);
void hf_receiver_free(hf_receiver *receiver, const hf_env *env);

/* Memory of at least HF_INPUT_MAX * HF_DATAGRAM_MAX bytes for what arrives, free between two calls of input. */
uint8_t *hf_receiver_memory(hf_receiver *receiver);

/* --- bound.c: sockets that an object asks for one by one -------------------------------------------------------------- */

void hf_bound_answer(hf_object *driven, const hf_request *request);
void hf_bound_close(hf_object *driven, const hf_request *request);
hf_socket *hf_bound_find(const hf_object *driven, const hf_addr *addr);
void hf_bound_clear(hf_object *driven);

/* --- listen.c: the sockets that the clients of a server come to ------------------------------------------------------- */

/* Makes them, and tells the object (HF_REPLY_LOCALS). An address without IP means each of its family that this machine has,
 * those that come later, too. HF_EINVAL, HF_EBUSY: a port is taken; HF_EIO, HF_ENOMEM. */
HF_CHECKED hf_err hf_listen_open(hf_object *driven, const hf_addr *addrs, size_t n);
void hf_listen_refresh(hf_object *driven); /* the addresses of this machine have changed */

/* --- tcp.c: listening sockets, and the streams of an object ----------------------------------------------------------- */

typedef struct hf_listener {
    hf_source source;
    hf_object *owner;
    int fd;
    hf_local local;
    hf_timer rest; /* the system has no descriptor left: nothing is accepted until then */
} hf_listener;

typedef struct hf_stream {
    hf_source source;
    hf_object *owner;
    struct hf_stream *next, *prev; /* of the same owner */
    hf_table_entry by_path;
    int fd;
    uint32_t id; /* of the request; 0: it was accepted */
    hf_path path;
    bool is_connecting;

    /* The rest of a run that the system had no room for. While there is one the owner is asked for no more, for
     * a while; then it goes on, and what it sends here is left out. */
    uint8_t *held;
    size_t held_len, held_at;
    bool is_stalled;
    hf_timer stall;
} hf_stream;

/* Makes one on local->addr, as hf_socket_bind does. HF_ENOMEM, and what that says. */
HF_CHECKED hf_err hf_listener_open(hf_object *owner, const hf_local *local, hf_listener **out);
void hf_listener_close(hf_listener *listener);
void hf_listener_on_readable(hf_listener *listener);

void hf_stream_connect(hf_object *owner, const hf_request *request);
void hf_stream_disconnect(hf_object *owner, const hf_request *request);

/* Sends a run of frames of `segment` bytes; false: there is no such stream. */
bool hf_stream_send(hf_object *owner, const hf_path *path, const uint8_t *data, size_t len, size_t segment);
void hf_stream_on_event(hf_stream *stream, uint32_t events);
void hf_streams_end_at(hf_object *owner, const hf_addr *local); /* the address has gone: they are told to have ended */
void hf_streams_close(hf_object *owner);

/* --- interfaces.c: the addresses of this machine ---------------------------------------------------------------------- */

typedef struct hf_interface {
    hf_addr addr; /* port 0 */
    char name[IF_NAMESIZE];
    uint32_t index;
    uint16_t preference;
    uint8_t prefix; /* bits */
} hf_interface;

typedef struct hf_interfaces {
    hf_source source;
    int fd;       /* rtnetlink: tells of changes; -1: not open */
    bool current; /* the list is what a look would find now */
    hf_interface items[HF_INTERFACES_MAX];
    size_t len;
    hf_timer settle; /* a change comes as a burst of messages */
} hf_interfaces;

/* Brings loop->interfaces up to date. HF_EIO: the system does not tell. */
HF_CHECKED hf_err hf_interfaces_read(hf_loop *loop);
/* The interface that has this address; NULL: none. */
const hf_interface *hf_interfaces_find(const hf_interfaces *interfaces, const hf_addr *addr);
void hf_interfaces_on_readable(hf_loop *loop);
void hf_interfaces_close(hf_loop *loop);

/* --- routes.c: which interfaces the system prefers -------------------------------------------------------------------- */

#define HF_ROUTES_MAX 16

typedef struct hf_route {
    uint32_t interface;
    uint16_t level;
} hf_route;

typedef struct hf_routes {
    hf_route items[HF_ROUTES_MAX];
    size_t len;
} hf_routes;

void hf_routes_read(hf_routes *out);
/* 0: no default route leads over it. A greater level is better; 6 is the best. */
uint16_t hf_routes_level(const hf_routes *routes, uint32_t interface);

/* --- bind.c: what the application says about addresses ---------------------------------------------------------------- */

/* HF_EINVAL, HF_ENOMEM. NULL: zeroes. */
HF_CHECKED hf_err hf_bind_copy(hf_bind *out, const hf_bind *from, const hf_env *env);
void hf_bind_clear(hf_bind *bind, const hf_env *env); /* a copy */
bool hf_bind_allows(const hf_bind *bind, const hf_interface *item);

/* --- locals.c: which sockets an object has ---------------------------------------------------------------------------- */

/* Answers HF_REQUEST_LOCALS. */
void hf_locals_answer(hf_object *driven, const hf_request *request);

/* A socket of the object is bound to that IP. */
bool hf_locals_include(const hf_object *driven, const hf_addr *addr);

/* Brings the sockets in step with the addresses there are; tells the object, unasked, if they changed. */
void hf_locals_refresh(hf_object *driven);

/* Tells the object its sockets and what listens. */
void hf_locals_tell(hf_object *driven, uint32_t id, hf_err err);

/* --- resolver.c: names to addresses, on threads of its own ------------------------------------------------------------ */

/* A look-up that blocks: writes at most `cap` addresses and returns how many. */
typedef size_t hf_lookup_fn(const char *name, hf_addr *out, size_t cap);

typedef struct hf_lookup hf_lookup;

void hf_resolver_ask(hf_object *driven, uint32_t id, const char *name);
void hf_resolver_forget(hf_object *driven); /* no answer to it any more */
void hf_resolver_on_readable(hf_loop *loop);
void hf_resolver_free(hf_resolver *resolver);
hf_lookup_fn hf_resolver_getaddrinfo;

/* --- multicast.c: the names of candidates ----------------------------------------------------------------------------- */

void hf_multicast_resolve(hf_object *driven, const hf_request *request);
void hf_multicast_advertise(hf_object *driven, const hf_request *request);
void hf_multicast_forget(hf_object *driven); /* no answer to it any more, and none for its names */
void hf_multicast_refresh(hf_loop *loop);    /* the addresses of this machine have changed */
void hf_multicast_on_readable(hf_source *source);
void hf_multicast_free(hf_multicast *multicast);

/* --- watch.c ---------------------------------------------------------------------------------------------------------- */

typedef struct hf_watch {
    hf_source source;
    struct hf_watch *next;
    int fd;
    bool always; /* a regular file: epoll takes none (EPERM), for it is always readable */
    void (*fn)(void *context);
    void *context;
} hf_watch;

void hf_watch_run_always(hf_loop *loop);
void hf_watch_clear(hf_loop *loop);

/* --- object.c: what is driven ----------------------------------------------------------------------------------------- */

struct hf_object {
    hf_source source;
    hf_object *root;       /* the one that is driven: itself, but for further groups of its sockets */
    hf_object *next_group; /* of the same root */
    uint32_t group;        /* 0 at the root */
    hf_loop *loop;
    const hf_endpoint *endpoint;
    void *object;
    hf_object *table_next;
    hf_object *ready_next, *ready_prev;
    bool ready;
    bool wants_locals; /* it asked for local addresses: it is told of changes */
    bool wants_listeners;
    hf_timer timer; /* always in the heap: an object without a deadline is there at HF_NEVER, so that moving never fails */
    hf_bind bind;
    hf_socket *sockets; /* one for each local address */
    size_t sockets_len, sockets_blocked;
    hf_socket *bound; /* others that it asked for */
    size_t bound_len;
    hf_table bound_by_addr;
    hf_stream *streams;
    size_t streams_len, streams_max;
    hf_table streams_by_path;
    hf_addr *listen; /* a server's: what it listens on */
    size_t listen_len;
    bool never_waits; /* for room on a stream: what does not fit is lost at once, for others are waiting, too */
    hf_lookup *lookups;
};

void hf_object_make_ready(hf_object *driven);
hf_object *hf_object_find(hf_loop *loop, const void *object); /* NULL: it is not driven */
void hf_objects_serve(hf_loop *loop);
void hf_objects_refresh_locals(hf_loop *loop);
void hf_objects_clear(hf_loop *loop);

/* Closes all that it has asked for. */
void hf_object_close_all(hf_object *driven);

/* --- groups.c: the groups of sockets of one object -------------------------------------------------------------------- */

hf_object *hf_group_find(hf_object *root, uint32_t id); /* NULL: there is none */
hf_object *hf_group_need(hf_object *root, uint32_t id); /* the same, or a new one; NULL: no memory, or too many */
void hf_group_release(hf_object *root, uint32_t id);
void hf_groups_clear(hf_object *root); /* all but the first */

/* Hands a reply to the object, from that group. */
void hf_group_reply(hf_object *driven, hf_reply *reply);
/* Answers that it can't be (HF_ELIMIT). */
void hf_group_refuse(hf_object *root, const hf_request *request);

/* --- loop.c ----------------------------------------------------------------------------------------------------------- */

struct hf_loop {
    const hf_env *env;
    hf_engine *engine;
    int epoll_fd;
    hf_time now;
    bool in_turn;
    atomic_bool stopping;
    hf_source *dead;

    int alarm_fd;     /* a timerfd: unlike epoll's timeout it counts the time that the machine slept */
    hf_time alarm_at; /* what it is set to; HF_NEVER: nothing, or it has fired */
    hf_source alarm_source;
    hf_timers timers;

    hf_posts *posts;
    hf_source posts_source;

    hf_object **table; /* by address of the object; table_cap is a power of two */
    size_t table_cap, objects_len;
    hf_object *ready_first, *ready_last;
    size_t ready_len;

    struct hf_crew *crews;              /* managers */
    void (*clear_crews)(hf_loop *loop); /* set with the first, so that a program without managers links none */

    hf_watch *watches;
    size_t watches_always;

    hf_receiver *receiver;
    uint8_t *run; /* HF_RUN_MAX bytes for poll_transmit to write to */

    hf_interfaces interfaces;
    hf_multicast *multicast; /* NULL before the first name */

    hf_resolver *resolver; /* NULL before the first look-up */
    hf_source resolver_source;
    hf_lookup_fn *lookup; /* what its threads call */

    hf_loop_stats stats;
};

/* Has epoll report `source` for these events. HF_EIO; HF_EEXIST; HF_ENOTSUP: epoll takes no such descriptor. */
HF_CHECKED hf_err hf_loop_attach(hf_loop *loop, hf_source *source, int fd, uint32_t events);
void hf_loop_reattach(hf_loop *loop, hf_source *source, int fd, uint32_t events);

/* Marks dead, and frees the block that begins with it as soon as nobody can hold its address. */
void hf_loop_bury(hf_loop *loop, hf_source *source);

#endif
