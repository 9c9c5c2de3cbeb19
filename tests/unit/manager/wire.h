/* wire.h: two managers, their network and the way of their envelopes, in one process under virtual time.
 *
 * usrsctp's globals outlive a run: one process runs one wire. */
#ifndef UNIT_MANAGER_WIRE_H
#define UNIT_MANAGER_WIRE_H

#include "env.h"

#include <holdfast/holdfast.h>

#define WIRE_SESSIONS_MAX 8
#define WIRE_NAMES_MAX 16

/* What one side heard. */
typedef struct wire_side {
    struct wire *wire;
    int index;
    hf_manager *manager;
    hf_session *sessions[WIRE_SESSIONS_MAX]; /* those that the driver knows */
    size_t sessions_len;
    hf_session *begun; /* the last that on_session told */
    unsigned begun_count;
    char opened[WIRE_NAMES_MAX][32]; /* channels, as they opened */
    size_t opened_len;
    unsigned connected, disconnected, errors, messages;
    bool closed;
    hf_err receive_err; /* of the last envelope that was refused */
    bool forget_on_session;
} wire_side;

typedef struct wire {
    hf_time now;
    test_env env;
    hf_engine *engine;
    wire_side side[2]; /* peer ids "alice" and "bob": the first is polite */
    struct wire_letter *letters;
    size_t letters_len, letters_cap;
    uint64_t chance;
    unsigned loss;               /* of datagrams, out of 1000 */
    unsigned envelope_duplicate; /* out of 1000 */
    hf_span envelope_jitter;     /* added, evenly from 0: reorders them */
    hf_span envelope_delay;
    unsigned envelopes;
} wire;

/* Both managers are configured with the five channels of hf_collab_channels. */
void wire_init(wire *w, uint64_t seed, bool no_trickle);
void wire_clear(wire *w);

/* Lets time pass: until `until`, or until `done` says so. True: it did. */
bool wire_run(wire *w, hf_time until, bool (*done)(wire *w));

bool wire_both_have_five(wire *w); /* five channels are open on both sides */

hf_session *wire_connect(wire *w, int from);

#endif
