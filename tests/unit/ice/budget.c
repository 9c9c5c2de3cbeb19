/* budget.c: candidates and checks that aim us at somebody else (RFC 8445 §19.5.1), and many that are honest. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* What the agent sent to addresses that begin with 203. */
typedef struct damage {
    size_t checks, answers;
    size_t most_to_one;   /* checks to one IP address */
    size_t most_in_100ms; /* checks to all of them */
} damage;

static void count_damage(damage *d, hf_time now, const solo *s, const hf_stun_message *m)
{
    static size_t by_host[256], in_slot;
    static hf_time slot;
    if (d->checks == 0) {
        memset(by_host, 0, sizeof by_host);
        in_slot = 0;
    }
    if (s->sent.path.remote.ip[0] != 203)
        return;
    if (m->class_ != HF_STUN_REQUEST) {
        d->answers++;
        return;
    }
    in_slot = slot == now / HF_MS(100) ? in_slot + 1 : 1;
    slot = now / HF_MS(100);
    d->checks++;
    size_t to_one = ++by_host[s->sent.path.remote.ip[3]];
    d->most_to_one = to_one > d->most_to_one ? to_one : d->most_to_one;
    d->most_in_100ms = in_slot > d->most_in_100ms ? in_slot : d->most_in_100ms;
}

static void run(solo *s, hf_span span, damage *d)
{
    hf_time end = s->now + span;
    for (;;) {
        hf_stun_message m;
        while (solo_take(s, &m))
            count_damage(d, s->now, s, &m);
        hf_time next = hf_ice_deadline(s->ice);
        if (next > end)
            break;
        solo_wait(s, next - s->now);
    }
    solo_wait(s, end - s->now);
}

static void give_candidates(solo *s, size_t n, bool many_hosts)
{
    for (size_t i = 0; i < n; i++) {
        char text[128];
        snprintf(text, sizeof text, "candidate:%zu 1 udp %zu 203.0.113.%zu %zu typ host", i, 1000000 - i,
                 many_hosts ? i + 1 : 1, 5000 + i);
        hf_ice_candidate c;
        cr_assert_eq(hf_ice_candidate_parse(text, strlen(text), &c), HF_OK);
        (void)!hf_ice_add_remote_candidate(s->ice, s->now, &c, NULL);
    }
}

Test(budget, of_candidates_that_aim_at_a_victim)
{
    static const struct {
        size_t candidates, locals;
        bool many_hosts;
        size_t most_to_one, most;
        const char *why;
    } cases[] = {
        {1, 1, false, 7, 7, "one candidate: one check and its repetitions"},
        {100, 1, false, 64, 64, "many ports of one address"},
        {200, 4, false, 64, 64, "more than are taken, from four addresses of ours"},
        {100, 1, true, 7, 700, "a network of victims"},
        {100, 4, true, 28, 700, "a network of victims, from four addresses of ours"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        solo s;
        damage d = {0};
        solo_init(&s, &(hf_ice_config){.controlling = true, .patience = HF_SECONDS(120)});
        solo_set_locals(&s, (const char *[]){"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1"}, cases[i].locals);
        solo_set_remote(&s);
        give_candidates(&s, cases[i].candidates, cases[i].many_hosts);
        run(&s, HF_SECONDS(150), &d);
        cr_expect_leq(d.most_to_one, cases[i].most_to_one, "%s: %zu", cases[i].why, d.most_to_one);
        cr_expect_leq(d.checks, cases[i].most, "%s: %zu", cases[i].why, d.checks);
        cr_expect_geq(d.checks, cases[i].candidates < 64 ? cases[i].candidates : 64, "%s: %zu", cases[i].why, d.checks);
        cr_expect_leq(d.most_in_100ms, 2 * 3, "%s: %zu", cases[i].why, d.most_in_100ms); /* two in Ta */
        solo_clear(&s);
    }
}

/* The remote forges the source of its checks: each is answered once, and the rest of what we send there is limited. */
Test(budget, of_checks_with_a_forged_source)
{
    static const struct {
        bool many_hosts;
        size_t most;
        const char *why;
    } cases[] = {
        {false, 2 * HF_ICE_UNPROVEN_CHECKS_MAX, "many ports of one address"},
        {true, 2 * HF_ICE_UNPROVEN_CHECKS_MAX * 128, "many addresses"},
    };
    for (size_t i = 0; i < 2; i++) {
        solo s;
        damage d = {0};
        size_t forged = 0;
        solo_init(&s, &(hf_ice_config){.patience = HF_SECONDS(60)});
        solo_set_remote(&s);
        for (; forged < 3000; forged++) {
            char from[32];
            snprintf(from, sizeof from, "203.0.113.%zu:%zu", cases[i].many_hosts ? forged % 250 + 1 : 1, 5000 + forged);
            solo_check_in(&s, &(solo_check){.is_controlling = true, .from = from, .use_candidate = forged % 2 == 0});
            run(&s, HF_MS(10), &d);
            cr_assert_leq(s.ice->current->pairs_len, HF_ICE_PAIRS_MAX);
            cr_assert_leq(s.ice->current->remotes_len, HF_ICE_REMOTE_CANDIDATES_MAX);
        }
        run(&s, HF_SECONDS(60), &d);
        cr_expect_eq(d.answers, forged, "%s", cases[i].why);
        cr_expect_leq(d.checks, cases[i].most, "%s: %zu", cases[i].why, d.checks);
        cr_expect_leq(d.checks, forged * 3, "%s: %zu", cases[i].why, d.checks);
        solo_clear(&s);
    }
}

/* What the remote tells counts more than what it makes us try. */
Test(budget, of_forged_checks_leaves_room_for_told_candidates)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, &(hf_ice_config){.controlling = true});
    solo_set_remote(&s);
    for (int i = 0; i < 150; i++) {
        char from[32];
        snprintf(from, sizeof from, "203.0.113.%d:6000", i + 1);
        solo_check_in(&s, &(solo_check){.from = from});
        while (solo_take(&s, &m))
            ;
    }
    cr_assert_eq(s.ice->current->remotes_len, HF_ICE_REMOTE_CANDIDATES_MAX);
    solo_add(&s, SOLO_NEW_REMOTE);
    solo_answer_from(&s, "10.0.0.9:9000", HF_SECONDS(10));
    cr_expect(solo_route_goes_to(&s, "10.0.0.9:9000"));
    solo_clear(&s);
}

/* A hundred real candidates, of which the last works: many networks, many ports of one address, more than are taken. */
Test(budget, of_an_honest_remote_is_enough)
{
    static const struct {
        size_t dead;
        bool many_hosts, last_is_told, checks_us;
        hf_span within;
        const char *why;
    } cases[] = {
        {99, true, true, false, HF_SECONDS(7), "we find it alone"},
        {30, false, true, false, HF_SECONDS(4), "we find it alone among ports of its address"},
        {99, false, true, true, HF_SECONDS(2), "its check helps"},
        {150, true, false, true, HF_SECONDS(2), "its check reveals it"},
        {150, false, false, true, HF_SECONDS(2), "its check reveals it among ports of its address"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        solo s;
        char text[128], good[32];
        snprintf(good, sizeof good, "203.0.113.%d:9000", cases[i].many_hosts ? 200 : 1);
        solo_init(&s, &(hf_ice_config){.controlling = true});
        solo_set_remote(&s);
        give_candidates(&s, cases[i].dead, cases[i].many_hosts);
        if (cases[i].last_is_told) {
            snprintf(text, sizeof text, "candidate:last 1 udp 1 203.0.113.%d 9000 typ srflx", cases[i].many_hosts ? 200 : 1);
            solo_add(&s, text);
        }
        solo_answer_from(&s, good, cases[i].checks_us ? HF_SECONDS(1) : cases[i].within);
        if (cases[i].checks_us) {
            solo_check_in(&s, &(solo_check){.from = good});
            solo_answer_from(&s, good, cases[i].within - HF_SECONDS(1));
        }
        cr_expect(solo_route_goes_to(&s, good), "%s", cases[i].why);
        solo_answer_from(&s, good, HF_SECONDS(60));
        cr_expect_eq(hf_ice_get_state(s.ice), HF_ICE_COMPLETED, "%s", cases[i].why);
        solo_clear(&s);
    }
}
