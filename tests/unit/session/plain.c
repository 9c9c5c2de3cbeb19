/* plain.c: sessions with peers that do not speak the protocol. */
#include "pair.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static void count_bytes(pair_side *side, const hf_peer_event *event)
{
    if (event->type == HF_PEER_CHANNEL_MESSAGE)
        side->heard.bytes += event->u.message.len;
}

static void send_the_longest(bool is_theirs)
{
    const size_t len = HF_CHANNEL_BUFFER_DEFAULT;
    char *bytes = calloc(1, len + 1);
    cr_assert(bytes);
    pair p;
    pair_init_peer(&p, 5, &(hf_session_config){.plain = true}, NULL);
    p.side[1].on_peer_event = count_bytes;
    pair_connect(&p);
    if (is_theirs) {
        hf_datachannel channel;
        cr_assert_eq(hf_peer_open_channel(p.side[1].peer, p.now, &(hf_datachannel_config){.label = "x"}, &channel), HF_OK);
    } else {
        pair_open(&p, 0, &(hf_channel_config){.name = "x"});
    }
    pair_run(&p, HF_SECONDS(1), NULL);
    hf_channel *channel = pair_channel(&p, 0, "x");
    cr_expect_eq(hf_channel_send(channel, p.now, HF_BINARY, bytes, len + 1), HF_EMSGSIZE);
    cr_expect_eq(hf_channel_send(channel, p.now, HF_BINARY, bytes, len), HF_OK);
    pair_run(&p, HF_SECONDS(60), NULL);
    cr_expect_eq(p.side[1].heard.bytes, len, "%llu of %zu", (unsigned long long)p.side[1].heard.bytes, len);
    pair_clear(&p);
    free(bytes);
}

Test(plain, peers_get_messages_as_long_as_a_buffer_holds)
{
    send_the_longest(false);
}

Test(plain, peers_get_them_on_channels_of_their_own_as_well)
{
    send_the_longest(true);
}

/* RFC 8841 §6: each description of an endpoint says it anew. */
Test(plain, peers_may_take_less_than_they_did)
{
    static const char bytes[2001];
    pair p;
    pair_init_peer(&p, 6, &(hf_session_config){.plain = true}, NULL);
    p.side[1].on_peer_event = count_bytes;
    pair_connect(&p);
    hf_channel *channel = pair_open(&p, 0, &(hf_channel_config){.name = "x"});
    pair_run(&p, HF_SECONDS(1), NULL);
    p.side[1].message_max = 2000;
    cr_assert_eq(hf_session_restart_ice(p.side[0].session, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_assert_eq(hf_channel_send(channel, p.now, HF_BINARY, bytes, 2001), HF_OK);
    cr_assert_eq(hf_channel_send(channel, p.now, HF_BINARY, bytes, 2000), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_MESSAGE_RETURNED], 1);
    cr_expect_eq(p.side[0].heard.returned_last.cause, HF_EMSGSIZE);
    cr_expect_eq(p.side[0].heard.returned_last.u.returned.len, 2001);
    cr_expect_eq(p.side[1].heard.bytes, 2000);
    pair_clear(&p);
}
