/* probe.c: a probe whose servers answer as they like: with the right transaction id, for it can be seen on the wire, and
 * anything else in the message.
 *
 * The input is a list of steps: one byte says what happens, the following say how. */
#include <holdfast/probe.h>

#include "bytes.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 300
#define ASKED_MAX 64
#define ID_SIZE 12
#define HEADER_SIZE 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct asked {
    hf_path path;
    uint8_t id[ID_SIZE];
} asked;

typedef struct world {
    hf_probe *probe;
    hf_reader in;
    hf_time now;
    asked asked[ASKED_MAX];
    size_t asked_len, sent;
} world;

static hf_addr an_addr(world *w)
{
    uint8_t byte = hf_read_u8(&w->in);
    hf_addr addr = {.family = byte & 4 ? HF_FAMILY_IPV6 : HF_FAMILY_IPV4, .port = (uint16_t)(byte & 64 ? 3478 : byte & 32)};
    addr.ip[0] = byte & 128 ? 10 : 127;
    addr.ip[3] = byte & 3;
    return addr;
}

static void reply(world *w)
{
    hf_local locals[20] = {0};
    hf_addr addrs[3];
    hf_reply r = {.id = hf_read_u8(&w->in) % 6, .locals = locals, .addrs = addrs};
    r.type = hf_read_u8(&w->in) & 1 ? HF_REPLY_LOCALS : HF_REPLY_RESOLVED;
    r.err = hf_read_u8(&w->in) & 7 ? HF_OK : HF_EIO;
    r.locals_len = hf_read_u8(&w->in) % 20;
    r.addrs_len = hf_read_u8(&w->in) % 4;
    for (size_t i = 0; i < r.locals_len; i++)
        locals[i].addr = an_addr(w);
    for (size_t i = 0; i < r.addrs_len; i++)
        addrs[i] = an_addr(w);
    hf_probe_reply(w->probe, w->now, &r);
}

/* Bytes of the input behind a header that answers a request, or not. */
static void answer(world *w)
{
    uint8_t how = hf_read_u8(&w->in), data[256] = {0};
    const asked *to = w->asked_len > 0 ? &w->asked[hf_read_u8(&w->in) % w->asked_len] : NULL;
    hf_bytes rest = hf_read_bytes(&w->in, hf_read_u8(&w->in) % 200 & ~3u);
    hf_datagram datagram = {.data = data, .len = HEADER_SIZE + rest.len};
    if (!to)
        return;
    datagram.path = to->path;
    if (how & 1)
        datagram.path.remote = an_addr(w);
    data[0] = 1;
    data[1] = how & 2 ? 0x11 : 0x01;
    data[3] = (uint8_t)rest.len;
    memcpy(data + 4, (const uint8_t[]){0x21, 0x12, 0xA4, 0x42}, 4);
    memcpy(data + 8, to->id, ID_SIZE);
    if (rest.len > 0)
        memcpy(data + HEADER_SIZE, rest.data, rest.len);
    uint8_t *copy = malloc(datagram.len); /* exactly as large, so that ASan sees each overrun */
    if (!copy)
        return;
    memcpy(copy, data, datagram.len);
    datagram.data = copy;
    hf_probe_input(w->probe, w->now, &datagram, 1);
    free(copy);
}

static void drain(world *w)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_request request;
    size_t n = 0;
    while (hf_probe_poll_request(w->probe, &request))
        demand(++n <= 1 + HF_PROBE_SERVERS_MAX);
    for (n = 0; hf_probe_poll_transmit(w->probe, w->now, &out); n++) {
        demand(n < 1000 && out.len >= HEADER_SIZE && out.path.remote.family == out.path.local.family);
        demand(!hf_addr_is_loopback(&out.path.remote) || hf_addr_is_loopback(&out.path.local));
        asked *a = &w->asked[w->sent++ % ASKED_MAX];
        a->path = out.path;
        memcpy(a->id, buffer + 8, ID_SIZE);
        w->asked_len = w->sent < ASKED_MAX ? w->sent : ASKED_MAX;
    }
}

static void look(const world *w)
{
    hf_probe_server server;
    hf_probe_local local;
    hf_probe_answer one;
    for (size_t i = 0; hf_probe_get_server(w->probe, i, &server); i++)
        demand(server.uri != NULL);
    for (size_t i = 0; hf_probe_get_local(w->probe, i, &local); i++)
        demand(*hf_nat_behavior_name(local.mapping) && i < HF_PROBE_LOCALS_MAX);
    for (size_t i = 0; hf_probe_get_answer(w->probe, i, &one); i++)
        demand(one.err != HF_OK || one.mapped.family != HF_FAMILY_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const uris[] = {"stun:10.0.0.1", "stun:127.0.0.1:40", "stun:x.example", "turn:[a00::1]"};
    world w = {.now = HF_SECONDS(1), .in = hf_reader_of(hf_bytes_of(data, size))};
    fuzz_seed(0);
    if (hf_probe_new(&w.probe, &(hf_probe_config){.uris = uris, .uris_len = 4}, &fuzz_env) != HF_OK)
        return 0;
    for (size_t i = 0; i < STEPS_MAX && w.in.rest.len > 0; i++) {
        uint8_t what = hf_read_u8(&w.in) % 8;
        if (what < 2)
            reply(&w);
        else if (what < 6)
            answer(&w);
        else
            w.now += HF_MS(20) * hf_read_u8(&w.in);
        drain(&w);
        hf_probe_tick(w.probe, w.now);
        drain(&w);
        look(&w);
    }
    /* Whatever happened, it comes to an end once the world has answered. */
    hf_probe_reply(w.probe, w.now, &(hf_reply){.type = HF_REPLY_LOCALS, .id = 1});
    for (uint32_t id = 2; id < 6; id++)
        hf_probe_reply(w.probe, w.now, &(hf_reply){.type = HF_REPLY_RESOLVED, .id = id, .err = HF_ERESOLVE});
    for (size_t i = 0; !hf_probe_is_done(w.probe); i++) {
        hf_time due = hf_probe_deadline(w.probe);
        demand(due != HF_NEVER && i < 10000);
        w.now = due > w.now ? due : w.now;
        drain(&w);
        hf_probe_tick(w.probe, w.now);
        drain(&w);
    }
    look(&w);
    hf_probe_free(w.probe);
    return 0;
}
