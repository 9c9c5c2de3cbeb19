/* history.c: a growing list of records, and how it reads. */
#include "history.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const words[RECORD_TYPE_COUNT] = {
#define X(name, text) text,
    HISTORY_RECORDS(X)
#undef X
};

static void *grown(void *items, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return items;
    *cap = *cap ? 2 * *cap : 256;
    items = realloc(items, *cap * size);
    assert(items);
    return items;
}

void history_clear(history *h)
{
    free(h->records);
    free(h->channels);
    *h = (history){0};
}

void history_add(history *h, const record *r)
{
    h->records = grown(h->records, h->len, &h->cap, sizeof *h->records);
    h->records[h->len++] = *r;
}

uint32_t history_add_channel(history *h, uint32_t session, const char *name, delivery how)
{
    h->channels = grown(h->channels, h->channels_len, &h->channels_cap, sizeof *h->channels);
    history_channel *c = &h->channels[h->channels_len++];
    *c = (history_channel){.delivery = how, .session = session};
    snprintf(c->name, sizeof c->name, "%s", name);
    return (uint32_t)h->channels_len;
}

static void print_message(const record *r)
{
    printf(" [%llu] of %u bytes", (unsigned long long)(r->message.id & 0xFFFFFFFFFF), (unsigned)r->message.len);
}

static void print(const history *h, int party, const record *r)
{
    printf("  %10.3f %c", (double)r->at / 1e6, 'a' + party);
    if (r->remote >= 0)
        printf(" with %c", 'a' + r->remote);
    if (r->session > 0)
        printf(" #%u", (unsigned)r->session);
    if (r->channel > 0)
        printf(" %s.%u", h->channels[r->channel - 1].name, (unsigned)r->channel);
    printf(": %s", words[r->type]);
    switch ((int)r->type) {
    case RECORD_STATE:
        printf(" %s", hf_session_state_name((hf_session_state)r->number));
        break;
    case RECORD_BEGAN:
        printf(" with certificate %llu", (unsigned long long)r->number);
        break;
    case RECORD_RETURNED:
        printf("%s", r->number == 1 ? ", possibly delivered," : "");
        print_message(r);
        break;
    case RECORD_SENT:
    case RECORD_REFUSED:
    case RECORD_RECEIVED:
        print_message(r);
        break;
    }
    if (r->cause != HF_OK)
        printf(", %s", hf_err_name(r->cause));
    printf("\n");
}

/* The history whose next record is the earliest; `len`: none has one left. */
static size_t earliest(const history *histories, const size_t *at, size_t len)
{
    size_t best = len;
    for (size_t i = 0; i < len; i++) {
        if (at[i] < histories[i].len &&
            (best == len || histories[i].records[at[i]].at < histories[best].records[at[best]].at))
            best = i;
    }
    return best;
}

static size_t count_until(const history *h, hf_time until)
{
    size_t n = 0;
    while (n < h->len && h->records[n].at <= until)
        n++;
    return n;
}

void history_print(const history *histories, size_t len, size_t n, hf_time until)
{
    size_t at[8] = {0}, left = 0;
    assert(len <= sizeof at / sizeof *at);
    for (size_t i = 0; i < len; i++)
        left += count_until(&histories[i], until);
    for (size_t i = earliest(histories, at, len); i < len && left > 0; i = earliest(histories, at, len)) {
        if (left-- <= n)
            print(&histories[i], (int)i, &histories[i].records[at[i]]);
        at[i]++;
    }
}
