/* Which peers a server lets its users reach. */
#include "desk.h"

#include "../../../src/turn/server_priv.h"

#include <criterion/criterion.h>

Test(turn_rules, know_the_public_internet)
{
    static const struct {
        const char *addr;
        bool is_public;
        const char *why;
    } rows[] = {
        {"8.8.8.8", true, "anybody"},
        {"203.0.113.9", true, "what documents are full of"},
        {"0.0.0.0", false, "unspecified"},
        {"0.1.2.3", false, "this network, which Linux takes for this machine"},
        {"10.255.255.255", false, "private"},
        {"11.0.0.0", true, "just behind"},
        {"100.63.255.255", true, "just before"},
        {"100.64.0.1", false, "carrier NAT"},
        {"100.127.255.255", false, "carrier NAT"},
        {"100.128.0.0", true, "just behind"},
        {"127.0.0.1", false, "loopback"},
        {"127.255.255.254", false, "loopback"},
        {"169.254.169.254", false, "link-local: where clouds tell secrets"},
        {"172.15.255.255", true, "just before"},
        {"172.16.0.1", false, "private"},
        {"172.31.255.255", false, "private"},
        {"172.32.0.0", true, "just behind"},
        {"192.0.0.1", false, "protocol assignments"},
        {"192.88.99.1", false, "anycast of 6to4"},
        {"192.168.0.1", false, "private"},
        {"224.0.0.1", false, "multicast"},
        {"239.255.255.255", false, "multicast"},
        {"240.0.0.1", false, "reserved"},
        {"255.255.255.255", false, "broadcast"},
        {"2606:4700::1111", true, "anybody"},
        {"::", false, "unspecified"},
        {"::1", false, "loopback"},
        {"::8.8.8.8", false, "IPv4-compatible"},
        {"::ffff:8.8.8.8", false, "IPv4-mapped: it is for another socket, and would go around the rules of IPv4"},
        {"::ffff:127.0.0.1", false, "IPv4-mapped loopback"},
        {"::ffff:0:127.0.0.1", false, "IPv4-translated"},
        {"64:ff9b::8.8.8.8", true, "a translator, to anybody"},
        {"64:ff9b::127.0.0.1", false, "a translator, to loopback"},
        {"64:ff9b::10.0.0.1", false, "a translator, to a private address"},
        {"64:ff9b:1::1", false, "a translator of the site"},
        {"2002:808:808::1", true, "6to4, of anybody"},
        {"2002:7f00:1::1", false, "6to4, of loopback"},
        {"2002:a00:1::1", false, "6to4, of a private address"},
        {"2001::f7f7:f7f7", true, "Teredo, of 8.8.8.8"},
        {"2001::80ff:fffe", false, "Teredo, of 127.0.0.1"},
        {"100::1", false, "discarded"},
        {"fc00::1", false, "unique local"},
        {"fdff::1", false, "unique local"},
        {"fe80::1", false, "link-local"},
        {"febf::1", false, "link-local"},
        {"fec0::1", false, "site-local"},
        {"ff02::1", false, "multicast"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_addr addr = desk_addr(rows[i].addr);
        cr_expect_eq(hf_turn_is_public(&addr), rows[i].is_public, "%s: %s", rows[i].addr, rows[i].why);
    }
    cr_expect_not(hf_turn_is_public(&(hf_addr){0}));
}

static hf_turn_range range(const char *addr, uint8_t prefix)
{
    return (hf_turn_range){.addr = desk_addr(addr), .prefix = prefix};
}

Test(turn_rules, let_through_what_is_allowed_but_for_what_is_denied)
{
    static const struct {
        const char *peer;
        unsigned code;
        const char *why;
    } rows[] = {
        {"10.0.0.1", 0, "allowed"},
        {"10.0.0.127", 0, "allowed"},
        {"10.0.0.128", 403, "allowed, and denied"},
        {"10.0.1.1", 403, "beside what is allowed"},
        {"203.0.113.9", 403, "public, and denied"},
        {"203.0.112.9", 0, "public"},
        {"192.168.1.1", 403, "neither"},
        {"169.254.169.254", 0, "one address alone is allowed"},
        {"169.254.169.255", 403, "the next one is not"},
    };
    hf_turn_range allowed[] = {range("10.0.0.0", 24), range("169.254.169.254", 32)};
    hf_turn_range denied[] = {range("10.0.0.128", 25), range("203.0.113.0", 24)};
    desk d;
    desk_init(&d, &(hf_turn_server_config){.allowed = allowed, .allowed_len = 2, .denied = denied, .denied_len = 2});
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    uint64_t refused = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(desk_permit(&c, rows[i].peer), rows[i].code, "%s: %s", rows[i].peer, rows[i].why);
        refused += rows[i].code != 0;
    }
    cr_expect_eq(desk_stats(&d).refused_peer, refused);
    desk_clear(&d);
}

Test(turn_rules, of_an_empty_prefix_are_for_a_whole_family)
{
    hf_turn_range denied = range("0.0.0.0", 0), allowed = range("::", 0);
    desk d;
    const hf_addr relays[2] = {desk_addr("198.51.100.1"), desk_addr("2001:db8:1::1")};
    desk_init(&d, &(hf_turn_server_config){.denied = &denied,
                                           .denied_len = 1,
                                           .allowed = &allowed,
                                           .allowed_len = 1,
                                           .relay_addrs = relays,
                                           .relay_addrs_len = 2});
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    cr_expect_eq(desk_permit(&c, "8.8.8.8"), 403);
    hf_turn_verdict verdict = hf_turn_rules_judge(&d.server->rules, &(hf_addr){.family = HF_FAMILY_IPV6, .ip = {[15] = 1}});
    cr_expect_eq(verdict, HF_TURN_ALLOWED);
    desk_clear(&d);
}

/* Both sides of a call may relay by this server; what else listens on its machine is nobody's business. */
Test(turn_rules, let_relayed_addresses_reach_one_another_and_nothing_else_of_the_machine)
{
    desk d;
    char text[HF_ADDR_TEXT_SIZE];
    desk_init(&d, NULL);
    desk_client a = desk_client_of(&d, "192.0.2.7:5000"), b = desk_client_of(&d, "192.0.2.8:5000");
    cr_assert_eq(desk_allocate(&a), 0);
    hf_addr relayed_a = desk_relayed(&a);
    cr_assert_eq(desk_allocate(&b), 0);
    hf_addr relayed_b = desk_relayed(&b);

    cr_assert_eq(desk_permit(&a, hf_addr_write(&relayed_b, text)), 0);
    desk_send(&a, text, "to b");
    desk_expect_to_peer(&d, &relayed_a, text, "to b");
    cr_assert_eq(desk_bind(&a, text, 0x4000), 0);
    desk_send_channel(&a, 0x4000, "to b");
    desk_expect_to_peer(&d, &relayed_a, text, "to b");

    desk_send(&a, DESK_SERVER, "to the server itself");
    desk_send(&a, "198.51.100.1:22", "to its neighbours");
    desk_expect_silence(&d);
    cr_expect_eq(desk_bind(&a, DESK_SERVER, 0x4001), 403);
    cr_expect_eq(desk_bind(&a, "198.51.100.1:22", 0x4001), 403);

    cr_assert_eq(desk_refresh(&b, 0), 0);
    desk_send_channel(&a, 0x4000, "the port may be somebody else's by now");
    desk_expect_silence(&d);
    desk_clear(&d);
}

/* The same on a private network, whose other machines are out of reach. */
Test(turn_rules, let_relayed_addresses_reach_one_another_on_a_private_network)
{
    desk d;
    char text[HF_ADDR_TEXT_SIZE];
    desk_init(&d, NULL);
    desk_client a = desk_client_of(&d, "10.0.0.7:5000"), b = desk_client_of(&d, "10.0.0.8:5000");
    a.path.local = b.path.local = desk_addr("10.0.0.1:3478");
    cr_assert_eq(desk_allocate(&a), 0);
    cr_assert_eq(desk_allocate(&b), 0);
    hf_addr relayed_b = desk_relayed(&b);
    cr_expect_eq(desk_permit(&a, hf_addr_write(&relayed_b, text)), 0);
    cr_expect_eq(desk_permit(&a, "10.0.0.8"), 403);
    desk_clear(&d);
}
