/* soak.c: many bytes through one channel of two whole peers, and what they leave behind in memory: nothing.
 *
 *     soak MIB [LOSS]     LOSS: out of 1000
 *
 * The second half may take no more memory than the first did, but for a little; and all of it stays below what the channel's
 * queue, the window twice (in flight, and received) and the network between may hold. */
#include "world.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MESSAGE_SIZE 65536
#define MEBIBYTE 1048576u
#define SLACK (4u * MEBIBYTE) /* the congestion window, which goes on growing; rings of another power of two */
#define MOST (24u * MEBIBYTE)

typedef struct soak {
    uint64_t sent, total; /* messages */
    size_t heap_warm, heap_most, blocks_warm, blocks_most;
} soak;

static soak run;

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* All that malloc gave out, usrsctp's and mbedTLS's memory too. */
static void sample(const sim *s, bool warm)
{
    struct mallinfo2 heap = mallinfo2();
    size_t used = heap.uordblks + heap.hblkhd, blocks = s->env[0].blocks + s->env[1].blocks;
    if (warm) {
        run.heap_warm = max(run.heap_warm, used);
        run.blocks_warm = max(run.blocks_warm, blocks);
    } else {
        run.heap_most = max(run.heap_most, used);
        run.blocks_most = max(run.blocks_most, blocks);
    }
}

/* Sends what there is room for; true: all has come. */
static bool pump(sim *s)
{
    sim_channel *from = sim_find(&s->side[0], "bulk"), *to = sim_find(&s->side[1], "bulk");
    while (run.sent < run.total && sim_send_numbered(&s->side[0], from, run.sent, MESSAGE_SIZE) == HF_OK)
        run.sent++;
    sample(s, to->messages < run.total / 2);
    return to->messages == run.total;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    long mebibytes = argc > 1 ? strtol(argv[1], NULL, 10) : 0, loss = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    if (mebibytes < 1 || mebibytes > 1 << 20 || loss < 0 || loss > 500) {
        fputs("usage: soak MIB [LOSS]\n", stderr);
        return 2;
    }
    sim s;
    sim_init(&s, &(sim_config){.seed = 1, .link.delay = HF_MS(1)});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "bulk"});
    sim_connect(&s);
    if (!sim_run(&s, HF_SECONDS(10), sim_both_open))
        return 1;
    s.link.loss = (unsigned)loss;
    run.total = (uint64_t)mebibytes * MEBIBYTE / MESSAGE_SIZE;
    double before = seconds();
    bool done = sim_run(&s, s.now + HF_SECONDS(1000000), pump);
    const sim_channel *to = sim_find(&s.side[1], "bulk");
    printf("%ld MiB, %" PRIu64 " of %" PRIu64 " messages, %" PRIu64 " out of order; %.1f s of CPU\n"
           "heap: %.1f MiB in the first half, %.1f MiB in the second; our blocks: %zu and %zu\n",
           mebibytes, to->messages, run.total, to->out_of_order, seconds() - before, (double)run.heap_warm / MEBIBYTE,
           (double)run.heap_most / MEBIBYTE, run.blocks_warm, run.blocks_most);
    bool flat = run.heap_most <= run.heap_warm + SLACK && run.heap_most <= MOST && run.blocks_most <= run.blocks_warm + 64;
    if (!flat)
        fputs("soak: memory grew\n", stderr);
    sim_clear(&s);
    return done && flat && to->out_of_order == 0 ? 0 : 1;
}
