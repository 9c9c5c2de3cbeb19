/* runner.c: a process for each world. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNNING_MAX 64
#define CPU_MAX_S 30 /* of one world, which takes tenths of a second */

typedef struct runner {
    const char *program;
    pid_t pids[RUNNING_MAX]; /* 0: free */
    uint64_t seeds[RUNNING_MAX];
    size_t running, running_max;
    uint64_t failed;
} runner;

static void begin(runner *r, uint64_t seed, bool (*world)(uint64_t seed))
{
    size_t i = 0;
    while (r->pids[i] != 0)
        i++;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        static char lines[65536]; /* what it says comes in one piece */
        setvbuf(stdout, lines, _IOFBF, sizeof lines);
        setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_MAX_S, CPU_MAX_S}); /* a world that goes on for ever is a fault, too */
        bool is_well = world(seed);
        fflush(stdout);
        _exit(is_well ? 0 : 1);
    }
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    r->pids[i] = child;
    r->seeds[i] = seed;
    r->running++;
}

static void end_one(runner *r)
{
    int status = 0;
    pid_t child = wait(&status);
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        if (r->pids[i] != child)
            continue;
        r->pids[i] = 0;
        r->running--;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            printf("seed %llu %s; again: %s %llu 1\n", (unsigned long long)r->seeds[i],
                   WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "failed", r->program,
                   (unsigned long long)r->seeds[i]);
            r->failed++;
        }
    }
}

int sim_run_worlds(int argc, char **argv, bool (*world)(uint64_t seed))
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    runner r = {.program = argv[0], .running_max = processors > 0 ? (size_t)processors : 1};
    r.running_max = r.running_max < RUNNING_MAX ? r.running_max : RUNNING_MAX;
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (r.running == r.running_max)
            end_one(&r);
        begin(&r, seed, world);
    }
    while (r.running > 0)
        end_one(&r);
    printf("%llu worlds, %llu failed\n", (unsigned long long)count, (unsigned long long)r.failed);
    return r.failed > 0;
}
