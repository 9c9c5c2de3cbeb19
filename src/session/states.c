/* states.c: the states of a session: a table of what leads from one to another, and the one door. */
#include "session_priv.h"

#include <assert.h>

/* docs/recovery.md shows it as a drawing, which is made from it. */
const hf_session_transition hf_session_transitions[] = {
    {HF_SESSION_NEW, HF_SESSION_CONNECTING, "an offer, of either side"},
    {HF_SESSION_NEW, HF_SESSION_FAILED, "given up"},
    {HF_SESSION_NEW, HF_SESSION_CLOSED, "disconnect"},
    {HF_SESSION_CONNECTING, HF_SESSION_CONNECTED, "a connection stands"},
    {HF_SESSION_CONNECTING, HF_SESSION_UNSTABLE, "the path does not answer"},
    {HF_SESSION_CONNECTING, HF_SESSION_FAILED, "a permanent cause, or given up"},
    {HF_SESSION_CONNECTING, HF_SESSION_CLOSED, "either side ends it"},
    {HF_SESSION_CONNECTED, HF_SESSION_UNSTABLE, "the path does not answer"},
    {HF_SESSION_CONNECTED, HF_SESSION_RECONNECTING, "the connection is lost"},
    {HF_SESSION_CONNECTED, HF_SESSION_FAILED, "a permanent cause"},
    {HF_SESSION_CONNECTED, HF_SESSION_CLOSED, "either side ends it"},
    {HF_SESSION_UNSTABLE, HF_SESSION_CONNECTED, "the path answers again"},
    {HF_SESSION_UNSTABLE, HF_SESSION_RECONNECTING, "the connection is lost"},
    {HF_SESSION_UNSTABLE, HF_SESSION_FAILED, "a permanent cause, or given up"},
    {HF_SESSION_UNSTABLE, HF_SESSION_CLOSED, "either side ends it"},
    {HF_SESSION_RECONNECTING, HF_SESSION_CONNECTED, "a path is found, or another connection"},
    {HF_SESSION_RECONNECTING, HF_SESSION_FAILED, "a permanent cause, or given up"},
    {HF_SESSION_RECONNECTING, HF_SESSION_CLOSED, "either side ends it"},
    {HF_SESSION_FAILED, HF_SESSION_CLOSED, "disconnect"},
};
const size_t hf_session_transitions_len = sizeof hf_session_transitions / sizeof hf_session_transitions[0];

static bool leads_to(hf_session_state from, hf_session_state to)
{
    for (size_t i = 0; i < hf_session_transitions_len; i++) {
        if (hf_session_transitions[i].from == from && hf_session_transitions[i].to == to)
            return true;
    }
    return false;
}

/* The time runs from the moment at which it was connected last, or began to connect. */
static void mind_give_up(hf_session *session)
{
    switch (session->state) {
    case HF_SESSION_CONNECTING:
    case HF_SESSION_UNSTABLE:
    case HF_SESSION_RECONNECTING:
        if (session->give_up_at == HF_NEVER && session->config.give_up > 0 && !session->disconnecting)
            session->give_up_at = session->now + session->config.give_up;
        break;
    case HF_SESSION_NEW:
    case HF_SESSION_CONNECTED:
    case HF_SESSION_FAILED:
    case HF_SESSION_CLOSED:
    case HF_SESSION_STATE_COUNT:
        session->give_up_at = HF_NEVER;
        break;
    }
}

static void tell(hf_session *session, hf_session_event_type type, hf_err cause)
{
    hf_session_push_or_log(session, (hf_session_event){.type = type, .cause = cause}, NULL);
}

void hf_session_enter(hf_session *session, hf_session_state next, hf_err cause)
{
    if (session->state == next)
        return;
    assert(leads_to(session->state, next));
    bool was_connected = session->state == HF_SESSION_CONNECTED;
    hf_trace_change(session->env, session->now, HF_TRACE_SESSION_STATE_CHANGED, hf_session_state_name(session->state),
                    hf_session_state_name(next), cause);
    session->state = next;
    session->was_connected |= next == HF_SESSION_CONNECTED;
    session->trouble = cause;
    mind_give_up(session);
    if (was_connected)
        session->lost_at = session->now;
    if (next == HF_SESSION_FAILED || next == HF_SESSION_CLOSED) {
        hf_session_drop_next(session, session->now);
        session->current->path = HF_PATH_NONE;
        session->linger_until = HF_NEVER;
        hf_link_hand_back(session, cause == HF_OK ? HF_ECLOSED : cause);
    }
    tell(session, HF_SESSION_STATE_CHANGED, cause);
    if (was_connected)
        tell(session, HF_SESSION_ON_DISCONNECTED, cause);
    if (next == HF_SESSION_CONNECTED)
        tell(session, HF_SESSION_ON_CONNECTED, HF_OK);
    if (next == HF_SESSION_FAILED) {
        hf_session_event event = {.type = HF_SESSION_ON_ERROR, .cause = cause};
        event.u.error.fatal = true;
        hf_session_push_or_log(session, event, hf_err_text(cause));
    }
}
