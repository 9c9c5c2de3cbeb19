/* demo_wire.c: what the demo's two processes say to each other: signals, and bob's reports. */
#include "demo_priv.h"

#include "command.h"
#include "event.h"
#include "output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

void cli_demo_send_report(cli_demo_end *end)
{
    json_t *flows = json_array();

    for (int i = 0; i < CLI_DEMO_CHANNELS; i++)
        json_array_append_new(flows, flow_of(&end->flows[i]));
    cli_write_event(end->wire,
                    json_pack("{ss ss sb ss si so}", "type", "report", "to", "peer", "complete", end->step >= STEP_VERIFY,
                              "problem", end->problem, "cause", (int)end->cause, "flows", flows));
}

/* --- The wire between the processes: signals, and reports --- */

void cli_demo_on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
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

/* The network's first line: until then there is nothing to connect by. */
static void take_relay(cli_demo_end *end, const json_t *relay)
{
    hf_ice_server server = {.uri = json_string_value(json_object_get(relay, "uri")),
                            .username = CLI_DEMO_RELAY_USER,
                            .password = json_string_value(json_object_get(relay, "password"))};
    hf_err err = end->manager ? HF_ESTATE : cli_demo_connect(end, &server);

    if (err != HF_OK)
        cli_demo_fail(end, err, hf_err_text(err));
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
    const char *type = json_string_value(json_object_get(command.root, "type"));
    if (command.type == CLI_SIGNAL)
        err = end->manager ? hf_manager_receive(end->manager, hf_loop_now(end->loop), &command.u.signal) : HF_ESTATE;
    else if (type && strcmp(type, "relay") == 0)
        take_relay(end, command.root);
    else
        take_report(end, &command);
    if (err != HF_OK)
        cli_demo_fail(end, err, hf_err_text(err));
    cli_command_clear(&command);
}

void cli_demo_on_wire(void *context)
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
