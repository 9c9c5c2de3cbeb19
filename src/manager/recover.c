/* recover.c: what is done for a session whose path fails: retry.c says what and when, the session does it. */
#include "manager_priv.h"

static void arm(remote *r)
{
    hf_time due = hf_retry_deadline(&r->retry);
    if (due < r->manager->due)
        r->manager->due = due;
    hf_manager_wake(r->manager);
}

/* ICE is asked to begin anew, with an offer. One that is open stays where it can be repeated; otherwise it is taken back
 * first. Out of memory is one more failed attempt. */
static void restart(remote *r, hf_time now, bool takes_back)
{
    hf_err err = HF_OK;
    if (hf_manager_has_open_offer(r) && takes_back)
        err = hf_session_withdraw_offer(r->session, now);
    if (err == HF_OK)
        err = hf_session_restart_ice(r->session, now);
    if (err == HF_OK)
        return;
    hf_log(r->manager->env, HF_LOG_ERROR, "manager: no restart: %s", hf_err_text(err));
    hf_retry_fail(&r->retry, now);
}

static void take(remote *r, hf_time now, hf_retry_step step)
{
    if (step == HF_RETRY_RESTART)
        restart(r, now, hf_manager_is_plain(r));
    if (step == HF_RETRY_RENEW)
        restart(r, now, true);
    if (step == HF_RETRY_REPEAT) {
        r->repeat_offer = true;
        hf_manager_list(r, LIST_ERRANDS);
    }
}

static void trace(const remote *r, hf_retry_phase before, hf_retry_step step)
{
    if (r->retry.phase == before && step == HF_RETRY_NOTHING)
        return;
    hf_span wait = r->retry.phase == HF_RETRY_WAITING ? r->retry.due - r->manager->now : 0;
    hf_manager_trace(r, HF_TRACE_MANAGER_RETRY_CHANGED, hf_trace_text("old", hf_retry_phase_name(before)),
                     hf_trace_text("new", hf_retry_phase_name(r->retry.phase)),
                     hf_trace_text("step", hf_retry_step_name(step)), hf_trace_number("failures", r->retry.failures),
                     hf_trace_ms("wait", wait));
}

void hf_manager_tell(remote *r, hf_time now, hf_retry_news news)
{
    hf_retry_phase before = r->retry.phase;
    r->manager->now = now;
    hf_retry_step step = hf_retry_on(&r->retry, now, news);
    trace(r, before, step);
    take(r, now, step);
    arm(r);
}

/* --- What the session says ---------------------------------------------------------------------------------------- */

static void on_connected(remote *r, hf_time now)
{
    hf_session_path before = r->path;
    r->path = hf_session_get_path(r->session);
    if (r->retry.phase != HF_RETRY_STEADY)
        hf_manager_tell(r, now, HF_RETRY_CONNECTED);
    else if (before == HF_PATH_DIRECT && r->path == HF_PATH_RELAYED && r->manager->recovers)
        hf_manager_tell(r, now, HF_RETRY_RELAYED);
}

/* What it tells may be late; how the connection is, its own state says. */
static void on_state(void *context, hf_session *session, const hf_session_event *event)
{
    remote *r = context;
    hf_time now = hf_session_now(session);
    hf_peer *peer = hf_session_peer(session);
    hf_connection_state connection = peer ? hf_peer_connection_state(peer) : HF_CONNECTION_CLOSED;
    (void)event;
    switch (hf_session_get_state(session)) {
    case HF_SESSION_CONNECTED:
        on_connected(r, now);
        break;
    case HF_SESSION_UNSTABLE:
        if (connection == HF_CONNECTION_DISCONNECTED && r->manager->recovers)
            hf_manager_tell(r, now, HF_RETRY_UNSTABLE);
        break;
    case HF_SESSION_RECONNECTING:
        if (connection == HF_CONNECTION_FAILED)
            hf_manager_tell(r, now, HF_RETRY_LOST);
        break;
    case HF_SESSION_FAILED:
    case HF_SESSION_CLOSED:
        hf_manager_tell(r, now, HF_RETRY_OVER);
        break;
    case HF_SESSION_NEW:
    case HF_SESSION_CONNECTING:
    case HF_SESSION_STATE_COUNT:
        break;
    }
}

static void on_network_changed(void *context, hf_session *session, const hf_session_event *event)
{
    (void)event;
    hf_manager_tell(context, hf_session_now(session), HF_RETRY_CHANGED);
}

hf_err hf_manager_watch(remote *r)
{
    hf_retry_init(&r->retry);
    hf_err err = hf_session_on(r->session, HF_SESSION_STATE_CHANGED, on_state, r);
    return err == HF_OK ? hf_session_on(r->session, HF_SESSION_NETWORK_CHANGED, on_network_changed, r) : err;
}

void hf_manager_unwatch(remote *r)
{
    hf_session_off(r->session, HF_SESSION_STATE_CHANGED, on_state, r);
    hf_session_off(r->session, HF_SESSION_NETWORK_CHANGED, on_network_changed, r);
}

/* --- Time --------------------------------------------------------------------------------------------------------- */

hf_time hf_manager_deadline(const hf_manager *manager)
{
    return manager ? manager->due : HF_NEVER;
}

static void tick(remote *r, hf_time now)
{
    while (hf_retry_deadline(&r->retry) <= now) {
        hf_retry_phase before = r->retry.phase;
        hf_retry_step step = hf_retry_tick(&r->retry, now);
        trace(r, before, step);
        take(r, now, step);
    }
}

/* The only walk over all remotes: not before one of them is due. */
void hf_manager_tick(hf_manager *manager, hf_time now)
{
    if (!manager || now < manager->due)
        return;
    manager->now = now;
    manager->due = HF_NEVER;
    for (size_t i = 0; i < manager->remotes_len; i++) {
        remote *r = manager->remotes[i];
        tick(r, now);
        hf_time due = hf_retry_deadline(&r->retry);
        if (due < manager->due)
            manager->due = due;
    }
    hf_manager_wake(manager);
}
