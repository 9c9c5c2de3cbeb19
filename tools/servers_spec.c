/* servers_spec.c: STUN and TURN servers as a command line names them. */
#include "servers_spec.h"

#include <stdlib.h>
#include <string.h>

/* Whether the text begins with that scheme (RFC 3986 §3.1: in letters of either case); `rest` is what follows the colon. */
static bool has_scheme(const char *text, const char *scheme, const char **rest)
{
    for (; *scheme; scheme++, text++) {
        if ((*text | 0x20) != *scheme)
            return false;
    }
    *rest = text + 1;
    return *text == ':';
}

/* host [":" port], up to `end`. The host's own form is looked at when it is used. */
static hf_err check_host_and_port(const char *uri, const char *text, const char *end, cli_fault *fault)
{
    size_t len = (size_t)(end - text), brackets = *text == '[' ? 2 : 0;
    size_t host_len = brackets ? strcspn(text, "]") + 1 : strcspn(text, ":");
    if (host_len > len && !brackets)
        host_len = len;
    if (host_len <= brackets || host_len > len)
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" has no host", uri);

    const char *port = text + host_len;
    char *port_end = NULL;
    if (port == end)
        return HF_OK;
    long number = *port == ':' && port[1] >= '0' && port[1] <= '9' ? strtol(port + 1, &port_end, 10) : 0;
    if (number < 1 || number > UINT16_MAX || port_end != end)
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" has a port that is none", uri);
    return HF_OK;
}

static hf_err add(cli_servers *servers, const hf_ice_server *server, cli_fault *fault)
{
    if (servers->len == HF_ICE_SERVERS_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d servers", HF_ICE_SERVERS_MAX);
    servers->items[servers->len++] = *server;
    return HF_OK;
}

hf_err cli_servers_add_stun(cli_servers *servers, const char *text, cli_fault *fault)
{
    const char *rest;
    hf_err err = HF_OK;

    if (strcmp(text, "public") == 0) {
        for (size_t i = 0; i < HF_ICE_PUBLIC_STUN_LEN && err == HF_OK; i++)
            err = add(servers, &hf_ice_public_stun[i], fault);
        return err;
    }
    if (has_scheme(text, "stuns", &rest))
        return cli_fault_set(fault, HF_ENOTSUP, "stuns is not supported yet");
    if (!has_scheme(text, "stun", &rest))
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not stun:host[:port]", text);
    err = check_host_and_port(text, rest, rest + strlen(rest), fault);
    return err == HF_OK ? add(servers, &(hf_ice_server){.uri = text}, fault) : err;
}

static bool is_turn(const char *uri, const char **rest)
{
    return has_scheme(uri, "turn", rest) || has_scheme(uri, "turns", rest);
}

hf_err cli_servers_add_turn(cli_servers *servers, const char *text, cli_fault *fault)
{
    const char *rest;
    if (!is_turn(text, &rest))
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not turn:host[:port][?transport=udp|tcp] or turns:…", text);

    const char *query = rest + strcspn(rest, "?");
    hf_err err = check_host_and_port(text, rest, query, fault);
    if (err != HF_OK)
        return err;
    if (*query && strcmp(query, "?transport=udp") != 0 && strcmp(query, "?transport=tcp") != 0)
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" has a transport that is neither udp nor tcp", text);
    return add(servers, &(hf_ice_server){.uri = text}, fault);
}

bool cli_servers_have_turn(const cli_servers *servers)
{
    const char *rest;
    for (size_t i = 0; i < servers->len; i++) {
        if (is_turn(servers->items[i].uri, &rest))
            return true;
    }
    return false;
}

bool cli_servers_have_tls(const cli_servers *servers)
{
    const char *rest;
    for (size_t i = 0; i < servers->len; i++) {
        if (has_scheme(servers->items[i].uri, "turns", &rest))
            return true;
    }
    return false;
}

/* RFC 8489 §14.3: "a USERNAME value MUST contain a UTF-8 [RFC3629]-encoded sequence of fewer than 509 octets". */
hf_err cli_servers_take_user(cli_servers *servers, const char *text, cli_fault *fault)
{
    if (*text == '\0' || strlen(text) >= 509)
        return cli_fault_set(fault, HF_EINVAL, "a user name has 1 to 508 bytes");
    servers->username = text;
    return HF_OK;
}

hf_err cli_servers_take_password(cli_servers *servers, const char *text, cli_fault *fault)
{
    if (*text == '\0')
        return cli_fault_set(fault, HF_EINVAL, "the password is empty");
    servers->password = text;
    return HF_OK;
}

static const char *null_if_empty(const char *text)
{
    return text && *text ? text : NULL;
}

hf_err cli_servers_set_credentials(cli_servers *servers, const char *username, const char *password, cli_fault *fault)
{
    const char *rest;
    username = servers->username ? servers->username : null_if_empty(username);
    password = servers->password ? servers->password : null_if_empty(password);
    if (!username != !password && cli_servers_have_turn(servers))
        return cli_fault_set(fault, HF_EINVAL, "TURN has a %s, but no %s", username ? "user" : "password",
                             username ? "password" : "user");
    for (size_t i = 0; i < servers->len; i++) {
        if (is_turn(servers->items[i].uri, &rest)) {
            servers->items[i].username = username;
            servers->items[i].password = password;
        }
    }
    return HF_OK;
}
