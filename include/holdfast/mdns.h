/* mdns.h: multicast DNS (RFC 6762) for host names of ICE candidates (draft-ietf-mmusic-mdns-ice-candidates): one object asks
 * for the names of others and answers for ours, for any number of agents. hf_loop has one of its own; this is for drivers
 * that have another loop, or none.
 *
 * It opens no socket and reads no clock. Its driver
 *   1. joins 224.0.0.251 (IPv4) and ff02::fb (IPv6) on each interface it likes, with sockets that share port HF_MDNS_PORT
 *      with other programs and get their own multicasts back (the one that is sought may be on this machine);
 *   2. tells by hf_mdns_reply (HF_REPLY_LOCALS), and again whenever they change, which local addresses those interfaces
 *      have: `prefix` and `interface` are made use of, ports are not;
 *   3. hands to hf_mdns_input what arrives on those sockets: path.local is an address that was told, of the interface and
 *      of the family by which the datagram came;
 *   4. sends what hf_mdns_poll_transmit gives out by the interface of path.local, from port HF_MDNS_PORT, with an IP TTL or
 *      hop limit of 255 (RFC 6762 §11).
 * Everything else is as io.h has it. Any function may be called in any order at any time; one thread at a time. */
#ifndef HOLDFAST_MDNS_H
#define HOLDFAST_MDNS_H

#include <holdfast/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_mdns hf_mdns;

#define HF_MDNS_PORT 5353
#define HF_MDNS_DATAGRAM_MAX 9000 /* RFC 6762 §17; longer ones are counted and dropped */
#define HF_MDNS_NAME_MAX 253      /* characters of a name */
#define HF_MDNS_NAMES_MAX 256     /* that are asked for at one time, and as many that are answered for */
#define HF_MDNS_ASKERS_MAX 1024   /* who wait for answers, all names together */
#define HF_MDNS_ADDRS_MAX 8       /* of one name; further ones are left out */
#define HF_MDNS_LOCALS_MAX 64     /* local addresses; further ones are left out */

/* Whether it is multicast DNS that resolves this name (RFC 6762 §3): labels of 1 to 63 letters, digits, hyphens and
 * underscores, the last of them "local", with or without a dot at the end. May be called from any thread. */
bool hf_mdns_is_name(const char *name);

/* HF_EINVAL: no usable env. HF_ENOMEM. */
HF_CHECKED hf_err hf_mdns_new(hf_mdns **out, const hf_env *env);

/* Frees it; says no goodbye (hf_mdns_forget does). NULL is fine. */
void hf_mdns_free(hf_mdns *mdns);

/* Asks for the addresses of a name. An event with this owner and id follows, after 5 s at the latest; it is the first answer
 * that counts. HF_EINVAL: not a name for multicast DNS; HF_ELIMIT; HF_ENOMEM. */
HF_CHECKED hf_err hf_mdns_resolve(hf_mdns *mdns, hf_time now, void *owner, uint32_t id, const char *name);

/* Answers for a name from now on, on the interface that has this address (RFC 6762 §6.2), and announces it. Nobody is asked
 * first whether it is free: it must be one that nobody else has, such as a random UUID. HF_EINVAL: not a name for multicast
 * DNS, or no address; HF_EEXIST: answered for already; HF_ELIMIT; HF_ENOMEM. */
HF_CHECKED hf_err hf_mdns_advertise(hf_mdns *mdns, hf_time now, void *owner, const char *name, const hf_addr *addr);

/* Drops what this owner has asked for, and says goodbye for its names (RFC 6762 §10.1). */
void hf_mdns_forget(hf_mdns *mdns, hf_time now, const void *owner);

/* See above. `data` of at most HF_MDNS_DATAGRAM_MAX bytes; nothing is changed in it. */
void hf_mdns_input(hf_mdns *mdns, hf_time now, const hf_datagram *datagrams, size_t n);
bool hf_mdns_poll_transmit(hf_mdns *mdns, hf_time now, hf_transmit *out); /* a message each, at most HF_MTU_DEFAULT long */
void hf_mdns_reply(hf_mdns *mdns, hf_time now, const hf_reply *reply);
hf_time hf_mdns_deadline(const hf_mdns *mdns);
void hf_mdns_tick(hf_mdns *mdns, hf_time now);

/* Nothing is asked for or answered for, and nothing is left to say: its sockets may be closed. */
bool hf_mdns_is_idle(const hf_mdns *mdns);

/* A name has been resolved, or could not be. */
typedef struct hf_mdns_event {
    void *owner;
    uint32_t id;
    hf_err err;           /* HF_ERESOLVE: nobody answered */
    const hf_addr *addrs; /* ports are 0; valid until the next call on the object */
    size_t addrs_len;
} hf_mdns_event;

/* Takes the next event; false: none is left. */
bool hf_mdns_poll_event(hf_mdns *mdns, hf_mdns_event *out);

typedef struct hf_mdns_stats {
    uint64_t queries_sent, responses_sent;
    uint64_t queries_received, responses_received;
    uint64_t conflicts;      /* somebody else gave another address for a name of ours: not believed */
    uint64_t drop_malformed; /* no DNS message, or one that is too long */
    uint64_t drop_foreign;   /* from where no answer may come: another link, or another port (RFC 6762 §6, §11) */
    uint64_t drop_unasked;   /* responses with nothing in them that was asked for: most of what is heard on a network */
    uint64_t drop_rate;      /* answers not given: too many were owed at a time */
} hf_mdns_stats;

void hf_mdns_get_stats(const hf_mdns *mdns, hf_mdns_stats *out);

#ifdef __cplusplus
}
#endif
#endif
