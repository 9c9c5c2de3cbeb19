/* handshake.c: connecting, through a network that does its worst. */
#include "pair.h"

#include <dtls_priv.h>

#include <criterion/criterion.h>
#include <stdlib.h>

static pair p; /* large; Criterion runs each test in a process of its own */

Test(dtls_handshake, takes_two_round_trips)
{
    pair_init(&p, 1);
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    cr_expect_eq(p.client.connected_at, HF_SECONDS(1000) + 4 * PAIR_DELAY);
    cr_expect_eq(p.server.connected_at, HF_SECONDS(1000) + 3 * PAIR_DELAY);
    cr_expect_str_eq(hf_dtls_cipher(p.client.dtls), "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    cr_expect_str_eq(hf_dtls_cipher(p.server.dtls), "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    cr_expect_str_eq(hf_dtls_version(p.server.dtls), "FEFD");
    pair_expect_conversation(&p);
    pair_clear(&p);
}

Test(dtls_handshake, leaves_no_timer_behind)
{
    pair_init(&p, 2);
    pair_open(&p);
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), HF_NEVER);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), HF_NEVER);
    cr_expect_eq(hf_dtls_deadline(p.server.dtls), HF_NEVER);
    pair_clear(&p);
}

Test(dtls_handshake, shows_the_remote_certificate_when_it_is_done)
{
    pair_init(&p, 3);
    pair_open(&p);
    cr_expect_eq(hf_dtls_remote_certificate(p.client.dtls).len, 0);
    cr_expect_str_eq(hf_dtls_cipher(p.client.dtls), "");
    cr_expect_str_eq(hf_dtls_version(p.client.dtls), "");
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    hf_bytes seen = hf_dtls_remote_certificate(p.client.dtls);
    const mbedtls_x509_crt *shown = &p.server.certificate->shown;
    cr_assert_eq(seen.len, shown->raw.len);
    cr_expect_arr_eq(seen.data, shown->raw.p, seen.len);
    pair_clear(&p);
}

Test(dtls_handshake, start_after_the_first_flight_has_come)
{
    pair_init(&p, 4);
    pair_open(&p);
    hf_dtls_start(p.client.dtls, p.now);
    pair_run(&p, HF_MS(90)); /* a server that is not ready yet */
    cr_expect_not(p.client.connected);
    hf_dtls_start(p.server.dtls, p.now);
    pair_run(&p, HF_MS(40));
    cr_expect(p.client.connected && p.server.connected, "what came before start was kept");
    pair_clear(&p);
}

Test(dtls_handshake, datagrams_before_start_are_bounded)
{
    pair_init(&p, 5);
    pair_open(&p);
    uint8_t junk[1200] = {22, 0xFE, 0xFD};
    for (int i = 0; i < 100; i++)
        pair_give(&p, &p.server, junk, sizeof junk);
    hf_dtls_stats stats;
    hf_dtls_get_stats(p.server.dtls, &stats);
    cr_expect_gt(stats.drops.by_cause[HF_DROP_DTLS_EARLY], 80);
    cr_expect(pair_connect(&p, HF_SECONDS(5)));
    pair_clear(&p);
}

/* --- Sizes --------------------------------------------------------------------------------------------------------- */

static pair_fate expect_small(pair *self, const pair_datagram *datagram, size_t number)
{
    const size_t *mtu = self->context;
    cr_expect_leq(datagram->len, *mtu, "datagram %zu has %zu bytes", number, datagram->len);
    return PAIR_PASSES;
}

Test(dtls_handshake, keeps_to_the_mtu)
{
    size_t sizes[] = {256, 300, 576, 900, 1200, 1400};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pair_init(&p, i);
        p.client_config.mtu = p.server_config.mtu = sizes[i];
        p.fate = expect_small;
        p.context = &sizes[i];
        pair_open(&p);
        cr_expect(pair_connect(&p, HF_MS(150)), "mtu %zu", sizes[i]);
        pair_clear(&p);
    }
}

/* --- Data around the end of the handshake --------------------------------------------------------------------------- */

static pair_fate delay_finished_of_server(pair *self, const pair_datagram *datagram, size_t number)
{
    (void)number;
    bool of_server = datagram->to == &self->client;
    return of_server && datagram->data[0] == HF_RECORD_CHANGE_CIPHER_SPEC ? PAIR_COMES_LATE : PAIR_PASSES;
}

static void let_data_overtake_finished(void)
{
    pair_init(&p, 7);
    p.fate = delay_finished_of_server;
    pair_open(&p);
    hf_dtls_start(p.server.dtls, p.now);
    hf_dtls_start(p.client.dtls, p.now);
    pair_run(&p, 3 * PAIR_DELAY);
    cr_assert(p.server.connected && !p.client.connected);
}

Test(dtls_handshake, data_that_overtakes_finished_is_kept)
{
    let_data_overtake_finished();
    cr_assert(pair_send(&p, &p.server, "first"));
    cr_assert(pair_send(&p, &p.server, "second"));
    pair_run(&p, PAIR_DELAY);
    cr_expect_eq(p.client.packets, 0, "nothing is handed up before the handshake is done");
    pair_run(&p, 2 * PAIR_DELAY);
    cr_expect(p.client.connected);
    cr_expect_eq(p.client.packets, 2);
    cr_expect_arr_eq(p.client.last, "second", 6);
    cr_expect(pair_send(&p, &p.server, "third"));
    pair_run(&p, PAIR_DELAY);
    cr_expect_eq(p.client.packets, 3);
    pair_clear(&p);
}

Test(dtls_handshake, a_close_that_overtakes_finished_is_kept)
{
    let_data_overtake_finished();
    hf_dtls_close(p.server.dtls, p.now);
    pair_run(&p, 3 * PAIR_DELAY);
    cr_expect(p.client.connected && p.client.closed);
    pair_clear(&p);
}

Test(dtls_handshake, early_data_is_bounded)
{
    let_data_overtake_finished();
    uint8_t junk[1000] = {23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 987 >> 8, 987 & 255};
    for (int i = 0; i < 200; i++)
        cr_expect_eq(pair_give(&p, &p.client, junk, sizeof junk), 0);
    hf_dtls_stats stats;
    hf_dtls_get_stats(p.client.dtls, &stats);
    cr_expect_gt(stats.drops.by_cause[HF_DROP_DTLS_EARLY], 150);
    pair_run(&p, 3 * PAIR_DELAY);
    cr_expect(p.client.connected);
    cr_expect_eq(p.client.packets, 0);
    pair_clear(&p);
}

Test(dtls_handshake, nothing_is_sealed_before_our_finished_was_taken)
{
    pair_init(&p, 8);
    pair_open(&p);
    hf_bytes packet = {.data = (const uint8_t *)"x", .len = 1};
    uint8_t buffer[2048];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    cr_expect_eq(hf_dtls_seal(p.client.dtls, &packet, 1, NULL, &out), 0);
    hf_dtls_start(p.server.dtls, p.now);
    hf_dtls_start(p.client.dtls, p.now);
    cr_expect_eq(hf_dtls_seal(p.client.dtls, &packet, 1, NULL, &out), 0);
    pair_run(&p, 2 * PAIR_DELAY);
    cr_assert_eq(p.flying_len, 1, "the client's last flight");
    p.now += PAIR_DELAY;
    pair_give(&p, &p.server, p.flying[0]->data, p.flying[0]->len);
    cr_assert(p.server.connected);
    cr_expect_eq(hf_dtls_seal(p.server.dtls, &packet, 1, NULL, &out), 0, "it would overtake");
    pair_drain(&p, &p.server);
    cr_expect_eq(hf_dtls_seal(p.server.dtls, &packet, 1, NULL, &out), 1);
    pair_clear(&p);
}

/* --- The end ------------------------------------------------------------------------------------------------------- */

Test(dtls_close, is_told_to_the_remote_and_answered)
{
    pair_init(&p, 9);
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    hf_dtls_close(p.client.dtls, p.now);
    hf_dtls_close(p.client.dtls, p.now);
    size_t sent = p.server.sent;
    pair_run(&p, HF_SECONDS(1));
    cr_expect(p.server.closed);
    cr_expect_not(p.server.failed);
    cr_expect_not(p.client.closed, "who closes is not told");
    cr_expect_eq(p.server.sent, sent + 1, "RFC 5246 §7.2.1: a close_notify of its own");
    cr_expect_not(pair_send(&p, &p.client, "too late"));
    cr_expect_not(pair_send(&p, &p.server, "too late"));
    pair_clear(&p);
}

Test(dtls_close, makes_no_sound_before_the_handshake_is_done)
{
    pair_init(&p, 10);
    pair_open(&p);
    hf_dtls_start(p.client.dtls, p.now);
    hf_dtls_close(p.client.dtls, p.now);
    hf_dtls_close(p.server.dtls, p.now);
    hf_dtls_start(p.server.dtls, p.now);
    pair_run(&p, HF_SECONDS(200));
    cr_expect_leq(p.client.sent, 1);
    cr_expect_eq(p.server.sent, 0);
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), HF_NEVER);
    cr_expect_not(p.client.failed || p.client.closed);
    pair_clear(&p);
}

/* --- Birth ---------------------------------------------------------------------------------------------------------- */

Test(dtls_new, refuses_what_it_can_not_work_with)
{
    pair_init(&p, 11);
    hf_fingerprint many[HF_DTLS_FINGERPRINTS_MAX + 1] = {0};
    hf_env no_randomness = {0};
    const struct {
        const char *why;
        const hf_certificate *certificate;
        const hf_fingerprint *fingerprints;
        size_t len;
        const hf_env *env;
        hf_err expected;
    } table[] = {
        {"no certificate", NULL, many, 1, &p.env.env, HF_EINVAL},
        {"no fingerprints", p.client.certificate, NULL, 0, &p.env.env, HF_EINVAL},
        {"an empty list", p.client.certificate, many, 0, &p.env.env, HF_EINVAL},
        {"one too many", p.client.certificate, many, HF_DTLS_FINGERPRINTS_MAX + 1, &p.env.env, HF_ELIMIT},
        {"no environment", p.client.certificate, many, 1, NULL, HF_EINVAL},
        {"no randomness", p.client.certificate, many, 1, &no_randomness, HF_EINVAL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        hf_dtls_config config = {
            .certificate = table[i].certificate, .fingerprints = table[i].fingerprints, .fingerprints_len = table[i].len};
        hf_dtls *dtls = NULL;
        cr_expect_eq(hf_dtls_new(&dtls, &config, table[i].env), table[i].expected, "%s", table[i].why);
        cr_expect_null(dtls);
    }
    pair_clear(&p);
}

/* Memory of the environment runs short at each single place: it may end in an error, a drop or a later success. */
Test(dtls_new, survives_each_failing_allocation)
{
    pair_init(&p, 12);
    test_env t = {0};
    size_t n = 1;
    for (; test_env_next_failure(&t, n, 7); n++) {
        p.client.connected = p.server.connected = p.client.failed = p.server.failed = false;
        p.client.dtls = p.server.dtls = NULL;
        p.now += HF_SECONDS(100);
        p.server_config.mtu = p.client_config.mtu = 300; /* a queue that grows */
        hf_err client = hf_dtls_new(&p.client.dtls, &p.client_config, &t.env);
        hf_err server = hf_dtls_new(&p.server.dtls, &p.server_config, &t.env);
        cr_expect(client == HF_OK || client == HF_ENOMEM);
        cr_expect(server == HF_OK || server == HF_ENOMEM);
        if (client == HF_OK && server == HF_OK)
            cr_expect(pair_connect(&p, HF_SECONDS(5)), "failure %zu is a loss on the way", n);
        hf_dtls_free(p.client.dtls);
        hf_dtls_free(p.server.dtls);
        p.client.dtls = p.server.dtls = NULL;
        while (p.flying_len > 0)
            free(p.flying[--p.flying_len]);
        cr_expect_eq(t.blocks, 0, "failure %zu leaks", n);
    }
    cr_expect_gt(n, 8);
    pair_clear(&p);
}
