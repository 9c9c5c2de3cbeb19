/* runner.h: many worlds, each made from its number. */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

/* Runs the worlds that the command line says (PROGRAM FIRST COUNT), each in a process of its own, for usrsctp's globals
 * outlive a run, and as many at once as there are processors. `world` prints what is wrong and returns true where all is
 * well. A failing one's line to run it again is printed. Returns the program's exit status. */
int sim_run_worlds(int argc, char **argv, bool (*world)(uint64_t seed));

#endif
