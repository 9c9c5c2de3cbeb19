/* retry.c: when to try what for a session that is not connected: a table, and the door that all changes go through. */
#include "retry.h"

#include <assert.h>

#define ANY ((hf_attempt_phase)(HF_ATTEMPT_WAITING + 1))
#define SAME ANY

/* What must hold besides. */
typedef enum condition {
    ALWAYS = 0,
    FIRST,      /* it was never connected */
    FRESH,      /* both sides have agreed to a restart a moment ago */
    QUIET,      /* no offer is open, and the last restart was long ago */
    MAY_CLIMB,  /* a new connection may do what this attempt could not */
    ON_ITS_WAY, /* our offer has not been repeated yet, or none has crossed it */
    REPEATABLE, /* it may be */
    STALE,      /* that, and it has left long enough ago */
    LOOKING,    /* the last attempt was agreed on: its checks go on */
    RELAYED,    /* data goes by a relay */
    CONDITION_COUNT
} condition;

typedef enum act {
    STAY = 0, /* nothing more */
    OPEN,     /* an attempt begins with an offer that somebody else has made */
    BEGIN,    /* an attempt begins with the step that is its turn */
    CLIMB,    /* with a new connection */
    CHECK,    /* the attempt's time begins */
    FAIL,     /* it is counted, and a wait begins */
    FINISH,   /* failures are forgotten */
    FORGET,   /* everything is */
    SOON,     /* the end of the phase is near */
    BESIDE,   /* a restart beside the data */
    REPEAT,   /* the open offer leaves again */
    RENEW,    /* another one takes its place */
    ACT_COUNT
} act;

typedef struct rule {
    hf_attempt_phase from;
    hf_retry_news news;
    condition when;
    hf_attempt_phase to;
    act act;
    hf_err cause; /* of a failure, where the news bring none */
} rule;

static const rule rules[] = {
    {HF_ATTEMPT_NONE, HF_RETRY_BEGUN, FIRST, HF_ATTEMPT_OFFERING, OPEN, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_RESTARTED, FIRST, HF_ATTEMPT_CHECKING, CHECK, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_UNSTABLE, FRESH, HF_ATTEMPT_CHECKING, CHECK, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_UNSTABLE, ALWAYS, HF_ATTEMPT_OFFERING, BEGIN, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_LOST, FRESH, HF_ATTEMPT_CHECKING, CHECK, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_LOST, ALWAYS, HF_ATTEMPT_OFFERING, BEGIN, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_BROKEN, ALWAYS, HF_ATTEMPT_OFFERING, CLIMB, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_RELAYED, QUIET, SAME, SOON, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_TIMEOUT, RELAYED, HF_ATTEMPT_NONE, BESIDE, HF_OK},
    {HF_ATTEMPT_NONE, HF_RETRY_TIMEOUT, ALWAYS, HF_ATTEMPT_NONE, STAY, HF_OK},

    {HF_ATTEMPT_OFFERING, HF_RETRY_OFFERED, ALWAYS, HF_ATTEMPT_OFFERING, OPEN, HF_OK},
    {HF_ATTEMPT_OFFERING, HF_RETRY_OFFERED_ONCE, ALWAYS, HF_ATTEMPT_OFFERING, OPEN, HF_OK},
    {HF_ATTEMPT_OFFERING, HF_RETRY_RESTARTED, ALWAYS, HF_ATTEMPT_CHECKING, CHECK, HF_OK},
    {HF_ATTEMPT_OFFERING, HF_RETRY_REFUSED, MAY_CLIMB, HF_ATTEMPT_OFFERING, CLIMB, HF_OK},
    {HF_ATTEMPT_OFFERING, HF_RETRY_REFUSED, ALWAYS, HF_ATTEMPT_WAITING, FAIL, HF_EREFUSED},
    {HF_ATTEMPT_OFFERING, HF_RETRY_BROKEN, MAY_CLIMB, HF_ATTEMPT_OFFERING, CLIMB, HF_OK},
    {HF_ATTEMPT_OFFERING, HF_RETRY_IMPOSSIBLE, ALWAYS, HF_ATTEMPT_WAITING, FAIL, HF_ENOMEM},
    {HF_ATTEMPT_OFFERING, HF_RETRY_TIMEOUT, ALWAYS, HF_ATTEMPT_WAITING, FAIL, HF_ETIMEDOUT},

    {HF_ATTEMPT_CHECKING, HF_RETRY_RESTARTED, ALWAYS, HF_ATTEMPT_CHECKING, CHECK, HF_OK},
    {HF_ATTEMPT_CHECKING, HF_RETRY_BROKEN, MAY_CLIMB, HF_ATTEMPT_OFFERING, CLIMB, HF_OK},
    {HF_ATTEMPT_CHECKING, HF_RETRY_BROKEN, ALWAYS, HF_ATTEMPT_WAITING, FAIL, HF_EDTLS},
    {HF_ATTEMPT_CHECKING, HF_RETRY_LOST, ALWAYS, HF_ATTEMPT_WAITING, FAIL, HF_ENOPATH},
    {HF_ATTEMPT_CHECKING, HF_RETRY_TIMEOUT, ALWAYS, HF_ATTEMPT_WAITING, FAIL, HF_ENOPATH},

    {HF_ATTEMPT_WAITING, HF_RETRY_TIMEOUT, ALWAYS, HF_ATTEMPT_OFFERING, BEGIN, HF_OK},
    {HF_ATTEMPT_WAITING, HF_RETRY_CHANGED, LOOKING, SAME, SOON, HF_OK},
    {HF_ATTEMPT_WAITING, HF_RETRY_CHANGED, ALWAYS, HF_ATTEMPT_OFFERING, BEGIN, HF_OK},
    {HF_ATTEMPT_WAITING, HF_RETRY_ASKED, ALWAYS, HF_ATTEMPT_OFFERING, BEGIN, HF_OK},
    {HF_ATTEMPT_WAITING, HF_RETRY_OFFERED, ALWAYS, HF_ATTEMPT_OFFERING, OPEN, HF_OK},
    {HF_ATTEMPT_WAITING, HF_RETRY_OFFERED_ONCE, ALWAYS, HF_ATTEMPT_OFFERING, OPEN, HF_OK},
    {HF_ATTEMPT_WAITING, HF_RETRY_RESTARTED, ALWAYS, HF_ATTEMPT_CHECKING, CHECK, HF_OK},

    {ANY, HF_RETRY_CONNECTED, ALWAYS, HF_ATTEMPT_NONE, FINISH, HF_OK},
    {ANY, HF_RETRY_OVER, ALWAYS, HF_ATTEMPT_NONE, FORGET, HF_OK},
    /* At first our offer may be on its way yet, or it was lost; once more costs little. Later the remote has had it for
     * long, and it is of no use any more: perhaps the answer was lost, and what that described is gone. */
    {ANY, HF_RETRY_CROSSED, ON_ITS_WAY, SAME, REPEAT, HF_OK},
    {ANY, HF_RETRY_CROSSED, STALE, SAME, RENEW, HF_OK},
    {ANY, HF_RETRY_REPEAT_DUE, REPEATABLE, SAME, REPEAT, HF_OK},
};

/* What news mean for the offer that is open: the other half of the machine, which goes on beside the phases. */
static const struct {
    bool opens, may_repeat, closes, hastens;
} offer_news[HF_RETRY_NEWS_COUNT] = {
    [HF_RETRY_OFFERED] = {.opens = true, .may_repeat = true},
    [HF_RETRY_OFFERED_ONCE] = {.opens = true},
    [HF_RETRY_SETTLED] = {.closes = true},
    [HF_RETRY_RESTARTED] = {.closes = true},
    [HF_RETRY_REFUSED] = {.closes = true},
    [HF_RETRY_CHANGED] = {.hastens = true},
    [HF_RETRY_ASKED] = {.hastens = true},
};

/* Promise 2: "each only when the one before cannot help". A restart that was answered and found no path is followed by a new
 * connection; one that was not answered may just not have arrived. */
#define RESTARTS_ANSWERED_MAX 1
#define RESTARTS_MAX 3

/* Envelopes that could not be carried for a while may come all at once. */
#define CROSSING_MIN HF_MS(250)

#define LEN(array) (sizeof(array) / sizeof *(array))

void hf_retry_init(hf_retry *retry, const hf_schedule *schedule, const hf_env *env)
{
    *retry = (hf_retry){.schedule = schedule, .env = env, .due = HF_NEVER, .repeat_at = HF_NEVER, .agreed_at = HF_NEVER};
}

/* --- Conditions ----------------------------------------------------------------------------------------------------- */

static bool was_agreed_within(const hf_retry *retry, hf_time now, hf_span span)
{
    return retry->agreed_at != HF_NEVER && now - retry->agreed_at < span;
}

static bool holds(const hf_retry *retry, hf_time now, condition when)
{
    switch (when) {
    case ALWAYS:
        return true;
    case FIRST:
        return !retry->has_been_connected;
    case FRESH:
        return was_agreed_within(retry, now, HF_RETRY_FRESH);
    case QUIET:
        return !retry->is_open && !was_agreed_within(retry, now, HF_RETRY_RELAYED_MIN);
    case MAY_CLIMB:
        return retry->resumes && retry->step != HF_STEP_RECONNECT;
    case ON_ITS_WAY:
        return retry->repeat_at != HF_NEVER && (retry->repeats == 0 || retry->crossings == 0) &&
               now - retry->said_at >= CROSSING_MIN;
    case REPEATABLE:
        return retry->repeat_at != HF_NEVER;
    case STALE:
        return retry->repeat_at != HF_NEVER && now - retry->offered_at >= hf_schedule_repeat(now - retry->open_since);
    case LOOKING:
        return retry->was_agreed;
    case RELAYED:
        return retry->is_relayed;
    case CONDITION_COUNT:
        break;
    }
    return false;
}

int hf_retry_find_rule(const hf_retry *retry, hf_time now, hf_retry_news news)
{
    for (size_t i = 0; i < LEN(rules); i++) {
        const rule *r = &rules[i];
        if (r->news == news && (r->from == ANY || r->from == retry->phase) && holds(retry, now, r->when))
            return (int)i;
    }
    return -1;
}

/* --- What an attempt is --------------------------------------------------------------------------------------------- */

static hf_attempt_step next_step(const hf_retry *retry)
{
    if (!retry->has_been_connected)
        return HF_STEP_CONNECT;
    bool is_tried = retry->answered >= RESTARTS_ANSWERED_MAX || retry->failures >= RESTARTS_MAX;
    return retry->resumes && (retry->beyond || is_tried) ? HF_STEP_RECONNECT : HF_STEP_RESTART;
}

/* How that is done. An open offer is as good as a new one where the remote takes it once more, and a first one has nothing
 * to go back to. */
static hf_retry_step way_of(const hf_retry *retry, hf_attempt_step step)
{
    if (step == HF_STEP_RECONNECT)
        return retry->is_open && retry->step == step ? HF_RETRY_REPEAT : HF_RETRY_RECONNECT;
    if (retry->is_open && (retry->repeat_at != HF_NEVER || !retry->has_agreed))
        return HF_RETRY_REPEAT;
    if (retry->is_open)
        return HF_RETRY_RENEW;
    return retry->has_agreed ? HF_RETRY_RESTART : HF_RETRY_NOTHING;
}

/* Turns with relays alone are counted by our own attempts: the remote has its own, and what it offers is answered with all
 * that we have, or two sides out of step would never meet. */
static hf_retry_step begin(hf_retry *retry, hf_attempt_step step)
{
    hf_retry_step way = way_of(retry, step);
    retry->step = step;
    if (way != HF_RETRY_REPEAT) {
        retry->is_relay_turn = !retry->was_relay_turn && hf_schedule_has_turns(retry->schedule, retry->answered);
        retry->was_relay_turn = retry->is_relay_turn;
    }
    return way;
}

static void fail(hf_retry *retry, hf_err cause)
{
    retry->was_agreed = retry->phase == HF_ATTEMPT_CHECKING;
    retry->answered += retry->was_agreed;
    retry->failures++;
    retry->cause = cause;
    retry->is_relay_turn = false;
}

/* --- Changes -------------------------------------------------------------------------------------------------------- */

static void enter(hf_retry *retry, hf_time now, hf_attempt_phase next)
{
    if (next != retry->phase)
        retry->since = now;
    retry->phase = next; /* nowhere else is it assigned */
    switch (next) {
    case HF_ATTEMPT_NONE:
        retry->due = HF_NEVER;
        break;
    case HF_ATTEMPT_OFFERING:
        retry->due = now + retry->schedule->attempt;
        break;
    case HF_ATTEMPT_CHECKING:
        retry->due = retry->agreed_at + retry->schedule->attempt;
        break;
    case HF_ATTEMPT_WAITING:
        retry->due = now + hf_schedule_wait(retry->schedule, retry->failures, retry->env);
        break;
    }
}

static void hasten(hf_retry *retry, hf_time now)
{
    hf_time soon = now + (retry->phase == HF_ATTEMPT_NONE ? HF_RETRY_RELAYED_MOMENT : HF_RETRY_CHANGED_MOMENT);
    retry->due = soon < retry->due ? soon : retry->due;
}

static void finish(hf_retry *retry)
{
    retry->failures = retry->answered = 0;
    retry->is_relay_turn = retry->was_relay_turn = false;
    retry->cause = HF_OK;
    retry->beyond = false;
    retry->has_been_connected = true;
    retry->agreed_at = HF_NEVER;
}

/* Before the phase changes. */
static hf_retry_step perform(hf_retry *retry, hf_time now, const rule *r, hf_err cause)
{
    switch (r->act) {
    case BEGIN:
        return begin(retry, next_step(retry));
    case CLIMB:
        retry->beyond = true;
        return begin(retry, HF_STEP_RECONNECT);
    case FAIL:
        fail(retry, cause != HF_OK ? cause : r->cause);
        break;
    case FINISH:
        finish(retry);
        break;
    case FORGET:
        hf_retry_init(retry, retry->schedule, retry->env);
        break;
    case SOON:
        hasten(retry, now);
        break;
    case BESIDE:
        retry->step = HF_STEP_RESTART;
        return HF_RETRY_RESTART;
    case REPEAT:
        retry->said_at = now;
        return HF_RETRY_REPEAT;
    case RENEW: /* it leaves when the session has made it: until then, it counts as if it had */
        retry->offered_at = retry->said_at = now;
        return HF_RETRY_RENEW;
    case OPEN:
        if (retry->phase != HF_ATTEMPT_OFFERING)
            retry->step = next_step(retry);
        break;
    case CHECK:
        if (retry->phase == HF_ATTEMPT_NONE)
            retry->step = retry->has_been_connected ? HF_STEP_RESTART : HF_STEP_CONNECT;
        break;
    case STAY:
    case ACT_COUNT:
        break;
    }
    return HF_RETRY_NOTHING;
}

static void note_offer(hf_retry *retry, hf_time now, hf_retry_news news)
{
    if (offer_news[news].opens) {
        retry->open_since = retry->is_open ? retry->open_since : now;
        retry->repeats = retry->crossings = 0;
        retry->offered_at = retry->said_at = now;
        retry->hastened_at = retry->is_open ? retry->hastened_at : now;
        retry->repeat_at = offer_news[news].may_repeat ? now + HF_SCHEDULE_REPEAT_FIRST : HF_NEVER;
        retry->is_open = true;
    }
    if (offer_news[news].closes) {
        retry->is_open = false;
        retry->repeat_at = HF_NEVER;
    }
    if (offer_news[news].hastens && retry->repeat_at != HF_NEVER)
        retry->hastened_at = retry->repeat_at = now;
}

static void note(hf_retry *retry, hf_time now, hf_retry_news news)
{
    note_offer(retry, now, news);
    retry->crossings += news == HF_RETRY_CROSSED;
    retry->beyond |= news == HF_RETRY_BROKEN;
    if (news == HF_RETRY_RESTARTED) {
        retry->agreed_at = now;
        retry->has_agreed = true;
    }
}

hf_retry_step hf_retry_on(hf_retry *retry, hf_time now, hf_retry_news news, hf_err cause)
{
    int index = hf_retry_find_rule(retry, now, news);
    note(retry, now, news);
    if (index < 0)
        return HF_RETRY_NOTHING;
    const rule *r = &rules[index];
    hf_retry_step step = perform(retry, now, r, cause);
    if (r->to != SAME)
        enter(retry, now, r->to);
    return step;
}

hf_retry_step hf_retry_tick(hf_retry *retry, hf_time now)
{
    if (retry->repeat_at <= now) {
        hf_retry_step step = hf_retry_on(retry, now, HF_RETRY_REPEAT_DUE, HF_OK);
        retry->repeats++;
        retry->repeat_at = now + hf_schedule_repeat(now - retry->hastened_at);
        return step;
    }
    return retry->due <= now ? hf_retry_on(retry, now, HF_RETRY_TIMEOUT, HF_OK) : HF_RETRY_NOTHING;
}

hf_time hf_retry_deadline(const hf_retry *retry)
{
    return retry->due < retry->repeat_at ? retry->due : retry->repeat_at;
}

hf_ice_relay hf_retry_relay(const hf_retry *retry)
{
    return hf_schedule_relay(retry->schedule, retry->failures, retry->is_relay_turn);
}

void hf_retry_describe(const hf_retry *retry, hf_attempt *out)
{
    *out = (hf_attempt){.phase = retry->phase,
                        .step = retry->step,
                        .failures = retry->failures,
                        .relay_only = retry->is_relay_turn,
                        .since = retry->since,
                        .next = retry->phase == HF_ATTEMPT_NONE ? HF_NEVER : retry->due,
                        .cause = retry->cause};
}

/* --- Words ---------------------------------------------------------------------------------------------------------- */

const char *hf_attempt_phase_name(hf_attempt_phase phase)
{
    static const char *const names[] = {[HF_ATTEMPT_NONE] = "none",
                                        [HF_ATTEMPT_OFFERING] = "offering",
                                        [HF_ATTEMPT_CHECKING] = "checking",
                                        [HF_ATTEMPT_WAITING] = "waiting"};
    return (size_t)phase < LEN(names) ? names[phase] : "";
}

const char *hf_attempt_step_name(hf_attempt_step step)
{
    static const char *const names[] = {
        [HF_STEP_CONNECT] = "connect", [HF_STEP_RESTART] = "restart", [HF_STEP_RECONNECT] = "reconnect"};
    return (size_t)step < LEN(names) ? names[step] : "";
}

const char *hf_retry_step_name(hf_retry_step step)
{
    static const char *const names[] = {[HF_RETRY_NOTHING] = "",
                                        [HF_RETRY_REPEAT] = "repeat",
                                        [HF_RETRY_RESTART] = "restart",
                                        [HF_RETRY_RENEW] = "renew",
                                        [HF_RETRY_RECONNECT] = "reconnect"};
    return names[step];
}

static const char *const news_words[HF_RETRY_NEWS_COUNT] = {
    [HF_RETRY_BEGUN] = "the application connects",
    [HF_RETRY_UNSTABLE] = "the path does not answer",
    [HF_RETRY_LOST] = "no path is left, or was found",
    [HF_RETRY_BROKEN] = "the connection broke",
    [HF_RETRY_CONNECTED] = "connected",
    [HF_RETRY_OVER] = "the session is over",
    [HF_RETRY_OFFERED] = "an offer left",
    [HF_RETRY_OFFERED_ONCE] = "an offer left, not to be repeated",
    [HF_RETRY_SETTLED] = "no offer is open",
    [HF_RETRY_RESTARTED] = "both sides have agreed",
    [HF_RETRY_REFUSED] = "the offer was refused",
    [HF_RETRY_CROSSED] = "an offer of the remote crossed ours",
    [HF_RETRY_RELAYED] = "data goes by a relay",
    [HF_RETRY_CHANGED] = "the network changed",
    [HF_RETRY_ASKED] = "the application asks",
    [HF_RETRY_IMPOSSIBLE] = "it could not be begun",
    [HF_RETRY_TIMEOUT] = "time is over",
    [HF_RETRY_REPEAT_DUE] = "time to repeat it",
};

static const char *const condition_words[CONDITION_COUNT] = {
    [ALWAYS] = "",
    [FIRST] = "never connected yet",
    [FRESH] = "a restart was agreed on a moment ago",
    [QUIET] = "no restart was lately",
    [MAY_CLIMB] = "a new connection may help",
    [ON_ITS_WAY] = "it may not have arrived",
    [REPEATABLE] = "the remote takes repetitions",
    [STALE] = "ours left a while ago",
    [LOOKING] = "the last attempt goes on looking",
    [RELAYED] = "data still goes by a relay",
};

static const char *const act_words[ACT_COUNT] = {
    [STAY] = "",
    [OPEN] = "",
    [BEGIN] = "the next step: restart or reconnect",
    [CLIMB] = "reconnect",
    [CHECK] = "",
    [FAIL] = "one more failure",
    [FINISH] = "failures are forgotten",
    [FORGET] = "all is forgotten",
    [SOON] = "in a moment",
    [BESIDE] = "restart beside the data",
    [REPEAT] = "repeat the offer",
    [RENEW] = "another offer in its place",
};

bool hf_retry_get_rule(size_t index, hf_retry_rule *out)
{
    if (index >= LEN(rules))
        return false;
    const rule *r = &rules[index];
    *out = (hf_retry_rule){.from = r->from == ANY ? "any" : hf_attempt_phase_name(r->from),
                           .news = news_words[r->news],
                           .when = condition_words[r->when],
                           .to = r->to == SAME ? "" : hf_attempt_phase_name(r->to),
                           .means = act_words[r->act]};
    return true;
}
