/* server.c: the STUN and TURN servers of a configuration. */
#include "ice_priv.h"

#include "stun_uri.h"

/* Run by different houses. */
const hf_ice_server hf_ice_public_stun[HF_ICE_PUBLIC_STUN_LEN] = {
    {.uri = "stun:stun.l.google.com:19302"},
    {.uri = "stun:stun.cloudflare.com:3478"},
    {.uri = "stun:global.stun.twilio.com:3478"},
    {.uri = "stun:stun.nextcloud.com:3478"},
};

static bool is_credential(const char *text)
{
    return strlen(text) <= HF_ICE_CREDENTIAL_MAX;
}

static void forget(const hf_env *env, char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    hf_dealloc(env, secret);
}

hf_err hf_ice_server_set_credentials(hf_ice *ice, hf_ice_stun *server, const char *username, const char *password)
{
    if (!is_credential(username) || !is_credential(password))
        return HF_EINVAL;
    char *username_copy = hf_alloc_text(ice->env, username, strlen(username));
    char *password_copy = hf_alloc_text(ice->env, password, strlen(password));
    if (!username_copy || !password_copy) {
        forget(ice->env, username_copy);
        forget(ice->env, password_copy);
        return HF_ENOMEM;
    }
    forget(ice->env, server->username);
    forget(ice->env, server->password);
    server->username = username_copy;
    server->password = password_copy;
    server->lacks_credentials = server->is_lack_told = false;
    return HF_OK;
}

/* What the policy leaves no use for is not even looked up: with HF_ICE_RELAY_ONLY nothing goes to a STUN server. */
bool hf_ice_server_is_of_use(const hf_ice *ice, const hf_ice_stun *server)
{
    return ice->newest->relay != (server->is_turn ? HF_ICE_RELAY_NEVER : HF_ICE_RELAY_ONLY);
}

static hf_err init_one(hf_ice *ice, const hf_ice_server *config)
{
    hf_stun_uri uri;
    hf_err err = config->uri ? hf_stun_uri_parse(config->uri, &uri) : HF_EINVAL;
    if (err)
        return err;
    hf_ice_stun *server = &ice->servers[ice->servers_len++];
    server->is_turn = uri.turn;
    server->tls = uri.tls;
    server->transport = uri.transport;
    server->port = uri.port;
    server->uri = hf_alloc_text(ice->env, config->uri, strlen(config->uri));
    server->host = hf_alloc_text(ice->env, (const char *)uri.host.data, uri.host.len);
    if (!server->uri || !server->host)
        return HF_ENOMEM;
    if (uri.turn && config->username && config->password)
        err = hf_ice_server_set_credentials(ice, server, config->username, config->password);

    hf_addr addr;
    if (hf_addr_parse(server->host, uri.host.len, &addr)) {
        addr.port = server->port;
        server->addrs[server->addrs_len++] = addr;
        server->state = HF_ICE_SERVER_KNOWN;
    }
    return err;
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
    for (size_t i = 0; i < config->servers_len; i++) {
        hf_err err = init_one(ice, &config->servers[i]);
        if (err)
            return err;
    }
    return HF_OK;
}

void hf_ice_servers_clear(hf_ice *ice)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_dealloc(ice->env, ice->servers[i].uri);
        hf_dealloc(ice->env, ice->servers[i].host);
        forget(ice->env, ice->servers[i].username);
        forget(ice->env, ice->servers[i].password);
    }
    hf_dealloc(ice->env, ice->servers);
    ice->servers = NULL;
    ice->servers_len = 0;
}

const hf_addr *hf_ice_server_addr(const hf_ice_stun *server, const hf_addr *local)
{
    for (size_t i = 0; i < server->addrs_len; i++) {
        if (hf_ice_may_reach(local, &server->addrs[i]))
            return &server->addrs[i];
    }
    return NULL;
}
