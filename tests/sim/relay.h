/* relay.h: a STUN and TURN server on the internet of a simulated world. */
#ifndef SIM_RELAY_H
#define SIM_RELAY_H

#include "world.h"

#include <holdfast/turn.h>

#define SIM_RELAY_USER "user"
#define SIM_RELAY_PASSWORD "password"

/* Where it is: UDP on port 3478, TCP on 3478 and 443. */
#define SIM_RELAY_IPV4 "198.51.100.1"
#define SIM_RELAY_IPV6 "2001:db8:ff::1"

/* The URIs of all its services, those of STUN first, for sim_config.servers. */
#define SIM_RELAY_STUN_LEN 2
#define SIM_RELAY_SERVERS_LEN 6
extern const hf_ice_server sim_relay_servers[SIM_RELAY_SERVERS_LEN];

typedef struct sim_relay {
    sim_host host;
    hf_turn_server *server; /* NULL: killed */
    test_env env;
} sim_relay;

void sim_relay_init(sim_relay *relay, sim *s);
void sim_relay_clear(sim_relay *relay);

/* Ends its process: all that it knew is lost, and nothing answers. */
void sim_relay_kill(sim_relay *relay);
void sim_relay_restart(sim_relay *relay);

#endif
