/* stream.c: TCP candidates, their streams, and what these bring (RFC 6544). */
#include "net.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const hf_ice_config listening = {.tcp = HF_ICE_TCP_LISTEN};

/* --- Candidates and pairs --------------------------------------------------------------------------------------- */

static size_t local_texts(solo *s, char texts[8][HF_ICE_CANDIDATE_TEXT_SIZE])
{
    hf_ice_candidate c;
    size_t n = 0;
    for (; n < 8 && hf_ice_local_candidate(s->ice, n, &c); n++) {
        c.ufrag[0] = '\0';
        hf_ice_candidate_write(&c, texts[n]);
    }
    return n;
}

Test(stream, candidates_are_those_that_the_configuration_asks_for)
{
    static const char *const udp = "candidate:1 1 udp 2122383103 10.0.0.1 5000 typ host";
    static const struct {
        hf_ice_config config;
        const char *texts[4];
    } table[] = {
        {{.tcp = HF_ICE_TCP_OFF}, {udp}},
        {{.tcp = HF_ICE_TCP_DEFAULT}, {udp, "candidate:2 1 tcp 1523646207 10.0.0.1 9 typ host tcptype active"}},
        {{.tcp = HF_ICE_TCP_LISTEN},
         {udp, "candidate:2 1 tcp 1519451903 10.0.0.1 7000 typ host tcptype passive",
          "candidate:2 1 tcp 1523646207 10.0.0.1 9 typ host tcptype active"}},
        {{.tcp = HF_ICE_TCP_LISTEN, .no_udp = true},
         {"candidate:1 1 tcp 1519451903 10.0.0.1 7000 typ host tcptype passive",
          "candidate:1 1 tcp 1523646207 10.0.0.1 9 typ host tcptype active"}},
        {{.tcp = HF_ICE_TCP_OFF, .no_udp = true}, {NULL}},
    };
    for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
        char texts[8][HF_ICE_CANDIDATE_TEXT_SIZE];
        solo s;
        solo_init(&s, &table[t].config);
        size_t n = local_texts(&s, texts);
        for (size_t i = 0; i < 4; i++) {
            cr_expect_eq(i < n, table[t].texts[i] != NULL, "row %zu, candidate %zu", t, i);
            if (i < n && table[t].texts[i])
                cr_expect_str_eq(texts[i], table[t].texts[i], "row %zu", t);
        }
        solo_clear(&s);
    }
}

Test(stream, candidates_leave_room_for_others)
{
    hf_local locals[2 * 32];
    hf_ice_candidate c;
    size_t udp = 0, tcp = 0;
    solo s;
    solo_init(&s, &listening);
    for (size_t i = 0; i < 64; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.1.%zu:%d", i % 32, i < 32 ? 5000 : 7000);
        locals[i] = (hf_local){.addr = net_addr(text), .transport = i < 32 ? HF_UDP : HF_TCP};
    }
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 64});
    for (size_t i = 0; hf_ice_local_candidate(s.ice, i, &c); i++) {
        udp += c.tcp_type == HF_ICE_TCP_NONE;
        tcp += c.tcp_type != HF_ICE_TCP_NONE;
    }
    cr_expect_eq(udp, 32);
    cr_expect_eq(tcp, HF_ICE_TCP_CANDIDATES_MAX);
    solo_clear(&s);
}

static size_t count_connects(solo *s, hf_request *last)
{
    hf_request request;
    size_t n = 0;
    while (hf_ice_poll_request(s->ice, &request)) {
        if (request.type == HF_REQUEST_CONNECT)
            *last = request;
        n += request.type == HF_REQUEST_CONNECT;
    }
    return n;
}

/* Lets `span` pass, sending nothing anywhere; returns how many streams were asked for. */
static size_t connects_within(solo *s, hf_span span, hf_request *last)
{
    size_t n = 0;
    hf_stun_message m;
    for (hf_time end = s->now + span; s->now < end;) {
        solo_wait(s, HF_MS(5));
        while (solo_take(s, &m))
            ;
        n += count_connects(s, last);
    }
    return n;
}

/* RFC 6544 §6.2. */
Test(stream, pairs_are_of_an_active_and_a_passive_end)
{
    static const struct {
        const char *theirs;
        bool connects;
        const char *why;
    } table[] = {
        {"candidate:1 1 tcp 5 10.0.0.2 6000 typ host tcptype passive", true, "we go to theirs"},
        {"candidate:1 1 tcp 5 10.0.0.2 443 typ host tcptype passive", true, "a port for it"},
        {"candidate:1 1 tcp 5 10.0.0.2 9 typ host tcptype active", false, "nobody listens there"},
        {"candidate:1 1 tcp 5 fd00::2 6000 typ host tcptype passive", false, "another family"},
        {"candidate:1 1 tcp 5 127.0.0.1 6000 typ host tcptype passive", false, "loopback is not reached from elsewhere"},
        {"candidate:1 1 udp 5 10.0.0.2 6000 typ host", false, "another transport"},
    };
    for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
        hf_request request = {0};
        hf_addr from = net_addr("10.0.0.1"), to = net_addr("10.0.0.2");
        solo s;
        solo_init(&s, &listening);
        solo_set_remote(&s);
        solo_add(&s, table[t].theirs);
        cr_expect_eq(connects_within(&s, HF_MS(500), &request), table[t].connects, "%s", table[t].why);
        if (table[t].connects) {
            cr_expect_eq(request.path.transport, HF_TCP);
            cr_expect(hf_addr_equal(&request.path.local, &from), "any port of ours");
            cr_expect(hf_addr_equal_ip(&request.path.remote, &to));
        }
        solo_clear(&s);
    }
}

Test(stream, ports_of_one_address_are_not_scanned)
{
    hf_ice_candidate c;
    hf_request request;
    hf_ice_stats stats;
    solo s;
    solo_init(&s, &listening);
    solo_set_remote(&s);
    for (int port = 5000; port < 5020; port++) {
        char text[100];
        int len = snprintf(text, sizeof text, "candidate:%d 1 tcp 5 192.0.2.1 %d typ host tcptype passive", port, port);
        cr_assert_eq(hf_ice_candidate_parse(text, (size_t)len, &c), HF_OK);
        hf_err expected = port < 5000 + HF_ICE_TCP_PORTS_MAX ? HF_OK : HF_ELIMIT;
        cr_expect_eq(hf_ice_add_remote_candidate(s.ice, s.now, &c, NULL), expected, "%s", text);
    }
    cr_expect_eq(connects_within(&s, HF_SECONDS(14), &request), HF_ICE_TCP_PORTS_MAX);
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(stats.remote_candidates_ignored, 20 - HF_ICE_TCP_PORTS_MAX);
    solo_clear(&s);
}

Test(stream, attempts_are_paced_and_bounded_in_number)
{
    hf_request request;
    solo s;
    solo_init(&s, &listening);
    solo_set_remote(&s);
    for (int i = 0; i < 90; i++) {
        char text[100];
        snprintf(text, sizeof text, "candidate:%d 1 tcp 9 192.0.2.%d 5000 typ host tcptype passive", i, i + 1);
        solo_add(&s, text);
    }
    size_t first = connects_within(&s, HF_MS(1000), &request);
    cr_expect_geq(first, 19);
    cr_expect_leq(first, 21, "one each 50 ms");
    cr_expect_eq(first + connects_within(&s, HF_SECONDS(8), &request), HF_ICE_STREAMS_MAX, "and no more at once");
    solo_clear(&s);
}

/* --- One that we open ------------------------------------------------------------------------------------------- */

typedef struct opened {
    solo s;
    hf_request request;
    hf_path path;
} opened;

static void open_one(opened *o)
{
    solo_init(&o->s, &(hf_ice_config){.controlling = true});
    solo_set_remote(&o->s);
    solo_add(&o->s, "candidate:1 1 tcp 5 10.0.0.2 6000 typ host tcptype passive");
    cr_assert_eq(connects_within(&o->s, HF_MS(100), &o->request), 1);
    o->path = o->request.path;
    o->path.local.port = 40000;
}

static void answer_connect(opened *o, hf_err err)
{
    hf_reply reply = {.type = HF_REPLY_CONNECTED, .id = o->request.id, .err = err, .path = o->path};
    hf_ice_reply(o->s.ice, o->s.now, &reply);
}

static hf_ice_pair_state state_of_pair(const solo *s)
{
    hf_ice_pair_info info;
    cr_assert(hf_ice_get_pair(s->ice, 0, &info));
    return info.state;
}

static bool asks_to_close(solo *s, const hf_path *path)
{
    hf_request request;
    while (hf_ice_poll_request(s->ice, &request)) {
        if (request.type == HF_REQUEST_DISCONNECT && hf_addr_equal(&request.path.remote, &path->remote))
            return true;
    }
    return false;
}

/* RFC 6544 §7.1. */
Test(stream, carries_a_check_as_soon_as_it_is_open_and_only_once)
{
    hf_stun_message m;
    opened o;
    open_one(&o);
    cr_expect_not(solo_take(&o.s, &m), "there is no stream yet");
    answer_connect(&o, HF_OK);
    cr_assert(solo_take_class(&o.s, HF_STUN_REQUEST, &m));
    cr_expect(hf_ice_path_equal(&o.s.sent.path, &o.path));
    cr_expect_eq(o.s.buffer[0] << 8 | o.s.buffer[1], (int)o.s.sent.len - 2, "its length stands before it");
    hf_time sent_at = o.s.now;
    while (state_of_pair(&o.s) == HF_ICE_PAIR_IN_PROGRESS) {
        solo_wait(&o.s, HF_MS(100));
        cr_assert_not(solo_take(&o.s, &m), "TCP repeats it");
    }
    cr_expect_geq(o.s.now - sent_at, HF_SECONDS(10));
    cr_expect_leq(o.s.now - sent_at, HF_SECONDS(11));
    cr_expect_eq(state_of_pair(&o.s), HF_ICE_PAIR_FAILED);
    cr_expect(asks_to_close(&o.s, &o.path));
    solo_clear(&o.s);
}

Test(stream, that_works_makes_a_route_of_its_pair)
{
    static const struct {
        const char *mapped;
        hf_ice_candidate_type type;
        const char *why;
    } table[] = {
        {"10.0.0.1:40000", HF_ICE_HOST, "seen as it is"},
        {"203.0.113.9:61234", HF_ICE_PEER_REFLEXIVE, "behind a NAT"},
    };
    for (size_t t = 0; t < 2; t++) {
        hf_stun_message m;
        hf_ice_route route;
        opened o;
        open_one(&o);
        answer_connect(&o, HF_OK);
        cr_assert(solo_take_class(&o.s, HF_STUN_REQUEST, &m));
        solo_answer(&o.s, &m, table[t].mapped);
        cr_assert(hf_ice_get_route(o.s.ice, &route), "%s", table[t].why);
        cr_expect(hf_ice_path_equal(&route.path, &o.path));
        cr_expect_eq(route.local_type, table[t].type, "%s", table[t].why);
        cr_expect_eq(route.wrap.before, 2);
        solo_clear(&o.s);
    }
}

Test(stream, that_can_not_be_opened_fails_its_pair)
{
    opened o;
    open_one(&o);
    answer_connect(&o, HF_EUNREACHABLE);
    cr_expect_eq(state_of_pair(&o.s), HF_ICE_PAIR_FAILED);
    cr_expect_not(asks_to_close(&o.s, &o.path), "the driver has none");
    hf_ice_end_of_remote_candidates(o.s.ice, o.s.now);
    cr_expect_eq(hf_ice_get_state(o.s.ice), HF_ICE_FAILED, "nothing else can come");
    solo_clear(&o.s);
}

/* RFC 6544 §10.1. Whoever accepts streams only to break them does not keep us busy for ever. */
Test(stream, that_breaks_before_an_answer_is_opened_again_some_times)
{
    opened o;
    open_one(&o);
    hf_ice_end_of_remote_candidates(o.s.ice, o.s.now);
    for (int i = 0; i < 4; i++) {
        bool is_last = i == 3;
        answer_connect(&o, HF_OK);
        hf_stun_message m;
        cr_assert(solo_take_class(&o.s, HF_STUN_REQUEST, &m));
        hf_ice_reply(o.s.ice, o.s.now, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = o.path});
        cr_expect_eq(state_of_pair(&o.s), is_last ? HF_ICE_PAIR_FAILED : HF_ICE_PAIR_WAITING, "time %d", i);
        cr_expect_eq(hf_ice_get_state(o.s.ice), is_last ? HF_ICE_FAILED : HF_ICE_CHECKING, "time %d", i);
        cr_assert_eq(connects_within(&o.s, HF_MS(200), &o.request), is_last ? 0 : 1, "time %d", i);
        o.path.local.port++;
    }
    solo_clear(&o.s);
}

Test(stream, that_takes_too_long_to_open_is_given_up)
{
    opened o;
    open_one(&o);
    solo_wait(&o.s, HF_MS(9800));
    cr_expect_eq(state_of_pair(&o.s), HF_ICE_PAIR_IN_PROGRESS);
    solo_wait(&o.s, HF_MS(300));
    cr_expect_eq(state_of_pair(&o.s), HF_ICE_PAIR_FAILED);
    cr_expect(asks_to_close(&o.s, &o.path));
    answer_connect(&o, HF_OK); /* too late */
    cr_expect_eq(state_of_pair(&o.s), HF_ICE_PAIR_FAILED);
    solo_clear(&o.s);
}

/* What the remote end says first, and what becomes of the stream. */
Test(stream, whose_other_end_is_not_our_remote_is_closed)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool is_closed;
        const char *why;
    } table[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, true, "a length that no frame has"},
        {"\0\5\x17hello", 7, true, "data before any check (RFC 6544 §7.1)"},
        {"\0\5hello", 7, true, "nothing that passes between peers"},
        {"\0\0\0\0", 4, false, "two empty frames"},
        {"\0\24\0\1\0\0", 6, false, "the beginning of something"},
        {"\0\4\1\1\0\0", 6, false, "STUN that is broken: another may follow"},
    };
    for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
        hf_stun_message m;
        opened o;
        open_one(&o);
        answer_connect(&o, HF_OK);
        cr_assert(solo_take_class(&o.s, HF_STUN_REQUEST, &m));
        uint8_t bytes[64];
        memcpy(bytes, table[t].bytes, table[t].len);
        hf_datagram d = {.path = o.path, .data = bytes, .len = table[t].len};
        cr_expect_eq(hf_ice_input(o.s.ice, o.s.now, &d, 1), 0);
        cr_expect_eq(asks_to_close(&o.s, &o.path), table[t].is_closed, "%s", table[t].why);
        cr_expect_eq(state_of_pair(&o.s) == HF_ICE_PAIR_FAILED, table[t].is_closed, "%s", table[t].why);
        solo_clear(&o.s);
    }
}

/* --- One that was accepted -------------------------------------------------------------------------------------- */

static hf_path accepted_path(const char *from)
{
    return (hf_path){.transport = HF_TCP, .local = net_addr("10.0.0.1:7000"), .remote = net_addr(from)};
}

static hf_path accept_one(solo *s, const char *from)
{
    hf_path path = accepted_path(from);
    hf_ice_reply(s->ice, s->now, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = path});
    return path;
}

static void check_in(solo *s, const hf_path *path, const solo_check *c)
{
    uint8_t buffer[SOLO_CHECK_SIZE];
    size_t len = solo_write_check(s, c, buffer);
    cr_assert_eq(solo_input(s, path, buffer, len), 0);
}

static bool give_data(solo *s, const hf_path *path)
{
    hf_datagram out;
    cr_assert_eq(solo_input(s, path, "\x17payload", 8), 0, "what it is comes from poll_datagram");
    if (!hf_ice_poll_datagram(s->ice, s->now, &out))
        return false;
    cr_assert_eq(out.len, 8);
    cr_assert_eq(memcmp(out.data, "\x17payload", 8), 0);
    cr_assert(hf_ice_path_equal(&out.path, path));
    return true;
}

Test(stream, that_was_accepted_becomes_a_pair_with_its_first_valid_check)
{
    hf_stun_message m;
    hf_ice_route route;
    hf_ice_pair_info pair;
    solo s;
    solo_init(&s, &listening);
    solo_set_remote(&s);
    hf_path path = accept_one(&s, "10.0.0.2:50000");
    cr_expect_not(hf_ice_get_pair(s.ice, 0, &pair));
    check_in(&s, &path, &(solo_check){.is_controlling = true, .use_candidate = true});
    cr_assert(solo_take_class(&s, HF_STUN_SUCCESS, &m));
    cr_expect(hf_ice_path_equal(&s.sent.path, &path));
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m), "a check of ours on the same stream (RFC 8445 §7.3.1.4)");
    cr_expect(hf_ice_path_equal(&s.sent.path, &path));
    solo_answer(&s, &m, "10.0.0.1:7000");
    cr_assert(hf_ice_get_route(s.ice, &route));
    cr_expect(route.nominated);
    cr_assert(hf_ice_get_pair(s.ice, 0, &pair));
    cr_expect_eq(pair.local.tcp_type, HF_ICE_TCP_PASSIVE);
    cr_expect_eq(pair.remote.tcp_type, HF_ICE_TCP_ACTIVE);
    cr_expect_eq(pair.remote.type, HF_ICE_PEER_REFLEXIVE);
    cr_expect(give_data(&s, &path));
    solo_clear(&s);
}

Test(stream, that_was_accepted_before_the_credentials_is_taken_up_when_they_come)
{
    hf_stun_message m;
    hf_ice_route route;
    solo s;
    solo_init(&s, &listening);
    hf_path path = accept_one(&s, "10.0.0.2:50000");
    check_in(&s, &path, &(solo_check){.is_controlling = true});
    cr_assert(solo_take_class(&s, HF_STUN_SUCCESS, &m));
    cr_expect(give_data(&s, &path), "it has shown that our password is known to it");
    solo_wait(&s, HF_SECONDS(20));
    cr_expect_not(asks_to_close(&s, &path), "signalling may take its time");
    solo_set_remote(&s);
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, "10.0.0.1:7000");
    cr_assert(hf_ice_get_route(s.ice, &route));
    cr_expect(hf_ice_path_equal(&route.path, &path));
    solo_clear(&s);
}

Test(stream, that_was_accepted_and_shows_no_password_is_closed)
{
    static const struct {
        solo_check check;
        bool checks;
        const char *why;
    } table[] = {
        {{0}, false, "nothing came"},
        {{.pwd = "not the password, is it"}, true, "a wrong password"},
        {{.user = "some:body"}, true, "a wrong name"},
        {{.pwd = ""}, true, "no integrity"},
    };
    for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
        hf_ice_pair_info pair;
        solo s;
        solo_init(&s, &listening);
        solo_set_remote(&s);
        hf_path path = accept_one(&s, "10.0.0.2:50000");
        if (table[t].checks)
            check_in(&s, &path, &table[t].check);
        solo_wait(&s, HF_MS(9900));
        cr_expect_not(asks_to_close(&s, &path), "%s", table[t].why);
        solo_wait(&s, HF_MS(200));
        cr_expect(asks_to_close(&s, &path), "%s", table[t].why);
        cr_expect_not(hf_ice_get_pair(s.ice, 0, &pair), "%s", table[t].why);
        solo_clear(&s);
    }
}

Test(stream, nobody_can_fill_the_list)
{
    size_t refused = 0;
    solo s;
    solo_init(&s, &listening);
    solo_set_remote(&s);
    for (int i = 0; i < 200; i++) {
        char from[32];
        snprintf(from, sizeof from, "10.0.0.%d:%d", 2 + i / 100, 50000 + i);
        hf_path path = accept_one(&s, from);
        refused += asks_to_close(&s, &path);
    }
    cr_expect_eq(refused, 200 - 8, "four of each address wait to show who they are");
    hf_path ours = accept_one(&s, "10.0.0.9:50000");
    cr_expect(asks_to_close(&s, &ours));
    solo_wait(&s, HF_SECONDS(11));
    hf_request request;
    while (hf_ice_poll_request(s.ice, &request))
        ;
    ours = accept_one(&s, "10.0.0.9:50001");
    cr_expect_not(asks_to_close(&s, &ours), "and make room after ten seconds");
    solo_clear(&s);
}

/* Otherwise one of them could fill the list of those to be closed, and the rest would stay open. */
Test(stream, that_is_refused_is_so_once_however_much_it_brings)
{
    solo s;
    solo_init(&s, &(hf_ice_config){0});
    hf_path first = accept_one(&s, "10.0.0.2:50000");
    for (int i = 0; i < 3 * HF_ICE_STREAMS_MAX; i++)
        cr_expect_not(give_data(&s, &first));
    hf_path second = accept_one(&s, "10.0.0.2:50001"), closed = accept_one(&s, "10.0.0.2:50002");
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = closed});
    hf_request request;
    cr_assert(hf_ice_poll_request(s.ice, &request) && hf_ice_path_equal(&request.path, &first));
    cr_assert(hf_ice_poll_request(s.ice, &request) && hf_ice_path_equal(&request.path, &second));
    cr_expect_not(hf_ice_poll_request(s.ice, &request), "what has ended by itself is not asked for");
    solo_clear(&s);
}

Test(stream, that_nobody_should_have_accepted_is_closed)
{
    static const struct {
        hf_ice_config config;
        const char *local, *remote;
        const char *why;
    } table[] = {
        {{0}, "10.0.0.1:7000", "10.0.0.2:50000", "we do not listen"},
        {{.tcp = HF_ICE_TCP_OFF}, "10.0.0.1:7000", "10.0.0.2:50000", "there is no TCP at all"},
        {{.tcp = HF_ICE_TCP_LISTEN}, "10.0.0.1:7001", "10.0.0.2:50000", "no socket of ours"},
        {{.tcp = HF_ICE_TCP_LISTEN}, "10.0.0.1:7000", "224.0.0.1:50000", "from an address that nobody has"},
    };
    for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
        solo s;
        solo_init(&s, &table[t].config);
        hf_path path = {.transport = HF_TCP, .local = net_addr(table[t].local), .remote = net_addr(table[t].remote)};
        hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = path});
        cr_expect(asks_to_close(&s, &path), "%s", table[t].why);
        cr_expect_not(give_data(&s, &path), "%s", table[t].why);
        cr_expect(asks_to_close(&s, &path), "again, for it still brings bytes: %s", table[t].why);
        solo_clear(&s);
    }
}

Test(stream, of_the_remote_that_is_not_used_is_closed_when_nothing_comes)
{
    hf_stun_message m;
    solo s;
    solo_init(&s, &listening);
    solo_set_remote(&s);
    hf_path used = accept_one(&s, "10.0.0.2:50000"), spare = accept_one(&s, "10.0.0.3:50000");
    check_in(&s, &used, &(solo_check){.is_controlling = true, .use_candidate = true});
    cr_assert(solo_take_class(&s, HF_STUN_REQUEST, &m));
    solo_answer(&s, &m, "10.0.0.1:7000");
    check_in(&s, &spare, &(solo_check){.is_controlling = true});
    for (int i = 0; i < 20; i++) {
        solo_wait(&s, HF_SECONDS(3));
        while (solo_take(&s, &m)) {
            if (m.class_ == HF_STUN_REQUEST && (i == 0 || hf_ice_path_equal(&s.sent.path, &used)))
                solo_answer(&s, &m, "10.0.0.1:7000");
        }
        if (i == 9)
            cr_expect_not(asks_to_close(&s, &spare), "Chromium keeps one in reserve");
    }
    hf_ice_route route;
    cr_assert(hf_ice_get_route(s.ice, &route));
    cr_expect(hf_ice_path_equal(&route.path, &used));
    cr_expect(asks_to_close(&s, &spare));
    solo_clear(&s);
}

/* --- What it brings --------------------------------------------------------------------------------------------- */

static hf_path valid_stream(solo *s)
{
    solo_init(s, &listening);
    solo_set_remote(s);
    hf_path path = accept_one(s, "10.0.0.2:50000");
    check_in(s, &path, &(solo_check){.is_controlling = true});
    return path;
}

Test(stream, that_is_authenticated_survives_what_it_should_not_bring)
{
    static uint8_t long_one[HF_DATAGRAM_MAX + 1] = {23};
    hf_ice_stats stats;
    solo s;
    hf_path path = valid_stream(&s);
    cr_expect_eq(solo_input(&s, &path, "xyz", 3), 0); /* between the ranges of RFC 7983 */
    cr_expect_eq(solo_input(&s, &path, "", 0), 0);
    uint8_t header[2] = {(HF_DATAGRAM_MAX + 1) >> 8, (HF_DATAGRAM_MAX + 1) & 0xFF};
    hf_datagram pieces[] = {{.path = path, .data = header, .len = 2},
                            {.path = path, .data = long_one, .len = HF_DATAGRAM_MAX},
                            {.path = path, .data = long_one, .len = 1}};
    cr_expect_eq(hf_ice_input(s.ice, s.now, pieces, 3), 0);
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_FRAME], 1);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_STUN_MALFORMED], 1);
    cr_expect(give_data(&s, &path), "behind it all");
    cr_expect_not(asks_to_close(&s, &path));
    solo_clear(&s);
}

Test(stream, data_that_nobody_fetches_is_kept_up_to_a_limit)
{
    static uint8_t data[1200] = {23};
    hf_ice_stats stats;
    hf_datagram out;
    solo s;
    size_t kept = 0;
    hf_path path = valid_stream(&s);
    for (int i = 0; i < 1000; i++)
        cr_expect_eq(solo_input(&s, &path, data, sizeof data), 0);
    while (hf_ice_poll_datagram(s.ice, s.now, &out))
        kept++;
    hf_ice_get_stats(s.ice, &stats);
    cr_expect_eq(kept + stats.drops.by_cause[HF_DROP_FRAME], 1000);
    cr_expect_geq(kept, 128 * 1024 / sizeof data, "all that one call of input may bring");
    cr_expect_leq(kept * sizeof data, HF_ICE_ARRIVED_MAX);
    cr_expect(give_data(&s, &path));
    solo_clear(&s);
}

Test(stream, that_has_ended_brings_nothing_more)
{
    solo s;
    hf_path path = valid_stream(&s);
    hf_ice_reply(s.ice, s.now, &(hf_reply){.type = HF_REPLY_DISCONNECTED, .path = path});
    cr_expect_eq(state_of_pair(&s), HF_ICE_PAIR_FAILED);
    cr_expect_not(asks_to_close(&s, &path), "the driver knows");
    cr_expect_not(give_data(&s, &path));
    path = accept_one(&s, "10.0.0.2:50000"); /* the same port again */
    check_in(&s, &path, &(solo_check){.is_controlling = true});
    cr_expect(give_data(&s, &path));
    solo_clear(&s);
}
