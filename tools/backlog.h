/* backlog.h: how many messages still wait where only their bytes are told. Pure. */
#ifndef CLI_BACKLOG_H
#define CLI_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

#define CLI_BACKLOG_RUNS 256

/* The sizes of the messages that may still wait, oldest first, as runs of equal ones. Zeroes are empty. */
typedef struct cli_backlog {
    struct {
        uint64_t size, count;
    } runs[CLI_BACKLOG_RUNS];
    size_t head, len;
    uint64_t bytes, messages;
} cli_backlog;

/* A message was queued. When there are too many runs the newest two become one of their mean size: the count stays, the
 * moment at which it falls blurs. */
void cli_backlog_add(cli_backlog *backlog, uint64_t size);

/* Of all that was queued `bytes` wait still: returns how many messages that is, one that has gone in part included. */
uint64_t cli_backlog_count(cli_backlog *backlog, uint64_t bytes);

#endif
