/* peer.c: a whole peer, ICE to data channels, alone among strangers or wired to a second one by a network that the input
 * damages.
 *
 * Input: a first byte that chooses (1: two peers, 2: a small MTU and message limit, 4: they are connected before the first
 * step, 8: the second one makes the offer), then steps: a byte what, whose highest bit says to whom, and its arguments. */
#include <bytes.h>
#include <stun.h>

#include "clock.h"
#include "fuzz.h"

#include <holdfast/peer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 96
#define LETTERS_MAX 256
#define CHANNELS_MAX 6
#define TURNS_MAX 4000 /* of any loop that must end by itself */
#define TEXT_MAX 8192

/* A datagram on its way, owned. */
typedef struct letter {
    int to;
    hf_path path; /* as its receiver sees it */
    uint8_t *data;
    size_t len;
} letter;

typedef struct side {
    hf_peer *peer; /* NULL: there is none */
    hf_addr addr;
    bool closed;
    hf_datachannel channels[CHANNELS_MAX]; /* some handles that were seen, and their successors */
    size_t channels_len;
} side;

static struct {
    hf_time now;
    side sides[2];
    letter letters[LETTERS_MAX];
    size_t letters_len;
    size_t mtu;
} world;

/* --- The network: what one side sends lies among the letters until a step delivers it ----------------------------- */

static void post(int to, const hf_path *path, const uint8_t *data, size_t len)
{
    if (world.letters_len == LETTERS_MAX || !world.sides[to].peer)
        return;
    letter *posted = &world.letters[world.letters_len++];
    *posted = (letter){.to = to, .path = *path, .data = malloc(len > 0 ? len : 1), .len = len};
    demand(posted->data);
    if (len > 0)
        memcpy(posted->data, data, len);
}

static letter take(size_t index)
{
    letter taken = world.letters[index];
    world.letters_len--;
    memmove(&world.letters[index], &world.letters[index + 1], (world.letters_len - index) * sizeof taken);
    return taken;
}

/* A datagram that its receiver did not ask for, as if from that address. */
static void give(int which, const hf_addr *from, const uint8_t *data, size_t len)
{
    hf_path path = {.local = world.sides[which].addr, .remote = *from};
    post(which, &path, data, len);
}

static void deliver(size_t index)
{
    if (world.letters_len == 0)
        return;
    letter taken = take(index % world.letters_len);
    hf_datagram datagram = {.path = taken.path, .data = taken.data, .len = taken.len};
    hf_peer_input(world.sides[taken.to].peer, world.now, &datagram, 1);
    free(taken.data);
}

/* --- What a driver and an application do -------------------------------------------------------------------------- */

/* Bytes of a message follow from its length, so that whoever gets it can check it. */
static void fill_message(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)('a' + (len + i) % 26);
}

static void see_message(const hf_peer_event *event)
{
    uint8_t expected[4096];
    demand(event->u.message.len <= sizeof expected);
    fill_message(expected, event->u.message.len);
    demand(event->u.message.len == 0 || memcmp(event->u.message.data, expected, event->u.message.len) == 0);
}

static void see_channel(side *s, hf_datachannel channel)
{
    if (s->channels_len < CHANNELS_MAX)
        s->channels[s->channels_len++] = channel;
}

static void see_event(int which, const hf_peer_event *event)
{
    side *s = &world.sides[which];
    switch (event->type) {
    case HF_PEER_CHANNEL_OPEN:
        demand(event->channel != 0);
        see_channel(s, event->channel);
        break;
    case HF_PEER_CHANNEL_MESSAGE:
        see_message(event);
        break;
    case HF_PEER_CANDIDATE:
        demand(event->u.candidate.text && event->u.candidate.mid && event->u.candidate.ufrag);
        if (world.sides[!which].peer) { /* what comes back says whatever the other peer thinks of it */
            (void)!hf_peer_add_ice_candidate(world.sides[!which].peer, world.now, event->u.candidate.text,
                                             event->u.candidate.mid, event->u.candidate.ufrag);
        }
        break;
    case HF_PEER_SERVER_FAILED:
    case HF_PEER_SERVER_ANSWERS:
    case HF_PEER_SIGNALING_CHANGED:
    case HF_PEER_NEGOTIATION_NEEDED:
    case HF_PEER_ICE_CONNECTION_CHANGED:
    case HF_PEER_ICE_GATHERING_CHANGED:
    case HF_PEER_CONNECTION_CHANGED:
    case HF_PEER_ROUTE_CHANGED:
    case HF_PEER_REMOTE_CLOSED:
    case HF_PEER_CREDENTIALS_NEEDED:
    case HF_PEER_CHANNEL_LOW:
    case HF_PEER_CHANNEL_WRITABLE:
    case HF_PEER_CHANNEL_CLOSING:
    case HF_PEER_CHANNEL_CLOSED:
        break;
    }
}

static void reply_locals(int which, size_t n)
{
    hf_local locals[2] = {{.addr = world.sides[which].addr, .interface = 1}};
    locals[1] = locals[0];
    locals[1].addr.port = 7000;
    hf_reply reply = {.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = n % 3};
    hf_peer_reply(world.sides[which].peer, world.now, &reply);
}

static void drain(int which)
{
    static uint8_t buffer[65536];
    side *s = &world.sides[which];
    hf_request request;
    hf_peer_event event;
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    int turns = 0;

    while (hf_peer_poll_request(s->peer, &request)) {
        demand(++turns < TURNS_MAX);
        if (request.type == HF_REQUEST_LOCALS)
            reply_locals(which, 1);
    }
    while (hf_peer_poll_transmit(s->peer, world.now, &out)) {
        demand(++turns < TURNS_MAX);
        demand(out.len > 0 && out.len <= sizeof buffer && out.segment > 0 && out.segment <= world.mtu);
        hf_path back = {.local = out.path.remote, .remote = out.path.local};
        for (size_t at = 0; at < out.len; at += out.segment)
            post(!which, &back, buffer + at, out.len - at < out.segment ? out.len - at : out.segment);
        out.cap = sizeof buffer;
    }
    while (hf_peer_poll_event(s->peer, &event)) {
        demand(++turns < TURNS_MAX);
        see_event(which, &event);
    }
}

/* Descriptions are there or not, as the state has it (W3C WebRTC 1.0 §4.4.1.5). */
static void check_descriptions(const side *s)
{
    hf_sdp_type local = (hf_sdp_type)0, remote = (hf_sdp_type)0, current;
    const char *sdp;
    bool has_local = hf_peer_get_description(s->peer, HF_PENDING_LOCAL_DESCRIPTION, &local, &sdp) == HF_OK;
    bool has_remote = hf_peer_get_description(s->peer, HF_PENDING_REMOTE_DESCRIPTION, &remote, &sdp) == HF_OK;
    demand((hf_peer_get_description(s->peer, HF_CURRENT_LOCAL_DESCRIPTION, &current, &sdp) == HF_OK) ==
           (hf_peer_get_description(s->peer, HF_CURRENT_REMOTE_DESCRIPTION, &current, &sdp) == HF_OK));
    switch (hf_peer_signaling_state(s->peer)) {
    case HF_SIGNALING_STABLE:
        demand(!has_local && !has_remote);
        break;
    case HF_SIGNALING_HAVE_LOCAL_OFFER:
        demand(has_local && local == HF_SDP_OFFER && !has_remote);
        break;
    case HF_SIGNALING_HAVE_REMOTE_OFFER:
        demand(!has_local && has_remote && remote == HF_SDP_OFFER);
        break;
    case HF_SIGNALING_HAVE_LOCAL_PRANSWER:
        demand(has_local && local == HF_SDP_PRANSWER && has_remote && remote == HF_SDP_OFFER);
        break;
    case HF_SIGNALING_HAVE_REMOTE_PRANSWER:
        demand(has_local && local == HF_SDP_OFFER && has_remote && remote == HF_SDP_PRANSWER);
        break;
    case HF_SIGNALING_CLOSED:
    case HF_SIGNALING_STATE_COUNT:
        break;
    }
}

static void check(int which)
{
    side *s = &world.sides[which];
    hf_peer_stats stats;
    const char *sdp;
    drain(which);
    demand(*hf_signaling_state_name(hf_peer_signaling_state(s->peer)));
    demand(*hf_connection_state_name(hf_peer_connection_state(s->peer)));
    demand(*hf_ice_state_name(hf_peer_ice_connection_state(s->peer)));
    demand(*hf_ice_gathering_name(hf_peer_ice_gathering_state(s->peer)));
    hf_peer_get_stats(s->peer, &stats);
    demand(stats.dtls_version && stats.dtls_cipher);
    check_descriptions(s);
    if (!s->closed)
        return;
    demand(hf_peer_deadline(s->peer) == HF_NEVER);
    demand(hf_peer_connection_state(s->peer) == HF_CONNECTION_CLOSED);
    demand(hf_peer_create_offer(s->peer, world.now, &sdp) == HF_ECLOSED);
    demand(hf_peer_set_remote_description(s->peer, world.now, HF_SDP_OFFER, "") == HF_ECLOSED);
    demand(hf_peer_add_ice_candidate(s->peer, world.now, "", NULL, NULL) == HF_ECLOSED);
}

static void tick_if_due(int which)
{
    hf_peer *peer = world.sides[which].peer;
    if (!peer || hf_peer_deadline(peer) > world.now)
        return;
    hf_peer_tick(peer, world.now);
    drain(which);
    demand(hf_peer_deadline(peer) > world.now || hf_peer_connection_state(peer) != HF_CONNECTION_CLOSED);
}

/* Lets time pass as a driver would; when `wired`, letters arrive at once. */
static void settle(hf_span span, bool wired)
{
    hf_time end = world.now + span;
    for (int turns = 0; turns < 200; turns++) {
        hf_time next = end;
        for (int i = 0; wired && i < LETTERS_MAX && world.letters_len > 0; i++)
            deliver(0);
        for (int which = 0; which < 2; which++) {
            if (!world.sides[which].peer)
                continue;
            drain(which);
            hf_time due = hf_peer_deadline(world.sides[which].peer);
            next = due < next ? due : next;
        }
        if (wired && world.letters_len > 0)
            continue;
        if (next >= end)
            break;
        world.now = next > world.now ? next : world.now;
        clock_set(world.now);
        tick_if_due(0);
        tick_if_due(1);
    }
    world.now = end;
    clock_set(end);
    tick_if_due(0);
    tick_if_due(1);
}

/* --- Signalling --------------------------------------------------------------------------------------------------- */

#define A_FINGERPRINT                                                                                                       \
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:"                                                         \
    "DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"

static const char *const known_descriptions[] = {
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 "
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
    "a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
    "a=candidate:1 1 udp 2122187007 198.51.100.9 999 typ host\r\n",
    "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "a=fingerprint:sha-256 "
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=setup:active\r\na=mid:0\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
    "a=bundle-only\r\na=mid:1\r\na=sctp-port:5000\r\na=end-of-candidates\r\n",
    "v=0\r\no=- 3 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 DTLS/SCTP 5000\r\nc=IN IP4 0.0.0.0\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=ice-lite\r\n"
    "a=fingerprint:sha-256 "
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
    "a=setup:passive\r\na=mid:0\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n",
};

/* Refused or not, it must be survived; on refusal the state is what it was. */
static void set_remote(int which, hf_sdp_type type, const char *text)
{
    hf_peer *peer = world.sides[which].peer;
    hf_signaling_state before = hf_peer_signaling_state(peer);
    hf_err err = hf_peer_set_remote_description(peer, world.now, type, text);
    demand(err == HF_OK || hf_peer_signaling_state(peer) == before);
}

static void set_damaged(int which, hf_sdp_type type, const char *text, hf_reader *r)
{
    char damaged[TEXT_MAX];
    size_t len = strlen(text);
    if (len >= sizeof damaged)
        return;
    memcpy(damaged, text, len + 1);
    for (unsigned n = hf_read_u8(r) % 4; n > 0 && len > 0; n--) {
        uint16_t at = hf_read_u16(r);
        damaged[at % len] ^= (char)hf_read_u8(r);
    }
    set_remote(which, type, damaged);
}

/* Our description, as the remote would get it; NULL: there is none. */
static const char *local_description(int which, hf_sdp_type *type)
{
    const char *sdp = NULL;
    return hf_peer_local_description(world.sides[which].peer, type, &sdp) == HF_OK ? sdp : NULL;
}

static void set_local(int which, uint8_t how)
{
    hf_peer *peer = world.sides[which].peer;
    hf_sdp_type type = how & 1 ? HF_SDP_ANSWER : HF_SDP_OFFER;
    const char *made = NULL;
    if (how & 2) {
        hf_err err = type == HF_SDP_OFFER ? hf_peer_create_offer(peer, world.now, &made)
                                          : hf_peer_create_answer(peer, world.now, &made);
        if (err != HF_OK)
            return;
    }
    hf_err err = hf_peer_set_local_description(peer, world.now, type, how & 4 ? NULL : made);
    demand(err == HF_OK || err == HF_ESTATE || err == HF_ECLOSED || err == HF_EINVAL);
}

/* Offer and answer, undamaged. */
static void agree(int offerer)
{
    hf_sdp_type type;
    const char *sdp;
    if (!world.sides[0].peer || !world.sides[1].peer)
        return;
    set_local(offerer, 0);
    if ((sdp = local_description(offerer, &type)) && type == HF_SDP_OFFER)
        set_remote(!offerer, HF_SDP_OFFER, sdp);
    set_local(!offerer, 1);
    if ((sdp = local_description(!offerer, &type)) && type == HF_SDP_ANSWER)
        set_remote(offerer, HF_SDP_ANSWER, sdp);
}

static void add_candidate(int which, hf_reader *r)
{
    char text[300];
    uint8_t len = hf_read_u8(r);
    hf_bytes raw = hf_read_bytes(r, len < r->rest.len ? len : r->rest.len);
    memcpy(text, raw.len ? (const void *)raw.data : "", raw.len);
    text[raw.len] = '\0';
    (void)!hf_peer_add_ice_candidate(world.sides[which].peer, world.now, text, len & 1 ? "0" : NULL,
                                     len & 2 ? "abcd" : NULL);
}

/* --- Datagrams ---------------------------------------------------------------------------------------------------- */

static hf_addr address(unsigned last)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .port = 999, .ip = {198, 51, 100, (uint8_t)last}};
}

/* Copies the value of an attribute line of our description. */
static void find_attribute(int which, const char *name, char out[64])
{
    const char *sdp = local_description(which, NULL), *at = sdp ? strstr(sdp, name) : NULL;
    snprintf(out, 64, "%.*s", at ? (int)strcspn(at + strlen(name), "\r") : 0, at ? at + strlen(name) : "");
}

/* A check that the peer believes: its path is authenticated then. */
static void give_check(int which, uint8_t how)
{
    char ufrag[64], pwd[64], user[140];
    uint8_t datagram[256], id[HF_STUN_ID_SIZE] = {how, 1};
    find_attribute(which, "a=ice-ufrag:", ufrag);
    find_attribute(which, "a=ice-pwd:", pwd);
    snprintf(user, sizeof user, "%s:abcd", ufrag);
    hf_stun_writer s = hf_stun_begin(datagram, sizeof datagram, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add(&s, HF_STUN_USERNAME, hf_bytes_of_text(user));
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 0x6E7F1EFF + how);
    hf_stun_add_u64(&s, how & 1 ? HF_STUN_ICE_CONTROLLING : HF_STUN_ICE_CONTROLLED, how & 8 ? UINT64_MAX : 0);
    if (how & 2)
        hf_stun_add(&s, HF_STUN_USE_CANDIDATE, (hf_bytes){0});
    hf_stun_add_integrity(&s, hf_bytes_of_text(pwd));
    hf_stun_add_fingerprint(&s);
    hf_addr from = address(9 + (how >> 4));
    give(which, &from, datagram, hf_stun_end(&s));
}

static hf_bytes read_some(hf_reader *r, size_t len)
{
    return hf_read_bytes(r, len < r->rest.len ? len : r->rest.len);
}

static void give_raw(int which, const hf_addr *from, hf_reader *r)
{
    size_t len = hf_read_u16(r) % (HF_DATAGRAM_MAX + 2);
    hf_bytes bytes = read_some(r, len);
    give(which, from, bytes.data, bytes.len);
}

/* A record with a header that holds. */
static void give_record(int which, hf_reader *r)
{
    uint8_t record[13 + 255] = {0};
    uint8_t type = hf_read_u8(r), len = hf_read_u8(r);
    hf_bytes bytes = read_some(r, len);
    hf_writer w = hf_writer_of(record, sizeof record);
    hf_write_u8(&w, (uint8_t)(20 + type % 4));
    hf_write_u16(&w, 0xFEFD);
    hf_write_u16(&w, type >> 7);
    hf_write_zeroes(&w, 6);
    hf_write_u16(&w, (uint16_t)bytes.len);
    hf_write_bytes(&w, bytes);
    hf_addr from = type & 64 ? world.sides[!which].addr : address(9);
    give(which, &from, record, w.len);
}

/* --- Steps -------------------------------------------------------------------------------------------------------- */

static hf_datachannel some_channel(const side *s, uint8_t which)
{
    return which < s->channels_len ? s->channels[which] : which;
}

static void open_channel(int which, uint8_t how)
{
    hf_datachannel_config config = {.label = how & 1 ? "a" : NULL,
                                    .protocol = how & 2 ? "b" : NULL,
                                    .unordered = how & 4,
                                    .reliability = (hf_reliability)(how >> 3 & 3),
                                    .reliability_limit = how,
                                    .negotiated = how & 32,
                                    .id = how >> 6,
                                    .send_buffer_max = how & 64 ? 3000 : 0};
    hf_datachannel channel;
    if (hf_peer_open_channel(world.sides[which].peer, world.now, &config, &channel) == HF_OK)
        see_channel(&world.sides[which], channel);
}

static void send_message(int which, uint8_t channel, uint16_t len)
{
    uint8_t message[4096];
    side *s = &world.sides[which];
    fill_message(message, len % sizeof message);
    hf_err err = hf_peer_send(s->peer, world.now, some_channel(s, channel & 15), channel & 16 ? HF_TEXT : HF_BINARY, message,
                              len % sizeof message);
    demand(!s->closed || err == HF_ECLOSED);
}

static void damage_letter(hf_reader *r)
{
    uint8_t index = hf_read_u8(r);
    uint16_t at = hf_read_u16(r);
    uint8_t change = hf_read_u8(r);
    if (world.letters_len == 0)
        return;
    letter *l = &world.letters[index % world.letters_len];
    if (l->len > 0)
        l->data[at % l->len] ^= change;
}

static void duplicate_letter(uint8_t index)
{
    if (world.letters_len == 0)
        return;
    const letter *l = &world.letters[index % world.letters_len];
    post(l->to, &l->path, l->data, l->len);
}

static void step_network(int which, uint8_t what, hf_reader *r)
{
    hf_addr stranger = address(77), remote = address(9);
    switch (what) {
    case 0:
        give_raw(which, &stranger, r);
        break;
    case 1:
        give_raw(which, world.sides[!which].peer ? &world.sides[!which].addr : &remote, r);
        break;
    case 2:
        give_check(which, hf_read_u8(r));
        break;
    case 3:
        give_record(which, r);
        break;
    case 4:
        settle(HF_MS(10) * hf_read_u8(r), true);
        break;
    case 5:
        settle(HF_MS(200) * hf_read_u8(r), false);
        break;
    case 6:
        damage_letter(r);
        break;
    case 7:
        duplicate_letter(hf_read_u8(r));
        break;
    case 8:
        if (world.letters_len > 0)
            free(take(hf_read_u8(r) % world.letters_len).data);
        break;
    default:
        deliver(hf_read_u8(r));
        break;
    }
}

/* Provisional answers, rollback, restarts. */
static void step_negotiation(int which, uint8_t how)
{
    side *s = &world.sides[which];
    hf_sdp_type type;
    const char *other = world.sides[!which].peer ? local_description(!which, &type) : NULL;
    hf_signaling_state before = hf_peer_signaling_state(s->peer);
    bool is_open = before == HF_SIGNALING_HAVE_LOCAL_OFFER || before == HF_SIGNALING_HAVE_REMOTE_OFFER;
    switch (how % 8) {
    case 0:
        demand((hf_peer_set_local_description(s->peer, world.now, HF_SDP_ROLLBACK, NULL) == HF_OK) == is_open);
        break;
    case 1:
        demand((hf_peer_set_remote_description(s->peer, world.now, HF_SDP_ROLLBACK, NULL) == HF_OK) == is_open);
        break;
    case 2:
        (void)!hf_peer_set_local_description(s->peer, world.now, HF_SDP_PRANSWER, NULL);
        break;
    case 3:
        set_remote(which, HF_SDP_PRANSWER, other ? other : known_descriptions[(how >> 3) % 3]);
        break;
    case 4:
        (void)!hf_peer_restart_ice(s->peer, world.now);
        agree(which);
        break;
    case 5: /* glare */
        (void)!hf_peer_restart_ice(s->peer, world.now);
        set_local(which, 0);
        if (world.sides[!which].peer)
            agree(!which);
        break;
    default:
        (void)!hf_peer_restart_ice(s->peer, world.now);
        break;
    }
}

static void step_application(int which, uint8_t what, hf_reader *r)
{
    side *s = &world.sides[which];
    uint8_t how = hf_read_u8(r);
    hf_sdp_type type = how & 1 ? HF_SDP_ANSWER : HF_SDP_OFFER;
    hf_datachannel_info info;
    switch (what) {
    case 10:
        set_damaged(which, type, known_descriptions[(how >> 1) % 3], r);
        break;
    case 11: {
        const char *other = world.sides[!which].peer ? local_description(!which, &type) : NULL;
        if (other)
            set_damaged(which, how & 1 ? type : HF_SDP_OFFER, other, r);
        break;
    }
    case 12:
        set_local(which, how);
        break;
    case 13:
        add_candidate(which, r);
        break;
    case 14:
        reply_locals(which, how);
        break;
    case 15:
        open_channel(which, how);
        break;
    case 16:
        send_message(which, how, hf_read_u16(r));
        break;
    case 17:
        (void)!hf_peer_close_channel(s->peer, world.now, some_channel(s, how));
        break;
    case 18:
        (void)!hf_peer_set_buffered_low(s->peer, some_channel(s, how), how);
        (void)!hf_peer_channel_info(s->peer, some_channel(s, how), &info);
        break;
    case 19:
        agree(which);
        break;
    case 21:
        step_negotiation(which, how);
        break;
    default:
        if (how % 4 == 0) {
            hf_peer_close(s->peer, world.now);
            s->closed = true;
        }
        break;
    }
}

static void step(hf_reader *r)
{
    uint8_t what = hf_read_u8(r);
    int which = what >> 7 && world.sides[1].peer;
    what = (what & 31) % 22;
    if (what < 10)
        step_network(which, what, r);
    else
        step_application(which, what, r);
    for (int i = 0; i < 2; i++) {
        if (world.sides[i].peer)
            check(i);
    }
}

/* Made once: it takes longer than most runs. */
static const hf_certificate *certificate(void)
{
    static hf_certificate *made;
    fuzz_seed(1);
    if (!made)
        demand(hf_certificate_new(&made, &fuzz_env) == HF_OK);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_reader r = hf_reader_of(hf_bytes_of(data, size));
    uint8_t kind = hf_read_u8(&r);
    hf_engine *engine;
    hf_peer_config config = {.certificate = certificate(), .message_max = kind & 2 ? 4096 : 0, .mtu = kind & 2 ? 576 : 0};

    memset(&world, 0, sizeof world);
    fuzz_seed(2);
    world.now = HF_SECONDS(1);
    world.mtu = config.mtu ? config.mtu : HF_MTU_DEFAULT;
    clock_set(world.now);
    clock_seed(3);
    demand(hf_engine_new(&engine, &fuzz_env) == HF_OK);
    config.engine = engine;
    for (int i = 0; i <= (kind & 1); i++) {
        world.sides[i].addr = address(1 + (unsigned)i);
        demand(hf_peer_new(&world.sides[i].peer, &config, &fuzz_env) == HF_OK);
    }
    if (kind & 4) {
        open_channel(0, 1);
        agree(kind >> 3 & 1);
        settle(HF_MS(600), true);
        demand(!(kind & 1) || hf_peer_connection_state(world.sides[0].peer) == HF_CONNECTION_CONNECTED);
    }
    for (int i = 0; i < STEPS_MAX && r.rest.len > 0; i++)
        step(&r);
    hf_peer_free(world.sides[0].peer);
    hf_peer_free(world.sides[1].peer);
    hf_engine_free(engine);
    while (world.letters_len > 0)
        free(take(0).data);
    return 0;
}
