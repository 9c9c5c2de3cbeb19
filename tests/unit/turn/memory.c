/* memory.c: a client's whole life, once for each allocation that may fail. */
#include "fake.h"

#include <criterion/criterion.h>

/* Whatever fails, time and a server that answers heal it, or the call that failed said so. */
static void live(fake *f)
{
    hf_addr peer = fake_addr("198.51.100.7:7000");
    hf_turn_client_event e;
    (void)!hf_turn_client_permit(f->client, f->now, &peer);
    fake_run(f, HF_SECONDS(1));
    (void)!hf_turn_client_bind(f->client, f->now, &peer);
    (void)!hf_turn_client_set_credentials(f->client, f->now, FAKE_USER, FAKE_PASSWORD);
    f->nonce = "nonce-2";
    fake_run(f, HF_SECONDS(700));
    bool is_allocated = false;
    while (hf_turn_client_poll_event(f->client, &e)) {
        is_allocated |= e.type == HF_TURN_ALLOCATED;
        cr_expect_neq(e.type, HF_TURN_FAILED);
    }
    cr_expect(is_allocated, "allocation %zu failed", f->env.fail_at);
    hf_turn_client_close(f->client, f->now);
    fake_run(f, HF_SECONDS(1));
    fake_event(f, HF_TURN_CLOSED);
}

Test(turn_memory, any_allocation_may_fail)
{
    static fake f;
    size_t lived = 0;
    for (size_t n = 1; test_env_next_failure(&f.env, n, 7); n++) {
        hf_err err = fake_init_in(&f, NULL);
        cr_expect(err == HF_OK || err == HF_ENOMEM);
        if (err == HF_OK) {
            live(&f);
            lived++;
        }
        fake_clear(&f);
    }
    cr_expect_gt(lived, 4);
}
