/* server.c: a TURN server: birth, input, time, output. */
#include "server_priv.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

/* --- Birth and death -------------------------------------------------------------------------------------------------- */

hf_err hf_turn_server_new(hf_turn_server **out, hf_time now, const hf_turn_server_config *config, const hf_env *env)
{
    if (!out || !config || !hf_env_is_usable(env))
        return HF_EINVAL;
    hf_turn_server *server = hf_alloc(env, sizeof *server);
    if (!server)
        return HF_ENOMEM;
    server->env = env;
    server->now = server->calendar_at = now;
    hf_err err = hf_turn_config_read(server, config);
    if (err != HF_OK) {
        hf_turn_config_clear(server);
        hf_dealloc(env, server);
        return err;
    }
    hf_random_bytes(env, server->nonce_key, sizeof server->nonce_key);
    server->indication_id = hf_random_u64(env);
    hf_table_init(&server->allocations, env);
    hf_table_init(&server->relays, env);
    hf_table_init(&server->accounts, env);
    hf_table_init(&server->guests, env);
    hf_packet_queue_init(&server->answers, env, 0, 0, TURN_ANSWERS_BYTES_MAX);
    hf_packet_queue_init(&server->data, env, 0, 0, TURN_DATA_BYTES_MAX);
    *out = server;
    return HF_OK;
}

void hf_turn_server_free(hf_turn_server *server)
{
    if (!server)
        return;
    while (server->heap.len > 0)
        hf_turn_allocation_free(server, server->heap.items[0]);
    hf_turn_streams_clear(server);
    hf_turn_relays_clear(server);
    hf_packet_queue_clear(&server->answers);
    hf_packet_queue_clear(&server->data);
    hf_table_clear(&server->allocations);
    hf_table_clear(&server->relays);
    hf_table_clear(&server->accounts);
    hf_table_clear(&server->guests);
    hf_dealloc(server->env, server->heap.items);
    hf_turn_config_clear(server);
    explicit_bzero(server->nonce_key, sizeof server->nonce_key);
    hf_dealloc(server->env, server);
}

/* --- Input ------------------------------------------------------------------------------------------------------------ */

/* A `now` earlier than one given before counts as that one. */
static hf_time move_on(hf_turn_server *server, hf_time now)
{
    if (now > server->now)
        server->now = now;
    return server->now;
}

/* RFC 8656 §12: the first two bits tell ChannelData (01) from STUN (00). */
void hf_turn_on_message(hf_turn_server *server, hf_time now, const hf_path *path, uint8_t *data, size_t len)
{
    hf_stun_message message;
    hf_bytes bytes = hf_bytes_of(data, len);
    if (len > 0 && data[0] >> 6 == 1)
        hf_turn_on_channel_data(server, now, path, bytes);
    else if (!hf_stun_read(bytes, &message))
        server->stats.dropped++;
    else if (message.class_ == HF_STUN_REQUEST)
        hf_turn_on_request(server, now, path, &message);
    else if (message.class_ == HF_STUN_INDICATION && message.method == HF_STUN_SEND_INDICATION)
        hf_turn_on_send(server, now, path, &message);
    else if (message.class_ != HF_STUN_INDICATION || message.method != HF_STUN_BINDING) /* which keeps a NAT open */
        server->stats.dropped++;
}

static void take_in(hf_turn_server *server, hf_time now, const hf_datagram *datagram)
{
    if (datagram->len > HF_DATAGRAM_MAX) {
        server->stats.dropped++;
        return;
    }
    if (datagram->path.transport == HF_TCP) {
        hf_turn_stream_input(server, now, datagram);
        return;
    }
    hf_turn_relay *relay = hf_turn_relay_find(server, &datagram->path.local);
    if (relay)
        hf_turn_on_peer_data(server, now, relay, datagram);
    else
        hf_turn_on_message(server, now, &datagram->path, datagram->data, datagram->len);
}

void hf_turn_server_input(hf_turn_server *server, hf_time now, hf_datagram *datagrams, size_t n)
{
    now = move_on(server, now);
    for (size_t i = 0; i < n; i++)
        take_in(server, now, &datagrams[i]);
}

static void note_locals(hf_turn_server *server, const hf_reply *reply)
{
    server->locals_len = 0;
    for (size_t i = 0; i < reply->locals_len && server->locals_len < TURN_LOCALS_MAX; i++)
        server->locals[server->locals_len++] = reply->locals[i].addr;
}

void hf_turn_server_reply(hf_turn_server *server, hf_time now, const hf_reply *reply)
{
    now = move_on(server, now);
    switch (reply->type) {
    case HF_REPLY_LOCALS:
        note_locals(server, reply);
        break;
    case HF_REPLY_BOUND:
        hf_turn_relay_reply(server, now, reply);
        break;
    case HF_REPLY_CONNECTED:
        hf_turn_on_connected(server, reply);
        break;
    case HF_REPLY_DISCONNECTED:
        hf_turn_on_disconnected(server, &reply->path);
        break;
    case HF_REPLY_RESOLVED:
    case HF_REPLY_ADVERTISED:
        break; /* nobody asked */
    case HF_REPLY_ROOM:
        break; /* what is left out is lost, as on a network */
    }
}

/* --- Time ------------------------------------------------------------------------------------------------------------- */

hf_time hf_turn_server_deadline(const hf_turn_server *server)
{
    hf_time streams = hf_turn_streams_deadline(server);
    hf_time allocations = server->heap.len > 0 ? server->heap.items[0]->due : HF_NEVER;
    return streams < allocations ? streams : allocations;
}

void hf_turn_server_tick(hf_turn_server *server, hf_time now)
{
    now = move_on(server, now);
    hf_turn_allocations_expire(server, now);
    hf_turn_streams_expire(server, now);
}

/* --- Output ----------------------------------------------------------------------------------------------------------- */

bool hf_turn_server_poll_transmit(hf_turn_server *server, hf_time now, hf_transmit *out)
{
    move_on(server, now);
    return hf_turn_take_run(&server->answers, out) || hf_turn_take_run(&server->data, out);
}

bool hf_turn_server_poll_request(hf_turn_server *server, hf_request *out)
{
    return hf_turn_relay_poll_request(server, out) || hf_turn_stream_poll_request(server, out);
}

void hf_turn_server_get_stats(const hf_turn_server *server, hf_turn_server_stats *out)
{
    *out = server->stats;
}
