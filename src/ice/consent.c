/* consent.c: whether the remote still wants what we send (RFC 7675), and whether the path still works. */
#include "ice_priv.h"

#include "consent.h"

/* RFC 7675 §5.1: a basic period of 5 s, each "randomized from between 0.8 and 1.2 times" that. */
#define PERIOD_MIN HF_SECONDS(4)
#define PERIOD_MAX HF_SECONDS(6)

/* RFC 7675 §5.1: "Implementations MUST NOT set the period between checks to less than 4 seconds." While the last one is
 * unanswered we ask more often, as retransmission would: whether one packet was lost or the path is gone should be known in
 * two seconds, not in ten. */
#define PROBE_INTERVAL HF_MS(500)
#define PROBES_SPAN HF_SECONDS(5) /* after this, the path is not just lossy: */
#define SLOW_PROBE_INTERVAL HF_SECONDS(1)

/* Nothing for this long after the first unanswered check: DISCONNECTED. With the period that is 2.5 to 8.5 s after the
 * path broke, 5.5 s on average; Chromium takes 5.3 s. */
#define SUSPECT_AFTER HF_MS(2500)
#define SUSPECT_ROUND_TRIPS 3

/* A remote that nominates a second pair either nominates all that work (Chromium), or has left the first because its address
 * is gone. Whether the first still answers tells which. */
#define CHALLENGE_AFTER HF_MS(300)

static hf_span next_period(const hf_ice *ice)
{
    return PERIOD_MIN + (hf_span)(hf_random_u64(ice->env) % (uint64_t)(PERIOD_MAX - PERIOD_MIN + 1));
}

static hf_time suspect_at(const hf_ice *ice)
{
    if (!ice->route || ice->unanswered_since == HF_NEVER)
        return HF_NEVER;
    hf_span patience = ice->route->rtt * SUSPECT_ROUND_TRIPS;
    hf_span least = ice->route_is_challenged ? CHALLENGE_AFTER : SUSPECT_AFTER;
    return ice->unanswered_since + (patience > least ? patience : least);
}

bool hf_ice_consent_is_suspect(const hf_ice *ice)
{
    return ice->now >= suspect_at(ice);
}

void hf_ice_consent_on_route(hf_ice *ice, hf_time now)
{
    ice->unanswered_since = ice->consent_at = HF_NEVER;
    ice->route_is_challenged = false;
    if (ice->route) {
        hf_time at = ice->route->answered_at + next_period(ice);
        ice->consent_at = at > now ? at : now;
    }
}

void hf_ice_consent_on_answer(hf_ice *ice, hf_time now, const hf_ice_pair *pair)
{
    if (pair != ice->route)
        return;
    ice->unanswered_since = HF_NEVER;
    ice->route_is_challenged = false;
    ice->consent_at = now + next_period(ice);
}

void hf_ice_consent_on_rival(hf_ice *ice, hf_time now, const hf_ice_pair *rival)
{
    const hf_ice_pair *route = ice->route;
    if (!route || !route->is_nominated || rival == route || rival->generation != route->generation ||
        rival->priority > route->priority)
        return;
    ice->route_is_challenged = true;
    ice->consent_at = hf_ice_earlier(ice->consent_at, now);
}

bool hf_ice_consent_poll(hf_ice *ice, hf_time now, hf_transmit *out)
{
    hf_ice_pair *route = ice->route;
    if (!route || now < ice->consent_at)
        return false;
    if (ice->unanswered_since == HF_NEVER)
        ice->unanswered_since = now;
    hf_span interval = now - ice->unanswered_since < PROBES_SPAN ? PROBE_INTERVAL : SLOW_PROBE_INTERVAL;
    ice->consent_at = now + (interval > route->rtt ? interval : route->rtt);
    route->consent_requests_sent++;
    return hf_ice_check_send(now, route, out);
}

/* RFC 7675 §5.1: when consent has expired, nothing more is sent with these credentials. A restart goes on without them. */
static void expire(hf_ice *ice, hf_time now)
{
    hf_ice_pair *expired = ice->route;
    hf_ice_nominate_consider(ice, now); /* another pair may have been kept fresh */
    if (ice->route && ice->route != expired)
        return;
    if (hf_ice_checked(ice) == expired->generation) {
        hf_ice_enter(ice, now, HF_ICE_FAILED, HF_ECONSENT);
    } else {
        expired->generation->is_over = true;
        hf_ice_nominate_consider(ice, now);
    }
}

void hf_ice_consent_tick(hf_ice *ice, hf_time now)
{
    if (ice->route && now >= ice->route->answered_at + HF_ICE_CONSENT_LIFETIME) {
        expire(ice, now);
    } else if (hf_ice_consent_is_suspect(ice)) {
        hf_ice_nominate_consider(ice, now);
    }
}

hf_time hf_ice_consent_deadline(const hf_ice *ice)
{
    if (!ice->route)
        return HF_NEVER;
    hf_time at = hf_ice_earlier(ice->consent_at, ice->route->answered_at + HF_ICE_CONSENT_LIFETIME);
    if (ice->state == HF_ICE_CONNECTED || ice->state == HF_ICE_COMPLETED) /* otherwise, it is told already */
        at = hf_ice_earlier(at, suspect_at(ice));
    return at;
}
