/* roam.c: what can happen to a network while two sessions talk, and how soon they talk again. The limits are those of the
 * laboratory (tests/lab/cases.py). */
#include "roamers.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* From the moment that the network allows it. */
#define RECOVER HF_SECONDS(1)
#define RECOVER_SIGNALLED HF_SECONDS(2)

/* Where a stream to the relay fell silent: it is given up, and another opened. */
#define RECOVER_STREAM HF_MS(1500)

#define SIGNALLING HF_MS(20)
#define PATIENCE HF_SECONDS(60)

static roam r; /* too large for the stack */

static void expect_all(const char *name)
{
    const char *wrong = roam_settle(&r, HF_SECONDS(30));
    cr_expect_null(wrong, "%s: %s", name, wrong);
}

typedef struct scenario {
    const char *name;
    sim_kind a, b;
    hf_span limit;
    void (*happens)(void); /* at its end the network allows messages to arrive */
    bool relay;            /* there is one */
} scenario;

/* Envelopes that are posted meanwhile come when it is over. */
static void cut_for(hf_span span)
{
    r.s.post_since = r.s.now + span;
    r.uplink[0][0]->link.cut = true;
    roam_talk(&r, span);
    r.uplink[0][0]->link.cut = false;
}

static void is_cut_for_5_seconds(void)
{
    cut_for(HF_SECONDS(5));
}

static void is_cut_for_40_seconds(void)
{
    cut_for(HF_SECONDS(40));
}

static void is_cut_for_40_seconds_and_so_is_its_post(void)
{
    r.s.post.cut = true;
    is_cut_for_40_seconds();
    r.s.post.cut = false;
}

static void is_rebound(void)
{
    sim_place_rebind(&r.place[0][0]);
}

static void gets_a_new_address_outside(void)
{
    sim_place_move(&r.place[0][0]);
}

static void both_get_a_new_address_outside(void)
{
    for (int i = 0; i < 2; i++)
        sim_place_move(&r.place[i][0]);
}

static void gets_a_new_address(void)
{
    sim_place_renumber(&r.place[0][0], r.uplink[0][0]);
}

/* The uplink that the first side's data takes. */
static sim_interface *used(void)
{
    hf_peer_stats stats;
    hf_peer_get_stats(hf_session_peer(r.s.side[0].session), &stats);
    sim_interface *interface = sim_host_interface(&r.s.side[0].host, &stats.route.path.local);
    cr_assert_not_null(interface);
    return interface;
}

static void gets_a_second_uplink(void)
{
    roam_add_uplink(&r, 0, SIM_PORT_RESTRICTED, (sim_link){.delay = HF_MS(20)}, 0);
    roam_talk(&r, HF_SECONDS(3));
}

static void loses_one_of_two_uplinks(void)
{
    gets_a_second_uplink();
    sim_host_unplug(used());
}

static void has_one_of_two_uplinks_fall_silent(void)
{
    gets_a_second_uplink();
    used()->link.cut = true;
}

static void swaps_its_uplink(void)
{
    r.s.post.cut = true;
    sim_host_unplug(r.uplink[0][0]);
    roam_talk(&r, HF_SECONDS(1));
    r.s.post.cut = false;
    roam_add_uplink(&r, 0, SIM_PORT_RESTRICTED, (sim_link){.delay = HF_MS(20)}, 0);
}

static void has_its_relay_restarted(void)
{
    sim_relay_kill(&r.relay);
    roam_talk(&r, HF_SECONDS(2));
    sim_relay_restart(&r.relay);
}

static void sleep_for(hf_span span, bool both)
{
    r.s.side[0].host.asleep = true;
    r.s.side[1].host.asleep = both;
    roam_talk(&r, HF_SECONDS(5)); /* what is said for an hour takes seconds to be carried */
    sim_run(&r.s, r.s.now + span - HF_SECONDS(5), NULL);
    r.s.side[0].host.asleep = r.s.side[1].host.asleep = false;
}

static void sleeps_for_a_minute(void)
{
    sleep_for(HF_SECONDS(60), false);
}

static void sleeps_for_an_hour(void)
{
    sleep_for(HF_SECONDS(3600), false);
}

static void sleep_both(void)
{
    sleep_for(HF_SECONDS(3600), true);
}

static const scenario scenarios[] = {
    {"cut for 5 s", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER, is_cut_for_5_seconds, true},
    {"cut for 5 s, relayed", SIM_SYMMETRIC, SIM_SYMMETRIC, RECOVER, is_cut_for_5_seconds, true},
    {"cut for 40 s: consent is lost", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, is_cut_for_40_seconds,
     true},
    {"cut for 40 s, relayed", SIM_SYMMETRIC, SIM_SYMMETRIC, RECOVER_SIGNALLED, is_cut_for_40_seconds, true},
    {"cut for 40 s, envelopes lost", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED,
     is_cut_for_40_seconds_and_so_is_its_post, true},
    {"rebound", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, is_rebound, true},
    {"rebound, no relay", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, is_rebound, false},
    {"rebound, the other lets everybody in", SIM_PORT_RESTRICTED, SIM_FULL_CONE, RECOVER, is_rebound, true},
    {"rebound, relayed", SIM_SYMMETRIC, SIM_SYMMETRIC, RECOVER_SIGNALLED, is_rebound, true},
    {"new address outside", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, gets_a_new_address_outside, true},
    {"new address outside, relayed", SIM_SYMMETRIC, SIM_SYMMETRIC, RECOVER_SIGNALLED, gets_a_new_address_outside, true},
    {"new addresses outside, both", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED,
     both_get_a_new_address_outside, true},
    {"new address", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, gets_a_new_address, true},
    {"new address, nothing in between", SIM_NONE, SIM_NONE, RECOVER, gets_a_new_address, true},
    {"one of two uplinks goes", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER, loses_one_of_two_uplinks, true},
    {"one of two uplinks falls silent", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER,
     has_one_of_two_uplinks_fall_silent, true},
    {"another uplink 1 s later", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, swaps_its_uplink, true},
    {"rebound, over TCP", SIM_ONLY_443, SIM_ONLY_443, RECOVER_SIGNALLED, is_rebound, true},
    {"cut for 5 s, over TCP", SIM_UDP_BLOCKED, SIM_UDP_BLOCKED, RECOVER_STREAM, is_cut_for_5_seconds, true},
    {"relay restarted, over TCP", SIM_ONLY_443, SIM_SYMMETRIC, RECOVER_SIGNALLED, has_its_relay_restarted, true},
    {"relay restarted", SIM_SYMMETRIC, SIM_SYMMETRIC, RECOVER_SIGNALLED, has_its_relay_restarted, true},
    {"asleep for a minute", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, sleeps_for_a_minute, true},
    {"asleep for an hour", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, sleeps_for_an_hour, true},
    {"asleep for an hour, relayed", SIM_SYMMETRIC, SIM_SYMMETRIC, RECOVER_SIGNALLED, sleeps_for_an_hour, true},
    {"both asleep for an hour", SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, RECOVER_SIGNALLED, sleep_both, true},
};

#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

ParameterizedTestParameters(sim_roam, recovers_in_time)
{
    static int numbers[SCENARIOS];
    for (size_t i = 0; i < SCENARIOS; i++)
        numbers[i] = (int)i;
    return cr_make_param_array(int, numbers, SCENARIOS);
}

ParameterizedTest(int *number, sim_roam, recovers_in_time)
{
    const scenario *c = &scenarios[*number];
    roam_init(&r,
              &(roam_config){
                  .seed = 100 + (uint64_t)*number, .kinds = {c->a, c->b}, .signalling = SIGNALLING, .no_relay = !c->relay});
    cr_assert(roam_connect(&r, PATIENCE), "%s: no connection", c->name);
    roam_talk(&r, HF_SECONDS(3));
    c->happens();
    hf_span took = roam_time_to_recover(&r, PATIENCE);
    cr_expect_leq(took, c->limit, "%s: %d ms", c->name, took == HF_NEVER ? -1 : (int)(took / 1000));
    roam_talk(&r, HF_SECONDS(2));
    expect_all(c->name);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(r.s.side[i].state, HF_SESSION_CONNECTED, "%s, side %d: %s", c->name, i, r.s.side[i].connections);
    roam_clear(&r);
}

/* --- What is no trouble ------------------------------------------------------------------------------------------ */

Test(sim_roam, takes_a_better_interface_and_misses_nothing)
{
    roam_init(&r, &(roam_config){.seed = 200,
                                 .kinds = {SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED},
                                 .link = {.delay = HF_MS(30)},
                                 .signalling = SIGNALLING});
    cr_assert(roam_connect(&r, PATIENCE));
    roam_talk(&r, HF_SECONDS(3));
    const sim_interface *better = roam_add_uplink(&r, 0, SIM_PORT_RESTRICTED, (sim_link){.delay = HF_MS(5)}, 10);
    roam_talk(&r, HF_SECONDS(3));
    cr_expect_eq(used(), better);
    cr_expect_not(r.s.side[0].unsteady);
    cr_expect_not(r.s.side[1].unsteady);
    expect_all("a better interface");
    roam_clear(&r);
}

Test(sim_roam, raises_no_alarm_where_a_fifth_is_lost)
{
    roam_init(&r,
              &(roam_config){.seed = 201, .kinds = {SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED}, .signalling = SIGNALLING});
    cr_assert(roam_connect(&r, PATIENCE));
    r.uplink[0][0]->link.loss = 200;
    roam_talk(&r, HF_SECONDS(120));
    r.uplink[0][0]->link.loss = 0;
    for (int i = 0; i < 2; i++)
        cr_expect_not(r.s.side[i].unsteady, "side %d: %s", i, r.s.side[i].connections);
    expect_all("a fifth is lost");
    roam_clear(&r);
}
