/* early.c: candidates that have overtaken the offer of their connection. */
#include "session_priv.h"

#include <string.h>

static void clear(hf_session *session, early_candidate *early)
{
    hf_dealloc(session->env, early->candidate);
    hf_dealloc(session->env, early->mid);
    hf_dealloc(session->env, early->ufrag);
}

void hf_session_clear_early(hf_session *session)
{
    for (size_t i = 0; i < session->early_len; i++)
        clear(session, &session->early[i]);
    hf_dealloc(session->env, session->early);
    session->early = NULL;
    session->early_len = session->early_cap = 0;
}

static char *copy(const hf_session *session, const char *text, bool *whole)
{
    char *out = text ? hf_alloc_text(session->env, text, strlen(text)) : NULL;
    *whole &= out || !text;
    return out;
}

/* The last ones, where there are too many: what is lost comes again with the offer. */
hf_err hf_session_keep_early(hf_session *session, const hf_signal *signal)
{
    bool whole = true;
    if (strlen(signal->candidate ? signal->candidate : "") >= HF_ICE_CANDIDATE_TEXT_SIZE)
        return HF_ESYNTAX;
    hf_err err = hf_grow(session->env, &session->early, &session->early_cap, session->early_len + 1,
                         HF_ICE_REMOTE_CANDIDATES_MAX, sizeof(early_candidate));
    if (err == HF_ENOMEM)
        return err;
    early_candidate early = {.generation = signal->generation,
                             .candidate = copy(session, signal->candidate, &whole),
                             .mid = copy(session, signal->mid, &whole),
                             .ufrag = copy(session, signal->ufrag, &whole)};
    if (!whole) {
        clear(session, &early);
        return HF_ENOMEM;
    }
    if (err == HF_ELIMIT) {
        clear(session, &session->early[0]);
        memmove(&session->early[0], &session->early[1], --session->early_len * sizeof early);
    }
    session->early[session->early_len++] = early;
    return HF_OK;
}

/* Those of other connections are of no use any more. One that the connection refuses it would have refused later, too. */
void hf_connection_take_early(hf_connection *connection, hf_time now)
{
    hf_session *session = connection->session;
    for (size_t i = 0; i < session->early_len; i++) {
        const early_candidate *early = &session->early[i];
        if (early->generation == connection->generation)
            (void)!hf_peer_add_ice_candidate(connection->peer, now, early->candidate, early->mid, early->ufrag);
    }
    hf_session_clear_early(session);
}
