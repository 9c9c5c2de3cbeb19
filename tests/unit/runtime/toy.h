/* toy.h: an object that a loop can drive: it sends what it is told to, notes what arrives, and counts each call. */
#ifndef TOY_H
#define TOY_H

#include "../../support/env.h"

#include <holdfast/loop.h>

#include <criterion/criterion.h>

#define TOY_RUNS_MAX 64
#define TOY_LOCALS_MAX 64
#define TOY_REQUESTS_MAX 8
#define TOY_STREAMS_MAX 80
#define TOY_GROUPS_MAX 32
#define TOY_BYTES_MAX (1 << 20)
#define TOY_DATAGRAMS_MAX 4096

typedef struct toy_run {
    hf_path path;
    uint8_t *data;
    size_t len, segment;
} toy_run;

typedef struct toy toy;

struct toy {
    bool echo;             /* sends back what arrives, one run a datagram */
    bool asks_locals;      /* at its next poll_request */
    bool listens;          /* when it asks for them: for streams, too */
    const char *asks_name; /* the same */
    hf_time due;
    void (*on_dispatch)(toy *t);
    void *context;

    size_t calls; /* of any function but set_wake */
    size_t ticks, dispatches, inputs, inputs_len_max;
    void (*wake)(void *context);
    void *wake_context;

    toy_run runs[TOY_RUNS_MAX];
    size_t runs_len, runs_sent;

    size_t locals_replies, locals_len;
    uint32_t locals_id;
    hf_err locals_err;
    hf_local locals[TOY_LOCALS_MAX];
    hf_local group_locals[TOY_GROUPS_MAX]; /* the first of each group */
    size_t group_told[TOY_GROUPS_MAX];     /* how often */
    uint32_t reply_group;                  /* of the newest reply */

    size_t advertised;
    hf_err advertised_err;

    size_t resolved;
    uint32_t resolved_id;
    hf_err resolved_err;
    hf_addr resolved_addrs[16];
    size_t resolved_len;

    uint8_t bytes[TOY_BYTES_MAX]; /* all that arrived */
    size_t bytes_len;
    size_t lens[TOY_DATAGRAMS_MAX]; /* of each datagram */
    size_t datagrams;
    hf_path path;   /* of the newest */
    uint32_t group; /* the same */

    hf_request requests[TOY_REQUESTS_MAX]; /* about streams and names, to be asked */
    size_t requests_len;
    size_t connected, refused, accepted, disconnected; /* told */
    hf_path streams[TOY_STREAMS_MAX];                  /* those that were connected or accepted, the newest last */
    hf_err stream_err;                                 /* of the newest reply about one */
    uint32_t stream_id;
    size_t bytes_at_disconnect;
    size_t full, has_room; /* told of streams */
};

#define TOY_LOCALS_ID 77
#define TOY_NAME_ID 78

extern const hf_endpoint toy_endpoint;

toy *toy_new(void);
void toy_free(toy *t);

/* Queues a run and wakes the loop, as a call of an application does. The bytes are copied. */
void toy_send(toy *t, const hf_path *path, const void *data, size_t len, size_t segment);
void toy_ask_locals(toy *t);
void toy_ask(toy *t, const hf_request *request);
void toy_ask_name(toy *t, const char *name);

/* Makes a loop with the environment of the system. */
hf_loop *toy_loop(void);

/* Adds a toy that is bound to this address alone, and waits until it has its socket, and if it listens one more for that;
 * false: the machine has no such address. */
bool toy_add_bound(hf_loop *loop, toy *t, const char *address);

/* From the socket of one to that of another. */
hf_path toy_path(const toy *from, const toy *to);

#define TOY_PATIENCE HF_SECONDS(10)

/* Turns until the condition holds; the test fails when it does not within TOY_PATIENCE. */
#define TURN_UNTIL(loop, condition)                                                                                         \
    do {                                                                                                                    \
        hf_time turn_end_ = hf_clock_now() + TOY_PATIENCE;                                                                  \
        while (!(condition)) {                                                                                              \
            cr_assert_lt(hf_clock_now(), turn_end_, "waited too long for: %s", #condition);                                 \
            cr_assert_eq(hf_loop_step(loop, HF_MS(100)), HF_OK);                                                            \
        }                                                                                                                   \
    } while (0)

#endif
