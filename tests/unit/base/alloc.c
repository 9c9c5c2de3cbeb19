/* alloc.c: memory from the environment: zeroed, overflow-checked, and growing by doubling. */
#include "alloc.h"
#include "env.h"

#include <criterion/criterion.h>
#include <string.h>

Test(alloc, memory_comes_zeroed)
{
    test_env e; /* its allocator hands out 0xA5 */
    uint8_t *memory = hf_alloc(test_env_init(&e, 1), 100);
    cr_assert_not_null(memory);
    for (int i = 0; i < 100; i++)
        cr_expect_eq(memory[i], 0);
    hf_dealloc(&e.env, memory);
    cr_expect_eq(e.blocks, 0);
}

Test(alloc, without_functions_malloc_is_used)
{
    hf_env plain = {0};
    uint8_t *memory = hf_alloc_array(&plain, 10, 10);
    cr_assert_not_null(memory);
    for (int i = 0; i < 100; i++)
        cr_expect_eq(memory[i], 0);
    hf_dealloc(&plain, memory);
    hf_dealloc(&plain, NULL);
}

Test(alloc, nothing_can_be_allocated_and_freed)
{
    test_env e;
    void *memory = hf_alloc(test_env_init(&e, 1), 0);
    cr_expect_not_null(memory, "NULL would mean out of memory");
    hf_dealloc(&e.env, memory);
    hf_dealloc(&e.env, NULL);
    cr_expect_eq(e.blocks, 0);
}

Test(alloc, a_size_that_overflows_is_refused)
{
    test_env e;
    test_env_init(&e, 1);
    cr_expect_null(hf_alloc_array(&e.env, SIZE_MAX / 2 + 1, 2));
    cr_expect_null(hf_alloc_array(&e.env, SIZE_MAX, SIZE_MAX));
    cr_expect_null(hf_alloc_text(&e.env, "", SIZE_MAX));
    cr_expect_eq(e.allocations, 0);
}

Test(alloc, text_is_copied_and_ended)
{
    test_env e;
    char *text = hf_alloc_text(test_env_init(&e, 1), "candidate", 4);
    cr_assert_not_null(text);
    cr_expect_str_eq(text, "cand");
    char *empty = hf_alloc_text(&e.env, NULL, 0);
    cr_assert_not_null(empty);
    cr_expect_str_eq(empty, "");
    hf_dealloc(&e.env, text);
    hf_dealloc(&e.env, empty);
    cr_expect_eq(e.blocks, 0);
}

Test(alloc, every_function_says_so_when_memory_is_short)
{
    test_env e;
    int *items = NULL;
    size_t cap = 0;
    test_env_init(&e, 1);
    e.fail_at = 1;
    e.fail_on = true;
    cr_expect_null(hf_alloc(&e.env, 1));
    cr_expect_null(hf_alloc_array(&e.env, 1, 1));
    cr_expect_null(hf_alloc_text(&e.env, "a", 1));
    cr_expect_eq(hf_grow(&e.env, &items, &cap, 1, 10, sizeof *items), HF_ENOMEM);
    cr_expect_null(items);
    cr_expect_eq(cap, 0);
}

Test(alloc, an_array_grows_by_doubling_and_keeps_its_items)
{
    test_env e;
    uint64_t *items = NULL;
    size_t cap = 0;
    test_env_init(&e, 1);
    for (size_t n = 0; n < 1000; n++) {
        cr_assert_eq(hf_grow(&e.env, &items, &cap, n + 1, 1000, sizeof *items), HF_OK);
        cr_assert_gt(cap, n);
        cr_assert_leq(cap, 1000);
        cr_assert_eq(items[n], 0, "new ones are zeroed");
        items[n] = n;
    }
    for (size_t n = 0; n < 1000; n++)
        cr_assert_eq(items[n], n);
    cr_expect_leq(e.allocations, 10, "4, 8, … 512, 1000");
    hf_dealloc(&e.env, items);
    cr_expect_eq(e.blocks, 0);
}

Test(alloc, an_array_does_not_grow_above_its_limit)
{
    static const struct {
        size_t need, max, cap; /* cap 0: refused */
    } table[] = {{1, 1, 1}, {2, 1, 0}, {3, 3, 3}, {5, 100, 5}, {50, 60, 50}, {1, 100, 4}, {1, 0, 0}, {101, 100, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        test_env e;
        char *items = NULL;
        size_t cap = 0;
        hf_err err = hf_grow(test_env_init(&e, 1), &items, &cap, table[i].need, table[i].max, 1);
        cr_expect_eq(err, table[i].cap != 0 ? HF_OK : HF_ELIMIT, "%zu of %zu", table[i].need, table[i].max);
        cr_expect_eq(cap, table[i].cap, "%zu of %zu: %zu", table[i].need, table[i].max, cap);
        hf_dealloc(&e.env, items);
        cr_expect_eq(e.blocks, 0);
    }
}

Test(alloc, an_array_is_unchanged_when_it_can_not_grow)
{
    test_env e;
    uint32_t *items = NULL;
    size_t cap = 0;
    test_env_init(&e, 1);
    cr_assert_eq(hf_grow(&e.env, &items, &cap, 4, 100, sizeof *items), HF_OK);
    memcpy(items, (uint32_t[]){1, 2, 3, 4}, 16);
    uint32_t *before = items;

    e.fail_at = e.allocations + 1;
    cr_expect_eq(hf_grow(&e.env, &items, &cap, 5, 100, sizeof *items), HF_ENOMEM);
    cr_expect_eq(hf_grow(&e.env, &items, &cap, 101, 100, sizeof *items), HF_ELIMIT);
    cr_expect_eq(items, before);
    cr_expect_eq(cap, 4);
    cr_expect_arr_eq(items, ((uint32_t[]){1, 2, 3, 4}), 16);
    hf_dealloc(&e.env, items);
    cr_expect_eq(e.blocks, 0);
}
