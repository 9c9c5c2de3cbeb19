/* parse.c: forms of descriptions, and how the session's attributes come down to its sections. */
#include "sdp.h"

#include "bytes.h"
#include "env.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEAD "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
#define DIGEST_31 "00:01:02:03:04:05:06:07:08:09:0A:0b:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E"
#define DIGEST_47 DIGEST_31 ":1F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E"

static test_env environment;
static hf_sdp sdp;

static const hf_sdp_media *parse(const char *text)
{
    hf_sdp_error why;
    hf_err err = hf_sdp_parse(&sdp, text, strlen(text), &why, &environment.env);
    cr_assert_eq(err, HF_OK, "line %zu: %s", why.line, why.reason);
    return sdp.media;
}

static void set_up(void)
{
    test_env_init(&environment, 1);
}

static void tear_down(void)
{
    hf_sdp_clear(&sdp, &environment.env);
    hf_sdp_clear(&sdp, &environment.env); /* twice is fine */
    cr_expect_eq(environment.blocks, 0);
}

TestSuite(sdp_parse, .init = set_up, .fini = tear_down);

Test(sdp_parse, reads_the_origin)
{
    parse(HEAD);
    cr_expect(hf_bytes_equal_text(sdp.session_id, "4611731400430051336"));
    cr_expect(hf_bytes_equal_text(sdp.session_version, "2"));
    cr_expect_eq(sdp.media_len, 0);
}

Test(sdp_parse, takes_lf_for_crlf_and_misses_neither_the_last_line_end_nor_s_and_t)
{
    const hf_sdp_media *media = parse("v=0\no=- 1 2 IN IP4 ::\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:x");
    cr_assert_eq(sdp.media_len, 1);
    cr_expect(media[0].is_data);
    cr_expect(hf_bytes_equal_text(media[0].mid, "x"));
}

Test(sdp_parse, skips_empty_lines_at_the_end)
{
    parse(HEAD DATA "\r\n\n\r\n");
    cr_expect_eq(sdp.media_len, 1);
}

Test(sdp_parse, skips_what_it_does_not_know)
{
    parse(HEAD "x=y\r\nb=AS:30\r\na=unheard-of\r\na=Mid:no\r\na=sctp-init:AAAA\r\n" DATA "i=name\r\na=recvonly\r\n");
    cr_expect_eq(sdp.media_len, 1);
}

Test(sdp_parse, knows_data_channels_in_all_their_forms)
{
    static const struct {
        const char *why, *text;
        bool is_data;
        uint16_t sctp_port;
    } forms[] = {
        {"RFC 8841", HEAD DATA "a=sctp-port:4999\r\n", true, 4999},
        {"over TCP", HEAD "m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n", true, 5000},
        {"old", HEAD "m=application 9 DTLS/SCTP 5001\r\na=sctpmap:5001 webrtc-datachannel 1024\r\n", true, 5001},
        {"old, with another port of the new form behind it",
         HEAD "m=application 9 DTLS/SCTP 5001\r\na=sctpmap:5001 webrtc-datachannel 1024\r\na=sctp-port:5002\r\n", true,
         5001},
        {"old, with another port of the new form before it",
         HEAD "m=application 9 DTLS/SCTP 5001\r\na=sctp-port:5002\r\na=sctpmap:5001 webrtc-datachannel 1024\r\n", true,
         5001},
        {"old, no streams", HEAD "m=application 9 DTLS/SCTP 5001\r\na=sctpmap:5001 webrtc-datachannel\r\n", true, 5001},
        {"between", HEAD "m=application 9 DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n", true, 5000},
        {"no port", HEAD DATA, true, 0},
        {"no map", HEAD "m=application 9 DTLS/SCTP 5001\r\n", false, 0},
        {"a map of another port", HEAD "m=application 9 DTLS/SCTP 5001\r\na=sctpmap:5 webrtc-datachannel 1\r\n", false, 0},
        {"a map of something else", HEAD "m=application 9 DTLS/SCTP 5001\r\na=sctpmap:5001 bfcp 1\r\n", false, 0},
        {"plain SCTP", HEAD "m=application 9 SCTP webrtc-datachannel\r\n", false, 0},
        {"another format", HEAD "m=application 9 UDP/DTLS/SCTP bfcp\r\n", false, 0},
        {"another kind", HEAD "m=audio 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", false, 0},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const hf_sdp_media *media = parse(forms[i].text);
        cr_expect_eq(media[0].is_data, forms[i].is_data, "%s", forms[i].why);
        cr_expect_eq(media[0].sctp_port, forms[i].sctp_port, "%s", forms[i].why);
        hf_sdp_clear(&sdp, &environment.env);
    }
}

Test(sdp_parse, gives_a_section_the_session_s_transport_where_it_has_none)
{
    const hf_sdp_media *media =
        parse(HEAD "a=ice-ufrag:sess\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=ice-options:trickle\r\n"
                   "a=tls-id:01234567890123456789\r\na=fingerprint:sha-256 " DIGEST_31 ":1F\r\na=ice-lite\r\n" AUDIO DATA
                   "a=ice-ufrag:ownU\r\na=ice-pwd:own3456789012345678901\r\na=setup:passive\r\n"
                   "a=fingerprint:sha-384 " DIGEST_47 ":ff\r\na=end-of-candidates\r\n");
    cr_assert_eq(sdp.media_len, 2);
    cr_expect(hf_bytes_equal_text(media[0].ufrag, "sess"));
    cr_expect_eq(media[0].setup, HF_SDP_ACTPASS);
    cr_expect_eq(media[0].fingerprints_len, 1);
    cr_expect_eq(media[0].fingerprints[0].hash, HF_SHA256);
    cr_expect_eq(media[0].fingerprints[0].digest[11], 0x0B);
    cr_expect_eq(media[0].fingerprints[0].digest[31], 0x1F);
    cr_expect(hf_bytes_equal_text(media[0].tls_id, "01234567890123456789"));
    cr_expect(media[0].trickle && media[0].ice_lite && !media[0].ice2 && !media[0].end_of_candidates);

    cr_expect(hf_bytes_equal_text(media[1].ufrag, "ownU"));
    cr_expect(hf_bytes_equal_text(media[1].pwd, "own3456789012345678901"));
    cr_expect_eq(media[1].setup, HF_SDP_PASSIVE);
    cr_expect_eq(media[1].fingerprints_len, 1);
    cr_expect_eq(media[1].fingerprints[0].hash, HF_SHA384);
    cr_expect_eq(media[1].fingerprints[0].digest[47], 0xFF);
    cr_expect(media[1].trickle && media[1].ice_lite && media[1].end_of_candidates);
}

Test(sdp_parse, never_falls_back_to_the_session_s_fingerprint_from_one_it_does_not_know)
{
    const hf_sdp_media *media =
        parse(HEAD "a=fingerprint:sha-256 " DIGEST_31 ":1F\r\n" DATA "a=fingerprint:sha-1 00:01\r\n");
    cr_expect_eq(media[0].fingerprints_len, 0);
    cr_expect_eq(media[0].fingerprints_unknown, 1);
}

Test(sdp_parse, reads_hash_names_and_setups_without_regard_to_case)
{
    const hf_sdp_media *media = parse(HEAD DATA "a=fingerprint:SHA-256 " DIGEST_31 ":1f\r\na=setup:ActPass\r\n");
    cr_expect_eq(media[0].fingerprints_len, 1);
    cr_expect_eq(media[0].setup, HF_SDP_ACTPASS);
}

Test(sdp_parse, reads_every_setup)
{
    const hf_sdp_media *media = parse(HEAD DATA "a=setup:active\r\n" DATA "a=setup:passive\r\n" DATA
                                                "a=setup:holdconn\r\n" DATA "a=setup:actpass\r\n" DATA);
    cr_expect_eq(media[0].setup, HF_SDP_ACTIVE);
    cr_expect_eq(media[1].setup, HF_SDP_PASSIVE);
    cr_expect_eq(media[2].setup, HF_SDP_HOLDCONN);
    cr_expect_eq(media[3].setup, HF_SDP_ACTPASS);
    cr_expect_eq(media[4].setup, HF_SDP_SETUP_NONE);
}

Test(sdp_parse, reads_ice_options_of_both_levels_and_with_commas)
{
    const hf_sdp_media *media = parse(HEAD "a=ice-options:ice2\r\n" DATA "a=ice-options:sped trickle rtp+ecn\r\n" DATA);
    cr_expect(media[0].ice2 && media[0].trickle);
    cr_expect(media[1].ice2 && !media[1].trickle && !media[1].renomination);
    hf_sdp_clear(&sdp, &environment.env);

    media = parse(HEAD "a=ice-options:ice2,trickle\r\n" DATA); /* libdatachannel */
    cr_expect(media[0].ice2 && media[0].trickle);
    hf_sdp_clear(&sdp, &environment.env);

    media = parse(HEAD DATA "a=ice-options:trickle renomination\r\n"); /* libwebrtc, when asked to */
    cr_expect(media[0].renomination);
}

Test(sdp_parse, knows_what_is_bundled)
{
    const hf_sdp_media *media =
        parse(HEAD "a=group:LS a d\r\na=group:BUNDLE a b\r\na=group:BUNDLE c\r\n" AUDIO "a=mid:a\r\n" DATA
                   "a=mid:c\r\n" AUDIO "a=mid:d\r\n" AUDIO "m=video 0 RTP/AVP 96\r\na=mid:b\r\na=bundle-only\r\n");
    cr_assert_eq(sdp.media_len, 5);
    cr_expect(media[0].bundled);
    cr_expect(media[1].bundled);
    cr_expect_not(media[2].bundled, "in another kind of group");
    cr_expect_not(media[3].bundled, "without a mid");
    cr_expect(media[4].bundled && media[4].bundle_only && media[4].port == 0);
    cr_expect(media[0].bundle == media[4].bundle && media[0].bundle_tag && !media[4].bundle_tag);
    cr_expect(media[1].bundle != media[0].bundle && media[1].bundle_tag, "a group of its own");
}

Test(sdp_parse, takes_the_same_value_twice_but_no_other)
{
    const hf_sdp_media *media = parse(HEAD DATA "a=setup:active\r\na=setup:active\r\na=mid:0\r\na=mid:0\r\n");
    cr_expect_eq(media[0].setup, HF_SDP_ACTIVE);
    cr_expect(hf_bytes_equal_text(media[0].mid, "0"));
}

Test(sdp_parse, tells_a_size_of_zero_from_no_size)
{
    const hf_sdp_media *media =
        parse(HEAD DATA "a=max-message-size:0\r\n" DATA DATA "a=max-message-size:18446744073709551615\r\n");
    cr_expect(media[0].has_max_message_size && media[0].max_message_size == 0);
    cr_expect_not(media[1].has_max_message_size);
    cr_expect_eq(media[2].max_message_size, UINT64_MAX);
}

Test(sdp_parse, keeps_candidates_apart_and_unparsed)
{
    const hf_sdp_media *media =
        parse(HEAD "a=candidate:of the session\r\n" DATA "a=candidate:1 one\r\na=candidate:2 two\r\n" AUDIO
                   "m=video 1 RTP/AVP 96\r\na=candidate:3 three\r\n");
    cr_expect_eq(media[0].candidates_len, 2);
    cr_expect(hf_bytes_equal_text(media[0].candidates[1], "candidate:2 two"));
    cr_expect_eq(media[1].candidates_len, 0);
    cr_assert_eq(media[2].candidates_len, 1);
    cr_expect(hf_bytes_equal_text(media[2].candidates[0], "candidate:3 three"));
}

Test(sdp_parse, shows_the_media_line_as_it_stands)
{
    const hf_sdp_media *media = parse(HEAD "m=audio 49170/2 RTP/AVP 0 8 97\r\n");
    cr_expect(hf_bytes_equal_text(media[0].kind, "audio"));
    cr_expect_eq(media[0].port, 49170);
    cr_expect(hf_bytes_equal_text(media[0].protocol, "RTP/AVP"));
    cr_expect(hf_bytes_equal_text(media[0].formats, "0 8 97"));
}

Test(sdp_parse, survives_each_failed_allocation)
{
    static const char text[] = HEAD DATA "a=mid:0\r\na=candidate:1 x\r\n";
    size_t failures = 0;
    for (size_t n = 1; test_env_next_failure(&environment, n, 7); n++) {
        hf_sdp_error why;
        hf_err err = hf_sdp_parse(&sdp, text, sizeof text - 1, &why, &environment.env);
        if (err == HF_ENOMEM) {
            cr_expect_str_eq(why.reason, "out of memory");
            cr_expect_null(sdp.memory);
            failures++;
        } else {
            cr_expect_eq(err, HF_OK);
        }
        hf_sdp_clear(&sdp, &environment.env);
        cr_expect_eq(environment.blocks, 0);
    }
    cr_expect_eq(failures, 1, "one block holds it all");
}
