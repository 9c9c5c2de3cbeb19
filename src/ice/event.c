/* event.c: what is told to the application. It follows from the state: nothing is queued but the states passed through,
 * so no event needs memory, and none is lost. */
#include "ice_priv.h"

static bool poll_state(hf_ice *ice, hf_ice_event *out)
{
    if (ice->told_len == 0)
        return false;
    out->type = HF_ICE_STATE_CHANGED;
    out->u.state_changed.state = ice->told[0].state;
    out->u.state_changed.cause = ice->told[0].cause;
    ice->told_len--;
    memmove(&ice->told[0], &ice->told[1], ice->told_len * sizeof ice->told[0]);
    return true;
}

static bool poll_route(hf_ice *ice, hf_ice_event *out)
{
    if (ice->route_told)
        return false;
    ice->route_told = true;
    out->type = HF_ICE_ROUTE_CHANGED;
    if (!hf_ice_get_route(ice, &out->u.route_changed.route))
        out->u.route_changed.route = (hf_ice_route){0};
    return true;
}

static bool poll_candidate(hf_ice *ice, hf_ice_event *out)
{
    hf_ice_generation *g = ice->newest;
    for (size_t i = 0; i < g->locals_len; i++) {
        hf_ice_local *local = g->locals[i];
        if (local->is_told || !hf_ice_local_is_for_the_remote(g, local))
            continue;
        local->is_told = true;
        out->type = HF_ICE_CANDIDATE_FOUND;
        hf_ice_local_describe(g, local, &out->u.candidate_found.candidate);
        return true;
    }
    return false;
}

static bool is_of_tls(hf_err cause)
{
    return cause == HF_ECERTIFICATE || cause == HF_EDTLS;
}

static bool poll_server(hf_ice *ice, hf_ice_event *out)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        if (server->failure == HF_OK || server->is_failure_told)
            continue;
        server->is_failure_told = true;
        hf_trace(ice->env, ice->now, HF_TRACE_ICE_SERVER_FAILED, hf_trace_text("server", server->uri),
                 hf_trace_cause(server->failure));
        out->type = HF_ICE_SERVER_FAILED;
        out->u.server_failed.uri = server->uri;
        out->u.server_failed.cause = server->failure;
        out->u.server_failed.why = is_of_tls(server->failure) ? server->why : NULL;
        return true;
    }
    return false;
}

static bool poll_credentials(hf_ice *ice, hf_ice_event *out)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        if (!server->lacks_credentials || server->is_lack_told)
            continue;
        server->is_lack_told = true;
        out->type = HF_ICE_CREDENTIALS_NEEDED;
        out->u.credentials_needed.uri = server->uri;
        return true;
    }
    return false;
}

static bool poll_answering(hf_ice *ice, hf_ice_event *out)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        if (!server->answers_again)
            continue;
        server->answers_again = false;
        out->type = HF_ICE_SERVER_ANSWERS;
        out->u.server_answers.uri = server->uri;
        return true;
    }
    return false;
}

/* Each step is told, also when several were taken at once. */
static bool poll_gathering(hf_ice *ice, hf_ice_event *out)
{
    hf_ice_generation *g = ice->newest;
    if (g->gathering_told == g->gathering)
        return false;
    g->gathering_told = g->gathering_told == HF_ICE_GATHERING ? HF_ICE_GATHERING_COMPLETE : HF_ICE_GATHERING;
    out->type = HF_ICE_GATHERING_CHANGED;
    out->u.gathering_changed.gathering = g->gathering_told;
    return true;
}

/* GATHERING comes before the candidates, COMPLETE behind them. */
bool hf_ice_poll_event(hf_ice *ice, hf_ice_event *out)
{
    if (!ice || !out)
        return false;
    memset(out, 0, sizeof *out);
    return poll_state(ice, out) || poll_route(ice, out) ||
           (ice->newest->gathering_told != HF_ICE_GATHERING && poll_gathering(ice, out)) || poll_candidate(ice, out) ||
           poll_server(ice, out) || poll_answering(ice, out) || poll_credentials(ice, out) || poll_gathering(ice, out);
}
