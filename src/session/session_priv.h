/* session_priv.h: the inside of a session.
 *
 *   session.c  birth, end, and the driver's face      connect.c  offers, answers, candidates: connections come and go
 *   events.c   what the connection says, and handlers channel.c  named channels over data channels
 *   config.c   a configuration that owns its strings  names.c    words for states
 *   locals.c   which local addresses there are */
#ifndef HF_SESSION_PRIV_H
#define HF_SESSION_PRIV_H

#include "alloc.h"
#include "bytes.h"
#include "log.h"
#include "random.h"
#include "ring.h"
#include "session_config.h"
#include "trace.h"

#include <holdfast/session.h>

#define EVENTS_MAX 64 /* of the session's own, not yet dispatched */
#define ERROR_TEXT_SIZE 160
#define LOCALS_MAX 64 /* local addresses that are told apart */

struct hf_channel {
    hf_session *session;
    char *name, *protocol;
    hf_channel_config config; /* its strings are the two above */
    hf_datachannel carrier;   /* the data channel of the present connection; 0: none */
    bool closing;             /* we have closed it */
    void *user;
};

typedef struct handler {
    hf_session_event_type type;
    hf_session_handler fn; /* NULL: removed while handlers run */
    void *context;
} handler;

/* An event of the session's own making, with the text that it points to. */
typedef struct own_event {
    hf_session_event event;
    char *text;
} own_event;

struct hf_session {
    const hf_env *env; /* the one below */
    hf_env own_env;    /* the application's, and events of the log bear the id of our first connection */
    hf_session_config config;
    hf_peer *peer;            /* the connection; made when it is first needed */
    uint64_t connection_told; /* its id, as the log knows it */
    hf_time now;              /* of the last call that told it */

    hf_session_state state;
    hf_session_path path;
    hf_connection_state connection; /* the connection's words, as far as they were told: in step with `state` */
    hf_ice_state ice;
    bool offer_refused;   /* the remote's answer to our last renegotiation was none: not tried again by itself */
    bool disconnecting;   /* the application has said so */
    hf_time linger_until; /* HF_NEVER: not disconnecting */
    bool was_connected;   /* at any time */
    hf_time give_up_at;   /* HF_NEVER: connected, or no limit is set */
    hf_err trouble;       /* why it is not connected */
    hf_addr locals[LOCALS_MAX];
    size_t locals_len;
    bool locals_known;
    hf_sdp_type signal_due; /* without trickling: the description that waits for the last candidate; 0: none */
    char error_text[ERROR_TEXT_SIZE];

    hf_channel **channels;
    size_t channels_len, channels_cap;
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

/* channel.c */
HF_CHECKED hf_err hf_channel_new(hf_channel **out, hf_session *session, const hf_channel_config *config);
/* Opens a data channel for it on the present connection. */
hf_priority hf_priority_of_wire(uint16_t priority); /* RFC 8831 §6.4 */
HF_CHECKED hf_err hf_channel_carry(hf_channel *channel, hf_time now);
void hf_session_close_carrier(hf_session *session, hf_time now, hf_datachannel carrier);
hf_channel *hf_channel_of_carrier(const hf_session *session, hf_datachannel carrier);
void hf_channel_detach(hf_channel *channel);  /* its name is free again */
void hf_channel_destroy(hf_channel *channel); /* after detach */

/* connect.c */
HF_CHECKED hf_err hf_session_need_peer(hf_session *session);
void hf_session_close_peer(hf_session *session, hf_time now);
void hf_session_close_peer_if_due(hf_session *session, hf_time now);
void hf_session_give_up_if_due(hf_session *session, hf_time now);
void hf_session_renegotiate_if_wanted(hf_session *session); /* the connection asks for an offer */
HF_CHECKED hf_err hf_session_push_description(hf_session *session);

/* locals.c */
void hf_session_note_locals(hf_session *session, const hf_reply *reply);

/* events.c */
void hf_session_push_or_log(hf_session *session, hf_session_event event, const char *text);
void hf_session_enter(hf_session *session, hf_session_state next, hf_err cause);
HF_CHECKED hf_err hf_session_push(hf_session *session, hf_session_event event, const char *text);
void hf_session_drop_signals(hf_session *session); /* those not yet dispatched: their offer was withdrawn */
void hf_session_clear_events(hf_session *session);

/* session.c */
HF_CHECKED hf_err hf_session_begin(hf_session *session, hf_time now); /* at the start of each call of the application */
void hf_session_wake(hf_session *session);                            /* and at its end */

#endif
