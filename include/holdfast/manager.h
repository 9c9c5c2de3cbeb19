/* manager.h: who we are, and sessions with many remotes.
 *
 * The manager gives each session its configuration and turns what sessions have to signal into envelopes that name
 * sender, receiver and offer. How envelopes travel is the application's affair; they may be lost, repeated, late or
 * reordered. It does no I/O: hf_loop_add_manager of loop.h drives it with all its sessions. One thread at a time, the
 * engine's. */
#ifndef HOLDFAST_MANAGER_H
#define HOLDFAST_MANAGER_H

#include <holdfast/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_manager hf_manager;

#define HF_PEER_ID_MAX 128           /* bytes of a peer id */
#define HF_MANAGER_SESSIONS_MAX 4096 /* open at once; 0 in the configuration means this */

/* The five channels of a collaboration session. */
#define HF_COLLAB_CHANNELS_LEN 5
extern const hf_channel_config hf_collab_channels[HF_COLLAB_CHANNELS_LEN];

/* A signal with its address. On input `sender` may be NULL for a plain peer that does not name itself. */
typedef struct hf_envelope {
    const char *sender, *receiver;
    uint32_t offer; /* the offer that it is, answers, or belongs to: 1, 2, … of its maker; 0: not said (a plain peer) */
    hf_signal signal;
} hf_envelope;

/* Called inside hf_manager_dispatch and hf_session_dispatch; any function may be called from them. Pointers in an
 * envelope stay valid until the handler returns. */
typedef struct hf_manager_handlers {
    void *context;
    /* Carry this to envelope->receiver. */
    void (*on_envelope)(void *context, hf_manager *manager, const hf_envelope *envelope);
    /* A remote began a session with us. */
    void (*on_session)(void *context, hf_manager *manager, hf_session *session);
} hf_manager_handlers;

/* Strings and arrays are copied. */
typedef struct hf_manager_config {
    const char *peer_id;       /* 1 to HF_PEER_ID_MAX bytes of UTF-8; NULL: a random one */
    hf_session_config session; /* of each session; session.peer.engine is required. session.peer.certificate NULL: one is
                                     made and shared by all sessions, which lets remotes see that it is the same user */
    hf_manager_handlers handlers;
    size_t sessions_max; /* 0: HF_MANAGER_SESSIONS_MAX; further offers of strangers are refused */
} hf_manager_config;

/* HF_EINVAL, HF_ENOMEM, HF_ECERTIFICATE, and what hf_session_new says. */
HF_CHECKED hf_err hf_manager_new(hf_manager **out, const hf_manager_config *config, const hf_env *env);

/* Frees the manager and its sessions; sends nothing. NULL is fine. Not from inside a handler. */
void hf_manager_free(hf_manager *manager);

const char *hf_manager_peer_id(const hf_manager *manager);
const hf_certificate *hf_manager_certificate(const hf_manager *manager);

/* Begins a session with that remote and makes an offer; the envelopes come by on_envelope. NULL or "": whoever answers;
 * the first envelope that names its sender gives it that name. HF_EEXIST: there is one already (*out gets it).
 * HF_EINVAL: the id is too long, not UTF-8, or our own. HF_ELIMIT. The session belongs to the manager. */
HF_CHECKED hf_err hf_manager_connect(hf_manager *manager, hf_time now, const char *peer_id, hf_session **out);

/* The session with that remote ("": the one whose remote has no name yet); NULL: none. */
hf_session *hf_manager_session(const hf_manager *manager, const char *peer_id);

/* The remote's id of one of our sessions; "" while it has no name. NULL: not one of ours. */
const char *hf_manager_remote_id(const hf_manager *manager, const hf_session *session);

/* Takes an envelope that was carried to us. An offer of a remote without a session begins one (on_session), or takes the
 * place of one that is over: that is forgotten, and its pointer dead. A candidate that overtook its offer is kept for it.
 * Without a sender an envelope is for the only session there is. When both sides have made an offer, the one of the lower
 * peer id gives way (ours, where the remote has no name). Repeated offers are answered again; answers and candidates of
 * another offer, and what is late, are ignored: HF_OK. HF_EINVAL: addressed to somebody else, or malformed. HF_ENOENT:
 * no session that it could be for. HF_ELIMIT: too many sessions. And what hf_session_signal says. */
HF_CHECKED hf_err hf_manager_receive(hf_manager *manager, hf_time now, const hf_envelope *envelope);

/* Details of what made the last envelope fail, such as "line 7: fingerprint has an odd number of hex digits"; "" when
 * there are none. Valid until the next call. */
const char *hf_manager_error_text(const hf_manager *manager);

/* Ends the manager's care for a session and frees it: after this the pointer is dead (inside a handler: when it has
 * returned). */
void hf_manager_forget(hf_manager *manager, hf_session *session);

/* Runs the handlers for sessions that remotes began. */
void hf_manager_dispatch(hf_manager *manager, hf_time now);

/* --- Recovery --------------------------------------------------------------------------------------------------------
 * When a session becomes HF_SESSION_UNSTABLE, or loses its path at once, the manager restarts ICE; what the application has
 * open goes on when a path is found, nothing lost. An offer that gets no answer is repeated, with the same number: after
 * half a second, then each second, after minutes each 10 s; where the remote goes on with offers of its own, a new one
 * takes its place; a plain peer gets another one instead. Failed attempts are followed by waits of 1, 2, 4, 8, 16, and then
 * 30 s, which end early where a local address appears, an offer of the remote comes, or the application calls
 * hf_session_restart_ice. There is no end to that, unless session.give_up of the configuration sets one.
 * session.recovery HF_RECOVERY_NONE turns all of it off, except that offers are repeated. */

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
