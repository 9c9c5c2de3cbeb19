/* inbox.c: messages of one channel on their way in. What is whole waits in a list, in the order in which the application
 * gets it; its number counts as received from then on. */
#include "inbox.h"

#include "outbox.h" /* HF_MESSAGE_COST_MIN */

#include <holdfast/channel.h>

#include <assert.h>
#include <string.h>

struct hf_incoming_message {
    hf_incoming_message *next;
    uint64_t number;
    hf_message_kind kind;
    bool passed;     /* what was before these bytes was passed on */
    bool whole;      /* to its end */
    bool forgotten;  /* nothing follows what is shown */
    size_t len;      /* when it is whole */
    size_t filled;   /* unordered: bytes that are here, wherever; ordered: so many from the beginning */
    size_t taken;    /* by the application */
    size_t cost;     /* of the window */
    hf_ranges parts; /* unordered: which bytes are here */
    uint8_t data[];
};

void hf_inbox_init(hf_inbox *box, const hf_env *env, hf_delivery delivery, size_t window_max, size_t message_max)
{
    *box = (hf_inbox){.env = env,
                      .delivery = delivery,
                      .window_max = window_max > message_max ? window_max : message_max,
                      .message_max = message_max,
                      .told_window = HF_CHANNEL_WINDOW_FIRST};
}

static size_t cost_of(size_t len)
{
    return len > HF_MESSAGE_COST_MIN ? len : HF_MESSAGE_COST_MIN;
}

/* Two connections' announcements may cross, and before the first one the remote has a window of its own. Beyond twice the
 * larger one it can't be in good faith. */
static size_t waiting_max(const hf_inbox *box)
{
    return 2 * (box->window_max > HF_CHANNEL_WINDOW_FIRST ? box->window_max : HF_CHANNEL_WINDOW_FIRST);
}

static bool has_room(const hf_inbox *box, size_t len)
{
    return cost_of(len) <= waiting_max(box) - box->waiting - box->partial;
}

/* Where a message is missing, the remote has not got it acknowledged, and it counts in its window. */
static size_t gaps_max(const hf_inbox *box)
{
    return waiting_max(box) / HF_MESSAGE_COST_MIN;
}

static hf_incoming_message *message_new(const hf_inbox *box, uint64_t number, hf_message_kind kind, size_t len)
{
    hf_incoming_message *message = hf_alloc_unfilled(box->env, sizeof *message + len);
    if (message)
        *message = (hf_incoming_message){.number = number, .kind = kind, .len = len, .cost = cost_of(len)};
    return message;
}

static void message_free(const hf_inbox *box, hf_incoming_message *message)
{
    hf_ranges_clear(&message->parts, box->env);
    hf_dealloc(box->env, message);
}

static void fill(hf_incoming_message *message, size_t offset, hf_bytes bytes)
{
    if (bytes.len > 0)
        memcpy(message->data + offset, bytes.data, bytes.len);
    message->filled += bytes.len;
}

static void enqueue(hf_inbox *box, hf_incoming_message *message)
{
    message->next = NULL;
    if (box->last)
        box->last->next = message;
    else
        box->first = message;
    box->last = message;
    box->waiting += message->cost;
}

/* --- Numbers -------------------------------------------------------------------------------------------------------- */

static bool is_here(const hf_inbox *box, uint64_t number)
{
    return number <= box->received || hf_ranges_have(&box->ranges, number);
}

/* How many ranges a set may have, so that all sets together stay within the limit. */
static size_t ranges_max(const hf_inbox *box, const hf_ranges *set)
{
    size_t all = box->ranges.len + box->gaps, most = gaps_max(box);
    return all < most ? set->len + (most - all) : set->len;
}

/* From now on it is received. */
static hf_err note_number(hf_inbox *box, uint64_t number)
{
    hf_range range = {.first = number, .last = number};
    if (box->delivery == HF_DELIVERY_UNORDERED && number != box->received + 1)
        return hf_ranges_add(&box->ranges, box->env, range, ranges_max(box, &box->ranges));
    (void)hf_ranges_take(&box->ranges, number + 1, &range);
    box->received = range.last;
    return HF_OK;
}

static void note_news(hf_inbox *box, size_t len)
{
    box->messages++;
    box->messages_since_told++;
    box->bytes_since_told += cost_of(len);
}

/* Nothing is before it, so that it need not wait. */
static bool may_pass(const hf_inbox *box, const hf_inbox_piece *pass)
{
    return pass && hf_inbox_is_empty(box);
}

/* Passes a message of one part on, or queues a copy. */
static hf_err take_whole(hf_inbox *box, const hf_frame *frame, hf_inbox_piece *pass, bool *passed)
{
    bool pass_on = may_pass(box, pass);
    hf_incoming_message *copy = pass_on ? NULL : message_new(box, frame->number, frame->kind, frame->length);
    if (!pass_on && !copy)
        return HF_ENOMEM;
    hf_err err = note_number(box, frame->number);
    if (err != HF_OK) {
        hf_dealloc(box->env, copy);
        return err;
    }
    if (copy) {
        fill(copy, 0, frame->payload);
        copy->whole = true;
        enqueue(box, copy);
    } else {
        *pass = (hf_inbox_piece){.kind = frame->kind, .bytes = frame->payload, .first = true, .last = true};
        *passed = true;
    }
    note_news(box, frame->length);
    return HF_OK;
}

/* --- Ordered -------------------------------------------------------------------------------------------------------- */

/* Begins a message of several parts. */
static hf_err open_ordered(hf_inbox *box, const hf_frame *frame)
{
    hf_inbox_open open = {.any = true, .in_parts = box->in_parts, .kind = frame->kind, .length = frame->length};
    if (!open.in_parts) {
        open.buffer = message_new(box, frame->number, frame->kind, frame->length);
        if (!open.buffer)
            return HF_ENOMEM;
        box->partial += open.buffer->cost;
    }
    box->open = open;
    return HF_OK;
}

/* From here on the parts of the message have to wait. */
static hf_err buffer_rest(hf_inbox *box)
{
    hf_inbox_open *open = &box->open;
    open->buffer = message_new(box, box->received + 1, open->kind, open->length - open->at);
    if (!open->buffer)
        return HF_ENOMEM;
    open->buffer->passed = open->at > 0;
    enqueue(box, open->buffer);
    return HF_OK;
}

/* The next part of the message that is open. */
static hf_err add_ordered(hf_inbox *box, const hf_frame *frame, hf_inbox_piece *pass, bool *passed)
{
    hf_inbox_open *open = &box->open;
    bool last = frame->part == HF_PART_LAST, first = open->at == 0;
    size_t len = frame->payload.len, rest = open->length - open->at;
    if (frame->kind != open->kind || (last ? len != rest : len >= rest))
        return HF_EPROTO;
    bool pass_on = open->in_parts && !open->buffer && may_pass(box, pass);
    if (!open->buffer && !pass_on) {
        hf_err err = buffer_rest(box);
        if (err != HF_OK)
            return err;
    }
    open->at += (uint32_t)len;
    if (pass_on) {
        *pass = (hf_inbox_piece){.kind = open->kind, .bytes = frame->payload, .first = first, .last = last};
        *passed = true;
    } else {
        fill(open->buffer, open->buffer->filled, frame->payload);
    }
    if (!last)
        return HF_OK;

    box->received++;
    note_news(box, open->length);
    if (open->buffer)
        open->buffer->whole = true;
    if (open->buffer && !open->in_parts) {
        box->partial -= open->buffer->cost;
        enqueue(box, open->buffer);
    }
    box->open = (hf_inbox_open){0};
    return HF_OK;
}

static hf_err take_ordered(hf_inbox *box, const hf_frame *frame, hf_inbox_piece *pass, bool *passed)
{
    bool begins = frame->part == HF_PART_WHOLE || frame->part == HF_PART_FIRST;
    hf_err err = HF_OK;
    if (begins == box->open.any)
        return HF_EPROTO;
    if (!begins && box->open.skipped) {
        box->open.any = box->open.skipped = frame->part != HF_PART_LAST;
        return HF_OK;
    }
    if (!begins)
        return add_ordered(box, frame, pass, passed);

    if (frame->number <= box->received) {
        box->duplicates++;
        box->open.any = box->open.skipped = frame->part == HF_PART_FIRST;
        return HF_OK;
    }
    if (frame->number != box->received + 1)
        return HF_EPROTO;
    if (frame->length > box->message_max)
        return HF_EMSGSIZE;
    if (!has_room(box, frame->length))
        return HF_ELIMIT;
    if (frame->part == HF_PART_FIRST) {
        err = open_ordered(box, frame);
        return err == HF_OK ? add_ordered(box, frame, pass, passed) : err;
    }
    return take_whole(box, frame, pass, passed);
}

/* --- Unordered ------------------------------------------------------------------------------------------------------ */

/* The message that is being put together; it is moved to the front. NULL: none of its parts has come. */
static hf_incoming_message *find_partial(hf_inbox *box, uint64_t number)
{
    hf_incoming_message **at = &box->partials, *message;
    while (*at && (*at)->number != number)
        at = &(*at)->next;
    message = *at;
    if (message) {
        *at = message->next;
        message->next = box->partials;
        box->partials = message;
    }
    return message;
}

static hf_err begin_partial(hf_inbox *box, const hf_frame *frame, hf_incoming_message **out)
{
    if (!has_room(box, frame->length) || box->partials_len == HF_INBOX_PARTIALS_MAX)
        return HF_ELIMIT;
    hf_incoming_message *message = message_new(box, frame->number, frame->kind, frame->length);
    if (!message)
        return HF_ENOMEM;
    message->next = box->partials;
    box->partials = message;
    box->partials_len++;
    box->partial += message->cost;
    *out = message;
    return HF_OK;
}

/* Takes the first of them off. */
static hf_incoming_message *pop_partial(hf_inbox *box)
{
    hf_incoming_message *message = box->partials;
    box->partials = message->next;
    box->partials_len--;
    box->partial -= message->cost;
    box->gaps -= message->parts.len;
    return message;
}

static hf_err add_unordered(hf_inbox *box, hf_incoming_message *message, const hf_frame *frame)
{
    hf_range bytes = {.first = frame->offset, .last = (uint64_t)frame->offset + frame->payload.len - 1};
    if (frame->kind != message->kind || frame->length != message->len)
        return HF_EPROTO;
    size_t before = message->parts.len;
    hf_err err = hf_ranges_add(&message->parts, box->env, bytes, ranges_max(box, &message->parts));
    if (err != HF_OK)
        return err == HF_EEXIST ? HF_EPROTO : err;
    box->gaps += message->parts.len - before;
    fill(message, frame->offset, frame->payload);
    if (message->filled < message->len)
        return HF_OK;

    err = note_number(box, message->number);
    message = pop_partial(box);
    if (err != HF_OK) {
        message_free(box, message);
        return err;
    }
    hf_ranges_clear(&message->parts, box->env);
    message->whole = true;
    enqueue(box, message);
    note_news(box, message->len);
    return HF_OK;
}

static hf_err take_unordered(hf_inbox *box, const hf_frame *frame, hf_inbox_piece *pass, bool *passed)
{
    if (is_here(box, frame->number)) {
        box->duplicates += frame->part == HF_PART_WHOLE || frame->part == HF_PART_LAST;
        return HF_OK;
    }
    if (frame->length > box->message_max)
        return HF_EMSGSIZE;
    hf_incoming_message *message = find_partial(box, frame->number);
    if (frame->part != HF_PART_WHOLE) {
        hf_err err = message ? HF_OK : begin_partial(box, frame, &message);
        return err == HF_OK ? add_unordered(box, message, frame) : err;
    }
    if (message)
        return HF_EPROTO;
    if (!has_room(box, frame->length))
        return HF_ELIMIT;
    return take_whole(box, frame, pass, passed);
}

/* --- Fresh ---------------------------------------------------------------------------------------------------------- */

static void remove_after(hf_inbox *box, hf_incoming_message *before)
{
    hf_incoming_message *message = before ? before->next : box->first;
    if (before)
        before->next = message->next;
    else
        box->first = message->next;
    if (box->last == message)
        box->last = before;
    box->waiting -= message->cost;
    message_free(box, message);
}

/* What waits longest goes, but what is shown. */
static void make_room(hf_inbox *box, size_t len)
{
    hf_incoming_message *shown = box->is_shown ? box->first : NULL;
    while (box->waiting + cost_of(len) > box->window_max && (shown ? shown->next : box->first)) {
        remove_after(box, shown);
        box->late++;
    }
}

static hf_err take_fresh(hf_inbox *box, const hf_frame *frame, hf_inbox_piece *pass, bool *passed)
{
    if (frame->length > box->message_max)
        return HF_EMSGSIZE;
    if (frame->number > box->received) {
        make_room(box, frame->length);
        if (take_whole(box, frame, pass, passed) == HF_OK)
            return HF_OK; /* otherwise it is lost, as it may be */
    }
    box->late++;
    return HF_OK;
}

hf_err hf_inbox_take(hf_inbox *box, hf_bytes bytes, hf_inbox_piece *pass, bool *passed)
{
    hf_frame frame;
    if (pass)
        *passed = false;
    hf_err err = hf_frame_read(bytes, box->delivery, &frame);
    if (err != HF_OK)
        return err;
    switch (box->delivery) {
    case HF_DELIVERY_ORDERED:
        return take_ordered(box, &frame, pass, passed);
    case HF_DELIVERY_UNORDERED:
        return take_unordered(box, &frame, pass, passed);
    case HF_DELIVERY_FRESH:
        return take_fresh(box, &frame, pass, passed);
    }
    return HF_EINVAL;
}

/* --- For the application -------------------------------------------------------------------------------------------- */

bool hf_inbox_next(hf_inbox *box, hf_inbox_piece *out)
{
    const hf_incoming_message *message = box->first;
    *out = (hf_inbox_piece){0};
    if (box->discard_due) {
        out->last = out->discarded = box->is_shown = true;
        return true;
    }
    if (!message || (message->taken == message->filled && !message->whole))
        return false;
    box->is_shown = true;
    box->shown = message->filled - message->taken;
    *out = (hf_inbox_piece){.kind = message->kind,
                            .bytes = hf_bytes_of(message->data + message->taken, box->shown),
                            .first = message->taken == 0 && !message->passed,
                            .last = message->whole};
    return true;
}

bool hf_inbox_is_empty(const hf_inbox *box)
{
    return !box->first && !box->discard_due;
}

void hf_inbox_release(hf_inbox *box)
{
    hf_incoming_message *message = box->first;
    if (!box->is_shown)
        return;
    box->is_shown = false;
    if (box->discard_due) {
        box->discard_due = false;
        return;
    }
    size_t less = box->shown < message->cost ? box->shown : message->cost;
    message->taken += box->shown;
    message->cost -= less;
    box->waiting -= less;
    box->discard_due = message->forgotten;
    if (message->forgotten || (message->whole && message->taken == message->filled))
        remove_after(box, NULL);
}

/* --- Connections come and go ------------------------------------------------------------------------------------------ */

/* The message at the end of the queue will not become whole. */
static void forget_tail(hf_inbox *box)
{
    hf_incoming_message *message = box->last, *before = NULL;
    if (box->is_shown && message == box->first) {
        message->forgotten = true;
        return;
    }
    for (hf_incoming_message *at = box->first; at != message; at = at->next)
        before = at;
    box->discard_due |= message->passed || message->taken > 0;
    remove_after(box, before);
}

void hf_inbox_forget_partials(hf_inbox *box)
{
    hf_inbox_open open = box->open;
    box->open = (hf_inbox_open){0};
    while (box->partials)
        message_free(box, pop_partial(box));
    if (open.in_parts && open.buffer) {
        forget_tail(box);
    } else if (open.in_parts) {
        box->discard_due |= open.at > 0;
    } else if (open.buffer) {
        box->partial -= open.buffer->cost;
        message_free(box, open.buffer);
    }
}

void hf_inbox_begin_anew(hf_inbox *box, hf_delivery delivery)
{
    hf_inbox_forget_partials(box);
    box->delivery = delivery;
    hf_ranges_clear(&box->ranges, box->env);
    box->received = 0;
    box->told = false;
    box->told_window = HF_CHANNEL_WINDOW_FIRST;
    box->messages_since_told = box->bytes_since_told = 0;
}

void hf_inbox_clear(hf_inbox *box)
{
    if (!box->env)
        return;
    hf_inbox_forget_partials(box);
    while (box->first)
        remove_after(box, NULL);
    hf_ranges_clear(&box->ranges, box->env);
    *box = (hf_inbox){0};
}

/* --- What the remote is told ------------------------------------------------------------------------------------------ */

static size_t window_now(const hf_inbox *box)
{
    return box->waiting < box->window_max ? box->window_max - box->waiting : 0;
}

void hf_inbox_describe(const hf_inbox *box, hf_control_received *out)
{
    *out = (hf_control_received){.received = box->received, .window = window_now(box), .message_max = box->message_max};
}

void hf_inbox_report(hf_inbox *box, hf_control_received *out)
{
    hf_inbox_describe(box, out);
    box->told = true;
    box->told_window = (size_t)out->window;
    box->messages_since_told = box->bytes_since_told = 0;
}

bool hf_inbox_owes_ack(const hf_inbox *box, bool *soon)
{
    *soon = false;
    if (box->delivery == HF_DELIVERY_FRESH)
        return false;
    size_t used = box->bytes_since_told < box->told_window ? box->bytes_since_told : box->told_window;
    size_t left = box->told_window - used, now = window_now(box), grown = now > left ? now - left : 0;
    size_t window = box->told || box->window_max < HF_CHANNEL_WINDOW_FIRST ? box->window_max : HF_CHANNEL_WINDOW_FIRST;
    *soon = box->bytes_since_told >= window / 4 || grown >= window / 4;
    return *soon || !box->told || box->messages_since_told > 0 || grown > 0;
}

bool hf_inbox_has_all(const hf_inbox *box, uint64_t last)
{
    return box->delivery == HF_DELIVERY_FRESH || box->received >= last;
}
