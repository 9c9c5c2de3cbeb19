/* shortage.c: memory runs short once, somewhere on the way of a session: nothing that was accepted is lost. */
#include "pair.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* More than there are allocations, from the moment at which both are connected: each run has another one fail. */
#define RUNS 180

static void say(pair *p, int side)
{
    uint64_t number = p->side[side].sent;
    hf_channel *channel = hf_session_channel(p->side[side].session, "chat");
    hf_err err = channel ? hf_channel_send(channel, p->now, HF_BINARY, &number, sizeof number) : HF_ENOENT;
    cr_assert(err == HF_OK || err == HF_ENOMEM || err == HF_ENOENT, "%s", hf_err_name(err));
    p->side[side].sent += err == HF_OK;
}

static void talk(pair *p)
{
    for (int i = 0; i < 10; i++) {
        say(p, i % 2);
        pair_run(p, HF_MS(3), NULL);
    }
}

static bool all_is_there(pair *p)
{
    return p->side[0].heard.next == p->side[1].sent && p->side[1].heard.next == p->side[0].sent;
}

/* What the manager does: one connection after the other. */
static void recover(pair *p)
{
    for (int i = 0; i < 6 && !(pair_is_connected(p) && pair_run(p, HF_SECONDS(3), all_is_there)); i++) {
        (void)!hf_session_reconnect(p->side[i % 2].session, p->now);
        pair_run(p, HF_SECONDS(3), pair_is_connected);
    }
}

ParameterizedTestParameters(session_shortage, loses_nothing)
{
    static size_t numbers[RUNS];
    for (size_t i = 0; i < RUNS; i++)
        numbers[i] = 1 + i;
    return cr_make_param_array(size_t, numbers, RUNS);
}

ParameterizedTest(const size_t *number, session_shortage, loses_nothing)
{
    pair p;
    hf_channel *channel;
    pair_init(&p, 1, NULL);
    pair_connect(&p);
    size_t before = p.env.allocations;
    p.env.fail_at = before + *number;
    for (int i = 0; i < 3 && !hf_session_channel(p.side[0].session, "chat"); i++)
        (void)!hf_session_create_channel(p.side[0].session, p.now, &(hf_channel_config){.name = "chat"}, &channel);
    talk(&p);
    (void)!hf_session_reconnect(p.side[1].session, p.now);
    talk(&p);
    recover(&p);
    cr_expect(all_is_there(&p), "allocation %zu: %d of %d, %d of %d", *number, (int)p.side[0].heard.next,
              (int)p.side[1].sent, (int)p.side[1].heard.next, (int)p.side[0].sent);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(p.side[i].heard.out_of_order, 0, "allocation %zu", *number);
        cr_expect_eq(p.side[i].heard.events[HF_SESSION_MESSAGE_RETURNED], 0, "allocation %zu", *number);
    }
    if (*number == RUNS)
        cr_expect_lt(p.env.allocations - before, RUNS, "each of them has failed in some run");
    cr_assert_eq(hf_session_disconnect(p.side[0].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(5), NULL);
    cr_expect_eq(hf_session_get_state(p.side[0].session), HF_SESSION_CLOSED);
    pair_clear(&p);
}
