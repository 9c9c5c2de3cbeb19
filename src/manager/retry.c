/* retry.c: when to try what for a session whose path fails. */
#include "retry.h"

/* architecture.md, promise 3: "Failed attempts are followed by waits of 1, 2, 4, 8, 16, 30, 30 … seconds". */
static const hf_span waits[] = {HF_SECONDS(1), HF_SECONDS(2), HF_SECONDS(4), HF_SECONDS(8), HF_SECONDS(16), HF_SECONDS(30)};

/* An envelope may be lost, or the way of all of them be down together with the path: when it is there again, a twentieth of
 * the time that it was not is soon enough. */
#define REPEAT_FIRST HF_MS(500)
#define REPEAT_MIN HF_SECONDS(1)
#define REPEAT_MAX HF_SECONDS(10)
#define REPEAT_FRACTION 20

/* Promise 2: which step an attempt takes, by how many have failed before it; the last row that applies. A new connection
 * that resumes the session gets its row when sessions resume. */
static const struct {
    unsigned failures;
    hf_retry_step step;
} ladder[] = {{0, HF_RETRY_RESTART}};

#define LEN(array) (sizeof(array) / sizeof *(array))

static hf_span repeat_after(const hf_retry *retry, hf_time now)
{
    hf_span span = (now - retry->offered_at) / REPEAT_FRACTION;
    return span < REPEAT_MIN ? REPEAT_MIN : span > REPEAT_MAX ? REPEAT_MAX : span;
}

void hf_retry_init(hf_retry *retry)
{
    *retry = (hf_retry){.due = HF_NEVER, .repeat_at = HF_NEVER, .restarted_at = HF_NEVER};
}

static void enter(hf_retry *retry, hf_retry_phase next, hf_time due)
{
    retry->phase = next;
    retry->due = due;
}

static hf_retry_step begin_attempt(hf_retry *retry)
{
    hf_retry_step step = HF_RETRY_NOTHING;
    for (size_t i = 0; i < LEN(ladder) && ladder[i].failures <= retry->failures; i++)
        step = ladder[i].step;
    enter(retry, HF_RETRY_OFFERING, HF_NEVER);
    return step;
}

void hf_retry_fail(hf_retry *retry, hf_time now)
{
    size_t n = retry->failures < LEN(waits) ? retry->failures : LEN(waits) - 1;
    retry->failures++;
    enter(retry, HF_RETRY_WAITING, now + waits[n]);
}

static hf_retry_step on_trouble(hf_retry *retry, hf_time now)
{
    if (retry->restarted_at == HF_NEVER || now - retry->restarted_at >= HF_RETRY_FRESH)
        return begin_attempt(retry);
    enter(retry, HF_RETRY_CHECKING, retry->restarted_at + HF_RETRY_PATIENCE);
    return HF_RETRY_NOTHING;
}

static hf_retry_step on_lost(hf_retry *retry, hf_time now)
{
    if (retry->phase == HF_RETRY_STEADY)
        return on_trouble(retry, now);
    if (retry->phase == HF_RETRY_CHECKING)
        hf_retry_fail(retry, now);
    return HF_RETRY_NOTHING;
}

/* An offer that the application asked for ends a wait, too. */
static void on_offered(hf_retry *retry, hf_time now, bool may_repeat)
{
    retry->repeats = 0;
    retry->offered_at = now;
    retry->repeat_at = may_repeat ? now + REPEAT_FIRST : HF_NEVER;
    if (retry->phase == HF_RETRY_OFFERING || retry->phase == HF_RETRY_WAITING)
        enter(retry, HF_RETRY_OFFERING, may_repeat ? HF_NEVER : now + HF_RETRY_PATIENCE);
}

static void on_restarted(hf_retry *retry, hf_time now)
{
    retry->restarted_at = now;
    if (retry->phase != HF_RETRY_STEADY)
        enter(retry, HF_RETRY_CHECKING, now + HF_RETRY_PATIENCE);
}

static hf_retry_step on_changed(hf_retry *retry, hf_time now)
{
    if (retry->phase == HF_RETRY_WAITING)
        return begin_attempt(retry);
    if (retry->repeat_at != HF_NEVER)
        retry->offered_at = retry->repeat_at = now;
    return HF_RETRY_NOTHING;
}

/* At first our offer may be on its way yet; once more costs little. Later the remote has had it for long, and it is of no
 * use any more: perhaps the answer was lost, and what that described is gone. */
static hf_retry_step on_crossed(const hf_retry *retry)
{
    if (retry->repeat_at == HF_NEVER)
        return HF_RETRY_NOTHING;
    return retry->repeats == 0 ? HF_RETRY_REPEAT : HF_RETRY_RENEW;
}

/* architecture.md, promise 4: a direct path is preferred again. The restart goes on beside the data. */
static hf_retry_step on_relayed(const hf_retry *retry, hf_time now)
{
    bool was_lately = retry->restarted_at != HF_NEVER && now - retry->restarted_at < HF_RETRY_RELAYED_MIN;
    return retry->phase == HF_RETRY_STEADY && retry->repeat_at == HF_NEVER && !was_lately ? HF_RETRY_RESTART
                                                                                          : HF_RETRY_NOTHING;
}

hf_retry_step hf_retry_on(hf_retry *retry, hf_time now, hf_retry_news news)
{
    switch (news) {
    case HF_RETRY_UNSTABLE:
        return retry->phase == HF_RETRY_STEADY ? on_trouble(retry, now) : HF_RETRY_NOTHING;
    case HF_RETRY_LOST:
        return on_lost(retry, now);
    case HF_RETRY_CONNECTED: /* an offer may be open all the same */
        retry->failures = 0;
        retry->restarted_at = HF_NEVER;
        enter(retry, HF_RETRY_STEADY, HF_NEVER);
        break;
    case HF_RETRY_OVER:
        hf_retry_init(retry);
        break;
    case HF_RETRY_OFFERED:
    case HF_RETRY_OFFERED_ONCE:
        on_offered(retry, now, news == HF_RETRY_OFFERED);
        break;
    case HF_RETRY_RESTARTED:
        on_restarted(retry, now);
        retry->repeat_at = HF_NEVER;
        break;
    case HF_RETRY_SETTLED:
        retry->repeat_at = HF_NEVER;
        break;
    case HF_RETRY_RELAYED:
        return on_relayed(retry, now);
    case HF_RETRY_CROSSED:
        return on_crossed(retry);
    case HF_RETRY_CHANGED:
        return on_changed(retry, now);
    case HF_RETRY_NEWS_COUNT:
        break;
    }
    return HF_RETRY_NOTHING;
}

hf_retry_step hf_retry_tick(hf_retry *retry, hf_time now)
{
    if (retry->repeat_at <= now) {
        retry->repeats++;
        retry->repeat_at = now + repeat_after(retry, now);
        return HF_RETRY_REPEAT;
    }
    if (retry->due > now)
        return HF_RETRY_NOTHING;
    if (retry->phase == HF_RETRY_WAITING)
        return begin_attempt(retry);
    hf_retry_fail(retry, now);
    return HF_RETRY_NOTHING;
}

hf_time hf_retry_deadline(const hf_retry *retry)
{
    return retry->due < retry->repeat_at ? retry->due : retry->repeat_at;
}

const char *hf_retry_phase_name(hf_retry_phase phase)
{
    static const char *const names[] = {[HF_RETRY_STEADY] = "steady",
                                        [HF_RETRY_OFFERING] = "offering",
                                        [HF_RETRY_CHECKING] = "checking",
                                        [HF_RETRY_WAITING] = "waiting"};
    return names[phase];
}

const char *hf_retry_step_name(hf_retry_step step)
{
    static const char *const names[] = {
        [HF_RETRY_NOTHING] = "", [HF_RETRY_REPEAT] = "repeat", [HF_RETRY_RESTART] = "restart", [HF_RETRY_RENEW] = "renew"};
    return names[step];
}
