/* pair.c: see pair.h. */
#include "pair.h"

#include <bytes.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static hf_dtls_config config_of(hf_dtls_role role, const pair_end *own, const pair_end *remote)
{
    return (hf_dtls_config){
        .role = role, .certificate = own->certificate, .fingerprints = &remote->fingerprint, .fingerprints_len = 1};
}

void pair_init(pair *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    test_env_init(&p->env, seed);
    p->now = HF_SECONDS(1000);
    for (int i = 0; i < 2; i++) {
        pair_end *end = i == 0 ? &p->client : &p->server;
        cr_assert_eq(hf_certificate_new(&end->certificate, &p->env.env), HF_OK);
        cr_assert_eq(hf_certificate_fingerprint(end->certificate, HF_SHA256, &end->fingerprint), HF_OK);
    }
    p->client_config = config_of(HF_DTLS_CLIENT, &p->client, &p->server);
    p->server_config = config_of(HF_DTLS_SERVER, &p->server, &p->client);
}

void pair_open(pair *p)
{
    cr_assert_eq(hf_dtls_new(&p->client.dtls, &p->client_config, &p->env.env), HF_OK);
    cr_assert_eq(hf_dtls_new(&p->server.dtls, &p->server_config, &p->env.env), HF_OK);
}

void pair_clear(pair *p)
{
    for (size_t i = 0; i < p->flying_len; i++)
        free(p->flying[i]);
    hf_dtls_free(p->client.dtls);
    hf_dtls_free(p->server.dtls);
    hf_certificate_free(p->client.certificate);
    hf_certificate_free(p->server.certificate);
    cr_expect_eq(p->env.blocks, 0, "%zu blocks leak", p->env.blocks);
}

static void fly(pair *p, pair_end *to, const uint8_t *data, size_t len, hf_span delay)
{
    cr_assert(p->flying_len < PAIR_FLYING_MAX && len <= HF_DATAGRAM_MAX);
    pair_datagram *datagram = malloc(sizeof *datagram);
    cr_assert(datagram);
    *datagram = (pair_datagram){.to = to, .due = p->now + delay, .len = len};
    memcpy(datagram->data, data, len);
    p->flying[p->flying_len++] = datagram;
}

void pair_inject(pair *p, pair_end *to, const void *data, size_t len)
{
    fly(p, to, data, len, 0);
}

static void send_one(pair *p, pair_end *from, const uint8_t *data, size_t len)
{
    pair_end *to = from == &p->client ? &p->server : &p->client;
    pair_datagram datagram = {.to = to, .len = len};
    memcpy(datagram.data, data, len);
    pair_fate fate = p->fate ? p->fate(p, &datagram, p->number) : PAIR_PASSES;
    p->number++;
    from->sent++;
    switch (fate) {
    case PAIR_COMES_TWICE:
        fly(p, to, datagram.data, datagram.len, PAIR_DELAY);
        fly(p, to, datagram.data, datagram.len, PAIR_DELAY + HF_MS(3));
        break;
    case PAIR_PASSES:
        fly(p, to, datagram.data, datagram.len, PAIR_DELAY);
        break;
    case PAIR_COMES_LATE:
        fly(p, to, datagram.data, datagram.len, 3 * PAIR_DELAY);
        break;
    case PAIR_IS_LOST:
        break;
    }
}

static void send_run(pair *p, pair_end *from, const hf_transmit *run)
{
    for (size_t at = 0; at < run->len; at += run->segment)
        send_one(p, from, run->buffer + at, run->len - at < run->segment ? run->len - at : run->segment);
}

static void see_events(pair *p, pair_end *end)
{
    hf_dtls_event event;
    while (hf_dtls_poll_event(end->dtls, &event)) {
        cr_expect_not(end->failed || end->closed, "nothing follows an end");
        switch (event.type) {
        case HF_DTLS_CONNECTED:
            cr_expect_not(end->connected);
            end->connected = true;
            end->connected_at = p->now;
            break;
        case HF_DTLS_FAILED:
            end->failed = true;
            end->cause = event.cause;
            break;
        case HF_DTLS_CLOSED:
            end->closed = true;
            break;
        }
    }
}

void pair_drain(pair *p, pair_end *end)
{
    uint8_t buffer[8192];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    while (hf_dtls_poll_transmit(end->dtls, p->now, NULL, &out)) {
        cr_assert(out.len > 0 && out.segment > 0 && out.len <= out.cap);
        send_run(p, end, &out);
    }
    see_events(p, end);
}

bool pair_send(pair *p, pair_end *end, const char *text)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit out = {.buffer = buffer, .cap = sizeof buffer};
    hf_bytes packet = hf_bytes_of_text(text);
    if (hf_dtls_seal(end->dtls, &packet, 1, NULL, &out) != 1)
        return false;
    send_run(p, end, &out);
    return true;
}

size_t pair_give(pair *p, pair_end *end, const void *data, size_t len)
{
    uint8_t *memory = malloc(len > 0 ? len : 1); /* of exactly that length, so that ASan sees each overrun */
    cr_assert(memory);
    memcpy(memory, data, len);
    hf_datagram datagram = {.data = memory, .len = len};
    hf_bytes packets[80];
    size_t n = hf_dtls_input(end->dtls, p->now, &datagram, 1, packets, sizeof packets / sizeof packets[0]);
    for (size_t i = 0; i < n; i++) {
        cr_assert(packets[i].len <= sizeof end->last);
        memcpy(end->last, packets[i].data, packets[i].len);
        end->last_len = packets[i].len;
        cr_expect(end->connected || hf_dtls_cipher(end->dtls)[0] != '\0', "no data before the handshake is done");
    }
    end->packets += n;
    free(memory);
    see_events(p, end);
    return n;
}

static hf_time next_moment(const pair *p, hf_time end)
{
    hf_time moments[] = {hf_dtls_deadline(p->client.dtls), hf_dtls_deadline(p->server.dtls)};
    hf_time next = end;
    for (size_t i = 0; i < 2; i++)
        next = moments[i] < next ? moments[i] : next;
    for (size_t i = 0; i < p->flying_len; i++)
        next = p->flying[i]->due < next ? p->flying[i]->due : next;
    return next > p->now ? next : p->now;
}

static void deliver(pair *p)
{
    for (size_t i = 0; i < p->flying_len;) {
        pair_datagram *datagram = p->flying[i];
        if (datagram->due > p->now) {
            i++;
            continue;
        }
        p->flying_len--;
        memmove(&p->flying[i], &p->flying[i + 1], (p->flying_len - i) * sizeof p->flying[0]);
        pair_give(p, datagram->to, datagram->data, datagram->len);
        free(datagram);
    }
}

static void step(pair *p, hf_time end)
{
    p->now = next_moment(p, end);
    deliver(p);
    for (int i = 0; i < 2; i++) {
        pair_end *side = i == 0 ? &p->client : &p->server;
        if (hf_dtls_deadline(side->dtls) <= p->now) {
            hf_dtls_tick(side->dtls, p->now);
            cr_assert(hf_dtls_deadline(side->dtls) > p->now, "a tick serves its deadline");
        }
        pair_drain(p, side);
    }
}

void pair_run(pair *p, hf_span length)
{
    hf_time end = p->now + length;
    pair_drain(p, &p->client);
    pair_drain(p, &p->server);
    while (p->now < end)
        step(p, end);
}

static bool is_over(const pair_end *end)
{
    return end->failed || end->closed;
}

bool pair_connect(pair *p, hf_span limit)
{
    hf_time end = p->now + limit;
    hf_dtls_start(p->server.dtls, p->now);
    hf_dtls_start(p->client.dtls, p->now);
    pair_drain(p, &p->client);
    pair_drain(p, &p->server);
    while (p->now < end && !(p->client.connected && p->server.connected) && !(is_over(&p->client) && is_over(&p->server)))
        step(p, end);
    return p->client.connected && p->server.connected;
}

void pair_expect_conversation(pair *p)
{
    size_t to_client = p->client.packets, to_server = p->server.packets;
    cr_assert(pair_send(p, &p->client, "from the client"));
    cr_assert(pair_send(p, &p->server, "from the server"));
    pair_run(p, HF_SECONDS(1));
    cr_expect_eq(p->client.packets, to_client + 1);
    cr_expect_eq(p->server.packets, to_server + 1);
    cr_expect_arr_eq(p->server.last, "from the client", 15);
    cr_expect_arr_eq(p->client.last, "from the server", 15);
}
