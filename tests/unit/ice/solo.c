/* solo.c: one agent, and a remote that the test plays by hand. */
#include "solo.h"

#include "net.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void listen(solo *s)
{
    hf_local locals[] = {{.addr = net_addr("10.0.0.1:5000")}, {.addr = net_addr("10.0.0.1:7000"), .transport = HF_TCP}};
    hf_ice_reply(s->ice, s->now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = 2});
}

void solo_init(solo *s, const hf_ice_config *config)
{
    memset(s, 0, sizeof *s);
    s->now = HF_SECONDS(100000);
    static const hf_ice_config no_tcp = {.tcp = HF_ICE_TCP_OFF};
    test_env_init(&s->env, 3);
    cr_assert_eq(hf_ice_new(&s->ice, config ? config : &no_tcp, &s->env.env), HF_OK);
    solo_speak_as(s, SOLO_UFRAG, SOLO_PWD);
    cr_assert_eq(hf_ice_gather(s->ice, s->now), HF_OK);
    if (config && config->tcp == HF_ICE_TCP_LISTEN)
        listen(s);
    else
        solo_set_locals(s, (const char *[]){"10.0.0.1:5000"}, 1);
}

void solo_set_locals(solo *s, const char *const *addrs, size_t n)
{
    hf_local locals[HF_ICE_LOCAL_CANDIDATES_MAX] = {0};
    for (size_t i = 0; i < n; i++)
        locals[i].addr = net_addr(addrs[i]);
    hf_ice_reply(s->ice, s->now, &(hf_reply){.type = HF_REPLY_LOCALS, .locals = locals, .locals_len = n});
}

void solo_clear(solo *s)
{
    hf_ice_free(s->ice);
    cr_expect_eq(s->env.blocks, 0);
}

void solo_set_remote(solo *s)
{
    cr_assert_eq(hf_ice_set_remote(s->ice, s->now, &(hf_ice_remote_agent){.ufrag = SOLO_UFRAG, .pwd = SOLO_PWD}), HF_OK);
}

void solo_speak_as(solo *s, const char *ufrag, const char *pwd)
{
    snprintf(s->user, sizeof s->user, "%s:%s", hf_ice_local_ufrag(s->ice), ufrag);
    snprintf(s->local_pwd, sizeof s->local_pwd, "%s", hf_ice_local_pwd(s->ice));
    snprintf(s->remote_pwd, sizeof s->remote_pwd, "%s", pwd);
}

void solo_add(solo *s, const char *candidate)
{
    hf_ice_candidate parsed;
    cr_assert_eq(hf_ice_candidate_parse(candidate, strlen(candidate), &parsed), HF_OK, "%s", candidate);
    cr_assert_eq(hf_ice_add_remote_candidate(s->ice, s->now, &parsed, NULL), HF_OK, "%s", candidate);
}

size_t solo_input(solo *s, const hf_path *path, const void *data, size_t len)
{
    hf_wrap wrap = path->transport == HF_TCP ? hf_frame_wrap : (hf_wrap){0};
    size_t headroom = wrap.before;
    uint8_t *copy = malloc(headroom + len > 0 ? headroom + len : 1); /* exactly as large, so that ASan sees each overrun */
    if (len > 0)
        memcpy(copy + headroom, data, len);
    (void)hf_wrap_write(&wrap, copy + headroom, len);
    hf_datagram d = {.path = *path, .data = copy, .len = headroom + len};
    size_t kept = hf_ice_input(s->ice, s->now, &d, 1);
    free(copy);
    return kept;
}

size_t solo_give(solo *s, const char *from, const void *data, size_t len)
{
    hf_path path = {.local = net_addr("10.0.0.1:5000"), .remote = net_addr(from ? from : "10.0.0.2:6000")};
    return solo_input(s, &path, data, len);
}

void solo_wait(solo *s, hf_span span)
{
    s->now += span;
    hf_ice_tick(s->ice, s->now);
}

bool solo_take(solo *s, hf_stun_message *out)
{
    s->sent = (hf_transmit){.buffer = s->buffer, .cap = sizeof s->buffer};
    if (!hf_ice_poll_transmit(s->ice, s->now, &s->sent))
        return false;
    size_t headroom = s->sent.path.transport == HF_TCP ? hf_frame_wrap.before : 0;
    cr_assert(hf_stun_read(hf_bytes_of(s->buffer + headroom, s->sent.len - headroom), out));
    return true;
}

bool solo_take_class(solo *s, hf_stun_class class_, hf_stun_message *out)
{
    while (solo_take(s, out)) {
        if (out->class_ == class_)
            return true;
    }
    return false;
}

size_t solo_write_check(solo *s, const solo_check *c, uint8_t buffer[SOLO_CHECK_SIZE])
{
    static uint8_t serial;
    uint8_t id[HF_STUN_ID_SIZE] = {9, 9, 9, ++serial};
    const char *pwd = c->pwd ? c->pwd : s->local_pwd;

    hf_stun_writer w = hf_stun_begin(buffer, SOLO_CHECK_SIZE, HF_STUN_REQUEST, HF_STUN_BINDING, id);
    if (!c->user || c->user[0] != '\0')
        hf_stun_add(&w, HF_STUN_USERNAME, hf_bytes_of_text(c->user ? c->user : s->user));
    if (!c->no_role)
        hf_stun_add_u64(&w, c->is_controlling ? HF_STUN_ICE_CONTROLLING : HF_STUN_ICE_CONTROLLED, c->tie_breaker);
    if (c->use_candidate)
        hf_stun_add(&w, HF_STUN_USE_CANDIDATE, (hf_bytes){0});
    if (c->nomination)
        hf_stun_add_u32(&w, HF_STUN_NOMINATION, c->nomination);
    if (c->raw_nomination)
        hf_stun_add(&w, HF_STUN_NOMINATION, hf_bytes_of("\0\0\0\0\0\0\0", strlen(c->raw_nomination)));
    if (!c->no_priority)
        hf_stun_add_u32(&w, HF_STUN_PRIORITY, c->priority ? c->priority : 1845501695);
    if (c->unknown)
        hf_stun_add_u32(&w, c->unknown, 1);
    if (pwd[0] != '\0')
        hf_stun_add_integrity(&w, hf_bytes_of_text(pwd));
    if (!c->no_fingerprint)
        hf_stun_add_fingerprint(&w);
    return hf_stun_end(&w);
}

void solo_check_in(solo *s, const solo_check *c)
{
    uint8_t buffer[SOLO_CHECK_SIZE];
    cr_assert_eq(solo_give(s, c->from, buffer, solo_write_check(s, c, buffer)), 0);
}

static void answer(solo *s, const hf_stun_message *request, const char *mapped, unsigned code)
{
    uint8_t buffer[256];
    hf_addr addr = net_addr(mapped ? mapped : "10.0.0.1:5000");
    hf_stun_writer w =
        hf_stun_begin(buffer, sizeof buffer, code ? HF_STUN_ERROR : HF_STUN_SUCCESS, HF_STUN_BINDING, request->id);
    if (code)
        hf_stun_add_error(&w, code, "");
    else
        hf_stun_add_xor_address(&w, HF_STUN_XOR_MAPPED_ADDRESS, &addr);
    hf_stun_add_integrity(&w, hf_bytes_of_text(s->remote_pwd));
    hf_stun_add_fingerprint(&w);
    solo_input(s, &s->sent.path, buffer, hf_stun_end(&w));
}

void solo_answer(solo *s, const hf_stun_message *request, const char *mapped)
{
    answer(s, request, mapped, 0);
}

void solo_answer_error(solo *s, const hf_stun_message *request, unsigned code)
{
    answer(s, request, NULL, code);
}

size_t solo_count_events(solo *s, hf_ice_event_type type)
{
    size_t n = 0;
    hf_ice_event e;
    while (hf_ice_poll_event(s->ice, &e))
        n += e.type == type;
    return n;
}

void solo_set_next_remote(solo *s)
{
    cr_assert_eq(hf_ice_set_remote(s->ice, s->now, &(hf_ice_remote_agent){.ufrag = SOLO_NEXT_UFRAG, .pwd = SOLO_NEXT_PWD}),
                 HF_OK);
}

bool solo_route_goes_to(const solo *s, const char *remote)
{
    hf_ice_route route;
    hf_addr addr = net_addr(remote);
    return hf_ice_get_route(s->ice, &route) && hf_addr_equal(&route.path.remote, &addr);
}

void solo_connect(solo *s)
{
    hf_stun_message m;
    solo_init(s, NULL);
    solo_set_remote(s);
    solo_add(s, SOLO_OLD_REMOTE);
    solo_check_in(s, &(solo_check){.is_controlling = true, .use_candidate = true});
    cr_assert(solo_take_class(s, HF_STUN_REQUEST, &m));
    solo_answer(s, &m, NULL);
    cr_assert_eq(hf_ice_get_state(s->ice), HF_ICE_COMPLETED);
    solo_wait(s, HF_SECONDS(1));
}

void solo_restart(solo *s)
{
    cr_assert_eq(hf_ice_restart(s->ice, s->now), HF_OK);
    cr_assert_eq(hf_ice_gather(s->ice, s->now), HF_OK);
}

void solo_answer_from(solo *s, const char *remote, hf_span span)
{
    hf_time end = s->now + span;
    hf_addr addr = net_addr(remote);
    hf_stun_message m;
    for (;;) {
        while (solo_take(s, &m)) {
            if (m.class_ == HF_STUN_REQUEST && hf_addr_equal(&s->sent.path.remote, &addr))
                solo_answer(s, &m, NULL);
        }
        hf_time next = hf_ice_deadline(s->ice);
        if (next > end)
            break;
        solo_wait(s, next - s->now);
    }
    solo_wait(s, end - s->now);
}
