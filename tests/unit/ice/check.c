/* check.c: our checks and their answers. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HOST "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host"

static hf_ice_pair_info first_pair(const solo *s)
{
    hf_ice_pair_info info;
    cr_assert(hf_ice_get_pair(s->ice, 0, &info));
    return info;
}

Test(check, carries_what_the_rfc_asks_for)
{
    solo s;
    hf_stun_message m;
    hf_bytes user, nothing;
    uint32_t priority;
    uint64_t tie_breaker;
    char expected[64];
    solo_init(&s, &(hf_ice_config){.controlling = true});
    solo_set_remote(&s);
    solo_add(&s, HOST);
    cr_assert(solo_take(&s, &m)); /* at once: no pace is waited for before the first */
    snprintf(expected, sizeof expected, SOLO_UFRAG ":%s", hf_ice_local_ufrag(s.ice));
    cr_assert(hf_stun_find(&m, HF_STUN_USERNAME, &user));
    cr_expect(hf_bytes_equal_text(user, expected));
    cr_expect(hf_stun_get_u64(&m, HF_STUN_ICE_CONTROLLING, &tie_breaker));
    cr_expect_eq(tie_breaker, s.ice->current->tie_breaker);
    cr_expect(hf_stun_get_u32(&m, HF_STUN_PRIORITY, &priority));
    cr_expect_eq(priority >> 24, 110);
    cr_expect_not(hf_stun_find(&m, HF_STUN_USE_CANDIDATE, &nothing));
    cr_expect(hf_stun_verify_integrity(&m, hf_bytes_of_text(SOLO_PWD)));
    cr_expect_neq(m.fingerprint_at, 0);
    solo_clear(&s);
}

/* Doubling from 100 ms to 3.2 s; after seven transmissions the pair has failed. */
Test(check, is_repeated_by_this_schedule)
{
    static const int schedule_ms[] = {0, 100, 300, 700, 1500, 3100, 6300, 9500};
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, HOST);
    hf_time start = s.now;
    for (size_t i = 0; i < 8; i++) {
        cr_expect_eq(hf_ice_deadline(s.ice) > start ? hf_ice_deadline(s.ice) - start : 0, HF_MS(schedule_ms[i]), "%zu", i);
        s.now = start + HF_MS(schedule_ms[i]);
        hf_ice_tick(s.ice, s.now);
        cr_expect_eq(solo_take(&s, &m), i < 7, "%zu", i);
    }
    cr_expect_eq(first_pair(&s).state, HF_ICE_PAIR_FAILED);
    solo_clear(&s);
}

Test(check, of_many_pairs_is_paced)
{
    solo s;
    hf_stun_message m;
    char text[100];
    solo_init(&s, NULL);
    solo_set_remote(&s);
    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof text, "candidate:%d 1 udp %d 10.0.0.2 %d typ host", i, 1000 + i, 6000 + i);
        solo_add(&s, text);
    }
    for (int i = 5; i >= 0; i--) { /* the best first */
        size_t sent = 0;
        cr_assert(solo_take(&s, &m));
        cr_expect_eq(s.sent.path.remote.port, 6000 + i);
        while (solo_take(&s, &m))
            sent++;
        cr_expect_eq(sent, 0);
        solo_wait(&s, HF_MS(50));
    }
    solo_clear(&s);
}

Test(check, of_one_foundation_waits_for_the_first)
{
    solo s;
    hf_stun_message m;
    hf_ice_pair_info second;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, HOST);
    solo_add(&s, "candidate:1 1 udp 2130706430 10.0.0.2 6001 typ host");
    cr_assert(solo_take(&s, &m));
    cr_assert(hf_ice_get_pair(s.ice, 1, &second));
    cr_expect_eq(second.state, HF_ICE_PAIR_FROZEN);
    solo_answer(&s, &m, NULL);
    cr_assert(hf_ice_get_pair(s.ice, 1, &second));
    cr_expect_eq(second.state, HF_ICE_PAIR_WAITING);
    solo_clear(&s);
}

Test(check, of_one_foundation_goes_on_when_the_first_has_failed)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, HOST);
    solo_add(&s, "candidate:1 1 udp 2130706430 10.0.0.2 6001 typ host");
    cr_assert(solo_take(&s, &m));
    solo_answer_error(&s, &m, 400);
    cr_expect_eq(first_pair(&s).state, HF_ICE_PAIR_FAILED);
    solo_wait(&s, HF_MS(50));
    cr_assert(solo_take(&s, &m));
    cr_expect_eq(s.sent.path.remote.port, 6001);
    solo_clear(&s);
}

/* RFC 8445 §7.2.5.3.1: a mapped address that is new is a peer-reflexive candidate of ours. */
Test(check, may_find_out_how_we_look_from_there)
{
    solo s;
    hf_stun_message m;
    hf_ice_route route;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, HOST);
    solo_count_events(&s, HF_ICE_CANDIDATE_FOUND);
    cr_assert(solo_take(&s, &m));
    solo_answer(&s, &m, "203.0.113.9:999");
    cr_assert(hf_ice_get_route(s.ice, &route));
    cr_expect_eq(route.local_type, HF_ICE_PEER_REFLEXIVE);
    hf_addr base = net_addr("10.0.0.1:5000");
    cr_expect(hf_addr_equal(&route.path.local, &base));
    cr_expect_eq(solo_count_events(&s, HF_ICE_CANDIDATE_FOUND), 0);
    solo_clear(&s);
}

/* RFC 8445 §7.2.5.2.1 */
Test(check, answered_from_elsewhere_has_failed)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, HOST);
    cr_assert(solo_take(&s, &m));
    s.sent.path.remote = net_addr("10.0.0.3:6000");
    solo_answer(&s, &m, NULL);
    cr_expect_eq(first_pair(&s).state, HF_ICE_PAIR_FAILED);
    solo_clear(&s);
}

Test(check, does_not_believe_a_forged_answer)
{
    solo s;
    hf_stun_message m;
    uint8_t forged[128];
    hf_addr lie = net_addr("10.6.6.6:666");
    hf_ice_stats stats;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, HOST);
    cr_assert(solo_take(&s, &m));
    for (int has_wrong_integrity = 0; has_wrong_integrity < 2; has_wrong_integrity++) {
        hf_stun_writer w = hf_stun_begin(forged, sizeof forged, HF_STUN_SUCCESS, HF_STUN_BINDING, m.id);
        hf_stun_add_xor_address(&w, HF_STUN_XOR_MAPPED_ADDRESS, &lie);
        if (has_wrong_integrity)
            hf_stun_add_integrity(&w, hf_bytes_of_text("guessedguessedguessedguessed"));
        hf_stun_add_fingerprint(&w);
        solo_give(&s, NULL, forged, hf_stun_end(&w));
    }
    hf_stun_writer w = hf_stun_begin(forged, sizeof forged, HF_STUN_ERROR, HF_STUN_BINDING, m.id);
    hf_stun_add_error(&w, 487, "");
    hf_stun_add_fingerprint(&w);
    solo_give(&s, NULL, forged, hf_stun_end(&w));
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_STUN_INTEGRITY], 3);
    cr_expect_eq(first_pair(&s).state, HF_ICE_PAIR_IN_PROGRESS);
    solo_answer(&s, &m, NULL); /* the true one still counts */
    cr_expect_eq(first_pair(&s).state, HF_ICE_PAIR_SUCCEEDED);
    solo_answer(&s, &m, NULL); /* once */
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_STUN_UNMATCHED], 1);
    solo_clear(&s);
}

/* RFC 8445 §7.2.5.1 and §16.1. */
Test(check, refused_for_its_role_is_sent_in_the_other)
{
    solo s;
    hf_stun_message m;
    uint64_t tie_breaker;
    solo_init(&s, &(hf_ice_config){.controlling = true});
    uint64_t before = s.ice->current->tie_breaker;
    solo_set_remote(&s);
    solo_add(&s, HOST);
    cr_assert(solo_take(&s, &m));
    solo_answer_error(&s, &m, 487);
    cr_assert(solo_take(&s, &m));
    cr_expect(hf_stun_get_u64(&m, HF_STUN_ICE_CONTROLLED, &tie_breaker));
    cr_expect_neq(tie_breaker, before);
    solo_clear(&s);
}

Test(check, answered_late_still_counts)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, HOST);
    cr_assert(solo_take(&s, &m));
    hf_stun_message first = m;
    uint8_t id[HF_STUN_ID_SIZE];
    memcpy(id, m.id, sizeof id);
    solo_wait(&s, HF_MS(100));
    cr_assert(solo_take(&s, &m));
    memcpy(first.id, id, sizeof id);
    solo_wait(&s, HF_MS(50));
    solo_answer(&s, &first, NULL);
    cr_expect_eq(first_pair(&s).state, HF_ICE_PAIR_SUCCEEDED);
    cr_expect_eq(first_pair(&s).rtt, HF_MS(150)); /* measured from the one that it answers */
    solo_clear(&s);
}

/* RFC 8421 §4. */
Test(check, families_are_interleaved_in_local_preference)
{
    solo s;
    solo_init(&s, NULL);
    solo_set_locals(
        &s, (const char *[]){"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "10.0.0.1:1", "10.0.0.2:1"}, 5);
    static const int order[] = {0, 3, 1, 4, 2}; /* IPv6, IPv4, IPv6, IPv4, and the last IPv6 */
    for (size_t i = 0; i + 1 < 5; i++)
        cr_expect_gt(s.ice->current->locals[order[i]]->priority, s.ice->current->locals[order[i + 1]]->priority);
    solo_clear(&s);
}

/* The remote prefers one family through and through, as browsers do, and that one is broken. */
Test(check, the_order_of_checks_gives_each_family_its_turn)
{
    for (int ipv4_is_better = 0; ipv4_is_better < 2; ipv4_is_better++) {
        solo s;
        hf_stun_message m;
        char order[13] = "";
        solo_init(&s, NULL);
        solo_set_remote(&s);
        solo_set_locals(&s, (const char *[]){"[2001:db8::1]:1", "10.0.0.1:1", "10.0.0.2:1", "[2001:db8::2]:1"}, 4);
        for (int i = 0; i < 6; i++) {
            char text[128];
            bool is_ipv4 = ipv4_is_better ? i < 3 : i >= 3;
            snprintf(text, sizeof text, "candidate:%d 1 udp %d %s%d 9 typ host", i, 1000000000 - i * 256,
                     is_ipv4 ? "10.9.0." : "2001:db8:9::", i + 1);
            solo_add(&s, text);
        }
        for (size_t n = 0; n < 12; n++) { /* each pair once; what is repeated is not looked at */
            size_t before = strlen(order);
            while (solo_take(&s, &m)) {
                hf_ice_pair_info pair;
                for (size_t i = 0; hf_ice_get_pair(s.ice, i, &pair); i++) {
                    if (pair.requests_sent == 1 && hf_addr_equal(&pair.local.addr, &s.sent.path.local) &&
                        hf_addr_equal(&pair.remote.addr, &s.sent.path.remote))
                        order[strlen(order)] = s.sent.path.local.family == HF_FAMILY_IPV4 ? '4' : '6';
                }
            }
            cr_assert_eq(strlen(order), before + 1);
            solo_wait(&s, HF_MS(50));
        }
        cr_expect_str_eq(order, ipv4_is_better ? "464646464646" : "646464646464");
        solo_clear(&s);
    }
}
