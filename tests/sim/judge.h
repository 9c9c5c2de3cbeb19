/* judge.h: reads the histories of all parties, and nothing else, and says what must not have happened.
 *
 * What it holds them to is what session.h, channel.h and manager.h promise an application; it knows no inside of the
 * library. A story ends with networks that are well and time enough (RECORD_SETTLED): what is due then is due. */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "history.h"

/* With a path and a post that work for so long, they are connected: above the longest wait between attempts (30 s), and
 * what an attempt takes. */
#define JUDGE_PATIENCE HF_SECONDS(60)

/* What is not reliable, and older than this, is stale. The stories' links take half a second at the most. */
#define JUDGE_FRESH_AGE HF_SECONDS(3)

/* So long what was said again is on its way. Datagrams that were lost are new when somebody else sends them: nothing tells
 * them from late ones. */
#define JUDGE_REPLAYED_AGE HF_SECONDS(1)

#define JUDGE_FAULTS_MAX 16

typedef struct fault {
    hf_time at;
    int party;
    uint32_t session, channel;
    const char *rule;
    uint64_t which; /* message, state; 0: it says nothing */
} fault;

typedef struct verdict {
    fault faults[JUDGE_FAULTS_MAX];
    size_t len; /* of all; those beyond the room are counted only */
} verdict;

void judge(const history *histories, size_t len, verdict *out);

/* A fault on one line. */
void judge_print(const history *histories, const fault *f);

#endif
