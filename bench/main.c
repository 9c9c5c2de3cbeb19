/* main.c: runs the benchmarks in turn, again and again, and prints medians: a table, or JSON. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define BENCHES_MAX 64
#define REPETITIONS_MAX 101

typedef struct result {
    const bench *of;
    double values[BENCH_FIGURES_MAX][REPETITIONS_MAX]; /* in the order of running, then sorted */
    size_t values_len;
} result;

static result results[BENCHES_MAX];
static size_t results_len;

/* --- Running --- */

static void run_child(const bench *b, int to)
{
    double values[BENCH_FIGURES_MAX] = {0};

    alarm(300); /* one that hangs must not hold up the others */
    b->run(values);
    _exit(write(to, values, sizeof values) == sizeof values ? 0 : 1);
}

/* False: it failed, and has said why. */
static bool run_once(const bench *b, double values[BENCH_FIGURES_MAX])
{
    int ends[2], status;

    if (pipe(ends) != 0)
        bench_fail("no pipe");
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        bench_fail("no process");
    if (child == 0) {
        close(ends[0]);
        run_child(b, ends[1]);
    }
    close(ends[1]);
    bool whole = read(ends[0], values, sizeof(double) * BENCH_FIGURES_MAX) == (ssize_t)sizeof(double) * BENCH_FIGURES_MAX;
    close(ends[0]);
    waitpid(child, &status, 0);
    return whole && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run_into(result *r)
{
    double values[BENCH_FIGURES_MAX];

    if (!run_once(r->of, values)) {
        fprintf(stderr, "failed: %s\n", r->of->title);
        return;
    }
    for (size_t i = 0; i < BENCH_FIGURES_MAX; i++)
        r->values[i][r->values_len] = values[i];
    r->values_len++;
}

/* --- Looking up --- */

static double median(result *r, size_t figure)
{
    return r->values_len > 0 ? bench_quantile(r->values[figure], r->values_len, 0.5) : NAN;
}

static double median_of(const char *name)
{
    for (size_t i = 0; i < results_len; i++) {
        for (size_t f = 0; f < BENCH_FIGURES_MAX && results[i].of->figures[f].name; f++) {
            if (strcmp(results[i].of->figures[f].name, name) == 0)
                return median(&results[i], f);
        }
    }
    return NAN;
}

/* --- Printing --- */

typedef struct line {
    const bench_figure *figure;
    double median, min, max, ratio; /* NAN: none */
    size_t repetitions;
} line;

static line line_of(result *r, size_t f)
{
    const bench_figure *figure = &r->of->figures[f];
    line l = {.figure = figure, .median = median(r, f), .min = NAN, .max = NAN, .repetitions = r->values_len};

    if (r->values_len > 0) {
        l.min = r->values[f][0];
        l.max = r->values[f][r->values_len - 1];
    }
    l.ratio = figure->reference ? l.median / median_of(figure->reference) : NAN;
    return l;
}

/* Three digits that count. */
static const char *number(double value, char text[32])
{
    if (isnan(value))
        return "-";
    int digits = fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : fabs(value) >= 1 ? 2 : 3;
    snprintf(text, 32, "%.*f", digits, value);
    return text;
}

static void print_row(const line *l)
{
    char a[32], b[32], c[32], d[32];

    printf("  %-34s %10s %-7s %10s %10s", l->figure->name, number(l->median, a), l->figure->unit, number(l->min, b),
           number(l->max, c));
    if (l->figure->reference)
        printf("   %8s x %s", number(l->ratio, d), l->figure->reference);
    putchar('\n');
}

static void print_table(void)
{
    printf("  %-34s %10s %-7s %10s %10s   %s\n", "", "median", "", "least", "most", "compared with");
    for (size_t i = 0; i < results_len; i++) {
        if (i == 0 || strcmp(results[i].of->title, results[i - 1].of->title) != 0)
            printf("%s\n", results[i].of->title);
        for (size_t f = 0; f < BENCH_FIGURES_MAX && results[i].of->figures[f].name; f++) {
            line l = line_of(&results[i], f);

            print_row(&l);
        }
    }
}

static void print_json_number(const char *key, double value)
{
    if (isnan(value))
        printf(", \"%s\": null", key);
    else
        printf(", \"%s\": %.9g", key, value);
}

static void print_json(void)
{
    const char *comma = "";

    printf("[");
    for (size_t i = 0; i < results_len; i++) {
        for (size_t f = 0; f < BENCH_FIGURES_MAX && results[i].of->figures[f].name; f++) {
            line l = line_of(&results[i], f);

            printf("%s\n  {\"name\": \"%s\", \"group\": \"%s\", \"unit\": \"%s\", \"repetitions\": %zu", comma,
                   l.figure->name, results[i].of->title, l.figure->unit, l.repetitions);
            print_json_number("median", l.median);
            print_json_number("min", l.min);
            print_json_number("max", l.max);
            if (l.figure->reference)
                printf(", \"reference\": \"%s\"", l.figure->reference);
            print_json_number("ratio", l.ratio);
            printf("}");
            comma = ",";
        }
    }
    printf("\n]\n");
}

static void print_machine(void)
{
    struct utsname name;
    char line_text[256], model[256] = "";
    FILE *file = fopen("/proc/cpuinfo", "re");

    while (file && fgets(line_text, sizeof line_text, file)) {
        if (sscanf(line_text, "model name : %255[^\n]", model) == 1)
            break;
    }
    if (file)
        fclose(file);
    uname(&name);
    printf("%s %s, %ld x %s\n", name.sysname, name.release, sysconf(_SC_NPROCESSORS_ONLN), model);
}

/* --- The command line --- */

static void usage(void)
{
    fputs("usage: bench [--json] [--quick] [--repeat N] [--only TEXT]\n"
          "  --json      print JSON instead of a table\n"
          "  --quick     a little of everything, to see that it works\n"
          "  --repeat N  how often each is run; the median is told (5)\n"
          "  --only TEXT only groups and figures whose name has TEXT in it, and what they are compared with\n",
          stderr);
    exit(2);
}

static bool has_text(const bench *b, const char *text)
{
    if (strstr(b->title, text))
        return true;
    for (size_t f = 0; f < BENCH_FIGURES_MAX && b->figures[f].name; f++) {
        if (strstr(b->figures[f].name, text))
            return true;
    }
    return false;
}

static bool is_reference_of(const bench *b, const bench *of)
{
    for (size_t f = 0; f < BENCH_FIGURES_MAX && of->figures[f].name; f++) {
        const char *reference = of->figures[f].reference;

        for (size_t i = 0; reference && i < BENCH_FIGURES_MAX && b->figures[i].name; i++) {
            if (strcmp(b->figures[i].name, reference) == 0)
                return true;
        }
    }
    return false;
}

static const struct {
    const bench *benches;
    const size_t *len;
} lists[] = {
    {bench_udp, &bench_udp_len},
    {bench_crypto, &bench_crypto_len},
    {bench_pipe, &bench_pipe_len},
    {bench_peer, &bench_peer_len},
};

/* A figure without its limit says little: what a chosen one is compared with is chosen, too. */
static bool is_wanted(const bench *b, const char *only)
{
    if (!only || has_text(b, only))
        return true;
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        for (size_t i = 0; i < *lists[l].len; i++) {
            if (has_text(&lists[l].benches[i], only) && is_reference_of(b, &lists[l].benches[i]))
                return true;
        }
    }
    return false;
}

static void choose(const char *only)
{
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        for (size_t i = 0; i < *lists[l].len && results_len < BENCHES_MAX; i++) {
            if (is_wanted(&lists[l].benches[i], only))
                results[results_len++].of = &lists[l].benches[i];
        }
    }
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    long repeat = 5;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--quick") == 0)
            bench_quick = true;
        else if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc)
            repeat = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            only = argv[++i];
        else
            usage();
    }
    if (repeat < 1 || repeat > REPETITIONS_MAX)
        usage();

    choose(only);

    /* Round after round, so that a machine that slows down does so for all. */
    bool all = true;
    for (long round = 0; round < repeat; round++) {
        for (size_t i = 0; i < results_len; i++)
            run_into(&results[i]);
    }
    for (size_t i = 0; i < results_len; i++)
        all = all && results[i].values_len > 0;
    if (json) {
        print_json();
    } else {
        print_machine();
        print_table();
    }
    return all ? 0 : 1;
}
