/* link.h: the session protocol on one connection (docs/protocol.md). */
#ifndef HF_LINK_H
#define HF_LINK_H

#include <holdfast/session.h>

struct hf_connection;

/* Embedded in a connection. */
typedef struct hf_link {
    hf_session_protocol protocol; /* fixed at the connection's first descriptions */
    bool said_bye;                /* the remote has: what ends the connection now is its wish */
} hf_link;

/* Both first descriptions are known, and so is what the remote speaks: fixed from here on. */
void hf_link_recognise(struct hf_connection *connection, hf_session_protocol protocol);

/* Both sides speak the protocol: another connection may take the session up where this one ends. */
bool hf_link_resumes(const struct hf_connection *connection);

/* The connection may serve the session: it is up, and where it is to take the place of another, the remote's HELLO has come
 * on it and names the ids that it has been made for. */
bool hf_link_is_ready(const struct hf_connection *connection);

/* It serves the session from now on. `before`, closed already, did so until now; NULL: it is the first. `continues`: the
 * remote is the same, and its session too; otherwise continuity is lost. */
void hf_link_take_over(struct hf_connection *connection, struct hf_connection *before, bool continues);

/* It is lost, and nothing has taken its place yet. */
void hf_link_pause(struct hf_connection *connection);

#endif
