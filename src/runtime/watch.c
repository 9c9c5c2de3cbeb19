/* watch.c: descriptors of the application: a terminal, a pipe, a signalling socket. */
#include "loop_priv.h"

#include "alloc.h"

#include <sys/epoll.h>

static hf_watch **find(hf_loop *loop, int fd)
{
    hf_watch **at = &loop->watches;

    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

hf_err hf_loop_watch(hf_loop *loop, int fd, void (*fn)(void *context), void *context)
{
    if (*find(loop, fd))
        return HF_EEXIST;

    hf_watch *watch = hf_alloc(loop->env, sizeof *watch);
    if (!watch)
        return HF_ENOMEM;
    *watch = (hf_watch){.source.kind = HF_SOURCE_WATCH, .next = loop->watches, .fd = fd, .fn = fn, .context = context};

    hf_err err = hf_loop_attach(loop, &watch->source, fd, EPOLLIN);
    watch->always = err == HF_ENOTSUP;
    if (err != HF_OK && !watch->always) {
        hf_dealloc(loop->env, watch);
        return err;
    }
    loop->watches = watch;
    loop->watches_always += watch->always;
    return HF_OK;
}

void hf_loop_unwatch(hf_loop *loop, int fd)
{
    hf_watch **at = find(loop, fd);
    hf_watch *watch = *at;

    if (!watch)
        return;
    *at = watch->next;
    loop->watches_always -= watch->always;
    if (!watch->always)
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* fails when it was closed first, which does as well */
    hf_loop_bury(loop, &watch->source);
}

void hf_watch_run_always(hf_loop *loop)
{
    if (loop->watches_always == 0)
        return;
    for (hf_watch *watch = loop->watches; watch; watch = watch->next) { /* a dead one still knows its next: see bury */
        if (watch->always && !watch->source.dead)
            watch->fn(watch->context);
    }
}

void hf_watch_clear(hf_loop *loop)
{
    while (loop->watches)
        hf_loop_unwatch(loop, loop->watches->fd);
}
