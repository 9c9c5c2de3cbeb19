/* timeline.h: what is on its way, by the moment at which it arrives. */
#ifndef SIM_TIMELINE_H
#define SIM_TIMELINE_H

#include <holdfast/base.h>

/* Called when a cargo arrives; the timeline frees it afterwards. */
typedef void (*timeline_land)(void *context, void *cargo);

typedef struct timeline {
    struct arrival *arrivals; /* a binary heap */
    size_t len, cap;
    uint64_t order;
} timeline;

/* Takes over `cargo`, one block of malloc. Of two that arrive at once the first added is the first to land. */
void timeline_add(timeline *t, hf_time at, timeline_land land, void *context, void *cargo);

hf_time timeline_next(const timeline *t); /* HF_NEVER: nothing is under way */

/* Lands the earliest, if its moment has come. */
bool timeline_step(timeline *t, hf_time now);

void timeline_clear(timeline *t);

#endif
