/* demo.c: `holdfast demo`: two processes, the screen, the summary. */
#include "demo_priv.h"
#include "words.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN_LINE_EVERY HF_SECONDS(1)
#define CLOSE_MAX HF_SECONDS(5)
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

static void open_screen(const cli_demo_options *options)
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

static void show(cli_demo_end *end)
{
    if (screen.live)
        redraw(end);
    else if (!screen.quiet)
        print_plainly(end);
}

/* --- What must be true at the end --- */

/* All that was accepted on a reliable channel came, once and in order. */
static bool are_equal(cli_demo_end *end)
{
    uint64_t bob[CLI_DEMO_CHANNELS][8];
    bool equal = true;

    cli_demo_get_report(end, bob);
    for (int i = 0; i < CLI_DEMO_CHANNELS; i++) {
        const cli_flow *flow = &end->flows[i];
        if (flow->reliable && (flow->sent != bob[i][1] || bob[i][0] != flow->received ||
                               flow->lost + flow->doubled + bob[i][3] + bob[i][4] > 0))
            equal = false;
    }
    return equal;
}

static void verify(cli_demo_end *end)
{
    if (!are_equal(end))
        cli_demo_fail(end, HF_EPROTO, "a reliable channel lost or doubled a message");
    else if (end->sending.wrong > 0 || end->sending.verified != end->sending.tree.len)
        cli_demo_fail(end, HF_EPROTO, "a file arrived changed");
}

static void on_progress(cli_demo_end *end)
{
    show(end);
    if (end->step != STEP_VERIFY || !json_is_true(json_object_get(end->report_in, "complete")))
        return;
    verify(end);
    if (end->problem[0])
        return;
    end->step = STEP_CLOSE;
    hf_err err = hf_session_disconnect(end->session, hf_loop_now(end->loop));
    if (err != HF_OK)
        cli_demo_fail(end, err, hf_err_text(err));
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
    if (!end->is_calm)
        printf("\n%u outages, resumed %u times with %" PRIu64 " messages sent again; data went again %.1f s after it could,"
               " at the latest\n",
               end->story.outages, end->story.resumed, end->story.replayed, (double)end->story.longest / 1e6);
    printf("\nconnected in %s, %s\n", cli_write_span(end->connected - end->began, span), hf_session_path_name(end->path));
    printf("code-sync    %" PRIu64 " and %" PRIu64 " edits applied in order; both texts are the same\n", end->author.edits,
           end->author.mirrored);
    printf("ai-stream    %" PRIu64 " answers, %" PRIu64 " words, each whole\n", end->prompts, end->tokens);
    printf("files        %zu files, %s in %s, each with the SHA-256 that it had\n", end->sending.tree.len,
           cli_write_bytes((double)end->sending.bytes, bytes), cli_write_span(end->sending.arrived - end->opened, span));
    printf("lossy ones   %" PRIu64 " of %" PRIu64 " messages on cursor-pos and presence came\n", cursors_received, cursors);
    printf("%sreliable     %" PRIu64 " messages: none lost, none doubled, none out of order%s\n",
           screen.look.colour ? "\x1b[32m" : "", reliable, screen.look.colour ? "\x1b[0m" : "");
}

/* --- The processes --- */

static void log_line(void *context, hf_log_level level, const char *line)
{
    (void)level;
    fprintf(stderr, "%s: %s\n", ((const cli_demo_end *)context)->name, line);
}

static void trace_line(void *context, const char *line, size_t len)
{
    cli_event_log_write(((cli_demo_end *)context)->event_log, line, len);
}

static void prepare(cli_demo_end *end, const cli_demo_options *options, bool is_alice, int wire)
{
    static char names[2][8] = {"bob", "alice"};

    end->is_alice = is_alice;
    end->name = names[is_alice];
    end->traffic_span = options->seconds;
    end->is_calm = options->calm;
    end->story.length = options->calm || !is_alice ? 0 : options->seconds;
    end->wire = wire;
    end->on_progress = on_progress;
    hf_env_system(&end->env);
    end->env.context = end;
    end->env.log = log_line;
    end->env.log_level = options->log_level;
    end->env.trace = end->event_log ? trace_line : NULL;
}

static int run_bob(cli_demo_end *end, pid_t alice)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != alice)
        return CLI_EXIT_FAILED;
    hf_err err = cli_demo_end_start(end);
    if (err == HF_OK)
        err = hf_loop_run(end->loop);
    bool good = err == HF_OK && end->step == STEP_DONE;
    if (!good) { /* told by the report, or by the end of the wire */
        char text[320];
        int len = snprintf(text, sizeof text, "{\"type\":\"report\",\"to\":\"peer\",\"problem\":\"bob: %s\",\"cause\":%d}\n",
                           end->problem[0] ? end->problem : hf_err_text(err), (int)(err != HF_OK ? err : end->cause));
        if (write(end->wire, text, (size_t)len) < 0)
            good = false;
    }
    cli_demo_end_clear(end);
    good &= cli_event_log_close(end->event_log);
    return good ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}

/* The loop has ended: with the close that was asked for, or with a failure. */
static void wait_for_bob(cli_demo_end *end, pid_t bob)
{
    int status = 0;

    if (end->problem[0])
        kill(bob, SIGTERM);
    for (hf_time until = hf_clock_now() + CLOSE_MAX; hf_clock_now() < until; usleep(2000)) {
        pid_t done = waitpid(bob, &status, WNOHANG);
        if (done == bob || (done < 0 && errno == ECHILD)) {
            if (status != 0)
                cli_demo_fail(end, HF_ECLOSED, "bob did not end well");
            return;
        }
    }
    kill(bob, SIGKILL);
    waitpid(bob, NULL, 0);
    cli_demo_fail(end, HF_ETIMEDOUT, "bob did not hear that the session was closed");
}

static int run_alice(cli_demo_end *end, pid_t bob)
{
    hf_err err = cli_demo_end_start(end);

    if (err == HF_OK)
        err = hf_loop_run(end->loop);
    if (err != HF_OK && !end->problem[0]) {
        end->cause = err;
        snprintf(end->problem, sizeof end->problem, "%s", hf_err_text(err));
    }
    cli_demo_step step = end->step;
    if (end->manager)
        hf_loop_remove_manager(end->loop, end->manager); /* the last packets, which tell bob */
    if (step == STEP_DONE)
        end->step = STEP_CLOSE;
    wait_for_bob(end, bob);
    if (!end->problem[0])
        end->step = STEP_DONE;
    if (screen.quiet && end->loop)
        print_json(end);
    else if (!end->problem[0])
        print_summary(end);
    if (end->problem[0])
        fprintf(stderr, "demo: failed at: %s (%s: %s)\n", cli_demo_step_name(end->step), hf_err_name(end->cause),
                end->problem);
    return end->problem[0] ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

/* Bob, and the network unless it is calm; this one is alice. */
typedef struct processes {
    pid_t bob, network; /* 0: none */
} processes;

static void become_bob(cli_demo_end *end, const cli_demo_options *options, int wire, pid_t alice)
{
    prepare(end, options, false, wire);
    _exit(run_bob(end, alice));
}

static void become_network(cli_demo_end *end, const cli_demo_options *options, const int wires[2], pid_t alice)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != alice)
        _exit(CLI_EXIT_FAILED);
    signal(SIGINT, SIG_IGN); /* it ends with the others */
    prepare(end, options, false, -1);
    end->name = "network";
    end->env.trace = NULL;
    _exit(cli_demo_network_run(&end->env, wires));
}

static bool start_processes(processes *out, cli_demo_end *end, const cli_demo_options *options)
{
    pid_t alice = getpid();
    int to_bob[2], to_network[2] = {-1, -1};

    *out = (processes){0};
    signal(SIGPIPE, SIG_IGN);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to_bob) != 0 ||
        (!options->calm && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to_network) != 0) || (out->bob = fork()) < 0)
        return false;
    if (out->bob == 0) {
        close(to_bob[0]);
        if (!options->calm) {
            close(to_network[0]);
            close(to_network[1]);
        }
        become_bob(end, options, to_bob[1], alice);
    }
    close(to_bob[1]);
    prepare(end, options, true, options->calm ? to_bob[0] : to_network[0]);
    if (options->calm)
        return true;
    if ((out->network = fork()) < 0)
        return false;
    if (out->network == 0) {
        close(to_network[0]);
        become_network(end, options, (const int[2]){to_network[1], to_bob[0]}, alice);
    }
    close(to_network[1]);
    close(to_bob[0]);
    return true;
}

int cli_demo_main(int argc, char *const *argv)
{
    static cli_demo_end end;
    cli_demo_options options;
    cli_fault fault = {0};

    if (cli_demo_options_parse(&options, argc, argv, &fault) != HF_OK) {
        fprintf(stderr, "holdfast demo: %s (%s); see holdfast demo --help\n", fault.text, hf_err_name(fault.code));
        return CLI_EXIT_USAGE;
    }
    if (options.help) {
        cli_demo_options_print_help(stdout);
        return CLI_EXIT_OK;
    }
    cli_tree tree;
    hf_err err = options.files ? cli_tree_read(&tree, options.files, &fault) : cli_tree_default(&tree, &fault);
    if (err != HF_OK) {
        fprintf(stderr, "holdfast demo: --files: %s (%s)\n", fault.text, hf_err_name(err));
        return CLI_EXIT_USAGE;
    }

    if (options.event_log && cli_event_log_open(&end.event_log, options.event_log, "holdfast demo", &fault) != HF_OK) {
        fprintf(stderr, "holdfast demo: %s (%s)\n", fault.text, hf_err_name(fault.code));
        cli_tree_clear(&tree);
        return CLI_EXIT_FAILED;
    }
    processes them;
    if (!start_processes(&them, &end, &options)) {
        fprintf(stderr, "demo: failed at: start (HF_EIO: %s)\n", strerror(errno));
        cli_tree_clear(&tree);
        return CLI_EXIT_FAILED;
    }
    end.sending.tree = tree;
    open_screen(&options);
    int status = run_alice(&end, them.bob);
    close(end.wire);
    if (them.network > 0)
        waitpid(them.network, NULL, 0); /* it ends with the wires */
    cli_demo_end_clear(&end);
    if (!cli_event_log_close(end.event_log))
        fprintf(stderr, "holdfast demo: --event-log: %s: not all of it could be written\n", options.event_log);
    return status;
}
