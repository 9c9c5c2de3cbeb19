/* local.c: local candidates: priority, foundation, redundancy (RFC 8445 §5.1). */
#include "relay_priv.h"

#include <stdio.h>

/* RFC 8445 §5.1.2.1 and §5.1.2.2: priority = 2^24 * type preference + 2^8 * local preference + (256 - component). */
uint32_t hf_ice_priority(hf_ice_candidate_type type, hf_ice_tcp_type tcp_type, uint16_t local_preference)
{
    static const uint32_t type_preference[] = {
        [HF_ICE_HOST] = 126,
        [HF_ICE_PEER_REFLEXIVE] = 110,
        [HF_ICE_SERVER_REFLEXIVE] = 100,
        [HF_ICE_RELAYED] = 0,
    };
    /* RFC 6544 §4.2 has the type preferences of the less preferred transport lowered: any direct UDP path comes before TCP,
     * and TCP before a relay. */
    static const uint32_t tcp_type_preference[] = {
        [HF_ICE_HOST] = 90,
        [HF_ICE_PEER_REFLEXIVE] = 80,
        [HF_ICE_SERVER_REFLEXIVE] = 70,
        [HF_ICE_RELAYED] = 0,
    };
    const uint32_t *preference = tcp_type == HF_ICE_TCP_NONE ? type_preference : tcp_type_preference;
    return preference[type] << 24 | (uint32_t)local_preference << 8 | (256 - 1);
}

static bool preference_is_taken(const hf_ice_generation *g, bool is_tcp, uint16_t preference)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        if (g->locals[i]->type == HF_ICE_HOST && (g->locals[i]->tcp_type != HF_ICE_TCP_NONE) == is_tcp &&
            g->locals[i]->preference == preference)
            return true;
    }
    return false;
}

/* The local preference of a host candidate; no two share one. From the top:
 *   1 bit    reaches beyond its own link or machine
 *   7 bits   what the driver prefers (hf_local.preference, cut at 127)
 *   8 bits   families in turn, IPv6 first: RFC 8421 §4 wants them interleaved, so that a broken IPv6 delays little.
 * RFC 6544 §4.2: over TCP the topmost 3 bits are the direction, 6 for active and 4 for passive, which leaves 4 to the
 * driver. */
static uint16_t preference_of(const hf_ice_generation *g, const hf_ice_socket *socket)
{
    const hf_local *local = &socket->local;
    bool is_tcp = socket->tcp_type != HF_ICE_TCP_NONE;
    bool is_far = !hf_addr_is_loopback(&local->addr) && !hf_addr_is_link_local(&local->addr);
    unsigned driver_max = is_tcp ? 15 : 127, driver = local->preference < driver_max ? local->preference : driver_max;
    unsigned rank = local->addr.family == HF_FAMILY_IPV6 ? 0 : 1;
    unsigned direction = socket->tcp_type == HF_ICE_TCP_ACTIVE ? 6 : 4;
    uint16_t top = (uint16_t)(is_tcp ? direction << 13 | (is_far ? 0x1000u : 0u) : is_far ? 0x8000u : 0u);
    top = (uint16_t)(top | driver << 8);
    while (rank + 2 < 256 && preference_is_taken(g, is_tcp, (uint16_t)(top | (255 - rank))))
        rank += 2;
    return (uint16_t)(top | (255 - rank));
}

/* Of relayed candidates those come first whose relay takes datagrams as datagrams, then the better of our own addresses,
 * then the server that the configuration names first; and IPv4, for a server whose IPv6 leads nowhere is the likelier one.
 * From the top: 2 bits, 5 bits, 4 bits, 1 bit; the rest tells apart what is equal. */
static uint16_t preference_of_relayed(const hf_ice *ice, const hf_ice_allocation *a, const hf_addr *addr)
{
    const hf_ice_stun *server = a->server;
    unsigned transport = server->transport == HF_UDP ? 2 : !server->tls ? 1 : 0;
    unsigned driver = a->base.preference < 31 ? a->base.preference : 31;
    unsigned place = (unsigned)(server - ice->servers) & 15;
    unsigned family = addr->family == HF_FAMILY_IPV4 ? 1 : 0;
    return (uint16_t)(transport << 14 | driver << 9 | (15 - place) << 5 | family << 4 | 15);
}

/* How a relayed candidate's server was asked; 0: it is none. */
static unsigned asked_over(const hf_ice_local *local)
{
    const hf_ice_allocation *a = local->allocation;
    return !a ? 0 : a->server->transport == HF_UDP ? 1 : a->server->tls ? 3 : 2;
}

/* RFC 8445 §5.1.1.3: the same type, base IP, server IP and transport, and the same transport to the server, have the same
 * foundation. */
static bool shares_foundation(const hf_ice_local *a, const hf_ice_local *b)
{
    return a->type == b->type && (a->tcp_type == HF_ICE_TCP_NONE) == (b->tcp_type == HF_ICE_TCP_NONE) &&
           hf_addr_equal_ip(&a->base->addr, &b->base->addr) && hf_addr_equal_ip(&a->server_addr, &b->server_addr) &&
           asked_over(a) == asked_over(b);
}

static uint16_t foundation_of(hf_ice_generation *g, const hf_ice_local *local)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        if (shares_foundation(g->locals[i], local))
            return g->locals[i]->foundation;
    }
    return ++g->foundations_len;
}

/* RFC 8445 §5.1.2: priorities are unique. Two servers that see one base differently are told apart here. */
static uint32_t unique_priority(const hf_ice_generation *g, const hf_ice_local *local)
{
    uint16_t preference = local->preference;
    for (;;) {
        uint32_t priority = hf_ice_priority(local->type, local->tcp_type, preference);
        size_t i = 0;
        while (i < g->locals_len && g->locals[i]->priority != priority)
            i++;
        if (i == g->locals_len || preference == 0)
            return priority;
        preference--;
    }
}

static bool is_mapped(const hf_ice_generation *g, const hf_ice_local *local)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (g->pairs[i]->mapped == local)
            return true;
    }
    return false;
}

static void remove_at(hf_ice_generation *g, size_t at)
{
    hf_ice_trace_local(g, g->locals[at], HF_TRACE_ICE_CANDIDATE_REMOVED);
    hf_dealloc(g->ice->env, g->locals[at]);
    memmove(&g->locals[at], &g->locals[at + 1], (g->locals_len - at - 1) * sizeof(hf_ice_local *));
    g->locals_len--;
}

/* A NAT that forgets leaves reflexive candidates behind that nothing uses. */
static void make_room(hf_ice_generation *g)
{
    for (size_t i = 0; g->locals_len >= HF_ICE_LOCAL_CANDIDATES_MAX && i < g->locals_len; i++) {
        if (g->locals[i]->base != g->locals[i] && !is_mapped(g, g->locals[i])) {
            remove_at(g, i);
            return;
        }
    }
}

static hf_ice_local *append(hf_ice_generation *g, const hf_ice_local *local)
{
    make_room(g);
    if (hf_grow(g->ice->env, &g->locals, &g->locals_cap, g->locals_len + 1, HF_ICE_LOCAL_CANDIDATES_MAX, sizeof *g->locals))
        return NULL;
    hf_ice_local *copy = hf_alloc(g->ice->env, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *local;
    if (!copy->base)
        copy->base = copy;
    copy->priority = unique_priority(g, copy);
    copy->foundation = foundation_of(g, copy);
    copy->number = ++g->ice->number_last;
    g->locals[g->locals_len++] = copy;
    hf_ice_trace_local(g, copy, HF_TRACE_ICE_CANDIDATE_ADDED);
    return copy;
}

hf_ice_local *hf_ice_local_add_host(hf_ice_generation *g, const hf_ice_socket *socket)
{
    const hf_addr *addr = &socket->local.addr;
    if (hf_ice_addr_is_forbidden(addr) || hf_ice_local_find_host(g, addr, socket->tcp_type))
        return NULL;
    return append(
        g, &(hf_ice_local){
               .type = HF_ICE_HOST, .tcp_type = socket->tcp_type, .addr = *addr, .preference = preference_of(g, socket)});
}

/* RFC 8445 §5.1.3: "A candidate is redundant if and only if its transport address and base equal those of another
 * candidate. The agent SHOULD eliminate the redundant candidate with the lower priority": the one found first is never
 * lower, for host candidates come before reflexive ones. */
static hf_ice_local *add_reflexive(hf_ice_generation *g, const hf_ice_local *reflexive)
{
    hf_ice_local local = *reflexive;
    if (hf_ice_addr_is_forbidden(&local.addr) || hf_ice_local_find(g, &local.addr, local.base))
        return NULL;
    local.tcp_type = local.base->tcp_type;
    local.preference = local.base->preference;
    return append(g, &local);
}

hf_ice_local *hf_ice_local_add_reflexive(hf_ice_generation *g, hf_ice_local *base, const hf_addr *addr,
                                         const hf_ice_stun *server, const hf_addr *server_addr)
{
    return add_reflexive(
        g, &(hf_ice_local){
               .type = HF_ICE_SERVER_REFLEXIVE, .addr = *addr, .base = base, .server = server, .server_addr = *server_addr});
}

hf_ice_local *hf_ice_local_add_peer_reflexive(hf_ice_generation *g, hf_ice_local *base, const hf_addr *addr)
{
    return add_reflexive(g, &(hf_ice_local){.type = HF_ICE_PEER_REFLEXIVE, .addr = *addr, .base = base});
}

hf_ice_local *hf_ice_local_add_relayed(hf_ice_generation *g, hf_ice_allocation *a, const hf_addr *addr)
{
    if (hf_ice_addr_is_forbidden(addr) || hf_ice_local_find_host(g, addr, HF_ICE_TCP_NONE))
        return NULL;
    return append(g, &(hf_ice_local){.type = HF_ICE_RELAYED,
                                     .addr = *addr,
                                     .allocation = a,
                                     .server = a->server,
                                     .server_addr = a->path.remote,
                                     .preference = preference_of_relayed(g->ice, a, addr)});
}

hf_ice_local *hf_ice_local_find_host(const hf_ice_generation *g, const hf_addr *addr, hf_ice_tcp_type tcp_type)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        if (g->locals[i]->base == g->locals[i] && g->locals[i]->tcp_type == tcp_type &&
            hf_addr_equal(&g->locals[i]->addr, addr))
            return g->locals[i];
    }
    return NULL;
}

hf_ice_local *hf_ice_local_find(const hf_ice_generation *g, const hf_addr *addr, const hf_ice_local *base)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        hf_addr scoped = *addr; /* what a remote tells has no zone */
        if (scoped.scope == 0)
            scoped.scope = g->locals[i]->addr.scope;
        if (g->locals[i]->base == base && hf_addr_equal(&g->locals[i]->addr, &scoped))
            return g->locals[i];
    }
    return NULL;
}

void hf_ice_local_remove(hf_ice_generation *g, hf_ice_local *host)
{
    for (size_t i = g->pairs_len; i-- > 0;) {
        if (g->pairs[i]->local == host)
            hf_ice_pair_remove(g, g->pairs[i]);
    }
    hf_ice_gather_forget_base(g, host);
    for (size_t i = g->locals_len; i-- > 0;) { /* a host comes before what is based on it, so it goes last */
        if (g->locals[i]->base == host)
            remove_at(g, i);
    }
}

/* A peer-reflexive candidate never is: the remote has seen its address (RFC 8445 §7.2.5.3.1). */
bool hf_ice_local_is_for_the_remote(const hf_ice_generation *g, const hf_ice_local *local)
{
    if (g->relay == HF_ICE_RELAY_ONLY && local->type != HF_ICE_RELAYED)
        return false;
    return local->type != HF_ICE_PEER_REFLEXIVE && hf_ice_alias_allows_telling(g->ice, local);
}

/* RFC 8839 §5.1: of a relayed candidate, the mapped address. Of one that is concealed, "the address MUST be set to "0.0.0.0"
 * (for IPv4 candidates) or "::" (for IPv6 candidates) and the port to "9"." */
static hf_addr related_to_relay(const hf_ice_generation *g, const hf_ice_local *local)
{
    const hf_addr *mapped = &local->allocation->mapped;
    bool is_shown = g->relay != HF_ICE_RELAY_ONLY && mapped->family != HF_FAMILY_NONE;
    return is_shown ? *mapped : (hf_addr){.family = local->addr.family, .port = 9};
}

void hf_ice_local_describe(const hf_ice_generation *g, const hf_ice_local *local, hf_ice_candidate *out)
{
    *out = (hf_ice_candidate){
        .type = local->type, .tcp_type = local->tcp_type, .component = 1, .priority = local->priority, .addr = local->addr};
    snprintf(out->foundation, sizeof out->foundation, "%u", (unsigned)local->foundation);
    if (local->base != local)
        out->related = local->base->addr;
    else if (local->type == HF_ICE_RELAYED)
        out->related = related_to_relay(g, local);
    hf_ice_alias_conceal(g->ice, local, out);
    memcpy(out->ufrag, g->local_ufrag, sizeof g->local_ufrag);
}
