/* frame.c: datagrams in a stream (RFC 4571 §2). */
#include "frame.h"

#include <assert.h>
#include <string.h>

static size_t length_at(const uint8_t *header)
{
    return (size_t)header[0] << 8 | header[1];
}

static hf_bytes take(hf_bytes *rest, size_t len)
{
    hf_bytes taken = hf_bytes_of(rest->data, len < rest->len ? len : rest->len);
    *rest = hf_bytes_of(rest->data + taken.len, rest->len - taken.len);
    return taken;
}

/* Holds bytes until `len` are held; false: they have not all come. */
static bool hold(hf_deframer *d, hf_bytes *rest, size_t len)
{
    if (d->held_len < len && rest->len > 0) {
        hf_bytes more = take(rest, len - d->held_len);
        memcpy(d->held + d->held_len, more.data, more.len);
        d->held_len += more.len;
    }
    return d->held_len >= len;
}

/* A frame that came in one piece is looked at where it lies. */
static bool is_whole(const hf_deframer *d, hf_bytes rest)
{
    if (d->held_len > 0 || rest.len < HF_FRAME_HEADER_SIZE)
        return false;
    size_t len = length_at(rest.data);
    return len <= HF_DATAGRAM_MAX && rest.len - HF_FRAME_HEADER_SIZE >= len;
}

hf_deframed hf_deframe(hf_deframer *d, hf_bytes *rest, hf_bytes *frame)
{
    if (d->skip > 0 && rest->len > 0)
        d->skip -= take(rest, d->skip).len;
    if (is_whole(d, *rest)) {
        hf_bytes header = take(rest, HF_FRAME_HEADER_SIZE);
        *frame = take(rest, length_at(header.data));
        return HF_DEFRAMED_FRAME;
    }
    if (!hold(d, rest, HF_FRAME_HEADER_SIZE))
        return HF_DEFRAMED_NOTHING;
    size_t len = length_at(d->held);
    if (len > HF_DATAGRAM_MAX) {
        d->held_len = 0;
        d->skip = len;
        return HF_DEFRAMED_TOO_LONG;
    }
    if (!hold(d, rest, HF_FRAME_HEADER_SIZE + len))
        return HF_DEFRAMED_NOTHING;
    d->held_len = 0;
    *frame = hf_bytes_of(d->held + HF_FRAME_HEADER_SIZE, len);
    return HF_DEFRAMED_FRAME;
}

static size_t write_frame(const hf_wrap *wrap, uint8_t *datagram, size_t len)
{
    (void)wrap;
    assert(len <= UINT16_MAX);
    datagram[-2] = (uint8_t)(len >> 8);
    datagram[-1] = (uint8_t)len;
    return HF_FRAME_HEADER_SIZE + len;
}

const hf_wrap hf_frame_wrap = {.before = HF_FRAME_HEADER_SIZE, .write = write_frame};
