/* retry.h: when to try what for a session whose path fails. Pure: news and `now` in, the next step out.
 *
 *                 unstable, lost                   agreed
 *      STEADY ────────────────────▶ OFFERING ──────────────────▶ CHECKING
 *        ▲                             ▲  ▲ │ nobody answers         │ no path
 *        │ connected, from each        │  │ ▼                        │
 *        └────────────────        wait over, change ── WAITING ◀─────┘
 *
 * Beside that, whatever the phase: an offer that is open is repeated until it is answered. */
#ifndef HF_RETRY_H
#define HF_RETRY_H

#include <holdfast/base.h>

/* An attempt that the remote has agreed to, and that found nothing for so long, has failed. ICE itself gives up before that
 * where it sees that there is nothing to be found. */
#define HF_RETRY_PATIENCE HF_SECONDS(16)

/* Trouble so soon after both sides have agreed to a restart is what that restart is about: the remote saw it first. */
#define HF_RETRY_FRESH HF_SECONDS(2)

/* A relay serves well enough for this long: a direct path is not looked for more often. */
#define HF_RETRY_RELAYED_MIN HF_SECONDS(10)

typedef enum hf_retry_phase {
    HF_RETRY_STEADY = 0, /* nothing is to be done */
    HF_RETRY_OFFERING,   /* an attempt has begun; the remote has not agreed to it yet */
    HF_RETRY_CHECKING,   /* it has: a path is looked for */
    HF_RETRY_WAITING     /* the attempt has failed */
} hf_retry_phase;

typedef enum hf_retry_news {
    HF_RETRY_UNSTABLE = 0, /* the path does not answer; begun now, a restart may be over before consent is */
    HF_RETRY_LOST,         /* consent has ended, or no path was found */
    HF_RETRY_CONNECTED,    /* a path works */
    HF_RETRY_OVER,         /* the session has ended */
    HF_RETRY_OFFERED,      /* an offer of ours has left, to a remote that takes repetitions */
    HF_RETRY_OFFERED_ONCE, /* the same, to a plain one */
    HF_RETRY_SETTLED,      /* no offer of ours is open any more: answered, or given way to the remote's */
    HF_RETRY_RESTARTED,    /* and ICE begins anew on both sides */
    HF_RETRY_CROSSED,      /* an offer of the remote's came, while ours is open that it has to take instead */
    HF_RETRY_RELAYED, /* data has fallen back from a direct path to a relay: what the remote knows of us is out of date */
    HF_RETRY_CHANGED, /* there is a way that was not there before: an interface, say */
    HF_RETRY_NEWS_COUNT
} hf_retry_news;

/* What is to be done. The ladder of architecture.md, promise 2, above what ICE does alone (another pair). */
typedef enum hf_retry_step {
    HF_RETRY_NOTHING = 0,
    HF_RETRY_REPEAT,  /* the open offer leaves again */
    HF_RETRY_RESTART, /* an ICE restart is offered */
    HF_RETRY_RENEW    /* the same, in place of the open offer */
} hf_retry_step;

typedef struct hf_retry {
    hf_retry_phase phase;
    unsigned failures;    /* attempts since it was connected */
    hf_time due;          /* the end of the phase; HF_NEVER: news ends it */
    hf_time repeat_at;    /* HF_NEVER: no offer is open that may be repeated */
    unsigned repeats;     /* of that offer */
    hf_time offered_at;   /* it, or the last change since */
    hf_time restarted_at; /* HF_NEVER: not yet */
} hf_retry;

void hf_retry_init(hf_retry *retry);

/* Takes news into account. */
hf_retry_step hf_retry_on(hf_retry *retry, hf_time now, hf_retry_news news);

/* The next thing that is due; HF_RETRY_NOTHING: none is. */
hf_retry_step hf_retry_tick(hf_retry *retry, hf_time now);

/* The step could not be taken: the attempt has failed. */
void hf_retry_fail(hf_retry *retry, hf_time now);

hf_time hf_retry_deadline(const hf_retry *retry);

/* "steady", "offering", "checking" or "waiting"; "repeat", "restart" or "renew". Static. */
const char *hf_retry_phase_name(hf_retry_phase phase);
const char *hf_retry_step_name(hf_retry_step step);

#endif
