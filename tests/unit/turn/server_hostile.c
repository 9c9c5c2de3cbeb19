/* A server under attack: each attack with what comes of it. */
#include "desk.h"

#include "../../../src/turn/server_priv.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define PEER "203.0.113.9:4000"

/* --- Amplification ---------------------------------------------------------------------------------------------------- */

/* What anybody can have sent to a victim by forging its address: so many times the bytes that it costs him. */
#define AMPLIFICATION_MAX 6

Test(turn_hostile, no_request_without_proof_yields_many_times_its_size)
{
    static const uint16_t methods[] = {HF_STUN_BINDING,           HF_STUN_ALLOCATE,     HF_STUN_REFRESH,
                                       HF_STUN_CREATE_PERMISSION, HF_STUN_CHANNEL_BIND, 0x00A /* Connect */};
    static const char *const clients[] = {"192.0.2.7:5000", "[2001:db8::7]:5000"};
    desk d;
    size_t largest = 0;
    desk_init(&d, NULL);
    for (size_t who = 0; who < 2; who++) {
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
            for (int with = 0; with < 16; with++) { /* each combination of what makes an answer longer */
                desk_client c = desk_client_of(&d, clients[who]);
                uint64_t before = d.sent_bytes;
                desk_begin(&c, HF_STUN_REQUEST, methods[i]);
                if ((with & 1) != 0)
                    hf_stun_add(&c.s, 0x7777, (hf_bytes){0});
                if ((with & 2) != 0)
                    hf_stun_add(&c.s, HF_STUN_USERNAME, hf_bytes_of("a", 1));
                if ((with & 4) != 0)
                    hf_stun_add_integrity(&c.s, hf_bytes_of("k", 1));
                if ((with & 8) != 0)
                    hf_stun_add_fingerprint(&c.s);
                size_t len = hf_stun_end(&c.s), answer;
                desk_input(&d, &c.path, c.buffer, len);
                answer = (size_t)(d.sent_bytes - before);
                cr_expect_leq(answer, len * AMPLIFICATION_MAX, "method %u, with %d: %zu for %zu bytes", methods[i], with,
                              answer, len);
                largest = answer > largest ? answer : largest;
                desk_run(&d, HF_SECONDS(1));
            }
        }
    }
    cr_expect_leq(largest, 160);
    desk_clear(&d);
}

/* Forged requests of one source, 10 000 a second, for ten seconds: what reaches the victim is bounded by the clock. */
Test(turn_hostile, a_victim_gets_a_bounded_rate_of_answers)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    for (int i = 0; i < 100000; i++) {
        c.path.remote.port = (uint16_t)(1 + i % 60000);
        desk_begin(&c, HF_STUN_REQUEST, i % 2 == 0 ? HF_STUN_ALLOCATE : HF_STUN_BINDING);
        size_t len = hf_stun_end(&c.s);
        desk_input(&d, &c.path, c.buffer, len);
        d.now += 100;
    }
    cr_expect_leq(d.sent_bytes, TURN_UNPROVEN_BURST + 10 * TURN_UNPROVEN_RATE);
    cr_expect_geq(d.sent_bytes, 10 * TURN_UNPROVEN_RATE, "and is not cut off for ever");

    d.sent_at = d.sent_len;
    desk_client honest = desk_client_of(&d, "198.18.0.1:5000"); /* most others do not notice */
    cr_expect_eq(desk_allocate(&honest), 0);
    desk_clear(&d);
}

Test(turn_hostile, an_ipv6_network_counts_as_one_source)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "[2001:db8::7]:5000");
    for (int i = 0; i < 20000; i++) {
        memcpy(&c.path.remote.ip[8], &i, sizeof i);
        desk_begin(&c, HF_STUN_REQUEST, HF_STUN_BINDING);
        desk_input(&d, &c.path, c.buffer, hf_stun_end(&c.s));
    }
    cr_expect_leq(d.sent_bytes, TURN_UNPROVEN_BURST);
    desk_clear(&d);
}

/* Whoever has a nonce gets what is sent to him: he is answered whatever others do in his name. */
Test(turn_hostile, a_source_that_has_proven_itself_is_answered_beyond_that)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000"), forged = c;
    cr_assert_eq(desk_allocate(&c), 0);
    do {
        desk_begin(&forged, HF_STUN_REQUEST, HF_STUN_BINDING);
    } while (desk_ask(&forged) == 0);
    cr_expect_eq(desk_permit(&c, PEER), 0);
    cr_expect_eq(desk_refresh(&c, 600), 0);
    desk_clear(&d);
}

/* --- Exhaustion ------------------------------------------------------------------------------------------------------- */

static unsigned allocate_from(desk *d, desk_client *c, size_t number)
{
    *c = desk_client_of(d, "192.0.2.7:5000");
    c->path.remote.ip[2] = (uint8_t)(number >> 6);
    c->path.remote.port = (uint16_t)(1000 + number % 64);
    return desk_allocate(c);
}

Test(turn_hostile, a_user_has_no_more_allocations_than_his_quota)
{
    static const hf_turn_user users[] = {{DESK_USER, DESK_PASSWORD}, {"bob", "builder"}};
    hf_turn_server_config config = {.users = users, .users_len = 2, .user_allocations_max = 3};
    desk d;
    desk_client c[4], bob;
    desk_init(&d, &config);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(allocate_from(&d, &c[i], i), 0);
    cr_expect_eq(allocate_from(&d, &c[3], 3), 486);
    cr_expect_eq(desk_stats(&d).refused_quota, 1);
    bob = desk_client_of(&d, "192.0.2.8:1");
    bob.user = "bob";
    bob.password = "builder";
    cr_expect_eq(desk_allocate(&bob), 0, "others have theirs");
    cr_assert_eq(desk_refresh(&c[1], 0), 0);
    cr_expect_eq(desk_allocate(&c[3]), 0);
    desk_clear(&d);
}

Test(turn_hostile, all_allocations_together_have_a_limit)
{
    hf_turn_server_config config = {.allocations_max = 5};
    desk d;
    desk_client c[6];
    desk_init(&d, &config);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(allocate_from(&d, &c[i], i), 0);
    cr_expect_eq(allocate_from(&d, &c[5], 5), 508);
    cr_expect_eq(desk_stats(&d).allocations, 5);
    cr_expect_eq(desk_stats(&d).refused_other, 1);
    cr_assert_eq(desk_refresh(&c[0], 0), 0);
    cr_expect_eq(desk_allocate(&c[5]), 0);
    desk_clear(&d);
}

Test(turn_hostile, exhausted_ports_refuse_and_come_back)
{
    hf_turn_server_config config = {.port_first = 50000, .port_last = 50007};
    desk d;
    desk_client c[9];
    desk_init(&d, &config);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(allocate_from(&d, &c[i], i), 0, "each port is found: %zu", i);
    unsigned binds = d.binds;
    cr_expect_eq(allocate_from(&d, &c[8], 8), 508);
    cr_expect_eq(d.binds, binds, "the driver is not asked for what is known to be taken");
    cr_assert_eq(desk_refresh(&c[3], 0), 0);
    cr_expect_eq(desk_allocate(&c[8]), 0);
    desk_clear(&d);
}

/* A thousand requests for the sockets of which the driver has not answered yet. */
Test(turn_hostile, requests_under_way_count_too)
{
    hf_turn_server_config config = {.user_allocations_max = 10};
    desk d;
    desk_client c;
    desk_init(&d, &config);
    d.is_slow = true;
    unsigned refused = 0;
    for (size_t i = 0; i < 100; i++)
        refused += allocate_from(&d, &c, i) == 486;
    cr_expect_eq(d.binds, 10);
    cr_expect_eq(refused, 90);
    desk_run(&d, HF_SECONDS(10));
    cr_expect_eq(desk_stats(&d).allocations, 0, "nor are they waited for");
    desk_clear(&d);
}

Test(turn_hostile, permissions_and_channels_have_a_limit)
{
    desk d;
    char peer[64];
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000"), e = desk_client_of(&d, "192.0.2.7:5001");
    cr_assert_eq(desk_allocate(&c), 0);
    for (int i = 0; i < TURN_PERMISSIONS_MAX; i++) {
        snprintf(peer, sizeof peer, "203.0.%d.%d", i / 100, i % 100);
        cr_assert_eq(desk_permit(&c, peer), 0);
    }
    cr_expect_eq(desk_permit(&c, "203.0.200.1"), 508);
    cr_expect_eq(desk_permit(&c, "203.0.0.1"), 0, "those that are there are refreshed");
    desk_run(&d, HF_SECONDS(301));
    cr_expect_eq(desk_permit(&c, "203.0.200.1"), 0, "old ones make room");

    cr_assert_eq(desk_allocate(&e), 0);
    for (int i = 0; i < TURN_CHANNELS_MAX; i++) {
        snprintf(peer, sizeof peer, "203.0.113.9:%d", 1000 + i);
        cr_assert_eq(desk_bind(&e, peer, (uint16_t)(0x4000 + i)), 0);
    }
    cr_expect_eq(desk_bind(&e, PEER, 0x4FFF), 508);
    desk_clear(&d);
}

/* --- Forgery ---------------------------------------------------------------------------------------------------------- */

Test(turn_hostile, nobody_else_uses_an_allocation)
{
    static const char *const others[] = {"192.0.2.7:5001", "192.0.2.8:5000"};
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_assert_eq(desk_bind(&c, PEER, 0x4000), 0);
    for (size_t i = 0; i < 2; i++) {
        desk_client thief = c;
        thief.path.remote = desk_addr(others[i]);
        desk_send(&thief, PEER, "in your name");
        desk_send_channel(&thief, 0x4000, "in your name");
        desk_expect_silence(&d);
        thief.nonce[0] = '\0';
        desk_challenge(&thief);
        cr_expect_eq(desk_permit(&thief, "203.0.113.66"), 437, "it has none of its own");
        cr_expect_eq(desk_bind(&thief, "203.0.113.66:1", 0x4000), 437);
        cr_expect_eq(desk_refresh(&thief, 0), 437);
    }
    desk_client unsigned_ = c;
    unsigned_.nonce[0] = '\0';
    cr_expect_eq(desk_permit(&unsigned_, "203.0.113.66"), 401, "the same address is not enough");
    unsigned_.password = "hare";
    cr_expect_eq(desk_permit(&unsigned_, "203.0.113.66"), 401);
    desk_peer_sends(&d, &relayed, "203.0.113.66:1", "let in?");
    desk_expect_silence(&d);
    desk_clear(&d);
}

/* A request that was taken down on the way is good for what it says alone. */
Test(turn_hostile, a_request_that_was_changed_is_refused)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr peer = desk_addr(PEER);
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_CREATE_PERMISSION);
    hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &peer);
    size_t len = desk_finish(&c);
    uint64_t refused = desk_stats(&d).refused_credentials;
    for (size_t at = HF_STUN_HEADER_SIZE + 4; at < HF_STUN_HEADER_SIZE + 12; at++) { /* of the address */
        c.buffer[at] ^= 0x55;
        desk_input(&d, &c.path, c.buffer, len);
        c.buffer[at] ^= 0x55;
        cr_expect_eq(desk_stats(&d).refused_credentials, ++refused, "byte %zu", at);
        cr_expect(desk_take(&d));
    }
    desk_clear(&d);
}

Test(turn_hostile, peers_cannot_speak_to_the_server_through_a_relay)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000"), peer = desk_client_of(&d, PEER);
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_assert_eq(desk_permit(&c, PEER), 0);
    peer.path.local = relayed;
    desk_begin(&peer, HF_STUN_REQUEST, HF_STUN_BINDING);
    size_t len = hf_stun_end(&peer.s);
    desk_input(&d, &peer.path, peer.buffer, len);
    const desk_sent *sent = desk_take(&d);
    cr_assert(sent, "it is data, for the client");
    cr_expect(hf_addr_equal(&sent->path.remote, &c.path.remote));
    desk_expect_silence(&d);
    desk_clear(&d);
}

/* --- Floods of data --------------------------------------------------------------------------------------------------- */

Test(turn_hostile, a_rate_bounds_what_an_allocation_relays_each_way)
{
    hf_turn_server_config config = {.rate_max = 1000};
    desk d;
    char text[101];
    desk_init(&d, &config);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    memset(text, 'x', 100);
    text[100] = '\0';
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_assert_eq(desk_bind(&c, PEER, 0x4000), 0);
    for (int i = 0; i < 1000; i++) { /* ten seconds of ten times as much */
        desk_send_channel(&c, 0x4000, text);
        desk_peer_sends(&d, &relayed, PEER, text);
        desk_run(&d, HF_MS(10));
    }
    hf_turn_server_stats stats = desk_stats(&d);
    cr_expect(stats.to_peers_bytes >= 10000 && stats.to_peers_bytes <= 11000, "%zu", (size_t)stats.to_peers_bytes);
    cr_expect(stats.to_clients_bytes >= 10000 && stats.to_clients_bytes <= 11000, "%zu", (size_t)stats.to_clients_bytes);
    d.sent_at = d.sent_len;
    cr_expect_eq(desk_refresh(&c, 600), 0, "requests are none of it");
    desk_clear(&d);
}

/* A driver that does not come to send: what waits is bounded, and answers have room of their own. */
Test(turn_hostile, what_waits_to_be_sent_is_bounded)
{
    static uint8_t channel_data[4 + 1400] = {0x40, 0, 1400 >> 8, 1400 & 0xFF};
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    cr_assert_eq(desk_bind(&c, PEER, 0x4000), 0);
    uint64_t sent = d.sent_bytes;
    size_t dropped = (size_t)desk_stats(&d).dropped;
    for (int i = 0; i < 10000; i++)
        hf_turn_server_input(d.server, d.now,
                             &(hf_datagram){.path = c.path, .data = channel_data, .len = sizeof channel_data}, 1);
    cr_expect_gt(desk_stats(&d).dropped, dropped);
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_REFRESH);
    size_t len = desk_finish(&c);
    hf_turn_server_input(d.server, d.now, &(hf_datagram){.path = c.path, .data = c.buffer, .len = len}, 1);
    static uint8_t run[65536];
    hf_transmit out = {.buffer = run, .cap = sizeof run};
    cr_assert(hf_turn_server_poll_transmit(d.server, d.now, &out));
    cr_expect(hf_addr_equal(&out.path.remote, &c.path.remote), "the answer goes first");
    desk_serve(&d);
    cr_expect_leq(d.sent_bytes - sent, TURN_DATA_BYTES_MAX);
    desk_clear(&d);
}

Test(turn_hostile, datagrams_that_are_nothing_are_dropped_and_counted)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } rows[] = {
        {"", 0, "empty"},
        {"\x40", 1, "half a channel"},
        {"\x40\x00\x00", 3, "half a length"},
        {"\x40\x00\x00\x01", 4, "longer than it is"},
        {"\x40\x00\x00\x00", 4, "ChannelData of nobody"},
        {"\x80\x00\x00\x00", 4, "RTP"},
        {"\x16\xfe\xfd\x00", 4, "DTLS"},
        {"\xff\xff\xff\xff", 4, "anything"},
        {"\x00\x01\x00\x00\x21\x12\xa4\x42", 8, "half a header"},
        {"\x00\x01\x00\x04\x21\x12\xa4\x42"
         "012345678901",
         20, "longer than it is"},
        {"\x00\x01\x00\x00\x21\x12\xa4\x43"
         "012345678901",
         20, "another cookie"},
        {"\x01\x01\x00\x00\x21\x12\xa4\x42"
         "012345678901",
         20, "a response"},
        {"\x01\x11\x00\x00\x21\x12\xa4\x42"
         "012345678901",
         20, "an error response"},
        {"\x00\x16\x00\x00\x21\x12\xa4\x42"
         "012345678901",
         20, "Send, of nothing to nobody"},
        {"\x00\x17\x00\x00\x21\x12\xa4\x42"
         "012345678901",
         20, "Data, which servers send"},
        {"\x00\x0f\x00\x00\x21\x12\xa4\x42"
         "012345678901",
         20, "a request that there is none of"},
    };
    desk d;
    desk_init(&d, NULL);
    hf_path path = desk_path("192.0.2.7:5000");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_input(&d, &path, rows[i].bytes, rows[i].len);
        cr_expect_eq(desk_stats(&d).dropped, i + 1, "%s", rows[i].why);
        desk_expect_silence(&d);
    }
    uint8_t large[HF_DATAGRAM_MAX + 1] = {0x40};
    desk_input(&d, &path, large, sizeof large);
    desk_expect_silence(&d);
    desk_input(&d, &path,
               "\x00\x11\x00\x00\x21\x12\xa4\x42"
               "012345678901",
               20); /* keeps a NAT open: RFC 8489 §3 */
    desk_expect_silence(&d);
    cr_expect_eq(desk_stats(&d).dropped, sizeof rows / sizeof *rows + 1);
    desk_clear(&d);
}

Test(turn_hostile, data_that_is_not_allowed_is_dropped)
{
    desk d;
    hf_addr peer = desk_addr(PEER);
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    cr_assert_eq(desk_permit(&c, PEER), 0);
    uint64_t dropped = desk_stats(&d).dropped;

    desk_begin(&c, HF_STUN_INDICATION, HF_STUN_SEND_INDICATION); /* RFC 8656 §11.2: with DONT-FRAGMENT */
    hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &peer);
    hf_stun_add(&c.s, HF_STUN_DONT_FRAGMENT, (hf_bytes){0});
    hf_stun_add(&c.s, HF_STUN_DATA, hf_bytes_of("x", 1));
    desk_input(&d, &c.path, c.buffer, hf_stun_end(&c.s));
    desk_begin(&c, HF_STUN_INDICATION, HF_STUN_SEND_INDICATION); /* no data */
    hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &peer);
    desk_input(&d, &c.path, c.buffer, hf_stun_end(&c.s));
    desk_send(&c, "203.0.113.9:0", "to port 0");
    desk_send(&c, "[2606:2800::9]:1", "to another family");
    desk_send(&c, "203.0.113.9:1", ""); /* nothing is nothing that a driver sends */
    desk_expect_silence(&d);
    cr_expect_eq(desk_stats(&d).dropped, dropped + 5);
    desk_clear(&d);
}

/* --- Cost ------------------------------------------------------------------------------------------------------------- */

/* Idle allocations cost memory and nothing else: the next deadline is that of the first to end, and until then there is
 * nothing to do. */
Test(turn_hostile, idle_allocations_cost_no_work)
{
    hf_turn_server_config config = {.user_allocations_max = 1000};
    desk d;
    desk_client c;
    desk_init(&d, &config);
    hf_time first = d.now + HF_SECONDS(600);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(allocate_from(&d, &c, i), 0);
    cr_expect_eq(hf_turn_server_deadline(d.server), first);
    hf_transmit out = {.buffer = c.buffer, .cap = sizeof c.buffer};
    hf_request request;
    cr_expect_not(hf_turn_server_poll_transmit(d.server, d.now, &out));
    cr_expect_not(hf_turn_server_poll_request(d.server, &request));
    desk_run(&d, HF_SECONDS(3601));
    cr_expect_eq(d.sockets_len, 0);
    desk_clear(&d);
}
