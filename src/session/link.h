/* link.h: the session protocol on one connection (docs/protocol.md): what was said on its control channel, and what is owed.
 * Channels outlive it; how they do is in channel_priv.h.
 *
 *   link.c    the control channel, and what the remote says on it     pump.c    who gives the next part, and when
 *   say.c     what we say: HELLO, ACK, CLOSE, BYE, PING               resume.c  another connection takes the channels up
 *   carry.c   channels and the data channels that carry them          close.c   channels and the session end in order
 *   glare.c   both sides open the same name                           tell.c    what channels tell the application */
#ifndef HF_LINK_H
#define HF_LINK_H

#include "control.h"
#include "ring.h"

#include <holdfast/session.h>

struct hf_connection;

/* What may overtake the remote's HELLO on a connection that resumes: more, and the connection has failed. */
#define HF_LINK_HELD_BYTES_MAX 2097152
#define HF_LINK_HELD_MAX 8192

/* docs/protocol.md: an acknowledgement goes out when something new came and 100 ms passed. */
#define HF_LINK_ACK_DELAY HF_MS(100)

/* While something is unacknowledged. One PING is open at a time. */
#define HF_LINK_PING_EVERY HF_SECONDS(5)

/* A remote that answers so many PINGs and acknowledges nothing meanwhile, or whose SCTP answers while it says nothing for so
 * long, does not keep to the protocol. */
#define HF_LINK_PINGS_WITHOUT_ACK 6
#define HF_LINK_SILENCE HF_SECONDS(30)

/* So many breaches, with less than HF_LINK_PEACE from one to the next, and the session has failed. */
#define HF_LINK_BREACHES_MAX 3
#define HF_LINK_PEACE HF_SECONDS(60)

/* Embedded in a connection. */
typedef struct hf_link {
    hf_session_protocol protocol; /* fixed at the connection's first descriptions; but PLAIN becomes HOLDFAST where the
                                     remote turns out to have seen our line though we did not see its own */
    bool said_bye;                /* the remote has: what ends the connection now is its wish */
    bool failed;                  /* nothing of it is heard any more */
    bool paused;                  /* its path is lost, and nothing is given to it */
    hf_datachannel control;       /* 0: not opened */
    bool hello_said, hello_heard;
    uint8_t *hello; /* the remote's, until it has been acted upon */
    size_t hello_len;
    bool bye_said, bye_done_said;
    bool pong_owed;
    uint64_t pong_token, ping_token;
    hf_time ping_at;            /* when the open one was said; HF_NEVER: none is open */
    hf_time ping_due;           /* HF_NEVER: nothing to ask */
    unsigned pings_without_ack; /* answered since the last acknowledgement that brought something */
    hf_span rtt;                /* of the last PING; 0: not known */
    hf_time again_at;           /* something owed could not be given; HF_NEVER: none */
    hf_ring held;               /* what overtook the remote's HELLO */
    size_t held_bytes;
} hf_link;

void hf_link_init(hf_link *link, const hf_env *env);
void hf_link_clear(hf_link *link, const hf_env *env);

/* --- What the connection tells (connection.c, news.c) ---------------------------------------------------------------- */

/* Both first descriptions are known, and so is what the remote speaks: fixed from here on. */
void hf_link_recognise(struct hf_connection *connection, hf_session_protocol protocol);

/* Both sides speak the protocol: another connection may take the session up where this one ends. */
bool hf_link_resumes(const struct hf_connection *connection);

/* The connection may serve the session: it is up, and where it is to take the place of another, the remote's HELLO has come
 * on it and names the ids that it has been made for. */
bool hf_link_is_ready(const struct hf_connection *connection);

/* It serves the session from now on. `before` did so until now, and is not heard any more; NULL: it is the first.
 * `continues`: the remote is the same, and its session too; otherwise continuity is lost. */
void hf_link_take_over(struct hf_connection *connection, struct hf_connection *before, bool continues);

/* It is lost, and nothing has taken its place yet: what would be stale by then is dropped. */
void hf_link_pause(struct hf_connection *connection);

/* Its path does not answer at the moment. */
void hf_link_doubt(struct hf_connection *connection);

/* The same connection has a path again. */
void hf_link_restore(struct hf_connection *connection);

/* HF_PEER_CHANNEL_…, of the current connection and of the next. */
void hf_link_hear(struct hf_connection *connection, const hf_peer_event *e);

/* --- What the session tells ------------------------------------------------------------------------------------------ */

/* Says what is owed, and gives parts. At the end of everything that may have changed what can be given. */
void hf_link_drive(hf_session *session, hf_time now);
void hf_link_refill(hf_session *session, hf_time now); /* before each run that leaves */
hf_time hf_link_deadline(const hf_session *session);

/* The application ends the session: all channels close; BYE. */
void hf_link_say_goodbye(hf_session *session);

/* Everything was delivered, both ways, and both sides know it. */
bool hf_link_is_done(const hf_session *session);

/* The session is over: what was not acknowledged is handed back, and channels are closed. */
void hf_link_hand_back(hf_session *session, hf_err cause);

/* The session's remote is another one. */
void hf_link_lose_continuity(hf_session *session);

/* The current connection has another path. */
void hf_link_change_path(hf_session *session);

/* Tell the application the next thing; false: there is none. Messages handed back come before events of the session, and
 * those before what channels have to tell. */
bool hf_link_dispatch_returned(hf_session *session);
bool hf_link_dispatch(hf_session *session);

/* --- Between the files of this part ---------------------------------------------------------------------------------- */

/* The remote has broken the protocol, or we can't go on: that connection has failed. `why`: static words. */
void hf_link_fail(struct hf_connection *connection, hf_err cause, const char *why);
HF_CHECKED hf_err hf_link_open_control(struct hf_connection *connection);
bool hf_link_is_up(const struct hf_connection *connection);
bool hf_link_may_say(const struct hf_connection *connection); /* HELLO first */
bool hf_link_hear_held(hf_session *session);                  /* the next thing that overtook the HELLO; false: nothing */

/* say.c */
void hf_link_say(struct hf_connection *connection, hf_time now); /* all that is owed */
HF_CHECKED hf_err hf_link_say_of_channel(struct hf_connection *connection, hf_control_type type,
                                         const hf_control_last *item);

/* carry.c; of data channels but the control channel. */
void hf_carry_hear(struct hf_connection *connection, const hf_peer_event *e);
void hf_carry_all(struct hf_connection *connection); /* our channels, on the current connection */

/* close.c */
void hf_close_hear(struct hf_connection *connection, const hf_control_last *close);
void hf_close_hear_confirmed(struct hf_connection *connection, const hf_control_last *closed);
void hf_close_hear_bye(struct hf_connection *connection, hf_bytes lasts);
void hf_close_hear_bye_done(struct hf_connection *connection);

/* resume.c: fresh channels drop what waits in them, and take nothing; or they take it again. */
void hf_traffic_mute(hf_session *session);
void hf_traffic_unmute(hf_session *session);

/* pump.c */
void hf_pump(hf_session *session, hf_time now);

#endif
