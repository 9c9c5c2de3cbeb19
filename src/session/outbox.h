/* outbox.h: what one channel has to send: messages from hf_channel_send until the remote has acknowledged them, cut into
 * parts as they leave. It belongs to the session and outlives connections. Pure.
 *
 *   1. hf_outbox_push takes messages, at any time.
 *   2. hf_outbox_open: the channel is there, on the first connection that carries it.
 *   3. hf_outbox_peek shows the next part, and hf_outbox_given takes it off when a connection has it.
 *   4. hf_outbox_acknowledge forgets what the remote has.
 *   5. hf_outbox_pause: the connection is lost; hf_outbox_resume: another one has taken over. */
#ifndef HF_OUTBOX_H
#define HF_OUTBOX_H

#include "alloc.h"
#include "control.h"
#include "frame.h"

/* A message counts as its bytes, and as so many at the least: otherwise empty ones would be without number. In windows on
 * both sides. */
#define HF_MESSAGE_COST_MIN 64

typedef struct hf_outgoing_message hf_outgoing_message;

typedef struct hf_outbox {
    const hf_env *env;
    hf_delivery delivery;
    bool framed;                                 /* false: a plain peer's: whole messages without headers, done when given */
    bool is_open;                                /* a connection carries it */
    size_t kept_max;                             /* bytes, queued and kept: above it HF_EAGAIN */
    size_t message_max;                          /* the remote's */
    size_t window;                               /* what may be begun and unacknowledged, in HF_MESSAGE_COST_MIN's sense */
    hf_outgoing_message *oldest, *next, *newest; /* next: the one whose part is given next */
    size_t next_at;                              /* bytes of it given already */
    size_t len;                                  /* messages */
    size_t queued, kept;                         /* bytes not given to this connection; given and not acknowledged */
    size_t charged;                              /* of the window */
    uint64_t number_last;                        /* of the newest message there ever was */
    uint64_t sent_last;                          /* the largest that was wholly given, to any connection */
    uint64_t acked;                              /* all up to this are */
    hf_span lifetime;                            /* fresh: so long a message waits at the most */
    bool refused, too_long;                      /* writable is owed; messages above message_max may wait */
    size_t refused_len;                          /* the message that found no room */
    uint64_t messages_acked, replayed, dropped;
} hf_outbox;

/* The remote's message_max is not known yet, the window is HF_CHANNEL_WINDOW_FIRST, the lifetime HF_CHANNEL_FRESH_AGE;
 * `framed` is true. */
void hf_outbox_init(hf_outbox *box, const hf_env *env, hf_delivery delivery, size_t kept_max);
void hf_outbox_clear(hf_outbox *box);

/* Takes a message, copying it. HF_EAGAIN (and writable is owed), HF_EMSGSIZE, HF_ENOMEM. On a fresh channel it may drop the
 * oldest for it, and it drops this one while there is no connection. */
HF_CHECKED hf_err hf_outbox_push(hf_outbox *box, hf_time now, hf_message_kind kind, hf_bytes message);

/* Drops what has waited too long on a fresh channel. Before peek. True: something. */
bool hf_outbox_drop_stale(hf_outbox *box, hf_time now);

/* The remote takes no longer messages than that, as its description says. */
void hf_outbox_limit(hf_outbox *box, size_t message_max);

/* A connection carries the channel now, and none has before. */
void hf_outbox_open(hf_outbox *box);

/* The next part to give: its header, and its payload, which points into the message. */
typedef struct hf_outbox_part {
    uint8_t header[HF_FRAME_HEADER_MAX];
    size_t header_len; /* 0: plain */
    hf_bytes payload;
    hf_message_kind kind; /* to give it as: what is framed travels as binary */
} hf_outbox_part;

/* Shows it, with at most `part_max` bytes of payload (where messages are cut); false: there is none, or the window is
 * closed. hf_outbox_given takes it off: with the length that was shown. */
bool hf_outbox_peek(const hf_outbox *box, size_t part_max, hf_outbox_part *out);
void hf_outbox_given(hf_outbox *box, size_t payload_len);

/* The remote has what this says, and takes as much as that says. HF_EPROTO: a number beyond what was given; nothing has
 * changed then. */
HF_CHECKED hf_err hf_outbox_acknowledge(hf_outbox *box, const hf_control_received *received);

/* The connection is lost: on a fresh channel all that waits is dropped. */
void hf_outbox_pause(hf_outbox *box);

/* Another one has taken over, and its HELLO says this (NULL: nothing of this channel; then all is sent): what the remote
 * lacks is given again, in the order of its numbers. HF_EPROTO as above. */
HF_CHECKED hf_err hf_outbox_resume(hf_outbox *box, const hf_control_received *received);

/* There is room again after an HF_EAGAIN, for the message that was refused, too: at half. True once. */
bool hf_outbox_take_writable(hf_outbox *box);

/* Takes the oldest message out altogether, to be handed back: it is the caller's to free by hf_dealloc(box->env, …). */
typedef struct hf_returned {
    void *memory;
    hf_message_kind kind;
    hf_bytes message;
    bool possibly_delivered; /* a part of it was given to a connection */
} hf_returned;
bool hf_outbox_take_back(hf_outbox *box, hf_returned *out);

/* All that is in it goes to the end of `to`, which is for taking back alone: a struct of zeroes, or what this has filled. */
void hf_outbox_hand_over(hf_outbox *box, hf_outbox *to);

/* As take_back, for one longer than `message_max`, among those that were queued before the limit was known and of which
 * nothing was given. Later ones take its number. It is in the way of the others until it is taken. */
bool hf_outbox_take_too_long(hf_outbox *box, hf_returned *out);

/* Its channel has lost to another of its name, where nothing of it was delivered: all goes out there, by that one's
 * delivery, once that is open; numbers begin anew. What is too long there is for hf_outbox_take_too_long. */
void hf_outbox_move(hf_outbox *box, hf_delivery delivery);

/* Numbers begin anew: the session is another. Nothing may be left in it. */
void hf_outbox_begin_anew(hf_outbox *box);

#endif
