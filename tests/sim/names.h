/* names.h: the multicast DNS of each side of a simulated world. */
#ifndef SIM_NAMES_H
#define SIM_NAMES_H

#include "world.h"

void sim_names_init(sim_side *side);
void sim_names_clear(sim_side *side);
void sim_names_request(sim_side *side, const hf_request *request); /* RESOLVE or ADVERTISE */
bool sim_names_drain(sim_side *side);                              /* whether something was sent or told */
hf_time sim_names_deadline(const sim_side *side);
void sim_names_tick(sim_side *side);

/* Takes a datagram that arrived at the side; false: it is not for multicast DNS. */
bool sim_names_input(sim_side *side, const hf_datagram *datagram);

#endif
