/* wire.c: the drive loop of two managers, and what lies between them. */
#include "wire.h"

#include "clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAM_DELAY HF_MS(10)
#define WIRE_TEXTS 8

/* A datagram or an envelope on its way; texts are owned. */
typedef struct wire_letter {
    hf_time at;
    int to;
    bool is_envelope;
    hf_path path;
    uint8_t *data;
    size_t len;
    hf_signal_type type;
    uint32_t offer, generation;
    char *texts[WIRE_TEXTS]; /* sender, receiver, session, remote_session, sdp, candidate, mid, ufrag */
} wire_letter;

static uint32_t draw(wire *w, uint32_t below)
{
    w->chance = w->chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((w->chance >> 32) % below);
}

static void add(wire *w, wire_letter l)
{
    if (w->letters_len == w->letters_cap) {
        w->letters_cap = w->letters_cap ? 2 * w->letters_cap : 64;
        w->letters = realloc(w->letters, w->letters_cap * sizeof *w->letters);
        assert(w->letters);
    }
    w->letters[w->letters_len++] = l;
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void post_envelope(wire *w, int to, const hf_envelope *e)
{
    hf_span jitter = w->envelope_jitter > 0 ? (hf_span)draw(w, (uint32_t)w->envelope_jitter) : 0;
    wire_letter l = {.at = w->now + w->envelope_delay + jitter, .to = to, .is_envelope = true};
    l.type = e->signal.type;
    l.offer = e->offer;
    l.generation = e->signal.generation;
    const char *texts[WIRE_TEXTS] = {e->sender,     e->receiver,         e->session,    e->remote_session,
                                     e->signal.sdp, e->signal.candidate, e->signal.mid, e->signal.ufrag};
    for (int i = 0; i < WIRE_TEXTS; i++)
        l.texts[i] = copy(texts[i]);
    add(w, l);
}

static void on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
{
    wire_side *side = context;
    wire *w = side->wire;
    (void)manager;
    w->envelopes++;
    if (envelope->signal.type == HF_SIGNAL_OFFER) {
        side->offers++;
        side->offer_last = envelope->offer;
    }
    side->answers += envelope->signal.type == HF_SIGNAL_ANSWER;
    if (draw(w, 1000) < w->envelope_loss)
        return;
    post_envelope(w, 1 - side->index, envelope);
    if (draw(w, 1000) < w->envelope_duplicate)
        post_envelope(w, 1 - side->index, envelope);
}

static void take_numbered(wire_side *side, const hf_session_event *event)
{
    uint64_t number;
    if (event->u.data.kind != HF_BINARY || event->u.data.len != sizeof number)
        return;
    memcpy(&number, event->u.data.data, sizeof number);
    side->out_of_order += number != side->next;
    side->next = number + 1;
    side->received_at = side->wire->now;
}

static void note_state(wire_side *side, hf_session *session, hf_err cause)
{
    const char *name = hf_session_state_name(hf_session_get_state(session));
    size_t len = strlen(side->states), name_len = strlen(name);
    side->cause = cause;
    if (len >= name_len && strcmp(side->states + len - name_len, name) == 0)
        return;
    snprintf(side->states + len, sizeof side->states - len, "%s%s", len > 0 ? " " : "", name);
}

static void on_event(void *context, hf_session *session, const hf_session_event *event)
{
    wire_side *side = context;
    switch (event->type) {
    case HF_SESSION_ON_CONNECTED:
        side->connected++;
        break;
    case HF_SESSION_ON_DISCONNECTED:
        side->disconnected++;
        break;
    case HF_SESSION_ON_ERROR:
        side->errors++;
        break;
    case HF_SESSION_ON_DATA:
        side->messages++;
        take_numbered(side, event);
        break;
    case HF_SESSION_CHANNEL_OPEN:
        if (side->opened_len < WIRE_NAMES_MAX)
            snprintf(side->opened[side->opened_len++], sizeof side->opened[0], "%s", hf_channel_name(event->channel));
        break;
    case HF_SESSION_RESUMED:
        side->resumed++;
        break;
    case HF_SESSION_CONTINUITY_LOST:
        side->continuity_lost++;
        break;
    case HF_SESSION_IDENTITY_CHANGED:
        side->identity_changed++;
        break;
    case HF_SESSION_STATE_CHANGED: /* the connection's word never runs ahead of the session's */
        assert((hf_session_connection_state(session) == HF_CONNECTION_CONNECTED) ==
               (hf_session_get_state(session) == HF_SESSION_CONNECTED));
        note_state(side, session, event->cause);
        side->closed |= hf_session_get_state(session) == HF_SESSION_CLOSED;
        break;
    case HF_SESSION_SIGNAL:
    case HF_SESSION_CHANNEL_CLOSED:
    case HF_SESSION_CHANNEL_WRITABLE:
    case HF_SESSION_CHANNEL_LOW:
    case HF_SESSION_ROUTE_CHANGED:
    case HF_SESSION_CREDENTIALS_NEEDED:
    case HF_SESSION_NETWORK_CHANGED:
    case HF_SESSION_MESSAGE_RETURNED:
    case HF_SESSION_EVENT_COUNT:
        break;
    }
}

static void listen_to(wire_side *side, hf_session *session)
{
    for (int type = 0; type < HF_SESSION_EVENT_COUNT; type++) {
        hf_err err = hf_session_on(session, (hf_session_event_type)type, on_event, side);
        assert(err == HF_OK);
        (void)err;
    }
}

static void on_attempt(void *context, hf_manager *manager, hf_session *session, const hf_attempt *attempt)
{
    wire_side *side = context;
    hf_attempt now;
    hf_err err = hf_manager_get_attempt(manager, session, &now);
    assert(err == HF_OK && now.phase == attempt->phase && now.failures == attempt->failures);
    (void)err;
    size_t len = strlen(side->attempts);
    bool is_step =
        attempt->phase != HF_ATTEMPT_NONE && (side->attempt.phase == HF_ATTEMPT_NONE || attempt->step != side->attempt.step);
    snprintf(side->attempts + len, sizeof side->attempts - len, "%s%s%s%s", len > 0 ? " " : "",
             is_step ? hf_attempt_step_name(attempt->step) : "", is_step ? ":" : "", hf_attempt_phase_name(attempt->phase));
    side->attempt = *attempt;
}

static void on_session(void *context, hf_manager *manager, hf_session *session)
{
    wire_side *side = context;
    side->begun = session;
    side->begun_count++;
    if (side->forget_on_session)
        hf_manager_forget(manager, session);
    else
        listen_to(side, session);
}

hf_session *wire_connect(wire *w, int from)
{
    hf_session *session = NULL;
    hf_err err = hf_manager_connect(w->side[from].manager, w->now, from == 0 ? "bob" : "alice", &session);
    assert(err == HF_OK);
    (void)err;
    listen_to(&w->side[from], session);
    return session;
}

hf_session *wire_session(const wire *w, int side)
{
    return hf_manager_session(w->side[side].manager, side == 0 ? "bob" : "alice");
}

void wire_send(wire *w, int from)
{
    uint64_t number = w->sent[from]++;
    hf_channel *channel = hf_session_channel(wire_session(w, from), "code-sync");
    hf_err err = channel ? hf_channel_send(channel, w->now, HF_BINARY, &number, sizeof number) : HF_ENOENT;
    if (err != HF_OK) {
        fprintf(stderr, "wire: send: %s\n", hf_err_name(err));
        abort();
    }
}

/* --- The drive loop ---------------------------------------------------------------------------------------------------- */

/* Each session has a port for each of its groups. */
static hf_addr address_of(const wire_side *side, size_t session, size_t place)
{
    return (hf_addr){.family = HF_FAMILY_IPV4,
                     .port = (uint16_t)(5000 + session + WIRE_SESSIONS_MAX * place),
                     .ip = {192, 0, (uint8_t)(2 + side->network), (uint8_t)(1 + side->index)}};
}

static void tell_locals(wire_side *side, size_t number, size_t place, uint32_t id)
{
    hf_local local = {.addr = address_of(side, number, place), .interface = 1u + side->network};
    hf_reply reply = {.type = HF_REPLY_LOCALS, .id = id, .locals = &local, .locals_len = 1};
    reply.group = side->groups[number][place].id;
    hf_session_reply(side->sessions[number], side->wire->now, &reply);
}

/* The group's, or else the first free one behind where it would be if all were. */
static size_t place_of(const wire_side *side, size_t number, uint32_t group)
{
    size_t free_one = WIRE_GROUPS_MAX;
    for (size_t i = 0; i < WIRE_GROUPS_MAX; i++) {
        size_t place = (group + i) % WIRE_GROUPS_MAX;
        if (side->groups[number][place].is_used && side->groups[number][place].id == group)
            return place;
        if (!side->groups[number][place].is_used && free_one == WIRE_GROUPS_MAX)
            free_one = place;
    }
    assert(free_one < WIRE_GROUPS_MAX);
    return free_one;
}

static void answer(wire_side *side, size_t number, const hf_request *request)
{
    size_t place = place_of(side, number, request->group);
    side->groups[number][place].is_used = request->type != HF_REQUEST_RELEASE;
    side->groups[number][place].id = request->group;
    if (request->type != HF_REQUEST_RELEASE)
        tell_locals(side, number, place, request->id);
}

void wire_move(wire *w, int index)
{
    wire_side *side = &w->side[index];
    side->network++;
    for (size_t i = 0; i < side->sessions_len; i++) {
        for (size_t place = 0; side->sessions[i] && place < WIRE_GROUPS_MAX; place++) {
            if (side->groups[i][place].is_used)
                tell_locals(side, i, place, 0);
        }
    }
}

static void read_changes(wire_side *side)
{
    hf_manager_change change;
    while (hf_manager_poll_change(side->manager, &change)) {
        if (change.added) {
            assert(side->sessions_len < WIRE_SESSIONS_MAX);
            side->sessions[side->sessions_len++] = change.session;
            continue;
        }
        for (size_t i = 0; i < side->sessions_len; i++) { /* numbers are ports: they stay */
            if (side->sessions[i] == change.session)
                side->sessions[i] = NULL;
        }
    }
}

/* RFC 8489 §6.3.1: a Binding success response with XOR-MAPPED-ADDRESS. */
static void answer_binding(wire *w, const hf_path *path, const uint8_t *request, size_t len, int to)
{
    static const uint8_t magic[4] = {0x21, 0x12, 0xa4, 0x42};
    uint8_t response[32] = {0x01, 0x01, 0, 12};
    if (len < 20 || w->server_is_silent || w->cut)
        return;
    memcpy(response + 4, request + 4, 16);
    memcpy(response + 20, (const uint8_t[]){0, 0x20, 0, 8, 0, 1}, 6);
    response[26] = (uint8_t)(path->local.port >> 8) ^ magic[0];
    response[27] = (uint8_t)path->local.port ^ magic[1];
    for (int i = 0; i < 4; i++)
        response[28 + i] = path->local.ip[i] ^ magic[i];
    wire_letter l = {.at = w->now + 2 * DATAGRAM_DELAY, .to = to, .path = *path, .data = malloc(32), .len = 32};
    assert(l.data);
    memcpy(l.data, response, 32);
    add(w, l);
}

static void drive(wire_side *side, size_t number)
{
    static uint8_t buffer[65536];
    wire *w = side->wire;
    hf_request request;
    hf_session *session = side->sessions[number];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};

    while (hf_session_poll_request(session, &request))
        answer(side, number, &request);
    while (hf_session_poll_transmit(session, w->now, &out)) {
        for (size_t at = 0; at < out.len; at += out.segment) {
            size_t len = out.len - at < out.segment ? out.len - at : out.segment;
            hf_addr from = address_of(side, number, (out.path.local.port - 5000u) / WIRE_SESSIONS_MAX);
            if (out.path.remote.ip[0] == 198) {
                answer_binding(w, &out.path, buffer + at, len, side->index);
                continue;
            }
            if (w->cut || draw(w, 1000) < w->loss || !hf_addr_equal(&from, &out.path.local))
                continue;
            wire_letter l = {.at = w->now + DATAGRAM_DELAY, .to = 1 - side->index, .data = malloc(len), .len = len};
            l.path = (hf_path){.local = out.path.remote, .remote = out.path.local};
            assert(l.data);
            memcpy(l.data, buffer + at, len);
            add(w, l);
        }
        out.cap = sizeof buffer;
    }
    hf_session_dispatch(session, w->now);
}

static void drain(wire *w)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++) {
            wire_side *side = &w->side[i];
            if (side->asleep)
                continue;
            hf_manager_dispatch(side->manager, w->now);
            read_changes(side);
            for (size_t k = 0; k < side->sessions_len; k++) {
                if (side->sessions[k])
                    drive(side, k);
                read_changes(side);
            }
        }
    }
}

static void clear_letter(wire_letter *l)
{
    free(l->data);
    for (int i = 0; i < WIRE_TEXTS; i++)
        free(l->texts[i]);
}

static void deliver(wire *w, wire_letter *l)
{
    wire_side *side = &w->side[l->to];
    if (side->asleep)
        return;
    if (l->is_envelope) {
        char **texts = l->texts;
        hf_envelope e = {.sender = texts[0], .receiver = texts[1], .session = texts[2], .remote_session = texts[3]};
        e.offer = l->offer;
        e.signal = (hf_signal){.type = l->type, .generation = l->generation, .sdp = texts[4], .candidate = texts[5]};
        e.signal.mid = texts[6];
        e.signal.ufrag = texts[7];
        if (w->forge)
            w->forge(w, l->to, &e);
        hf_err err = hf_manager_receive(side->manager, w->now, &e);
        side->receive_err = err != HF_OK ? err : side->receive_err;
        return;
    }
    size_t number = (l->path.local.port - 5000u) % WIRE_SESSIONS_MAX;
    size_t place = (l->path.local.port - 5000u) / WIRE_SESSIONS_MAX;
    hf_addr here = address_of(side, number, place);
    if (number >= side->sessions_len || !side->sessions[number] || !side->groups[number][place].is_used ||
        !hf_addr_equal(&here, &l->path.local))
        return;
    hf_datagram datagram = {.path = l->path, .data = l->data, .len = l->len, .group = side->groups[number][place].id};
    hf_session_input(side->sessions[number], w->now, &datagram, 1);
}

static hf_time next_moment(const wire *w)
{
    hf_time next = HF_NEVER;
    for (size_t i = 0; i < w->letters_len; i++)
        next = w->letters[i].at < next ? w->letters[i].at : next;
    for (int i = 0; i < 2; i++) {
        if (w->side[i].asleep)
            continue;
        hf_time own = hf_manager_deadline(w->side[i].manager);
        next = own < next ? own : next;
        for (size_t k = 0; k < w->side[i].sessions_len; k++) {
            hf_time due = w->side[i].sessions[k] ? hf_session_deadline(w->side[i].sessions[k]) : HF_NEVER;
            next = due < next ? due : next;
        }
    }
    return next;
}

static void deliver_due(wire *w)
{
    for (size_t i = 0; i < w->letters_len;) {
        if (w->letters[i].at > w->now) {
            i++;
            continue;
        }
        wire_letter l = w->letters[i];
        memmove(&w->letters[i], &w->letters[i + 1], (--w->letters_len - i) * sizeof l);
        deliver(w, &l);
        clear_letter(&l);
        for (int s = 0; s < 2; s++)
            read_changes(&w->side[s]);
    }
}

bool wire_run(wire *w, hf_time until, bool (*done)(wire *w))
{
    int standing = 0;
    for (;;) {
        drain(w);
        if (done && done(w))
            return true;
        hf_time next = next_moment(w);
        if (next > until)
            break;
        standing = next > w->now ? 0 : standing + 1;
        if (standing > 1000) {
            fprintf(stderr, "wire: a deadline stands still\n");
            abort();
        }
        w->now = next > w->now ? next : w->now;
        clock_set(w->now);
        deliver_due(w);
        for (int i = 0; i < 2; i++) {
            if (w->side[i].asleep)
                continue;
            hf_manager_tick(w->side[i].manager, w->now);
            for (size_t k = 0; k < w->side[i].sessions_len; k++) {
                if (w->side[i].sessions[k] && hf_session_deadline(w->side[i].sessions[k]) <= w->now)
                    hf_session_tick(w->side[i].sessions[k], w->now);
            }
        }
    }
    w->now = until;
    clock_set(w->now);
    return false;
}

bool wire_both_have_five(wire *w)
{
    return w->side[0].opened_len >= HF_COLLAB_CHANNELS_LEN && w->side[1].opened_len >= HF_COLLAB_CHANNELS_LEN;
}

static void must(hf_err err, const char *what)
{
    if (err == HF_OK)
        return;
    fprintf(stderr, "wire: %s: %s\n", what, hf_err_name(err));
    abort();
}

static void start(wire_side *side)
{
    wire *w = side->wire;
    hf_manager_config config = w->config;
    config.peer_id = side->index == 0 ? "alice" : "bob";
    config.handlers = (hf_manager_handlers){
        .context = side, .on_envelope = on_envelope, .on_session = on_session, .on_attempt = on_attempt};
    config.session.peer.engine = w->engine;
    config.session.peer.certificate = w->certificates[side->index];
    config.session.channels = hf_collab_channels;
    config.session.channels_len = HF_COLLAB_CHANNELS_LEN;
    must(hf_manager_new(&side->manager, &config, &w->env.env), "manager");
}

void wire_init_for(wire *w, uint64_t seed, const hf_manager_config *given)
{
    memset(w, 0, sizeof *w);
    w->now = HF_SECONDS(1);
    w->chance = seed * 7919 + 17;
    clock_set(w->now);
    clock_seed(seed + 1);
    w->config = *given;
    must(hf_engine_new(&w->engine, test_env_init(&w->env, seed)), "engine");
    for (int i = 0; i < 2; i++) {
        w->side[i].wire = w;
        w->side[i].index = i;
        must(hf_certificate_new(&w->certificates[i], &w->env.env), "certificate");
        start(&w->side[i]);
    }
}

void wire_restart(wire *w, int index, bool same_identity)
{
    wire_side *side = &w->side[index];
    hf_manager_free(side->manager);
    memset(side->sessions, 0, sizeof side->sessions);
    memset(side->groups, 0, sizeof side->groups);
    side->sessions_len = side->opened_len = 0;
    side->begun = NULL;
    if (!same_identity) {
        hf_certificate_free(w->certificates[index]);
        must(hf_certificate_new(&w->certificates[index], &w->env.env), "certificate");
    }
    start(side);
}

void wire_init_with(wire *w, uint64_t seed, const hf_session_config *session)
{
    wire_init_for(w, seed, &(hf_manager_config){.session = *session});
}

void wire_init(wire *w, uint64_t seed, bool no_trickle)
{
    wire_init_with(w, seed, &(hf_session_config){.no_trickle = no_trickle});
}

void wire_clear(wire *w)
{
    for (int i = 0; i < 2; i++)
        hf_manager_free(w->side[i].manager);
    for (int i = 0; i < 2; i++)
        hf_certificate_free(w->certificates[i]);
    hf_engine_free(w->engine);
    for (size_t i = 0; i < w->letters_len; i++)
        clear_letter(&w->letters[i]);
    free(w->letters);
}
