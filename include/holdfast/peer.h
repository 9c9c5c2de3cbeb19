/* peer.h: one WebRTC connection that carries data channels: an RTCPeerConnection in C (W3C WebRTC 1.0, JSEP RFC 9429).
 *
 * A peer composes ICE, DTLS and SCTP. It does no I/O: io.h tells how it is driven; hf_loop_add_peer of loop.h drives one on
 * the runtime's loop. One thread at a time, the engine's. News from outside never fails a call; a call of the application
 * that makes no sense in the present state returns HF_ESTATE and changes nothing; after hf_peer_close: HF_ECLOSED.
 *
 * The way of a connection:
 *   offerer:  hf_peer_open_channel …, hf_peer_create_offer, hf_peer_set_local_description, give the text to the remote;
 *             hf_peer_set_remote_description with its answer.
 *   answerer: hf_peer_set_remote_description with the offer, hf_peer_create_answer, hf_peer_set_local_description.
 *   both:     hand each HF_PEER_CANDIDATE event to the remote, and what comes from it to hf_peer_add_ice_candidate. */
#ifndef HOLDFAST_PEER_H
#define HOLDFAST_PEER_H

#include <holdfast/certificate.h>
#include <holdfast/datachannel.h>
#include <holdfast/engine.h>
#include <holdfast/ice.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_peer hf_peer;

/* Datagrams that came before the remote's description, kept until it is here. Further ones are counted and dropped: DTLS
 * repeats them. */
#define HF_PEER_EARLY_BYTES_MAX 32768

#define HF_PEER_ATTRIBUTE_MAX 128

/* Zeroes, with an engine, are the default. Strings and arrays are copied. */
typedef struct hf_peer_config {
    hf_engine *engine;                 /* required; must outlive the peer */
    const hf_certificate *certificate; /* must outlive the peer; NULL: one is made for this peer (some milliseconds) */
    const hf_ice_server *servers;      /* STUN and TURN servers */
    size_t servers_len;
    const hf_trust *trust; /* who may vouch for turns: servers (loop.h: hf_trust_system); must outlive the peer;
                                          NULL: nobody, and they fail with HF_ECERTIFICATE */
    hf_ice_relay relay;    /* see hf_ice_config */
    hf_span head_start;
    size_t mtu;         /* the largest UDP payload sent; 0: HF_MTU_DEFAULT; 576 to HF_DATAGRAM_MAX */
    size_t message_max; /* the longest message taken, told to the remote; 0: HF_MESSAGE_MAX_DEFAULT; HF_MESSAGE_MAX_LEAST to
                           HF_MESSAGE_MAX_LIMIT */
    hf_span patience;   /* see hf_ice_config */
    bool keeps_looking; /* see hf_ice_config */
    hf_ice_mdns mdns;
    hf_ice_tcp tcp;
    bool no_udp;           /* see hf_ice_config */
    unsigned fingerprints; /* hashes to show in descriptions, all at once: bits 1u << HF_SHA256 …; 0: SHA-256 alone */
    const char
        *attribute; /* a session-level line of our descriptions, without "a=", such as "name:value"; copied; NULL: none.
                              HF_EINVAL: more than HF_PEER_ATTRIBUTE_MAX bytes, not a name and value of RFC 8866 §9 */
} hf_peer_config;

/* HF_EINVAL: no engine, no randomness, a number out of its range, a server URI that is none. HF_ENOTSUP: a kind of
 * server that is not supported. HF_ELIMIT: too many servers. HF_ECLOSED: the engine was freed. HF_ENOMEM.
 * HF_ECERTIFICATE. */
HF_CHECKED hf_err hf_peer_new(hf_peer **out, const hf_peer_config *config, const hf_env *env);

/* Frees the peer; sends nothing (hf_peer_close does). NULL is fine. */
void hf_peer_free(hf_peer *peer);

/* The session id of our descriptions (RFC 8866 §5.2), which is the "group_id" of this peer's events in the log, too. */
uint64_t hf_peer_id(const hf_peer *peer);

/* --- States (W3C WebRTC 1.0 §4.3) --------------------------------------------------------------------------------- */

typedef enum hf_signaling_state {
    HF_SIGNALING_STABLE = 0,
    HF_SIGNALING_HAVE_LOCAL_OFFER,
    HF_SIGNALING_HAVE_REMOTE_OFFER,
    HF_SIGNALING_HAVE_LOCAL_PRANSWER,
    HF_SIGNALING_HAVE_REMOTE_PRANSWER,
    HF_SIGNALING_CLOSED,
    HF_SIGNALING_STATE_COUNT
} hf_signaling_state;

typedef enum hf_connection_state {
    HF_CONNECTION_NEW = 0,
    HF_CONNECTION_CONNECTING,
    HF_CONNECTION_CONNECTED,
    HF_CONNECTION_DISCONNECTED,
    HF_CONNECTION_FAILED,
    HF_CONNECTION_CLOSED
} hf_connection_state;

hf_signaling_state hf_peer_signaling_state(const hf_peer *peer);
hf_connection_state hf_peer_connection_state(const hf_peer *peer);
hf_ice_state hf_peer_ice_connection_state(const hf_peer *peer);
hf_ice_gathering hf_peer_ice_gathering_state(const hf_peer *peer);

/* The W3C's words: "have-local-offer", "connected". Static. */
const char *hf_signaling_state_name(hf_signaling_state state);
const char *hf_connection_state_name(hf_connection_state state);

/* --- Descriptions (RFC 9429 §4.1) --------------------------------------------------------------------------------- */

typedef enum hf_sdp_type {
    HF_SDP_OFFER = 1,
    HF_SDP_PRANSWER, /* a provisional answer: the connection begins, and the answer must fit to it */
    HF_SDP_ANSWER,
    HF_SDP_ROLLBACK /* no description: takes back an offer that was not answered, of either side */
} hf_sdp_type;

/* "offer", "pranswer", "answer" or "rollback". */
const char *hf_sdp_type_name(hf_sdp_type type);

/* Makes a description. *sdp is NUL-terminated and valid until the next call on `peer`. HF_ESTATE: an answer without a remote
 * offer, an offer while one is open. HF_ENOMEM. */
HF_CHECKED hf_err hf_peer_create_offer(hf_peer *peer, hf_time now, const char **sdp);
HF_CHECKED hf_err hf_peer_create_answer(hf_peer *peer, hf_time now, const char **sdp);

/* Applies our own description; the first time, and with a restart, gathering begins. `sdp` is what create_… gave, unchanged
 * (HF_EINVAL), or NULL for just that, made now if it was not; for a rollback it is not looked at. HF_ESTATE: not the moment
 * for this type (W3C WebRTC 1.0 §4.3.1 has the table). */
HF_CHECKED hf_err hf_peer_set_local_description(hf_peer *peer, hf_time now, hf_sdp_type type, const char *sdp);

/* Applies the remote's description, candidates in it included. An offer takes back one of ours that waits for its answer
 * (W3C: implicit rollback); what a polite side does in a glare is just this. A later offer may change the sections, restart
 * ICE (new ice-ufrag and ice-pwd) or reject our section: then HF_PEER_REMOTE_CLOSED follows. HF_ESYNTAX, HF_ELIMIT: can't be
 * parsed, or lacks what a data-channel session needs; hf_peer_error_text tells line and reason. HF_EPROTO: it breaks the
 * rules of offer and answer. HF_ESTATE: not the moment for this type. HF_ENOTSUP: it asks for what is not supported (a new
 * DTLS or SCTP association). HF_ENOMEM. On every error nothing has changed. */
HF_CHECKED hf_err hf_peer_set_remote_description(hf_peer *peer, hf_time now, hf_sdp_type type, const char *sdp);

/* What made the last description or candidate fail, such as "line 7: fingerprint has an odd number of hex digits"; ""
 * when the last one did not. Valid until the next call on `peer`. */
const char *hf_peer_error_text(const hf_peer *peer);

/* Our description as it stands, pending or else current, with the candidates found so far: what to signal without trickling,
 * once gathering is complete. *sdp as in create_offer; `type` may be NULL. HF_ESTATE: none has been set. */
HF_CHECKED hf_err hf_peer_local_description(hf_peer *peer, hf_sdp_type *type, const char **sdp);

/* The descriptions by their W3C names: current is what the last answer made so, pending what was set since. */
typedef enum hf_peer_description {
    HF_CURRENT_LOCAL_DESCRIPTION = 0,
    HF_PENDING_LOCAL_DESCRIPTION,
    HF_CURRENT_REMOTE_DESCRIPTION, /* as it was given, without candidates that came later */
    HF_PENDING_REMOTE_DESCRIPTION
} hf_peer_description;

/* As hf_peer_local_description. HF_ESTATE: there is none. */
HF_CHECKED hf_err hf_peer_get_description(hf_peer *peer, hf_peer_description which, hf_sdp_type *type, const char **sdp);

/* The value of session-level attribute `name` in a description, as hf_peer_config.attribute puts one there: looks at the
 * text alone, whose other lines may be wrong. False: it is not there, or more than once, or longer than `cap` - 1. */
bool hf_sdp_session_attribute(const char *sdp, const char *name, char *out, size_t cap);

/* As hf_ice_set_credentials: the answer to HF_PEER_CREDENTIALS_NEEDED. */
HF_CHECKED hf_err hf_peer_set_credentials(hf_peer *peer, hf_time now, const char *uri, const char *username,
                                          const char *password);

/* Asks for an ICE restart (W3C restartIce): HF_PEER_NEGOTIATION_NEEDED follows, and the next offer has new credentials. The
 * connection goes on meanwhile. HF_ESTATE: there is nothing to restart, as no description of ours has been set. */
HF_CHECKED hf_err hf_peer_restart_ice(hf_peer *peer, hf_time now);

/* Which relayed candidates are used from the next restart on (hf_peer_config.relay at first). HF_EINVAL. */
HF_CHECKED hf_err hf_peer_set_relay(hf_peer *peer, hf_ice_relay relay);

/* As hf_ice_watch_servers: HF_PEER_SERVER_ANSWERS tells of each that answers again. */
void hf_peer_watch_servers(hf_peer *peer, hf_time now, bool on);

/* Adds a candidate of the remote (RFC 9429 §4.1.19): `candidate` is "candidate:…"; "" or NULL says that no more will
 * come. `mid` and `ufrag` may be NULL: then it belongs to the last description. One that belongs to a rejected section is
 * ignored; one whose `ufrag` no description has had yet is kept until one has (the last HF_ICE_REMOTE_CANDIDATES_MAX of
 * those): HF_OK. HF_ESYNTAX, HF_EINVAL, HF_ELIMIT, and HF_ENOTSUP for what we cannot use: the connection goes on without
 * it. */
HF_CHECKED hf_err hf_peer_add_ice_candidate(hf_peer *peer, hf_time now, const char *candidate, const char *mid,
                                            const char *ufrag);

/* Ends the connection at once: data channels are dropped, the remote is told by an SCTP ABORT and a DTLS close_notify, which
 * poll_transmit still gives out; behind them, allocations on TURN servers are given back. Whoever goes on driving the peer
 * for a second has that repeated where it was lost; otherwise they run out there. Closing twice is fine. */
void hf_peer_close(hf_peer *peer, hf_time now);

/* --- Data channels (datachannel.h; W3C WebRTC 1.0 §6) ------------------------------------------------------------- */

/* Opens a channel, at any time before close. HF_EINVAL (not UTF-8, too long, a reliability that is none), HF_ELIMIT (a
 * negotiated id of HF_STREAMS_MAX or above, or no id left), HF_EEXIST (the negotiated id is in use), HF_ENOMEM. */
HF_CHECKED hf_err hf_peer_open_channel(hf_peer *peer, hf_time now, const hf_datachannel_config *config, hf_datachannel *out);

/* Queues a message, copying it; while the channel opens it waits. HF_EAGAIN: no room, HF_PEER_CHANNEL_WRITABLE follows.
 * HF_EMSGSIZE: longer than the remote takes or than the channel's buffer holds. HF_EINVAL: text that is not UTF-8.
 * HF_ESTATE: closing. HF_ENOENT. */
HF_CHECKED hf_err hf_peer_send(hf_peer *peer, hf_time now, hf_datachannel channel, hf_message_kind kind, const void *data,
                               size_t len);

/* Closes a channel: what was accepted is delivered first, then both directions end and HF_PEER_CHANNEL_CLOSED follows.
 * HF_ENOENT. */
HF_CHECKED hf_err hf_peer_close_channel(hf_peer *peer, hf_time now, hf_datachannel channel);

/* Sets the number of queued bytes at which HF_PEER_CHANNEL_LOW is told (W3C bufferedAmountLowThreshold). HF_ENOENT. */
HF_CHECKED hf_err hf_peer_set_buffered_low(hf_peer *peer, hf_datachannel channel, size_t bytes);

/* From the next message on, hands each over in parts as it arrives (see HF_PEER_CHANNEL_MESSAGE), so that no buffer for
 * all of it is needed: a message of HF_MESSAGE_MAX_LIMIT bytes takes no more memory than the receive window. Call it when
 * the channel opens. Short messages still come whole. HF_ENOENT. */
HF_CHECKED hf_err hf_peer_receive_in_parts(hf_peer *peer, hf_datachannel channel, bool in_parts);

/* HF_ENOENT: no such channel, or it is forgotten. */
HF_CHECKED hf_err hf_peer_channel_info(const hf_peer *peer, hf_datachannel channel, hf_datachannel_info *out);

/* --- Events ------------------------------------------------------------------------------------------------------- */

typedef enum hf_peer_event_type {
    HF_PEER_SIGNALING_CHANGED = 1,
    HF_PEER_ICE_CONNECTION_CHANGED,
    HF_PEER_ICE_GATHERING_CHANGED,
    HF_PEER_CONNECTION_CHANGED,
    HF_PEER_CANDIDATE,          /* a local candidate for the remote; "" at the end of them */
    HF_PEER_ROUTE_CHANGED,      /* the selected candidate pair */
    HF_PEER_SERVER_FAILED,      /* a STUN or TURN server gave nothing; the connection goes on without it */
    HF_PEER_SERVER_ANSWERS,     /* one that did not answer before (hf_peer_watch_servers) */
    HF_PEER_CREDENTIALS_NEEDED, /* for the TURN server `server_uri`: hf_peer_set_credentials */
    HF_PEER_REMOTE_CLOSED,      /* the remote ended the connection: nothing more will come. Close and free the peer */
    HF_PEER_NEGOTIATION_NEEDED, /* make an offer (W3C "negotiationneeded"): told in HF_SIGNALING_STABLE, and once */
    HF_PEER_CHANNEL_OPEN,       /* usable now; for one that the remote opened, the first that is heard of it */
    HF_PEER_CHANNEL_MESSAGE,
    HF_PEER_CHANNEL_LOW,
    HF_PEER_CHANNEL_WRITABLE,
    HF_PEER_CHANNEL_CLOSING,
    HF_PEER_CHANNEL_CLOSED /* after this the handle is forgotten */
} hf_peer_event_type;

/* Pointers in an event stay valid until the next hf_peer_poll_event or call of the driver; calls of the application leave
 * them alone, hf_peer_free excepted. */
typedef struct hf_peer_event {
    hf_peer_event_type type;
    hf_err cause;    /* ICE_CONNECTION_, CONNECTION_CHANGED to failed or disconnected; SERVER_FAILED; REMOTE_CLOSED and
                     CHANNEL_CLOSED (HF_OK: in order) */
    const char *why; /* SERVER_FAILED by HF_ECERTIFICATE or HF_EDTLS: what is wrong, in static words; or NULL */
    hf_datachannel channel; /* CHANNEL_… */
    union {
        hf_signaling_state signaling;
        hf_ice_state ice;
        hf_ice_gathering gathering;
        hf_connection_state connection;
        struct {
            const char *text; /* "candidate:…" */
            const char *mid;
            const char *ufrag;
        } candidate;
        struct {
            hf_ice_route route;
        } route_changed;
        const char *server_uri;
        struct {
            hf_message_kind kind;
            const uint8_t *data;
            size_t len;
            bool first, last; /* both, unless the channel receives in parts: then a message is all from first to last */
            bool discarded;   /* with last, and no bytes: the sender gave up the rest; forget what came of it */
        } message;            /* text is as the remote sent it, UTF-8 or not; a part may end inside a character */
    } u;
} hf_peer_event;

/* Takes the oldest event; false: none is left. Take them all: a peer whose events wait stops receiving when its bounds
 * are reached. */
bool hf_peer_poll_event(hf_peer *peer, hf_peer_event *out);

/* --- Driving (io.h) ----------------------------------------------------------------------------------------------- */

void hf_peer_input(hf_peer *peer, hf_time now, hf_datagram *datagrams, size_t n);
bool hf_peer_poll_transmit(hf_peer *peer, hf_time now, hf_transmit *out);
bool hf_peer_poll_request(hf_peer *peer, hf_request *out);
void hf_peer_reply(hf_peer *peer, hf_time now, const hf_reply *reply);
hf_time hf_peer_deadline(const hf_peer *peer);
void hf_peer_tick(hf_peer *peer, hf_time now);

/* Gives a function that is called when a call of the application has left something to send or to tell, so that a
 * driver of many peers need not look at idle ones. It must only take note. NULL takes it back. */
void hf_peer_set_wake(hf_peer *peer, void (*wake)(void *context), void *context);

/* --- Who goes next ------------------------------------------------------------------------------------------------
 * For those who keep queues of their own above the connection, and give it no more than the path takes. */

/* What is known of the payload given by hf_peer_send, all channels together. Counters never decrease. */
typedef struct hf_peer_flow {
    uint64_t bytes_given;     /* accepted by hf_peer_send */
    uint64_t bytes_sent;      /* left for the first time */
    uint64_t bytes_delivered; /* at the remote's SCTP: acknowledged, also in a gap block (RFC 9260 §3.3.4), or given up */
    uint64_t chunks_lost;     /* found missing, and repeated */
    uint64_t rtt_samples;     /* how many round trips were measured; none of what was repeated (Karn) */
    hf_span rtt_last;         /* the last of them, the smallest of one acknowledgement; 0: none yet */
    size_t message_max;       /* the longest message that the remote takes */
    size_t packet_max;        /* payload that fits into one packet */
    bool is_up;               /* the association stands: something may be given */
} hf_peer_flow;

void hf_peer_get_flow(const hf_peer *peer, hf_peer_flow *out);

/* A message of so many bytes that is given now leaves now; it does not wait within SCTP, where nothing takes it back. */
bool hf_peer_leaves_at_once(const hf_peer *peer, size_t len);

/* Has SCTP's congestion window (RFC 9260 §7.2) be no smaller than that, until a loss or a timeout makes it smaller again.
 * Only for a caller who keeps to a window of his own that the path bears: docs/priorities.md. */
void hf_peer_raise_window(hf_peer *peer, hf_time now, size_t bytes);

/* Between these two, messages share packets (RFC 9260 §6.10): full ones leave, what is left of the last waits for the second
 * call, or for an acknowledgement. For a caller who has several to give at once. A call too many does nothing. */
void hf_peer_cork(hf_peer *peer, hf_time now);
void hf_peer_uncork(hf_peer *peer, hf_time now);

/* --- Statistics (W3C webrtc-stats) -------------------------------------------------------------------------------- */

typedef struct hf_peer_stats {
    /* RTCTransportStats */
    uint64_t packets_sent, packets_received; /* datagrams of every kind, and frames of streams */
    uint64_t bytes_sent, bytes_received;     /* their payload */
    const char *dtls_version;                /* "" until agreed; static */
    const char *dtls_cipher;
    bool dtls_client;
    bool has_route;
    hf_ice_route route;
    hf_span sctp_rtt; /* smoothed; 0: not known */
    /* Data channels, all together (RTCPeerConnectionStats and sums of RTCDataChannelStats) */
    uint64_t channels_opened, channels_closed;
    uint64_t messages_sent, messages_received;
    uint64_t sctp_retransmissions;
    hf_drops drops;
    uint64_t candidates_ignored;
    uint64_t streams_opened, streams_accepted, streams_failed; /* as in hf_ice_stats */
} hf_peer_stats;

void hf_peer_get_stats(const hf_peer *peer, hf_peer_stats *out);

/* Copies candidate pair number `index`; false: there are not so many. */
bool hf_peer_get_pair(const hf_peer *peer, size_t index, hf_ice_pair_info *out);

/* The remote's certificate in DER, once DTLS is connected; empty before. Valid until the peer is freed. */
hf_bytes hf_peer_remote_certificate(const hf_peer *peer);

#ifdef __cplusplus
}
#endif
#endif
