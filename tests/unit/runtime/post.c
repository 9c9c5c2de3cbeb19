/* post.c: functions from other threads, and stop. */
#include "toy.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4
#define POSTS_EACH 5000

typedef struct sender sender;

typedef struct mail {
    sender *from;
    int number;
} mail;

struct sender {
    hf_loop *loop;
    size_t *arrived;
    int next; /* number that must come next from this thread */
    mail mails[POSTS_EACH];
};

static void on_mail(void *context)
{
    mail *m = context;

    cr_assert_eq(m->number, m->from->next++, "posts of one thread keep their order");
    ++*m->from->arrived;
}

static void *post_all(void *context)
{
    sender *s = context;

    for (int i = 0; i < POSTS_EACH; i++) {
        s->mails[i] = (mail){s, i};
        if (hf_loop_post(s->loop, on_mail, &s->mails[i]) != HF_OK)
            return s;
    }
    return NULL;
}

Test(post, from_four_threads_arrives_whole_and_in_order)
{
    static sender senders[THREADS];
    pthread_t threads[THREADS];
    size_t arrived = 0;
    hf_loop *loop = toy_loop();

    for (int i = 0; i < THREADS; i++) {
        senders[i] = (sender){.loop = loop, .arrived = &arrived};
        cr_assert_eq(pthread_create(&threads[i], NULL, post_all, &senders[i]), 0);
    }
    TURN_UNTIL(loop, arrived == THREADS * POSTS_EACH);
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed);
    }
    hf_loop_free(loop);
}

typedef struct chain {
    hf_loop *loop;
    int links;
} chain;

static void on_link(void *context)
{
    chain *c = context;

    if (++c->links < 3)
        cr_assert_eq(hf_loop_post(c->loop, on_link, c), HF_OK);
}

Test(post, from_inside_runs_in_the_next_turn)
{
    chain c = {.loop = toy_loop()};

    cr_assert_eq(hf_loop_post(c.loop, on_link, &c), HF_OK);
    for (int turn = 1; turn <= 3; turn++) {
        cr_assert_eq(hf_loop_step(c.loop, HF_NEVER), HF_OK);
        cr_assert_eq(c.links, turn);
    }
    hf_loop_free(c.loop);
}

static void ignore(void *context)
{
    (void)context;
}

Test(post, has_a_limit)
{
    hf_loop *loop = toy_loop();

    for (int i = 0; i < HF_LOOP_POSTS_MAX; i++)
        cr_assert_eq(hf_loop_post(loop, ignore, NULL), HF_OK);
    cr_assert_eq(hf_loop_post(loop, ignore, NULL), HF_ELIMIT);
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    cr_assert_eq(hf_loop_post(loop, ignore, NULL), HF_OK);
    hf_loop_free(loop);
}

Test(post, that_never_ran_is_dropped_with_the_loop)
{
    hf_loop *loop = toy_loop();

    cr_assert_eq(hf_loop_post(loop, ignore, NULL), HF_OK);
    hf_loop_free(loop);
}

static void *stop(void *context)
{
    hf_loop_stop(context);
    return NULL;
}

Test(stop, from_another_thread_ends_a_run_that_waits)
{
    hf_loop *loop = toy_loop();
    pthread_t thread;

    for (int i = 0; i < 50; i++) { /* before, in and after the wait, as it happens: it is never lost */
        cr_assert_eq(pthread_create(&thread, NULL, stop, loop), 0);
        cr_assert_eq(hf_loop_run(loop), HF_OK);
        cr_assert_eq(pthread_join(thread, NULL), 0);
    }
    hf_loop_free(loop);
}

static void on_stop(void *context)
{
    hf_loop_stop(context);
}

static void count_up(void *context)
{
    ++*(int *)context;
}

Test(stop, from_a_handler_finishes_the_turn)
{
    hf_loop *loop = toy_loop();
    int counted = 0;

    cr_assert_eq(hf_loop_post(loop, on_stop, loop), HF_OK);
    cr_assert_eq(hf_loop_post(loop, count_up, &counted), HF_OK);
    cr_assert_eq(hf_loop_run(loop), HF_OK);
    cr_assert_eq(counted, 1);
    hf_loop_free(loop);
}
