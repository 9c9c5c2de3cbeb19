/* remote.h: the remote agent that an agent under test talks to: the input says what it does. It knows the right keys, so
 * that the fuzzer gets past the integrity. */
#ifndef HF_FUZZ_REMOTE_H
#define HF_FUZZ_REMOTE_H

#include <holdfast/ice.h>

#include "../src/stun/stun.h" /* the targets see the layer under test only */
#include "bytes.h"

#define REMOTE_IDENTITIES 3 /* of the remote: one, and those that restarts give it */
#define REMOTE_LOCALS 3     /* as many of the agent's are remembered */
#define REMOTE_STUN_MAX 900

extern const hf_ice_remote_agent remote_identities[REMOTE_IDENTITIES];

typedef struct remote {
    hf_reader in;
    char local_ufrags[REMOTE_LOCALS][16], local_pwds[REMOTE_LOCALS][40];
    size_t locals_len;
    uint8_t as_local, as_remote; /* whom a check is signed for, and by whom */
    uint8_t asked_remote;
    hf_path asked; /* of the last request that the agent sent */
    uint8_t asked_id[HF_STUN_ID_SIZE];
    bool asked_server;
    bool looks; /* the agent goes on with checks where it has found no path (hf_ice_config.keeps_looking) */
} remote;

hf_addr remote_addr(remote *r); /* of a small world, so that steps meet */
hf_bytes remote_bytes(remote *r);

/* Begins to use the agent's newest credentials. */
void remote_note_credentials(remote *r, const hf_ice *ice);

/* Begins to speak as others, or to others. */
void remote_change_roles(remote *r);

/* A check that is signed with the agent's password; `flags` choose what it has. */
size_t remote_check(remote *r, uint8_t flags, uint8_t buffer[REMOTE_STUN_MAX]);

/* A true answer to the last request. */
size_t remote_answer(remote *r, uint8_t flags, const hf_addr *mapped, uint8_t buffer[REMOTE_STUN_MAX]);

/* The agent has sent `bytes`: they are demanded to be well formed, and remembered if they are a request. */
void remote_on_sent(remote *r, const hf_ice *ice, const hf_path *path, hf_bytes bytes);

/* Some time passes, or as much as the agent has to wait. */
void remote_pass_time(remote *r, hf_ice *ice, hf_time *now);

#endif
