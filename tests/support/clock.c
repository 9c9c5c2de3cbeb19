/* clock.c: gettimeofday, time and syscall(SYS_getrandom), which the program defines before the C library does. */
#include "clock.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define DATE 1750000000 /* some day */

static hf_time virtual_now = -1;
static uint64_t generator;

void clock_set(hf_time now)
{
    virtual_now = now;
}

void clock_seed(uint64_t seed)
{
    generator = seed * 2 + 1;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    (void)zone;
    struct timespec real;
    if (virtual_now >= 0) {
        *out = (struct timeval){.tv_sec = DATE + virtual_now / HF_SECONDS(1), .tv_usec = virtual_now % HF_SECONDS(1)};
    } else {
        clock_gettime(CLOCK_REALTIME, &real);
        *out = (struct timeval){.tv_sec = real.tv_sec, .tv_usec = real.tv_nsec / 1000};
    }
    return 0;
}

time_t time(time_t *out)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

static void fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        generator = generator * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(generator >> 56);
    }
}

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    va_list list;
    long a[6];
    va_start(list, number);
    for (size_t i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_getrandom && generator != 0) {
        fill((uint8_t *)a[0], (size_t)a[1]); /* NOLINT: that is what the arguments of a system call are */
        return a[1];
    }
    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "syscall");
        memcpy(&real, &symbol, sizeof real);
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
