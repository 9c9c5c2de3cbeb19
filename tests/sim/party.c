/* party.c: the application behind a manager: it does what the story says, and writes down all that it sees. */
#include "party.h"

#include "content.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[PARTIES_MAX] = {"alice", "bob", "carol"};

const char *party_name(int index)
{
    return names[index];
}

int party_of_name(const char *name)
{
    for (int i = 0; i < PARTIES_MAX; i++) {
        if (name && strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

delivery party_delivery(const hf_channel_config *config)
{
    if (config->reliability != HF_RELIABLE)
        return FRESH;
    return config->unordered ? UNORDERED : ORDERED;
}

/* --- The history ------------------------------------------------------------------------------------------------- */

static void write_record(sim_party *p, record r)
{
    r.at = p->story->s.now;
    history_add(&p->history, &r);
}

void party_note(sim_party *p, record_type type, int remote, hf_err cause, uint64_t number)
{
    write_record(p, (record){.type = type, .remote = remote, .cause = cause, .number = number});
}

static void note_session(party_talk *t, record_type type, hf_err cause, uint64_t number)
{
    if (t->remote >= 0)
        write_record(t->party,
                     (record){.type = type, .remote = t->remote, .session = t->number, .cause = cause, .number = number});
}

static void note_line(party_talk *t, const party_line *line, record r)
{
    r.remote = t->remote;
    r.session = t->number;
    r.channel = line->number;
    if (t->remote >= 0)
        write_record(t->party, r);
}

/* --- Sessions and channels by their pointers --------------------------------------------------------------------- */

static party_talk *talk_of(sim_party *p, const hf_session *session)
{
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++) {
        if (p->talks[i].session == session)
            return &p->talks[i];
    }
    return NULL;
}

static party_line *line_of(party_talk *t, const hf_channel *channel)
{
    for (size_t i = 0; i < t->lines_len; i++) {
        if (t->lines[i].channel == channel)
            return &t->lines[i];
    }
    return NULL;
}

static const hf_channel_config *config_of(const story *st, const char *name)
{
    for (size_t i = 0; i < st->channels_len; i++) {
        if (strcmp(st->channels[i].name, name) == 0)
            return &st->channels[i];
    }
    return NULL;
}

static party_line *add_line(party_talk *t, hf_channel *channel)
{
    const char *name = hf_channel_name(channel);
    const hf_channel_config *config = config_of(t->party->story, name);
    assert(config && t->lines_len < PARTY_LINES_MAX);
    party_line *line = &t->lines[t->lines_len++];
    *line = (party_line){.channel = channel};
    line->number = history_add_channel(&t->party->history, t->number, name, party_delivery(config));
    note_line(t, line, (record){.type = RECORD_CHANNEL});
    return line;
}

/* Those that a configuration has opened are met when something is told of them. */
static party_line *line_for(party_talk *t, hf_channel *channel)
{
    party_line *line = line_of(t, channel);
    return line ? line : add_line(t, channel);
}

/* --- What is told ------------------------------------------------------------------------------------------------ */

static void end_line(party_line *line)
{
    free(line->partial);
    line->partial = NULL;
    line->channel = NULL;
}

static void end_talk(party_talk *t)
{
    for (size_t i = 0; i < t->lines_len; i++)
        end_line(&t->lines[i]);
    t->lines_len = 0;
    t->session = NULL;
    sim_host_set_object(&t->host, NULL);
}

static void on_whole(party_talk *t, party_line *line, hf_message_kind kind, const uint8_t *data, size_t len)
{
    note_line(t, line, (record){.type = RECORD_RECEIVED, .message = content_read(kind, data, len)});
}

static void on_data(party_talk *t, party_line *line, const hf_session_event *e)
{
    const bool first = e->u.data.first, last = e->u.data.last;
    if (first && last && !e->u.data.discarded && !line->partial) {
        on_whole(t, line, e->u.data.kind, e->u.data.data, e->u.data.len);
        return;
    }
    if (first == (line->partial != NULL) || line->partial_len + e->u.data.len > PARTY_SAYS_MAX) {
        note_line(t, line, (record){.type = RECORD_GARBLED});
        return;
    }
    if (first) {
        line->partial = malloc(PARTY_SAYS_MAX);
        line->partial_len = 0;
        assert(line->partial);
    }
    if (e->u.data.len > 0)
        memcpy(line->partial + line->partial_len, e->u.data.data, e->u.data.len);
    line->partial_len += e->u.data.len;
    if (!last)
        return;
    if (e->u.data.discarded)
        note_line(t, line, (record){.type = RECORD_DISCARDED});
    else
        on_whole(t, line, e->u.data.kind, line->partial, line->partial_len);
    free(line->partial);
    line->partial = NULL;
    line->partial_len = 0;
}

static void on_state(party_talk *t, hf_err cause)
{
    hf_session_state state = hf_session_get_state(t->session);
    if (state == t->state)
        return;
    t->state = state;
    note_session(t, RECORD_STATE, cause, state);
}

static void on_open(party_talk *t, hf_channel *channel, bool resumed)
{
    party_line *line = line_for(t, channel);
    const hf_channel_config *config = config_of(t->party->story, hf_channel_name(channel));
    if (config->in_parts)
        (void)!hf_channel_receive_in_parts(channel, true);
    note_line(t, line, (record){.type = RECORD_CHANNEL_OPEN, .number = resumed});
}

static void on_returned(party_talk *t, party_line *line, const hf_session_event *e)
{
    note_line(t, line,
              (record){.type = RECORD_RETURNED,
                       .cause = e->cause,
                       .number = e->u.returned.possibly_delivered,
                       .message = content_read(e->u.returned.kind, e->u.returned.data, e->u.returned.len)});
}

static void on_channel_event(party_talk *t, const hf_session_event *e)
{
    if (e->type == HF_SESSION_CHANNEL_OPEN) {
        on_open(t, e->channel, e->u.resumed);
        return;
    }
    party_line *line = line_for(t, e->channel);
    switch ((int)e->type) {
    case HF_SESSION_CHANNEL_CLOSED:
        note_line(t, line, (record){.type = RECORD_CHANNEL_CLOSED, .cause = e->cause});
        end_line(line);
        break;
    case HF_SESSION_ON_DATA:
        on_data(t, line, e);
        break;
    case HF_SESSION_CHANNEL_WRITABLE:
        line->is_refused = false;
        note_line(t, line, (record){.type = RECORD_WRITABLE});
        break;
    case HF_SESSION_MESSAGE_RETURNED:
        on_returned(t, line, e);
        break;
    }
}

/* Whom it meets first it takes for the right one. */
static void believe(party_talk *t)
{
    if (t->party->believed[t->remote] == UINT64_MAX)
        t->party->believed[t->remote] = t->party->story->parties[t->remote].identity;
}

static void on_event(void *context, hf_session *session, const hf_session_event *e)
{
    party_talk *t = talk_of(context, session);
    if (!t)
        return;
    switch (e->type) {
    case HF_SESSION_STATE_CHANGED:
        on_state(t, e->cause);
        break;
    case HF_SESSION_ON_CONNECTED:
        believe(t);
        note_session(t, RECORD_CONNECTED, e->cause, 0);
        break;
    case HF_SESSION_ON_DISCONNECTED:
        note_session(t, RECORD_DISCONNECTED, e->cause, 0);
        break;
    case HF_SESSION_CHANNEL_OPEN:
    case HF_SESSION_CHANNEL_CLOSED:
    case HF_SESSION_ON_DATA:
    case HF_SESSION_CHANNEL_WRITABLE:
    case HF_SESSION_MESSAGE_RETURNED:
        on_channel_event(t, e);
        break;
    case HF_SESSION_RESUMED:
        note_session(t, RECORD_RESUMED, e->cause, e->u.resumed_by.generation);
        break;
    case HF_SESSION_CONTINUITY_LOST:
        note_session(t, RECORD_CONTINUITY_LOST, e->cause, 0);
        break;
    case HF_SESSION_IDENTITY_CHANGED:
        snprintf(t->told, sizeof t->told, "%s", e->u.identity.fingerprint);
        note_session(t, RECORD_IDENTITY_CHANGED, e->cause, 0);
        break;
    case HF_SESSION_ON_ERROR:
    case HF_SESSION_SIGNAL:
    case HF_SESSION_CHANNEL_LOW:
    case HF_SESSION_ROUTE_CHANGED:
    case HF_SESSION_CREDENTIALS_NEEDED:
    case HF_SESSION_NETWORK_CHANGED:
    case HF_SESSION_EVENT_COUNT:
        break;
    }
}

/* --- Sessions come and go ---------------------------------------------------------------------------------------- */

static void wake(void *context)
{
    ((sim_party *)context)->story->s.woken = true;
}

/* A session of the manager's, begun by either side. */
static party_talk *adopt(sim_party *p, hf_session *session)
{
    party_talk *t = talk_of(p, session);
    if (t)
        return t;
    t = talk_of(p, NULL);
    assert(t);
    t->session = session;
    t->remote = party_of_name(hf_manager_remote_id(p->manager, session));
    t->state = HF_SESSION_NEW;
    t->told[0] = '\0';
    t->is_left = false;
    sim_host_set_object(&t->host, session);
    t->uplink->addrs[0].port++; /* sockets of its own */
    t->uplink->addrs[1].port++;
    if (t->remote >= 0) {
        t->number = ++p->history.sessions;
        note_session(t, RECORD_SESSION, HF_OK, 0);
    }
    for (int type = 0; type < HF_SESSION_EVENT_COUNT; type++) {
        hf_err err = hf_session_on(session, (hf_session_event_type)type, on_event, p);
        assert(err == HF_OK);
        (void)err;
    }
    hf_session_set_wake(session, wake, p);
    return t;
}

static void on_session(void *context, hf_manager *manager, hf_session *session)
{
    sim_party *p = context;
    if (party_of_name(hf_manager_remote_id(manager, session)) >= 0) {
        adopt(p, session);
        return;
    }
    p->story->strangers++;
    hf_manager_forget(manager, session);
}

static void read_changes(sim_party *p)
{
    hf_manager_change change;
    while (p->manager && hf_manager_poll_change(p->manager, &change)) {
        party_talk *t = talk_of(p, change.session);
        if (change.added && party_of_name(hf_manager_remote_id(p->manager, change.session)) >= 0)
            adopt(p, change.session);
        if (change.added || !t)
            continue;
        note_session(t, RECORD_GONE, HF_OK, 0);
        end_talk(t);
    }
}

static bool attend_self(void *owner)
{
    sim_party *p = owner;
    if (p->manager)
        hf_manager_dispatch(p->manager, p->story->s.now);
    read_changes(p);
    return false;
}

static bool attend_talk(void *owner)
{
    party_talk *t = owner;
    if (t->session)
        hf_session_dispatch(t->session, t->party->story->s.now);
    read_changes(t->party);
    return false;
}

static hf_time due(const void *owner)
{
    const sim_party *p = owner;
    return p->manager ? hf_manager_deadline(p->manager) : HF_NEVER;
}

static void tick(void *owner)
{
    sim_party *p = owner;
    hf_manager_tick(p->manager, p->story->s.now);
}

/* --- The post ---------------------------------------------------------------------------------------------------- */

static void land(void *context, void *cargo)
{
    sim_party *p = context;
    hf_envelope e = letter_read(cargo);
    int writer;
    uint64_t identity;
    if (!p->manager || p->self.asleep)
        return;
    int from = party_of_name(e.sender);
    bool is_true = letter_is_signed(cargo, &writer, &identity);
    if (is_true && p->story->parties[writer].identity != identity)
        party_note(p, RECORD_OUTLIVED, writer, HF_OK, identity);
    if (!is_true && from >= 0)
        party_note(p, RECORD_FORGED, from, HF_OK, 0);
    hf_err err = hf_manager_receive(p->manager, p->story->s.now, &e);
    if (err != HF_EIDENTITY || from < 0 || hf_manager_session(p->manager, e.sender))
        return; /* a session tells it itself */
    p->is_turned_away[from] = true;
    party_note(p, RECORD_TURNED_AWAY, from, err, 0);
}

void party_deliver(sim_party *p, struct letter *l)
{
    post_send(&p->story->s, l, land, p);
}

static void on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
{
    sim_party *p = context;
    story *st = p->story;
    int to = party_of_name(envelope->receiver);
    (void)manager;
    if (to < 0 || to >= st->parties_len)
        return;
    letter *l = letter_of(envelope);
    letter_sign(l, p->index, p->identity);
    if (st->on_letter)
        st->on_letter(st, p->index, to, l);
    if (st->post_cut[p->index][to])
        free(l);
    else
        party_deliver(&st->parties[to], l);
}

/* --- What the story has it do ------------------------------------------------------------------------------------ */

party_talk *party_talk_with(sim_party *p, int remote)
{
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++) {
        party_talk *t = &p->talks[i];
        bool is_over = t->is_left || t->state == HF_SESSION_CLOSED || t->state == HF_SESSION_FAILED;
        if (t->session && t->remote == remote && !is_over)
            return t;
    }
    return NULL;
}

void party_connect(sim_party *p, int remote)
{
    hf_session *session = NULL;
    if (!p->manager)
        return;
    hf_err err = hf_manager_connect(p->manager, p->story->s.now, names[remote], &session);
    if (err == HF_OK)
        adopt(p, session);
    read_changes(p); /* the driver learns of it before the application can forget it */
}

void party_disconnect(sim_party *p, int remote)
{
    party_talk *t = party_talk_with(p, remote);
    if (!t)
        return;
    t->is_left = true;
    note_session(t, RECORD_DISCONNECT, HF_OK, 0);
    (void)!hf_session_disconnect(t->session, p->story->s.now);
}

void party_forget(sim_party *p, int remote)
{
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++) {
        party_talk *t = &p->talks[i];
        if (t->session && t->remote == remote)
            hf_manager_forget(p->manager, t->session);
    }
    read_changes(p);
}

void party_restart_ice(sim_party *p, int remote)
{
    party_talk *t = party_talk_with(p, remote);
    if (t)
        note_session(t, RECORD_RESTART_ICE, hf_session_restart_ice(t->session, p->story->s.now), 0);
}

void party_reconnect(sim_party *p, int remote)
{
    party_talk *t = party_talk_with(p, remote);
    if (t)
        note_session(t, RECORD_RECONNECT, hf_session_reconnect(t->session, p->story->s.now), 0);
}

/* The user has asked the other by another way what to look for: a letter of a former life may have told of somebody else. */
static bool is_its_own(const sim_party *p, const char *told)
{
    hf_fingerprint is;
    char text[sizeof((party_talk *)NULL)->told];
    hf_err err = hf_certificate_fingerprint(p->certificates[p->identity], HF_SHA256, &is);
    assert(err == HF_OK);
    (void)err;
    int at = snprintf(text, sizeof text, "sha-256");
    for (size_t i = 0; i < hf_hash_size(HF_SHA256); i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%c%02X", i == 0 ? ' ' : ':', is.digest[i]);
    return strcmp(text, told) == 0;
}

void party_accept_identity(sim_party *p, int remote)
{
    party_talk *t = party_talk_with(p, remote);
    if (!t && p->is_turned_away[remote]) {
        p->is_turned_away[remote] = false;
        p->believed[remote] = UINT64_MAX;
        hf_manager_forget_identity(p->manager, names[remote]);
        party_note(p, RECORD_IDENTITY_FORGOTTEN, remote, HF_OK, 0);
    }
    if (!t || !is_its_own(&p->story->parties[remote], t->told))
        return;
    hf_err err = hf_session_accept_identity(t->session, p->story->s.now, t->told);
    t->told[0] = '\0';
    if (err != HF_OK)
        return;
    p->believed[remote] = p->story->parties[remote].identity;
    note_session(t, RECORD_IDENTITY_ACCEPTED, HF_OK, 0);
}

void party_open(sim_party *p, int remote, const hf_channel_config *config)
{
    party_talk *t = party_talk_with(p, remote);
    hf_channel *channel = NULL;
    if (!t || t->lines_len == PARTY_LINES_MAX || hf_session_channel(t->session, config->name))
        return;
    hf_err err = hf_session_create_channel(t->session, p->story->s.now, config, &channel);
    if (err == HF_OK)
        line_for(t, channel);
}

bool party_say(party_talk *t, party_line *line, hf_message_kind kind, size_t len)
{
    static uint8_t bytes[PARTY_SAYS_MAX];
    assert(len <= sizeof bytes);
    content_fill(bytes, len, kind, content_id(t->party->index, line->number, line->sequence));
    message m = content_read(kind, bytes, len);
    hf_err err = hf_channel_send(line->channel, t->party->story->s.now, kind, bytes, len);
    if (err == HF_OK)
        line->sequence++;
    line->is_refused |= err == HF_EAGAIN;
    note_line(t, line, (record){.type = err == HF_OK ? RECORD_SENT : RECORD_REFUSED, .cause = err, .message = m});
    return err == HF_OK;
}

void party_pause(party_talk *t, party_line *line, bool paused)
{
    line->is_paused = paused;
    note_line(t, line, (record){.type = paused ? RECORD_PAUSED : RECORD_UNPAUSED});
    (void)!hf_channel_pause(line->channel, t->party->story->s.now, paused);
}

void party_close(party_talk *t, party_line *line)
{
    note_line(t, line, (record){.type = RECORD_CLOSE});
    (void)!hf_channel_close(line->channel, t->party->story->s.now);
}

void party_sleep(sim_party *p, bool asleep)
{
    p->self.asleep = asleep;
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++) {
        p->talks[i].host.asleep = asleep;
        sim_host_tell_locals(&p->talks[i].host); /* what has come and gone meanwhile is known on waking */
    }
}

void party_cut_path(sim_party *p, int remote, bool cut)
{
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++) {
        if (p->talks[i].remote == remote || remote < 0)
            p->talks[i].uplink->link.cut = cut;
    }
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

SIM_ENDPOINT(session);

void party_begin(sim_party *p, uint64_t identity)
{
    assert(!p->manager && identity < PARTY_IDENTITIES_MAX);
    hf_manager_config config = p->story->config;
    config.peer_id = names[p->index];
    config.session.peer.certificate = p->certificates[identity];
    config.handlers = (hf_manager_handlers){.context = p, .on_envelope = on_envelope, .on_session = on_session};
    p->identity = identity;
    for (int i = 0; i < PARTIES_MAX; i++) {
        p->believed[i] = UINT64_MAX;
        p->is_turned_away[i] = false;
    }
    hf_err err = hf_manager_new(&p->manager, &config, &p->env.env);
    assert(err == HF_OK);
    (void)err;
    hf_manager_set_wake(p->manager, wake, p);
    party_note(p, RECORD_BEGAN, -1, HF_OK, identity);
}

void party_end(sim_party *p)
{
    if (!p->manager)
        return;
    party_note(p, RECORD_ENDED, -1, HF_OK, 0);
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++)
        end_talk(&p->talks[i]);
    hf_manager_free(p->manager);
    p->manager = NULL;
}

void party_init(sim_party *p, story *st, int index, sim_kind kind, sim_link link)
{
    sim *s = &st->s;
    *p = (sim_party){.story = st, .index = index, .link = link};
    test_env_init(&p->env, s->config.seed * 4 + (uint64_t)index)->trace = s->config.trace;
    sim_place_init(&p->place, &st->places, kind);
    sim_host_init(&p->self, s);
    p->self.owner = p;
    p->self.attend = attend_self;
    p->self.due = due;
    p->self.tick = tick;
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++) {
        party_talk *t = &p->talks[i];
        t->party = p;
        sim_host_init(&t->host, s);
        t->host.endpoint = &session_endpoint;
        t->host.owner = t;
        t->host.attend = attend_talk;
        t->uplink = sim_place_plug(&p->place, &t->host, link, 0);
    }
}

void party_clear(sim_party *p)
{
    party_end(p);
    history_clear(&p->history);
}
