/* recover.c: sessions whose path is lost, for a while or for long: nothing that was accepted is lost or comes twice. */
#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void connect(wire *w, uint64_t seed, const hf_session_config *config)
{
    wire_init_with(w, seed, config);
    w->envelope_delay = HF_MS(30);
    wire_connect(w, 0);
    cr_assert(wire_run(w, HF_SECONDS(10), wire_both_have_five));
    wire_run(w, w->now + HF_SECONDS(2), NULL);
}

/* Both sides send a message each 100 ms, for so long. */
static void talk(wire *w, hf_span span)
{
    for (hf_time end = w->now + span; w->now < end;) {
        for (int i = 0; i < 2; i++) {
            if (!w->side[i].asleep)
                wire_send(w, i);
        }
        wire_run(w, w->now + HF_MS(100), NULL);
    }
}

static bool all_is_there(wire *w)
{
    return w->side[0].next == w->sent[1] && w->side[1].next == w->sent[0];
}

static uint64_t next_before[2];

static bool data_flows(wire *w)
{
    return w->side[0].next > next_before[0] && w->side[1].next > next_before[1];
}

static bool both_are_connected(wire *w)
{
    return hf_session_get_state(wire_session(w, 0)) == HF_SESSION_CONNECTED &&
           hf_session_get_state(wire_session(w, 1)) == HF_SESSION_CONNECTED;
}

static void expect_nothing_lost(wire *w)
{
    for (int i = 0; i < 2; i++) {
        wire_side *side = &w->side[i];
        cr_expect_eq(side->out_of_order, 0, "side %d: %u", i, side->out_of_order);
        cr_expect_eq(side->next, w->sent[1 - i], "side %d: %llu of %llu", i, (unsigned long long)side->next,
                     (unsigned long long)w->sent[1 - i]);
        cr_expect_eq(side->errors, 0, "side %d", i);
        cr_expect_eq(side->receive_err, HF_OK, "side %d: %s", i, hf_err_name(side->receive_err));
        cr_expect_eq(hf_session_get_state(wire_session(w, i)), HF_SESSION_CONNECTED, "side %d: %s", i, side->states);
        cr_expect_eq(side->connected, side->disconnected + 1, "side %d: each outage is told once", i);
        cr_expect_eq(hf_session_get_path(wire_session(w, i)), HF_PATH_DIRECT);
    }
}

static void clear(wire *w)
{
    wire_clear(w);
    cr_expect_eq(w->env.blocks, 0);
}

typedef struct outage {
    uint64_t seed;
    hf_span cut;
    unsigned envelope_loss; /* meanwhile, out of 1000 */
    bool no_trickle;
    hf_span connected_within, data_within; /* of the path's return; of the moment at which both were connected */
} outage;

/* The path is cut while both talk. */
static void survive(const outage *o)
{
    wire w;
    connect(&w, o->seed, &(hf_session_config){.no_trickle = o->no_trickle});
    talk(&w, HF_SECONDS(1));
    w.cut = true;
    w.envelope_loss = o->envelope_loss;
    talk(&w, o->cut);
    w.cut = false;
    w.envelope_loss = 0;
    hf_time healed = w.now;
    for (int i = 0; i < 2; i++)
        next_before[i] = w.side[i].next;
    cr_expect(wire_run(&w, healed + HF_SECONDS(60), both_are_connected), "%s; %s", w.side[0].states, w.side[1].states);
    hf_span connected = w.now - healed;
    cr_expect(wire_run(&w, healed + HF_SECONDS(60), data_flows), "%s; %s", w.side[0].states, w.side[1].states);
    hf_span data = w.now - healed - connected;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(2), all_is_there));
    printf("cut for %lld s, seed %llu: connected after %lld ms, data after %lld more; %s; %s\n", (long long)o->cut / 1000000,
           (unsigned long long)o->seed, (long long)connected / 1000, (long long)data / 1000, w.side[0].states,
           w.side[1].states);
    cr_expect_leq(connected, o->connected_within, "connected after %lld ms", (long long)connected / 1000);
    cr_expect_leq(data, o->data_within, "data after %lld ms more", (long long)data / 1000);
    talk(&w, HF_SECONDS(10));
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    expect_nothing_lost(&w);
    clear(&w);
}

#define DATA_WITHIN HF_MS(300)

/* A process of its own for each: usrsctp's globals outlive a run. */
#define OUTAGE(name, ...)                                                                                                   \
    Test(manager_recover, name)                                                                                             \
    {                                                                                                                       \
        survive(&(outage){__VA_ARGS__});                                                                                    \
    }

OUTAGE(from_five_seconds_without_a_path, 41, HF_SECONDS(5), 0, false, HF_MS(500), DATA_WITHIN)
OUTAGE(from_five_and_a_half_seconds_without_a_path, 42, HF_MS(5500), 0, false, HF_MS(500), DATA_WITHIN)
OUTAGE(from_five_seconds_without_trickling, 43, HF_MS(5200), 0, true, HF_MS(500), DATA_WITHIN)
OUTAGE(from_forty_seconds_without_a_path, 44, HF_SECONDS(40), 0, false, HF_SECONDS(1), DATA_WITHIN)
OUTAGE(from_an_hour_without_a_path, 45, HF_SECONDS(3600), 0, false, HF_SECONDS(1), DATA_WITHIN)
OUTAGE(from_five_seconds_without_a_path_or_signalling, 46, HF_SECONDS(5), 1000, false, HF_MS(1200), DATA_WITHIN)
OUTAGE(from_forty_seconds_without_a_path_or_signalling, 47, HF_SECONDS(40), 1000, false, HF_SECONDS(2), DATA_WITHIN)
OUTAGE(where_half_of_the_envelopes_are_lost, 48, HF_SECONDS(20), 500, false, HF_SECONDS(1), DATA_WITHIN)
OUTAGE(from_an_hour_without_a_path_or_signalling, 49, HF_SECONDS(3600), 1000, false, HF_SECONDS(12), DATA_WITHIN)

/* A laptop asleep: the other side is awake, and has things to say meanwhile. */
static void sleep_for_an_hour(uint64_t seed, int sleeper)
{
    wire w;
    connect(&w, seed, &(hf_session_config){0});
    talk(&w, HF_SECONDS(1));
    w.side[sleeper].asleep = true;
    talk(&w, HF_SECONDS(60));
    wire_run(&w, w.now + HF_SECONDS(3540), NULL);
    cr_expect_eq(hf_session_get_state(wire_session(&w, 1 - sleeper)), HF_SESSION_RECONNECTING);
    w.side[sleeper].asleep = false;
    hf_time woken = w.now;
    cr_expect(wire_run(&w, woken + HF_SECONDS(30), all_is_there), "%s; %s", w.side[0].states, w.side[1].states);
    printf("an hour asleep: all is there after %lld ms\n", (long long)(w.now - woken) / 1000);
    cr_expect_leq(w.now - woken, HF_SECONDS(2));
    talk(&w, HF_SECONDS(5));
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    expect_nothing_lost(&w);
    clear(&w);
}

Test(manager_recover, from_an_hours_sleep_of_the_polite_side)
{
    sleep_for_an_hour(50, 0);
}

Test(manager_recover, from_an_hours_sleep_of_the_other)
{
    sleep_for_an_hour(51, 1);
}

Test(manager_recover, from_a_new_address)
{
    wire w;
    connect(&w, 51, &(hf_session_config){0});
    talk(&w, HF_SECONDS(1));
    for (int i = 0; i < 2; i++) {
        hf_time moved = w.now;
        wire_move(&w, i);
        for (int k = 0; k < 2; k++)
            next_before[k] = w.side[k].next;
        wire_send(&w, 0);
        wire_send(&w, 1);
        cr_expect(wire_run(&w, moved + HF_SECONDS(20), all_is_there), "%s; %s", w.side[0].states, w.side[1].states);
        printf("side %d has another address: all is there after %lld ms\n", i, (long long)(w.now - moved) / 1000);
        cr_expect_leq(w.now - moved, HF_SECONDS(2));
        talk(&w, HF_SECONDS(10));
    }
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    expect_nothing_lost(&w);
    clear(&w);
}

static bool both_are_unstable(wire *w)
{
    return hf_session_get_state(wire_session(w, 0)) == HF_SESSION_UNSTABLE &&
           hf_session_get_state(wire_session(w, 1)) == HF_SESSION_UNSTABLE;
}

/* The offer of the impolite side stands, and may leave once more; that of the polite one is not repeated after it gave
 * way. */
Test(manager_recover, begun_by_both_sides_at_once_is_one_restart)
{
    wire w;
    connect(&w, 52, &(hf_session_config){0});
    w.envelope_delay = HF_MS(100);
    talk(&w, HF_SECONDS(1));
    unsigned offers[2] = {w.side[0].offers, w.side[1].offers};
    w.cut = true;
    for (hf_time limit = w.now + HF_SECONDS(10); !both_are_unstable(&w) && w.now < limit;)
        talk(&w, HF_MS(100));
    talk(&w, HF_SECONDS(1));
    w.cut = false;
    talk(&w, HF_SECONDS(10));
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    cr_expect_leq(w.side[0].offers - offers[0], 1, "%u", w.side[0].offers - offers[0]);
    cr_expect_leq(w.side[1].offers - offers[1], 2, "%u", w.side[1].offers - offers[1]);
    cr_expect_geq(w.side[0].offers + w.side[1].offers, offers[0] + offers[1] + 1);
    expect_nothing_lost(&w);
    clear(&w);
}

static bool somebody_failed(wire *w)
{
    return hf_session_get_state(wire_session(w, 0)) == HF_SESSION_FAILED;
}

Test(manager_recover, ends_where_a_limit_is_set)
{
    static const struct {
        hf_session_config config;
        hf_span least, most;
        hf_err cause;
        const char *states;
    } table[] = {
        {{.give_up = HF_SECONDS(10)}, HF_SECONDS(10), HF_SECONDS(13), HF_ETIMEDOUT, "connecting connected unstable failed"},
        {{.give_up = HF_SECONDS(60)},
         HF_SECONDS(60),
         HF_SECONDS(63),
         HF_ECONSENT,
         "connecting connected unstable reconnecting failed"},
        {{.recovery = HF_RECOVERY_NONE},
         HF_SECONDS(24),
         HF_SECONDS(31),
         HF_ECONSENT,
         "connecting connected unstable failed"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        wire w;
        connect(&w, 53 + i, &table[i].config);
        w.cut = true;
        w.envelope_loss = 1000;
        hf_time cut = w.now;
        wire_send(&w, 0);
        cr_expect(wire_run(&w, w.now + HF_SECONDS(100), somebody_failed), "%zu", i);
        hf_span after = w.now - cut;
        cr_expect(after >= table[i].least && after <= table[i].most, "%zu: %lld ms", i, (long long)after / 1000);
        wire_run(&w, w.now + HF_SECONDS(15), NULL);
        cr_expect_str_eq(w.side[0].states, table[i].states, "%zu: %s", i, w.side[0].states);
        cr_expect_eq(w.side[0].cause, table[i].cause, "%zu: %s", i, hf_err_name(w.side[0].cause));
        cr_expect_eq(w.side[0].errors, 1);
        cr_expect_eq(hf_manager_deadline(w.side[0].manager), HF_NEVER, "nothing is left to be done");
        clear(&w);
    }
}

/* --- Who waits for whom ---------------------------------------------------------------------------------------------- */

static void lose_those_of_alice(wire *w, int to, hf_envelope *envelope)
{
    (void)w;
    if (to == 1)
        envelope->receiver = "nobody";
}

static bool alice_has_offered(wire *w)
{
    return w->side[0].offers > 0;
}

/* The polite side takes the other's first offer, its answer is lost, and it begins a restart: the other, which waits for its
 * answer, can't take that. */
Test(manager_recover, from_a_first_answer_that_was_lost_before_a_restart)
{
    wire w;
    wire_init(&w, 61, false);
    w.envelope_delay = HF_MS(30);
    w.cut = true;
    w.forge = lose_those_of_alice;
    wire_connect(&w, 1);
    cr_assert(wire_run(&w, HF_SECONDS(30), alice_has_offered), "she tries again");
    w.cut = false;
    w.forge = NULL;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(20), wire_both_have_five), "%s; %s", w.side[0].states, w.side[1].states);
    clear(&w);
}

static bool bob_has_answered(wire *w)
{
    return w->side[1].answers > 0;
}

static bool alice_is_over(wire *w)
{
    return hf_session_get_state(wire_session(w, 0)) == HF_SESSION_CLOSED;
}

static bool bob_has_trouble(wire *w)
{
    return hf_session_get_state(wire_session(w, 1)) != HF_SESSION_CONNECTED;
}

/* Alice has ended the session, and the path is gone after a while. Bob has her bye by envelope and not believed it yet, and
 * has answered her when she called again: that connection is not there yet. */
static void leave_and_call_again(wire *w, uint64_t seed, hf_span after)
{
    connect(w, seed, &(hf_session_config){.linger = HF_SECONDS(1)});
    hf_session *before = wire_session(w, 0);
    cr_assert_eq(hf_session_disconnect(before, w->now), HF_OK);
    if (after > 0)
        wire_run(w, w->now + after, NULL);
    w->cut = true;
    cr_assert(wire_run(w, w->now + HF_SECONDS(4), alice_is_over));
    wire_run(w, w->now + HF_MS(100), NULL);
    cr_assert_eq(hf_session_get_state(wire_session(w, 1)), HF_SESSION_CONNECTED);
    hf_manager_forget(w->side[0].manager, before);
    w->side[0].opened_len = w->side[1].opened_len = 0;
    w->side[1].answers = 0;
    wire_connect(w, 0);
    cr_assert(wire_run(w, w->now + HF_SECONDS(1), bob_has_answered));
}

static bool both_have_met(wire *w)
{
    return both_are_connected(w) && w->side[1].continuity_lost > 0;
}

Test(manager_recover, goes_on_with_whom_has_called_again_behind_a_bye)
{
    wire w;
    leave_and_call_again(&w, 62, 0);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), bob_has_trouble));
    w.cut = false;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(10), both_have_met), "%s; %s", w.side[0].states, w.side[1].states);
    cr_expect_null(strstr(w.side[1].states, "closed"), "%s", w.side[1].states);
    w.cut = true; /* the bye was another session's */
    wire_run(&w, w.now + HF_SECONDS(10), NULL);
    w.cut = false;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(10), both_are_connected));
    cr_expect_null(strstr(w.side[1].states, "closed"), "%s", w.side[1].states);
    clear(&w);
}

/* He has heard the bye itself, and she has not heard that he has. */
Test(manager_recover, goes_on_with_whom_has_called_again_behind_a_bye_on_the_path)
{
    wire w;
    leave_and_call_again(&w, 65, HF_MS(15));
    w.cut = false;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(10), both_have_met), "%s; %s", w.side[0].states, w.side[1].states);
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    cr_expect(both_are_connected(&w), "%s; %s", w.side[0].states, w.side[1].states);
    hf_channel *channel;
    hf_err err = hf_session_create_channel(wire_session(&w, 1), w.now, &(hf_channel_config){.name = "more"}, &channel);
    cr_expect_eq(err, HF_OK, "the bye was another session's: %s", hf_err_name(err));
    clear(&w);
}

/* Bob's session has ended by her first one's word. Hers recovers a session that is over, and gets another. */
Test(manager_recover, of_a_session_that_came_in_the_place_of_one_that_has_ended)
{
    wire w;
    leave_and_call_again(&w, 63, 0);
    unsigned begun = w.side[1].begun_count;
    cr_assert_eq(hf_session_signal(wire_session(&w, 1), w.now, &(hf_signal){.type = HF_SIGNAL_BYE}), HF_OK);
    wire_run(&w, w.now + HF_MS(100), NULL);
    w.cut = false;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(30), wire_both_have_five), "%s; %s", w.side[0].states, w.side[1].states);
    cr_expect_eq(w.side[1].begun_count, begun + 1);
    clear(&w);
}

/* The same, but Bob's application has ended it: hers hears of it. */
Test(manager_recover, of_a_session_that_was_ended_is_told_so)
{
    wire w;
    leave_and_call_again(&w, 64, 0);
    cr_assert_eq(hf_session_disconnect(wire_session(&w, 1), w.now), HF_OK);
    cr_expect(wire_run(&w, w.now + HF_SECONDS(30), alice_is_over), "%s; %s", w.side[0].states, w.side[1].states);
    clear(&w);
}

static void lose_those_of_bob(wire *w, int to, hf_envelope *envelope)
{
    (void)w;
    if (to == 0)
        envelope->receiver = "nobody";
}

/* The side that does not give way has a restart open, of which the remote's program, begun anew, knows nothing. */
Test(manager_recover, drops_an_offer_that_a_program_begun_anew_cannot_answer)
{
    wire w;
    connect(&w, 66, &(hf_session_config){0});
    w.cut = true;
    w.forge = lose_those_of_bob;
    cr_assert_eq(hf_session_restart_ice(wire_session(&w, 1), w.now), HF_OK);
    wire_run(&w, w.now + HF_MS(100), NULL);
    wire_restart(&w, 0, true);
    wire_connect(&w, 0);
    wire_run(&w, w.now + HF_SECONDS(20), NULL);
    cr_expect_gt(hf_session_generation(wire_session(&w, 1)), 1, "he offers what she can answer");
    w.forge = NULL;
    w.cut = false;
    cr_expect(wire_run(&w, w.now + HF_SECONDS(10), both_have_met), "%s; %s", w.side[0].states, w.side[1].states);
    clear(&w);
}

static bool both_have_offered(wire *w)
{
    return w->side[0].offers > 1 && w->side[1].offers > 0;
}

/* The polite side takes the other's offer, its answer is lost, it finds no path, and offers again; the other still repeats
 * what was taken long ago. Neither is of use to the other: a new one must come. */
Test(manager_recover, from_an_answer_that_was_lost_and_forgotten)
{
    wire w;
    connect(&w, 48, &(hf_session_config){0});
    w.cut = true;
    for (int i = 0; i < 2; i++)
        wire_send(&w, i);
    cr_assert(wire_run(&w, w.now + HF_SECONDS(10), both_have_offered));
    w.envelope_loss = 1000; /* the offers are on their way: what follows is lost */
    wire_run(&w, w.now + HF_SECONDS(25), NULL);
    cr_expect_gt(w.side[0].answers, 0);
    w.envelope_loss = 0;
    w.cut = false;
    hf_time healed = w.now;
    cr_expect(wire_run(&w, healed + HF_SECONDS(20), all_is_there), "%s; %s", w.side[0].states, w.side[1].states);
    cr_expect_leq(w.now - healed, HF_SECONDS(2), "%lld ms", (long long)(w.now - healed) / 1000);
    wire_run(&w, w.now + HF_SECONDS(5), NULL);
    expect_nothing_lost(&w);
    clear(&w);
}
