/* managers.h: the manager of each side, its session with the other, and the post between them. */
#ifndef SIM_MANAGERS_H
#define SIM_MANAGERS_H

#include "world.h"

hf_err sim_manager_init(sim_side *side);
void sim_manager_clear(sim_side *side);

/* Begins a session with the other side. */
void sim_manager_connect(sim_side *side);

#endif
