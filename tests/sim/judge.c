/* judge.c: out of records become channels' ends and sessions. */
#include "judge_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void court_blame(court *c, int party, const record *r, const char *rule, uint64_t which)
{
    verdict *v = c->verdict;
    if (v->len < JUDGE_FAULTS_MAX)
        v->faults[v->len] =
            (fault){.at = r->at, .party = party, .session = r->session, .channel = r->channel, .rule = rule, .which = which};
    v->len++;
}

void judge_print(const history *histories, const fault *f)
{
    printf("  fault: %10.3f %c", (double)f->at / 1e6, 'a' + f->party);
    if (f->session > 0)
        printf(" #%u", (unsigned)f->session);
    if (f->channel > 0)
        printf(" %s.%u", histories[f->party].channels[f->channel - 1].name, (unsigned)f->channel);
    printf(": %s", f->rule);
    if (f->which > 0)
        printf(" [%llu]", (unsigned long long)(f->which & 0xFFFFFFFFFF));
    printf("\n");
}

const record *court_record(const court *c, const end *e, const places *p, size_t n)
{
    return &c->histories[e->party].records[p->at[n]];
}

void court_walk(court *c, void (*look)(void *context, court *c, int party, const record *r), void *context)
{
    size_t at[COURT_PARTIES_MAX] = {0};
    for (;;) {
        size_t best = c->len;
        for (size_t i = 0; i < c->len; i++) {
            const history *h = &c->histories[i];
            if (at[i] < h->len && (best == c->len || h->records[at[i]].at < c->histories[best].records[at[best]].at))
                best = i;
        }
        if (best == c->len)
            return;
        look(context, c, (int)best, &c->histories[best].records[at[best]++]);
    }
}

/* --- Ends -------------------------------------------------------------------------------------------------------- */

void court_add_place(places *p, size_t at)
{
    if (p->len == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->at = realloc(p->at, p->cap * sizeof *p->at);
        assert(p->at);
    }
    p->at[p->len++] = at;
}

static end *add_end(court *c, int party, uint32_t channel)
{
    const history_channel *info = &c->histories[party].channels[channel - 1];
    end *e = calloc(1, sizeof *e);
    if (c->ends_len == c->ends_cap) {
        c->ends_cap = c->ends_cap ? 2 * c->ends_cap : 64;
        c->ends = realloc(c->ends, c->ends_cap * sizeof(end *));
    }
    assert(e && c->ends);
    *e =
        (end){.party = party, .session = info->session, .channel = channel, .delivery = info->delivery, .over_at = HF_NEVER};
    e->remote = c->sittings[party][info->session].remote;
    c->ends[c->ends_len++] = e;
    return c->ends_now[party][channel] = e;
}

/* Begins it behind a loss of continuity. */
static void begin_anew(court *c, end *e, hf_time now)
{
    e->over_at = now;
    end *next = add_end(c, e->party, e->channel);
    next->is_paused = e->is_paused;
    next->waits_for_room = e->waits_for_room;
    next->sequence_first = e->sequence_first + e->sent.len;
    next->before = e;
}

static void end_channel(end *e, hf_time now, bool is_cut_off)
{
    if (e->over_at != HF_NEVER)
        return;
    e->over_at = now;
    e->is_cut_off |= is_cut_off;
}

/* --- Reading ----------------------------------------------------------------------------------------------------- */

static void end_session(court *c, int party, uint32_t session, hf_time now, bool is_cut_off)
{
    sitting *s = &c->sittings[party][session];
    if (s->over_at == HF_NEVER)
        s->over_at = now;
    for (size_t i = 0; i < c->ends_len; i++) {
        if (c->ends[i]->party == party && c->ends[i]->session == session)
            end_channel(c->ends[i], now, is_cut_off);
    }
}

static void end_process(court *c, int party, hf_time now)
{
    for (uint32_t n = 1; n <= c->histories[party].sessions; n++) {
        if (c->sittings[party][n].begun_at != HF_NEVER)
            end_session(c, party, n, now, true);
    }
}

static void lose_continuity(court *c, int party, const record *r)
{
    size_t len = c->ends_len;
    for (size_t i = 0; i < len; i++) {
        end *e = c->ends[i];
        if (e->party == party && e->session == r->session && e->over_at == HF_NEVER)
            begin_anew(c, e, r->at);
    }
}

static bool is_last_state(const record *r)
{
    return r->number == HF_SESSION_CLOSED || r->number == HF_SESSION_FAILED;
}

static void read_channel(end *e, const record *r, size_t at)
{
    switch ((int)r->type) {
    case RECORD_SENT:
        court_add_place(&e->sent, at);
        break;
    case RECORD_RECEIVED:
        court_add_place(&e->received, at);
        break;
    case RECORD_RETURNED:
        court_add_place(&e->returned, at);
        break;
    case RECORD_PAUSED:
    case RECORD_UNPAUSED:
        e->is_paused = r->type == RECORD_PAUSED;
        e->unpaused_at = e->is_paused ? e->unpaused_at : r->at;
        break;
    case RECORD_REFUSED:
        e->waits_for_room |= r->cause == HF_EAGAIN;
        break;
    case RECORD_WRITABLE:
        e->waits_for_room = false;
        break;
    case RECORD_CHANNEL_CLOSED:
        end_channel(e, r->at, false);
        break;
    }
}

static void read_record(court *c, int party, size_t at)
{
    const record *r = &c->histories[party].records[at];
    sitting *s = &c->sittings[party][r->session];
    switch ((int)r->type) {
    case RECORD_BEGAN:
        c->sittings[party][0].identity = r->number;
        break;
    case RECORD_SESSION:
        *s = (sitting){.party = party,
                       .remote = r->remote,
                       .identity = c->sittings[party][0].identity,
                       .begun_at = r->at,
                       .over_at = HF_NEVER};
        break;
    case RECORD_ENDED:
        end_process(c, party, r->at);
        break;
    case RECORD_GONE:
        end_session(c, party, r->session, r->at, true);
        break;
    case RECORD_CONTINUITY_LOST:
        lose_continuity(c, party, r);
        break;
    case RECORD_STATE:
        if (is_last_state(r))
            end_session(c, party, r->session, r->at, false);
        break;
    }
    if (r->channel > 0) {
        end *e = c->ends_now[party][r->channel];
        read_channel(e ? e : add_end(c, party, r->channel), r, at);
    }
}

static void open_court(court *c)
{
    for (size_t i = 0; i < c->len; i++) {
        const history *h = &c->histories[i];
        c->ends_now[i] = calloc(h->channels_len + 1, sizeof(end *));
        c->sittings[i] = calloc(h->sessions + 1, sizeof(sitting));
        assert(c->ends_now[i] && c->sittings[i]);
        for (uint32_t n = 0; n <= h->sessions; n++)
            c->sittings[i][n].begun_at = HF_NEVER;
        for (size_t at = 0; at < h->len; at++)
            read_record(c, (int)i, at);
    }
}

static void close_court(court *c)
{
    for (size_t i = 0; i < c->ends_len; i++) {
        free(c->ends[i]->sent.at);
        free(c->ends[i]->received.at);
        free(c->ends[i]->returned.at);
        free(c->ends[i]);
    }
    free(c->ends);
    for (size_t i = 0; i < c->len; i++) {
        free(c->ends_now[i]);
        free(c->sittings[i]);
    }
}

void judge(const history *histories, size_t len, verdict *out)
{
    court c = {.histories = histories, .len = len, .verdict = out};
    assert(len <= COURT_PARTIES_MAX);
    *out = (verdict){0};
    open_court(&c);
    judge_sessions(&c);
    judge_streams(&c);
    close_court(&c);
}
