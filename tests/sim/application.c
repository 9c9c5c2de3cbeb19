/* application.c: what stands behind the peer of each side: it opens channels, sends numbered messages, and notes what
 * happens. */
#include "application.h"
#include "names.h"
#include "signalling.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sim_channel *channel_of(sim_side *side, hf_datachannel handle)
{
    for (size_t i = 0; i < side->channels_len; i++) {
        if (side->channels[i].handle == handle)
            return &side->channels[i];
    }
    hf_datachannel_info info;
    bool is_known = hf_peer_channel_info(side->peer, handle, &info) == HF_OK;
    sim_channel *channel = sim_add_channel(side, is_known ? info.label : "");
    channel->handle = handle;
    return channel;
}

sim_channel *sim_open(sim_side *side, const hf_datachannel_config *config)
{
    hf_datachannel handle;
    hf_err err = hf_peer_open_channel(side->peer, side->sim->now, config, &handle);
    if (err != HF_OK) {
        fprintf(stderr, "sim: a channel was refused: %s\n", hf_err_name(err));
        abort();
    }
    return channel_of(side, handle);
}

static void on_message(sim_side *side, const hf_peer_event *event)
{
    sim_channel *channel = channel_of(side, event->channel);
    sim_channel_note(channel, event->u.message.kind, event->u.message.data, event->u.message.len);
    if (side->on_message)
        side->on_message(side, channel, event);
    if (side->echo) {
        hf_err err = hf_peer_send(side->peer, side->sim->now, event->channel, event->u.message.kind, event->u.message.data,
                                  event->u.message.len);
        assert(err == HF_OK);
        (void)err;
    }
}

static void on_event(sim_side *side, const hf_peer_event *event)
{
    switch (event->type) {
    case HF_PEER_NEGOTIATION_NEEDED:
        if (side->sim->config.negotiate)
            sim_offer(side);
        break;
    case HF_PEER_CONNECTION_CHANGED:
        sim_note_connection(side, hf_connection_state_name(event->u.connection));
        side->unsteady |= side->connected_at != HF_NEVER && event->u.connection != HF_CONNECTION_CONNECTED;
        if (event->u.connection == HF_CONNECTION_CONNECTED && side->connected_at == HF_NEVER)
            side->connected_at = side->sim->now;
        if (event->u.connection == HF_CONNECTION_FAILED)
            side->failed_cause = event->cause;
        break;
    case HF_PEER_CANDIDATE:
        sim_signal_candidate(side, event);
        break;
    case HF_PEER_REMOTE_CLOSED:
        side->remote_closed = true;
        side->remote_closed_cause = event->cause;
        break;
    case HF_PEER_CHANNEL_OPEN:
        channel_of(side, event->channel)->open = true;
        if (side->open_at == HF_NEVER)
            side->open_at = side->sim->now;
        break;
    case HF_PEER_CHANNEL_CLOSED:
        channel_of(side, event->channel)->closed = true;
        break;
    case HF_PEER_CHANNEL_MESSAGE:
        on_message(side, event);
        break;
    case HF_PEER_ROUTE_CHANGED:
        if (side->routed_at == HF_NEVER)
            side->routed_at = side->sim->now;
        break;
    case HF_PEER_SIGNALING_CHANGED:
    case HF_PEER_ICE_CONNECTION_CHANGED:
    case HF_PEER_ICE_GATHERING_CHANGED:
    case HF_PEER_SERVER_FAILED:
    case HF_PEER_SERVER_ANSWERS:
    case HF_PEER_CREDENTIALS_NEEDED:
    case HF_PEER_CHANNEL_LOW:
    case HF_PEER_CHANNEL_WRITABLE:
    case HF_PEER_CHANNEL_CLOSING:
        break;
    }
}

static bool attend(void *owner)
{
    sim_side *side = owner;
    hf_peer_event event;
    bool some = sim_names_drain(side);
    for (; hf_peer_poll_event(side->peer, &event); some = true)
        on_event(side, &event);
    return some;
}

static bool answer(void *owner, const hf_request *request)
{
    if (request->type != HF_REQUEST_RESOLVE && request->type != HF_REQUEST_ADVERTISE)
        return false;
    sim_names_request(owner, request);
    return true;
}

static bool take(void *owner, const hf_datagram *datagram)
{
    return sim_names_input(owner, datagram);
}

static hf_time due(const void *owner)
{
    return sim_names_deadline(owner);
}

static void tick(void *owner)
{
    sim_names_tick(owner);
}

SIM_ENDPOINT(peer);

hf_err sim_application_init(sim_side *side, const sim_config *config)
{
    int i = side->index;
    hf_peer_config peer = {.engine = side->sim->engine,
                           .certificate = config->certificate,
                           .message_max = config->message_max,
                           .mtu = config->mtu,
                           .tcp = config->tcp[i],
                           .no_udp = config->no_udp[i],
                           .mdns = config->mdns[i]};
    hf_err err = hf_peer_new(&side->peer, &peer, &side->sim->env[i].env);
    side->host.object = side->peer;
    side->host.endpoint = &peer_endpoint;
    side->host.owner = side;
    side->host.attend = attend;
    side->host.answer = answer;
    side->host.take = take;
    side->host.due = due;
    side->host.tick = tick;
    sim_names_init(side);
    return err;
}

void sim_application_clear(sim_side *side)
{
    side->host.object = NULL;
    hf_peer_free(side->peer);
    sim_names_clear(side);
}
