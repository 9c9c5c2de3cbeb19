/* state.c: the states of an agent (W3C RTCIceTransportState), and when to give up.
 *
 *   NEW ──credentials──▶ CHECKING ──valid pair──▶ CONNECTED ◀──nomination, its loss, a restart──▶ COMPLETED
 *                          │ ▲  ▲                     ▲ │                                            │
 *                          │ │  │               answer│ │no answer, or no pair left                  │
 *                          │ │  │                     │ ▼                                            │
 *                          │ │  └──restart──────── DISCONNECTED ◀────────────────────────────────────┘
 *                          ▼ │restart                 │
 *                        FAILED ◀──consent expired, or no path
 *
 * A restart moves the state when its checks begin; one that is taken back leaves CHECKING for what the old generation is in.
 * CLOSED is entered from anywhere, and never left. FAILED is left only by a restart: by then the remote, too, has given up
 * on these credentials (Chromium and Firefox answer nothing more), so a check that arrives late is not answered either.
 * Where the agent keeps looking, it is silent only after consent was lost: no path found is no reason not to look on. */
#include "relay_priv.h"

#include "suspicion.h"
#include "watch.h"

#define BIT(state) (1u << (state))

static const unsigned reachable[HF_ICE_STATE_COUNT] = {
    [HF_ICE_NEW] = BIT(HF_ICE_CHECKING) | BIT(HF_ICE_CLOSED),
    [HF_ICE_CHECKING] =
        BIT(HF_ICE_CONNECTED) | BIT(HF_ICE_FAILED) | BIT(HF_ICE_NEW) | BIT(HF_ICE_DISCONNECTED) | BIT(HF_ICE_CLOSED),
    [HF_ICE_CONNECTED] = BIT(HF_ICE_COMPLETED) | BIT(HF_ICE_DISCONNECTED) | BIT(HF_ICE_FAILED) | BIT(HF_ICE_CLOSED),
    [HF_ICE_COMPLETED] = BIT(HF_ICE_CONNECTED) | BIT(HF_ICE_DISCONNECTED) | BIT(HF_ICE_FAILED) | BIT(HF_ICE_CLOSED),
    [HF_ICE_DISCONNECTED] = BIT(HF_ICE_CONNECTED) | BIT(HF_ICE_FAILED) | BIT(HF_ICE_CHECKING) | BIT(HF_ICE_CLOSED),
    [HF_ICE_FAILED] = BIT(HF_ICE_CHECKING) | BIT(HF_ICE_CLOSED),
    [HF_ICE_CLOSED] = 0,
};

static void tell(hf_ice *ice, hf_ice_state state, hf_err cause)
{
    if (ice->told_len == HF_ICE_TOLD_MAX) /* nobody listens: the newest counts */
        ice->told_len--;
    ice->told[ice->told_len++] = (hf_ice_told){.state = state, .cause = cause};
}

/* RFC 7675 §5.1: "the ICE endpoint MUST immediately cease transmission on that candidate pair". When consent is lost, only a
 * restart that the remote has not answered yet is left. */
static void silence(hf_ice *ice, hf_ice_generation *newest)
{
    for (hf_ice_generation *g = newest; g; g = g->older) {
        g->is_over = true;
        g->best = NULL;
        g->nominate_at = HF_NEVER;
        for (size_t i = 0; i < g->pairs_len; i++) {
            hf_ice_check_cancel(g->pairs[i]);
            hf_ice_stream_close(ice, g->pairs[i]->stream);
        }
    }
    hf_ring_clear(&ice->owed);
    hf_ring_init(&ice->owed, ice->env, sizeof(hf_ice_owed), HF_ICE_OWED_MAX);
    hf_ice_select(ice, NULL);
    hf_ice_suspicion_end(ice);
    ice->give_up_at = ice->consent_at = HF_NEVER;
}

void hf_ice_fall_silent(hf_ice *ice)
{
    silence(ice, hf_ice_checked(ice));
}

void hf_ice_enter(hf_ice *ice, hf_time now, hf_ice_state next, hf_err cause)
{
    if (next == ice->state)
        return;
    assert(reachable[ice->state] & BIT(next));
    hf_trace_change(ice->env, now, HF_TRACE_ICE_STATE_CHANGED, hf_ice_state_name(ice->state), hf_ice_state_name(next),
                    cause);
    ice->state = next; /* nowhere else is it assigned */
    tell(ice, next, cause);

    switch (next) {
    case HF_ICE_CHECKING:
        ice->give_up_at = now + ice->patience;
        break;
    case HF_ICE_FAILED:
        ice->give_up_at = HF_NEVER;
        if (!ice->keeps_looking || cause != HF_ENOPATH || hf_ice_checked(ice)->is_over)
            hf_ice_fall_silent(ice);
        break;
    case HF_ICE_CLOSED:
        silence(ice, ice->newest);
        hf_ice_watch_begin(ice, now, false);
        for (hf_ice_generation *g = ice->newest; g; g = g->older)
            g->queries_len = 0;
        break;
    case HF_ICE_NEW:
        ice->give_up_at = HF_NEVER;
        break;
    case HF_ICE_CONNECTED:
    case HF_ICE_COMPLETED:
    case HF_ICE_DISCONNECTED:
    case HF_ICE_STATE_COUNT:
        break;
    }
}

bool hf_ice_is_over(const hf_ice *ice)
{
    return ice->state == HF_ICE_CLOSED || (ice->state == HF_ICE_FAILED && hf_ice_checked(ice)->is_over);
}

/* Nothing can come any more: both sides have told all, and each pair has failed.
 *
 * RFC 8863 §4 wants an agent to wait on even then, for a check of the remote may reveal a candidate that it could not tell.
 * That is so where we had to ignore one (a browser's .local name), and where no pair could be made at all; otherwise the
 * pairs' own checks have taken about ten seconds, and waiting longer has not brought anybody a path. */
static bool is_hopeless(const hf_ice *ice)
{
    const hf_ice_generation *g = hf_ice_checked(ice);
    return !ice->route && !hf_ice_allocations_are_awaited(ice) && g->gathering == HF_ICE_GATHERING_COMPLETE &&
           g->remote_has_ended && !g->remote_hides_addresses && g->pairs_len > 0 && hf_ice_check_all_failed(g);
}

void hf_ice_give_up_if_hopeless(hf_ice *ice, hf_time now)
{
    if (ice->state != HF_ICE_CHECKING && ice->state != HF_ICE_DISCONNECTED)
        return;
    if (now >= ice->give_up_at || is_hopeless(ice))
        hf_ice_enter(ice, now, HF_ICE_FAILED, HF_ENOPATH);
}
