/* event_log.h: --event-log: the lines of the library's event log (holdfast/trace.h) go to a file. */
#ifndef CLI_EVENT_LOG_H
#define CLI_EVENT_LOG_H

#include "fault.h"

#include <holdfast/base.h>

#define CLI_EVENT_LOG_BUFFER 65536

typedef struct cli_event_log {
    int fd;
    bool failed; /* the disk is full, say: no more is written */
    size_t len;
    char buffer[CLI_EVENT_LOG_BUFFER]; /* whole lines, so that two processes may share the file */
} cli_event_log;

/* Makes the file, or empties it, and writes the header. HF_EIO, with the system's word for it. */
HF_CHECKED hf_err cli_event_log_open(cli_event_log **out, const char *path, const char *title, cli_fault *fault);

/* Puts a line into the log; NULL is fine. News of states is on the disk at once, packets follow in larger pieces. */
void cli_event_log_write(cli_event_log *log, const char *line, size_t len);

/* Writes what is left, and closes. False: something of the log could not be written. NULL is fine. */
bool cli_event_log_close(cli_event_log *log);

#endif
