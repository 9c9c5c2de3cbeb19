/* generation.c: the credentials of one generation (RFC 8445 §5.3), and what belongs to them. */
#include "ice_priv.h"

void hf_ice_generation_init(hf_ice *ice)
{
    hf_ice_generation *g = &ice->generation;
    hf_random_ice_chars(ice->env, g->local_ufrag, HF_ICE_LOCAL_UFRAG_LEN);
    hf_random_ice_chars(ice->env, g->local_pwd, HF_ICE_LOCAL_PWD_LEN);
}

void hf_ice_generation_clear(hf_ice *ice)
{
    hf_ice_generation *g = &ice->generation;
    for (size_t i = 0; i < g->pairs_len; i++)
        hf_dealloc(ice->env, g->pairs[i]);
    for (size_t i = 0; i < g->remotes_len; i++)
        hf_ice_remote_free(ice, g->remotes[i]);
    for (size_t i = 0; i < g->locals_len; i++)
        hf_dealloc(ice->env, g->locals[i]);
    for (size_t i = 0; i < g->early_len; i++)
        hf_dealloc(ice->env, g->early[i].ufrag);
    hf_dealloc(ice->env, g->pairs);
    hf_dealloc(ice->env, g->remotes);
    hf_dealloc(ice->env, g->locals);
    hf_dealloc(ice->env, g->early);
    hf_dealloc(ice->env, g->remote_ufrag);
    hf_dealloc(ice->env, g->remote_pwd);
    memset(g, 0, sizeof *g);
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

hf_err hf_ice_generation_set_remote(hf_ice *ice, const char *ufrag, const char *pwd)
{
    hf_ice_generation *g = &ice->generation;
    char *ufrag_copy = hf_alloc_text(ice->env, ufrag, strlen(ufrag));
    char *pwd_copy = hf_alloc_text(ice->env, pwd, strlen(pwd));
    if (!ufrag_copy || !pwd_copy) {
        hf_dealloc(ice->env, ufrag_copy);
        hf_dealloc(ice->env, pwd_copy);
        return HF_ENOMEM;
    }
    g->remote_ufrag = ufrag_copy;
    g->remote_pwd = pwd_copy;
    return HF_OK;
}
