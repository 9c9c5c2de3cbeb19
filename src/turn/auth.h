/* auth.h: long-term credentials as a client uses them: the server's challenge, and what follows from it (RFC 8489 §9.2). */
#ifndef HF_TURN_AUTH_H
#define HF_TURN_AUTH_H

#include "stun.h"

/* RFC 8489 §14.3: a user name is "fewer than 509 bytes"; §14.9 and §14.10: realm and nonce are 763 bytes at most. */
#define HF_TURN_USERNAME_MAX 508
#define HF_TURN_PASSWORD_MAX 763
#define HF_TURN_REALM_MAX 763
#define HF_TURN_NONCE_MAX 763

/* What a request repeats of a challenge, user name included: so much leaves room for the rest in HF_DATAGRAM_MAX. */
#define HF_TURN_CHALLENGE_MAX 1536

/* A view's bytes, owned. */
typedef struct turn_bytes {
    uint8_t *data;
    size_t len;
} turn_bytes;

typedef struct turn_auth {
    const hf_env *env;
    char *username, *password;           /* in use; NULL: none are known */
    char *next_username, *next_password; /* for when those are refused */
    bool are_refused;                    /* the server did not take those in use */
    bool is_challenged;                  /* what follows is known: requests are signed */
    turn_bytes realm, nonce, algorithms; /* of the last challenge; the list of algorithms as it came, empty: none */
    uint16_t algorithm;                  /* the first of the list that we know; 0: there is no list */
    bool hides_username;                 /* USERHASH instead of USERNAME */
    uint8_t key[32];
    size_t key_len;
} turn_auth;

/* What becomes of the request that was challenged. */
typedef enum turn_verdict {
    TURN_AUTH_RETRY = 1,  /* as a new transaction */
    TURN_AUTH_NEEDS_USER, /* with other credentials, or with some at all */
    TURN_AUTH_BROKEN,     /* the challenge is none that can be met */
    TURN_AUTH_NO_MEMORY
} turn_verdict;

/* Takes copies of the credentials; both NULL: none. HF_EINVAL: one of them is missing or too long. HF_ENOMEM. */
HF_CHECKED hf_err hf_turn_auth_init(turn_auth *auth, const hf_env *env, const char *username, const char *password);
void hf_turn_auth_clear(turn_auth *auth);

/* Takes copies for when those in use are refused, or none are. */
HF_CHECKED hf_err hf_turn_auth_offer(turn_auth *auth, const char *username, const char *password);

/* Takes what was offered into use. False: nothing was, or it is what the server has refused. */
bool hf_turn_auth_adopt(turn_auth *auth);

/* Takes a response of 401 or 438 to a request that was signed or not. */
turn_verdict hf_turn_auth_challenge(turn_auth *auth, const hf_stun_message *response, unsigned code, bool was_signed);

/* Requests are signed: there was a challenge, and credentials are there. */
bool hf_turn_auth_signs(const turn_auth *auth);

/* Adds user, realm, nonce, algorithm and integrity, where requests are signed. */
void hf_turn_auth_sign(const turn_auth *auth, hf_stun_writer *s);

/* The response to a signed request is the server's. */
bool hf_turn_auth_verify(const turn_auth *auth, const hf_stun_message *response);

#endif
