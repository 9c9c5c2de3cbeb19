/* streams.c: TCP between hosts. What a stream carries arrives whole and in order, cut anywhere. Where its way is cut, it
 * falls silent and stays so. */
#include "streams.h"

#include "chance.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PORT_FIRST 40000
#define PIECES_AT_ONCE 16 /* handed in by one call */

/* What passes on a stream. */
typedef enum part_kind { SYN, ACCEPTED, REFUSED, BYTES, END } part_kind;

typedef struct part {
    part_kind kind;
    hf_path path; /* as the receiver sees it */
    size_t len;
    uint8_t data[];
} part;

static sim_stream *add(sim_host *host, const hf_path *path, uint32_t group, uint32_t id, bool is_open)
{
    assert(host->streams_len < SIM_STREAMS_MAX);
    sim_stream *stream = &host->streams[host->streams_len++];
    *stream = (sim_stream){.path = *path, .group = group, .id = id, .is_open = is_open};
    return stream;
}

static sim_stream *find(sim_host *host, const hf_path *path)
{
    for (size_t i = 0; i < host->streams_len; i++) {
        sim_stream *stream = &host->streams[i];
        if (hf_addr_equal(&stream->path.local, &path->local) && hf_addr_equal(&stream->path.remote, &path->remote))
            return stream;
    }
    return NULL;
}

static void drop(sim_host *host, sim_stream *stream)
{
    *stream = host->streams[--host->streams_len];
}

static void tell(sim_host *host, hf_reply_type type, const sim_stream *stream, hf_err err, const hf_path *path)
{
    hf_reply reply = {.type = type, .group = stream->group, .id = stream->id, .err = err, .path = *path};
    reply.id = type == HF_REPLY_DISCONNECTED ? 0 : stream->id;
    host->endpoint->reply(host->object, host->sim->now, &reply);
}

static void land(void *context, void *cargo);

/* Puts a part on its way; nothing of it is lost. */
static void put(sim_host *host, sim_stream *stream, part_kind kind, const uint8_t *data, size_t len)
{
    sim *s = host->sim;
    hf_addr source = stream->path.local, destination = stream->path.remote;
    hf_span delay = 0;
    const sim_interface *from = sim_host_interface(host, &source);
    const sim_interface *to = from ? sim_net_walk(from, HF_TCP, &source, &destination, &delay) : NULL;
    stream->is_silent |= !to;
    if (stream->is_silent)
        return;
    part *p = malloc(sizeof *p + len);
    assert(p);
    *p = (part){.kind = kind, .path = {HF_TCP, .local = destination, .remote = source}, .len = len};
    if (len > 0)
        memcpy(p->data, data, len);
    hf_time at = s->now + delay;
    stream->arrived_at = at > stream->arrived_at ? at : stream->arrived_at;
    timeline_add(&s->timeline, stream->arrived_at, land, to->host, p);
}

static void open_stream(sim_host *host, const hf_request *request)
{
    hf_path path = request->path;
    assert(path.transport == HF_TCP && path.local.port == 0);
    path.local.port = (uint16_t)(PORT_FIRST + host->streams_asked++);
    put(host, add(host, &path, request->group, request->id, false), SYN, NULL, 0);
}

static void close_stream(sim_host *host, const hf_request *request)
{
    for (size_t i = 0; i < host->streams_len; i++) {
        sim_stream *stream = &host->streams[i];
        if (stream->group != request->group ||
            (request->id != 0 ? stream->id != request->id : stream != find(host, &request->path)))
            continue;
        put(host, stream, END, NULL, 0);
        drop(host, stream);
        return;
    }
}

void sim_streams_release(sim_host *host, uint32_t group)
{
    for (size_t i = 0; i < host->streams_len;) {
        if (host->streams[i].group != group) {
            i++;
            continue;
        }
        put(host, &host->streams[i], END, NULL, 0);
        drop(host, &host->streams[i]);
    }
}

void sim_streams_request(sim_host *host, const hf_request *request)
{
    if (request->type == HF_REQUEST_CONNECT)
        open_stream(host, request);
    else
        close_stream(host, request);
}

void sim_streams_send(sim_host *host, const hf_path *path, const uint8_t *data, size_t len)
{
    sim_stream *stream = find(host, path);
    if (stream && stream->is_open)
        put(host, stream, BYTES, data, len);
}

static bool is_listening(const sim_host *host, uint16_t port, uint32_t *group)
{
    *group = 0;
    for (size_t i = 0; i < SIM_LISTENS_MAX; i++) {
        if (host->listens[i] == port)
            return true;
    }
    for (size_t i = 0; i < host->groups_len; i++) {
        *group = host->groups[i].number;
        if (host->groups[i].listens == port)
            return true;
    }
    return false;
}

static void on_syn(sim_host *host, const hf_path *path)
{
    sim_stream nobody = {.path = *path};
    uint32_t group;
    if (!host->object || host->refuses_streams || !is_listening(host, path->local.port, &group)) {
        put(host, &nobody, REFUSED, NULL, 0);
        return;
    }
    sim_stream *stream = add(host, path, group, 0, true);
    put(host, stream, ACCEPTED, NULL, 0);
    tell(host, HF_REPLY_CONNECTED, stream, HF_OK, path);
}

/* Several pieces come in one call, as they do where a driver finds much to be read. */
static void on_bytes(sim_host *host, const sim_stream *stream, uint8_t *data, size_t len)
{
    sim *s = host->sim;
    size_t max = s->config.piece_max > 0 ? s->config.piece_max : HF_DATAGRAM_MAX;
    hf_datagram pieces[PIECES_AT_ONCE];
    const hf_path path = stream->path; /* it may be closed meanwhile */
    const uint32_t group = stream->group;
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        for (; n < PIECES_AT_ONCE && at < len; n++) {
            size_t size = 1 + chance_below(&s->chance, (uint32_t)max);
            size = size < len - at ? size : len - at;
            pieces[n] = (hf_datagram){.path = path, .data = data + at, .len = size, .group = group};
            at += size;
        }
        host->endpoint->input(host->object, s->now, pieces, n);
    }
}

static void on_part(sim_host *host, sim_stream *stream, part *p)
{
    const sim_stream it = *stream;
    switch (p->kind) {
    case ACCEPTED:
        stream->is_open = true;
        tell(host, HF_REPLY_CONNECTED, &it, HF_OK, &p->path);
        break;
    case REFUSED:
        drop(host, stream);
        tell(host, HF_REPLY_CONNECTED, &it, HF_EUNREACHABLE, &p->path);
        break;
    case BYTES:
        if (!stream->is_silent)
            on_bytes(host, &it, p->data, p->len);
        break;
    case END:
        drop(host, stream);
        tell(host, HF_REPLY_DISCONNECTED, &it, HF_OK, &p->path);
        break;
    case SYN:
        break;
    }
}

static void land(void *context, void *cargo)
{
    sim_host *host = context;
    part *p = cargo;
    sim_stream *stream = find(host, &p->path);
    if (host->asleep) {
        if (stream)
            stream->is_silent = true; /* a hole: what comes behind it can't be handed over */
    } else if (p->kind == SYN) {
        on_syn(host, &p->path);
    } else if (stream && host->object) {
        on_part(host, stream, p);
    } else if (p->kind == ACCEPTED || p->kind == BYTES) { /* given up, or reset */
        sim_stream nobody = {.path = p->path};
        put(host, &nobody, END, NULL, 0);
    }
}

void sim_reset_streams(sim *s)
{
    for (size_t i = 0; i < s->hosts_len; i++) {
        sim_host *host = s->hosts[i];
        for (size_t k = 0; k < host->streams_len;) {
            sim_stream stream = host->streams[k];
            if (!stream.is_open) {
                k++;
                continue;
            }
            drop(host, &host->streams[k]);
            tell(host, HF_REPLY_DISCONNECTED, &stream, HF_EUNREACHABLE, &stream.path);
        }
    }
}
