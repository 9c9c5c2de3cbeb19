/* bytes.c: cursors that remember that they ran short, and comparisons. */
#include "bytes.h"
#include "corpus.h"

#include <criterion/criterion.h>
#include <string.h>

Test(bytes, numbers_are_read_in_network_order)
{
    static const uint8_t data[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                   15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
    hf_reader r = hf_reader_of(hf_bytes_of(data, sizeof data));

    cr_expect_eq(hf_read_u8(&r), 0x01);
    cr_expect_eq(hf_read_u16(&r), 0x0203);
    cr_expect_eq(hf_read_u24(&r), 0x040506);
    cr_expect_eq(hf_read_u32(&r), 0x0708090a);
    cr_expect_eq(hf_read_u48(&r), 0x0b0c0d0e0f10);
    cr_expect_eq(hf_read_u64(&r), 0x1112131415161718);
    hf_read_skip(&r, 1);
    hf_bytes last = hf_read_bytes(&r, 2);
    cr_expect_eq(last.len, 2);
    cr_expect_eq(last.data, data + 25, "a view, not a copy");
    cr_expect_eq(r.rest.len, 0);
    cr_expect(r.ok);
}

Test(bytes, a_reader_that_ran_short_stays_so_and_yields_zero)
{
    hf_bytes data = corpus_bytes_of_hex("ffffff");
    hf_reader r = hf_reader_of(data);

    cr_expect_eq(hf_read_u32(&r), 0, "three bytes are no u32");
    cr_expect_not(r.ok);
    cr_expect_eq(hf_read_u8(&r), 0, "not even what would have fitted");
    cr_expect_eq(hf_read_bytes(&r, 1).len, 0);
    cr_expect_eq(hf_read_bytes(&r, 0).len, 0);
    cr_expect_eq(r.rest.len, 0);
    hf_read_skip(&r, 0);
    cr_expect_not(r.ok);
    corpus_free(data);
}

Test(bytes, a_reader_can_be_read_to_its_end_exactly)
{
    for (size_t len = 0; len < 12; len++) {
        static const uint8_t data[12] = {0};
        hf_reader r = hf_reader_of(hf_bytes_of(data, len));
        hf_read_u64(&r);
        cr_expect_eq(r.ok, len >= 8, "%zu bytes", len);
        r = hf_reader_of(hf_bytes_of(data, len));
        hf_read_skip(&r, len);
        cr_expect(r.ok);
        hf_read_skip(&r, 1);
        cr_expect_not(r.ok);
    }
    hf_reader nothing = hf_reader_of(hf_bytes_of(NULL, 0));
    cr_expect_eq(hf_read_bytes(&nothing, 0).len, 0);
    cr_expect(nothing.ok);
    hf_read_skip(&nothing, SIZE_MAX);
    cr_expect_not(nothing.ok);
}

Test(bytes, numbers_are_written_in_network_order)
{
    uint8_t data[26];
    hf_writer w = hf_writer_of(data, sizeof data);
    hf_write_u8(&w, 0x01);
    hf_write_u16(&w, 0x0203);
    hf_write_u24(&w, 0x040506);
    hf_write_u32(&w, 0x0708090a);
    hf_write_u64(&w, 0x0b0c0d0e0f101112);
    hf_write_bytes(&w, hf_bytes_of_text("ab"));
    hf_write_zeroes(&w, 6);
    hf_write_u16_at(&w, 24, 0xfffe);

    hf_bytes expected = corpus_bytes_of_hex("01 0203 040506 0708090a 0b0c0d0e0f101112 6162 00000000 fffe");
    cr_assert(w.ok);
    cr_assert_eq(w.len, expected.len);
    cr_expect_arr_eq(data, expected.data, expected.len);
    corpus_free(expected);
}

Test(bytes, a_writer_that_ran_short_stays_so_and_writes_nothing)
{
    uint8_t data[8];
    memset(data, 0xA5, sizeof data);
    hf_writer w = hf_writer_of(data, 3);
    hf_write_u32(&w, 0);
    cr_expect_not(w.ok);
    hf_write_u8(&w, 0);
    hf_write_bytes(&w, hf_bytes_of_text("a"));
    hf_write_bytes(&w, hf_bytes_of(NULL, 0));
    hf_write_zeroes(&w, 1);
    hf_write_u16_at(&w, 0, 0);
    cr_expect_not(w.ok);
    cr_expect_eq(w.len, 0);
    for (size_t i = 0; i < sizeof data; i++)
        cr_expect_eq(data[i], 0xA5);

    w = hf_writer_of(data, 3);
    hf_write_u16(&w, 0xA5A5);
    hf_write_u16(&w, 0);
    hf_write_u16_at(&w, 0, 0);
    cr_expect_eq(data[0], 0xA5, "nothing is overwritten either");

    w = hf_writer_of(data, sizeof data);
    hf_write_zeroes(&w, SIZE_MAX);
    cr_expect_not(w.ok, "a length that overflows");
}

Test(bytes, only_what_was_written_can_be_overwritten)
{
    uint8_t data[8] = {0};
    static const struct {
        size_t len, at;
        bool ok;
    } table[] = {{2, 0, true}, {2, 1, false}, {1, 0, false},       {0, 0, false},
                 {4, 2, true}, {4, 3, false}, {4, SIZE_MAX, false}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_writer w = hf_writer_of(data, sizeof data);
        hf_write_zeroes(&w, table[i].len);
        hf_write_u16_at(&w, table[i].at, 1);
        cr_expect_eq(w.ok, table[i].ok, "%zu bytes written, two at %zu", table[i].len, table[i].at);
    }
}

Test(bytes, views_are_compared)
{
    hf_bytes a = hf_bytes_of_text("Content"), empty = hf_bytes_of_text(""), nothing = hf_bytes_of_text(NULL);

    cr_expect(hf_bytes_equal(a, hf_bytes_of("Content", 7)));
    cr_expect_not(hf_bytes_equal(a, hf_bytes_of("Content", 6)));
    cr_expect_not(hf_bytes_equal(a, hf_bytes_of("content", 7)));
    cr_expect(hf_bytes_equal(empty, nothing));
    cr_expect(hf_bytes_equal_text(a, "Content"));
    cr_expect_not(hf_bytes_equal_text(a, "Contents"));
    cr_expect_not(hf_bytes_equal_text(a, "content"));
    cr_expect(hf_bytes_equal_text_nocase(a, "cONTENT"));
    cr_expect_not(hf_bytes_equal_text_nocase(a, "cONTEN"));
    cr_expect_not(hf_bytes_equal_text_nocase(hf_bytes_of_text("@"), "`"), "only letters have a case");
    cr_expect_not(hf_bytes_equal_text_nocase(hf_bytes_of_text("["), "{"));
    cr_expect(hf_bytes_equal_secret(a, hf_bytes_of("Content", 7)));
    cr_expect_not(hf_bytes_equal_secret(a, hf_bytes_of("Contenu", 7)));
    cr_expect_not(hf_bytes_equal_secret(a, hf_bytes_of("content", 7)));
    cr_expect_not(hf_bytes_equal_secret(a, hf_bytes_of("Content", 6)));
    cr_expect(hf_bytes_equal_secret(empty, nothing));
}

Test(bytes, decimal_numbers_fill_the_text_and_stay_below_their_limit)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } table[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"007", 7, true, 7},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999999", UINT64_MAX, false, 0},
        {"", UINT64_MAX, false, 0},
        {"-1", UINT64_MAX, false, 0},
        {"+1", UINT64_MAX, false, 0},
        {" 1", UINT64_MAX, false, 0},
        {"1 ", UINT64_MAX, false, 0},
        {"1a", UINT64_MAX, false, 0},
        {"0x1", UINT64_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint64_t value = 0;
        cr_expect_eq(hf_parse_decimal(hf_bytes_of_text(table[i].text), table[i].max, &value), table[i].ok, "\"%s\"",
                     table[i].text);
        cr_expect_eq(value, table[i].value, "\"%s\"", table[i].text);
    }
}

/* RFC 9000 §A.1, and the ends of each length. */
Test(bytes, a_varint_takes_as_few_bytes_as_it_needs)
{
    static const struct {
        const char *bytes;
        uint64_t value;
    } rows[] = {
        {"00", 0},
        {"25", 37},
        {"3f", 63},
        {"4040", 64},
        {"7bbd", 15293},
        {"7fff", 16383},
        {"80004000", 16384},
        {"9d7f3e7d", 494878333},
        {"bfffffff", (UINT64_C(1) << 30) - 1},
        {"c000000040000000", UINT64_C(1) << 30},
        {"c2197c5eff14e88c", UINT64_C(151288809941952652)},
        {"ffffffffffffffff", HF_VARINT_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[HF_VARINT_SIZE_MAX];
        hf_bytes bytes = corpus_bytes_of_hex(rows[i].bytes);
        hf_reader r = hf_reader_of(bytes);
        cr_expect_eq(hf_read_varint(&r), rows[i].value, "%s", rows[i].bytes);
        cr_expect(r.ok && r.rest.len == 0, "%s", rows[i].bytes);
        hf_writer w = hf_writer_of(out, sizeof out);
        hf_write_varint(&w, rows[i].value);
        cr_expect(w.ok && hf_bytes_equal(hf_bytes_of(out, w.len), bytes), "%s", rows[i].bytes);
        w = hf_writer_of(out, bytes.len - 1);
        hf_write_varint(&w, rows[i].value);
        cr_expect(!w.ok && w.len == 0, "%s: no room", rows[i].bytes);
        r = hf_reader_of(hf_bytes_of(bytes.data, bytes.len - 1));
        cr_expect_eq(hf_read_varint(&r), 0, "%s: cut off", rows[i].bytes);
        cr_expect_not(r.ok, "%s", rows[i].bytes);
        corpus_free(bytes);
    }
}

Test(bytes, a_varint_may_be_longer_than_needed_but_not_larger_than_it_can_be)
{
    hf_bytes bytes = corpus_bytes_of_hex("4025");
    hf_reader r = hf_reader_of(bytes);
    cr_expect_eq(hf_read_varint(&r), 37);
    cr_expect(r.ok);
    corpus_free(bytes);
    uint8_t out[16];
    hf_writer w = hf_writer_of(out, sizeof out);
    hf_write_varint(&w, HF_VARINT_MAX + 1);
    cr_expect(!w.ok && w.len == 0);
}
