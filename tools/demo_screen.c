/* demo_screen.c: what the demo shows while it goes on, and at its end. */
#include "demo_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PLAIN_LINE_EVERY HF_SECONDS(1)
#define COLUMNS_DEFAULT 80

/* The screen, and what it needs to know of the last time. */
static struct {
    bool live, quiet;
    cli_demo_look look;
    int lines; /* of the table that stands there */
    hf_time told, rated;
    uint64_t bytes[CLI_DEMO_CHANNELS];
    double rates[CLI_DEMO_CHANNELS];
    cli_demo_step step;
    size_t lines_told; /* of the story, plainly */
} screen;

/* --- Gathering what is shown --- */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void fill_row(cli_demo_row *row, const cli_flow *flow, const uint64_t bob[8])
{
    row->sent[0] = flow->sent;
    row->received[0] = bob[1];
    row->sent[1] = larger(bob[0], flow->received); /* bob's report is a moment old */
    row->received[1] = flow->received;
    row->p50 = (hf_span)larger((uint64_t)cli_histogram_quantile(&flow->latency, 50), bob[5]);
    row->p99 = (hf_span)larger((uint64_t)cli_histogram_quantile(&flow->latency, 99), bob[6]);
}

static void measure_rates(hf_time now, const uint64_t bytes[CLI_DEMO_CHANNELS])
{
    double seconds = (double)(now - screen.rated) / 1e6;

    if (seconds < 0.5)
        return;
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        screen.rates[i] = screen.rated > 0 ? (double)(bytes[i] - screen.bytes[i]) / seconds : 0;
        screen.bytes[i] = bytes[i];
    }
    screen.rated = now;
}

static void write_end_of_pair(char *text, size_t cap, hf_ice_candidate_type type, const hf_addr *addr)
{
    char address[HF_ADDR_TEXT_SIZE];

    snprintf(text, cap, "%s %s", hf_ice_candidate_type_name(type), hf_addr_write(addr, address));
}

/* At the end the rates are those of the whole exchange. */
static double rate_of(const cli_demo_end *end, int channel, uint64_t bytes)
{
    return end->completed > end->opened ? (double)bytes * 1e6 / (double)(end->completed - end->opened)
                                        : screen.rates[channel];
}

static cli_demo_view view_of(cli_demo_end *end)
{
    hf_time now = hf_loop_now(end->loop);
    cli_demo_view view = {.state = end->session ? hf_session_state_name(hf_session_get_state(end->session)) : "new",
                          .cause = end->state_cause,
                          .path = end->path,
                          .attempt = end->attempt,
                          .story = end->is_calm ? NULL : &end->story,
                          .now = now,
                          .elapsed = now - end->began,
                          .files_verified = end->sending.verified,
                          .files = end->sending.tree.len,
                          .files_bytes = end->sending.tree.bytes};
    uint64_t bob[CLI_DEMO_CHANNELS][8], bytes[CLI_DEMO_CHANNELS];

    cli_demo_get_report(end, bob);
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++)
        bytes[i] = end->flows[i].bytes_received + bob[i][2];
    measure_rates(now, bytes);
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        cli_demo_row *row = &view.rows[i];
        row->channel = hf_collab_channels[i].name;
        row->priority = hf_priority_name(hf_collab_channels[i].priority);
        row->bytes_per_second = rate_of(end, i, bytes[i]);
        fill_row(row, &end->flows[i], bob[i]);
    }
    if (end->has_route) {
        write_end_of_pair(view.local, sizeof view.local, end->route.local_type, &end->route.path.local);
        write_end_of_pair(view.remote, sizeof view.remote, end->route.remote_type, &end->route.path.remote);
        view.rtt = end->route.rtt;
    }
    return view;
}

/* --- The screen --- */

static int screen_columns(void)
{
    const char *variable = getenv("COLUMNS");
    int columns = variable ? atoi(variable) : 0;
    struct winsize size;

    if (columns <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    return columns > 0 ? columns : COLUMNS_DEFAULT;
}

void cli_demo_screen_open(const cli_demo_options *options)
{
    const char *terminal = getenv("TERM"), *no_color = getenv("NO_COLOR");

    screen.quiet = options->json;
    screen.live = !options->json && isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    screen.look = (cli_demo_look){.columns = screen_columns(), .colour = screen.live && !(no_color && *no_color)};
}

/* In one write, over what stood there: no flicker, and nothing to put right when it is interrupted. */
static void redraw(cli_demo_end *end)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cli_demo_view view = view_of(end);

    if (!out)
        return;
    if (screen.lines > 0)
        fprintf(out, "\x1b[%dA\x1b[J", screen.lines);
    screen.look.columns = screen_columns();
    screen.lines = cli_demo_table_write(out, &view, screen.look);
    fclose(out);
    fwrite(text, 1, len, stdout);
    fflush(stdout);
    free(text);
}

static void print_plainly(cli_demo_end *end)
{
    hf_time now = hf_loop_now(end->loop);
    char elapsed[16];
    uint64_t received = 0, bob[CLI_DEMO_CHANNELS][8];

    for (; screen.lines_told < end->story.len; screen.lines_told++)
        printf("demo: %.1f s: %s\n", (double)end->story.lines[screen.lines_told].at / 1e6,
               end->story.lines[screen.lines_told].text);
    if (end->step == screen.step && now - screen.told < PLAIN_LINE_EVERY)
        return;
    cli_demo_get_report(end, bob);
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++)
        received += end->flows[i].received + bob[i][1];
    printf("demo: %s: %s, %" PRIu64 " messages, %" PRIu64 " of %zu files\n",
           now > end->began ? cli_write_span(now - end->began, elapsed) : "start",
           hf_session_state_name(end->session ? hf_session_get_state(end->session) : HF_SESSION_NEW), received,
           end->sending.verified, end->sending.tree.len);
    fflush(stdout);
    screen.step = end->step;
    screen.told = now;
}

void cli_demo_screen_show(cli_demo_end *end)
{
    if (screen.live)
        redraw(end);
    else if (!screen.quiet)
        print_plainly(end);
}

/* --- The summary --- */

static void print_json(cli_demo_end *end)
{
    cli_demo_view view = view_of(end);
    json_t *channels = json_array();
    bool ok = end->problem[0] == '\0';

    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        const cli_demo_row *row = &view.rows[i];
        json_array_append_new(
            channels, json_pack("{ss ss sI sI sI sI sf sf}", "channel", row->channel, "priority", row->priority,
                                "sent_by_alice", (json_int_t)row->sent[0], "received_by_bob", (json_int_t)row->received[0],
                                "sent_by_bob", (json_int_t)row->sent[1], "received_by_alice", (json_int_t)row->received[1],
                                "p50_ms", (double)row->p50 / 1000, "p99_ms", (double)row->p99 / 1000));
    }
    json_t *story = json_array();
    for (size_t i = 0; i < end->story.len; i++)
        json_array_append_new(
            story, json_pack("{sf ss}", "at_s", (double)end->story.lines[i].at / 1e6, "what", end->story.lines[i].text));
    json_t *summary = json_pack("{ss sb ss ss ss sf sI sI sI sI sI sI sf so so}", "type", "summary", "ok", ok, "step",
                                cli_demo_step_name(end->step), "code", hf_err_name(end->cause), "problem", end->problem,
                                "connect_ms", end->connected > 0 ? (double)(end->connected - end->began) / 1000 : 0.0,
                                "files", (json_int_t)view.files, "files_verified", (json_int_t)view.files_verified,
                                "files_bytes", (json_int_t)end->sending.bytes, "outages", (json_int_t)end->story.outages,
                                "resumed", (json_int_t)end->story.resumed, "replayed", (json_int_t)end->story.replayed,
                                "recovered_s", (double)end->story.longest / 1e6, "story", story, "channels", channels);
    json_dumpf(summary, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(summary);
}

static void print_summary(cli_demo_end *end)
{
    char span[16], bytes[16];
    uint64_t reliable = 0, cursors = 0, cursors_received = 0;
    cli_demo_view view = view_of(end);

    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        const cli_demo_row *row = &view.rows[i];
        reliable += end->flows[i].reliable ? row->sent[0] + row->sent[1] : 0;
        cursors += end->flows[i].reliable ? 0 : row->sent[0] + row->sent[1];
        cursors_received += end->flows[i].reliable ? 0 : row->received[0] + row->received[1];
    }
    if (screen.live) {
        redraw(end);
    } else {
        putchar('\n');
        cli_demo_table_write(stdout, &view, screen.look);
    }
    printf("\nconnected in %s, at the end %s\n", cli_write_span(end->connected - end->began, span),
           hf_session_path_name(end->path));
    if (!end->is_calm)
        printf("held         %u outage%s, %u new connection%s; data went %.1f s after it could, at the latest\n",
               end->story.outages, end->story.outages == 1 ? "" : "s", end->story.resumed,
               end->story.resumed == 1 ? "" : "s", (double)end->story.longest / 1e6);
    printf("code-sync    %" PRIu64 " and %" PRIu64 " edits applied in order; both texts are the same\n", end->author.edits,
           end->author.mirrored);
    printf("ai-stream    %" PRIu64 " answers, %" PRIu64 " words, each whole\n", end->prompts, end->tokens);
    printf("files        %zu files, %s in %s, each with the SHA-256 that it had\n", end->sending.tree.len,
           cli_write_bytes((double)end->sending.bytes, bytes), cli_write_span(end->sending.arrived - end->opened, span));
    printf("lossy ones   %" PRIu64 " of %" PRIu64 " messages on cursor-pos and presence came\n", cursors_received, cursors);
    printf("%sreliable     %" PRIu64 " messages: none lost, none doubled, none out of order%s\n",
           screen.look.colour ? "\x1b[32m" : "", reliable, screen.look.colour ? "\x1b[0m" : "");
}

void cli_demo_screen_end(cli_demo_end *end)
{
    if (screen.quiet && end->loop)
        print_json(end);
    else if (!end->problem[0])
        print_summary(end);
}
