/* session.c: a session, and a remote that has the keys, speaks the protocol, and says on it whatever the input wants: over
 * several connections, while the application goes about its business.
 *
 * Input: steps: a byte what, and its arguments. */
#include <bytes.h>
#include <control.h>
#include <frame.h>

#include "clock.h"
#include "fuzz.h"

#include <holdfast/session.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 64
#define REMOTES_MAX 6 /* one for each connection */
#define CARRIERS_MAX 16
#define CHANNELS_MAX 16
#define TURNS_MAX 2000
#define IDLE_TURNS 3 /* what is told in one may ask for something in the next */

/* The remote's end of one connection. */
typedef struct remote {
    hf_peer *peer;
    hf_datachannel control, carriers[CARRIERS_MAX];
    size_t carriers_len;
} remote;

static struct {
    hf_time now;
    hf_session *session;
    remote remotes[REMOTES_MAX];
    hf_channel *open[CHANNELS_MAX]; /* those of which the application has been told */
    hf_engine *engine;
    hf_certificate *certificate;
} world;

static const uint8_t remote_id[HF_SESSION_ID_BYTES] = {[0] = 0x80, [15] = 1};
#define REMOTE_LINE "holdfast:1 80000000000000000000000000000001"

/* --- The network: nothing is lost, and nothing takes time ------------------------------------------------------------- */

static hf_addr address(bool of_remote, uint32_t number)
{
    return (hf_addr){
        .family = HF_FAMILY_IPV4, .port = (uint16_t)(5000 + number), .ip = {192, 0, 2, (uint8_t)(of_remote ? 2 : 1)}};
}

static bool carry_from_session(void)
{
    static uint8_t buffer[65536];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    if (!hf_session_poll_transmit(world.session, world.now, &out))
        return false;
    size_t number = out.path.remote.port - 5000u;
    for (size_t at = 0; number < REMOTES_MAX && world.remotes[number].peer && at < out.len; at += out.segment) {
        hf_datagram datagram = {.path = {.local = out.path.remote, .remote = out.path.local}, .data = buffer + at};
        datagram.len = out.len - at < out.segment ? out.len - at : out.segment;
        hf_peer_input(world.remotes[number].peer, world.now, &datagram, 1);
    }
    return true;
}

static bool carry_from_remote(const remote *r)
{
    static uint8_t buffer[65536];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    if (!r->peer || !hf_peer_poll_transmit(r->peer, world.now, &out))
        return false;
    for (size_t at = 0; at < out.len; at += out.segment) {
        hf_datagram datagram = {.path = {.local = out.path.remote, .remote = out.path.local}, .data = buffer + at};
        datagram.len = out.len - at < out.segment ? out.len - at : out.segment;
        datagram.group = out.path.remote.port - 5000u;
        hf_session_input(world.session, world.now, &datagram, 1);
    }
    return true;
}

static void answer_requests(void)
{
    hf_request request;
    while (hf_session_poll_request(world.session, &request)) {
        if (request.type != HF_REQUEST_LOCALS)
            continue;
        hf_local local = {.addr = address(false, request.group), .interface = 1};
        hf_session_reply(
            world.session, world.now,
            &(hf_reply){
                .type = HF_REPLY_LOCALS, .group = request.group, .id = request.id, .locals = &local, .locals_len = 1});
    }
    for (uint32_t i = 0; i < REMOTES_MAX; i++) {
        hf_local local = {.addr = address(true, i), .interface = 1};
        while (world.remotes[i].peer && hf_peer_poll_request(world.remotes[i].peer, &request))
            hf_peer_reply(world.remotes[i].peer, world.now,
                          &(hf_reply){.type = HF_REPLY_LOCALS, .id = request.id, .locals = &local, .locals_len = 1});
    }
}

static void hear_remote(uint32_t number)
{
    hf_peer_event event;
    remote *r = &world.remotes[number];
    while (r->peer && hf_peer_poll_event(r->peer, &event)) {
        if (event.type == HF_PEER_CANDIDATE)
            (void)!hf_session_signal(world.session, world.now,
                                     &(hf_signal){.type = HF_SIGNAL_CANDIDATE,
                                                  .generation = number + 1,
                                                  .candidate = event.u.candidate.text,
                                                  .mid = event.u.candidate.mid,
                                                  .ufrag = event.u.candidate.ufrag});
        if (event.type == HF_PEER_CHANNEL_OPEN && event.channel != r->control && r->carriers_len < CARRIERS_MAX)
            r->carriers[r->carriers_len++] = event.channel;
    }
}

static void settle(void)
{
    for (int turns = 0, idle = 0; idle < IDLE_TURNS; turns++) {
        demand(turns < TURNS_MAX);
        bool any = carry_from_session();
        for (uint32_t i = 0; i < REMOTES_MAX; i++) {
            any |= carry_from_remote(&world.remotes[i]);
            hear_remote(i);
        }
        answer_requests();
        hf_session_dispatch(world.session, world.now);
        idle = any ? 0 : idle + 1;
    }
}

static void pass(hf_span span)
{
    hf_time until = world.now + span;
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        settle();
        hf_time next = hf_session_deadline(world.session);
        for (size_t i = 0; i < REMOTES_MAX; i++) {
            hf_time due = world.remotes[i].peer ? hf_peer_deadline(world.remotes[i].peer) : HF_NEVER;
            next = due < next ? due : next;
        }
        if (next > until)
            break;
        world.now = next > world.now ? next : world.now;
        clock_set(world.now);
        hf_session_tick(world.session, world.now);
        for (size_t i = 0; i < REMOTES_MAX; i++) {
            if (world.remotes[i].peer)
                hf_peer_tick(world.remotes[i].peer, world.now);
        }
    }
    world.now = until > world.now ? until : world.now;
    clock_set(world.now);
}

/* --- The application --------------------------------------------------------------------------------------------------- */

static hf_channel **place_of(const hf_channel *channel)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        if (world.open[i] == channel)
            return &world.open[i];
    }
    return NULL;
}

static void answer_offer(const hf_signal *offer)
{
    const char *sdp;
    uint32_t number = offer->generation - 1;
    demand(offer->generation > 0);
    if (number >= REMOTES_MAX)
        return;
    remote *r = &world.remotes[number];
    hf_datachannel_config control = {.label = HF_CONTROL_LABEL, .negotiated = true, .id = HF_CONTROL_STREAM};
    hf_peer_config config = {.engine = world.engine, .certificate = world.certificate, .attribute = REMOTE_LINE};
    if (!r->peer) {
        demand(hf_peer_new(&r->peer, &config, &fuzz_env) == HF_OK);
        demand(hf_peer_open_channel(r->peer, world.now, &control, &r->control) == HF_OK);
    }
    if (hf_peer_set_remote_description(r->peer, world.now, HF_SDP_OFFER, offer->sdp) != HF_OK ||
        hf_peer_set_local_description(r->peer, world.now, HF_SDP_ANSWER, NULL) != HF_OK ||
        hf_peer_local_description(r->peer, NULL, &sdp) != HF_OK)
        return;
    (void)!hf_session_signal(world.session, world.now,
                             &(hf_signal){.type = HF_SIGNAL_ANSWER, .generation = offer->generation, .sdp = sdp});
}

static void on_event(void *context, hf_session *session, const hf_session_event *event)
{
    (void)context;
    (void)session;
    hf_channel **place = event->channel ? place_of(event->channel) : NULL;
    switch ((int)event->type) {
    case HF_SESSION_SIGNAL:
        if (event->u.signal.type == HF_SIGNAL_OFFER)
            answer_offer(&event->u.signal);
        else if (event->u.signal.type == HF_SIGNAL_CANDIDATE && event->u.signal.generation <= REMOTES_MAX &&
                 world.remotes[event->u.signal.generation - 1].peer)
            (void)!hf_peer_add_ice_candidate(world.remotes[event->u.signal.generation - 1].peer, world.now,
                                             event->u.signal.candidate, event->u.signal.mid, event->u.signal.ufrag);
        break;
    case HF_SESSION_CHANNEL_OPEN:
        demand((place != NULL) == event->u.resumed || !place_of(NULL)); /* new, or known already */
        if (!place && (place = place_of(NULL)))
            *place = event->channel;
        break;
    case HF_SESSION_ON_DATA:
        demand(place || !place_of(NULL)); /* nothing comes of a channel before it is open, or after its end */
        demand(event->u.data.len <= HF_MESSAGE_MAX_DEFAULT);
        break;
    case HF_SESSION_CHANNEL_CLOSED:
        if (place)
            *place = NULL;
        break;
    default:
        break;
    }
}

static void use(uint8_t what, uint8_t argument)
{
    static uint8_t text[20000];
    static const char *const names[] = {"a", "b", "c", "d"};
    hf_channel *channel = hf_session_channel_at(world.session, argument % CHANNELS_MAX), *created;
    hf_channel_config config = {.name = names[argument % 4],
                                .unordered = argument & 4,
                                .reliability = argument & 8 ? HF_MAX_RETRANSMITS : HF_RELIABLE,
                                .in_parts = argument & 16};
    switch (what % 8) {
    case 0:
        (void)!hf_session_create_channel(world.session, world.now, &config, &created);
        break;
    case 1:
        (void)!hf_channel_send(channel, world.now, HF_BINARY, text, argument & 64 ? sizeof text : argument);
        break;
    case 2:
        (void)!hf_channel_close(channel, world.now);
        break;
    case 3:
        (void)!hf_channel_pause(channel, world.now, argument & 128);
        break;
    case 4:
        (void)!hf_session_reconnect(world.session, world.now);
        break;
    case 5:
        if (argument == 0)
            (void)!hf_session_disconnect(world.session, world.now);
        break;
    case 6:
        (void)!hf_session_restart_ice(world.session, world.now);
        break;
    default:
        pass(HF_MS(argument));
        break;
    }
}

/* --- The remote -------------------------------------------------------------------------------------------------------- */

static void say(const remote *r, hf_datachannel channel, const uint8_t *bytes, size_t len)
{
    (void)!hf_peer_send(r->peer, world.now, channel, HF_BINARY, bytes, len);
}

static void say_hello(const remote *r, uint32_t generation)
{
    uint8_t buffer[256], id[HF_SESSION_ID_BYTES];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    const char *text = hf_session_id(world.session);
    for (size_t i = 0; i < sizeof id; i++) {
        unsigned byte;
        demand(sscanf(text + 2 * i, "%2x", &byte) == 1);
        id[i] = (uint8_t)byte;
    }
    hf_control_write_hello(&w, remote_id, id, generation);
    say(r, r->control, buffer, w.len);
}

static void say_control(const remote *r, uint8_t what, uint8_t ref, uint8_t number)
{
    uint8_t buffer[256];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    hf_channel_ref channel = {.incarnation = 1 + (ref & 7), .of_writer = ref & 8};
    hf_control_last last = {.channel = channel, .last = number};
    hf_ranges ranges = {.items = &(hf_range){number + 2u, number + 2u + (ref >> 4)}, .len = ref >> 7, .cap = 1};
    hf_control_received item = {.channel = channel, .received = number, .window = 1000u * ref, .message_max = 100000};
    switch (what % 8) {
    case 0:
    case 1:
        hf_control_write_ack(&w);
        (void)!hf_control_write_received(&w, &item, &ranges);
        break;
    case 2:
        hf_control_write_close(&w, HF_CONTROL_CLOSE, &last);
        break;
    case 3:
        hf_control_write_close(&w, HF_CONTROL_CLOSED, &last);
        break;
    case 4:
        hf_control_write_bye(&w, number & 1 ? HF_CONTROL_BYE_DONE : HF_CONTROL_BYE);
        if (!(number & 1))
            hf_control_write_last(&w, &last);
        break;
    default:
        hf_control_write_ping(&w, number & 1 ? HF_CONTROL_PING : HF_CONTROL_PONG, ref);
        break;
    }
    say(r, r->control, buffer, w.len);
}

static void say_frame(const remote *r, uint8_t carrier, uint8_t shape, uint8_t number)
{
    uint8_t buffer[4200] = {0};
    hf_frame frame = {.part = (hf_part)(shape & 3),
                      .kind = shape & 4 ? HF_TEXT : HF_BINARY,
                      .number = number,
                      .offset = shape & 8 ? 1000 : 0,
                      .length = 2000u + (shape & 16 ? 100000 : 0)};
    if (r->carriers_len == 0)
        return;
    size_t len = hf_frame_write_header(buffer, (hf_delivery)((shape >> 5) % 3), &frame);
    say(r, r->carriers[carrier % r->carriers_len], buffer, len + (shape & 8 ? 1000u : shape));
}

static void open_carrier(remote *r, uint8_t name, uint8_t number)
{
    char label[2] = {(char)('a' + name % 4), '\0'}, field[32];
    hf_datachannel_config config = {.label = label,
                                    .protocol = name & 128 ? "other" : field,
                                    .unordered = name & 16,
                                    .reliability = name & 32 ? HF_MAX_RETRANSMITS : HF_RELIABLE};
    hf_datachannel channel;
    snprintf(field, sizeof field, "holdfast/1;%u", number);
    if (hf_peer_open_channel(r->peer, world.now, &config, &channel) == HF_OK && r->carriers_len < CARRIERS_MAX)
        r->carriers[r->carriers_len++] = channel;
}

static void speak(hf_reader *in, uint8_t what)
{
    uint32_t number = hf_read_u8(in) % REMOTES_MAX;
    remote *r = &world.remotes[number];
    uint8_t a = hf_read_u8(in), b = hf_read_u8(in), c = hf_read_u8(in);
    if (!r->peer)
        return;
    switch (what % 8) {
    case 0:
        say_hello(r, number + 1);
        break;
    case 1:
    case 2:
        say_control(r, a, b, c);
        break;
    case 3:
    case 4:
        say_frame(r, a, b, c);
        break;
    case 5:
        open_carrier(r, a, b);
        break;
    case 6:
        if (a & 1 && r->carriers_len > 0)
            (void)!hf_peer_close_channel(r->peer, world.now, r->carriers[b % r->carriers_len]);
        else if (c == 0)
            hf_peer_close(r->peer, world.now);
        break;
    default: {
        hf_bytes raw = hf_read_bytes(in, in->rest.len < b ? in->rest.len : b);
        say(r, a & 1 || r->carriers_len == 0 ? r->control : r->carriers[a / 2 % r->carriers_len], raw.data, raw.len);
        break;
    }
    }
}

static void step(hf_reader *in)
{
    uint8_t what = hf_read_u8(in);
    if (what & 128)
        use(what & 127, hf_read_u8(in));
    else
        speak(in, what);
    settle();
}

static void begin(void)
{
    world.now = HF_SECONDS(1);
    fuzz_seed(1);
    clock_set(world.now);
    clock_seed(1);
    demand(hf_engine_new(&world.engine, &fuzz_env) == HF_OK);
    demand(hf_certificate_new(&world.certificate, &fuzz_env) == HF_OK);
    hf_session_config config = {.peer = {.engine = world.engine, .certificate = world.certificate},
                                .recovery = HF_RECOVERY_RESUME};
    demand(hf_session_new(&world.session, &config, &fuzz_env) == HF_OK);
    for (int type = 0; type < HF_SESSION_EVENT_COUNT; type++)
        demand(hf_session_on(world.session, (hf_session_event_type)type, on_event, NULL) == HF_OK);
    demand(hf_session_connect(world.session, world.now) == HF_OK);
    pass(HF_SECONDS(1));
    demand(hf_session_get_state(world.session) == HF_SESSION_CONNECTED);
}

static void end(void)
{
    hf_session_free(world.session);
    for (size_t i = 0; i < REMOTES_MAX; i++)
        hf_peer_free(world.remotes[i].peer);
    hf_certificate_free(world.certificate);
    hf_engine_free(world.engine);
    memset(&world, 0, sizeof world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_reader in = hf_reader_of(hf_bytes_of(data, size));
    begin();
    for (int i = 0; i < STEPS_MAX && in.rest.len > 0; i++)
        step(&in);
    pass(HF_SECONDS(5));
    end();
    return 0;
}
