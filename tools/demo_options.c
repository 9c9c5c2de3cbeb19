/* demo_options.c: the command line of `holdfast demo`: a table. */
#include "demo_options.h"

#include "options.h"
#include "peer_options.h"

#define SECONDS_DEFAULT HF_SECONDS(14)
#define SECONDS_DEFAULT_CALM HF_SECONDS(5)

static hf_err take_seconds(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_seconds(value, &((cli_demo_options *)options)->seconds, fault);
}

static hf_err take_files(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_demo_options *)options)->files, fault);
}

static hf_err take_log(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_log_level(value, &((cli_demo_options *)options)->log_level, fault);
}

static hf_err take_event_log(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_demo_options *)options)->event_log, fault);
}

static const cli_option table[] = {
    {"--seconds", "N", "how long there is traffic; 14 by default, calm 5", take_seconds, 0},
    {"--files", "FOLDER",
     "what is sent on `files`; by default the current\nfolder if it looks like a source tree, or else\nmade-up files",
     take_files, 0},
    {"--calm", NULL, "nothing lies between the two, and nothing befalls\nthem: how fast it is by loopback", NULL,
     offsetof(cli_demo_options, calm)},
    {"--json", NULL, "one JSON object at the end, and nothing else", NULL, offsetof(cli_demo_options, json)},
    {"--log", "LEVEL", "error, warning, info, debug or none, to stderr", take_log, 0},
    {"--event-log", "FILE", "what happens inside, as JSON lines of both peers;\n`holdfast timeline` draws it",
     take_event_log, 0},
    {"--help", NULL, "print this", NULL, offsetof(cli_demo_options, help)},
};
#define TABLE_LEN (sizeof table / sizeof table[0])

hf_err cli_demo_options_parse(cli_demo_options *out, int argc, char *const *argv, cli_fault *fault)
{
    *out = (cli_demo_options){.log_level = HF_LOG_ERROR};
    hf_err err = cli_options_parse(table, TABLE_LEN, argc, argv, out, fault);
    if (out->seconds == 0)
        out->seconds = out->calm ? SECONDS_DEFAULT_CALM : SECONDS_DEFAULT;
    return err;
}

void cli_demo_options_print_help(FILE *out)
{
    fputs("usage: holdfast demo [option]...\n"
          "\n"
          "Two peers, in two processes on this machine, connect and use the five channels\n"
          "of a collaboration session: edits, cursors, presence, streamed answers, and a\n"
          "tree of files. Between them lies a network of 8 Mbit/s, a third process, where\n"
          "things go wrong meanwhile: the path is cut and comes back; the direct path is\n"
          "closed, and a relay takes over; a new connection takes the session up. A table\n"
          "shows what passes, a summary what was checked.\n"
          "\n",
          out);
    cli_options_print_help(table, TABLE_LEN, out);
    fputs("\n"
          "exit status: 0, or 1 with the step that failed, 2 for a bad command line\n"
          "environment: NO_COLOR, COLUMNS\n",
          out);
}
