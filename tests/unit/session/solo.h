/* solo.h: one session without a remote, and the offer of another. */
#ifndef UNIT_SESSION_SOLO_H
#define UNIT_SESSION_SOLO_H

#include "env.h"

#include <holdfast/session.h>

typedef struct solo {
    test_env env;
    hf_engine *engine;
    hf_certificate *certificate;
    hf_session *session;
    hf_time now;
} solo;

/* `config` may be NULL; its engine and certificate are filled in. */
void solo_init(solo *s, const hf_session_config *config);
void solo_clear(solo *s); /* and checks that nothing leaks */

/* A link in a log of events. */
typedef struct heard {
    hf_session_event_type types[64];
    size_t len;
} heard;

/* Hears each type of event. */
void solo_hear(solo *s, heard *log);

#endif
