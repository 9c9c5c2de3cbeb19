/* peer_priv.h: the inside of a peer, shared by the files of this folder.
 *
 *   peer.c       birth, end, and the driver's face       negotiate.c  offers and answers: which, when, and what follows
 *   transport.c  datagrams in and out, demultiplexing    layout.c     the m= sections that both sides keep to
 *   states.c     the W3C's state machines                remote.c     what the remote's description says, and whether it may
 *   channels.c   data channels                           restart.c    ICE restarts, and taking an offer back
 *   events.c     what happened below becomes events      describe.c   our own description, written from the state
 *   stats.c      counters under the W3C's names          trickle.c    the remote's candidates, and those that come early
 *   secured.c    TLS in streams to TURN servers          identity.c   the remote's certificate, and who is expected */
#ifndef HF_PEER_PRIV_H
#define HF_PEER_PRIV_H

#include "alloc.h"
#include "bytes.h"
#include "dtls.h"
#include "log.h"
#include "packet.h"
#include "peer_identity.h"
#include "random.h"
#include "ring.h"
#include "sctp.h"
#include "sdp.h"
#include "secured.h"
#include "trace.h"

#include <holdfast/peer.h>

#define EVENTS_MAX 1024             /* not yet taken; what comes from SCTP waits there */
#define DESCRIPTION_SIZE_FIRST 4096 /* where a description is written; grows by doubling to HF_SDP_TEXT_MAX */
#define ERROR_TEXT_SIZE 160

#define TLS_ID_LEN 24 /* RFC 8842 §4: at least 120 bits of randomness, of 6 each */
#define NO_SECTION SIZE_MAX

/* A description of ours. Its text is written from the state when it is asked for; one that was only made, and one whose ICE
 * credentials a restart is about to replace, keep theirs. */
typedef struct hf_description {
    hf_sdp_type type; /* 0: there is none */
    uint64_t version;
    hf_sdp_setup setup;
    char *text;
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

/* A description of the remote's, and what it says that matters to us. */
typedef struct hf_remote_description {
    hf_sdp_type type; /* 0: there is none */
    char *text;       /* as it was given */
    hf_sdp sdp;
    size_t data_section;           /* the section that is ours; NO_SECTION: there is none, or it is rejected */
    const hf_sdp_media *transport; /* the section whose transport attributes hold for ours */
    char *mid, *ufrag, *pwd;       /* of these, NUL-terminated */
    hf_negotiated negotiated;
} hf_remote_description;

/* A candidate whose generation is not known yet. */
typedef struct hf_early_candidate {
    char *text;  /* "": there are no more of that generation */
    char *ufrag; /* NULL: of whichever comes first */
} hf_early_candidate;

/* An event, with the memory that it points to. */
typedef struct hf_queued_event {
    hf_peer_event event;
    char *text;  /* CANDIDATE */
    char *ufrag; /* CANDIDATE */
} hf_queued_event;

typedef struct hf_wake {
    void (*fn)(void *context);
    void *context;
} hf_wake;

struct hf_peer {
    const hf_env *env; /* the one below */
    hf_env own_env;    /* the application's, and events of the log bear our session id */
    const hf_certificate *certificate;
    unsigned fingerprints;           /* see hf_peer_config */
    hf_certificate *own_certificate; /* when none was given */
    char *attribute;                 /* see hf_peer_config; NULL: none */
    hf_identity expected, refused;   /* see peer_identity.h */
    size_t mtu, message_max;

    hf_ice *ice;
    hf_secured secured; /* between ICE and the driver */
    hf_dtls *dtls;      /* made when the descriptions are known and there is a use for it */
    hf_sctp *sctp;

    /* Signalling. A description is pending until the answer makes it current (W3C WebRTC 1.0 §4.4.1.5). */
    hf_signaling_state signaling;
    uint64_t sdp_session_id, sdp_version; /* the version of the last description of ours that was set */
    char tls_id[TLS_ID_LEN + 1];
    hf_description created, local_current, local_pending;
    hf_remote_description remote_current, remote_pending;
    hf_negotiated negotiated; /* what is in force */
    char fresh_mid[8];        /* of a data section that an offer of ours adds */
    bool data_over;           /* our section was rejected after all; there is no second association */
    bool restart_wanted;      /* the application asks for new ICE credentials, and no offer of ours has them yet */
    bool restart_offered;     /* the pending offer has them */
    bool restart_open;        /* ICE has them, and no answer has confirmed them */
    bool channel_opened, negotiation_needed;
    hf_early_candidate *early_candidates;
    size_t early_candidates_len, early_candidates_cap;
    char error_text[ERROR_TEXT_SIZE];
    char *description_text;
    size_t description_cap;

    /* States */
    hf_ice_state ice_state;
    hf_ice_route route; /* the last that data took; without addresses: none yet */
    hf_ice_gathering gathering;
    hf_connection_state connection;
    bool dtls_connected, dtls_failed, dtls_closed, sctp_down;
    hf_err sctp_cause; /* why SCTP ended */
    bool closed, closing_alert_due;

    hf_ring events;
    hf_queued_event lent;  /* the event that was handed out last */
    hf_packet_queue early; /* datagrams that came before the remote's description */
    hf_wake wake;
    hf_time now; /* of the last call that told it */

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
/* Takes what happened below into account; at the end of each call that may change anything. */
void hf_peer_pump(hf_peer *peer, hf_time now);
void hf_peer_clear_events(hf_peer *peer);

/* states.c */
void hf_peer_enter_signaling(hf_peer *peer, hf_signaling_state next);
/* The state that this description leads to; false: it makes no sense now. */
bool hf_peer_next_signaling(const hf_peer *peer, bool local, hf_sdp_type type, hf_signaling_state *next);
void hf_peer_update_states(hf_peer *peer, hf_err cause);
void hf_peer_update_negotiation_needed(hf_peer *peer);
bool hf_peer_is_negotiation_needed(const hf_peer *peer);

/* transport.c */
void hf_peer_start_dtls_if_due(hf_peer *peer, hf_time now);

/* negotiate.c */
hf_err hf_peer_begin(hf_peer *peer, hf_time now); /* at the start of each call of the application */
hf_err hf_peer_refuse(hf_peer *peer, hf_err err, size_t line, const char *reason);

/* layout.c: the m= sections */
bool hf_peer_is_live_data(const hf_sdp_media *media);
/* The section of our next offer that is for data; NO_SECTION: none may be. */
size_t hf_peer_offered_section(const hf_peer *peer);
/* Fills the sections of a description of ours; returns how many. */
size_t hf_peer_lay_out(const hf_peer *peer, const hf_description *description, hf_sdp_write_media out[HF_SDP_MEDIA_MAX]);
/* Finds our section in a description of the remote, whose other sections must be where they were. */
HF_CHECKED hf_err hf_peer_find_section(hf_peer *peer, hf_sdp_type type, const hf_sdp *sdp, size_t *data_section);
/* The section whose transport attributes hold for this one. */
const hf_sdp_media *hf_peer_transport_of(const hf_sdp *sdp, const hf_sdp_media *media);
/* The mid of our section, in the remote's description that counts or in our offer. */
const char *hf_peer_data_mid(const hf_peer *peer);
void hf_peer_choose_fresh_mid(hf_peer *peer);

/* identity.c */
/* Whether a description shows the remote that is expected. HF_EIDENTITY. */
HF_CHECKED hf_err hf_peer_check_identity(hf_peer *peer, const hf_negotiated *shown);
/* As sets: their order says nothing (RFC 8122 §5). */
bool hf_peer_has_same_fingerprints(const hf_negotiated *a, const hf_negotiated *b);

/* remote.c */
/* Reads a description of the remote. On error it says why in peer->error_text, and *out is empty. */
HF_CHECKED hf_err hf_peer_read_remote(hf_peer *peer, hf_sdp_type type, const char *text, hf_remote_description *out);
void hf_peer_clear_remote(hf_peer *peer, hf_remote_description *description);
/* The remote's description of which the transport was made; NULL: there is none. */
const hf_remote_description *hf_peer_in_force(const hf_peer *peer);
bool hf_peer_has_same_credentials(const hf_remote_description *a, const hf_remote_description *b);

/* restart.c */
/* Gives our next description of this kind the ICE credentials that it must have: new ones where a restart is asked for. */
HF_CHECKED hf_err hf_peer_prepare_credentials(hf_peer *peer, hf_time now, hf_sdp_type type);
/* Takes back the offer that is open, whoever made it. */
void hf_peer_roll_back(hf_peer *peer, hf_time now);

/* describe.c */
HF_CHECKED hf_err hf_peer_write_description(hf_peer *peer, const hf_description *description);
HF_CHECKED hf_err hf_peer_make_description(hf_peer *peer, hf_sdp_type type, hf_description *out);
void hf_peer_clear_description(hf_peer *peer, hf_description *description);
/* Of the local descriptions, the one that holds now; NULL: there is none. */
const hf_description *hf_peer_local(const hf_peer *peer);
/* Of the remote's, the one that holds now; NULL: there is none. */
const hf_remote_description *hf_peer_remote(const hf_peer *peer);

/* The remote's description that this one of ours goes by: an answer by its offer, an offer by what is current. */
const hf_remote_description *hf_peer_counterpart(const hf_peer *peer, const hf_description *description);

/* trickle.c */
/* The remote's credentials are in force: its candidates come to ICE, those in the description and those that were early. */
void hf_peer_take_candidates(hf_peer *peer, hf_time now, const hf_remote_description *remote);
void hf_peer_clear_candidates(hf_peer *peer);

/* peer.c: for the end of each call of the application */
void hf_peer_wake(hf_peer *peer);

#endif
