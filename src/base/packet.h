/* packet.h: a bounded queue of packets with room around each, so that the layers below can wrap without a copy. */
#ifndef HF_PACKET_H
#define HF_PACKET_H

#include <holdfast/base.h>

typedef struct hf_packet_queue {
    const hf_env *env;
    uint8_t *memory;
    size_t cap, bytes_max;
    size_t headroom, tailroom;
    size_t head, tail; /* offsets of the oldest record and behind the newest */
    size_t len;        /* packets */
} hf_packet_queue;

/* A packet in a queue. `headroom` bytes before `data` and `tailroom` bytes behind it may be written. */
typedef struct hf_packet {
    uint8_t *data;
    size_t len;
} hf_packet;

/* At most `bytes_max` bytes of memory, room included. */
void hf_packet_queue_init(hf_packet_queue *queue, const hf_env *env, size_t headroom, size_t tailroom, size_t bytes_max);
void hf_packet_queue_clear(hf_packet_queue *queue); /* frees the memory; a struct of zeroes is fine */

/* Appends a packet of `len` bytes and points `out` at it, for the caller to fill. HF_ELIMIT: no room; HF_ENOMEM. Packets
 * that were shown before may have moved. */
HF_CHECKED hf_err hf_packet_push(hf_packet_queue *queue, size_t len, hf_packet *out);

/* Shows the oldest `cap` packets; returns how many. Valid until the next push or clear. */
size_t hf_packet_peek(const hf_packet_queue *queue, hf_packet *out, size_t cap);

/* Takes off the oldest `n`. The memory of an empty queue is kept for the next packets; hf_packet_queue_relax frees it. */
void hf_packet_pop(hf_packet_queue *queue, size_t n);
void hf_packet_queue_relax(hf_packet_queue *queue);

#endif
