/* roam.c: how soon data flows again after the network has changed, over both roles and many moments. */
#include "net.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define SEEDS 10

typedef struct story {
    const char *what;
    void (*prepare)(net *n);
    void (*strike)(net *n, net_host *victim); /* the network changes */
    void (*heal)(net *n);                     /* and changes back; NULL: it does not */
    hf_span outage;                           /* between these */
    hf_span median, worst;                    /* ms, from the moment that the network allows it, till both are well */
    bool is_signalled;                        /* new candidates are told */
    bool is_told;                             /* somebody is told that it is unstable */
} story;

static bool drop_first_uplink(net *n, net_flight *flight)
{
    const hf_addr *dead = &n->a.locals[0].addr;
    return !hf_addr_equal_ip(&flight->path.local, dead) && !hf_addr_equal_ip(&flight->path.remote, dead);
}

static void cut(net *n, net_host *victim)
{
    (void)victim;
    n->is_cut = true;
}

static void mend(net *n)
{
    n->is_cut = false;
}

static void behind_nat(net *n)
{
    n->a.nat = net_addr("203.0.113.1:20000");
}

static void both_behind_nats(net *n)
{
    n->a.nat = net_addr("203.0.113.1:20000");
    n->b.nat = net_addr("203.0.113.2:30000");
    n->a.nat_lets_in_any_port = n->b.nat_lets_in_any_port = true;
    n->server = net_addr("192.0.2.1:3478");
}

static void both_behind_strict_nats(net *n)
{
    both_behind_nats(n);
    n->a.nat_lets_in_any_port = n->b.nat_lets_in_any_port = false;
}

static void rebind(net *n, net_host *victim)
{
    (void)n;
    net_rebind(victim);
}

static void with_two_uplinks(net *n)
{
    net_host_set_local(&n->a, 1, "10.0.1.1:5100");
    n->a.locals[0].preference = 10;
}

static void uplink_dies(net *n, net_host *victim)
{
    (void)victim;
    n->hook = drop_first_uplink;
}

static void uplink_goes(net *n, net_host *victim)
{
    victim->locals[0] = victim->locals[1];
    victim->locals_len = 1;
    net_locals_changed(n, victim);
}

static void address_changes(net *n, net_host *victim)
{
    net_host_set_local(victim, 0, "10.0.7.1:5700");
    net_locals_changed(n, victim);
}

static void network_is_swapped(net *n, net_host *victim)
{
    victim->nat = net_addr("203.0.113.77:47000");
    victim->holes_len = 0;
    address_changes(n, victim);
}

static int by_length(const void *a, const void *b)
{
    const hf_span *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void connect_two(net *n, bool victim_controls, bool renominate, bool is_signalled)
{
    static const hf_ice_server server = {.uri = "stun:192.0.2.1"};
    hf_ice_config a = {.controlling = victim_controls}, b = {.controlling = !victim_controls};
    if (n->server.family != HF_FAMILY_NONE) {
        a.servers = b.servers = &server;
        a.servers_len = b.servers_len = 1;
    }
    net_start(n, &a, &b);
    if (renominate) {
        net_set_renominating_remote(n, &n->a, &n->b);
        net_set_renominating_remote(n, &n->b, &n->a);
    } else {
        net_exchange(n);
    }
    net_run(n, HF_SECONDS(2));
    n->signal = is_signalled ? 0 : HF_NEVER; /* from here on they have nothing but each other */
}

/* It hears data, and has an answer to its own checks. */
static bool is_well(const net_host *host, hf_time from)
{
    hf_ice_state state = hf_ice_get_state(host->ice);
    return host->data_at > from && (state == HF_ICE_CONNECTED || state == HF_ICE_COMPLETED);
}

/* The first of them is the victim. Returns how long it took. */
static hf_span live_through(const story *t, uint64_t seed, bool victim_controls, bool renominate)
{
    net n;
    net_init(&n, seed);
    if (t->prepare)
        t->prepare(&n);
    connect_two(&n, victim_controls, renominate, t->is_signalled);
    net_talk(&n, HF_SECONDS(7) + HF_MS(137) * (hf_span)seed);
    cr_assert_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED, "%s", t->what);
    t->strike(&n, &n.a);
    if (t->heal)
        net_talk(&n, t->outage + HF_MS(37) * (hf_span)seed);
    if (t->heal)
        t->heal(&n);
    hf_time from = n.now;
    n.a.data_at = n.b.data_at = 0;
    hf_time both_at = 0;
    while (both_at == 0 && n.now - from < HF_SECONDS(40)) {
        net_talk(&n, HF_MS(5));
        both_at = is_well(&n.a, from) && is_well(&n.b, from) ? n.now : 0;
    }
    cr_expect_neq(both_at, 0, "%s: never; seed %d, victim controls %d, renomination %d", t->what, (int)seed, victim_controls,
                  renominate);
    net_talk(&n, HF_SECONDS(10));
    size_t sent = n.a.data_sent + n.b.data_sent, received = n.a.data_received + n.b.data_received;
    net_talk(&n, HF_SECONDS(2));
    net_run(&n, HF_MS(100));
    cr_expect_eq(n.a.data_sent + n.b.data_sent - sent, n.a.data_received + n.b.data_received - received, "%s", t->what);
    bool was_told = net_has_state(&n.a, HF_ICE_DISCONNECTED) || net_has_state(&n.b, HF_ICE_DISCONNECTED);
    cr_expect_eq(was_told, t->is_told, "%s: told %d", t->what, was_told);
    net_clear(&n);
    return both_at - from;
}

Test(roam, data_flows_again)
{
    static const story stories[] = {
        {.what = "cut for 1 s", .strike = cut, .heal = mend, .outage = HF_SECONDS(1), .median = 100, .worst = 150},
        {.what = "cut for 5 s",
         .strike = cut,
         .heal = mend,
         .outage = HF_SECONDS(5),
         .median = 180,
         .worst = 260,
         .is_told = true},
        {.what = "cut for 20 s",
         .strike = cut,
         .heal = mend,
         .outage = HF_SECONDS(20),
         .median = 400,
         .worst = 600,
         .is_told = true},
        {.what = "NAT rebound", .prepare = behind_nat, .strike = rebind, .median = 400, .worst = 600},
        {.what = "NAT rebound, both behind one", .prepare = both_behind_nats, .strike = rebind, .median = 400, .worst = 600},
        {.what = "NAT rebound, both strict; told",
         .prepare = both_behind_strict_nats,
         .strike = rebind,
         .median = 650,
         .worst = 800,
         .is_signalled = true},
        {.what = "uplink dead, another present",
         .prepare = with_two_uplinks,
         .strike = uplink_dies,
         .median = 550,
         .worst = 600},
        {.what = "uplink gone, another present",
         .prepare = with_two_uplinks,
         .strike = uplink_goes,
         .median = 300,
         .worst = 320},
        {.what = "new local address", .strike = address_changes, .median = 300, .worst = 320},
        {.what = "new network behind a NAT",
         .prepare = behind_nat,
         .strike = network_is_swapped,
         .median = 300,
         .worst = 320},
    };
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const story *t = &stories[i];
        for (int way = 0; way < 4; way++) {
            hf_span took[SEEDS];
            for (uint64_t seed = 0; seed < SEEDS; seed++)
                took[seed] = live_through(t, seed + 1, way & 1, way & 2);
            qsort(took, SEEDS, sizeof took[0], by_length);
            cr_log_info("%-32s %s, %s: median %3d ms, worst %3d ms", t->what, way & 1 ? "controlling" : "controlled ",
                        way & 2 ? "renominating" : "RFC 8445    ", (int)(took[SEEDS / 2] / 1000),
                        (int)(took[SEEDS - 1] / 1000));
            cr_expect_leq(took[SEEDS / 2], HF_MS(t->median), "%s", t->what);
            cr_expect_leq(took[SEEDS - 1], HF_MS(t->worst), "%s", t->what);
        }
    }
}
