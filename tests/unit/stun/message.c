/* message.c: headers and structure: what is a message, what is not, and what no buffer can hold. */
#include "corpus.h"
#include "stun_priv.h"

#include <criterion/criterion.h>
#include <string.h>

#define ID "000102030405060708090a0b"
#define HEADER(type, length) type length "2112a442" ID

static const uint8_t id[HF_STUN_ID_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static bool can_read(const char *hex)
{
    hf_bytes bytes = corpus_bytes_of_hex(hex);
    hf_stun_message message;
    bool ok = hf_stun_read(bytes, &message);
    corpus_free(bytes);
    return ok;
}

Test(stun_message, is_refused_when_it_is_malformed)
{
    static const struct {
        const char *hex, *why;
    } table[] = {
        {"", "an empty datagram"},
        {"00", "one byte"},
        {"0001", "a type alone"},
        {"00010000 2112a442 000102030405060708090a", "a header that lacks its last byte"},
        {HEADER("4001", "0000"), "bit 14 of the type is set (RFC 7983: not STUN)"},
        {HEADER("8001", "0000"), "bit 15 of the type is set"},
        {"00010000 2112a443 " ID, "a wrong cookie"},
        {"00010000 00000000 " ID, "an RFC 3489 message: no cookie"},
        {HEADER("0001", "0004"), "the length is longer than the datagram"},
        {HEADER("0001", "0000") "00000000", "the length is shorter than the datagram"},
        {HEADER("0001", "0002") "0000", "the length is no multiple of four"},
        {HEADER("0001", "0003") "000000", "the same, odd"},
        {HEADER("0001", "0004") "00240004", "an attribute that lacks its value"},
        {HEADER("0001", "0008") "00240005 00000000", "a value one byte longer than the message"},
        {HEADER("0001", "0008") "0024ffff 00000000", "a value far longer than the message"},
        {HEADER("0001", "000c") "00240004 00000000 00240001", "a second attribute that lacks its value"},
        {HEADER("0001", "0008") "80280004 00000000", "a FINGERPRINT that is wrong"},
        {HEADER("0001", "0004") "80280000", "a FINGERPRINT without value"},
        {HEADER("0001", "000c") "80280008 00000000 00000000", "a FINGERPRINT of eight bytes"},
        {HEADER("0001", "000c") "80280002 e3440000 00000000", "a FINGERPRINT of two bytes, and an empty attribute"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cr_expect_not(can_read(table[i].hex), "%s", table[i].why);
}

Test(stun_message, is_read_when_it_is_only_strange)
{
    static const struct {
        const char *hex, *why;
    } table[] = {
        {HEADER("0001", "0000"), "no attribute at all"},
        {HEADER("3fff", "0000"), "the highest method, an error response"},
        {HEADER("0001", "0004") "00000000", "attribute 0, which is reserved, and empty"},
        {HEADER("0001", "0004") "ffff0000", "attribute 0xffff"},
        {HEADER("0001", "0008") "80220001 41ffffff", "padding that is not zero (RFC 8489 §14)"},
        {HEADER("0001", "0010") "00240004 00000000 00240004 00000001", "an attribute that comes twice"},
        {HEADER("0001", "0008") "00080004 00000000", "a MESSAGE-INTEGRITY of the wrong length: found when it is verified"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cr_expect(can_read(table[i].hex), "%s", table[i].why);
}

/* Gives the first attribute, a FINGERPRINT, the value that fits the header. */
static void set_fingerprint(uint8_t *message)
{
    hf_writer w = hf_writer_of(message + HF_STUN_HEADER_SIZE + STUN_ATTRIBUTE_HEADER_SIZE, STUN_FINGERPRINT_SIZE);
    hf_write_u32(&w, hf_stun_fingerprint(hf_bytes_of(message, HF_STUN_HEADER_SIZE)));
}

Test(stun_message, is_refused_when_anything_follows_its_fingerprint)
{
    uint8_t buffer[64];
    hf_stun_message message;
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add_fingerprint(&s);
    cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
    hf_stun_add(&s, HF_STUN_USE_CANDIDATE, hf_bytes_of(NULL, 0));
    cr_expect_not(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));

    /* Even where its value is right for the message as it stands. */
    s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add_u32(&s, HF_STUN_FINGERPRINT, 0);
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 0);
    set_fingerprint(buffer);
    memcpy(buffer + 32, buffer + 24, 4); /* and the other attribute says the same */
    cr_expect_not(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
}

Test(stun_message, is_refused_when_its_fingerprint_has_not_four_bytes)
{
    for (size_t len = 4; len <= 8; len++) {
        uint8_t buffer[64];
        hf_stun_message message;
        hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
        hf_stun_add(&s, HF_STUN_FINGERPRINT, hf_bytes_of("\0\0\0\0\0\0\0\0", len));
        set_fingerprint(buffer);
        cr_expect_eq(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message), len == 4, "%zu bytes", len);
    }
}

Test(stun_message, keeps_every_class_and_method)
{
    for (unsigned method = 0; method <= 0xFFF; method++) {
        for (unsigned class_ = 0; class_ < 4; class_++) {
            uint8_t buffer[HF_STUN_HEADER_SIZE];
            hf_stun_message message;
            hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, (hf_stun_class)class_, (uint16_t)method, id);
            cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message));
            cr_assert_eq((unsigned)message.class_, class_);
            cr_assert_eq(message.method, method);
            cr_assert_arr_eq(message.id, id, sizeof id);
        }
    }
}

Test(stun_message, has_the_types_that_the_rfcs_print)
{
    static const struct {
        hf_stun_class class_;
        uint16_t method, type;
    } table[] = {
        {HF_STUN_REQUEST, HF_STUN_BINDING, 0x0001},
        {HF_STUN_INDICATION, HF_STUN_BINDING, 0x0011},
        {HF_STUN_SUCCESS, HF_STUN_BINDING, 0x0101},
        {HF_STUN_ERROR, HF_STUN_BINDING, 0x0111},
        {HF_STUN_REQUEST, HF_STUN_ALLOCATE, 0x0003},
        {HF_STUN_ERROR, HF_STUN_ALLOCATE, 0x0113},
        {HF_STUN_INDICATION, HF_STUN_SEND_INDICATION, 0x0016},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, 0x0017},
        {HF_STUN_SUCCESS, HF_STUN_CHANNEL_BIND, 0x0109},
        {HF_STUN_ERROR, 0xFFF, 0x3FFF},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t buffer[HF_STUN_HEADER_SIZE];
        hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, table[i].class_, table[i].method, id);
        cr_expect_eq(hf_stun_end(&s), HF_STUN_HEADER_SIZE);
        cr_expect_eq(buffer[0] << 8 | buffer[1], table[i].type, "0x%04x", table[i].type);
    }
}

static size_t write_everything(uint8_t *buffer, size_t cap)
{
    hf_addr addr = {.family = HF_FAMILY_IPV6, .port = 1, .ip = {0x20, 0x01}};
    hf_stun_writer s = hf_stun_begin(buffer, cap, HF_STUN_ERROR, HF_STUN_BINDING, id);
    hf_stun_add(&s, HF_STUN_SOFTWARE, hf_bytes_of_text("abcde"));
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 1);
    hf_stun_add_u64(&s, HF_STUN_ICE_CONTROLLING, 1);
    hf_stun_add_address(&s, HF_STUN_ALTERNATE_SERVER, &addr);
    hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &addr);
    hf_stun_add_error(&s, 420, "Unknown Attribute");
    hf_stun_add_unknown_attributes(&s, (uint16_t[]){0x7000, 0x7001, 0x7002}, 3);
    hf_stun_add_integrity(&s, hf_bytes_of_text("key"));
    hf_stun_add_integrity256(&s, hf_bytes_of_text("key"));
    hf_stun_add_fingerprint(&s);
    return hf_stun_end(&s);
}

Test(stun_message, is_not_written_into_a_buffer_that_is_too_small)
{
    uint8_t buffer[512];
    size_t len = write_everything(buffer, sizeof buffer);
    hf_stun_message message;
    cr_assert(hf_stun_read(hf_bytes_of(buffer, len), &message));

    for (size_t cap = 0; cap <= len; cap++) {
        memset(buffer, 0xA5, sizeof buffer);
        cr_expect_eq(write_everything(buffer, cap), cap == len ? len : 0, "%zu bytes of room", cap);
        for (size_t i = cap; i < sizeof buffer; i++)
            cr_assert_eq(buffer[i], 0xA5, "%zu bytes of room, byte %zu written", cap, i);
    }
}

Test(stun_message, is_not_written_when_it_is_longer_than_its_length_can_say)
{
    static uint8_t buffer[0x20000], value[0x10000];
    hf_stun_message message;

    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add(&s, HF_STUN_SOFTWARE, hf_bytes_of(value, 0xFFFC - 4));
    cr_expect(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(&s)), &message), "the longest there is");
    hf_stun_add(&s, HF_STUN_USE_CANDIDATE, hf_bytes_of(NULL, 0));
    cr_expect_eq(hf_stun_end(&s), 0);

    s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add(&s, HF_STUN_SOFTWARE, hf_bytes_of(value, 0x10000));
    cr_expect_eq(hf_stun_end(&s), 0);
}

Test(stun_message, is_told_from_other_packets_by_its_first_byte_and_cookie)
{
    static const struct {
        const char *hex;
        bool is_stun;
        const char *why;
    } table[] = {
        {HEADER("0001", "0000"), true, "a request"},
        {HEADER("0001", "ffff"), true, "only the first byte and the cookie are looked at"},
        {HEADER("3fff", "0000"), true, "the highest type"},
        {HEADER("4000", "0000"), false, "a TURN channel (RFC 7983: 64 to 79)"},
        {"16fefd00 2112a442 " ID, true,
         "the first byte of DTLS, but with the cookie: 20 is below 64, so the cookie decides"},
        {"16fefd00 00000000 " ID, false, "DTLS"},
        {"80010000 2112a442 " ID, false, "RTP"},
        {"00010000 2112a442 000102030405060708090a", false, "19 bytes"},
        {"", false, "nothing"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_bytes bytes = corpus_bytes_of_hex(table[i].hex);
        cr_expect_eq(hf_stun_is_message(bytes), table[i].is_stun, "%s", table[i].why);
        corpus_free(bytes);
    }
}
