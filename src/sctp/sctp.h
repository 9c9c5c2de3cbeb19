/* sctp.h: one SCTP association over DTLS (RFC 9260, RFC 8261) and the data channels on it (RFC 8831, RFC 8832).
 *
 * Sans I/O: SCTP packets go in and come out. Channels are handles (holdfast/datachannel.h). Each has its own queue here;
 * only a little unsent data is kept inside usrsctp, whose schedulers starve other streams behind a backlog. */
#ifndef HF_SCTP_H
#define HF_SCTP_H

#include <holdfast/datachannel.h>
#include <holdfast/drop.h>
#include <holdfast/engine.h>
#include <holdfast/io.h>

typedef struct hf_sctp hf_sctp;

#define HF_SCTP_PORT 5000

/* What the remote, or a driver that does not come, can make us keep. */
#define HF_SCTP_EVENTS_BYTES_MAX 4194304 /* received, not taken by the application: the window (a_rwnd), which then closes */
#define HF_SCTP_WINDOW_MIN 65536         /* of the window, however much is kept in fragments, */
#define HF_SCTP_FRAGMENTS_BYTES_MAX 8388608 /* of long unordered messages, beside the longest message: above this we abort */
#define HF_SCTP_OUTPUT_BYTES_MAX 4194304 /* packets not taken by the driver: above this they are dropped, as by a network */
#define HF_SCTP_NAMES_BYTES_MAX 1048576  /* labels and protocols that the remote made us keep: above this it is refused */
#define HF_SCTP_RESET_PATIENCE HF_SECONDS(60) /* for a remote that says nothing on a stream that is being reset */
#define HF_SCTP_HELD_BYTES_MAX 65536 /* messages that overtook the OPEN of their channel: above this they are dropped */
#define HF_SCTP_HELD_MAX 64          /* and how many */

typedef struct hf_sctp_config {
    uint16_t port;        /* ours; 0: HF_SCTP_PORT */
    size_t mtu;           /* the largest SCTP packet; required, at least 512 */
    size_t message_max;   /* the longest we take; 0: HF_MESSAGE_MAX_DEFAULT. A longer one ends the association */
    uint16_t streams_max; /* 0: HF_STREAMS_MAX */
} hf_sctp_config;

/* What the description said of the remote, and what the transport knows. */
typedef struct hf_sctp_remote {
    uint16_t port;
    uint64_t message_max; /* the longest message it takes; 0: any (RFC 8841 §6.1) */
    bool dtls_client;     /* we are the DTLS client: our stream ids are even (RFC 8832 §6) */
    hf_span rtt;          /* of the path, as ICE measured it; 0: not known */
} hf_sctp_remote;

/* HF_EINVAL; HF_ECLOSED (the engine is gone); HF_ENOMEM. */
HF_CHECKED hf_err hf_sctp_new(hf_sctp **out, const hf_sctp_config *config, hf_engine *engine, const hf_env *env);

/* Drops the association without a word. NULL is fine. */
void hf_sctp_free(hf_sctp *sctp);

/* DTLS is up: begins the association. Data that was queued before goes with the handshake. HF_ESTATE: begun already;
 * HF_ECLOSED: over; HF_EIO: usrsctp refuses; HF_ENOMEM. */
HF_CHECKED hf_err hf_sctp_start(hf_sctp *sctp, hf_time now, const hf_sctp_remote *remote);

/* A later description of the remote takes longer or shorter messages (W3C WebRTC 1.0 §6.1.1.2). 0: any. */
void hf_sctp_set_remote_message_max(hf_sctp *sctp, uint64_t message_max);

/* Takes whole packets. Their checksum and chunk lengths are checked before usrsctp sees them. Before start: dropped,
 * counted. */
void hf_sctp_input(hf_sctp *sctp, hf_time now, const hf_bytes *packets, size_t n);

/* Shows the next packets to send, at most `cap`, with their checksums in place; returns how many. They stay valid until
 * the next call on `sctp` other than this one. hf_sctp_sent takes the first n of them off. */
size_t hf_sctp_packets(hf_sctp *sctp, hf_time now, hf_bytes *out, size_t cap);
void hf_sctp_sent(hf_sctp *sctp, size_t n);

/* The path works again after an outage: what waits for usrsctp's timer leaves now. Without an outage nothing happens. */
void hf_sctp_kick(hf_sctp *sctp, hf_time now);

/* Another path has taken the place of the one that data took: as above, and the congestion window is no larger than at the
 * beginning. */
void hf_sctp_change_path(hf_sctp *sctp, hf_time now);

/* Sends an ABORT with cause "User-Initiated Abort" (RFC 9260 §3.3.10.12), as browsers do on close; all channels close. */
void hf_sctp_abort(hf_sctp *sctp, hf_time now);

hf_time hf_sctp_deadline(const hf_sctp *sctp);
void hf_sctp_tick(hf_sctp *sctp, hf_time now);

/* Opens a channel, before or after start. HF_EINVAL (label or protocol is not UTF-8 or too long; a reliability that is
 * none), HF_ELIMIT (negotiated id too large, no id left), HF_EEXIST (id in use), HF_ECLOSED, HF_ENOMEM. */
HF_CHECKED hf_err hf_sctp_channel_open(hf_sctp *sctp, hf_time now, const hf_datachannel_config *config, hf_datachannel *out);

/* Queues a message; it is copied. It counts as buffered until usrsctp has it, which happens a few packets ahead of the
 * network. Zero bytes are a message too (RFC 8831 §6.6). HF_EAGAIN: no room, a writable event follows; HF_EMSGSIZE:
 * longer than the remote takes, or than the channel's buffer; HF_ESTATE: not open; HF_ENOENT; HF_EINVAL; HF_ENOMEM. */
HF_CHECKED hf_err hf_sctp_channel_send(hf_sctp *sctp, hf_time now, hf_datachannel channel, hf_message_kind kind,
                                       hf_bytes message);

/* Closes in order: what was accepted is delivered, then the stream is reset; what the remote had accepted still comes,
 * and the closed event behind it. HF_ENOENT. Closing twice is HF_OK. */
HF_CHECKED hf_err hf_sctp_channel_close(hf_sctp *sctp, hf_time now, hf_datachannel channel);

/* From the next message on, hands over each in parts as it arrives, instead of whole: without a buffer for all of it.
 * A short one still comes whole. HF_ENOENT. */
HF_CHECKED hf_err hf_sctp_channel_receive_in_parts(hf_sctp *sctp, hf_datachannel channel, bool in_parts);

/* At how many queued bytes a "buffered low" event is told when the queue falls to it (W3C bufferedAmountLowThreshold; 0 at
 * first). HF_ENOENT. */
HF_CHECKED hf_err hf_sctp_channel_set_low(hf_sctp *sctp, hf_datachannel channel, size_t bytes);

/* HF_ENOENT: no such channel, or forgotten. */
HF_CHECKED hf_err hf_sctp_channel_info(const hf_sctp *sctp, hf_datachannel channel, hf_datachannel_info *out);

/* Channel number `index` of those that there are; 0: there are not so many. */
hf_datachannel hf_sctp_channel_at(const hf_sctp *sctp, size_t index);

typedef enum hf_sctp_event_type {
    HF_SCTP_UP = 1,
    HF_SCTP_DOWN,         /* the association is over; each channel's CLOSED has come before */
    HF_SCTP_CHANNEL_OPEN, /* usable; u: channel. For one that the remote opened this is the first that is heard of it */
    HF_SCTP_CHANNEL_MESSAGE,
    HF_SCTP_CHANNEL_LOW,      /* bufferedAmount fell to the threshold */
    HF_SCTP_CHANNEL_WRITABLE, /* there is room again after HF_EAGAIN */
    HF_SCTP_CHANNEL_CLOSING,  /* the remote closes it */
    HF_SCTP_CHANNEL_CLOSED
} hf_sctp_event_type;

typedef struct hf_sctp_event {
    hf_sctp_event_type type;
    hf_datachannel channel; /* CHANNEL_… */
    hf_err cause;           /* DOWN: HF_EABORTED (by the remote, for a cause that is not its application's wish), HF_ECLOSED
                               (SHUTDOWN, or ABORT without a cause or with 12, User-Initiated), HF_ETIMEDOUT, HF_EPROTO,
                               HF_EMSGSIZE, HF_ELIMIT; CLOSED: why, HF_OK when in order, HF_ETIMEDOUT when the remote does
                               not answer (HF_SCTP_RESET_PATIENCE) */
    hf_message_kind kind;   /* MESSAGE */
    hf_bytes message;       /* MESSAGE: valid until the next poll_event, tick or free; a send may take it */
    bool first, last;       /* MESSAGE: both, but where it comes in parts */
    bool discarded;         /* MESSAGE, last: the sender gave up the rest; what was handed over is void */
} hf_sctp_event;

bool hf_sctp_poll_event(hf_sctp *sctp, hf_sctp_event *out);

/* The W3C's word (RTCSctpTransportState), and "new" before it begins: "connecting", "connected", "closed". Static. */
const char *hf_sctp_state_name(const hf_sctp *sctp);

/* Facts, for those above that decide (session.md, "Who goes next"). */
typedef struct hf_sctp_facts {
    uint64_t bytes_given;                                             /* payload handed to usrsctp */
    uint64_t bytes_sent;                                              /* payload that left for the first time */
    uint64_t bytes_acked;                                             /* payload acknowledged, cumulatively */
    uint64_t retransmissions;                                         /* DATA chunks that left again */
    hf_span srtt;                                                     /* usrsctp's smoothed round trip; 0: not known */
    uint32_t congestion_window, receiver_window, mtu, unacked_chunks; /* usrsctp's; 0 unless the association is up */
} hf_sctp_facts;

void hf_sctp_get_facts(const hf_sctp *sctp, hf_sctp_facts *out);

/* Those among them that change with each packet; cheap to read. Payload of all channels and of DCEP together; what was
 * dropped before it left counts as sent and delivered, so that nothing seems to be on its way for ever. */
typedef struct hf_sctp_flow {
    uint64_t bytes_accepted;  /* by hf_sctp_channel_send, queued here or not */
    uint64_t bytes_sent;      /* left for the first time */
    uint64_t bytes_delivered; /* acknowledged, also by gap blocks (RFC 9260 §3.3.4), or given up */
    uint64_t chunks_lost;     /* that left more than once */
    uint64_t rtt_samples;     /* acknowledgements that measured a round trip */
    hf_span rtt_last;         /* the smallest of the last of them; 0: none yet */
    size_t message_max;       /* the longest message that the remote takes */
    size_t packet_max;        /* payload that fits into one packet */
    bool is_up;
} hf_sctp_flow;

/* Has the congestion window be no smaller than that, for a caller who keeps to a window of his own. */
void hf_sctp_raise_window(hf_sctp *sctp, hf_time now, size_t bytes);

/* Between these two, messages share packets: full ones leave, what is left of the last waits for the second call, or for an
 * acknowledgement. Without a standing association both do nothing. True: something may have left. */
void hf_sctp_cork(hf_sctp *sctp, hf_time now);
bool hf_sctp_uncork(hf_sctp *sctp, hf_time now);

void hf_sctp_get_flow(const hf_sctp *sctp, hf_sctp_flow *out);

/* A message of so many bytes that is sent now leaves now: nothing of what is before it waits, and neither congestion window
 * nor the remote's is full. */
bool hf_sctp_leaves_at_once(const hf_sctp *sctp, size_t len);

typedef struct hf_sctp_stats {
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
    hf_drops drops; /* HF_DROP_SCTP_CHECKSUM to HF_DROP_UNKNOWN_STREAM */
    uint64_t channels_opened, channels_closed;
    uint64_t messages_sent, messages_received;
} hf_sctp_stats;

void hf_sctp_get_stats(const hf_sctp *sctp, hf_sctp_stats *out);

#endif
