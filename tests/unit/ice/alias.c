/* alias.c: names instead of addresses: the remote's, and ours. */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NAME "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"
#define OTHER "2f4712db-ea17-4bcf-a596-105139dfd8bf.local"
#define CANDIDATE(name) "candidate:1 1 udp 2113937151 " name " 6000 typ host"

static hf_err add(solo *s, const char *text)
{
    hf_ice_candidate c;
    cr_assert_eq(hf_ice_candidate_parse(text, strlen(text), &c), HF_OK, "%s", text);
    return hf_ice_add_remote_candidate(s->ice, s->now, &c, NULL);
}

/* Takes the next request for a name; 0: there is none. */
static uint32_t take_request(solo *s, const char *expected)
{
    hf_request request;
    if (!hf_ice_poll_request(s->ice, &request))
        return 0;
    cr_assert_eq(request.type, HF_REQUEST_RESOLVE);
    cr_expect_str_eq(request.name, expected);
    return request.id;
}

static void resolve(solo *s, uint32_t id, const char *first, const char *second)
{
    hf_addr addrs[2] = {0};
    hf_reply reply = {.type = HF_REPLY_RESOLVED, .id = id, .err = HF_ERESOLVE, .addrs = addrs};
    if (first) {
        addrs[reply.addrs_len++] = net_addr(first);
        reply.err = HF_OK;
    }
    if (second)
        addrs[reply.addrs_len++] = net_addr(second);
    hf_ice_reply(s->ice, s->now, &reply);
}

static uint64_t ignored(const solo *s)
{
    hf_ice_stats stats;
    hf_ice_get_stats(s->ice, &stats);
    return stats.remote_candidates_ignored;
}

/* --- The remote's --- */

/* draft-ietf-mmusic-mdns-ice-candidates §3.1.1, §3.2.2 */
Test(ice_alias, is_looked_up_only_when_an_agent_has_made_it_up)
{
    static const struct {
        const char *name, *why;
        hf_err err;
    } table[] = {
        {NAME, "a version 4 UUID", HF_OK},
        {"1F4712DB-EA17-4BCF-9596-105139DFD8BF.LOCAL", "the same in capitals", HF_OK},
        {"printer.local", "a device", HF_ENOTSUP},
        {"localhost", "this machine", HF_ENOTSUP},
        {"example.org", "a host of the DNS", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-a596-105139dfd8bf", "no domain", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-a596-105139dfd8bf.example", "another domain", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-a596-105139dfd8bf.local.example.org", "a longer one", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-a596-105139dfd8bf.a.local", "two labels", HF_ENOTSUP},
        {"a.1f4712db-ea17-4bcf-a596-105139dfd8bf.local", "two labels", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-a596-105139dfd8bf.local.", "a dot at the end", HF_ENOTSUP},
        {"1f4712db-ea17-1bcf-a596-105139dfd8bf.local", "a UUID of version 1", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-c596-105139dfd8bf.local", "a UUID of another variant", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-a596-105139dfd8b.local", "a digit too few", HF_ENOTSUP},
        {"1f4712db-ea17-4bcf-a596-105139dfd8bff.local", "a digit too many", HF_ENOTSUP},
        {"1f4712dbeea17-4bcf-a596-105139dfd8bf.local", "a digit for a hyphen", HF_ENOTSUP},
        {"gf4712db-ea17-4bcf-a596-105139dfd8bf.local", "no digit", HF_ENOTSUP},
        {"4", "a single character", HF_ENOTSUP},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        solo s;
        char text[128];
        hf_request request;
        solo_init(&s, NULL);
        snprintf(text, sizeof text, "candidate:1 1 udp 2113937151 %s 6000 typ host", table[i].name);
        cr_expect_eq(add(&s, text), table[i].err, "%s", table[i].why);
        cr_expect_eq(hf_ice_poll_request(s.ice, &request), table[i].err == HF_OK, "%s", table[i].why);
        solo_clear(&s);
    }
}

Test(ice_alias, becomes_a_host_candidate_when_its_address_is_known)
{
    solo s;
    hf_stun_message m;
    hf_ice_pair_info info;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    cr_assert_eq(add(&s, CANDIDATE(NAME)), HF_OK);
    uint32_t id = take_request(&s, NAME);
    cr_assert_neq(id, 0);
    cr_expect_not(solo_take(&s, &m), "nowhere to send to yet");
    resolve(&s, id, "10.0.0.2", NULL);
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    hf_addr there = net_addr("10.0.0.2:6000");
    cr_expect(hf_addr_equal(&s.sent.path.remote, &there));
    cr_assert(hf_ice_get_pair(s.ice, 0, &info));
    cr_expect_eq(info.remote.type, HF_ICE_HOST);
    cr_expect_eq(info.remote.priority, 2113937151);
    cr_expect_eq(info.remote.addr.family, HF_FAMILY_NONE, "statistics show the name");
    cr_expect_str_eq(info.remote.name, NAME);
    solo_clear(&s);
}

Test(ice_alias, waits_for_the_credentials_as_others_do)
{
    solo s;
    hf_stun_message m;
    solo_init(&s, NULL);
    cr_assert_eq(add(&s, CANDIDATE(NAME) " ufrag " SOLO_UFRAG), HF_OK);
    cr_assert_eq(add(&s, CANDIDATE(OTHER) " ufrag olds"), HF_OK);
    resolve(&s, take_request(&s, NAME), "10.0.0.2", NULL);
    resolve(&s, take_request(&s, OTHER), "10.0.0.3", NULL);
    solo_set_remote(&s);
    cr_expect(solo_take_class(&s, HF_STUN_REQUEST, &m));
    cr_expect_eq(s.ice->newest->remotes_len, 1);
    cr_expect_eq(ignored(&s), 1);
    solo_clear(&s);
}

Test(ice_alias, without_one_good_address_is_ignored)
{
    static const struct {
        const char *first, *second, *why;
    } table[] = {
        {NULL, NULL, "nobody answers"},
        {"10.0.0.2", "10.0.0.3", "two addresses (§3.2.2)"},
        {"224.0.0.1", NULL, "a multicast address"},
        {"0.0.0.0", NULL, "no address"},
        {"::ffff:10.0.0.2", NULL, "IPv4 in disguise"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        solo s;
        hf_stun_message m;
        solo_init(&s, NULL);
        solo_set_remote(&s);
        cr_assert_eq(add(&s, CANDIDATE(NAME)), HF_OK);
        resolve(&s, take_request(&s, NAME), table[i].first, table[i].second);
        cr_expect_not(solo_take(&s, &m), "%s", table[i].why);
        cr_expect_eq(s.ice->newest->remotes_len, 0, "%s", table[i].why);
        cr_expect_eq(ignored(&s), 1, "%s", table[i].why);
        cr_expect_eq(s.ice->names_len, 0, "%s", table[i].why);
        solo_clear(&s);
    }
}

Test(ice_alias, is_asked_for_once_however_often_it_is_told)
{
    solo s;
    solo_init(&s, NULL);
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(add(&s, CANDIDATE(NAME)), HF_OK);
    cr_expect_neq(take_request(&s, NAME), 0);
    cr_expect_eq(take_request(&s, NAME), 0);
    cr_expect_eq(add(&s, "candidate:1 1 udp 2113937151 " NAME " 0 typ host"), HF_EINVAL, "port 0");
    solo_clear(&s);
}

Test(ice_alias, are_so_many_and_no_more)
{
    solo s;
    char text[128];
    solo_init(&s, NULL);
    for (unsigned i = 0; i < HF_ICE_REMOTE_NAMES_MAX + 5; i++) {
        snprintf(text, sizeof text, "candidate:1 1 udp 1 %08x-ea17-4bcf-a596-105139dfd8bf.local 6000 typ host", i);
        cr_expect_eq(add(&s, text), i < HF_ICE_REMOTE_NAMES_MAX ? HF_OK : HF_ELIMIT);
        hf_request request;
        if (hf_ice_poll_request(s.ice, &request))
            resolve(&s, request.id, NULL, NULL); /* one that failed counts, too */
    }
    cr_expect_eq(ignored(&s), HF_ICE_REMOTE_NAMES_MAX + 5);
    solo_clear(&s);
}

Test(ice_alias, is_left_alone_when_it_is_turned_off)
{
    solo s;
    hf_request request;
    solo_init(&s, &(hf_ice_config){.mdns = HF_ICE_MDNS_OFF});
    cr_expect_eq(add(&s, CANDIDATE(NAME)), HF_ENOTSUP);
    cr_expect_not(hf_ice_poll_request(s.ice, &request));
    solo_clear(&s);
}

/* A reply that nobody waits for: an id of another time, or of a server. */
Test(ice_alias, takes_only_the_answer_to_its_own_question)
{
    solo s;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    cr_assert_eq(add(&s, CANDIDATE(NAME)), HF_OK);
    resolve(&s, 0, "10.0.0.2", NULL); /* not asked yet */
    uint32_t id = take_request(&s, NAME);
    resolve(&s, id + 1, "10.0.0.2", NULL);
    resolve(&s, 2, "10.0.0.2", NULL);
    cr_expect_eq(s.ice->newest->remotes_len, 0);
    resolve(&s, id, "10.0.0.2", NULL);
    resolve(&s, id, "10.0.0.3", NULL);
    cr_expect_eq(s.ice->newest->remotes_len, 1);
    solo_clear(&s);
}

/* The remote's check reveals what its name hides. Then the name says what the address was. */
Test(ice_alias, gives_way_to_the_check_that_comes_first)
{
    solo s;
    hf_ice_pair_info info;
    solo_init(&s, NULL);
    solo_set_remote(&s);
    cr_assert_eq(add(&s, CANDIDATE(NAME)), HF_OK);
    uint32_t id = take_request(&s, NAME);
    solo_check_in(&s, &(solo_check){.is_controlling = true});
    cr_assert(hf_ice_get_pair(s.ice, 0, &info));
    cr_expect_eq(info.remote.type, HF_ICE_PEER_REFLEXIVE);
    resolve(&s, id, "10.0.0.2", NULL);
    cr_assert(hf_ice_get_pair(s.ice, 0, &info));
    cr_expect_eq(info.remote.type, HF_ICE_HOST);
    cr_expect_str_eq(info.remote.name, NAME);
    cr_expect_not(hf_ice_get_pair(s.ice, 1, &info), "it is one pair");
    solo_clear(&s);
}

/* --- Ours --- */

static const hf_ice_config hide_controlling = {.controlling = true, .mdns = HF_ICE_MDNS_HIDE},
                           hide = {.mdns = HF_ICE_MDNS_HIDE};

Test(ice_alias, stands_for_each_address_of_ours)
{
    static const hf_ice_server server = {.uri = "stun:198.51.100.1:3478"};
    hf_ice_config config = {.controlling = true, .mdns = HF_ICE_MDNS_HIDE, .servers = &server, .servers_len = 1};
    net n;
    char text[HF_ICE_CANDIDATE_TEXT_SIZE];
    net_init(&n, 1);
    n.has_multicast = true;
    n.a.nat = net_addr("203.0.113.1:40000");
    n.server = net_addr("198.51.100.1:3478");
    net_host_set_local(&n.a, 1, "[2001:db8::1]:5000");
    net_start(&n, &config, NULL);
    net_run(&n, HF_SECONDS(1));
    cr_assert_eq(n.a.candidates_len, 3);
    cr_assert_eq(n.names_len, 2);
    for (size_t i = 0; i < 2; i++) {
        const hf_ice_candidate *c = &n.a.candidates[i];
        cr_expect_eq(c->type, HF_ICE_HOST);
        cr_expect_eq(c->addr.family, HF_FAMILY_NONE);
        cr_expect_eq(c->addr.port, 5000);
        cr_expect(hf_ice_alias_is_made_up(c->name), "%s", c->name);
        cr_expect_str_eq(c->name, n.names[i].text);
        cr_expect(hf_addr_equal_ip(&n.names[i].addr, &n.a.locals[i].addr));
    }
    cr_expect_str_neq(n.names[0].text, n.names[1].text);
    cr_expect_eq(n.a.candidates[2].type, HF_ICE_SERVER_REFLEXIVE);
    hf_ice_candidate_write(&n.a.candidates[2], text);
    cr_expect(strstr(text, " 203.0.113.1 40000 typ srflx raddr 0.0.0.0 rport 9"), "%s", text);
    hf_ice_candidate c;
    size_t told = 0;
    for (; hf_ice_local_candidate(n.a.ice, told, &c); told++)
        cr_expect_eq(c.type == HF_ICE_HOST, c.addr.family == HF_FAMILY_NONE);
    cr_expect_eq(told, 3);
    net_clear(&n);
}

Test(ice_alias, is_told_when_somebody_answers_for_it_and_not_before)
{
    solo s;
    hf_request request;
    hf_ice_candidate c;
    solo_init(&s, &hide);
    cr_expect_eq(hf_ice_get_gathering(s.ice), HF_ICE_GATHERING);
    cr_expect_eq(solo_count_events(&s, HF_ICE_CANDIDATE_FOUND), 0);
    cr_expect_not(hf_ice_local_candidate(s.ice, 0, &c));
    cr_assert(hf_ice_poll_request(s.ice, &request));
    cr_expect_eq(request.type, HF_REQUEST_ADVERTISE);
    cr_expect(hf_ice_alias_is_made_up(request.name));
    cr_expect_eq(request.path.local.family, HF_FAMILY_IPV4);
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_ADVERTISED, .id = request.id});
    cr_expect_eq(solo_count_events(&s, HF_ICE_CANDIDATE_FOUND), 2, "UDP, and TCP under the same name");
    cr_expect_eq(hf_ice_get_gathering(s.ice), HF_ICE_GATHERING_COMPLETE);
    for (size_t i = 0; i < 2; i++) {
        cr_expect(hf_ice_local_candidate(s.ice, i, &c));
        cr_expect_eq(c.addr.family, HF_FAMILY_NONE);
        cr_expect_eq(c.tcp_type, i ? HF_ICE_TCP_ACTIVE : HF_ICE_TCP_NONE);
    }
    cr_expect_not(hf_ice_poll_request(s.ice, &request));
    solo_clear(&s);
}

Test(ice_alias, that_nobody_answers_for_is_left_out)
{
    solo s;
    hf_request request;
    hf_ice_candidate c;
    solo_init(&s, &hide);
    cr_assert(hf_ice_poll_request(s.ice, &request));
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_ADVERTISED, .id = request.id + 1}); /* nobody's */
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_ADVERTISED, .id = request.id, .err = HF_ENOTSUP});
    cr_expect_eq(solo_count_events(&s, HF_ICE_CANDIDATE_FOUND), 0);
    cr_expect_eq(hf_ice_get_gathering(s.ice), HF_ICE_GATHERING_COMPLETE);
    cr_expect_not(hf_ice_local_candidate(s.ice, 0, &c));
    solo_clear(&s);
}

static bool is_shown(const hf_ice_candidate *c, const char *ip)
{
    char text[HF_ICE_CANDIDATE_TEXT_SIZE];
    hf_ice_candidate_write(c, text);
    return strstr(text, ip) != NULL;
}

Test(ice_alias, connects_two_that_both_hide)
{
    net n;
    hf_ice_pair_info info;
    net_init(&n, 1);
    n.has_multicast = true;
    net_start(&n, &hide_controlling, &hide);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(2));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED);
    cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED);
    for (size_t i = 0; hf_ice_get_pair(n.a.ice, i, &info); i++) {
        cr_expect_not(is_shown(&info.local, "10.0.0."), "statistics hide ours");
        cr_expect_not(is_shown(&info.remote, "10.0.0."), "and the remote's");
    }
    net_clear(&n);
}

/* Without multicast one who hides is found when it can find the other. */
Test(ice_alias, needs_no_multicast_when_one_side_shows_itself)
{
    for (int who = 0; who < 2; who++) {
        net n;
        net_init(&n, 1);
        net_start(&n, who == 0 ? &hide_controlling : NULL, who == 1 ? &hide : NULL);
        net_exchange(&n);
        net_run(&n, HF_SECONDS(3));
        cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_COMPLETED, "%d", who);
        cr_expect_eq(hf_ice_get_state(n.b.ice), HF_ICE_COMPLETED, "%d", who);
        cr_expect_eq((who == 0 ? &n.a : &n.b)->candidates_len, 0, "nothing was told that nobody could find");
        net_clear(&n);
    }
}

Test(ice_alias, that_nobody_can_resolve_does_not_hold_back_failure)
{
    net n;
    net_init(&n, 1);
    net_start(&n, &hide_controlling, &hide);
    net_exchange(&n);
    hf_ice_candidate c;
    cr_assert_eq(hf_ice_candidate_parse(CANDIDATE(NAME), strlen(CANDIDATE(NAME)), &c), HF_OK);
    cr_assert_eq(hf_ice_add_remote_candidate(n.a.ice, n.now, &c, NULL), HF_OK);
    net_run(&n, HF_SECONDS(16));
    cr_expect_eq(hf_ice_get_state(n.a.ice), HF_ICE_FAILED);
    net_clear(&n);
}

/* An address that has a new socket, after a restart or an outage, keeps its name. */
Test(ice_alias, lives_as_long_as_the_agent)
{
    net n;
    net_init(&n, 1);
    n.has_multicast = true;
    net_start(&n, &hide_controlling, &hide);
    net_exchange(&n);
    net_run(&n, HF_SECONDS(2));
    cr_assert_eq(n.names_len, 2);
    cr_assert_eq(hf_ice_restart(n.a.ice, n.now), HF_OK);
    cr_assert_eq(hf_ice_gather(n.a.ice, n.now), HF_OK);
    net_host_set_local(&n.a, 0, "10.0.0.1:5001");
    net_locals_changed(&n, &n.a);
    net_run(&n, HF_MS(1));
    cr_expect_eq(n.names_len, 2, "no new name");
    const hf_ice_candidate *last = &n.a.candidates[n.a.candidates_len - 1];
    cr_expect_str_eq(last->name, n.a.candidates[0].name);
    cr_expect_eq(last->addr.port, 5001);
    net_clear(&n);
}

Test(ice_alias, survives_every_shortage_of_memory)
{
    test_env t = {0};
    size_t allocations = 0;
    for (size_t k = 1; test_env_next_failure(&t, k, 7); k++) {
        hf_ice *ice = NULL;
        hf_err err = hf_ice_new(&ice, &hide, &t.env);
        if (err == HF_OK) {
            solo s = {.ice = ice, .now = HF_SECONDS(1)};
            hf_local local = {.addr = net_addr("10.0.0.1:5000")};
            hf_request request;
            cr_assert_eq(hf_ice_gather(ice, s.now), HF_OK);
            hf_ice_reply(ice, s.now, &(hf_reply){.type = HF_REPLY_LOCALS, .id = 1, .locals = &local, .locals_len = 1});
            err = add(&s, CANDIDATE(NAME));
            cr_expect(err == HF_OK || err == HF_ENOMEM);
            while (hf_ice_poll_request(ice, &request)) {
                if (request.type == HF_REQUEST_RESOLVE)
                    resolve(&s, request.id, "10.0.0.2", NULL);
                else
                    hf_ice_reply(ice, s.now, &(hf_reply){.type = HF_REPLY_ADVERTISED, .id = request.id});
            }
            cr_expect_neq(hf_ice_get_gathering(ice), HF_ICE_GATHERING_NEW);
            hf_ice_free(ice);
        }
        cr_expect_eq(t.blocks, 0, "allocation %zu", k);
        allocations = t.allocations;
    }
    cr_expect_gt(allocations, 8);
}
