/* nominate.c: which valid pair data takes, and how the controlling side settles it (RFC 8445 §8).
 *
 * A valid pair is used from the first answer on (RFC 8445 §12.1). Nomination only ends the search, and toward a remote that
 * knows renomination (draft-thatcher-ice-renomination) not even that: a better path that comes later is nominated anew. */
#include "relay_priv.h"

#include "consent.h"
#include "suspicion.h"

/* Better pairs that are still being checked get a few round trips of the one that works, within these bounds, before it is
 * nominated. Nobody waits for that: data flows already. */
#define GRACE_ROUND_TRIPS 4
#define GRACE_MIN HF_MS(100)
#define GRACE_MAX HF_SECONDS(1)

/* A stream works at once or never, while a check over UDP may need its repetitions until both NATs have let it pass. */
#define GRACE_OF_STREAM HF_SECONDS(2)

/* A relay works where nothing else does, but soon after something else might. */
#define GRACE_OF_RELAY HF_SECONDS(3)

/* Valid, and the remote's consent is fresh (RFC 7675 §5.1). */
static bool is_usable(const hf_ice_pair *pair, hf_time now)
{
    return !pair->generation->is_over && pair->mapped && now < pair->answered_at + HF_ICE_CONSENT_LIFETIME;
}

/* We are controlling, and what was nominated can be outdone. */
static bool may_renominate(const hf_ice_generation *g)
{
    return g->is_controlling && g->remote_may_renominate;
}

typedef enum standing { ANSWERS = 0, ANSWERS_AGAIN, IS_SILENT } standing;

static standing standing_of(const hf_ice_pair *pair)
{
    return hf_ice_is_silent(pair) ? IS_SILENT : hf_ice_is_unsteady(pair) ? ANSWERS_AGAIN : ANSWERS;
}

/* One that answers, whatever was nominated: nobody is served by a silent one. Then nominated ones; of several (RFC 5245
 * §8.1.1.2, Chromium) the one of highest priority. Where none answers, the route stays what it is: to go from one silent
 * pair to the other would help nobody, and never be told. */
static bool is_better(const hf_ice_pair *a, const hf_ice_pair *b)
{
    const hf_ice *ice = a->generation->ice;
    standing of_a = standing_of(a), of_b = standing_of(b);
    if (of_a != of_b)
        return of_a < of_b;
    if (of_a == IS_SILENT && (a == ice->route || b == ice->route))
        return a == ice->route;
    if (a->is_nominated != b->is_nominated && !may_renominate(a->generation))
        return a->is_nominated;
    return a->priority > b->priority;
}

hf_ice_pair *hf_ice_best_of(const hf_ice_generation *g, hf_time now)
{
    hf_ice_pair *found = NULL;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        if (is_usable(pair, now) && (!found || is_better(pair, found)))
            found = pair;
    }
    return found;
}

static bool better_may_come(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len && g->pairs[i] != g->best; i++) {
        hf_ice_pair_state state = g->pairs[i]->state;
        if (state != HF_ICE_PAIR_FAILED && state != HF_ICE_PAIR_SUCCEEDED)
            return true;
    }
    return false;
}

static bool is_nominating(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (g->pairs[i]->nominating && (g->pairs[i] == g->best || !may_renominate(g)))
            return true;
    }
    return false;
}

static void start_nominating(hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++)
        g->pairs[i]->nominating = 0;
    g->best->nominating = g->remote_may_renominate ? ++g->nomination : 1;
    hf_ice_check_trigger(g->best);
}

static hf_span grace_of(const hf_ice_pair *pair)
{
    if (hf_ice_pair_is_relayed(pair))
        return GRACE_OF_RELAY;
    hf_span grace = pair->rtt * GRACE_ROUND_TRIPS;
    grace = grace < GRACE_MIN ? GRACE_MIN : grace > GRACE_MAX ? GRACE_MAX : grace;
    return pair->stream ? GRACE_OF_STREAM : grace;
}

/* RFC 8445 §8.1.1: regular nomination: a check with USE-CANDIDATE on a pair that is valid. */
static void nominate(hf_ice_generation *g, hf_time now)
{
    hf_ice_pair *pair = g->best;
    if (!g->is_controlling || !pair || pair->is_nominated || is_nominating(g)) {
        g->nominate_at = HF_NEVER;
        return;
    }
    g->nominate_at = hf_ice_earlier(g->nominate_at, now + grace_of(pair));
    if (now < g->nominate_at && better_may_come(g))
        return;
    g->nominate_at = HF_NEVER;
    start_nominating(g);
}

void hf_ice_nominate_accept(hf_time now, hf_ice_pair *pair, uint32_t nomination)
{
    hf_ice_generation *g = pair->generation;
    pair->nominating = pair->nomination_on_success = 0;
    if (nomination < g->nomination) /* outdone already: this one was long on its way */
        return;
    bool outdoes = g->is_controlling || nomination > g->nomination;
    for (size_t i = 0; i < g->pairs_len && outdoes; i++)
        g->pairs[i]->is_nominated &= g->pairs[i] == pair;
    g->nomination = nomination;
    if (!pair->is_nominated && g->ice->route == pair)
        g->ice->route_told = false;
    hf_ice_pair_nominate(pair);
    if (!g->is_controlling)
        hf_ice_suspicion_on_nomination(now, pair);
}

/* Once a pair is nominated, ordinary checks end. A controlled agent goes on with better pairs, for a remote of RFC 5245 may
 * nominate several, and the best of those counts; so does one that may renominate. */
bool hf_ice_nominate_wants(const hf_ice_pair *pair)
{
    const hf_ice_generation *g = pair->generation;
    if (!g->best || !g->best->is_nominated)
        return true;
    if (hf_ice_is_silent(g->best))
        return true;
    return (!g->is_controlling || may_renominate(g)) && pair->priority > g->best->priority;
}

/* RFC 8445 §8.1.2: what is not wanted any more stops; it may be wanted again when the nominated pair is lost. */
static void stop_lesser_checks(hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        if (pair->state == HF_ICE_PAIR_IN_PROGRESS && !hf_ice_nominate_wants(pair))
            hf_ice_check_cancel(pair);
        /* RFC 6544 §8 has each agent close the connections that were not selected. Those that the remote opened are left to
         * it, for it may keep one in reserve, as Chromium does, and would only open it again. */
        if (pair != g->best && pair->stream && pair->stream->id != 0 && !pair->is_nominated && !hf_ice_nominate_wants(pair))
            hf_ice_stream_close(g->ice, pair->stream);
    }
}

/* The route is lost, or silent: each other pair gets another chance, for what failed or succeeded long ago says little about
 * now. As long as there is a route, probes see to those that can be sent to. */
static void search_again(hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        bool is_probed = g->ice->route && (pair->stream || pair->path.transport == HF_UDP);
        if (is_probed)
            continue;
        pair->is_nominated = false;
        pair->nominating = 0;
        bool can_be_checked = pair->stream || pair->local->tcp_type != HF_ICE_TCP_PASSIVE;
        if (pair->due == HF_NEVER && pair->triggered == 0 && can_be_checked) {
            hf_ice_pair_enter(pair, HF_ICE_PAIR_WAITING);
            pair->mapped = NULL;
        }
    }
}

/* The state that follows. A restart that is being checked takes it back to where a better path may come. */
static void follow(hf_ice *ice, hf_time now)
{
    bool is_unstable = hf_ice_suspicion_is_confirmed(ice, now);
    if (ice->state == HF_ICE_FAILED) { /* it kept looking */
        if (!ice->route || is_unstable)
            return;
        hf_ice_enter(ice, now, HF_ICE_CHECKING, HF_OK);
        ice->give_up_at = HF_NEVER;
    }
    if (!ice->route && !is_unstable && ice->state == HF_ICE_COMPLETED)
        hf_ice_enter(ice, now, HF_ICE_CONNECTED, HF_OK); /* there is something to be found again */
    if (!ice->route || is_unstable) {
        if (ice->state == HF_ICE_CHECKING || ice->state == HF_ICE_DISCONNECTED || !is_unstable)
            return;
        hf_ice_enter(ice, now, HF_ICE_DISCONNECTED, HF_ETIMEDOUT);
        search_again(ice->current);
        return;
    }
    bool is_settled = ice->route->is_nominated && hf_ice_checked(ice) == ice->current;
    if (!is_settled || ice->state != HF_ICE_COMPLETED)
        hf_ice_enter(ice, now, HF_ICE_CONNECTED, HF_OK);
    if (is_settled)
        hf_ice_enter(ice, now, HF_ICE_COMPLETED, HF_OK);
}

/* RFC 8445 §9: data goes by the old pair until there is a nominated new one; but any valid one is better than a dead one. */
static bool is_to_take_over(const hf_ice *ice)
{
    const hf_ice_pair *pair = ice->newest->best, *old = ice->current->best;
    return hf_ice_is_restarting(ice) && pair && (pair->is_nominated || !old || hf_ice_is_silent(old));
}

void hf_ice_select(hf_ice *ice, hf_ice_pair *pair)
{
    if (ice->route == pair)
        return;
    ice->route = pair; /* nowhere else is it assigned */
    ice->route_told = false;
    ice->stats.selected_changes++;
    if (pair)
        ice->served = pair->path;
    if (pair && pair->local->type == HF_ICE_RELAYED)
        hf_ice_allocation_carry(ice->now, pair);
    if (pair)
        hf_ice_trace_pair(pair, HF_TRACE_ICE_PAIR_SELECTED);
    else
        hf_ice_trace_no_pair(ice);
}

static void choose_route(hf_ice *ice, hf_time now)
{
    ice->current->best = hf_ice_best_of(ice->current, now);
    ice->newest->best = hf_ice_best_of(ice->newest, now);
    if (is_to_take_over(ice))
        hf_ice_restart_succeed(ice, now);
    if (ice->route == ice->current->best)
        return;
    hf_ice_select(ice, ice->current->best);
    hf_ice_consent_on_route(ice, now);
    hf_ice_suspicion_on_route(ice, now);
}

void hf_ice_nominate_consider(hf_ice *ice, hf_time now)
{
    if (ice->state == HF_ICE_NEW || hf_ice_is_over(ice))
        return;
    choose_route(ice, now);
    hf_ice_generation *g = hf_ice_checked(ice);
    if (!ice->route && ice->give_up_at == HF_NEVER && ice->state != HF_ICE_FAILED) {
        ice->give_up_at = now + ice->patience;
        search_again(g);
    }
    if (ice->route && !ice->is_unstable)
        ice->give_up_at = HF_NEVER;
    if (g->best && g->best->is_nominated)
        stop_lesser_checks(g);
    follow(ice, now);
    nominate(g, now);
}
