/* inbox.c: frames as any remote may send them, for one channel, and an application that takes what comes.
 *
 * Input: a first byte that says which channel, then a run of steps: one byte what, and what it takes. */
#include <bytes.h>
#include <frame.h>
#include <inbox.h>
#include <outbox.h>

#include <holdfast/channel.h>

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WINDOW 4096
#define MESSAGE_MAX 2048
#define MEMORY_MAX (2 * HF_CHANNEL_WINDOW_FIRST)

static size_t allocations_left;

static void *alloc_some(void *context, size_t size)
{
    (void)context;
    return allocations_left > 0 && allocations_left-- > 0 ? malloc(size) : NULL;
}

static void free_it(void *context, void *memory)
{
    (void)context;
    free(memory);
}

typedef struct run {
    hf_env env;
    hf_inbox box;
    bool within; /* a message of which the application has had the first part */
    uint64_t whole;
} run;

static void use(run *r, const hf_inbox_piece *piece)
{
    static volatile uint8_t sum;
    for (size_t i = 0; i < piece->bytes.len; i++)
        sum = (uint8_t)(sum + piece->bytes.data[i]);
    demand(!piece->discarded || (piece->last && !piece->first && piece->bytes.len == 0));
    demand(piece->first != r->within);
    r->within = !piece->last;
    r->whole += piece->last && !piece->discarded;
}

static void drain(run *r)
{
    hf_inbox_piece piece;
    while (hf_inbox_next(&r->box, &piece)) {
        use(r, &piece);
        hf_inbox_release(&r->box);
    }
}

/* What was read can be written, and says the same again. */
static void check_codec(hf_bytes bytes, hf_delivery delivery)
{
    hf_frame frame, again;
    uint8_t copy[HF_FRAME_HEADER_MAX + 512];
    if (hf_frame_read(bytes, delivery, &frame) != HF_OK || frame.payload.len > 512)
        return;
    size_t len = hf_frame_write_header(copy, delivery, &frame);
    if (frame.payload.len > 0)
        memcpy(copy + len, frame.payload.data, frame.payload.len);
    demand(hf_frame_read(hf_bytes_of(copy, len + frame.payload.len), delivery, &again) == HF_OK);
    demand(again.part == frame.part && again.kind == frame.kind && again.number == frame.number &&
           again.offset == frame.offset && again.length == frame.length && hf_bytes_equal(again.payload, frame.payload));
}

static void take(run *r, hf_bytes bytes, bool pass)
{
    hf_inbox_piece piece;
    bool passed = false;
    check_codec(bytes, r->box.delivery);
    hf_err err = hf_inbox_take(&r->box, bytes, pass ? &piece : NULL, &passed);
    demand(err == HF_OK || !passed);
    if (passed)
        use(r, &piece);
    if (err != HF_OK)
        hf_inbox_forget_partials(&r->box); /* the connection goes */
}

/* A frame that means something, as most bytes don't. */
static void take_made(run *r, hf_reader *in, bool pass)
{
    uint8_t bytes[HF_FRAME_HEADER_MAX + 256];
    uint8_t what = hf_read_u8(in);
    hf_frame frame = {.part = (hf_part)(what % 4), .kind = what & 4 ? HF_TEXT : HF_BINARY};
    frame.number = (r->box.received + hf_read_u8(in)) % HF_VARINT_MAX;
    frame.number = frame.number > 2 ? frame.number - 2 : 1; /* those that were, and those to come */
    frame.offset = hf_read_u8(in) * 8u;
    frame.length = hf_read_u8(in) * 8u;
    size_t payload = what >> 3, len = hf_frame_write_header(bytes, r->box.delivery, &frame);
    if (what & 8)
        payload *= 8;
    memset(bytes + len, what, payload);
    take(r, hf_bytes_of(bytes, len + payload), pass);
}

static void report(run *r)
{
    hf_control_received said;
    bool soon;
    hf_inbox_report(&r->box, &said);
    demand(said.window <= r->box.window_max && said.received == r->box.received);
    demand(r->box.delivery == HF_DELIVERY_FRESH || r->box.window_max - said.window <= r->box.waiting);
    demand(!hf_inbox_owes_ack(&r->box, &soon));
}

static void check(const run *r)
{
    const hf_inbox *box = &r->box;
    demand(box->waiting + box->partial <= MEMORY_MAX);
    demand(box->ranges.len + box->gaps <= MEMORY_MAX / HF_MESSAGE_COST_MIN + 1);
    demand(box->partials_len <= HF_INBOX_PARTIALS_MAX);
    for (size_t i = 0; i < box->ranges.len; i++)
        demand(box->ranges.items[i].first > (i > 0 ? box->ranges.items[i - 1].last : box->received) + 1);
}

static void step(run *r, hf_reader *in)
{
    uint8_t what = hf_read_u8(in);
    bool pass = (what & 8) != 0;
    switch (what % 8) {
    case 0:
        take(r, hf_read_bytes(in, what >> 4 < in->rest.len ? what >> 4 : in->rest.len), pass);
        break;
    case 1:
        drain(r);
        break;
    case 2:
        hf_inbox_forget_partials(&r->box);
        break;
    case 3:
        report(r);
        break;
    case 4:
        r->box.in_parts = pass && r->box.delivery == HF_DELIVERY_ORDERED;
        allocations_left = pass ? SIZE_MAX : what >> 4;
        break;
    default:
        take_made(r, in, pass);
        break;
    }
    check(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run r = {.env = {.alloc = alloc_some, .free = free_it}};
    hf_reader in = hf_reader_of(hf_bytes_of(data, size));
    allocations_left = SIZE_MAX;
    r.env.random = fuzz_env.random;
    hf_inbox_init(&r.box, &r.env, (hf_delivery)(hf_read_u8(&in) % 3), WINDOW, MESSAGE_MAX);
    while (in.ok && in.rest.len > 0)
        step(&r, &in);
    hf_inbox_forget_partials(&r.box);
    drain(&r);
    demand(!r.within && r.box.waiting == 0 && hf_inbox_is_empty(&r.box));
    demand(r.box.delivery == HF_DELIVERY_FRESH || r.whole == r.box.messages);
    hf_inbox_clear(&r.box);
    return 0;
}
