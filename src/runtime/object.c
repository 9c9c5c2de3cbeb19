/* object.c: the objects that the loop drives: a table to find them, a ready list of those to look at, and one serving. */
#include "loop_priv.h"

#include "alloc.h"

#include <holdfast/mdns.h>

#include <assert.h>
#include <string.h>

#define TABLE_CAP_FIRST 16
#define ROUNDS_PER_TURN 2  /* servings of one object in one turn */
#define RUNS_PER_SERVING 2 /* of 64 KiB, each a millisecond of sealing; then it is the next object's turn */
#define REQUESTS_PER_SERVING 64
#define RUNS_AT_REMOVAL 64 /* last words */

/* --- The table, by address --- */

static size_t bucket_of(const void *object, size_t cap)
{
    uint64_t mixed = (uint64_t)(uintptr_t)object * 0x9E3779B97F4A7C15u; /* Knuth's multiplier: spreads aligned addresses */

    return (size_t)(mixed >> 32) & (cap - 1);
}

static hf_object **find(hf_loop *loop, const void *object)
{
    hf_object **at = &loop->table[bucket_of(object, loop->table_cap)];

    while (*at && (*at)->object != object)
        at = &(*at)->table_next;
    return at;
}

hf_object *hf_object_find(hf_loop *loop, const void *object)
{
    return loop->table_cap > 0 ? *find(loop, object) : NULL;
}

static hf_err grow_table(hf_loop *loop)
{
    if (loop->objects_len < loop->table_cap)
        return HF_OK;

    size_t cap = loop->table_cap ? loop->table_cap * 2 : TABLE_CAP_FIRST;
    hf_object **table = hf_alloc_array(loop->env, cap, sizeof(hf_object *));
    if (!table)
        return HF_ENOMEM;
    for (size_t i = 0; i < loop->table_cap; i++) {
        for (hf_object *d = loop->table[i], *next; d; d = next) {
            hf_object **bucket = &table[bucket_of(d->object, cap)];

            next = d->table_next;
            d->table_next = *bucket;
            *bucket = d;
        }
    }
    hf_dealloc(loop->env, loop->table);
    loop->table = table;
    loop->table_cap = cap;
    return HF_OK;
}

/* --- The ready list --- */

void hf_object_make_ready(hf_object *d)
{
    hf_loop *loop = d->loop;

    if (d->ready || d->source.dead)
        return;
    d->ready = true;
    d->ready_next = NULL;
    d->ready_prev = loop->ready_last;
    *(loop->ready_last ? &loop->ready_last->ready_next : &loop->ready_first) = d;
    loop->ready_last = d;
    loop->ready_len++;
}

static void take_off_ready(hf_object *d)
{
    hf_loop *loop = d->loop;

    if (!d->ready)
        return;
    d->ready = false;
    *(d->ready_prev ? &d->ready_prev->ready_next : &loop->ready_first) = d->ready_next;
    *(d->ready_next ? &d->ready_next->ready_prev : &loop->ready_last) = d->ready_prev;
    loop->ready_len--;
}

static void wake(void *context)
{
    hf_object_make_ready(context);
}

/* --- One serving --- */

static hf_socket *find_socket(const hf_object *d, const hf_addr *addr)
{
    hf_socket *s = d->sockets;

    while (s && !hf_addr_equal(&s->local.addr, addr))
        s = s->next;
    return s ? s : hf_bound_find(d, addr);
}

static bool send_from(hf_object *d, const hf_transmit *run, size_t segment)
{
    if (run->path.transport == HF_TCP)
        return hf_stream_send(d, &run->path, run->buffer, run->len, segment);
    hf_socket *s = find_socket(d, &run->path.local);
    if (s)
        hf_socket_send(s, &run->path.remote, run->buffer, run->len, segment);
    return s;
}

/* The address of the socket is of one group alone. */
static void send_run(hf_object *root, const hf_transmit *run)
{
    size_t segment = run->segment > 0 && run->segment < run->len ? run->segment : run->len;
    bool sent = run->len == 0;

    for (hf_object *d = root; d && !sent; d = d->next_group)
        sent = send_from(d, run, segment);
    if (!sent)
        root->loop->stats.send_errors += (run->len + segment - 1) / segment; /* its address has gone */
}

/* False: there may be more. While a socket is full the object keeps what it has: nothing piles up on the way. */
static bool transmit(hf_object *d, size_t runs_max)
{
    for (size_t i = 0; i < runs_max && d->sockets_blocked == 0; i++) {
        hf_transmit run = {.buffer = d->loop->run, .cap = HF_RUN_MAX};

        if (!d->endpoint->poll_transmit(d->object, d->loop->now, &run))
            return true;
        assert(run.len <= run.cap);
        send_run(d, &run);
    }
    return d->sockets_blocked > 0;
}

/* RFC 6762 §3: a ".local" name is nobody's business but that of the local network. */
static void resolve(hf_object *d, const hf_request *request)
{
    if (hf_mdns_is_name(request->name))
        hf_multicast_resolve(d, request);
    else
        hf_resolver_ask(d, request->id, request->name);
}

static void answer(hf_object *d, const hf_request *request)
{
    switch (request->type) {
    case HF_REQUEST_LOCALS:
        hf_locals_answer(d, request);
        break;
    case HF_REQUEST_RESOLVE:
        resolve(d, request);
        break;
    case HF_REQUEST_ADVERTISE:
        hf_multicast_advertise(d, request);
        break;
    case HF_REQUEST_CONNECT:
        hf_stream_connect(d, request);
        break;
    case HF_REQUEST_DISCONNECT:
        hf_stream_disconnect(d, request);
        break;
    case HF_REQUEST_BIND:
        hf_bound_answer(d, request);
        break;
    case HF_REQUEST_UNBIND:
        hf_bound_close(d, request);
        break;
    case HF_REQUEST_RELEASE:
        hf_group_release(d->root, request->group);
        break;
    }
}

static bool answer_requests(hf_object *root)
{
    for (size_t i = 0; i < REQUESTS_PER_SERVING; i++) {
        hf_request request;

        if (!root->endpoint->poll_request(root->object, &request))
            return true;
        bool needs = request.type != HF_REQUEST_RELEASE;
        hf_object *d = needs ? hf_group_need(root, request.group) : hf_group_find(root, request.group);
        if (d)
            answer(d, &request);
        else
            hf_group_refuse(root, &request);
    }
    return false;
}

/* Tells the application first: what it sends in answer then leaves in the same packets as what the layers owe. Then once
 * more, for sending makes room, and room is told. */
static void serve(hf_object *d)
{
    hf_loop *loop = d->loop;

    d->endpoint->dispatch(d->object, loop->now);
    if (d->source.dead)
        return;
    bool asked = answer_requests(d);
    bool sent = transmit(d, RUNS_PER_SERVING);
    if (!asked || !sent)
        hf_object_make_ready(d);
    d->endpoint->dispatch(d->object, loop->now);
    if (d->source.dead)
        return;

    hf_time at = d->endpoint->deadline(d->object);
    at = at > loop->now ? at : loop->now;
    if (at != d->timer.at)
        hf_timers_move(&loop->timers, &d->timer, at);
}

/* In rounds: what a handler did to another object, or to its own again, goes out in this turn, if it comes to an end. */
void hf_objects_serve(hf_loop *loop)
{
    for (int round = 0; round < ROUNDS_PER_TURN && loop->ready_first; round++) {
        for (size_t n = loop->ready_len; n > 0 && loop->ready_first; n--) {
            hf_object *d = loop->ready_first;

            take_off_ready(d);
            serve(d);
        }
    }
}

static void on_deadline(void *context)
{
    hf_object *d = context;

    /* Back into the heap before anybody else can take the place. */
    hf_err err = hf_timers_set(&d->loop->timers, &d->timer, HF_NEVER);
    assert(err == HF_OK);
    (void)err;
    d->endpoint->tick(d->object, d->loop->now);
    hf_object_make_ready(d);
}

/* --- Coming and going --- */

hf_err hf_loop_add(hf_loop *loop, const hf_endpoint *endpoint, void *object, const hf_bind *bind)
{
    hf_err err = grow_table(loop);

    if (err != HF_OK)
        return err;
    if (*find(loop, object))
        return HF_EEXIST;

    hf_object *d = hf_alloc(loop->env, sizeof *d);
    if (!d)
        return HF_ENOMEM;
    *d = (hf_object){.source.kind = HF_SOURCE_OBJECT,
                     .root = d,
                     .loop = loop,
                     .endpoint = endpoint,
                     .object = object,
                     .streams_max = HF_CONNECTIONS_MAX,
                     .timer = {.fn = on_deadline, .context = d}};
    hf_table_init(&d->bound_by_addr, loop->env);
    hf_table_init(&d->streams_by_path, loop->env);
    err = hf_bind_copy(&d->bind, bind, loop->env);
    if (err != HF_OK)
        goto free_memory;
    err = hf_timers_set(&loop->timers, &d->timer, HF_NEVER);
    if (err != HF_OK)
        goto free_bind;

    *find(loop, object) = d;
    loop->objects_len++;
    endpoint->set_wake(object, wake, d);
    hf_object_make_ready(d);
    return HF_OK;

free_bind:
    hf_bind_clear(&d->bind, loop->env);
free_memory:
    hf_dealloc(loop->env, d);
    return err;
}

void hf_object_close_all(hf_object *d)
{
    d->wants_locals = false;
    hf_resolver_forget(d);
    hf_multicast_forget(d);
    for (hf_socket *s = d->sockets, *next; s; s = next) {
        next = s->next;
        hf_socket_close(s);
    }
    d->sockets = NULL;
    d->sockets_len = 0;
    hf_bound_clear(d);
    hf_streams_close(d);
}

static void let_go(hf_object **at)
{
    hf_object *d = *at;
    hf_loop *loop = d->loop;

    *at = d->table_next;
    loop->objects_len--;
    d->endpoint->set_wake(d->object, NULL, NULL);
    take_off_ready(d);
    hf_timers_cancel(&loop->timers, &d->timer);
    hf_groups_clear(d);
    hf_object_close_all(d);
    hf_dealloc(loop->env, d->listen);
    hf_bind_clear(&d->bind, loop->env);
    hf_loop_bury(loop, &d->source);
}

void hf_loop_remove(hf_loop *loop, void *object)
{
    if (loop->table_cap == 0)
        return;

    hf_object **at = find(loop, object);
    if (!*at)
        return;
    transmit(*at, RUNS_AT_REMOVAL);
    let_go(at);
}

void hf_objects_refresh_locals(hf_loop *loop)
{
    for (size_t i = 0; i < loop->table_cap; i++) {
        for (hf_object *d = loop->table[i]; d; d = d->table_next) {
            for (hf_object *g = d; g; g = g->next_group) {
                if (g->wants_locals)
                    hf_locals_refresh(g);
            }
            if (d->listen_len > 0)
                hf_listen_refresh(d);
        }
    }
}

void hf_objects_clear(hf_loop *loop)
{
    for (size_t i = 0; i < loop->table_cap; i++) {
        while (loop->table[i])
            let_go(&loop->table[i]);
    }
    hf_dealloc(loop->env, loop->table);
    loop->table = NULL;
    loop->table_cap = 0;
}
