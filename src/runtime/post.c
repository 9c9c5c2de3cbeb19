/* post.c: functions that other threads want run in the loop's.
 *
 * Memory is malloc's here: the environment's allocator belongs to the loop's thread. */
#include "loop_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST_CAP 64

typedef struct post {
    void (*fn)(void *context);
    void *context;
} post;

typedef struct post_list {
    post *items;
    size_t len, cap;
} post_list;

struct hf_posts {
    int fd;
    pthread_mutex_t lock;
    post_list waiting; /* under the lock */
    post_list running; /* the loop's thread's */
};

hf_err hf_posts_new(hf_posts **out)
{
    hf_posts *posts = calloc(1, sizeof *posts);

    if (!posts)
        return HF_ENOMEM;
    posts->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (posts->fd < 0 || pthread_mutex_init(&posts->lock, NULL) != 0) {
        if (posts->fd >= 0)
            close(posts->fd);
        free(posts);
        return HF_EIO;
    }
    *out = posts;
    return HF_OK;
}

void hf_posts_free(hf_posts *posts)
{
    if (!posts)
        return;
    close(posts->fd);
    pthread_mutex_destroy(&posts->lock);
    free(posts->waiting.items);
    free(posts->running.items);
    free(posts);
}

int hf_posts_fd(const hf_posts *posts)
{
    return posts->fd;
}

void hf_posts_signal(hf_posts *posts)
{
    /* It can fail only when the counter is full, and then the descriptor is readable anyway. */
    ssize_t ignored = write(posts->fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored;
}

static hf_err append(post_list *list, post item)
{
    if (list->len == HF_LOOP_POSTS_MAX)
        return HF_ELIMIT;
    if (list->len == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : FIRST_CAP;
        post *items = realloc(list->items, cap * sizeof *items);

        if (!items)
            return HF_ENOMEM;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->len++] = item;
    return HF_OK;
}

hf_err hf_loop_post(hf_loop *loop, void (*fn)(void *context), void *context)
{
    hf_posts *posts = loop->posts;

    pthread_mutex_lock(&posts->lock);
    hf_err err = append(&posts->waiting, (post){.fn = fn, .context = context});
    bool first = err == HF_OK && posts->waiting.len == 1;
    pthread_mutex_unlock(&posts->lock);

    if (first)
        hf_posts_signal(posts);
    return err;
}

void hf_posts_run(hf_posts *posts)
{
    uint64_t count;
    ssize_t ignored = read(posts->fd, &count, sizeof count);
    (void)ignored;

    pthread_mutex_lock(&posts->lock);
    post_list taken = posts->waiting;
    posts->waiting = posts->running; /* empty: its memory is used again */
    posts->running = taken;
    pthread_mutex_unlock(&posts->lock);

    for (size_t i = 0; i < posts->running.len; i++)
        posts->running.items[i].fn(posts->running.items[i].context);
    posts->running.len = 0;
}
