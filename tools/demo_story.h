/* demo_story.h: what befalls the demo's two peers, and what is told of it. Pure. */
#ifndef CLI_DEMO_STORY_H
#define CLI_DEMO_STORY_H

#include <holdfast/manager.h>

#define CLI_STORY_LINES_MAX 64

/* What happens to the network, or is asked of the session. */
typedef enum cli_story_deed { STORY_NONE = 0, STORY_CUT, STORY_MEND, STORY_CLOSE, STORY_RECONNECT } cli_story_deed;

typedef struct cli_story_line {
    hf_span at; /* since the beginning */
    bool good;
    char text[100];
} cli_story_line;

typedef struct cli_story {
    hf_span length;  /* of the whole; 0: nothing befalls them */
    size_t next;     /* of the deeds */
    hf_span deed_at; /* the last of them that data can go on after, and does not yet; 0: none */
    bool is_lost;
    hf_span lost_at;
    unsigned outages, resumed;
    uint64_t replayed;
    hf_span longest; /* from a deed to data */
    cli_story_line lines[CLI_STORY_LINES_MAX];
    size_t len;
} cli_story;

/* The deed that is due at this moment since the beginning, which is told; STORY_NONE: none is. */
cli_story_deed cli_story_take(cli_story *story, hf_span at);

/* What the session says. */
void cli_story_on_state(cli_story *story, hf_span at, hf_session_state state, hf_session_path path, hf_err cause);
void cli_story_on_path(cli_story *story, hf_span at, hf_session_path path);
void cli_story_on_resumed(cli_story *story, hf_span at, uint32_t generation, uint64_t messages);

/* All deeds are done, and data goes again. */
bool cli_story_is_over(const cli_story *story);

#endif
