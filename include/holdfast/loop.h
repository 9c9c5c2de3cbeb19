/* loop.h: the runtime that does the I/O: one thread, one epoll, any number of peers.
 *
 * The loop owns sockets, name look-ups, interface enumeration, the clock and timers, and drives objects that do no I/O
 * themselves through one small table of functions (hf_endpoint). All functions and all handlers belong to the thread
 * that runs the loop; hf_loop_post and hf_loop_stop may be called from any thread. Inside a handler any function may be
 * called. */
#ifndef HOLDFAST_LOOP_H
#define HOLDFAST_LOOP_H

#include <holdfast/engine.h>
#include <holdfast/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_loop hf_loop;

/* Fills an environment from the operating system: malloc, getrandom(2), and no log. It lives as long as `out`. */
void hf_env_system(hf_env *out);

/* The system's monotonic clock that goes on while the machine sleeps (CLOCK_BOOTTIME), for those who drive by hand. */
hf_time hf_clock_now(void);

/* Makes a loop, and with it the process's SCTP engine: HF_EBUSY where there is one already. HF_EINVAL: env is not usable.
 * HF_EIO: the system gave no epoll or event descriptor. `env` must outlive the loop. */
HF_CHECKED hf_err hf_loop_new(hf_loop **out, const hf_env *env);

/* Closes all sockets, drops what was added and posted, and frees. NULL is fine. Not from inside a handler. Objects are
 * freed by their makers, before the loop when they use its engine. */
void hf_loop_free(hf_loop *loop);

/* The loop's engine, for hf_peer_config and hf_manager_config. */
hf_engine *hf_loop_engine(hf_loop *loop);

/* The moment that the loop's present turn began. */
hf_time hf_loop_now(const hf_loop *loop);

/* Runs until hf_loop_stop. HF_EIO: the system failed it. */
HF_CHECKED hf_err hf_loop_run(hf_loop *loop);

/* One turn: waits for at most `wait` (0: not at all; HF_NEVER: until something happens) and does what there is to do. */
HF_CHECKED hf_err hf_loop_step(hf_loop *loop, hf_span wait);

/* Makes hf_loop_run return after the present turn. Any thread. */
void hf_loop_stop(hf_loop *loop);

/* A descriptor that is readable when hf_loop_step has work, and the moment when it has at the latest: to put the loop into
 * another one's poll. */
int hf_loop_fd(const hf_loop *loop);
hf_time hf_loop_deadline(const hf_loop *loop);

/* Runs fn(context) in the loop's thread, soon and in order. Any thread. HF_ENOMEM; HF_ELIMIT: HF_LOOP_POSTS_MAX are
 * waiting. */
#define HF_LOOP_POSTS_MAX 65536
HF_CHECKED hf_err hf_loop_post(hf_loop *loop, void (*fn)(void *context), void *context);

/* A timer in the caller's memory, zeroed before its first use; it must stay where it is while armed. */
typedef struct hf_timer {
    hf_time at;
    void (*fn)(void *context);
    void *context;
    size_t slot; /* the loop's: position + 1; 0: not armed */
} hf_timer;

/* Arms the timer (again) for `at`. It fires once. HF_ENOMEM. */
HF_CHECKED hf_err hf_loop_timer_set(hf_loop *loop, hf_timer *timer, hf_time at, void (*fn)(void *context), void *context);
void hf_loop_timer_cancel(hf_loop *loop, hf_timer *timer); /* not armed: fine */

/* Calls fn(context) whenever the descriptor is readable (or at its end, or in error). One watch a descriptor: HF_EEXIST. */
HF_CHECKED hf_err hf_loop_watch(hf_loop *loop, int fd, void (*fn)(void *context), void *context);
void hf_loop_unwatch(hf_loop *loop, int fd);

/* How an object is driven. Every function is required. See io.h for what they do. */
typedef struct hf_endpoint {
    void (*input)(void *object, hf_time now, hf_datagram *datagrams, size_t n);
    bool (*poll_transmit)(void *object, hf_time now, hf_transmit *out);
    bool (*poll_request)(void *object, hf_request *out);
    void (*reply)(void *object, hf_time now, const hf_reply *reply);
    hf_time (*deadline)(const void *object);
    void (*tick)(void *object, hf_time now);
    /* Runs the application's handlers for what has happened. It may call any function, hf_loop_remove of this object
     * included. */
    void (*dispatch)(void *object, hf_time now);
    /* Gives the object a function to call when a call of the application has left it something to send or to tell, so that
     * the loop need not look at idle ones. NULL takes it back. */
    void (*set_wake)(void *object, void (*wake)(void *context), void *context);
} hf_endpoint;

/* On which local addresses sockets are made. Zeroes: any port of every address of every interface that is up, loopback
 * excepted. All that is said must hold: an address that is named on an interface that is not gets no socket. Interfaces and
 * addresses may come later: they are looked for whenever something changes. All is copied. */
typedef struct hf_bind {
    const hf_addr *addrs; /* only these (ports are ignored); loopback ones, too */
    size_t addrs_len;
    const char *const *interfaces; /* only these, by name ("eth0"); loopback ones, too */
    size_t interfaces_len;
    hf_family family;               /* only this one; NONE: both */
    bool loopback;                  /* loopback addresses as well */
    uint16_t port_first, port_last; /* UDP ports, and TCP ports that listen: one of these, chosen at random; 0, 0: any */
} hf_bind;

/* Drives `object` by `endpoint` from now on. HF_EEXIST: it is driven already. HF_EINVAL: an address to bind that is
 * none, a name that no interface can have, a range that is none. HF_ENOMEM. Where no socket could be had on any address, its
 * HF_REPLY_LOCALS bears the reason: HF_ELIMIT when all ports of the range are taken. `endpoint` must stay alive, and
 * `object` until it is removed. */
HF_CHECKED hf_err hf_loop_add(hf_loop *loop, const hf_endpoint *endpoint, void *object, const hf_bind *bind);

/* Stops driving it and closes its sockets; what it had to send is sent first. Not added: fine. */
void hf_loop_remove(hf_loop *loop, void *object);

/* How one peer is driven, and what to call for its events: handler(context) runs when there may be some, and takes them with
 * hf_peer_poll_event. The loop fills in `object`. The struct stays where it is until hf_loop_remove. */
typedef struct hf_driven {
    void *object;
    void (*handler)(void *context);
    void *context;
} hf_driven;

struct hf_manager;
struct hf_peer;
struct hf_session;
struct hf_trust;
struct hf_turn_server;

/* Drives a peer. HF_EEXIST, HF_ENOMEM. Remove it with hf_loop_remove(loop, driven). (An ICE agent alone has an
 * hf_endpoint of the application's own, which knows where the data goes that hf_ice_input leaves.) */
HF_CHECKED hf_err hf_loop_add_peer(hf_loop *loop, struct hf_peer *peer, const hf_bind *bind, hf_driven *driven);

/* Drives a session; its handlers run in the loop's turns. HF_EEXIST, HF_ENOMEM. Remove with hf_loop_remove(loop,
 * session). */
HF_CHECKED hf_err hf_loop_add_session(hf_loop *loop, struct hf_session *session, const hf_bind *bind);

/* Drives a manager with all the sessions that it has and will have; `bind` holds for each. HF_EEXIST, HF_ENOMEM. Remove
 * it with hf_loop_remove_manager before it is freed. */
HF_CHECKED hf_err hf_loop_add_manager(hf_loop *loop, struct hf_manager *manager, const hf_bind *bind);
void hf_loop_remove_manager(hf_loop *loop, struct hf_manager *manager);

/* Drives a TURN server (turn.h), whose clients come to these addresses with their ports, by UDP and TCP. An unspecified one
 * (0.0.0.0, ::) means all of its family that this machine has, those that come later, too; port 0 any. HF_EINVAL: there is
 * none, or too many; HF_EEXIST: it is driven already; HF_EBUSY: a port is taken; HF_EIO, HF_ENOMEM. Remove it with
 * hf_loop_remove(loop, server). */
HF_CHECKED hf_err hf_loop_add_turn_server(hf_loop *loop, struct hf_turn_server *server, const hf_addr *listen,
                                          size_t listen_len);

/* Writes at most `cap` of the addresses that a server's clients come to, with the ports that they got, and returns how many
 * there are. */
size_t hf_loop_listens(hf_loop *loop, const struct hf_turn_server *server, hf_addr *out, size_t cap);

/* Reads the system's certificate authorities, where Linux distributions keep them. HF_ENOENT: there are none. HF_ENOMEM,
 * HF_ECERTIFICATE. Blocks for some milliseconds; needs no loop. */
HF_CHECKED hf_err hf_trust_system(struct hf_trust **out, const hf_env *env);

/* What passed the sockets, for the curious. */
typedef struct hf_loop_stats {
    uint64_t datagrams_sent, datagrams_received, send_calls, receive_calls;
    uint64_t send_errors;     /* datagrams that the system would not take: lost, as on a network */
    uint64_t receive_errors;  /* reports of the system, such as an ICMP error; they are not acted on */
    uint64_t drop_oversize;   /* arrived larger than HF_DATAGRAM_MAX */
    uint64_t streams_refused; /* connections to a listening socket whose object had all that it may have */
    size_t objects, sockets, streams;
} hf_loop_stats;

void hf_loop_get_stats(const hf_loop *loop, hf_loop_stats *out);

#ifdef __cplusplus
}
#endif
#endif
