/* demo_table.c: the demo's table as text. */
#include "demo_table.h"

#include <inttypes.h>
#include <string.h>

#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define GREEN "\x1b[32m"
#define PLAIN "\x1b[0m"

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

static void print_head(FILE *out, const cli_demo_view *view, cli_demo_look look)
{
    char line[256], rtt[16], elapsed[16];

    snprintf(line, sizeof line, "holdfast demo   %s   %s", view->state, cli_write_span(view->elapsed, elapsed));
    fprintf(out, "%s%.*s%s\n", look.colour ? BOLD : "", look.columns, line, look.colour ? PLAIN : "");
    if (view->local[0])
        snprintf(line, sizeof line, "alice %s - bob %s   round trip %s", view->local, view->remote,
                 cli_write_span(view->rtt, rtt));
    else
        snprintf(line, sizeof line, "no pair of candidates yet");
    fprintf(out, "%s%.*s%s\n\n", look.colour ? DIM : "", look.columns, line, look.colour ? PLAIN : "");
}

int cli_demo_table_write(FILE *out, const cli_demo_view *view, cli_demo_look look)
{
    int n = columns_that_fit(look.columns);
    char text[48], bytes[16], line[256];

    print_head(out, view, look);
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
    snprintf(line, sizeof line, "files: %" PRIu64 " of %" PRIu64 " (%s) arrived and verified", view->files_verified,
             view->files, cli_write_bytes((double)view->files_bytes, bytes));
    bool all = view->files > 0 && view->files_verified == view->files;
    fprintf(out, "\n%s%.*s%s\n", look.colour && all ? GREEN : "", look.columns, line, look.colour && all ? PLAIN : "");
    return 3 + 1 + CLI_DEMO_CHANNELS + 2;
}
