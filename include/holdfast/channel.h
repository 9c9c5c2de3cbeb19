/* channel.h: a named channel of a session.
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
    bool in_parts;          /* receive as by hf_channel_receive_in_parts */
    size_t send_buffer_max; /* bytes accepted and not yet sent, above it HF_EAGAIN; 0: HF_SEND_BUFFER_DEFAULT */
} hf_channel_config;

const char *hf_channel_name(const hf_channel *channel);
struct hf_session *hf_channel_session(const hf_channel *channel);

/* Queues a message, copying it; zero bytes are a message too. While the channel opens they wait for it. HF_EAGAIN: no
 * room, HF_SESSION_CHANNEL_WRITABLE follows. HF_ESTATE: closing, or without a connection. HF_EMSGSIZE: longer than the
 * remote takes, or than the buffer. HF_EINVAL: text that is not UTF-8, or null. */
HF_CHECKED hf_err hf_channel_send(hf_channel *channel, hf_time now, hf_message_kind kind, const void *data, size_t len);

/* Closes it in order: what was accepted is delivered first; HF_SESSION_CHANNEL_CLOSED follows. Twice is fine. */
HF_CHECKED hf_err hf_channel_close(hf_channel *channel, hf_time now);

/* Sets the number of queued bytes at which HF_SESSION_CHANNEL_LOW is told. */
HF_CHECKED hf_err hf_channel_set_buffered_low(hf_channel *channel, size_t bytes);

/* From the next message on, hands each over in parts as it arrives (see HF_SESSION_ON_DATA) and not whole. For a channel
 * that the remote opened: call it in the handler of HF_SESSION_CHANNEL_OPEN. HF_EINVAL. */
HF_CHECKED hf_err hf_channel_receive_in_parts(hf_channel *channel, bool in_parts);

/* The state and counters of the data channel that carries it now. Strings are valid as long as the channel. HF_ESTATE:
 * none does. */
HF_CHECKED hf_err hf_channel_info(const hf_channel *channel, hf_datachannel_info *out);

/* For the application's own use; NULL at first. */
void hf_channel_set_user(hf_channel *channel, void *user);
void *hf_channel_user(const hf_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
