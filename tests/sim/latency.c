/* latency.c: a table of what urgent messages and a transfer beside them get on links of many kinds.
 *
 *     latency [SCENARIO]… */
#include "traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MBIT 125000
#define KIB 1024

typedef struct scenario {
    const char *name;
    traffic_config config;
    hf_span length;
    bool rival;
} scenario;

#define LINK(mbit, ms, bytes, lost)                                                                                         \
    .config.link = {.rate = (uint64_t)((mbit)*MBIT), .delay = HF_MS(ms), .queue = bytes, .loss = lost}

static const scenario scenarios[] = {
    {"b", LINK(20, 25, 122 * KIB, 0), .length = HF_SECONDS(60), .rival = false},
    {"c 0.1 %", LINK(20, 25, 122 * KIB, 1), .length = HF_SECONDS(60), .rival = false},
    {"c 1 %", LINK(20, 25, 122 * KIB, 10), .length = HF_SECONDS(60), .rival = false},
    {"c 5 %", LINK(20, 25, 122 * KIB, 50), .length = HF_SECONDS(60), .rival = false},
    {"d", LINK(20, 25, 2500000, 0), .length = HF_SECONDS(60), .rival = false},
    {"d 1 %", LINK(20, 25, 2500000, 10), .length = HF_SECONDS(60), .rival = false},
    {"deep uplink", LINK(2, 15, 500000, 0), .length = HF_SECONDS(60), .rival = false},
    {"64 kbit/s", LINK(0.064, 30, 20000, 0), .config.urgent_every = HF_MS(500), .length = HF_SECONDS(120), .rival = false},
    {"256 kbit/s", LINK(0.256, 30, 64000, 0), .length = HF_SECONDS(60), .rival = false},
    {"1 Gbit/s", LINK(1000, 1, 1000000, 0), .length = HF_SECONDS(2), .rival = false},
    {"100 Mbit/s", LINK(100, 5, 400000, 0), .length = HF_SECONDS(10), .rival = false},
    {"300 ms", LINK(20, 150, 750000, 0), .length = HF_SECONDS(60), .rival = false},
    {"jitter",
     {.link = {.rate = 20 * MBIT, .delay = HF_MS(25), .queue = 122 * KIB, .jitter = HF_MS(3)}},
     .length = HF_SECONDS(60),
     .rival = 0},
    {"shallow", LINK(20, 25, 5000, 0), .length = HF_SECONDS(60), .rival = false},
    {"shallow 2", LINK(20, 25, 12000, 0), .length = HF_SECONDS(60), .rival = false},
    {"rival b", LINK(20, 25, 122 * KIB, 0), .length = HF_SECONDS(60), .rival = true},
    {"rival d", LINK(20, 25, 2500000, 0), .length = HF_SECONDS(60), .rival = true},
};

static double ms(hf_span span)
{
    return (double)span / 1000;
}

static void measure(const scenario *s, traffic_config config, const char *how)
{
    static traffic t;
    traffic_begin(&t, &config);
    if (s->rival)
        traffic_set_rival(&t, true);
    traffic_run(&t, HF_SECONDS(5));
    traffic_figures first = traffic_tell(&t);
    traffic_forget(&t);
    traffic_run(&t, s->length);
    traffic_figures f = traffic_tell(&t);
    printf(
        "%-12s %-8s %7.3f MB/s %5.1f %%  one way %6.1f %6.1f %6.1f  round %6.1f %6.1f %6.1f  (first 5 s %6.1f, %.2f MB/s, "
        "%" PRIu64 " dropped)  rival %.2f  dropped %" PRIu64 "  mode %d\n",
        s->name, how, f.rate / 1e6, 100 * f.rate / (double)config.link.rate, ms(f.one_way_p50), ms(f.one_way_p99),
        ms(f.one_way_max), ms(f.round_p50), ms(f.round_p99), ms(f.round_max), ms(first.round_max), first.rate / 1e6,
        first.overflowed, f.rival_rate / 1e6, f.overflowed, (int)t.window.mode);
    fflush(stdout);
    traffic_end(&t);
}

static bool is_asked(const scenario *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], s->name) == 0)
            return true;
    }
    return argc == 1;
}

int main(int argc, char **argv)
{
    bool plain = getenv("PLAIN") != NULL;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        traffic_config config = scenarios[i].config;
        if (!is_asked(&scenarios[i], argc, argv))
            continue;
        config.seed = i + 1;
        measure(&scenarios[i], config, "low");
        config.same_class = true;
        if (scenarios[i].rival)
            measure(&scenarios[i], config, "same");
        config.kind = TRAFFIC_PLAIN;
        if (plain)
            measure(&scenarios[i], config, "plain");
    }
    return 0;
}
