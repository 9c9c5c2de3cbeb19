/* drive_turn.c: how a TURN server is driven. Everything that it does follows from what comes to it: there is nothing to
 * tell an application, and none that wakes it. */
#include "loop_priv.h"

#include <holdfast/turn.h>

static void input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_turn_server_input(object, now, datagrams, n);
}

static bool poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    return hf_turn_server_poll_transmit(object, now, out);
}

static bool poll_request(void *object, hf_request *out)
{
    return hf_turn_server_poll_request(object, out);
}

static void reply(void *object, hf_time now, const hf_reply *r)
{
    hf_turn_server_reply(object, now, r);
}

static hf_time deadline(const void *object)
{
    return hf_turn_server_deadline(object);
}

static void tick(void *object, hf_time now)
{
    hf_turn_server_tick(object, now);
}

static void dispatch(void *object, hf_time now)
{
    (void)object;
    (void)now;
}

static void set_wake(void *object, void (*wake)(void *context), void *context)
{
    (void)object;
    (void)wake;
    (void)context;
}

hf_err hf_loop_add_turn_server(hf_loop *loop, hf_turn_server *server, const hf_addr *listen, size_t listen_len)
{
    static const hf_endpoint endpoint = {
        .input = input,
        .poll_transmit = poll_transmit,
        .poll_request = poll_request,
        .reply = reply,
        .deadline = deadline,
        .tick = tick,
        .dispatch = dispatch,
        .set_wake = set_wake,
    };
    hf_err err = hf_loop_add(loop, &endpoint, server, NULL);

    if (err != HF_OK)
        return err;
    hf_object *d = hf_object_find(loop, server);
    d->streams_max = HF_GUESTS_MAX;
    d->never_waits = true;
    err = hf_listen_open(d, listen, listen_len);
    if (err != HF_OK)
        hf_loop_remove(loop, server);
    return err;
}

size_t hf_loop_listens(hf_loop *loop, const hf_turn_server *server, hf_addr *out, size_t cap)
{
    const hf_object *d = hf_object_find(loop, server);
    size_t n = 0;

    for (const hf_socket *s = d ? d->sockets : NULL; s; s = s->next) {
        if (n < cap)
            out[n] = s->local.addr;
        n++;
    }
    return n;
}
