/* channel.h: a named channel of a session.
 *
 * It outlives connections. Between two Holdfast sessions every message that hf_channel_send has accepted on a reliable
 * channel arrives exactly once, in order where it is ordered, across any number of connections, as long as both processes
 * live (docs/protocol.md); on the others a message that is overtaken by a later one is dropped, and nothing that was said in
 * an outage is sent after it. With a plain peer it is a data channel, and ends with its connection.
 *
 * It belongs to its session and is valid until the handler of its HF_SESSION_CHANNEL_CLOSED event has returned, or the
 * session is freed. Functions belong to the session's thread. */
#ifndef HOLDFAST_CHANNEL_H
#define HOLDFAST_CHANNEL_H

#include <holdfast/datachannel.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_channel hf_channel;
struct hf_session;

typedef enum hf_priority { HF_PRIORITY_NORMAL = 0, HF_PRIORITY_CRITICAL, HF_PRIORITY_HIGH, HF_PRIORITY_LOW } hf_priority;

/* "critical", "high", "normal" or "low", and back; parsing yields false for another word. */
const char *hf_priority_name(hf_priority priority);
bool hf_priority_parse(const char *name, hf_priority *out);

/* What to open. Zeroes and a name: a reliable, ordered channel of normal priority. Strings are copied. */
typedef struct hf_channel_config {
    const char *name;     /* UTF-8, not empty; unique among the open channels that this side opens */
    const char *protocol; /* the application's subprotocol; NULL: "" */
    bool unordered;
    hf_reliability reliability;
    uint16_t reliability_limit;
    hf_priority priority;
    bool in_parts; /* receive as by hf_channel_receive_in_parts */
    /* Bytes accepted and not yet acknowledged (with a plain peer: not yet sent), above it HF_EAGAIN; 0:
     * HF_CHANNEL_BUFFER_DEFAULT. */
    size_t send_buffer_max;
    /* Bytes that the remote may send ahead of what the application has taken; 0: HF_CHANNEL_WINDOW_DEFAULT; at least the
     * session's message_max. Not for plain peers. */
    size_t receive_window;
} hf_channel_config;

#define HF_CHANNEL_BUFFER_DEFAULT HF_SEND_BUFFER_DEFAULT
#define HF_CHANNEL_WINDOW_DEFAULT 1048576
#define HF_CHANNEL_WINDOW_FIRST 262144 /* until the remote has announced its own */
#define HF_CHANNEL_WINDOW_LIMIT 67108864
#define HF_CHANNEL_PART_MAX 1024 /* of a message on a channel that is not reliable */
#define HF_CHANNEL_FRESH_MAX 8   /* messages that wait on a channel that is not reliable: another drops the oldest */
#define HF_CHANNEL_FRESH_AGE HF_SECONDS(1) /* so long one waits there at the most; with HF_MAX_LIFETIME, its limit */

const char *hf_channel_name(const hf_channel *channel);
struct hf_session *hf_channel_session(const hf_channel *channel);

/* Queues a message, copying it; zero bytes are a message too. While the channel opens, and in an outage, they wait for it,
 * and are kept until the remote has acknowledged them; on a channel that is not reliable nothing waits in an outage: HF_OK,
 * and it is counted as dropped. HF_EAGAIN: no room, HF_SESSION_CHANNEL_WRITABLE follows at half. HF_ESTATE: closing.
 * HF_EMSGSIZE: longer than the remote takes, than the buffer, or, where it is not reliable, than one part
 * (HF_CHANNEL_PART_MAX, of Holdfast peers). HF_EINVAL: text that is not UTF-8, or null. */
HF_CHECKED hf_err hf_channel_send(hf_channel *channel, hf_time now, hf_message_kind kind, const void *data, size_t len);

/* Closes it in order: what was accepted is delivered first; HF_SESSION_CHANNEL_CLOSED follows. Twice is fine. */
HF_CHECKED hf_err hf_channel_close(hf_channel *channel, hf_time now);

/* Sets the number of queued bytes at which HF_SESSION_CHANNEL_LOW is told. */
HF_CHECKED hf_err hf_channel_set_buffered_low(hf_channel *channel, size_t bytes);

/* From the next message on, hands each over in parts as it arrives (see HF_SESSION_ON_DATA) and not whole. For a channel
 * that the remote opened: call it in the handler of HF_SESSION_CHANNEL_OPEN. HF_EINVAL. */
HF_CHECKED hf_err hf_channel_receive_in_parts(hf_channel *channel, bool in_parts);

/* Whether messages are handed over: while it is paused they wait, the window closes, and in the end the remote's sends get
 * HF_EAGAIN. Other channels go on. A channel that closes, on whichever side, hands over what it has all the same.
 * HF_ENOTSUP: a plain peer's, which knows of no window. HF_EINVAL. */
HF_CHECKED hf_err hf_channel_pause(hf_channel *channel, hf_time now, bool paused);

/* Counters over all connections; bytes are payload. */
typedef struct hf_channel_stats {
    uint64_t messages_sent, bytes_sent;         /* accepted by hf_channel_send */
    uint64_t messages_acked;                    /* of those: known to be at the remote (reliable channels, Holdfast peers) */
    uint64_t messages_received, bytes_received; /* handed to the application */
    uint64_t messages_replayed; /* given again, or for the first time, to a connection that took the session up */
    uint64_t messages_dropped;  /* ours, not reliable: overtaken in the queue, too long in it, or said in an outage */
    uint64_t duplicates, late;  /* of the remote's, dropped here */
    size_t queued, kept;        /* bytes not yet given to a connection; given, and not yet acknowledged */
} hf_channel_stats;

/* HF_EINVAL. */
HF_CHECKED hf_err hf_channel_get_stats(const hf_channel *channel, hf_channel_stats *out);

/* What it is, its state, and its counters over all connections, in messages of the application. The stream is that of the
 * data channel which carries it now, or did so last. Strings are valid as long as the channel. HF_EINVAL. */
HF_CHECKED hf_err hf_channel_info(const hf_channel *channel, hf_datachannel_info *out);

/* For the application's own use; NULL at first. */
void hf_channel_set_user(hf_channel *channel, void *user);
void *hf_channel_user(const hf_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
