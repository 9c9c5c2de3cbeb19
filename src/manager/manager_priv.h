/* manager_priv.h: the inside of the manager.
 *
 *   manager.c   birth, end, configuration, driving      remotes.c  who there is: sessions by the remote's id
 *   envelope.c  signals with addresses: offer numbers, glare      collab.c  the table of channels
 *   retry.c     when to try what for a path that fails            recover.c does it */
#ifndef HF_MANAGER_PRIV_H
#define HF_MANAGER_PRIV_H

#include "alloc.h"
#include "bytes.h"
#include "log.h"
#include "random.h"
#include "retry.h"
#include "session_config.h"
#include "trace.h"

#include <holdfast/manager.h>

#define ERROR_TEXT_SIZE 160

/* A remote with its session. */
typedef struct remote {
    struct remote *next; /* among those that are gone */
    hf_manager *manager;
    hf_session *session;
    char *id;                    /* "": it has not named itself yet */
    uint32_t offer_ours;         /* number of our last offer; 0: none */
    uint64_t version_ours;       /* and which description it was */
    uint32_t offer_theirs;       /* number of the last offer that we took; 0: none, or it bore none */
    uint64_t origin_theirs;      /* and who made it: a hash of its o= line */
    uint32_t offer;              /* the one that the present connection is about, whoever made it */
    uint64_t credentials_theirs; /* ICE's, of their last description: a hash; 0: none */
    bool numbers;                /* its offers and answers: it takes repetitions */
    hf_session_path path;        /* the last that it had */
    hf_retry retry;
    bool told;          /* the driver knows of it */
    bool announce;      /* on_session is due */
    bool repeat_answer; /* the offer came again: so does the answer */
    bool repeat_offer;  /* it is time */
} remote;

struct hf_manager {
    const hf_env *env;
    hf_time now; /* of the last call that told it */
    char *peer_id;
    hf_session_config session_config;
    hf_certificate *own_certificate;
    hf_manager_handlers handlers;
    size_t sessions_max;
    bool recovers; /* see hf_recovery */

    remote **remotes;
    size_t remotes_len, remotes_cap;
    hf_time due;                      /* no remote's retry is due before */
    size_t untold;                    /* remotes that the driver does not know yet */
    remote *gone;                     /* forgotten, and the driver does not know it yet */
    char error_text[ERROR_TEXT_SIZE]; /* of the last envelope */
    hf_session *dead;                 /* told as gone by the last change, and freed with the next */

    void (*wake)(void *context);
    void *wake_context;
};

/* remotes.c */
remote *hf_manager_find(const hf_manager *manager, const char *id);
remote *hf_manager_find_session(const hf_manager *manager, const hf_session *session);
HF_CHECKED hf_err hf_manager_add(hf_manager *manager, const char *id, remote **out);
HF_CHECKED hf_err hf_manager_rename(hf_manager *manager, remote *remote_peer, const char *id);
bool hf_manager_is_id(const char *id);

/* What an event of the log says of a remote; its session is named by the connection of this moment. */
#define hf_manager_trace(r, event, ...)                                                                                     \
    hf_trace((r)->manager->env, (r)->manager->now, event, hf_trace_text("remote", (r)->id),                                 \
             hf_trace_id("session", hf_peer_id(hf_session_peer((r)->session))), __VA_ARGS__)

/* envelope.c: the sessions' handler for HF_SESSION_SIGNAL */
void hf_manager_on_signal(void *context, hf_session *session, const hf_session_event *event);
bool hf_manager_has_open_offer(const remote *r);
bool hf_manager_is_plain(const remote *r); /* it has shown no sign of a manager */

/* recover.c */
HF_CHECKED hf_err hf_manager_watch(remote *r);
void hf_manager_unwatch(remote *r);
void hf_manager_tell(remote *r, hf_time now, hf_retry_news news);

/* manager.c */
void hf_manager_wake(hf_manager *manager);

#endif
