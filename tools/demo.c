/* demo.c: `holdfast demo`: the processes, and what must be true at the end. */
#include "demo_priv.h"
#include "words.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLOSE_MAX HF_SECONDS(5)

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
    cli_demo_screen_show(end);
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
    cli_demo_screen_end(end);
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
    cli_demo_screen_open(&options);
    int status = run_alice(&end, them.bob);
    close(end.wire);
    if (them.network > 0)
        waitpid(them.network, NULL, 0); /* it ends with the wires */
    cli_demo_end_clear(&end);
    if (!cli_event_log_close(end.event_log))
        fprintf(stderr, "holdfast demo: --event-log: %s: not all of it could be written\n", options.event_log);
    return status;
}
