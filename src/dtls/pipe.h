/* pipe.h: bytes on their way: written at one end, read at the other, and never more than a limit between. Pure. */
#ifndef HF_DTLS_PIPE_H
#define HF_DTLS_PIPE_H

#include <holdfast/base.h>

typedef struct hf_pipe {
    const hf_env *env;
    uint8_t *memory;
    size_t cap, max;
    size_t head, len; /* the oldest byte, and how many there are */
} hf_pipe;

void hf_pipe_init(hf_pipe *pipe, size_t max, const hf_env *env);
void hf_pipe_clear(hf_pipe *pipe); /* frees the memory; a struct of zeroes is fine */

/* Makes room, so that writing `len` more bytes can't fail. HF_ELIMIT: beyond the limit; HF_ENOMEM. */
HF_CHECKED hf_err hf_pipe_reserve(hf_pipe *pipe, size_t len);

/* All of it, or an error as above. */
HF_CHECKED hf_err hf_pipe_write(hf_pipe *pipe, const uint8_t *bytes, size_t len);

/* Takes out at most `cap` bytes; 0: there are none. */
size_t hf_pipe_read(hf_pipe *pipe, uint8_t *out, size_t cap);

#endif
