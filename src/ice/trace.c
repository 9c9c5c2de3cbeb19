/* trace.c: candidates and pairs in the event log. */
#include "relay_priv.h"

static hf_trace_field transport(hf_transport transport)
{
    return hf_trace_text("protocol", transport == HF_TCP ? "tcp" : "udp");
}

void hf_ice_trace_local(const hf_ice_generation *g, const hf_ice_local *local, hf_trace_event event)
{
    const hf_addr *base = local->base == local ? NULL : &local->base->addr;
    hf_trace(g->ice->env, g->ice->now, event, hf_trace_text("side", "local"), hf_trace_number("candidate", local->number),
             hf_trace_text("type", hf_ice_candidate_type_name(local->type)), hf_trace_addr("address", &local->addr),
             hf_trace_addr("base", base), hf_trace_number("priority", local->priority),
             hf_trace_text("ufrag", g->local_ufrag));
}

void hf_ice_trace_remote(const hf_ice_generation *g, const hf_ice_remote *remote, hf_trace_event event)
{
    hf_trace(g->ice->env, g->ice->now, event, hf_trace_text("side", "remote"), hf_trace_number("candidate", remote->number),
             hf_trace_text("type", hf_ice_candidate_type_name(remote->type)), hf_trace_addr("address", &remote->addr),
             hf_trace_number("priority", remote->priority), hf_trace_text("ufrag", g->remote_ufrag));
}

void hf_ice_trace_pair(const hf_ice_pair *pair, hf_trace_event event)
{
    const hf_ice *ice = pair->generation->ice;
    hf_trace(ice->env, ice->now, event, hf_trace_number("pair", pair->number), hf_trace_addr("local", &pair->path.local),
             hf_trace_addr("remote", &pair->path.remote), transport(pair->path.transport),
             hf_trace_number("local_candidate", pair->local->number),
             hf_trace_number("remote_candidate", pair->remote->number), hf_trace_ms("rtt_ms", pair->rtt),
             hf_trace_text("state", hf_ice_pair_state_name(pair->state)));
}

void hf_ice_trace_no_pair(const hf_ice *ice)
{
    hf_trace(ice->env, ice->now, HF_TRACE_ICE_PAIR_SELECTED, hf_trace_text("cause", "none is left"));
}

static hf_trace_field pair_of(const hf_ice_stream *stream)
{
    return stream->pair ? hf_trace_number("pair", stream->pair->number) : (hf_trace_field){0};
}

void hf_ice_trace_stream(const hf_ice *ice, const hf_ice_stream *stream, hf_trace_event event)
{
    hf_trace(ice->env, ice->now, event, hf_trace_addr("local", &stream->path.local),
             hf_trace_addr("remote", &stream->path.remote), pair_of(stream), hf_trace_cause(stream->cause));
}

void hf_ice_trace_allocation(const hf_ice *ice, const hf_ice_allocation *a, hf_trace_event event, hf_err cause,
                             unsigned code)
{
    const hf_addr *first = a->relayed[0].family != HF_FAMILY_NONE ? &a->relayed[0] : NULL;
    const hf_addr *second = a->relayed[1].family != HF_FAMILY_NONE ? &a->relayed[1] : NULL;
    hf_trace(ice->env, ice->now, event, hf_trace_text("server", a->server->uri), hf_trace_addr("local", &a->path.local),
             hf_trace_addr("remote", &a->path.remote), hf_trace_addr("relayed", first), hf_trace_addr("relayed_too", second),
             hf_trace_cause(cause), code > 0 ? hf_trace_number("code", code) : (hf_trace_field){0});
}

void hf_ice_trace_dropped(const hf_ice_generation *g)
{
    for (size_t i = 0; g && i < g->pairs_len; i++)
        hf_ice_trace_pair(g->pairs[i], HF_TRACE_ICE_PAIR_REMOVED);
}
