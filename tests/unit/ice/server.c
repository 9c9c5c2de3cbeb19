/* server.c: lists of STUN and TURN servers. */
#include "net.h"

#include <criterion/criterion.h>

Test(server, a_bad_list_makes_no_agent)
{
    test_env env;
    test_env_init(&env, 1);
    hf_ice *ice = NULL;
    hf_ice_server servers[HF_ICE_SERVERS_MAX + 1] = {0};
    for (size_t i = 0; i <= HF_ICE_SERVERS_MAX; i++)
        servers[i].uri = "stun:example.org";
    cr_expect_eq(hf_ice_new(&ice, &(hf_ice_config){.servers = servers, .servers_len = HF_ICE_SERVERS_MAX + 1}, &env.env),
                 HF_ELIMIT);
    servers[1].uri = "stuns:example.org";
    cr_expect_eq(hf_ice_new(&ice, &(hf_ice_config){.servers = servers, .servers_len = 2}, &env.env), HF_ENOTSUP);
    servers[1].uri = "turn://example.org";
    cr_expect_eq(hf_ice_new(&ice, &(hf_ice_config){.servers = servers, .servers_len = 2}, &env.env), HF_EINVAL);
    servers[1].uri = NULL;
    cr_expect_eq(hf_ice_new(&ice, &(hf_ice_config){.servers = servers, .servers_len = 2}, &env.env), HF_EINVAL);
    cr_expect_eq(hf_ice_new(&ice, NULL, NULL), HF_EINVAL);
    cr_expect_null(ice);
    cr_expect_eq(env.blocks, 0);
}
