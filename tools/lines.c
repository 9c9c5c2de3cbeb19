/* lines.c: bytes in, lines out, in bounded memory. */
#include "lines.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 4096

static size_t line_max(const cli_lines *lines)
{
    return lines->line_max ? lines->line_max : CLI_LINE_MAX;
}

static hf_err make_room(cli_lines *lines, size_t more)
{
    if (lines->begin > 0) {
        memmove(lines->data, lines->data + lines->begin, lines->len - lines->begin);
        lines->len -= lines->begin;
        lines->scanned -= lines->begin;
        lines->begin = 0;
    }
    if (more > SIZE_MAX / 4 || lines->len > SIZE_MAX / 4)
        return HF_ENOMEM;

    size_t need = lines->len + more;
    if (need <= lines->cap)
        return HF_OK;
    size_t cap = lines->cap ? lines->cap : CAP_FIRST;
    while (cap < need)
        cap *= 2;
    char *data = realloc(lines->data, cap);
    if (!data)
        return HF_ENOMEM;
    lines->data = data;
    lines->cap = cap;
    return HF_OK;
}

hf_err cli_lines_feed(cli_lines *lines, const char *data, size_t len)
{
    if (len == 0)
        return HF_OK;

    hf_err err = make_room(lines, len);
    if (err != HF_OK)
        return err;
    memcpy(lines->data + lines->len, data, len);
    lines->len += len;
    return HF_OK;
}

hf_err cli_lines_end(cli_lines *lines)
{
    if (lines->begin == lines->len && !lines->skipping)
        return HF_OK;
    return lines->data[lines->len - 1] == '\n' && !lines->skipping ? HF_OK : cli_lines_feed(lines, "\n", 1);
}

/* Without its end, the line so far is all there is in the buffer. */
static cli_lines_result wait_for_end(cli_lines *lines)
{
    lines->scanned = lines->len;
    if (!lines->skipping && lines->len - lines->begin <= line_max(lines) + 1) /* a "\r" may be its last */
        return CLI_LINES_NONE;
    lines->begin = lines->len;
    if (lines->skipping)
        return CLI_LINES_NONE;
    lines->skipping = true;
    lines->number++;
    return CLI_LINES_TOO_LONG;
}

cli_lines_result cli_lines_next(cli_lines *lines, const char **line, size_t *len)
{
    for (;;) {
        if (lines->scanned == lines->len)
            return wait_for_end(lines);

        const char *end = memchr(lines->data + lines->scanned, '\n', lines->len - lines->scanned);
        if (!end)
            return wait_for_end(lines);

        const char *begin = lines->data + lines->begin;
        bool skipped = lines->skipping;
        lines->begin = lines->scanned = (size_t)(end - lines->data) + 1;
        lines->skipping = false;
        if (skipped)
            continue; /* the rest of a line that was told */
        lines->number++;
        *line = begin;
        *len = (size_t)(end - begin);
        if (*len > 0 && begin[*len - 1] == '\r')
            --*len;
        return *len > line_max(lines) ? CLI_LINES_TOO_LONG : CLI_LINES_LINE;
    }
}

void cli_lines_clear(cli_lines *lines)
{
    free(lines->data);
    *lines = (cli_lines){.line_max = lines->line_max};
}
