/* solo.h: one agent, and a remote that the test plays by hand. */
#ifndef TEST_ICE_SOLO_H
#define TEST_ICE_SOLO_H

#include "env.h"
#include "ice_priv.h"

#define SOLO_UFRAG "remo"
#define SOLO_PWD "remotepasswordremotepassword"

#define SOLO_NEXT_UFRAG "next"
#define SOLO_NEXT_PWD "nextpasswordnextpasswordnext"

#define SOLO_CHECK_SIZE 700

typedef struct solo {
    hf_ice *ice;
    test_env env;
    hf_time now;
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit sent;                             /* the last one */
    char user[64], local_pwd[64], remote_pwd[64]; /* what the remote's checks and answers bear; see solo_speak_as */
} solo;

/* A check of the remote; zeroes are what a good one has. */
typedef struct solo_check {
    const char *from; /* NULL: 10.0.0.2:6000 */
    const char *user; /* NULL: ours:theirs of the generation that the test speaks as; "": absent */
    const char *pwd;  /* NULL: ours; "": no integrity */
    uint64_t tie_breaker;
    uint32_t priority;          /* 0: a usual one */
    uint16_t unknown;           /* 0: none; an attribute of that type is added */
    uint32_t nomination;        /* 0: none */
    const char *raw_nomination; /* NULL: none; otherwise as many bytes, of zero */
    bool is_controlling, use_candidate, no_fingerprint, no_priority, no_role;
} solo_check;

/* An agent at 10.0.0.1:5000 that has gathered. One that listens does so at 10.0.0.1:7000; no configuration: no TCP. */
void solo_init(solo *s, const hf_ice_config *config);
void solo_set_locals(solo *s, const char *const *addrs, size_t n); /* these, instead of 10.0.0.1:5000 */
void solo_clear(solo *s);
void solo_set_remote(solo *s);
/* From here on the remote's checks and answers bear the newest credentials of the agent and these ones. solo_init chooses
 * SOLO_UFRAG and SOLO_PWD. */
void solo_speak_as(solo *s, const char *ufrag, const char *pwd);
void solo_add(solo *s, const char *candidate); /* a remote one, as text */
/* Gives bytes that came by that path; on a stream they are one frame. */
size_t solo_input(solo *s, const hf_path *path, const void *data, size_t len);
size_t solo_write_check(solo *s, const solo_check *check, uint8_t buffer[SOLO_CHECK_SIZE]);
size_t solo_give(solo *s, const char *from, const void *data, size_t len); /* returns what was left to the caller */
void solo_wait(solo *s, hf_span span);                                     /* nothing is sent while it passes */

/* Takes what the agent sends now, and reads it; false: nothing. */
bool solo_take(solo *s, hf_stun_message *out);
/* The same, skipping others; false: none of that class is sent now. */
bool solo_take_class(solo *s, hf_stun_class class_, hf_stun_message *out);

void solo_check_in(solo *s, const solo_check *check);
/* Answers a request that the agent sent: from where it went, as if seen from `mapped` (NULL: 10.0.0.1:5000). */
void solo_answer(solo *s, const hf_stun_message *request, const char *mapped);
void solo_answer_error(solo *s, const hf_stun_message *request, unsigned code);

/* --- Restarts ------------------------------------------------------------------------------------------------------ */

#define SOLO_OLD_REMOTE "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host"
#define SOLO_NEW_REMOTE "candidate:1 1 udp 2130706431 10.0.0.9 9000 typ host"

void solo_connect(solo *s);         /* by the first generation, the remote controlling, with SOLO_OLD_REMOTE */
void solo_restart(solo *s);         /* begins a restart, and gathers */
void solo_set_next_remote(solo *s); /* SOLO_NEXT_UFRAG, SOLO_NEXT_PWD */
bool solo_route_goes_to(const solo *s, const char *remote);
/* Answers what is sent to `remote` while `span` passes; the rest goes unanswered. */
void solo_answer_from(solo *s, const char *remote, hf_span span);

/* Takes all events; returns how many there were of that type. */
size_t solo_count_events(solo *s, hf_ice_event_type type);

#endif
