/* close.c: channels and connections end in order, from either side. */
#include "world.h"

#include <criterion/criterion.h>

static void connect_with(sim *s, uint64_t seed, hf_span delay)
{
    sim_init(s, &(sim_config){.seed = seed, .link.delay = delay});
    sim_open(&s->side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(s);
    cr_assert(sim_run(s, HF_SECONDS(10), sim_both_open));
}

static void closes_from(int side, uint64_t seed)
{
    sim s;
    connect_with(&s, seed, HF_MS(20));
    hf_peer_close(s.side[side].peer, s.now);
    sim_run(&s, s.now + HF_MS(200), NULL);
    cr_expect_eq(hf_peer_connection_state(s.side[side].peer), HF_CONNECTION_CLOSED);
    cr_expect(s.side[1 - side].remote_closed, "the other side was told");
    cr_expect_eq(s.side[1 - side].remote_closed_cause, HF_OK);
    cr_expect(sim_find(&s.side[1 - side], "chat")->closed);
    sim_clear(&s);
}

Test(sim_close, the_offerers_close_is_heard_by_the_answerer)
{
    closes_from(0, 1);
}

Test(sim_close, the_answerers_close_is_heard_by_the_offerer)
{
    closes_from(1, 2);
}

Test(sim_close, a_channel_delivers_what_it_accepted_before_it_closes)
{
    sim s;
    connect_with(&s, 3, HF_MS(20));
    sim_channel *channel = sim_find(&s.side[0], "chat");
    s.link.loss = 100;
    for (uint64_t k = 0; k < 100; k++)
        cr_assert_eq(sim_send_numbered(&s.side[0], channel, k, 3000), HF_OK);
    cr_assert_eq(hf_peer_close_channel(s.side[0].peer, s.now, channel->handle), HF_OK);
    cr_expect_eq(sim_send_numbered(&s.side[0], channel, 100, 3000), HF_ESTATE);
    sim_run(&s, s.now + HF_SECONDS(60), NULL);
    sim_channel *received = sim_find(&s.side[1], "chat");
    cr_expect_eq(received->messages, 100);
    cr_expect_eq(received->out_of_order, 0);
    cr_expect(received->closed && channel->closed);
    cr_expect_eq(hf_peer_connection_state(s.side[0].peer), HF_CONNECTION_CONNECTED, "the connection stays");
    sim_clear(&s);
}

Test(sim_close, both_sides_at_once_end_well)
{
    sim s;
    connect_with(&s, 4, HF_MS(20));
    hf_peer_close(s.side[0].peer, s.now);
    hf_peer_close(s.side[1].peer, s.now);
    sim_run(&s, s.now + HF_SECONDS(2), NULL);
    cr_expect_eq(hf_peer_connection_state(s.side[0].peer), HF_CONNECTION_CLOSED);
    cr_expect_eq(hf_peer_connection_state(s.side[1].peer), HF_CONNECTION_CLOSED);
    sim_clear(&s);
}

Test(sim_close, channels_come_and_go_without_end)
{
    sim s;
    connect_with(&s, 5, HF_MS(5));
    size_t before = 0;
    for (int round = 0; round < 60; round++) {
        sim_side *side = &s.side[round % 2];
        sim_channel *channel = sim_open(side, &(hf_datachannel_config){.label = "brief"});
        cr_assert_eq(sim_send_numbered(side, channel, 0, 100), HF_OK);
        cr_assert_eq(hf_peer_close_channel(side->peer, s.now, channel->handle), HF_OK);
        sim_run(&s, s.now + HF_SECONDS(1), NULL);
        cr_expect(channel->closed, "round %d", round);
        for (int i = 0; i < 2; i++)
            s.side[i].channels_len = 1; /* forget it: handles are never used again */
        if (round == 20)
            before = s.env[0].blocks + s.env[1].blocks;
    }
    cr_expect_leq(s.env[0].blocks + s.env[1].blocks, before + 4, "closed channels leave nothing behind");
    sim_clear(&s);
}

Test(sim_close, everything_that_was_allocated_is_given_back)
{
    sim s;
    connect_with(&s, 6, HF_MS(5));
    sim_run(&s, s.now + HF_SECONDS(5), NULL);
    sim_clear(&s);
    cr_expect_eq(s.env[0].blocks, 0);
    cr_expect_eq(s.env[1].blocks, 0);
}

#define OVERHEAD 66 /* of DTLS and SCTP on a DATA chunk */

static size_t payload; /* sent by side 0, roughly */

static void count_payload(sim *s, int from, const hf_datagram *datagram)
{
    (void)s;
    if (from == 0 && datagram->len > 500)
        payload += datagram->len - OVERHEAD;
}

static bool too_much_is_sent(sim *s)
{
    (void)s;
    return payload > HF_MESSAGE_MAX_DEFAULT;
}

/* A message that is too long ends the association; the sender's close is in the same turn. The cause is told. */
Test(sim_close, an_error_is_not_hidden_by_the_close_behind_it)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 12, .link.delay = HF_MS(20), .swap_message_max = "900000"});
    sim_channel *channel = sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    payload = 0;
    s.on_datagram = count_payload;
    cr_assert_eq(sim_send_numbered(&s.side[0], channel, 0, 300000), HF_OK, "longer than the remote takes");
    cr_assert(sim_run(&s, s.now + HF_SECONDS(5), too_much_is_sent));
    cr_assert_not(s.side[1].remote_closed, "it is on its way");
    hf_peer_close(s.side[0].peer, s.now);
    sim_run(&s, s.now + HF_SECONDS(1), NULL);
    cr_expect(s.side[1].remote_closed);
    cr_expect_eq(s.side[1].remote_closed_cause, HF_EMSGSIZE, "%s", hf_err_name(s.side[1].remote_closed_cause));
    sim_clear(&s);
}
