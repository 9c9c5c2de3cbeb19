/* outbox.c: messages of one channel on their way out: a list in the order of their numbers, and a cursor. Those before it
 * are given to the connection and wait for the remote's word. */
#include "outbox.h"

#include <holdfast/channel.h>

#include <assert.h>
#include <string.h>

/* Beside the bytes: what a queue of empty messages may hold. */
#define MESSAGES_MIN 1024

struct hf_outgoing_message {
    hf_outgoing_message *next;
    uint64_t number;
    hf_time since; /* it waits */
    size_t len;
    hf_message_kind kind;
    bool begun;    /* a part of it was given, to any connection */
    bool is_there; /* the remote has it, and yet gets the rest of the parts on this connection */
    uint8_t data[];
};

void hf_outbox_init(hf_outbox *box, const hf_env *env, hf_delivery delivery, size_t kept_max)
{
    *box = (hf_outbox){.env = env,
                       .delivery = delivery,
                       .framed = true,
                       .kept_max = kept_max,
                       .message_max = HF_FRAME_LENGTH_MAX,
                       .window = HF_CHANNEL_WINDOW_FIRST,
                       .lifetime = HF_CHANNEL_FRESH_AGE};
}

void hf_outbox_clear(hf_outbox *box)
{
    for (hf_outgoing_message *message = box->oldest, *next; message; message = next) {
        next = message->next;
        hf_dealloc(box->env, message);
    }
    *box = (hf_outbox){0};
}

/* Is the remote told to acknowledge it? */
static bool is_kept(const hf_outbox *box)
{
    return box->framed && box->delivery != HF_DELIVERY_FRESH;
}

/* The longest message that can go out; framed, a fresh one has one part. */
static size_t length_max(const hf_outbox *box)
{
    bool one_part = box->framed && box->delivery == HF_DELIVERY_FRESH;
    return one_part && box->message_max > HF_CHANNEL_PART_MAX ? HF_CHANNEL_PART_MAX : box->message_max;
}

static size_t cost(const hf_outgoing_message *message)
{
    return message->len > HF_MESSAGE_COST_MIN ? message->len : HF_MESSAGE_COST_MIN;
}

/* This connection was given a part of it. */
static bool is_begun_here(const hf_outbox *box, const hf_outgoing_message *message)
{
    return !box->next || message->number < box->next->number || (message == box->next && box->next_at > 0);
}

/* Takes the message that follows `before` (NULL: the oldest) out of the list. */
static hf_outgoing_message *unlink_after(hf_outbox *box, hf_outgoing_message *before)
{
    hf_outgoing_message *message = before ? before->next : box->oldest;
    size_t given = message == box->next ? box->next_at : is_begun_here(box, message) ? message->len : 0;
    if (is_begun_here(box, message))
        box->charged -= cost(message);
    box->kept -= given;
    box->queued -= message->len - given;
    box->len--;
    if (message == box->next) {
        box->next = message->next;
        box->next_at = 0;
    }
    if (message == box->newest)
        box->newest = before;
    if (before)
        before->next = message->next;
    else
        box->oldest = message->next;
    return message;
}

static void forget_after(hf_outbox *box, hf_outgoing_message *before)
{
    hf_dealloc(box->env, unlink_after(box, before));
}

/* --- Taking --------------------------------------------------------------------------------------------------------- */

static size_t messages_max(const hf_outbox *box)
{
    size_t most = box->kept_max / HF_MESSAGE_COST_MIN;
    return most > MESSAGES_MIN ? most : MESSAGES_MIN;
}

static bool has_room(const hf_outbox *box, size_t len)
{
    return len <= box->kept_max - box->queued - box->kept && box->len < messages_max(box);
}

/* A fresh channel has no use for what is old. */
static void make_room(hf_outbox *box, size_t len)
{
    while (box->len >= HF_CHANNEL_FRESH_MAX || (box->len > 0 && !has_room(box, len))) {
        forget_after(box, NULL);
        box->dropped++;
    }
}

bool hf_outbox_drop_stale(hf_outbox *box, hf_time now)
{
    uint64_t before = box->dropped;
    while (box->delivery == HF_DELIVERY_FRESH && box->oldest && now - box->oldest->since > box->lifetime) {
        forget_after(box, NULL);
        box->dropped++;
    }
    return box->dropped != before;
}

hf_err hf_outbox_push(hf_outbox *box, hf_time now, hf_message_kind kind, hf_bytes message)
{
    bool fresh = box->delivery == HF_DELIVERY_FRESH;
    if (message.len > length_max(box) || message.len > box->kept_max)
        return HF_EMSGSIZE;
    if (fresh && !box->is_open) {
        box->dropped++;
        return HF_OK;
    }
    if (!fresh && !has_room(box, message.len)) {
        box->refused = true;
        box->refused_len = message.len;
        return HF_EAGAIN;
    }
    hf_outgoing_message *copy = hf_alloc_unfilled(box->env, sizeof *copy + message.len);
    if (!copy)
        return HF_ENOMEM;
    if (fresh)
        make_room(box, message.len);
    *copy = (hf_outgoing_message){.number = ++box->number_last, .since = now, .len = message.len, .kind = kind};
    if (message.len > 0)
        memcpy(copy->data, message.data, message.len);
    if (box->newest)
        box->newest->next = copy;
    else
        box->oldest = copy;
    box->newest = copy;
    if (!box->next)
        box->next = copy;
    box->queued += message.len;
    box->len++;
    return HF_OK;
}

bool hf_outbox_take_writable(hf_outbox *box)
{
    bool at_half = box->queued + box->kept <= box->kept_max / 2 && box->len <= messages_max(box) / 2;
    if (!box->refused || !at_half || !has_room(box, box->refused_len))
        return false;
    box->refused = false;
    return true;
}

void hf_outbox_limit(hf_outbox *box, size_t message_max)
{
    box->too_long |= message_max < box->message_max;
    box->message_max = message_max;
}

/* --- Giving --------------------------------------------------------------------------------------------------------- */

/* A message is begun when all of it fits the window, and then nothing stops it half way. */
static bool may_be_given(const hf_outbox *box)
{
    const hf_outgoing_message *message = box->next;
    if (!box->is_open || !message)
        return false;
    if (message->len > length_max(box) && !message->begun)
        return false; /* hf_outbox_take_too_long */
    if (box->next_at > 0 || !is_kept(box))
        return true;
    return box->charged <= box->window && cost(message) <= box->window - box->charged;
}

static hf_part part_of(const hf_outbox *box, size_t payload_len)
{
    bool ends = box->next_at + payload_len == box->next->len;
    if (box->next_at == 0)
        return ends ? HF_PART_WHOLE : HF_PART_FIRST;
    return ends ? HF_PART_LAST : HF_PART_MIDDLE;
}

bool hf_outbox_peek(const hf_outbox *box, size_t part_max, hf_outbox_part *out)
{
    const hf_outgoing_message *message = box->next;
    if (part_max == 0 || !may_be_given(box))
        return false;
    size_t rest = message->len - box->next_at, len = is_kept(box) && rest > part_max ? part_max : rest;
    out->payload = hf_bytes_of(message->data + box->next_at, len);
    out->kind = box->framed ? HF_BINARY : message->kind;
    out->header_len = 0;
    if (box->framed) {
        hf_frame frame = {.part = part_of(box, len),
                          .kind = message->kind,
                          .number = message->number,
                          .offset = (uint32_t)box->next_at,
                          .length = (uint32_t)message->len};
        out->header_len = hf_frame_write_header(out->header, box->delivery, &frame);
    }
    return true;
}

void hf_outbox_given(hf_outbox *box, size_t payload_len)
{
    hf_outgoing_message *message = box->next;
    assert(message && payload_len <= message->len - box->next_at);
    assert(payload_len > 0 || message->len == 0);
    if (box->next_at == 0)
        box->charged += cost(message);
    message->begun = true;
    box->next_at += payload_len;
    box->queued -= payload_len;
    box->kept += payload_len;
    if (box->next_at < message->len)
        return;
    if (message->number > box->sent_last)
        box->sent_last = message->number;
    box->next = message->next;
    box->next_at = 0;
    box->messages_acked += message->is_there;
    if (!is_kept(box) || message->is_there)
        forget_after(box, NULL);
}

/* --- What the remote says -------------------------------------------------------------------------------------------- */

/* The largest number of which it says that it is there. */
static uint64_t largest(const hf_control_received *received)
{
    hf_control_ranges ranges = received->ranges;
    uint64_t most = received->received;
    for (hf_range range; hf_control_next_range(&ranges, &range);)
        most = range.last;
    return most;
}

static bool is_plausible(const hf_outbox *box, const hf_control_received *received)
{
    bool in_order = box->delivery != HF_DELIVERY_UNORDERED;
    return largest(received) <= box->sent_last && !(in_order && received->ranges.rest.len > 0);
}

static size_t size_of(uint64_t number)
{
    return number < SIZE_MAX ? (size_t)number : SIZE_MAX;
}

/* In order, parts of a message follow each other to its end: it is forgotten then. */
static bool has_to_be_finished(const hf_outbox *box, const hf_outgoing_message *message)
{
    return box->delivery == HF_DELIVERY_ORDERED && message == box->next && box->next_at > 0;
}

/* Forgets the messages of a range; *before is the last one that stays before it, NULL: none. */
static void forget_range(hf_outbox *box, hf_range range, hf_outgoing_message **before)
{
    hf_outgoing_message *message = *before ? (*before)->next : box->oldest;
    for (; message && message->number <= range.last; message = *before ? (*before)->next : box->oldest) {
        if (message->number >= range.first && !has_to_be_finished(box, message)) {
            forget_after(box, *before);
            box->messages_acked++;
        } else {
            message->is_there = message->number >= range.first;
            *before = message;
        }
    }
}

static void forget_what_is_there(hf_outbox *box, const hf_control_received *received)
{
    hf_outgoing_message *before = NULL;
    hf_control_ranges ranges = received->ranges;
    hf_range range = {.first = 1, .last = received->received};
    do
        forget_range(box, range, &before);
    while (hf_control_next_range(&ranges, &range));
}

hf_err hf_outbox_acknowledge(hf_outbox *box, const hf_control_received *received)
{
    if (!is_kept(box))
        return HF_OK; /* there is nothing to acknowledge */
    if (!is_plausible(box, received))
        return HF_EPROTO;
    forget_what_is_there(box, received);
    if (received->received < box->acked)
        return HF_OK; /* older than what was said on another connection: so is the window */
    box->acked = received->received;
    box->window = size_of(received->window);
    hf_outbox_limit(box, size_of(received->message_max));
    return HF_OK;
}

/* --- Connections come and go ------------------------------------------------------------------------------------------ */

static void rewind_cursor(hf_outbox *box)
{
    box->next = box->oldest;
    box->next_at = 0;
    box->queued += box->kept;
    box->kept = 0;
    box->charged = 0;
}

void hf_outbox_open(hf_outbox *box)
{
    box->is_open = true;
}

void hf_outbox_pause(hf_outbox *box)
{
    box->is_open = false;
    rewind_cursor(box);
    while (box->delivery == HF_DELIVERY_FRESH && box->oldest) {
        forget_after(box, NULL);
        box->dropped++;
    }
}

hf_err hf_outbox_resume(hf_outbox *box, const hf_control_received *received)
{
    if (is_kept(box) && received && !is_plausible(box, received))
        return HF_EPROTO;
    rewind_cursor(box);
    box->is_open = true;
    if (received) {
        hf_err err = hf_outbox_acknowledge(box, received);
        assert(err == HF_OK);
        (void)err;
    } else {
        box->window = HF_CHANNEL_WINDOW_FIRST;
    }
    box->replayed += box->len;
    return HF_OK;
}

/* --- Taking back ---------------------------------------------------------------------------------------------------- */

static void hand_back(hf_outgoing_message *message, hf_returned *out)
{
    *out = (hf_returned){.memory = message,
                         .kind = message->kind,
                         .message = hf_bytes_of(message->data, message->len),
                         .possibly_delivered = message->begun};
}

bool hf_outbox_take_back(hf_outbox *box, hf_returned *out)
{
    if (!box->oldest)
        return false;
    hand_back(unlink_after(box, NULL), out);
    return true;
}

void hf_outbox_hand_over(hf_outbox *box, hf_outbox *to)
{
    rewind_cursor(box);
    to->env = box->env;
    if (to->newest)
        to->newest->next = box->oldest;
    else
        to->oldest = box->oldest;
    to->newest = box->newest ? box->newest : to->newest;
    to->next = to->oldest;
    to->len += box->len;
    to->queued += box->queued;
    box->oldest = box->next = box->newest = NULL;
    box->len = box->queued = 0;
}

bool hf_outbox_take_too_long(hf_outbox *box, hf_returned *out)
{
    if (!box->too_long)
        return false;
    hf_outgoing_message *before = NULL, *message = box->oldest;
    for (; message && (message->begun || message->len <= length_max(box)); message = message->next)
        before = message;
    box->too_long = message != NULL;
    if (!message)
        return false;
    hand_back(unlink_after(box, before), out);
    for (hf_outgoing_message *later = before ? before->next : box->oldest; later; later = later->next)
        later->number--; /* the remote takes no number before the one below it has come */
    box->number_last--;
    return true;
}

void hf_outbox_move(hf_outbox *box, hf_delivery delivery)
{
    rewind_cursor(box);
    box->is_open = false;
    box->delivery = delivery;
    box->too_long = true;
    box->number_last = box->sent_last = box->acked = 0;
    box->window = HF_CHANNEL_WINDOW_FIRST;
    for (hf_outgoing_message *message = box->oldest; message; message = message->next) {
        message->number = ++box->number_last;
        message->begun = false;
    }
}

void hf_outbox_begin_anew(hf_outbox *box)
{
    assert(!box->oldest);
    box->number_last = box->sent_last = box->acked = 0;
    box->window = HF_CHANNEL_WINDOW_FIRST;
}
