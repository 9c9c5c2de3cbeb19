/* alloc.h: memory from the environment. It comes zeroed, but for what its caller fills at once. */
#ifndef HF_ALLOC_H
#define HF_ALLOC_H

#include <holdfast/base.h>

/* NULL: out of memory, or the size overflows. */
void *hf_alloc(const hf_env *env, size_t size);
void *hf_alloc_array(const hf_env *env, size_t n, size_t size);
void hf_dealloc(const hf_env *env, void *memory);

/* Not zeroed: for what is filled at once, such as copies of messages. */
void *hf_alloc_unfilled(const hf_env *env, size_t size);

/* Copies `len` bytes and puts a NUL behind them. */
char *hf_alloc_text(const hf_env *env, const char *text, size_t len);

/* Makes room for `need` items in an array that grows by doubling, at most to `max`; the items are moved. HF_ELIMIT: need is
 * above max. On failure nothing has changed. */
HF_CHECKED hf_err hf_grow(const hf_env *env, void *array_of_items, size_t *cap, size_t need, size_t max, size_t item_size);

#endif
