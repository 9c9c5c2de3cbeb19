/* remotes.c: the remotes that there are, by id, each with its session; and lists of those that something is due for. */
#include "manager_priv.h"

#include <string.h>

bool hf_manager_is_id(const char *id)
{
    hf_bytes bytes = hf_bytes_of_text(id);
    return bytes.len > 0 && bytes.len <= HF_PEER_ID_MAX && hf_bytes_are_utf8(bytes);
}

/* --- Found by hash --- */

static uint64_t hash_of_id(const hf_manager *manager, const char *id)
{
    return hf_table_hash(&manager->by_id, hf_bytes_of_text(id));
}

static uint64_t hash_of_session(const hf_manager *manager, const hf_session *session)
{
    return hf_table_hash(&manager->by_session, hf_bytes_of(&session, sizeof session));
}

remote *hf_manager_find(const hf_manager *manager, const char *id)
{
    for (hf_table_entry *e = hf_table_first(&manager->by_id, hash_of_id(manager, id)); e; e = hf_table_next(e)) {
        remote *r = (remote *)(void *)((char *)e - offsetof(remote, by_id));
        if (strcmp(r->id, id) == 0)
            return r;
    }
    return NULL;
}

remote *hf_manager_find_session(const hf_manager *manager, const hf_session *session)
{
    for (hf_table_entry *e = hf_table_first(&manager->by_session, hash_of_session(manager, session)); e;
         e = hf_table_next(e)) {
        remote *r = (remote *)(void *)((char *)e - offsetof(remote, by_session));
        if (r->session == session)
            return r;
    }
    return NULL;
}

static hf_err enter(remote *r)
{
    hf_manager *manager = r->manager;
    hf_err err = hf_grow(manager->env, &manager->remotes, &manager->remotes_cap, manager->remotes_len + 1,
                         manager->sessions_max, sizeof(remote *));
    if (err != HF_OK)
        return err;
    err = hf_table_put(&manager->by_id, &r->by_id, hash_of_id(manager, r->id));
    if (err != HF_OK)
        return err;
    err = hf_table_put(&manager->by_session, &r->by_session, hash_of_session(manager, r->session));
    if (err != HF_OK) {
        hf_table_remove(&manager->by_id, &r->by_id);
        return err;
    }
    r->index = manager->remotes_len++;
    manager->remotes[r->index] = r;
    return HF_OK;
}

static void leave(remote *r)
{
    hf_manager *manager = r->manager;
    hf_table_remove(&manager->by_id, &r->by_id);
    hf_table_remove(&manager->by_session, &r->by_session);
    remote *last = manager->remotes[--manager->remotes_len];
    manager->remotes[r->index] = last;
    last->index = r->index;
    for (remote_list list = 0; list < LIST_COUNT; list++)
        hf_manager_unlist(r, list);
}

/* --- Lists --- */

void hf_manager_list(remote *r, remote_list list)
{
    remote_queue *queue = &r->manager->lists[list];
    if (r->listed[list])
        return;
    r->listed[list] = true;
    r->next[list] = NULL;
    if (queue->last)
        queue->last->next[list] = r;
    else
        queue->first = r;
    queue->last = r;
    queue->len++;
}

/* Nearly always it is the first, or on none. */
void hf_manager_unlist(remote *r, remote_list list)
{
    remote_queue *queue = &r->manager->lists[list];
    remote *before = NULL;
    if (!r->listed[list])
        return;
    for (remote *at = queue->first; at != r; at = at->next[list])
        before = at;
    if (before)
        before->next[list] = r->next[list];
    else
        queue->first = r->next[list];
    if (queue->last == r)
        queue->last = before;
    queue->len--;
    r->listed[list] = false;
}

remote *hf_manager_pop(hf_manager *manager, remote_list list)
{
    remote *r = manager->lists[list].first;
    if (r)
        hf_manager_unlist(r, list);
    return r;
}

/* --- Birth --- */

static hf_err make_session(remote *r)
{
    hf_manager *manager = r->manager;
    hf_session_config config = manager->session_config;
    hf_err err = hf_manager_identify(r);
    if (err == HF_OK)
        err = hf_manager_certificate_for(r, &config.peer.certificate);
    if (err == HF_OK)
        err = hf_session_new(&r->session, &config, manager->env);
    if (err != HF_OK)
        return err;
    hf_manager_pin(r);
    err = hf_session_on(r->session, HF_SESSION_SIGNAL, hf_manager_on_signal, r);
    if (err == HF_OK)
        err = hf_session_on(r->session, HF_SESSION_STATE_CHANGED, hf_manager_on_state, r);
    return err == HF_OK ? hf_manager_watch(r) : err;
}

hf_err hf_manager_add(hf_manager *manager, const char *id, remote **out)
{
    if (manager->remotes_len >= manager->sessions_max)
        return hf_manager_refuse(manager, HF_ELIMIT, "there are as many sessions as there may be");
    remote *r = hf_alloc(manager->env, sizeof *r);
    if (!r)
        return HF_ENOMEM;
    r->manager = manager;
    r->id = hf_alloc_text(manager->env, id, strlen(id));
    hf_err err = r->id ? make_session(r) : HF_ENOMEM;
    if (err == HF_OK)
        err = enter(r);
    if (err != HF_OK) {
        hf_manager_bury(r);
        return err;
    }
    hf_manager_list(r, LIST_UNTOLD);
    hf_manager_trace(r, HF_TRACE_MANAGER_SESSION_ADDED, hf_trace_number("sessions", manager->remotes_len));
    *out = r;
    return HF_OK;
}

/* The table's place of an entry that it had: there are buckets already, so this needs no memory. */
static void put_back(remote *r)
{
    hf_table *table = &r->manager->by_id;
    hf_table_remove(table, &r->by_id);
    (void)!hf_table_put(table, &r->by_id, hash_of_id(r->manager, r->id));
}

hf_err hf_manager_name(remote *r, const char *id)
{
    hf_manager *manager = r->manager;
    char *before = r->id;
    r->id = hf_alloc_text(manager->env, id, strlen(id));
    hf_err err = r->id ? hf_manager_identify(r) : HF_ENOMEM;
    if (err != HF_OK) {
        hf_dealloc(manager->env, r->id);
        r->id = before;
        return err;
    }
    hf_dealloc(manager->env, before);
    put_back(r);
    hf_manager_pin(r);
    return HF_OK;
}

void hf_manager_unname(remote *r)
{
    r->id[0] = '\0';
    put_back(r);
    hf_session_pin(r->session, NULL);
    if (!r->certificate && r->identity->certificate) { /* the one that it came with */
        r->certificate = r->identity->certificate;
        r->identity->certificate = NULL;
    }
    hf_manager_release_identity(r);
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

/* --- End --- */

void hf_manager_bury(remote *r)
{
    const hf_env *env = r->manager->env;
    hf_session_free(r->session);
    hf_manager_release_identity(r); /* behind the session, which shows the certificate */
    hf_certificate_free(r->certificate);
    hf_dealloc(env, r->id);
    hf_dealloc(env, r);
}

void hf_manager_forget(hf_manager *manager, hf_session *session)
{
    remote *r = manager && session ? hf_manager_find_session(manager, session) : NULL;
    if (!r)
        return;
    bool is_told = !r->listed[LIST_UNTOLD];
    hf_manager_note_identity(r);
    leave(r);
    hf_session_off(session, HF_SESSION_SIGNAL, hf_manager_on_signal, r);
    hf_session_off(session, HF_SESSION_STATE_CHANGED, hf_manager_on_state, r);
    hf_manager_unwatch(r);
    if (is_told)
        hf_manager_list(r, LIST_GONE); /* freed when the driver has let go of it; this needs no memory, so it can't fail */
    else
        hf_manager_bury(r);
    hf_manager_wake(manager);
}
