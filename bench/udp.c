/* udp.c: what the system gives: bare UDP on the loopback interface, both ends in one thread. */
#include "bench.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define DATAGRAM 1200
#define BATCH 32 /* datagrams sent before they are received: they fit a socket's buffer */
#define SEGMENTS 54
#define PING 64

typedef struct pair {
    int a, b;
} pair;

static int open_bound(struct sockaddr_in *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof *name;

    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    BENCH_CHECK(fd >= 0);
    BENCH_CHECK(bind(fd, (struct sockaddr *)name, sizeof *name) == 0);
    BENCH_CHECK(getsockname(fd, (struct sockaddr *)name, &len) == 0);
    return fd;
}

static pair open_pair(void)
{
    struct sockaddr_in a, b;
    pair p = {.a = open_bound(&a), .b = open_bound(&b)};

    BENCH_CHECK(connect(p.a, (struct sockaddr *)&b, sizeof b) == 0);
    BENCH_CHECK(connect(p.b, (struct sockaddr *)&a, sizeof a) == 0);
    return p;
}

static size_t volume(size_t full)
{
    return bench_quick ? full / 20 : full;
}

static void tell_throughput(double values[], double bytes, double seconds, double cpu)
{
    values[0] = bytes / 1e6 / seconds;
    values[1] = cpu / (bytes / 1e9);
}

static void run_plain(double values[BENCH_FIGURES_MAX])
{
    static uint8_t out[DATAGRAM], in[DATAGRAM];
    pair p = open_pair();
    size_t batches = volume(20000), received = 0;
    double cpu = bench_cpu(), start = bench_now();

    for (size_t i = 0; i < batches; i++) {
        for (int n = 0; n < BATCH; n++)
            BENCH_CHECK(send(p.a, out, sizeof out, 0) == sizeof out);
        for (int n = 0; n < BATCH; n++) {
            ssize_t len = recv(p.b, in, sizeof in, 0);

            BENCH_CHECK(len == sizeof in);
            received += (size_t)len;
        }
    }
    tell_throughput(values, (double)received, bench_now() - start, bench_cpu() - cpu);
}

static void run_mmsg(double values[BENCH_FIGURES_MAX])
{
    static uint8_t out[DATAGRAM], in[BATCH][DATAGRAM];
    static struct mmsghdr sends[BATCH], receives[BATCH];
    static struct iovec out_part = {out, sizeof out}, in_parts[BATCH];
    pair p = open_pair();
    size_t batches = volume(20000), received = 0;

    for (int n = 0; n < BATCH; n++) {
        in_parts[n] = (struct iovec){in[n], sizeof in[n]};
        sends[n].msg_hdr = (struct msghdr){.msg_iov = &out_part, .msg_iovlen = 1};
        receives[n].msg_hdr = (struct msghdr){.msg_iov = &in_parts[n], .msg_iovlen = 1};
    }
    double cpu = bench_cpu(), start = bench_now();
    for (size_t i = 0; i < batches; i++) {
        BENCH_CHECK(sendmmsg(p.a, sends, BATCH, 0) == BATCH);
        BENCH_CHECK(recvmmsg(p.b, receives, BATCH, 0, NULL) == BATCH);
        received += sizeof in;
    }
    tell_throughput(values, (double)received, bench_now() - start, bench_cpu() - cpu);
}

static void run_gso(double values[BENCH_FIGURES_MAX])
{
    static uint8_t out[SEGMENTS * DATAGRAM], in[65536];
    pair p = open_pair();
    size_t batches = volume(100000), received = 0;
    int segment = DATAGRAM, on = 1;

    BENCH_CHECK(setsockopt(p.a, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) == 0);
    BENCH_CHECK(setsockopt(p.b, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0);
    double cpu = bench_cpu(), start = bench_now();
    for (size_t i = 0; i < batches; i++) {
        BENCH_CHECK(send(p.a, out, sizeof out, 0) == sizeof out);
        for (size_t got = 0; got < sizeof out;) {
            ssize_t len = recv(p.b, in, sizeof in, 0);

            BENCH_CHECK(len > 0);
            got += (size_t)len;
        }
        received += sizeof out;
    }
    tell_throughput(values, (double)received, bench_now() - start, bench_cpu() - cpu);
}

static void run_ping(double values[BENCH_FIGURES_MAX])
{
    static double times[20000];
    uint8_t bytes[PING] = {0};
    pair p = open_pair();
    size_t n = volume(sizeof times / sizeof *times);

    for (size_t i = 0; i < n; i++) {
        double start = bench_now();

        BENCH_CHECK(send(p.a, bytes, sizeof bytes, 0) == PING);
        BENCH_CHECK(recv(p.b, bytes, sizeof bytes, 0) == PING);
        BENCH_CHECK(send(p.b, bytes, sizeof bytes, 0) == PING);
        BENCH_CHECK(recv(p.a, bytes, sizeof bytes, 0) == PING);
        times[i] = (bench_now() - start) * 1e6;
    }
    values[0] = bench_quantile(times, n, 0.5);
    values[1] = bench_quantile(times, n, 0.99);
}

const bench bench_udp[] = {
    {"UDP on loopback, 1200 B, one thread, a system call each",
     {{"udp plain", "MB/s", NULL}, {"udp plain, processor", "s/GB", NULL}},
     run_plain},
    {"UDP on loopback, 1200 B, one thread, sendmmsg and recvmmsg of 32",
     {{"udp mmsg", "MB/s", NULL}, {"udp mmsg, processor", "s/GB", NULL}},
     run_mmsg},
    {"UDP on loopback, 1200 B, one thread, UDP_SEGMENT and UDP_GRO",
     {{"udp gso", "MB/s", NULL}, {"udp gso, processor", "s/GB", NULL}},
     run_gso},
    {"UDP there and back, 64 B, one thread",
     {{"udp round trip, median", "us", NULL}, {"udp round trip, 99 %", "us", NULL}},
     run_ping},
};
const size_t bench_udp_len = sizeof bench_udp / sizeof *bench_udp;
