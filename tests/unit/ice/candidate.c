/* candidate.c: candidates as text, and their numbers. */
#include "corpus.h"
#include "net.h"

#include <criterion/criterion.h>

static hf_err parse(const char *text, hf_ice_candidate *out)
{
    return hf_ice_candidate_parse(text, strlen(text), out);
}

Test(candidate, is_read_as_the_rfc_writes_it)
{
    hf_ice_candidate c; /* RFC 8839 §5.1 */
    cr_assert_eq(parse("a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998", &c),
                 HF_OK);
    cr_expect_str_eq(c.foundation, "2");
    cr_expect_eq(c.component, 1);
    cr_expect_eq(c.priority, 1694498815u);
    cr_expect_eq(c.type, HF_ICE_SERVER_REFLEXIVE);
    hf_addr addr = net_addr("192.0.2.3:45664"), related = net_addr("203.0.113.141:8998");
    cr_expect(hf_addr_equal(&c.addr, &addr));
    cr_expect(hf_addr_equal(&c.related, &related));
    cr_expect_str_eq(c.name, "");
    cr_expect_str_eq(c.ufrag, "");
}

Test(candidate, is_written_as_it_was_read)
{
    static const char *const lines[] = {
        "candidate:1 1 udp 2130706431 10.0.1.1 8998 typ host",
        "candidate:a+/ 256 udp 1 2001:db8::1 65535 typ prflx raddr :: rport 0",
        "candidate:2 1 tcp 1518214911 10.0.1.1 9 typ host tcptype active ufrag 6uJK",
        "candidate:3 1 udp 7 host.local 9 typ relay raddr 10.0.0.1 rport 1 ufrag abcd",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        hf_ice_candidate c;
        char text[HF_ICE_CANDIDATE_TEXT_SIZE];
        cr_assert_eq(parse(lines[i], &c), HF_OK, "%s", lines[i]);
        cr_expect_eq(hf_ice_candidate_write(&c, text), strlen(lines[i]));
        cr_expect_str_eq(text, lines[i]);
    }
}

Test(candidate, of_a_malformed_line_is_refused)
{
    static const struct {
        const char *text;
        hf_err err;
        const char *why;
    } lines[] = {
        {"", HF_ESYNTAX, "nothing"},
        {"candidate:", HF_ESYNTAX, "the end of candidates is none"},
        {"candidate: 1 1 udp 1 10.0.0.1 9 typ host", HF_ESYNTAX, "no foundation"},
        {"candidate:1", HF_ESYNTAX, "cut short"},
        {"candidate:1 1 udp 1 10.0.0.1 9", HF_ESYNTAX, "no type"},
        {"candidate:1 1 udp 1 10.0.0.1 9 typ", HF_ESYNTAX, "no type behind typ"},
        {"candidate:1 1 udp 1 10.0.0.1 9 host", HF_ESYNTAX, "typ is missing"},
        {"candidate:1 0 udp 1 10.0.0.1 9 typ host", HF_ESYNTAX, "component 0"},
        {"candidate:1 257 udp 1 10.0.0.1 9 typ host", HF_ESYNTAX, "component above 256"},
        {"candidate:1 1 udp 4294967296 10.0.0.1 9 typ host", HF_ESYNTAX, "priority above 32 bits"},
        {"candidate:1 1 udp -1 10.0.0.1 9 typ host", HF_ESYNTAX, "a sign"},
        {"candidate:1 1 udp 1 10.0.0.1 65536 typ host", HF_ESYNTAX, "port above 16 bits"},
        {"candidate:1 1 udp 1 10.0.0.1 x typ host", HF_ESYNTAX, "port is not a number"},
        {"candidate:1 1 udp 1 10.0.0.1:9 9 typ host", HF_ESYNTAX, "two ports"},
        {"candidate:1 1 udp 1 [2001:db8::1] 9 typ host", HF_ESYNTAX, "brackets"},
        {"candidate:1 1 udp 1 2001:db8::g 9 typ host", HF_ESYNTAX, "neither address nor name"},
        {"candidate:1 1 udp 1 a$b 9 typ host", HF_ESYNTAX, "letters that no name has"},
        {"candidate:1! 1 udp 1 10.0.0.1 9 typ host", HF_ESYNTAX, "foundation is not of ice-chars"},
        {"candidate:123456789012345678901234567890123 1 udp 1 10.0.0.1 9 typ host", HF_ESYNTAX, "foundation of 33"},
        {"candidate:1 1 udp 1 10.0.0.1 9 typ host generation", HF_ESYNTAX, "an extension without its value"},
        {"candidate:1 1 udp 1 10.0.0.1 9 typ srflx raddr 10.0.0.1 rport x", HF_ESYNTAX, "rport is not a number"},
        {"candidate:1 1 udp 1 10.0.0.1 9 typ host ufrag a:b", HF_ESYNTAX, "ufrag is not of ice-chars"},
        {"candidate:1 1 udp 1 10.0.0.1 9 typ host tcptype active", HF_ESYNTAX, "tcptype with UDP"},
        {"candidate:1 1 tcp 1 10.0.0.1 9 typ host", HF_ESYNTAX, "TCP without tcptype"},
        {"candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype fast", HF_ESYNTAX, "unknown tcptype"},
        {"candidate:1 1 udp 1 10.0.0.1 9 typ host\nx y", HF_ESYNTAX, "a line end inside"},
        {"1 1 udp 1 10.0.0.1 9 typ host", HF_ESYNTAX, "not marked as candidate"},
        {"candidate:1 1 sctp 1 10.0.0.1 9 typ host", HF_ENOTSUP, "unknown transport"},
        {"candidate:1 1 udp 1 10.0.0.1 9 typ moon", HF_ENOTSUP, "unknown type"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        hf_ice_candidate c;
        cr_expect_eq(parse(lines[i].text, &c), lines[i].err, "%s", lines[i].why);
    }
}

Test(candidate, may_end_with_its_line)
{
    hf_ice_candidate c;
    cr_expect_eq(parse("a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n", &c), HF_OK);
}

/* Each line of the browsers' is read; Firefox's empty last one is none. */
Test(candidate, of_browsers_is_read)
{
    hf_bytes file = corpus_read_file("sdp/candidates.txt");
    const char *at = (const char *)file.data;
    size_t read = 0, tcp = 0, names = 0;
    while ((at = strstr(at, "{\"candidate\":\""))) {
        at += strlen("{\"candidate\":\"");
        size_t len = strcspn(at, "\"");
        hf_ice_candidate c;
        hf_err err = hf_ice_candidate_parse(at, len, &c);
        cr_assert_eq(err, len > 0 ? HF_OK : HF_ESYNTAX, "%.*s", (int)len, at);
        if (err)
            continue;
        read++;
        tcp += c.tcp_type == HF_ICE_TCP_ACTIVE;
        names += c.name[0] != '\0';
    }
    cr_expect_eq(read, 32);
    cr_expect_eq(tcp, 14);
    cr_expect_eq(names, 14);
    corpus_free(file);
}

Test(candidate, priority_is_that_of_the_rfc)
{
    cr_expect_eq(hf_ice_priority(HF_ICE_HOST, HF_ICE_TCP_NONE, 65535), 2130706431u); /* RFC 8839 §5.1's example */
    cr_expect_eq(hf_ice_priority(HF_ICE_SERVER_REFLEXIVE, HF_ICE_TCP_NONE, 65535), 1694498815u);
    cr_expect_gt(hf_ice_priority(HF_ICE_PEER_REFLEXIVE, HF_ICE_TCP_NONE, 0),
                 hf_ice_priority(HF_ICE_SERVER_REFLEXIVE, HF_ICE_TCP_NONE, 65535));
}

static hf_ice_candidate local_at(net *n, const char *addr)
{
    hf_ice_candidate c;
    hf_addr wanted = net_addr(addr);
    for (size_t i = 0; hf_ice_local_candidate(n->a.ice, i, &c); i++) {
        if (hf_addr_equal(&c.addr, &wanted))
            return c;
    }
    cr_assert_fail("no %s", addr);
    return c;
}

Test(candidate, families_take_turns_and_what_is_near_comes_last)
{
    static const char *const order[] = {"[fd00::1]:1", "10.0.0.1:1", "[fd00::2]:1", "10.0.0.2:1", "127.0.0.1:1"};
    net n;
    net_init(&n, 1);
    hf_local locals[5];
    const char *const given[] = {"127.0.0.1:1", "10.0.0.1:1", "10.0.0.2:1", "[fd00::1]:1", "[fd00::2]:1"};
    for (size_t i = 0; i < 5; i++)
        locals[i] = (hf_local){.addr = net_addr(given[i])};
    net_start(&n, NULL, NULL);
    hf_ice_reply(n.a.ice, n.now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 5});
    for (size_t i = 0; i + 1 < 5; i++)
        cr_expect_gt(local_at(&n, order[i]).priority, local_at(&n, order[i + 1]).priority, "%s", order[i]);
    net_clear(&n);
}

Test(candidate, that_the_driver_prefers_comes_first)
{
    net n;
    net_init(&n, 1);
    net_start(&n, NULL, NULL);
    hf_local locals[] = {{.addr = net_addr("[fd00::1]:1")}, {.addr = net_addr("10.0.0.9:1"), .preference = 5}};
    hf_ice_reply(n.a.ice, n.now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 2});
    cr_expect_gt(local_at(&n, "10.0.0.9:1").priority, local_at(&n, "[fd00::1]:1").priority);
    net_clear(&n);
}

/* RFC 8445 §5.1.1.3: one foundation for one type, base IP and server. */
Test(candidate, foundations_go_by_address)
{
    net n;
    net_init(&n, 1);
    net_start(&n, NULL, NULL);
    hf_local locals[] = {
        {.addr = net_addr("10.0.0.9:1")}, {.addr = net_addr("10.0.0.9:2")}, {.addr = net_addr("10.0.0.8:1")}};
    hf_ice_reply(n.a.ice, n.now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 3});
    cr_expect_str_eq(local_at(&n, "10.0.0.9:1").foundation, local_at(&n, "10.0.0.9:2").foundation);
    cr_expect_str_neq(local_at(&n, "10.0.0.9:1").foundation, local_at(&n, "10.0.0.8:1").foundation);
    net_clear(&n);
}
