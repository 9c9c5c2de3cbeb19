/* nat.c: a table of sessions, as a kernel's connection tracking keeps it. Sessions share a mapping where the scope of
 * mappings says so; a mapping lives as long as one of its sessions does. */
#include "nat.h"

#include "chance.h"

#include <assert.h>
#include <stdlib.h>

#define REBINDING_SHIFT 1000 /* what a rebinding adds to preserved ports */

typedef struct nat_session {
    hf_transport transport;
    hf_addr inside, outside, remote;
    hf_time expires_at;
} nat_session;

void nat_init(nat *n, const nat_config *config, uint64_t *chance)
{
    *n = (nat){.config = *config, .chance = chance, .port_next = NAT_PORT_FIRST};
}

void nat_clear(nat *n)
{
    free(n->sessions);
    *n = (nat){0};
}

static const hf_addr *address_outside(const nat *n, hf_family family)
{
    return family == HF_FAMILY_IPV4 ? &n->config.ipv4 : &n->config.ipv6;
}

bool nat_has(const nat *n, const hf_addr *outside)
{
    return hf_addr_equal_ip(outside, address_outside(n, outside->family));
}

bool nat_is_transparent(const nat *n, hf_family family)
{
    return address_outside(n, family)->family == HF_FAMILY_NONE;
}

static bool is_within(nat_scope scope, const hf_addr *a, const hf_addr *b)
{
    switch (scope) {
    case NAT_ENDPOINT_INDEPENDENT:
        return a->family == b->family;
    case NAT_ADDRESS_DEPENDENT:
        return hf_addr_equal_ip(a, b);
    case NAT_ADDRESS_AND_PORT_DEPENDENT:
        return hf_addr_equal(a, b);
    }
    return false;
}

static void forget_expired(nat *n, hf_time now)
{
    for (size_t i = 0; i < n->len;) {
        if (n->sessions[i].expires_at <= now)
            n->sessions[i] = n->sessions[--n->len];
        else
            i++;
    }
}

/* The session of a packet that goes out, or another one whose mapping it may use. */
static nat_session *find_mapping(nat *n, nat_scope scope, hf_transport transport, const hf_addr *inside,
                                 const hf_addr *remote)
{
    for (size_t i = 0; i < n->len; i++) {
        nat_session *s = &n->sessions[i];
        if (s->transport == transport && hf_addr_equal(&s->inside, inside) && is_within(scope, &s->remote, remote))
            return s;
    }
    return NULL;
}

static bool is_taken(const nat *n, hf_transport transport, const hf_addr *outside)
{
    for (size_t i = 0; i < n->len; i++) {
        if (n->sessions[i].transport == transport && hf_addr_equal(&n->sessions[i].outside, outside))
            return true;
    }
    return false;
}

static uint16_t next_port(nat *n)
{
    uint16_t port = n->port_next;
    n->port_next = port == UINT16_MAX ? NAT_PORT_FIRST : (uint16_t)(port + 1);
    return port;
}

static uint16_t random_port(nat *n)
{
    return (uint16_t)(NAT_PORT_FIRST + chance_below(n->chance, UINT16_MAX - NAT_PORT_FIRST + 1));
}

/* The first port that comes to mind, and a random one where that is taken. */
static hf_addr assign(nat *n, hf_transport transport, const hf_addr *inside)
{
    hf_addr outside = *address_outside(n, inside->family);
    if (nat_is_transparent(n, inside->family))
        return *inside;
    switch (n->config.ports) {
    case NAT_PORTS_PRESERVED:
        outside.port = (uint16_t)(inside->port + n->port_shift);
        break;
    case NAT_PORTS_CONTIGUOUS:
        outside.port = next_port(n);
        break;
    case NAT_PORTS_RANDOM:
        outside.port = random_port(n);
        break;
    }
    while (outside.port < NAT_PORT_FIRST || is_taken(n, transport, &outside))
        outside.port = n->config.ports == NAT_PORTS_CONTIGUOUS ? next_port(n) : random_port(n);
    return outside;
}

static nat_session *add(nat *n, nat_session session)
{
    if (n->len == n->cap) {
        n->cap = n->cap ? 2 * n->cap : 16;
        n->sessions = realloc(n->sessions, n->cap * sizeof *n->sessions);
        assert(n->sessions);
    }
    n->sessions[n->len] = session;
    return &n->sessions[n->len++];
}

static bool passes(const nat *n, hf_transport transport, const hf_addr *remote)
{
    switch (n->config.passes) {
    case NAT_PASSES_ALL:
        return true;
    case NAT_PASSES_TCP:
        return transport == HF_TCP;
    case NAT_PASSES_TCP_443:
        return transport == HF_TCP && remote->port == 443;
    }
    return false;
}

static hf_span lifetime(const nat *n, hf_transport transport)
{
    if (transport == HF_TCP)
        return NAT_LIFETIME_TCP;
    return n->config.lifetime > 0 ? n->config.lifetime : NAT_LIFETIME_UDP;
}

/* RFC 4787 REQ-6: what goes out refreshes a mapping, and what comes in does not. */
bool nat_out(nat *n, hf_time now, hf_transport transport, const hf_addr *inside, const hf_addr *remote, hf_addr *outside)
{
    if (!passes(n, transport, remote))
        return false;
    forget_expired(n, now);
    nat_session *session = find_mapping(n, NAT_ADDRESS_AND_PORT_DEPENDENT, transport, inside, remote);
    if (!session) {
        const nat_session *shared = find_mapping(n, n->config.mapping, transport, inside, remote);
        nat_session begun = {.transport = transport, .inside = *inside, .remote = *remote};
        begun.outside = shared ? shared->outside : assign(n, transport, inside);
        session = add(n, begun);
    }
    session->expires_at = now + lifetime(n, transport);
    *outside = session->outside;
    return true;
}

bool nat_in(nat *n, hf_time now, hf_transport transport, const hf_addr *outside, const hf_addr *remote, hf_addr *inside)
{
    forget_expired(n, now);
    for (size_t i = 0; i < n->len; i++) {
        const nat_session *s = &n->sessions[i];
        if (s->transport == transport && hf_addr_equal(&s->outside, outside) &&
            is_within(n->config.filtering, &s->remote, remote)) {
            *inside = s->inside;
            return true;
        }
    }
    return false;
}

void nat_rebind(nat *n)
{
    n->len = 0;
    n->port_shift = (uint16_t)(n->port_shift + REBINDING_SHIFT);
}

void nat_move(nat *n, const hf_addr *outside)
{
    nat_rebind(n);
    *(outside->family == HF_FAMILY_IPV4 ? &n->config.ipv4 : &n->config.ipv6) = *outside;
}

size_t nat_sessions_len(const nat *n)
{
    return n->len;
}
