/* wrap.c: what stands around a datagram to a peer: ChannelData (RFC 8656 §12.4) or a Send indication (§11.1). */
#include "client_priv.h"

#include "random.h"

#include <string.h>

#define CHANNEL_HEADER_SIZE 4
#define ATTRIBUTE_HEADER_SIZE 4
#define PADDING_MAX 3

static size_t padding_of(size_t len)
{
    return (4 - len % 4) % 4;
}

static size_t write_channel_data(const hf_wrap *wrap, uint8_t *datagram, size_t len)
{
    hf_writer w = hf_writer_of(datagram - CHANNEL_HEADER_SIZE, CHANNEL_HEADER_SIZE);
    hf_write_u16(&w, wrap->channel);
    hf_write_u16(&w, (uint16_t)len);
    return CHANNEL_HEADER_SIZE + len;
}

/* RFC 8656 §12.5: "Over TCP and TLS-over-TCP, the ChannelData message MUST be padded to a multiple of four bytes". */
static size_t write_padded_channel_data(const hf_wrap *wrap, uint8_t *datagram, size_t len)
{
    size_t padding = padding_of(len);
    memset(datagram + len, 0, padding);
    return write_channel_data(wrap, datagram, len) + padding;
}

static size_t write_indication(const hf_wrap *wrap, uint8_t *datagram, size_t len)
{
    size_t padding = padding_of(len), whole = wrap->before + len + padding;
    hf_stun_writer s =
        hf_stun_begin(datagram - wrap->before, wrap->before, HF_STUN_INDICATION, HF_STUN_SEND_INDICATION, wrap->id);
    hf_stun_add_xor_address(&s, HF_STUN_XOR_PEER_ADDRESS, &wrap->peer);
    hf_write_u16(&s.w, HF_STUN_DATA);
    hf_write_u16(&s.w, (uint16_t)len);
    hf_write_u16_at(&s.w, 2, (uint16_t)(whole - HF_STUN_HEADER_SIZE));
    memset(datagram + len, 0, padding);
    return whole;
}

static hf_wrap wrap_of_channel(const hf_turn_client *client, uint16_t number)
{
    if (client->path.transport == HF_UDP)
        return (hf_wrap){.before = CHANNEL_HEADER_SIZE, .write = write_channel_data, .channel = number};
    return (hf_wrap){
        .before = CHANNEL_HEADER_SIZE, .after = PADDING_MAX, .write = write_padded_channel_data, .channel = number};
}

static hf_wrap wrap_of_indication(const hf_turn_client *client, const hf_addr *peer)
{
    size_t address_size = peer->family == HF_FAMILY_IPV4 ? 8 : 20;
    hf_wrap wrap = {.before = HF_STUN_HEADER_SIZE + ATTRIBUTE_HEADER_SIZE + address_size + ATTRIBUTE_HEADER_SIZE,
                    .after = PADDING_MAX,
                    .write = write_indication,
                    .peer = *peer};
    hf_random_bytes(client->env, wrap.id, sizeof wrap.id);
    return wrap;
}

hf_err hf_turn_client_wrap(hf_turn_client *client, const hf_addr *peer, hf_wrap *out)
{
    if (client->state != TURN_ALLOCATED)
        return HF_ESTATE;
    const turn_channel *channel = hf_turn_channel_find(client, peer);
    if (channel && channel->is_wanted && client->now < channel->expires_at) {
        *out = wrap_of_channel(client, channel->number);
        return HF_OK;
    }
    const turn_peer *permission = hf_turn_peer_find(client, peer);
    if (permission && permission->refusal)
        return HF_EREFUSED;
    if (!permission || !permission->is_wanted || client->now >= permission->expires_at)
        return HF_EAGAIN;
    *out = wrap_of_indication(client, peer);
    return HF_OK;
}
