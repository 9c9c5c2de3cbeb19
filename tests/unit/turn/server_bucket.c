/* Limits of rate: a leaky bucket. */
#include "../../../src/turn/server_priv.h"

#include <criterion/criterion.h>

Test(turn_bucket, takes_a_burst_and_then_a_rate)
{
    hf_turn_bucket b = {0};
    hf_time now = HF_SECONDS(1000);
    cr_expect(hf_turn_bucket_take(&b, now, 100, 1000, 600));
    cr_expect(hf_turn_bucket_take(&b, now, 100, 1000, 400));
    cr_expect_not(hf_turn_bucket_take(&b, now, 100, 1000, 1));
    now += HF_MS(9);
    cr_expect_not(hf_turn_bucket_take(&b, now, 100, 1000, 1));
    now += HF_MS(1);
    cr_expect(hf_turn_bucket_take(&b, now, 100, 1000, 1));
    now += HF_SECONDS(5);
    cr_expect(hf_turn_bucket_take(&b, now, 100, 1000, 500));
    cr_expect_not(hf_turn_bucket_take(&b, now, 100, 1000, 1));
    now += HF_SECONDS(1000000);
    cr_expect_not(hf_turn_bucket_take(&b, now, 100, 1000, 1001), "more than it holds");
    cr_expect(hf_turn_bucket_take(&b, now, 100, 1000, 1000));
}

/* Asked often, it loses nothing of what leaks out in between. */
Test(turn_bucket, keeps_its_rate_however_often_it_is_asked)
{
    hf_turn_bucket b = {0};
    uint64_t taken = 0;
    for (hf_time now = 0; now < HF_SECONDS(10); now += 7)
        taken += hf_turn_bucket_take(&b, now, 1000, 1000, 1);
    cr_expect(taken >= 10990 && taken <= 11000, "%zu", (size_t)taken);
}

Test(turn_bucket, does_not_overflow)
{
    hf_turn_bucket b = {0};
    cr_expect(hf_turn_bucket_take(&b, 1, UINT64_MAX, UINT64_MAX, UINT64_MAX));
    cr_expect_not(hf_turn_bucket_take(&b, 1, UINT64_MAX, UINT64_MAX, 1));
    cr_expect(hf_turn_bucket_take(&b, HF_SECONDS(50000), UINT64_MAX, UINT64_MAX, UINT64_MAX));
    cr_expect(hf_turn_bucket_take(&b, INT64_MAX, 1, UINT64_MAX, 1));
}
