/* env.c: the seeded environment. */
#include "env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *count_alloc(void *context, size_t size)
{
    test_env *t = context;
    t->allocations++;
    if (t->fail_at != 0 && (t->allocations == t->fail_at || (t->fail_on && t->allocations > t->fail_at)))
        return NULL;

    void *memory = malloc(size > 0 ? size : 1);
    if (!memory)
        abort();
    memset(memory, 0xA5, size); /* whoever counts on zeroes without asking for them shall see it */
    t->blocks++;
    return memory;
}

static void count_free(void *context, void *memory)
{
    test_env *t = context;
    if (memory)
        t->blocks--;
    free(memory);
}

/* SplitMix64: one addition and two multiplications a number, no bad seeds. */
static uint64_t next_random(test_env *t)
{
    uint64_t z = (t->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void seeded_random(void *context, void *out, size_t len)
{
    uint8_t *bytes = out;
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            number = next_random(context);
        bytes[i] = (uint8_t)(number >> (8 * (i % 8)));
    }
}

static void keep_log(void *context, hf_log_level level, const char *line)
{
    test_env *t = context;
    (void)level;
    t->log_lines++;
    snprintf(t->log_last, sizeof t->log_last, "%s", line);
}

hf_env *test_env_init(test_env *t, uint64_t seed)
{
    *t = (test_env){.random = seed};
    t->env = (hf_env){
        .context = t,
        .alloc = count_alloc,
        .free = count_free,
        .random = seeded_random,
        .log = keep_log,
        .log_level = HF_LOG_DEBUG,
    };
    return &t->env;
}

bool test_env_next_failure(test_env *t, size_t n, uint64_t seed)
{
    bool reached = n == 1 || t->allocations >= n - 1; /* the run before met its failure */
    test_env_init(t, seed);
    t->fail_at = n;
    return reached;
}
