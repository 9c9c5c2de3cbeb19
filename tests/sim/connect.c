/* connect.c: two peers find each other, agree, and talk. */
#include "world.h"

#include <criterion/criterion.h>

static const hf_datachannel_config plain = {.label = "chat"};

Test(sim_connect, takes_no_more_round_trips_than_it_must)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 1, .link.delay = HF_MS(50), .signalling = HF_MS(50)});
    sim_open(&s.side[0], &plain);
    hf_time began = s.now;
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));

    /* Offer and answer: 1 round trip. A check and its answer: 1. DTLS 1.2: 2. SCTP until OPEN is there: 1.5 more. */
    hf_span took = s.now - began;
    cr_expect_leq(took, HF_MS(600), "took %lld ms", (long long)(took / 1000));
    sim_clear(&s);
}

Test(sim_connect, works_without_trickling)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 2, .link.delay = HF_MS(10), .no_trickle = true, .ipv6 = true});
    sim_open(&s.side[0], &plain);
    sim_connect(&s);
    cr_expect(sim_run(&s, HF_SECONDS(10), sim_both_open));
    sim_clear(&s);
}

Test(sim_connect, tells_states_in_the_words_of_the_w3c)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 3, .link.delay = HF_MS(10)});
    sim_open(&s.side[0], &plain);
    cr_expect_eq(hf_peer_connection_state(s.side[0].peer), HF_CONNECTION_NEW);
    sim_connect(&s);
    cr_expect_eq(hf_peer_signaling_state(s.side[0].peer), HF_SIGNALING_HAVE_LOCAL_OFFER);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(hf_peer_signaling_state(s.side[i].peer), HF_SIGNALING_STABLE);
        cr_expect_eq(hf_peer_connection_state(s.side[i].peer), HF_CONNECTION_CONNECTED);
        cr_expect_eq(hf_peer_ice_gathering_state(s.side[i].peer), HF_ICE_GATHERING_COMPLETE);
    }
    sim_run(&s, s.now + HF_SECONDS(5), NULL);
    cr_expect_eq(hf_peer_ice_connection_state(s.side[0].peer), HF_ICE_COMPLETED);
    cr_expect_eq(hf_peer_ice_connection_state(s.side[1].peer), HF_ICE_COMPLETED);
    sim_clear(&s);
}

Test(sim_connect, shows_every_property_of_a_channel_on_the_other_side)
{
    static const hf_datachannel_config configs[] = {
        {.label = "plain"},
        {.label = "unordered", .unordered = true},
        {.label = "rtx", .reliability = HF_MAX_RETRANSMITS, .reliability_limit = 3},
        {.label = "rtx0", .unordered = true, .reliability = HF_MAX_RETRANSMITS},
        {.label = "ttl", .reliability = HF_MAX_LIFETIME, .reliability_limit = 250},
        {.label = "protocol", .protocol = "chat.v1", .priority = 512},
        {.label = "", .protocol = ""},
        {.label = "h\xC3\xA9l\xC3\xA8ne"},
    };
    const size_t n = sizeof configs / sizeof configs[0];
    sim s;
    sim_init(&s, &(sim_config){.seed = 4, .link.delay = HF_MS(5)});
    for (size_t i = 0; i < n; i++)
        sim_open(&s.side[0], &configs[i]);
    sim_connect(&s);
    sim_run(&s, HF_SECONDS(3), NULL);
    cr_assert_eq(s.side[1].channels_len, n);
    for (size_t i = 0; i < n; i++) {
        hf_datachannel_info info;
        sim_channel *channel = sim_find(&s.side[1], configs[i].label);
        cr_assert_not_null(channel, "%s", configs[i].label);
        cr_assert_eq(hf_peer_channel_info(s.side[1].peer, channel->handle, &info), HF_OK);
        cr_expect_eq(info.unordered, configs[i].unordered, "%s", configs[i].label);
        cr_expect_eq(info.reliability, configs[i].reliability, "%s", configs[i].label);
        cr_expect_eq(info.reliability_limit, configs[i].reliability_limit, "%s", configs[i].label);
        cr_expect_str_eq(info.protocol, configs[i].protocol ? configs[i].protocol : "");
        cr_expect(info.remote && info.has_id);
        cr_expect_eq(info.state, HF_DATACHANNEL_OPEN);
    }
    sim_clear(&s);
}

Test(sim_connect, passes_messages_of_every_size_both_ways)
{
    static const size_t sizes[] = {8, 9, 100, 1024, 1160, 1161, 16384, 65535, 65536, 65537, 262144};
    const size_t n = sizeof sizes / sizeof sizes[0];
    sim s;
    sim_init(&s, &(sim_config){.seed = 5, .link.delay = HF_MS(5)});
    sim_channel *channel = sim_open(&s.side[0], &plain);
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    s.side[1].echo = true;
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(sim_send_numbered(&s.side[0], channel, i, sizes[i]), HF_OK);
    cr_expect_eq(hf_peer_send(s.side[0].peer, s.now, channel->handle, HF_TEXT, "", 0), HF_OK);
    cr_expect_eq(hf_peer_send(s.side[0].peer, s.now, channel->handle, HF_BINARY, NULL, 0), HF_OK);
    sim_run(&s, s.now + HF_SECONDS(10), NULL);
    cr_expect_eq(sim_find(&s.side[1], "chat")->messages, n + 2);
    cr_expect_eq(channel->messages, n + 2);
    cr_expect_eq(channel->out_of_order, 0);
    sim_clear(&s);
}

Test(sim_connect, refuses_what_makes_no_sense_by_name)
{
    sim s;
    const char *sdp;
    hf_datachannel handle;
    sim_init(&s, &(sim_config){.seed = 6, .link.delay = HF_MS(5)});
    hf_peer *peer = s.side[0].peer;
    cr_expect_eq(hf_peer_create_answer(peer, s.now, &sdp), HF_ESTATE);
    cr_expect_eq(hf_peer_set_local_description(peer, s.now, HF_SDP_ANSWER, NULL), HF_ESTATE);
    cr_expect_eq(hf_peer_set_local_description(peer, s.now, HF_SDP_OFFER, "v=0\r\n"), HF_EINVAL);
    cr_expect_eq(hf_peer_set_remote_description(peer, s.now, HF_SDP_ANSWER, "v=0\r\n"), HF_ESTATE);
    cr_expect_eq(hf_peer_set_remote_description(peer, s.now, HF_SDP_OFFER, "v=0\r\ngarbage"), HF_ESYNTAX);
    cr_expect_neq(hf_peer_error_text(peer)[0], '\0');
    cr_expect_eq(hf_peer_signaling_state(peer), HF_SIGNALING_STABLE);
    cr_expect_eq(hf_peer_send(peer, s.now, 99, HF_TEXT, "x", 1), HF_ENOENT);
    cr_expect_eq(hf_peer_open_channel(peer, s.now, &(hf_datachannel_config){.negotiated = true, .id = 1024}, &handle),
                 HF_ELIMIT);
    cr_expect_eq(hf_peer_open_channel(peer, s.now, &(hf_datachannel_config){.label = "\xFF"}, &handle), HF_EINVAL);
    hf_peer_close(peer, s.now);
    cr_expect_eq(hf_peer_create_offer(peer, s.now, &sdp), HF_ECLOSED);
    cr_expect_eq(hf_peer_open_channel(peer, s.now, NULL, &handle), HF_ECLOSED);
    cr_expect_eq(hf_peer_add_ice_candidate(peer, s.now, "x", NULL, NULL), HF_ECLOSED);
    sim_clear(&s);
}

/* RFC 8842 §5.3: each part that an offer may take for its own, and that a restart keeps it. */
static void connects_as(const char *setup, bool answerer_is_client)
{
    sim s;
    hf_peer_stats stats;
    sim_init(&s, &(sim_config){.seed = 9, .link.delay = HF_MS(10), .offer_setup = setup, .negotiate = true});
    sim_channel *channel = sim_open(&s.side[0], &plain);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open), "%s", setup);
    for (int i = 0; i < 2; i++) {
        hf_peer_get_stats(s.side[i].peer, &stats);
        cr_expect_eq(stats.dtls_client, answerer_is_client == (i == 1), "%s", setup);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hf_peer_restart_ice(s.side[0].peer, s.now), HF_OK);
        sim_run(&s, s.now + HF_SECONDS(2), NULL);
        cr_expect_eq(sim_send_numbered(&s.side[0], channel, (uint64_t)i, 100), HF_OK);
    }
    sim_run(&s, s.now + HF_SECONDS(1), NULL);
    cr_expect_eq(sim_find(&s.side[1], "chat")->messages, 2, "%s", setup);
    cr_expect_eq(s.side[0].offers, 3);
    sim_clear(&s);
}

Test(sim_connect, to_an_offer_that_is_active_the_answerer_is_the_server)
{
    connects_as("active", false);
}

Test(sim_connect, to_an_offer_that_is_passive_the_answerer_is_the_client)
{
    connects_as("passive", true);
}
