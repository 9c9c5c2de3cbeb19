/* stream.c: messages in a stream, cut anywhere. */
#include "turn_stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define STUN_OF_4                                                                                                           \
    "\0\1\0\4\x21\x12\xA4\x42"                                                                                              \
    "abcdefghijkl"                                                                                                          \
    "wxyz"

/* Three messages: STUN, ChannelData of 5 bytes with padding, ChannelData of none. */
static const uint8_t three[] = STUN_OF_4 "\x40\x01\0\5hello\0\0\0"
                                         "\x4F\xFF\0\0";
#define THREE_LEN (24 + 12 + 4)

static size_t feed(hf_turn_deframer *d, const uint8_t *bytes, size_t len, size_t *lengths, size_t n)
{
    uint8_t *copy = malloc(len > 0 ? len : 1), *rest = copy, *message; /* exactly as large, so that ASan sees each overrun */
    cr_assert(copy);
    memcpy(copy, bytes, len);
    size_t rest_len = len, message_len;
    while (hf_turn_deframe(d, &rest, &rest_len, &message, &message_len) == HF_TURN_DEFRAMED_MESSAGE) {
        cr_assert_lt(n, 3);
        static const size_t at[] = {0, 24, 36};
        cr_expect_arr_eq(message, three + at[n], message_len);
        lengths[n++] = message_len;
    }
    cr_expect_eq(rest_len, 0, "all is taken");
    free(copy);
    return n;
}

Test(turn_stream, messages_come_whole_wherever_they_were_cut)
{
    for (size_t first = 0; first <= THREE_LEN; first++) {
        for (size_t second = first; second <= THREE_LEN; second++) {
            hf_turn_deframer d = {0};
            size_t lengths[3] = {0};
            size_t n = feed(&d, three, first, lengths, 0);
            n = feed(&d, three + first, second - first, lengths, n);
            n = feed(&d, three + second, THREE_LEN - second, lengths, n);
            cr_assert_eq(n, 3, "%zu, %zu", first, second);
            cr_expect(lengths[0] == 24 && lengths[1] == 9 && lengths[2] == 4);
            cr_expect_eq(d.held_len, 0);
        }
    }
}

Test(turn_stream, what_can_not_be_a_message_breaks_it)
{
    static const struct {
        const char *bytes;
        size_t len;
        hf_turn_deframed result;
        const char *why;
    } table[] = {
        {"\x80\0\0\0", 4, HF_TURN_DEFRAMED_BROKEN, "neither"},
        {"\x7F\xFF\0\0", 4, HF_TURN_DEFRAMED_MESSAGE, "the last channel of RFC 5766"},
        {"\0\1\0\3", 4, HF_TURN_DEFRAMED_BROKEN, "STUN is a multiple of four"},
        {"\0\1\xFF\xFC", 4, HF_TURN_DEFRAMED_BROKEN, "longer than HF_DATAGRAM_MAX"},
        {"\0\1\x07\xF0", 4, HF_TURN_DEFRAMED_BROKEN, "by four"},
        {"\0\1\x07\xEC", 4, HF_TURN_DEFRAMED_NOTHING, "the longest STUN"},
        {"\x40\0\x07\xFD", 4, HF_TURN_DEFRAMED_BROKEN, "ChannelData, by one"},
        {"\x40\0\x07\xFC", 4, HF_TURN_DEFRAMED_NOTHING, "the longest ChannelData"},
        {"\x40\0\x07\xF9", 4, HF_TURN_DEFRAMED_NOTHING, "the longest with padding"},
        {"HTTP/1.1 400 Bad Request", 24, HF_TURN_DEFRAMED_BROKEN, "another server"},
        {"\x15\x03\x01\0\2\2\x46", 7, HF_TURN_DEFRAMED_NOTHING, "a TLS alert looks like STUN at first"},
        {"\x80", 1, HF_TURN_DEFRAMED_NOTHING, "too little to know"},
        {"", 0, HF_TURN_DEFRAMED_NOTHING, "nothing"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_turn_deframer d = {0};
        uint8_t bytes[32], *rest = bytes, *message;
        size_t rest_len = table[i].len, message_len;
        memcpy(bytes, table[i].bytes, rest_len);
        cr_expect_eq(hf_turn_deframe(&d, &rest, &rest_len, &message, &message_len), table[i].result, "%s", table[i].why);
    }
}

Test(turn_stream, the_longest_message_fits_with_its_padding)
{
    static uint8_t bytes[HF_DATAGRAM_MAX + 4] = {0x40, 0, 0x07, 0xF9};
    hf_turn_deframer d = {0};
    uint8_t *message;
    size_t message_len = 0;
    for (size_t i = 0; i < 4 + 0x07F9 + 3; i++) {
        uint8_t byte = bytes[i], *rest = &byte;
        size_t rest_len = 1;
        bool is_last = i == 4 + 0x07F9 + 2;
        cr_assert_eq(hf_turn_deframe(&d, &rest, &rest_len, &message, &message_len),
                     is_last ? HF_TURN_DEFRAMED_MESSAGE : HF_TURN_DEFRAMED_NOTHING);
    }
    cr_expect_eq(message_len, 4 + 0x07F9);
}
