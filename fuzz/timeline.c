/* timeline.c: an event log that somebody sent: lines in, a picture out, in bounded memory and time. */
#include "timeline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cli_timeline timeline = {0};
    if (size > 0) /* the first byte is the window */
        timeline.window = (cli_window){.from = data[0] & 15, .to = data[0] >> 4 == 0 ? 0 : (data[0] & 15) + (data[0] >> 4)};
    for (size_t at = 1; at < size;) {
        cli_fault fault = {0};
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - data) - at : size - at;
        hf_err err = cli_timeline_take(&timeline, (const char *)data + at, len, &fault);
        assert(err == fault.code);
        at += len + 1;
    }

    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    cli_timeline_draw(out, &timeline);
    fclose(out);
    assert(strncmp(text, "<svg ", 5) == 0 && strcmp(text + len - 7, "</svg>\n") == 0);
    free(text);
    cli_timeline_clear(&timeline);
    return 0;
}
