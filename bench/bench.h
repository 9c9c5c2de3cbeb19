/* bench.h: what the benchmarks share.
 *
 * A benchmark fills in some figures. Each run of it is a process of its own, so that memory and processor time are its own
 * and process-wide state (usrsctp) starts fresh. A figure may name another one as its reference: the limit that the
 * machine, or a library under us, sets in the same run. */
#ifndef HF_BENCH_H
#define HF_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_FIGURES_MAX 4

typedef struct bench_figure {
    const char *name; /* of all figures, the only one with this name */
    const char *unit;
    const char *reference; /* the name of another figure; NULL: this is one to be compared with */
} bench_figure;

typedef struct bench {
    const char *title;
    bench_figure figures[BENCH_FIGURES_MAX]; /* as many as have a name */
    void (*run)(double values[BENCH_FIGURES_MAX]);
} bench;

extern const bench bench_udp[], bench_crypto[], bench_pipe[], bench_peer[];
extern const size_t bench_udp_len, bench_crypto_len, bench_pipe_len, bench_peer_len;

/* Seconds on the monotonic clock, and seconds of processor time that this process has taken. */
double bench_now(void);
double bench_cpu(void);

/* The value at `fraction` of the sorted values (0.5: the median); sorts them. */
double bench_quantile(double *values, size_t n, double fraction);

/* How many bytes of messages of this size go through one after the other. */
size_t bench_volume(size_t message_size);

/* Ends the process with a message: what was to be measured did not work. */
__attribute__((format(printf, 1, 2), noreturn)) void bench_fail(const char *format, ...);

/* Less of everything: to see that it works. */
extern bool bench_quick;

#define BENCH_CHECK(condition)                                                                                              \
    do {                                                                                                                    \
        if (!(condition))                                                                                                   \
            bench_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition);                                                \
    } while (0)

#endif
