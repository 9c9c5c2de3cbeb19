/* world.h: two whole peers, or two managers with a session, and the network between them, in one process under virtual
 * time, from one seed.
 *
 * usrsctp's globals outlive a run: one process runs one world. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "channel.h"
#include "env.h"
#include "host.h"
#include "net.h"
#include "timeline.h"

#include <holdfast/holdfast.h>

typedef struct sim_config {
    uint64_t seed;
    sim_link link;                /* the one in the middle, which all that leaves a network for the internet crosses */
    hf_span signalling;           /* one way, for descriptions and candidates */
    bool no_trickle;              /* descriptions wait for all candidates, and none is sent after them */
    bool ipv6;                    /* an IPv6 address on each side as well */
    const char *offer_setup;      /* what a=setup:actpass of the offer becomes: "active", "passive"; NULL: stays */
    bool negotiate;               /* each makes an offer when its peer asks for one (W3C WebRTC 1.0 §10.7); 0 is polite */
    const char *swap_message_max; /* replaces the 262144 of the answer's max-message-size; six digits */
    const char *swap_fingerprint; /* replaces the fingerprint in the answer: a man in the middle */
    hf_ice_mdns mdns[2];          /* of each side */
    bool multicast;               /* multicasts reach the other side */
    bool may_refuse_candidates;   /* a side that does is no reason to end the run */
    size_t message_max;           /* of both; 0: the default */
    size_t mtu;                   /* of both; 0: the default */
    hf_ice_tcp tcp[2];            /* of each side */
    bool no_udp[2];
    bool managers; /* the sides have managers, "alice" and "bob", whose session takes the place of the peer */
    const hf_channel_config *channels; /* of their sessions */
    size_t channels_len;
    bool no_sides; /* the world is empty, but for what is put there */
    bool nowhere;  /* the hosts of the sides have no interface at first */
    const hf_ice_server *servers;
    size_t servers_len;
    hf_ice_relay relay;
    size_t piece_max;            /* streams arrive in pieces of at most so many bytes; 0: HF_DATAGRAM_MAX */
    hf_certificate *certificate; /* of both; NULL: each its own */
    void (*trace)(void *context, const char *line, size_t len); /* takes both event logs; `context` tells whose */
} sim_config;

typedef struct sim_side {
    struct sim *sim;
    int index;
    sim_host host;
    hf_peer *peer;       /* of a side with a manager: NULL */
    hf_manager *manager; /* and its session; NULL: not yet */
    hf_session *session;
    hf_session_state state; /* that it was last told */
    bool illegal;           /* it took a step that it may not */
    unsigned unstable;      /* how often its session became that */
    hf_err receive_err;     /* of the last envelope that its manager refused */
    hf_addr addrs[2];       /* IPv4, IPv6 */
    hf_mdns *mdns;
    size_t names_requested; /* looked up, or advertised */
    sim_channel channels[SIM_CHANNELS_MAX];
    size_t channels_len;
    bool remote_closed;
    hf_err remote_closed_cause, failed_cause;
    hf_time routed_at, connected_at, open_at; /* HF_NEVER: not yet */
    bool echo;
    unsigned offers;       /* that it has made */
    char connections[128]; /* the states of its connection, or session, so far, as words with spaces between */
    bool unsteady;         /* its connection was connected, and was something else after */
    void (*on_message)(struct sim_side *side, sim_channel *channel, const hf_peer_event *event); /* may be NULL */
} sim_side;

typedef struct sim {
    sim_config config;
    sim_link link;
    sim_queue queue;     /* its */
    uint64_t overflowed; /* datagrams dropped by full queues */
    sim_link post;       /* what carries the envelopes of managers */
    hf_time post_since;  /* what is posted before this moment waits for it, as on a TCP connection that survives */
    hf_time now;
    test_env env[2];
    uint64_t chance; /* the network's own generator */
    hf_engine *engine;
    sim_side side[2]; /* 0 makes the offer */
    timeline timeline;
    sim_realm realms[SIM_REALMS_MAX]; /* the first is the internet */
    size_t realms_len;
    sim_host *hosts[SIM_HOSTS_MAX]; /* those of the sides first */
    size_t hosts_len;
    unsigned standstill; /* rounds since time has passed */
    bool woken;          /* something was asked of an object of another host: all are driven once more */
    uint64_t trace;      /* hash over all that was sent: moment, path, bytes */
    void (*on_datagram)(struct sim *sim, int from, const hf_datagram *datagram); /* a tap, frames too; may be NULL */
    bool (*loses)(struct sim *sim, int from, const hf_datagram *datagram);       /* this one is lost; may be NULL */
    uint64_t datagrams;
} sim;

/* Makes both peers; nothing has been sent yet, so channels can be opened first. */
void sim_init(sim *s, const sim_config *config);
void sim_clear(sim *s);

/* Makes the offer, or has the first manager begin its session, and lets descriptions and candidates travel. */
void sim_connect(sim *s);

/* Makes an offer of this side, and lets it travel. */
void sim_offer(sim_side *side);

/* Lets time pass: until `until`, or until `done` says so (NULL: never). True: it did. */
bool sim_run(sim *s, hf_time until, bool (*done)(sim *s));

/* Conditions. */
bool sim_both_open(sim *s); /* both are connected, and the first channel is open on both sides */
bool sim_someone_failed(sim *s);

/* Opens a channel on a side. */
sim_channel *sim_open(sim_side *side, const hf_datachannel_config *config);
sim_channel *sim_find(sim_side *side, const char *label);

/* Sends message number `number` of `size` bytes (at least NUMBERED_SIZE_LEAST), which the receiver checks. */
hf_err sim_send_numbered(sim_side *side, sim_channel *channel, uint64_t number, size_t size);

/* All open streams break at once, and what is under way on them is lost. */
void sim_reset_streams(sim *s);

/* Puts a datagram on the way to a side, as if from that address. */
void sim_inject(sim *s, int to, const hf_path *path, const uint8_t *data, size_t len);

uint32_t sim_random(sim *s, uint32_t below);

/* The address in a text that holds one. */
hf_addr sim_addr(const char *text);

/* How long something takes over a link at this moment. */
hf_span sim_link_delay(sim *s, const sim_link *link);

/* What a side knows of a channel that has opened, and of what became of its connection. */
sim_channel *sim_add_channel(sim_side *side, const char *label);
void sim_note_connection(sim_side *side, const char *name);

/* Something was sent by an object: counts it, and adds it to the trace. */
void sim_note_sent(sim *s, const hf_path *path, const uint8_t *data, size_t len);

#endif
