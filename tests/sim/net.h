/* net.h: networks within networks, each behind its NAT, and what a packet meets on its way.
 *
 * A packet crosses the link of the interface that it leaves by, goes out through NATs until a network knows its
 * destination, crosses the middle if that network is the internet, goes in through the NATs of the other side, and crosses
 * the link of the interface that it arrives by. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "nat.h"

struct sim;
struct sim_host;

/* What a link does to each datagram. Chances are out of 1000. */
typedef struct sim_link {
    hf_span delay;  /* one way */
    hf_span jitter; /* added, evenly from 0: above the gap between datagrams it reorders them */
    unsigned loss;
    unsigned duplicate;
    unsigned corrupt; /* one bit flips */
    bool cut;         /* nothing passes */
    uint64_t rate;    /* bytes per second, with UDP's and IP's headers, each way; 0: any */
    size_t queue;     /* bytes that wait for it, each way; what is more is dropped */
} sim_link;

/* Until when a link of limited rate is busy with what it has taken, in each direction. */
typedef struct sim_queue {
    hf_time until[2];
} sim_queue;

/* A network whose addresses see each other. */
typedef struct sim_realm {
    struct sim_realm *outer; /* NULL: this is the internet */
    nat gate;                /* to `outer` */
} sim_realm;

#define SIM_REALMS_MAX 16

/* Where a host is on a network. */
typedef struct sim_interface {
    struct sim_host *host;
    sim_realm *realm; /* NULL: it is unplugged */
    hf_addr addrs[2]; /* IPv4, IPv6, with the port of the host's UDP socket there; family NONE: none */
    sim_link link;    /* to its network, each way */
    sim_queue queue;
    uint32_t number; /* the interface's index */
    uint16_t preference;
} sim_interface;

/* Makes the network that lies behind a NAT of `outer`, which is the internet where NULL. */
sim_realm *sim_add_realm(struct sim *s, sim_realm *outer, const nat_config *gate);

/* The internet. */
sim_realm *sim_internet(struct sim *s);

/* Sends a datagram from an interface. */
void sim_net_send(sim_interface *from, const hf_path *path, const uint8_t *data, size_t len);

/* Goes the way of a packet at once, and rewrites its addresses as NATs do. NULL: it gets nowhere. *delay: what the links add
 * up to; one that is cut ends the way. */
sim_interface *sim_net_walk(const sim_interface *from, hf_transport transport, hf_addr *source, hf_addr *destination,
                            hf_span *delay);

/* Puts a datagram over the link in the middle, straight to that host: by no address, as multicasts go. */
void sim_net_send_to(struct sim *s, struct sim_host *to, const hf_path *path, const uint8_t *data, size_t len);

#endif
