/* flow.c: TSNs of DATA going out, acknowledgements of SACKs coming in. */
#include "flow.h"

#include "alloc.h"
#include "chunk.h"

#define FIRST_CAP 64
#define RTT_SMOOTHING 8 /* RFC 9260 §6.3.1, C3 */
#define DATA_HEADER 12  /* of the chunk's value: TSN, stream, sequence, PPID (RFC 9260 §3.3.1) */

void hf_flow_init(hf_flow *flow, const hf_env *env)
{
    *flow = (hf_flow){.env = env};
}

void hf_flow_clear(hf_flow *flow)
{
    if (flow->env)
        hf_dealloc(flow->env, flow->chunks);
    flow->chunks = NULL;
    flow->cap = 0;
}

bool hf_flow_is_idle(const hf_flow *flow)
{
    return flow->tsn_next == flow->tsn_acked;
}

static size_t outstanding(const hf_flow *flow)
{
    return flow->tsn_next - flow->tsn_acked;
}

static hf_flow_chunk *chunk_of(const hf_flow *flow, uint32_t tsn)
{
    return &flow->chunks[tsn & (flow->cap - 1)];
}

static bool make_room(hf_flow *flow)
{
    if (outstanding(flow) < flow->cap)
        return true;
    size_t cap = flow->cap ? flow->cap * 2 : FIRST_CAP;
    hf_flow_chunk *chunks = cap <= HF_FLOW_CHUNKS_MAX ? hf_alloc_array(flow->env, cap, sizeof *chunks) : NULL;
    if (!chunks)
        return false;
    for (uint32_t tsn = flow->tsn_acked; tsn != flow->tsn_next; tsn++)
        chunks[tsn & (cap - 1)] = flow->chunks[tsn & (flow->cap - 1)];
    hf_dealloc(flow->env, flow->chunks);
    flow->chunks = chunks;
    flow->cap = cap;
    return true;
}

/* No memory, or numbers that jump: all that is outstanding counts as acknowledged, and the count goes on. */
static void begin_again(hf_flow *flow, uint32_t tsn)
{
    flow->bytes_acked = flow->bytes_delivered = flow->bytes_sent;
    flow->tsn_next = flow->tsn_acked = tsn;
}

static void append(hf_flow *flow, hf_time now, size_t payload)
{
    flow->bytes_sent += payload;
    if (!make_room(flow)) {
        begin_again(flow, flow->tsn_next + 1);
        return;
    }
    *chunk_of(flow, flow->tsn_next++) = (hf_flow_chunk){.sent_at = now, .size = (uint16_t)payload};
}

/* Numbers that were given to chunks which were abandoned before they ever left (RFC 3758 §3.5). */
static void skip_to(hf_flow *flow, hf_time now, uint32_t tsn)
{
    if (tsn - flow->tsn_next > HF_FLOW_CHUNKS_MAX)
        begin_again(flow, tsn);
    while (flow->tsn_next != tsn) {
        append(flow, now, 0);
        if (!hf_flow_is_idle(flow))
            chunk_of(flow, flow->tsn_next - 1)->repeated = true; /* its acknowledgement measures nothing */
    }
}

static bool on_repeated(hf_flow *flow, uint32_t tsn)
{
    flow->retransmissions++;
    if (tsn - flow->tsn_acked >= outstanding(flow))
        return false; /* acknowledged meanwhile */
    hf_flow_chunk *chunk = chunk_of(flow, tsn);
    flow->chunks_lost += !chunk->repeated;
    chunk->repeated = true;
    return tsn == flow->tsn_acked;
}

static bool on_data(hf_flow *flow, hf_time now, uint32_t tsn, size_t payload)
{
    if (!flow->begun) {
        flow->begun = true;
        flow->tsn_next = flow->tsn_acked = tsn;
    }
    if ((int32_t)(tsn - flow->tsn_next) < 0)
        return on_repeated(flow, tsn);
    skip_to(flow, now, tsn);
    append(flow, now, payload);
    return false;
}

static void on_forward_tsn(hf_flow *flow, hf_time now, uint32_t tsn)
{
    if (flow->begun && (int32_t)(tsn + 1 - flow->tsn_next) > 0)
        skip_to(flow, now, tsn + 1);
}

/* It has arrived, as far as it was not known to. `rtt` takes the round trip, where that is certain: by Karn's rule not of
 * what left twice (RFC 9260 §6.3.1, C5). */
static void deliver(hf_flow *flow, hf_time now, hf_flow_chunk *chunk, hf_span *rtt)
{
    if (chunk->arrived)
        return;
    chunk->arrived = true;
    flow->bytes_delivered += chunk->size;
    if (!chunk->repeated && (*rtt == 0 || now - chunk->sent_at < *rtt))
        *rtt = now - chunk->sent_at;
}

static void on_cumulative_ack(hf_flow *flow, hf_time now, uint32_t tsn, hf_span *rtt)
{
    if (!flow->begun || tsn + 1 - flow->tsn_acked > outstanding(flow))
        return; /* old, or of something never sent */
    for (; flow->tsn_acked != tsn + 1; flow->tsn_acked++) {
        hf_flow_chunk *chunk = chunk_of(flow, flow->tsn_acked);
        deliver(flow, now, chunk, rtt);
        flow->bytes_acked += chunk->size;
    }
}

/* RFC 9260 §3.3.4: blocks ascend, in offsets from the cumulative acknowledgement. One that overlaps the one before is looked
 * at from where that ended: no SACK makes us look at a chunk twice. */
static void on_gap_blocks(hf_flow *flow, hf_time now, uint32_t tsn, hf_reader *blocks, size_t n, hf_span *rtt)
{
    uint32_t looked_at = 0;
    if (!flow->begun || tsn + 1 != flow->tsn_acked)
        return; /* an old one: a later one has told more */
    for (; n > 0; n--) {
        uint32_t start = hf_read_u16(blocks), end = hf_read_u16(blocks);
        if (!blocks->ok || end > outstanding(flow))
            return;
        for (uint32_t at = start > looked_at ? start : looked_at + 1; at <= end; at++)
            deliver(flow, now, chunk_of(flow, tsn + at), rtt);
        looked_at = end > looked_at ? end : looked_at;
    }
}

static void on_acknowledgement(hf_flow *flow, hf_time now, const hf_chunk *chunk)
{
    hf_reader value = hf_reader_of(chunk->value);
    hf_span rtt = 0;
    uint32_t tsn = hf_read_u32(&value);
    on_cumulative_ack(flow, now, tsn, &rtt);
    if (chunk->type == HF_CHUNK_SACK) {
        hf_read_skip(&value, 4); /* a_rwnd */
        size_t blocks = hf_read_u16(&value);
        hf_read_skip(&value, 2); /* duplicates */
        on_gap_blocks(flow, now, tsn, &value, blocks, &rtt);
    }
    if (rtt > 0) {
        flow->rtt_last = rtt;
        flow->rtt_smoothed += flow->rtt_samples == 0 ? rtt : (rtt - flow->rtt_smoothed) / RTT_SMOOTHING;
        flow->rtt_samples++;
    }
}

/* What has arrived: data in order is counted as it comes; when there was a gap, the SACK tells, which is sent at once
 * then. */
static void on_received(hf_flow *flow, uint32_t tsn)
{
    if (!flow->receiving || (int32_t)(tsn - flow->tsn_received) > 0)
        flow->tsn_received = tsn;
    flow->receiving = true;
}

static void on_sack(hf_flow *flow, uint32_t tsn)
{
    flow->sacking = true;
    flow->tsn_sacked = tsn;
    on_received(flow, tsn);
}

bool hf_flow_on_output(hf_flow *flow, hf_time now, hf_bytes packet)
{
    bool repeats_oldest = false;
    hf_reader chunks;
    hf_chunk chunk;
    if (!hf_chunks_of(packet, &chunks))
        return false;
    while (hf_chunk_next(&chunks, &chunk)) {
        hf_reader value = hf_reader_of(chunk.value);
        uint32_t tsn = hf_read_u32(&value);
        if (chunk.type == HF_CHUNK_DATA && chunk.value.len >= DATA_HEADER)
            repeats_oldest |= on_data(flow, now, tsn, chunk.value.len - DATA_HEADER);
        else if (chunk.type == HF_CHUNK_FORWARD_TSN && value.ok)
            on_forward_tsn(flow, now, tsn);
        else if (chunk.type == HF_CHUNK_SACK && value.ok)
            on_sack(flow, tsn);
    }
    return repeats_oldest;
}

static void on_init(hf_flow *flow, hf_reader *value)
{
    hf_read_skip(value, 8); /* window and streams; the tag is read already */
    uint32_t tsn = hf_read_u32(value);
    if (value->ok && !flow->receiving)
        on_received(flow, tsn - 1);
}

void hf_flow_on_input(hf_flow *flow, hf_time now, hf_bytes packet)
{
    hf_reader chunks;
    hf_chunk chunk;
    if (!hf_chunks_of(packet, &chunks))
        return;
    while (hf_chunk_next(&chunks, &chunk)) {
        hf_reader value = hf_reader_of(chunk.value);
        uint32_t number = hf_read_u32(&value);
        if (chunk.type == HF_CHUNK_SACK || chunk.type == HF_CHUNK_SHUTDOWN) /* RFC 9260 §3.3.8: that acknowledges as well */
            on_acknowledgement(flow, now, &chunk);
        else if (chunk.type == HF_CHUNK_INIT || chunk.type == HF_CHUNK_INIT_ACK)
            on_init(flow, &value);
        else if (chunk.type == HF_CHUNK_DATA && flow->receiving && number == flow->tsn_received + 1)
            on_received(flow, number);
    }
}
