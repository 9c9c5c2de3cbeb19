/* frame.c: datagrams in a stream, however it is cut. */
#include "frame.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Frames as they were found, one behind the other: 'f' and the frame, or 'l' for one that was too long. */
typedef struct found {
    uint8_t text[16384];
    size_t len, frames, too_long;
} found;

static void note(found *f, const void *bytes, size_t len)
{
    cr_assert_leq(f->len + len, sizeof f->text);
    if (len > 0)
        memcpy(f->text + f->len, bytes, len);
    f->len += len;
}

static void feed(hf_deframer *d, const uint8_t *bytes, size_t len, found *f)
{
    uint8_t *copy = malloc(len > 0 ? len : 1); /* exactly as large, so that a sanitizer sees each overrun */
    if (len > 0)
        memcpy(copy, bytes, len);
    hf_bytes rest = hf_bytes_of(copy, len), frame;
    for (hf_deframed got; (got = hf_deframe(d, &rest, &frame)) != HF_DEFRAMED_NOTHING;) {
        note(f, got == HF_DEFRAMED_FRAME ? "f" : "l", 1);
        if (got == HF_DEFRAMED_FRAME)
            note(f, frame.data, frame.len);
        f->frames += got == HF_DEFRAMED_FRAME;
        f->too_long += got == HF_DEFRAMED_TOO_LONG;
    }
    cr_assert_eq(rest.len, 0, "all is taken before more is asked for");
    free(copy);
}

static size_t append(uint8_t *stream, size_t at, size_t len, uint8_t fill)
{
    memset(stream + at + 2, fill, len);
    stream[at] = (uint8_t)(len >> 8);
    stream[at + 1] = (uint8_t)len;
    return at + 2 + len;
}

/* Sizes that a stream may bring; the twins of each other stand together. */
static size_t some_stream(uint8_t *stream)
{
    size_t len = append(stream, 0, 1, 'a');
    len = append(stream, len, 0, 0);
    len = append(stream, len, 0, 0);
    len = append(stream, len, 255, 'b');
    len = append(stream, len, 256, 'c');
    len = append(stream, len, HF_DATAGRAM_MAX + 1, 'x');
    len = append(stream, len, HF_DATAGRAM_MAX, 'd');
    len = append(stream, len, 3, 'e');
    return len;
}

Test(frame, comes_out_as_it_went_in_wherever_the_stream_is_cut)
{
    static uint8_t stream[16384];
    static found whole, cut;
    hf_deframer *d = calloc(1, sizeof *d);
    size_t len = some_stream(stream);

    feed(d, stream, len, &whole);
    cr_assert_eq(whole.frames, 7);
    cr_assert_eq(whole.too_long, 1);
    cr_assert_eq(whole.len, 8 + 1 + 255 + 256 + HF_DATAGRAM_MAX + 3);
    for (size_t at = 0; at <= len; at++) {
        memset(d, 0, sizeof *d);
        memset(&cut, 0, sizeof cut);
        feed(d, stream, at, &cut);
        feed(d, stream + at, len - at, &cut);
        cr_assert_eq(cut.len, whole.len, "cut at %zu", at);
        cr_assert_eq(memcmp(cut.text, whole.text, whole.len), 0, "cut at %zu", at);
    }
    free(d);
}

Test(frame, comes_out_of_a_stream_that_comes_in_small_pieces)
{
    static uint8_t stream[16384];
    static found whole, cut;
    hf_deframer *d = calloc(1, sizeof *d);
    size_t len = some_stream(stream);

    feed(d, stream, len, &whole);
    for (size_t piece = 1; piece < 40; piece++) {
        memset(d, 0, sizeof *d);
        memset(&cut, 0, sizeof cut);
        for (size_t at = 0; at < len; at += piece)
            feed(d, stream + at, len - at < piece ? len - at : piece, &cut);
        cr_assert_eq(cut.len, whole.len, "pieces of %zu", piece);
        cr_assert_eq(memcmp(cut.text, whole.text, whole.len), 0, "pieces of %zu", piece);
    }
    free(d);
}

Test(frame, that_is_too_long_is_skipped_whatever_it_claims)
{
    static const struct {
        size_t len;
        bool is_too_long;
        const char *why;
    } table[] = {
        {0, false, "nothing in it"},
        {HF_DATAGRAM_MAX, false, "the longest"},
        {HF_DATAGRAM_MAX + 1, true, "one byte more"},
        {0x4745, true, "an HTTP request: \"GE\""},
        {0x1603, true, "a TLS hello: type 22, version 3"},
        {UINT16_MAX, true, "the most that two bytes say"},
    };
    static uint8_t stream[UINT16_MAX + 16];
    hf_deframer *d = calloc(1, sizeof *d);

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        static found f;
        memset(&f, 0, sizeof f);
        memset(d, 0, sizeof *d);
        size_t len = append(stream, append(stream, 0, table[i].len, 'x'), 2, 'y');
        feed(d, stream, len, &f);
        cr_expect_eq(f.too_long, table[i].is_too_long, "%s", table[i].why);
        cr_expect_eq(f.frames, table[i].is_too_long ? 1 : 2, "%s", table[i].why);
        cr_expect_eq(memcmp(f.text + f.len - 3, "fyy", 3), 0, "what comes behind it is found: %s", table[i].why);
    }
    free(d);
}

Test(frame, has_its_length_written_before_it)
{
    uint8_t bytes[4] = {0xFF, 0xFF, 'x', 0xFF};
    cr_expect_eq(hf_wrap_write(&hf_frame_wrap, bytes + 2, 0x1234), 0x1236);
    cr_expect_eq(memcmp(bytes, "\x12\x34x\xFF", 4), 0);
}
