/* rival.h: somebody else on the same link: a sender as TCP's are (RFC 5681, RFC 6675), who takes what he can get. */
#ifndef SIM_RIVAL_H
#define SIM_RIVAL_H

#include "world.h"

#define RIVAL_WINDOW_MAX 8192 /* packets */

typedef struct rival {
    sim *s;
    sim_host sender, receiver;
    hf_addr addrs[2];
    bool is_on;
    double window, threshold; /* packets */
    uint32_t next, oldest;    /* numbers */
    uint32_t recover;         /* no other loss is answered before all up to it is acknowledged */
    bool acked[RIVAL_WINDOW_MAX], repeated[RIVAL_WINDOW_MAX];
    uint32_t flying;
    hf_time progress_at;
    uint64_t delivered; /* bytes */
} rival;

/* The sender is a host of an even number, as the first side is, so that they share a direction. */
void rival_init(rival *r, sim *s);
void rival_set(rival *r, bool on);

#endif
