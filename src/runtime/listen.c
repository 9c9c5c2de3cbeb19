/* listen.c: the sockets that the clients of a server come to: for each address one for datagrams and one for streams.
 *
 * An address without IP is not bound as such: whoever answers a datagram must do so from the address that it came to, and
 * the way that it came. Each address that the machine has gets its own sockets. */
#include "loop_priv.h"

#include "alloc.h"
#include "log.h"

#include <string.h>

static size_t add(hf_local out[HF_SOCKETS_MAX], size_t n, const hf_local *local)
{
    for (size_t i = 0; i < n; i++) {
        if (hf_addr_equal(&out[i].addr, &local->addr))
            return n;
    }
    if (n < HF_SOCKETS_MAX)
        out[n++] = *local;
    return n;
}

static size_t choose(const hf_object *d, hf_local out[HF_SOCKETS_MAX])
{
    const hf_interfaces *interfaces = &d->loop->interfaces;
    size_t n = 0;

    for (size_t i = 0; i < d->listen_len; i++) {
        const hf_addr *addr = &d->listen[i];

        if (!hf_addr_is_unspecified(addr))
            n = add(out, n, &(hf_local){.addr = *addr});
        for (size_t k = 0; k < interfaces->len && hf_addr_is_unspecified(addr); k++) {
            hf_local local = {.addr = interfaces->items[k].addr, .interface = interfaces->items[k].index};

            local.addr.port = addr->port;
            if (local.addr.family == addr->family)
                n = add(out, n, &local);
        }
    }
    return n;
}

static bool is_named(const hf_object *d, const hf_addr *addr)
{
    for (size_t i = 0; i < d->listen_len; i++) {
        if (hf_addr_equal_ip(&d->listen[i], addr))
            return true;
    }
    return false;
}

static hf_socket *find(const hf_object *d, const hf_addr *addr)
{
    hf_socket *s = d->sockets;

    while (s && !hf_addr_equal(&s->local.addr, addr))
        s = s->next;
    return s;
}

static hf_err open_one(hf_object *d, const hf_local *local)
{
    hf_socket *s;
    hf_err err = hf_socket_open(d, local, &s);

    if (err != HF_OK)
        return err;
    err = hf_listener_open(d, &s->local, &s->listener); /* with the port that the first got, where any will do */
    if (err != HF_OK) {
        hf_socket_close(s);
        return err;
    }
    s->next = d->sockets;
    d->sockets = s;
    d->sockets_len++;
    return HF_OK;
}

static bool close_unwanted(hf_object *d, const hf_local *wanted, size_t n)
{
    bool changed = false;

    for (hf_socket **at = &d->sockets; *at;) {
        hf_socket *s = *at;
        size_t i = 0;

        while (i < n && !hf_addr_equal_ip(&wanted[i].addr, &s->local.addr))
            i++;
        if (i < n) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        d->sockets_len--;
        hf_streams_end_at(d, &s->local.addr);
        hf_socket_close(s);
        changed = true;
    }
    return changed;
}

hf_err hf_listen_open(hf_object *d, const hf_addr *addrs, size_t n)
{
    hf_local wanted[HF_SOCKETS_MAX];

    if (n == 0 || n > HF_SOCKETS_MAX)
        return HF_EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (addrs[i].family == HF_FAMILY_NONE || hf_addr_is_multicast(&addrs[i]))
            return HF_EINVAL;
    }
    hf_err err = hf_interfaces_read(d->loop);
    if (err != HF_OK)
        return err;
    d->listen = hf_alloc_array(d->loop->env, n, sizeof *addrs);
    if (!d->listen)
        return HF_ENOMEM;
    memcpy(d->listen, addrs, n * sizeof *addrs);
    d->listen_len = n;

    size_t len = choose(d, wanted);
    for (size_t i = 0; i < len; i++) {
        err = open_one(d, &wanted[i]);
        if (err == HF_EEXIST)
            return HF_EBUSY;
        if (err != HF_OK && (err != HF_EIO || is_named(d, &wanted[i].addr))) /* one of many may not be ready yet */
            return err;
    }
    if (!d->sockets)
        return HF_EIO;
    hf_locals_tell(d, 0, HF_OK);
    return HF_OK;
}

/* Port 0 is for those who want any, and know their addresses: what has a socket keeps it. */
void hf_listen_refresh(hf_object *d)
{
    hf_local wanted[HF_SOCKETS_MAX];

    if (hf_interfaces_read(d->loop) != HF_OK)
        return;
    size_t n = choose(d, wanted);
    bool changed = close_unwanted(d, wanted, n);
    for (size_t i = 0; i < n; i++) {
        if (wanted[i].addr.port == 0 || find(d, &wanted[i].addr))
            continue;
        hf_err err = open_one(d, &wanted[i]);
        changed |= err == HF_OK;
        if (err != HF_OK)
            hf_log(d->loop->env, HF_LOG_WARNING, "no socket to listen on a new address: %s", hf_err_text(err));
    }
    if (changed)
        hf_locals_tell(d, 0, HF_OK);
}
