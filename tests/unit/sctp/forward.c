/* forward.c: a FORWARD-TSN that was said a moment ago is not said again. */
#include <sctp_priv.h>

#include <criterion/criterion.h>

#include <string.h>

#define FORWARD(last)                                                                                                       \
    {                                                                                                                       \
        0xc0, 0, 0, 8, 0, 0, 1, last                                                                                        \
    }
#define DATA(last)                                                                                                          \
    {                                                                                                                       \
        0x00, 3, 0, 8, 0, 0, 1, last                                                                                        \
    }

static bool is_repeated(hf_sctp *sctp, const uint8_t *chunk, size_t len)
{
    uint8_t packet[HF_SCTP_HEADER_SIZE + 256] = {0};
    memcpy(packet + HF_SCTP_HEADER_SIZE, chunk, len);
    return hf_forward_is_repeated(sctp, hf_bytes_of(packet, HF_SCTP_HEADER_SIZE + len));
}

Test(sctp_forward, lets_each_leave_once_in_a_while)
{
    static const uint8_t one[8] = FORWARD(1), other[8] = FORWARD(2);
    hf_sctp sctp = {.now = HF_SECONDS(1)};
    cr_expect_not(is_repeated(&sctp, one, 8), "the first");
    cr_expect(is_repeated(&sctp, one, 8), "at once");
    sctp.now += HF_MS(99);
    cr_expect(is_repeated(&sctp, one, 8), "a moment later");
    sctp.now += HF_MS(1);
    cr_expect_not(is_repeated(&sctp, one, 8), "it may have been lost");
    cr_expect(is_repeated(&sctp, one, 8), "once");
    cr_expect_not(is_repeated(&sctp, other, 8), "more was given up");
    cr_expect_not(is_repeated(&sctp, one, 8), "only the last counts");
}

Test(sctp_forward, leaves_everything_else_alone)
{
    static const uint8_t data[8] = DATA(1);
    uint8_t together[16] = {0xc0, 0, 0, 8, 0, 0, 1, 1, 0x00, 3, 0, 8, 0, 0, 1, 0};
    static uint8_t long_one[200] = {0xc0, 0, 0, 200};
    hf_sctp sctp = {.now = HF_SECONDS(1)};
    for (uint8_t i = 0; i < 2; i++) {
        together[15] = i; /* new data behind it */
        cr_expect_not(is_repeated(&sctp, together, 16), "not alone in its packet");
        cr_expect_not(is_repeated(&sctp, data, 8), "no FORWARD-TSN");
        cr_expect_not(is_repeated(&sctp, long_one, 200), "of more streams than are looked at");
        cr_expect_not(is_repeated(&sctp, data, 0), "nothing");
        cr_expect_not(hf_forward_is_repeated(&sctp, hf_bytes_of(data, 8)), "shorter than a header");
    }
}
