/* events.h: a story made from a number: who is where, what they say, what happens to them. */
#ifndef SIM_EVENTS_H
#define SIM_EVENTS_H

#include "mischief.h"
#include "relay.h"

#define EVENTS_UNDER_WAY_MAX 6
#define EVENTS_TOLD_MAX 4096

/* Something that lasts. */
typedef struct event_under_way {
    const struct event_kind *kind; /* NULL: free */
    int a, b;
    hf_time until;
} event_under_way;

typedef struct events {
    story st; /* first */
    sim_relay relay;
    bool has_relay;
    mischief mischief;
    uint64_t chance;
    event_under_way under_way[EVENTS_UNDER_WAY_MAX];
    unsigned troubles[PARTIES_MAX][PARTIES_MAX]; /* of each pair, under way */
    bool accepts[PARTIES_MAX];                   /* new identities of others */
    unsigned allowed;                            /* bits: which kinds of event */
    bool is_quiet;                               /* nobody says anything */
    hf_span say_every;
    uint32_t big;               /* bytes of a long message, at most */
    char told[EVENTS_TOLD_MAX]; /* what has happened */
    size_t told_len;
} events;

/* `only`: letters of the kinds of event that may happen, "A" being the first; NULL: all. */
void events_init(events *t, uint64_t seed, const char *only, hf_certificate *certificates[PARTIES_MAX][PARTY_IDENTITIES_MAX],
                 void (*trace)(void *context, const char *line, size_t len));
void events_clear(events *t);

/* The whole story, until everything is well and has settled. */
void events_live(events *t);

void events_print(const events *t);

/* For event_kinds.c: */
uint32_t events_draw(events *t, uint32_t below);
hf_span events_draw_ms(events *t, uint32_t least, uint32_t most);

/* Has `a` begin a session with `b`, if it has none or one that is over. */
void events_connect(events *t, int a, int b);

/* What can happen, to `a` or between it and `b`. */
typedef struct event_kind {
    const char *name;
    bool is_of_pair; /* and not of all that `a` does */
    void (*begin)(events *t, int a, int b);
    void (*end)(events *t, int a, int b); /* NULL: it is over at once */
    uint32_t least_ms, most_ms;           /* how long */
    bool is_harmless;                     /* it leaves the session connected */
} event_kind;

extern const event_kind event_kinds[];
extern const size_t event_kinds_len;

#endif
