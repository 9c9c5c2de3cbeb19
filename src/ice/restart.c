/* restart.c: ICE restarts (RFC 8445 §9): a new generation beside the one that data goes by, until it can take over. */
#include "ice_priv.h"

/* The remote may choose the new pair later than we do. Until then it sends on an old one, asks there for our consent, and
 * may have packets on the way. RFC 8445 §9 gives no number; a remote that takes longer is out of step by more than a
 * nomination and its repetitions. */
#define LINGER HF_SECONDS(10)

static void drop_newest(hf_ice *ice)
{
    hf_ice_generation *g = ice->newest;
    ice->newest = g->older;
    hf_ice_trace_dropped(g);
    hf_ice_generation_free(g);
}

static void drop_older_than(hf_ice_generation *g)
{
    hf_ice_trace_dropped(g->older);
    hf_ice_generation_free(g->older); /* there is never one behind it */
    g->older = NULL;
}

/* The restart that the remote has agreed to gives way to another one. Where consent for the one before it is lost, it is all
 * that there is to find a path with until the remote agrees again. */
static void replace_newest(hf_ice *ice)
{
    if (!ice->current->is_over || ice->newest->is_over) {
        drop_newest(ice);
        return;
    }
    hf_ice_generation *old = ice->current;
    if (old->older)
        drop_older_than(old);
    ice->current = ice->newest;
    drop_older_than(ice->current);
}

static void cancel_checks(hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++)
        hf_ice_check_cancel(g->pairs[i]);
}

hf_err hf_ice_restart_open(hf_ice *ice)
{
    if ((ice->newest->gathering == HF_ICE_GATHERING_NEW && !hf_ice_is_restarting(ice)) || ice->state == HF_ICE_CLOSED)
        return HF_ESTATE;
    if (hf_ice_is_restarting(ice) && !hf_ice_remote_is_known(ice->newest))
        return HF_OK;

    /* RFC 8445 §6.1.1: a restart doesn't change the roles. */
    hf_ice_generation *g = hf_ice_generation_new(ice, ice->newest->is_controlling);
    if (!g)
        return HF_ENOMEM;
    hf_ice_budget_inherit(g, ice->current);
    if (hf_ice_is_restarting(ice))
        replace_newest(ice);
    g->older = ice->newest;
    ice->newest = g;
    return HF_OK;
}

void hf_ice_restart_begin_checks(hf_ice *ice, hf_time now)
{
    if (hf_ice_is_restarting(ice))
        cancel_checks(ice->current);
    if (ice->state != HF_ICE_CONNECTED && ice->state != HF_ICE_COMPLETED) {
        hf_ice_enter(ice, now, HF_ICE_CHECKING, HF_OK);
        ice->give_up_at = now + ice->patience; /* also when an earlier search was on already */
    }
    hf_ice_nominate_consider(ice, now);
}

void hf_ice_restart_succeed(hf_ice *ice, hf_time now)
{
    hf_ice_generation *old = ice->current;
    drop_older_than(old);
    old->queries_len = 0;
    ice->current = ice->newest;
    ice->linger_until = now + LINGER;
}

/* What the old generation is in, now that the new one is no more. */
static void return_to_current(hf_ice *ice, hf_time now)
{
    hf_ice_generation *g = ice->current;
    if (g->is_over) {
        hf_ice_enter(ice, now, HF_ICE_FAILED, HF_ENOPATH);
        hf_ice_fall_silent(ice);
    } else if (ice->state == HF_ICE_CHECKING) {
        if (!hf_ice_remote_is_known(g))
            hf_ice_enter(ice, now, HF_ICE_NEW, HF_OK);
        else if (ice->route)
            hf_ice_enter(ice, now, HF_ICE_DISCONNECTED, HF_ETIMEDOUT);
    }
}

hf_err hf_ice_restart_cancel(hf_ice *ice, hf_time now)
{
    if (!hf_ice_is_restarting(ice) || ice->state == HF_ICE_CLOSED)
        return HF_ESTATE;
    /* "Gathering" was told of the one that goes: the application hears that it is over. */
    if (ice->newest->gathering_told == HF_ICE_GATHERING && ice->current->gathering_told == HF_ICE_GATHERING_COMPLETE)
        ice->current->gathering_told = HF_ICE_GATHERING;
    drop_newest(ice);
    return_to_current(ice, now);
    hf_ice_gather_take_locals(ice, now);
    hf_ice_nominate_consider(ice, now);
    return HF_OK;
}

hf_time hf_ice_restart_deadline(const hf_ice *ice)
{
    return ice->current->older && ice->state != HF_ICE_CLOSED ? ice->linger_until : HF_NEVER;
}

void hf_ice_restart_tick(hf_ice *ice, hf_time now)
{
    if (now >= hf_ice_restart_deadline(ice))
        drop_older_than(ice->current);
}
