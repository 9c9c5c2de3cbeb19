/* resolver.c: names to addresses. The system's resolver blocks, so it runs on threads, started when there is work.
 *
 * The loop's thread owns a look-up before it is queued and after it is done; between the two a worker does. A look-up may
 * still be in the system's hands when the loop is freed, for many seconds: then its worker keeps the resolver alive and
 * ends it, so that nobody waits. Memory is malloc's here: the environment may be gone by then. */
#include "loop_priv.h"

#include "sockaddr.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_SIZE (512 * 1024)

struct hf_lookup {
    hf_lookup *next;       /* in the queue, or among the done */
    hf_lookup *owner_next; /* of the same owner; the loop's thread's */
    hf_object *owner;      /* NULL: nobody waits any more; the loop's thread's */
    uint32_t id;
    char name[HF_LOOKUP_NAME_MAX + 1];
    hf_addr addrs[HF_LOOKUP_ADDRS_MAX];
    size_t addrs_len;
};

typedef struct worker {
    hf_resolver *resolver;
    pthread_t thread;
    bool busy;
} worker;

struct hf_resolver {
    int fd; /* readable when something is done */
    hf_lookup_fn *lookup;
    size_t outstanding; /* asked and not yet answered; the loop's thread's */

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t work;
    hf_lookup *queue, **queue_end;
    hf_lookup *done, **done_end;
    worker workers[HF_RESOLVER_WORKERS_MAX];
    size_t workers_len, idle, queue_len;
    size_t users; /* the loop, and each worker */
    bool closing;
};

size_t hf_resolver_getaddrinfo(const char *name, hf_addr *out, size_t cap)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *list;
    size_t n = 0;

    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return 0;
    for (struct addrinfo *item = list; item && n < cap; item = item->ai_next)
        n += hf_sockaddr_read(item->ai_addr, &out[n]);
    freeaddrinfo(list);
    return n;
}

/* --- The workers' side --- */

static void free_list(hf_lookup *list)
{
    while (list) {
        hf_lookup *next = list->next;

        free(list);
        list = next;
    }
}

static void leave(hf_resolver *r)
{
    pthread_mutex_lock(&r->lock);
    bool last = --r->users == 0;
    pthread_mutex_unlock(&r->lock);

    if (!last)
        return;
    close(r->fd);
    free_list(r->queue);
    free_list(r->done);
    pthread_cond_destroy(&r->work);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static hf_lookup *take_work(worker *w)
{
    hf_resolver *r = w->resolver;

    r->idle++;
    while (!r->queue && !r->closing)
        pthread_cond_wait(&r->work, &r->lock);
    r->idle--;
    if (r->closing)
        return NULL;

    hf_lookup *lookup = r->queue;
    r->queue = lookup->next;
    r->queue_len--;
    if (!r->queue)
        r->queue_end = &r->queue;
    w->busy = true;
    return lookup;
}

static void put_result(worker *w, hf_lookup *lookup)
{
    hf_resolver *r = w->resolver;

    w->busy = false;
    lookup->next = NULL;
    *r->done_end = lookup;
    r->done_end = &lookup->next;
    ssize_t ignored = write(r->fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored;
}

static void *work(void *context)
{
    worker *w = context;
    hf_resolver *r = w->resolver;
    hf_lookup *lookup;

    pthread_mutex_lock(&r->lock);
    while ((lookup = take_work(w))) {
        pthread_mutex_unlock(&r->lock);
        lookup->addrs_len = r->lookup(lookup->name, lookup->addrs, HF_LOOKUP_ADDRS_MAX);
        pthread_mutex_lock(&r->lock);
        put_result(w, lookup);
    }
    pthread_mutex_unlock(&r->lock);
    leave(r);
    return NULL;
}

/* Under the lock. Signals are the application's business: a worker takes none. */
static bool start_worker(hf_resolver *r)
{
    worker *w = &r->workers[r->workers_len];
    pthread_attr_t attributes;
    sigset_t all, before;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    *w = (worker){.resolver = r};
    bool started = pthread_create(&w->thread, &attributes, work, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);

    r->workers_len += started;
    r->users += started;
    return started;
}

/* --- The loop's side --- */

static hf_resolver *resolver_new(hf_lookup_fn *lookup)
{
    hf_resolver *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->fd < 0)
        goto free_memory;
    if (pthread_mutex_init(&r->lock, NULL) != 0)
        goto close_fd;
    if (pthread_cond_init(&r->work, NULL) != 0)
        goto destroy_lock;
    r->lookup = lookup;
    r->queue_end = &r->queue;
    r->done_end = &r->done;
    r->users = 1;
    return r;

destroy_lock:
    pthread_mutex_destroy(&r->lock);
close_fd:
    close(r->fd);
free_memory:
    free(r);
    return NULL;
}

static hf_resolver *get_resolver(hf_loop *loop)
{
    if (loop->resolver)
        return loop->resolver;

    hf_resolver *r = resolver_new(loop->lookup);
    if (!r)
        return NULL;
    loop->resolver_source.kind = HF_SOURCE_RESOLVER;
    if (hf_loop_attach(loop, &loop->resolver_source, r->fd, EPOLLIN) != HF_OK) {
        leave(r);
        return NULL;
    }
    loop->resolver = r;
    return r;
}

/* False: there is no thread to do it. */
static bool enqueue(hf_resolver *r, hf_lookup *lookup)
{
    pthread_mutex_lock(&r->lock);
    if (r->queue_len >= r->idle && r->workers_len < HF_RESOLVER_WORKERS_MAX)
        start_worker(r);
    bool possible = r->workers_len > 0;
    if (possible) {
        *r->queue_end = lookup;
        r->queue_end = &lookup->next;
        r->queue_len++;
        pthread_cond_signal(&r->work);
    }
    pthread_mutex_unlock(&r->lock);
    return possible;
}

static void answer(hf_object *d, uint32_t id, hf_err err, const hf_addr *addrs, size_t n)
{
    hf_reply reply = {.type = HF_REPLY_RESOLVED, .id = id, .err = err, .addrs = addrs, .addrs_len = n};

    hf_group_reply(d, &reply);
}

static hf_err look_up(hf_object *d, uint32_t id, const char *name, size_t len)
{
    if (len == 0 || len > HF_LOOKUP_NAME_MAX)
        return HF_ERESOLVE;

    hf_resolver *r = get_resolver(d->loop);
    if (!r || r->outstanding == HF_LOOKUPS_MAX)
        return HF_EIO;

    hf_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return HF_EIO;
    lookup->id = id;
    memcpy(lookup->name, name, len);
    lookup->owner = d;
    if (!enqueue(r, lookup)) {
        free(lookup);
        return HF_EIO;
    }
    lookup->owner_next = d->lookups;
    d->lookups = lookup;
    r->outstanding++;
    return HF_OK;
}

void hf_resolver_ask(hf_object *d, uint32_t id, const char *name)
{
    size_t len = strlen(name);
    hf_addr literal;

    if (hf_addr_parse(name, len, &literal)) {
        answer(d, id, HF_OK, &literal, 1);
        return;
    }
    hf_err err = look_up(d, id, name, len);
    if (err != HF_OK)
        answer(d, id, err, NULL, 0);
}

/* Takes out of the queue what nobody waits for and no worker has begun. */
static void drop_orphans(hf_resolver *r)
{
    pthread_mutex_lock(&r->lock);
    r->queue_end = &r->queue;
    while (*r->queue_end) {
        hf_lookup *lookup = *r->queue_end;

        if (lookup->owner) {
            r->queue_end = &lookup->next;
            continue;
        }
        *r->queue_end = lookup->next;
        r->queue_len--;
        r->outstanding--;
        free(lookup);
    }
    pthread_mutex_unlock(&r->lock);
}

void hf_resolver_forget(hf_object *d)
{
    if (!d->lookups)
        return;
    for (hf_lookup *lookup = d->lookups; lookup; lookup = lookup->owner_next)
        lookup->owner = NULL;
    d->lookups = NULL;
    drop_orphans(d->loop->resolver);
}

static void unlink_from_owner(hf_lookup *lookup)
{
    hf_lookup **at = &lookup->owner->lookups;

    while (*at != lookup)
        at = &(*at)->owner_next;
    *at = lookup->owner_next;
}

void hf_resolver_on_readable(hf_loop *loop)
{
    hf_resolver *r = loop->resolver;
    uint64_t count;
    ssize_t ignored = read(r->fd, &count, sizeof count);
    (void)ignored;

    pthread_mutex_lock(&r->lock);
    hf_lookup *list = r->done;
    r->done = NULL;
    r->done_end = &r->done;
    pthread_mutex_unlock(&r->lock);

    while (list) {
        hf_lookup *lookup = list;

        list = lookup->next;
        r->outstanding--;
        if (lookup->owner) {
            unlink_from_owner(lookup);
            answer(lookup->owner, lookup->id, lookup->addrs_len > 0 ? HF_OK : HF_ERESOLVE, lookup->addrs, lookup->addrs_len);
        }
        free(lookup);
    }
}

/* Waits for the threads that wait for work, and leaves those that work to themselves. */
void hf_resolver_free(hf_resolver *r)
{
    pthread_t idle[HF_RESOLVER_WORKERS_MAX];
    size_t idle_len = 0;

    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    for (size_t i = 0; i < r->workers_len; i++) {
        if (r->workers[i].busy)
            pthread_detach(r->workers[i].thread);
        else
            idle[idle_len++] = r->workers[i].thread;
    }
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);

    for (size_t i = 0; i < idle_len; i++)
        pthread_join(idle[i], NULL);
    leave(r);
}
