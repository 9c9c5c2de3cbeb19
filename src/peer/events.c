/* events.c: what happened in the layers below becomes the peer's state and the application's events. */
#include "peer_priv.h"

#include <string.h>

static void free_event(hf_peer *peer, hf_queued_event *queued)
{
    hf_dealloc(peer->env, queued->text);
    hf_dealloc(peer->env, queued->ufrag);
    *queued = (hf_queued_event){0};
}

static void push(hf_peer *peer, hf_queued_event queued)
{
    if (hf_ring_push(&peer->events, &queued) != HF_OK) {
        hf_log(peer->env, HF_LOG_ERROR, "peer: an event was lost: out of memory, or nobody takes them");
        free_event(peer, &queued);
    }
}

void hf_peer_push_event(hf_peer *peer, hf_peer_event event)
{
    push(peer, (hf_queued_event){.event = event});
}

/* A local candidate, or the end of them, with the generation that it is of. */
static void push_candidate(hf_peer *peer, const char *text, const char *ufrag)
{
    hf_queued_event queued = {.event = {.type = HF_PEER_CANDIDATE}};
    queued.text = hf_alloc_text(peer->env, text, strlen(text));
    queued.ufrag = hf_alloc_text(peer->env, ufrag, strlen(ufrag));
    if (!queued.text || !queued.ufrag) {
        hf_log(peer->env, HF_LOG_ERROR, "peer: a candidate was not told: out of memory");
        free_event(peer, &queued);
        return;
    }
    push(peer, queued);
}

void hf_peer_clear_events(hf_peer *peer)
{
    hf_queued_event queued;
    while (hf_ring_pop(&peer->events, &queued))
        free_event(peer, &queued);
    hf_ring_clear(&peer->events);
    free_event(peer, &peer->lent);
}

static bool has_path(hf_ice_state state)
{
    return state == HF_ICE_CONNECTED || state == HF_ICE_COMPLETED;
}

/* What waits for a timer that an outage has drawn out need not wait any longer. */
static void on_path_back(hf_peer *peer, hf_time now)
{
    if (peer->dtls)
        hf_dtls_kick(peer->dtls, now);
    hf_sctp_kick(peer->sctp, now);
}

/* Two that are relayed lead to one server, and part there. */
static bool is_same_path(const hf_ice_route *a, const hf_ice_route *b)
{
    return a->path.transport == b->path.transport && hf_addr_equal(&a->path.local, &b->path.local) &&
           hf_addr_equal(&a->path.remote, &b->path.remote) && hf_addr_equal(&a->remote, &b->remote);
}

static void on_route(hf_peer *peer, hf_time now, const hf_ice_route *route)
{
    hf_peer_event event = {.type = HF_PEER_ROUTE_CHANGED};
    event.u.route_changed.route = *route;
    hf_peer_push_event(peer, event);
    hf_peer_start_dtls_if_due(peer, now);
    if (route->path.local.family == HF_FAMILY_NONE)
        return; /* there is none at the moment */
    bool is_other = peer->route.path.local.family != HF_FAMILY_NONE && !is_same_path(&peer->route, route);
    peer->route = *route;
    if (is_other) {
        on_path_back(peer, now);
        hf_sctp_change_path(peer->sctp, now);
    }
}

static void on_ice_event(hf_peer *peer, hf_time now, const hf_ice_event *e)
{
    char text[HF_ICE_CANDIDATE_TEXT_SIZE];
    switch (e->type) {
    case HF_ICE_STATE_CHANGED:
        if (has_path(e->u.state_changed.state) && !has_path(peer->ice_state))
            on_path_back(peer, now);
        peer->ice_state = e->u.state_changed.state;
        hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_ICE_CONNECTION_CHANGED,
                                                 .cause = e->u.state_changed.cause,
                                                 .u.ice = peer->ice_state});
        hf_peer_update_states(peer, e->u.state_changed.cause);
        break;
    case HF_ICE_GATHERING_CHANGED:
        peer->gathering = e->u.gathering_changed.gathering;
        if (peer->gathering == HF_ICE_GATHERING_COMPLETE)
            push_candidate(peer, "", hf_ice_local_ufrag(peer->ice));
        hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_ICE_GATHERING_CHANGED, .u.gathering = peer->gathering});
        break;
    case HF_ICE_CANDIDATE_FOUND:
        hf_ice_candidate_write(&e->u.candidate_found.candidate, text);
        push_candidate(peer, text, e->u.candidate_found.candidate.ufrag);
        break;
    case HF_ICE_ROUTE_CHANGED:
        on_route(peer, now, &e->u.route_changed.route);
        break;
    case HF_ICE_SERVER_FAILED:
        hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_SERVER_FAILED,
                                                 .cause = e->u.server_failed.cause,
                                                 .why = e->u.server_failed.why,
                                                 .u.server_uri = e->u.server_failed.uri});
        break;
    case HF_ICE_SERVER_ANSWERS:
        hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_SERVER_ANSWERS, .u.server_uri = e->u.server_answers.uri});
        break;
    case HF_ICE_CREDENTIALS_NEEDED:
        hf_peer_push_event(peer,
                           (hf_peer_event){.type = HF_PEER_CREDENTIALS_NEEDED, .u.server_uri = e->u.credentials_needed.uri});
        break;
    }
}

static void start_sctp(hf_peer *peer, hf_time now)
{
    hf_ice_route route = {0};
    bool routed = hf_ice_get_route(peer->ice, &route);
    hf_sctp_remote remote = {.port = peer->negotiated.sctp_port,
                             .message_max = peer->negotiated.message_max,
                             .dtls_client = peer->negotiated.dtls_role == HF_DTLS_CLIENT,
                             .rtt = routed ? route.rtt : 0};
    hf_err err = hf_sctp_start(peer->sctp, now, &remote);
    if (err != HF_OK) {
        peer->dtls_failed = true; /* no data can flow: as good as a failed transport */
        hf_peer_update_states(peer, err);
    }
}

static void on_dtls_event(hf_peer *peer, hf_time now, const hf_dtls_event *e)
{
    switch (e->type) {
    case HF_DTLS_CONNECTED:
        peer->dtls_connected = true;
        hf_peer_update_states(peer, HF_OK);
        start_sctp(peer, now);
        break;
    case HF_DTLS_FAILED:
        peer->dtls_failed = true;
        hf_peer_update_states(peer, e->cause);
        break;
    case HF_DTLS_CLOSED:
        peer->dtls_closed = true;
        if (!peer->sctp_down)
            hf_peer_push_event(peer, (hf_peer_event){.type = HF_PEER_REMOTE_CLOSED, .cause = HF_OK});
        hf_peer_update_states(peer, HF_OK);
        break;
    }
}

void hf_peer_pump(hf_peer *peer, hf_time now)
{
    hf_ice_event ice_event;
    hf_dtls_event dtls_event;

    while (hf_ice_poll_event(peer->ice, &ice_event)) {
        if (!peer->closed)
            on_ice_event(peer, now, &ice_event);
    }
    while (peer->dtls && hf_dtls_poll_event(peer->dtls, &dtls_event)) {
        if (!peer->closed)
            on_dtls_event(peer, now, &dtls_event);
    }
}

/* Turns an SCTP event into one for the application; false: it is not for the application. */
static bool translate(hf_peer *peer, const hf_sctp_event *in, hf_peer_event *out)
{
    *out = (hf_peer_event){.channel = in->channel, .cause = in->cause};
    switch (in->type) {
    case HF_SCTP_UP:
        return false;
    case HF_SCTP_DOWN:
        peer->sctp_down = true;
        peer->sctp_cause = in->cause == HF_ECLOSED ? HF_OK : in->cause;
        if (peer->closed || peer->dtls_closed || peer->data_over)
            return false; /* the end is told already, or behind this */
        out->type = HF_PEER_REMOTE_CLOSED;
        out->cause = peer->sctp_cause;
        return true;
    case HF_SCTP_CHANNEL_OPEN:
        out->type = HF_PEER_CHANNEL_OPEN;
        return true;
    case HF_SCTP_CHANNEL_MESSAGE:
        out->type = HF_PEER_CHANNEL_MESSAGE;
        out->u.message.kind = in->kind;
        out->u.message.data = in->message.data;
        out->u.message.len = in->message.len;
        out->u.message.first = in->first;
        out->u.message.last = in->last;
        out->u.message.discarded = in->discarded;
        return true;
    case HF_SCTP_CHANNEL_LOW:
        out->type = HF_PEER_CHANNEL_LOW;
        return true;
    case HF_SCTP_CHANNEL_WRITABLE:
        out->type = HF_PEER_CHANNEL_WRITABLE;
        return true;
    case HF_SCTP_CHANNEL_CLOSING:
        out->type = HF_PEER_CHANNEL_CLOSING;
        return true;
    case HF_SCTP_CHANNEL_CLOSED:
        out->type = HF_PEER_CHANNEL_CLOSED;
        return true;
    }
    return false;
}

/* A candidate event lends its text, and says for which section and generation it is. */
static void lend(hf_peer *peer, const hf_queued_event *queued, hf_peer_event *event)
{
    free_event(peer, &peer->lent);
    peer->lent = *queued;
    if (event->type == HF_PEER_CANDIDATE) {
        event->u.candidate.text = queued->text;
        event->u.candidate.mid = hf_peer_data_mid(peer);
        event->u.candidate.ufrag = queued->ufrag;
    }
}

/* W3C WebRTC 1.0 §4.7.3: at the moment of telling it may no longer be so. */
static bool is_stale(hf_peer *peer, const hf_peer_event *event)
{
    if (event->type != HF_PEER_NEGOTIATION_NEEDED || hf_peer_is_negotiation_needed(peer))
        return false;
    peer->negotiation_needed = false;
    return true;
}

/* W3C WebRTC 1.0 §6.2: messages that came before a close are told before it. So the end of DTLS waits behind what SCTP
 * holds. */
bool hf_peer_poll_event(hf_peer *peer, hf_peer_event *out)
{
    hf_queued_event queued;
    hf_sctp_event sctp_event;

    if (!peer || !out)
        return false;
    for (;;) {
        hf_queued_event *next = hf_ring_at(&peer->events, 0);
        bool is_end = next && next->event.type == HF_PEER_REMOTE_CLOSED;
        if ((!next || is_end) && hf_sctp_poll_event(peer->sctp, &sctp_event)) {
            if (translate(peer, &sctp_event, out))
                return true;
            continue;
        }
        if (is_end && !peer->sctp_down) { /* DTLS ended under SCTP: its channels end too, and each is told */
            peer->sctp_down = true;
            hf_sctp_abort(peer->sctp, peer->now);
            continue;
        }
        if (!hf_ring_pop(&peer->events, &queued))
            return false;
        if (is_stale(peer, &queued.event))
            continue;
        *out = queued.event;
        if (is_end && out->cause == HF_OK) /* an error of SCTP says more than the close_notify behind it */
            out->cause = peer->sctp_cause;
        lend(peer, &queued, out);
        return true;
    }
}
