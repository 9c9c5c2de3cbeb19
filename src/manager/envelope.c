/* envelope.c: signals with addresses. An answer and each candidate name the offer that they belong to, so that what is late,
 * repeated or crossed costs time, never correctness. */
#include "manager_priv.h"

#include <stdio.h>
#include <string.h>

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

static void send_envelope(remote *r, const hf_signal *signal)
{
    hf_manager *manager = r->manager;
    hf_envelope envelope = {
        .sender = manager->peer_id, .receiver = r->id[0] ? r->id : NULL, .offer = r->offer, .signal = *signal};
    if (manager->handlers.on_envelope)
        manager->handlers.on_envelope(manager->handlers.context, manager, &envelope);
}

bool hf_manager_is_plain(const remote *r)
{
    return !r->numbers;
}

/* FNV-1a over the first words of a line of a description. */
static uint64_t hash_of_line(const char *sdp, const char *begins, int words)
{
    const char *at = strstr(sdp, begins);
    uint64_t hash = 14695981039346656037u;
    for (at = at ? at + strlen(begins) : ""; *at && *at != '\r' && *at != '\n' && words > 0; at++) {
        hash = (hash ^ (uint8_t)*at) * 1099511628211u;
        words -= *at == ' ';
    }
    return hash;
}

/* RFC 8866 §5.2: user name, session id and version name a description among all that there are. */
static uint64_t version_of(const char *sdp)
{
    return hash_of_line(sdp, "\no=", 3);
}

void hf_manager_on_signal(void *context, hf_session *session, const hf_session_event *event)
{
    remote *r = context;
    if (event->u.signal.type == HF_SIGNAL_OFFER) { /* the first, or a later one: each has a number of its own */
        r->offer = ++r->offer_ours;
        r->version_ours = version_of(event->u.signal.sdp);
        r->repeat_offer = false;
        hf_manager_tell(r, hf_session_now(session), hf_manager_is_plain(r) ? HF_RETRY_OFFERED_ONCE : HF_RETRY_OFFERED);
    }
    send_envelope(r, &event->u.signal);
}

/* Our offer that got no answer, or the answer to an offer that came again: the same description, with all candidates so far.
 * Without trickling, not before it holds them all: then it goes out for the first time. */
static void repeat(remote *r, hf_sdp_type wanted)
{
    hf_sdp_type type;
    hf_signal signal = {.type = wanted == HF_SDP_OFFER ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER};
    hf_peer *peer = hf_session_peer(r->session);
    bool whole = peer && hf_peer_ice_gathering_state(peer) == HF_ICE_GATHERING_COMPLETE;
    if (peer && (whole || !r->manager->session_config.no_trickle) &&
        hf_peer_local_description(peer, &type, &signal.sdp) == HF_OK && type == wanted)
        send_envelope(r, &signal);
}

void hf_manager_dispatch(hf_manager *manager, hf_time now)
{
    (void)now;
    if (!manager)
        return;
    for (size_t i = 0; i < manager->remotes_len;) { /* handlers may add and forget: begin again after each */
        remote *r = manager->remotes[i];
        if (r->announce) {
            r->announce = false;
            if (manager->handlers.on_session)
                manager->handlers.on_session(manager->handlers.context, manager, r->session);
            i = 0;
        } else if (r->repeat_answer) {
            r->repeat_answer = false;
            repeat(r, HF_SDP_ANSWER);
            i = 0;
        } else if (r->repeat_offer) {
            r->repeat_offer = false;
            if (hf_manager_has_open_offer(r))
                repeat(r, HF_SDP_OFFER);
            i = 0;
        } else {
            i++;
        }
    }
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
    err = hf_session_connect(r->session, now);
    if (err != HF_OK) {
        hf_manager_forget(manager, r->session);
        return err;
    }
    *out = r->session;
    hf_manager_wake(manager);
    return HF_OK;
}

/* Whom an envelope is from; NULL: a stranger. One that nobody has named yet takes the first name that comes. */
static hf_err find_sender(hf_manager *manager, const hf_envelope *envelope, remote **out)
{
    *out = NULL;
    if (!envelope->sender) {
        if (manager->remotes_len == 1)
            *out = manager->remotes[0];
        return manager->remotes_len > 1 ? HF_ENOENT : HF_OK;
    }
    if (!hf_manager_is_id(envelope->sender) || strcmp(envelope->sender, manager->peer_id) == 0)
        return HF_EINVAL;
    *out = hf_manager_find(manager, envelope->sender);
    remote *nameless = *out ? NULL : hf_manager_find(manager, "");
    if (!nameless)
        return HF_OK;
    *out = nameless;
    return hf_manager_rename(manager, nameless, envelope->sender);
}

bool hf_manager_has_open_offer(const remote *r)
{
    hf_peer *peer = hf_session_peer(r->session);
    return peer && hf_peer_signaling_state(peer) == HF_SIGNALING_HAVE_LOCAL_OFFER;
}

/* session.md, "Signalling": the lower peer id is polite and gives way; toward a peer without a name we are. */
static bool is_polite(const remote *r)
{
    return r->id[0] == '\0' || strcmp(r->manager->peer_id, r->id) < 0;
}

/* RFC 8866 §5.2: user name and session id name who made a description; its later versions keep them. */
static uint64_t origin_of(const char *sdp)
{
    return hash_of_line(sdp, "\no=", 2);
}

/* The remote's description holds: whether it began ICE anew is seen by its credentials (RFC 8839 §4.4.1.1.1). */
static void note_agreement(remote *r, hf_time now, const char *sdp)
{
    uint64_t before = r->credentials_theirs;
    r->credentials_theirs = hash_of_line(sdp, "\na=ice-ufrag:", 1);
    bool restarted = before != 0 && before != r->credentials_theirs;
    hf_manager_tell(r, now, restarted ? HF_RETRY_RESTARTED : HF_RETRY_SETTLED);
}

/* Of the same maker, and not newer than one that was taken: repeated or late. Numbers of another maker, as after the
 * remote was started again, mean nothing beside these. */
static bool is_known_offer(const remote *r, const hf_envelope *envelope)
{
    return envelope->offer != 0 && envelope->offer <= r->offer_theirs && origin_of(envelope->signal.sdp) == r->origin_theirs;
}

/* Our open offer is the one that holds (glare): the remote takes its own back, when it has come there, and answers. Its
 * own may come again. The first offers of a session are only repeated: there is nothing yet to go back to. */
static void insist(remote *r, hf_time now, const hf_envelope *envelope)
{
    r->offer_theirs = envelope->offer;
    r->origin_theirs = origin_of(envelope->signal.sdp);
    if (r->credentials_theirs != 0)
        hf_manager_tell(r, now, HF_RETRY_CROSSED);
}

static hf_err receive_offer(remote *r, hf_time now, const hf_envelope *envelope)
{
    uint32_t number = envelope->offer;
    bool is_known = is_known_offer(r, envelope), is_late = is_known && number != r->offer_theirs;
    if (hf_manager_has_open_offer(r) && !is_polite(r)) {
        if (!is_late)
            insist(r, now, envelope);
        return HF_OK;
    }
    if (is_known) {
        r->repeat_answer |= !is_late;
        hf_manager_wake(r->manager);
        return HF_OK;
    }
    bool begins = hf_session_get_state(r->session) == HF_SESSION_NEW;
    uint32_t before = r->offer;
    r->offer = number; /* before the answer is made, which names it */
    hf_err err = hf_session_signal(r->session, now, &envelope->signal);
    if (err != HF_OK) {
        r->offer = before;
        return err;
    }
    r->offer_theirs = number;
    r->origin_theirs = origin_of(envelope->signal.sdp);
    r->announce |= begins;
    note_agreement(r, now, envelope->signal.sdp);
    return HF_OK;
}

/* The open offer has gone out. One that has just been made has no number before it does, and nobody can have answered it. */
static bool is_told(const remote *r)
{
    hf_sdp_type type;
    const char *sdp;
    return hf_peer_local_description(hf_session_peer(r->session), &type, &sdp) == HF_OK &&
           version_of(sdp) == r->version_ours;
}

static hf_err receive_answer(remote *r, hf_time now, const hf_envelope *envelope)
{
    if ((envelope->offer != 0 && envelope->offer != r->offer_ours) || !hf_manager_has_open_offer(r) || !is_told(r))
        return HF_OK; /* to an offer that is no longer open */
    hf_err err = hf_session_signal(r->session, now, &envelope->signal);
    if (err == HF_OK)
        note_agreement(r, now, envelope->signal.sdp);
    else if (!hf_manager_has_open_offer(r)) /* refused, and taken back */
        hf_manager_tell(r, now, HF_RETRY_SETTLED);
    return err;
}

static hf_err receive_by_type(remote *r, hf_time now, const hf_envelope *envelope)
{
    uint32_t number = envelope->offer;
    switch (envelope->signal.type) {
    case HF_SIGNAL_OFFER:
        return receive_offer(r, now, envelope);
    case HF_SIGNAL_ANSWER:
        return receive_answer(r, now, envelope);
    case HF_SIGNAL_CANDIDATE:
    case HF_SIGNAL_END_OF_CANDIDATES:
        if (number != 0 && number != r->offer_ours && number < r->offer_theirs)
            return HF_OK;
        break;
    case HF_SIGNAL_BYE:
        break;
    }
    return hf_session_signal(r->session, now, &envelope->signal);
}

/* Keeps the session's words for what went wrong: a session that its first envelope could not begin is gone afterwards. */
static hf_err receive_known(remote *r, hf_time now, const hf_envelope *envelope)
{
    hf_manager *manager = r->manager;
    if (envelope->offer != 0 && !r->numbers) {
        r->numbers = true;
        if (hf_manager_has_open_offer(r))
            hf_manager_tell(r, now, HF_RETRY_OFFERED); /* from here on it may be repeated */
    }
    hf_err err = receive_by_type(r, now, envelope);
    hf_manager_trace(r, HF_TRACE_MANAGER_ENVELOPE_RECEIVED, hf_trace_text("type", signal_name(envelope->signal.type)),
                     hf_trace_number("offer", envelope->offer), hf_trace_cause(err));
    if (err != HF_OK)
        snprintf(manager->error_text, sizeof manager->error_text, "%s", hf_session_error_text(r->session));
    return err;
}

const char *hf_manager_error_text(const hf_manager *manager)
{
    return manager ? manager->error_text : "";
}

static bool is_well_formed(const hf_signal *signal)
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

static bool is_over(const remote *r)
{
    hf_session_state state = hf_session_get_state(r->session);
    return state == HF_SESSION_FAILED || state == HF_SESSION_CLOSED;
}

hf_err hf_manager_receive(hf_manager *manager, hf_time now, const hf_envelope *envelope)
{
    remote *r;
    if (manager)
        manager->error_text[0] = '\0';
    if (!manager || !envelope || !is_well_formed(&envelope->signal))
        return HF_EINVAL;
    if (envelope->receiver && strcmp(envelope->receiver, manager->peer_id) != 0)
        return HF_EINVAL;
    manager->now = now;
    hf_err err = find_sender(manager, envelope, &r);
    if (err != HF_OK)
        return err;
    if (r && is_over(r)) {
        if (envelope->signal.type != HF_SIGNAL_OFFER || is_known_offer(r, envelope))
            return HF_OK;                       /* late */
        hf_manager_forget(manager, r->session); /* it begins anew */
        r = NULL;
    }
    if (r)
        return receive_known(r, now, envelope);
    if (envelope->signal.type == HF_SIGNAL_ANSWER || envelope->signal.type == HF_SIGNAL_END_OF_CANDIDATES)
        return HF_ENOENT;

    err = hf_manager_add(manager, envelope->sender ? envelope->sender : "", &r);
    if (err != HF_OK)
        return err;
    err = receive_known(r, now, envelope);
    if (err != HF_OK)
        hf_manager_forget(manager, r->session);
    return err;
}
