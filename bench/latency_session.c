/* latency_session.c: the messages of latency.c on a session's channels. */
#include "bench.h"
#include "latency.h"

#include <holdfast/manager.h>

#include <string.h>

static hf_loop *loop;
static hf_session *session;
static hf_channel *channels[LANE_COUNT];

static bool find_lane(const hf_channel *channel, lane *out)
{
    static const char *const names[LANE_COUNT] = {[LANE_SYNC] = "code-sync", [LANE_FILES] = "files"};

    for (int i = 0; i < LANE_COUNT; i++) {
        if (strcmp(hf_channel_name(channel), names[i]) == 0) {
            *out = (lane)i;
            return true;
        }
    }
    return false;
}

static void on_data(void *context, hf_session *of, const hf_session_event *event)
{
    lane from;

    (void)context, (void)of;
    if (find_lane(event->channel, &from))
        latency_on_message(from, event->u.data.data, event->u.data.len);
}

static void on_open(void *context, hf_session *of, const hf_session_event *event)
{
    lane opened;

    (void)context, (void)of;
    if (!find_lane(event->channel, &opened))
        return;
    channels[opened] = event->channel;
    if (opened == LANE_FILES)
        BENCH_CHECK(hf_channel_receive_in_parts(event->channel, true) == HF_OK);
    latency_on_open(opened);
}

static void on_writable(void *context, hf_session *of, const hf_session_event *event)
{
    (void)context, (void)of;
    if (event->channel == channels[LANE_FILES])
        latency_on_room();
}

static void on_signal(void *context, hf_session *of, const hf_session_event *event)
{
    const hf_signal *signal = &event->u.signal;

    (void)context, (void)of;
    if (signal->type == HF_SIGNAL_OFFER || signal->type == HF_SIGNAL_ANSWER)
        latency_on_description(signal->type == HF_SIGNAL_OFFER, signal->sdp);
}

static void on_disconnected(void *context, hf_session *of, const hf_session_event *event)
{
    (void)context;
    if (hf_session_get_state(of) == HF_SESSION_FAILED)
        bench_fail("the session failed: %s", hf_err_text(event->cause));
}

static void begin_session(hf_loop *on, const hf_env *env, bool offers, bool plain)
{
    hf_session_config config = {.no_trickle = true, .plain = plain};
    static const struct {
        hf_session_event_type type;
        hf_session_handler handler;
    } handlers[] = {
        {HF_SESSION_ON_DATA, on_data},
        {HF_SESSION_CHANNEL_OPEN, on_open},
        {HF_SESSION_CHANNEL_WRITABLE, on_writable},
        {HF_SESSION_SIGNAL, on_signal},
        {HF_SESSION_ON_DISCONNECTED, on_disconnected},
    };

    loop = on;
    config.peer.engine = hf_loop_engine(loop);
    if (offers) {
        config.channels = hf_collab_channels;
        config.channels_len = HF_COLLAB_CHANNELS_LEN;
    }
    BENCH_CHECK(hf_session_new(&session, &config, env) == HF_OK);
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        BENCH_CHECK(hf_session_on(session, handlers[i].type, handlers[i].handler, NULL) == HF_OK);
    BENCH_CHECK(hf_loop_add_session(loop, session, &(hf_bind){0}) == HF_OK);
    if (offers)
        BENCH_CHECK(hf_session_connect(session, hf_loop_now(loop)) == HF_OK);
}

static void begin(hf_loop *on, const hf_env *env, bool offers)
{
    begin_session(on, env, offers, false);
}

static void begin_plain(hf_loop *on, const hf_env *env, bool offers)
{
    begin_session(on, env, offers, true);
}

static void take(bool is_offer, const char *sdp)
{
    hf_signal signal = {.type = is_offer ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER, .sdp = sdp};

    BENCH_CHECK(hf_session_signal(session, hf_loop_now(loop), &signal) == HF_OK);
}

static hf_err send_message(lane to, const void *data, size_t len)
{
    return hf_channel_send(channels[to], hf_loop_now(loop), HF_BINARY, data, len);
}

const carrier carrier_session = {"session", begin, take, send_message};
const carrier carrier_plain = {"plain", begin_plain, take, send_message};
