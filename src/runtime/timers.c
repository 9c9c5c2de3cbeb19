/* timers.c: when what is due. A binary heap whose entries hold the keys, so that comparing touches no timer. */
#include "loop_priv.h"

#include "alloc.h"

#include <assert.h>

static bool is_before(const hf_timer_entry *a, const hf_timer_entry *b)
{
    return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void place(hf_timers *timers, size_t index, hf_timer_entry entry)
{
    timers->entries[index] = entry;
    entry.timer->slot = index + 1;
}

static void sift_up(hf_timers *timers, size_t index)
{
    hf_timer_entry entry = timers->entries[index];

    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (!is_before(&entry, &timers->entries[parent]))
            break;
        place(timers, index, timers->entries[parent]);
        index = parent;
    }
    place(timers, index, entry);
}

static void sift_down(hf_timers *timers, size_t index)
{
    hf_timer_entry entry = timers->entries[index];

    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= timers->len)
            break;
        if (child + 1 < timers->len && is_before(&timers->entries[child + 1], &timers->entries[child]))
            child++;
        if (!is_before(&timers->entries[child], &entry))
            break;
        place(timers, index, timers->entries[child]);
        index = child;
    }
    place(timers, index, entry);
}

static void settle(hf_timers *timers, size_t index)
{
    if (index > 0 && is_before(&timers->entries[index], &timers->entries[(index - 1) / 2]))
        sift_up(timers, index);
    else
        sift_down(timers, index);
}

void hf_timers_move(hf_timers *timers, hf_timer *timer, hf_time at)
{
    assert(timer->slot > 0 && timer->slot <= timers->len);

    size_t index = timer->slot - 1;
    timer->at = at;
    timers->entries[index].at = at;
    timers->entries[index].serial = timers->serial++;
    settle(timers, index);
}

hf_err hf_timers_set(hf_timers *timers, hf_timer *timer, hf_time at)
{
    if (timer->slot == 0) {
        hf_err err = hf_grow(timers->env, &timers->entries, &timers->cap, timers->len + 1, SIZE_MAX / sizeof(hf_timer_entry),
                             sizeof(hf_timer_entry));
        if (err != HF_OK)
            return HF_ENOMEM;
        place(timers, timers->len++, (hf_timer_entry){.at = HF_NEVER, .timer = timer});
    }
    hf_timers_move(timers, timer, at);
    return HF_OK;
}

void hf_timers_cancel(hf_timers *timers, hf_timer *timer)
{
    if (timer->slot == 0)
        return;
    assert(timer->slot <= timers->len);

    size_t index = timer->slot - 1;
    timer->slot = 0;
    timers->len--;
    if (index < timers->len) {
        place(timers, index, timers->entries[timers->len]);
        settle(timers, index);
    }
}

hf_time hf_timers_first(const hf_timers *timers)
{
    return timers->len > 0 ? timers->entries[0].at : HF_NEVER;
}

hf_timer *hf_timers_pop(hf_timers *timers, hf_time now, uint64_t serial)
{
    if (timers->len == 0 || timers->entries[0].at > now || timers->entries[0].serial >= serial)
        return NULL;

    hf_timer *timer = timers->entries[0].timer;
    hf_timers_cancel(timers, timer);
    return timer;
}

void hf_timers_clear(hf_timers *timers)
{
    while (timers->len > 0)
        timers->entries[--timers->len].timer->slot = 0;
    hf_dealloc(timers->env, timers->entries);
    *timers = (hf_timers){.env = timers->env};
}

/* A moment that has passed counts as now: a timer that its handler sets for the past comes behind all that are due. */
hf_err hf_loop_timer_set(hf_loop *loop, hf_timer *timer, hf_time at, void (*fn)(void *context), void *context)
{
    hf_err err = hf_timers_set(&loop->timers, timer, at > loop->now ? at : loop->now);

    if (err != HF_OK)
        return err;
    timer->fn = fn;
    timer->context = context;
    return HF_OK;
}

void hf_loop_timer_cancel(hf_loop *loop, hf_timer *timer)
{
    hf_timers_cancel(&loop->timers, timer);
}
