/* remotes.c: the remotes that there are, by id, each with its session. */
#include "manager_priv.h"

#include <string.h>

bool hf_manager_is_id(const char *id)
{
    hf_bytes bytes = hf_bytes_of_text(id);
    return bytes.len > 0 && bytes.len <= HF_PEER_ID_MAX && hf_bytes_are_utf8(bytes);
}

remote *hf_manager_find(const hf_manager *manager, const char *id)
{
    for (size_t i = 0; i < manager->remotes_len; i++) {
        if (strcmp(manager->remotes[i]->id, id) == 0)
            return manager->remotes[i];
    }
    return NULL;
}

remote *hf_manager_find_session(const hf_manager *manager, const hf_session *session)
{
    for (size_t i = 0; i < manager->remotes_len; i++) {
        if (manager->remotes[i]->session == session)
            return manager->remotes[i];
    }
    return NULL;
}

static hf_err fill(remote *r, const char *id)
{
    hf_manager *manager = r->manager;
    r->id = hf_alloc_text(manager->env, id, strlen(id));
    if (!r->id)
        return HF_ENOMEM;
    hf_err err = hf_session_new(&r->session, &manager->session_config, manager->env);
    if (err == HF_OK)
        err = hf_session_on(r->session, HF_SESSION_SIGNAL, hf_manager_on_signal, r);
    return err == HF_OK ? hf_manager_watch(r) : err;
}

hf_err hf_manager_add(hf_manager *manager, const char *id, remote **out)
{
    if (manager->remotes_len >= manager->sessions_max)
        return HF_ELIMIT;
    hf_err err = hf_grow(manager->env, &manager->remotes, &manager->remotes_cap, manager->remotes_len + 1,
                         manager->sessions_max, sizeof(remote *));
    if (err != HF_OK)
        return err;
    remote *r = hf_alloc(manager->env, sizeof *r);
    if (!r)
        return HF_ENOMEM;
    r->manager = manager;
    err = fill(r, id);
    if (err != HF_OK) {
        hf_session_free(r->session);
        hf_dealloc(manager->env, r->id);
        hf_dealloc(manager->env, r);
        return err;
    }
    manager->untold++;
    manager->remotes[manager->remotes_len++] = r;
    hf_manager_trace(r, HF_TRACE_MANAGER_SESSION_ADDED, hf_trace_number("sessions", manager->remotes_len));
    *out = r;
    return HF_OK;
}

hf_err hf_manager_rename(hf_manager *manager, remote *r, const char *id)
{
    char *copy = hf_alloc_text(manager->env, id, strlen(id));
    if (!copy)
        return HF_ENOMEM;
    hf_dealloc(manager->env, r->id);
    r->id = copy;
    return HF_OK;
}

hf_session *hf_manager_session(const hf_manager *manager, const char *peer_id)
{
    remote *r = manager && peer_id ? hf_manager_find(manager, peer_id) : NULL;
    return r ? r->session : NULL;
}

const char *hf_manager_remote_id(const hf_manager *manager, const hf_session *session)
{
    remote *r = manager && session ? hf_manager_find_session(manager, session) : NULL;
    return r ? r->id : NULL;
}

void hf_manager_forget(hf_manager *manager, hf_session *session)
{
    if (!manager || !session)
        return;
    for (size_t i = 0; i < manager->remotes_len; i++) {
        remote *r = manager->remotes[i];
        if (r->session != session)
            continue;
        manager->remotes_len--;
        memmove(&manager->remotes[i], &manager->remotes[i + 1], (manager->remotes_len - i) * sizeof(remote *));
        hf_session_off(session, HF_SESSION_SIGNAL, hf_manager_on_signal, r);
        hf_manager_unwatch(r);
        hf_dealloc(manager->env, r->id);
        if (r->told) { /* freed when the driver has let go of it; this needs no memory, so it can't fail */
            r->next = manager->gone;
            manager->gone = r;
        } else {
            manager->untold--;
            hf_dealloc(manager->env, r);
            hf_session_free(session);
        }
        hf_manager_wake(manager);
        return;
    }
}
