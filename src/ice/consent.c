/* consent.c: whether the remote still wants what we send (RFC 7675). Any answer to a check of ours says so. */
#include "ice_priv.h"

#include "consent.h"

/* RFC 7675 §5.1: a basic period of 5 s, each "randomized from between 0.8 and 1.2 times" that, and never less than 4 s. What
 * goes unanswered is a matter of suspicion.c. */
#define PERIOD_MIN HF_SECONDS(4)
#define PERIOD_MAX HF_SECONDS(6)

static hf_span next_period(const hf_ice *ice)
{
    return PERIOD_MIN + (hf_span)(hf_random_u64(ice->env) % (uint64_t)(PERIOD_MAX - PERIOD_MIN + 1));
}

void hf_ice_consent_on_route(hf_ice *ice, hf_time now)
{
    ice->consent_at = HF_NEVER;
    if (ice->route) {
        hf_time at = ice->route->answered_at + next_period(ice);
        ice->consent_at = at > now ? at : now;
    }
}

void hf_ice_consent_on_answer(hf_ice *ice, hf_time now, const hf_ice_pair *pair)
{
    if (pair == ice->route)
        ice->consent_at = now + next_period(ice);
}

bool hf_ice_consent_poll(hf_ice *ice, hf_time now, hf_transmit *out)
{
    hf_ice_pair *route = ice->route;
    if (!route || now < ice->consent_at)
        return false;
    if (ice->unanswered_since == HF_NEVER)
        ice->unanswered_since = now;
    ice->consent_at = now + next_period(ice);
    route->consent_requests_sent++;
    return hf_ice_check_send(now, route, out);
}

/* RFC 7675 §5.1: when consent has expired, nothing more is sent with these credentials. A restart goes on without them. */
static void expire(hf_ice *ice, hf_time now)
{
    hf_ice_generation *g = ice->route->generation;
    bool has_another = hf_ice_best_of(g, now) != NULL; /* that has been kept fresh */
    if (!has_another && hf_ice_checked(ice) == g) {
        hf_ice_enter(ice, now, HF_ICE_FAILED, HF_ECONSENT);
        hf_ice_fall_silent(ice); /* also where it had found no path, and kept looking */
        return;
    }
    g->is_over = !has_another;
    hf_ice_nominate_consider(ice, now);
}

void hf_ice_consent_tick(hf_ice *ice, hf_time now)
{
    if (ice->route && now >= ice->route->answered_at + HF_ICE_CONSENT_LIFETIME)
        expire(ice, now);
}

hf_time hf_ice_consent_deadline(const hf_ice *ice)
{
    if (!ice->route)
        return HF_NEVER;
    return hf_ice_earlier(ice->consent_at, ice->route->answered_at + HF_ICE_CONSENT_LIFETIME);
}
