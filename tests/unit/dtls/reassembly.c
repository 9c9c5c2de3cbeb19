/* reassembly.c: fragments of a ClientHello, as tables. */
#include <reassembly.h>

#include <dtls.h>
#include <env.h>

#include <criterion/criterion.h>
#include <string.h>

#define LENGTH 40

/* The byte at `at` of the message with that seed. */
static uint8_t content(size_t at, uint8_t seed)
{
    return (uint8_t)(at * 7 + seed);
}

typedef struct piece {
    size_t offset, len;
    hf_reassembly_result expected;
    uint8_t seed;         /* another seed: other bytes */
    uint16_t message_seq;
    uint32_t length;      /* of the message; 0: LENGTH */
} piece;

static hf_reassembly_result take(hf_reassembly *r, const piece *part, uint8_t sequence, hf_bytes *whole)
{
    uint8_t bytes[HF_DTLS_HELLO_MAX];
    for (size_t i = 0; i < part->len; i++)
        bytes[i] = content(part->offset + i, part->seed);
    uint8_t header[HF_RECORD_HEADER_SIZE] = {22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, sequence, 9, 9};
    hf_record record = {.type = 22, .whole = hf_bytes_of(header, sizeof header)};
    hf_fragment fragment = {.type = 1,
                            .length = part->length ? part->length : LENGTH,
                            .message_seq = part->message_seq,
                            .offset = (uint32_t)part->offset,
                            .body = hf_bytes_of(bytes, part->len)};
    return hf_reassembly_take(r, &record, &fragment, whole);
}

static void expect_whole(hf_bytes whole, const piece *last, uint8_t sequence)
{
    const uint8_t headers[] = {22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, sequence, 0, 12 + LENGTH, 1, 0, 0, LENGTH,
                               0, (uint8_t)last->message_seq, 0, 0, 0, 0, 0, LENGTH};
    cr_assert_eq(whole.len, sizeof headers + LENGTH);
    cr_expect_arr_eq(whole.data, headers, sizeof headers);
    for (size_t i = 0; i < LENGTH; i++)
        cr_expect_eq(whole.data[sizeof headers + i], content(i, last->seed), "byte %zu", i);
}

#define MORE HF_REASSEMBLY_MORE
#define WHOLE HF_REASSEMBLY_WHOLE
#define RESTARTED HF_REASSEMBLY_RESTARTED
#define REFUSED HF_REASSEMBLY_REFUSED

/* Offset, length and what comes of it; the same of another hello: with other bytes, message_seq or length. */
#define P(offset, len, result) {offset, len, result, 0, 0, 0}
#define OTHER(offset, len, result, seed, seq, length) {offset, len, result, seed, seq, length}

static const struct {
    const char *why;
    piece pieces[8];
} table[] = {
    {"in order", {P(0, 30, MORE), P(30, 10, WHOLE)}},
    {"reversed", {P(30, 10, MORE), P(0, 30, WHOLE)}},
    {"the middle last", {P(0, 10, MORE), P(30, 10, MORE), P(10, 20, WHOLE)}},
    {"one fragment that is all", {P(0, 40, WHOLE)}},
    {"duplicates", {P(0, 30, MORE), P(0, 30, MORE), P(0, 30, MORE), P(30, 10, WHOLE)}},
    {"an overlap", {P(0, 30, MORE), P(20, 20, WHOLE)}},
    {"one inside the other", {P(0, 30, MORE), P(10, 10, MORE), P(0, 40, WHOLE)}},
    {"other boundaries when sent again", {P(0, 30, MORE), P(0, 15, MORE), P(15, 25, WHOLE)}},
    {"byte by byte at the edges", {P(39, 1, MORE), P(0, 1, MORE), P(1, 37, MORE), P(38, 1, WHOLE)}},
    {"an empty fragment in between", {P(0, 30, MORE), P(30, 0, MORE), P(30, 10, WHOLE)}},
    {"sent again after it was whole", {P(0, 30, MORE), P(30, 10, WHOLE), P(0, 30, MORE), P(30, 10, WHOLE)}},
    {"another message_seq", {P(0, 30, MORE), OTHER(0, 30, RESTARTED, 0, 1, 0), OTHER(30, 10, WHOLE, 0, 1, 0)}},
    {"another length", {OTHER(0, 30, MORE, 0, 0, 41), P(0, 30, RESTARTED), P(30, 10, WHOLE)}},
    {"another hello", {OTHER(0, 30, MORE, 9, 0, 0), OTHER(0, 30, RESTARTED, 5, 0, 0), OTHER(30, 10, WHOLE, 5, 0, 0)}},
    {"a forged part is overcome", {OTHER(20, 20, MORE, 66, 0, 0), P(0, 30, RESTARTED), P(30, 10, WHOLE)}},
    {"another that is whole at once", {OTHER(0, 30, MORE, 9, 0, 0), OTHER(0, 40, WHOLE, 5, 0, 0)}},
    {"over the limit", {OTHER(0, 30, REFUSED, 0, 0, HF_DTLS_HELLO_MAX - 11), P(0, 40, WHOLE)}},
    {"over the limit does not disturb", {P(0, 30, MORE), OTHER(0, 30, REFUSED, 0, 0, 0xFFFFFF), P(30, 10, WHOLE)}},
};

Test(dtls_reassembly, puts_together)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        test_env t;
        hf_reassembly r;
        hf_reassembly_init(&r, test_env_init(&t, 0));
        for (size_t k = 0; k < 8 && table[i].pieces[k].expected != 0; k++) {
            const piece *part = &table[i].pieces[k];
            hf_bytes whole = {0};
            cr_expect_eq(take(&r, part, (uint8_t)k, &whole), part->expected, "%s, piece %zu", table[i].why, k);
            if (part->expected == WHOLE)
                expect_whole(whole, part, (uint8_t)k);
        }
        hf_reassembly_clear(&r);
        cr_expect_eq(t.blocks, 0, "%s", table[i].why);
    }
}

Test(dtls_reassembly, takes_the_largest_allowed)
{
    test_env t;
    hf_reassembly r;
    hf_bytes whole;
    hf_reassembly_init(&r, test_env_init(&t, 0));
    uint32_t length = HF_DTLS_HELLO_MAX - HF_HANDSHAKE_HEADER_SIZE;
    piece front = {.offset = 0, .len = length - 1, .length = length};
    piece back = {.offset = length - 1, .len = 1, .length = length};
    cr_expect_eq(take(&r, &back, 0, &whole), MORE);
    cr_expect_eq(take(&r, &front, 0, &whole), WHOLE);
    cr_expect_eq(whole.len, HF_DTLS_HELLO_MAX + HF_RECORD_HEADER_SIZE);
    cr_expect_eq(t.blocks, 1, "one message, one piece of memory");
    hf_reassembly_clear(&r);
    cr_expect_eq(t.blocks, 0);
}

Test(dtls_reassembly, refuses_an_empty_message)
{
    test_env t;
    hf_reassembly r;
    hf_bytes whole;
    hf_reassembly_init(&r, test_env_init(&t, 0));
    hf_record record = {0};
    hf_fragment fragment = {.type = 1};
    cr_expect_eq(hf_reassembly_take(&r, &record, &fragment, &whole), REFUSED);
    cr_expect_eq(t.blocks, 0);
}

Test(dtls_reassembly, survives_without_memory)
{
    test_env t;
    hf_reassembly r;
    hf_bytes whole;
    hf_reassembly_init(&r, test_env_init(&t, 0));
    t.fail_at = 1;
    cr_expect_eq(take(&r, &(piece){.len = 30}, 0, &whole), REFUSED);
    cr_expect_eq(take(&r, &(piece){.len = 30}, 0, &whole), MORE);
    t.fail_at = 3;
    cr_expect_eq(take(&r, &(piece){.len = 30, .seed = 1}, 0, &whole), REFUSED);
    cr_expect_eq(take(&r, &(piece){.offset = 30, .len = 10}, 0, &whole), WHOLE, "what was held is still there");
    hf_reassembly_clear(&r);
    cr_expect_eq(t.blocks, 0);
}
