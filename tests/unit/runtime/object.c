/* object.c: driving: what is called when, and what is not. */
#include "toy.h"

#include <poll.h>
#include <string.h>

static hf_env env;

Test(object, is_served_when_it_was_added_and_when_it_wakes)
{
    hf_loop *loop = toy_loop();
    toy *t = toy_new();

    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, NULL), HF_OK);
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, NULL), HF_EEXIST);
    cr_assert_leq(hf_loop_deadline(loop), hf_clock_now());
    cr_assert_eq(hf_loop_step(loop, HF_NEVER), HF_OK);
    size_t calls = t->calls;
    cr_assert_gt(calls, 0);
    cr_assert_eq(hf_loop_deadline(loop), HF_NEVER);

    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    cr_assert_eq(t->calls, calls, "nothing happened, nothing is called");
    t->wake(t->wake_context);
    t->wake(t->wake_context);
    cr_assert_eq(hf_loop_step(loop, HF_NEVER), HF_OK);
    cr_assert_eq(t->calls, 2 * calls, "two wakes are one serving");

    hf_loop_remove(loop, t);
    cr_assert_null(t->wake);
    hf_loop_remove(loop, t);
    hf_loop_free(loop);
    toy_free(t);
}

Test(object, that_is_idle_costs_no_calls)
{
    enum { IDLE = 500 };
    static toy idle[IDLE]; /* zeroes, but for the moment that they wait for */
    hf_loop *loop = toy_loop();
    toy *a = toy_new(), *b = toy_new();
    size_t calls = 0, after = 0;

    for (size_t i = 0; i < IDLE; i++) {
        idle[i].due = HF_NEVER;
        cr_assert_eq(hf_loop_add(loop, &toy_endpoint, &idle[i], NULL), HF_OK);
    }
    a->echo = b->echo = false;
    cr_assert(toy_add_bound(loop, a, "127.0.0.1"));
    cr_assert(toy_add_bound(loop, b, "127.0.0.1"));
    for (size_t i = 0; i < IDLE; i++)
        calls += idle[i].calls;
    cr_assert_geq(calls, IDLE);

    hf_path path = toy_path(a, b);
    for (size_t i = 0; i < 100; i++) {
        toy_send(a, &path, "x", 1, 1);
        TURN_UNTIL(loop, b->datagrams == i + 1);
    }
    for (size_t i = 0; i < IDLE; i++)
        after += idle[i].calls;
    cr_assert_eq(after, calls);

    hf_loop_stats stats;
    hf_loop_get_stats(loop, &stats);
    cr_assert_eq(stats.objects, IDLE + 2);
    cr_assert_eq(stats.sockets, 2);
    hf_loop_free(loop);
    toy_free(a);
    toy_free(b);
}

Test(object, is_ticked_at_its_deadline)
{
    hf_loop *loop = toy_loop();
    toy *t = toy_new();

    t->due = hf_clock_now() + HF_MS(2);
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, NULL), HF_OK);
    TURN_UNTIL(loop, t->ticks == 1); /* tick itself checks that it does not come early */
    cr_assert_eq(hf_loop_deadline(loop), HF_NEVER);

    t->due = hf_clock_now(); /* a call of the application set one */
    t->wake(t->wake_context);
    TURN_UNTIL(loop, t->ticks == 2);
    hf_loop_remove(loop, t);
    hf_loop_free(loop);
    toy_free(t);
}

/* --- Removal inside a handler --- */

typedef struct group {
    hf_loop *loop;
    toy *members[3];
} group;

static void remove_myself(toy *t)
{
    group *g = t->context;

    hf_loop_remove(g->loop, t);
    toy_free(t);
}

static void remove_all(toy *t)
{
    group *g = t->context;

    for (size_t i = 0; i < 3; i++) {
        hf_loop_remove(g->loop, g->members[i]);
        toy_free(g->members[i]);
    }
    (void)t;
}

static group group_new(void)
{
    group g = {.loop = toy_loop()};

    for (size_t i = 0; i < 3; i++) {
        g.members[i] = toy_new();
        cr_assert(toy_add_bound(g.loop, g.members[i], "127.0.0.1"));
    }
    return g;
}

static void send_to_all(group *g, toy *from)
{
    for (size_t i = 0; i < 3; i++) {
        hf_path path = toy_path(from, g->members[i]);
        toy_send(from, &path, "x", 1, 1);
    }
}

static size_t count_objects(hf_loop *loop)
{
    hf_loop_stats stats;

    hf_loop_get_stats(loop, &stats);
    cr_assert_eq(stats.objects, stats.sockets);
    return stats.objects;
}

Test(object, may_remove_and_free_itself_in_its_handler)
{
    group g = group_new();

    for (size_t i = 0; i < 3; i++) {
        g.members[i]->context = &g;
        g.members[i]->on_dispatch = remove_myself;
        g.members[i]->wake(g.members[i]->wake_context);
    }
    TURN_UNTIL(g.loop, count_objects(g.loop) == 0);
    hf_loop_free(g.loop);
}

Test(object, may_remove_others_that_have_datagrams_waiting)
{
    group g = group_new();
    toy *sender = toy_new();

    cr_assert(toy_add_bound(g.loop, sender, "127.0.0.1"));
    g.members[1]->context = &g;
    g.members[1]->on_dispatch = remove_all;
    send_to_all(&g, sender);
    TURN_UNTIL(g.loop, count_objects(g.loop) == 1);
    cr_assert_eq(hf_loop_step(g.loop, 0), HF_OK);
    hf_loop_remove(g.loop, sender);
    hf_loop_free(g.loop);
    toy_free(sender);
}

Test(object, has_its_last_words_sent)
{
    hf_loop *loop = toy_loop();
    toy *a = toy_new(), *b = toy_new();

    cr_assert(toy_add_bound(loop, a, "127.0.0.1"));
    cr_assert(toy_add_bound(loop, b, "127.0.0.1"));
    hf_path path = toy_path(a, b);
    toy_send(a, &path, "farewell", 8, 8);
    hf_loop_remove(loop, a);
    toy_free(a);
    TURN_UNTIL(loop, b->datagrams == 1);
    cr_assert_arr_eq(b->bytes, "farewell", 8);
    hf_loop_remove(loop, b);
    hf_loop_free(loop);
    toy_free(b);
}

/* --- One that never ends --- */

static void send_always(toy *t)
{
    hf_path path = *(hf_path *)t->context;

    if (t->runs_len == t->runs_sent)
        toy_send(t, &path, "again", 5, 5);
}

Test(object, that_always_has_more_does_not_keep_others_waiting)
{
    hf_loop *loop = toy_loop();
    toy *busy = toy_new(), *calm = toy_new();

    cr_assert(toy_add_bound(loop, busy, "127.0.0.1"));
    cr_assert(toy_add_bound(loop, calm, "127.0.0.1"));
    hf_path path = {.local = busy->locals[0].addr, .remote = busy->locals[0].addr};
    path.remote.port = 9; /* nobody's */
    busy->context = &path;
    busy->on_dispatch = send_always;
    busy->wake(busy->wake_context);

    for (int i = 0; i < 10; i++) {
        size_t before = calm->dispatches;

        calm->wake(calm->wake_context);
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
        cr_assert_gt(calm->dispatches, before);
    }
    hf_loop_remove(loop, busy);
    hf_loop_remove(loop, calm);
    hf_loop_free(loop);
    toy_free(busy);
    toy_free(calm);
}

/* --- The loop inside another one --- */

Test(loop, can_be_driven_by_another_loops_poll)
{
    hf_loop *loop = toy_loop();
    toy *a = toy_new(), *b = toy_new();

    cr_assert(toy_add_bound(loop, a, "127.0.0.1"));
    cr_assert(toy_add_bound(loop, b, "127.0.0.1"));
    hf_path path = toy_path(a, b);
    toy_send(a, &path, "x", 1, 1);
    for (hf_time end = hf_clock_now() + TOY_PATIENCE; b->datagrams == 0;) {
        struct pollfd fd = {.fd = hf_loop_fd(loop), .events = POLLIN};
        bool at_once = hf_loop_deadline(loop) <= hf_clock_now();

        cr_assert_lt(hf_clock_now(), end);
        cr_assert_geq(poll(&fd, 1, at_once ? 0 : 1000), 0);
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    }
    hf_loop_remove(loop, a);
    hf_loop_remove(loop, b);
    hf_loop_free(loop);
    toy_free(a);
    toy_free(b);
}

static void step_inside(toy *t)
{
    *(hf_err *)t->bytes = hf_loop_step(t->context, 0);
}

Test(loop, refuses_a_turn_inside_a_turn)
{
    hf_loop *loop = toy_loop();
    toy *t = toy_new();

    t->context = loop;
    t->on_dispatch = step_inside;
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, NULL), HF_OK);
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    cr_assert_eq(*(hf_err *)t->bytes, HF_ESTATE);
    hf_loop_remove(loop, t);
    hf_loop_free(loop);
    toy_free(t);
}

Test(loop, needs_an_environment_with_randomness)
{
    hf_loop *loop = NULL;

    cr_assert_eq(hf_loop_new(&loop, NULL), HF_EINVAL);
    cr_assert_eq(hf_loop_new(&loop, &env), HF_EINVAL);
    cr_assert_null(loop);
    hf_loop_free(NULL);
}

Test(loop, refuses_to_bind_to_what_is_no_address)
{
    static const hf_addr bad[] = {
        {0},
        {.family = HF_FAMILY_IPV4},
        {.family = HF_FAMILY_IPV4, .ip = {224, 0, 0, 1}},
    };
    hf_loop *loop = toy_loop();
    toy *t = toy_new();

    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, &(hf_bind){.addrs = &bad[i], .addrs_len = 1}), HF_EINVAL);
    cr_assert_null(t->wake);
    hf_loop_free(loop);
    toy_free(t);
}

/* Each allocation fails once, and once with all behind it. */
Test(loop, survives_every_shortage_of_memory)
{
    for (int all_behind = 0; all_behind < 2; all_behind++) {
        test_env short_of_memory = {0};

        for (size_t n = 1; test_env_next_failure(&short_of_memory, n, 7); n++) {
            hf_addr addr = {.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
            hf_loop *loop = NULL;
            toy *t = toy_new();

            short_of_memory.fail_on = all_behind;
            if (hf_loop_new(&loop, &short_of_memory.env) == HF_OK) {
                hf_err err = hf_loop_add(loop, &toy_endpoint, t, &(hf_bind){.addrs = &addr, .addrs_len = 1});

                cr_assert(err == HF_OK || err == HF_ENOMEM);
                if (err == HF_OK) {
                    toy_ask_locals(t);
                    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
                    cr_assert_eq(t->locals_replies, 1);
                    cr_assert_eq(t->locals_err, t->locals_len ? HF_OK : HF_EIO);
                }
                hf_loop_free(loop);
            }
            cr_assert_eq(short_of_memory.blocks, 0);
            toy_free(t);
        }
    }
}
