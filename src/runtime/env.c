/* env.c: an environment from the operating system. */
#include <holdfast/loop.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

/* getrandom(2) gives up to 256 bytes whole; more may come in parts, and a signal may interrupt it. */
static void fill(void *context, void *out, size_t len)
{
    uint8_t *at = out;

    (void)context;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            abort(); /* keys that can be guessed are worse than no process */
        at += n;
        len -= (size_t)n;
    }
}

void hf_env_system(hf_env *out)
{
    *out = (hf_env){.random = fill};
}
