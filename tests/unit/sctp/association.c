/* association.c: an association from its first packet to its end. */
#include "pair.h"

#include <criterion/criterion.h>

#include <string.h>

Test(sctp_association, brings_messages_both_ways)
{
    pair p;
    pair_init(&p, 1);
    pair_open(&p);
    hf_datachannel channel = pair_channel(&p, &p.a, &(hf_datachannel_config){.label = "chat"});
    pair_start(&p);
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_OPEN, 1, HF_SECONDS(5)));
    hf_datachannel other = pair_find(&p.b, HF_SCTP_CHANNEL_OPEN, 0)->event.channel;
    cr_expect_eq(pair_send_text(&p, &p.a, channel, "hello"), HF_OK);
    cr_expect_eq(pair_send_text(&p, &p.b, other, "hello yourself"), HF_OK);
    cr_assert(pair_wait(&p, &p.a, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(1)));
    cr_assert(pair_wait(&p, &p.b, HF_SCTP_CHANNEL_MESSAGE, 1, HF_SECONDS(1)));
    cr_expect_eq(memcmp(p.a.last, "hello yourself", 14), 0);
    cr_expect_eq(memcmp(p.b.last, "hello", 5), 0);
    pair_clear(&p);
}
