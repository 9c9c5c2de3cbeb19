/* loss.c: connecting through a network that loses, doubles and delays. */
#include "pair.h"

#include <bytes.h>
#include <dtls_priv.h>

#include <criterion/criterion.h>

static pair p; /* large; Criterion runs each test in a process of its own */

typedef struct misfortune {
    size_t at; /* the number of the datagram that it befalls */
    pair_fate what;
} misfortune;

static pair_fate befall_one(pair *self, const pair_datagram *datagram, size_t number)
{
    (void)datagram;
    const misfortune *m = self->context;
    return number == m->at ? m->what : PAIR_PASSES;
}

static void connect_with(pair_fate what, size_t mtu, size_t datagrams, hf_span limit)
{
    for (size_t at = 0; at < datagrams; at++) {
        misfortune m = {.at = at, .what = what};
        pair_init(&p, at);
        p.client_config.mtu = p.server_config.mtu = mtu;
        p.fate = befall_one;
        p.context = &m;
        pair_open(&p);
        cr_expect(pair_connect(&p, limit), "datagram %zu, mtu %zu", at, mtu);
        p.fate = NULL;
        pair_expect_conversation(&p);
        pair_clear(&p);
    }
}

/* 100 ms is the first timeout; the server's own may run out first and answer sooner. */
Test(dtls_loss, of_any_datagram_is_survived)
{
    connect_with(PAIR_IS_LOST, 0, 6, HF_MS(250));
}

Test(dtls_loss, of_any_datagram_is_survived_when_they_are_small)
{
    connect_with(PAIR_IS_LOST, 400, 14, HF_MS(400));
}

Test(dtls_loss, no_datagram_harms_when_it_comes_twice)
{
    connect_with(PAIR_COMES_TWICE, 400, 12, HF_MS(150));
}

Test(dtls_loss, no_datagram_harms_when_it_comes_late)
{
    connect_with(PAIR_COMES_LATE, 400, 12, HF_MS(250));
}

/* --- Each message ----------------------------------------------------------------------------------------------------- */

enum { ANY_FINISHED = 256, ANY_CHANGE_CIPHER_SPEC };

/* A message of the handshake and how often it is lost on its way. */
typedef struct loss {
    const char *name;
    bool of_client;
    int type; /* of the handshake message, or one of the two above */
    size_t times;
} loss;

static bool begins_with(const hf_record *record, int type)
{
    hf_reader r = hf_reader_of(record->body);
    hf_fragment fragment;
    if (record->type == HF_RECORD_CHANGE_CIPHER_SPEC)
        return type == ANY_CHANGE_CIPHER_SPEC;
    if (record->epoch > 0)
        return type == ANY_FINISHED;
    return hf_fragment_read(&r, &fragment) && fragment.type == type && fragment.offset == 0;
}

static pair_fate lose_message(pair *self, const pair_datagram *datagram, size_t number)
{
    loss *l = self->context;
    (void)number;
    hf_reader r = hf_reader_of((hf_bytes){.data = datagram->data, .len = datagram->len});
    hf_record record;
    while (l->times > 0 && (datagram->to == &self->server) == l->of_client && hf_record_read(&r, &record)) {
        if (begins_with(&record, l->type)) {
            l->times--;
            return PAIR_IS_LOST;
        }
    }
    return PAIR_PASSES;
}

/* As the peer does where ICE has measured the round trip. */
#define FIRST_TIMEOUT (3 * PAIR_DELAY + HF_MS(20))

/* RFC 6347 §4.2.4: whoever waits for the flight that is not whole sends its own again, after the first timeout, then after
 * twice that; and the flight that it waits for is sent again, when its sender sees that. */
Test(dtls_loss, of_any_message_costs_no_more_than_the_timers_that_ran)
{
    static const loss messages[] = {
        {"ClientHello", true, 1, 0},          {"ServerHello", false, 2, 0},
        {"Certificate", false, 11, 0},        {"ServerKeyExchange", false, 12, 0},
        {"CertificateRequest", false, 13, 0}, {"ServerHelloDone", false, 14, 0},
        {"Certificate", true, 11, 0},         {"ClientKeyExchange", true, 16, 0},
        {"CertificateVerify", true, 15, 0},   {"ChangeCipherSpec", true, ANY_CHANGE_CIPHER_SPEC, 0},
        {"Finished", true, ANY_FINISHED, 0},  {"ChangeCipherSpec", false, ANY_CHANGE_CIPHER_SPEC, 0},
        {"Finished", false, ANY_FINISHED, 0},
    };
    static const size_t mtus[] = {0, 600, 256};
    for (size_t m = 0; m < 3; m++) {
        for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
            for (size_t times = 1; times <= 4; times++) {
                loss l = messages[i];
                l.times = times;
                pair_init(&p, i);
                p.client_config.mtu = p.server_config.mtu = mtus[m];
                p.client_config.first_timeout = p.server_config.first_timeout = FIRST_TIMEOUT;
                p.fate = lose_message;
                p.context = &l;
                pair_open(&p);
                hf_time start = p.now;
                cr_expect(pair_connect(&p, HF_SECONDS(30)), "%s", l.name);
                cr_expect_eq(l.times, 0, "%s was never sent", l.name);
                hf_span timers = FIRST_TIMEOUT * ((1 << times) - 1), took = p.now - start;
                cr_expect_leq(took, 4 * PAIR_DELAY + timers, "%s of the %s, mtu %zu, lost %zu times: %lld us", l.name,
                              l.of_client ? "client" : "server", mtus[m], times, (long long)took);
                pair_expect_conversation(&p);
                pair_clear(&p);
            }
        }
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static pair_fate lose_half(pair *self, const pair_datagram *datagram, size_t number)
{
    (void)datagram, (void)number;
    return next_random(self->context) >> 32 & 1 ? PAIR_IS_LOST : PAIR_PASSES;
}

static pair_fate mix(pair *self, const pair_datagram *datagram, size_t number)
{
    (void)datagram, (void)number;
    return (pair_fate)(next_random(self->context) >> 32 & 3);
}

static void connect_with_seeds(pair_fate (*fate)(pair *, const pair_datagram *, size_t), int seeds, hf_span limit)
{
    for (int seed = 1; seed <= seeds; seed++) {
        uint64_t state = (uint64_t)seed * 0x9E3779B97F4A7C15u;
        pair_init(&p, (uint64_t)seed);
        p.fate = fate;
        p.context = &state;
        pair_open(&p);
        cr_expect(pair_connect(&p, limit), "seed %d", seed);
        pair_clear(&p);
    }
}

Test(dtls_loss, of_half_of_all_datagrams_is_survived)
{
    connect_with_seeds(lose_half, 60, HF_SECONDS(60));
}

Test(dtls_loss, duplication_and_reordering_together_are_survived)
{
    connect_with_seeds(mix, 60, HF_SECONDS(30));
}

static pair_fate lose_all(pair *self, const pair_datagram *datagram, size_t number)
{
    (void)self, (void)datagram, (void)number;
    return PAIR_IS_LOST;
}

Test(dtls_loss, of_everything_doubles_the_timer_up_to_a_limit_and_ends_it)
{
    pair_init(&p, 6);
    p.fate = lose_all;
    p.client_config.first_timeout = HF_MS(40);
    pair_open(&p);
    hf_dtls_start(p.client.dtls, p.now);
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), p.now + HF_MS(40));
    pair_run(&p, HF_MS(40));
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), p.now + HF_MS(80));
    cr_expect_eq(p.client.sent, 2);
    pair_run(&p, HF_SECONDS(50));
    cr_expect_not(p.client.failed);
    cr_expect_leq(hf_dtls_deadline(p.client.dtls), p.now + HF_SECONDS(3), "never more than three seconds");
    pair_run(&p, HF_SECONDS(20));
    cr_expect(p.client.failed);
    cr_expect_eq(p.client.cause, HF_ETIMEDOUT);
    cr_expect_eq(p.client.sent, 24);
    pair_clear(&p);
}

/* --- Nobody takes what there is to send ------------------------------------------------------------------------------ */

static size_t take_all(pair_end *end)
{
    size_t before = end->sent;
    pair_drain(&p, end);
    return end->sent - before;
}

Test(dtls_loss, of_a_route_does_not_pile_up_flights)
{
    pair_init(&p, 7);
    p.client_config.mtu = p.server_config.mtu = 300;
    pair_open(&p);
    hf_dtls_start(p.server.dtls, p.now);
    hf_dtls_start(p.client.dtls, p.now);
    size_t hello = take_all(&p.client);
    cr_assert_eq(p.flying_len, hello);
    for (size_t i = 0; i < hello; i++)
        pair_give(&p, &p.server, p.flying[i]->data, p.flying[i]->len);
    for (int i = 0; i < 6; i++) {
        p.now += HF_SECONDS(4);
        hf_dtls_tick(p.client.dtls, p.now);
        hf_dtls_tick(p.server.dtls, p.now);
    }
    cr_expect_eq(take_all(&p.client), hello);
    size_t flight = take_all(&p.server);
    cr_expect(flight >= 3 && flight <= 6, "%zu datagrams of some 300 bytes are one flight", flight);
    cr_expect(pair_connect(&p, HF_SECONDS(10)));
    pair_clear(&p);
}

/* --- Outages ---------------------------------------------------------------------------------------------------------- */

/* With the timers at their longest: how long after the path's return are both connected? */
static hf_span connect_after_outage(bool kicks)
{
    pair_init(&p, 5);
    p.fate = lose_all;
    pair_open(&p);
    cr_assert_not(pair_connect(&p, HF_SECONDS(7)));
    size_t sent = p.number;
    while (p.number == sent)
        pair_run(&p, HF_MS(1));
    pair_run(&p, HF_MS(200));
    p.fate = NULL;
    hf_time back = p.now;
    if (kicks) {
        hf_dtls_kick(p.client.dtls, p.now);
        hf_dtls_kick(p.server.dtls, p.now);
    }
    while (!(p.client.connected && p.server.connected) && p.now < back + HF_SECONDS(4))
        pair_run(&p, HF_MS(1));
    hf_span span = p.now - back;
    pair_expect_conversation(&p);
    pair_clear(&p);
    return span;
}

Test(dtls_loss, of_everything_is_over_as_soon_as_it_is_told)
{
    cr_expect_gt(connect_after_outage(false), HF_SECONDS(1), "or else this shows nothing");
    cr_expect_leq(connect_after_outage(true), HF_MS(150));
}

Test(dtls_loss, that_has_only_begun_is_no_reason_to_repeat)
{
    pair_init(&p, 6);
    p.fate = lose_all;
    pair_open(&p);
    cr_assert_not(pair_connect(&p, HF_MS(20)));
    size_t sent = p.number;
    hf_dtls_kick(p.client.dtls, p.now);
    pair_run(&p, HF_MS(10));
    cr_expect_eq(p.number, sent);
    pair_clear(&p);
}
