/* timeline.c: a binary heap by arrival. */
#include "timeline.h"

#include <assert.h>
#include <stdlib.h>

typedef struct arrival {
    hf_time at;
    uint64_t order;
    timeline_land land;
    void *context, *cargo;
} arrival;

static bool is_earlier(const arrival *a, const arrival *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void timeline_add(timeline *t, hf_time at, timeline_land land, void *context, void *cargo)
{
    if (t->len == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->arrivals = realloc(t->arrivals, t->cap * sizeof *t->arrivals);
        assert(t->arrivals);
    }
    arrival a = {.at = at, .order = t->order++, .land = land, .context = context, .cargo = cargo};
    size_t i = t->len++;
    while (i > 0 && is_earlier(&a, &t->arrivals[(i - 1) / 2])) {
        t->arrivals[i] = t->arrivals[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    t->arrivals[i] = a;
}

static arrival take(timeline *t)
{
    arrival first = t->arrivals[0], last = t->arrivals[--t->len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= t->len)
            break;
        if (child + 1 < t->len && is_earlier(&t->arrivals[child + 1], &t->arrivals[child]))
            child++;
        if (!is_earlier(&t->arrivals[child], &last))
            break;
        t->arrivals[i] = t->arrivals[child];
        i = child;
    }
    t->arrivals[i] = last;
    return first;
}

hf_time timeline_next(const timeline *t)
{
    return t->len > 0 ? t->arrivals[0].at : HF_NEVER;
}

bool timeline_step(timeline *t, hf_time now)
{
    if (timeline_next(t) > now)
        return false;
    arrival a = take(t);
    a.land(a.context, a.cargo);
    free(a.cargo);
    return true;
}

void timeline_clear(timeline *t)
{
    while (t->len > 0)
        free(take(t).cargo);
    free(t->arrivals);
    *t = (timeline){0};
}
