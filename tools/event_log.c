/* event_log.c: --event-log. */
#include "event_log.h"

#include "output.h"

#include <holdfast/loop.h>
#include <holdfast/trace.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void flush(cli_event_log *log)
{
    if (log->len > 0 && !log->failed)
        log->failed = !cli_write_all(log->fd, log->buffer, log->len);
    log->len = 0;
}

static bool is_packet(const char *line, size_t len)
{
    return memmem(line, len, ":packets_", 9) || memmem(line, len, ":message_", 9) || memmem(line, len, ":check_", 7);
}

void cli_event_log_write(cli_event_log *log, const char *line, size_t len)
{
    if (!log || len >= sizeof log->buffer)
        return;
    if (len + 1 > sizeof log->buffer - log->len)
        flush(log);
    memcpy(log->buffer + log->len, line, len);
    log->buffer[log->len + len] = '\n';
    log->len += len + 1;
    if (!is_packet(line, len))
        flush(log);
}

static void write_header(cli_event_log *log, const char *title)
{
    char line[HF_TRACE_LINE_MAX + 1], wall[32];
    time_t seconds = time(NULL);
    struct tm utc;
    bool is_known = gmtime_r(&seconds, &utc) && strftime(wall, sizeof wall, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0;
    size_t len = hf_trace_header(line, hf_clock_now(), title, is_known ? wall : NULL);

    cli_event_log_write(log, line, len);
}

hf_err cli_event_log_open(cli_event_log **out, const char *path, const char *title, cli_fault *fault)
{
    cli_event_log *log = malloc(sizeof *log);
    if (!log)
        return cli_fault_set(fault, HF_ENOMEM, "--event-log: %s", hf_err_text(HF_ENOMEM));
    log->len = 0;
    log->failed = false;
    log->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (log->fd < 0) {
        int reason = errno;
        free(log);
        return cli_fault_set(fault, HF_EIO, "--event-log: %.200s: %s", path, strerror(reason));
    }
    write_header(log, title);
    *out = log;
    return HF_OK;
}

bool cli_event_log_close(cli_event_log *log)
{
    if (!log)
        return true;
    flush(log);
    bool is_whole = close(log->fd) == 0 && !log->failed;
    free(log);
    return is_whole;
}
