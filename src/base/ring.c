/* ring.c: a bounded queue of equal items. */
#include "ring.h"

#include "alloc.h"

#include <string.h>

void hf_ring_init(hf_ring *ring, const hf_env *env, size_t item_size, size_t max)
{
    *ring = (hf_ring){.env = env, .item_size = item_size, .max = max};
}

void hf_ring_clear(hf_ring *ring)
{
    if (ring->env)
        hf_dealloc(ring->env, ring->items);
    ring->items = NULL;
    ring->cap = ring->head = ring->len = 0;
}

static uint8_t *slot(const hf_ring *ring, size_t index)
{
    return ring->items + (ring->head + index) % ring->cap * ring->item_size;
}

/* Doubles the room; the items move to its beginning, in order. */
static hf_err enlarge(hf_ring *ring)
{
    if (ring->len >= ring->max)
        return HF_ELIMIT;
    size_t wanted = ring->cap == 0 ? 4 : ring->cap * 2;
    if (wanted > ring->max)
        wanted = ring->max;
    uint8_t *items = hf_alloc_array(ring->env, wanted, ring->item_size);
    if (!items)
        return HF_ENOMEM;
    for (size_t i = 0; i < ring->len; i++)
        memcpy(items + i * ring->item_size, slot(ring, i), ring->item_size);
    hf_dealloc(ring->env, ring->items);
    ring->items = items;
    ring->cap = wanted;
    ring->head = 0;
    return HF_OK;
}

hf_err hf_ring_push(hf_ring *ring, const void *item)
{
    if (ring->len == ring->cap) {
        hf_err err = enlarge(ring);
        if (err != HF_OK)
            return err;
    }
    memcpy(slot(ring, ring->len), item, ring->item_size);
    ring->len++;
    return HF_OK;
}

bool hf_ring_pop(hf_ring *ring, void *item)
{
    if (ring->len == 0)
        return false;
    memcpy(item, slot(ring, 0), ring->item_size);
    ring->head = (ring->head + 1) % ring->cap;
    ring->len--;
    return true;
}

void *hf_ring_at(const hf_ring *ring, size_t index)
{
    return index < ring->len ? slot(ring, index) : NULL;
}
