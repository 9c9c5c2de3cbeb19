/* remote.c: remote candidates, told by the remote or found from its checks. */
#include "ice_priv.h"

#include <stdio.h>

/* ::ffff:0:0/96 would be a way around the checks on IPv4 addresses. */
static bool is_mapped_ipv4(const hf_addr *addr)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return addr->family == HF_FAMILY_IPV6 && memcmp(addr->ip, prefix, sizeof prefix) == 0;
}

bool hf_ice_addr_is_forbidden(const hf_addr *addr)
{
    return addr->family == HF_FAMILY_NONE || addr->port == 0 || hf_addr_is_unspecified(addr) || hf_addr_is_multicast(addr) ||
           is_mapped_ipv4(addr);
}

/* A stream to any port would reach services that trust their neighbours. Chromium draws the same line. */
bool hf_ice_port_is_forbidden_for_tcp(uint16_t port)
{
    return port < 1024 && port != 80 && port != 443;
}

static hf_addr without_zone(const hf_addr *addr)
{
    hf_addr plain = *addr;
    plain.scope = 0;
    return plain;
}

hf_ice_remote *hf_ice_remote_find(const hf_ice_generation *g, const hf_addr *addr, hf_ice_tcp_type tcp_type)
{
    hf_addr plain = without_zone(addr);
    for (size_t i = 0; i < g->remotes_len; i++) {
        if (g->remotes[i]->tcp_type == tcp_type && hf_addr_equal(&g->remotes[i]->addr, &plain))
            return g->remotes[i];
    }
    return NULL;
}

void hf_ice_remote_free(hf_ice_generation *g, hf_ice_remote *remote)
{
    if (!remote)
        return;
    hf_dealloc(g->ice->env, remote->ufrag);
    hf_dealloc(g->ice->env, remote->name);
    hf_dealloc(g->ice->env, remote);
}

static uint16_t foundation_of(hf_ice_generation *g, const char *text)
{
    for (size_t i = 0; i < g->remotes_len; i++) {
        if (strcmp(g->remotes[i]->foundation_text, text) == 0)
            return g->remotes[i]->foundation;
    }
    return ++g->foundations_len;
}

static hf_err append(hf_ice_generation *g, hf_ice_remote *remote)
{
    hf_err err = hf_grow(g->ice->env, &g->remotes, &g->remotes_cap, g->remotes_len + 1, HF_ICE_REMOTE_CANDIDATES_MAX,
                         sizeof *g->remotes);
    if (err)
        return err;
    remote->foundation = foundation_of(g, remote->foundation_text);
    remote->number = ++g->ice->number_last;
    g->remotes[g->remotes_len++] = remote;
    hf_ice_trace_remote(g, remote, HF_TRACE_ICE_CANDIDATE_ADDED);
    return HF_OK;
}

/* RFC 8445 §7.3.1.3: a candidate that was found peer-reflexive first takes the values that the remote tells for it. */
static void supersede(hf_ice_generation *g, hf_ice_remote *known, const hf_ice_candidate *candidate)
{
    if (known->type != HF_ICE_PEER_REFLEXIVE)
        return;
    known->type = candidate->type;
    known->priority = candidate->priority;
    known->foundation = foundation_of(g, candidate->foundation);
    memcpy(known->foundation_text, candidate->foundation, sizeof known->foundation_text);
    /* Without memory it is shown with its address, as it was before. A remote may tell "prflx" itself, again and again. */
    if (candidate->name[0] != '\0' && !known->name)
        known->name = hf_alloc_text(g->ice->env, candidate->name, strlen(candidate->name));
    hf_ice_pair_reprioritize(g);
}

static void remove_at(hf_ice_generation *g, size_t at)
{
    hf_ice_remote *remote = g->remotes[at];
    for (size_t i = g->pairs_len; i-- > 0;) {
        if (g->pairs[i]->remote == remote)
            hf_ice_pair_remove(g, g->pairs[i]);
    }
    memmove(&g->remotes[at], &g->remotes[at + 1], (g->remotes_len - at - 1) * sizeof(hf_ice_remote *));
    g->remotes_len--;
    hf_ice_trace_remote(g, remote, HF_TRACE_ICE_CANDIDATE_REMOVED);
    hf_ice_remote_free(g, remote);
}

/* What a candidate is good for now; the greater, the less is lost with it. */
typedef enum usage { IN_USE = 0, IS_TRIED, IS_IDLE, HAS_FAILED } usage;

static usage usage_of(const hf_ice_generation *g, const hf_ice_remote *remote)
{
    usage most = HAS_FAILED;
    for (size_t i = 0; i < g->pairs_len; i++) {
        const hf_ice_pair *pair = g->pairs[i];
        if (pair->remote != remote)
            continue;
        bool is_idle = pair->state == HF_ICE_PAIR_FROZEN || pair->state == HF_ICE_PAIR_WAITING;
        usage this = pair->mapped || pair == g->ice->route ? IN_USE
                     : pair->state == HF_ICE_PAIR_FAILED   ? HAS_FAILED
                     : is_idle && pair->triggered == 0     ? IS_IDLE
                                                           : IS_TRIED;
        most = this < most ? this : most;
    }
    return most;
}

/* The one to do without. A remote whose NAT gives it a new address every hour leaves old ones behind. Then, what the remote
 * told is worth more than what it only makes us try; and a path that a check has just come by is worth more than one that
 * has been told and not been tried, of which the last go. */
static bool is_dispensable(const hf_ice_generation *g, const hf_ice_remote *remote, bool for_told)
{
    usage used = usage_of(g, remote);
    if (remote->type == HF_ICE_PEER_REFLEXIVE)
        return used == HAS_FAILED || (for_told && used != IN_USE);
    return !for_told && used >= IS_IDLE;
}

static void make_room(hf_ice_generation *g, bool for_told)
{
    size_t found = g->remotes_len;
    if (g->remotes_len < HF_ICE_REMOTE_CANDIDATES_MAX)
        return;
    for (size_t i = 0; i < g->remotes_len; i++) {
        if (is_dispensable(g, g->remotes[i], for_told) &&
            (found == g->remotes_len || g->remotes[i]->priority < g->remotes[found]->priority))
            found = i;
    }
    if (found < g->remotes_len)
        remove_at(g, found);
}

static bool is_of_other_generation(const hf_ice_generation *g, const char *ufrag)
{
    return ufrag && ufrag[0] != '\0' && hf_ice_remote_is_known(g) && strcmp(ufrag, g->remote_ufrag) != 0;
}

static bool has_too_many_ports(const hf_ice_generation *g, const hf_ice_candidate *candidate)
{
    size_t n = 0;
    for (size_t i = 0; i < g->remotes_len; i++)
        n += g->remotes[i]->tcp_type == HF_ICE_TCP_PASSIVE && hf_addr_equal_ip(&g->remotes[i]->addr, &candidate->addr);
    return candidate->tcp_type == HF_ICE_TCP_PASSIVE && n >= HF_ICE_TCP_PORTS_MAX;
}

hf_err hf_ice_remote_add(hf_ice_generation *g, const hf_ice_candidate *candidate, const char *ufrag)
{
    if (is_of_other_generation(g, ufrag)) {
        g->ice->stats.remote_candidates_ignored++;
        return HF_OK;
    }
    hf_ice_remote *known = hf_ice_remote_find(g, &candidate->addr, candidate->tcp_type);
    if (known) {
        supersede(g, known, candidate);
        return HF_OK;
    }
    bool is_one_too_many = has_too_many_ports(g, candidate);
    if (!is_one_too_many)
        make_room(g, true);
    if (is_one_too_many || g->remotes_len >= HF_ICE_REMOTE_CANDIDATES_MAX) {
        g->ice->stats.remote_candidates_ignored++;
        return HF_ELIMIT;
    }

    hf_err err = HF_ENOMEM;
    hf_ice_remote *remote = hf_alloc(g->ice->env, sizeof *remote);
    if (!remote)
        return err;
    *remote = (hf_ice_remote){.type = candidate->type,
                              .tcp_type = candidate->tcp_type,
                              .addr = without_zone(&candidate->addr),
                              .priority = candidate->priority};
    memcpy(remote->foundation_text, candidate->foundation, sizeof remote->foundation_text);
    remote->foundation_text[sizeof remote->foundation_text - 1] = '\0';
    if (!hf_ice_remote_is_known(g) && ufrag && ufrag[0] != '\0') {
        remote->ufrag = hf_alloc_text(g->ice->env, ufrag, strlen(ufrag));
        if (!remote->ufrag)
            goto free_remote;
    }
    if (candidate->name[0] != '\0') {
        remote->name = hf_alloc_text(g->ice->env, candidate->name, strlen(candidate->name));
        if (!remote->name)
            goto free_remote;
    }
    err = append(g, remote);
    if (err)
        goto free_remote;
    if (hf_ice_remote_is_known(g))
        hf_ice_pair_add_for_remote(g, remote);
    return HF_OK;

free_remote:
    hf_ice_remote_free(g, remote);
    return err;
}

/* RFC 8445 §7.3.1.3: "The foundation of the candidate is set to an arbitrary value that is different from the foundations
 * of all other remote candidates": no candidate's text has a '!' in it. */
hf_ice_remote *hf_ice_remote_add_reflexive(hf_ice_generation *g, const hf_addr *addr, hf_ice_tcp_type tcp_type,
                                           uint32_t priority)
{
    if (hf_ice_addr_is_forbidden(addr))
        return NULL;
    make_room(g, false);
    hf_ice_remote *remote = hf_alloc(g->ice->env, sizeof *remote);
    if (!remote)
        return NULL;
    *remote = (hf_ice_remote){
        .type = HF_ICE_PEER_REFLEXIVE, .tcp_type = tcp_type, .addr = without_zone(addr), .priority = priority};
    snprintf(remote->foundation_text, sizeof remote->foundation_text, "!%u", (unsigned)g->foundations_len + 1);
    if (append(g, remote)) {
        hf_ice_remote_free(g, remote);
        return NULL;
    }
    return remote;
}

/* What came before the credentials may belong to others: now it shows. */
void hf_ice_remote_drop_other_generations(hf_ice_generation *g)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->remotes_len; i++) {
        hf_ice_remote *remote = g->remotes[i];
        if (is_of_other_generation(g, remote->ufrag)) {
            g->ice->stats.remote_candidates_ignored++;
            hf_ice_trace_remote(g, remote, HF_TRACE_ICE_CANDIDATE_REMOVED);
            hf_ice_remote_free(g, remote);
            continue;
        }
        hf_dealloc(g->ice->env, remote->ufrag);
        remote->ufrag = NULL;
        g->remotes[kept++] = remote;
    }
    g->remotes_len = kept;
}

void hf_ice_remote_describe(const hf_ice_remote *remote, hf_ice_candidate *out)
{
    *out = (hf_ice_candidate){.type = remote->type,
                              .tcp_type = remote->tcp_type,
                              .component = 1,
                              .priority = remote->priority,
                              .addr = remote->addr};
    if (remote->foundation_text[0] == '!')
        snprintf(out->foundation, sizeof out->foundation, "prflx%u", (unsigned)remote->foundation);
    else
        memcpy(out->foundation, remote->foundation_text, sizeof out->foundation);
    if (remote->name) { /* draft-ietf-mmusic-mdns-ice-candidates §3.3.1: statistics show the name alone */
        out->addr = (hf_addr){.port = remote->addr.port};
        snprintf(out->name, sizeof out->name, "%s", remote->name);
    }
}
