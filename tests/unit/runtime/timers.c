/* timers.c: order, arming and cancelling. */
#include "toy.h"

#include "loop_priv.h"

#include <stdlib.h>

#define MANY 1000

static hf_env env;

Test(timers, come_out_in_order_whatever_was_done_to_them)
{
    hf_timers heap = {.env = &env};
    static hf_timer timers[MANY];
    uint32_t seed = 1;
    size_t left = 0;

    for (size_t i = 0; i < MANY; i++) {
        seed = seed * 1103515245u + 12345u;
        cr_assert_eq(hf_timers_set(&heap, &timers[i], (hf_time)(seed >> 20)), HF_OK);
    }
    for (size_t i = 0; i < MANY; i += 3) /* a third moves, a third of the rest goes */
        hf_timers_move(&heap, &timers[i], (hf_time)((i * 7919) % 4096));
    for (size_t i = 1; i < MANY; i += 9)
        hf_timers_cancel(&heap, &timers[i]);
    for (size_t i = 0; i < MANY; i++)
        left += timers[i].slot != 0;

    hf_time last = -1;
    for (hf_timer *t; (t = hf_timers_pop(&heap, HF_NEVER, UINT64_MAX)); left--) {
        cr_assert_geq(t->at, last);
        cr_assert_eq(t->slot, 0);
        last = t->at;
    }
    cr_assert_eq(left, 0);
    cr_assert_eq(hf_timers_first(&heap), HF_NEVER);
    hf_timers_clear(&heap);
}

Test(timers, of_one_moment_come_in_the_order_in_which_they_were_set)
{
    hf_timers heap = {.env = &env};
    hf_timer timers[20] = {0};

    for (size_t i = 0; i < 20; i++)
        cr_assert_eq(hf_timers_set(&heap, &timers[i], 5), HF_OK);
    for (size_t i = 0; i < 20; i++)
        cr_assert_eq(hf_timers_pop(&heap, 5, UINT64_MAX), &timers[i]);
    hf_timers_clear(&heap);
}

Test(timers, that_are_not_due_stay)
{
    hf_timers heap = {.env = &env};
    hf_timer timer = {0};

    cr_assert_eq(hf_timers_set(&heap, &timer, 100), HF_OK);
    cr_assert_null(hf_timers_pop(&heap, 99, UINT64_MAX));
    cr_assert_eq(hf_timers_pop(&heap, 100, UINT64_MAX), &timer);
    hf_timers_clear(&heap);
}

typedef struct clockwork {
    hf_loop *loop;
    hf_timer timers[4];
    int order[8];
    size_t fired;
    hf_time fired_at[8];
} clockwork;

static void note(clockwork *c, int which)
{
    c->fired_at[c->fired] = hf_loop_now(c->loop);
    c->order[c->fired++] = which;
}

static void on_first(void *context)
{
    note(context, 1);
}

static void on_second(void *context)
{
    clockwork *c = context;

    note(c, 2);
    hf_loop_timer_cancel(c->loop, &c->timers[3]); /* due as well: it must not fire */
}

static void on_third(void *context)
{
    note(context, 3);
}

Test(timers, fire_in_the_loop_not_before_their_moment)
{
    clockwork c = {.loop = toy_loop()};
    hf_time now = hf_clock_now();

    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[2], now + 3000, on_third, &c), HF_OK);
    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[0], now + 1000, on_first, &c), HF_OK);
    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[1], now + 2000, on_second, &c), HF_OK);
    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[3], now + 2000, on_third, &c), HF_OK);
    cr_assert_leq(hf_loop_deadline(c.loop), now + 1000);

    TURN_UNTIL(c.loop, c.fired == 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(c.order[i], i + 1);
        cr_assert_geq(c.fired_at[i], now + 1000 * (i + 1));
    }
    cr_assert_eq(hf_loop_deadline(c.loop), HF_NEVER);
    hf_loop_free(c.loop);
}

static void on_again(void *context)
{
    clockwork *c = context;

    note(c, 1);
    if (c->fired < 4)
        cr_assert_eq(hf_loop_timer_set(c->loop, &c->timers[0], 0, on_again, c), HF_OK);
}

Test(timers, armed_in_their_handler_for_the_past_leave_others_their_turn)
{
    clockwork c = {.loop = toy_loop()};
    hf_time soon = hf_loop_now(c.loop) + 1;

    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[0], 0, on_again, &c), HF_OK);
    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[1], soon, on_second, &c), HF_OK);
    while (hf_clock_now() < soon)
        ; /* a microsecond */
    cr_assert_eq(hf_loop_step(c.loop, 0), HF_OK);
    cr_assert_eq(c.fired, 2, "one turn, one firing each");
    cr_assert_eq(c.order[0], 1);
    cr_assert_eq(c.order[1], 2);
    cr_assert_eq(hf_loop_step(c.loop, 0), HF_OK);
    cr_assert_eq(c.fired, 3);
    hf_loop_free(c.loop);
}

static void nothing(void *context)
{
    (void)context;
}

Test(timers, set_for_earlier_than_what_the_loop_waits_for_are_not_late)
{
    clockwork c = {.loop = toy_loop()};

    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[0], hf_clock_now() + HF_SECONDS(3600), on_first, &c), HF_OK);
    cr_assert_eq(hf_loop_post(c.loop, nothing, NULL), HF_OK);
    cr_assert_eq(hf_loop_step(c.loop, HF_NEVER), HF_OK); /* its alarm is an hour away now */
    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[1], hf_clock_now() + HF_MS(1), on_second, &c), HF_OK);
    TURN_UNTIL(c.loop, c.fired == 1);
    cr_assert_eq(c.order[0], 2);
    hf_loop_free(c.loop);
}

Test(timers, that_are_armed_again_fire_once)
{
    clockwork c = {.loop = toy_loop()};
    hf_time now = hf_clock_now();

    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[0], now + HF_SECONDS(3600), on_second, &c), HF_OK);
    cr_assert_eq(hf_loop_timer_set(c.loop, &c.timers[0], now, on_first, &c), HF_OK);
    TURN_UNTIL(c.loop, c.fired == 1);
    cr_assert_eq(c.order[0], 1);
    cr_assert_eq(hf_loop_deadline(c.loop), HF_NEVER);
    hf_loop_timer_cancel(c.loop, &c.timers[0]);
    hf_loop_free(c.loop);
}

Test(timers, tell_when_memory_runs_short)
{
    test_env short_of_memory;
    hf_timers heap = {.env = test_env_init(&short_of_memory, 1)};
    hf_timer timer = {0};

    short_of_memory.fail_at = 1;
    cr_assert_eq(hf_timers_set(&heap, &timer, 1), HF_ENOMEM);
    cr_assert_eq(timer.slot, 0);
    cr_assert_eq(hf_timers_first(&heap), HF_NEVER);
}
