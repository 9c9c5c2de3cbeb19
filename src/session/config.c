/* config.c: checking and copying a session's configuration. */
#include "field.h"
#include "session_priv.h"

#include <string.h>

hf_err hf_channel_config_check(const hf_channel_config *config)
{
    hf_bytes name = hf_bytes_of_text(config->name), protocol = hf_bytes_of_text(config->protocol);
    hf_field field;
    if (name.len == 0 || name.len > HF_LABEL_MAX || protocol.len > HF_LABEL_MAX - HF_FIELD_HEAD_MAX)
        return HF_EINVAL;
    if (hf_field_read(config->protocol ? config->protocol : "", &field) != HF_ENOENT)
        return HF_EINVAL; /* it would make a plain channel look like a framed one */
    if ((unsigned)config->priority > HF_PRIORITY_LOW || (unsigned)config->reliability > HF_MAX_LIFETIME ||
        config->receive_window > HF_CHANNEL_WINDOW_LIMIT)
        return HF_EINVAL;
    if (!hf_bytes_are_utf8(name) || !hf_bytes_are_utf8(protocol))
        return HF_EINVAL;
    return HF_OK;
}

static char *copy_text(const hf_env *env, const char *text)
{
    return hf_alloc_text(env, text, strlen(text));
}

/* Frees a string of a copy: it was allocated, though the public struct shows it as constant. */
static void free_text(const hf_env *env, const char *text)
{
    void *memory;
    memcpy(&memory, &text, sizeof memory);
    hf_dealloc(env, memory);
}

static void clear_servers(hf_peer_config *config, const hf_env *env)
{
    for (size_t i = 0; i < config->servers_len; i++) {
        free_text(env, config->servers[i].uri);
        free_text(env, config->servers[i].username);
        free_text(env, config->servers[i].password);
    }
    free_text(env, (const char *)config->servers);
}

static hf_err copy_server(hf_ice_server *out, const hf_ice_server *from, const hf_env *env)
{
    *out = (hf_ice_server){.uri = copy_text(env, from->uri ? from->uri : "")};
    if (from->username)
        out->username = copy_text(env, from->username);
    if (from->password)
        out->password = copy_text(env, from->password);
    bool whole = out->uri && (out->username || !from->username) && (out->password || !from->password);
    return whole ? HF_OK : HF_ENOMEM;
}

static hf_err copy_servers(hf_peer_config *out, const hf_peer_config *from, const hf_env *env)
{
    hf_ice_server *servers = hf_alloc_array(env, from->servers_len, sizeof *servers);
    if (!servers)
        return HF_ENOMEM;
    out->servers = servers;
    for (size_t i = 0; i < from->servers_len; i++) {
        hf_err err = copy_server(&servers[i], &from->servers[i], env);
        out->servers_len = i + 1;
        if (err != HF_OK)
            return err;
    }
    return HF_OK;
}

static bool is_named_before(const hf_session_config *config, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(config->channels[i].name, config->channels[index].name) == 0)
            return true;
    }
    return false;
}

static hf_err copy_channels(hf_session_config *out, const hf_session_config *from, const hf_env *env)
{
    hf_channel_config *channels = hf_alloc_array(env, from->channels_len, sizeof *channels);
    if (!channels)
        return HF_ENOMEM;
    out->channels = channels;
    for (size_t i = 0; i < from->channels_len; i++) {
        hf_err err = hf_channel_config_check(&from->channels[i]);
        if (err != HF_OK)
            return err;
        if (is_named_before(from, i))
            return HF_EEXIST;
        channels[i] = from->channels[i];
        channels[i].name = copy_text(env, from->channels[i].name);
        channels[i].protocol = copy_text(env, from->channels[i].protocol ? from->channels[i].protocol : "");
        out->channels_len = i + 1;
        if (!channels[i].name || !channels[i].protocol)
            return HF_ENOMEM;
    }
    return HF_OK;
}

hf_err hf_session_config_copy(hf_session_config *out, const hf_session_config *from, const hf_env *env)
{
    *out = *from;
    out->peer.servers = NULL;
    out->peer.servers_len = 0;
    out->peer.attribute = NULL;
    out->channels = NULL;
    out->channels_len = 0;
    if ((from->channels_len > 0 && !from->channels) || (from->peer.servers_len > 0 && !from->peer.servers) ||
        from->linger < 0 || from->give_up < 0 || (unsigned)from->recovery > HF_RECOVERY_RESUME)
        return HF_EINVAL;
    if (from->channels_len > HF_SESSION_CHANNELS_MAX || from->peer.servers_len > HF_ICE_SERVERS_MAX)
        return HF_ELIMIT;
    if (out->linger == 0)
        out->linger = HF_SESSION_LINGER_DEFAULT;

    if (from->peer.attribute) {
        out->peer.attribute = copy_text(env, from->peer.attribute);
        if (!out->peer.attribute)
            return HF_ENOMEM;
    }
    hf_err err = copy_servers(&out->peer, &from->peer, env);
    if (err == HF_OK)
        err = copy_channels(out, from, env);
    if (err != HF_OK)
        hf_session_config_clear(out, env);
    return err;
}

hf_err hf_session_config_set_credentials(hf_session_config *config, const char *uri, const char *username,
                                         const char *password, const hf_env *env)
{
    hf_ice_server changed[HF_ICE_SERVERS_MAX];
    hf_peer_config from = {.servers = changed, .servers_len = config->peer.servers_len}, fresh = {0};
    bool is_known = false;
    for (size_t i = 0; i < from.servers_len; i++) {
        changed[i] = config->peer.servers[i];
        if (strcmp(changed[i].uri, uri) != 0)
            continue;
        changed[i].username = username;
        changed[i].password = password;
        is_known = true;
    }
    hf_err err = is_known ? copy_servers(&fresh, &from, env) : HF_ENOENT;
    if (err != HF_OK) {
        clear_servers(&fresh, env);
        return err;
    }
    clear_servers(&config->peer, env);
    config->peer.servers = fresh.servers;
    config->peer.servers_len = fresh.servers_len;
    return HF_OK;
}

void hf_session_config_clear(hf_session_config *config, const hf_env *env)
{
    clear_servers(&config->peer, env);
    free_text(env, config->peer.attribute);
    for (size_t i = 0; i < config->channels_len; i++) {
        free_text(env, config->channels[i].name);
        free_text(env, config->channels[i].protocol);
    }
    free_text(env, (const char *)config->channels);
    *config = (hf_session_config){0};
}
