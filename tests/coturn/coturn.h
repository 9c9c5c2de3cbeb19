/* coturn.h: a real coturn on the loopback interface, one a test, ended with it. */
#ifndef TEST_COTURN_H
#define TEST_COTURN_H

#include <holdfast/base.h>
#include <sys/types.h>

#define COTURN_USER "alice"
#define COTURN_PASSWORD "rabbit"

typedef struct coturn {
    pid_t pid;
    uint16_t port;       /* UDP and TCP, on 127.0.0.1 and ::1 */
    char folder[64];     /* its database and its log */
    const char *more[8]; /* its further options, up to NULL */
} coturn;

/* Starts one that relays from both loopback addresses and to them, and waits until it answers. */
void coturn_start(coturn *c, const char *const more[]);

/* Ends it as a crash would, and starts it again with the same port. */
void coturn_kill(coturn *c);
void coturn_restart(coturn *c);

void coturn_stop(coturn *c);

hf_addr coturn_addr(const coturn *c);

#endif
