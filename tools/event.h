/* event.h: what `holdfast peer` prints: each function makes one event or signal as a JSON object. Pure.
 *
 * NULL: out of memory. cli_event_write makes the line of it. */
#ifndef CLI_EVENT_H
#define CLI_EVENT_H

#include <holdfast/manager.h>
#include <holdfast/stats.h>

#include <jansson.h>

typedef struct cli_state {
    hf_connection_state connection;
    hf_ice_state ice;
    hf_session_state session;
    hf_session_path path;
    hf_err cause;
} cli_state;

json_t *cli_event_state(const cli_state *state);
json_t *cli_event_open(const char *channel, const hf_datachannel_info *info, bool resumed);
json_t *cli_event_message(const char *channel, hf_message_kind kind, const uint8_t *data, size_t len);
json_t *cli_event_returned(const char *channel, const hf_session_event *event); /* MESSAGE_RETURNED */
json_t *cli_event_resumed(const hf_session_event *event);                       /* RESUMED */
json_t *cli_event_continuity(const hf_session_event *event);                    /* CONTINUITY_LOST */
json_t *cli_event_identity(const char *fingerprint);                            /* IDENTITY_CHANGED: an error */
json_t *cli_event_pair(const hf_ice_route *route);
json_t *cli_event_closed(const char *channel, uint64_t bytes, hf_err cause);
json_t *cli_event_writable(const char *channel);
json_t *cli_event_credentials(const char *url); /* a TURN server's are needed */

/* channel NULL: it is not about one. */
json_t *cli_event_error(hf_err code, const char *message, bool fatal, const char *channel);

/* Signals, with "envelope"; receiver NULL: whoever it is. */
json_t *cli_event_signal(const hf_envelope *envelope);

/* `peer` NULL: there is no connection. Channels are added one by one; `messages_queued`: accepted and not yet sent. */
json_t *cli_event_stats(hf_time now, const hf_peer_stats *peer);

/* Adds "report": the objects of webrtc-stats by id. False: out of memory. */
bool cli_event_stats_add_report(json_t *stats, hf_time now, const hf_peer *peer);
bool cli_event_stats_add_channel(json_t *stats, const char *channel, const hf_datachannel_info *info,
                                 const hf_channel_stats *counted, uint64_t messages_queued);

/* What the manager is doing for the session: a line of its own, and a member of "stats". */
json_t *cli_event_attempt(hf_time now, const hf_attempt *attempt);

/* Adds who speaks with whom, and how. */
bool cli_event_stats_add_session(json_t *stats, hf_time now, const hf_session *session, const hf_attempt *attempt);

/* Takes the object (NULL is fine) and returns its line, with the line end, in memory to free; NULL: out of memory. */
char *cli_event_write(json_t *event, size_t *len);

#endif
