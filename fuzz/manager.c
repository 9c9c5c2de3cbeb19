/* manager.c: three managers and whoever carries their envelopes: alice, bob, and mallory, who says that she is bob. The
 * carrier drops, repeats, reorders and rewrites what they say, and makes up more; the network carries datagrams, or does
 * not.
 *
 * Input: steps: a byte what, whose two highest bits say who, and its arguments. */
#include <bytes.h>

#include "../src/session/session_config.h" /* who a session believes its remote to be */
#include "clock.h"
#include "fuzz.h"

#include <holdfast/manager.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 64
#define SIDES 3
#define SESSIONS_MAX 4
#define DRIVEN_MAX 16 /* those that are over included, as long as they have last words */
#define SOCKETS 8     /* of one session, by group */
#define ENVELOPES_MAX 64
#define DATAGRAMS_MAX 256
#define TURNS_MAX 4000

/* An envelope that somebody has written: the carrier keeps what it saw. */
typedef struct letter {
    int from;
    hf_envelope envelope; /* texts are owned */
} letter;

typedef struct datagram {
    int to;
    size_t session;
    uint32_t group;
    hf_path path;
    uint8_t *data;
    size_t len;
} datagram;

typedef struct side {
    int index;
    hf_manager *manager;
    hf_session *driven[DRIVEN_MAX];
    size_t driven_len;
    size_t fresh;    /* letters of the store that an honest carrier would yet deliver begin here */
    bool may_change; /* the application has taken another identity */
    hf_identity pinned;
    bool has_pinned;
} side;

static struct {
    hf_time now;
    side sides[SIDES];
    letter letters[ENVELOPES_MAX];
    size_t letters_len; /* ever; the store is a ring */
    datagram datagrams[DATAGRAMS_MAX];
    size_t datagrams_len;
    bool cut;
} world;

static const char *const names[SIDES] = {"alice", "bob", "bob"};

/* --- Texts ----------------------------------------------------------------------------------------------------------- */

static const char *copy(const char *text)
{
    char *copied = text ? strdup(text) : NULL;
    demand(copied || !text);
    return copied;
}

static void drop(const char *text)
{
    free((void *)(uintptr_t)text);
}

static hf_envelope copy_envelope(const hf_envelope *e)
{
    hf_envelope out = *e;
    out.sender = copy(e->sender);
    out.receiver = copy(e->receiver);
    out.session = copy(e->session);
    out.remote_session = copy(e->remote_session);
    out.signal.sdp = copy(e->signal.sdp);
    out.signal.candidate = copy(e->signal.candidate);
    out.signal.mid = copy(e->signal.mid);
    out.signal.ufrag = copy(e->signal.ufrag);
    return out;
}

static void clear_envelope(hf_envelope *e)
{
    const char *texts[] = {e->sender,     e->receiver,         e->session,    e->remote_session,
                           e->signal.sdp, e->signal.candidate, e->signal.mid, e->signal.ufrag};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        drop(texts[i]);
}

/* --- The post --------------------------------------------------------------------------------------------------------- */

static void on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
{
    side *s = context;
    letter *l = &world.letters[world.letters_len % ENVELOPES_MAX];
    demand(strcmp(envelope->sender, hf_manager_peer_id(manager)) == 0);
    demand(envelope->signal.type != HF_SIGNAL_BYE || (envelope->session && envelope->remote_session));
    if (world.letters_len >= ENVELOPES_MAX)
        clear_envelope(&l->envelope);
    *l = (letter){.from = s->index, .envelope = copy_envelope(envelope)};
    world.letters_len++;
}

static void on_session(void *context, hf_manager *manager, hf_session *session)
{
    (void)context;
    demand(hf_manager_remote_id(manager, session) != NULL);
}

static letter *some_letter(uint8_t number)
{
    size_t len = world.letters_len < ENVELOPES_MAX ? world.letters_len : ENVELOPES_MAX;
    return len > 0 ? &world.letters[number % len] : NULL;
}

static void give(int to, const hf_envelope *envelope)
{
    hf_err err = hf_manager_receive(world.sides[to].manager, world.now, envelope);
    demand(strcmp(hf_err_name(err), "HF_E?") != 0);
    demand(hf_manager_error_text(world.sides[to].manager) != NULL);
}

/* As addressed, by an honest carrier; of the two bobs the true one gets it. */
static void deliver_fresh(void)
{
    for (int i = 0; i < SIDES; i++) {
        side *s = &world.sides[i];
        if (world.letters_len - s->fresh > ENVELOPES_MAX)
            s->fresh = world.letters_len - ENVELOPES_MAX;
        for (int turns = 0; s->fresh < world.letters_len && turns < ENVELOPES_MAX; turns++) {
            const letter *l = &world.letters[s->fresh++ % ENVELOPES_MAX];
            if (i != 2 && l->from != 2 && l->from != i)
                give(i, &l->envelope);
        }
    }
}

/* --- What the carrier writes into an envelope ------------------------------------------------------------------------ */

/* A fingerprint, a user fragment, a session: the line of the one is put into the other, where both have it. */
static const char *swap_line(const char *sdp, const char *other, const char *name)
{
    static char out[16384];
    const char *here = sdp ? strstr(sdp, name) : NULL, *there = other ? strstr(other, name) : NULL;
    if (!here || !there)
        return sdp;
    snprintf(out, sizeof out, "%.*s%.*s%s", (int)(here - sdp), sdp, (int)strcspn(there, "\r\n"), there,
             here + strcspn(here, "\r\n"));
    return out;
}

static void forge(hf_envelope *e, const hf_envelope *other, uint8_t field, uint8_t value)
{
    static const char *const senders[] = {"alice", "bob", "eve", NULL};
    static const char *const sessions[] = {"00000000000000000000000000000000", "x", NULL};
    switch (field % 15) {
    case 0:
        e->sender = senders[value % 4];
        break;
    case 1:
        e->receiver = senders[value % 4];
        break;
    case 2:
        e->session = value & 1 ? other->session : sessions[value % 3];
        break;
    case 3:
        e->remote_session = value & 1 ? other->remote_session : sessions[value % 3];
        break;
    case 4:
        e->session = other->remote_session;
        break;
    case 5:
        e->signal.generation = value < 128 ? value : UINT32_MAX - value;
        break;
    case 6:
        e->offer = value < 128 ? value : UINT32_MAX - value;
        break;
    case 7:
        e->signal.type = (hf_signal_type)(value % 7);
        break;
    case 8:
        e->signal.sdp = value & 1 ? other->signal.sdp : "v=0\r\n";
        break;
    case 9:
        e->signal.sdp = swap_line(e->signal.sdp, other->signal.sdp, "a=fingerprint:");
        break;
    case 10:
        e->signal.sdp = swap_line(e->signal.sdp, other->signal.sdp, "a=holdfast:");
        break;
    case 11:
        e->signal.sdp = swap_line(e->signal.sdp, other->signal.sdp, "a=ice-ufrag:");
        break;
    case 12:
        e->signal.sdp = swap_line(e->signal.sdp, other->signal.sdp, "o=");
        break;
    case 13:
        e->signal.candidate = other->signal.candidate;
        break;
    default:
        e->signal.ufrag = value & 1 ? other->signal.ufrag : NULL;
        break;
    }
}

static void give_forged(int to, hf_reader *r)
{
    const letter *l = some_letter(hf_read_u8(r)), *other = some_letter(hf_read_u8(r));
    uint8_t changes = hf_read_u8(r) % 4;
    if (!l)
        return;
    hf_envelope e = l->envelope;
    while (changes-- > 0) {
        uint8_t field = hf_read_u8(r), value = hf_read_u8(r);
        forge(&e, &other->envelope, field, value);
    }
    give(to, &e);
}

static void give_made_up(int to, hf_reader *r)
{
    char id[4][40];
    for (int i = 0; i < 4; i++) {
        uint8_t len = hf_read_u8(r) % 40;
        hf_bytes bytes = hf_read_bytes(r, len < r->rest.len ? len : r->rest.len);
        snprintf(id[i], sizeof id[i], "%.*s", (int)bytes.len, bytes.len > 0 ? (const char *)bytes.data : "");
    }
    hf_envelope e = {.sender = id[0], .session = id[1][0] ? id[1] : NULL, .remote_session = id[2][0] ? id[2] : NULL};
    e.offer = hf_read_u8(r);
    e.signal = (hf_signal){.type = (hf_signal_type)(hf_read_u8(r) % 7), .sdp = id[3], .candidate = id[3], .ufrag = id[3]};
    e.signal.generation = hf_read_u8(r);
    give(to, &e);
}

/* --- The network and its drivers -------------------------------------------------------------------------------------- */

static hf_addr address_of(int who, size_t session, uint32_t group)
{
    return (hf_addr){.family = HF_FAMILY_IPV4,
                     .port = (uint16_t)(5000 + session * SOCKETS + group % SOCKETS),
                     .ip = {192, 0, 2, (uint8_t)(1 + who)}};
}

static void post(const hf_transmit *out)
{
    int to = out->path.remote.ip[3] - 1;
    size_t socket = out->path.remote.port - 5000u;
    if (world.cut || to < 0 || to >= SIDES || socket >= DRIVEN_MAX * SOCKETS)
        return;
    for (size_t at = 0; at < out->len && world.datagrams_len < DATAGRAMS_MAX; at += out->segment) {
        datagram *d = &world.datagrams[world.datagrams_len++];
        size_t len = out->len - at < out->segment ? out->len - at : out->segment;
        *d = (datagram){.to = to, .session = socket / SOCKETS, .group = (uint32_t)(socket % SOCKETS), .len = len};
        d->path = (hf_path){.local = out->path.remote, .remote = out->path.local};
        d->data = malloc(len);
        demand(d->data);
        memcpy(d->data, out->buffer + at, len);
    }
}

static void deliver_datagrams(void)
{
    datagram due[DATAGRAMS_MAX];
    size_t len = world.datagrams_len;
    memcpy(due, world.datagrams, len * sizeof due[0]);
    world.datagrams_len = 0;
    for (size_t i = 0; i < len; i++) {
        side *s = &world.sides[due[i].to];
        hf_session *session = due[i].session < s->driven_len ? s->driven[due[i].session] : NULL;
        hf_datagram d = {.path = due[i].path, .data = due[i].data, .len = due[i].len, .group = due[i].group};
        if (session)
            hf_session_input(session, world.now, &d, 1);
        free(due[i].data);
    }
}

static void read_changes(side *s)
{
    hf_manager_change change;
    while (hf_manager_poll_change(s->manager, &change)) {
        size_t at = 0;
        while (at < s->driven_len && s->driven[at] != (change.added ? NULL : change.session))
            at++;
        demand(at < DRIVEN_MAX);
        if (at == s->driven_len)
            s->driven_len++;
        s->driven[at] = change.added ? change.session : NULL;
    }
}

static void drive(side *s, size_t number)
{
    static uint8_t buffer[65536];
    hf_request request;
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_session *session = s->driven[number];
    int turns = 0;
    while (hf_session_poll_request(session, &request)) {
        hf_local local = {.addr = address_of(s->index, number, request.group), .interface = 1};
        hf_reply reply = {
            .type = HF_REPLY_LOCALS, .group = request.group, .id = request.id, .locals = &local, .locals_len = 1};
        demand(++turns < TURNS_MAX);
        if (request.type == HF_REQUEST_LOCALS)
            hf_session_reply(session, world.now, &reply);
    }
    while (hf_session_poll_transmit(session, world.now, &out)) {
        demand(++turns < TURNS_MAX && out.len > 0 && out.segment > 0);
        post(&out);
        out.cap = sizeof buffer;
    }
    hf_session_dispatch(session, world.now);
}

static hf_time drain(void)
{
    hf_time next = HF_NEVER;
    for (int i = 0; i < SIDES; i++) {
        side *s = &world.sides[i];
        hf_manager_dispatch(s->manager, world.now);
        read_changes(s);
        for (size_t k = 0; k < s->driven_len; k++) {
            if (s->driven[k])
                drive(s, k);
            read_changes(s);
            hf_time due = s->driven[k] ? hf_session_deadline(s->driven[k]) : HF_NEVER;
            next = due < next ? due : next;
        }
        hf_time due = hf_manager_deadline(s->manager);
        next = due < next ? due : next;
    }
    return next;
}

static void tick(void)
{
    clock_set(world.now);
    for (int i = 0; i < SIDES; i++) {
        side *s = &world.sides[i];
        if (hf_manager_deadline(s->manager) <= world.now)
            hf_manager_tick(s->manager, world.now);
        for (size_t k = 0; k < s->driven_len; k++) {
            if (s->driven[k] && hf_session_deadline(s->driven[k]) <= world.now)
                hf_session_tick(s->driven[k], world.now);
        }
    }
}

static void settle(hf_span span, bool honest)
{
    hf_time end = world.now + span;
    for (int turns = 0; turns < 400; turns++) {
        hf_time next = drain();
        if (honest)
            deliver_fresh();
        if (world.datagrams_len > 0) {
            deliver_datagrams();
            continue;
        }
        next = honest ? drain() : next;
        if (world.datagrams_len > 0)
            continue;
        if (next >= end)
            break;
        world.now = next > world.now ? next : world.now;
        tick();
    }
    world.now = end;
    tick();
    drain();
}

/* --- What must hold --------------------------------------------------------------------------------------------------- */

/* Whom alice took for bob when she first spoke with him she goes on taking for him, unless she is told otherwise. */
static void check_identity(side *s)
{
    hf_session *session = hf_manager_session(s->manager, s->index == 0 ? "bob" : "alice");
    hf_identity pinned;
    if (!session || hf_session_get_state(session) != HF_SESSION_CONNECTED || !hf_session_pinned(session, &pinned))
        return;
    demand(s->may_change || !s->has_pinned || hf_identity_fits(&pinned, &s->pinned));
    s->pinned = pinned;
    s->has_pinned = true;
    s->may_change = false;
}

static void check(void)
{
    drain();
    for (int i = 0; i < SIDES; i++) {
        side *s = &world.sides[i];
        size_t alive = 0;
        for (size_t k = 0; k < s->driven_len; k++) {
            const char *id = s->driven[k] ? hf_manager_remote_id(s->manager, s->driven[k]) : NULL;
            alive += s->driven[k] != NULL;
            demand(!s->driven[k] || (id && hf_manager_session(s->manager, id) == s->driven[k]));
            demand(!s->driven[k] || *hf_session_state_name(hf_session_get_state(s->driven[k])));
        }
        demand(alive <= SESSIONS_MAX);
        check_identity(s);
    }
}

/* --- Steps ------------------------------------------------------------------------------------------------------------- */

static void step_session(side *s, uint8_t what, uint8_t how)
{
    hf_session *session = hf_manager_session(s->manager, how & 64 ? "eve" : s->index == 0 ? "bob" : "alice");
    if (!session)
        return;
    switch (what) {
    case 7:
        (void)!hf_session_restart_ice(session, world.now);
        break;
    case 8:
        (void)!hf_session_reconnect(session, world.now);
        break;
    case 9:
        (void)!hf_session_disconnect(session, world.now);
        break;
    case 10:
        hf_manager_forget(s->manager, session);
        break;
    case 11:
        s->may_change |= hf_session_accept_identity(session, world.now, NULL) == HF_OK;
        break;
    default:
        (void)!hf_session_withdraw_offer(session, world.now);
        break;
    }
}

static void step(hf_reader *r)
{
    uint8_t byte = hf_read_u8(r), what = (byte & 63) % 15;
    int who = (byte >> 6) % SIDES;
    side *s = &world.sides[who];
    const char *remote = who == 0 ? "bob" : "alice";
    hf_session *session;
    const letter *l;
    switch (what) {
    case 0:
        (void)!hf_manager_connect(s->manager, world.now, remote, &session);
        break;
    case 1:
        (void)!hf_manager_connect(s->manager, world.now, NULL, &session);
        break;
    case 2:
        if ((l = some_letter(hf_read_u8(r))))
            give(who, &l->envelope);
        break;
    case 3:
        give_forged(who, r);
        break;
    case 4:
        settle(HF_MS(20) * hf_read_u8(r), true);
        break;
    case 5:
        settle(HF_MS(200) * hf_read_u8(r), false);
        break;
    case 6:
        world.cut = !world.cut;
        break;
    case 13:
        give_made_up(who, r);
        break;
    case 14:
        s->may_change = true;
        hf_manager_forget_identity(s->manager, remote);
        break;
    default:
        step_session(s, what, hf_read_u8(r));
        break;
    }
    check();
}

/* Made once: they take longer than most runs. */
static const hf_certificate *certificate(int who)
{
    static hf_certificate *made[SIDES];
    if (!made[who])
        demand(hf_certificate_new(&made[who], &fuzz_env) == HF_OK);
    return made[who];
}

static void begin(hf_engine *engine)
{
    static const hf_channel_config channel = {.name = "a"};
    memset(&world, 0, sizeof world);
    world.now = HF_SECONDS(1);
    for (int i = 0; i < SIDES; i++) {
        side *s = &world.sides[i];
        s->index = i;
        hf_manager_config config = {.peer_id = names[i], .sessions_max = SESSIONS_MAX};
        config.session.peer = (hf_peer_config){.engine = engine, .certificate = certificate(i)};
        config.session.channels = &channel;
        config.session.channels_len = 1;
        config.handlers = (hf_manager_handlers){.context = s, .on_envelope = on_envelope, .on_session = on_session};
        demand(hf_manager_new(&s->manager, &config, &fuzz_env) == HF_OK);
    }
}

static void end(void)
{
    for (int i = 0; i < SIDES; i++)
        hf_manager_free(world.sides[i].manager);
    for (size_t i = 0; i < world.letters_len && i < ENVELOPES_MAX; i++)
        clear_envelope(&world.letters[i].envelope);
    for (size_t i = 0; i < world.datagrams_len; i++)
        free(world.datagrams[i].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_reader r = hf_reader_of(hf_bytes_of(data, size));
    hf_engine *engine;
    fuzz_seed(1);
    for (int i = 0; i < SIDES; i++)
        (void)certificate(i);
    fuzz_seed(2);
    clock_set(HF_SECONDS(1));
    clock_seed(3);
    demand(hf_engine_new(&engine, &fuzz_env) == HF_OK);
    begin(engine);
    for (int i = 0; i < STEPS_MAX && r.rest.len > 0; i++)
        step(&r);
    end();
    hf_engine_free(engine);
    return 0;
}
