/* demo_end.c: one of the demo's two peers: connection, signalling, messages in and out, reports. */
#include "demo_priv.h"

#include "command.h"
#include "event.h"
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK HF_MS(5)
#define REPORT_EVERY HF_MS(100)
#define CONNECT_MAX HF_SECONDS(20)
#define EXCHANGE_MAX HF_SECONDS(60) /* beyond the time of the traffic: until all that is reliable has come */
#define FILES_BUFFER 262144         /* a short queue: what waits here, others need not wait behind */

static const char *const names[] = {
    [CODE_SYNC] = "code-sync", [CURSOR_POS] = "cursor-pos", [AI_STREAM] = "ai-stream",
    [PRESENCE] = "presence",   [FILES] = "files",
};

const char *cli_demo_step_name(cli_demo_step step)
{
    static const char *const words[] = {"start", "connect", "open the channels", "exchange", "verify", "close", "done"};
    return words[step];
}

void cli_demo_fail(cli_demo_end *end, hf_err cause, const char *problem)
{
    if (end->problem[0])
        return;
    end->cause = cause;
    snprintf(end->problem, sizeof end->problem, "%.*s", (int)sizeof end->problem - 1, problem);
    hf_loop_stop(end->loop);
}

bool cli_demo_is_time_over(const cli_demo_end *end)
{
    return hf_loop_now(end->loop) - end->opened >= end->traffic_span;
}

/* --- Messages: each bears its number and the moment at which it was sent --- */

static hf_err send_counted(cli_demo_end *end, cli_demo_channel channel, hf_message_kind kind, const void *data, size_t len)
{
    cli_flow *flow = &end->flows[channel];
    hf_err err = flow->channel ? hf_channel_send(flow->channel, hf_loop_now(end->loop), kind, data, len) : HF_ESTATE;

    if (err == HF_OK)
        flow->sent++;
    return err;
}

hf_err cli_demo_say(cli_demo_end *end, cli_demo_channel channel, json_t *object)
{
    json_t *number = json_integer((json_int_t)end->flows[channel].sent), *moment = json_integer((json_int_t)hf_clock_now());
    bool whole = object && json_object_set_new(object, "n", number) == 0 && json_object_set_new(object, "t", moment) == 0;
    char *text = whole ? json_dumps(object, JSON_COMPACT) : NULL;
    hf_err err = text ? send_counted(end, channel, HF_TEXT, text, strlen(text)) : HF_ENOMEM;

    free(text);
    json_decref(object);
    return err;
}

hf_err cli_demo_say_bytes(cli_demo_end *end, cli_demo_channel channel, uint8_t *stamped, size_t len)
{
    uint64_t stamp[2] = {end->flows[channel].sent, (uint64_t)hf_clock_now()}; /* one machine, one byte order */

    static_assert(sizeof stamp == CLI_DEMO_STAMP_SIZE, "a number and a moment");
    memcpy(stamped, stamp, sizeof stamp);
    return send_counted(end, channel, HF_BINARY, stamped, CLI_DEMO_STAMP_SIZE + len);
}

static void count(cli_flow *flow, uint64_t number, hf_time sent_at, size_t len)
{
    flow->received++;
    flow->bytes_received += len;
    cli_histogram_add(&flow->latency, hf_clock_now() - sent_at);
    if (number < flow->expected) {
        flow->doubled++;
        return;
    }
    flow->lost += number - flow->expected;
    flow->expected = number + 1;
}

static void take_text(cli_demo_end *end, cli_demo_channel channel, const uint8_t *data, size_t len)
{
    cli_flow *flow = &end->flows[channel];
    json_t *message = json_loadb((const char *)data, len, 0, NULL);

    if (!message) {
        cli_demo_fail(end, HF_EPROTO, "a message that is no JSON");
        return;
    }
    count(flow, (uint64_t)json_integer_value(json_object_get(message, "n")),
          json_integer_value(json_object_get(message, "t")), len);
    flow->last_received |= json_is_true(json_object_get(message, "last"));
    cli_traffic_take(end, channel, message);
    json_decref(message);
}

static void take_bytes(cli_demo_end *end, cli_demo_channel channel, const uint8_t *data, size_t len)
{
    uint64_t stamp[2];

    if (len < sizeof stamp || channel != FILES) {
        cli_demo_fail(end, HF_EPROTO, "bytes where none are sent");
        return;
    }
    memcpy(stamp, data, sizeof stamp);
    count(&end->flows[channel], stamp[0], (hf_time)stamp[1], len);
    cli_files_take_bytes(end, data + sizeof stamp, len - sizeof stamp);
}

/* --- Reports: bob's counters, which alice shows and checks --- */

/* Of each flow: sent, received, bytes received, lost, doubled, p50, p99, number of latencies. */
static json_t *flow_of(const cli_flow *flow)
{
    return json_pack("[I I I I I I I I]", (json_int_t)flow->sent, (json_int_t)flow->received,
                     (json_int_t)flow->bytes_received, (json_int_t)flow->lost, (json_int_t)flow->doubled,
                     (json_int_t)cli_histogram_quantile(&flow->latency, 50),
                     (json_int_t)cli_histogram_quantile(&flow->latency, 99), (json_int_t)flow->latency.total);
}

void cli_demo_get_report(cli_demo_end *end, uint64_t flow_out[CLI_DEMO_CHANNELS][8])
{
    const json_t *flows = json_object_get(end->report_in, "flows");

    for (size_t i = 0; i < CLI_DEMO_CHANNELS; i++) {
        for (size_t k = 0; k < 8; k++)
            flow_out[i][k] = (uint64_t)json_integer_value(json_array_get(json_array_get(flows, i), k));
    }
}

static void send_report(cli_demo_end *end)
{
    json_t *flows = json_array();

    for (int i = 0; i < CLI_DEMO_CHANNELS; i++)
        json_array_append_new(flows, flow_of(&end->flows[i]));
    cli_write_event(end->wire,
                    json_pack("{ss ss sb ss si so}", "type", "report", "to", "peer", "complete", end->step >= STEP_VERIFY,
                              "problem", end->problem, "cause", (int)end->cause, "flows", flows));
}

/* --- Progress --- */

static bool is_complete(const cli_demo_end *end)
{
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        if (end->flows[i].reliable && (!end->flows[i].last_sent || !end->flows[i].last_received))
            return false;
    }
    return true;
}

static void on_tick(void *context);

static void set_tick(cli_demo_end *end)
{
    if (hf_loop_timer_set(end->loop, &end->tick, hf_loop_now(end->loop) + TICK, on_tick, end) != HF_OK)
        cli_demo_fail(end, HF_ENOMEM, "a timer could not be set");
}

static void check_time(cli_demo_end *end)
{
    hf_time now = hf_loop_now(end->loop);

    if (end->step < STEP_EXCHANGE && now - end->began > CONNECT_MAX)
        cli_demo_fail(end, HF_ETIMEDOUT, "nothing came of it in 20 s");
    if (end->step == STEP_EXCHANGE && now - end->opened > end->traffic_span + EXCHANGE_MAX)
        cli_demo_fail(end, HF_ETIMEDOUT,
                      "not everything that is reliable has arrived a minute after the last of it was due");
}

static void on_tick(void *context)
{
    cli_demo_end *end = context;

    set_tick(end);
    check_time(end);
    if (end->step != STEP_EXCHANGE)
        return;
    cli_traffic_tick(end);
    cli_files_tick(end);
    if (is_complete(end)) {
        end->step = STEP_VERIFY;
        end->completed = hf_loop_now(end->loop);
        send_report(end);
    }
}

static void on_report(void *context)
{
    cli_demo_end *end = context;

    if (hf_loop_timer_set(end->loop, &end->report, hf_loop_now(end->loop) + REPORT_EVERY, on_report, end) != HF_OK)
        cli_demo_fail(end, HF_ENOMEM, "a timer could not be set");
    if (end->is_alice)
        end->on_progress(end);
    else
        send_report(end);
}

/* --- The session's events --- */

static void on_state(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;
    hf_session_state state = hf_session_get_state(session);

    if (state == HF_SESSION_CONNECTED && end->step == STEP_CONNECT) {
        end->step = STEP_OPEN;
        end->connected = hf_loop_now(end->loop);
    }
    if (state == HF_SESSION_FAILED)
        cli_demo_fail(end, event->cause, hf_err_text(event->cause));
    if (state == HF_SESSION_CLOSED && end->step >= STEP_VERIFY) {
        end->step = STEP_DONE;
        hf_loop_stop(end->loop);
    } else if (state == HF_SESSION_CLOSED) {
        cli_demo_fail(end, HF_ECLOSED, "the other side closed the session too early");
    }
}

static void on_open(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;
    size_t open = 0;

    (void)session;
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        hf_datachannel_info info;
        if (strcmp(hf_channel_name(event->channel), names[i]) == 0 && hf_channel_info(event->channel, &info) == HF_OK) {
            end->flows[i].channel = event->channel;
            end->flows[i].reliable = info.reliability == HF_RELIABLE;
        }
        open += end->flows[i].channel != NULL;
    }
    if (open == CLI_DEMO_CHANNELS && end->step == STEP_OPEN) {
        end->step = STEP_EXCHANGE;
        end->opened = hf_loop_now(end->loop);
        cli_traffic_start(end);
    }
}

static void on_data(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;

    (void)session;
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        if (strcmp(hf_channel_name(event->channel), names[i]) != 0)
            continue;
        if (event->u.data.kind == HF_TEXT)
            take_text(end, (cli_demo_channel)i, event->u.data.data, event->u.data.len);
        else
            take_bytes(end, (cli_demo_channel)i, event->u.data.data, event->u.data.len);
    }
}

static void on_closed(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;

    (void)session;
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        if (end->flows[i].channel == event->channel)
            end->flows[i].channel = NULL;
    }
}

static void on_writable(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;

    (void)session;
    if (end->step == STEP_EXCHANGE && event->channel == end->flows[FILES].channel)
        cli_files_tick(end);
}

static void on_route(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;

    if (event->u.route.path.local.family == HF_FAMILY_NONE)
        return; /* lost; what is shown is the last one */
    end->has_route = true;
    end->route = event->u.route;
    end->path = hf_session_get_path(session);
}

static void adopt(void *context, hf_manager *manager, hf_session *session)
{
    static const struct {
        hf_session_event_type type;
        hf_session_handler handler;
    } handlers[] = {
        {HF_SESSION_STATE_CHANGED, on_state},       {HF_SESSION_ON_DATA, on_data},
        {HF_SESSION_CHANNEL_OPEN, on_open},         {HF_SESSION_CHANNEL_CLOSED, on_closed},
        {HF_SESSION_CHANNEL_WRITABLE, on_writable}, {HF_SESSION_ROUTE_CHANGED, on_route},
    };
    cli_demo_end *end = context;

    (void)manager;
    end->session = session;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        hf_err err = hf_session_on(session, handlers[i].type, handlers[i].handler, end);
        if (err != HF_OK)
            cli_demo_fail(end, err, hf_err_text(err));
    }
}

/* --- The wire between the processes: signals, and reports --- */

static void on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
{
    (void)manager;
    cli_write_event(((cli_demo_end *)context)->wire, cli_event_signal(envelope));
}

static void take_report(cli_demo_end *end, cli_command *command)
{
    const char *problem = json_string_value(json_object_get(command->root, "problem"));

    json_decref(end->report_in);
    end->report_in = json_incref(command->root);
    if (problem && *problem)
        cli_demo_fail(end, (hf_err)json_integer_value(json_object_get(command->root, "cause")), problem);
}

static void take_line(cli_demo_end *end, const char *line, size_t len)
{
    cli_command command;
    cli_fault fault;
    hf_err err = cli_command_parse(&command, line, len, &fault);

    if (err != HF_OK) {
        cli_demo_fail(end, err, fault.text);
        return;
    }
    if (command.type == CLI_SIGNAL)
        err = hf_manager_receive(end->manager, hf_loop_now(end->loop), &command.u.signal);
    else
        take_report(end, &command);
    if (err != HF_OK)
        cli_demo_fail(end, err, hf_err_text(err));
    cli_command_clear(&command);
}

static void on_wire(void *context)
{
    cli_demo_end *end = context;
    char data[8192];
    const char *line;
    size_t len;
    ssize_t n = read(end->wire, data, sizeof data);

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        hf_loop_unwatch(end->loop, end->wire);
        if (end->step < STEP_CLOSE)
            cli_demo_fail(end, HF_ECLOSED, "the other process is gone");
        return;
    }
    if (cli_lines_feed(&end->lines, data, (size_t)n) != HF_OK)
        cli_demo_fail(end, HF_ENOMEM, hf_err_text(HF_ENOMEM));
    while (cli_lines_next(&end->lines, &line, &len) == CLI_LINES_LINE)
        take_line(end, line, len);
}

/* --- Birth and death --- */

static hf_err connect_ends(cli_demo_end *end)
{
    hf_channel_config channels[CLI_DEMO_CHANNELS];
    hf_manager_config config = {
        .peer_id = end->name,
        .session = {.peer.engine = hf_loop_engine(end->loop), .channels = channels, .channels_len = CLI_DEMO_CHANNELS},
        .handlers = {.context = end, .on_envelope = on_envelope, .on_session = adopt},
    };
    hf_bind bind = {.addrs_len = 1, .addrs = &(hf_addr){.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    hf_session *session = NULL;

    for (size_t i = 0; i < CLI_DEMO_CHANNELS; i++) {
        channels[i] = hf_collab_channels[i];
        if (strcmp(channels[i].name, names[FILES]) == 0)
            channels[i].send_buffer_max = FILES_BUFFER;
    }
    hf_err err = hf_manager_new(&end->manager, &config, &end->env);
    if (err == HF_OK)
        err = hf_loop_add_manager(end->loop, end->manager, &bind);
    if (err != HF_OK || !end->is_alice)
        return err;
    err = hf_manager_connect(end->manager, hf_loop_now(end->loop), "bob", &session);
    if (err == HF_OK)
        adopt(end, end->manager, session);
    return err;
}

hf_err cli_demo_end_start(cli_demo_end *end)
{
    hf_err err = hf_loop_new(&end->loop, &end->env);

    if (err == HF_OK)
        err = hf_loop_watch(end->loop, end->wire, on_wire, end);
    if (err == HF_OK)
        err = connect_ends(end);
    if (err != HF_OK)
        return err;
    end->began = hf_loop_now(end->loop);
    end->step = STEP_CONNECT;
    on_report(end);
    set_tick(end);
    return HF_OK;
}

void cli_demo_end_clear(cli_demo_end *end)
{
    if (end->manager)
        hf_loop_remove_manager(end->loop, end->manager);
    hf_manager_free(end->manager);
    hf_loop_free(end->loop);
    cli_lines_clear(&end->lines);
    cli_document_clear(&end->author.own);
    cli_document_clear(&end->author.mirror);
    cli_tree_clear(&end->sending.tree);
    free(end->sending.data);
    free(end->receiving.data);
    json_decref(end->report_in);
}
