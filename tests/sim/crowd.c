/* crowd.c: many connections in one process, on one engine: all come up, all talk, and none costs much while idle. */
#include "env.h"

#include "clock.h"

#include <criterion/criterion.h>
#include <holdfast/holdfast.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 50, PEERS = 2 * CONNECTIONS, MESSAGES = 100 };

/* An idle end: mostly its SCTP association with 1024 streams and its DTLS context. */
#define IDLE_BYTES_MAX 262144

typedef struct person {
    hf_peer *peer;
    hf_addr addr;
    struct person *other;
    hf_datachannel channel; /* 0: not open yet */
    unsigned received;
} person;

typedef struct letter {
    struct letter *next;
    size_t to;
    hf_path path;
    size_t len;
    uint8_t data[];
} letter;

static person people[PEERS];
static letter *first, **last = &first;
static hf_time now = HF_SECONDS(1);
static test_env env;

static void post(const hf_path *path, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < PEERS; i++) {
        if (!hf_addr_equal(&people[i].addr, &path->remote))
            continue;
        letter *l = malloc(sizeof *l + len);
        cr_assert(l);
        *l = (letter){.to = i, .path = {.local = path->remote, .remote = path->local}, .len = len};
        memcpy(l->data, data, len);
        *last = l;
        last = &l->next;
    }
}

static bool deliver(void)
{
    letter *l = first;
    if (!l)
        return false;
    first = l->next;
    if (!first)
        last = &first;
    hf_peer_input(people[l->to].peer, now, &(hf_datagram){.path = l->path, .data = l->data, .len = l->len}, 1);
    free(l);
    return true;
}

static void on_event(person *p, const hf_peer_event *e)
{
    switch ((int)e->type) {
    case HF_PEER_CANDIDATE:
        cr_assert_eq(hf_peer_add_ice_candidate(p->other->peer, now, e->u.candidate.text, e->u.candidate.mid, NULL), HF_OK);
        break;
    case HF_PEER_CHANNEL_OPEN:
        p->channel = e->channel;
        break;
    case HF_PEER_CHANNEL_MESSAGE:
        p->received++;
        break;
    default:
        break;
    }
}

static bool drain(person *p)
{
    static uint8_t buffer[65536];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_request request;
    hf_peer_event event;
    bool any = false;
    for (; hf_peer_poll_request(p->peer, &request); any = true) {
        hf_local local = {.addr = p->addr, .interface = 1};
        hf_reply reply = {.type = HF_REPLY_LOCALS, .id = request.id, .locals = &local, .locals_len = 1};
        if (request.type == HF_REQUEST_LOCALS)
            hf_peer_reply(p->peer, now, &reply);
    }
    for (; hf_peer_poll_transmit(p->peer, now, &out); out.cap = sizeof buffer, any = true)
        for (size_t at = 0; at < out.len; at += out.segment)
            post(&out.path, buffer + at, out.len - at < out.segment ? out.len - at : out.segment);
    for (; hf_peer_poll_event(p->peer, &event); any = true)
        on_event(p, &event);
    return any;
}

static void run(hf_span length)
{
    for (hf_time end = now + length; now < end; now += HF_MS(2)) {
        clock_set(now);
        for (size_t i = 0; i < PEERS; i++)
            if (hf_peer_deadline(people[i].peer) <= now)
                hf_peer_tick(people[i].peer, now);
        for (bool any = true; any;) {
            any = false;
            for (size_t i = 0; i < PEERS; i++)
                any = drain(&people[i]) || any;
            while (deliver())
                any = true;
        }
    }
}

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void connect_two(person *a, person *b)
{
    const char *sdp;
    hf_datachannel channel;
    cr_assert_eq(hf_peer_open_channel(a->peer, now, &(hf_datachannel_config){.label = "crowd"}, &channel), HF_OK);
    cr_assert_eq(hf_peer_create_offer(a->peer, now, &sdp), HF_OK);
    char *offer = strdup(sdp);
    cr_assert_eq(hf_peer_set_local_description(a->peer, now, HF_SDP_OFFER, NULL), HF_OK);
    cr_assert_eq(hf_peer_set_remote_description(b->peer, now, HF_SDP_OFFER, offer), HF_OK);
    free(offer);
    cr_assert_eq(hf_peer_create_answer(b->peer, now, &sdp), HF_OK);
    char *answer = strdup(sdp);
    cr_assert_eq(hf_peer_set_local_description(b->peer, now, HF_SDP_ANSWER, NULL), HF_OK);
    cr_assert_eq(hf_peer_set_remote_description(a->peer, now, HF_SDP_ANSWER, answer), HF_OK);
    free(answer);
}

static void expect_all_have(unsigned received)
{
    for (size_t i = 0; i < PEERS; i++) {
        cr_assert_neq(people[i].channel, 0, "peer %zu is not connected", i);
        cr_expect_eq(people[i].received, received, "peer %zu", i);
    }
}

Test(sim_crowd, fifty_connections_live_in_one_process)
{
    hf_engine *engine;
    hf_certificate *certificate;
    test_env_init(&env, 1);
    clock_set(now);
    cr_assert_eq(hf_engine_new(&engine, &env.env), HF_OK);
    cr_assert_eq(hf_certificate_new(&certificate, &env.env), HF_OK);
    size_t before = heap();
    for (size_t i = 0; i < PEERS; i++) {
        hf_peer_config config = {.engine = engine, .certificate = certificate};
        char text[32];
        people[i].other = &people[i ^ 1];
        snprintf(text, sizeof text, "10.0.%zu.%zu", i / 100, 1 + i % 100);
        cr_assert(hf_addr_parse(text, strlen(text), &people[i].addr));
        people[i].addr.port = 5000;
        cr_assert_eq(hf_peer_new(&people[i].peer, &config, &env.env), HF_OK);
    }
    for (size_t i = 0; i < PEERS; i += 2)
        connect_two(&people[i], &people[i + 1]);
    run(HF_SECONDS(4));
    expect_all_have(0);

    for (unsigned n = 0; n < MESSAGES; n++) {
        static const uint8_t bytes[1000];
        for (size_t i = 0; i < PEERS; i++)
            cr_assert_eq(hf_peer_send(people[i].peer, now, people[i].channel, HF_BINARY, bytes, sizeof bytes), HF_OK);
        run(HF_MS(10));
    }
    run(HF_SECONDS(4));
    expect_all_have(MESSAGES);
    size_t each = (heap() - before) / PEERS;
    printf("an idle end of a connection: %zu bytes of heap\n", each);
    cr_expect_leq(each, IDLE_BYTES_MAX, "%zu bytes", each);

    for (size_t i = 0; i < PEERS; i++)
        hf_peer_free(people[i].peer);
    while (deliver())
        ;
    hf_certificate_free(certificate);
    hf_engine_free(engine);
    cr_expect_eq(env.blocks, 0);
}
