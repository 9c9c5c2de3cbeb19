/* server_config.c: what the application says, checked and copied. */
#include "server_priv.h"

#include "alloc.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

#define REALM "holdfast"

/* RFC 8489 §14.3, §14.9: "less than 509 bytes", "fewer than 128 characters". Ours is shorter, for it is in each answer to
 * those who have not proven to be where they say. */
#define NAME_MAX_LEN 508
#define REALM_MAX_LEN 127

static bool is_text(const char *text, size_t len_max)
{
    size_t len = text ? strlen(text) : 0;
    return len > 0 && len <= len_max && hf_bytes_are_utf8(hf_bytes_of_text(text));
}

static bool is_range(const hf_turn_range *range)
{
    return (range->addr.family == HF_FAMILY_IPV4 && range->prefix <= 32) ||
           (range->addr.family == HF_FAMILY_IPV6 && range->prefix <= 128);
}

static bool are_ranges(const hf_turn_range *ranges, size_t n)
{
    if (n > 0 && !ranges)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_range(&ranges[i]))
            return false;
    }
    return true;
}

static bool are_relays(const hf_addr *addrs, size_t n)
{
    if (n > TURN_RELAYS || (n > 0 && !addrs))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (addrs[i].family == HF_FAMILY_NONE || hf_addr_is_unspecified(&addrs[i]) || hf_addr_is_multicast(&addrs[i]))
            return false;
    }
    return n < 2 || addrs[0].family != addrs[1].family;
}

static bool is_valid(const hf_turn_server_config *c)
{
    if ((c->realm && !is_text(c->realm, REALM_MAX_LEN)) || (c->users_len > 0 && !c->users))
        return false;
    if (c->secret && (c->secret[0] == '\0' || c->calendar == 0))
        return false;
    if ((c->port_first == 0) != (c->port_last == 0) || c->port_first > c->port_last)
        return false;
    return are_relays(c->relay_addrs, c->relay_addrs_len) && are_ranges(c->allowed, c->allowed_len) &&
           are_ranges(c->denied, c->denied_len);
}

static int compare_users(const void *a, const void *b)
{
    return strcmp(((const hf_turn_credential *)a)->name, ((const hf_turn_credential *)b)->name);
}

/* Passwords are not kept. */
static hf_err copy_users(hf_turn_server *server, const hf_turn_user *users, size_t n)
{
    hf_bytes realm = hf_bytes_of_text(server->realm);
    server->users = n > 0 ? hf_alloc_array(server->env, n, sizeof *server->users) : NULL;
    if (n > 0 && !server->users)
        return HF_ENOMEM;
    for (; server->users_len < n; server->users_len++) {
        const hf_turn_user *from = &users[server->users_len];
        hf_turn_credential *to = &server->users[server->users_len];
        hf_bytes name = hf_bytes_of_text(from->name), password = hf_bytes_of_text(from->password);
        if (!is_text(from->name, NAME_MAX_LEN) || !from->password ||
            !hf_stun_long_term_key_md5(name, realm, password, to->keys.md5) ||
            !hf_stun_long_term_key_sha256(name, realm, password, to->keys.sha256))
            return HF_EINVAL;
        to->name = hf_alloc_text(server->env, from->name, name.len);
        if (!to->name)
            return HF_ENOMEM;
    }
    if (n > 0)
        qsort(server->users, n, sizeof *server->users, compare_users);
    for (size_t i = 1; i < n; i++) {
        if (compare_users(&server->users[i - 1], &server->users[i]) == 0)
            return HF_EINVAL; /* whose password would hold? */
    }
    return HF_OK;
}

static hf_err copy_ranges(hf_turn_server *server, const hf_turn_range *from, size_t n, hf_turn_range **to, size_t *to_len)
{
    if (n == 0)
        return HF_OK;
    *to = hf_alloc_array(server->env, n, sizeof **to);
    if (!*to)
        return HF_ENOMEM;
    memcpy(*to, from, n * sizeof **to);
    *to_len = n;
    return HF_OK;
}

static hf_err copy_text(hf_turn_server *server, const char *from, char **to)
{
    *to = from ? hf_alloc_text(server->env, from, strlen(from)) : NULL;
    return from && !*to ? HF_ENOMEM : HF_OK;
}

hf_err hf_turn_config_read(hf_turn_server *server, const hf_turn_server_config *c)
{
    if (!is_valid(c))
        return HF_EINVAL;
    hf_err err = copy_text(server, c->realm ? c->realm : REALM, &server->realm);
    if (err == HF_OK)
        err = copy_text(server, c->secret, &server->secret);
    if (err == HF_OK)
        err = copy_users(server, c->users, c->users_len);
    if (err == HF_OK)
        err = copy_ranges(server, c->allowed, c->allowed_len, &server->rules.allowed, &server->rules.allowed_len);
    if (err == HF_OK)
        err = copy_ranges(server, c->denied, c->denied_len, &server->rules.denied, &server->rules.denied_len);
    if (err != HF_OK)
        return err;

    server->relay_addrs_len = c->relay_addrs_len;
    for (size_t i = 0; i < c->relay_addrs_len; i++)
        server->relay_addrs[i] = c->relay_addrs[i];
    server->calendar = c->calendar;
    server->port_first = c->port_last > 0 ? c->port_first : HF_TURN_PORT_FIRST;
    server->port_last = c->port_last > 0 ? c->port_last : HF_TURN_PORT_LAST;
    server->allocations_max = c->allocations_max > 0 ? c->allocations_max : HF_TURN_ALLOCATIONS_MAX;
    server->user_allocations_max = c->user_allocations_max > 0 ? c->user_allocations_max : HF_TURN_ALLOCATIONS_OF_USER;
    server->rate_max = c->rate_max;
    return HF_OK;
}

void hf_turn_config_clear(hf_turn_server *server)
{
    for (size_t i = 0; i < server->users_len; i++)
        hf_dealloc(server->env, server->users[i].name);
    if (server->users)
        explicit_bzero(server->users, server->users_len * sizeof *server->users);
    if (server->secret)
        explicit_bzero(server->secret, strlen(server->secret));
    hf_dealloc(server->env, server->users);
    hf_dealloc(server->env, server->secret);
    hf_dealloc(server->env, server->realm);
    hf_dealloc(server->env, server->rules.allowed);
    hf_dealloc(server->env, server->rules.denied);
}

const hf_turn_credential *hf_turn_config_find_user(const hf_turn_server *server, hf_bytes name)
{
    size_t first = 0, n = server->users_len;
    while (n > 0) {
        const hf_turn_credential *user = &server->users[first + n / 2];
        size_t len = strlen(user->name), common = len < name.len ? len : name.len;
        int order = common > 0 ? memcmp(name.data, user->name, common) : 0;
        if (order == 0 && len == name.len)
            return user;
        if (order < 0 || (order == 0 && name.len < len)) {
            n /= 2;
        } else {
            first += n / 2 + 1;
            n -= n / 2 + 1;
        }
    }
    return NULL;
}
