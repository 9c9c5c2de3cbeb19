/* link.c: a link between two network namespaces, with a delay, a rate, a queue and losses.
 *
 *     lab_link NAMESPACE INTERFACE NAMESPACE INTERFACE [SEED]
 *
 * Each end is a TUN device, made in the namespace that the path names. What goes into one comes out of the other. Commands
 * come as lines on stdin and hold for both directions; each is answered by a line "ok", or by the end of the program:
 *
 *     delay MICROSECONDS    from the end of a packet's sending to its arrival
 *     rate BITS             a second; 0: no limit
 *     queue BYTES           that may wait to be sent; what comes above is dropped
 *     loss MILLIONTHS       of the packets, each on its own
 *     cut | restore         nothing arrives; what is under way is lost, too
 *     counts                answered by "ok LOST FULL" instead: packets lost by chance or by the cut, and for a full queue
 *
 * It ends with its input, and the devices with it. */
#include <linux/if_tun.h>
#include <net/if.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 1600
#define FLIGHT_MAX 4096 /* packets under way: a power of two. 100 Mbit/s for 400 ms */
#define BATCH_MAX 64    /* packets taken from one end before the other has its turn */
#define MILLION 1000000

typedef int64_t moment; /* nanoseconds of the monotonic clock */

#define NEVER INT64_MAX

typedef struct packet {
    moment due;
    size_t len;
    uint8_t bytes[PACKET_MAX];
} packet;

/* One way over the link: what is under way stands in the order of its arrival. */
typedef struct direction {
    int from, to;
    moment idle; /* when all that waits has been sent */
    unsigned first, end;
    packet *flight; /* FLIGHT_MAX */
} direction;

static struct {
    moment delay;
    int64_t rate, queue, loss;
    bool cut;
    uint64_t lost, full;
    uint64_t random;
} link_state = {.queue = 256 * 1024};

static void die(const char *what)
{
    fprintf(stderr, "lab_link: %s: %s\n", what, strerror(errno));
    exit(1);
}

static moment clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (moment)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* xorshift64*: the same seed loses the same packets. */
static bool is_lost(void)
{
    if (link_state.cut)
        return true;
    if (link_state.loss == 0)
        return false;
    link_state.random ^= link_state.random >> 12;
    link_state.random ^= link_state.random << 25;
    link_state.random ^= link_state.random >> 27;
    return (int64_t)((link_state.random * 0x2545F4914F6CDD1D >> 32) % MILLION) < link_state.loss;
}

/* --- Packets --- */

static unsigned flight_len(const direction *way)
{
    return way->end - way->first;
}

/* Decides about the packet that has just been read into the next place under way. */
static void push(direction *way, moment now, size_t len)
{
    packet *p = &way->flight[way->end % FLIGHT_MAX];
    moment start = way->idle > now ? way->idle : now;

    if (is_lost()) {
        link_state.lost++;
        return;
    }
    if (link_state.rate > 0) {
        int64_t waiting = (start - now) / 1000 * link_state.rate / (8 * MILLION);
        if (waiting + (int64_t)len > link_state.queue) {
            link_state.full++;
            return;
        }
        start += (int64_t)len * 8 * 1000000000 / link_state.rate;
        way->idle = start;
    }
    p->len = len;
    p->due = start + link_state.delay;
    /* The delay may have become shorter: nobody overtakes. */
    if (flight_len(way) > 0 && p->due < way->flight[(way->end - 1) % FLIGHT_MAX].due)
        p->due = way->flight[(way->end - 1) % FLIGHT_MAX].due;
    way->end++;
}

static void take(direction *way)
{
    moment now = clock_now();

    for (int n = 0; n < BATCH_MAX && flight_len(way) < FLIGHT_MAX; n++) {
        ssize_t len = read(way->from, way->flight[way->end % FLIGHT_MAX].bytes, PACKET_MAX);
        if (len <= 0) {
            if (len < 0 && errno != EAGAIN && errno != EIO) /* EIO: the interface is down */
                die("read");
            return;
        }
        push(way, now, (size_t)len);
    }
}

static void deliver(direction *way)
{
    moment now = clock_now();

    while (flight_len(way) > 0 && way->flight[way->first % FLIGHT_MAX].due <= now) {
        const packet *p = &way->flight[way->first++ % FLIGHT_MAX];
        if (link_state.cut)
            link_state.lost++;
        else if (write(way->to, p->bytes, p->len) < 0 && errno != EIO && errno != EINVAL && errno != EAGAIN)
            die("write");
    }
}

static moment next_due(const direction *way)
{
    return flight_len(way) > 0 ? way->flight[way->first % FLIGHT_MAX].due : NEVER;
}

/* --- Commands --- */

static void obey(const char *line)
{
    static const struct {
        const char *name;
        int64_t *value;
        int64_t unit;
    } numbers[] = {
        {"delay ", &link_state.delay, 1000},
        {"rate ", &link_state.rate, 1},
        {"queue ", &link_state.queue, 1},
        {"loss ", &link_state.loss, 1},
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        size_t len = strlen(numbers[i].name);
        if (strncmp(line, numbers[i].name, len) == 0) {
            *numbers[i].value = strtoll(line + len, NULL, 10) * numbers[i].unit;
            puts("ok");
            return;
        }
    }
    if (strcmp(line, "counts") == 0) {
        printf("ok %llu %llu\n", (unsigned long long)link_state.lost, (unsigned long long)link_state.full);
        return;
    }
    if (strcmp(line, "cut") != 0 && strcmp(line, "restore") != 0) {
        fprintf(stderr, "lab_link: what is \"%s\"?\n", line);
        exit(2);
    }
    link_state.cut = *line == 'c';
    puts("ok");
}

/* Commands are few and short: each comes in one piece, or the next read completes it. */
static bool read_commands(void)
{
    static char text[1024];
    static size_t text_len;
    ssize_t len = read(STDIN_FILENO, text + text_len, sizeof text - 1 - text_len);

    if (len <= 0)
        return false;
    text_len += (size_t)len;
    text[text_len] = '\0';

    char *line = text;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        obey(line);
    }
    fflush(stdout);
    text_len -= (size_t)(line - text);
    memmove(text, line, text_len);
    return true;
}

/* --- Ends --- */

static int open_end(const char *space, const char *name)
{
    int fd = open(space, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(space);
    if (setns(fd, CLONE_NEWNET) < 0)
        die("setns");
    close(fd);

    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0)
        die("/dev/net/tun");
    if (ioctl(tun, TUNSETIFF, &request) < 0)
        die("TUNSETIFF");
    return tun;
}

static struct timespec span_until(moment due)
{
    moment left = due - clock_now();
    if (left < 0)
        left = 0;
    return (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6) {
        fputs("usage: lab_link NAMESPACE INTERFACE NAMESPACE INTERFACE [SEED]\n", stderr);
        return 2;
    }
    int a = open_end(argv[1], argv[2]), b = open_end(argv[3], argv[4]);
    direction ways[] = {{.from = a, .to = b}, {.from = b, .to = a}};
    for (int i = 0; i < 2; i++) {
        ways[i].flight = malloc(FLIGHT_MAX * sizeof(packet));
        if (!ways[i].flight)
            die("malloc");
    }
    link_state.random = strtoull(argc > 5 ? argv[5] : "1", NULL, 10) * 0x9E3779B97F4A7C15 | 1;
    puts("ok");
    fflush(stdout);

    for (;;) {
        struct pollfd polled[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        moment due = next_due(&ways[0]) < next_due(&ways[1]) ? next_due(&ways[0]) : next_due(&ways[1]);
        struct timespec wait = due == NEVER ? (struct timespec){.tv_sec = 3600} : span_until(due);

        /* A full one is read again when a place is free. */
        for (int i = 0; i < 2; i++)
            if (flight_len(&ways[i]) == FLIGHT_MAX)
                polled[i].fd = -1;
        if (ppoll(polled, 3, &wait, NULL) < 0 && errno != EINTR)
            die("ppoll");
        if ((polled[2].revents & (POLLIN | POLLHUP)) && !read_commands())
            return 0;
        for (int i = 0; i < 2; i++) {
            if (polled[i].revents & POLLIN)
                take(&ways[i]);
            deliver(&ways[i]);
        }
    }
}
