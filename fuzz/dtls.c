/* dtls.c: a server, a client, or both with a hostile network between them.
 *
 * The first byte says which; then come operations, a byte each with what it takes behind it (see `operate`). Whoever holds
 * no key can neither connect nor have a packet handed up: a breach of that is a crash here. */
#include "fuzz.h"

#include <bytes.h>
#include <dtls.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* mbedTLS puts the time into its random; a run must not depend on it. */
time_t time(time_t *out)
{
    if (out)
        *out = 1;
    return 1;
}

#define MESSAGE "what was sealed and nothing else"
#define MAILBOX_MAX 32
#define OPERATIONS_MAX 400

typedef struct end {
    hf_dtls *dtls;
    bool connected, over;
} end;

typedef struct letter {
    int to;
    uint8_t data[HF_DATAGRAM_MAX];
    size_t len;
} letter;

static struct {
    hf_time now;
    end ends[2];  /* client, server; in a run with one, the other's dtls is NULL */
    bool has_key; /* both are there: connecting is possible */
    letter mailbox[MAILBOX_MAX];
    size_t letters;
} world;

static void see_events(end *e)
{
    hf_dtls_event event;
    while (hf_dtls_poll_event(e->dtls, &event)) {
        demand(!e->over);
        switch (event.type) {
        case HF_DTLS_CONNECTED:
            demand(world.has_key && !e->connected);
            e->connected = true;
            break;
        case HF_DTLS_FAILED:
        case HF_DTLS_CLOSED:
            e->over = true;
            break;
        }
    }
}

static void post(int to, const uint8_t *bytes, size_t len)
{
    demand(len > 0 && len <= HF_DATAGRAM_MAX);
    if (world.letters == MAILBOX_MAX)
        return;
    letter *posted = &world.mailbox[world.letters++];
    posted->to = to;
    posted->len = len;
    memcpy(posted->data, bytes, len);
}

static void post_run(int to, const hf_transmit *run)
{
    for (size_t at = 0; at < run->len; at += run->segment)
        post(to, run->buffer + at, run->len - at < run->segment ? run->len - at : run->segment);
}

static void drain(int which)
{
    uint8_t buffer[4096];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    while (hf_dtls_poll_transmit(world.ends[which].dtls, world.now, NULL, &out))
        post_run(!which, &out);
    see_events(&world.ends[which]);
}

static void give(int which, const uint8_t *bytes, size_t len)
{
    end *e = &world.ends[which];
    if (!e->dtls)
        return;
    uint8_t *memory = malloc(len > 0 ? len : 1);
    demand(memory);
    if (len > 0)
        memcpy(memory, bytes, len);
    hf_datagram datagram = {.data = memory, .len = len};
    hf_bytes packets[80];
    size_t n = hf_dtls_input(e->dtls, world.now, &datagram, 1, packets, 80);
    see_events(e);
    demand(n == 0 || e->connected);
    for (size_t i = 0; i < n; i++)
        demand(hf_bytes_equal_text(packets[i], MESSAGE));
    free(memory);
    drain(which);
}

static void seal(int which)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_bytes packets[] = {hf_bytes_of_text(MESSAGE), hf_bytes_of_text(MESSAGE), hf_bytes_of_text(MESSAGE)};
    size_t n = world.ends[which].dtls ? hf_dtls_seal(world.ends[which].dtls, packets, 3, NULL, &out) : 0;
    demand(n == 0 || (n == 3 && out.len == 3 * out.segment));
    if (n > 0)
        post_run(!which, &out);
}

static void tick(int which)
{
    end *e = &world.ends[which];
    hf_time deadline = e->dtls ? hf_dtls_deadline(e->dtls) : HF_NEVER;
    if (deadline == HF_NEVER)
        return;
    if (deadline > world.now)
        world.now = deadline;
    hf_dtls_tick(e->dtls, world.now);
    demand(hf_dtls_deadline(e->dtls) > world.now);
    drain(which);
}

static void start(int which)
{
    if (!world.ends[which].dtls)
        return;
    hf_dtls_start(world.ends[which].dtls, world.now);
    drain(which);
}

static void stop(int which)
{
    if (!world.ends[which].dtls)
        return;
    hf_dtls_close(world.ends[which].dtls, world.now);
    drain(which);
}

/* Takes a letter out of the mailbox and delivers it, changed at one place if `change` is not zero. */
static void deliver(size_t index, size_t at, uint8_t change)
{
    if (world.letters == 0)
        return;
    index %= world.letters;
    static letter taken;
    taken = world.mailbox[index];
    world.letters--;
    memmove(&world.mailbox[index], &world.mailbox[index + 1], (world.letters - index) * sizeof taken);
    taken.data[at % taken.len] ^= change;
    give(taken.to, taken.data, taken.len);
}

static void operate(hf_reader *r)
{
    uint8_t operation = hf_read_u8(r);
    int which = operation >> 7;
    switch (operation & 15) {
    case 0: /* a datagram of a stranger: length, bytes */
    {
        size_t len = hf_read_u16(r);
        hf_bytes bytes = hf_read_bytes(r, len < r->rest.len ? len : r->rest.len);
        give(which, bytes.data, bytes.len);
    } break;
    case 1:
        tick(which);
        break;
    case 2: /* time passes: hundredths of a second */
        world.now += HF_MS(10) * hf_read_u8(r);
        break;
    case 3:
        seal(which);
        break;
    case 4:
        stop(which);
        break;
    case 5:
        start(which);
        break;
    case 6:
        deliver(0, 0, 0);
        break;
    case 7: /* out of order */
        deliver(hf_read_u8(r), 0, 0);
        break;
    case 8: /* lost */
        world.letters -= world.letters > 0;
        break;
    case 9: /* twice */
        if (world.letters > 0 && world.letters < MAILBOX_MAX) {
            world.mailbox[world.letters] = world.mailbox[world.letters - 1];
            world.letters++;
        }
        break;
    case 10: /* changed: where, how */
    {
        uint16_t at = hf_read_u16(r);
        deliver(0, at, hf_read_u8(r));
    } break;
    case 11: /* a copy that is changed goes ahead */
        if (world.letters > 0) {
            static letter copy;
            copy = world.mailbox[0];
            copy.data[hf_read_u16(r) % copy.len] ^= hf_read_u8(r);
            give(copy.to, copy.data, copy.len);
        }
        break;
    case 12:
        for (int i = 0; i < MAILBOX_MAX && world.letters > 0; i++)
            deliver(0, 0, 0);
        break;
    default:
        break;
    }
}

/* Made once: it takes longer than most runs. */
static hf_certificate *certificate(hf_fingerprint *fingerprint)
{
    static hf_certificate *made;
    fuzz_seed(1);
    if (!made)
        demand(hf_certificate_new(&made, &fuzz_env) == HF_OK);
    demand(hf_certificate_fingerprint(made, HF_SHA256, fingerprint) == HF_OK);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_reader r = hf_reader_of(hf_bytes_of(data, size));
    uint8_t kind = hf_read_u8(&r);
    hf_fingerprint fingerprint;
    hf_dtls_config config = {.certificate = certificate(&fingerprint), .fingerprints = &fingerprint, .fingerprints_len = 1};

    memset(&world, 0, sizeof world);
    fuzz_seed(2);
    world.has_key = kind & 2;
    for (int i = 0; i < 2; i++) {
        config.role = i == 0 ? HF_DTLS_CLIENT : HF_DTLS_SERVER;
        config.mtu = kind & 4 ? 400 : 0;
        if (world.has_key || (kind & 1) == i)
            demand(hf_dtls_new(&world.ends[i].dtls, &config, &fuzz_env) == HF_OK);
        if (!(kind & 8))
            start(i);
    }
    for (int i = 0; i < OPERATIONS_MAX && r.rest.len > 0; i++)
        operate(&r);
    hf_dtls_free(world.ends[0].dtls);
    hf_dtls_free(world.ends[1].dtls);
    return 0;
}
