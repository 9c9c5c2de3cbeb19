/* log.c: lines for the environment, as talkative as it wants, and cut where they are too long. */
#include "log.h"
#include "env.h"

#include <criterion/criterion.h>
#include <string.h>

Test(log, only_wanted_levels_are_formatted)
{
    static const struct {
        hf_log_level wanted, level;
        bool logged;
    } table[] = {
        {HF_LOG_NONE, HF_LOG_ERROR, false},  {HF_LOG_ERROR, HF_LOG_ERROR, true}, {HF_LOG_ERROR, HF_LOG_WARNING, false},
        {HF_LOG_INFO, HF_LOG_WARNING, true}, {HF_LOG_INFO, HF_LOG_INFO, true},   {HF_LOG_INFO, HF_LOG_DEBUG, false},
        {HF_LOG_DEBUG, HF_LOG_DEBUG, true},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        test_env e;
        test_env_init(&e, 1);
        e.env.log_level = table[i].wanted;
        hf_log(&e.env, table[i].level, "pair %d of %s", 7, "two");
        cr_expect_eq(e.log_lines, table[i].logged ? 1 : 0);
        cr_expect_str_eq(e.log_last, table[i].logged ? "pair 7 of two" : "");
    }
}

Test(log, nothing_is_logged_where_there_is_no_log)
{
    test_env e;
    test_env_init(&e, 1);
    e.env.log = NULL;
    hf_log(&e.env, HF_LOG_ERROR, "nobody hears");
    cr_expect_eq(e.log_lines, 0);
}

Test(log, a_long_line_is_cut_at_511_bytes)
{
    test_env e;
    hf_log(test_env_init(&e, 1), HF_LOG_INFO, "%01000d", 0);
    cr_expect_eq(e.log_lines, 1);
    cr_expect_eq(strlen(e.log_last), 511);
}
