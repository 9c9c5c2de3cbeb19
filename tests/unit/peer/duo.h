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

#endif
