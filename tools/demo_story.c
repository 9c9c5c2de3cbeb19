/* demo_story.c: the demo's script, and its chronicle. */
#include "demo_story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* In per cent of the whole. Each leaves the session time to come back. */
static const struct {
    int percent;
    cli_story_deed deed;
    bool data_follows; /* from here on data can go again, and how soon it does is told */
    const char *words;
} script[] = {
    {10, STORY_CUT, false, "the path is cut: nothing passes, directly or by the relay"},
    {40, STORY_MEND, true, "the path is back"},
    {58, STORY_CLOSE, true, "the direct path is closed; the relay is open"},
    {78, STORY_MEND, false, "the direct path is open again"},
    {80, STORY_RECONNECT, false, "a new connection is asked for, to take the session up"},
};
#define SCRIPT_LEN (sizeof script / sizeof script[0])

__attribute__((format(printf, 4, 5))) static void tell(cli_story *story, hf_span at, bool good, const char *format, ...)
{
    va_list arguments;

    if (story->len == CLI_STORY_LINES_MAX)
        return;
    cli_story_line *line = &story->lines[story->len++];
    line->at = at;
    line->good = good;
    va_start(arguments, format);
    vsnprintf(line->text, sizeof line->text, format, arguments);
    va_end(arguments);
}

cli_story_deed cli_story_take(cli_story *story, hf_span at)
{
    if (story->length == 0 || story->next == SCRIPT_LEN || at < story->length * script[story->next].percent / 100)
        return STORY_NONE;
    size_t i = story->next++;
    if (script[i].data_follows)
        story->deed_at = at;
    tell(story, at, false, "%s", script[i].words);
    return script[i].deed;
}

/* Data goes again, or by another way. */
static hf_span settle(cli_story *story, hf_span at)
{
    hf_span took = story->deed_at > 0 ? at - story->deed_at : 0;

    story->deed_at = 0;
    story->longest = took > story->longest ? took : story->longest;
    return took;
}

void cli_story_on_state(cli_story *story, hf_span at, hf_session_state state, hf_session_path path, hf_err cause)
{
    if (state == HF_SESSION_UNSTABLE && !story->is_lost) {
        story->is_lost = true;
        story->lost_at = at;
        story->outages++;
        tell(story, at, false, "unstable: %s", hf_err_text(cause));
    } else if (state == HF_SESSION_RECONNECTING) {
        story->outages += !story->is_lost;
        story->lost_at = story->is_lost ? story->lost_at : at;
        story->is_lost = true;
        tell(story, at, false, "reconnecting: %s", hf_err_text(cause));
    } else if (state == HF_SESSION_CONNECTED && story->is_lost) {
        story->is_lost = false;
        bool follows = story->deed_at > 0;
        double after = (double)settle(story, at) / 1e6;
        if (follows)
            tell(story, at, true, "connected, %s, %.1f s after that", hf_session_path_name(path), after);
        else
            tell(story, at, true, "connected, %s", hf_session_path_name(path));
    }
}

void cli_story_on_path(cli_story *story, hf_span at, hf_session_path path)
{
    if (story->length == 0 || story->is_lost || path == HF_PATH_NONE)
        return;
    bool follows = story->deed_at > 0;
    double after = (double)settle(story, at) / 1e6;
    const char *words = path == HF_PATH_RELAYED ? "the relay has taken over" : "data goes directly";
    if (follows)
        tell(story, at, true, "%s, %.1f s after that", words, after);
    else
        tell(story, at, true, "%s", words);
}

void cli_story_on_resumed(cli_story *story, hf_span at, uint32_t generation, uint64_t messages)
{
    story->resumed++;
    story->replayed += messages;
    story->is_lost = false;
    settle(story, at);
    tell(story, at, true, "resumed on connection %" PRIu32 "; messages sent again: %" PRIu64, generation, messages);
}

bool cli_story_is_over(const cli_story *story)
{
    return story->length == 0 || (story->next == SCRIPT_LEN && !story->is_lost);
}
