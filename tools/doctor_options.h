/* doctor_options.h: the command line of `holdfast doctor`. Pure but for the environment, which may hold the credentials. */
#ifndef CLI_DOCTOR_OPTIONS_H
#define CLI_DOCTOR_OPTIONS_H

#include "servers_spec.h"

#include <stdio.h>

#define CLI_DOCTOR_BINDS_MAX 16

/* Strings are the command line's own. */
typedef struct cli_doctor_options {
    cli_servers servers;
    const char *ca_file; /* NULL: none */
    hf_addr binds[CLI_DOCTOR_BINDS_MAX];
    size_t binds_len;
    hf_span timeout;
    bool loopback, json, help;
} cli_doctor_options;

/* HF_EINVAL, HF_ELIMIT: see the fault. */
HF_CHECKED hf_err cli_doctor_options_parse(cli_doctor_options *out, int argc, char *const *argv, cli_fault *fault);

/* The user of the TURN servers; NULL: there are none. */
const char *cli_doctor_turn_user(const cli_doctor_options *options);

void cli_doctor_options_print_help(FILE *out);

#endif
