/* net.c: the ways of packets. */
#include "net.h"

#include "chance.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define UDP_IP_HEADERS 28

typedef struct packet {
    sim *sim;
    int direction;    /* on the link in the middle: hosts of even numbers share one, the others the other */
    sim_realm *realm; /* where it is */
    sim_host *host;   /* where it arrives */
    hf_addr source, destination;
    size_t len;
    uint8_t data[];
} packet;

sim_realm *sim_internet(sim *s)
{
    return &s->realms[0];
}

sim_realm *sim_add_realm(sim *s, sim_realm *outer, const nat_config *gate)
{
    assert(s->realms_len < SIM_REALMS_MAX);
    sim_realm *realm = &s->realms[s->realms_len++];
    realm->outer = outer ? outer : sim_internet(s);
    nat_init(&realm->gate, gate, &s->chance);
    return realm;
}

/* --- Who is where ------------------------------------------------------------------------------------------------ */

static sim_interface *interface_at(sim *s, const sim_realm *realm, const hf_addr *addr)
{
    for (size_t i = 0; i < s->hosts_len; i++) {
        for (size_t k = 0; k < s->hosts[i]->interfaces_len; k++) {
            sim_interface *interface = &s->hosts[i]->interfaces[k];
            if (interface->realm == realm && hf_addr_equal_ip(addr, &interface->addrs[addr->family == HF_FAMILY_IPV6]))
                return interface;
        }
    }
    return NULL;
}

static sim_realm *inner_with(sim *s, const sim_realm *realm, const hf_addr *addr);

static bool holds(sim *s, const sim_realm *realm, const hf_addr *addr)
{
    return interface_at(s, realm, addr) || inner_with(s, realm, addr);
}

/* The network behind whose NAT an address lies; NULL: none of them. */
static sim_realm *inner_with(sim *s, const sim_realm *realm, const hf_addr *addr)
{
    for (size_t i = 0; i < s->realms_len; i++) {
        sim_realm *inner = &s->realms[i];
        if (inner->outer != realm)
            continue;
        if (nat_is_transparent(&inner->gate, addr->family) ? holds(s, inner, addr) : nat_has(&inner->gate, addr))
            return inner;
    }
    return NULL;
}

/* --- Out and in -------------------------------------------------------------------------------------------------- */

/* Goes out until a network knows the destination. */
static sim_realm *climb(sim *s, sim_realm *realm, hf_transport transport, hf_addr *source, const hf_addr *destination)
{
    const sim_realm *came_from = NULL;
    if (source->family != destination->family)
        return NULL;
    for (;;) {
        const sim_realm *inner = inner_with(s, realm, destination);
        if (inner && inner == came_from && !inner->gate.config.hairpins)
            return NULL;
        if (inner || interface_at(s, realm, destination))
            return realm;
        hf_addr outside;
        if (!realm->outer || !nat_out(&realm->gate, s->now, transport, source, destination, &outside))
            return NULL;
        *source = outside;
        came_from = realm;
        realm = realm->outer;
    }
}

static sim_interface *descend(sim *s, sim_realm *realm, hf_transport transport, const hf_addr *source, hf_addr *destination)
{
    for (;;) {
        sim_interface *interface = interface_at(s, realm, destination);
        hf_addr inside;
        if (interface)
            return interface;
        realm = inner_with(s, realm, destination);
        if (!realm || !nat_in(&realm->gate, s->now, transport, destination, source, &inside))
            return NULL;
        *destination = inside;
    }
}

sim_interface *sim_net_walk(const sim_interface *from, hf_transport transport, hf_addr *source, hf_addr *destination,
                            hf_span *delay)
{
    sim *s = from->host->sim;
    sim_realm *realm = from->realm ? climb(s, from->realm, transport, source, destination) : NULL;
    sim_interface *to = realm ? descend(s, realm, transport, source, destination) : NULL;
    bool is_far = realm == sim_internet(s);
    if (!to || from->link.cut || to->link.cut || (is_far && s->link.cut))
        return NULL;
    *delay = sim_link_delay(s, &from->link) + (is_far ? sim_link_delay(s, &s->link) : 0) + sim_link_delay(s, &to->link);
    return to;
}

/* --- Over links -------------------------------------------------------------------------------------------------- */

/* When a packet has gone through the link's queue; false: it was full. */
static bool leave_queue(const packet *p, const sim_link *link, hf_time *until, hf_time *at)
{
    *at = p->sim->now;
    if (link->rate == 0)
        return true;
    if (*until < *at)
        *until = *at;
    uint64_t waiting = (uint64_t)(*until - *at) * link->rate / 1000000;
    if (waiting + p->len + UDP_IP_HEADERS > link->queue)
        return false;
    *until += (hf_span)((p->len + UDP_IP_HEADERS) * 1000000 / link->rate);
    *at = *until;
    return true;
}

static void put(packet *p, const sim_link *link, hf_time *until, timeline_land land)
{
    sim *s = p->sim;
    hf_time at;
    if (!leave_queue(p, link, until, &at)) {
        s->overflowed++;
        free(p);
        return;
    }
    at += sim_link_delay(s, link);
    if (p->len > 0 && link->corrupt > 0 && chance_below(&s->chance, 1000) < link->corrupt)
        p->data[chance_below(&s->chance, (uint32_t)p->len)] ^= (uint8_t)(1u << chance_below(&s->chance, 8));
    if (at > s->now) {
        timeline_add(&s->timeline, at, land, s, p);
        return;
    }
    land(s, p);
    free(p);
}

static packet *copy(const packet *p)
{
    packet *same = malloc(sizeof *p + p->len);
    assert(same);
    memcpy(same, p, sizeof *p + p->len);
    return same;
}

/* Takes a copy over a link, or none, or two. */
static void cross(const packet *p, const sim_link *link, hf_time *until, timeline_land land)
{
    sim *s = p->sim;
    if (link->cut || (link->loss > 0 && chance_below(&s->chance, 1000) < link->loss))
        return;
    put(copy(p), link, until, land);
    if (link->duplicate > 0 && chance_below(&s->chance, 1000) < link->duplicate)
        put(copy(p), link, until, land);
}

static void arrive(void *context, void *cargo)
{
    packet *p = cargo;
    (void)context;
    sim_host_receive(p->host, &p->source, &p->destination, p->data, p->len);
}

static void go_in(void *context, void *cargo)
{
    packet *p = cargo;
    sim_interface *to = descend(context, p->realm, HF_UDP, &p->source, &p->destination);
    if (!to)
        return;
    p->host = to->host;
    cross(p, &to->link, &to->queue.until[1], arrive);
}

static void go_out(void *context, void *cargo)
{
    packet *p = cargo;
    sim *s = context;
    p->realm = climb(s, p->realm, HF_UDP, &p->source, &p->destination);
    if (p->realm == sim_internet(s))
        cross(p, &s->link, &s->queue.until[p->direction], go_in);
    else if (p->realm)
        go_in(s, p);
}

static packet *packet_of(sim *s, const hf_path *path, const uint8_t *data, size_t len)
{
    packet *p = malloc(sizeof *p + len);
    assert(p);
    *p = (packet){.sim = s, .source = path->local, .destination = path->remote, .len = len};
    if (len > 0)
        memcpy(p->data, data, len);
    return p;
}

void sim_net_send(sim_interface *from, const hf_path *path, const uint8_t *data, size_t len)
{
    packet *p = packet_of(from->host->sim, path, data, len);
    p->realm = from->realm;
    p->direction = from->host->number % 2;
    cross(p, &from->link, &from->queue.until[0], go_out);
    free(p);
}

void sim_net_send_to(sim *s, sim_host *to, const hf_path *path, const uint8_t *data, size_t len)
{
    packet *p = packet_of(s, path, data, len);
    p->host = to;
    p->direction = 1 - to->number % 2;
    cross(p, &s->link, &s->queue.until[p->direction], arrive);
    free(p);
}

void sim_inject(sim *s, int to, const hf_path *path, const uint8_t *data, size_t len)
{
    hf_path as_sent = {.local = path->remote, .remote = path->local};
    packet *p = packet_of(s, &as_sent, data, len);
    p->host = &s->side[to].host;
    timeline_add(&s->timeline, s->now, arrive, s, p);
}
