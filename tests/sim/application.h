/* application.h: what stands behind the peer of each side. */
#ifndef SIM_APPLICATION_H
#define SIM_APPLICATION_H

#include "world.h"

/* Makes the peer, and puts it on the side's host. */
hf_err sim_application_init(sim_side *side, const sim_config *config);
void sim_application_clear(sim_side *side);

#endif
