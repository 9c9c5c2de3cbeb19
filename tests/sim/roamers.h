/* roamers.h: two managers on hosts that move about, a relay, and a conversation between them. */
#ifndef SIM_ROAMERS_H
#define SIM_ROAMERS_H

#include "places.h"
#include "relay.h"

#define ROAM_ORDERED "ordered" /* reliable, as is the next */
#define ROAM_LOOSE "loose"     /* unordered */
#define ROAM_CHANNELS 2
#define ROAM_PLACES 2 /* of each side */

typedef struct roam_config {
    uint64_t seed;
    sim_kind kinds[2]; /* of the place where each is at first */
    sim_link link;     /* of each uplink; a delay of 0: 10 ms */
    hf_span signalling;
    bool no_relay; /* the relay is a STUN server only */
    bool no_trickle;
    hf_ice_relay relay;
    hf_certificate *certificate;                                /* of both; NULL: each its own */
    void (*trace)(void *context, const char *line, size_t len); /* as sim_config's */
    hf_span say_every;                                          /* how often each side says something; 0: each 20 ms */
} roam_config;

typedef struct roam {
    sim s; /* first: a sim of this file's making is one of these */
    sim_relay relay;
    sim_places places;
    sim_place place[2][ROAM_PLACES];
    sim_interface *uplink[2][ROAM_PLACES]; /* NULL: never plugged in */
    uint64_t sent[2][ROAM_CHANNELS];       /* by each side */
    uint64_t marked[2];
    hf_span say_every;
} roam;

void roam_init(roam *r, const roam_config *config);
void roam_clear(roam *r);

/* Has the first side connect. False: the channels are not open on both sides within that time. */
bool roam_connect(roam *r, hf_span patience);

/* Gives a side its second uplink, on a network of that kind. */
sim_interface *roam_add_uplink(roam *r, int side, sim_kind kind, sim_link link, uint16_t preference);

/* Each side says something at its times, if there is room. */
void roam_talk(roam *r, hf_span span);

/* Talks until what both sides say from now on arrives at the other, and returns how long that took; HF_NEVER: longer. */
hf_span roam_time_to_recover(roam *r, hf_span patience);

/* Waits until all has arrived that was sent. NULL: it has, once and in order; otherwise what is wrong. */
const char *roam_settle(roam *r, hf_span patience);

/* The path of a side's session. */
hf_session_path roam_path(const roam *r, int side);

#endif
