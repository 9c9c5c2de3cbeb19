/* hostile.c: what strangers can send, at any moment: it must change nothing. */
#include "pair.h"

#include <bytes.h>
#include <corpus.h>
#include <dtls_priv.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static pair p;

static const struct {
    const char *hex;
    const char *why;
} garbage[] = {
    {"", "nothing"},
    {"16", "one byte"},
    {"16fefd0000000000000001", "half a record header"},
    {"16fefd00000000000000010000", "an empty handshake record"},
    {"16fefd00000000000000010001 01", "a handshake header of one byte"},
    {"16fefd0000000000000001000c 010000000000000000000000", "a ClientHello without content"},
    {"16fefd0000000000000001000c 020000000000000000000000", "a ServerHello without content"},
    {"16fefd0000000000000001000c 0e0000000000000000000000", "a ServerHelloDone at the wrong time"},
    {"16fefd0000000000000001000c 01ffffff0000000000000000", "a ClientHello of 16 MiB"},
    {"16fefd0000000000000001000d 010000000000000000000001 00", "a fragment longer than its message"},
    {"16fefd0000000000000001000d 01000010ffffffff00000001 00", "a fragment that begins beyond its message"},
    {"16fefd0000000000000001000c 140000000000000000000000", "a Finished in the clear"},
    {"16fefd0000000000000001000c 000000000000000000000000", "a HelloRequest"},
    {"16fefd0000000000000001000f 030000030000000000000003fefd00", "a HelloVerifyRequest in the middle"},
    {"16fefdffff000000000001000c 010000000000000000000000", "an epoch far ahead"},
    {"16fefd0000000000000001ffff 01", "a record longer than its datagram"},
    {"160303 0000000000000001 0001 00", "TLS instead of DTLS"},
    {"16fefc 0000000000000001 0001 00", "a version that does not exist"},
    {"14fefd0000000000000001000101", "a ChangeCipherSpec at the wrong time"},
    {"14fefd0000000000000001000102", "a ChangeCipherSpec with another value"},
    {"14fefd000000000000000100020101", "a ChangeCipherSpec of two bytes"},
    {"14fefd0001000000000001000101", "a ChangeCipherSpec of the next epoch"},
    {"15fefd000000000000000100020200", "a plaintext close_notify, fatal"},
    {"15fefd000000000000000100020100", "a plaintext close_notify"},
    {"15fefd000000000000000100020228", "a plaintext handshake_failure"},
    {"15fefd00000000000000010001ff", "half an alert"},
    {"15fefd00000000000000010000", "an empty alert"},
    {"15fefd0001000000000001001a 0001000000000001 00112233445566778899aabbccddeeff0011", "an alert under a wrong key"},
    {"16fefd00010000000000000028 0001000000000000 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
     "a Finished under a wrong key"},
    {"17fefd0000000000000001000568656c6c6f", "application data in the clear"},
    {"17fefd0001000000000001000568656c6c6f", "application data too short for a tag"},
    {"17fefd0001000000000001001d 0001000000000001 00112233445566778899aabbccddeeff0011223344", "data under a wrong key"},
    {"17fefd00010000000000010000", "an empty sealed record"},
    {"18fefd000100000000000100020101", "a type that we do not have"},
    {"19fefd000100000000000100020101", "a record with a connection id"},
    {"2f00010203040506070809", "DTLS 1.3"},
};

static void throw_garbage(pair_end *end)
{
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        hf_bytes bytes = corpus_bytes_of_hex(garbage[i].hex);
        cr_expect_eq(pair_give(&p, end, bytes.data, bytes.len), 0, "%s", garbage[i].why);
        pair_drain(&p, end);
        cr_expect_not(end->failed || end->closed, "%s", garbage[i].why);
        corpus_free(bytes);
    }
}

Test(dtls_hostile, garbage_before_the_handshake_is_dropped)
{
    pair_init(&p, 1);
    pair_open(&p);
    hf_dtls_start(p.server.dtls, p.now);
    throw_garbage(&p.server);
    cr_expect(pair_connect(&p, HF_SECONDS(5)));
    pair_expect_conversation(&p);
    hf_dtls_stats stats;
    hf_dtls_get_stats(p.server.dtls, &stats);
    cr_expect_gt(stats.drops.by_cause[HF_DROP_DTLS_MALFORMED] + stats.drops.by_cause[HF_DROP_DTLS_RECORD] +
                     stats.drops.by_cause[HF_DROP_DTLS_REASSEMBLY],
                 20);
    pair_clear(&p);
}

Test(dtls_hostile, garbage_after_the_handshake_is_dropped)
{
    pair_init(&p, 2);
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    size_t sent = p.number;
    throw_garbage(&p.client);
    throw_garbage(&p.server);
    pair_run(&p, HF_SECONDS(5));
    cr_expect_eq(p.number, sent, "nobody answers garbage");
    pair_expect_conversation(&p);
    hf_dtls_stats stats;
    hf_dtls_get_stats(p.client.dtls, &stats);
    cr_expect_geq(stats.drops.by_cause[HF_DROP_DTLS_MALFORMED] + stats.drops.by_cause[HF_DROP_DTLS_RECORD],
                  sizeof garbage / sizeof garbage[0]);
    pair_clear(&p);
}

/* --- At each moment of the handshake --------------------------------------------------------------------------------- */

/* Which record is forged, and before which datagram it arrives. */
typedef struct forgery {
    hf_bytes bytes;
    size_t at;
} forgery;

static pair_fate forge(pair *self, const pair_datagram *datagram, size_t number)
{
    const forgery *f = self->context;
    (void)datagram;
    if (number == f->at) {
        pair_inject(self, &self->client, f->bytes.data, f->bytes.len);
        pair_inject(self, &self->server, f->bytes.data, f->bytes.len);
    }
    return PAIR_PASSES;
}

/* Nobody can tell a forged handshake message in the clear from a true one, so those are left out: they may end the attempt.
 * */
static bool is_plain_handshake(const char *hex)
{
    return strncmp(hex, "16fefd0000", 10) == 0 && strlen(hex) > 27;
}

Test(dtls_hostile, forged_records_in_the_handshake_are_harmless)
{
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        for (size_t at = 0; at < 4 && !is_plain_handshake(garbage[i].hex); at++) {
            forgery f = {.bytes = corpus_bytes_of_hex(garbage[i].hex), .at = at};
            pair_init(&p, at);
            p.fate = forge;
            p.context = &f;
            pair_open(&p);
            cr_expect(pair_connect(&p, HF_SECONDS(10)), "%s before datagram %zu", garbage[i].why, at);
            p.fate = NULL;
            pair_expect_conversation(&p);
            corpus_free(f.bytes);
            pair_clear(&p);
        }
    }
}

Test(dtls_hostile, an_alert_in_the_clear_is_believed_when_nothing_follows)
{
    const uint8_t alert[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40};
    pair_init(&p, 3);
    pair_open(&p);
    hf_dtls_start(p.client.dtls, p.now);
    pair_run(&p, HF_MS(5));
    pair_give(&p, &p.client, alert, sizeof alert);
    cr_expect_not(p.client.failed, "anybody could have sent it");
    pair_run(&p, HF_MS(990));
    cr_expect_not(p.client.failed);
    pair_run(&p, HF_MS(20));
    cr_expect(p.client.failed);
    cr_expect_eq(p.client.cause, HF_EDTLS);
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), HF_NEVER);
    pair_clear(&p);
}

/* --- Replays --------------------------------------------------------------------------------------------------------- */

typedef struct tape {
    pair_datagram *datagrams[64];
    size_t len;
} tape;

static pair_fate record_on_tape(pair *self, const pair_datagram *datagram, size_t number)
{
    tape *t = self->context;
    (void)number;
    cr_assert_lt(t->len, 64);
    t->datagrams[t->len] = malloc(sizeof *datagram);
    *t->datagrams[t->len++] = *datagram;
    return PAIR_PASSES;
}

Test(dtls_hostile, replays_are_dropped)
{
    tape t = {0};
    pair_init(&p, 4);
    p.fate = record_on_tape;
    p.context = &t;
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    for (int i = 0; i < 10; i++)
        pair_expect_conversation(&p);
    p.fate = NULL;

    hf_dtls_stats before, after;
    hf_dtls_get_stats(p.client.dtls, &before);
    cr_expect_eq(before.records_received, 10);
    cr_expect_eq(before.records_sent, 10);
    for (size_t i = 0; i < t.len; i++) {
        cr_expect_eq(pair_give(&p, t.datagrams[i]->to, t.datagrams[i]->data, t.datagrams[i]->len), 0);
        free(t.datagrams[i]);
    }
    hf_dtls_get_stats(p.client.dtls, &after);
    cr_expect_geq(after.drops.by_cause[HF_DROP_DTLS_RECORD], before.drops.by_cause[HF_DROP_DTLS_RECORD] + 10);
    cr_expect_eq(after.records_received, 10);
    pair_expect_conversation(&p);
    pair_clear(&p);
}

Test(dtls_hostile, a_changed_bit_anywhere_is_found)
{
    pair_init(&p, 5);
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_bytes packet = hf_bytes_of_text("a packet");
    cr_assert_eq(hf_dtls_seal(p.client.dtls, &packet, 1, NULL, &out), 1);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect_eq(pair_give(&p, &p.server, buffer, out.len), 0, "bit %zu", bit);
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_expect_eq(pair_give(&p, &p.server, buffer, out.len), 1);
    pair_expect_conversation(&p);
    pair_clear(&p);
}

Test(dtls_hostile, junk_behind_a_good_record_spoils_nothing)
{
    pair_init(&p, 6);
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_bytes packet = hf_bytes_of_text("a packet");
    cr_assert_eq(hf_dtls_seal(p.client.dtls, &packet, 1, NULL, &out), 1);
    memset(buffer + out.len, 0x17, 100);
    cr_expect_eq(pair_give(&p, &p.server, buffer, out.len + 100), 1);
    pair_expect_conversation(&p);
    pair_clear(&p);
}
