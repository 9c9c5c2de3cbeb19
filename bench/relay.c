/* relay.c: a TURN server in a process of its own: hf_turn_server on a loop, or coturn with one thread to relay. */
#include "relay.h"

#include "bench.h"

#include <holdfast/loop.h>
#include <holdfast/turn.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 10.0

static _Noreturn void run_ours(int to)
{
    static const hf_turn_user user = {BENCH_RELAY_USER, BENCH_RELAY_PASSWORD};
    hf_addr listen = {.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, 1}}, got;
    hf_turn_range here = {.addr = listen, .prefix = 8};
    hf_turn_server_config config = {.users = &user, .users_len = 1, .allowed = &here, .allowed_len = 1};
    hf_env env;
    hf_loop *loop;
    hf_turn_server *server;

    hf_env_system(&env);
    BENCH_CHECK(hf_turn_server_new(&server, hf_clock_now(), &config, &env) == HF_OK);
    BENCH_CHECK(hf_loop_new(&loop, &env) == HF_OK);
    BENCH_CHECK(hf_loop_add_turn_server(loop, server, &listen, 1) == HF_OK);
    BENCH_CHECK(hf_loop_listens(loop, server, &got, 1) == 1);
    BENCH_CHECK(write(to, &got.port, sizeof got.port) == sizeof got.port);
    BENCH_CHECK(hf_loop_run(loop) == HF_OK);
    _exit(0);
}

static _Noreturn void run_coturn(uint16_t port)
{
    char number[8];
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

    snprintf(number, sizeof number, "%u", port);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execlp("turnserver", "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-stdout-log", "--log-file=/dev/null",
           "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers", "--lt-cred-mech", "--realm=bench",
           "--user=" BENCH_RELAY_USER ":" BENCH_RELAY_PASSWORD, "--userdb=/dev/null", "--pidfile=/dev/null",
           "--relay-threads=1", "--listening-port", number, (char *)NULL);
    _exit(127);
}

static uint16_t a_free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    BENCH_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    BENCH_CHECK(getsockname(fd, (struct sockaddr *)&name, &len) == 0);
    close(fd);
    return ntohs(name.sin_port);
}

/* Answers a Binding request. */
static bool answers(const bench_relay *relay)
{
    static const uint8_t request[20] = {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1};
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(relay->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    BENCH_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    bool is_answered = send(fd, request, sizeof request, 0) == (ssize_t)sizeof request &&
                       poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 50) == 1 &&
                       recv(fd, (uint8_t[64]){0}, 64, 0) > 0;
    close(fd);
    return is_answered;
}

bool bench_relay_start(bench_relay *relay, bool is_coturn)
{
    int ends[2], status;

    relay->port = is_coturn ? a_free_port() : 0;
    BENCH_CHECK(pipe(ends) == 0);
    relay->pid = fork();
    BENCH_CHECK(relay->pid >= 0);
    if (relay->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (is_coturn)
            run_coturn(relay->port);
        run_ours(ends[1]);
    }
    close(ends[1]);
    if (!is_coturn)
        BENCH_CHECK(read(ends[0], &relay->port, sizeof relay->port) == sizeof relay->port);
    close(ends[0]);
    for (double limit = bench_now() + PATIENCE; !answers(relay);) {
        if (waitpid(relay->pid, &status, WNOHANG) == relay->pid)
            return false;
        BENCH_CHECK(bench_now() < limit);
        poll(NULL, 0, 10);
    }
    return true;
}

double bench_relay_cpu(const bench_relay *relay)
{
    clockid_t clock;
    struct timespec t;

    BENCH_CHECK(clock_getcpuclockid(relay->pid, &clock) == 0 && clock_gettime(clock, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_relay_stop(bench_relay *relay)
{
    kill(relay->pid, SIGKILL);
    waitpid(relay->pid, NULL, 0);
}
