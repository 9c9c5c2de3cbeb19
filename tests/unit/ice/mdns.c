/* mdns.c: some machines on a network that ask each other for names, in virtual time. */
#include "env.h"
#include "mdns_priv.h"

#include "corpus.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define UUID "1f4712db-ea17-4bcf-a596-105139dfd8bf"
#define NAME UUID ".local"
#define NOBODY "00000000-0000-4000-8000-000000000000.local"

#define MACHINES 3
#define NOTED_MAX 64

typedef struct machine {
    hf_mdns *mdns;
    test_env env;
    hf_local locals[4];
    size_t locals_len;
    hf_mdns_event events[16]; /* addrs point nowhere; the first is in addr */
    hf_addr addr[16];
    size_t events_len;
} machine;

/* What was sent, by anybody. */
typedef struct noted {
    hf_time at;
    size_t from;
    hf_path path;
    uint8_t data[512];
    size_t len;
} noted;

typedef struct lan {
    machine m[MACHINES];
    hf_time now;
    noted sent[NOTED_MAX];
    size_t sent_len;
    bool (*passes)(const noted *n); /* NULL: everything */
} lan;

static hf_addr addr_of(const char *text)
{
    hf_addr addr = {0};
    cr_assert(hf_addr_parse(text, strlen(text), &addr), "%s", text);
    return addr;
}

static void tell_locals(lan *l, size_t i)
{
    machine *m = &l->m[i];
    hf_mdns_reply(m->mdns, l->now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = m->locals, .locals_len = m->locals_len});
}

/* Machine i has 10.0.0.<i+1>/24 on its interface 1. */
static void lan_init(lan *l)
{
    memset(l, 0, sizeof *l);
    l->now = HF_SECONDS(1);
    for (size_t i = 0; i < MACHINES; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.0.%zu", i + 1);
        l->m[i].locals[0] = (hf_local){.addr = addr_of(text), .interface = 1, .prefix = 24};
        l->m[i].locals_len = 1;
        cr_assert_eq(hf_mdns_new(&l->m[i].mdns, test_env_init(&l->m[i].env, i)), HF_OK);
        tell_locals(l, i);
    }
}

static void lan_clear(lan *l)
{
    for (size_t i = 0; i < MACHINES; i++) {
        hf_mdns_free(l->m[i].mdns);
        cr_expect_eq(l->m[i].env.blocks, 0);
    }
}

/* Hands a datagram to a machine, as it came to its first address. */
static void give(lan *l, size_t to, const char *from, const void *data, size_t len)
{
    hf_datagram d = {.data = (uint8_t *)(uintptr_t)data, .len = len};
    d.path = (hf_path){.local = l->m[to].locals[0].addr, .remote = addr_of(from)};
    hf_mdns_input(l->m[to].mdns, l->now, &d, 1);
}

static void give_hex(lan *l, size_t to, const char *from, const char *hex)
{
    hf_bytes bytes = corpus_bytes_of_hex(hex);
    give(l, to, from, bytes.data, bytes.len);
    corpus_free(bytes);
}

/* A multicast comes to every machine, the sender too. */
static void deliver(lan *l, noted *n)
{
    for (size_t i = 0; i < MACHINES; i++) {
        hf_datagram d = {.data = n->data, .len = n->len};
        if (!hf_addr_is_multicast(&n->path.remote) && !hf_addr_equal_ip(&n->path.remote, &l->m[i].locals[0].addr))
            continue;
        d.path = (hf_path){.local = l->m[i].locals[0].addr, .remote = n->path.local};
        hf_mdns_input(l->m[i].mdns, l->now, &d, 1);
    }
}

static bool send_one(lan *l, size_t from)
{
    uint8_t buffer[HF_MTU_DEFAULT];
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    if (!hf_mdns_poll_transmit(l->m[from].mdns, l->now, &t))
        return false;
    cr_assert_lt(l->sent_len, NOTED_MAX);
    cr_assert_leq(t.len, sizeof l->sent[0].data);
    noted *n = &l->sent[l->sent_len++];
    *n = (noted){.at = l->now, .from = from, .path = t.path, .len = t.len};
    memcpy(n->data, buffer, t.len);
    if (!l->passes || l->passes(n))
        deliver(l, n);
    return true;
}

static void take_events(machine *m)
{
    hf_mdns_event e;
    while (hf_mdns_poll_event(m->mdns, &e)) {
        cr_assert_lt(m->events_len, 16);
        m->addr[m->events_len] = e.addrs_len > 0 ? e.addrs[0] : (hf_addr){0};
        m->events[m->events_len++] = e;
    }
}

static void run(lan *l, hf_span span)
{
    hf_time end = l->now + span;
    for (unsigned idle = 0;; idle++) {
        bool more = false;
        hf_time next = HF_NEVER;
        for (size_t i = 0; i < MACHINES; i++) {
            while (send_one(l, i))
                more = true;
            take_events(&l->m[i]);
        }
        for (size_t i = 0; i < MACHINES; i++)
            next = hf_mdns_deadline(l->m[i].mdns) < next ? hf_mdns_deadline(l->m[i].mdns) : next;
        if (!more && next > end)
            break;
        if (next > l->now && !more) {
            l->now = next;
            idle = 0;
        }
        cr_assert_lt(idle, 100, "the deadline stands still");
        for (size_t i = 0; i < MACHINES; i++)
            hf_mdns_tick(l->m[i].mdns, l->now);
    }
    l->now = end;
}

static void advertise(lan *l, size_t i)
{
    cr_assert_eq(hf_mdns_advertise(l->m[i].mdns, l->now, NULL, NAME, &l->m[i].locals[0].addr), HF_OK);
}

static void ask(lan *l, size_t i, uint32_t id, const char *name)
{
    cr_assert_eq(hf_mdns_resolve(l->m[i].mdns, l->now, l, id, name), HF_OK);
}

static size_t count_from(const lan *l, size_t from, bool responses)
{
    size_t n = 0;
    for (size_t i = 0; i < l->sent_len; i++)
        n += l->sent[i].from == from && (l->sent[i].data[2] >= 0x80) == responses;
    return n;
}

static hf_mdns_stats stats_of(const lan *l, size_t i)
{
    hf_mdns_stats stats;
    hf_mdns_get_stats(l->m[i].mdns, &stats);
    return stats;
}

/* --- Names --- */

Test(mdns, knows_which_names_are_its_own)
{
    static const struct {
        const char *name, *why;
        bool is_one;
    } table[] = {
        {NAME, "a candidate's", true},
        {NAME ".", "the same, complete", true},
        {"printer.LOCAL", "of either case", true},
        {"a.b_c.local", "of several labels", true},
        {"local", "the domain itself", false},
        {".local", "no label", false},
        {"a..local", "an empty label", false},
        {"a.local..", "two dots", false},
        {"a.localhost", "another domain", false},
        {"a.local.example", "another domain", false},
        {"a b.local", "a space", false},
        {"\xc3\xa9.local", "no ASCII", false},
        {"", "nothing", false},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.local", "a label of 64", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(hf_mdns_is_name(table[i].name), table[i].is_one, "%s", table[i].why);
    char text[300];
    memset(text, 'a', sizeof text);
    for (size_t i = 60; i < 247; i += 60)
        text[i] = '.';
    strcpy(text + 248, ".local"); /* 254 characters */
    cr_expect_not(hf_mdns_is_name(text), "one too many");
    strcpy(text + 247, ".local");
    cr_expect(hf_mdns_is_name(text));
}

/* --- Asking --- */

Test(mdns, finds_a_name_on_another_machine)
{
    lan l;
    lan_init(&l);
    advertise(&l, 1);
    run(&l, HF_SECONDS(3));
    ask(&l, 0, 7, NAME);
    run(&l, HF_MS(1));
    cr_assert_eq(l.m[0].events_len, 1);
    cr_expect_eq(l.m[0].events[0].err, HF_OK);
    cr_expect_eq(l.m[0].events[0].owner, &l);
    cr_expect_eq(l.m[0].events[0].id, 7);
    cr_expect_eq(l.m[0].events[0].addrs_len, 1);
    cr_expect(hf_addr_equal(&l.m[0].addr[0], &l.m[1].locals[0].addr));
    cr_expect_eq(count_from(&l, 0, false), 1, "one question");
    lan_clear(&l);
}

Test(mdns, asks_by_ever_longer_waits_and_gives_up)
{
    static const hf_span moments[] = {0, HF_MS(200), HF_MS(1200), HF_MS(3200)};
    lan l;
    lan_init(&l);
    hf_time began = l.now;
    ask(&l, 0, 1, NOBODY);
    run(&l, HF_SECONDS(5) - 1);
    cr_assert_eq(l.sent_len, 4);
    for (size_t i = 0; i < 4; i++) {
        hf_mdns_reader m;
        hf_mdns_question q;
        cr_expect_eq(l.sent[i].at - began, moments[i]);
        cr_assert(hf_mdns_read(&m, hf_bytes_of(l.sent[i].data, l.sent[i].len)));
        cr_assert(hf_mdns_next_question(&m, &q));
        cr_expect_eq(q.wants_unicast, i == 0, "only the first asks for unicast");
    }
    cr_expect_eq(l.m[0].events_len, 0);
    run(&l, 1);
    cr_assert_eq(l.m[0].events_len, 1);
    cr_expect_eq(l.m[0].events[0].err, HF_ERESOLVE);
    cr_expect_eq(hf_mdns_deadline(l.m[0].mdns), HF_NEVER);
    lan_clear(&l);
}

Test(mdns, asks_once_for_many_who_want_the_same)
{
    lan l;
    lan_init(&l);
    advertise(&l, 1);
    for (uint32_t i = 0; i < 10; i++)
        ask(&l, 0, i, i % 2 == 0 ? NAME : "1F4712DB-EA17-4BCF-A596-105139DFD8BF.local.");
    run(&l, HF_MS(1));
    cr_expect_eq(count_from(&l, 0, false), 1);
    cr_expect_eq(l.m[0].events_len, 10);
    lan_clear(&l);
}

/* An answer to the first question may have been handed to another program of the machine. */
static bool loses_unicast(const noted *n)
{
    return hf_addr_is_multicast(&n->path.remote);
}

Test(mdns, is_not_stopped_by_a_lost_unicast_answer)
{
    lan l;
    lan_init(&l);
    advertise(&l, 1);
    run(&l, HF_SECONDS(3));
    l.passes = loses_unicast;
    hf_time began = l.now;
    ask(&l, 0, 1, NAME);
    run(&l, HF_MS(199));
    cr_expect_eq(l.m[0].events_len, 0);
    run(&l, HF_MS(1));
    cr_expect_eq(l.m[0].events_len, 1);
    cr_expect_eq(l.m[0].events[0].err, HF_OK);
    cr_expect_eq(l.sent[l.sent_len - 1].at - began, HF_MS(200));
    lan_clear(&l);
}

Test(mdns, forgets_who_has_gone)
{
    lan l;
    lan_init(&l);
    ask(&l, 0, 1, NOBODY);
    ask(&l, 0, 2, NAME);
    cr_assert_eq(hf_mdns_resolve(l.m[0].mdns, l.now, &l.now, 3, NAME), HF_OK);
    hf_mdns_forget(l.m[0].mdns, l.now, &l);
    run(&l, HF_SECONDS(6));
    cr_assert_eq(l.m[0].events_len, 1);
    cr_expect_eq(l.m[0].events[0].id, 3);
    cr_expect_eq(l.m[0].events[0].owner, &l.now);
    cr_expect_eq(l.sent_len, 4, "nothing was sent for the other name");
    lan_clear(&l);
}

Test(mdns, asks_on_every_link_in_both_families)
{
    static const char *const remotes[] = {"224.0.0.251:5353", "[ff02::fb%1]:5353", "224.0.0.251:5353"};
    lan l;
    lan_init(&l);
    l.m[0].locals[1] = (hf_local){.addr = addr_of("fe80::1%1"), .interface = 1, .prefix = 64};
    l.m[0].locals[2] = (hf_local){.addr = addr_of("10.0.0.9"), .interface = 1, .prefix = 24};
    l.m[0].locals[3] = (hf_local){.addr = addr_of("192.168.0.1"), .interface = 2, .prefix = 24};
    l.m[0].locals_len = 4;
    tell_locals(&l, 0);
    ask(&l, 0, 1, NOBODY);
    while (send_one(&l, 0)) {
    }
    cr_assert_eq(l.sent_len, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[HF_ADDR_TEXT_SIZE];
        cr_expect_str_eq(hf_addr_write(&l.sent[i].path.remote, text), remotes[i]);
        cr_expect_eq(l.sent[i].path.local.port, HF_MDNS_PORT);
    }
    lan_clear(&l);
}

Test(mdns, without_a_network_gives_up_all_the_same)
{
    lan l;
    lan_init(&l);
    l.m[0].locals_len = 0;
    tell_locals(&l, 0);
    advertise(&l, 0);
    ask(&l, 0, 1, NOBODY);
    run(&l, HF_SECONDS(5));
    cr_expect_eq(l.sent_len, 0);
    cr_assert_eq(l.m[0].events_len, 1);
    cr_expect_eq(l.m[0].events[0].err, HF_ERESOLVE);
    lan_clear(&l);
}

/* --- Answers that are believed, and others --- */

#define X_LOCAL "01 78 05 6c6f63616c 00 "
#define ANSWER(data) "0000 8400 0000 0001 0000 0000" X_LOCAL data

Test(mdns, believes_only_what_may_be_true)
{
    static const struct {
        const char *from, *hex, *why;
        size_t believed, foreign, malformed, unasked;
    } table[] = {
        {"10.0.0.2:5353", ANSWER("0001 8001 00000078 0004 0a000002"), "a good one", 1, 0, 0, 0},
        {"10.0.0.2:5353", ANSWER("0001 0001 00000001 0004 0a000002"), "without the flush bit", 1, 0, 0, 0},
        {"169.254.7.7:5353", ANSWER("0001 8001 00000078 0004 0a000002"), "from a link-local address", 1, 0, 0, 0},
        {"10.0.1.2:5353", ANSWER("0001 8001 00000078 0004 0a000002"), "from another link", 0, 1, 0, 0},
        {"[2001:db8::1]:5353", ANSWER("0001 8001 00000078 0004 0a000002"), "the same, IPv6", 0, 1, 0, 0},
        {"10.0.0.2:5354", ANSWER("0001 8001 00000078 0004 0a000002"), "from another port (RFC 6762 §6)", 0, 1, 0, 0},
        {"10.0.0.2:5353", ANSWER("0001 8001 00000000 0004 0a000002"), "a goodbye", 0, 0, 0, 0},
        {"10.0.0.2:5353", ANSWER("0001 8001 00000078 0004 e0000001"), "a multicast address", 0, 0, 0, 0},
        {"10.0.0.2:5353", ANSWER("0001 8001 00000078 0004 00000000"), "no address", 0, 0, 0, 0},
        {"10.0.0.2:5353", ANSWER("0001 8001 00000078 0004 7f000001"), "our own loopback", 0, 0, 0, 0},
        {"10.0.0.1:5353", ANSWER("0001 8001 00000078 0004 7f000001"), "the same, from this machine", 1, 0, 0, 0},
        {"10.0.0.2:5353", ANSWER("0001 8001 00000078 0003 0a0000"), "a short address", 0, 0, 1, 0},
        {"10.0.0.2:5353", ANSWER("0001 8001 00000078 0004 0a000002") "00", "a byte too many", 1, 0, 0, 0},
        {"10.0.0.2:5353", "0000 8403 0000 0001 0000 0000" X_LOCAL "0001 8001 00000078 0004 0a000002",
         "an rcode (RFC 6762 §18.11)", 0, 0, 0, 1},
        {"10.0.0.2:5353", "0000 8400 0000 0001 0000 0000 01 79 05 6c6f63616c 00 0001 8001 00000078 0004 0a000002",
         "another name", 0, 0, 0, 1},
        {"10.0.0.2:5353", "0000 8400 0000 0001 0000 0000 c00c 0001 8001 00000078 0004 0a000002", "a loop", 0, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        lan l;
        lan_init(&l);
        ask(&l, 0, 1, "x.local");
        give_hex(&l, 0, table[i].from, table[i].hex);
        take_events(&l.m[0]);
        cr_expect_eq(l.m[0].events_len, table[i].believed, "%s", table[i].why);
        hf_mdns_stats stats = stats_of(&l, 0);
        cr_expect_eq(stats.drop_foreign, table[i].foreign, "%s", table[i].why);
        cr_expect_eq(stats.drop_malformed, table[i].malformed, "%s", table[i].why);
        cr_expect_eq(stats.drop_unasked, table[i].unasked, "%s", table[i].why);
        lan_clear(&l);
    }
}

Test(mdns, takes_several_addresses_of_one_answer_but_not_without_end)
{
    uint8_t message[400] = {[2] = 0x84, [7] = 20};
    static const uint8_t name[] = {1, 'x', 5, 'l', 'o', 'c', 'a', 'l', 0};
    size_t len = 12;
    for (uint8_t i = 0; i < 20; i++) {
        const uint8_t rest[] = {0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, (uint8_t)(i / 2)}; /* each of them twice */
        if (i == 0) {
            memcpy(message + len, name, sizeof name);
            len += sizeof name;
        } else {
            message[len++] = 0xC0;
            message[len++] = 12;
        }
        memcpy(message + len, rest, sizeof rest);
        len += sizeof rest;
    }
    lan l;
    lan_init(&l);
    ask(&l, 0, 1, "x.local");
    give(&l, 0, "10.0.0.2:5353", message, len);
    take_events(&l.m[0]);
    cr_assert_eq(l.m[0].events_len, 1);
    cr_expect_eq(l.m[0].events[0].addrs_len, HF_MDNS_ADDRS_MAX);
    lan_clear(&l);
}

Test(mdns, drops_what_is_longer_than_any_message)
{
    static uint8_t message[HF_MDNS_DATAGRAM_MAX + 1];
    lan l;
    lan_init(&l);
    give(&l, 0, "10.0.0.2:5353", message, sizeof message - 1);
    cr_expect_eq(stats_of(&l, 0).drop_malformed, 0, "9000 bytes are taken");
    give(&l, 0, "10.0.0.2:5353", message, sizeof message);
    cr_expect_eq(stats_of(&l, 0).drop_malformed, 1);
    lan_clear(&l);
}

Test(mdns, is_bounded_whatever_is_asked_of_it)
{
    lan l;
    char name[64];
    lan_init(&l);
    for (unsigned i = 0; i <= HF_MDNS_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "n%u.local", i);
        hf_err expected = i < HF_MDNS_NAMES_MAX ? HF_OK : HF_ELIMIT;
        cr_expect_eq(hf_mdns_resolve(l.m[0].mdns, l.now, &l, i, name), expected);
        cr_expect_eq(hf_mdns_advertise(l.m[0].mdns, l.now, &l, name, &l.m[0].locals[0].addr), expected);
    }
    for (unsigned i = HF_MDNS_NAMES_MAX; i < HF_MDNS_ASKERS_MAX; i++)
        cr_expect_eq(hf_mdns_resolve(l.m[0].mdns, l.now, &l, i, "n0.local"), HF_OK);
    cr_expect_eq(hf_mdns_resolve(l.m[0].mdns, l.now, &l, 0, "n0.local"), HF_ELIMIT);
    lan_clear(&l);
}

Test(mdns, refuses_what_makes_no_sense_by_name)
{
    lan l;
    lan_init(&l);
    hf_mdns *mdns = l.m[0].mdns;
    const hf_addr *addr = &l.m[0].locals[0].addr;
    cr_expect_eq(hf_mdns_resolve(mdns, l.now, NULL, 0, "example.org"), HF_EINVAL);
    cr_expect_eq(hf_mdns_advertise(mdns, l.now, NULL, "example.org", addr), HF_EINVAL);
    cr_expect_eq(hf_mdns_advertise(mdns, l.now, NULL, NAME, &(hf_addr){0}), HF_EINVAL);
    cr_expect_eq(hf_mdns_advertise(mdns, l.now, NULL, NAME, addr), HF_OK);
    cr_expect_eq(hf_mdns_advertise(mdns, l.now, NULL, NAME, addr), HF_EEXIST);
    lan_clear(&l);
}

/* --- Answering --- */

#define QUERY_A "1234 0000 0001 0000 0000 0000" X_LOCAL "0001 0001"
#define QUERY_A_UNICAST "1234 0000 0001 0000 0000 0000" X_LOCAL "0001 8001"
#define QUERY_AAAA "1234 0000 0001 0000 0000 0000" X_LOCAL "001c 0001"

/* Whoever asks first is not made to wait by an announcement that nobody has listened to. */
Test(mdns, answers_at_once_for_a_name_that_is_new)
{
    lan l;
    lan_init(&l);
    advertise(&l, 1);
    ask(&l, 0, 1, NAME);
    run(&l, HF_MS(1));
    cr_assert_eq(l.m[0].events_len, 1);
    cr_expect_eq(l.m[0].events[0].err, HF_OK);
    cr_expect(hf_addr_is_multicast(&l.sent[1].path.remote), "it is the first that is heard of it");
    run(&l, HF_SECONDS(10));
    cr_expect_eq(count_from(&l, 1, true), 2, "the answer counts as the first announcement");
    lan_clear(&l);
}

/* Machine 0 answers for x.local, and has been heard. */
static void with_x(lan *l, hf_span since)
{
    lan_init(l);
    cr_assert_eq(hf_mdns_advertise(l->m[0].mdns, l->now, l, "x.local", &l->m[0].locals[0].addr), HF_OK);
    run(l, HF_MS(2500) + since);
    cr_assert_eq(l->sent_len, 2);
    l->sent_len = 0;
}

Test(mdns, announces_a_name_twice_and_says_goodbye)
{
    lan l;
    lan_init(&l);
    hf_time began = l.now;
    cr_assert_eq(hf_mdns_advertise(l.m[0].mdns, l.now, &l, NAME, &l.m[0].locals[0].addr), HF_OK);
    run(&l, HF_SECONDS(10));
    cr_assert_eq(l.sent_len, 2);
    cr_expect_eq(l.sent[0].at, began + HF_SECONDS(1));
    cr_expect_eq(l.sent[1].at, began + HF_SECONDS(2));
    hf_mdns_forget(l.m[0].mdns, l.now, &l);
    run(&l, HF_SECONDS(10));
    cr_assert_eq(l.sent_len, 3);
    hf_mdns_reader m;
    hf_mdns_record record;
    cr_assert(hf_mdns_read(&m, hf_bytes_of(l.sent[2].data, l.sent[2].len)));
    cr_assert(hf_mdns_next_record(&m, &record));
    cr_expect_eq(record.ttl, 0);
    ask(&l, 1, 1, NAME);
    run(&l, HF_SECONDS(5));
    cr_expect_eq(l.m[1].events[0].err, HF_ERESOLVE, "it is gone");
    lan_clear(&l);
}

Test(mdns, answers_as_it_was_asked)
{
    static const struct {
        const char *from, *hex, *to, *why;
    } table[] = {
        {"10.0.0.2:5353", QUERY_A, "224.0.0.251:5353", "to all"},
        {"10.0.0.2:5353", QUERY_AAAA, "224.0.0.251:5353", "to all: there is no such address, only another"},
        {"10.0.0.2:5353", QUERY_A_UNICAST, "10.0.0.2:5353", "to the one that asks for it (RFC 6762 §5.4)"},
        {"10.0.0.1:5353", QUERY_A_UNICAST, "224.0.0.251:5353", "to all, where the port is shared"},
        {"10.0.0.2:40000", QUERY_A, "10.0.0.2:40000", "to a legacy resolver (§6.7)"},
        {"10.0.0.1:40000", QUERY_A, "10.0.0.1:40000", "to one of this machine: the port is its own"},
        {"10.0.0.2:40000", QUERY_AAAA, NULL, "nothing: a legacy resolver knows no NSEC"},
        {"10.0.1.2:5353", QUERY_A, NULL, "nothing: from another link (§11)"},
        {"10.0.1.2:40000", QUERY_A, NULL, "nothing: the same"},
        {"10.0.0.2:5353", "0000 2800 0001 0000 0000 0000" X_LOCAL "0001 0001", NULL, "nothing: another opcode (§18.3)"},
        {"10.0.0.2:5353", "0000 0000 0001 0000 0000 0000" X_LOCAL "0010 0001", NULL, "nothing: a TXT record"},
        {"10.0.0.2:5353", "0000 0000 0001 0000 0000 0000" X_LOCAL "0001 0003", NULL, "nothing: another class"},
        {"10.0.0.2:5353", "0000 0000 0001 0000 0000 0000 01 79 05 6c6f63616c 00 0001 0001", NULL, "nothing: another name"},
        {"10.0.0.2:5353", "0000 0000 0001 0001 0000 0000" X_LOCAL "0001 0001 c00c 0001 0001 0000003c 0004 0a000001", NULL,
         "nothing: it is known (§7.1)"},
        {"10.0.0.2:5353", "0000 0000 0001 0001 0000 0000" X_LOCAL "0001 0001 c00c 0001 0001 0000003b 0004 0a000001",
         "224.0.0.251:5353", "to all: it is known, but not for long"},
        {"10.0.0.2:5353", "0000 0000 0001 0000 0000 0000 01 58 05 4c4f43414c 00 00ff 00ff", "224.0.0.251:5353",
         "to all: everything about X.LOCAL"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        lan l;
        char text[HF_ADDR_TEXT_SIZE];
        with_x(&l, HF_MS(500));
        give_hex(&l, 0, table[i].from, table[i].hex);
        while (send_one(&l, 0)) {
        }
        cr_assert_eq(l.sent_len, table[i].to ? 1 : 0, "%s", table[i].why);
        if (table[i].to)
            cr_expect_str_eq(hf_addr_write(&l.sent[0].path.remote, text), table[i].to, "%s", table[i].why);
        lan_clear(&l);
    }
}

Test(mdns, answers_to_all_when_nobody_has_heard_it_for_long)
{
    lan l;
    with_x(&l, HF_SECONDS(31)); /* a quarter of 120 s */
    give_hex(&l, 0, "10.0.0.2:5353", QUERY_A_UNICAST);
    while (send_one(&l, 0)) {
    }
    cr_assert_eq(l.sent_len, 1);
    cr_expect(hf_addr_is_multicast(&l.sent[0].path.remote));
    lan_clear(&l);
}

/* RFC 6762 §6: a flood of questions is answered once a second. */
Test(mdns, multicasts_a_record_once_a_second)
{
    lan l;
    with_x(&l, HF_SECONDS(1));
    hf_time began = l.now;
    for (size_t i = 0; i < 25; i++) {
        give_hex(&l, 0, "10.0.0.2:5353", QUERY_A);
        run(&l, HF_MS(100));
    }
    cr_assert_eq(l.sent_len, 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(l.sent[i].at - began, HF_SECONDS((hf_time)i));
    lan_clear(&l);
}

Test(mdns, owes_only_so_many_unicast_answers)
{
    lan l;
    with_x(&l, 0);
    for (size_t i = 0; i < HF_MDNS_OWED_MAX + 5; i++)
        give_hex(&l, 0, "10.0.0.2:40000", QUERY_A);
    cr_expect_leq(hf_mdns_deadline(l.m[0].mdns), l.now);
    run(&l, 0);
    cr_expect_eq(l.sent_len, HF_MDNS_OWED_MAX);
    cr_expect_eq(stats_of(&l, 0).drop_rate, 5);
    lan_clear(&l);
}

/* RFC 6762 §6.2 */
Test(mdns, tells_an_address_only_on_its_own_interface)
{
    lan l;
    with_x(&l, HF_MS(500));
    l.m[0].locals[1] = (hf_local){.addr = addr_of("192.168.0.1"), .interface = 2, .prefix = 24};
    l.m[0].locals_len = 2;
    tell_locals(&l, 0);
    hf_bytes query = corpus_bytes_of_hex(QUERY_A);
    hf_datagram d = {.data = (uint8_t *)(uintptr_t)query.data, .len = query.len};
    d.path = (hf_path){.local = l.m[0].locals[1].addr, .remote = addr_of("192.168.0.7:5353")};
    hf_mdns_input(l.m[0].mdns, l.now, &d, 1);
    run(&l, HF_SECONDS(2));
    cr_expect_eq(l.sent_len, 0);
    d.path = (hf_path){.local = l.m[0].locals[0].addr, .remote = addr_of("10.0.0.7:5353")};
    hf_mdns_input(l.m[0].mdns, l.now, &d, 1);
    run(&l, HF_SECONDS(2));
    cr_assert_eq(l.sent_len, 1);
    cr_expect(hf_addr_equal_ip(&l.sent[0].path.local, &l.m[0].locals[0].addr));
    corpus_free(query);
    lan_clear(&l);
}

Test(mdns, announces_anew_when_the_network_comes_back)
{
    lan l;
    with_x(&l, HF_MS(500));
    l.m[0].locals_len = 0;
    tell_locals(&l, 0);
    run(&l, HF_SECONDS(5));
    cr_expect_eq(l.sent_len, 0);
    l.m[0].locals_len = 1;
    tell_locals(&l, 0);
    run(&l, HF_SECONDS(5));
    cr_expect_eq(l.sent_len, 2);
    tell_locals(&l, 0);
    run(&l, HF_SECONDS(5));
    cr_expect_eq(l.sent_len, 2, "nothing has changed");
    lan_clear(&l);
}

Test(mdns, counts_a_conflict_and_goes_on)
{
    lan l;
    with_x(&l, HF_SECONDS(1));
    give_hex(&l, 0, "10.0.0.2:5353", ANSWER("0001 8001 00000078 0004 0a000042"));
    give_hex(&l, 0, "10.0.0.2:5353", ANSWER("0001 8001 00000078 0004 0a000001"));
    cr_expect_eq(stats_of(&l, 0).conflicts, 1, "the second one says what we say");
    ask(&l, 1, 1, "x.local");
    run(&l, HF_MS(1));
    cr_assert_eq(l.m[1].events_len, 1);
    cr_expect(hf_addr_equal(&l.m[1].addr[0], &l.m[0].locals[0].addr));
    lan_clear(&l);
}

Test(mdns, finds_its_own_names)
{
    lan l;
    with_x(&l, HF_SECONDS(1));
    ask(&l, 0, 1, "x.local"); /* two agents of one program */
    run(&l, HF_MS(1));
    cr_assert_eq(l.m[0].events_len, 1);
    cr_expect(hf_addr_equal(&l.m[0].addr[0], &l.m[0].locals[0].addr));
    lan_clear(&l);
}

Test(mdns, survives_every_shortage_of_memory)
{
    test_env t = {0};
    size_t allocations = 0;
    for (size_t n = 1; test_env_next_failure(&t, n, 7); n++) {
        hf_mdns *mdns;
        hf_mdns_event e;
        hf_local local = {.addr = addr_of("10.0.0.1"), .interface = 1, .prefix = 24};
        hf_err err = hf_mdns_new(&mdns, &t.env);
        if (err == HF_OK) {
            hf_mdns_reply(mdns, 0, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = &local, .locals_len = 1});
            err = hf_mdns_resolve(mdns, 0, NULL, 1, "x.local");
            cr_expect(err == HF_OK || err == HF_ENOMEM);
            bool asked = err == HF_OK;
            err = hf_mdns_advertise(mdns, 0, NULL, NAME, &local.addr);
            cr_expect(err == HF_OK || err == HF_ENOMEM);
            hf_mdns_tick(mdns, HF_SECONDS(5));
            cr_expect_eq(hf_mdns_poll_event(mdns, &e), asked);
            hf_mdns_free(mdns);
        } else {
            cr_expect_eq(err, HF_ENOMEM);
        }
        cr_expect_eq(t.blocks, 0, "allocation %zu", n);
        allocations = t.allocations;
    }
    cr_expect_eq(allocations, 6);
}
