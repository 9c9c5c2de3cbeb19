/* tcp.c: whole peers over TCP (RFC 6544): where UDP is blocked, where streams are cut and reset, and back to UDP. */
#include "world.h"

#include <criterion/criterion.h>

static const hf_datachannel_config plain = {.label = "chat"};

static bool blocks_udp(sim *s, int from, const hf_datagram *datagram)
{
    (void)s;
    (void)from;
    return datagram->path.transport == HF_UDP;
}

/* Side 1 listens; side 0 connects to it. */
static void begin(sim *s, const sim_config *config, bool udp_works)
{
    sim_config listening = *config;
    listening.tcp[1] = HF_ICE_TCP_LISTEN;
    listening.negotiate = true;
    sim_init(s, &listening);
    s->loses = udp_works ? NULL : blocks_udp;
    sim_open(&s->side[0], &plain);
    cr_assert(sim_run(s, HF_SECONDS(20), sim_both_open));
}

static void expect_route(sim *s, hf_transport transport)
{
    hf_peer_stats stats[2];
    for (int i = 0; i < 2; i++) {
        hf_peer_get_stats(s->side[i].peer, &stats[i]);
        cr_assert(stats[i].has_route, "side %d", i);
        cr_expect_eq(stats[i].route.path.transport, transport, "side %d", i);
    }
    cr_expect(hf_addr_equal(&stats[0].route.path.local, &stats[1].route.path.remote));
    cr_expect(hf_addr_equal(&stats[0].route.path.remote, &stats[1].route.path.local));
}

static hf_ice_pair_info selected_pair(sim_side *side)
{
    hf_ice_pair_info pair;
    for (size_t i = 0; hf_peer_get_pair(side->peer, i, &pair); i++) {
        if (pair.selected)
            return pair;
    }
    cr_assert_fail("no pair is selected");
    return pair;
}

/* What the one has sent has come to the other, in the statistics of their pairs, too; headers of frames are none of it. */
static void expect_counted(sim *s, uint64_t least)
{
    sim_run(s, s->now + HF_MS(500), NULL);
    for (int i = 0; i < 2; i++) {
        hf_ice_pair_info here = selected_pair(&s->side[i]), there = selected_pair(&s->side[1 - i]);
        cr_expect_geq(here.bytes_sent, least, "side %d", i);
        cr_expect_eq(here.bytes_sent, there.bytes_received, "side %d", i);
        cr_expect_eq(here.packets_sent, there.packets_received, "side %d", i);
        cr_expect_gt(here.received_at, HF_SECONDS(1), "side %d", i);
    }
}

/* Numbered messages of both sides, whose bytes the receiver compares. */
#define MESSAGE_SIZE 16384

static uint64_t wanted, sent[2];

static bool exchange(sim *s)
{
    bool done = true;
    for (int i = 0; i < 2; i++) {
        sim_channel *channel = sim_find(&s->side[i], "chat");
        while (sent[i] < wanted && sim_send_numbered(&s->side[i], channel, sent[i], MESSAGE_SIZE) == HF_OK)
            sent[i]++;
        done = done && channel->messages == wanted;
    }
    return done;
}

static void expect_exchange(sim *s, uint64_t messages, hf_span patience)
{
    wanted += messages;
    cr_assert(sim_run(s, s->now + patience, exchange), "%d and %d messages of %d arrived",
              (int)sim_find(&s->side[0], "chat")->messages, (int)sim_find(&s->side[1], "chat")->messages, (int)wanted);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(sim_find(&s->side[i], "chat")->out_of_order, 0, "side %d", i);
}

Test(sim_tcp, carries_a_mebibyte_each_way_where_udp_is_blocked)
{
    static const struct {
        size_t piece_max;
        bool no_udp;
        const char *why;
    } rows[] = {
        {0, false, "pieces of some frames"},
        {0, true, "neither side has candidates over UDP"},
        {100, false, "frames are cut several times"},
        {1, false, "one byte at a time"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sim s;
        wanted = sent[0] = sent[1] = 0;
        begin(&s,
              &(sim_config){.seed = i,
                            .link = {.delay = HF_MS(10), .jitter = HF_MS(3)},
                            .piece_max = rows[i].piece_max,
                            .no_udp = {rows[i].no_udp, rows[i].no_udp}},
              rows[i].no_udp);
        expect_exchange(&s, 64, HF_SECONDS(20));
        expect_route(&s, HF_TCP);
        expect_counted(&s, wanted * MESSAGE_SIZE);
        for (int side = 0; side < 2; side++) {
            hf_peer_stats stats;
            hf_peer_get_stats(s.side[side].peer, &stats);
            cr_expect_geq(stats.bytes_received, wanted * MESSAGE_SIZE, "%s", rows[i].why);
            cr_expect_eq(stats.streams_opened, side == 0, "%s", rows[i].why);
            cr_expect_eq(stats.streams_accepted, side == 1, "%s", rows[i].why);
            cr_expect_eq(stats.streams_failed, 0, "%s", rows[i].why);
            cr_expect_eq(s.side[side].host.streams_len, 1, "%s", rows[i].why);
            cr_expect_not(s.side[side].unsteady, "%s", rows[i].why);
        }
        sim_clear(&s);
    }
}

Test(sim_tcp, is_left_for_udp_where_that_works)
{
    sim s;
    begin(&s, &(sim_config){.seed = 1, .link.delay = HF_MS(20)}, true);
    sim_run(&s, s.now + HF_SECONDS(5), NULL);
    expect_route(&s, HF_UDP);
    sim_run(&s, s.now + HF_SECONDS(60), NULL);
    expect_route(&s, HF_UDP);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(s.side[i].host.streams_len, 0, "side %d closed what is not needed (RFC 6544 §8)", i);
        cr_expect_not(s.side[i].unsteady, "side %d", i);
    }
    sim_clear(&s);
}

Test(sim_tcp, that_is_reset_comes_back_and_loses_nothing_reliable)
{
    sim s;
    wanted = sent[0] = sent[1] = 0;
    begin(&s, &(sim_config){.seed = 2, .link.delay = HF_MS(20), .piece_max = 700}, false);
    for (int i = 0; i < 5; i++) {
        size_t asked = s.side[0].host.streams_asked;
        wanted += 64;
        cr_assert_not(sim_run(&s, s.now + HF_MS(70), exchange), "it breaks in the middle");
        sim_reset_streams(&s);
        expect_exchange(&s, 0, HF_SECONDS(20));
        expect_route(&s, HF_TCP);
        cr_expect_gt(s.side[0].host.streams_asked, asked, "RFC 6544 §10.1: opened again by the side that had opened it");
    }
    sim_clear(&s);
}

Test(sim_tcp, that_is_reset_gives_way_to_udp_where_that_works_now)
{
    sim s;
    wanted = sent[0] = sent[1] = 0;
    begin(&s, &(sim_config){.seed = 3, .link.delay = HF_MS(20)}, false);
    wanted = 64;
    sim_run(&s, s.now + HF_MS(70), exchange);
    s.loses = NULL;
    s.side[1].host.refuses_streams = true;
    sim_reset_streams(&s);
    expect_exchange(&s, 0, HF_SECONDS(20));
    expect_route(&s, HF_UDP);
    sim_clear(&s);
}

Test(sim_tcp, that_falls_silent_fails_with_its_consent_and_a_restart_brings_it_back)
{
    sim s;
    wanted = sent[0] = sent[1] = 0;
    begin(&s, &(sim_config){.seed = 4, .link.delay = HF_MS(20), .signalling = HF_MS(50)}, false);
    expect_exchange(&s, 4, HF_SECONDS(5));
    sim_run(&s, s.now + HF_SECONDS(5), NULL); /* it is nominated */
    s.link.cut = true;
    sim_run(&s, s.now + HF_SECONDS(60), NULL);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(s.side[i].failed_cause, HF_ECONSENT, "side %d", i);
        cr_expect_eq(s.side[i].host.streams_len, 0, "side %d", i);
    }
    s.link.cut = false;
    cr_assert_eq(hf_peer_restart_ice(s.side[0].peer, s.now), HF_OK);
    expect_exchange(&s, 4, HF_SECONDS(20));
    expect_route(&s, HF_TCP);
    sim_clear(&s);
}

Test(sim_tcp, that_is_refused_is_a_connection_that_failed)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 5, .link.delay = HF_MS(20), .tcp[1] = HF_ICE_TCP_LISTEN, .no_udp = {true, true}});
    s.side[1].host.refuses_streams = true;
    sim_open(&s.side[0], &plain);
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(60), sim_someone_failed));
    cr_expect_geq(s.side[0].host.streams_asked, 1);
    cr_expect_leq(s.side[0].host.streams_asked, 8, "it is not opened again and again");
    sim_clear(&s);
}

/* Data is never longer than the MTU says, whatever is framed; and what the MTU leaves room for is used. */
static size_t frame_most;

static void measure(sim *s, int from, const hf_datagram *frame)
{
    (void)s;
    (void)from;
    cr_assert_eq((size_t)(frame->data[0] << 8 | frame->data[1]) + 2, frame->len, "a run is cut where frames begin");
    if (frame->len - 2 > frame_most)
        frame_most = frame->len - 2;
}

Test(sim_tcp, frames_keep_to_the_mtu)
{
    static const size_t mtus[] = {576, HF_MTU_DEFAULT, HF_DATAGRAM_MAX};
    for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
        sim s;
        wanted = sent[0] = sent[1] = frame_most = 0;
        begin(&s, &(sim_config){.seed = 6, .link.delay = HF_MS(5), .mtu = mtus[i], .no_udp = {true, true}}, true);
        s.on_datagram = measure;
        expect_exchange(&s, 8, HF_SECONDS(10));
        cr_expect_leq(frame_most, mtus[i]);
        cr_expect_geq(frame_most, mtus[i] - 64);
        sim_clear(&s);
    }
}

Test(sim_tcp, restarts_of_ice_from_either_side_lose_nothing)
{
    sim s;
    wanted = sent[0] = sent[1] = 0;
    begin(&s, &(sim_config){.seed = 7, .link.delay = HF_MS(20), .signalling = HF_MS(100), .piece_max = 900}, false);
    for (int i = 0; i < 4; i++) {
        hf_peer_stats before, after;
        hf_peer_get_stats(s.side[0].peer, &before);
        cr_assert_eq(hf_peer_restart_ice(s.side[i % 2].peer, s.now), HF_OK);
        expect_exchange(&s, 64, HF_SECONDS(20));
        sim_run(&s, s.now + HF_SECONDS(20), NULL); /* behind the end of the old streams */
        expect_exchange(&s, 4, HF_SECONDS(10));
        expect_route(&s, HF_TCP);
        hf_peer_get_stats(s.side[0].peer, &after);
        cr_expect_neq(before.route.path.local.port, after.route.path.local.port, "another generation, another stream");
        for (int side = 0; side < 2; side++) {
            cr_expect_eq(s.side[side].host.streams_len, 1, "side %d", side);
            cr_expect_not(s.side[side].unsteady, "side %d", side);
        }
    }
    sim_clear(&s);
}
