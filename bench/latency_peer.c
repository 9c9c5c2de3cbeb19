/* latency_peer.c: the messages of latency.c on the data channels of a bare connection. */
#include "bench.h"
#include "latency.h"

#include <holdfast/peer.h>

#include <string.h>

static const char *const names[LANE_COUNT] = {[LANE_SYNC] = "code-sync", [LANE_FILES] = "files"};

static hf_loop *loop;
static hf_peer *peer;
static hf_driven driven;
static hf_datachannel channels[LANE_COUNT];
static bool described;

static void describe_when_gathered(void)
{
    hf_sdp_type type;
    const char *sdp;

    if (described || hf_peer_ice_gathering_state(peer) != HF_ICE_GATHERING_COMPLETE ||
        hf_peer_local_description(peer, &type, &sdp) != HF_OK)
        return;
    described = true;
    latency_on_description(type == HF_SDP_OFFER, sdp);
}

static void on_open(hf_datachannel channel)
{
    hf_datachannel_info info;

    BENCH_CHECK(hf_peer_channel_info(peer, channel, &info) == HF_OK);
    for (int i = 0; i < LANE_COUNT; i++) {
        if (strcmp(info.label, names[i]) == 0) {
            channels[i] = channel;
            latency_on_open((lane)i);
        }
    }
}

static void on_event(const hf_peer_event *e)
{
    if (e->type == HF_PEER_ICE_GATHERING_CHANGED)
        describe_when_gathered();
    else if (e->type == HF_PEER_CHANNEL_OPEN)
        on_open(e->channel);
    else if (e->type == HF_PEER_CHANNEL_MESSAGE)
        latency_on_message(e->channel == channels[LANE_FILES] ? LANE_FILES : LANE_SYNC, e->u.message.data, e->u.message.len);
    else if (e->type == HF_PEER_CHANNEL_WRITABLE && e->channel == channels[LANE_FILES])
        latency_on_room();
    else if (e->type == HF_PEER_CONNECTION_CHANGED)
        BENCH_CHECK(hf_peer_connection_state(peer) != HF_CONNECTION_FAILED);
}

static void take_events(void *context)
{
    hf_peer_event e;

    (void)context;
    while (hf_peer_poll_event(peer, &e))
        on_event(&e);
}

static void begin(hf_loop *on, const hf_env *env, bool offers)
{
    hf_peer_config config = {.engine = hf_loop_engine(on)};

    loop = on;
    driven.handler = take_events;
    BENCH_CHECK(hf_peer_new(&peer, &config, env) == HF_OK);
    BENCH_CHECK(hf_loop_add_peer(loop, peer, &(hf_bind){0}, &driven) == HF_OK);
    for (int i = 0; offers && i < LANE_COUNT; i++)
        BENCH_CHECK(hf_peer_open_channel(peer, hf_loop_now(loop), &(hf_datachannel_config){.label = names[i]},
                                         &channels[i]) == HF_OK);
    if (offers)
        BENCH_CHECK(hf_peer_set_local_description(peer, hf_loop_now(loop), HF_SDP_OFFER, NULL) == HF_OK);
}

static void take(bool is_offer, const char *sdp)
{
    hf_time now = hf_loop_now(loop);

    BENCH_CHECK(hf_peer_set_remote_description(peer, now, is_offer ? HF_SDP_OFFER : HF_SDP_ANSWER, sdp) == HF_OK);
    if (is_offer)
        BENCH_CHECK(hf_peer_set_local_description(peer, now, HF_SDP_ANSWER, NULL) == HF_OK);
}

static hf_err send_message(lane to, const void *data, size_t len)
{
    return hf_peer_send(peer, hf_loop_now(loop), channels[to], HF_BINARY, data, len);
}

const carrier carrier_peer = {"peer", begin, take, send_message};
