/* ice.h: Interactive Connectivity Establishment (RFC 8445), trickled (RFC 8838), with consent (RFC 7675).
 *
 * One hf_ice finds a path to one remote agent and keeps it. It opens no socket and reads no clock; io.h tells how it is
 * driven. Any function may be called in any order at any time: news from outside is ignored where it makes no sense, a
 * call of the application returns HF_ESTATE and changes nothing. One thread at a time.
 *
 * The way of a session:
 *   1. hf_ice_new; hf_ice_gather. Give the local credentials and candidates (events) to the remote, by whatever way.
 *   2. hf_ice_set_remote (its credentials); hf_ice_add_remote_candidate for each, as they come, before or after;
 *      hf_ice_end_of_remote_candidates when it says that there are no more.
 *   3. From the first valid pair on, hf_ice_route tells where to send. Data goes by the caller's own hand to that path;
 *      what arrives is handed to hf_ice_input, which keeps what is its own and leaves the rest. */
#ifndef HOLDFAST_ICE_H
#define HOLDFAST_ICE_H

#include <holdfast/drop.h>
#include <holdfast/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_ice hf_ice;

/* Limits, with their defaults. No remote can make an agent hold more. */
#define HF_ICE_SERVERS_MAX 16 /* STUN and TURN servers used */
#define HF_ICE_RELAYS_MAX 16  /* allocations on TURN servers; each from one local address */
#define HF_ICE_LOCAL_CANDIDATES_MAX 64
#define HF_ICE_REMOTE_CANDIDATES_MAX 100 /* further ones are counted and ignored */
#define HF_ICE_PAIRS_MAX 100             /* RFC 8445 §6.1.2.5; the ones of lowest priority go */
#define HF_ICE_UNPROVEN_CHECKS_MAX 64    /* to an IP address that never answers; twice that if checks come from it */
#define HF_ICE_TCP_CANDIDATES_MAX 16     /* local ones, active and passive together */
#define HF_ICE_TCP_PORTS_MAX 4           /* remote passive ones of one IP: nobody has us scan a third party's ports */
#define HF_ICE_STREAMS_MAX 32            /* TCP streams, those not open yet included */
#define HF_ICE_UFRAG_MAX 256             /* RFC 8839 §5.4 */
#define HF_ICE_PWD_MAX 256
#define HF_ICE_NAME_SIZE 43            /* a name that an agent has made up for an address, with the final NUL */
#define HF_ICE_CANDIDATE_TEXT_SIZE 512 /* a candidate as text, with the final NUL; longer ones are HF_ESYNTAX */

/* What becomes of host addresses (draft-ietf-mmusic-mdns-ice-candidates). */
typedef enum hf_ice_mdns {
    HF_ICE_MDNS_RESOLVE = 0, /* ours are shown; the remote's ".local" names are asked for by multicast DNS */
    HF_ICE_MDNS_HIDE,        /* besides, ours are shown as ".local" names only, which we answer for */
    HF_ICE_MDNS_OFF          /* the remote's are ignored; its checks reveal it all the same */
} hf_ice_mdns;

/* TCP candidates (RFC 6544). */
typedef enum hf_ice_tcp {
    HF_ICE_TCP_DEFAULT = 0, /* we connect to the remote's passive ones; nothing listens */
    HF_ICE_TCP_LISTEN,      /* besides, passive ones of ours: a listening socket on each address */
    HF_ICE_TCP_OFF
} hf_ice_tcp;

/* When relayed candidates are used (RFC 8656). They are gathered with the others, and told to the remote. */
typedef enum hf_ice_relay {
    HF_ICE_RELAY_DEFAULT =
        0,                /* they join when the direct paths have had their head start, or sooner where those are hopeless:
                                 two servers see different mappings of one socket, UDP gets no answer, no pair can form */
    HF_ICE_RELAY_AT_ONCE, /* without the head start; a direct path is preferred all the same */
    HF_ICE_RELAY_ONLY,    /* nothing else: no other address of ours is told to the remote, or seen by it */
    HF_ICE_RELAY_NEVER    /* no allocation is made */
} hf_ice_relay;

#define HF_ICE_HEAD_START HF_MS(300)

typedef struct hf_ice_server {
    const char *uri; /* "stun:host[:port]" (RFC 7064), "turn:host[:port][?transport=udp|tcp]", "turns:…" (RFC 7065) */
    const char *username, *password; /* TURN: long-term credentials (RFC 8489 §9.2). NULL: asked for by
                                        HF_ICE_CREDENTIALS_NEEDED when the server is about to be used */
} hf_ice_server;

/* A preset for applications: public STUN servers, none of which is ours. Never used unless named. */
#define HF_ICE_PUBLIC_STUN_LEN 4
extern const hf_ice_server hf_ice_public_stun[HF_ICE_PUBLIC_STUN_LEN];

/* Zero is always the default. Strings and arrays are copied. */
typedef struct hf_ice_config {
    bool controlling;             /* RFC 8445 §6.1.1; a conflict is settled by §7.3.1.1 */
    const hf_ice_server *servers; /* for server-reflexive and relayed candidates; all are asked, from every local address */
    size_t servers_len;
    hf_span pace;     /* Ta, between checks; 0: 50 ms (RFC 8445 §14.2). Not less than 5 ms */
    hf_span patience; /* how long to look for a first pair (RFC 8863); 0: 15 s, as Chromium does */
    hf_ice_mdns mdns;
    hf_ice_tcp tcp;
    bool no_udp; /* candidates over UDP are neither made nor taken: for a network that lets none pass; relayed ones whose
                    server is asked over TCP or TLS excepted */
    hf_ice_relay relay;
    hf_span head_start; /* of direct paths before relayed ones; 0: HF_ICE_HEAD_START */
    bool keeps_looking; /* HF_ICE_FAILED with HF_ENOPATH is not the end: pairs with hosts that have answered before are asked
                           each half second, others each second up to HF_ICE_UNPROVEN_CHECKS_MAX, and the remote's checks are
                           answered. One that works leads by CHECKING to CONNECTED, without a restart */
} hf_ice_config;

/* W3C RTCIceTransportState, and when it is entered. */
typedef enum hf_ice_state {
    HF_ICE_NEW = 0,
    HF_ICE_CHECKING,     /* the remote's credentials are known */
    HF_ICE_CONNECTED,    /* a pair is valid: data may flow. When the last one has gone with its address, a moment longer */
    HF_ICE_COMPLETED,    /* a pair is nominated, and nothing better can come */
    HF_ICE_DISCONNECTED, /* no pair answers; it may come back by itself, and this is the moment for hf_ice_restart */
    HF_ICE_FAILED,       /* no pair works, or consent expired (RFC 7675 §5.1): silent until a restart */
    HF_ICE_CLOSED,
    HF_ICE_STATE_COUNT
} hf_ice_state;

typedef enum hf_ice_gathering { HF_ICE_GATHERING_NEW = 0, HF_ICE_GATHERING, HF_ICE_GATHERING_COMPLETE } hf_ice_gathering;

/* The W3C's words: "checking", "complete". Static. */
const char *hf_ice_state_name(hf_ice_state state);
const char *hf_ice_gathering_name(hf_ice_gathering gathering);

typedef enum hf_ice_candidate_type {
    HF_ICE_HOST = 0,
    HF_ICE_SERVER_REFLEXIVE,
    HF_ICE_PEER_REFLEXIVE,
    HF_ICE_RELAYED
} hf_ice_candidate_type;

typedef enum hf_ice_tcp_type { HF_ICE_TCP_NONE = 0, HF_ICE_TCP_ACTIVE, HF_ICE_TCP_PASSIVE, HF_ICE_TCP_SO } hf_ice_tcp_type;

/* One candidate (RFC 8839 §5.1). */
typedef struct hf_ice_candidate {
    hf_ice_candidate_type type;
    hf_ice_tcp_type tcp_type; /* NONE: UDP */
    char foundation[33];      /* 1 to 32 ice-chars, NUL-terminated */
    uint16_t component;       /* 1 to 256 */
    uint32_t priority;
    hf_addr addr;                     /* family NONE when the candidate bears a name instead */
    char name[256];                   /* a host name such as an mDNS ".local" one, otherwise "" */
    hf_addr related;                  /* raddr/rport; family NONE: absent */
    char ufrag[HF_ICE_UFRAG_MAX + 1]; /* the "ufrag" extension; "": absent */
} hf_ice_candidate;

/* Parses "candidate:…", with or without "a=" before it (RFC 8839 §5.1, RFC 6544 §4.5). Unknown extensions are skipped.
 * HF_ESYNTAX: not a candidate; HF_ENOTSUP: a transport other than UDP and TCP, or an unknown type. May be called from
 * any thread. */
HF_CHECKED hf_err hf_ice_candidate_parse(const char *text, size_t len, hf_ice_candidate *out);

/* Writes "candidate:…" without "a=", NUL-terminated, and returns its length. May be called from any thread. */
size_t hf_ice_candidate_write(const hf_ice_candidate *candidate, char text[HF_ICE_CANDIDATE_TEXT_SIZE]);

/* "host", "srflx", "prflx" or "relay". */
const char *hf_ice_candidate_type_name(hf_ice_candidate_type type);

/* "active", "passive" or "so" (RFC 6544 §4.5; W3C RTCIceTcpCandidateType); "" for UDP. Static. */
const char *hf_ice_tcp_type_name(hf_ice_tcp_type type);

/* Makes an agent. It has credentials of its own from now on and answers authenticated checks, even before the remote's
 * credentials are known (RFC 8445 §7.3). HF_EINVAL: no env or randomness, a server URI that is not one; HF_ELIMIT: more
 * than HF_ICE_SERVERS_MAX; HF_ENOTSUP: a kind of server that is not supported. */
HF_CHECKED hf_err hf_ice_new(hf_ice **out, const hf_ice_config *config, const hf_env *env);

/* Frees the agent and all it holds; sends nothing. NULL is fine. */
void hf_ice_free(hf_ice *ice);

/* Our ice-ufrag and ice-pwd (RFC 8445 §5.3), of the newest generation. Valid until hf_ice_restart, hf_ice_cancel_restart or
 * hf_ice_free. */
const char *hf_ice_local_ufrag(const hf_ice *ice);
const char *hf_ice_local_pwd(const hf_ice *ice);

/* Starts gathering: asks for local addresses (HF_REQUEST_LOCALS), then for STUN servers' names, then the servers. Once for
 * each generation. HF_ESTATE: it has begun already. */
HF_CHECKED hf_err hf_ice_gather(hf_ice *ice, hf_time now);

/* Which relayed candidates the next generation uses: that of the next restart, or the first one, where gathering has not
 * begun. (hf_ice_config.relay at first.) HF_EINVAL. */
HF_CHECKED hf_err hf_ice_set_relay(hf_ice *ice, hf_ice_relay relay);

/* Asks those STUN and TURN servers that do not answer once more each second: HF_ICE_SERVER_ANSWERS tells of each one that
 * does. `on` false ends it, and so does an answer for the server that gave it. What it gives is a candidate like any
 * other. */
void hf_ice_watch_servers(hf_ice *ice, hf_time now, bool on);

/* Begins an ICE restart (RFC 8445 §9): a generation with new credentials, whose candidates come with the next hf_ice_gather.
 * The remote gets them by signalling and restarts, too; hf_ice_set_remote with its new credentials begins the checks.
 * Until a pair of the new generation is selected, data goes by the old ones, and what comes on them is taken; after that
 * too, for some seconds. COMPLETED becomes CONNECTED, DISCONNECTED and FAILED become CHECKING when the checks begin (W3C
 * WebRTC 1.0 §5.6.4). A restart that is under way and has no remote yet: HF_OK, nothing changes. HF_ESTATE: nothing was
 * gathered yet, or the agent is closed. HF_ENOMEM. */
HF_CHECKED hf_err hf_ice_restart(hf_ice *ice, hf_time now);

/* Takes a restart back, as long as no pair of it was selected: the old credentials hold again. HF_ESTATE: none is open. */
HF_CHECKED hf_err hf_ice_cancel_restart(hf_ice *ice, hf_time now);

/* Gives (new) credentials for a TURN server of the configuration, named by its URI as it was given there: the answer to
 * HF_ICE_CREDENTIALS_NEEDED, or ahead of the end of time-limited ones. Allocations that exist use them from their next
 * request on. Copied. HF_ENOENT: no such server. HF_EINVAL: longer than RFC 8489 §14.3 allows. HF_ENOMEM. */
HF_CHECKED hf_err hf_ice_set_credentials(hf_ice *ice, hf_time now, const char *uri, const char *username,
                                         const char *password);

/* Ends it at once, for good: allocations on TURN servers are given back (RFC 8656 §8), by what poll_transmit still gives out
 * and for a second at the most; until then, or hf_ice_free, the agent is to be driven. Nothing else is sent or taken.
 * Closing twice is fine. */
void hf_ice_close(hf_ice *ice, hf_time now);

/* Sets the role. Only before checks have begun: otherwise HF_ESTATE. */
HF_CHECKED hf_err hf_ice_set_controlling(hf_ice *ice, bool controlling);

/* What a description says of the remote agent. */
typedef struct hf_ice_remote_agent {
    const char *ufrag, *pwd; /* RFC 8839 §5.4 */
    bool lite;               /* a=ice-lite: we are controlling then (RFC 8445 §6.1.1) */
    bool renomination;       /* "renomination" in a=ice-options: a later nomination outdoes an earlier one */
} hf_ice_remote_agent;

/* Gives the remote's credentials; checks begin. HF_EINVAL: a length or character that RFC 8839 §5.4 forbids (ufrag 4 to 256,
 * pwd 22 to 256). The same values again are HF_OK and change nothing; others belong to a restart of the remote: HF_ESTATE
 * unless hf_ice_restart came before. */
HF_CHECKED hf_err hf_ice_set_remote(hf_ice *ice, hf_time now, const hf_ice_remote_agent *remote);

/* Adds a remote candidate, before or after hf_ice_set_remote. `ufrag` (may be NULL) is the generation that it belongs to:
 * one of another generation is ignored. HF_OK also for candidates that are of no use to us and for repeated ones.
 * HF_EINVAL: an address that nobody may be sent to (unspecified, multicast, port 0; over TCP, ports below 1024 other than
 * 80 and 443). HF_ENOTSUP: a name other than a
 * ".local" one that an agent makes up (no other is ever looked up), a kind that the configuration turned off, a component
 * other than 1, a TCP type other than active and passive. HF_ELIMIT: too many, altogether or of one address. */
HF_CHECKED hf_err hf_ice_add_remote_candidate(hf_ice *ice, hf_time now, const hf_ice_candidate *candidate,
                                              const char *ufrag);

/* The remote has no more candidates (RFC 8838 §13): if every pair has failed, so has the agent. */
void hf_ice_end_of_remote_candidates(hf_ice *ice, hf_time now);

/* Takes datagrams that arrived. Keeps and answers what is STUN; moves what belongs to the caller to the front of the
 * array, in order, and returns how many those are. Only datagrams whose path has been authenticated by a check are let
 * through; others are counted and dropped. */
size_t hf_ice_input(hf_ice *ice, hf_time now, hf_datagram *datagrams, size_t n);

/* Writes the next run of datagrams; false: nothing to send now. */
bool hf_ice_poll_transmit(hf_ice *ice, hf_time now, hf_transmit *out);

/* Takes the oldest request; false: none is left. */
bool hf_ice_poll_request(hf_ice *ice, hf_request *out);

/* Tells how a request went, or that the local addresses changed. */
void hf_ice_reply(hf_ice *ice, hf_time now, const hf_reply *reply);

/* The moment at which hf_ice_tick must be called; HF_NEVER: no need. */
hf_time hf_ice_deadline(const hf_ice *ice);
void hf_ice_tick(hf_ice *ice, hf_time now);

/* Gives a function that is called when a call of the application (not input, reply or tick) has left something to send or
 * to tell, so that a driver of many agents need not look at idle ones. It must only take note. NULL takes it back. */
void hf_ice_set_wake(hf_ice *ice, void (*wake)(void *context), void *context);

/* Where data goes now. */
typedef struct hf_ice_route {
    hf_path path;
    hf_span rtt;    /* the last round trip of a check on it; 0: not known */
    bool nominated; /* false: the best valid pair so far (RFC 8445 §12.1 allows sending on it) */
    hf_ice_candidate_type local_type, remote_type;
    char local_name[HF_ICE_NAME_SIZE]; /* the name that its candidate bears instead of the address in `path`; "": none */
    char remote_name[HF_ICE_NAME_SIZE];
    hf_addr local, remote; /* the addresses of the pair. Where our candidate is relayed, `path` leads to the relay's server
                              instead, and these are the relayed address and the remote's */
    hf_transport relay_transport; /* local_type RELAYED: between us and the server */
    bool relay_tls;
    hf_wrap wrap; /* what stands around each datagram on it (io.h) */
} hf_ice_route;

/* Tells where to send; false: there is no valid pair, or consent was lost: nothing may be sent. */
bool hf_ice_get_route(const hf_ice *ice, hf_ice_route *out);

/* Takes the next whole datagram that the bytes of a stream have brought together; false: none is left. To be called after
 * hf_ice_input was given bytes of an HF_TCP path, which it keeps and does not hand back: what this gives is data only, of
 * streams that a check has authenticated. It may be overwritten, and stays valid until the next hf_ice_input or hf_ice_tick.
 * What nobody fetches is kept up to a limit. */
bool hf_ice_poll_datagram(hf_ice *ice, hf_time now, hf_datagram *out);

typedef enum hf_ice_event_type {
    HF_ICE_STATE_CHANGED = 1,
    HF_ICE_GATHERING_CHANGED, /* COMPLETE comes behind the last candidate */
    HF_ICE_CANDIDATE_FOUND,   /* a local one, for the remote */
    HF_ICE_ROUTE_CHANGED,     /* hf_ice_get_route has a new answer; a path without addresses: there is no route now */
    HF_ICE_SERVER_FAILED,     /* a STUN or TURN server gave nothing, or its allocation is lost: told, and the rest goes on */
    HF_ICE_SERVER_ANSWERS,    /* one that did not, and is watched (hf_ice_watch_servers) */
    HF_ICE_CREDENTIALS_NEEDED /* hf_ice_set_credentials is to be called; nothing else waits for it. Also when a TURN server
                                 refuses those that it had, for they may have been time-limited; once for each given */
} hf_ice_event_type;

typedef struct hf_ice_event {
    hf_ice_event_type type;
    union {
        struct {
            hf_ice_state state;
            hf_err cause; /* FAILED: HF_ENOPATH, HF_ECONSENT; DISCONNECTED: HF_ETIMEDOUT */
        } state_changed;
        struct {
            hf_ice_gathering gathering;
        } gathering_changed;
        struct {
            hf_ice_candidate candidate;
        } candidate_found;
        struct {
            hf_ice_route route;
        } route_changed;
        struct {
            const char *uri; /* valid until the agent is freed */
            hf_err cause; /* HF_ERESOLVE, HF_ETIMEDOUT, HF_EPROTO, HF_EUNREACHABLE; TURN: HF_EAUTH, HF_EQUOTA, HF_EREFUSED,
                                HF_ECERTIFICATE, HF_EDTLS */
            const char *why; /* HF_ECERTIFICATE, HF_EDTLS: what is wrong, in static words; otherwise NULL */
        } server_failed;
        struct {
            const char *uri; /* as above */
        } server_answers;
        struct {
            const char *uri; /* as above */
        } credentials_needed;
    } u;
} hf_ice_event;

/* Takes the oldest event into `out`. False: none is left. */
bool hf_ice_poll_event(hf_ice *ice, hf_ice_event *out);

hf_ice_state hf_ice_get_state(const hf_ice *ice);
hf_ice_gathering hf_ice_get_gathering(const hf_ice *ice);

/* Copies local candidate number `index` (0 is the first found) of the newest generation; false: there are not so many. */
bool hf_ice_local_candidate(const hf_ice *ice, size_t index, hf_ice_candidate *out);

/* What became of a pair (RFC 8445 §6.1.2.6; W3C RTCStatsIceCandidatePairState). */
typedef enum hf_ice_pair_state {
    HF_ICE_PAIR_FROZEN = 0,
    HF_ICE_PAIR_WAITING,
    HF_ICE_PAIR_IN_PROGRESS,
    HF_ICE_PAIR_SUCCEEDED,
    HF_ICE_PAIR_FAILED
} hf_ice_pair_state;

/* The W3C's word: "frozen", "waiting", "in-progress", "succeeded" or "failed". Static. */
const char *hf_ice_pair_state_name(hf_ice_pair_state state);

/* A candidate pair, for statistics (W3C RTCIceCandidatePairStats). */
typedef struct hf_ice_pair_info {
    uint32_t number;                      /* never used again in the life of the agent */
    uint32_t local_number, remote_number; /* of its candidates */
    hf_ice_candidate local, remote;
    hf_ice_pair_state state;
    bool nominated, selected;
    uint64_t priority;
    hf_span rtt, rtt_total;
    uint64_t requests_sent, requests_received, responses_sent, responses_received, consent_requests_sent;
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* of data; what was sent: see hf_ice_count_sent */
    hf_time sent_at, received_at;                                        /* the last of them */
} hf_ice_pair_info;

/* Copies pair number `index` of the check list; false: there are not so many. During a restart its pairs come first, and the
 * old ones, one of which may be selected, behind them. */
bool hf_ice_get_pair(const hf_ice *ice, size_t index, hf_ice_pair_info *out);

/* A candidate, for statistics (W3C RTCIceCandidateStats). */
typedef struct hf_ice_candidate_info {
    uint32_t number;
    hf_ice_candidate candidate;
    const char *url;            /* of the server that gave it, as in the configuration; "": none. Valid until hf_ice_free */
    const char *relay_protocol; /* between us and its relay: "udp", "tcp", "tls"; "": it is none of ours. Static */
} hf_ice_candidate_info;

/* Copies candidate number `index` of the remote's, or of ours; false: there are not so many. Peer-reflexive ones are among
 * them, and during a restart the old ones behind the new. */
bool hf_ice_get_candidate(const hf_ice *ice, bool of_remote, size_t index, hf_ice_candidate_info *out);

bool hf_ice_is_controlling(const hf_ice *ice);

/* Counts data that the caller has sent by the present route. */
void hf_ice_count_sent(hf_ice *ice, hf_time now, size_t packets, size_t bytes);

/* Counters, by what became of the datagrams. */
typedef struct hf_ice_stats {
    uint64_t stun_received, stun_sent;
    hf_drops drops; /* HF_DROP_STUN_MALFORMED to HF_DROP_UNKNOWN_PATH */
    uint64_t remote_candidates_ignored;
    uint64_t role_conflicts;
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* of data; what was sent: see hf_ice_count_sent */
    uint64_t selected_changes; /* how often another pair became the one that data takes, or none */
    uint64_t streams_opened, streams_accepted, streams_failed; /* TCP; failed: could not be opened, or broke */
    uint64_t frames_received;
} hf_ice_stats;

void hf_ice_get_stats(const hf_ice *ice, hf_ice_stats *out);

#ifdef __cplusplus
}
#endif
#endif
