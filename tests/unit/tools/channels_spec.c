/* channels_spec.c: what --channels says. */
#include "channels_spec.h"

#include <holdfast/manager.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static cli_channels list;
static cli_fault fault;

Test(channels_spec, names_a_plain_channel)
{
    cr_assert_eq(cli_channels_parse(&list, "chat", &fault), HF_OK);
    cr_assert_eq(list.len, 1);
    cr_expect_str_eq(list.items[0].name, "chat");
    cr_expect_null(list.items[0].protocol);
    cr_expect_not(list.items[0].unordered);
    cr_expect_eq(list.items[0].reliability, HF_RELIABLE);
    cr_expect_eq(list.items[0].priority, HF_PRIORITY_NORMAL);
}

Test(channels_spec, takes_every_word_in_any_order)
{
    cr_assert_eq(cli_channels_parse(&list, "a:rtx=0:unordered,b:protocol=json/1:ttl=65535:priority=low", &fault), HF_OK);
    cr_assert_eq(list.len, 2);
    cr_expect(list.items[0].unordered);
    cr_expect_eq(list.items[0].reliability, HF_MAX_RETRANSMITS);
    cr_expect_eq(list.items[0].reliability_limit, 0);
    cr_expect_str_eq(list.items[1].protocol, "json/1");
    cr_expect_eq(list.items[1].reliability, HF_MAX_LIFETIME);
    cr_expect_eq(list.items[1].reliability_limit, 65535);
    cr_expect_eq(list.items[1].priority, HF_PRIORITY_LOW);
}

Test(channels_spec, knows_the_collaboration_channels_among_others)
{
    cr_assert_eq(cli_channels_parse(&list, "sink,collab,source", &fault), HF_OK);
    cr_assert_eq(list.len, HF_COLLAB_CHANNELS_LEN + 2);
    cr_expect_str_eq(list.items[0].name, "sink");
    cr_expect_str_eq(list.items[1].name, hf_collab_channels[0].name);
    cr_expect_str_eq(list.items[HF_COLLAB_CHANNELS_LEN + 1].name, "source");
}

Test(channels_spec, refuses_what_it_can_not_mean)
{
    static const struct {
        const char *spec;
        hf_err err;
        const char *why;
    } bad[] = {
        {"", HF_EINVAL, "no name"},
        {"a,", HF_EINVAL, "no name behind the comma"},
        {":unordered", HF_EINVAL, "no name before the colon"},
        {"a:", HF_EINVAL, "an empty word"},
        {"a:ordered", HF_EINVAL, "an unknown word"},
        {"a:rtx=", HF_EINVAL, "no number"},
        {"a:rtx=-1", HF_EINVAL, "a sign"},
        {"a:rtx=65536", HF_EINVAL, "more than sixteen bits"},
        {"a:rtx=99999999999999999999", HF_EINVAL, "more than any bits"},
        {"a:ttl=1s", HF_EINVAL, "a unit"},
        {"a:rtx=1:ttl=1", HF_EINVAL, "both limits"},
        {"a:rtx=1:rtx=2", HF_EINVAL, "one limit twice"},
        {"a:priority=urgent", HF_EINVAL, "an unknown priority"},
        {"a:priority=", HF_EINVAL, "none"},
        {"a,b,a", HF_EEXIST, "a name twice"},
        {"files,collab", HF_EEXIST, "a name that collab has"},
        {"collab:unordered", HF_EINVAL, "a channel of that name would be taken for the five"},
        {"\xff", HF_EINVAL, "not UTF-8"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(cli_channels_parse(&list, bad[i].spec, &fault), bad[i].err, "%s: %s", bad[i].spec, bad[i].why);
        cr_expect_eq(fault.code, bad[i].err);
        cr_expect_neq(fault.text[0], '\0');
        cr_expect_eq(list.len, 0);
    }
}

Test(channels_spec, bounds_number_and_length)
{
    char many[CLI_CHANNELS_TEXT_MAX + 2] = "";
    for (int i = 0; i <= CLI_CHANNELS_MAX; i++)
        snprintf(many + strlen(many), 16, "%sc%d", i > 0 ? "," : "", i);
    cr_expect_eq(cli_channels_parse(&list, many, &fault), HF_ELIMIT);

    memset(many, 'a', CLI_CHANNELS_TEXT_MAX + 1);
    many[CLI_CHANNELS_TEXT_MAX + 1] = '\0';
    cr_expect_eq(cli_channels_parse(&list, many, &fault), HF_ELIMIT);
    many[CLI_CHANNELS_TEXT_MAX] = '\0';
    cr_expect_eq(cli_channels_parse(&list, many, &fault), HF_OK);
}
