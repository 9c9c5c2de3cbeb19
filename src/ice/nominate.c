/* nominate.c: which valid pair data takes, and how the controlling side settles it (RFC 8445 §8).
 *
 * A valid pair is used from the first answer on (RFC 8445 §12.1). Nomination only ends the search. */
#include "ice_priv.h"

#include "consent.h"

/* Better pairs that are still being checked get a few round trips of the one that works, within these bounds, before it is
 * nominated. Nobody waits for that: data flows already. */
#define GRACE_ROUND_TRIPS 4
#define GRACE_MIN HF_MS(100)
#define GRACE_MAX HF_SECONDS(1)

/* Valid, and the remote's consent is fresh (RFC 7675 §5.1). */
static bool is_usable(const hf_ice_pair *pair, hf_time now)
{
    return pair->mapped && now < pair->answered_at + HF_ICE_CONSENT_LIFETIME;
}

/* Nominated ones first; of several (RFC 5245 §8.1.1.2, Chromium) the one of highest priority that answers. */
static bool is_better(const hf_ice *ice, const hf_ice_pair *a, const hf_ice_pair *b)
{
    if (a->is_nominated != b->is_nominated)
        return a->is_nominated;
    if (hf_ice_consent_is_suspect(ice) && (a == ice->route || b == ice->route))
        return b == ice->route;
    return a->priority > b->priority;
}

static hf_ice_pair *best(const hf_ice *ice, hf_time now)
{
    hf_ice_pair *found = NULL;
    for (size_t i = 0; i < ice->generation.pairs_len; i++) {
        hf_ice_pair *pair = ice->generation.pairs[i];
        if (is_usable(pair, now) && (!found || is_better(ice, pair, found)))
            found = pair;
    }
    return found;
}

static bool better_may_come(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->generation.pairs_len && ice->generation.pairs[i] != ice->route; i++) {
        hf_ice_pair_state state = ice->generation.pairs[i]->state;
        if (state != HF_ICE_PAIR_FAILED && state != HF_ICE_PAIR_SUCCEEDED)
            return true;
    }
    return false;
}

static bool has_nominating(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->generation.pairs_len; i++) {
        if (ice->generation.pairs[i]->is_nominating)
            return true;
    }
    return false;
}

/* RFC 8445 §8.1.1: regular nomination: a check with USE-CANDIDATE on a pair that is valid. */
static void nominate(hf_ice *ice, hf_time now)
{
    hf_ice_pair *route = ice->route;
    if (!ice->is_controlling || !route || route->is_nominated || has_nominating(ice)) {
        ice->nominate_at = HF_NEVER;
        return;
    }
    if (ice->nominate_at == HF_NEVER) {
        hf_span grace = route->rtt * GRACE_ROUND_TRIPS;
        ice->nominate_at = now + (grace < GRACE_MIN ? GRACE_MIN : grace > GRACE_MAX ? GRACE_MAX : grace);
    }
    if (now < ice->nominate_at && better_may_come(ice))
        return;
    ice->nominate_at = HF_NEVER;
    route->is_nominating = true;
    hf_ice_check_trigger(ice, route);
}

/* RFC 8445 §8.1.2: what is not wanted any more stops; it may be wanted again when the nominated pair is lost. */
static void stop_lesser_checks(hf_ice *ice)
{
    for (size_t i = 0; i < ice->generation.pairs_len; i++) {
        hf_ice_pair *pair = ice->generation.pairs[i];
        bool is_lesser = ice->is_controlling || pair->priority < ice->route->priority;
        if (pair->state == HF_ICE_PAIR_IN_PROGRESS && is_lesser)
            hf_ice_check_cancel(pair);
    }
}

/* The route is lost: each pair gets another chance, for what failed or succeeded long ago says little about now. */
static void search_again(hf_ice *ice, hf_time now)
{
    ice->give_up_at = now + ice->patience;
    for (size_t i = 0; i < ice->generation.pairs_len; i++) {
        hf_ice_pair *pair = ice->generation.pairs[i];
        pair->is_nominated = pair->is_nominating = false;
        if (pair->due == HF_NEVER && pair->triggered == 0) {
            pair->state = HF_ICE_PAIR_WAITING;
            pair->mapped = NULL;
        }
    }
}

static void follow(hf_ice *ice, hf_time now)
{
    if (ice->state == HF_ICE_CHECKING && !ice->route)
        return;
    if (!ice->route || hf_ice_consent_is_suspect(ice)) {
        hf_ice_enter(ice, now, HF_ICE_DISCONNECTED, HF_ETIMEDOUT);
        return;
    }
    if (!ice->route->is_nominated || ice->state != HF_ICE_COMPLETED)
        hf_ice_enter(ice, now, HF_ICE_CONNECTED, HF_OK);
    if (ice->route->is_nominated)
        hf_ice_enter(ice, now, HF_ICE_COMPLETED, HF_OK);
}

void hf_ice_nominate_consider(hf_ice *ice, hf_time now)
{
    if (ice->state == HF_ICE_NEW || hf_ice_is_over(ice))
        return;
    hf_ice_pair *pair = best(ice, now);
    if (pair != ice->route) {
        ice->route = pair;
        ice->route_told = false;
        hf_ice_consent_on_route(ice, now);
    }
    if (!ice->route && ice->give_up_at == HF_NEVER)
        search_again(ice, now);
    if (ice->route) {
        ice->give_up_at = HF_NEVER;
        if (ice->route->is_nominated)
            stop_lesser_checks(ice);
    }
    follow(ice, now);
    nominate(ice, now);
}
