/* server_relay.c: relayed addresses: which IP, which port, and the socket that the driver makes of them. */
#include "server_priv.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

/* --- Lists ------------------------------------------------------------------------------------------------------------ */

static void append(hf_turn_relay_list *list, hf_turn_relay *relay)
{
    relay->next = NULL;
    relay->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = relay;
    list->last = relay;
}

static void take_off(hf_turn_relay_list *list, hf_turn_relay *relay)
{
    *(relay->prev ? &relay->prev->next : &list->first) = relay->next;
    *(relay->next ? &relay->next->prev : &list->last) = relay->prev;
    relay->next = relay->prev = NULL;
}

/* --- Addresses -------------------------------------------------------------------------------------------------------- */

/* Where the client came to, or another address that the server listens on, of as wide a reach. */
bool hf_turn_relay_addr(const hf_turn_server *server, const hf_path *client, hf_family family, hf_addr *out)
{
    for (size_t i = 0; i < server->relay_addrs_len; i++) {
        if (server->relay_addrs[i].family == family) {
            *out = server->relay_addrs[i];
            return true;
        }
    }
    if (server->relay_addrs_len > 0)
        return false;
    *out = client->local;
    if (client->local.family == family && !hf_addr_is_unspecified(&client->local))
        return true;
    for (size_t i = 0; i < server->locals_len; i++) {
        *out = server->locals[i];
        if (out->family == family && hf_addr_is_loopback(out) == hf_addr_is_loopback(&client->local) &&
            !hf_addr_is_link_local(out))
            return true;
    }
    return false;
}

hf_turn_relay *hf_turn_relay_find(const hf_turn_server *server, const hf_addr *addr)
{
    hf_table_entry *e = hf_table_first(&server->relays, hf_table_hash_addr(&server->relays, addr));
    for (; e; e = hf_table_next(e)) {
        hf_turn_relay *relay = (hf_turn_relay *)e;
        if (hf_addr_equal(&relay->addr, addr))
            return relay;
    }
    return NULL;
}

bool hf_turn_is_own_ip(const hf_turn_server *server, const hf_addr *addr)
{
    for (size_t i = 0; i < server->relay_addrs_len; i++) {
        if (hf_addr_equal_ip(&server->relay_addrs[i], addr))
            return true;
    }
    for (size_t i = 0; i < server->locals_len; i++) {
        if (hf_addr_equal_ip(&server->locals[i], addr))
            return true;
    }
    return false;
}

/* Both ends of a connection may be clients of this server: relayed addresses reach one another, also where the rules would
 * keep them from other ports of the same machine. */
bool hf_turn_may_permit(const hf_turn_server *server, const hf_turn_allocation *a, const hf_addr *peer)
{
    hf_turn_verdict verdict = hf_turn_rules_judge(&server->rules, peer);
    if (verdict != HF_TURN_BY_DEFAULT)
        return verdict == HF_TURN_ALLOWED;
    const hf_turn_relay *relay = hf_turn_allocation_relay(a, peer->family);
    return hf_turn_is_public(peer) || hf_turn_is_own_ip(server, peer) || (relay && hf_addr_equal_ip(&relay->addr, peer));
}

bool hf_turn_may_reach(const hf_turn_server *server, const hf_turn_allocation *a, const hf_addr *peer)
{
    if (peer->port == 0)
        return false;
    hf_turn_verdict verdict = hf_turn_rules_judge(&server->rules, peer);
    if (verdict != HF_TURN_BY_DEFAULT)
        return verdict == HF_TURN_ALLOWED;
    const hf_turn_relay *relay = hf_turn_allocation_relay(a, peer->family);
    bool is_own = hf_turn_is_own_ip(server, peer) || (relay && hf_addr_equal_ip(&relay->addr, peer));
    return is_own ? hf_turn_relay_find(server, peer) != NULL : hf_turn_is_public(peer);
}

/* --- Ports ------------------------------------------------------------------------------------------------------------ */

/* The first port from there on that is none of ours, around the range; what the system has taken besides, it tells. */
static bool choose_port(const hf_turn_server *server, hf_turn_relay *relay, uint32_t start)
{
    uint32_t n = server->port_last - server->port_first + 1u;
    uint32_t step = relay->wants_even ? 2 : 1;
    for (uint32_t i = 0; i < n; i += step) {
        relay->addr.port = (uint16_t)(server->port_first + (start + i) % n);
        if (relay->wants_even && relay->addr.port % 2 != 0)
            relay->addr.port = relay->addr.port > server->port_first ? relay->addr.port - 1 : relay->addr.port + 1;
        if (relay->addr.port <= server->port_last && !hf_turn_relay_find(server, &relay->addr))
            return true;
    }
    return false;
}

/* Random ports are hard to guess for those who would send to them (RFC 8656 §7.2, RFC 6056). */
static bool try_port(hf_turn_server *server, hf_turn_relay *relay)
{
    if (relay->tries++ >= TURN_BINDS_MAX ||
        !choose_port(server, relay, hf_random_u32(server->env) % (server->port_last - server->port_first + 1u)))
        return false;
    relay->state = HF_TURN_RELAY_WANTED;
    append(&server->asking, relay);
    return true;
}

/* --- Birth and death -------------------------------------------------------------------------------------------------- */

hf_err hf_turn_relay_new(hf_turn_server *server, hf_turn_allocation *a, const hf_addr *ip, bool even, hf_turn_relay **out)
{
    hf_turn_relay *relay = hf_alloc(server->env, sizeof *relay);
    if (!relay)
        return HF_ENOMEM;
    *relay =
        (hf_turn_relay){.allocation = a, .addr = *ip, .wants_even = even, .id = ++server->last_bind_id, .expires = HF_NEVER};
    if (!try_port(server, relay)) {
        hf_dealloc(server->env, relay);
        return HF_ELIMIT;
    }
    *out = relay;
    return HF_OK;
}

/* Its memory serves to ask for the end of its socket. */
void hf_turn_relay_drop(hf_turn_server *server, hf_turn_relay *relay)
{
    relay->allocation = NULL;
    switch (relay->state) {
    case HF_TURN_RELAY_WANTED:
        take_off(&server->asking, relay);
        hf_dealloc(server->env, relay);
        return;
    case HF_TURN_RELAY_FAILED:
        hf_dealloc(server->env, relay);
        return;
    case HF_TURN_RELAY_BINDING:
        take_off(&server->binding, relay);
        break;
    case HF_TURN_RELAY_BOUND:
        hf_table_remove(&server->relays, &relay->by_addr);
        break;
    case HF_TURN_RELAY_LEAVING:
        return;
    }
    relay->state = HF_TURN_RELAY_LEAVING;
    append(&server->asking, relay);
}

void hf_turn_relays_clear(hf_turn_server *server)
{
    while (server->asking.first) {
        hf_turn_relay *relay = server->asking.first;
        take_off(&server->asking, relay);
        hf_dealloc(server->env, relay);
    }
}

/* --- The driver ------------------------------------------------------------------------------------------------------- */

bool hf_turn_relay_poll_request(hf_turn_server *server, hf_request *out)
{
    hf_turn_relay *relay = server->asking.first;
    if (!relay)
        return false;
    take_off(&server->asking, relay);
    *out = (hf_request){.type = HF_REQUEST_BIND, .id = relay->id, .path.local = relay->addr};
    if (relay->state == HF_TURN_RELAY_LEAVING) {
        out->type = HF_REQUEST_UNBIND;
        hf_dealloc(server->env, relay);
    } else {
        relay->state = HF_TURN_RELAY_BINDING;
        append(&server->binding, relay);
    }
    return true;
}

/* A socket that we can't find again by its address is of no use. */
static bool take_up(hf_turn_server *server, hf_turn_relay *relay, const hf_addr *addr)
{
    relay->addr = *addr;
    if (hf_table_put(&server->relays, &relay->by_addr, hf_table_hash_addr(&server->relays, addr)) != HF_OK)
        return false;
    relay->state = HF_TURN_RELAY_BOUND;
    return true;
}

/* The driver has a socket for it, which is to be closed, while the allocation sees it as failed. */
static void disown(hf_turn_server *server, hf_turn_relay *relay)
{
    hf_turn_allocation *a = relay->allocation;
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i] == relay) {
            a->relays[i] = NULL;
            a->missing_code = i > 0 ? 508 : a->missing_code;
        }
    }
    relay->allocation = NULL;
    relay->state = HF_TURN_RELAY_LEAVING;
    append(&server->asking, relay);
}

void hf_turn_relay_reply(hf_turn_server *server, hf_time now, const hf_reply *reply)
{
    hf_turn_relay *relay = server->binding.first;
    while (relay && relay->id != reply->id)
        relay = relay->next;
    if (!relay)
        return; /* dropped in the meantime: UNBIND names the same id */
    hf_turn_allocation *a = relay->allocation;
    take_off(&server->binding, relay);
    if (reply->err == HF_OK) {
        if (!take_up(server, relay, &reply->path.local))
            disown(server, relay);
    } else if (reply->err != HF_EEXIST || !try_port(server, relay)) {
        relay->state = HF_TURN_RELAY_FAILED;
    }
    hf_turn_allocate_finish(server, now, a);
}
