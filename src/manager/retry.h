/* retry.h: when to try what for a session that is not connected. Pure: news and `now` in, the next step out.
 *
 * The machine is the table in retry.c; docs/recovery.md has its drawing, made from it. Beside the phases, whatever they
 * are: an offer that is open is repeated until it is answered, where the remote takes repetitions. */
#ifndef HF_RETRY_H
#define HF_RETRY_H

#include "schedule.h"

/* Trouble so soon after both sides have agreed to a restart is what that restart is about: the remote saw it first. */
#define HF_RETRY_FRESH HF_SECONDS(2)

/* A relay serves well enough for this long: a direct path is not looked for more often. It may be there a moment later by
 * itself, as where a connection begins by way of its relay. */
#define HF_RETRY_RELAYED_MIN HF_SECONDS(10)
#define HF_RETRY_RELAYED_MOMENT HF_SECONDS(1)

/* After an attempt that was agreed on, ICE goes on looking (hf_ice_config.keeps_looking): where the network is back, it
 * needs no more than this to see it, and nobody has to be asked. */
#define HF_RETRY_CHANGED_MOMENT HF_MS(400)

typedef enum hf_retry_news {
    HF_RETRY_BEGUN = 0,    /* the application wants to be connected */
    HF_RETRY_UNSTABLE,     /* the path does not answer; begun now, a restart may be over before consent is */
    HF_RETRY_LOST,         /* consent has ended, or no path was found */
    HF_RETRY_BROKEN,       /* the connection has ended otherwise: no other path could mend that */
    HF_RETRY_CONNECTED,    /* a path works */
    HF_RETRY_OVER,         /* the session has ended */
    HF_RETRY_OFFERED,      /* an offer of ours has left, to a remote that takes repetitions */
    HF_RETRY_OFFERED_ONCE, /* the same, to one that is plain, or not known yet */
    HF_RETRY_SETTLED,      /* no offer of ours is open any more: answered, or given way to the remote's */
    HF_RETRY_RESTARTED,    /* that, and ICE begins on both sides, for the first time or anew */
    HF_RETRY_REFUSED,      /* our offer was answered by something that is no answer, and is taken back */
    HF_RETRY_CROSSED,      /* an offer of the remote's came, while ours is open that it has to take instead */
    HF_RETRY_RELAYED,      /* data goes by a relay: a direct path may be there, or come back */
    HF_RETRY_CHANGED,      /* there is a way that was not there before: an interface; a server answers again */
    HF_RETRY_ASKED,        /* the application wants another attempt now */
    HF_RETRY_IMPOSSIBLE,   /* the step could not be taken */
    HF_RETRY_TIMEOUT,      /* the end of the phase */
    HF_RETRY_REPEAT_DUE,   /* the open offer's turn */
    HF_RETRY_NEWS_COUNT
} hf_retry_news;

/* What is to be done. The ladder of architecture.md, promise 2, above what ICE does alone (another pair). */
typedef enum hf_retry_step {
    HF_RETRY_NOTHING = 0,
    HF_RETRY_REPEAT,   /* the open offer leaves again */
    HF_RETRY_RESTART,  /* an ICE restart is offered */
    HF_RETRY_RENEW,    /* the same, in place of the open offer */
    HF_RETRY_RECONNECT /* a new connection is offered */
} hf_retry_step;

typedef struct hf_retry {
    const hf_schedule *schedule;
    const hf_env *env;
    bool resumes;    /* told by whoever asks: a new connection can take the session up */
    bool is_relayed; /* the same: data goes by a relay at the moment */
    bool beyond;     /* a restart cannot help: the connection has ended, or restarts have been tried */
    bool has_agreed; /* both sides have begun ICE, once at least */
    bool has_been_connected;
    hf_attempt_phase phase;
    hf_attempt_step step;
    unsigned failures;                  /* attempts since it was connected */
    unsigned answered;                  /* of these */
    bool was_agreed;                    /* the last that failed was */
    bool is_relay_turn, was_relay_turn; /* this attempt, and the last of ours, with relays alone */
    hf_err cause;                       /* of the last failure */
    hf_time since;                      /* of the phase */
    hf_time due;                        /* the end of the phase; HF_NEVER: news ends it */
    bool is_open;                       /* an offer of ours */
    hf_time repeat_at;                  /* HF_NEVER: no offer is open that may be repeated */
    unsigned repeats, crossings;        /* of that offer */
    hf_time offered_at, said_at;        /* when it left first, and last */
    hf_time open_since;                 /* when one was open first */
    hf_time hastened_at;                /* offered, or the last change since */
    hf_time agreed_at;                  /* HF_NEVER: not yet */
} hf_retry;

/* Both must outlive it. `env` is asked for randomness only where the schedule has jitter. */
void hf_retry_init(hf_retry *retry, const hf_schedule *schedule, const hf_env *env);

/* Takes news into account. `cause`: of LOST, BROKEN, REFUSED and IMPOSSIBLE; otherwise HF_OK. */
hf_retry_step hf_retry_on(hf_retry *retry, hf_time now, hf_retry_news news, hf_err cause);

/* The next thing that is due; HF_RETRY_NOTHING: none is. */
hf_retry_step hf_retry_tick(hf_retry *retry, hf_time now);
hf_time hf_retry_deadline(const hf_retry *retry);

/* Which relays a description that is made now shall use. */
hf_ice_relay hf_retry_relay(const hf_retry *retry);

void hf_retry_describe(const hf_retry *retry, hf_attempt *out);

/* "repeat", "restart", "renew" or "reconnect". Static. */
const char *hf_retry_step_name(hf_retry_step step);

/* --- The table, for its drawing and its tests ------------------------------------------------------------------------ */

/* One change: the first that fits holds; where none does, nothing changes. */
typedef struct hf_retry_rule {
    const char *from; /* "any": each phase */
    const char *news;
    const char *when; /* "": whenever it comes */
    const char *to;
    const char *means; /* what is done, besides */
} hf_retry_rule;

/* Rule number `index` of the table, in words; false: there are not so many. */
bool hf_retry_get_rule(size_t index, hf_retry_rule *out);

/* The number of the rule that fits to this news now; -1: none does. */
int hf_retry_find_rule(const hf_retry *retry, hf_time now, hf_retry_news news);

#endif
