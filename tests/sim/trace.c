/* trace.c: the same seed gives the same packets, byte for byte, at the same moments. */
#include "roamers.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct outcome {
    uint64_t trace, datagrams, messages;
} outcome;

/* A certificate of its own for each seed is part of the run, so that it is made from the seed too. */
static outcome run(uint64_t seed)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = seed,
                               .link = {.delay = HF_MS(20), .jitter = HF_MS(10), .loss = 50, .duplicate = 20},
                               .signalling = HF_MS(10)});
    sim_channel *channel = sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    if (!sim_run(&s, HF_SECONDS(30), sim_both_open))
        return (outcome){0};
    s.side[1].echo = true;
    for (uint64_t k = 0; k < 300; k++) {
        if (sim_send_numbered(&s.side[0], channel, k, 200 + 20 * (k % 100)) != HF_OK)
            return (outcome){0};
    }
    sim_run(&s, s.now + HF_SECONDS(60), NULL);
    outcome out = {.trace = s.trace, .datagrams = s.datagrams, .messages = channel->messages};
    sim_clear(&s);
    return out;
}

/* The same of two managers that roam: relayed, rebound, cut, with a relay that is started again. */
static outcome run_roaming(uint64_t seed)
{
    static roam r;
    roam_init(&r, &(roam_config){.seed = seed,
                                 .kinds = {SIM_SYMMETRIC, SIM_PORT_RESTRICTED},
                                 .link = {.delay = HF_MS(10), .jitter = HF_MS(5), .loss = 20},
                                 .signalling = HF_MS(10)});
    if (!roam_connect(&r, HF_SECONDS(30)))
        return (outcome){0};
    roam_talk(&r, HF_SECONDS(2));
    sim_place_rebind(&r.place[0][0]);
    roam_talk(&r, HF_SECONDS(5));
    sim_relay_kill(&r.relay);
    roam_talk(&r, HF_SECONDS(3));
    sim_relay_restart(&r.relay);
    roam_talk(&r, HF_SECONDS(5));
    outcome out = {
        .trace = r.s.trace, .datagrams = r.s.datagrams, .messages = sim_find(&r.s.side[1], ROAM_ORDERED)->messages};
    roam_clear(&r);
    return out;
}

/* Each run has a process of its own, for usrsctp's globals outlive a run. */
static outcome run_apart(outcome (*world)(uint64_t seed), uint64_t seed)
{
    int ends[2];
    outcome out = {0};
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        outcome mine = world(seed);
        ssize_t written = write(ends[1], &mine, sizeof mine);
        _exit(written == (ssize_t)sizeof mine ? 0 : 1);
    }
    close(ends[1]);
    cr_expect_eq(read(ends[0], &out, sizeof out), (ssize_t)sizeof out);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return out;
}

Test(sim_trace, is_the_same_for_the_same_seed, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        outcome first = run_apart(run, seed), second = run_apart(run, seed);
        cr_expect_gt(first.datagrams, 300);
        cr_expect_eq(first.messages, 300, "seed %d", (int)seed);
        cr_expect_eq(first.trace, second.trace, "seed %d", (int)seed);
        cr_expect_eq(first.datagrams, second.datagrams, "seed %d", (int)seed);
    }
}

Test(sim_trace, is_the_same_for_the_same_seed_of_roamers, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        outcome first = run_apart(run_roaming, seed), second = run_apart(run_roaming, seed);
        cr_expect_gt(first.datagrams, 300);
        cr_expect_gt(first.messages, 100, "seed %d", (int)seed);
        cr_expect_eq(first.trace, second.trace, "seed %d", (int)seed);
        cr_expect_eq(first.datagrams, second.datagrams, "seed %d", (int)seed);
    }
}

Test(sim_trace, differs_for_another_seed, .timeout = 60)
{
    cr_expect_neq(run_apart(run, 4).trace, run_apart(run, 5).trace);
    cr_expect_neq(run_apart(run_roaming, 4).trace, run_apart(run_roaming, 5).trace);
}
