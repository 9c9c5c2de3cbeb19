/* interfaces.c: local addresses, and news of them, in a network of the test's own. */
#include "toy.h"

#include "loop_priv.h"
#include "sockaddr.h"

#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int control; /* a socket for ioctl */

/* A network namespace with nothing in it but a loopback interface that is down. */
static void enter_empty_network(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        cr_skip_test("no network namespace may be made here");
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(control, 0);
}

static void set_up(const char *name, bool up)
{
    struct ifreq request = {0};

    strcpy(request.ifr_name, name);
    cr_assert_eq(ioctl(control, SIOCGIFFLAGS, &request), 0);
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    cr_assert_eq(ioctl(control, SIOCSIFFLAGS, &request), 0);
}

/* Gives the loopback interface one more address; "lo:1" is the first of them. */
static void set_address(const char *name, const char *address)
{
    struct ifreq request = {0};
    hf_sockaddr to;
    hf_addr addr;

    cr_assert(hf_addr_parse(address, strlen(address), &addr));
    hf_sockaddr_of(&addr, &to);
    strcpy(request.ifr_name, name);
    memcpy(&request.ifr_addr, &to.any, sizeof request.ifr_addr);
    cr_assert_eq(ioctl(control, SIOCSIFADDR, &request), 0);
}

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
    enter_empty_network();
    hf_loop *loop = toy_loop();
    toy *t = add_asking(loop, NULL);

    cr_assert_eq(t->locals_err, HF_OK);
    cr_assert_eq(t->locals_len, 0);
    drop(loop, t);
    hf_loop_free(loop);
}

Test(locals, leave_loopback_out_unless_it_is_asked_for)
{
    enter_empty_network();
    set_up("lo", true);
    set_address("lo:1", "10.1.2.3");
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
    enter_empty_network();
    set_up("lo", true);
    set_address("lo:1", "169.254.1.1");
    hf_loop *loop = toy_loop();

    toy *t = add_asking(loop, NULL);
    cr_assert_eq(t->locals_len, 1);
    cr_assert(has_local(t, "169.254.1.1"));
    drop(loop, t);

    set_address("lo:2", "10.1.2.3");
    t = add_asking(loop, NULL);
    cr_assert_eq(t->locals_len, 1);
    cr_assert(has_local(t, "10.1.2.3"));
    drop(loop, t);
    hf_loop_free(loop);
}

Test(locals, are_only_those_that_were_bound_to)
{
    enter_empty_network();
    set_up("lo", true);
    set_address("lo:1", "10.1.2.3");
    set_address("lo:2", "10.9.9.9");
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
    enter_empty_network();
    hf_loop *loop = toy_loop();
    toy *t = add_asking(loop, NULL), *bound, *silent = toy_new();

    if (loop->interfaces.fd < 0)
        cr_skip_test("no rtnetlink here");
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, silent, NULL), HF_OK);
    set_up("lo", true);
    hf_addr loopback = {.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
    bound = add_asking(loop, &(hf_bind){.addrs = &loopback, .addrs_len = 1});

    set_address("lo:1", "10.1.2.3");
    TURN_UNTIL(loop, t->locals_replies == 2);
    cr_assert_eq(t->locals_id, 0);
    cr_assert(has_local(t, "10.1.2.3"));
    uint16_t port = t->locals[0].addr.port;

    set_address("lo:2", "10.9.9.9");
    TURN_UNTIL(loop, t->locals_replies == 3);
    cr_assert(has_local(t, "10.9.9.9"));
    cr_assert_eq(t->locals[0].addr.port, port, "what there was before stays as it is");

    set_up("lo:1", false); /* an alias that goes down loses its address */
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
    enter_empty_network();
    set_up("lo", true);
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
