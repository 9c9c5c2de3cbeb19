/* loop.c: the loop's life, and its turns. */
#include "loop_priv.h"

#include "alloc.h"
#include "random.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 64 /* of one turn; epoll goes round, so that those left out come next */

/* --- What epoll reports --- */

hf_err hf_loop_attach(hf_loop *loop, hf_source *source, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return HF_OK;
    return errno == EPERM ? HF_ENOTSUP : errno == EEXIST ? HF_EEXIST : errno == ENOMEM ? HF_ENOMEM : HF_EIO;
}

void hf_loop_reattach(hf_loop *loop, hf_source *source, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event); /* cannot fail for a descriptor that is attached */
}

static void on_socket(hf_socket *socket, uint32_t events)
{
    if ((events & EPOLLOUT) != 0)
        hf_socket_on_writable(socket);
    if ((events & ~(uint32_t)EPOLLOUT) != 0)
        hf_socket_on_readable(socket);
}

static void on_watch(const hf_watch *watch)
{
    watch->fn(watch->context);
}

static void on_alarm(hf_loop *loop)
{
    uint64_t count;
    ssize_t ignored = read(loop->alarm_fd, &count, sizeof count);

    (void)ignored;
    loop->alarm_at = HF_NEVER;
}

static void on_event(hf_loop *loop, hf_source *source, uint32_t events)
{
    if (source->dead)
        return;
    switch (source->kind) { /* a source is the first member of what it is the source of */
    case HF_SOURCE_OBJECT:
        assert(false);
        break;
    case HF_SOURCE_SOCKET:
        on_socket((hf_socket *)source, events);
        break;
    case HF_SOURCE_LISTENER:
        hf_listener_on_readable((hf_listener *)source);
        break;
    case HF_SOURCE_STREAM:
        hf_stream_on_event((hf_stream *)source, events);
        break;
    case HF_SOURCE_WATCH:
        on_watch((hf_watch *)source);
        break;
    case HF_SOURCE_POSTS:
        hf_posts_run(loop->posts);
        break;
    case HF_SOURCE_ALARM:
        on_alarm(loop);
        break;
    case HF_SOURCE_RESOLVER:
        hf_resolver_on_readable(loop);
        break;
    case HF_SOURCE_INTERFACES:
        hf_interfaces_on_readable(loop);
        break;
    case HF_SOURCE_MULTICAST:
        hf_multicast_on_readable(source);
        break;
    }
}

/* --- Birth and death --- */

static hf_err open_descriptors(hf_loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return HF_EIO;
    loop->alarm_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->alarm_fd < 0)
        return HF_EIO;

    hf_err err = hf_posts_new(&loop->posts);
    if (err == HF_OK)
        err = hf_loop_attach(loop, &loop->alarm_source, loop->alarm_fd, EPOLLIN);
    if (err == HF_OK)
        err = hf_loop_attach(loop, &loop->posts_source, hf_posts_fd(loop->posts), EPOLLIN);
    return err;
}

hf_err hf_loop_new(hf_loop **out, const hf_env *env)
{
    if (!env || !hf_env_is_usable(env))
        return HF_EINVAL;

    hf_loop *loop = hf_alloc(env, sizeof *loop);
    if (!loop)
        return HF_ENOMEM;
    loop->env = env;
    loop->now = hf_clock_now();
    loop->epoll_fd = -1;
    loop->alarm_fd = -1;
    loop->alarm_at = HF_NEVER;
    loop->interfaces.fd = -1;
    loop->timers.env = env;
    loop->lookup = hf_resolver_getaddrinfo;
    loop->posts_source.kind = HF_SOURCE_POSTS;
    loop->alarm_source.kind = HF_SOURCE_ALARM;
    atomic_init(&loop->stopping, false);

    hf_err err = open_descriptors(loop);
    if (err == HF_OK)
        err = hf_receiver_new(&loop->receiver, env);
    if (err == HF_OK && !(loop->run = hf_alloc(env, HF_RUN_MAX)))
        err = HF_ENOMEM;
    if (err == HF_OK)
        err = hf_engine_new(&loop->engine, env);
    if (err != HF_OK) {
        hf_loop_free(loop);
        return err;
    }
    *out = loop;
    return HF_OK;
}

static void free_dead(hf_loop *loop)
{
    while (loop->dead) {
        hf_source *source = loop->dead;

        loop->dead = source->next_dead;
        hf_dealloc(loop->env, source);
    }
}

void hf_loop_bury(hf_loop *loop, hf_source *source)
{
    source->dead = true;
    source->next_dead = loop->dead;
    loop->dead = source;
    if (!loop->in_turn)
        free_dead(loop);
}

void hf_loop_free(hf_loop *loop)
{
    if (!loop)
        return;
    assert(!loop->in_turn);
    if (loop->clear_crews)
        loop->clear_crews(loop);
    hf_objects_clear(loop);
    hf_watch_clear(loop);
    hf_multicast_free(loop->multicast);
    hf_interfaces_close(loop);
    hf_resolver_free(loop->resolver);
    hf_timers_clear(&loop->timers);
    hf_posts_free(loop->posts);
    hf_engine_free(loop->engine);
    hf_receiver_free(loop->receiver, loop->env);
    hf_dealloc(loop->env, loop->run);
    if (loop->alarm_fd >= 0)
        close(loop->alarm_fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    hf_dealloc(loop->env, loop);
}

/* --- Turns --- */

hf_time hf_loop_deadline(const hf_loop *loop)
{
    return loop->ready_first || loop->watches_always > 0 ? loop->now : hf_timers_first(&loop->timers);
}

/* The alarm that is set may stay if it comes first: a turn for nothing costs less than a system call each turn, for most
 * deadlines move on before they come. */
static void set_alarm(hf_loop *loop, hf_time at)
{
    if (at >= loop->alarm_at)
        return;

    struct itimerspec when = {.it_value = {.tv_sec = at / 1000000, .tv_nsec = (at % 1000000) * 1000}};
    timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL);
    loop->alarm_at = at;
}

static hf_err wait_for_events(hf_loop *loop, hf_span wait, struct epoll_event events[EVENTS_MAX], int *n)
{
    hf_time now = hf_clock_now();
    hf_time until = wait < HF_NEVER - now ? now + wait : HF_NEVER;
    hf_time deadline = hf_loop_deadline(loop);
    bool block = wait > 0 && deadline > now;

    if (deadline < until)
        until = deadline;
    if (block)
        set_alarm(loop, until);
    *n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, block ? -1 : 0);
    if (*n < 0 && errno != EINTR)
        return HF_EIO;
    now = hf_clock_now();
    if (now > loop->now)
        loop->now = now;
    return HF_OK;
}

/* Only those that were set before: a handler that arms its timer for now does not keep the others waiting. */
static void fire_timers(hf_loop *loop)
{
    uint64_t born_later = loop->timers.serial;
    hf_timer *timer;

    while ((timer = hf_timers_pop(&loop->timers, loop->now, born_later)))
        timer->fn(timer->context);
}

hf_err hf_loop_step(hf_loop *loop, hf_span wait)
{
    struct epoll_event events[EVENTS_MAX];
    int n;

    if (loop->in_turn)
        return HF_ESTATE;
    hf_err err = wait_for_events(loop, wait, events, &n);
    if (err != HF_OK)
        return err;

    loop->in_turn = true;
    for (int i = 0; i < n; i++)
        on_event(loop, events[i].data.ptr, events[i].events);
    hf_watch_run_always(loop);
    fire_timers(loop);
    hf_objects_serve(loop);
    loop->in_turn = false;
    free_dead(loop);
    return HF_OK;
}

hf_err hf_loop_run(hf_loop *loop)
{
    hf_err err = HF_OK;

    while (err == HF_OK && !atomic_load(&loop->stopping))
        err = hf_loop_step(loop, HF_NEVER);
    atomic_store(&loop->stopping, false);
    return err;
}

void hf_loop_stop(hf_loop *loop)
{
    atomic_store(&loop->stopping, true);
    hf_posts_signal(loop->posts);
}

/* --- Questions --- */

int hf_loop_fd(const hf_loop *loop)
{
    return loop->epoll_fd;
}

hf_time hf_loop_now(const hf_loop *loop)
{
    return loop->now;
}

hf_engine *hf_loop_engine(hf_loop *loop)
{
    return loop->engine;
}

void hf_loop_get_stats(const hf_loop *loop, hf_loop_stats *out)
{
    *out = loop->stats;
    out->objects = loop->objects_len;
}
