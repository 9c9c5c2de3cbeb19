/* lookout.c: the return of the network, while no pair of the generation that is checked works: a check each half second on
 * pairs with hosts that have answered once, and with others each second as long as their budget lasts. A check with
 * credentials that consent was never lost for needs none (RFC 7675 §5.1: an ICE restart is what it takes after that), and
 * on a dead path it costs nobody anything. */
#include "lookout.h"

#include "relay_priv.h"
#include "suspicion.h"

#define LOOK_INTERVAL HF_MS(500)
#define UNPROVEN_INTERVAL HF_SECONDS(1)
#define LOOK_PACE HF_MS(25)

/* A stream has to be opened anew for that. */
#define STREAM_INTERVAL HF_SECONDS(1)

static bool may_look(const hf_ice *ice)
{
    const hf_ice_generation *g = hf_ice_checked(ice);
    return ice->keeps_looking && (ice->state == HF_ICE_CHECKING || ice->state == HF_ICE_FAILED) &&
           hf_ice_remote_is_known(g) && !g->is_over && !g->best;
}

static hf_time due(const hf_ice_pair *pair)
{
    bool is_begun = pair->requests_sent > 0 && pair->triggered == 0;
    if (!is_begun || !hf_ice_can_be_sent_to(pair) || !hf_ice_budget_allows(pair))
        return HF_NEVER;
    return hf_ice_last_sent_at(pair) + (hf_ice_budget_has_proof(pair) ? LOOK_INTERVAL : UNPROVEN_INTERVAL);
}

/* The one that served last, and then whoever has waited longest. */
static hf_ice_pair *next_pair(const hf_ice *ice, hf_time now)
{
    const hf_ice_generation *g = hf_ice_checked(ice);
    hf_ice_pair *found = NULL;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        if (due(pair) > now)
            continue;
        if (hf_ice_path_equal(&pair->path, &ice->served))
            return pair;
        if (!found || due(pair) < due(found))
            found = pair;
    }
    return found;
}

bool hf_ice_lookout_poll(hf_ice *ice, hf_time now, hf_transmit *out)
{
    if (!may_look(ice) || now < ice->look_at)
        return false;
    hf_ice_pair *pair = next_pair(ice, now);
    if (!pair)
        return false;
    ice->look_at = now + LOOK_PACE;
    return hf_ice_budget_spend(pair) && hf_ice_check_send(now, pair, out);
}

static bool is_to_be_opened(const hf_ice_pair *pair)
{
    return pair->path.transport == HF_TCP && pair->local->tcp_type == HF_ICE_TCP_ACTIVE &&
           pair->state == HF_ICE_PAIR_FAILED && hf_ice_budget_has_proof(pair);
}

static bool has_to_be_opened(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (is_to_be_opened(g->pairs[i]))
            return true;
    }
    return false;
}

void hf_ice_lookout_tick(hf_ice *ice, hf_time now)
{
    const hf_ice_generation *g = hf_ice_checked(ice);
    if (!may_look(ice) || now < ice->look_streams_at)
        return;
    ice->look_streams_at = now + STREAM_INTERVAL;
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (is_to_be_opened(g->pairs[i]))
            hf_ice_pair_enter(g->pairs[i], HF_ICE_PAIR_WAITING);
    }
}

hf_time hf_ice_lookout_deadline(const hf_ice *ice)
{
    if (!may_look(ice))
        return HF_NEVER;
    const hf_ice_generation *g = hf_ice_checked(ice);
    hf_time at = HF_NEVER;
    for (size_t i = 0; i < g->pairs_len; i++)
        at = hf_ice_earlier(at, due(g->pairs[i]));
    at = at < ice->look_at ? ice->look_at : at;
    return has_to_be_opened(g) ? hf_ice_earlier(at, ice->look_streams_at) : at;
}
