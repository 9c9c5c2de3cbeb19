/* coturn.c: starts and ends coturn. Nothing of the system's configuration is read. */
#include "coturn.h"

#include "stun.h"
#include "wire.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 40
#define START_PATIENCE HF_SECONDS(10)

/* Its relayed ports; what an OS gives to others lies elsewhere, or is taken, and it tries the next one. */
#define PORT_MIN 52000
#define PORT_MAX 60999

static _Noreturn void run(const coturn *c)
{
    char port[32], database[96], pid[96], first[32], last[32];
    snprintf(port, sizeof port, "--listening-port=%u", c->port);
    snprintf(database, sizeof database, "--userdb=%s/database", c->folder);
    snprintf(pid, sizeof pid, "--pidfile=%s/pid", c->folder);
    snprintf(first, sizeof first, "--min-port=%u", PORT_MIN);
    snprintf(last, sizeof last, "--max-port=%u", PORT_MAX);
    const char *arguments[ARGUMENTS_MAX] = {"turnserver",
                                            "-n",
                                            "--no-cli",
                                            "--no-tls",
                                            "--no-dtls",
                                            "--simple-log",
                                            "--log-file=stdout",
                                            "--listening-ip=127.0.0.1",
                                            "--listening-ip=::1",
                                            "--realm=wonder.land",
                                            "--lt-cred-mech",
                                            "--user=" COTURN_USER ":" COTURN_PASSWORD,
                                            port,
                                            database,
                                            pid,
                                            first,
                                            last};
    size_t n = 17;
    for (size_t i = 0; c->more[i]; i++)
        arguments[n++] = c->more[i];

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves nothing behind */
    char log[96];
    snprintf(log, sizeof log, "%s/log", c->folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    char *argv[ARGUMENTS_MAX];
    memcpy(argv, arguments, sizeof argv);
    execvp("turnserver", argv);
    _exit(127);
}

static bool answers(const coturn *c)
{
    static const uint8_t id[HF_STUN_ID_SIZE] = {1};
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_addr addr = coturn_addr(c);
    int fd = wire_socket(HF_UDP, &addr);
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    bool is_answered = send(fd, buffer, hf_stun_end(&s), 0) > 0 &&
                       poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 50) > 0 &&
                       recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0;
    close(fd);
    return is_answered;
}

static void launch(coturn *c)
{
    hf_time end = wire_now() + START_PATIENCE;
    c->pid = fork();
    cr_assert_geq(c->pid, 0);
    if (c->pid == 0)
        run(c);
    while (!answers(c)) {
        cr_assert_eq(waitpid(c->pid, NULL, WNOHANG), 0, "turnserver has ended: see %s/log", c->folder);
        cr_assert_lt(wire_now(), end, "turnserver does not answer: see %s/log", c->folder);
        poll(NULL, 0, 5);
    }
}

void coturn_start(coturn *c, const char *const more[])
{
    static const char *const usual[] = {"--relay-ip=127.0.0.1", "--relay-ip=::1", "--allow-loopback-peers", NULL};
    memset(c, 0, sizeof *c);
    for (size_t i = 0; more ? more[i] != NULL : usual[i] != NULL; i++)
        c->more[i] = more ? more[i] : usual[i];
    snprintf(c->folder, sizeof c->folder, "/tmp/holdfast-coturn-XXXXXX");
    cr_assert(mkdtemp(c->folder));
    c->port = wire_free_port();
    launch(c);
}

void coturn_kill(coturn *c)
{
    kill(c->pid, SIGKILL);
    cr_assert_eq(waitpid(c->pid, NULL, 0), c->pid);
    c->pid = 0;
}

void coturn_restart(coturn *c)
{
    launch(c);
}

void coturn_stop(coturn *c)
{
    static const char *const files[] = {"database", "log", "pid"};
    if (c->pid > 0)
        coturn_kill(c);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", c->folder, files[i]);
        unlink(path);
    }
    rmdir(c->folder);
}

hf_addr coturn_addr(const coturn *c)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .port = c->port, .ip = {127, 0, 0, 1}};
}
