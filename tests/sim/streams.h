/* streams.h: TCP between the two sides of a simulated world. */
#ifndef SIM_STREAMS_H
#define SIM_STREAMS_H

#include "world.h"

#define SIM_LISTEN_PORT 6000

/* Tells the address that listens for the side's peer. */
hf_local sim_streams_listen(sim_side *side);

void sim_streams_request(sim_side *side, const hf_request *request); /* CONNECT or DISCONNECT */
void sim_streams_send(sim_side *side, const hf_path *path, const uint8_t *data, size_t len);

/* A part of a stream arrives at the side. */
void sim_streams_deliver(sim_side *side, sim_part part, const hf_path *path, uint8_t *data, size_t len);

#endif
