/* offer.c: the offers and answers of one remote, ours and its own. An answer and each candidate name the offer that they
 * belong to, so that what is late, repeated or crossed costs time, never correctness. */
#include "glare.h"
#include "manager_priv.h"

#include <stdio.h>
#include <string.h>

/* A remote may have made connections that we never heard of, one in each attempt of a long outage; but one that names a
 * generation far ahead would leave us no numbers. Before the first handshake nobody vouches for that of ours either. */
#define GENERATION_LEAP_MAX 65536
#define GENERATION_FIRST_MAX 0x7FFFFFFF

/* The same of the numbers of its offers: of one far ahead all that follow would come late. A maker that is not known yet may
 * have made many. */
#define OFFER_LEAP_MAX 65536
#define OFFER_FIRST_MAX 0x7FFFFFFF

bool hf_manager_is_plain(const remote *r)
{
    return !r->numbers;
}

bool hf_manager_has_open_offer(const remote *r)
{
    return hf_session_open_offer(r->session) != 0;
}

/* --- Names for descriptions: hashes of their lines --- */

/* FNV-1a over the first words of a text, up to the end of its line. */
static uint64_t hash_of_words(const char *at, int words)
{
    uint64_t hash = 14695981039346656037u;
    for (; *at && *at != '\r' && *at != '\n' && words > 0; at++) {
        hash = (hash ^ (uint8_t)*at) * 1099511628211u;
        words -= *at == ' ';
    }
    return hash;
}

static uint64_t hash_of_line(const char *sdp, const char *begins, int words)
{
    const char *at = strstr(sdp, begins);
    return hash_of_words(at ? at + strlen(begins) : "", words);
}

/* RFC 8866 §5.2: user name, session id and version name a description among all that there are. */
static uint64_t version_of(const char *sdp)
{
    return hash_of_line(sdp, "\no=", 3);
}

/* RFC 8839 §5.4: a description of ours has one user fragment. */
static uint64_t credentials_of(const char *sdp)
{
    return hash_of_line(sdp, "\na=ice-ufrag:", 1);
}

/* Who made an offer: a session says so; otherwise user name and session id of the o= line do, which later versions keep. */
static uint64_t maker_of(const hf_envelope *envelope)
{
    return envelope->session ? hash_of_words(envelope->session, 1) : hash_of_line(envelope->signal.sdp, "\no=", 2);
}

/* --- Ours: what has been told, and to which offer it belongs --- */

static told tell_of(const char *sdp, uint32_t offer, const char *session)
{
    told is = {.version = version_of(sdp), .credentials = credentials_of(sdp), .offer = offer};
    snprintf(is.session, sizeof is.session, "%s", session ? session : "");
    return is;
}

static void note_told(remote *r, const char *sdp, uint32_t offer, const char *session)
{
    memmove(&r->told[1], &r->told[0], (TOLD_MAX - 1) * sizeof r->told[0]);
    r->told[0] = tell_of(sdp, offer, session);
}

static const told *find_told(const remote *r, const hf_signal *signal)
{
    uint64_t version = signal->sdp ? version_of(signal->sdp) : 0;
    uint64_t credentials = signal->ufrag ? hash_of_words(signal->ufrag, 1) : 0;
    for (int i = 0; i < TOLD_MAX; i++) {
        if (signal->sdp ? r->told[i].version == version : r->told[i].credentials == credentials)
            return &r->told[i];
    }
    return NULL;
}

static void send_told(remote *r, const hf_signal *signal)
{
    const told *belongs = find_told(r, signal);
    if (!belongs) /* it is not said what it belongs to: to the last */
        belongs = &r->told[0];
    hf_manager_send(r, signal, belongs->offer, belongs->session);
}

/* Of two sessions of the remote, an offer of each may be taken: both may bear one number. */
static bool answers_last(const remote *r, const told *answer)
{
    const maker *last = &r->makers[0];
    return answer->offer == last->offer && (answer->session[0] == '\0' || hash_of_words(answer->session, 1) == last->id);
}

/* Our offer that got no answer, or the answer to an offer that came again: the same description, with all candidates so far.
 * Without trickling, not before it holds them all: then it goes out for the first time. */
void hf_manager_repeat(remote *r, hf_signal_type wanted)
{
    hf_signal signal;
    bool waits;
    for (size_t i = 0; i < HF_SESSION_DESCRIPTIONS; i++) {
        if (!hf_session_description(r->session, i, &signal, &waits) || waits || signal.type != wanted)
            continue;
        const told *belongs = find_told(r, &signal);
        if (belongs && (wanted == HF_SIGNAL_OFFER || answers_last(r, belongs))) {
            send_told(r, &signal); /* its handler may forget the session */
            return;
        }
    }
}

/* The remote's offer came again, and it stands in the way of ours: whoever waits for an answer takes no offer that is to
 * give way. A restart of ours that asks for its turn leaves again behind the answer. */
void hf_manager_give_way_if_due(remote *r, hf_time now)
{
    bool is_due = r->gives_way && hf_manager_has_open_offer(r);
    r->gives_way = false;
    if (is_due && hf_session_withdraw_offer(r->session, now) == HF_OK)
        hf_manager_tell(r, now, HF_RETRY_SETTLED);
}

/* --- Theirs --- */

static const maker *find_maker(const remote *r, uint64_t id)
{
    for (int i = 0; i < MAKERS_MAX; i++) {
        if (r->makers[i].id == id)
            return &r->makers[i];
    }
    return NULL;
}

static const maker *known_maker(const remote *r, const hf_envelope *envelope)
{
    return find_maker(r, maker_of(envelope));
}

/* The last maker stands first. */
static void note_maker(remote *r, maker last)
{
    const maker *known = find_maker(r, last.id);
    size_t before = known ? (size_t)(known - r->makers) : MAKERS_MAX - 1;
    memmove(&r->makers[1], &r->makers[0], before * sizeof r->makers[0]);
    r->makers[0] = last;
    r->doubts_last = false;
}

static void note_offer(remote *r, const hf_envelope *envelope)
{
    note_maker(r, (maker){.id = maker_of(envelope), .offer = envelope->offer});
}

bool hf_manager_is_last_offer(const remote *r, const hf_envelope *envelope)
{
    return envelope->offer != 0 && envelope->offer == r->makers[0].offer && maker_of(envelope) == r->makers[0].id;
}

/* Not newer than one of its maker that was taken. Numbers of different makers, as after the remote was started again, mean
 * nothing beside each other; but what an older one said before that comes late. */
bool hf_manager_is_known_offer(const remote *r, const hf_envelope *envelope)
{
    const maker *known = known_maker(r, envelope);
    return known && envelope->offer != 0 && envelope->offer <= known->offer;
}

/* Of the session that we are with, it is open as long as it is said, whatever somebody else has offered since. */
static bool is_newest_of_maker(const remote *r, const hf_envelope *envelope)
{
    const maker *known = known_maker(r, envelope);
    return known && envelope->offer == known->offer;
}

bool hf_manager_is_late_candidate(const remote *r, const hf_envelope *envelope)
{
    uint32_t number = envelope->offer;
    return number != 0 && number != r->offer_ours && number < r->makers[0].offer;
}

/* --- Which of two holds --- */

/* session.md, "Signalling": the lower peer id is polite and gives way; where there are none, the lower session id. A plain
 * peer is never asked for it. */
static bool is_polite(const remote *r, const hf_envelope *envelope)
{
    const char *theirs = r->id[0] ? r->id : envelope->sender;
    if (hf_manager_is_plain(r))
        return true;
    if (theirs)
        return strcmp(r->manager->peer_id, theirs) < 0;
    return !envelope->session || strcmp(hf_session_id(r->session), envelope->session) < 0;
}

static bool is_same(const char *id, const char *known)
{
    return id && *id && strcmp(id, known) == 0;
}

/* To the last offer. */
static bool has_answer(const remote *r)
{
    hf_signal ours;
    bool waits;
    for (size_t i = 0; i < HF_SESSION_DESCRIPTIONS; i++) {
        bool is_answer = hf_session_description(r->session, i, &ours, &waits) && ours.type == HF_SIGNAL_ANSWER;
        const told *known = is_answer ? find_told(r, &ours) : NULL;
        if (known && answers_last(r, known))
            return true;
    }
    return false;
}

static hf_glare glare_of(const remote *r, const hf_envelope *envelope)
{
    hf_glare glare = {.repeated = hf_manager_is_last_offer(r, envelope),
                      .ours_open = hf_manager_has_open_offer(r),
                      .polite = is_polite(r, envelope),
                      .same_pair = is_same(envelope->session, hf_session_remote_id(r->session)) &&
                                   is_same(envelope->remote_session, hf_session_id(r->session)),
                      .ours_is_vain = envelope->session && !hf_session_may_answer(r->session, envelope->session),
                      .ours_generation = hf_session_open_offer(r->session),
                      .theirs_generation = envelope->signal.generation};
    glare.late = hf_manager_is_known_offer(r, envelope) && !glare.repeated && !r->doubts_last &&
                 !(glare.same_pair && is_newest_of_maker(r, envelope));
    glare.answer_is_gone = glare.repeated && !has_answer(r);
    return glare;
}

/* --- What is agreed --- */

/* The remote's description holds: whether ICE begins with it, or anew, is seen by its credentials (RFC 8839 §4.4.1.1.1). */
static void note_agreement(remote *r, hf_time now, uint64_t credentials)
{
    uint64_t before = r->credentials_theirs;
    r->credentials_theirs = credentials;
    hf_manager_tell(r, now, before != r->credentials_theirs ? HF_RETRY_RESTARTED : HF_RETRY_SETTLED);
}

/* Our open offer is the one that holds: the remote takes its own back, when ours has come there, and answers. Its own may
 * come again. The first offers of a session are only repeated: there is nothing yet to go back to. */
static void insist(remote *r, hf_time now, const hf_envelope *envelope)
{
    note_offer(r, envelope);
    if (r->credentials_theirs != 0)
        hf_manager_tell(r, now, HF_RETRY_CROSSED);
}

/* The answer names the offer; it may have to wait for candidates, and another offer may come first. */
static void note_answer(remote *r, const hf_envelope *envelope)
{
    hf_signal ours;
    bool waits;
    for (size_t i = 0; i < HF_SESSION_DESCRIPTIONS; i++) {
        bool is_answer = hf_session_description(r->session, i, &ours, &waits) && ours.type == HF_SIGNAL_ANSWER;
        if (is_answer && !find_told(r, &ours))
            note_told(r, ours.sdp, envelope->offer, envelope->session);
    }
}

/* The application has accepted who made the offer that this answers (hf_session_accept_identity). */
static void note_accepted(remote *r, hf_time now, const char *answer)
{
    note_told(r, answer, r->waiting.offer, r->waiting.session);
    note_maker(r, (maker){.id = r->waiting_maker, .offer = r->waiting.offer});
    note_agreement(r, now, r->waiting.credentials);
}

void hf_manager_on_signal(void *context, hf_session *session, const hf_session_event *event)
{
    remote *r = context;
    if (event->u.signal.type == HF_SIGNAL_OFFER) { /* the first, or a later one: each has a number of its own */
        note_told(r, event->u.signal.sdp, ++r->offer_ours, hf_session_remote_id(session));
        r->repeat_offer = false;
        hf_manager_tell(r, hf_session_now(session), hf_manager_is_plain(r) ? HF_RETRY_OFFERED_ONCE : HF_RETRY_OFFERED);
    }
    if (event->u.signal.type == HF_SIGNAL_ANSWER && !find_told(r, &event->u.signal))
        note_accepted(r, hf_session_now(session), event->u.signal.sdp);
    send_told(r, &event->u.signal);
}

/* What became of our offer without a word: its connection broke, or the application has accepted who answered it. */
void hf_manager_mind_open_offer(remote *r, hf_time now)
{
    hf_peer *peer = hf_session_newest_peer(r->session);
    hf_sdp_type type;
    const char *sdp;
    if (hf_manager_has_open_offer(r))
        return;
    if (peer && hf_peer_get_description(peer, HF_CURRENT_REMOTE_DESCRIPTION, &type, &sdp) == HF_OK)
        note_agreement(r, now, credentials_of(sdp));
    else
        hf_manager_tell(r, now, HF_RETRY_SETTLED);
}

static hf_err take_offer(remote *r, hf_time now, const hf_envelope *envelope)
{
    bool begins = hf_session_get_state(r->session) == HF_SESSION_NEW;
    hf_err err = hf_session_signal(r->session, now, &envelope->signal);
    if (err == HF_EIDENTITY) {
        r->waiting = tell_of(envelope->signal.sdp, envelope->offer, envelope->session);
        r->waiting_maker = maker_of(envelope);
    }
    if (err != HF_OK)
        return err;
    note_answer(r, envelope);
    note_offer(r, envelope);
    if (begins) {
        hf_manager_unlist(r, LIST_EARLY);
        r->announce = true;
        hf_manager_list(r, LIST_ERRANDS);
    }
    note_agreement(r, now, credentials_of(envelope->signal.sdp));
    return HF_OK;
}

static bool is_far_ahead(const remote *r, const hf_envelope *envelope)
{
    const maker *known = known_maker(r, envelope);
    return known ? envelope->offer > known->offer && envelope->offer - known->offer > OFFER_LEAP_MAX
                 : envelope->offer > OFFER_FIRST_MAX;
}

static bool is_connection_far_ahead(const remote *r, const hf_glare *glare)
{
    bool is_known = glare->same_pair && r->retry.has_been_connected;
    uint32_t most = is_known ? hf_session_generation(r->session) + GENERATION_LEAP_MAX : GENERATION_FIRST_MAX;
    return glare->theirs_generation > most;
}

hf_err hf_manager_receive_offer(remote *r, hf_time now, const hf_envelope *envelope)
{
    if (is_far_ahead(r, envelope))
        return hf_manager_refuse(r->manager, HF_EINVAL, "there can't have been as many offers");
    hf_glare glare = glare_of(r, envelope);
    if (is_connection_far_ahead(r, &glare))
        return hf_manager_refuse(r->manager, HF_EINVAL, "there can't have been as many connections");
    hf_glare_verdict verdict = hf_glare_judge(&glare);
    switch (verdict) {
    case HF_GLARE_TAKE:
        return take_offer(r, now, envelope);
    case HF_GLARE_ANSWER:
    case HF_GLARE_GIVE_WAY:
        r->repeat_answer = true;
        r->gives_way = verdict == HF_GLARE_GIVE_WAY;
        hf_manager_list(r, LIST_ERRANDS);
        hf_manager_wake(r->manager);
        break;
    case HF_GLARE_INSIST:
        insist(r, now, envelope);
        break;
    case HF_GLARE_WITHDRAW:
        hf_session_withdraw_restart(r->session, now);
        hf_manager_tell(r, now, HF_RETRY_REFUSED);
        break;
    case HF_GLARE_IGNORE:
        break;
    }
    return HF_OK;
}

/* It names an offer that is open and has gone out. One that has just been made has no number before it does, and nobody can
 * have answered it. */
static bool is_answer_wanted(const remote *r, const hf_envelope *envelope)
{
    hf_signal ours;
    bool waits;
    for (size_t i = 0; i < HF_SESSION_DESCRIPTIONS; i++) {
        bool is_offer = hf_session_description(r->session, i, &ours, &waits) && ours.type == HF_SIGNAL_OFFER;
        const told *known = is_offer ? find_told(r, &ours) : NULL;
        if (known && (envelope->offer == 0 || envelope->offer == known->offer))
            return true;
    }
    return false;
}

hf_err hf_manager_receive_answer(remote *r, hf_time now, const hf_envelope *envelope)
{
    if (!is_answer_wanted(r, envelope))
        return HF_OK; /* to an offer that is no longer open */
    hf_err err = hf_session_signal(r->session, now, &envelope->signal);
    if (err == HF_OK)
        note_agreement(r, now, credentials_of(envelope->signal.sdp));
    else if (!hf_manager_has_open_offer(r)) /* refused, and taken back */
        hf_manager_tell(r, now, HF_RETRY_REFUSED);
    return err;
}

bool hf_manager_would_take(const remote *r, const hf_envelope *envelope)
{
    hf_glare glare;
    switch (envelope->signal.type) {
    case HF_SIGNAL_OFFER:
        glare = glare_of(r, envelope);
        return hf_glare_judge(&glare) == HF_GLARE_TAKE;
    case HF_SIGNAL_ANSWER:
        return is_answer_wanted(r, envelope);
    case HF_SIGNAL_CANDIDATE:
    case HF_SIGNAL_END_OF_CANDIDATES:
    case HF_SIGNAL_BYE:
        break;
    }
    return false;
}
