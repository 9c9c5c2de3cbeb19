/* attempt.c: what the manager tries, as the application hears it: first connections, and those that are looked for again. */
#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const hf_ice_server server = {.uri = WIRE_SERVER};

static bool both_are_connected(wire *w)
{
    for (int i = 0; i < 2; i++) {
        hf_session *session = wire_session(w, i);
        if (!session || hf_session_get_state(session) != HF_SESSION_CONNECTED)
            return false;
    }
    return true;
}

static void clear(wire *w)
{
    wire_clear(w);
    cr_expect_eq(w->env.blocks, 0);
}

static void begin(wire *w, uint64_t seed, const hf_manager_config *config)
{
    wire_init_for(w, seed, config);
    w->envelope_delay = HF_MS(30);
}

static void connect(wire *w, uint64_t seed, const hf_manager_config *config)
{
    begin(w, seed, config);
    wire_connect(w, 0);
    cr_assert(wire_run(w, HF_SECONDS(10), wire_both_have_five));
    wire_run(w, w->now + HF_SECONDS(2), NULL);
    for (int i = 0; i < 2; i++)
        w->side[i].attempts[0] = '\0';
}

Test(manager_attempt, of_a_first_connection_is_told)
{
    wire w;
    begin(&w, 1, &(hf_manager_config){0});
    wire_connect(&w, 0);
    cr_assert(wire_run(&w, HF_SECONDS(10), wire_both_have_five));
    cr_expect_str_eq(w.side[0].attempts, "connect:offering checking none", "%s", w.side[0].attempts);
    cr_expect_str_eq(w.side[1].attempts, "connect:checking none", "%s", w.side[1].attempts);
    wire_run(&w, w.now + HF_SECONDS(60), NULL);
    cr_expect_eq(hf_manager_deadline(w.side[0].manager), HF_NEVER);
    clear(&w);
}

Test(manager_attempt, at_a_first_connection_is_followed_by_others)
{
    wire w;
    begin(&w, 2, &(hf_manager_config){0});
    w.cut = true;
    wire_connect(&w, 0);
    wire_run(&w, w.now + HF_SECONDS(60), NULL);
    for (int i = 0; i < 2; i++) {
        cr_expect_geq(w.side[i].attempt.failures, 4, "side %d: %u", i, w.side[i].attempt.failures);
        cr_expect_eq(w.side[i].attempt.step, HF_STEP_CONNECT);
        cr_expect_eq(w.side[i].attempt.cause, HF_ENOPATH, "side %d: %s", i, hf_err_name(w.side[i].attempt.cause));
        cr_expect_eq(hf_session_get_state(wire_session(&w, i)), HF_SESSION_CONNECTING, "%s", w.side[i].states);
    }
    w.cut = false;
    hf_time healed = w.now;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(31), wire_both_have_five), "%s; %s", w.side[0].attempts, w.side[1].attempts);
    printf("never connected, a path after 60 s: connected after %lld ms\n", (long long)(w.now - healed) / 1000);
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_expect(both_are_connected(&w));
    cr_expect_eq(w.side[0].attempt.phase, HF_ATTEMPT_NONE);
    cr_expect_eq(w.side[0].attempt.failures, 0);
    cr_expect_eq(w.side[0].errors + w.side[1].errors, 0);
    clear(&w);
}

static void lose_first_offers(uint64_t seed, hf_span span)
{
    wire w;
    begin(&w, seed, &(hf_manager_config){0});
    w.envelope_loss = 1000;
    wire_connect(&w, 0);
    wire_run(&w, w.now + span, NULL);
    w.envelope_loss = 0;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(20), wire_both_have_five), "%s", w.side[0].attempts);
    clear(&w);
}

Test(manager_attempt, goes_on_where_the_first_offer_is_lost)
{
    lose_first_offers(3, HF_SECONDS(2));
}

Test(manager_attempt, goes_on_where_the_first_three_offers_are_lost)
{
    lose_first_offers(10, HF_SECONDS(22));
}

Test(manager_attempt, at_a_remote_that_is_offline_meets_the_schedule)
{
    wire w;
    begin(&w, 4, &(hf_manager_config){.retry = {.attempt = HF_SECONDS(3)}});
    w.side[1].asleep = true;
    hf_session *session = wire_connect(&w, 0);
    hf_time begun = w.now;
    static const hf_time waits_s[] = {3,  7,  12, 19,
                                      30, 49, 82}; /* the ends of attempts of 3 s, with 1, 2, 4, 8, 16, 30 s between */
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        hf_attempt attempt;
        wire_run(&w, begun + HF_SECONDS(waits_s[i]), NULL);
        cr_assert_eq(hf_manager_get_attempt(w.side[0].manager, session, &attempt), HF_OK);
        cr_expect_eq(attempt.phase, HF_ATTEMPT_WAITING, "attempt %zu: %s", i, w.side[0].attempts);
        cr_expect_eq(attempt.failures, i + 1);
        cr_expect_eq(attempt.since, begun + HF_SECONDS(waits_s[i]));
        cr_expect_eq(attempt.cause, HF_ETIMEDOUT);
    }
    w.side[1].asleep = false;
    cr_expect_eq(hf_manager_retry(w.side[0].manager, w.now, session), HF_OK);
    cr_expect(wire_run(&w, w.now + HF_SECONDS(2), wire_both_have_five), "%s", w.side[0].attempts);
    cr_expect_eq(hf_manager_retry(w.side[0].manager, w.now, NULL), HF_EINVAL);
    cr_expect_eq(hf_manager_retry(w.side[1].manager, w.now, session), HF_ENOENT);
    cr_expect_eq(hf_manager_get_attempt(w.side[1].manager, session, &(hf_attempt){0}), HF_ENOENT);
    clear(&w);
}

/* Path, signalling and server are lost together for an hour. Only the server's answer tells that they are back. */
Test(manager_attempt, is_hastened_by_a_server_that_answers_again)
{
    wire w;
    connect(&w, 5, &(hf_manager_config){.session = {.peer = {.servers = &server, .servers_len = 1}}});
    w.cut = true;
    w.envelope_loss = 1000;
    wire_send(&w, 0);
    wire_send(&w, 1);
    wire_run(&w, w.now + HF_SECONDS(3603), NULL);
    cr_expect_eq(hf_session_get_state(wire_session(&w, 0)), HF_SESSION_RECONNECTING);
    w.cut = false;
    w.envelope_loss = 0;
    hf_time healed = w.now;
    cr_expect(wire_run(&w, healed + HF_SECONDS(20), both_are_connected), "%s", w.side[0].attempts);
    printf("an hour without anything: connected %lld ms after a server was back\n", (long long)(w.now - healed) / 1000);
    cr_expect_leq(w.now - healed, HF_SECONDS(2), "%lld ms", (long long)(w.now - healed) / 1000);
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_expect_eq(w.side[0].next, 1);
    cr_expect_eq(w.side[1].next, 1);
    clear(&w);
}

/* The remote is away, and our network is well: its servers' answers are no reason to try more often. */
Test(manager_attempt, is_not_hastened_by_a_server_that_has_answered_all_the_time)
{
    wire w;
    connect(&w, 6, &(hf_manager_config){.session = {.peer = {.servers = &server, .servers_len = 1}}});
    w.side[1].asleep = true;
    wire_send(&w, 0);
    wire_run(&w, w.now + HF_SECONDS(20), NULL);
    unsigned offers = w.side[0].offers;
    wire_run(&w, w.now + HF_SECONDS(400), NULL);
    cr_expect_leq(w.side[0].offers - offers, 200, "%u offers in 400 s", w.side[0].offers - offers);
    w.side[1].asleep = false;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(2), both_are_connected), "%s", w.side[0].attempts);
    clear(&w);
}

Test(manager_attempt, relays_are_left_out_before_so_many_failures)
{
    static const hf_ice_server relay = {.uri = "turn:198.51.100.1", .username = "u", .password = "p"};
    static const hf_retry_config retry = {.relay_after = 2, .relay_only_after = 3};
    wire w;
    unsigned only = 0;
    begin(&w, 7, &(hf_manager_config){.retry = retry, .session = {.peer = {.servers = &relay, .servers_len = 1}}});
    w.cut = true;
    wire_connect(&w, 0);
    for (hf_time end = w.now + HF_SECONDS(200); w.now < end;) {
        wire_run(&w, w.now + HF_SECONDS(1), NULL);
        only += w.side[0].attempt.relay_only;
        cr_expect(!w.side[0].attempt.relay_only || w.side[0].attempt.failures >= 3);
    }
    cr_expect(only > 0 && only < 100, "%u s", only);
    w.cut = false; /* the relay never answers: both must come to try the rest at once */
    cr_expect(wire_run(&w, w.now + HF_SECONDS(90), both_are_connected), "%s", w.side[0].attempts);
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    cr_expect_not(w.side[0].attempt.relay_only);
    clear(&w);
}

Test(manager_attempt, is_none_where_recovery_is_off)
{
    wire w;
    connect(&w, 8, &(hf_manager_config){.session = {.recovery = HF_RECOVERY_NONE}});
    w.cut = true;
    w.envelope_loss = 1000;
    wire_send(&w, 0);
    wire_run(&w, w.now + HF_SECONDS(60), NULL);
    cr_expect_str_eq(w.side[0].attempts, "", "%s", w.side[0].attempts);
    cr_expect_eq(hf_session_get_state(wire_session(&w, 0)), HF_SESSION_FAILED, "%s", w.side[0].states);
    clear(&w);
}

/* --- Without memory ---------------------------------------------------------------------------------------------------- */

/* An outage with an attempt that is agreed on, in which one allocation of either side fails. */
static void survive_failure(size_t at, size_t *allocations)
{
    wire w;
    connect(&w, 9, &(hf_manager_config){.session = {.peer = {.servers = &server, .servers_len = 1}}});
    w.cut = true;
    wire_send(&w, 0);
    wire_send(&w, 1);
    size_t before = w.env.allocations;
    w.env.fail_at = at > 0 ? before + at : 0;
    wire_run(&w, w.now + HF_SECONDS(14), NULL);
    *allocations = w.env.allocations - before;
    w.env.fail_at = 0;
    w.cut = false;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(60), both_are_connected), "allocation %zu: %s; %s", at, w.side[0].attempts,
              w.side[1].attempts);
    wire_run(&w, w.now + HF_SECONDS(2), NULL);
    cr_expect_eq(w.side[0].next, 1, "allocation %zu", at);
    cr_expect_eq(w.side[1].next, 1, "allocation %zu", at);
    clear(&w);
}

Test(manager_attempt, survives_a_failure_of_each_allocation)
{
    size_t allocations, ignored;
    survive_failure(0, &allocations);
    cr_expect_gt(allocations, 50, "%zu", allocations);
    for (size_t at = 1; at <= allocations; at++)
        survive_failure(at, &ignored);
}
