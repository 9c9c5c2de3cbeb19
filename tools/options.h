/* options.h: a command line against a table. Pure: no environment, no files, nothing printed but help. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "fault.h"

#include <holdfast/base.h>

#include <stdio.h>

/* One option: a row. */
typedef struct cli_option {
    const char *name;     /* "--stun" */
    const char *argument; /* what stands for its value in the help, "URI"; NULL: it takes none */
    const char *help;     /* lines are parted by \n */
    /* Takes the value (NULL without an argument); the fault's text is a continuation of "--stun: ". */
    hf_err (*take)(void *options, const char *value, cli_fault *fault);
    size_t flag; /* without `take`: the offset of the bool to set; 0: the option is not supported yet */
} cli_option;

/* Takes all arguments, as "--name value" or "--name=value". HF_ENOTSUP: an option of later days; HF_EINVAL: unknown, lacks
 * its value, has one too many; and what its function says. */
HF_CHECKED hf_err cli_options_parse(const cli_option *table, size_t len, int argc, char *const *argv, void *options,
                                    cli_fault *fault);

void cli_options_print_help(const cli_option *table, size_t len, FILE *out);

/* A name that is not empty. HF_EINVAL. */
HF_CHECKED hf_err cli_parse_file(const char *text, const char **out, cli_fault *fault);

/* An address that an interface can have, without a port. HF_EINVAL. */
HF_CHECKED hf_err cli_parse_bind(const char *text, hf_addr *out, cli_fault *fault);

/* "50000-50100". HF_EINVAL. */
HF_CHECKED hf_err cli_parse_ports(const char *text, uint16_t *first, uint16_t *last, cli_fault *fault);

/* "2" or "0.5", above zero and at most a year. HF_EINVAL. */
HF_CHECKED hf_err cli_parse_seconds(const char *text, hf_span *out, cli_fault *fault);

#endif
