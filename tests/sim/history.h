/* history.h: what an application saw: every call that it made and every event that it was told, written down as it
 * happened. A party keeps one history over all lives of its process. The judge (judge.h) reads nothing else. */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <holdfast/session.h>

#define HISTORY_RECORDS(X)                                                                                                  \
    X(BEGAN, "its process begins") /* number: which certificate it has */                                                   \
    X(ENDED, "its process ends without a word")                                                                             \
    X(SESSION, "a session begins")                                                                                          \
    X(GONE, "the session is gone")    /* let go without a word, or replaced */                                              \
    X(DISCONNECT, "ends the session") /* a call, as are: */                                                                 \
    X(RESTART_ICE, "restarts ICE")                                                                                          \
    X(RECONNECT, "asks for another connection")                                                                             \
    X(IDENTITY_ACCEPTED, "accepts the identity")                                                                            \
    X(CHANNEL, "opens a channel")                                                                                           \
    X(CLOSE, "closes the channel")                                                                                          \
    X(SENT, "says")           /* accepted */                                                                                \
    X(REFUSED, "may not say") /* cause: HF_EAGAIN, or another */                                                            \
    X(PAUSED, "stops reading")                                                                                              \
    X(UNPAUSED, "reads again")                                                                                              \
    X(STATE, "state") /* an event, as are: number: the state */                                                             \
    X(CONNECTED, "is connected")                                                                                            \
    X(DISCONNECTED, "is not connected")                                                                                     \
    X(CHANNEL_OPEN, "the channel is open")                                                                                  \
    X(CHANNEL_CLOSED, "the channel is closed")                                                                              \
    X(WRITABLE, "may say more")                                                                                             \
    X(RECEIVED, "hears")                                                                                                    \
    X(DISCARDED, "heard in vain") /* the first parts of a message whose rest will not come */                               \
    X(GARBLED, "hears parts that make no message")                                                                          \
    X(RETURNED, "gets back") /* number: 1: possibly delivered */                                                            \
    X(RESUMED, "another connection has taken it up")                                                                        \
    X(CONTINUITY_LOST, "continuity is lost")                                                                                \
    X(IDENTITY_CHANGED, "the remote shows another identity")                                                                \
    X(TROUBLE, "the world troubles it") /* something is between it and `remote` */                                          \
    X(CALM, "the world lets it be")     /* nothing is any more */                                                           \
    X(FORGED, "somebody speaks in the other's name")                                                                        \
    X(REPLAYED, "datagrams come that somebody kept")                                                                        \
    X(TURNED_AWAY, "lets no other identity begin a session")                                                                \
    X(IDENTITY_FORGOTTEN, "forgets whom it knew")                                                                           \
    X(OUTLIVED, "a letter of a former life comes") /* number: with which certificate */                                     \
    X(SETTLED, "the end of the story")

typedef enum record_type {
#define X(name, words) RECORD_##name,
    HISTORY_RECORDS(X)
#undef X
        RECORD_TYPE_COUNT
} record_type;

typedef enum delivery { ORDERED = 0, UNORDERED, FRESH } delivery; /* reliable, reliable, not reliable */

/* What was said or heard, so far as the judge needs it. */
typedef struct message {
    uint64_t id; /* content.h; 0: it is too short to bear one */
    uint64_t hash;
    uint32_t len;
    hf_message_kind kind;
} message;

typedef struct record {
    hf_time at;
    record_type type;
    int remote;       /* the party that it is about; -1: none */
    uint32_t session; /* its number in this history, 1, 2, …; 0: none */
    uint32_t channel; /* likewise */
    hf_err cause;
    uint64_t number;
    message message; /* SENT, REFUSED, RECEIVED, RETURNED */
} record;

typedef struct history_channel {
    char name[16];
    delivery delivery;
    uint32_t session;
} history_channel;

typedef struct history {
    record *records;
    size_t len, cap;
    history_channel *channels; /* number n is at n - 1 */
    size_t channels_len, channels_cap;
    uint32_t sessions;
} history;

void history_clear(history *h);
void history_add(history *h, const record *r);
uint32_t history_add_channel(history *h, uint32_t session, const char *name, delivery how);

/* Prints the last `n` records of all up to that moment, by time. Letters name the parties. */
void history_print(const history *histories, size_t len, size_t n, hf_time until);

#endif
