/* crowd.c: many remotes of one manager, on one engine: found by name, connected at once, not mixed up, and cheap. */
#include "manager_priv.h"

#include "clock.h"
#include "env.h"

#include <criterion/criterion.h>
#include <holdfast/holdfast.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPOKES = 200 };

#define TICK HF_MS(5)

/* Before it connects: mostly the ICE agent. And connected: its DTLS context, its association, five channels. */
#define WAITING_BYTES_MAX 65536
#define CONNECTED_BYTES_MAX 524288

/* The hub's end of the way to a spoke, and the spoke's. */
typedef struct end {
    hf_manager *manager;
    hf_session *session;
    hf_addr addr;
    unsigned opened, received, wrong;
} end;

typedef struct parcel {
    struct parcel *next;
    end *to;
    hf_path path;
    size_t len;
    uint8_t data[];
} parcel;

static end hub_ends[SPOKES], spokes[SPOKES];
static hf_manager *hub;
static parcel *first, **last = &first;
static hf_time now = HF_SECONDS(1);
static test_env env;

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void name_of(size_t i, char out[16])
{
    snprintf(out, 16, "spoke %zu", i);
}

/* --- What the applications do: each spoke says its name, the hub says it back --- */

static void on_open(void *context, hf_session *session, const hf_session_event *event)
{
    end *e = context;
    const char *name = hf_manager_peer_id(e->manager);
    (void)session;
    e->opened++;
    if (e->manager != hub && strcmp(hf_channel_name(event->channel), "code-sync") == 0)
        cr_assert_eq(hf_channel_send(event->channel, now, HF_TEXT, name, strlen(name)), HF_OK);
}

static void on_data(void *context, hf_session *session, const hf_session_event *event)
{
    end *e = context;
    const char *name = e->manager == hub ? hf_manager_remote_id(hub, session) : hf_manager_peer_id(e->manager);
    hf_bytes said = {.data = event->u.data.data, .len = event->u.data.len};
    e->received++;
    e->wrong += !hf_bytes_equal_text(said, name);
    if (e->manager == hub)
        cr_assert_eq(hf_channel_send(event->channel, now, HF_TEXT, said.data, said.len), HF_OK);
}

static void adopt(end *e, hf_session *session)
{
    e->session = session;
    cr_assert_eq(hf_session_on(session, HF_SESSION_CHANNEL_OPEN, on_open, e), HF_OK);
    cr_assert_eq(hf_session_on(session, HF_SESSION_ON_DATA, on_data, e), HF_OK);
}

static void on_session(void *context, hf_manager *manager, hf_session *session)
{
    unsigned number = 0;
    end *e = context;
    if (manager == hub) {
        cr_assert_eq(sscanf(hf_manager_remote_id(hub, session), "spoke %u", &number), 1);
        e = &hub_ends[number];
    }
    adopt(e, session);
}

static void on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
{
    unsigned number = 0;
    (void)context;
    cr_assert(manager != hub || sscanf(envelope->receiver, "spoke %u", &number) == 1);
    hf_manager *to = manager == hub ? spokes[number].manager : hub;
    hf_err err = hf_manager_receive(to, now, envelope);
    cr_assert_eq(err, HF_OK, "%s: %s", hf_err_name(err), hf_manager_error_text(to));
}

/* --- The network and its driver --- */

static void post(end *from, const hf_transmit *out)
{
    size_t number = (size_t)(from->manager == hub ? from - hub_ends : from - spokes);
    for (size_t at = 0; at < out->len; at += out->segment) {
        size_t len = out->len - at < out->segment ? out->len - at : out->segment;
        parcel *p = malloc(sizeof *p + len);
        cr_assert_not_null(p);
        *p = (parcel){.to = from->manager == hub ? &spokes[number] : &hub_ends[number], .len = len};
        p->path = (hf_path){.local = out->path.remote, .remote = out->path.local};
        memcpy(p->data, out->buffer + at, len);
        *last = p;
        last = &p->next;
    }
}

static bool deliver(void)
{
    parcel *p = first;
    if (!p)
        return false;
    first = p->next;
    if (!first)
        last = &first;
    if (p->to->session && hf_addr_equal(&p->path.local, &p->to->addr))
        hf_session_input(p->to->session, now, &(hf_datagram){.path = p->path, .data = p->data, .len = p->len}, 1);
    free(p);
    return true;
}

static void drive(end *e)
{
    static uint8_t buffer[65536];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_request request;
    while (hf_session_poll_request(e->session, &request)) {
        hf_local local = {.addr = e->addr, .interface = 1};
        hf_reply reply = {
            .type = HF_REPLY_LOCALS, .group = request.group, .id = request.id, .locals = &local, .locals_len = 1};
        if (request.type == HF_REQUEST_LOCALS)
            hf_session_reply(e->session, now, &reply);
    }
    for (; hf_session_poll_transmit(e->session, now, &out); out.cap = sizeof buffer)
        post(e, &out);
    hf_session_dispatch(e->session, now);
}

static void turn(end *e)
{
    hf_manager_change change;
    if (e->manager != hub) {
        if (hf_manager_deadline(e->manager) <= now)
            hf_manager_tick(e->manager, now);
        hf_manager_dispatch(e->manager, now);
        while (hf_manager_poll_change(e->manager, &change))
            cr_assert(change.added);
    }
    if (e->session && hf_session_deadline(e->session) <= now)
        hf_session_tick(e->session, now);
    if (e->session)
        drive(e);
}

static void run(hf_span length)
{
    hf_manager_change change;
    for (hf_time end_at = now + length; now < end_at; now += TICK) {
        clock_set(now);
        if (hf_manager_deadline(hub) <= now)
            hf_manager_tick(hub, now);
        for (int round = 0; round < 3; round++) {
            hf_manager_dispatch(hub, now);
            while (hf_manager_poll_change(hub, &change)) {
            }
            for (size_t i = 0; i < SPOKES; i++) {
                turn(&hub_ends[i]);
                turn(&spokes[i]);
            }
            while (deliver()) {
            }
        }
    }
}

static hf_manager *new_manager(hf_engine *engine, const hf_certificate *certificate, const char *id, end *e)
{
    hf_manager *manager;
    hf_manager_config config = {.peer_id = id, .session.peer = {.engine = engine, .certificate = certificate}};
    config.session.channels = hf_collab_channels;
    config.session.channels_len = HF_COLLAB_CHANNELS_LEN;
    config.handlers = (hf_manager_handlers){.context = e, .on_envelope = on_envelope, .on_session = on_session};
    cr_assert_eq(hf_manager_new(&manager, &config, &env.env), HF_OK);
    return manager;
}

static void make_all(hf_engine *engine, const hf_certificate *certificate)
{
    char name[16];
    hub = new_manager(engine, certificate, "hub", NULL);
    for (size_t i = 0; i < SPOKES; i++) {
        name_of(i, name);
        hub_ends[i].manager = hub;
        hub_ends[i].addr = (hf_addr){.family = HF_FAMILY_IPV4, .port = (uint16_t)(10000 + i), .ip = {10, 0, 0, 1}};
        spokes[i].manager = new_manager(engine, certificate, name, &spokes[i]);
        spokes[i].addr = (hf_addr){.family = HF_FAMILY_IPV4, .port = 5000, .ip = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}};
    }
}

/* A third is called by the hub, a third calls it, and with a third both do. */
static void connect_all(void)
{
    char name[16];
    hf_session *session;
    for (size_t i = 0; i < SPOKES; i++) {
        name_of(i, name);
        if (i % 3 != 0) {
            cr_assert_eq(hf_manager_connect(hub, now, name, &session), HF_OK);
            adopt(&hub_ends[i], session);
        }
        if (i % 3 != 1) {
            cr_assert_eq(hf_manager_connect(spokes[i].manager, now, "hub", &session), HF_OK);
            adopt(&spokes[i], session);
        }
    }
}

Test(manager_crowd, connects_with_all_at_once_and_takes_none_for_another)
{
    hf_engine *engine;
    hf_certificate *certificate;
    clock_set(now);
    cr_assert_eq(hf_engine_new(&engine, test_env_init(&env, 1)), HF_OK);
    cr_assert_eq(hf_certificate_new(&certificate, &env.env), HF_OK);
    size_t before = heap();
    make_all(engine, certificate);
    connect_all();
    run(HF_SECONDS(4));
    size_t each = (heap() - before) / (2 * SPOKES);
    for (size_t i = 0; i < SPOKES; i++) {
        cr_assert_not_null(hub_ends[i].session, "%zu", i);
        cr_expect_eq(hf_session_get_state(hub_ends[i].session), HF_SESSION_CONNECTED, "%zu", i);
        cr_expect_geq(hub_ends[i].opened, HF_COLLAB_CHANNELS_LEN, "%zu", i); /* where both called, each opens its own */
        cr_expect(hub_ends[i].received >= 1 && hub_ends[i].wrong == 0, "%zu", i);
        cr_expect(spokes[i].received >= 1 && spokes[i].wrong == 0, "%zu", i);
    }
    printf("an end of a connected session: %zu bytes of heap\n", each);
    cr_expect_leq(each, CONNECTED_BYTES_MAX);
    hf_manager_free(hub);
    for (size_t i = 0; i < SPOKES; i++)
        hf_manager_free(spokes[i].manager);
    hub = NULL;
    for (size_t i = 0; i < SPOKES; i++)
        hub_ends[i].session = spokes[i].session = NULL;
    while (deliver()) {
    }
    hf_certificate_free(certificate);
    hf_engine_free(engine);
    cr_expect_eq(env.blocks, 0);
}

static size_t longest_chain(const hf_table *table)
{
    size_t longest = 0;
    for (size_t i = 0; i < table->cap; i++) {
        size_t len = 0;
        for (const hf_table_entry *entry = table->buckets[i]; entry; entry = entry->next)
            len++;
        longest = len > longest ? len : longest;
    }
    return longest;
}

Test(manager_crowd, finds_each_of_as_many_as_there_may_be_in_a_few_steps)
{
    hf_engine *engine;
    hf_session *session;
    char name[16];
    cr_assert_eq(hf_engine_new(&engine, test_env_init(&env, 2)), HF_OK);
    hf_manager_config config = {.session.peer.engine = engine};
    cr_assert_eq(hf_manager_new(&hub, &config, &env.env), HF_OK);
    size_t before = heap();
    for (size_t i = 0; i < HF_MANAGER_SESSIONS_MAX; i++) {
        name_of(i, name);
        cr_assert_eq(hf_manager_connect(hub, now, name, &session), HF_OK, "%zu", i);
    }
    size_t each = (heap() - before) / HF_MANAGER_SESSIONS_MAX;
    printf("a session that waits for its answer: %zu bytes of heap\n", each);
    cr_expect_leq(each, WAITING_BYTES_MAX);
    cr_expect_eq(hf_manager_connect(hub, now, "one more", &session), HF_ELIMIT);
    cr_expect_leq(longest_chain(&hub->by_id), 12);
    cr_expect_leq(longest_chain(&hub->by_session), 12);
    cr_expect_leq(longest_chain(&hub->identities), 12);
    for (size_t i = 0; i < HF_MANAGER_SESSIONS_MAX; i++) {
        name_of(i, name);
        session = hf_manager_session(hub, name);
        cr_assert_not_null(session);
        cr_assert_str_eq(hf_manager_remote_id(hub, session), name);
        if (i % 2 == 0)
            hf_manager_forget(hub, session);
    }
    cr_expect_eq(hub->remotes_len, HF_MANAGER_SESSIONS_MAX / 2);
    hf_manager_free(hub);
    hf_engine_free(engine);
    cr_expect_eq(env.blocks, 0);
}
