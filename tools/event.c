/* event.c: what `holdfast peer` prints. W3C names where there are any (WebRTC 1.0, webrtc-stats). */
#include "event.h"

#include "base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL_DIGITS 15 /* all that a double has: 0.1, not 0.10000000000000001 */

static json_t *limit_if(bool is_set, uint16_t limit)
{
    return is_set ? json_integer(limit) : json_null();
}

static json_t *milliseconds_or_null(hf_span span)
{
    return span > 0 ? json_real((double)span / 1000) : json_null();
}

json_t *cli_event_state(const cli_state *state)
{
    return json_pack("{ss ss ss ss ss ss}", "type", "state", "connection", hf_connection_state_name(state->connection),
                     "ice", hf_ice_state_name(state->ice), "session", hf_session_state_name(state->session), "path",
                     hf_session_path_name(state->path), "cause", state->cause == HF_OK ? "" : hf_err_name(state->cause));
}

json_t *cli_event_open(const char *channel, const hf_datachannel_info *info, bool resumed)
{
    return json_pack("{ss ss so sb so so ss si sb}", "type", "open", "channel", channel, "id",
                     limit_if(info->has_id, info->id), "ordered", !info->unordered, "maxRetransmits",
                     limit_if(info->reliability == HF_MAX_RETRANSMITS, info->reliability_limit), "maxPacketLifeTime",
                     limit_if(info->reliability == HF_MAX_LIFETIME, info->reliability_limit), "protocol",
                     info->protocol ? info->protocol : "", "priority", (int)info->priority, "resumed", resumed);
}

/* Bytes that are not UTF-8 can't stand in JSON, whatever the peer says that they are. */
json_t *cli_event_message(const char *channel, hf_message_kind kind, const uint8_t *data, size_t len)
{
    json_t *text = kind == HF_TEXT ? json_stringn(len > 0 ? (const char *)data : "", len) : NULL;

    if (text)
        return json_pack("{ss ss so}", "type", "message", "channel", channel, "text", text);

    size_t base64_len = 0;
    char *base64 = cli_base64_write(data, len, &base64_len);
    if (!base64)
        return NULL;
    json_t *event =
        json_pack("{ss ss so}", "type", "message", "channel", channel, "base64", json_stringn_nocheck(base64, base64_len));
    free(base64);
    return event;
}

json_t *cli_event_returned(const char *channel, const hf_session_event *event)
{
    json_t *line = cli_event_message(channel, event->u.returned.kind, event->u.returned.data, event->u.returned.len);

    if (line) {
        json_object_set_new(line, "type", json_string("returned"));
        json_object_set_new(line, "possiblyDelivered", json_boolean(event->u.returned.possibly_delivered));
        json_object_set_new(line, "cause", json_string(hf_err_name(event->cause)));
    }
    return line;
}

json_t *cli_event_resumed(const hf_session_event *event)
{
    return json_pack("{ss sI sI sf}", "type", "resumed", "generation", (json_int_t)event->u.resumed_by.generation,
                     "messages", (json_int_t)event->u.resumed_by.messages, "outage_ms",
                     (double)event->u.resumed_by.outage / 1000);
}

json_t *cli_event_continuity(const hf_session_event *event)
{
    return json_pack("{ss sb sI sI ss}", "type", "continuity", "kept", 0, "possiblyDelivered",
                     (json_int_t)event->u.lost.possibly_delivered, "notSent", (json_int_t)event->u.lost.not_sent, "cause",
                     hf_err_name(event->cause == HF_OK ? HF_ECONTINUITY : event->cause));
}

json_t *cli_event_identity(const char *fingerprint)
{
    json_t *text =
        json_sprintf("somebody else answers in the remote's name, with the certificate %s; nothing is said to them "
                     "without the command accept-identity",
                     fingerprint);

    return json_pack("{ss ss so sb ss}", "type", "error", "code", hf_err_name(HF_EIDENTITY), "message", text, "fatal", 0,
                     "fingerprint", fingerprint);
}

/* What hides its address is shown by its name. */
static json_t *end_of_pair(hf_ice_candidate_type type, hf_transport transport, const hf_addr *addr, const char *name)
{
    char text[HF_ADDR_TEXT_SIZE];
    const char *word = transport == HF_TCP ? "tcp" : "udp";

    if (*name)
        return json_sprintf("%s %s:%u %s", hf_ice_candidate_type_name(type), name, (unsigned)addr->port, word);
    return json_sprintf("%s %s %s", hf_ice_candidate_type_name(type), hf_addr_write(addr, text), word);
}

/* Both ends. What is relayed goes over UDP from the server on (RFC 8656), and the path leads to the server only. */
static json_t *local_end(const hf_ice_route *route)
{
    if (route->local_type == HF_ICE_RELAYED)
        return end_of_pair(route->local_type, HF_UDP, &route->local, "");
    return end_of_pair(route->local_type, route->path.transport, &route->path.local, route->local_name);
}

static json_t *remote_end(const hf_ice_route *route)
{
    if (route->local_type == HF_ICE_RELAYED)
        return end_of_pair(route->remote_type, HF_UDP, &route->remote, route->remote_name);
    return end_of_pair(route->remote_type, route->path.transport, &route->path.remote, route->remote_name);
}

/* W3C RTCIceCandidateStats.relayProtocol, and where the server is. NULL: nothing is relayed on our side. */
static const char *relay_protocol(const hf_ice_route *route)
{
    if (route->local_type != HF_ICE_RELAYED)
        return NULL;
    return route->relay_tls ? "tls" : route->relay_transport == HF_TCP ? "tcp" : "udp";
}

static json_t *relay_server(const hf_ice_route *route)
{
    char text[HF_ADDR_TEXT_SIZE];
    return route->local_type == HF_ICE_RELAYED ? json_string(hf_addr_write(&route->path.remote, text)) : NULL;
}

json_t *cli_event_pair(const hf_ice_route *route)
{
    return json_pack("{ss so so so ss* so*}", "type", "pair", "local", local_end(route), "remote", remote_end(route),
                     "rtt_ms", milliseconds_or_null(route->rtt), "relayProtocol", relay_protocol(route), "relayServer",
                     relay_server(route));
}

json_t *cli_event_closed(const char *channel, uint64_t bytes, hf_err cause)
{
    return json_pack("{ss ss sI ss}", "type", "closed", "channel", channel, "bytes", (json_int_t)bytes, "cause",
                     cause == HF_OK ? "" : hf_err_name(cause));
}

json_t *cli_event_writable(const char *channel)
{
    return json_pack("{ss ss}", "type", "writable", "channel", channel);
}

json_t *cli_event_credentials(const char *url)
{
    return json_pack("{ss ss}", "type", "credentials", "url", url);
}

/* The text may quote a peer. */
json_t *cli_event_error(hf_err code, const char *message, bool fatal, const char *channel)
{
    json_t *text = json_string(message);

    return json_pack("{ss ss so sb so*}", "type", "error", "code", hf_err_name(code), "message",
                     text ? text : json_string(hf_err_text(code)), "fatal", fatal, "channel",
                     channel ? json_string(channel) : NULL);
}

/* 0 is not said. */
static json_t *number_if(uint32_t number)
{
    return number != 0 ? json_integer(number) : NULL;
}

json_t *cli_event_signal(const hf_envelope *envelope)
{
    const hf_signal *signal = &envelope->signal;
    json_t *address = json_pack("{ss ss* ss* ss* so* so*}", "sender", envelope->sender, "receiver", envelope->receiver,
                                "session", envelope->session, "remoteSession", envelope->remote_session, "generation",
                                number_if(signal->generation), "offer", number_if(envelope->offer));

    switch (signal->type) {
    case HF_SIGNAL_OFFER:
    case HF_SIGNAL_ANSWER:
        return json_pack("{ss ss so}", "type", signal->type == HF_SIGNAL_OFFER ? "offer" : "answer", "sdp", signal->sdp,
                         "envelope", address);
    case HF_SIGNAL_CANDIDATE:
    case HF_SIGNAL_END_OF_CANDIDATES:
        return json_pack("{ss ss ss ss* so}", "type", "candidate", "candidate", signal->candidate ? signal->candidate : "",
                         "sdpMid", signal->mid ? signal->mid : "0", "usernameFragment", signal->ufrag, "envelope", address);
    case HF_SIGNAL_BYE:
        return json_pack("{ss ss so}", "type", "bye", "to", "peer", "envelope", address);
    }
    json_decref(address);
    return NULL;
}

/* --- Statistics --- */

static bool add_pair(json_t *stats, const hf_peer_stats *peer)
{
    if (!peer->has_route)
        return true;

    const hf_ice_route *route = &peer->route;
    json_t *pair =
        json_pack("{so so so sb ss* so*}", "local", local_end(route), "remote", remote_end(route), "currentRoundTripTime",
                  route->rtt > 0 ? json_real((double)route->rtt / 1e6) : json_null(), "nominated", route->nominated,
                  "relayProtocol", relay_protocol(route), "relayServer", relay_server(route));
    return json_object_set_new(stats, "pair", pair) == 0 &&
           json_object_set_new(stats, "rtt_ms", milliseconds_or_null(route->rtt)) == 0;
}

static json_t *drops_of(const hf_peer_stats *peer)
{
    json_t *drops = json_object();

    for (hf_drop cause = 0; drops && cause < HF_DROP_COUNT; cause++)
        json_object_set_new(drops, hf_drop_name(cause), json_integer((json_int_t)peer->drops.by_cause[cause]));
    return drops;
}

static bool add_transport(json_t *stats, const hf_peer_stats *peer)
{
    json_t *transport = json_pack(
        "{sI sI sI sI ss ss ss so sI sI sI sI sI sI sI so}", "packetsSent", (json_int_t)peer->packets_sent,
        "packetsReceived", (json_int_t)peer->packets_received, "bytesSent", (json_int_t)peer->bytes_sent, "bytesReceived",
        (json_int_t)peer->bytes_received, "tlsVersion", peer->dtls_version, "dtlsCipher", peer->dtls_cipher, "dtlsRole",
        peer->dtls_version[0] == '\0' ? "unknown"
        : peer->dtls_client           ? "client"
                                      : "server",
        "sctp_rtt_ms", milliseconds_or_null(peer->sctp_rtt), "sctp_retransmissions", (json_int_t)peer->sctp_retransmissions,
        "dataChannelsOpened", (json_int_t)peer->channels_opened, "dataChannelsClosed", (json_int_t)peer->channels_closed,
        "candidates_ignored", (json_int_t)peer->candidates_ignored, "streams_opened", (json_int_t)peer->streams_opened,
        "streams_accepted", (json_int_t)peer->streams_accepted, "streams_failed", (json_int_t)peer->streams_failed, "drops",
        drops_of(peer));

    return transport && json_object_update(stats, transport) == 0 && (json_decref(transport), true);
}

json_t *cli_event_stats(hf_time now, const hf_peer_stats *peer)
{
    json_t *stats =
        json_pack("{ss sf sn sn s[]}", "type", "stats", "timestamp", (double)now / 1000, "pair", "rtt_ms", "channels");

    if (stats && peer && (!add_pair(stats, peer) || !add_transport(stats, peer))) {
        json_decref(stats);
        return NULL;
    }
    return stats;
}

/* W3C: spans are seconds, moments milliseconds; what is absent is left out. */
static json_t *value_of(const hf_stats_member *member, const void *at)
{
    const char *text = member->kind == HF_STATS_TEXT ? *(const char *const *)at : at;
    switch (member->kind) {
    case HF_STATS_TEXT:
    case HF_STATS_CHARS:
        return text && *text ? json_string(text) : NULL;
    case HF_STATS_BOOL:
        return json_boolean(*(const bool *)at);
    case HF_STATS_NUMBER:
        return *(const int64_t *)at == HF_STATS_ABSENT ? NULL : json_integer(*(const int64_t *)at);
    case HF_STATS_SPAN:
        return *(const hf_span *)at == HF_STATS_ABSENT ? NULL : json_real((double)*(const hf_span *)at / 1e6);
    case HF_STATS_TIME:
        return *(const hf_time *)at == HF_STATS_ABSENT ? NULL : json_real((double)*(const hf_time *)at / 1e3);
    case HF_STATS_BYTES: {
        size_t len = 0;
        const hf_bytes *bytes = at;
        char *base64 = bytes->len > 0 ? cli_base64_write(bytes->data, bytes->len, &len) : NULL;
        json_t *string = base64 ? json_stringn(base64, len) : NULL;
        free(base64);
        return string;
    }
    }
    return NULL;
}

static json_t *object_of(const hf_stats *stats, hf_time now)
{
    size_t n;
    const hf_stats_member *members = hf_stats_members(stats->type, &n);
    json_t *object =
        json_pack("{ss ss sf}", "id", stats->id, "type", hf_stats_type_name(stats->type), "timestamp", (double)now / 1000);
    for (size_t i = 0; object && i < n; i++) {
        json_t *value = value_of(&members[i], (const char *)stats + members[i].offset);
        if (value)
            json_object_set_new(object, members[i].name, value);
    }
    return object;
}

bool cli_event_stats_add_report(json_t *stats, hf_time now, const hf_peer *peer)
{
    json_t *report = json_object();
    hf_stats object;
    for (hf_stats_cursor at = {0}; hf_peer_next_stats(peer, &at, &object);)
        json_object_set_new(report, object.id, object_of(&object, now));
    return json_object_set_new(stats, "report", report) == 0;
}

bool cli_event_stats_add_channel(json_t *stats, const char *channel, const hf_datachannel_info *info,
                                 const hf_channel_stats *counted, uint64_t messages_queued)
{
    json_t *entry = json_pack(
        "{ss ss so ss sI sI sI sI sI sI}", "channel", channel, "state", hf_datachannel_state_name(info->state),
        "dataChannelIdentifier", limit_if(info->has_id, info->id), "protocol", info->protocol ? info->protocol : "",
        "bytesSent", (json_int_t)counted->bytes_sent, "messagesSent", (json_int_t)counted->messages_sent, "bytesReceived",
        (json_int_t)counted->bytes_received, "messagesReceived", (json_int_t)counted->messages_received, "bufferedAmount",
        (json_int_t)info->buffered_amount, "messagesQueued", (json_int_t)messages_queued);
    json_t *of_session = json_pack("{sI sI sI sI sI sI}", "messagesAcked", (json_int_t)counted->messages_acked,
                                   "messagesReplayed", (json_int_t)counted->messages_replayed, "messagesDropped",
                                   (json_int_t)counted->messages_dropped, "duplicates", (json_int_t)counted->duplicates,
                                   "late", (json_int_t)counted->late, "bytesKept", (json_int_t)counted->kept);
    bool whole = entry && of_session && json_object_update(entry, of_session) == 0;

    json_decref(of_session);
    if (!whole) {
        json_decref(entry);
        return false;
    }
    return json_array_append_new(json_object_get(stats, "channels"), entry) == 0;
}

/* `next_s`: to the end of a wait, or of the time that the attempt has; null where news ends the phase. */
static json_t *attempt_of(hf_time now, const hf_attempt *attempt)
{
    json_t *next = attempt->next == HF_NEVER ? json_null() : json_real((double)(attempt->next - now) / 1e6);

    return json_pack("{ss ss si sb so ss}", "phase", hf_attempt_phase_name(attempt->phase), "step",
                     hf_attempt_step_name(attempt->step), "failures", (int)attempt->failures, "relayOnly",
                     attempt->relay_only, "next_s", next, "cause",
                     attempt->cause == HF_OK ? "" : hf_err_name(attempt->cause));
}

json_t *cli_event_attempt(hf_time now, const hf_attempt *attempt)
{
    json_t *event = json_pack("{ss}", "type", "attempt"), *members = attempt_of(now, attempt);

    if (event && json_object_update(event, members) != 0) {
        json_decref(event);
        event = NULL;
    }
    json_decref(members);
    return event;
}

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

bool cli_event_stats_add_session(json_t *stats, hf_time now, const hf_session *session, const hf_attempt *attempt)
{
    static const char *const protocols[] = {
        [HF_PROTOCOL_UNKNOWN] = "unknown", [HF_PROTOCOL_PLAIN] = "plain", [HF_PROTOCOL_HOLDFAST] = "holdfast"};
    json_t *members =
        json_pack("{ss ss so so sI so}", "sessionState", hf_session_state_name(hf_session_get_state(session)), "protocol",
                  protocols[hf_session_get_protocol(session)], "session", text_or_null(hf_session_id(session)),
                  "remoteSession", text_or_null(hf_session_remote_id(session)), "generation",
                  (json_int_t)hf_session_generation(session), "attempt", attempt_of(now, attempt));
    bool added = members && json_object_update(stats, members) == 0;

    json_decref(members);
    return added;
}

char *cli_event_write(json_t *event, size_t *len)
{
    char *line = event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;

    json_decref(event);
    if (!line)
        return NULL;
    *len = strlen(line);
    line[(*len)++] = '\n'; /* where the NUL was: one write a line */
    return line;
}
