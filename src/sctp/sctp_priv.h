/* sctp_priv.h: the inside of an association, shared by the files of this folder. */
#ifndef HF_SCTP_PRIV_H
#define HF_SCTP_PRIV_H

#include "sctp.h"

#include "bytes.h"
#include "chunk.h"
#include "flow.h"
#include "fragments.h"
#include "packet.h"
#include "trace.h"

struct socket; /* usrsctp's */
struct sockaddr_conn;

/* --- Engine: the only owner of usrsctp's globals -------------------------------------------------------------------- */

/* usrsctp's timers are one list that is walked on each tick: once for the process, at most this often. */
#define HF_SCTP_TICK HF_MS(10)

/* Gives the association an id: small, never used again, and known to the remote (it travels in the state cookie). */
HF_CHECKED hf_err hf_engine_add(hf_engine *engine, hf_sctp *sctp);

/* From here on nothing that usrsctp says about this id is heard. */
void hf_engine_remove(hf_engine *engine, hf_sctp *sctp);

/* Says whose call this is, and lets usrsctp's clock catch up with `now`. */
void hf_engine_enter(hf_engine *engine, hf_sctp *sctp, hf_time now);

/* --- Channels ------------------------------------------------------------------------------------------------------- */

/* RFC 8831 §8: payload protocol identifiers. */
typedef enum hf_ppid {
    HF_PPID_DCEP = 50,
    HF_PPID_TEXT = 51,
    HF_PPID_BINARY_PARTIAL = 52, /* deprecated; no browser of today sends them */
    HF_PPID_BINARY = 53,
    HF_PPID_TEXT_PARTIAL = 54,
    HF_PPID_TEXT_EMPTY = 56,
    HF_PPID_BINARY_EMPTY = 57
} hf_ppid;

/* A message that waits in its channel's queue. */
typedef struct hf_outgoing {
    struct hf_outgoing *next;
    hf_time since;
    hf_ppid ppid;
    size_t len;
    uint8_t data[];
} hf_outgoing;

typedef struct hf_sctp_channel hf_sctp_channel;
struct hf_sctp_channel {
    hf_datachannel handle;
    hf_datachannel_state state;
    bool silent; /* a stream that we refused and only reset; the application never hears of it */
    hf_err cause;

    char *label, *protocol;
    size_t names_len; /* what counts against HF_SCTP_NAMES_BYTES_MAX: 0 for channels of our own */
    bool has_id;
    uint16_t id;
    bool unordered, negotiated, remote;
    bool confirmed; /* RFC 8832 §6: the remote knows the channel, so data may go unordered */
    hf_reliability reliability;
    uint16_t reliability_limit;
    uint16_t priority;

    hf_outgoing *first, *last;
    size_t buffered; /* payload in the queue */
    size_t buffered_max, buffered_low;
    bool writable_wanted;
    bool queued_for_turn; /* in sctp->turns */
    hf_sctp_channel *turn_next;

    bool reset_asked;                  /* of our stream: usrsctp has it in hand */
    bool outgoing_done, incoming_done; /* each direction is reset */
    hf_time reset_since;               /* asked for, or the last sign of the remote since then */

    bool in_parts; /* messages are handed over in parts, as they come */

    unsigned events; /* bits of what the application has not heard yet */
    bool forgettable;
    hf_sctp_channel *event_next;

    uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
};

/* A message for a stream without a channel: its OPEN was overtaken, or the negotiated channel is not there yet. */
typedef struct hf_held {
    struct hf_held *next;
    uint16_t stream;
    hf_message_kind kind;
    size_t len;
    uint8_t data[];
} hf_held;

/* The message that is being handed over in parts. */
typedef struct hf_parts {
    hf_datachannel channel; /* 0: none is */
    hf_message_kind kind;
    size_t len;    /* handed over so far */
    bool given_up; /* the rest will never come */
} hf_parts;

typedef struct hf_unkept {
    uint32_t tsn, ppid;
    uint16_t stream;
    size_t len; /* 0: none */
} hf_unkept;

/* The packets that usrsctp has repeated last, and has no answer to: see kick.c. */
typedef struct hf_kept {
    hf_packet_queue packets;
    bool is_data;    /* otherwise of the handshake */
    uint32_t tsn;    /* the oldest that is in them */
    bool is_leaving; /* for us */
    hf_time left_at;
} hf_kept;

/* The last packet with nothing but a FORWARD-TSN in it: see forward.c. */
typedef struct hf_forwarded {
    uint8_t chunk[72]; /* with 16 streams; a longer one is never held back */
    size_t len;
    hf_time at;
} hf_forwarded;

/* --- The association ------------------------------------------------------------------------------------------------ */

/* NEW ──start──▶ CONNECTING ──COMM_UP──▶ ESTABLISHED ──lost, aborted, shut down──▶ OVER
 *  └──────────────────┴───────────────abort, failure, engine freed──────────────────▲    */
typedef enum hf_sctp_state {
    HF_SCTP_NEW = 0,
    HF_SCTP_CONNECTING,
    HF_SCTP_ESTABLISHED,
    HF_SCTP_OVER,
    HF_SCTP_STATE_COUNT
} hf_sctp_state;

/* A request to reset 120 streams; a longer one that comes too early waits for its repetition. */
#define HF_SCTP_DEFERRED_MAX 272

#define HF_SCTP_CLASSES 4 /* of priorities: RFC 8831 §6.4 */

typedef struct hf_sctp_channel_list {
    hf_sctp_channel *first, *last;
} hf_sctp_channel_list;

struct hf_sctp {
    const hf_env *env;
    hf_engine *engine; /* NULL once we are over, or it was freed before us */
    uintptr_t id;      /* with the engine */
    hf_sctp_config config;
    hf_sctp_remote remote;
    hf_sctp_state state;
    hf_err cause;
    hf_time now;
    hf_time started_at;
    unsigned heard_in_vain; /* packets of the remote's before it is up */
    bool settled;           /* data went out and was acknowledged, all of it, since the association is up */
    struct socket *socket;

    hf_packet_queue output;
    size_t sealed;        /* packets at the head of `output` that have their checksum */
    bool output_is_new;   /* since the driver looked */
    bool woken;           /* usrsctp has news that came outside our own calls */
    hf_time active_until; /* a delayed SACK may be owed until then */

    bool corked, has_header;             /* see cork.c */
    uint8_t header[HF_SCTP_HEADER_SIZE]; /* of the remote's last packet */

    hf_flow flow;
    hf_kept kept;
    hf_forwarded forwarded;
    uint64_t bytes_given;    /* to usrsctp */
    uint64_t bytes_queued;   /* in the channels' queues */
    uint64_t bytes_given_up; /* dropped out of them, or by usrsctp before they left */
    bool abandoned;          /* usrsctp gave up a message since the last resync (RFC 3758) */
    hf_time stalled_since;   /* more was given than left, and nothing leaves: see hf_sender_resync */
    uint64_t stalled_at;
    hf_time rto_checked_at;
    uint32_t rto_ms;      /* the minimum that is set at usrsctp at present */
    uint64_t measured_at; /* packets received, when usrsctp was made to measure the round trip */

    hf_sctp_channel **channels; /* by handle, ascending */
    size_t channels_len, channels_cap;
    hf_sctp_channel **by_stream;
    size_t by_stream_cap;
    uint32_t handle_last;
    size_t names_len;                            /* of channels that the remote opened */
    hf_sctp_channel_list turns[HF_SCTP_CLASSES]; /* channels with something to send, in turn, the most urgent first */
    size_t turns_len;
    uint64_t turns_taken;
    hf_sctp_channel_list events; /* channels with something to tell */
    size_t forgettable;
    size_t closing; /* channels that are CLOSING and that the application knows of */
    size_t resets;  /* channels that are CLOSING and whose outgoing stream is not reset yet */
    bool up_untold, down_untold;

    bool readable;
    uint8_t *incoming; /* the message that is being put together, then a notification's pieces */
    size_t incoming_cap, incoming_len, notice_len;
    hf_parts parts;
    hf_fragments fragments;
    hf_unkept unkept;        /* a fragment in `incoming` for which there was no memory */
    bool assembled;          /* an unordered message is whole, */
    uint32_t assembled_next; /* and this is the next fragment of it to be taken */
    size_t window;           /* what usrsctp was told of it; 0: nothing yet */
    void *lent;              /* memory behind the last event */
    hf_held *held_first, *held_last;
    size_t held_bytes, held_len;

    uint8_t deferred[HF_SCTP_DEFERRED_MAX]; /* see defer.c */
    size_t deferred_len;
    uint32_t deferred_tsn;

    hf_sctp_stats stats;
};

/* Counts what is thrown away, and tells it. */
static inline void hf_sctp_drop(hf_sctp *sctp, hf_drop cause, size_t bytes)
{
    hf_drop_count(&sctp->stats.drops, sctp->env, sctp->now, cause, bytes);
}

/* sctp.c */
void hf_sctp_enter(hf_sctp *sctp, hf_time now); /* begins each call that may do something: usrsctp's clock moves before */
void hf_sctp_came_up(hf_sctp *sctp, uint16_t streams); /* how many we may send on */
void hf_sctp_go_down(hf_sctp *sctp, hf_err cause);     /* closes all channels, then the socket */
void hf_sctp_abort_because(hf_sctp *sctp, hf_err cause);
void hf_sctp_on_output(hf_sctp *sctp, const uint8_t *packet, size_t len);
void hf_sctp_on_engine_gone(hf_sctp *sctp);
struct sockaddr_conn hf_sctp_address(const hf_sctp *sctp, uint16_t port); /* of both sides: the id with the engine */

/* forward.c: true: the packet says only what was said a moment ago */
bool hf_forward_is_repeated(hf_sctp *sctp, hf_bytes packet);

/* kick.c */
void hf_kick_init(hf_sctp *sctp);
void hf_kick_keep(hf_sctp *sctp, hf_bytes packet, bool repeats, bool repeats_oldest);
void hf_kick_clear(hf_sctp *sctp);

/* settings.c: HF_EIO when usrsctp refuses what it must not. */
HF_CHECKED hf_err hf_settings_apply(hf_sctp *sctp);
bool hf_settings_bundle(hf_sctp *sctp, bool waits); /* what fills no packet waits for company (RFC 9260 §6.10) */
void hf_settings_established(hf_sctp *sctp);
void hf_settings_follow_rtt(hf_sctp *sctp);
void hf_settings_raise_window(hf_sctp *sctp, size_t bytes);
void hf_settings_start_moderately(hf_sctp *sctp); /* on a path that nothing is known of */
void hf_settings_set_window(hf_sctp *sctp, size_t bytes);
void hf_settings_read_status(const hf_sctp *sctp, hf_sctp_facts *out); /* what usrsctp knows; left alone when it is not up */
void hf_settings_of_engine(void);

/* channel.c */
hf_sctp_channel *hf_sctp_channel_find(const hf_sctp *sctp, hf_datachannel handle);
hf_sctp_channel *hf_sctp_channel_of_stream(const hf_sctp *sctp, uint16_t stream);
HF_CHECKED hf_err hf_sctp_channel_add(hf_sctp *sctp, const hf_sctp_channel *what, hf_bytes label, hf_bytes protocol,
                                      hf_sctp_channel **out);
hf_sctp_channel *hf_sctp_channel_add_silent(hf_sctp *sctp, uint16_t stream); /* NULL: it can't be */
void hf_sctp_channel_remove_newest(hf_sctp *sctp);                           /* undoes hf_sctp_channel_add */
void hf_sctp_channel_bind(hf_sctp *sctp, hf_sctp_channel *channel,
                          uint16_t stream); /* room was made by hf_sctp_channel_reserve_stream */
HF_CHECKED hf_err hf_sctp_channel_reserve_stream(hf_sctp *sctp, uint16_t stream);
HF_CHECKED hf_err hf_sctp_channel_choose_stream(const hf_sctp *sctp, uint16_t *out);
void hf_sctp_channel_tell(hf_sctp *sctp, hf_sctp_channel *channel, hf_sctp_event_type type);
bool hf_sctp_channel_take_event(hf_sctp *sctp, hf_sctp_event *out);
void hf_sctp_channel_set_buffered(hf_sctp *sctp, hf_sctp_channel *channel, size_t before, size_t after);
void hf_sctp_channel_opened(hf_sctp *sctp, hf_sctp_channel *channel);
void hf_sctp_channel_begin_close(hf_sctp *sctp, hf_sctp_channel *channel, hf_err cause);
void hf_sctp_channel_closed(hf_sctp *sctp, hf_sctp_channel *channel, hf_err cause);
void hf_sctp_channel_sweep(hf_sctp *sctp);                            /* frees the forgotten */
void hf_sctp_channel_expire(hf_sctp *sctp, hf_sctp_channel *channel); /* closed for lack of an answer to its reset */
void hf_sctp_channel_free_all(hf_sctp *sctp);

/* sender.c */
HF_CHECKED hf_err hf_sender_queue(hf_sctp *sctp, hf_sctp_channel *channel, hf_ppid ppid, hf_bytes message);
HF_CHECKED hf_err hf_sender_queue_open(hf_sctp *sctp, hf_sctp_channel *channel);
void hf_sender_feed(hf_sctp *sctp);
void hf_sender_resync(hf_sctp *sctp);
bool hf_sender_has_only_open(const hf_sctp_channel *channel); /* nothing of the application waits */
void hf_sender_drop_queue(hf_sctp *sctp, hf_sctp_channel *channel);
void hf_sender_abort(hf_sctp *sctp); /* lets usrsctp emit an ABORT */

/* receiver.c */
#define HF_SCTP_NOTICE_MAX 65536
#define HF_SCTP_ALL_STREAMS UINT16_MAX

/* receiver.c: false: nothing came. True with out->type 0: something was handled that is not a message. */
bool hf_receiver_pull(hf_sctp *sctp, hf_sctp_event *out);
void hf_receiver_deliver(hf_sctp *sctp, hf_sctp_channel *channel, hf_message_kind kind, hf_bytes message,
                         hf_sctp_event *out);
void hf_receiver_lend(hf_sctp *sctp, void *memory); /* to the event that is told: freed with the next one */
void hf_receiver_give_up_partial(hf_sctp *sctp);
void hf_receiver_clear(hf_sctp *sctp); /* what need not be kept while idle */
void hf_receiver_drop_all(hf_sctp *sctp);

/* held.c */
void hf_held_add(hf_sctp *sctp, uint16_t stream, hf_message_kind kind, hf_bytes message);
bool hf_held_take(hf_sctp *sctp, hf_sctp_event *out);
void hf_held_forget(hf_sctp *sctp, uint16_t stream);

/* notice.c */
void hf_notice_handle(hf_sctp *sctp, hf_bytes notice);

/* open.c */
void hf_open_on_dcep(hf_sctp *sctp, uint16_t stream, hf_bytes message);

/* defer.c: hf_defer_early_reset fills `copy`, as large as the packet, with what usrsctp may see of it at once; false:
 * all. */
bool hf_defer_early_reset(hf_sctp *sctp, hf_bytes packet, uint8_t *copy);
void hf_defer_release(hf_sctp *sctp);

/* reset.c */
void hf_reset_ask(hf_sctp *sctp, hf_sctp_channel *channel);
void hf_reset_pending(hf_sctp *sctp);
void hf_reset_expire(hf_sctp *sctp);
void hf_reset_on_event(hf_sctp *sctp, bool incoming, bool outgoing, bool failed, hf_bytes streams);

#endif
