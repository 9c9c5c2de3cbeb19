/* timeline_draw.c: the timeline as SVG 1.1. Colours follow the viewer's light or dark scheme; what has no room for its text
 * shows it when it is pointed at. */
#include "timeline.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define WIDTH 1280
#define LEFT 296 /* where the plot begins; labels stand before it */
#define RIGHT 1256
#define PLOT (RIGHT - LEFT)
#define ROW 20
#define ROW_STEP 25
#define STRIP 9 /* below a pair: its checks */
#define HALF_CHART 30
#define COLUMN 2 /* pixels of one column of the packet chart */
#define COLUMNS 480
#define GLYPH 6.3 /* pixels of a character of a label, rather too many */
#define LABEL_CHARS ((int)((LEFT - 34) / GLYPH))
#define TICKS_MAX 10

static_assert(COLUMNS * COLUMN == PLOT, "the packet chart is as wide as the plot");

/* A drawing under way. */
typedef struct pen {
    FILE *out;
    double from, to; /* milliseconds of the log's clock */
    double first;    /* which the axis calls 0 */
    double y;
} pen;

static const char *const lane_names[CLI_LANE_COUNT] = {
    [CLI_LANE_SESSION] = "session",
    [CLI_LANE_CONNECTION] = "connection",
    [CLI_LANE_SIGNALING] = "signalling",
    [CLI_LANE_GATHERING] = "gathering",
    [CLI_LANE_ICE] = "ICE",
    [CLI_LANE_DTLS] = "DTLS",
    [CLI_LANE_SCTP] = "SCTP",
    [CLI_LANE_SELECTED] = "",
};

/* What a state means, whosever it is: the class that colours it. */
static const struct {
    const char *state, *look;
} looks[] = {
    {"connecting", "work"}, {"checking", "work"},        {"in-progress", "work"},
    {"gathering", "work"},  {"reconnecting", "work"},    {"have-local-offer", "work"},
    {"connected", "good"},  {"succeeded", "good"},       {"have-remote-offer", "work"},
    {"open", "good"},       {"stable", "good"},          {"completed", "best"},
    {"complete", "best"},   {"disconnected", "trouble"}, {"unstable", "trouble"},
    {"closing", "trouble"}, {"failed", "bad"},           {"closed", "over"},
};

static const char *look_of(const char *state)
{
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        if (strcmp(looks[i].state, state) == 0)
            return looks[i].look;
    }
    return "idle";
}

static const char style[] =
    "text{font:11px ui-sans-serif,system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}"
    ".title{font-size:17px;font-weight:600}.head{font-size:13px;font-weight:600}.mono{font-family:ui-monospace,"
    "SFMono-Regular,Menlo,Consolas,monospace;font-size:10.5px}.muted{fill:#656d76}.end{text-anchor:end}.page{fill:#fff}."
    "band{fill:#f6f8fa}"
    ".grid{stroke:#e6e8eb}.idle{fill:#e1e4e8}.work{fill:#ffdf9e}.good{fill:#b4e7c5}.best{fill:#6fcf97}.trouble{fill:#ffc59b}"
    ".bad{fill:#f5a3a3}.over{fill:#c4cad2}.sent{fill:#4c8dd6}.received{fill:#9069d6}.dropped{fill:#d1242f}"
    ".axis{stroke:#afb8c1}.tick{stroke:#1f2328}.mark{fill:#1f2328}.chosen{fill:none;stroke:#0969da;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.muted{fill:#8b949e}.page{fill:#0d1117}.band{fill:#161b22}"
    ".grid{stroke:#21262d}.idle{fill:#30363d}.work{fill:#6b5213}.good{fill:#1d5a34}.best{fill:#2c8a53}.trouble{fill:#83430f}"
    ".bad{fill:#8e2a2a}.over{fill:#484f58}.sent{fill:#4184e4}.received{fill:#986ee2}.dropped{fill:#f85149}"
    ".axis{stroke:#484f58}.tick{stroke:#e6edf3}.mark{fill:#e6edf3}.chosen{stroke:#58a6ff}}";

/* --- Pieces ---------------------------------------------------------------------------------------------------------- */

/* XML 1.0 §2.2 has no place for most control characters, escaped or not, nor for U+FFFE and U+FFFF. */
static void put_text(FILE *out, const char *text, int chars_max)
{
    int chars = 0;
    for (const uint8_t *at = (const uint8_t *)text; *at; at++) {
        bool is_first = (*at & 0xC0) != 0x80;
        if (is_first && chars++ == chars_max) {
            fputs("…", out);
            return;
        }
        if (at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xBE) {
            fputs("\xEF\xBF\xBD", out);
            at += 2;
        } else if (*at < 0x20 || *at == 0x7F) {
            fputs("\xEF\xBF\xBD", out);
        } else if (strchr("&<>\"'", *at)) {
            fprintf(out, "&#%d;", *at);
        } else {
            fputc(*at, out);
        }
    }
}

static int chars_of(const char *text)
{
    int chars = 0;
    for (; *text; text++)
        chars += ((uint8_t)*text & 0xC0) != 0x80;
    return chars;
}

static void text_at(pen *p, double x, double y, const char *class, const char *text, int chars_max)
{
    fprintf(p->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
    put_text(p->out, text, chars_max);
    fputs("</text>\n", p->out);
}

/* A label before the plot; whole when it is pointed at. */
static void label(pen *p, const char *text, bool is_address)
{
    fputs("<g><title>", p->out);
    put_text(p->out, text, CLI_TIMELINE_LABEL_SIZE);
    fputs("</title>", p->out);
    text_at(p, 24, p->y + 14, is_address ? "mono" : "", text, LABEL_CHARS);
    fputs("</g>", p->out);
}

static double x_of(const pen *p, double at)
{
    double part = (at - p->from) / (p->to - p->from);
    return LEFT + PLOT * (part < 0 ? 0 : part > 1 ? 1 : part);
}

static bool is_seen(const pen *p, double at)
{
    return at >= p->from && at <= p->to;
}

/* A moment or a span as people say it. */
static const char *write_time(double ms, char text[32])
{
    if (fabs(ms) >= 1000)
        snprintf(text, 32, "%.6g s", ms / 1000);
    else
        snprintf(text, 32, "%.4g ms", ms);
    return text;
}

static const char *write_bytes(uint64_t bytes, char text[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.3g %s", value, units[unit]);
    return text;
}

/* --- Rows ------------------------------------------------------------------------------------------------------------ */

static void bar(pen *p, const cli_span *span, double to)
{
    if (span->from > p->to || to < p->from)
        return;
    double x = x_of(p, span->from), width = x_of(p, to) - x;
    char from[32], lasts[32];
    int chars = chars_of(span->name);

    fprintf(p->out, "<g><title>");
    put_text(p->out, span->name, CLI_TIMELINE_NAME_SIZE);
    fprintf(p->out, " at %s, for %s", write_time(span->from - p->first, from), write_time(to - span->from, lasts));
    if (span->cause[0]) {
        fputs(": ", p->out);
        put_text(p->out, span->cause, CLI_TIMELINE_NAME_SIZE);
    }
    fprintf(p->out, "</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"3\" class=\"%s\"/>", x, p->y,
            width > 1.5 ? width - 0.5 : 1, ROW, look_of(span->name));
    if (width > GLYPH * chars + 10) {
        text_at(p, x + 6, p->y + 14, "", span->name, CLI_TIMELINE_NAME_SIZE);
        double used = GLYPH * (chars + 2) + 10;
        if (span->cause[0] && width > used + GLYPH * chars_of(span->cause))
            text_at(p, x + used, p->y + 14, "muted", span->cause, CLI_TIMELINE_NAME_SIZE);
    }
    fputs("</g>\n", p->out);
}

static void mark(pen *p, const cli_mark *m)
{
    double x = x_of(p, m->at);
    fputs("<g><title>", p->out);
    put_text(p->out, m->text, CLI_TIMELINE_NAME_SIZE);
    fputs("</title>", p->out);
    switch (m->kind) {
    case CLI_MARK_SENT:
        fprintf(p->out, "<path d=\"M%.1f %.1fv4.5\" class=\"tick\"/>", x, p->y + ROW + 6.5);
        break;
    case CLI_MARK_RECEIVED:
        fprintf(p->out, "<path d=\"M%.1f %.1fv4.5\" class=\"tick\"/>", x, p->y + ROW + 2);
        break;
    case CLI_MARK_ANSWERED:
        fprintf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" class=\"mark\"/>", x, p->y + ROW + 6.5);
        break;
    case CLI_MARK_NOMINATED:
        fprintf(p->out, "<path d=\"M%.1f %.1fl4.5 4.5l-4.5 4.5l-4.5-4.5z\" class=\"mark\"/>", x, p->y + ROW + 2);
        break;
    case CLI_MARK_NOTE:
        fprintf(p->out, "<path d=\"M%.1f %.1fl4 -6h-8z\" class=\"mark\"/>", x, p->y + 4);
        break;
    }
    fputs("</g>\n", p->out);
}

/* Of one kind, those that fall on the same spot are drawn once. */
static void marks(pen *p, const cli_row *row)
{
    double last[CLI_MARK_NOTE + 1] = {0};
    for (size_t i = 0; i < row->marks_len; i++) {
        const cli_mark *m = &row->marks[i];
        double x = x_of(p, m->at);
        if (!is_seen(p, m->at) || fabs(x - last[m->kind]) < 1.5)
            continue;
        last[m->kind] = x;
        mark(p, m);
    }
}

/* The last state goes on as long as the connection is heard of. */
static double end_of(const cli_group *group, const cli_row *row, size_t span)
{
    bool is_last = span + 1 == row->spans_len;
    return is_last && !row->is_over ? group->last : row->spans[span].to;
}

/* Something of it lies in the window. */
static bool is_row_seen(const pen *p, const cli_group *group, const cli_row *row)
{
    return row->spans_len > 0 && row->spans[0].from <= p->to && end_of(group, row, row->spans_len - 1) >= p->from;
}

static void draw_row(pen *p, const cli_group *group, const cli_row *row, const char *name, bool is_address)
{
    label(p, name, is_address);
    for (size_t i = 0; i < row->spans_len; i++)
        bar(p, &row->spans[i], end_of(group, row, i));
    marks(p, row);
}

/* A frame around a pair as long as data takes it. */
static void draw_chosen(pen *p, const cli_group *group, const cli_row *pair)
{
    const cli_row *selected = &group->lanes[CLI_LANE_SELECTED];
    char number[CLI_TIMELINE_NAME_SIZE];
    snprintf(number, sizeof number, "%lld", (long long)pair->number);
    for (size_t i = 0; i < selected->spans_len; i++) {
        double from = selected->spans[i].from, to = end_of(group, selected, i);
        if (strcmp(selected->spans[i].name, number) != 0 || from > p->to || to < p->from)
            continue;
        fprintf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"4\" class=\"chosen\"/>\n",
                x_of(p, from), p->y - 1, x_of(p, to) - x_of(p, from) + 1, ROW + 2);
    }
}

static void caption(pen *p, const char *text)
{
    text_at(p, 24, p->y + 14, "muted", text, LABEL_CHARS);
    p->y += 20;
}

/* --- Packets --------------------------------------------------------------------------------------------------------- */

/* How many packets fall on each column; a bin that is wider than a column is spread. */
static double columns_of(const pen *p, const cli_density *density, cli_flow_kind kind, double out[COLUMNS])
{
    double column = (p->to - p->from) / COLUMNS, most = 0;
    memset(out, 0, COLUMNS * sizeof *out);
    for (size_t i = 0; i < CLI_TIMELINE_BINS; i++) {
        double begin = density->from + (double)i * density->width, end = begin + density->width;
        if (density->bins[kind][i] == 0 || end <= p->from || begin > p->to)
            continue;
        double first = (begin - p->from) / column, last = (end - p->from) / column;
        size_t from = first > 0 ? (size_t)first : 0, to = last < COLUMNS ? (size_t)ceil(last) : COLUMNS;
        for (size_t k = from; k < to && k < COLUMNS; k++) {
            double lower = first > (double)k ? first : (double)k, upper = last < (double)(k + 1) ? last : (double)(k + 1);
            out[k] += (double)density->bins[kind][i] * (upper - lower) / (last - first);
        }
    }
    for (size_t k = 0; k < COLUMNS; k++)
        most = out[k] > most ? out[k] : most;
    return most;
}

/* Columns from the line at `y`, up or down. Square roots, so that a single check is seen beside a flood. */
static void draw_columns(pen *p, const double *columns, double most, double y, double height, const char *class)
{
    fprintf(p->out, "<path class=\"%s\" d=\"", class);
    for (size_t k = 0; k < COLUMNS; k++) {
        double length = columns[k] > 0 ? height * sqrt(columns[k] / most) : 0;
        if (length == 0)
            continue;
        if (fabs(length) < 1)
            length = length < 0 ? -1 : 1;
        fprintf(p->out, "M%zu %.1fv%.1fh%dv%.1fz", LEFT + k * COLUMN, y, length, COLUMN, -length);
    }
    fputs("\"/>\n", p->out);
}

static void flow_label(pen *p, const cli_density *density, cli_flow_kind kind, const char *verb)
{
    char line[96], bytes[32];
    snprintf(line, sizeof line, "%s %llu packets, %s", verb, (unsigned long long)density->packets[kind],
             write_bytes(density->bytes[kind], bytes));
    text_at(p, 24, p->y + 14, "", line, LABEL_CHARS);
}

static void draw_packets(pen *p, const cli_group *group)
{
    double sent[COLUMNS], received[COLUMNS], dropped[COLUMNS];
    char line[96], time[32];
    double most = columns_of(p, &group->density, CLI_FLOW_SENT, sent);
    double most_received = columns_of(p, &group->density, CLI_FLOW_RECEIVED, received);
    double most_dropped = columns_of(p, &group->density, CLI_FLOW_DROPPED, dropped);
    if (most_received > most)
        most = most_received;
    double middle = p->y + HALF_CHART;

    if (most > 0) {
        fprintf(p->out, "<path d=\"M%d %.1fh%d\" class=\"axis\"/>\n", LEFT, middle, PLOT);
        draw_columns(p, sent, most, middle, -HALF_CHART, "sent");
        draw_columns(p, received, most, middle, HALF_CHART, "received");
        p->y += 4;
        flow_label(p, &group->density, CLI_FLOW_SENT, "▲ sent");
        p->y += 16;
        flow_label(p, &group->density, CLI_FLOW_RECEIVED, "▼ received");
        p->y += 16;
        snprintf(line, sizeof line, "tallest: %.4g packets in %s", most, write_time((p->to - p->from) / COLUMNS, time));
        text_at(p, 24, p->y + 14, "muted", line, LABEL_CHARS);
        p->y = middle + HALF_CHART + 6;
    }
    if (group->causes_len == 0)
        return;
    if (most_dropped > 0)
        draw_columns(p, dropped, most_dropped, p->y + ROW - 2, -(ROW - 2), "dropped");
    flow_label(p, &group->density, CLI_FLOW_DROPPED, "✕ dropped");
    p->y += ROW_STEP - 6;
    char causes[1024];
    size_t len = 0;
    for (size_t i = 0; i < group->causes_len && len < sizeof causes; i++)
        len += (size_t)snprintf(causes + len, sizeof causes - len, "%s%s × %llu", i ? ",  " : "", group->causes[i].name,
                                (unsigned long long)group->causes[i].count);
    text_at(p, LEFT, p->y + 12, "muted", causes, (int)(PLOT / GLYPH));
    p->y += ROW_STEP - 4;
}

/* --- Groups ---------------------------------------------------------------------------------------------------------- */

static void write_head(const cli_group *group, char *text, size_t cap)
{
    const cli_row *connection = &group->lanes[CLI_LANE_CONNECTION];
    char span[32];
    text[0] = '\0';
    for (size_t i = 0; i < connection->spans_len; i++) {
        if (strcmp(connection->spans[i].name, "connected") == 0) {
            snprintf(text, cap, "connected after %s", write_time(connection->spans[i].from - group->first, span));
            return;
        }
    }
}

static size_t seen_of(const pen *p, const cli_group *group, const cli_row *rows, size_t len)
{
    size_t seen = 0;
    for (size_t i = 0; i < len; i++)
        seen += is_row_seen(p, group, &rows[i]);
    return seen;
}

static void draw_group(pen *p, const cli_group *group)
{
    char head[64], name[96];
    write_head(group, head, sizeof head);
    snprintf(name, sizeof name, "connection %.31s", group->id[0] ? group->id : "without a number");
    fprintf(p->out, "<rect x=\"12\" y=\"%.1f\" width=\"%d\" height=\"26\" rx=\"5\" class=\"band\"/>\n", p->y, WIDTH - 24);
    text_at(p, 24, p->y + 18, "head", group->role[0] ? group->role : "peer", LABEL_CHARS);
    text_at(p, LEFT, p->y + 18, "", head, LABEL_CHARS);
    text_at(p, RIGHT, p->y + 18, "muted end", name, 60);
    p->y += 34;

    for (size_t i = 0; i < CLI_LANE_SELECTED; i++) {
        if (!is_row_seen(p, group, &group->lanes[i]))
            continue;
        draw_row(p, group, &group->lanes[i], lane_names[i], false);
        p->y += ROW_STEP;
    }
    if (seen_of(p, group, group->pairs, group->pairs_len) > 0)
        caption(p, "candidate pairs");
    for (size_t i = 0; i < group->pairs_len; i++) {
        if (!is_row_seen(p, group, &group->pairs[i]))
            continue;
        draw_row(p, group, &group->pairs[i], group->pairs[i].label, true);
        draw_chosen(p, group, &group->pairs[i]);
        p->y += ROW_STEP + STRIP;
    }
    if (seen_of(p, group, group->channels, group->channels_len) > 0)
        caption(p, "data channels");
    for (size_t i = 0; i < group->channels_len; i++) {
        if (!is_row_seen(p, group, &group->channels[i]))
            continue;
        draw_row(p, group, &group->channels[i], group->channels[i].label, false);
        p->y += ROW_STEP;
    }
    p->y += 4;
    draw_packets(p, group);
    p->y += 14;
}

/* --- The page -------------------------------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten: the smallest that leaves room between the ticks. */
static double tick_step(double span)
{
    double step = pow(10, floor(log10(span / TICKS_MAX)));
    static const double factors[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        if (span / (step * factors[i]) <= TICKS_MAX)
            return step * factors[i];
    }
    return span;
}

static void draw_axis(pen *p, double bottom)
{
    double from = p->from - p->first, to = p->to - p->first, step = tick_step(to - from);
    char text[32];
    for (int i = 0; i <= TICKS_MAX + 1; i++) {
        double at = (ceil(from / step) + i) * step;
        if (at > to + step / 1000)
            break;
        double x = x_of(p, p->first + at);
        fprintf(p->out, "<path d=\"M%.1f %.1fV%.1f\" class=\"grid\"/>\n", x, p->y + 6, bottom);
        fprintf(p->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"muted\" text-anchor=\"middle\">%s</text>\n", x, p->y,
                at == 0 ? "0" : write_time(at, text));
    }
    p->y += 18;
}

static double legend_bar(pen *p, double x, const char *look, const char *text)
{
    fprintf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"12\" rx=\"3\" class=\"%s\"/>", x, p->y + 3, look);
    text_at(p, x + 19, p->y + 13, "muted", text, 40);
    return x + 19 + GLYPH * chars_of(text) + 12;
}

static double legend_mark(pen *p, double x, cli_mark_kind kind, const char *text)
{
    pen moved = *p;
    double width = p->to - p->from;
    moved.y = kind == CLI_MARK_NOTE ? p->y + 6 : p->y + 2 - ROW;
    mark(&moved, &(cli_mark){.at = p->from + width * (x + 6 - LEFT) / PLOT, .kind = kind});
    text_at(p, x + 16, p->y + 13, "muted", text, 40);
    return x + 16 + GLYPH * chars_of(text) + 12;
}

static void draw_legend(pen *p)
{
    static const struct {
        const char *look, *text;
    } bars[] = {
        {"idle", "not begun"},     {"work", "under way"}, {"good", "works"},  {"best", "settled"},
        {"trouble", "in trouble"}, {"bad", "failed"},     {"over", "closed"},
    };
    double x = LEFT;
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++)
        x = legend_bar(p, x, bars[i].look, bars[i].text);
    p->y += 20;
    x = LEFT;
    x = legend_mark(p, x, CLI_MARK_SENT, "check sent");
    x = legend_mark(p, x, CLI_MARK_RECEIVED, "check received");
    x = legend_mark(p, x, CLI_MARK_ANSWERED, "check answered");
    x = legend_mark(p, x, CLI_MARK_NOMINATED, "nominated");
    x = legend_mark(p, x, CLI_MARK_NOTE, "description applied");
    fprintf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"12\" rx=\"3\" class=\"chosen\"/>", x, p->y + 3);
    text_at(p, x + 20, p->y + 13, "muted", "data takes this pair", 40);
    p->y += 26;
}

static double height_of(const pen *p, const cli_group *group)
{
    double height = 34 + 4 + 14;
    size_t pairs = seen_of(p, group, group->pairs, group->pairs_len);
    size_t channels = seen_of(p, group, group->channels, group->channels_len);
    height += ROW_STEP * (double)seen_of(p, group, group->lanes, CLI_LANE_SELECTED);
    height += pairs > 0 ? 20 + (ROW_STEP + STRIP) * (double)pairs : 0;
    height += channels > 0 ? 20 + ROW_STEP * (double)channels : 0;
    height += 2 * HALF_CHART + 6;
    height += group->causes_len > 0 ? 2 * ROW_STEP - 10 : 0;
    return height;
}

static void draw_top(pen *p, const cli_timeline *timeline)
{
    char line[160];
    text_at(p, 24, p->y + 22, "title", timeline->title[0] ? timeline->title : "event log", 80);
    snprintf(line, sizeof line, "%s%s%llu events", timeline->wall_clock, timeline->wall_clock[0] ? ", " : "",
             (unsigned long long)timeline->events);
    text_at(p, 24, p->y + 42, "muted", line, 100);
    p->y += 66;
}

static void draw_foot(pen *p, const cli_timeline *timeline)
{
    char line[160];
    if (timeline->left_out + timeline->unknown == 0)
        return;
    snprintf(line, sizeof line, "left out: %llu events that had no room, %llu of unknown names",
             (unsigned long long)timeline->left_out, (unsigned long long)timeline->unknown);
    text_at(p, 24, p->y + 12, "muted", line, 150);
    p->y += 20;
}

void cli_timeline_draw(FILE *out, const cli_timeline *timeline)
{
    pen p = {.out = out, .first = timeline->first, .from = timeline->first + timeline->window.from};
    p.to = timeline->window.to > 0 ? timeline->first + timeline->window.to : timeline->last;
    if (p.to < p.from + 0.001)
        p.to = p.from + 0.001;

    double groups = 0, top = 8 + 66, feet = timeline->left_out + timeline->unknown > 0 ? 20 : 0;
    for (size_t i = 0; i < timeline->groups_len; i++)
        groups += height_of(&p, &timeline->groups[i]);
    double height = top + 18 + groups + 46 + feet + 8;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\" role=\"img\">\n"
            "<title>Timeline of a connection</title>\n<style>%s</style>\n"
            "<rect width=\"%d\" height=\"%.0f\" class=\"page\"/>\n",
            WIDTH, height, WIDTH, height, style, WIDTH, height);
    p.y = 8;
    draw_top(&p, timeline);
    draw_axis(&p, top + 18 + groups);
    for (size_t i = 0; i < timeline->groups_len; i++)
        draw_group(&p, &timeline->groups[i]);
    p.y = top + 18 + groups;
    draw_legend(&p);
    draw_foot(&p, timeline);
    fputs("</svg>\n", out);
}
