/* drop.c: each cause has a name of its own, and is counted by itself. */
#include "env.h"
#include "trace.h"

#include <criterion/criterion.h>
#include <string.h>

Test(drop, names_each_cause_once)
{
    for (hf_drop cause = 0; cause < HF_DROP_COUNT; cause++) {
        cr_expect_gt(strlen(hf_drop_name(cause)), 0);
        for (hf_drop other = 0; other < cause; other++)
            cr_expect_str_neq(hf_drop_name(cause), hf_drop_name(other));
    }
    cr_expect_str_eq(hf_drop_name(HF_DROP_COUNT), "");
    cr_expect_str_eq(hf_drop_name((hf_drop)-1), "");
}

Test(drop, counts_each_cause_by_itself)
{
    test_env e;
    hf_drops drops = {0};
    test_env_init(&e, 1);
    hf_drop_count(&drops, &e.env, 0, HF_DROP_RATE, 10);
    hf_drop_count(&drops, &e.env, 0, HF_DROP_RATE, 10);
    hf_drop_count(&drops, &e.env, 0, HF_DROP_DCEP, 10);
    for (size_t i = 0; i < HF_DROP_COUNT; i++)
        cr_expect_eq(drops.by_cause[i], i == HF_DROP_RATE ? 2 : i == HF_DROP_DCEP ? 1 : 0);
}

static void keep(void *context, const char *line, size_t len)
{
    (void)context;
    cr_assert_lt(len, HF_TRACE_LINE_MAX);
    cr_expect_eq(
        strncmp(line, "{\"time\":0.007,\"name\":\"dtls:packets_dropped\",\"data\":{\"cause\":\"dtls_record\",\"bytes\":99}}",
                len),
        0, "%.*s", (int)len, line);
}

Test(drop, is_told_by_the_layer_that_drops)
{
    test_env e;
    hf_drops drops = {0};
    test_env_init(&e, 1);
    e.env.trace = keep;
    hf_drop_count(&drops, &e.env, 7, HF_DROP_DTLS_RECORD, 99);
}
