/* mdns.c: multicast DNS: birth, what goes in and what comes out. */
#include "mdns_priv.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

/* --- Names --- */

static bool is_label(hf_bytes label)
{
    if (label.len == 0 || label.len > 63)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.data[i];
        bool is_allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!is_allowed)
            return false;
    }
    return true;
}

/* Without a dot at the end, which says that the name is complete: these are always. */
static hf_bytes trim(const char *name)
{
    hf_bytes text = hf_bytes_of_text(name);
    text.len -= text.len > 0 && text.data[text.len - 1] == '.';
    return text;
}

bool hf_mdns_is_name(const char *name)
{
    hf_bytes rest = trim(name);
    if (rest.len > HF_MDNS_NAME_MAX)
        return false;
    for (size_t labels = 1;; labels++) {
        const uint8_t *dot = rest.len > 0 ? memchr(rest.data, '.', rest.len) : NULL;
        hf_bytes label = dot ? hf_bytes_of(rest.data, (size_t)(dot - rest.data)) : rest;
        if (!is_label(label))
            return false;
        if (!dot)
            return labels > 1 && hf_bytes_equal_text_nocase(label, "local");
        rest = hf_bytes_of(dot + 1, rest.len - label.len - 1);
    }
}

void hf_mdns_copy_name(char out[HF_MDNS_NAME_SIZE], const char *name)
{
    hf_bytes text = trim(name);
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

bool hf_mdns_is_same_name(const char *a, const char *b)
{
    return hf_bytes_equal_text_nocase(trim(a), b);
}

/* --- Birth and death --- */

hf_err hf_mdns_new(hf_mdns **out, const hf_env *env)
{
    if (!out || !env || !hf_env_is_usable(env))
        return HF_EINVAL;
    hf_mdns *mdns = hf_alloc(env, sizeof *mdns);
    if (!mdns)
        return HF_ENOMEM;
    mdns->env = env;
    *out = mdns;
    return HF_OK;
}

void hf_mdns_free(hf_mdns *mdns)
{
    if (!mdns)
        return;
    hf_mdns_querier_clear(mdns);
    hf_mdns_responder_clear(mdns);
    hf_dealloc(mdns->env, mdns);
}

/* A `now` earlier than one given before counts as that one (base.h). */
static hf_time at(hf_mdns *mdns, hf_time now)
{
    if (now > mdns->now)
        mdns->now = now;
    return mdns->now;
}

void hf_mdns_forget(hf_mdns *mdns, hf_time now, const void *owner)
{
    if (!mdns)
        return;
    hf_mdns_querier_forget(mdns, owner);
    hf_mdns_responder_forget(mdns, at(mdns, now), owner);
}

/* --- Links --- */

const hf_local *hf_mdns_find_local(const hf_mdns *mdns, const hf_addr *addr)
{
    for (size_t i = 0; i < mdns->locals_len; i++) {
        if (hf_addr_equal_ip(&mdns->locals[i].addr, addr))
            return &mdns->locals[i];
    }
    return NULL;
}

static bool has_link(const hf_mdns *mdns, const hf_local *local)
{
    for (size_t i = 0; i < mdns->links_len; i++) {
        if (mdns->links[i].interface == local->interface && mdns->links[i].local.family == local->addr.family)
            return true;
    }
    return false;
}

void hf_mdns_reply(hf_mdns *mdns, hf_time now, const hf_reply *reply)
{
    if (!mdns || !reply || reply->type != HF_REPLY_LOCALS || reply->err != HF_OK)
        return;
    now = at(mdns, now);
    mdns->locals_len = mdns->links_len = 0;
    for (size_t i = 0; i < reply->locals_len && mdns->locals_len < HF_MDNS_LOCALS_MAX; i++) {
        const hf_local *local = &reply->locals[i];
        if (local->addr.family == HF_FAMILY_NONE)
            continue;
        mdns->locals[mdns->locals_len++] = *local;
        if (!has_link(mdns, local) && mdns->links_len < HF_MDNS_LINKS_MAX)
            mdns->links[mdns->links_len++] = (hf_mdns_link){.local = local->addr, .interface = local->interface};
    }
    hf_mdns_responder_on_locals(mdns, now);
}

hf_path hf_mdns_path(const hf_mdns_link *link)
{
    hf_path path = {.transport = HF_UDP, .local = link->local};
    path.local.port = HF_MDNS_PORT;
    path.remote = (hf_addr){.family = link->local.family, .port = HF_MDNS_PORT};
    if (link->local.family == HF_FAMILY_IPV4) {
        memcpy(path.remote.ip, (const uint8_t[]){224, 0, 0, 251}, 4);
    } else {
        path.remote.ip[0] = 0xFF;
        path.remote.ip[1] = 0x02;
        path.remote.ip[15] = 0xFB;
        path.remote.scope = link->interface;
    }
    return path;
}

/* --- Input --- */

static bool shares_prefix(const hf_addr *a, const hf_addr *b, unsigned bits)
{
    size_t whole = bits / 8;
    if (memcmp(a->ip, b->ip, whole) != 0)
        return false;
    return bits % 8 == 0 || (a->ip[whole] ^ b->ip[whole]) >> (8 - bits % 8) == 0;
}

/* RFC 6762 §11: "All responders SHOULD … check that the source address in the … packet is on the local link": it is one of
 * this machine, a link-local one, or it shares the prefix of an address of the interface. Where prefixes are not known,
 * whoever can send to the group is believed to be there. */
static bool is_on_link(const hf_mdns *mdns, const hf_path *path)
{
    const hf_local *in = hf_mdns_find_local(mdns, &path->local);
    if (!in)
        return false;
    if (hf_addr_is_link_local(&path->remote) || hf_mdns_find_local(mdns, &path->remote))
        return true;
    for (size_t i = 0; i < mdns->locals_len; i++) {
        const hf_local *local = &mdns->locals[i];
        unsigned bits = local->addr.family == HF_FAMILY_IPV4 ? 32 : 128;
        if (local->interface == in->interface && local->addr.family == path->remote.family && local->prefix <= bits &&
            shares_prefix(&local->addr, &path->remote, local->prefix))
            return true;
    }
    return false;
}

static void take(hf_mdns *mdns, hf_time now, const hf_datagram *datagram)
{
    hf_bytes message = hf_bytes_of(datagram->data, datagram->len);
    hf_mdns_reader m;

    if (!datagram->data || datagram->len > HF_MDNS_DATAGRAM_MAX || !hf_mdns_is_well_formed(message)) {
        mdns->stats.drop_malformed++;
        return;
    }
    (void)hf_mdns_read(&m, message);
    /* RFC 6762 §6: "MUST silently ignore any Multicast DNS responses … where the source UDP port is not 5353". */
    if (!is_on_link(mdns, &datagram->path) || (m.is_response && datagram->path.remote.port != HF_MDNS_PORT)) {
        mdns->stats.drop_foreign++;
    } else if (m.is_response) {
        mdns->stats.responses_received++;
        hf_mdns_querier_on_response(mdns, datagram);
    } else if (m.is_ordinary) {
        mdns->stats.queries_received++;
        hf_mdns_responder_on_query(mdns, now, datagram);
    }
}

void hf_mdns_input(hf_mdns *mdns, hf_time now, const hf_datagram *datagrams, size_t n)
{
    if (!mdns || !datagrams)
        return;
    now = at(mdns, now);
    for (size_t i = 0; i < n; i++)
        take(mdns, now, &datagrams[i]);
}

/* --- Output and time --- */

bool hf_mdns_poll_transmit(hf_mdns *mdns, hf_time now, hf_transmit *out)
{
    if (!mdns || !out || !out->buffer)
        return false;
    now = at(mdns, now);
    return hf_mdns_responder_poll(mdns, now, out) || hf_mdns_querier_poll(mdns, now, out);
}

hf_time hf_mdns_deadline(const hf_mdns *mdns)
{
    if (!mdns)
        return HF_NEVER;
    hf_time asks = hf_mdns_querier_deadline(mdns), answers = hf_mdns_responder_deadline(mdns);
    return asks < answers ? asks : answers;
}

void hf_mdns_tick(hf_mdns *mdns, hf_time now)
{
    if (mdns)
        hf_mdns_querier_tick(mdns, at(mdns, now));
}

bool hf_mdns_is_idle(const hf_mdns *mdns)
{
    return !mdns || (mdns->wanted_len == 0 && mdns->own_len == 0);
}

void hf_mdns_get_stats(const hf_mdns *mdns, hf_mdns_stats *out)
{
    *out = mdns ? mdns->stats : (hf_mdns_stats){0};
}
