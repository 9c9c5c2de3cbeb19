/* connect.c: two agents find each other. */
#include "net.h"

#include <criterion/criterion.h>

Test(connect, two_hosts_find_each_other)
{
    net n;
    net_init(&n, 1);
    net_connect(&n);
    hf_ice_route a, b;
    cr_assert(hf_ice_get_route(n.a.ice, &a));
    cr_assert(hf_ice_get_route(n.b.ice, &b));
    cr_expect(hf_addr_equal(&a.path.remote, &b.path.local));
    cr_expect(hf_addr_equal(&b.path.remote, &a.path.local));
    cr_expect(a.nominated && b.nominated);
    cr_expect_eq(a.local_type, HF_ICE_HOST);
    cr_expect_eq(a.remote_type, HF_ICE_HOST);
    cr_expect_eq(a.rtt, HF_MS(20));
    const hf_ice_state expected[] = {HF_ICE_CHECKING, HF_ICE_CONNECTED, HF_ICE_COMPLETED};
    cr_assert_eq(n.a.states_len, 3);
    cr_expect_arr_eq(n.a.states, expected, sizeof expected);
    cr_assert_eq(n.b.states_len, 3);
    cr_expect_arr_eq(n.b.states, expected, sizeof expected);
    net_clear(&n);
}
