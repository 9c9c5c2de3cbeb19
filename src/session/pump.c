/* pump.c: gives parts of messages to the connection: the scheduler says whose, the window when. */
#include "session_priv.h"

#include <string.h>

/* The data channel, or memory, is full for now. */
#define AGAIN HF_MS(10)

/* Three round trips, and between these: so long nothing may arrive of what is on its way. */
#define SILENCE_LEAST HF_MS(500)
#define SILENCE_MOST HF_SECONDS(2)

void hf_channel_feed(hf_channel *channel)
{
    hf_outbox_part part;
    if (channel->carrier != 0 && hf_outbox_peek(&channel->outbox, HF_WINDOW_PART_MAX, &part))
        hf_scheduler_add(&channel->session->traffic.scheduler, &channel->turn);
}

static hf_err give(hf_channel *channel, const hf_outbox_part *part)
{
    hf_session *session = channel->session;
    uint8_t frame[HF_FRAME_HEADER_MAX + HF_WINDOW_PART_MAX];
    hf_bytes bytes = part->payload;
    if (channel->outbox.framed) { /* a part, that is in the cache from now on */
        memcpy(frame, part->header, part->header_len);
        if (bytes.len > 0)
            memcpy(frame + part->header_len, bytes.data, bytes.len);
        bytes = hf_bytes_of(frame, part->header_len + bytes.len);
    }
    return hf_peer_send(session->current->peer, session->now, channel->carrier, part->kind, bytes.data, bytes.len);
}

static size_t part_max(const hf_session *session, const hf_channel *channel, const hf_peer_flow *flow)
{
    if (!channel->outbox.framed)
        return SIZE_MAX;
    size_t most = hf_window_part_max(&session->traffic.window);
    if (most > HF_WINDOW_PART_MAX)
        most = HF_WINDOW_PART_MAX;
    if (flow->message_max >= most + HF_FRAME_HEADER_MAX)
        return most;
    return flow->message_max > HF_FRAME_HEADER_MAX ? flow->message_max - HF_FRAME_HEADER_MAX : 1;
}

/* Or dropped. */
static void after_given(hf_channel *channel, size_t queued_before)
{
    hf_traffic *traffic = &channel->session->traffic;
    hf_link *link = &channel->session->current->link;
    hf_channel_tell_queue(channel, queued_before);
    if (channel->closing && channel->outbox.queued == 0) {
        traffic->owes = true;
        hf_channel_end_if_done(channel);
    }
    if (channel->outbox.kept > 0 && link->ping_due == HF_NEVER && link->ping_at == HF_NEVER)
        link->ping_due = channel->session->now + HF_LINK_PING_EVERY;
}

/* It is longer than the remote takes: of a plain peer, that takes less than it said before; or of one that takes not even
 * frames. */
static void give_up_on(hf_channel *channel, size_t len)
{
    if (!channel->outbox.framed) {
        hf_outbox_limit(&channel->outbox, len - 1);
        hf_channel_tell(channel, HF_NEWS_TOO_LONG);
    } else if (channel->outbox.delivery == HF_DELIVERY_FRESH) {
        hf_outbox_given(&channel->outbox, len);
        channel->outbox.dropped++;
    } else {
        hf_link_fail(channel->session->current, HF_EMSGSIZE, "the remote takes no frames");
    }
}

/* Inside SCTP a fresh one would wait; here a fresher one can still take its place, and an outage ends it. */
static bool leaves_at_once(hf_session *session, hf_peer_flow *flow, const hf_outbox_part *part)
{
    hf_peer *peer = session->current->peer;
    hf_peer_uncork(peer, session->now); /* nor does it wait for others to share its packet */
    hf_peer_get_flow(peer, flow);
    return hf_peer_leaves_at_once(peer, part->header_len + part->payload.len);
}

/* The next part of the channel whose turn it is. False: nothing more can be given now. */
static bool give_part(hf_channel *channel, hf_peer_flow *flow)
{
    hf_session *session = channel->session;
    hf_traffic *traffic = &session->traffic;
    size_t queued = channel->outbox.queued;
    hf_outbox_part part;
    if (hf_outbox_drop_stale(&channel->outbox, session->now)) {
        after_given(channel, queued);
        queued = channel->outbox.queued;
    }
    if (channel->carrier == 0 || !hf_outbox_peek(&channel->outbox, part_max(session, channel, flow), &part))
        return true; /* its window has closed, or its data channel has */
    if (channel->outbox.framed && channel->outbox.delivery == HF_DELIVERY_FRESH && !leaves_at_once(session, flow, &part)) {
        hf_window_hold_back(&traffic->window, flow);
        hf_scheduler_add(&traffic->scheduler, &channel->turn);
        return false;
    }
    hf_err err = give(channel, &part);
    switch ((int)err) {
    case HF_OK:
        hf_outbox_given(&channel->outbox, part.payload.len);
        hf_scheduler_charge(&traffic->scheduler, &channel->turn, part.header_len + part.payload.len);
        after_given(channel, queued);
        hf_channel_feed(channel);
        return true;
    case HF_EMSGSIZE:
        give_up_on(channel, part.payload.len);
        return !session->current->link.failed;
    case HF_ENOENT:
    case HF_ESTATE:
        return true; /* the remote is closing it */
    default:
        hf_scheduler_add(&traffic->scheduler, &channel->turn);
        session->current->link.again_at = session->now + AGAIN;
        return false;
    }
}

/* Nothing that is on its way arrives: what fresh channels would say now were stale when it does. */
static void mind_silence(hf_session *session, hf_time now, const hf_peer_flow *flow)
{
    hf_traffic *traffic = &session->traffic;
    hf_span patience = 3 * flow->rtt_last;
    patience = patience < SILENCE_LEAST ? SILENCE_LEAST : patience > SILENCE_MOST ? SILENCE_MOST : patience;
    if (!traffic->is_silent && now - traffic->progress_at > patience) {
        traffic->is_silent = true;
        hf_traffic_mute(session);
    }
    if (flow->bytes_delivered == traffic->delivered && flow->bytes_delivered != flow->bytes_given)
        return;
    traffic->delivered = flow->bytes_delivered;
    traffic->progress_at = now;
    if (traffic->is_silent)
        hf_traffic_unmute(session);
    traffic->is_silent = false;
}

void hf_pump(hf_session *session, hf_time now)
{
    hf_traffic *traffic = &session->traffic;
    hf_connection *connection = session->current;
    hf_peer_flow flow;
    const hf_link *link = &connection->link;
    if (link->protocol == HF_PROTOCOL_UNKNOWN || link->failed || link->paused || connection->silent_at != HF_NEVER ||
        link->again_at != HF_NEVER)
        return;
    hf_peer_get_flow(connection->peer, &flow);
    if (traffic->was_idle)
        traffic->progress_at = now;
    mind_silence(session, now, &flow);
    hf_window_update(&traffic->window, now, &flow);
    while (!hf_scheduler_is_empty(&traffic->scheduler) && hf_window_room(&traffic->window, now, &flow, false) > 0) {
        bool low = hf_window_room(&traffic->window, now, &flow, true) > 0;
        hf_turn *turn = hf_scheduler_take(&traffic->scheduler, low);
        if (!turn || !give_part(turn->owner, &flow))
            break;
        hf_peer_get_flow(connection->peer, &flow);
        if (!hf_scheduler_is_empty(&traffic->scheduler))
            hf_peer_cork(connection->peer, now); /* the first has left at once; those behind it share packets */
    }
    hf_peer_uncork(connection->peer, now);
    hf_peer_get_flow(connection->peer, &flow);
    traffic->was_idle = flow.bytes_given == flow.bytes_delivered;
    size_t wanted = hf_window_wanted(&traffic->window);
    if (wanted > 0)
        hf_peer_raise_window(connection->peer, now, wanted);
}

void hf_link_change_path(hf_session *session)
{
    hf_peer_flow flow;
    hf_peer_get_flow(session->current->peer, &flow);
    hf_window_change_path(&session->traffic.window, &flow);
}
