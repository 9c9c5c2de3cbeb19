/* crc32c.c: the checksum, by instruction and by tables. */
#include "pair.h"

#include <corpus.h>
#include <crc32c.h>

#include <criterion/criterion.h>

#include <string.h>

Test(sctp_crc32c, has_the_values_of_rfc_3720_b4)
{
    uint8_t bytes[32] = {0};
    cr_expect_eq(hf_crc32c(bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, 32);
    cr_expect_eq(hf_crc32c(bytes, 32), 0x62A8AB43);
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    cr_expect_eq(hf_crc32c(bytes, 32), 0x46DD794E);
    cr_expect_eq(hf_crc32c_tables(bytes, 32), 0x46DD794E);
    cr_expect_eq(hf_crc32c((const uint8_t *)"123456789", 9), 0xE3069283);
}

Test(sctp_crc32c, is_the_same_by_instruction_and_by_tables_for_every_length_and_alignment)
{
    uint8_t bytes[1600];
    pair_fill(bytes, sizeof bytes, 3);
    for (size_t len = 0; len < 1500; len++) {
        size_t at = len % 16;
        cr_assert_eq(hf_crc32c(bytes + at, len), hf_crc32c_tables(bytes + at, len), "%zu bytes", len);
    }
}

Test(sctp_crc32c, is_right_in_the_packets_of_browsers)
{
    char **paths = corpus_list("wire", "sctp-", ".hex");
    for (size_t i = 0; paths[i]; i++) {
        corpus_hex hex = corpus_read_hex(paths[i]);
        for (size_t n = 0; n < hex.packets_len; n++)
            cr_expect(hf_crc32c_is_valid(hex.packets[n]), "%s", paths[i]);
        corpus_hex_clear(&hex);
    }
    corpus_list_free(paths);
}

Test(sctp_crc32c, is_wrong_when_any_bit_of_a_packet_is)
{
    corpus_hex hex = corpus_read_hex("wire/sctp-firefox153-init.hex");
    uint8_t packet[256];
    size_t len = hex.packets[0].len;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(packet, hex.packets[0].data, len);
        packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect_not(hf_crc32c_is_valid((hf_bytes){packet, len}), "bit %zu", bit);
    }
    corpus_hex_clear(&hex);
}

Test(sctp_crc32c, seals_what_it_then_finds_valid)
{
    uint8_t packet[77];
    for (size_t len = 12; len <= sizeof packet; len++) {
        pair_fill(packet, len, len);
        hf_crc32c_seal(packet, len);
        cr_expect(hf_crc32c_is_valid((hf_bytes){packet, len}));
    }
    cr_expect_not(hf_crc32c_is_valid((hf_bytes){packet, 11}), "shorter than a header");
    cr_expect_not(hf_crc32c_is_valid((hf_bytes){0}));
}
