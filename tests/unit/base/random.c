/* random.c: randomness from the environment, and what makes an environment usable. */
#include "random.h"
#include "env.h"

#include <criterion/criterion.h>
#include <string.h>

Test(random, numbers_come_from_the_environment)
{
    test_env e, same;
    test_env_init(&e, 5);
    test_env_init(&same, 5);
    uint32_t u32 = hf_random_u32(&e.env);
    uint64_t u64 = hf_random_u64(&e.env);
    cr_expect_eq(hf_random_u32(&same.env), u32);
    cr_expect_eq(hf_random_u64(&same.env), u64);
    cr_expect_neq(hf_random_u64(&same.env), u64);
}

Test(random, ice_chars_use_the_whole_alphabet_and_nothing_else)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    test_env e;
    char text[10001];
    size_t counts[64] = {0};
    hf_random_ice_chars(test_env_init(&e, 1), text, 10000);

    cr_assert_eq(strlen(text), 10000);
    for (size_t i = 0; i < 10000; i++) {
        const char *at = strchr(alphabet, text[i]);
        cr_assert_not_null(at);
        counts[at - alphabet]++;
    }
    for (size_t i = 0; i < 64; i++) /* 156 each on average; a bias of a modulus would show as half or double of it */
        cr_expect(counts[i] > 100 && counts[i] < 220, "%c: %zu", alphabet[i], counts[i]);
}

static void *some_alloc(void *context, size_t size)
{
    (void)context, (void)size;
    return NULL;
}

static void some_free(void *context, void *memory)
{
    (void)context, (void)memory;
}

static void some_random(void *context, void *out, size_t len)
{
    (void)context;
    memset(out, 0, len);
}

Test(random, an_environment_needs_randomness_and_memory_functions_in_pairs)
{
    cr_expect_not(hf_env_is_usable(NULL));
    cr_expect_not(hf_env_is_usable(&(hf_env){0}));
    cr_expect(hf_env_is_usable(&(hf_env){.random = some_random}));
    cr_expect(hf_env_is_usable(&(hf_env){.random = some_random, .alloc = some_alloc, .free = some_free}));
    cr_expect_not(hf_env_is_usable(&(hf_env){.random = some_random, .alloc = some_alloc}));
    cr_expect_not(hf_env_is_usable(&(hf_env){.random = some_random, .free = some_free}));
    cr_expect_not(hf_env_is_usable(&(hf_env){.alloc = some_alloc, .free = some_free}));
}
