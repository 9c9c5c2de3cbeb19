/* turn.c: `holdfast turn`: a TURN server on a loop of its own. */
#include "output.h"
#include "process.h"
#include "turn_options.h"
#include "words.h"

#include <holdfast/loop.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ADDRESSES_MAX 64
#define USER_FILE_MAX (1 << 20)

typedef struct cli_turn {
    cli_turn_options options;
    hf_env env;
    hf_loop *loop;
    hf_turn_server *server;
    hf_timer stats;
    int signals_fd;
    bool output_gone;
} cli_turn;

/* --- Output --- */

static void print(cli_turn *turn, json_t *event)
{
    if (turn->output_gone)
        json_decref(event);
    else
        turn->output_gone = !cli_write_event(STDOUT_FILENO, event);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void print_listening(cli_turn *turn)
{
    hf_addr addrs[ADDRESSES_MAX];
    char text[HF_ADDR_TEXT_SIZE];
    json_t *addresses = json_array();
    size_t n = hf_loop_listens(turn->loop, turn->server, addrs, ADDRESSES_MAX);

    for (size_t i = n < ADDRESSES_MAX ? n : ADDRESSES_MAX; i-- > 0;)
        json_array_append_new(addresses, json_string(hf_addr_write(&addrs[i], text)));
    print(turn, json_pack("{ss so}", "type", "listening", "addresses", addresses));
}

static void print_stats(cli_turn *turn)
{
    hf_turn_server_stats s;

    hf_turn_server_get_stats(turn->server, &s);
    print(turn,
          json_pack("{ss so so so so so so so so so so so so}", "type", "stats", "allocations", number(s.allocations),
                    "allocationsMade", number(s.allocations_made), "refusedCredentials", number(s.refused_credentials),
                    "refusedQuota", number(s.refused_quota), "refusedPeer", number(s.refused_peer), "refusedOther",
                    number(s.refused_other), "bindings", number(s.bindings), "packetsToPeers", number(s.to_peers_packets),
                    "bytesToPeers", number(s.to_peers_bytes), "packetsToClients", number(s.to_clients_packets),
                    "bytesToClients", number(s.to_clients_bytes), "dropped", number(s.dropped)));
}

/* --- The end --- */

static void on_signal(void *context)
{
    cli_turn *turn = context;
    struct signalfd_siginfo info;

    if (read(turn->signals_fd, &info, sizeof info) == sizeof info)
        hf_loop_stop(turn->loop);
}

static void on_input(void *context)
{
    cli_turn *turn = context;
    char ignored[4096];

    if (read(STDIN_FILENO, ignored, sizeof ignored) == 0)
        hf_loop_stop(turn->loop);
}

/* A server that was started without anybody at its input, as by an init system, is not at its end. */
static bool has_input(void)
{
    struct stat about;

    return isatty(STDIN_FILENO) ||
           (fstat(STDIN_FILENO, &about) == 0 && (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)));
}

/* --- Birth --- */

static hf_err read_users(cli_turn *turn, cli_fault *fault)
{
    cli_turn_options *options = &turn->options;
    const char *users = getenv("HOLDFAST_TURN_USERS");
    cli_fault inner = {0};
    hf_err err = HF_OK;

    if (options->user_file) {
        char *text = malloc(USER_FILE_MAX);
        FILE *file = text ? fopen(options->user_file, "r") : NULL;
        size_t len = file ? fread(text, 1, USER_FILE_MAX, file) : 0;

        if (!file || ferror(file) || len == USER_FILE_MAX)
            err = cli_fault_set(&inner, HF_EINVAL, "it can't be read, or is longer than a megabyte");
        else
            err = cli_turn_options_add_users(options, text, len, &inner);
        if (file)
            fclose(file);
        free(text);
        if (err != HF_OK)
            return cli_fault_set(fault, err, "--user-file: %.100s: %.200s", options->user_file, inner.text);
    }
    if (users && cli_turn_options_add_users(options, users, strlen(users), &inner) != HF_OK)
        return cli_fault_set(fault, inner.code, "HOLDFAST_TURN_USERS: %.200s", inner.text);
    if (cli_turn_options_add_secret(options, getenv("HOLDFAST_TURN_SECRET"), &inner) != HF_OK)
        return cli_fault_set(fault, inner.code, "HOLDFAST_TURN_SECRET: %.200s", inner.text);
    return cli_turn_options_check(options, fault);
}

/* A socket for each allocation, and some: more than the usual 1024. */
static void want_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static hf_err make_server(cli_turn *turn)
{
    const cli_turn_options *o = &turn->options;
    hf_turn_server_config config = {
        .realm = o->realm,
        .users = o->users,
        .users_len = o->users_len,
        .secret = o->secret,
        .calendar = (uint64_t)time(NULL),
        .relay_addrs = o->relays,
        .relay_addrs_len = o->relays_len,
        .port_first = o->port_first,
        .port_last = o->port_last,
        .allowed = o->allowed,
        .allowed_len = o->allowed_len,
        .denied = o->denied,
        .denied_len = o->denied_len,
        .allocations_max = o->allocations_max,
        .user_allocations_max = o->user_allocations_max,
        .rate_max = o->rate_max,
    };

    return hf_turn_server_new(&turn->server, hf_clock_now(), &config, &turn->env);
}

static void on_stats(void *context)
{
    cli_turn *turn = context;

    print_stats(turn);
    if (hf_loop_timer_set(turn->loop, &turn->stats, hf_loop_now(turn->loop) + turn->options.stats, on_stats, turn) != HF_OK)
        fputs("holdfast turn: no more stats: out of memory\n", stderr);
}

static hf_err start(cli_turn *turn, cli_fault *fault)
{
    hf_env_system(&turn->env);
    turn->env.log = cli_log_line;
    turn->env.log_level = turn->options.log_level;
    want_descriptors();
    hf_err err = make_server(turn);
    if (err == HF_EINVAL)
        return cli_fault_set(fault, err, "a user twice, or a user, password or realm that is too long");
    if (err == HF_OK)
        err = cli_catch_signals(&turn->signals_fd);
    if (err == HF_OK)
        err = hf_loop_new(&turn->loop, &turn->env);
    if (err == HF_OK)
        err = hf_loop_watch(turn->loop, turn->signals_fd, on_signal, turn);
    if (err == HF_OK && has_input())
        err = hf_loop_watch(turn->loop, STDIN_FILENO, on_input, turn);
    if (err != HF_OK)
        return cli_fault_set(fault, err, "%s", hf_err_text(err));
    err = hf_loop_add_turn_server(turn->loop, turn->server, turn->options.listens, turn->options.listens_len);
    if (err != HF_OK)
        return cli_fault_set(fault, err, "--listen: %s",
                             err == HF_EIO ? "this machine has no such address, or not such a port for us"
                                           : hf_err_text(err));
    print_listening(turn);
    if (turn->options.stats > 0)
        err = hf_loop_timer_set(turn->loop, &turn->stats, hf_loop_now(turn->loop) + turn->options.stats, on_stats, turn);
    return err == HF_OK ? HF_OK : cli_fault_set(fault, err, "%s", hf_err_text(err));
}

static void clear(cli_turn *turn)
{
    if (turn->loop && turn->server)
        hf_loop_remove(turn->loop, turn->server);
    hf_turn_server_free(turn->server);
    hf_loop_free(turn->loop);
    cli_turn_options_clear(&turn->options);
    if (turn->signals_fd >= 0)
        close(turn->signals_fd);
}

int cli_turn_main(int argc, char *const *argv)
{
    static cli_turn turn = {.signals_fd = -1};
    cli_fault fault = {0};
    int status = CLI_EXIT_OK;
    hf_err err = cli_turn_options_parse(&turn.options, argc, argv, &fault);

    if (err == HF_OK && turn.options.help) {
        cli_turn_options_print_help(stdout);
        cli_turn_options_clear(&turn.options);
        return CLI_EXIT_OK;
    }
    if (err == HF_OK)
        err = read_users(&turn, &fault);
    if (err != HF_OK) {
        fprintf(stderr, "holdfast turn: %s (%s); see holdfast turn --help\n", fault.text, hf_err_name(err));
        cli_turn_options_clear(&turn.options);
        return CLI_EXIT_USAGE;
    }
    err = start(&turn, &fault);
    if (err == HF_OK && (err = hf_loop_run(turn.loop)) != HF_OK)
        cli_fault_set(&fault, err, "%s", hf_err_text(err));
    if (err == HF_OK) {
        print_stats(&turn);
    } else {
        fprintf(stderr, "holdfast turn: %s (%s)\n", fault.text, hf_err_name(err));
        status = err == HF_EINVAL ? CLI_EXIT_USAGE : CLI_EXIT_FAILED;
    }
    clear(&turn);
    return status;
}
