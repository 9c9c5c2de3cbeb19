/* Allocations of a server: what may be asked for, how long they live, whose they are (RFC 8656 §7, §8). */
#include "desk.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLIENT "192.0.2.7:5000"

typedef struct attribute {
    uint16_t type;
    const char *value;
    size_t len;
} attribute;

static void add(desk_client *c, const attribute *attributes, size_t n)
{
    for (size_t i = 0; i < n && attributes[i].type != 0; i++)
        hf_stun_add(&c->s, attributes[i].type, hf_bytes_of(attributes[i].value, attributes[i].len));
}

static unsigned allocate_with(desk_client *c, const attribute *attributes, size_t n)
{
    desk_begin(c, HF_STUN_REQUEST, HF_STUN_ALLOCATE);
    add(c, attributes, n);
    return desk_ask(c);
}

#define UDP                                                                                                                 \
    {                                                                                                                       \
        HF_STUN_REQUESTED_TRANSPORT, "\x11\0\0\0", 4                                                                        \
    }
#define V4 "\1\0\0\0"
#define V6 "\2\0\0\0"

Test(turn_allocate, is_answered_by_the_rules)
{
    static const struct {
        const char *why;
        unsigned code;
        attribute attributes[4];
    } rows[] = {
        {"nothing is said about the transport", 400, {{0, NULL, 0}}},
        {"a transport that is cut", 400, {{HF_STUN_REQUESTED_TRANSPORT, "\x11\0\0", 3}}},
        {"TCP", 442, {{HF_STUN_REQUESTED_TRANSPORT, "\x06\0\0\0", 4}}},
        {"nothing beside UDP", 0, {UDP}},
        {"IPv4", 0, {UDP, {HF_STUN_REQUESTED_ADDRESS_FAMILY, V4, 4}}},
        {"IPv6, which this server has not", 440, {UDP, {HF_STUN_REQUESTED_ADDRESS_FAMILY, V6, 4}}},
        {"a family that there is none of", 440, {UDP, {HF_STUN_REQUESTED_ADDRESS_FAMILY, "\3\0\0\0", 4}}},
        {"a family that is cut", 440, {UDP, {HF_STUN_REQUESTED_ADDRESS_FAMILY, "\1", 1}}},
        {"IPv6 besides, which it has not", 0, {UDP, {HF_STUN_ADDITIONAL_ADDRESS_FAMILY, V6, 4}}},
        {"IPv4 besides", 400, {UDP, {HF_STUN_ADDITIONAL_ADDRESS_FAMILY, V4, 4}}},
        {"a family, and one besides",
         400,
         {UDP, {HF_STUN_REQUESTED_ADDRESS_FAMILY, V4, 4}, {HF_STUN_ADDITIONAL_ADDRESS_FAMILY, V6, 4}}},
        {"an even port", 0, {UDP, {HF_STUN_EVEN_PORT, "\0", 1}}},
        {"an even port, and the next one kept", 508, {UDP, {HF_STUN_EVEN_PORT, "\x80", 1}}},
        {"an even port that is cut", 400, {UDP, {HF_STUN_EVEN_PORT, "", 0}}},
        {"the next one kept, and a family besides",
         400,
         {UDP, {HF_STUN_EVEN_PORT, "\x80", 1}, {HF_STUN_ADDITIONAL_ADDRESS_FAMILY, V6, 4}}},
        {"a token of ours, of which there are none", 508, {UDP, {HF_STUN_RESERVATION_TOKEN, "12345678", 8}}},
        {"a token that is cut", 400, {UDP, {HF_STUN_RESERVATION_TOKEN, "1234567", 7}}},
        {"a token, and an even port", 400, {UDP, {HF_STUN_RESERVATION_TOKEN, "12345678", 8}, {HF_STUN_EVEN_PORT, "\0", 1}}},
        {"a token, and a family",
         400,
         {UDP, {HF_STUN_RESERVATION_TOKEN, "12345678", 8}, {HF_STUN_REQUESTED_ADDRESS_FAMILY, V4, 4}}},
        {"no fragments, which we can't promise", 420, {UDP, {HF_STUN_DONT_FRAGMENT, "", 0}}},
        {"something that must be understood, and is not", 420, {UDP, {0x7777, "1234", 4}}},
        {"something that need not be", 0, {UDP, {0xF777, "1234", 4}}},
        {"a lifetime that is cut", 0, {UDP, {HF_STUN_LIFETIME, "\0", 1}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk d;
        desk_init(&d, NULL);
        desk_client c = desk_client_of(&d, CLIENT);
        desk_challenge(&c);
        cr_expect_eq(allocate_with(&c, rows[i].attributes, 4), rows[i].code, "%s", rows[i].why);
        cr_expect_eq(d.sockets_len, rows[i].code == 0, "%s", rows[i].why);
        desk_clear(&d);
    }
}

Test(turn_allocate, names_what_it_does_not_understand)
{
    desk d;
    hf_bytes value;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    desk_challenge(&c);
    cr_assert_eq(allocate_with(&c, (attribute[]){UDP, {HF_STUN_DONT_FRAGMENT, "", 0}, {0x7777, "", 0}}, 3), 420);
    cr_assert(hf_stun_find(&c.answer, HF_STUN_UNKNOWN_ATTRIBUTES, &value));
    cr_expect(hf_bytes_equal(value, hf_bytes_of("\x00\x1A\x77\x77", 4)));
    cr_expect_neq(c.answer.integrity_at, 0, "it is authenticated by then");
    desk_clear(&d);
}

Test(turn_allocate, gives_a_port_of_the_range_and_tells_the_client_its_own_address)
{
    hf_turn_server_config config = {.port_first = 50000, .port_last = 50009};
    desk d;
    hf_addr mapped;
    desk_init(&d, &config);
    desk_client c = desk_client_of(&d, CLIENT);
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c), server = desk_addr(DESK_SERVER);
    cr_expect(hf_addr_equal_ip(&relayed, &server));
    cr_expect(relayed.port >= 50000 && relayed.port <= 50009);
    cr_assert(hf_stun_get_xor_address(&c.answer, HF_STUN_XOR_MAPPED_ADDRESS, &mapped));
    cr_expect(hf_addr_equal(&mapped, &c.path.remote));
    desk_clear(&d);
}

Test(turn_allocate, gives_an_even_port_where_one_is_asked_for)
{
    hf_turn_server_config config = {.port_first = 50001, .port_last = 50006};
    desk d;
    desk_init(&d, &config);
    for (uint16_t i = 0; i < 3; i++) {
        desk_client c = desk_client_of(&d, CLIENT);
        c.path.remote.port = (uint16_t)(c.path.remote.port + i);
        desk_challenge(&c);
        cr_assert_eq(allocate_with(&c, (attribute[]){UDP, {HF_STUN_EVEN_PORT, "\0", 1}}, 2), 0, "%u", i);
        cr_expect_eq(desk_relayed(&c).port % 2, 0);
    }
    desk_client c = desk_client_of(&d, "192.0.2.9:1");
    desk_challenge(&c);
    cr_expect_eq(allocate_with(&c, (attribute[]){UDP, {HF_STUN_EVEN_PORT, "\0", 1}}, 2), 508, "those that are left are odd");
    cr_expect_eq(desk_allocate(&c), 0);
    desk_clear(&d);
}

/* RFC 8656 §7.2 point 2. */
Test(turn_allocate, answers_a_copy_as_it_answered_the_first)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    cr_assert_eq(desk_allocate(&c), 0);
    desk_sent first = {.len = c.answer.whole.len};
    memcpy(first.data, c.heard, first.len);
    size_t len = hf_stun_end(&c.s);
    desk_run(&d, HF_SECONDS(5));
    desk_input(&d, &c.path, c.buffer, len);
    const desk_sent *again = desk_take(&d);
    cr_assert(again);
    cr_expect(hf_bytes_equal(hf_bytes_of(again->data, again->len), hf_bytes_of(first.data, first.len)));
    cr_expect_eq(d.sockets_len, 1);
    cr_expect_eq(desk_allocate(&c), 437, "another request for the same 5-tuple");
    cr_expect_eq(desk_stats(&d).allocations_made, 1);
    desk_clear(&d);
}

Test(turn_allocate, waits_for_its_socket_and_answers_once)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    desk_challenge(&c);
    d.is_slow = true;
    cr_expect_eq(desk_allocate(&c), 1, "no answer yet");
    size_t len = hf_stun_end(&c.s);
    desk_input(&d, &c.path, c.buffer, len);
    desk_expect_silence(&d);
    cr_expect_eq(d.binds, 1, "a copy makes no second socket");
    desk_client other = c;
    cr_expect_eq(desk_refresh(&other, 600), 437, "there is none as far as the client knows");
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_BOUND, .id = d.slow_id, .path.local = d.slow_addr});
    desk_serve(&d);
    const desk_sent *sent = desk_take(&d);
    cr_assert(sent);
    cr_expect(memcmp(sent->data + 8, c.buffer + 8, HF_STUN_ID_SIZE) == 0);
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_BOUND, .id = d.slow_id, .path.local = d.slow_addr}); /* a driver that errs */
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_BOUND, .id = 999, .path.local = d.slow_addr});
    desk_expect_silence(&d);
    desk_clear(&d);
}

Test(turn_allocate, does_not_wait_for_ever_for_its_socket)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    desk_challenge(&c);
    d.is_slow = true;
    cr_expect_eq(desk_allocate(&c), 1);
    desk_run(&d, HF_SECONDS(5));
    const desk_sent *sent = desk_take(&d);
    hf_stun_message m;
    hf_bytes reason;
    unsigned code = 0;
    cr_assert(sent && hf_stun_read(hf_bytes_of(sent->data, sent->len), &m) && hf_stun_get_error(&m, &code, &reason));
    cr_expect_eq(code, 508);
    cr_expect_eq(desk_stats(&d).allocations, 0);
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_BOUND, .id = d.slow_id, .path.local = d.slow_addr}); /* too late */
    d.is_slow = false;
    cr_expect_eq(desk_allocate(&c), 0);
    desk_clear(&d);
}

Test(turn_allocate, tries_other_ports_but_not_for_ever)
{
    static const struct {
        bool is_taken;
        hf_err err;
        unsigned binds;
    } rows[] = {{true, HF_OK, 16}, {false, HF_ELIMIT, 1}, {false, HF_ENOTSUP, 1}, {false, HF_EEXIST, 16}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk d;
        desk_init(&d, NULL);
        desk_client c = desk_client_of(&d, CLIENT);
        desk_challenge(&c);
        d.is_taken = rows[i].is_taken;
        d.bind_err = rows[i].err;
        cr_expect_eq(desk_allocate(&c), 508);
        cr_expect_eq(d.binds, rows[i].binds);
        d.is_taken = false;
        d.bind_err = HF_OK;
        cr_expect_eq(desk_allocate(&c), 0, "the refusal leaves nothing behind");
        desk_clear(&d);
    }
}

/* --- Families --------------------------------------------------------------------------------------------------------- */

static void open_dual(desk *d)
{
    const hf_addr relays[2] = {desk_addr("198.51.100.1"), desk_addr("2001:db8:1::1")};
    desk_init(d, &(hf_turn_server_config){.relay_addrs = relays, .relay_addrs_len = 2});
}

Test(turn_families, are_both_given_where_both_are_asked_for)
{
    desk d;
    hf_addr relayed[2];
    open_dual(&d);
    desk_client c = desk_client_of(&d, CLIENT);
    desk_challenge(&c);
    cr_assert_eq(allocate_with(&c, (attribute[]){UDP, {HF_STUN_ADDITIONAL_ADDRESS_FAMILY, V6, 4}}, 2), 0);
    for (size_t i = 0; i < 2; i++)
        cr_assert(hf_stun_get_xor_address_nth(&c.answer, HF_STUN_XOR_RELAYED_ADDRESS, i, &relayed[i]));
    cr_expect_eq(relayed[0].family, HF_FAMILY_IPV4);
    cr_expect_eq(relayed[1].family, HF_FAMILY_IPV6);

    cr_assert_eq(desk_permit(&c, "2606:2800::9"), 0);
    cr_assert_eq(desk_permit(&c, "203.0.113.9"), 0);
    desk_send(&c, "[2606:2800::9]:7", "six");
    desk_expect_to_peer(&d, &relayed[1], "[2606:2800::9]:7", "six");
    desk_peer_sends(&d, &relayed[1], "[2606:2800::9]:7", "and back");
    desk_expect_indication(&c, "[2606:2800::9]:7", "and back");
    desk_send(&c, "203.0.113.9:7", "four");
    desk_expect_to_peer(&d, &relayed[0], "203.0.113.9:7", "four");

    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_REFRESH); /* RFC 8656 §8.2: one of them goes */
    hf_stun_add_u32(&c.s, HF_STUN_LIFETIME, 0);
    add(&c, (attribute[]){{HF_STUN_REQUESTED_ADDRESS_FAMILY, V6, 4}}, 1);
    cr_assert_eq(desk_ask(&c), 0);
    cr_expect_not(desk_has_socket(&d, &relayed[1]));
    cr_expect(desk_has_socket(&d, &relayed[0]));
    cr_expect_eq(desk_permit(&c, "2606:2800::9"), 443);
    desk_send(&c, "203.0.113.9:7", "still four");
    desk_expect_to_peer(&d, &relayed[0], "203.0.113.9:7", "still four");
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_REFRESH);
    add(&c, (attribute[]){{HF_STUN_REQUESTED_ADDRESS_FAMILY, V6, 4}}, 1);
    cr_expect_eq(desk_ask(&c), 443);
    desk_clear(&d);
}

Test(turn_families, that_are_missing_are_told_of)
{
    desk d;
    hf_bytes value;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    desk_challenge(&c);
    cr_assert_eq(allocate_with(&c, (attribute[]){UDP, {HF_STUN_ADDITIONAL_ADDRESS_FAMILY, V6, 4}}, 2), 0);
    cr_assert(hf_stun_find(&c.answer, HF_STUN_ADDRESS_ERROR_CODE, &value), "RFC 8656 §7.2 point 9");
    cr_assert_geq(value.len, 4);
    cr_expect_eq(value.data[0], 2);
    cr_expect_eq(value.data[2] * 100 + value.data[3], 440);
    desk_clear(&d);
}

Test(turn_families, of_peer_and_relay_must_be_the_same)
{
    desk d;
    open_dual(&d);
    desk_client c = desk_client_of(&d, CLIENT);
    desk_challenge(&c);
    cr_assert_eq(allocate_with(&c, (attribute[]){UDP, {HF_STUN_REQUESTED_ADDRESS_FAMILY, V6, 4}}, 2), 0);
    cr_expect_eq(desk_relayed(&c).family, HF_FAMILY_IPV6);
    cr_expect_eq(desk_permit(&c, "203.0.113.9"), 443);
    cr_expect_eq(desk_bind(&c, "203.0.113.9:7", 0x4000), 443);
    cr_expect_eq(desk_permit(&c, "2606:2800::9"), 0);
    desk_clear(&d);
}

Test(turn_families, are_found_among_the_addresses_that_the_driver_tells)
{
    desk d;
    desk_init(&d, NULL);
    const hf_local locals[] = {{.addr = desk_addr("[::1]:3478")},
                               {.addr = desk_addr("[fe80::1%2]:3478")},
                               {.addr = desk_addr("[2001:db8:2::2]:3478")}};
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 3});
    desk_client c = desk_client_of(&d, CLIENT);
    desk_challenge(&c);
    cr_assert_eq(allocate_with(&c, (attribute[]){UDP, {HF_STUN_REQUESTED_ADDRESS_FAMILY, V6, 4}}, 2), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_expect(hf_addr_equal_ip(&relayed, &(hf_addr){.family = HF_FAMILY_IPV6, .ip = {0x20, 1, 0xd, 0xb8, 0, 2, [15] = 2}}),
              "the one that reaches as far as the client's");
    desk_clear(&d);
}

/* --- Lifetimes -------------------------------------------------------------------------------------------------------- */

static uint32_t lifetime_of(const desk_client *c)
{
    uint32_t seconds = 0;
    cr_assert(hf_stun_get_u32(&c->answer, HF_STUN_LIFETIME, &seconds));
    return seconds;
}

Test(turn_lifetime, is_what_is_asked_for_within_bounds)
{
    static const uint32_t rows[][2] = {{1, 600},     {599, 600},   {600, 600},        {601, 601},
                                       {3600, 3600}, {3601, 3600}, {UINT32_MAX, 3600}};
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    cr_assert_eq(desk_allocate(&c), 0);
    cr_expect_eq(lifetime_of(&c), 600);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(desk_refresh(&c, rows[i][0]), 0);
        cr_expect_eq(lifetime_of(&c), rows[i][1], "asked for %u", rows[i][0]);
    }
    desk_clear(&d);
}

Test(turn_lifetime, ends_an_allocation_to_the_second)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    desk_run(&d, HF_SECONDS(600) - 1);
    cr_expect(desk_has_socket(&d, &relayed));
    desk_run(&d, 1);
    cr_expect_not(desk_has_socket(&d, &relayed));
    cr_expect_eq(desk_stats(&d).allocations, 0);
    cr_expect_eq(desk_refresh(&c, 600), 437);
    cr_expect_eq(hf_turn_server_deadline(d.server), HF_NEVER, "there is nothing more to do");
    desk_clear(&d);
}

Test(turn_lifetime, of_zero_ends_it_at_once)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    cr_assert_eq(desk_allocate(&c), 0);
    cr_assert_eq(desk_refresh(&c, 0), 0);
    cr_expect_eq(lifetime_of(&c), 0);
    cr_expect_eq(d.sockets_len, 0);
    cr_expect_eq(desk_refresh(&c, 0), 437, "RFC 8656 §8.2: a copy finds none");
    cr_expect_eq(desk_allocate(&c), 0, "the 5-tuple is free again");
    desk_clear(&d);
}

/* Many of them, which end in the order of their lifetimes whatever the order of their birth. */
Test(turn_lifetime, is_kept_for_many_at_once)
{
    enum { MANY = 300 };
    static desk_client clients[MANY];
    hf_turn_server_config config = {.user_allocations_max = MANY};
    desk d;
    desk_init(&d, &config);
    for (size_t i = 0; i < MANY; i++) {
        clients[i] = desk_client_of(&d, CLIENT);
        clients[i].path.remote.port = (uint16_t)(1000 + i);
        cr_assert_eq(desk_allocate(&clients[i]), 0);
        cr_assert_eq(desk_refresh(&clients[i], (uint32_t)(600 + i * 7919 % MANY)), 0); /* each another one */
    }
    for (size_t i = 0; i < MANY; i++) {
        desk_run(&d, i == 0 ? HF_SECONDS(600) : HF_SECONDS(1));
        cr_assert_eq(desk_stats(&d).allocations, MANY - i - 1);
        cr_assert_eq(d.sockets_len, MANY - i - 1);
    }
    desk_clear(&d);
}

/* --- Channels and permissions ----------------------------------------------------------------------------------------- */

Test(turn_channel, keeps_its_number_and_its_peer)
{
    static const struct {
        const char *peer;
        uint16_t number;
        unsigned code;
        const char *why;
    } rows[] = {
        {"203.0.113.9:1", 0x4000, 0, "the first number"},
        {"203.0.113.9:2", 0x7FFF, 0, "the last number"},
        {"203.0.113.9:3", 0x3FFF, 400, "below"},
        {"203.0.113.9:3", 0x8000, 400, "above"},
        {"203.0.113.9:1", 0x4000, 0, "once more: it is refreshed"},
        {"203.0.113.9:1", 0x4001, 400, "the peer has another number"},
        {"203.0.113.9:3", 0x4000, 400, "the number has another peer"},
        {"203.0.113.9:0", 0x4002, 403, "port 0"},
        {"10.0.0.1:3", 0x4002, 403, "not of the public internet"},
        {"[2606:2800::9]:3", 0x4002, 443, "another family"},
    };
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    cr_assert_eq(desk_allocate(&c), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(desk_bind(&c, rows[i].peer, rows[i].number), rows[i].code, "%s", rows[i].why);
    desk_run(&d, HF_SECONDS(590));
    cr_assert_eq(desk_refresh(&c, 600), 0);
    desk_run(&d, HF_SECONDS(10));
    cr_expect_eq(desk_bind(&c, "203.0.113.9:3", 0x4000), 0, "it had run out");
    desk_clear(&d);
}

Test(turn_channel, needs_number_and_peer)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    hf_addr peer = desk_addr("203.0.113.9:1");
    cr_assert_eq(desk_allocate(&c), 0);
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_CHANNEL_BIND);
    hf_stun_add_u32(&c.s, HF_STUN_CHANNEL_NUMBER, 0x40000000);
    cr_expect_eq(desk_ask(&c), 400);
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_CHANNEL_BIND);
    hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &peer);
    cr_expect_eq(desk_ask(&c), 400);
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_CREATE_PERMISSION);
    cr_expect_eq(desk_ask(&c), 400);
    desk_clear(&d);
}

/* RFC 8656 §10.2: all or none. */
Test(turn_permission, is_given_for_all_addresses_or_for_none)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, CLIENT);
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    static const char *const good = "203.0.113.9:1", *const bad[] = {"10.0.0.1:1", "[2606:2800::9]:1", NULL};
    static const unsigned codes[] = {403, 443, 400};
    for (size_t i = 0; i < 3; i++) {
        hf_addr first = desk_addr(good);
        desk_begin(&c, HF_STUN_REQUEST, HF_STUN_CREATE_PERMISSION);
        hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &first);
        if (bad[i]) {
            hf_addr second = desk_addr(bad[i]);
            hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &second);
        } else {
            hf_stun_add(&c.s, HF_STUN_XOR_PEER_ADDRESS, hf_bytes_of("\0\1", 2));
        }
        cr_expect_eq(desk_ask(&c), codes[i]);
        desk_peer_sends(&d, &relayed, good, "not yet");
        desk_expect_silence(&d);
    }
    hf_addr first = desk_addr(good), second = desk_addr("203.0.113.10:1");
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_CREATE_PERMISSION);
    hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &first);
    hf_stun_add_xor_address(&c.s, HF_STUN_XOR_PEER_ADDRESS, &second);
    cr_expect_eq(desk_ask(&c), 0);
    desk_peer_sends(&d, &relayed, good, "one");
    desk_peer_sends(&d, &relayed, "203.0.113.10:1", "two");
    desk_expect_indication(&c, good, "one");
    desk_expect_indication(&c, "203.0.113.10:1", "two");
    desk_clear(&d);
}

/* --- Memory ----------------------------------------------------------------------------------------------------------- */

static void live(desk *d)
{
    desk_client c = desk_client_of(d, CLIENT), other = desk_client_of(d, "192.0.2.7:5001");
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_ALLOCATE);
    if (desk_ask(&c) != 401)
        return; /* not even room for an answer */
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_ALLOCATE);
    add(&c, (attribute[]){UDP, {HF_STUN_ADDITIONAL_ADDRESS_FAMILY, V6, 4}}, 2);
    unsigned code = desk_ask(&c);
    hf_addr relayed = {0};
    if (code == 0)
        relayed = desk_relayed(&c);
    (void)desk_permit(&c, "203.0.113.9");
    (void)desk_bind(&c, "203.0.113.9:7", 0x4000);
    desk_send_channel(&c, 0x4000, "hello");
    if (code == 0)
        desk_peer_sends(d, &relayed, "203.0.113.9:7", "hello");
    d->sent_at = d->sent_len;
    other.path.transport = HF_TCP;
    desk_reply(d, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = other.path});
    desk_begin(&other, HF_STUN_REQUEST, HF_STUN_BINDING);
    (void)desk_ask(&other);
    (void)desk_refresh(&c, 0);
    desk_run(d, HF_SECONDS(700));
}

Test(turn_allocate, survives_a_failure_of_each_allocation_of_memory)
{
    static const hf_turn_user user = {DESK_USER, DESK_PASSWORD};
    const hf_turn_range range = {.addr = desk_addr("10.0.0.0"), .prefix = 8};
    const hf_addr relays[2] = {desk_addr("198.51.100.1"), desk_addr("2001:db8:1::1")};
    const hf_turn_server_config config = {.users = &user,
                                          .users_len = 1,
                                          .secret = "s",
                                          .calendar = 1,
                                          .allowed = &range,
                                          .allowed_len = 1,
                                          .denied = &range,
                                          .denied_len = 1,
                                          .relay_addrs = relays,
                                          .relay_addrs_len = 2};
    static desk d;
    size_t n = 1;
    memset(&d, 0, sizeof d);
    for (; test_env_next_failure(&d.env, n, 7); n++) {
        d.now = HF_SECONDS(1);
        d.sockets_len = d.sent_at = d.sent_len = 0;
        hf_err err = hf_turn_server_new(&d.server, d.now, &config, &d.env.env);
        if (err == HF_OK) {
            live(&d);
            cr_expect_eq(d.sockets_len, 0, "allocation %zu: %zu sockets are left", n, d.sockets_len);
            hf_turn_server_free(d.server);
        } else {
            cr_expect_eq(err, HF_ENOMEM);
        }
        cr_expect_eq(d.env.blocks, 0, "allocation %zu", n);
    }
    cr_expect_gt(n, 20);
}

Test(turn_server_new, wants_a_configuration_that_makes_sense)
{
    static const hf_turn_user good = {"a", "b"}, twice[] = {{"a", "b"}, {"a", "c"}}, nameless = {"", "b"},
                              wordless = {"a", NULL};
    static char long_realm[200];
    memset(long_realm, 'r', sizeof long_realm - 1);
    const hf_addr same[2] = {desk_addr("198.51.100.1"), desk_addr("198.51.100.2")}, any = desk_addr("0.0.0.0");
    const hf_turn_range wide = {.addr = desk_addr("10.0.0.0"), .prefix = 33}, none = {.prefix = 8};
    const struct {
        hf_turn_server_config config;
        const char *why;
    } rows[] = {
        {{.users = twice, .users_len = 2}, "a user twice"},
        {{.users = &nameless, .users_len = 1}, "no name"},
        {{.users = &wordless, .users_len = 1}, "no password"},
        {{.users_len = 1}, "no users"},
        {{.users = &good, .users_len = 1, .realm = ""}, "an empty realm"},
        {{.users = &good, .users_len = 1, .realm = long_realm}, "a realm that fills each challenge"},
        {{.users = &good, .users_len = 1, .realm = "\xFF"}, "a realm that is no text"},
        {{.secret = ""}, "an empty secret"},
        {{.secret = "s"}, "a secret without a calendar"},
        {{.port_first = 5}, "half a range of ports"},
        {{.port_first = 6, .port_last = 5}, "a range that is none"},
        {{.relay_addrs = same, .relay_addrs_len = 2}, "two of a family"},
        {{.relay_addrs = &any, .relay_addrs_len = 1}, "an address that is none"},
        {{.allowed = &wide, .allowed_len = 1}, "33 bits"},
        {{.denied = &none, .denied_len = 1}, "a range of no family"},
        {{.denied_len = 1}, "no ranges"},
    };
    test_env t;
    test_env_init(&t, 7);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_turn_server *server = NULL;
        cr_expect_eq(hf_turn_server_new(&server, 0, &rows[i].config, &t.env), HF_EINVAL, "%s", rows[i].why);
        cr_expect_null(server);
    }
    cr_expect_eq(hf_turn_server_new(NULL, 0, &(hf_turn_server_config){0}, &t.env), HF_EINVAL);
    cr_expect_eq(t.blocks, 0);
    hf_turn_server_free(NULL);
}
