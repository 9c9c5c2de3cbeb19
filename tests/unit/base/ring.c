/* ring.c: first in first out, up to a limit, whatever the allocator does. */
#include "ring.h"
#include "env.h"

#include <criterion/criterion.h>

Test(ring, gives_back_in_order_what_it_took)
{
    test_env e;
    hf_ring ring;
    uint32_t in = 0, out = 0, item;
    hf_ring_init(&ring, test_env_init(&e, 1), sizeof item, 100);

    for (int round = 0; round < 50; round++) { /* pushes gain on pops, so that head and tail cross the end at each size */
        for (int i = 0; i < 7 && ring.len < 100; i++, in++)
            cr_assert_eq(hf_ring_push(&ring, &in), HF_OK);
        for (size_t i = 0; i < ring.len; i++)
            cr_assert_eq(*(uint32_t *)hf_ring_at(&ring, i), out + i);
        for (int i = 0; i < 5; i++, out++)
            cr_assert(hf_ring_pop(&ring, &item) && item == out);
    }
    for (; out < in; out++)
        cr_assert(hf_ring_pop(&ring, &item) && item == out);
    cr_expect_not(hf_ring_pop(&ring, &item));
    hf_ring_clear(&ring);
    cr_expect_eq(e.blocks, 0);
}

Test(ring, refuses_at_its_limit_and_goes_on_when_there_is_room)
{
    static const size_t limits[] = {1, 3, 4, 5, 8, 9};
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        test_env e;
        hf_ring ring;
        size_t max = limits[k], item = 0, out;
        hf_ring_init(&ring, test_env_init(&e, 1), sizeof item, max);

        for (; item < max; item++)
            cr_assert_eq(hf_ring_push(&ring, &item), HF_OK, "limit %zu", max);
        cr_expect_eq(hf_ring_push(&ring, &item), HF_ELIMIT);
        cr_expect_eq(ring.len, max);
        cr_expect(hf_ring_pop(&ring, &out) && out == 0);
        cr_expect_eq(hf_ring_push(&ring, &item), HF_OK);
        cr_expect_eq(*(size_t *)hf_ring_at(&ring, max - 1), max);
        hf_ring_clear(&ring);
        cr_expect_eq(e.blocks, 0);
    }
}

Test(ring, of_limit_zero_takes_nothing)
{
    test_env e;
    hf_ring ring;
    int item = 1;
    hf_ring_init(&ring, test_env_init(&e, 1), sizeof item, 0);
    cr_expect_eq(hf_ring_push(&ring, &item), HF_ELIMIT);
    cr_expect_eq(e.allocations, 0);
    hf_ring_clear(&ring);
}

Test(ring, points_at_nothing_behind_its_end)
{
    test_env e;
    hf_ring ring;
    int item = 1;
    hf_ring_init(&ring, test_env_init(&e, 1), sizeof item, 4);
    cr_expect_null(hf_ring_at(&ring, 0));
    cr_assert_eq(hf_ring_push(&ring, &item), HF_OK);
    cr_expect_not_null(hf_ring_at(&ring, 0));
    cr_expect_null(hf_ring_at(&ring, 1));
    cr_expect_null(hf_ring_at(&ring, SIZE_MAX));
    hf_ring_clear(&ring);
}

Test(ring, of_zeroes_can_be_cleared)
{
    hf_ring ring = {0};
    hf_ring_clear(&ring);
    hf_ring_clear(&ring);
    cr_expect_eq(ring.len, 0);
}

Test(ring, keeps_what_it_has_when_memory_is_short)
{
    test_env e = {0};
    size_t failures = 0;
    for (size_t n = 1; test_env_next_failure(&e, n, 1); n++) {
        hf_ring ring;
        uint64_t item;
        size_t pushed = 0;
        hf_ring_init(&ring, &e.env, sizeof item, 64);
        for (uint64_t i = 0; i < 64; i++) {
            hf_err err = hf_ring_push(&ring, &pushed);
            cr_assert(err == HF_OK || err == HF_ENOMEM);
            failures += err == HF_ENOMEM;
            pushed += err == HF_OK;
        }
        cr_expect_geq(pushed, 63);
        for (size_t i = 0; i < pushed; i++)
            cr_assert(hf_ring_pop(&ring, &item) && item == i);
        hf_ring_clear(&ring);
        cr_expect_eq(e.blocks, 0);
    }
    cr_expect_eq(failures, 5, "4, 8, 16, 32, 64 items");
}
