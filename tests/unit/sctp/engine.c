/* engine.c: one engine in a process, as often as wanted one after the other. */
#include "pair.h"

#include <corpus.h>
#include <holdfast/engine.h>

#include <criterion/criterion.h>

Test(sctp_engine, is_alone_in_its_process)
{
    test_env t;
    hf_engine *one, *two;
    cr_assert_eq(hf_engine_new(&one, test_env_init(&t, 1)), HF_OK);
    cr_expect_eq(hf_engine_new(&two, &t.env), HF_EBUSY);
    hf_engine_free(one);
    cr_assert_eq(hf_engine_new(&two, &t.env), HF_OK);
    hf_engine_free(two);
    cr_expect_eq(t.blocks, 0);
}

Test(sctp_engine, wants_randomness)
{
    hf_engine *engine;
    hf_env env = {0};
    cr_expect_eq(hf_engine_new(&engine, &env), HF_EINVAL);
    cr_expect_eq(hf_engine_new(&engine, NULL), HF_EINVAL);
    hf_engine_free(NULL);
}

Test(sctp_engine, begins_again_as_often_as_wanted)
{
    for (uint64_t i = 0; i < 20; i++) {
        pair p;
        pair_init(&p, i);
        pair_open(&p);
        hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
        cr_expect_eq(pair_send_text(&p, &p.a, channel, "again"), HF_OK);
        pair_start(&p);
        cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(5)), "round %d", (int)i);
        pair_clear(&p);
    }
}

Test(sctp_engine, takes_its_associations_down_when_it_goes_first)
{
    pair p;
    pair_init(&p, 1);
    pair_up(&p);
    hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
    hf_engine_free(p.engine);
    p.engine = NULL;
    hf_datachannel other;
    cr_expect_eq(hf_sctp_channel_send(p.a.sctp, p.now, channel, HF_BINARY, (hf_bytes){0}), HF_ESTATE);
    cr_expect_eq(hf_sctp_channel_open(p.a.sctp, p.now, &(hf_datachannel_config){0}, &other), HF_ECLOSED);
    pair_drain(&p, &p.a);
    cr_assert_eq(pair_count(&p.a, HF_SCTP_DOWN), 1);
    cr_expect_eq(pair_find(&p.a, HF_SCTP_DOWN, 0)->event.cause, HF_ECLOSED);
    cr_expect_eq(pair_count(&p.a, HF_SCTP_CHANNEL_CLOSED), 1);
    cr_expect_eq(hf_sctp_deadline(p.a.sctp), HF_NEVER);
    hf_sctp_tick(p.a.sctp, p.now + HF_SECONDS(1));
    pair_clear(&p);
}

Test(sctp_engine, survives_associations_that_come_and_go)
{
    pair p;
    pair_init(&p, 1);
    for (int i = 0; i < 50; i++) {
        pair_up(&p);
        hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){0});
        pair_send_text(&p, &p.a, channel, "x");
        if (i % 2)
            pair_run(&p, HF_MS(15));
        hf_sctp_free(p.a.sctp);
        hf_sctp_free(p.b.sctp);
        p.a.sctp = p.b.sctp = NULL;
        p.a.events_len = p.b.events_len = 0;
        pair_run(&p, HF_MS(50)); /* late packets find nobody */
    }
    pair_clear(&p);
}

Test(sctp_engine, survives_each_failed_allocation)
{
    test_env t = {0};
    hf_engine *engine;
    for (size_t n = 1; test_env_next_failure(&t, n, 7); n++) {
        if (hf_engine_new(&engine, &t.env) == HF_OK) {
            hf_sctp *sctp;
            if (hf_sctp_new(&sctp, &(hf_sctp_config){.mtu = 1200}, engine, &t.env) == HF_OK)
                hf_sctp_free(sctp);
            hf_engine_free(engine);
        }
        cr_expect_eq(t.blocks, 0);
    }
}
