/* pipe.c: a queue of bytes in one piece of memory. */
#include "pipe.h"

#include "alloc.h"

#include <string.h>

#define CAP_KEPT ((size_t)32 << 10) /* of a pipe that has run empty; what a burst needed beyond that is given back */

void hf_pipe_init(hf_pipe *pipe, size_t max, const hf_env *env)
{
    *pipe = (hf_pipe){.env = env, .max = max};
}

void hf_pipe_clear(hf_pipe *pipe)
{
    hf_dealloc(pipe->env, pipe->memory);
    hf_pipe_init(pipe, pipe->max, pipe->env);
}

hf_err hf_pipe_reserve(hf_pipe *pipe, size_t len)
{
    if (len > pipe->max - pipe->len)
        return HF_ELIMIT;
    if (len <= pipe->cap - pipe->head - pipe->len)
        return HF_OK;
    if (pipe->len > 0)
        memmove(pipe->memory, pipe->memory + pipe->head, pipe->len);
    pipe->head = 0;
    return hf_grow(pipe->env, &pipe->memory, &pipe->cap, pipe->len + len, pipe->max, 1);
}

hf_err hf_pipe_write(hf_pipe *pipe, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return HF_OK;
    hf_err err = hf_pipe_reserve(pipe, len);
    if (err != HF_OK)
        return err;
    memcpy(pipe->memory + pipe->head + pipe->len, bytes, len);
    pipe->len += len;
    return HF_OK;
}

size_t hf_pipe_read(hf_pipe *pipe, uint8_t *out, size_t cap)
{
    size_t len = pipe->len < cap ? pipe->len : cap;
    if (len == 0)
        return 0;
    memcpy(out, pipe->memory + pipe->head, len);
    pipe->head += len;
    pipe->len -= len;
    if (pipe->len == 0) {
        pipe->head = 0;
        if (pipe->cap > CAP_KEPT)
            hf_pipe_clear(pipe);
    }
    return len;
}
