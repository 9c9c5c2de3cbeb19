/* session_priv.h: the inside of a session.
 *
 *   session.c  birth, end, and the driver's face      connect.c     offers, answers, candidates: what the application asks
 *   states.c   which state leads to which             connection.c  one connection, of which a session has several in time
 *   reconnect.c  the next one, and what is gone       place.c       which connection a signal is about
 *   identity.c   who the remote is                    early.c       candidates that came before their offer
 *   recognition.c  the line by which sessions know each other
 *   news.c     what a connection says                 events.c      the application's events and handlers
 *   channel.c  named channels (channel_priv.h, link.h) config.c     a configuration that owns its strings
 *   locals.c   which local addresses there are        names.c       words for states
 *   description.c  what the manager asks of our descriptions      policy.c  and what it decides for connections */
#ifndef HF_SESSION_PRIV_H
#define HF_SESSION_PRIV_H

#include "alloc.h"
#include "bytes.h"
#include "channel_priv.h"
#include "connection.h"
#include "log.h"
#include "peer_identity.h"
#include "random.h"
#include "recognition.h"
#include "ring.h"
#include "session_config.h"
#include "session_states.h"
#include "trace.h"

#include <holdfast/session.h>

#define EVENTS_MAX 64 /* of the session's own, not yet dispatched */
#define ERROR_TEXT_SIZE 160
#define LOCALS_MAX 64 /* local addresses that are told apart */

typedef struct handler {
    hf_session_event_type type;
    hf_session_handler fn; /* NULL: removed while handlers run */
    void *context;
} handler;

/* An event of the session's own making, with the text that it points to. */
typedef struct own_event {
    hf_session_event event;
    char *text;
    uint32_t group; /* SIGNAL: of the connection that it is about */
} own_event;

/* Somebody with another identity has spoken in the remote's name, and waits for hf_session_accept_identity. */
typedef struct hf_stranger {
    hf_identity identity;
    hf_signal_type type; /* OFFER or ANSWER */
    uint32_t generation;
    char *sdp; /* NULL: nobody */
} hf_stranger;

/* A candidate of a connection whose offer is not here yet. */
typedef struct early_candidate {
    uint32_t generation;
    char *candidate, *mid, *ufrag; /* NULL: the end of them; not said */
} early_candidate;

/* Where an offer of the remote belongs. */
typedef enum hf_offer_place {
    HF_OFFER_HERE = 0, /* to a connection that there is */
    HF_OFFER_APART,    /* to one that is yet to be made */
    HF_OFFER_LATE      /* to one that is gone */
} hf_offer_place;

struct hf_session {
    const hf_env *env; /* the one below */
    hf_env own_env;    /* the application's, and events of the log bear the id of our first connection */
    hf_session_config config;
    hf_certificate *own_certificate; /* where none was given */
    hf_connection *current;          /* the one that serves it; never NULL once it is born */
    hf_connection *next;             /* the one that is being made to take its place; NULL: none */
    hf_connection *gone;             /* closed, with last words to say; the newest first */
    uint32_t groups;                 /* handed out */
    hf_time now;                     /* of the last call that told it */
    uint8_t id[HF_SESSION_ID_BYTES], remote_id[HF_SESSION_ID_BYTES]; /* the remote's: zeroes while it is not known */
    char id_text[HF_SESSION_ID_SIZE], remote_id_text[HF_SESSION_ID_SIZE];

    hf_identity pin;      /* who the remote has to be; nobody: whoever comes first */
    hf_stranger stranger; /* the last */
    early_candidate *early;
    size_t early_len, early_cap;

    hf_session_state state;
    hf_time lost_at;      /* when it was connected last; HF_NEVER: it is */
    bool disconnecting;   /* the application has said so */
    hf_time linger_until; /* HF_NEVER: not disconnecting */
    bool was_connected;   /* at any time */
    bool has_heard_hello; /* from then on, ids hold */
    bool watches_servers; /* see hf_session_watch_servers */
    hf_time give_up_at;   /* HF_NEVER: connected, or no limit is set */
    hf_err trouble;       /* why it is not connected */
    hf_addr locals[LOCALS_MAX];
    size_t locals_len;
    bool locals_known;
    char error_text[ERROR_TEXT_SIZE];

    hf_channel **channels;
    size_t channels_len, channels_cap;
    hf_traffic traffic;
    handler *handlers;
    size_t handlers_len, handlers_cap;
    hf_ring events;

    bool dispatching, free_due;
    void (*wake)(void *context);
    void *wake_context;
    void *user;
};

/* config.c */
HF_CHECKED hf_err hf_channel_config_check(const hf_channel_config *config);

/* place.c */
hf_offer_place hf_session_place_offer(const hf_session *session, uint32_t generation, const char *offer,
                                      hf_connection **out);
/* NULL: none that there is. */
hf_connection *hf_session_place_answer(const hf_session *session, uint32_t generation);
hf_connection *hf_session_place_candidate(const hf_session *session, uint32_t generation, const char *ufrag);

/* early.c */
HF_CHECKED hf_err hf_session_keep_early(hf_session *session, const hf_signal *signal);
void hf_connection_take_early(hf_connection *connection, hf_time now); /* its offer is here */
void hf_session_clear_early(hf_session *session);

/* reconnect.c */
uint32_t hf_session_next_generation(const hf_session *session);
HF_CHECKED hf_err hf_session_offer_next(hf_session *session, hf_time now);
void hf_session_install_next(hf_session *session, hf_connection *connection, hf_time now);
void hf_session_drop_next(hf_session *session, hf_time now);
void hf_session_take_over_if_ready(hf_session *session);
void hf_session_reap(hf_session *session, hf_time now); /* those whose last words have been said */
bool hf_session_poll_release(hf_session *session, hf_request *out);
/* It can't serve any more, or its attempt has failed: told by the peer. */
void hf_connection_lose(hf_connection *connection, hf_err cause);
void hf_connection_on_remote_closed(hf_connection *connection, hf_err cause);
/* The same, told by what stands on it: it is closed first. */
void hf_connection_fail(hf_connection *connection, hf_time now, hf_err cause);
void hf_session_end(hf_session *session, hf_time now);                /* the remote wants it so: CLOSED */
void hf_session_fail(hf_session *session, hf_time now, hf_err cause); /* for good */

/* identity.c */
void hf_session_adopt_remote(hf_connection *connection); /* it serves: who is on the other side holds from now on */
/* It has shown its certificate, and that is the one that is pinned, if there is one. */
bool hf_session_is_known(const hf_connection *connection);
void hf_session_note_stranger(hf_session *session, hf_signal_type type, uint32_t generation, const hf_peer *refused_by,
                              const char *sdp);
void hf_session_forget_stranger(hf_session *session);

/* connect.c */
hf_err hf_session_refuse(hf_session *session, const char *reason); /* HF_ESTATE, with that text */
HF_CHECKED hf_err hf_session_take_offer(hf_session *session, hf_time now, uint32_t generation, const char *offer,
                                        hf_connection **out);
void hf_session_close_if_due(hf_session *session, hf_time now);
void hf_session_give_up_if_due(hf_session *session, hf_time now);
void hf_session_renegotiate_if_wanted(hf_connection *connection); /* it asks for an offer */

/* states.c */
void hf_session_enter(hf_session *session, hf_session_state next, hf_err cause);

/* news.c */
void hf_connection_hear(hf_connection *connection, const hf_peer_event *e);

/* locals.c */
void hf_session_note_locals(hf_session *session, const hf_reply *reply);

/* events.c */
HF_CHECKED hf_err hf_session_push(hf_session *session, hf_session_event event, const char *text);
void hf_session_push_or_log(hf_session *session, hf_session_event event, const char *text);
void hf_session_emit(hf_session *session, const hf_session_event *event); /* at once; while events are dispatched */
HF_CHECKED hf_err hf_connection_push_signal(const hf_connection *connection, hf_session_event event, const char *text);
/* Those not yet dispatched: their offer was withdrawn. */
void hf_session_drop_signals(const hf_connection *connection);
void hf_session_clear_events(hf_session *session);

/* session.c */
HF_CHECKED hf_err hf_session_begin(hf_session *session, hf_time now); /* at the start of each call of the application */
void hf_session_wake(hf_session *session);                            /* and at its end */

#endif
