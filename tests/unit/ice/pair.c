/* pair.c: the check list. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(pair, priority_is_that_of_the_rfc)
{
    cr_expect_eq(hf_ice_pair_priority(true, 2130706431, 1694498815),
                 (UINT64_C(1694498815) << 32) + 2 * UINT64_C(2130706431) + 1);
    cr_expect_eq(hf_ice_pair_priority(false, 2130706431, 1694498815),
                 (UINT64_C(1694498815) << 32) + 2 * UINT64_C(2130706431));
    cr_expect_eq(hf_ice_pair_priority(true, 10, 20), hf_ice_pair_priority(false, 20, 10)); /* both sides agree */
}

Test(pair, joins_what_can_reach_each_other)
{
    static const struct {
        const char *local, *remote;
        bool may;
    } cases[] = {
        {"10.0.0.1:1", "192.0.2.1:1", true},
        {"10.0.0.1:1", "[2001:db8::1]:1", false},
        {"10.0.0.1:1", "127.0.0.1:1", false},
        {"127.0.0.1:1", "127.0.0.1:2", true},
        {"127.0.0.1:1", "10.0.0.1:1", false},
        {"[fe80::1%2]:1", "[fe80::2]:1", true},
        {"[fe80::1%2]:1", "[2001:db8::1]:1", false},
        {"[2001:db8::2]:1", "[fe80::1]:1", false},
        {"[::1]:1", "[::1]:2", true},
        {"169.254.1.1:1", "10.0.0.1:1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hf_addr local = net_addr(cases[i].local), remote = net_addr(cases[i].remote);
        cr_expect_eq(hf_ice_may_reach(&local, &remote), cases[i].may, "%s %s", cases[i].local, cases[i].remote);
    }
}

static size_t pairs_of(const hf_ice *ice)
{
    hf_ice_pair_info info;
    size_t n = 0;
    while (hf_ice_get_pair(ice, n, &info))
        n++;
    return n;
}

Test(pair, is_pruned_when_redundant)
{
    solo s;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_add(&s, "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
    solo_add(&s, "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
    solo_add(&s, "candidate:2 1 udp 1694498815 10.0.0.2 6000 typ srflx raddr 10.0.0.2 rport 6000");
    cr_expect_eq(pairs_of(s.ice), 1);
    /* a reflexive candidate of ours would be checked from its base: no further pair */
    hf_addr outside = net_addr("203.0.113.1:1");
    cr_assert(hf_ice_local_add_reflexive(s.ice->current, s.ice->current->locals[0], &outside, NULL, &outside));
    solo_add(&s, "candidate:3 1 udp 7 10.0.0.3 6000 typ host");
    cr_expect_eq(pairs_of(s.ice), 2);
    solo_clear(&s);
}

Test(pair, list_is_in_order_of_priority_whatever_the_order_of_news)
{
    solo s;
    char text[100];
    solo_init(&s, NULL);
    solo_set_remote(&s);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "candidate:1 1 udp %u 10.0.2.%u 6000 typ host", (i * 37) % 50 + 1, i + 1);
        solo_add(&s, text);
    }
    for (size_t i = 1; i < s.ice->current->pairs_len; i++)
        cr_expect_gt(s.ice->current->pairs[i - 1]->priority, s.ice->current->pairs[i]->priority);
    solo_clear(&s);
}

Test(pair, of_a_zone_keeps_it)
{
    solo s;
    solo_init(&s, NULL);
    hf_local local = {.addr = net_addr("[fe80::1%7]:1")};
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = &local, .locals_len = 1});
    solo_set_remote(&s);
    solo_add(&s, "candidate:1 1 udp 9 fe80::2 6000 typ host");
    cr_assert_eq(s.ice->current->pairs_len, 1);
    cr_expect_eq(s.ice->current->pairs[0]->path.remote.scope, 7);
    solo_clear(&s);
}

/* RFC 8445 §6.1.2.5: the ones of lowest priority go. One that the remote has used does not. */
Test(pair, list_is_bounded)
{
    solo s;
    hf_local locals[10];
    char text[100];
    solo_init(&s, NULL);
    for (size_t i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "10.0.0.%zu:5000", i + 1);
        locals[i] = (hf_local){.addr = net_addr(text)};
    }
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 10});
    solo_set_remote(&s);
    for (unsigned i = 0; i < 90; i++) {
        snprintf(text, sizeof text, "candidate:1 1 udp %u 10.0.2.%u 6000 typ host", 1000 + i, i + 1);
        solo_add(&s, text);
    }
    cr_expect_eq(pairs_of(s.ice), HF_ICE_PAIRS_MAX);
    cr_expect_eq(s.ice->current->pairs[99]->remote->priority, 1080); /* ten remotes with ten locals each */
    solo_check_in(&s, &(solo_check){.is_controlling = true, .from = "10.0.3.1:1", .priority = 1});
    hf_path path = {.local = net_addr("10.0.0.1:5000"), .remote = net_addr("10.0.3.1:1")};
    cr_expect_not_null(hf_ice_pair_find(s.ice->current, &path));
    cr_expect_eq(pairs_of(s.ice), HF_ICE_PAIRS_MAX);
    solo_clear(&s);
}
