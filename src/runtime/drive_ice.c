/* drive_ice.c: how an ICE agent is driven: a table that names its functions. */
#include <holdfast/ice.h>
#include <holdfast/loop.h>

static void dispatch(void *object, hf_time now)
{
    const hf_driven *driven = object;

    (void)now;
    driven->handler(driven->context);
}

static void input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_ice_input(((hf_driven *)object)->object, now, datagrams, n); /* alone, it has nobody to hand data to */
}

static bool poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    return hf_ice_poll_transmit(((hf_driven *)object)->object, now, out);
}

static bool poll_request(void *object, hf_request *out)
{
    return hf_ice_poll_request(((hf_driven *)object)->object, out);
}

static void reply(void *object, hf_time now, const hf_reply *r)
{
    hf_ice_reply(((hf_driven *)object)->object, now, r);
}

static hf_time deadline(const void *object)
{
    return hf_ice_deadline(((const hf_driven *)object)->object);
}

static void tick(void *object, hf_time now)
{
    hf_ice_tick(((hf_driven *)object)->object, now);
}

static void set_wake(void *object, void (*wake)(void *context), void *context)
{
    hf_ice_set_wake(((hf_driven *)object)->object, wake, context);
}

hf_err hf_loop_add_ice(hf_loop *loop, hf_ice *ice, const hf_bind *bind, hf_driven *driven)
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

    driven->object = ice;
    return hf_loop_add(loop, &endpoint, driven, bind);
}
