/* toy.c: an object that a loop can drive. */
#include "toy.h"

#include <stdlib.h>
#include <string.h>

static void add_run(toy *t, const hf_path *path, const void *data, size_t len, size_t segment)
{
    cr_assert_lt(t->runs_len, TOY_RUNS_MAX);
    toy_run *run = &t->runs[t->runs_len++];
    *run = (toy_run){.path = *path, .data = malloc(len + 1), .len = len, .segment = segment};
    cr_assert_not_null(run->data);
    memcpy(run->data, data, len);
}

static void input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    toy *t = object;

    (void)now;
    t->calls++;
    t->inputs++;
    if (n > t->inputs_len_max)
        t->inputs_len_max = n;
    for (size_t i = 0; i < n; i++) {
        cr_assert_leq(t->bytes_len + datagrams[i].len, TOY_BYTES_MAX);
        cr_assert_lt(t->datagrams, TOY_DATAGRAMS_MAX);
        memcpy(t->bytes + t->bytes_len, datagrams[i].data, datagrams[i].len);
        t->bytes_len += datagrams[i].len;
        t->lens[t->datagrams++] = datagrams[i].len;
        t->path = datagrams[i].path;
        t->group = datagrams[i].group;
        if (t->echo)
            add_run(t, &datagrams[i].path, datagrams[i].data, datagrams[i].len, datagrams[i].len);
        memset(datagrams[i].data, 0xEE, datagrams[i].len); /* a layer may decrypt in place */
    }
}

static bool poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    toy *t = object;

    (void)now;
    t->calls++;
    if (t->runs_sent == t->runs_len) {
        t->runs_sent = t->runs_len = 0;
        return false;
    }
    toy_run *run = &t->runs[t->runs_sent++];
    cr_assert_leq(run->len, out->cap);
    memcpy(out->buffer, run->data, run->len);
    free(run->data);
    out->path = run->path;
    out->len = run->len;
    out->segment = run->segment;
    return true;
}

static bool poll_request(void *object, hf_request *out)
{
    toy *t = object;

    t->calls++;
    if (t->asks_locals) {
        t->asks_locals = false;
        *out = (hf_request){.type = HF_REQUEST_LOCALS, .id = TOY_LOCALS_ID, .listen = t->listens};
        return true;
    }
    if (t->requests_len > 0) {
        *out = t->requests[0];
        t->requests_len--;
        memmove(&t->requests[0], &t->requests[1], t->requests_len * sizeof t->requests[0]);
        return true;
    }
    if (t->asks_name) {
        *out = (hf_request){.type = HF_REQUEST_RESOLVE, .id = TOY_NAME_ID, .name = t->asks_name};
        t->asks_name = NULL;
        return true;
    }
    return false;
}

static void note_stream(toy *t, const hf_reply *r)
{
    t->stream_err = r->err;
    t->stream_id = r->id;
    if (r->type == HF_REPLY_DISCONNECTED) {
        t->disconnected++;
        t->bytes_at_disconnect = t->bytes_len;
        return;
    }
    cr_assert_lt(t->connected + t->accepted, TOY_STREAMS_MAX);
    if (r->err == HF_OK)
        t->streams[t->connected + t->accepted] = r->path;
    t->connected += r->err == HF_OK && r->id != 0;
    t->accepted += r->err == HF_OK && r->id == 0;
    t->refused += r->err != HF_OK;
}

static void reply(void *object, hf_time now, const hf_reply *r)
{
    toy *t = object;

    (void)now;
    t->calls++;
    t->reply_group = r->group;
    switch (r->type) {
    case HF_REPLY_BOUND:
        break;
    case HF_REPLY_LOCALS:
        cr_assert_leq(r->locals_len, TOY_LOCALS_MAX);
        t->locals_replies++;
        cr_assert_lt(r->group, TOY_GROUPS_MAX);
        t->group_told[r->group]++;
        t->group_locals[r->group] = r->locals_len > 0 ? r->locals[0] : (hf_local){0};
        t->locals_id = r->id;
        t->locals_err = r->err;
        t->locals_len = r->locals_len;
        for (size_t i = 0; i < r->locals_len; i++)
            t->locals[i] = r->locals[i];
        break;
    case HF_REPLY_RESOLVED:
        t->resolved++;
        t->resolved_id = r->id;
        t->resolved_err = r->err;
        t->resolved_len = r->addrs_len < 16 ? r->addrs_len : 16;
        for (size_t i = 0; i < t->resolved_len; i++)
            t->resolved_addrs[i] = r->addrs[i];
        break;
    case HF_REPLY_CONNECTED:
    case HF_REPLY_DISCONNECTED:
        note_stream(t, r);
        break;
    case HF_REPLY_ROOM:
        t->full += r->err == HF_EAGAIN;
        t->has_room += r->err == HF_OK;
        break;
    case HF_REPLY_ADVERTISED:
        t->advertised++;
        t->advertised_err = r->err;
        break;
    }
}

static hf_time deadline(const void *object)
{
    return ((const toy *)object)->due;
}

static void tick(void *object, hf_time now)
{
    toy *t = object;

    t->calls++;
    t->ticks++;
    cr_assert_geq(now, t->due);
    t->due = HF_NEVER;
}

static void dispatch(void *object, hf_time now)
{
    toy *t = object;

    (void)now;
    t->calls++;
    t->dispatches++;
    if (t->on_dispatch)
        t->on_dispatch(t);
}

static void set_wake(void *object, void (*wake)(void *context), void *context)
{
    toy *t = object;

    t->wake = wake;
    t->wake_context = context;
}

const hf_endpoint toy_endpoint = {input, poll_transmit, poll_request, reply, deadline, tick, dispatch, set_wake};

toy *toy_new(void)
{
    toy *t = calloc(1, sizeof *t);

    cr_assert_not_null(t);
    t->due = HF_NEVER;
    return t;
}

void toy_free(toy *t)
{
    while (t->runs_sent < t->runs_len)
        free(t->runs[t->runs_sent++].data);
    free(t);
}

static void wake_up(toy *t)
{
    if (t->wake)
        t->wake(t->wake_context);
}

void toy_send(toy *t, const hf_path *path, const void *data, size_t len, size_t segment)
{
    add_run(t, path, data, len, segment);
    wake_up(t);
}

void toy_ask_locals(toy *t)
{
    t->asks_locals = true;
    wake_up(t);
}

void toy_ask(toy *t, const hf_request *request)
{
    cr_assert_lt(t->requests_len, TOY_REQUESTS_MAX);
    t->requests[t->requests_len++] = *request;
    wake_up(t);
}

void toy_ask_name(toy *t, const char *name)
{
    t->asks_name = name;
    wake_up(t);
}

hf_loop *toy_loop(void)
{
    static hf_env env;
    hf_loop *loop;

    hf_env_system(&env);
    cr_assert_eq(hf_loop_new(&loop, &env), HF_OK);
    return loop;
}

bool toy_add_bound(hf_loop *loop, toy *t, const char *address)
{
    hf_addr addr;
    size_t before = t->locals_replies;

    cr_assert(hf_addr_parse(address, strlen(address), &addr));
    cr_assert_eq(hf_loop_add(loop, &toy_endpoint, t, &(hf_bind){.addrs = &addr, .addrs_len = 1}), HF_OK);
    toy_ask_locals(t);
    TURN_UNTIL(loop, t->locals_replies > before);
    return t->locals_len == (t->listens ? 2 : 1);
}

hf_path toy_path(const toy *from, const toy *to)
{
    return (hf_path){.transport = HF_UDP, .local = from->locals[0].addr, .remote = to->locals[0].addr};
}
