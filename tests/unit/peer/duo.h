/* duo.h: one peer, or two, that share an engine and a certificate; nothing travels but descriptions. */
#ifndef UNIT_PEER_DUO_H
#define UNIT_PEER_DUO_H

#include "env.h"

#include <holdfast/peer.h>

typedef struct duo {
    test_env env;
    hf_engine *engine;
    hf_certificate *certificate;
    hf_peer *peer[2];
    hf_time now;
} duo;

void duo_init(duo *d, size_t peers);
void duo_clear(duo *d); /* and checks that nothing leaks */

/* Copies `text` with the first `from` replaced by `to`. Free it. */
char *duo_replace(const char *text, const char *from, const char *to);

/* Sets our offer or answer on a peer and returns its text, valid until the next call on it. */
const char *duo_set_local(duo *d, int which, hf_sdp_type type);

/* Sets the description of the other one on a peer; fails the test where that is refused. */
void duo_set_remote(duo *d, int which, hf_sdp_type type, const char *sdp);

/* Offer of `from`, answer of the other: both are stable. */
void duo_agree(duo *d, int from);

/* Takes a peer's events up to the first of that type; false: there is none. */
bool duo_next(duo *d, int which, hf_peer_event_type type, hf_peer_event *out);

/* Gives a peer one local address, once it has asked. */
void duo_reply_local(duo *d, int which);

/* The value of a line such as "a=ice-ufrag:" in a description. Free it. */
char *duo_value(const char *sdp, const char *line);

#endif
