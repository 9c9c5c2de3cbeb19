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

static void count(cli_flow *flow, uint64_t number, hf_time sent_at, hf_time regained, size_t len)
{
    flow->received++;
    flow->bytes_received += len;
    if (sent_at >= regained)
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
          json_integer_value(json_object_get(message, "t")), end->regained, len);
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
    count(&end->flows[channel], stamp[0], (hf_time)stamp[1], end->regained, len);
    cli_files_take_bytes(end, data + sizeof stamp, len - sizeof stamp);
}

/* --- Progress --- */

static bool is_complete(const cli_demo_end *end)
{
    if (end->is_alice && !cli_story_is_over(&end->story))
        return false;
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

/* What the script has for this moment. */
static void befall(cli_demo_end *end)
{
    static const char *const orders[] = {
        [STORY_CUT] = CLI_DEMO_CUT, [STORY_MEND] = CLI_DEMO_MEND, [STORY_CLOSE] = CLI_DEMO_CLOSE};
    hf_time now = hf_loop_now(end->loop);
    cli_story_deed deed = cli_story_take(&end->story, now - end->opened);

    if (deed == STORY_RECONNECT) {
        hf_err err = hf_session_reconnect(end->session, now);
        if (err != HF_OK)
            cli_demo_fail(end, err, "a new connection could not be asked for");
    } else if (deed != STORY_NONE) {
        cli_write_event(end->wire, json_pack("{ss ss}", "type", "network", "do", orders[deed]));
    }
}

static void on_tick(void *context)
{
    cli_demo_end *end = context;

    set_tick(end);
    check_time(end);
    if (end->step != STEP_EXCHANGE)
        return;
    if (end->is_alice)
        befall(end);
    cli_traffic_tick(end);
    cli_files_tick(end);
    if (is_complete(end)) {
        end->step = STEP_VERIFY;
        end->completed = hf_loop_now(end->loop);
        cli_demo_send_report(end);
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
        cli_demo_send_report(end);
}

/* --- The session's events --- */

/* What was said in an outage waited for its end: that is not how long the path takes. */
static void begin_to_measure(cli_demo_end *end, hf_time now)
{
    end->regained = now;
    for (size_t i = 0; i < CLI_DEMO_CHANNELS; i++)
        end->flows[i].latency = (cli_histogram){0};
}

static void on_resumed(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;

    (void)session;
    begin_to_measure(end, hf_loop_now(end->loop));
    cli_story_on_resumed(&end->story, hf_loop_now(end->loop) - end->opened, event->u.resumed_by.generation,
                         event->u.resumed_by.messages);
}

static void on_state(void *context, hf_session *session, const hf_session_event *event)
{
    cli_demo_end *end = context;
    hf_session_state state = hf_session_get_state(session);
    hf_time now = hf_loop_now(end->loop);

    if (state != end->state) {
        if (state == HF_SESSION_CONNECTED)
            begin_to_measure(end, now);
        end->state = state;
        end->state_cause = state == HF_SESSION_CONNECTED ? HF_OK : event->cause;
        if (end->step >= STEP_EXCHANGE)
            cli_story_on_state(&end->story, now - end->opened, state, hf_session_get_path(session), event->cause);
    }
    if (state == HF_SESSION_CONNECTED && end->step == STEP_CONNECT) {
        end->step = STEP_OPEN;
        end->connected = now;
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
    if (end->path != hf_session_get_path(session) && end->step == STEP_EXCHANGE) {
        begin_to_measure(end, hf_loop_now(end->loop));
        cli_story_on_path(&end->story, hf_loop_now(end->loop) - end->opened, hf_session_get_path(session));
    }
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
        {HF_SESSION_RESUMED, on_resumed},
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

/* --- Birth and death --- */

static void on_attempt(void *context, hf_manager *manager, hf_session *session, const hf_attempt *attempt)
{
    (void)manager;
    (void)session;
    ((cli_demo_end *)context)->attempt = *attempt;
}

/* A short queue of files when it is calm: what waits there, others need not wait behind. */
hf_err cli_demo_connect(cli_demo_end *end, const hf_ice_server *relay)
{
    hf_channel_config channels[CLI_DEMO_CHANNELS];
    hf_manager_config config = {
        .peer_id = end->name,
        .session = {.peer.engine = hf_loop_engine(end->loop),
                    .peer.servers = relay,
                    .peer.servers_len = relay ? 1 : 0,
                    .channels = channels,
                    .channels_len = CLI_DEMO_CHANNELS},
        .handlers = {.context = end, .on_envelope = cli_demo_on_envelope, .on_session = adopt, .on_attempt = on_attempt},
    };
    hf_addr address = cli_demo_address(end->is_alice ? PLACE_ALICE : PLACE_BOB);
    hf_bind bind = {.addrs_len = 1, .addrs = &address};
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
        err = hf_loop_watch(end->loop, end->wire, cli_demo_on_wire, end);
    if (err == HF_OK && end->is_calm) /* otherwise with the network's first line, which says where the relay is */
        err = cli_demo_connect(end, NULL);
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
