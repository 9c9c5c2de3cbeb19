/* net_tcp.c: TCP connections between the two hosts of net.c. */
#include "net.h"

#include <criterion/criterion.h>
#include <stdlib.h>

void net_host_listen(net_host *host, const char *addr)
{
    cr_assert_lt(host->locals_len, NET_LOCALS_MAX);
    host->locals[host->locals_len++] = (hf_local){.addr = net_addr(addr), .interface = 1, .transport = HF_TCP};
}

static hf_path reversed(const hf_path *path)
{
    return (hf_path){.transport = HF_TCP, .local = path->remote, .remote = path->local};
}

static net_stream *add(net_host *host, const hf_path *path, uint32_t id, bool is_open)
{
    cr_assert_lt(host->streams_len, NET_STREAMS_MAX);
    net_stream *s = &host->streams[host->streams_len++];
    *s = (net_stream){.path = *path, .id = id, .is_open = is_open};
    return s;
}

static net_stream *find(net_host *host, const hf_path *path)
{
    for (size_t i = 0; i < host->streams_len; i++) {
        net_stream *s = &host->streams[i];
        if (hf_addr_equal(&s->path.local, &path->local) && hf_addr_equal(&s->path.remote, &path->remote))
            return s;
    }
    return NULL;
}

static void drop(net_host *host, net_stream *s)
{
    *s = host->streams[--host->streams_len];
}

static void tell(net *n, net_host *host, hf_reply_type type, uint32_t id, hf_err err, const hf_path *path)
{
    hf_reply reply = {.type = type, .id = id, .err = err, .path = *path};
    hf_ice_reply(host->ice, n->now, &reply);
}

void net_connect_stream(net *n, net_host *host, const hf_request *request)
{
    hf_path path = request->path;
    host->connects++;
    cr_assert_eq(path.transport, HF_TCP);
    cr_assert_eq(path.local.port, 0);
    path.local.port = (uint16_t)(40000 + host->port_next++);
    add(host, &path, request->id, false);
    if (!n->is_cut)
        net_put(n, NET_SYN, &path, NULL, 0);
}

void net_disconnect_stream(net *n, net_host *host, const hf_request *request)
{
    for (size_t i = 0; i < host->streams_len; i++) {
        net_stream *s = &host->streams[i];
        if (request->id != 0 ? s->id != request->id : s != find(host, &request->path))
            continue;
        if (s->is_open && !n->is_cut)
            net_put(n, NET_END, &s->path, NULL, 0);
        drop(host, s);
        return;
    }
}

void net_send_bytes(net *n, net_host *host, const hf_path *path, const uint8_t *data, size_t len)
{
    const net_stream *s = find(host, path);
    if (s && s->is_open && !n->is_cut)
        net_put(n, NET_BYTES, path, data, len);
}

static bool listens(const net_host *host, const hf_addr *addr)
{
    for (size_t i = 0; i < host->locals_len; i++) {
        if (host->locals[i].transport == HF_TCP && hf_addr_equal(&host->locals[i].addr, addr))
            return true;
    }
    return false;
}

static void on_syn(net *n, net_host *host, const hf_path *path)
{
    if (n->tcp_is_silent)
        return;
    if (!listens(host, &path->local)) {
        net_put(n, NET_REFUSED, path, NULL, 0);
        return;
    }
    add(host, path, 0, true);
    net_put(n, NET_ACCEPTED, path, NULL, 0);
    tell(n, host, HF_REPLY_CONNECTED, 0, HF_OK, path);
}

/* Where a stream is cut says nothing. */
static void on_bytes(net *n, net_host *host, const hf_path *path, const net_flight *flight)
{
    hf_datagram taken;
    for (size_t at = 0, len; at < flight->len && find(host, path); at += len) {
        len = 1 + net_percent(n);
        len = len < flight->len - at ? len : flight->len - at;
        uint8_t *data = malloc(len);
        memcpy(data, flight->data + at, len);
        cr_assert_eq(hf_ice_input(host->ice, n->now, &(hf_datagram){.path = *path, .data = data, .len = len}, 1), 0);
        free(data);
    }
    while (hf_ice_poll_datagram(host->ice, n->now, &taken)) {
        bool is_relayed = taken.path.transport == HF_UDP;
        cr_assert((is_relayed || hf_addr_equal(&taken.path.remote, &path->remote)) && taken.data[0] == 23);
        host->data_received++;
    }
}

void net_deliver_stream(net *n, net_host *host, const net_flight *flight)
{
    hf_path path = reversed(&flight->path);
    net_stream *s = find(host, &path);
    if (flight->kind == NET_SYN) {
        on_syn(n, host, &path);
        return;
    }
    if (!s) { /* it was given up */
        if (flight->kind != NET_END)
            net_put(n, NET_END, &path, NULL, 0);
        return;
    }
    uint32_t id = s->id;
    switch (flight->kind) {
    case NET_ACCEPTED:
        s->is_open = true;
        tell(n, host, HF_REPLY_CONNECTED, id, HF_OK, &path);
        break;
    case NET_REFUSED:
        drop(host, s);
        tell(n, host, HF_REPLY_CONNECTED, id, HF_EUNREACHABLE, &path);
        break;
    case NET_BYTES:
        on_bytes(n, host, &path, flight);
        break;
    case NET_END:
        drop(host, s);
        tell(n, host, HF_REPLY_DISCONNECTED, 0, HF_OK, &path);
        break;
    case NET_DATAGRAM:
    case NET_SYN:
        break;
    }
}

void net_break_streams(net *n)
{
    for (size_t i = 0; i < 2; i++) {
        net_host *host = i ? &n->b : &n->a;
        while (host->streams_len > 0) {
            hf_path path = host->streams[0].path;
            drop(host, &host->streams[0]);
            tell(n, host, HF_REPLY_DISCONNECTED, 0, HF_EUNREACHABLE, &path);
        }
    }
}
