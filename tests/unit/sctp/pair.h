/* pair.h: two associations with a network of virtual time between them. The same seed gives the same run. */
#ifndef TEST_SCTP_PAIR_H
#define TEST_SCTP_PAIR_H

#include "clock.h"

#include <env.h>
#include <sctp.h>

#define PAIR_MTU 1200
#define PAIR_DELAY HF_MS(10) /* one way */
#define PAIR_EVENTS_MAX 65536

typedef struct pair pair;
typedef struct pair_end pair_end;

/* An event as it was told; messages are copied when there is room, and hashed always. */
typedef struct pair_event {
    hf_sctp_event event; /* message.data is NULL */
    size_t len;
    uint64_t hash;
    hf_time at;
} pair_event;

struct pair_end {
    hf_sctp *sctp;
    hf_time due;
    bool deaf; /* takes no events */
    pair_event *events;
    size_t events_len;
    uint8_t last[4096]; /* the newest message, as far as it fits */
    size_t messages, bytes;
    void (*on_event)(pair *p, pair_end *end, const hf_sctp_event *event);
};

typedef struct pair_flying {
    struct pair_flying *next;
    hf_time due;
    uint64_t order;
    pair_end *to;
    size_t len;
    uint8_t data[];
} pair_flying;

struct pair {
    test_env env;
    hf_engine *engine;
    hf_time now;
    pair_end a, b; /* a is the DTLS client */
    pair_flying *flying;
    uint64_t random, order, trace;
    uint64_t packets;
    /* The network: chances out of 1000, and time. */
    unsigned lost, late, twice;
    hf_span delay;
    bool cut;
    bool (*drop)(pair *p, pair_end *to, hf_bytes packet); /* NULL: none */
    void *context;
    hf_sctp_config config_a, config_b;
    hf_sctp_remote remote_a, remote_b;
};

void pair_init(pair *p, uint64_t seed); /* then the settings may be changed */
void pair_open(pair *p);                /* makes both ends */
void pair_start(pair *p);               /* begins both */
void pair_up(pair *p);                  /* all of that, and runs until both are up */
void pair_clear(pair *p);               /* expects that nothing leaks */

void pair_run(pair *p, hf_span length);
void pair_step(pair *p); /* what is due now, without moving the clock */
void pair_drain(pair *p, pair_end *end);

/* Runs until the end has seen `n` events of the type (of all time), at most for `limit`. */
bool pair_wait(pair *p, pair_end *end, hf_sctp_event_type type, size_t n, hf_span limit);

size_t pair_count(const pair_end *end, hf_sctp_event_type type);
const pair_event *pair_find(const pair_end *end, hf_sctp_event_type type, size_t nth); /* NULL: not so many */

/* Opens a channel at one end; the test fails when it can't. */
hf_datachannel pair_channel(pair *p, pair_end *end, const hf_datachannel_config *config);
hf_err pair_send(pair *p, pair_end *end, hf_datachannel channel, const void *data, size_t len);
hf_err pair_send_text(pair *p, pair_end *end, hf_datachannel channel, const char *text);

uint64_t pair_hash(const void *data, size_t len);
void pair_fill(uint8_t *out, size_t len, uint64_t seed);

#endif
