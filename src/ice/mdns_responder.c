/* mdns_responder.c: answering for names of ours. */
#include "mdns_priv.h"

#include "alloc.h"

#include <string.h>

#define TTL 120       /* RFC 6762 §10: of records that contain a host name or address */
#define TTL_LEGACY 10 /* §6.7: "SHOULD NOT be greater than ten seconds" */

/* RFC 6762 §8.3: "The Multicast DNS responder MUST send at least two unsolicited responses, one second apart." The first
 * waits as long: who is told a name asks for it at once, and would have to wait out the gap below after an announcement.
 * So the answer comes first, and announces as well. */
#define ANNOUNCEMENTS 2
#define ANNOUNCEMENT_GAP HF_SECONDS(1)

/* RFC 6762 §6: "a Multicast DNS responder MUST NOT … multicast a record on a given interface until at least one second has
 * elapsed since the last time that record was multicast on that particular interface." */
#define MULTICAST_GAP HF_SECONDS(1)

/* RFC 6762 §5.4: asked for a unicast answer, a responder that has not multicast the record within a quarter of its TTL
 * should rather do that. */
#define MULTICAST_AFTER HF_SECONDS(TTL / 4)

hf_mdns_own *hf_mdns_find_own(const hf_mdns *mdns, const char *name)
{
    for (size_t i = 0; i < mdns->own_len; i++) {
        if (!mdns->own[i]->is_leaving && hf_mdns_is_same_name(name, mdns->own[i]->name))
            return mdns->own[i];
    }
    return NULL;
}

static void announce(hf_mdns_own *own, hf_time now)
{
    own->announcements = ANNOUNCEMENTS;
    own->due = now + ANNOUNCEMENT_GAP;
}

hf_err hf_mdns_advertise(hf_mdns *mdns, hf_time now, void *owner, const char *name, const hf_addr *addr)
{
    if (!mdns || !addr || addr->family == HF_FAMILY_NONE || !hf_mdns_is_name(name))
        return HF_EINVAL;
    if (hf_mdns_find_own(mdns, name))
        return HF_EEXIST;
    hf_err err = hf_grow(mdns->env, &mdns->own, &mdns->own_cap, mdns->own_len + 1, HF_MDNS_NAMES_MAX, sizeof *mdns->own);
    if (err)
        return err;
    hf_mdns_own *own = hf_alloc(mdns->env, sizeof *own);
    if (!own)
        return HF_ENOMEM;
    hf_mdns_copy_name(own->name, name);
    own->addr = *addr;
    own->addr.port = 0;
    own->owner = owner;
    own->has_local = hf_mdns_find_local(mdns, addr) != NULL;
    announce(own, now > mdns->now ? now : mdns->now);
    mdns->own[mdns->own_len++] = own;
    return HF_OK;
}

void hf_mdns_responder_on_locals(hf_mdns *mdns, hf_time now)
{
    for (size_t i = 0; i < mdns->own_len; i++) {
        hf_mdns_own *own = mdns->own[i];
        bool has_local = hf_mdns_find_local(mdns, &own->addr) != NULL;
        own->next_link = 0;
        if (has_local && !own->has_local && !own->is_leaving)
            announce(own, now);
        own->has_local = has_local;
    }
}

static void drop(hf_mdns *mdns, size_t at)
{
    const hf_mdns_own *own = mdns->own[at];
    size_t kept = 0;
    for (size_t i = 0; i < mdns->owed_len; i++) {
        if (mdns->owed[i].own != own)
            mdns->owed[kept++] = mdns->owed[i];
    }
    mdns->owed_len = kept;
    hf_dealloc(mdns->env, mdns->own[at]);
    mdns->own[at] = mdns->own[--mdns->own_len];
}

/* RFC 6762 §10.1: a goodbye is a response with a TTL of 0. One that nobody has heard of needs none. */
void hf_mdns_responder_forget(hf_mdns *mdns, hf_time now, const void *owner)
{
    for (size_t i = mdns->own_len; i-- > 0;) {
        hf_mdns_own *own = mdns->own[i];
        if (own->owner != owner || own->is_leaving)
            continue;
        if (!own->was_multicast) {
            drop(mdns, i);
            continue;
        }
        own->is_leaving = true;
        own->due = now;
        own->next_link = 0;
    }
}

void hf_mdns_responder_clear(hf_mdns *mdns)
{
    for (size_t i = 0; i < mdns->own_len; i++)
        hf_dealloc(mdns->env, mdns->own[i]);
    hf_dealloc(mdns->env, mdns->own);
}

/* --- Queries --- */

/* RFC 6762 §6.2: a response "MUST NOT include addresses not valid on that interface". */
static bool is_of_interface(const hf_mdns *mdns, const hf_mdns_own *own, uint32_t interface)
{
    const hf_local *local = hf_mdns_find_local(mdns, &own->addr);
    return local && local->interface == interface;
}

static void note_question(const hf_mdns *mdns, const hf_mdns_question *question)
{
    hf_mdns_own *own = question->name[0] != '\0' ? hf_mdns_find_own(mdns, question->name) : NULL;
    if (!own || (question->type != HF_DNS_A && question->type != HF_DNS_AAAA && question->type != HF_DNS_ANY))
        return;
    bool is_other = question->type == (own->addr.family == HF_FAMILY_IPV4 ? HF_DNS_AAAA : HF_DNS_A);
    own->asked |= is_other ? HF_MDNS_ASKED_OTHER : HF_MDNS_ASKED_ADDRESS;
    own->asked |= question->wants_unicast ? HF_MDNS_ASKED_UNICAST : HF_MDNS_ASKED_MULTICAST;
    if (!is_other)
        own->asked_type = question->type;
}

/* RFC 6762 §7.1: "MUST NOT answer a query if the answer … is already included in the Answer Section with an RR TTL at least
 * half the correct value". */
static void note_known_answer(const hf_mdns *mdns, const hf_mdns_record *record)
{
    hf_mdns_own *own = record->name[0] != '\0' ? hf_mdns_find_own(mdns, record->name) : NULL;
    if (own && record->ttl >= TTL / 2 && hf_addr_equal_ip(&record->addr, &own->addr))
        own->asked = 0;
}

static void owe_unicast(hf_mdns *mdns, hf_mdns_own *own, const hf_path *path, uint16_t id, bool is_legacy)
{
    if (mdns->owed_len == HF_MDNS_OWED_MAX) {
        mdns->stats.drop_rate++;
        return;
    }
    mdns->owed[mdns->owed_len++] =
        (hf_mdns_owed){.path = *path, .own = own, .is_legacy = is_legacy, .id = id, .type = own->asked_type};
}

static void owe_multicast(hf_mdns_own *own, hf_time now)
{
    hf_time at = own->was_multicast && own->multicast_at + MULTICAST_GAP > now ? own->multicast_at + MULTICAST_GAP : now;
    if (at < own->due)
        own->due = at;
}

/* Unicast to a program of this machine would reach any of those that share the port. */
static bool prefers_multicast(const hf_mdns *mdns, const hf_mdns_own *own, hf_time now, const hf_path *path)
{
    return (own->asked & HF_MDNS_ASKED_MULTICAST) != 0 || hf_mdns_find_local(mdns, &path->remote) || !own->was_multicast ||
           now - own->multicast_at > MULTICAST_AFTER;
}

static void answer(hf_mdns *mdns, hf_time now, const hf_path *path, const hf_mdns_reader *m, hf_mdns_own *own)
{
    bool is_legacy = path->remote.port != HF_MDNS_PORT; /* RFC 6762 §6.7 */
    if (is_legacy && (own->asked & HF_MDNS_ASKED_ADDRESS) == 0)
        return;
    if (is_legacy || !prefers_multicast(mdns, own, now, path))
        owe_unicast(mdns, own, path, m->id, is_legacy);
    else
        owe_multicast(own, now);
}

void hf_mdns_responder_on_query(hf_mdns *mdns, hf_time now, const hf_datagram *datagram)
{
    const hf_path *path = &datagram->path;
    uint32_t interface = hf_mdns_find_local(mdns, &path->local)->interface;
    hf_mdns_reader m;
    hf_mdns_question question;
    hf_mdns_record record;

    if (mdns->own_len == 0)
        return;
    for (size_t i = 0; i < mdns->own_len; i++)
        mdns->own[i]->asked = 0;
    (void)hf_mdns_read(&m, hf_bytes_of(datagram->data, datagram->len));
    for (size_t n = 0; hf_mdns_next_question(&m, &question); n++) {
        if (n < HF_MDNS_QUESTIONS_MAX)
            note_question(mdns, &question);
    }
    while (m.answers_left > 0 && hf_mdns_next_record(&m, &record))
        note_known_answer(mdns, &record);
    for (size_t i = 0; i < mdns->own_len; i++) {
        if (mdns->own[i]->asked != 0 && is_of_interface(mdns, mdns->own[i], interface))
            answer(mdns, now, path, &m, mdns->own[i]);
    }
}

/* --- Output --- */

static bool write(hf_mdns *mdns, const hf_mdns_response *response, hf_transmit *out)
{
    out->len = out->segment = hf_mdns_write_response(out->buffer, out->cap, response);
    mdns->stats.responses_sent += out->len > 0;
    return out->len > 0;
}

static bool poll_unicast(hf_mdns *mdns, hf_transmit *out)
{
    while (mdns->owed_len > 0) {
        hf_mdns_owed owed = mdns->owed[0];
        memmove(&mdns->owed[0], &mdns->owed[1], --mdns->owed_len * sizeof mdns->owed[0]);
        out->path = owed.path;
        out->path.local.port = HF_MDNS_PORT;
        if (write(mdns,
                  &(hf_mdns_response){.name = owed.own->name,
                                      .addr = owed.own->addr,
                                      .ttl = owed.is_legacy ? TTL_LEGACY : TTL,
                                      .is_legacy = owed.is_legacy,
                                      .id = owed.id,
                                      .type = owed.type},
                  out))
            return true;
    }
    return false;
}

static bool multicast(hf_mdns *mdns, hf_mdns_own *own, hf_transmit *out)
{
    while (own->next_link < mdns->links_len) {
        const hf_mdns_link *link = &mdns->links[own->next_link++];
        if (!is_of_interface(mdns, own, link->interface))
            continue;
        out->path = hf_mdns_path(link);
        hf_mdns_response response = {.name = own->name, .addr = own->addr, .ttl = own->is_leaving ? 0 : TTL};
        if (write(mdns, &response, out))
            return true;
    }
    return false;
}

/* It has gone out on every link. */
static void finish_multicast(hf_mdns *mdns, hf_time now, size_t at)
{
    hf_mdns_own *own = mdns->own[at];
    if (own->is_leaving) {
        drop(mdns, at);
        return;
    }
    own->next_link = 0;
    own->was_multicast = true;
    own->multicast_at = now;
    own->announcements -= own->announcements > 0;
    own->due = own->announcements > 0 ? now + ANNOUNCEMENT_GAP : HF_NEVER;
}

bool hf_mdns_responder_poll(hf_mdns *mdns, hf_time now, hf_transmit *out)
{
    if (poll_unicast(mdns, out))
        return true;
    for (size_t i = mdns->own_len; i-- > 0;) {
        if (now < mdns->own[i]->due)
            continue;
        if (multicast(mdns, mdns->own[i], out))
            return true;
        finish_multicast(mdns, now, i);
    }
    return false;
}

hf_time hf_mdns_responder_deadline(const hf_mdns *mdns)
{
    hf_time at = mdns->owed_len > 0 ? mdns->now : HF_NEVER;
    for (size_t i = 0; i < mdns->own_len; i++) {
        if (mdns->own[i]->due < at)
            at = mdns->own[i]->due;
    }
    return at;
}
