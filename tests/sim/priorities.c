/* priorities.c: how long urgent messages take beside a transfer, and what the transfer gets, held to what is promised
 * (docs/priorities.md). Two whole peers; the window and the turns are those of a session. */
#include "traffic.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define MBIT 125000
#define KIB 1024

static traffic t; /* too large for the stack */

static traffic_figures measure(const traffic_config *config, hf_span warm_up, hf_span length)
{
    traffic_begin(&t, config);
    traffic_run(&t, warm_up);
    traffic_forget(&t);
    traffic_run(&t, length);
    return traffic_tell(&t);
}

typedef struct promise {
    char why[64];
    sim_link link;
    hf_span round_p99; /* at most */
    double share;      /* of the link, at least */
    hf_span length;
} promise;

#define LINK(mbit, ms, bytes, lost)                                                                                         \
    {                                                                                                                       \
        .rate = (uint64_t)((mbit)*MBIT), .delay = HF_MS(ms), .queue = bytes, .loss = lost                                   \
    }

/* Measured at that time: 56, 57, 164, 208, 56; 52, 13, 319, 61 ms. */
ParameterizedTestParameters(sim_priorities, an_urgent_message_does_not_wait_for_the_transfer)
{
    static promise all[] = {
        {"20 Mbit/s, a queue of 122 KiB", LINK(20, 25, 122 * KIB, 0), HF_MS(70), 0.88, HF_SECONDS(20)},
        {"0.1 % lost", LINK(20, 25, 122 * KIB, 1), HF_MS(110), 0.85, HF_SECONDS(20)},
        {"1 % lost", LINK(20, 25, 122 * KIB, 10), HF_MS(200), 0.8, HF_SECONDS(20)},
        {"5 % lost", LINK(20, 25, 122 * KIB, 50), HF_MS(300), 0.6, HF_SECONDS(20)},
        {"a queue of a second", LINK(20, 25, 2500000, 0), HF_MS(70), 0.88, HF_SECONDS(20)},
        {"an uplink of 2 Mbit/s with a deep queue", LINK(2, 15, 500000, 0), HF_MS(80), 0.8, HF_SECONDS(20)},
        {"100 Mbit/s", LINK(100, 5, 400000, 0), HF_MS(20), 0.88, HF_SECONDS(5)},
        {"300 ms", LINK(20, 150, 750000, 0), HF_MS(360), 0.8, HF_SECONDS(20)},
        {"reordered",
         {.rate = 20 * MBIT, .delay = HF_MS(25), .queue = 122 * KIB, .jitter = HF_MS(3)},
         HF_MS(80),
         0.75,
         HF_SECONDS(20)},
    };
    return cr_make_param_array(promise, all, sizeof all / sizeof all[0]);
}

ParameterizedTest(promise *p, sim_priorities, an_urgent_message_does_not_wait_for_the_transfer, .timeout = 300)
{
    traffic_figures f = measure(&(traffic_config){.link = p->link, .seed = 3}, HF_SECONDS(10), p->length);
    cr_expect_leq(f.round_p99, p->round_p99, "%s: %d us", p->why, (int)f.round_p99);
    cr_expect_geq(f.rate, p->share * (double)p->link.rate, "%s: %.0f of %.0f B/s", p->why, f.rate, (double)p->link.rate);
    cr_expect_geq(f.messages, (size_t)(p->length / HF_MS(20)) - 50, "all came back");
    traffic_end(&t);
}

/* 8 KB/s: a packet takes 150 ms, two are on their way, and one of the urgent ones has 200 bytes of its own. */
Test(sim_priorities, work_on_a_modem)
{
    traffic_figures f = measure(&(traffic_config){.link = LINK(0.064, 30, 20000, 0), .seed = 3, .urgent_every = HF_MS(500)},
                                HF_SECONDS(60), HF_SECONDS(60));
    cr_expect_leq(f.round_p99, HF_MS(600), "%d us", (int)f.round_p99);
    cr_expect_geq(f.rate, 0.8 * 0.064 * MBIT, "%.0f B/s", f.rate);
    traffic_end(&t);
}

Test(sim_priorities, follow_a_link_whose_rate_changes)
{
    static const struct {
        double mbit;
        const char *why;
    } rows[] = {{10, "half"}, {20, "as it was"}, {40, "twice"}, {20, "half again"}};
    sim_link link = LINK(20, 25, 250 * KIB, 0);
    traffic_begin(&t, &(traffic_config){.link = link, .seed = 4});
    traffic_run(&t, HF_SECONDS(5));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t.s.link.rate = (uint64_t)(rows[i].mbit * MBIT);
        traffic_run(&t, HF_SECONDS(3));
        traffic_forget(&t);
        traffic_run(&t, HF_SECONDS(5));
        traffic_figures f = traffic_tell(&t);
        cr_expect_leq(f.round_p99, HF_MS(80), "%s: %d us", rows[i].why, (int)f.round_p99);
        cr_expect_geq(f.rate, 0.8 * (double)t.s.link.rate, "%s: %.0f B/s", rows[i].why, f.rate);
    }
    traffic_end(&t);
}

/* Somebody who fills every queue: what is not low holds its own, what is low gives way and comes back. */
Test(sim_priorities, share_a_link_with_a_sender_as_TCPs_are)
{
    traffic_begin(&t, &(traffic_config){.link = LINK(20, 25, 122 * KIB, 0), .seed = 5, .same_class = true});
    traffic_run(&t, HF_SECONDS(5));
    traffic_set_rival(&t, true);
    traffic_run(&t, HF_SECONDS(10));
    traffic_forget(&t);
    traffic_run(&t, HF_SECONDS(40));
    traffic_figures f = traffic_tell(&t);
    cr_expect_geq(f.rate, 500000, "%.0f beside %.0f B/s", f.rate, f.rival_rate);
    cr_expect_geq(f.rival_rate, 500000, "%.0f beside %.0f B/s", f.rate, f.rival_rate);
    traffic_end(&t);
}

Test(sim_priorities, make_the_low_class_a_scavenger)
{
    traffic_begin(&t, &(traffic_config){.link = LINK(20, 25, 122 * KIB, 0), .seed = 6});
    traffic_run(&t, HF_SECONDS(5));
    traffic_set_rival(&t, true);
    traffic_run(&t, HF_SECONDS(5));
    traffic_forget(&t);
    traffic_run(&t, HF_SECONDS(20));
    traffic_figures f = traffic_tell(&t);
    cr_expect_geq(f.rival_rate, 2000000, "%.0f B/s", f.rival_rate);
    cr_expect_leq(f.rate, 400000, "%.0f B/s", f.rate);
    traffic_set_rival(&t, false);
    traffic_run(&t, HF_SECONDS(20));
    traffic_forget(&t);
    traffic_run(&t, HF_SECONDS(5));
    f = traffic_tell(&t);
    cr_expect_geq(f.rate, 0.85 * 20 * MBIT, "it comes back: %.0f B/s", f.rate);
    traffic_end(&t);
}

/* Channels of a bare connection, whose queues are in src/sctp: their priorities count there. */
Test(sim_priorities, count_on_a_bare_connection_too)
{
    traffic_figures f =
        measure(&(traffic_config){.kind = TRAFFIC_PLAIN, .link = LINK(20, 25, 122 * KIB, 0), .seed = 7, .bulk_size = 4096},
                HF_SECONDS(10), HF_SECONDS(20));
    cr_expect_leq(f.round_p99, HF_MS(150), "%d us", (int)f.round_p99);
    cr_expect_geq(f.rate, 0.8 * 20 * MBIT, "%.0f B/s", f.rate);
    traffic_end(&t);
}
