/* groups.c: several groups of sockets of one object, on the loopback interface. */
#include "toy.h"

#include "loop_priv.h"

typedef struct scene {
    hf_loop *loop;
    toy *a, *b; /* `a` has the groups */
} scene;

static void begin(scene *s)
{
    *s = (scene){.loop = toy_loop(), .a = toy_new(), .b = toy_new()};
    cr_assert(toy_add_bound(s->loop, s->a, "127.0.0.1"));
    cr_assert(toy_add_bound(s->loop, s->b, "127.0.0.1"));
}

static void end(scene *s)
{
    hf_loop_remove(s->loop, s->a);
    hf_loop_remove(s->loop, s->b);
    hf_loop_stats stats;
    hf_loop_get_stats(s->loop, &stats);
    cr_expect_eq(stats.sockets, 0);
    cr_expect_eq(stats.streams, 0);
    hf_loop_free(s->loop);
    toy_free(s->a);
    toy_free(s->b);
}

static void open_group(scene *s, uint32_t group)
{
    size_t before = s->a->group_told[group];
    toy_ask(s->a, &(hf_request){.type = HF_REQUEST_LOCALS, .group = group, .id = 5});
    TURN_UNTIL(s->loop, s->a->group_told[group] > before);
    cr_assert_eq(s->a->locals_err, HF_OK);
    cr_assert_eq(s->a->locals_id, 5);
}

static void release(scene *s, uint32_t group)
{
    toy_ask(s->a, &(hf_request){.type = HF_REQUEST_RELEASE, .group = group});
    TURN_UNTIL(s->loop, s->a->requests_len == 0);
}

static size_t sockets_of(const scene *s)
{
    hf_loop_stats stats;
    hf_loop_get_stats(s->loop, &stats);
    return stats.sockets;
}

static hf_path from_group(const scene *s, uint32_t group)
{
    return (hf_path){.transport = HF_UDP, .local = s->a->group_locals[group].addr, .remote = s->b->locals[0].addr};
}

static hf_path to_group(const scene *s, uint32_t group)
{
    hf_path there = from_group(s, group);
    return (hf_path){.transport = HF_UDP, .local = there.remote, .remote = there.local};
}

Test(groups, have_sockets_of_their_own)
{
    scene s;
    begin(&s);
    open_group(&s, 1);
    cr_expect_neq(s.a->group_locals[0].addr.port, s.a->group_locals[1].addr.port);
    for (uint32_t group = 0; group < 2; group++) {
        hf_path there = from_group(&s, group), back = to_group(&s, group);
        toy_send(s.a, &there, "out", 3, 3);
        TURN_UNTIL(s.loop, s.b->datagrams == group + 1);
        cr_expect(hf_addr_equal(&s.b->path.remote, &there.local), "it left by the socket of its group");
        toy_send(s.b, &back, "in", 2, 2);
        TURN_UNTIL(s.loop, s.a->datagrams == group + 1);
        cr_expect_eq(s.a->group, group);
    }
    end(&s);
}

Test(groups, are_released_without_harm_to_the_others)
{
    scene s;
    begin(&s);
    size_t before = sockets_of(&s);
    open_group(&s, 1);
    open_group(&s, 2);
    cr_expect_eq(sockets_of(&s), before + 2);
    hf_path last = from_group(&s, 1), gone = to_group(&s, 1), there = to_group(&s, 2);
    toy_send(s.a, &last, "last words", 10, 10);
    TURN_UNTIL(s.loop, s.a->runs_len == 0);
    release(&s, 1);
    TURN_UNTIL(s.loop, s.b->datagrams == 1);
    release(&s, 1); /* twice is fine, and so is one that never was */
    release(&s, 9);
    cr_expect_eq(sockets_of(&s), before + 1);
    toy_send(s.b, &gone, "late", 4, 4);
    toy_send(s.b, &there, "here", 4, 4);
    TURN_UNTIL(s.loop, s.a->datagrams == 1);
    cr_expect_eq(s.a->group, 2);
    release(&s, 0); /* the first connection goes like any other */
    cr_expect_eq(sockets_of(&s), before);
    toy_send(s.b, &there, "here", 4, 4);
    TURN_UNTIL(s.loop, s.a->datagrams == 2);
    end(&s);
}

Test(groups, have_streams_with_numbers_of_their_own)
{
    scene s;
    s = (scene){.loop = toy_loop(), .a = toy_new(), .b = toy_new()};
    s.b->listens = true;
    cr_assert(toy_add_bound(s.loop, s.a, "127.0.0.1"));
    cr_assert(toy_add_bound(s.loop, s.b, "127.0.0.1"));
    open_group(&s, 1);
    for (uint32_t group = 0; group < 2; group++) {
        hf_request request = {.type = HF_REQUEST_CONNECT, .group = group, .id = 3};
        request.path = (hf_path){HF_TCP, .local = s.a->group_locals[group].addr, .remote = s.b->locals[1].addr};
        toy_ask(s.a, &request);
        TURN_UNTIL(s.loop, s.a->connected == group + 1);
        cr_expect_eq(s.a->reply_group, group);
        cr_expect_eq(s.a->stream_id, 3);
    }
    TURN_UNTIL(s.loop, s.b->accepted == 2);
    toy_ask(s.a, &(hf_request){.type = HF_REQUEST_DISCONNECT, .group = 1, .id = 3});
    TURN_UNTIL(s.loop, s.b->disconnected == 1);
    hf_path path = s.a->streams[0];
    toy_send(s.a, &path, "\0\1x", 3, 3);
    TURN_UNTIL(s.loop, s.b->bytes_len == 3);
    release(&s, 0);
    TURN_UNTIL(s.loop, s.b->disconnected == 2);
    end(&s);
}

Test(groups, get_their_names_resolved)
{
    scene s;
    begin(&s);
    toy_ask(s.a, &(hf_request){.type = HF_REQUEST_RESOLVE, .group = 4, .id = 8, .name = "127.0.0.1"});
    TURN_UNTIL(s.loop, s.a->resolved == 1);
    cr_expect_eq(s.a->resolved_id, 8);
    cr_expect_eq(s.a->reply_group, 4);
    toy_ask(s.a, &(hf_request){.type = HF_REQUEST_RESOLVE, .group = 4, .id = 9, .name = "localhost"});
    release(&s, 4); /* asked, and gone before the answer */
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hf_loop_step(s.loop, HF_MS(20)), HF_OK);
    cr_expect_eq(s.a->resolved, 1);
    end(&s);
}

Test(groups, are_told_of_local_addresses_each_for_itself)
{
    scene s;
    begin(&s);
    open_group(&s, 1);
    open_group(&s, 2);
    release(&s, 1);
    size_t before[3] = {s.a->group_told[0], s.a->group_told[1], s.a->group_told[2]};
    hf_object *root = hf_object_find(s.loop, s.a);
    for (hf_object *d = root; d; d = d->next_group) { /* as if their socket's address had gone, and come back */
        hf_socket_close(d->sockets);
        d->sockets = NULL;
        d->sockets_len = 0;
    }
    hf_objects_refresh_locals(s.loop);
    cr_expect_eq(s.a->group_told[0], before[0] + 1);
    cr_expect_eq(s.a->group_told[1], before[1]);
    cr_expect_eq(s.a->group_told[2], before[2] + 1);
    end(&s);
}

Test(groups, are_not_without_number)
{
    scene s;
    begin(&s);
    for (uint32_t group = 1; group < HF_GROUPS_MAX; group++)
        open_group(&s, group);
    toy_ask(s.a, &(hf_request){.type = HF_REQUEST_LOCALS, .group = HF_GROUPS_MAX, .id = 6});
    TURN_UNTIL(s.loop, s.a->group_told[HF_GROUPS_MAX] == 1);
    cr_expect_eq(s.a->locals_err, HF_ELIMIT);
    cr_expect_eq(s.a->locals_id, 6);
    release(&s, 1);
    open_group(&s, HF_GROUPS_MAX);
    end(&s);
}
