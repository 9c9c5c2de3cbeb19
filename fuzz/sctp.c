/* sctp.c: the DCEP codec, the check that comes before usrsctp, and a live association between two ends, into which packets
 * are put with their checksum and tag made right.
 *
 * Input: a first byte that chooses, then a run of steps: one byte what, one byte how much, and its bytes. */
#include <bytes.h>
#include <chunk.h>
#include <crc32c.h>
#include <dcep.h>
#include <sctp.h>

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKET_MAX 1200

/* usrsctp reads the clock by itself; the program's own makes a run repeat. */
static hf_time fuzz_now;
static uint32_t fuzz_random;

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    (void)zone;
    *out = (struct timeval){.tv_sec = 1750000000 + fuzz_now / HF_SECONDS(1), .tv_usec = fuzz_now % HF_SECONDS(1)};
    return 0;
}

static void fill(void *context, void *out, size_t len)
{
    uint8_t *bytes = out;
    (void)context;
    for (size_t i = 0; i < len; i++) {
        fuzz_random = fuzz_random * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(fuzz_random >> 24);
    }
}

static void check_codec(hf_bytes bytes)
{
    hf_dcep_type type;
    hf_dcep_open open = {0};
    uint8_t again[2048];
    hf_writer w = hf_writer_of(again, sizeof again);
    (void)hf_packet_is_well_formed(bytes);
    (void)hf_crc32c_is_valid(bytes);
    if (!hf_dcep_read(bytes, &type, &open) || type != HF_DCEP_OPEN || bytes.len > sizeof again)
        return;
    hf_dcep_write_open(&w, &open);
    if (!w.ok || w.len != bytes.len)
        abort(); /* what was read can be written */
}

typedef struct live {
    hf_sctp *ends[2];
    uint32_t tags[2]; /* what each wants to see, from the other's packets */
    uint32_t tsns[2]; /* what each expects next, from the same */
    hf_time now;
} live;

/* Notes what the end that gets this packet will want to see next. */
static void note(live *l, size_t to, hf_bytes packet)
{
    hf_reader header = hf_reader_of(packet), chunks;
    hf_chunk chunk;
    hf_read_skip(&header, 4);
    uint32_t tag = hf_read_u32(&header);
    if (tag != 0)
        l->tags[to] = tag;
    if (!hf_chunks_of(packet, &chunks))
        return;
    while (hf_chunk_next(&chunks, &chunk)) {
        hf_reader value = hf_reader_of(chunk.value);
        if (chunk.type == HF_CHUNK_INIT || chunk.type == HF_CHUNK_INIT_ACK) {
            hf_read_skip(&value, 12);
            l->tsns[to] = hf_read_u32(&value);
        } else if (chunk.type == HF_CHUNK_DATA) {
            l->tsns[to] = hf_read_u32(&value) + 1;
        }
    }
}

static void drain(live *l, size_t at)
{
    hf_sctp_event event;
    hf_bytes packets[8];
    size_t n;
    volatile uint8_t sum = 0;
    while (hf_sctp_poll_event(l->ends[at], &event))
        for (size_t i = 0; i < event.message.len; i++)
            sum = (uint8_t)(sum + event.message.data[i]);
    while ((n = hf_sctp_packets(l->ends[at], l->now, packets, 8)) > 0) {
        for (size_t i = 0; i < n; i++)
            note(l, 1 - at, packets[i]);
        hf_sctp_input(l->ends[1 - at], l->now, packets, n);
        hf_sctp_sent(l->ends[at], n);
    }
}

static void settle(live *l, hf_span length)
{
    hf_time end = l->now + length;
    for (int turns = 0; turns < 64; turns++) {
        drain(l, 0);
        drain(l, 1);
        hf_time a = hf_sctp_deadline(l->ends[0]), b = hf_sctp_deadline(l->ends[1]), next = a < b ? a : b;
        if (next > end)
            break;
        l->now = next > l->now ? next : l->now;
        fuzz_now = l->now;
        hf_sctp_tick(l->ends[0], l->now);
        hf_sctp_tick(l->ends[1], l->now);
    }
    l->now = fuzz_now = end;
    hf_sctp_tick(l->ends[0], l->now);
    hf_sctp_tick(l->ends[1], l->now);
}

/* Chunks out of the blue, in a packet that is right otherwise. */
static void inject(live *l, size_t at, hf_bytes chunks, bool tagged)
{
    uint8_t packet[12 + 256 + 4] = {HF_SCTP_PORT >> 8, HF_SCTP_PORT & 0xFF, HF_SCTP_PORT >> 8, HF_SCTP_PORT & 0xFF};
    for (size_t i = 0; tagged && i < 4; i++)
        packet[4 + i] = (uint8_t)(l->tags[at] >> (24 - 8 * i));
    if (chunks.len > 0)
        memcpy(packet + 12, chunks.data, chunks.len);
    size_t len = (12 + chunks.len + 3) / 4 * 4;
    hf_crc32c_seal(packet, len);
    hf_sctp_input(l->ends[at], l->now, &(hf_bytes){packet, len}, 1);
}

/* Data or FORWARD TSN that fit where the association stands: each byte triple is flags, distance of the TSN, and stream with
 * kind. */
static void inject_data(live *l, size_t at, hf_bytes bytes)
{
    static const uint8_t ppids[] = {50, 51, 53, 56};
    uint8_t chunks[256];
    hf_writer w = hf_writer_of(chunks, sizeof chunks);
    hf_reader r = hf_reader_of(bytes);
    while (r.rest.len >= 3 && w.len + 28 <= sizeof chunks) {
        uint8_t flags = hf_read_u8(&r), distance = hf_read_u8(&r), where = hf_read_u8(&r);
        uint32_t tsn = l->tsns[at] + distance - (distance > 200 ? 256u : 0);
        if ((flags & 0x80) != 0) {
            hf_write_u8(&w, HF_CHUNK_FORWARD_TSN);
            hf_write_u8(&w, 0);
            hf_write_u16(&w, 12);
            hf_write_u32(&w, tsn);
            hf_write_u16(&w, where & 3);
            hf_write_u16(&w, flags & 7);
            continue;
        }
        hf_write_u8(&w, HF_CHUNK_DATA);
        hf_write_u8(&w, flags & 7);
        hf_write_u16(&w, 28);
        hf_write_u32(&w, tsn);
        hf_write_u16(&w, where & 3);
        hf_write_u16(&w, where >> 6);
        hf_write_u32(&w, (flags & 0x40) != 0 ? 0xFFFFFF00u | flags : ppids[where >> 2 & 3]);
        hf_write_zeroes(&w, 12);
    }
    inject(l, at, hf_bytes_of(chunks, w.len), true);
}

static void send(live *l, size_t at, uint8_t amount, hf_bytes bytes)
{
    static uint8_t long_one[16384];
    if ((amount & 0x80) != 0)
        bytes = hf_bytes_of(long_one, (size_t)(amount & 0x7F) * 128);
    (void)!hf_sctp_channel_send(l->ends[at], l->now, 1 + (amount & 3), HF_BINARY, bytes);
}

static hf_datachannel_config config_of(uint8_t amount)
{
    return (hf_datachannel_config){.unordered = amount & 1,
                                   .reliability = (hf_reliability)((amount >> 1 & 3) % 3),
                                   .reliability_limit = amount >> 3 & 3,
                                   .priority = (uint16_t)(amount << 8),
                                   .negotiated = (amount & 0x20) != 0,
                                   .id = amount >> 6};
}

static void take_step(live *l, uint8_t what, uint8_t amount, hf_bytes bytes)
{
    size_t at = what & 1;
    hf_datachannel channel = 0;
    hf_datachannel_config config;
    switch (what >> 1 & 7) {
    case 0:
    case 1:
        inject(l, at, bytes, true);
        break;
    case 2:
        inject_data(l, at, bytes);
        break;
    case 3:
        inject(l, at, bytes, false);
        break;
    case 4:
        settle(l, HF_MS((hf_span)amount * 10));
        break;
    case 5:
        config = config_of(amount);
        if (hf_sctp_channel_open(l->ends[at], l->now, &config, &channel) == HF_OK)
            (void)!hf_sctp_channel_receive_in_parts(l->ends[at], channel, amount & 4);
        break;
    case 6:
        send(l, at, amount, bytes);
        break;
    case 7:
        (void)!hf_sctp_channel_close(l->ends[at], l->now, 1 + (amount & 3));
        break;
    }
}

static void live_run(hf_reader *r)
{
    static const hf_env env = {.random = fill};
    hf_engine *engine;
    live l = {.now = HF_SECONDS(1)};
    fuzz_now = l.now;
    if (hf_engine_new(&engine, &env) != HF_OK)
        abort();
    for (size_t i = 0; i < 2; i++)
        if (hf_sctp_new(&l.ends[i], &(hf_sctp_config){.mtu = PACKET_MAX, .message_max = 16384}, engine, &env) != HF_OK)
            abort();
    hf_datachannel channel;
    (void)!hf_sctp_channel_open(l.ends[0], l.now, &(hf_datachannel_config){.label = "fuzz"}, &channel);
    for (size_t i = 0; i < 2; i++)
        if (hf_sctp_start(l.ends[i], l.now, &(hf_sctp_remote){.dtls_client = i == 0}) != HF_OK)
            abort();
    if (hf_read_u8(r) & 1)
        settle(&l, HF_MS(50));
    for (int steps = 0; r->ok && r->rest.len > 0 && steps < 64; steps++) {
        uint8_t what = hf_read_u8(r), amount = hf_read_u8(r);
        size_t len = amount < r->rest.len ? amount : r->rest.len;
        hf_bytes bytes = (what >> 1 & 7) <= 3 || (what >> 1 & 7) == 6 ? hf_read_bytes(r, len) : (hf_bytes){0};
        take_step(&l, what, amount, bytes);
        if (what & 0x80)
            settle(&l, HF_MS(20));
    }
    settle(&l, HF_MS(300));
    hf_sctp_free(l.ends[0]);
    hf_sctp_free(l.ends[1]);
    hf_engine_free(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_reader r = hf_reader_of((hf_bytes){data, size});
    fuzz_random = 1;
    switch (hf_read_u8(&r) & 3) {
    case 0:
        check_codec(r.rest);
        break;
    case 1:
    case 2:
    case 3:
        live_run(&r);
        break;
    }
    return 0;
}
