/* server.c: the STUN servers of an agent. */
#include "ice_priv.h"

#include "stun_uri.h"

/* Run by different houses. */
const hf_ice_server hf_ice_public_stun[HF_ICE_PUBLIC_STUN_LEN] = {
    {.uri = "stun:stun.l.google.com:19302"},
    {.uri = "stun:stun.cloudflare.com:3478"},
    {.uri = "stun:global.stun.twilio.com:3478"},
    {.uri = "stun:stun.nextcloud.com:3478"},
};

static hf_err init_one(hf_ice *ice, hf_ice_stun *server, const char *uri)
{
    hf_stun_uri parsed;
    hf_err err = hf_stun_uri_parse(uri, &parsed);
    if (err)
        return err;
    if (parsed.turn)
        return HF_ENOTSUP;
    server->port = parsed.port;
    server->uri = hf_alloc_text(ice->env, uri, strlen(uri));
    server->host = hf_alloc_text(ice->env, (const char *)parsed.host.data, parsed.host.len);
    if (!server->uri || !server->host)
        return HF_ENOMEM;

    hf_addr addr;
    if (hf_addr_parse(server->host, parsed.host.len, &addr)) {
        addr.port = server->port;
        *(addr.family == HF_FAMILY_IPV4 ? &server->ipv4 : &server->ipv6) = addr;
        server->state = HF_ICE_SERVER_KNOWN;
    }
    return HF_OK;
}

hf_err hf_ice_servers_init(hf_ice *ice, const hf_ice_config *config)
{
    if (config->servers_len > HF_ICE_SERVERS_MAX)
        return HF_ELIMIT;
    if (config->servers_len == 0)
        return HF_OK;
    if (!config->servers)
        return HF_EINVAL;
    ice->servers = hf_alloc_array(ice->env, config->servers_len, sizeof *ice->servers);
    if (!ice->servers)
        return HF_ENOMEM;
    ice->servers_len = config->servers_len;
    for (size_t i = 0; i < config->servers_len; i++) {
        if (!config->servers[i].uri)
            return HF_EINVAL;
        hf_err err = init_one(ice, &ice->servers[i], config->servers[i].uri);
        if (err)
            return err;
    }
    return HF_OK;
}

/* None of the servers wants any yet. */
hf_err hf_ice_set_credentials(hf_ice *ice, hf_time now, const char *uri, const char *username, const char *password)
{
    (void)now;
    return ice && uri && username && password ? HF_ENOENT : HF_EINVAL;
}

void hf_ice_servers_clear(hf_ice *ice)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_dealloc(ice->env, ice->servers[i].uri);
        hf_dealloc(ice->env, ice->servers[i].host);
    }
    hf_dealloc(ice->env, ice->servers);
    ice->servers = NULL;
    ice->servers_len = 0;
}
