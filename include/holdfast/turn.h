/* turn.h: a small STUN and TURN server (RFC 8489, RFC 8656), for demonstrations, tests, simulations and small teams.
 *
 * It answers Binding requests and relays over UDP for clients that come by UDP or TCP. It does no I/O: io.h tells how it is
 * driven, hf_loop_add_turn_server drives it. Everything a client can make it hold is bounded. One thread at a time. */
#ifndef HOLDFAST_TURN_H
#define HOLDFAST_TURN_H

#include <holdfast/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_turn_server hf_turn_server;

#define HF_TURN_ALLOCATIONS_MAX 1024
#define HF_TURN_ALLOCATIONS_OF_USER 64
#define HF_TURN_PORT_FIRST 49152 /* RFC 8656 §7.2 */
#define HF_TURN_PORT_LAST 65535

typedef struct hf_turn_user {
    const char *name, *password;
} hf_turn_user;

/* A range of addresses of peers: those whose first `prefix` bits are `addr`'s. */
typedef struct hf_turn_range {
    hf_addr addr;
    uint8_t prefix;
} hf_turn_range;

/* Zero is always the default. All is copied. */
typedef struct hf_turn_server_config {
    const char *realm; /* NULL: "holdfast" */
    const hf_turn_user *users;
    size_t users_len;   /* 0, and no secret: STUN alone, every Allocate is refused */
    const char *secret; /* time-limited credentials: the user name is "expiry[:anything]", in seconds of the calendar, the
                            password base64(HMAC-SHA1(secret, user name)). `calendar` must be given, too */
    uint64_t calendar;  /* seconds since 1970 at the moment of hf_turn_server_new */
    const hf_addr *relay_addrs; /* to relay from, at most one of each family; none: the address that the client came to */
    size_t relay_addrs_len;
    uint16_t port_first, port_last; /* of relayed addresses; 0, 0: HF_TURN_PORT_FIRST to _LAST */
    const hf_turn_range *allowed; /* peers that are let through although they are loopback, private, link-local, mapped, … */
    size_t allowed_len;
    const hf_turn_range *denied; /* and that never are */
    size_t denied_len;
    size_t allocations_max;      /* 0: HF_TURN_ALLOCATIONS_MAX */
    size_t user_allocations_max; /* 0: HF_TURN_ALLOCATIONS_OF_USER */
    uint64_t rate_max;           /* bytes a second that one allocation may relay, each way; 0: no limit */
} hf_turn_server_config;

/* HF_EINVAL, HF_ENOMEM. */
HF_CHECKED hf_err hf_turn_server_new(hf_turn_server **out, hf_time now, const hf_turn_server_config *config,
                                     const hf_env *env);
void hf_turn_server_free(hf_turn_server *server); /* NULL is fine */

/* Driving (io.h). It asks for relay sockets (HF_REQUEST_BIND, UNBIND), closes streams (DISCONNECT), and takes accepted ones
 * (HF_REPLY_CONNECTED with id 0). Its own listening sockets are the driver's affair: what comes on any path that is not a
 * relay socket's is a client's. */
void hf_turn_server_input(hf_turn_server *server, hf_time now, hf_datagram *datagrams, size_t n);
bool hf_turn_server_poll_transmit(hf_turn_server *server, hf_time now, hf_transmit *out);
bool hf_turn_server_poll_request(hf_turn_server *server, hf_request *out);
void hf_turn_server_reply(hf_turn_server *server, hf_time now, const hf_reply *reply);
hf_time hf_turn_server_deadline(const hf_turn_server *server);
void hf_turn_server_tick(hf_turn_server *server, hf_time now);

typedef struct hf_turn_server_stats {
    size_t allocations; /* now */
    uint64_t allocations_made, refused_credentials, refused_quota, refused_peer, refused_other;
    uint64_t bindings; /* answered Binding requests */
    uint64_t to_peers_packets, to_peers_bytes, to_clients_packets, to_clients_bytes;
    uint64_t dropped; /* malformed, without permission, above a limit */
} hf_turn_server_stats;

void hf_turn_server_get_stats(const hf_turn_server *server, hf_turn_server_stats *out);

#ifdef __cplusplus
}
#endif
#endif
