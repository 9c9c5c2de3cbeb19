/* suspicion.c: whether the paths work: suspicion, the probes that it starts, and what follows from their silence.
 *
 *   asked ──3 round trips, 300 ms──▶ suspected ──3 probes──▶ silent ──14 probes──▶ unstable
 *     ▲                                  │                     │                      │
 *     └───────────────an answer──────────┴─────────────────────┴──────────────────────┘
 *
 * A datagram that leaves by the route asks, and whatever comes back by it answers. A check asks, too, and only its answer
 * will do. Suspicion sends ordinary checks on all paths that may work and is told to nobody. A silent route gives way to any
 * pair that has answered since; only one that goes on being silent, with nothing to take its place, is told. */
#include "suspicion.h"

#include "relay_priv.h"

#define SUSPECT_ROUND_TRIPS 3
#define SUSPECT_AFTER HF_MS(300)

/* Where each way loses one packet in five, 64 % of checks are answered: fourteen in a row are not once in 1.6 million times,
 * three once in 21. Those three only make data take another path that does answer. */
#define PROBES_UNTIL_SILENT 3
#define PROBES_UNTIL_UNSTABLE 14
#define PROBE_INTERVAL HF_MS(80)
#define PROBES_IN_A_ROUND_TRIP 8 /* at most, so that each is still known when its answer comes: HF_ICE_REQUESTS_MAX */
static_assert(PROBES_IN_A_ROUND_TRIP < HF_ICE_REQUESTS_MAX, "an answer finds its check");

/* The remote sends by another pair, or nominates one, and this one is quiet: it has left it, and one probe is enough. */
#define LEFT_AFTER HF_MS(100)
#define LEFT_ROUND_TRIPS 2
#define LEFT_ANSWER_MIN HF_MS(50)

/* Once that is told, we listen for the return of the network: soon, and then somewhat later. */
#define UNSTABLE_INTERVAL HF_MS(200)
#define LONG_AFTER HF_SECONDS(10)
#define LONG_INTERVAL HF_MS(500)

/* Data still comes by the route, but no answer: our uplink may be full, or nothing of ours arrives. */
#define HEARD_BUT_NOT_ANSWERED HF_SECONDS(5)

/* TCP repeats for us, and a lost segment delays all behind it. */
#define STREAM_INTERVAL HF_MS(500)
#define STREAM_PROBES_UNTIL_UNSTABLE 6

/* Without a route there is nothing to wait for but the other pairs' first answers. */
#define LOST_FOR HF_MS(300)

/* The other pairs, by whether they ever worked. */
#define PROVEN_INTERVAL HF_MS(200)
#define UNPROVEN_INTERVAL HF_MS(500)

/* A better pair that fell silent is asked while another serves, the more seldom the longer that is ago. */
#define RETURN_INTERVAL_MIN HF_SECONDS(1)
#define RETURN_INTERVAL_MAX HF_SECONDS(10)
#define RETURN_AGE_FRACTION 16

/* It is returned to when it has lived for this long, doubled each time that it had to be left. */
#define STEADY_AFTER HF_SECONDS(2)
#define STEADY_DOUBLINGS_MAX 5

/* Nothing was asked of us for so long behind our deadline: the machine slept. */
#define OVERSLEPT HF_SECONDS(2)

hf_time hf_ice_last_sent_at(const hf_ice_pair *pair)
{
    return pair->sent[(pair->sent_next + HF_ICE_REQUESTS_MAX - 1) % HF_ICE_REQUESTS_MAX].sent_at;
}

/* --- The route ------------------------------------------------------------------------------------------------------ */

static hf_span longer(hf_span a, hf_span b)
{
    return a > b ? a : b;
}

static hf_time suspect_at(const hf_ice *ice)
{
    hf_time asked_at = hf_ice_earlier(ice->asked_at, ice->unanswered_since);
    if (!ice->route || ice->suspected_at != HF_NEVER || asked_at == HF_NEVER)
        return HF_NEVER;
    return asked_at + longer(ice->route->rtt * SUSPECT_ROUND_TRIPS, SUSPECT_AFTER);
}

/* What was heard last counts as much as the beginning of suspicion, though not for ever. */
static hf_time quiet_since(const hf_ice *ice)
{
    hf_time since = longer(ice->suspected_at, ice->route->heard_at);
    return hf_ice_earlier(since, ice->suspected_at + HEARD_BUT_NOT_ANSWERED);
}

static hf_span first_interval(const hf_ice_pair *route)
{
    hf_span least = route->stream ? STREAM_INTERVAL : PROBE_INTERVAL;
    return longer(least, route->rtt / PROBES_IN_A_ROUND_TRIP);
}

static hf_time silent_at(const hf_ice *ice)
{
    const hf_ice_pair *route = ice->route;
    if (!route || ice->suspected_at == HF_NEVER || ice->silent_since >= ice->suspected_at)
        return HF_NEVER;
    if (ice->elsewhere_at >= ice->suspected_at)
        return quiet_since(ice) + longer(route->rtt * LEFT_ROUND_TRIPS, LEFT_ANSWER_MIN);
    return quiet_since(ice) + (PROBES_UNTIL_SILENT - 1) * first_interval(route) + longer(route->rtt * 3 / 2, HF_MS(20));
}

static hf_time unstable_at(const hf_ice *ice)
{
    const hf_ice_pair *route = ice->route;
    if (ice->suspected_at == HF_NEVER || ice->is_unstable)
        return HF_NEVER;
    if (!route)
        return ice->suspected_at + (ice->current->pairs_len > 0 ? LOST_FOR : 0);
    unsigned probes = route->stream ? STREAM_PROBES_UNTIL_UNSTABLE : PROBES_UNTIL_UNSTABLE;
    return quiet_since(ice) + (probes - 1) * first_interval(route) + longer(route->rtt * 2, HF_MS(100));
}

bool hf_ice_is_silent(const hf_ice_pair *pair)
{
    return pair->answered_at < pair->generation->ice->silent_since;
}

bool hf_ice_is_unsteady(const hf_ice_pair *pair)
{
    if (pair->falls == 0 || pair->is_nominated || pair == pair->generation->ice->route)
        return false;
    unsigned doublings = pair->falls - 1 < STEADY_DOUBLINGS_MAX ? pair->falls - 1 : STEADY_DOUBLINGS_MAX;
    return pair->generation->ice->now < pair->steady_since + (STEADY_AFTER << doublings);
}

static void suspect(hf_ice *ice, hf_time now)
{
    ice->suspected_at = ice->probe_at = now;
    ice->probe_others_at = longer(ice->probe_others_at, now);
    if (!ice->route || hf_ice_pair_is_relayed(ice->route))
        hf_ice_allocations_probe(ice, now);
    if (ice->route)
        hf_ice_trace_pair(ice->route, HF_TRACE_ICE_PATH_SUSPECTED);
}

void hf_ice_suspicion_end(hf_ice *ice)
{
    ice->asked_at = ice->unanswered_since = ice->suspected_at = HF_NEVER;
    ice->is_unstable = false;
}

void hf_ice_suspicion_on_route(hf_ice *ice, hf_time now)
{
    hf_time since = ice->suspected_at;
    bool was_unstable = ice->is_unstable;
    hf_ice_suspicion_end(ice);
    /* There is none, or it is taken on trust because the last one is gone. */
    if (ice->route && (since == HF_NEVER || ice->route->answered_at >= since))
        return;
    ice->is_unstable = was_unstable;
    suspect(ice, now);
}

void hf_ice_suspicion_on_sent(hf_ice *ice, hf_time now)
{
    if (!ice->route || ice->asked_at != HF_NEVER)
        return;
    ice->asked_at = now;
    ice->deadline = hf_ice_earlier(ice->deadline, suspect_at(ice));
}

void hf_ice_suspicion_on_heard(hf_time now, hf_ice_pair *pair)
{
    hf_ice *ice = pair->generation->ice;
    pair->heard_at = now;
    if (pair == ice->route)
        ice->asked_at = HF_NEVER;
}

/* The remote has another route than we, a valid one. */
static void on_elsewhere(hf_ice *ice, hf_time now, const hf_ice_pair *pair)
{
    const hf_ice_pair *route = ice->route;
    if (!route || pair == route || pair->generation != route->generation || !pair->mapped)
        return;
    ice->elsewhere_at = now;
    hf_span patience = longer(route->rtt * LEFT_ROUND_TRIPS, LEFT_AFTER);
    if (ice->suspected_at == HF_NEVER && now - route->heard_at >= patience)
        suspect(ice, now);
    if (ice->suspected_at != HF_NEVER)
        ice->deadline = hf_ice_earlier(ice->deadline, hf_ice_earlier(ice->probe_at, silent_at(ice)));
}

void hf_ice_suspicion_on_data(hf_time now, hf_ice_pair *pair)
{
    hf_ice_suspicion_on_heard(now, pair);
    on_elsewhere(pair->generation->ice, now, pair);
}

void hf_ice_suspicion_on_answer(hf_time now, hf_ice_pair *pair)
{
    hf_ice *ice = pair->generation->ice;
    if (hf_ice_is_silent(pair))
        pair->steady_since = now;
    hf_ice_suspicion_on_heard(now, pair);
    if (pair == ice->route)
        hf_ice_suspicion_end(ice);
}

/* A remote that nominates a second pair either nominates all that work (Chromium), or has left the first because its address
 * is gone. Whether the first still answers tells which. */
void hf_ice_suspicion_on_nomination(hf_time now, const hf_ice_pair *pair)
{
    hf_ice *ice = pair->generation->ice;
    if (ice->route && ice->route->is_nominated && pair->priority <= ice->route->priority)
        on_elsewhere(ice, now, pair);
}

void hf_ice_suspicion_on_time(hf_ice *ice, hf_time before, hf_time now)
{
    if (ice->route && ice->deadline != HF_NEVER && now - OVERSLEPT >= longer(ice->deadline, before))
        suspect(ice, now);
}

/* --- What is sent --------------------------------------------------------------------------------------------------- */

static hf_span interval_of_route(const hf_ice *ice, hf_time now)
{
    const hf_ice_pair *route = ice->route;
    hf_span first = first_interval(route);
    if (!ice->is_unstable)
        return first;
    return longer(first, now - ice->suspected_at < LONG_AFTER ? UNSTABLE_INTERVAL : LONG_INTERVAL);
}

static hf_time route_due(const hf_ice *ice)
{
    return ice->route && ice->suspected_at != HF_NEVER ? ice->probe_at : HF_NEVER;
}

bool hf_ice_can_be_sent_to(const hf_ice_pair *pair)
{
    return pair->path.transport == HF_UDP ? pair->is_permitted : (pair->stream && pair->stream->state == HF_ICE_STREAM_OPEN);
}

/* When a pair other than the route is to be probed next. */
static hf_time due(const hf_ice *ice, const hf_ice_pair *pair)
{
    const hf_ice_pair *route = ice->route;
    if (pair == route || !hf_ice_can_be_sent_to(pair))
        return HF_NEVER;
    bool is_proven = pair->responses_received > 0;
    if (ice->suspected_at != HF_NEVER) {
        if (!hf_ice_budget_allows(pair))
            return HF_NEVER;
        hf_span interval = pair->stream ? STREAM_INTERVAL : is_proven ? PROVEN_INTERVAL : UNPROVEN_INTERVAL;
        return hf_ice_last_sent_at(pair) + longer(interval, pair->rtt / PROBES_IN_A_ROUND_TRIP);
    }
    if (!route || !is_proven || pair->priority < route->priority || !(hf_ice_is_silent(pair) || hf_ice_is_unsteady(pair)))
        return HF_NEVER;
    hf_span interval = longer((ice->now - pair->answered_at) / RETURN_AGE_FRACTION, RETURN_INTERVAL_MIN);
    return hf_ice_last_sent_at(pair) + (interval < RETURN_INTERVAL_MAX ? interval : RETURN_INTERVAL_MAX);
}

static bool may_probe(const hf_ice *ice)
{
    return !hf_ice_is_over(ice) && !ice->current->is_over && hf_ice_remote_is_known(ice->current);
}

/* The one that has waited longest, and families in turn, for one of them may be broken. */
static hf_ice_pair *next_other(const hf_ice *ice, hf_time now)
{
    const hf_ice_generation *g = ice->current;
    hf_ice_pair *found = NULL;
    hf_time found_due = HF_NEVER;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        hf_time at = due(ice, pair);
        if (at > now)
            continue;
        bool is_turn = pair->path.local.family != ice->family_checked;
        bool found_is_turn = found && found->path.local.family != ice->family_checked;
        if (!found || (is_turn && !found_is_turn) || (is_turn == found_is_turn && at < found_due)) {
            found = pair;
            found_due = at;
        }
    }
    return found;
}

static bool poll_other(hf_ice *ice, hf_time now, hf_transmit *out)
{
    hf_ice_pair *pair = next_other(ice, now);
    if (!pair)
        return false;
    ice->probe_others_at = now + (ice->route ? ice->pace : HF_ICE_PACE_MIN);
    ice->family_checked = pair->path.local.family;
    return hf_ice_budget_spend(pair) && hf_ice_check_send(now, pair, out);
}

bool hf_ice_suspicion_poll(hf_ice *ice, hf_time now, hf_transmit *out)
{
    if (!may_probe(ice))
        return false;
    if (now >= route_due(ice)) {
        ice->probe_at = now + interval_of_route(ice, now);
        if (ice->unanswered_since == HF_NEVER)
            ice->unanswered_since = now;
        return hf_ice_check_send(now, ice->route, out);
    }
    return now >= ice->probe_others_at && poll_other(ice, now, out);
}

bool hf_ice_suspicion_is_confirmed(hf_ice *ice, hf_time now)
{
    if (now >= unstable_at(ice))
        ice->is_unstable = true;
    return ice->is_unstable;
}

void hf_ice_suspicion_tick(hf_ice *ice, hf_time now)
{
    if (now >= suspect_at(ice))
        suspect(ice, now);
    if (now >= silent_at(ice)) {
        ice->silent_since = ice->suspected_at;
        ice->route->falls++;
        hf_ice_allocations_probe(ice, now);
        hf_ice_gather_refresh(ice->current, now);
        hf_ice_nominate_consider(ice, now);
    }
    if (now >= unstable_at(ice))
        hf_ice_nominate_consider(ice, now);
}

hf_time hf_ice_suspicion_deadline(const hf_ice *ice)
{
    hf_time at = hf_ice_earlier(suspect_at(ice), hf_ice_earlier(silent_at(ice), unstable_at(ice))), others = HF_NEVER;
    if (!may_probe(ice))
        return at;
    for (size_t i = 0; i < ice->current->pairs_len; i++)
        others = hf_ice_earlier(others, due(ice, ice->current->pairs[i]));
    if (others < ice->probe_others_at)
        others = ice->probe_others_at;
    return hf_ice_earlier(at, hf_ice_earlier(route_due(ice), others));
}
