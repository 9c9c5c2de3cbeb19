/* bound.c: sockets that an object asks for one by one, such as those of a relay: there may be many. */
#include "loop_priv.h"

#include <stddef.h>

hf_socket *hf_bound_find(const hf_object *d, const hf_addr *addr)
{
    hf_table_entry *e = hf_table_first(&d->bound_by_addr, hf_table_hash_addr(&d->bound_by_addr, addr));

    for (; e; e = hf_table_next(e)) {
        hf_socket *s = (hf_socket *)(void *)((char *)e - offsetof(hf_socket, by_addr));

        if (hf_addr_equal(&s->local.addr, addr))
            return s;
    }
    return NULL;
}

static hf_err open_one(hf_object *d, const hf_request *request, hf_addr *out)
{
    const hf_local local = {.addr = request->path.local};
    hf_socket *s;

    if (d->bound_len >= HF_BOUND_MAX)
        return HF_ELIMIT;
    hf_err err = hf_socket_open(d, &local, &s);
    if (err != HF_OK)
        return err;
    *out = s->local.addr;
    err = hf_table_put(&d->bound_by_addr, &s->by_addr, hf_table_hash_addr(&d->bound_by_addr, out));
    if (err != HF_OK) {
        hf_socket_close(s);
        return err;
    }
    s->id = request->id;
    s->next = d->bound;
    if (s->next)
        s->next->prev = s;
    d->bound = s;
    d->bound_len++;
    return HF_OK;
}

void hf_bound_answer(hf_object *d, const hf_request *request)
{
    hf_reply reply = {.type = HF_REPLY_BOUND, .id = request->id, .path = request->path};

    reply.err = open_one(d, request, &reply.path.local);
    hf_group_reply(d, &reply);
}

static void close_one(hf_socket *s)
{
    hf_object *d = s->owner;

    *(s->prev ? &s->prev->next : &d->bound) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    d->bound_len--;
    hf_table_remove(&d->bound_by_addr, &s->by_addr);
    hf_socket_close(s);
}

void hf_bound_close(hf_object *d, const hf_request *request)
{
    hf_socket *s = hf_bound_find(d, &request->path.local);

    if (!s || (request->id != 0 && s->id != request->id)) {
        for (s = d->bound; s && (request->id == 0 || s->id != request->id);)
            s = s->next;
    }
    if (s)
        close_one(s);
}

void hf_bound_clear(hf_object *d)
{
    while (d->bound)
        close_one(d->bound);
    hf_table_clear(&d->bound_by_addr);
}
