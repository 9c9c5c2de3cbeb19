/* flow.c: TSNs of DATA going out, cumulative acknowledgements of SACKs coming in. */
#include "flow.h"

#include "alloc.h"
#include "chunk.h"

#define FIRST_CAP 64
#define DATA_HEADER 12 /* of the chunk's value: TSN, stream, sequence, PPID (RFC 9260 §3.3.1) */

void hf_flow_init(hf_flow *flow, const hf_env *env)
{
    *flow = (hf_flow){.env = env};
}

void hf_flow_clear(hf_flow *flow)
{
    if (flow->env)
        hf_dealloc(flow->env, flow->sizes);
    flow->sizes = NULL;
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

static bool make_room(hf_flow *flow)
{
    if (outstanding(flow) < flow->cap)
        return true;
    size_t cap = flow->cap ? flow->cap * 2 : FIRST_CAP;
    uint16_t *sizes = cap <= HF_FLOW_CHUNKS_MAX ? hf_alloc_array(flow->env, cap, sizeof *sizes) : NULL;
    if (!sizes)
        return false;
    for (uint32_t tsn = flow->tsn_acked; tsn != flow->tsn_next; tsn++)
        sizes[tsn & (cap - 1)] = flow->sizes[tsn & (flow->cap - 1)];
    hf_dealloc(flow->env, flow->sizes);
    flow->sizes = sizes;
    flow->cap = cap;
    return true;
}

/* No memory, or numbers that jump: all that is outstanding counts as acknowledged, and the count goes on. */
static void begin_again(hf_flow *flow, uint32_t tsn)
{
    flow->bytes_acked = flow->bytes_sent;
    flow->tsn_next = flow->tsn_acked = tsn;
}

static void append(hf_flow *flow, size_t payload)
{
    flow->bytes_sent += payload;
    if (!make_room(flow)) {
        begin_again(flow, flow->tsn_next + 1);
        return;
    }
    flow->sizes[flow->tsn_next & (flow->cap - 1)] = (uint16_t)payload;
    flow->tsn_next++;
}

/* Numbers that were given to chunks which were abandoned before they ever left (RFC 3758 §3.5). */
static void skip_to(hf_flow *flow, uint32_t tsn)
{
    if (tsn - flow->tsn_next > HF_FLOW_CHUNKS_MAX)
        begin_again(flow, tsn);
    while (flow->tsn_next != tsn)
        append(flow, 0);
}

static bool on_data(hf_flow *flow, uint32_t tsn, size_t payload)
{
    if (!flow->begun) {
        flow->begun = true;
        flow->tsn_next = flow->tsn_acked = tsn;
    }
    if ((int32_t)(tsn - flow->tsn_next) < 0) {
        flow->retransmissions++;
        return tsn == flow->tsn_acked;
    }
    skip_to(flow, tsn);
    append(flow, payload);
    return false;
}

static void on_forward_tsn(hf_flow *flow, uint32_t tsn)
{
    if (flow->begun && (int32_t)(tsn + 1 - flow->tsn_next) > 0)
        skip_to(flow, tsn + 1);
}

static void on_cumulative_ack(hf_flow *flow, uint32_t tsn)
{
    if (!flow->begun || tsn + 1 - flow->tsn_acked > outstanding(flow))
        return; /* old, or of something never sent */
    for (; flow->tsn_acked != tsn + 1; flow->tsn_acked++)
        flow->bytes_acked += flow->sizes[flow->tsn_acked & (flow->cap - 1)];
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

bool hf_flow_on_output(hf_flow *flow, hf_bytes packet)
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
            repeats_oldest |= on_data(flow, tsn, chunk.value.len - DATA_HEADER);
        else if (chunk.type == HF_CHUNK_FORWARD_TSN && value.ok)
            on_forward_tsn(flow, tsn);
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

void hf_flow_on_input(hf_flow *flow, hf_bytes packet)
{
    hf_reader chunks;
    hf_chunk chunk;
    if (!hf_chunks_of(packet, &chunks))
        return;
    while (hf_chunk_next(&chunks, &chunk)) {
        hf_reader value = hf_reader_of(chunk.value);
        uint32_t number = hf_read_u32(&value);
        if (chunk.type == HF_CHUNK_SACK || chunk.type == HF_CHUNK_SHUTDOWN) /* RFC 9260 §3.3.8: that acknowledges as well */
            on_cumulative_ack(flow, number);
        else if (chunk.type == HF_CHUNK_INIT || chunk.type == HF_CHUNK_INIT_ACK)
            on_init(flow, &value);
        else if (chunk.type == HF_CHUNK_DATA && flow->receiving && number == flow->tsn_received + 1)
            on_received(flow, number);
    }
}
