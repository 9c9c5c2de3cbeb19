/* inbox.h: what one channel receives: parts become messages, each exactly once, and wait for the application. It belongs to
 * the session and outlives connections. Pure. */
#ifndef HF_INBOX_H
#define HF_INBOX_H

#include "alloc.h"
#include "control.h"
#include "frame.h"
#include "ranges.h"

#define HF_INBOX_PARTIALS_MAX 4096 /* messages of an unordered channel that are being put together */

typedef struct hf_incoming_message hf_incoming_message;

/* An ordered message of which the first part has come, and not the last. */
typedef struct hf_inbox_open {
    bool any;
    bool skipped;  /* it is here already: its parts are dropped */
    bool in_parts; /* it is handed on as it comes */
    hf_message_kind kind;
    uint32_t at, length;
    hf_incoming_message *buffer; /* NULL, in parts: all so far was passed */
} hf_inbox_open;

typedef struct hf_inbox {
    const hf_env *env;
    hf_delivery delivery;
    bool in_parts;                     /* ordered: parts are handed on as they come, from the next message on */
    size_t window_max;                 /* bytes that may wait here, in HF_MESSAGE_COST_MIN's sense */
    size_t message_max;                /* ours */
    uint64_t received;                 /* all up to this number are here; fresh: the largest seen */
    hf_ranges ranges;                  /* and these; unordered */
    hf_inbox_open open;                /* ordered */
    hf_incoming_message *partials;     /* unordered; those that grew last in front */
    size_t partials_len, gaps;         /* gaps: ranges of all of them */
    hf_incoming_message *first, *last; /* for the application */
    size_t waiting, partial;           /* bytes of those, and of those that are being put together */
    size_t shown;                      /* bytes that hf_inbox_next has shown of the first */
    bool is_shown, discard_due;
    size_t told_window; /* announced last */
    bool told;          /* ever */
    size_t messages_since_told, bytes_since_told;
    uint64_t messages, duplicates, late;
} hf_inbox;

/* `window_max` is raised to message_max. */
void hf_inbox_init(hf_inbox *box, const hf_env *env, hf_delivery delivery, size_t window_max, size_t message_max);
void hf_inbox_clear(hf_inbox *box);

/* What comes next for the application. */
typedef struct hf_inbox_piece {
    hf_message_kind kind;
    hf_bytes bytes;
    bool first, last, discarded; /* as HF_SESSION_ON_DATA */
} hf_inbox_piece;

/* Takes what a data channel received, a frame (binary: text is none). Duplicates and late ones are counted and dropped:
 * HF_OK. HF_ESYNTAX, HF_EPROTO (a number out of order, a part that does not fit the others), HF_EMSGSIZE (a message beyond
 * our limit), HF_ELIMIT (far beyond the window), HF_ENOMEM: the connection has to go, and this channel's state is as it was
 * before that message, once its parts are forgotten.
 *
 * Where `pass` is not NULL and nothing waits before it, what needs no waiting is not copied: *passed is true, and *pass,
 * whose bytes are within the frame, is for the application at once; there is nothing to release. */
HF_CHECKED hf_err hf_inbox_take(hf_inbox *box, hf_bytes frame, hf_inbox_piece *pass, bool *passed);

/* Shows the next piece; false: nothing. The bytes stay valid until hf_inbox_release, which takes it off. */
bool hf_inbox_next(hf_inbox *box, hf_inbox_piece *out);
void hf_inbox_release(hf_inbox *box);

/* Nothing waits for the application, and it has had all that was shown. */
bool hf_inbox_is_empty(const hf_inbox *box);

/* The connection is lost: what is not whole goes with it. (Where the application has had some, the next piece says
 * `discarded`.) A piece that is shown stays. */
void hf_inbox_forget_partials(hf_inbox *box);

/* What HELLO and ACK say of this channel, but for its name. Ranges: box->ranges. */
void hf_inbox_describe(const hf_inbox *box, hf_control_received *out);

/* The same, and from now on that is what the remote was told: for what is said on the connection that serves. */
void hf_inbox_report(hf_inbox *box, hf_control_received *out);

/* Something new is to be told; `soon`: a quarter of the window, so it should not wait. */
bool hf_inbox_owes_ack(const hf_inbox *box, bool *soon);

/* All messages up to `last` are here. */
bool hf_inbox_has_all(const hf_inbox *box, uint64_t last);

/* Numbers begin anew: another session sends, or on another channel, which may deliver otherwise. What waits for the
 * application is still its own. */
void hf_inbox_begin_anew(hf_inbox *box, hf_delivery delivery);

#endif
