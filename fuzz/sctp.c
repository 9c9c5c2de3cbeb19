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
    hf_time now;
} live;

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
        for (size_t i = 0; i < n; i++) {
            hf_reader r = hf_reader_of(packets[i]);
            hf_read_skip(&r, 4);
            uint32_t tag = hf_read_u32(&r);
            if (tag != 0)
                l->tags[1 - at] = tag;
        }
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

static void take_step(live *l, uint8_t what, uint8_t amount, hf_bytes bytes)
{
    size_t at = what & 1;
    hf_datachannel channel = 0;
    switch (what >> 1 & 7) {
    case 0:
    case 1:
    case 2:
        inject(l, at, bytes, true);
        break;
    case 3:
        inject(l, at, bytes, false);
        break;
    case 4:
        settle(l, HF_MS((hf_span)amount * 10));
        break;
    case 5:
        (void)!hf_sctp_channel_open(l->ends[at], l->now, &(hf_datachannel_config){.unordered = amount & 1}, &channel);
        break;
    case 6:
        (void)!hf_sctp_channel_send(l->ends[at], l->now, 1 + (amount & 3), HF_BINARY, bytes);
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
