/* ranges.h: a set of numbers as few ranges, in order and apart from each other. Pure. */
#ifndef HF_RANGES_H
#define HF_RANGES_H

#include "alloc.h"

/* Numbers first to last. */
typedef struct hf_range {
    uint64_t first, last;
} hf_range;

/* A struct of zeroes is the empty set. */
typedef struct hf_ranges {
    hf_range *items;
    size_t len, cap;
} hf_ranges;

void hf_ranges_clear(hf_ranges *set, const hf_env *env);
bool hf_ranges_have(const hf_ranges *set, uint64_t number);

/* Adds numbers of which the set has none yet. HF_EEXIST: it has one; HF_ELIMIT: there would be more than `max` ranges;
 * HF_ENOMEM. */
HF_CHECKED hf_err hf_ranges_add(hf_ranges *set, const hf_env *env, hf_range range, size_t max);

/* Takes the first range off, if it begins with `number`. */
bool hf_ranges_take(hf_ranges *set, uint64_t number, hf_range *out);

#endif
