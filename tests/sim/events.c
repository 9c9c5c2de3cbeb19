/* events.c: how a story goes: people talk, things happen, and in the end all is well. */
#include "events.h"

#include "chance.h"
#include "judge.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_PATIENCE HF_SECONDS(30)
#define HEAL_PATIENCE (JUDGE_PATIENCE + HF_SECONDS(30))
#define SETTLE HF_SECONDS(20)

uint32_t events_draw(events *t, uint32_t below)
{
    return chance_below(&t->chance, below);
}

hf_span events_draw_ms(events *t, uint32_t least, uint32_t most)
{
    return HF_MS(least + events_draw(t, most - least + 1));
}

static bool one_in(events *t, uint32_t times)
{
    return events_draw(t, times) == 0;
}

static void tell(events *t, const event_kind *kind, int a, int b, hf_span span)
{
    size_t room = sizeof t->told - t->told_len;
    int len = snprintf(t->told + t->told_len, room, "  %10.3f %c%s%c: %s (%c) for %.3f s\n", (double)t->st.s.now / 1e6,
                       'a' + a, kind->is_of_pair ? " and " : " of ", kind->is_of_pair ? 'a' + b : '-', kind->name,
                       (int)('A' + (kind - event_kinds)), (double)span / 1e6);
    t->told_len += len > 0 && (size_t)len < room ? (size_t)len : 0;
}

void events_print(const events *t)
{
    printf("%s", t->told);
}

/* --- Talk -------------------------------------------------------------------------------------------------------- */

static uint32_t draw_len(events *t, const hf_channel_config *config, hf_message_kind kind)
{
    uint32_t least = kind == HF_TEXT ? 16 : 8, most;
    switch (party_delivery(config)) {
    case FRESH:
        most = one_in(t, 4) ? HF_CHANNEL_PART_MAX - 16 : 100;
        return least + events_draw(t, most);
    case ORDERED:
        if (one_in(t, 10))
            return events_draw(t, 8); /* it bears no id */
        break;
    case UNORDERED:
        break;
    }
    most = one_in(t, 30) ? t->big : one_in(t, 5) ? 6000 : 200;
    return least + events_draw(t, most);
}

static const hf_channel_config *config_of(const story *st, const char *name)
{
    for (size_t i = 0; i < st->channels_len; i++) {
        if (strcmp(st->channels[i].name, name) == 0)
            return &st->channels[i];
    }
    return NULL;
}

static void say(events *t, party_talk *talk, party_line *line)
{
    const hf_channel_config *config = config_of(&t->st, hf_channel_name(line->channel));
    hf_message_kind kind = one_in(t, 3) ? HF_TEXT : HF_BINARY;
    uint32_t len = draw_len(t, config, kind);
    if (line->sequence == 0 && len < 16)
        len = 16;
    for (uint32_t n = one_in(t, 20) ? 1 + events_draw(t, 30) : 1; n > 0; n--) {
        if (!party_say(talk, line, kind, len))
            return;
    }
}

static void all_say(events *t)
{
    for (int i = 0; i < t->st.parties_len; i++) {
        sim_party *p = &t->st.parties[i];
        for (size_t k = 0; k < PARTY_TALKS_MAX && p->manager && !p->self.asleep; k++) {
            party_talk *talk = &p->talks[k];
            for (size_t n = 0; n < talk->lines_len && talk->session; n++) {
                if (talk->lines[n].channel && !talk->lines[n].is_refused && one_in(t, 2))
                    say(t, talk, &talk->lines[n]);
            }
        }
    }
}

/* Its user asks whom it is about by another way, and is not taken in by what was forged. */
static void accept_identities(events *t)
{
    for (int i = 0; i < t->st.parties_len; i++) {
        sim_party *p = &t->st.parties[i];
        for (int k = 0; k < t->st.parties_len && p->manager && !p->self.asleep && t->accepts[i]; k++) {
            if (k != i && p->believed[k] != t->st.parties[k].identity && one_in(t, 5))
                party_accept_identity(p, k);
        }
    }
}

/* --- Events ------------------------------------------------------------------------------------------------------ */

static bool concerns(const event_kind *kind, int a, int b, int one, int other)
{
    if (kind->is_of_pair)
        return (a == one && b == other) || (a == other && b == one);
    return a == one || a == other;
}

static void note_pairs(events *t, const event_kind *kind, int a, int b, bool begins)
{
    for (int i = 0; i < t->st.parties_len; i++) {
        for (int k = 0; k < i; k++) {
            if (!concerns(kind, a, b, i, k))
                continue;
            t->troubles[i][k] += begins ? 1 : -1u;
            if (!begins && t->troubles[i][k] > 0)
                continue;
            party_note(&t->st.parties[i], begins ? RECORD_TROUBLE : RECORD_CALM, k, HF_OK, 0);
            party_note(&t->st.parties[k], begins ? RECORD_TROUBLE : RECORD_CALM, i, HF_OK, 0);
        }
    }
}

static void end_event(events *t, event_under_way *e)
{
    const event_kind *kind = e->kind;
    if (!kind)
        return;
    e->kind = NULL;
    if (kind->end)
        kind->end(t, e->a, e->b);
    note_pairs(t, kind, e->a, e->b, false);
}

static bool is_under_way(const events *t, const event_kind *kind, int a, int b)
{
    for (size_t i = 0; i < EVENTS_UNDER_WAY_MAX; i++) {
        const event_under_way *e = &t->under_way[i];
        if (e->kind == kind && e->a == a && (!kind->is_of_pair || e->b == b))
            return true;
    }
    return false;
}

static void begin_event(events *t)
{
    const event_kind *kind = &event_kinds[events_draw(t, (uint32_t)event_kinds_len)];
    int a = (int)events_draw(t, (uint32_t)t->st.parties_len);
    int b = (a + 1 + (int)events_draw(t, (uint32_t)t->st.parties_len - 1)) % t->st.parties_len;
    if (!(t->allowed & 1u << (kind - event_kinds)) || is_under_way(t, kind, a, b) || is_under_way(t, kind, b, a))
        return;
    for (size_t i = 0; i < EVENTS_UNDER_WAY_MAX; i++) {
        event_under_way *e = &t->under_way[i];
        if (e->kind)
            continue;
        uint32_t most_ms = one_in(t, 5) ? kind->most_ms * 6 : kind->most_ms;
        hf_span span = kind->end ? events_draw_ms(t, kind->least_ms, most_ms) : 0;
        *e = (event_under_way){kind, a, b, t->st.s.now + span};
        tell(t, kind, a, b, span);
        note_pairs(t, kind, a, b, true);
        kind->begin(t, a, b);
        return;
    }
}

static void end_events(events *t, hf_time now)
{
    for (size_t i = 0; i < EVENTS_UNDER_WAY_MAX; i++) {
        if (t->under_way[i].kind && t->under_way[i].until <= now)
            end_event(t, &t->under_way[i]);
    }
}

/* --- The story --------------------------------------------------------------------------------------------------- */

static void live_until(events *t, hf_time end, uint32_t event_every_ms, bool (*done)(sim *s))
{
    sim *s = &t->st.s;
    while (s->now < end) {
        end_events(t, s->now);
        accept_identities(t);
        if (!t->is_quiet)
            all_say(t);
        if (event_every_ms > 0 && one_in(t, (uint32_t)(1 + HF_MS(event_every_ms) / t->say_every)))
            begin_event(t);
        hf_span step = 1 + (hf_span)events_draw(t, (uint32_t)(2 * t->say_every));
        if (sim_run(s, s->now + step < end ? s->now + step : end, done))
            return;
    }
}

static bool is_pair_connected(events *t, int a, int b)
{
    party_talk *one = party_talk_with(&t->st.parties[a], b), *two = party_talk_with(&t->st.parties[b], a);
    return one && two && one->state == HF_SESSION_CONNECTED && two->state == HF_SESSION_CONNECTED;
}

static bool all_connected(sim *s)
{
    events *t = (events *)s;
    for (int i = 0; i < t->st.parties_len; i++) {
        for (int k = 0; k < i; k++) {
            if (!is_pair_connected(t, i, k))
                return false;
        }
    }
    return true;
}

static void connect_missing(events *t, bool from_both)
{
    for (int i = 0; i < t->st.parties_len; i++) {
        for (int k = 0; k < t->st.parties_len; k++) {
            if (k != i && (k > i || from_both))
                events_connect(t, i, k);
        }
    }
}

/* Networks, post and machines are well again, and every application wants what it wanted. */
static void heal(events *t)
{
    story *st = &t->st;
    end_events(t, HF_NEVER);
    st->s.link = (sim_link){.delay = HF_MS(10)};
    st->s.post = (sim_link){.delay = HF_MS(30)};
    for (int i = 0; i < st->parties_len; i++) {
        sim_party *p = &st->parties[i];
        for (size_t k = 0; k < PARTY_TALKS_MAX; k++) {
            party_talk *talk = &p->talks[k];
            talk->uplink->link = (sim_link){.delay = HF_MS(5)};
            for (size_t n = 0; n < talk->lines_len; n++) {
                if (talk->lines[n].channel && talk->lines[n].is_paused)
                    party_pause(talk, &talk->lines[n], false);
            }
        }
    }
    hf_time end = st->s.now + HEAL_PATIENCE;
    while (st->s.now < end && !all_connected(&st->s)) {
        live_until(t, st->s.now + HF_SECONDS(3), 0, all_connected); /* what has ended on one side ends on the other */
        connect_missing(t, false);
    }
    live_until(t, st->s.now + HF_SECONDS(2), 0, NULL);
    t->is_quiet = true;
    live_until(t, st->s.now + SETTLE, 0, NULL);
    for (int i = 0; i < st->parties_len; i++)
        party_note(&st->parties[i], RECORD_SETTLED, -1, HF_OK, 0);
}

static void part(events *t)
{
    if (!one_in(t, 2))
        return;
    t->is_quiet = false;
    live_until(t, t->st.s.now + HF_MS(500), 0, NULL);
    int a = (int)events_draw(t, (uint32_t)t->st.parties_len), b = (a + 1) % t->st.parties_len;
    if (one_in(t, 3))
        party_disconnect(&t->st.parties[b], a);
    party_disconnect(&t->st.parties[a], b);
    t->is_quiet = true;
    live_until(t, t->st.s.now + HF_SECONDS(5), 0, NULL);
}

void events_live(events *t)
{
    story *st = &t->st;
    for (int i = 0; i < st->parties_len; i++)
        party_begin(&st->parties[i], 0);
    for (int i = 0; i < st->parties_len; i++) {
        for (int k = 0; k < i; k++) {
            party_note(&st->parties[i], RECORD_CALM, k, HF_OK, 0);
            party_note(&st->parties[k], RECORD_CALM, i, HF_OK, 0);
        }
    }
    connect_missing(t, one_in(t, 3));
    if (!one_in(t, 4))
        live_until(t, st->s.now + CONNECT_PATIENCE, 0, all_connected);
    uint32_t every_ms = one_in(t, 3) ? 400 : 3000;
    uint32_t longest_ms = one_in(t, 8) ? 120000 : 15000;
    live_until(t, st->s.now + events_draw_ms(t, 2000, longest_ms), every_ms, NULL);
    heal(t);
    part(t);
}

/* --- Birth and end ----------------------------------------------------------------------------------------------- */

static const hf_channel_config channels[] = {
    {.name = "code", .priority = HF_PRIORITY_CRITICAL},
    {.name = "loose", .unordered = true},
    {.name = "cursor", .unordered = true, .reliability = HF_MAX_RETRANSMITS, .priority = HF_PRIORITY_HIGH},
    {.name = "files", .priority = HF_PRIORITY_LOW, .in_parts = true},
    {.name = "presence", .unordered = true, .reliability = HF_MAX_LIFETIME, .reliability_limit = 200},
    {.name = "tight", .priority = HF_PRIORITY_HIGH, .send_buffer_max = 65536},
    {.name = "pile", .unordered = true, .priority = HF_PRIORITY_LOW, .in_parts = true},
    {.name = "late", .priority = HF_PRIORITY_NORMAL},
};

static void hear_letter(story *st, int from, int to, const letter *l)
{
    (void)from;
    mischief_hear_letter(&((events *)st)->mischief, to, l);
}

static void hear_datagram(sim *s, int from, const hf_datagram *datagram)
{
    events *t = (events *)s;
    mischief_hear_datagram(&t->mischief, &t->chance, from, datagram);
}

static sim_link draw_link(events *t)
{
    sim_link link = {.delay = events_draw_ms(t, 1, 60)};
    if (one_in(t, 3))
        link.loss = events_draw(t, 80);
    if (one_in(t, 3))
        link.jitter = events_draw_ms(t, 1, 30);
    if (one_in(t, 4))
        link.duplicate = events_draw(t, 50);
    return link;
}

static sim_link draw_post(events *t)
{
    sim_link post = {.delay = events_draw_ms(t, 1, 300)};
    if (one_in(t, 2))
        post.jitter = events_draw_ms(t, 1, 500);
    if (one_in(t, 3))
        post.loss = events_draw(t, 300);
    if (one_in(t, 3))
        post.duplicate = events_draw(t, 500);
    return post;
}

/* Each draw is a statement: the order within an expression is the compiler's, and a seed is the same world with each. */
static hf_manager_config draw_config(events *t)
{
    hf_manager_config config = {.session = {.peer = {.engine = t->st.s.engine}, .channels = channels}};
    config.session.channels_len = 1 + events_draw(t, 5);
    config.session.no_trickle = one_in(t, 6);
    if (t->has_relay) {
        config.session.peer.servers = sim_relay_servers;
        config.session.peer.servers_len = SIM_RELAY_SERVERS_LEN;
        config.session.peer.relay = one_in(t, 6) ? HF_ICE_RELAY_ONLY : HF_ICE_RELAY_DEFAULT;
    }
    return config;
}

static unsigned bits_of(const char *letters)
{
    unsigned bits = 0;
    for (; *letters >= 'A' && *letters < 'A' + 32; letters++)
        bits |= 1u << (*letters - 'A');
    return bits;
}

void events_init(events *t, uint64_t seed, const char *only, hf_certificate *certificates[PARTIES_MAX][PARTY_IDENTITIES_MAX],
                 void (*trace)(void *context, const char *line, size_t len))
{
    memset(t, 0, sizeof *t);
    story *st = &t->st;
    t->chance = seed * 31337 + 7;
    sim_init(&st->s, &(sim_config){.seed = seed, .no_sides = true, .trace = trace});
    st->s.link.delay = events_draw_ms(t, 0, 40);
    st->s.post = draw_post(t);
    st->places.sim = &st->s;
    st->channels = channels;
    st->channels_len = sizeof channels / sizeof *channels;
    st->parties_len = one_in(t, 5) ? 3 : 2;
    t->has_relay = one_in(t, 3);
    if (t->has_relay)
        sim_relay_init(&t->relay, &st->s);
    for (int i = 0; i < st->parties_len; i++) {
        sim_kind kind = t->has_relay ? (sim_kind)events_draw(t, SIM_KIND_COUNT) : SIM_NONE;
        sim_link link = draw_link(t);
        party_init(&st->parties[i], st, i, kind, link);
        memcpy(st->parties[i].certificates, certificates[i], sizeof st->parties[i].certificates);
        t->accepts[i] = !one_in(t, 4);
    }
    st->config = draw_config(t);
    st->on_letter = hear_letter;
    st->s.on_datagram = hear_datagram;
    t->allowed = one_in(t, 3) ? ~0u : (uint32_t)chance_next(&t->chance);
    t->allowed &= only ? bits_of(only) : ~0u;
    t->say_every = events_draw_ms(t, 20, 300);
    t->big = one_in(t, 4) ? PARTY_SAYS_MAX - 16 : 60000;
}

void events_clear(events *t)
{
    for (int i = 0; i < t->st.parties_len; i++)
        party_clear(&t->st.parties[i]);
    if (t->has_relay)
        sim_relay_clear(&t->relay);
    mischief_clear(&t->mischief);
    sim_clear(&t->st.s);
}
