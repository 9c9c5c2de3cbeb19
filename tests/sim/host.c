/* host.c: the driver of one object on the simulated network. */
#include "host.h"

#include "streams.h"
#include "world.h"

#include <assert.h>

#define RUN_BUFFER 65536

void sim_host_init(sim_host *host, sim *s)
{
    assert(s->hosts_len < SIM_HOSTS_MAX);
    *host = (sim_host){.sim = s, .number = (int)s->hosts_len};
    s->hosts[s->hosts_len++] = host;
}

static bool is_running(const sim_host *host)
{
    return host->object && !host->asleep;
}

/* --- Interfaces -------------------------------------------------------------------------------------------------- */

sim_interface *sim_host_plug(sim_host *host, sim_realm *realm, const hf_addr *ipv4, const hf_addr *ipv6, sim_link link,
                             uint16_t preference)
{
    assert(host->interfaces_len < SIM_INTERFACES_MAX);
    sim_interface *interface = &host->interfaces[host->interfaces_len++];
    *interface = (sim_interface){.host = host, .addrs = {*ipv4, *ipv6}, .link = link, .preference = preference};
    interface->number = (uint32_t)host->interfaces_len;
    sim_host_replug(interface, realm);
    return interface;
}

void sim_host_replug(sim_interface *interface, sim_realm *realm)
{
    interface->realm = realm;
    sim_host_tell_locals(interface->host);
}

void sim_host_unplug(sim_interface *interface)
{
    sim_host_replug(interface, NULL);
}

sim_interface *sim_host_interface(sim_host *host, const hf_addr *addr)
{
    for (size_t i = 0; i < host->interfaces_len; i++) {
        sim_interface *interface = &host->interfaces[i];
        if (interface->realm && hf_addr_equal_ip(addr, &interface->addrs[addr->family == HF_FAMILY_IPV6]))
            return interface;
    }
    return NULL;
}

static size_t list_locals(const sim_host *host, const sim_group *group, hf_local *out)
{
    size_t n = 0;
    for (size_t i = 0; i < host->interfaces_len; i++) {
        const sim_interface *interface = &host->interfaces[i];
        hf_local local = {.interface = interface->number, .preference = interface->preference};
        for (int k = 0; k < 2 && interface->realm; k++) {
            local.addr = interface->addrs[k];
            local.addr.port = (uint16_t)(local.addr.port + group->shift);
            if (local.addr.family != HF_FAMILY_NONE)
                out[n++] = local;
        }
        if (group->listens > 0 && interface->realm) {
            local.transport = HF_TCP;
            local.addr = interface->addrs[0];
            local.addr.port = group->listens;
            out[n++] = local;
        }
    }
    return n;
}

static void reply_locals(sim_host *host, const sim_group *group, uint32_t id)
{
    hf_local locals[3 * SIM_INTERFACES_MAX];
    hf_reply reply = {.type = HF_REPLY_LOCALS, .group = group->number, .id = id, .locals = locals};
    reply.locals_len = list_locals(host, group, locals);
    host->endpoint->reply(host->object, host->sim->now, &reply);
}

void sim_host_tell_locals(sim_host *host)
{
    for (size_t i = 0; i < host->groups_len && is_running(host); i++)
        reply_locals(host, &host->groups[i], 0);
}

/* --- Groups ------------------------------------------------------------------------------------------------------ */

static sim_group *find_group(sim_host *host, uint32_t number)
{
    for (size_t i = 0; i < host->groups_len; i++) {
        if (host->groups[i].number == number)
            return &host->groups[i];
    }
    return NULL;
}

static void open_group(sim_host *host, const hf_request *request)
{
    sim_group *group = find_group(host, request->group);
    if (!group) {
        assert(host->groups_len < SIM_GROUPS_MAX);
        group = &host->groups[host->groups_len++];
        *group = (sim_group){.number = request->group,
                             .shift = (uint16_t)(SIM_GROUP_SHIFT * (host->groups_asked++ % SIM_GROUPS_MAX))};
    }
    if (request->listen)
        group->listens = (uint16_t)(SIM_LISTEN_PORT + group->shift);
    reply_locals(host, group, request->id);
}

static void drop_bound(sim_host *host, size_t i)
{
    host->bound_len--;
    host->bound[i] = host->bound[host->bound_len];
    host->bound_ids[i] = host->bound_ids[host->bound_len];
    host->bound_groups[i] = host->bound_groups[host->bound_len];
}

static void release_group(sim_host *host, uint32_t number)
{
    sim_group *group = find_group(host, number);
    for (size_t i = 0; i < host->bound_len;) {
        if (host->bound_groups[i] == number)
            drop_bound(host, i);
        else
            i++;
    }
    sim_streams_release(host, number);
    if (group)
        *group = host->groups[--host->groups_len];
}

void sim_host_set_object(sim_host *host, void *object)
{
    host->object = object;
    host->groups_len = host->bound_len = host->streams_len = 0;
}

/* --- Sockets ----------------------------------------------------------------------------------------------------- */

static bool is_bound(const sim_host *host, const hf_addr *addr)
{
    for (size_t i = 0; i < host->bound_len; i++) {
        if (hf_addr_equal(&host->bound[i], addr))
            return true;
    }
    return false;
}

static void bind_socket(sim_host *host, const hf_request *request)
{
    hf_reply reply = {.type = HF_REPLY_BOUND, .group = request->group, .id = request->id, .path = request->path};
    if (!sim_host_interface(host, &request->path.local))
        reply.err = HF_EIO;
    else if (is_bound(host, &request->path.local))
        reply.err = HF_EEXIST;
    else {
        assert(host->bound_len < SIM_BOUND_MAX);
        host->bound[host->bound_len] = request->path.local;
        host->bound_groups[host->bound_len] = request->group;
        host->bound_ids[host->bound_len++] = request->id;
    }
    host->endpoint->reply(host->object, host->sim->now, &reply);
}

static void unbind_socket(sim_host *host, const hf_request *request)
{
    for (size_t i = 0; i < host->bound_len; i++) {
        if (host->bound_groups[i] == request->group &&
            (request->id != 0 ? host->bound_ids[i] == request->id : hf_addr_equal(&host->bound[i], &request->path.local))) {
            drop_bound(host, i);
            return;
        }
    }
}

/* Whether a socket has that address, and of which group it is. Nobody has to ask for the first socket of an interface. */
static bool find_socket(sim_host *host, const hf_addr *addr, uint32_t *group)
{
    const sim_interface *interface = sim_host_interface(host, addr);
    const uint16_t port = interface ? interface->addrs[addr->family == HF_FAMILY_IPV6].port : 0;
    *group = 0;
    for (size_t i = 0; i < host->groups_len && interface; i++) {
        *group = host->groups[i].number;
        if (addr->port == (uint16_t)(port + host->groups[i].shift))
            return true;
    }
    for (size_t i = 0; i < host->bound_len; i++) {
        *group = host->bound_groups[i];
        if (hf_addr_equal(&host->bound[i], addr))
            return interface != NULL;
    }
    *group = 0;
    return interface && host->groups_len == 0 && addr->port == port;
}

/* --- What goes out and comes in ---------------------------------------------------------------------------------- */

static void send_datagram(sim_host *host, const hf_path *path, uint8_t *data, size_t len)
{
    sim *s = host->sim;
    hf_datagram tapped = {.path = *path, .data = data, .len = len};
    sim_note_sent(s, path, data, len);
    if (s->on_datagram)
        s->on_datagram(s, host->number, &tapped);
    if (path->transport == HF_TCP) {
        sim_streams_send(host, path, data, len);
        return;
    }
    sim_interface *interface = sim_host_interface(host, &path->local);
    if (interface && !(s->loses && s->loses(s, host->number, &tapped)))
        sim_net_send(interface, path, data, len);
}

void sim_host_receive(sim_host *host, const hf_addr *source, const hf_addr *destination, uint8_t *data, size_t len)
{
    hf_datagram datagram = {.path = {.local = *destination, .remote = *source}, .data = data, .len = len};
    if (!is_running(host) || (host->take && host->take(host->owner, &datagram)))
        return;
    if (find_socket(host, destination, &datagram.group))
        host->endpoint->input(host->object, host->sim->now, &datagram, 1);
}

static void answer_request(sim_host *host, const hf_request *request)
{
    if (host->answer && host->answer(host->owner, request))
        return;
    switch (request->type) {
    case HF_REQUEST_LOCALS:
        open_group(host, request);
        break;
    case HF_REQUEST_CONNECT:
    case HF_REQUEST_DISCONNECT:
        sim_streams_request(host, request);
        break;
    case HF_REQUEST_BIND:
        bind_socket(host, request);
        break;
    case HF_REQUEST_UNBIND:
        unbind_socket(host, request);
        break;
    case HF_REQUEST_RELEASE:
        release_group(host, request->group);
        break;
    case HF_REQUEST_RESOLVE:
    case HF_REQUEST_ADVERTISE:
        host->endpoint->reply(
            host->object, host->sim->now,
            &(hf_reply){.type = request->type == HF_REQUEST_RESOLVE ? HF_REPLY_RESOLVED : HF_REPLY_ADVERTISED,
                        .group = request->group,
                        .id = request->id,
                        .err = request->type == HF_REQUEST_RESOLVE ? HF_ERESOLVE : HF_EIO});
        break;
    }
}

static bool transmit(sim_host *host)
{
    static uint8_t buffer[RUN_BUFFER];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    bool some = false;
    for (; host->endpoint->poll_transmit(host->object, host->sim->now, &out); some = true) {
        for (size_t at = 0; at < out.len; at += out.segment)
            send_datagram(host, &out.path, buffer + at, out.len - at < out.segment ? out.len - at : out.segment);
        out.cap = sizeof buffer;
    }
    return some;
}

void sim_host_drain(sim_host *host)
{
    hf_request request;
    bool more = !host->asleep;
    while (more) {
        more = host->attend && host->attend(host->owner);
        for (; is_running(host) && host->endpoint->poll_request(host->object, &request); more = true)
            answer_request(host, &request);
        if (is_running(host))
            more |= transmit(host);
    }
}

static hf_time object_due(const sim_host *host)
{
    return is_running(host) ? host->endpoint->deadline(host->object) : HF_NEVER;
}

static hf_time owner_due(const sim_host *host)
{
    return host->due && !host->asleep ? host->due(host->owner) : HF_NEVER;
}

hf_time sim_host_deadline(const sim_host *host)
{
    hf_time object = object_due(host), owner = owner_due(host);
    return object < owner ? object : owner;
}

void sim_host_tick(sim_host *host)
{
    if (object_due(host) <= host->sim->now)
        host->endpoint->tick(host->object, host->sim->now);
    if (owner_due(host) <= host->sim->now)
        host->tick(host->owner);
}
