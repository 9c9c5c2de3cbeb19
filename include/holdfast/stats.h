/* stats.h: statistics of a peer in the W3C's terms (webrtc-stats): what RTCPeerConnection.getStats() gives, as structs.
 *
 *     hf_stats stats;
 *     for (hf_stats_cursor at = {0}; hf_peer_next_stats(peer, &at, &stats);)
 *         if (stats.type == HF_STATS_CANDIDATE_PAIR && stats.u.candidate_pair.nominated)
 *             …stats.u.candidate_pair.current_round_trip_time…
 *
 * Objects refer to each other by `id`. A member that the W3C would leave out of its dictionary, because it is not known
 * (yet), is HF_STATS_ABSENT where it is a number or a time, and "" where it is a text. Who writes them out need not know
 * them one by one: hf_stats_members gives the W3C's name, kind and place of each. */
#ifndef HOLDFAST_STATS_H
#define HOLDFAST_STATS_H

#include <holdfast/peer.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_STATS_ABSENT INT64_MAX
#define HF_STATS_ID_SIZE 24
#define HF_STATS_FINGERPRINT_SIZE (3 * HF_DIGEST_MAX)

/* The W3C's RTCStatsType beside each. Every number counts from the beginning, spans are microseconds (hf_span), moments are
 * those of the caller's clock (hf_time), lengths are bytes. */
typedef enum hf_stats_type {
    HF_STATS_PEER_CONNECTION = 0, /* "peer-connection" */
    HF_STATS_TRANSPORT,           /* "transport" */
    HF_STATS_SCTP_TRANSPORT,      /* "sctp-transport": in drafts of webrtc-stats, and of use */
    HF_STATS_LOCAL_CERTIFICATE,   /* "certificate" */
    HF_STATS_REMOTE_CERTIFICATE,  /* "certificate" */
    HF_STATS_CANDIDATE_PAIR,      /* "candidate-pair" */
    HF_STATS_LOCAL_CANDIDATE,     /* "local-candidate" */
    HF_STATS_REMOTE_CANDIDATE,    /* "remote-candidate" */
    HF_STATS_DATA_CHANNEL,        /* "data-channel" */
    HF_STATS_TYPE_COUNT
} hf_stats_type;

/* RTCPeerConnectionStats */
typedef struct hf_peer_connection_stats {
    int64_t data_channels_opened; /* dataChannelsOpened */
    int64_t data_channels_closed; /* dataChannelsClosed: of those that were open */
} hf_peer_connection_stats;

/* RTCTransportStats: one, for everything is bundled. Packets are UDP datagrams or frames of a stream, bytes their payload;
 * the handshake of DTLS is among them, checks are not. */
typedef struct hf_transport_stats {
    int64_t packets_sent, packets_received;            /* packetsSent, packetsReceived */
    int64_t bytes_sent, bytes_received;                /* bytesSent, bytesReceived */
    const char *ice_role;                              /* iceRole: "controlling", "controlled" */
    const char *ice_local_username_fragment;           /* iceLocalUsernameFragment; valid as long as hf_ice_local_ufrag */
    const char *ice_state;                             /* iceState */
    const char *dtls_state;                            /* dtlsState */
    const char *tls_version;                           /* tlsVersion: "FEFD" is DTLS 1.2 */
    const char *dtls_cipher;                           /* dtlsCipher: IANA's name */
    const char *dtls_role;                             /* dtlsRole: "client", "server", "unknown" */
    char selected_candidate_pair_id[HF_STATS_ID_SIZE]; /* selectedCandidatePairId */
    char local_certificate_id[HF_STATS_ID_SIZE];       /* localCertificateId */
    char remote_certificate_id[HF_STATS_ID_SIZE];      /* remoteCertificateId */
    int64_t selected_candidate_pair_changes;           /* selectedCandidatePairChanges */
} hf_transport_stats;

/* RTCSctpTransportStats, and two members of our own. Those of the association are absent unless it is up. */
typedef struct hf_sctp_transport_stats {
    char transport_id[HF_STATS_ID_SIZE]; /* transportId */
    const char *state;                   /* state (ours): RTCSctpTransportState */
    hf_span smoothed_round_trip_time;    /* smoothedRoundTripTime */
    int64_t congestion_window;           /* congestionWindow */
    int64_t receiver_window;             /* receiverWindow: the remote's */
    int64_t mtu;                         /* mtu: of SCTP packets */
    int64_t unack_data;                  /* unackData: DATA chunks under way */
    int64_t retransmissions;             /* retransmissions (ours): DATA chunks that left again */
} hf_sctp_transport_stats;

/* RTCCertificateStats */
typedef struct hf_certificate_stats {
    char fingerprint[HF_STATS_FINGERPRINT_SIZE]; /* fingerprint: as in a=fingerprint */
    const char *fingerprint_algorithm;           /* fingerprintAlgorithm */
    hf_bytes certificate;                        /* base64Certificate: the DER form; empty for our own */
} hf_certificate_stats;

/* RTCIceCandidatePairStats. Packets and bytes are those of data: no checks. */
typedef struct hf_candidate_pair_stats {
    char transport_id[HF_STATS_ID_SIZE];                    /* transportId */
    char local_candidate_id[HF_STATS_ID_SIZE];              /* localCandidateId */
    char remote_candidate_id[HF_STATS_ID_SIZE];             /* remoteCandidateId */
    const char *state;                                      /* state */
    bool nominated;                                         /* nominated */
    int64_t packets_sent, packets_received;                 /* packetsSent, packetsReceived */
    int64_t bytes_sent, bytes_received;                     /* bytesSent, bytesReceived */
    hf_time last_packet_sent_timestamp;                     /* lastPacketSentTimestamp */
    hf_time last_packet_received_timestamp;                 /* lastPacketReceivedTimestamp */
    hf_span total_round_trip_time, current_round_trip_time; /* totalRoundTripTime, currentRoundTripTime */
    int64_t requests_received, requests_sent;               /* requestsReceived, requestsSent */
    int64_t responses_received, responses_sent;             /* responsesReceived, responsesSent */
    int64_t consent_requests_sent;                          /* consentRequestsSent */
} hf_candidate_pair_stats;

/* RTCIceCandidateStats. One that bears a name, ours or the remote's, shows no address: that is what the name is for. */
typedef struct hf_candidate_stats {
    char transport_id[HF_STATS_ID_SIZE];          /* transportId */
    char address[HF_ADDR_TEXT_SIZE];              /* address */
    int64_t port;                                 /* port */
    const char *protocol;                         /* protocol: "udp", "tcp" */
    const char *candidate_type;                   /* candidateType */
    int64_t priority;                             /* priority */
    char foundation[33];                          /* foundation */
    char related_address[HF_ADDR_TEXT_SIZE];      /* relatedAddress */
    int64_t related_port;                         /* relatedPort */
    char username_fragment[HF_ICE_UFRAG_MAX + 1]; /* usernameFragment */
    const char *tcp_type;                         /* tcpType */
    const char *url;                              /* url: of the server that gave it; valid as long as the peer */
    const char *relay_protocol;                   /* relayProtocol: "udp", "tcp", "tls" */
} hf_candidate_stats;

/* RTCDataChannelStats. Strings as in hf_datachannel_info. */
typedef struct hf_data_channel_stats {
    const char *label, *protocol;              /* label, protocol */
    int64_t data_channel_identifier;           /* dataChannelIdentifier */
    const char *state;                         /* state */
    int64_t messages_sent, bytes_sent;         /* messagesSent, bytesSent */
    int64_t messages_received, bytes_received; /* messagesReceived, bytesReceived */
} hf_data_channel_stats;

/* One object of the report. */
typedef struct hf_stats {
    hf_stats_type type;
    char id[HF_STATS_ID_SIZE];
    union {
        hf_peer_connection_stats peer_connection;
        hf_transport_stats transport;
        hf_sctp_transport_stats sctp_transport;
        hf_certificate_stats certificate;
        hf_candidate_pair_stats candidate_pair;
        hf_candidate_stats candidate;
        hf_data_channel_stats data_channel;
    } u;
} hf_stats;

/* Where a walk through the objects has got to. Zeroes begin at the first. */
typedef struct hf_stats_cursor {
    hf_stats_type type;
    size_t index; /* among those of the type */
} hf_stats_cursor;

/* Fills in the next object; false: there is none left. They belong together as long as no other call on `peer` comes
 * between; until then, too, the texts that they point to are valid. */
bool hf_peer_next_stats(const hf_peer *peer, hf_stats_cursor *at, hf_stats *out);

/* "candidate-pair". Static; "" for a number that is none. */
const char *hf_stats_type_name(hf_stats_type type);

typedef enum hf_stats_kind {
    HF_STATS_TEXT = 1, /* const char *: "" and NULL are absent */
    HF_STATS_CHARS,    /* char []: "" is absent */
    HF_STATS_BOOL,     /* bool */
    HF_STATS_NUMBER,   /* int64_t */
    HF_STATS_SPAN,     /* hf_span; the W3C says it in seconds */
    HF_STATS_TIME,     /* hf_time; the W3C says it in milliseconds */
    HF_STATS_BYTES     /* hf_bytes, which the W3C shows in base64; empty is absent */
} hf_stats_kind;

typedef struct hf_stats_member {
    const char *name; /* the W3C's */
    hf_stats_kind kind;
    size_t offset; /* in hf_stats */
} hf_stats_member;

/* The members of a type, `*n` of them; NULL for a number that is none. Static. */
const hf_stats_member *hf_stats_members(hf_stats_type type, size_t *n);

#ifdef __cplusplus
}
#endif
#endif
