/* hidden.c: peers that hide their addresses behind names. */
#include "world.h"

#include <criterion/criterion.h>
#include <string.h>

static const hf_datachannel_config plain = {.label = "chat"};

/* No description and no statistic of the peer may show where it is. */
static void expect_hidden(sim *s, int who)
{
    const char *sdp;
    hf_ice_pair_info info;
    char text[HF_ICE_CANDIDATE_TEXT_SIZE];

    cr_assert_eq(hf_peer_local_description(s->side[who].peer, NULL, &sdp), HF_OK);
    cr_expect_null(strstr(sdp, "192.0.2."), "%s", sdp);
    cr_expect_null(strstr(sdp, "2001:db8"), "%s", sdp);
    for (size_t i = 0; hf_peer_get_pair(s->side[who].peer, i, &info); i++) {
        hf_ice_candidate_write(&info.local, text);
        cr_expect_null(strstr(text, "192.0.2."), "%s", text);
        cr_expect_null(strstr(text, "2001:db8"), "%s", text);
    }
}

Test(sim_hidden, two_that_hide_find_each_other_by_multicast)
{
    for (int trickle = 0; trickle < 2; trickle++) {
        sim s;
        const char *sdp;
        sim_init(&s, &(sim_config){.seed = 1,
                                   .link.delay = HF_MS(1),
                                   .signalling = HF_MS(20),
                                   .ipv6 = true,
                                   .no_trickle = !trickle,
                                   .mdns = {HF_ICE_MDNS_HIDE, HF_ICE_MDNS_HIDE},
                                   .multicast = true});
        sim_open(&s.side[0], &plain);
        hf_time began = s.now;
        sim_connect(&s);
        cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
        cr_expect_leq(s.now - began, HF_MS(200), "names cost a round trip: %d ms", (int)((s.now - began) / 1000));
        sim_run(&s, s.now + HF_SECONDS(1), NULL);
        expect_hidden(&s, 0);
        expect_hidden(&s, 1);
        cr_assert_eq(hf_peer_local_description(s.side[0].peer, NULL, &sdp), HF_OK);
        cr_expect_not_null(strstr(sdp, ".local 5000 typ host"), "%s", sdp);
        cr_expect_not_null(strstr(sdp, "c=IN IP4 0.0.0.0"), "%s", sdp);
        sim_clear(&s);
    }
}

/* Of ten questions and answers three are lost: they are repeated. */
Test(sim_hidden, names_are_found_on_a_lossy_link)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 5,
                               .link = {.delay = HF_MS(5), .loss = 300},
                               .mdns = {HF_ICE_MDNS_HIDE, HF_ICE_MDNS_HIDE},
                               .multicast = true});
    sim_open(&s.side[0], &plain);
    sim_connect(&s);
    cr_expect(sim_run(&s, HF_SECONDS(30), sim_both_open));
    sim_clear(&s);
}

Test(sim_hidden, one_that_hides_needs_no_multicast_to_reach_one_that_does_not)
{
    for (int who = 0; who < 2; who++) {
        sim s;
        sim_config config = {.seed = 2, .link.delay = HF_MS(5), .signalling = HF_MS(20)};
        config.mdns[who] = HF_ICE_MDNS_HIDE;
        sim_init(&s, &config);
        sim_open(&s.side[0], &plain);
        sim_connect(&s);
        cr_expect(sim_run(&s, HF_SECONDS(10), sim_both_open), "%d", who);
        expect_hidden(&s, who);
        sim_clear(&s);
    }
}

Test(sim_hidden, two_that_hide_without_multicast_fail_as_soon_as_others)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 3, .link.delay = HF_MS(5), .mdns = {HF_ICE_MDNS_HIDE, HF_ICE_MDNS_HIDE}});
    sim_open(&s.side[0], &plain);
    sim_connect(&s);
    cr_expect(sim_run(&s, HF_SECONDS(17), sim_someone_failed));
    cr_expect(s.side[0].failed_cause == HF_ENOPATH || s.side[1].failed_cause == HF_ENOPATH);
    cr_expect_not(sim_both_open(&s));
    sim_clear(&s);
}

/* With names turned off the remote's are not even asked for, and its checks do what they would have done. */
Test(sim_hidden, one_that_resolves_nothing_is_found_all_the_same)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 4,
                               .link.delay = HF_MS(5),
                               .mdns = {HF_ICE_MDNS_HIDE, HF_ICE_MDNS_OFF},
                               .multicast = true,
                               .may_refuse_candidates = true});
    sim_open(&s.side[0], &plain);
    sim_connect(&s);
    cr_expect(sim_run(&s, HF_SECONDS(10), sim_both_open));
    cr_expect_eq(s.side[0].names_requested, 1, "its own");
    cr_expect_eq(s.side[1].names_requested, 0);
    sim_clear(&s);
}
