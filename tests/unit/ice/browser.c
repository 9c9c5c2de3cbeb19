/* browser.c: checks of Chromium 156 and Firefox 153.
 *
 * They were signed for another agent. What they hold is kept, attribute by attribute; our ufrag and our integrity replace
 * those of that agent. */
#include "corpus.h"
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>

typedef struct recorded {
    hf_stun_message message;
    char theirs[64]; /* the browser's ufrag */
    bool is_controlling, has_use_candidate;
} recorded;

static recorded read_recorded(hf_bytes packet)
{
    recorded r = {0};
    hf_bytes user, nothing;
    uint64_t tie_breaker;
    cr_assert(hf_stun_read(packet, &r.message));
    cr_assert(hf_stun_find(&r.message, HF_STUN_USERNAME, &user));
    const uint8_t *colon = memchr(user.data, ':', user.len);
    cr_assert_not_null(colon);
    memcpy(r.theirs, colon + 1, user.len - (size_t)(colon - user.data) - 1);
    r.is_controlling = hf_stun_get_u64(&r.message, HF_STUN_ICE_CONTROLLING, &tie_breaker);
    r.has_use_candidate = hf_stun_find(&r.message, HF_STUN_USE_CANDIDATE, &nothing);
    return r;
}

static void give_to(solo *s, const recorded *r)
{
    const hf_stun_message *m = &r->message;
    uint8_t buffer[HF_DATAGRAM_MAX];
    char user[128];
    strcpy(user, hf_ice_local_ufrag(s->ice));
    strcat(user, ":");
    strcat(user, r->theirs);
    hf_stun_writer w = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, m->id);
    hf_reader in = hf_reader_of(hf_bytes_of(m->whole.data + HF_STUN_HEADER_SIZE, m->integrity_at - HF_STUN_HEADER_SIZE));
    while (in.rest.len > 0) {
        uint16_t type = hf_read_u16(&in);
        hf_bytes value = hf_read_bytes(&in, hf_read_u16(&in));
        hf_read_skip(&in, (4 - value.len % 4) % 4);
        hf_stun_add(&w, type, type == HF_STUN_USERNAME ? hf_bytes_of_text(user) : value);
    }
    cr_assert(in.ok);
    hf_stun_add_integrity(&w, hf_bytes_of_text(hf_ice_local_pwd(s->ice)));
    hf_stun_add_fingerprint(&w);
    solo_give(s, NULL, buffer, hf_stun_end(&w));
}

static void play(const char *path, hf_bytes packet, bool credentials_come_first)
{
    solo s;
    hf_stun_message m;
    hf_ice_route route;
    recorded r = read_recorded(packet);
    solo_init(&s, &(hf_ice_config){.controlling = !r.is_controlling});
    if (credentials_come_first)
        cr_assert_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = r.theirs, .pwd = SOLO_PWD}), HF_OK);
    give_to(&s, &r);
    cr_assert(solo_take(&s, &m), "%s", path);
    cr_expect_eq(m.class_, HF_STUN_SUCCESS, "%s", path);
    if (!credentials_come_first)
        cr_assert_eq(hf_ice_set_remote(s.ice, s.now, &(hf_ice_remote_agent){.ufrag = r.theirs, .pwd = SOLO_PWD}), HF_OK);
    cr_assert(solo_take(&s, &m), "%s", path);
    solo_answer(&s, &m, NULL);
    cr_assert(hf_ice_get_route(s.ice, &route), "%s", path);
    cr_expect_eq(route.nominated, r.has_use_candidate, "%s", path);
    solo_clear(&s);
}

Test(browser, requests_make_a_pair_before_and_after_the_credentials)
{
    char **paths = corpus_list("wire", "stun-", ".hex");
    size_t requests = 0;
    for (size_t i = 0; paths[i]; i++) {
        if (!strstr(paths[i], "-request-"))
            continue;
        corpus_hex hex = corpus_read_hex(paths[i]);
        for (size_t n = 0; n < hex.packets_len; n++) {
            play(paths[i], hex.packets[n], true);
            play(paths[i], hex.packets[n], false);
            requests++;
        }
        corpus_hex_clear(&hex);
    }
    cr_expect_geq(requests, 8);
    corpus_list_free(paths);
}
