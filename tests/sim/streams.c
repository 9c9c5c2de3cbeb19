/* streams.c: TCP between the two sides. What a stream carries arrives whole and in order, cut anywhere. Where the link is
 * cut, a stream falls silent and stays so. */
#include "streams.h"

#include <assert.h>

#define PORT_FIRST 40000
#define PIECES_AT_ONCE 16 /* handed in by one call */

static sim_stream *add(sim_side *side, const hf_path *path, uint32_t id, bool is_open)
{
    assert(side->streams_len < SIM_STREAMS_MAX);
    sim_stream *stream = &side->streams[side->streams_len++];
    *stream = (sim_stream){.path = *path, .id = id, .is_open = is_open};
    return stream;
}

static sim_stream *find(sim_side *side, const hf_path *path)
{
    for (size_t i = 0; i < side->streams_len; i++) {
        sim_stream *stream = &side->streams[i];
        if (hf_addr_equal(&stream->path.local, &path->local) && hf_addr_equal(&stream->path.remote, &path->remote))
            return stream;
    }
    return NULL;
}

static void drop(sim_side *side, sim_stream *stream)
{
    *stream = side->streams[--side->streams_len];
}

static void tell(sim_side *side, hf_reply_type type, uint32_t id, hf_err err, const hf_path *path)
{
    hf_reply reply = {.type = type, .id = id, .err = err, .path = *path};
    hf_peer_reply(side->peer, side->sim->now, &reply);
}

static void put(sim_side *side, sim_stream *stream, sim_part part, const uint8_t *data, size_t len)
{
    sim *s = side->sim;
    stream->is_silent |= s->link.cut;
    if (!stream->is_silent)
        stream->arrived_at = sim_fly_part(s, 1 - side->index, part, &stream->path, data, len, stream->arrived_at);
}

hf_local sim_streams_listen(sim_side *side)
{
    hf_local local = {.addr = side->addrs[0], .interface = 1, .transport = HF_TCP};
    local.addr.port = SIM_LISTEN_PORT;
    side->listens = true;
    return local;
}

static void open_stream(sim_side *side, const hf_request *request)
{
    hf_path path = request->path;
    assert(path.transport == HF_TCP && path.local.port == 0);
    path.local.port = (uint16_t)(PORT_FIRST + side->streams_asked++);
    put(side, add(side, &path, request->id, false), SIM_SYN, NULL, 0);
}

static void close_stream(sim_side *side, const hf_request *request)
{
    for (size_t i = 0; i < side->streams_len; i++) {
        sim_stream *stream = &side->streams[i];
        if (request->id != 0 ? stream->id != request->id : stream != find(side, &request->path))
            continue;
        put(side, stream, SIM_END, NULL, 0);
        drop(side, stream);
        return;
    }
}

void sim_streams_request(sim_side *side, const hf_request *request)
{
    if (request->type == HF_REQUEST_CONNECT)
        open_stream(side, request);
    else
        close_stream(side, request);
}

void sim_streams_send(sim_side *side, const hf_path *path, const uint8_t *data, size_t len)
{
    sim_stream *stream = find(side, path);
    if (stream && stream->is_open)
        put(side, stream, SIM_BYTES, data, len);
}

static void on_syn(sim_side *side, const hf_path *path)
{
    sim_stream nobody = {.path = *path};
    if (!side->listens || side->refuses_streams || path->local.port != SIM_LISTEN_PORT) {
        put(side, &nobody, SIM_REFUSED, NULL, 0);
        return;
    }
    put(side, add(side, path, 0, true), SIM_ACCEPTED, NULL, 0);
    tell(side, HF_REPLY_CONNECTED, 0, HF_OK, path);
}

/* Several pieces come in one call, as they do where a driver finds much to be read. */
static void on_bytes(sim_side *side, const hf_path *path, uint8_t *data, size_t len)
{
    sim *s = side->sim;
    size_t max = s->config.piece_max > 0 ? s->config.piece_max : HF_DATAGRAM_MAX;
    hf_datagram pieces[PIECES_AT_ONCE];
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        for (; n < PIECES_AT_ONCE && at < len; n++) {
            size_t size = 1 + sim_random(s, (uint32_t)max);
            size = size < len - at ? size : len - at;
            pieces[n] = (hf_datagram){.path = *path, .data = data + at, .len = size};
            at += size;
        }
        hf_peer_input(side->peer, s->now, pieces, n);
    }
}

void sim_streams_deliver(sim_side *side, sim_part part, const hf_path *path, uint8_t *data, size_t len)
{
    sim_stream *stream = find(side, path);
    if (part == SIM_SYN) {
        on_syn(side, path);
        return;
    }
    if (!stream) { /* given up, or reset */
        sim_stream nobody = {.path = *path};
        if (part != SIM_END && part != SIM_REFUSED)
            put(side, &nobody, SIM_END, NULL, 0);
        return;
    }
    uint32_t id = stream->id;
    switch (part) {
    case SIM_ACCEPTED:
        stream->is_open = true;
        tell(side, HF_REPLY_CONNECTED, id, HF_OK, path);
        break;
    case SIM_REFUSED:
        drop(side, stream);
        tell(side, HF_REPLY_CONNECTED, id, HF_EUNREACHABLE, path);
        break;
    case SIM_BYTES:
        on_bytes(side, path, data, len);
        break;
    case SIM_END:
        drop(side, stream);
        tell(side, HF_REPLY_DISCONNECTED, 0, HF_OK, path);
        break;
    case SIM_SYN:
        break;
    }
}

void sim_reset_streams(sim *s)
{
    for (int i = 0; i < 2; i++) {
        sim_side *side = &s->side[i];
        for (size_t k = 0; k < side->streams_len;) {
            sim_stream stream = side->streams[k];
            if (!stream.is_open) {
                k++;
                continue;
            }
            drop(side, &side->streams[k]);
            tell(side, HF_REPLY_DISCONNECTED, 0, HF_EUNREACHABLE, &stream.path);
        }
    }
}
