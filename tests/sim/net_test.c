/* net_test.c: the ways of packets through networks within networks. */
#include "places.h"

#include <criterion/criterion.h>

/* Two hosts, each on a network of its kind; nothing runs on them. */
typedef struct map {
    sim s;
    sim_places places;
    sim_place place[2];
    sim_interface *interface[2];
} map;

static map m; /* too large for the stack */

static void begin(sim_kind a, sim_kind b)
{
    sim_init(&m.s, &(sim_config){.seed = 1, .managers = true, .nowhere = true});
    m.places = (sim_places){.sim = &m.s};
    sim_kind kinds[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        sim_place_init(&m.place[i], &m.places, kinds[i]);
        m.interface[i] = sim_place_plug(&m.place[i], &m.s.side[i].host, (sim_link){.delay = HF_MS(10)}, 0);
    }
}

static const hf_addr *inside(int i)
{
    const hf_addr *addrs = m.interface[i]->addrs;
    return addrs[0].family != HF_FAMILY_NONE ? &addrs[0] : &addrs[1];
}

/* Sends from a side to an address. True: it comes to the other; *seen: by which source address. */
static bool gets(int from, const hf_addr *to, hf_addr *seen)
{
    hf_addr source = *inside(from), destination = *to;
    hf_span delay = 0;
    const sim_interface *arrived = sim_net_walk(m.interface[from], HF_UDP, &source, &destination, &delay);
    cr_expect(!arrived || hf_addr_equal(&destination, inside(arrived == m.interface[1])));
    if (seen)
        *seen = source;
    return arrived == m.interface[1 - from];
}

/* Where a server on the internet sees a side. */
static hf_addr reflexive(int i)
{
    hf_addr server = sim_addr("198.51.100.1:3478"), seen = *inside(i);
    (void)gets(i, &server, &seen);
    return seen;
}

/* What ICE does: each sends to where the server sees the other, and then to where that one's packets come from. */
static bool can_meet(void)
{
    hf_addr known[2] = {reflexive(0), reflexive(1)}, seen;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            if (gets(i, &known[1 - i], &seen))
                known[i] = seen;
        }
    }
    return gets(0, &known[1], NULL) && gets(1, &known[0], NULL);
}

Test(sim_net, lets_two_meet_where_theory_says_so)
{
    for (int a = 0; a < SIM_KIND_COUNT; a++) {
        for (int b = 0; b < SIM_KIND_COUNT; b++) {
            begin((sim_kind)a, (sim_kind)b);
            cr_expect_eq(can_meet(), sim_is_direct((sim_kind)a, (sim_kind)b), "%s and %s", sim_kind_name((sim_kind)a),
                         sim_kind_name((sim_kind)b));
            sim_clear(&m.s);
        }
    }
}

Test(sim_net, adds_up_the_links_of_both_and_the_one_in_the_middle)
{
    begin(SIM_NONE, SIM_NONE);
    m.s.link.delay = HF_MS(7);
    hf_addr source = *inside(0), destination = *inside(1);
    hf_span delay = 0;
    cr_expect_eq(sim_net_walk(m.interface[0], HF_UDP, &source, &destination, &delay), m.interface[1]);
    cr_expect_eq(delay, HF_MS(27));
    sim_link *links[] = {&m.interface[0]->link, &m.s.link, &m.interface[1]->link};
    for (size_t i = 0; i < 3; i++) {
        links[i]->cut = true;
        cr_expect_null(sim_net_walk(m.interface[0], HF_UDP, &source, &destination, &delay), "%zu", i);
        links[i]->cut = false;
    }
    sim_host_unplug(m.interface[1]);
    cr_expect_null(sim_net_walk(m.interface[0], HF_UDP, &source, &destination, &delay));
    sim_clear(&m.s);
}

Test(sim_net, reaches_a_neighbour_without_leaving_the_network)
{
    begin(SIM_SYMMETRIC, SIM_NONE);
    sim_host_unplug(m.interface[1]);
    m.interface[1] = sim_place_plug(&m.place[0], &m.s.side[1].host, (sim_link){0}, 0);
    m.s.link.cut = true;
    hf_addr seen;
    cr_expect(gets(0, inside(1), &seen));
    cr_expect(hf_addr_equal(&seen, inside(0)), "not translated");
    sim_clear(&m.s);
}

Test(sim_net, translates_twice_behind_a_carrier)
{
    begin(SIM_CARRIER, SIM_NONE);
    hf_addr seen, home = m.place[0].realm->gate.config.ipv4, carrier = m.place[0].realm->outer->gate.config.ipv4;
    cr_expect(gets(0, inside(1), &seen));
    cr_expect(hf_addr_equal_ip(&seen, &carrier));
    cr_expect_not(gets(1, inside(0), NULL), "an address of a home means nothing elsewhere");
    cr_expect_not(gets(1, &home, NULL), "nor does one of the carrier's");
    cr_expect(gets(1, &seen, NULL));
    sim_clear(&m.s);
}

Test(sim_net, knows_a_rebound_or_renumbered_host_no_more)
{
    begin(SIM_PORT_RESTRICTED, SIM_NONE);
    hf_addr before, after;
    cr_assert(gets(0, inside(1), &before));
    cr_assert(gets(1, &before, NULL));
    sim_place_rebind(&m.place[0]);
    cr_expect_not(gets(1, &before, NULL));
    cr_assert(gets(0, inside(1), &after));
    cr_expect(hf_addr_equal_ip(&after, &before) && after.port != before.port);
    cr_expect(gets(1, &after, NULL));

    sim_place_move(&m.place[0]);
    cr_expect_not(gets(1, &after, NULL));
    before = after;
    cr_assert(gets(0, inside(1), &after));
    cr_expect_not(hf_addr_equal_ip(&after, &before));

    hf_addr old = *inside(0);
    sim_place_renumber(&m.place[0], m.interface[0]);
    cr_expect_not(hf_addr_equal_ip(&old, inside(0)));
    cr_expect_not(gets(1, &after, NULL), "the mapping is the old address's");
    cr_expect(gets(0, inside(1), NULL));
    sim_clear(&m.s);
}
