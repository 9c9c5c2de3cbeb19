/* tls.c: a peer whose relay is reached by TLS. The server speaks TLS and no TURN: what comes to it is looked at. */
#include "duo.h"

#include <tls_server.h>

#include <criterion/criterion.h>
#include <string.h>

#define RELAY "192.0.2.77"

static duo d;
static tls_card authority, card;
static hf_trust *trust;
static tls_server server;
static hf_path path; /* of the stream */

static void begin(const tls_recipe *recipe, bool is_trusted)
{
    static const hf_ice_server relay = {.uri = "turns:" RELAY, .username = "somebody", .password = "a word"};

    duo_init(&d, 0);
    tls_card_make(&authority, &(tls_recipe){.subject = "authority", .is_authority = true}, NULL);
    tls_card_make(&card, recipe, &authority);
    tls_server_init(&server, (const tls_card *const[]){&card, NULL});
    cr_assert_eq(hf_trust_new(&trust, authority.pem, strlen(authority.pem), &d.env.env), HF_OK);
    hf_peer_config config = {.engine = d.engine,
                             .certificate = d.certificate,
                             .servers = &relay,
                             .servers_len = 1,
                             .trust = is_trusted ? trust : NULL};
    cr_assert_eq(hf_peer_new(&d.peer[0], &config, &d.env.env), HF_OK);
    (void)duo_set_local(&d, 0, HF_SDP_OFFER);
    duo_reply_local(&d, 0);
}

static void end(void)
{
    hf_peer_free(d.peer[0]);
    d.peer[0] = NULL;
    hf_trust_free(trust);
    tls_server_clear(&server);
    tls_card_clear(&card);
    tls_card_clear(&authority);
    duo_clear(&d);
}

/* The next request of that type; false: there is none. */
static bool request(hf_request_type type, hf_request *out)
{
    hf_peer_tick(d.peer[0], d.now);
    while (hf_peer_poll_request(d.peer[0], out)) {
        if (out->type == type)
            return true;
    }
    return false;
}

static void open_stream(void)
{
    hf_request wish;
    cr_assert(request(HF_REQUEST_CONNECT, &wish));
    cr_expect_not(wish.tls, "a driver sees plain streams alone");
    cr_expect_eq(wish.path.remote.port, 5349);
    path = wish.path;
    path.local.port = 40000;
    hf_peer_reply(d.peer[0], d.now, &(hf_reply){.type = HF_REPLY_CONNECTED, .id = wish.id, .path = path});
}

static void carry(void)
{
    static uint8_t run[65536];
    for (bool more = true; more;) {
        hf_transmit out = {.buffer = run, .cap = sizeof run};
        more = hf_peer_poll_transmit(d.peer[0], d.now, &out);
        if (more && out.path.transport == HF_TCP)
            tls_server_input(&server, out.buffer, out.len);
        uint8_t piece[100];
        for (size_t len; (len = tls_server_transmit(&server, piece, sizeof piece)) > 0; more = true)
            hf_peer_input(d.peer[0], d.now, &(hf_datagram){.path = path, .data = piece, .len = len}, 1);
    }
}

Test(peer_tls, asks_its_relay_for_an_allocation_when_that_has_shown_who_it_is)
{
    static const uint8_t allocate[] = {0x00, 0x03}, cookie[] = {0x21, 0x12, 0xA4, 0x42};
    uint8_t asked[512];
    begin(&(tls_recipe){.ips = {RELAY}}, true);
    open_stream();
    cr_expect_lt(hf_peer_deadline(d.peer[0]), d.now + HF_SECONDS(6), "it does not wait for ever");
    carry();
    cr_expect(server.is_open);
    cr_expect_geq(tls_server_read(&server, asked, sizeof asked), 20);
    cr_expect_arr_eq(asked, allocate, sizeof allocate);
    cr_expect_arr_eq(asked + 4, cookie, sizeof cookie);

    tls_server_close(&server);
    carry();
    hf_request wish;
    cr_expect(request(HF_REQUEST_DISCONNECT, &wish), "the stream is closed on our side, too");
    end();
}

static void expect_failure(hf_err cause, const char *why)
{
    hf_peer_event event;
    cr_assert(duo_next(&d, 0, HF_PEER_SERVER_FAILED, &event));
    cr_expect_eq(event.cause, cause);
    cr_expect_str_eq(event.u.server_uri, "turns:" RELAY);
    cr_expect_str_eq(event.why, why);
    cr_expect_eq(hf_peer_connection_state(d.peer[0]), HF_CONNECTION_NEW, "other paths go on");
}

Test(peer_tls, tells_what_is_wrong_with_a_relay_and_goes_on)
{
    begin(&(tls_recipe){.names = {"turn.example.org"}}, true);
    open_stream();
    carry();
    hf_peer_tick(d.peer[0], d.now);
    expect_failure(HF_ECERTIFICATE, "the certificate is for another host");
    uint8_t asked[16];
    cr_expect_eq(tls_server_read(&server, asked, sizeof asked), 0, "it got nothing to read");
    hf_request wish;
    cr_expect(request(HF_REQUEST_DISCONNECT, &wish));
    end();
}

Test(peer_tls, opens_no_stream_to_a_relay_where_nobody_is_trusted)
{
    hf_request wish;
    begin(&(tls_recipe){.ips = {RELAY}}, false);
    cr_expect_not(request(HF_REQUEST_CONNECT, &wish));
    hf_peer_tick(d.peer[0], d.now);
    expect_failure(HF_ECERTIFICATE, "there are no authorities to trust");
    end();
}
