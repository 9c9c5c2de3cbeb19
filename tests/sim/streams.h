/* streams.h: TCP between the hosts of a simulated world. */
#ifndef SIM_STREAMS_H
#define SIM_STREAMS_H

#include "host.h"

#define SIM_LISTEN_PORT 6000 /* of those that ask for a listening socket */

void sim_streams_request(sim_host *host, const hf_request *request); /* CONNECT or DISCONNECT */
void sim_streams_release(sim_host *host, uint32_t group);            /* closes all of it */
void sim_streams_send(sim_host *host, const hf_path *path, const uint8_t *data, size_t len);

#endif
