/* watch.c: descriptors of the application. */
#include "toy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

typedef struct reader {
    hf_loop *loop;
    int fd;
    int calls;
    bool at_end;
} reader;

static void on_readable(void *context)
{
    reader *r = context;
    char byte;

    r->calls++;
    ssize_t n = read(r->fd, &byte, 1);
    r->at_end = n == 0;
    if (r->at_end)
        hf_loop_unwatch(r->loop, r->fd);
}

Test(watch, reports_bytes_and_the_end_of_a_pipe)
{
    int ends[2];
    reader r = {.loop = toy_loop()};

    cr_assert_eq(pipe(ends), 0);
    r.fd = ends[0];
    cr_assert_eq(hf_loop_watch(r.loop, ends[0], on_readable, &r), HF_OK);
    cr_assert_eq(hf_loop_watch(r.loop, ends[0], on_readable, &r), HF_EEXIST);

    cr_assert_eq(hf_loop_step(r.loop, 0), HF_OK);
    cr_assert_eq(r.calls, 0);
    cr_assert_eq(write(ends[1], "ab", 2), 2);
    TURN_UNTIL(r.loop, r.calls == 2);
    close(ends[1]);
    TURN_UNTIL(r.loop, r.at_end);

    int calls = r.calls; /* it took itself off in its handler */
    cr_assert_eq(hf_loop_step(r.loop, 0), HF_OK);
    cr_assert_eq(r.calls, calls);
    hf_loop_unwatch(r.loop, ends[0]);
    close(ends[0]);
    hf_loop_free(r.loop);
}

Test(watch, takes_a_regular_file_as_always_readable)
{
    FILE *file = tmpfile();
    reader r = {.loop = toy_loop()};

    cr_assert_not_null(file);
    cr_assert_eq(fputs("abc", file), 1);
    rewind(file);
    r.fd = fileno(file);
    cr_assert_eq(hf_loop_watch(r.loop, r.fd, on_readable, &r), HF_OK);
    cr_assert_eq(hf_loop_watch(r.loop, r.fd, on_readable, &r), HF_EEXIST);
    cr_assert_leq(hf_loop_deadline(r.loop), hf_clock_now(), "an embedder must not wait either");
    TURN_UNTIL(r.loop, r.at_end);
    cr_assert_eq(r.calls, 4);
    cr_assert_eq(hf_loop_deadline(r.loop), HF_NEVER);
    hf_loop_free(r.loop);
    fclose(file);
}

Test(watch, refuses_what_is_no_descriptor)
{
    hf_loop *loop = toy_loop();

    cr_assert_eq(hf_loop_watch(loop, -1, on_readable, NULL), HF_EIO);
    hf_loop_unwatch(loop, -1);
    hf_loop_free(loop);
}

typedef struct pair {
    hf_loop *loop;
    int fds[2];
    int calls;
} pair;

static void on_either(void *context)
{
    pair *p = context;

    p->calls++;
    hf_loop_unwatch(p->loop, p->fds[0]);
    hf_loop_unwatch(p->loop, p->fds[1]);
}

Test(watch, that_another_handler_took_off_is_not_called_any_more)
{
    int a[2], b[2];
    pair p = {.loop = toy_loop()};

    cr_assert_eq(pipe(a), 0);
    cr_assert_eq(pipe(b), 0);
    p.fds[0] = a[0];
    p.fds[1] = b[0];
    cr_assert_eq(hf_loop_watch(p.loop, a[0], on_either, &p), HF_OK);
    cr_assert_eq(hf_loop_watch(p.loop, b[0], on_either, &p), HF_OK);
    cr_assert_eq(write(a[1], "x", 1), 1);
    cr_assert_eq(write(b[1], "x", 1), 1);
    cr_assert_eq(hf_loop_step(p.loop, HF_NEVER), HF_OK);
    cr_assert_eq(hf_loop_step(p.loop, 0), HF_OK);
    cr_assert_eq(p.calls, 1);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    hf_loop_free(p.loop);
}

Test(watch, of_a_regular_file_that_another_handler_took_off_is_not_called_any_more)
{
    FILE *a = tmpfile(), *b = tmpfile();
    pair p = {.loop = toy_loop()};

    cr_assert(a && b);
    p.fds[0] = fileno(a);
    p.fds[1] = fileno(b);
    for (int i = 1; i >= 0; i--) /* the newest is called first: it goes, and then the one behind it */
        cr_assert_eq(hf_loop_watch(p.loop, p.fds[i], on_either, &p), HF_OK);
    cr_assert_eq(hf_loop_step(p.loop, 0), HF_OK);
    cr_assert_eq(hf_loop_step(p.loop, 0), HF_OK);
    cr_assert_eq(p.calls, 1);
    fclose(a);
    fclose(b);
    hf_loop_free(p.loop);
}
