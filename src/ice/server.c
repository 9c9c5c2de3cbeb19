/* server.c: STUN servers and their URIs (RFC 7064). */
#include "ice_priv.h"

#define STUN_PORT 3478 /* RFC 8489 §8.1 */

/* Run by different houses. */
const hf_ice_server hf_ice_public_stun[HF_ICE_PUBLIC_STUN_LEN] = {
    {.uri = "stun:stun.l.google.com:19302"},
    {.uri = "stun:stun.cloudflare.com:3478"},
    {.uri = "stun:global.stun.twilio.com:3478"},
    {.uri = "stun:stun.nextcloud.com:3478"},
};

static bool has_scheme(hf_bytes uri, const char *scheme)
{
    size_t len = strlen(scheme);
    return uri.len > len && uri.data[len] == ':' && hf_bytes_equal_text_nocase(hf_bytes_of(uri.data, len), scheme);
}

/* A registered name in the letters that DNS uses; addresses are those too, or stand in brackets. */
static bool is_host(hf_bytes host)
{
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        bool is_allowed =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!is_allowed)
            return false;
    }
    return true;
}

static bool split_brackets(hf_bytes text, hf_bytes *host, hf_bytes *rest)
{
    const uint8_t *end = memchr(text.data, ']', text.len);
    hf_addr addr;
    if (!end)
        return false;
    *host = hf_bytes_of(text.data + 1, (size_t)(end - text.data) - 1);
    *rest = hf_bytes_of(end + 1, text.len - host->len - 2);
    return hf_addr_parse((const char *)host->data, host->len, &addr) && addr.family == HF_FAMILY_IPV6 && addr.port == 0;
}

static bool split_name(hf_bytes text, hf_bytes *host, hf_bytes *rest)
{
    const uint8_t *colon = memchr(text.data, ':', text.len);
    size_t len = colon ? (size_t)(colon - text.data) : text.len;
    *host = hf_bytes_of(text.data, len);
    *rest = hf_bytes_of(text.data + len, text.len - len);
    return is_host(*host);
}

hf_err hf_ice_server_parse(const char *uri, hf_bytes *host, uint16_t *port)
{
    hf_bytes text = hf_bytes_of_text(uri), rest = {0};
    if (has_scheme(text, "stuns") || has_scheme(text, "turn") || has_scheme(text, "turns"))
        return HF_ENOTSUP;
    if (!has_scheme(text, "stun"))
        return HF_EINVAL;
    text = hf_bytes_of(text.data + 5, text.len - 5);
    if (text.len == 0)
        return HF_EINVAL;
    if (!(text.data[0] == '[' ? split_brackets(text, host, &rest) : split_name(text, host, &rest)))
        return HF_EINVAL;

    uint64_t number = STUN_PORT;
    if (rest.len > 0) {
        if (rest.data[0] != ':' || !hf_parse_decimal(hf_bytes_of(rest.data + 1, rest.len - 1), UINT16_MAX, &number) ||
            number == 0)
            return HF_EINVAL;
    }
    *port = (uint16_t)number;
    return HF_OK;
}

static hf_err init_one(hf_ice *ice, hf_ice_stun *server, const char *uri)
{
    hf_bytes host;
    hf_err err = hf_ice_server_parse(uri, &host, &server->port);
    if (err)
        return err;
    server->uri = hf_alloc_text(ice->env, uri, strlen(uri));
    server->host = hf_alloc_text(ice->env, (const char *)host.data, host.len);
    if (!server->uri || !server->host)
        return HF_ENOMEM;

    hf_addr addr;
    if (hf_addr_parse(server->host, host.len, &addr)) {
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
