/* resolver.c: names to addresses. No test leaves this machine: the names are literals and localhost, or the look-up is
 * ours. */
#include "toy.h"

#include "loop_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static toy *toy_in(hf_loop *loop)
{
    toy *t = toy_new();

    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, NULL), HF_OK);
    return t;
}

Test(resolver, answers_a_literal_at_once_without_a_thread)
{
    static const char *const literals[] = {"192.0.2.7", "2001:db8::7"};
    hf_loop *loop = toy_loop();

    for (size_t i = 0; i < 2; i++) {
        toy *t = toy_in(loop);
        hf_addr expected;

        cr_assert(hf_addr_parse(literals[i], strlen(literals[i]), &expected));
        toy_ask_name(t, literals[i]);
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
        cr_assert_eq(t->resolved, 1);
        cr_assert_eq(t->resolved_err, HF_OK);
        cr_assert_eq(t->resolved_id, TOY_NAME_ID);
        cr_assert_eq(t->resolved_len, 1);
        cr_assert(hf_addr_equal(&t->resolved_addrs[0], &expected));
        hf_loop_remove(loop, t);
        toy_free(t);
    }
    cr_assert_null(loop->resolver);
    hf_loop_free(loop);
}

Test(resolver, finds_localhost)
{
    hf_loop *loop = toy_loop();
    toy *t = toy_in(loop);

    toy_ask_name(t, "localhost");
    TURN_UNTIL(loop, t->resolved == 1);
    cr_assert_eq(t->resolved_err, HF_OK);
    cr_assert_gt(t->resolved_len, 0);
    for (size_t i = 0; i < t->resolved_len; i++)
        cr_assert(hf_addr_is_loopback(&t->resolved_addrs[i]));
    hf_loop_remove(loop, t);
    hf_loop_free(loop);
    toy_free(t);
}

static size_t find_nothing(const char *name, hf_addr *out, size_t cap)
{
    (void)name;
    (void)out;
    (void)cap;
    return 0;
}

Test(resolver, tells_that_a_name_does_not_exist)
{
    hf_loop *loop = toy_loop();
    toy *t = toy_in(loop);

    loop->lookup = find_nothing;
    toy_ask_name(t, "does-not-exist.invalid");
    TURN_UNTIL(loop, t->resolved == 1);
    cr_assert_eq(t->resolved_err, HF_ERESOLVE);
    cr_assert_eq(t->resolved_len, 0);
    hf_loop_remove(loop, t);
    hf_loop_free(loop);
    toy_free(t);
}

Test(resolver, refuses_what_is_no_name)
{
    static char endless[HF_LOOKUP_NAME_MAX + 2];
    const struct {
        const char *name, *why;
    } cases[] = {
        {"", "empty"},
        {endless, "longer than any name (RFC 1035 §2.3.4)"},
    };
    hf_loop *loop = toy_loop();
    toy *t = toy_in(loop);

    memset(endless, 'a', sizeof endless - 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        toy_ask_name(t, cases[i].name);
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
        cr_assert_eq(t->resolved, i + 1, "%s", cases[i].why);
        cr_assert_eq(t->resolved_err, HF_ERESOLVE, "%s", cases[i].why);
    }
    cr_assert_null(loop->resolver);
    hf_loop_remove(loop, t);
    hf_loop_free(loop);
    toy_free(t);
}

/* --- A look-up that waits until the test lets it go --- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int gate_begun, gate_done;

static size_t find_behind_gate(const char *name, hf_addr *out, size_t cap)
{
    (void)name;
    (void)cap;
    pthread_mutex_lock(&gate);
    gate_begun++;
    pthread_cond_broadcast(&gate_moved);
    while (!gate_open)
        pthread_cond_wait(&gate_moved, &gate);
    gate_done++;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
    out[0] = (hf_addr){.family = HF_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
    return 1;
}

static void wait_for(const int *count, int n)
{
    pthread_mutex_lock(&gate);
    while (*count < n)
        pthread_cond_wait(&gate_moved, &gate);
    pthread_mutex_unlock(&gate);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate);
    gate_open = true;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
}

Test(resolver, does_not_hold_the_loop_up)
{
    hf_loop *loop = toy_loop();
    toy *slow = toy_in(loop), *a = toy_new(), *b = toy_new();

    loop->lookup = find_behind_gate;
    toy_ask_name(slow, "slow.example");
    cr_assert(toy_add_bound(loop, a, "127.0.0.1"));
    cr_assert(toy_add_bound(loop, b, "127.0.0.1"));
    hf_path path = toy_path(a, b);
    toy_send(a, &path, "x", 1, 1);
    TURN_UNTIL(loop, b->datagrams == 1);
    cr_assert_eq(slow->resolved, 0);
    open_gate();
    TURN_UNTIL(loop, slow->resolved == 1);
    cr_assert_eq(slow->resolved_err, HF_OK);
    hf_loop_remove(loop, slow);
    hf_loop_remove(loop, a);
    hf_loop_remove(loop, b);
    hf_loop_free(loop);
    toy_free(slow);
    toy_free(a);
    toy_free(b);
}

Test(resolver, looks_up_more_names_than_it_has_threads)
{
    enum { NAMES = 3 * HF_RESOLVER_WORKERS_MAX };
    hf_loop *loop = toy_loop();
    toy *toys[NAMES];
    size_t resolved = 0;

    loop->lookup = find_behind_gate;
    for (size_t i = 0; i < NAMES; i++) {
        toys[i] = toy_in(loop);
        toy_ask_name(toys[i], "slow.example");
    }
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    wait_for(&gate_begun, HF_RESOLVER_WORKERS_MAX);
    open_gate();
    for (size_t i = 0; i < NAMES; i++) {
        TURN_UNTIL(loop, toys[i]->resolved == 1);
        resolved += toys[i]->resolved;
        hf_loop_remove(loop, toys[i]);
        toy_free(toys[i]);
    }
    cr_assert_eq(resolved, NAMES);
    hf_loop_free(loop);
}

Test(resolver, has_a_limit)
{
    hf_loop *loop = toy_loop();
    toy *t = toy_in(loop);

    loop->lookup = find_behind_gate;
    for (size_t i = 0; i <= HF_LOOKUPS_MAX; i++) {
        cr_assert_eq(t->resolved, 0);
        toy_ask_name(t, "slow.example");
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    }
    cr_assert_eq(t->resolved, 1, "the one too many");
    cr_assert_eq(t->resolved_err, HF_EIO);
    open_gate();
    TURN_UNTIL(loop, t->resolved == HF_LOOKUPS_MAX + 1);
    hf_loop_remove(loop, t);
    hf_loop_free(loop);
    toy_free(t);
}

Test(resolver, drops_the_answer_for_one_that_has_gone)
{
    hf_loop *loop = toy_loop();
    toy *gone = toy_in(loop), *queued = toy_new(), *stays;

    loop->lookup = find_behind_gate;
    for (int i = 0; i < HF_RESOLVER_WORKERS_MAX; i++) {
        toy_ask_name(gone, "slow.example");
        cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    }
    wait_for(&gate_begun, HF_RESOLVER_WORKERS_MAX);
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, queued, NULL), HF_OK);
    toy_ask_name(queued, "queued.example"); /* no thread is free for it */
    stays = toy_in(loop);
    toy_ask_name(stays, "stays.example");
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);

    hf_loop_remove(loop, gone);
    hf_loop_remove(loop, queued);
    toy_free(gone);
    toy_free(queued);
    open_gate();
    TURN_UNTIL(loop, stays->resolved == 1);
    hf_loop_remove(loop, stays);
    hf_loop_free(loop);
    toy_free(stays);
    wait_for(&gate_done, HF_RESOLVER_WORKERS_MAX + 1);
    cr_assert_eq(gate_begun, HF_RESOLVER_WORKERS_MAX + 1, "what was queued for the removed one was not looked up");
}

Test(resolver, does_not_hold_up_the_end_of_the_loop)
{
    hf_loop *loop = toy_loop();
    toy *t = toy_in(loop);

    loop->lookup = find_behind_gate;
    toy_ask_name(t, "slow.example");
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    wait_for(&gate_begun, 1);
    hf_loop_remove(loop, t);
    hf_loop_free(loop); /* while the look-up is on its way: this returns all the same */
    toy_free(t);
    cr_assert_eq(gate_done, 0);
    open_gate();
    wait_for(&gate_done, 1);
}
