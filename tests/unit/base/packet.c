/* packet.c: the packet queue: order, room around each packet, the limit in bytes, and short memory. */
#include "packet.h"
#include "env.h"
#include "random.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEADROOM 64
#define TAILROOM 32

/* Fills a packet, and the room around it too: it may be written. */
static void fill(hf_packet packet, uint8_t value)
{
    memset(packet.data - HEADROOM, 0xEE, HEADROOM);
    memset(packet.data, value, packet.len);
    memset(packet.data + packet.len, 0xEE, TAILROOM);
}

static void expect_filled(hf_packet packet, size_t len, uint8_t value)
{
    cr_assert_eq(packet.len, len);
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(packet.data[i], value);
}

Test(packet, comes_back_in_order_with_its_bytes)
{
    test_env e;
    hf_packet_queue queue;
    hf_packet packet, seen[300];
    size_t lens[300], first = 0, next = 0;
    hf_packet_queue_init(&queue, test_env_init(&e, 3), HEADROOM, TAILROOM, 1 << 20);

    while (next < 300) {
        lens[next] = hf_random_u32(&e.env) % 1500;
        cr_assert_eq(hf_packet_push(&queue, lens[next], &packet), HF_OK);
        fill(packet, (uint8_t)next++);
        if (next % 3 == 0) { /* two out for three in: records move to the front and the memory grows */
            cr_assert_eq(hf_packet_peek(&queue, seen, 300), next - first);
            for (size_t i = first; i < next; i++)
                expect_filled(seen[i - first], lens[i], (uint8_t)i);
            hf_packet_pop(&queue, 2);
            first += 2;
        }
    }
    cr_expect_eq(queue.len, next - first);
    hf_packet_pop(&queue, 1000);
    cr_expect_eq(queue.len, 0);
    cr_expect_eq(hf_packet_peek(&queue, seen, 300), 0);
    hf_packet_queue_clear(&queue);
    cr_expect_eq(e.blocks, 0);
}

Test(packet, of_length_zero_is_a_packet)
{
    test_env e;
    hf_packet_queue queue;
    hf_packet packet;
    hf_packet_queue_init(&queue, test_env_init(&e, 1), 0, 0, 100);
    cr_assert_eq(hf_packet_push(&queue, 0, &packet), HF_OK);
    cr_expect_eq(hf_packet_peek(&queue, &packet, 1), 1);
    cr_expect_eq(packet.len, 0);
    hf_packet_queue_clear(&queue);
}

Test(packet, is_refused_at_the_limit_and_taken_again_when_there_is_room)
{
    test_env e;
    hf_packet_queue queue;
    hf_packet packet;
    size_t n = 0, bytes_max = 50000;
    hf_packet_queue_init(&queue, test_env_init(&e, 1), HEADROOM, TAILROOM, bytes_max);

    while (hf_packet_push(&queue, 1200, &packet) == HF_OK) {
        fill(packet, (uint8_t)n);
        cr_assert_lt(++n, 1000);
    }
    cr_expect_geq(n, bytes_max / (1200 + HEADROOM + TAILROOM + 16), "the room is used");
    cr_expect_leq(n * (1200 + HEADROOM + TAILROOM), bytes_max, "and not exceeded");
    cr_expect_leq(queue.cap, bytes_max);
    cr_expect_eq(hf_packet_push(&queue, 1200, &packet), HF_ELIMIT);
    cr_expect_eq(queue.len, n, "a refusal changes nothing");

    for (size_t i = 0; i < 200; i++) { /* full all the time */
        cr_assert_eq(hf_packet_peek(&queue, &packet, 1), 1);
        expect_filled(packet, 1200, (uint8_t)i);
        hf_packet_pop(&queue, 1);
        cr_assert_eq(hf_packet_push(&queue, 1200, &packet), HF_OK, "round %zu", i);
        fill(packet, (uint8_t)(n + i));
        cr_assert_eq(hf_packet_push(&queue, 1200, &packet), HF_ELIMIT, "round %zu", i);
    }
    hf_packet_queue_clear(&queue);
    cr_expect_eq(e.blocks, 0);
}

Test(packet, larger_than_the_whole_queue_is_refused)
{
    test_env e;
    hf_packet_queue queue;
    hf_packet packet;
    hf_packet_queue_init(&queue, test_env_init(&e, 1), HEADROOM, TAILROOM, 1000);
    cr_expect_eq(hf_packet_push(&queue, 1000, &packet), HF_ELIMIT, "its room counts too");
    cr_expect_eq(hf_packet_push(&queue, 1001, &packet), HF_ELIMIT);
    cr_expect_eq(hf_packet_push(&queue, SIZE_MAX, &packet), HF_ELIMIT);
    cr_expect_eq(hf_packet_push(&queue, 800, &packet), HF_OK);
    hf_packet_queue_clear(&queue);
}

Test(packet, queue_keeps_its_memory_until_it_is_told_to_relax)
{
    test_env e;
    hf_packet_queue queue;
    hf_packet packet;
    hf_packet_queue_init(&queue, test_env_init(&e, 1), HEADROOM, TAILROOM, 100000);
    cr_assert_eq(hf_packet_push(&queue, 100, &packet), HF_OK);
    hf_packet_queue_relax(&queue);
    cr_expect_eq(queue.len, 1, "not while a packet is in it");
    hf_packet_pop(&queue, 1);
    cr_expect_eq(e.blocks, 1);
    size_t allocations = e.allocations;
    cr_assert_eq(hf_packet_push(&queue, 100, &packet), HF_OK);
    cr_expect_eq(e.allocations, allocations, "an empty queue does not ask again");
    hf_packet_pop(&queue, 1);
    hf_packet_queue_relax(&queue);
    cr_expect_eq(e.blocks, 0);
    cr_assert_eq(hf_packet_push(&queue, 100, &packet), HF_OK, "and it works on");
    hf_packet_queue_clear(&queue);
    cr_expect_eq(e.blocks, 0);
}

Test(packet, queue_of_zeroes_can_be_cleared)
{
    hf_packet_queue queue = {0};
    hf_packet_queue_clear(&queue);
    hf_packet_queue_relax(&queue);
    hf_packet_pop(&queue, 1);
    cr_expect_eq(queue.len, 0);
}

Test(packet, queue_keeps_what_it_has_when_memory_is_short)
{
    test_env e = {0};
    size_t failures = 0;
    for (size_t n = 1; test_env_next_failure(&e, n, 1); n++) {
        hf_packet_queue queue;
        hf_packet packet, seen[64];
        size_t pushed = 0;
        hf_packet_queue_init(&queue, &e.env, HEADROOM, TAILROOM, 1 << 20);
        for (int i = 0; i < 64; i++) {
            hf_err err = hf_packet_push(&queue, 1200, &packet);
            cr_assert(err == HF_OK || err == HF_ENOMEM);
            failures += err == HF_ENOMEM;
            if (err == HF_OK)
                fill(packet, (uint8_t)pushed++);
        }
        cr_assert_eq(hf_packet_peek(&queue, seen, 64), pushed);
        for (size_t i = 0; i < pushed; i++)
            expect_filled(seen[i], 1200, (uint8_t)i);
        hf_packet_queue_clear(&queue);
        cr_expect_eq(e.blocks, 0);
    }
    cr_expect_gt(failures, 3);
}
