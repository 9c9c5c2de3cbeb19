/* ring.h: a bounded queue of equal items, first in first out. It is told its limit when it is made. */
#ifndef HF_RING_H
#define HF_RING_H

#include <holdfast/base.h>

typedef struct hf_ring {
    const hf_env *env;
    uint8_t *items;
    size_t item_size, cap, max;
    size_t head, len;
} hf_ring;

void hf_ring_init(hf_ring *ring, const hf_env *env, size_t item_size, size_t max);
void hf_ring_clear(hf_ring *ring); /* frees the memory; a struct of zeroes is fine */

/* Appends a copy. HF_ELIMIT: full; HF_ENOMEM. */
HF_CHECKED hf_err hf_ring_push(hf_ring *ring, const void *item);

/* Takes the oldest item; false: empty. */
bool hf_ring_pop(hf_ring *ring, void *item);

/* Points at item `index`, 0 being the oldest; NULL: there are not so many. Valid until the next push or pop. */
void *hf_ring_at(const hf_ring *ring, size_t index);

#endif
