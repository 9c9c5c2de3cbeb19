/* output.c: lines to a descriptor, each in one write, at once. */
#include "output.h"

#include "event.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool cli_write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n >= 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) { /* the descriptor is shared with somebody who likes it so */
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool cli_write_event(int fd, json_t *event)
{
    size_t len = 0;
    char *line = cli_event_write(event, &len);

    if (!line) {
        fputs("holdfast: an event was lost: out of memory\n", stderr);
        return true;
    }
    bool ok = cli_write_all(fd, line, len);
    free(line);
    return ok;
}
