/* budget.c: how many checks an IP address gets that has never answered.
 *
 * RFC 8445 §19.5.1 tells of a remote that gives us the addresses of a victim as its candidates, a hundred ports of it, say,
 * and wants the checks limited in number. Here that is a limit for each address, so that many candidates of an honest
 * remote do not take the checks from one another. */
#include "ice_priv.h"

/* No more addresses than these are checked. Ones that have answered make room: they may prove themselves again. */
#define HOSTS_MAX 128

static hf_ice_host *find(const hf_ice_generation *g, const hf_addr *addr)
{
    for (size_t i = 0; i < g->hosts_len; i++) {
        if (hf_addr_equal_ip(&g->hosts[i].addr, addr))
            return &g->hosts[i];
    }
    return NULL;
}

static hf_ice_host *ensure(hf_ice_generation *g, const hf_addr *addr)
{
    hf_ice_host *host = find(g, addr);
    if (host)
        return host;
    size_t at = 0;
    if (hf_grow(g->ice->env, &g->hosts, &g->hosts_cap, g->hosts_len + 1, HOSTS_MAX, sizeof *g->hosts) == HF_OK)
        at = g->hosts_len++;
    else
        while (at < g->hosts_len && !g->hosts[at].has_answered)
            at++;
    if (!g->hosts || at == g->hosts_len)
        return NULL;
    g->hosts[at] = (hf_ice_host){.addr = *addr};
    return &g->hosts[at];
}

/* A check that came from there proves little, for its source may be forged by the one who knows our password; but it may
 * well be that it alone is missing. */
static unsigned limit_of(const hf_ice_pair *pair)
{
    return pair->is_authenticated ? 2 * HF_ICE_UNPROVEN_CHECKS_MAX : HF_ICE_UNPROVEN_CHECKS_MAX;
}

bool hf_ice_budget_allows(const hf_ice_pair *pair)
{
    const hf_ice_host *host = find(pair->generation, &pair->path.remote);
    return !host || host->has_answered || host->checks < limit_of(pair);
}

bool hf_ice_budget_spend(const hf_ice_pair *pair)
{
    hf_ice_host *host = ensure(pair->generation, &pair->path.remote);
    if (!host || !hf_ice_budget_allows(pair))
        return false;
    host->checks++;
    return true;
}

bool hf_ice_budget_has_proof(const hf_ice_pair *pair)
{
    const hf_ice_host *host = find(pair->generation, &pair->path.remote);
    return host && host->has_answered;
}

/* Without memory they have to prove themselves anew. */
void hf_ice_budget_inherit(hf_ice_generation *g, const hf_ice_generation *from)
{
    for (size_t i = 0; i < from->hosts_len; i++) {
        hf_ice_host *host = from->hosts[i].has_answered ? ensure(g, &from->hosts[i].addr) : NULL;
        if (host)
            host->has_answered = true;
    }
}

void hf_ice_budget_prove(const hf_ice_pair *pair)
{
    hf_ice_host *host = find(pair->generation, &pair->path.remote);
    if (host)
        host->has_answered = true;
}
