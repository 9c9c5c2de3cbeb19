/* driven.c: how an ICE agent and a peer are driven: two tables that name their functions. */
#include "loop_priv.h"

#include <holdfast/ice.h>
#include <holdfast/peer.h>

static void dispatch(void *object, hf_time now)
{
    const hf_driven *driven = object;

    (void)now;
    driven->handler(driven->context);
}

/* --- An ICE agent --- */

static void ice_input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_ice_input(((hf_driven *)object)->object, now, datagrams, n); /* alone, it has nobody to hand data to */
}

static bool ice_poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    return hf_ice_poll_transmit(((hf_driven *)object)->object, now, out);
}

static bool ice_poll_request(void *object, hf_request *out)
{
    return hf_ice_poll_request(((hf_driven *)object)->object, out);
}

static void ice_reply(void *object, hf_time now, const hf_reply *reply)
{
    hf_ice_reply(((hf_driven *)object)->object, now, reply);
}

static hf_time ice_deadline(const void *object)
{
    return hf_ice_deadline(((const hf_driven *)object)->object);
}

static void ice_tick(void *object, hf_time now)
{
    hf_ice_tick(((hf_driven *)object)->object, now);
}

static void ice_set_wake(void *object, void (*wake)(void *context), void *context)
{
    hf_ice_set_wake(((hf_driven *)object)->object, wake, context);
}

hf_err hf_loop_add_ice(hf_loop *loop, hf_ice *ice, const hf_bind *bind, hf_driven *driven)
{
    static const hf_endpoint endpoint = {
        .input = ice_input,
        .poll_transmit = ice_poll_transmit,
        .poll_request = ice_poll_request,
        .reply = ice_reply,
        .deadline = ice_deadline,
        .tick = ice_tick,
        .dispatch = dispatch,
        .set_wake = ice_set_wake,
    };

    driven->object = ice;
    return hf_loop_add(loop, &endpoint, driven, bind);
}

/* --- A peer --- */

static void peer_input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_peer_input(((hf_driven *)object)->object, now, datagrams, n);
}

static bool peer_poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    return hf_peer_poll_transmit(((hf_driven *)object)->object, now, out);
}

static bool peer_poll_request(void *object, hf_request *out)
{
    return hf_peer_poll_request(((hf_driven *)object)->object, out);
}

static void peer_reply(void *object, hf_time now, const hf_reply *reply)
{
    hf_peer_reply(((hf_driven *)object)->object, now, reply);
}

static hf_time peer_deadline(const void *object)
{
    return hf_peer_deadline(((const hf_driven *)object)->object);
}

static void peer_tick(void *object, hf_time now)
{
    hf_peer_tick(((hf_driven *)object)->object, now);
}

static void peer_set_wake(void *object, void (*wake)(void *context), void *context)
{
    hf_peer_set_wake(((hf_driven *)object)->object, wake, context);
}

hf_err hf_loop_add_peer(hf_loop *loop, hf_peer *peer, const hf_bind *bind, hf_driven *driven)
{
    static const hf_endpoint endpoint = {
        .input = peer_input,
        .poll_transmit = peer_poll_transmit,
        .poll_request = peer_poll_request,
        .reply = peer_reply,
        .deadline = peer_deadline,
        .tick = peer_tick,
        .dispatch = dispatch,
        .set_wake = peer_set_wake,
    };

    driven->object = peer;
    return hf_loop_add(loop, &endpoint, driven, bind);
}
