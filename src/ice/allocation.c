/* allocation.c: what TURN servers have for us (RFC 8656): one allocation for each server and each address of ours that
 * reaches it. All are asked at once, UDP, TCP and TLS beside each other, for to wait for one that is silent costs seconds.
 *
 * They belong to the agent: a restart finds them as they are. */
#include "relay_priv.h"

/* RFC 8445 §14.2 has requests paced. Those to TURN servers keep to the least Ta. */
#define REQUEST_PACE HF_ICE_PACE_MIN

/* --- The list ------------------------------------------------------------------------------------------------------- */

static hf_ice_allocation *find(const hf_ice *ice, const hf_ice_stun *server, const hf_addr *base)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        if (ice->allocations[i]->server == server && hf_addr_equal(&ice->allocations[i]->base.addr, base))
            return ice->allocations[i];
    }
    return NULL;
}

static void add(hf_ice *ice, hf_time now, hf_ice_stun *server, const hf_local *base)
{
    bool is_usable = server->is_turn && server->state == HF_ICE_SERVER_KNOWN && hf_ice_server_is_of_use(ice, server) &&
                     (server->transport == HF_TCP || !ice->no_udp) && hf_ice_server_addr(server, &base->addr);
    if (!is_usable || find(ice, server, &base->addr))
        return;
    hf_ice_allocation *a = NULL;
    if (hf_grow(ice->env, &ice->allocations, &ice->allocations_cap, ice->allocations_len + 1, HF_ICE_RELAYS_MAX,
                sizeof *ice->allocations) == HF_OK)
        a = hf_alloc(ice->env, sizeof *a);
    if (!a)
        return; /* the better addresses have theirs; without memory, a restart tries again */
    *a = (hf_ice_allocation){.server = server, .base = *base, .retry_at = now};
    ice->allocations[ice->allocations_len++] = a;
}

static void remove_at(hf_ice *ice, size_t at)
{
    hf_ice_allocation *a = ice->allocations[at];
    hf_ice_allocation_drop_client(ice, a);
    hf_dealloc(ice->env, a);
    ice->allocations_len--;
    memmove(&ice->allocations[at], &ice->allocations[at + 1], (ice->allocations_len - at) * sizeof(hf_ice_allocation *));
}

void hf_ice_allocations_clear(hf_ice *ice)
{
    while (ice->allocations_len > 0)
        remove_at(ice, ice->allocations_len - 1);
    hf_dealloc(ice->env, ice->allocations);
    hf_dealloc(ice->env, ice->bases);
}

/* --- What the agent wants ------------------------------------------------------------------------------------------- */

bool hf_ice_allocations_have_base(const hf_ice *ice, const hf_addr *addr)
{
    for (size_t i = 0; i < ice->bases_len; i++) {
        if (hf_addr_equal(&ice->bases[i].addr, addr))
            return true;
    }
    return false;
}

/* Silence is for the remote, whose consent is lost. A server that is asked shows whether there is a network at all. */
static bool may_ask(const hf_ice *ice)
{
    return !hf_ice_is_over(ice) || hf_ice_is_restarting(ice) || ice->is_watching;
}

/* The addresses of sockets; the ones that the driver prefers first, for there may be more than there are allocations. */
static void remember(hf_ice *ice, const hf_local *local)
{
    if (local->transport != HF_UDP || hf_ice_addr_is_forbidden(&local->addr) ||
        hf_grow(ice->env, &ice->bases, &ice->bases_cap, ice->bases_len + 1, HF_ICE_LOCAL_CANDIDATES_MAX, sizeof *ice->bases))
        return;
    size_t at = ice->bases_len++;
    for (; at > 0 && ice->bases[at - 1].preference < local->preference; at--)
        ice->bases[at] = ice->bases[at - 1];
    ice->bases[at] = *local;
}

void hf_ice_allocations_take_locals(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    ice->bases_len = 0;
    for (size_t i = 0; i < reply->locals_len; i++)
        remember(ice, &reply->locals[i]);
    for (size_t i = ice->allocations_len; i-- > 0;) {
        if (hf_ice_allocations_have_base(ice, &ice->allocations[i]->base.addr))
            continue;
        hf_ice_allocation_withdraw(ice, ice->allocations[i]);
        remove_at(ice, i);
    }
    hf_ice_nominate_consider(ice, now);
}

void hf_ice_allocations_take_part(hf_ice *ice, hf_time now)
{
    if (!may_ask(ice))
        return;
    for (size_t b = 0; b < ice->bases_len; b++) {
        for (size_t s = 0; s < ice->servers_len; s++)
            add(ice, now, &ice->servers[s], &ice->bases[b]);
    }
    for (size_t i = 0; i < ice->allocations_len; i++)
        hf_ice_allocation_offer(ice, ice->allocations[i]);
}

void hf_ice_allocations_renew(hf_ice *ice, hf_time now)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        if (a->state == HF_ICE_ALLOCATION_RESTING)
            a->retry_at = now;
    }
    hf_ice_allocations_probe(ice, now);
}

void hf_ice_allocations_hurry(hf_ice *ice, hf_time now, const hf_ice_stun *server)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        if (a->server == server && a->state == HF_ICE_ALLOCATION_RESTING && a->retry_at > now)
            a->retry_at = now;
    }
}

void hf_ice_allocations_take_credentials(hf_ice *ice, hf_time now, const hf_ice_stun *server)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        if (a->server != server)
            continue;
        a->lacks_credentials = false;
        if (a->client && hf_turn_client_set_credentials(a->client, now, server->username, server->password))
            hf_ice_allocation_fail(ice, now, a, HF_ENOMEM, 0);
        if (a->state == HF_ICE_ALLOCATION_RESTING)
            a->retry_at = now;
    }
}

bool hf_ice_allocations_are_settled(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        const hf_ice_allocation *a = ice->allocations[i];
        bool is_settled = a->state == HF_ICE_ALLOCATION_STANDING || a->has_stood || a->lacks_credentials ||
                          (a->state == HF_ICE_ALLOCATION_RESTING && a->retry_at == HF_NEVER);
        if (!is_settled)
            return false;
    }
    return true;
}

bool hf_ice_allocations_are_awaited(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        const hf_ice_allocation *a = ice->allocations[i];
        bool rests = a->state == HF_ICE_ALLOCATION_RESTING && a->retry_at == HF_NEVER;
        if (a->state != HF_ICE_ALLOCATION_STANDING && !rests)
            return true;
    }
    return false;
}

void hf_ice_allocation_carry(hf_time now, const hf_ice_pair *pair)
{
    /* Without a channel, Send indications go on carrying it. */
    (void)!hf_turn_client_bind(pair->local->allocation->client, now, &pair->path.remote);
}

void hf_ice_allocations_probe(hf_ice *ice, hf_time now)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        if (ice->allocations[i]->state == HF_ICE_ALLOCATION_STANDING)
            hf_turn_client_probe(ice->allocations[i]->client, now);
    }
}

void hf_ice_allocations_close(hf_ice *ice, hf_time now)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        a->retry_at = HF_NEVER;
        if (!a->client) {
            hf_ice_allocation_drop_client(ice, a);
            a->state = HF_ICE_ALLOCATION_RESTING;
            continue;
        }
        hf_turn_client_close(a->client, now);
        a->state = HF_ICE_ALLOCATION_CLOSING;
        hf_ice_allocation_take_events(ice, now, a);
    }
}

/* --- Driving -------------------------------------------------------------------------------------------------------- */

/* At the end, nobody may be there any more to send the rest. */
static hf_time pace_at(const hf_ice *ice)
{
    return ice->state == HF_ICE_CLOSED ? 0 : ice->allocation_at;
}

bool hf_ice_allocation_poll(hf_ice *ice, hf_time now, hf_transmit *out)
{
    if (now < pace_at(ice))
        return false;
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        if (a->client && hf_turn_client_poll_transmit(a->client, now, out)) {
            ice->allocation_at = now + REQUEST_PACE;
            return true;
        }
    }
    return false;
}

void hf_ice_allocation_tick(hf_ice *ice, hf_time now)
{
    bool is_over = !may_ask(ice);
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        if (a->client)
            hf_turn_client_tick(a->client, now);
        hf_ice_allocation_take_events(ice, now, a);
        if (a->state == HF_ICE_ALLOCATION_RESTING && now >= a->retry_at && !is_over)
            hf_ice_allocation_start(ice, now, a);
    }
}

hf_time hf_ice_allocation_deadline(const hf_ice *ice)
{
    hf_time at = HF_NEVER;
    bool is_over = !may_ask(ice);
    for (size_t i = 0; i < ice->allocations_len; i++) {
        const hf_ice_allocation *a = ice->allocations[i];
        if (a->client) {
            hf_time due = hf_turn_client_deadline(a->client);
            at = hf_ice_earlier(at, due > pace_at(ice) ? due : pace_at(ice));
        } else if (a->state == HF_ICE_ALLOCATION_RESTING && !is_over) {
            at = hf_ice_earlier(at, a->retry_at);
        }
    }
    return at;
}
