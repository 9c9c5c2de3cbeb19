/* control.c: control messages, written and read. */
#include "control.h"

#include <string.h>

static const uint8_t no_id[HF_SESSION_ID_BYTES];

/* --- Reading -------------------------------------------------------------------------------------------------------- */

static hf_channel_ref read_ref(hf_reader *r)
{
    uint64_t value = hf_read_varint(r);
    if (value >> 1 == 0)
        r->ok = false;
    return (hf_channel_ref){.incarnation = value >> 1, .of_writer = (value & 1) != 0};
}

/* Two numbers a range: how many are missing before it, less one, and how many follow its first (as in RFC 9000 §19.3.1). So
 * they are in order and apart, whatever the numbers are. */
static bool read_range(hf_reader *r, uint64_t *after, hf_range *out)
{
    uint64_t gap = hf_read_varint(r), more = hf_read_varint(r);
    out->first = *after + 2 + gap;
    out->last = out->first + more;
    *after = out->last;
    return r->ok && out->last <= HF_VARINT_MAX;
}

static void read_received(hf_reader *r, hf_control_received *out)
{
    out->channel = read_ref(r);
    out->received = hf_read_varint(r);
    out->window = hf_read_varint(r);
    out->message_max = hf_read_varint(r);
    uint64_t n = hf_read_varint(r), after = out->received;
    hf_range range;
    hf_bytes before = r->rest;
    for (uint64_t i = 0; r->ok && i < n; i++) {
        if (!read_range(r, &after, &range))
            r->ok = false;
    }
    out->ranges = (hf_control_ranges){.rest = hf_bytes_of(before.data, before.len - r->rest.len), .after = out->received};
}

static void read_last(hf_reader *r, hf_control_last *out)
{
    out->channel = read_ref(r);
    out->last = hf_read_varint(r);
}

bool hf_control_next_received(hf_bytes *list, hf_control_received *out)
{
    hf_reader r = hf_reader_of(*list);
    if (list->len == 0)
        return false;
    read_received(&r, out);
    *list = r.rest;
    return r.ok;
}

bool hf_control_next_range(hf_control_ranges *ranges, hf_range *out)
{
    hf_reader r = hf_reader_of(ranges->rest);
    bool ok = read_range(&r, &ranges->after, out);
    ranges->rest = r.rest;
    return ok;
}

bool hf_control_next_last(hf_bytes *list, hf_control_last *out)
{
    hf_reader r = hf_reader_of(*list);
    if (list->len == 0)
        return false;
    read_last(&r, out);
    *list = r.rest;
    return r.ok;
}

/* Takes all that is left for a list, once it is known to be one. */
static hf_bytes take_received(hf_reader *r)
{
    hf_bytes list = r->rest;
    hf_control_received item;
    while (r->ok && r->rest.len > 0)
        read_received(r, &item);
    return list;
}

static hf_bytes take_lasts(hf_reader *r)
{
    hf_bytes list = r->rest;
    hf_control_last item;
    while (r->ok && r->rest.len > 0)
        read_last(r, &item);
    return list;
}

static void read_id(hf_reader *r, uint8_t out[HF_SESSION_ID_BYTES])
{
    hf_bytes id = hf_read_bytes(r, HF_SESSION_ID_BYTES);
    memcpy(out, id.data ? id.data : no_id, HF_SESSION_ID_BYTES);
}

static hf_err read_hello(hf_reader *r, hf_control *out)
{
    uint64_t version = hf_read_varint(r);
    if (!r->ok || version > UINT32_MAX)
        return HF_ESYNTAX;
    out->u.hello.version = (uint32_t)version;
    if (version != HF_PROTOCOL_VERSION)
        return HF_ENOTSUP;
    read_id(r, out->u.hello.session);
    read_id(r, out->u.hello.remote);
    uint64_t generation = hf_read_varint(r);
    if (generation == 0 || generation > UINT32_MAX || memcmp(out->u.hello.session, no_id, sizeof no_id) == 0)
        return HF_ESYNTAX;
    out->u.hello.generation = (uint32_t)generation;
    out->u.hello.received = take_received(r);
    return HF_OK;
}

hf_err hf_control_read(hf_bytes message, hf_control *out)
{
    hf_err err = HF_OK;
    hf_reader r = hf_reader_of(message);
    *out = (hf_control){.type = (hf_control_type)hf_read_u8(&r)};
    if (message.len > HF_CONTROL_MESSAGE_MAX)
        return HF_ESYNTAX;
    switch (out->type) {
    case HF_CONTROL_HELLO:
        err = read_hello(&r, out);
        break;
    case HF_CONTROL_ACK:
        out->u.ack.received = take_received(&r);
        break;
    case HF_CONTROL_CLOSE:
        read_last(&r, &out->u.close);
        break;
    case HF_CONTROL_CLOSED:
        read_last(&r, &out->u.closed);
        break;
    case HF_CONTROL_BYE:
        out->u.bye.lasts = take_lasts(&r);
        break;
    case HF_CONTROL_BYE_DONE:
        break;
    case HF_CONTROL_PING:
        out->u.ping.token = hf_read_u64(&r);
        break;
    case HF_CONTROL_PONG:
        out->u.pong.token = hf_read_u64(&r);
        break;
    default: /* of a later version; 0 is none */
        return out->type != 0 ? HF_OK : HF_ESYNTAX;
    }
    if (err != HF_OK)
        return err;
    return r.ok && r.rest.len == 0 ? HF_OK : HF_ESYNTAX;
}

/* --- Writing -------------------------------------------------------------------------------------------------------- */

static void write_ref(hf_writer *w, const hf_channel_ref *ref)
{
    hf_write_varint(w, ref->incarnation << 1 | (ref->of_writer ? 1 : 0));
}

void hf_control_write_hello(hf_writer *w, const uint8_t session[HF_SESSION_ID_BYTES],
                            const uint8_t remote[HF_SESSION_ID_BYTES], uint32_t generation)
{
    hf_write_u8(w, HF_CONTROL_HELLO);
    hf_write_varint(w, HF_PROTOCOL_VERSION);
    hf_write_bytes(w, hf_bytes_of(session, HF_SESSION_ID_BYTES));
    hf_write_bytes(w, hf_bytes_of(remote, HF_SESSION_ID_BYTES));
    hf_write_varint(w, generation);
}

void hf_control_write_ack(hf_writer *w)
{
    hf_write_u8(w, HF_CONTROL_ACK);
}

/* How many of the ranges there is room for in `room` bytes. */
static size_t ranges_that_fit(const hf_ranges *ranges, uint64_t after, size_t room)
{
    uint8_t scratch[2 * HF_VARINT_SIZE_MAX];
    size_t n = 0;
    for (; n < ranges->len && n < HF_CONTROL_RANGES_MAX; n++) {
        hf_writer w = hf_writer_of(scratch, sizeof scratch);
        hf_write_varint(&w, ranges->items[n].first - after - 2);
        hf_write_varint(&w, ranges->items[n].last - ranges->items[n].first);
        if (w.len > room)
            break;
        room -= w.len;
        after = ranges->items[n].last;
    }
    return n;
}

bool hf_control_write_received(hf_writer *w, const hf_control_received *item, const hf_ranges *ranges)
{
    if (!w->ok || w->cap - w->len < HF_CONTROL_ITEM_MAX)
        return false;
    write_ref(w, &item->channel);
    hf_write_varint(w, item->received);
    hf_write_varint(w, item->window);
    hf_write_varint(w, item->message_max);
    uint64_t after = item->received;
    size_t n = ranges_that_fit(ranges, after, w->cap - w->len - 1);
    hf_write_varint(w, n);
    for (size_t i = 0; i < n; i++) {
        hf_write_varint(w, ranges->items[i].first - after - 2);
        hf_write_varint(w, ranges->items[i].last - ranges->items[i].first);
        after = ranges->items[i].last;
    }
    return true;
}

void hf_control_write_last(hf_writer *w, const hf_control_last *item)
{
    write_ref(w, &item->channel);
    hf_write_varint(w, item->last);
}

void hf_control_write_close(hf_writer *w, hf_control_type type, const hf_control_last *item)
{
    hf_write_u8(w, (uint8_t)type);
    hf_control_write_last(w, item);
}

void hf_control_write_bye(hf_writer *w, hf_control_type type)
{
    hf_write_u8(w, (uint8_t)type);
}

void hf_control_write_ping(hf_writer *w, hf_control_type type, uint64_t token)
{
    hf_write_u8(w, (uint8_t)type);
    hf_write_u64(w, token);
}
