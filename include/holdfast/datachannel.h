/* datachannel.h: the words of a data channel (RFC 8831, RFC 8832; W3C RTCDataChannel). The functions are in peer.h. */
#ifndef HOLDFAST_DATACHANNEL_H
#define HOLDFAST_DATACHANNEL_H

#include <holdfast/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names a data channel of one peer. Zero is no channel. A handle is never used again in the life of its peer, so that a
 * stale one gets HF_ENOENT and nothing worse. */
typedef uint32_t hf_datachannel;

#define HF_STREAMS_MAX 1024 /* stream ids are 0 to 1023; a negotiated id above is HF_ELIMIT */
#define HF_DATACHANNELS_MAX HF_STREAMS_MAX
#define HF_LABEL_MAX 65535             /* bytes of UTF-8 in a label, and in a protocol name (RFC 8832 §5.1) */
#define HF_MESSAGE_MAX_DEFAULT 262144  /* the longest message that we take: announced as a=max-message-size (RFC 8841 §6) */
#define HF_MESSAGE_MAX_LEAST 1024      /* the smallest value that may be configured for it: below nobody can work */
#define HF_MESSAGE_MAX_LIMIT 16777216  /* the largest value that may be configured for it */
#define HF_SEND_BUFFER_DEFAULT 8388608 /* bytes queued for one channel before a send gets HF_EAGAIN; at least message_max */

typedef enum hf_message_kind { HF_BINARY = 0, HF_TEXT } hf_message_kind;

typedef enum hf_reliability {
    HF_RELIABLE = 0,    /* retransmitted until acknowledged */
    HF_MAX_RETRANSMITS, /* at most `reliability_limit` retransmissions (0: none); RFC 3758, RFC 7496 §3.2 */
    HF_MAX_LIFETIME     /* for at most `reliability_limit` milliseconds */
} hf_reliability;

/* What to open. Zeroes: a reliable, ordered channel whose id is chosen for it. Strings are copied. */
typedef struct hf_datachannel_config {
    const char *label;    /* UTF-8; NULL is "" */
    const char *protocol; /* the subprotocol's name, UTF-8; NULL is "" */
    bool unordered;
    hf_reliability reliability;
    uint16_t reliability_limit; /* see hf_reliability */
    uint16_t priority;          /* RFC 8831 §6.4: 128 below normal, 256 normal (and for 0), 512 high, 1024 extra high */
    bool negotiated;            /* both applications open it with the same `id`: no OPEN message travels */
    uint16_t id;                /* the SCTP stream, when negotiated */
    size_t send_buffer_max;     /* 0: HF_SEND_BUFFER_DEFAULT */
} hf_datachannel_config;

/* W3C RTCDataChannelState. */
typedef enum hf_datachannel_state {
    HF_DATACHANNEL_CONNECTING = 0,
    HF_DATACHANNEL_OPEN,
    HF_DATACHANNEL_CLOSING, /* what was accepted is still delivered; then the streams are reset (RFC 8831 §6.7) */
    HF_DATACHANNEL_CLOSED
} hf_datachannel_state;

/* The W3C's word: "connecting", "open", "closing" or "closed". Static. */
const char *hf_datachannel_state_name(hf_datachannel_state state);

/* What a channel is, and its counters (W3C RTCDataChannelStats). Strings stay valid until the channel is forgotten:
 * until the event that says it closed has been taken and another call on the peer is made. */
typedef struct hf_datachannel_info {
    hf_datachannel_state state;
    const char *label;
    const char *protocol;
    bool has_id; /* false: not known yet, for it depends on the DTLS role (RFC 8832 §6) */
    uint16_t id;
    bool unordered;
    bool negotiated;
    bool remote; /* the other side opened it */
    hf_reliability reliability;
    uint16_t reliability_limit;
    uint16_t priority;
    size_t buffered_amount; /* payload bytes accepted and not yet given to the network */
    uint64_t messages_sent, bytes_sent;
    uint64_t messages_received, bytes_received;
} hf_datachannel_info;

#ifdef __cplusplus
}
#endif
#endif
