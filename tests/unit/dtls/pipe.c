/* pipe.c: bytes in, the same bytes out, and never more than the limit. */
#include <env.h>
#include <pipe.h>

#include <criterion/criterion.h>
#include <string.h>

static test_env t;
static uint8_t bytes[100000], got[100000];

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
}

Test(pipe, gives_what_it_took_in_order)
{
    hf_pipe pipe;
    size_t in = 0, out = 0;
    fill();
    hf_pipe_init(&pipe, 5000, test_env_init(&t, 1));
    for (size_t i = 0; out < sizeof bytes - 3000; i++) {
        size_t more = i * 37 % 1500;
        if (hf_pipe_write(&pipe, bytes + in, more) == HF_OK)
            in += more;
        out += hf_pipe_read(&pipe, got + out, i * 53 % 1400);
    }
    cr_expect_arr_eq(got, bytes, out);
    cr_expect_eq(pipe.len, in - out);
    hf_pipe_clear(&pipe);
    cr_expect_eq(t.blocks, 0);
}

Test(pipe, takes_all_or_nothing)
{
    hf_pipe pipe;
    hf_pipe_init(&pipe, 1000, test_env_init(&t, 1));
    cr_expect_eq(hf_pipe_write(&pipe, bytes, 1001), HF_ELIMIT);
    cr_expect_eq(hf_pipe_write(&pipe, bytes, 600), HF_OK);
    cr_expect_eq(hf_pipe_write(&pipe, bytes, 401), HF_ELIMIT);
    cr_expect_eq(hf_pipe_reserve(&pipe, SIZE_MAX), HF_ELIMIT);
    cr_expect_eq(pipe.len, 600);
    cr_expect_eq(hf_pipe_write(&pipe, bytes, 400), HF_OK);
    cr_expect_eq(hf_pipe_read(&pipe, got, sizeof got), 1000);
    cr_expect_eq(hf_pipe_read(&pipe, got, sizeof got), 0);
    hf_pipe_clear(&pipe);
}

Test(pipe, writes_into_reserved_room_without_memory)
{
    hf_pipe pipe;
    hf_pipe_init(&pipe, 1000, test_env_init(&t, 1));
    cr_assert_eq(hf_pipe_reserve(&pipe, 900), HF_OK);
    t.fail_at = t.allocations + 1;
    t.fail_on = true;
    for (size_t i = 0; i < 9; i++)
        cr_expect_eq(hf_pipe_write(&pipe, bytes, 100), HF_OK);
    cr_expect_eq(hf_pipe_write(&pipe, bytes, 100), HF_ENOMEM);
    cr_expect_eq(pipe.len, 900);
    hf_pipe_clear(&pipe);
    cr_expect_eq(t.blocks, 0);
}

Test(pipe, gives_back_what_a_burst_needed)
{
    hf_pipe pipe;
    hf_pipe_init(&pipe, sizeof bytes, test_env_init(&t, 1));
    cr_assert_eq(hf_pipe_write(&pipe, bytes, 100), HF_OK);
    hf_pipe_read(&pipe, got, 100);
    cr_expect_eq(t.blocks, 1, "a little is kept");
    cr_assert_eq(hf_pipe_write(&pipe, bytes, 90000), HF_OK);
    hf_pipe_read(&pipe, got, 90000);
    cr_expect_eq(t.blocks, 0);
    hf_pipe_clear(&pipe);
}
