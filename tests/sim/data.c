/* data.c: what data channels promise through whole peers: properties at both ends, long messages, many at once. */
#include "world.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static void connect_with(sim *s, const sim_config *config, const hf_datachannel_config *channel)
{
    sim_init(s, config);
    sim_open(&s->side[0], channel);
    sim_connect(s);
    cr_assert(sim_run(s, HF_SECONDS(10), sim_both_open));
}

/* RFC 8831 §6.4, RFC 8832 §5.1. Chromium sends 256, Firefox 0. */
Test(sim_data, the_priority_of_a_channel_is_seen_at_both_ends)
{
    static const struct {
        uint16_t asked, seen;
    } rows[] = {{0, 256}, {128, 128}, {256, 256}, {512, 512}, {1024, 1024}, {65535, 65535}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sim s;
        connect_with(&s, &(sim_config){.seed = i}, &(hf_datachannel_config){.label = "p", .priority = rows[i].asked});
        for (int side = 0; side < 2; side++) {
            hf_datachannel_info info;
            cr_assert_eq(hf_peer_channel_info(s.side[side].peer, sim_find(&s.side[side], "p")->handle, &info), HF_OK);
            cr_expect_eq(info.priority, rows[i].seen);
        }
        sim_clear(&s);
    }
}

typedef struct parts {
    size_t len, parts, whole;
    bool intact;
} parts;

static parts heard;

static uint8_t content(size_t at)
{
    return (uint8_t)((at * 31 + (at >> 11)) & 0x7F);
}

static void on_part(sim_side *side, sim_channel *channel, const hf_peer_event *event)
{
    (void)side;
    (void)channel;
    cr_expect_eq(event->u.message.first, heard.len == 0);
    for (size_t i = 0; i < event->u.message.len; i++)
        heard.intact = heard.intact && event->u.message.data[i] == content(heard.len + i);
    heard.len += event->u.message.len;
    heard.parts++;
    heard.whole += event->u.message.last;
}

static bool is_whole(sim *s)
{
    (void)s;
    return heard.whole == 1;
}

Test(sim_data, the_longest_message_arrives_in_parts)
{
    sim s;
    heard = (parts){.intact = true};
    connect_with(&s, &(sim_config){.seed = 1, .link.delay = HF_MS(5), .message_max = HF_MESSAGE_MAX_LIMIT},
                 &(hf_datachannel_config){.label = "long"});
    sim_channel *channel = sim_find(&s.side[1], "long");
    cr_assert_eq(hf_peer_receive_in_parts(s.side[1].peer, channel->handle, true), HF_OK);
    s.side[1].on_message = on_part;
    uint8_t *bytes = malloc(HF_MESSAGE_MAX_LIMIT);
    for (size_t i = 0; i < HF_MESSAGE_MAX_LIMIT; i++)
        bytes[i] = content(i);
    cr_assert_eq(
        hf_peer_send(s.side[0].peer, s.now, sim_find(&s.side[0], "long")->handle, HF_TEXT, bytes, HF_MESSAGE_MAX_LIMIT),
        HF_OK);
    free(bytes);
    cr_assert(sim_run(&s, s.now + HF_SECONDS(60), is_whole));
    cr_expect_eq(heard.len, HF_MESSAGE_MAX_LIMIT);
    cr_expect(heard.intact);
    cr_expect_gt(heard.parts, 100);
    sim_clear(&s);
}

static uint64_t sent[2];

/* Both sides say as much as there is room for; true: all has come. */
static bool talk(sim *s)
{
    bool done = true;
    for (int side = 0; side < 2; side++) {
        sim_channel *channel = sim_find(&s->side[side], "both");
        while (sent[side] < 10000 && sim_send_numbered(&s->side[side], channel, sent[side], 8 + sent[side] % 500) == HF_OK)
            sent[side]++;
        done = done && channel->messages == 10000;
    }
    return done;
}

Test(sim_data, ten_thousand_messages_pass_in_both_directions_at_once)
{
    sim s;
    connect_with(&s, &(sim_config){.seed = 1, .link = {.delay = HF_MS(10), .jitter = HF_MS(1), .loss = 5}},
                 &(hf_datachannel_config){.label = "both"});
    cr_assert(sim_run(&s, s.now + HF_SECONDS(600), talk));
    for (int side = 0; side < 2; side++)
        cr_expect_eq(sim_find(&s.side[side], "both")->out_of_order, 0);
    sim_clear(&s);
}
