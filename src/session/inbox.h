/* inbox.h: what one channel receives: parts become messages, each exactly once, and wait for the application. It belongs to
 * the session and outlives connections. Pure. */
#ifndef HF_INBOX_H
#define HF_INBOX_H

#include "alloc.h"
#include "control.h"
#include "frame.h"

#include <holdfast/datachannel.h>

#define HF_INBOX_RANGES_MAX                                                                                                 \
    256                           /* on an unordered channel: gaps between messages that are here. One more is refused, which
                                     ends the connection: the remote holds no such window */
#define HF_INBOX_PARTIALS_MAX 256 /* messages of an unordered channel that are being put together */

typedef struct hf_incoming_message hf_incoming_message;

typedef struct hf_inbox {
    const hf_env *env;
    hf_delivery delivery;
    bool in_parts;      /* ordered: parts are handed on as they come */
    size_t window_max;  /* bytes that may wait here */
    size_t message_max; /* ours */
    uint64_t received;  /* all up to this number are here; fresh: the largest seen */
    hf_range *ranges;   /* and these; unordered */
    size_t ranges_len, ranges_cap;
    hf_incoming_message *partial;      /* being put together */
    hf_incoming_message *first, *last; /* whole, or parts, for the application */
    size_t waiting;                    /* bytes of all of them */
    size_t acked_window;               /* what was announced last */
    uint64_t received_told;            /* and acknowledged */
    size_t bytes_since_told;
    uint64_t messages, duplicates, late;
} hf_inbox;

void hf_inbox_init(hf_inbox *box, const hf_env *env, hf_delivery delivery, size_t window_max, size_t message_max);
void hf_inbox_clear(hf_inbox *box);

/* Takes what a data channel received, a frame. Duplicates and late ones are counted and dropped: HF_OK. HF_ESYNTAX,
 * HF_EPROTO (a number out of order, a part without its first), HF_EMSGSIZE (a message beyond our limit), HF_ELIMIT (beyond
 * the window or the bounds), HF_ENOMEM: the connection has to go, and this channel's state is as it was before that
 * message. */
HF_CHECKED hf_err hf_inbox_take(hf_inbox *box, hf_message_kind kind, hf_bytes frame);

/* What comes next for the application; false: nothing. The bytes stay valid until hf_inbox_release. */
typedef struct hf_inbox_piece {
    hf_message_kind kind;
    hf_bytes bytes;
    bool first, last, discarded; /* as HF_SESSION_ON_DATA */
} hf_inbox_piece;
bool hf_inbox_next(hf_inbox *box, hf_inbox_piece *out);
void hf_inbox_release(hf_inbox *box); /* the application has had it: the window opens */

/* The connection is lost: what is not whole goes with it. (Where parts were handed on, the next piece says `discarded`.) */
void hf_inbox_forget_partials(hf_inbox *box);

/* What HELLO and ACK say of this channel; ranges point into the box. */
void hf_inbox_report(hf_inbox *box, hf_control_received *out, const hf_range **ranges, size_t *ranges_len);

/* Something new is to be acknowledged; `soon`: a quarter of the window, so it should not wait. */
bool hf_inbox_owes_ack(const hf_inbox *box, bool *soon);

/* All messages up to `last` are here. */
bool hf_inbox_has_all(const hf_inbox *box, uint64_t last);

void hf_inbox_begin_anew(hf_inbox *box);

#endif
