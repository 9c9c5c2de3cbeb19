/* server_forward.c: data, both ways. Each packet is copied once as it comes and once as it goes. */
#include "server_priv.h"

#include <string.h>

static void drop(hf_turn_server *server)
{
    server->stats.dropped++;
}

static bool is_within_rate(const hf_turn_server *server, hf_time now, hf_turn_bucket *bucket, size_t len)
{
    return server->rate_max == 0 || hf_turn_bucket_take(bucket, now, server->rate_max, server->rate_max, len);
}

/* --- To peers --------------------------------------------------------------------------------------------------------- */

static void send_to_peer(hf_turn_server *server, hf_time now, hf_turn_allocation *a, const hf_addr *peer, hf_bytes data)
{
    const hf_turn_relay *relay = hf_turn_allocation_relay(a, peer->family);
    if (!relay || data.len == 0 || !hf_turn_may_reach(server, a, peer) ||
        !is_within_rate(server, now, &a->to_peers, data.len)) {
        drop(server);
        return;
    }
    hf_path path = {.transport = HF_UDP, .local = relay->addr, .remote = *peer};
    uint8_t *room = hf_turn_push(server, &server->data, &path, data.len);
    if (!room)
        return;
    memcpy(room, data.data, data.len);
    server->stats.to_peers_packets++;
    server->stats.to_peers_bytes += data.len;
}

/* RFC 8656 §12.6. In a datagram it may be followed by padding. */
void hf_turn_on_channel_data(hf_turn_server *server, hf_time now, const hf_path *path, hf_bytes message)
{
    hf_reader r = hf_reader_of(message);
    uint16_t number = hf_read_u16(&r), len = hf_read_u16(&r);
    hf_bytes data = hf_read_bytes(&r, len);
    hf_turn_allocation *a = r.ok ? hf_turn_allocation_find(server, path) : NULL;
    const hf_turn_channel *channel = a ? hf_turn_find_channel(a, now, number) : NULL;
    if (channel)
        send_to_peer(server, now, a, &channel->peer, data);
    else
        drop(server);
}

/* RFC 8656 §11.2. With DONT-FRAGMENT, which is not understood, it is discarded as any indication of that kind. */
void hf_turn_on_send(hf_turn_server *server, hf_time now, const hf_path *path, const hf_stun_message *message)
{
    static const uint16_t known[] = {HF_STUN_XOR_PEER_ADDRESS, HF_STUN_DATA};
    uint16_t unknown;
    hf_bytes data;
    hf_addr peer;
    hf_turn_allocation *a = hf_turn_allocation_find(server, path);
    if (a && hf_stun_unknown(message, known, 2, &unknown, 1) == 0 && hf_stun_find(message, HF_STUN_DATA, &data) &&
        hf_stun_get_xor_address(message, HF_STUN_XOR_PEER_ADDRESS, &peer) && hf_turn_find_permission(a, now, &peer))
        send_to_peer(server, now, a, &peer, data);
    else
        drop(server);
}

/* --- To the client ---------------------------------------------------------------------------------------------------- */

static bool push_channel_data(hf_turn_server *server, const hf_path *path, uint16_t number, hf_bytes data)
{
    size_t padding = path->transport == HF_TCP ? (4 - data.len % 4) % 4 : 0; /* RFC 8656 §12.5 */
    size_t len = TURN_CHANNEL_HEADER_SIZE + data.len + padding;
    uint8_t *room = hf_turn_push(server, &server->data, path, len);
    if (!room)
        return false;
    hf_writer w = hf_writer_of(room, len);
    hf_write_u16(&w, number);
    hf_write_u16(&w, (uint16_t)data.len);
    hf_write_bytes(&w, data);
    hf_write_zeroes(&w, padding);
    return true;
}

/* Nobody answers an indication: its id need only be another one each time. */
static void next_id(hf_turn_server *server, uint8_t id[HF_STUN_ID_SIZE])
{
    uint64_t number = server->indication_id++;
    memset(id, 0, HF_STUN_ID_SIZE);
    memcpy(id, &number, sizeof number);
}

static bool push_indication(hf_turn_server *server, const hf_path *path, const hf_addr *peer, hf_bytes data)
{
    size_t address_len = peer->family == HF_FAMILY_IPV4 ? 12 : 24; /* of XOR-PEER-ADDRESS */
    size_t len = HF_STUN_HEADER_SIZE + address_len + 4 + (data.len + 3) / 4 * 4;
    uint8_t *room = hf_turn_push(server, &server->data, path, len);
    if (!room)
        return false;
    uint8_t id[HF_STUN_ID_SIZE];
    next_id(server, id);
    hf_stun_writer s = hf_stun_begin(room, len, HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, id);
    hf_stun_add_xor_address(&s, HF_STUN_XOR_PEER_ADDRESS, peer);
    hf_stun_add(&s, HF_STUN_DATA, data);
    return true;
}

/* RFC 8656 §11.3, §12.7. */
void hf_turn_on_peer_data(hf_turn_server *server, hf_time now, hf_turn_relay *relay, const hf_datagram *datagram)
{
    hf_turn_allocation *a = relay->allocation;
    const hf_addr *peer = &datagram->path.remote;
    hf_bytes data = hf_bytes_of(datagram->data, datagram->len);
    if (!hf_turn_find_permission(a, now, peer) || !is_within_rate(server, now, &a->to_client, data.len)) {
        drop(server);
        return;
    }
    const hf_turn_channel *channel = hf_turn_find_channel_to(a, now, peer);
    if (channel ? push_channel_data(server, &a->asker.path, channel->number, data)
                : push_indication(server, &a->asker.path, peer, data)) {
        server->stats.to_clients_packets++;
        server->stats.to_clients_bytes += data.len;
    }
}
