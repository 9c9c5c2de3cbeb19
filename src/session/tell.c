/* tell.c: what channels have to tell the application. Each has a set of news, not a queue, so that no event is lost for want
 * of room; and a channel that has news stands in line once. */
#include "session_priv.h"

void hf_channel_tell(hf_channel *channel, hf_news news)
{
    hf_traffic *traffic = &channel->session->traffic;
    if (channel->over && news != HF_NEWS_CLOSED)
        return;
    if (channel->news == 0) {
        channel->news_next = NULL;
        if (traffic->news_last)
            traffic->news_last->news_next = channel;
        else
            traffic->news_first = channel;
        traffic->news_last = channel;
    }
    channel->news |= (unsigned)news;
}

/* W3C: "if [[BufferedAmount]] falls from above the threshold to it or below, fire bufferedamountlow". */
void hf_channel_tell_queue(hf_channel *channel, size_t queued_before)
{
    if (channel->over)
        return;
    if (queued_before > channel->low && channel->outbox.queued <= channel->low)
        hf_channel_tell(channel, HF_NEWS_LOW);
    if (hf_outbox_take_writable(&channel->outbox) && !channel->closing)
        hf_channel_tell(channel, HF_NEWS_WRITABLE);
}

static void emit(hf_channel *channel, hf_session_event_type type)
{
    hf_session_event event = {.type = type, .channel = channel};
    hf_session_emit(channel->session, &event);
}

static void tell_data(hf_channel *channel)
{
    hf_session *session = channel->session;
    hf_inbox_piece piece;
    while (!channel->paused && !session->free_due && hf_inbox_next(&channel->inbox, &piece)) {
        hf_channel_deliver(channel, &piece);
        hf_inbox_release(&channel->inbox);
    }
    hf_channel_mind_ack(channel);
    hf_channel_end_if_done(channel);
}

static void tell_returned(hf_channel *channel, const hf_returned *returned, hf_err cause)
{
    hf_session_event event = {.type = HF_SESSION_MESSAGE_RETURNED, .channel = channel, .cause = cause};
    event.u.returned.kind = returned->kind;
    event.u.returned.data = returned->message.data;
    event.u.returned.len = returned->message.len;
    event.u.returned.possibly_delivered = returned->possibly_delivered;
    const hf_env *env = channel->session->env;
    hf_session_emit(channel->session, &event);
    hf_dealloc(env, returned->memory);
}

static void tell_too_long(hf_channel *channel)
{
    hf_returned returned;
    size_t queued = channel->outbox.queued;
    while (!channel->session->free_due && hf_outbox_take_too_long(&channel->outbox, &returned))
        tell_returned(channel, &returned, HF_EMSGSIZE);
    hf_channel_tell_queue(channel, queued);
    hf_channel_feed(channel); /* they were in the way */
}

/* Its name is free again before, so that a handler can open another one of it. */
static void tell_closed(hf_channel *channel)
{
    hf_session_event event = {.type = HF_SESSION_CHANNEL_CLOSED, .channel = channel, .cause = channel->cause};
    hf_channel_describe(channel, &event.u.closed);
    hf_channel_detach(channel);
    hf_session_emit(channel->session, &event);
    hf_channel_destroy(channel);
}

static void tell_open(hf_channel *channel)
{
    hf_session_event event = {.type = HF_SESSION_CHANNEL_OPEN, .channel = channel};
    event.u.resumed = channel->was_open;
    channel->was_open = true;
    hf_session_emit(channel->session, &event);
}

/* The oldest news of the channel that has waited longest; then what was held back until the application knows all that. */
bool hf_link_dispatch(hf_session *session)
{
    hf_channel *channel = session->traffic.news_first;
    if (!channel)
        return hf_link_hear_held(session);
    unsigned news = channel->news & -channel->news;
    channel->news &= ~news;
    if (channel->news == 0) {
        session->traffic.news_first = channel->news_next;
        if (!channel->news_next)
            session->traffic.news_last = NULL;
    }
    switch ((hf_news)news) {
    case HF_NEWS_OPEN:
        tell_open(channel);
        break;
    case HF_NEWS_DATA:
        tell_data(channel);
        break;
    case HF_NEWS_TOO_LONG:
        tell_too_long(channel);
        break;
    case HF_NEWS_LOW:
        emit(channel, HF_SESSION_CHANNEL_LOW);
        break;
    case HF_NEWS_WRITABLE:
        emit(channel, HF_SESSION_CHANNEL_WRITABLE);
        break;
    case HF_NEWS_CLOSED:
        tell_closed(channel);
        break;
    }
    return true;
}

/* --- What is handed back -------------------------------------------------------------------------------------------- */

static void count_lost(hf_traffic *traffic, const hf_returned *returned, hf_err cause)
{
    if (cause != HF_ECONTINUITY)
        return;
    if (returned->possibly_delivered)
        traffic->lost_possibly_delivered++;
    else
        traffic->lost_not_sent++;
}

static void tell_continuity_lost(hf_session *session)
{
    hf_traffic *traffic = &session->traffic;
    hf_session_event event = {.type = HF_SESSION_CONTINUITY_LOST, .cause = HF_ECONTINUITY};
    event.u.lost.possibly_delivered = traffic->lost_possibly_delivered;
    event.u.lost.not_sent = traffic->lost_not_sent;
    traffic->lost_possibly_delivered = traffic->lost_not_sent = 0;
    traffic->continuity_lost = false;
    hf_session_emit(session, &event);
}

bool hf_link_dispatch_returned(hf_session *session)
{
    hf_traffic *traffic = &session->traffic;
    for (size_t i = 0; traffic->returning && i < session->channels_len; i++) {
        hf_channel *channel = session->channels[i];
        hf_returned returned;
        if (!hf_outbox_take_back(&channel->returning, &returned))
            continue;
        count_lost(traffic, &returned, channel->returning_cause);
        tell_returned(channel, &returned, channel->returning_cause);
        return true;
    }
    traffic->returning = false;
    if (!traffic->continuity_lost)
        return false;
    tell_continuity_lost(session);
    return true;
}
