/* manager.h: who we are, and sessions with many remotes.
 *
 * The manager gives each session its configuration and turns what sessions have to signal into envelopes that name
 * sender, receiver, both sessions and the offer. How envelopes travel is the application's affair; they may be lost,
 * repeated, late or reordered. It does no I/O: hf_loop_add_manager of loop.h drives it with all its sessions. One thread at
 * a time, the engine's. */
#ifndef HOLDFAST_MANAGER_H
#define HOLDFAST_MANAGER_H

#include <holdfast/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_manager hf_manager;

#define HF_PEER_ID_MAX 128           /* bytes of a peer id */
#define HF_MANAGER_SESSIONS_MAX 4096 /* open at once; 0 in the configuration means this */

/* Remotes whose identity is kept, by peer id (hf_manager_forget_identity). With so many nobody new is let in: HF_ELIMIT. */
#define HF_MANAGER_IDENTITIES_MAX 16384

/* The five channels of a collaboration session. */
#define HF_COLLAB_CHANNELS_LEN 5
extern const hf_channel_config hf_collab_channels[HF_COLLAB_CHANNELS_LEN];

/* A signal with its address. On input `sender` may be NULL for a plain peer that does not name itself. */
typedef struct hf_envelope {
    const char *sender, *receiver;
    const char *session;        /* the sender's session id (hf_session_id); NULL: not said (a plain peer) */
    const char *remote_session; /* the receiver's, as far as the sender knows it; NULL: it does not */
    uint32_t offer; /* the offer that it is, answers, or belongs to: 1, 2, … of its maker; 0: not said (a plain peer) */
    hf_signal signal;
} hf_envelope;

/* What the manager does for a session that is not connected (docs/recovery.md). */
typedef enum hf_attempt_phase {
    HF_ATTEMPT_NONE = 0, /* nothing is to be done */
    HF_ATTEMPT_OFFERING, /* one has begun; the remote has not agreed to it yet */
    HF_ATTEMPT_CHECKING, /* it has: a path is looked for */
    HF_ATTEMPT_WAITING   /* it has failed; another follows at `next` */
} hf_attempt_phase;

/* Which step it takes (architecture.md, promise 2). */
typedef enum hf_attempt_step {
    HF_STEP_CONNECT = 0, /* the first connection */
    HF_STEP_RESTART,     /* an ICE restart: same DTLS, same SCTP */
    HF_STEP_RECONNECT    /* a new connection that takes the session up */
} hf_attempt_step;

typedef struct hf_attempt {
    hf_attempt_phase phase;
    hf_attempt_step step;
    unsigned failures; /* attempts that failed since it was connected last */
    bool relay_only;   /* this one tries relayed candidates alone */
    hf_time since;     /* of the phase */
    hf_time next;      /* WAITING: the end of the wait; otherwise of the attempt's patience; HF_NEVER: news ends it */
    hf_err cause;      /* why the last one failed */
} hf_attempt;

/* "offering"; "reconnect". Static. HF_ATTEMPT_NONE is "none". */
const char *hf_attempt_phase_name(hf_attempt_phase phase);
const char *hf_attempt_step_name(hf_attempt_step step);

/* Called inside hf_manager_dispatch and hf_session_dispatch; any function may be called from them. Pointers in an
 * envelope stay valid until the handler returns. */
typedef struct hf_manager_handlers {
    void *context;
    /* Carry this to envelope->receiver. */
    void (*on_envelope)(void *context, hf_manager *manager, const hf_envelope *envelope);
    /* A remote began a session with us. */
    void (*on_session)(void *context, hf_manager *manager, hf_session *session);
    /* hf_manager_get_attempt has something new to say of this session. May be NULL. */
    void (*on_attempt)(void *context, hf_manager *manager, hf_session *session, const hf_attempt *attempt);
} hf_manager_handlers;

#define HF_RETRY_WAITS_MAX 32
#define HF_RETRY_WAIT_MIN HF_MS(100)
#define HF_RETRY_WAIT_MAX HF_SECONDS(86400)

/* When failed attempts are followed by others. Zeroes are the default: the table in docs/recovery.md. */
typedef struct hf_retry_config {
    const hf_span
        *waits;       /* behind the first failed attempt, the second …; the last one repeats. NULL: 1, 2, 4, 8, 16, 30 s */
    size_t waits_len; /* at most HF_RETRY_WAITS_MAX */
    unsigned jitter;  /* each wait is made longer at random by up to so many per cent, at most 100; 0: none */
    hf_span attempt;  /* it has failed where the remote has not agreed to it for so long, or so long after it has; 0:
                         HF_RETRY_ATTEMPT */
    unsigned
        relay_only_after; /* so many failed attempts that the remote has answered: every other one tries relayed candidates
                                  alone; 0: HF_RETRY_RELAY_ONLY_AFTER */
    unsigned relay_after; /* no relayed candidates before so many failed attempts; 0: none are needed (session.peer.relay) */
} hf_retry_config;

#define HF_RETRY_ATTEMPT HF_SECONDS(8)
#define HF_RETRY_RELAY_ONLY_AFTER 5

/* Strings and arrays are copied. */
typedef struct hf_manager_config {
    const char *peer_id;       /* 1 to HF_PEER_ID_MAX bytes of UTF-8; NULL: a random one */
    hf_session_config session; /* of each session; session.peer.engine is required. session.peer.certificate NULL: one is
                                     made and shared by all sessions, which lets remotes that compare notes see that it is
                                     the same user (see certificate_each) */
    hf_manager_handlers handlers;
    hf_retry_config retry;
    bool certificate_each; /* each session gets a certificate of its own, kept for that remote as long as the manager lives:
                              2 ms each. HF_EINVAL together with session.peer.certificate */
    size_t sessions_max;   /* 0: HF_MANAGER_SESSIONS_MAX; further offers of strangers are refused */
} hf_manager_config;

/* HF_EINVAL, HF_ENOMEM, HF_ECERTIFICATE, and what hf_session_new says. */
HF_CHECKED hf_err hf_manager_new(hf_manager **out, const hf_manager_config *config, const hf_env *env);

/* Frees the manager and its sessions; sends nothing. NULL is fine. Not from inside a handler. */
void hf_manager_free(hf_manager *manager);

const char *hf_manager_peer_id(const hf_manager *manager);

/* The one that all sessions show; NULL: each has its own. */
const hf_certificate *hf_manager_certificate(const hf_manager *manager);

/* Begins a session with that remote and makes an offer; the envelopes come by on_envelope. NULL or "": whoever answers;
 * the first envelope that names its sender gives it that name. HF_EEXIST: there is one already (*out gets it).
 * HF_EINVAL: the id is too long, not UTF-8, or our own. HF_ELIMIT. The session belongs to the manager. */
HF_CHECKED hf_err hf_manager_connect(hf_manager *manager, hf_time now, const char *peer_id, hf_session **out);

/* The session with that remote ("": the one whose remote has no name yet); NULL: none. */
hf_session *hf_manager_session(const hf_manager *manager, const char *peer_id);

/* The remote's id of one of our sessions; "" while it has no name. NULL: not one of ours. */
const char *hf_manager_remote_id(const hf_manager *manager, const hf_session *session);

/* Takes an envelope that was carried to us (docs/signalling.md). An offer of a remote without a session begins one
 * (on_session), or takes the place of one that is over: that is forgotten, and its pointer dead. A candidate that overtook
 * its offer is kept for it. Without a sender an envelope is for the only session there is. When both sides have made an
 * offer, that of the higher generation holds, between equals that of the higher peer id (the remote's, where it is plain).
 * Repeated offers are answered again; answers and candidates of another offer, and what is late, are ignored: HF_OK.
 * HF_EINVAL: addressed to somebody else, or malformed. HF_ENOENT: no session that it could be for, or for another than the
 * one that there is. HF_ELIMIT: too many sessions, or remotes. HF_EIDENTITY, HF_ECONTINUITY: somebody else's, or an answer
 * from a program that was started again; where there is a session, its events tell what follows. And what hf_session_signal
 * says. */
HF_CHECKED hf_err hf_manager_receive(hf_manager *manager, hf_time now, const hf_envelope *envelope);

/* Details of what made the last envelope fail, such as "line 7: fingerprint has an odd number of hex digits"; "" when
 * there are none. Valid until the next call. */
const char *hf_manager_error_text(const hf_manager *manager);

/* Ends the manager's care for a session and frees it: after this the pointer is dead (inside a handler: when it has
 * returned). */
void hf_manager_forget(hf_manager *manager, hf_session *session);

/* What is being done for a session. HF_ENOENT: not one of ours. */
HF_CHECKED hf_err hf_manager_get_attempt(const hf_manager *manager, const hf_session *session, hf_attempt *out);

/* Tries at once what is waited for, and repeats an offer that is open: for whoever knows that the network, or the way of the
 * envelopes, is there again. HF_ENOENT: not one of ours. */
HF_CHECKED hf_err hf_manager_retry(hf_manager *manager, hf_time now, const hf_session *session);

/* A remote's certificate is pinned by its peer id when it has connected, as long as the manager lives, whatever becomes of
 * its sessions: somebody else who comes by that name is HF_SESSION_IDENTITY_CHANGED. This forgets who a remote was: its
 * next session believes whoever comes. One that there is goes on with whom it has. */
void hf_manager_forget_identity(hf_manager *manager, const char *peer_id);

/* Runs the handlers for sessions that remotes began, and for what is said again. */
void hf_manager_dispatch(hf_manager *manager, hf_time now);

/* --- Recovery --------------------------------------------------------------------------------------------------------
 * A session that is not connected yet, or not any more, is what the manager makes attempts for, one after the other: the
 * first connection; an ICE restart, begun when the session becomes HF_SESSION_UNSTABLE, with what the application has open
 * going on; and where that cannot help, or did not, a new connection that takes the session up (hf_session_reconnect). An
 * attempt that fails is followed by a wait of 1, 2, 4, 8, 16, and then 30 s (hf_retry_config); a wait ends early where a
 * local address appears, a STUN or TURN server answers that did not, an offer of the remote comes, or the application asks
 * (hf_manager_retry, hf_session_restart_ice). An offer that gets no answer is repeated, with the same number: after half a
 * second, then each second, after minutes each 10 s; where the remote goes on with offers of its own, a new one takes its
 * place; a plain peer gets another one instead. There is no end to that, unless session.give_up of the configuration sets
 * one. session.recovery HF_RECOVERY_NONE turns all of it off, except that offers are repeated.
 * docs/recovery.md has it all. */

/* --- Driving ---------------------------------------------------------------------------------------------------------
 * The driver of a manager drives each of its sessions, and learns of them here. */

/* The moment at which hf_manager_tick must be called; HF_NEVER: no need. */
hf_time hf_manager_deadline(const hf_manager *manager);
void hf_manager_tick(hf_manager *manager, hf_time now);

/* `added` false: the session is gone. Until the next call hf_session_poll_transmit may still be asked for its last words;
 * after it the pointer is dead. */
typedef struct hf_manager_change {
    hf_session *session;
    bool added;
} hf_manager_change;

/* Takes the oldest change; false: none is left. */
bool hf_manager_poll_change(hf_manager *manager, hf_manager_change *out);

void hf_manager_set_wake(hf_manager *manager, void (*wake)(void *context), void *context);

#ifdef __cplusplus
}
#endif
#endif
