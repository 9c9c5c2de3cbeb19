/* alias.c: names instead of host addresses (draft-ietf-mmusic-mdns-ice-candidates): the remote's are looked up, ours are
 * made up and advertised. What is multicast DNS in it is the driver's affair. */
#include "ice_priv.h"

#include <stdio.h>

/* Request ids of names begin above those of servers (gather.c). */
#define FIRST_ID 0x100

/* --- The form of a name ----------------------------------------------------------------------------------------------- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* §3.1.1: "The unique name MUST consist of a version 4 UUID as defined in [RFC4122], followed by ".local"." §3.2.2 lets an
 * agent look up no others, since a remote could make it send to any device that has a well-known name. In the picture, x
 * is any hexadecimal digit, and y one of 8 to b (RFC 4122 §4.1.1). */
bool hf_ice_alias_is_made_up(const char *name)
{
    static const char form[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool fits = form[i] == 'x'   ? is_hex(name[i])
                    : form[i] == 'y' ? name[i] != '\0' && strchr("89abAB", name[i])
                                     : name[i] == form[i];
        if (!fits)
            return false;
    }
    return hf_bytes_equal_text_nocase(hf_bytes_of_text(name + sizeof form - 1), ".local");
}

static void make_up(const hf_env *env, char name[HF_ICE_NAME_SIZE])
{
    uint8_t u[16];
    hf_random_bytes(env, u, sizeof u);
    u[6] = (uint8_t)((u[6] & 0x0F) | 0x40); /* RFC 4122 §4.4 */
    u[8] = (uint8_t)((u[8] & 0x3F) | 0x80);
    snprintf(name, HF_ICE_NAME_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x.local", u[0],
             u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

/* --- The remote's --------------------------------------------------------------------------------------------------- */

static void drop(hf_ice *ice, size_t at)
{
    hf_dealloc(ice->env, ice->names[at]);
    ice->names_len--;
    memmove(&ice->names[at], &ice->names[at + 1], (ice->names_len - at) * sizeof *ice->names);
}

void hf_ice_alias_forget(hf_ice_generation *g)
{
    hf_ice *ice = g->ice;
    for (size_t i = ice->names_len; i-- > 0;) {
        if (ice->names[i]->generation == g)
            drop(ice, i);
    }
}

static bool is_known(const hf_ice_generation *g, const hf_ice_candidate *candidate)
{
    for (size_t i = 0; i < g->ice->names_len; i++) {
        const hf_ice_named *name = g->ice->names[i];
        if (name->generation == g && strcmp(name->candidate.name, candidate->name) == 0 &&
            name->candidate.addr.port == candidate->addr.port && name->candidate.tcp_type == candidate->tcp_type)
            return true;
    }
    return false;
}

hf_err hf_ice_alias_add(hf_ice_generation *g, const hf_ice_candidate *candidate, const char *ufrag)
{
    hf_ice *ice = g->ice;
    g->remote_hides_addresses = true;
    if (ice->mdns == HF_ICE_MDNS_OFF || !hf_ice_alias_is_made_up(candidate->name)) {
        ice->stats.remote_candidates_ignored++;
        return HF_ENOTSUP;
    }
    if (candidate->addr.port == 0)
        return HF_EINVAL;
    if (is_known(g, candidate))
        return HF_OK;
    if (g->names_len == HF_ICE_REMOTE_NAMES_MAX) {
        ice->stats.remote_candidates_ignored++;
        return HF_ELIMIT;
    }
    if (hf_grow(ice->env, &ice->names, &ice->names_cap, ice->names_len + 1, SIZE_MAX, sizeof *ice->names))
        return HF_ENOMEM;
    hf_ice_named *name = hf_alloc(ice->env, sizeof *name);
    if (!name)
        return HF_ENOMEM;
    name->generation = g;
    name->candidate = *candidate;
    snprintf(name->candidate.ufrag, sizeof name->candidate.ufrag, "%s", ufrag);
    ice->names[ice->names_len++] = name;
    g->names_len++;
    return HF_OK;
}

/* §3.2.2: "An ICE agent SHOULD ignore candidates where the hostname resolution returns more than one IP address." */
static bool take_address(hf_ice_named *name, const hf_reply *reply)
{
    if (reply->err != HF_OK || reply->addrs_len != 1 || name->generation->is_over)
        return false;
    uint16_t port = name->candidate.addr.port;
    name->candidate.addr = reply->addrs[0];
    name->candidate.addr.port = port;
    return !hf_ice_addr_is_forbidden(&name->candidate.addr);
}

void hf_ice_alias_on_resolved(hf_ice *ice, const hf_reply *reply)
{
    for (size_t i = 0; i < ice->names_len; i++) {
        hf_ice_named *name = ice->names[i];
        if (name->id == 0 || name->id != reply->id)
            continue;
        if (!take_address(name, reply) ||
            hf_ice_remote_add(name->generation, &name->candidate, name->candidate.ufrag) == HF_ENOMEM)
            ice->stats.remote_candidates_ignored++;
        drop(ice, i);
        return;
    }
}

/* --- Ours ----------------------------------------------------------------------------------------------------------- */

static hf_ice_alias *find_alias(const hf_ice *ice, const hf_addr *addr)
{
    for (size_t i = 0; i < ice->aliases_len; i++) {
        if (hf_addr_equal_ip(&ice->aliases[i].addr, addr))
            return &ice->aliases[i];
    }
    return NULL;
}

/* §3.3.3 would have one name for each origin; an agent is as much as we know of one. So names outlive restarts. Without
 * memory there is no name, and the candidate stays untold. */
void hf_ice_alias_hide(hf_ice *ice, const hf_addr *addr)
{
    if (ice->mdns != HF_ICE_MDNS_HIDE || find_alias(ice, addr) ||
        hf_grow(ice->env, &ice->aliases, &ice->aliases_cap, ice->aliases_len + 1, HF_ICE_LOCAL_CANDIDATES_MAX,
                sizeof *ice->aliases))
        return;
    hf_ice_alias *alias = &ice->aliases[ice->aliases_len++];
    *alias = (hf_ice_alias){.addr = *addr};
    alias->addr.port = 0;
    make_up(ice->env, alias->name);
}

bool hf_ice_alias_is_settled(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->aliases_len; i++) {
        if (ice->aliases[i].state == HF_ICE_ALIAS_UNASKED || ice->aliases[i].state == HF_ICE_ALIAS_ASKED)
            return false;
    }
    return true;
}

void hf_ice_alias_on_advertised(hf_ice *ice, const hf_reply *reply)
{
    size_t at = (size_t)reply->id - FIRST_ID;
    if (reply->id < FIRST_ID || at >= ice->aliases_len || ice->aliases[at].state != HF_ICE_ALIAS_ASKED)
        return;
    ice->aliases[at].state = reply->err == HF_OK ? HF_ICE_ALIAS_HELD : HF_ICE_ALIAS_REFUSED;
}

/* §3.1.2.1 would have a candidate told whose name nobody answers for, so that a web page can't find out about the network.
 * Our application is no adversary of its user, and the remote would wait for an answer in vain. */
bool hf_ice_alias_allows_telling(const hf_ice *ice, const hf_ice_local *local)
{
    if (ice->mdns != HF_ICE_MDNS_HIDE || local->type != HF_ICE_HOST)
        return true;
    const hf_ice_alias *alias = find_alias(ice, &local->addr);
    return alias && alias->state == HF_ICE_ALIAS_HELD;
}

/* RFC 8839 §5.1: of a related address that is concealed, "the address MUST be set to "0.0.0.0" (for IPv4 candidates) or "::"
 * (for IPv6 candidates) and the port to "9"." */
void hf_ice_alias_conceal(const hf_ice *ice, const hf_ice_local *local, hf_ice_candidate *out)
{
    if (ice->mdns != HF_ICE_MDNS_HIDE)
        return;
    if (out->related.family != HF_FAMILY_NONE)
        out->related = (hf_addr){.family = out->related.family, .port = 9};
    if (local->type != HF_ICE_HOST)
        return;
    const hf_ice_alias *alias = find_alias(ice, &local->addr);
    out->addr = (hf_addr){.port = local->addr.port};
    if (alias)
        memcpy(out->name, alias->name, sizeof alias->name);
}

void hf_ice_alias_name_route(const hf_ice *ice, const hf_ice_pair *pair, hf_ice_route *out)
{
    const hf_ice_alias *alias =
        ice->mdns == HF_ICE_MDNS_HIDE && pair->mapped->type == HF_ICE_HOST ? find_alias(ice, &pair->mapped->addr) : NULL;
    if (alias)
        memcpy(out->local_name, alias->name, sizeof alias->name);
    if (pair->remote->name)
        snprintf(out->remote_name, sizeof out->remote_name, "%s", pair->remote->name);
}

/* --- Requests -------------------------------------------------------------------------------------------------------- */

bool hf_ice_alias_poll_request(hf_ice *ice, hf_request *out)
{
    for (size_t i = 0; i < ice->aliases_len; i++) {
        hf_ice_alias *alias = &ice->aliases[i];
        if (alias->state != HF_ICE_ALIAS_UNASKED)
            continue;
        alias->state = HF_ICE_ALIAS_ASKED;
        *out = (hf_request){.type = HF_REQUEST_ADVERTISE, .id = FIRST_ID + (uint32_t)i, .name = alias->name};
        out->path.local = alias->addr;
        return true;
    }
    for (size_t i = 0; i < ice->names_len; i++) {
        hf_ice_named *name = ice->names[i];
        if (name->id != 0)
            continue;
        name->id = FIRST_ID + ice->names_asked++ % (UINT32_MAX - FIRST_ID);
        *out = (hf_request){.type = HF_REQUEST_RESOLVE, .id = name->id, .name = name->candidate.name};
        return true;
    }
    return false;
}

void hf_ice_alias_clear(hf_ice *ice)
{
    while (ice->names_len > 0)
        drop(ice, ice->names_len - 1);
    hf_dealloc(ice->env, ice->names);
    hf_dealloc(ice->env, ice->aliases);
}
