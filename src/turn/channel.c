/* channel.c: numbers that stand for peers, and save what an indication says of them (RFC 8656 §12). */
#include "client_priv.h"

#include "alloc.h"

#include <assert.h>

/* RFC 8656 §12: "0x4000 through 0x4FFF". */
#define NUMBER_FIRST 0x4000

/* RFC 8656 §12: "Channel bindings last for 10 minutes unless refreshed", and for 5 minutes more the number may not be bound
 * to another peer. */
#define CHANNEL_LIFETIME HF_SECONDS(600)
#define CHANNEL_QUARANTINE HF_SECONDS(300)
#define REFRESH_AFTER HF_SECONDS(540)

turn_channel *hf_turn_channel_find(const hf_turn_client *client, const hf_addr *peer)
{
    for (size_t i = 0; i < client->channels_len; i++) {
        if (hf_addr_equal(&client->channels[i].peer, peer))
            return &client->channels[i];
    }
    return NULL;
}

turn_channel *hf_turn_channel_of_number(const hf_turn_client *client, uint16_t number)
{
    size_t place = (size_t)number - NUMBER_FIRST; /* numbers are given in order, and each stays with its place */
    return place < client->channels_len ? &client->channels[place] : NULL;
}

static turn_channel *first_reusable(const hf_turn_client *client)
{
    assert(client->channels || client->channels_len == 0);
    for (size_t i = 0; i < client->channels_len; i++) {
        turn_channel *c = &client->channels[i];
        if (!c->is_wanted && c->slot == TURN_NO_SLOT && client->now >= c->reusable_at)
            return c;
    }
    return NULL;
}

static hf_err add_channel(hf_turn_client *client, const hf_addr *peer)
{
    turn_channel *channel = first_reusable(client);
    if (!channel) {
        hf_err err = hf_grow(client->env, &client->channels, &client->channels_cap, client->channels_len + 1,
                             HF_TURN_PEERS_MAX, sizeof *client->channels);
        if (err)
            return err;
        channel = &client->channels[client->channels_len];
        channel->number = (uint16_t)(NUMBER_FIRST + client->channels_len++);
    }
    *channel = (turn_channel){
        .peer = *peer, .number = channel->number, .is_wanted = true, .slot = TURN_NO_SLOT, .ask_at = client->now};
    return HF_OK;
}

hf_err hf_turn_client_bind(hf_turn_client *client, hf_time now, const hf_addr *peer)
{
    hf_err err = hf_turn_client_permit(client, now, peer);
    if (err)
        return err;
    turn_channel *known = hf_turn_channel_find(client, peer);
    if (!known)
        return add_channel(client, peer);
    known->is_wanted = true;
    return HF_OK;
}

/* --- Requests --------------------------------------------------------------------------------------------------------- */

/* When to ask for it; HF_NEVER: not as things are. */
static hf_time ask_at(const hf_turn_client *client, const turn_channel *channel)
{
    const turn_peer *permission = hf_turn_peer_find(client, &channel->peer);
    return channel->is_wanted && permission && !permission->refusal ? channel->ask_at : HF_NEVER;
}

bool hf_turn_channel_begin(hf_turn_client *client)
{
    size_t slot = hf_turn_request_free_slot(client);
    for (size_t i = 0; i < client->channels_len && slot != TURN_NO_SLOT; i++) {
        turn_channel *channel = &client->channels[i];
        if (client->now < ask_at(client, channel))
            continue;
        channel->slot = slot;
        channel->ask_at = HF_NEVER;
        /* RFC 8656 §12.2: it "also creates or refreshes a permission". */
        hf_turn_permission_join(client, slot, &channel->peer);
        hf_turn_request_begin(client, slot, HF_STUN_CHANNEL_BIND, TURN_REQUEST_PATIENCE);
        return true;
    }
    return false;
}

static turn_channel *channel_of_slot(const hf_turn_client *client, size_t slot)
{
    for (size_t i = 0; i < client->channels_len; i++) {
        if (client->channels[i].slot == slot)
            return &client->channels[i];
    }
    return NULL;
}

void hf_turn_channel_write(const hf_turn_client *client, size_t slot, hf_stun_writer *s)
{
    const turn_channel *channel = channel_of_slot(client, slot);
    hf_stun_add_u32(s, HF_STUN_CHANNEL_NUMBER, (uint32_t)channel->number << 16);
    hf_stun_add_xor_address(s, HF_STUN_XOR_PEER_ADDRESS, &channel->peer);
}

/* The server may hold the number for the peer since the last transmission, answered or not. */
static turn_channel *leave(hf_turn_client *client, size_t slot)
{
    turn_channel *channel = channel_of_slot(client, slot);
    channel->slot = TURN_NO_SLOT;
    channel->reusable_at = client->now + CHANNEL_LIFETIME + CHANNEL_QUARANTINE;
    return channel;
}

static void bound(turn_channel *channel, hf_time began_at)
{
    channel->tells = channel->is_wanted && channel->expires_at <= began_at;
    channel->expires_at = began_at + CHANNEL_LIFETIME;
    channel->ask_at = began_at + REFRESH_AFTER;
}

void hf_turn_channel_on_answer(hf_turn_client *client, size_t slot, hf_time began_at, const turn_answer *answer)
{
    turn_channel *channel = leave(client, slot);
    if (!answer->cause && answer->code == 0)
        bound(channel, began_at);
    /* Otherwise there is no channel, and indications serve as well: unless it is the peer that the server refuses. */
    bool is_about_peer = !answer->cause && (answer->code == 0 || answer->code == 403 || answer->code == 443);
    if (is_about_peer || answer->code == 437)
        hf_turn_permission_on_answer(client, slot, began_at, answer);
    else
        hf_turn_permission_again(client, slot);
}

void hf_turn_channel_again(hf_turn_client *client, size_t slot)
{
    leave(client, slot)->ask_at = client->now;
    hf_turn_permission_again(client, slot);
}

hf_time hf_turn_channel_deadline(const hf_turn_client *client)
{
    hf_time at = HF_NEVER;
    for (size_t i = 0; i < client->channels_len; i++)
        at = hf_turn_earlier(at, ask_at(client, &client->channels[i]));
    return at;
}

bool hf_turn_channel_poll_event(hf_turn_client *client, hf_turn_client_event *out)
{
    for (size_t i = 0; i < client->channels_len; i++) {
        turn_channel *channel = &client->channels[i];
        if (!channel->tells)
            continue;
        channel->tells = false;
        *out = (hf_turn_client_event){.type = HF_TURN_PERMITTED, .peer = channel->peer};
        return true;
    }
    return false;
}
