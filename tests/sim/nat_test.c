/* nat_test.c: each behaviour that a NAT of the simulation can be given. */
#include "nat.h"

#include <criterion/criterion.h>
#include <string.h>

static hf_addr at(const char *text)
{
    hf_addr addr = {0};
    cr_assert(hf_addr_parse(text, strlen(text), &addr), "%s", text);
    return addr;
}

static const hf_addr nothing;
static uint64_t chance;

static nat made(nat_config config)
{
    nat n;
    chance = 7;
    config.ipv4 = at("203.0.113.1");
    nat_init(&n, &config, &chance);
    return n;
}

/* The port outside of what 10.0.0.2:port sends to `remote`; 0: dropped. */
static uint16_t out(nat *n, hf_time now, uint16_t port, const char *remote)
{
    hf_addr inside = at("10.0.0.2"), to = at(remote), outside = nothing;
    inside.port = port;
    if (!nat_out(n, now, HF_UDP, &inside, &to, &outside))
        return 0;
    cr_expect(nat_has(n, &outside));
    return outside.port;
}

/* The port inside that gets what `remote` sends to the port outside; 0: dropped. */
static uint16_t in(nat *n, hf_time now, uint16_t port, const char *remote)
{
    hf_addr outside = at("203.0.113.1"), from = at(remote), inside = nothing;
    outside.port = port;
    if (!nat_in(n, now, HF_UDP, &outside, &from, &inside))
        return 0;
    hf_addr expected = at("10.0.0.2");
    cr_expect(hf_addr_equal_ip(&inside, &expected));
    return inside.port;
}

Test(sim_nat, maps_by_as_much_of_the_remote_as_its_kind_looks_at)
{
    static const struct {
        nat_scope mapping;
        bool same_for_port, same_for_address;
    } rows[] = {
        {NAT_ENDPOINT_INDEPENDENT, true, true},
        {NAT_ADDRESS_DEPENDENT, true, false},
        {NAT_ADDRESS_AND_PORT_DEPENDENT, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int ports = NAT_PORTS_PRESERVED; ports <= NAT_PORTS_RANDOM; ports++) {
            nat n = made((nat_config){.mapping = rows[i].mapping, .ports = (nat_ports)ports});
            uint16_t port = out(&n, 0, 5000, "198.51.100.1:1000");
            cr_expect_neq(port, 0);
            cr_expect_eq(out(&n, 0, 5000, "198.51.100.1:1000"), port, "the same session");
            cr_expect_eq(out(&n, 0, 5000, "198.51.100.1:1001") == port, rows[i].same_for_port, "%zu", i);
            cr_expect_eq(out(&n, 0, 5000, "198.51.100.2:1000") == port, rows[i].same_for_address, "%zu", i);
            cr_expect_neq(out(&n, 0, 5001, "198.51.100.1:1000"), port, "another port inside");
            nat_clear(&n);
        }
    }
}

Test(sim_nat, filters_by_as_much_of_the_remote_as_its_kind_looks_at)
{
    static const struct {
        nat_scope filtering;
        bool other_port, other_address;
    } rows[] = {
        {NAT_ENDPOINT_INDEPENDENT, true, true},
        {NAT_ADDRESS_DEPENDENT, true, false},
        {NAT_ADDRESS_AND_PORT_DEPENDENT, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nat n = made((nat_config){.filtering = rows[i].filtering});
        cr_expect_eq(in(&n, 0, 5000, "198.51.100.1:1000"), 0, "nothing has gone out yet");
        uint16_t port = out(&n, 0, 5000, "198.51.100.1:1000");
        cr_expect_eq(in(&n, 0, port, "198.51.100.1:1000"), 5000);
        cr_expect_eq(in(&n, 0, port, "198.51.100.1:1001") != 0, rows[i].other_port, "%zu", i);
        cr_expect_eq(in(&n, 0, port, "198.51.100.2:1000") != 0, rows[i].other_address, "%zu", i);
        cr_expect_eq(in(&n, 0, (uint16_t)(port + 1), "198.51.100.1:1000"), 0, "a port that is not mapped");
        out(&n, 0, 5000, "198.51.100.2:1000");
        cr_expect_eq(in(&n, 0, port, "198.51.100.2:1000"), 5000, "the filter has opened");
        nat_clear(&n);
    }
}

Test(sim_nat, assigns_ports_in_three_ways)
{
    nat preserving = made((nat_config){0});
    cr_expect_eq(out(&preserving, 0, 5000, "198.51.100.1:1000"), 5000);
    cr_expect_eq(out(&preserving, 0, 6000, "198.51.100.1:1000"), 6000);
    nat_clear(&preserving);

    nat contiguous = made((nat_config){.ports = NAT_PORTS_CONTIGUOUS});
    uint16_t first = out(&contiguous, 0, 5000, "198.51.100.1:1000");
    cr_expect_eq(out(&contiguous, 0, 7000, "198.51.100.1:1000"), first + 1);
    nat_clear(&contiguous);

    nat random = made((nat_config){.ports = NAT_PORTS_RANDOM});
    uint16_t one = out(&random, 0, 5000, "198.51.100.1:1000"), two = out(&random, 0, 5001, "198.51.100.1:1000");
    cr_expect(one != 5000 && two != 5001 && two != one + 1);
    cr_expect(one >= NAT_PORT_FIRST && two >= NAT_PORT_FIRST);
    nat_clear(&random);
}

Test(sim_nat, preserves_no_port_that_somebody_else_has)
{
    nat n = made((nat_config){0});
    hf_addr neighbour = at("10.0.0.3:5000"), remote = at("198.51.100.1:1000"), outside;
    cr_expect_eq(out(&n, 0, 5000, "198.51.100.1:1000"), 5000);
    cr_assert(nat_out(&n, 0, HF_UDP, &neighbour, &remote, &outside));
    cr_expect_neq(outside.port, 5000);
    nat_clear(&n);
}

Test(sim_nat, keeps_a_mapping_as_long_as_packets_go_out_by_it)
{
    nat n = made((nat_config){.ports = NAT_PORTS_RANDOM, .lifetime = HF_SECONDS(30)});
    uint16_t port = out(&n, 0, 5000, "198.51.100.1:1000");
    cr_expect_eq(out(&n, HF_SECONDS(29), 5000, "198.51.100.1:1000"), port);
    cr_expect_eq(in(&n, HF_SECONDS(58), port, "198.51.100.1:1000"), 5000);
    cr_expect_eq(in(&n, HF_SECONDS(59), port, "198.51.100.1:1000"), 0, "what came in has not refreshed it (REQ-6)");
    cr_expect_eq(nat_sessions_len(&n), 0);
    cr_expect_neq(out(&n, HF_SECONDS(60), 5000, "198.51.100.1:1000"), port);
    nat_clear(&n);
}

Test(sim_nat, rebinds_to_other_ports_and_forgets_whom_it_let_in)
{
    for (int ports = NAT_PORTS_PRESERVED; ports <= NAT_PORTS_RANDOM; ports++) {
        nat n = made((nat_config){.ports = (nat_ports)ports});
        uint16_t port = out(&n, 0, 5000, "198.51.100.1:1000");
        nat_rebind(&n);
        cr_expect_eq(in(&n, 0, port, "198.51.100.1:1000"), 0);
        uint16_t after = out(&n, 0, 5000, "198.51.100.1:1000");
        cr_expect_neq(after, port, "%d", ports);
        cr_expect_eq(in(&n, 0, after, "198.51.100.1:1000"), 5000);
        nat_clear(&n);
    }
}

Test(sim_nat, moves_to_another_address)
{
    nat n = made((nat_config){0});
    hf_addr old = at("203.0.113.1"), new = at("203.0.113.99");
    out(&n, 0, 5000, "198.51.100.1:1000");
    nat_move(&n, &new);
    cr_expect_not(nat_has(&n, &old));
    cr_expect(nat_has(&n, &new));
    cr_expect_neq(out(&n, 0, 5000, "198.51.100.1:1000"), 0);
    nat_clear(&n);
}

Test(sim_nat, passes_what_its_firewall_allows)
{
    static const struct {
        nat_passes passes;
        bool udp, tcp, tcp_443;
    } rows[] = {
        {NAT_PASSES_ALL, true, true, true},
        {NAT_PASSES_TCP, false, true, true},
        {NAT_PASSES_TCP_443, false, false, true},
    };
    hf_addr inside = at("10.0.0.2:5000"), turn = at("198.51.100.1:3478"), https = at("198.51.100.1:443"), outside;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nat n = made((nat_config){.passes = rows[i].passes});
        cr_expect_eq(nat_out(&n, 0, HF_UDP, &inside, &turn, &outside), rows[i].udp, "%zu", i);
        cr_expect_eq(nat_out(&n, 0, HF_UDP, &inside, &https, &outside), rows[i].udp, "%zu", i);
        cr_expect_eq(nat_out(&n, 0, HF_TCP, &inside, &turn, &outside), rows[i].tcp, "%zu", i);
        cr_expect_eq(nat_out(&n, 0, HF_TCP, &inside, &https, &outside), rows[i].tcp_443, "%zu", i);
        nat_clear(&n);
    }
}

/* A mapping of TCP is another one than that of UDP, and lives longer. */
Test(sim_nat, keeps_tcp_apart)
{
    nat n = made((nat_config){0});
    hf_addr inside = at("10.0.0.2:5000"), remote = at("198.51.100.1:443"), outside, back;
    cr_assert(nat_out(&n, 0, HF_TCP, &inside, &remote, &outside));
    cr_expect_not(nat_in(&n, 0, HF_UDP, &outside, &remote, &back));
    cr_expect(nat_in(&n, HF_SECONDS(7000), HF_TCP, &outside, &remote, &back));
    cr_expect(hf_addr_equal(&back, &inside));
    nat_clear(&n);
}

Test(sim_nat, leaves_ipv6_as_it_is_and_filters_it)
{
    nat n = made((nat_config){.filtering = NAT_ADDRESS_DEPENDENT});
    hf_addr inside = at("[2001:db8:1::2]:5000"), friend = at("[2001:db8:9::1]:1000"), outside, back;
    hf_addr stranger = at("[2001:db8:9::2]:1000");
    cr_expect(nat_is_transparent(&n, HF_FAMILY_IPV6));
    cr_expect_not(nat_is_transparent(&n, HF_FAMILY_IPV4));
    cr_expect_not(nat_in(&n, 0, HF_UDP, &inside, &friend, &back));
    cr_assert(nat_out(&n, 0, HF_UDP, &inside, &friend, &outside));
    cr_expect(hf_addr_equal(&outside, &inside));
    cr_expect(nat_in(&n, 0, HF_UDP, &inside, &friend, &back));
    cr_expect_not(nat_in(&n, 0, HF_UDP, &inside, &stranger, &back));
    nat_clear(&n);
}

Test(sim_nat, translates_ipv6_where_it_has_an_address)
{
    uint64_t generator = 1;
    nat n;
    nat_init(&n, &(nat_config){.ipv4 = at("203.0.113.1"), .ipv6 = at("2001:db8:f::1")}, &generator);
    hf_addr inside = at("[fd00::2]:5000"), remote = at("[2001:db8:9::1]:1000"), outside, back;
    cr_assert(nat_out(&n, 0, HF_UDP, &inside, &remote, &outside));
    cr_expect(nat_has(&n, &outside));
    cr_expect(nat_in(&n, 0, HF_UDP, &outside, &remote, &back));
    cr_expect(hf_addr_equal(&back, &inside));
    nat_clear(&n);
}
