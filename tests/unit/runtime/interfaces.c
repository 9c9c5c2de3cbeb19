/* interfaces.c: local addresses, and news of them, in a network of the test's own. */
#include "network.h"
#include "toy.h"

#include "loop_priv.h"

#include <string.h>

static bool has_local(const toy *t, const char *address)
{
    hf_addr addr;

    cr_assert(hf_addr_parse(address, strlen(address), &addr));
    for (size_t i = 0; i < t->locals_len; i++) {
        if (hf_addr_equal_ip(&t->locals[i].addr, &addr))
            return t->locals[i].addr.port != 0 && t->locals[i].interface == 1;
    }
    return false;
}

static size_t count_sockets(hf_loop *loop)
{
    hf_loop_stats stats;

    hf_loop_get_stats(loop, &stats);
    return stats.sockets;
}

static toy *add_asking(hf_loop *loop, const hf_bind *bind)
{
    toy *t = toy_new();

    t->asks_locals = true;
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, bind), HF_OK);
    cr_assert_eq(hf_loop_step(loop, 0), HF_OK);
    cr_assert_eq(t->locals_replies, 1);
    cr_assert_eq(t->locals_id, TOY_LOCALS_ID);
    return t;
}

static void drop(hf_loop *loop, toy *t)
{
    hf_loop_remove(loop, t);
    toy_free(t);
}

Test(locals, are_none_where_there_is_no_network_and_that_is_no_error)
{
    network_enter();
    hf_loop *loop = toy_loop();
    toy *t = add_asking(loop, NULL);

    cr_assert_eq(t->locals_err, HF_OK);
    cr_assert_eq(t->locals_len, 0);
    drop(loop, t);
    hf_loop_free(loop);
}

Test(locals, leave_loopback_out_unless_it_is_asked_for)
{
    network_enter();
    network_set_up("lo", true);
    network_set_address("lo:1", "10.1.2.3");
    hf_loop *loop = toy_loop();
    toy *plain = add_asking(loop, NULL), *all = add_asking(loop, &(hf_bind){.loopback = true});

    cr_assert_eq(plain->locals_len, 1);
    cr_assert(has_local(plain, "10.1.2.3"));
    cr_assert(has_local(all, "10.1.2.3"));
    cr_assert(has_local(all, "127.0.0.1"));
    cr_assert_eq(count_sockets(loop), plain->locals_len + all->locals_len);
    drop(loop, plain);
    drop(loop, all);
    hf_loop_free(loop);
}

Test(locals, leave_link_local_out_unless_there_is_nothing_else)
{
    network_enter();
    network_set_up("lo", true);
    network_set_address("lo:1", "169.254.1.1");
    hf_loop *loop = toy_loop();

    toy *t = add_asking(loop, NULL);
    cr_assert_eq(t->locals_len, 1);
    cr_assert(has_local(t, "169.254.1.1"));
    drop(loop, t);

    network_set_address("lo:2", "10.1.2.3");
    t = add_asking(loop, NULL);
    cr_assert_eq(t->locals_len, 1);
    cr_assert(has_local(t, "10.1.2.3"));
    drop(loop, t);
    hf_loop_free(loop);
}

Test(locals, are_only_those_that_were_bound_to)
{
    network_enter();
    network_set_up("lo", true);
    network_set_address("lo:1", "10.1.2.3");
    network_set_address("lo:2", "10.9.9.9");
    hf_loop *loop = toy_loop();
    hf_addr addrs[2] = {{.family = HF_FAMILY_IPV4, .port = 99, .ip = {127, 0, 0, 1}},
                        {.family = HF_FAMILY_IPV4, .ip = {10, 9, 9, 9}}};
    toy *t = add_asking(loop, &(hf_bind){.addrs = addrs, .addrs_len = 2});

    cr_assert_eq(t->locals_len, 2);
    cr_assert(has_local(t, "127.0.0.1"));
    cr_assert(has_local(t, "10.9.9.9"));
    cr_assert_neq(t->locals[0].addr.port, 99, "ports are ignored");
    drop(loop, t);

    addrs[0] = (hf_addr){.family = HF_FAMILY_IPV4, .ip = {192, 0, 2, 1}}; /* not of this machine */
    t = add_asking(loop, &(hf_bind){.addrs = addrs, .addrs_len = 1});
    cr_assert_eq(t->locals_len, 0);
    cr_assert_eq(t->locals_err, HF_EIO);
    drop(loop, t);
    hf_loop_free(loop);
}

Test(locals, that_come_and_go_are_told_unasked)
{
    network_enter();
    hf_loop *loop = toy_loop();
    toy *t = add_asking(loop, NULL), *bound, *silent = toy_new();

    if (loop->interfaces.fd < 0)
        cr_skip_test("no rtnetlink here");
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, silent, NULL), HF_OK);
    network_set_up("lo", true);
    hf_addr loopback = {.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
    bound = add_asking(loop, &(hf_bind){.addrs = &loopback, .addrs_len = 1});

    network_set_address("lo:1", "10.1.2.3");
    TURN_UNTIL(loop, t->locals_replies == 2);
    cr_assert_eq(t->locals_id, 0);
    cr_assert(has_local(t, "10.1.2.3"));
    uint16_t port = t->locals[0].addr.port;

    network_set_address("lo:2", "10.9.9.9");
    TURN_UNTIL(loop, t->locals_replies == 3);
    cr_assert(has_local(t, "10.9.9.9"));
    cr_assert_eq(t->locals[0].addr.port, port, "what there was before stays as it is");

    network_set_up("lo:1", false); /* an alias that goes down loses its address */
    TURN_UNTIL(loop, t->locals_replies == 4);
    cr_assert(!has_local(t, "10.1.2.3"));
    cr_assert_eq(bound->locals_replies, 1, "nothing has changed for it");
    cr_assert_eq(silent->locals_replies, 0, "it never asked");
    cr_assert_eq(count_sockets(loop), t->locals_len + 1);
    drop(loop, t);
    drop(loop, bound);
    drop(loop, silent);
    hf_loop_free(loop);
}

Test(locals, are_read_once_for_many_objects)
{
    network_enter();
    network_set_up("lo", true);
    hf_loop *loop = toy_loop();
    toy *first = add_asking(loop, &(hf_bind){.loopback = true});

    if (loop->interfaces.fd < 0)
        cr_skip_test("no rtnetlink here");
    loop->interfaces.items[0].preference = 4711; /* would be lost by another look */
    toy *second = add_asking(loop, &(hf_bind){.loopback = true});
    cr_assert_eq(second->locals[0].preference, 4711);
    drop(loop, first);
    drop(loop, second);
    hf_loop_free(loop);
}

Test(locals, are_preferred_as_the_system_prefers_their_interface)
{
    static const struct {
        unsigned metric;
        uint16_t preference;
        const char *why;
    } table[] = {
        {0, 12, "made by hand"},         {100, 12, "a cable, by NetworkManager"},
        {202, 10, "a cable, by dhcpcd"}, {600, 8, "a radio, by NetworkManager"},
        {700, 6, "a mobile network"},    {1024, 4, "whatever, by systemd-networkd"},
        {3003, 2, "a radio, by dhcpcd"},
    };
    network_enter();
    network_set_up("lo", true);
    network_set_address("lo:1", "10.1.2.3");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        network_set_route("lo", table[i].metric, true);
        hf_loop *loop = toy_loop();
        toy *t = add_asking(loop, NULL);
        cr_assert_gt(t->locals_len, 0);
        cr_expect_eq(t->locals[0].preference, table[i].preference, "%s: %u", table[i].why,
                     (unsigned)t->locals[0].preference);
        drop(loop, t);
        hf_loop_free(loop);
        network_set_route("lo", table[i].metric, false);
    }
    hf_loop *loop = toy_loop();
    toy *t = add_asking(loop, NULL);
    cr_expect_eq(t->locals[0].preference, 0, "it leads nowhere");
    drop(loop, t);
    hf_loop_free(loop);
}

/* --- What the application allows --- */

Test(locals, are_those_of_the_interfaces_that_are_named)
{
    static const char *const lo[] = {"lo"}, *const other[] = {"eth7"}, *const both[] = {"eth7", "lo"};
    network_enter();
    network_set_up("lo", true);
    network_set_address("lo:1", "10.1.2.3");
    hf_loop *loop = toy_loop();
    hf_addr bound = {0};

    cr_assert(hf_addr_parse("10.1.2.3", 8, &bound));
    toy *named = add_asking(loop, &(hf_bind){.interfaces = lo, .interfaces_len = 1});
    toy *absent = add_asking(loop, &(hf_bind){.interfaces = other, .interfaces_len = 1});
    toy *either = add_asking(loop, &(hf_bind){.interfaces = both, .interfaces_len = 2, .family = HF_FAMILY_IPV4});
    toy *v6 = add_asking(loop, &(hf_bind){.interfaces = lo, .interfaces_len = 1, .family = HF_FAMILY_IPV6});
    toy *addr = add_asking(loop, &(hf_bind){.interfaces = lo, .interfaces_len = 1, .addrs = &bound, .addrs_len = 1});
    toy *neither = add_asking(loop, &(hf_bind){.interfaces = other, .interfaces_len = 1, .addrs = &bound, .addrs_len = 1});

    cr_expect(has_local(named, "10.1.2.3"));
    cr_expect(has_local(named, "127.0.0.1"), "who names the interface means its addresses");
    cr_expect_eq(absent->locals_len, 0);
    cr_expect_eq(absent->locals_err, HF_OK, "it may come");
    cr_expect(has_local(either, "10.1.2.3"));
    cr_expect_eq(either->locals_len, 2, "IPv4 alone");
    cr_expect_not(has_local(v6, "10.1.2.3"));
    cr_expect_eq(addr->locals_len, 1);
    cr_expect_eq(neither->locals_len, 0);

    network_set_address("lo:2", "10.9.9.9"); /* those that run are told, if it is for them */
    TURN_UNTIL(loop, named->locals_replies == 2);
    cr_expect(has_local(named, "10.9.9.9"));
    cr_expect(has_local(either, "10.9.9.9"));
    cr_expect_eq(absent->locals_replies, 1);
    cr_expect_eq(addr->locals_replies, 1);
    network_set_up("lo:2", false);
    TURN_UNTIL(loop, named->locals_replies == 3);
    cr_expect_not(has_local(named, "10.9.9.9"));

    toy *all[] = {named, absent, either, v6, addr, neither};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        drop(loop, all[i]);
    hf_loop_free(loop);
}

Test(locals, take_their_ports_from_the_range)
{
    network_enter();
    network_set_up("lo", true);
    hf_loop *loop = toy_loop();
    hf_bind bind = {.loopback = true, .family = HF_FAMILY_IPV4, .port_first = 40000, .port_last = 40003};
    bool taken[4] = {false};
    toy *t[5];

    for (size_t i = 0; i < 4; i++) {
        t[i] = add_asking(loop, &bind);
        cr_assert_eq(t[i]->locals_len, 1);
        cr_assert_geq(t[i]->locals[0].addr.port, 40000);
        cr_assert_leq(t[i]->locals[0].addr.port, 40003);
        taken[t[i]->locals[0].addr.port - 40000] = true;
    }
    cr_expect(taken[0] && taken[1] && taken[2] && taken[3]);
    t[4] = add_asking(loop, &bind);
    cr_expect_eq(t[4]->locals_len, 0);
    cr_expect_eq(t[4]->locals_err, HF_ELIMIT, "all are taken");
    drop(loop, t[0]);
    toy *again = add_asking(loop, &bind);
    cr_expect_eq(again->locals_len, 1, "one is free again");
    drop(loop, again);
    for (size_t i = 1; i < 5; i++)
        drop(loop, t[i]);
    hf_loop_free(loop);
}

/* The first port of each loop is chosen at random: of a hundred loops not all begin with the same. */
Test(locals, do_not_begin_with_the_same_port_each_time)
{
    network_enter();
    network_set_up("lo", true);
    hf_loop *loop = toy_loop();
    hf_bind bind = {.loopback = true, .family = HF_FAMILY_IPV4, .port_first = 40000, .port_last = 49999};
    bool differ = false;
    uint16_t first = 0;

    for (int i = 0; i < 20; i++) {
        toy *t = add_asking(loop, &bind);
        differ |= i > 0 && t->locals[0].addr.port != first;
        first = t->locals[0].addr.port;
        drop(loop, t);
    }
    cr_expect(differ);
    hf_loop_free(loop);
}

Test(locals, refuse_what_makes_no_sense)
{
    static const char *const empty[] = {""}, *const none[] = {NULL}, *const long_[] = {"sixteen-letters_"};
    static const hf_addr nowhere = {.family = HF_FAMILY_IPV4};
    static const struct {
        hf_bind bind;
        const char *why;
    } table[] = {
        {{.addrs = &nowhere, .addrs_len = 1}, "0.0.0.0"},
        {{.addrs_len = 1}, "addresses that are not there"},
        {{.interfaces_len = 1}, "names that are not there"},
        {{.interfaces = empty, .interfaces_len = 1}, "an empty name"},
        {{.interfaces = none, .interfaces_len = 1}, "no name"},
        {{.interfaces = long_, .interfaces_len = 1}, "a name of 16 characters"},
        {{.port_first = 2, .port_last = 1}, "a range the wrong way round"},
        {{.port_first = 1}, "a range without end"},
        {{.port_last = 1}, "a range without beginning"},
    };
    hf_loop *loop = toy_loop();
    toy *t = toy_new();

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(hf_loop_add(loop, &toy_endpoint, t, &table[i].bind), HF_EINVAL, "%s", table[i].why);
    toy_free(t);
    hf_loop_free(loop);
}
