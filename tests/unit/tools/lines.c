/* lines.c: lines from pieces, in bounded memory. */
#include "lines.h"

#include <criterion/criterion.h>
#include <string.h>

static void feed(cli_lines *lines, const char *text)
{
    cr_assert_eq(cli_lines_feed(lines, text, strlen(text)), HF_OK);
}

static void expect_line(cli_lines *lines, const char *expected)
{
    const char *line;
    size_t len;

    cr_assert_eq(cli_lines_next(lines, &line, &len), CLI_LINES_LINE, "\"%s\" does not come", expected);
    cr_expect_eq(len, strlen(expected));
    cr_expect_eq(memcmp(line, expected, len), 0, "not \"%s\"", expected);
}

static void expect(cli_lines *lines, cli_lines_result result)
{
    const char *line;
    size_t len;

    cr_expect_eq(cli_lines_next(lines, &line, &len), result);
}

Test(lines, come_out_whole_however_they_went_in)
{
    cli_lines lines = {0};

    feed(&lines, "one\ntw");
    expect_line(&lines, "one");
    expect(&lines, CLI_LINES_NONE);
    feed(&lines, "o\r");
    expect(&lines, CLI_LINES_NONE);
    feed(&lines, "\n\nfour");
    expect_line(&lines, "two");
    expect_line(&lines, "");
    expect(&lines, CLI_LINES_NONE);
    cr_expect_eq(lines.number, 3);
    cli_lines_clear(&lines);
}

Test(lines, end_with_the_input)
{
    cli_lines lines = {0};

    feed(&lines, "one\nlast");
    cr_assert_eq(cli_lines_end(&lines), HF_OK);
    expect_line(&lines, "one");
    expect_line(&lines, "last");
    expect(&lines, CLI_LINES_NONE);
    cr_assert_eq(cli_lines_end(&lines), HF_OK);
    expect(&lines, CLI_LINES_NONE);
    cli_lines_clear(&lines);

    cr_assert_eq(cli_lines_end(&lines), HF_OK, "nothing came at all");
    expect(&lines, CLI_LINES_NONE);
}

Test(lines, that_are_too_long_are_told_once_and_cost_no_memory)
{
    cli_lines lines = {.line_max = 8};

    feed(&lines, "12345678\n123456789\nok\n");
    expect_line(&lines, "12345678");
    expect(&lines, CLI_LINES_TOO_LONG);
    expect_line(&lines, "ok");

    feed(&lines, "begin of a long one");
    expect(&lines, CLI_LINES_TOO_LONG);
    for (int i = 0; i < 100000; i++) {
        feed(&lines, "more of it ");
        expect(&lines, CLI_LINES_NONE);
    }
    cr_expect_leq(lines.cap, 4096);
    feed(&lines, "end\nnext\n");
    expect_line(&lines, "next");
    cr_expect_eq(lines.number, 5);
    cli_lines_clear(&lines);
}

Test(lines, may_be_as_long_as_the_limit_with_a_carriage_return_behind)
{
    cli_lines lines = {.line_max = 4};

    feed(&lines, "1234\r");
    expect(&lines, CLI_LINES_NONE);
    feed(&lines, "\n");
    expect_line(&lines, "1234");
    cli_lines_clear(&lines);
}
