/* ice_types.h: what an agent is made of: sockets, candidates, pairs, generations; and struct hf_ice, each part of which
 * names the file that it belongs to.
 *
 * Pairs and candidates live on the heap one by one, so that pointers to them hold until they are removed; the arrays
 * hold pointers. Nothing points at a query or an owed answer. */
#ifndef HF_ICE_TYPES_H
#define HF_ICE_TYPES_H

#include "frame.h"
#include "packet.h"
#include "ring.h"
#include "turn_stream.h"

#include <holdfast/ice.h>

/* RFC 8445 §5.3: ufrag at least 24 bits, pwd at least 128 bits of randomness; an ice-char holds six. */
#define HF_ICE_LOCAL_UFRAG_LEN 8
#define HF_ICE_LOCAL_PWD_LEN 24

/* Limits that only concern the inside. */
#define HF_ICE_REMOTE_NAMES_MAX 32     /* names of one remote that are looked up */
#define HF_ICE_OWED_MAX 64             /* answers that wait to be sent */
#define HF_ICE_EARLY_MAX 16            /* paths of checks that came before the remote's credentials */
#define HF_ICE_QUERIES_MAX 128         /* servers times local addresses */
#define HF_ICE_SERVER_ADDRS_MAX 8      /* of one server's name */
#define HF_ICE_CREDENTIAL_MAX 508      /* RFC 8489 §14.3: a user name has fewer than 509 bytes; so has a password, here */
#define HF_ICE_ARRIVED_MAX (256 << 10) /* bytes of data that streams have brought and nobody has fetched */
#define HF_ICE_TOLD_MAX 8              /* state changes that wait to be told */
#define HF_ICE_UNKNOWN_MAX 8           /* unknown attributes named in a 420 */
#define HF_ICE_REQUESTS_MAX 16         /* checks of one pair that may still be answered */

/* RFC 8445 §14.2: Ta is 50 ms by default and never below 5 ms. */
#define HF_ICE_PACE HF_MS(50)
#define HF_ICE_PACE_MIN HF_MS(5)

/* How long to look for a first pair. RFC 8863 §4 proposes 39.5 s; Chromium gives up after 15 s, and whoever waits for
 * us to try something else is better served by that. */
#define HF_ICE_PATIENCE HF_SECONDS(15)

/* What the driver has told: a socket, or an address that streams may be opened from. */
typedef struct hf_ice_socket {
    hf_local local;
    hf_ice_tcp_type tcp_type;
} hf_ice_socket;

/* A local candidate. One whose base is itself is a host candidate and has a socket, or a relayed one (RFC 8445 §5.1.1). */
typedef struct hf_ice_local {
    hf_ice_candidate_type type;
    hf_ice_tcp_type tcp_type; /* ACTIVE: the port is 9, and each stream gets one of its own (RFC 6544 §4.5) */
    hf_addr addr;
    struct hf_ice_local *base;        /* a host candidate is its own base (RFC 8445 §5.1.1) */
    const struct hf_ice_stun *server; /* SERVER_REFLEXIVE, RELAYED: who gave it */
    hf_addr server_addr;
    struct hf_ice_allocation *allocation; /* RELAYED: that it is an address of */
    uint32_t priority;
    uint16_t preference; /* local preference of the base (RFC 8445 §5.1.2.1) */
    uint16_t foundation; /* equal numbers, equal foundations */
    bool is_told;        /* the application knows it */
    uint32_t number;     /* by which statistics and the event log name it */
} hf_ice_local;

typedef enum hf_ice_alias_state {
    HF_ICE_ALIAS_UNASKED = 0,
    HF_ICE_ALIAS_ASKED,
    HF_ICE_ALIAS_HELD,   /* somebody answers for it */
    HF_ICE_ALIAS_REFUSED /* nobody does: what bears it is not told */
} hf_ice_alias_state;

/* A name of ours that stands for an address. */
typedef struct hf_ice_alias {
    hf_addr addr;
    char name[HF_ICE_NAME_SIZE];
    hf_ice_alias_state state;
} hf_ice_alias;

/* A remote candidate. */
typedef struct hf_ice_remote {
    hf_ice_candidate_type type;
    hf_ice_tcp_type tcp_type;
    hf_addr addr; /* without a zone: that belongs to the local side of a pair */
    uint32_t priority;
    uint16_t foundation; /* equal numbers, equal foundations */
    char foundation_text[33];
    char *ufrag; /* only until the remote's credentials are known; NULL: not said */
    char *name;  /* what it was told by instead of its address; NULL: nothing */
    uint32_t number;
} hf_ice_remote;

/* A remote candidate that waits for the address of its name. */
typedef struct hf_ice_named {
    struct hf_ice_generation *generation;
    uint32_t id; /* of the request; 0: not asked yet */
    hf_ice_candidate candidate;
} hf_ice_named;

/* A check that was sent and may still be answered. */
typedef struct hf_ice_sent {
    uint8_t id[HF_STUN_ID_SIZE];
    bool is_pending, is_controlling;
    uint32_t nomination; /* that it bore; 0: none */
    hf_time sent_at;
} hf_ice_sent;

/* A pair of the check list. As srflx candidates are replaced by their base (RFC 8445 §6.1.2.4), `local` always has a socket.
 * The valid pair that a success makes (§7.2.5.3.2) differs from the one that was checked only in its local candidate, so one
 * record stands for both: `mapped` is that candidate. */
typedef struct hf_ice_pair {
    struct hf_ice_generation *generation;
    uint32_t number;
    hf_ice_local *local;
    hf_ice_remote *remote;
    hf_ice_local *mapped;         /* NULL: not valid */
    struct hf_ice_stream *stream; /* TCP: opening or open; NULL: none */
    uint8_t reopened;             /* so many of its streams broke before an answer came */
    hf_path path;                 /* TCP without a stream: the local port is 0 where that is not a listening one */
    uint64_t priority;
    hf_ice_pair_state state;
    bool is_permitted;     /* RELAYED: the server lets us send to the remote's address; otherwise always */
    bool is_authenticated; /* the remote has shown on this path that it knows our password, or we have had an answer */
    bool is_nominated;     /* valid and nominated */
    uint32_t nominating;   /* we are controlling and nominate it with this value; 0: not */
    uint32_t nomination_on_success; /* we are controlled and got this one (RFC 8445 §7.3.1.5); 0: none */
    uint64_t triggered;             /* place in the triggered-check queue; 0: not in it */
    unsigned transmissions;         /* of the running check */
    hf_span rto;                    /* until its next transmission */
    hf_time due;                    /* the moment of that, or of giving up; NEVER: no check is running */
    hf_ice_sent sent[HF_ICE_REQUESTS_MAX];
    unsigned sent_next;
    hf_time answered_at;  /* the last valid answer */
    hf_time heard_at;     /* that, or the last check or data */
    hf_time steady_since; /* when it answered again after a silence */
    unsigned falls;       /* how often it fell silent as the route */
    hf_span rtt, rtt_total;
    uint64_t requests_sent, requests_received, responses_sent, responses_received, consent_requests_sent;
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* of data */
    hf_time data_sent_at, data_received_at;
} hf_ice_pair;

typedef enum hf_ice_stream_state {
    HF_ICE_STREAM_OPENING = 0,
    HF_ICE_STREAM_OPEN,
    HF_ICE_STREAM_CLOSING /* nothing holds it any more; the driver is still to be told */
} hf_ice_stream_state;

/* A TCP stream. */
typedef struct hf_ice_stream {
    hf_ice_stream_state state;
    uint32_t id;        /* of the request that opens it; 0: it was accepted */
    bool driver_has_it; /* so it must be told when we close it */
    hf_path path;
    hf_ice_pair *pair;                    /* NULL: accepted, and no check has made one yet, or */
    struct hf_ice_allocation *allocation; /* it leads to a TURN server */
    hf_time give_up_at;                   /* when it is closed unless something comes of it; NEVER: with its pair */
    hf_err cause;                         /* of its end; OK: nobody needs it any more */
    union {
        hf_deframer frames;
        hf_turn_deframer messages; /* to a TURN server */
    } in;
} hf_ice_stream;

/* An answer that we owe; built when it is sent. */
typedef struct hf_ice_owed {
    hf_path path;
    uint8_t id[HF_STUN_ID_SIZE];
    unsigned code;                      /* 0: success */
    char key[HF_ICE_LOCAL_PWD_LEN + 1]; /* "": not signed */
    uint8_t unknown_len;
    uint16_t unknown[HF_ICE_UNKNOWN_MAX];
} hf_ice_owed;

/* A check that came before the remote's credentials (RFC 8445 §7.3). */
typedef struct hf_ice_early {
    hf_path path;
    uint32_t priority;
    uint32_t nomination;
    char *ufrag; /* the remote's half of its user name */
} hf_ice_early;

typedef enum hf_ice_server_state {
    HF_ICE_SERVER_UNASKED = 0,
    HF_ICE_SERVER_RESOLVING,
    HF_ICE_SERVER_KNOWN,
    HF_ICE_SERVER_LOST
} hf_ice_server_state;

/* A STUN or TURN server. */
typedef struct hf_ice_stun {
    char *uri, *host;
    uint16_t port;
    bool is_turn;
    bool tls;                  /* TURN: as `transport` */
    hf_transport transport;    /* TURN: between us and it */
    char *username, *password; /* TURN; NULL: not known */
    bool lacks_credentials;    /* none were given, or they were refused */
    bool is_lack_told;
    hf_ice_server_state state;
    hf_addr addrs[HF_ICE_SERVER_ADDRS_MAX]; /* in the order in which they are tried */
    size_t addrs_len;
    bool has_answered;
    bool is_failure_told;
    bool is_missed;     /* watch.c waits for its answer */
    bool answers_again; /* and it has come: to be told */
    hf_err failure;     /* HF_OK: none */
    const char *why;    /* of the last TLS that failed; static */
} hf_ice_stun;

typedef enum hf_ice_query_state { HF_ICE_QUERY_WAITING = 0, HF_ICE_QUERY_IN_PROGRESS, HF_ICE_QUERY_DONE } hf_ice_query_state;

/* A Binding request to a server from one base. */
typedef struct hf_ice_query {
    struct hf_ice_generation *generation;
    hf_ice_stun *server;
    hf_ice_local *base;
    hf_addr addr;
    hf_ice_query_state state;
    hf_stun_transaction transaction;
    hf_time give_up_at, begun_at;
    hf_time refresh_at; /* DONE: when to ask again so that the NAT keeps the mapping; NEVER: not */
} hf_ice_query;

/* An IP address that was checked; see budget.c. */
typedef struct hf_ice_host {
    hf_addr addr; /* whatever its port */
    unsigned checks;
    bool has_answered;
} hf_ice_host;

/* What an ICE restart replaces (RFC 8445 §9): the credentials, and all that belongs to them.
 *
 * They make a chain from the newest to the oldest:
 *   newest     what descriptions are written with. During a restart it is another one than
 *   current    which data goes by. When a pair of the newest is selected, that becomes current, and the one
 *   behind it  takes what is still on the way for some seconds. */
typedef struct hf_ice_generation {
    hf_ice *ice;
    struct hf_ice_generation *older;
    char local_ufrag[HF_ICE_LOCAL_UFRAG_LEN + 1];
    char local_pwd[HF_ICE_LOCAL_PWD_LEN + 1];
    char *remote_ufrag, *remote_pwd; /* NULL: not known yet */
    bool remote_has_ended;           /* it has no more candidates */
    bool remote_hides_addresses;     /* it gave names, or TCP candidates without a port: checks may come from there */
    bool remote_is_lite;             /* it only answers (RFC 8445 §2.5); we are controlling, whatever it says */
    bool remote_may_renominate;      /* it knows NOMINATION */
    bool is_controlling;
    uint64_t tie_breaker;
    hf_ice_relay relay;
    bool is_over; /* consent was lost, or never won (RFC 7675 §5.1): nothing is sent, answered or taken with it any more */

    hf_ice_local **locals;
    size_t locals_len, locals_cap;
    hf_ice_remote **remotes;
    size_t remotes_len, remotes_cap;
    hf_ice_pair **pairs; /* highest priority first */
    size_t pairs_len, pairs_cap;
    hf_ice_early *early;
    size_t early_len, early_cap;
    uint16_t foundations_len;
    hf_ice_host *hosts;
    size_t hosts_len, hosts_cap;
    size_t names_len; /* names that it has had looked up, or will have */

    hf_ice_gathering gathering, gathering_told;
    hf_ice_query *queries;
    size_t queries_len, queries_cap;
    hf_time asked_at, news_at; /* when servers could be asked first, and when anything was heard last */
    hf_span slowest;           /* of the answers so far; 0: there is none */

    hf_time join_at; /* when relayed pairs join the others; NEVER: there is none to be checked yet */
    bool has_joined;

    hf_ice_pair *best;   /* the valid pair to take; NULL: none */
    hf_time nominate_at; /* when better ones have had their time */
    uint32_t nomination; /* the greatest value so far, ours or the remote's; USE-CANDIDATE alone counts as 1 */
} hf_ice_generation;

typedef struct hf_ice_told {
    hf_ice_state state;
    hf_err cause;
} hf_ice_told;

struct hf_ice {
    const hf_env *env;
    hf_time now;
    hf_ice_state state;
    hf_span pace, patience;
    hf_ice_generation *newest, *current; /* never NULL */
    hf_ice_stats stats;
    uint32_t number_last; /* of a candidate or pair: none is used twice */
    void (*wake)(void *context);
    void *wake_context;

    /* gather.c */
    bool locals_asked, locals_known;
    hf_ice_tcp tcp;
    bool no_udp;
    hf_ice_socket *locals; /* what may be a host candidate, of what the driver told last */
    size_t locals_len, locals_cap;
    bool gather_turn; /* the next slot of the pacer is a query's */
    hf_ice_stun *servers;
    size_t servers_len;

    /* watch.c */
    bool is_watching;
    hf_time watch_at;

    /* lookout.c */
    bool keeps_looking;
    hf_path served;                   /* of the last route */
    hf_time look_at, look_streams_at; /* the next check, the next attempt to open streams, at the earliest */

    /* allocation.c, join.c */
    hf_ice_relay relay; /* of the generations to come */
    hf_span head_start;
    hf_local *bases; /* what allocations may be asked for from: addresses of UDP sockets, the preferred ones first */
    size_t bases_len, bases_cap;
    struct hf_ice_allocation **allocations;
    size_t allocations_len, allocations_cap;
    hf_time allocation_at; /* the next request to a TURN server may leave */

    /* alias.c */
    hf_ice_mdns mdns;
    hf_ice_named **names;
    size_t names_len, names_cap;
    uint32_t names_asked;
    hf_ice_alias *aliases;
    size_t aliases_len, aliases_cap;

    /* stream.c */
    hf_ice_stream **streams;
    size_t streams_len, streams_cap;
    uint32_t stream_id_last;
    hf_packet_queue arrived; /* data that streams have brought; the path stands before each */

    /* check.c, answer.c */
    hf_time pace_at, triggered_at, repeat_at; /* when the next ordinary, triggered, repeated check may leave */
    hf_time relayed_at;                       /* and the next ordinary one by way of a relay */
    uint64_t triggered_last;
    hf_family family_checked; /* by the last ordinary check */
    hf_ring owed;
    hf_time refusal_at; /* see may_refuse */
    hf_ice_pair *heard; /* the pair that data came on last */

    /* nominate.c, consent.c */
    hf_ice_pair *route; /* where data goes, a pair of `current`; NULL: nowhere */
    bool route_told;
    hf_time consent_at; /* the next consent check */

    /* suspicion.c: all but silent_since concern the route; NEVER: not so */
    hf_time asked_at;                  /* the first datagram that left since we heard anything */
    hf_time unanswered_since;          /* the first check that left since the last answer */
    hf_time suspected_at;              /* the beginning of suspicion, or the loss of the route */
    bool is_unstable;                  /* neither the route nor another pair answered the probes */
    hf_time elsewhere_at;              /* when the remote last sent by another pair, or nominated one */
    hf_time silent_since;              /* the beginning of the last silence: who has not answered since is silent */
    hf_time probe_at, probe_others_at; /* the next probe of the route; of others, at the earliest */

    /* restart.c */
    hf_time linger_until; /* what is older than `current` is dropped then */

    /* state.c, event.c */
    hf_time give_up_at;
    hf_ice_told told[HF_ICE_TOLD_MAX];
    size_t told_len;

    hf_time deadline;
};

#endif
