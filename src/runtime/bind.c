/* bind.c: where an object may have its sockets: a copy of what the application says, and what it means. */
#include "loop_priv.h"

#include "alloc.h"

#include <net/if.h>
#include <string.h>

static bool is_name(const char *name)
{
    size_t len = name ? strnlen(name, IF_NAMESIZE) : 0;

    return len > 0 && len < IF_NAMESIZE;
}

static hf_err check(const hf_bind *bind)
{
    if ((bind->addrs_len > 0 && !bind->addrs) || (bind->interfaces_len > 0 && !bind->interfaces))
        return HF_EINVAL;
    if ((bind->port_first == 0) != (bind->port_last == 0) || bind->port_first > bind->port_last)
        return HF_EINVAL;
    for (size_t i = 0; i < bind->addrs_len; i++) {
        const hf_addr *addr = &bind->addrs[i];

        if (addr->family == HF_FAMILY_NONE || hf_addr_is_unspecified(addr) || hf_addr_is_multicast(addr))
            return HF_EINVAL;
    }
    for (size_t i = 0; i < bind->interfaces_len; i++) {
        if (!is_name(bind->interfaces[i]))
            return HF_EINVAL;
    }
    return HF_OK;
}

/* The pointers, and behind them the names that they point to, in one block. */
static const char *const *copy_names(const char *const *names, size_t n, const hf_env *env)
{
    const char **out = hf_alloc_array(env, n, sizeof *out + IF_NAMESIZE);
    char *text = (char *)(out + n);

    for (size_t i = 0; out && i < n; i++, text += IF_NAMESIZE) {
        memcpy(text, names[i], strlen(names[i]) + 1);
        out[i] = text;
    }
    return out;
}

hf_err hf_bind_copy(hf_bind *out, const hf_bind *from, const hf_env *env)
{
    hf_addr *addrs = NULL;

    *out = (hf_bind){0};
    if (!from)
        return HF_OK;
    hf_err err = check(from);
    if (err != HF_OK)
        return err;

    *out = *from;
    out->addrs = NULL;
    out->interfaces = NULL;
    if (from->addrs_len > 0) {
        out->addrs = addrs = hf_alloc_array(env, from->addrs_len, sizeof *addrs);
        if (!addrs)
            return HF_ENOMEM;
        memcpy(addrs, from->addrs, from->addrs_len * sizeof *addrs);
    }
    if (from->interfaces_len > 0) {
        out->interfaces = copy_names(from->interfaces, from->interfaces_len, env);
        if (!out->interfaces) {
            hf_bind_clear(out, env);
            return HF_ENOMEM;
        }
    }
    return HF_OK;
}

void hf_bind_clear(hf_bind *bind, const hf_env *env)
{
    hf_dealloc(env, (void *)(uintptr_t)bind->addrs); /* ours: hf_bind_copy made them */
    hf_dealloc(env, (void *)(uintptr_t)bind->interfaces);
    *bind = (hf_bind){0};
}

static bool names(const hf_bind *bind, const char *interface)
{
    for (size_t i = 0; i < bind->interfaces_len; i++) {
        if (strcmp(bind->interfaces[i], interface) == 0)
            return true;
    }
    return false;
}

/* What is named is meant: loopback addresses, too, where they or their interface are. */
bool hf_bind_allows(const hf_bind *bind, const hf_interface *item)
{
    bool is_named = bind->addrs_len > 0 || bind->interfaces_len > 0;

    if (bind->family != HF_FAMILY_NONE && bind->family != item->addr.family)
        return false;
    if (bind->interfaces_len > 0 && !names(bind, item->name))
        return false;
    return is_named || bind->loopback || !hf_addr_is_loopback(&item->addr);
}
