/* write.c: what we write is, byte for byte, what browsers accept, and reads back as it was meant. */
#include "sdp.h"

#include "bytes.h"
#include "env.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal)                                                                                                       \
    {                                                                                                                       \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                                     \
    }
#define DATA_LINE .kind = TEXT("application"), .protocol = TEXT("UDP/DTLS/SCTP"), .formats = TEXT("webrtc-datachannel")

static const char *const candidates[] = {
    "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
    "candidate:2 1 udp 2130706175 2001:db8::1 5001 typ host",
};

static const hf_fingerprint fingerprint = {
    .hash = HF_SHA256,
    .digest = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F,
               0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF},
};

#define DIGEST "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:F0:F1:F2:F3:F4:F5:F6:F7:F8:F9:FA:FB:FC:FD:FE:FF"

static const hf_sdp_write_media data_only[] = {{DATA_LINE, .mid = TEXT("0")}};

static hf_sdp_write description_of(const hf_sdp_write_media *media, size_t media_len)
{
    return (hf_sdp_write){
        .session_id = 4611731400430051336,
        .session_version = 2,
        .media = media,
        .media_len = media_len,
        .ufrag = "EsAw",
        .pwd = "P2uYro0UCOQ4zxjKXaWCBui1",
        .setup = HF_SDP_ACTPASS,
        .fingerprints = &fingerprint,
        .fingerprints_len = 1,
        .sctp_port = 5000,
        .max_message_size = 262144,
    };
}

static void expect_text(const hf_sdp_write *description, const char *expected)
{
    char text[4096];
    size_t len = 0;
    cr_assert_eq(hf_sdp_write_text(description, text, sizeof text, &len), HF_OK);
    cr_expect_eq(len, strlen(text));
    cr_expect_str_eq(text, expected);
}

Test(sdp_write, an_offer_before_gathering)
{
    hf_sdp_write d = description_of(data_only, 1);
    expect_text(&d, "v=0\r\n"
                    "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"
                    "s=-\r\n"
                    "t=0 0\r\n"
                    "a=group:BUNDLE 0\r\n"
                    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                    "c=IN IP4 0.0.0.0\r\n"
                    "a=ice-ufrag:EsAw\r\n"
                    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
                    "a=ice-options:trickle ice2\r\n"
                    "a=fingerprint:sha-256 " DIGEST "\r\n"
                    "a=setup:actpass\r\n"
                    "a=mid:0\r\n"
                    "a=sctp-port:5000\r\n"
                    "a=max-message-size:262144\r\n");
}

Test(sdp_write, an_answer_with_candidates_that_rejects_what_we_do_not_do)
{
    static const hf_sdp_write_media media[] = {
        {.rejected = true,
         .kind = TEXT("audio"),
         .protocol = TEXT("UDP/TLS/RTP/SAVPF"),
         .formats = TEXT("111 63"),
         .mid = TEXT("a")},
        {DATA_LINE, .mid = TEXT("d")},
        {.rejected = true, .kind = TEXT("video"), .protocol = TEXT("RTP/AVP"), .formats = TEXT("96")},
    };
    hf_sdp_write d = description_of(media, 3);
    d.setup = HF_SDP_ACTIVE;
    d.tls_id = "01234567890123456789";
    d.candidates = candidates;
    d.candidates_len = 2;
    d.end_of_candidates = true;
    cr_assert(hf_addr_parse("192.0.2.1:5000", 14, &d.default_addr));
    expect_text(&d, "v=0\r\n"
                    "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"
                    "s=-\r\n"
                    "t=0 0\r\n"
                    "a=group:BUNDLE d\r\n"
                    "m=audio 0 UDP/TLS/RTP/SAVPF 111 63\r\n"
                    "c=IN IP4 0.0.0.0\r\n"
                    "a=mid:a\r\n"
                    "a=inactive\r\n"
                    "m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                    "c=IN IP4 192.0.2.1\r\n"
                    "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n"
                    "a=candidate:2 1 udp 2130706175 2001:db8::1 5001 typ host\r\n"
                    "a=end-of-candidates\r\n"
                    "a=ice-ufrag:EsAw\r\n"
                    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
                    "a=ice-options:trickle ice2\r\n"
                    "a=fingerprint:sha-256 " DIGEST "\r\n"
                    "a=setup:active\r\n"
                    "a=tls-id:01234567890123456789\r\n"
                    "a=mid:d\r\n"
                    "a=sctp-port:5000\r\n"
                    "a=max-message-size:262144\r\n"
                    "m=video 0 RTP/AVP 96\r\n"
                    "c=IN IP4 0.0.0.0\r\n"
                    "a=inactive\r\n");
}

Test(sdp_write, leaves_out_the_group_where_nothing_is_bundled)
{
    static const hf_sdp_write_media media[] = {{DATA_LINE, .unbundled = true, .mid = TEXT("0")}};
    hf_sdp_write d = description_of(media, 1);
    char text[4096];
    size_t len = 0;
    cr_assert_eq(hf_sdp_write_text(&d, text, sizeof text, &len), HF_OK);
    cr_expect_null(strstr(text, "a=group"));
    cr_expect_not_null(strstr(text, "a=mid:0\r\n"));
}

Test(sdp_write, names_an_ipv6_default_without_its_zone)
{
    hf_sdp_write d = description_of(data_only, 1);
    char text[4096];
    size_t len = 0;
    cr_assert(hf_addr_parse("[fe80::1%2]:7", 13, &d.default_addr));
    cr_assert_eq(hf_sdp_write_text(&d, text, sizeof text, &len), HF_OK);
    cr_expect_not_null(strstr(text, "m=application 7 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP6 fe80::1\r\n"));
}

Test(sdp_write, reads_back_as_it_was_meant)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    hf_fingerprint fingerprints[] = {fingerprint, fingerprint};
    fingerprints[1].hash = HF_SHA512;
    hf_sdp_write d = description_of(data_only, 1);
    d.fingerprints = fingerprints;
    d.fingerprints_len = 2;
    d.candidates = candidates;
    d.candidates_len = 2;
    d.max_message_size = UINT64_MAX;
    char text[4096];
    size_t len = 0;
    cr_assert_eq(hf_sdp_write_text(&d, text, sizeof text, &len), HF_OK);

    hf_sdp sdp;
    cr_assert_eq(hf_sdp_parse(&sdp, text, len, NULL, env), HF_OK);
    const hf_sdp_media *media = sdp.media;
    cr_assert_eq(sdp.media_len, 1);
    cr_expect(hf_bytes_equal_text(sdp.session_id, "4611731400430051336"));
    cr_expect(media->is_data && media->bundled && media->trickle && media->ice2);
    cr_expect_eq(media->port, 9);
    cr_expect(hf_bytes_equal_text(media->ufrag, d.ufrag));
    cr_expect(hf_bytes_equal_text(media->pwd, d.pwd));
    cr_expect_eq(media->setup, HF_SDP_ACTPASS);
    cr_assert_eq(media->fingerprints_len, 2);
    cr_expect_eq(media->fingerprints[1].hash, HF_SHA512);
    cr_expect_eq(memcmp(media->fingerprints[0].digest, fingerprint.digest, HF_DIGEST_MAX), 0);
    cr_assert_eq(media->candidates_len, 2);
    cr_expect(hf_bytes_equal_text(media->candidates[1], candidates[1]));
    cr_expect_eq(media->sctp_port, 5000);
    cr_expect_eq(media->max_message_size, UINT64_MAX);
    hf_sdp_clear(&sdp, env);
    cr_expect_eq(t.blocks, 0);
}

Test(sdp_write, says_when_there_is_no_room_for_any_byte_of_it)
{
    hf_sdp_write d = description_of(data_only, 1);
    char whole[4096];
    size_t whole_len = 0;
    cr_assert_eq(hf_sdp_write_text(&d, whole, sizeof whole, &whole_len), HF_OK);
    for (size_t cap = 0; cap <= whole_len; cap++) {
        char *text = malloc(cap > 0 ? cap : 1); /* exactly so large, so that ASan sees each overrun */
        size_t len = 1;
        cr_expect_eq(hf_sdp_write_text(&d, text, cap, &len), HF_EMSGSIZE, "%zu", cap);
        cr_expect_eq(len, 0);
        cr_expect(cap == 0 || text[0] == '\0');
        free(text);
    }
    size_t len = 0;
    cr_expect_eq(hf_sdp_write_text(&d, whole, whole_len + 1, &len), HF_OK);
}
