/* seeds.c: a world made from a number: its network, its channels, what is said on them, when the path is cut and when ICE
 * restarts. In some of them no UDP passes, and streams break.
 *
 *     seeds FIRST COUNT
 *
 * runs that many worlds. What must hold: both sides connect; on reliable channels everything arrives once, in order where
 * ordered; on the others nothing arrives twice; the end is heard. A failing seed prints the line that runs it again. */
#include "runner.h"
#include "world.h"

#include <stdio.h>

#define CHANNELS_MAX 6
#define MESSAGES_MAX 150

typedef struct plan {
    hf_datachannel_config config[CHANNELS_MAX];
    char label[CHANNELS_MAX][16];
    uint64_t sent[CHANNELS_MAX][2]; /* by each side */
    size_t channels;
} plan;

static bool is_reliable(const hf_datachannel_config *config)
{
    return config->reliability == HF_RELIABLE;
}

static int wrong(const char *what, const char *label)
{
    printf("%s%s%s\n", what, label ? ": channel " : "", label ? label : "");
    return 1;
}

static sim_config weather(uint64_t seed)
{
    sim chooser = {.chance = seed * 31337 + 1};
    sim_config config = {.seed = seed};
    config.link.delay = HF_MS(sim_random(&chooser, 120));
    config.link.jitter = sim_random(&chooser, 3) == 0 ? HF_MS(1 + sim_random(&chooser, 60)) : 0;
    config.link.loss = sim_random(&chooser, 2) == 0 ? sim_random(&chooser, 200) : 0;
    config.link.duplicate = sim_random(&chooser, 3) == 0 ? sim_random(&chooser, 100) : 0;
    config.link.corrupt = sim_random(&chooser, 4) == 0 ? sim_random(&chooser, 50) : 0;
    config.signalling = HF_MS(sim_random(&chooser, 300));
    config.no_trickle = sim_random(&chooser, 4) == 0;
    config.ipv6 = sim_random(&chooser, 2) == 0;
    config.negotiate = true;
    if (sim_random(&chooser, 5) == 0) {
        config.tcp[sim_random(&chooser, 2)] = HF_ICE_TCP_LISTEN;
        config.piece_max = 1 + sim_random(&chooser, 3000);
    }
    return config;
}

static bool is_over_tcp(const sim_config *config)
{
    return config->piece_max > 0;
}

static bool blocks_udp(sim *s, int from, const hf_datagram *datagram)
{
    (void)s;
    (void)from;
    return datagram->path.transport == HF_UDP;
}

/* The path is cut for a while; a stream does not outlive that, and so it breaks. */
static void break_at_times(sim *s)
{
    bool breaks = sim_random(s, 25) == 0;
    if (breaks && is_over_tcp(&s->config))
        sim_reset_streams(s);
    s->link.cut = breaks && !is_over_tcp(&s->config);
    sim_run(s, s->now + (s->link.cut ? HF_SECONDS(1 + sim_random(s, 10)) : HF_MS(1 + sim_random(s, 200))), NULL);
    if (breaks) {
        s->link.cut = false;
        sim_run(s, s->now + HF_SECONDS(5), NULL);
    }
}

static void open_channels(sim *s, plan *p)
{
    p->channels = 1 + sim_random(s, CHANNELS_MAX);
    for (size_t i = 0; i < p->channels; i++) {
        hf_datachannel_config *config = &p->config[i];
        snprintf(p->label[i], sizeof p->label[i], "c%zu", i);
        config->label = p->label[i];
        config->unordered = sim_random(s, 2) == 0;
        if (i > 0 && sim_random(s, 3) == 0) {
            config->reliability = sim_random(s, 2) == 0 ? HF_MAX_RETRANSMITS : HF_MAX_LIFETIME;
            config->reliability_limit = (uint16_t)sim_random(s, config->reliability == HF_MAX_LIFETIME ? 500 : 3);
        }
        sim_open(&s->side[0], config);
    }
}

static int say_something(sim *s, plan *p)
{
    for (size_t i = 0; i < p->channels; i++) {
        for (int from = 0; from < 2; from++) {
            sim_channel *channel = sim_find(&s->side[from], p->label[i]);
            if (!channel || !channel->open || p->sent[i][from] >= MESSAGES_MAX || sim_random(s, 2) == 0)
                continue;
            size_t size = 8 + sim_random(s, sim_random(s, 10) == 0 ? 60000 : 800);
            hf_err err = sim_send_numbered(&s->side[from], channel, p->sent[i][from], size);
            if (err == HF_OK)
                p->sent[i][from]++;
            else if (err != HF_EAGAIN)
                return wrong("a send was refused", p->label[i]);
        }
    }
    return 0;
}

/* Either side, or both at once: the polite one gives way. */
static int restart_at_times(sim *s)
{
    for (int i = 0; i < 2; i++) {
        if (sim_random(s, 40) == 0 && hf_peer_restart_ice(s->side[i].peer, s->now) != HF_OK)
            return wrong("a restart was refused", NULL);
    }
    return 0;
}

static int check_channel(sim *s, plan *p, size_t i)
{
    for (int to = 0; to < 2; to++) {
        sim_channel *channel = sim_find(&s->side[to], p->label[i]);
        uint64_t sent = p->sent[i][1 - to];
        if (!channel)
            return wrong("it never opened", p->label[i]);
        if (channel->doubled > 0)
            return wrong("a message arrived twice", p->label[i]);
        if (is_reliable(&p->config[i]) && channel->messages != sent)
            return wrong("a message is missing", p->label[i]);
        if (is_reliable(&p->config[i]) && !p->config[i].unordered && channel->out_of_order > 0)
            return wrong("a message came out of order", p->label[i]);
    }
    return 0;
}

/* What whoever looks into a failure asks first. */
static void describe(const sim *s, const plan *p)
{
    for (size_t i = 0; i < p->channels; i++)
        printf("  %s: %s, reliability %d, limit %u, sent %llu and %llu\n", p->label[i],
               p->config[i].unordered ? "unordered" : "ordered", (int)p->config[i].reliability,
               p->config[i].reliability_limit, (unsigned long long)p->sent[i][0], (unsigned long long)p->sent[i][1]);
    printf("  over %s, at %.3f s: delay %d ms, jitter %d ms, loss %u, duplicate %u, corrupt %u\n",
           is_over_tcp(&s->config) ? "TCP" : "UDP", (double)s->now / 1e6, (int)(s->config.link.delay / 1000),
           (int)(s->config.link.jitter / 1000), s->config.link.loss, s->config.link.duplicate, s->config.link.corrupt);
    for (int i = 0; i < 2; i++) {
        const sim_side *side = &s->side[i];
        printf("  side %d: connection %s, ice %s, cause %s%s%s\n", i,
               hf_connection_state_name(hf_peer_connection_state(side->peer)),
               hf_ice_state_name(hf_peer_ice_connection_state(side->peer)), hf_err_name(side->failed_cause),
               side->remote_closed ? ", closed by the remote: " : "",
               side->remote_closed ? hf_err_name(side->remote_closed_cause) : "");
        for (size_t k = 0; k < side->channels_len; k++)
            printf("    %s: %llu messages received%s\n", side->channels[k].label,
                   (unsigned long long)side->channels[k].messages, side->channels[k].closed ? ", closed" : "");
    }
}

static int run(uint64_t seed)
{
    static sim s;
    static plan p;
    sim_config config = weather(seed);
    int failures = 0;

    sim_init(&s, &config);
    s.loses = is_over_tcp(&config) ? blocks_udp : NULL;
    s.link.corrupt = 0; /* a forged handshake ends in a refusal, as it must; later, what is damaged is dropped */
    open_channels(&s, &p);
    sim_connect(&s);
    if (!sim_run(&s, s.now + HF_SECONDS(60), sim_both_open)) {
        describe(&s, &p);
        return wrong("they did not connect", NULL);
    }
    s.link.corrupt = config.link.corrupt;
    for (int round = 0; round < 100 && failures == 0; round++) {
        failures += say_something(&s, &p) + restart_at_times(&s);
        break_at_times(&s);
    }
    s.link.loss /= 2;
    sim_run(&s, s.now + HF_SECONDS(200), NULL);
    for (size_t i = 0; i < p.channels && failures == 0; i++)
        failures += check_channel(&s, &p, i);
    if (failures > 0)
        describe(&s, &p);

    s.link = (sim_link){.delay = HF_MS(10)};
    int closer = (int)sim_random(&s, 2);
    hf_peer_close(s.side[closer].peer, s.now);
    sim_run(&s, s.now + HF_SECONDS(1), NULL);
    if (failures == 0 && !s.side[1 - closer].remote_closed)
        failures += wrong("the end was not heard", NULL);
    sim_clear(&s);
    if (failures == 0 && s.env[0].blocks + s.env[1].blocks > 0)
        failures += wrong("memory was not given back", NULL);
    return failures;
}

static bool is_well(uint64_t seed)
{
    return run(seed) == 0;
}

int main(int argc, char **argv)
{
    return sim_run_worlds(argc, argv, is_well);
}
