/* demo_priv.h: what the files of `holdfast demo` share.
 *
 *   demo.c          the processes, and what must be true at the end
 *   demo_screen.c   what is shown, and the summary
 *   demo_end.c      one of the two peers: connection, events, messages in and out
 *   demo_wire.c     what passes between the two processes: signals, reports
 *   demo_network.c  what lies between them, a process of its own (demo_network.h)
 *   demo_story.c    what befalls them (demo_story.h)
 *   demo_traffic.c  what is said on code-sync, cursor-pos, ai-stream and presence
 *   demo_files.c    the tree on files, and its receiver
 *
 * Alice offers, shows, sends the files and asks; bob answers, receives and reports. */
#ifndef CLI_DEMO_PRIV_H
#define CLI_DEMO_PRIV_H

#include "demo_network.h"
#include "demo_options.h"
#include "demo_table.h"
#include "document.h"
#include "event_log.h"
#include "histogram.h"
#include "lines.h"
#include "tree.h"

#include <holdfast/loop.h>
#include <holdfast/manager.h>

#include <assert.h>
#include <jansson.h>

typedef enum cli_demo_channel { CODE_SYNC, CURSOR_POS, AI_STREAM, PRESENCE, FILES } cli_demo_channel;
static_assert(FILES + 1 == CLI_DEMO_CHANNELS && CLI_DEMO_CHANNELS == HF_COLLAB_CHANNELS_LEN, "one row for each channel");

/* One channel, seen from one end. */
typedef struct cli_flow {
    hf_channel *channel; /* NULL: not open */
    bool reliable;
    uint64_t sent, received;
    uint64_t bytes_received;
    uint64_t expected;             /* the number of the next message from over there */
    uint64_t lost;                 /* reliable: numbers that were left out; otherwise those that may still come, late */
    uint64_t doubled;              /* reliable: numbers that came again, or late */
    bool last_sent, last_received; /* reliable: the message that says that no more will come */
    cli_histogram latency;         /* of what was sent since the path came back */
} cli_flow;

/* How far it has got: in this order. A failure names it. */
typedef enum cli_demo_step {
    STEP_START,
    STEP_CONNECT,
    STEP_OPEN,
    STEP_EXCHANGE,
    STEP_VERIFY,
    STEP_CLOSE,
    STEP_DONE
} cli_demo_step;

typedef struct cli_author {
    cli_document own, mirror; /* ours, and the remote's as its edits make it */
    uint64_t edits, mirrored;
    uint32_t random;
} cli_author;

typedef struct cli_sending {
    cli_tree tree;
    size_t next;   /* the file that comes next */
    uint8_t *data; /* of the one that is on its way */
    size_t len, at;
    uint64_t bytes;           /* sent */
    uint64_t verified, wrong; /* as the receiver says */
    hf_time arrived;          /* when it said so of the last file */
} cli_sending;

typedef struct cli_receiving {
    uint8_t *data;
    size_t len, at;
    char digest[65];
    uint64_t verified, wrong, told;
} cli_receiving;

typedef struct cli_demo_end cli_demo_end;
struct cli_demo_end {
    const char *name;
    bool is_alice;
    hf_span traffic_span;
    bool is_calm; /* no network lies between them */
    cli_demo_step step;
    hf_err cause;      /* why it failed */
    char problem[200]; /* in words; "": none */
    int wire;          /* to the other process, or the network */
    cli_lines lines;
    hf_env env;
    cli_event_log *event_log; /* of both processes; NULL: none */
    hf_loop *loop;
    hf_manager *manager;
    hf_session *session;
    hf_ice_route route;
    bool has_route;
    hf_session_path path; /* by that route */
    hf_time began, connected, opened, completed;
    hf_time regained; /* its path, the last time */
    hf_session_state state;
    hf_err state_cause;
    hf_attempt attempt;
    cli_story story; /* alice: the script; both: what was told */
    hf_timer tick, report;
    cli_flow flows[CLI_DEMO_CHANNELS];

    cli_author author;
    hf_time due[4]; /* of the next edit, cursor, token, presence */
    uint64_t prompts, tokens_left, tokens, tokens_promised;
    bool answering_is_over;
    cli_sending sending;
    cli_receiving receiving;

    json_t *report_in;                      /* alice: bob's last one */
    void (*on_progress)(cli_demo_end *end); /* alice: the screen */
};

/* --- demo_screen.c --- */
void cli_demo_screen_open(const cli_demo_options *options);
void cli_demo_screen_show(cli_demo_end *end);
void cli_demo_screen_end(cli_demo_end *end); /* the summary */

/* --- demo_end.c --- */
hf_err cli_demo_end_start(cli_demo_end *end); /* the loop is made here: after the fork */
void cli_demo_end_clear(cli_demo_end *end);
void cli_demo_fail(cli_demo_end *end, hf_err cause, const char *problem); /* the first failure counts */
bool cli_demo_is_time_over(const cli_demo_end *end);
const char *cli_demo_step_name(cli_demo_step step);
void cli_demo_get_report(cli_demo_end *end,
                         uint64_t flow_out[CLI_DEMO_CHANNELS][8]); /* alice: bob's flows; see the report */

/* Sends the object with its number and time added, and frees it. HF_EAGAIN: no room; the number is not used up. */
HF_CHECKED hf_err cli_demo_say(cli_demo_end *end, cli_demo_channel channel, json_t *object);

/* The same for bytes: `data` has room for CLI_DEMO_STAMP_SIZE before it, which are filled. */
#define CLI_DEMO_STAMP_SIZE 16
HF_CHECKED hf_err cli_demo_say_bytes(cli_demo_end *end, cli_demo_channel channel, uint8_t *stamped, size_t len);

/* With the relay, or NULL: without one. */
HF_CHECKED hf_err cli_demo_connect(cli_demo_end *end, const hf_ice_server *relay);

/* --- demo_wire.c --- */
void cli_demo_on_wire(void *context);
void cli_demo_on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope);
void cli_demo_send_report(cli_demo_end *end); /* bob's counters, which alice shows and checks */

/* --- demo_traffic.c --- */
void cli_traffic_start(cli_demo_end *end);
void cli_traffic_tick(cli_demo_end *end);
void cli_traffic_take(cli_demo_end *end, cli_demo_channel channel, const json_t *message);

/* --- demo_files.c --- */
void cli_files_tick(cli_demo_end *end);
void cli_files_take(cli_demo_end *end, const json_t *message);
void cli_files_take_bytes(cli_demo_end *end, const uint8_t *data, size_t len);

#endif
