/* drive_session.c: how a session is driven: a table that names its functions. */
#include <holdfast/loop.h>
#include <holdfast/session.h>

static void input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_session_input(object, now, datagrams, n);
}

static bool poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    return hf_session_poll_transmit(object, now, out);
}

static bool poll_request(void *object, hf_request *out)
{
    return hf_session_poll_request(object, out);
}

static void reply(void *object, hf_time now, const hf_reply *r)
{
    hf_session_reply(object, now, r);
}

static hf_time deadline(const void *object)
{
    return hf_session_deadline(object);
}

static void tick(void *object, hf_time now)
{
    hf_session_tick(object, now);
}

static void dispatch(void *object, hf_time now)
{
    hf_session_dispatch(object, now);
}

static void set_wake(void *object, void (*wake)(void *context), void *context)
{
    hf_session_set_wake(object, wake, context);
}

hf_err hf_loop_add_session(hf_loop *loop, hf_session *session, const hf_bind *bind)
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

    return hf_loop_add(loop, &endpoint, session, bind);
}
