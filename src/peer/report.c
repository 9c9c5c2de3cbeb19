/* report.c: the objects of webrtc-stats, one at a time. */
#include "peer_priv.h"

#include "digest.h"

#include <holdfast/stats.h>

#include <inttypes.h>
#include <stdio.h>

#define PEER_ID "peer"
#define TRANSPORT_ID "transport"
#define LOCAL_CERTIFICATE_ID "certificate-local"
#define REMOTE_CERTIFICATE_ID "certificate-remote"

static const char *const type_names[HF_STATS_TYPE_COUNT] = {
    [HF_STATS_PEER_CONNECTION] = "peer-connection", [HF_STATS_TRANSPORT] = "transport",
    [HF_STATS_SCTP_TRANSPORT] = "sctp-transport",   [HF_STATS_LOCAL_CERTIFICATE] = "certificate",
    [HF_STATS_REMOTE_CERTIFICATE] = "certificate",  [HF_STATS_CANDIDATE_PAIR] = "candidate-pair",
    [HF_STATS_LOCAL_CANDIDATE] = "local-candidate", [HF_STATS_REMOTE_CANDIDATE] = "remote-candidate",
    [HF_STATS_DATA_CHANNEL] = "data-channel",
};

const char *hf_stats_type_name(hf_stats_type type)
{
    return (unsigned)type < HF_STATS_TYPE_COUNT ? type_names[type] : "";
}

/* --- Members --------------------------------------------------------------------------------------------------------- */

#define AT(kind, name, object, member)                                                                                      \
    {                                                                                                                       \
        name, HF_STATS_##kind, offsetof(hf_stats, u.object.member)                                                          \
    }

static const hf_stats_member peer_connection_members[] = {
    AT(NUMBER, "dataChannelsOpened", peer_connection, data_channels_opened),
    AT(NUMBER, "dataChannelsClosed", peer_connection, data_channels_closed),
};

static const hf_stats_member transport_members[] = {
    AT(NUMBER, "packetsSent", transport, packets_sent),
    AT(NUMBER, "packetsReceived", transport, packets_received),
    AT(NUMBER, "bytesSent", transport, bytes_sent),
    AT(NUMBER, "bytesReceived", transport, bytes_received),
    AT(TEXT, "iceRole", transport, ice_role),
    AT(TEXT, "iceLocalUsernameFragment", transport, ice_local_username_fragment),
    AT(TEXT, "iceState", transport, ice_state),
    AT(TEXT, "dtlsState", transport, dtls_state),
    AT(TEXT, "tlsVersion", transport, tls_version),
    AT(TEXT, "dtlsCipher", transport, dtls_cipher),
    AT(TEXT, "dtlsRole", transport, dtls_role),
    AT(CHARS, "selectedCandidatePairId", transport, selected_candidate_pair_id),
    AT(CHARS, "localCertificateId", transport, local_certificate_id),
    AT(CHARS, "remoteCertificateId", transport, remote_certificate_id),
    AT(NUMBER, "selectedCandidatePairChanges", transport, selected_candidate_pair_changes),
};

static const hf_stats_member sctp_transport_members[] = {
    AT(CHARS, "transportId", sctp_transport, transport_id),
    AT(TEXT, "state", sctp_transport, state),
    AT(SPAN, "smoothedRoundTripTime", sctp_transport, smoothed_round_trip_time),
    AT(NUMBER, "congestionWindow", sctp_transport, congestion_window),
    AT(NUMBER, "receiverWindow", sctp_transport, receiver_window),
    AT(NUMBER, "mtu", sctp_transport, mtu),
    AT(NUMBER, "unackData", sctp_transport, unack_data),
    AT(NUMBER, "retransmissions", sctp_transport, retransmissions),
};

static const hf_stats_member certificate_members[] = {
    AT(CHARS, "fingerprint", certificate, fingerprint),
    AT(TEXT, "fingerprintAlgorithm", certificate, fingerprint_algorithm),
    AT(BYTES, "base64Certificate", certificate, certificate),
};

static const hf_stats_member candidate_pair_members[] = {
    AT(CHARS, "transportId", candidate_pair, transport_id),
    AT(CHARS, "localCandidateId", candidate_pair, local_candidate_id),
    AT(CHARS, "remoteCandidateId", candidate_pair, remote_candidate_id),
    AT(TEXT, "state", candidate_pair, state),
    AT(BOOL, "nominated", candidate_pair, nominated),
    AT(NUMBER, "packetsSent", candidate_pair, packets_sent),
    AT(NUMBER, "packetsReceived", candidate_pair, packets_received),
    AT(NUMBER, "bytesSent", candidate_pair, bytes_sent),
    AT(NUMBER, "bytesReceived", candidate_pair, bytes_received),
    AT(TIME, "lastPacketSentTimestamp", candidate_pair, last_packet_sent_timestamp),
    AT(TIME, "lastPacketReceivedTimestamp", candidate_pair, last_packet_received_timestamp),
    AT(SPAN, "totalRoundTripTime", candidate_pair, total_round_trip_time),
    AT(SPAN, "currentRoundTripTime", candidate_pair, current_round_trip_time),
    AT(NUMBER, "requestsReceived", candidate_pair, requests_received),
    AT(NUMBER, "requestsSent", candidate_pair, requests_sent),
    AT(NUMBER, "responsesReceived", candidate_pair, responses_received),
    AT(NUMBER, "responsesSent", candidate_pair, responses_sent),
    AT(NUMBER, "consentRequestsSent", candidate_pair, consent_requests_sent),
};

static const hf_stats_member candidate_members[] = {
    AT(CHARS, "transportId", candidate, transport_id),
    AT(CHARS, "address", candidate, address),
    AT(NUMBER, "port", candidate, port),
    AT(TEXT, "protocol", candidate, protocol),
    AT(TEXT, "candidateType", candidate, candidate_type),
    AT(NUMBER, "priority", candidate, priority),
    AT(CHARS, "foundation", candidate, foundation),
    AT(CHARS, "relatedAddress", candidate, related_address),
    AT(NUMBER, "relatedPort", candidate, related_port),
    AT(CHARS, "usernameFragment", candidate, username_fragment),
    AT(TEXT, "tcpType", candidate, tcp_type),
    AT(TEXT, "url", candidate, url),
    AT(TEXT, "relayProtocol", candidate, relay_protocol),
};

static const hf_stats_member data_channel_members[] = {
    AT(TEXT, "label", data_channel, label),
    AT(TEXT, "protocol", data_channel, protocol),
    AT(NUMBER, "dataChannelIdentifier", data_channel, data_channel_identifier),
    AT(TEXT, "state", data_channel, state),
    AT(NUMBER, "messagesSent", data_channel, messages_sent),
    AT(NUMBER, "bytesSent", data_channel, bytes_sent),
    AT(NUMBER, "messagesReceived", data_channel, messages_received),
    AT(NUMBER, "bytesReceived", data_channel, bytes_received),
};

#define TABLE(members)                                                                                                      \
    {                                                                                                                       \
        members, sizeof(members) / sizeof *(members)                                                                        \
    }

const hf_stats_member *hf_stats_members(hf_stats_type type, size_t *n)
{
    static const struct {
        const hf_stats_member *members;
        size_t len;
    } tables[HF_STATS_TYPE_COUNT] = {
        [HF_STATS_PEER_CONNECTION] = TABLE(peer_connection_members),
        [HF_STATS_TRANSPORT] = TABLE(transport_members),
        [HF_STATS_SCTP_TRANSPORT] = TABLE(sctp_transport_members),
        [HF_STATS_LOCAL_CERTIFICATE] = TABLE(certificate_members),
        [HF_STATS_REMOTE_CERTIFICATE] = TABLE(certificate_members),
        [HF_STATS_CANDIDATE_PAIR] = TABLE(candidate_pair_members),
        [HF_STATS_LOCAL_CANDIDATE] = TABLE(candidate_members),
        [HF_STATS_REMOTE_CANDIDATE] = TABLE(candidate_members),
        [HF_STATS_DATA_CHANNEL] = TABLE(data_channel_members),
    };
    bool exists = (unsigned)type < HF_STATS_TYPE_COUNT;
    *n = exists ? tables[type].len : 0;
    return exists ? tables[type].members : NULL;
}

/* --- Values ---------------------------------------------------------------------------------------------------------- */

static void write_id(char out[HF_STATS_ID_SIZE], const char *kind, uint32_t number)
{
    snprintf(out, HF_STATS_ID_SIZE, "%s-%" PRIu32, kind, number);
}

static void write_text(char out[HF_STATS_ID_SIZE], const char *text)
{
    snprintf(out, HF_STATS_ID_SIZE, "%s", text);
}

/* Of what has never happened. */
static int64_t absent_if_zero(int64_t value)
{
    return value == 0 ? HF_STATS_ABSENT : value;
}

/* --- Objects --------------------------------------------------------------------------------------------------------- */

/* Each fills in number `index` of its kind; false: there are not so many. */
typedef bool filler(const hf_peer *peer, size_t index, hf_stats *out);

static bool fill_peer_connection(const hf_peer *peer, size_t index, hf_stats *out)
{
    hf_sctp_stats sctp;
    hf_sctp_get_stats(peer->sctp, &sctp);
    write_text(out->id, PEER_ID);
    out->u.peer_connection = (hf_peer_connection_stats){.data_channels_opened = (int64_t)sctp.channels_opened,
                                                        .data_channels_closed = (int64_t)sctp.channels_closed};
    return index == 0;
}

static void write_selected(const hf_peer *peer, char out[HF_STATS_ID_SIZE])
{
    hf_ice_pair_info pair;
    for (size_t i = 0; hf_ice_get_pair(peer->ice, i, &pair); i++) {
        if (pair.selected)
            write_id(out, "pair", pair.number);
    }
}

static bool fill_transport(const hf_peer *peer, size_t index, hf_stats *out)
{
    hf_ice_stats ice;
    hf_transport_stats *t = &out->u.transport;
    hf_ice_get_stats(peer->ice, &ice);
    write_text(out->id, TRANSPORT_ID);
    *t = (hf_transport_stats){.packets_sent = (int64_t)ice.packets_sent,
                              .packets_received = (int64_t)ice.packets_received,
                              .bytes_sent = (int64_t)ice.bytes_sent,
                              .bytes_received = (int64_t)ice.bytes_received,
                              .ice_role = hf_ice_is_controlling(peer->ice) ? "controlling" : "controlled",
                              .ice_local_username_fragment = hf_ice_local_ufrag(peer->ice),
                              .ice_state = hf_ice_state_name(peer->ice_state),
                              .dtls_state = peer->dtls ? hf_dtls_state_name(peer->dtls) : "new",
                              .tls_version = peer->dtls ? hf_dtls_version(peer->dtls) : "",
                              .dtls_cipher = peer->dtls ? hf_dtls_cipher(peer->dtls) : "",
                              .dtls_role = !peer->dtls                                    ? "unknown"
                                           : peer->negotiated.dtls_role == HF_DTLS_CLIENT ? "client"
                                                                                          : "server",
                              .selected_candidate_pair_changes = (int64_t)ice.selected_changes};
    write_selected(peer, t->selected_candidate_pair_id);
    write_text(t->local_certificate_id, LOCAL_CERTIFICATE_ID);
    if (hf_peer_remote_certificate(peer).len > 0)
        write_text(t->remote_certificate_id, REMOTE_CERTIFICATE_ID);
    return index == 0;
}

static bool fill_sctp_transport(const hf_peer *peer, size_t index, hf_stats *out)
{
    hf_sctp_facts facts;
    hf_sctp_transport_stats *s = &out->u.sctp_transport;
    hf_sctp_get_facts(peer->sctp, &facts);
    write_text(out->id, "sctp");
    *s = (hf_sctp_transport_stats){.state = hf_sctp_state_name(peer->sctp),
                                   .smoothed_round_trip_time = absent_if_zero(facts.srtt),
                                   .congestion_window = absent_if_zero(facts.congestion_window),
                                   .receiver_window = facts.congestion_window ? facts.receiver_window : HF_STATS_ABSENT,
                                   .mtu = absent_if_zero(facts.mtu),
                                   .unack_data = facts.congestion_window ? facts.unacked_chunks : HF_STATS_ABSENT,
                                   .retransmissions = (int64_t)facts.retransmissions};
    write_text(s->transport_id, TRANSPORT_ID);
    return index == 0;
}

static void write_fingerprint(hf_certificate_stats *out, const hf_fingerprint *fingerprint)
{
    size_t len = hf_hash_size(fingerprint->hash);
    for (size_t i = 0; i < len; i++)
        snprintf(out->fingerprint + 3 * i, 4, i + 1 < len ? "%02X:" : "%02X", fingerprint->digest[i]);
    out->fingerprint_algorithm = hf_hash_name(fingerprint->hash);
}

static bool fill_local_certificate(const hf_peer *peer, size_t index, hf_stats *out)
{
    hf_fingerprint fingerprint;
    out->u.certificate = (hf_certificate_stats){.fingerprint_algorithm = ""};
    write_text(out->id, LOCAL_CERTIFICATE_ID);
    if (index > 0 || hf_certificate_fingerprint(peer->certificate, HF_SHA256, &fingerprint) != HF_OK)
        return false;
    write_fingerprint(&out->u.certificate, &fingerprint);
    return true;
}

static bool fill_remote_certificate(const hf_peer *peer, size_t index, hf_stats *out)
{
    hf_fingerprint fingerprint = {.hash = HF_SHA256};
    out->u.certificate = (hf_certificate_stats){.certificate = hf_peer_remote_certificate(peer)};
    write_text(out->id, REMOTE_CERTIFICATE_ID);
    if (index > 0 || out->u.certificate.certificate.len == 0)
        return false;
    hf_sha256(out->u.certificate.certificate, fingerprint.digest);
    write_fingerprint(&out->u.certificate, &fingerprint);
    return true;
}

static bool fill_candidate_pair(const hf_peer *peer, size_t index, hf_stats *out)
{
    hf_ice_pair_info pair;
    hf_candidate_pair_stats *p = &out->u.candidate_pair;
    if (!hf_ice_get_pair(peer->ice, index, &pair))
        return false;
    *p = (hf_candidate_pair_stats){.state = hf_ice_pair_state_name(pair.state),
                                   .nominated = pair.nominated,
                                   .packets_sent = (int64_t)pair.packets_sent,
                                   .packets_received = (int64_t)pair.packets_received,
                                   .bytes_sent = (int64_t)pair.bytes_sent,
                                   .bytes_received = (int64_t)pair.bytes_received,
                                   .last_packet_sent_timestamp = pair.packets_sent ? pair.sent_at : HF_STATS_ABSENT,
                                   .last_packet_received_timestamp =
                                       pair.packets_received ? pair.received_at : HF_STATS_ABSENT,
                                   .total_round_trip_time = pair.rtt_total,
                                   .current_round_trip_time = absent_if_zero(pair.rtt),
                                   .requests_received = (int64_t)pair.requests_received,
                                   .requests_sent = (int64_t)pair.requests_sent,
                                   .responses_received = (int64_t)pair.responses_received,
                                   .responses_sent = (int64_t)pair.responses_sent,
                                   .consent_requests_sent = (int64_t)pair.consent_requests_sent};
    write_id(out->id, "pair", pair.number);
    write_text(p->transport_id, TRANSPORT_ID);
    write_id(p->local_candidate_id, "candidate", pair.local_number);
    write_id(p->remote_candidate_id, "candidate", pair.remote_number);
    return true;
}

/* An unknown address leaves room for none. */
static void write_addr(char out[HF_ADDR_TEXT_SIZE], int64_t *port, const hf_addr *addr)
{
    hf_addr_write_ip(addr, out);
    *port = addr->family == HF_FAMILY_NONE ? HF_STATS_ABSENT : addr->port;
}

static bool fill_candidate(const hf_peer *peer, bool is_remote, size_t index, hf_stats *out)
{
    hf_ice_candidate_info info;
    hf_candidate_stats *c = &out->u.candidate;
    if (!hf_ice_get_candidate(peer->ice, is_remote, index, &info))
        return false;
    const hf_ice_candidate *candidate = &info.candidate;
    *c = (hf_candidate_stats){.protocol = candidate->tcp_type == HF_ICE_TCP_NONE ? "udp" : "tcp",
                              .candidate_type = hf_ice_candidate_type_name(candidate->type),
                              .priority = candidate->priority,
                              .tcp_type = hf_ice_tcp_type_name(candidate->tcp_type),
                              .url = info.url,
                              .relay_protocol = info.relay_protocol};
    write_id(out->id, "candidate", info.number);
    write_text(c->transport_id, TRANSPORT_ID);
    write_addr(c->address, &c->port, &candidate->addr);
    write_addr(c->related_address, &c->related_port, &candidate->related);
    snprintf(c->foundation, sizeof c->foundation, "%s", candidate->foundation);
    snprintf(c->username_fragment, sizeof c->username_fragment, "%s", candidate->ufrag);
    return true;
}

static bool fill_local_candidate(const hf_peer *peer, size_t index, hf_stats *out)
{
    return fill_candidate(peer, false, index, out);
}

static bool fill_remote_candidate(const hf_peer *peer, size_t index, hf_stats *out)
{
    return fill_candidate(peer, true, index, out);
}

static bool fill_data_channel(const hf_peer *peer, size_t index, hf_stats *out)
{
    hf_datachannel_info info;
    hf_datachannel channel = hf_sctp_channel_at(peer->sctp, index);
    if (hf_sctp_channel_info(peer->sctp, channel, &info) != HF_OK)
        return false;
    write_id(out->id, "channel", channel);
    out->u.data_channel = (hf_data_channel_stats){.label = info.label,
                                                  .protocol = info.protocol,
                                                  .data_channel_identifier = info.has_id ? info.id : HF_STATS_ABSENT,
                                                  .state = hf_datachannel_state_name(info.state),
                                                  .messages_sent = (int64_t)info.messages_sent,
                                                  .bytes_sent = (int64_t)info.bytes_sent,
                                                  .messages_received = (int64_t)info.messages_received,
                                                  .bytes_received = (int64_t)info.bytes_received};
    return true;
}

bool hf_peer_next_stats(const hf_peer *peer, hf_stats_cursor *at, hf_stats *out)
{
    static filler *const fillers[HF_STATS_TYPE_COUNT] = {
        [HF_STATS_PEER_CONNECTION] = fill_peer_connection,
        [HF_STATS_TRANSPORT] = fill_transport,
        [HF_STATS_SCTP_TRANSPORT] = fill_sctp_transport,
        [HF_STATS_LOCAL_CERTIFICATE] = fill_local_certificate,
        [HF_STATS_REMOTE_CERTIFICATE] = fill_remote_certificate,
        [HF_STATS_CANDIDATE_PAIR] = fill_candidate_pair,
        [HF_STATS_LOCAL_CANDIDATE] = fill_local_candidate,
        [HF_STATS_REMOTE_CANDIDATE] = fill_remote_candidate,
        [HF_STATS_DATA_CHANNEL] = fill_data_channel,
    };
    if (!peer || !at || !out)
        return false;
    for (; at->type < HF_STATS_TYPE_COUNT; at->type++, at->index = 0) {
        *out = (hf_stats){.type = at->type};
        if (fillers[at->type](peer, at->index, out)) {
            at->index++;
            return true;
        }
    }
    return false;
}
