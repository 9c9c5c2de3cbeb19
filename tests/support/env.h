/* env.h: an environment for tests: randomness from a seed, and memory that is counted and can run short. */
#ifndef TEST_ENV_H
#define TEST_ENV_H

#include <holdfast/base.h>

typedef struct test_env {
    hf_env env;         /* hand out &t.env; the test_env must not move afterwards */
    uint64_t random;    /* state of the generator: the same seed yields the same bytes */
    size_t blocks;      /* live allocations; zero when nothing leaks */
    size_t allocations; /* asked for since init */
    size_t fail_at;     /* the number of the allocation that fails, 1 being the first; 0: none */
    bool fail_on;       /* all behind `fail_at` fail too */
    size_t log_lines;   /* lines logged so far */
    char log_last[512]; /* the newest of them */
} test_env;

/* Fills `t` and returns its environment. Zero is a seed like any other. */
hf_env *test_env_init(test_env *t, uint64_t seed);

/* The same, and allocation number `n` fails (1 being the first). A loop over n from 1 until a run asks for fewer than n
 * allocations has seen each failure once:
 *
 *     test_env t = {0};
 *     for (size_t n = 1; test_env_next_failure(&t, n, 7); n++)
 *         …run, expect HF_ENOMEM or success, free, cr_expect_eq(t.blocks, 0)… */
bool test_env_next_failure(test_env *t, size_t n, uint64_t seed);

#endif
