/* process.h: what the words share that run until they are told to end. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <holdfast/base.h>

/* Has SIGINT and SIGTERM arrive at a descriptor instead, for read and struct signalfd_siginfo, and SIGPIPE nowhere. HF_EIO.
 * To be called before the loop is made: its threads inherit the mask, and a signal goes to any that does not block it. */
HF_CHECKED hf_err cli_catch_signals(int *fd);

/* An env's `log`: a line to stderr. */
void cli_log_line(void *context, hf_log_level level, const char *line);

#endif
