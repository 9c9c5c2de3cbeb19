/* drive_peer.c: how a peer is driven: a table that names its functions. */
#include <holdfast/loop.h>
#include <holdfast/peer.h>

static void dispatch(void *object, hf_time now)
{
    const hf_driven *driven = object;

    (void)now;
    driven->handler(driven->context);
}

static void input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_peer_input(((hf_driven *)object)->object, now, datagrams, n);
}

static bool poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    return hf_peer_poll_transmit(((hf_driven *)object)->object, now, out);
}

static bool poll_request(void *object, hf_request *out)
{
    return hf_peer_poll_request(((hf_driven *)object)->object, out);
}

static void reply(void *object, hf_time now, const hf_reply *r)
{
    hf_peer_reply(((hf_driven *)object)->object, now, r);
}

static hf_time deadline(const void *object)
{
    return hf_peer_deadline(((const hf_driven *)object)->object);
}

static void tick(void *object, hf_time now)
{
    hf_peer_tick(((hf_driven *)object)->object, now);
}

static void set_wake(void *object, void (*wake)(void *context), void *context)
{
    hf_peer_set_wake(((hf_driven *)object)->object, wake, context);
}

hf_err hf_loop_add_peer(hf_loop *loop, hf_peer *peer, const hf_bind *bind, hf_driven *driven)
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

    driven->object = peer;
    return hf_loop_add(loop, &endpoint, driven, bind);
}
