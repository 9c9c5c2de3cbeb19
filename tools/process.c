/* process.c: signals and the log of words that run until they are told to end. */
#include "process.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

hf_err cli_catch_signals(int *fd)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    *fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *fd < 0 ? HF_EIO : HF_OK;
}

void cli_log_line(void *context, hf_log_level level, const char *line)
{
    static const char *const names[] = {"", "error", "warning", "info", "debug"};

    (void)context;
    fprintf(stderr, "holdfast: %s: %s\n", names[level], line);
}
