/* Clients of a server that come by TCP: those who mean it, and those who mean harm. */
#include "desk.h"

#include "../../../src/turn/server_priv.h"

#include <criterion/criterion.h>
#include <string.h>

#define PEER "203.0.113.9:4000"

static desk_client connect_from(desk *d, const char *addr)
{
    desk_client c = desk_client_of(d, addr);
    c.path.transport = HF_TCP;
    desk_reply(d, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = c.path});
    desk_serve(d);
    return c;
}

Test(turn_stream, relays_both_ways)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = connect_from(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_assert_eq(desk_bind(&c, PEER, 0x4000), 0);
    desk_send_channel(&c, 0x4000, "hello"); /* padded: RFC 8656 §12.5 */
    desk_expect_to_peer(&d, &relayed, PEER, "hello");
    desk_peer_sends(&d, &relayed, PEER, "and back");
    desk_expect_channel_data(&c, 0x4000, "and back");
    desk_peer_sends(&d, &relayed, PEER, "x");
    desk_expect_channel_data(&c, 0x4000, "x");
    desk_peer_sends(&d, &relayed, "203.0.113.9:1", "no channel");
    desk_expect_indication(&c, "203.0.113.9:1", "no channel");
    desk_clear(&d);
}

Test(turn_stream, may_be_cut_anywhere)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = connect_from(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_assert_eq(desk_bind(&c, PEER, 0x4000), 0);
    static const char bytes[] = "\x40\x00\x00\x05hello\0\0\0\x40\x00\x00\x04more\x40\x00\x00\x01x\0\0\0";
    for (size_t cut = 1; cut <= sizeof bytes - 1; cut++) {
        for (size_t at = 0; at < sizeof bytes - 1; at += cut)
            desk_input(&d, &c.path, bytes + at, sizeof bytes - 1 - at < cut ? sizeof bytes - 1 - at : cut);
        desk_expect_to_peer(&d, &relayed, PEER, "hello");
        desk_expect_to_peer(&d, &relayed, PEER, "more");
        desk_expect_to_peer(&d, &relayed, PEER, "x");
        desk_expect_silence(&d);
    }
    desk_clear(&d);
}

Test(turn_stream, takes_its_allocation_with_it)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = connect_from(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = c.path});
    desk_serve(&d);
    cr_expect_eq(d.sockets_len, 0);
    cr_expect_eq(desk_stats(&d).allocations, 0);
    cr_expect_eq(d.disconnects, 0, "it is gone already");
    desk_input(&d, &c.path, "\x40", 1); /* a driver that errs */
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = c.path});
    desk_clear(&d);
}

Test(turn_stream, that_begins_anew_before_its_end_is_told_starts_with_nothing)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = connect_from(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    desk_input(&d, &c.path, "\x40", 1); /* a message that is cut */
    c = connect_from(&d, "192.0.2.7:5000");
    cr_expect_eq(desk_stats(&d).allocations, 0);
    cr_expect_eq(desk_allocate(&c), 0);
    desk_clear(&d);
}

Test(turn_stream, that_breaks_its_frames_is_closed)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } rows[] = {
        {"\x80\x00\x00\x00", 4, "neither STUN nor ChannelData"},
        {"GET / HTTP/1.1\r\n\r\n", 18, "something else altogether"},
        {"\x40\x00\xff\xff", 4, "ChannelData longer than any datagram"},
        {"\x00\x01\x00\x03\x21\x12\xa4\x42", 8, "STUN of a length that is none"},
        {"\x00\x01\xff\xfc\x21\x12\xa4\x42", 8, "STUN longer than any datagram"},
    };
    desk d;
    desk_init(&d, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_client c = connect_from(&d, "192.0.2.7:5000");
        cr_assert_eq(desk_allocate(&c), 0);
        desk_input(&d, &c.path, rows[i].bytes, rows[i].len);
        cr_expect_eq(d.disconnects, i + 1, "%s", rows[i].why);
        cr_expect(hf_turn_path_equal(&d.disconnected, &c.path), "%s", rows[i].why);
        cr_expect_eq(d.sockets_len, 0, "%s", rows[i].why);
    }
    desk_clear(&d);
}

/* Slow loris: a byte now and then, and never a whole message. */
Test(turn_stream, that_never_comes_to_the_point_is_closed)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = connect_from(&d, "192.0.2.7:5000"), honest = connect_from(&d, "192.0.2.8:5000");
    cr_assert_eq(desk_allocate(&honest), 0);
    static const uint8_t header[] = {0, 1, 4, 0, 0x21, 0x12, 0xA4, 0x42};
    for (int second = 0; second < 30; second++) {
        cr_expect_eq(d.disconnects, 0, "after %d s", second);
        desk_input(&d, &c.path, second < 8 ? header + second : (const uint8_t[]){0}, 1);
        desk_run(&d, HF_SECONDS(1));
    }
    cr_expect_eq(d.disconnects, 1);
    cr_expect(hf_turn_path_equal(&d.disconnected, &c.path));
    desk_run(&d, HF_SECONDS(500));
    cr_expect_eq(d.disconnects, 1, "who has an allocation may be silent");
    desk_run(&d, HF_SECONDS(131)); /* it ends, and the stream after its grace */
    cr_expect_eq(d.disconnects, 2);
    cr_expect_eq(hf_turn_server_deadline(d.server), HF_NEVER);
    desk_clear(&d);
}

Test(turn_stream, of_requests_alone_is_not_a_reason_to_stay)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = connect_from(&d, "192.0.2.7:5000");
    for (int second = 0; second < 30; second++) {
        desk_begin(&c, HF_STUN_REQUEST, HF_STUN_BINDING);
        cr_expect_eq(desk_ask(&c), 0);
        desk_run(&d, HF_SECONDS(1));
    }
    cr_expect_eq(d.disconnects, 1);
    desk_clear(&d);
}

/* Thousands that say nothing: the oldest make room, and whoever has an allocation is not touched. */
Test(turn_stream, of_thousands_the_silent_ones_make_room)
{
    desk d;
    hf_path path;
    desk_init(&d, NULL);
    desk_client honest = connect_from(&d, "192.0.2.8:5000");
    cr_assert_eq(desk_allocate(&honest), 0);
    path = honest.path;
    path.remote = desk_addr("192.0.2.66:1");
    hf_path first = path;
    for (unsigned i = 0; i < 5000; i++) {
        path.remote.port = (uint16_t)(1 + i);
        desk_reply(&d, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = path});
        desk_serve(&d);
        if (i == TURN_STREAMS_MAX)
            cr_expect(hf_turn_path_equal(&d.disconnected, &first), "the oldest goes first");
    }
    cr_expect_eq(d.disconnects, 5000 - TURN_STREAMS_MAX);
    cr_expect_leq(d.env.blocks, TURN_STREAMS_MAX + 64, "memory is bounded");
    cr_expect_eq(desk_permit(&honest, PEER), 0);
    desk_client late = connect_from(&d, "192.0.2.9:5000");
    cr_expect_eq(desk_allocate(&late), 0, "and whoever comes to the point gets in");
    desk_run(&d, HF_SECONDS(30));
    cr_expect_eq(d.disconnects, 5000, "then the others go, too");
    desk_clear(&d);
}

Test(turn_stream, that_could_not_be_opened_is_none)
{
    desk d;
    desk_init(&d, NULL);
    hf_path path = desk_path("192.0.2.7:5000");
    path.transport = HF_TCP;
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_CONNECTED, .err = HF_EIO, .path = path});
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_CONNECTED, .id = 7, .path = path});
    cr_expect_eq(hf_turn_server_deadline(d.server), HF_NEVER);
    desk_clear(&d);
}
