/* hostile.c: strangers on the path, wrong identities, forged and replayed packets. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define TAPPED_MAX 4000

static struct {
    int from;
    hf_path path;
    uint8_t *data;
    size_t len;
} tapped[TAPPED_MAX];
static size_t tapped_len;

static void tap(sim *s, int from, const hf_datagram *datagram)
{
    (void)s;
    if (tapped_len == TAPPED_MAX)
        return;
    uint8_t *data = malloc(datagram->len);
    cr_assert_not_null(data);
    memcpy(data, datagram->data, datagram->len);
    tapped[tapped_len].from = from;
    tapped[tapped_len].path = datagram->path;
    tapped[tapped_len].data = data;
    tapped[tapped_len++].len = datagram->len;
}

static void talk(sim *s, uint64_t first, uint64_t n)
{
    for (uint64_t k = first; k < first + n; k++)
        cr_assert_eq(sim_send_numbered(&s->side[0], sim_find(&s->side[0], "chat"), k, 500), HF_OK);
    sim_run(s, s->now + HF_SECONDS(10), NULL);
}

Test(sim_hostile, a_man_in_the_middle_gets_no_byte)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 1,
                               .link.delay = HF_MS(10),
                               .swap_fingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
                                                   "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "secret"});
    sim_connect(&s);
    cr_expect(sim_run(&s, HF_SECONDS(20), sim_someone_failed));
    cr_expect_eq(s.side[0].failed_cause, HF_EFINGERPRINT);
    sim_run(&s, s.now + HF_SECONDS(10), NULL);
    cr_expect_eq(s.side[0].open_at, HF_NEVER);
    cr_expect_eq(s.side[1].open_at, HF_NEVER);
    sim_clear(&s);
}

Test(sim_hostile, every_packet_replayed_changes_nothing, .timeout = 60)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 2, .link.delay = HF_MS(10)});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    s.on_datagram = tap;
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    talk(&s, 0, 50);
    s.on_datagram = NULL;
    for (size_t i = 0; i < tapped_len; i++) {
        hf_path back = {.local = tapped[i].path.remote, .remote = tapped[i].path.local};
        sim_inject(&s, 1 - tapped[i].from, &back, tapped[i].data, tapped[i].len);
        sim_run(&s, s.now + HF_MS(1), NULL);
    }
    talk(&s, 50, 50);
    sim_channel *received = sim_find(&s.side[1], "chat");
    cr_expect_eq(received->messages, 100);
    cr_expect_eq(received->out_of_order, 0);
    cr_expect_eq(received->doubled, 0);
    sim_clear(&s);
}

static const struct {
    const char *why;
    uint8_t first;
} kinds[] = {{"STUN", 0x00},         {"STUN response", 0x01}, {"ZRTP", 0x10},         {"change cipher spec", 0x14},
             {"alert", 0x15},        {"handshake", 0x16},     {"data", 0x17},         {"heartbeat", 0x18},
             {"TURN channel", 0x40}, {"RTP", 0x80},           {"nothing known", 0xFF}};

Test(sim_hostile, noise_on_the_right_path_is_counted_and_dropped, .timeout = 60)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 3, .link.delay = HF_MS(10)});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    talk(&s, 0, 20);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (size_t round = 0; round < 200; round++) {
            uint8_t noise[1500];
            size_t len = 1 + sim_random(&s, sizeof noise - 1);
            for (size_t i = 0; i < len; i++)
                noise[i] = (uint8_t)sim_random(&s, 256);
            noise[0] = kinds[k].first;
            if (len > 13 && kinds[k].first >= 0x14 && kinds[k].first <= 0x18) { /* a well-formed record header */
                static const uint8_t versions[2] = {0xFE, 0xFD};
                memcpy(noise + 1, versions, 2);
                memset(noise + 3, 0, 8);
                noise[4] = round % 2;
                noise[11] = (uint8_t)((len - 13) >> 8);
                noise[12] = (uint8_t)(len - 13);
            }
            int to = (int)(round % 2);
            hf_path path = {.local = s.side[to].addrs[0], .remote = s.side[1 - to].addrs[0]};
            sim_inject(&s, to, &path, noise, len);
        }
        sim_run(&s, s.now + HF_MS(100), NULL);
        cr_expect_eq(hf_peer_connection_state(s.side[0].peer), HF_CONNECTION_CONNECTED, "%s", kinds[k].why);
        cr_expect_eq(hf_peer_connection_state(s.side[1].peer), HF_CONNECTION_CONNECTED, "%s", kinds[k].why);
    }
    talk(&s, 20, 20);
    cr_expect_eq(sim_find(&s.side[1], "chat")->messages, 40);
    hf_peer_stats stats;
    hf_peer_get_stats(s.side[1].peer, &stats);
    uint64_t drops = 0;
    for (size_t i = 0; i < HF_DROP_COUNT; i++)
        drops += stats.drops.by_cause[i];
    cr_expect_geq(drops, sizeof kinds / sizeof kinds[0] * 100 - 10, "each was counted: %d", (int)drops);
    sim_clear(&s);
}

Test(sim_hostile, a_stranger_is_not_listened_to)
{
    sim s;
    hf_path path = {0};
    uint8_t hello[100] = {22, 0xFE, 0xFD};
    sim_init(&s, &(sim_config){.seed = 4, .link.delay = HF_MS(10)});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    sim_run(&s, s.now + HF_SECONDS(5), NULL);
    path.local = s.side[1].addrs[0];
    cr_assert(hf_addr_parse("198.51.100.7:999", 16, &path.remote));
    uint64_t sent = s.datagrams;
    for (int i = 0; i < 100; i++)
        sim_inject(&s, 1, &path, hello, sizeof hello);
    sim_run(&s, s.now + HF_MS(10), NULL);
    hf_peer_stats stats;
    hf_peer_get_stats(s.side[1].peer, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_UNKNOWN_PATH], 100);
    cr_expect_leq(s.datagrams - sent, 4, "and it is not answered");
    sim_clear(&s);
}
