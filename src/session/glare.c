/* glare.c: both sides have opened a channel of the same name at once. The one of the side with the lower session id
 * survives; the other side's messages go out on it, with their numbers: of what came on the loser nothing was taken. But
 * what an earlier session of the remote's has said may still wait there for the application. */
#include "session_priv.h"

#include <string.h>

bool hf_session_is_lower(const hf_session *session)
{
    return memcmp(session->id, session->current->remote_id, HF_SESSION_ID_BYTES) < 0;
}

/* Where the remote has not heard of its OPEN yet, it will know by this that nothing is to come of it. */
hf_err hf_channel_say_dead(hf_channel *channel)
{
    hf_control_last dead = {.channel = {.incarnation = channel->incarnation, .of_writer = true}};
    return hf_link_say_of_channel(channel->session->current, HF_CONTROL_CLOSE, &dead);
}

void hf_channel_give_way(hf_channel *channel, hf_datachannel carrier, uint64_t incarnation, const hf_datachannel_info *info)
{
    hf_channel_close_carrier(channel);
    channel->remote = true;
    channel->incarnation = incarnation;
    channel->config.unordered = info->unordered;
    channel->config.reliability = info->reliability;
    channel->config.reliability_limit = info->reliability_limit;
    channel->close_said = false;
    hf_inbox_begin_anew(&channel->inbox, hf_channel_delivery(&channel->config));
    hf_outbox_move(&channel->outbox, hf_channel_delivery(&channel->config));
    hf_channel_mind_lifetime(channel);
    hf_channel_carry_by(channel, carrier);
    channel->announce = true;
    hf_channel_mind_ack(channel);
    if (!channel->was_open)
        hf_channel_tell(channel, HF_NEWS_OPEN);
}
