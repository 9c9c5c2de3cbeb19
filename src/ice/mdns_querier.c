/* mdns_querier.c: asking for the addresses of names. */
#include "mdns_priv.h"

#include "alloc.h"

#include <string.h>

/* How long after each query for a name the next one is sent.
 *
 * RFC 6762 §5.2 wants a second between the first two and twice as long between each two that follow. So it is, but for the
 * first pause. It is there because other programs of this machine share the port: the answer to the first, which asks for
 * unicast (draft-ietf-mmusic-mdns-ice-candidates §3.2.1), may have been handed to one of them instead of to us. None but
 * the first asks for unicast. Nor is the first held back by up to 120 ms: somebody waits to be connected, and it was no
 * event on the network that makes all of its machines ask at once. */
static const hf_span pauses[] = {HF_MS(200), HF_SECONDS(1), HF_SECONDS(2)};
#define PAUSES_LEN (sizeof pauses / sizeof pauses[0])

#define GIVE_UP HF_SECONDS(5)

static hf_mdns_wanted *find(const hf_mdns *mdns, const char *name)
{
    for (size_t i = 0; i < mdns->wanted_len; i++) {
        if (!mdns->wanted[i]->is_done && hf_mdns_is_same_name(name, mdns->wanted[i]->name))
            return mdns->wanted[i];
    }
    return NULL;
}

static void drop_wanted(hf_mdns *mdns, const hf_mdns_wanted *wanted)
{
    size_t at = 0;
    while (mdns->wanted[at] != wanted)
        at++;
    hf_dealloc(mdns->env, mdns->wanted[at]);
    mdns->wanted[at] = mdns->wanted[--mdns->wanted_len];
}

static hf_err add_wanted(hf_mdns *mdns, hf_time now, const char *name, hf_mdns_wanted **out)
{
    hf_err err =
        hf_grow(mdns->env, &mdns->wanted, &mdns->wanted_cap, mdns->wanted_len + 1, HF_MDNS_NAMES_MAX, sizeof *mdns->wanted);
    if (err)
        return err;
    hf_mdns_wanted *wanted = hf_alloc(mdns->env, sizeof *wanted);
    if (!wanted)
        return HF_ENOMEM;
    hf_mdns_copy_name(wanted->name, name);
    wanted->due = now;
    wanted->give_up_at = now + GIVE_UP;
    mdns->wanted[mdns->wanted_len++] = wanted;
    *out = wanted;
    return HF_OK;
}

hf_err hf_mdns_resolve(hf_mdns *mdns, hf_time now, void *owner, uint32_t id, const char *name)
{
    if (!mdns || !hf_mdns_is_name(name))
        return HF_EINVAL;
    now = now > mdns->now ? now : mdns->now;
    hf_err err =
        hf_grow(mdns->env, &mdns->askers, &mdns->askers_cap, mdns->askers_len + 1, HF_MDNS_ASKERS_MAX, sizeof *mdns->askers);
    if (err)
        return err;
    hf_mdns_wanted *wanted = find(mdns, name);
    if (!wanted) {
        err = add_wanted(mdns, now, name, &wanted);
        if (err)
            return err;
    }
    wanted->askers++;
    mdns->askers[mdns->askers_len++] = (hf_mdns_asker){.owner = owner, .id = id, .wanted = wanted};
    return HF_OK;
}

static void remove_asker(hf_mdns *mdns, size_t at)
{
    hf_mdns_wanted *wanted = mdns->askers[at].wanted;
    memmove(&mdns->askers[at], &mdns->askers[at + 1], (mdns->askers_len - at - 1) * sizeof *mdns->askers);
    mdns->askers_len--;
    if (--wanted->askers == 0)
        drop_wanted(mdns, wanted);
}

void hf_mdns_querier_forget(hf_mdns *mdns, const void *owner)
{
    for (size_t i = mdns->askers_len; i-- > 0;) {
        if (mdns->askers[i].owner == owner)
            remove_asker(mdns, i);
    }
}

void hf_mdns_querier_clear(hf_mdns *mdns)
{
    for (size_t i = 0; i < mdns->wanted_len; i++)
        hf_dealloc(mdns->env, mdns->wanted[i]);
    hf_dealloc(mdns->env, mdns->wanted);
    hf_dealloc(mdns->env, mdns->askers);
}

bool hf_mdns_poll_event(hf_mdns *mdns, hf_mdns_event *out)
{
    for (size_t i = 0; mdns && i < mdns->askers_len; i++) {
        const hf_mdns_asker *asker = &mdns->askers[i];
        const hf_mdns_wanted *wanted = asker->wanted;
        if (!wanted->is_done)
            continue;
        memcpy(mdns->told, wanted->addrs, sizeof mdns->told);
        *out = (hf_mdns_event){.owner = asker->owner,
                               .id = asker->id,
                               .err = wanted->addrs_len > 0 ? HF_OK : HF_ERESOLVE,
                               .addrs = mdns->told,
                               .addrs_len = wanted->addrs_len};
        remove_asker(mdns, i);
        return true;
    }
    return false;
}

/* --- Responses --- */

/* Nobody may be reached there, or only this machine, of which only this machine may tell. */
static bool is_believable(const hf_mdns *mdns, const hf_path *path, const hf_addr *addr)
{
    if (hf_addr_is_unspecified(addr) || hf_addr_is_multicast(addr))
        return false;
    return !hf_addr_is_loopback(addr) || hf_mdns_find_local(mdns, &path->remote);
}

static void add_addr(const hf_mdns *mdns, hf_mdns_wanted *wanted, const hf_path *path, const hf_mdns_record *record)
{
    hf_addr addr = record->addr;
    if (hf_addr_is_link_local(&addr) && addr.family == HF_FAMILY_IPV6)
        addr.scope = hf_mdns_find_local(mdns, &path->local)->interface;
    for (size_t i = 0; i < wanted->addrs_len; i++) {
        if (hf_addr_equal(&wanted->addrs[i], &addr))
            return;
    }
    if (wanted->addrs_len < HF_MDNS_ADDRS_MAX && is_believable(mdns, path, &addr))
        wanted->addrs[wanted->addrs_len++] = addr;
}

/* A name of ours is ours alone. Another address for it is a mistake or an attack: RFC 6762 §9 would have us look for
 * another name, but the name is in the hands of the remote already. */
static bool is_about_us(hf_mdns *mdns, const hf_mdns_record *record)
{
    const hf_mdns_own *own = hf_mdns_find_own(mdns, record->name);
    if (!own)
        return false;
    mdns->stats.conflicts += record->ttl > 0 && !hf_addr_equal_ip(&record->addr, &own->addr);
    return true;
}

void hf_mdns_querier_on_response(hf_mdns *mdns, const hf_datagram *datagram)
{
    hf_mdns_reader m;
    hf_mdns_question question;
    hf_mdns_record record;
    bool is_of_use = false;

    (void)hf_mdns_read(&m, hf_bytes_of(datagram->data, datagram->len));
    while (m.is_ordinary && hf_mdns_next_question(&m, &question)) {
    }
    while (m.is_ordinary && hf_mdns_next_record(&m, &record)) {
        if (record.name[0] == '\0' || record.addr.family == HF_FAMILY_NONE)
            continue;
        hf_mdns_wanted *wanted = find(mdns, record.name);
        is_of_use |= is_about_us(mdns, &record) || wanted;
        if (wanted && record.ttl > 0)
            add_addr(mdns, wanted, &datagram->path, &record);
    }
    mdns->stats.drop_unasked += !is_of_use;
    for (size_t i = 0; i < mdns->wanted_len; i++)
        mdns->wanted[i]->is_done |= mdns->wanted[i]->addrs_len > 0;
}

/* --- Queries --- */

static bool send_on_link(hf_mdns *mdns, hf_mdns_wanted *wanted, hf_transmit *out)
{
    out->path = hf_mdns_path(&mdns->links[wanted->next_link++]);
    out->len = out->segment = hf_mdns_write_query(out->buffer, out->cap, wanted->name, wanted->sent == 0);
    mdns->stats.queries_sent += out->len > 0;
    return out->len > 0;
}

static bool poll_one(hf_mdns *mdns, hf_time now, hf_mdns_wanted *wanted, hf_transmit *out)
{
    while (!wanted->is_done && now >= wanted->due) {
        while (wanted->next_link < mdns->links_len) {
            if (send_on_link(mdns, wanted, out))
                return true;
        }
        wanted->next_link = 0;
        wanted->due = wanted->sent < PAUSES_LEN ? now + pauses[wanted->sent] : HF_NEVER;
        wanted->sent++;
    }
    return false;
}

bool hf_mdns_querier_poll(hf_mdns *mdns, hf_time now, hf_transmit *out)
{
    for (size_t i = 0; i < mdns->wanted_len; i++) {
        if (poll_one(mdns, now, mdns->wanted[i], out))
            return true;
    }
    return false;
}

hf_time hf_mdns_querier_deadline(const hf_mdns *mdns)
{
    hf_time at = HF_NEVER;
    for (size_t i = 0; i < mdns->wanted_len; i++) {
        const hf_mdns_wanted *wanted = mdns->wanted[i];
        hf_time due = wanted->due < wanted->give_up_at ? wanted->due : wanted->give_up_at;
        if (!wanted->is_done && due < at)
            at = due;
    }
    return at;
}

void hf_mdns_querier_tick(hf_mdns *mdns, hf_time now)
{
    for (size_t i = 0; i < mdns->wanted_len; i++)
        mdns->wanted[i]->is_done |= now >= mdns->wanted[i]->give_up_at;
}
