/* server.c: URIs of STUN servers. */
#include "net.h"

#include <criterion/criterion.h>

Test(server, uris_are_read)
{
    static const struct {
        const char *uri;
        hf_err err;
        const char *host;
        uint16_t port;
        const char *why;
    } uris[] = {
        {"stun:example.org", HF_OK, "example.org", 3478, "the default port"},
        {"stun:example.org:1", HF_OK, "example.org", 1, "a port"},
        {"STUN:192.0.2.1:65535", HF_OK, "192.0.2.1", 65535, "an address; schemes have no case"},
        {"stun:[2001:db8::1]", HF_OK, "2001:db8::1", 3478, "IPv6"},
        {"stun:[2001:db8::1]:99", HF_OK, "2001:db8::1", 99, "IPv6 with port"},
        {"stun:", HF_EINVAL, NULL, 0, "no host"},
        {"stun", HF_EINVAL, NULL, 0, "no colon"},
        {"", HF_EINVAL, NULL, 0, "nothing"},
        {"http:example.org", HF_EINVAL, NULL, 0, "another scheme"},
        {"stun://example.org", HF_EINVAL, NULL, 0, "RFC 7064 has no slashes"},
        {"stun:example.org:0", HF_EINVAL, NULL, 0, "port 0"},
        {"stun:example.org:65536", HF_EINVAL, NULL, 0, "port above 16 bits"},
        {"stun:example.org:", HF_EINVAL, NULL, 0, "no port behind the colon"},
        {"stun:exa mple.org", HF_EINVAL, NULL, 0, "a space"},
        {"stun:[2001:db8::1", HF_EINVAL, NULL, 0, "a bracket is open"},
        {"stun:[10.0.0.1]", HF_EINVAL, NULL, 0, "IPv4 in brackets"},
        {"stun:[2001:db8::1]x", HF_EINVAL, NULL, 0, "something behind the bracket"},
        {"stun:example.org?transport=udp", HF_EINVAL, NULL, 0, "RFC 7064 has no query"},
        {"stuns:example.org", HF_ENOTSUP, NULL, 0, "STUN over TLS"},
        {"turn:example.org", HF_ENOTSUP, NULL, 0, "TURN"},
        {"turns:example.org", HF_ENOTSUP, NULL, 0, "TURN over TLS"},
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        hf_bytes host = {0};
        uint16_t port = 0;
        cr_expect_eq(hf_ice_server_parse(uris[i].uri, &host, &port), uris[i].err, "%s", uris[i].why);
        if (uris[i].err == HF_OK) {
            cr_expect(hf_bytes_equal_text(host, uris[i].host), "%s", uris[i].why);
            cr_expect_eq(port, uris[i].port, "%s", uris[i].why);
        }
    }
}

Test(server, a_bad_list_makes_no_agent)
{
    test_env env;
    test_env_init(&env, 1);
    hf_ice *ice = NULL;
    hf_ice_server servers[HF_ICE_SERVERS_MAX + 1];
    for (size_t i = 0; i <= HF_ICE_SERVERS_MAX; i++)
        servers[i].uri = "stun:example.org";
    cr_expect_eq(hf_ice_new(&ice, &(hf_ice_config){.servers = servers, .servers_len = HF_ICE_SERVERS_MAX + 1}, &env.env),
                 HF_ELIMIT);
    servers[1].uri = "turn:example.org";
    cr_expect_eq(hf_ice_new(&ice, &(hf_ice_config){.servers = servers, .servers_len = 2}, &env.env), HF_ENOTSUP);
    servers[1].uri = NULL;
    cr_expect_eq(hf_ice_new(&ice, &(hf_ice_config){.servers = servers, .servers_len = 2}, &env.env), HF_EINVAL);
    cr_expect_eq(hf_ice_new(&ice, NULL, NULL), HF_EINVAL);
    cr_expect_null(ice);
    cr_expect_eq(env.blocks, 0);
}
