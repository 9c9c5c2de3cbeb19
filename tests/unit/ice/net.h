/* net.h: two agents and the network between them, in virtual time.
 *
 * Each side is a host with sockets on some addresses. A host may stand behind a NAT: then datagrams that leave one of its
 * sockets appear to come from the NAT's address, and come in there only from where the host has sent to before; the NAT may
 * forget all that. A STUN server may answer. Links have a delay and may lose; a hook may look at, change or drop each
 * datagram. Streams are opened, refused and broken; what they carry arrives whole and in order, but cut anywhere. */
#ifndef TEST_ICE_NET_H
#define TEST_ICE_NET_H

#include "env.h"
#include "ice_priv.h"

#include <holdfast/turn.h>

#define NET_BEGINNING HF_SECONDS(100000) /* no clock begins at zero */
#define NET_LOCALS_MAX 4
#define NET_FLIGHTS_MAX 512
#define NET_HOLES_MAX 64
#define NET_STREAMS_MAX 64

typedef enum net_kind { NET_DATAGRAM = 0, NET_SYN, NET_ACCEPTED, NET_REFUSED, NET_BYTES, NET_END } net_kind;

typedef struct net_flight {
    hf_time arrives;
    uint64_t order; /* of two that arrive at once, the first sent */
    net_kind kind;
    hf_path path; /* local: as it leaves the sender's machine; remote: where it goes */
    size_t len;
    uint8_t data[1500];
} net_flight;

typedef struct net_hole {
    hf_addr inside, outside, remote;
} net_hole;

/* One end of a TCP connection. */
typedef struct net_stream {
    hf_path path;
    uint32_t id; /* of the request */
    bool is_open;
} net_stream;

typedef struct net_host {
    hf_ice *ice;
    test_env env;
    hf_local locals[NET_LOCALS_MAX];
    size_t locals_len;
    net_stream streams[NET_STREAMS_MAX];
    size_t streams_len, connects; /* connects: how often it asked for one */
    uint16_t port_next;
    hf_addr nat; /* family NONE: none; the port is that of the first mapping */
    bool nat_is_symmetric;
    bool nat_lets_in_any_port; /* of an address that the host has sent to (RFC 4787 §5, address-dependent filtering) */
    net_hole holes[NET_HOLES_MAX];
    size_t holes_len;

    /* what was told */
    hf_ice_candidate candidates[64];
    size_t candidates_len, candidates_given;
    hf_ice_state states[32];
    hf_err causes[32];
    size_t states_len;
    hf_ice_gathering gatherings[8];
    size_t gatherings_len;
    size_t route_changes, server_failures, credentials_needed, servers_answering;
    hf_err server_cause;
    const char *server_uri; /* that failed, or lacks credentials */
    size_t data_received, data_sent;
    hf_time data_at; /* when the last came */
    size_t sent;     /* datagrams */
    hf_time connected_at, completed_at;
} net_host;

#define NET_NAMES_MAX 16
#define NET_TURNS_MAX 3
#define NET_RELAYS_MAX 64
#define NET_TURN_USER "user"
#define NET_TURN_PASSWORD "password"

/* A TURN server, and its machine. */
typedef struct net_turn {
    hf_turn_server *server; /* NULL: it is dead */
    hf_turn_server_config config;
    hf_turn_range everywhere[2];
    test_env env;
    hf_addr listens[2], relays[NET_RELAYS_MAX];
    hf_path streams[NET_RELAYS_MAX];
    size_t listens_len, relays_len, streams_len;
    bool is_deaf_to_udp; /* of clients */
} net_turn;

typedef struct net_name {
    char text[64];
    hf_addr addr;
} net_name;

typedef struct net {
    net_host a, b;
    hf_time now;
    hf_span delay;  /* one way */
    hf_span signal; /* one way of a candidate over signalling; HF_NEVER: candidates are not given */
    unsigned loss;  /* percent */
    uint64_t random;
    bool is_cut;
    bool has_tcp;        /* agents have TCP candidates unless their configuration says no; otherwise the other way round */
    bool udp_is_blocked; /* datagrams vanish */
    bool tcp_is_silent;  /* what wants to connect hears nothing; otherwise it is refused where nobody listens */
    bool forgives_lack_of_memory;
    uint64_t order_next;
    hf_addr server; /* a STUN server; family NONE: none */
    bool server_is_silent, server_refuses;
    hf_addr server_redirects_to; /* who asks it for an allocation; family NONE: nobody */
    size_t redirections;
    net_turn turns[NET_TURNS_MAX];
    size_t turns_len;
    net_name names[NET_NAMES_MAX]; /* that were advertised */
    size_t names_len;
    bool has_multicast;                                /* false: nobody hears of them */
    hf_addr name_resolves_to;                          /* family NONE: does not resolve */
    hf_addr name_resolves_too;                         /* family NONE: to no second address */
    bool (*hook)(struct net *net, net_flight *flight); /* false: dropped */
    void *context;
    net_flight *flights;
    size_t flights_len;
} net;

hf_addr net_addr(const char *text);

/* Two hosts with one IPv4 address each: 10.0.0.1 (A, controlling) and 10.0.0.2; 10 ms one way. */
void net_init(net *n, uint64_t seed);
void net_clear(net *n);
void net_host_set_local(net_host *host, size_t index, const char *addr); /* index locals_len appends */

/* A socket that listens for streams, for an agent that is configured so. */
void net_host_listen(net_host *host, const char *addr);

void net_start(net *n, const hf_ice_config *a, const hf_ice_config *b); /* makes agents and gathers */
void net_set_remote(net *n, net_host *host, const net_host *remote);    /* gives the credentials of one to the other */
void net_set_renominating_remote(net *n, net_host *host, const net_host *remote);
void net_exchange(net *n);        /* gives each side the other's credentials */
void net_give_candidates(net *n); /* gives what has been found so far to the other side */
void net_connect(net *n);         /* start, exchange, and candidates as they come */

void net_restart(net *n, net_host *host); /* begins one and gathers; net_exchange tells the credentials */

/* Runs for `span`; candidates are given as they are found when `trickle` is on. */
void net_run(net *n, hf_span span);
void net_locals_changed(net *n, net_host *host);
void net_send(net *n, const hf_path *path, const void *data, size_t len);
bool net_says(net *n, net_host *host, const char *text); /* sends data along the route; false: there is none */
void net_talk(net *n, hf_span span);                     /* runs, and both sides say something each 20 ms */
void net_rebind(net_host *host);                         /* its NAT forgets all, and chooses other ports from here on */
/* All streams break: both sides are told. */
void net_break_streams(net *n);
bool net_has_state(const net_host *host, hf_ice_state state);

/* net_turn.c: a TURN server of ours at one or two addresses, which knows one user; `config` may be NULL. */
net_turn *net_add_turn(net *n, const char *addr, const char *addr_too, const hf_turn_server_config *config);
void net_kill_turn(net *n, net_turn *turn); /* its streams break */
void net_start_turn(net *n, net_turn *turn);
bool net_drain_turn(net *n, net_turn *turn);
bool net_deliver_turn(net *n, net_turn *turn, const net_flight *flight); /* false: it is for somebody else */

/* net_tcp.c, for net.c */
void net_connect_stream(net *n, net_host *host, const hf_request *request);
void net_disconnect_stream(net *n, net_host *host, const hf_request *request);
void net_send_bytes(net *n, net_host *host, const hf_path *path, const uint8_t *data, size_t len);
void net_deliver_stream(net *n, net_host *host, const net_flight *flight);
void net_put(net *n, net_kind kind, const hf_path *path, const void *data, size_t len);
unsigned net_percent(net *n);

#endif
