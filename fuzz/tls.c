/* tls.c: a TLS client and a server that may be hostile, with a hostile network between them.
 *
 * The first byte says which: a stranger without a certificate of the authority, or the true server. Then come operations,
 * a byte each with what it takes behind it (see `operate`). Without the true server's key nothing opens; and what is read is
 * what was written, from the front. A breach of that is a crash here. */
#include "fuzz.h"

#include <bytes.h>
#include <dtls_tls.h>
#include <tls_server.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* mbedTLS puts the time into its random, and looks at dates; a run must not depend on it. */
time_t time(time_t *out)
{
    if (out)
        *out = 1750000000;
    return 1750000000;
}

#define HOST "turn.example.org"
#define OPERATIONS_MAX 300

static struct {
    hf_tls *tls;
    tls_server *server; /* NULL: a stranger, whose bytes are the input's */
    bool may_open;
    size_t written, read;
} world;

/* What the server writes is a pattern by its place. */
static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + at / 256);
}

static void read_all(size_t cap)
{
    uint8_t bytes[512];
    for (size_t n; (n = hf_tls_read(world.tls, bytes, cap < sizeof bytes ? cap : sizeof bytes)) > 0;) {
        for (size_t i = 0; i < n; i++)
            demand(bytes[i] == pattern(world.read++));
        demand(world.read <= world.written);
    }
}

static void check(hf_tls_state before)
{
    hf_tls_state state = hf_tls_get_state(world.tls);
    demand(state >= before);
    demand(state != HF_TLS_OPEN || (world.may_open && world.server->is_open));
    demand((state == HF_TLS_FAILED) == (hf_tls_cause(world.tls) != HF_OK));
    demand((state == HF_TLS_FAILED) == (*hf_tls_cause_text(world.tls) != '\0'));
}

static void give(const uint8_t *bytes, size_t len)
{
    hf_tls_state before = hf_tls_get_state(world.tls);
    uint8_t *memory = malloc(len > 0 ? len : 1); /* of exactly that length, so that ASan sees each overrun */
    demand(memory);
    if (len > 0)
        memcpy(memory, bytes, len);
    hf_tls_input(world.tls, memory, len);
    free(memory);
    check(before);
}

/* Bytes of the server, in pieces; one of them changed if `change` is not zero. */
static void deliver(size_t len, size_t at, uint8_t change)
{
    uint8_t bytes[4096];
    if (!world.server)
        return;
    len = tls_server_transmit(world.server, bytes, len < sizeof bytes ? len : sizeof bytes);
    if (len > 0 && change != 0)
        bytes[at % len] ^= change;
    give(bytes, len);
}

static void answer(size_t cap)
{
    uint8_t bytes[4096];
    size_t len = hf_tls_transmit(world.tls, bytes, cap < sizeof bytes ? cap : sizeof bytes);
    if (!world.server || len == 0)
        return;
    tls_server_input(world.server, bytes, len);
    while (tls_server_read(world.server, bytes, sizeof bytes) > 0)
        ;
}

static void write_both(size_t len)
{
    static uint8_t bytes[1 << 16];
    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(world.written + i);
    if (world.server && world.server->out.len < TLS_SERVER_BYTES_MAX / 2 && tls_server_write(world.server, bytes, len))
        world.written += len;
    hf_err err = hf_tls_write(world.tls, bytes, len);
    demand((err != HF_ESTATE) == (hf_tls_get_state(world.tls) == HF_TLS_OPEN) || err == HF_EDTLS);
}

static void operate(hf_reader *r)
{
    switch (hf_read_u8(r) % 11) {
    case 0: /* bytes of a stranger: length, bytes */
    {
        size_t len = hf_read_u16(r);
        hf_bytes bytes = hf_read_bytes(r, len < r->rest.len ? len : r->rest.len);
        give(bytes.data, bytes.len);
    } break;
    case 1:
        deliver(hf_read_u8(r) + 1u, 0, 0);
        break;
    case 2:
        deliver(4096, 0, 0);
        break;
    case 3: /* changed: where, how */
    {
        uint16_t at = hf_read_u16(r);
        deliver(4096, at, hf_read_u8(r));
    } break;
    case 4:
        answer(4096);
        break;
    case 5:
        answer(hf_read_u8(r) + 1u);
        break;
    case 6:
        read_all(hf_read_u8(r) + 1u);
        check(HF_TLS_HANDSHAKING);
        break;
    case 7:
        write_both(hf_read_u16(r));
        break;
    case 8: /* RFC 5246 §7.4.1.1: the server asks for another handshake */
        if (world.server && world.server->is_open)
            (void)mbedtls_ssl_renegotiate(&world.server->ssl);
        break;
    case 9:
        if (world.server)
            tls_server_close(world.server);
        break;
    default:
        hf_tls_close(world.tls);
        break;
    }
}

/* Made once: it takes longer than most runs. */
static tls_card authority, card;
static hf_trust *trust;

static void make_once(void)
{
    if (trust)
        return;
    fuzz_seed(1);
    tls_card_make(&authority, &(tls_recipe){.subject = "authority", .is_authority = true}, NULL);
    tls_card_make(&card, &(tls_recipe){.names = {HOST}}, &authority);
    demand(hf_trust_new(&trust, authority.pem, strlen(authority.pem), &fuzz_env) == HF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tls_server server;
    hf_reader r = hf_reader_of(hf_bytes_of(data, size));
    uint8_t kind = hf_read_u8(&r);

    make_once();
    memset(&world, 0, sizeof world);
    fuzz_seed(2);
    world.may_open = (kind & 3) == 1; /* the address is not in the certificate */
    if (kind & 1) {
        world.server = &server;
        tls_server_init(&server, (const tls_card *const[]){&card, NULL});
        mbedtls_ssl_conf_renegotiation(&server.conf, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    }
    demand(hf_tls_new(&world.tls, kind & 2 ? "192.0.2.1" : HOST, trust, &fuzz_env) == HF_OK);
    for (int i = 0; i < OPERATIONS_MAX && r.rest.len > 0; i++)
        operate(&r);
    hf_tls_free(world.tls);
    if (world.server)
        tls_server_clear(world.server);
    return 0;
}
