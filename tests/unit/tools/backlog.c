/* backlog.c: messages counted from the bytes that wait. */
#include "backlog.h"

#include <criterion/criterion.h>

Test(backlog, counts_what_is_within_the_bytes_that_wait)
{
    cli_backlog backlog = {0};

    for (int i = 0; i < 10; i++)
        cli_backlog_add(&backlog, 100);
    cli_backlog_add(&backlog, 7);
    cr_expect_eq(cli_backlog_count(&backlog, 1007), 11);
    cr_expect_eq(cli_backlog_count(&backlog, 950), 11, "a part of the first waits still");
    cr_expect_eq(cli_backlog_count(&backlog, 907), 10);
    cr_expect_eq(cli_backlog_count(&backlog, 7), 1);
    cr_expect_eq(cli_backlog_count(&backlog, 0), 0);
}

Test(backlog, lets_empty_messages_go_with_their_neighbours)
{
    cli_backlog backlog = {0};

    cli_backlog_add(&backlog, 0);
    cli_backlog_add(&backlog, 10);
    cli_backlog_add(&backlog, 0);
    cr_expect_eq(cli_backlog_count(&backlog, 10), 3);
    cr_expect_eq(cli_backlog_count(&backlog, 0), 0);
}

Test(backlog, keeps_the_count_when_the_sizes_are_too_many_to_remember)
{
    cli_backlog backlog = {0};
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < 5 * CLI_BACKLOG_RUNS; i++) {
        cli_backlog_add(&backlog, i % 97);
        bytes += i % 97;
    }
    cr_expect_eq(cli_backlog_count(&backlog, bytes), 5 * CLI_BACKLOG_RUNS);
    cr_expect_eq(cli_backlog_count(&backlog, 0), 0);
}
