/* envelope.c: signals with addresses: who says what to whom. Envelopes may be lost, late, repeated, reordered, or made up by
 * those who carry them. */
#include "manager_priv.h"

#include <stdio.h>
#include <string.h>

/* A bye that comes while the path works is believed only when that does not answer any more, within this time: the remote
 * consents for 30 s after it has gone (RFC 7675 §5.1). As long as it answers, it says itself that it goes. */
#define BYE_BELIEVED HF_SECONDS(60)

static const char *signal_name(hf_signal_type type)
{
    switch (type) {
    case HF_SIGNAL_OFFER:
        return "offer";
    case HF_SIGNAL_ANSWER:
        return "answer";
    case HF_SIGNAL_CANDIDATE:
        return "candidate";
    case HF_SIGNAL_END_OF_CANDIDATES:
        return "end-of-candidates";
    case HF_SIGNAL_BYE:
        return "bye";
    }
    return "";
}

hf_err hf_manager_refuse(hf_manager *manager, hf_err err, const char *why)
{
    snprintf(manager->error_text, sizeof manager->error_text, "%s", why);
    return err;
}

const char *hf_manager_error_text(const hf_manager *manager)
{
    return manager ? manager->error_text : "";
}

/* --- Out --- */

static const char *null_if_empty(const char *text)
{
    return *text ? text : NULL;
}

void hf_manager_send(remote *r, const hf_signal *signal, uint32_t offer, const char *remote_session)
{
    hf_manager *manager = r->manager;
    hf_envelope envelope = {.sender = manager->peer_id,
                            .receiver = null_if_empty(r->id),
                            .session = null_if_empty(hf_session_id(r->session)),
                            .remote_session = null_if_empty(remote_session),
                            .offer = offer,
                            .signal = *signal};
    if (manager->handlers.on_envelope)
        manager->handlers.on_envelope(manager->handlers.context, manager, &envelope);
}

static bool is_over(const remote *r)
{
    hf_session_state state = hf_session_get_state(r->session);
    return state == HF_SESSION_FAILED || state == HF_SESSION_CLOSED;
}

/* To the session of the remote's that ours was with, or to one of its that would go on with it. */
static void say_bye(remote *r, const char *theirs)
{
    bool is_known = strcmp(theirs, hf_session_remote_id(r->session)) == 0 && r->bye_heard;
    if (*theirs && *hf_session_id(r->session) && !is_known)
        hf_manager_send(r, &(hf_signal){.type = HF_SIGNAL_BYE}, 0, theirs);
}

static hf_err take_bye(remote *r, hf_time now)
{
    r->bye_heard = true;
    return hf_session_signal(r->session, now, &(hf_signal){.type = HF_SIGNAL_BYE});
}

/* It is about the session of the remote's that ours is with, and no other of its goes on with ours. */
static bool is_bye_believed(const remote *r, hf_time now)
{
    return now < r->bye_until && strcmp(r->bye_from, hf_session_remote_id(r->session)) == 0 &&
           !hf_session_is_being_replaced(r->session);
}

/* The remote may be lost, and has said that it goes; or we go. The handler of the envelope may forget the session. */
void hf_manager_on_state(void *context, hf_session *session, const hf_session_event *event)
{
    remote *r = context;
    hf_time now = hf_session_now(session);
    hf_session_state state = hf_session_get_state(session);
    (void)event;
    hf_manager_note_identity(r);
    bool is_lost = state == HF_SESSION_UNSTABLE || state == HF_SESSION_RECONNECTING;
    if (is_lost && is_bye_believed(r, now) && take_bye(r, now) != HF_OK)
        hf_log(r->manager->env, HF_LOG_ERROR, "manager: the remote's bye could not be taken");
    if (is_over(r) && !r->bye_said) {
        r->bye_said = true;
        say_bye(r, hf_session_remote_id(session));
    }
}

/* One thing at a time: a handler may add and forget. */
static void run_errand(remote *r, hf_time now)
{
    hf_manager *manager = r->manager;
    bool *flags[] = {&r->announce, &r->tell_attempt, &r->repeat_answer, &r->repeat_offer, &r->repeat_bye};
    bool *flag = NULL;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && !flag; i++)
        flag = *flags[i] ? flags[i] : NULL;
    if (!flag) {
        hf_manager_unlist(r, LIST_ERRANDS);
        return;
    }
    *flag = false;
    if (flag == &r->repeat_answer)
        hf_manager_give_way_if_due(r, now);
    if (flag == &r->repeat_answer || flag == &r->repeat_offer)
        hf_manager_repeat(r, flag == &r->repeat_answer ? HF_SIGNAL_ANSWER : HF_SIGNAL_OFFER);
    else if (flag == &r->repeat_bye)
        say_bye(r, r->bye_to);
    else if (flag == &r->tell_attempt)
        hf_manager_tell_attempt(r);
    else if (manager->handlers.on_session)
        manager->handlers.on_session(manager->handlers.context, manager, r->session);
}

void hf_manager_dispatch(hf_manager *manager, hf_time now)
{
    while (manager && manager->lists[LIST_ERRANDS].first)
        run_errand(manager->lists[LIST_ERRANDS].first, now);
}

hf_err hf_manager_connect(hf_manager *manager, hf_time now, const char *peer_id, hf_session **out)
{
    const char *id = peer_id ? peer_id : "";
    if (!manager || !out || (*id && (!hf_manager_is_id(id) || strcmp(id, manager->peer_id) == 0)))
        return HF_EINVAL;
    manager->now = now;
    remote *r = hf_manager_find(manager, id);
    if (r && hf_session_get_state(r->session) != HF_SESSION_NEW) { /* NEW: only candidates came so far */
        *out = r->session;
        return HF_EEXIST;
    }
    hf_err err = r ? HF_OK : hf_manager_add(manager, id, &r);
    if (err != HF_OK)
        return err;
    hf_manager_unlist(r, LIST_EARLY);
    err = hf_session_connect(r->session, now);
    if (err != HF_OK) {
        hf_manager_forget(manager, r->session);
        return err;
    }
    *out = r->session;
    hf_manager_tell(r, now, HF_RETRY_BEGUN);
    return HF_OK;
}

/* --- In --- */

/* As hf_session_id writes it. */
static bool is_session_id(const char *text)
{
    return strlen(text) == HF_SESSION_ID_SIZE - 1 && strspn(text, "0123456789abcdef") == HF_SESSION_ID_SIZE - 1;
}

static bool is_whole(const hf_signal *signal)
{
    switch (signal->type) {
    case HF_SIGNAL_OFFER:
    case HF_SIGNAL_ANSWER:
        return signal->sdp != NULL;
    case HF_SIGNAL_CANDIDATE:
        return signal->candidate != NULL;
    case HF_SIGNAL_END_OF_CANDIDATES:
    case HF_SIGNAL_BYE:
        return true;
    }
    return false;
}

static hf_err check(hf_manager *manager, const hf_envelope *e)
{
    if (!is_whole(&e->signal))
        return hf_manager_refuse(manager, HF_EINVAL, "there is no such signal, or it lacks its text");
    if (e->receiver && strcmp(e->receiver, manager->peer_id) != 0)
        return hf_manager_refuse(manager, HF_EINVAL, "it is for somebody else");
    if (e->sender && (!hf_manager_is_id(e->sender) || strcmp(e->sender, manager->peer_id) == 0))
        return hf_manager_refuse(manager, HF_EINVAL, "nobody else can have its sender's name");
    if ((e->session && !is_session_id(e->session)) || (e->remote_session && !is_session_id(e->remote_session)))
        return hf_manager_refuse(manager, HF_EINVAL, "a session id has 32 hexadecimal digits");
    if (e->signal.type == HF_SIGNAL_BYE && (!e->session || !e->remote_session))
        return hf_manager_refuse(manager, HF_EINVAL, "a bye names both sessions");
    return HF_OK;
}

/* Whom an envelope is from; NULL: a stranger. One that nobody has named yet may be whoever answers. */
static hf_err find_sender(hf_manager *manager, const hf_envelope *envelope, remote **out)
{
    *out = NULL;
    if (envelope->sender) {
        *out = hf_manager_find(manager, envelope->sender);
        if (!*out)
            *out = hf_manager_find(manager, "");
        return HF_OK;
    }
    if (manager->remotes_len > 1)
        return hf_manager_refuse(manager, HF_ENOENT, "it does not say whom it is from, and there are several sessions");
    *out = manager->remotes_len > 0 ? manager->remotes[0] : NULL;
    return HF_OK;
}

static hf_err receive_bye(remote *r, hf_time now, const hf_envelope *envelope)
{
    if (strcmp(envelope->session, hf_session_remote_id(r->session)) != 0)
        return hf_manager_refuse(r->manager, HF_ENOENT, "a bye of another session");
    r->bye_until = now + BYE_BELIEVED;
    snprintf(r->bye_from, sizeof r->bye_from, "%s", envelope->session);
    bool is_lost = hf_session_get_state(r->session) != HF_SESSION_CONNECTED;
    return is_lost && is_bye_believed(r, now) ? take_bye(r, now) : HF_OK;
}

static hf_err receive_by_type(remote *r, hf_time now, const hf_envelope *envelope)
{
    switch (envelope->signal.type) {
    case HF_SIGNAL_OFFER:
        return hf_manager_receive_offer(r, now, envelope);
    case HF_SIGNAL_ANSWER:
        return hf_manager_receive_answer(r, now, envelope);
    case HF_SIGNAL_CANDIDATE:
    case HF_SIGNAL_END_OF_CANDIDATES:
        return hf_manager_is_late_candidate(r, envelope) ? HF_OK : hf_session_signal(r->session, now, &envelope->signal);
    case HF_SIGNAL_BYE:
        return receive_bye(r, now, envelope);
    }
    return HF_EINVAL;
}

/* An offer may be for a session that we have had before: whoever makes it does not know better, nor do the candidates that
 * follow it before our answer is there. Those belong where the offer's credentials are known. */
static bool is_for_another_session(const remote *r, const hf_envelope *envelope)
{
    bool is_candidate = envelope->signal.type == HF_SIGNAL_CANDIDATE || envelope->signal.type == HF_SIGNAL_END_OF_CANDIDATES;
    return envelope->signal.type != HF_SIGNAL_OFFER && !(is_candidate && envelope->signal.ufrag) &&
           envelope->remote_session && strcmp(envelope->remote_session, hf_session_id(r->session)) != 0;
}

/* Only what is agreed gives a name to a remote that has none: an offer or an answer that was taken. */
static hf_err receive_named(remote *r, hf_time now, const hf_envelope *envelope)
{
    bool names = r->id[0] == '\0' && envelope->sender && hf_manager_would_take(r, envelope);
    hf_err err = names ? hf_manager_name(r, envelope->sender) : HF_OK;
    if (err != HF_OK)
        return err;
    err = receive_by_type(r, now, envelope);
    if (err != HF_OK && names)
        hf_manager_unname(r);
    return err;
}

/* Keeps the session's words for what went wrong: a session that its first envelope could not begin is gone afterwards. */
static hf_err receive_known(remote *r, hf_time now, const hf_envelope *envelope)
{
    hf_manager *manager = r->manager;
    if (is_for_another_session(r, envelope))
        return hf_manager_refuse(manager, HF_ENOENT, "for another session of ours");
    if (envelope->offer != 0 && !r->numbers) {
        r->numbers = true;
        if (hf_manager_has_open_offer(r))
            hf_manager_tell(r, now, HF_RETRY_OFFERED); /* from here on it may be repeated */
    }
    hf_err err = receive_named(r, now, envelope);
    hf_manager_trace(r, HF_TRACE_MANAGER_ENVELOPE_RECEIVED, hf_trace_text("type", signal_name(envelope->signal.type)),
                     hf_trace_number("offer", envelope->offer), hf_trace_cause(err));
    if (err != HF_OK && manager->error_text[0] == '\0')
        (void)!hf_manager_refuse(manager, err, hf_session_error_text(r->session));
    return err;
}

/* Candidates that overtook their offer are kept, but not of everybody, and not where they are in the way of others. */
static void make_room(hf_manager *manager, bool for_early)
{
    const remote_queue *early = &manager->lists[LIST_EARLY];
    if (early->first && (manager->remotes_len >= manager->sessions_max || (for_early && early->len >= EARLY_MAX)))
        hf_manager_forget(manager, early->first->session);
}

static hf_err receive_from_stranger(hf_manager *manager, hf_time now, const hf_envelope *envelope)
{
    bool is_early = envelope->signal.type == HF_SIGNAL_CANDIDATE;
    remote *r;
    if ((envelope->signal.type != HF_SIGNAL_OFFER && !is_early) || (is_early && envelope->remote_session))
        return hf_manager_refuse(manager, HF_ENOENT, "there is no session that it could be for");
    make_room(manager, is_early);
    hf_err err = hf_manager_add(manager, envelope->sender ? envelope->sender : "", &r);
    if (err != HF_OK)
        return err;
    if (is_early)
        hf_manager_list(r, LIST_EARLY);
    err = receive_known(r, now, envelope);
    if (err != HF_OK)
        hf_manager_forget(manager, r->session);
    return err;
}

static void repeat_bye(remote *r, const char *theirs)
{
    snprintf(r->bye_to, sizeof r->bye_to, "%s", theirs);
    r->repeat_bye = true;
    hf_manager_list(r, LIST_ERRANDS);
    hf_manager_wake(r->manager);
}

/* For a session that is over. Whoever would recover it has not heard that it has ended; but a session that has come in the
 * place of the one that ours was with may go on with another, unless it was our application that ended this. Otherwise an
 * offer that is known comes late; but where nothing came of it, as where it overtook the end of the session before its own,
 * it may be an open one, said again. */
static bool begins_anew(remote *r, const hf_envelope *envelope)
{
    if (envelope->signal.type != HF_SIGNAL_OFFER)
        return false;
    const char *before = hf_session_remote_id(r->session), *theirs = envelope->session ? envelope->session : before;
    bool recovers = envelope->remote_session && strcmp(envelope->remote_session, hf_session_id(r->session)) == 0;
    if (recovers && (strcmp(theirs, before) == 0 || hf_session_is_disconnecting(r->session))) {
        repeat_bye(r, theirs);
        return false;
    }
    bool in_vain = recovers || hf_session_get_state(r->session) == HF_SESSION_FAILED || strcmp(theirs, before) != 0;
    return !hf_manager_is_known_offer(r, envelope) || (hf_manager_is_last_offer(r, envelope) && in_vain);
}

hf_err hf_manager_receive(hf_manager *manager, hf_time now, const hf_envelope *envelope)
{
    remote *r;
    if (manager)
        manager->error_text[0] = '\0';
    if (!manager || !envelope)
        return HF_EINVAL;
    manager->now = now;
    hf_err err = check(manager, envelope);
    if (err == HF_OK)
        err = find_sender(manager, envelope, &r);
    if (err != HF_OK)
        return err;
    if (r && is_over(r)) {
        if (!begins_anew(r, envelope))
            return HF_OK;
        hf_manager_forget(manager, r->session);
        r = NULL;
    }
    return r ? receive_known(r, now, envelope) : receive_from_stranger(manager, now, envelope);
}
