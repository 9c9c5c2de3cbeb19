/* mdns.c: a querier and responder that is fed with datagrams, names and time.
 *
 * The input is a list of steps: one byte says what happens, the following say how. Names and addresses are few, so that
 * steps meet. */
#include <holdfast/mdns.h>

#include "bytes.h"
#include "fuzz.h"
#include "mdns_message.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct world {
    hf_mdns *mdns;
    hf_reader in;
    hf_time now;
    size_t asked, told;
} world;

static const char *a_name(world *w)
{
    static const char *const names[] = {"x.local",   "X.LOCAL.",   "y.local", "1f4712db-ea17-4bcf-a596-105139dfd8bf.local",
                                        "a.b.local", "example.org"};
    return names[hf_read_u8(&w->in) % (sizeof names / sizeof names[0])];
}

static hf_addr an_addr(world *w)
{
    uint8_t byte = hf_read_u8(&w->in);
    hf_addr addr = {.family = byte & 4 ? HF_FAMILY_IPV6 : HF_FAMILY_IPV4, .port = byte & 64 ? 40000 : HF_MDNS_PORT};
    addr.ip[0] = byte & 128 ? 10 : 0xFE;
    addr.ip[1] = byte & 128 ? 0 : 0x80;
    addr.ip[3] = byte & 3;
    addr.scope = byte & 128 || !(byte & 4) ? 0 : 1;
    return addr;
}

static void locals(world *w)
{
    hf_local list[6] = {0};
    size_t n = hf_read_u8(&w->in) % 7;
    for (size_t i = 0; i < n; i++)
        list[i] = (hf_local){.addr = an_addr(w), .interface = (uint32_t)(1 + i % 3), .prefix = hf_read_u8(&w->in)};
    hf_mdns_reply(w->mdns, w->now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = list, .locals_len = n});
}

/* Whatever can be read of a message is inside it, and names are names. */
static void read_all(hf_bytes message)
{
    hf_mdns_reader m;
    hf_mdns_question question;
    hf_mdns_record record;
    size_t n = 0;
    if (!hf_mdns_read(&m, message))
        return;
    while (hf_mdns_next_question(&m, &question))
        demand(++n <= message.len && strlen(question.name) <= HF_MDNS_NAME_MAX);
    while (hf_mdns_next_record(&m, &record))
        demand(++n <= message.len && strlen(record.name) <= HF_MDNS_NAME_MAX);
    demand(hf_mdns_is_well_formed(message) == m.r.ok);
}

static void input(world *w)
{
    hf_path path = {.local = an_addr(w), .remote = an_addr(w)};
    size_t len = hf_read_u16(&w->in);
    hf_bytes bytes = hf_read_bytes(&w->in, len < w->in.rest.len ? len : w->in.rest.len);
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1); /* exactly as large, so that ASan sees each overrun */
    if (!copy)
        return;
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    read_all(hf_bytes_of(copy, bytes.len));
    hf_datagram d = {.path = path, .data = copy, .len = bytes.len};
    hf_mdns_input(w->mdns, w->now, &d, 1);
    free(copy);
}

static void resolve(world *w)
{
    void *owner = hf_read_u8(&w->in) & 1 ? w : NULL;
    w->asked += hf_mdns_resolve(w->mdns, w->now, owner, hf_read_u8(&w->in), a_name(w)) == HF_OK;
}

static void advertise(world *w)
{
    void *owner = hf_read_u8(&w->in) & 1 ? w : NULL;
    const char *name = a_name(w);
    hf_addr addr = an_addr(w);
    hf_err err = hf_mdns_advertise(w->mdns, w->now, owner, name, &addr);
    demand(err == HF_OK || err == HF_EEXIST || err == HF_EINVAL || err == HF_ELIMIT);
}

static void step(world *w)
{
    switch (hf_read_u8(&w->in) % 8) {
    case 0:
        locals(w);
        break;
    case 1:
    case 2:
    case 3:
        input(w);
        break;
    case 4:
        resolve(w);
        break;
    case 5:
        advertise(w);
        break;
    case 6:
        w->now += HF_MS(10) * hf_read_u8(&w->in);
        break;
    default:
        hf_mdns_forget(w->mdns, w->now, hf_read_u8(&w->in) & 1 ? w : NULL);
        break;
    }
}

/* What it says is well formed, and it comes to an end. */
static void drain(world *w)
{
    uint8_t buffer[HF_MTU_DEFAULT];
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    hf_mdns_event e;
    size_t n = 0;
    hf_mdns_tick(w->mdns, w->now);
    while (hf_mdns_poll_transmit(w->mdns, w->now, &t)) {
        demand(t.len > 0 && t.len == t.segment && hf_mdns_is_well_formed(hf_bytes_of(buffer, t.len)));
        demand(++n < 1000);
    }
    while (hf_mdns_poll_event(w->mdns, &e)) {
        demand((e.err == HF_OK) == (e.addrs_len > 0) && e.addrs_len <= HF_MDNS_ADDRS_MAX);
        w->told++;
    }
    demand(w->told <= w->asked && hf_mdns_deadline(w->mdns) > w->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_seed(0);
    world w = {.in = hf_reader_of(hf_bytes_of(data, size)), .now = HF_SECONDS(1)};
    if (hf_mdns_new(&w.mdns, &fuzz_env) != HF_OK)
        return 0;
    for (size_t i = 0; i < STEPS_MAX && w.in.rest.len > 0; i++) {
        step(&w);
        drain(&w);
    }
    hf_mdns_free(w.mdns);
    return 0;
}
