/* join.c: when pairs with a relay at one end join the checks. They are made with the others, and permissions are asked
 * for, so that nothing but the checks themselves waits: for the head start of the direct ones, or until those prove
 * hopeless. A check that the remote sends through a relay is answered and followed by ours at any time.
 *
 * A direct path that comes to work later is preferred (nominate.c), so joining early costs packets and nothing else. */
#include "relay_priv.h"

#include "suspicion.h"

static bool has_direct_path(const hf_ice_generation *g)
{
    const hf_ice_pair *best = g->best;
    return best && !hf_ice_pair_is_relayed(best) && !hf_ice_is_silent(best);
}

/* Two servers see different mappings of one socket: the NAT is symmetric, and what they see is of no use to the remote. */
static bool has_two_mappings(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        for (size_t n = 0; n < i && g->locals[i]->type == HF_ICE_SERVER_REFLEXIVE; n++) {
            if (g->locals[n]->type == HF_ICE_SERVER_REFLEXIVE && g->locals[n]->base == g->locals[i]->base)
                return true;
        }
    }
    return false;
}

/* A server has given an allocation over a stream, which takes several round trips, while each one that was asked over UDP is
 * silent. */
static bool is_udp_silent(const hf_ice_generation *g)
{
    const hf_ice *ice = g->ice;
    bool has_stream = false, was_asked = false;
    for (size_t i = 0; i < ice->allocations_len; i++) {
        const hf_ice_allocation *a = ice->allocations[i];
        hf_turn_client_stats stats = {0};
        if (a->client)
            hf_turn_client_get_stats(a->client, &stats);
        if (a->server->transport == HF_UDP && stats.responses_received > 0)
            return false;
        has_stream |= a->server->transport == HF_TCP && a->state == HF_ICE_ALLOCATION_STANDING;
        was_asked |= a->server->transport == HF_UDP;
    }
    for (size_t i = 0; i < g->queries_len; i++) {
        if (g->queries[i].server->has_answered)
            return false;
        was_asked |= g->queries[i].transaction.sent > 0;
    }
    return has_stream && was_asked;
}

/* Both sides have told all that they have. */
static bool can_form_no_direct_pair(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (!hf_ice_pair_is_relayed(g->pairs[i]))
            return false;
    }
    return g->gathering == HF_ICE_GATHERING_COMPLETE && g->remote_has_ended && !g->remote_hides_addresses;
}

/* A path that is lost is no time for a head start: data waits. */
static bool is_interrupted(const hf_ice_generation *g)
{
    const hf_ice *ice = g->ice;
    bool has_had_path = hf_ice_is_restarting(ice) || ice->suspected_at != HF_NEVER;
    return has_had_path && (!ice->route || hf_ice_is_silent(ice->route));
}

/* NULL: there is none yet. */
static const char *reason_to_join(const hf_ice_generation *g, hf_time now)
{
    hf_ice_relay policy = g->relay;
    if (policy == HF_ICE_RELAY_AT_ONCE || policy == HF_ICE_RELAY_ONLY)
        return "policy";
    if (has_direct_path(g))
        return NULL;
    if (now >= g->join_at)
        return "head start is over";
    if (is_interrupted(g))
        return "path lost";
    if (has_two_mappings(g))
        return "symmetric NAT";
    if (is_udp_silent(g))
        return "no answer over UDP";
    return can_form_no_direct_pair(g) ? "no direct pair" : NULL;
}

void hf_ice_join_consider(hf_ice *ice, hf_time now)
{
    hf_ice_generation *g = hf_ice_checked(ice);
    if (g->has_joined || g->is_over || g->pairs_len == 0)
        return;
    if (g->join_at == HF_NEVER)
        g->join_at = now + ice->head_start;
    const char *reason = reason_to_join(g, now);
    if (!reason)
        return;
    g->has_joined = true;
    hf_trace(ice->env, now, HF_TRACE_ICE_RELAYS_JOINED, hf_trace_text("cause", reason));
}

/* Behind it, only what happens can make a difference. */
hf_time hf_ice_join_deadline(const hf_ice *ice)
{
    const hf_ice_generation *g = hf_ice_checked(ice);
    return g->has_joined || g->is_over || ice->now >= g->join_at ? HF_NEVER : g->join_at;
}
