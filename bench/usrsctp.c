/* usrsctp.c: what usrsctp gives: one association, both ends in one thread, packets handed over in memory, with our own
 * CRC32c on both sides as in src/sctp. */
#include "bench.h"

#include "crc32c.h"

#include <usrsctp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT 5000
#define MTU 1150
#define PACKETS 8192 /* on their way to one end */

typedef struct end {
    struct socket *socket;
    uint8_t (*packets)[MTU + 50];
    uint16_t lens[PACKETS];
    size_t head, tail;
    size_t received;
} end;

/* Addresses are small numbers: 1 and 2. */
static end ends[3];

static void *address(uintptr_t id)
{
    return (void *)id;
}

/* What an end sends goes to the other one's queue: usrsctp must not be called from here. */
static int on_output(void *from, void *packet, size_t len, uint8_t tos, uint8_t set_df)
{
    end *to = &ends[3 - (uintptr_t)from];

    (void)tos, (void)set_df;
    BENCH_CHECK(to->tail - to->head < PACKETS && len <= sizeof *to->packets);
    memcpy(to->packets[to->tail % PACKETS], packet, len);
    hf_crc32c_seal(to->packets[to->tail % PACKETS], len);
    to->lens[to->tail++ % PACKETS] = (uint16_t)len;
    return 0;
}

static int on_receive(struct socket *socket, union sctp_sockstore from, void *data, size_t len, struct sctp_rcvinfo info,
                      int flags, void *context)
{
    (void)socket, (void)from, (void)info;
    if (data && (flags & MSG_NOTIFICATION) == 0)
        ((end *)context)->received += len;
    free(data);
    return 1;
}

static void deliver(uintptr_t id)
{
    end *e = &ends[id];

    while (e->head < e->tail) {
        size_t at = e->head++ % PACKETS;
        hf_bytes packet = {e->packets[at], e->lens[at]};

        BENCH_CHECK(hf_crc32c_is_valid(packet));
        usrsctp_conninput(address(id), e->packets[at], e->lens[at], 0);
    }
}

static struct sockaddr_conn name_of(uintptr_t id)
{
    return (struct sockaddr_conn){.sconn_family = AF_CONN, .sconn_port = htons(PORT), .sconn_addr = address(id)};
}

static void set(struct socket *socket, int level, int option, const void *value, socklen_t size)
{
    BENCH_CHECK(usrsctp_setsockopt(socket, level, option, value, size) == 0);
}

static void open_end(uintptr_t id)
{
    end *e = &ends[id];
    struct sockaddr_conn name = name_of(id);
    struct sctp_paddrparams path = {.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE, .spp_pathmtu = MTU - 12};
    int on = 1, buffer = 1 << 20;

    e->packets = calloc(PACKETS, sizeof *e->packets);
    BENCH_CHECK(e->packets);
    usrsctp_register_address(address(id));
    e->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_receive, NULL, 0, e);
    BENCH_CHECK(e->socket);
    BENCH_CHECK(usrsctp_set_non_blocking(e->socket, 1) == 0);
    set(e->socket, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
    set(e->socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    set(e->socket, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    set(e->socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
    BENCH_CHECK(usrsctp_bind(e->socket, (struct sockaddr *)&name, sizeof name) == 0);
}

static double ticked_at;

/* Delivers both ways, and lets usrsctp's clock go on. */
static void turn(void)
{
    double now = bench_now();

    deliver(1);
    deliver(2);
    if (now - ticked_at >= 0.01) {
        usrsctp_handle_timers((uint32_t)((now - ticked_at) * 1e3));
        ticked_at = now;
    }
}

static void connect_ends(void)
{
    struct sctp_status status = {0};
    socklen_t size = sizeof status;

    /* Both at once, as WebRTC does it. An end knows one address only: its own stands for the way to the other. */
    for (uintptr_t id = 1; id <= 2; id++) {
        struct sockaddr_conn name = name_of(id);

        BENCH_CHECK(usrsctp_connect(ends[id].socket, (struct sockaddr *)&name, sizeof name) == 0 || errno == EINPROGRESS);
    }
    do {
        turn();
        size = sizeof status;
    } while (usrsctp_getsockopt(ends[1].socket, IPPROTO_SCTP, SCTP_STATUS, &status, &size) != 0 ||
             status.sstat_state != SCTP_ESTABLISHED);
}

static void run_messages(size_t size, double values[BENCH_FIGURES_MAX])
{
    uint8_t *message = calloc(1, size);
    size_t volume = (bench_quick ? 8u : 128u) << 20, sent = 0;
    struct sctp_sndinfo info = {.snd_ppid = htonl(53)};

    BENCH_CHECK(message);
    if (size < 16384)
        volume /= 2;
    usrsctp_init_nothreads(0, on_output, NULL);
    usrsctp_enable_crc32c_offload();
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_max_burst_default(0);
    ticked_at = bench_now();
    open_end(1);
    open_end(2);
    connect_ends();

    double cpu = bench_cpu(), start = bench_now();
    while (ends[2].received < volume) {
        while (sent < volume &&
               usrsctp_sendv(ends[1].socket, message, size, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) > 0)
            sent += size;
        turn();
    }
    double bytes = (double)ends[2].received;
    values[0] = bytes / 1e6 / (bench_now() - start);
    values[1] = (bench_cpu() - cpu) / (bytes / 1e9);
}

static void run_64k(double values[BENCH_FIGURES_MAX])
{
    run_messages(65536, values);
}

static void run_16k(double values[BENCH_FIGURES_MAX])
{
    run_messages(16384, values);
}

static void run_1k(double values[BENCH_FIGURES_MAX])
{
    run_messages(1024, values);
}

/* --- A byte must pass usrsctp, a cipher and the system, one after the other on one thread --- */

static void together(double (*median_of)(const char *name), const char *rate, const char *processor, double values[])
{
    values[0] = 1 / (1 / median_of(rate) + 1 / median_of("chacha20-poly1305") + 1 / median_of("udp gso"));
    values[1] = median_of(processor) + median_of("chacha20-poly1305, processor") + median_of("udp gso, processor");
}

static void together_64k(double (*median_of)(const char *name), double values[BENCH_FIGURES_MAX])
{
    together(median_of, "usrsctp 64 KiB", "usrsctp 64 KiB, processor", values);
}

static void together_16k(double (*median_of)(const char *name), double values[BENCH_FIGURES_MAX])
{
    together(median_of, "usrsctp 16 KiB", "usrsctp 16 KiB, processor", values);
}

static void together_1k(double (*median_of)(const char *name), double values[BENCH_FIGURES_MAX])
{
    together(median_of, "usrsctp 1 KiB", "usrsctp 1 KiB, processor", values);
}

const bench bench_usrsctp[] = {
    {"usrsctp, both ends in one thread, 1150 B packets",
     {{"usrsctp 64 KiB", "MB/s", NULL}, {"usrsctp 64 KiB, processor", "s/GB", NULL}},
     run_64k,
     NULL},
    {"usrsctp, both ends in one thread, 1150 B packets",
     {{"usrsctp 16 KiB", "MB/s", NULL}, {"usrsctp 16 KiB, processor", "s/GB", NULL}},
     run_16k,
     NULL},
    {"usrsctp, both ends in one thread, 1150 B packets",
     {{"usrsctp 1 KiB", "MB/s", NULL}, {"usrsctp 1 KiB, processor", "s/GB", NULL}},
     run_1k,
     NULL},
    {"computed: usrsctp, ChaCha20-Poly1305 and UDP with GSO, one after the other",
     {{"parts 64 KiB", "MB/s", NULL}, {"parts 64 KiB, processor", "s/GB", NULL}},
     NULL,
     together_64k},
    {"computed: usrsctp, ChaCha20-Poly1305 and UDP with GSO, one after the other",
     {{"parts 16 KiB", "MB/s", NULL}, {"parts 16 KiB, processor", "s/GB", NULL}},
     NULL,
     together_16k},
    {"computed: usrsctp, ChaCha20-Poly1305 and UDP with GSO, one after the other",
     {{"parts 1 KiB", "MB/s", NULL}, {"parts 1 KiB, processor", "s/GB", NULL}},
     NULL,
     together_1k},
};
const size_t bench_usrsctp_len = sizeof bench_usrsctp / sizeof *bench_usrsctp;
