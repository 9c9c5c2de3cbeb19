/* ranges.c: sets of numbers. */
#include "ranges.h"
#include "env.h"

#include <criterion/criterion.h>

static void expect(const hf_ranges *set, const hf_range *ranges, size_t n)
{
    cr_assert_eq(set->len, n);
    for (size_t i = 0; i < n; i++)
        cr_assert(set->items[i].first == ranges[i].first && set->items[i].last == ranges[i].last, "range %zu", i);
}

Test(ranges, neighbours_become_one)
{
    test_env t;
    hf_env *env = test_env_init(&t, 1);
    hf_ranges set = {0};
    cr_assert_eq(hf_ranges_add(&set, env, (hf_range){5, 5}, 9), HF_OK);
    cr_assert_eq(hf_ranges_add(&set, env, (hf_range){9, 10}, 9), HF_OK);
    cr_assert_eq(hf_ranges_add(&set, env, (hf_range){1, 2}, 9), HF_OK);
    expect(&set, (hf_range[]){{1, 2}, {5, 5}, {9, 10}}, 3);
    cr_assert_eq(hf_ranges_add(&set, env, (hf_range){6, 7}, 9), HF_OK);
    expect(&set, (hf_range[]){{1, 2}, {5, 7}, {9, 10}}, 3);
    cr_assert_eq(hf_ranges_add(&set, env, (hf_range){8, 8}, 3), HF_OK, "it fills a gap: no range more");
    expect(&set, (hf_range[]){{1, 2}, {5, 10}}, 2);
    cr_assert_eq(hf_ranges_add(&set, env, (hf_range){4, 4}, 2), HF_OK);
    expect(&set, (hf_range[]){{1, 2}, {4, 10}}, 2);
    hf_ranges_clear(&set, env);
    cr_expect_eq(t.blocks, 0);
}

Test(ranges, what_is_refused_changes_nothing)
{
    test_env t;
    hf_env *env = test_env_init(&t, 1);
    hf_ranges set = {0};
    cr_assert_eq(hf_ranges_add(&set, env, (hf_range){5, 8}, 2), HF_OK);
    const struct {
        const char *why;
        hf_range range;
        hf_err err;
    } rows[] = {
        {"it is there", {5, 8}, HF_EEXIST},
        {"its end is there", {1, 5}, HF_EEXIST},
        {"its beginning is there", {8, 20}, HF_EEXIST},
        {"all that is there is in it", {1, 20}, HF_EEXIST},
        {"one range too many", {20, 20}, HF_ELIMIT},
        {"one range too many, in front", {1, 1}, HF_ELIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(hf_ranges_add(&set, env, rows[i].range, 1), rows[i].err, "%s", rows[i].why);
        expect(&set, (hf_range[]){{5, 8}}, 1);
    }
    cr_expect_not(hf_ranges_have(&set, 4));
    cr_expect(hf_ranges_have(&set, 5));
    cr_expect(hf_ranges_have(&set, 8));
    cr_expect_not(hf_ranges_have(&set, 9));
    hf_range out;
    cr_expect_not(hf_ranges_take(&set, 6, &out));
    cr_expect(hf_ranges_take(&set, 5, &out) && out.last == 8 && set.len == 0);
    hf_ranges_clear(&set, env);
}

/* Beside an array of what is there. */
Test(ranges, are_what_a_plain_list_of_numbers_is)
{
    test_env t;
    hf_env *env = test_env_init(&t, 3);
    for (int round = 0; round < 200; round++) {
        hf_ranges set = {0};
        bool there[64] = {false};
        for (int i = 0; i < 60; i++) {
            uint8_t random[2];
            env->random(env->context, random, 2);
            uint64_t first = 1 + random[0] % 60, last = first + random[1] % 3;
            bool any = false;
            for (uint64_t n = first; n <= last; n++)
                any |= there[n];
            cr_assert_eq(hf_ranges_add(&set, env, (hf_range){first, last}, 64), any ? HF_EEXIST : HF_OK);
            for (uint64_t n = first; n <= last && !any; n++)
                there[n] = true;
            for (uint64_t n = 0; n < 64; n++)
                cr_assert_eq(hf_ranges_have(&set, n), there[n]);
            for (size_t k = 1; k < set.len; k++)
                cr_assert_gt(set.items[k].first, set.items[k - 1].last + 1);
        }
        hf_ranges_clear(&set, env);
    }
    cr_expect_eq(t.blocks, 0);
}
