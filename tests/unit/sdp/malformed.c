/* malformed.c: what is not a description is refused, with the line and the reason. */
#include "sdp.h"

#include "env.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"  /* four lines */
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" /* the fifth */
#define PWD "a=ice-pwd:0123456789012345678901\r\n"
#define DIGEST_31 "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E"

static const struct malformed {
    const char *why;
    const char *text;
    size_t line;
    const char *reason;
} malformed[] = {
    {"nothing at all", "", 0, "the description is empty"},
    {"only line ends", "\r\n\r\n\n", 0, "the description is empty"},
    {"not SDP", "{\"type\":\"offer\"}", 1, "the line does not have the form <letter>=<value>"},
    {"no version", "o=- 1 2 IN IP4 127.0.0.1\r\n", 1, "the first line is not v=0"},
    {"another version", "v=1\r\n", 1, "the first line is not v=0"},
    {"a version with more behind", "v=0 \r\n", 1, "the first line is not v=0"},
    {"nothing behind the version", "v=0\r\n", 0, "the description ends before its o= line"},
    {"no origin", "v=0\r\ns=-\r\n", 2, "the second line is not o="},
    {"five fields", "v=0\r\no=- 1 2 IN IP4\r\n", 2, "the o= line does not have six fields"},
    {"seven fields", "v=0\r\no=- 1 2 IN IP4 ::1 x\r\n", 2, "the o= line does not have six fields"},
    {"an empty field", "v=0\r\no=- 1  IN IP4 ::1\r\n", 2, "the o= line does not have six fields"},
    {"an id that is no number", "v=0\r\no=- x 2 IN IP4 ::1\r\n", 2, "the o= line's id or version is not a number"},
    {"a version that is no number", "v=0\r\no=- 1 -2 IN IP4 ::1\r\n", 2, "the o= line's id or version is not a number"},
    {"a second v=", HEAD DATA "v=0\r\n", 6, "v= and o= stand at the beginning only"},
    {"a second o=", HEAD "o=- 1 2 IN IP4 ::1\r\n", 5, "v= and o= stand at the beginning only"},
    {"an empty line inside", HEAD "\r\n" DATA, 5, "the line does not have the form <letter>=<value>"},
    {"a line without =", HEAD "a\r\n", 5, "the line does not have the form <letter>=<value>"},
    {"two letters before =", HEAD "ab=c\r\n", 5, "the line does not have the form <letter>=<value>"},
    {"a capital letter", HEAD "A=mid:0\r\n", 5, "the line does not have the form <letter>=<value>"},
    {"a space before the letter", HEAD " a=mid:0\r\n", 5, "the line does not have the form <letter>=<value>"},
    {"a CR inside", HEAD "s=a\rb\r\n", 5, "the line has a NUL or a CR inside"},
    {"two CRs at the end", HEAD "s=a\r\r\n" DATA, 5, "the line has a NUL or a CR inside"},

    {"an empty m=", HEAD "m=\r\n", 5, "the m= line has no media type"},
    {"two spaces", HEAD "m=audio  9 RTP/AVP 0\r\n", 5, "the m= line's port is not a number up to 65535"},
    {"only a kind", HEAD "m=audio\r\n", 5, "the m= line's port is not a number up to 65535"},
    {"a port above 65535", HEAD "m=audio 65536 RTP/AVP 0\r\n", 5, "the m= line's port is not a number up to 65535"},
    {"a port with a sign", HEAD "m=audio +9 RTP/AVP 0\r\n", 5, "the m= line's port is not a number up to 65535"},
    {"a count that is none", HEAD "m=audio 9/x RTP/AVP 0\r\n", 5, "the m= line's port is not a number up to 65535"},
    {"no protocol", HEAD "m=audio 9\r\n", 5, "the m= line has no protocol"},
    {"a protocol that ends with /", HEAD "m=audio 9 RTP/ 0\r\n", 5, "the m= line has no protocol"},
    {"no format", HEAD "m=audio 9 RTP/AVP\r\n", 5, "the m= line has no list of formats"},
    {"two spaces between formats", HEAD "m=audio 9 RTP/AVP 0  8\r\n", 5, "the m= line has no list of formats"},

    {"an attribute without name", HEAD "a=\r\n", 5, "the attribute has no name"},
    {"a value without name", HEAD "a=:0\r\n", 5, "the attribute has no name"},
    {"a mid without value", HEAD DATA "a=mid\r\n", 6, "the mid is not a token"},
    {"a mid of two words", HEAD DATA "a=mid:0 1\r\n", 6, "the mid is not a token"},
    {"in two bundles", HEAD "a=group:BUNDLE 0 1\r\na=group:BUNDLE 2 0\r\n" DATA "a=mid:0\r\n", 7,
     "the section's mid is in two BUNDLE groups"},
    {"two mids", HEAD DATA "a=mid:0\r\na=mid:1\r\n", 7, "the section has two different mids"},
    {"a mid for two sections", HEAD DATA "a=mid:0\r\n" DATA "a=mid:0\r\n", 8, "the mid is another section's"},
    {"a ufrag of 3", HEAD DATA "a=ice-ufrag:abc\r\n", 6, "the ice-ufrag is not 4 to 256 characters of A-Z a-z 0-9 + /"},
    {"a ufrag with :", HEAD DATA "a=ice-ufrag:ab:cd\r\n", 6, "the ice-ufrag is not 4 to 256 characters of A-Z a-z 0-9 + /"},
    {"two ufrags", HEAD DATA "a=ice-ufrag:abcd\r\na=ice-ufrag:abce\r\n", 7, "there are two different ice-ufrags"},
    {"two ufrags of the session", HEAD "a=ice-ufrag:abcd\r\na=ice-ufrag:abce\r\n", 6, "there are two different ice-ufrags"},
    {"a pwd of 21", HEAD DATA "a=ice-pwd:012345678901234567890\r\n", 6,
     "the ice-pwd is not 22 to 256 characters of A-Z a-z 0-9 + /"},
    {"two pwds", HEAD DATA PWD "a=ice-pwd:9123456789012345678901\r\n", 7, "there are two different ice-pwds"},
    {"a ufrag alone", HEAD DATA "a=ice-ufrag:abcd\r\n", 5, "the section has only one of ice-ufrag and ice-pwd"},
    {"a pwd alone, in the first of two", HEAD DATA PWD DATA, 5, "the section has only one of ice-ufrag and ice-pwd"},
    {"a setup that is none", HEAD DATA "a=setup:both\r\n", 6, "the setup is none of actpass, active, passive, holdconn"},
    {"a setup without value", HEAD DATA "a=setup\r\n", 6, "the setup is none of actpass, active, passive, holdconn"},
    {"two setups", HEAD DATA "a=setup:active\r\na=setup:passive\r\n", 7, "there are two different setups"},
    {"a fingerprint without value", HEAD "a=fingerprint:sha-256\r\n", 5,
     "the fingerprint is not a hash's name and its value"},
    {"a digest of 31 bytes", HEAD "a=fingerprint:sha-256 " DIGEST_31 "\r\n", 5,
     "the fingerprint does not have the length of its hash"},
    {"a digest of 33 bytes", HEAD "a=fingerprint:sha-256 " DIGEST_31 ":1F:20\r\n", 5,
     "the fingerprint does not have the length of its hash"},
    {"a colon behind the digest", HEAD "a=fingerprint:sha-256 " DIGEST_31 ":1F:\r\n", 5,
     "the fingerprint does not have the length of its hash"},
    {"a digit short", HEAD "a=fingerprint:sha-256 " DIGEST_31 ":F\r\n", 5,
     "the fingerprint does not have the length of its hash"},
    {"a letter beyond F", HEAD "a=fingerprint:sha-256 " DIGEST_31 ":1G\r\n", 5,
     "the fingerprint is not pairs of hex digits with colons between"},
    {"a space for a colon", HEAD "a=fingerprint:sha-256 " DIGEST_31 " 1F\r\n", 5,
     "the fingerprint is not pairs of hex digits with colons between"},
    {"a colon at the wrong place", HEAD "a=fingerprint:sha-256 0:001" DIGEST_31 "\r\n", 5,
     "the fingerprint does not have the length of its hash"},
    {"a tls-id of 19", HEAD DATA "a=tls-id:0123456789012345678\r\n", 6,
     "the tls-id is not 20 to 255 characters of A-Z a-z 0-9 + / - _"},
    {"a tls-id with a dot", HEAD DATA "a=tls-id:012345678901234567.9\r\n", 6,
     "the tls-id is not 20 to 255 characters of A-Z a-z 0-9 + / - _"},
    {"two tls-ids", HEAD DATA "a=tls-id:01234567890123456789\r\na=tls-id:91234567890123456789\r\n", 7,
     "there are two different tls-ids"},
    {"port 0", HEAD DATA "a=sctp-port:0\r\n", 6, "the sctp-port is not a number from 1 to 65535"},
    {"port 65536", HEAD DATA "a=sctp-port:65536\r\n", 6, "the sctp-port is not a number from 1 to 65535"},
    {"a port that is none", HEAD DATA "a=sctp-port:5000 x\r\n", 6, "the sctp-port is not a number from 1 to 65535"},
    {"two ports", HEAD DATA "a=sctp-port:5000\r\na=sctp-port:5001\r\n", 7, "there are two different sctp-ports"},
    {"an old port 0", HEAD "m=application 9 DTLS/SCTP 0\r\na=sctpmap:0 webrtc-datachannel\r\n", 6,
     "the sctp-port is not a number from 1 to 65535"},
    {"a negative size", HEAD DATA "a=max-message-size:-1\r\n", 6, "the max-message-size is not a number below 2^64"},
    {"a size of 2^64", HEAD DATA "a=max-message-size:18446744073709551616\r\n", 6,
     "the max-message-size is not a number below 2^64"},
    {"no size", HEAD DATA "a=max-message-size:\r\n", 6, "the max-message-size is not a number below 2^64"},
    {"two sizes", HEAD DATA "a=max-message-size:1\r\na=max-message-size:2\r\n", 7,
     "there are two different max-message-sizes"},
};

static void expect_refused(const char *why, const char *text, size_t len, hf_err err, size_t line, const char *reason)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    hf_sdp sdp = {.media_len = 7};
    hf_sdp_error error = {0};
    cr_expect_eq(hf_sdp_parse(&sdp, text, len, &error, env), err, "%s", why);
    cr_expect_eq(error.line, line, "%s: line %zu", why, error.line);
    cr_expect_str_eq(error.reason ? error.reason : "", reason, "%s: %s", why, error.reason);
    cr_expect_eq(sdp.media_len, 0, "%s: cleared", why);
    cr_expect_null(sdp.memory, "%s: cleared", why);
    cr_expect_eq(t.blocks, 0, "%s: leaks", why);
    cr_expect_eq(hf_sdp_parse(&sdp, text, len, NULL, env), err, "%s: without a place for the reason", why);
}

Test(sdp_malformed, is_refused_with_line_and_reason)
{
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        expect_refused(malformed[i].why, malformed[i].text, strlen(malformed[i].text), HF_ESYNTAX, malformed[i].line,
                       malformed[i].reason);
}

Test(sdp_malformed, a_nul_is_refused)
{
    static const char text[] = HEAD "s=a\0b\r\n";
    expect_refused("NUL", text, sizeof text - 1, HF_ESYNTAX, 5, "the line has a NUL or a CR inside");
}

/* --- Limits: what is as large as allowed passes, one more does not --- */

typedef struct text {
    char *data;
    size_t len, cap;
} text;

static void add(text *t, const char *piece)
{
    size_t len = strlen(piece);
    if (t->len + len + 1 > t->cap) {
        t->cap = 2 * (t->len + len + 1);
        t->data = realloc(t->data, t->cap);
        cr_assert_not_null(t->data);
    }
    memcpy(t->data + t->len, piece, len + 1);
    t->len += len;
}

static text repeated(const char *head, const char *piece, size_t n)
{
    text t = {0};
    add(&t, head);
    for (size_t i = 0; i < n; i++)
        add(&t, piece);
    return t;
}

static void expect_accepted(const char *why, text t)
{
    test_env e;
    const hf_env *env = test_env_init(&e, 1);
    hf_sdp sdp;
    hf_sdp_error error;
    cr_expect_eq(hf_sdp_parse(&sdp, t.data, t.len, &error, env), HF_OK, "%s: %zu: %s", why, error.line, error.reason);
    hf_sdp_clear(&sdp, env);
    cr_expect_eq(e.blocks, 0);
    free(t.data);
}

static void expect_above_limit(const char *why, text t, size_t line, const char *reason)
{
    expect_refused(why, t.data, t.len, HF_ELIMIT, line, reason);
    free(t.data);
}

Test(sdp_malformed, sections_are_counted)
{
    expect_accepted("as many as may be", repeated(HEAD, DATA, HF_SDP_MEDIA_MAX));
    expect_above_limit("one more", repeated(HEAD, DATA, HF_SDP_MEDIA_MAX + 1), 5 + HF_SDP_MEDIA_MAX,
                       "there are too many m= sections");
}

Test(sdp_malformed, candidates_are_counted)
{
    expect_accepted("as many as may be", repeated(HEAD DATA, "a=candidate:x\r\n", HF_SDP_CANDIDATES_MAX));
    expect_above_limit("one more", repeated(HEAD DATA, "a=candidate:x\r\n", HF_SDP_CANDIDATES_MAX + 1),
                       6 + HF_SDP_CANDIDATES_MAX, "the section has too many candidates");
}

Test(sdp_malformed, fingerprints_are_counted_known_or_not)
{
    expect_accepted("as many as may be", repeated(HEAD, "a=fingerprint:md5 00\r\n", HF_SDP_FINGERPRINTS_MAX));
    text t = repeated(HEAD, "a=fingerprint:md5 00\r\n", HF_SDP_FINGERPRINTS_MAX);
    add(&t, "a=fingerprint:sha-256 " DIGEST_31 ":1F\r\n");
    expect_above_limit("one more", t, 5 + HF_SDP_FINGERPRINTS_MAX, "there are too many fingerprints");
}

Test(sdp_malformed, groups_are_counted)
{
    expect_accepted("as many as may be", repeated(HEAD, "a=group:BUNDLE 0\r\n", HF_SDP_MEDIA_MAX));
    expect_above_limit("one more", repeated(HEAD, "a=group:BUNDLE 0\r\n", HF_SDP_MEDIA_MAX + 1), 5 + HF_SDP_MEDIA_MAX,
                       "there are too many BUNDLE groups");
}

Test(sdp_malformed, lines_are_measured)
{
    text t = repeated(HEAD "s=", "x", HF_SDP_LINE_MAX - 2);
    add(&t, "\r\n");
    expect_accepted("as long as may be", t);
    t = repeated(HEAD "s=", "x", HF_SDP_LINE_MAX - 1);
    add(&t, "\r\n");
    expect_above_limit("one more", t, 5, "the line is too long");
}

Test(sdp_malformed, the_description_is_measured)
{
    text t = repeated(HEAD "s=", "x", (HF_SDP_TEXT_MAX - strlen(HEAD) - 3) % 16);
    add(&t, "\n");
    while (t.len < HF_SDP_TEXT_MAX - 16)
        add(&t, "s=1234567890123\n");
    add(&t, "s=12345678901234");
    cr_assert_eq(t.len, HF_SDP_TEXT_MAX);
    expect_accepted("as long as may be", repeated(t.data, "", 1));
    add(&t, "x");
    expect_above_limit("one more", t, 0, "the description is too long");
}
