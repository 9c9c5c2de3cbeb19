/* drawing.c: draws the machines of docs/recovery.md from the tables that they run by, so that neither drawing can age.
 *
 *     drawing DIR          writes DIR/session-states.svg and DIR/attempts.svg
 *     drawing --check DIR  whether they are as it would write them, and DIR/recovery.md has the table of defaults; 1: no */
#include "retry.h"
#include "session_states.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATES_MAX 8
#define ROWS_MAX 64
#define TEXT_MAX (1 << 16)

#define LEFT 24
#define STATE_WIDTH 132
#define MEANS_WIDTH 270
#define TOP 104
#define ROW_HEIGHT 24
#define BOX_HEIGHT 26

typedef struct row {
    const char *from, *to; /* "any": each state; "": the same */
    const char *news, *when, *means;
} row;

typedef struct machine {
    const char *file, *title, *subtitle;
    int news_width; /* of the words in front of the lines of states */
    const char *states[STATES_MAX];
    size_t states_len;
    row rows[ROWS_MAX];
    size_t rows_len;
    bool has_means;
} machine;

typedef struct text {
    char data[TEXT_MAX];
    size_t len;
} text;

static void write_text(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void write_text(text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(t->data + t->len, sizeof t->data - t->len, format, arguments);
    va_end(arguments);
    if (len < 0 || t->len + (size_t)len >= sizeof t->data) {
        fprintf(stderr, "drawing: it is larger than expected\n");
        exit(2);
    }
    t->len += (size_t)len;
}

/* --- The tables ------------------------------------------------------------------------------------------------------ */

static void read_session(machine *m)
{
    *m = (machine){.file = "session-states.svg",
                   .title = "The states of a session",
                   .news_width = 270,
                   .subtitle = "from hf_session_transitions (src/session/states.c)"};
    for (int s = 0; s < HF_SESSION_STATE_COUNT; s++)
        m->states[m->states_len++] = hf_session_state_name((hf_session_state)s);
    for (size_t i = 0; i < hf_session_transitions_len && i < ROWS_MAX; i++) {
        const hf_session_transition *t = &hf_session_transitions[i];
        m->rows[m->rows_len++] = (row){.from = hf_session_state_name(t->from),
                                       .to = hf_session_state_name(t->to),
                                       .news = t->why,
                                       .when = "",
                                       .means = ""};
    }
}

static void read_attempts(machine *m)
{
    hf_retry_rule rule;
    *m = (machine){.file = "attempts.svg",
                   .title = "What the manager does for a session that is not connected",
                   .news_width = 430,
                   .subtitle = "from the rules of src/manager/retry.c; of several that fit, the first holds",
                   .has_means = true};
    for (int p = HF_ATTEMPT_NONE; p <= HF_ATTEMPT_WAITING; p++)
        m->states[m->states_len++] = hf_attempt_phase_name((hf_attempt_phase)p);
    for (size_t i = 0; i < ROWS_MAX && hf_retry_get_rule(i, &rule); i++)
        m->rows[m->rows_len++] = (row){rule.from, rule.to, rule.news, rule.when, rule.means};
}

/* --- The drawing ----------------------------------------------------------------------------------------------------- */

static const char style[] =
    "text{font:12px ui-sans-serif,system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}"
    ".title{font-size:17px;font-weight:600}.state{font-weight:600;text-anchor:middle}.muted{fill:#656d76}"
    ".page{fill:#fff}.band{fill:#f6f8fa}.box{fill:#ddf4ff;stroke:#0969da}.line{stroke:#d0d7de;stroke-dasharray:3 4}"
    ".arrow{stroke:#0969da;stroke-width:1.5;fill:none}.head{fill:#0969da}.dot{fill:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.muted{fill:#8b949e}.page{fill:#0d1117}.band{fill:#161b22}"
    ".box{fill:#0c2d4a;stroke:#58a6ff}.line{stroke:#30363d}.arrow{stroke:#58a6ff}.head,.dot{fill:#58a6ff}}";

static int x_of(const machine *m, const char *state)
{
    for (size_t i = 0; i < m->states_len; i++) {
        if (strcmp(m->states[i], state) == 0)
            return LEFT + m->news_width + STATE_WIDTH / 2 + (int)i * STATE_WIDTH;
    }
    return -1;
}

static void draw_arrow(text *t, int from, int to, int y)
{
    int tip = to > from ? to - 8 : to + 8;
    write_text(t, "<path d=\"M%d %dH%d\" class=\"arrow\"/>", from, y, tip);
    write_text(t, "<path d=\"M%d %dL%d %dL%d %dZ\" class=\"head\"/>", to, y, tip, y - 4, tip, y + 4);
}

static void draw_loop(text *t, int x, int y)
{
    write_text(t, "<path d=\"M%d %dC%d %d %d %d %d %d\" class=\"arrow\"/>", x, y - 5, x + 34, y - 12, x + 34, y + 12, x + 8,
               y + 5);
    write_text(t, "<path d=\"M%d %dL%d %dL%d %dZ\" class=\"head\"/>", x + 1, y + 4, x + 9, y, x + 8, y + 9);
}

static void draw_dot(text *t, int x, int y)
{
    write_text(t, "<circle cx=\"%d\" cy=\"%d\" r=\"3.5\" class=\"dot\"/>", x, y);
}

static void draw_from_any(text *t, const machine *m, const row *r, int y)
{
    int to = x_of(m, r->to);
    for (size_t i = 0; i < m->states_len; i++) {
        int x = x_of(m, m->states[i]);
        if (*r->to == '\0')
            draw_loop(t, x, y);
        else if (x != to)
            draw_arrow(t, x, to, y);
        if (x != to)
            draw_dot(t, x, y);
    }
}

static void draw_row(text *t, const machine *m, const row *r, int y)
{
    int from = x_of(m, r->from), to = *r->to ? x_of(m, r->to) : from;
    write_text(t, "<text x=\"%d\" y=\"%d\">%s", LEFT + 8, y + 4, r->news);
    if (*r->when)
        write_text(t, "<tspan class=\"muted\">, %s</tspan>", r->when);
    write_text(t, "</text>");
    if (strcmp(r->from, "any") == 0) {
        draw_from_any(t, m, r, y);
    } else {
        if (from == to)
            draw_loop(t, from, y);
        else
            draw_arrow(t, from, to, y);
        draw_dot(t, from, y);
    }
    if (*r->means)
        write_text(t, "<text x=\"%d\" y=\"%d\" class=\"muted\">%s</text>",
                   LEFT + m->news_width + (int)m->states_len * STATE_WIDTH + 8, y + 4, r->means);
    write_text(t, "\n");
}

static void draw_states(text *t, const machine *m, int bottom)
{
    for (size_t i = 0; i < m->states_len; i++) {
        int x = x_of(m, m->states[i]), width = STATE_WIDTH - 16, top = TOP - 14 - BOX_HEIGHT;
        write_text(t, "<path d=\"M%d %dV%d\" class=\"line\"/>", x, top + BOX_HEIGHT, bottom);
        write_text(t, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" class=\"box\"/>", x - width / 2, top,
                   width, BOX_HEIGHT);
        write_text(t, "<text x=\"%d\" y=\"%d\" class=\"state\">%s</text>\n", x, top + 17, m->states[i]);
    }
}

/* Rows that begin in one state stand on one band. */
static void draw_bands(text *t, const machine *m, int width)
{
    bool is_dark = true;
    for (size_t i = 0; i < m->rows_len; i++) {
        if (i == 0 || strcmp(m->rows[i].from, m->rows[i - 1].from) != 0)
            is_dark = !is_dark;
        if (is_dark)
            write_text(t, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"band\"/>\n", LEFT,
                       TOP + (int)i * ROW_HEIGHT, width - 2 * LEFT, ROW_HEIGHT);
    }
}

static void draw(text *t, const machine *m)
{
    int width = 2 * LEFT + m->news_width + (int)m->states_len * STATE_WIDTH + (m->has_means ? MEANS_WIDTH : 0);
    int bottom = TOP + (int)m->rows_len * ROW_HEIGHT;
    t->len = 0;
    write_text(t,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
               "<title>%s</title>\n<style>%s</style>\n",
               width, bottom + LEFT, width, bottom + LEFT, m->title, style);
    write_text(t, "<rect width=\"%d\" height=\"%d\" class=\"page\"/>\n", width, bottom + LEFT);
    write_text(t, "<text x=\"%d\" y=\"30\" class=\"title\">%s</text>\n", LEFT, m->title);
    write_text(t, "<text x=\"%d\" y=\"50\" class=\"muted\">%s</text>\n", LEFT, m->subtitle);
    draw_bands(t, m, width);
    draw_states(t, m, bottom);
    for (size_t i = 0; i < m->rows_len; i++)
        draw_row(t, m, &m->rows[i], TOP + (int)i * ROW_HEIGHT + ROW_HEIGHT / 2);
    write_text(t, "</svg>\n");
}

/* --- The table of defaults ------------------------------------------------------------------------------------------- */

static void write_waits(text *t, const hf_schedule *schedule)
{
    for (size_t i = 0; i < schedule->waits_len; i++)
        write_text(t, "%s%lld", i > 0 ? ", " : "", (long long)(schedule->waits[i] / HF_SECONDS(1)));
    write_text(t, ", %lld … s", (long long)(schedule->waits[schedule->waits_len - 1] / HF_SECONDS(1)));
}

static void write_defaults(text *t)
{
    hf_schedule schedule;
    t->len = 0;
    if (hf_schedule_init(&schedule, &(hf_manager_config){.session = {.peer = {.relay = HF_ICE_RELAY_DEFAULT}}}) != HF_OK)
        exit(2);
    write_text(t, "| `hf_retry_config` | default | what it is |\n|---|---|---|\n| `waits` | ");
    write_waits(t, &schedule);
    write_text(t, " | behind the first failed attempt, the second, … |\n");
    write_text(t, "| `jitter` | %u %% | so much longer, at random, a wait may be |\n", schedule.jitter);
    write_text(t, "| `attempt` | %lld s | the time of an attempt: to be agreed to, and then to find a path |\n",
               (long long)(schedule.attempt / HF_SECONDS(1)));
    write_text(t, "| `relay_only_after` | %u | answered attempts that failed, before each other one is relay alone |\n",
               schedule.relay_only_after);
    write_text(t, "| `relay_after` | %u | failed attempts before a relay is used at all |\n", schedule.relay_after);
    write_text(t, "| `session.give_up` | %s | when nothing was connected for so long, the session has failed |\n",
               (hf_session_config){0}.give_up == 0 ? "never" : "?");
}

/* --- Files ----------------------------------------------------------------------------------------------------------- */

static FILE *open_in(const char *dir, const char *file, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    FILE *stream = fopen(path, mode);
    if (!stream)
        perror(path);
    return stream;
}

static bool read_file(const char *dir, const char *file, text *out)
{
    FILE *stream = open_in(dir, file, "rb");
    if (!stream)
        return false;
    out->len = fread(out->data, 1, sizeof out->data - 1, stream);
    out->data[out->len] = '\0';
    fclose(stream);
    return true;
}

static bool write_file(const char *dir, const char *file, const text *t)
{
    FILE *stream = open_in(dir, file, "wb");
    if (!stream)
        return false;
    size_t written = fwrite(t->data, 1, t->len, stream);
    return fclose(stream) == 0 && written == t->len;
}

static bool check_drawing(const char *dir, const machine *m, const text *drawn)
{
    static text there;
    if (read_file(dir, m->file, &there) && strcmp(there.data, drawn->data) == 0)
        return true;
    fprintf(stderr, "%s/%s is not what the table says: ./run drawing makes it anew\n", dir, m->file);
    return false;
}

static bool check_defaults(const char *dir)
{
    static text page, defaults;
    write_defaults(&defaults);
    if (read_file(dir, "recovery.md", &page) && strstr(page.data, defaults.data))
        return true;
    fprintf(stderr, "%s/recovery.md lacks the table of defaults:\n\n%s", dir, defaults.data);
    return false;
}

int main(int argc, char **argv)
{
    static text t;
    static machine machines[2];
    bool checks = argc == 3 && strcmp(argv[1], "--check") == 0, ok = true;
    if (argc != 2 && !checks) {
        fprintf(stderr, "usage: drawing [--check] DIR\n");
        return 2;
    }
    const char *dir = argv[argc - 1];
    read_session(&machines[0]);
    read_attempts(&machines[1]);
    for (size_t i = 0; i < 2; i++) {
        draw(&t, &machines[i]);
        ok &= checks ? check_drawing(dir, &machines[i], &t) : write_file(dir, machines[i].file, &t);
    }
    if (checks)
        ok &= check_defaults(dir);
    return ok ? 0 : 1;
}
