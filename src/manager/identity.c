/* identity.c: who remotes are: their certificates, pinned by peer id for the manager's life, and ours that only one of them
 * sees.
 *
 * A record is there as long as it has something to remember, or a session. Where the table is full a stranger is refused:
 * were an old record given up instead, whoever has many names could have a friend's forgotten. */
#include "manager_priv.h"

#include <string.h>

static identity *identity_of(hf_table_entry *entry)
{
    return (identity *)(void *)((char *)entry - offsetof(identity, by_id));
}

static identity *find(const hf_manager *manager, const char *id)
{
    uint64_t hash = hf_table_hash(&manager->identities, hf_bytes_of_text(id));
    for (hf_table_entry *e = hf_table_first(&manager->identities, hash); e; e = hf_table_next(e)) {
        if (strcmp(identity_of(e)->id, id) == 0)
            return identity_of(e);
    }
    return NULL;
}

static void release_memory(const hf_env *env, identity *who)
{
    hf_certificate_free(who->certificate);
    hf_dealloc(env, who->id);
    hf_dealloc(env, who);
}

static hf_err add(hf_manager *manager, const char *id, identity **out)
{
    if (manager->identities.len >= HF_MANAGER_IDENTITIES_MAX)
        return HF_ELIMIT;
    identity *who = hf_alloc(manager->env, sizeof *who);
    if (!who)
        return HF_ENOMEM;
    who->id = hf_alloc_text(manager->env, id, strlen(id));
    hf_err err = who->id ? HF_OK : HF_ENOMEM;
    if (err == HF_OK)
        err = hf_table_put(&manager->identities, &who->by_id, hf_table_hash(&manager->identities, hf_bytes_of_text(id)));
    if (err != HF_OK) {
        release_memory(manager->env, who);
        return err;
    }
    *out = who;
    return HF_OK;
}

static void drop_if_empty(hf_manager *manager, identity *who)
{
    if (who->sessions > 0 || who->is_pinned)
        return;
    hf_table_remove(&manager->identities, &who->by_id);
    release_memory(manager->env, who);
}

hf_err hf_manager_identify(remote *r)
{
    if (r->id[0] == '\0')
        return HF_OK;
    identity *who = find(r->manager, r->id);
    hf_err err = who ? HF_OK : add(r->manager, r->id, &who);
    if (err != HF_OK)
        return err;
    who->sessions++;
    r->identity = who;
    if (!who->certificate) { /* the one that it has seen while it had no name */
        who->certificate = r->certificate;
        r->certificate = NULL;
    }
    return HF_OK;
}

void hf_manager_pin(remote *r)
{
    if (r->identity && r->identity->is_pinned)
        hf_session_pin(r->session, &r->identity->pin);
}

void hf_manager_note_identity(remote *r)
{
    if (r->identity && hf_session_pinned(r->session, &r->identity->pin))
        r->identity->is_pinned = true;
}

void hf_manager_release_identity(remote *r)
{
    if (!r->identity)
        return;
    r->identity->sessions--;
    drop_if_empty(r->manager, r->identity);
    r->identity = NULL;
}

hf_err hf_manager_certificate_for(remote *r, const hf_certificate **out)
{
    hf_manager *manager = r->manager;
    hf_certificate **own = r->identity ? &r->identity->certificate : &r->certificate;
    hf_err err = manager->certificate_each && !*own ? hf_certificate_new(own, manager->env) : HF_OK;
    *out = manager->certificate_each ? *own : manager->session_config.peer.certificate;
    return err;
}

void hf_manager_forget_identity(hf_manager *manager, const char *peer_id)
{
    identity *who = manager && peer_id ? find(manager, peer_id) : NULL;
    if (!who)
        return;
    remote *r = hf_manager_find(manager, peer_id);
    if (r && hf_session_get_state(r->session) == HF_SESSION_NEW) /* candidates came before their offer */
        hf_session_pin(r->session, NULL);
    who->is_pinned = false;
    drop_if_empty(manager, who);
}

void hf_manager_clear_identities(hf_manager *manager)
{
    for (size_t i = 0; i < manager->identities.cap; i++) {
        while (manager->identities.buckets[i]) {
            identity *who = identity_of(manager->identities.buckets[i]);
            hf_table_remove(&manager->identities, &who->by_id);
            release_memory(manager->env, who);
        }
    }
    hf_table_clear(&manager->identities);
}
