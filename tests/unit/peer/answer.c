/* answer.c: each offer of the corpus is answered as RFC 9429 §5.3.1 asks. */
#include "duo.h"

#include "bytes.h"
#include "corpus.h"
#include "sdp.h"

#include <criterion/criterion.h>
#include <string.h>

static hf_sdp parse(const char *text, size_t len, const hf_env *env, const char *what)
{
    hf_sdp sdp;
    hf_sdp_error why;
    cr_assert_eq(hf_sdp_parse(&sdp, text, len, &why, env), HF_OK, "%s: line %zu: %s", what, why.line, why.reason);
    return sdp;
}

static bool is_ours(const hf_sdp_media *media)
{
    return media->is_data && (media->port != 0 || media->bundle_only);
}

static void check_sections(const hf_sdp *offer, const hf_sdp *answer, const char *file)
{
    cr_assert_eq(answer->media_len, offer->media_len, "%s", file);
    for (size_t i = 0; i < offer->media_len; i++) {
        const hf_sdp_media *asked = &offer->media[i], *given = &answer->media[i];
        cr_expect(hf_bytes_equal(asked->mid, given->mid), "%s: section %zu", file, i);
        cr_expect(hf_bytes_equal(asked->kind, given->kind), "%s: section %zu", file, i);
        cr_expect(hf_bytes_equal(asked->protocol, given->protocol), "%s: section %zu", file, i);
        if (!is_ours(asked)) {
            cr_expect_eq(given->port, 0, "%s: section %zu is rejected", file, i);
            cr_expect_not(given->bundled, "%s: section %zu", file, i);
            continue;
        }
        cr_expect_neq(given->port, 0, "%s", file);
        cr_expect_eq(given->bundled, asked->bundled, "%s", file);
        cr_expect_eq(given->setup, asked->setup == HF_SDP_ACTIVE ? HF_SDP_PASSIVE : HF_SDP_ACTIVE, "%s", file);
        cr_expect_eq(given->sctp_port, 5000, "%s", file);
        cr_expect_eq(given->max_message_size, HF_MESSAGE_MAX_DEFAULT, "%s", file);
        cr_expect_eq(given->fingerprints_len, 1, "%s", file);
        cr_expect(given->trickle, "%s", file);
    }
}

Test(peer_answer, every_offer_of_the_corpus_is_answered, .timeout = 60)
{
    duo d;
    char **paths = corpus_list("sdp", "", "offer.sdp");
    duo_init(&d, 0);
    for (char **path = paths; *path; path++) {
        hf_bytes text = corpus_read_file(*path);
        hf_peer_config config = {.engine = d.engine, .certificate = d.certificate};
        cr_assert_eq(hf_peer_new(&d.peer[0], &config, &d.env.env), HF_OK);
        hf_err err = hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_OFFER, (const char *)text.data);
        cr_assert_eq(err, HF_OK, "%s: %s", *path, hf_peer_error_text(d.peer[0]));
        const char *answer = duo_set_local(&d, 0, HF_SDP_ANSWER);
        hf_sdp asked = parse((const char *)text.data, text.len, &d.env.env, *path);
        hf_sdp given = parse(answer, strlen(answer), &d.env.env, *path);
        check_sections(&asked, &given, *path);
        hf_sdp_clear(&asked, &d.env.env);
        hf_sdp_clear(&given, &d.env.env);
        cr_expect_eq(hf_peer_signaling_state(d.peer[0]), HF_SIGNALING_STABLE, "%s", *path);
        hf_peer_free(d.peer[0]);
        corpus_free(text);
    }
    d.peer[0] = NULL;
    corpus_list_free(paths);
    duo_clear(&d);
}
