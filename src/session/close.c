/* close.c: channels, and the session, end in order: each side says with CLOSE which number its last message has, and
 * confirms the other's with CLOSED when it has all of them. */
#include "session_priv.h"

/* Whether it was carried once, or has something that must be. */
static bool has_nothing_to_do(const hf_channel *channel)
{
    return channel->speaks == HF_PROTOCOL_UNKNOWN && channel->outbox.len == 0;
}

void hf_channel_begin_close(hf_channel *channel)
{
    channel->closing = true;
    if (channel->paused)
        hf_channel_tell(channel, HF_NEWS_DATA);
    channel->paused = false; /* what is closed gives out what it has */
    channel->session->traffic.owes = true;
    hf_channel_end_if_done(channel);
}

/* The remote has all of ours, and knows it; we have all of the remote's. */
static bool is_done(const hf_channel *channel)
{
    return channel->close_confirmed && channel->close_heard && !channel->confirm_owed &&
           hf_inbox_has_all(&channel->inbox, channel->last);
}

/* The application has had all of it: what it was told of comes before its end. */
void hf_channel_end_if_done(hf_channel *channel)
{
    if (!channel->closing || channel->over)
        return;
    switch (channel->speaks) {
    case HF_PROTOCOL_UNKNOWN:
        if (has_nothing_to_do(channel))
            hf_channel_end(channel, HF_OK);
        break;
    case HF_PROTOCOL_PLAIN: /* the end comes with the data channel's */
        if (channel->carrier != 0 && channel->outbox.queued == 0 && channel->outbox.len == 0)
            hf_session_close_carrier(channel->session, channel->carrier);
        break;
    case HF_PROTOCOL_HOLDFAST:
        if (is_done(channel) && hf_inbox_is_empty(&channel->inbox))
            hf_channel_end(channel, HF_OK);
        else
            channel->session->traffic.owes |= channel->confirm_owed;
        break;
    }
}

void hf_channel_end(hf_channel *channel, hf_err cause)
{
    if (channel->over)
        return;
    hf_channel_hand_back(channel, HF_ECLOSED);
    if (channel->speaks == HF_PROTOCOL_HOLDFAST)
        hf_channel_close_carrier(channel);
    channel->closing = true;
    channel->cause = cause;
    channel->over = true;
    hf_channel_tell(channel, HF_NEWS_CLOSED);
}

/* --- What the remote says ---------------------------------------------------------------------------------------------- */

/* Nothing that came on it was taken: it comes again on ours, and so does its end. */
static bool gives_way(const hf_session *session, const hf_channel_ref *which)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        if (which->of_writer && session->channels[i]->outdone == which->incarnation)
            return true;
    }
    return false;
}

/* Its channel has not been heard of yet: remembered. Has it ended: confirmed once more. */
static void hear_of_unknown(hf_connection *connection, const hf_control_last *close)
{
    hf_session *session = connection->session;
    if (gives_way(session, &close->channel))
        return;
    hf_traffic *traffic = &session->traffic;
    bool has_been = close->channel.of_writer ? hf_ranges_have(&traffic->incarnations, close->channel.incarnation)
                                             : close->channel.incarnation <= traffic->incarnation_last;
    hf_control_last confirmed = *close;
    hf_err err = HF_EPROTO;
    confirmed.channel.of_writer = !close->channel.of_writer;
    if (has_been)
        err = hf_link_say_of_channel(connection, HF_CONTROL_CLOSED, &confirmed);
    else if (close->channel.of_writer)
        err = hf_grow(session->env, &traffic->early, &traffic->early_cap, traffic->early_len + 1, HF_EARLY_CLOSES_MAX,
                      sizeof *close);
    if (err != HF_OK)
        hf_link_fail(connection, err, "the end of a channel that can't be");
    else if (!has_been)
        traffic->early[traffic->early_len++] = *close;
}

void hf_close_hear(hf_connection *connection, const hf_control_last *close)
{
    hf_channel *channel = hf_channel_find(connection->session, close->channel.of_writer, close->channel.incarnation);
    if (!channel) {
        hear_of_unknown(connection, close);
        return;
    }
    if (channel->close_heard ? close->last != channel->last : close->last < channel->inbox.received) {
        hf_link_fail(connection, HF_EPROTO, "the end of a channel before what came on it");
        return;
    }
    channel->close_heard = true;
    channel->confirm_owed = true;
    channel->last = close->last;
    hf_channel_begin_close(channel);
}

void hf_close_hear_confirmed(hf_connection *connection, const hf_control_last *closed)
{
    hf_session *session = connection->session;
    hf_channel *channel = hf_channel_find(session, closed->channel.of_writer, closed->channel.incarnation);
    if (!channel)
        return; /* one that gave way, or one of an earlier connection */
    hf_control_received all = {
        .received = closed->last, .window = channel->outbox.window, .message_max = channel->outbox.message_max};
    bool fits = channel->close_said && closed->last == channel->outbox.number_last;
    if (!fits || hf_outbox_acknowledge(&channel->outbox, &all) != HF_OK) {
        hf_link_fail(connection, HF_EPROTO, "the end of a channel is confirmed that was not said");
        return;
    }
    channel->close_confirmed = true;
    hf_channel_end_if_done(channel);
}

void hf_close_hear_bye(hf_connection *connection, hf_bytes lasts)
{
    hf_session *session = connection->session;
    hf_control_last item;
    connection->link.said_bye = true;
    session->traffic.bye_heard = true;
    while (!connection->link.failed && hf_control_next_last(&lasts, &item))
        hf_close_hear(connection, &item);
    for (size_t i = 0; i < session->channels_len; i++)
        hf_channel_begin_close(session->channels[i]);
}

void hf_close_hear_bye_done(hf_connection *connection)
{
    if (connection->link.bye_said)
        connection->session->traffic.bye_confirmed = true;
    else
        hf_link_fail(connection, HF_EPROTO, "a BYE is confirmed that was not said");
}

/* --- The session ------------------------------------------------------------------------------------------------------- */

void hf_link_say_goodbye(hf_session *session)
{
    session->traffic.bye_wanted = true;
    for (size_t i = 0; i < session->channels_len; i++)
        hf_channel_begin_close(session->channels[i]);
    hf_link_drive(session, session->now);
}

/* The last words are with the remote's SCTP. */
static bool is_all_delivered(const hf_connection *connection)
{
    hf_peer_flow flow;
    hf_peer_get_flow(connection->peer, &flow);
    return flow.bytes_delivered == flow.bytes_given;
}

bool hf_link_is_done(const hf_session *session)
{
    const hf_link *link = &session->current->link;
    if (session->channels_len > 0)
        return false;
    if (link->protocol != HF_PROTOCOL_HOLDFAST)
        return true;
    bool agreed = session->traffic.bye_wanted ? session->traffic.bye_confirmed : link->bye_done_said;
    bool answered = !session->traffic.bye_heard || link->bye_done_said;
    return agreed && answered && is_all_delivered(session->current);
}
