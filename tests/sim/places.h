/* places.h: the kinds of network that a host may be on, and what theory says of two of them. They are those of the
 * laboratory (tests/lab/nat.py), with the same names. */
#ifndef SIM_PLACES_H
#define SIM_PLACES_H

#include "world.h"

typedef enum sim_kind {
    SIM_NONE = 0, /* a public address, nothing in between */
    SIM_FULL_CONE,
    SIM_ADDRESS_RESTRICTED,
    SIM_PORT_RESTRICTED,
    SIM_SYMMETRIC,
    SIM_CARRIER, /* port restricted twice: at home, and at the carrier, whose one box is for all */
    SIM_CARRIER_HAIRPIN,
    SIM_UDP_BLOCKED,
    SIM_ONLY_443,  /* TCP to that port, and nothing else */
    SIM_IPV6_ONLY, /* behind a firewall that lets answers in */
    SIM_KIND_COUNT
} sim_kind;

const char *sim_kind_name(sim_kind kind);

/* Whether two hosts on networks of these kinds, each behind a box of its own, can find a direct path over UDP. */
bool sim_is_direct(sim_kind a, sim_kind b);

/* Whether a box of this kind lets UDP out. */
bool sim_passes_udp(sim_kind kind);

/* A network with its box. */
typedef struct sim_place {
    sim_kind kind;
    unsigned number;
    sim_realm *realm;
    unsigned hosts;   /* that have been there: each gets an address of its own */
    unsigned outside; /* addresses that its box has had outside */
} sim_place;

typedef struct sim_places {
    sim *sim;
    sim_realm *carriers[SIM_KIND_COUNT]; /* by kind; NULL: not needed yet */
    unsigned count;
} sim_places;

void sim_place_init(sim_place *place, sim_places *places, sim_kind kind);

/* Plugs the host in, with an address that nobody had there before. */
sim_interface *sim_place_plug(sim_place *place, sim_host *host, sim_link link, uint16_t preference);

/* Gives an interface another address of the same place, and unplugs the old one: what happens when a lease ends. */
void sim_place_renumber(sim_place *place, sim_interface *interface);

/* Its box forgets its mappings, and uses other ports from now on. The carrier's is left alone. */
void sim_place_rebind(sim_place *place);

/* The box gets another address outside. HF_EINVAL is never: a place without a box stays as it is. */
void sim_place_move(sim_place *place);

#endif
