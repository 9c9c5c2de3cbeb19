/* stable.c: parse → write → parse keeps all that our writer has words for, and the second text is the first. */
#include "rewrite.h"

#include "bytes.h"
#include "corpus.h"
#include "env.h"

#include <criterion/criterion.h>
#include <string.h>

static char first[REWRITE_TEXT_MAX], second[REWRITE_TEXT_MAX];

static void expect_stable(const char *what, hf_bytes text, const hf_env *env)
{
    hf_sdp sdp, again;
    hf_sdp_error why;
    cr_assert_eq(hf_sdp_parse(&sdp, (const char *)text.data, text.len, &why, env), HF_OK, "%s", what);
    size_t len = rewrite_sdp(&sdp, first);
    hf_err err = hf_sdp_parse(&again, first, len, &why, env);
    cr_assert_eq(err, HF_OK, "%s: line %zu: %s in\n%s", what, why.line, why.reason, first);
    const char *difference = rewrite_difference(&sdp, &again);
    cr_expect_null(difference, "%s: %s differs:\n%s", what, difference, first);
    rewrite_sdp(&again, second);
    cr_expect_str_eq(first, second, "%s", what);
    hf_sdp_clear(&sdp, env);
    hf_sdp_clear(&again, env);
}

Test(sdp_stable, every_description_of_the_corpus_survives_being_written_again)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    char **paths = corpus_list("sdp", "", ".sdp");
    size_t n = 0;
    for (char **path = paths; *path; path++, n++) {
        hf_bytes text = corpus_read_file(*path);
        expect_stable(*path, text, env);
        corpus_free(text);
    }
    cr_expect_geq(n, 50);
    cr_expect_eq(t.blocks, 0);
    corpus_list_free(paths);
}

#define HEAD "v=0\r\no=- 9223372036854775807 18446744073709551615 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define TRANSPORT "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"

static const struct {
    const char *why, *text;
} cases[] = {
    {"nothing", HEAD},
    {"no mid, no size, no port", HEAD "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" TRANSPORT},
    {"the old form", HEAD "m=application 9 DTLS/SCTP 5001\r\na=sctpmap:5001 webrtc-datachannel 16\r\n" TRANSPORT},
    {"bundle-only",
     HEAD "a=group:BUNDLE d\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\na=mid:d\r\n" TRANSPORT
          "a=max-message-size:0\r\n"},
    {"transport of the session", HEAD TRANSPORT
     "a=setup:holdconn\r\na=tls-id:01234567890123456789\r\n"
     "m=audio 9 RTP/AVP 0 8\r\nm=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\na=ice-options:renomination\r\n"
     "a=candidate:whatever\r\na=end-of-candidates\r\n"},
};

Test(sdp_stable, so_does_what_no_browser_writes)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_stable(cases[i].why, hf_bytes_of_text(cases[i].text), env);
    cr_expect_eq(t.blocks, 0);
}
