/* channel.c: named channels, each carried by a data channel of the present connection. */
#include "session_priv.h"

#include <string.h>

/* RFC 8831 §6.4. */
static uint16_t priority_on_the_wire(hf_priority priority)
{
    switch (priority) {
    case HF_PRIORITY_CRITICAL:
        return 1024;
    case HF_PRIORITY_HIGH:
        return 512;
    case HF_PRIORITY_NORMAL:
        return 256;
    case HF_PRIORITY_LOW:
        return 128;
    }
    return 256;
}

hf_priority hf_priority_of_wire(uint16_t priority)
{
    if (priority >= 1024)
        return HF_PRIORITY_CRITICAL;
    if (priority >= 512)
        return HF_PRIORITY_HIGH;
    return priority >= 256 || priority == 0 ? HF_PRIORITY_NORMAL : HF_PRIORITY_LOW; /* 0: Firefox has no opinion */
}

void hf_channel_destroy(hf_channel *channel)
{
    const hf_env *env = channel->session->env;
    hf_dealloc(env, channel->name);
    hf_dealloc(env, channel->protocol);
    hf_dealloc(env, channel);
}

hf_err hf_channel_new(hf_channel **out, hf_session *session, const hf_channel_config *config)
{
    hf_err err = hf_grow(session->env, &session->channels, &session->channels_cap, session->channels_len + 1,
                         HF_SESSION_CHANNELS_MAX, sizeof(hf_channel *));
    if (err != HF_OK)
        return err;
    hf_channel *channel = hf_alloc(session->env, sizeof *channel);
    if (!channel)
        return HF_ENOMEM;
    const char *protocol = config->protocol ? config->protocol : "";
    channel->session = session;
    channel->config = *config;
    channel->name = hf_alloc_text(session->env, config->name, strlen(config->name));
    channel->protocol = hf_alloc_text(session->env, protocol, strlen(protocol));
    channel->config.name = channel->name;
    channel->config.protocol = channel->protocol;
    if (!channel->name || !channel->protocol) {
        hf_channel_destroy(channel);
        return HF_ENOMEM;
    }
    session->channels[session->channels_len++] = channel;
    *out = channel;
    return HF_OK;
}

/* A data channel that is gone has nothing more to receive. */
static hf_err set_in_parts(const hf_channel *channel)
{
    if (channel->carrier == 0)
        return HF_OK;
    hf_err err = hf_peer_receive_in_parts(channel->session->current->peer, channel->carrier, channel->config.in_parts);
    return err == HF_ENOENT ? HF_OK : err;
}

hf_err hf_channel_carry(hf_channel *channel, hf_time now)
{
    hf_datachannel_config config = {.label = channel->name,
                                    .protocol = channel->protocol,
                                    .unordered = channel->config.unordered,
                                    .reliability = channel->config.reliability,
                                    .reliability_limit = channel->config.reliability_limit,
                                    .priority = priority_on_the_wire(channel->config.priority),
                                    .send_buffer_max = channel->config.send_buffer_max};
    hf_err err = hf_peer_open_channel(channel->session->current->peer, now, &config, &channel->carrier);
    return err == HF_OK ? set_in_parts(channel) : err;
}

/* One that is gone already is closed. */
void hf_session_close_carrier(hf_session *session, hf_time now, hf_datachannel carrier)
{
    hf_err err = hf_peer_close_channel(session->current->peer, now, carrier);
    if (err != HF_OK)
        hf_log(session->env, HF_LOG_DEBUG, "session: closing a data channel: %s", hf_err_name(err));
}

hf_channel *hf_channel_of_carrier(const hf_session *session, hf_datachannel carrier)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        if (session->channels[i]->carrier == carrier)
            return session->channels[i];
    }
    return NULL;
}

void hf_channel_detach(hf_channel *channel)
{
    hf_session *session = channel->session;
    for (size_t i = 0; i < session->channels_len; i++) {
        if (session->channels[i] == channel) {
            session->channels_len--;
            memmove(&session->channels[i], &session->channels[i + 1], (session->channels_len - i) * sizeof(hf_channel *));
            return;
        }
    }
}

hf_err hf_session_create_channel(hf_session *session, hf_time now, const hf_channel_config *config, hf_channel **out)
{
    hf_channel *channel;
    if (!session || !config || !out)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK)
        err = hf_channel_config_check(config);
    if (err == HF_OK && hf_session_channel(session, config->name))
        err = HF_EEXIST;
    if (err == HF_OK)
        err = hf_channel_new(&channel, session, config);
    if (err != HF_OK)
        return err;
    err = hf_channel_carry(channel, now);
    if (err != HF_OK) {
        hf_channel_detach(channel);
        hf_channel_destroy(channel);
        return err;
    }
    *out = channel;
    hf_session_wake(session);
    return HF_OK;
}

hf_channel *hf_session_channel(const hf_session *session, const char *name)
{
    for (size_t i = 0; session && name && i < session->channels_len; i++) {
        if (strcmp(session->channels[i]->name, name) == 0)
            return session->channels[i];
    }
    return NULL;
}

hf_channel *hf_session_channel_at(const hf_session *session, size_t index)
{
    return session && index < session->channels_len ? session->channels[index] : NULL;
}

const char *hf_channel_name(const hf_channel *channel)
{
    return channel ? channel->name : "";
}

hf_session *hf_channel_session(const hf_channel *channel)
{
    return channel ? channel->session : NULL;
}

/* At the start of each call that needs the data channel underneath. */
static hf_err begin(hf_channel *channel, hf_time now)
{
    hf_err err = channel ? hf_session_begin(channel->session, now) : HF_EINVAL;
    return err == HF_OK && channel->carrier == 0 ? HF_ESTATE : err;
}

hf_err hf_channel_send(hf_channel *channel, hf_time now, hf_message_kind kind, const void *data, size_t len)
{
    hf_err err = begin(channel, now);
    if (err != HF_OK)
        return err;
    err = hf_peer_send(channel->session->current->peer, now, channel->carrier, kind, data, len);
    hf_session_wake(channel->session);
    return err;
}

hf_err hf_channel_close(hf_channel *channel, hf_time now)
{
    hf_err err = begin(channel, now);
    if (err != HF_OK)
        return err;
    err = hf_peer_close_channel(channel->session->current->peer, now, channel->carrier);
    channel->closing = err == HF_OK;
    hf_session_wake(channel->session);
    return err;
}

hf_err hf_channel_set_buffered_low(hf_channel *channel, size_t bytes)
{
    if (!channel)
        return HF_EINVAL;
    if (channel->carrier == 0)
        return HF_ESTATE;
    return hf_peer_set_buffered_low(channel->session->current->peer, channel->carrier, bytes);
}

hf_err hf_channel_receive_in_parts(hf_channel *channel, bool in_parts)
{
    if (!channel)
        return HF_EINVAL;
    channel->config.in_parts = in_parts;
    return set_in_parts(channel);
}

hf_err hf_channel_info(const hf_channel *channel, hf_datachannel_info *out)
{
    if (!channel || !out)
        return HF_EINVAL;
    if (channel->carrier == 0)
        return HF_ESTATE;
    hf_err err = hf_peer_channel_info(channel->session->current->peer, channel->carrier, out);
    if (err == HF_OK) {
        out->label = channel->name;
        out->protocol = channel->protocol;
    }
    return err;
}

void hf_channel_set_user(hf_channel *channel, void *user)
{
    if (channel)
        channel->user = user;
}

void *hf_channel_user(const hf_channel *channel)
{
    return channel ? channel->user : NULL;
}
