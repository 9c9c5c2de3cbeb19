/* judge_streams.c: what came of what was said on each channel. */
#include "content.h"
#include "judge_priv.h"

#include <stdlib.h>
#include <string.h>

static const message *sent_at(const court *c, const end *e, size_t n)
{
    return &court_record(c, e, &e->sent, n)->message;
}

static const char *name_of(const court *c, const end *e)
{
    return c->histories[e->party].channels[e->channel - 1].name;
}

static bool is_same(const message *a, const message *b)
{
    return a->hash == b->hash && a->len == b->len && a->kind == b->kind;
}

/* The end that said it; *n: as which of its messages. NULL: nobody did. */
static end *speaker(const court *c, const end *hearer, const message *m, size_t *n)
{
    for (size_t i = 0; i < c->ends_len; i++) {
        end *e = c->ends[i];
        uint64_t sequence = content_sequence(m->id);
        if (e->party != content_party(m->id) || e->channel != content_channel(m->id) || e->remote != hearer->party ||
            sequence < e->sequence_first || sequence - e->sequence_first >= e->sent.len)
            continue;
        *n = (size_t)(sequence - e->sequence_first);
        return e;
    }
    return NULL;
}

/* --- Who hears whom ---------------------------------------------------------------------------------------------- */

static void join(court *c, end *hearer, const record *r)
{
    size_t n;
    end *e = speaker(c, hearer, &r->message, &n);
    if (!e || !is_same(sent_at(c, e, n), &r->message)) {
        court_blame(c, hearer->party, r, "it hears what nobody said", r->message.id);
        return;
    }
    if (strcmp(name_of(c, e), name_of(c, hearer)) != 0)
        court_blame(c, hearer->party, r, "it hears it on a channel of another name", r->message.id);
    else if (hearer->source && hearer->source != e)
        court_blame(c, hearer->party, r, "it hears two channels on one", r->message.id);
    else if (e->sink && e->sink != hearer)
        court_blame(c, hearer->party, r, "it hears what was said on a channel that another one hears", r->message.id);
    hearer->source = hearer->source ? hearer->source : e;
    e->sink = e->sink ? e->sink : hearer;
}

/* It has heard nothing but what is too short for an id: of those that nobody seems to hear, whose first one was that. */
static void join_unnamed(const court *c, end *hearer)
{
    for (size_t i = 0; i < c->ends_len; i++) {
        end *e = c->ends[i];
        if (e->sink || e->sent.len == 0 || e->party != hearer->remote || e->remote != hearer->party ||
            strcmp(name_of(c, e), name_of(c, hearer)) != 0)
            continue;
        const record *said = court_record(c, e, &e->sent, 0), *heard = court_record(c, hearer, &hearer->received, 0);
        if (said->at > heard->at || e->over_at < heard->at || !is_same(&said->message, &heard->message))
            continue;
        e->sink = hearer;
        hearer->source = e;
        return;
    }
}

/* Is what is heard there said on a channel that was over when continuity was lost? */
static bool is_former(const court *c, end *hearer, size_t k, const end **said_on, size_t *n)
{
    const message *m = &court_record(c, hearer, &hearer->received, k)->message;
    if (m->id == 0) /* too short for an id: the next one */
        return *said_on && ++*n < (*said_on)->sent.len && is_same(sent_at(c, *said_on, *n), m);
    *said_on = speaker(c, hearer, m, n);
    return *said_on && (*said_on)->over_at <= hearer->before->over_at;
}

/* What waited for the application when continuity was lost is heard behind it, and before all else. */
static void give_to_former(const court *c, end *hearer)
{
    const end *said_on = NULL;
    size_t n = 0, len = 0;
    while (len < hearer->received.len && is_former(c, hearer, len, &said_on, &n))
        court_add_place(&hearer->before->received, hearer->received.at[len++]);
    hearer->received.len -= len;
    memmove(hearer->received.at, hearer->received.at + len, hearer->received.len * sizeof *hearer->received.at);
}

static void join_all(court *c)
{
    for (size_t i = c->ends_len; i > 0; i--) { /* the newest first: what it gives may be older yet */
        if (c->ends[i - 1]->before && c->ends[i - 1]->received.len > 0)
            give_to_former(c, c->ends[i - 1]);
    }
    for (size_t i = 0; i < c->ends_len; i++) {
        end *e = c->ends[i];
        for (size_t k = 0; k < e->received.len; k++) {
            const record *r = court_record(c, e, &e->received, k);
            if (r->message.id != 0)
                join(c, e, r);
        }
    }
    for (size_t i = 0; i < c->ends_len; i++) {
        if (!c->ends[i]->source && c->ends[i]->received.len > 0)
            join_unnamed(c, c->ends[i]);
    }
}

/* --- What was handed back ---------------------------------------------------------------------------------------- */

enum { RETURNED = 1, NEVER_GIVEN = 2, TOO_LONG = 4, HEARD = 8 };

/* From the newest to the oldest: short ones have no id, and those handed back are the last ones. */
static void mark_returned(court *c, end *e, uint8_t *marks)
{
    size_t left = e->sent.len;
    for (size_t k = e->returned.len; k > 0; k--) {
        const record *r = court_record(c, e, &e->returned, k - 1);
        size_t n = left;
        while (n > 0 && !is_same(sent_at(c, e, n - 1), &r->message))
            n--;
        if (n == 0) {
            court_blame(c, e->party, r, "it gets back what it has not said, twice, or out of order", r->message.id);
            continue;
        }
        if (r->cause == HF_OK)
            court_blame(c, e->party, r, "it gets something back without a cause", r->message.id);
        marks[n - 1] |= (uint8_t)(RETURNED | (r->number == 0 ? NEVER_GIVEN : 0) | (r->cause == HF_EMSGSIZE ? TOO_LONG : 0));
        left = n - 1;
    }
}

/* --- What was heard ---------------------------------------------------------------------------------------------- */

static void hear_ordered(court *c, end *e, uint8_t *marks)
{
    size_t next = 0;
    for (size_t k = 0; k < e->sink->received.len; k++) {
        const record *r = court_record(c, e->sink, &e->sink->received, k);
        while (next < e->sent.len && (marks[next] & TOO_LONG))
            next++;
        if (next == e->sent.len || !is_same(sent_at(c, e, next), &r->message)) {
            size_t n = 0;
            bool is_behind = r->message.id != 0 && speaker(c, e->sink, &r->message, &n) == e && n < next;
            court_blame(c, e->sink->party, r, is_behind ? "it hears twice" : "it hears out of order, or not all",
                        r->message.id);
            return;
        }
        marks[next++] |= HEARD;
    }
}

static void hear_unordered(court *c, end *e, uint8_t *marks)
{
    for (size_t k = 0; k < e->sink->received.len; k++) {
        const record *r = court_record(c, e->sink, &e->sink->received, k);
        size_t n;
        if (r->message.id == 0 || speaker(c, e->sink, &r->message, &n) != e)
            continue;
        if (marks[n] & HEARD)
            court_blame(c, e->sink->party, r, "it hears twice", r->message.id);
        marks[n] |= HEARD;
    }
}

static bool in_outage(hf_session_state state)
{
    return state == HF_SESSION_RECONNECTING;
}

/* Was its speaker's session in an outage when it was said, or did one end before it was heard? */
static const char *why_stale(const court *c, const end *e, const record *said, const record *heard)
{
    const history *h = &c->histories[e->party];
    hf_session_state state = HF_SESSION_NEW;
    bool was_in_outage = false;
    for (const record *r = h->records; r < h->records + h->len && r->at <= heard->at; r++) {
        if (r->type == RECORD_STATE && r->session == e->session)
            state = (hf_session_state)r->number;
        if (r == said && in_outage(state))
            return "it hears what was said in an outage";
        was_in_outage |= r > said && in_outage(state);
        if (was_in_outage && state == HF_SESSION_CONNECTED && r->at < heard->at)
            return "it hears behind an outage what was said before it";
    }
    return NULL;
}

/* Whether the hearer did not read at any time between. What waits there then is its own affair. */
static bool was_paused(const court *c, const end *hearer, hf_time said, hf_time heard)
{
    const history *h = &c->histories[hearer->party];
    bool is_paused = false;
    for (const record *r = h->records; r < h->records + h->len && r->at <= heard; r++) {
        if (is_paused && r->at >= said)
            return true;
        if (r->channel == hearer->channel && (r->type == RECORD_PAUSED || r->type == RECORD_UNPAUSED))
            is_paused = r->type == RECORD_PAUSED;
    }
    return is_paused;
}

static bool was_replayed(const court *c, const end *hearer, hf_time heard)
{
    const history *h = &c->histories[hearer->party];
    for (const record *r = h->records; r < h->records + h->len && r->at <= heard; r++) {
        if (r->type == RECORD_REPLAYED && heard - r->at <= JUDGE_REPLAYED_AGE)
            return true;
    }
    return false;
}

static void hear_fresh(court *c, end *e)
{
    uint64_t newest = 0;
    for (size_t k = 0; k < e->sink->received.len; k++) {
        const record *heard = court_record(c, e->sink, &e->sink->received, k);
        size_t n;
        if (speaker(c, e->sink, &heard->message, &n) != e)
            continue;
        const record *said = court_record(c, e, &e->sent, n);
        const char *stale = heard->at - said->at > JUDGE_FRESH_AGE ? "it hears a stale one" : why_stale(c, e, said, heard);
        if (n + 1 <= newest)
            court_blame(c, e->sink->party, heard, n + 1 == newest ? "it hears twice" : "it hears a late one",
                        heard->message.id);
        else
            newest = n + 1;
        if (stale && !was_paused(c, e->sink, said->at, heard->at) && !was_replayed(c, e->sink, heard->at))
            court_blame(c, e->sink->party, heard, stale, heard->message.id);
    }
}

/* --- What is missing --------------------------------------------------------------------------------------------- */

/* Where nothing was heard, any channel of that name may be the one. */
static bool may_hear(const court *c, const end *other, const end *e)
{
    return e->sink ? other == e->sink
                   : other->party == e->remote && other->remote == e->party && !other->source &&
                         strcmp(name_of(c, other), name_of(c, e)) == 0;
}

/* The other side does not read, or it ended in the moment in which it began to: what it has is not known. */
static bool may_be_unread(const court *c, const end *e)
{
    for (size_t i = 0; i < c->ends_len; i++) {
        const end *other = c->ends[i];
        bool has_read_nothing = other->is_cut_off && other->over_at == other->unpaused_at;
        if (may_hear(c, other, e) && (other->is_paused || has_read_nothing))
            return true;
    }
    return false;
}

/* What a session that is not over has not delivered yet is for judge_sessions to ask about, where it is not connected. */
static bool is_due(const court *c, const end *e)
{
    const sitting *s = &c->sittings[e->party][e->session];
    if (e->is_cut_off || may_be_unread(c, e))
        return false;
    return e->over_at != HF_NEVER || s->state == HF_SESSION_CONNECTED;
}

/* It may have been in the memory of a process that ended, and its own side ended before it could meet the next. */
static bool may_have_died(const court *c, const end *e, const record *said)
{
    bool has_died = false;
    for (size_t i = 0; i < c->ends_len; i++) {
        const end *other = c->ends[i];
        if (other->before == e)
            return false; /* it has met it: continuity was lost, and told */
        has_died |= may_hear(c, other, e) && other->is_cut_off && said->at <= other->over_at;
    }
    return has_died;
}

static void find_missing(court *c, const end *e, const uint8_t *marks)
{
    for (size_t n = 0; n < e->sent.len; n++) {
        const record *r = court_record(c, e, &e->sent, n);
        if ((marks[n] & HEARD) && (marks[n] & NEVER_GIVEN))
            court_blame(c, e->party, r, "it got back as not sent what was heard", r->message.id);
        if (!(marks[n] & (HEARD | RETURNED)) && is_due(c, e) && !may_have_died(c, e, r)) {
            court_blame(c, e->party, r, "what it said was neither heard nor handed back", r->message.id);
            return; /* one for all of them */
        }
    }
}

static void judge_end(court *c, end *e)
{
    uint8_t *marks = calloc(e->sent.len + 1, 1);
    if (!marks)
        abort();
    if (e->delivery == FRESH) {
        if (e->sink)
            hear_fresh(c, e);
    } else {
        mark_returned(c, e, marks);
        if (e->sink)
            (e->delivery == ORDERED ? hear_ordered : hear_unordered)(c, e, marks);
        find_missing(c, e, marks);
    }
    free(marks);
}

void judge_streams(court *c)
{
    join_all(c);
    for (size_t i = 0; i < c->ends_len; i++)
        judge_end(c, c->ends[i]);
}
