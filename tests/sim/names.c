/* names.c: the multicast DNS of each side: driven as the runtime drives its own. */
#include "names.h"

#include <assert.h>

void sim_names_init(sim_side *side)
{
    hf_local locals[2] = {{.addr = side->addrs[0], .interface = 1}, {.addr = side->addrs[1], .interface = 1}};
    hf_err err = hf_mdns_new(&side->mdns, &side->sim->env[side->index].env);
    assert(err == HF_OK);
    (void)err;
    hf_mdns_reply(side->mdns, side->sim->now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 2});
}

void sim_names_clear(sim_side *side)
{
    hf_mdns_free(side->mdns);
}

void sim_names_request(sim_side *side, const hf_request *request)
{
    hf_time now = side->sim->now;
    bool asks = request->type == HF_REQUEST_RESOLVE;
    hf_reply reply = {.type = asks ? HF_REPLY_RESOLVED : HF_REPLY_ADVERTISED, .id = request->id};

    side->names_requested++;
    if (!side->sim->config.multicast)
        reply.err = asks ? HF_ERESOLVE : HF_EIO;
    else if (asks)
        reply.err = hf_mdns_resolve(side->mdns, now, side, request->id, request->name);
    else
        reply.err = hf_mdns_advertise(side->mdns, now, side, request->name, &request->path.local);
    if (reply.err != HF_OK || !asks)
        hf_peer_reply(side->peer, now, &reply);
}

bool sim_names_drain(sim_side *side)
{
    uint8_t buffer[HF_MTU_DEFAULT];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_mdns_event e;
    bool some = false;

    for (; hf_mdns_poll_transmit(side->mdns, side->sim->now, &out); some = true)
        sim_net_send_to(side->sim, &side->sim->side[1 - side->index].host, &out.path, buffer, out.len);
    for (; hf_mdns_poll_event(side->mdns, &e); some = true)
        hf_peer_reply(
            side->peer, side->sim->now,
            &(hf_reply){.type = HF_REPLY_RESOLVED, .id = e.id, .err = e.err, .addrs = e.addrs, .addrs_len = e.addrs_len});
    return some;
}

hf_time sim_names_deadline(const sim_side *side)
{
    return hf_mdns_deadline(side->mdns);
}

void sim_names_tick(sim_side *side)
{
    hf_mdns_tick(side->mdns, side->sim->now);
}

bool sim_names_input(sim_side *side, const hf_datagram *datagram)
{
    hf_datagram d = *datagram;

    if (d.path.local.port != HF_MDNS_PORT)
        return false;
    d.path.local = side->addrs[d.path.local.family == HF_FAMILY_IPV6];
    hf_mdns_input(side->mdns, side->sim->now, &d, 1);
    return true;
}
