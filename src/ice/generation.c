/* generation.c: the credentials of one generation (RFC 8445 §5.3), and what belongs to them. */
#include "relay_priv.h"

hf_ice_generation *hf_ice_generation_new(hf_ice *ice, bool is_controlling)
{
    hf_ice_generation *g = hf_alloc(ice->env, sizeof *g);
    if (!g)
        return NULL;
    g->ice = ice;
    g->is_controlling = is_controlling;
    g->relay = ice->relay;
    g->tie_breaker = hf_random_u64(ice->env);
    g->nominate_at = g->join_at = HF_NEVER;
    hf_random_ice_chars(ice->env, g->local_ufrag, HF_ICE_LOCAL_UFRAG_LEN);
    hf_random_ice_chars(ice->env, g->local_pwd, HF_ICE_LOCAL_PWD_LEN);
    return g;
}

void hf_ice_generation_free(hf_ice_generation *g)
{
    if (!g)
        return;
    const hf_env *env = g->ice->env;
    if (g->ice->heard && g->ice->heard->generation == g)
        g->ice->heard = NULL;
    hf_ice_alias_forget(g);
    while (g->pairs_len > 0) { /* one by one: who still needs a permission is asked of those that are left */
        hf_ice_pair *pair = g->pairs[--g->pairs_len];
        hf_ice_stream_close(g->ice, pair->stream);
        hf_ice_relayed_forget(pair);
        hf_dealloc(env, pair);
    }
    for (size_t i = 0; i < g->remotes_len; i++)
        hf_ice_remote_free(g, g->remotes[i]);
    for (size_t i = 0; i < g->locals_len; i++)
        hf_dealloc(env, g->locals[i]);
    for (size_t i = 0; i < g->early_len; i++)
        hf_dealloc(env, g->early[i].ufrag);
    hf_dealloc(env, g->pairs);
    hf_dealloc(env, g->remotes);
    hf_dealloc(env, g->locals);
    hf_dealloc(env, g->early);
    hf_dealloc(env, g->queries);
    hf_dealloc(env, g->hosts);
    hf_dealloc(env, g->remote_ufrag);
    hf_dealloc(env, g->remote_pwd);
    memset(g, 0, sizeof *g);
    hf_dealloc(env, g);
}

/* RFC 8839 §5.4: ufrag is 4 to 256, password 22 to 256 ice-chars. */
static bool is_credential(hf_bytes text, size_t min, size_t max)
{
    if (text.len < min || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!hf_ice_is_ice_char(text.data[i]))
            return false;
    }
    return true;
}

bool hf_ice_ufrag_is_valid(hf_bytes ufrag)
{
    return is_credential(ufrag, 4, HF_ICE_UFRAG_MAX);
}

bool hf_ice_pwd_is_valid(hf_bytes pwd)
{
    return is_credential(pwd, 22, HF_ICE_PWD_MAX);
}

hf_err hf_ice_generation_set_remote(hf_ice_generation *g, const char *ufrag, const char *pwd)
{
    const hf_env *env = g->ice->env;
    char *ufrag_copy = hf_alloc_text(env, ufrag, strlen(ufrag));
    char *pwd_copy = hf_alloc_text(env, pwd, strlen(pwd));
    if (!ufrag_copy || !pwd_copy) {
        hf_dealloc(env, ufrag_copy);
        hf_dealloc(env, pwd_copy);
        return HF_ENOMEM;
    }
    g->remote_ufrag = ufrag_copy;
    g->remote_pwd = pwd_copy;
    return HF_OK;
}
