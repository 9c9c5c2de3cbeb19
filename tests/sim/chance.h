/* chance.h: the simulation's own generator of numbers, apart from what the layers draw. */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

static inline uint32_t chance_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ z >> 31) >> 32);
}

static inline uint32_t chance_below(uint64_t *state, uint32_t below)
{
    return chance_next(state) % below;
}

/* True once in `times`, on average. */
static inline bool chance_one_in(uint64_t *state, uint32_t times)
{
    return chance_below(state, times) == 0;
}

#endif
