/* signalling.h: how descriptions and candidates of two peers travel. */
#ifndef SIM_SIGNALLING_H
#define SIM_SIGNALLING_H

#include "world.h"

/* Hands a candidate of this side to the other, or, without trickling, its description behind the last one. */
void sim_signal_candidate(sim_side *side, const hf_peer_event *event);

#endif
