/* ranges.c: a set of numbers as a sorted array of ranges. */
#include "ranges.h"

#include <string.h>

void hf_ranges_clear(hf_ranges *set, const hf_env *env)
{
    hf_dealloc(env, set->items);
    *set = (hf_ranges){0};
}

/* How many ranges end before `number`. New numbers are mostly the highest: there it is found at once. */
static size_t count_below(const hf_ranges *set, uint64_t number)
{
    size_t low = 0, high = set->len;
    if (high > 0 && set->items[high - 1].last < number)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool hf_ranges_have(const hf_ranges *set, uint64_t number)
{
    size_t at = count_below(set, number);
    return at < set->len && set->items[at].first <= number;
}

static void remove_at(hf_ranges *set, size_t at)
{
    set->len--;
    memmove(&set->items[at], &set->items[at + 1], (set->len - at) * sizeof *set->items);
}

hf_err hf_ranges_add(hf_ranges *set, const hf_env *env, hf_range range, size_t max)
{
    size_t at = count_below(set, range.first);
    if (at < set->len && set->items[at].first <= range.last)
        return HF_EEXIST;

    bool joins_left = at > 0 && set->items[at - 1].last + 1 == range.first;
    bool joins_right = at < set->len && range.last + 1 == set->items[at].first;
    if (joins_left) {
        set->items[at - 1].last = joins_right ? set->items[at].last : range.last;
        if (joins_right)
            remove_at(set, at);
        return HF_OK;
    }
    if (joins_right) {
        set->items[at].first = range.first;
        return HF_OK;
    }
    hf_err err = set->len < max ? hf_grow(env, &set->items, &set->cap, set->len + 1, max, sizeof *set->items) : HF_ELIMIT;
    if (err != HF_OK)
        return err;
    memmove(&set->items[at + 1], &set->items[at], (set->len - at) * sizeof *set->items);
    set->items[at] = range;
    set->len++;
    return HF_OK;
}

bool hf_ranges_take(hf_ranges *set, uint64_t number, hf_range *out)
{
    if (set->len == 0 || set->items[0].first != number)
        return false;
    *out = set->items[0];
    remove_at(set, 0);
    return true;
}
