/* packet.c: packets in one piece of memory, each behind a small header: its length, then headroom, data, tailroom.
 *
 * Records lie one behind the other and never wrap. Room is made by moving them to the front when at least half of the
 * memory before them is free, otherwise by doubling: so each byte is moved at most once on average. */
#include "packet.h"

#include "alloc.h"

#include <string.h>

#define FIRST_CAP 4096

typedef struct record {
    size_t len;
} record;

void hf_packet_queue_init(hf_packet_queue *queue, const hf_env *env, size_t headroom, size_t tailroom, size_t bytes_max)
{
    *queue = (hf_packet_queue){.env = env, .headroom = headroom, .tailroom = tailroom, .bytes_max = bytes_max};
}

void hf_packet_queue_clear(hf_packet_queue *queue)
{
    if (queue->env)
        hf_dealloc(queue->env, queue->memory);
    queue->memory = NULL;
    queue->cap = queue->head = queue->tail = queue->len = 0;
}

static size_t record_size(const hf_packet_queue *queue, size_t len)
{
    size_t size = sizeof(record) + queue->headroom + len + queue->tailroom;
    return (size + sizeof(record) - 1) / sizeof(record) * sizeof(record); /* the next header stays aligned */
}

static hf_err make_room(hf_packet_queue *queue, size_t size)
{
    size_t used = queue->tail - queue->head;
    if (queue->cap - queue->tail >= size)
        return HF_OK;
    if (size > queue->bytes_max || used > queue->bytes_max - size)
        return HF_ELIMIT;

    if (queue->head >= queue->cap / 2 && queue->cap - used >= size) {
        memmove(queue->memory, queue->memory + queue->head, used);
    } else {
        size_t wanted = queue->cap < FIRST_CAP ? FIRST_CAP : queue->cap * 2;
        while (wanted < used + size)
            wanted *= 2;
        if (wanted > queue->bytes_max)
            wanted = queue->bytes_max;
        uint8_t *grown = hf_alloc_unfilled(queue->env, wanted);
        if (!grown)
            return HF_ENOMEM;
        if (used > 0)
            memcpy(grown, queue->memory + queue->head, used);
        hf_dealloc(queue->env, queue->memory);
        queue->memory = grown;
        queue->cap = wanted;
    }
    queue->head = 0;
    queue->tail = used;
    return HF_OK;
}

hf_err hf_packet_push(hf_packet_queue *queue, size_t len, hf_packet *out)
{
    if (len > queue->bytes_max)
        return HF_ELIMIT;
    size_t size = record_size(queue, len);
    hf_err err = make_room(queue, size);
    if (err != HF_OK)
        return err;
    uint8_t *at = queue->memory + queue->tail;
    memcpy(at, &(record){.len = len}, sizeof(record));
    *out = (hf_packet){.data = at + sizeof(record) + queue->headroom, .len = len};
    queue->tail += size;
    queue->len++;
    return HF_OK;
}

static hf_packet packet_at(const hf_packet_queue *queue, size_t at)
{
    record header;
    memcpy(&header, queue->memory + at, sizeof header);
    return (hf_packet){.data = queue->memory + at + sizeof header + queue->headroom, .len = header.len};
}

size_t hf_packet_peek(const hf_packet_queue *queue, hf_packet *out, size_t cap)
{
    size_t n = queue->len < cap ? queue->len : cap;
    size_t at = queue->head;
    for (size_t i = 0; i < n; i++) {
        out[i] = packet_at(queue, at);
        at += record_size(queue, out[i].len);
    }
    return n;
}

void hf_packet_pop(hf_packet_queue *queue, size_t n)
{
    for (; n > 0 && queue->len > 0; n--) {
        queue->head += record_size(queue, packet_at(queue, queue->head).len);
        queue->len--;
    }
    if (queue->len == 0)
        queue->head = queue->tail = 0;
}

void hf_packet_queue_relax(hf_packet_queue *queue)
{
    if (queue->len == 0)
        hf_packet_queue_clear(queue);
}
