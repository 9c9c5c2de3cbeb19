/* demo_story.c: what befalls the demo's peers, and what is told of it. */
#include "demo_story.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *last(const cli_story *story)
{
    return story->len > 0 ? story->lines[story->len - 1].text : "";
}

Test(demo_story, does_its_deeds_in_order_within_the_time_given)
{
    static const cli_story_deed deeds[] = {STORY_CUT, STORY_MEND, STORY_CLOSE, STORY_MEND, STORY_RECONNECT};
    cli_story story = {.length = HF_SECONDS(10)};
    size_t done = 0;
    for (hf_span at = 0; at <= HF_SECONDS(10); at += HF_MS(10)) {
        cli_story_deed deed = cli_story_take(&story, at);
        if (deed == STORY_NONE)
            continue;
        cr_assert_lt(done, sizeof deeds / sizeof *deeds);
        cr_expect_eq(deed, deeds[done++]);
        cr_expect_eq(story.lines[story.len - 1].at, at);
    }
    cr_expect_eq(done, sizeof deeds / sizeof *deeds);
    cr_expect(cli_story_is_over(&story));
}

Test(demo_story, of_no_length_is_over_and_has_no_deeds)
{
    cli_story story = {0};
    cr_expect_eq(cli_story_take(&story, HF_SECONDS(100)), STORY_NONE);
    cr_expect(cli_story_is_over(&story));
    cli_story_on_path(&story, HF_SECONDS(1), HF_PATH_RELAYED);
    cr_expect_eq(story.len, 0);
}

Test(demo_story, counts_an_outage_once_and_tells_how_soon_it_ended)
{
    cli_story story = {.length = HF_SECONDS(10)};
    cr_assert_eq(cli_story_take(&story, HF_SECONDS(1)), STORY_CUT);
    cli_story_on_state(&story, HF_MS(2400), HF_SESSION_UNSTABLE, HF_PATH_DIRECT, HF_ETIMEDOUT);
    cli_story_on_state(&story, HF_MS(3000), HF_SESSION_RECONNECTING, HF_PATH_NONE, HF_ECONSENT);
    cr_expect_str_eq(last(&story), "reconnecting: the peer's consent to receive expired");
    cr_assert_eq(cli_story_take(&story, HF_SECONDS(4)), STORY_MEND);
    cr_expect_not(cli_story_is_over(&story));
    cli_story_on_state(&story, HF_MS(4300), HF_SESSION_CONNECTED, HF_PATH_DIRECT, HF_OK);
    cr_expect_str_eq(last(&story), "connected, direct, 0.3 s after that");
    cr_expect_eq(story.outages, 1);
    cr_expect_eq(story.longest, HF_MS(300));
}

Test(demo_story, tells_of_another_path_and_of_another_connection)
{
    cli_story story = {.length = HF_SECONDS(10), .next = 2};
    cr_assert_eq(cli_story_take(&story, HF_SECONDS(6)), STORY_CLOSE);
    cli_story_on_path(&story, HF_MS(6500), HF_PATH_RELAYED);
    cr_expect_str_eq(last(&story), "the relay has taken over, 0.5 s after that");
    cli_story_on_path(&story, HF_MS(7000), HF_PATH_DIRECT);
    cr_expect_str_eq(last(&story), "data goes directly");
    cli_story_on_resumed(&story, HF_MS(8000), 2, 17);
    cr_expect_str_eq(last(&story), "resumed on connection 2; messages sent again: 17");
    cr_expect_eq(story.resumed, 1);
    cr_expect_eq(story.replayed, 17);
}

Test(demo_story, keeps_as_many_lines_as_it_has_room_for)
{
    cli_story story = {.length = HF_SECONDS(10)};
    for (int i = 0; i < 2 * CLI_STORY_LINES_MAX; i++)
        cli_story_on_resumed(&story, i, 2, 1);
    cr_expect_eq(story.len, CLI_STORY_LINES_MAX);
    cr_expect_eq(story.resumed, 2 * CLI_STORY_LINES_MAX);
}
