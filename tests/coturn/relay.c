/* relay.c: the client and a real coturn. */
#include "coturn.h"
#include "wire.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#define CREDENTIALS .username = COTURN_USER, .password = COTURN_PASSWORD

/* To the peer and back, at each length; the peer sees the relayed address, and we see the peer's. */
static void exchange(wire *l, int peer, const hf_addr *peer_addr, const hf_addr *relayed, size_t overhead)
{
    static const size_t lengths[] = {1, 2, 3, 4, 5, 47, 1000, 1199, HF_MTU_DEFAULT};
    hf_wrap wrap;
    cr_assert_eq(hf_turn_client_wrap(l->client, peer_addr, &wrap), HF_OK);
    cr_expect_eq(wrap.before, overhead);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t sent[HF_DATAGRAM_MAX], received[HF_DATAGRAM_MAX];
        hf_addr from;
        memset(sent, (int)(i + 1), sizeof sent);
        wire_send(l, peer_addr, sent, lengths[i]);
        cr_assert_eq(wire_peer_receive(peer, received, sizeof received, &from), lengths[i]);
        cr_expect_arr_eq(received, sent, lengths[i]);
        cr_expect(hf_addr_equal(&from, relayed));

        sent[0] = 0xFF;
        wire_peer_send(peer, relayed, sent, lengths[i]);
        wire_wait_data(l);
        cr_assert_eq(l->data.len, lengths[i]);
        cr_expect_arr_eq(l->data.bytes, sent, lengths[i]);
        cr_expect(hf_addr_equal(&l->data.peer, peer_addr) && hf_addr_equal(&l->data.relayed, relayed));
    }
}

/* By indications, and then by a channel. */
static void exchange_both_ways(wire *l, hf_family family, const hf_addr *relayed)
{
    hf_addr addr;
    int peer = wire_peer(family, &addr);
    cr_assert_eq(hf_turn_client_permit(l->client, wire_now(), &addr), HF_OK);
    wire_wait(l, HF_TURN_PERMITTED);
    exchange(l, peer, &addr, relayed, family == HF_FAMILY_IPV4 ? 36 : 48);
    cr_assert_eq(hf_turn_client_bind(l->client, wire_now(), &addr), HF_OK);
    wire_wait(l, HF_TURN_PERMITTED);
    exchange(l, peer, &addr, relayed, 4);
    close(peer);
}

static void relay(const hf_turn_client_config *config)
{
    coturn c;
    wire l;
    coturn_start(&c, NULL);
    hf_addr server = coturn_addr(&c);
    wire_open(&l, &server, config, -1);
    wire_wait(&l, HF_TURN_ALLOCATED);
    hf_turn_client_stats stats;
    hf_turn_client_get_stats(l.client, &stats);
    cr_expect_eq(stats.requests_sent, 2);
    hf_turn_client_event e = l.event;
    for (size_t i = 0; i < HF_TURN_RELAYED_MAX && e.relayed[i].family != HF_FAMILY_NONE; i++)
        exchange_both_ways(&l, e.relayed[i].family, &e.relayed[i]);
    hf_turn_client_get_stats(l.client, &stats);
    cr_expect_eq(stats.dropped, 0);
    hf_turn_client_close(l.client, wire_now());
    wire_wait(&l, HF_TURN_CLOSED);
    wire_close(&l);
    coturn_stop(&c);
}

Test(coturn, relays_over_udp)
{
    relay(&(hf_turn_client_config){CREDENTIALS});
}

Test(coturn, relays_over_a_stream)
{
    relay(&(hf_turn_client_config){CREDENTIALS, .path.transport = HF_TCP});
}

Test(coturn, relays_from_an_ipv6_address)
{
    relay(&(hf_turn_client_config){CREDENTIALS, .family = HF_FAMILY_IPV6});
}

/* coturn 4.6.1 gives the IPv4 address alone, and no ADDRESS-ERROR-CODE. */
Test(coturn, relays_from_what_it_has_where_both_families_are_asked_for)
{
    relay(&(hf_turn_client_config){CREDENTIALS, .both_families = true, .path.transport = HF_TCP});
}

Test(coturn, a_stale_nonce_is_renewed)
{
    coturn c;
    wire l;
    coturn_start(&c, (const char *const[]){"--relay-ip=127.0.0.1", "--allow-loopback-peers", "--stale-nonce=1", NULL});
    hf_addr server = coturn_addr(&c), addr;
    wire_open(&l, &server, &(hf_turn_client_config){CREDENTIALS}, -1);
    wire_wait(&l, HF_TURN_ALLOCATED);
    int peer = wire_peer(HF_FAMILY_IPV4, &addr);
    hf_turn_client_stats stats = {0};
    /* Ask until the second is over that a nonce lives here. */
    for (uint16_t port = 1; stats.stale_nonces == 0; port++) {
        hf_addr other = addr;
        other.ip[3] = (uint8_t)(1 + port % 100);
        cr_assert_lt(port, 400);
        usleep(20000);
        cr_assert_eq(hf_turn_client_permit(l.client, wire_now(), &other), HF_OK);
        wire_wait(&l, HF_TURN_PERMITTED);
        hf_turn_client_forget(l.client, &other);
        hf_turn_client_get_stats(l.client, &stats);
    }
    cr_expect_eq(stats.dropped, 0);
    close(peer);
    wire_close(&l);
    coturn_stop(&c);
}

Test(coturn, refuses_wrong_credentials_and_takes_right_ones)
{
    coturn c;
    wire l;
    coturn_start(&c, NULL);
    hf_addr server = coturn_addr(&c);
    wire_open(&l, &server, &(hf_turn_client_config){.username = COTURN_USER, .password = "hare"}, -1);
    wire_wait(&l, HF_TURN_CREDENTIALS_NEEDED);
    cr_expect(l.event.cause == HF_EAUTH && l.event.code == 401);
    cr_assert_eq(hf_turn_client_set_credentials(l.client, wire_now(), COTURN_USER, COTURN_PASSWORD), HF_OK);
    wire_wait(&l, HF_TURN_ALLOCATED);
    wire_close(&l);
    coturn_stop(&c);
}

static hf_turn_client_event fail(wire *l)
{
    wire_wait(l, HF_TURN_FAILED);
    return l->event;
}

/* What was given back makes room for another one: after some moments, for coturn counts late. */
static void expect_room(const hf_addr *server, const hf_turn_client_config *config)
{
    hf_time end = wire_now() + WIRE_PATIENCE;
    hf_turn_client_event_type type;
    do {
        wire l;
        cr_assert_lt(wire_now(), end, "it was not given back");
        wire_open(&l, server, config, -1);
        type = wire_wait_any(&l);
        wire_close(&l);
        usleep(50000);
    } while (type != HF_TURN_ALLOCATED);
}

Test(coturn, names_why_it_refuses)
{
    static const struct {
        const char *more[5];
        hf_family family;
        unsigned code;
        hf_err cause;
    } table[] = {
        {{"--relay-ip=127.0.0.1", "--user-quota=1"}, HF_FAMILY_NONE, 486, HF_EQUOTA},
        {{"--relay-ip=127.0.0.1", "--total-quota=1"}, HF_FAMILY_NONE, 486, HF_EQUOTA},
        {{"--relay-ip=127.0.0.1"}, HF_FAMILY_IPV6, 440, HF_EREFUSED},
        {{"--relay-ip=127.0.0.1", "--alternate-server=127.0.0.2:3478"}, HF_FAMILY_NONE, 300, HF_EREFUSED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        coturn c;
        wire first, second;
        coturn_start(&c, table[i].more);
        hf_addr server = coturn_addr(&c);
        hf_turn_client_config config = {CREDENTIALS, .family = table[i].family};
        wire_open(&first, &server, &config, -1);
        if (table[i].code == 486) {
            wire_wait(&first, HF_TURN_ALLOCATED);
            wire_open(&second, &server, &config, -1);
        }
        wire *refused = table[i].code == 486 ? &second : &first;
        hf_turn_client_event e = fail(refused);
        cr_expect(e.cause == table[i].cause && e.code == table[i].code, "%u: %s, %u", table[i].code, hf_err_name(e.cause),
                  e.code);
        cr_expect_eq(e.alternate.port, table[i].code == 300 ? 3478 : 0);
        if (table[i].code == 486) {
            hf_turn_client_close(first.client, wire_now());
            wire_wait(&first, HF_TURN_CLOSED);
            wire_close(&second);
            expect_room(&server, &config);
        }
        wire_close(&first);
        coturn_stop(&c);
    }
}

Test(coturn, refuses_a_peer_and_not_its_neighbours)
{
    coturn c;
    wire l;
    coturn_start(&c, (const char *const[]){"--relay-ip=127.0.0.1", "--denied-peer-ip=192.0.2.7", NULL});
    hf_addr server = coturn_addr(&c);
    hf_addr loopback = {.family = HF_FAMILY_IPV4, .port = 9, .ip = {127, 0, 0, 1}};
    hf_addr denied = {.family = HF_FAMILY_IPV4, .port = 9, .ip = {192, 0, 2, 7}};
    hf_addr allowed = {.family = HF_FAMILY_IPV4, .port = 9, .ip = {192, 0, 2, 8}};
    wire_open(&l, &server, &(hf_turn_client_config){CREDENTIALS}, -1);
    wire_wait(&l, HF_TURN_ALLOCATED);
    cr_assert_eq(hf_turn_client_permit(l.client, wire_now(), &loopback), HF_OK);
    cr_assert_eq(hf_turn_client_permit(l.client, wire_now(), &denied), HF_OK);
    cr_assert_eq(hf_turn_client_permit(l.client, wire_now(), &allowed), HF_OK);
    for (int i = 0; i < 3; i++) { /* in any order */
        bool is_permitted = wire_wait_any(&l) == HF_TURN_PERMITTED;
        cr_expect_eq(is_permitted, hf_addr_equal_ip(&l.event.peer, &allowed));
        cr_expect_eq(l.event.code, is_permitted ? 0 : 403);
    }
    hf_wrap wrap;
    cr_expect_eq(hf_turn_client_wrap(l.client, &allowed, &wrap), HF_OK);
    cr_expect_eq(hf_turn_client_wrap(l.client, &denied, &wrap), HF_EREFUSED);
    cr_expect_eq(hf_turn_client_wrap(l.client, &loopback, &wrap), HF_EREFUSED);
    wire_close(&l);
    coturn_stop(&c);
}

Test(coturn, an_allocation_left_on_the_same_socket_is_replaced)
{
    coturn c;
    wire first, second;
    coturn_start(&c, NULL);
    hf_addr server = coturn_addr(&c);
    wire_open(&first, &server, &(hf_turn_client_config){CREDENTIALS}, -1);
    wire_wait(&first, HF_TURN_ALLOCATED);
    wire_open(&second, &server, &(hf_turn_client_config){CREDENTIALS}, first.fd);
    wire_wait(&second, HF_TURN_ALLOCATED);
    hf_addr relayed = second.event.relayed[0];
    exchange_both_ways(&second, HF_FAMILY_IPV4, &relayed);
    wire_close(&second);
    wire_close(&first);
    coturn_stop(&c);
}

Test(coturn, killed_and_restarted_is_noticed_within_a_second)
{
    coturn c;
    wire l;
    coturn_start(&c, NULL);
    hf_addr server = coturn_addr(&c);
    wire_open(&l, &server, &(hf_turn_client_config){CREDENTIALS}, -1);
    wire_wait(&l, HF_TURN_ALLOCATED);
    coturn_kill(&c);
    coturn_restart(&c);
    hf_time begin = wire_now();
    hf_turn_client_probe(l.client, begin);
    hf_turn_client_event e = fail(&l);
    cr_expect(e.cause == HF_EREFUSED && e.code == 437, "%s, %u", hf_err_name(e.cause), e.code);
    cr_expect_lt(wire_now() - begin, HF_SECONDS(1));
    wire_close(&l);

    wire_open(&l, &server, &(hf_turn_client_config){CREDENTIALS}, -1);
    wire_wait(&l, HF_TURN_ALLOCATED);
    coturn_kill(&c);
    begin = wire_now();
    hf_turn_client_probe(l.client, begin);
    cr_expect_eq(fail(&l).cause, HF_ETIMEDOUT);
    cr_expect_lt(wire_now() - begin, HF_SECONDS(1) + HF_MS(500), "and gone for good: 800 ms, on a busy machine some more");
    wire_close(&l);
    coturn_stop(&c);
}
