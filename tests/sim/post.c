/* post.c: letters, and what becomes of them under way. */
#include "post.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 8

/* Its texts stand one behind the other, those that are NULL as 0. */
struct letter {
    hf_signal_type type;
    uint32_t offer, generation;
    int writer; /* -1: it does not say */
    uint64_t identity;
    size_t len;
    size_t at[TEXTS];
    char texts[];
};

letter *letter_of(const hf_envelope *e)
{
    const hf_signal *s = &e->signal;
    const char *texts[TEXTS] = {e->sender, e->receiver,  e->session, e->remote_session,
                                s->sdp,    s->candidate, s->mid,     s->ufrag};
    size_t len = 1;
    for (int i = 0; i < TEXTS; i++)
        len += texts[i] ? strlen(texts[i]) + 1 : 0;
    letter *l = malloc(sizeof *l + len);
    assert(l);
    *l = (letter){.type = s->type, .offer = e->offer, .generation = s->generation, .writer = -1, .len = len};
    size_t at = 1;
    for (int i = 0; i < TEXTS; i++) {
        if (!texts[i])
            continue;
        l->at[i] = at;
        memcpy(l->texts + at, texts[i], strlen(texts[i]) + 1);
        at += strlen(texts[i]) + 1;
    }
    return l;
}

letter *letter_copy(const letter *l)
{
    letter *same = malloc(sizeof *l + l->len);
    assert(same);
    memcpy(same, l, sizeof *l + l->len);
    return same;
}

void letter_sign(letter *l, int writer, uint64_t identity)
{
    l->writer = writer;
    l->identity = identity;
}

bool letter_is_signed(const letter *l, int *writer, uint64_t *identity)
{
    *writer = l->writer;
    *identity = l->identity;
    return l->writer >= 0;
}

static const char *text_of(const letter *l, int i)
{
    return l->at[i] > 0 ? l->texts + l->at[i] : NULL;
}

hf_envelope letter_read(const letter *l)
{
    return (hf_envelope){.sender = text_of(l, 0),
                         .receiver = text_of(l, 1),
                         .session = text_of(l, 2),
                         .remote_session = text_of(l, 3),
                         .offer = l->offer,
                         .signal = {.type = l->type,
                                    .generation = l->generation,
                                    .sdp = text_of(l, 4),
                                    .candidate = text_of(l, 5),
                                    .mid = text_of(l, 6),
                                    .ufrag = text_of(l, 7)}};
}

void post_send(sim *s, letter *l, timeline_land land, void *receiver)
{
    if (s->post.cut || (s->post.loss > 0 && sim_random(s, 1000) < s->post.loss)) {
        free(l);
        return;
    }
    hf_time leaves_at = s->now > s->post_since ? s->now : s->post_since;
    for (bool again = true; again;) {
        again = s->post.duplicate > 0 && sim_random(s, 1000) < s->post.duplicate;
        timeline_add(&s->timeline, leaves_at + sim_link_delay(s, &s->post), land, receiver, again ? letter_copy(l) : l);
    }
}
