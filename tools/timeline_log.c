/* timeline_log.c: the lines of an event log become rows of states, marks and counts. */
#include "timeline.h"

#include "trace.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds of a clock: thirty thousand years, and exact in a double to the microsecond for three hundred. */
#define TIME_MAX 1e15

#define BIN_WIDTH_FIRST 0.001 /* milliseconds: what the log can tell */

/* --- Rows ------------------------------------------------------------------------------------------------------------ */

/* Copies a text, cut between characters where it is too long. */
static void copy(char *out, size_t size, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((uint8_t)text[len] & 0xC0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
}

/* Room for one more; NULL: out of memory. */
static void *grow(void *items, size_t len, size_t *cap, size_t item_size)
{
    if (len < *cap)
        return items;
    size_t wanted = *cap ? *cap * 2 : 4;
    void *grown = realloc(items, wanted * item_size);
    if (grown)
        *cap = wanted;
    return grown;
}

static hf_err add_span(cli_timeline *timeline, cli_row *row, cli_span span)
{
    if (row->spans_len == CLI_TIMELINE_SPANS_MAX) {
        timeline->left_out++;
        row->spans[row->spans_len - 1] = span;
        return HF_OK;
    }
    cli_span *spans = grow(row->spans, row->spans_len, &row->spans_cap, sizeof *spans);
    if (!spans)
        return HF_ENOMEM;
    row->spans = spans;
    row->spans[row->spans_len++] = span;
    return HF_OK;
}

static hf_err add_mark(cli_timeline *timeline, cli_row *row, double at, cli_mark_kind kind, const char *text)
{
    if (row->marks_len == CLI_TIMELINE_MARKS_MAX) {
        timeline->left_out++;
        return HF_OK;
    }
    cli_mark *marks = grow(row->marks, row->marks_len, &row->marks_cap, sizeof *marks);
    if (!marks)
        return HF_ENOMEM;
    row->marks = marks;
    marks[row->marks_len] = (cli_mark){.at = at, .kind = kind};
    copy(marks[row->marks_len++].text, sizeof marks->text, text);
    return HF_OK;
}

/* Ends the present state, and begins another. The first one tells what was before it, too. */
static hf_err enter(cli_timeline *timeline, cli_row *row, double began, double at, const char *old, const char *new,
                    const char *cause)
{
    cli_span span = {.from = began, .to = at};
    hf_err err = HF_OK;
    if (row->spans_len > 0) {
        row->spans[row->spans_len - 1].to = at;
    } else if (old && *old) {
        copy(span.name, sizeof span.name, old);
        err = add_span(timeline, row, span);
    }
    span.from = at;
    copy(span.name, sizeof span.name, new);
    copy(span.cause, sizeof span.cause, cause);
    return err == HF_OK ? add_span(timeline, row, span) : err;
}

static cli_row *find_row(cli_row *rows, size_t len, int64_t number)
{
    for (size_t i = len; i-- > 0;) {
        if (rows[i].number == number)
            return &rows[i];
    }
    return NULL;
}

static void clear_row(cli_row *row)
{
    free(row->spans);
    free(row->marks);
}

/* --- Packets --------------------------------------------------------------------------------------------------------- */

static void halve(cli_density *density)
{
    for (size_t k = 0; k < CLI_FLOW_COUNT; k++) {
        for (size_t i = 0; i < CLI_TIMELINE_BINS / 2; i++)
            density->bins[k][i] = density->bins[k][2 * i] + density->bins[k][2 * i + 1];
        memset(&density->bins[k][CLI_TIMELINE_BINS / 2], 0, sizeof density->bins[k] / 2);
    }
    density->width *= 2;
}

static bool is_in_window(const cli_timeline *timeline, double at)
{
    double after = at - timeline->first;
    return after >= timeline->window.from && (timeline->window.to <= 0 || after <= timeline->window.to);
}

static void count(cli_timeline *timeline, cli_density *density, double at, cli_flow_kind kind, uint64_t packets,
                  uint64_t bytes)
{
    density->packets[kind] += packets;
    density->bytes[kind] += bytes;
    if (!is_in_window(timeline, at))
        return; /* else the bins would be wider than they need be */
    if (density->width == 0) {
        density->width = BIN_WIDTH_FIRST;
        density->from = at;
    }
    double after = at > density->from ? at - density->from : 0;
    while (after / density->width >= CLI_TIMELINE_BINS)
        halve(density);
    density->bins[kind][(size_t)(after / density->width)] += packets;
}

static void count_cause(cli_timeline *timeline, cli_group *group, const char *name)
{
    char cut[CLI_TIMELINE_NAME_SIZE];
    copy(cut, sizeof cut, name);
    for (size_t i = 0; i < group->causes_len; i++) {
        if (strcmp(group->causes[i].name, cut) == 0) {
            group->causes[i].count++;
            return;
        }
    }
    if (group->causes_len == CLI_TIMELINE_CAUSES_MAX) {
        timeline->left_out++;
        return;
    }
    cli_cause *cause = &group->causes[group->causes_len++];
    memcpy(cause->name, cut, sizeof cut);
    cause->count = 1;
}

/* --- Events ---------------------------------------------------------------------------------------------------------- */

typedef struct event {
    double at;
    const char *name;
    json_t *data;
} event;

static const char *text_of(const event *e, const char *key)
{
    const char *text = json_string_value(json_object_get(e->data, key));
    return text ? text : "";
}

static uint64_t number_of(const event *e, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(e->data, key));
    return number > 0 ? (uint64_t)number : 0;
}

typedef hf_err handler(cli_timeline *timeline, cli_group *group, const event *e);

static hf_err on_lane(cli_timeline *timeline, cli_group *group, const event *e, cli_lane lane)
{
    return enter(timeline, &group->lanes[lane], group->first, e->at, text_of(e, "old"), text_of(e, "new"),
                 text_of(e, "cause"));
}

#define LANE_HANDLER(name, lane)                                                                                            \
    static hf_err name(cli_timeline *timeline, cli_group *group, const event *e)                                            \
    {                                                                                                                       \
        return on_lane(timeline, group, e, lane);                                                                           \
    }
LANE_HANDLER(on_session, CLI_LANE_SESSION)
LANE_HANDLER(on_connection, CLI_LANE_CONNECTION)
LANE_HANDLER(on_signaling, CLI_LANE_SIGNALING)
LANE_HANDLER(on_gathering, CLI_LANE_GATHERING)
LANE_HANDLER(on_ice, CLI_LANE_ICE)
LANE_HANDLER(on_dtls, CLI_LANE_DTLS)
LANE_HANDLER(on_sctp, CLI_LANE_SCTP)

static hf_err on_description(cli_timeline *timeline, cli_group *group, const event *e)
{
    char text[CLI_TIMELINE_NAME_SIZE];
    bool is_local = strcmp(text_of(e, "side"), "local") == 0, is_offer = strcmp(text_of(e, "type"), "offer") == 0;
    if (group->role[0] == '\0')
        copy(group->role, sizeof group->role, is_local == is_offer ? "offerer" : "answerer");
    snprintf(text, sizeof text, "%.8s %.16s", text_of(e, "side"), text_of(e, "type"));
    return add_mark(timeline, &group->lanes[CLI_LANE_SIGNALING], e->at, CLI_MARK_NOTE, text);
}

/* A row that is new begins with its first state. NULL: out of memory, or no room. */
static cli_row *new_row(cli_timeline *timeline, cli_row **rows, size_t *len, size_t *cap, size_t max, int64_t number)
{
    if (*len == max) {
        timeline->left_out++;
        return NULL;
    }
    cli_row *grown = grow(*rows, *len, cap, sizeof *grown);
    if (!grown)
        return NULL;
    *rows = grown;
    grown[*len] = (cli_row){.number = number};
    return &grown[(*len)++];
}

static cli_row *pair_of(cli_group *group, const event *e)
{
    return find_row(group->pairs, group->pairs_len, (int64_t)number_of(e, "pair"));
}

static hf_err on_pair_added(cli_timeline *timeline, cli_group *group, const event *e)
{
    cli_row *row = new_row(timeline, &group->pairs, &group->pairs_len, &group->pairs_cap, CLI_TIMELINE_PAIRS_MAX,
                           (int64_t)number_of(e, "pair"));
    if (!row)
        return HF_OK;
    char local[64], remote[64];
    copy(local, sizeof local, text_of(e, "local"));
    copy(remote, sizeof remote, text_of(e, "remote"));
    snprintf(row->label, sizeof row->label, "%.58s → %.58s", local, remote);
    return enter(timeline, row, e->at, e->at, NULL, text_of(e, "state"), NULL);
}

static hf_err on_pair_state(cli_timeline *timeline, cli_group *group, const event *e)
{
    cli_row *row = pair_of(group, e);
    return row ? enter(timeline, row, e->at, e->at, NULL, text_of(e, "new"), NULL) : HF_OK;
}

static hf_err on_pair_removed(cli_timeline *timeline, cli_group *group, const event *e)
{
    cli_row *row = pair_of(group, e);
    (void)timeline;
    if (row && row->spans_len > 0) {
        row->is_over = true;
        row->spans[row->spans_len - 1].to = e->at;
    }
    return HF_OK;
}

static hf_err on_pair_mark(cli_timeline *timeline, cli_group *group, const event *e, cli_mark_kind kind, const char *text)
{
    cli_row *row = pair_of(group, e);
    return row ? add_mark(timeline, row, e->at, kind, text) : HF_OK;
}

static hf_err on_check_sent(cli_timeline *timeline, cli_group *group, const event *e)
{
    return on_pair_mark(timeline, group, e, CLI_MARK_SENT, "check sent");
}

static hf_err on_check_received(cli_timeline *timeline, cli_group *group, const event *e)
{
    return on_pair_mark(timeline, group, e, CLI_MARK_RECEIVED, "check received");
}

static hf_err on_check_answered(cli_timeline *timeline, cli_group *group, const event *e)
{
    char text[CLI_TIMELINE_NAME_SIZE];
    snprintf(text, sizeof text, "answered, %.1f ms", json_number_value(json_object_get(e->data, "rtt_ms")));
    return on_pair_mark(timeline, group, e, CLI_MARK_ANSWERED, text);
}

static hf_err on_pair_nominated(cli_timeline *timeline, cli_group *group, const event *e)
{
    return on_pair_mark(timeline, group, e, CLI_MARK_NOMINATED, "nominated");
}

static hf_err on_pair_selected(cli_timeline *timeline, cli_group *group, const event *e)
{
    char text[CLI_TIMELINE_NAME_SIZE] = "none";
    if (json_object_get(e->data, "pair"))
        snprintf(text, sizeof text, "%llu", (unsigned long long)number_of(e, "pair"));
    return enter(timeline, &group->lanes[CLI_LANE_SELECTED], e->at, e->at, NULL, text, NULL);
}

static hf_err on_channel(cli_timeline *timeline, cli_group *group, const event *e)
{
    int64_t number = (int64_t)number_of(e, "channel");
    if (json_is_true(json_object_get(e->data, "silent")))
        return HF_OK;
    cli_row *row = find_row(group->channels, group->channels_len, number);
    if (!row)
        row = new_row(timeline, &group->channels, &group->channels_len, &group->channels_cap, CLI_TIMELINE_CHANNELS_MAX,
                      number);
    if (!row)
        return HF_OK;
    if (row->label[0] == '\0')
        copy(row->label, sizeof row->label, text_of(e, "label"));
    return enter(timeline, row, e->at, e->at, NULL, text_of(e, "new"), text_of(e, "cause"));
}

static hf_err on_sent(cli_timeline *timeline, cli_group *group, const event *e)
{
    count(timeline, &group->density, e->at, CLI_FLOW_SENT, number_of(e, "count"), number_of(e, "bytes"));
    return HF_OK;
}

static hf_err on_received(cli_timeline *timeline, cli_group *group, const event *e)
{
    count(timeline, &group->density, e->at, CLI_FLOW_RECEIVED, number_of(e, "count"), number_of(e, "bytes"));
    return HF_OK;
}

static hf_err on_dropped(cli_timeline *timeline, cli_group *group, const event *e)
{
    count(timeline, &group->density, e->at, CLI_FLOW_DROPPED, 1, number_of(e, "bytes"));
    count_cause(timeline, group, text_of(e, "cause"));
    return HF_OK;
}

/* Those without a handler are known, and not drawn. */
static handler *const handlers[HF_TRACE_COUNT] = {
    [HF_TRACE_SESSION_STATE_CHANGED] = on_session,
    [HF_TRACE_PEER_CONNECTION_STATE_CHANGED] = on_connection,
    [HF_TRACE_PEER_SIGNALING_STATE_CHANGED] = on_signaling,
    [HF_TRACE_PEER_DESCRIPTION_APPLIED] = on_description,
    [HF_TRACE_ICE_GATHERING_STATE_CHANGED] = on_gathering,
    [HF_TRACE_ICE_STATE_CHANGED] = on_ice,
    [HF_TRACE_DTLS_STATE_CHANGED] = on_dtls,
    [HF_TRACE_SCTP_STATE_CHANGED] = on_sctp,
    [HF_TRACE_ICE_PAIR_ADDED] = on_pair_added,
    [HF_TRACE_ICE_PAIR_STATE_CHANGED] = on_pair_state,
    [HF_TRACE_ICE_PAIR_REMOVED] = on_pair_removed,
    [HF_TRACE_ICE_PAIR_NOMINATED] = on_pair_nominated,
    [HF_TRACE_ICE_PAIR_SELECTED] = on_pair_selected,
    [HF_TRACE_ICE_CHECK_SENT] = on_check_sent,
    [HF_TRACE_ICE_CHECK_RECEIVED] = on_check_received,
    [HF_TRACE_ICE_CHECK_ANSWERED] = on_check_answered,
    [HF_TRACE_SCTP_CHANNEL_STATE_CHANGED] = on_channel,
    [HF_TRACE_UDP_PACKETS_SENT] = on_sent,
    [HF_TRACE_UDP_PACKETS_RECEIVED] = on_received,
    [HF_TRACE_UDP_PACKETS_DROPPED] = on_dropped,
    [HF_TRACE_ICE_PACKETS_DROPPED] = on_dropped,
    [HF_TRACE_DTLS_PACKETS_DROPPED] = on_dropped,
    [HF_TRACE_SCTP_PACKETS_DROPPED] = on_dropped,
};

static hf_trace_event find_event(const char *name)
{
    hf_trace_event which = 0;
    while (which < HF_TRACE_COUNT && strcmp(hf_trace_event_name(which), name) != 0)
        which++;
    return which;
}

/* --- Lines ----------------------------------------------------------------------------------------------------------- */

static cli_group *group_of(cli_timeline *timeline, const char *id, double at)
{
    char cut[CLI_TIMELINE_NAME_SIZE];
    copy(cut, sizeof cut, id);
    for (size_t i = 0; i < timeline->groups_len; i++) {
        if (strcmp(timeline->groups[i].id, cut) == 0)
            return &timeline->groups[i];
    }
    if (timeline->groups_len == CLI_TIMELINE_GROUPS_MAX) {
        timeline->left_out++;
        return NULL;
    }
    cli_group *groups = grow(timeline->groups, timeline->groups_len, &timeline->groups_cap, sizeof *groups);
    if (!groups)
        return NULL;
    timeline->groups = groups;
    cli_group *group = &groups[timeline->groups_len++];
    *group = (cli_group){.first = at, .last = at};
    memcpy(group->id, cut, sizeof cut);
    return group;
}

static hf_err take_header(cli_timeline *timeline, json_t *line)
{
    json_t *trace = json_object_get(line, "trace");
    json_t *clock = json_object_get(json_object_get(trace, "common_fields"), "reference_time");
    copy(timeline->title, sizeof timeline->title, json_string_value(json_object_get(line, "title")));
    copy(timeline->wall_clock, sizeof timeline->wall_clock, json_string_value(json_object_get(clock, "wall_clock_time")));
    return HF_OK;
}

static hf_err take_event(cli_timeline *timeline, json_t *line, cli_fault *fault)
{
    json_t *time = json_object_get(line, "time");
    event e = {.at = json_number_value(time),
               .name = json_string_value(json_object_get(line, "name")),
               .data = json_object_get(line, "data")};
    if (!json_is_number(time) || !isfinite(e.at) || e.at < 0 || e.at > TIME_MAX)
        return cli_fault_set(fault, HF_ESYNTAX, "\"time\" is not a number of milliseconds");
    if (!e.name || !json_is_object(e.data))
        return cli_fault_set(fault, HF_ESYNTAX, "an event has a \"name\", and an object as its \"data\"");

    hf_trace_event which = find_event(e.name);
    if (timeline->events++ == 0 || e.at < timeline->first)
        timeline->first = e.at;
    if (e.at > timeline->last)
        timeline->last = e.at;
    if (which == HF_TRACE_COUNT) {
        timeline->unknown++;
        return HF_OK;
    }
    const char *id = json_string_value(json_object_get(line, "group_id"));
    cli_group *group = handlers[which] ? group_of(timeline, id ? id : "", e.at) : NULL;
    if (!group)
        return HF_OK;
    if (e.at > group->last)
        group->last = e.at;
    hf_err err = handlers[which](timeline, group, &e);
    return err == HF_OK ? HF_OK : cli_fault_set(fault, err, "%s", hf_err_text(err));
}

hf_err cli_timeline_take(cli_timeline *timeline, const char *text, size_t len, cli_fault *fault)
{
    json_error_t why;
    if (len > CLI_TIMELINE_LINE_MAX)
        return cli_fault_set(fault, HF_ESYNTAX, "longer than %d bytes", CLI_TIMELINE_LINE_MAX);
    json_t *line = json_loadb(text, len, 0, &why);
    if (!line)
        return cli_fault_set(fault, HF_ESYNTAX, "column %d: %s", why.column, why.text);
    hf_err err = HF_OK;
    if (!json_is_object(line))
        err = cli_fault_set(fault, HF_ESYNTAX, "not an object");
    else if (json_object_get(line, "file_schema"))
        err = take_header(timeline, line);
    else
        err = take_event(timeline, line, fault);
    json_decref(line);
    return err;
}

void cli_timeline_clear(cli_timeline *timeline)
{
    for (size_t i = 0; i < timeline->groups_len; i++) {
        cli_group *group = &timeline->groups[i];
        for (size_t k = 0; k < CLI_LANE_COUNT; k++)
            clear_row(&group->lanes[k]);
        for (size_t k = 0; k < group->pairs_len; k++)
            clear_row(&group->pairs[k]);
        for (size_t k = 0; k < group->channels_len; k++)
            clear_row(&group->channels[k]);
        free(group->pairs);
        free(group->channels);
    }
    free(timeline->groups);
    *timeline = (cli_timeline){0};
}
