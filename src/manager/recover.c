/* recover.c: what is done for a session that is not connected: retry.c says what and when, the session does it. */
#include "manager_priv.h"

static void arm(remote *r)
{
    hf_time due = hf_retry_deadline(&r->retry);
    if (due < r->manager->due)
        r->manager->due = due;
    hf_manager_wake(r->manager);
}

/* --- Steps ------------------------------------------------------------------------------------------------------------ */

/* ICE is asked to begin anew, with an offer. One that is open stays where it can be repeated; otherwise it is taken back
 * first. */
static hf_err restart(remote *r, hf_time now, bool takes_back)
{
    hf_err err = HF_OK;
    if (hf_manager_has_open_offer(r) && takes_back)
        err = hf_session_withdraw_offer(r->session, now);
    if (err == HF_OK)
        err = hf_session_restart_ice(r->session, now);
    return err;
}

/* A connection that turns out to be beyond a restart is replaced; a remote that turns out to know no other way gets a
 * restart. */
static hf_err reconnect_or_restart(remote *r, hf_time now, bool takes_back)
{
    bool reconnects = r->retry.step == HF_STEP_RECONNECT;
    hf_err err = reconnects ? hf_session_reconnect(r->session, now) : restart(r, now, takes_back);
    if (err == HF_ENOTSUP && reconnects)
        return restart(r, now, takes_back);
    return err == HF_ESTATE && r->retry.resumes && !reconnects ? hf_session_reconnect(r->session, now) : err;
}

static hf_err take(remote *r, hf_time now, hf_retry_step step)
{
    switch (step) {
    case HF_RETRY_NOTHING:
        break;
    case HF_RETRY_REPEAT:
        r->repeat_offer = true;
        hf_manager_list(r, LIST_ERRANDS);
        break;
    case HF_RETRY_RESTART:
    case HF_RETRY_RECONNECT:
        return reconnect_or_restart(r, now, hf_manager_is_plain(r));
    case HF_RETRY_RENEW:
        return reconnect_or_restart(r, now, true);
    }
    return HF_OK;
}

static void trace(const remote *r, const hf_attempt *before, hf_retry_step step)
{
    hf_attempt is;
    hf_retry_describe(&r->retry, &is);
    if (is.phase == before->phase && step == HF_RETRY_NOTHING)
        return;
    hf_span wait = is.phase == HF_ATTEMPT_WAITING ? is.next - r->manager->now : 0;
    hf_manager_trace(r, HF_TRACE_MANAGER_RETRY_CHANGED, hf_trace_text("old", hf_attempt_phase_name(before->phase)),
                     hf_trace_text("new", hf_attempt_phase_name(is.phase)),
                     hf_trace_text("attempt", is.phase == HF_ATTEMPT_NONE ? "" : hf_attempt_step_name(is.step)),
                     hf_trace_text("step", hf_retry_step_name(step)), hf_trace_number("failures", is.failures),
                     hf_trace_bool("relay_only", is.relay_only), hf_trace_ms("wait", wait), hf_trace_cause(is.cause));
}

/* What holds for the session's connections in this phase, before an offer of one is made. */
static void apply_policy(remote *r, hf_time now)
{
    hf_session_state state = hf_session_get_state(r->session);
    if (state == HF_SESSION_FAILED || state == HF_SESSION_CLOSED)
        return;
    hf_ice_relay relay = hf_retry_relay(&r->retry);
    if (relay != r->relay && hf_session_set_relay(r->session, now, relay) == HF_OK)
        r->relay = relay;
    bool watches = r->retry.phase != HF_ATTEMPT_NONE && r->manager->recovers;
    if (watches != r->watches)
        hf_session_watch_servers(r->session, now, watches);
    r->watches = watches;
}

/* Without recovery, only offers are repeated, and there is nothing to be tried. */
static bool concerns(const remote *r, hf_retry_news news)
{
    switch (news) {
    case HF_RETRY_OVER:
    case HF_RETRY_CONNECTED:
    case HF_RETRY_OFFERED:
    case HF_RETRY_OFFERED_ONCE:
    case HF_RETRY_SETTLED:
    case HF_RETRY_CROSSED:
    case HF_RETRY_TIMEOUT:
    case HF_RETRY_REPEAT_DUE:
        return true;
    case HF_RETRY_BEGUN:
    case HF_RETRY_UNSTABLE:
    case HF_RETRY_LOST:
    case HF_RETRY_BROKEN:
    case HF_RETRY_RESTARTED:
    case HF_RETRY_REFUSED:
    case HF_RETRY_RELAYED:
    case HF_RETRY_CHANGED:
    case HF_RETRY_ASKED:
    case HF_RETRY_IMPOSSIBLE:
    case HF_RETRY_NEWS_COUNT:
        break;
    }
    return r->manager->recovers;
}

static bool is_same(const hf_attempt *a, const hf_attempt *b)
{
    return a->phase == b->phase && a->step == b->step && a->failures == b->failures && a->relay_only == b->relay_only &&
           a->since == b->since && a->next == b->next && a->cause == b->cause;
}

static void note_attempt(remote *r)
{
    hf_attempt is;
    hf_retry_describe(&r->retry, &is);
    if (is_same(&is, &r->attempt) || !r->manager->handlers.on_attempt)
        return;
    r->tell_attempt = true;
    hf_manager_list(r, LIST_ERRANDS);
}

static void follow(remote *r, hf_time now, const hf_attempt *before, hf_retry_step step)
{
    trace(r, before, step);
    /* Before the first handshake anybody may have made the last offer, or given it its number; the true one is said again
     * and again. */
    r->doubts_last |= r->retry.failures > before->failures && !r->retry.has_been_connected;
    apply_policy(r, now);
    hf_err err = take(r, now, step);
    if (err != HF_OK) {
        hf_log(r->manager->env, HF_LOG_ERROR, "manager: no %s: %s", hf_retry_step_name(step), hf_err_text(err));
        hf_attempt begun;
        hf_retry_describe(&r->retry, &begun);
        (void)!hf_retry_on(&r->retry, now, HF_RETRY_IMPOSSIBLE, err);
        trace(r, &begun, HF_RETRY_NOTHING);
    }
    note_attempt(r);
}

static void tell(remote *r, hf_time now, hf_retry_news news, hf_err cause)
{
    hf_attempt before;
    r->manager->now = now;
    if (!concerns(r, news))
        news = HF_RETRY_SETTLED;
    r->retry.resumes = hf_session_get_protocol(r->session) == HF_PROTOCOL_HOLDFAST &&
                       r->manager->session_config.recovery == HF_RECOVERY_RESUME;
    hf_retry_describe(&r->retry, &before);
    follow(r, now, &before, hf_retry_on(&r->retry, now, news, cause));
    arm(r);
}

void hf_manager_tell(remote *r, hf_time now, hf_retry_news news)
{
    tell(r, now, news, HF_OK);
}

/* --- What the session says ---------------------------------------------------------------------------------------- */

static void on_connected(remote *r, hf_time now)
{
    hf_session_path before = r->path;
    bool was_relay_only = r->retry.is_relay_turn;
    r->path = hf_session_get_path(r->session);
    r->retry.is_relayed = r->path == HF_PATH_RELAYED;
    bool fell_back = r->retry.phase == HF_ATTEMPT_NONE && before == HF_PATH_DIRECT;
    if (r->retry.phase != HF_ATTEMPT_NONE || !r->retry.has_been_connected)
        hf_manager_tell(r, now, HF_RETRY_CONNECTED);
    if (r->path == HF_PATH_RELAYED && (was_relay_only || fell_back))
        hf_manager_tell(r, now, HF_RETRY_RELAYED);
}

static bool is_of_the_path(hf_err cause)
{
    return cause == HF_ECONSENT || cause == HF_ENOPATH || cause == HF_ETIMEDOUT;
}

/* What it tells may be late; how the newest connection is, its own state says. */
static void on_trouble(remote *r, hf_time now, hf_err cause)
{
    hf_peer *peer = hf_session_newest_peer(r->session);
    switch (peer ? hf_peer_connection_state(peer) : HF_CONNECTION_CLOSED) {
    case HF_CONNECTION_NEW:
    case HF_CONNECTION_CONNECTING:
    case HF_CONNECTION_CONNECTED:
        break;
    case HF_CONNECTION_DISCONNECTED:
        tell(r, now, HF_RETRY_UNSTABLE, cause);
        break;
    case HF_CONNECTION_FAILED:
        tell(r, now, hf_peer_ice_connection_state(peer) == HF_ICE_FAILED ? HF_RETRY_LOST : HF_RETRY_BROKEN,
             is_of_the_path(cause) ? cause : HF_OK);
        break;
    case HF_CONNECTION_CLOSED:
        tell(r, now, HF_RETRY_BROKEN, is_of_the_path(cause) ? HF_OK : cause);
        break;
    }
}

static void on_state(void *context, hf_session *session, const hf_session_event *event)
{
    remote *r = context;
    hf_time now = hf_session_now(session);
    switch (hf_session_get_state(session)) {
    case HF_SESSION_CONNECTED:
        on_connected(r, now);
        break;
    case HF_SESSION_CONNECTING:
    case HF_SESSION_UNSTABLE:
    case HF_SESSION_RECONNECTING:
        on_trouble(r, now, event->cause);
        break;
    case HF_SESSION_FAILED:
    case HF_SESSION_CLOSED:
        hf_manager_tell(r, now, HF_RETRY_OVER);
        break;
    case HF_SESSION_NEW:
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
    hf_retry_init(&r->retry, &r->manager->schedule, r->manager->env);
    r->relay = r->manager->session_config.peer.relay;
    apply_policy(r, 0);
    hf_err err = hf_session_on(r->session, HF_SESSION_STATE_CHANGED, on_state, r);
    return err == HF_OK ? hf_session_on(r->session, HF_SESSION_NETWORK_CHANGED, on_network_changed, r) : err;
}

void hf_manager_unwatch(remote *r)
{
    hf_session_off(r->session, HF_SESSION_STATE_CHANGED, on_state, r);
    hf_session_off(r->session, HF_SESSION_NETWORK_CHANGED, on_network_changed, r);
}

/* --- What the application hears, and asks --------------------------------------------------------------------------- */

hf_err hf_manager_get_attempt(const hf_manager *manager, const hf_session *session, hf_attempt *out)
{
    if (!manager || !session || !out)
        return HF_EINVAL;
    const remote *r = hf_manager_find_session(manager, session);
    if (!r)
        return HF_ENOENT;
    hf_retry_describe(&r->retry, out);
    return HF_OK;
}

hf_err hf_manager_retry(hf_manager *manager, hf_time now, const hf_session *session)
{
    if (!manager || !session)
        return HF_EINVAL;
    remote *r = hf_manager_find_session(manager, session);
    if (!r)
        return HF_ENOENT;
    hf_manager_tell(r, now, HF_RETRY_ASKED);
    return HF_OK;
}

void hf_manager_tell_attempt(remote *r)
{
    hf_manager *manager = r->manager;
    hf_attempt is;
    hf_retry_describe(&r->retry, &is);
    if (is_same(&is, &r->attempt))
        return;
    r->attempt = is;
    manager->handlers.on_attempt(manager->handlers.context, manager, r->session, &is);
}

/* --- Time --------------------------------------------------------------------------------------------------------- */

hf_time hf_manager_deadline(const hf_manager *manager)
{
    return manager ? manager->due : HF_NEVER;
}

static void tick(remote *r, hf_time now)
{
    if (r->retry.is_open && hf_retry_deadline(&r->retry) <= now)
        hf_manager_mind_open_offer(r, now);
    while (hf_retry_deadline(&r->retry) <= now) {
        hf_attempt before;
        hf_retry_describe(&r->retry, &before);
        follow(r, now, &before, hf_retry_tick(&r->retry, now));
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
