/* control.c: messages of the control channel as any remote may send them, and what they do to a channel that sends.
 *
 * Input: a first byte that says which channel, then a run of steps: one byte what, and what it takes. */
#include <bytes.h>
#include <control.h>
#include <outbox.h>

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEPT_MAX 4096

/* --- The codec --------------------------------------------------------------------------------------------------------- */

static void copy_received(hf_bytes list, hf_writer *w)
{
    hf_control_received item;
    while (hf_control_next_received(&list, &item)) {
        hf_ranges ranges = {0};
        hf_control_ranges rest = item.ranges;
        for (hf_range range; hf_control_next_range(&rest, &range);) {
            demand(range.first > item.received + 1 && range.last >= range.first && range.last <= HF_VARINT_MAX);
            demand(hf_ranges_add(&ranges, &fuzz_env, range, SIZE_MAX) == HF_OK);
        }
        (void)hf_control_write_received(w, &item, &ranges);
        hf_ranges_clear(&ranges, &fuzz_env);
    }
    demand(list.len == 0);
}

static void copy_lasts(hf_bytes list, hf_writer *w)
{
    hf_control_last item;
    while (hf_control_next_last(&list, &item))
        hf_control_write_last(w, &item);
    demand(list.len == 0);
}

/* Whatever could be read can be written, and what was written is read again. */
static void check_codec(hf_bytes bytes)
{
    static uint8_t copy[HF_CONTROL_MESSAGE_MAX];
    hf_writer w = hf_writer_of(copy, sizeof copy);
    hf_control message, again;
    if (hf_control_read(bytes, &message) != HF_OK)
        return;
    switch (message.type) {
    case HF_CONTROL_HELLO:
        hf_control_write_hello(&w, message.u.hello.session, message.u.hello.remote, message.u.hello.generation);
        copy_received(message.u.hello.received, &w);
        break;
    case HF_CONTROL_ACK:
        hf_control_write_ack(&w);
        copy_received(message.u.ack.received, &w);
        break;
    case HF_CONTROL_CLOSE:
    case HF_CONTROL_CLOSED:
        hf_control_write_close(&w, message.type, message.type == HF_CONTROL_CLOSE ? &message.u.close : &message.u.closed);
        break;
    case HF_CONTROL_BYE:
        hf_control_write_bye(&w, message.type);
        copy_lasts(message.u.bye.lasts, &w);
        break;
    case HF_CONTROL_BYE_DONE:
        hf_control_write_bye(&w, message.type);
        break;
    case HF_CONTROL_PING:
    case HF_CONTROL_PONG:
        hf_control_write_ping(&w, message.type,
                              message.type == HF_CONTROL_PING ? message.u.ping.token : message.u.pong.token);
        break;
    }
    demand(w.ok && (w.len == 0 || hf_control_read(hf_bytes_of(copy, w.len), &again) == HF_OK));
    demand(w.len == 0 || again.type == message.type);
}

/* --- A channel that sends ---------------------------------------------------------------------------------------------- */

static void hear_bytes(hf_outbox *box, hf_bytes bytes, bool resume)
{
    hf_control message;
    hf_control_received item;
    if (hf_control_read(bytes, &message) != HF_OK || message.type != HF_CONTROL_ACK)
        return;
    while (hf_control_next_received(&message.u.ack.received, &item)) {
        hf_err err = resume ? hf_outbox_resume(box, &item) : hf_outbox_acknowledge(box, &item);
        demand(err == HF_OK || err == HF_EPROTO);
    }
}

/* An item that means something: near to what was given. */
static void hear_made(hf_outbox *box, hf_reader *in, bool resume)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_of(bytes, sizeof bytes);
    uint8_t what = hf_read_u8(in);
    hf_control_write_ack(&w);
    hf_write_varint(&w, 2);
    hf_write_varint(&w, box->acked + what % 8);
    hf_write_varint(&w, hf_read_u8(in) * 16u);
    hf_write_varint(&w, 1 + hf_read_u8(in) * 4u);
    hf_write_varint(&w, what >> 6);
    for (int i = 0; i < what >> 6; i++) {
        hf_write_varint(&w, (what >> 3) % 4);
        hf_write_varint(&w, (what >> 5) % 2);
    }
    hear_bytes(box, hf_bytes_of(bytes, w.len), resume);
}

static void push(hf_outbox *box, size_t len)
{
    static const uint8_t zeroes[256 * 16];
    size_t held = box->queued + box->kept;
    hf_err err = hf_outbox_push(box, 0, HF_BINARY, hf_bytes_of(zeroes, len));
    demand(err == HF_OK || err == HF_EAGAIN || err == HF_EMSGSIZE);
    demand(err == HF_OK || held == box->queued + box->kept);
}

static void give(hf_outbox *box, size_t part_max)
{
    hf_outbox_part part;
    for (int i = 0; i < 4 && hf_outbox_peek(box, part_max, &part); i++) {
        demand(part.payload.len <= part_max || !box->framed || box->delivery == HF_DELIVERY_FRESH);
        demand(part.payload.len > 0 || box->next_at == 0);
        hf_outbox_given(box, part.payload.len);
    }
}

static void take_back(hf_outbox *box, bool too_long)
{
    hf_returned returned;
    while (too_long ? hf_outbox_take_too_long(box, &returned) : hf_outbox_take_back(box, &returned))
        hf_dealloc(box->env, returned.memory);
}

static void check(const hf_outbox *box)
{
    demand(box->queued + box->kept <= KEPT_MAX && (box->len > 0 || box->queued + box->kept + box->charged == 0));
    demand((box->oldest == NULL) == (box->len == 0) && (box->newest == NULL) == (box->len == 0));
    demand(box->sent_last <= box->number_last && (box->acked <= box->sent_last || box->acked == 0));
    demand(box->next_at == 0 || box->next);
}

static void step(hf_outbox *box, hf_reader *in)
{
    uint8_t what = hf_read_u8(in);
    hf_bytes bytes = {0};
    switch (what % 16) {
    case 0:
    case 1:
        bytes = hf_read_bytes(in, what >> 1 < in->rest.len ? what >> 1 : in->rest.len);
        check_codec(bytes);
        hear_bytes(box, bytes, what & 1);
        break;
    case 2:
    case 3:
    case 4:
        push(box, what % 16 == 2 ? what >> 4 : hf_read_u8(in) * 16u);
        break;
    case 5:
    case 6:
    case 7:
        if (box->is_open)
            give(box, 1 + (what >> 4) * 8u);
        break;
    case 8:
        hf_outbox_pause(box);
        break;
    case 9:
        demand(hf_outbox_resume(box, NULL) == HF_OK);
        break;
    case 10:
    case 11:
        hear_made(box, in, what & 1);
        break;
    case 12:
        take_back(box, true);
        break;
    case 13:
        if (what >> 4 == 0)
            take_back(box, false);
        break;
    case 14:
        hf_outbox_limit(box, hf_read_u8(in));
        break;
    default:
        if (what >> 4 == 0) /* nothing of it was acknowledged: another channel's */
            hf_outbox_move(box, (hf_delivery)(hf_read_u8(in) % 3));
        (void)hf_outbox_take_writable(box);
        break;
    }
    check(box);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_outbox box;
    hf_reader in = hf_reader_of(hf_bytes_of(data, size));
    uint8_t which = hf_read_u8(&in);
    check_codec(in.rest);
    hf_outbox_init(&box, &fuzz_env, (hf_delivery)(which % 3), KEPT_MAX);
    box.framed = (which & 4) == 0;
    while (in.ok && in.rest.len > 0)
        step(&box, &in);
    take_back(&box, false);
    check(&box);
    hf_outbox_clear(&box);
    return 0;
}
