/* channel.c: named channels, as the application sees them. What they accept waits in their outbox until a connection carries
 * it; what arrives waits in their inbox. */
#include "session_priv.h"

#include <string.h>

/* RFC 8831 §6.4. */
uint16_t hf_priority_on_wire(hf_priority priority)
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

hf_delivery hf_channel_delivery(const hf_channel_config *config)
{
    if (config->reliability != HF_RELIABLE)
        return HF_DELIVERY_FRESH;
    return config->unordered ? HF_DELIVERY_UNORDERED : HF_DELIVERY_ORDERED;
}

/* --- Birth and end --------------------------------------------------------------------------------------------------- */

static void init_inbox(hf_channel *channel)
{
    const hf_session *session = channel->session;
    size_t longest = session->config.peer.message_max ? session->config.peer.message_max : HF_MESSAGE_MAX_DEFAULT;
    size_t window = channel->config.receive_window ? channel->config.receive_window : HF_CHANNEL_WINDOW_DEFAULT;
    if (window < HF_CHANNEL_WINDOW_FIRST)
        window = HF_CHANNEL_WINDOW_FIRST; /* the remote may send so much before it hears of ours */
    hf_inbox_init(&channel->inbox, session->env, hf_channel_delivery(&channel->config), window, longest);
    channel->inbox.in_parts = channel->config.in_parts;
}

void hf_channel_mind_lifetime(hf_channel *channel)
{
    bool is_limited = channel->config.reliability == HF_MAX_LIFETIME;
    channel->outbox.lifetime = is_limited ? HF_MS((hf_span)channel->config.reliability_limit) : HF_CHANNEL_FRESH_AGE;
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
    size_t kept = config->send_buffer_max ? config->send_buffer_max : HF_CHANNEL_BUFFER_DEFAULT;
    channel->session = session;
    channel->config = *config;
    channel->turn = (hf_turn){.priority = config->priority, .owner = channel};
    hf_outbox_init(&channel->outbox, session->env, hf_channel_delivery(config), kept);
    hf_channel_mind_lifetime(channel);
    init_inbox(channel);
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

void hf_channel_detach(hf_channel *channel)
{
    hf_session *session = channel->session;
    hf_scheduler_remove(&session->traffic.scheduler, &channel->turn);
    if (session->traffic.recent == channel)
        session->traffic.recent = NULL;
    for (size_t i = 0; i < session->channels_len; i++) {
        if (session->channels[i] == channel) {
            session->channels_len--;
            memmove(&session->channels[i], &session->channels[i + 1], (session->channels_len - i) * sizeof(hf_channel *));
            return;
        }
    }
}

void hf_channel_destroy(hf_channel *channel)
{
    const hf_env *env = channel->session->env;
    hf_inbox_clear(&channel->inbox);
    hf_outbox_clear(&channel->outbox);
    hf_outbox_clear(&channel->returning);
    hf_dealloc(env, channel->name);
    hf_dealloc(env, channel->protocol);
    hf_dealloc(env, channel);
}

hf_err hf_session_create_channel(hf_session *session, hf_time now, const hf_channel_config *config, hf_channel **out)
{
    hf_channel *channel;
    if (!session || !config || !out)
        return HF_EINVAL;
    hf_err err = hf_session_begin(session, now);
    if (err == HF_OK && (session->state == HF_SESSION_FAILED || session->traffic.bye_heard))
        err = HF_ESTATE;
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
    hf_link_drive(session, now);
    hf_session_wake(session);
    return HF_OK;
}

/* --- Finding --------------------------------------------------------------------------------------------------------- */

/* Where one that ends has not told so yet, another of its name may have been opened by the remote. */
hf_channel *hf_session_channel(const hf_session *session, const char *name)
{
    hf_channel *found = NULL;
    for (size_t i = 0; session && name && i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        if (strcmp(channel->name, name) == 0 && (!found || found->closing))
            found = channel;
    }
    return found;
}

hf_channel *hf_session_channel_at(const hf_session *session, size_t index)
{
    return session && index < session->channels_len ? session->channels[index] : NULL;
}

hf_channel *hf_channel_find(const hf_session *session, bool remote, uint64_t incarnation)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        bool is_it = channel->remote == remote && channel->incarnation == incarnation;
        if (is_it && channel->speaks == HF_PROTOCOL_HOLDFAST && !channel->over)
            return channel;
    }
    return NULL;
}

hf_channel *hf_channel_of_carrier(hf_session *session, hf_datachannel carrier)
{
    hf_traffic *traffic = &session->traffic;
    if (traffic->recent && traffic->recent->carrier == carrier)
        return traffic->recent;
    for (size_t i = 0; carrier != 0 && i < session->channels_len; i++) {
        if (session->channels[i]->carrier == carrier)
            return traffic->recent = session->channels[i];
    }
    return NULL;
}

const char *hf_channel_name(const hf_channel *channel)
{
    return channel ? channel->name : "";
}

hf_session *hf_channel_session(const hf_channel *channel)
{
    return channel ? channel->session : NULL;
}

/* --- Use ------------------------------------------------------------------------------------------------------------- */

hf_err hf_channel_send(hf_channel *channel, hf_time now, hf_message_kind kind, const void *data, size_t len)
{
    if (!channel || (!data && len > 0) || (kind != HF_BINARY && kind != HF_TEXT))
        return HF_EINVAL;
    hf_session *session = channel->session;
    hf_err err = hf_session_begin(session, now);
    if (err != HF_OK)
        return err;
    if (channel->closing)
        return HF_ESTATE;
    hf_bytes message = hf_bytes_of(data, len);
    if (kind == HF_TEXT && !hf_bytes_are_utf8(message))
        return HF_EINVAL;
    err = hf_outbox_push(&channel->outbox, now, kind, message);
    if (err != HF_OK)
        return err;
    channel->messages_sent++;
    channel->bytes_sent += len;
    hf_channel_feed(channel);
    hf_link_drive(session, now);
    hf_session_wake(session);
    return HF_OK;
}

hf_err hf_channel_close(hf_channel *channel, hf_time now)
{
    hf_err err = channel ? hf_session_begin(channel->session, now) : HF_EINVAL;
    if (err != HF_OK)
        return err;
    hf_channel_begin_close(channel);
    hf_link_drive(channel->session, now);
    hf_session_wake(channel->session);
    return HF_OK;
}

hf_err hf_channel_set_buffered_low(hf_channel *channel, size_t bytes)
{
    if (!channel)
        return HF_EINVAL;
    channel->low = bytes;
    return HF_OK;
}

hf_err hf_channel_receive_in_parts(hf_channel *channel, bool in_parts)
{
    if (!channel)
        return HF_EINVAL;
    channel->config.in_parts = channel->inbox.in_parts = in_parts;
    if (channel->speaks != HF_PROTOCOL_PLAIN || channel->carrier == 0)
        return HF_OK;
    hf_err err = hf_peer_receive_in_parts(channel->session->current->peer, channel->carrier, in_parts);
    return err == HF_ENOENT ? HF_OK : err; /* it is gone, and has nothing more to receive */
}

hf_err hf_channel_pause(hf_channel *channel, hf_time now, bool paused)
{
    hf_err err = channel ? hf_session_begin(channel->session, now) : HF_EINVAL;
    if (err != HF_OK)
        return err;
    if (channel->speaks == HF_PROTOCOL_PLAIN && paused)
        return HF_ENOTSUP;
    channel->paused = paused && !channel->closing;
    if (!channel->paused)
        hf_channel_tell(channel, HF_NEWS_DATA);
    hf_session_wake(channel->session);
    return HF_OK;
}

hf_err hf_channel_get_stats(const hf_channel *channel, hf_channel_stats *out)
{
    if (!channel || !out)
        return HF_EINVAL;
    *out = (hf_channel_stats){
        .messages_sent = channel->messages_sent,
        .bytes_sent = channel->bytes_sent,
        .messages_acked = channel->outbox.messages_acked,
        .messages_received = channel->messages_received,
        .bytes_received = channel->bytes_received,
        .messages_replayed = channel->outbox.replayed,
        .messages_dropped = channel->outbox.dropped,
        .duplicates = channel->inbox.duplicates,
        .late = channel->inbox.late,
        .queued = channel->outbox.queued,
        .kept = channel->outbox.kept,
    };
    return HF_OK;
}

static hf_datachannel_state state_of(const hf_channel *channel)
{
    if (channel->over)
        return HF_DATACHANNEL_CLOSED;
    if (channel->closing)
        return HF_DATACHANNEL_CLOSING;
    return channel->was_open ? HF_DATACHANNEL_OPEN : HF_DATACHANNEL_CONNECTING;
}

void hf_channel_describe(const hf_channel *channel, hf_datachannel_info *out)
{
    *out = (hf_datachannel_info){
        .state = state_of(channel),
        .label = channel->name,
        .protocol = channel->protocol,
        .has_id = channel->has_id,
        .id = channel->id,
        .unordered = channel->config.unordered,
        .remote = channel->remote,
        .reliability = channel->config.reliability,
        .reliability_limit = channel->config.reliability_limit,
        .priority = hf_priority_on_wire(channel->config.priority),
        .buffered_amount = channel->outbox.queued,
        .messages_sent = channel->messages_sent,
        .bytes_sent = channel->bytes_sent,
        .messages_received = channel->messages_received,
        .bytes_received = channel->bytes_received,
    };
}

hf_err hf_channel_info(const hf_channel *channel, hf_datachannel_info *out)
{
    if (!channel || !out)
        return HF_EINVAL;
    hf_channel_describe(channel, out);
    return HF_OK;
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
