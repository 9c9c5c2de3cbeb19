/* manager.c: driving a manager whose sessions come and go. Manager and sessions are toys with the functions of the real
 * ones. */
#include "toy.h"

#include <holdfast/manager.h>

#include <stdlib.h>

struct hf_session {
    toy *t;
    hf_manager *manager;
    bool gone; /* the application has forgotten it: it may only be asked for its last words */
};

#define CHANGES_MAX 16

struct hf_manager {
    hf_manager_change changes[CHANGES_MAX];
    size_t changes_len, changes_told;
    void (*wake)(void *context);
    void *wake_context;
    size_t dispatches, ticks;
    hf_time due;
    hf_session *dead; /* freed by the next poll: under AddressSanitizer every call after that ends the test */
};

void hf_session_input(hf_session *s, hf_time now, hf_datagram *datagrams, size_t n)
{
    cr_assert_not(s->gone);
    toy_endpoint.input(s->t, now, datagrams, n);
}

bool hf_session_poll_transmit(hf_session *s, hf_time now, hf_transmit *out)
{
    return toy_endpoint.poll_transmit(s->t, now, out);
}

bool hf_session_poll_request(hf_session *s, hf_request *out)
{
    cr_assert_not(s->gone);
    return toy_endpoint.poll_request(s->t, out);
}

void hf_session_reply(hf_session *s, hf_time now, const hf_reply *reply)
{
    cr_assert_not(s->gone);
    toy_endpoint.reply(s->t, now, reply);
}

hf_time hf_session_deadline(const hf_session *s)
{
    return toy_endpoint.deadline(s->t);
}

void hf_session_tick(hf_session *s, hf_time now)
{
    cr_assert_not(s->gone);
    toy_endpoint.tick(s->t, now);
}

void hf_session_dispatch(hf_session *s, hf_time now)
{
    cr_assert_not(s->gone);
    toy_endpoint.dispatch(s->t, now);
}

void hf_session_set_wake(hf_session *s, void (*wake)(void *context), void *context)
{
    toy_endpoint.set_wake(s->t, wake, context);
}

void hf_manager_dispatch(hf_manager *m, hf_time now)
{
    (void)now;
    m->dispatches++;
}

hf_time hf_manager_deadline(const hf_manager *m)
{
    return m->due;
}

void hf_manager_tick(hf_manager *m, hf_time now)
{
    cr_assert_leq(m->due, now);
    m->due = HF_NEVER;
    m->ticks++;
}

bool hf_manager_poll_change(hf_manager *m, hf_manager_change *out)
{
    if (m->dead) {
        toy_free(m->dead->t);
        free(m->dead);
        m->dead = NULL;
    }
    if (m->changes_told == m->changes_len)
        return false;
    *out = m->changes[m->changes_told++];
    if (!out->added)
        m->dead = out->session;
    return true;
}

void hf_manager_set_wake(hf_manager *m, void (*wake)(void *context), void *context)
{
    m->wake = wake;
    m->wake_context = context;
}

static void tell(hf_manager *m, hf_session *session, bool added)
{
    cr_assert_lt(m->changes_len, CHANGES_MAX);
    m->changes[m->changes_len++] = (hf_manager_change){.session = session, .added = added};
    if (m->wake)
        m->wake(m->wake_context);
}

static hf_session *begin_session(hf_manager *m)
{
    hf_session *session = malloc(sizeof *session);

    cr_assert_not_null(session);
    *session = (hf_session){.t = toy_new(), .manager = m};
    session->t->context = session;
    session->t->asks_locals = true;
    tell(m, session, true);
    return session;
}

static void forget(hf_session *session)
{
    session->gone = true;
    tell(session->manager, session, false);
}

typedef struct world {
    hf_loop *loop;
    hf_manager manager;
    hf_addr loopback;
} world;

static void begin(world *w)
{
    *w = (world){.loop = toy_loop(), .loopback = {.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    w->manager.due = HF_NEVER;
    cr_assert_eq(hf_loop_add_manager(w->loop, &w->manager, &(hf_bind){.addrs = &w->loopback, .addrs_len = 1}), HF_OK);
    cr_assert_eq(hf_loop_add_manager(w->loop, &w->manager, NULL), HF_EEXIST);
}

static size_t count_sockets(const world *w)
{
    hf_loop_stats stats;

    hf_loop_get_stats(w->loop, &stats);
    return stats.sockets;
}

Test(manager, has_its_sessions_driven_from_their_beginning_to_their_end)
{
    world w;

    begin(&w);
    hf_session *a = begin_session(&w.manager), *b = begin_session(&w.manager);
    TURN_UNTIL(w.loop, a->t->locals_len == 1 && b->t->locals_len == 1);
    cr_assert_gt(w.manager.dispatches, 0);

    hf_path path = toy_path(a->t, b->t);
    toy_send(a->t, &path, "hello", 5, 5);
    TURN_UNTIL(w.loop, b->t->datagrams == 1);

    forget(a);
    TURN_UNTIL(w.loop, count_sockets(&w) == 1);
    forget(b);
    TURN_UNTIL(w.loop, count_sockets(&w) == 0);
    hf_loop_remove_manager(w.loop, &w.manager);
    hf_loop_remove_manager(w.loop, &w.manager);
    cr_assert_null(w.manager.wake);
    hf_loop_free(w.loop);
}

Test(manager, is_called_when_it_is_due)
{
    world w;

    begin(&w);
    cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
    cr_expect_eq(w.manager.ticks, 0);
    w.manager.due = hf_loop_now(w.loop) + HF_MS(2);
    w.manager.wake(w.manager.wake_context);
    TURN_UNTIL(w.loop, w.manager.ticks == 1);
    hf_loop_remove_manager(w.loop, &w.manager);
    hf_loop_free(w.loop);
}

static hf_session *victims[3];

static void forget_all(toy *t)
{
    (void)t;
    for (size_t i = 0; i < 3; i++)
        forget(victims[i]);
}

Test(manager, may_forget_sessions_in_a_handler_while_datagrams_wait_for_them)
{
    world w;

    begin(&w);
    hf_session *sender = begin_session(&w.manager);
    for (size_t i = 0; i < 3; i++)
        victims[i] = begin_session(&w.manager);
    TURN_UNTIL(w.loop, count_sockets(&w) == 4);

    for (size_t i = 0; i < 3; i++) {
        hf_path path = toy_path(sender->t, victims[i]->t);

        for (int n = 0; n < 5; n++)
            toy_send(sender->t, &path, "x", 1, 1);
    }
    victims[1]->t->on_dispatch = forget_all;
    TURN_UNTIL(w.loop, count_sockets(&w) == 1);
    forget(sender);
    cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
    hf_loop_remove_manager(w.loop, &w.manager);
    hf_loop_free(w.loop);
}

static void forget_by_post(void *context)
{
    forget(context);
}

Test(manager, may_forget_a_session_outside_of_a_serving)
{
    world w;

    begin(&w);
    hf_session *a = begin_session(&w.manager), *b = begin_session(&w.manager);
    TURN_UNTIL(w.loop, count_sockets(&w) == 2);
    hf_path path = toy_path(b->t, a->t);
    toy_send(b->t, &path, "x", 1, 1);
    cr_assert_eq(hf_loop_step(w.loop, 0), HF_OK);
    cr_assert_eq(hf_loop_post(w.loop, forget_by_post, a), HF_OK); /* in the turn in which its datagram comes */
    TURN_UNTIL(w.loop, count_sockets(&w) == 1);
    forget(b);
    hf_loop_remove_manager(w.loop, &w.manager); /* before the loop had a turn to see it */
    hf_loop_free(w.loop);
}

Test(manager, that_is_still_added_goes_with_the_loop)
{
    world w;

    begin(&w);
    hf_session *a = begin_session(&w.manager);
    TURN_UNTIL(w.loop, count_sockets(&w) == 1);
    hf_loop_free(w.loop);
    cr_assert_null(w.manager.wake);
    cr_assert_null(a->t->wake);
    forget(a);
    for (hf_manager_change change; hf_manager_poll_change(&w.manager, &change);) {
    }
}
