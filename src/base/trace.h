/* trace.h: one line for each event of the event log (holdfast/trace.h; docs/event-log.md lists them with their fields).
 *
 *     hf_trace(ice->env, now, HF_TRACE_ICE_STATE_CHANGED, hf_trace_text("new", name), hf_trace_number("pair", 3));
 *
 * Where nobody listens that is one branch: its fields are not even computed. Nothing is allocated. */
#ifndef HF_BASE_TRACE_H
#define HF_BASE_TRACE_H

#include <holdfast/drop.h>
#include <holdfast/trace.h>

/* The events, by layer. docs/event-log.md names the same ones, which a test compares. */
#define HF_TRACE_MAP(X)                                                                                                     \
    X(UDP_PACKETS_SENT, "udp:packets_sent")                                                                                 \
    X(UDP_PACKETS_RECEIVED, "udp:packets_received")                                                                         \
    X(UDP_PACKETS_DROPPED, "udp:packets_dropped")                                                                           \
    X(ICE_STATE_CHANGED, "ice:state_changed")                                                                               \
    X(ICE_GATHERING_STATE_CHANGED, "ice:gathering_state_changed")                                                           \
    X(ICE_ROLE_CHANGED, "ice:role_changed")                                                                                 \
    X(ICE_CREDENTIALS_CHANGED, "ice:credentials_changed")                                                                   \
    X(ICE_SERVER_FAILED, "ice:server_failed")                                                                               \
    X(ICE_CANDIDATE_ADDED, "ice:candidate_added")                                                                           \
    X(ICE_CANDIDATE_REMOVED, "ice:candidate_removed")                                                                       \
    X(ICE_PAIR_ADDED, "ice:pair_added")                                                                                     \
    X(ICE_PAIR_STATE_CHANGED, "ice:pair_state_changed")                                                                     \
    X(ICE_PAIR_NOMINATED, "ice:pair_nominated")                                                                             \
    X(ICE_PAIR_SELECTED, "ice:pair_selected")                                                                               \
    X(ICE_PATH_SUSPECTED, "ice:path_suspected")                                                                             \
    X(ICE_PAIR_REMOVED, "ice:pair_removed")                                                                                 \
    X(ICE_CHECK_SENT, "ice:check_sent")                                                                                     \
    X(ICE_CHECK_RECEIVED, "ice:check_received")                                                                             \
    X(ICE_CHECK_ANSWERED, "ice:check_answered")                                                                             \
    X(ICE_ALLOCATION_MADE, "ice:allocation_made")                                                                           \
    X(ICE_ALLOCATION_FAILED, "ice:allocation_failed")                                                                       \
    X(ICE_ALLOCATION_LOST, "ice:allocation_lost")                                                                           \
    X(ICE_RELAYS_JOINED, "ice:relays_joined")                                                                               \
    X(ICE_STREAM_OPENED, "ice:stream_opened")                                                                               \
    X(ICE_STREAM_ACCEPTED, "ice:stream_accepted")                                                                           \
    X(ICE_STREAM_CLOSED, "ice:stream_closed")                                                                               \
    X(ICE_PACKETS_SENT, "ice:packets_sent")                                                                                 \
    X(ICE_PACKETS_RECEIVED, "ice:packets_received")                                                                         \
    X(ICE_PACKETS_DROPPED, "ice:packets_dropped")                                                                           \
    X(DTLS_STATE_CHANGED, "dtls:state_changed")                                                                             \
    X(DTLS_TIMER_FIRED, "dtls:timer_fired")                                                                                 \
    X(DTLS_PACKETS_SENT, "dtls:packets_sent")                                                                               \
    X(DTLS_PACKETS_RECEIVED, "dtls:packets_received")                                                                       \
    X(DTLS_PACKETS_DROPPED, "dtls:packets_dropped")                                                                         \
    X(SCTP_STATE_CHANGED, "sctp:state_changed")                                                                             \
    X(SCTP_CHANNEL_STATE_CHANGED, "sctp:channel_state_changed")                                                             \
    X(SCTP_MESSAGE_SENT, "sctp:message_sent")                                                                               \
    X(SCTP_MESSAGE_RECEIVED, "sctp:message_received")                                                                       \
    X(SCTP_PACKETS_SENT, "sctp:packets_sent")                                                                               \
    X(SCTP_PACKETS_RECEIVED, "sctp:packets_received")                                                                       \
    X(SCTP_PACKETS_DROPPED, "sctp:packets_dropped")                                                                         \
    X(SCTP_PACKETS_RETRANSMITTED, "sctp:packets_retransmitted")                                                             \
    X(PEER_SIGNALING_STATE_CHANGED, "peer:signaling_state_changed")                                                         \
    X(PEER_CONNECTION_STATE_CHANGED, "peer:connection_state_changed")                                                       \
    X(PEER_DESCRIPTION_APPLIED, "peer:description_applied")                                                                 \
    X(SESSION_STATE_CHANGED, "session:state_changed")                                                                       \
    X(SESSION_CONNECTION_MADE, "session:connection_made")                                                                   \
    X(MANAGER_SESSION_ADDED, "manager:session_added")                                                                       \
    X(MANAGER_ENVELOPE_RECEIVED, "manager:envelope_received")                                                               \
    X(MANAGER_RETRY_CHANGED, "manager:retry_changed")

typedef enum hf_trace_event {
#define X(name, text) HF_TRACE_##name,
    HF_TRACE_MAP(X)
#undef X
        HF_TRACE_COUNT
} hf_trace_event;

/* "ice:state_changed"; "" for a number that is none. */
const char *hf_trace_event_name(hf_trace_event event);

/* A member of an event's "data". */
typedef enum hf_trace_kind {
    HF_TRACE_NOTHING = 0, /* left out */
    HF_TRACE_TEXT,
    HF_TRACE_NUMBER,
    HF_TRACE_ID, /* a number as a string, for it may be larger than a number of JSON is exact */
    HF_TRACE_BOOL,
    HF_TRACE_MILLISECONDS,
    HF_TRACE_ADDR
} hf_trace_kind;

typedef struct hf_trace_field {
    const char *key;
    hf_trace_kind kind;
    union {
        hf_bytes text;
        uint64_t number;
        bool flag;
        hf_span span;
        const hf_addr *addr;
    } u;
} hf_trace_field;

/* A text may come from the network: it is escaped, bytes that are no UTF-8 are replaced, and a long one is cut. An empty one
 * is left out; so are no address, HF_OK, and a span of nothing. */
hf_trace_field hf_trace_text(const char *key, const char *text);
hf_trace_field hf_trace_bytes(const char *key, hf_bytes text);
hf_trace_field hf_trace_addr(const char *key, const hf_addr *addr);
hf_trace_field hf_trace_cause(hf_err cause);
hf_trace_field hf_trace_ms(const char *key, hf_span span);

static inline hf_trace_field hf_trace_number(const char *key, uint64_t number)
{
    return (hf_trace_field){.key = key, .kind = HF_TRACE_NUMBER, .u.number = number};
}

static inline hf_trace_field hf_trace_id(const char *key, uint64_t id)
{
    return (hf_trace_field){.key = key, .kind = id != 0 ? HF_TRACE_ID : HF_TRACE_NOTHING, .u.number = id};
}

static inline hf_trace_field hf_trace_bool(const char *key, bool flag)
{
    return (hf_trace_field){.key = key, .kind = HF_TRACE_BOOL, .u.flag = flag};
}

/* Makes a line of it and hands it to the environment, which must have `trace`. */
void hf_trace_write(const hf_env *env, hf_time now, hf_trace_event event, const hf_trace_field *fields, size_t n);

#define hf_trace(env, now, event, ...)                                                                                      \
    do {                                                                                                                    \
        if (__builtin_expect((env)->trace != NULL, 0)) {                                                                    \
            const hf_trace_field hf_trace_fields[] = {__VA_ARGS__};                                                         \
            hf_trace_write(env, now, event, hf_trace_fields, sizeof hf_trace_fields / sizeof *hf_trace_fields);             \
        }                                                                                                                   \
    } while (0)

/* Every change of a state is told alike. Entering the present state is nothing. */
#define hf_trace_change(env, now, event, before, after, cause)                                                              \
    hf_trace(env, now, event, hf_trace_text("old", before), hf_trace_text("new", after), hf_trace_cause(cause))

/* Counts what is thrown away, and tells it. */
void hf_drop_count(hf_drops *drops, const hf_env *env, hf_time now, hf_drop cause, size_t bytes);

#endif
