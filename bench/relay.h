/* relay.h: a TURN server in a process of its own, on this machine: ours, or coturn. */
#ifndef HF_BENCH_RELAY_H
#define HF_BENCH_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_RELAY_USER "alice"
#define BENCH_RELAY_PASSWORD "rabbit"

typedef struct bench_relay {
    pid_t pid;
    uint16_t port; /* of 127.0.0.1, UDP */
} bench_relay;

/* False: coturn is not installed. It ends with the process that started it. */
bool bench_relay_start(bench_relay *relay, bool is_coturn);
double bench_relay_cpu(const bench_relay *relay); /* seconds of processor time that it has taken */
void bench_relay_stop(bench_relay *relay);

#endif
