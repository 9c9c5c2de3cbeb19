/* wire.h: two managers, their network and the way of their envelopes, in one process under virtual time.
 *
 * usrsctp's globals outlive a run: one process runs one wire. */
#ifndef UNIT_MANAGER_WIRE_H
#define UNIT_MANAGER_WIRE_H

#include "env.h"

#include <holdfast/holdfast.h>

#define WIRE_SESSIONS_MAX 8
#define WIRE_NAMES_MAX 16
#define WIRE_SERVER "stun:198.51.100.1:3478"
#define WIRE_GROUPS_MAX 16

/* What one side heard. */
typedef struct wire_side {
    struct wire *wire;
    int index;
    hf_manager *manager;
    hf_session *sessions[WIRE_SESSIONS_MAX]; /* those that the driver knows */
    size_t sessions_len;
    struct {
        bool is_used;
        uint32_t id;
    } groups[WIRE_SESSIONS_MAX][WIRE_GROUPS_MAX]; /* of sockets, of each session: the place decides on the port */
    hf_session *begun;                            /* the last that on_session told */
    unsigned begun_count;
    char opened[WIRE_NAMES_MAX][32]; /* channels, as they opened */
    size_t opened_len;
    unsigned connected, disconnected, errors, messages;
    unsigned resumed, continuity_lost, identity_changed;
    uint64_t next;            /* number expected next, of messages that wire_send made */
    unsigned out_of_order;    /* messages that bore another */
    hf_time received_at;      /* the last of them */
    char states[256];         /* of the session, with spaces between */
    hf_err cause;             /* of the last state */
    unsigned offers, answers; /* envelopes that it sent */
    uint32_t offer_last;      /* the number of its last offer */
    char attempts[512];       /* their phases, as they were told; a step stands before the first of its own */
    hf_attempt attempt;       /* the last that was told */
    bool asleep;              /* nobody drives it, and what comes for it is lost */
    uint8_t network;          /* part of its address */
    bool closed;
    hf_err receive_err; /* of the last envelope that was refused */
    bool forget_on_session;
} wire_side;

typedef struct wire {
    hf_time now;
    test_env env;
    hf_engine *engine;
    hf_manager_config config;
    hf_certificate *certificates[2];
    wire_side side[2]; /* peer ids "alice" and "bob": the first is polite */
    struct wire_letter *letters;
    size_t letters_len, letters_cap;
    uint64_t chance;
    unsigned loss;               /* of datagrams, out of 1000 */
    bool cut;                    /* no datagram passes */
    unsigned envelope_loss;      /* out of 1000 */
    unsigned envelope_duplicate; /* out of 1000 */
    hf_span envelope_jitter;     /* added, evenly from 0: reorders them */
    hf_span envelope_delay;
    unsigned envelopes;
    void (*forge)(struct wire *w, int to, hf_envelope *envelope); /* whoever carries them may write in them; NULL: honest */
    bool server_is_silent;                                        /* the STUN server WIRE_SERVER; it is behind the cut */
    uint64_t sent[2];                                             /* messages that wire_send made */
} wire;

/* Both managers are configured with the five channels of hf_collab_channels. */
void wire_init(wire *w, uint64_t seed, bool no_trickle);
void wire_init_with(wire *w, uint64_t seed, const hf_session_config *session); /* the engine and channels are filled in */
/* The same, of the whole: engine, channels, ids and handlers are filled in. */
void wire_init_for(wire *w, uint64_t seed, const hf_manager_config *config);
void wire_clear(wire *w);

/* Lets time pass: until `until`, or until `done` says so. True: it did. */
bool wire_run(wire *w, hf_time until, bool (*done)(wire *w));

bool wire_both_have_five(wire *w); /* five channels are open on both sides */

hf_session *wire_connect(wire *w, int from);
hf_session *wire_session(const wire *w, int side); /* the only one */

/* The program of that side begins anew: what it knew is gone, and perhaps its certificate, too. */
void wire_restart(wire *w, int side, bool same_identity);

/* Sends the next message on code-sync. */
void wire_send(wire *w, int from);

/* The side gets another address, and loses the one that it had. */
void wire_move(wire *w, int side);

#endif
