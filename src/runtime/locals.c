/* locals.c: the sockets of one object: which addresses it may use, and a socket for each. */
#include "loop_priv.h"

#include "log.h"

/* An address that no interface has is left to the system, which may know better; but then no name allows it. */
static size_t choose_bound(const hf_object *d, hf_local out[HF_SOCKETS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < d->bind.addrs_len && n < HF_SOCKETS_MAX; i++) {
        hf_interface item = {.addr = d->bind.addrs[i], .index = d->bind.addrs[i].scope};
        const hf_interface *found = hf_interfaces_find(&d->loop->interfaces, &item.addr);

        if (found)
            item = *found;
        if (!hf_bind_allows(&d->bind, &item))
            continue;
        out[n] = (hf_local){.addr = item.addr, .interface = item.index, .prefix = item.prefix};
        out[n++].addr.port = 0;
    }
    return n;
}

static size_t choose_found(const hf_object *d, bool link_local, hf_local out[HF_SOCKETS_MAX])
{
    const hf_interfaces *interfaces = &d->loop->interfaces;
    size_t n = 0;

    for (size_t i = 0; i < interfaces->len && n < HF_SOCKETS_MAX; i++) {
        const hf_interface *item = &interfaces->items[i];

        if (!hf_bind_allows(&d->bind, item) || (hf_addr_is_link_local(&item->addr) && !link_local))
            continue;
        out[n++] =
            (hf_local){.addr = item->addr, .interface = item->index, .preference = item->preference, .prefix = item->prefix};
    }
    return n;
}

/* RFC 8445 §5.1.1.1 leaves IPv6 link-local addresses out where there are others; so do we with 169.254.0.0/16. */
static size_t choose(const hf_object *d, hf_local out[HF_SOCKETS_MAX])
{
    if (d->bind.addrs_len > 0)
        return choose_bound(d, out);

    size_t n = choose_found(d, false, out);
    return n > 0 ? n : choose_found(d, true, out);
}

static bool is_among(const hf_addr *addr, const hf_local *locals, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (hf_addr_equal_ip(addr, &locals[i].addr))
            return true;
    }
    return false;
}

static hf_socket *find_socket(const hf_object *d, const hf_addr *addr)
{
    for (hf_socket *s = d->sockets; s; s = s->next) {
        if (hf_addr_equal_ip(&s->local.addr, addr))
            return s;
    }
    return NULL;
}

bool hf_locals_include(const hf_object *d, const hf_addr *addr)
{
    return find_socket(d, addr) != NULL;
}

static bool close_unwanted(hf_object *d, const hf_local *wanted, size_t n)
{
    bool changed = false;

    for (hf_socket **at = &d->sockets; *at;) {
        hf_socket *s = *at;

        if (is_among(&s->local.addr, wanted, n)) {
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

/* One that can't be had now does not spoil the others. */
static bool open_missing(hf_object *d, const hf_local *wanted, size_t n, hf_err *err)
{
    bool changed = false;

    for (size_t i = 0; i < n; i++) {
        hf_socket *s = find_socket(d, &wanted[i].addr);

        if (!s) {
            hf_err trouble = hf_socket_open(d, &wanted[i], &s);
            if (trouble != HF_OK) {
                *err = trouble == HF_ELIMIT ? HF_ELIMIT : HF_EIO;
                continue;
            }
            s->next = d->sockets;
            d->sockets = s;
            d->sockets_len++;
            changed = true;
        }
        if (d->wants_listeners && !s->listener)
            changed |= hf_listener_open(d, &wanted[i], &s->listener) == HF_OK;
    }
    return changed;
}

static void log_trouble(const hf_object *d, hf_err err)
{
    if (err == HF_ELIMIT)
        hf_log(d->loop->env, HF_LOG_ERROR, "no socket on a local address: ports %u to %u are taken", d->bind.port_first,
               d->bind.port_last);
    else
        hf_log(d->loop->env, HF_LOG_WARNING, "no socket on a local address: %s", hf_err_text(err));
}

/* False: the system does not tell, and nothing has changed. */
static bool bring_in_step(hf_object *d, bool *changed, hf_err *err)
{
    hf_local wanted[HF_SOCKETS_MAX];

    *err = hf_interfaces_read(d->loop);
    if (*err != HF_OK && d->bind.addrs_len == 0)
        return false;

    size_t n = choose(d, wanted);
    bool closed = close_unwanted(d, wanted, n);
    *err = HF_OK;
    *changed = open_missing(d, wanted, n, err) || closed;
    if (*err != HF_OK)
        log_trouble(d, *err);
    if (d->sockets)
        *err = HF_OK;
    return true;
}

void hf_locals_tell(hf_object *d, uint32_t id, hf_err err)
{
    hf_local locals[2 * HF_SOCKETS_MAX];
    size_t at = d->sockets_len, len = at;

    for (const hf_socket *s = d->sockets; s; s = s->next) /* the newest is first in the list and last in the answer */
        locals[--at] = s->local;
    for (const hf_socket *s = d->sockets; s; s = s->next) {
        if (s->listener)
            locals[len++] = s->listener->local;
    }

    hf_reply reply = {.type = HF_REPLY_LOCALS, .id = id, .err = err, .locals = locals, .locals_len = len};
    hf_group_reply(d, &reply);
}

void hf_locals_answer(hf_object *d, const hf_request *request)
{
    bool changed = false;
    hf_err err;

    d->wants_locals = true;
    d->wants_listeners = request->listen;
    bring_in_step(d, &changed, &err);
    hf_locals_tell(d, request->id, err);
}

void hf_locals_refresh(hf_object *d)
{
    bool changed = false;
    hf_err err;

    if (bring_in_step(d, &changed, &err) && changed)
        hf_locals_tell(d, 0, HF_OK);
}
