/* session.h: one remote peer, across any number of connections.
 *
 * A session is what an application holds on to: it makes the connection, carries named channels over it, and tells in
 * which state it is and why. It does no I/O (io.h tells how it is driven); hf_loop_add_session drives one on the
 * runtime's loop, and hf_manager makes sessions for many remotes.
 *
 * Handlers run only inside hf_session_dispatch (which the loop calls), one after the other, at top level: inside one,
 * any function may be called, hf_session_free of the same session included. One thread at a time, the engine's. After
 * hf_session_disconnect calls answer HF_ECLOSED. */
#ifndef HOLDFAST_SESSION_H
#define HOLDFAST_SESSION_H

#include <holdfast/channel.h>
#include <holdfast/peer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_session hf_session;

#define HF_SESSION_HANDLERS_MAX 64
#define HF_SESSION_CHANNELS_MAX HF_DATACHANNELS_MAX /* open at once */
#define HF_SESSION_LINGER_DEFAULT HF_SECONDS(2)     /* how long disconnect goes on delivering what was accepted */

typedef enum hf_session_state {
    HF_SESSION_NEW = 0,
    HF_SESSION_CONNECTING,
    HF_SESSION_CONNECTED,
    HF_SESSION_UNSTABLE,     /* the path does not answer at the moment */
    HF_SESSION_RECONNECTING, /* it is lost, and another is looked for (hf_recovery): channels live on, and take messages */
    HF_SESSION_FAILED,       /* for good, with a cause */
    HF_SESSION_CLOSED,
    HF_SESSION_STATE_COUNT
} hf_session_state;

typedef enum hf_session_path { HF_PATH_NONE = 0, HF_PATH_DIRECT, HF_PATH_RELAYED } hf_session_path;

/* "connecting"; "direct". Static. HF_PATH_NONE is "none". */
const char *hf_session_state_name(hf_session_state state);
const char *hf_session_path_name(hf_session_path path);

/* What becomes of a session that was connected, and whose path is lost: the remote's consent has ended (RFC 7675), or no
 * candidate pair is left. */
typedef enum hf_recovery {
    HF_RECOVERY_DEFAULT = 0, /* of a manager's sessions RESUME, of others NONE */
    HF_RECOVERY_NONE,        /* it has failed */
    HF_RECOVERY_RESTART,     /* it is RECONNECTING until an ICE restart has found a path, with the same DTLS and SCTP. The
                                manager does those; whoever has no manager calls hf_session_restart_ice */
    HF_RECOVERY_RESUME       /* the same, or until another connection has taken it up (hf_session_reconnect): then whatever
                                ends a connection, but the remote's wish, can be recovered from. Plain: as RESTART */
} hf_recovery;

/* Strings and arrays are copied. */
typedef struct hf_session_config {
    hf_peer_config peer;               /* of each connection; the engine is required */
    const hf_channel_config *channels; /* opened by this side when it makes the first offer */
    size_t channels_len;
    bool no_trickle; /* connect and accept signal a description only when it holds every candidate */
    hf_span linger;  /* 0: HF_SESSION_LINGER_DEFAULT */
    bool plain;      /* no session protocol: plain data channels, and no line in our descriptions that offers more */
    hf_recovery recovery;
    hf_span give_up; /* FAILED, when nothing has been connected for so long, the first connection included; 0: never */
} hf_session_config;

/* HF_EINVAL, HF_EEXIST (two channels of one name), HF_ELIMIT, HF_ENOMEM, and what hf_peer_new says of config->peer. */
HF_CHECKED hf_err hf_session_new(hf_session **out, const hf_session_config *config, const hf_env *env);

/* Frees the session and its channels; sends nothing (hf_session_disconnect does). Inside one of its handlers the memory
 * goes when the handler has returned. NULL is fine. */
void hf_session_free(hf_session *session);

/* --- Connecting ------------------------------------------------------------------------------------------------------
 * Either by hand: create_offer or accept_offer, set_remote_description and add_ice_candidate, with HF_SESSION_SIGNAL
 * events for candidates; or by connect and signal, where everything to be carried comes as an HF_SESSION_SIGNAL event. */

/* Makes and applies an offer; its text goes to the remote by the caller's hand and is valid until the next call.
 * HF_ESTATE: there is a connection already. */
HF_CHECKED hf_err hf_session_create_offer(hf_session *session, hf_time now, const char **sdp);

/* Applies the remote's offer, the first or a later one, and makes the answer, valid until the next call; an offer of ours
 * that is open is taken back. What hf_peer_set_remote_description says; hf_session_error_text has the details. */
HF_CHECKED hf_err hf_session_accept_offer(hf_session *session, hf_time now, const char *offer, const char **answer);

/* Applies the remote's answer to our offer. */
HF_CHECKED hf_err hf_session_set_remote_description(hf_session *session, hf_time now, const char *answer);

/* As hf_peer_add_ice_candidate. Before there is a connection: kept, at most HF_ICE_REMOTE_CANDIDATES_MAX. */
HF_CHECKED hf_err hf_session_add_ice_candidate(hf_session *session, hf_time now, const char *candidate, const char *mid,
                                               const char *ufrag);

/* Makes an offer and signals it. HF_ESTATE: there is a connection already. */
HF_CHECKED hf_err hf_session_connect(hf_session *session, hf_time now);

/* Offers a new connection that takes the session up, beside the old one, which serves until then (docs/protocol.md). What
 * was not acknowledged is sent again, and nothing arrives twice. One that is being made already is given up. HF_ENOTSUP: the
 * remote is a plain peer, or not known yet. HF_ESTATE: it has failed. */
HF_CHECKED hf_err hf_session_reconnect(hf_session *session, hf_time now);

/* Takes an identity that HF_SESSION_IDENTITY_CHANGED has told as the remote's from now on: the offer that bore it is
 * answered, or ours made anew. `fingerprint`: the one that was told, for another may have come since, from whoever carries
 * the signals; NULL: the last, whosever it is. HF_ESTATE: none was told. HF_EIDENTITY: another one has been told since. */
HF_CHECKED hf_err hf_session_accept_identity(hf_session *session, hf_time now, const char *fingerprint);

/* Restarts ICE on the connection (RFC 8445 §9): an offer comes as an HF_SESSION_SIGNAL event, also to those who connect by
 * hand, and data goes on by the old path meanwhile. A remote that refuses leaves everything as it was. HF_ESTATE: there is
 * no connection, or it has failed. */
HF_CHECKED hf_err hf_session_restart_ice(hf_session *session, hf_time now);

/* Ends the session in order: channels close when what they accepted is delivered, at most for config.linger; then the
 * connection is closed, which tells the remote. HF_SESSION_CLOSED follows. Twice is fine. */
HF_CHECKED hf_err hf_session_disconnect(hf_session *session, hf_time now);

/* What passes between two sessions on the way that the application offers. */
typedef enum hf_signal_type {
    HF_SIGNAL_OFFER = 1,
    HF_SIGNAL_ANSWER,
    HF_SIGNAL_CANDIDATE,
    HF_SIGNAL_END_OF_CANDIDATES,
    HF_SIGNAL_BYE /* the session has ended; believed where the envelope names both sessions */
} hf_signal_type;

typedef struct hf_signal {
    hf_signal_type type;
    uint32_t generation;   /* which connection of the session it is about: 1, 2, …; 0: not said (a plain peer) */
    const char *sdp;       /* OFFER, ANSWER */
    const char *candidate; /* CANDIDATE */
    const char *mid;       /* CANDIDATE, END_OF_CANDIDATES; may be NULL on input */
    const char *ufrag;     /* CANDIDATE, END_OF_CANDIDATES; may be NULL on input */
} hf_signal;

/* Takes a signal of the remote: an offer is accepted, and the answer signalled. Returns what the single calls above say. */
HF_CHECKED hf_err hf_session_signal(hf_session *session, hf_time now, const hf_signal *signal);

/* As hf_ice_set_credentials, for the connection of this moment and those that follow: the answer to
 * HF_SESSION_CREDENTIALS_NEEDED, in its handler or any time later. HF_ENOENT: no such server. */
HF_CHECKED hf_err hf_session_set_credentials(hf_session *session, hf_time now, const char *uri, const char *username,
                                             const char *password);

/* Takes back an offer of ours that was not answered. (To accept the remote's while ours is open does so, too.) Channels and
 * connection stay. HF_ESTATE: none is open. */
HF_CHECKED hf_err hf_session_withdraw_offer(hf_session *session, hf_time now);

/* As hf_peer_set_relay, for the connection of this moment and those that follow. */
HF_CHECKED hf_err hf_session_set_relay(hf_session *session, hf_time now, hf_ice_relay relay);

/* Details of the last error; "" when there are none. Valid until the next call. */
const char *hf_session_error_text(const hf_session *session);

/* --- Channels ----------------------------------------------------------------------------------------------------- */

/* Opens a channel, now or with the connection. HF_EEXIST: an open one has that name. HF_EINVAL, HF_ELIMIT, HF_ENOMEM. */
HF_CHECKED hf_err hf_session_create_channel(hf_session *session, hf_time now, const hf_channel_config *config,
                                            hf_channel **out);

/* The open (or opening) channel of that name, whoever opened it; NULL: none. */
hf_channel *hf_session_channel(const hf_session *session, const char *name);

/* Channel number `index`, in the order in which they came; NULL: there are not so many. */
hf_channel *hf_session_channel_at(const hf_session *session, size_t index);

/* --- State -------------------------------------------------------------------------------------------------------- */

hf_session_state hf_session_get_state(const hf_session *session);

/* What the remote speaks over data channels. */
typedef enum hf_session_protocol {
    HF_PROTOCOL_UNKNOWN = 0, /* there was no connection yet */
    HF_PROTOCOL_PLAIN,
    HF_PROTOCOL_HOLDFAST
} hf_session_protocol;

hf_session_protocol hf_session_get_protocol(const hf_session *session);

/* This session's id, 32 hexadecimal digits, and the remote's; "" while it is not known, or plain. Static as long as the
 * session, the remote's until continuity is lost. */
#define HF_SESSION_ID_SIZE 33
const char *hf_session_id(const hf_session *session);
const char *hf_session_remote_id(const hf_session *session);

/* The number of the newest connection, open or being made: 1, 2, …; 0: there was none yet. */
uint32_t hf_session_generation(const hf_session *session);
hf_session_path hf_session_get_path(const hf_session *session);
hf_connection_state hf_session_connection_state(const hf_session *session);
hf_ice_state hf_session_ice_connection_state(const hf_session *session);

/* The connection of this moment, for statistics; NULL: none. Not to be closed or freed. */
hf_peer *hf_session_peer(const hf_session *session);

/* --- Events ------------------------------------------------------------------------------------------------------- */

typedef enum hf_session_event_type {
    HF_SESSION_STATE_CHANGED = 0, /* of the session, the connection, ICE, or the path: all that hf_session_get_… tells */
    HF_SESSION_ON_CONNECTED,
    HF_SESSION_ON_DISCONNECTED, /* it was connected, and is not: unstable, reconnecting, failed or closed, with a cause.
                                   Once for each outage: ON_CONNECTED tells its end */
    HF_SESSION_ON_ERROR,        /* something went wrong; `fatal`: the session has failed */
    HF_SESSION_ON_DATA,         /* a message, or a part of one */
    HF_SESSION_SIGNAL,          /* to be carried to the remote */
    HF_SESSION_CHANNEL_OPEN,
    HF_SESSION_CHANNEL_CLOSED, /* the channel is gone when the handlers have returned */
    HF_SESSION_CHANNEL_WRITABLE,
    HF_SESSION_CHANNEL_LOW,
    HF_SESSION_ROUTE_CHANGED,
    HF_SESSION_CREDENTIALS_NEEDED, /* for a TURN server: hf_session_set_credentials */
    HF_SESSION_NETWORK_CHANGED,    /* there may be a way that was not there before: a local address has appeared, or a server
                                      answers again */
    HF_SESSION_RESUMED,            /* another connection has taken the session up; channels go on */
    HF_SESSION_CONTINUITY_LOST,    /* the remote was started again, or has forgotten the session: this is a new one with the
                                   same remote. What was not acknowledged comes as MESSAGE_RETURNED before this; channels
                                   that the remote had opened close after it, our own go on, empty */
    HF_SESSION_MESSAGE_RETURNED,   /* a message of ours that will not be sent (again) */
    HF_SESSION_IDENTITY_CHANGED,   /* somebody with another certificate answers in the remote's name: nothing is said to them
                                      unless hf_session_accept_identity is called. A connection that stands goes on */
    HF_SESSION_EVENT_COUNT
} hf_session_event_type;

/* Pointers stay valid until the handler returns. */
typedef struct hf_session_event {
    hf_session_event_type type;
    hf_err cause;        /* STATE_CHANGED, ON_DISCONNECTED, ON_ERROR, CHANNEL_CLOSED */
    hf_channel *channel; /* ON_DATA, CHANNEL_… */
    union {
        struct {
            const char *text;
            const char *why; /* more of it, in static words; NULL: nothing */
            bool fatal;
        } error;
        struct {
            hf_message_kind kind;
            const uint8_t *data;
            size_t len;
            bool first, last; /* both, unless the channel receives in parts: then a message is all from first to last */
            bool discarded;   /* with last, and no bytes: the rest will not come; forget what came of the message */
        } data;
        hf_signal signal;
        hf_ice_route route;
        const char *server_uri;     /* CREDENTIALS_NEEDED */
        bool resumed;               /* CHANNEL_OPEN: it was open before, on another connection */
        hf_datachannel_info closed; /* CHANNEL_CLOSED: what it was, and its counters */
        struct {
            uint32_t generation; /* of the connection that took it up */
            uint64_t messages;   /* ours that it sends again, or for the first time */
            hf_span outage;      /* from the loss of the path until now; 0: there was none */
        } resumed_by;            /* RESUMED */
        struct {
            uint64_t possibly_delivered; /* messages returned of which a part was given to a connection */
            uint64_t not_sent;           /* and of which nothing was */
        } lost;                          /* CONTINUITY_LOST */
        struct {
            hf_message_kind kind;
            const uint8_t *data;
            size_t len;
            bool possibly_delivered;
        } returned; /* MESSAGE_RETURNED; cause: HF_ECONTINUITY, HF_EMSGSIZE (longer than the remote takes), HF_ECLOSED */
        struct {
            const char *fingerprint; /* of the new one, as SDP writes it: "sha-256 AB:CD:…" */
        } identity;                  /* IDENTITY_CHANGED */
    } u;
} hf_session_event;

typedef void (*hf_session_handler)(void *context, hf_session *session, const hf_session_event *event);

/* Adds a handler for one type of event; several run in the order in which they were added. HF_ELIMIT, HF_EINVAL. */
HF_CHECKED hf_err hf_session_on(hf_session *session, hf_session_event_type type, hf_session_handler handler, void *context);

/* Removes a handler; not there: fine. */
void hf_session_off(hf_session *session, hf_session_event_type type, hf_session_handler handler, void *context);

/* Runs the handlers for all that has happened. */
void hf_session_dispatch(hf_session *session, hf_time now);

/* --- Driving (io.h) ----------------------------------------------------------------------------------------------- */

void hf_session_input(hf_session *session, hf_time now, hf_datagram *datagrams, size_t n);
bool hf_session_poll_transmit(hf_session *session, hf_time now, hf_transmit *out);
bool hf_session_poll_request(hf_session *session, hf_request *out);
void hf_session_reply(hf_session *session, hf_time now, const hf_reply *reply);
hf_time hf_session_deadline(const hf_session *session);
void hf_session_tick(hf_session *session, hf_time now);
void hf_session_set_wake(hf_session *session, void (*wake)(void *context), void *context);

/* For the application's own use; NULL at first. */
void hf_session_set_user(hf_session *session, void *user);
void *hf_session_user(const hf_session *session);

#ifdef __cplusplus
}
#endif
#endif
