/* demo_table.c: what the demo shows, in any width. */
#include "demo_table.h"
#include "demo_options.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const cli_demo_view view = {
    .state = "connected",
    .elapsed = HF_MS(2400),
    .local = "host 127.0.0.1:40000",
    .remote = "host 127.0.0.1:50000",
    .rtt = 340,
    .rows = {{"code-sync", "critical", {120, 119}, {118, 119}, 12345, 150, HF_MS(31)},
             {"cursor-pos", "high", {0}, {0}, 0, 0, 0},
             {"ai-stream", "critical", {0}, {0}, 0, 0, 0},
             {"presence", "normal", {0}, {0}, 0, 0, 0},
             {"files", "low", {4000000000, 0}, {4000000000, 0}, 98.7e6, HF_MS(9), HF_SECONDS(2)}},
    .files_verified = 3,
    .files = 3,
    .files_bytes = 1800000,
};

static cli_story story;

static char *table_of(const cli_demo_view *shown, int columns, bool colour, int *lines)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    cr_assert_not_null(out);
    *lines = cli_demo_table_write(out, shown, (cli_demo_look){columns, colour});
    fclose(out);
    return text;
}

static char *table(int columns, bool colour, int *lines)
{
    return table_of(&view, columns, colour, lines);
}

/* In trouble, and with something to tell. */
static cli_demo_view troubled(void)
{
    cli_demo_view out = view;
    out.state = "reconnecting";
    out.cause = HF_ECONSENT;
    out.story = &story;
    out.now = HF_SECONDS(20);
    story = (cli_story){.length = HF_SECONDS(10), .resumed = 2, .replayed = 34};
    cli_story_on_state(&story, HF_MS(1500), HF_SESSION_UNSTABLE, HF_PATH_NONE, HF_ETIMEDOUT);
    return out;
}

Test(demo_table, shows_all_columns_on_a_terminal_of_80)
{
    int lines;
    char *text = table(80, false, &lines);

    cr_expect_str_eq(text, "holdfast demo   connected   2.4 s\n"
                           "alice host 127.0.0.1:40000 - bob host 127.0.0.1:50000   round trip 340 us\n"
                           "\n"
                           "channel       alice > bob   bob > alice      p50      p99        rate  priority\n"
                           "code-sync         118/120           119   150 us    31 ms   12.3 kB/s  critical\n"
                           "cursor-pos              0             0        -        -       0 B/s  high\n"
                           "ai-stream               0             0        -        -       0 B/s  critical\n"
                           "presence                0             0        -        -       0 B/s  normal\n"
                           "files          4000000000             0   9.0 ms    2.0 s   98.7 MB/s  low\n"
                           "\n"
                           "files: 3 of 3 (1.8 MB) arrived and verified\n");
    free(text);
}

Test(demo_table, is_never_wider_than_the_terminal_and_counts_its_lines)
{
    for (int columns = 11; columns <= 100; columns++) {
        int lines, counted = 0;
        cli_demo_view with_story = troubled();
        char *text = table_of(columns % 2 ? &view : &with_story, columns, false, &lines), *rest = text;

        for (char *line; (line = strsep(&rest, "\n")) && rest; counted++)
            cr_expect_leq(strlen(line), (size_t)columns, "%s", line);
        cr_expect_eq(counted, lines);
        free(text);
    }
}

Test(demo_table, says_what_is_done_about_trouble)
{
    static const struct {
        hf_attempt attempt;
        hf_session_path path;
        const char *says;
    } table[] = {
        {{.phase = HF_ATTEMPT_NONE}, HF_PATH_DIRECT, "direct; outages: 1, resumed: 2, messages sent again: 34\n"},
        {{.phase = HF_ATTEMPT_OFFERING, .step = HF_STEP_RESTART, .next = HF_NEVER},
         HF_PATH_NONE,
         "no path; attempt 1: restart, offering\n"},
        {{.phase = HF_ATTEMPT_CHECKING, .step = HF_STEP_RECONNECT, .failures = 1, .next = HF_MS(23200)},
         HF_PATH_RELAYED,
         "relayed; attempt 2: reconnect, checking, 3.2 s left\n"},
        {{.phase = HF_ATTEMPT_WAITING, .failures = 3, .next = HF_MS(21500)},
         HF_PATH_NONE,
         "no path; attempt 3 failed; the next one in 1.5 s\n"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cli_demo_view shown = troubled();
        int lines;
        shown.attempt = table[i].attempt;
        shown.path = table[i].path;
        char *text = table_of(&shown, 80, false, &lines);
        cr_expect_not_null(strstr(text, table[i].says), "%s", text);
        cr_expect_not_null(strstr(text, "reconnecting   2.4 s   the peer's consent to receive expired\n"), "%s", text);
        cr_expect_not_null(strstr(text, "   1.5 s  unstable: the peer did not answer in time\n"), "%s", text);
        free(text);
    }
}

Test(demo_table, has_no_escape_codes_unless_colours_are_wanted)
{
    int lines;
    char *plain = table(80, false, &lines), *coloured = table(80, true, &lines);

    cr_expect_null(strchr(plain, '\x1b'));
    cr_expect_not_null(strchr(coloured, '\x1b'));
    free(plain);
    free(coloured);
}

static cli_demo_options options;

static hf_err parse(const char *line)
{
    static char words[256];
    char *argv[16];
    int argc = 0;
    cli_fault fault;

    strcpy(words, line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return cli_demo_options_parse(&options, argc, argv, &fault);
}

Test(demo_options, have_defaults_and_name_what_is_wrong)
{
    cr_assert_eq(parse(""), HF_OK);
    hf_span whole = options.seconds;
    cr_expect_null(options.files);
    cr_assert_eq(parse("--calm"), HF_OK);
    cr_expect(options.calm && options.seconds > 0 && options.seconds < whole);
    cr_assert_eq(parse("--seconds 0.5 --json --files a"), HF_OK);
    cr_expect_eq(options.seconds, HF_MS(500));
    cr_expect(options.json);
    cr_expect_eq(parse("--seconds x"), HF_EINVAL);
    cr_expect_eq(parse("--files="), HF_EINVAL);
    cr_expect_eq(parse("--fast"), HF_EINVAL);
}
