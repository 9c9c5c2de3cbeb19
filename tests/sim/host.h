/* host.h: a machine on the simulated network, and the one object that is driven on it (io.h): a peer, a session, a
 * server. */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include "net.h"

/* What is driven. */
typedef struct sim_endpoint {
    void (*input)(void *object, hf_time now, hf_datagram *datagrams, size_t n);
    bool (*poll_transmit)(void *object, hf_time now, hf_transmit *out);
    bool (*poll_request)(void *object, hf_request *out);
    void (*reply)(void *object, hf_time now, const hf_reply *reply);
    hf_time (*deadline)(const void *object);
    void (*tick)(void *object, hf_time now);
} sim_endpoint;

/* Makes `NOUN_endpoint` of the functions hf_NOUN_input and so on. */
#define SIM_ENDPOINT(noun)                                                                                                  \
    static void noun##_input(void *object, hf_time now, hf_datagram *datagrams, size_t n)                                   \
    {                                                                                                                       \
        hf_##noun##_input(object, now, datagrams, n);                                                                       \
    }                                                                                                                       \
    static bool noun##_poll_transmit(void *object, hf_time now, hf_transmit *out)                                           \
    {                                                                                                                       \
        return hf_##noun##_poll_transmit(object, now, out);                                                                 \
    }                                                                                                                       \
    static bool noun##_poll_request(void *object, hf_request *out)                                                          \
    {                                                                                                                       \
        return hf_##noun##_poll_request(object, out);                                                                       \
    }                                                                                                                       \
    static void noun##_reply(void *object, hf_time now, const hf_reply *reply)                                              \
    {                                                                                                                       \
        hf_##noun##_reply(object, now, reply);                                                                              \
    }                                                                                                                       \
    static hf_time noun##_deadline(const void *object)                                                                      \
    {                                                                                                                       \
        return hf_##noun##_deadline(object);                                                                                \
    }                                                                                                                       \
    static void noun##_tick(void *object, hf_time now)                                                                      \
    {                                                                                                                       \
        hf_##noun##_tick(object, now);                                                                                      \
    }                                                                                                                       \
    static const sim_endpoint noun##_endpoint = {noun##_input, noun##_poll_transmit, noun##_poll_request,                   \
                                                 noun##_reply, noun##_deadline,      noun##_tick}

/* One end of a TCP stream. */
typedef struct sim_stream {
    hf_path path;
    uint32_t id;        /* of the request; 0: accepted */
    uint32_t group;     /* likewise; of one that was accepted: of the socket that listens */
    hf_time arrived_at; /* when what was sent last is on the other side */
    bool is_open, is_silent;
} sim_stream;

/* The sockets of one connection (io.h, hf_request): on each interface's address, at its port plus `shift`. */
typedef struct sim_group {
    uint32_t number;
    uint16_t shift;
    uint16_t listens; /* a port of TCP; 0: none */
} sim_group;

#define SIM_GROUPS_MAX 16
#define SIM_GROUP_SHIFT 64 /* ports between those of one and those of the next */
#define SIM_HOSTS_MAX 32
#define SIM_INTERFACES_MAX 4
#define SIM_STREAMS_MAX 256
#define SIM_LISTENS_MAX 4
#define SIM_BOUND_MAX 1024

typedef struct sim_host {
    struct sim *sim;
    int number;
    void *object; /* NULL: none runs */
    const sim_endpoint *endpoint;
    sim_interface interfaces[SIM_INTERFACES_MAX];
    size_t interfaces_len;
    sim_group groups[SIM_GROUPS_MAX];
    size_t groups_len, groups_asked;
    hf_addr bound[SIM_BOUND_MAX]; /* further UDP sockets, that were asked for */
    uint32_t bound_ids[SIM_BOUND_MAX], bound_groups[SIM_BOUND_MAX];
    size_t bound_len;
    sim_stream streams[SIM_STREAMS_MAX];
    size_t streams_len, streams_asked; /* asked: how often its object wanted one opened */
    uint16_t listens[SIM_LISTENS_MAX]; /* ports of TCP, besides those of groups; 0: none */
    bool refuses_streams;
    bool asleep; /* its object is not called, and what comes is lost */

    void *owner;                                            /* whose functions follow; each may be NULL */
    bool (*attend)(void *owner);                            /* looks what has happened; true: something */
    bool (*answer)(void *owner, const hf_request *request); /* true: this request is its own affair */
    bool (*take)(void *owner, const hf_datagram *datagram); /* true: this datagram is */
    hf_time (*due)(const void *owner);                      /* when the owner itself wants its tick */
    void (*tick)(void *owner);
} sim_host;

/* Puts a host on the simulated network. */
void sim_host_init(sim_host *host, struct sim *s);

/* Connects it to a network, with the addresses given, and tells its object. An address of no family: none. */
sim_interface *sim_host_plug(sim_host *host, sim_realm *realm, const hf_addr *ipv4, const hf_addr *ipv6, sim_link link,
                             uint16_t preference);

/* The same interface again, with the addresses that it had. */
void sim_host_replug(sim_interface *interface, sim_realm *realm);
void sim_host_unplug(sim_interface *interface);

/* Its object is another, or none: the sockets of the one before are closed without a word. */
void sim_host_set_object(sim_host *host, void *object);

/* Tells the object which addresses there are. */
void sim_host_tell_locals(sim_host *host);

/* A datagram has come to one of its interfaces. */
void sim_host_receive(sim_host *host, const hf_addr *source, const hf_addr *destination, uint8_t *data, size_t len);

sim_interface *sim_host_interface(sim_host *host, const hf_addr *addr);

/* The drive loop: everything that its object has to say, until it has nothing more. */
void sim_host_drain(sim_host *host);
hf_time sim_host_deadline(const sim_host *host);
void sim_host_tick(sim_host *host);

#endif
