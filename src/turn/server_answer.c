/* server_answer.c: responses, and what waits to be sent. */
#include "server_priv.h"

#include <string.h>

/* --- Responses -------------------------------------------------------------------------------------------------------- */

void hf_turn_answer_begin(hf_turn_answer *answer, const hf_turn_asker *asker, hf_stun_class class_)
{
    answer->s = hf_stun_begin(answer->bytes, sizeof answer->bytes, class_, asker->method, asker->id);
}

/* Several sources may share a bucket: memory is bounded, and none can push another out. */
static bool may_answer(hf_turn_server *server, hf_time now, const hf_turn_asker *asker, size_t len)
{
    if (asker->is_proven)
        return true;
    const hf_addr *source = &asker->path.remote;
    hf_bytes network = hf_bytes_of(source->ip, source->family == HF_FAMILY_IPV4 ? 4 : 8); /* of IPv6 a /64 is one's own */
    size_t at = (size_t)(hf_table_hash(&server->allocations, network) >> 20) % TURN_SOURCES;
    return hf_turn_bucket_take(&server->sources[at], now, TURN_UNPROVEN_RATE, TURN_UNPROVEN_BURST, len);
}

void hf_turn_answer_send(hf_turn_answer *answer, hf_turn_server *server, hf_time now, const hf_turn_asker *asker)
{
    hf_stun_writer *s = &answer->s;
    hf_bytes key = hf_bytes_of(asker->key, asker->key_len);
    if (key.len > 0 && asker->sha256)
        hf_stun_add_integrity256(s, key);
    else if (key.len > 0)
        hf_stun_add_integrity(s, key);
    if (asker->has_fingerprint)
        hf_stun_add_fingerprint(s);

    size_t len = hf_stun_end(s);
    if (len == 0 || !may_answer(server, now, asker, len)) {
        server->stats.dropped++;
        return;
    }
    uint8_t *room = hf_turn_push(server, &server->answers, &asker->path, len);
    if (room)
        memcpy(room, answer->bytes, len);
}

/* RFC 8489 §18.5, RFC 8656 §19. */
const char *hf_turn_reason(unsigned code)
{
    switch (code) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthenticated";
    case 403:
        return "Forbidden";
    case 420:
        return "Unknown Attribute";
    case 437:
        return "Allocation Mismatch";
    case 438:
        return "Stale Nonce";
    case 440:
        return "Address Family not Supported";
    case 441:
        return "Wrong Credentials";
    case 442:
        return "Unsupported Transport Protocol";
    case 443:
        return "Peer Address Family Mismatch";
    case 486:
        return "Allocation Quota Reached";
    case 508:
        return "Insufficient Capacity";
    default:
        return "Server Error";
    }
}

static void count(hf_turn_server_stats *stats, unsigned code)
{
    if (code == 441)
        stats->refused_credentials++;
    else if (code == 403)
        stats->refused_peer++;
    else if (code == 486)
        stats->refused_quota++;
    else if (code != 401 && code != 438) /* part of the way in; server_auth.c knows when they are not */
        stats->refused_other++;
}

void hf_turn_error_begin(hf_turn_answer *answer, hf_turn_server *server, const hf_turn_asker *asker, unsigned code)
{
    count(&server->stats, code);
    hf_turn_answer_begin(answer, asker, HF_STUN_ERROR);
    hf_stun_add_error(&answer->s, code, hf_turn_reason(code));
}

void hf_turn_refuse(hf_turn_call *call, unsigned code)
{
    hf_turn_answer answer;
    hf_turn_error_begin(&answer, call->server, &call->asker, code);
    hf_turn_answer_send(&answer, call->server, call->now, &call->asker);
}

/* --- What waits to be sent -------------------------------------------------------------------------------------------- */

#define PEEKED 32

uint8_t *hf_turn_push(hf_turn_server *server, hf_packet_queue *queue, const hf_path *path, size_t len)
{
    hf_packet packet;
    if (len > HF_DATAGRAM_MAX || hf_packet_push(queue, sizeof *path + len, &packet) != HF_OK) {
        server->stats.dropped++;
        return NULL;
    }
    memcpy(packet.data, path, sizeof *path);
    return packet.data + sizeof *path;
}

/* Packets of one length for one path, one behind the other; the last one may be shorter. */
static size_t gather(const hf_packet *packets, size_t n, hf_transmit *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = packets[i].len - sizeof(hf_path);
        hf_path path;
        memcpy(&path, packets[i].data, sizeof path);
        if (out->len > 0 && (!hf_turn_path_equal(&path, &out->path) || len > out->segment || len == 0))
            return i;
        if (out->len + len > out->cap)
            return i;
        if (out->len == 0) {
            out->path = path;
            out->segment = len;
        }
        memcpy(out->buffer + out->len, packets[i].data + sizeof path, len);
        out->len += len;
        if (len < out->segment || len == 0)
            return i + 1;
    }
    return n;
}

bool hf_turn_take_run(hf_packet_queue *queue, hf_transmit *out)
{
    hf_packet packets[PEEKED];
    size_t n = hf_packet_peek(queue, packets, PEEKED);
    if (n == 0)
        return false;
    out->len = out->segment = 0;
    hf_packet_pop(queue, gather(packets, n, out));
    return true;
}
