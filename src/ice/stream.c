/* stream.c: the TCP streams of an agent: those that we open for a pair, those that the remote has opened (RFC 6544), those
 * to TURN servers, and what they bring.
 *
 * A stream that we open belongs to its pair from the beginning, an accepted one from the first valid check on. It is closed
 * with its pair, and its pair fails with it. A closed one stays on the list until the driver has been told. */
#include "relay_priv.h"

/* A stream that cannot be opened in this time is as good as none: by then a SYN has been repeated three times (RFC 6298). */
#define OPEN_PATIENCE HF_SECONDS(10)

/* Who has connected and has not shown within this time that our password is known to it is not our remote. */
#define CHECK_PATIENCE HF_SECONDS(10)

/* What the remote has opened and keeps in reserve, it keeps alive by checks: Chromium each 25 s at the latest. */
#define IDLE_MAX HF_SECONDS(35)

#define TO_ONE_ADDRESS_MAX 4 /* being opened to one IP address, at once */
#define UNPROVEN_MAX 8       /* accepted, and no valid check has come yet; half of them from one IP address */

#define REOPENED_MAX 3 /* for one pair that has not worked yet */

/* Beyond the limit a stream is only on the list to be refused. Those to servers are limited by what asks for them. */
#define LIST_MAX (2 * (HF_ICE_STREAMS_MAX + HF_ICE_RELAYS_MAX))

#define STREAM_ID_FIRST 0x40000000u /* apart from the ids of gather.c */

/* --- The list --------------------------------------------------------------------------------------------------- */

static hf_ice_stream *add(hf_ice *ice, const hf_ice_stream *stream)
{
    if (hf_grow(ice->env, &ice->streams, &ice->streams_cap, ice->streams_len + 1, LIST_MAX, sizeof *ice->streams))
        return NULL;
    hf_ice_stream *copy = hf_alloc(ice->env, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *stream;
    ice->streams[ice->streams_len++] = copy;
    return copy;
}

static void remove_at(hf_ice *ice, size_t at)
{
    hf_dealloc(ice->env, ice->streams[at]);
    memmove(&ice->streams[at], &ice->streams[at + 1], (ice->streams_len - at - 1) * sizeof(hf_ice_stream *));
    ice->streams_len--;
}

void hf_ice_streams_clear(hf_ice *ice)
{
    for (size_t i = 0; i < ice->streams_len; i++)
        hf_dealloc(ice->env, ice->streams[i]);
    hf_dealloc(ice->env, ice->streams);
    ice->streams = NULL;
    ice->streams_len = ice->streams_cap = 0;
    hf_packet_queue_clear(&ice->arrived);
}

static hf_ice_stream *find(const hf_ice *ice, hf_ice_stream_state state, const hf_path *path)
{
    for (size_t i = 0; i < ice->streams_len; i++) {
        hf_ice_stream *s = ice->streams[i];
        if (s->state == state && hf_ice_path_equal(&s->path, path))
            return s;
    }
    return NULL;
}

hf_ice_stream *hf_ice_stream_find(const hf_ice *ice, const hf_path *path)
{
    return find(ice, HF_ICE_STREAM_OPEN, path);
}

static bool is_unproven(const hf_ice_stream *s)
{
    return s->id == 0 && !s->pair; /* to a server, it would have an id */
}

typedef struct census {
    size_t all, opening, unproven, opening_there, unproven_there; /* there: with that IP address */
} census;

static census count(const hf_ice *ice, const hf_addr *remote)
{
    census n = {0};
    for (size_t i = 0; i < ice->streams_len; i++) {
        const hf_ice_stream *s = ice->streams[i];
        bool is_there = hf_addr_equal_ip(&s->path.remote, remote);
        n.all += s->state != HF_ICE_STREAM_CLOSING && !s->allocation;
        n.opening_there += !s->allocation && s->state == HF_ICE_STREAM_OPENING && is_there;
        n.unproven += s->state == HF_ICE_STREAM_OPEN && is_unproven(s);
        n.unproven_there += s->state == HF_ICE_STREAM_OPEN && is_unproven(s) && is_there;
    }
    return n;
}

/* --- Opening and closing ---------------------------------------------------------------------------------------- */

bool hf_ice_stream_may_open(const hf_ice *ice, const hf_addr *remote)
{
    census n = count(ice, remote);
    return n.all < HF_ICE_STREAMS_MAX && n.opening_there < TO_ONE_ADDRESS_MAX;
}

static uint32_t next_id(hf_ice *ice)
{
    return STREAM_ID_FIRST + ice->stream_id_last++ % STREAM_ID_FIRST;
}

bool hf_ice_stream_open(hf_time now, hf_ice_pair *pair)
{
    hf_ice *ice = pair->generation->ice;
    if (pair->local->tcp_type != HF_ICE_TCP_ACTIVE || !hf_ice_stream_may_open(ice, &pair->path.remote))
        return false;
    hf_ice_stream s = {.id = next_id(ice), .path = pair->path, .pair = pair, .give_up_at = now + OPEN_PATIENCE};
    pair->stream = add(ice, &s);
    return pair->stream != NULL;
}

bool hf_ice_stream_open_to_server(hf_ice *ice, hf_ice_allocation *a, hf_time give_up_at)
{
    hf_ice_stream s = {.id = next_id(ice), .path = a->path, .allocation = a, .give_up_at = give_up_at};
    a->stream = add(ice, &s);
    return a->stream != NULL;
}

void hf_ice_stream_close(hf_ice *ice, hf_ice_stream *s)
{
    if (!s || s->state == HF_ICE_STREAM_CLOSING)
        return;
    s->state = HF_ICE_STREAM_CLOSING;
    hf_ice_trace_stream(ice, s, HF_TRACE_ICE_STREAM_CLOSED);
    hf_ice_pair *pair = s->pair;
    if (s->allocation)
        s->allocation->stream = NULL;
    s->pair = NULL;
    s->allocation = NULL;
    if (!pair)
        return;
    pair->stream = NULL;
    pair->mapped = NULL;
    pair->is_authenticated = pair->is_nominated = false;
    pair->due = HF_NEVER;
    pair->triggered = 0;
    if (ice->heard == pair)
        ice->heard = NULL;
    if (pair->local->tcp_type == HF_ICE_TCP_ACTIVE) {
        pair->path.local.port = 0;
        hf_ice_pair_enter(pair, HF_ICE_PAIR_WAITING);
    } else {
        hf_ice_pair_enter(pair, HF_ICE_PAIR_FAILED); /* until the remote opens another one */
    }
}

/* Nothing can come of it any more. */
static void fail(hf_ice *ice, hf_time now, hf_ice_stream *s, hf_err cause)
{
    hf_ice_allocation *a = s->allocation;
    ice->stats.streams_failed++;
    s->cause = cause;
    if (a) {
        hf_ice_stream_close(ice, s);
        hf_ice_allocation_on_stream(ice, now, a, cause);
        return;
    }
    if (s->pair)
        hf_ice_pair_fail(now, s->pair); /* closes it, too */
    else
        hf_ice_stream_close(ice, s);
}

bool hf_ice_stream_poll_request(hf_ice *ice, hf_request *out)
{
    for (size_t i = 0; i < ice->streams_len;) {
        hf_ice_stream *s = ice->streams[i];
        if (s->state == HF_ICE_STREAM_OPENING && !s->driver_has_it) {
            s->driver_has_it = true;
            *out = (hf_request){.type = HF_REQUEST_CONNECT, .id = s->id, .path = s->path};
            if (s->allocation && s->allocation->server->tls) {
                out->tls = true;
                out->name = s->allocation->server->host;
            }
            return true;
        }
        if (s->state != HF_ICE_STREAM_CLOSING) {
            i++;
            continue;
        }
        bool is_to_be_told = s->driver_has_it;
        *out = (hf_request){.type = HF_REQUEST_DISCONNECT, .id = s->id, .path = s->path};
        remove_at(ice, i);
        if (is_to_be_told)
            return true;
    }
    return false;
}

/* --- What the driver tells -------------------------------------------------------------------------------------- */

static hf_ice_stream *find_opening(const hf_ice *ice, uint32_t id)
{
    for (size_t i = 0; i < ice->streams_len; i++) {
        if (ice->streams[i]->id == id && ice->streams[i]->state == HF_ICE_STREAM_OPENING)
            return ice->streams[i];
    }
    return NULL;
}

static void note_why(const hf_ice_stream *s, const hf_reply *reply)
{
    if (s->allocation)
        s->allocation->server->why = reply->why;
}

static void on_opened(hf_ice *ice, hf_time now, hf_ice_stream *s, const hf_reply *reply)
{
    if (reply->err != HF_OK) {
        s->driver_has_it = false;
        note_why(s, reply);
        fail(ice, now, s, reply->err);
        return;
    }
    ice->stats.streams_opened++;
    s->state = HF_ICE_STREAM_OPEN;
    s->give_up_at = HF_NEVER;
    s->path.local = reply->path.local;
    hf_ice_trace_stream(ice, s, HF_TRACE_ICE_STREAM_OPENED);
    if (s->allocation) {
        hf_ice_allocation_on_stream(ice, now, s->allocation, HF_OK);
        return;
    }
    s->pair->path.local = reply->path.local;
    hf_ice_check_trigger(s->pair);
}

/* Notes once that the driver is to close it, for more bytes may come before it does. Without memory it stays open, and its
 * next bytes bring us here again. */
static void refuse(hf_ice *ice, const hf_path *path)
{
    hf_ice_stream s = {.state = HF_ICE_STREAM_CLOSING, .driver_has_it = true, .path = *path, .give_up_at = HF_NEVER};
    s.path.transport = HF_TCP;
    hf_ice_stream *noted = find(ice, HF_ICE_STREAM_CLOSING, &s.path);
    if (noted)
        noted->driver_has_it = true;
    else
        (void)add(ice, &s);
}

static void on_accepted(hf_ice *ice, hf_time now, const hf_path *path)
{
    census n = count(ice, &path->remote);
    bool has_room = n.all < HF_ICE_STREAMS_MAX && n.unproven < UNPROVEN_MAX && n.unproven_there < UNPROVEN_MAX / 2;
    hf_ice_stream s = {
        .state = HF_ICE_STREAM_OPEN, .driver_has_it = true, .path = *path, .give_up_at = now + CHECK_PATIENCE};
    s.path.transport = HF_TCP;
    if (hf_ice_is_over(ice) || hf_ice_stream_find(ice, &s.path) || hf_ice_addr_is_forbidden(&path->remote) ||
        !hf_ice_has_socket(ice, &path->local, HF_ICE_TCP_PASSIVE) || !has_room || !add(ice, &s)) {
        refuse(ice, path);
        return;
    }
    ice->stats.streams_accepted++;
    hf_ice_trace_stream(ice, &s, HF_TRACE_ICE_STREAM_ACCEPTED);
}

void hf_ice_stream_on_connected(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    hf_ice_stream *s = reply->id != 0 ? find_opening(ice, reply->id) : NULL;
    if (s && s->driver_has_it)
        on_opened(ice, now, s, reply);
    else if (reply->id == 0 && reply->err == HF_OK)
        on_accepted(ice, now, &reply->path);
}

/* RFC 6544 §10.1: the active side reopens what breaks. A pair that has worked is searched for again anyhow (nominate.c); one
 * whose first check was still unanswered gets some more attempts, for somebody was there. */
static bool may_open_again(const hf_ice_stream *s)
{
    return s->id != 0 && s->pair && s->pair->state == HF_ICE_PAIR_IN_PROGRESS && s->pair->reopened++ < REOPENED_MAX;
}

void hf_ice_stream_on_disconnected(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    hf_path path = reply->path;
    path.transport = HF_TCP;
    hf_ice_stream *s = hf_ice_stream_find(ice, &path), *closing = find(ice, HF_ICE_STREAM_CLOSING, &path);
    if (closing)
        closing->driver_has_it = false;
    if (!s)
        return;
    s->driver_has_it = false;
    note_why(s, reply);
    hf_ice_pair *retried = may_open_again(s) ? s->pair : NULL;
    fail(ice, now, s, reply->err != HF_OK ? reply->err : HF_ECLOSED);
    if (retried && retried->state == HF_ICE_PAIR_FAILED)
        hf_ice_pair_enter(retried, HF_ICE_PAIR_WAITING);
}

/* --- What streams bring ----------------------------------------------------------------------------------------- */

void hf_ice_stream_on_check(hf_time now, hf_ice_stream *s)
{
    if (s->id == 0)
        s->give_up_at = now + IDLE_MAX;
}

static void keep(hf_ice *ice, hf_time now, const hf_path *path, hf_bytes data)
{
    hf_packet packet;
    if (hf_packet_push(&ice->arrived, data.len, &packet)) {
        hf_ice_drop(ice, HF_DROP_FRAME, data.len);
        return;
    }
    memcpy(packet.data - sizeof *path, path, sizeof *path);
    memcpy(packet.data, data.data, data.len);
    hf_ice_count_received(ice, now, path, data.len);
}

static void on_frame(hf_ice *ice, hf_time now, hf_ice_stream *s, hf_bytes frame)
{
    ice->stats.frames_received++;
    if (frame.len == 0)
        return;
    if (frame.data[0] <= 3) { /* RFC 7983 §7 */
        hf_ice_on_stun(ice, now, &s->path, frame);
    } else if (!hf_ice_is_authenticated(ice, &s->path)) {
        /* RFC 6544 §7.1: a stream whose first frame is not STUN is closed. */
        hf_ice_drop(ice, HF_DROP_UNKNOWN_PATH, frame.len);
        fail(ice, now, s, HF_EPROTO);
    } else if (hf_ice_may_be_data(frame.data[0])) {
        keep(ice, now, &s->path, frame);
    } else {
        hf_ice_drop(ice, HF_DROP_STUN_MALFORMED, frame.len);
    }
}

/* What a server's message bears came to the relay as a datagram, and is taken like one. */
static void on_message(hf_ice *ice, hf_time now, hf_ice_stream *s, uint8_t *message, size_t len)
{
    ice->stats.frames_received++;
    hf_datagram datagram = {.path = s->path, .data = message, .len = len};
    if (!hf_ice_relayed_unwrap(ice, now, s->allocation, &datagram))
        return;
    if (hf_ice_is_data(ice, now, &datagram))
        keep(ice, now, &datagram.path, hf_bytes_of(datagram.data, datagram.len));
}

static void take_from_server(hf_ice *ice, hf_time now, hf_ice_stream *s, const hf_datagram *bytes)
{
    uint8_t *rest = bytes->data, *message;
    size_t rest_len = bytes->len, message_len;
    while (s->state == HF_ICE_STREAM_OPEN) {
        switch (hf_turn_deframe(&s->in.messages, &rest, &rest_len, &message, &message_len)) {
        case HF_TURN_DEFRAMED_NOTHING:
            return;
        case HF_TURN_DEFRAMED_MESSAGE:
            on_message(ice, now, s, message, message_len);
            break;
        case HF_TURN_DEFRAMED_BROKEN:
            hf_ice_drop(ice, HF_DROP_FRAME, rest_len);
            fail(ice, now, s, HF_EPROTO);
            break;
        }
    }
}

/* Only a stream that our remote has used may bring what is too long: it is skipped, like a datagram. */
static void on_too_long(hf_ice *ice, hf_time now, hf_ice_stream *s)
{
    hf_ice_drop(ice, HF_DROP_FRAME, s->in.frames.skip);
    if (hf_ice_is_authenticated(ice, &s->path))
        return;
    fail(ice, now, s, HF_EPROTO);
}

void hf_ice_stream_input(hf_ice *ice, hf_time now, const hf_datagram *bytes)
{
    hf_ice_stream *s = hf_ice_stream_find(ice, &bytes->path);
    if (!s) {
        hf_ice_drop(ice, HF_DROP_UNKNOWN_PATH, bytes->len);
        refuse(ice, &bytes->path);
        return;
    }
    if (s->allocation) {
        take_from_server(ice, now, s, bytes);
        return;
    }
    hf_bytes rest = hf_bytes_of(bytes->data, bytes->len), frame;
    while (s->state == HF_ICE_STREAM_OPEN) { /* a frame may be its end */
        switch (hf_deframe(&s->in.frames, &rest, &frame)) {
        case HF_DEFRAMED_NOTHING:
            return;
        case HF_DEFRAMED_FRAME:
            on_frame(ice, now, s, frame);
            break;
        case HF_DEFRAMED_TOO_LONG:
            on_too_long(ice, now, s);
            break;
        }
    }
}

bool hf_ice_poll_datagram(hf_ice *ice, hf_time now, hf_datagram *out)
{
    hf_packet packet;
    (void)now;
    if (!ice || !out || hf_packet_peek(&ice->arrived, &packet, 1) == 0)
        return false;
    memcpy(&out->path, packet.data - sizeof out->path, sizeof out->path);
    out->data = packet.data;
    out->len = packet.len;
    hf_packet_pop(&ice->arrived, 1);
    return true;
}

/* --- Time ------------------------------------------------------------------------------------------------------- */

void hf_ice_stream_tick(hf_ice *ice, hf_time now)
{
    if (ice->arrived.len == 0)
        hf_packet_queue_relax(&ice->arrived);
    for (size_t i = 0; i < ice->streams_len; i++) {
        hf_ice_stream *s = ice->streams[i];
        if (s->state == HF_ICE_STREAM_CLOSING || now < s->give_up_at)
            continue;
        if (s->pair && s->pair == s->pair->generation->best) {
            s->give_up_at = now + IDLE_MAX; /* consent watches over that one */
        } else {
            fail(ice, now, s, HF_ETIMEDOUT);
        }
    }
}

hf_time hf_ice_stream_deadline(const hf_ice *ice)
{
    hf_time at = HF_NEVER;
    for (size_t i = 0; i < ice->streams_len; i++) {
        if (ice->streams[i]->state != HF_ICE_STREAM_CLOSING)
            at = hf_ice_earlier(at, ice->streams[i]->give_up_at);
    }
    return at;
}
