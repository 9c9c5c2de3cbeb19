/* nat.h: a NAT or a firewall, by the behaviours that RFC 4787 names (RFC 5382 for TCP: the same table).
 *
 * Pure: the addresses of a packet and the moment in, other addresses out. */
#ifndef SIM_NAT_H
#define SIM_NAT_H

#include <holdfast/io.h>

/* How much of the remote's address a mapping (RFC 4787 §4.1) or a filter (§5) looks at. */
typedef enum nat_scope { NAT_ENDPOINT_INDEPENDENT = 0, NAT_ADDRESS_DEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT } nat_scope;

/* Port assignment (§4.2.1). */
typedef enum nat_ports { NAT_PORTS_PRESERVED = 0, NAT_PORTS_CONTIGUOUS, NAT_PORTS_RANDOM } nat_ports;

typedef enum nat_passes { NAT_PASSES_ALL = 0, NAT_PASSES_TCP, NAT_PASSES_TCP_443 } nat_passes;

/* RFC 4787 REQ-5: not less than two minutes. RFC 5382 REQ-5: 2 hours 4 minutes. */
#define NAT_LIFETIME_UDP HF_SECONDS(120)
#define NAT_LIFETIME_TCP HF_SECONDS(7440)

#define NAT_PORT_FIRST 1024

typedef struct nat_config {
    hf_addr ipv4; /* the address outside */
    hf_addr ipv6; /* the same; family NONE: what is inside has addresses that are good outside, and is only filtered */
    nat_scope mapping, filtering;
    nat_ports ports;
    bool hairpins;    /* §6 */
    hf_span lifetime; /* of a mapping that nothing goes out by, of UDP; 0: NAT_LIFETIME_UDP */
    nat_passes passes;
} nat_config;

typedef struct nat {
    nat_config config;
    uint64_t *chance;
    struct nat_session *sessions;
    size_t len, cap;
    uint16_t port_next;  /* contiguous: the next */
    uint16_t port_shift; /* preserved: what a rebinding has moved them by */
} nat;

/* `chance` is a generator of chance.h, which outlives the NAT. */
void nat_init(nat *n, const nat_config *config, uint64_t *chance);
void nat_clear(nat *n);

/* A packet goes out: its source becomes *outside. False: it is dropped. */
bool nat_out(nat *n, hf_time now, hf_transport transport, const hf_addr *inside, const hf_addr *remote, hf_addr *outside);

/* A packet comes in for `outside`: its destination becomes *inside. False: it is dropped. */
bool nat_in(nat *n, hf_time now, hf_transport transport, const hf_addr *outside, const hf_addr *remote, hf_addr *inside);

/* Is this one of its addresses outside? The port is not looked at. */
bool nat_has(const nat *n, const hf_addr *outside);

/* Does it leave addresses of this family as they are? */
bool nat_is_transparent(const nat *n, hf_family family);

/* Forgets all mappings; those that follow have other ports. */
void nat_rebind(nat *n);

/* The same, and with another address outside. */
void nat_move(nat *n, const hf_addr *outside);

size_t nat_sessions_len(const nat *n);

#endif
