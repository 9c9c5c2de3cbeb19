/* Data through a server: permissions, channels, both ways (RFC 8656 §9 to §12). */
#include "desk.h"

#include <criterion/criterion.h>

#define PEER "203.0.113.9:4000"

Test(turn_server, relays_by_indications_once_a_peer_is_permitted)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_expect(desk_has_socket(&d, &relayed));

    desk_send(&c, PEER, "too early");
    desk_peer_sends(&d, &relayed, PEER, "too early");
    desk_expect_silence(&d);

    cr_assert_eq(desk_permit(&c, PEER), 0);
    desk_send(&c, PEER, "hello");
    desk_expect_to_peer(&d, &relayed, PEER, "hello");
    desk_peer_sends(&d, &relayed, PEER, "hello yourself");
    desk_expect_indication(&c, PEER, "hello yourself");
    desk_peer_sends(&d, &relayed, "203.0.113.9:4001", "another port"); /* permissions are of the IP: RFC 8656 §9 */
    desk_expect_indication(&c, "203.0.113.9:4001", "another port");
    desk_peer_sends(&d, &relayed, "203.0.113.10:4000", "another address");
    desk_expect_silence(&d);

    hf_turn_server_stats stats = desk_stats(&d);
    cr_expect_eq(stats.to_peers_packets, 1);
    cr_expect_eq(stats.to_peers_bytes, 5);
    cr_expect_eq(stats.to_clients_packets, 2);
    cr_expect_eq(stats.dropped, 3);
    desk_clear(&d);
}

Test(turn_server, relays_by_channels)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_assert_eq(desk_bind(&c, PEER, 0x4001), 0);

    desk_send_channel(&c, 0x4001, "hello");
    desk_expect_to_peer(&d, &relayed, PEER, "hello");
    desk_peer_sends(&d, &relayed, PEER, "hello yourself");
    desk_expect_channel_data(&c, 0x4001, "hello yourself");
    desk_peer_sends(&d, &relayed, "203.0.113.9:4001", "no channel");
    desk_expect_indication(&c, "203.0.113.9:4001", "no channel");
    desk_send_channel(&c, 0x4002, "nobody's");
    desk_expect_silence(&d);
    desk_clear(&d);
}

Test(turn_server, ends_permissions_after_five_minutes_and_channels_after_ten)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_assert_eq(desk_allocate(&c), 0);
    hf_addr relayed = desk_relayed(&c);
    cr_assert_eq(desk_bind(&c, PEER, 0x4001), 0);

    desk_run(&d, HF_SECONDS(300) - 1);
    desk_peer_sends(&d, &relayed, PEER, "in time");
    desk_expect_channel_data(&c, 0x4001, "in time");
    desk_run(&d, 1);
    desk_peer_sends(&d, &relayed, PEER, "late");
    desk_expect_silence(&d);

    cr_assert_eq(desk_refresh(&c, 600), 0);
    cr_assert_eq(desk_permit(&c, PEER), 0);
    desk_run(&d, HF_SECONDS(299));
    desk_peer_sends(&d, &relayed, PEER, "still a channel");
    desk_expect_channel_data(&c, 0x4001, "still a channel");
    desk_send_channel(&c, 0x4001, "hello");
    desk_expect_to_peer(&d, &relayed, PEER, "hello");
    cr_assert_eq(desk_permit(&c, PEER), 0);
    desk_run(&d, HF_SECONDS(1));
    desk_send_channel(&c, 0x4001, "no more");
    desk_expect_silence(&d);
    desk_peer_sends(&d, &relayed, PEER, "an indication now");
    desk_expect_indication(&c, PEER, "an indication now");
    desk_clear(&d);
}
