/* demo_table.h: the demo's table as text. Pure. */
#ifndef CLI_DEMO_TABLE_H
#define CLI_DEMO_TABLE_H

#include "demo_story.h"

#include <stdio.h>

#define CLI_DEMO_CHANNELS 5

typedef struct cli_demo_row {
    const char *channel, *priority;
    uint64_t sent[2], received[2]; /* messages: alice to bob, bob to alice */
    double bytes_per_second;       /* received, both ways */
    hf_span p50, p99;              /* one way; 0: nothing came yet */
} cli_demo_row;

typedef struct cli_demo_view {
    const char *state;
    hf_err cause; /* of the state; HF_OK: none */
    hf_session_path path;
    hf_attempt attempt; /* what the manager does about it; `next` and `since` against `now` */
    hf_time now;
    hf_span elapsed;
    char local[HF_ADDR_TEXT_SIZE + 8], remote[HF_ADDR_TEXT_SIZE + 8]; /* of the selected pair; "": none */
    hf_span rtt;                                                      /* 0: not known */
    cli_demo_row rows[CLI_DEMO_CHANNELS];
    uint64_t files_verified, files;
    uint64_t files_bytes;
    const cli_story *story; /* NULL: nothing befalls them */
} cli_demo_view;

typedef struct cli_demo_look {
    int columns; /* lines are not longer */
    bool colour;
} cli_demo_look;

/* Writes the table and returns how many lines that is. */
int cli_demo_table_write(FILE *out, const cli_demo_view *view, cli_demo_look look);

/* "1.2 ms", "340 us"; "12.3 MB". */
const char *cli_write_span(hf_span span, char text[16]);
const char *cli_write_bytes(double bytes, char text[16]);

#endif
