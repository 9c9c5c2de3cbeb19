/* retry.c: the table of what is tried when, as moments. */
#include "retry.h"

#include <criterion/criterion.h>

#define MOMENTS_MAX 256

typedef struct step_at {
    hf_time at;
    hf_retry_step step;
} step_at;

typedef struct log_of_steps {
    step_at steps[MOMENTS_MAX];
    size_t len;
} log_of_steps;

static void note(log_of_steps *log, hf_time at, hf_retry_step step)
{
    if (step != HF_RETRY_NOTHING && log->len < MOMENTS_MAX)
        log->steps[log->len++] = (step_at){at, step};
}

/* Lets time pass until `until`. */
static void run(hf_retry *retry, hf_time until, log_of_steps *log)
{
    for (hf_time due; (due = hf_retry_deadline(retry)) <= until;)
        note(log, due, hf_retry_tick(retry, due));
}

static void expect(const log_of_steps *log, const step_at *expected, size_t len)
{
    cr_expect_eq(log->len, len, "%zu steps", log->len);
    for (size_t i = 0; i < len && i < log->len; i++) {
        cr_expect_eq(log->steps[i].at, expected[i].at, "step %zu: at %lld us", i, (long long)log->steps[i].at);
        cr_expect_eq(log->steps[i].step, expected[i].step, "step %zu", i);
    }
}

Test(manager_retry, waits_longer_after_each_attempt_that_found_nothing)
{
    static const hf_time restarts_s[] = {0,  3,  7,   13, 23,
                                         41, 73, 105, 137}; /* 2 s of checks and 1, 2, 4, 8, 16, 30, 30, 30 */
    hf_retry retry;
    log_of_steps log = {0};
    hf_retry_init(&retry);
    note(&log, 0, hf_retry_on(&retry, 0, HF_RETRY_UNSTABLE));
    while (log.len < sizeof restarts_s / sizeof *restarts_s) {
        hf_time now = log.steps[log.len - 1].at;
        note(&log, now, hf_retry_on(&retry, now, HF_RETRY_OFFERED));
        note(&log, now, hf_retry_on(&retry, now, HF_RETRY_RESTARTED));
        run(&retry, now + HF_SECONDS(2), &log);
        note(&log, now, hf_retry_on(&retry, now + HF_SECONDS(2), HF_RETRY_LOST));
        run(&retry, hf_retry_deadline(&retry), &log);
    }
    for (size_t i = 0; i < log.len; i++) {
        cr_expect_eq(log.steps[i].at, HF_SECONDS(restarts_s[i]), "restart %zu: at %lld us", i, (long long)log.steps[i].at);
        cr_expect_eq(log.steps[i].step, HF_RETRY_RESTART);
    }
    cr_expect_eq(hf_retry_on(&retry, HF_SECONDS(140), HF_RETRY_CONNECTED), HF_RETRY_NOTHING);
    cr_expect_eq(hf_retry_deadline(&retry), HF_NEVER);
    cr_expect_eq(hf_retry_on(&retry, HF_SECONDS(150), HF_RETRY_UNSTABLE), HF_RETRY_RESTART);
    hf_retry_on(&retry, HF_SECONDS(150), HF_RETRY_RESTARTED);
    hf_retry_on(&retry, HF_SECONDS(152), HF_RETRY_LOST);
    cr_expect_eq(hf_retry_deadline(&retry), HF_SECONDS(153), "a success starts the count again");
}

Test(manager_retry, repeats_an_offer_until_it_is_answered)
{
    static const hf_time expected_ms[] = {500, 1500, 2500, 3500};
    hf_retry retry;
    log_of_steps log = {0};
    hf_retry_init(&retry);
    hf_retry_on(&retry, 0, HF_RETRY_UNSTABLE);
    hf_retry_on(&retry, 0, HF_RETRY_OFFERED);
    run(&retry, HF_SECONDS(400), &log);
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(log.steps[i].at, HF_MS(expected_ms[i]), "repetition %zu: at %lld us", i, (long long)log.steps[i].at);
    for (size_t i = 1; i < log.len; i++) {
        hf_span interval = log.steps[i].at - log.steps[i - 1].at;
        cr_expect_eq(log.steps[i].step, HF_RETRY_REPEAT);
        cr_expect(interval >= HF_SECONDS(1) && interval <= HF_SECONDS(10), "repetition %zu: %lld us", i,
                  (long long)interval);
        cr_expect(interval == HF_SECONDS(1) || interval <= log.steps[i].at / 20, "never more than a twentieth of the time");
    }
    cr_expect_eq(hf_retry_deadline(&retry) - log.steps[log.len - 1].at, HF_SECONDS(10), "in the end each 10 s");
    cr_expect_eq(retry.failures, 0, "nobody has answered: nothing has failed");
    hf_retry_on(&retry, HF_SECONDS(400), HF_RETRY_RESTARTED);
    cr_expect_eq(retry.phase, HF_RETRY_CHECKING);
    cr_expect_eq(hf_retry_deadline(&retry), HF_SECONDS(400) + HF_RETRY_PATIENCE);
}

/* One piece of news after another, each a second after the one before. */
typedef struct turn {
    hf_retry_news news; /* NEWS_COUNT: none; the second only passes */
    hf_retry_step step; /* what follows at once, or during the second */
    hf_retry_phase phase;
} turn;

static void play(const char *why, const turn *turns, size_t len)
{
    hf_retry retry;
    hf_retry_init(&retry);
    for (size_t i = 0; i < len; i++) {
        hf_time now = HF_SECONDS((hf_time)i);
        log_of_steps log = {0};
        if (turns[i].news != HF_RETRY_NEWS_COUNT)
            note(&log, now, hf_retry_on(&retry, now, turns[i].news));
        cr_expect_eq(retry.phase, turns[i].phase, "%s: after turn %zu: %s", why, i, hf_retry_phase_name(retry.phase));
        run(&retry, now + HF_SECONDS(1) - 1, &log);
        hf_retry_step step = log.len > 0 ? log.steps[0].step : HF_RETRY_NOTHING;
        cr_expect_eq(step, turns[i].step, "%s: turn %zu: \"%s\"", why, i, hf_retry_step_name(step));
    }
}

#define PLAY(why, ...) play(why, (const turn[]){__VA_ARGS__}, sizeof((const turn[]){__VA_ARGS__}) / sizeof(turn))

Test(manager_retry, follows_the_news)
{
    PLAY("a path that comes back by itself: the open offer goes on, and is settled",
         {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, HF_RETRY_OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_OFFERING},
         {HF_RETRY_CONNECTED, HF_RETRY_REPEAT, HF_RETRY_STEADY}, {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_STEADY});
    PLAY("the remote saw it first: one restart is enough", {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_STEADY},
         {HF_RETRY_UNSTABLE, HF_RETRY_NOTHING, HF_RETRY_CHECKING}, {HF_RETRY_LOST, HF_RETRY_NOTHING, HF_RETRY_WAITING},
         {HF_RETRY_NEWS_COUNT, HF_RETRY_RESTART, HF_RETRY_WAITING});
    PLAY("an old restart has nothing to do with it", {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_STEADY},
         {HF_RETRY_NEWS_COUNT, HF_RETRY_NOTHING, HF_RETRY_STEADY}, {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, HF_RETRY_OFFERING});
    PLAY("both at once: ours gives way", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, HF_RETRY_OFFERING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_OFFERING}, {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING},
         {HF_RETRY_CONNECTED, HF_RETRY_NOTHING, HF_RETRY_STEADY});
    PLAY("consent ends while the offer is open: nothing has failed, it goes on",
         {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, HF_RETRY_OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_OFFERING},
         {HF_RETRY_LOST, HF_RETRY_REPEAT, HF_RETRY_OFFERING}, {HF_RETRY_LOST, HF_RETRY_REPEAT, HF_RETRY_OFFERING});
    PLAY("a change repeats the open offer at once", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, HF_RETRY_OFFERING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_OFFERING}, {HF_RETRY_CHANGED, HF_RETRY_REPEAT, HF_RETRY_OFFERING});
    PLAY("a change ends a wait", {HF_RETRY_LOST, HF_RETRY_RESTART, HF_RETRY_OFFERING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING}, {HF_RETRY_LOST, HF_RETRY_NOTHING, HF_RETRY_WAITING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING}, {HF_RETRY_LOST, HF_RETRY_NOTHING, HF_RETRY_WAITING},
         {HF_RETRY_CHANGED, HF_RETRY_RESTART, HF_RETRY_OFFERING});
    PLAY("so does an offer of the remote", {HF_RETRY_LOST, HF_RETRY_RESTART, HF_RETRY_OFFERING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING}, {HF_RETRY_LOST, HF_RETRY_NOTHING, HF_RETRY_WAITING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING}, {HF_RETRY_LOST, HF_RETRY_NOTHING, HF_RETRY_WAITING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING});
    PLAY("and one that the application asks for", {HF_RETRY_LOST, HF_RETRY_RESTART, HF_RETRY_OFFERING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING}, {HF_RETRY_LOST, HF_RETRY_NOTHING, HF_RETRY_WAITING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING}, {HF_RETRY_LOST, HF_RETRY_NOTHING, HF_RETRY_WAITING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_OFFERING});
    PLAY("a renegotiation is not what was asked for", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, HF_RETRY_OFFERING},
         {HF_RETRY_SETTLED, HF_RETRY_NOTHING, HF_RETRY_OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_OFFERING},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_CHECKING});
    PLAY("a fall back to a relay is mended beside the data", {HF_RETRY_RELAYED, HF_RETRY_RESTART, HF_RETRY_STEADY},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_STEADY}, {HF_RETRY_RELAYED, HF_RETRY_REPEAT, HF_RETRY_STEADY},
         {HF_RETRY_RESTARTED, HF_RETRY_NOTHING, HF_RETRY_STEADY}, {HF_RETRY_RELAYED, HF_RETRY_NOTHING, HF_RETRY_STEADY});
    PLAY("after the end there is nothing to do", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, HF_RETRY_OFFERING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, HF_RETRY_OFFERING}, {HF_RETRY_OVER, HF_RETRY_NOTHING, HF_RETRY_STEADY},
         {HF_RETRY_NEWS_COUNT, HF_RETRY_NOTHING, HF_RETRY_STEADY});
}

Test(manager_retry, takes_an_unanswered_offer_to_a_plain_peer_for_a_failure)
{
    hf_retry retry;
    log_of_steps log = {0};
    hf_retry_init(&retry);
    hf_retry_on(&retry, 0, HF_RETRY_UNSTABLE);
    hf_retry_on(&retry, 0, HF_RETRY_OFFERED_ONCE);
    run(&retry, HF_SECONDS(30), &log);
    expect(&log, (const step_at[]){{HF_RETRY_PATIENCE + HF_SECONDS(1), HF_RETRY_RESTART}}, 1);
    cr_expect_eq(retry.failures, 1);
}

Test(manager_retry, ends_an_attempt_that_ice_does_not_end)
{
    hf_retry retry;
    log_of_steps log = {0};
    hf_retry_init(&retry);
    hf_retry_on(&retry, 0, HF_RETRY_UNSTABLE);
    hf_retry_on(&retry, 0, HF_RETRY_RESTARTED);
    run(&retry, HF_SECONDS(30), &log);
    expect(&log, (const step_at[]){{HF_RETRY_PATIENCE + HF_SECONDS(1), HF_RETRY_RESTART}}, 1);
}

Test(manager_retry, makes_another_offer_where_the_remote_goes_on_with_its_own)
{
    hf_retry retry;
    hf_retry_init(&retry);
    cr_expect_eq(hf_retry_on(&retry, 0, HF_RETRY_CROSSED), HF_RETRY_NOTHING, "none is open");
    hf_retry_on(&retry, 0, HF_RETRY_UNSTABLE);
    hf_retry_on(&retry, 0, HF_RETRY_OFFERED);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(hf_retry_on(&retry, HF_MS(100), HF_RETRY_CROSSED), HF_RETRY_REPEAT, "they may have crossed on the way");
    cr_expect_eq(hf_retry_tick(&retry, HF_MS(500)), HF_RETRY_REPEAT);
    cr_expect_eq(hf_retry_on(&retry, HF_MS(600), HF_RETRY_CROSSED), HF_RETRY_RENEW);
    hf_retry_on(&retry, HF_MS(600), HF_RETRY_OFFERED);
    cr_expect_eq(hf_retry_on(&retry, HF_MS(700), HF_RETRY_CROSSED), HF_RETRY_REPEAT, "the new one is on its way");
    hf_retry_on(&retry, HF_MS(800), HF_RETRY_RESTARTED);
    cr_expect_eq(hf_retry_on(&retry, HF_MS(900), HF_RETRY_CROSSED), HF_RETRY_NOTHING, "it was answered");
}
