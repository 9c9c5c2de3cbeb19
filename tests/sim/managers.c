/* managers.c: the application behind the session of each side. It carries envelopes, and notes what happens. */
#include "managers.h"

#include "post.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[2] = {"alice", "bob"};

/* --- The post ---------------------------------------------------------------------------------------------------- */

static void land(void *context, void *cargo)
{
    sim_side *side = context;
    hf_envelope e = letter_read(cargo);
    if (side->host.asleep)
        return;
    hf_err err = hf_manager_receive(side->manager, side->sim->now, &e);
    side->receive_err = err != HF_OK ? err : side->receive_err;
}

static void on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
{
    sim_side *side = context;
    (void)manager;
    side->offers += envelope->signal.type == HF_SIGNAL_OFFER;
    post_send(side->sim, letter_of(envelope), land, &side->sim->side[1 - side->index]);
}

/* --- The session ------------------------------------------------------------------------------------------------- */

/* Which states a session may enter from which (session.h, architecture.md's promise 8). */
#define MAY(state) (1u << HF_SESSION_##state)
static const unsigned reachable[HF_SESSION_STATE_COUNT] = {
    [HF_SESSION_NEW] = MAY(CONNECTING) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_CONNECTING] = MAY(CONNECTED) | MAY(UNSTABLE) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_CONNECTED] = MAY(UNSTABLE) | MAY(RECONNECTING) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_UNSTABLE] = MAY(CONNECTED) | MAY(RECONNECTING) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_RECONNECTING] = MAY(CONNECTED) | MAY(UNSTABLE) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_FAILED] = MAY(CLOSED),
};

static void on_state(sim_side *side, hf_session *session, hf_err cause)
{
    hf_session_state state = hf_session_get_state(session);
    if (state == side->state)
        return;
    side->illegal |= (reachable[side->state] & 1u << state) == 0;
    side->state = state;
    sim_note_connection(side, hf_session_state_name(state));
    side->unsteady |= side->connected_at != HF_NEVER && state != HF_SESSION_CONNECTED;
    side->unstable += state == HF_SESSION_UNSTABLE;
    if (state == HF_SESSION_CONNECTED && side->connected_at == HF_NEVER)
        side->connected_at = side->sim->now;
    if (state == HF_SESSION_FAILED)
        side->failed_cause = cause;
}

static void on_open(sim_side *side, const hf_channel *channel)
{
    const char *name = hf_channel_name(channel);
    sim_channel *known = sim_find(side, name);
    (known ? known : sim_add_channel(side, name))->open = true;
    if (side->open_at == HF_NEVER)
        side->open_at = side->sim->now;
}

static void on_event(void *context, hf_session *session, const hf_session_event *event)
{
    sim_side *side = context;
    switch (event->type) {
    case HF_SESSION_STATE_CHANGED:
        on_state(side, session, event->cause);
        break;
    case HF_SESSION_CHANNEL_OPEN:
        on_open(side, event->channel);
        break;
    case HF_SESSION_CHANNEL_CLOSED:
        sim_find(side, hf_channel_name(event->channel))->closed = true;
        break;
    case HF_SESSION_ON_DATA:
        sim_channel_note(sim_find(side, hf_channel_name(event->channel)), event->u.data.kind, event->u.data.data,
                         event->u.data.len);
        break;
    case HF_SESSION_ROUTE_CHANGED:
        if (side->routed_at == HF_NEVER)
            side->routed_at = side->sim->now;
        break;
    case HF_SESSION_ON_CONNECTED:
    case HF_SESSION_ON_DISCONNECTED:
    case HF_SESSION_ON_ERROR:
    case HF_SESSION_SIGNAL:
    case HF_SESSION_CHANNEL_WRITABLE:
    case HF_SESSION_CHANNEL_LOW:
    case HF_SESSION_CREDENTIALS_NEEDED:
    case HF_SESSION_NETWORK_CHANGED:
    case HF_SESSION_RESUMED:
    case HF_SESSION_CONTINUITY_LOST:
    case HF_SESSION_MESSAGE_RETURNED:
    case HF_SESSION_IDENTITY_CHANGED:
    case HF_SESSION_EVENT_COUNT:
        break;
    }
}

static void listen_to(sim_side *side, hf_session *session)
{
    side->session = session;
    for (int type = 0; type < HF_SESSION_EVENT_COUNT; type++) {
        hf_err err = hf_session_on(session, (hf_session_event_type)type, on_event, side);
        assert(err == HF_OK);
        (void)err;
    }
}

static void on_session(void *context, hf_manager *manager, hf_session *session)
{
    (void)manager;
    listen_to(context, session);
}

void sim_manager_connect(sim_side *side)
{
    hf_session *session = NULL;
    hf_err err = hf_manager_connect(side->manager, side->sim->now, names[1 - side->index], &session);
    assert(err == HF_OK);
    (void)err;
    listen_to(side, session);
}

/* --- Driving ----------------------------------------------------------------------------------------------------- */

static void read_changes(sim_side *side)
{
    hf_manager_change change;
    while (hf_manager_poll_change(side->manager, &change)) {
        if (change.added)
            side->host.object = change.session;
        else if (side->host.object == change.session)
            side->host.object = NULL;
    }
}

static bool attend(void *owner)
{
    sim_side *side = owner;
    hf_manager_dispatch(side->manager, side->sim->now);
    read_changes(side);
    if (side->host.object)
        hf_session_dispatch(side->host.object, side->sim->now);
    read_changes(side);
    return false;
}

static hf_time due(const void *owner)
{
    const sim_side *side = owner;
    return hf_manager_deadline(side->manager);
}

static void tick(void *owner)
{
    sim_side *side = owner;
    hf_manager_tick(side->manager, side->sim->now);
}

SIM_ENDPOINT(session);

hf_err sim_manager_init(sim_side *side)
{
    const sim_config *config = &side->sim->config;
    hf_manager_config manager = {
        .peer_id = names[side->index],
        .session = {.peer = {.engine = side->sim->engine,
                             .certificate = config->certificate,
                             .servers = config->servers,
                             .servers_len = config->servers_len,
                             .relay = config->relay,
                             .tcp = config->tcp[side->index]},
                    .channels = config->channels,
                    .channels_len = config->channels_len,
                    .no_trickle = config->no_trickle},
        .handlers = {.context = side, .on_envelope = on_envelope, .on_session = on_session},
    };
    side->host.endpoint = &session_endpoint;
    side->host.owner = side;
    side->host.attend = attend;
    side->host.due = due;
    side->host.tick = tick;
    return hf_manager_new(&side->manager, &manager, &side->sim->env[side->index].env);
}

void sim_manager_clear(sim_side *side)
{
    side->host.object = NULL;
    side->session = NULL;
    hf_manager_free(side->manager);
}
