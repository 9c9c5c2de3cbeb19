/* judge_sessions.c: what each party was told, in the order of time. */
#include "content.h"
#include "judge_priv.h"

#include <stdlib.h>

#define MAY(state) (1u << HF_SESSION_##state)

/* The steps of a session that a user may see (session.h, architecture.md: promise 8). */
static const unsigned legal[HF_SESSION_STATE_COUNT] = {
    [HF_SESSION_NEW] = MAY(CONNECTING) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_CONNECTING] = MAY(CONNECTED) | MAY(UNSTABLE) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_CONNECTED] = MAY(UNSTABLE) | MAY(RECONNECTING) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_UNSTABLE] = MAY(CONNECTED) | MAY(RECONNECTING) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_RECONNECTING] = MAY(CONNECTED) | MAY(FAILED) | MAY(CLOSED),
    [HF_SESSION_FAILED] = MAY(CLOSED),
};

/* One that is bad news has a cause. */
static const unsigned needs_cause = MAY(UNSTABLE) | MAY(RECONNECTING) | MAY(FAILED);

typedef struct person {
    bool lives;
    uint64_t identity;                     /* of its process */
    uint64_t trusted[COURT_PARTIES_MAX];   /* bits: which identities of each other, so far */
    uint64_t pinned[COURT_PARTIES_MAX];    /* the last of them */
    uint32_t session[COURT_PARTIES_MAX];   /* its newest with each other; 0: none */
    hf_time calm_since[COURT_PARTIES_MAX]; /* HF_NEVER: there is trouble */
    unsigned forged[COURT_PARTIES_MAX];    /* envelopes in their names */
    uint64_t outlived[COURT_PARTIES_MAX];  /* bits: identities whose envelopes came after their lives */
    bool turned_away[COURT_PARTIES_MAX];   /* those who are not whom it trusted last, and have begun no session */
    uint8_t *channels;                     /* by number: */
} person;

enum { IS_OPEN = 1, IS_CLOSED = 2, IS_REFUSED = 4 };

typedef struct walk {
    person persons[COURT_PARTIES_MAX];
} walk;

static unsigned sittings_before(const court *c, int party, int remote, hf_time now)
{
    unsigned n = 0;
    for (uint32_t i = 1; i <= c->histories[party].sessions; i++) {
        const sitting *s = &c->sittings[party][i];
        n += s->begun_at != HF_NEVER && s->remote == remote && s->begun_at <= now;
    }
    return n;
}

static void on_state(court *c, int party, sitting *s, const record *r)
{
    hf_session_state next = (hf_session_state)r->number;
    if ((legal[s->state] & 1u << next) == 0)
        court_blame(c, party, r, "the session takes a step that it may not", r->number);
    if ((needs_cause & 1u << next) != 0 && r->cause == HF_OK)
        court_blame(c, party, r, "bad news without a cause", r->number);
    s->state = next;
}

static void trust(person *p, int remote, uint64_t identity)
{
    p->trusted[remote] |= (uint64_t)1 << identity;
    p->pinned[remote] = identity;
}

/* Whom it meets first it takes for the right one: a handshake has shown who that is, before anything is heard. */
static bool trusts(person *p, int remote, uint64_t identity)
{
    if (p->trusted[remote] == 0)
        trust(p, remote, identity);
    return (p->trusted[remote] & (uint64_t)1 << identity) != 0;
}

static void on_connected(court *c, walk *w, int party, sitting *s, const record *r)
{
    person *p = &w->persons[party];
    if (s->is_told_connected)
        court_blame(c, party, r, "it is told twice that it is connected", 0);
    s->is_told_connected = true;
    (void)trusts(p, r->remote, w->persons[r->remote].identity);
}

static void on_disconnected(court *c, int party, sitting *s, const record *r)
{
    if (!s->is_told_connected)
        court_blame(c, party, r, "it is told that it is not connected, and never was, or was told before", 0);
    s->is_told_connected = false;
}

static void on_received(court *c, walk *w, int party, const record *r)
{
    person *p = &w->persons[party];
    int from = content_party(r->message.id);
    if (r->message.id == 0 || from < 0 || (size_t)from >= c->len || from != r->remote)
        return; /* judge_streams has said it */
    uint32_t channel = content_channel(r->message.id);
    if (channel == 0 || channel > c->histories[from].channels_len)
        return;
    const sitting *theirs = &c->sittings[from][c->histories[from].channels[channel - 1].session];
    if (!trusts(p, from, theirs->identity))
        court_blame(c, party, r, "it hears an identity that it has not accepted", r->message.id);
    bool is_of_this_life = theirs->over_at == HF_NEVER || theirs->over_at >= r->at; /* who has died trusts nobody */
    if (is_of_this_life && !trusts(&w->persons[from], party, p->identity))
        court_blame(c, party, r, "it is spoken to, though its identity was not accepted", r->message.id);
}

static void on_continuity_lost(court *c, int party, sitting *s, const record *r)
{
    s->losses++;
    if (sittings_before(c, r->remote, party, r->at) <= s->losses)
        court_blame(c, party, r, "continuity is lost, and the remote had no other session", 0);
}

static void on_identity_changed(court *c, walk *w, int party, sitting *s, const record *r)
{
    person *p = &w->persons[party];
    bool has_changed = p->trusted[r->remote] == 0 || p->pinned[r->remote] != w->persons[r->remote].identity;
    s->is_refused = has_changed;
    bool is_of_the_past = (p->outlived[r->remote] & ~((uint64_t)1 << w->persons[r->remote].identity)) != 0;
    if (!has_changed && !is_of_the_past && p->forged[r->remote] == 0)
        court_blame(c, party, r, "the remote's identity is said to have changed, and has not", 0);
}

/* --- Channels ---------------------------------------------------------------------------------------------------- */

static void look_at_channel(court *c, uint8_t *flags, int party, const record *r)
{
    if (*flags & IS_CLOSED) {
        court_blame(c, party, r, "something happens on a channel that was closed", r->type);
        return;
    }
    switch ((int)r->type) {
    case RECORD_CHANNEL_OPEN:
        *flags |= IS_OPEN;
        break;
    case RECORD_CHANNEL_CLOSED:
        *flags |= IS_CLOSED;
        break;
    case RECORD_REFUSED:
        *flags |= r->cause == HF_EAGAIN ? IS_REFUSED : 0;
        break;
    case RECORD_WRITABLE:
        if (!(*flags & IS_REFUSED))
            court_blame(c, party, r, "it may say more, and was never refused", 0);
        *flags &= (uint8_t)~IS_REFUSED;
        break;
    case RECORD_RECEIVED:
        if (!(*flags & IS_OPEN))
            court_blame(c, party, r, "it hears something on a channel that is not open", r->message.id);
        break;
    case RECORD_GARBLED:
        court_blame(c, party, r, "parts of messages are out of order", 0);
        break;
    }
}

/* --- Being connected --------------------------------------------------------------------------------------------- */

/* One of them is known as somebody else, and that has been told. */
static bool is_turned_away(const person *p, const person *other, int remote)
{
    return p->turned_away[remote] && p->trusted[remote] != 0 && p->pinned[remote] != other->identity;
}

static void expect_connected(court *c, walk *w, int party, int remote, const record *r)
{
    const person *p = &w->persons[party], *other = &w->persons[remote];
    uint32_t session = p->session[remote], theirs = other->session[party];
    if (!p->lives || !other->lives || (session > 0 && c->sittings[party][session].is_refused) ||
        (theirs > 0 && c->sittings[remote][theirs].is_refused) || is_turned_away(p, other, remote) ||
        is_turned_away(other, p, party))
        return;
    record about = *r;
    about.session = session;
    if (session == 0 || c->sittings[party][session].state != HF_SESSION_CONNECTED)
        court_blame(c, party, &about, "it is not connected, though it could be for long",
                    session > 0 ? (uint64_t)c->sittings[party][session].state : 0);
}

static void on_trouble(court *c, walk *w, int party, const record *r)
{
    person *p = &w->persons[party];
    hf_time since = p->calm_since[r->remote];
    if (since != HF_NEVER && r->at - since >= JUDGE_PATIENCE)
        expect_connected(c, w, party, r->remote, r);
    p->calm_since[r->remote] = HF_NEVER;
}

/* --- The walk ---------------------------------------------------------------------------------------------------- */

static void look_at_session(court *c, walk *w, int party, const record *r)
{
    sitting *s = &c->sittings[party][r->session];
    person *p = &w->persons[party];
    switch ((int)r->type) {
    case RECORD_SESSION:
        p->session[r->remote] = r->session;
        break;
    case RECORD_STATE:
        on_state(c, party, s, r);
        break;
    case RECORD_CONNECTED:
        on_connected(c, w, party, s, r);
        break;
    case RECORD_DISCONNECTED:
        on_disconnected(c, party, s, r);
        break;
    case RECORD_RECEIVED:
        on_received(c, w, party, r);
        break;
    case RECORD_CONTINUITY_LOST:
        on_continuity_lost(c, party, s, r);
        break;
    case RECORD_IDENTITY_CHANGED:
        on_identity_changed(c, w, party, s, r);
        break;
    case RECORD_IDENTITY_ACCEPTED:
        trust(p, r->remote, w->persons[r->remote].identity);
        s->is_refused = false;
        break;
    }
}

static void look(void *context, court *c, int party, const record *r)
{
    walk *w = context;
    person *p = &w->persons[party];
    switch ((int)r->type) {
    case RECORD_BEGAN:
        p->lives = true;
        p->identity = r->number;
        for (int i = 0; i < COURT_PARTIES_MAX; i++)
            p->turned_away[i] = false;
        for (int i = 0; i < COURT_PARTIES_MAX; i++)
            p->trusted[i] = p->outlived[i] = p->session[i] = p->forged[i] = 0;
        break;
    case RECORD_ENDED:
        p->lives = false;
        break;
    case RECORD_TROUBLE:
        on_trouble(c, w, party, r);
        break;
    case RECORD_CALM:
        p->calm_since[r->remote] = r->at;
        break;
    case RECORD_FORGED:
        p->forged[r->remote]++;
        break;
    case RECORD_TURNED_AWAY:
        p->turned_away[r->remote] = true;
        break;
    case RECORD_IDENTITY_FORGOTTEN:
        p->turned_away[r->remote] = false;
        p->trusted[r->remote] = 0;
        break;
    case RECORD_OUTLIVED:
        p->outlived[r->remote] |= (uint64_t)1 << r->number;
        break;
    case RECORD_SETTLED:
        for (int i = 0; i < (int)c->len; i++) {
            if (i != party && p->calm_since[i] != HF_NEVER)
                expect_connected(c, w, party, i, r);
        }
        break;
    }
    if (r->session > 0)
        look_at_session(c, w, party, r);
    if (r->channel > 0)
        look_at_channel(c, &p->channels[r->channel], party, r);
}

static void find_starving(court *c)
{
    for (size_t i = 0; i < c->ends_len; i++) {
        const end *e = c->ends[i];
        const history *h = &c->histories[e->party];
        bool is_connected = c->sittings[e->party][e->session].state == HF_SESSION_CONNECTED;
        if (e->waits_for_room && e->over_at == HF_NEVER && is_connected && !(e->sink && e->sink->is_paused))
            court_blame(c, e->party,
                        &(record){.at = h->records[h->len - 1].at, .session = e->session, .channel = e->channel},
                        "it was refused, and never told that there is room", 0);
    }
}

void judge_sessions(court *c)
{
    walk w = {0};
    for (size_t i = 0; i < c->len; i++) {
        for (int k = 0; k < COURT_PARTIES_MAX; k++)
            w.persons[i].calm_since[k] = HF_NEVER;
        w.persons[i].channels = calloc(c->histories[i].channels_len + 1, 1);
        if (!w.persons[i].channels)
            abort();
    }
    court_walk(c, look, &w);
    find_starving(c);
    for (size_t i = 0; i < c->len; i++)
        free(w.persons[i].channels);
}
