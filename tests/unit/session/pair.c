/* pair.c: the drive loop of two sides, and what lies between them. */
#include "pair.h"

#include "clock.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct pair_letter {
    hf_time at;
    int to;
    bool is_signal;
    hf_path path;
    uint8_t *data;
    size_t len;
    hf_signal signal; /* its texts are owned */
} pair_letter;

static uint32_t draw(pair *p, uint32_t below)
{
    p->chance = p->chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((p->chance >> 32) % below);
}

static void post(pair *p, pair_letter letter)
{
    if (p->letters_len == p->letters_cap) {
        p->letters_cap = p->letters_cap ? 2 * p->letters_cap : 64;
        p->letters = realloc(p->letters, p->letters_cap * sizeof *p->letters);
        cr_assert_not_null(p->letters);
    }
    p->letters[p->letters_len++] = letter;
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void free_text(const char *text)
{
    void *memory;
    memcpy(&memory, &text, sizeof memory);
    free(memory);
}

static void clear_letter(pair_letter *letter)
{
    free(letter->data);
    free_text(letter->signal.sdp);
    free_text(letter->signal.candidate);
    free_text(letter->signal.mid);
    free_text(letter->signal.ufrag);
}

static void post_signal(pair_side *from, hf_signal signal)
{
    char *sdp = copy(signal.sdp), *line = sdp ? strstr(sdp, "a=holdfast:1 ") : NULL;
    if (line && from->unknown)
        line[2] = 'x';
    if (line && from->misnamed)
        memset(line + strlen("a=holdfast:1 "), '7', 4);
    signal.sdp = sdp;
    signal.candidate = copy(signal.candidate);
    signal.mid = copy(signal.mid);
    signal.ufrag = copy(signal.ufrag);
    pair_letter letter = {
        .at = from->pair->now + from->pair->delay, .to = 1 - from->index, .is_signal = true, .signal = signal};
    if (from->silent)
        clear_letter(&letter);
    else
        post(from->pair, letter);
}

/* --- What sides hear ------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void add(char *text, const char *format, ...)
{
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, PAIR_TEXT_MAX - len, format, args);
    va_end(args);
}

static void hear_data(pair_side *side, const hf_session_event *event)
{
    pair_heard *heard = &side->heard;
    uint64_t number;
    heard->bytes += event->u.data.len;
    if (event->u.data.discarded) {
        add(heard->texts, "%s:discarded ", hf_channel_name(event->channel));
    } else if (event->u.data.kind == HF_TEXT && event->u.data.len < 64) {
        add(heard->texts, "%s:%.*s ", hf_channel_name(event->channel), (int)event->u.data.len,
            (const char *)event->u.data.data);
    } else if (event->u.data.kind == HF_BINARY && event->u.data.len == sizeof number) {
        memcpy(&number, event->u.data.data, sizeof number);
        heard->out_of_order += number != heard->next;
        heard->next = number + 1;
    }
}

static void hear_returned(pair_side *side, const hf_session_event *event)
{
    pair_heard *heard = &side->heard;
    heard->returned_last = *event;
    heard->possibly += event->u.returned.possibly_delivered;
    heard->not_sent += !event->u.returned.possibly_delivered;
    if (event->u.returned.len < 64)
        add(heard->returned, "%s:%.*s%s ", hf_channel_name(event->channel), (int)event->u.returned.len,
            (const char *)event->u.returned.data, event->u.returned.possibly_delivered ? "?" : "!");
}

static void on_event(void *context, hf_session *session, const hf_session_event *event)
{
    pair_side *side = context;
    pair_heard *heard = &side->heard;
    heard->events[event->type]++;
    switch (event->type) {
    case HF_SESSION_ON_DATA:
        hear_data(side, event);
        break;
    case HF_SESSION_SIGNAL:
        post_signal(side, event->u.signal);
        break;
    case HF_SESSION_RESUMED:
        heard->resumed = *event;
        add(heard->story, "resumed ");
        break;
    case HF_SESSION_CONTINUITY_LOST:
        heard->lost = *event;
        add(heard->story, "lost ");
        break;
    case HF_SESSION_MESSAGE_RETURNED:
        hear_returned(side, event);
        add(heard->story, "returned ");
        break;
    case HF_SESSION_ON_ERROR:
        heard->error = *event;
        break;
    case HF_SESSION_CHANNEL_OPEN:
        add(heard->story, "%s:%s ", hf_channel_name(event->channel), event->u.resumed ? "again" : "open");
        break;
    case HF_SESSION_CHANNEL_CLOSED:
        heard->closed_last = *event;
        add(heard->story, "%s:closed%s%s ", hf_channel_name(event->channel), event->cause == HF_OK ? "" : "=",
            event->cause == HF_OK ? "" : hf_err_name(event->cause));
        break;
    case HF_SESSION_STATE_CHANGED:
        if (hf_session_get_state(session) == HF_SESSION_CLOSED)
            add(heard->story, "CLOSED ");
        break;
    case HF_SESSION_ON_CONNECTED:
    case HF_SESSION_ON_DISCONNECTED:
    case HF_SESSION_CHANNEL_WRITABLE:
    case HF_SESSION_CHANNEL_LOW:
    case HF_SESSION_ROUTE_CHANGED:
    case HF_SESSION_CREDENTIALS_NEEDED:
    case HF_SESSION_NETWORK_CHANGED:
    case HF_SESSION_IDENTITY_CHANGED:
    case HF_SESSION_EVENT_COUNT:
        break;
    }
    if (side->on_event)
        side->on_event(side, event);
}

static void hear_peer(pair_side *side)
{
    hf_peer_event event;
    while (hf_peer_poll_event(side->peer, &event)) {
        if (event.type == HF_PEER_CANDIDATE)
            post_signal(side,
                        (hf_signal){.type = event.u.candidate.text[0] ? HF_SIGNAL_CANDIDATE : HF_SIGNAL_END_OF_CANDIDATES,
                                    .candidate = event.u.candidate.text,
                                    .mid = event.u.candidate.mid,
                                    .ufrag = event.u.candidate.ufrag});
        if (side->on_peer_event)
            side->on_peer_event(side, &event);
    }
}

/* --- The drive loop ------------------------------------------------------------------------------------------------- */

static hf_addr address_of(const pair_side *side, uint32_t group)
{
    return (hf_addr){.family = HF_FAMILY_IPV4,
                     .port = (uint16_t)(5000 + group),
                     .ip = {192, 0, (uint8_t)(2 + side->network), (uint8_t)(1 + side->index)}};
}

static void answer(pair_side *side, const hf_request *request)
{
    cr_assert_lt(request->group, PAIR_GROUPS_MAX);
    if (request->type == HF_REQUEST_RELEASE) {
        side->groups &= ~(1u << request->group);
        return;
    }
    side->groups |= 1u << request->group;
    hf_local local = {.addr = address_of(side, request->group), .interface = 1u + side->network};
    hf_reply reply = {
        .type = HF_REPLY_LOCALS, .group = request->group, .id = request->id, .locals = &local, .locals_len = 1};
    if (side->session)
        hf_session_reply(side->session, side->pair->now, &reply);
    else
        hf_peer_reply(side->peer, side->pair->now, &reply);
}

static bool poll_request(pair_side *side, hf_request *out)
{
    return side->session ? hf_session_poll_request(side->session, out) : hf_peer_poll_request(side->peer, out);
}

static bool poll_transmit(pair_side *side, hf_transmit *out)
{
    out->cap = 65536;
    return side->session ? hf_session_poll_transmit(side->session, side->pair->now, out)
                         : hf_peer_poll_transmit(side->peer, side->pair->now, out);
}

static void send_run(pair_side *side, const hf_transmit *out)
{
    pair *p = side->pair;
    for (size_t at = 0; at < out->len; at += out->segment) {
        size_t len = out->len - at < out->segment ? out->len - at : out->segment;
        if (p->cut || draw(p, 1000) < p->loss)
            continue;
        pair_letter letter = {.at = p->now + p->delay, .to = 1 - side->index, .data = malloc(len), .len = len};
        cr_assert_not_null(letter.data);
        letter.path = (hf_path){.local = out->path.remote, .remote = out->path.local};
        memcpy(letter.data, out->buffer + at, len);
        post(p, letter);
    }
}

static void drive(pair_side *side)
{
    static uint8_t buffer[65536];
    hf_request request;
    hf_transmit out = {.buffer = buffer};
    while (poll_request(side, &request))
        answer(side, &request);
    while (poll_transmit(side, &out))
        send_run(side, &out);
    if (side->peer)
        hear_peer(side);
    else if (!side->deaf)
        hf_session_dispatch(side->session, side->pair->now);
}

static void post_answer(pair_side *side, const char *sdp)
{
    static const char name[] = "a=max-message-size:";
    const char *at = side->message_max ? strstr(sdp, name) : NULL;
    char changed[8192];
    if (at) {
        int before = (int)(at - sdp);
        snprintf(changed, sizeof changed, "%.*s%s%u%s", before, sdp, name, side->message_max, at + strcspn(at, "\r"));
    }
    post_signal(side, (hf_signal){.type = HF_SIGNAL_ANSWER, .sdp = at ? changed : sdp});
}

static void take_signal(pair_side *side, const hf_signal *signal)
{
    hf_time now = side->pair->now;
    if (side->session) {
        (void)!hf_session_signal(side->session, now, signal);
        return;
    }
    switch (signal->type) {
    case HF_SIGNAL_OFFER: {
        const char *sdp;
        cr_assert_eq(hf_peer_set_remote_description(side->peer, now, HF_SDP_OFFER, signal->sdp), HF_OK);
        cr_assert_eq(hf_peer_set_local_description(side->peer, now, HF_SDP_ANSWER, NULL), HF_OK);
        cr_assert_eq(hf_peer_local_description(side->peer, NULL, &sdp), HF_OK);
        post_answer(side, sdp);
        break;
    }
    case HF_SIGNAL_ANSWER:
        cr_assert_eq(hf_peer_set_remote_description(side->peer, now, HF_SDP_ANSWER, signal->sdp), HF_OK);
        break;
    case HF_SIGNAL_CANDIDATE:
    case HF_SIGNAL_END_OF_CANDIDATES:
        (void)!hf_peer_add_ice_candidate(side->peer, now, signal->candidate, signal->mid, signal->ufrag);
        break;
    case HF_SIGNAL_BYE:
        break;
    }
}

static void deliver(pair *p, pair_letter *letter)
{
    pair_side *side = &p->side[letter->to];
    if (letter->is_signal) {
        take_signal(side, &letter->signal);
        return;
    }
    uint32_t group = letter->path.local.port - 5000u;
    hf_addr here = address_of(side, group);
    if (group >= PAIR_GROUPS_MAX || !(side->groups & 1u << group) || !hf_addr_equal(&here, &letter->path.local))
        return;
    hf_datagram datagram = {.path = letter->path, .data = letter->data, .len = letter->len, .group = group};
    if (side->session)
        hf_session_input(side->session, p->now, &datagram, 1);
    else
        hf_peer_input(side->peer, p->now, &datagram, 1);
}

static hf_time deadline_of(const pair_side *side)
{
    return side->session ? hf_session_deadline(side->session) : hf_peer_deadline(side->peer);
}

static hf_time next_moment(const pair *p)
{
    hf_time next = HF_NEVER;
    for (size_t i = 0; i < p->letters_len; i++)
        next = p->letters[i].at < next ? p->letters[i].at : next;
    for (int i = 0; i < 2; i++)
        next = deadline_of(&p->side[i]) < next ? deadline_of(&p->side[i]) : next;
    return next;
}

static void deliver_due(pair *p)
{
    for (size_t i = 0; i < p->letters_len;) {
        if (p->letters[i].at > p->now) {
            i++;
            continue;
        }
        pair_letter letter = p->letters[i];
        memmove(&p->letters[i], &p->letters[i + 1], (--p->letters_len - i) * sizeof letter);
        deliver(p, &letter);
        clear_letter(&letter);
    }
}

static void tick_due(pair *p)
{
    for (int i = 0; i < 2; i++) {
        pair_side *side = &p->side[i];
        if (deadline_of(side) > p->now)
            continue;
        if (side->session)
            hf_session_tick(side->session, p->now);
        else
            hf_peer_tick(side->peer, p->now);
    }
}

bool pair_run(pair *p, hf_span span, bool (*done)(pair *p))
{
    hf_time until = p->now + span;
    int standing = 0;
    for (;;) {
        for (int round = 0; round < 2; round++) {
            drive(&p->side[0]);
            drive(&p->side[1]);
        }
        if (done && done(p))
            return true;
        hf_time next = next_moment(p);
        if (next > until)
            break;
        standing = next > p->now ? 0 : standing + 1;
        cr_assert_lt(standing, 1000, "a deadline stands still at %lld", (long long)p->now);
        p->now = next > p->now ? next : p->now;
        clock_set(p->now);
        deliver_due(p);
        tick_due(p);
    }
    p->now = until;
    clock_set(p->now);
    return false;
}

/* --- Birth, end, and what tests do with it -------------------------------------------------------------------------- */

static hf_session_config config_for(const pair *p, int index, const hf_session_config *config)
{
    hf_session_config mine = config ? *config : (hf_session_config){0};
    mine.peer.engine = p->engine;
    mine.peer.certificate = p->certificate[index];
    if (mine.recovery == HF_RECOVERY_DEFAULT)
        mine.recovery = HF_RECOVERY_RESUME;
    return mine;
}

static void begin(pair_side *side, const hf_session_config *config)
{
    hf_session_config mine = config_for(side->pair, side->index, config);
    cr_assert_eq(hf_session_new(&side->session, &mine, &side->pair->env.env), HF_OK);
    for (int type = 0; type < HF_SESSION_EVENT_COUNT; type++)
        cr_assert_eq(hf_session_on(side->session, (hf_session_event_type)type, on_event, side), HF_OK);
}

static void init(pair *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    p->now = HF_SECONDS(1);
    p->delay = HF_MS(10);
    p->chance = seed * 7919 + 17;
    clock_set(p->now);
    clock_seed(seed + 1);
    cr_assert_eq(hf_engine_new(&p->engine, test_env_init(&p->env, seed)), HF_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hf_certificate_new(&p->certificate[i], &p->env.env), HF_OK);
        p->side[i].pair = p;
        p->side[i].index = i;
    }
}

void pair_init(pair *p, uint64_t seed, const hf_session_config *config)
{
    init(p, seed);
    begin(&p->side[0], config);
    begin(&p->side[1], config);
}

void pair_init_peer(pair *p, uint64_t seed, const hf_session_config *config, const char *line)
{
    init(p, seed);
    begin(&p->side[0], config);
    hf_peer_config peer = {
        .engine = p->engine, .certificate = p->certificate[1], .attribute = line, .message_max = PAIR_PEER_MESSAGE_MAX};
    cr_assert_eq(hf_peer_new(&p->side[1].peer, &peer, &p->env.env), HF_OK);
}

static void drop_letters(pair *p)
{
    for (size_t i = 0; i < p->letters_len; i++)
        clear_letter(&p->letters[i]);
    p->letters_len = 0;
}

void pair_restart(pair *p, bool same_certificate)
{
    pair_side *side = &p->side[1];
    hf_session_free(side->session);
    drop_letters(p);
    if (!same_certificate) {
        hf_certificate_free(p->certificate[1]);
        cr_assert_eq(hf_certificate_new(&p->certificate[1], &p->env.env), HF_OK);
    }
    side->groups = 0;
    side->network += 10;
    memset(&side->heard, 0, sizeof side->heard);
    begin(side, NULL);
}

void pair_clear(pair *p)
{
    for (int i = 0; i < 2; i++) {
        hf_session_free(p->side[i].session);
        hf_peer_free(p->side[i].peer);
        hf_certificate_free(p->certificate[i]);
    }
    hf_engine_free(p->engine);
    drop_letters(p);
    free(p->letters);
    cr_expect_eq(p->env.blocks, 0, "%zu blocks leak", p->env.blocks);
}

static bool is_side_connected(const pair_side *side)
{
    return side->session ? hf_session_get_state(side->session) == HF_SESSION_CONNECTED
                         : hf_peer_connection_state(side->peer) == HF_CONNECTION_CONNECTED;
}

bool pair_is_connected(pair *p)
{
    return is_side_connected(&p->side[0]) && is_side_connected(&p->side[1]);
}

void pair_connect(pair *p)
{
    cr_assert_eq(hf_session_connect(p->side[0].session, p->now), HF_OK);
    cr_assert(pair_run(p, HF_SECONDS(10), pair_is_connected));
    pair_run(p, HF_MS(200), NULL);
}

static unsigned resumed_before[2];

static bool both_have_resumed(pair *p)
{
    return p->side[0].heard.events[HF_SESSION_RESUMED] > resumed_before[0] &&
           p->side[1].heard.events[HF_SESSION_RESUMED] > resumed_before[1];
}

bool pair_reconnect(pair *p, int from)
{
    for (int i = 0; i < 2; i++)
        resumed_before[i] = p->side[i].heard.events[HF_SESSION_RESUMED];
    cr_assert_eq(hf_session_reconnect(p->side[from].session, p->now), HF_OK);
    return pair_run(p, HF_SECONDS(10), both_have_resumed);
}

static bool both_have_lost(pair *p)
{
    return hf_session_get_state(p->side[0].session) == HF_SESSION_RECONNECTING &&
           hf_session_get_state(p->side[1].session) == HF_SESSION_RECONNECTING;
}

void pair_lose_path(pair *p)
{
    p->cut = true;
    cr_assert(pair_run(p, HF_SECONDS(60), both_have_lost));
}

hf_channel *pair_open(pair *p, int side, const hf_channel_config *config)
{
    hf_channel *channel = NULL;
    cr_assert_eq(hf_session_create_channel(p->side[side].session, p->now, config, &channel), HF_OK);
    return channel;
}

hf_channel *pair_channel(pair *p, int side, const char *name)
{
    hf_channel *channel = hf_session_channel(p->side[side].session, name);
    cr_assert_not_null(channel, "side %d has no channel %s", side, name);
    return channel;
}

void pair_say(pair *p, int side, const char *channel, const char *text)
{
    hf_err err = hf_channel_send(pair_channel(p, side, channel), p->now, HF_TEXT, text, strlen(text));
    cr_assert_eq(err, HF_OK, "%s: %s", text, hf_err_name(err));
}

void pair_say_number(pair *p, int side, const char *channel)
{
    uint64_t number = p->side[side].sent++;
    hf_err err = hf_channel_send(pair_channel(p, side, channel), p->now, HF_BINARY, &number, sizeof number);
    cr_assert_eq(err, HF_OK, "%llu: %s", (unsigned long long)number, hf_err_name(err));
}
