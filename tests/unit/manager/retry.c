/* retry.c: the table of what is tried when, as moments. */
#include "retry.h"

#include "env.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define MOMENTS_MAX 512
#define RULES_MAX 64

/* A machine with a schedule, and which of its rules have been taken. */
typedef struct subject {
    hf_schedule schedule;
    hf_retry retry;
    bool was_taken[RULES_MAX];
} subject;

static subject *fresh_with(const hf_retry_config *config)
{
    static subject s;
    memset(&s, 0, sizeof s);
    cr_assert_eq(hf_schedule_init(&s.schedule, &(hf_manager_config){.retry = *config}), HF_OK);
    hf_retry_init(&s.retry, &s.schedule, NULL);
    s.retry.has_agreed = s.retry.has_been_connected = true;
    return &s;
}

static subject *fresh(void)
{
    return fresh_with(&(hf_retry_config){0});
}

static hf_retry_step hear(subject *s, hf_time now, hf_retry_news news)
{
    int rule = hf_retry_find_rule(&s->retry, now, news);
    if (rule >= 0)
        s->was_taken[rule] = true;
    return hf_retry_on(&s->retry, now, news, HF_OK);
}

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
static void run(subject *s, hf_time until, log_of_steps *log)
{
    for (hf_time due; (due = hf_retry_deadline(&s->retry)) <= until;) {
        hf_retry_news news = s->retry.repeat_at <= due ? HF_RETRY_REPEAT_DUE : HF_RETRY_TIMEOUT;
        int rule = hf_retry_find_rule(&s->retry, due, news);
        if (rule >= 0)
            s->was_taken[rule] = true;
        note(log, due, hf_retry_tick(&s->retry, due));
    }
}

static void expect(const log_of_steps *log, const step_at *expected, size_t len)
{
    cr_expect_eq(log->len, len, "%zu steps", log->len);
    for (size_t i = 0; i < len && i < log->len; i++) {
        cr_expect_eq(log->steps[i].at, expected[i].at, "step %zu: at %lld us", i, (long long)log->steps[i].at);
        cr_expect_eq(log->steps[i].step, expected[i].step, "step %zu: %s", i, hf_retry_step_name(log->steps[i].step));
    }
}

/* --- Schedules, as expected moments ------------------------------------------------------------------------------------ */

#define SCHEDULE_MAX 16

typedef struct schedule_case {
    const char *why;
    hf_retry_config config;
    bool resumes;
    hf_span checks; /* how long each attempt's checks take to fail by themselves; 0: they don't */
    hf_retry_step second;
    hf_time begun_s[SCHEDULE_MAX]; /* when each attempt begins, in seconds */
} schedule_case;

static const hf_span two_waits[] = {HF_SECONDS(3), HF_SECONDS(5)};

static const schedule_case schedules[] = {
    {"found hopeless after 2 s each: waits of 1, 2, 4, 8, 16, 30, 30 s",
     {0},
     false,
     HF_SECONDS(2),
     HF_RETRY_RESTART,
     {0, 3, 7, 13, 23, 41, 73, 105, 137}},
    {"ended by the attempt's own limit of 8 s", {0}, false, 0, HF_RETRY_RESTART, {0, 9, 19, 31, 47, 71, 109, 147, 185}},
    {"the second step is a new connection", {0}, true, 0, HF_RETRY_RECONNECT, {0, 9, 19, 31, 47, 71, 109, 147, 185}},
    {"another schedule, another limit",
     {.waits = two_waits, .waits_len = 2, .attempt = HF_SECONDS(4)},
     false,
     0,
     HF_RETRY_RESTART,
     {0, 7, 16, 25, 34}},
};

static void keep_schedule(const schedule_case *c)
{
    subject *s = fresh_with(&c->config);
    hf_time now = 0;
    s->retry.resumes = c->resumes;
    hf_retry_step step = hear(s, 0, HF_RETRY_UNSTABLE);
    for (size_t i = 0; i < SCHEDULE_MAX && (i == 0 || c->begun_s[i] > 0); i++) {
        log_of_steps log = {0};
        cr_expect_eq(now, HF_SECONDS(c->begun_s[i]), "%s: attempt %zu: at %lld us", c->why, i, (long long)now);
        cr_expect_eq(step, i == 0 ? HF_RETRY_RESTART : c->second, "%s: attempt %zu", c->why, i);
        cr_expect_eq(s->retry.failures, i, "%s", c->why);
        hear(s, now, HF_RETRY_OFFERED);
        hear(s, now, HF_RETRY_RESTARTED);
        if (c->checks > 0) {
            run(s, now + c->checks, &log);
            note(&log, now, hear(s, now + c->checks, HF_RETRY_LOST));
        }
        while (log.len == 0)
            run(s, hf_retry_deadline(&s->retry), &log);
        now = log.steps[0].at;
        step = log.steps[0].step;
    }
    hear(s, now, HF_RETRY_CONNECTED);
    cr_expect_eq(hf_retry_deadline(&s->retry), HF_NEVER, "%s", c->why);
    hear(s, now + HF_SECONDS(10), HF_RETRY_UNSTABLE);
    hear(s, now + HF_SECONDS(10), HF_RETRY_RESTARTED);
    hear(s, now + HF_SECONDS(12), HF_RETRY_LOST);
    cr_expect_eq(hf_retry_deadline(&s->retry), now + HF_SECONDS(12) + s->schedule.waits[0],
                 "%s: a success starts the count again", c->why);
}

Test(manager_retry, keeps_its_schedule)
{
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++)
        keep_schedule(&schedules[i]);
}

Test(manager_retry, meets_the_full_schedule_where_the_remote_is_offline)
{
    static const hf_time failed_s[] = {8, 17, 27, 39, 55, 79, 117}; /* 8 s each, and 1, 2, 4, 8, 16, 30 between */
    subject *s = fresh();
    hear(s, 0, HF_RETRY_UNSTABLE);
    hear(s, 0, HF_RETRY_OFFERED);
    for (size_t i = 0; i < sizeof failed_s / sizeof *failed_s; i++) {
        log_of_steps log = {0};
        run(s, HF_SECONDS(failed_s[i]), &log);
        cr_expect_eq(s->retry.phase, HF_ATTEMPT_WAITING, "attempt %zu", i);
        cr_expect_eq(s->retry.failures, i + 1);
        cr_expect_eq(s->retry.since, HF_SECONDS(failed_s[i]));
        cr_expect_eq(s->retry.cause, HF_ETIMEDOUT);
    }
    cr_expect_eq(s->retry.answered, 0);
    hear(s, HF_SECONDS(120), HF_RETRY_RESTARTED);
    cr_expect_eq(s->retry.phase, HF_ATTEMPT_CHECKING, "an answer is never too late");
}

Test(manager_retry, makes_waits_longer_at_random_where_asked_to)
{
    test_env env;
    const hf_env *random = test_env_init(&env, 7);
    subject *s = fresh_with(&(hf_retry_config){.jitter = 50});
    hf_span least = HF_NEVER, most = 0;
    for (int i = 0; i < 1000; i++) {
        hf_span wait = hf_schedule_wait(&s->schedule, 3, random);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    cr_expect(least >= HF_SECONDS(4) && least < HF_MS(4100), "%lld us", (long long)least);
    cr_expect(most <= HF_SECONDS(6) && most > HF_MS(5900), "%lld us", (long long)most);
    cr_expect_eq(hf_schedule_wait(&fresh()->schedule, 3, NULL), HF_SECONDS(4), "none is the default");
}

Test(manager_retry, repeats_an_offer_until_it_is_answered)
{
    static const hf_time expected_ms[] = {500, 1500, 2500, 3500};
    subject *s = fresh();
    log_of_steps log = {0};
    hear(s, 0, HF_RETRY_UNSTABLE);
    hear(s, 0, HF_RETRY_OFFERED);
    run(s, HF_MS(7900), &log);
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(log.steps[i].at, HF_MS(expected_ms[i]), "repetition %zu: at %lld us", i, (long long)log.steps[i].at);
    run(s, HF_SECONDS(500), &log);
    for (size_t i = 1; i < log.len; i++) {
        hf_span interval = log.steps[i].at - log.steps[i - 1].at;
        cr_expect_eq(log.steps[i].step, HF_RETRY_REPEAT);
        cr_expect_leq(interval, HF_SECONDS(10), "repetition %zu: %lld us", i, (long long)interval);
        cr_expect(interval <= HF_SECONDS(1) || interval <= log.steps[i].at / 40, "never more than a fortieth of the time");
    }
    cr_expect_eq(s->retry.repeat_at - log.steps[log.len - 1].at, HF_SECONDS(10), "in the end each 10 s");
    hear(s, HF_SECONDS(500), HF_RETRY_RESTARTED);
    cr_expect_eq(s->retry.phase, HF_ATTEMPT_CHECKING);
    cr_expect_eq(hf_retry_deadline(&s->retry), HF_SECONDS(500) + HF_RETRY_ATTEMPT);
}

/* --- News, one after another ------------------------------------------------------------------------------------------ */

/* Each a second after the one before. */
typedef struct turn {
    hf_retry_news news; /* NEWS_COUNT: none; the second only passes */
    hf_retry_step step; /* what follows at once, or during the second */
    hf_attempt_phase phase;
} turn;

static bool taken[RULES_MAX];

static void play_on(subject *s, const char *why, const turn *turns, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hf_time now = HF_SECONDS((hf_time)i);
        log_of_steps log = {0};
        if (turns[i].news != HF_RETRY_NEWS_COUNT)
            note(&log, now, hear(s, now, turns[i].news));
        cr_expect_eq(s->retry.phase, turns[i].phase, "%s: after turn %zu: %s", why, i,
                     hf_attempt_phase_name(s->retry.phase));
        run(s, now + HF_SECONDS(1) - 1, &log);
        hf_retry_step step = log.len > 0 ? log.steps[0].step : HF_RETRY_NOTHING;
        cr_expect_eq(step, turns[i].step, "%s: turn %zu: \"%s\"", why, i, hf_retry_step_name(step));
    }
    for (size_t i = 0; i < RULES_MAX; i++)
        taken[i] |= s->was_taken[i];
}

#define TURNS(...) (const turn[]){__VA_ARGS__}, sizeof((const turn[]){__VA_ARGS__}) / sizeof(turn)
#define PLAY(why, ...) play_on(fresh(), why, TURNS(__VA_ARGS__))

static subject *resuming(void)
{
    subject *s = fresh();
    s->retry.resumes = true;
    return s;
}

static subject *relayed(void)
{
    subject *s = resuming();
    s->retry.step = HF_STEP_RECONNECT; /* by which it was connected last */
    s->retry.is_relayed = true;
    return s;
}

static subject *never_connected(void)
{
    subject *s = fresh();
    s->retry.has_agreed = s->retry.has_been_connected = false;
    return s;
}

#define NONE HF_ATTEMPT_NONE
#define OFFERING HF_ATTEMPT_OFFERING
#define CHECKING HF_ATTEMPT_CHECKING
#define WAITING HF_ATTEMPT_WAITING
#define NOTHING HF_RETRY_NOTHING
#define SECOND HF_RETRY_NEWS_COUNT

static void play_restarts(void)
{
    PLAY("a path that comes back by itself: the open offer goes on, and is settled",
         {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
         {HF_RETRY_CONNECTED, HF_RETRY_REPEAT, NONE}, {HF_RETRY_RESTARTED, NOTHING, NONE});
    PLAY("the remote saw it first: one restart is enough", {HF_RETRY_RESTARTED, NOTHING, NONE},
         {HF_RETRY_UNSTABLE, NOTHING, CHECKING}, {HF_RETRY_LOST, NOTHING, WAITING}, {SECOND, HF_RETRY_RESTART, WAITING});
    PLAY("the same, where it is lost at once", {HF_RETRY_RESTARTED, NOTHING, NONE}, {HF_RETRY_LOST, NOTHING, CHECKING});
    PLAY("an old restart has nothing to do with it", {HF_RETRY_RESTARTED, NOTHING, NONE}, {SECOND, NOTHING, NONE},
         {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING});
    PLAY("both at once: ours gives way", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING}, {HF_RETRY_RESTARTED, NOTHING, CHECKING},
         {HF_RETRY_CONNECTED, NOTHING, NONE});
    PLAY("consent ends while the offer is open: nothing has failed, it goes on",
         {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
         {HF_RETRY_LOST, HF_RETRY_REPEAT, OFFERING}, {HF_RETRY_LOST, HF_RETRY_REPEAT, OFFERING});
    PLAY("a renegotiation is not what was asked for", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_SETTLED, NOTHING, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
         {HF_RETRY_RESTARTED, NOTHING, CHECKING});
    PLAY("the remote restarts once more", {HF_RETRY_LOST, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_RESTARTED, NOTHING, CHECKING}, {HF_RETRY_RESTARTED, NOTHING, CHECKING});
    play_on(relayed(), "a fall back to a relay is mended beside the data",
            TURNS({HF_RETRY_RELAYED, NOTHING, NONE}, {SECOND, HF_RETRY_RESTART, NONE},
                  {HF_RETRY_OFFERED, HF_RETRY_REPEAT, NONE}, {HF_RETRY_RELAYED, HF_RETRY_REPEAT, NONE},
                  {HF_RETRY_RESTARTED, NOTHING, NONE}, {HF_RETRY_RELAYED, NOTHING, NONE}, {SECOND, NOTHING, NONE}));
    PLAY("and not where the direct path was back a moment later", {HF_RETRY_RELAYED, NOTHING, NONE}, {SECOND, NOTHING, NONE},
         {SECOND, NOTHING, NONE});
    PLAY("after the end there is nothing to do", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING}, {HF_RETRY_OVER, NOTHING, NONE}, {SECOND, NOTHING, NONE});
    PLAY("there was no memory for it", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_IMPOSSIBLE, NOTHING, WAITING}, {SECOND, HF_RETRY_RESTART, WAITING});
    PLAY("a plain remote refuses", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_OFFERED_ONCE, NOTHING, OFFERING}, {HF_RETRY_REFUSED, NOTHING, WAITING},
         {SECOND, HF_RETRY_RESTART, WAITING});
}

/* What ends a wait, each after a first attempt that failed by one step. */
static void play_waits(void)
{
    static const struct {
        const char *why;
        hf_retry_news news;
        hf_retry_step step;
        hf_attempt_phase phase;
    } ends[] = {
        {"a change, where the last attempt's checks have not seen it first", HF_RETRY_CHANGED, HF_RETRY_RESTART, WAITING},
        {"the application", HF_RETRY_ASKED, HF_RETRY_RESTART, OFFERING},
        {"an offer of the remote", HF_RETRY_RESTARTED, NOTHING, CHECKING},
        {"an offer that the application asked for", HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
        {"the same, to a plain remote", HF_RETRY_OFFERED_ONCE, NOTHING, OFFERING},
        {"the path itself", HF_RETRY_CONNECTED, NOTHING, NONE},
        {"nothing: a second wait is longer", SECOND, NOTHING, WAITING}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        PLAY(ends[i].why, {HF_RETRY_LOST, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_RESTARTED, NOTHING, CHECKING},
             {HF_RETRY_LOST, NOTHING, WAITING}, {HF_RETRY_RESTARTED, NOTHING, CHECKING}, {HF_RETRY_LOST, NOTHING, WAITING},
             {ends[i].news, ends[i].step, ends[i].phase});
    }
    PLAY("a change ends the wait at once where nobody looks", {HF_RETRY_LOST, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_IMPOSSIBLE, NOTHING, WAITING}, {SECOND, HF_RETRY_RESTART, WAITING},
         {HF_RETRY_IMPOSSIBLE, NOTHING, WAITING}, {HF_RETRY_CHANGED, HF_RETRY_RESTART, OFFERING});
    PLAY("a change repeats the open offer at once", {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING}, {HF_RETRY_CHANGED, HF_RETRY_REPEAT, OFFERING});
}

static void play_new_connections(void)
{
    play_on(resuming(), "the connection broke: a restart would not help",
            TURNS({HF_RETRY_BROKEN, HF_RETRY_RECONNECT, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
                  {HF_RETRY_RESTARTED, NOTHING, CHECKING}, {HF_RETRY_BROKEN, NOTHING, WAITING},
                  {SECOND, HF_RETRY_RECONNECT, WAITING}));
    play_on(resuming(), "it breaks while a restart is offered",
            TURNS({HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
                  {HF_RETRY_BROKEN, HF_RETRY_RECONNECT, OFFERING}, {HF_RETRY_BROKEN, HF_RETRY_REPEAT, OFFERING}));
    play_on(resuming(), "it breaks while a restart is checked",
            TURNS({HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_RESTARTED, NOTHING, CHECKING},
                  {HF_RETRY_BROKEN, HF_RETRY_RECONNECT, OFFERING}));
    play_on(resuming(), "the remote refuses the restart: it has forgotten the connection",
            TURNS({HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
                  {HF_RETRY_REFUSED, HF_RETRY_RECONNECT, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
                  {HF_RETRY_REFUSED, NOTHING, WAITING}));
}

static void play_first_connections(void)
{
    play_on(never_connected(), "our first offer is answered, no path is found, and ICE begins anew",
            TURNS({HF_RETRY_BEGUN, NOTHING, OFFERING}, {HF_RETRY_OFFERED_ONCE, NOTHING, OFFERING},
                  {HF_RETRY_RESTARTED, NOTHING, CHECKING}, {HF_RETRY_LOST, NOTHING, WAITING},
                  {SECOND, HF_RETRY_RESTART, WAITING}));
    play_on(never_connected(), "we have answered theirs",
            TURNS({HF_RETRY_RESTARTED, NOTHING, CHECKING}, {HF_RETRY_LOST, NOTHING, WAITING},
                  {SECOND, HF_RETRY_RESTART, WAITING}));
    play_on(never_connected(), "the first offer is lost: it leaves once more",
            TURNS({HF_RETRY_BEGUN, NOTHING, OFFERING}, {HF_RETRY_OFFERED_ONCE, NOTHING, OFFERING},
                  {SECOND, NOTHING, OFFERING}, {SECOND, NOTHING, OFFERING}, {SECOND, NOTHING, OFFERING},
                  {SECOND, NOTHING, OFFERING}, {SECOND, NOTHING, OFFERING}, {SECOND, NOTHING, OFFERING},
                  {SECOND, NOTHING, OFFERING}, {SECOND, NOTHING, OFFERING}, {SECOND, HF_RETRY_REPEAT, WAITING}));
}

static void play_crossings(void)
{
    PLAY("offers cross on their way, and go on doing so", {HF_RETRY_CROSSED, NOTHING, NONE},
         {HF_RETRY_UNSTABLE, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING},
         {HF_RETRY_CROSSED, HF_RETRY_REPEAT, OFFERING}, {HF_RETRY_CROSSED, HF_RETRY_RENEW, OFFERING},
         {HF_RETRY_OFFERED, HF_RETRY_REPEAT, OFFERING}, {HF_RETRY_RESTARTED, NOTHING, CHECKING},
         {HF_RETRY_CROSSED, NOTHING, CHECKING});
}

Test(manager_retry, makes_no_more_than_an_offer_a_second_where_they_cross_again_and_again)
{
    subject *s = fresh();
    unsigned renewals = 0;
    hear(s, 0, HF_RETRY_UNSTABLE);
    hear(s, 0, HF_RETRY_OFFERED);
    for (hf_time now = HF_MS(100); now < HF_SECONDS(400); now += HF_MS(50)) {
        log_of_steps log = {0};
        run(s, now, &log);
        if (hear(s, now, HF_RETRY_CROSSED) != HF_RETRY_RENEW)
            continue;
        renewals++;
        hear(s, now, HF_RETRY_OFFERED);
    }
    cr_expect(renewals > 20 && renewals < 160, "%u", renewals);

    /* Those that somebody held back for a minute come at once, before the session has made the new one. */
    s = fresh();
    unsigned steps = 0;
    hear(s, 0, HF_RETRY_UNSTABLE);
    hear(s, 0, HF_RETRY_OFFERED);
    log_of_steps log = {0};
    run(s, HF_SECONDS(60), &log);
    for (hf_time now = HF_SECONDS(60); now < HF_SECONDS(60) + HF_MS(100); now += HF_MS(2))
        steps += hear(s, now, HF_RETRY_CROSSED) != HF_RETRY_NOTHING;
    cr_expect_leq(steps, 2, "%u", steps);
}

/* --- The table ------------------------------------------------------------------------------------------------------- */

Test(manager_retry, follows_the_news_by_each_of_its_rules)
{
    hf_retry_rule rule;
    play_restarts();
    play_waits();
    play_new_connections();
    play_first_connections();
    play_crossings();
    PLAY("nothing comes of it", {HF_RETRY_LOST, HF_RETRY_RESTART, OFFERING}, {HF_RETRY_RESTARTED, NOTHING, CHECKING},
         {SECOND, NOTHING, CHECKING}, {SECOND, NOTHING, CHECKING}, {SECOND, NOTHING, CHECKING}, {SECOND, NOTHING, CHECKING},
         {SECOND, NOTHING, CHECKING}, {SECOND, NOTHING, CHECKING}, {SECOND, NOTHING, CHECKING}, {SECOND, NOTHING, CHECKING},
         {SECOND, HF_RETRY_RESTART, WAITING});
    size_t i = 0;
    for (; hf_retry_get_rule(i, &rule); i++)
        cr_expect(taken[i], "rule %zu is never taken: %s, %s", i, rule.from, rule.news);
    cr_assert_leq(i, RULES_MAX);
}

Test(manager_retry, offers_a_plain_remote_another_restart_in_place_of_one_that_it_does_not_answer)
{
    subject *s = fresh();
    log_of_steps log = {0};
    hear(s, 0, HF_RETRY_UNSTABLE);
    hear(s, 0, HF_RETRY_OFFERED_ONCE);
    run(s, HF_SECONDS(12), &log);
    expect(&log, (const step_at[]){{HF_SECONDS(9), HF_RETRY_RENEW}}, 1);
    cr_expect_eq(s->retry.failures, 1);
}

Test(manager_retry, takes_a_new_connection_after_three_restarts_that_nobody_answered)
{
    subject *s = resuming();
    hf_attempt_step steps[5];
    hear(s, 0, HF_RETRY_UNSTABLE);
    hear(s, 0, HF_RETRY_OFFERED);
    for (size_t i = 0; i < 5; i++) {
        log_of_steps log = {0};
        steps[i] = s->retry.step;
        while (s->retry.phase == OFFERING)
            run(s, hf_retry_deadline(&s->retry), &log);
        while (s->retry.phase == WAITING)
            run(s, hf_retry_deadline(&s->retry), &log);
        if (log.steps[log.len - 1].step == HF_RETRY_RECONNECT)
            hear(s, log.steps[log.len - 1].at, HF_RETRY_OFFERED);
    }
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(steps[i], i < 3 ? HF_STEP_RESTART : HF_STEP_RECONNECT, "attempt %zu", i);
}

/* --- Relays ---------------------------------------------------------------------------------------------------------- */

/* As letters: A: all, O: relays alone, N: none. */
static char letter_of(hf_ice_relay relay)
{
    return relay == HF_ICE_RELAY_ONLY ? 'O' : relay == HF_ICE_RELAY_NEVER ? 'N' : 'A';
}

/* Which relays ten attempts use, one after the other; `answered` bit n: attempt n is agreed on before it fails. */
static void expect_relays(const char *why, const hf_manager_config *config, unsigned answered, const char *expected)
{
    static subject s;
    char used[11] = "";
    memset(&s, 0, sizeof s);
    cr_assert_eq(hf_schedule_init(&s.schedule, config), HF_OK);
    hf_retry_init(&s.retry, &s.schedule, NULL);
    s.retry.has_agreed = s.retry.has_been_connected = true;
    hear(&s, 0, HF_RETRY_UNSTABLE);
    for (hf_time n = 0; n < 10; n++) {
        hf_time now = HF_SECONDS(100 * n);
        used[n] = letter_of(hf_retry_relay(&s.retry));
        hear(&s, now, HF_RETRY_OFFERED);
        if (answered & 1u << n)
            hear(&s, now, HF_RETRY_RESTARTED);
        else
            hear(&s, now, HF_RETRY_REFUSED);
        hear(&s, now, HF_RETRY_LOST);
        cr_expect_eq(letter_of(hf_retry_relay(&s.retry)) == 'O', config->session.peer.relay == HF_ICE_RELAY_ONLY,
                     "%s: the remote's offers are answered with all", why);
        hear(&s, now, HF_RETRY_ASKED);
    }
    cr_expect_str_eq(used, expected, "%s: %s", why, used);
}

Test(manager_schedule, says_which_relays_an_attempt_uses)
{
    static const hf_ice_server relays = {.uri = "turns:relay.example"}, stun = {.uri = "stun:stun.example"};
    static const struct {
        const char *why;
        const hf_ice_server *server;
        hf_ice_relay relay;
        hf_retry_config retry;
        unsigned answered;
        const char *expected;
    } table[] = {
        {"the default", &relays, HF_ICE_RELAY_DEFAULT, {0}, 0x3ff, "AAAAAOAOAO"},
        {"nobody answers", &relays, HF_ICE_RELAY_DEFAULT, {0}, 0, "AAAAAAAAAA"},
        {"every other one is answered", &relays, HF_ICE_RELAY_DEFAULT, {0}, 0x155, "AAAAAAAAAO"},
        {"sooner", &relays, HF_ICE_RELAY_DEFAULT, {.relay_only_after = 2}, 0x3ff, "AAOAOAOAOA"},
        {"there is no relay", &stun, HF_ICE_RELAY_DEFAULT, {0}, 0x3ff, "AAAAAAAAAA"},
        {"not before three failures", &relays, HF_ICE_RELAY_DEFAULT, {.relay_after = 3}, 0x3ff, "NNNAAOAOAO"},
        {"the same, where nobody answers", &relays, HF_ICE_RELAY_DEFAULT, {.relay_after = 3}, 0, "NNNAAAAAAA"},
        {"relays alone", &relays, HF_ICE_RELAY_ONLY, {.relay_after = 3}, 0x3ff, "OOOOOOOOOO"},
        {"never", &relays, HF_ICE_RELAY_NEVER, {0}, 0x3ff, "NNNNNNNNNN"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_manager_config config = {.retry = table[i].retry};
        config.session.peer = (hf_peer_config){.servers = table[i].server, .servers_len = 1, .relay = table[i].relay};
        expect_relays(table[i].why, &config, table[i].answered, table[i].expected);
    }
}

Test(manager_schedule, refuses_numbers_out_of_their_range)
{
    static const hf_span busy[] = {HF_RETRY_WAIT_MIN - 1}, backwards[] = {HF_SECONDS(1), -1},
                         endless[] = {HF_RETRY_WAIT_MAX + 1};
    static const struct {
        const char *why;
        hf_retry_config retry;
    } table[] = {
        {"a wait that keeps the processor busy", {.waits = busy, .waits_len = 1}},
        {"a negative wait", {.waits = backwards, .waits_len = 2}},
        {"a wait that overflows", {.waits = endless, .waits_len = 1}},
        {"no waits at all", {.waits = busy}},
        {"too many waits", {.waits_len = HF_RETRY_WAITS_MAX + 1}},
        {"more than twice the wait", {.jitter = 101}},
        {"a negative attempt", {.attempt = -1}},
    };
    hf_schedule schedule;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cr_expect_eq(hf_schedule_init(&schedule, &(hf_manager_config){.retry = table[i].retry}), HF_EINVAL, "%s",
                     table[i].why);
}
