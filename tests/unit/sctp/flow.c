/* flow.c: what the packets that pass say about sent and acknowledged payload. */
#include <bytes.h>
#include <env.h>
#include <flow.h>

#include <criterion/criterion.h>

typedef struct bench {
    test_env env;
    hf_flow flow;
    hf_time now;
} bench;

static void set_up(bench *b)
{
    b->now = HF_SECONDS(1);
    hf_flow_init(&b->flow, test_env_init(&b->env, 1));
}

static void tear_down(bench *b)
{
    hf_flow_clear(&b->flow);
    cr_expect_eq(b->env.blocks, 0);
}

static void output_data(bench *b, uint32_t tsn, size_t payload)
{
    uint8_t bytes[2048];
    hf_writer w = hf_writer_of(bytes, sizeof bytes);
    hf_write_zeroes(&w, 12);
    hf_write_u16(&w, 0x0003);
    hf_write_u16(&w, (uint16_t)(16 + payload));
    hf_write_u32(&w, tsn);
    hf_write_zeroes(&w, 8 + payload + (4 - payload % 4) % 4);
    cr_assert(w.ok);
    hf_flow_on_output(&b->flow, b->now, hf_bytes_of(bytes, w.len));
}

static void input_sack(bench *b, uint32_t tsn)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_of(bytes, sizeof bytes);
    hf_write_zeroes(&w, 12);
    hf_write_u32(&w, 0x03000010);
    hf_write_u32(&w, tsn);
    hf_write_zeroes(&w, 8);
    hf_flow_on_input(&b->flow, b->now, hf_bytes_of(bytes, w.len));
}

Test(sctp_flow, counts_payload_exactly)
{
    bench b;
    set_up(&b);
    cr_expect(hf_flow_is_idle(&b.flow));
    output_data(&b, 100, 1);
    output_data(&b, 101, 1000);
    output_data(&b, 102, 3);
    cr_expect_eq(b.flow.bytes_sent, 1004);
    cr_expect_not(hf_flow_is_idle(&b.flow));
    input_sack(&b, 101);
    cr_expect_eq(b.flow.bytes_acked, 1001);
    input_sack(&b, 102);
    cr_expect_eq(b.flow.bytes_acked, 1004);
    cr_expect(hf_flow_is_idle(&b.flow));
    tear_down(&b);
}

Test(sctp_flow, tells_a_retransmission_from_a_first_transmission)
{
    bench b;
    set_up(&b);
    output_data(&b, 7, 10);
    output_data(&b, 8, 10);
    output_data(&b, 7, 10);
    cr_expect_eq(b.flow.bytes_sent, 20);
    cr_expect_eq(b.flow.retransmissions, 1);
    tear_down(&b);
}

Test(sctp_flow, ignores_acknowledgements_that_are_old_or_of_the_future)
{
    bench b;
    set_up(&b);
    input_sack(&b, 5);
    output_data(&b, 10, 10);
    output_data(&b, 11, 10);
    input_sack(&b, 11);
    input_sack(&b, 10);
    input_sack(&b, 9);
    input_sack(&b, 12);
    input_sack(&b, 0x80000000);
    cr_expect_eq(b.flow.bytes_acked, 20);
    tear_down(&b);
}

Test(sctp_flow, passes_the_end_of_the_numbers)
{
    bench b;
    set_up(&b);
    for (uint32_t i = 0; i < 300; i++)
        output_data(&b, UINT32_MAX - 100 + i, 10);
    cr_expect_eq(b.flow.bytes_sent, 3000);
    input_sack(&b, UINT32_MAX);
    cr_expect_eq(b.flow.bytes_acked, 1010);
    input_sack(&b, 198);
    cr_expect_eq(b.flow.bytes_acked, 3000);
    tear_down(&b);
}

Test(sctp_flow, comes_right_again_without_memory)
{
    bench b;
    set_up(&b);
    b.env.fail_at = 2; /* the first growth behind 64 */
    b.env.fail_on = true;
    for (uint32_t i = 0; i < 200; i++)
        output_data(&b, i, 10);
    cr_expect_eq(b.flow.bytes_sent, 2000);
    cr_expect_leq(b.flow.bytes_acked, 2000);
    input_sack(&b, 199);
    cr_expect_eq(b.flow.bytes_acked, 2000);
    cr_expect(hf_flow_is_idle(&b.flow));
    tear_down(&b);
}

Test(sctp_flow, is_bounded)
{
    bench b;
    set_up(&b);
    for (uint32_t i = 0; i < 3 * HF_FLOW_CHUNKS_MAX; i++)
        output_data(&b, i, 1);
    cr_expect_leq(b.flow.cap, HF_FLOW_CHUNKS_MAX);
    input_sack(&b, 3 * HF_FLOW_CHUNKS_MAX - 1);
    cr_expect_eq(b.flow.bytes_acked, b.flow.bytes_sent);
    tear_down(&b);
}

static void output_forward_tsn(bench *b, uint32_t tsn)
{
    uint8_t bytes[32];
    hf_writer w = hf_writer_of(bytes, sizeof bytes);
    hf_write_zeroes(&w, 12);
    hf_write_u32(&w, 0xC0000008);
    hf_write_u32(&w, tsn);
    hf_flow_on_output(&b->flow, b->now, hf_bytes_of(bytes, w.len));
}

Test(sctp_flow, passes_numbers_that_were_abandoned_before_they_left)
{
    bench b;
    set_up(&b);
    output_data(&b, 1, 10);
    output_data(&b, 4, 10); /* 2 and 3 never left */
    cr_expect_eq(b.flow.bytes_sent, 20);
    output_forward_tsn(&b, 6); /* nor did 5 and 6 */
    input_sack(&b, 6);
    cr_expect_eq(b.flow.bytes_acked, 20);
    cr_expect(hf_flow_is_idle(&b.flow));
    output_forward_tsn(&b, 3);
    output_data(&b, 7, 10);
    cr_expect_eq(b.flow.bytes_sent, 30);
    cr_expect_eq(b.flow.retransmissions, 0);
    tear_down(&b);
}

Test(sctp_flow, knows_up_to_where_data_has_arrived)
{
    static const uint8_t init[12 + 20] = {[12] = 2, [15] = 20, [31] = 50};
    uint8_t data[12 + 20] = {[15] = 17, [12 + 7] = 50};
    bench b;
    set_up(&b);
    hf_flow_on_input(&b.flow, b.now, hf_bytes_of(init, sizeof init));
    cr_assert(b.flow.receiving);
    cr_expect_eq(b.flow.tsn_received, 49);
    hf_flow_on_input(&b.flow, b.now, hf_bytes_of(data, sizeof data));
    cr_expect_eq(b.flow.tsn_received, 50);
    data[12 + 7] = 52;
    hf_flow_on_input(&b.flow, b.now, hf_bytes_of(data, sizeof data));
    cr_expect_eq(b.flow.tsn_received, 50, "there is a gap");
    static const uint8_t sack[12 + 16] = {[12] = 3, [15] = 16, [12 + 7] = 52};
    hf_flow_on_output(&b.flow, b.now, hf_bytes_of(sack, sizeof sack));
    cr_expect_eq(b.flow.tsn_received, 52, "our SACK says that it is closed");
    tear_down(&b);
}

Test(sctp_flow, measures_round_trips_of_what_left_once)
{
    bench b;
    set_up(&b);
    cr_expect_eq(b.flow.rtt_smoothed, 0);
    output_data(&b, 100, 10);
    b.now += HF_MS(80);
    input_sack(&b, 100);
    cr_expect_eq(b.flow.rtt_last, HF_MS(80));
    cr_expect_eq(b.flow.rtt_smoothed, HF_MS(80), "the first");
    output_data(&b, 101, 10);
    b.now += HF_MS(160);
    input_sack(&b, 101);
    cr_expect_eq(b.flow.rtt_smoothed, HF_MS(90), "an eighth of what is new");
    output_data(&b, 102, 10);
    b.now += HF_SECONDS(5);
    output_data(&b, 102, 10);
    b.now += HF_MS(10);
    input_sack(&b, 102);
    cr_expect_eq(b.flow.rtt_smoothed, HF_MS(90), "nobody knows which of the two was acknowledged");
    cr_expect_eq(b.flow.rtt_samples, 2);
    tear_down(&b);
}
