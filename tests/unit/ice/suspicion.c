/* suspicion.c: when a path is suspected, what that costs, when it is told, and that it is not told without reason. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>

static uint64_t checks_of(const hf_ice *ice)
{
    uint64_t checks = 0;
    hf_ice_pair_info pair;
    for (size_t i = 0; hf_ice_get_pair(ice, i, &pair); i++)
        checks += pair.requests_sent;
    return checks;
}

static void set_two_uplinks(net *n)
{
    net_host_set_local(&n->a, 1, "10.0.1.1:5100");
    n->a.locals[0].preference = 10;
}

static bool drop_first_uplink(net *n, net_flight *flight)
{
    const hf_addr *dead = &n->a.locals[0].addr;
    return !hf_addr_equal_ip(&flight->path.local, dead) && !hf_addr_equal_ip(&flight->path.remote, dead);
}

static bool routes_by(const net_host *host, const char *local)
{
    hf_ice_route route;
    hf_addr addr = net_addr(local);
    return hf_ice_get_route(host->ice, &route) && hf_addr_equal(&route.path.local, &addr);
}

static void connect_renominating(net *n, bool a_controls)
{
    net_start(n, &(hf_ice_config){.controlling = a_controls}, &(hf_ice_config){.controlling = !a_controls});
    net_set_renominating_remote(n, &n->a, &n->b);
    net_set_renominating_remote(n, &n->b, &n->a);
    net_run(n, HF_SECONDS(2));
}

Test(ice_suspicion, of_a_dead_path_is_told_after_one_and_a_half_seconds_of_traffic)
{
    static const struct {
        hf_span delay;
        int least, most; /* ms */
    } cases[] = {{HF_MS(1), 1400, 1500}, {HF_MS(10), 1400, 1500}, {HF_MS(50), 1500, 1700}, {HF_MS(300), 3600, 5000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        net n;
        net_init(&n, 1);
        n.delay = cases[i].delay;
        net_connect(&n);
        net_talk(&n, HF_SECONDS(5));
        n.is_cut = true;
        hf_time cut = n.now;
        hf_time told[2] = {0};
        while (n.now - cut < HF_SECONDS(10)) {
            net_talk(&n, HF_MS(10));
            told[0] = told[0] == 0 && net_has_state(&n.a, HF_ICE_DISCONNECTED) ? n.now : told[0];
            told[1] = told[1] == 0 && net_has_state(&n.b, HF_ICE_DISCONNECTED) ? n.now : told[1];
        }
        for (int side = 0; side < 2; side++) {
            cr_expect_geq(told[side] - cut, HF_MS(cases[i].least), "%lld", (long long)(told[side] - cut));
            cr_expect_leq(told[side] - cut, HF_MS(cases[i].most), "%lld", (long long)(told[side] - cut));
        }
        net_clear(&n);
    }
}

/* Answers to data may take as long as SCTP delays its acknowledgements, and the last word gets none at all. */
Test(ice_suspicion, costs_no_more_than_a_check)
{
    static const struct {
        hf_span answered_after; /* HF_NEVER: not at all */
        uint64_t checks;
        const char *why;
    } cases[] = {
        {HF_MS(30), 0, "a quick answer"},
        {HF_MS(200), 0, "a delayed acknowledgement"},
        {HF_NEVER, 1, "the last word: the path is asked whether it is still there"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        net n;
        net_init(&n, 1);
        net_connect(&n);
        net_run(&n, HF_SECONDS(1));
        cr_assert(net_says(&n, &n.b, "so that A has heard something"));
        net_run(&n, HF_MS(100));
        uint64_t before = checks_of(n.a.ice);
        cr_assert(net_says(&n, &n.a, "a question"));
        if (cases[i].answered_after != HF_NEVER) {
            net_run(&n, cases[i].answered_after);
            cr_assert(net_says(&n, &n.b, "an answer"));
        }
        net_run(&n, HF_MS(800));
        cr_expect_eq(checks_of(n.a.ice) - before, cases[i].checks, "%s: %d", cases[i].why,
                     (int)(checks_of(n.a.ice) - before));
        cr_expect_eq(n.a.states_len, 3, "%s", cases[i].why);
        net_clear(&n);
    }
}

/* The first packet after a long silence begins the count, not the silence. */
Test(ice_suspicion, begins_with_the_first_packet_that_has_no_answer)
{
    solo s;
    hf_stun_message m;
    solo_connect(&s);
    solo_answer_from(&s, "10.0.0.2:6000", HF_SECONDS(100));
    solo_answer_from(&s, "10.0.0.2:6000", s.ice->consent_at - s.now + HF_MS(10));
    hf_time sent = s.now;
    hf_ice_count_sent(s.ice, s.now, 1, 100);
    solo_wait(&s, HF_MS(100));
    hf_ice_count_sent(s.ice, s.now, 1, 100);
    cr_expect_eq(hf_ice_deadline(s.ice), sent + HF_MS(300));
    cr_expect_not(solo_take(&s, &m));
    solo_wait(&s, HF_MS(200));
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(m.class_, HF_STUN_REQUEST);
    solo_answer(&s, &m, NULL);
    cr_expect_geq(hf_ice_deadline(s.ice) - s.now, HF_SECONDS(4), "it is over");
    solo_clear(&s);
}

/* Hours of them, where each way loses one packet in five. */
Test(ice_suspicion, is_no_alarm_where_packets_get_lost, .timeout = 120)
{
    static const struct {
        hf_span each; /* both say something; 0: nothing but consent is asked for */
        hf_span lasts;
        unsigned seeds;
        const char *what;
    } cases[] = {
        {0, HF_SECONDS(3600 * 5), 20, "silence"},
        {HF_MS(1000), HF_SECONDS(3600), 10, "a word now and then"},
        {HF_MS(20), HF_SECONDS(600), 5, "steady traffic"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (uint64_t seed = 1; seed <= cases[i].seeds; seed++) {
            net n;
            net_init(&n, seed);
            net_connect(&n);
            n.loss = 20;
            for (hf_time end = n.now + cases[i].lasts; n.now < end;) {
                if (cases[i].each > 0) {
                    (void)net_says(&n, &n.a, "a");
                    (void)net_says(&n, &n.b, "b");
                }
                net_run(&n, cases[i].each > 0 ? cases[i].each : cases[i].lasts);
            }
            cr_expect_not(net_has_state(&n.a, HF_ICE_DISCONNECTED), "%s, seed %d", cases[i].what, (int)seed);
            cr_expect_not(net_has_state(&n.b, HF_ICE_DISCONNECTED), "%s, seed %d", cases[i].what, (int)seed);
            net_clear(&n);
        }
    }
}

Test(ice_suspicion, sends_little_however_long_it_lasts)
{
    net n;
    net_init(&n, 1);
    set_two_uplinks(&n);
    net_connect(&n);
    net_talk(&n, HF_SECONDS(3));
    n.is_cut = true;
    net_run(&n, HF_SECONDS(8));
    uint64_t before = checks_of(n.a.ice);
    net_run(&n, HF_SECONDS(5));
    cr_expect_leq(checks_of(n.a.ice) - before, 5 * 5 + 5 * 5, "each pair five times a second");
    net_run(&n, HF_SECONDS(5));
    before = checks_of(n.a.ice);
    net_run(&n, HF_SECONDS(5));
    cr_expect_leq(checks_of(n.a.ice) - before, 2 * 5 + 5 * 5 + 1, "the route twice");
    net_clear(&n);
}

/* What comes from nowhere is dropped and counted, and has us do nothing. */
Test(ice_suspicion, is_not_aroused_by_strangers)
{
    solo s;
    hf_stun_message m;
    hf_ice_stats stats;
    static const uint8_t data[] = {23, 254, 253};
    solo_connect(&s);
    hf_time deadline = hf_ice_deadline(s.ice);
    for (int i = 0; i < 1000; i++)
        cr_expect_eq(solo_give(&s, "203.0.113.9:4444", data, sizeof data), 0);
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_UNKNOWN_PATH], 1000);
    cr_expect_eq(hf_ice_deadline(s.ice), deadline);
    cr_expect_not(solo_take(&s, &m));
    solo_clear(&s);
}

/* --- Which path is taken ------------------------------------------------------------------------------------------- */

Test(ice_suspicion, returns_to_the_better_path_when_it_has_lived_for_a_while)
{
    for (int a_controls = 0; a_controls < 2; a_controls++) {
        net n;
        net_init(&n, 1);
        set_two_uplinks(&n);
        connect_renominating(&n, a_controls);
        cr_assert(routes_by(&n.a, "10.0.0.1:5000"));
        hf_span away[2];
        for (int i = 0; i < 2; i++) {
            net_talk(&n, HF_SECONDS(5));
            n.hook = drop_first_uplink;
            net_talk(&n, HF_SECONDS(10));
            cr_expect(routes_by(&n.a, "10.0.1.1:5100"));
            n.hook = NULL;
            hf_time back = n.now;
            net_run(&n, HF_MS(50));
            size_t sent = n.a.data_sent + n.b.data_sent, received = n.a.data_received + n.b.data_received;
            while (!routes_by(&n.a, "10.0.0.1:5000") && n.now - back < HF_SECONDS(60))
                net_talk(&n, HF_MS(20));
            away[i] = n.now - back;
            net_talk(&n, HF_SECONDS(1));
            net_run(&n, HF_MS(50));
            cr_expect_eq(n.a.data_sent + n.b.data_sent - sent, n.a.data_received + n.b.data_received - received,
                         "nothing is lost on the way back");
        }
        cr_expect_geq(away[0], HF_SECONDS(2), "%lld", (long long)away[0]);
        cr_expect_leq(away[0], HF_SECONDS(5), "%lld", (long long)away[0]);
        cr_expect_geq(away[1], away[0] + HF_SECONDS(1), "%lld: longer each time", (long long)away[1]);
        cr_expect_not(net_has_state(&n.a, HF_ICE_DISCONNECTED));
        cr_expect_not(net_has_state(&n.b, HF_ICE_DISCONNECTED));
        cr_expect_leq(n.a.route_changes, 14);
        net_clear(&n);
    }
}

Test(ice_suspicion, is_not_needed_for_a_better_interface_to_win)
{
    for (int a_controls = 0; a_controls < 2; a_controls++) {
        net n;
        net_init(&n, 1);
        connect_renominating(&n, a_controls);
        net_talk(&n, HF_SECONDS(3));
        net_run(&n, HF_MS(50));
        size_t sent = n.a.data_sent + n.b.data_sent, received = n.a.data_received + n.b.data_received;
        net_host_set_local(&n.a, 1, "10.0.1.1:5100");
        n.a.locals[1].preference = 50;
        net_locals_changed(&n, &n.a);
        net_talk(&n, HF_SECONDS(2));
        net_run(&n, HF_MS(50));
        cr_expect(routes_by(&n.a, "10.0.1.1:5100"), "a_controls %d", a_controls);
        cr_expect_eq(n.a.data_sent + n.b.data_sent - sent, n.a.data_received + n.b.data_received - received, "no loss");
        cr_expect_not(net_has_state(&n.a, HF_ICE_DISCONNECTED));
        cr_expect_not(net_has_state(&n.b, HF_ICE_DISCONNECTED));
        net_clear(&n);
    }
}

/* Whose nominated path has died, and what it has learned meanwhile of another, decides; not who controls. */
Test(ice_suspicion, lets_a_controlled_agent_move_first)
{
    solo s;
    hf_stun_message m;
    solo_connect(&s);
    solo_add(&s, SOLO_NEW_REMOTE);
    for (hf_time end = s.now + HF_SECONDS(7); s.now < end && !solo_route_goes_to(&s, "10.0.0.9:9000");)
        solo_answer_from(&s, "10.0.0.9:9000", HF_MS(20));
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"));
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_CONNECTED);
    cr_expect_eq(solo_count_events(&s, HF_ICE_STATE_CHANGED), 4, "checking, connected, completed, connected");
    (void)m;
    solo_clear(&s);
}

/* --- Sleep --------------------------------------------------------------------------------------------------------- */

/* RFC 7675 §5.1: with old credentials nothing is sent and nothing is answered, whatever comes first. */
Test(ice_suspicion, of_a_machine_that_slept_for_an_hour_is_certainty)
{
    enum first { TICK, INPUT, POLL, DATA, REPLY };
    for (int first = TICK; first <= REPLY; first++) {
        solo s;
        hf_stun_message m;
        hf_ice_route route;
        static const uint8_t data[] = {23, 254, 253};
        solo_connect(&s);
        solo_count_events(&s, HF_ICE_STATE_CHANGED);
        s.now += HF_SECONDS(3600);
        switch ((enum first)first) {
        case TICK:
            hf_ice_tick(s.ice, s.now);
            break;
        case INPUT:
            solo_check_in(&s, &(solo_check){.is_controlling = true, .use_candidate = true});
            break;
        case POLL:
            cr_expect_not(solo_take(&s, &m));
            break;
        case DATA:
            cr_expect_eq(solo_give(&s, NULL, data, sizeof data), 0);
            break;
        case REPLY:
            solo_set_locals(&s, (const char *[]){"10.0.0.1:5000"}, 1);
            break;
        }
        cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_FAILED, "%d", first);
        cr_expect_not(hf_ice_get_route(s.ice, &route), "%d", first);
        while (solo_take(&s, &m))
            cr_expect(m.class_ == HF_STUN_ERROR, "%d: what was not authentic may be refused", first);
        hf_ice_event e;
        cr_assert(hf_ice_poll_event(s.ice, &e));
        cr_expect_eq(e.u.state_changed.cause, HF_ECONSENT, "%d", first);

        solo_restart(&s);
        solo_speak_as(&s, SOLO_NEXT_UFRAG, SOLO_NEXT_PWD);
        solo_set_next_remote(&s);
        solo_add(&s, SOLO_NEW_REMOTE);
        solo_answer_from(&s, "10.0.0.9:9000", HF_MS(100));
        cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"), "%d", first);
        solo_clear(&s);
    }
}

Test(ice_suspicion, of_a_machine_that_slept_for_ten_seconds_probes_at_once)
{
    solo s;
    hf_stun_message m;
    solo_connect(&s);
    s.now += HF_SECONDS(10);
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(m.class_, HF_STUN_REQUEST);
    solo_wait(&s, HF_MS(10));
    solo_answer(&s, &m, NULL);
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED);
    s.now += HF_SECONDS(10);
    hf_time woke = s.now;
    while (hf_ice_get_state(s.ice) == HF_ICE_COMPLETED && s.now - woke < HF_SECONDS(10))
        solo_answer_from(&s, "10.0.0.77:1", HF_MS(10)); /* nobody */
    cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_DISCONNECTED);
    cr_expect_leq(s.now - woke, HF_MS(1300));
    solo_clear(&s);
}
