/* outbox.h: what one channel has to send: messages from hf_channel_send until the remote has acknowledged them, cut into
 * parts as they leave. It belongs to the session and outlives connections. Pure. */
#ifndef HF_OUTBOX_H
#define HF_OUTBOX_H

#include "alloc.h"
#include "control.h"
#include "frame.h"

#include <holdfast/datachannel.h>

typedef struct hf_outgoing_message hf_outgoing_message;

typedef struct hf_outbox {
    const hf_env *env;
    hf_delivery delivery;
    bool framed;                                 /* false: a plain peer's: whole messages without headers, done when given */
    size_t kept_max;                             /* bytes, queued and unacknowledged: above it HF_EAGAIN */
    size_t message_max;                          /* the remote's */
    size_t window;                               /* bytes that may be given and unacknowledged */
    hf_outgoing_message *oldest, *next, *newest; /* next: the one whose part is given next */
    size_t next_at;                              /* bytes of it given already */
    uint32_t next_index;
    uint64_t number_last; /* given to the newest message */
    uint64_t acked;       /* all up to this are */
    uint64_t sent_last;   /* the largest number of which a part was ever given */
    uint64_t given_last;  /* and on this connection */
    size_t queued, kept;  /* bytes not given; given and not acknowledged */
    bool writable_wanted;
    bool is_open; /* fresh: there is a connection; without one nothing is kept */
    uint64_t replayed, dropped;
} hf_outbox;

void hf_outbox_init(hf_outbox *box, const hf_env *env, hf_delivery delivery, size_t kept_max);
void hf_outbox_clear(hf_outbox *box);

/* Takes a message, copying it. HF_EAGAIN (and writable is owed), HF_EMSGSIZE, HF_ENOMEM. */
HF_CHECKED hf_err hf_outbox_push(hf_outbox *box, hf_message_kind kind, hf_bytes message);

/* The next part to give: its header, and its payload, which points into the message. */
typedef struct hf_outbox_part {
    uint8_t header[HF_FRAME_HEADER_MAX];
    size_t header_len; /* 0: plain */
    hf_bytes payload;
    hf_message_kind kind;
} hf_outbox_part;

/* Shows it, with at most `part_max` bytes of payload; false: there is none, or the window is closed. hf_outbox_given takes
 * it off, once a connection has it. */
bool hf_outbox_peek(const hf_outbox *box, size_t part_max, hf_outbox_part *out);
void hf_outbox_given(hf_outbox *box, size_t payload_len);

/* The remote has what this says, and takes as much as that says. HF_EPROTO: a number beyond what was given; nothing has
 * changed then. */
HF_CHECKED hf_err hf_outbox_acknowledge(hf_outbox *box, const hf_control_received *received);

/* The connection is lost: on a fresh channel all that waits is dropped. */
void hf_outbox_pause(hf_outbox *box);

/* Another one has taken over (or the first is there), and its HELLO says this (NULL: nothing of this channel; then all is
 * sent): what the remote lacks is given again, in the order of its numbers. HF_EPROTO as above. */
HF_CHECKED hf_err hf_outbox_resume(hf_outbox *box, const hf_control_received *received);

/* There is room again after an HF_EAGAIN; true once. */
bool hf_outbox_take_writable(hf_outbox *box);

/* Takes the oldest message out altogether, to be handed back: it is the caller's to free by hf_dealloc(box->env, …). */
typedef struct hf_returned {
    void *memory;
    hf_message_kind kind;
    hf_bytes message;
    bool possibly_delivered; /* a part of it was given to a connection */
} hf_returned;
bool hf_outbox_take_back(hf_outbox *box, hf_returned *out);

/* One longer than `message_max` among those that were queued before the limit was known; as take_back. */
bool hf_outbox_take_too_long(hf_outbox *box, hf_returned *out);

/* Numbers begin anew: the session is another. Nothing may be left in it. */
void hf_outbox_begin_anew(hf_outbox *box);

#endif
