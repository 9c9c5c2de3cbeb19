/* threads.c: everything of the loop that other threads touch, at once. A program of its own: Criterion does not run under
 * ThreadSanitizer, for which this is made. */
#include <holdfast/loop.h>

#include "loop_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
#define POSTS_EACH 20000
#define NAMES 64
#define ROUNDS 20

#define CHECK(condition)                                                                                                    \
    do {                                                                                                                    \
        if (!(condition)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                         \
            exit(1);                                                                                                        \
        }                                                                                                                   \
    } while (0)

static hf_env env;

/* --- An object that asks for names, and does nothing else --- */

typedef struct asker {
    size_t asked, answered;
} asker;

static void input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    (void)object, (void)now, (void)datagrams, (void)n;
}

static bool poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    (void)object, (void)now, (void)out;
    return false;
}

static bool poll_request(void *object, hf_request *out)
{
    asker *a = object;

    if (a->asked == NAMES)
        return false;
    *out = (hf_request){.type = HF_REQUEST_RESOLVE, .id = (uint32_t)a->asked++, .name = "name.example"};
    return true;
}

static void reply(void *object, hf_time now, const hf_reply *r)
{
    asker *a = object;

    (void)now;
    CHECK(r->err == HF_OK && r->addrs_len == 1);
    a->answered++;
}

static hf_time deadline(const void *object)
{
    (void)object;
    return HF_NEVER;
}

static void tick(void *object, hf_time now)
{
    (void)object, (void)now;
}

static void set_wake(void *object, void (*wake)(void *context), void *context)
{
    (void)object, (void)wake, (void)context;
}

static const hf_endpoint endpoint = {input, poll_transmit, poll_request, reply, deadline, tick, tick, set_wake};

static size_t find(const char *name, hf_addr *out, size_t cap)
{
    (void)name, (void)cap;
    out[0] = (hf_addr){.family = HF_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
    return 1;
}

/* --- Threads that post, and one that stops --- */

static size_t arrived; /* the loop's thread's */

static void on_post(void *context)
{
    (void)context;
    arrived++;
}

static void *post_all(void *context)
{
    for (int i = 0; i < POSTS_EACH; i++) {
        hf_err err;

        while ((err = hf_loop_post(context, on_post, NULL)) == HF_ELIMIT)
            ; /* the loop is behind */
        CHECK(err == HF_OK);
    }
    hf_loop_stop(context);
    return NULL;
}

static void run_all_at_once(void)
{
    pthread_t threads[THREADS];
    asker a = {0};
    hf_loop *loop;

    arrived = 0;
    CHECK(hf_loop_new(&loop, &env) == HF_OK);
    loop->lookup = find;
    CHECK(hf_loop_add(loop, &endpoint, &a, NULL) == HF_OK);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, post_all, loop) == 0);
    while (arrived < (size_t)THREADS * POSTS_EACH || a.answered < NAMES)
        CHECK(hf_loop_step(loop, HF_SECONDS(1)) == HF_OK);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(hf_loop_run(loop) == HF_OK); /* stopped already */
    hf_loop_remove(loop, &a);
    hf_loop_free(loop);
}

/* The loop goes while look-ups are anywhere: queued, in a thread, done, or told. */
static void free_in_the_midst(int turns)
{
    asker a = {0};
    hf_loop *loop;

    CHECK(hf_loop_new(&loop, &env) == HF_OK);
    loop->lookup = find;
    CHECK(hf_loop_add(loop, &endpoint, &a, NULL) == HF_OK);
    for (int i = 0; i < turns; i++)
        CHECK(hf_loop_step(loop, 0) == HF_OK);
    if (turns % 2 == 0)
        hf_loop_remove(loop, &a);
    hf_loop_free(loop);
}

int main(void)
{
    hf_env_system(&env);
    for (int i = 0; i < ROUNDS; i++) {
        run_all_at_once();
        free_in_the_midst(i);
    }
    return 0;
}
