/* early.c: DTLS that comes before it can be of use. It is kept: nobody waits for the remote to send it again. */
#include "world.h"

#include <criterion/criterion.h>
#include <string.h>

#define DELAY HF_MS(20)
#define ROUND_TRIP (2 * DELAY)

static const hf_datachannel_config plain = {.label = "chat"};

/* The answerer finds the way with the offer alone, and its ClientHello is here long before its answer. */
Test(sim_early, what_comes_before_the_answer_is_kept)
{
    sim s;
    hf_peer_stats stats;
    sim_init(&s, &(sim_config){.seed = 8, .link.delay = HF_MS(5), .signalling = HF_MS(95)});
    sim_open(&s.side[0], &plain);
    hf_time began = s.now;
    sim_connect(&s);
    sim_run(&s, began + HF_MS(180), NULL);
    cr_expect_eq(hf_peer_signaling_state(s.side[0].peer), HF_SIGNALING_HAVE_LOCAL_OFFER);
    hf_peer_get_stats(s.side[1].peer, &stats);
    cr_expect(stats.has_route, "the answerer has a path, and has said hello");
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    cr_expect_leq(s.now - began, HF_MS(190 + 40), "nobody waited for a second hello: %d us", (int)(s.now - began));
    hf_peer_get_stats(s.side[0].peer, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_EARLY] + stats.drops.by_cause[HF_DROP_UNKNOWN_PATH] +
                     stats.drops.by_cause[HF_DROP_DTLS_EARLY],
                 0);
    sim_clear(&s);
}

/* --- Before nomination ------------------------------------------------------------------------------------------------ */

static bool is_request(const hf_datagram *datagram)
{
    return datagram->len >= 20 && datagram->data[0] == 0 && datagram->data[1] == 1;
}

/* RFC 8445 §7.1.2: USE-CANDIDATE has no value. */
static bool has_use_candidate(const hf_datagram *datagram)
{
    static const uint8_t attribute[] = {0x00, 0x25, 0x00, 0x00};
    return is_request(datagram) && memmem(datagram->data + 20, datagram->len - 20, attribute, sizeof attribute) != NULL;
}

static bool loses_nomination(sim *s, int from, const hf_datagram *datagram)
{
    (void)s, (void)from;
    return has_use_candidate(datagram);
}

/* A valid pair is used from its first answer on (RFC 8445 §12.1): 1 round trip for a check, 2 for DTLS 1.2, 2 for SCTP and
 * the channel. A ClientHello that was dropped would cost 80 ms. */
static void expect_quick_without_nomination(const char *setup, bool offerer_is_client)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 21, .link.delay = DELAY, .offer_setup = setup});
    s.loses = loses_nomination;
    sim_open(&s.side[0], &plain);
    hf_time began = s.now;
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    cr_expect_leq(s.now - began, 5 * ROUND_TRIP + ROUND_TRIP / 2, "took %d us", (int)(s.now - began));
    for (int i = 0; i < 2; i++) {
        hf_peer_stats stats;
        cr_expect_eq(hf_peer_ice_connection_state(s.side[i].peer), HF_ICE_CONNECTED, "nothing was nominated");
        hf_peer_get_stats(s.side[i].peer, &stats);
        cr_expect_eq(stats.dtls_client, (i == 0) == offerer_is_client);
    }
    sim_clear(&s);
}

Test(sim_early, nobody_waits_for_a_nomination_where_the_answerer_is_the_dtls_client)
{
    expect_quick_without_nomination(NULL, false);
}

Test(sim_early, nobody_waits_for_a_nomination_where_the_offerer_is_the_dtls_client)
{
    expect_quick_without_nomination("active", true);
}

/* --- Before the server has a pair that works ------------------------------------------------------------------------- */

#define SERVER_BLOCKED HF_MS(300)

static int server, server_flights;

/* A ServerHello opens a flight: the record and the message header, then type 2. */
static void count_server_flights(sim *s, int from, const hf_datagram *datagram)
{
    (void)s;
    server_flights += from == server && datagram->len > 13 && datagram->data[0] == 22 && datagram->data[13] == 2;
}

/* The client's checks pass, the server's do not: the hello is here before the server may send anything (RFC 8445 §12.1). */
static bool loses_checks_of_server(sim *s, int from, const hf_datagram *datagram)
{
    return from == server && is_request(datagram) && s->now < HF_SECONDS(1) + SERVER_BLOCKED;
}

static void expect_answer_with_the_route(const char *setup)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 22, .link.delay = DELAY, .offer_setup = setup});
    s.loses = loses_checks_of_server;
    s.on_datagram = count_server_flights;
    sim_open(&s.side[0], &plain);
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    hf_time routed = s.side[server].routed_at;
    cr_expect_geq(routed, HF_SECONDS(1) + SERVER_BLOCKED);
    cr_expect_leq(s.side[1 - server].routed_at, HF_SECONDS(1) + 2 * ROUND_TRIP, "the client has said hello long before");
    cr_expect_leq(s.side[1 - server].connected_at - routed, 2 * ROUND_TRIP, "connected after %d us",
                  (int)(s.side[1 - server].connected_at - routed));
    cr_expect_leq(server_flights, 2, "one, and one for a hello that crossed it; not one for each that waited: %d",
                  server_flights);
    hf_peer_stats stats;
    hf_peer_get_stats(s.side[server].peer, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_EARLY] + stats.drops.by_cause[HF_DROP_UNKNOWN_PATH], 0);
    sim_clear(&s);
}

Test(sim_early, a_hello_is_answered_as_soon_as_the_offerer_has_a_route)
{
    server = 0;
    expect_answer_with_the_route(NULL);
}

Test(sim_early, a_hello_is_answered_as_soon_as_the_answerer_has_a_route)
{
    server = 1;
    expect_answer_with_the_route("active");
}
