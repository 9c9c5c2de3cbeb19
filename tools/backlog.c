/* backlog.c: how many messages still wait where only their bytes are told. */
#include "backlog.h"

#define RUN(backlog, index) ((backlog)->runs[((backlog)->head + (index)) % CLI_BACKLOG_RUNS])

static void join_newest(cli_backlog *backlog)
{
    size_t last = --backlog->len;
    uint64_t bytes =
        RUN(backlog, last - 1).size * RUN(backlog, last - 1).count + RUN(backlog, last).size * RUN(backlog, last).count;
    uint64_t count = RUN(backlog, last - 1).count + RUN(backlog, last).count;

    RUN(backlog, last - 1).size = bytes / count;
    RUN(backlog, last - 1).count = count;
    backlog->bytes -= bytes % count;
}

void cli_backlog_add(cli_backlog *backlog, uint64_t size)
{
    backlog->bytes += size;
    backlog->messages++;
    if (backlog->len > 0 && RUN(backlog, backlog->len - 1).size == size) {
        RUN(backlog, backlog->len - 1).count++;
        return;
    }
    if (backlog->len == CLI_BACKLOG_RUNS)
        join_newest(backlog);
    RUN(backlog, backlog->len).size = size;
    RUN(backlog, backlog->len++).count = 1;
}

uint64_t cli_backlog_count(cli_backlog *backlog, uint64_t bytes)
{
    while (backlog->len > 0) {
        uint64_t size = RUN(backlog, 0).size, count = RUN(backlog, 0).count;
        uint64_t gone = backlog->bytes > bytes ? backlog->bytes - bytes : 0;
        uint64_t n = size > 0 ? gone / size : bytes < backlog->bytes || bytes == 0 ? count : 0;

        n = n < count ? n : count;
        backlog->bytes -= n * size;
        backlog->messages -= n;
        RUN(backlog, 0).count -= n;
        if (RUN(backlog, 0).count > 0)
            break;
        backlog->head = (backlog->head + 1) % CLI_BACKLOG_RUNS;
        backlog->len--;
    }
    return backlog->messages;
}
