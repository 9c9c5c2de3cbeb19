/* session_states.h: which state of a session leads to which, and why: the table that docs/recovery.md is drawn from. */
#ifndef HF_SESSION_STATES_H
#define HF_SESSION_STATES_H

#include <holdfast/session.h>

typedef struct hf_session_transition {
    hf_session_state from, to;
    const char *why;
} hf_session_transition;

extern const hf_session_transition hf_session_transitions[];
extern const size_t hf_session_transitions_len;

#endif
