/* manager_priv.h: the inside of the manager.
 *
 *   manager.c   birth, end, configuration, driving      remotes.c   who there is: sessions by the remote's id
 *   envelope.c  signals with addresses: who, to whom    offer.c     offers, answers and what belongs to them: numbers
 *   glare.c     which of two offers holds               identity.c  who remotes are, for the manager's life
 *   retry.c     when to try what, a table               recover.c   does it
 *   schedule.c  how long to wait, which relays to use   collab.c    the table of channels */
#ifndef HF_MANAGER_PRIV_H
#define HF_MANAGER_PRIV_H

#include "alloc.h"
#include "bytes.h"
#include "log.h"
#include "random.h"
#include "retry.h"
#include "session_config.h"
#include "table.h"
#include "trace.h"

#include <holdfast/manager.h>

#define ERROR_TEXT_SIZE 160

/* Makers of offers that are remembered for one remote: programs started one after the other. What an older one said comes
 * late. */
#define MAKERS_MAX 4

/* Descriptions of ours that are remembered, with the offer that each belongs to: candidates of an older one may yet come. */
#define TOLD_MAX 4

/* Strangers of whom there were only candidates yet. Another one, and the oldest is forgotten. */
#define EARLY_MAX 64

/* Who made offers, and the highest number of theirs that was taken. */
typedef struct maker {
    uint64_t id; /* a hash of the session's id, or of the o= line where that is not said; 0: none */
    uint32_t offer;
} maker;

/* A description of ours that has been made. */
typedef struct told {
    uint64_t version;                 /* a hash of its o= line */
    uint64_t credentials;             /* of ICE's user fragment */
    uint32_t offer;                   /* the number of the offer that it is, or answers; 0: this entry is free, or that one
                                         bore none */
    char session[HF_SESSION_ID_SIZE]; /* whom it is for; "": not known */
} told;

/* Who a remote is. It outlives sessions. */
typedef struct identity {
    hf_table_entry by_id;
    char *id;
    bool is_pinned;
    hf_identity pin;             /* hashes of its certificate */
    hf_certificate *certificate; /* ours, for it alone; NULL: shared */
    unsigned sessions;           /* that have it */
} identity;

typedef enum remote_list {
    LIST_UNTOLD = 0, /* the driver does not know them yet */
    LIST_ERRANDS,    /* dispatch has something to do for them */
    LIST_EARLY,      /* only candidates came so far */
    LIST_GONE,       /* forgotten, and the driver does not know it yet */
    LIST_COUNT
} remote_list;

/* A remote with its session. */
typedef struct remote {
    hf_table_entry by_id, by_session;
    struct remote *next[LIST_COUNT];
    bool listed[LIST_COUNT];
    size_t index; /* among all */
    hf_manager *manager;
    hf_session *session;
    char *id;                    /* "": it has not named itself yet */
    identity *identity;          /* NULL: as long as it has no name */
    hf_certificate *certificate; /* ours, as long as it has no name; NULL: shared */

    uint32_t offer_ours; /* number of our last offer; 0: none */
    told told[TOLD_MAX]; /* the newest first */
    told waiting;        /* for the application's word on who made that offer: */
    uint64_t waiting_maker;
    maker makers[MAKERS_MAX];    /* the last first */
    bool doubts_last;            /* nothing came of its offer, and the remote was never met: it may be a forged or old one */
    uint64_t credentials_theirs; /* ICE's, of their last description: a hash; 0: none */
    bool numbers;                /* its offers and answers: it takes repetitions */
    hf_time bye_until;           /* its bye has come while the path worked: believed if that is lost before; 0: none has */
    char bye_from[HF_SESSION_ID_SIZE]; /* which of its sessions said so */

    hf_retry retry;
    hf_session_path path;            /* the last that it had */
    hf_ice_relay relay;              /* that its session was told last */
    bool watches;                    /* its session asks silent servers */
    hf_attempt attempt;              /* as it was told last */
    bool announce;                   /* on_session is due */
    bool repeat_answer;              /* the offer came again: so does the answer */
    bool gives_way;                  /* our open offer is taken back before that */
    bool repeat_offer;               /* it is time */
    bool repeat_bye;                 /* the remote has not heard that the session has ended: */
    char bye_to[HF_SESSION_ID_SIZE]; /* this one of its sessions */
    bool tell_attempt;               /* something new is to be said of it */
    bool bye_said;
    bool bye_heard; /* the remote's bye has ended it: it gets none back */
} remote;

typedef struct remote_queue {
    remote *first, *last;
    size_t len;
} remote_queue;

struct hf_manager {
    const hf_env *env;
    hf_time now; /* of the last call that told it */
    char *peer_id;
    hf_session_config session_config;
    hf_certificate *own_certificate;
    hf_manager_handlers handlers;
    size_t sessions_max;
    bool recovers; /* see hf_recovery */
    hf_schedule schedule;
    bool certificate_each; /* see hf_manager_config */

    remote **remotes; /* in no order */
    size_t remotes_len, remotes_cap;
    hf_table by_id, by_session, identities;
    remote_queue lists[LIST_COUNT];
    hf_time due;                      /* no remote's retry is due before */
    char error_text[ERROR_TEXT_SIZE]; /* of the last envelope */
    remote *dead;                     /* told as gone by the last change, and freed with the next */

    void (*wake)(void *context);
    void *wake_context;
};

/* remotes.c */
remote *hf_manager_find(const hf_manager *manager, const char *id);
remote *hf_manager_find_session(const hf_manager *manager, const hf_session *session);
HF_CHECKED hf_err hf_manager_add(hf_manager *manager, const char *id, remote **out);
HF_CHECKED hf_err hf_manager_name(remote *r, const char *id); /* one that has no name */
void hf_manager_unname(remote *r);                            /* takes that back: what named it was of no use */
void hf_manager_bury(remote *r); /* forgotten, and the driver has let go of it: its memory goes */
bool hf_manager_is_id(const char *id);
void hf_manager_list(remote *r, remote_list list); /* puts it at the end; there already: fine */
void hf_manager_unlist(remote *r, remote_list list);
remote *hf_manager_pop(hf_manager *manager, remote_list list); /* NULL: it is empty */

/* What an event of the log says of a remote; its session is named by the connection of this moment. */
#define hf_manager_trace(r, event, ...)                                                                                     \
    hf_trace((r)->manager->env, (r)->manager->now, event, hf_trace_text("remote", (r)->id),                                 \
             hf_trace_id("session", hf_peer_id(hf_session_peer((r)->session))), __VA_ARGS__)

/* identity.c */
HF_CHECKED hf_err hf_manager_identify(remote *r); /* by its id */
void hf_manager_pin(remote *r);                   /* its session believes nobody else */
void hf_manager_note_identity(remote *r);         /* the session may have learnt who it is */
void hf_manager_release_identity(remote *r);      /* its session has gone; what is pinned stays */
HF_CHECKED hf_err hf_manager_certificate_for(remote *r, const hf_certificate **out);
void hf_manager_clear_identities(hf_manager *manager);

/* envelope.c */
void hf_manager_send(remote *r, const hf_signal *signal, uint32_t offer, const char *remote_session);
void hf_manager_on_state(void *context, hf_session *session, const hf_session_event *event);
HF_CHECKED hf_err hf_manager_refuse(hf_manager *manager, hf_err err, const char *why);

/* offer.c */
void hf_manager_mind_open_offer(remote *r, hf_time now);
void hf_manager_on_signal(void *context, hf_session *session, const hf_session_event *event);
HF_CHECKED hf_err hf_manager_receive_offer(remote *r, hf_time now, const hf_envelope *envelope);
HF_CHECKED hf_err hf_manager_receive_answer(remote *r, hf_time now, const hf_envelope *envelope);
bool hf_manager_is_last_offer(const remote *r, const hf_envelope *envelope); /* the last that was taken, said again */
bool hf_manager_is_known_offer(const remote *r, const hf_envelope *envelope);
bool hf_manager_would_take(const remote *r, const hf_envelope *envelope); /* an offer or answer that is not passed over */
bool hf_manager_is_late_candidate(const remote *r, const hf_envelope *envelope);
void hf_manager_repeat(remote *r, hf_signal_type wanted);
void hf_manager_give_way_if_due(remote *r, hf_time now);
bool hf_manager_has_open_offer(const remote *r);
bool hf_manager_is_plain(const remote *r); /* it has shown no sign of a manager */

/* recover.c */
HF_CHECKED hf_err hf_manager_watch(remote *r);
void hf_manager_unwatch(remote *r);
void hf_manager_tell(remote *r, hf_time now, hf_retry_news news);
void hf_manager_tell_attempt(remote *r); /* to the application, if there is anything new */

/* manager.c */
void hf_manager_wake(hf_manager *manager);

#endif
