/* resume.c: channels outlive connections: another one takes them up, or nobody does and what they hold is handed back. */
#include "session_priv.h"

void hf_traffic_init(hf_traffic *traffic)
{
    *traffic = (hf_traffic){.ack_due = HF_NEVER, .was_idle = true};
    hf_scheduler_init(&traffic->scheduler);
    hf_window_init(&traffic->window);
}

void hf_traffic_clear(hf_traffic *traffic, const hf_env *env)
{
    hf_ranges_clear(&traffic->incarnations, env);
    hf_dealloc(env, traffic->early);
}

bool hf_traffic_is_kept(const hf_session *session)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        if (session->channels[i]->speaks == HF_PROTOCOL_HOLDFAST && session->channels[i]->outbox.kept > 0)
            return true;
    }
    return false;
}

void hf_channel_hear_ack(hf_channel *channel)
{
    hf_channel_tell(channel, HF_NEWS_TOO_LONG);
    hf_channel_tell_queue(channel, channel->outbox.queued);
    hf_channel_feed(channel);
}

/* --- Another connection --------------------------------------------------------------------------------------------- */

/* A plain channel ends with its connection. */
static void leave(hf_channel *channel)
{
    channel->carrier = 0;
    channel->close_said = false;
    channel->confirm_owed = false; /* the remote says CLOSE again where it was not confirmed */
    hf_scheduler_remove(&channel->session->traffic.scheduler, &channel->turn);
    hf_inbox_forget_partials(&channel->inbox);
    if (!hf_inbox_is_empty(&channel->inbox))
        hf_channel_tell(channel, HF_NEWS_DATA); /* that a message will not become whole */
    if (channel->speaks == HF_PROTOCOL_PLAIN)
        hf_channel_end(channel, HF_ECLOSED);
    else
        hf_outbox_pause(&channel->outbox);
}

/* What the HELLO says of this one; false: nothing. */
static bool find_in(hf_bytes list, const hf_channel *channel, hf_control_received *out)
{
    while (hf_control_next_received(&list, out)) {
        if (out->channel.incarnation == channel->incarnation && out->channel.of_writer == channel->remote)
            return true;
    }
    return false;
}

static hf_err resume_all(hf_session *session, hf_bytes list, uint64_t *messages)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        hf_control_received item;
        if (channel->speaks != HF_PROTOCOL_HOLDFAST || channel->over)
            continue;
        uint64_t replayed = channel->outbox.replayed;
        hf_err err = hf_outbox_resume(&channel->outbox, find_in(list, channel, &item) ? &item : NULL);
        if (err != HF_OK)
            return err;
        *messages += channel->outbox.replayed - replayed;
        hf_channel_tell(channel, HF_NEWS_TOO_LONG);
    }
    return HF_OK;
}

static void tell_resumed(hf_connection *connection, uint64_t messages)
{
    hf_session *session = connection->session;
    hf_session_event event = {.type = HF_SESSION_RESUMED};
    event.u.resumed_by.generation = connection->generation;
    event.u.resumed_by.messages = messages;
    event.u.resumed_by.outage = session->lost_at == HF_NEVER ? 0 : session->now - session->lost_at;
    hf_session_push_or_log(session, event, NULL);
}

static void resume(hf_connection *connection, hf_bytes list)
{
    hf_session *session = connection->session;
    uint64_t messages = 0;
    hf_err err = resume_all(session, list, &messages);
    if (err != HF_OK) {
        hf_link_fail(connection, err, "a HELLO that has more than was sent");
        return;
    }
    hf_carry_all(connection);
    tell_resumed(connection, messages);
}

void hf_link_take_over(hf_connection *connection, hf_connection *before, bool continues)
{
    hf_session *session = connection->session;
    hf_traffic *traffic = &session->traffic;
    hf_link *link = &connection->link;
    hf_control hello = {0};
    traffic->is_muted = false;
    if (!before)
        return; /* all that it needs was done when it was recognised */
    traffic->recent = NULL;
    traffic->early_len = 0;
    traffic->owes = true;
    hf_window_init(&traffic->window);
    traffic->delivered = 0;
    traffic->was_idle = true;
    traffic->is_silent = false;
    for (size_t i = 0; i < session->channels_len; i++)
        leave(session->channels[i]);
    if (!continues)
        hf_link_lose_continuity(session);
    if (link->hello && hf_control_read(hf_bytes_of(link->hello, link->hello_len), &hello) != HF_OK)
        hello = (hf_control){0}; /* cannot be: it was read before */
    if (continues)
        resume(connection, hello.u.hello.received);
    else
        hf_carry_all(connection);
    hf_dealloc(session->env, link->hello);
    link->hello = NULL;
    hf_link_drive(session, session->now);
}

void hf_traffic_mute(hf_session *session)
{
    session->traffic.is_muted = true;
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        if (channel->outbox.delivery == HF_DELIVERY_FRESH && channel->outbox.is_open)
            hf_outbox_pause(&channel->outbox);
    }
    session->traffic.owes = true; /* nothing is before a CLOSE now */
}

void hf_traffic_unmute(hf_session *session)
{
    session->traffic.is_muted = false;
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        if (channel->carrier != 0)
            hf_outbox_open(&channel->outbox);
    }
}

void hf_link_doubt(hf_connection *connection)
{
    if (connection == connection->session->current)
        hf_traffic_mute(connection->session);
}

void hf_link_pause(hf_connection *connection)
{
    connection->link.paused = true;
    hf_link_doubt(connection);
}

void hf_link_restore(hf_connection *connection)
{
    hf_session *session = connection->session;
    connection->link.paused = false;
    if (connection != session->current)
        return;
    hf_traffic_unmute(session);
    for (size_t i = 0; i < session->channels_len; i++)
        hf_channel_feed(session->channels[i]);
}

/* --- Nobody --------------------------------------------------------------------------------------------------------- */

/* It moves aside, so that what handlers send meanwhile waits for the next connection, and is not handed back. */
void hf_channel_hand_back(hf_channel *channel, hf_err cause)
{
    hf_scheduler_remove(&channel->session->traffic.scheduler, &channel->turn);
    if (!channel->outbox.oldest)
        return;
    hf_outbox_hand_over(&channel->outbox, &channel->returning);
    channel->returning_cause = cause;
    channel->session->traffic.returning = true;
}

void hf_link_hand_back(hf_session *session, hf_err cause)
{
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        bool told_by_peer = channel->speaks == HF_PROTOCOL_PLAIN && channel->carrier != 0;
        if (told_by_peer)
            hf_channel_hand_back(channel, HF_ECLOSED);
        else
            hf_channel_end(channel, cause);
        channel->closing = true;
    }
}

/* Another session of the same remote: it knows nothing of our channels, and its numbers begin anew. */
void hf_link_lose_continuity(hf_session *session)
{
    hf_traffic *traffic = &session->traffic;
    traffic->continuity_lost = true;
    traffic->bye_heard = false; /* it was the other's */
    hf_ranges_clear(&traffic->incarnations, session->env);
    for (size_t i = 0; i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        size_t queued = channel->outbox.queued;
        if (channel->speaks == HF_PROTOCOL_PLAIN || channel->over)
            continue;
        hf_channel_hand_back(channel, HF_ECONTINUITY);
        if (channel->remote || channel->closing) {
            hf_channel_end(channel, HF_ECONTINUITY);
            continue;
        }
        channel->speaks = HF_PROTOCOL_UNKNOWN;
        channel->incarnation = channel->outdone = 0;
        hf_outbox_begin_anew(&channel->outbox);
        hf_inbox_begin_anew(&channel->inbox, channel->inbox.delivery);
        hf_channel_tell_queue(channel, queued);
    }
}
