/* demo_link.c: the demo's uplinks. */
#include "demo_link.h"

#include <criterion/criterion.h>

static const uint8_t data[1000];

static size_t arrived(cli_link *link, hf_time now)
{
    size_t n = 0;
    while (cli_link_pop(link, now))
        n++;
    return n;
}

Test(demo_link, takes_as_long_as_its_rate_and_its_way)
{
    cli_link link;
    cr_assert_eq(cli_link_init(&link, 1000000, HF_MS(10), 65536), HF_OK); /* a millisecond for each of these */
    for (size_t i = 0; i < 3; i++)
        cli_link_push(&link, 0, data, sizeof data, i, i + 1);
    cr_expect_eq(cli_link_deadline(&link), HF_MS(11));
    cr_expect_null(cli_link_pop(&link, HF_MS(11) - 1));
    const cli_link_packet *packet = cli_link_pop(&link, HF_MS(11));
    cr_assert_not_null(packet);
    cr_expect(packet->from == 0 && packet->to == 1 && packet->len == sizeof data);
    cr_expect_eq(arrived(&link, HF_MS(13)), 2);
    cr_expect_eq(cli_link_deadline(&link), HF_NEVER);
    cli_link_clear(&link);
}

Test(demo_link, drops_what_its_queue_does_not_hold)
{
    cli_link link;
    cr_assert_eq(cli_link_init(&link, 1000000, 0, 10000), HF_OK);
    for (int i = 0; i < 100; i++)
        cli_link_push(&link, 0, data, sizeof data, 0, 0);
    cr_expect_eq(link.dropped, 89); /* ten wait, one is leaving */
    cr_expect_eq(arrived(&link, HF_SECONDS(1)), 11);
    cli_link_clear(&link);
}

Test(demo_link, has_memory_for_so_many_and_no_more)
{
    cli_link link;
    cr_assert_eq(cli_link_init(&link, 1000000, HF_SECONDS(10), SIZE_MAX / 2000000), HF_OK);
    for (int i = 0; i < CLI_LINK_PACKETS_MAX + 5; i++)
        cli_link_push(&link, 0, data, 1, 0, 0);
    cr_expect_eq(link.len, CLI_LINK_PACKETS_MAX);
    cr_expect_eq(link.dropped, 5);
    cli_link_cut(&link);
    cr_expect_eq(arrived(&link, HF_SECONDS(100)), 0);
    cli_link_clear(&link);
}
