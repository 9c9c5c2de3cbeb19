/* session.c: a session's birth and end, its state, and the driver's calls that pass through to the connection. */
#include "session_priv.h"

hf_err hf_session_new(hf_session **out, const hf_session_config *config, const hf_env *env)
{
    if (!out)
        return HF_EINVAL;
    *out = NULL;
    if (!config || !hf_env_is_usable(env) || !config->peer.engine)
        return HF_EINVAL;
    hf_session *session = hf_alloc(env, sizeof *session);
    if (!session)
        return HF_ENOMEM;
    session->own_env = *env;
    session->env = &session->own_env;
    session->linger_until = session->give_up_at = HF_NEVER;
    hf_random_bytes(env, session->id, sizeof session->id);
    hf_session_id_write(session->id, session->id_text);
    hf_ring_init(&session->events, session->env, sizeof(own_event), EVENTS_MAX);
    hf_err err = hf_session_config_copy(&session->config, config, env);
    if (err == HF_OK)
        err = hf_connection_new(&session->current,
                                session); /* now, so that what is wrong with the configuration is told now */
    if (err != HF_OK) {
        hf_session_free(session);
        return err;
    }
    *out = session;
    return HF_OK;
}

void hf_session_free(hf_session *session)
{
    if (!session)
        return;
    if (session->dispatching) {
        session->free_due = true;
        return;
    }
    const hf_env *env = session->env;
    for (size_t i = 0; i < session->channels_len; i++)
        hf_channel_destroy(session->channels[i]);
    hf_dealloc(env, session->channels);
    hf_dealloc(env, session->handlers);
    hf_session_clear_events(session);
    hf_connection_free(session->current);
    hf_session_config_clear(&session->config, env);
    hf_dealloc(env, session);
}

hf_err hf_session_begin(hf_session *session, hf_time now)
{
    session->error_text[0] = '\0';
    if (session->disconnecting || session->state == HF_SESSION_CLOSED)
        return HF_ECLOSED;
    session->now = now;
    hf_connection_trace(session->current);
    return HF_OK;
}

void hf_session_wake(hf_session *session)
{
    if (session->wake)
        session->wake(session->wake_context);
}

void hf_session_set_wake(hf_session *session, void (*wake)(void *context), void *context)
{
    session->wake = wake;
    session->wake_context = context;
}

const char *hf_session_error_text(const hf_session *session)
{
    return session ? session->error_text : "";
}

hf_session_state hf_session_get_state(const hf_session *session)
{
    return session->state;
}

const char *hf_session_id(const hf_session *session)
{
    return session ? session->id_text : "";
}

const char *hf_session_remote_id(const hf_session *session)
{
    return session ? session->remote_id_text : "";
}

hf_session_protocol hf_session_get_protocol(const hf_session *session)
{
    return session ? session->current->link.protocol : HF_PROTOCOL_UNKNOWN;
}

uint32_t hf_session_generation(const hf_session *session)
{
    return session ? session->current->generation : 0;
}

hf_session_path hf_session_get_path(const hf_session *session)
{
    return session->current->path;
}

hf_connection_state hf_session_connection_state(const hf_session *session)
{
    return session->current->state;
}

hf_ice_state hf_session_ice_connection_state(const hf_session *session)
{
    return session->current->ice;
}

hf_peer *hf_session_peer(const hf_session *session)
{
    return session ? session->current->peer : NULL;
}

void hf_session_set_user(hf_session *session, void *user)
{
    session->user = user;
}

void *hf_session_user(const hf_session *session)
{
    return session->user;
}

void hf_session_input(hf_session *session, hf_time now, hf_datagram *datagrams, size_t n)
{
    session->now = now;
    hf_peer_input(session->current->peer, now, datagrams, n);
}

bool hf_session_poll_transmit(hf_session *session, hf_time now, hf_transmit *out)
{
    return hf_peer_poll_transmit(session->current->peer, now, out);
}

bool hf_session_poll_request(hf_session *session, hf_request *out)
{
    return hf_peer_poll_request(session->current->peer, out);
}

void hf_session_reply(hf_session *session, hf_time now, const hf_reply *reply)
{
    session->now = now;
    hf_peer_reply(session->current->peer, now, reply);
    hf_session_note_locals(session, reply);
}

static hf_time earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

hf_time hf_session_deadline(const hf_session *session)
{
    return earlier(hf_peer_deadline(session->current->peer), earlier(session->linger_until, session->give_up_at));
}

void hf_session_tick(hf_session *session, hf_time now)
{
    session->now = now;
    hf_peer_tick(session->current->peer, now);
    hf_session_close_if_due(session, now);
    hf_session_give_up_if_due(session, now);
}

hf_time hf_session_now(const hf_session *session)
{
    return session->now;
}
