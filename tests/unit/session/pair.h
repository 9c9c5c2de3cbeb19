/* pair.h: two sessions, or a session and a peer that is up to no good, with the network and the signalling between them, in
 * one process under virtual time. usrsctp's globals outlive a run: one process runs one pair. */
#ifndef UNIT_SESSION_PAIR_H
#define UNIT_SESSION_PAIR_H

#include "env.h"

#include <holdfast/holdfast.h>

#define PAIR_GROUPS_MAX 32
#define PAIR_TEXT_MAX 4096
#define PAIR_PEER_MESSAGE_MAX (16 << 20) /* of a peer without a session: more than any session sends */

/* What a side has heard. */
typedef struct pair_heard {
    unsigned events[HF_SESSION_EVENT_COUNT];
    char texts[PAIR_TEXT_MAX];    /* short text messages, "channel:text " each, as they came */
    char returned[PAIR_TEXT_MAX]; /* "channel:text? " where it was possibly delivered, "channel:text! " where not */
    char story[PAIR_TEXT_MAX];    /* events but data, signals, and the window's, by short names */
    uint64_t next, out_of_order;  /* of numbered messages, all channels together */
    uint64_t bytes;
    hf_session_event resumed, lost, error, returned_last, closed_last; /* the last of those; no pointers */
    unsigned possibly, not_sent;                                       /* returned */
} pair_heard;

typedef struct pair_side {
    struct pair *pair;
    int index;
    hf_session *session;
    hf_peer *peer; /* instead of a session */
    uint32_t groups;
    uint8_t network;
    bool deaf;            /* nobody dispatches it */
    bool silent;          /* its signals are lost */
    unsigned message_max; /* a peer without a session says so in its next answers; 0: what it takes */
    bool unknown;         /* the line by which it would be recognised is lost on its way */
    bool misnamed;        /* and that its id is another */
    pair_heard heard;
    uint64_t sent; /* numbered messages */
    void (*on_event)(struct pair_side *side, const hf_session_event *event);
    void (*on_peer_event)(struct pair_side *side, const hf_peer_event *event);
    void *context;
} pair_side;

typedef struct pair {
    hf_time now;
    test_env env; /* of both */
    hf_engine *engine;
    hf_certificate *certificate[2];
    pair_side side[2];
    struct pair_letter *letters;
    size_t letters_len, letters_cap;
    uint64_t chance;
    unsigned loss; /* of datagrams, out of 1000 */
    bool cut;
    hf_span delay; /* each way */
    void *context;
} pair;

/* Both sessions have `config` (NULL: zeroes), but for engine, certificate, and recovery, which is RESUME where it is
 * DEFAULT. */
void pair_init(pair *p, uint64_t seed, const hf_session_config *config);

/* Side 1 is a peer without a session; `line` (NULL: none) is its attribute. */
void pair_init_peer(pair *p, uint64_t seed, const hf_session_config *config, const char *line);
void pair_clear(pair *p); /* and checks that nothing leaks */

/* Side 1's session is forgotten, and another one begins with the same certificate, or with another. */
void pair_restart(pair *p, bool same_certificate);

/* Lets time pass, until `done` says so. False: it never did. */
bool pair_run(pair *p, hf_span span, bool (*done)(pair *p));

/* Side 0 makes the offer; both are connected then. */
void pair_connect(pair *p);
bool pair_is_connected(pair *p);

/* Side `from` offers another connection; true when both have taken it up. */
bool pair_reconnect(pair *p, int from);

/* The path is gone, and both sides know that the connection is. */
void pair_lose_path(pair *p);

hf_channel *pair_open(pair *p, int side, const hf_channel_config *config);
hf_channel *pair_channel(pair *p, int side, const char *name);
void pair_say(pair *p, int side, const char *channel, const char *text); /* must succeed */
void pair_say_number(pair *p, int side, const char *channel);

#endif
