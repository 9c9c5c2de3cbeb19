/* pacer.h: spreads what may leave over the time that it takes to arrive: after a pause a whole window would leave at once,
 * and stand in the queue before whatever comes next. Pure. */
#ifndef HF_PACER_H
#define HF_PACER_H

#include <holdfast/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hf_pacer {
    hf_time at;
    uint64_t given; /* by then */
    int64_t credit; /* what may leave at once, in millionths of a byte */
    bool refused;   /* somebody asked in vain */
} hf_pacer;

/* Whether something may leave now. `rate`: bytes per second, 0: any; `given`: how many have been by now; `few`: so many may
 * always follow each other at once. */
bool hf_pacer_lets(hf_pacer *pacer, hf_time now, int64_t rate, uint64_t given, size_t few);

/* When it lets something leave again; HF_NEVER: nobody asked in vain. */
hf_time hf_pacer_deadline(const hf_pacer *pacer, int64_t rate);

#endif
