/* turn_options.h: the command line of `holdfast turn`. Pure but for memory. */
#ifndef CLI_TURN_OPTIONS_H
#define CLI_TURN_OPTIONS_H

#include "fault.h"

#include <holdfast/turn.h>

#include <stdio.h>

#define CLI_TURN_LISTENS_MAX 16
#define CLI_TURN_USERS_MAX 4096
#define CLI_TURN_RANGES_MAX 64

/* Names and passwords are copies; other strings are the command line's own. */
typedef struct cli_turn_options {
    hf_addr listens[CLI_TURN_LISTENS_MAX]; /* none: port 3478 of all addresses */
    size_t listens_len;
    hf_turn_user users[CLI_TURN_USERS_MAX];
    size_t users_len;
    const char *user_file; /* NULL: none */
    const char *secret, *realm;
    hf_addr relays[2];
    size_t relays_len;
    uint16_t port_first, port_last;
    hf_turn_range allowed[CLI_TURN_RANGES_MAX], denied[CLI_TURN_RANGES_MAX];
    size_t allowed_len, denied_len;
    size_t allocations_max, user_allocations_max; /* 0: the defaults */
    uint64_t rate_max;
    hf_span stats; /* 0: only at the end */
    hf_log_level log_level;
    bool stun_only, help;
} cli_turn_options;

HF_CHECKED hf_err cli_turn_options_parse(cli_turn_options *out, int argc, char *const *argv, cli_fault *fault);

/* Adds what a file or the environment names: "NAME:PASSWORD", one a line, and a '#' begins a comment line. The secret stays
 * the caller's; NULL: none. */
HF_CHECKED hf_err cli_turn_options_add_users(cli_turn_options *options, const char *text, size_t len, cli_fault *fault);
HF_CHECKED hf_err cli_turn_options_add_secret(cli_turn_options *options, const char *secret, cli_fault *fault);

/* Whether, with all that is added, there is somebody who may relay, or nobody is meant to. HF_EINVAL. */
HF_CHECKED hf_err cli_turn_options_check(const cli_turn_options *options, cli_fault *fault);

void cli_turn_options_clear(cli_turn_options *options);
void cli_turn_options_print_help(FILE *out);

#endif
