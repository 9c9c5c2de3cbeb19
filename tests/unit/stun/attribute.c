/* attribute.c: the values of attributes, and which of them nobody may ignore. */
#include "corpus.h"
#include "stun.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t id[HF_STUN_ID_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/* A message with one attribute of that value; it stays valid until the next call. */
static hf_stun_message message_with(uint16_t type, const char *hex)
{
    static uint8_t buffer[2048];
    hf_stun_message message;
    hf_bytes value = corpus_bytes_of_hex(hex);
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add(&s, type, value);
    corpus_free(value);
    cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
    return message;
}

Test(stun_attribute, addresses_survive_the_way_there_and_back)
{
    static const char *const texts[] = {"192.0.2.1:32853", "255.255.255.255:65535", "0.0.0.0:0", "[2001:db8::1]:3478",
                                        "[::]:0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint8_t buffer[128];
        hf_addr addr, plain, masked;
        hf_stun_message message;
        cr_assert(hf_addr_parse(texts[i], strlen(texts[i]), &addr));
        hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_SUCCESS, HF_STUN_BINDING, id);
        hf_stun_add_address(&s, HF_STUN_MAPPED_ADDRESS, &addr);
        hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &addr);

        cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
        cr_expect(hf_stun_get_address(&message, HF_STUN_MAPPED_ADDRESS, &plain) && hf_addr_equal(&addr, &plain));
        cr_expect(hf_stun_get_xor_address(&message, HF_STUN_XOR_MAPPED_ADDRESS, &masked) && hf_addr_equal(&addr, &masked));
    }
}

Test(stun_attribute, no_address_can_not_be_written)
{
    uint8_t buffer[128];
    hf_addr none = {.family = HF_FAMILY_NONE};
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_SUCCESS, HF_STUN_BINDING, id);
    hf_stun_add_address(&s, HF_STUN_MAPPED_ADDRESS, &none);
    cr_expect_eq(hf_stun_end(&s), 0);
}

Test(stun_attribute, a_malformed_address_is_not_read)
{
    static const struct {
        const char *hex, *why;
    } table[] = {
        {"", "empty"},
        {"0001", "no port"},
        {"00010d96", "no address"},
        {"00010d96 c00002", "three bytes of IPv4"},
        {"00010d96 c0000201 00", "five bytes of IPv4"},
        {"00020d96 c0000201", "IPv6 with the bytes of IPv4"},
        {"00010d96 20010db8000000000000000000000001", "IPv4 with the bytes of IPv6"},
        {"00020d96 20010db80000000000000000000000", "fifteen bytes of IPv6"},
        {"00000d96 c0000201", "family 0"},
        {"00030d96 c0000201", "family 3"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_addr addr;
        hf_stun_message message = message_with(HF_STUN_XOR_MAPPED_ADDRESS, table[i].hex);
        cr_expect_not(hf_stun_get_address(&message, HF_STUN_XOR_MAPPED_ADDRESS, &addr), "%s", table[i].why);
        cr_expect_not(hf_stun_get_xor_address(&message, HF_STUN_XOR_MAPPED_ADDRESS, &addr), "%s", table[i].why);
    }
}

Test(stun_attribute, the_reserved_byte_of_an_address_is_ignored)
{
    hf_addr addr;
    hf_stun_message message = message_with(HF_STUN_MAPPED_ADDRESS, "ff010d96 c0000201");
    cr_expect(hf_stun_get_address(&message, HF_STUN_MAPPED_ADDRESS, &addr) && addr.port == 3478);
}

Test(stun_attribute, a_number_has_its_exact_size)
{
    static const struct {
        const char *hex;
        bool is_u32, is_u64;
    } table[] = {
        {"", false, false},
        {"000000", false, false},
        {"01020304", true, false},
        {"0102030405", false, false},
        {"01020304050607", false, false},
        {"0102030405060708", false, true},
        {"010203040506070809", false, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint32_t u32 = 0;
        uint64_t u64 = 0;
        hf_stun_message message = message_with(HF_STUN_PRIORITY, table[i].hex);
        cr_expect_eq(hf_stun_get_u32(&message, HF_STUN_PRIORITY, &u32), table[i].is_u32, "%s", table[i].hex);
        cr_expect_eq(hf_stun_get_u64(&message, HF_STUN_PRIORITY, &u64), table[i].is_u64, "%s", table[i].hex);
        cr_expect_eq(u32, table[i].is_u32 ? 0x01020304 : 0);
        cr_expect_eq(u64, table[i].is_u64 ? 0x0102030405060708 : 0);
        cr_expect_not(hf_stun_get_u32(&message, HF_STUN_LIFETIME, &u32), "absent");
        cr_expect_not(hf_stun_get_u64(&message, HF_STUN_LIFETIME, &u64), "absent");
    }
}

Test(stun_attribute, errors_survive_the_way_there_and_back)
{
    static const unsigned codes[] = {300, 400, 401, 420, 438, 487, 500, 699};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        uint8_t buffer[128];
        hf_stun_message message;
        unsigned code;
        hf_bytes reason;
        hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_BINDING, id);
        hf_stun_add_error(&s, codes[i], "Role Conflict");
        cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
        cr_expect(hf_stun_get_error(&message, &code, &reason));
        cr_expect_eq(code, codes[i]);
        cr_expect(hf_bytes_equal_text(reason, "Role Conflict"));
    }
}

Test(stun_attribute, errors_are_read_as_the_rfc_bounds_them)
{
    static const struct {
        const char *hex;
        unsigned code; /* 0: refused */
        const char *why;
    } table[] = {
        {"00000401", 401, "no reason phrase"},
        {"ffffff63", 0, "class 7, number 99"},
        {"fffffc63", 499, "reserved bits are ignored (RFC 8489 §14.8)"},
        {"00000300", 300, "the least"},
        {"00000663", 699, "the greatest"},
        {"00000263", 0, "class 2"},
        {"00000700", 0, "class 7"},
        {"00000464", 0, "number 100"},
        {"000004", 0, "three bytes"},
        {"", 0, "empty"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        unsigned code = 0;
        hf_bytes reason;
        hf_stun_message message = message_with(HF_STUN_ERROR_CODE, table[i].hex);
        cr_expect_eq(hf_stun_get_error(&message, &code, &reason), table[i].code != 0, "%s", table[i].why);
        cr_expect_eq(code, table[i].code, "%s", table[i].why);
    }
}

static size_t len_with_error(unsigned code, const char *reason)
{
    uint8_t buffer[2048];
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_BINDING, id);
    hf_stun_add_error(&s, code, reason);
    return hf_stun_end(&s);
}

Test(stun_attribute, errors_that_no_rfc_allows_are_not_written)
{
    char reason[511];
    memset(reason, 'a', sizeof reason);
    reason[510] = 0;

    cr_expect_eq(len_with_error(299, ""), 0);
    cr_expect_eq(len_with_error(700, ""), 0);
    cr_expect_eq(len_with_error(400, reason), 0, "510 bytes of reason");
    cr_expect_eq(len_with_error(400, reason + 1), 20 + 4 + 4 + 509 + 3);
    cr_expect_eq(len_with_error(400, NULL), 20 + 4 + 4, "no reason is an empty one");
}

Test(stun_attribute, a_long_reason_is_read_up_to_its_bound)
{
    static char hex[2 * (4 + 764) + 1];
    memset(hex, '4', sizeof hex - 1);
    memcpy(hex, "00000400", 8);
    unsigned code;
    hf_bytes reason;

    hf_stun_message message = message_with(HF_STUN_ERROR_CODE, hex);
    cr_expect_not(hf_stun_get_error(&message, &code, &reason), "764 bytes of reason");
    hex[sizeof hex - 3] = 0;
    message = message_with(HF_STUN_ERROR_CODE, hex);
    cr_expect(hf_stun_get_error(&message, &code, &reason) && reason.len == 763);
}

Test(stun_attribute, the_first_of_equal_ones_counts)
{
    uint8_t buffer[128];
    uint32_t priority;
    hf_stun_message message;
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 1);
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 2);
    cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
    cr_expect(hf_stun_get_u32(&message, HF_STUN_PRIORITY, &priority) && priority == 1);
}

Test(stun_attribute, values_are_padded_with_zeroes)
{
    for (size_t len = 0; len <= 8; len++) {
        uint8_t buffer[64];
        hf_bytes value;
        hf_stun_message message;
        memset(buffer, 0xA5, sizeof buffer);
        hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
        hf_stun_add(&s, HF_STUN_SOFTWARE, hf_bytes_of("abcdefgh", len));
        size_t padded = (len + 3) / 4 * 4;

        cr_expect_eq(hf_stun_end(&s), 24 + padded);
        for (size_t i = len; i < padded; i++)
            cr_expect_eq(buffer[24 + i], 0, "%zu bytes, padding byte %zu", len, i);
        cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
        cr_expect(hf_stun_find(&message, HF_STUN_SOFTWARE, &value) && value.len == len);
    }
}

/* --- Comprehension ------------------------------------------------------------------------------------------------- */

static hf_stun_message message_of_types(const uint16_t *types, size_t n)
{
    static uint8_t buffer[2048];
    hf_stun_message message;
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    for (size_t i = 0; i < n; i++)
        hf_stun_add(&s, types[i], hf_bytes_of(NULL, 0));
    cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
    return message;
}

Test(stun_attribute, required_ones_that_no_rfc_defines_are_listed_once)
{
    static const uint16_t types[] = {0x7FFF, HF_STUN_USERNAME, 0x0002, 0x7FFF,          0x8000,
                                     0xC057, 0xFFFF,           0x0002, HF_STUN_PRIORITY};
    hf_stun_message message = message_of_types(types, sizeof types / sizeof *types);
    uint16_t unknown[8];

    cr_assert_eq(hf_stun_unknown(&message, NULL, 0, unknown, 8), 2);
    cr_expect_eq(unknown[0], 0x7FFF);
    cr_expect_eq(unknown[1], 0x0002);
    cr_expect_eq(hf_stun_unknown(&message, NULL, 0, unknown, 1), 1, "no more than there is room for");
    cr_expect_eq(hf_stun_unknown(&message, NULL, 0, unknown, 0), 0);
}

Test(stun_attribute, required_ones_that_are_not_wanted_are_listed_too)
{
    static const uint16_t types[] = {HF_STUN_USERNAME, HF_STUN_LIFETIME, HF_STUN_PRIORITY, 0x7000,
                                     HF_STUN_ADDITIONAL_ADDRESS_FAMILY};
    static const uint16_t known[] = {HF_STUN_USERNAME, HF_STUN_PRIORITY, 0x7000};
    hf_stun_message message = message_of_types(types, sizeof types / sizeof *types);
    uint16_t unknown[8];

    cr_assert_eq(hf_stun_unknown(&message, known, 3, unknown, 8), 2);
    cr_expect_eq(unknown[0], HF_STUN_LIFETIME);
    cr_expect_eq(unknown[1], 0x7000, "wanting it does not define it");
    cr_expect_eq(hf_stun_unknown(&message, known, 0, unknown, 8), 4, "an empty list wants nothing");
}

Test(stun_attribute, unknown_ones_are_reported_in_their_own_attribute)
{
    static const uint16_t types[] = {0x0002, 0x7000, 0x7001};
    uint8_t buffer[64];
    hf_bytes value;
    hf_stun_message message;
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_BINDING, id);
    hf_stun_add_unknown_attributes(&s, types, 3);

    cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
    cr_assert(hf_stun_find(&message, HF_STUN_UNKNOWN_ATTRIBUTES, &value));
    cr_expect_eq(value.len, 6);
    cr_expect_arr_eq(value.data, ((uint8_t[]){0x00, 0x02, 0x70, 0x00, 0x70, 0x01, 0x00, 0x00}), 8, "with its padding");
}
