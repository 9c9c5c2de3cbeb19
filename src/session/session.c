/* session.c: a session's birth and end, its state, and the driver's calls that pass through to the connection. */
#include "session_priv.h"

/* Of all connections: another one would be another identity. */
static hf_err need_certificate(hf_session *session)
{
    if (session->config.peer.certificate)
        return HF_OK;
    hf_err err = hf_certificate_new(&session->own_certificate, session->env);
    session->config.peer.certificate = session->own_certificate;
    return err;
}

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
    session->linger_until = session->give_up_at = session->lost_at = HF_NEVER;
    hf_traffic_init(&session->traffic);
    hf_random_bytes(env, session->id, sizeof session->id);
    hf_session_id_write(session->id, session->id_text);
    hf_ring_init(&session->events, session->env, sizeof(own_event), EVENTS_MAX);
    hf_err err = hf_session_config_copy(&session->config, config, env);
    if (err == HF_OK)
        err = need_certificate(session);
    if (err == HF_OK)
        err = hf_connection_new(&session->current, session); /* now: it tells what is wrong with the configuration */
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
    hf_traffic_clear(&session->traffic, env);
    hf_dealloc(env, session->handlers);
    hf_session_clear_events(session);
    hf_connection_free(session->current);
    hf_connection_free(session->next);
    for (hf_connection *c = session->gone, *older; c; c = older) {
        older = c->older;
        hf_connection_free(c);
    }
    hf_session_forget_stranger(session);
    hf_session_clear_early(session);
    hf_certificate_free(session->own_certificate);
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
    if (!session)
        return 0;
    return session->next ? session->next->generation : session->current->generation;
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

/* --- Driving: each connection is a group of sockets (io.h) ------------------------------------------------------------ */

/* The one after `before`, of those that are to be driven; NULL: `before` was the last. The next one comes first: it has
 * little to say, and the one that serves may always have something. */
static hf_connection *after(const hf_session *session, const hf_connection *before)
{
    hf_connection *c;
    if (!before && session->next)
        return session->next;
    if (!before || before == session->next)
        return session->current;
    for (c = before == session->current ? session->gone : before->older; c && !c->peer; c = c->older)
        ;
    return c;
}

static hf_connection *of_group(const hf_session *session, uint32_t group)
{
    hf_connection *c = after(session, NULL);
    while (c && c->group != group)
        c = after(session, c);
    return c;
}

void hf_session_input(hf_session *session, hf_time now, hf_datagram *datagrams, size_t n)
{
    session->now = now;
    while (n > 0) {
        size_t len = 1;
        while (len < n && datagrams[len].group == datagrams[0].group)
            len++;
        hf_connection *connection = of_group(session, datagrams[0].group);
        if (connection)
            hf_peer_input(connection->peer, now, datagrams, len);
        datagrams += len;
        n -= len;
    }
    hf_link_drive(session, now);
}

bool hf_session_poll_transmit(hf_session *session, hf_time now, hf_transmit *out)
{
    hf_link_refill(session, now);
    for (hf_connection *c = after(session, NULL); c; c = after(session, c)) {
        if (hf_peer_poll_transmit(c->peer, now, out))
            return true;
    }
    return false;
}

bool hf_session_poll_request(hf_session *session, hf_request *out)
{
    for (hf_connection *c = after(session, NULL); c; c = after(session, c)) {
        if (hf_peer_poll_request(c->peer, out)) {
            out->group = c->group;
            return true;
        }
    }
    return hf_session_poll_release(session, out);
}

void hf_session_reply(hf_session *session, hf_time now, const hf_reply *reply)
{
    session->now = now;
    hf_connection *connection = of_group(session, reply->group);
    if (connection)
        hf_peer_reply(connection->peer, now, reply);
    hf_session_note_locals(session, reply);
    hf_link_drive(session, now);
}

static hf_time earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

hf_time hf_session_deadline(const hf_session *session)
{
    hf_time due = earlier(hf_link_deadline(session), earlier(session->linger_until, session->give_up_at));
    for (const hf_connection *c = after(session, NULL); c; c = after(session, c)) {
        due = earlier(due, hf_peer_deadline(c->peer));
        if (c != session->current && c != session->next)
            due = earlier(due, earlier(c->close_at, c->silent_at));
    }
    return due;
}

void hf_session_tick(hf_session *session, hf_time now)
{
    session->now = now;
    for (hf_connection *c = after(session, NULL); c; c = after(session, c))
        hf_peer_tick(c->peer, now);
    hf_link_drive(session, now);
    hf_session_close_if_due(session, now);
    hf_session_give_up_if_due(session, now);
    hf_session_reap(session, now);
}

hf_time hf_session_now(const hf_session *session)
{
    return session->now;
}
