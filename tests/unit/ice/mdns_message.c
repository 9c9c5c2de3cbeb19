/* mdns_message.c: DNS messages: what is one, what is not, and what is in it. */
#include "mdns_message.h"

#include "corpus.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define UUID "1f4712db-ea17-4bcf-a596-105139dfd8bf"
#define NAME UUID ".local"

#define QUERY(questions) "0000 0000 " questions " 0000 0000 0000 "
#define RESPONSE(answers) "0000 8400 0000 " answers " 0000 0000 "
#define X_LOCAL "01 78 05 6c6f63616c 00 "
#define A_RECORD "0001 8001 00000078 0004 0a000001"

static bool is_well_formed(const char *hex)
{
    hf_bytes bytes = corpus_bytes_of_hex(hex);
    bool ok = hf_mdns_is_well_formed(bytes);
    corpus_free(bytes);
    return ok;
}

Test(mdns_message, is_refused_when_it_is_malformed)
{
    static const struct {
        const char *hex, *why;
    } table[] = {
        {"", "an empty datagram"},
        {"0000 0000 0000 0000 0000 00", "a header that lacks its last byte"},
        {QUERY("0001"), "a question that is not there"},
        {QUERY("ffff") X_LOCAL "0001 0001", "65535 questions, and there is one"},
        {RESPONSE("ffff") X_LOCAL A_RECORD, "65535 answers, and there is one"},
        {"0000 8400 ffff ffff ffff ffff", "as many of everything, and there is nothing"},
        {QUERY("0001") X_LOCAL "0001", "a question without its class"},
        {QUERY("0001") "01 78 05 6c6f", "a label that is cut off"},
        {QUERY("0001") "01 78 05 6c6f63616c", "a name without its end"},
        {QUERY("0001") "c00c 0001 0001", "a pointer to itself"},
        {QUERY("0001") "01 78 c00c 0001 0001", "a pointer to the label before it: a loop"},
        {QUERY("0002") "c00e 0001 0001 c00c 0001 0001", "a pointer to what comes later"},
        {QUERY("0001") "c000 0001 0001", "a pointer into the header"},
        {QUERY("0001") "ffff 0001 0001", "a pointer behind the end"},
        {QUERY("0001") "c0", "half a pointer"},
        {QUERY("0001") "40 00 0001 0001", "a label of a kind that there is not (RFC 6891 §5)"},
        {QUERY("0001") "80 00 0001 0001", "another one"},
        {RESPONSE("0001") X_LOCAL "0001 8001 00000078", "a record without its length"},
        {RESPONSE("0001") X_LOCAL "0001 8001 00000078 0004 0a0000", "data that are cut off"},
        {RESPONSE("0001") X_LOCAL "0001 8001 00000078 ffff 0a000001", "data of 65535 bytes, and there are four"},
        {RESPONSE("0001") X_LOCAL "0001 8001 00000078 0005 0a00000101", "an IPv4 address of five bytes"},
        {RESPONSE("0001") X_LOCAL "001c 8001 00000078 0004 0a000001", "an IPv6 address of four"},
        {RESPONSE("0001") X_LOCAL "0001 8001 00000078 0000", "an address of none"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cr_expect_not(is_well_formed(table[i].hex), "%s", table[i].why);
}

Test(mdns_message, is_read_when_it_is_only_strange)
{
    static const struct {
        const char *hex, *why;
    } table[] = {
        {"0000 0000 0000 0000 0000 0000", "nothing in it"},
        {QUERY("0001") "00 00ff 00ff", "everything about the root"},
        {QUERY("0001") X_LOCAL "0001 0001 deadbeef", "bytes behind the end"},
        {RESPONSE("0001") X_LOCAL "0001 0003 00000078 0002 0a00", "a short address of another class"},
        {RESPONSE("0001") X_LOCAL "4242 8001 ffffffff 0000", "a type that nobody knows, for ever"},
        {QUERY("0001") "03 00ff2e 05 6c6f63616c 00 0001 0001", "a label of NUL, 255 and a dot"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cr_expect(is_well_formed(table[i].hex), "%s", table[i].why);
}

/* A label with a dot in it must not look like two labels. */
Test(mdns_message, does_not_take_what_is_no_host_name_for_one)
{
    hf_bytes bytes = corpus_bytes_of_hex(QUERY("0002") "07 782e6c6f63616c 00 0001 0001"
                                                       "01 78 05 6c6f63616c 00 0001 8001");
    hf_mdns_reader m;
    hf_mdns_question q;
    cr_assert(hf_mdns_read(&m, bytes));
    cr_assert(hf_mdns_next_question(&m, &q));
    cr_expect_str_eq(q.name, "");
    cr_assert(hf_mdns_next_question(&m, &q));
    cr_expect_str_eq(q.name, "x.local");
    cr_expect(q.wants_unicast);
    corpus_free(bytes);
}

/* RFC 1035 §3.1: 255 bytes are a name, 256 are none; the text has its limit, too. */
Test(mdns_message, has_names_of_at_most_255_bytes)
{
    for (size_t last = 61; last <= 62; last++) { /* 64 + 64 + 64 + 62 + 1 = 255 */
        uint8_t bytes[12 + 260 + 4] = {[5] = 1};
        size_t len = 12;
        for (size_t i = 0; i < 4; i++) {
            size_t label = i < 3 ? 63 : last;
            bytes[len++] = (uint8_t)label;
            memset(bytes + len, 'a', label);
            len += label;
        }
        len++;
        bytes[len + 1] = bytes[len + 3] = 1;
        len += 4;
        hf_mdns_reader m;
        hf_mdns_question q;
        cr_assert(hf_mdns_read(&m, hf_bytes_of(bytes, len)));
        cr_expect_eq(hf_mdns_next_question(&m, &q), last == 61);
        cr_expect_eq(strlen(q.name), last == 61 ? 253 : 0);
    }
}

/* 9000 bytes of pointers to pointers: each name is read to its end, and that is over soon. */
Test(mdns_message, of_pointers_alone_costs_little)
{
    static uint8_t bytes[9000];
    size_t len = 12, names = 0;
    hf_mdns_reader m;
    hf_mdns_record record;
    bytes[2] = 0x84;
    bytes[6] = bytes[7] = 0xFF;
    len++; /* the root */
    len += 10;
    while (len + 12 <= sizeof bytes) {
        size_t target = names == 0 ? 12 : len - 12;
        bytes[len] = (uint8_t)(0xC0 | target >> 8);
        bytes[len + 1] = (uint8_t)target;
        len += 12;
        names++;
    }
    cr_assert(hf_mdns_read(&m, hf_bytes_of(bytes, sizeof bytes)));
    size_t n = 0;
    while (hf_mdns_next_record(&m, &record))
        n++;
    cr_expect_eq(n, names + 1);
}

Test(mdns_message, of_browsers_is_understood)
{
    corpus_hex file = corpus_read_hex("wire/mdns-query-browsers.hex");
    cr_assert_gt(file.packets_len, 0);
    for (size_t i = 0; i < file.packets_len; i++) {
        hf_mdns_reader m;
        hf_mdns_question q;
        cr_assert(hf_mdns_read(&m, file.packets[i]));
        cr_expect_not(m.is_response);
        cr_assert(hf_mdns_next_question(&m, &q));
        cr_expect_eq(strlen(q.name), strlen(NAME));
        cr_expect(q.type == HF_DNS_A || q.type == HF_DNS_AAAA);
        cr_expect_not(q.wants_unicast);
        cr_expect_not(hf_mdns_next_question(&m, &q));
        cr_expect(m.r.ok);
    }
    corpus_hex_clear(&file);
}

static void expect_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    hf_bytes expected = corpus_bytes_of_hex(hex);
    cr_assert_eq(len, expected.len);
    cr_expect_arr_eq(bytes, expected.data, len);
    corpus_free(expected);
}

Test(mdns_message, asks_for_both_families_at_once)
{
    uint8_t buffer[512];
    size_t len = hf_mdns_write_query(buffer, sizeof buffer, "x.local", true);
    expect_hex(buffer, len, "0000 0000 0002 0000 0000 0000" X_LOCAL "0001 8001 c00c 001c 8001");
    len = hf_mdns_write_query(buffer, sizeof buffer, "x.local", false);
    expect_hex(buffer, len, "0000 0000 0002 0000 0000 0000" X_LOCAL "0001 0001 c00c 001c 0001");
    cr_expect_eq(hf_mdns_write_query(buffer, 20, "x.local", true), 0, "no room");
}

Test(mdns_message, answers_and_says_that_there_is_no_more)
{
    uint8_t buffer[512];
    hf_mdns_response r = {.name = "x.local", .ttl = 120};
    cr_assert(hf_addr_parse("10.0.0.1", 8, &r.addr));
    size_t len = hf_mdns_write_response(buffer, sizeof buffer, &r);
    expect_hex(buffer, len,
               "0000 8400 0000 0001 0000 0001" X_LOCAL "0001 8001 00000078 0004 0a000001"
               "c00c 002f 8001 00000078 0005 c00c 00 01 40");
    cr_assert(hf_addr_parse("2001:db8::1", 11, &r.addr));
    len = hf_mdns_write_response(buffer, sizeof buffer, &r);
    expect_hex(buffer, len,
               "0000 8400 0000 0001 0000 0001" X_LOCAL "001c 8001 00000078 0010 20010db8000000000000000000000001"
               "c00c 002f 8001 00000078 0008 c00c 00 04 00000008");
    cr_expect(hf_mdns_is_well_formed(hf_bytes_of(buffer, len)));
    for (size_t cap = 0; cap < len; cap++)
        cr_expect_eq(hf_mdns_write_response(buffer, cap, &r), 0, "no room");
}

/* RFC 6762 §6.7 */
Test(mdns_message, for_a_legacy_resolver_repeats_its_question)
{
    uint8_t buffer[512];
    hf_mdns_response r = {.name = "x.local", .ttl = 10, .is_legacy = true, .id = 0x1234, .type = HF_DNS_A};
    cr_assert(hf_addr_parse("10.0.0.1", 8, &r.addr));
    size_t len = hf_mdns_write_response(buffer, sizeof buffer, &r);
    expect_hex(buffer, len, "1234 8400 0001 0001 0000 0000" X_LOCAL "0001 0001 c00c 0001 0001 0000000a 0004 0a000001");
}

Test(mdns_message, is_read_as_it_was_written)
{
    uint8_t buffer[512];
    hf_mdns_response r = {.name = NAME, .ttl = 120};
    hf_mdns_reader m;
    hf_mdns_record record;
    cr_assert(hf_addr_parse("fd00::7", 7, &r.addr));
    size_t len = hf_mdns_write_response(buffer, sizeof buffer, &r);
    cr_assert(hf_mdns_read(&m, hf_bytes_of(buffer, len)));
    cr_expect(m.is_response && m.is_ordinary);
    cr_assert(hf_mdns_next_record(&m, &record));
    cr_expect_str_eq(record.name, NAME);
    cr_expect_eq(record.ttl, 120);
    cr_expect(hf_addr_equal(&record.addr, &r.addr));
    cr_assert(hf_mdns_next_record(&m, &record));
    cr_expect_str_eq(record.name, NAME, "by its pointer");
    cr_expect_eq(record.addr.family, HF_FAMILY_NONE);
    cr_expect_not(hf_mdns_next_record(&m, &record));
    cr_expect(m.r.ok);
}
