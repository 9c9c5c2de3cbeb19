/* fuzz.c: the environment of the targets. */
#include "fuzz.h"

#include <stdlib.h>

static uint64_t state;

static void seeded_random(void *context, void *out, size_t len)
{
    (void)context;
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (uint8_t)(state >> 56);
    }
}

const hf_env fuzz_env = {.random = seeded_random};

void fuzz_seed(uint64_t seed)
{
    state = seed;
}

void demand(bool holds)
{
    if (!holds)
        abort();
}
