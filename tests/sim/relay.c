/* relay.c: the embedded server, driven on a host of its own. */
#include "relay.h"

#include <assert.h>

#define TURN(text)                                                                                                          \
    {                                                                                                                       \
        .uri = text, .username = SIM_RELAY_USER, .password = SIM_RELAY_PASSWORD                                             \
    }

const hf_ice_server sim_relay_servers[SIM_RELAY_SERVERS_LEN] = {
    {.uri = "stun:" SIM_RELAY_IPV4},
    {.uri = "stun:[" SIM_RELAY_IPV6 "]"},
    TURN("turn:" SIM_RELAY_IPV4),
    TURN("turn:[" SIM_RELAY_IPV6 "]"),
    TURN("turn:" SIM_RELAY_IPV4 "?transport=tcp"),
    TURN("turn:" SIM_RELAY_IPV4 ":443?transport=tcp"),
};

SIM_ENDPOINT(turn_server);

void sim_relay_restart(sim_relay *relay)
{
    static const hf_turn_user user = {SIM_RELAY_USER, SIM_RELAY_PASSWORD};
    hf_addr addrs[2] = {relay->host.interfaces[0].addrs[0], relay->host.interfaces[0].addrs[1]};
    hf_turn_server_config config = {.users = &user,
                                    .users_len = 1,
                                    .relay_addrs = addrs,
                                    .relay_addrs_len = 2,
                                    .user_allocations_max = HF_TURN_ALLOCATIONS_MAX};
    hf_err err = hf_turn_server_new(&relay->server, relay->host.sim->now, &config, &relay->env.env);
    assert(err == HF_OK);
    (void)err;
    relay->host.object = relay->server;
}

void sim_relay_kill(sim_relay *relay)
{
    hf_turn_server_free(relay->server);
    relay->server = NULL;
    sim_host_set_object(&relay->host, NULL);
}

void sim_relay_init(sim_relay *relay, sim *s)
{
    test_env_init(&relay->env, s->config.seed + 1000);
    sim_host_init(&relay->host, s);
    relay->host.endpoint = &turn_server_endpoint;
    relay->host.listens[0] = 3478;
    relay->host.listens[1] = 443;
    hf_addr addrs[2] = {sim_addr(SIM_RELAY_IPV4 ":3478"), sim_addr("[" SIM_RELAY_IPV6 "]:3478")};
    sim_host_plug(&relay->host, sim_internet(s), &addrs[0], &addrs[1], (sim_link){0}, 0);
    sim_relay_restart(relay);
}

void sim_relay_clear(sim_relay *relay)
{
    sim_relay_kill(relay);
}
