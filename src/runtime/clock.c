/* clock.c: the one place where a clock is read. */
#include <holdfast/loop.h>

#include <time.h>

hf_time hf_clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (hf_time)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
