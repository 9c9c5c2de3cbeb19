/* demo_table.c: the demo's table as text. */
#include "demo_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define GREEN "\x1b[32m"
#define RED "\x1b[31m"
#define PLAIN "\x1b[0m"

#define STORY_LINES 8 /* the last ones are shown */

/* Columns come from the left; those that do not fit are left out. */
enum { CHANNEL, SENT_THERE, SENT_BACK, P50, P99, RATE, PRIORITY, COLUMNS_LEN };
static const struct {
    const char *title;
    int width;
} columns[COLUMNS_LEN] = {
    [CHANNEL] = {"channel", 11},
    [SENT_THERE] = {"alice > bob", 14},
    [SENT_BACK] = {"bob > alice", 14},
    [P50] = {"p50", 9},
    [P99] = {"p99", 9},
    [RATE] = {"rate", 12},
    [PRIORITY] = {"priority", 10},
};

const char *cli_write_span(hf_span span, char text[16])
{
    double ms = (double)span / 1000;

    if (span <= 0)
        snprintf(text, 16, "-");
    else if (span < 1000)
        snprintf(text, 16, "%d us", (int)span);
    else
        snprintf(text, 16, "%.*f %s", ms < 10 ? 1 : ms < 1000 ? 0 : 1, ms < 1000 ? ms : ms / 1000, ms < 1000 ? "ms" : "s");
    return text;
}

const char *cli_write_bytes(double bytes, char text[16])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    while (bytes >= 1000 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    snprintf(text, 16, "%.*f %s", unit > 0 && bytes < 100 ? 1 : 0, bytes, units[unit]);
    return text;
}

/* "received of sent", or one number where they agree. */
static void write_count(uint64_t sent, uint64_t received, char text[48])
{
    if (sent == received)
        snprintf(text, 48, "%" PRIu64, sent);
    else
        snprintf(text, 48, "%" PRIu64 "/%" PRIu64, received, sent);
}

static void write_cell(int column, const cli_demo_row *row, char text[48])
{
    char number[16];

    switch (column) {
    case CHANNEL:
        snprintf(text, 48, "%s", row->channel);
        break;
    case SENT_THERE:
        write_count(row->sent[0], row->received[0], text);
        break;
    case SENT_BACK:
        write_count(row->sent[1], row->received[1], text);
        break;
    case P50:
        snprintf(text, 48, "%s", cli_write_span(row->p50, number));
        break;
    case P99:
        snprintf(text, 48, "%s", cli_write_span(row->p99, number));
        break;
    case RATE:
        snprintf(text, 48, "%s/s", cli_write_bytes(row->bytes_per_second, number));
        break;
    default:
        snprintf(text, 48, "%s", row->priority);
        break;
    }
}

/* Words begin at the left of their column, numbers end at the right. */
static void print_cell(FILE *out, int column, const char *text)
{
    if (column == CHANNEL)
        fprintf(out, "%-*s", columns[column].width, text);
    else if (column == PRIORITY)
        fprintf(out, "  %s", text); /* the last one */
    else
        fprintf(out, "%*s", columns[column].width, text);
}

static int columns_that_fit(int width)
{
    int n = 0;

    for (int used = 0; n < COLUMNS_LEN && used + columns[n].width <= width; n++)
        used += columns[n].width;
    return n > 0 ? n : 1;
}

/* One line, no longer than the screen is wide. */
__attribute__((format(printf, 4, 5))) static void print_line(FILE *out, cli_demo_look look, const char *colour,
                                                             const char *format, ...)
{
    char line[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    bool coloured = look.colour && colour;
    fprintf(out, "%s%.*s%s\n", coloured ? colour : "", look.columns, line, coloured ? PLAIN : "");
}

/* What is being done: "attempt 2: restart, checking, 3.2 s left". */
static void write_recovery(const cli_demo_view *view, char text[160])
{
    const hf_attempt *attempt = &view->attempt;
    double left = attempt->next != HF_NEVER && attempt->next > view->now ? (double)(attempt->next - view->now) / 1e6 : 0;
    unsigned outages = view->story ? view->story->outages : 0, resumed = view->story ? view->story->resumed : 0;

    if (attempt->phase == HF_ATTEMPT_WAITING)
        snprintf(text, 160, "attempt %u failed; the next one in %.1f s", attempt->failures, left);
    else if (attempt->phase != HF_ATTEMPT_NONE && left > 0)
        snprintf(text, 160, "attempt %u: %s, %s, %.1f s left", attempt->failures + 1, hf_attempt_step_name(attempt->step),
                 hf_attempt_phase_name(attempt->phase), left);
    else if (attempt->phase != HF_ATTEMPT_NONE)
        snprintf(text, 160, "attempt %u: %s, %s", attempt->failures + 1, hf_attempt_step_name(attempt->step),
                 hf_attempt_phase_name(attempt->phase));
    else
        snprintf(text, 160, "outages: %u, resumed: %u, messages sent again: %" PRIu64, outages, resumed,
                 view->story ? view->story->replayed : 0);
}

static int print_head(FILE *out, const cli_demo_view *view, cli_demo_look look)
{
    char rtt[16], elapsed[16], recovery[160];
    bool bad = view->cause != HF_OK;

    print_line(out, look, bad ? RED : BOLD, "holdfast demo   %s   %s%s%s", view->state,
               cli_write_span(view->elapsed, elapsed), bad ? "   " : "", bad ? hf_err_text(view->cause) : "");
    if (view->local[0])
        print_line(out, look, DIM, "alice %s - bob %s   round trip %s", view->local, view->remote,
                   cli_write_span(view->rtt, rtt));
    else
        print_line(out, look, DIM, "no pair of candidates yet");
    if (view->story) {
        write_recovery(view, recovery);
        print_line(out, look, NULL, "%s; %s", view->path == HF_PATH_NONE ? "no path" : hf_session_path_name(view->path),
                   recovery);
    }
    fputc('\n', out);
    return view->story ? 4 : 3;
}

/* What befell them, and when. Always the same number of lines: the table stays where it is. */
static int print_story(FILE *out, const cli_story *story, cli_demo_look look)
{
    size_t first = story->len > STORY_LINES ? story->len - STORY_LINES : 0;

    fputc('\n', out);
    for (size_t i = first; i < first + STORY_LINES; i++) {
        if (i < story->len)
            print_line(out, look, story->lines[i].good ? GREEN : DIM, "%6.1f s  %s", (double)story->lines[i].at / 1e6,
                       story->lines[i].text);
        else
            fputc('\n', out);
    }
    return STORY_LINES + 1;
}

int cli_demo_table_write(FILE *out, const cli_demo_view *view, cli_demo_look look)
{
    int n = columns_that_fit(look.columns);
    char text[48], bytes[16];
    int lines = print_head(out, view, look);

    fputs(look.colour ? DIM : "", out);
    for (int column = 0; column < n; column++)
        print_cell(out, column, columns[column].title);
    fputs(look.colour ? PLAIN "\n" : "\n", out);
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        for (int column = 0; column < n; column++) {
            write_cell(column, &view->rows[i], text);
            print_cell(out, column, text);
        }
        fputc('\n', out);
    }
    bool all = view->files > 0 && view->files_verified == view->files;
    fputc('\n', out);
    print_line(out, look, all ? GREEN : NULL, "files: %" PRIu64 " of %" PRIu64 " (%s) arrived and verified",
               view->files_verified, view->files, cli_write_bytes((double)view->files_bytes, bytes));
    lines += 1 + CLI_DEMO_CHANNELS + 2;
    return view->story ? lines + print_story(out, view->story, look) : lines;
}
