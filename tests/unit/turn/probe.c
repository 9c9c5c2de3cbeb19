/* probe.c: whether the server still is there, asked when the way over it becomes suspect. */
#include "fake.h"

#include <criterion/criterion.h>

Test(turn_probe, refreshes_an_allocation_that_stands)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    fake_run(&f, HF_SECONDS(300));
    hf_turn_client_probe(f.client, f.now);
    hf_turn_client_probe(f.client, f.now);
    cr_assert(fake_take(&f));
    cr_expect_eq(f.request.method, HF_STUN_REFRESH);
    cr_expect_not(f.has_lifetime);
    cr_expect_not(fake_take(&f), "one at a time");
    fake_answer(&f);
    fake_run(&f, HF_SECONDS(539));
    fake_no_event(&f);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 1, "from now on, another ten minutes");
    fake_clear(&f);
}

Test(turn_probe, ends_it_after_800_ms_of_silence)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.is_mute = true;
    hf_turn_client_probe(f.client, f.now);
    fake_run(&f, HF_MS(800) - 1);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 7, "a lost packet or two must not end it");
    fake_no_event(&f);
    fake_run(&f, 1);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    fake_clear(&f);
}

Test(turn_probe, leaves_a_slow_server_its_round_trips)
{
    fake f;
    fake_init(&f, &(hf_turn_client_config){FAKE_CREDENTIALS, .path.transport = HF_TCP});
    for (int i = 0; i < 2; i++) {
        cr_assert(fake_take(&f));
        f.now += HF_MS(600);
        fake_answer(&f);
    }
    fake_event(&f, HF_TURN_ALLOCATED);
    f.is_mute = true;
    hf_turn_client_probe(f.client, f.now);
    fake_run(&f, HF_MS(2400) - 1);
    fake_no_event(&f);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 1, "once, over a stream");
    fake_run(&f, 1);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    fake_clear(&f);
}

Test(turn_probe, a_restarted_server_says_so_in_two_round_trips)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.nonce = "nonce-of-another-life";
    f.code[HF_STUN_REFRESH] = 437;
    hf_turn_client_probe(f.client, f.now);
    fake_talk(&f);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).code, 437);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 2);
    fake_clear(&f);
}

Test(turn_probe, hurries_a_refresh_that_is_out)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.is_mute = true;
    fake_run(&f, HF_SECONDS(541));
    hf_turn_client_probe(f.client, f.now);
    fake_run(&f, HF_MS(800));
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    fake_clear(&f);
}

Test(turn_probe, counts_what_was_heard_since_it_began)
{
    for (int heard_after = 0; heard_after < 2; heard_after++) {
        fake f;
        fake_init(&f, NULL);
        hf_addr peer = fake_addr("198.51.100.7:7000");
        hf_turn_data data;
        cr_assert_eq(hf_turn_client_bind(f.client, f.now, &peer), HF_OK);
        fake_allocate(&f);
        while (hf_turn_client_poll_event(f.client, &(hf_turn_client_event){0}))
            ;
        f.is_mute = true;
        fake_run(&f, HF_SECONDS(240));
        if (!heard_after)
            cr_assert(fake_input(&f, "\x40\0\0\1x", 5, &data));
        f.now++;
        hf_turn_client_probe(f.client, f.now);
        f.now++;
        if (heard_after)
            cr_assert(fake_input(&f, "\x40\0\0\1x", 5, &data));
        fake_run(&f, HF_MS(800));
        if (heard_after)
            fake_no_event(&f);
        else
            cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
        fake_clear(&f);
    }
}

Test(turn_probe, is_none_without_an_allocation)
{
    fake f;
    fake_init(&f, NULL);
    hf_turn_client_probe(f.client, f.now);
    fake_allocate(&f);
    cr_expect_eq(f.requests, 2);
    hf_turn_client_close(f.client, f.now);
    hf_turn_client_probe(f.client, f.now);
    fake_talk(&f);
    fake_event(&f, HF_TURN_CLOSED);
    hf_turn_client_probe(f.client, f.now);
    cr_expect_not(fake_take(&f));
    fake_clear(&f);
}
