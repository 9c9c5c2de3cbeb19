/* alloc.c: memory from the environment, most of it zeroed. */
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

void *hf_alloc(const hf_env *env, size_t size)
{
    if (size == 0)
        size = 1;
    if (!env->alloc)
        return calloc(1, size);
    void *memory = env->alloc(env->context, size);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

void *hf_alloc_unfilled(const hf_env *env, size_t size)
{
    if (size == 0)
        size = 1;
    return env->alloc ? env->alloc(env->context, size) : malloc(size);
}

void *hf_alloc_array(const hf_env *env, size_t n, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(n, size, &total) ? NULL : hf_alloc(env, total);
}

void hf_dealloc(const hf_env *env, void *memory)
{
    if (!memory)
        return;
    if (env->free)
        env->free(env->context, memory);
    else
        free(memory);
}

char *hf_alloc_text(const hf_env *env, const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? hf_alloc(env, len + 1) : NULL;
    if (copy && len > 0)
        memcpy(copy, text, len);
    return copy;
}

hf_err hf_grow(const hf_env *env, void *array_of_items, size_t *cap, size_t need, size_t max, size_t item_size)
{
    if (need <= *cap)
        return HF_OK;
    if (need > max)
        return HF_ELIMIT;
    size_t wanted = *cap < 4 ? 4 : *cap > max / 2 ? max : *cap * 2;
    if (wanted < need)
        wanted = need;
    if (wanted > max)
        wanted = max;

    void *old, *grown = hf_alloc_array(env, wanted, item_size);
    if (!grown)
        return HF_ENOMEM;
    memcpy(&old, array_of_items, sizeof old); /* a pointer to any type's pointer: copied, not cast */
    if (old)
        memcpy(grown, old, *cap * item_size);
    hf_dealloc(env, old);
    memcpy(array_of_items, &grown, sizeof grown);
    *cap = wanted;
    return HF_OK;
}
