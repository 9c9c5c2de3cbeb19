/* pipe.c: what the libraries reach by themselves: usrsctp in mbedTLS's records in UDP datagrams, both ends in one
 * thread, in the shortest way there is. Nothing here heeds loss, a second peer, a second channel or an application that
 * is slow.
 *
 * The settings are those of src/sctp and src/dtls; so is the checksum, since usrsctp's own is slower. */
#include "bench.h"

#include "crc32c.h"
#include "dtls.h"

#include <usrsctp.h>

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define PORT 5000
#define PACKET_MAX 1163 /* a datagram of 1200 bytes without 37 of DTLS */
#define COMMON_HEADER 12
#define WIRE_MAX (4 << 20) /* bytes on their way from one end */
#define RECORDS_MAX 8192   /* and in how many records */
#define RUN_MAX 65000      /* bytes of one run that the kernel cuts */
#define RUN_RECORDS_MAX 64 /* UDP_MAX_SEGMENTS */
#define BUFFER (1 << 20)   /* of usrsctp, each way */
#define TICK 0.01
#define PING 64

typedef struct end {
    struct socket *association;
    bench_dtls dtls;
    int fd;        /* -1: in memory */
    uint8_t *wire; /* sealed, not yet carried */
    size_t wire_len, lens[RECORDS_MAX], lens_len;
    const uint8_t *record; /* what mbedTLS reads next */
    size_t record_len;
    size_t received;
} end;

/* For usrsctp addresses are small numbers: 1 and 2. */
static end ends[3];
static double ticked_at;

static void *address(uintptr_t id)
{
    return (void *)id;
}

/* --- Out: usrsctp, mbedTLS, the wire --------------------------------------------------------------------------------- */

static int on_output(void *from, void *packet, size_t len, uint8_t tos, uint8_t set_df)
{
    (void)tos, (void)set_df;
    hf_crc32c_seal(packet, len);
    BENCH_CHECK(mbedtls_ssl_write(&ends[(uintptr_t)from].dtls.ssl, packet, len) == (int)len);
    return 0;
}

static int on_record(void *context, const unsigned char *record, size_t len)
{
    end *e = context;

    BENCH_CHECK(e->lens_len < RECORDS_MAX && len <= WIRE_MAX - e->wire_len);
    memcpy(e->wire + e->wire_len, record, len);
    e->wire_len += len;
    e->lens[e->lens_len++] = len;
    return (int)len;
}

/* --- In -------------------------------------------------------------------------------------------------------------- */

static int on_record_wanted(void *context, unsigned char *buffer, size_t cap)
{
    end *e = context;
    size_t len = e->record_len;

    if (len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    BENCH_CHECK(len <= cap);
    memcpy(buffer, e->record, len);
    e->record_len = 0;
    return (int)len;
}

static void take_record(uintptr_t id, const uint8_t *record, size_t len)
{
    end *e = &ends[id];
    uint8_t packet[PACKET_MAX];

    e->record = record;
    e->record_len = len;
    int got = mbedtls_ssl_read(&e->dtls.ssl, packet, sizeof packet);
    BENCH_CHECK(got > 0 && hf_crc32c_is_valid((hf_bytes){packet, (size_t)got}));
    usrsctp_conninput(address(id), packet, (size_t)got, 0);
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

/* --- Between --------------------------------------------------------------------------------------------------------- */

static void send_run(int fd, const uint8_t *run, size_t len, uint16_t segment)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof segment)];
    } control = {.header = {.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof segment)}};
    struct iovec part = {(void *)(uintptr_t)run, len};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};

    memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
    BENCH_CHECK(sendmsg(fd, &message, 0) == (ssize_t)len);
}

/* On the loopback interface what was sent has arrived: joined again, or in pieces. Returns the bytes. */
static size_t receive_joined(uintptr_t id)
{
    static uint8_t run[65536];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {run, sizeof run};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(ends[id].fd, &message, 0);
    BENCH_CHECK(len > 0);

    int segment = (int)len;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
    }
    for (ssize_t at = 0; at < len; at += segment)
        take_record(id, run + at, (size_t)(len - at < segment ? len - at : segment));
    return (size_t)len;
}

/* How many bytes from record `first` on can go as one: equal in size, only the last one shorter. */
static size_t run_from(const end *e, size_t first, size_t *next)
{
    size_t len = 0, i = first;

    while (i < e->lens_len && i - first < RUN_RECORDS_MAX && e->lens[i] <= e->lens[first] && len + e->lens[i] <= RUN_MAX) {
        len += e->lens[i++];
        if (e->lens[i - 1] < e->lens[first])
            break;
    }
    *next = i;
    return len;
}

static void carry(uintptr_t from, uintptr_t to)
{
    end *e = &ends[from];
    size_t at = 0;

    for (size_t i = 0, next; i < e->lens_len; i = next) {
        if (e->fd < 0) {
            take_record(to, e->wire + at, e->lens[i]);
            at += e->lens[i];
            next = i + 1;
        } else {
            size_t len = run_from(e, i, &next);

            send_run(e->fd, e->wire + at, len, (uint16_t)e->lens[i]);
            at += len;
            for (size_t arrived = 0; arrived < len;)
                arrived += receive_joined(to);
        }
    }
    e->wire_len = e->lens_len = 0;
}

/* Carries both ways, and lets usrsctp's clock go on. */
static void turn(void)
{
    double now = bench_now();

    carry(1, 2);
    carry(2, 1);
    if (now - ticked_at >= TICK) {
        usrsctp_handle_timers((uint32_t)((now - ticked_at) * 1e3));
        ticked_at = now;
    }
}

/* --- Opening --------------------------------------------------------------------------------------------------------- */

static void open_sockets(void)
{
    struct sockaddr_in names[3];

    for (int i = 1; i <= 2; i++) {
        socklen_t len = sizeof names[i];
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

        names[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        BENCH_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&names[i], len) == 0);
        BENCH_CHECK(getsockname(fd, (struct sockaddr *)&names[i], &len) == 0);
        BENCH_CHECK(setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0);
        ends[i].fd = fd;
    }
    for (int i = 1; i <= 2; i++)
        BENCH_CHECK(connect(ends[i].fd, (struct sockaddr *)&names[3 - i], sizeof names[i]) == 0);
}

static void open_dtls(void)
{
    bench_dtls_prepare();
    bench_dtls_connect(&ends[1].dtls, &ends[2].dtls);
    for (int i = 1; i <= 2; i++) {
        ends[i].wire = malloc(WIRE_MAX);
        BENCH_CHECK(ends[i].wire);
        mbedtls_ssl_set_bio(&ends[i].dtls.ssl, &ends[i], on_record, on_record_wanted, NULL);
    }
}

static void set(struct socket *socket, int level, int option, const void *value, socklen_t size)
{
    BENCH_CHECK(usrsctp_setsockopt(socket, level, option, value, size) == 0);
}

/* An end knows one address only: its own stands for the way to the other. */
static struct sockaddr_conn name_of(uintptr_t id)
{
    return (struct sockaddr_conn){.sconn_family = AF_CONN, .sconn_port = htons(PORT), .sconn_addr = address(id)};
}

static void open_association(uintptr_t id)
{
    end *e = &ends[id];
    struct sockaddr_conn name = name_of(id);
    struct sctp_paddrparams path = {.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
                                    .spp_pathmtu = PACKET_MAX - COMMON_HEADER};
    int on = 1, buffer = BUFFER;

    usrsctp_register_address(address(id));
    e->association = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_receive, NULL, 0, e);
    BENCH_CHECK(e->association);
    BENCH_CHECK(usrsctp_set_non_blocking(e->association, 1) == 0);
    set(e->association, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
    set(e->association, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    set(e->association, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    set(e->association, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
    BENCH_CHECK(usrsctp_bind(e->association, (struct sockaddr *)&name, sizeof name) == 0);
}

/* Both at once, as WebRTC does it. */
static void connect_associations(void)
{
    struct sctp_status status = {0};
    socklen_t size;

    usrsctp_init_nothreads(0, on_output, NULL);
    usrsctp_enable_crc32c_offload();
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_max_burst_default(0);
    ticked_at = bench_now();
    open_association(1);
    open_association(2);
    for (uintptr_t id = 1; id <= 2; id++) {
        struct sockaddr_conn name = name_of(id);
        int result = usrsctp_connect(ends[id].association, (struct sockaddr *)&name, sizeof name);

        BENCH_CHECK(result == 0 || errno == EINPROGRESS);
    }
    do {
        turn();
        size = sizeof status;
    } while (usrsctp_getsockopt(ends[1].association, IPPROTO_SCTP, SCTP_STATUS, &status, &size) != 0 ||
             status.sstat_state != SCTP_ESTABLISHED);
}

/* --- Running --------------------------------------------------------------------------------------------------------- */

static void open_pipe(bool over_sockets)
{
    ends[1].fd = ends[2].fd = -1;
    if (over_sockets)
        open_sockets();
    open_dtls();
    connect_associations();
}

/* False: usrsctp is full. */
static bool send_message(uintptr_t from, const uint8_t *message, size_t size)
{
    struct sctp_sndinfo info = {.snd_ppid = htonl(53)};

    return usrsctp_sendv(ends[from].association, message, size, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) > 0;
}

static void run_messages(bool over_sockets, size_t size, double values[BENCH_FIGURES_MAX])
{
    uint8_t *message = calloc(1, size);
    size_t volume = bench_volume(size), sent = 0;

    BENCH_CHECK(message);
    open_pipe(over_sockets);

    double cpu = bench_cpu(), start = bench_now();
    while (ends[2].received < volume) {
        while (sent < volume && send_message(1, message, size))
            sent += size;
        turn();
    }
    double bytes = (double)ends[2].received;
    values[0] = bytes / 1e6 / (bench_now() - start);
    values[1] = (bench_cpu() - cpu) / (bytes / 1e9);
}

static void run_64k(double values[BENCH_FIGURES_MAX])
{
    run_messages(true, 65536, values);
}

static void run_16k(double values[BENCH_FIGURES_MAX])
{
    run_messages(true, 16384, values);
}

static void run_1k(double values[BENCH_FIGURES_MAX])
{
    run_messages(true, 1024, values);
}

static void run_64k_in_memory(double values[BENCH_FIGURES_MAX])
{
    run_messages(false, 65536, values);
}

static void run_16k_in_memory(double values[BENCH_FIGURES_MAX])
{
    run_messages(false, 16384, values);
}

static void run_1k_in_memory(double values[BENCH_FIGURES_MAX])
{
    run_messages(false, 1024, values);
}

static void run_round_trips(double values[BENCH_FIGURES_MAX])
{
    static double times[20000];
    static const uint8_t message[PING];
    size_t n = bench_quick ? 500 : sizeof times / sizeof *times;

    open_pipe(true);
    for (size_t i = 0; i < n; i++) {
        double start = bench_now();

        for (uintptr_t from = 1; from <= 2; from++) {
            size_t expected = ends[3 - from].received + PING;

            BENCH_CHECK(send_message(from, message, PING));
            while (ends[3 - from].received < expected)
                turn();
        }
        times[i] = (bench_now() - start) * 1e6;
    }
    values[0] = bench_quantile(times, n, 0.5);
    values[1] = bench_quantile(times, n, 0.99);
}

#define IN_MEMORY "usrsctp and mbedTLS alone, in memory, both ends in one thread"
#define OVER_SOCKETS "usrsctp and mbedTLS alone, over sockets with GSO and GRO, both ends in one thread"

const bench bench_pipe[] = {
    {IN_MEMORY,
     {{"pipe in memory 64 KiB", "MB/s", NULL}, {"pipe in memory 64 KiB, processor", "s/GB", NULL}},
     run_64k_in_memory},
    {IN_MEMORY,
     {{"pipe in memory 16 KiB", "MB/s", NULL}, {"pipe in memory 16 KiB, processor", "s/GB", NULL}},
     run_16k_in_memory},
    {IN_MEMORY,
     {{"pipe in memory 1 KiB", "MB/s", NULL}, {"pipe in memory 1 KiB, processor", "s/GB", NULL}},
     run_1k_in_memory},
    {OVER_SOCKETS, {{"pipe 64 KiB", "MB/s", NULL}, {"pipe 64 KiB, processor", "s/GB", NULL}}, run_64k},
    {OVER_SOCKETS, {{"pipe 16 KiB", "MB/s", NULL}, {"pipe 16 KiB, processor", "s/GB", NULL}}, run_16k},
    {OVER_SOCKETS, {{"pipe 1 KiB", "MB/s", NULL}, {"pipe 1 KiB, processor", "s/GB", NULL}}, run_1k},
    {"usrsctp and mbedTLS alone, a message of 64 B there and back",
     {{"pipe round trip, median", "us", NULL}, {"pipe round trip, 99 %", "us", NULL}},
     run_round_trips},
};
const size_t bench_pipe_len = sizeof bench_pipe / sizeof *bench_pipe;
