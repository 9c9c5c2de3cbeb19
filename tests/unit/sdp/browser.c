/* browser.c: what browsers and other stacks write (tests/corpus/sdp) is read as it was meant. */
#include "sdp.h"

#include "bytes.h"
#include "corpus.h"
#include "env.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What each file says about its data-channel section. All describe one, in all it has a fingerprint with sha-256. */
static const struct fact {
    const char *file;
    size_t media_len;
    size_t at; /* of the data-channel section */
    const char *mid;
    uint16_t port;
    const char *ufrag;
    size_t pwd_len;
    hf_sdp_setup setup;
    size_t candidates_len;
    bool end_of_candidates;
    bool trickle;
    bool has_max_message_size;
    uint64_t max_message_size;
} facts[] = {
    {"aiortc-answer-to-firefox153", 1, 0, "0", 51771, "yT36", 22, HF_SDP_ACTIVE, 2, true, false, true, 65536},
    {"aiortc-dc-answer", 1, 0, "0", 37390, "3JGu", 22, HF_SDP_ACTIVE, 2, true, false, true, 65536},
    {"aiortc-dc-offer", 1, 0, "0", 38190, "p6zY", 22, HF_SDP_ACTPASS, 2, true, false, true, 65536},
    {"chromium156-always-negotiate-dc-audio-offer", 2, 0, "0", 59398, "8tcA", 24, HF_SDP_ACTPASS, 2, false, true, true,
     262144},
    {"chromium156-answer-to-setup-active", 1, 0, "0", 47907, "Pw00", 24, HF_SDP_PASSIVE, 2, false, true, false, 0},
    {"chromium156-answer-to-setup-passive", 1, 0, "0", 56744, "SwYv", 24, HF_SDP_ACTIVE, 2, false, true, false, 0},
    {"chromium156-avdc-answer", 3, 2, "2", 9, "2Qjk", 24, HF_SDP_ACTIVE, 0, false, true, true, 262144},
    {"chromium156-avdc-offer", 3, 2, "2", 44972, "9DP3", 24, HF_SDP_ACTPASS, 2, false, true, true, 262144},
    {"chromium156-avdc-reneg-by-answerer-answer", 4, 2, "2", 44972, "9DP3", 24, HF_SDP_PASSIVE, 2, false, true, true,
     262144},
    {"chromium156-avdc-reneg-by-answerer-offer", 4, 2, "2", 9, "2Qjk", 24, HF_SDP_ACTPASS, 0, false, true, true, 262144},
    {"chromium156-dc-restart-answer", 1, 0, "0", 9, "YkoT", 24, HF_SDP_ACTIVE, 0, false, true, true, 262144},
    {"chromium156-dc-restart-offer", 1, 0, "0", 9, "pDSl", 24, HF_SDP_ACTPASS, 0, false, true, true, 262144},
    {"chromium156-maxbundle-dcaudio-offer", 2, 1, "1", 9, "dSRp", 24, HF_SDP_ACTPASS, 0, false, true, true, 262144},
    {"chromium156-mdns-dc-answer", 1, 0, "0", 9, "lUC/", 24, HF_SDP_ACTIVE, 1, false, true, true, 262144},
    {"chromium156-mdns-dc-offer", 1, 0, "0", 9, "b38I", 24, HF_SDP_ACTPASS, 2, false, true, true, 262144},
    {"chromium156-relayonly-dc-offer", 1, 0, "0", 9, "69aQ", 24, HF_SDP_ACTPASS, 0, false, true, true, 262144},
    {"chromium156-reneg-stopvideo-answer", 3, 0, "0", 45212, "YkoT", 24, HF_SDP_ACTIVE, 2, false, true, true, 262144},
    {"chromium156-reneg-stopvideo-offer", 3, 0, "0", 40561, "pDSl", 24, HF_SDP_ACTPASS, 2, false, true, true, 262144},
    {"chromium156-snap-dc-answer", 1, 0, "0", 41822, "r0dK", 24, HF_SDP_ACTIVE, 2, false, true, true, 262144},
    {"chromium156-snap-dc-offer", 1, 0, "0", 46315, "uOu+", 24, HF_SDP_ACTPASS, 2, false, true, true, 262144},
    {"chromium156-to-firefox153-dc-answer", 1, 0, "0", 36478, "198668bb", 32, HF_SDP_ACTIVE, 4, true, true, true,
     1073741823},
    {"chromium156-to-firefox153-dc-offer", 1, 0, "0", 42619, "F7e3", 24, HF_SDP_ACTPASS, 2, false, true, true, 262144},
    {"chromium156-to-firefox153-dc-restart-answer", 1, 0, "0", 9, "3f95134b", 32, HF_SDP_ACTIVE, 0, false, true, true,
     1073741823},
    {"chromium156-to-firefox153-dc-restart-offer", 1, 0, "0", 9, "G6al", 24, HF_SDP_ACTPASS, 0, false, true, true, 262144},
    {"chromium156-warp-dc-answer", 1, 0, "0", 60578, "j1xE", 24, HF_SDP_ACTIVE, 2, false, true, true, 262144},
    {"chromium156-warp-dc-offer", 1, 0, "0", 39139, "qmtQ", 24, HF_SDP_ACTPASS, 2, false, true, true, 262144},
    {"firefox153-answer-to-legacy-sctpmap", 1, 0, "0", 54692, "16dbb80c", 32, HF_SDP_ACTIVE, 4, true, true, true,
     1073741823},
    {"firefox153-answer-to-setup-passive", 1, 0, "0", 49650, "d94ad6bb", 32, HF_SDP_ACTIVE, 4, true, true, true, 1073741823},
    {"firefox153-answer-to-tcp", 1, 0, "0", 45698, "f4cdbcb6", 32, HF_SDP_ACTIVE, 4, true, true, true, 1073741823},
    {"firefox153-avdc-reneg-by-answerer-answer", 4, 2, "2", 9, "5c2ce9e6", 32, HF_SDP_PASSIVE, 0, false, true, true,
     1073741823},
    {"firefox153-avdc-reneg-by-answerer-offer", 4, 2, "2", 9, "d30f7bec", 32, HF_SDP_ACTPASS, 0, false, true, true,
     1073741823},
    {"firefox153-dc-answer", 1, 0, "0", 47685, "41c3176e", 32, HF_SDP_ACTIVE, 4, true, true, true, 1073741823},
    {"firefox153-dc-offer-nocand", 1, 0, "0", 9, "794e07ed", 32, HF_SDP_ACTPASS, 0, false, true, true, 1073741823},
    {"firefox153-dc-offer", 1, 0, "0", 34286, "2fd11611", 32, HF_SDP_ACTPASS, 4, true, true, true, 1073741823},
    {"firefox153-maxbundle-dcaudio-offer", 2, 1, "1", 0, "3406b87a", 32, HF_SDP_ACTPASS, 0, false, true, true, 1073741823},
    {"firefox153-maxcompat-audiodc-offer", 2, 1, "1", 45255, "6169edfa", 32, HF_SDP_ACTPASS, 4, true, true, true,
     1073741823},
    {"firefox153-relayonly-dc-offer", 1, 0, "0", 9, "ec6aa3a5", 32, HF_SDP_ACTPASS, 0, true, true, true, 1073741823},
    {"firefox153-reneg-addav-answer", 3, 0, "0", 34887, "ca3e8183", 32, HF_SDP_ACTIVE, 4, true, true, true, 1073741823},
    {"firefox153-reneg-addav-offer", 3, 0, "0", 54225, "b0c77410", 32, HF_SDP_ACTPASS, 4, true, true, true, 1073741823},
    {"firefox153-to-chromium156-dc-answer", 1, 0, "0", 43912, "O89t", 24, HF_SDP_ACTIVE, 2, false, true, true, 262144},
    {"firefox153-to-chromium156-dc-offer", 1, 0, "0", 46626, "f24dbf4b", 32, HF_SDP_ACTPASS, 4, true, true, true,
     1073741823},
    {"firefox153-to-chromium156-dc-restart-answer", 1, 0, "0", 9, "H4pB", 24, HF_SDP_ACTIVE, 0, false, true, true, 262144},
    {"firefox153-to-chromium156-dc-restart-offer", 1, 0, "0", 9, "d64fa66c", 32, HF_SDP_ACTPASS, 0, false, true, true,
     1073741823},
    {"roamhqwrtc-dc-answer", 1, 0, "0", 60993, "/HsP", 24, HF_SDP_ACTIVE, 4, false, true, true, 262144},
    {"roamhqwrtc-dc-offer", 1, 0, "0", 42245, "k6L0", 24, HF_SDP_ACTPASS, 8, false, true, true, 262144},
    {"roamhqwrtc-dc-restart-answer", 1, 0, "0", 54844, "eQWF", 24, HF_SDP_ACTIVE, 4, false, true, true, 262144},
    {"roamhqwrtc-dc-restart-offer", 1, 0, "0", 34875, "OCSp", 24, HF_SDP_ACTPASS, 4, false, true, true, 262144},
    {"werift-answer-to-chromium156", 1, 0, "0", 9, "aceb", 22, HF_SDP_ACTIVE, 0, false, true, true, 65536},
    {"werift-answer-to-firefox153", 1, 0, "0", 9, "5124", 22, HF_SDP_ACTIVE, 0, false, true, true, 65536},
    {"werift-dc-answer", 1, 0, "0", 9, "c10c", 22, HF_SDP_ACTIVE, 2, true, true, true, 65536},
    {"werift-dc-offer", 1, 0, "0", 9, "19f2", 22, HF_SDP_ACTPASS, 2, true, true, true, 65536},
};

static void read_file(const char *file, hf_sdp *out, const hf_env *env)
{
    char path[256];
    snprintf(path, sizeof path, "sdp/%s.sdp", file);
    hf_bytes text = corpus_read_file(path);
    hf_sdp_error why;
    hf_err err = hf_sdp_parse(out, (const char *)text.data, text.len, &why, env);
    corpus_free(text); /* a description holds its own copy */
    cr_assert_eq(err, HF_OK, "%s:%zu: %s", file, why.line, why.reason);
}

Test(sdp_browser, descriptions_say_what_they_were_made_to_say)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        const struct fact *fact = &facts[i];
        hf_sdp sdp;
        read_file(fact->file, &sdp, env);
        cr_assert_eq(sdp.media_len, fact->media_len, "%s: %zu sections", fact->file, sdp.media_len);

        const hf_sdp_media *data = &sdp.media[fact->at];
        cr_expect(data->is_data, "%s", fact->file);
        cr_expect(data->bundled, "%s", fact->file);
        cr_expect(hf_bytes_equal_text(data->mid, fact->mid), "%s", fact->file);
        cr_expect_eq(data->port, fact->port, "%s: port %u", fact->file, data->port);
        cr_expect(hf_bytes_equal_text(data->ufrag, fact->ufrag), "%s", fact->file);
        cr_expect_eq(data->pwd.len, fact->pwd_len, "%s: %zu", fact->file, data->pwd.len);
        cr_expect_eq(data->setup, fact->setup, "%s", fact->file);
        cr_expect_eq(data->fingerprints_len, 1, "%s", fact->file);
        cr_expect_eq(data->fingerprints[0].hash, HF_SHA256, "%s", fact->file);
        cr_expect_eq(data->candidates_len, fact->candidates_len, "%s: %zu", fact->file, data->candidates_len);
        cr_expect_eq(data->end_of_candidates, fact->end_of_candidates, "%s", fact->file);
        cr_expect_eq(data->trickle, fact->trickle, "%s", fact->file);
        cr_expect_eq(data->sctp_port, 5000, "%s", fact->file);
        cr_expect_eq(data->has_max_message_size, fact->has_max_message_size, "%s", fact->file);
        cr_expect_eq(data->max_message_size, fact->max_message_size, "%s", fact->file);
        hf_sdp_clear(&sdp, env);
    }
    cr_expect_eq(t.blocks, 0);
}

Test(sdp_browser, no_file_is_without_facts)
{
    char **paths = corpus_list("sdp", "", ".sdp");
    size_t files = 0;
    for (char **path = paths; *path; path++)
        files++;
    cr_expect_eq(files, sizeof facts / sizeof facts[0]);
    corpus_list_free(paths);
}

Test(sdp_browser, only_the_application_section_is_data)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        hf_sdp sdp;
        read_file(facts[i].file, &sdp, env);
        for (size_t m = 0; m < sdp.media_len; m++)
            cr_expect_eq(sdp.media[m].is_data, m == facts[i].at, "%s: section %zu", facts[i].file, m);
        hf_sdp_clear(&sdp, env);
    }
}

Test(sdp_browser, a_stopped_video_is_rejected_and_out_of_the_bundle)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    hf_sdp sdp;
    read_file("chromium156-reneg-stopvideo-answer", &sdp, env);
    const hf_sdp_media *video = &sdp.media[2];
    cr_expect(hf_bytes_equal_text(video->kind, "video"));
    cr_expect(hf_bytes_equal_text(video->protocol, "UDP/TLS/RTP/SAVPF"));
    cr_expect(hf_bytes_equal_text(video->mid, "2"));
    cr_expect_eq(video->port, 0);
    cr_expect_not(video->bundled);
    cr_expect_not(video->bundle_only);
    hf_sdp_clear(&sdp, env);
}

Test(sdp_browser, firefox_max_bundle_has_port_zero_and_is_not_rejected)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    hf_sdp sdp;
    read_file("firefox153-maxbundle-dcaudio-offer", &sdp, env);
    size_t bundle_only = 0;
    for (size_t i = 0; i < sdp.media_len; i++) {
        if (sdp.media[i].port == 0) {
            cr_expect(sdp.media[i].bundle_only);
            cr_expect(sdp.media[i].bundled);
            bundle_only++;
        }
    }
    cr_expect_eq(bundle_only, 1);
    hf_sdp_clear(&sdp, env);
}

Test(sdp_browser, firefox_keeps_its_fingerprint_at_the_session)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    static const uint8_t start[] = {0xBE, 0x07, 0x51, 0x34};
    hf_sdp sdp;
    read_file("firefox153-maxcompat-audiodc-offer", &sdp, env);
    for (size_t i = 0; i < sdp.media_len; i++)
        cr_expect_eq(memcmp(sdp.media[i].fingerprints[0].digest, start, sizeof start), 0);
    hf_sdp_clear(&sdp, env);
}

Test(sdp_browser, candidates_come_out_whole_and_in_order)
{
    test_env t;
    const hf_env *env = test_env_init(&t, 1);
    hf_sdp sdp;
    read_file("firefox153-maxcompat-audiodc-offer", &sdp, env);
    cr_assert_eq(sdp.media[0].candidates_len, 8);
    cr_assert_eq(sdp.media[1].candidates_len, 4);
    cr_expect(
        hf_bytes_equal_text(sdp.media[0].candidates[7], "candidate:3 2 TCP 2105524478 fd99::1 9 typ host tcptype active"));
    cr_expect(hf_bytes_equal_text(sdp.media[1].candidates[0], "candidate:0 1 UDP 2122187007 10.99.0.1 45255 typ host"));
    hf_sdp_clear(&sdp, env);
}
