/* tls.c: a TLS client's handshake, its data and its end. */
#include "tls_duo.h"

#include <criterion/criterion.h>
#include <string.h>

#define HOST "turn.example.org"

static tls_duo duo;
static uint8_t content[300 << 10], got[300 << 10];

static void fill_content(void)
{
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31 + i / 251);
}

/* --- The handshake -------------------------------------------------------------------------------------------------- */

Test(tls, opens_and_carries_bytes_both_ways)
{
    duo_init(&duo, HOST, NULL);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_HANDSHAKING);
    cr_expect(hf_tls_has_output(duo.client), "the hello");
    duo_run(&duo);
    duo_expect_conversation(&duo);
    cr_expect_str_eq(mbedtls_ssl_get_version(&duo.server.ssl), "TLSv1.2");
    cr_expect_str_eq(mbedtls_ssl_get_ciphersuite(&duo.server.ssl), "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256");
    duo_clear(&duo);
}

Test(tls, does_not_mind_how_the_stream_is_cut)
{
    for (size_t piece = 1; piece < 8; piece += 3) {
        duo_init(&duo, HOST, NULL);
        duo.piece = piece;
        duo_run(&duo);
        duo_expect_conversation(&duo);
        duo_clear(&duo);
    }
}

Test(tls, names_the_host_in_its_hello_without_the_last_dot_and_no_address)
{
    const struct {
        const char *host, *asked_for;
    } table[] = {{HOST, HOST}, {HOST ".", HOST}, {"192.0.2.1", ""}, {"2001:db8::1", ""}};
    const tls_recipe recipe = {.names = {HOST}, .ips = {NULL, "192.0.2.1", "2001:db8::1"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        duo_init(&duo, table[i].host, &recipe);
        duo_run(&duo);
        cr_expect_str_eq(duo.server.asked_for, table[i].asked_for, "%s", table[i].host);
        duo_expect_conversation(&duo);
        duo_clear(&duo);
    }
}

Test(tls, refuses_hosts_that_are_none)
{
    static char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    const char *const hosts[] = {NULL, "", ".", long_name};
    duo_make_authority(&duo);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        hf_tls *tls = NULL;
        cr_expect_eq(hf_tls_new(&tls, hosts[i], duo.trust, &duo.env.env), HF_EINVAL);
        cr_expect_null(tls);
    }
    hf_trust_free(duo.trust);
    tls_card_clear(&duo.authority);
    cr_expect_eq(duo.env.blocks, 0);
}

/* --- Data ----------------------------------------------------------------------------------------------------------- */

Test(tls, carries_what_takes_many_records)
{
    enum { LEN = 200 << 10 };
    fill_content();
    duo_init(&duo, HOST, NULL);
    duo_run(&duo);

    cr_assert_eq(hf_tls_write(duo.client, content, LEN), HF_OK);
    duo_run(&duo);
    for (size_t at = 0, n; (n = tls_server_read(&duo.server, got + at, sizeof got - at)) > 0; at += n)
        cr_assert_leq(at + n, LEN);
    cr_expect_arr_eq(got, content, LEN);

    memset(got, 0, sizeof got);
    cr_assert(tls_server_write(&duo.server, content, LEN));
    size_t len = 0;
    uint8_t piece[2048];
    for (size_t n; (n = tls_server_transmit(&duo.server, piece, sizeof piece)) > 0;) {
        hf_tls_input(duo.client, piece, n);
        for (size_t m; (m = hf_tls_read(duo.client, got + len, 1000)) > 0;)
            len += m;
    }
    cr_expect_eq(len, LEN);
    cr_expect_arr_eq(got, content, LEN);
    duo_clear(&duo);
}

Test(tls, keeps_what_it_encrypted_within_a_limit_and_whole)
{
    fill_content();
    duo_init(&duo, HOST, NULL);
    duo_run(&duo);

    cr_expect_eq(hf_tls_write(duo.client, content, sizeof content), HF_EAGAIN, "more than may ever wait");
    cr_expect_not(hf_tls_has_output(duo.client));
    size_t accepted = 0;
    while (hf_tls_write(duo.client, content + accepted % 1000, 1000) == HF_OK)
        accepted += 1000;
    cr_expect_gt(accepted, 240u << 10);
    cr_expect_lt(accepted, HF_TLS_PENDING_MAX);
    cr_expect_eq(hf_tls_write(duo.client, content, 1000), HF_EAGAIN);
    duo_run(&duo);
    size_t arrived = 0;
    for (size_t n; (n = tls_server_read(&duo.server, got, sizeof got)) > 0;)
        arrived += n;
    cr_expect_eq(arrived, accepted);
    duo_expect_conversation(&duo);
    duo_clear(&duo);
}

Test(tls, fails_where_more_comes_than_it_may_keep)
{
    duo_init(&duo, HOST, NULL);
    duo_run(&duo);
    cr_assert(tls_server_write(&duo.server, content, 80 << 10));
    duo_run(&duo); /* and nobody reads */
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_FAILED);
    cr_expect_eq(hf_tls_cause(duo.client), HF_EDTLS);
    cr_expect_str_eq(hf_tls_cause_text(duo.client), "more came than could be kept");
    duo_clear(&duo);
}

Test(tls, takes_data_that_comes_with_the_last_word_of_the_handshake)
{
    uint8_t flight[4096];
    size_t len = 0, n;
    duo_init(&duo, HOST, NULL);
    while (!duo.server.is_open) {
        n = hf_tls_transmit(duo.client, flight, sizeof flight);
        tls_server_input(&duo.server, flight, n);
        if (duo.server.is_open)
            cr_assert(tls_server_write(&duo.server, "early", 5));
        len = tls_server_transmit(&duo.server, flight, sizeof flight);
        hf_tls_input(duo.client, flight, len);
    }
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_OPEN);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 5);
    cr_expect_arr_eq(got, "early", 5);
    duo_clear(&duo);
}

Test(tls, writes_nothing_before_it_is_open)
{
    duo_init(&duo, HOST, NULL);
    cr_expect_eq(hf_tls_write(duo.client, content, 1), HF_ESTATE);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 0);
    duo_run(&duo);
    duo_expect_conversation(&duo);
    duo_clear(&duo);
}

/* --- The end -------------------------------------------------------------------------------------------------------- */

Test(tls, tells_the_server_that_it_closes)
{
    duo_init(&duo, HOST, NULL);
    duo_run(&duo);
    cr_expect_eq(hf_tls_write(duo.client, (const uint8_t *)"last", 4), HF_OK);
    hf_tls_close(duo.client);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_CLOSED);
    cr_expect_eq(hf_tls_write(duo.client, content, 1), HF_ESTATE);
    duo_run(&duo);
    cr_expect_eq(tls_server_read(&duo.server, got, sizeof got), 4);
    cr_expect_eq(tls_server_read(&duo.server, got, sizeof got), 0);
    cr_expect(duo.server.is_closed);
    duo_clear(&duo);
}

Test(tls, reads_to_the_end_that_the_server_made)
{
    duo_init(&duo, HOST, NULL);
    duo_run(&duo);
    cr_assert(tls_server_write(&duo.server, "last", 4));
    tls_server_close(&duo.server);
    duo_run(&duo);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 4);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_OPEN);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 0);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_CLOSED);
    cr_expect_eq(hf_tls_cause(duo.client), HF_OK);
    cr_expect(hf_tls_has_output(duo.client), "an answer in kind");
    duo_clear(&duo);
}

Test(tls, closes_quietly_during_its_handshake)
{
    duo_init(&duo, HOST, NULL);
    (void)hf_tls_transmit(duo.client, got, sizeof got);
    hf_tls_close(duo.client);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_CLOSED);
    cr_expect_not(hf_tls_has_output(duo.client));
    hf_tls_input(duo.client, content, 100);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_CLOSED);
    duo_clear(&duo);
}

Test(tls, takes_null_for_nothing)
{
    hf_tls_free(NULL);
    hf_tls_close(NULL);
    hf_tls_input(NULL, content, 1);
    cr_expect_eq(hf_tls_read(NULL, got, 1), 0);
    cr_expect_eq(hf_tls_write(NULL, content, 1), HF_ESTATE);
    cr_expect_eq(hf_tls_transmit(NULL, got, 1), 0);
    cr_expect_not(hf_tls_has_output(NULL));
    cr_expect_eq(hf_tls_get_state(NULL), HF_TLS_CLOSED);
    cr_expect_str_eq(hf_tls_cause_text(NULL), "");
}

/* --- Memory --------------------------------------------------------------------------------------------------------- */

Test(tls, survives_each_failing_allocation)
{
    const tls_recipe recipe = {.names = {HOST}};
    tls_card authority, card;
    tls_card_make(&authority, &(tls_recipe){.subject = "authority", .is_authority = true}, NULL);
    tls_card_make(&card, &recipe, &authority);
    const tls_card *const chain[] = {&card, NULL};
    size_t n = 1, opened = 0;
    for (; test_env_next_failure(&duo.env, n, 7); n++) {
        duo.trust = NULL;
        duo.client = NULL;
        tls_server_init(&duo.server, chain);
        hf_err err = hf_trust_new(&duo.trust, authority.pem, strlen(authority.pem), &duo.env.env);
        if (err == HF_OK)
            err = hf_tls_new(&duo.client, HOST, duo.trust, &duo.env.env);
        if (err == HF_OK) {
            duo_run(&duo);
            err = hf_tls_write(duo.client, content, 100 << 10);
        }
        if (err == HF_OK) {
            duo_run(&duo);
            size_t len = 0;
            for (size_t m; (m = tls_server_read(&duo.server, got, sizeof got)) > 0;)
                len += m;
            cr_expect_eq(len, 100 << 10, "whole, or not at all");
            opened++;
        } else if (err == HF_ESTATE) {
            cr_expect_eq(hf_tls_cause(duo.client), HF_ENOMEM, "allocation %zu: %s", n, hf_tls_cause_text(duo.client));
        } else {
            cr_expect_eq(err, HF_ENOMEM, "allocation %zu", n);
        }
        hf_tls_free(duo.client);
        hf_trust_free(duo.trust);
        tls_server_clear(&duo.server);
        cr_expect_eq(duo.env.blocks, 0, "allocation %zu", n);
    }
    cr_expect_gt(n, 5);
    tls_card_clear(&card);
    tls_card_clear(&authority);
}
