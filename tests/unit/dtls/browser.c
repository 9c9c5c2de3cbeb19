/* browser.c: the first flights of Chromium 156 and Firefox 153, in whatever shape the network brings them. */
#include "pair.h"

#include <bytes.h>
#include <corpus.h>
#include <dtls_priv.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static pair p;

static const char *const first_flights[] = {
    "wire/dtls13-chromium156-client-to-chromium156-flight1.hex", "wire/dtls13-chromium156-client-to-firefox153-flight1.hex",
    "wire/dtls13-firefox153-client-to-chromium156-flight1.hex",  "wire/dtls13-firefox153-client-to-firefox153-flight1.hex",
    "wire/dtls12-chromium156-client-hello-verify.hex",           "wire/dtls12-firefox153-client-hello-verify.hex",
    "wire/dtls-chromium156-client-flight1-retransmitted.hex",
};

static void open_server(void)
{
    pair_init(&p, 1);
    pair_open(&p);
    hf_dtls_start(p.server.dtls, p.now);
}

/* Takes the server's answer and returns the number of ServerHello messages in it. */
static size_t answer(void)
{
    size_t hellos = 0;
    uint8_t buffer[8192];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    while (hf_dtls_poll_transmit(p.server.dtls, p.now, NULL, &out)) {
        hf_reader r = hf_reader_of(hf_bytes_of(buffer, out.len));
        hf_record record;
        while (r.rest.len > 0 && hf_record_read(&r, &record))
            hellos += record.type == HF_RECORD_HANDSHAKE && record.body.data[0] == 2;
        cr_expect(r.ok);
    }
    return hellos;
}

static void give(hf_bytes bytes)
{
    pair_give(&p, &p.server, bytes.data, bytes.len);
}

Test(dtls_browser, gets_a_server_hello_for_its_first_flight)
{
    for (size_t i = 0; i < sizeof first_flights / sizeof first_flights[0]; i++) {
        corpus_hex file = corpus_read_hex(first_flights[i]);
        cr_assert_geq(file.packets_len, 2);
        open_server();
        give(file.packets[0]);
        cr_expect_eq(answer(), 0, "%s: half a hello", first_flights[i]);
        give(file.packets[1]);
        cr_expect_eq(answer(), 1, "%s", first_flights[i]);
        pair_clear(&p);
        corpus_hex_clear(&file);
    }
}

Test(dtls_browser, may_send_its_fragments_in_any_order_and_twice)
{
    for (size_t i = 0; i < sizeof first_flights / sizeof first_flights[0]; i++) {
        corpus_hex file = corpus_read_hex(first_flights[i]);
        open_server();
        give(file.packets[1]);
        give(file.packets[1]);
        cr_expect_eq(answer(), 0);
        give(file.packets[0]);
        cr_expect_eq(answer(), 1, "%s", first_flights[i]);
        give(file.packets[0]);
        cr_expect_eq(answer(), 0, "%s: a late duplicate", first_flights[i]);
        pair_clear(&p);
        corpus_hex_clear(&file);
    }
}

/* RFC 6347 §4.2.1: we never send HelloVerifyRequest, so a cookie can't be ours. */
Test(dtls_browser, may_try_again_after_a_hello_with_a_cookie_that_nobody_gave)
{
    const char *const files[] = {"wire/dtls12-chromium156-client-hello-verify.hex",
                                 "wire/dtls12-firefox153-client-hello-verify.hex"};
    for (size_t i = 0; i < 2; i++) {
        corpus_hex file = corpus_read_hex(files[i]);
        cr_assert_eq(file.packets_len, 4);
        open_server();
        give(file.packets[0]); /* half of the first hello, then the second one */
        give(file.packets[2]);
        give(file.packets[3]);
        cr_expect_eq(answer(), 0, "%s", files[i]);
        give(file.packets[0]);
        give(file.packets[1]);
        cr_expect_eq(answer(), 1, "%s", files[i]);
        give(file.packets[2]); /* when one was answered, another changes nothing */
        give(file.packets[3]);
        cr_expect_eq(answer(), 0, "%s", files[i]);
        hf_dtls_stats stats;
        hf_dtls_get_stats(p.server.dtls, &stats);
        cr_expect_eq(stats.drops.by_cause[HF_DROP_DTLS_REASSEMBLY], 1);
        cr_expect_eq(stats.drops.by_cause[HF_DROP_DTLS_MALFORMED], 1);
        pair_clear(&p);
        corpus_hex_clear(&file);
    }
}

/* A whole message from the fragments of a corpus file's first flight. */
static size_t whole_message(const corpus_hex *file, uint8_t message[HF_DTLS_HELLO_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t headers = HF_RECORD_HEADER_SIZE + HF_HANDSHAKE_HEADER_SIZE;
        memcpy(message + len, file->packets[i].data + headers, file->packets[i].len - headers);
        len += file->packets[i].len - headers;
    }
    return len;
}

/* Writes a record with one fragment. */
static size_t write_fragment(uint8_t *out, const uint8_t *message, size_t len, size_t from, size_t to, uint8_t sequence)
{
    hf_writer w = hf_writer_of(out, HF_DATAGRAM_MAX);
    hf_write_u8(&w, 22);
    hf_write_u16(&w, 0xFEFF);
    hf_write_zeroes(&w, 7);
    hf_write_u8(&w, sequence);
    hf_write_u16(&w, (uint16_t)(12 + to - from));
    hf_write_u8(&w, 1);
    hf_write_u24(&w, (uint32_t)len);
    hf_write_u16(&w, 0);
    hf_write_u24(&w, (uint32_t)from);
    hf_write_u24(&w, (uint32_t)(to - from));
    hf_write_bytes(&w, hf_bytes_of(message + from, to - from));
    cr_assert(w.ok);
    return w.len;
}

/* Firefox cuts its hello elsewhere from the fourth transmission on: 1383 + 78 bytes, then 1163 + 298. */
Test(dtls_browser, may_cut_its_hello_elsewhere_when_it_sends_again)
{
    corpus_hex file = corpus_read_hex("wire/dtls13-firefox153-client-to-chromium156-flight1.hex");
    uint8_t message[HF_DTLS_HELLO_MAX], datagram[HF_DATAGRAM_MAX];
    size_t len = whole_message(&file, message);
    cr_assert_eq(len, 1461);

    open_server();
    give(file.packets[0]); /* 0 to 1383; 1383 to the end is lost, and then 0 to 1163 */
    give(hf_bytes_of(datagram, write_fragment(datagram, message, len, 1163, len, 7)));
    cr_expect_eq(answer(), 1);
    pair_clear(&p);

    open_server();
    give(file.packets[1]);
    give(hf_bytes_of(datagram, write_fragment(datagram, message, len, 0, 1163, 6)));
    cr_expect_eq(answer(), 0);
    give(hf_bytes_of(datagram, write_fragment(datagram, message, len, 1163, len, 7)));
    cr_expect_eq(answer(), 1);
    pair_clear(&p);
    corpus_hex_clear(&file);
}

Test(dtls_browser, may_put_several_fragments_into_one_datagram_or_one_record)
{
    corpus_hex file = corpus_read_hex("wire/dtls13-chromium156-client-to-chromium156-flight1.hex");
    uint8_t message[HF_DTLS_HELLO_MAX], datagram[HF_DATAGRAM_MAX];
    size_t len = whole_message(&file, message);

    open_server();
    size_t used = write_fragment(datagram, message, len, 600, len, 0);
    used += write_fragment(datagram + used, message, len, 0, 600, 1);
    give(hf_bytes_of(datagram, used));
    cr_expect_eq(answer(), 1, "two records");
    pair_clear(&p);

    open_server();
    used = write_fragment(datagram, message, len, 0, 600, 0);
    size_t second = write_fragment(datagram + used, message, len, 600, len, 1) - HF_RECORD_HEADER_SIZE;
    memmove(datagram + used, datagram + used + HF_RECORD_HEADER_SIZE, second);
    hf_writer w = {.data = datagram, .len = used + second, .cap = sizeof datagram, .ok = true};
    hf_write_u16_at(&w, 11, (uint16_t)(used + second - HF_RECORD_HEADER_SIZE));
    give(hf_bytes_of(datagram, used + second));
    cr_expect_eq(answer(), 1, "one record");
    pair_clear(&p);
    corpus_hex_clear(&file);
}

/* Chromium sends again and again: each whole hello is one retransmission of ours, not one for each fragment. */
Test(dtls_browser, is_answered_again_when_it_sends_again)
{
    corpus_hex file = corpus_read_hex("wire/dtls-chromium156-client-flight1-retransmitted.hex");
    open_server();
    size_t hellos = 0;
    for (size_t i = 0; i < file.packets_len; i++) {
        give(file.packets[i]);
        hellos += answer();
    }
    cr_expect_eq(hellos, file.packets_len / 2);
    pair_clear(&p);

    /* Every third datagram is lost: what is missing comes with a later transmission. */
    open_server();
    hellos = 0;
    for (size_t i = 0; i < file.packets_len; i++) {
        if (i % 3 == 0)
            continue;
        give(file.packets[i]);
        hellos += answer();
    }
    cr_expect_geq(hellos, 3);
    pair_clear(&p);
    corpus_hex_clear(&file);
}

/* DTLS 1.3 alone, as servers speak it, is nothing for our client: it waits for another. */
Test(dtls_browser, does_not_end_our_client_with_a_dtls_13_flight)
{
    corpus_hex file = corpus_read_hex("wire/dtls13-chromium156-server-to-firefox153-flight2.hex");
    pair_init(&p, 2);
    pair_open(&p);
    hf_dtls_start(p.client.dtls, p.now);
    for (size_t i = 1; i < file.packets_len; i++) /* all but the ServerHello, which is in the clear */
        cr_expect_eq(pair_give(&p, &p.client, file.packets[i].data, file.packets[i].len), 0);
    cr_expect(pair_connect(&p, HF_SECONDS(5)));
    pair_clear(&p);
    corpus_hex_clear(&file);
}
