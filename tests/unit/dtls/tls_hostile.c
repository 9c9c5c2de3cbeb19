/* tls_hostile.c: servers that are broken, lie, or are none. */
#include "tls_duo.h"

#include <criterion/criterion.h>
#include <string.h>

#define HOST "turn.example.org"

static tls_duo duo;
static uint8_t bytes[1 << 20];

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

Test(tls_hostile, what_is_no_tls_is_named)
{
    const struct {
        const char *why;
        const uint8_t *bytes;
        size_t len;
        const char *text;
    } table[] = {
        {"a web server", BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), "the server does not speak TLS"},
        {"a STUN server without TLS", BYTES("\x01\x01\x00\x0c\x21\x12\xa4\x42"), "the server does not speak TLS"},
        {"zeroes", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0"), "the server does not speak TLS"},
        {"a record that is too long", BYTES("\x16\x03\x03\xff\xff"), "the server does not speak TLS"},
        {"an alert: handshake_failure", BYTES("\x15\x03\x03\x00\x02\x02\x28"), "the server refused the handshake"},
        {"an alert: protocol_version", BYTES("\x15\x03\x03\x00\x02\x02\x46"), "the server refused the handshake"},
        {"an alert: close_notify", BYTES("\x15\x03\x03\x00\x02\x01\x00"), "the server ended the handshake"},
        {"a hello of TLS 1.1",
         BYTES("\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02"
               "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\0\xc0\x2b\x00"),
         "the server does not speak TLS 1.2"},
        {"data in the clear", BYTES("\x17\x03\x03\x00\x05hello"), "the handshake failed"},
        {"a hello of nothing", BYTES("\x16\x03\x03\x00\x04\x02\x00\x00\x00"), "the handshake failed"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (size_t piece = 1; piece <= table[i].len; piece += table[i].len - 1) { /* alone, and all at once */
            duo_init(&duo, HOST, NULL);
            for (size_t at = 0; at < table[i].len; at += piece)
                hf_tls_input(duo.client, table[i].bytes + at, table[i].len - at < piece ? table[i].len - at : piece);
            duo_expect_failure(&duo, HF_EDTLS, table[i].text, table[i].why);
            duo_clear(&duo);
        }
    }
}

/* Each byte of the server's first flight, changed: nothing opens, and nothing hangs on. */
Test(tls_hostile, a_changed_flight_never_opens)
{
    for (size_t at = 0, len = 1; at < len; at += 7) {
        duo_init(&duo, HOST, NULL);
        size_t hello = hf_tls_transmit(duo.client, bytes, sizeof bytes);
        tls_server_input(&duo.server, bytes, hello);
        len = tls_server_transmit(&duo.server, bytes, sizeof bytes);
        cr_assert_gt(len, 500);
        bytes[at] ^= 0x15;
        hf_tls_input(duo.client, bytes, len);
        duo_run(&duo);
        cr_expect_neq(hf_tls_get_state(duo.client), HF_TLS_OPEN, "byte %zu", at);
        duo_clear(&duo);
    }
}

Test(tls_hostile, a_flight_that_is_cut_waits_and_opens_nothing)
{
    duo_init(&duo, HOST, NULL);
    size_t hello = hf_tls_transmit(duo.client, bytes, sizeof bytes);
    tls_server_input(&duo.server, bytes, hello);
    size_t len = tls_server_transmit(&duo.server, bytes, sizeof bytes);
    hf_tls_input(duo.client, bytes, len - 1);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_HANDSHAKING);
    cr_expect_not(hf_tls_has_output(duo.client));
    hf_tls_input(duo.client, bytes + len - 1, 1);
    duo_run(&duo);
    duo_expect_conversation(&duo);
    duo_clear(&duo);
}

Test(tls_hostile, changed_data_ends_it)
{
    for (size_t at = 0; at < 40; at++) {
        duo_init(&duo, HOST, NULL);
        duo_run(&duo);
        cr_assert(tls_server_write(&duo.server, "secret", 6));
        size_t len = tls_server_transmit(&duo.server, bytes, sizeof bytes);
        if (at < len) {
            bytes[at] ^= 1;
            hf_tls_input(duo.client, bytes, len);
            uint8_t got[64];
            cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 0, "byte %zu", at);
            if (at < 3 || at > 4) { /* the length: more is waited for */
                cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_FAILED, "byte %zu", at);
                cr_expect_eq(hf_tls_cause(duo.client), HF_EDTLS);
            }
        }
        duo_clear(&duo);
    }
}

Test(tls_hostile, a_record_that_comes_twice_ends_it)
{
    uint8_t got[64];
    duo_init(&duo, HOST, NULL);
    duo_run(&duo);
    cr_assert(tls_server_write(&duo.server, "once", 4));
    size_t len = tls_server_transmit(&duo.server, bytes, sizeof bytes);
    hf_tls_input(duo.client, bytes, len);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 4);
    hf_tls_input(duo.client, bytes, len);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 0);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_FAILED);
    cr_expect_str_eq(hf_tls_cause_text(duo.client), "what came was not authentic");
    duo_clear(&duo);
}

Test(tls_hostile, an_alert_of_the_server_ends_it_with_a_name)
{
    uint8_t got[64];
    duo_init(&duo, HOST, NULL);
    duo_run(&duo);
    cr_assert_eq(
        mbedtls_ssl_send_alert_message(&duo.server.ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR),
        0);
    duo_run(&duo);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 0);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_FAILED);
    cr_expect_str_eq(hf_tls_cause_text(duo.client), "the server ended it with an alert");
    duo_clear(&duo);
}

/* RFC 5246 §7.4.1.1: a HelloRequest may be refused with an alert; that costs us no more than the limit says. */
Test(tls_hostile, is_not_talked_into_another_handshake)
{
    uint8_t got[64];
    duo_init(&duo, HOST, NULL);
    mbedtls_ssl_conf_renegotiation(&duo.server.conf, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    duo_run(&duo);
    cr_assert_eq(mbedtls_ssl_renegotiate(&duo.server.ssl), 0);
    duo_run(&duo);
    cr_expect_eq(hf_tls_read(duo.client, got, sizeof got), 0);
    cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_OPEN);
    size_t len = hf_tls_transmit(duo.client, bytes, sizeof bytes);
    cr_expect_lt(len, 64, "an alert, and no hello");
    cr_expect_eq(bytes[0], 21);
    duo_clear(&duo);
}

Test(tls_hostile, a_server_that_offers_old_suites_alone_is_refused)
{
    static const int cbc[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, MBEDTLS_TLS_RSA_WITH_AES_128_CBC_SHA, 0};
    duo_init(&duo, HOST, NULL);
    mbedtls_ssl_conf_ciphersuites(&duo.server.conf, cbc);
    duo_run(&duo);
    duo_expect_failure(&duo, HF_EDTLS, "the server refused the handshake", "CBC");
    duo_clear(&duo);
}

Test(tls_hostile, a_certificate_of_junk_is_named)
{
    duo_init(&duo, HOST, NULL);
    duo.server.shown.raw.p[40] ^= 0xFF; /* within the issuer's name, or its length */
    duo.server.shown.raw.p[4] ^= 0x10;  /* the inner length */
    duo_run(&duo);
    duo_expect_failure(&duo, HF_ECERTIFICATE, "the certificate can't be read", "junk");
    duo_clear(&duo);
}
