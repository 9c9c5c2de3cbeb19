/* histogram.c: quantiles that are off by a sixteenth at most. */
#include "histogram.h"

#include <criterion/criterion.h>

Test(histogram, is_exact_for_short_durations)
{
    cli_histogram histogram = {0};

    for (hf_span us = 0; us < 32; us++)
        cli_histogram_add(&histogram, us);
    cr_expect_eq(cli_histogram_quantile(&histogram, 50), 15);
    cr_expect_eq(cli_histogram_quantile(&histogram, 100), 31);
}

Test(histogram, is_off_by_a_sixteenth_at_most_for_any_other)
{
    for (hf_span us = 1; us < HF_SECONDS(3600); us = us * 5 / 3 + 1) {
        cli_histogram histogram = {0};

        cli_histogram_add(&histogram, us);
        hf_span told = cli_histogram_quantile(&histogram, 99);
        cr_expect(told >= us && told - us <= us / 16, "%lld for %lld", (long long)told, (long long)us);
    }
}

Test(histogram, finds_the_one_in_a_hundred)
{
    cli_histogram histogram = {0};

    for (int i = 0; i < 98; i++)
        cli_histogram_add(&histogram, 10);
    cli_histogram_add(&histogram, HF_SECONDS(1));
    cli_histogram_add(&histogram, HF_SECONDS(1));
    cr_expect_eq(cli_histogram_quantile(&histogram, 98), 10);
    cr_expect_geq(cli_histogram_quantile(&histogram, 99), HF_SECONDS(1));
}

Test(histogram, bears_nothing_and_too_much)
{
    cli_histogram histogram = {0};

    cr_expect_eq(cli_histogram_quantile(&histogram, 50), 0);
    cli_histogram_add(&histogram, -5);
    cr_expect_eq(cli_histogram_quantile(&histogram, 50), 0);
    cli_histogram_add(&histogram, HF_NEVER);
    cr_expect_gt(cli_histogram_quantile(&histogram, 100), HF_SECONDS(86400));
}
