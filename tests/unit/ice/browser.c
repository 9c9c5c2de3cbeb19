/* browser.c: packets of Chromium 156 and Firefox 153, taken by an agent that has the credentials they were made for. */
#include "corpus.h"
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>

/* Gives the agent the password under which the request was signed, and the ufrags of its user name. */
static void play(const char *path, bool with_remote)
{
    corpus_hex hex = corpus_read_hex(path);
    const char *key = corpus_hex_comment(&hex, "message-integrity key (ice-pwd): ");
    cr_assert_not_null(key, "%s", path);
    for (size_t i = 0; i < hex.packets_len; i++) {
        solo s;
        hf_stun_message m;
        hf_bytes user;
        solo_init(&s, NULL);
        cr_assert(hf_stun_read(hex.packets[i], &m), "%s", path);
        cr_assert(hf_stun_find(&m, HF_STUN_USERNAME, &user));
        const uint8_t *colon = memchr(user.data, ':', user.len);
        cr_assert_not_null(colon);
        hf_ice_generation *g = &s.ice->generation;
        char remote[64] = {0};
        memcpy(remote, colon + 1, user.len - (size_t)(colon - user.data) - 1);
        uint64_t tie_breaker;
        bool is_controlling = hf_stun_get_u64(&m, HF_STUN_ICE_CONTROLLING, &tie_breaker);
        if (!is_controlling)
            cr_assert_eq(hf_ice_set_controlling(s.ice, true), HF_OK);
        (void)g;
        if (with_remote)
            cr_assert_eq(hf_ice_set_remote(s.ice, s.now, remote, SOLO_PWD, false), HF_OK);
        hf_bytes nothing;
        bool use_candidate = hf_stun_find(&m, HF_STUN_USE_CANDIDATE, &nothing);
        /* our credentials are of another length than the browser's: the request is signed anew, all else stays */
        uint8_t buffer[2048];
        char own[300];
        size_t len = strlen(hf_ice_local_ufrag(s.ice));
        memcpy(own, hf_ice_local_ufrag(s.ice), len);
        memcpy(own + len, colon, user.len - (size_t)(colon - user.data));
        hf_stun_writer w = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, m.id);
        hf_reader r = hf_reader_of(hf_bytes_of(m.whole.data + HF_STUN_HEADER_SIZE, m.integrity_at - HF_STUN_HEADER_SIZE));
        while (r.rest.len > 0) {
            uint16_t type = hf_read_u16(&r);
            hf_bytes value = hf_read_bytes(&r, hf_read_u16(&r));
            hf_read_skip(&r, (4 - value.len % 4) % 4);
            if (type == HF_STUN_USERNAME)
                value = hf_bytes_of(own, len + user.len - (size_t)(colon - user.data));
            hf_stun_add(&w, type, value);
        }
        cr_assert(r.ok);
        hf_stun_add_integrity(&w, hf_bytes_of_text(hf_ice_local_pwd(s.ice)));
        hf_stun_add_fingerprint(&w);
        solo_give(&s, NULL, buffer, hf_stun_end(&w));

        hf_stun_message out;
        cr_assert(solo_take(&s, &out), "%s", path);
        cr_expect_eq(out.class_, HF_STUN_SUCCESS, "%s", path);
        if (!with_remote)
            cr_assert_eq(hf_ice_set_remote(s.ice, s.now, remote, SOLO_PWD, false), HF_OK);
        cr_assert(solo_take(&s, &out), "%s", path);
        solo_answer(&s, &out, NULL);
        hf_ice_route route;
        cr_assert(hf_ice_get_route(s.ice, &route), "%s", path);
        cr_expect_eq(route.nominated, use_candidate, "%s", path);
        solo_clear(&s);
    }
    corpus_hex_clear(&hex);
}

Test(browser, requests_make_a_pair_before_and_after_the_credentials)
{
    char **paths = corpus_list("wire", "stun-", ".hex");
    size_t requests = 0;
    for (size_t i = 0; paths[i]; i++) {
        if (!strstr(paths[i], "-request-"))
            continue;
        requests++;
        play(paths[i], true);
        play(paths[i], false);
    }
    cr_expect_eq(requests, 8);
    corpus_list_free(paths);
}
