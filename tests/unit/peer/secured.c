/* secured.c: TLS in the streams of an ICE agent. The agent above is a script, the server below mbedTLS, the driver is the
 * test. */
#include <secured.h>

#include <env.h>
#include <tls_server.h>

#include <criterion/criterion.h>
#include <string.h>

#define HOST "turn.example.org"
#define ID 1234u
#define NOTES_MAX 64

static test_env t;
static tls_card authority, card;
static hf_trust *trust;
static tls_server server;
static hf_secured secured;
static hf_time now;
static uint8_t buffer[64 << 10];

/* --- The agent: what it asks for, and what it was told --- */

static struct {
    hf_request asks[NOTES_MAX];
    size_t asks_len, asked;
    hf_reply told[NOTES_MAX];
    size_t told_len;
} agent;

bool hf_ice_poll_request(hf_ice *ice, hf_request *out)
{
    (void)ice;
    if (agent.asked == agent.asks_len)
        return false;
    *out = agent.asks[agent.asked++];
    return true;
}

void hf_ice_reply(hf_ice *ice, hf_time at, const hf_reply *reply)
{
    (void)ice;
    (void)at;
    cr_assert_lt(agent.told_len, NOTES_MAX);
    agent.told[agent.told_len++] = *reply;
}

static void ask(hf_request request)
{
    cr_assert_lt(agent.asks_len, NOTES_MAX);
    agent.asks[agent.asks_len++] = request;
}

static hf_path path_to(const char *remote)
{
    hf_path path = {.transport = HF_TCP};
    cr_assert(hf_addr_parse("192.0.2.10", 10, &path.local));
    cr_assert(hf_addr_parse(remote, strlen(remote), &path.remote));
    return path;
}

static void ask_to_connect(const char *host)
{
    ask((hf_request){.type = HF_REQUEST_CONNECT, .id = ID, .tls = true, .name = host, .path = path_to("198.51.100.1:5349")});
}

/* The newest that it was told; its type 0: nothing since. */
static hf_reply news(void)
{
    static size_t seen;
    if (agent.told_len < seen)
        seen = 0;
    hf_reply none = {0};
    if (agent.told_len == seen)
        return none;
    cr_assert_eq(agent.told_len, seen + 1, "told once");
    return agent.told[seen++];
}

static const char *told_why;

static void expect_news(hf_reply_type type, hf_err err, const char *why)
{
    hf_reply reply = news();
    cr_expect_eq(reply.type, type, "%s: %d", why, reply.type);
    cr_expect_eq(reply.err, err, "%s: %d", why, reply.err);
    if (type == HF_REPLY_CONNECTED)
        cr_expect_eq(reply.id, ID, "%s", why);
    told_why = reply.why;
}

static void expect_silence(const char *why)
{
    hf_reply reply = news();
    cr_expect_eq(reply.type, 0, "%s", why);
}

/* --- The driver --- */

static void begin_with(const hf_trust *trusted)
{
    memset(&agent, 0, sizeof agent);
    (void)news();
    now = HF_SECONDS(1000);
    hf_secured_init(&secured, trusted, NULL, &t.env);
}

static void make(const tls_recipe *recipe)
{
    test_env_init(&t, 7);
    tls_card_make(&authority, &(tls_recipe){.subject = "authority", .is_authority = true}, NULL);
    tls_card_make(&card, recipe ? recipe : &(tls_recipe){.names = {HOST}}, &authority);
    cr_assert_eq(hf_trust_new(&trust, authority.pem, strlen(authority.pem), &t.env), HF_OK);
    tls_server_init(&server, (const tls_card *const[]){&card, NULL});
    begin_with(trust);
}

static void unmake(void)
{
    hf_secured_clear(&secured);
    hf_trust_free(trust);
    tls_server_clear(&server);
    tls_card_clear(&card);
    tls_card_clear(&authority);
    cr_expect_eq(t.blocks, 0, "%zu blocks leak", t.blocks);
}

/* What the driver is asked to do next; type 0: nothing. */
static hf_request request(void)
{
    hf_request out = {0};
    if (!hf_secured_poll_request(&secured, &out))
        out.type = 0;
    return out;
}

static hf_path open_path(void)
{
    hf_path path = path_to("198.51.100.1:5349");
    path.local.port = 40000;
    return path;
}

static void reply(hf_reply_type type, hf_err err)
{
    hf_reply is = {.type = type, .id = type == HF_REPLY_CONNECTED ? ID : 0, .err = err, .path = open_path()};
    hf_secured_reply(&secured, now, &is);
}

/* Carries bytes between the two until both are silent; what ICE would get is appended to `got`. */
static uint8_t got[256 << 10];
static size_t got_len;

static void carry(void)
{
    for (bool more = true; more;) {
        hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
        more = hf_secured_poll_transmit(&secured, &out);
        if (more) {
            cr_assert_eq(out.segment, out.len, "it is one piece");
            cr_assert_eq(out.path.local.port, open_path().local.port);
            tls_server_input(&server, out.buffer, out.len);
        }
        uint8_t piece[HF_DATAGRAM_MAX];
        for (size_t len; (len = tls_server_transmit(&server, piece, sizeof piece)) > 0; more = true) {
            hf_datagram bytes = {.path = open_path(), .data = piece, .len = len}, plain;
            hf_secured_input(&secured, now, &bytes);
            while (hf_secured_poll_input(&secured, now, &bytes.path, &plain)) {
                cr_assert_leq(plain.len, HF_DATAGRAM_MAX);
                memcpy(got + got_len, plain.data, plain.len);
                got_len += plain.len;
            }
        }
    }
}

static void connect_plainly(void)
{
    ask_to_connect(HOST);
    cr_assert_eq(request().type, HF_REQUEST_CONNECT);
    reply(HF_REPLY_CONNECTED, HF_OK);
}

static void open_stream(void)
{
    connect_plainly();
    carry();
    expect_news(HF_REPLY_CONNECTED, HF_OK, "open");
    cr_assert(server.is_open);
}

/* True: something is to be sent. */
static bool send_plain(const void *bytes, size_t len)
{
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer, .path = open_path(), .len = len, .segment = len};
    memcpy(buffer, bytes, len);
    bool sent = hf_secured_seal(&secured, &out);
    if (sent)
        tls_server_input(&server, out.buffer, out.len);
    return sent;
}

static void expect_at_server(const char *text)
{
    char read[64];
    size_t len = tls_server_read(&server, read, sizeof read);
    cr_expect_eq(len, strlen(text));
    cr_expect_arr_eq(read, text, len);
}

/* --- Opening --- */

Test(secured, tells_ice_of_a_stream_when_the_server_has_shown_who_it_is)
{
    make(NULL);
    ask_to_connect(HOST);
    hf_request plain = request();
    cr_expect_eq(plain.type, HF_REQUEST_CONNECT);
    cr_expect_eq(plain.id, ID);
    cr_expect_not(plain.tls, "the driver knows plain streams alone");
    cr_expect_null(plain.name);
    cr_expect_eq(request().type, 0);
    reply(HF_REPLY_CONNECTED, HF_OK);
    expect_silence("a stream is no server yet");
    carry();
    hf_reply told = news();
    cr_expect_eq(told.type, HF_REPLY_CONNECTED);
    cr_expect_eq(told.id, ID);
    cr_expect_eq(told.path.local.port, 40000, "the port that the stream got");
    cr_expect_str_eq(server.asked_for, HOST);
    cr_expect_eq(hf_secured_deadline(&secured), HF_NEVER);

    cr_expect(send_plain("allocate", 8));
    expect_at_server("allocate");
    cr_assert(tls_server_write(&server, "success", 7));
    carry();
    cr_expect_eq(got_len, 7);
    cr_expect_arr_eq(got, "success", 7);
    unmake();
}

Test(secured, carries_long_runs_both_ways)
{
    static uint8_t run[60000], back[60000];
    make(NULL);
    open_stream();
    for (size_t i = 0; i < sizeof run; i++)
        run[i] = (uint8_t)(i * 13 + i / 256);
    cr_expect(send_plain(run, sizeof run));
    carry();
    size_t len = 0;
    for (size_t n; (n = tls_server_read(&server, back + len, sizeof back - len)) > 0;)
        len += n;
    cr_expect_eq(len, sizeof run);
    cr_expect_arr_eq(back, run, sizeof run);

    cr_assert(tls_server_write(&server, run, sizeof run));
    carry();
    cr_expect_eq(got_len, sizeof run);
    cr_expect_arr_eq(got, run, sizeof run);
    unmake();
}

Test(secured, leaves_alone_what_is_not_its_own)
{
    make(NULL);
    open_stream();
    ask((hf_request){.type = HF_REQUEST_RESOLVE, .id = 1, .name = "x"});
    ask((hf_request){.type = HF_REQUEST_CONNECT, .id = 2, .path = path_to("198.51.100.2:443")});
    ask((hf_request){.type = HF_REQUEST_DISCONNECT, .id = 2, .path = path_to("198.51.100.2:443")});
    ask((hf_request){.type = HF_REQUEST_DISCONNECT, .path = path_to("198.51.100.1:5349")}); /* another local port */
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(request().type, agent.asks[i + 1].type);
    for (hf_reply_type type = HF_REPLY_LOCALS; type <= HF_REPLY_ROOM; type++) {
        hf_reply other = {.type = type, .id = 2, .path = path_to("198.51.100.2:443")};
        hf_secured_reply(&secured, now, &other);
        cr_expect_eq(news().type, type);
    }
    hf_path udp = open_path();
    udp.transport = HF_UDP;
    cr_expect_not(hf_secured_has(&secured, &udp));
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer, .path = udp, .len = 100, .segment = 10};
    cr_expect(hf_secured_seal(&secured, &out));
    cr_expect_eq(out.len, 100);
    cr_expect_eq(out.segment, 10);
    unmake();
}

/* --- What does not open --- */

/* The alert leaves before the stream is closed. */
static void expect_goodbye(const char *why)
{
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    if (hf_secured_poll_transmit(&secured, &out))
        tls_server_input(&server, out.buffer, out.len);
    cr_expect_leq(hf_secured_deadline(&secured), now, "%s", why);
    hf_request last = request();
    cr_expect_eq(last.type, HF_REQUEST_DISCONNECT, "%s", why);
    cr_expect_eq(last.id, ID, "%s", why);
    cr_expect_eq(last.path.local.port, 40000, "%s", why);
    cr_expect_eq(secured.streams_len, 0, "%s", why);
    cr_expect_eq(hf_secured_deadline(&secured), HF_NEVER);
}

Test(secured, names_what_is_wrong_with_a_certificate)
{
    make(&(tls_recipe){.names = {"turn.example.net"}});
    connect_plainly();
    carry();
    expect_news(HF_REPLY_CONNECTED, HF_ECERTIFICATE, "another host");
    cr_expect_str_eq(told_why, "the certificate is for another host");
    cr_expect_not_null(strstr(t.log_last, HOST ": the certificate is for another host"), "%s", t.log_last);
    cr_expect(server.has_failed, "it was told");
    cr_expect_not(send_plain("secret", 6), "nothing goes to a stranger");
    expect_goodbye("another host");
    unmake();
}

Test(secured, asks_nothing_of_the_driver_where_nobody_is_trusted)
{
    make(NULL);
    begin_with(NULL);
    ask_to_connect(HOST);
    cr_expect_eq(request().type, 0);
    expect_news(HF_REPLY_CONNECTED, HF_ECERTIFICATE, "nobody is trusted");
    cr_expect_str_eq(told_why, "there are no authorities to trust");
    ask_to_connect(NULL);
    cr_expect_eq(request().type, 0);
    expect_news(HF_REPLY_CONNECTED, HF_EINVAL, "no name");
    unmake();
}

Test(secured, passes_on_that_a_stream_could_not_be_opened)
{
    make(NULL);
    ask_to_connect(HOST);
    cr_assert_eq(request().type, HF_REQUEST_CONNECT);
    reply(HF_REPLY_CONNECTED, HF_EUNREACHABLE);
    expect_news(HF_REPLY_CONNECTED, HF_EUNREACHABLE, "unreachable");
    cr_expect_eq(secured.streams_len, 0);
    unmake();
}

Test(secured, a_stream_that_ends_in_the_handshake_was_never_open)
{
    const struct {
        hf_err err, told;
    } table[] = {{HF_OK, HF_EDTLS}, {HF_EUNREACHABLE, HF_EUNREACHABLE}};
    for (size_t i = 0; i < 2; i++) {
        make(NULL);
        connect_plainly();
        reply(HF_REPLY_DISCONNECTED, table[i].err);
        expect_news(HF_REPLY_CONNECTED, table[i].told, "in the handshake");
        cr_expect_eq(request().type, 0, "there is nothing to close");
        unmake();
    }
}

Test(secured, does_not_wait_for_ever_for_a_handshake)
{
    make(NULL);
    connect_plainly();
    cr_expect_eq(hf_secured_deadline(&secured), now + HF_SECONDS(5));
    hf_secured_tick(&secured, now + HF_SECONDS(5) - 1);
    expect_silence("not yet");
    now += HF_SECONDS(5);
    hf_secured_tick(&secured, now);
    expect_news(HF_REPLY_CONNECTED, HF_ETIMEDOUT, "too long");
    expect_goodbye("too long");
    unmake();
}

Test(secured, has_a_limit)
{
    make(NULL);
    for (size_t i = 0; i < HF_SECURED_STREAMS_MAX; i++) {
        ask_to_connect(HOST);
        cr_assert_eq(request().type, HF_REQUEST_CONNECT);
    }
    ask_to_connect(HOST);
    cr_expect_eq(request().type, 0);
    expect_news(HF_REPLY_CONNECTED, HF_ELIMIT, "too many");
    unmake();
}

/* --- The end --- */

Test(secured, says_goodbye_before_the_driver_closes)
{
    make(NULL);
    open_stream();
    ask((hf_request){.type = HF_REQUEST_DISCONNECT, .path = open_path()});
    cr_expect_eq(request().type, 0, "not before close_notify");
    expect_goodbye("ICE ends it");
    char read[8];
    cr_expect_eq(tls_server_read(&server, read, sizeof read), 0);
    cr_expect(server.is_closed);
    expect_silence("it asked for that");
    unmake();
}

Test(secured, is_wanted_no_more_at_any_stage)
{
    make(NULL);
    ask_to_connect(HOST);
    cr_assert_eq(request().type, HF_REQUEST_CONNECT);
    ask((hf_request){.type = HF_REQUEST_DISCONNECT, .id = ID, .path = path_to("198.51.100.1:5349")});
    cr_expect_eq(request().type, HF_REQUEST_DISCONNECT, "while it is being opened: at once");
    cr_expect_eq(secured.streams_len, 0);

    connect_plainly();
    ask((hf_request){.type = HF_REQUEST_DISCONNECT, .id = ID, .path = path_to("198.51.100.1:5349")});
    cr_expect_eq(request().type, 0);
    expect_goodbye("in the handshake");
    expect_silence("it asked for that");
    unmake();
}

Test(secured, the_server_may_end_it)
{
    make(NULL);
    open_stream();
    cr_assert(tls_server_write(&server, "last", 4));
    tls_server_close(&server);
    carry();
    cr_expect_eq(got_len, 4, "what it said before comes before");
    expect_news(HF_REPLY_DISCONNECTED, HF_ECLOSED, "close_notify");
    expect_goodbye("close_notify");
    unmake();
}

Test(secured, a_stream_that_ends_is_passed_on)
{
    make(NULL);
    open_stream();
    reply(HF_REPLY_DISCONNECTED, HF_EUNREACHABLE);
    expect_news(HF_REPLY_DISCONNECTED, HF_EUNREACHABLE, "reset");
    cr_expect_eq(secured.streams_len, 0);
    unmake();
}

Test(secured, forged_bytes_end_it_with_a_cause)
{
    uint8_t junk[] = {0x17, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4,
                      5,    6, 7, 8, 9,  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2};
    hf_datagram bytes = {.path = open_path(), .data = junk, .len = sizeof junk}, plain;
    make(NULL);
    open_stream();
    hf_secured_input(&secured, now, &bytes);
    cr_expect_not(hf_secured_poll_input(&secured, now, &bytes.path, &plain));
    expect_news(HF_REPLY_DISCONNECTED, HF_EDTLS, "forged");
    hf_secured_input(&secured, now, &bytes); /* more may be on its way */
    expect_silence("once");
    expect_goodbye("forged");
    unmake();
}

Test(secured, closes_all_at_the_end_of_the_connection)
{
    make(NULL);
    open_stream();
    hf_secured_close(&secured);
    carry();
    char read[8];
    cr_expect_eq(tls_server_read(&server, read, sizeof read), 0);
    cr_expect(server.is_closed);
    unmake();
}

/* --- Room --- */

Test(secured, loses_whole_messages_before_they_are_records_where_the_stream_is_full)
{
    make(NULL);
    open_stream();
    cr_expect(send_plain("one", 3));
    reply(HF_REPLY_ROOM, HF_EAGAIN);
    cr_expect_not(send_plain("two", 3));
    cr_expect_eq(secured.drops.by_cause[HF_DROP_STREAM_FULL], 1);
    reply(HF_REPLY_ROOM, HF_OK);
    cr_expect(send_plain("three", 5));
    expect_at_server("one");
    expect_at_server("three");
    cr_expect_not(server.has_failed, "the records are whole");
    unmake();
}

Test(secured, keeps_the_rest_of_a_run_until_there_is_room)
{
    static uint8_t run[60000], back[60000];
    make(NULL);
    open_stream();
    memset(run, 7, sizeof run);
    memcpy(buffer, run, sizeof run);
    hf_transmit out = {.buffer = buffer, .cap = 61000, .path = open_path(), .len = sizeof run, .segment = 1000};
    cr_assert(hf_secured_seal(&secured, &out));
    tls_server_input(&server, out.buffer, out.len);
    out = (hf_transmit){.buffer = buffer, .cap = 20000, .path = open_path(), .len = sizeof run, .segment = 1000};
    cr_assert(hf_secured_seal(&secured, &out));
    cr_expect_eq(out.len, 20000);
    tls_server_input(&server, out.buffer, out.len);
    reply(HF_REPLY_ROOM, HF_EAGAIN);
    cr_expect_not(hf_secured_poll_transmit(&secured, &out));
    reply(HF_REPLY_ROOM, HF_OK);
    carry();
    size_t len = 0;
    for (size_t n; (n = tls_server_read(&server, back, sizeof back)) > 0;)
        len += n;
    cr_expect_eq(len, 2 * sizeof run);
    unmake();
}

Test(secured, does_not_wait_for_room_to_say_goodbye)
{
    make(NULL);
    open_stream();
    reply(HF_REPLY_ROOM, HF_EAGAIN);
    ask((hf_request){.type = HF_REQUEST_DISCONNECT, .path = open_path()});
    cr_expect_eq(request().type, HF_REQUEST_DISCONNECT);
    unmake();
}

/* --- Memory --- */

Test(secured, survives_each_failing_allocation)
{
    size_t n = 1, opened = 0;
    make(NULL);
    hf_trust_free(trust);
    for (; test_env_next_failure(&t, n, 7); n++) {
        trust = NULL;
        tls_server_clear(&server);
        tls_server_init(&server, (const tls_card *const[]){&card, NULL});
        if (hf_trust_new(&trust, authority.pem, strlen(authority.pem), &t.env) != HF_OK)
            continue;
        begin_with(trust);
        ask_to_connect(HOST);
        if (request().type == HF_REQUEST_CONNECT) {
            reply(HF_REPLY_CONNECTED, HF_OK);
            carry();
        }
        hf_reply told = news();
        cr_expect_eq(told.type, HF_REPLY_CONNECTED, "allocation %zu", n);
        cr_expect(told.err == HF_OK || told.err == HF_ENOMEM, "allocation %zu: %d", n, told.err);
        opened += told.err == HF_OK && send_plain("hello", 5);
        hf_secured_clear(&secured);
        hf_trust_free(trust);
        cr_expect_eq(t.blocks, 0, "allocation %zu", n);
    }
    cr_expect_gt(n, 6);
    cr_expect_gt(opened, 0);
    trust = NULL;
    unmake();
}
