/* transaction.c: the retransmission schedule under virtual time (RFC 8489 §6.2.1). */
#include "env.h"
#include "stun.h"

#include <criterion/criterion.h>

typedef struct moment {
    int64_t ms;
    hf_stun_step step;
} moment;

/* Walks through the moments at which something is due; at each one millisecond earlier nothing is. */
static void walk(hf_stun_transaction *t, hf_time start, const moment *moments, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hf_time now = start + HF_MS(moments[i].ms);
        cr_expect_eq(t->due, now, "moment %zu: due at %lld us", i, (long long)(t->due - start));
        cr_expect_eq(hf_stun_transaction_step(t, now - 1), HF_STUN_WAIT, "moment %zu", i);
        cr_expect_eq(hf_stun_transaction_step(t, now), moments[i].step, "moment %zu", i);
        if (moments[i].step == HF_STUN_SEND_NOW)
            cr_expect_eq(t->sent_at, now);
    }
}

Test(stun_transaction, sends_seven_times_and_gives_up_after_39500_ms)
{
    test_env e;
    hf_stun_transaction t;
    hf_time start = HF_SECONDS(1000);
    static const moment moments[] = {
        {0, HF_STUN_SEND_NOW},    {500, HF_STUN_SEND_NOW},   {1500, HF_STUN_SEND_NOW},  {3500, HF_STUN_SEND_NOW},
        {7500, HF_STUN_SEND_NOW}, {15500, HF_STUN_SEND_NOW}, {31500, HF_STUN_SEND_NOW}, {39500, HF_STUN_GIVE_UP},
    };

    hf_stun_transaction_start(&t, start, HF_STUN_RTO, test_env_init(&e, 1));
    walk(&t, start, moments, sizeof moments / sizeof *moments);
    cr_expect_eq(t.sent, HF_STUN_RC);
    cr_expect_eq(hf_stun_transaction_step(&t, start + HF_SECONDS(60)), HF_STUN_GIVE_UP, "and it stays given up");
    cr_expect_eq(t.sent, HF_STUN_RC);
}

Test(stun_transaction, scales_with_the_first_timeout)
{
    test_env e;
    hf_stun_transaction t;
    static const moment moments[] = {
        {0, HF_STUN_SEND_NOW},    {100, HF_STUN_SEND_NOW},  {300, HF_STUN_SEND_NOW},  {700, HF_STUN_SEND_NOW},
        {1500, HF_STUN_SEND_NOW}, {3100, HF_STUN_SEND_NOW}, {6300, HF_STUN_SEND_NOW}, {7900, HF_STUN_GIVE_UP},
    };

    hf_stun_transaction_start(&t, 0, HF_MS(100), test_env_init(&e, 1));
    walk(&t, 0, moments, sizeof moments / sizeof *moments);
}

Test(stun_transaction, takes_zero_for_the_default)
{
    test_env e;
    hf_stun_transaction t;

    hf_stun_transaction_start(&t, 0, 0, test_env_init(&e, 1));
    cr_expect_eq(hf_stun_transaction_step(&t, 0), HF_STUN_SEND_NOW);
    cr_expect_eq(t.due, HF_MS(500));
}

/* A driver that slept must not make up for lost time with a burst. */
Test(stun_transaction, counts_from_the_transmission_when_the_driver_is_late)
{
    test_env e;
    hf_stun_transaction t;

    hf_stun_transaction_start(&t, 0, HF_MS(500), test_env_init(&e, 1));
    cr_expect_eq(hf_stun_transaction_step(&t, HF_SECONDS(10)), HF_STUN_SEND_NOW);
    cr_expect_eq(hf_stun_transaction_step(&t, HF_SECONDS(10)), HF_STUN_WAIT);
    cr_expect_eq(hf_stun_transaction_step(&t, HF_SECONDS(100)), HF_STUN_SEND_NOW);
    cr_expect_eq(hf_stun_transaction_step(&t, HF_SECONDS(101) - 1), HF_STUN_WAIT);
    cr_expect_eq(hf_stun_transaction_step(&t, HF_SECONDS(101)), HF_STUN_SEND_NOW);
}

Test(stun_transaction, takes_its_id_from_the_environment)
{
    test_env e, same;
    hf_stun_transaction a, b, again;

    hf_stun_transaction_start(&a, 0, 0, test_env_init(&e, 7));
    hf_stun_transaction_start(&b, 0, 0, &e.env);
    hf_stun_transaction_start(&again, 0, 0, test_env_init(&same, 7));
    cr_expect_arr_neq(a.id, b.id, HF_STUN_ID_SIZE);
    cr_expect_arr_eq(a.id, again.id, HF_STUN_ID_SIZE);
    cr_expect_eq(e.allocations, 0);
}
