/* pair.c: the check list: forming, ordering, pruning, freezing (RFC 8445 §6.1.2). */
#include "relay_priv.h"

#include "suspicion.h"

/* RFC 8445 §6.1.2.3: "pair priority = 2^32*MIN(G,D) + 2*MAX(G,D) + (G>D?1:0)", G being the controlling side's. */
uint64_t hf_ice_pair_priority(bool is_controlling, uint32_t local, uint32_t remote)
{
    uint64_t g = is_controlling ? local : remote;
    uint64_t d = is_controlling ? remote : local;
    return (g < d ? g : d) * (UINT64_C(1) << 32) + 2 * (g > d ? g : d) + (g > d);
}

/* RFC 8445 §6.1.2.2 pairs addresses of one family, and link-local ones only with each other. The same holds here for
 * loopback: 127.0.0.1 of another machine is none of our business, and from ours nothing else can be reached. (A check that
 * does arrive is paired as it came.) */
bool hf_ice_may_reach(const hf_addr *local, const hf_addr *remote)
{
    return local->family == remote->family && hf_addr_is_loopback(local) == hf_addr_is_loopback(remote) &&
           hf_addr_is_link_local(local) == hf_addr_is_link_local(remote);
}

/* RFC 6544 §6.2 pairs active with passive, and prunes what is passive on our side: such a pair is made when the remote has
 * opened a stream for it and a check has come (§7.2). */
static bool may_pair(const hf_ice_local *local, const hf_ice_remote *remote)
{
    if (local->type == HF_ICE_RELAYED && remote->name)
        return false; /* draft-ietf-mmusic-mdns-ice-candidates §3.3.2: the relay's server would learn what the name hides */
    bool fits = local->tcp_type == HF_ICE_TCP_NONE
                    ? remote->tcp_type == HF_ICE_TCP_NONE
                    : local->tcp_type == HF_ICE_TCP_ACTIVE && remote->tcp_type == HF_ICE_TCP_PASSIVE;
    return fits && hf_ice_may_reach(&local->addr, &remote->addr);
}

static hf_path path_of(const hf_ice_local *local, const hf_ice_remote *remote)
{
    hf_path path = {
        .transport = local->tcp_type == HF_ICE_TCP_NONE ? HF_UDP : HF_TCP, .local = local->addr, .remote = remote->addr};
    if (local->tcp_type == HF_ICE_TCP_ACTIVE)
        path.local.port = 0;
    if (path.remote.family == HF_FAMILY_IPV6 && hf_addr_is_link_local(&path.remote))
        path.remote.scope = local->addr.scope;
    return path;
}

bool hf_ice_pair_shares_foundation(const hf_ice_pair *a, const hf_ice_pair *b)
{
    return a->local->foundation == b->local->foundation && a->remote->foundation == b->remote->foundation;
}

/* RFC 8445 §6.1.2.6, for one pair more (RFC 8838 §12): it waits unless another of its foundation is on the way. */
static hf_ice_pair_state state_at_first(const hf_ice_generation *g, const hf_ice_pair *pair)
{
    bool is_on_the_way = false;
    for (size_t i = 0; i < g->pairs_len; i++) {
        const hf_ice_pair *other = g->pairs[i];
        if (other == pair || !hf_ice_pair_shares_foundation(other, pair))
            continue;
        if (other->state == HF_ICE_PAIR_SUCCEEDED)
            return HF_ICE_PAIR_WAITING;
        is_on_the_way |= other->state == HF_ICE_PAIR_WAITING || other->state == HF_ICE_PAIR_IN_PROGRESS;
    }
    return is_on_the_way ? HF_ICE_PAIR_FROZEN : HF_ICE_PAIR_WAITING;
}

/* The pair to give up for a better one: the last that is neither of use nor under way; NULL: none. */
static hf_ice_pair *dispensable(const hf_ice_generation *g)
{
    for (size_t i = g->pairs_len; i-- > 0;) {
        hf_ice_pair_state state = g->pairs[i]->state;
        bool is_idle = state == HF_ICE_PAIR_FROZEN || state == HF_ICE_PAIR_WAITING || state == HF_ICE_PAIR_FAILED;
        if (is_idle && g->pairs[i]->triggered == 0)
            return g->pairs[i];
    }
    return NULL;
}

/* RFC 8445 §6.1.2.5: "if the total number of candidate pairs … exceeds the limit, the agent MUST discard the
 * lower-priority candidate pairs". A pair that the remote has used is worth more than one that is only thought of. */
static bool make_room(hf_ice_generation *g, uint64_t priority, bool has_come)
{
    if (g->pairs_len < HF_ICE_PAIRS_MAX)
        return true;
    hf_ice_pair *pair = dispensable(g);
    if (!pair || (pair->priority >= priority && !has_come))
        return false;
    hf_ice_pair_remove(g, pair);
    return true;
}

static void insert(hf_ice_generation *g, hf_ice_pair *pair)
{
    size_t at = g->pairs_len;
    while (at > 0 && g->pairs[at - 1]->priority < pair->priority) {
        g->pairs[at] = g->pairs[at - 1];
        at--;
    }
    g->pairs[at] = pair;
    g->pairs_len++;
}

static hf_ice_pair *find_of(const hf_ice_generation *g, const hf_ice_local *local, const hf_ice_remote *remote)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (g->pairs[i]->local == local && g->pairs[i]->remote == remote)
            return g->pairs[i];
    }
    return NULL;
}

/* Two pairs are redundant when base and remote address are the same (RFC 8445 §6.1.2.4). As reflexive candidates are never
 * paired, only their bases, and remote addresses are unique, that comes down to the same candidates. */
hf_ice_pair *hf_ice_pair_ensure(hf_ice_generation *g, hf_ice_local *local, hf_ice_remote *remote, bool has_come)
{
    hf_ice_pair *known = find_of(g, local, remote);
    if (known)
        return known;

    uint64_t priority = hf_ice_pair_priority(g->is_controlling, local->priority, remote->priority);
    if (!make_room(g, priority, has_come) ||
        hf_grow(g->ice->env, &g->pairs, &g->pairs_cap, g->pairs_len + 1, HF_ICE_PAIRS_MAX, sizeof *g->pairs))
        return NULL;
    hf_ice_pair *pair = hf_alloc(g->ice->env, sizeof *pair);
    if (!pair)
        return NULL;
    pair->generation = g;
    pair->local = local;
    pair->remote = remote;
    pair->path = path_of(local, remote);
    pair->priority = priority;
    pair->due = HF_NEVER;
    pair->is_permitted = local->type != HF_ICE_RELAYED;
    pair->state = state_at_first(g, pair);
    pair->number = ++g->ice->number_last;
    insert(g, pair);
    hf_ice_trace_pair(pair, HF_TRACE_ICE_PAIR_ADDED);
    if (local->type == HF_ICE_RELAYED)
        hf_ice_relayed_ask(g->ice->now, pair);
    return pair;
}

void hf_ice_pair_enter(hf_ice_pair *pair, hf_ice_pair_state next)
{
    const hf_ice *ice = pair->generation->ice;
    if (pair->state == next)
        return;
    hf_trace(ice->env, ice->now, HF_TRACE_ICE_PAIR_STATE_CHANGED, hf_trace_number("pair", pair->number),
             hf_trace_text("old", hf_ice_pair_state_name(pair->state)), hf_trace_text("new", hf_ice_pair_state_name(next)),
             hf_trace_ms("rtt_ms", pair->rtt));
    pair->state = next; /* nowhere else is it assigned, but for the first time */
}

void hf_ice_pair_nominate(hf_ice_pair *pair)
{
    if (!pair->is_nominated)
        hf_ice_trace_pair(pair, HF_TRACE_ICE_PAIR_NOMINATED);
    pair->is_nominated = true;
}

void hf_ice_pair_add_for_local(hf_ice_generation *g, hf_ice_local *local)
{
    if (!hf_ice_remote_is_known(g))
        return;
    for (size_t i = 0; i < g->remotes_len; i++) {
        if (may_pair(local, g->remotes[i]))
            (void)hf_ice_pair_ensure(g, local, g->remotes[i], false);
    }
}

void hf_ice_pair_add_for_remote(hf_ice_generation *g, hf_ice_remote *remote)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        if (g->locals[i]->base == g->locals[i] && may_pair(g->locals[i], remote))
            (void)hf_ice_pair_ensure(g, g->locals[i], remote, false);
    }
}

hf_ice_pair *hf_ice_pair_find(const hf_ice_generation *g, const hf_path *path)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (hf_ice_path_equal(&g->pairs[i]->path, path))
            return g->pairs[i];
    }
    return NULL;
}

void hf_ice_pair_remove(hf_ice_generation *g, hf_ice_pair *pair)
{
    hf_ice_stream_close(g->ice, pair->stream);
    hf_ice_relayed_forget(pair);
    size_t at = 0;
    while (g->pairs[at] != pair)
        at++;
    memmove(&g->pairs[at], &g->pairs[at + 1], (g->pairs_len - at - 1) * sizeof(hf_ice_pair *));
    g->pairs_len--;
    hf_ice_trace_pair(pair, HF_TRACE_ICE_PAIR_REMOVED);
    if (g->best == pair)
        g->best = NULL;
    if (g->ice->heard == pair)
        g->ice->heard = NULL;
    if (g->ice->route == pair) {
        hf_ice_select(g->ice, NULL);
        hf_ice_consent_on_route(g->ice, g->ice->now);
        hf_ice_suspicion_on_route(g->ice, g->ice->now);
    }
    hf_dealloc(g->ice->env, pair);
}

void hf_ice_pair_reprioritize(hf_ice_generation *g)
{
    size_t len = g->pairs_len;
    g->pairs_len = 0;
    for (size_t i = 0; i < len; i++) { /* insertion sort in place: those before `i` are in order */
        hf_ice_pair *pair = g->pairs[i];
        pair->priority = hf_ice_pair_priority(g->is_controlling, pair->local->priority, pair->remote->priority);
        insert(g, pair);
    }
}

bool hf_ice_pair_may_thaw(const hf_ice_generation *g, const hf_ice_pair *pair)
{
    if (pair->state != HF_ICE_PAIR_FROZEN)
        return false;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair_state state = g->pairs[i]->state;
        if ((state == HF_ICE_PAIR_WAITING || state == HF_ICE_PAIR_IN_PROGRESS) &&
            hf_ice_pair_shares_foundation(g->pairs[i], pair))
            return false;
    }
    return true;
}

bool hf_ice_pair_thaw(hf_ice_generation *g)
{
    bool some = false;
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (hf_ice_pair_may_thaw(g, g->pairs[i])) {
            hf_ice_pair_enter(g->pairs[i], HF_ICE_PAIR_WAITING);
            some = true;
        }
    }
    return some;
}

void hf_ice_pair_describe(const hf_ice_pair *pair, hf_ice_pair_info *out)
{
    const hf_ice_generation *g = pair->generation;
    *out = (hf_ice_pair_info){
        .state = pair->state,
        .nominated = pair->is_nominated,
        .selected = pair == g->ice->route,
        .priority = pair->priority,
        .rtt = pair->rtt,
        .rtt_total = pair->rtt_total,
        .requests_sent = pair->requests_sent,
        .requests_received = pair->requests_received,
        .responses_sent = pair->responses_sent,
        .responses_received = pair->responses_received,
        .consent_requests_sent = pair->consent_requests_sent,
        .packets_sent = pair->packets_sent,
        .packets_received = pair->packets_received,
        .bytes_sent = pair->bytes_sent,
        .bytes_received = pair->bytes_received,
        .sent_at = pair->data_sent_at,
        .received_at = pair->data_received_at,
        .number = pair->number,
        .remote_number = pair->remote->number,
    };
    const hf_ice_local *local = pair->mapped ? pair->mapped : pair->local;
    out->local_number = local->number;
    hf_ice_local_describe(pair->generation, local, &out->local);
    hf_ice_remote_describe(pair->remote, &out->remote);
}
