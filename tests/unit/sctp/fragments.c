/* fragments.c: unordered fragments, marked on one side of usrsctp and put together on the other. */
#include <criterion/criterion.h>
#include <env.h>

#include <fragments.h>

#include <alloc.h>
#include <string.h>

enum { U = 4, B = 2, E = 1, WHOLE = B | E };

/* A packet of one DATA chunk (RFC 9260 §3.3.1) with four bytes of user data. */
static hf_bytes packet_of(uint8_t *out, uint8_t flags, uint32_t tsn, uint32_t ppid)
{
    hf_writer w = hf_writer_of(out, 12 + 20);
    hf_write_zeroes(&w, 12);
    hf_write_u8(&w, 0);
    hf_write_u8(&w, flags);
    hf_write_u16(&w, 20);
    hf_write_u32(&w, tsn);
    hf_write_u32(&w, 0x00030000);
    hf_write_u32(&w, ppid);
    hf_write_u32(&w, tsn);
    return hf_bytes_of(out, w.len);
}

static uint32_t ppid_in(const uint8_t *packet)
{
    hf_reader r = hf_reader_of(hf_bytes_of(packet + 24, 4));
    return hf_read_u32(&r);
}

Test(sctp_fragments, are_marked_and_what_looks_like_a_mark_is_not_believed)
{
    static const struct {
        uint8_t flags;
        uint32_t ppid;
        bool touched, marked;
        uint32_t ppid_out;
        const char *why;
    } rows[] = {
        {U | B, 53, true, true, 53, "the first of several"},
        {U, 53, true, true, 53, "one from the middle"},
        {U | E, 51, true, true, 51, "the last"},
        {U | WHOLE, 53, false, false, 53, "a whole one is usrsctp's business"},
        {B, 53, false, false, 53, "an ordered one too"},
        {U | WHOLE, 0xE0000035, true, false, 0, "a PPID that would pass for a mark"},
        {WHOLE, 0x80000035, true, false, 0, "the same, ordered"},
        {U | B, 0xFFFFFFFF, true, true, 0, "the same, in a fragment"},
        {WHOLE, 0x1FFFFFFF, false, false, 0x1FFFFFFF, "a large PPID that is none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t in[32], out[32];
        hf_bytes packet = packet_of(in, rows[i].flags, 7, rows[i].ppid);
        bool touched = hf_fragments_mark(packet, out);
        cr_expect_eq(touched, rows[i].touched, "%s", rows[i].why);
        uint32_t ppid = ppid_in(touched ? out : in);
        cr_expect_eq(hf_fragments_is_marked(ppid), rows[i].marked, "%s", rows[i].why);
        cr_expect_eq(hf_fragments_ppid(ppid), rows[i].ppid_out, "%s", rows[i].why);
        if (rows[i].marked)
            cr_expect_eq(out[13], rows[i].flags | WHOLE, "%s", rows[i].why);
    }
}

Test(sctp_fragments, marks_stay_inside_any_packet)
{
    static const uint8_t cut[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, U, 0, 17, 0, 0, 0, 1, 0, 0};
    for (size_t len = 0; len <= sizeof cut; len++) {
        uint8_t out[sizeof cut];
        cr_expect_not(hf_fragments_mark(hf_bytes_of(cut, len), out), "%zu bytes", len);
    }
}

typedef struct fixture {
    test_env t;
    hf_fragments fragments;
} fixture;

static void begin(fixture *f)
{
    hf_fragments_init(&f->fragments, test_env_init(&f->t, 1));
}

static void finish(fixture *f)
{
    hf_fragments_clear(&f->fragments);
    cr_expect_eq(f->t.blocks, 0);
}

/* Adds a fragment of `size` bytes; true: its message is whole now. */
static bool add(fixture *f, uint32_t tsn, uint16_t stream, uint8_t flags, size_t size, uint32_t *first)
{
    uint8_t in[32], out[32];
    static uint8_t data[2000];
    bool whole = false;
    cr_assert(hf_fragments_mark(packet_of(in, (uint8_t)(U | flags), tsn, 53), out));
    memset(data, (int)(tsn & 0xFF), size);
    cr_assert_eq(hf_fragments_add(&f->fragments, hf_bytes_of(data, size), tsn, stream, ppid_in(out), &whole, first), HF_OK);
    return whole;
}

static void take_all(fixture *f, uint32_t first, size_t expected)
{
    cr_expect_eq(hf_fragments_message_len(&f->fragments, first), expected);
    for (bool last = false; !last; first++) {
        hf_fragment *fragment = hf_fragments_take(&f->fragments, first);
        cr_assert(fragment);
        cr_expect_eq(fragment->data[0], first & 0xFF);
        last = hf_fragment_is_last(fragment);
        hf_dealloc(&f->t.env, fragment);
    }
}

Test(sctp_fragments, in_any_order_make_their_message)
{
    static const uint32_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}, {0, 3, 1, 2}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        fixture f;
        uint32_t first, base = 0xFFFFFFFE; /* across the end of the numbers */
        begin(&f);
        for (size_t n = 0; n < 4; n++) {
            uint32_t at = orders[i][n];
            uint8_t flags = at == 0 ? B : at == 3 ? E : 0;
            cr_expect_eq(add(&f, base + at, 1, flags, 10 + at, &first), n == 3);
        }
        cr_expect_eq(first, base);
        take_all(&f, first, 46);
        cr_expect_eq(f.fragments.len, 0);
        cr_expect_eq(f.fragments.bytes, 0);
        finish(&f);
    }
}

Test(sctp_fragments, of_two_messages_side_by_side_do_not_mix)
{
    fixture f;
    uint32_t first;
    begin(&f);
    cr_expect_not(add(&f, 10, 1, B, 1, &first));
    cr_expect_not(add(&f, 12, 1, B, 1, &first), "the first one's end is missing");
    cr_expect(add(&f, 13, 1, E, 1, &first));
    cr_expect_eq(first, 12);
    take_all(&f, 12, 2);
    cr_expect(add(&f, 11, 1, E, 1, &first));
    cr_expect_eq(first, 10);
    take_all(&f, 10, 2);
    finish(&f);
}

Test(sctp_fragments, that_belong_to_nobody_wait_and_are_forgotten)
{
    static const struct {
        struct {
            uint32_t tsn;
            uint16_t stream;
            uint8_t flags;
        } in[3];
        uint32_t forget;
        size_t gone, left;
        const char *why;
    } rows[] = {
        {{{10, 1, B}, {11, 2, 0}, {12, 1, E}}, 12, 3, 0, "another stream's between them"},
        {{{10, 1, B}, {11, 1, B}, {12, 1, 0}}, 12, 1, 2, "a beginning that goes on, behind one without an end"},
        {{{10, 1, 0}, {11, 1, 0}, {12, 1, E}}, 9, 0, 3, "the beginning may still come"},
        {{{10, 1, 0}, {11, 1, 0}, {12, 1, E}}, 10, 3, 0, "it will not: what was before has been acknowledged"},
        {{{10, 1, B}, {11, 1, 0}, {13, 1, E}}, 11, 0, 3, "12 may still come"},
        {{{10, 1, B}, {11, 1, 0}, {13, 1, E}}, 12, 2, 1, "12 was given up; 13 is not acknowledged yet"},
        {{{10, 1, B}, {11, 1, 0}, {13, 1, E}}, 13, 3, 0, "12 was given up, and 13 goes too"},
        {{{10, 1, B}, {11, 1, B}, {12, 1, B}}, 0x7FFFFFFF, 3, 0, "a jump"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture f;
        uint32_t first;
        begin(&f);
        for (size_t n = 0; n < 3; n++)
            cr_expect_not(add(&f, rows[i].in[n].tsn, rows[i].in[n].stream, rows[i].in[n].flags, 1, &first), "%s",
                          rows[i].why);
        cr_expect_eq(hf_fragments_forget(&f.fragments, rows[i].forget), rows[i].gone, "%s", rows[i].why);
        cr_expect_eq(f.fragments.len, rows[i].left, "%s", rows[i].why);
        finish(&f);
    }
}

Test(sctp_fragments, are_kept_within_a_span)
{
    fixture f;
    uint32_t first;
    bool whole;
    begin(&f);
    cr_expect_not(add(&f, 5, 1, B, 1, &first));
    cr_expect_not(add(&f, 5 + HF_FRAGMENTS_SPAN_MAX - 1, 1, 0, 1, &first));
    cr_expect_eq(hf_fragments_add(&f.fragments, hf_bytes_of("x", 1), 5 + HF_FRAGMENTS_SPAN_MAX, 1, 53, &whole, &first),
                 HF_ELIMIT);
    cr_expect_eq(hf_fragments_add(&f.fragments, hf_bytes_of("x", 1), 4, 1, 53, &whole, &first), HF_ELIMIT);
    cr_expect_eq(f.fragments.len, 2);
    finish(&f);
}

Test(sctp_fragments, survive_each_failed_allocation)
{
    test_env t = {0};
    for (size_t n = 1; test_env_next_failure(&t, n, 1); n++) {
        hf_fragments fragments;
        hf_fragments_init(&fragments, &t.env);
        for (uint32_t tsn = 0; tsn < 300; tsn++) {
            bool whole;
            uint32_t first;
            size_t len = fragments.len;
            hf_err err = hf_fragments_add(&fragments, hf_bytes_of("x", 1), tsn, 1, 0x80000035, &whole, &first);
            cr_expect(err == HF_OK || (err == HF_ENOMEM && fragments.len == len));
        }
        hf_fragments_clear(&fragments);
        cr_expect_eq(t.blocks, 0);
    }
}
