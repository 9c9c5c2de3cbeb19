/* resume.c: an outbox and an inbox, joined by connections that come and go, for many seeds. Whatever happens, what the one
 * accepted comes out of the other exactly once, in order where there is an order, and the window is kept. */
#include "inbox.h"
#include "outbox.h"

#include "corpus.h"
#include "env.h"

#include <holdfast/channel.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 4000
#define MESSAGES 40
#define LENGTH_MAX 500
#define FLIGHT_MAX 64

typedef struct flight {
    hf_bytes items[FLIGHT_MAX];
    size_t len;
} flight;

typedef enum state { UP, BETWEEN, HELLO_SENT } state; /* of the connection, as the sender sees it */

typedef struct world {
    uint64_t seed;
    test_env t, memory; /* randomness of the world; memory of the boxes */
    hf_delivery delivery;
    size_t part_max, window_max;
    bool with_pass, overlaps, fails;
    hf_outbox out;
    hf_inbox in;
    flight frames, control; /* on the present connection */
    state state;
    bool known; /* the receiver has heard of the channel */

    /* The checker's own books. */
    size_t lens[MESSAGES + 1]; /* by number of acceptance, 1, 2, … */
    size_t accepted;
    bool begun[MESSAGES + 1], acked[MESSAGES + 1]; /* on this connection; as the sender knows */
    size_t window;
    bool delivered[MESSAGES + 1];
    size_t delivered_len, newest, opened_after;
    uint8_t piece[LENGTH_MAX];
    size_t piece_len;
    bool within;
} world;

static uint32_t roll(world *w, uint32_t n)
{
    uint32_t number;
    w->t.env.random(w->t.env.context, &number, sizeof number);
    return number % n;
}

#define HOLDS(condition) cr_assert(condition, "seed %d: %s", (int)w->seed, #condition)

/* A message tells its number in its first bytes, and the rest follows from it. */
static void compose(size_t number, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i < 2 ? number >> (8 * i) : number * 31 + i);
}

static size_t cost(size_t len)
{
    return len > HF_MESSAGE_COST_MIN ? len : HF_MESSAGE_COST_MIN;
}

static hf_bytes copy_of(const uint8_t *head, size_t head_len, hf_bytes rest)
{
    uint8_t *bytes = malloc(head_len + rest.len + 1);
    if (!bytes)
        abort();
    if (head_len > 0)
        memcpy(bytes, head, head_len);
    if (rest.len > 0)
        memcpy(bytes + head_len, rest.data, rest.len);
    return hf_bytes_of(bytes, head_len + rest.len);
}

static hf_bytes take_out(flight *on, size_t at)
{
    hf_bytes bytes = on->items[at];
    on->len--;
    memmove(&on->items[at], &on->items[at + 1], (on->len - at) * sizeof *on->items);
    return bytes;
}

static void lose_all(flight *on)
{
    while (on->len > 0)
        corpus_free(take_out(on, 0));
}

/* --- The sender ------------------------------------------------------------------------------------------------------- */

static void push(world *w)
{
    uint8_t bytes[LENGTH_MAX];
    size_t len = roll(w, 4) == 0 ? roll(w, 3) + 2 : 2 + roll(w, LENGTH_MAX - 1);
    if (w->delivery == HF_DELIVERY_ORDERED && roll(w, 8) == 0)
        len = 0;
    if (w->accepted == MESSAGES)
        return;
    compose(w->accepted + 1, len, bytes);
    hf_err err = hf_outbox_push(&w->out, 0, len % 2 == 0 ? HF_TEXT : HF_BINARY, hf_bytes_of(bytes, len));
    HOLDS(err == HF_OK || err == HF_EAGAIN || (err == HF_ENOMEM && w->fails));
    if (err == HF_OK)
        w->lens[++w->accepted] = len;
}

/* The number of the message whose part is shown: the cursor's, as the outbox says. */
static void check_window(world *w, const hf_outbox_part *part)
{
    size_t used = 0;
    uint8_t bytes[HF_FRAME_HEADER_MAX + LENGTH_MAX];
    hf_frame frame;
    memcpy(bytes, part->header, part->header_len);
    if (part->payload.len > 0)
        memcpy(bytes + part->header_len, part->payload.data, part->payload.len);
    HOLDS(hf_frame_read(hf_bytes_of(bytes, part->header_len + part->payload.len), w->delivery, &frame) == HF_OK);
    if (w->delivery == HF_DELIVERY_FRESH) {
        HOLDS((size_t)(frame.payload.data[0] | frame.payload.data[1] << 8) > w->opened_after);
        return;
    }
    if (frame.number == 0 || w->begun[frame.number])
        return;
    w->begun[frame.number] = true;
    for (size_t i = 1; i <= w->accepted; i++)
        used += w->begun[i] && !w->acked[i] ? cost(w->lens[i]) : 0;
    HOLDS(used <= w->window);
}

static void give(world *w)
{
    hf_outbox_part part;
    if (w->frames.len == FLIGHT_MAX || !hf_outbox_peek(&w->out, 1 + roll(w, (uint32_t)w->part_max), &part))
        return;
    HOLDS(w->state == UP && part.kind == HF_BINARY);
    check_window(w, &part);
    w->frames.items[w->frames.len++] = copy_of(part.header, part.header_len, part.payload);
    hf_outbox_given(&w->out, part.payload.len);
}

static void note_item(world *w, hf_control_received item)
{
    hf_range range;
    uint64_t before = w->out.acked;
    for (uint64_t i = 1; i <= item.received; i++)
        w->acked[i] = true;
    while (hf_control_next_range(&item.ranges, &range)) {
        for (uint64_t i = range.first; i <= range.last; i++)
            w->acked[i] = true;
    }
    if (item.received >= before)
        w->window = (size_t)item.window;
}

static void hear(world *w)
{
    hf_control message;
    hf_control_received item;
    if (w->control.len == 0)
        return;
    hf_bytes bytes = take_out(&w->control, 0);
    HOLDS(hf_control_read(bytes, &message) == HF_OK);
    if (message.type == HF_CONTROL_ACK) {
        HOLDS(hf_control_next_received(&message.u.ack.received, &item));
        note_item(w, item);
        HOLDS(hf_outbox_acknowledge(&w->out, &item) == HF_OK);
    } else {
        HOLDS(w->state == HELLO_SENT);
        bool any = hf_control_next_received(&message.u.hello.received, &item);
        memset(w->begun, 0, sizeof w->begun);
        if (any)
            note_item(w, item);
        else
            w->window = HF_CHANNEL_WINDOW_FIRST;
        hf_inbox_forget_partials(&w->in);
        lose_all(&w->frames); /* of the connection before */
        w->opened_after = w->accepted;
        HOLDS(hf_outbox_resume(&w->out, any ? &item : NULL) == HF_OK);
        w->state = UP;
    }
    corpus_free(bytes);
}

/* --- The receiver ----------------------------------------------------------------------------------------------------- */

/* The application gets a piece. */
static void use(world *w, const hf_inbox_piece *piece)
{
    uint8_t expected[LENGTH_MAX];
    if (piece->discarded) {
        HOLDS(w->within && piece->last && !piece->first && piece->bytes.len == 0);
        w->within = false;
        return;
    }
    HOLDS(piece->first != w->within);
    if (piece->first)
        w->piece_len = 0;
    HOLDS(w->piece_len + piece->bytes.len <= LENGTH_MAX);
    if (piece->bytes.len > 0)
        memcpy(w->piece + w->piece_len, piece->bytes.data, piece->bytes.len);
    w->piece_len += piece->bytes.len;
    w->within = !piece->last;
    if (!piece->last)
        return;

    size_t number = w->delivery == HF_DELIVERY_ORDERED ? w->newest + 1 : (size_t)(w->piece[0] | w->piece[1] << 8);
    HOLDS(number >= 1 && number <= w->accepted);
    HOLDS(w->piece_len == w->lens[number]);
    HOLDS(piece->kind == (w->lens[number] % 2 == 0 ? HF_TEXT : HF_BINARY));
    compose(number, w->piece_len, expected);
    HOLDS(memcmp(expected, w->piece, w->piece_len) == 0);
    HOLDS(!w->delivered[number]);
    HOLDS(w->delivery == HF_DELIVERY_UNORDERED || number > w->newest);
    w->delivered[number] = true;
    w->newest = number;
    w->delivered_len++;
}

static void cut(world *w)
{
    lose_all(&w->frames);
    lose_all(&w->control);
    hf_outbox_pause(&w->out);
    hf_inbox_forget_partials(&w->in);
    w->state = BETWEEN;
}

static void arrive(world *w)
{
    if (w->frames.len == 0)
        return;
    hf_inbox_piece piece;
    bool passed = false;
    size_t at = w->delivery == HF_DELIVERY_ORDERED ? 0 : roll(w, (uint32_t)w->frames.len);
    hf_bytes frame = take_out(&w->frames, at);
    bool lost = w->delivery == HF_DELIVERY_FRESH && roll(w, 4) == 0;
    hf_err err = lost ? HF_OK : hf_inbox_take(&w->in, frame, w->with_pass ? &piece : NULL, &passed);
    HOLDS(err == HF_OK || (err == HF_ENOMEM && w->fails));
    if (err == HF_OK && passed)
        use(w, &piece);
    corpus_free(frame);
    w->known = true;
    if (err != HF_OK)
        cut(w);
}

static void read_one(world *w)
{
    hf_inbox_piece piece;
    if (!hf_inbox_next(&w->in, &piece))
        return;
    use(w, &piece);
    if (roll(w, 50) == 0 && w->fails)
        cut(w); /* within a handler: what is shown stays */
    hf_inbox_release(&w->in);
}

static void write_report(world *w, hf_writer *writer)
{
    hf_control_received item;
    hf_inbox_report(&w->in, &item);
    HOLDS(item.window <= w->window_max - (w->in.waiting < w->window_max ? w->in.waiting : w->window_max));
    item.channel = (hf_channel_ref){.incarnation = 1};
    HOLDS(hf_control_write_received(writer, &item, &w->in.ranges));
}

static void acknowledge(world *w)
{
    uint8_t bytes[256]; /* so that some ranges may be left out */
    bool soon;
    if (w->state == BETWEEN || w->control.len == FLIGHT_MAX || !hf_inbox_owes_ack(&w->in, &soon))
        return;
    hf_writer writer = hf_writer_of(bytes, 36 + roll(w, 220));
    hf_control_write_ack(&writer);
    write_report(w, &writer);
    HOLDS(!hf_inbox_owes_ack(&w->in, &soon));
    w->control.items[w->control.len++] = copy_of(bytes, writer.len, hf_bytes_of(NULL, 0));
}

/* The next connection is up, and the receiver says HELLO on it. Where they overlap the one before goes on meanwhile. */
static void reconnect(world *w)
{
    static const uint8_t ids[2][HF_SESSION_ID_BYTES] = {{1}, {2}};
    uint8_t bytes[512];
    hf_writer writer = hf_writer_of(bytes, sizeof bytes);
    if (w->state != BETWEEN && !(w->state == UP && w->overlaps))
        return;
    hf_control_write_hello(&writer, ids[0], ids[1], 2);
    if (w->known)
        write_report(w, &writer);
    lose_all(&w->control);
    w->control.items[w->control.len++] = copy_of(bytes, writer.len, hf_bytes_of(NULL, 0));
    if (w->state == UP)
        hf_outbox_pause(&w->out);
    w->state = HELLO_SENT;
}

/* --- The run --------------------------------------------------------------------------------------------------------- */

static void step(world *w)
{
    HOLDS(w->out.queued <= w->out.kept_max && w->out.kept <= w->out.kept_max - w->out.queued);
    switch (roll(w, 16)) {
    case 0:
    case 1:
        push(w);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        give(w);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        arrive(w);
        break;
    case 10:
    case 11:
        read_one(w);
        break;
    case 12:
        acknowledge(w);
        break;
    case 13:
        hear(w);
        break;
    case 14:
        if (w->state == UP ? roll(w, 12) == 0 : roll(w, 2) == 0)
            reconnect(w);
        break;
    default:
        if (roll(w, 10) == 0)
            cut(w);
        w->in.in_parts ^= roll(w, 10) == 0;
        if (w->fails && roll(w, 4) == 0)
            w->memory.fail_at = w->memory.allocations + 1;
        break;
    }
}

/* Peace: all that is left arrives. */
static void settle(world *w)
{
    size_t rounds = 0;
    w->memory.fail_at = 0;
    w->fails = w->overlaps = false;
    for (int idle = 0; idle<100; idle = w->out.len> 0 || w->in.first ? 0 : idle + 1) {
        HOLDS(rounds++ < 100000);
        reconnect(w);
        give(w);
        arrive(w);
        read_one(w);
        acknowledge(w);
        hear(w);
    }
}

static void run(uint64_t seed, hf_delivery delivery)
{
    static world world_;
    world *w = &world_;
    *w = (world){.seed = seed, .delivery = delivery, .window = HF_CHANNEL_WINDOW_FIRST, .state = UP};
    test_env_init(&w->t, seed);
    test_env_init(&w->memory, seed);
    w->part_max = roll(w, 3) == 0 ? LENGTH_MAX : 1 + roll(w, 100);
    w->window_max = LENGTH_MAX + roll(w, 1000);
    w->with_pass = roll(w, 2) == 0;
    w->overlaps = roll(w, 2) == 0;
    w->fails = roll(w, 3) == 0;
    hf_outbox_init(&w->out, &w->memory.env, delivery, LENGTH_MAX + roll(w, 4000));
    hf_outbox_open(&w->out);
    hf_inbox_init(&w->in, &w->memory.env, delivery, w->window_max, LENGTH_MAX);
    w->in.in_parts = roll(w, 2) == 0;
    for (int i = 0; i < 600; i++)
        step(w);
    settle(w);
    HOLDS(w->out.len == 0 && w->out.queued + w->out.kept + w->out.charged == 0);
    HOLDS(w->delivered_len == w->accepted || delivery == HF_DELIVERY_FRESH);
    HOLDS(w->in.waiting + w->in.partial + w->in.gaps + w->in.partials_len == 0);
    HOLDS(delivery == HF_DELIVERY_FRESH || hf_inbox_has_all(&w->in, w->out.number_last));
    HOLDS(hf_outbox_take_writable(&w->out) || !w->out.refused);
    lose_all(&w->frames);
    lose_all(&w->control);
    hf_outbox_clear(&w->out);
    hf_inbox_clear(&w->in);
    HOLDS(w->memory.blocks == 0);
}

Test(resume, ordered_messages_come_once_and_in_order)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        run(seed, HF_DELIVERY_ORDERED);
}

Test(resume, unordered_messages_come_once)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        run(seed, HF_DELIVERY_UNORDERED);
}

Test(resume, fresh_messages_come_at_most_once_and_never_after_a_later_one)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        run(seed, HF_DELIVERY_FRESH);
}
