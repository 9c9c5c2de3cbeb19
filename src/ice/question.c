/* question.c: what can be asked of an agent: the route, candidates, pairs, counters. */
#include "relay_priv.h"

const char *hf_ice_local_ufrag(const hf_ice *ice)
{
    return ice->newest->local_ufrag;
}

const char *hf_ice_local_pwd(const hf_ice *ice)
{
    return ice->newest->local_pwd;
}

hf_ice_state hf_ice_get_state(const hf_ice *ice)
{
    return ice->state;
}

hf_ice_gathering hf_ice_get_gathering(const hf_ice *ice)
{
    return ice->newest->gathering;
}

bool hf_ice_get_route(const hf_ice *ice, hf_ice_route *out)
{
    const hf_ice_pair *pair = ice ? ice->route : NULL;
    hf_ice_way way;
    if (!pair || !hf_ice_way_of(ice, &pair->path, &way))
        return false;
    bool is_by_relay = pair->local->type == HF_ICE_RELAYED; /* also where the remote sees another address than the relay's */
    *out = (hf_ice_route){
        .path = way.path,
        .rtt = pair->rtt,
        .nominated = pair->is_nominated,
        .local_type = is_by_relay ? HF_ICE_RELAYED : pair->mapped->type,
        .remote_type = pair->remote->type,
        .local = is_by_relay ? pair->local->addr : pair->mapped->addr,
        .remote = pair->remote->addr,
        .relay_transport = way.path.transport,
        .relay_tls = is_by_relay && pair->local->allocation->server->tls,
        .wrap = way.wrap,
    };
    if (!is_by_relay)
        out->relay_transport = HF_UDP;
    hf_ice_alias_name_route(ice, pair, out);
    return true;
}

bool hf_ice_local_candidate(const hf_ice *ice, size_t index, hf_ice_candidate *out)
{
    const hf_ice_generation *g = ice ? ice->newest : NULL;
    for (size_t i = 0; g && i < g->locals_len; i++) {
        if (!hf_ice_local_is_for_the_remote(g, g->locals[i]) || index-- > 0)
            continue;
        hf_ice_local_describe(g, g->locals[i], out);
        return true;
    }
    return false;
}

bool hf_ice_get_pair(const hf_ice *ice, size_t index, hf_ice_pair_info *out)
{
    if (!ice)
        return false;
    const hf_ice_generation *g = ice->newest;
    while (index >= g->pairs_len) {
        if (g == ice->current)
            return false;
        index -= g->pairs_len;
        g = g->older;
    }
    hf_ice_pair_describe(g->pairs[index], out);
    return true;
}

bool hf_ice_get_candidate(const hf_ice *ice, bool of_remote, size_t index, hf_ice_candidate_info *out)
{
    if (!ice || !out)
        return false;
    const hf_ice_generation *g = ice->newest;
    for (size_t len; index >= (len = of_remote ? g->remotes_len : g->locals_len); g = g->older) {
        if (g == ice->current)
            return false;
        index -= len;
    }
    out->number = of_remote ? g->remotes[index]->number : g->locals[index]->number;
    out->url = out->relay_protocol = "";
    if (of_remote) {
        hf_ice_remote_describe(g->remotes[index], &out->candidate);
        return true;
    }
    const hf_ice_local *local = g->locals[index];
    hf_ice_local_describe(g, local, &out->candidate);
    if (!local->server)
        return true;
    out->url = local->server->uri;
    if (local->type == HF_ICE_RELAYED)
        out->relay_protocol = local->server->tls ? "tls" : local->server->transport == HF_TCP ? "tcp" : "udp";
    return true;
}

bool hf_ice_is_controlling(const hf_ice *ice)
{
    return hf_ice_checked(ice)->is_controlling;
}

void hf_ice_get_stats(const hf_ice *ice, hf_ice_stats *out)
{
    *out = ice->stats;
}
