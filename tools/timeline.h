/* timeline.h: an event log (docs/event-log.md) as a picture. Pure: lines go in, SVG comes out.
 *
 * A log may be anybody's: what is kept of it is bounded, what is beyond the bounds is counted, and all texts are escaped. */
#ifndef CLI_TIMELINE_H
#define CLI_TIMELINE_H

#include "fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_TIMELINE_LINE_MAX 65536
#define CLI_TIMELINE_GROUPS_MAX 12 /* connections */
#define CLI_TIMELINE_PAIRS_MAX 24  /* of a connection */
#define CLI_TIMELINE_CHANNELS_MAX 24
#define CLI_TIMELINE_SPANS_MAX 512 /* of a row */
#define CLI_TIMELINE_MARKS_MAX 512
#define CLI_TIMELINE_CAUSES_MAX 24
#define CLI_TIMELINE_BINS 1024
#define CLI_TIMELINE_NAME_SIZE 32
#define CLI_TIMELINE_LABEL_SIZE 128

/* A state, from when to when, in milliseconds of the log's clock. */
typedef struct cli_span {
    double from, to;
    char name[CLI_TIMELINE_NAME_SIZE];
    char cause[CLI_TIMELINE_NAME_SIZE]; /* "": none */
} cli_span;

typedef enum cli_mark_kind {
    CLI_MARK_SENT,
    CLI_MARK_RECEIVED,
    CLI_MARK_ANSWERED,
    CLI_MARK_NOMINATED,
    CLI_MARK_NOTE
} cli_mark_kind;

typedef struct cli_mark {
    double at;
    cli_mark_kind kind;
    char text[CLI_TIMELINE_NAME_SIZE];
} cli_mark;

/* One line of the picture: states one behind the other, and what happened meanwhile. */
typedef struct cli_row {
    int64_t number; /* of the pair or channel */
    char label[CLI_TIMELINE_LABEL_SIZE];
    bool is_over; /* removed: the last state does not go on */
    cli_span *spans;
    size_t spans_len, spans_cap;
    cli_mark *marks;
    size_t marks_len, marks_cap;
} cli_row;

typedef enum cli_lane {
    CLI_LANE_SESSION,
    CLI_LANE_CONNECTION,
    CLI_LANE_SIGNALING,
    CLI_LANE_GATHERING,
    CLI_LANE_ICE,
    CLI_LANE_DTLS,
    CLI_LANE_SCTP,
    CLI_LANE_SELECTED, /* pairs that data takes: the name is the pair's number */
    CLI_LANE_COUNT
} cli_lane;

typedef enum cli_flow_kind { CLI_FLOW_SENT, CLI_FLOW_RECEIVED, CLI_FLOW_DROPPED, CLI_FLOW_COUNT } cli_flow_kind;

/* Packets over time, in bins that grow wider as the log grows longer. */
typedef struct cli_density {
    double from, width;
    uint64_t bins[CLI_FLOW_COUNT][CLI_TIMELINE_BINS];
    uint64_t packets[CLI_FLOW_COUNT], bytes[CLI_FLOW_COUNT];
} cli_density;

typedef struct cli_cause {
    char name[CLI_TIMELINE_NAME_SIZE];
    uint64_t count;
} cli_cause;

/* A connection: the events of one group_id. */
typedef struct cli_group {
    char id[CLI_TIMELINE_NAME_SIZE];
    char role[CLI_TIMELINE_NAME_SIZE]; /* "offerer", "answerer"; "": not known */
    double first, last;
    cli_row lanes[CLI_LANE_COUNT];
    cli_row *pairs, *channels;
    size_t pairs_len, pairs_cap, channels_len, channels_cap;
    cli_density density;
    cli_cause causes[CLI_TIMELINE_CAUSES_MAX];
    size_t causes_len;
} cli_group;

/* What is drawn, in milliseconds after the first event. */
typedef struct cli_window {
    double from, to; /* to 0: the last event */
} cli_window;

typedef struct cli_timeline {
    cli_window window; /* to be set before the first line is taken */
    char title[CLI_TIMELINE_LABEL_SIZE], wall_clock[CLI_TIMELINE_NAME_SIZE];
    double first, last; /* of all events */
    uint64_t events, unknown, left_out;
    cli_group *groups;
    size_t groups_len, groups_cap;
} cli_timeline;

/* Takes one line, without its end. HF_ESYNTAX: not JSON, or not an event; HF_ENOMEM. Events of other names are counted. */
HF_CHECKED hf_err cli_timeline_take(cli_timeline *timeline, const char *line, size_t len, cli_fault *fault);
void cli_timeline_clear(cli_timeline *timeline);

void cli_timeline_draw(FILE *out, const cli_timeline *timeline);

#endif
