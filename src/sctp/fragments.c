/* fragments.c: unordered fragments on both sides of usrsctp: marked before it, put together behind it. */
#include "fragments.h"

#include "alloc.h"
#include "chunk.h"

#include <string.h>

#define FIRST_CAP 256

/* RFC 9260 §3.3.1: the flags of DATA. */
#define FLAG_ENDING 1
#define FLAG_BEGINNING 2
#define FLAG_UNORDERED 4
#define FLAGS_WHOLE (FLAG_BEGINNING | FLAG_ENDING)

/* Where they are in the packet, from the chunk's header on. */
#define FLAGS_AT 1
#define PPID_AT 12

/* What we put into the upper bits of the PPID, which no PPID of a data channel has (RFC 8831 §8). */
#define MARK 0x80000000u
#define MARK_BEGINNING 0x40000000u
#define MARK_ENDING 0x20000000u
#define MARKS (MARK | MARK_BEGINNING | MARK_ENDING)

void hf_fragments_init(hf_fragments *fragments, const hf_env *env)
{
    *fragments = (hf_fragments){.env = env};
}

bool hf_fragments_is_marked(uint32_t ppid)
{
    return (ppid & MARK) != 0;
}

uint32_t hf_fragments_ppid(uint32_t ppid)
{
    return ppid & ~MARKS;
}

bool hf_fragment_is_last(const hf_fragment *fragment)
{
    return (fragment->ppid & MARK_ENDING) != 0;
}

static bool is_first(const hf_fragment *fragment)
{
    return (fragment->ppid & MARK_BEGINNING) != 0;
}

/* --- Marking -------------------------------------------------------------------------------------------------------- */

static uint32_t ppid_of(const hf_chunk *chunk)
{
    hf_reader r = hf_reader_of(chunk->value);
    hf_read_skip(&r, PPID_AT - 4);
    return hf_read_u32(&r);
}

static bool is_fragment(const hf_chunk *chunk)
{
    return (chunk->flags & FLAG_UNORDERED) != 0 && (chunk->flags & FLAGS_WHOLE) != FLAGS_WHOLE;
}

/* A PPID of the remote's own that looks like a mark becomes 0, which is as unknown as it was. */
static uint32_t marked(const hf_chunk *chunk)
{
    uint32_t ppid = ppid_of(chunk);
    if ((ppid & MARKS) != 0)
        ppid = 0;
    if (!is_fragment(chunk))
        return ppid;
    return ppid | MARK | ((chunk->flags & FLAG_BEGINNING) != 0 ? MARK_BEGINNING : 0) |
           ((chunk->flags & FLAG_ENDING) != 0 ? MARK_ENDING : 0);
}

bool hf_fragments_mark(hf_bytes packet, uint8_t *copy)
{
    hf_reader chunks;
    hf_chunk chunk;
    bool any = false;
    if (!hf_chunks_of(packet, &chunks))
        return false;
    for (const uint8_t *at = chunks.rest.data; hf_chunk_next(&chunks, &chunk); at = chunks.rest.data) {
        if (chunk.type != HF_CHUNK_DATA || (!is_fragment(&chunk) && (ppid_of(&chunk) & MARKS) == 0))
            continue;
        if (!any)
            memcpy(copy, packet.data, packet.len);
        any = true;
        uint8_t *out = copy + (at - packet.data);
        hf_writer w = hf_writer_of(out + PPID_AT, 4);
        hf_write_u32(&w, marked(&chunk));
        if (is_fragment(&chunk))
            out[FLAGS_AT] |= FLAGS_WHOLE;
    }
    return any;
}

/* --- Keeping -------------------------------------------------------------------------------------------------------- */

static hf_fragment *at(const hf_fragments *fragments, uint32_t tsn)
{
    hf_fragment *fragment = fragments->cap > 0 ? fragments->by_tsn[tsn & (fragments->cap - 1)] : NULL;
    return fragment && fragment->tsn == tsn ? fragment : NULL;
}

static void let_go(hf_fragments *fragments, hf_fragment *fragment)
{
    fragments->by_tsn[fragment->tsn & (fragments->cap - 1)] = NULL;
    fragments->len--;
    fragments->bytes -= sizeof *fragment + fragment->len;
}

void hf_fragments_clear(hf_fragments *fragments)
{
    for (size_t i = 0; i < fragments->cap; i++)
        hf_dealloc(fragments->env, fragments->by_tsn[i]);
    if (fragments->env)
        hf_dealloc(fragments->env, fragments->by_tsn);
    *fragments = (hf_fragments){.env = fragments->env};
}

void hf_fragments_clear_if_empty(hf_fragments *fragments)
{
    if (fragments->len == 0)
        hf_fragments_clear(fragments);
}

const hf_fragment *hf_fragments_at(const hf_fragments *fragments, uint32_t tsn)
{
    return at(fragments, tsn);
}

static hf_err grow(hf_fragments *fragments, size_t span)
{
    size_t cap = fragments->cap > 0 ? fragments->cap : FIRST_CAP;
    while (cap < span)
        cap *= 2;
    if (cap > HF_FRAGMENTS_SPAN_MAX)
        return HF_ELIMIT;
    if (cap == fragments->cap)
        return HF_OK;
    hf_fragment **ring = hf_alloc_array(fragments->env, cap, sizeof(hf_fragment *));
    if (!ring)
        return HF_ENOMEM;
    for (size_t i = 0; i < fragments->cap; i++)
        if (fragments->by_tsn[i])
            ring[fragments->by_tsn[i]->tsn & (cap - 1)] = fragments->by_tsn[i];
    hf_dealloc(fragments->env, fragments->by_tsn);
    fragments->by_tsn = ring;
    fragments->cap = cap;
    return HF_OK;
}

static hf_err make_room(hf_fragments *fragments, uint32_t tsn)
{
    uint32_t low = tsn, high = tsn;
    if (fragments->len > 0) {
        low = (int32_t)(tsn - fragments->low) < 0 ? tsn : fragments->low;
        high = (int32_t)(tsn - fragments->high) > 0 ? tsn : fragments->high;
    }
    hf_err err = grow(fragments, (size_t)(high - low) + 1);
    if (err != HF_OK)
        return err;
    fragments->low = low;
    fragments->high = high;
    return HF_OK;
}

static bool go_together(const hf_fragment *left, const hf_fragment *right)
{
    return left && right && !hf_fragment_is_last(left) && !is_first(right) && left->stream == right->stream &&
           hf_fragments_ppid(left->ppid) == hf_fragments_ppid(right->ppid);
}

hf_err hf_fragments_add(hf_fragments *fragments, hf_bytes data, uint32_t tsn, uint16_t stream, uint32_t ppid, bool *whole,
                        uint32_t *first)
{
    *whole = false;
    if (at(fragments, tsn))
        return HF_OK; /* a TSN comes once */
    hf_err err = make_room(fragments, tsn);
    if (err != HF_OK)
        return err;
    hf_fragment *fragment = hf_alloc_unfilled(fragments->env, sizeof *fragment + data.len);
    if (!fragment)
        return HF_ENOMEM;
    *fragment = (hf_fragment){.tsn = tsn, .stream = stream, .ppid = ppid, .run = tsn, .len = data.len};
    memcpy(fragment->data, data.data, data.len);
    hf_fragment *left = at(fragments, tsn - 1), *right = at(fragments, tsn + 1);
    fragments->by_tsn[tsn & (fragments->cap - 1)] = fragment;
    fragments->len++;
    fragments->bytes += sizeof *fragment + data.len;

    uint32_t begin = go_together(left, fragment) ? left->run : tsn;
    uint32_t end = go_together(fragment, right) ? right->run : tsn;
    hf_fragment *head = at(fragments, begin), *tail = at(fragments, end);
    head->run = end;
    tail->run = begin;
    *whole = is_first(head) && hf_fragment_is_last(tail);
    *first = begin;
    return HF_OK;
}

size_t hf_fragments_message_len(const hf_fragments *fragments, uint32_t first)
{
    size_t len = 0;
    for (const hf_fragment *fragment = at(fragments, first); fragment; fragment = at(fragments, fragment->tsn + 1)) {
        len += fragment->len;
        if (hf_fragment_is_last(fragment))
            break;
    }
    return len;
}

hf_fragment *hf_fragments_take(hf_fragments *fragments, uint32_t tsn)
{
    hf_fragment *fragment = at(fragments, tsn);
    if (fragment)
        let_go(fragments, fragment);
    return fragment;
}

static size_t drop_run(hf_fragments *fragments, uint32_t first, uint32_t last)
{
    size_t n = 0;
    for (uint32_t tsn = first; tsn != last + 1; tsn++) {
        hf_fragment *fragment = at(fragments, tsn);
        let_go(fragments, fragment);
        hf_dealloc(fragments->env, fragment);
        n++;
    }
    return n;
}

/* A run that does not begin its message, or that ends before `tsn` without ending it, lacks a neighbour for ever. */
size_t hf_fragments_forget(hf_fragments *fragments, uint32_t tsn)
{
    size_t n = 0;
    uint32_t low = fragments->low;
    while (fragments->len > 0 && (int32_t)(low - tsn) <= 0 && (int32_t)(low - fragments->high) <= 0) {
        const hf_fragment *head = at(fragments, low);
        uint32_t last = head ? head->run : low;
        bool alive = head && is_first(head) && (int32_t)(last - tsn) >= 0;
        if (alive)
            break;
        if (head)
            n += drop_run(fragments, low, last);
        low = last + 1;
    }
    fragments->low = low;
    return n;
}
