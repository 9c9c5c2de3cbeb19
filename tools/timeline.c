/* timeline.c: `holdfast timeline`: reads an event log, writes a picture. */
#include "timeline.h"

#include "options.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct timeline_options {
    const char *log, *output;
    hf_span from, to;
    bool help;
} timeline_options;

static hf_err take_output(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((timeline_options *)options)->output, fault);
}

static hf_err take_from(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_seconds(value, &((timeline_options *)options)->from, fault);
}

static hf_err take_to(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_seconds(value, &((timeline_options *)options)->to, fault);
}

static const cli_option table[] = {
    {"--output", "FILE", "where the picture goes; stdout by default", take_output, 0},
    {"--from", "SECONDS", "draw from here, counted from the first event", take_from, 0},
    {"--to", "SECONDS", "and up to here", take_to, 0},
    {"--help", NULL, "print this", NULL, offsetof(timeline_options, help)},
};
#define TABLE_LEN (sizeof table / sizeof table[0])

static void print_help(FILE *out)
{
    fputs("usage: holdfast timeline LOG [option]...\n"
          "\n"
          "Draws what --event-log wrote as an SVG picture: states, candidate pairs,\n"
          "channels and packets over time. LOG is a file, or - for stdin.\n"
          "\n",
          out);
    cli_options_print_help(table, TABLE_LEN, out);
    fputs("\n"
          "exit status: 0, or 1 when the log can't be read, 2 for a bad command line\n",
          out);
}

static hf_err parse(timeline_options *out, int argc, char *const *argv, cli_fault *fault)
{
    if (argc > 0 && (argv[0][0] != '-' || argv[0][1] == '\0')) {
        out->log = argv[0];
        argc--;
        argv++;
    }
    hf_err err = cli_options_parse(table, TABLE_LEN, argc, argv, out, fault);
    if (err != HF_OK || out->help)
        return err;
    if (!out->log)
        return cli_fault_set(fault, HF_EINVAL, "the log is missing");
    if (out->to > 0 && out->to <= out->from)
        return cli_fault_set(fault, HF_EINVAL, "--to is not behind --from");
    return HF_OK;
}

/* Reads all lines. A last one without an end was cut off when the process died: it is left out, with a word. */
static hf_err read_log(cli_timeline *timeline, FILE *in, cli_fault *fault)
{
    char *line = NULL;
    size_t cap = 0, number = 0;
    hf_err err = HF_OK;
    for (ssize_t len; err == HF_OK && (len = getline(&line, &cap, in)) >= 0;) {
        cli_fault inner = {0};
        bool is_whole = len > 0 && line[len - 1] == '\n';
        number++;
        if (len == 0 || (is_whole && len == 1))
            continue;
        err = cli_timeline_take(timeline, line, (size_t)(is_whole ? len - 1 : len), &inner);
        if (err == HF_ESYNTAX && !is_whole) {
            fprintf(stderr, "holdfast timeline: line %zu is cut off, and left out\n", number);
            err = HF_OK;
        } else if (err != HF_OK) {
            cli_fault_set(fault, err, "line %zu: %.256s", number, inner.text);
        }
    }
    if (err == HF_OK && ferror(in))
        err = cli_fault_set(fault, HF_EIO, "%s", strerror(errno));
    if (err == HF_OK && timeline->events == 0)
        err = cli_fault_set(fault, HF_ESYNTAX, "there is no event in it");
    free(line);
    return err;
}

static hf_err read_file(cli_timeline *timeline, const char *path, cli_fault *fault)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "re");
    cli_fault inner = {0};
    if (!in)
        return cli_fault_set(fault, HF_EIO, "%.200s: %s", path, strerror(errno));
    hf_err err = read_log(timeline, in, &inner);
    if (err != HF_OK)
        cli_fault_set(fault, err, "%.60s: %.250s", is_stdin ? "stdin" : path, inner.text);
    if (!is_stdin)
        fclose(in);
    return err;
}

static hf_err write_picture(const cli_timeline *timeline, const timeline_options *options, cli_fault *fault)
{
    FILE *out = options->output ? fopen(options->output, "we") : stdout;
    if (!out)
        return cli_fault_set(fault, HF_EIO, "%.200s: %s", options->output, strerror(errno));
    cli_timeline_draw(out, timeline);
    bool is_whole = fflush(out) == 0 && !ferror(out);
    if (options->output)
        is_whole = fclose(out) == 0 && is_whole;
    return is_whole ? HF_OK : cli_fault_set(fault, HF_EIO, "the picture could not be written: %s", strerror(errno));
}

int cli_timeline_main(int argc, char *const *argv)
{
    timeline_options options = {0};
    cli_timeline timeline = {0};
    cli_fault fault = {0};

    if (parse(&options, argc, argv, &fault) != HF_OK) {
        fprintf(stderr, "holdfast timeline: %s (%s); see holdfast timeline --help\n", fault.text, hf_err_name(fault.code));
        return CLI_EXIT_USAGE;
    }
    if (options.help) {
        print_help(stdout);
        return CLI_EXIT_OK;
    }
    timeline.window = (cli_window){.from = (double)options.from / 1000, .to = (double)options.to / 1000};
    hf_err err = read_file(&timeline, options.log, &fault);
    if (err == HF_OK)
        err = write_picture(&timeline, &options, &fault);
    if (err == HF_OK && timeline.unknown > 0)
        fprintf(stderr, "holdfast timeline: %llu events of unknown names are left out\n",
                (unsigned long long)timeline.unknown);
    if (err != HF_OK)
        fprintf(stderr, "holdfast timeline: %s (%s)\n", fault.text, hf_err_name(err));
    cli_timeline_clear(&timeline);
    return err == HF_OK ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
