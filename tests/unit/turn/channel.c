/* channel.c: numbers that stand for peers. */
#include "fake.h"

#include <criterion/criterion.h>
#include <stdio.h>

static hf_addr bind_to(fake *f, const char *peer)
{
    hf_addr addr = fake_addr(peer);
    cr_assert_eq(hf_turn_client_bind(f->client, f->now, &addr), HF_OK);
    return addr;
}

static size_t overhead(fake *f, const hf_addr *peer)
{
    hf_wrap wrap;
    cr_assert_eq(hf_turn_client_wrap(f->client, peer, &wrap), HF_OK);
    return wrap.before;
}

Test(turn_channel, is_bound_with_its_permission_by_one_request)
{
    fake f;
    fake_init(&f, NULL);
    hf_addr peer = bind_to(&f, "198.51.100.7:7000");
    fake_allocate(&f);
    cr_expect_eq(f.by_method[HF_STUN_CHANNEL_BIND], 1);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 0, "RFC 8656 §12.2: it installs the permission, too");
    cr_expect(f.channel >= 0x4000 && f.channel <= 0x4FFF);
    cr_expect(hf_addr_equal(&f.channel_peer, &peer));
    cr_expect_eq(fake_event(&f, HF_TURN_PERMITTED).peer.port, 0);
    cr_expect_eq(fake_event(&f, HF_TURN_PERMITTED).peer.port, 7000);
    fake_no_event(&f);
    cr_expect_eq(overhead(&f, &peer), 4);
    hf_addr other_port = fake_addr("198.51.100.7:7001");
    cr_expect_eq(overhead(&f, &other_port), 36);

    fake_run(&f, HF_SECONDS(539));
    cr_expect_eq(f.by_method[HF_STUN_CHANNEL_BIND], 1);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 2, "which lasts for five minutes only");
    fake_run(&f, HF_SECONDS(1));
    cr_expect_eq(f.by_method[HF_STUN_CHANNEL_BIND], 2);
    fake_run(&f, HF_SECONDS(3600));
    cr_expect_eq(overhead(&f, &peer), 4);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_channel, data_comes_by_its_number)
{
    fake f;
    fake_init(&f, NULL);
    hf_addr peer = bind_to(&f, "198.51.100.7:7000");
    fake_allocate(&f);
    hf_addr relayed = fake_addr("192.0.2.15:50000");
    static const struct {
        const char *bytes;
        size_t len, data_len;
        bool is_data;
        const char *why;
    } table[] = {
        {"\x40\x00\x00\x05hello", 9, 5, true, "an odd length"},
        {"\x40\x00\x00\x05hello\0\0\0", 12, 5, true, "and padded"},
        {"\x40\x00\x00\x00", 4, 0, true, "nothing in it"},
        {"\x40\x00\x00\x06hello", 9, 0, false, "longer than its datagram"},
        {"\x40\x00\x00", 3, 0, false, "cut"},
        {"\x40", 1, 0, false, "cut"},
        {"\x40\x01\x00\x05hello", 9, 0, false, "of nobody's number"},
        {"\x50\x00\x00\x05hello", 9, 0, false, "of a number that can't be"},
        {"\x7f\xff\x00\x05hello", 9, 0, false, "of a number that can't be"},
        {"\x80\x00\x00\x05hello", 9, 0, false, "neither STUN nor ChannelData"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_turn_data data;
        cr_expect_eq(fake_input(&f, table[i].bytes, table[i].len, &data), table[i].is_data, "%s", table[i].why);
        if (!table[i].is_data)
            continue;
        cr_expect_eq(data.len, table[i].data_len);
        cr_expect_arr_eq(data.data, "hello", data.len);
        cr_expect(hf_addr_equal(&data.peer, &peer) && hf_addr_equal(&data.relayed, &relayed));
    }
    hf_turn_client_stats stats;
    hf_turn_client_get_stats(f.client, &stats);
    cr_expect_eq(stats.dropped, 7);
    fake_clear(&f);
}

Test(turn_channel, data_may_overtake_the_answer)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    hf_addr peer = bind_to(&f, "198.51.100.7:7000");
    hf_turn_data data;
    cr_expect_not(fake_input(&f, "\x40\x00\x00\x01x", 5, &data), "nothing was asked for yet");
    cr_assert(fake_take(&f));
    cr_expect(fake_input(&f, "\x40\x00\x00\x01x", 5, &data));
    hf_turn_client_forget(f.client, &peer);
    cr_expect_not(fake_input(&f, "\x40\x00\x00\x01x", 5, &data), "not wanted any more");
    fake_answer(&f);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_channel, that_is_refused_leaves_indications)
{
    fake f;
    fake_init(&f, NULL);
    f.code[HF_STUN_CHANNEL_BIND] = 400;
    hf_addr peer = bind_to(&f, "198.51.100.7:7000");
    fake_allocate(&f);
    cr_expect_eq(fake_event(&f, HF_TURN_PERMITTED).peer.port, 0);
    fake_no_event(&f);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 1);
    cr_expect_eq(overhead(&f, &peer), 36);
    fake_run(&f, HF_SECONDS(3600));
    cr_expect_eq(f.by_method[HF_STUN_CHANNEL_BIND], 1, "not asked for again");
    fake_clear(&f);
}

Test(turn_channel, to_a_peer_that_is_refused_is_none)
{
    fake f;
    fake_init(&f, NULL);
    f.code[HF_STUN_CHANNEL_BIND] = 403;
    hf_addr peer = bind_to(&f, "198.51.100.7:7000");
    hf_wrap wrap;
    fake_allocate(&f);
    hf_turn_client_event e = fake_event(&f, HF_TURN_REFUSED);
    cr_expect(e.code == 403 && hf_addr_equal_ip(&e.peer, &peer));
    cr_expect_eq(hf_turn_client_wrap(f.client, &peer, &wrap), HF_EREFUSED);
    (void)bind_to(&f, "198.51.100.7:7000");
    (void)bind_to(&f, "198.51.100.7:7001");
    fake_run(&f, HF_SECONDS(600));
    cr_expect_eq(f.by_method[HF_STUN_CHANNEL_BIND], 1);
    fake_clear(&f);
}

Test(turn_channel, a_number_is_given_to_another_peer_only_when_the_server_has_forgotten_it)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    hf_addr first = bind_to(&f, "198.51.100.7:7000");
    fake_talk(&f);
    uint16_t number = f.channel;
    hf_turn_client_forget(f.client, &first);
    hf_addr second = bind_to(&f, "198.51.100.8:7000");
    fake_talk(&f);
    cr_expect_neq(f.channel, number, "another peer has another one");
    (void)bind_to(&f, "198.51.100.7:7000");
    fake_run(&f, HF_SECONDS(541));
    hf_turn_client_forget(f.client, &first);
    fake_run(&f, HF_SECONDS(900) - HF_SECONDS(2));
    (void)bind_to(&f, "198.51.100.9:7000");
    fake_talk(&f);
    cr_expect_neq(f.channel, number, "RFC 8656 §12: ten minutes, and five more");
    fake_run(&f, HF_SECONDS(2));
    (void)bind_to(&f, "198.51.100.10:7000");
    fake_talk(&f);
    cr_expect_eq(f.channel, number);
    cr_expect_eq(overhead(&f, &second), 4);
    fake_clear(&f);
}

Test(turn_channel, has_a_limit)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    hf_addr peer = fake_addr("198.51.100.7:1");
    for (unsigned n = 0; n < HF_TURN_PEERS_MAX; n++) {
        peer.port = (uint16_t)(1 + n);
        cr_assert_eq(hf_turn_client_bind(f.client, f.now, &peer), HF_OK);
    }
    peer.port = 1000;
    cr_expect_eq(hf_turn_client_bind(f.client, f.now, &peer), HF_ELIMIT);
    fake_talk(&f);
    cr_expect_eq(f.by_method[HF_STUN_CHANNEL_BIND], HF_TURN_PEERS_MAX);
    cr_expect_eq(overhead(&f, &peer), 36, "there is the permission");
    fake_clear(&f);
}

Test(turn_channel, that_finds_no_allocation_tells_that_it_is_lost)
{
    fake f;
    fake_init(&f, NULL);
    f.code[HF_STUN_CHANNEL_BIND] = 437;
    fake_allocate(&f);
    (void)bind_to(&f, "198.51.100.7:7000");
    fake_talk(&f);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).code, 437);
    fake_clear(&f);
}
