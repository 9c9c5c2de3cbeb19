/* relay.c: paths by way of TURN servers. */
#include "net.h"

#include <criterion/criterion.h>

static const hf_ice_server by_udp = {.uri = "turn:198.51.100.9", .username = NET_TURN_USER, .password = NET_TURN_PASSWORD};

static void start(net *n, const hf_ice_server *servers, size_t len, hf_ice_relay policy)
{
    hf_ice_config a = {.controlling = true, .servers = servers, .servers_len = len, .relay = policy}, b = a;
    b.controlling = false;
    net_start(n, &a, &b);
    net_exchange(n);
}

/* No datagram passes between the two hosts themselves. */
static bool drops_direct(net *n, net_flight *flight)
{
    (void)n;
    bool is_relayed = flight->path.local.ip[0] == 198 || flight->path.remote.ip[0] == 198;
    return is_relayed;
}

Test(relay, carries_data_where_nothing_else_does)
{
    net n;
    net_init(&n, 1);
    net_add_turn(&n, "198.51.100.9:3478", NULL, NULL);
    n.hook = drops_direct;
    start(&n, &by_udp, 1, HF_ICE_RELAY_DEFAULT);
    net_run(&n, HF_SECONDS(6));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    cr_expect_lt(n.a.connected_at - NET_BEGINNING, HF_MS(700));
    cr_expect_lt(n.b.connected_at - NET_BEGINNING, HF_MS(700));
    cr_expect(net_says(&n, &n.a, "hello"));
    cr_expect(net_says(&n, &n.b, "hello"));
    net_run(&n, HF_SECONDS(1));
    cr_expect_eq(n.a.data_received, 1);
    cr_expect_eq(n.b.data_received, 1);
    net_clear(&n);
}
