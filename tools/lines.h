/* lines.h: bytes in, lines out. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <holdfast/error.h>

#include <stdbool.h>
#include <stddef.h>

/* The longest line: a message of 16 MiB in base64 takes 22, as text with each character escaped \u00xx, rarely, more. */
#define CLI_LINE_MAX ((size_t)64 << 20)

/* Zeroes are an empty splitter. */
typedef struct cli_lines {
    char *data;
    size_t len, cap;
    size_t begin;    /* of the first line that was not taken */
    size_t scanned;  /* up to here there is no line end */
    size_t number;   /* of the line taken last */
    size_t line_max; /* 0: CLI_LINE_MAX */
    bool skipping;   /* within a line that was too long */
} cli_lines;

typedef enum cli_lines_result { CLI_LINES_NONE = 0, CLI_LINES_LINE, CLI_LINES_TOO_LONG } cli_lines_result;

/* Takes over a copy of bytes that were read. HF_ENOMEM: they are lost. */
HF_CHECKED hf_err cli_lines_feed(cli_lines *lines, const char *data, size_t len);

/* Ends the input: a last line without line end is one too. */
HF_CHECKED hf_err cli_lines_end(cli_lines *lines);

/* Takes the oldest line, without its "\n" or "\r\n"; *line is not NUL-terminated and valid until the next feed. TOO_LONG:
 * told once for each such line, whose bytes are gone. */
cli_lines_result cli_lines_next(cli_lines *lines, const char **line, size_t *len);

void cli_lines_clear(cli_lines *lines);

#endif
