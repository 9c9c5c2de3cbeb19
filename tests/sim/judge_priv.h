/* judge_priv.h: what the judge has made out of the histories.
 *
 *   judge.c          reads them            judge_sessions.c  what each party was told, as it was told
 *   judge_streams.c  what came of what was said */
#ifndef SIM_JUDGE_PRIV_H
#define SIM_JUDGE_PRIV_H

#include "judge.h"

#define COURT_PARTIES_MAX 4

/* Places of records in a history. */
typedef struct places {
    size_t *at;
    size_t len, cap;
} places;

/* One side's end of a channel; behind a loss of continuity there is another of the same channel. */
typedef struct end {
    int party, remote;
    uint32_t session, channel;
    delivery delivery;
    places sent, received, returned;
    uint64_t sequence_first;   /* of what is sent */
    struct end *before;        /* it is this one's, behind a loss of continuity; NULL: the first */
    struct end *sink, *source; /* the end that heard this one, and that which this one heard; NULL: none */
    hf_time over_at;           /* closed, begun anew, the session over; HF_NEVER: not */
    bool is_cut_off;           /* its process or session ended without a word: nothing that it said is due */
    bool is_paused;
    hf_time unpaused_at; /* the last time; 0: never */
    bool waits_for_room; /* refused, and not told that there is room again */
} end;

/* A session as its application saw it. */
typedef struct sitting {
    int party, remote;
    uint64_t identity; /* of the party's process */
    hf_session_state state;
    hf_time begun_at, over_at;
    bool is_told_connected;
    bool is_refused; /* the remote's identity has changed, and was not accepted */
    unsigned losses; /* of continuity */
} sitting;

typedef struct court {
    const history *histories;
    size_t len;
    end **ends;
    size_t ends_len, ends_cap;
    end **ends_now[COURT_PARTIES_MAX];    /* by channel, from 1: the end that is open, or the last one */
    sitting *sittings[COURT_PARTIES_MAX]; /* by number, from 1 */
    verdict *verdict;
} court;

void court_add_place(places *p, size_t at);
void court_blame(court *c, int party, const record *r, const char *rule, uint64_t which);

/* Record number `n` of those that `p` lists. */
const record *court_record(const court *c, const end *e, const places *p, size_t n);

/* Walks over all records by time. */
void court_walk(court *c, void (*look)(void *context, court *c, int party, const record *r), void *context);

void judge_sessions(court *c);
void judge_streams(court *c);

#endif
