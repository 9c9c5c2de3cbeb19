/* watch.c: servers that do not answer are asked once more each second, and tell that the network is back. */
#include "net.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TURN(text)                                                                                                          \
    {                                                                                                                       \
        .uri = (text), .username = NET_TURN_USER, .password = NET_TURN_PASSWORD                                             \
    }

static const hf_ice_server stun = {.uri = "stun:198.51.100.1"}, named = {.uri = "stun:stun.example.org"};

static void start(net *n, const hf_ice_server *server)
{
    net_init(n, 1);
    n->server = net_addr("198.51.100.1:3478");
    n->a.nat = net_addr("203.0.113.1:40000");
    net_start(n, &(hf_ice_config){.controlling = true, .servers = server, .servers_len = 1}, NULL);
}

static bool answers_within(net *n, hf_span span)
{
    for (hf_time until = n->now + span; n->now < until && n->a.servers_answering == 0;)
        net_run(n, HF_MS(10));
    return n->a.servers_answering > 0;
}

/* Whatever it is asked by, and however long it was away. */
Test(watch, tells_of_a_server_that_answers_at_last)
{
    static const struct {
        hf_ice_server server;
        hf_span within;
    } table[] = {
        {{.uri = "stun:198.51.100.1"}, HF_MS(1100)},
        {TURN("turn:198.51.100.9"), HF_MS(2100)},
        {TURN("turn:198.51.100.9?transport=tcp"), HF_MS(3200)},
        {TURN("turns:198.51.100.9:3478"), HF_MS(3200)},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (hf_span away = HF_SECONDS(2); away <= HF_SECONDS(3602); away += HF_SECONDS(400) + HF_MS(170)) {
            net n;
            start(&n, &table[i].server);
            net_add_turn(&n, "198.51.100.9:3478", NULL, NULL);
            n.is_cut = true;
            hf_ice_watch_servers(n.a.ice, n.now, true);
            net_run(&n, away);
            cr_expect_eq(n.a.servers_answering, 0);
            cr_expect_leq(n.a.server_failures, 1, "%s: told once", table[i].server.uri);
            size_t candidates = n.a.candidates_len;
            n.is_cut = false;
            hf_time back = n.now;
            cr_expect(answers_within(&n, table[i].within), "%s, %ld s away: %ld ms", table[i].server.uri,
                      (long)(away / 1000000), (long)((n.now - back) / 1000));
            cr_expect_str_eq(n.a.server_uri, table[i].server.uri);
            net_run(&n, HF_SECONDS(30));
            cr_expect_eq(n.a.servers_answering, 1, "%s: told once", table[i].server.uri);
            cr_expect_gt(n.a.candidates_len, candidates, "%s: and what it gave is a candidate", table[i].server.uri);
            net_clear(&n);
        }
    }
}

Test(watch, asks_once_a_second)
{
    net n;
    start(&n, &stun);
    n.server_is_silent = true;
    net_run(&n, HF_SECONDS(30));
    hf_ice_watch_servers(n.a.ice, n.now, true);
    hf_ice_watch_servers(n.a.ice, n.now, true);
    size_t sent = n.a.sent;
    net_run(&n, HF_SECONDS(100));
    cr_expect_geq(n.a.sent - sent, 99, "%zu", n.a.sent - sent);
    cr_expect_leq(n.a.sent - sent, 101, "%zu", n.a.sent - sent);
    hf_ice_watch_servers(n.a.ice, n.now, false);
    net_run(&n, HF_SECONDS(10));
    sent = n.a.sent;
    n.server_is_silent = false;
    net_run(&n, HF_SECONDS(100));
    cr_expect_eq(n.a.sent, sent, "no more");
    cr_expect_eq(n.a.servers_answering, 0);
    net_clear(&n);
}

Test(watch, is_silent_where_all_have_answered)
{
    net n;
    start(&n, &stun);
    net_run(&n, HF_SECONDS(1));
    hf_time due = hf_ice_deadline(n.a.ice);
    hf_ice_watch_servers(n.a.ice, n.now, true);
    cr_expect_eq(hf_ice_deadline(n.a.ice), due);
    size_t sent = n.a.sent;
    net_run(&n, HF_SECONDS(10));
    cr_expect_eq(n.a.sent, sent);
    cr_expect_eq(n.a.servers_answering, 0);
    net_clear(&n);
}

Test(watch, looks_its_name_up_again)
{
    net n;
    start(&n, &named);
    net_run(&n, HF_SECONDS(5));
    cr_expect_eq(n.a.server_cause, HF_ERESOLVE);
    size_t gatherings = n.a.gatherings_len;
    hf_ice_watch_servers(n.a.ice, n.now, true);
    net_run(&n, HF_SECONDS(600));
    cr_expect_eq(n.a.gatherings_len, gatherings, "nothing is gathered as long as it has no address");
    n.name_resolves_to = net_addr("198.51.100.1");
    cr_expect(answers_within(&n, HF_MS(2100)));
    net_run(&n, HF_SECONDS(5));
    cr_expect_eq(hf_ice_get_gathering(n.a.ice), HF_ICE_GATHERING_COMPLETE);
    net_clear(&n);
}

/* Silence is owed to the remote, not to a server. */
Test(watch, goes_on_after_consent_is_lost)
{
    static const hf_ice_server servers[] = {{.uri = "stun:198.51.100.1"}, TURN("turn:198.51.100.9")};
    for (size_t i = 0; i < 2; i++) {
        net n;
        net_init(&n, 1);
        n.signal = HF_NEVER;
        n.server = net_addr("198.51.100.1:3478");
        net_add_turn(&n, "198.51.100.9:3478", NULL, NULL);
        net_start(&n, &(hf_ice_config){.controlling = true, .servers = &servers[i], .servers_len = 1}, NULL);
        net_exchange(&n);
        net_run(&n, HF_SECONDS(5));
        n.is_cut = true;
        net_run(&n, HF_SECONDS(5));
        net_restart(&n, &n.a); /* it gathers, and nobody answers */
        hf_ice_watch_servers(n.a.ice, n.now, true);
        net_run(&n, HF_SECONDS(60));
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_FAILED);
        n.is_cut = false;
        cr_expect(answers_within(&n, HF_MS(2100)), "%s", servers[i].uri);
        net_clear(&n);
    }
}

Test(watch, ends_with_the_agent)
{
    net n;
    start(&n, &stun);
    n.server_is_silent = true;
    hf_ice_watch_servers(n.a.ice, n.now, true);
    net_run(&n, HF_SECONDS(10));
    hf_ice_close(n.a.ice, n.now);
    cr_expect_eq(hf_ice_deadline(n.a.ice), HF_NEVER);
    hf_ice_watch_servers(n.a.ice, n.now, true);
    cr_expect_eq(hf_ice_deadline(n.a.ice), HF_NEVER);
    net_clear(&n);
}
