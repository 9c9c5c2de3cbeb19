/* manager.c: the manager's birth and end, and what its driver asks. */
#include "manager_priv.h"

#include <stdio.h>
#include <string.h>

/* A peer id that nobody else has: 128 bits, as hexadecimal digits. */
static void random_id(const hf_env *env, char out[33])
{
    for (int i = 0; i < 4; i++)
        snprintf(out + 8 * i, 9, "%08x", (unsigned)hf_random_u32(env));
}

static hf_err fill(hf_manager *manager, const hf_manager_config *config)
{
    char id[33];
    if (!config->peer_id)
        random_id(manager->env, id);
    const char *peer_id = config->peer_id ? config->peer_id : id;
    manager->peer_id = hf_alloc_text(manager->env, peer_id, strlen(peer_id));
    if (!manager->peer_id)
        return HF_ENOMEM;
    hf_err err = hf_session_config_copy(&manager->session_config, &config->session, manager->env);
    manager->recovers = config->session.recovery != HF_RECOVERY_NONE;
    if (config->session.recovery == HF_RECOVERY_DEFAULT)
        manager->session_config.recovery = HF_RECOVERY_RESUME;
    manager->session_config.peer.keeps_looking = manager->recovers;
    manager->certificate_each = config->certificate_each;
    if (err != HF_OK || config->session.peer.certificate || config->certificate_each)
        return err;
    err = hf_certificate_new(&manager->own_certificate, manager->env);
    manager->session_config.peer.certificate = manager->own_certificate;
    return err;
}

hf_err hf_manager_new(hf_manager **out, const hf_manager_config *config, const hf_env *env)
{
    if (!out)
        return HF_EINVAL;
    *out = NULL;
    if (!config || !hf_env_is_usable(env) || !config->session.peer.engine)
        return HF_EINVAL;
    if ((config->peer_id && !hf_manager_is_id(config->peer_id)) || config->sessions_max > HF_MANAGER_SESSIONS_MAX)
        return HF_EINVAL;
    if (config->certificate_each && config->session.peer.certificate)
        return HF_EINVAL;
    hf_manager *manager = hf_alloc(env, sizeof *manager);
    if (!manager)
        return HF_ENOMEM;
    manager->env = env;
    manager->due = HF_NEVER;
    hf_table_init(&manager->by_id, env);
    hf_table_init(&manager->by_session, env);
    hf_table_init(&manager->identities, env);
    manager->handlers = config->handlers;
    manager->sessions_max = config->sessions_max ? config->sessions_max : HF_MANAGER_SESSIONS_MAX;
    hf_err err = hf_schedule_init(&manager->schedule, config);
    if (err == HF_OK)
        err = fill(manager, config);
    if (err != HF_OK) {
        hf_manager_free(manager);
        return err;
    }
    *out = manager;
    return HF_OK;
}

/* What was told as gone: the driver has let go of it by now. */
static void bury(hf_manager *manager)
{
    if (manager->dead)
        hf_manager_bury(manager->dead);
    manager->dead = NULL;
}

void hf_manager_free(hf_manager *manager)
{
    hf_manager_change change;
    if (!manager)
        return;
    manager->wake = NULL;
    while (manager->remotes_len > 0)
        hf_manager_forget(manager, manager->remotes[manager->remotes_len - 1]->session);
    while (hf_manager_poll_change(manager, &change)) {
    }
    bury(manager);
    hf_dealloc(manager->env, manager->remotes);
    hf_table_clear(&manager->by_id);
    hf_table_clear(&manager->by_session);
    hf_manager_clear_identities(manager);
    hf_session_config_clear(&manager->session_config, manager->env);
    hf_certificate_free(manager->own_certificate);
    hf_dealloc(manager->env, manager->peer_id);
    hf_dealloc(manager->env, manager);
}

bool hf_manager_poll_change(hf_manager *manager, hf_manager_change *out)
{
    if (!manager || !out)
        return false;
    bury(manager);
    remote *gone = hf_manager_pop(manager, LIST_GONE), *untold = gone ? NULL : hf_manager_pop(manager, LIST_UNTOLD);
    manager->dead = gone;
    if (gone)
        *out = (hf_manager_change){.session = gone->session};
    else if (untold)
        *out = (hf_manager_change){.session = untold->session, .added = true};
    return gone || untold;
}

const char *hf_manager_peer_id(const hf_manager *manager)
{
    return manager ? manager->peer_id : "";
}

const hf_certificate *hf_manager_certificate(const hf_manager *manager)
{
    return manager ? manager->session_config.peer.certificate : NULL;
}

void hf_manager_set_wake(hf_manager *manager, void (*wake)(void *context), void *context)
{
    manager->wake = wake;
    manager->wake_context = context;
}

void hf_manager_wake(hf_manager *manager)
{
    if (manager->wake)
        manager->wake(manager->wake_context);
}
