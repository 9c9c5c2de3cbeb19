/* peer_priv.h: the inside of a peer, shared by the files of this folder.
 *
 *   peer.c       birth, end, and the driver's face       negotiate.c  offers and answers: what is accepted, and when
 *   transport.c  datagrams in and out, demultiplexing    describe.c   our own description, written from the state
 *   states.c     the W3C's state machines                events.c     what happened below becomes the application's events
 *   channels.c   data channels                           stats.c      counters under the W3C's names */
#ifndef HF_PEER_PRIV_H
#define HF_PEER_PRIV_H

#include "alloc.h"
#include "bytes.h"
#include "dtls.h"
#include "log.h"
#include "packet.h"
#include "random.h"
#include "ring.h"
#include "sctp.h"
#include "sdp.h"
#include "trace.h"

#include <holdfast/peer.h>

#define EVENTS_MAX 1024              /* not yet taken; what comes from SCTP waits there */
#define DESCRIPTION_SIZE_FIRST 4096  /* where a description is written; grows by doubling to HF_SDP_TEXT_MAX */
#define ERROR_TEXT_SIZE 160

/* A description of ours that was made or applied. Its text is written from the state when it is asked for. */
typedef struct hf_description {
    bool exists;
    hf_sdp_type type;
    uint64_t version;
} hf_description;

/* How a DTLS association is set up, once both descriptions have said so. */
typedef struct hf_negotiated {
    bool done;
    hf_dtls_role dtls_role;
    hf_fingerprint fingerprints[HF_SDP_FINGERPRINTS_MAX];
    size_t fingerprints_len;
    uint16_t sctp_port;
    uint64_t message_max;
} hf_negotiated;

/* An event, with the memory that it points to. */
typedef struct hf_queued_event {
    hf_peer_event event;
    char *text; /* CANDIDATE */
} hf_queued_event;

typedef struct hf_wake {
    void (*fn)(void *context);
    void *context;
} hf_wake;

struct hf_peer {
    const hf_env *env; /* the one below */
    hf_env own_env;    /* the application's, and events of the log bear our session id */
    const hf_certificate *certificate;
    hf_certificate *own_certificate; /* when none was given */
    size_t mtu, message_max;

    hf_ice *ice;
    hf_dtls *dtls; /* made when the descriptions are known and there is a use for it */
    hf_sctp *sctp;

    /* Signalling */
    hf_signaling_state signaling;
    uint64_t sdp_session_id, sdp_version;
    hf_description created, local;  /* the last one made; the one that counts */
    hf_sdp remote;                  /* the layout of sections that both sides keep to; empty until there is one */
    size_t data_section;            /* the section of `remote` that is ours */
    hf_sdp_setup remote_offer_setup; /* what the offer that is being answered says */
    hf_negotiated negotiated;
    char *data_mid;                 /* of our section; NULL: the first offer's */
    char *early_end;                /* the remote said "no more candidates" for this ufrag before its description came */
    char error_text[ERROR_TEXT_SIZE];
    char *description_text;
    size_t description_cap;

    /* States */
    hf_ice_state ice_state;
    hf_ice_gathering gathering;
    hf_connection_state connection;
    bool dtls_connected, dtls_failed, dtls_closed, sctp_down;
    bool closed, closing_alert_due;

    hf_ring events;
    char *event_text;               /* of the event that was handed out last */
    hf_packet_queue early;          /* datagrams that came before the remote's description */
    hf_wake wake;
    hf_time now;                    /* of the last call that told it */

    uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
    uint64_t candidates_ignored;
    hf_drops drops;
};

/* Counts what is thrown away, and tells it. */
static inline void hf_peer_drop(hf_peer *peer, hf_drop cause, size_t bytes)
{
    hf_drop_count(&peer->drops, peer->env, peer->now, cause, bytes);
}

/* events.c */
void hf_peer_push_event(hf_peer *peer, hf_peer_event event);
void hf_peer_push_candidate(hf_peer *peer, const char *text);
/* Takes what happened below into account; at the end of each call that may change anything. */
void hf_peer_pump(hf_peer *peer, hf_time now);
void hf_peer_clear_events(hf_peer *peer);

/* states.c */
void hf_peer_enter_signaling(hf_peer *peer, hf_signaling_state next);
void hf_peer_update_states(hf_peer *peer, hf_err cause);

/* transport.c */
void hf_peer_start_dtls_if_due(hf_peer *peer, hf_time now);

/* negotiate.c */
hf_err hf_peer_refuse(hf_peer *peer, hf_err err, size_t line, const char *reason);

/* describe.c */
hf_err hf_peer_write_description(hf_peer *peer, const hf_description *description);
bool hf_peer_is_description(hf_peer *peer, const hf_description *description, const char *sdp);
const char *hf_peer_data_mid(const hf_peer *peer);

/* peer.c: for the end of each call of the application */
void hf_peer_wake(hf_peer *peer);

#endif
