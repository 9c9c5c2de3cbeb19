/* demo_options.h: the command line of `holdfast demo`. Pure. */
#ifndef CLI_DEMO_OPTIONS_H
#define CLI_DEMO_OPTIONS_H

#include "fault.h"

#include <holdfast/base.h>

#include <stdio.h>

/* Strings are the command line's own. */
typedef struct cli_demo_options {
    hf_span seconds;   /* how long there is traffic */
    const char *files; /* a folder; NULL: one is chosen */
    hf_log_level log_level;
    const char *event_log; /* a file; NULL: none */
    bool calm;             /* nothing lies between the two, and nothing befalls them */
    bool json, help;
} cli_demo_options;

HF_CHECKED hf_err cli_demo_options_parse(cli_demo_options *out, int argc, char *const *argv, cli_fault *fault);
void cli_demo_options_print_help(FILE *out);

#endif
