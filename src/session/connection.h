/* connection.h: one connection of a session: a peer, and what has been told of it. A session has the one that serves it, and
 * beside it perhaps the next, which is being made to take its place; those that are closed are driven until their last words
 * have left. */
#ifndef HF_CONNECTION_H
#define HF_CONNECTION_H

#include "control.h"
#include "link.h"
#include "peer_identity.h"

/* hf_peer_close: whoever goes on driving the peer for a second has its last words repeated where they were lost. */
#define HF_CONNECTION_LAST_WORDS HF_SECONDS(1)

/* The remote takes over when our HELLO has come; it need not hear before that that the old connection has ended. */
#define HF_CONNECTION_PARTING HF_SECONDS(1)

/* Connections that are closed and driven at the same time: one more, and the oldest falls silent. */
#define HF_CONNECTIONS_GONE_MAX 4

typedef struct hf_connection {
    struct hf_connection *older; /* among those that are gone */
    hf_session *session;
    hf_peer *peer;
    uint32_t group;      /* of its sockets (io.h) */
    uint32_t generation; /* 0: nothing has been signalled yet */
    hf_link link;
    bool recognised;                        /* a description of the remote's has told what it speaks: fixed from then on */
    hf_identity expects;                    /* the remote has to be; nobody: whoever comes */
    uint8_t remote_id[HF_SESSION_ID_BYTES]; /* the remote's session, by its first description; zeroes: it did not say */
    uint64_t traced;                        /* its id, as the log knows it; 0: not yet */

    /* As far as they were told. */
    hf_connection_state state;
    hf_ice_state ice;
    hf_session_path path;

    bool offer_refused;     /* the remote's answer to our last renegotiation was none: not tried again by itself */
    hf_sdp_type signal_due; /* without trickling: the description that waits for the last candidate; 0: none */
    hf_time close_at;       /* another has taken its place: when it is closed; HF_NEVER: it is needed, or closed */
    hf_time silent_at;      /* closed: when its last words have been said; HF_NEVER: it is open */
} hf_connection;

/* What hf_peer_new says. */
HF_CHECKED hf_err hf_connection_new(hf_connection **out, hf_session *session);
void hf_connection_free(hf_connection *connection);
void hf_connection_discard(hf_connection *connection); /* one that came to nothing, and has asked for nothing yet */

void hf_connection_expect(hf_connection *connection, const hf_identity *identity);

/* Once a moment is known. */
void hf_connection_trace(hf_connection *connection);

void hf_connection_close(hf_connection *connection, hf_time now);

/* A description of the remote's has been applied: the first one tells what it speaks. */
void hf_connection_recognise(hf_connection *connection, const char *sdp);

/* Both sides have agreed once. */
bool hf_connection_has_agreed(const hf_connection *connection);
bool hf_connection_has_open_offer(const hf_connection *connection);
bool hf_connection_is_begun(const hf_connection *connection); /* there is a description, of either side */

/* Keeps the peer's words for what went wrong with its last description or candidate. */
hf_err hf_connection_explained(const hf_connection *connection, hf_err err);

/* Makes and applies an offer. */
HF_CHECKED hf_err hf_connection_offer(hf_connection *connection, hf_time now);

/* Applies the remote's answer to our offer. */
HF_CHECKED hf_err hf_connection_take_answer(hf_connection *connection, hf_time now, const char *sdp);

/* Our offer is no longer open: where it has not gone out yet, it shall not. */
void hf_connection_forget_offer(hf_connection *connection);
HF_CHECKED hf_err hf_connection_take_back_offer(hf_connection *connection, hf_time now);

/* Puts our description among the events, or notes that it waits for the last candidate. */
HF_CHECKED hf_err hf_connection_push_description(hf_connection *connection);

#endif
