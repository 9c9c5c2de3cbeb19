/* record.c: runs of sealed packets, and opening in place. */
#include "pair.h"

#include <dtls_priv.h>

#include <criterion/criterion.h>
#include <string.h>

#define PACKETS_MAX 64
#define CHACHA_EXPANSION 29

static pair p;
static uint8_t content[2048];
static uint8_t buffer[64 * 1024];

static void connect(void)
{
    pair_init(&p, 1);
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31);
}

Test(dtls_record, a_run_ends_where_sizes_ask_for_it)
{
    const struct {
        const char *why;
        size_t sizes[8];
        size_t cap;
        size_t taken, len, segment;
    } table[] = {
        {"one", {100}, 4096, 1, 129, 129},
        {"equal ones", {100, 100, 100}, 4096, 3, 3 * 129, 129},
        {"a shorter one ends it", {100, 60, 100}, 4096, 2, 129 + 89, 129},
        {"a longer one stays out", {100, 101}, 4096, 1, 129, 129},
        {"a longer one behind equal ones", {100, 100, 1000}, 4096, 2, 258, 129},
        {"room for two", {100, 100, 100}, 3 * 129 - 1, 2, 258, 129},
        {"room for all, exactly", {100, 100, 100}, 3 * 129, 3, 3 * 129, 129},
        {"room for none", {100}, 128, 0, 0, 0},
        {"a shorter one that has no room", {100, 99}, 256, 1, 129, 129},
        {"nothing to seal", {0}, 4096, 0, 0, 0},
    };
    connect();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        hf_bytes packets[8];
        size_t n = 0;
        for (; n < 8 && table[i].sizes[n] > 0; n++)
            packets[n] = (hf_bytes){.data = content, .len = table[i].sizes[n]};
        hf_transmit out = {.buffer = buffer, .cap = table[i].cap};
        cr_expect_eq(hf_dtls_seal(p.client.dtls, packets, n, NULL, &out), table[i].taken, "%s", table[i].why);
        cr_expect_eq(out.len, table[i].len, "%s: %zu bytes", table[i].why, out.len);
        cr_expect_eq(out.segment, table[i].segment, "%s", table[i].why);
    }
    pair_clear(&p);
}

Test(dtls_record, fifty_packets_go_and_come_in_one_call)
{
    connect();
    enum { N = 50, SIZE = HF_MTU_DEFAULT - HF_DTLS_OVERHEAD_MAX };
    hf_bytes packets[N];
    for (size_t i = 0; i < N; i++)
        packets[i] = (hf_bytes){.data = content + i, .len = SIZE};
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    cr_assert_eq(hf_dtls_seal(p.client.dtls, packets, N, NULL, &out), N);
    cr_expect_eq(out.segment, SIZE + CHACHA_EXPANSION);
    cr_expect_leq(out.segment, HF_MTU_DEFAULT);

    hf_datagram datagrams[N];
    for (size_t i = 0; i < N; i++)
        datagrams[i] = (hf_datagram){.data = buffer + i * out.segment, .len = out.segment};
    hf_bytes opened[N + 8];
    size_t allocations = p.env.allocations;
    cr_assert_eq(hf_dtls_input(p.server.dtls, p.now, datagrams, N, opened, N + 8), N);
    cr_expect_eq(p.env.allocations, allocations, "opening allocates nothing");
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(opened[i].len, SIZE);
        cr_expect_arr_eq(opened[i].data, content + i, SIZE, "packet %zu", i);
        cr_expect(opened[i].data >= datagrams[i].data && opened[i].data < datagrams[i].data + datagrams[i].len, "in place");
    }
    pair_clear(&p);
}

Test(dtls_record, several_in_one_datagram_are_opened_in_place)
{
    connect();
    uint8_t datagram[HF_DATAGRAM_MAX];
    size_t len = 0;
    for (size_t i = 0; i < 8; i++) {
        hf_bytes packet = {.data = content + i, .len = 100 + i};
        hf_transmit out = {.buffer = datagram + len, .cap = sizeof datagram - len};
        cr_assert_eq(hf_dtls_seal(p.client.dtls, &packet, 1, NULL, &out), 1);
        len += out.len;
    }
    hf_datagram whole = {.data = datagram, .len = len};
    hf_bytes opened[8];
    cr_assert_eq(hf_dtls_input(p.server.dtls, p.now, &whole, 1, opened, 8), 8);
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(opened[i].len, 100 + i);
        cr_expect_arr_eq(opened[i].data, content + i, opened[i].len);
    }
    pair_clear(&p);
}

Test(dtls_record, more_packets_than_room_are_dropped_and_counted)
{
    connect();
    hf_bytes packets[4];
    for (size_t i = 0; i < 4; i++)
        packets[i] = (hf_bytes){.data = content, .len = 100};
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    cr_assert_eq(hf_dtls_seal(p.client.dtls, packets, 4, NULL, &out), 4);
    hf_datagram whole = {.data = buffer, .len = out.len};
    hf_bytes opened[3];
    cr_expect_eq(hf_dtls_input(p.server.dtls, p.now, &whole, 1, opened, 3), 3);
    hf_dtls_stats stats;
    hf_dtls_get_stats(p.server.dtls, &stats);
    cr_expect_eq(stats.drops.by_cause[HF_DROP_DTLS_RECORD], 1);
    cr_expect_eq(stats.records_received, 3);
    pair_clear(&p);
}

/* Its length before the datagram, in as many bytes as there are; then padding to a multiple of four. */
static size_t write_wrap(const hf_wrap *wrap, uint8_t *datagram, size_t len)
{
    size_t padding = wrap->after > 0 ? (4 - len % 4) % 4 : 0;
    memset(datagram - wrap->before, (int)len, wrap->before);
    memset(datagram + len, 0xBB, padding);
    return wrap->before + len + padding;
}

Test(dtls_record, each_is_wrapped)
{
    connect();
    hf_bytes packets[3] = {{content, 100}, {content + 1, 100}, {content + 2, 90}};
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    cr_assert_eq(hf_dtls_seal(p.client.dtls, packets, 1, NULL, &out), 1);
    size_t bare = out.len;
    cr_assert_neq(bare % 4, 0);
    const struct {
        size_t before, after, cap, taken;
        const char *why;
    } table[] = {
        {2, 0, sizeof buffer, 3, "a length (RFC 4571)"},
        {4, 0, sizeof buffer, 3, "a channel number and a length (RFC 8656 §12.4)"},
        {4, 3, sizeof buffer, 3, "the same in a stream, padded"},
        {48, 3, sizeof buffer, 3, "a Send indication"},
        {4, 0, 2 * (4 + bare), 2, "room for two"},
        {4, 0, 2 * (4 + bare) - 1, 1, "a byte less"},
    };
    for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
        hf_wrap wrap = {.before = table[t].before, .after = table[t].after, .write = write_wrap};
        size_t padding = wrap.after > 0 ? 4 - bare % 4 : 0;
        out.cap = table[t].cap;
        memset(buffer, 0xAA, sizeof buffer);
        cr_assert_eq(hf_dtls_seal(p.client.dtls, packets, 3, &wrap, &out), table[t].taken, "%s", table[t].why);
        cr_assert_eq(out.segment, wrap.before + bare + padding, "%s", table[t].why);
        for (size_t i = 0; i < table[t].taken; i++) {
            uint8_t *at = buffer + i * out.segment;
            size_t len = bare - 100 + packets[i].len;
            for (size_t b = 0; b < wrap.before; b++)
                cr_expect_eq(at[b], len, "%s", table[t].why);
            cr_expect_eq(pair_give(&p, &p.server, at + wrap.before, len), 1, "%s", table[t].why);
            cr_expect_arr_eq(p.server.last, content + i, packets[i].len);
        }
    }
    pair_clear(&p);
}

Test(dtls_record, order_of_arrival_does_not_matter_within_a_window)
{
    connect();
    hf_bytes packets[40];
    for (size_t i = 0; i < 40; i++)
        packets[i] = (hf_bytes){.data = content + i, .len = 50};
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    cr_assert_eq(hf_dtls_seal(p.server.dtls, packets, 40, NULL, &out), 40);
    for (size_t i = 40; i-- > 0;) {
        cr_expect_eq(pair_give(&p, &p.client, buffer + i * out.segment, out.segment), 1);
        cr_expect_arr_eq(p.client.last, content + i, 50);
    }
    pair_clear(&p);
}

Test(dtls_record, every_suite_carries_data)
{
    const struct {
        int id;
        const char *name;
        size_t expansion;
    } suites[] = {
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 29},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", HF_DTLS_OVERHEAD_MAX},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", HF_DTLS_OVERHEAD_MAX},
    };
    for (size_t i = 0; i < 3; i++) {
        int only[] = {suites[i].id, 0};
        pair_init(&p, i);
        pair_open(&p);
        mbedtls_ssl_conf_ciphersuites(&p.client.dtls->conf, only);
        cr_assert(pair_connect(&p, HF_SECONDS(5)));
        cr_expect_str_eq(hf_dtls_cipher(p.server.dtls), suites[i].name);
        hf_bytes packet = {.data = content, .len = 1000};
        hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
        cr_expect_eq(hf_dtls_seal(p.server.dtls, &packet, 1, NULL, &out), 1);
        cr_expect_eq(out.len, 1000 + suites[i].expansion);
        cr_expect_eq(pair_give(&p, &p.client, buffer, out.len), 1);
        pair_clear(&p);
    }
}
