/* network.c: loss, duplication, reordering, corruption and outages, over many seeds. */
#include "world.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define MESSAGES 200

static bool all_arrived(sim *s)
{
    for (int i = 0; i < 2; i++) {
        sim_channel *channel = sim_find(&s->side[i], "ordered");
        sim_channel *loose = sim_find(&s->side[i], "unordered");
        if (!channel || !loose || channel->messages < MESSAGES || loose->messages < MESSAGES)
            return false;
    }
    return true;
}

static void send_to_each_other(sim *s)
{
    for (int i = 0; i < 2; i++) {
        for (uint64_t k = 0; k < MESSAGES; k++) {
            size_t size = 8 + sim_random(s, k % 20 == 0 ? 30000 : 300);
            cr_assert_eq(sim_send_numbered(&s->side[i], sim_find(&s->side[i], "ordered"), k, size), HF_OK);
            cr_assert_eq(sim_send_numbered(&s->side[i], sim_find(&s->side[i], "unordered"), k, 8 + size % 500), HF_OK);
        }
    }
}

typedef struct weather {
    uint64_t seed;
    sim_link link;
} weather;

ParameterizedTestParameters(sim_network, brings_every_reliable_message_once)
{
    static weather all[] = {
        {1, {.delay = HF_MS(20), .loss = 50}},
        {2, {.delay = HF_MS(20), .loss = 100, .jitter = HF_MS(30)}},
        {3, {.delay = HF_MS(20), .loss = 200, .duplicate = 100}},
        {4, {.delay = HF_MS(50), .loss = 300}},
        {5, {.delay = HF_MS(5), .duplicate = 500, .jitter = HF_MS(20)}},
        {6, {.delay = HF_MS(100), .jitter = HF_MS(200)}},
        {7, {.delay = HF_MS(20), .corrupt = 100}},
        {8, {.delay = HF_MS(20), .loss = 100, .corrupt = 50, .duplicate = 50, .jitter = HF_MS(40)}},
        {9, {.delay = HF_MS(300), .loss = 50}},
        {10, {.delay = 0, .loss = 100}},
    };
    return cr_make_param_array(weather, all, sizeof all / sizeof all[0]);
}

ParameterizedTest(weather *w, sim_network, brings_every_reliable_message_once, .timeout = 120)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = w->seed, .link = w->link, .signalling = HF_MS(20)});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "ordered"});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "unordered", .unordered = true});
    s.link.corrupt = 0; /* a handshake that was tampered with ends in a refusal, as it must */
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(120), sim_both_open), "seed %d: not connected", (int)w->seed);
    s.link.corrupt = w->link.corrupt;
    sim_run(&s, s.now + HF_SECONDS(20), NULL);
    cr_assert(sim_find(&s.side[1], "ordered") && sim_find(&s.side[1], "unordered"));
    send_to_each_other(&s);
    cr_expect(sim_run(&s, s.now + HF_SECONDS(600), all_arrived), "seed %d: something is missing", (int)w->seed);
    sim_run(&s, s.now + HF_SECONDS(5), NULL);
    for (int i = 0; i < 2; i++) {
        sim_channel *ordered = sim_find(&s.side[i], "ordered"), *loose = sim_find(&s.side[i], "unordered");
        cr_expect_eq(ordered->messages, MESSAGES);
        cr_expect_eq(ordered->out_of_order, 0);
        cr_expect_eq(ordered->doubled, 0);
        cr_expect_eq(loose->messages, MESSAGES);
        cr_expect_eq(loose->doubled, 0);
    }
    sim_clear(&s);
}

Test(sim_network, half_of_all_packets_lost_still_connects, .timeout = 120)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 77, .link = {.delay = HF_MS(20), .loss = 500}, .signalling = HF_MS(20)});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_expect(sim_run(&s, HF_SECONDS(60), sim_both_open));
    sim_clear(&s);
}

Test(sim_network, an_unreliable_channel_repeats_nothing)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 21, .link = {.delay = HF_MS(20)}});
    sim_channel *channel = sim_open(
        &s.side[0], &(hf_datachannel_config){.label = "cursor", .unordered = true, .reliability = HF_MAX_RETRANSMITS});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    s.link.loss = 200;
    for (uint64_t k = 0; k < 500; k++) {
        cr_assert_eq(sim_send_numbered(&s.side[0], channel, k, 50), HF_OK);
        sim_run(&s, s.now + HF_MS(33), NULL);
    }
    s.link.loss = 0;
    sim_run(&s, s.now + HF_SECONDS(5), NULL);
    sim_channel *received = sim_find(&s.side[1], "cursor");
    cr_expect_gt(received->messages, 300);
    cr_expect_lt(received->messages, 480, "a fifth was lost, and nothing was sent again");
    cr_expect_eq(received->doubled, 0);
    cr_assert_eq(sim_send_numbered(&s.side[0], channel, 1000, 50), HF_OK);
    sim_run(&s, s.now + HF_SECONDS(2), NULL);
    cr_expect_eq(received->next, 1001, "the channel lives on");
    sim_clear(&s);
}

static bool is_disconnected(sim *s)
{
    return hf_peer_connection_state(s->side[0].peer) == HF_CONNECTION_DISCONNECTED &&
           hf_peer_connection_state(s->side[1].peer) == HF_CONNECTION_DISCONNECTED;
}

static bool is_connected(sim *s)
{
    return hf_peer_connection_state(s->side[0].peer) == HF_CONNECTION_CONNECTED &&
           hf_peer_connection_state(s->side[1].peer) == HF_CONNECTION_CONNECTED;
}

Test(sim_network, a_cut_of_twenty_seconds_is_told_and_survived)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 31, .link = {.delay = HF_MS(20)}});
    sim_channel *channel = sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    sim_run(&s, s.now + HF_SECONDS(10), NULL);
    s.link.cut = true;
    hf_time cut_at = s.now;
    for (uint64_t k = 0; k < 50; k++)
        cr_assert_eq(sim_send_numbered(&s.side[0], channel, k, 1000), HF_OK);
    cr_expect(sim_run(&s, s.now + HF_SECONDS(20), is_disconnected), "nobody noticed");
    sim_run(&s, cut_at + HF_SECONDS(20), NULL);
    s.link.cut = false;
    cr_expect(sim_run(&s, s.now + HF_SECONDS(10), is_connected));
    sim_run(&s, s.now + HF_SECONDS(10), NULL);
    cr_expect_eq(sim_find(&s.side[1], "chat")->messages, 50);
    cr_expect_eq(sim_find(&s.side[1], "chat")->out_of_order, 0);
    sim_clear(&s);
}

Test(sim_network, when_consent_expires_nothing_more_is_sent)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 32, .link = {.delay = HF_MS(20)}});
    sim_channel *channel = sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    s.link.cut = true;
    cr_expect_eq(sim_send_numbered(&s.side[0], channel, 0, 1000), HF_OK);
    cr_expect(sim_run(&s, s.now + HF_SECONDS(60), sim_someone_failed));
    cr_expect(s.side[0].failed_cause == HF_ECONSENT || s.side[1].failed_cause == HF_ECONSENT);
    sim_run(&s, s.now + HF_SECONDS(10), NULL);
    uint64_t sent = s.datagrams;
    sim_run(&s, s.now + HF_SECONDS(60), NULL);
    cr_expect_eq(s.datagrams, sent);
    sim_clear(&s);
}

Test(sim_network, idle_peers_exchange_nothing_but_consent)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 33, .link = {.delay = HF_MS(20)}});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    sim_run(&s, s.now + HF_SECONDS(30), NULL);
    uint64_t sent = s.datagrams;
    sim_run(&s, s.now + HF_SECONDS(600), NULL);
    cr_expect_leq(s.datagrams - sent, 2 * 2 * 600 / 4, "a check and its answer, each side, at most each 4 s");
    cr_expect_eq(hf_peer_connection_state(s.side[0].peer), HF_CONNECTION_CONNECTED);
    sim_clear(&s);
}
