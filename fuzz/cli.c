/* cli.c: what a person or a program writes to `holdfast`: lines of JSON, a channel list, a command line. */
#include "base64.h"
#include "channels_spec.h"
#include "command.h"
#include "lines.h"
#include "peer_options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 64

static void parse_lines(const uint8_t *data, size_t size)
{
    cli_lines lines = {.line_max = 4096};
    cli_command command;
    cli_fault fault;
    const char *line;
    size_t len;

    for (size_t i = 0; i < size; i += 100) {
        size_t n = size - i < 100 ? size - i : 100;

        if (cli_lines_feed(&lines, (const char *)data + i, n) != HF_OK || (i + n == size && cli_lines_end(&lines) != HF_OK))
            abort();
        for (cli_lines_result result; (result = cli_lines_next(&lines, &line, &len)) != CLI_LINES_NONE;) {
            if (result == CLI_LINES_TOO_LONG)
                continue;
            hf_err err = cli_command_parse(&command, line, len, &fault);
            assert(err == fault.code);
            if (err == HF_OK)
                cli_command_clear(&command);
        }
    }
    cli_lines_clear(&lines);
}

/* Words parted by line ends. */
static void parse_options(char *text)
{
    static cli_peer_options options;
    char *argv[WORDS_MAX];
    int argc = 0;
    cli_fault fault = {0};

    for (char *rest = text; rest && argc < WORDS_MAX;)
        argv[argc++] = strsep(&rest, "\n");
    hf_err err = cli_peer_options_parse(&options, argc, argv, &fault);
    assert(err == fault.code);
    assert(err != HF_OK || options.help || options.offer != options.answer);
}

static void parse_base64(const char *text)
{
    uint8_t *data;
    size_t len, again_len;

    if (!cli_base64_read(text, strlen(text), &data, &len))
        return;
    char *again = cli_base64_write(data, len, &again_len);
    assert(again && strcmp(again, text) == 0); /* each value has one text */
    free(again);
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cli_channels channels;
    cli_fault fault = {0};
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (cli_channels_parse(&channels, text, &fault) == HF_OK)
        assert(channels.len > 0);
    parse_base64(text);
    parse_options(text);
    free(text);
    parse_lines(data, size);
    return 0;
}
