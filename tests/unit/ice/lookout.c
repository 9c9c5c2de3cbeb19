/* lookout.c: an agent that keeps looking sees at once that the network is back, without a word of signalling. */
#include "net.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const hf_ice_config looking[2] = {{.controlling = true, .keeps_looking = true}, {.keeps_looking = true}};

static void connect(net *n, const hf_ice_config *a, const hf_ice_config *b)
{
    net_start(n, a, b);
    net_exchange(n);
    net_run(n, HF_SECONDS(5));
    cr_assert_eq(hf_ice_get_state(n->a.ice), HF_ICE_COMPLETED);
    cr_assert_eq(hf_ice_get_state(n->b.ice), HF_ICE_COMPLETED);
}

/* Both sides begin anew, while nothing passes but signalling. */
static void restart_both(net *n)
{
    net_restart(n, &n->a);
    net_restart(n, &n->b);
    net_exchange(n);
}

static void lose(net *n, hf_span until_restart, hf_span span)
{
    connect(n, &looking[0], &looking[1]);
    n->is_cut = true;
    net_run(n, until_restart);
    restart_both(n);
    net_run(n, span);
}

static bool has_path(const net_host *host)
{
    hf_ice_state state = hf_ice_get_state(host->ice);
    return state == HF_ICE_CONNECTED || state == HF_ICE_COMPLETED;
}

static void expect_path_within(net *n, hf_span span, const char *why)
{
    hf_time back = n->now;
    n->is_cut = false;
    while (n->now < back + span && !(has_path(&n->a) && has_path(&n->b)))
        net_run(n, HF_MS(10));
    cr_expect(has_path(&n->a) && has_path(&n->b), "%s", why);
    size_t heard[] = {n->a.data_received, n->b.data_received};
    cr_expect(net_says(n, &n->a, "still here") && net_says(n, &n->b, "so am I"), "%s", why);
    net_run(n, HF_MS(100));
    cr_expect_eq(n->a.data_received, heard[0] + 1, "%s", why);
    cr_expect_eq(n->b.data_received, heard[1] + 1, "%s", why);
}

Test(lookout, finds_the_path_again_within_a_second)
{
    static const struct {
        const char *why;
        hf_span until_restart, span;
    } table[] = {
        {"5 s: the first checks go on", HF_SECONDS(9), HF_SECONDS(5)},
        {"13 s: they are far apart by now", HF_SECONDS(9), HF_SECONDS(13)},
        {"40 s: no path was found, and consent is over", HF_SECONDS(9), HF_SECONDS(40)},
        {"the restart came after consent had ended", HF_SECONDS(40), HF_SECONDS(40)},
        {"an hour", HF_SECONDS(9), HF_SECONDS(3600)},
        {"a day", HF_SECONDS(9), HF_SECONDS(86400)},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (hf_span later = 0; later < HF_SECONDS(1); later += HF_MS(130)) {
            net n;
            net_init(&n, 1 + i);
            lose(&n, table[i].until_restart, table[i].span + later);
            expect_path_within(&n, HF_SECONDS(1), table[i].why);
            net_clear(&n);
            if (table[i].span > HF_SECONDS(3600))
                break;
        }
    }
}

Test(lookout, is_told_as_failed_all_the_same)
{
    net n;
    net_init(&n, 3);
    lose(&n, HF_SECONDS(40), HF_SECONDS(20));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_FAILED);
    cr_expect_eq(n.a.causes[n.a.states_len - 1], HF_ENOPATH);
    n.a.states_len = 0;
    expect_path_within(&n, HF_SECONDS(1), "");
    net_run(&n, HF_SECONDS(1));
    cr_assert_geq(n.a.states_len, 3);
    cr_expect_eq(n.a.states[0], HF_ICE_CHECKING);
    cr_expect_eq(n.a.states[1], HF_ICE_CONNECTED);
    cr_expect_eq(n.a.states[n.a.states_len - 1], HF_ICE_COMPLETED);
    net_clear(&n);
}

Test(lookout, sends_a_check_each_half_second_and_no_more)
{
    net n;
    net_init(&n, 4);
    lose(&n, HF_SECONDS(9), HF_SECONDS(120));
    size_t sent = n.a.sent;
    net_run(&n, HF_SECONDS(600));
    cr_expect_geq(n.a.sent - sent, 1190, "%zu", n.a.sent - sent);
    cr_expect_leq(n.a.sent - sent, 1210, "%zu", n.a.sent - sent);
    net_clear(&n);
}

/* RFC 7675 §5.1: with credentials that consent was lost for, nothing is sent. */
Test(lookout, is_none_where_no_restart_was_agreed_on)
{
    net n;
    net_init(&n, 5);
    connect(&n, &looking[0], &looking[1]);
    n.is_cut = true;
    net_run(&n, HF_SECONDS(40));
    cr_expect_eq(n.a.causes[n.a.states_len - 1], HF_ECONSENT);
    size_t sent = n.a.sent + n.b.sent;
    n.is_cut = false;
    net_run(&n, HF_SECONDS(600));
    cr_expect_eq(n.a.sent + n.b.sent, sent);
    cr_expect_eq(hf_ice_deadline(n.a.ice), HF_NEVER);
    net_clear(&n);
}

Test(lookout, is_none_where_nobody_asked_for_it)
{
    net n;
    net_init(&n, 6);
    connect(&n, &(hf_ice_config){.controlling = true}, &(hf_ice_config){0});
    n.is_cut = true;
    net_run(&n, HF_SECONDS(40));
    restart_both(&n);
    net_run(&n, HF_SECONDS(60));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_FAILED);
    size_t sent = n.a.sent;
    net_run(&n, HF_SECONDS(60));
    cr_expect_eq(n.a.sent, sent);
    net_clear(&n);
}

/* A second restart is offered, and no answer comes: the first goes on, for there is nothing else. */
Test(lookout, goes_on_while_another_restart_is_offered)
{
    for (hf_span later = HF_SECONDS(3); later < HF_SECONDS(60); later += HF_SECONDS(19)) {
        net n;
        net_init(&n, 7);
        lose(&n, HF_SECONDS(9), HF_SECONDS(60));
        net_restart(&n, &n.a);
        net_run(&n, later);
        expect_path_within(&n, HF_SECONDS(1), "");
        cr_expect_eq(hf_ice_cancel_restart(n.a.ice, n.now), HF_OK);
        net_run(&n, HF_SECONDS(60));
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
        net_clear(&n);
    }
}

Test(lookout, ends_when_another_restart_finds_the_path)
{
    net n;
    net_init(&n, 8);
    lose(&n, HF_SECONDS(9), HF_SECONDS(60));
    restart_both(&n);
    net_run(&n, HF_SECONDS(20));
    expect_path_within(&n, HF_SECONDS(1), "");
    size_t sent = n.a.sent;
    net_run(&n, HF_SECONDS(60));
    cr_expect_leq(n.a.sent - sent, 40, "consent, and nothing else");
    net_clear(&n);
}

static size_t to_victim;

static bool counts_victim(net *n, net_flight *flight)
{
    (void)n;
    to_victim += flight->path.remote.ip[0] == 192;
    return false;
}

/* RFC 8445 §19.5.1: whoever never answers is no host to look out for. */
Test(lookout, leaves_those_alone_who_never_answered)
{
    net n;
    char text[HF_ICE_CANDIDATE_TEXT_SIZE];
    net_init(&n, 9);
    connect(&n, &looking[0], &looking[1]);
    n.hook = counts_victim;
    net_run(&n, HF_SECONDS(9));
    restart_both(&n);
    to_victim = 0;
    for (int i = 0; i < 20; i++) {
        hf_ice_candidate candidate;
        int len = snprintf(text, sizeof text, "candidate:1 1 udp 2130706431 192.0.2.1 %d typ host", 5000 + i);
        cr_assert_eq(hf_ice_candidate_parse(text, (size_t)len, &candidate), HF_OK);
        cr_expect_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &candidate, NULL), HF_OK);
    }
    net_run(&n, HF_SECONDS(3600));
    cr_expect_gt(to_victim, 0);
    cr_expect_leq(to_victim, HF_ICE_UNPROVEN_CHECKS_MAX, "%zu", to_victim);
    net_clear(&n);
}

Test(lookout, opens_a_stream_again)
{
    net n;
    net_init(&n, 10);
    n.has_tcp = true;
    n.udp_is_blocked = true;
    net_host_listen(&n.b, "10.0.0.2:9000");
    hf_ice_config a = looking[0], b = looking[1];
    b.tcp = HF_ICE_TCP_LISTEN;
    net_start(&n, &a, &b);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(10));
    cr_assert(n.a.ice->route && n.a.ice->route->path.transport == HF_TCP);
    n.is_cut = true;
    net_break_streams(&n);
    net_run(&n, HF_SECONDS(9));
    restart_both(&n);
    net_run(&n, HF_SECONDS(60));
    expect_path_within(&n, HF_SECONDS(5), "");
    net_clear(&n);
}

Test(lookout, survives_a_failure_of_each_allocation)
{
    for (size_t fail = 1; fail < 400; fail++) {
        net n;
        net_init(&n, 11);
        lose(&n, HF_SECONDS(9), HF_SECONDS(60));
        n.forgives_lack_of_memory = true;
        n.a.env.fail_at = n.a.env.allocations + fail;
        (void)!hf_ice_restart(n.a.ice, n.now);
        (void)!hf_ice_gather(n.a.ice, n.now);
        net_run(&n, HF_SECONDS(1));
        bool is_through = n.a.env.allocations < n.a.env.fail_at;
        n.a.env.fail_at = 0;
        n.is_cut = false;
        net_run(&n, HF_SECONDS(2));
        cr_expect_neq(hf_ice_get_state(n.b.ice), HF_ICE_CLOSED);
        net_clear(&n);
        if (is_through)
            break;
    }
}
