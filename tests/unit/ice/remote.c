/* remote.c: remote candidates as they come. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

static hf_err add(solo *s, const char *text, const char *ufrag)
{
    hf_ice_candidate c;
    cr_assert_eq(hf_ice_candidate_parse(text, strlen(text), &c), HF_OK, "%s", text);
    return hf_ice_add_remote_candidate(s->ice, s->now, &c, ufrag);
}

Test(remote, useless_and_harmful_ones_are_refused)
{
    static const struct {
        const char *text;
        hf_err err;
        const char *why;
    } lines[] = {
        {"candidate:1 1 udp 1 0.0.0.0 9 typ host", HF_EINVAL, "unspecified"},
        {"candidate:1 1 udp 1 :: 9 typ host", HF_EINVAL, "unspecified"},
        {"candidate:1 1 udp 1 10.0.0.2 0 typ host", HF_EINVAL, "port 0"},
        {"candidate:1 1 udp 1 224.0.0.251 5353 typ host", HF_EINVAL, "multicast"},
        {"candidate:1 1 udp 1 ff02::fb 5353 typ host", HF_EINVAL, "multicast"},
        {"candidate:1 1 udp 1 255.255.255.255 9 typ host", HF_EINVAL, "broadcast"},
        {"candidate:1 1 udp 1 ::ffff:224.0.0.1 9 typ host", HF_EINVAL, "IPv4 in disguise"},
        {"candidate:1 1 tcp 1 10.0.0.2 9 typ host tcptype active", HF_OK, "it would come to us"},
        {"candidate:1 1 tcp 1 10.0.0.2 9 typ host tcptype so", HF_ENOTSUP, "simultaneous open"},
        {"candidate:1 1 tcp 1 0.0.0.0 5000 typ host tcptype passive", HF_EINVAL, "unspecified"},
        {"candidate:1 1 tcp 1 10.0.0.2 0 typ host tcptype passive", HF_EINVAL, "port 0"},
        {"candidate:1 1 tcp 1 10.0.0.2 25 typ host tcptype passive", HF_EINVAL, "somebody's mail server"},
        {"candidate:1 1 tcp 1 10.0.0.2 1023 typ host tcptype passive", HF_EINVAL, "the last port of that kind"},
        {"candidate:1 1 udp 1 x.local 9 typ host", HF_ENOTSUP, "a name that nobody made up"},
        {"candidate:1 2 udp 1 10.0.0.2 9 typ host", HF_ENOTSUP, "a second component"},
    };
    solo s;
    hf_stun_message m;
    solo_init(&s, &(hf_ice_config){0});
    solo_set_remote(&s);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_expect_eq(add(&s, lines[i].text, NULL), lines[i].err, "%s", lines[i].why);
    cr_expect_not(solo_take(&s, &m));
    solo_clear(&s);
}

Test(remote, of_another_generation_is_ignored)
{
    static const char *const text = "candidate:1 1 udp 1 10.0.0.2 9 typ host";
    solo s;
    hf_ice_stats stats;
    solo_init(&s, NULL);
    cr_expect_eq(add(&s, text, "olds"), HF_OK); /* before the credentials: it shows later */
    cr_expect_eq(add(&s, "candidate:1 1 udp 1 10.0.0.3 9 typ host", SOLO_UFRAG), HF_OK);
    solo_set_remote(&s);
    cr_expect_eq(s.ice->current->remotes_len, 1);
    cr_expect_eq(add(&s, text, "olds"), HF_OK);
    cr_expect_eq(add(&s, "candidate:1 1 udp 1 10.0.0.4 9 typ host ufrag olds", NULL), HF_OK);
    cr_expect_eq(s.ice->current->remotes_len, 1);
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(stats.remote_candidates_ignored, 3);
    cr_expect_eq(add(&s, text, SOLO_UFRAG), HF_OK);
    cr_expect_eq(s.ice->current->remotes_len, 2);
    solo_clear(&s);
}

Test(remote, list_is_bounded)
{
    solo s;
    char text[100];
    solo_init(&s, NULL);
    for (unsigned i = 0; i < 110; i++) {
        snprintf(text, sizeof text, "candidate:1 1 udp 1 10.1.0.%u 9 typ host", i + 1);
        cr_expect_eq(add(&s, text, NULL), i < HF_ICE_REMOTE_CANDIDATES_MAX ? HF_OK : HF_ELIMIT);
    }
    solo_clear(&s);
}

/* RFC 8445 §7.3.1.3: what was found from a check takes the values that the remote tells. */
Test(remote, found_first_is_told_later)
{
    solo s;
    hf_ice_pair_info info;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    solo_check_in(&s, &(solo_check){.is_controlling = true});
    cr_expect_eq(add(&s, "candidate:77 1 udp 2130706431 10.0.0.2 6000 typ host", NULL), HF_OK);
    cr_assert(hf_ice_get_pair(s.ice, 0, &info));
    cr_expect_eq(info.remote.type, HF_ICE_HOST);
    cr_expect_eq(info.remote.priority, 2130706431u);
    cr_expect_str_eq(info.remote.foundation, "77");
    cr_expect_eq(info.priority, hf_ice_pair_priority(false, info.local.priority, 2130706431));
    cr_expect_not(hf_ice_get_pair(s.ice, 1, &info));
    solo_clear(&s);
}

/* A remote behind a NAT that changes its port each time does not fill the table. */
Test(remote, that_moves_on_leaves_nothing_behind)
{
    solo s;
    hf_stun_message m;
    char from[32];
    solo_init(&s, NULL);
    solo_set_remote(&s);
    for (int i = 0; i < 150; i++) {
        snprintf(from, sizeof from, "10.0.0.2:%d", 6000 + i);
        solo_check_in(&s, &(solo_check){.is_controlling = true, .from = from});
        while (solo_take(&s, &m))
            if (m.class_ == HF_STUN_REQUEST)
                solo_answer_error(&s, &m, 400);
        cr_assert_eq(s.ice->current->remotes[s.ice->current->remotes_len - 1]->addr.port, 6000 + i);
        solo_wait(&s, HF_MS(10));
    }
    cr_expect_leq(s.ice->current->remotes_len, HF_ICE_REMOTE_CANDIDATES_MAX);
    solo_clear(&s);
}
